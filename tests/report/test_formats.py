"""A format that is declared here alone: every command offers it, and prints by it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.policy.audited import Audited
from inspector.report.formats import FORMATS, Format, Renderer, add_format, formats
from inspector.testing.registry import FakeRegistry
from tests.cli.program import run

MODULE = """
def render_check(report, only_failed):
    return "".join(f"{each.image};{each.outcome};{only_failed}\\n" for each in report.results)

def render_show(images):
    return "".join(f"{each.torch.build};{each.source}\\n" for each in images)

def render_diff(difference, width):
    return f"{difference.equal};{width}\\n"
"""
ROLES = '[roles.api]\nmatch = ["*backend*"]\ntorch = "absent"\n[roles.worker]\nmatch = ["*worker*"]\ntorch = "cpu"\n'
IMAGES = right_images()


def told(result: Audited) -> str:
    """Render one result of an audit."""
    return f"{result.image.rpartition('/')[2]};{result.outcome}\n"


@pytest.fixture(autouse=True)
def _semicolons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add a format whose renderers lie in a module that is only named, but for one given as a function."""
    (tmp_path / "semicolons.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("inspector.report.formats._ADDED", [])
    add_format(
        Format(
            "semicolons",
            {
                "check": Renderer("semicolons:render_check", ("only_failed",)),
                "show": Renderer("semicolons:render_show"),
                "diff": Renderer("semicolons:render_diff", ("width",)),
                "audit": Renderer(lambda report: "".join(map(told, report.results))),
            },
        )
    )
    yield
    sys.modules.pop("semicolons", None)


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    """A policy for the images."""
    path = tmp_path / "roles.toml"
    path.write_text(ROLES)
    return path


@pytest.fixture
def two(tmp_path: Path) -> str:
    """An archive of an API image and of a worker's."""
    return FORMS["docker-24"](tmp_path / "two.tar", [IMAGES["backend-prod"], IMAGES["worker-cpu"]])


def test_check_show_and_diff_print_by_it(
    roles: Path, two: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    one = FORMS["docker-24"](tmp_path / "one.tar", [IMAGES["backend-prod"]])
    checked = run("check", roles, two, "--format", "semicolons", "--only-failed")
    assert checked.stdout == "ktrdr-backend:prod;pass;True\nktrdr-worker-cpu:test;pass;True\n"
    assert run("show", two, "--format", "semicolons").stdout == "unknown;docker-archive\ncpu;docker-archive\n"
    assert run("diff", one, one, "--format", "semicolons").stdout == "True;90\n"


def test_its_module_is_imported_only_when_it_is_used(roles: Path, two: str) -> None:
    assert run("check", roles, two, "--format", "json").exit_code == 0
    assert "semicolons" not in sys.modules
    assert run("check", roles, two, "--format", "semicolons").exit_code == 0
    assert "semicolons" in sys.modules


def test_a_format_that_is_whole_is_printed_of_no_image(tmp_path: Path) -> None:
    none = tmp_path / "none.tar"
    assert run("show", none, "--format", "semicolons").stdout == ""
    assert run("show", none, "--format", "json").stdout.startswith("{")
    assert run("show", none).stdout == ""


def test_an_audit_prints_by_it_at_the_end_or_line_by_line(roles: Path) -> None:
    with FakeRegistry() as fake:
        fake.push("team/backend", "1", IMAGES["backend-prod"])
        fake.push("team/worker", "1", IMAGES["worker-cpu"])
        command = ("audit", f"{fake.host}/team/backend", f"{fake.host}/team/worker", "--policy", roles, "--format")
        assert sorted(run(*command, "semicolons").stdout.splitlines()) == ["backend:1;pass", "worker:1;pass"]
        add_format(Format("stream", {"audit": Renderer("semicolons:unused")}, line=Renderer(told)))
        assert sorted(run(*command, "stream").stdout.splitlines()) == ["backend:1;pass", "worker:1;pass"]


@pytest.mark.parametrize("command", ["check", "audit", "show", "diff"])
def test_the_help_and_the_errors_name_it(command: str) -> None:
    assert "semicolons" in run(command, "--help").stdout
    refused = run(command, "a", "b", "--format", "colons")
    assert refused.exit_code == 2
    assert "semicolons" in refused.stderr


def test_a_command_does_not_offer_what_has_no_renderer_for_it() -> None:
    assert "semicolons" not in run("runtime", "--help").stdout
    assert run("runtime", "a", "--format", "semicolons").exit_code == 2
    assert list(formats("runtime")) == ["table", "json"]


def test_every_renderer_that_is_named_is_there() -> None:
    renderers = [each for form in FORMATS for each in (*form.renderers.values(), form.line) if each]
    assert len(renderers) > len(FORMATS)
    assert all(callable(each.load()) for each in renderers)


@pytest.mark.parametrize(
    ("added", "says"),
    [(Format("json", {"check": Renderer(str)}), "there already"), (Format("none", {}), "renders no report")],
)
def test_a_format_that_no_command_could_choose_is_refused(added: Format, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        add_format(added)


def test_the_reference_lists_each_format_with_its_commands() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "output.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (all|`[^|]*`) \|", page, re.MULTILINE))
    ours = {each.name: each.renderers for each in FORMATS}
    every = {command for made in ours.values() for command in made}
    listed = {name: every if told == "all" else set(re.findall(r"`([a-z]+)`", told)) for name, told in rows.items()}
    assert {name: listed.get(name) for name in ours} == {name: set(made) for name, made in ours.items()}
