"""The facts of images by content: what was found once answers for every further copy of the image.

A row is found by the digest of the image's config, its platform, the question, and the version of the rules. Where
layers were not verified when they were read, it answers only for the very bytes that they were read from. What hangs on
the copy or the run, as names, stored sizes and the medium's warnings, is taken from the image at hand.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from inspector import log
from inspector.errors import InspectorError
from inspector.facts.model import Command, Evidence, ImageFacts, LayerFacts, Size
from inspector.facts.rules import rules_of
from inspector.facts.sizes import Sizes
from inspector.facts.waste import Waste
from inspector.gpu.image import ImageGpu
from inspector.imports.model import Imported
from inspector.layers.answers import Answer
from inspector.oci import Platform, converted
from inspector.python.model import Distribution, Interpreter, Startup
from inspector.torchbuild.model import BrokenExtension, Torch, TorchElsewhere
from inspector.unknown import Absent, Unknown

if TYPE_CHECKING:
    from inspector.layers.cache import IndexCache
    from inspector.sources.image import Image, Layer

MAX_FACTS = 64 << 20
"""Bytes of one image's facts as they are kept, unpacked."""
_LEVEL = 3


class Known:
    """The facts that are kept; from any thread. With `verify` nothing is answered: every byte is to be read."""

    def __init__(self, cache: IndexCache | None, *, verify: bool) -> None:
        self._cache = None if verify else cache

    @cached_property
    def _rules(self) -> str | None:
        return None if self._cache is None else rules_of(self._cache)

    def find(self, image: Image, question: str) -> ImageFacts | None:
        """Return the facts of `image` that answer what was `asked`; None where they are not known."""
        if self._cache is None or self._rules is None or image.image_id is None:
            return None
        begun = time.perf_counter()
        for answer in self._cache.answers.find(image.image_id, _question(image, question), self._rules):
            if _fits(answer.layers, image):
                facts = _decoded(answer.content)
                if facts is not None and [each.diff_id for each in facts.layers] == image.config.rootfs.diff_ids:
                    log.info("facts", "%s: known by content", image.reference)
                    return _dressed(facts, image, answer.made, time.perf_counter() - begun)
        return None

    def has(self, image: Image, question: str) -> bool:
        """Tell whether `find` would answer."""
        if self._cache is None or self._rules is None or image.image_id is None:
            return False
        found = self._cache.answers.find(image.image_id, _question(image, question), self._rules)
        return any(_fits(answer.layers, image) for answer in found)

    def keep(self, image: Image, question: str, facts: ImageFacts, layers: str) -> None:
        """Keep facts, whose warnings are those of the content alone. For `layers` see `Answer`."""
        if self._cache is None or self._rules is None or image.image_id is None:
            return
        content = _encoded(facts)
        if content is not None:
            answer = Answer(layers, int(time.time()), content)
            self._cache.answers.put(image.image_id, _question(image, question), self._rules, answer)


def places(identities: Iterable[str | None]) -> str:
    """Return the line for each layer that `Answer` has; an identity is empty where the layer was verified."""
    lines = [each or "" for each in identities]
    return "\n".join(lines) if any(lines) else ""


def asked(python: str, imports: Sequence[str] = (), *, sizes: bool = False, by: str = "") -> str:
    """Return the question whose answer is kept: as whose command `python` the image is seen, and what else is asked.

    `imports` are modules whose import was followed; `sizes` asks where the bytes are. `by` names a way of asking that
    tells less than all layers do; such facts answer that way alone.
    """
    return repr((python, tuple(imports), sizes, by))


def _question(image: Image, question: str) -> str:
    return repr((str(image.platform), question))


def _fits(layers: str, image: Image) -> bool:
    """Tell whether an answer of these layers is one for this copy of the image."""
    if not layers:
        return True
    lines = layers.split("\n")
    if len(lines) != len(image.layers):
        return False
    try:
        return all(not line or line == layer.blob.identity for line, layer in zip(lines, image.layers, strict=True))
    except InspectorError:  # an engine is at work in its files
        return False


def _dressed(facts: ImageFacts, image: Image, made: int, seconds: float) -> ImageFacts:
    """Return kept facts as those of the image at hand."""
    found = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made))
    evidence = msgspec.structs.replace(facts.evidence, seconds=round(seconds, 3), known=found)
    if not evidence.partial:
        count = len(facts.layers)
        evidence = msgspec.structs.replace(evidence, bytes_read=0, layers_read=0, layers_cached=count, how="cache")
    return msgspec.structs.replace(
        facts,
        reference=image.reference,
        source=image.source,
        image_id=image.image_id,
        platform=image.platform,
        size=Size(facts.size.uncompressed, stored_size(image.layers)),
        layers=tuple(
            _layer(*pair, cached=not evidence.partial) for pair in zip(facts.layers, image.layers, strict=True)
        ),
        tags=image.tags,
        manifest_digest=image.manifest_digest,
        warnings=tuple(dict.fromkeys((*image.warnings, *facts.warnings))),
        evidence=evidence,
    )


def stored_size(layers: Sequence[Layer]) -> int | None:
    """Return bytes of the layers as stored; None where any is stored plain."""
    return sum(layer.stored_size for layer in layers) if all(layer.compressed for layer in layers) else None


def _layer(kept: LayerFacts, layer: Layer, *, cached: bool) -> LayerFacts:
    return msgspec.structs.replace(
        kept,
        digest=layer.digest if layer.compressed else layer.diff_id,
        compressed_size=layer.stored_size if layer.compressed else None,
        cached=cached,
    )


_TYPES: dict[str, Any] = {
    "reference": str,
    "source": str,
    "image_id": str | None,
    "platform": Platform,
    "size": Size,
    "layers": tuple[LayerFacts, ...],
    "startup": Startup,
    "distributions": tuple[Distribution, ...],
    "torch": Torch,
    "torch_elsewhere": tuple[TorchElsewhere, ...],
    "warnings": tuple[str, ...],
    "evidence": Evidence,
    "tags": tuple[str, ...],
    "metadata_unread": tuple[str, ...],
    "imports": dict[str, Imported],
    "extensions": tuple[BrokenExtension, ...],
    "extensions_undecided": tuple[str, ...],
    "sizes": Sizes,
    "waste": Waste,
    "manifest_digest": str | None,
    "gpu": ImageGpu | None,
}
_COMMAND: dict[str, Any] = {
    "argv": tuple[str, ...],
    "path": str | None,
    "python_differs": bool,
    "torch": Torch | None,
    "reaches": tuple[str, ...],
    "gpu": ImageGpu | None,
}
_MAYBE = ("distributions", "torch_elsewhere", "sizes", "waste")
"""Fields that may be unknown in place of that type."""


def _encoded(facts: ImageFacts) -> bytes | None:
    """Return facts as they are kept; None for those that are too large, or hold names that are not UTF-8."""
    try:
        content: bytes = msgspec.msgpack.encode(msgspec.structs.replace(facts, runtime=None))
    except UnicodeEncodeError:
        return None
    return zlib.compress(content, _LEVEL) if len(content) <= MAX_FACTS else None


def _decoded(content: bytes) -> ImageFacts | None:
    """Return the facts that were kept; None of a row that is damaged."""
    try:
        inflating = zlib.decompressobj()
        plain = inflating.decompress(content, MAX_FACTS)
        if not inflating.eof:
            return None
        said = msgspec.msgpack.decode(plain)
        command, interpreter = said.pop("command"), said.pop("interpreter")
        del said["runtime"]
        return ImageFacts(
            interpreter=_or_unknown(interpreter, Interpreter),
            command=Command(
                interpreter=_or_unknown(command.pop("interpreter"), Interpreter),
                **{name: converted(value, _COMMAND[name]) for name, value in command.items()},
            ),
            **{name: _field(name, value) for name, value in said.items()},
        )
    except (zlib.error, msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _field(name: str, value: Any) -> Any:
    return _or_unknown(value, _TYPES[name]) if name in _MAYBE else converted(value, _TYPES[name])


def _or_unknown(value: Any, kind: Any) -> Any:
    """Return a value of that kind, or why it is not known; None stays what it is."""
    if isinstance(value, dict) and "unknown" in value:
        return converted(value, Absent if "absent" in value else Unknown)
    return None if value is None else converted(value, kind)
