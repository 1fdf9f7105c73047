"""The README's tables and help are what the program prints, and its policy is one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from fixtures.__main__ import write_all
from inspector.cli.root import COMMANDS
from inspector.policy.load import load_policy
from tests.cli.program import start

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WIDTH = "100"
WRONG = "wrong/worker-gpu-with-cpu.tar"
SECONDS = re.compile(r"\d+\.\d\d s")


def printed(*arguments: str, cwd: Path = ROOT) -> str:
    """What the program prints as a reader of the README would see it, without colour."""
    return start(*arguments, cwd=cwd, environment={"COLUMNS": WIDTH, "NO_COLOR": "1"}).stdout.decode()


def console(*entries: tuple[str, str]) -> str:
    return "".join(f"```console\n$ {command}\n{output.rstrip()}\n```\n\n" for command, output in entries).rstrip()


def table_of_the_right(demo: Path) -> str:
    return console(("inspector check roles.toml", printed("check", "--no-cache", "roles.toml", cwd=demo)))


def table_of_the_wrong(demo: Path) -> str:
    shown = f"inspector check roles.toml {WRONG}"
    return console((shown, printed("check", "--no-cache", "roles.toml", WRONG, cwd=demo)))


def helps(_: Path) -> str:
    entries = [("inspector --help", printed("--help"))]
    entries += [(f"inspector {name} --help", printed(name, "--help")) for name in COMMANDS]
    return console(*entries)


BLOCKS = {"table:right": table_of_the_right, "table:wrong": table_of_the_wrong, "help": helps}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_all(folder)
    return folder


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_what_the_program_prints(name: str, demo: Path, request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    closing = "/" + name.partition(":")[0]
    pattern = re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- {closing} -->)", re.DOTALL)
    expected = BLOCKS[name](demo) + "\n"
    ((opening, found, end),) = pattern.findall(text)
    if request.config.getoption("--update-golden"):
        README.write_text(pattern.sub(lambda _: opening + expected + end, text), encoding="utf-8")
        return
    assert SECONDS.sub("0.00 s", found) == SECONDS.sub("0.00 s", expected)


def test_the_policy_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "inspector.toml"
    path.write_text(shown, encoding="utf-8")
    policy = load_policy(path)
    assert [role.name for role in policy.roles] == list(tomllib.loads(shown)["roles"])


def test_the_commands_for_a_clone_are_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z]+)", README.read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_links_lead_to_files() -> None:
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / path).is_file(), path
