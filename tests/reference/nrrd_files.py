"""Writes tests/golden/scans/nrrd: small NRRD files, and what pynrrd and SimpleITK read from them.

    pip install pynrrd==1.1.3 SimpleITK==2.5.0 numpy==2.4.6
    python tests/reference/nrrd_files.py tests/golden/scans/nrrd

expected.json holds for each file its size (columns, rows, slices), and for every component the SHA-256 of its values as 32-bit floats
(of colours: 8-bit RGB), x fastest, and five values. The values are pynrrd's. The affine is made from the origin, spacing and direction
that SimpleITK reads, which are in LPS. Of a single slice and of points in time, which it does not know, it is made from pynrrd's header,
and of LAS, of which ITK turns the first axis round and not the second (the format: axes that point to left, front and head).
"""

import hashlib
import json
import sys
from pathlib import Path

import nrrd
import numpy as np
import SimpleITK as sitk

OBLIQUE = [[0.7, 0.1, 0.0], [-0.1, 0.8, 0.2], [0.0, -0.5, 3.0]]
NONE = [np.nan] * 3


def ramp(shape, dtype, scale=1.0, shift=0.0):
    """Every voxel has its own value."""
    count = int(np.prod(shape))
    values = (np.arange(count) * 37 % count) * scale + shift
    return values.reshape(shape, order="F").astype(dtype)


def placed(space, directions, origin, kinds, **more):
    return {"space": space, "space directions": np.array(directions), "space origin": np.array(origin), "kinds": kinds} | more


def files():
    domain = ["domain"] * 3
    yield "short-raw.nrrd", ramp((5, 4, 3), "<i2", 50, -1024), placed(
        "left-posterior-superior", OBLIQUE, [-120.5, 40.25, 7.0], domain, encoding="raw")
    yield "float-gzip-ras.nrrd", ramp((4, 5, 3), "<f4", 0.37, -9.0), placed(
        "right-anterior-superior", OBLIQUE, [10.0, -20.0, 30.0], domain, encoding="gzip")
    yield "uchar-text-las.nrrd", ramp((4, 3, 2), "u1", 9), placed(
        "left-anterior-superior", [[2, 0, 0], [0, 2, 0], [0, 0, 5]], [1.0, 2.0, 3.0], domain, encoding="ascii")
    yield "ushort-big.nrrd", ramp((3, 4, 5), ">u2", 1000), placed(
        "left-posterior-superior", [[0, 1, 0], [0, 0, -1], [1.5, 0, 0]], [0.0, 0.0, 0.0], domain, encoding="raw")
    yield "int-detached.nhdr", ramp((3, 3, 4), "<i4", 70000, -500000), placed(
        "left-posterior-superior", np.eye(3) * 0.5, [4.0, 5.0, 6.0], domain, encoding="gzip")
    yield "colours.nrrd", ramp((3, 6, 5), "u1", 2), placed(
        "left-posterior-superior", [NONE, [0.5, 0, 0], [0, 0.5, 0]], [0.0, 0.0, 0.0],
        ["RGB-color", "domain", "domain"], encoding="raw")
    yield "values-together.nrrd", ramp((4, 3, 4, 2), "<i2"), placed(
        "left-posterior-superior", [NONE] + OBLIQUE, [1.0, 2.0, 3.0], ["vector"] + domain, encoding="gzip")
    yield "time-apart.nrrd", ramp((3, 4, 2, 5), "<f8", 0.1), placed(
        "right-anterior-superior", OBLIQUE + [NONE], [1.0, 2.0, 3.0], domain + ["time"], encoding="raw")


def affine(path, header):
    matrix = np.eye(4)
    has_three = header["kinds"].count("domain") == 3 and header["kinds"][-1] == "domain"
    if has_three and header["space"] != "left-anterior-superior":
        image = sitk.ReadImage(str(path))
        matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
        matrix[:3, 3] = image.GetOrigin()
        return matrix.tolist()
    signs = {
        "left-posterior-superior": [1, 1, 1], "right-anterior-superior": [-1, -1, 1], "left-anterior-superior": [1, -1, 1],
    }[header["space"]]
    steps = [row for row in header["space directions"] if np.isfinite(row).all()]
    if len(steps) == 2:
        normal = np.cross(*steps)
        steps.append(normal / np.linalg.norm(normal))
    matrix[:3, :3], matrix[:3, 3] = np.array(steps).T, header["space origin"]
    matrix[:3] *= np.array(signs)[:, None]
    return matrix.tolist()


def write(path, data, header):
    """Without the lines that say when it was written."""
    nrrd.write(str(path), data, header, detached_header=path.suffix == ".nhdr")
    text, end, samples = path.read_bytes().partition(b"\n\n")
    lines = [line for line in text.split(b"\n") if not line.startswith(b"#")]
    path.write_bytes(b"\n".join(lines) + end + samples)


def components_of(read, kinds):
    if kinds[0] == "vector":
        return list(read)
    if kinds[-1] == "time":
        return [read[..., part] for part in range(read.shape[-1])]
    return [read]


def main(out):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, data, header in files():
        path = out / name
        write(path, data, header)
        read, stated = nrrd.read(str(path))
        assert np.array_equal(read, data)
        colour = stated["kinds"][0] == "RGB-color"
        parts = components_of(read, stated["kinds"])
        size = list(parts[0].shape[1:] if colour else parts[0].shape)
        components = []
        for part in parts:
            flat = part.reshape(-1, order="F").astype("u1" if colour else "<f4")
            places = [k * 2654435761 % len(flat) for k in range(5)]
            digest = hashlib.sha256(flat.tobytes()).hexdigest()
            components.append({"sha256": digest, "samples": [float(flat[place]) for place in places]})
        expected[name] = {
            "size": (size + [1])[:3], "colour": colour, "affine": affine(path, stated), "components": components,
        }
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in expected.items()]
    (out / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(*sys.argv[1:])
