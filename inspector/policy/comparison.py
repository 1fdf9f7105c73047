"""An image compared with what it was before: growth, another build or Python, packages added; as values, no verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from inspector.facts import ImageFacts, Size
from inspector.python.metadata import canonical
from inspector.python.model import Interpreter
from inspector.sizes import parse_size, show_size
from inspector.torchbuild.kinds import label_of
from inspector.torchbuild.model import Torch, build_name
from inspector.unknown import Absent, Unknown

ABSENT = "absent"
LEAST = 1_000_000
"""Bytes that are no growth, whatever share of a small image they are."""
IMAGE, STACK = "size", "torch stack"
"""What may grow, as findings name it."""
NOT_KNOWN = "not known"
_PERCENT = r"(?a)([0-9]{1,4}(?:\.[0-9]{1,3})?) ?%"


class Measured(Protocol):
    """An image's facts, or as much of them as is compared."""

    @property
    def size(self) -> Size:
        """The bytes of all its files."""

    @property
    def torch(self) -> Torch:
        """The torch that it would import."""

    @property
    def interpreter(self) -> Interpreter | Unknown:
        """The Python that would import it."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What of an image is compared; None where it is not known. `stack_size` is 0 without torch.

    `build` is `absent` or the kind of build, `version` that of its accelerator's library, `python` X.Y, or `absent`;
    `packages` are the canonical names of those installed, or how many there were.
    """

    build: str | None = None
    version: str | None = None
    python: str | None = None
    size: int | None = None
    stack_size: int | None = None
    packages: frozenset[str] | int | None = None


class Compared(msgspec.Struct, frozen=True):
    """The answer to one comparison: what of the image it is about, and the sentence that says how it differs."""

    subject: str
    outcome: Literal["pass", "unknown", "fail"]
    message: str
    expected: str
    actual: str


class Growth(msgspec.Struct, frozen=True):
    """How much more than before is allowed: a share in percent, at least `LEAST`; or so many bytes."""

    percent: Decimal | None = None
    bytes: int = 0

    def most(self, before: int) -> int:
        """Return the size up to which nothing grew too much."""
        if self.percent is None:
            return before + self.bytes
        return before + max(int(before * self.percent / 100), LEAST)

    def __str__(self) -> str:
        return show_size(self.bytes) if self.percent is None else f"{self.percent.normalize():f} %"


USUAL = Growth(Decimal(1))


def parse_growth(text: str) -> Growth:
    """Read `5 %`, or a size. Raises `ValueError`.

    >>> str(parse_growth("2.50%")), str(parse_growth("100 MB"))
    ('2.5 %', '100 MB')
    """
    found = re.fullmatch(_PERCENT, text.strip())
    if found is not None:
        return Growth(Decimal(found[1]))
    try:
        return Growth(bytes=parse_size(text))
    except ValueError:
        raise ValueError(f"{text!r} is no growth: write a percentage or a size, as in '5 %' or '100 MB'") from None


def figures_of(facts: ImageFacts) -> Figures:
    """Return the figures of an image that was read, its packages among them."""
    listed = () if isinstance(facts.interpreter, Absent) else facts.distributions
    names = None if isinstance(listed, Unknown) else frozenset(canonical(each.name) for each in listed)
    return msgspec.structs.replace(measures_of(facts), packages=names)


def measures_of(found: Measured) -> Figures:
    """Return the figures but for packages."""
    torch, python = found.torch, found.interpreter
    undecided = torch.importable == "unknown" and not torch.installed
    known = torch.installed and torch.build != "unknown"
    return Figures(
        build=torch.build if known else ABSENT if not (torch.installed or undecided) else None,
        version=build_name(torch).removeprefix(label_of(torch.build)).strip() or None if known else None,
        python=_minor(python),
        size=found.size.uncompressed,
        stack_size=torch.stack_size if torch.installed else None if undecided else 0,
    )


def _minor(python: Interpreter | Unknown) -> str | None:
    match python:
        case Absent():
            return ABSENT
        case Unknown():
            return None
        case _:
            numbers = python.version.split(".")
            return ".".join(numbers[:2]) if len(numbers) > 1 and all(each.isdigit() for each in numbers[:2]) else None


def build_label(figures: Figures) -> str:
    """Name the build: `CUDA 13.0`, `CPU`, `absent`; of one that is not known, that."""
    if figures.build is None:
        return NOT_KNOWN
    if figures.build == ABSENT:
        return ABSENT
    return f"{label_of(figures.build)} {figures.version or ''}".rstrip()


def signed(count_of_bytes: int) -> str:
    """Return `+731 MB`, `-2.10 kB`."""
    return f"{'-' if count_of_bytes < 0 else '+'}{show_size(abs(count_of_bytes))}"


def compare_growth(before: Figures, after: Figures, allowed: Growth) -> Iterator[Compared]:
    """Compare the image's size, and that of torch with all that only it requires where either has one."""
    yield _grown(IMAGE, "the image", before.size, after.size, allowed)
    if before.stack_size != 0 or after.stack_size != 0:
        yield _grown(STACK, "torch with what it requires", before.stack_size, after.stack_size, allowed)


def _grown(subject: str, what: str, before: int | None, after: int | None, allowed: Growth) -> Compared:
    if before is None or after is None:
        side = "before" if before is None else "now"
        message = f"whether {what} grew is not known: its size {side} was not looked at"
        return Compared(subject, "unknown", message, f"at most {allowed} more", NOT_KNOWN)
    most = allowed.most(before)
    share = f" ({Decimal(100 * (after - before)) / before:+.1f} %)" if before else ""
    told = f"{what} takes {show_size(after)}, {signed(after - before)}{share}"
    expected, actual = f"at most {show_size(most)}", show_size(after)
    if after > most:
        return Compared(subject, "fail", f"{told}: more than the {allowed} allowed", expected, actual)
    return Compared(subject, "pass", told, expected, actual)


def compare_build(before: Figures, after: Figures) -> Compared:
    """Compare the kind of torch's build, and the version of the accelerator's library that it was made for."""
    old, new = build_label(before), build_label(after)
    if None in (before.build, after.build):
        message = f"whether torch's build is the same is not known: before {old}, now {new}"
        return Compared("build", "unknown", message, old, new)
    if old == new:
        return Compared("build", "pass", f"torch's build is the same: {new}", old, new)
    return Compared("build", "fail", f"torch's build changed: {old} → {new}", old, new)


def compare_python(before: Figures, after: Figures) -> Compared:
    """Compare X.Y of the interpreter."""
    old, new = before.python or NOT_KNOWN, after.python or NOT_KNOWN
    if None in (before.python, after.python):
        message = f"whether Python is the same is not known: before {old}, now {new}"
        return Compared("python", "unknown", message, old, new)
    if old == new:
        return Compared("python", "pass", f"Python is the same: {new}", old, new)
    return Compared("python", "fail", f"Python changed: {old} → {new}", old, new)
