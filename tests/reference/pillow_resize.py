#!/usr/bin/env python3
# Golden bytes of Pillow's bicubic resize, for src/imaging/resize.rs.
#
#   pip install pillow==13.0.0
#   python3 tests/reference/pillow_resize.py > tests/golden/resize.txt
#
# Each line: width height new_width new_height, then the RGB output in hexadecimal. The input is not stored: the byte at
# (x, y, channel) comes from the integer formula below, which the Rust test repeats.

# Two calls force the order of passes (across, then down) that Pillow had when the models were trained. Pillow 13 runs the
# pass down first for some sizes, which changes single bytes.

import sys

import PIL
from PIL import Image

PINNED = "13.0.0"
CASES = [
    (37, 23, 16, 16),
    (50, 80, 32, 51),
    (8, 8, 20, 20),
    (1, 5, 3, 7),
    (5, 1, 2, 4),
    (40, 30, 40, 12),
    (40, 30, 12, 30),
    (16, 16, 16, 16),
    (64, 48, 7, 5),
    (3, 200, 8, 8),
    (2, 2, 31, 17),
]


def sample(x, y, channel):
    value = (x * 31 + y * 17 + channel * 101 + x * y * 7) % 256
    return 255 if (x // 3 + y // 2 + channel) % 5 == 0 else value


def main():
    if PIL.__version__ != PINNED:
        sys.exit(f"needs pillow {PINNED}, found {PIL.__version__}")
    for width, height, new_width, new_height in CASES:
        data = bytes(sample(x, y, c) for y in range(height) for x in range(width) for c in range(3))
        image = Image.frombytes("RGB", (width, height), data)
        across = image.resize((new_width, height), Image.Resampling.BICUBIC)
        resized = across.resize((new_width, new_height), Image.Resampling.BICUBIC)
        print(width, height, new_width, new_height, resized.tobytes().hex())


main()
