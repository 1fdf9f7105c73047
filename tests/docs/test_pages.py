"""Every command, file and program of README and docs, run as pasted: in a fresh folder, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.testing import FakeEngine, FakeRegistry
from inspector.torchbuild import kinds
from tests.docs.blocks import PAGES, ROOT, Command, blocks, commands
from tests.docs.shell import Shell, check_syntax
from tests.docs.world import contain, images, put_archives, registries_conf, registry

SECONDS = re.compile(r"\d+(\.\d+)? s\b")
CHECKED = frozenset({"console", "python", "toml", "dockerfile", "yaml", "json"})
LEFT = frozenset({"text", "pycon", "ini", "gitignore", "sh"})


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives") / "made"


@pytest.fixture(scope="session")
def shared_registry() -> Iterator[FakeRegistry]:
    with registry() as fake:
        yield fake


@pytest.fixture
def shell(
    tmp_path: Path, made: Path, shared_registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    monkeypatch.setattr(kinds, "_ADDED", [])  # CONTRIBUTING adds one
    folder = tmp_path / "work"
    put_archives(folder, made)
    conf = tmp_path / "registries.conf"
    conf.write_text(registries_conf(shared_registry), encoding="utf-8")
    with FakeEngine("containerd", list(images().values())) as engine:
        contain(engine)
        environment = {
            "DOCKER_HOST": engine.address,
            "CONTAINER_HOST": engine.address,
            "CONTAINERS_REGISTRIES_CONF": str(conf),
            "INSPECTOR_CACHE_DIR": str(tmp_path / "cache"),
            "HOME": str(tmp_path),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        yield Shell(folder, environment, engine, shared_registry.host)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_works_as_pasted(page: Path, shell: Shell) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        assert block.language in CHECKED | LEFT, f"{block.where}: a block of {block.language}"
        if block.title and not block.not_run:
            path = shell.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text + "\n", encoding="utf-8")
        elif block.language == "console":
            for command in commands(block):
                _check(command, shell) if not block.not_run else check_syntax(command.text)
        elif block.language == "python" and not block.not_run:
            shell.python(block.text, names, block.where)


def _check(command: Command, shell: Shell) -> None:
    done = shell.run(command.text)
    if done.exit_code is None:
        return
    assert done.exit_code == command.exit_code, f"{command.where}: {command.text}\n{done.shown}"
    if command.output:
        assert re.search(_pattern(command.output), f"{_plain(done.shown)}\n"), f"{command.where}\n{done.shown}"


def _pattern(output: str) -> str:
    """The expression for an output as a page shows it: `…` stands for anything left out, alone for whole lines."""
    lines = (re.escape(line).replace("…", r".*") for line in _plain(output).split("\n"))
    return "".join(r"(?:.*\n)*?" if line.strip() == ".*" else f"{line}\n" for line in lines)


def _plain(text: str) -> str:
    return "\n".join(SECONDS.sub("0 s", line).rstrip() for line in text.split("\n"))
