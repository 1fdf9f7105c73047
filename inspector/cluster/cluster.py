"""Layers read on a Dask cluster: the same results as by threads, on machines that get no lasting credential."""

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

from inspector.cluster.worker import TOO_LARGE, Order, checked, opened, read_order, version_here
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
"""How often a layer is asked for with a new token, where the one before had expired by its turn."""
_ADDRESS = re.compile(r"(?:(tcp|tls)://)?((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})", re.ASCII)
_LOOPBACK = re.compile(r"[a-z]+://(?:127\.[0-9.]+|\[::1\]|localhost):[0-9]+", re.ASCII)


class Cluster(msgspec.Struct, frozen=True):
    """The address of a Dask scheduler, and what its workers show to registries."""

    address: str
    logins: Logins = "tokens"


def parse_cluster(address: str, logins: Logins = "tokens") -> Cluster:
    """Return `[tcp://|tls://]HOST:PORT`. Raises `UsageError`."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UsageError(f"--cluster {address[:200]!a}: not the address of a Dask scheduler; write tls://HOST:PORT")
    return Cluster(f"{found[1] or 'tcp'}://{found[2]}", logins)


@contextmanager
def connected(cluster: Cluster) -> Iterator[NewExecutor]:
    """Make executors that use the cluster, for as long as this is entered.

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
        self._delegation = _Delegation(cluster, registries, self._workers)
        self._client = client
        self._registries = registries
        self._verify = options.verify
        self._meter = meter

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, Scanned | Failure]]:
        """See `Executor.run`. Raises `Unreachable` where the cluster is lost, `Unsupported` for another version."""
        tasks = _Tasks(self._client)
        remaining = iter(units)
        try:
            while True:
                while len(tasks) < self._workers.room() and (unit := next(remaining, None)) is not None:
                    refused = self._send(tasks, unit)
                    if refused is not None:
                        yield unit, refused
                if not tasks:
                    return
                order, sent, content = self._next(tasks)
                outcome: Scanned | Failure | None = self._outcome(order.unit, content)
                if _has_expired(order, outcome) and sent < _AGAIN:
                    outcome = self._send(tasks, order.unit, sent + 1)
                if outcome is not None:
                    yield order.unit, outcome
        finally:
            tasks.cancel()

    def _send(self, tasks: _Tasks, unit: Unit, sent: int = 1) -> Failure | None:
        """Ask the cluster for a layer; return the failure of one that it can't be asked for."""
        try:
            self._registries.gate()
            lent = self._delegation.lend(unit)
        except InspectorError as error:
            fact = error_fact(error)
            return Failure(fact.kind, fact.message)
        order = Order(
            unit=unit,
            lent=lent,
            own_logins=self._delegation.own_logins,
            verify=self._verify,
            version=version_here(),
        )
        tasks.add(order, sent)
        return None

    def _next(self, tasks: _Tasks) -> tuple[Order, int, bytes | Failure]:
        """Wait for the next task that is done; raise what the meter raises once the run is stopped."""
        while True:
            found = tasks.next_done(_TICK)
            if found is not None:
                return found
            self._meter(0)
            self._workers.check()

    def _outcome(self, unit: Unit, content: bytes | Failure) -> Scanned | Failure:
        if isinstance(content, Failure):
            return content
        answer = opened(content)
        if answer is None:
            return Failure("malformed", f"layer {unit.digest}: a worker's answer is invalid")
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
        """Count requests beyond the one that a layer takes, so that the run's bound holds for workers too."""
        with suppress(InspectorError):  # the bound is reached
            for _ in range(min(requests, 1000)):
                self._registries.gate()


class _Delegation:
    """Decides what workers get to show to registries."""

    def __init__(self, cluster: Cluster, registries: Registries, workers: Workers) -> None:
        self._cluster = cluster
        self._registries = registries
        self._workers = workers
        self.own_logins = cluster.logins == "workers"

    def lend(self, unit: Unit) -> Lent:
        """Delegate what a layer needs. Raises `Refused` for what must not leave this machine."""
        lent = blob_of(unit, self._registries).repository.lend(with_token=not self.own_logins)
        if lent.here and not all(map(_LOOPBACK.match, self._workers.addresses())):
            raise Refused(f"{lent.host}: is this machine alone, and the cluster's workers are elsewhere")
        guarded = lent.token is not None and self._cluster.logins == "tokens"
        for address in (self._cluster.address, *self._workers.addresses()) if guarded else ():
            if not address.startswith("tls://") and not _LOOPBACK.match(address):
                raise Refused(
                    f"{lent.host}: its token would go to {address} without TLS; have the cluster speak tls://, "
                    "or choose with --cluster-logins: tokens-in-clear, or workers for those of their own"
                )
        return lent


class _Tasks:
    """The tasks that are in the cluster now."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._run = uuid.uuid4().hex[:12]
        self._number = itertools.count()
        self._running: dict[str, tuple[Future, Order, int]] = {}
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __len__(self) -> int:
        return len(self._running)

    def add(self, order: Order, sent: int) -> None:
        """Submit an order to the cluster under a key that was never used."""
        key = f"inspector-layer-{self._run}-{next(self._number)}"
        future = self._client.submit(read_order, order, key=key, pure=False)
        self._running[key] = future, order, sent
        future.add_done_callback(lambda done: self._done.put(done.key))

    def next_done(self, seconds: float) -> tuple[Order, int, bytes | Failure] | None:
        """Return a task that is done, and how often it was sent; None where none is in that time."""
        try:
            key = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        future, order, sent = self._running[key]
        content = _fetched(future, order.unit)
        if content is None:
            self._done.put(key)
            return None
        del self._running[key]
        future.release()
        return order, sent, content

    def cancel(self) -> None:
        """Cancel all that is in the cluster; what runs there stops at its next bytes."""
        futures = [future for future, *_ in self._running.values()]
        self._running.clear()
        if futures and self._client.status == "running":
            self._client.cancel(futures, force=True)


def _fetched(future: Future, unit: Unit) -> bytes | Failure | None:
    """Fetch the answer of a task that is done; None where Dask does it again, as its worker was lost meanwhile."""
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
    return (
        found if isinstance(found, bytes) else Failure("malformed", f"layer {unit.digest}: a worker's answer is empty")
    )


def _has_expired(order: Order, outcome: Scanned | Failure | None) -> bool:
    """Tell whether a layer was denied because its token had expired by its turn."""
    token = order.lent.token
    denied = isinstance(outcome, Failure) and outcome.kind == "denied"
    return denied and token is not None and not token.is_fresh()
