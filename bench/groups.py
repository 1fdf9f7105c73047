"""All rows of the bench, in groups that can be asked for by name.

A group is a function from what is measured with and on to its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.audit import audit_rows, listing_rows, plan_rows
from bench.contained import contained_rows
from bench.engine import engine_rows, run_row
from bench.files import file_rows
from bench.gpu import gpu_row
from bench.headers import header_row
from bench.images import Named, subjects
from bench.known import known_rows
from bench.measure import Failed
from bench.registry import registry_rows
from bench.table import Beside, Missing, Row, Target
from bench.toc import toc_rows
from bench.tools import Tools

Rows = Iterator[Row | Missing]
IMPORTS_AT_MOST = 0.06
"""Seconds of imports on the way to a verdict on an image that is known."""


@dataclass(frozen=True)
class Choice:
    """What is measured: images of the lab, the access method `save` too, and how many repositories are planned."""

    images: Sequence[Named]
    save: bool
    repositories: int


Group = Callable[[Tools, Choice], Rows]


def _start(tools: Tools, choice: Choice) -> Rows:
    del choice
    yield tools.version()


def _known(tools: Tools, choice: Choice) -> Rows:
    """The images of the procedure again, each and together, beside their import of torch and the program's start."""
    version = tools.version().measured.median
    asked = [(f"docker:{image.name}", image.role) for image in choice.images]
    for image, (reference, role) in zip(choice.images, asked, strict=True):
        ran = run_row(tools, f"{image.name} known", image)
        yield ran
        tools.check("", reference, role, times=1)
        target = Target(3 * version, of_run=1 / 20 if image.large else None)
        yield tools.check(f"{image.name} known: check", reference, role, beside=Beside(run=ran.seconds), target=target)
        yield _imports(tools, image.name, reference, role)
    if len(asked) > 1:
        together = tools.together(f"{len(asked)} images known: check of all", asked)
        yield Row(together.job, together.measured, target=Target(4 * version))


def _imports(tools: Tools, name: str, reference: str, role: str) -> Row:
    """The seconds that modules take to import on the way to the verdict, as `-X importtime` tells them."""
    job = f"{name} known: imports alone (-X importtime)"
    return Row(job, tools.imports(reference, role), target=Target(IMPORTS_AT_MOST))


def _files(tools: Tools, choice: Choice) -> Rows:
    for subject in (subject for image in choice.images for subject in subjects(image)):
        yield from file_rows(tools, subject)


def _headers(tools: Tools, choice: Choice) -> Rows:
    for subject in (subject for image in choice.images for subject in subjects(image)):
        if subject.scheme == "docker-archive":
            yield header_row(tools, subject)


def _gpu(tools: Tools, choice: Choice) -> Rows:
    for subject in (subject for image in choice.images for subject in subjects(image)):
        if subject.scheme == "docker-archive":
            yield gpu_row(tools, subject)


def _engine(tools: Tools, choice: Choice) -> Rows:
    for image in choice.images:
        yield from engine_rows(tools, image, save=choice.save)


def _contained(tools: Tools, choice: Choice) -> Rows:
    for image in choice.images:
        yield from contained_rows(tools, image)


def _registry(tools: Tools, choice: Choice) -> Rows:
    for image in choice.images:
        yield from registry_rows(tools, image)


def _audit(tools: Tools, choice: Choice) -> Rows:
    yield from known_rows(tools)
    yield from plan_rows([tools.inspector], choice.repositories)
    yield from listing_rows([tools.inspector])
    yield from audit_rows([tools.inspector])


def _toc(tools: Tools, choice: Choice) -> Rows:
    for image in choice.images:
        yield from toc_rows(tools, image)


GROUPS: dict[str, Group] = {
    "start": _start,
    "known": _known,
    "files": _files,
    "headers": _headers,
    "gpu": _gpu,
    "engine": _engine,
    "contained": _contained,
    "registry": _registry,
    "audit": _audit,
    "toc": _toc,
}
"""Groups by name, in their order."""


def rows_of(name: str, tools: Tools, choice: Choice) -> Rows:
    """Yield the rows of a group, in yardsticks of its own; a job that fails is a row that says so."""
    yardstick = tools.yardstick()
    try:
        for row in GROUPS[name](tools, choice):
            yield row.with_yardstick(yardstick) if isinstance(row, Row) else row
    except Failed as error:
        yield Missing(f"{name}: the rest of the group", str(error)[-200:])
