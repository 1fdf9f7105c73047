"""The rule `imports`: modules that a role wants to be importable."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector import load_policy
from inspector.errors import PolicyError
from inspector.imports import Imported
from inspector.policy.judge import judge
from inspector.policy.model import Finding
from inspector.policy.needs import whole_facts_needed
from inspector.policy.role import Role
from inspector.unknown import Importable
from tests.policy.cases import image

ROLE = Role(name="api", imports=("app.main",))


def finding(found: dict[str, Imported]) -> Finding:
    """The rule's finding."""
    findings = judge(image(imports=found), ROLE).findings
    return next(each for each in findings if each.check == "imports")


def test_what_can_be_imported_passes() -> None:
    found = finding({"app.main": Imported(importable=Importable.YES, modules=90, extensions=12)})
    assert (found.outcome, found.message) == ("pass", "app.main can be imported (90 modules, 12 of them compiled)")


def test_what_fails_fails_with_pythons_words_and_its_place() -> None:
    why = "ModuleNotFoundError: No module named 'requests', imported in line 1 of /app/main.py"
    found = finding({"app.main": Imported(importable=Importable.NO, reasons=(why,), path="/app/main.py", layer=1)})
    assert (found.outcome, found.category) == ("fail", "CODE_BUG")
    assert why in found.message
    assert (found.evidence.path, found.evidence.layer) == ("/app/main.py", 1)
    assert "import app.main" in found.advice


def test_what_is_not_decided_is_unknown() -> None:
    found = finding({"app.main": Imported(importable=Importable.UNKNOWN, reasons=("its bytes went by",))})
    assert found.outcome == "unknown"
    assert "its bytes went by" in found.message
    assert "python -c 'import app.main'" in found.advice


def test_what_was_not_asked_for_never_passes() -> None:
    assert finding({}).outcome == "unknown"


def test_it_needs_every_layer() -> None:
    assert "imports" in whole_facts_needed(ROLE)
    assert whole_facts_needed(Role(name="api")) == ""


@pytest.mark.parametrize("written", ["'app'", "['']", "['a b']", "['a/b.py']", "['1a']", "[5]", str(["m"] * 51)])
def test_what_is_no_list_of_modules_is_refused(written: str, tmp_path: Path) -> None:
    path = tmp_path / "inspector.toml"
    path.write_text(f'[roles.api]\nmatch = ["*"]\ndockerfile = "D"\nimports = {written}\n')
    with pytest.raises(PolicyError, match="imports"):
        load_policy(path)


def test_modules_are_read_from_the_policy(tmp_path: Path) -> None:
    path = tmp_path / "inspector.toml"
    path.write_text('[roles.api]\nmatch = ["*"]\ndockerfile = "D"\nimports = ["torchvision", "app.main"]\n')
    (role,) = load_policy(path).roles
    assert role.stated["imports"] == ("torchvision", "app.main")
