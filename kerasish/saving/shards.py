"""Weights in several files: a `.weights.json` says in which of the `.weights.h5` files beside it the layers are."""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack, suppress
from itertools import count
from typing import Any

from kerasish.saving import walk
from kerasish.saving.atomic import replacing
from kerasish.saving.errors import UnsafeFileError
from kerasish.saving.h5_output import h5_output
from kerasish.saving.hdf5 import H5Reader, open_h5
from kerasish.saving.json_text import parse
from kerasish.saving.stores import WriteStore, named_group

SUFFIX = ".weights.json"
_SHARD = re.compile(r"[^/\\:\0]+_\d{5}\.weights\.h5")
_MAX_JSON_BYTES = 64 << 20


def shard_paths(path: str) -> list[str]:
    """Return the paths of the files that a `.weights.json` names: files in its own folder and no others.

    Raises:
        ValueError: if it is no such file; `UnsafeFileError` if a name leads elsewhere.
    """
    label = f"file {path!r}"
    if os.path.getsize(path) > _MAX_JSON_BYTES:
        raise UnsafeFileError(f"Not allowed: {label} has {os.path.getsize(path)} bytes.")
    with open(path, "rb") as file:
        content = parse(file.read(), label)
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict):
        raise ValueError(
            f"{label} has no 'weight_map': it is not what Keras writes for weights in several files."
        )
    names: dict[str, None] = {}
    for value in places.values():
        for name in value if isinstance(value, list) else [value]:
            names[name if isinstance(name, str) else repr(name)] = None
    stem = os.path.basename(path).removesuffix(SUFFIX)
    for name in names:
        full = os.path.join(os.path.dirname(path), name)
        if not _SHARD.fullmatch(name) or not name.startswith(f"{stem}_") or os.path.islink(full):
            raise UnsafeFileError(
                f"Not allowed: {label} refers to {name[:200]!r}. Its parts are files beside it that are called "
                f"'{stem}_00000.weights.h5' and so on, and no links."
            )
        if not os.path.isfile(full):
            raise FileNotFoundError(f"{label} names the file {name!r}, which is not beside it.")
    return [os.path.join(os.path.dirname(path), name) for name in sorted(names)]


def open_shards(path: str, stack: ExitStack) -> list[H5Reader]:
    """Open all files that a `.weights.json` names."""
    return [stack.enter_context(open_h5(shard)) for shard in shard_paths(path)]


def _named_by(path: str) -> set[str]:
    """Return the names of the files that belong to a `.weights.json`; none if there is none that can be read."""
    try:
        return {os.path.basename(shard) for shard in shard_paths(path)}
    except (OSError, ValueError):
        return set()


class ShardsWriter:
    """Weights being written to several files; use it in a `with` block.

    Nothing that an older `.weights.json` names is touched: the new files get numbers that it does not use, so that the
    moment at which the new `.weights.json` takes its place is the one at which all changes. The older files are removed
    then, up to number 0, which Keras opens before it looks at any name.

    Args:
        path: The `.weights.json` to write. The files with the weights get its name and a number.
        limit: How many bytes of weights go into one file at most.
    """

    def __init__(self, path: str, limit: float) -> None:
        self._path, self._limit = path, limit
        self._size = self._total = 0
        self._places: dict[str, list[str]] = {}
        self._names: list[str] = []
        self._before = _named_by(path)

    def __enter__(self) -> ShardsWriter:
        with ExitStack() as stack:
            self._index = stack.enter_context(replacing(self._path))  # entered first, moved into place last
            self._moves = stack.enter_context(ExitStack())
            self._output = stack.enter_context(ExitStack())
            self._next_file()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        with self._stack:
            if exc_info[0] is not None:
                raise exc_info[1]
            self._output.close()
            places = {path: names[0] if len(names) == 1 else names for path, names in self._places.items()}
            content = {"metadata": {"total_size": self._total}, "weight_map": places}
            with open(self._index, "x", encoding="utf-8") as file:
                json.dump(content, file, indent=4)
        for name in self._before - set(self._names):
            if not name.endswith(f"_{0:05}.weights.h5"):
                with suppress(OSError):
                    os.unlink(os.path.join(os.path.dirname(self._path), name))

    def _next_file(self) -> None:
        self._output.close()
        folder, stem = os.path.split(self._path.removesuffix(SUFFIX))
        numbered = (f"{stem}_{number:05}.weights.h5" for number in count())
        used = self._before.union(self._names)
        self._names.append(next(name for name in numbered if name not in used))
        temporary = self._moves.enter_context(replacing(os.path.join(folder, self._names[-1])))
        self._file = self._output.enter_context(h5_output(temporary))
        self._size = 0

    def store(self, path: str, name: str | None) -> WriteStore:
        """Return the store of the state holder at `path`."""
        return WriteStore(self, walk.join(path, "vars"), name)

    def group(self, store: WriteStore, size: int) -> Any:
        """Return the group of a store in the file that takes the next `size` bytes."""
        if size > self._limit:
            raise ValueError(
                f"A weight of {store.path!r} has {size} bytes, more than the {self._limit:.0f} that "
                "`max_shard_size` allows in one file. Pass a larger `max_shard_size`, which is in GB."
            )
        if self._size + size > self._limit:
            self._next_file()
        self._size += size
        self._total += size
        group = named_group(self._file, store)
        names = self._places.setdefault(group.name, [])
        if self._names[-1] not in names:
            names.append(self._names[-1])
        return group
