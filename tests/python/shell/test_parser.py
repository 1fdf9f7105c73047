"""Shell scripts as syntax."""

from __future__ import annotations

import subprocess

import pytest

from inspector.errors import Malformed
from inspector.python.shell.parser import MAX_DEPTH, MAX_TEXT, parse
from inspector.python.shell.syntax import Case, Function, Group, If, Loop, Simple, Test


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a b c", Simple),
        ("A=1 b", Simple),
        ("if a; then b; elif c; then d; else e; fi", If),
        ("case x in a|b) c;; *) d;; esac", Case),
        ("for x in a b; do c; done", Loop),
        ("for x\ndo c\ndone", Loop),
        ("while a\ndo b; done < file", Loop),
        ("f() { a; }", Function),
        ("function f { a; }", Function),
        ("{ a; }", Group),
        ("( a; b )", Group),
        ("[[ a == b* && -n $x ]]", Test),
        ("(( x += 1 ))", Test),
        ("cat <<'E'\nif then (\nE", Simple),
        ('echo "$(a \'b)\' "c)")"', Simple),
        ("a > f 2>&1 # if", Simple),
    ],
)
def test_commands(text: str, kind: type[object]) -> None:
    assert subprocess.run(["bash", "-n", "-c", text], check=False).returncode == 0
    (chain,) = parse(text)
    assert isinstance(chain.links[0][1].commands[0], kind)


@pytest.mark.parametrize(
    "text", ["if a; then b", "a &&", "'a", '"a', "(a", "case x in a", "f() {", "a <(b)", "$(a", "done"]
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


@pytest.mark.parametrize(
    "text", ["a" * (MAX_TEXT + 1), "(" * (MAX_DEPTH + 1), "{ " * 5000, "if " * 5000, '"${a:-' * 40, "[[ " * 9000]
)
def test_hostile_scripts_end(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)
