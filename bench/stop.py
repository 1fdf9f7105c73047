"""The seconds from a signal to the end of the program, whatever it reads; and from a layer's failure to its report.

`python -m bench.stop` prints a row for each scene; `tests/cli/test_signals.py` plays the same scenes.
"""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fixtures.roles import right_images
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image, Step
from inspector.testing.registry import Answer, FakeRegistry, answer_json
from tests.cli.program import ROOT, clean_environment

LAYERS = 6
LONG = 120.0
"""Seconds after which what a scene holds back would come at last; no end may wait for them."""
AT_MOST = 1.0
"""Seconds from a signal, or a layer's failure, to the end."""


@dataclass
class Scene:
    """One run: its words, when it reads what is held back, and what it must not leave behind."""

    words: list[str]
    is_reading: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)
    stdin: int = subprocess.DEVNULL
    left: Callable[[], list[str]] = list


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, the seconds that it took to, its standard error, and what it left behind."""

    code: int
    seconds: float
    errors: str
    left: list[str]


def interrupted(scene: Scene, number: signal.Signals) -> Ended:
    """Start the program, send it the signal once it reads, and wait for its end."""
    with tempfile.TemporaryDirectory(prefix="bench-stop-") as folder:
        environment = clean_environment({"TMPDIR": folder, "INSPECTOR_CACHE_DIR": f"{folder}/cache"})
        program = subprocess.Popen(
            [sys.executable, "-m", "inspector", *scene.words],
            cwd=ROOT,
            env={**environment, **scene.environment},
            stdin=scene.stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _wait_until(lambda: scene.is_reading() or program.poll() is not None)
        time.sleep(0.3)  # from where it was seen to where it waits
        begun = time.monotonic()
        program.send_signal(number)
        _, errors = program.communicate(timeout=LONG / 2)
        seconds = time.monotonic() - begun
        left = [path.name for path in Path(folder).iterdir() if path.name != "cache"]
        return Ended(program.returncode, seconds, errors.decode(), [*left, *scene.left()])


def _wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG / 2
    while not true():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.01)


def large_image(tag: str, layers: int = LAYERS, size: int = 40_000) -> Image:
    """An image whose layers hardly pack."""
    noise = random.Random(tag)  # noqa: S311 - bytes that don't pack
    steps = [Step(created_by=f"COPY {at}", tree={f"opt/{tag}/{at}": noise.randbytes(size)}) for at in range(layers)]
    return Image(steps=steps, tags=(f"large:{tag}",))


def slowly(content: bytes, piece: int = 400, pause: float = 0.1) -> Iterator[bytes]:
    """Some bytes at a time: those of a layer take ten seconds."""
    for at in range(0, len(content), piece):
        yield content[at : at + piece]
        time.sleep(pause)


def silent(content: bytes) -> Iterator[bytes]:
    """The beginning; then nothing for long."""
    yield content[:1000]
    time.sleep(LONG)


@contextmanager
def registry(bodies: Callable[[bytes], Iterator[bytes]], *tags: str) -> Iterator[FakeRegistry]:
    """A registry with images whose layers come as `bodies` gives them."""
    with FakeRegistry() as fake:
        for tag in tags:
            fake.push("team/api", tag, large_image(tag))
        for digest, content in fake.blobs.items():
            if not content.startswith(b"{"):

                def answer(_: object, content: bytes = content) -> Answer:
                    return Answer(200, bodies(content), length=len(content))

                fake.route("GET", f"/v2/.*/blobs/{digest}", answer)
        yield fake


def _asked_for_layers(fake: FakeRegistry) -> bool:
    return sum("/blobs/" in one.path for one in list(fake.asked)) > 2


@contextmanager
def from_registry(bodies: Callable[[bytes], Iterator[bytes]], *tags: str, audit: bool = False) -> Iterator[Scene]:
    """`show` of images, or an audit of their repository."""
    with registry(bodies, *tags) as fake:
        names = [f"docker://{fake.host}/team/api:{tag}" for tag in tags]
        words = ["audit", "--no-policy", "-q", f"{fake.host}/team/api"] if audit else ["show", *names]
        yield Scene([*words, "--no-cache"], lambda: _asked_for_layers(fake))


@contextmanager
def silent_head() -> Iterator[Scene]:
    """A registry that takes the question for a manifest, and says nothing."""
    with FakeRegistry() as fake:

        def never(_: object) -> Answer:
            time.sleep(LONG)
            return Answer()

        fake.route("HEAD", ".*", never)
        yield Scene(["show", f"docker://{fake.host}/team/api:1"], lambda: any("HEAD" in path for path in fake.paths()))


@contextmanager
def from_pipe(*, written: bool, count: int = 1) -> Iterator[Scene]:
    """Named pipes that nobody opens for writing, or that somebody opens and writes nothing to."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        names = [f"{folder}/pipe{number}" for number in range(count)]
        for name in names:
            os.mkfifo(name)
            if written:
                stack.callback(os.close, os.open(name, os.O_RDWR))
        begun = time.monotonic()
        yield Scene(["show", *names], lambda: time.monotonic() - begun > 1.5)


@contextmanager
def from_stdin() -> Iterator[Scene]:
    """Standard input to which somebody writes half a header."""
    reads, writes = os.pipe()
    os.write(writes, b"x" * 100)
    begun = time.monotonic()
    yield Scene(["show", "-"], lambda: time.monotonic() - begun > 1.5, stdin=reads)
    os.close(reads)
    os.close(writes)


@contextmanager
def from_archive() -> Iterator[Scene]:
    """A packed archive with a file of 8 GiB, which takes a while to unpack and hash."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.tar.gz"
        info = tarfile.TarInfo("layer.tar")
        info.size = (8 << 30) - 1
        zeros = gzip.compress(bytes(64 << 20), 1)
        with path.open("wb") as file:
            file.write(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT)))
            for _ in range(128):
                file.write(zeros)
        begun = time.monotonic()
        yield Scene(["show", str(path)], lambda: time.monotonic() - begun > 1.5)


@contextmanager
def from_engine(path: str, words: tuple[str, ...], count: int = 1) -> Iterator[Scene]:
    """An engine that is asked to do what `path` says, and says nothing."""
    images = [_named(f"api:{number}") for number in range(count)]
    with FakeEngine("graph", images) as fake:
        fake.misbehave("GET", path, faults.hang)
        fake.misbehave("POST", path, faults.hang)
        names = [f"docker:api:{number}" for number in range(count)]
        environment = {"DOCKER_HOST": fake.address, "CONTAINER_HOST": f"{fake.address}.none"}

        def is_asked() -> bool:
            return bool(fake.asked("GET", path) or fake.asked("POST", path))

        def left() -> list[str]:
            return [one.name for one in fake.containers.values()]

        yield Scene([*words, *names], is_asked, environment=environment, left=left)


def _named(tag: str) -> Image:
    image = right_images()["worker-cpu"]
    return Image(steps=image.steps, tags=(tag,), env=image.env, cmd=image.cmd, working_dir=image.working_dir)


SCENES: dict[str, Callable[[], AbstractContextManager[Scene]]] = {
    "registry, one image of slow layers": partial(from_registry, slowly, "1"),
    "registry, one image of silent layers": partial(from_registry, silent, "1"),
    "registry, three images of slow layers": partial(from_registry, slowly, "1", "2", "3"),
    "registry, three images of silent layers": partial(from_registry, silent, "1", "2", "3"),
    "registry, silent before its answer": silent_head,
    "audit, slow layers": partial(from_registry, slowly, "1", "2", "3", audit=True),
    "audit, silent layers": partial(from_registry, silent, "1", "2", "3", audit=True),
    "a named pipe that nobody opens": partial(from_pipe, written=False),
    "a named pipe that nobody writes to": partial(from_pipe, written=True),
    "three named pipes that nobody opens": partial(from_pipe, written=False, count=3),
    "three named pipes that nobody writes to": partial(from_pipe, written=True, count=3),
    "standard input": from_stdin,
    "a packed archive": from_archive,
    "engine, silent save": partial(from_engine, "/images/.*/get", ("show", "--access", "save")),
    "engine, silent save of two images": partial(from_engine, "/images/.*/get", ("show", "--access", "save"), 2),
    "engine, silent about files": partial(from_engine, "/containers/.*/archive", ("show", "--access", "files")),
    "engine, silent about files of two images": partial(
        from_engine, "/containers/.*/archive", ("show", "--access", "files"), 2
    ),
    "engine, silent about an image": partial(from_engine, "/images/.*/json", ("show",)),
    "runtime, a container that runs on": partial(from_engine, "/containers/.*/wait", ("runtime",)),
    "runtime, a container of two images": partial(from_engine, "/containers/.*/wait", ("runtime",), 2),
}


def failure_told() -> float:
    """Seconds from the 404 of one layer to the end, where three others come slowly."""
    with registry(slowly, "1") as fake:
        digest = next(digest for digest, content in fake.blobs.items() if not content.startswith(b"{"))
        asked: list[float] = []

        def missing(_: object) -> Answer:
            asked.append(time.monotonic())
            return answer_json({"errors": [{"code": "BLOB_UNKNOWN"}]}, 404)

        fake.route("GET", f"/v2/.*/blobs/{digest}", missing)
        words = [sys.executable, "-m", "inspector", "show", f"docker://{fake.host}/team/api:1", "--no-cache"]
        done = subprocess.run(words, cwd=ROOT, env=clean_environment(), capture_output=True, timeout=LONG, check=False)
        ended = time.monotonic()
        assert done.returncode == 3, done.stderr
        assert b"the registry does not have it" in done.stderr, done.stderr
        return ended - asked[0]


def say(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Print a row for each scene and signal; 1 where one took too long, or left something behind."""
    failed = 0
    for name, scene in SCENES.items():
        for number in (signal.SIGINT, signal.SIGTERM):
            with scene() as opened:
                ended = interrupted(opened, number)
            bad = ended.seconds > AT_MOST or ended.code != 128 + number or bool(ended.left)
            failed |= bad
            left = f", left: {', '.join(ended.left)}" if ended.left else ""
            say(f"{ended.seconds:6.2f} s  exit {ended.code}  {number.name:8}{name}{left}{'  FAILED' if bad else ''}")
    seconds = failure_told()
    failed |= seconds > AT_MOST
    say(f"{seconds:6.2f} s  from the 404 of one layer to its report, while three others come slowly")
    return failed


if __name__ == "__main__":
    sys.exit(main())
