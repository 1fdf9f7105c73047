"""Tools that run a command in a project's or a named environment: uv, Poetry, pixi, conda and its kin."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

import msgspec

from inspector.python.conda_env import active, environment_named, root_of
from inspector.python.environment import Environment
from inspector.python.files import exists, find, join, list_dir, names_in, read_text, upward
from inspector.python.launch import Script, read_program
from inspector.python.passing import Asked, Passed, skip_options
from inspector.python.which import Found, find_command
from inspector.rootfs import NotListed, Rootfs, is_dir, is_file
from inspector.unknown import Unknown


def within(environment: Environment, prefix: str) -> Environment:
    """Return the environment with the virtual environment `prefix` active."""
    variables = dict(environment.variables)
    path = variables.get("PATH", "")
    variables |= {"PATH": f"{prefix}/bin:{path}" if path else f"{prefix}/bin", "VIRTUAL_ENV": prefix}
    variables.pop("PYTHONHOME", None)
    return msgspec.structs.replace(environment, variables=variables)


_UV_OPTIONS = (
    "--project --directory --extra --group --no-extra --no-group --only-group --env-file"
    " --with --with-editable --with-requirements --python -p --package --index --index-url"
    " --extra-index-url --cache-dir --config-file --link-mode --refresh-package --color"
)
_UV_VALUED = frozenset(_UV_OPTIONS.split())
_UV_OTHER = ("--with", "--with-editable", "--with-requirements", "--python", "-p", "--isolated", "--script", "-s")


def uv(asked: Asked) -> Passed | Unknown | None:
    """Return `uv run`: in the project's environment, which it first brings up to date."""
    before, rest = skip_options(asked.words, _UV_VALUED)
    if rest[:1] != ["run"]:
        return None
    options, command = skip_options(rest[1:], _UV_VALUED)
    options = before | options
    other = next((option for option in _UV_OTHER if option in options), None)
    if other:
        return Unknown(f"`uv run {other}` makes an environment of its own")
    environment = asked.environment
    if "--directory" in options:
        cwd = join(environment.cwd, options["--directory"])
        environment = msgspec.structs.replace(environment, cwd=cwd)
    project = join(environment.cwd, options.get("--project") or environment.get("UV_PROJECT") or ".")
    prefix = _uv_environment(asked.fs, project, environment, options)
    if isinstance(prefix, Unknown):
        return prefix
    if {"-m", "--module"} & options.keys() and command:
        command = ["python", "-m", *command]
    elif command and command[0].endswith(".py"):
        command = ["python", *command]
    return Passed(argv=tuple(command), environment=within(environment, prefix)) if command else None


def _uv_environment(fs: Rootfs, project: str, environment: Environment, options: Mapping[str, str]) -> str | Unknown:
    """UV_PROJECT_ENVIRONMENT or `.venv` of the project; without a project the active or nearest environment."""
    root = next((folder for folder in upward(project) if exists(fs, join(folder, "pyproject.toml"))), None)
    active_one = environment.get("VIRTUAL_ENV")
    if root is None or {"--no-project", "--active"} & options.keys():
        nearest = next((folder for folder in upward(project) if is_file(fs, join(folder, ".venv/pyvenv.cfg"))), None)
        prefix = active_one or (join(nearest, ".venv") if nearest else "")
        return prefix or Unknown("`uv run` finds no environment, and takes whatever Python there is")
    outer = [folder for folder in upward(posixpath.dirname(root)) if exists(fs, join(folder, "pyproject.toml"))]
    if root != "/" and any(is_file(fs, join(folder, ".venv/pyvenv.cfg")) for folder in outer):
        return Unknown(f"{root!r} may be a member of a workspace, whose environment `uv run` takes")
    prefix = join(root, environment.get("UV_PROJECT_ENVIRONMENT") or ".venv")
    if not is_file(fs, f"{prefix}/pyvenv.cfg"):
        return Unknown(f"`uv run` makes the environment {prefix!r} when it starts: the image has none")
    return prefix


def poetry(asked: Asked) -> Passed | Unknown | None:
    """Return `poetry run`: in the active environment, else in the project's own `.venv`."""
    _, rest = skip_options(asked.words, frozenset({"-C", "--directory", "-P", "--project"}))
    if rest[:1] != ["run"] or len(rest) < 2:
        return None
    environment = asked.environment
    root = next((one for one in upward(environment.cwd) if exists(asked.fs, join(one, "pyproject.toml"))), None)
    prefix = environment.get("VIRTUAL_ENV") or (join(root, ".venv") if root else "")
    if not environment.get("VIRTUAL_ENV") and not (prefix and is_file(asked.fs, f"{prefix}/pyvenv.cfg")):
        return _poetry_without(asked, root, tuple(rest[1:]))
    stated = environment.get("POETRY_VIRTUALENVS_IN_PROJECT").lower()
    if not prefix or stated == "false" or not is_file(asked.fs, f"{prefix}/pyvenv.cfg"):
        return Unknown("the environment of `poetry run` is not known: the project has none")
    return Passed(argv=tuple(rest[1:]), environment=within(environment, prefix))


def _poetry_without(asked: Asked, root: str | None, command: tuple[str, ...]) -> Passed | Unknown:
    """Return what `poetry run` runs in a project without an environment: the system's, if it may not make one."""
    environment, makes = asked.environment, asked.environment.get("POETRY_VIRTUALENVS_CREATE").lower()
    config = environment.get("POETRY_CONFIG_DIR") or join(environment.home, ".config/pypoetry")
    for path in (f"{root}/poetry.toml" if root else "", f"{config}/config.toml"):
        if path and not makes:
            found = _CREATES.search(read_text(asked.fs, path) or "")
            makes = found[1] if found else ""
    own = find(asked.fs, asked.found.resolved)
    program = read_program(asked.fs, own[0]) if own else ""
    interpreter = find(asked.fs, program.interpreter) if isinstance(program, Script) else None
    python = find_command(asked.fs, "python", environment)
    same = isinstance(python, Found) and interpreter is not None and interpreter[0] == python.resolved
    prefix = posixpath.dirname(posixpath.dirname(program.interpreter)) if isinstance(program, Script) else ""
    alone = same and not is_file(asked.fs, f"{prefix}/pyvenv.cfg")
    if makes == "false" and alone:
        return Passed(argv=command, environment=environment)
    return Unknown("the environment of `poetry run` is not known: the project has none")


_CREATES = re.compile(r"(?m)^[ \t]*(?:virtualenvs\.)?create[ \t]*=[ \t]*(true|false)")


def pixi(asked: Asked) -> Passed | Unknown | None:
    """Return `pixi run`: in `.pixi/envs/default` or the environment that is named; the command may be a task's name."""
    valued = frozenset({"-e", "--environment", "--manifest-path", "-m", "--color"})
    _, rest = skip_options(asked.words, valued)
    if rest[:1] != ["run"]:
        return None
    options, command = skip_options(rest[1:], valued)
    if not command:
        return None
    if {"--manifest-path", "-m"} & options.keys():
        return Unknown("`pixi run` is asked for another manifest")
    name = options.get("-e") or options.get("--environment") or asked.environment.get("PIXI_ENVIRONMENT_NAME")
    folders = [join(one, f".pixi/envs/{name or 'default'}") for one in upward(asked.environment.cwd)]
    prefix = next((folder for folder in folders if is_dir(asked.fs, f"{folder}/conda-meta")), None)
    if prefix is None:
        return Unknown("`pixi run` makes its environment when it starts: the image has none")
    if not exists(asked.fs, f"{prefix}/bin/{command[0]}"):
        return Unknown(f"`pixi run {command[0]}` may be a task of the project, whose command is not known")
    return _in_conda(asked, prefix, prefix, command)


def conda(asked: Asked) -> Passed | Unknown | None:
    """Follow `conda run`, `mamba run`, `micromamba run`: `-n NAME` or `-p PATH`, else the active one or base."""
    valued = frozenset(
        {"-n", "--name", "-p", "--prefix", "--cwd", "-r", "--root-prefix", "-a", "--attach", "-e", "--env"}
    )
    _, rest = skip_options(asked.words, valued)
    if rest[:1] != ["run"]:
        return None
    options, command = skip_options(rest[1:], valued)
    if not command:
        return None
    environment = asked.environment
    if {"-e", "--env", "--clean-env"} & options.keys():
        return Unknown("it sets up the environment with options that are not followed")
    root = options.get("-r") or options.get("--root-prefix") or root_of(asked.fs, asked.found, environment)
    name = options.get("-n") or options.get("--name") or options.get("-p") or options.get("--prefix")
    named = environment_named(asked.fs, root, name, environment) if name else environment.get("CONDA_PREFIX") or root
    if named is None:
        return Unknown(f"there is no environment {name!r} of conda")
    if "--cwd" in options:
        environment = msgspec.structs.replace(environment, cwd=join(environment.cwd, options["--cwd"]))
        asked = msgspec.structs.replace(asked, environment=environment)
    return _in_conda(asked, named, root, command)


def _in_conda(asked: Asked, prefix: str, root: str, command: list[str]) -> Passed | Unknown:
    """Return the command with the environment active; what its own scripts then change isn't followed."""
    variables = {**asked.environment.variables, **active(prefix, root, asked.environment.variables)}
    folder = f"{prefix}/etc/conda/activate.d"
    try:
        scripts = [name for name in names_in(list_dir(asked.fs, folder), ()) if name.endswith(".sh")]
    except NotListed:
        scripts = []
    doubt = f"{folder}/{scripts[0]} runs first, and may change the environment" if scripts else ""
    environment = msgspec.structs.replace(asked.environment, variables=variables)
    return Passed(argv=tuple(command), environment=environment, doubt=doubt)
