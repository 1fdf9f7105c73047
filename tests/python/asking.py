"""An interpreter by hand, for questions that need no image around it."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.python.model import Hook, Interpreter, Libc

SITE = "/usr/local/lib/python3.11/site-packages"


def interpreter(
    *search_path: str,
    version: str = "3.11.9",
    abi: str = "cp311",
    machine: str | None = "x86_64",
    libc: Libc | None = Libc("glibc", "2.36"),  # noqa: B008 - a frozen value
    prefix: str = "/usr/local",
    hooks: Sequence[Hook] = (),
) -> Interpreter:
    """A CPython that runs, with the search path given (else that of the official images' site alone)."""
    return Interpreter(
        command="python",
        path="/usr/local/bin/python",
        resolved="/usr/local/bin/python3.11",
        implementation="cpython",
        version=version,
        search_path=search_path or (SITE,),
        prefix=prefix,
        abi=abi,
        machine=machine,
        libc=libc,
        runs="yes",
        hooks=tuple(hooks),
    )
