"""What comes back from the probe, read strictly: the image may have printed anything beside it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from inspector.errors import Malformed
from inspector.oci import decoder

MAX_ANSWER = 1 << 18
"""Bytes of one answer, which with every text at its longest is larger than any that the probe gives."""

Stage = Literal["start", "import", "examine", "end"]

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Few = msgspec.Meta(max_length=64)


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An error or a warning: its type's name, its words, the system's number for it."""

    type: Text
    message: Text
    errno: Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 31)] | None


class SaidDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    devices: Annotated[tuple[SaidDevice, ...], Few]
    arch_list: Annotated[tuple[Text, ...], Few]
    cudnn: Text | None
    driver: Text | None
    nodes: bool
    root: bool
    computed: bool | None
    unavailable: Said | None
    unreadable: Text | None
    error: Said | None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class Heard(msgspec.Struct, frozen=True):
    """How far the probe came, and its answer, which at the stage `examine` tells nothing of GPUs yet."""

    stage: Stage
    answer: Answer | None = None


def hear_either(output: bytes, errors: bytes, mark: str) -> Heard:
    """Return what the stream says that was kept further: an engine keeps the end of what both wrote together.

    Raises as `hear`.
    """
    stages: tuple[Stage, ...] = get_args(Stage)
    return max(hear(output, mark), hear(errors, mark), key=lambda heard: stages.index(heard.stage))


def unmarked(errors: bytes, mark: str) -> bytes:
    """Return the lines that the probe did not write."""
    head = mark.encode() + b" "
    return b"\n".join(line for line in errors.split(b"\n") if not line.startswith(head))


def hear(output: bytes, mark: str) -> Heard:
    """Return what the lines of one stream that begin with `mark` say, the first of which may be lost.

    Raises `Malformed` unless they are one word, one answer and one more, in this order, as far as they are there. A
    mark that nobody could know before the run keeps out whatever was not written for this reader; a program of
    the image that looks for it can still say what it likes, as it could to torch itself.
    """
    head = mark.encode() + b" "
    left = [line[len(head) :] for line in output.split(b"\n") if line.startswith(head)]
    heard = Heard("start")
    if left and left[0] == b"import":
        heard = Heard("import")
        left.pop(0)
    if left and left[0].startswith(_KNOWN):
        heard = Heard("examine", _answer(left.pop(0).removeprefix(_KNOWN)))
    if left:
        heard = Heard("end", _answer(left.pop(0)))
    if left:
        raise Malformed("the container gave more than one answer")
    return heard


_KNOWN = b"examine "


def _answer(content: bytes) -> Answer:
    if len(content) > MAX_ANSWER:
        raise Malformed(f"the container's answer has {len(content)} bytes, more than {MAX_ANSWER}")
    try:
        return decoder(Answer).decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"invalid response from the container: {ascii(str(error)[:200])[1:-1]}") from error
