"""The unit of an audit's work, one layer, and what reads it: threads, or anything else that keeps to the protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec

from inspector import work
from inspector.errors import InspectorError
from inspector.layers.blob import Meter, Scanned
from inspector.names import ImageName
from inspector.oci import Descriptor
from inspector.pipeline.model import error_fact
from inspector.sources.registry.blob import RegistryBlob
from inspector.sources.registry.open import Registries

READERS = 4
"""Layers read at once unless told otherwise: each takes a processor, and memory for its index."""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One layer to read: where it lies, what it is stored as, and the digest of its tar.

    Plain values, so that it can go to another machine. `host` and `repository` are those that answered.
    """

    host: str
    repository: str
    descriptor: Descriptor
    diff_id: str

    @property
    def digest(self) -> str:
        """Return the digest of the blob as stored."""
        return self.descriptor.digest

    @property
    def size(self) -> int:
        """Return the bytes as stored."""
        return self.descriptor.size


class Failure(msgspec.Struct, frozen=True):
    """Why a layer could not be read: an error's kind and its sentence; and the bytes of it that came all the same."""

    kind: str
    message: str
    bytes_read: int = 0

    def error(self) -> InspectorError:
        """Make the error that it was, as far as its kind is known here."""
        return _kinds().get(self.kind, InspectorError)(self.message)


class Executor(Protocol):
    """Reads layers: threads, a cluster, or another program; the results are the same."""

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Scanned | Failure]]:
        """Yield each unit with its index or its failure, in any order.

        `units` is asked for more only as work is done, from one thread at a time. Closing the iterator stops the work.
        """


class CountingMeter:
    """A meter that adds up the bytes before it passes them on to `further`; from any thread."""

    def __init__(self, further: Meter) -> None:
        self._further = further
        self._lock = threading.Lock()
        self.bytes = 0

    def __call__(self, count: int) -> None:
        """Count so many more bytes."""
        with self._lock:
            self.bytes += count
        self._further(count)


def blob_of(unit: Unit, registries: Registries) -> RegistryBlob:
    """Find the layer where it lies."""
    place = ImageName(unit.host, unit.repository)
    return RegistryBlob(registries.client.repository(place), unit.descriptor)


def read_unit(unit: Unit, registries: Registries, *, verify: bool, meter: Meter) -> Scanned | Failure:
    """Read the layer, or say why it could not be read."""
    count = CountingMeter(meter)
    try:
        return blob_of(unit, registries).scan(unit.diff_id, unit.digest, verify=verify, meter=count)
    except Exception as error:  # noqa: BLE001 - one bad layer never ends the run
        fact = error_fact(error)
        return Failure(fact.kind, fact.message, count.bytes)


class ThreadExecutor(msgspec.Struct, frozen=True):
    """Reads layers in threads of this process."""

    registries: Registries
    jobs: int
    verify: bool
    meter: Meter
    seconds: float = work.DEFAULT_SECONDS

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Scanned | Failure]]:
        """See `Executor.run`; no more results wait to be taken than there are threads."""
        with work.SideBySide(self._read, units, self.jobs) as results:
            yield from results

    def _read(self, unit: Unit) -> tuple[Unit, Scanned | Failure]:
        with work.limited(self.seconds):
            return unit, read_unit(unit, self.registries, verify=self.verify, meter=self.meter)


def _kinds() -> dict[str, type[InspectorError]]:
    """Map each kind to its error."""
    found: dict[str, type[InspectorError]] = {}
    todo = [InspectorError]
    while todo:
        kind = todo.pop()
        found.setdefault(kind("").kind, kind)
        todo += kind.__subclasses__()
    return found
