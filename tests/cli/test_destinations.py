"""Where reports go: several formats in one run, files by their endings, and what is refused before any work."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from inspector.cli.destinations import STDOUT, Destination, destinations
from inspector.errors import UsageError
from inspector.report.formats import FORMATS, Command, formats, names
from tests.cli.program import run

JSON, TABLE, XML = Path("a.json"), Path("a.txt"), Path("a.xml")


@pytest.mark.parametrize(
    ("asked", "output", "expected"),
    [
        ([], None, [("table", None)]),
        ([], STDOUT, [("table", None)]),
        ([], JSON, [("json", JSON)]),
        ([], Path("report"), [("table", Path("report"))]),
        ([], Path("A.XML"), [("junit", Path("A.XML"))]),
        ([Destination("json")], None, [("json", None)]),
        ([Destination("json"), Destination("json")], None, [("json", None)]),
        ([Destination("json")], XML, [("json", XML)]),
        ([Destination("junit", XML)], None, [("junit", XML)]),
        ([Destination("junit", XML)], JSON, [("junit", XML), ("json", JSON)]),
        ([Destination("table"), Destination("junit", XML)], TABLE, [("junit", XML), ("table", TABLE)]),
        ([Destination("json", STDOUT)], TABLE, [("json", None), ("table", TABLE)]),
        ([Destination("json", JSON), Destination("json")], None, [("json", JSON), ("json", None)]),
    ],
)
def test_where_each_format_goes(
    asked: list[Destination], output: Path | None, expected: list[tuple[str, Path | None]]
) -> None:
    assert [(each.form, each.file) for each in destinations("check", asked, output)] == expected


@pytest.mark.parametrize(
    ("asked", "output", "says"),
    [
        ([Destination("table"), Destination("json")], None, "table and json are both for standard output"),
        ([Destination("table"), Destination("json")], TABLE, "table and json are both for a.txt"),
        ([Destination("table"), Destination("json", STDOUT)], None, "two formats are for standard output"),
        ([Destination("table", JSON), Destination("json", Path("./b/../a.json"))], None, "two formats are for "),
        ([Destination("table"), Destination("json", JSON)], JSON, "two formats are for a.json"),
    ],
)
def test_two_formats_for_one_place_are_refused(asked: list[Destination], output: Path | None, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        destinations("check", asked, output)
    assert says in str(refused.value)


@pytest.mark.parametrize("command", ["show", "fleet", "runtime"])
def test_an_ending_of_a_format_that_the_command_lacks_is_refused(command: Command) -> None:
    with pytest.raises(UsageError, match=rf"`{command}` has no format 'junit'; it has table, json"):
        destinations(command, [], XML)


def test_no_two_formats_claim_an_ending() -> None:
    endings = [ending for form in FORMATS for ending in form.endings]
    assert len(endings) == len(set(endings))
    assert all(ending == ending.lower() and ending.startswith(".") for ending in endings)


def test_one_run_writes_every_format(images: Path, tmp_path: Path) -> None:
    written = {"junit": tmp_path / "r.xml", "markdown": tmp_path / "s.md", "json": tmp_path / "r.json"}
    options = [word for name, file in written.items() for word in ("-f", f"{name}={file}")]
    done = run("check", images / "wrong.toml", "--only-failed", "-f", "table", *options)
    assert done.exit_code == 1
    assert "✘ FAIL" in done.stdout
    assert json.loads(written["json"].read_text(encoding="utf-8"))["outcome"] == "fail"
    assert len(ET.parse(written["junit"]).getroot()) > 1
    assert "| Image |" in written["markdown"].read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["show", "diff"])
def test_other_commands_write_several_formats_too(command: str, images: Path, tmp_path: Path) -> None:
    references = [images / "worker-cpu.tar"] * (2 if command == "diff" else 1)
    done = run(command, *references, "-f", f"table={tmp_path / 'r.txt'}", "-f", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["schema"]
    assert (tmp_path / "r.txt").stat().st_size > 0


@pytest.mark.parametrize("name", names())
def test_the_name_of_a_format_is_no_file(
    name: str, images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("show", images / "worker-cpu.tar", "-o", name)
    assert done.exit_code == 2
    assert f"did you mean --format {name}?" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert "--format" not in run("completion", "bash", "-o", name).stderr
    assert run("show", images / "worker-cpu.tar", "-o", f"./{name}").exit_code == 0
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize("value", ["json=", "yaml", "yaml=x", ""])
def test_a_format_that_is_none_is_refused(value: str, images: Path) -> None:
    assert run("show", images / "worker-cpu.tar", "-f", value).exit_code == 2


def test_no_file_is_written_where_one_of_them_cannot_be(images: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "r.json", tmp_path / "missing" / "r.xml"
    done = run("check", images / "roles.toml", "-f", f"json={good}", "-f", f"junit={bad}", "no-such-image.tar")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"inspector: error: {bad}: no such directory")
    assert not good.exists()


def test_the_help_names_the_formats_of_each_command() -> None:
    for command in ("check", "show"):
        assert f"--format [{'|'.join(formats(command))}][=FILE]" in run(command, "--help").stdout
