"""Environments that a shell activates by tools whose own code isn't followed: conda's, micromamba's, pyenv's."""

from __future__ import annotations

import posixpath
import re
import shlex

from inspector.python.conda_env import active, environment_named, root_of, starts_base
from inspector.python.files import join, list_dir
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Simple
from inspector.python.which import Found, find_command
from inspector.rootfs import NotListed, is_dir, is_file

HOOK = "\1hook"
"""Stands in a text for what a hook prints; no script can hold this name."""
TOOLS = ("conda", "mamba", "micromamba")
_CONDA_SH = re.compile(r"(.*)/etc/profile\.d/(conda|mamba|micromamba)\.sh")


def hook(shell: Shell, words: list[str], state: State) -> str | None:
    """Return what `conda shell.bash hook` and the like print, for `known`; None for other commands of conda's.

    conda's own goes on with `conda activate base`, unless it is configured not to (conda/activate.py).
    """
    name = posixpath.basename(words[0])
    own = re.fullmatch(r"shell\.(?:bash|posix|zsh|sh) hook", " ".join(words[1:]))
    if name not in TOOLS or not (own or words[1:3] == ["shell", "hook"]) or HOLE in (state.get("PATH") or ""):
        return None
    found = find_command(shell.seen(state), words[0], state.environment())
    if not isinstance(found, Found):
        state.status = "no"
        return ""
    root = root_of(shell.seen(state), found, state.environment())
    if own is None:
        return f"{HOOK} {name} {shlex.quote(root)}"
    starts = starts_base(shell.seen(state), root, state.environment())
    if starts is None or not is_dir(shell.seen(state), f"{root}/conda-meta"):
        return None
    return f"{HOOK} {name} {shlex.quote(root)}{'; conda activate base' if starts else ''}"


def known(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Note what a hook brought: the function that activates environments below a prefix."""
    del shell, command
    _know(state, *words[1:])
    return [state]


def _know(state: State, name: str, root: str) -> None:
    state.hooks[name] = root
    if name == "mamba":
        state.hooks.setdefault("conda", root)
    state.status = "yes"


def source(shell: Shell, path: str, words: list[str], state: State) -> bool:
    """Do what known scripts do when they are sourced; False for others."""
    script = _CONDA_SH.fullmatch(path)
    if script and is_dir(shell.seen(state), f"{script[1]}/conda-meta"):
        _know(state, "conda" if script[2] == "conda" else script[2], script[1])
        return True
    folder, _, name = path.rpartition("/")
    prefix = posixpath.dirname(folder)
    own = is_file(shell.seen(state), f"{prefix}/pyvenv.cfg")
    if name == "activate" and not own and is_dir(shell.seen(state), f"{prefix}/conda-meta"):
        _know(state, "conda", prefix)
        _activate(shell, prefix, words[0] if words else "base", state)
        return True
    return False


def conda(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `conda activate NAME`, where the shell knows the function; other uses are those of the program."""
    del command
    root = state.hooks.get(words[0])
    action = words[1] if len(words) > 1 else ""
    if root is None or action not in ("activate", "deactivate"):
        return shell.program(words, {}, state)
    if action == "deactivate":
        if state.get("CONDA_PREFIX"):
            state.doubt("`conda deactivate` is not followed")
        return [state]
    operands = [word for word in words[2:] if not word.startswith("-")]
    _activate(shell, root, operands[0] if operands else "base", state)
    return [state]


def _activate(shell: Shell, root: str, name: str, state: State) -> None:
    """Put the environment's programs first in PATH, and note the scripts that it runs then."""
    if HOLE in name or HOLE in root:
        state.doubt("an environment of conda whose name isn't known is activated")
        return
    prefix = environment_named(shell.seen(state), root, name, state.environment())
    if prefix is None:
        state.status = "no"
        return
    for variable, value in active(prefix, root, state.variables).items():
        state.set(variable, value, export=True)
    state.status = "yes"
    folder = f"{prefix}/etc/conda/activate.d"
    try:
        scripts = sorted(name for name in list_dir(shell.seen(state), folder) if name.endswith(".sh"))
    except NotListed:
        scripts = []
    for script in scripts:
        _run_script(shell, join(folder, script), state)


def _run_script(shell: Shell, path: str, state: State) -> None:
    """Take what the script of an environment changes, if there is but one way through it."""
    outer = shell.ends
    shell.ends = []
    states = shell.source(path, [], state.copy())
    if len(states) == 1 and not shell.ends:
        kept = states[0]
        state.variables, state.exported, state.doubts = kept.variables, kept.exported, kept.doubts
    else:
        state.doubt(f"{path!r}, which the environment runs, goes more than one way")
    shell.ends = outer
