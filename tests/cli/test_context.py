"""The context of a run: its time, its checkout, and the lines of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.cli.context import context_of, now
from inspector.errors import UsageError
from inspector.policy.load import load_policy
from inspector.policy.model import Finding, Pointer
from inspector.report.context import NO_CONTEXT, Span


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a repository with a policy and a Dockerfile below it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "deploy").mkdir()
    policy = '[roles.api]\nmatch = ["api:*"]\ntorch = "absent"\ndockerfile = "D"\n\n[roles."a b"]\ntorch = "cpu"\n'
    (tmp_path / "deploy" / "inspector.toml").write_text(policy, encoding="utf-8")
    (tmp_path / "D").write_text("FROM a AS b\nFROM b\nRUN pip install \\\n  torch\n", encoding="utf-8")
    return tmp_path


def test_the_time_is_that_of_source_date_epoch() -> None:
    assert now({"SOURCE_DATE_EPOCH": "86400"}).isoformat() == "1970-01-02T00:00:00+00:00"
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH='tomorrow'"):
        now({"SOURCE_DATE_EPOCH": "tomorrow"})


def test_a_finding_is_placed_at_its_step_else_the_base_else_the_role(checkout: Path) -> None:
    context = context_of(load_policy(checkout / "deploy" / "inspector.toml"))
    assert context.policy == "deploy/inspector.toml"
    at_step = Finding(check="torch", outcome="fail", message="m", evidence=Pointer(line=3))
    nowhere = Finding(check="torch", outcome="fail", message="m", category="CODE_BUG")
    missing = Finding(check="image", outcome="unknown", message="m", category="ENVIRONMENT")
    assert context.place(at_step, "D", "api") == Span("D", 3, 4, 8)
    assert context.place(nowhere, "D", "api") == Span("D", 2, 2, 7)
    assert context.place(nowhere, "gone", "a b") == Span("deploy/inspector.toml", 6, 6, 14)
    assert context.place(missing, "D", "a b") == Span("deploy/inspector.toml", 6, 6, 14)
    assert context.place(nowhere, None, None) == Span("deploy/inspector.toml", 1, 1, 1)
    assert NO_CONTEXT.place(nowhere, "D", "api") is None


def test_files_are_named_by_where_links_lead_and_never_outside(checkout: Path) -> None:
    (checkout / "deploy" / "link.toml").symlink_to("inspector.toml")
    assert context_of(load_policy(checkout / "deploy" / "link.toml")).policy == "deploy/inspector.toml"
    (checkout / "D").unlink()
    (checkout / "D").symlink_to("/etc/passwd")
    assert context_of(load_policy(checkout / "deploy" / "inspector.toml")).dockerfiles == {}


def test_roles_of_pyproject_and_of_the_procedures_json_have_lines(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_text('[tool.inspector.roles.api]\ntorch = "cpu"\n', encoding="utf-8")
    assert context_of(load_policy(checkout / "pyproject.toml")).roles["api"].line == 1
    procedure = '{"images": [\n {"name": "api:1", "torch_expected": false},\n {"name": "b:1", "torch_expected": true}]}'
    (checkout / "images.json").write_text(procedure, encoding="utf-8")
    roles = context_of(load_policy(checkout / "images.json")).roles
    assert {name: span.line for name, span in roles.items()} == {"api:1": 2, "b:1": 3}
