"""Whether the kernel could start a file: `#!` lines, machine and loader, as execve(2) and Linux' fs/exec.c have it."""

from __future__ import annotations

import posixpath
import re

import msgspec

from inspector.elf import Skeleton
from inspector.oci import Platform
from inspector.python.elf import MAGIC, ElfHeader, parse_header
from inspector.python.environment import Environment
from inspector.python.files import find
from inspector.python.which import Found, Missing, find_command
from inspector.rootfs import Kind, NotKept, Rootfs
from inspector.unknown import Tri

MAX_SCRIPTS = 5
"""Scripts that may be each other's interpreter before the kernel answers ELOOP."""

LINE_BYTES = 255
"""Of a script's first line, what the kernel reads; an interpreter's name that goes on is ENOEXEC."""

MACHINES = {
    "amd64": "x86_64",
    "386": "i686",
    "arm64": "aarch64",
    "arm": "armv7l",
    "ppc64le": "ppc64le",
    "ppc64": "ppc64",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loong64": "loongarch64",
    "mips64le": "mips64",
}
"""`uname -m` by the architecture's name in an image's configuration."""

_WORDS = rb"(?s)([^ \t\0]+)([ \t]*)(.*)"
_NARROW = {("x86_64", "i686"), ("aarch64", "armv7l")}


class Script(msgspec.Struct, frozen=True):
    """A `#!` line: the interpreter, and the one argument that all words after it make."""

    interpreter: str
    argument: str = ""


class Start(msgspec.Struct, frozen=True):
    """Whether a file starts, the clauses why not or why that isn't known, and the programs on the way, loader last."""

    starts: Tri
    reasons: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()


def parse_script(head: bytes) -> Script | None:
    """Return the `#!` line in a file's first bytes; None if there is none that the kernel takes."""
    if not head.startswith(b"#!"):
        return None
    line, newline, _ = head[2 : LINE_BYTES + 1].partition(b"\n")
    line = line[: LINE_BYTES - 2]
    words = re.fullmatch(_WORDS, line.strip(b" \t"))
    if words is None:
        return None
    interpreter, space, argument = words.groups()
    if not newline and len(head) > LINE_BYTES and not space:
        return None
    return Script(_text(interpreter), _text(argument))


def read_program(fs: Rootfs, path: str) -> ElfHeader | Script | str:
    """Return what the file at a resolved path is, or the clause that says why the kernel refuses it.

    Raises `NotKept`.
    """
    head = fs.head(path)
    if head.startswith(MAGIC):
        header = parse_header(head)
        if header is None or not header.executable:
            return f"{path!r} is an ELF file, but no program"
        return header if header.loader is not None else _with_loader(fs, path, header)
    script = parse_script(head)
    if script is None:
        return f"{path!r} is neither an ELF program nor a script with a usable #! line"
    return script


def _with_loader(fs: Rootfs, path: str, header: ElfHeader) -> ElfHeader:
    """Return the header with the loader's name, which stands past the file's beginning, as after patchelf."""
    try:
        skeleton = fs.skeleton(path)
    except NotKept:
        return header
    if not isinstance(skeleton, Skeleton) or (skeleton.partial and skeleton.interpreter is None):
        return header
    return msgspec.structs.replace(header, loader=skeleton.interpreter or "")


def can_start(fs: Rootfs, path: str, environment: Environment, platform: Platform) -> Start:
    """Tell whether execve(2) of the resolved `path` succeeds, through scripts' interpreters and `env`."""
    chain: list[str] = []
    for _ in range(MAX_SCRIPTS + 1):
        chain.append(path)
        try:
            program = read_program(fs, path)
        except NotKept as error:
            return Start("unknown", (f"{error}, so it can't be told what it is",), tuple(chain))
        if isinstance(program, str):
            return Start("no", (program,), tuple(chain))
        if isinstance(program, ElfHeader):
            if program.loader:  # the kernel looks for one without a slash in the working directory
                program = msgspec.structs.replace(program, loader=posixpath.join(environment.cwd, program.loader))
            starts, reasons = elf_starts(fs, path, program, platform)
            loader = find(fs, program.loader) if program.loader else None
            return Start(starts, reasons, (*chain, *([program.loader, loader[0]] if loader and program.loader else ())))
        following = _interpreter(fs, path, program, environment)
        if isinstance(following, Start):
            return Start(following.starts, following.reasons, tuple(chain))
        path = following
    return Start("no", (f"{chain[0]!r} is a script whose interpreters are scripts, more than {MAX_SCRIPTS} deep",))


def elf_starts(fs: Rootfs, path: str, program: ElfHeader, platform: Platform) -> tuple[Tri, tuple[str, ...]]:
    """Tell whether an ELF program is of the image's machine and finds its loader, and the clauses why not."""
    wanted = MACHINES.get(platform.architecture)
    if wanted is None:
        return "unknown", (f"{path!r} is for {program.machine}, and the image's architecture is not known",)
    if program.machine != wanted:
        clause = f"{path!r} is for {program.machine}, the image for {wanted}"
        return ("unknown" if (wanted, program.machine) in _NARROW else "no"), (clause,)
    if program.loader is None:
        return "unknown", (f"the loader that {path!r} asks for stands past the bytes kept of it",)
    if not program.loader:
        return "yes", ()
    loader = find(fs, program.loader)
    if loader is None or loader[1].kind is not Kind.FILE:
        return "no", (f"{path!r} asks for the loader {program.loader!r}, which the image doesn't hold",)
    return "yes", ()


def _interpreter(fs: Rootfs, path: str, script: Script, environment: Environment) -> str | Start:
    """Return the resolved program that runs a script; `env NAME` is followed to NAME."""
    found = find_command(
        fs, f"./{script.interpreter}" if "/" not in script.interpreter else script.interpreter, environment
    )
    if isinstance(found, Missing):
        detail = f": {found.skipped[0]}" if found.skipped else ", which the image doesn't hold"
        return Start("no", (f"{path!r} is a script for {script.interpreter!r}{detail}",))
    command = env_command(found, script)
    if command is None:
        return found.resolved
    behind = find_command(fs, command, environment)
    if isinstance(behind, Missing):
        return Start("no", (f"{path!r} is a script for {command!r}, which PATH doesn't find",))
    return behind.resolved


def env_command(found: Found, script: Script) -> str | None:
    """Return the command that a script's `env` is asked to run.

    None if its interpreter isn't `env`, or has options beside.
    """
    if found.path.rpartition("/")[2] != "env" or not script.argument:
        return None
    words = script.argument.split()
    if words[0] in ("-S", "--split-string") and len(words) > 1:
        words = words[1:]
    elif len(words) > 1:
        return script.argument
    return None if words[0].startswith("-") or "=" in words[0] else words[0]


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")
