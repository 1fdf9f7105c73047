"""What programs do to files, as GNU's own do it: the files that we say are left are those that are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from fixtures.bases import program
from inspector.python.environment import Environment
from inspector.python.overlay import laid_over
from inspector.python.shell.run import Shell
from inspector.python.shell.state import Run, State
from inspector.rootfs import Kind, Rootfs, walk
from tests.loader.host import DirectoryRootfs

SEEDS = range(600 if os.environ.get("INSPECTOR_TESTS") == "thorough" else 80)
_FILES = ("a/f", "a/g", "b/f", "f", "a/sub/h")
_PATHS = ("a", "b", "a/f", "a/sub", "b/f", "f", "new", "new/x", "a/new", "link", "b/link", "none/x", "a/", "to/f")
_LINES = (
    *("rm {}", "rm -f {}", "rm -rf {}", "rm -r {} {}", "unlink {}", "mv {} {}", "mv -f {} {}", "cp {} {}"),
    *("cp -r {} {}", "cp -a {} {}", "ln -s {} {}", "ln -sf {} {}", "ln -sfn {} {}", "mkdir {}", "mkdir -p {}"),
    *("touch {}", "echo text > {}", "echo more >> {}", "printf 'a%s\\n' b > {}", ": > {}", "cat > {} <<X\n$PWD 1\nX"),
    *(
        "(rm -f {}; touch {})",
        "rm {} || touch {}",
        "mkdir {} && touch {}",
        "if rm {}; then touch {}; fi",
        "chmod +x {}",
    ),
)
_TOOLS = ("rm", "unlink", "mv", "cp", "ln", "mkdir", "touch", "cat", "chmod", "end")
BASH = pytest.mark.skipif(shutil.which("bash") is None or os.geteuid() != 0, reason="needs bash, and files of root")


def _lines(seed: int) -> str:
    random = Random(seed)
    lines = (random.choice(_LINES) for _ in range(random.randrange(1, 5)))
    return "\n".join("".join(part.replace("{}", random.choice(_PATHS), 1) for part in _parts(line)) for line in lines)


def _parts(line: str) -> list[str]:
    return [f"{part}{'{}' * more}" for part, more in zip(line.split("{}"), [1] * line.count("{}") + [0], strict=True)]


def _tree(top: Path) -> None:
    for name in _FILES:
        (top / "w" / name).parent.mkdir(parents=True, exist_ok=True)
        (top / "w" / name).write_text(f"{name}\n")
    (top / "w/link").symlink_to("a/f")
    (top / "w/b/link").symlink_to("../a")
    (top / "w/to").symlink_to("b")
    (top / "bin").mkdir()
    for name in _TOOLS:
        (top / "bin" / name).write_bytes(program().data)
        (top / "bin" / name).chmod(0o755)


def _told(fs: Rootfs) -> dict[str, tuple[Kind, object]]:
    """What lies in the folder: of links their texts, of files what is in them and whether they are programs."""
    found: dict[str, tuple[Kind, object]] = {}
    for folder, nodes in walk(fs, "/w"):
        for name, node in nodes.items():
            path = f"{folder}/{name}"
            content: object = ""
            if node.kind is Kind.SYMLINK:
                content = fs.readlink(path).rstrip("/")
            elif node.kind is Kind.FILE:
                content = fs.read(path)[-3:], bool(node.mode & 0o111)
            found[path] = (node.kind, content)
    return found


def _said(text: str, top: Path) -> list[Run]:
    environment = Environment(variables={"PATH": "/bin"}, cwd="/w", home="/", user="", uid=0)
    return Shell(DirectoryRootfs(str(top)), lambda *_: "").script(text, State(environment, ("e",), dialect="bash"))


@BASH
def test_the_files_that_are_left_are_those_that_are_said(tmp_path: Path) -> None:
    wrong, sure = [], 0
    for seed in SEEDS:
        text, top, real = f"{_lines(seed)}\nexec end", tmp_path / f"{seed}", tmp_path / f"{seed}-real"
        _tree(top)
        ends = _said(text, top)
        if len(ends) != 1 or ends[0].environment.changed:
            continue
        sure += 1
        shutil.copytree(top, real, symlinks=True)
        given = {"PATH": os.environ["PATH"]}
        subprocess.run(["bash", "-c", text], cwd=real / "w", env=given, capture_output=True, check=False, timeout=20)
        ours = _told(laid_over(DirectoryRootfs(str(top)), ends[0].environment.laid))
        truth = _told(DirectoryRootfs(str(real)))
        if ours != truth:
            wrong.append(
                f"seed {seed}: {text}\nwe say {ours.items() - truth.items()}\nnot {truth.items() - ours.items()}"
            )
    assert not wrong, "\n\n".join(wrong)
    assert sure > len(SEEDS) // 3
