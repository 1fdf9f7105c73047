"""What supervisord starts."""

from __future__ import annotations

import pytest

from inspector.python.question import started
from inspector.testing.tree import Tree
from tests.python.test_follow import ENV, IMAGE
from tests.python.test_follow_users import read_from
from tests.support import config_of, rootfs_of

CONF = '[supervisord]\nnodaemon=true\nenvironment=A="1,2"\n'


def run(text: str, *words: str, more: Tree | None = None) -> object:
    """The Python that is started and its variables, or why that is not known."""
    tree: Tree = {**IMAGE, "etc/supervisord.conf": (CONF + text).encode(), **(more or {})}
    told = started(
        rootfs_of(tree), config_of(env=ENV, cmd=["supervisord", *words], working_dir="/app"), read_from(tree)
    )
    if told.unknown is not None:
        return told.unknown.unknown
    assert told.question is not None
    return told.question.command, told.question.config.env, told.question.config.working_dir


def test_its_python_with_its_variables() -> None:
    text = '[program:a]\ncommand=.venv/bin/python x.py ; a remark\nenvironment=B="%(ENV_PATH)s:x",C=2\ndirectory=/app\n'
    found = run(text, "-n", "-c", "/etc/supervisord.conf")
    assert isinstance(found, tuple)
    assert found[0] == ".venv/bin/python"
    assert {name: found[1][name] for name in "ABC"} == {"A": "1,2", "B": f"{ENV['PATH']}:x", "C": "2"}


def test_programs_that_are_not_python_run_beside() -> None:
    text = "[program:web]\ncommand=node x.js\n[program:app]\ncommand=python x.py\n"
    off = "[program:off]\ncommand=/app/.venv/bin/python\nautostart=false\n"
    found = run(text + off)
    assert isinstance(found, tuple)
    assert found[0] in ("python", "/usr/local/bin/python")


def test_files_that_it_includes() -> None:
    more: Tree = {"etc/conf.d/a.conf": b"[program:a]\ncommand=%(here)s/../../app/.venv/bin/python\n"}
    found = run("[include]\nfiles=conf.d/*.conf\n", more=more)
    assert isinstance(found, tuple)
    assert found[0].endswith("/app/.venv/bin/python")


@pytest.mark.parametrize(
    ("text", "words", "why"),
    [
        ("", ("start",), "supervisord takes no word such as 'start'"),
        ("[program:a]\ncommand=python %(x)s\n", (), "%(x)s is not known"),
        ("[program:a]\ncommand=python 'x\n", (), "No closing quotation"),
        ("[program:a]\ncommand=python\n[program:b]\ncommand=/app/.venv/bin/python\n", (), "one of several programs"),
        ("[program:a]\ncommand=python\nuser=nobody-here\n", (), "no entry in /etc/passwd"),
        ("nonsense\n", ("-c", "/none"), "there is no file '/none'"),
    ],
)
def test_what_is_not_known(text: str, words: tuple[str, ...], why: str) -> None:
    assert why in str(run(text, *words))


def test_values_take_the_place_of_names_in_bounded_memory() -> None:
    text = f"[program:a]\ncommand={'%(ENV_PATH)s' * 15_000}\n"
    assert "its values are too long" in str(run(text, more={}))
