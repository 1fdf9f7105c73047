"""`inspector IMAGE`: images without a command, and commands that are misspelt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.cli import bare
from tests.cli.program import run


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The images of an engine, none at first."""
    images: set[str] = set()
    monkeypatch.setattr(bare, "_is_in_an_engine", images.__contains__)
    return images


@pytest.mark.parametrize("before", [[], ["-f", "json"], ["--format=json"], ["-fjson"], ["-q"], ["--python", "python3"]])
@pytest.mark.parametrize("behind", [[], ["--offline"]])
def test_an_image_alone_is_shown(before: list[str], behind: list[str], images: Path) -> None:
    done = run(*before, images / "worker-cpu.tar", *behind)
    assert done.exit_code == 0, done.output
    assert "2.13.0+cpu" in done.stdout
    assert done.stdout.startswith("{") is any("json" in word for word in before)


def test_several_images_and_standard_input(images: Path) -> None:
    done = run(images / "worker-cpu.tar", images / "worker-gpu.tar", "-f", "json")
    assert [each["torch"]["build"] for each in json.loads(done.stdout)["images"]] == ["cpu", "cuda"]
    assert "2.13.0+cpu" in run("-", stdin=(images / "worker-cpu.tar").read_bytes()).stdout


@pytest.mark.parametrize(
    ("word", "meant"), [("chekc", "check"), ("adit", "audit"), ("scan", "show"), ("shcema", "schema")]
)
def test_a_misspelt_command_is_no_image(word: str, meant: str, engine: set[str], tmp_path: Path) -> None:
    done = run(word, tmp_path / "none.tar")
    assert done.exit_code == 2
    assert f"no such command '{word}'; did you mean '{meant}'?" in done.stderr
    engine.add(word)
    assert run(word, tmp_path / "none.tar", "--offline").exit_code == 3


@pytest.mark.usefixtures("engine")
def test_a_file_is_an_image_whatever_it_is_called(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chekc").write_bytes((images / "worker-cpu.tar").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert run("chekc").exit_code == 0


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ["chekc:1", "team/chekc", "postgres", "python3.12"])
def test_a_name_that_is_no_word_like_a_command_is_an_image(name: str) -> None:
    assert run(name, "--offline").exit_code == 3


def test_a_policy_alone_is_for_check(images: Path) -> None:
    done = run(images / "roles.toml")
    assert done.exit_code == 2
    assert f"did you mean 'inspector check {images / 'roles.toml'}'?" in done.stderr


def test_options_before_a_command_are_told_their_place(images: Path) -> None:
    done = run("-q", "check", images / "roles.toml")
    assert done.exit_code == 2
    assert "'inspector check -q'" in done.stderr
    assert "no such option '--nonsense'" in run("--nonsense", images / "worker-cpu.tar").stderr


def test_without_an_engine_no_word_is_an_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "CONTAINER_HOST"):
        monkeypatch.setenv(name, f"unix://{tmp_path}/none.sock")
    assert run("chekc").exit_code == 2


def test_a_name_longer_than_any_file_is_an_image() -> None:
    for name in ("a" * 300, "a" * 300 + ".toml"):
        done = run(name, "--offline")
        assert done.exit_code == 3
        assert "fault of inspector" not in done.stderr
