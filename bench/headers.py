"""What one header of a plain tar costs: an index of every layer of an archive, by seeking, with nothing cached.

Run it as `python -m bench.headers ARCHIVE` with an archive as an engine saves it.
"""

from __future__ import annotations

import statistics
import sys
import time

from inspector.layers.blob import LayerBlob
from inspector.reference import parse_reference
from inspector.sources import open_images

_TIMES = 7


def main(archive: str) -> None:
    """Print the entries of all layers, and the seconds and the processor's microseconds for each."""
    blobs = [
        layer.blob for image in open_images(parse_reference(f"docker-archive:{archive}")) for layer in image.layers
    ]
    taken = [_scan(blobs) for _ in range(_TIMES)]
    entries = taken[0][0]
    seconds = statistics.median(each[1] for each in taken)
    sys.stdout.write(f"{entries} entries, {seconds:.3f} s, {1e6 * seconds / entries:.1f} µs an entry\n")


def _scan(blobs: list[LayerBlob]) -> tuple[int, float]:
    """Return the entries of all layers and the processor's seconds."""
    begun = time.process_time()
    indexes = [blob.scan("sha256:" + "0" * 64, None, verify=False, meter=lambda _: None).index for blob in blobs]
    return sum(len(index.entries) for index in indexes), time.process_time() - begun


if __name__ == "__main__":
    main(sys.argv[1])
