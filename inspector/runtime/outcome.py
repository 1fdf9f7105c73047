"""The outcome of a run, as facts: the probe's answer, or how its container ended without one.

The answer is read strictly: the image may have printed anything beside it.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from inspector.errors import Malformed
from inspector.escape import in_ascii
from inspector.facts.runtime import Device, Failure, RuntimeFacts
from inspector.oci import decoder
from inspector.runtime.host import Offer
from inspector.runtime.sandbox import Limits
from inspector.unknown import Unknown

MAX_ANSWER = 1 << 18
"""Bytes of one answer, which with every text at its longest is larger than any that the probe gives."""

Stage = Literal["start", "import", "examine", "end"]

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
_KNOWN = b"examine "

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Few = msgspec.Meta(max_length=64)


class ProbeError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An error or a warning: its type's name, its words, the system's number for it."""

    type: Text
    message: Text
    errno: Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 31)] | None


class ProbeDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A GPU; `memory` is in bytes."""

    name: Text
    capability: Text
    memory: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The probe's own object; every field must be there.

    `nodes` says whether device nodes of a GPU are there, `unavailable` why torch finds none, `unreadable` names a
    folder of the search path that was closed to the user, and `root` says whether that is root.
    """

    imported: bool
    path: Text | None
    torch: Text | None
    cuda: Text | None
    hip: Text | None
    is_available: bool | None
    devices: Annotated[tuple[ProbeDevice, ...], Few]
    arch_list: Annotated[tuple[Text, ...], Few]
    cudnn: Text | None
    driver: Text | None
    nodes: bool
    root: bool
    computed: bool | None
    unavailable: ProbeError | None
    unreadable: Text | None
    error: ProbeError | None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class ProbeOutput(msgspec.Struct, frozen=True):
    """How far the probe came, and its answer, which says nothing of GPUs yet at the stage `examine`."""

    stage: Stage
    answer: Answer | None = None


def parse_both(output: bytes, errors: bytes, mark: str) -> ProbeOutput:
    """Return what the stream says that was kept further: an engine keeps the end of what both wrote together.

    Raises as `parse_stream`.
    """
    stages: tuple[Stage, ...] = get_args(Stage)
    return max(parse_stream(output, mark), parse_stream(errors, mark), key=lambda parsed: stages.index(parsed.stage))


def unmarked(errors: bytes, mark: str) -> bytes:
    """Return the lines that the probe did not write."""
    head = mark.encode() + b" "
    return b"\n".join(line for line in errors.split(b"\n") if not line.startswith(head))


def parse_stream(output: bytes, mark: str) -> ProbeOutput:
    """Return what the lines of one stream that begin with `mark` say, the first of which may be lost.

    Raises `Malformed` unless they are one word, one answer and one more, in this order, as far as they are there. A
    mark that nobody could know before the run keeps out whatever was not written for this reader; a program of
    the image that looks for it can still say what it likes, as it could to torch itself.
    """
    head = mark.encode() + b" "
    left = [line[len(head) :] for line in output.split(b"\n") if line.startswith(head)]
    parsed = ProbeOutput("start")
    if left and left[0] == b"import":
        parsed = ProbeOutput("import")
        left.pop(0)
    if left and left[0].startswith(_KNOWN):
        parsed = ProbeOutput("examine", _answer(left.pop(0).removeprefix(_KNOWN)))
    if left:
        parsed = ProbeOutput("end", _answer(left.pop(0)))
    if left:
        raise Malformed("the container gave more than one answer")
    return parsed


def _answer(content: bytes) -> Answer:
    if len(content) > MAX_ANSWER:
        raise Malformed(f"the container's answer has {len(content)} bytes, more than {MAX_ANSWER}")
    try:
        return decoder(Answer).decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"invalid response from the container: {in_ascii(str(error), 200)}") from error


class End(msgspec.Struct, frozen=True):
    """How a container ended: its exit code, None where it had to be killed; whether for want of memory.

    `errors` is what is kept of its standard error.
    """

    code: int | None
    errors: bytes = b""
    out_of_memory: bool = False


def with_outcome(
    known: RuntimeFacts, parsed: ProbeOutput, end: End, offer: Offer | Unknown, limits: Limits
) -> RuntimeFacts:
    """Return `known` with all that came out.

    An import that may only have failed for the sandbox is not known to fail.
    """
    facts = _answered(known, parsed.answer, given=isinstance(offer, Offer)) if parsed.answer else known
    if parsed.stage != "end":
        facts = _cut_short(facts, parsed.stage, end, limits)
    if isinstance(offer, Unknown):
        return msgspec.structs.replace(facts, gpu=False, why_not=offer.unknown)
    if parsed.answer is None or parsed.answer.nodes or parsed.answer.is_available:
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
    said = answer.error or ProbeError("", "", None)
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
    return in_ascii(last)
