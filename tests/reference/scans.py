"""Writes tests/golden/scans: what pydicom and nibabel read from ../shared/data/dicom and ../shared/data/nifti.

    pip install pydicom==3.0.1 pylibjpeg==2.1.0 pylibjpeg-libjpeg==2.5.0 pylibjpeg-openjpeg==2.6.0 pylibjpeg-rle==2.2.0 \
        pyjpegls==1.5.1 nibabel==5.4.2 numpy==2.4.6 pillow==13.0.0
    python tests/reference/scans.py ../shared/data tests/golden/scans

Values are those after the modality LUT, as 32-bit floats, x fastest; padding is NaN. Colours are 8-bit RGB. A lossless file has a
SHA-256 of all values (NaN as 0x7FC00000), a lossy one only statistics and samples. `window` is the first stated window, LINEAR
and to 8 bits, of the samples.
"""

import gzip
import hashlib
import json
import sys
import warnings
from io import BytesIO
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

warnings.filterwarnings("ignore")
SAMPLES = 48
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"}
BASELINE = "1.2.840.10008.1.2.4.50"


def statistics(values, size, lossless):
    """`values` is flat; `size` is columns, rows, slices."""
    colour = values.dtype == np.uint8
    places = [k * 2654435761 % len(values) for k in range(SAMPLES)]
    finite = values[np.isfinite(values)] if not colour else values
    result = {
        "size": [int(n) for n in size],
        "colour": bool(colour),
        "lossless": bool(lossless),
        "missing": int(len(values) - len(finite)),
        "samples": [None if not np.isfinite(values[p]) else float(values[p]) for p in places],
    }
    if len(finite):
        result |= {"min": float(finite.min()), "max": float(finite.max()), "mean": float(finite.astype(np.float64).mean())}
    if lossless:
        data = values if colour else values.astype("<f4")
        if not colour:
            data = data.view("<u4").copy()
            data[~np.isfinite(values)] = 0x7FC00000
        result["sha256"] = hashlib.sha256(data.tobytes()).hexdigest()
    return result, places


def windowed(values, places, centre, width):
    out = []
    for p in places:
        x = float(values[p])
        if not np.isfinite(x):
            out.append(None)
        elif x <= centre - 0.5 - (width - 1) / 2:
            out.append(0)
        elif x > centre - 0.5 + (width - 1) / 2:
            out.append(255)
        else:
            out.append(int(round(((x - (centre - 0.5)) / (width - 1) + 0.5) * 255)) if width > 1 else 255)
    return out


def first(value):
    return float(value[0]) if isinstance(value, pydicom.multival.MultiValue) else float(value)


def load(path):
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    data = pydicom.dcmread(BytesIO(content), force=True)
    if "TransferSyntaxUID" not in data.file_meta:
        implicit, little = data.original_encoding
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return data


def stored(data):
    """The samples, and how many bytes at the end of them are missing."""
    if "NumberOfFrames" in data and not str(data["NumberOfFrames"].value).isdigit():
        # badVR.dcm: unreadable, so that only the length of the samples says it.
        pixels = data.Rows * data.Columns * data.SamplesPerPixel * data.BitsAllocated // 8
        data.NumberOfFrames = max(1, len(data.PixelData) // pixels)
    syntax = str(data.file_meta.TransferSyntaxUID)
    missing = 0
    if not data.file_meta.TransferSyntaxUID.is_compressed and data.BitsAllocated >= 8:
        frames = int(data.get("NumberOfFrames", 1) or 1)
        whole = data.Rows * data.Columns * data.SamplesPerPixel * frames * data.BitsAllocated // 8
        if data.PhotometricInterpretation == "YBR_FULL_422":
            whole = whole * 2 // 3
        missing = max(0, whole - len(data.PixelData))
        if missing:
            data.PixelData = data.PixelData + bytes(missing)
    data.pixel_array_options(decoding_plugin="pillow" if syntax == BASELINE else "")
    return data.pixel_array, missing


def dicom(path):
    data = load(path)
    array, missing = stored(data)
    syntax = str(data.file_meta.TransferSyntaxUID)
    if data.SamplesPerPixel == 3:
        bits = array.dtype.itemsize * 8
        values = (array >> (max(data.BitsStored, 8) - 8) if bits > 8 else array).astype(np.uint8)
    elif data.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(array, data)
        values = (values >> 8 if values.dtype.itemsize == 2 else values).astype(np.uint8)
    else:
        values = apply_modality_lut(array, data).astype(np.float64)
        if "DoseGridScaling" in data:
            values = array.astype(np.float64) * float(data.DoseGridScaling)
        values = values.astype(np.float32)
        if "PixelPaddingValue" in data:
            low = int(data.PixelPaddingValue)
            high = int(data.get("PixelPaddingRangeLimit", low))
            values[(array >= min(low, high)) & (array <= max(low, high))] = np.nan
        if missing:
            row = data.Columns * array.dtype.itemsize
            rows = -(-missing // row)
            values[-rows:] = np.nan
    frames = int(data.get("NumberOfFrames", 1) or 1)
    flat = values.reshape(-1)
    ybr = data.PhotometricInterpretation.startswith("YBR_FULL")
    result, places = statistics(flat, [data.Columns, data.Rows, frames], syntax not in LOSSY and not ybr)
    if "WindowCenter" in data and data.WindowCenter is not None and values.dtype != np.uint8:
        centre, width = first(data.WindowCenter), first(data.WindowWidth)
        if width >= 1:
            result["window"] = [centre, width]
            result["windowed"] = windowed(flat, places, centre, width)
    if frames == 1 and all(data.get(tag) for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")):
        result["affine"] = affine(data)
    return result


def affine(data):
    across, down = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
    rows, columns = (float(mm) for mm in data.PixelSpacing)
    between = abs(float(data.get("SpacingBetweenSlices") or data.get("SliceThickness") or 1)) or 1
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = across * columns, down * rows
    matrix[:3, 2] = np.cross(across, down) * between
    matrix[:3, 3] = np.array(data.ImagePositionPatient, float)
    return matrix.tolist()


def nifti(path):
    image = nibabel.load(path)
    header = image.header
    shape = list(image.shape) + [1] * (3 - len(image.shape))
    array = np.asarray(image.dataobj).astype(np.float64).reshape(shape[:3] + [-1])
    result = {"components": array.shape[3], "volumes": []}
    for component in {0, array.shape[3] - 1}:
        values = array[..., component].reshape(-1, order="F").astype(np.float32)
        volume, _ = statistics(values, shape[:3], True)
        result["volumes"].append({"component": component} | volume)
    if header["sform_code"] > 0 or header["qform_code"] > 0:
        result["affine"] = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine).tolist()
    return result


def main(data, out):
    data, out = Path(data), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    found = {}
    paths = sorted((data / "dicom").rglob("*")) + sorted((data / "nifti").rglob("*.dcm*"))
    for path in paths:
        if path.is_dir():
            continue
        name = str(path.relative_to(data))
        if path.name == "JPEG-lossy.dcm":
            # Its scan header is not valid; JPGExtended.dcm is the same file with a valid one.
            found[name] = dicom(path.with_name("JPGExtended.dcm"))
            continue
        try:
            found[name] = dicom(path)
        except Exception as error:
            found[name] = None
            print(f"{name}: {type(error).__name__}: {str(error)[:100]}")
    write(out / "dicom.json", found)
    found = {}
    for path in sorted((data / "nifti").rglob("*")):
        if not path.name.endswith((".nii", ".nii.gz", ".hdr")):
            continue
        name = str(path.relative_to(data))
        try:
            found[name] = nifti(path)
        except Exception as error:
            found[name] = None
            print(f"{name}: {type(error).__name__}: {str(error)[:100]}")
    write(out / "nifti.json", found)
    write(out / "pet.json", pet())


PET = {
    "start": {},
    "later series": {"SeriesTime": "150000", "AcquisitionTime": "143100"},
    "admin": {"DecayCorrection": "ADMIN"},
    "over midnight": {"RadiopharmaceuticalStartTime": "233000.5", "SeriesTime": "003000", "AcquisitionTime": "003001"},
    "heavy": {"PatientWeight": "123.4", "RadionuclideTotalDose": "2.5E8", "RadionuclideHalfLife": "4062.6"},
}


def pet():
    """Headers of PET images, and the factor from Bq/ml to SUV by body weight. `earliest` is when the series was first acquired."""
    cases = {}
    for name, changes in PET.items():
        tags = {
            "PatientWeight": "70.5", "RadionuclideTotalDose": "350000000", "RadionuclideHalfLife": "6586.2",
            "RadiopharmaceuticalStartTime": "133000.000", "SeriesTime": "143000", "AcquisitionTime": "143100.00",
            "DecayCorrection": "START",
        } | changes
        data = pydicom.Dataset()
        for keyword, text in tags.items():
            setattr(data, keyword, text)
        data = pydicom.Dataset.from_json(data.to_json())
        clock = {k: pydicom.valuerep.TM(data[k].value) for k in tags if k.endswith("Time")}
        seconds = {k: t.hour * 3600 + t.minute * 60 + t.second + t.microsecond / 1e6 for k, t in clock.items()}
        waited = (min(seconds["SeriesTime"], seconds["AcquisitionTime"]) - seconds["RadiopharmaceuticalStartTime"]) % 86400
        decayed = float(data.RadionuclideTotalDose)
        if data.DecayCorrection == "START":
            decayed *= 0.5 ** (waited / float(data.RadionuclideHalfLife))
        cases[name] = {"tags": tags, "factor": float(data.PatientWeight) * 1000 / decayed}
    return cases


def write(path, found):
    """One line a file."""
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(*sys.argv[1:])
