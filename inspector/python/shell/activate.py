"""Environments that a shell activates by tools whose own code isn't followed: conda's, micromamba's, pyenv's."""

from __future__ import annotations

import posixpath
import re

from inspector.python.conda_env import active, environment_named, root_of
from inspector.python.files import join, list_dir
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Simple
from inspector.python.which import Found, find_command
from inspector.rootfs import NotListed, is_dir, is_file

_HOOK = re.compile(
    r"\s*+[\"']?([^\s\"']*?)[\"']? +(?:shell\.(?:bash|posix|zsh|sh) +hook|shell +hook.*|init +-.*|init|shellenv)\s*+"
)
_CONDA_SH = re.compile(r"(.*)/etc/profile\.d/(conda|mamba|micromamba)\.sh")


def take_hook(shell: Shell, text: str, state: State) -> bool:
    """Note what `eval "$(tool hook)"` brings; False where it is another text."""
    match = _HOOK.fullmatch(text.replace("2>/dev/null", "").replace("2> /dev/null", ""))
    if match is None:
        return False
    program = match[1]
    variable = re.fullmatch(r"\$\{?(\w+)\}?(.*)", program)
    if variable:
        program = (state.get(variable[1]) or HOLE) + variable[2]
    name = posixpath.basename(program)
    if name not in ("conda", "micromamba", "mamba") or HOLE in program or HOLE in (state.get("PATH") or ""):
        return False
    found = find_command(shell.seen(state), program, state.environment())
    if not isinstance(found, Found):
        return True  # nothing is printed, and nothing is run
    _know(state, name, root_of(shell.seen(state), found, state.environment()))
    return True


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
