"""Writes crates/scan/tests/reading/elements.txt: the elements of the DICOM standard with one number each, as pydicom knows them.

    pip install pydicom==3.0.1
    python tests/reference/dicom_elements.py crates/scan/tests/reading/elements.txt

A line is group and element in hexadecimal digits and the value representation, the first where the standard allows several.
"""

import sys
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary

lines = []
for tag, (representation, *_) in sorted(DicomDictionary.items()):
    representation = representation.split(" or ")[0].strip()
    if len(representation) == 2:
        lines.append(f"{tag >> 16:04X}{tag & 0xFFFF:04X} {representation}\n")
Path(sys.argv[1]).write_text("".join(lines))
