"""The table of attacks in docs/security.md: each row is refused, and nothing comes of it."""

import pathlib
import resource
import sys
import warnings

import attacks
import pytest

import kerasish

ROOT = pathlib.Path(__file__).resolve().parents[2]
IDS = [f"{attack.title} {ending}" for attack, ending in attacks.CASES]


def outcome(at, ending):
    """Open a file, and return the error."""
    target = attacks.model()
    before = [weight.copy() for weight in target.get_weights()]
    try:
        if ending == ".weights.h5":
            target.load_weights(at.path)
        else:
            kerasish.saving.load_model(at.path, safe_mode=False)
    except (ValueError, TypeError, OSError) as error:
        for one, other in zip(before, target.get_weights(), strict=True):
            assert (one == other).all()
        return error
    return None


@pytest.mark.parametrize("attack, ending", attacks.CASES, ids=IDS)
def test_every_attack_is_refused(tmp_path, attack, ending):
    at = attacks.place(tmp_path, ending)
    attack.build(at)
    files = sorted(tmp_path.rglob("*"))
    opened, watching = [], True

    def audit(event, args):
        if watching and event in ("open", "subprocess.Popen", "os.system", "socket.connect"):
            opened.append(str(args[0]))

    sys.addaudithook(audit)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = outcome(at, ending)
    watching = False
    assert error is not None, "it was opened"
    import re

    assert re.search(attack.match, str(error), re.DOTALL), str(error)
    assert sorted(tmp_path.rglob("*")) == files and not at.canary.exists()
    assert not any("secret" in name for name in opened), opened
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 300 << 10  # KiB


@pytest.mark.parametrize("attack, ending", attacks.CASES, ids=IDS)
def test_the_document_has_a_row_for_every_attack(attack, ending):
    table = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith(f"| {attack.title} | `{ending}` |")]
    assert len(rows) == 1 and "| refused" in rows[0]
