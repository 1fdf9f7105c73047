"""The values that pass through the pipeline: what is asked, opened, to be read, seen, and checked in a role."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from inspector import work
from inspector.errors import InspectorError
from inspector.facts import ImageFacts
from inspector.oci import Platform
from inspector.policy.baselines import Baseline
from inspector.policy.model import ErrorFact, Finding
from inspector.policy.role import Role
from inspector.policy.selection import Checks
from inspector.reference import Reference, parse_reference

if TYPE_CHECKING:
    from inspector.layers.cache import IndexCache
    from inspector.names import ImageName
    from inspector.policy.audited import Ended
    from inspector.runtime.verify import Mode
    from inspector.sources.access import AccessMethod
    from inspector.sources.image import Image


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Which images to read, how, what to find out, and what they are checked against.

    Which: those for `platform`, "all" for every one. `every_tag` takes the names of engines' images for repositories.
    `namespace` is the only one of containerd's that is searched, unless it is None. With `guess_registry`, a registry
    is asked for names that state none; `offline` never leaves the machine. `config` is a file with the configuration
    of root file systems, which have none of their own.

    How: `jobs` at once; 0 is as many as there are processors, up to `MAX_JOBS`. Each may take `image_timeout` seconds,
    beside what its bytes justify (`work.limits`). `verify` reads every layer whole and checks its digests; of engines'
    images, only the method `access` is used. The `insecure_registries` may be asked without verified TLS; the tables of
    contents of layers in the registries `trust_toc` are believed. With `meanwhile`, a copy of this process may read a
    large layer, which a program allows that has no threads of its own; it is called while the copy reads.

    What: by the command `python`, which overrides a role's. `imports` are further modules whose import is followed.
    `sizes` asks where the bytes of each image are, and which are waste. `runtime` says whether `check` runs a container
    where a role asks for CUDA at run time.

    Against what: the one `role` of that name, whatever an image's own name. Of the checks, only those in `select`
    count, if there are any, and not those in `ignore`. Images are compared with the image `against`, if it is named,
    and with the `baseline`, whose findings are known. `today` is the day in UTC on which waivers count; None is now.
    """

    platform: Platform | Literal["all"] | None = None
    every_tag: bool = False
    namespace: str | None = None
    guess_registry: bool = False
    offline: bool = False
    config: Path | None = None

    jobs: int = 0
    image_timeout: float = work.DEFAULT_SECONDS
    verify: bool = False
    access: AccessMethod | None = None
    insecure_registries: tuple[str, ...] = ()
    trust_toc: Literal["all"] | tuple[str, ...] = ()
    cache: IndexCache | None = None
    meanwhile: Callable[[], object] | None = None

    python: str | None = None
    imports: tuple[str, ...] = ()
    sizes: bool = False
    runtime: Mode = "never"

    role: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    against: str = ""
    baseline: Baseline | None = None
    today: date | None = None

    @property
    def checks(self) -> Checks:
        """The checks that count."""
        return Checks(select=self.select, ignore=self.ignore)

    def trusting(self, hosts: tuple[str, ...]) -> Options:
        """Believe the tables of contents of these registries too, as a policy may ask."""
        return self if self.trust_toc == "all" else msgspec.structs.replace(self, trust_toc=(*self.trust_toc, *hosts))


DEFAULTS = Options()


class Progress:
    """Counts how far the work is, from any thread; a subclass shows it.

    First `names` are `opened`, which gives `images` to read; `size` is in stored bytes of layers, where that is known,
    and `bytes` are those read or skipped. `reading` names the images at work, of which so many are `done`.
    `is_shown` says that somebody looks, so that sizes are worth asking for. `so_far` sums up an audit under way.
    """

    is_shown = False
    so_far: Callable[[], Ended] | None = None

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.names = self.opened = self.images = self.done = self.size = self.bytes = 0
        self.reading: list[str] = []

    def add(self, *, names: int = 0, opened: int = 0, images: int = 0, size: int = 0, count: int = 0) -> None:
        """Count more of each; `count` are bytes."""
        with self._lock:
            self.names += names
            self.opened += opened
            self.images += images
            self.size += size
            self.bytes += count
            self.changed()

    def meter(self, count: int) -> None:
        """Count bytes that were read, which also justify more time (`work.limits`)."""
        work.advance(count)
        self.add(count=count)

    def started(self, name: str) -> None:
        """Note that the image `name` is being read."""
        with self._lock:
            self.reading.append(name)
            self.changed()

    def finished(self, name: str) -> None:
        """Note that the image `name` is done, well or badly."""
        with self._lock:
            if name in self.reading:
                self.reading.remove(name)
            self.done += 1
            self.changed()

    def changed(self) -> None:
        """Show what changed; called by one thread at a time."""

    def tell(self, sentence: str) -> None:
        """Tell a person something before the work goes on."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A name to open.

    `role` is the one that its images are checked in, where that is known before; `pattern_of` names the role whose own
    pattern it is. `named` was typed, and is no glob. `tags` is the number of the list of tags that it came from, where
    what is no image is left out; 0 for one that was named itself.
    """

    name: Reference | ImageName
    role: Role | None = None
    pattern_of: str | None = None
    named: bool = False
    tags: int = 0


class Opened(msgspec.Struct, frozen=True):
    """The images of one name and, in a registry, the digest that it points at; or why there are none."""

    asked: Asked
    images: tuple[Image, ...] = ()
    digest: str = ""
    cause: Exception | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to find out about an image: what the command `python`, and further `imports`, would import there.

    `whole` says why single files of an engine's image don't suffice; it is empty where they may. `packages` says why
    all packages must be known; single files tell them where there is no torch. `access` is the only method to use, if
    any. `sizes` asks where the bytes are.
    """

    python: str = "python"
    whole: str = ""
    packages: str = ""
    access: AccessMethod | None = None
    imports: tuple[str, ...] = ()
    sizes: bool = False


class Job(msgspec.Struct, frozen=True):
    """An image to read, what is asked of it, and whether it is to be run besides."""

    image: Image
    question: Question
    run: bool = False

    def wholly(self, why: str) -> Job:
        """Return the same image to be read whole, for what a partial inspection left open; it is not run again."""
        return Job(self.image, msgspec.structs.replace(self.question, whole=why))


class Seen(msgspec.Struct, frozen=True):
    """What became of one image: its facts, or why there are none. `name` is the reference that it was read by."""

    name: str
    facts: ImageFacts | None = None
    error: ErrorFact | None = None
    cause: Exception | None = None

    @classmethod
    def by(cls, name: str, read: Callable[[], ImageFacts]) -> Seen:
        """Take the facts that `read` gives, or its error: one bad image never ends the run."""
        try:
            return cls(name, read())
        except Exception as error:  # noqa: BLE001 - as said
            return cls.failed(name, error)

    @classmethod
    def failed(cls, name: str, error: Exception) -> Seen:
        """Make one of an error."""
        return cls(name, error=error_fact(error), cause=error)


class Target(msgspec.Struct, frozen=True):
    """An image paired with the role that it is checked in, by these of its names; or the finding why it is in none."""

    names: tuple[str, ...]
    role: Role | None = None
    finding: Finding | None = None

    def python(self, options: Options) -> str:
        """Return the command as whose `python` the image is asked: the role's, else the user's."""
        return self.role.python_command if self.role else options.python or "python"


def parse_all(references: Iterable[Reference | str]) -> list[Reference]:
    """Parse those that are text. Raises `InvalidReference`."""
    return [parse_reference(each) if isinstance(each, str) else each for each in references]


def error_fact(error: Exception) -> ErrorFact:
    """Return the error's kind and sentence; one that nobody foresaw is an `internal-error`, with its type and place."""
    if isinstance(error, InspectorError):
        return ErrorFact(error.kind, str(error), getattr(error, "near", ()))
    if isinstance(error, OSError):
        return ErrorFact("unreadable", str(error))
    import traceback  # most runs need none

    frames = traceback.extract_tb(error.__traceback__)
    place = f" (at {Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return ErrorFact("internal-error", f"{type(error).__name__}: {error}{place}")
