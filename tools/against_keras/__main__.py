"""Make thousands of random calls with kerasish and with Keras, and report where they differ.

    python tools/against_keras ops --cases 20000
    python tools/against_keras ops --cases 20000 --seed 7 --only matmul
    python tools/against_keras layers --cases 1000 --gradients

Keras on NumPy, which compiles nothing, goes through all cases first; Keras on JAX decides on those that differ.
`--backend jax` asks JAX at once, a hundred times slower. Gradients go through central differences first.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from collections import defaultdict


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "family", help="module beside this one that makes the cases: ops, losses, metrics, layers, ..."
    )
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--show", type=int, default=3, help="differences shown of each kind and name")
    parser.add_argument("--backend", choices=["numpy", "jax"], help="Keras's backend, in place of both")
    parser.add_argument(
        "--numbers", help="numbers of the cases to make, instead of all; - for those of the input"
    )
    parser.add_argument(
        "--accepted", action="store_true", help="also report what Keras refuses and kerasish takes"
    )
    parser.add_argument(
        "--gradients", action="store_true", help="compare the gradients of float arguments, not the results"
    )
    return parser.parse_args()


def differing(
    options: argparse.Namespace, backend: str, numbers: list[int]
) -> dict[int, tuple[str, str, str]]:
    """Make the cases with one backend of Keras; return kind of difference, name and text by number."""
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    )
    import keras
    from cases import Draw

    import kerasish

    if options.gradients:
        import gradients

        compare = gradients.compare if backend == "jax" else gradients.sieve
    else:
        from compare import compare
    module = importlib.import_module(options.family)
    found = {}
    for number in numbers:
        case = module.case(Draw([options.seed, number]))
        if options.only and options.only not in case.name:
            continue
        result = compare(kerasish, keras, case)
        if result:
            kind, text = result.split("|", 1)
            found[number] = kind, case.name, f"#{number} {case}: {text}"
    return found


def main() -> int:
    options = arguments()
    numbers = list(range(options.first, options.first + options.cases))
    if options.numbers:
        numbers = [
            int(n)
            for n in (sys.stdin.read() if options.numbers == "-" else options.numbers).split(",")
            if n.strip()
        ]
    elif options.backend is None:
        sieved = differing(options, "numpy", numbers)
        other = "central differences" if options.gradients else "Keras on NumPy"
        print(f"{options.cases} cases: {len(sieved)} differ from {other}", flush=True)
        command = [
            sys.executable,
            __file__.removesuffix("/__main__.py"),
            *sys.argv[1:],
            "--backend",
            "jax",
            "--numbers",
            "-",
        ]
        return subprocess.run(command, input=",".join(map(str, sieved)), text=True, check=False).returncode
    found = differing(options, options.backend or "jax", numbers)
    groups = defaultdict(list)
    for kind, name, text in found.values():
        if kind != "accepts" or options.accepted:
            groups[kind, name].append(text)
    for (kind, name), lines in sorted(groups.items()):
        print(f"{kind} {name}: {len(lines)}")
        for line in lines[: options.show]:
            print("   ", line[:400])
    accepted = sum(kind == "accepts" for kind, _, _ in found.values())
    backend = options.backend or "jax"
    print(
        f"{len(numbers)} cases with {backend}: {len(found) - accepted} differ, {accepted} only Keras refuses"
    )
    return int(len(found) > accepted)


if __name__ == "__main__":
    sys.exit(main())
