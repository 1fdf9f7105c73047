"""What a container of Apptainer's gets: its environment, its user, and what `apptainer run` runs.

Apptainer sources /.singularity.d/env/*.sh in the order of their names, and then runs the command of `apptainer exec`,
or /.singularity.d/runscript. Where those scripts are the ones that Apptainer writes for an OCI image, what they do is
told here; else they become an entrypoint that sources them, which is followed as any image's is.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

from inspector.oci import RuntimeConfig
from inspector.rootfs import Kind, Rootfs, resolve, stat
from inspector.sources.rootfs.config import DEFAULT_PATH

CALLER = "99999"
"""Stands for whoever runs the container: a user that owns nothing in the image, and has no entry in its passwd."""
HOME = "/home/caller"
"""Stands for the caller's home, which is the host's."""
MAX_SCRIPT = 64 << 10
"""Bytes of a script that is read."""
MAX_SCRIPTS = 64
"""Scripts of the environment that are sourced one by one; Apptainer writes seven."""

_FOLDER = "/.singularity.d/env"
_RUNSCRIPT = "/.singularity.d/runscript"
_LIBRARIES = "/.singularity.d/libs"
_SOURCES_ALL = f'for script in {_FOLDER}/*.sh; do . "$script"; done'
_NAME = r"[A-Za-z_]\w*"
_TEXT = r'"([^"$`\\]*)"'
_EXPORT = re.compile(rf"export ({_NAME})={_TEXT}", re.ASCII)
_BARE = re.compile(rf"export ({_NAME})=([\w./:@%+,-]*)", re.ASCII)
_UNSETS = re.compile(rf"unset ({_NAME})", re.ASCII)
_UNLESS_SET = re.compile(rf'export ({_NAME})="\$\{{\1:-{_TEXT}\}}"', re.ASCII)
_UNSET = re.compile(rf'export ({_NAME})="\$\{{\1:-\}}"', re.ASCII)
_OCI = re.compile(r"OCI_ENTRYPOINT='([^'$`\\]*)'\nOCI_CMD='([^'$`\\]*)'")
_WORD = re.compile(r"""set -- (?:'[^'\n]*'|"'")+ "\$@\"""")
"""What a runscript does with one word of the command, where the host asks for it by SINGULARITY_NO_EVAL."""
_PATH_SET = re.compile(r"^(?:(?:export )?PYTHONPATH=|unset PYTHONPATH$)(?!.*\$\{?PYTHONPATH\b)", re.MULTILINE)
_USER_SITE_OFF = re.compile(r"^(?:export )?PYTHONNOUSERSITE=(?![\"']?0*[\"']?[ \t]*$)", re.MULTILINE)
"""What sets the variable to anything but nothing and zero, which leave the folder of the user's own packages."""

# Scripts that Apptainer and Singularity write into every image, by the digests of their code without comments.
_HARMLESS = frozenset(
    {  # unless the host asks for one of the image's apps, or sets PATH by --env
        "97d07bfe5b28f6433914ef9b3fdf55e5bce72f34f11ca9b36f48eca67b4de9f1",  # 95-apps.sh of Apptainer 1
        "a02620e3ac29bab3fab58b54e5e8e1c651fc7af653d1fe1ed263f02ba9d52845",  # … of Singularity 3
        "781ea6fdb8de4f5aecf5894085a76c5e6f8467994dd2c7ed3f865c01a3fe9548",  # 99-runtimevars.sh
    }
)
_BASE = frozenset(
    {  # 99-base.sh, which adds the folder of what --nv brings to LD_LIBRARY_PATH
        "1a9560ea9b0e333d9ed6af973539c5cfc0bf5952cc1a214cc6c4e67a76001f88",  # of Apptainer 1
        "3a8240cfc5611c09eab6de5311ff20bc156829cc2f82dfbfd90fa71527b5bf40",  # of SingularityCE
        "686e571e657bdcf4eb15e44217d97b89fe1e9fd7c8d9e4f52ca76631f2c4a24b",  # of Singularity 3
    }
)
_RUN = frozenset(
    {  # the runscript of an OCI image
        "ba420b637ae2499d061fe4ecb4f74f14abdc2bf566e19b1ec92597c5cbba7b44",  # with a command alone
        "e11fa20b61fa060f253642cd55434d73ed25cd39797920e751faa40f7b98f0c3",  # with an entrypoint alone
        "69465d981071549a69f79aa6e38b33224fa44a571dd57ecdf660bfc438656f57",  # with both
    }
)


class Start(NamedTuple):
    """What a container gets, and what is to be told of it."""

    config: RuntimeConfig
    warnings: tuple[str, ...]


Read = Callable[[str, int], bytes | None]
"""Returns a file by its resolved path; None where it has more bytes than that."""


def find_start(fs: Rootfs, read: Read) -> Start:
    """Return what a container gets, as far as the image decides it; `read` gives whole files. Raises as that does."""
    scripts = _scripts(fs)
    texts = [_text(fs, read, path) for path in scripts[:MAX_SCRIPTS]]
    told = _told(texts) if len(scripts) <= MAX_SCRIPTS else None
    command = _command(fs, read)
    variables = {"PATH": DEFAULT_PATH} if told is None else told
    config = RuntimeConfig(
        env=[f"{name}={value}" for name, value in {**variables, "HOME": HOME}.items()],
        entrypoint=_sourcing(scripts) if told is None else None,
        cmd=command,
        user=CALLER,
    )
    return Start(config, tuple(_warnings("\n".join(text for text in texts if text is not None))))


def _scripts(fs: Rootfs) -> list[str]:
    folder = resolve(fs, _FOLDER)
    names = sorted(fs.scandir(folder), key=lambda name: name.encode("utf-8", "surrogateescape")) if folder else []
    paths = [f"{_FOLDER}/{name}" for name in names if name.endswith(".sh") and not name.startswith(".")]
    return [path for path in paths if (node := stat(fs, path)) is not None and node.kind is Kind.FILE]


def _text(fs: Rootfs, read: Read, path: str) -> str | None:
    """Return the text of a script; None where it can't be told."""
    real = resolve(fs, path)
    content = None if real is None else read(real, MAX_SCRIPT)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _sourcing(scripts: list[str]) -> list[str]:
    """Return the entrypoint that sources the scripts, and then runs what it is given."""
    each = [f". {shlex.quote(path)}" for path in scripts] if len(scripts) <= MAX_SCRIPTS else [_SOURCES_ALL]
    return ["/bin/sh", "-c", "; ".join([*each, 'exec "$@"']), "apptainer"]


def _told(texts: list[str | None]) -> dict[str, str] | None:
    """Return the variables that the scripts set, on a host that sets none of them; None where that takes a shell."""
    variables = {"PATH": DEFAULT_PATH}  # before the first script, whatever the host's is
    for text in texts:
        if text is None:
            return None
        code = _code(text)
        known = _digest(code)
        if known in _BASE:
            before = variables.get("LD_LIBRARY_PATH")
            variables["LD_LIBRARY_PATH"] = f"{before}:{_LIBRARIES}" if before else _LIBRARIES
        elif known not in _HARMLESS and not all(_sets(line, variables) for line in code):
            return None
    return variables


def _sets(line: str, variables: dict[str, str]) -> bool:
    """Do what a line of a script does; False for one that takes a shell."""
    if found := _EXPORT.fullmatch(line) or _BARE.fullmatch(line):
        variables[found[1]] = found[2]
    elif found := _UNLESS_SET.fullmatch(line):
        variables[found[1]] = variables.get(found[1]) or found[2]
    elif found := _UNSET.fullmatch(line):
        variables.setdefault(found[1], "")
    elif found := _UNSETS.fullmatch(line):
        variables.pop(found[1], None)
    else:
        return False
    return True


def _command(fs: Rootfs, read: Read) -> list[str]:
    """Return what `apptainer run` runs: the runscript, or what that runs where it is the one of an OCI image."""
    node = stat(fs, _RUNSCRIPT)
    if node is None or not node.mode & 0o111:
        return ["/bin/sh"]
    text = _text(fs, read, _RUNSCRIPT) or ""
    found = _OCI.search(text)
    rest = [line for line in _code(text) if not _WORD.fullmatch(line) and not line.startswith(("OCI_ENTRY", "OCI_CMD"))]
    if found is None or _digest(rest) not in _RUN:
        return [_RUNSCRIPT]
    try:
        return [*shlex.split(found[1]), *shlex.split(found[2])] or [_RUNSCRIPT]
    except ValueError:
        return [_RUNSCRIPT]


def _code(text: str) -> list[str]:
    """Return the lines of a script without comments, empty lines, and the blanks around them."""
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _digest(code: list[str]) -> str:
    return hashlib.sha256("\n".join(code).encode("utf-8", "surrogateescape")).hexdigest()


def _warnings(text: str) -> list[str]:
    """Say what of the host decides what Python imports, unless the scripts set it themselves."""
    found = []
    if not _PATH_SET.search(text):
        found.append("the host's PYTHONPATH is passed on (--cleanenv keeps it out)")
    if not _USER_SITE_OFF.search(text):
        found.append(
            "packages in ~/.local of the host come before the image's, unless its Python is a virtual environment's "
            "(--no-home keeps them out, and so does PYTHONNOUSERSITE=1 in the image)"
        )
    if not found:
        return []
    told = "Apptainer runs it with the caller's environment, home and working directory, which are not looked at"
    return [f"{told}: {'; '.join(found)}"]
