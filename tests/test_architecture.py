"""The building's one rule: a file imports only from its own floor or from floors below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kerasish"

# From the ground up. A name is a folder or a file directly below kerasish/.
FLOORS = (
    ("config", "tree", "version"),
    ("devices",),
    ("autograd",),
    ("compiler",),
    ("backend", "ops", "random"),
    ("serialization",),
    (
        "activations",
        "constraints",
        "datasets",
        "dtype_policies",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "mixed_precision",
        "optimizers",
        "preprocessing",
        "regularizers",
        "utils",
    ),
    ("callbacks", "distribution", "export", "models", "saving", "trainers", "wrappers"),
    ("__init__",),
    ("compat", "__main__"),
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# The only looks upwards, inside functions, each for the sake of a method or an argument that users expect.
EXCEPTIONS = {
    ("kerasish.config", "dtype_policies"),  # `config.dtype_policy()` is where Keras has the default policy
    ("kerasish.autograd.operators", "ops"),  # `x.mean()` and `x @ y` are `ops.mean(x)` and `ops.matmul(x, y)`
    ("kerasish.autograd.variable", "initializers"),  # `Variable("zeros", shape=...)` names an initializer
}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> tuple[str, ...]:
    """The dotted name of a file as a tuple, `__init__` kept: it decides what a relative import means."""
    return path.relative_to(ROOT).with_suffix("").parts


def is_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", None)) == "TYPE_CHECKING"


def imports(node: ast.AST):
    """Every import statement in `node`, those inside functions too; not those that only type checkers see."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node
    guarded = isinstance(node, ast.If) and is_type_checking(node.test)
    seen = node.orelse if guarded else ast.iter_child_nodes(node)
    for child in seen:
        if not isinstance(child, ast.expr):  # in which no statement is
            yield from imports(child)


def names_below_kerasish(statement: ast.Import | ast.ImportFrom, module: tuple[str, ...]) -> list[str]:
    """What a statement takes from kerasish, as names of the table ("ops", "layers", ...)."""
    if isinstance(statement, ast.Import):
        targets = [alias.name.split(".") for alias in statement.names]
    else:
        base = list(module[: -statement.level]) if statement.level else []
        base += statement.module.split(".") if statement.module else []
        targets = [base] if len(base) > 1 else [[*base, alias.name] for alias in statement.names]
    inside = [target for target in targets if target[0] == "kerasish"]
    return [target[1] if len(target) > 1 and target[1] in FLOOR_OF else "__init__" for target in inside]


def violations(source: str, module: tuple[str, ...]) -> list[str]:
    floor = FLOOR_OF[module[1]]
    return [
        f"{'.'.join(module)}, line {statement.lineno}: imports kerasish.{name} from above"
        for statement in imports(ast.parse(source))
        for name in names_below_kerasish(statement, module)
        if FLOOR_OF[name] > floor and (".".join(module), name) not in EXCEPTIONS
    ]


def test_every_file_has_a_floor():
    unknown = {module_of(path)[1] for path in FILES} - set(FLOOR_OF)
    assert not unknown, f"put {sorted(unknown)} on a floor in {__file__} and in docs/architecture.md"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stay_on_their_floor_or_below(path):
    assert not violations(path.read_text(encoding="utf-8"), module_of(path))


@pytest.mark.parametrize(
    ("source", "module", "expected"),
    [
        ("from kerasish.layers import Dense", "kerasish.ops.math", 1),
        ("from ..layers.core.dense import Dense", "kerasish.ops.math", 1),
        ("from .. import layers, ops", "kerasish.ops.math", 1),
        ("import kerasish", "kerasish.layers.core.dense", 1),
        ("from kerasish import Model", "kerasish.layers.core.dense", 1),
        ("def f():\n    import kerasish.models.model", "kerasish.layers.core.dense", 1),
        ("from . import math", "kerasish.ops.__init__", 0),
        ("from .math import add", "kerasish.ops.__init__", 0),
        ("from kerasish import ops, losses", "kerasish.layers.core.dense", 0),
        ("import numpy as np", "kerasish.config", 0),
        ("if TYPE_CHECKING:\n    from kerasish.models import Model", "kerasish.layers.core.dense", 0),
        (
            "if TYPE_CHECKING:\n    pass\nelse:\n    from kerasish.models import Model",
            "kerasish.layers.core.dense",
            1,
        ),
    ],
)
def test_the_checker_sees(source, module, expected):
    assert len(violations(source, tuple(module.split(".")))) == expected
