"""Programs that run the command that follows their own options: which words that are, and what they change before."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from inspector.errors import InspectorError
from inspector.python.conda_env import active, environment_named, root_of
from inspector.python.environment import DEFAULT_PATH, Environment, run_as
from inspector.python.files import exists, join, list_dir, names_in, upward
from inspector.python.which import Found
from inspector.rootfs import NotListed, Rootfs, is_dir, is_file
from inspector.unknown import Unknown


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """The command that is run in the end, and what it finds. `doubt` says what isn't known of that."""

    argv: tuple[str, ...]
    environment: Environment
    doubt: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A wrapper that was found, its words behind its own name, and what it finds."""

    fs: Rootfs
    found: Found
    words: tuple[str, ...]
    environment: Environment


Wrapper = Callable[[Asked], Passed | Unknown | None]
"""None where the words hold no command: then the wrapper is a program as others."""


class _Options(msgspec.Struct, frozen=True):
    """Options that take a value in the next word, and how many words stand before the command."""

    valued: frozenset[str] = frozenset()
    operands: int = 0


def skip_options(words: Sequence[str], valued: frozenset[str] = frozenset()) -> tuple[dict[str, str], list[str]]:
    """The options with their values, by name, and the words from the first that is none."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if not equals and name not in valued and name[:2] != "--" and name[:2] in valued:
            name, value, equals = name[:2], name[2:], "="
        if not equals and name in valued and rest:
            value = rest.pop(0)
        options[name] = value
    return options, rest


def _plain(options: _Options) -> Wrapper:
    def passes(asked: Asked) -> Passed | None:
        _, rest = skip_options(asked.words, options.valued)
        rest = rest[options.operands :]
        return Passed(argv=tuple(rest), environment=asked.environment) if rest else None

    return passes


def _as_user(asked: Asked) -> Passed | Unknown | None:
    """Gosu and su-exec: `USER COMMAND…`, with that user's HOME."""
    user, *rest = asked.words or ("",)
    if not rest:
        return None
    environment = run_as(asked.fs, asked.environment, user, sets_home=True)
    if environment.trouble:
        return Unknown(environment.trouble)
    return Passed(argv=tuple(rest), environment=environment)


def _setpriv(asked: Asked) -> Passed | Unknown | None:
    """util-linux' setpriv: HOME stays as it is."""
    valued = frozenset(
        ("--reuid", "--regid", "--ruid", "--euid", "--rgid", "--egid", "--groups", "--inh-caps", "--ambient-caps")
        + ("--bounding-set", "--securebits", "--pdeathsig", "--selinux-label", "--apparmor-profile")
    )
    options, rest = skip_options(asked.words, valued)
    if not rest:
        return None
    if {"--ruid", "--euid", "--reset-env"} & options.keys():
        return Unknown("setpriv sets up the environment or a user in part, which is not worked out")
    environment = asked.environment
    if "--reuid" in options:
        group = f":{options['--regid']}" if "--regid" in options else ""
        home = environment.variables.get("HOME", "")
        environment = run_as(asked.fs, environment, options["--reuid"] + group)
        environment = msgspec.structs.replace(environment, variables={**environment.variables, "HOME": home}, home=home)
    return Passed(argv=tuple(rest), environment=environment)


def _env(asked: Asked) -> Passed | Unknown | None:
    """`env [-i] [-u NAME] [-C DIR] [-S TEXT] [NAME=VALUE]… COMMAND…`."""
    words = list(asked.words)
    variables, cwd = dict(asked.environment.variables), asked.environment.cwd
    while words and words[0].startswith("-"):
        word = words.pop(0)
        match word:
            case "--":
                break
            case "-i" | "-" | "--ignore-environment":
                variables = {}
            case "-u" | "-C" if words:
                value = words.pop(0)
                variables.pop(value if word == "-u" else "", None)
                cwd = join(cwd, value) if word == "-C" else cwd
            case _ if word.startswith(("-S", "--split-string=")):
                text = word.removeprefix("--split-string=").removeprefix("-S") or (words.pop(0) if words else "")
                if re.search(r"[\\$\"'#]", text):
                    return Unknown(f"env splits {text[:100]!r}, which has more than plain words")
                words = [*text.split(), *words]
            case _ if word.startswith("--unset="):
                variables.pop(word.removeprefix("--unset="), None)
            case "-0" | "--null" | "-v" | "--debug":
                pass
            case _:
                return Unknown(f"env has the option {word[:100]!r}, which is not followed")
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if not words:
        return None
    variables.setdefault("PATH", "/bin:/usr/bin")
    return Passed(
        argv=tuple(words), environment=msgspec.structs.replace(asked.environment, variables=variables, cwd=cwd)
    )


def within(environment: Environment, prefix: str) -> Environment:
    """The environment with the virtual environment `prefix` active."""
    variables = dict(environment.variables)
    path = variables.get("PATH", "")
    variables |= {"PATH": f"{prefix}/bin:{path}" if path else f"{prefix}/bin", "VIRTUAL_ENV": prefix}
    variables.pop("PYTHONHOME", None)
    return msgspec.structs.replace(environment, variables=variables)


_UV_VALUED = frozenset(
    ("--project", "--directory", "--extra", "--group", "--no-extra", "--no-group", "--only-group", "--env-file")
    + ("--with", "--with-editable", "--with-requirements", "--python", "-p", "--package", "--index", "--index-url")
    + ("--extra-index-url", "--cache-dir", "--config-file", "--link-mode", "--refresh-package", "--color")
)
_UV_OTHER = ("--with", "--with-editable", "--with-requirements", "--python", "-p", "--isolated", "--script", "-s")


def _uv(asked: Asked) -> Passed | Unknown | None:
    """`uv run`: in the project's environment, which it first brings up to date."""
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


def _poetry(asked: Asked) -> Passed | Unknown | None:
    """`poetry run`: in the active environment, else in the project's own `.venv`."""
    _, rest = skip_options(asked.words, frozenset({"-C", "--directory", "-P", "--project"}))
    if rest[:1] != ["run"] or len(rest) < 2:
        return None
    environment = asked.environment
    root = next((one for one in upward(environment.cwd) if exists(asked.fs, join(one, "pyproject.toml"))), None)
    prefix = environment.get("VIRTUAL_ENV") or (join(root, ".venv") if root else "")
    stated = environment.get("POETRY_VIRTUALENVS_IN_PROJECT").lower()
    if not prefix or stated == "false" or not is_file(asked.fs, f"{prefix}/pyvenv.cfg"):
        return Unknown("`poetry run` takes an environment that can't be told: there is none in the project")
    return Passed(argv=tuple(rest[1:]), environment=within(environment, prefix))


def _pixi(asked: Asked) -> Passed | Unknown | None:
    """`pixi run`: in `.pixi/envs/default` or the environment that is named; the command may be a task's name."""
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


def _conda(asked: Asked) -> Passed | Unknown | None:
    """`conda run`, `mamba run` and `micromamba run`: `-n NAME` or `-p PATH`, else the active environment or base."""
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
    """The command with the environment active; what its own scripts then change isn't followed."""
    variables = {**asked.environment.variables, **active(prefix, root, asked.environment.variables)}
    folder = f"{prefix}/etc/conda/activate.d"
    try:
        scripts = [name for name in names_in(list_dir(asked.fs, folder), ()) if name.endswith(".sh")]
    except NotListed:
        scripts = []
    doubt = f"{folder}/{scripts[0]} runs first, and may change the environment" if scripts else ""
    environment = msgspec.structs.replace(asked.environment, variables=variables)
    return Passed(argv=tuple(command), environment=environment, doubt=doubt)


def _not_followed(asked: Asked) -> Unknown:
    name = posixpath.basename(asked.found.path)
    return Unknown(f"{name!r} starts other programs in ways that are not followed")


def _valued(*names: str) -> Wrapper:
    return _plain(_Options(frozenset(names)))


WRAPPERS: dict[str, Wrapper] = {
    **dict.fromkeys(("tini", "tini-static", "docker-init"), _valued("-p", "-e")),
    "catatonit": _valued(),
    "dumb-init": _valued("-r", "--rewrite"),
    **dict.fromkeys(("gosu", "su-exec"), _as_user),
    "setpriv": _setpriv,
    "env": _env,
    **dict.fromkeys(("nohup", "setsid"), _valued()),
    "nice": _valued("-n", "--adjustment"),
    "ionice": _valued("-c", "-n", "--class", "--classdata"),
    "stdbuf": _valued("-i", "-o", "-e", "--input", "--output", "--error"),
    "timeout": _plain(_Options(frozenset({"-k", "-s", "--kill-after", "--signal"}), 1)),
    "taskset": _plain(_Options(frozenset(), 1)),
    "uv": _uv,
    "poetry": _poetry,
    "pixi": _pixi,
    **dict.fromkeys(("conda", "mamba", "micromamba"), _conda),
    **dict.fromkeys(
        ("supervisord", "circusd", "honcho", "s6-svscan", "s6-setuidgid", "runsvdir", "runit", "init", "monit")
        + ("su", "sudo", "runuser", "chroot", "unshare", "chpst", "make", "just", "task", "foreman", "npm", "npx")
        + ("ddtrace-run", "opentelemetry-instrument", "newrelic-admin", "dotenv", "watchmedo", "hatch", "pdm", "pipenv")
        + ("rye", "xvfb-run", "numactl", "strace", "entr", "flock", "systemd", "parallel", "xargs", "find", "mise"),
        _not_followed,
    ),
}
"""By the name that a program is run under."""


def unwrap(asked: Asked) -> Passed | Unknown | None:
    """The command that a wrapper runs; None where the program is none, or runs nothing else."""
    wrapper = WRAPPERS.get(posixpath.basename(asked.found.path))
    if wrapper is None:
        return None
    try:
        return wrapper(asked)
    except InspectorError as error:
        return Unknown(str(error))


__all__ = ["DEFAULT_PATH", "WRAPPERS", "Asked", "Passed", "unwrap", "within"]
