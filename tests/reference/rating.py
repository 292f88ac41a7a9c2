#!/usr/bin/env python3
"""Agreement of the two made-up raters of the tests of blinded rating, by the reference packages.

    python3 -m venv env
    env/bin/pip install numpy==2.4.6 pandas==3.1.1 pingouin==0.7.0 scikit-learn==1.9.1 krippendorff==0.9.0
    env/bin/python tests/reference/rating.py

The values stand in crates/eval/src/rating/tests/reporting.rs and tests/program/screen/rating.rs.
"""

import krippendorff
import numpy as np
import pandas as pd
import pingouin
from sklearn.metrics import cohen_kappa_score

# Three systems on four items.
ANNA = [[8, 7, 9, 6], [3, 4, 2, 5], [10, 8, 7, 7]]
BOB = [[7, 7, 8, 5], [4, 2, 2, 6], [9, 9, 6, 8]]


def main():
    anna, bob = np.array(ANNA).ravel(), np.array(BOB).ravel()
    table = pd.DataFrame(
        {
            "answer": list(range(len(anna))) * 2,
            "rater": ["anna"] * len(anna) + ["bob"] * len(bob),
            "points": np.concatenate([anna, bob]).astype(float),
        }
    )
    icc = pingouin.intraclass_corr(table, targets="answer", raters="rater", ratings="points")
    icc = icc.set_index("Type")["ICC"]
    print("ICC(2,1)", f"{icc['ICC(A,1)']:.6f}")
    print("ICC(2,k)", f"{icc['ICC(A,k)']:.6f}")
    kappa = cohen_kappa_score(anna, bob, weights="quadratic", labels=range(11))
    print("weighted kappa", f"{kappa:.9f}")
    data = np.array([anna, bob], dtype=float)
    alpha = krippendorff.alpha(data, level_of_measurement="interval")
    print("Krippendorff's alpha", f"{alpha:.9f}")


if __name__ == "__main__":
    main()
