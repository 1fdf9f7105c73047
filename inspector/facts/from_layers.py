"""The short pipeline from an image's layers to its facts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector import work
from inspector.errors import InspectorError
from inspector.facts.command import Asked, find_command, find_question
from inspector.facts.doubts import with_doubts
from inspector.facts.imports import Modules, ReadContent
from inspector.facts.known import Known, asked, places, stored_size
from inspector.facts.model import Command, Evidence, ImageFacts, LayerFacts, Proof, Size
from inspector.facts.starting import proved, reader_of_built
from inspector.facts.unread import unread
from inspector.facts.viewed import seen_interpreter, settled, viewed
from inspector.layers import memory
from inspector.layers.binaries import Binaries, remember
from inspector.layers.blob import LayerBlob
from inspector.layers.gate import Group
from inspector.layers.indexer import Indexed, Indexer
from inspector.layers.merge import MergedRootfs, merge
from inspector.oci import ImageConfig
from inspector.python.distributions import find_distributions
from inspector.python.installed import Installed
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Distribution, Interpreter
from inspector.python.question import Question
from inspector.python.startup import find_startup, unstated_startup
from inspector.rootfs import NotKept, Rootfs
from inspector.sources.image import Image, Layer
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown

if TYPE_CHECKING:
    from inspector.gpu.image import ImageGpu
    from inspector.torchbuild.extensions import Tried

OF_ANOTHER = Unknown("the packages of the command's own Python were not looked at")
READERS = 4
"""Packed layers of one image that are read at once."""


def gather(
    image: Image,
    indexer: Indexer,
    *,
    python: str = "python",
    readers: int = READERS,
    imports: Sequence[str] = (),
    sizes: bool = False,
    known: Known | None = None,
) -> ImageFacts:
    """Gather the facts of `image`, as its command `python` would see them; so many `readers` take its packed layers.

    `imports` are modules whose import is followed; `sizes` asks where the bytes are, and which are waste. The facts
    are kept in `known`, where nothing that could be read another time was missed.

    Raises `InspectorError`, naming the layer, and `LimitExceeded` where it takes longer than the current limits allow.
    """
    begun = time.perf_counter()
    with memory.reading() as group:
        indexed = _index_all(indexer, image, readers, group)

        def attempt() -> tuple[ImageFacts, Modules]:
            with memory.alone(group):
                modules = Modules(tuple(imports), indexer.verify)
                return _facts(image, indexed, python, begun, modules, sizes=sizes), modules

        facts, modules = attempt()
        while lacking := [at for at, each in enumerate(indexed) if each.cached and _lacks(each)]:
            for at in lacking:
                indexed[at] = _index(indexer.again, image, at, group)
            facts, modules = attempt()
        remember(layer.binaries for layer in indexed if layer.binaries is not None)
        if known is not None and not modules.missed and (layers := _places(image, indexed)) is not None:
            known.keep(image, asked(python, imports, sizes=sizes), facts, layers)
        warnings = _unique(image.warnings, _notes(image.layers, indexed), facts.warnings)
        return msgspec.structs.replace(facts, warnings=warnings)


def prepare() -> None:
    """Import what an image with torch needs besides, for a moment in which there is nothing else to do."""
    import inspector.gpu.find
    import inspector.torchbuild.extensions
    import inspector.torchbuild.loading  # noqa: F401 - and so the loader


def _lacks(indexed: Indexed) -> bool:
    """Tell whether symbols were asked for that only a further read of the layer can give."""
    return indexed.binaries is not None and indexed.binaries.lacks


def _places(image: Image, indexed: list[Indexed]) -> str | None:
    """Say which bytes the facts are of; None where that can't be said, or some could not be read at this time."""
    identities: list[str | None] = []
    for layer, each in zip(image.layers, indexed, strict=True):
        binaries = each.binaries
        if binaries is None or binaries.blind or binaries.missed:
            return None
        identity = "" if each.index.verified else binaries.identity
        if identity is None or (identity and layer.blob.identity != identity):
            return None
        identities.append(identity)
    return places(identities)


def _facts(
    image: Image, indexed: list[Indexed], python: str, begun: float, modules: Modules, *, sizes: bool
) -> ImageFacts:
    """Return the facts with the warnings of the content alone."""
    binaries = [layer.binaries or Binaries(layer.index) for layer in indexed]
    literal = all(layer.literal for layer in image.layers)
    rootfs = viewed(merge([layer.index for layer in indexed], binaries, literal=literal), image.view)
    blind = any(each.blind for each in binaries)
    dear = blind or any(each.parts is not None for each in binaries)
    content = modules.reader(image, indexed, rootfs)
    question = find_question(rootfs, image.config, python, None if blind else content)
    built = reader_of_built(rootfs, question, None if blind else content)
    interpreter, warnings = find_interpreter(rootfs, image.config, python, question=question, built=built)
    if not blind:
        own = question.reads(rootfs, content)
        interpreter = proved(question.seen(rootfs), question.config, interpreter, own)
    interpreter = seen_interpreter(rootfs, interpreter)
    installed: list[Installed] = []
    seen = seen_by_python(rootfs, image, question, interpreter, None if blind else content, installed, dear=dear)
    seen = msgspec.structs.replace(seen, imports=modules.find(rootfs, question, interpreter, content))
    seen = settled(rootfs, image, seen)
    work.check()  # a limit that was met on the way may have been taken for one unreadable file
    rootfs.budget.check()
    if sizes:
        seen = _with_sizes(image, indexed, rootfs, seen, installed)
    return msgspec.structs.replace(
        seen,
        size=_size(image.layers, indexed),
        layers=tuple(_layer_facts(*pair) for pair in zip(image.layers, indexed, strict=True)),
        warnings=_unique(rootfs.warnings, warnings, seen.warnings),
        evidence=_evidence(indexed, "files" if blind else "loader", time.perf_counter() - begun),
    )


def seen_by_python(
    rootfs: Rootfs,
    image: Image,
    question: Question,
    interpreter: Interpreter | Unknown,
    content: ReadContent | None,
    owners: list[Installed],
    *,
    dear: bool,
) -> ImageFacts:
    """Return the facts that the interpreter leads to, and the image's own command; of the layers nothing yet.

    `content` reads any file; without it, nothing is known of libraries either. Where libraries are `dear`, since each
    is fetched, those of distributions other than torch are not tried. `owners` takes in what is installed.
    """
    blind = content is None
    unread_metadata: list[str] = []
    fs, own = question.seen(rootfs), None if content is None else question.reads(rootfs, content)
    installed, distribution_warnings = find_distributions(fs, interpreter, unread=unread_metadata)
    owners += installed
    torch, elsewhere, torch_warnings = find_torch(fs, question.config, interpreter, installed, blind=blind, content=own)
    torch = with_doubts(fs, question, interpreter, torch, elsewhere)
    startup = unstated_startup() if image.unstated else find_startup(rootfs, image.config)
    asked = Asked(
        config=image.config,
        startup=startup,
        question=question,
        interpreter=interpreter,
        torch=torch,
        elsewhere=elsewhere,
        content=content,
    )
    command = find_command(rootfs, asked)
    facts = tuple(distribution.facts() for distribution in installed)
    tried = None if dear else _try_extensions(fs, question.config, interpreter, installed, torch)
    return msgspec.structs.replace(
        unread(image),
        startup=startup,
        interpreter=interpreter,
        distributions=facts,
        torch=_with_step(image, torch),
        torch_elsewhere=elsewhere,
        warnings=(*distribution_warnings, *torch_warnings),
        metadata_unread=tuple(unread_metadata),
        extensions=tried.broken if tried else (),
        extensions_undecided=tried.undecided if tried else (),
        gpu=_with_kernels(fs, _find_gpu(fs, image, torch, facts), installed, torch, tried),
        command=_with_torch(rootfs, image, command),
    )


def _with_torch(fs: Rootfs, image: Image, command: Command) -> Command:
    """Return what the image's command runs, with the build step and the GPU facts of its torch."""
    torch = command.torch
    if torch is None:
        return command
    return msgspec.structs.replace(command, torch=_with_step(image, torch), gpu=_find_gpu(fs, image, torch, OF_ANOTHER))


def _find_gpu(
    fs: Rootfs, image: Image, torch: Torch, distributions: Sequence[Distribution] | Unknown
) -> ImageGpu | None:
    from inspector.gpu.find import find_gpu  # most images have no torch for GPUs

    return find_gpu(fs, image.config, torch, distributions, image.platform.architecture)


def _with_kernels(
    fs: Rootfs, gpu: ImageGpu | None, installed: Sequence[Installed], torch: Torch, tried: Tried | None
) -> ImageGpu | None:
    """Return what decides on a GPU, with the packages that have kernels; dear libraries are not looked into."""
    if gpu is None or gpu.build != "cuda" or tried is None:
        return gpu
    from inspector.gpu.kernels import find_kernels

    return msgspec.structs.replace(gpu, kernels=find_kernels(fs, installed, torch, tried))


def _try_extensions(
    fs: Rootfs, config: ImageConfig, interpreter: Interpreter | Unknown, installed: Sequence[Installed], torch: Torch
) -> Tried:
    from inspector.torchbuild.extensions import Tried, find_broken_extensions  # the loader is not always needed

    try:
        return find_broken_extensions(fs, config, interpreter, installed, torch)
    except NotKept as error:
        return Tried(undecided=(str(error),))


def _with_sizes(
    image: Image, indexed: Sequence[Indexed], rootfs: MergedRootfs, seen: ImageFacts, installed: Sequence[Installed]
) -> ImageFacts:
    from inspector.facts.account import account  # most images are not asked for it

    indexes, steps = [each.index for each in indexed], [layer.created_by for layer in image.layers]
    sizes, waste = account(rootfs, indexes, steps, installed, seen.torch)
    return msgspec.structs.replace(seen, sizes=sizes, waste=waste)


def _with_step(image: Image, torch: Torch) -> Torch:
    """Return the torch with the build step of its layer."""
    fault = torch.fault
    if fault is not None and fault.layer is not None:
        fault = msgspec.structs.replace(fault, created_by=image.layers[fault.layer].created_by)
    step = None if torch.layer is None else image.layers[torch.layer].created_by
    return msgspec.structs.replace(torch, created_by=step, fault=fault)


def _index_all(indexer: Indexer, image: Image, readers: int, group: Group) -> list[Indexed]:
    """Index the layers, base first; packed ones are read side by side, and the first that fails ends the others."""
    positions = range(len(image.layers))
    if readers < 2 or sum(layer.compressed for layer in image.layers) < 2:
        return [_index(indexer.index, image, position, group) for position in positions]
    with work.SideBySide(
        lambda at: _index(indexer.index, image, at, group), positions, readers, in_order=True
    ) as results:
        return list(results)


def _index(read: Callable[[str, str | None, LayerBlob], Indexed], image: Image, position: int, group: Group) -> Indexed:
    layer = image.layers[position]
    try:
        with memory.within(group):
            return read(layer.diff_id, layer.digest, layer.blob)
    except InspectorError as error:
        if layer.literal:  # the only one
            raise
        where = f"layer {position + 1} of {len(image.layers)} ({layer.diff_id})"
        raise type(error)(f"{where}: {error}") from error


def _layer_facts(layer: Layer, indexed: Indexed) -> LayerFacts:
    of_tar = indexed.index.verified or not layer.walked
    diff_id = layer.diff_id or indexed.index.diff_id  # known since it was read whole
    return LayerFacts(
        diff_id=diff_id,
        digest=layer.digest if layer.compressed else diff_id or None,
        size=indexed.index.size,
        compressed_size=layer.stored_size if layer.compressed else None,
        created_by=layer.created_by,
        entries=len(indexed.index.entries) if of_tar else None,
        cached=indexed.cached,
    )


def _size(layers: Sequence[Layer], indexed: Iterable[Indexed]) -> Size:
    return Size(sum(layer.index.size for layer in indexed), stored_size(layers))


def _evidence(indexed: list[Indexed], proof: Proof, seconds: float) -> Evidence:
    cached = sum(layer.cached for layer in indexed)
    return Evidence(
        bytes_read=sum(layer.bytes_read + layer.fetched for layer in indexed),
        layers_read=len(indexed) - cached,
        layers_cached=cached,
        digests_verified=all(layer.index.verified for layer in indexed),
        how="+".join(sorted({layer.how for layer in indexed})),
        seconds=round(seconds, 3),
        proof=proof,
        by_toc=any(layer.binaries is not None and layer.binaries.parts is not None for layer in indexed),
    )


def _notes(layers: Sequence[Layer], indexed: list[Indexed]) -> list[str]:
    """List what was met in reading the layers, beside what they hold."""
    count = len(indexed)
    found = []
    for place, (layer, each) in enumerate(zip(layers, indexed, strict=True), 1):
        notes = [*each.notes]
        if fetched := each.fetched:
            share = fetched / max(layer.stored_size, 1)
            notes.append(f"{fetched} bytes of its libraries were fetched, {share:.1%} of the layer")
        found += [f"layer {place} of {count}: {note}" for note in notes]
    return found


def _unique(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for group in groups for text in group))
