"""Images that an engine has, by each access method, beside running them."""

from __future__ import annotations

from collections.abc import Iterator

from bench.images import Named
from bench.measure import measure
from bench.table import Beside, Missing, Row, Target
from bench.tools import Tools

STORAGE = Target(0.6, of_syft=1 / 100)
PRESENT, ABSENT = Target(0.7, of_run=1), Target(of_run=2)
_IMPORT = "import torch"
_LOOK = "import importlib.util; raise SystemExit(importlib.util.find_spec('torch') is not None)"


def engine_rows(tools: Tools, image: Named, *, save: bool) -> Iterator[Row | Missing]:
    """The hand-run procedure, syft, dive, and our check by each access method; by the slow one only with `save`."""
    title = f"{image.name} docker"
    ran = run_row(tools, title, image)
    yield ran
    scanned = tools.scan_with_syft(f"{title}: syft", f"docker:{image.name}")
    yield scanned
    yield tools.open_with_dive(f"{title}: dive", f"docker://{image.name}")
    beside = Beside(scanned.seconds, ran.seconds)
    storage = STORAGE if image.large else None
    files = ABSENT if image.role == "api" else PRESENT if image.large else None
    asked = (f"docker:{image.name}", image.role)
    access = ("--no-cache", "--access")
    yield tools.check(
        f"{title}: check, access method storage", *asked, *access, "storage", beside=beside, target=storage
    )
    yield tools.check(f"{title}: check, access method files", *asked, *access, "files", beside=beside, target=files)
    yield tools.check(f"{title}: check, all layers cached", *asked, beside=beside)
    if save:
        yield tools.check(f"{title}: check, access method save", *asked, *access, "save", times=1, beside=beside)


def run_row(tools: Tools, title: str, image: Named) -> Row:
    """The import in a container; in an image that is to have no torch, the search for it."""
    what, code = ("find_spec('torch')", _LOOK) if image.role == "api" else (_IMPORT, _IMPORT)
    words = ["docker", "run", "--rm", image.name, "python", "-c", code]
    return Row(f"{title}: docker run … python -c {what}", measure(words, times=tools.times, env={}), is_ours=False)
