"""Looking into files of weights, and changing what is in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerasish.saving import walk
from kerasish.saving.archive import CONFIG, METADATA, WEIGHTS, ArchiveReader
from kerasish.saving.atomic import replacing
from kerasish.saving.hdf5 import Group, H5Reader, open_h5
from kerasish.saving.stores import WeightsWriter


class KerasFileEditor:
    """The weights of a saved file by name: to look at, to compare with a model, to rename, remove or add.

    Example:

    ```python
    editor = keras.saving.KerasFileEditor("old.weights.h5")
    editor.summary()
    editor.rename_object("layers/dense_2", "dense_1")
    editor.delete_object("layers/dense_3")
    editor.add_object("layers/dense_4", weights={"0": kernel, "1": bias})
    editor.save("new.weights.h5")
    ```

    Args:
        filepath: A `.weights.h5` or `.keras` file.

    Attributes:
        weights_dict: Arrays by name, in dicts as deep as the file's groups: `{"layers": {"dense": {"0": ...}}}`.
        config: The model's config, of a `.keras` file.
        metadata: Who saved it and when, of a `.keras` file.

    Raises:
        ValueError: If the file is of another kind, damaged, or refused (see "Files from strangers").
    """

    def __init__(self, filepath: str | os.PathLike):
        self.filepath = os.fspath(filepath)
        self.config: dict[str, Any] | None = None
        self.metadata: dict[str, Any] | None = None
        self.object_metadata: dict[str, dict[str, Any]] = {}
        if self.filepath.endswith(".keras"):
            from kerasish.saving.native import open_weights, read_json

            with open(self.filepath, "rb") as file:
                archive = ArchiveReader(file, f"file {self.filepath!r}")
                self.config, self.metadata = read_json(archive, CONFIG), read_json(archive, METADATA)
                label = f"member {WEIGHTS!r} of {archive.label}"
                with open_weights(archive) as (weights, size), H5Reader(weights, size, label) as reader:
                    self.weights_dict = self._read(reader, reader.file, "")
        elif self.filepath.endswith(".weights.h5"):
            with open_h5(self.filepath) as reader:
                self.weights_dict = self._read(reader, reader.file, "")
        else:
            raise ValueError(
                f"Invalid filename: expected a `.keras` or `.weights.h5` extension. Received: filepath={filepath}"
            )
        print(f"Keras model file '{self.filepath}'")
        if self.metadata is not None:
            saved = self.metadata.get("keras_version"), self.metadata.get("date_saved")
            print("Saved with Keras {} - date: {}".format(*saved))

    def _read(self, reader: H5Reader, group: Any, path: str) -> dict[str, Any]:
        """Return a group's arrays and groups; a group's own variables count as the group's."""
        found: dict[str, Any] = {}
        for name in reader.names(group):
            inside = f"{path}/{name}"
            child = reader.child(group, name)
            if not isinstance(child, Group):
                found[name] = reader.array(group, name)
                continue
            title = reader.text(child, "name")
            own: dict[str, Any] = {}
            if "vars" in reader.names(child):
                variables = reader.group(child, "vars")
                title = reader.text(variables, "name") or title
                own = self._read(reader, variables, inside)
            rest = {k: v for k, v in self._read(reader, child, inside).items() if k != "vars"}
            if own or rest:
                found[name] = {**own, **rest}
                if title is not None:
                    self.object_metadata[inside] = {"name": title}
        return found

    # Looking

    def summary(self) -> None:
        """Print the names, shapes and types of all weights."""
        print("Weights structure")
        for line in self._lines(self.weights_dict, "", ""):
            print(line)

    def _lines(self, weights: dict[str, Any], prefix: str, path: str) -> Iterator[str]:
        for number, (name, value) in enumerate(weights.items(), start=1):
            last = number == len(weights)
            start = f"{prefix}{'└─' if last else '├─'} {name}"
            inside = f"{path}/{name}"
            if isinstance(value, dict):
                title = self.object_metadata.get(inside, {}).get("name")
                yield start if title is None else f"{start} ('{title}')"
                yield from self._lines(value, prefix + ("    " if last else "│   "), inside)
            else:
                yield f"{start}: shape={tuple(np.shape(value))}, dtype={np.asarray(value).dtype}"

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print what a model and the file do not have in common.

        Args:
            reference_model: The model, built.

        Returns:
            `"status"` (`"success"` or `"error"`), `"error_count"` and `"match_count"`.
        """
        wanted, found = _specification(reference_model), _flat(self.weights_dict)
        lines = [
            *_absences(wanted, self.weights_dict, "the reference model", "the saved file"),
            *_absences(self.weights_dict, wanted, "the saved file", "the reference model"),
        ]
        shapes = {path: np.shape(value) for path, value in _flat(wanted).items()}
        common = [path for path in shapes if path in found]
        apart = [path for path in common if shapes[path] != np.shape(found[path])]
        lines += [
            f"Weight {path} has shape {shapes[path]} in the reference model, {np.shape(found[path])} in the saved file"
            for path in apart
        ]
        matches = len(common) - len(apart)
        for line in lines:
            print(f"...{line}")
        if lines:
            print(f"Found {len(lines)} errors: the saved file does not fit the reference model")
        else:
            print(f"The saved file fits the reference model: {matches} matching weights")
        return {
            "status": "error" if lines else "success",
            "error_count": len(lines),
            "match_count": matches,
        }

    # Changing

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object, such as a layer, another name.

        Args:
            object_name: Its name, if there is one of that name only, or its path, such as `"layers/dense_2"`.
            new_name: The new name, without the path.
        """
        if "/" in new_name:
            raise ValueError(
                "Argument `target_name` should be a leaf name, not a full path name. "
                f"Received: target_name='{new_name}'"
            )

        def rename(parent: dict[str, Any], name: str) -> None:
            parent[new_name] = parent.pop(name)

        self._edit(object_name, rename)

    def delete_object(self, object_name: str) -> None:
        """Remove an object, such as a layer, with all its weights.

        Args:
            object_name: Its name, if there is one of that name only, or its path.
        """
        self._edit(object_name, lambda parent, name: parent.pop(name))

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Add an object, such as a layer.

        Args:
            object_path: Where: a path whose parents exist, such as `"layers/dense_2"`.
            weights: Its arrays by name, such as `{"0": kernel, "1": bias}`.
        """
        _check_weights(weights)
        *parents, name = object_path.split("/")
        place = self.weights_dict
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                raise ValueError(f"Path '{'/'.join(parents)}' not found in model.")
            place = place[parent]
        place[name] = dict(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove one weight of an object.

        Args:
            object_name: The object's name or path.
            weight_name: The weight's name, such as `"0"`.
        """

        def delete(parent: dict[str, Any], name: str) -> None:
            if weight_name not in parent[name]:
                raise ValueError(
                    f"Weight {weight_name} not found in object {object_name}. Weights found: {list(parent[name])}"
                )
            del parent[name][weight_name]

        self._edit(object_name, delete)

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Add weights to an object, or replace some.

        Args:
            object_name: The object's name or path.
            weights: Arrays by name.
        """
        _check_weights(weights)
        self._edit(object_name, lambda parent, name: parent[name].update(weights))

    def _edit(self, object_name: str, change: Callable[[dict[str, Any], str], Any]) -> None:
        """Change the object of a name or path, given what it is in."""
        *parents, name = object_name.split("/")
        if not parents:
            places = list(_holders(self.weights_dict, name))
            if len(places) != 1:
                raise ValueError(
                    f"Name '{name}' occurs more than once in the model; try passing a complete path"
                    if places
                    else f"Source name '{name}' does not appear in the model. Use `editor.summary()` to list them."
                )
            change(places[0], name)
            return
        place = self.weights_dict
        for parent in parents:
            place = place.get(parent)  # type: ignore[assignment]
            if not isinstance(place, dict):
                break
        if not isinstance(place, dict) or name not in place:
            raise ValueError(f"Path '{object_name}' not found in model.")
        change(place, name)

    def save(self, filepath: str | os.PathLike) -> None:
        """Write the weights as they are now.

        Args:
            filepath: A `.weights.h5` file.
        """
        if not str(filepath).endswith(".weights.h5"):
            raise ValueError(
                f"Invalid `filepath` argument: expected a `.weights.h5` extension. Received: filepath={filepath}"
            )
        with replacing(filepath) as temporary, WeightsWriter(temporary) as writer:
            self._write(writer, self.weights_dict, "")

    def _write(self, writer: WeightsWriter, weights: dict[str, Any], path: str) -> None:
        title = self.object_metadata.get(f"/{path}", {}).get("name")
        own = {name: value for name, value in weights.items() if not isinstance(value, dict)}
        if own:
            store = writer.store(path, title)
            for name, value in own.items():
                store[name] = value
        for name, value in weights.items():
            if isinstance(value, dict):
                self._write(writer, value, walk.join(path, name))

    def resave_weights(self, filepath: str | os.PathLike) -> None:
        """Write the weights as they are now: another name of `save`."""
        self.save(filepath)


def _check_weights(weights: Any) -> None:
    if not isinstance(weights, dict):
        raise ValueError(
            "Argument `weights` should be a dict where keys are weight names (usually '0', '1', etc.) and values are "
            f"NumPy arrays. Received: type(weights)={type(weights)}"
        )


def _holders(weights: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """Yield each dict that has something of that name."""
    for value in weights.values():
        if isinstance(value, dict):
            yield from _holders(value, name)
    if name in weights:
        yield weights


def _flat(weights: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Return weights by path."""
    found: dict[str, Any] = {}
    for name, value in weights.items():
        inside = f"{path}/{name}"
        found.update(_flat(value, inside) if isinstance(value, dict) else {inside: value})
    return found


def _absences(
    has: dict[str, Any], lacks: dict[str, Any], one: str, other: str, path: str = ""
) -> Iterator[str]:
    """Yield, in words, what the one has and the other lacks; of an object that lacks as a whole no parts."""
    for name, value in has.items():
        inside = f"{path}/{name}"
        if name not in lacks:
            kind = "Object" if isinstance(value, dict) else "Weight"
            yield f"{kind} {inside} is in {one}, but not in {other}"
        elif isinstance(value, dict) and isinstance(lacks[name], dict):
            yield from _absences(value, lacks[name], one, other, inside)


def _specification(saveable: Any, visited: set[int] | None = None) -> dict[str, Any]:
    """Return what a model would write, in the form of `weights_dict`."""
    visited = set() if visited is None else visited
    if id(saveable) in visited:
        return {}
    visited.add(id(saveable))
    found: dict[str, Any] = {}
    container = isinstance(saveable, (list, tuple, dict))
    if not container and hasattr(saveable, "save_own_variables"):
        saveable.save_own_variables(found)
    for name, child in walk.members(saveable) if container else walk.children(saveable):
        inside = _specification(child, visited)
        if inside:
            found[name] = inside
    return found
