#!/usr/bin/env python3
"""Golden pictures that Pillow cannot write: inks and palettes of rarer kinds, and what Pillow makes of them.

    python3 -m venv env
    env/bin/pip install pillow==9.4.0 "numpy<2" safetensors
    env/bin/python tests/reference/pixels_rarer.py tests/golden/pixels

Only Pillow's own steps are run here, as tests/reference/pixels.py found them in the reference pipelines. Written beside
the files, rarer.safetensors, all 8-bit, [3, height, width]:
  FILE.clip28      resize of the shorter side to 28 (bicubic), crop of the middle, convert("RGB")
  FILE.idefics28   convert("RGB"), resize to 28 x 28 (bicubic)
  FILE.rgb         convert("RGB") at full size
"""

import io
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from made_up import packed_rows, picture, planes

SIDE = 28


def cmyk_jpeg(change):
    """A JPEG of four channels whose Adobe segment went through `change`."""
    out = io.BytesIO()
    Image.fromarray(picture(47, 33, 4, 51), "CMYK").save(out, "JPEG", quality=90)
    content = out.getvalue()
    at = content.index(b"Adobe")
    start, end = at - 4, at - 2 + struct.unpack(">H", content[at - 2 : at])[0]
    return content[:start] + change(content[start:end]) + content[end:]


def tiff(samples, bits, photometric, order="<", colours=None, planar=False):
    """An uncompressed TIFF of one strip (planar: one for each channel). `samples` is [height, width, channels]."""
    height, width, channels = samples.shape
    parts = [samples[:, :, [c]] for c in range(channels)] if planar else [samples]
    if bits == 16:
        strips = [plane.astype(order + "u2").tobytes() for plane in parts]
    else:
        strips = [b"".join(packed_rows(plane, bits)) for plane in parts]
    data, offsets = b"", []
    for strip in strips:
        offsets.append(8 + len(data))
        data += strip + b"\0" * (len(strip) % 2)
    tags = {256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * channels), 259: (3, [1]), 262: (3, [photometric])}
    tags |= {273: (4, offsets), 277: (3, [channels]), 278: (3, [height])}
    tags |= {279: (4, [len(strip) for strip in strips]), 284: (3, [2 if planar else 1])}
    if colours is not None:
        tags[320] = (3, [int(v) * 257 for v in colours.T.reshape(-1)])
    directory = struct.pack(order + "H", len(tags))
    behind = 8 + len(data) + 2 + 12 * len(tags) + 4
    extra = b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(order + {3: "H", 4: "I"}[kind] * len(values), *values)
        directory += struct.pack(order + "HHI", tag, kind, len(values))
        if len(packed) > 4:
            directory += struct.pack(order + "I", behind + len(extra))
            extra += packed
        else:
            directory += packed.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data))
    return head + data + directory + struct.pack(order + "I", 0) + extra


def indices(width, height, depth, seed):
    return picture(width, height, 1, seed) >> (8 - depth)


def colours(depth, seed):
    return np.random.RandomState(seed).randint(0, 256, (1 << depth, 3))


def files():
    deep = picture(31, 26, 4, 56).astype(np.uint16) * 256 + 77
    return {
        # Brightness and differences instead of inks: the last byte of the Adobe segment says so.
        "ycck.jpg": cmyk_jpeg(lambda segment: segment[:-1] + b"\2"),
        "unmarked_cmyk.jpg": cmyk_jpeg(lambda segment: b""),
        "palette4bit.tiff": tiff(indices(37, 29, 4, 53), 4, 3, colours=colours(4, 53)),
        "palette_big_endian.tiff": tiff(indices(29, 34, 8, 54), 8, 3, ">", colours=colours(8, 54)),
        "cmyk_planes.tiff": tiff(picture(33, 27, 4, 55), 8, 5, planar=True),
        "cmyk16.tiff": tiff(deep, 16, 5),
    }


def clip(image):
    width, height = image.size
    short, long = sorted(image.size)
    longer = int(SIDE * long / short)
    new = (SIDE, longer) if width <= height else (longer, SIDE)
    left, top = (int(round((length - SIDE) / 2.0)) for length in new)
    square = image.resize(new, Image.BICUBIC).crop((left, top, left + SIDE, top + SIDE))
    return planes(square.convert("RGB"))


def main(folder):
    tensors = {}
    for name, content in files().items():
        (folder / name).write_bytes(content)
        image = Image.open(folder / name)
        image.load()
        print(name, image.mode, image.size)
        tensors[f"{name}.clip28"] = clip(image)
        tensors[f"{name}.idefics28"] = planes(image.convert("RGB").resize((SIDE, SIDE), Image.BICUBIC))
        tensors[f"{name}.rgb"] = planes(image.convert("RGB"))
    save_file(tensors, folder / "rarer.safetensors")
    (folder / "rarer.safetensors").chmod(0o644)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
