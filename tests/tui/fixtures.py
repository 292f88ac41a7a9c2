"""The fixtures for a program that is started from here, so that it is tested on them, whatever ships.

A variable that is set already stays as it is; an empty one stands for what ships.
"""

import os
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
REPLACEMENTS = {"ROUNDS_SHIPPED_MODEL": "nano", "ROUNDS_SHIPPED_INDEX": "index", "ROUNDS_SHIPPED_CASES": "cases"}


def take():
    """Lets every program that this process starts take the fixtures for what ships."""
    for variable, fixture in REPLACEMENTS.items():
        os.environ.setdefault(variable, str(FOLDER / fixture))
