#!/usr/bin/env python3
"""Golden values for windows, resampling, projections and first-order radiomics.

    python3 -m venv env
    env/bin/pip install numpy==1.26.4 scipy==1.11.4 SimpleITK==2.3.1 pydicom==2.4.4 "setuptools<70" wheel versioneer \
        PyWavelets==1.5.0 pykwalify==1.8.0 six
    env/bin/pip install --no-build-isolation pyradiomics==3.0.1
    env/bin/python tests/reference/scan_measures.py tests/golden/scan_measures

The volumes are made here by a rule of whole numbers that the Rust test repeats, so that no data is needed:
`value(x, y, z) = (7 x x + 13 y y + 29 z z + 3 x y + 5 y z) mod 997 - 300`, plus 0.25 where x + y + z is odd.

measures.json holds, for a volume of 12 x 10 x 8 voxels of 0.8 x 0.9 x 2.5 mm:
  radiomics    for labels 1 (a ball), 2 (a box) and 3 (one voxel): pyradiomics' first-order features at a bin width of 25, and
               SimpleITK's label statistics, which must agree
  windows      values through pydicom's apply_windowing, for the three functions of PS3.3, scaled to 0..255 (not rounded)
  resampled    the volume on an oblique, finer grid by SimpleITK's linear and nearest neighbour interpolation
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.pixel_data_handlers.util import apply_windowing
from radiomics import firstorder

SIZE = (12, 10, 8)
SPACING = (0.8, 0.9, 2.5)
ORIGIN = (-20.0, 15.0, 40.0)
BIN_WIDTH = 25.0


def volume():
    """The volume as [z, y, x]."""
    z, y, x = np.mgrid[: SIZE[2], : SIZE[1], : SIZE[0]].astype(np.int64)
    whole = (7 * x * x + 13 * y * y + 29 * z * z + 3 * x * y + 5 * y * z) % 997 - 300
    return (whole + 0.25 * ((x + y + z) % 2)).astype(np.float32)


def labels():
    z, y, x = np.mgrid[: SIZE[2], : SIZE[1], : SIZE[0]]
    found = np.zeros(x.shape, np.uint8)
    found[(x - 4) ** 2 + (y - 4) ** 2 + (z - 3) ** 2 <= 9] = 1
    found[(x >= 8) & (x < 11) & (y >= 5) & (y < 9) & (z >= 5)] = 2
    found[0, 0, 0] = 3
    return found


def image(array):
    made = sitk.GetImageFromArray(array)
    made.SetSpacing(SPACING)
    made.SetOrigin(ORIGIN)
    return made


def radiomics(values, mask):
    measured = {}
    statistics = sitk.LabelStatisticsImageFilter()
    statistics.Execute(values, mask)
    for label in (1, 2, 3):
        features = firstorder.RadiomicsFirstOrder(values, mask, label=label, binWidth=BIN_WIDTH)
        features.enableAllFeatures()
        features.enableFeatureByName("StandardDeviation", True)
        found = {name: float(np.asarray(value)) for name, value in features.execute().items()}
        inside = sitk.GetArrayFromImage(values)[sitk.GetArrayFromImage(mask) == label].astype(np.float64)
        assert np.isclose(found["Mean"], statistics.GetMean(label))
        assert found["Minimum"] == statistics.GetMinimum(label) and found["Maximum"] == statistics.GetMaximum(label)
        measured[str(label)] = {
            "voxels": int(statistics.GetCount(label)),
            "volume_mm3": statistics.GetCount(label) * float(np.prod(SPACING)),
            "mean": found["Mean"],
            "sd": found["StandardDeviation"],
            "minimum": found["Minimum"],
            "percentile_10": found["10Percentile"],
            "percentile_25": float(np.percentile(inside, 25)),
            "median": found["Median"],
            "percentile_75": float(np.percentile(inside, 75)),
            "percentile_90": found["90Percentile"],
            "maximum": found["Maximum"],
            "interquartile_range": found["InterquartileRange"],
            "range": found["Range"],
            "skewness": found["Skewness"],
            # IBSI's is the excess; pyradiomics gives 0 for equal values, where IBSI has none.
            "excess_kurtosis": found["Kurtosis"] - 3.0 if found["StandardDeviation"] > 0 else 0.0,
            "energy": found["Energy"],
            "entropy": found["Entropy"],
            "uniformity": found["Uniformity"],
        }
    return measured


def windows():
    cases = []
    values = np.array([-1200, -300.5, -60, 0, 39.5, 40, 60.25, 239, 240, 241, 700, 3000], np.float64)
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        for centre, width in ((40, 400), (-600, 1500), (0.5, 1.5), (2048, 4096)):
            data = Dataset()
            data.PhotometricInterpretation = "MONOCHROME2"
            data.BitsStored, data.PixelRepresentation = 16, 1
            data.RescaleSlope, data.RescaleIntercept = 1, 0
            data.WindowCenter, data.WindowWidth, data.VOILUTFunction = centre, width, function
            # pydicom scales to the range of the stored bits: -32768 to 32767.
            shown = (apply_windowing(values.copy(), data) + 32768) / 65535 * 255
            cases.append({"function": function, "centre": centre, "width": width, "grey": shown.tolist()})
    return {"values": values.tolist(), "cases": cases}


def resampled(values):
    size, spacing, origin = (9, 8, 5), (0.7, 0.6, 1.9), (-18.0, 16.5, 42.0)
    turn = np.deg2rad(15)
    direction = (np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn), 0, 0, 0, 1)
    found = {"size": size, "spacing": spacing, "origin": origin, "direction": direction}
    for name, how in (("linear", sitk.sitkLinear), ("nearest", sitk.sitkNearestNeighbor)):
        moved = sitk.Resample(values, size, sitk.Transform(), how, origin, spacing, direction, -9999.0, sitk.sitkFloat32)
        found[name] = [round(float(value), 3) for value in sitk.GetArrayFromImage(moved).ravel()]
    return found


def main(folder):
    values, mask = image(volume()), image(labels())
    golden = {
        "versions": {name: version(name) for name in ("numpy", "SimpleITK", "pyradiomics", "pydicom")},
        "radiomics": radiomics(values, mask),
        "windows": windows(),
        "resampled": resampled(values),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "measures.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
