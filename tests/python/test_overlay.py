"""What an entrypoint does to files, laid over those of the image."""

from __future__ import annotations

from pathlib import Path

import pytest

import inspector
from fixtures.bases import program
from fixtures.forms import archive
from fixtures.forms.docker import from_25
from fixtures.pythons import venv
from fixtures.torches import torch_cpu, torch_needs
from fixtures.wheels import install
from inspector.errors import NotFound
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.python.overlay import REMOVED, LaidReader, LaidRootfs, Placed, with_placed
from inspector.python.question import Question, ask
from inspector.rootfs import Kind, Node, NotKept
from inspector.testing.image import Image, Step
from inspector.testing.tree import File, Tree
from inspector.torchbuild import find_torch
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, slim

SITE = "/usr/local/lib/python3.11/site-packages"
TOOLS = ("rm", "mv", "cp", "ln", "mkdir", "touch", "cat", "chmod")
IMAGE: Tree = {
    **slim(torch_cpu()),
    **venv("opt/cpu"),
    **install("opt/cpu/lib/python3.11/site-packages", *torch_needs(), torch_cpu("2.12.0+cpu")),
    **{f"usr/bin/{name}": program() for name in TOOLS},
    "app/x": b"",
}
FILE = Node(Kind.FILE, 0o644, 2)


def with_script(*lines: str) -> Tree:
    text = "\n".join(("#!/bin/bash", *lines, 'exec "$@"', ""))
    return {**IMAGE, "e": File(text.encode(), 0o755)}


def question_of(*lines: str, user: str = "", whole: bool = True) -> Question:
    """What a script of root makes of `python`; unless `whole`, not every file can be read."""
    fs = rootfs_of(with_script(*lines))
    config = config_of(env=ENV, entrypoint=["/e"], working_dir="/app", user=user)
    return ask(fs, config, "python", fs.read if whole else None)


def imports(*lines: str) -> str:
    """The torch that is imported behind a script, or why none is."""
    fs = rootfs_of(with_script(*lines))
    config = config_of(env=ENV, entrypoint=["/e"], working_dir="/app")
    question = ask(fs, config, "python", fs.read)
    if question.doubts or question.may_fail or question.fails:
        return "; ".join((*question.doubts, *question.may_fail, question.fails))
    interpreter, _ = find_interpreter(fs, config, question=question)
    seen, content = question.seen(fs), question.reads(fs, fs.read)
    installed, _ = find_distributions(seen, interpreter)
    torch, _, _ = find_torch(seen, question.config, interpreter, installed, content=content)
    return str(torch.version) if torch.importable == "yes" else str(torch.importable)


WRAPPER = r"printf '#!/bin/sh\nexec /opt/cpu/bin/python \"$@\"\n' > /w/python"


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ((f"rm -rf {SITE}/torch",), "no"),
        ((f"mv {SITE}/torch {SITE}/torch.bak",), "no"),
        ((f"rm -f {SITE}/torch",), "2.13.0+cpu"),
        (("touch torch.py", "rm torch.py"), "2.13.0+cpu"),
        (("mkdir -p torch",), "2.13.0+cpu"),
        (("echo 'raise SystemExit' > torch.py",), "no"),
        ((f"mkdir -p /srv && mv {SITE}/torch /srv && export PYTHONPATH=/srv",), "2.13.0+cpu"),
        (("ln -sfn /opt/cpu /opt/venv && PATH=/opt/venv/bin:$PATH",), "2.12.0+cpu"),
        (("cp -r /opt/cpu /opt/copy && PATH=/opt/copy/bin:$PATH",), "2.12.0+cpu"),
        (("echo 'PATH=/opt/cpu/bin:$PATH' > /tmp/env && . /tmp/env",), "2.12.0+cpu"),
        (("cat > /env <<E", "PATH=/opt/cpu/bin:$PATH", "E", ". /env"), "2.12.0+cpu"),
        (("[ -e /made ] || touch /made", "if [ -e /made ]; then PATH=/opt/cpu/bin:$PATH; fi"), "2.12.0+cpu"),
        (("mkdir -p /w", WRAPPER, "chmod +x /w/python", "PATH=/w:$PATH"), "2.12.0+cpu"),
        (("echo 'exec /opt/cpu/bin/python \"$@\"' > /w", "set -- bash /w -c 'import torch'"), "2.12.0+cpu"),
        (("(rm -rf /opt/cpu/bin)", "PATH=/opt/cpu/bin:$PATH"), "2.13.0+cpu"),
    ],
)
def test_what_is_surely_done_decides(lines: tuple[str, ...], answer: str) -> None:
    assert imports(*lines) == answer


@pytest.mark.parametrize(
    "line",
    [
        f"rm -rf {SITE}/torch &",
        f"if read x; then rm -rf {SITE}/torch; fi",
        f"rm -ri {SITE}/torch",
        f"cp -r /opt/cpu/lib/python3.11/site-packages/torch {SITE}/",
        "date > torch.py",
    ],
)
def test_what_is_not_sure_is_a_doubt(line: str) -> None:
    question = question_of(line)
    assert question.may_fail or question.doubts


def test_an_image_is_told_of_as_its_entrypoint_leaves_it(tmp_path: Path) -> None:
    steps = [Step("COPY . /", with_script(f"rm -rf {SITE}/torch"))]
    env = [f"{name}={value}" for name, value in ENV.items()]
    image = Image(steps=steps, env=env, entrypoint=["/e"], tags=["a:1"])
    facts = inspector.inspect(archive("docker-archive", from_25)(tmp_path / "a.tar", [image]))
    assert (facts.torch.installed, facts.torch.importable) == (False, "no")
    assert f"the image's entrypoint changes '{SITE}/torch' before Python starts" in facts.warnings


def test_without_every_file_what_is_done_is_a_doubt() -> None:
    question = question_of(f"rm -rf {SITE}/torch", whole=False)
    assert (question.laid, len(question.may_fail)) == ({}, 1)


def test_another_user_may_not_remove_what_is_of_root() -> None:
    question = question_of(f"rm -f {SITE}/torch/version.py", "touch /x", user="1000")
    assert not question.laid
    assert not (*question.may_fail, *question.doubts, *question.fails)


def test_what_a_python_does_not_see_is_not_laid_over() -> None:
    assert not question_of("mkdir -p /data /var/log/app", "touch /data/x", "ln -s /data /app/data").laid


def test_the_files_with_changes_laid_over_them() -> None:
    base = rootfs_of({"a/b/c": b"1", "a/pyvenv.cfg": b"2", "m/pyvenv.cfg": b"3"})
    laid = with_placed({}, "/a/b", REMOVED)
    laid = with_placed(with_placed(laid, "/a/w", Placed(FILE, b"ww")), "/n", Placed(origin="/m"))
    fs = LaidRootfs(base, laid)
    assert (fs.lstat("/a/b"), fs.lstat("/a/b/c")) == (None, None)
    assert sorted(fs.scandir("/a")) == ["pyvenv.cfg", "w"]
    assert sorted(fs.scandir("/n")) == ["pyvenv.cfg"]
    assert (fs.read("/n/pyvenv.cfg"), fs.read("/a/w"), fs.head("/a/w"), fs.read("/a/pyvenv.cfg")) == (
        b"3",
        b"ww",
        b"ww",
        b"2",
    )
    with pytest.raises(NotFound):
        fs.read("/a/b/c")
    with pytest.raises(NotKept):
        fs.skeleton("/a/w")
    reader = LaidReader(base, laid, base.read)
    assert (reader("/n/pyvenv.cfg"), reader("/a/w"), reader.modified("/a/w")) == (b"3", b"ww", None)
