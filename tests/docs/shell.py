"""Runs the commands of a page in its folder: `inspector` within this process, files' tools by a shell.

What would change this machine or leave it (`pip install`, `docker push`, `git`) is not run; its words are checked.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
from click.testing import CliRunner

from inspector.cli.root import cli
from inspector.testing import FakeEngine
from tests.docs.blocks import ROOT
from tests.docs.world import HOST, built, exported, inspected, put, save

NAME = "torch-image-inspector"
_TOOLS = frozenset({"cat", "cp", "echo", "jq", "ls", "mkdir", "mv", "rm", "tar", "test"})
_OURS = (["inspector"], [NAME], ["uvx", NAME], ["pipx", "run", NAME], ["uv", "tool", "run", NAME])
_INSTALLS = (["pip", "install"], ["pipx", "install"], ["uv", "tool", "install"], ["uv", "pip", "install"])
_OUTSIDE = frozenset({"cd", "docker", "git", "pre-commit", "source", "uv", "pip", "podman", "skopeo", "sudo", "python"})
_OPERATORS = frozenset({"|", ">", ">>", "&&", ";", "<"})


class Done(NamedTuple):
    """How a command ended; None where it was not run."""

    exit_code: int | None
    shown: str
    stdout: bytes = b""


class Shell:
    """One page's folder, environment and engine; `run` takes the commands as they are typed."""

    def __init__(self, folder: Path, environment: dict[str, str], engine: FakeEngine, registry: str) -> None:
        self.folder = folder
        self.registry = registry
        self.environment = environment
        self.engine = engine
        self.containers: dict[str, str] = {}

    def run(self, command: str) -> Done:
        """Run one line: a command, a pipe, or an output to a file."""
        words = _words(command)
        if words[0] == "export":
            self.environment.update(dict([words[1].split("=", 1)]))
            return Done(0, "")
        target = None
        if ">" in words:
            at = words.index(">")
            target, words = self.folder / words[at + 1], words[:at]
        done = self._pipe(words)
        if target is not None and done.exit_code is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(done.stdout)
            return Done(done.exit_code, "")
        return done

    def _pipe(self, words: list[str]) -> Done:
        done, given = Done(None, ""), b""
        for part in _parts(words):
            done = self._one(part, given)
            if done.exit_code is None:
                return done
            given = done.stdout
        return done

    def _one(self, words: list[str], given: bytes) -> Done:
        variables = {}
        while re.match(r"[A-Z_]+=", words[0]):
            variables.update(dict([words.pop(0).split("=", 1)]))
        arguments = ours(words)
        if arguments is not None:
            return self._inspector(arguments, given, variables)
        done = self._docker(words[1], words[2:]) if words[0] == "docker" else None
        if done is not None:
            return done
        if words[0] in _TOOLS or (words[0] == "python" and (words[1].endswith(".py") or words[1:3] == ["-m", "venv"])):
            return self._process([sys.executable, *words[1:]] if words[0] == "python" else words, given)
        check_outside(words)
        return Done(None, "")

    def _inspector(self, arguments: list[str], given: bytes, variables: dict[str, str]) -> Done:
        expanded = [found for word in arguments for found in self._expanded(word)]
        if "--catalog" in expanded:  # a catalog is asked of the host itself, whatever registries.conf says
            at = expanded.index("--catalog") + 1
            expanded[at] = expanded[at].replace(HOST, self.registry)
        with self._entered({**self.environment, **variables}):
            result = CliRunner().invoke(cli, expanded, input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.output, result.stdout_bytes)

    @contextlib.contextmanager
    def _entered(self, environment: dict[str, str]) -> Iterator[None]:
        before = Path.cwd(), dict(os.environ)
        os.chdir(self.folder)
        os.environ.update(environment)
        try:
            yield
        finally:
            os.chdir(before[0])
            os.environ.clear()
            os.environ.update(before[1])

    def python(self, code: str, names: dict[str, object], where: str) -> None:
        """Run a block of Python in the page's folder."""
        with self._entered(self.environment), contextlib.redirect_stdout(None):
            exec(compile(code, where, "exec"), names)

    def _expanded(self, word: str) -> list[str]:
        """The files that a shell's pattern names; other words stay."""
        if not re.search(r"[*?]", word) or ":" in word:
            return [word]
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob(word)) or [word]

    def _process(self, words: list[str], given: bytes) -> Done:
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            words, cwd=self.folder, env=environment, input=given, capture_output=True, timeout=60, check=False
        )
        return Done(done.returncode, (done.stdout + done.stderr).decode(), done.stdout)

    def _docker(self, what: str, words: list[str]) -> Done | None:
        """Do what the fake engine can; None for a command that is not run."""
        match what:
            case "save":
                return self._save(words)
            case "build":
                return self._build(words)
            case "create":
                self.containers[words[words.index("--name") + 1]] = words[-1]
                return Done(0, "")
            case "export" | "inspect":
                return self._container(what, words)
            case _:
                return None

    def _save(self, words: list[str]) -> Done:
        path = self.folder / ".saved.tar"
        if words[0] == "-o":
            path, words = self.folder / words[1], words[2:]
        save(self.engine, words, path)
        return Done(0, "", b"" if path.name != ".saved.tar" else path.read_bytes())

    def _container(self, what: str, words: list[str]) -> Done:
        """Give what `docker export` or `docker inspect` does of a container that the page has created."""
        image = self.containers[words[-1]]
        content = exported(self.engine, image) if what == "export" else inspected(self.engine, image)
        if words[0] == "-o":
            (self.folder / words[1]).write_bytes(content)
            return Done(0, "")
        return Done(0, "", content)

    def _build(self, words: list[str]) -> Done:
        file = words[words.index("-f") + 1] if "-f" in words else "Dockerfile"
        put(self.engine, words[words.index("-t") + 1], built((self.folder / file).read_text(encoding="utf-8")))
        return Done(0, "")


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|>;&<")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words = list(lexer)
    assert not {"&&", ";", "<", ">>"} & set(words), f"one command a line, please: {command}"
    return words


def _parts(words: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in words:
        if word == "|":
            yield part
            part = []
        else:
            part.append(word)
    yield part


def ours(words: list[str]) -> list[str] | None:
    """What is behind our own command, however it is started; None for other commands."""
    return next((words[len(start) :] for start in _OURS if words[: len(start)] == start), None)


def check_outside(words: list[str]) -> None:
    """Check a command that is not run: an install names our distribution, `make` a target, others are known."""
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert all(re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE) for word in words[1:] if "=" not in word)
        return
    start = next((start for start in _INSTALLS if words[: len(start)] == start), None)
    if start is not None:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        named = [word for word in words[len(start) :] if not word.startswith("-")]
        allowed = {NAME, *(f"{NAME}[{extra}]" for extra in extras)}
        assert named, words
        assert all(name in allowed or name.endswith((".whl", ".")) or "/" in name for name in named), words
        return
    assert words[0] in _OUTSIDE, f"unknown to the tests of the pages: {shlex.join(words)}"


def check_syntax(command: str) -> None:
    """Check the words of every `inspector` in a line against the options that commands declare."""
    for part in _parts(_words(command.replace("&&", "|").replace(";", "|"))):
        arguments = ours([word for word in part if not re.match(r"[A-Z_]+=", word)])
        if arguments:
            _check_arguments(arguments, command)


def _check_arguments(arguments: list[str], line: str) -> None:
    context = click.Context(cli, info_name="inspector")
    command: click.Command | None = cli.get_command(context, arguments[0])
    if command is None:
        command = cli.get_command(context, "show")
    elif isinstance(command, click.Group) and len(arguments) > 1 and not arguments[1].startswith("-"):
        command = command.get_command(context, arguments[1])
    assert command is not None, line
    known = {name for each in (command, cli) for param in each.params for name in (*param.opts, *param.secondary_opts)}
    known |= {"-h", "--help", "--version", "-V"}
    for word in arguments:
        option = word.partition("=")[0]
        assert not word.startswith("--") or option in known, f"{line}: no option {option}"
