"""`--import` of `show` and `check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import run
from tests.schemas import validate


def test_show_tells_each_import_in_its_table_and_in_json(images: Path) -> None:
    done = run("show", images / "worker-cpu.tar", "--import", "no_such_module", "--import", "json")
    assert done.exit_code == 0, done.output
    assert "Imports" in done.stdout
    done = run("show", images / "worker-cpu.tar", "--import", "no_such_module", "--format", "json")
    document = json.loads(done.stdout)
    validate(document)
    (facts,) = document["images"]
    assert facts["imports"]["no_such_module"]["importable"] in ("no", "unknown")
    assert facts["imports"]["no_such_module"]["reasons"]


def test_check_takes_them_beside_the_roles_own(images: Path, tmp_path: Path) -> None:
    policy = tmp_path / "inspector.toml"
    policy.write_text('[roles.worker]\nmatch = ["*"]\ndockerfile = "D"\nimports = ["json"]\n')
    done = run("check", policy, images / "worker-cpu.tar", "--import", "no_such_module", "--format", "json")
    assert done.exit_code in (1, 3)
    (result,) = json.loads(done.stdout)["results"]
    asked = [each["expected"] for each in result["findings"] if each["check"] == "imports"]
    assert sorted(asked) == ["import json", "import no_such_module"]


@pytest.mark.parametrize("name", ["", "a b", "a..b", "/app/main.py"])
def test_what_is_no_module_is_wrong_usage(name: str, images: Path) -> None:
    assert run("show", images / "worker-cpu.tar", "--import", name).exit_code == 2
