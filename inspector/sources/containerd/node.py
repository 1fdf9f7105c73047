"""One root folder of containerd: from a name to its images, in the namespaces that are searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import InspectorError, NotFound, PlatformMissing
from inspector.names import familiar
from inspector.oci import Descriptor, Manifest
from inspector.reference import Reference
from inspector.sources.access import Known
from inspector.sources.containerd.contents import NodeContents
from inspector.sources.containerd.names import find, find_all, is_of, rivals, tags_of, typed_names
from inspector.sources.containerd.native import OnlyWhole
from inspector.sources.containerd.places import Place
from inspector.sources.containerd.records import Record, read_records
from inspector.sources.engine.nearby import MAX_NAMED, nearest, told
from inspector.sources.image import Image, StoredAccess
from inspector.sources.indexes import Found, flatten
from inspector.sources.layout import open_found
from inspector.sources.names import asked_first, digest_in, is_id, is_pattern, may_be_id
from inspector.sources.platforms import Wanted, same
from inspector.sources.shown import shown

if TYPE_CHECKING:
    from inspector.layers.blob import Meter

MAX_FOLLOWED = 500
"""Images of one namespace whose documents are read to find the digest of a config or of one platform's manifest."""

MAX_PLATFORMS = 32
"""Images of one index that are looked at for whether their layers are there."""


class _Meant(msgspec.Struct, frozen=True):
    """A record, and, where a digest names one image of its index, that one."""

    record: Record
    found: Found | None = None


class Node:
    """One root folder, and the namespaces of it that are searched."""

    def __init__(self, place: Place, namespace: str | None) -> None:
        self._place = place
        self._records = read_records(place.root)
        self._stated = namespace
        self._namespaces: Sequence[str] = self._records.namespaces
        if namespace is not None:
            self._namespaces = [each for each in self._records.namespaces if each == namespace]

    def open(self, reference: Reference, wanted: Wanted, *, every_tag: bool) -> tuple[Image, ...]:
        """Return the images that the name means, at least one. Raises as `open_containerd`."""
        name = reference.name
        if self._stated is not None and not self._namespaces:
            there = ", ".join(map(shown, self._records.namespaces)) or "none"
            raise NotFound(f"containerd at {self._place.root} has no namespace {shown(self._stated)}; it has {there}")
        if every_tag or is_pattern(name):
            records = find_all(self._records, self._namespaces, name, every_tag=every_tag)
            images = [image for each in records for image in self._images(_Meant(each), each.name, wanted)]
            return tuple(_named(image, f"containerd:{image.reference}") for image in images)
        meant = self._find(name)
        if meant is None:
            raise self._missing(name)
        return tuple(_named(image, reference.text) for image in self._images(meant, name, wanted))

    def _find(self, name: str) -> _Meant | None:
        for namespace in self._namespaces:
            if record := find(self._records.of(namespace), name):
                return _Meant(record)
        for namespace in self._namespaces if may_be_id(name) or digest_in(name) else ():
            if meant := self._find_within(self._records.of(namespace), name):
                return meant
        return None

    def _find_within(self, records: Sequence[Record], name: str) -> _Meant | None:
        """Return by the digest of a config, or of the manifest for one platform, which no record has."""
        by_target = {record.target: record for record in records if is_of(name, record, records)}
        digest = digest_in(name)
        for record in islice(by_target.values(), MAX_FOLLOWED):
            with suppress(InspectorError):  # one that is damaged is no answer for another
                contents = self._contents(record)
                for one in self._flat(contents, record):
                    if digest == one.descriptor.digest or (one.present and _is_config(contents, one, name)):
                        return _Meant(record, one)
        return None

    def _images(self, meant: _Meant, name: str, wanted: Wanted) -> list[Image]:
        """Open what the record stands for; its layers where they are unpacked, each with its blob beside it."""
        record = meant.record
        images = [self._accessible(image, meant, wanted) for image in self._open(meant, wanted, walk=True)]
        tags = asked_first(name, tags_of(self._records, record))
        warnings = self._warnings(record, name)
        return [
            msgspec.structs.replace(image, reference=name, tags=tags, warnings=(*image.warnings, *warnings))
            for image in images
        ]

    def _open(self, meant: _Meant, wanted: Wanted, *, walk: bool) -> list[Image]:
        contents = self._contents(meant.record, walk=walk)
        found = [meant.found] if meant.found is not None else _whole(contents, self._flat(contents, meant.record))
        try:
            return open_found(contents, "containerd", _there(contents, meant.record, found, wanted), wanted)
        except OnlyWhole as error:
            return [error.whole.image()]

    def _accessible(self, image: Image, meant: _Meant, wanted: Wanted) -> Image:
        if image.image_id is None or not any(layer.walked for layer in image.layers):
            return image

        def packed() -> Image:
            again = self._open(meant, image.platform if wanted == "all" else wanted, walk=False)
            return next(each for each in again if each.image_id == image.image_id)

        return msgspec.structs.replace(image, access=_NodeAccess(image, packed))

    def _contents(self, record: Record, *, walk: bool = True) -> NodeContents:
        return NodeContents(self._place.root, self._place.overlayfs, record, walk=walk)

    def _flat(self, contents: NodeContents, record: Record) -> list[Found]:
        size = contents.size(record.target)
        if size is None:
            raise NotFound(f"{contents.where}: its content store does not hold {record.target}; pull the image again")
        return flatten(contents, [Descriptor(record.target, size)])

    def _warnings(self, record: Record, name: str) -> tuple[str, ...]:
        others = rivals(self._records, self._namespaces, record, name)
        if not others:
            return ()
        clause = f"read from the namespace {record.namespace}; another image has this name in {', '.join(others)}"
        return (f"{clause}: --namespace chooses",)

    def _missing(self, name: str) -> NotFound:
        """Return the error for a name that no namespace has, with what is called nearly so."""
        searched = ", ".join(map(shown, self._namespaces)) or "none"
        sentence = f"containerd at {self._place.root} has no such image, in the namespaces {searched}"
        with suppress(NotFound):
            others = [each for each in self._records.namespaces if find(self._records.of(each), name) is not None]
            if others:
                return NotFound(f"{sentence}; {shown(others[0])} has it: --namespace {others[0]}")
        names = typed_names(self._records, self._namespaces)
        near, others = nearest(name, names)
        near = near or [each for each in names if each.endswith(f"/{familiar(name)}")]
        clause = f"; {told('containerd has', near, others)}" if near or others else ""
        return NotFound(f"{sentence}{clause}", near=(*near, *others)[:MAX_NAMED])


class _NodeAccess(StoredAccess):
    """The access methods to an image that is unpacked: its snapshots, or the blobs from which `packed` opens it."""

    def __init__(self, image: Image, packed: Callable[[], Image]) -> None:
        super().__init__(image, "containerd is not asked for single files")
        self._packed = packed

    def saved(self, *, known: Known, meter: Meter) -> Image:  # noqa: ARG002 - the signature of all access methods
        """See `Access.saved`: what would be saved is read where it lies. Raises `AccessUnusable` where blobs lack."""
        return self._packed()


def _whole(contents: NodeContents, found: list[Found]) -> list[Found]:
    """Return the images of an index, those without their layers as absent: a pull may fetch all manifests of it."""
    present = [one for one in found if one.present]
    if not 1 < len(present) <= MAX_PLATFORMS:
        return found
    whole = [one for one in present if _has_layers(contents, one)]
    return [msgspec.structs.replace(one, present=one in whole) for one in found] if whole else found


def _has_layers(contents: NodeContents, found: Found) -> bool:
    try:
        document = contents.manifest(found.descriptor)
        if isinstance(document, Manifest):
            contents.layers(document)
        return isinstance(document, Manifest)
    except OnlyWhole:
        return True
    except InspectorError:
        return False


def _there(contents: NodeContents, record: Record, found: list[Found], wanted: Wanted) -> list[Found]:
    """Leave out the images of an index that were not pulled, where nobody asked for them.

    Raises `PlatformMissing` where one was.
    """
    present = [one for one in found if one.present]
    if wanted is None or wanted == "all":
        return present if wanted is None and present else found
    absent = [one for one in found if not one.present and same(one.platform, wanted)]
    if absent and not any(same(one.platform, wanted) for one in present):
        here = ", ".join(sorted({str(one.platform) for one in present})) or "none"
        raise PlatformMissing(
            f"{contents.where}: its index lists {absent[0].platform}, but only {here} was pulled; pull that too, as in "
            f"`ctr -n {record.namespace} images pull --platform {absent[0].platform} {record.name}`"
        )
    return found


def _is_config(contents: NodeContents, found: Found, name: str) -> bool:
    document = contents.manifest(found.descriptor)
    config = getattr(document, "config", None)
    return config is not None and is_id(name, config.digest)


def _named(image: Image, text: str) -> Image:
    return msgspec.structs.replace(image, reference=text)
