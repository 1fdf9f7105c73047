"""One layer read on a machine of a cluster: what it is sent, what it sends back, and how that is checked."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from inspector import work
from inspector.errors import InspectorError
from inspector.layers import codec
from inspector.layers.blob import Meter, Scanned
from inspector.layers.entry import SCANNER_VERSION
from inspector.layers.objects import pack_row, unpack_row
from inspector.pipeline.executor import Failure, Unit, read_unit
from inspector.registry.delegation import Lent
from inspector.registry.settings import user_settings
from inspector.sources.registry.open import Registries

TOO_LARGE = Failure("limit-exceeded", "its index is too large to be sent")
"""What is answered for a layer that can be read, but whose index no cache would take either."""
MAX_ANSWER = codec.MAX_PLAIN
"""The largest answer that is looked into, in bytes."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]
_MAX_MESSAGE = 4000


class Version(msgspec.Struct, frozen=True):
    """Of the program, and of what it makes of a layer: both must be the same wherever layers of one audit are read."""

    program: str
    scanner: int

    def __str__(self) -> str:
        return f"{self.program[:40]} (scanner {self.scanner})"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is sent. It shows nothing of what was lent: Dask logs what failed.

    With `own_logins`, the worker uses those of its own machine, and nothing is lent but the host's name.
    """

    unit: Unit
    lent: Lent
    own_logins: bool
    verify: bool
    version: Version

    def __repr__(self) -> str:
        return f"Order({self.unit.digest!r})"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker sends back: a packed index (see `codec`), the symbols beside it, and what it took, or a failure.

    Neither, where the order is of another version.
    """

    version: Version
    failure: Failure | None = None
    index: bytes = b""
    symbols: bytes = b""
    bytes_read: _Count = 0
    how: Annotated[str, msgspec.Meta(max_length=32)] = ""
    notes: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    requests: _Count = 0


_DECODER = msgspec.msgpack.Decoder(Answer)


def version_here() -> Version:
    """Return the version of the program that runs this."""
    return Version(str(vars(sys.modules["inspector"])["__version__"]), SCANNER_VERSION)


def read_order(order: Order) -> bytes:
    """Read the layer, and pack an `Answer`. Never raises: Dask would log, and send, all that an exception holds."""
    here = version_here()
    if order.version != here:
        return msgspec.msgpack.encode(Answer(version=here))
    _requests.count = 0
    try:
        registries = _registries(order.lent, order.own_logins)
        with work.limited():
            outcome = read_unit(order.unit, registries, verify=order.verify, meter=_meter())
    except Exception as error:  # noqa: BLE001 - as said above
        outcome = Failure("internal-error", f"a worker: {type(error).__name__}")
    return msgspec.msgpack.encode(_answer(here, outcome))


def _answer(here: Version, outcome: Scanned | Failure) -> Answer:
    requests = int(_requests.count)
    if isinstance(outcome, Failure):
        return Answer(version=here, failure=outcome, requests=requests)
    try:
        packed = codec.encode(outcome.index)
    except ValueError:
        return Answer(version=here, failure=TOO_LARGE, requests=requests)
    return Answer(
        version=here,
        index=packed,
        symbols=pack_row(outcome.index.objects.symbols),
        bytes_read=outcome.bytes_read,
        how=outcome.how,
        notes=outcome.notes,
        requests=requests,
    )


_requests = threading.local()
"""`count` are those made for the order that this thread reads."""


def _count() -> None:
    _requests.count = getattr(_requests, "count", 0) + 1


@lru_cache(maxsize=8)
def _registries(lent: Lent, own_logins: bool) -> Registries:  # noqa: FBT001 - a part of the cache's key
    """Connect to what was lent, once for the layers that follow."""
    settings = user_settings(lent.all_insecure, lent.trusted_toc) if own_logins else lent.settings(os.environ)
    return Registries(settings, gate=_count)


def _meter() -> Meter:
    """Make a meter that stops the reading of a layer that nobody waits for any more."""
    is_wanted = _interest()

    def meter(count: int) -> None:
        if not is_wanted():
            raise InspectorError("stopped")
        work.advance(count)

    return meter


def _interest() -> Callable[[], bool]:
    """Return what tells whether the task of this thread is still asked for; always so where no worker runs it."""
    try:
        from distributed import get_worker  # an optional dependency, which is there if a worker is

        worker = get_worker()
        key = worker.get_current_task()
        tasks = worker.state.tasks
    except (ImportError, ValueError, AttributeError):
        return lambda: True

    def is_wanted() -> bool:
        task = tasks.get(key)
        return task is not None and task.state != "cancelled"

    return is_wanted


def opened(content: Any) -> Answer | None:
    """Unpack the answer of a worker; None for anything else."""
    if not isinstance(content, bytes) or len(content) > MAX_ANSWER:
        return None
    try:
        return _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def checked(unit: Unit, answer: Answer, *, verify: bool) -> Scanned | Failure:
    """Take the index if it can be this layer's: of its digests and scanner, verified only where all bytes were read."""
    if answer.failure is not None:
        failure = answer.failure
        read = min(max(failure.bytes_read, 0), unit.size)
        return Failure(failure.kind[:64], failure.message[:_MAX_MESSAGE], read)
    index = codec.decode(answer.index)
    wrong = ""
    if index is None:
        wrong = "has no index"
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
