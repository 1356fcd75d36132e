"""Compare the public names and parameter lists of Keras with kerasish's.

    KERAS_BACKEND=jax python tools/compare_api.py                    # a table, and what is missing or differs
    KERAS_BACKEND=jax python tools/compare_api.py losses metrics     # of these namespaces only
    KERAS_BACKEND=jax python tools/compare_api.py --markdown         # the same for the documentation
    KERAS_BACKEND=jax python tools/compare_api.py --methods          # public methods and attributes of classes too
    KERAS_BACKEND=jax python tools/compare_api.py --page             # write docs/missing.md

Every public namespace of Keras is walked. A name counts as `have` where ours is of the same kind (class or function)
and takes the same parameters in the same order with the same defaults, or further optional ones after them; as
`differs` where it takes others; and as `missing` where there is none. What kerasish leaves out on purpose is in
`LEFT_OUT`, with the reason, and is counted apart; `docs/missing.md` is made of that, and a test compares the two. Needs
Keras installed beside kerasish.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import inspect
import os
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Whole namespaces and single names that kerasish does without, and why. A name is written without `keras.`.
LEFT_OUT = {
    "_tf_keras": "Keras's face for TensorFlow",
    "applications": "pretrained networks are downloads of weights, not part of an engine",
    "backend": "functions of Keras 2 that `keras.ops` replaced",
    "callbacks.OrbaxCheckpoint": "writes checkpoints of JAX's Orbax",
    "config.enable_unsafe_deserialization": "files never run code",
    "config.is_nnx_enabled": "a setting of JAX's Flax",
    "config.set_backend": "one engine",
    "distillation": "teachers and students are a training loop of a few lines",
    "distribution": "one process and one device at a time",
    "dtype_policies.GPTQDTypePolicy": "no quantized layers",
    "dtype_policies.AWQDTypePolicy": "no quantized layers",
    "dtype_policies.Int4DTypePolicy": "no quantized layers",
    "dtype_policies.QuantizedDTypePolicy": "no quantized layers",
    "dtype_policies.QuantizedFloat8DTypePolicy": "no quantized layers",
    "layers.FlaxLayer": "wraps a module of JAX's Flax",
    "layers.JaxLayer": "wraps a function of JAX",
    "layers.TFSMLayer": "wraps a SavedModel of TensorFlow",
    "layers.TorchModuleWrapper": "wraps a module of PyTorch",
    "legacy": "functions of Keras 2",
    "optimizers.legacy": "functions of Keras 2",
    "quantizers": "no quantized layers",
    "Quantizer": "no quantized layers",
    "export": "SavedModel, ONNX and OpenVINO are other frameworks' files",
    "utils.legacy": "functions of Keras 2",
    "utils.FeatureSpace": "preprocessing layers do this work",
    "visualization": "pictures of images and boxes are matplotlib's",
}
# Methods and attributes of classes, likewise, as patterns of `Class.name`.
METHODS_LEFT_OUT = {
    "*.add_metric": "raises NotImplementedError in Keras 3 too",
    "*.enable_lora": "no low-rank adaptation",
    "*.get_quantization_layer_structure": "no quantized layers",
    "*.quantize": "no quantized layers",
    "*.quantized_build": "no quantized layers",
    "*.quantized_call": "no quantized layers",
    "*.quantization_mode": "no quantized layers",
    "*.variable_serialization_spec": "serves quantized layers only",
    "*.export": "SavedModel, ONNX and OpenVINO are other frameworks' files",
    "AUC.interpolate_pr_auc": "a step of `result`",
    "Muon.*": "steps of `update_step`",
    "Random*.get_*": "steps of the layer's own transformations",
    "TensorBoard.summary": "TensorFlow's module; events are written through the tensorboard package",
}
# Where our parameters are others than Keras's, and why.
DIFFERS = {
    "*.compute_output_spec": "Keras's name for the same positional argument differs from class to class",
    "*.compute_mask": "the name of a positional argument",
    "Layer.add_weight": "Keras takes `*args` to say that they are an error",
    "RandomGrayscale.*": "the name of a positional argument",
    "RandomCrop.compute_output_shape": "takes a shape and nothing else",
    "SimpleRNNCell.call": "the name of a positional argument, as in the other cells",
}


@dataclass
class Comparison:
    """What was found in one namespace: names that are there, that are not, and that take other parameters.

    What is left out, or takes other parameters, for a reason that is given is in `left_out` and `explained`.
    """

    have: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    differs: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The fraction of names that are there, of those that are not left out on purpose."""
        present = len(self.have) + len(self.differs) + len(self.explained)
        return present / max(present + len(self.missing), 1)


def is_namespace(value: Any, root: str) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__.startswith(f"{root}.")


def namespaces(module: types.ModuleType, root: str, path: str = "") -> Iterator[tuple[str, types.ModuleType]]:
    """Yield a module and the public namespaces in it with their dotted names."""
    yield path, module
    for name in sorted(dir(module)):
        value = getattr(module, name)
        inside = f"{path}.{name}" if path else name
        public = not name.startswith("_") and name != "src"
        if public and is_namespace(value, root) and inside not in LEFT_OUT:
            yield from namespaces(value, root, inside)


def members(module: types.ModuleType) -> dict[str, Any]:
    """Return the public classes, functions and constants of a namespace."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }


def find(module: Any, path: str) -> Any:
    """Return what a dotted path names below a module; None where there is no such thing."""
    for name in filter(None, path.split(".")):
        try:
            module = getattr(module, name)
        except (AttributeError, ImportError):  # a lazy name may import what is not there
            try:
                module = importlib.import_module(f"{module.__name__}.{name}")
            except (AttributeError, ImportError):
                return None
    return module


def parameters(function: Any) -> list[inspect.Parameter] | None:
    """Return the parameters of a function or constructor; None where Python cannot tell."""
    try:
        if inspect.isclass(function):  # what `__new__` passes through as `*args, **kwargs` says nothing
            return list(inspect.signature(function.__init__).parameters.values())[1:]
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def default_text(value: Any) -> str:
    """Return a default as text that is the same for the same thing in either library."""
    if value is inspect.Parameter.empty:
        return ""
    if inspect.isclass(value) or inspect.isfunction(value):
        return f"={value.__name__}"
    text = repr(value)
    return "=<object>" if " at 0x" in text else f"={text}"


def described(parameter: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return f"{stars.get(parameter.kind, '')}{parameter.name}{default_text(parameter.default)}"


def difference(theirs: Any, mine: Any) -> str | None:
    """Return in words how our version of a name differs; None where it does not."""
    if inspect.isclass(theirs) and not inspect.isclass(mine):
        return "is a class in Keras"
    if not callable(theirs):
        return None
    if not callable(mine):
        return "is not callable"
    expected, found = parameters(theirs), parameters(mine)
    if expected is None or found is None or takes_the_same(expected, found):
        return None
    wanted, given = [described(p) for p in expected], [described(p) for p in found]
    lacks = [text for text in wanted if text not in given]
    adds = [text for text in given if text not in wanted]
    parts = []
    if lacks:
        parts.append(f"Keras has {', '.join(lacks)}")
    if adds:
        parts.append(f"kerasish has {', '.join(adds)}")
    return "; ".join(parts) or f"order: Keras has {', '.join(wanted)}"


def takes_the_same(expected: list[inspect.Parameter], found: list[inspect.Parameter]) -> bool:
    """Tell whether a call that is right for `expected` is right for `found`: the same, or with more to choose."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    wanted = [p for p in expected if p.kind != inspect.Parameter.VAR_KEYWORD]
    own = [p for p in expected if p.name != "self"]
    if own and all(p.kind in variable for p in own):
        return True  # Keras's `*args, **kwargs` say nothing
    takes_any = {p.kind for p in found if p.kind in variable}
    rest = list(found)
    for parameter in wanted:
        if rest and fits(parameter, rest[0]):
            rest.pop(0)
        else:
            return set(variable) == takes_any
    return all(p.kind in variable or p.default is not inspect.Parameter.empty for p in rest)


def fits(expected: inspect.Parameter, found: inspect.Parameter) -> bool:
    """Tell whether what is passed for one parameter may be passed for the other, or be left out for both."""
    required = expected.default is inspect.Parameter.empty
    if expected.kind == found.kind == inspect.Parameter.VAR_POSITIONAL:
        return True
    same_default = required or default_text(expected.default) == default_text(found.default)
    alike = isinstance(expected.default, tuple) and set(expected.default) == {found.default}  # (1, 1) and 1
    return expected.name == found.name and expected.kind == found.kind and (same_default or alike)


ABSENT = object()


def reason(name: str, reasons: dict[str, str]) -> str | None:
    """Return the reason of the first pattern that a name is an instance of."""
    return next((why for pattern, why in reasons.items() if fnmatch.fnmatchcase(name, pattern)), None)


def compare_class(theirs: type, mine: type, name: str, found: Comparison) -> None:
    """Compare the public methods and attributes of a class."""
    for attribute in sorted(vars(theirs)):
        if attribute.startswith("_"):
            continue
        full = f"{name}.{attribute}"
        ours = inspect.getattr_static(mine, attribute, ABSENT)
        value = inspect.getattr_static(theirs, attribute)
        if ours is ABSENT and not any(attribute in vars(c).get("__annotations__", ()) for c in mine.__mro__):
            (found.left_out if reason(full, METHODS_LEFT_OUT) else found.missing).append(full)
            continue
        apart = difference(value, ours) if inspect.isfunction(value) else None
        if apart and reason(full, DIFFERS):
            found.explained.append(full)
        elif apart:
            found.differs[full] = apart
        else:
            found.have.append(full)


def compare(theirs: types.ModuleType, mine: Any, path: str, methods: bool) -> Comparison:
    """Compare one namespace of Keras with ours of the same name."""
    found = Comparison()
    for name, value in sorted(members(theirs).items()):
        full = f"{path}.{name}" if path else name
        if full in LEFT_OUT:
            found.left_out.append(full)
            continue
        ours = None if mine is None else find(mine, name)
        if ours is None and value is not None:
            found.missing.append(name)
            continue
        apart = difference(value, ours)
        if apart:
            found.differs[name] = apart
        else:
            found.have.append(name)
        if methods and inspect.isclass(value) and inspect.isclass(ours):
            compare_class(value, ours, name, found)
    return found


def compare_all(theirs: Any, mine: Any, wanted: list[str], methods: bool = False) -> dict[str, Comparison]:
    """Compare all namespaces, or those whose name or first part is in `wanted`."""
    return {
        path or "(top level)": compare(module, find(mine, path), path, methods)
        for path, module in namespaces(theirs, theirs.__name__)
        if members(module) and (not wanted or path in wanted or path.split(".")[0] in wanted)
    }


def print_table(results: dict[str, Comparison], markdown: bool) -> None:
    heading = ("namespace", "have", "missing", "differs", "reasons", "share")
    rows = [
        (
            path,
            len(c.have),
            len(c.missing),
            len(c.differs),
            len(c.left_out) + len(c.explained),
            f"{c.share:.0%}",
        )
        for path, c in results.items()
    ]
    if markdown:
        print("| " + " | ".join(heading) + " |")
        print("|" + " --- |" * len(heading))
        for row in rows:
            print("| " + " | ".join(str(cell) for cell in row) + " |")
        return
    for row in (heading, *rows):
        print(f"{row[0]:34}" + "".join(f"{cell!s:>9}" for cell in row[1:]))


def print_lists(results: dict[str, Comparison], markdown: bool) -> None:
    def code(text: str) -> str:
        return f"`{text}`" if markdown else text

    for path, found in results.items():
        if not (found.missing or found.differs):
            continue
        print(f"\n{'### ' if markdown else ''}{path}")
        if found.missing:
            print(f"{chr(10) if markdown else '  '}missing: {', '.join(map(code, found.missing))}")
        if found.differs and markdown:
            print()
        for name, apart in found.differs.items():
            print(f"- {code(name)}: {apart}" if markdown else f"  {name}: {apart}")
    print(f"\n{'### ' if markdown else ''}Left out on purpose{chr(10) if markdown else ''}")
    for name, why in LEFT_OUT.items():
        print(f"{'-' if markdown else ' '} {code(name)}: {why}")


PAGE = """# What is missing

Keras {version} has names that kerasish has not. This page is made by `tools/compare_api.py --page`, which compares \
all public names, parameters, methods and attributes; a test keeps it so.

## Names

| Keras | Why it is not here |
| --- | --- |
{names}

## Methods and attributes

| Keras | Why it is not here |
| --- | --- |
{methods}

## Other parameters

| Keras | What is different |
| --- | --- |
{parameters}
"""


def page(theirs: Any, mine: Any) -> str:
    """Return the text of docs/missing.md.

    Raises:
        ValueError: If something is missing or differs for which no reason is given, or a reason is of no use.
    """
    results = compare_all(theirs, mine, [], methods=True)
    unexplained = [
        f"{path}.{name}" for path, found in results.items() for name in (*found.missing, *found.differs)
    ]
    absent = {name for found in results.values() for name in found.left_out}
    different = {name for found in results.values() for name in found.explained}
    useless = [name for name in LEFT_OUT if find(theirs, name) is None or find(mine, name) is not None]
    useless += [
        pattern
        for patterns, names in ((METHODS_LEFT_OUT, absent), (DIFFERS, different))
        for pattern in patterns
        if not fnmatch.filter(names, pattern)
    ]
    if unexplained or useless:
        raise ValueError(
            f"Give reasons in tools/compare_api.py for {unexplained}, and take away those for {useless}."
        )

    def table(reasons: dict[str, str]) -> str:
        return "\n".join(f"| `{name}` | {why} |" for name, why in sorted(reasons.items()))

    methods = {name: reason(name, METHODS_LEFT_OUT) for name in absent if name not in LEFT_OUT}
    parameters = {name: reason(name, DIFFERS) for name in different}
    return PAGE.format(
        version=theirs.__version__.rpartition(".")[0],
        names=table(LEFT_OUT),
        methods=table(methods),
        parameters=table(parameters),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("namespaces", nargs="*", help="such as `layers`; all of them by default")
    parser.add_argument("--markdown", action="store_true", help="tables and lists for the documentation")
    parser.add_argument("--methods", action="store_true", help="compare methods and attributes of classes")
    parser.add_argument("--page", action="store_true", help="write docs/missing.md")
    arguments = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    import kerasish

    if arguments.page:
        (Path(__file__).resolve().parents[1] / "docs" / "missing.md").write_text(page(keras, kerasish))
        return
    results = compare_all(keras, kerasish, arguments.namespaces, arguments.methods)
    print(f"Keras {keras.__version__}, kerasish {kerasish.__version__}\n")
    print_table(results, arguments.markdown)
    print_lists(results, arguments.markdown)


if __name__ == "__main__":
    main()
