"""`inspector completion`, and what a shell is offered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.cli import complete, completion
from inspector.sources.containerd import places
from inspector.sources.containerd.places import Place
from inspector.testing import FakeEngine, Image, Step
from tests.cli.program import clean_environment, run
from tests.sources.containerd.nodes import Node

SCRIPT = """
eval "$1"
compopt() { echo "compopt $*"; }
COMP_LINE="$2"; COMP_POINT=${#2}; COMPREPLY=()
parts="${2//:/ : }"; parts="${parts//=/ = }"; read -ra COMP_WORDS <<< "$parts"
[[ $2 == *[[:space:]] ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_inspector_completion inspector
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(line: str, shell: str, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> str:
    """What the program answers to a shell's script."""
    monkeypatch.setenv(completion.VARIABLE, f"{shell}_complete")
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORDS", line)
    words = line.split(" ")
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
    with pytest.raises(SystemExit) as ended:
        completion.answer()
    assert ended.value.code == 0
    return capsysbinary.readouterr().out.decode()


class Shell:
    """Asks for completions as bash does, within this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]) -> None:
        self.monkeypatch = monkeypatch
        self.capture = capture

    def __call__(self, line: str, shell: str = "bash") -> list[str]:
        """The lines of the answer."""
        return offered(line, shell, self.monkeypatch, self.capture).splitlines()


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Shell:
    return Shell(monkeypatch, capsysbinary)


def test_commands_options_and_choices(shell: Shell) -> None:
    assert shell("inspector che") == ["plain,check", "file,che"]
    assert "plain,--platform" in shell("inspector show --pl")
    assert shell("inspector check --format js") == ["plain,json"]
    assert shell("inspector check --format=js") == ["plain,json"]
    assert shell("inspector check --platform linux/amd") == ["plain,linux/amd64"]
    assert shell("inspector explain torch-b") == ["plain,torch-build"]
    assert shell("inspector cache i") == ["plain,info"]


def test_images_of_the_engine_and_files(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})], tags=["api:1", "api:2"])
    with FakeEngine(images=[image]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        assert shell("inspector show ap") == ["plain,api:1", "plain,api:2", "file,ap"]
        assert shell("inspector ap") == ["plain,api:1", "plain,api:2", "file,ap"]
        assert shell("inspector api:1 api:2") == ["plain,api:2", "file,api:2"]
        assert shell("inspector api:1 --pla") == ["plain,--platform"]
        assert shell("inspector diff api:1 api:2") == ["plain,api:2", "file,api:2"]
        assert shell("inspector check docker:api:1") == ["plain,docker:api:1", "file,docker:api:1"]
        asked = len(engine.requests)
        assert shell("inspector show ./ap") == ["file,./ap"]
        assert len(engine.requests) == asked, "what is a path is no image"
        assert {each.method for each in engine.requests} == {"GET"}


def test_images_of_containerd(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(tmp_path)
    node.put(Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})]), "docker.io/library/api:1")
    found = [Place(node.write())]
    monkeypatch.setattr(places, "find_places", lambda: found)
    assert shell("inspector show containerd:a") == ["plain,containerd:api:1", "file,containerd:a"]


def test_an_engine_that_does_not_answer_is_not_waited_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complete, "ENGINE_SECONDS", 0.05)
    assert shell("inspector show api") == ["file,api"]


def test_roles_of_the_nearest_policy(
    shell: Shell, images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(images / "roles.toml", tmp_path / "inspector.toml")
    monkeypatch.chdir(tmp_path)
    roles = shell("inspector check --role ")
    assert roles
    assert all(each.startswith("plain,") for each in roles)
    (tmp_path / "inspector.toml").write_text("no toml")
    assert shell("inspector check --role ") == [""]


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_the_other_shells_are_answered(name: str, shell: Shell) -> None:
    expected = {"zsh": ["plain", "torch-build", "_"], "fish": ["plain,torch-build"]}
    assert shell("inspector explain torch-b", name) == expected[name]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(name: str) -> None:
    done = run("completion", name)
    assert done.exit_code == 0
    assert completion.VARIABLE in done.stdout
    assert "inspector" in done.stdout


@pytest.mark.parametrize("value", ["bash_source", "tcsh_complete", ""])
def test_an_unknown_question_is_an_error_without_words(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(completion.VARIABLE, value)
    with pytest.raises(SystemExit) as ended:
        completion.answer()
    assert ended.value.code == 1


@pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="no bash")
def test_bash_parts_words_at_colons_and_knows_files(tmp_path: Path) -> None:
    (tmp_path / "api.tar").touch()
    program = tmp_path / "bin" / "inspector"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m inspector "$@"\n')
    program.chmod(0o755)
    image = Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})], tags=["api:prod"])
    with FakeEngine(images=[image]) as engine:
        more = {"DOCKER_HOST": engine.address, "PATH": f"{program.parent}:{os.environ['PATH']}"}

        def bash(line: str) -> list[str]:
            command = ["bash", "-c", SCRIPT, "bash", run("completion", "bash").stdout, line]
            done = subprocess.run(
                command, cwd=tmp_path, env=clean_environment(more), capture_output=True, check=True, text=True
            )
            return done.stdout.split()

        assert bash("inspector show ap") == ["api:prod", "api.tar"]
        assert bash("inspector show api:p") == ["prod"]
        assert bash("inspector show zz") == ["compopt", "-o", "default"]
