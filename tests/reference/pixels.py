#!/usr/bin/env python3
"""Golden pictures: small files of every mode, and what the reference pipelines make of them before normalisation.

    python3 -m venv env
    env/bin/pip install torch==2.8.0 torchvision==0.23.0 transformers==4.33.3 open_clip_torch==2.20.0 "numpy<2"
    env/bin/pip install pillow==9.4.0
    env/bin/python tests/reference/pixels.py tests/golden/pixels

Pillow 9.4.0 is what Med-Flamingo pins. Files are written only where they are missing, so that a run with another
Pillow compares the same bytes; delete the folder to make them anew. Written beside them:

expected.safetensors, all 8-bit, [3, height, width]:
  FILE.clip28, FILE.clip224   open_clip's inference transform up to and with the conversion to RGB (224 for a few files)
  FILE.idefics28              the IDEFICS image processor up to and with the resize
  FILE.rgb                    Pillow's plain convert("RGB") at full size, to tell a decoder's fault from a resize's
and, for rgb.png alone, FILE.clip28.float and FILE.idefics28.float: the normalised floats the tower gets.

expected.json: versions, and per file its Pillow format, mode and size [width, height], the mode it has after the resize
of the CLIP pipeline, and under "errors" the words of the reference where it fails (there is then no such tensor).
"""

import json
import struct
import sys
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import PIL
import torch
import torchvision
import transformers
from open_clip.transform import image_transform
from PIL import Image
from safetensors.numpy import save_file
from transformers.models.idefics.image_processing_idefics import (
    IdeficsImageProcessor,
    PILImageResampling,
    convert_to_rgb,
    resize,
    to_numpy_array,
)

from made_up import packed_rows, picture, planes

WITH_224 = ["rgb.png", "wide.png", "palette.png"]
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]


def alpha(width, height, seed):
    """Fully clear, fully opaque and half-clear regions."""
    y, x = np.mgrid[0:height, 0:width]
    plane = np.where((x // 6 + y // 5) % 3 == 0, 0, np.where(x > width // 2, 255, x * 255 // width))
    return (plane + np.random.RandomState(seed).randint(0, 2, plane.shape)).clip(0, 255).astype(np.uint8)


def image(width, height, mode, seed):
    base = {"L": 1, "LA": 1, "RGB": 3, "RGBA": 3, "CMYK": 4}[mode]
    data = picture(width, height, base, seed)
    if mode.endswith("A"):
        data = np.dstack([data, alpha(width, height, seed)])
    return Image.fromarray(data.squeeze(), mode)


def palette(width, height, seed, colours=256):
    return image(width, height, "RGB", seed).quantize(colours)


def png(path, samples, bits, colour_type, extra=b""):
    """A PNG of a kind that Pillow cannot write. `samples` is [height, width, channels], not yet packed."""
    height, width = samples.shape[:2]
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in samples]
    else:
        rows = packed_rows(samples, bits)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    content = chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def deep(width, height, channels, seed):
    """16-bit samples that use the low byte too, [height, width, channels]."""
    low = np.random.RandomState(seed).randint(0, 256, (height, width, channels))
    return picture(width, height, channels, seed).astype(np.uint16) * 256 + low.astype(np.uint16)


def rotated_exif():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def files():
    """Name and how to write it, for every file."""
    key = (7, 7, 7)
    keyed = picture(45, 33, 3, 31)
    keyed[8:20, 10:30] = key
    grey_keyed = picture(45, 33, 1, 32)[:, :, 0]
    grey_keyed[8:20, 10:30] = 200
    clear_index = bytes((i * 37) % 256 for i in range(256))
    frames = [palette(37, 51, seed) for seed in (33, 34)]

    def save(what, **options):
        return lambda path: what.save(path, **options)

    return {
        # Shapes.
        "rgb.png": save(image(61, 43, "RGB", 1)),
        "wide.png": save(image(90, 21, "RGB", 2)),
        "tall.png": save(image(23, 88, "RGB", 3)),
        "small.png": save(image(20, 23, "RGB", 4)),
        "square28.png": save(image(28, 28, "RGB", 5)),
        "short28.png": save(image(28, 41, "RGB", 6)),
        # JPEG: another decoder may differ by some levels.
        "rgb.jpg": save(image(75, 53, "RGB", 7), quality=85),
        "rgb444.jpg": save(image(31, 57, "RGB", 8), quality=92, subsampling=0),
        "progressive.jpg": save(image(50, 39, "RGB", 9), quality=80, progressive=True),
        "grey.jpg": save(image(49, 35, "L", 10), quality=85),
        "cmyk.jpg": save(image(47, 33, "CMYK", 11), quality=90),
        "orientation6.jpg": save(image(57, 39, "RGB", 12), quality=85, exif=rotated_exif()),
        # PNG of every colour type.
        "grey.png": save(image(39, 50, "L", 13)),
        "grey2bit.png": lambda path: png(path, picture(39, 31, 1, 14) // 64, 2, 0),
        "one_bit.png": save(image(43, 37, "L", 15).convert("1")),
        "palette.png": save(palette(53, 41, 16)),
        "palette4bit.png": save(palette(35, 47, 17, 16), bits=4),
        "palette_clear.png": save(palette(53, 37, 18), transparency=clear_index),
        "rgba.png": save(image(55, 38, "RGBA", 19)),
        "la.png": save(image(38, 49, "LA", 20)),
        "rgb_key.png": save(Image.fromarray(keyed, "RGB"), transparency=key),
        "grey_key.png": save(Image.fromarray(grey_keyed, "L"), transparency=200),
        "grey16.png": lambda path: png(path, deep(41, 33, 1, 21), 16, 0),
        "grey16_dark.png": lambda path: png(path, picture(41, 33, 1, 22).astype(np.uint16) * 2, 16, 0),
        "rgb16.png": lambda path: png(path, deep(34, 45, 3, 23), 16, 2),
        "rgba16.png": lambda path: png(path, deep(33, 27, 4, 24), 16, 6),
        "la16.png": lambda path: png(path, deep(33, 29, 2, 25), 16, 4),
        # Other formats.
        "rgb.tiff": save(image(46, 31, "RGB", 26), compression="tiff_lzw"),
        "palette.tiff": save(palette(33, 40, 27)),
        "grey16.tiff": save(Image.fromarray(deep(37, 30, 1, 28)[:, :, 0])),
        "float.tiff": save(Image.fromarray(deep(31, 26, 1, 29)[:, :, 0].astype(np.float32) / 200 - 20)),
        "cmyk.tiff": save(image(30, 37, "CMYK", 30)),
        "rgb.webp": save(image(52, 33, "RGB", 35), lossless=True),
        "rgba.webp": save(image(44, 35, "RGBA", 36), lossless=True, exact=True),
        "animated.gif": save(frames[0], save_all=True, append_images=frames[1:], duration=80, loop=0),
        "clear.gif": save(palette(36, 43, 37, 64), transparency=5),
        "grey.gif": save(image(35, 40, "L", 38)),
        "rgb.bmp": save(image(42, 33, "RGB", 39)),
        "palette.bmp": save(palette(34, 45, 40)),
        "grey.bmp": save(image(31, 36, "L", 41)),
        "one_bit.bmp": save(image(29, 34, "L", 42).convert("1")),
    }


def floats(eight_bit):
    scaled = eight_bit.astype(np.float64) / 255
    return (scaled - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]


def clip(path, side, notes):
    """The 8-bit square of open_clip's transform and the floats of the whole of it."""
    transform = image_transform(side, is_train=False)
    source = Image.open(path)
    square = source
    for step in transform.transforms[:3]:
        square = step(square)
        notes.setdefault("mode_after_resize", square.mode)
    whole = transform(source).numpy()
    result = planes(square)
    assert np.abs(whole - floats(result)).max() < 1e-5
    return result, whole


def idefics(path, side):
    """The same for the IDEFICS image processor."""
    source = Image.open(path)
    result = resize(to_numpy_array(convert_to_rgb(source)), (side, side), resample=PILImageResampling.BICUBIC)
    result = planes(result)
    processor = IdeficsImageProcessor(image_size=side, image_mean=MEAN, image_std=STD)
    whole = processor(source).numpy()[0]
    assert np.abs(whole - floats(result)).max() < 1e-5
    return result, whole


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    report = {
        "pillow": PIL.__version__,
        "torchvision": torchvision.__version__,
        "open_clip": version("open_clip_torch"),
        "transformers": transformers.__version__,
        "files": {},
    }
    for name, write in files().items():
        path = folder / name
        if not path.exists():
            write(path)
        source = Image.open(path)
        notes = {"format": source.format, "mode": source.mode, "size": list(source.size)}
        errors = {}
        jobs = {"clip28": lambda: clip(path, 28, notes), "idefics28": lambda: idefics(path, 28)}
        jobs["rgb"] = lambda: (planes(Image.open(path).convert("RGB")), None)
        if name in WITH_224:
            jobs["clip224"] = lambda: clip(path, 224, notes)
        for job, run in jobs.items():
            try:
                tensors[f"{name}.{job}"], whole = run()
            except (ValueError, OSError, TypeError, KeyError) as error:
                errors[job] = f"{type(error).__name__}: {error}"
                continue
            if name == "rgb.png" and job in ("clip28", "idefics28"):
                tensors[f"{name}.{job}.float"] = whole.astype(np.float32)
        if errors:
            notes["errors"] = errors
        report["files"][name] = notes
    save_file(tensors, folder / "expected.safetensors")
    lines = [f'  "{name}": {json.dumps(notes)}' for name, notes in report.pop("files").items()]
    head = json.dumps(report, indent=1)[:-2]
    (folder / "expected.json").write_text(head + ',\n "files": {\n' + ",\n".join(lines) + "\n }\n}\n")
    (folder / "expected.safetensors").chmod(0o644)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
