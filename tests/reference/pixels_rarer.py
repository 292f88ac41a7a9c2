#!/usr/bin/env python3
"""Golden pictures that Pillow cannot write, or that are rare: inks, palettes, opacity, and what Pillow makes of them.

    python3 -m venv env
    env/bin/pip install pillow==9.4.0 "numpy<2" safetensors
    env/bin/python tests/reference/pixels_rarer.py tests/golden/pixels

Only Pillow's own steps are run here, as tests/reference/pixels.py found them in the reference pipelines. Written beside
the files, rarer.safetensors, all 8-bit, [3, height, width]:
  FILE.clip28      resize of the shorter side to 28 (bicubic), crop of the middle, convert("RGB")
  FILE.idefics28   laid on white, convert("RGB"), resize to 28 x 28 (bicubic)
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


def tiff(samples, bits, photometric, order="<", colours=None, planar=False, extra_sample=None):
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
    if extra_sample is not None:
        tags[338] = (3, [extra_sample])
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


def with_alpha(width, height, seed):
    """Colours with opacity: clear, half-clear and opaque regions, [height, width, 4]."""
    y, x = np.mgrid[0:height, 0:width]
    alpha = np.where((x // 6 + y // 5) % 3 == 0, 0, np.where(x > width // 2, 255, x * 255 // width))
    return np.dstack([picture(width, height, 3, seed), alpha.astype(np.uint8)])


def png(mode, data):
    out = io.BytesIO()
    Image.fromarray(data.squeeze(), mode).save(out, "PNG")
    return out.getvalue()


def bmp(header, rows, between=b""):
    """A bitmap of a DIB header without its length, what stands behind it, and rows of bytes from the bottom up."""
    rows = b"".join(row.ljust(-(-len(row) // 4) * 4, b"\0") for row in rows)
    offset = 14 + 4 + len(header) + len(between)
    head = b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset)
    return head + struct.pack("<I", 4 + len(header)) + header + between + rows


def dib(width, height, bits, compression, masks=()):
    """A Windows header: 40 bytes long, or 108 with four masks in it."""
    header = struct.pack("<iiHHIIiiII", width, height, 1, bits, compression, 0, 2835, 2835, 0, 0)
    return header + struct.pack("<4I", *masks).ljust(68, b"\0") if masks else header


def sixteen(data, bits):
    """Pixels of 16 bits, rows from the bottom up."""
    red, green, blue = (data[:, :, c].astype(np.uint16) >> (8 - bits[c]) for c in range(3))
    packed = red << (bits[1] + bits[2]) | green << bits[2] | blue
    return [row.astype("<u2").tobytes() for row in packed[::-1]]


def gif(width, height, frame, data, global_colours, local_colours=None, see_through=None):
    """A GIF of one frame (left, top) that may be smaller than its screen, packed without being made smaller."""
    depth = int(np.log2(len(global_colours)))
    out = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80 | depth - 1, 0, 0)
    out += global_colours.astype(np.uint8).tobytes()
    if see_through is not None:
        out += b"!\xf9\4" + struct.pack("<BHB", 1, 0, see_through) + b"\0"
    flags = 0 if local_colours is None else 0x80 | int(np.log2(len(local_colours))) - 1
    out += b"," + struct.pack("<HHHHB", *frame, data.shape[1], data.shape[0], flags)
    if local_colours is not None:
        out += local_colours.astype(np.uint8).tobytes()
    # A clear code before every 100 numbers keeps codes nine bits wide.
    codes = []
    for at, value in enumerate(data.reshape(-1)):
        codes += [256] if at % 100 == 0 else []
        codes.append(int(value))
    bits = "".join(f"{code:09b}"[::-1] for code in [*codes, 257])
    packed = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    blocks = [packed[i : i + 255] for i in range(0, len(packed), 255)]
    return out + b"\x08" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0;"


def ramp(count=256):
    return np.repeat(np.arange(count)[:, None], 3, 1)


def headed_files():
    """Kinds of file that are known by their headers."""
    image = picture(39, 31, 3, 60)
    rgba = with_alpha(39, 31, 61)
    grey = picture(43, 36, 1, 62)[:, :, 0]
    flat = [row.tobytes() for row in rgba[::-1, :, [2, 1, 0, 3]]]
    alpha_masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    os2 = struct.pack("<HHHH", 43, 36, 1, 8)
    os2_rows = [row.tobytes() for row in grey[::-1]]
    one_bit = [np.packbits(row >= 120).tobytes() for row in grey[::-1]]
    multiplied = rgba.copy()
    multiplied[:, :, :3] = rgba[:, :, :3].astype(int) * rgba[:, :, 3:].astype(int) // 255
    return {
        "bilevel.tiff": tiff((grey >= 120).astype(np.uint8)[:, :, None], 1, 1),
        "associated.tiff": tiff(multiplied, 8, 2, extra_sample=1),
        "associated_big_endian.tiff": tiff(multiplied, 8, 2, ">", extra_sample=1),
        "no_alpha.tiff": tiff(rgba, 8, 2, extra_sample=0),
        "unassociated.tiff": tiff(rgba, 8, 2, extra_sample=2),
        "ramp.gif": gif(43, 36, (0, 0), grey, ramp()),
        "local_colours.gif": gif(43, 36, (0, 0), grey, ramp(), colours(8, 64)),
        "small_frame.gif": gif(50, 41, (4, 3), grey, colours(8, 65)),
        "small_frame_clear.gif": gif(50, 41, (4, 3), grey, colours(8, 66), see_through=9),
        "small_ramp_frame.gif": gif(50, 41, (7, 0), grey, ramp(), see_through=40),
        "alpha.bmp": bmp(dib(39, 31, 32, 3, alpha_masks), flat),
        "raw32.bmp": bmp(dib(39, 31, 32, 0), flat),
        "masks_without_alpha.bmp": bmp(dib(39, 31, 32, 3, (0xFF0000, 0xFF00, 0xFF, 0)), flat),
        "565.bmp": bmp(dib(39, 31, 16, 3), sixteen(image, (5, 6, 5)), struct.pack("<III", 0xF800, 0x7E0, 0x1F)),
        "555.bmp": bmp(dib(39, 31, 16, 0), sixteen(image, (5, 5, 5))),
        "os2.bmp": bmp(os2, os2_rows, colours(8, 67).astype(np.uint8).tobytes()),
        "os2_ramp.bmp": bmp(os2, os2_rows, ramp().astype(np.uint8).tobytes()),
        "os2_one_bit.bmp": bmp(struct.pack("<HHHH", 43, 36, 1, 1), one_bit, bytes([0, 0, 0, 255, 255, 255])),
        # As large as the square already, on one or both sides.
        "same_rgba.png": png("RGBA", with_alpha(28, 28, 68)),
        "same_long_rgba.png": png("RGBA", with_alpha(28, 45, 69)),
        "same_la.png": png("LA", with_alpha(28, 28, 70)[:, :, [0, 3]]),
    }


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
        **headed_files(),
    }


def clip(image):
    width, height = image.size
    short, long = sorted(image.size)
    longer = int(SIDE * long / short)
    new = (SIDE, longer) if width <= height else (longer, SIDE)
    left, top = (int(round((length - SIDE) / 2.0)) for length in new)
    square = image.resize(new, Image.BICUBIC).crop((left, top, left + SIDE, top + SIDE))
    return planes(square.convert("RGB"))


def on_white(image):
    if image.mode == "RGB":
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255)), image).convert("RGB")


def main(folder):
    tensors = {}
    for name, content in files().items():
        (folder / name).write_bytes(content)
        image = Image.open(folder / name)
        image.load()
        print(name, image.mode, image.size)
        tensors[f"{name}.clip28"] = clip(image)
        tensors[f"{name}.idefics28"] = planes(on_white(image).resize((SIDE, SIDE), Image.BICUBIC))
        tensors[f"{name}.rgb"] = planes(image.convert("RGB"))
    save_file(tensors, folder / "rarer.safetensors")
    (folder / "rarer.safetensors").chmod(0o644)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
