"""What an image holds, as values without opinion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from inspector.errors import InspectorError
from inspector.facts.runtime import RuntimeFacts
from inspector.facts.sizes import Sizes
from inspector.facts.waste import Waste
from inspector.gpu.image import ImageGpu
from inspector.imports.model import Imported
from inspector.oci import Platform
from inspector.python.model import Distribution, Interpreter, Startup
from inspector.torchbuild.model import BrokenExtension, Torch, TorchElsewhere
from inspector.unknown import Importable, Unknown
from inspector.values import Plain, Row, Tabled
from inspector.words import count

Proof = Literal["files", "loader", "runtime"]
"""What an answer about imports rests on: which files are there, what the loader does with them, or a run."""


class Size(msgspec.Struct, frozen=True):
    """Bytes: of all files in all layers, and of the blobs as stored (None where any is stored plain).

    `uncompressed` is None where neither the files were seen nor an engine tells.
    """

    uncompressed: int | None
    compressed: int | None


class LayerFacts(Plain, frozen=True, kw_only=True):
    """One layer, from the base up. `size` is the sum of its files; `created_by` the build step, if stated.

    `size` and `entries` are None where the layer itself was not read (see `Evidence.access`). `diff_id` is empty for
    what has no digest: a directory, or an uncompressed tar of a root file system that was not read whole.
    """

    diff_id: str
    digest: str | None
    size: int | None
    compressed_size: int | None
    created_by: str | None
    entries: int | None
    cached: bool


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer rests on. `how` names the way to the bytes: `stream`, `seek`, `cache`, … joined by `+`.

    Of an engine's image, `access` is the way that was taken (`cache`, `storage`, `files`, `save`), and `passed_over`
    tells why others were not; `questions` counts what the access method files asked, which reads no layers. With the
    `proof` files alone, whether shared libraries load was not checked. `by_toc` says that some layer was known by its
    table of contents, which nobody checked against its bytes; then no extension modules but torch's own were tried.
    `known` is when the facts were found (RFC 3339), where they were known by the image's content, so that no layer was
    looked at this time; `bytes_read` and `questions` of the access method files are then those of that time.
    """

    bytes_read: int
    layers_read: int
    layers_cached: int
    digests_verified: bool
    how: str
    seconds: float = 0.0
    access: str | None = None
    passed_over: tuple[str, ...] = ()
    questions: int = 0
    proof: Proof = "files"
    by_toc: bool = False
    known: str | None = None

    @property
    def partial(self) -> bool:
        """Test whether single files were asked for, so that nothing is known of the layers."""
        return self.access == "files"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What the image's own command (entrypoint and cmd) runs in the end.

    `path` is its first word as found. `interpreter` is the Python that it runs: None where it runs none, `Unknown`
    where that can't be told. `python_differs` says that this is another than the asked `python`, or that it would
    import from elsewhere: then `torch` is what it would import. `reaches` are the torches of `torch_elsewhere` that
    its programs import, or whose environment they name. `gpu` is of that other `torch` what `ImageFacts.gpu` is.
    """

    argv: tuple[str, ...] = ()
    path: str | None = None
    interpreter: Interpreter | Unknown | None = None
    python_differs: bool = False
    torch: Torch | None = None
    reaches: tuple[str, ...] = ()
    gpu: ImageGpu | None = None


def _flat(distribution: Distribution) -> Row:
    """Return a distribution as a row; its requirements are a text."""
    return {**msgspec.structs.asdict(distribution), "requires": "; ".join(distribution.requires)}


class ImageFacts(Tabled, frozen=True, kw_only=True):
    """Everything known of one image. `image_id` is the digest of its config; None where an engine does not tell.

    `manifest_digest` is that of its manifest, as registries and `NAME@DIGEST` have it; None where none was read.

    `distributions` and `torch_elsewhere` are `Unknown` where only single files were looked at. `metadata_unread` are
    some paths of metadata that can't be read, behind which any distribution may be. `runtime` is there where a
    container was run. `imports` are the modules whose import was asked for by name, `extensions` the modules of
    distributions that can't load, of those that were tried; `extensions_undecided` says of which it can't be told.
    `sizes` and `waste` are there where they were asked for. `gpu` is what decides whether `torch` works on a GPU; None
    where there is no torch, or one for the CPU alone.

    >>> facts = inspector.inspect("worker.tar")
    >>> facts
    <ImageFacts worker.tar: linux/amd64, torch 2.13.0+cpu (cpu), 22 packages, 8 layers>
    >>> facts.to_dict()["torch"]["build"]
    'cpu'
    """

    reference: str
    source: str
    image_id: str | None
    platform: Platform
    size: Size
    layers: tuple[LayerFacts, ...]
    startup: Startup
    interpreter: Interpreter | Unknown
    distributions: tuple[Distribution, ...] | Unknown
    torch: Torch
    torch_elsewhere: tuple[TorchElsewhere, ...] | Unknown
    warnings: tuple[str, ...]
    evidence: Evidence
    tags: tuple[str, ...] = ()
    runtime: RuntimeFacts | None = None
    metadata_unread: tuple[str, ...] = ()
    command: Command = Command()
    imports: dict[str, Imported] = msgspec.field(default_factory=dict)
    extensions: tuple[BrokenExtension, ...] = ()
    extensions_undecided: tuple[str, ...] = ()
    sizes: Sizes | Unknown | None = None
    waste: Waste | Unknown | None = None
    manifest_digest: str | None = None
    gpu: ImageGpu | None = None

    def records(self, of: Literal["packages", "layers"] = "packages") -> list[Row]:
        """Return a flat row for each package, or each layer, as `pandas.DataFrame` takes them.

        Raises `InspectorError` where the packages are not known, and `ValueError` for rows of anything else.

        >>> facts = inspector.inspect("worker.tar")
        >>> [row["version"] for row in facts.records() if row["name"] == "torch"]
        ['2.13.0+cpu']
        >>> len(facts.records("layers"))
        8
        """
        if of == "layers":
            return list(self._layers())
        if of != "packages":
            raise ValueError(f"no records of {of!r}: write 'packages' or 'layers'")
        if isinstance(self.distributions, Unknown):
            raise InspectorError(f"{self.reference}: the packages are not known: {self.distributions.unknown}")
        return [{"image": self.reference, **_flat(each)} for each in self.distributions]

    def summary(self) -> Row:
        """Return the image in one flat row; what is not known is None.

        >>> inspector.inspect("worker.tar").summary()["torch"]
        '2.13.0+cpu'
        """
        torch, python, packages = self.torch, self.interpreter, self.distributions
        return {
            "reference": self.reference,
            "source": self.source,
            "image_id": self.image_id,
            "platform": str(self.platform),
            "python": None if isinstance(python, Unknown) else python.version,
            "importable": str(torch.importable),
            "torch": torch.version or torch.distribution_version,
            "build": torch.build if torch.installed else None,
            "cuda": torch.cuda,
            "torch_size": torch.size,
            "size": self.size.uncompressed,
            "compressed_size": self.size.compressed,
            "layers": len(self.layers),
            "packages": None if isinstance(packages, Unknown) else len(packages),
        }

    def _layers(self) -> Iterator[Row]:
        for at, each in enumerate(self.layers):
            yield {"image": self.reference, "layer": at, **msgspec.structs.asdict(each)}

    def _headline(self) -> str:
        found = self.distributions
        packages = "packages unknown" if isinstance(found, Unknown) else count(len(found), "package")
        layers = count(len(self.layers), "layer")
        return f"{self.reference}: {self.platform}, {_torch(self.torch)}, {packages}, {layers}"

    def _table(self) -> list[Row]:
        return [{"": key, "value": value} for key, value in self.summary().items()]


def _torch(torch: Torch) -> str:
    if torch.installed:
        broken = {"yes": "", "no": ", can't be imported", "unknown": ", may be importable or not"}[torch.importable]
        return f"torch {torch.version or torch.distribution_version or '?'} ({torch.build}{broken})"
    return {
        Importable.NO: "no torch",
        Importable.YES: "torch is a namespace only",
        Importable.UNKNOWN: "whether it has torch is unknown",
    }[torch.importable]
