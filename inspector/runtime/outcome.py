"""What a run came to, as facts: the probe's answer, or how its container ended without one."""

from __future__ import annotations

import msgspec

from inspector.facts.runtime import Device, Failure, RuntimeFacts
from inspector.runtime.answer import Answer, Heard, Said, Stage
from inspector.runtime.host import Offer
from inspector.runtime.sandbox import Limits
from inspector.unknown import Unknown

_OURS = frozenset({11, 12, 27, 28, 30, 122})
"""Linux's EAGAIN, ENOMEM, EFBIG, ENOSPC, EROFS, EDQUOT: a limit of the sandbox, which says nothing of the image."""
_DENIED = frozenset({1, 13})
"""EPERM and EACCES."""
_LIMITED = (
    "can't start new thread",
    "Resource temporarily unavailable",
    "Cannot allocate memory",
    "Read-only file system",
    "No space left on device",
)
"""The same in words, as libraries have them."""
_SIGNALS = {4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV"}
"""Linux's signals by which a program ends itself; any other came from outside."""
_WHEN: dict[Stage, str] = {
    "start": "before it came to torch",
    "import": "while it imported torch",
    "examine": "after it had imported torch",
    "end": "after its answer",
}


class End(msgspec.Struct, frozen=True):
    """How a container ended: its exit code, None where it had to be killed; whether for want of memory.

    `errors` is what is kept of its standard error.
    """

    code: int | None
    errors: bytes = b""
    out_of_memory: bool = False


def told(known: RuntimeFacts, heard: Heard, end: End, offer: Offer | Unknown, limits: Limits) -> RuntimeFacts:
    """Return `known` with all that came out.

    An import that may only have failed for the sandbox is not known to fail.
    """
    facts = _answered(known, heard.answer, given=isinstance(offer, Offer)) if heard.answer else known
    if heard.stage != "end":
        facts = _cut_short(facts, heard.stage, end, limits)
    if isinstance(offer, Unknown):
        return msgspec.structs.replace(facts, gpu=False, why_not=offer.unknown)
    if heard.answer is None or heard.answer.nodes or heard.answer.is_available:
        return msgspec.structs.replace(facts, gpu=True)
    missing = "no GPU: one was asked for, and none reached the container"  # some engines pass over it in silence
    return msgspec.structs.replace(facts, gpu=False, why_not=missing)


def _answered(known: RuntimeFacts, answer: Answer, *, given: bool) -> RuntimeFacts:
    """Return the answer as facts; why torch finds no GPU is an error only where one was handed over."""
    hindered = "" if answer.imported else _hindrance(answer)
    error = (answer.unavailable if given and not answer.is_available else None) or answer.error
    return msgspec.structs.replace(
        known,
        imported=None if hindered else answer.imported,
        torch=answer.torch,
        cuda=answer.cuda,
        hip=answer.hip,
        is_available=answer.is_available,
        devices=tuple(Device(name=d.name, capability=d.capability, memory=d.memory) for d in answer.devices),
        arch_list=answer.arch_list,
        cudnn=answer.cudnn,
        driver=answer.driver or known.driver,
        computed=answer.computed,
        error=None if error is None else Failure(error.type, f"{error.message}{hindered}"),
    )


def _hindrance(answer: Answer) -> str:
    """Return what the sandbox may have to do with an import that failed, in brackets; empty if nothing."""
    said = answer.error or Said("", "", None)
    if answer.root and (answer.unreadable or said.errno in _DENIED or "Permission denied" in said.message):
        closed = f"{answer.unreadable!r} is" if answer.unreadable else "other users' files may be"
        return f" ({closed} closed to root here, which has no capabilities)"
    if said.errno in _OURS or said.type == "MemoryError" or _speaks_of_limits(said.message):
        return " (here files are read-only, and memory, processes and what may be written are limited)"
    return ""


def _cut_short(known: RuntimeFacts, stage: Stage, end: End, limits: Limits) -> RuntimeFacts:
    """Say why there is no whole answer; only an end that the program came to by itself tells of the import."""
    imported, last = known.imported, _last_line(end.errors)
    if end.code is None:
        kind, message = "TimeLimit", f"killed after {limits.seconds:g} s, {_WHEN[stage]}"
    elif end.out_of_memory:
        kind, message = "MemoryLimit", f"killed at {limits.memory >> 20} MiB of memory, {_WHEN[stage]}"
    else:
        kind, message = _SIGNALS.get(end.code - 128, "Ended"), f"the interpreter ended with {end.code}, {_WHEN[stage]}"
        own = end.code < 128 or end.code - 128 in _SIGNALS
        if stage == "import" and own and not _speaks_of_limits(last):
            imported = False
    error = known.error or Failure(kind, f"{message}: {last}" if last else message)
    return msgspec.structs.replace(known, imported=imported, error=error)


def _speaks_of_limits(words: str) -> bool:
    return any(limit in words for limit in _LIMITED)


def _last_line(errors: bytes) -> str:
    """Return the last line that says something, escaped and cut."""
    lines = errors.decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ascii(last[:300])[1:-1]
