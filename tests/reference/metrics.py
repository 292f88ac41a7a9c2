#!/usr/bin/env python3
"""Golden values of the metrics: what the reference implementations make of odd inputs.

    (environment: requirements-metrics.txt)
    env/bin/python tests/reference/metrics.py CHECKOUTS crates/metrics/tests/golden

CHECKOUTS holds the scorers that no package ships, as published on GitHub; their own functions are run:

LLaVA-Med      microsoft/LLaVA-Med at b9a98a7 (before llava/eval was removed)
MedEvalKit     alibaba-damo-academy/MedEvalKit at 9b12e3b
VL-ICL         ys-zong/VL-ICL at 2b77eee
VQA-Med-2021   abachaa/VQA-Med-2021 at ffa0e6c
smmile         eth-medical-ai-lab/smmile at ab004d2

Writes text.json, overlap.json, published.json, choice.json, statistics.json and agreement.json. The other file of that folder
is by metrics_bert_score.py.
"""

import ast
import collections
import difflib
import importlib.util
import json
import math
import random
import re
import site
import string
import sys
import types
import warnings
from pathlib import Path

import krippendorff
import nltk
import numpy as np
import pandas as pd
import pingouin
import scipy.stats
import sklearn.calibration
import sklearn.metrics
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu, sentence_bleu
from pycocoevalcap.cider.cider_scorer import CiderScorer
from rouge_score import rouge_scorer
from statsmodels.stats.contingency_tables import mcnemar

warnings.simplefilter("ignore")

ANSWERS = [
    "",
    " ",
    ".",
    "yes",
    "Yes.",
    "No, it is normal.",
    "No acute cardiopulmonary abnormality",
    "yes and no",
    "left",
    "Left lung",
    "lung lung lung",
    "The left lower lobe of the lung.",
    "left lower lobe",
    "the the the the",
    "right-sided pleural effusion",
    "Right sided  pleural\teffusion\n",
    "x-ray",
    "X ray!",
    "5 cm",
    "5.5 cm x 3.2 cm.",
    "1,000 cells/µl, raised",
    "three nodules",
    "3",
    "none",
    "dont know",
    "it isnt a fracture",
    "couldnt've been an effusion",
    "somebody'd know; whats that?",
    "an apple. a day .. keeps 3.14 and .5 apart",
    "“Quoted” — dashes…",
    "Œdème pulmonaire aigu",
    "ΟΔΟΣ İstanbul ẞ",
    "naïve café résumé",
    "胸部X線写真",
    "🫁 lungs 🫁",
    "\u00a0non\u2003breaking\u3000blanks\u001cseparators\u001d",
    "Answer: pneumothorax\nBecause the lung edge is visible.",
    "pneumothorax. Because.",
    ".pneumothorax. Because",
    "PNEUMOTHORAX",
    "1.\n2.",
    "a",
    "A (chest film)",
    "cannot say, gonna guess",
    "abnormal",
    "the cat sat on the mat with the other cat",
    "on the mat sat the cat",
    "a b c d e f g",
    "g f e d c b a",
    "." * 40 + "end.",
    't1-weighted / t2-weighted (mri) [axial] "flair"',
    "hemorrhage, infarct, and edema",
    "Short axis view, Question: what",
]


def functions_of(path, names, namespace):
    """Runs the definitions of these names, and nothing else, of a published file."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
            exec(compile(ast.Module([node], []), str(path), "exec"), namespace)
    return namespace


def vqa_evaluation():
    for packages in site.getsitepackages():
        path = Path(packages) / "open_flamingo/eval/vqa_metric.py"
        if path.exists():
            spec = importlib.util.spec_from_file_location("vqa_metric", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    sys.exit("open_flamingo is not installed")


def vqa_accuracy(module, answer, annotators):
    """The evaluation of one question, whole."""
    annotations = [{"answer": said, "answer_id": i + 1} for i, said in enumerate(annotators)]
    truth = types.SimpleNamespace(qa={0: {"answers": annotations, "question_type": "none"}})
    result = types.SimpleNamespace(qa={0: {"answer": answer}}, getQuesIds=lambda: [0])
    evaluation = module.VQAEval(truth, result, n=15)
    evaluation.updateProgress = lambda progress: None
    evaluation.setEvalQA = lambda question, accuracy: setattr(evaluation, "found", accuracy)
    stdout, sys.stdout = sys.stdout, open("/dev/null", "w")
    evaluation.evaluate()
    sys.stdout = stdout
    return evaluation.found


def text(checkouts):
    smmile = functions_of(
        checkouts / "smmile/inference_and_evaluation/evaluate_EM.py", {"normalize_answer"}, {"re": re, "string": string}
    )
    vl_icl = functions_of(checkouts / "VL-ICL/evals/eval.py", {"exact_match"}, {"re": re, "np": np})
    module = vqa_evaluation()
    evaluation = module.VQAEval(None, None)

    def vqa(answer):
        answer = answer.replace("\n", " ").replace("\t", " ").strip()
        return evaluation.processDigitArticle(evaluation.processPunctuation(answer))

    pairs = []
    for answer in ANSWERS:
        references = {answer, answer.lower(), "pneumothorax", "yes", "1", "Answer: pneumothorax"}
        pairs += [
            {
                "answer": answer,
                "reference": reference,
                "plain": smmile["normalize_answer"](answer) == smmile["normalize_answer"](reference),
                "vqa": vqa(answer) == vqa(reference),
                "vl-icl": bool(vl_icl["exact_match"]([{"prediction": answer, "answer": reference}], "open_mi")),
                "raw": answer == reference,
            }
            for reference in sorted(references)
        ]

    annotators = [
        ["yes"] * 10,
        ["yes"] * 3 + ["no"] * 7,
        ["Yes."] + ["no"] * 9,
        ["yes", "yes", "no", "maybe", "3", "three", "none", "0", "zero", "left lung"],
        ["the left lung", "left lung", "Left  lung", "lung", "a lung", "lungs", "left-lung", "left", "left", "chest"],
        ["yes"],
        ["yes", "yes"],
        ["x-ray", "x ray", "xray", "X-ray.", "x - ray"],
    ]
    contraction_words = sorted(
        {word for pair in evaluation.contractions.items() for word in pair} | {"shes", "ive", "im", "id", "cant", "wed"}
    )
    return {
        "forms": [{"text": answer, "plain": smmile["normalize_answer"](answer), "vqa": vqa(answer)} for answer in ANSWERS],
        "words": [{"word": word, "vqa": evaluation.processDigitArticle(word)} for word in contraction_words],
        "exact": pairs,
        "soft": [
            {"answer": answer, "annotators": said, "accuracy": vqa_accuracy(module, answer, said)}
            for said in annotators
            for answer in ["yes", "Yes!", "no", "left lung", "the left lung.", "0", "three", "x-ray", ""]
        ],
        "first": [{"text": answer, "first": module.postprocess_vqa_generation(answer)} for answer in ANSWERS],
    }


WEIGHTS = {"1": (1,), "2": (0.5, 0.5), "3": (1 / 3,) * 3, "4": (0.25,) * 4, "only-2": (0, 1, 0, 0)}
SMOOTHING = {"none": None, "epsilon": SmoothingFunction().method1}


def bleu_scores(references, hypothesis, corpus=False):
    score = corpus_bleu if corpus else sentence_bleu
    return {
        f"{order} {smoothing}": float(score(references, hypothesis, weights=weights, smoothing_function=function))
        for order, weights in WEIGHTS.items()
        for smoothing, function in SMOOTHING.items()
    }


def token_overlap(answer, reference):
    if not answer or not reference:
        same = float(answer == reference)
        return [same, same, same]
    common = sum((collections.Counter(answer) & collections.Counter(reference)).values())
    precision, recall = common / len(answer), common / len(reference)
    return [precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0]


class PlainCider(CiderScorer):
    """CIDEr without the D: the cosine itself, over the package's own counts."""

    def compute_cider(self):
        items = math.log(len(self.crefs))

        def vectors(counts):
            return [
                {
                    run: count * (items - math.log(max(1.0, self.document_frequency[run])))
                    for run, count in counts.items()
                    if len(run) == n
                }
                for n in range(1, self.n + 1)
            ]

        def cosine(a, b):
            lengths = math.sqrt(sum(x * x for x in a.values())) * math.sqrt(sum(x * x for x in b.values()))
            return sum(a[run] * b[run] for run in a if run in b) / lengths if lengths else 0.0

        return [
            10 * np.mean([np.mean([cosine(a, b) for a, b in zip(vectors(test), vectors(ref))]) for ref in refs])
            for test, refs in zip(self.ctest, self.crefs)
        ]


def cider(scorer, items):
    scorer = scorer(n=4, sigma=6.0)
    for answer, references in items:
        scorer += (answer, references)
    return [float(score) for score in scorer.compute_score()[1]]


def overlap(rng):
    pairs = [(answer, reference) for answer in ANSWERS for reference in rng.sample(ANSWERS, 2)] + [
        (answer, answer) for answer in ANSWERS
    ]
    rouge = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    cases = []
    for answer, reference in pairs:
        scores = rouge.score(reference, answer)
        cases.append(
            {
                "answer": answer,
                "reference": reference,
                "tokens": token_overlap(answer.split(), reference.split()),
                "characters": token_overlap(list(answer), list(reference)),
                "bleu words": bleu_scores([reference.split()], answer.split()),
                "bleu characters": bleu_scores([list(reference)], list(answer)),
                **{name: [scores[name].precision, scores[name].recall, scores[name].fmeasure] for name in scores},
            }
        )
    several = []
    for answer in ANSWERS:
        references = rng.sample(ANSWERS, 3) + ["the left lung", "the cat sat"]
        best = rouge.score_multi(references, answer)["rougeL"]
        several.append(
            {
                "answer": answer,
                "references": references,
                "bleu": bleu_scores([reference.split() for reference in references], answer.split()),
                "rougeL": [best.precision, best.recall, best.fmeasure],
            }
        )
    corpora = []
    for size in (1, 2, 7, 20):
        items = [(rng.choice(ANSWERS), rng.sample(ANSWERS, rng.randint(1, 3))) for _ in range(size)]
        items[0] = (
            "the cat sat on the mat with the other cat",
            ["the cat sat on the mat", "a cat sat on the mat with another cat"],
        )
        corpora.append(
            {
                "items": [{"answer": answer, "references": references} for answer, references in items],
                "bleu": bleu_scores(
                    [[r.split() for r in references] for _, references in items],
                    [answer.split() for answer, _ in items],
                    corpus=True,
                ),
                "cider-d": cider(CiderScorer, items),
                "cider": cider(PlainCider, items),
            }
        )
    return {"pairs": cases, "several": several, "corpora": corpora}


def published(checkouts, rng):
    sys.path.insert(0, str(checkouts / "LLaVA-Med/llava/eval"))
    from eval_metrics import evaluate_metrics as llava

    kit = functions_of(
        checkouts / "MedEvalKit/utils/utils.py",
        {"calculate_f1", "judge_judgement", "parse_response", "bleu", "tokenize", "extract", "get_content_between_a_b"},
        {"sentence_bleu": sentence_bleu},
    )
    vqa_med = functions_of(
        checkouts / "VQA-Med-2021/EvaluationCode/VQA-Med-2021--VQA--Evaluator.py",
        {"calc_single_blue_score"},
        {"nltk": nltk, "SmoothingFunction": SmoothingFunction},
    )["calc_single_blue_score"]
    # Its word_tokenize wants data that is downloaded, for the sentences; there is one sentence, as full stops are gone.
    nltk.tokenize.word_tokenize = nltk.tokenize.destructive.NLTKWordTokenizer().tokenize

    class AsDocumented:
        case_sensitive = False
        remove_stopwords = False
        stemming = False

    def bleu_of_vqa_med(answer, references):
        translator = str.maketrans("", "", string.punctuation)
        return max(
            float(vqa_med(AsDocumented(), answer, reference, None, translator, None, None)) for reference in references.split("|")
        )

    def closed(answer, reference):
        """The branch for closed questions of run_eval.py: of the release, and after "fix closed accuracy calculation"."""
        if "yes" in answer or "no" in answer:
            return (True, True) if reference in answer else (None, False)
        return False, False

    candidates = ["left lung", "right lung", "yes", "no", "pneumothorax", "the cat", "3 nodules", "lung"]
    pairs = [(answer, reference) for answer in ANSWERS for reference in rng.sample(ANSWERS, 2)]
    pairs += [(answer, reference) for answer in ANSWERS for reference in ("yes", "no", "left lung", "3", "normal")]
    cases = []
    for answer, reference in pairs:
        a, r = llava.normalize_word(answer.lower()), llava.normalize_word(reference.lower())
        f1, precision, recall = llava.calculate_f1score(a, r)
        release, repaired = closed(a, r)
        overlap_of_kit = kit["calculate_f1"](answer, reference)
        cases.append(
            {
                "answer": answer,
                "reference": reference,
                "llava form": a,
                "llava open": [precision, recall, f1],
                "llava exact": float(llava.calculate_exactmatch(a, r)),
                "llava nearest": bool(llava.calculate_appearance_with_normalization(a, r, {"0": candidates})),
                "llava closed release": release,
                "llava closed repaired": repaired,
                # What its caller takes for precision, recall, f1.
                "kit open": list(overlap_of_kit) if overlap_of_kit != 0 else None,
                "kit closed": bool(kit["judge_judgement"](reference, answer)),
                "kit bleu1": float(kit["bleu"](answer, reference, 1)),
                "vqa-med bleu": bleu_of_vqa_med(answer, reference),
            }
        )
    return {
        "candidates": candidates,
        "cases": cases,
        "vqa-med several": [
            {"answer": answer, "references": references, "bleu": bleu_of_vqa_med(answer, references)}
            for answer in ANSWERS
            for references in [
                "left lung|the left lower lobe of the lung",
                "the cat sat on the mat with the other cat|",
                "a|b|cannot say gonna guess",
            ]
        ],
    }


def choice(rng):
    def ratio(a, b):
        return difflib.SequenceMatcher(None, a, b).ratio()

    pairs = [(a, b) for a in ANSWERS for b in rng.sample(ANSWERS, 4)]
    for _ in range(40):
        alphabet = rng.choice(["ab", "abc ", "abcdefgh "])
        pairs.append(tuple("".join(rng.choices(alphabet, k=rng.randint(0, 30))) for _ in range(2)))
    # From 200 characters on, frequent characters start no block.
    words = "the lung shows an opacity in its left lower lobe with effusion and zoster quaint jab 0123456789 XYZ".split()
    for length in (199, 200, 201, 260):
        b = "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.;:-_ äöüß", k=length))
        pairs += [(b[::-1], b), (b[20:90] + b[5:50], b), ("short " + b[:9], b), (b, "short " + b[:9])]
        b = " ".join(rng.choices(words, k=80))[:length]
        pairs += [(" ".join(rng.choices(words, k=12)), b), (b, " ".join(rng.choices(words, k=12))), (b[3:], b)]

    def nearest(prediction, options):
        best, most = None, 0
        for index, option in enumerate(options):
            score = ratio(option, prediction)
            if score > most:
                best, most = index, score
        return best

    questions = []
    for _ in range(60):
        options = [f" {letter}:{rng.choice(ANSWERS[3:40])}" for letter in "ABCD"]
        generated = rng.choice(
            [rng.choice(ANSWERS), rng.choice("ABCD"), "The Answer is: " + rng.choice("ABCD"), rng.choice(options), ""]
        )
        questions.append(
            {
                "generated": generated,
                "options": options,
                "nearest": nearest(generated, options),
                "medvint": nearest(generated[-1:], options),
            }
        )
    return {"ratios": [{"a": a, "b": b, "ratio": ratio(a, b)} for a, b in pairs], "questions": questions}


def statistics():
    draws = np.random.default_rng(16)
    tables = [(0, 1), (1, 0), (5, 5), (3, 9), (0, 12), (10, 25), (100, 140), (700, 640), (2000, 2100)]
    tests = []
    for first, second in tables:
        fewer, n = min(first, second), first + second
        tests.append(
            {
                "first": first,
                "second": second,
                "p": float(mcnemar([[3, first], [second, 4]], exact=True).pvalue),
                "mid_p": min(1.0, float(2 * scipy.stats.binom.cdf(fewer, n, 0.5) - scipy.stats.binom.pmf(fewer, n, 0.5))),
            }
        )

    calibrations = []
    for n, bins in ((1, 10), (50, 10), (200, 15), (200, 5)):
        confidences = draws.beta(2, 1, n).round(6)
        if n > 1:
            confidences[:3] = [0.0, 1.0, 0.35]
        correct = draws.random(n) < confidences**2
        # By the same rule of the bins as scikit-learn's calibration_curve, which leaves out the empty ones.
        number = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidences)
        rows = []
        for i in range(bins):
            inside = number == i
            rows.append(
                [
                    int(inside.sum()),
                    float(confidences[inside].mean()) if inside.any() else None,
                    float(correct[inside].mean()) if inside.any() else None,
                ]
            )
        if 0 < correct.sum() < n:
            accuracy, confidence = sklearn.calibration.calibration_curve(correct, confidences, n_bins=bins)
            assert np.allclose(accuracy, [row[2] for row in rows if row[0]]) and np.allclose(
                confidence, [row[1] for row in rows if row[0]]
            )
        gaps = [(row[0], abs(row[1] - row[2])) for row in rows if row[0]]
        calibrations.append(
            {
                "confidences": confidences.tolist(),
                "correct": correct.tolist(),
                "bins": rows,
                "ece": sum(count * gap for count, gap in gaps) / n,
                "mce": max(gap for _, gap in gaps),
                "brier": float(sklearn.metrics.brier_score_loss(correct, confidences, labels=[False, True])),
            }
        )

    values = draws.beta(1, 2, 80).round(4)
    plain = scipy.stats.bootstrap((values,), np.mean, n_resamples=50_000, method="percentile", rng=draws).confidence_interval
    clusters = np.sort(draws.integers(0, 12, 80))
    clustered_values = (values * 0.3 + draws.random(12)[clusters]).round(4)
    groups = [clustered_values[clusters == cluster] for cluster in np.unique(clusters)]
    means = [np.concatenate([groups[i] for i in draws.integers(0, len(groups), len(groups))]).mean() for _ in range(50_000)]
    other = (values + draws.normal(0.03, 0.1, 80)).round(4)
    paired = scipy.stats.bootstrap(
        (values - other,), np.mean, n_resamples=50_000, method="percentile", rng=draws
    ).confidence_interval
    quantiles = draws.normal(size=23).round(5)
    return {
        "mcnemar": tests,
        "calibration": calibrations,
        "bootstrap": {
            "values": values.tolist(),
            "interval": [float(values.mean()), float(plain.low), float(plain.high)],
            "clusters": clusters.tolist(),
            "clustered values": clustered_values.tolist(),
            "clustered interval": [float(clustered_values.mean()), *np.percentile(means, [2.5, 97.5]).tolist()],
            "other": other.tolist(),
            "paired interval": [float((values - other).mean()), float(paired.low), float(paired.high)],
        },
        "quantiles": {
            "values": quantiles.tolist(),
            "fractions": [0, 0.025, 0.1, 0.5, 0.73, 0.975, 1],
            "expected": np.quantile(quantiles, [0, 0.025, 0.1, 0.5, 0.73, 0.975, 1]).tolist(),
        },
    }


def icc(ratings):
    pingouin.options["round"] = None
    pingouin.options["round.column.CI95%"] = None
    items, raters = ratings.shape
    table = pd.DataFrame(
        [(item, rater, float(ratings[item, rater])) for item in range(items) for rater in range(raters)],
        columns=["item", "rater", "value"],
    )
    found = pingouin.intraclass_corr(table, "item", "rater", "value").set_index("Type")

    def estimate(kind):
        row = found.loc[kind]
        return [float(row["ICC"]), *(float(bound) for bound in row["CI95%"])]

    return {
        "ratings": ratings.tolist(),
        "single": estimate("ICC2"),
        "average": estimate("ICC2k"),
        "f": float(found.loc["ICC2"]["F"]),
        "p": float(found.loc["ICC2"]["pval"]),
    }


def agreement():
    draws = np.random.default_rng(5)
    # The example of Shrout and Fleiss.
    tables = [np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])]
    for items, raters, spread in ((5, 2, 1.0), (30, 3, 2.0), (50, 5, 0.3), (12, 3, 6.0), (3, 2, 0.5)):
        truth = draws.integers(0, 11, items)[:, None]
        noisy = truth + draws.normal(0, spread, (items, raters)) + draws.normal(0, 0.7, raters)
        tables.append(np.clip(noisy.round(), 0, 10).astype(int))

    kappas = []
    for categories, n in ((2, 20), (5, 40), (11, 60)):
        a = draws.integers(0, categories, n)
        b = np.clip(a + draws.integers(-1, 2, n), 0, categories - 1)
        kappas.append(
            {
                "a": a.tolist(),
                "b": b.tolist(),
                "categories": categories,
                **{
                    name: float(sklearn.metrics.cohen_kappa_score(a, b, labels=list(range(categories)), weights=weights))
                    for name, weights in (("equal", None), ("linear", "linear"), ("quadratic", "quadratic"))
                },
            }
        )

    alphas = []
    for raters, items, missing in ((2, 10, 0.0), (3, 25, 0.2), (4, 40, 0.5)):
        truth = draws.integers(0, 6, items)
        values = np.clip(truth + draws.integers(-1, 2, (raters, items)), 0, 10).astype(float)
        values[draws.random((raters, items)) < missing] = np.nan
        alphas.append(values)
    alphas.append(np.array([[1.5, 2.25, np.nan, 4], [1.5, 2.5, 3, np.nan], [np.nan, 2.25, 3.5, 4]]))
    gaps = lambda values: [[None if np.isnan(value) else float(value) for value in row] for row in values]

    friedmans = []
    for items, models, high in ((6, 3, 11), (20, 4, 4), (15, 5, 100), (9, 3, 2)):
        scores = draws.integers(0, high, (items, models)) + np.arange(models)
        ranks = scipy.stats.rankdata(-scores, axis=1)
        found = scipy.stats.friedmanchisquare(*scores.T)
        friedmans.append(
            {
                "scores": scores.tolist(),
                "mean_ranks": ranks.mean(axis=0).tolist(),
                "statistic": float(found.statistic),
                "p": float(found.pvalue),
            }
        )

    return {
        "icc": [icc(table) for table in tables],
        "kappa": kappas,
        "alpha": [
            {
                "ratings": gaps(values),
                **{
                    level: float(krippendorff.alpha(values, level_of_measurement=level))
                    for level in ("nominal", "ordinal", "interval")
                },
            }
            for values in alphas
        ],
        "friedman": friedmans,
    }


def main():
    checkouts, out = (Path(argument) for argument in sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(16)
    files = {
        "text": text(checkouts),
        "overlap": overlap(rng),
        "published": published(checkouts, rng),
        "choice": choice(rng),
        "statistics": statistics(),
        "agreement": agreement(),
    }
    for name, values in files.items():
        (out / f"{name}.json").write_text(json.dumps(values, ensure_ascii=True, separators=(",", ":"), allow_nan=False) + "\n")


main()
