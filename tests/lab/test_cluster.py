"""`audit --cluster` with a real Dask scheduler and two worker processes, beside a real registry."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from inspector.cluster.cluster import connected, parse_cluster
from inspector.cluster.workers import AHEAD
from inspector.pipeline.audit import NewExecutor
from inspector.pipeline.audit import audit as run_audit
from inspector.pipeline.model import Options, Progress
from inspector.pipeline.scopes import parse_scope
from inspector.policy.audited import Audited, Ended
from tests.cli.program import ROOT, clean_environment
from tests.lab.conftest import _not_here
from tests.lab.many import REPOSITORIES, Stocked, layers_asked, stock
from tests.lab.registries import free_port

TAGS, LAYERS = 300, 120
SECONDS = 30.0


@pytest.fixture(scope="module")
def stocked(docker: None) -> Iterator[Stocked]:
    del docker
    try:
        import distributed  # noqa: F401 - an optional dependency
    except ImportError:
        _not_here("Dask is not installed: pip install 'torch-image-inspector[cluster]'")
    with stock(TAGS, LAYERS) as made:
        yield made


class Dask(NamedTuple):
    """A scheduler and its workers, each a process."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


def start(module: str, *words: str, path: Path = ROOT, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
        environment = clean_environment({"PYTHONPATH": str(path), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"})
        return subprocess.Popen(command, cwd=log.parent, env=environment, stdout=file, stderr=file)


@contextmanager
def ended(processes: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture
def dask(stocked: Stocked, tmp_path: Path) -> Iterator[Dask]:
    """A cluster of two workers with one thread each."""
    del stocked
    with cluster(tmp_path, ROOT, ROOT) as made:
        yield made


@contextmanager
def cluster(folder: Path, *paths: Path) -> Iterator[Dask]:
    """A cluster with a worker for each path that Python finds modules in."""
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    processes = [
        start("dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard", log=folder / "scheduler.log")
    ]
    words = [address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
    for number, path in enumerate(paths):
        processes.append(start("dask_worker", *words, path=path, log=folder / f"worker-{number}.log"))
    with ended(processes):
        until = time.monotonic() + SECONDS
        while sum(
            b"Registered to" in (folder / f"worker-{number}.log").read_bytes() for number in range(len(paths))
        ) < len(paths):
            assert time.monotonic() < until, "no cluster: " + (folder / "worker-0.log").read_text()[-2000:]
            time.sleep(0.05)
        yield Dask(address, processes[0], processes[1:])


class Watching(Progress):
    """Calls something once so many layers came."""

    def __init__(self, after: int, action: Callable[[], object], then: Watching | None = None) -> None:
        super().__init__()
        self._then = then
        self._left = after
        self._before = 0
        self._action = action

    def changed(self) -> None:
        """See `Progress`."""
        if self.bytes > self._before:
            self._before = self.bytes
            self._left -= 1
            if self._left == 0:
                self._action()
            if self._then is not None:
                self._then.bytes = self.bytes
                self._then.changed()


def audited(
    stocked: Stocked, executor: NewExecutor | None, progress: Watching | None = None
) -> tuple[list[Audited], Ended]:
    """The results without the time that they took, in order, and how it ended."""
    targets = [parse_scope(f"{stocked.host}/{name}") for name in REPOSITORIES]
    *events, end = run_audit(targets, None, Options(), executor=executor, progress=progress)
    found = [event for event in events if isinstance(event, Audited)]
    timeless = [
        msgspec.structs.replace(one, evidence=one.evidence and msgspec.structs.replace(one.evidence, seconds=0.0))
        for one in found
    ]
    assert isinstance(end, Ended)
    return sorted(timeless, key=lambda one: one.image), end


def test_one_of_two_workers_killed_in_the_middle(stocked: Stocked, dask: Dask) -> None:
    """The same results as by threads, and no layer asked for twice but those that the dead one had."""
    threads, _ = audited(stocked, None)
    since = stocked.log.stat().st_size
    kill = Watching(LAYERS // 3, lambda: dask.workers[0].send_signal(signal.SIGKILL))
    with connected(parse_cluster(dask.address)) as executor:
        found, end = audited(stocked, executor, kill)
    assert dask.workers[0].wait(SECONDS) == -signal.SIGKILL
    assert found == threads
    assert end.layers_fetched == LAYERS
    times = Counter(layers_asked(stocked.log, stocked.fleet, since).values())
    assert set(times) <= {1, 2}
    assert times[2] <= 4


def test_two_workers_killed_one_after_another(stocked: Stocked, tmp_path: Path) -> None:
    """The third one reads the rest; only what the dead ones had is asked for again."""
    threads, _ = audited(stocked, None)
    since = stocked.log.stat().st_size
    with cluster(tmp_path, ROOT, ROOT, ROOT) as dask, connected(parse_cluster(dask.address)) as executor:
        second = Watching(LAYERS // 2, lambda: dask.workers[1].send_signal(signal.SIGKILL))
        first = Watching(LAYERS // 4, lambda: dask.workers[0].send_signal(signal.SIGKILL), second)
        found, end = audited(stocked, executor, first)
        assert [worker.wait(SECONDS) for worker in dask.workers[:2]] == [-signal.SIGKILL] * 2
    assert found == threads
    assert (end.layers_fetched, end.left.why) == (LAYERS, "")
    times = Counter(layers_asked(stocked.log, stocked.fleet, since).values())
    assert sum(count * (each - 1) for each, count in times.items()) <= 2 * 2 * AHEAD


def test_a_client_that_is_killed_and_started_again(stocked: Stocked, tmp_path: Path) -> None:
    """What its cache has by then is not read again, but for what was in the cluster when it died."""
    words = ["audit", *(f"{stocked.host}/{name}" for name in REPOSITORIES), "--no-policy", "--format", "jsonl"]
    command = [sys.executable, "-m", "inspector", *words, "--cache-dir", "cache", "--cluster"]
    options: dict[str, Any] = {"cwd": tmp_path, "env": clean_environment(), "stderr": subprocess.PIPE}
    since = stocked.log.stat().st_size
    with cluster(tmp_path, ROOT, ROOT) as dask:
        with subprocess.Popen([*command, dask.address], stdout=subprocess.PIPE, **options) as process, ended([process]):
            assert process.stdout is not None
            for _ in range(20):
                assert json.loads(process.stdout.readline())
            process.kill()
            process.wait()
        done = subprocess.run([*command, dask.address], stdout=subprocess.PIPE, check=False, timeout=SECONDS, **options)
    assert done.returncode == 0, done.stderr
    assert len({name for line in done.stdout.splitlines() for name in tags_in(line)}) == TAGS
    times = Counter(layers_asked(stocked.log, stocked.fleet, since).values())
    assert sum(times.values()) == LAYERS, "each layer was read"
    assert max(times) <= 2
    assert times[2] <= 2 * AHEAD, "and none again but those that were in the cluster"


def tags_in(line: bytes) -> Iterator[str]:
    """The tags that a line of the report is about; none where it sums up."""
    said = json.loads(line)
    yield from (f"{said['repository']}:{tag}" for tag in said.get("tags") or ())


def test_a_cluster_that_is_lost_as_a_whole(stocked: Stocked, tmp_path: Path) -> None:
    """The audit ends and says so, and the next one, with another cluster, fetches what is missing."""
    words = ["audit", *(f"{stocked.host}/{name}" for name in REPOSITORIES), "--no-policy", "--format", "jsonl"]
    command = [sys.executable, "-m", "inspector", *words, "--cache-dir", "cache", "--cluster"]
    options: dict[str, Any] = {"cwd": tmp_path, "env": clean_environment(), "stderr": subprocess.PIPE}
    with cluster(tmp_path, ROOT) as dask:
        process = subprocess.Popen([*command, dask.address], stdout=subprocess.PIPE, **options)
        with ended([process]), process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())
            dask.scheduler.kill()
            _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 3
    assert b"goes on where this one stopped" in said
    since = stocked.log.stat().st_size
    with cluster(tmp_path, ROOT) as dask:
        done = subprocess.run([*command, dask.address], stdout=subprocess.PIPE, check=False, timeout=SECONDS, **options)
    assert done.returncode == 0, done.stderr
    assert len(layers_asked(stocked.log, stocked.fleet, since)) < LAYERS


def test_a_worker_without_inspector_is_refused(stocked: Stocked, tmp_path: Path) -> None:
    """Before anything is asked of the registry."""
    since = stocked.log.stat().st_size
    with cluster(tmp_path, tmp_path) as dask:
        code = "import importlib.util as u; raise SystemExit(u.find_spec('inspector') is not None)"
        here = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
        if here.returncode:
            pytest.skip("inspector is installed for every process here")
        command: list[Any] = [sys.executable, "-m", "inspector", "audit", f"{stocked.host}/fleet/api", "--no-policy"]
        done = subprocess.run(
            [*command, "--cluster", dask.address],
            env=clean_environment(),
            cwd=tmp_path,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    assert done.returncode == 3
    assert b"has no inspector that answers" in done.stderr
    assert stocked.log.stat().st_size == since
