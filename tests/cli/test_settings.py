"""Options from the environment and from `[settings]` of the policy file; who wins, and what a file may not set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from inspector.cli import settings
from inspector.cli.command import Command
from inspector.cli.option import option, option_key
from inspector.cli.probes_of_settings import all_commands
from tests.cli.program import run

POLICY = '[roles.api]\nmatch = ["*"]\n'


@click.command("show", cls=Command)
@click.argument("references", nargs=-1)
@option("--jobs", type=click.IntRange(min=1))
@option("--offline", is_flag=True)
@option("--verify/--no-verify", default=False)
@option("--import", "imports", multiple=True)
@option("--require", multiple=True)
@option("--policy", type=click.Path())
def command(**given: Any) -> None:
    """Print what was given."""
    click.echo(json.dumps(given))


def given(*arguments: str, **environment: str) -> dict[str, Any]:
    result = told(*arguments, **environment)
    assert result.exit_code == 0, result.output
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def told(*arguments: str, **environment: str) -> Result:
    variables = {f"INSPECTOR_{name}": value for name, value in environment.items()}
    return CliRunner().invoke(command, arguments, env=variables)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "deep")


def write(text: str, name: str = "../inspector.toml") -> None:
    Path(name).write_text(text)


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default() -> None:
    assert given()["jobs"] is None
    write("[settings]\njobs = 2\n")
    assert given()["jobs"] == 2
    assert given(JOBS="3")["jobs"] == 3
    assert given("--jobs", "4", JOBS="3")["jobs"] == 4


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("0", False), ("false", False), ("", True)])
def test_a_flag_in_the_environment(text: str, *, value: bool) -> None:
    write("[settings]\noffline = true\n")
    assert given(OFFLINE=text)["offline"] is value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a b", ["a", "b"]),
        ("a,b", ["a", "b"]),
        (" a, b ,", ["a", "b"]),
        ("x>=1,<2 y", ["x>=1,<2", "y"]),
        ("x>=1,<2,y==1", ["x>=1,<2", "y==1"]),
    ],
)
def test_several_values_in_one_variable(text: str, values: list[str]) -> None:
    assert given(REQUIRE=text)["require"] == values


def test_several_values_in_a_file() -> None:
    write('[settings]\nimport = ["a", "b.c"]\n')
    assert given()["imports"] == ["a", "b.c"]
    assert given("--import", "d")["imports"] == ["d"]
    write('[settings]\nimport = "a"\n')
    assert given()["imports"] == ["a"]


def test_the_settings_of_one_command_beat_those_of_all() -> None:
    write("[settings]\njobs = 2\noffline = true\n[settings.show]\njobs = 5\n[settings.check]\njobs = 7\n")
    assert (given()["jobs"], given()["offline"]) == (5, True)


def test_the_file_is_the_policy_that_is_named_else_the_nearest() -> None:
    write("[settings]\njobs = 2\n")
    write("[settings]\njobs = 3\n", "other.toml")
    write(POLICY, "none.toml")
    assert given("--policy", "other.toml")["jobs"] == 3
    assert given(POLICY="other.toml")["jobs"] == 3
    assert given("--policy", "none.toml")["jobs"] is None
    assert given("--isolated")["jobs"] is None
    assert given(ISOLATED="1")["jobs"] is None


def test_a_nearer_file_without_settings_ends_the_search() -> None:
    write("[settings]\njobs = 2\n")
    write(POLICY, "inspector.toml")
    assert given()["jobs"] is None


def test_pyproject() -> None:
    write("[tool.other]\nsettings = 1\n", "pyproject.toml")
    write("[tool.inspector.settings]\njobs = 2\n", "../pyproject.toml")
    assert given()["jobs"] == 2


def test_help_is_shown_whatever_the_file_says() -> None:
    write("[settings]\njobs = 'x'\nnothing = 1\n")
    assert told("--help").exit_code == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("jbos = 1", "'jbos': no option of inspector has this name; did you mean 'jobs'?"),
        ("role = 'api'", "'role': a policy file may not set it; use --role or INSPECTOR_ROLE"),
        ("offline = 'x'", "'offline': true or false"),
        ("import = [1]", "'import': a text, or a list of texts"),
        ("jobs = [1]", "'jobs': a text or a number"),
        ("jobs = 65", "'jobs': at most 64"),
        ("format = 'json=out.json'", "may not write to files"),
        ("check = 1", "[settings.check]"),
        ("check = {jbos = 1}", "did you mean 'jobs'?"),
    ],
)
def test_what_a_file_may_not_say(text: str, sentence: str, images: Path) -> None:
    write(f"[settings]\n{text}\n")
    done = run("check", "--no-cache", images / "backend-prod.tar")
    assert (done.exit_code, done.stdout) == (2, "")
    assert str(Path("../inspector.toml").resolve()) in done.stderr
    assert sentence in done.stderr


def test_a_value_that_the_option_refuses_is_named_with_its_file() -> None:
    write("[settings]\njobs = 0\n")
    assert f"'jobs' in the settings of {Path('../inspector.toml').resolve()}" in told().stderr
    assert "for INSPECTOR_JOBS:" in told(JOBS="x").stderr
    assert "for '--jobs':" in told("--jobs", "x", JOBS="3").stderr


@pytest.mark.parametrize(
    "option",
    [
        "cache-dir",
        "insecure-registry",
        "trust-toc",
        "output",
        "log",
        "runtime",
        "cluster",
        "watch",
        "isolated",
        "python",
    ],
)
def test_a_cloned_repository_sets_nothing_dangerous(option: str) -> None:
    assert option not in settings.ALLOWED
    write(f"[settings]\n{option} = 'x'\n")
    done = run("show", "none.tar")
    assert done.exit_code == 2
    assert f"'{option}': a policy file may not set it" in done.stderr


def test_every_name_that_is_allowed_or_refused_is_an_option() -> None:
    keys = {option_key(each) for one in all_commands() for each in one.params if isinstance(each, click.Option)}
    assert keys >= settings.ALLOWED


def test_every_option_has_a_variable_and_the_help_shows_it() -> None:
    for one in all_commands():
        options = [each for each in one.params if isinstance(each, click.Option) and not _is_of_no_report(each)]
        shown = " ".join(run("help", *path_of(one)).stdout.split())
        for each in options:
            assert str(each.envvar).startswith("INSPECTOR_"), (one.name, each.name)
            assert f"[env var: {each.envvar}" in shown, (one.name, each.name)


def _is_of_no_report(option: click.Option) -> bool:
    return option_key(option) == "format" and not option.multiple


def test_what_prints_no_report_has_formats_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_FORMAT", "junit")
    assert run("explain", "size").exit_code == 0
    assert run("doctor").stdout


def path_of(one: click.Command) -> list[str]:
    name = str(one.name)
    groups = {"cache": ("info", "prune", "clear"), "fleet": ("matrix", "profile")}
    return [*(group for group, own in groups.items() if name in own), name]


def test_one_variable_is_one_option() -> None:
    variables: dict[str, set[str]] = {}
    for one in all_commands():
        for each in one.params:
            if isinstance(each, click.Option) and each.envvar:
                variables.setdefault(str(each.envvar), set()).add(option_key(each))
    assert [names for names in variables.values() if len(names) > 1] == []


def test_settings_count_for_the_program(images: Path) -> None:
    write('[settings]\nformat = "json"\n' + POLICY)
    assert json.loads(run("check", "--no-cache", images / "backend-prod.tar").stdout)["schema"]
    assert json.loads(run("show", "--no-cache", images / "backend-prod.tar").stdout)["schema"]
    assert run("show", "--no-cache", "--format", "table", images / "backend-prod.tar").stdout[:1] != "{"


def test_a_folder_that_is_gone_has_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "cwd", gone)
    assert settings.nearest() is None
    assert tmp_path.exists()


def test_a_policy_of_the_procedure_has_no_settings() -> None:
    write('{"images": [], "settings": {"jobs": 2}}', "roles.json")
    assert given("--policy", "roles.json")["jobs"] is None


def test_the_command_line_beats_what_excludes_it_in_the_environment(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, policy = images / "worker-cpu.tar", images / "roles.toml"
    monkeypatch.setenv("INSPECTOR_POLICY", str(images / "none.toml"))
    assert run("check", "--torch", "cpu", image).exit_code == 0
    assert run("check", policy, images / "backend-prod.tar").exit_code == 0
    assert run("check", image).exit_code == 2
    monkeypatch.setenv("INSPECTOR_POLICY", "")
    monkeypatch.setenv("INSPECTOR_TORCH", "cuda")
    monkeypatch.setenv("INSPECTOR_REQUIRE", "torch")
    assert run("check", "-p", policy, images / "backend-prod.tar").exit_code == 0
    assert run("check", image).exit_code == 1
    assert run("check", "--torch", "cpu", image).exit_code == 0


def test_several_formats_in_one_variable(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_FORMAT", f"table,json={tmp_path / 'report.json'}")
    done = run("check", images / "roles.toml", images / "backend-prod.tar")
    assert "PASS" in done.stdout
    assert json.loads((tmp_path / "report.json").read_text())["outcome"] == "pass"


def test_help_comes_in_groups() -> None:
    lines = run("check", "--help").stdout.splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Options:", "Images:", "Over time:", "Output:", "Registry:", "Advanced:"]
    assert next(line for line in lines[lines.index("Registry:") :] if "--offline" in line)


def test_help_and_version_as_commands() -> None:
    assert run("help", "cache", "info").stdout == run("cache", "info", "--help").stdout
    assert run("help").stdout == run("--help").stdout
    assert run("version").stdout == run("--version").stdout
    assert run("help", "chekc").exit_code == 2
