"""What a script ends in, as dash and bash themselves run it: it is one of the ends that we say."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from inspector.errors import InspectorError, Malformed
from inspector.python.environment import Environment
from inspector.python.shell.run import Shell
from inspector.python.shell.state import HOLE, Run, State
from inspector.python.shell.strict import refuses_option
from tests.alarm import within
from tests.loader.host import DirectoryRootfs
from tests.python.shell.scripts import NAMES, Script, script
from tests.support import rootfs_of

SEEDS = range(400 if os.environ.get("INSPECTOR_TESTS") == "thorough" else 60)
WATCHED = (*NAMES, "PATH")
_SHOW = """#!/bin/sh
{ printf '\\001'; printf '%s\\037' NAME "$@"; printf '\\002'; /usr/bin/env -0; printf '\\002%s\\003' "$PWD"; } >>"$O"
"""
_ENDED = re.compile("\001(.*?)\003", re.DOTALL)
TRUTH_IS_ASKED = pytest.mark.skipif(
    shutil.which("dash") is None or shutil.which("bash") is None, reason="needs dash and bash"
)


class Ended(NamedTuple):
    """A program that was started: its name and arguments, what it found in the environment, and where."""

    words: list[str]
    environment: Mapping[str, str]
    cwd: str


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("root")
    files = {
        "bin/show": _SHOW,
        "other/show": _SHOW.replace("NAME", "OTHER"),
        "bin/yes-prog": _SHOW,
        "bin/no-prog": _SHOW + "exit 1\n",
        "app/env.sh": "A=fromenv\nexport B=fromenv\n",
        "app/more.sh": "A=$1\n",
        "app/sub/a/b/c/env.sh": "A=sub\n",
        "app/data": "d",
        "app/empty": "",
        "home/x": "",
    }
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if "bin" in name or "other" in name else 0o644)
    (top / "app/link").symlink_to("data")
    for name in ("dirname", "basename"):  # what shells call by their own PATH
        shutil.copy(shutil.which(name) or "", top / "bin" / name)
    return top


def really(shell: str, asked: Script, root: Path) -> tuple[int, list[Ended]]:
    """Run the script, and return its exit status and the programs that it started, in order."""
    notes = root / "notes"
    notes.write_text("")
    entry = root / "app/entry.sh"
    entry.write_text(asked.text.replace("@@", str(root)))
    given = {"PATH": f"{root}/bin", "HOME": f"{root}/home", "O": str(notes), **asked.environment}
    ran = subprocess.run(
        [shutil.which(shell) or shell, entry, *asked.arguments],
        env=given,
        cwd=root / "app/sub/a/b/c",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    found = []
    for text in _ENDED.findall(notes.read_bytes().decode().replace(str(root), "")):
        words, environment, cwd = text.split("\002")
        variables = dict(each.split("=", 1) for each in environment.split("\0") if "=" in each)
        found.append(Ended(words.split("\037")[:-1], variables, cwd))
    return ran.returncode, found


def said(dialect: str, asked: Script, root: Path) -> list[Run]:
    """Return what we say the script ends in."""
    variables = {"PATH": "/bin", "HOME": "/home", "O": "/notes", **asked.environment}
    environment = Environment(variables=variables, cwd="/app/sub/a/b/c", home="/home", user="", uid=0)
    words = ("/app/entry.sh", *asked.arguments)
    state = State(environment, words, dialect="bash" if dialect == "bash" else "dash")
    shell = Shell(DirectoryRootfs(str(root)), lambda _, path: (root / path.lstrip("/")).read_text())
    return shell.script(asked.text.replace("@@", ""), state)


def agrees(run: Run, truth: Ended | None, root: Path) -> bool:
    """Tell whether an end is what happened, as far as it says; None is that nothing was left running."""
    if run.doubts or HOLE in "".join(run.argv[:1]):
        return True
    program = _located(run, root) if run.argv else None
    if program is None or truth is None:
        return program is None
    environment, words = run.environment.variables, "\037".join(run.argv[1:])
    return (
        (HOLE in program or program.startswith("/other") == (truth.words[:1] == ["OTHER"]))
        and _fits(words, "\037".join(truth.words[1:]))
        and all(_fits(environment.get(each, ""), truth.environment.get(each, "")) for each in WATCHED)
        and _fits(run.environment.cwd, truth.cwd or "/")
    )


def _located(run: Run, root: Path) -> str | None:
    """Return the program of an end; None where there is none, so that nothing runs."""
    path = run.environment.variables["PATH"]
    if HOLE in path:
        return HOLE
    found = [
        f"{folder}/{run.argv[0]}" for folder in path.split(":") if (root / f"{folder}/{run.argv[0]}"[1:]).is_file()
    ]
    return found[0] if found else None


def _fits(ours: str, truth: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, ours.split(HOLE))), truth, re.DOTALL) is not None


@TRUTH_IS_ASKED
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_what_happens_is_among_what_is_said(shell: str, root: Path) -> None:
    wrong, sure = [], 0
    for seed in SEEDS:
        asked = script(seed, bash=shell == "bash")
        try:
            ends = said(shell, asked, root)
        except InspectorError:
            continue  # which makes the answer unknown
        status, started = really(shell, asked, root)
        last = started[-1] if started else None
        if not any(agrees(end, each, root) for end in ends for each in ([last] if status == 0 else [None, last])):
            wrong.append(f"seed {seed}: {asked}\nends with {status} in {last}\nwe say {ends}")
        sure += len(ends) == 1 and not ends[0].doubts
    assert not wrong, "\n\n".join(wrong)
    assert sure > len(SEEDS) / 2, "most scripts go one way"


@TRUTH_IS_ASKED
@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    "text",
    [
        'set -e\ncd @@/none\nexec "$@"',
        'set -eu\nexport A="$NEVER"\nexec "$@"',
        'set -e\nif cd @@/none; then :; fi\ncd @@/none || true\n! true\nexec "$@"',
        'set -e\nf() { false; true; }\nif f; then exec "$@"; fi',
        'source @@/app/env.sh && exec "$@"',
        'source @@/app/env.sh\nexec "$@"',
        'if command -v nope &> /dev/null; then export A=found; fi\nexec "$@"',
        '[[ -d @@/app ]] && export A=there\nexec "$@"',
        '[ "$1" == show ] && export A=same\nexec "$@"',
        'case ${A:?} in *) ;; esac\nexec "$@"',
        'A=${A/x/y}\nexport A\nexec "$@"',
        'A=${A:0:1}\nexport A\nexec "$@"',
        'A+=more\nexport A\nexec "$@"',
        'f() { local A=inner; export A; }\nf\nexec "$@"',
        'f() { exec "$@"; }\nA=given f show',
        'A=kept :\nexport A\nexec "$@"',
        '. env.sh\nexec "$@"',
        ". @@/app/more.sh given\nexport A\nexec show",
        'shift 5\nexec "$@"',
        'return 0\nexec "$@"',
        'unset -f PATH\nexec "$@"',
        "set -f\nexec show *\n",
        'while [ $# -gt 1 ]; do shift; done\nset -e\nfor A in 1; do [ -d @@/none ] && :; done\nexec "$@"',
        'A=$(command -v nope || echo other)\nexport A\nexec "$@"',
        'A=$(echo x >&2)\nexport A\nexec "$@"',
        'exec "$@"\r',
        'export A=x\nb=(1 2)\nexec "$@"',
        'function f {\n  export A=f\n}\nf\nexec "$@"',
        'function f { export A=f; }\nf\nexec "$@"',
        'function f {\n  exec "$@"; }\nf',
        'function f {\n  exec "$@"\n}\nf\nexec show never',
        'function f() {\n  exec "$@"\n}\nf\nexec show never',
        "cat <<E\nb=(1)\nE\nif true; then\nb=(1)\nfi\nexec show",
        'a=(show "x y")\na+=("$@" z)\nexec "${a[@]}"',
        'a=("$@")\nif [ ${#a[@]} -eq 0 ]; then a=(show); fi\nexec "${a[0]}" ${#a[@]} "${a[*]}" "${a[@]:1}"',
        'a=()\nfor i in "${a[@]:-q}"; do A=$i; done\nexport A\nexec show "${a[@]}" end',
        'f() { local a=(1 2); A=${a[1]}; }\na=(7 8)\nf\nexport A\nexec show "${a[@]}"',
        'IFS=:\na=(1 2)\nA="${a[*]}"\nexport A a\nexec show',
        'exec "${@:2}"',
        "A=Ab-cb\nexport A=${A/b/x} B=${A//b/}\nexec show ${A,,} ${A^^} ${A,}",
        "A=1\nB=2\nexport A=3 B=$A\nexec show",
        'A=abc\nexec show "${A: -2}" "${A:1:1}" "${A: -9}"',
        "P=A\nA=there\nexec show ${!P}",
        "exec show ${!NONE:-none}",
        "exec show x{a,b}y {1..3} '{a,b}' \"{a,b}\" {a} a{b,c}{d,e}",
        'if [[ $1 =~ ^sh.w$ ]]; then exec "$@"; fi',
        'if (( $# > 1 )); then export A=two; fi\nif (( ${#A} )); then :; fi\nexec "$@"',
        "N=3\nexport A=$((N - 1)) B=$((N*N))\nexec show $((7)) $(( $# + 1 ))",
        'while getopts "v:" o; do A=$o; done\nshift $((OPTIND - 1))\nexport A\nexec "$@"',
        "export A=$(cat @@/app/data) B=$(ls @@/app/data 2>/dev/null)\nexec show",
        "[[ a.txt == *@(.txt|.sh) ]] && A=fits\n[[ a == @(b|c) ]] || B=not\nexport A B\nexec show",
        'case $- in *i*) A=people ;; *) A=script ;; esac\nexport A\nexec show "${PS1-none}"',
        'alias show=other\nexec "$@"',
        'command -v -- show > /dev/null && export A=found\nexec "$@"',
    ],
)
def test_known_scripts(shell: str, text: str, root: Path) -> None:
    asked = Script(text, ["show", "show"], {"A": "x"})
    status, started = really(shell, asked, root)
    truth = started[-1] if started else None
    try:
        ends = said(shell, asked, root)
    except Malformed:
        assert (status, truth) == (2, None)
        return
    assert any(agrees(end, truth, root) for end in ends), (status, truth, ends)


_LOOPS = "for a in 1 2 3 4 5 6; do for b in 1 2 3 4 5 6; do for c in 1 2 3 4 5 6; do {}; done; done; done"


@pytest.mark.parametrize(
    "text",
    [
        f"(( {'a' * 60_000} ))",
        f"function f {' ' * 60_000}",
        f"[ a = {'[' * 60_000} ]",
        f"A='{': ;' * 10_000}'\n" + _LOOPS.format('eval "$A"'),
        f"A='{'x' * 30_000}'\n" + _LOOPS.format('B=$(echo "$A" "$A")'),
        "Package: dash\n" * 4000,
        f"echo {{{',' * 60_000}",
        f"echo {'{' * 30_000}{',' * 30_000}",
        f"A='{'a' * 60_000}'\nB=${{A//a/$A}}",
        "A='aaaaaaaaaaaaaaaa'\n" + "A=${A//a/$A}\n" * 8,
        f"A='{'a' * 30_000}'\nB={'$A' * 15_000}\nshow \"{'$A' * 10}\"",
        f"case a in @({'|' * 50_000})) true ;; esac",
    ],
    ids=[
        *("a name in arithmetic", "blanks", "brackets", "evaluations", "outputs", "lines", "commas", "braces"),
        *("a value put into itself", "and again", "a value many times", "choices"),
    ],
)
@pytest.mark.parametrize("dialect", ["dash", "bash"])
def test_hostile_scripts_take_bounded_work(dialect: str, text: str, root: Path) -> None:
    with within(20), contextlib.suppress(InspectorError):
        assert said(dialect, Script(text, [], {}), root)


def test_a_list_of_packages_is_read_once() -> None:
    fs = rootfs_of({"var/lib/dpkg/status": b"Package: dash\n" * 100_000 + b"Version: 0.5.12-2\n"})
    state = State(Environment(variables={}, cwd="/", home="/", user="", uid=0), ("sh",), dialect="dash")
    with within(20):
        assert refuses_option(fs, "pipefail", state) is True
