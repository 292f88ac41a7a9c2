#!/usr/bin/env python3
"""Makes the small weight files that src/model/weights/pickle/ is tested with.

    pip install torch==2.8.0 numpy
    python3 tests/reference/pickles.py tests/golden/pickles

Sound files come from `torch.save`; unsound ones are made from them, or with objects that pickle themselves as an
attacker would. `expected.json` says for each file what must come out: its tensors (name, element type, shape and values
in order, booleans as 0 and 1), or which error, with words that must be in it. No file is ever loaded here, least of all
the hostile ones; every file is shorter than 4 KiB. Two runs make the same bytes, but for memory addresses in
`legacy.pt`.
"""

import argparse
import collections
import io
import json
import os
import pathlib
import sys
import zipfile

import torch

PINNED = "2.8.0"
LARGEST = 4096
# The folder that `torch.save` puts everything in when it writes to memory.
ROOT = "archive"
# Files whose pickle is also written by itself, as a seed for fuzzing.
PICKLES = ("nested", "strided", "attributes", "hostile")
SHORT_NAMES = {
    torch.float16: "f16",
    torch.bfloat16: "bf16",
    torch.float32: "f32",
    torch.float64: "f64",
    torch.uint8: "u8",
    torch.int8: "i8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.bool: "bool",
}


class Reduces:
    """Pickles itself as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def numbers(count, dtype=torch.float32):
    """Values that every element type holds exactly, up to a count of 32."""
    return (torch.arange(count) * 3 % 32).to(dtype)


def saved(content, **settings):
    buffer = io.BytesIO()
    torch.save(content, buffer, **settings)
    return buffer.getvalue()


def rebuilt(storage, offset, shape, stride):
    return Reduces(torch._utils._rebuild_tensor_v2, storage, offset, shape, stride, False, collections.OrderedDict())


def rewritten(archive, change, compression=zipfile.ZIP_STORED):
    """The archive with every record passed through `change(name, content)`; `None` leaves it out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", compression) as new:
        for entry in old.infolist():
            content = change(entry.filename, old.read(entry))
            if content is not None:
                new.writestr(zipfile.ZipInfo(entry.filename), content, compression)
    return buffer.getvalue()


def replaced(archive, ending, change):
    return rewritten(archive, lambda name, content: change(content) if name.endswith(ending) else content)


def listed(content, prefix=""):
    """Tensors reachable through dictionaries, lists and tuples, with their dotted names."""
    if isinstance(content, torch.Tensor):
        values = content.detach().reshape(-1).to(torch.float64).tolist()
        yield prefix, {"dtype": SHORT_NAMES[content.dtype], "shape": list(content.shape), "values": values}
        return
    pairs = ()
    if isinstance(content, dict):
        pairs = content.items()
    elif isinstance(content, (list, tuple)):
        pairs = enumerate(content)
    for key, item in pairs:
        yield from listed(item, f"{prefix}.{key}" if prefix else str(key))


def checkpoint():
    """What a training script leaves behind: weights, optimiser, settings and counters."""
    weight = torch.nn.Parameter(numbers(2))
    optimiser = torch.optim.SGD([weight], momentum=0.5)
    weight.sum().backward()
    optimiser.step()
    return {
        "model_state_dict": {"module.a": numbers(4).reshape(2, 2), "module.b": numbers(3)},
        "optimizer": optimiser.state_dict(),
        "args": argparse.Namespace(lr=1e-4, tensor_of_no_interest=numbers(2)),
        "epoch": 3,
        "done": False,
        "big": 1 << 80,
        "negative": -5,
        "history": [0.5, 0.25, None],
        "device": torch.device("cpu"),
        "shape": torch.Size([2, 3]),
        "tags": {"a"},
    }


def with_attribute(tensor):
    """Such a tensor pickles in a way of its own."""
    tensor.note = "an attribute"
    return tensor


def sound():
    base = numbers(12)
    layer = torch.nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(numbers(6).reshape(2, 3))
        layer.bias.copy_(numbers(2))
    return {
        # With the `_metadata` that a module's state dictionary carries.
        "plain": layer.state_dict(),
        "half": {"a": numbers(6, torch.float16).reshape(2, 3)},
        "bfloat16": {"a": numbers(6, torch.bfloat16).reshape(3, 2)},
        "double_and_integers": {
            SHORT_NAMES[dtype]: numbers(3, dtype)
            for dtype in (torch.float64, torch.uint8, torch.int8, torch.int16, torch.int32)
        },
        "buffers": {"mask": torch.tensor([[True, False], [False, True]]), "position_ids": numbers(4, torch.int64)},
        "shared": {"whole": base, "tail": base[5:], "again": base},
        "strided": {
            "transposed": base.reshape(3, 4).t(),
            "every_other": base.reshape(3, 4)[1:, ::2],
            "permuted": base.reshape(2, 3, 2).permute(2, 0, 1),
            "expanded": base[2:3].expand(2, 2),
        },
        "parameter": {"a": torch.nn.Parameter(numbers(4)), "b": torch.nn.Parameter(numbers(2), requires_grad=False)},
        "attributes": {"a": with_attribute(torch.nn.Parameter(numbers(4))), "b": with_attribute(numbers(2))},
        "nested": checkpoint(),
        "sequences": {"list": [numbers(1), {"x": numbers(2)}], "tuple": (numbers(3), numbers(1), 4, numbers(2))},
        "odd_shapes": {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "ones": numbers(2).reshape(1, 2, 1)},
        "bare": numbers(3),
        "no_tensors": {"epoch": 1},
    }


def unsound(plain):
    """File name, content, kind of error, words in it."""
    storage = torch.storage.TypedStorage(wrap_storage=numbers(4).untyped_storage(), dtype=torch.float32, _internal=True)
    torchscript = io.BytesIO(rewritten(plain, lambda name, content: content))
    with zipfile.ZipFile(torchscript, "a") as archive:
        archive.writestr(zipfile.ZipInfo(f"{ROOT}/constants.pkl"), b"\x80\x02).")
    return [
        # If it ran it would leave a file, which a test looks for.
        (
            "hostile",
            saved({"w": numbers(2), "x": Reduces(os.system, "touch pickle-has-run")}),
            "hostile",
            f"{os.name}.system",
        ),
        ("hostile_eval", saved({"x": Reduces(eval, "1")}), "hostile", ".eval"),
        (
            "unknown_tensor",
            saved({"w": Reduces(torch._utils._rebuild_parameter, collections.Counter(), True, {})}),
            "hostile",
            "collections.Counter",
        ),
        ("truncated", plain[: len(plain) * 2 // 3], "format", "no directory"),
        (
            "short_storage",
            replaced(plain, "data/0", lambda content: content[:-1]),
            "format",
            "its storage is to have 24 bytes, but has 23",
        ),
        ("missing_storage", replaced(plain, "data/1", lambda content: None), "format", "the storage 1 is not"),
        (
            "absurd_shape",
            saved({"w": rebuilt(storage, 0, (1 << 40, 1 << 40), (1, 1))}),
            "format",
            "more elements than can be counted",
        ),
        ("absurd_stride", saved({"w": rebuilt(storage, 0, (3, 3), (1 << 62, 1 << 62))}), "format", "counted"),
        ("beyond", saved({"w": rebuilt(storage, 3, (2,), (1,))}), "format", "beyond its storage"),
        ("negative", saved({"w": rebuilt(storage, -1, (2,), (1,))}), "format", "before its storage"),
        ("repeated", saved({"w": rebuilt(storage, 0, (1 << 24, 4), (0, 1))}), "too large", "67108864 elements"),
        ("big_endian", replaced(plain, "byteorder", lambda content: b"big"), "format", "big-endian"),
        ("compressed", rewritten(plain, lambda name, content: content, zipfile.ZIP_DEFLATED), "format", "compressed"),
        ("torchscript", torchscript.getvalue(), "format", "TorchScript"),
        ("object", saved(argparse.Namespace(w=numbers(2))), "format", "argparse.Namespace"),
        (
            "to_be_negated",
            saved({"w": torch.ones(2, dtype=torch.complex64).conj().imag}),
            "format",
            "a tensor with metadata",
        ),
        ("complex", saved({"w": torch.zeros(2, dtype=torch.complex64)}), "format", "torch.ComplexFloatStorage"),
    ]


def main():
    if not torch.__version__.startswith(PINNED):
        sys.exit(f"needs torch {PINNED}, found {torch.__version__}")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    files, expected = {}, {}
    for name, content in sound().items():
        files[name] = saved(content)
        expected[name] = {"tensors": dict(listed(content))}
    for protocol in (3, 4, 5):
        name = f"protocol_{protocol}"
        files[name] = saved(sound()["parameter"], pickle_protocol=protocol)
        expected[name] = expected["parameter"]
    content = {"a": numbers(2)}
    files["legacy"] = saved(content, _use_new_zipfile_serialization=False)
    expected["legacy"] = {"tensors": dict(listed(content))}
    for name, content, kind, words in unsound(files["plain"]):
        files[name] = content
        expected[name] = {"error": kind, "words": words}
    for name, content in files.items():
        if len(content) >= LARGEST:
            sys.exit(f"{name}: {len(content)} bytes")
        (folder / f"{name}.pt").write_bytes(content)
    for name in PICKLES:
        with zipfile.ZipFile(folder / f"{name}.pt") as archive:
            (folder / f"{name}.pkl").write_bytes(archive.read(f"{ROOT}/data.pkl"))
    with open(folder / "expected.json", "w", encoding="utf-8") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


main()
