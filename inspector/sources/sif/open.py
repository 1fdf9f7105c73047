"""From `sif:PATH` to the image in a file of Apptainer's or Singularity's, or in a squashfs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import Malformed, NotFound, UsageError
from inspector.layers.memory import reading
from inspector.layers.merge import merge
from inspector.layers.readers import FileReader
from inspector.oci import ImageConfig, Platform
from inspector.reference import STDIN
from inspector.sources.assemble import single_image
from inspector.sources.image import Image, Layer
from inspector.sources.pipe import opened
from inspector.sources.rootfs.platform import choose_platform
from inspector.sources.sif.blob import SquashBlob
from inspector.sources.sif.header import find_partition
from inspector.sources.sif.starting import find_start
from inspector.sources.streamed import MAX_HELD

if TYPE_CHECKING:
    from inspector.layers.blob import Meter
    from inspector.sources.platforms import Wanted


def open_sif(name: str, path: str, wanted: Wanted, meter: Meter = lambda _: None) -> tuple[Image, ...]:
    """Open the one image at `path`, whose files are listed here already; `name` is how it was asked for.

    Raises `OSError`, `NotFound`, `Malformed`, `Unsupported`, `LimitExceeded`, `PlatformMissing`, `UsageError`.
    """
    if path == STDIN:
        raise UsageError("sif:- can't be read: an Apptainer image is read at places all over it; write it to a file")
    if Path(path).is_dir():
        raise NotFound(f"{path} is a directory; a sandbox of Apptainer's is a root file system: write rootfs:{path}")
    return (_open(name, Path(path), wanted, meter),)


def _open(name: str, path: Path, wanted: Wanted, meter: Meter) -> Image:
    with opened(path) as file:
        if not path.is_file():
            raise Malformed(f"{path}: is no regular file, and an Apptainer image is read at places all over it")
        length = path.stat().st_size
        partition = find_partition(FileReader(file, 0, length), length, str(path))
    blob = SquashBlob(path, partition.offset, partition.length)
    with reading(most=MAX_HELD, parked=True):
        index = blob.read(meter).index
    stated = Platform("linux", partition.architecture) if partition.architecture else None
    platform, warnings = choose_platform(index, wanted, stated and stated.normal(), str(path))
    start = find_start(merge([index], literal=True), blob.content)
    config = ImageConfig(os="linux", config=start.config)
    layer = Layer(blob=blob, stored_size=partition.length, compressed=True, walked=True)
    return single_image(name, "sif", layer, config, platform, warnings=[*start.warnings, *warnings])
