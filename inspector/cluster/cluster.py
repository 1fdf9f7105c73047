"""Layers read on a Dask cluster: the same results as by threads, from machines that are sent no lasting credential."""

from __future__ import annotations

import itertools
import queue
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec

from inspector.cluster.answers import checked, opened
from inspector.cluster.worker import TOO_LARGE, Order, read_order, version_here
from inspector.cluster.workers import Workers, check_versions, connect, load, other_version, quiet
from inspector.errors import InspectorError, Refused, UsageError
from inspector.layers.blob import Scanned
from inspector.pipeline.audit import NewExecutor
from inspector.pipeline.executor import Failure, Unit, blob_of, read_unit
from inspector.pipeline.model import Options, error_fact
from inspector.registry.delegation import Lent
from inspector.sources.registry.open import Registries

if TYPE_CHECKING:
    from distributed import Client, Future

Logins = Literal["tokens", "tokens-in-clear", "workers"]
"""What workers show to registries: tokens that they are lent, by TLS or without; or what their own machines have."""

_FETCH = 60.0
_TICK = 0.2
_AGAIN = 3
"""How often a layer is asked for with a new token, where the one before had ended by its turn."""
_ADDRESS = re.compile(r"(?:(tcp|tls)://)?((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})", re.ASCII)
_LOOPBACK = re.compile(r"[a-z]+://(?:127\.[0-9.]+|\[::1\]|localhost):[0-9]+", re.ASCII)


class Cluster(msgspec.Struct, frozen=True):
    """The address of a Dask scheduler, and what its workers show to registries."""

    address: str
    logins: Logins = "tokens"


def parse_cluster(address: str, logins: Logins = "tokens") -> Cluster:
    """`[tcp://|tls://]HOST:PORT`. Raises `UsageError`."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UsageError(f"--cluster {address[:200]!a}: no address of a Dask scheduler; write tls://HOST:PORT")
    return Cluster(f"{found[1] or 'tcp'}://{found[2]}", logins)


@contextmanager
def connected(cluster: Cluster) -> Iterator[NewExecutor]:
    """Makes executors that use the cluster, as long as it is held.

    Raises `UsageError` without Dask here, `Unreachable` for no scheduler, `Unsupported` for workers of another version.
    """
    load()
    with quiet():
        client = connect(cluster.address)
        try:
            check_versions(client, cluster.address)
            yield partial(ClusterExecutor, client, cluster)
        finally:
            client.close()


class ClusterExecutor:
    """Reads layers on the workers of a Dask cluster. Dask gives what a lost worker had to another, a few times."""

    def __init__(
        self,
        client: Client,
        cluster: Cluster,
        registries: Registries,
        options: Options,
        meter: Callable[[int], None],
    ) -> None:
        self._workers = Workers(client, cluster.address)
        self._lender = _Lender(cluster, registries, self._workers)
        self._client = client
        self._registries = registries
        self._verify = options.verify
        self._meter = meter

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Scanned | Failure]]:
        """See `Executor.run`. Raises `Unreachable` where the cluster is lost, `Unsupported` for another version."""
        flights = _Flights(self._client)
        remaining = iter(units)
        try:
            while True:
                while len(flights) < self._workers.room() and (unit := next(remaining, None)) is not None:
                    refused = self._send(flights, unit)
                    if refused is not None:
                        yield unit, refused
                if not flights:
                    return
                order, sent, content = self._next(flights)
                outcome: Scanned | Failure | None = self._outcome(order.unit, content)
                if _came_late(order, outcome) and sent < _AGAIN:
                    outcome = self._send(flights, order.unit, sent + 1)
                if outcome is not None:
                    yield order.unit, outcome
        finally:
            flights.cancel()

    def _send(self, flights: _Flights, unit: Unit, sent: int = 1) -> Failure | None:
        """Ask the cluster for a layer; the failure of one that it can't be asked for."""
        try:
            self._registries.gate()
            lent = self._lender.lend(unit)
        except InspectorError as error:
            fact = error_fact(error)
            return Failure(fact.kind, fact.message)
        order = Order(
            unit=unit,
            lent=lent,
            own_logins=self._lender.own_logins,
            verify=self._verify,
            version=version_here(),
        )
        flights.add(order, sent)
        return None

    def _next(self, flights: _Flights) -> tuple[Order, int, bytes | Failure]:
        """The next that came back, however long it takes; raises what the meter raises once the run is stopped."""
        while True:
            found = flights.landed(_TICK)
            if found is not None:
                return found
            self._meter(0)
            self._workers.check()

    def _outcome(self, unit: Unit, content: bytes | Failure) -> Scanned | Failure:
        if isinstance(content, Failure):
            return content
        answer = opened(content)
        if answer is None:
            return Failure("malformed", f"layer {unit.digest}: a worker's answer is none")
        if answer.version != version_here():
            raise other_version(answer.version, "a worker")
        self._count(answer.requests - 1)
        if answer.failure == TOO_LARGE:
            return read_unit(unit, self._registries, verify=self._verify, meter=self._meter)
        outcome = checked(unit, answer, verify=self._verify)
        if isinstance(outcome, Scanned):
            self._meter(outcome.bytes_read)
        return outcome

    def _count(self, requests: int) -> None:
        """Requests beyond the one that a layer takes, so that the run's bound holds for workers too."""
        with suppress(InspectorError):  # the bound is reached
            for _ in range(min(requests, 1000)):
                self._registries.gate()


class _Lender:
    """Decides what workers get to show to registries."""

    def __init__(self, cluster: Cluster, registries: Registries, workers: Workers) -> None:
        self._cluster = cluster
        self._registries = registries
        self._workers = workers
        self.own_logins = cluster.logins == "workers"

    def lend(self, unit: Unit) -> Lent:
        """What is lent for a layer. Raises `Refused` for what must not leave this machine."""
        lent = blob_of(unit, self._registries).repository.lend(with_token=not self.own_logins)
        if lent.here and not all(map(_LOOPBACK.match, self._workers.addresses())):
            raise Refused(f"{lent.host}: is this machine alone, and the cluster's workers are elsewhere")
        if lent.token is not None and self._cluster.logins == "tokens":
            self._refuse_clear(lent.host)
        return lent

    def _refuse_clear(self, host: str) -> None:
        for address in (self._cluster.address, *self._workers.addresses()):
            if not address.startswith("tls://") and not _LOOPBACK.match(address):
                raise Refused(
                    f"{host}: its token would go to {address} without TLS; have the cluster speak tls://, "
                    "or choose with --cluster-logins: tokens-in-clear, or workers for those of their own"
                )


class _Flights:
    """What is in the cluster now."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._run = uuid.uuid4().hex[:12]
        self._number = itertools.count()
        self._flying: dict[str, tuple[Future, Order, int]] = {}
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __len__(self) -> int:
        return len(self._flying)

    def add(self, order: Order, sent: int) -> None:
        """Give an order to the cluster under a key that was never used."""
        key = f"inspector-layer-{self._run}-{next(self._number)}"
        future = self._client.submit(read_order, order, key=key, pure=False)
        self._flying[key] = future, order, sent
        future.add_done_callback(lambda done: self._done.put(done.key))

    def landed(self, seconds: float) -> tuple[Order, int, bytes | Failure] | None:
        """One that came back, with how often it was sent; None where none does in that time."""
        try:
            key = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        future, order, sent = self._flying[key]
        content = _fetched(future, order.unit)
        if content is None:
            self._done.put(key)
            return None
        del self._flying[key]
        future.release()
        return order, sent, content

    def cancel(self) -> None:
        """Take back all that is in the cluster; what runs there stops at its next bytes."""
        futures = [future for future, *_ in self._flying.values()]
        self._flying.clear()
        if futures and self._client.status == "running":
            self._client.cancel(futures, force=True)


def _fetched(future: Future, unit: Unit) -> bytes | Failure | None:
    """What came of a task that is done; None where it is done anew, as its worker was lost before it was fetched."""
    from distributed import KilledWorker  # an optional dependency

    try:
        found = future.result(timeout=_FETCH)
    except TimeoutError:
        return None
    except KilledWorker as error:
        count = len(getattr(error, "tried", ())) or "several"
        return Failure("unreachable", f"layer {unit.digest}: {count} workers of the cluster were lost reading it")
    except Exception as error:  # noqa: BLE001 - whatever Dask says of one task never ends the run
        return Failure("unreachable", f"layer {unit.digest}: the cluster gave it up ({type(error).__name__})")
    return found if isinstance(found, bytes) else Failure("malformed", f"layer {unit.digest}: a worker answers nothing")


def _came_late(order: Order, outcome: Scanned | Failure | None) -> bool:
    """Whether a layer was denied as the token for it had ended by its turn."""
    token = order.lent.token
    denied = isinstance(outcome, Failure) and outcome.kind == "denied"
    return denied and token is not None and not token.is_fresh()
