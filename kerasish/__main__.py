"""`python -m kerasish`: what is in a model file, and files of old Keras as files of today."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What stands behind `python -m kerasish`; by default what does.

    Returns:
        The exit status: 0, or 1 if a file is suspicious or cannot be converted.
    """
    parser = argparse.ArgumentParser(prog="python -m kerasish", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    looking = commands.add_parser(
        "inspect", help="print what is in a model file, without building it; status 1 if it is suspicious"
    )
    looking.add_argument("file", help="a .keras, .h5, .weights.h5 or .weights.json file")
    converting = commands.add_parser("convert", help="write the model of any Keras file as a .keras file")
    converting.add_argument("old", help="a .keras or .h5 file")
    converting.add_argument("new", help="the .keras file to write; Keras 3.15 opens it")
    converting.add_argument("--allow-nan", action="store_true", help="take weights that are NaN as they are")
    given = parser.parse_args(arguments)
    try:
        if given.command == "inspect":
            return _inspect(given.file)
        return _convert(given.old, given.new, given.allow_nan)
    except (OSError, ValueError, TypeError) as error:
        print(error, file=sys.stderr)
        return 1


def _inspect(path: str) -> int:
    from kerasish.saving import inspect

    return 1 if inspect(path).suspicious else 0


def _convert(old: str, new: str, allow_nan: bool) -> int:
    from kerasish.saving import load_model, save_model

    if not new.endswith(".keras"):
        raise ValueError(f"The new file's name must end in `.keras`. Received: {new}")
    model = load_model(old, allow_nan=allow_nan)
    save_model(model, new)
    print(f"{new}: {len(model.layers)} layers, {model.count_params():,} parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
