"""`python -m bench.far` plans an audit of many repositories in a registry that answers each request late.

The registry is simulated: one process that makes its documents up as it is asked, so that it costs some 50 µs a
request, and answers each one after the same delay. It also counts how many requests it was asked at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Measured, measure
from inspector.testing.blobs import OCI
from inspector.testing.image import CREATED, sha256, to_json

REPOSITORIES, TAGS, ROUND_TRIP = 10_000, 10, 0.03
PROGRAM_SECONDS = 0.5
_ASKED = re.compile(rb"(GET|HEAD) /v2/(?:(_catalog)|team/([0-9]+)/(tags/list|manifests/|blobs/)?([^ ?]*))?([^ ]*) HTTP")
_LAYER = {"mediaType": f"{OCI.layer}+gzip", "digest": f"sha256:{'1' * 64}", "size": 25_000_000}


@dataclass(frozen=True)
class Fleet:
    """So many repositories with so many tags, of which `images` in each are different."""

    repositories: int
    tags: int
    images: int

    @property
    def requests(self) -> int:
        """What a plan takes: the catalog, a list and HEADs for each repository, manifests and configs."""
        pages = -(-self.repositories // 1000)
        return pages + self.repositories * (1 + self.tags + 2 * self.images)


class _Registry(asyncio.Protocol):
    """One connection to the simulated registry."""

    fleet = Fleet(0, 0, 0)
    delay = 0.0
    count = now = most = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Answer each whole request after the delay; hang up on TLS, which is tried first."""
        if data[:1] == b"\x16":
            self._transport.close()
            return
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            request, self._rest = self._rest[:end], self._rest[end + 4 :]
            if request.startswith(b"GET /count "):
                self._transport.write(_answer(to_json({"requests": _Registry.count, "most": _Registry.most}), ""))
                continue
            _Registry.count += 1
            _Registry.now += 1
            _Registry.most = max(_Registry.most, _Registry.now)
            asyncio.get_running_loop().call_later(self.delay, self._send, self._answered(request))

    def _send(self, answer: bytes) -> None:
        _Registry.now -= 1
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _answered(self, request: bytes) -> bytes:
        found = _ASKED.match(request)
        if found is None:
            return _answer(b"{}", "application/json", status=b"400 Bad Request")
        method, catalog, repository, kind, target, query = found.groups()
        if catalog:
            return self._catalog(query)
        if kind == b"tags/list":
            tags = [f"1.{number}" for number in range(self.fleet.tags)]
            return _answer(to_json({"name": f"team/{repository.decode()}", "tags": tags}), "application/json")
        if not kind:
            return _answer(b"{}", "application/json")
        name = target.decode()
        if kind == b"blobs/":
            return _answer(_CONFIGS[name], "application/octet-stream")
        number = f"{int(repository)}.{int(name[2:]) % self.fleet.images}" if name.startswith("1.") else ""
        content = _manifest(number) if number else _MANIFESTS[name]
        return _answer(content, OCI.manifest, head=method == b"HEAD", digest=sha256(content))

    def _catalog(self, query: bytes) -> bytes:
        last = re.search(rb"last=team%2F([0-9]+)", query)
        first = int(last[1]) + 1 if last else 0
        names = [f"team/{number}" for number in range(first, min(first + 1000, self.fleet.repositories))]
        more = first + 1000 < self.fleet.repositories
        link = f'Link: </v2/_catalog?last=team%2F{first + 999}&n=1000>; rel="next"\r\n' if more else ""
        return _answer(to_json({"repositories": names}), "application/json", more=link)


_MANIFESTS: dict[str, bytes] = {}
_CONFIGS: dict[str, bytes] = {}
_KEPT = 20_000


def _manifest(number: str) -> bytes:
    """Return the manifest of an image, and know it and its config by their digests for a while."""
    steps = [{"created": CREATED, "created_by": f"RUN step {at} of the image {number}"} for at in range(8)]
    history = [{**step, "empty_layer": True} for step in steps[1:]]
    run = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", f"NUMBER={number}"], "Cmd": ["python", "-m", "team"]}
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{'2' * 64}"]}
    whole = {"architecture": "amd64", "os": "linux", "created": CREATED, "config": run, "rootfs": rootfs}
    config = to_json({**whole, "history": [steps[0], *history]})
    described = {"mediaType": OCI.config, "digest": f"sha256:{sha256(config)}", "size": len(config)}
    top = to_json({"schemaVersion": 2, "mediaType": OCI.manifest, "config": described, "layers": [_LAYER]})
    _MANIFESTS[f"sha256:{sha256(top)}"] = top
    _CONFIGS[f"sha256:{sha256(config)}"] = config
    for kept in (_MANIFESTS, _CONFIGS):
        while len(kept) > _KEPT:
            del kept[next(iter(kept))]
    return top


def _answer(
    content: bytes, kind: str, *, status: bytes = b"200 OK", head: bool = False, digest: str = "", more: str = ""
) -> bytes:
    stated = f'Docker-Content-Digest: sha256:{digest}\r\nEtag: "sha256:{digest}"\r\n' if digest else ""
    headers = f"Content-Length: {len(content)}\r\nContent-Type: {kind}\r\n{stated}{more}X-Content-Type-Options: nosniff"
    when = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nDocker-Distribution-Api-Version: registry/2.0"
    return b"HTTP/1.1 %s\r\n%s\r\n%s\r\n\r\n%s" % (status, headers.encode(), when.encode(), b"" if head else content)


async def _serve(fleet: Fleet, delay: float) -> None:
    _Registry.fleet, _Registry.delay = fleet, delay
    server = await asyncio.get_running_loop().create_server(_Registry, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextlib.contextmanager
def far_registry(fleet: Fleet, delay: float) -> Iterator[str]:
    """Start the simulated registry in a process of its own; its host."""
    words = [f"{fleet.repositories}", f"{fleet.tags}", f"{fleet.images}", f"{delay}"]
    command = [sys.executable, "-m", "bench.far", "--serve", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def counted(host: str) -> dict[str, int]:
    """Ask the simulated registry how many requests it answered, and how many at once at most."""
    with urllib.request.urlopen(f"http://{host}/count") as answer:
        found: dict[str, int] = json.load(answer)
    return found


@dataclass(frozen=True)
class Planned:
    """A plan that was measured, the requests that it took, and the least that those can take."""

    measured: Measured
    requests: int
    most: int
    bound: float


def plan_once(inspector: list[str], fleet: Fleet, jobs: int, *, delay: float = ROUND_TRIP, cache: Path) -> Planned:
    """Plan an audit of the whole catalog, in a registry of its own."""
    with far_registry(fleet, delay) as host:
        words = ["audit", "--catalog", host, "--no-policy", "--plan", "-q", "-j", f"{jobs}", "--cache-dir", f"{cache}"]
        measured = measure([*inspector, *words], times=1, env={}, keep=False)
        found = counted(host)
    return Planned(measured, found["requests"], found["most"], found["requests"] * delay / jobs)


def far_lines(inspector: list[str], fleet: Fleet, jobs: int) -> Iterator[str]:
    """A line for the first plan, and one for the next, whose documents are all known."""
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        for what in ("nothing known", "all known"):
            done = plan_once(inspector, fleet, jobs, cache=Path(folder))
            seconds = done.measured.median
            yield (
                f"plan of {fleet.repositories:,} repositories of {fleet.tags} tags, -j {jobs}, {what}: "
                f"{done.requests:,} requests in {seconds:.1f} s, {done.requests / seconds:.0f} a second, "
                f"{seconds / done.bound:.2f} of the least ({done.bound:.1f} s), {done.most} at once, "
                f"{done.measured.peak / 1e6:.0f} MB"
            )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.far", description=__doc__)
    parser.add_argument(
        "--serve", nargs=4, metavar=("REPOSITORIES", "TAGS", "IMAGES", "SECONDS"), help="be the registry"
    )
    parser.add_argument("--repositories", type=int, default=REPOSITORIES)
    parser.add_argument("--tags", type=int, default=TAGS)
    parser.add_argument("--images", type=int, default=1, help="different images of each repository")
    parser.add_argument("-j", "--jobs", type=int, nargs="*", default=[32])
    options = parser.parse_args()
    if options.serve:
        repositories, tags, images, delay = options.serve
        fleet = Fleet(int(repositories), int(tags), int(images))
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(fleet, float(delay)))
        return 0
    fleet = Fleet(options.repositories, options.tags, options.images)
    for jobs in options.jobs:
        for line in far_lines([sys.executable, "-m", "inspector"], fleet, jobs):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
