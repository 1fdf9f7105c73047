"""What `import inspector` offers, used as its docstring shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import inspector
from fixtures.__main__ import write_all
from fixtures.roles import right_images
from inspector.testing.registry import FakeRegistry

ROOT = Path(__file__).parents[1]
WARNINGS = {"importlib._bootstrap_external", "warnings", "_py_warnings"}
"""What `importlib` brings, by the release of Python."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = tmp_path_factory.mktemp("roles")
    write_all(made)
    return str(made)


def test_the_examples_of_the_docstring(folder: str) -> None:
    facts = inspector.inspect(f"docker-archive:{folder}/backend-prod.tar")
    assert isinstance(facts, inspector.ImageFacts)
    assert facts.torch.importable == "no"
    policy = inspector.load_policy(f"{folder}/roles.toml")
    assert policy == inspector.load_policy(Path(folder, "roles.toml"))
    report = inspector.check(f"docker-archive:{folder}/backend-prod.tar", policy)
    assert (report.outcome, report.results[0].role) == ("pass", "api")


def test_what_changed_between_two_images(folder: str) -> None:
    before, after = (f"docker-archive:{folder}/{name}.tar" for name in ("backend-prod", "worker-cpu"))
    assert inspector.diff(before, before).equal
    found = inspector.diff(before, after)
    assert isinstance(found, inspector.Difference)
    assert [change.after for change in found.changed if change.field == "torch.build"] == ["cpu"]


def test_an_audit_by_name_as_the_docstring_shows(folder: str) -> None:
    policy = inspector.load_policy(f"{folder}/roles.toml")
    with FakeRegistry() as fake:
        fake.push("team/worker", "1", right_images()["worker-cpu"])
        plan, result, end = inspector.audit(f"{fake.host}/team/worker", policy, role="worker-cpu")
    assert isinstance(plan, inspector.Planned)
    assert isinstance(result, inspector.Audited)
    assert isinstance(end, inspector.Ended)
    assert (plan.images, result.outcome, end.left.why) == (1, "pass", "")


@pytest.mark.parametrize("reference", ["none.tar", "oci:", ""])
def test_what_goes_wrong_is_of_one_kind(reference: str) -> None:
    with pytest.raises(inspector.InspectorError):
        inspector.inspect(reference)


def test_every_public_name_is_there_and_listed() -> None:
    assert {name for name in inspector.__all__ if getattr(inspector, name) is not None} == set(inspector.__all__)
    assert [name for name in dir(inspector) if not name.startswith("__")] == sorted(inspector.__all__)
    assert inspector.errors.NotFound.exit_code == 3
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = inspector.nonsense


def test_the_import_alone_brings_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import inspector; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, check=True, cwd=ROOT)
    assert set(done.stdout.decode().split()) <= {
        "__future__",
        "importlib",
        "importlib._bootstrap",
        "inspector",
        *WARNINGS,
    }
