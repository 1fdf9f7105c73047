"""Images in files: archives as an engine saves them, and layouts with gzip layers as a registry has them."""

from __future__ import annotations

from collections.abc import Iterator

from bench.images import Subject
from bench.table import MB, Beside, Missing, Row, Target
from bench.tools import Tools

TARGET = Target(0.6, of_syft=1 / 40)
"""Of an uncompressed archive with nothing cached."""


def file_rows(tools: Tools, subject: Subject) -> Iterator[Row | Missing]:
    """Our check of one file with nothing cached, with all bytes read, and cached; syft's scan before."""
    image, plain = subject.image, subject.scheme == "docker-archive"
    title = f"{image.name} {subject.scheme} {subject.size / MB:,.0f} MB"
    scanned = tools.scan_with_syft(f"{title}: syft", subject.reference_of_syft)
    yield scanned
    beside, target = Beside(syft=scanned.seconds), TARGET if image.large and plain else None
    asked = (subject.reference, image.role)
    yield tools.check(f"{title}: check, nothing cached", *asked, "--no-cache", beside=beside, target=target)
    if plain:
        yield tools.check(f"{title}: check --verify", *asked, "--no-cache", "--verify", times=1, beside=beside)
    yield tools.check(f"{title}: check, cached", *asked, beside=beside)
