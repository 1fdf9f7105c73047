"""What one header of a plain tar costs: an index of every layer of an archive, by seeking, with nothing cached.

Run it as `python -m bench.headers ARCHIVE` with an archive as an engine saves it; it prints the entries of all layers,
and the seconds and microseconds of the processor for each.
"""

from __future__ import annotations

import statistics
import sys
import time

from bench.images import Subject
from bench.measure import Failed, measure
from bench.table import Row, Target
from bench.tools import Tools
from inspector.layers.blob import LayerBlob
from inspector.reference import parse_reference
from inspector.sources import open_images

A_HEADER = 5e-6
"""Seconds that one may take at most."""

_TIMES = 7


def header_row(tools: Tools, subject: Subject) -> Row:
    """The seconds of the processor that the headers of an archive take, in a process that reads them alone."""
    command = [sys.executable, "-m", "bench.headers", str(subject.path)]
    found = measure(command, times=tools.times, env={}, seconds_of=_told)
    entries = int(found.output.split()[0])
    job = f"{subject.image.name} {subject.scheme}: {entries:,} headers alone, processor"
    return Row(job, found, files=entries, target=Target(A_HEADER * entries))


def _told(errors: bytes) -> float:
    try:
        return float(errors)
    except ValueError as error:
        raise Failed(f"bench.headers says {errors[-200:]!a}") from error


def main(archive: str) -> None:
    """Print what each header takes; the seconds of all alone go to standard error, for the bench."""
    blobs = [
        layer.blob for image in open_images(parse_reference(f"docker-archive:{archive}")) for layer in image.layers
    ]
    taken = [_scan(blobs) for _ in range(_TIMES)]
    entries = taken[0][0]
    seconds = statistics.median(each[1] for each in taken)
    sys.stdout.write(f"{entries} entries, {seconds:.3f} s, {1e6 * seconds / entries:.1f} µs an entry\n")
    sys.stderr.write(f"{seconds:.6f}\n")


def _scan(blobs: list[LayerBlob]) -> tuple[int, float]:
    """Return the entries of all layers and the processor's seconds."""
    begun = time.process_time()
    indexes = [blob.scan("sha256:" + "0" * 64, None, verify=False, meter=lambda _: None).index for blob in blobs]
    return sum(len(index.entries) for index in indexes), time.process_time() - begun


if __name__ == "__main__":
    main(sys.argv[1])
