"""What a worker's answer must be before it is taken for a layer's index."""

from __future__ import annotations

from typing import Any

import msgspec

from inspector.audit.executor import Failure, Unit
from inspector.audit.worker import Answer
from inspector.layers import codec
from inspector.layers.blob import Scanned
from inspector.layers.objects import unpack_row

MAX_ANSWER = codec.MAX_PLAIN
"""The largest answer that is looked into, in bytes."""

_MAX_MESSAGE = 4000
_DECODER = msgspec.msgpack.Decoder(Answer)


def opened(content: Any) -> Answer | None:
    """The answer that a worker packed; None for anything else."""
    if not isinstance(content, bytes) or len(content) > MAX_ANSWER:
        return None
    try:
        return _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def checked(unit: Unit, answer: Answer, *, verify: bool) -> Scanned | Failure:
    """The index if it can be this layer's: of its digests and this scanner, verified only where all bytes were read."""
    if answer.failure is not None:
        failure = answer.failure
        read = min(max(failure.bytes_read, 0), unit.size)
        return Failure(failure.kind[:64], failure.message[:_MAX_MESSAGE], read)
    index = codec.decode(answer.index)
    wrong = ""
    if index is None:
        wrong = "holds no index"
    elif (index.diff_id, index.scanner) != (unit.diff_id, answer.version.scanner):
        wrong = "is about another layer"
    elif index.blob_digest not in (None, unit.digest):
        wrong = "is about other bytes"
    elif index.verified and (index.blob_digest is None or answer.bytes_read < unit.size):
        wrong = "says that it is verified, but not all bytes were read"
    elif verify and not index.verified:
        wrong = "is not verified, which was asked for"
    if index is None or wrong:
        return Failure("malformed", f"layer {unit.digest}: a worker's answer {wrong}")
    index.objects.symbols = unpack_row(answer.symbols)
    return Scanned(index, answer.bytes_read, answer.how, tuple(note[:_MAX_MESSAGE] for note in answer.notes))
