"""From `rootfs:PATH` to the image of a root file system: a directory, or a tar on disk or from standard input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import msgspec

from inspector.errors import CorruptLayer, LimitExceeded, Malformed
from inspector.layers.compression import sniff
from inspector.layers.memory import hold, reading
from inspector.layers.scan import scan_stream
from inspector.layers.tar import BLOCK
from inspector.reference import STDIN
from inspector.sources.assemble import single_image
from inspector.sources.files import Telling, standard_input
from inspector.sources.image import Image, Layer
from inspector.sources.kinds import refuse_other_kind
from inspector.sources.pipe import Pipe, opened
from inspector.sources.rootfs.blob import RootDirectory, read_tar
from inspector.sources.rootfs.config import DEFAULTED, default_config, read_config, stated_platform
from inspector.sources.rootfs.platform import choose_platform
from inspector.sources.streamed import MAX_HELD, MAX_TRAILING, StreamedBlob, chunks_of

if TYPE_CHECKING:
    from inspector.layers.blob import Meter, Scanned
    from inspector.reference import Reference
    from inspector.sources.media import Media
    from inspector.sources.platforms import Wanted

EXAMPLE = "docker export NAME | inspector show rootfs:-"


def open_rootfs(reference: Reference, wanted: Wanted, media: Media, telling: Telling) -> tuple[Image, ...]:
    """Open the one image, whose files are listed here already.

    Raises `OSError`, `NotFound`, `Malformed`, `Unsupported`, `LimitExceeded`, `PlatformMissing`, `UsageError`.
    """
    config = None if media.config is None else read_config(media.config)
    with reading(most=MAX_HELD, parked=True):
        layer, found = _read(reference, telling)
        hold(found.index)
    index = found.index
    refuse_other_kind(reference.name, {index.entries.path(at) for at in range(len(index.entries))})
    stated = None if config is None else stated_platform(config)
    platform, warnings = choose_platform(index, wanted, stated, str(reference))
    image = single_image(
        reference.text,
        reference.scheme.value,
        layer,
        config or default_config(),
        platform,
        diff_id=index.diff_id,
        warnings=warnings if config else [DEFAULTED, *warnings],
    )
    return (msgspec.structs.replace(image, unstated=config is None),)


def _read(reference: Reference, telling: Telling) -> tuple[Layer, Scanned]:
    """Read the files' names, and what matters of the files, from wherever they are."""
    meter, expect, stdin = telling
    path = Path(reference.name)
    if reference.name == STDIN:
        return _streamed(cast("BinaryIO", Pipe(standard_input(stdin, EXAMPLE))), "standard input", meter)
    if path.is_dir():
        folder = RootDirectory(path)
        return Layer(blob=folder, walked=True), folder.read(meter)
    with opened(path) as file:
        if not path.is_file():  # a named pipe, or the shell's <(command)
            return _streamed(cast("BinaryIO", Pipe(file)), str(path), meter)
        packing = sniff(file.read(BLOCK))
    if packing == "":
        raise Malformed(f"{path}: neither a directory nor a tar, plain or packed with gzip, zstd, xz or bzip2")
    expect(path.stat().st_size)
    tar = read_tar(path, meter)
    return Layer(blob=tar, stored_size=tar.length, compressed=packing != "tar"), tar.found


def _streamed(stream: BinaryIO, where: str, meter: Meter) -> tuple[Layer, Scanned]:
    try:
        found = scan_stream(chunks_of(stream, meter), None, None, trailing=MAX_TRAILING)
    except CorruptLayer as error:
        raise Malformed(f"{where}: {str(error).replace('the layer', 'the tar')}") from error
    except LimitExceeded as error:
        raise LimitExceeded(f"{where}: {error}") from error
    compressed = found.index.blob_digest != found.index.diff_id
    return Layer(blob=StreamedBlob(where, where, found), stored_size=found.bytes_read, compressed=compressed), found
