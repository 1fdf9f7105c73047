"""The store of Podman and Buildah on disk, which holds images whether or not any service runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from inspector.engine.model import ListedImage
from inspector.errors import NotFound
from inspector.names import canonical, readings, repository_in
from inspector.oci import Index, check_digest, parse_manifest
from inspector.sources.access import AccessUnusable
from inspector.sources.assemble import MAX_LAYERS, Config, make_image, read_config
from inspector.sources.engine.containers_files import DRIVER, ContainerRecord, Folder, ImageRecord, LayerRecord
from inspector.sources.engine.diff_directory import DiffDirectory
from inspector.sources.engine.disk import refuse_hidden_marks
from inspector.sources.engine.podman_conf import roots, stands_for
from inspector.sources.image import Image, Layer
from inspector.sources.names import digest_in, no_such
from inspector.sources.shown import shown

_OTHER_DRIVERS = ("vfs", "btrfs", "zfs", "aufs", "devmapper")
_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{3,64})")


class ContainersStore:
    """Images by name or id, in the store at `root` and in those for reading only, `further`.

    Raises `AccessUnusable` where its files can't be read, or a driver keeps them that is not overlay.
    """

    def __init__(self, root: Path, further: Sequence[Path] = ()) -> None:
        self.root = root
        self._further = further

    def __str__(self) -> str:
        return f"the store {self.root}"

    @property
    def where(self) -> str:
        """The store, as messages name it."""
        return str(self.root)

    @cached_property
    def _folders(self) -> list[Folder]:
        if not os.path.lexists(self.root / f"{DRIVER}-images"):
            drivers = [name for name in _OTHER_DRIVERS if os.path.lexists(self.root / f"{name}-images")]
            if drivers:
                raise AccessUnusable(f"the store {str(self.root)!a} uses the driver {drivers[0]}, and overlay is read")
        refuse_hidden_marks(self.root / DRIVER)
        further = [root for root in self._further if os.path.lexists(root)]
        return [Folder(root) for root in (self.root, *further)]

    def images(self) -> tuple[ListedImage, ...]:
        """Return all images, with all their names."""
        return tuple(_listed(record) for folder in self._folders for record in folder.images)

    def open(self, name: str) -> Image:
        """Return the image that podman knows by `name`, or by an id that begins so.

        Raises `NotFound`, `AccessUnusable`.
        """
        folder, record = self._find(name)
        return msgspec.structs.replace(self._image(folder, record), reference=name)

    def open_id(self, image_id: str) -> Image:
        """Return the image of this id."""
        for folder in self._folders:
            for record in folder.images:
                if record.id == image_id.removeprefix("sha256:"):
                    return self._image(folder, record)
        raise AccessUnusable(f"{self} does not hold the image {image_id}")

    def _find(self, name: str) -> tuple[Folder, ImageRecord]:
        held = [(folder, record) for folder in self._folders for record in folder.images]
        found = [pair for pair in held if name in (pair[1].names or ())]
        for wanted in () if found else stands_for(name):
            found = found or [pair for pair in held if wanted in _canonical_names(pair[1])]
        found = found or [pair for pair in held if _is_by_digest(name, pair[1])]
        prefix = _PREFIX.fullmatch(name)
        if not found and prefix:
            found = [pair for pair in held if pair[1].id.startswith(prefix[1])]
        ids = {record.id for _, record in found}
        if len(ids) > 1:
            raise NotFound(f"{self}: {shown(name)} may be any of {len(ids)} images; give its name or more of its id")
        if not found:
            raise no_such(str(self), name, [record.names or () for _, record in held])
        return found[0]

    def _image(self, folder: Folder, record: ImageRecord) -> Image:
        config = self._config(folder, record)
        blobs = self._blobs(record.layer, config.document.rootfs.diff_ids)
        layers = [Layer(blob=blob, walked=True) for blob in blobs]
        return make_image(self, "podman", config, layers, tags=_listed(record).tags)

    def _config(self, folder: Folder, record: ImageRecord) -> Config:
        where = f"{self.root}: image {record.id}"
        content = folder.big_data(record.id, "manifest")
        if record.digest:
            check_digest(content, record.digest, f"{where}: manifest")
        manifest = parse_manifest(content, "", f"{where}: manifest")
        if isinstance(manifest, Index):
            raise NotFound(f"{where} is a list of images; ask for one of them")
        digest = manifest.config.digest
        return read_config(folder.big_data(record.id, digest), f"{where}: config", digest)

    def containers(self) -> list[tuple[Folder, ContainerRecord]]:
        """Return all containers, Podman's and Buildah's."""
        return [(folder, record) for folder in self._folders for record in folder.containers()]

    def container(self, name: str) -> tuple[Folder, ContainerRecord]:
        """Return the container of this name, or of the one id that begins so. Raises `NotFound`, `AccessUnusable`."""
        held = self.containers()
        found = [pair for pair in held if name in (pair[1].names or ()) or name == pair[1].id]
        found = found or [pair for pair in held if _PREFIX.fullmatch(name) and pair[1].id.startswith(name)]
        if len(found) > 1:
            raise NotFound(f"{self}: {shown(name)} may be any of {len(found)} containers; give more of its id")
        if not found:
            raise NotFound(f"{self} has no such container")
        return found[0]

    def below(self, folder: Folder, record: ContainerRecord) -> list[tuple[str, DiffDirectory]]:
        """Return the layers that a container stands on, base first, each with its diff_id; its image may be gone."""
        if not folder.has_layer(record.layer):
            raise AccessUnusable(f"{self} has no layer of the container {record.id[:12]}")
        chain = self._chain(folder.layers[record.layer].parent)
        return [(layer.diff_digest, held.blob(layer.id)) for held, layer in chain]

    def _blobs(self, top: str, diff_ids: Sequence[str]) -> list[DiffDirectory]:
        """List the layers' directories up to `top`, base first, which must be those of the config."""
        chain = self._chain(top)
        if [record.diff_digest for _, record in chain] != list(diff_ids):
            raise AccessUnusable(f"{self} holds other layers than the image's config lists")
        return [folder.blob(record.id) for folder, record in chain]

    def _chain(self, top: str) -> list[tuple[Folder, LayerRecord]]:
        chain: list[tuple[Folder, LayerRecord]] = []
        while top:
            chain.append(self._layer(top))
            top = chain[-1][1].parent
            if len(chain) > MAX_LAYERS:
                raise AccessUnusable(f"{self} has a chain of more than {MAX_LAYERS} layers")
        if not all(record.diff_digest for _, record in chain):
            raise AccessUnusable(f"{self} does not tell the digest of a layer that was not pulled whole")
        return chain[::-1]

    def _layer(self, layer_id: str) -> tuple[Folder, LayerRecord]:
        for folder in self._folders:
            if folder.has_layer(layer_id):
                return folder, folder.layers[layer_id]
        raise AccessUnusable(f"{self} has no layer {shown(layer_id)}")


def find_store(environment: Mapping[str, str] = os.environ) -> ContainersStore | None:
    """Return the store of this user; None where there is none."""
    if os.name != "posix":
        return None
    root, *further = roots(environment)
    names = (DRIVER, *_OTHER_DRIVERS)
    held = any(os.path.lexists(root / f"{name}-images") for name in names)
    return ContainersStore(root, further) if held else None


def _canonical_names(record: ImageRecord) -> set[str]:
    return {canonical(name) for name in record.names or ()}


def _is_by_digest(name: str, record: ImageRecord) -> bool:
    """Tell whether `repository@digest` means the image: by its digest, if it has any tag in that repository."""
    digest = digest_in(name)
    if digest is None or digest not in (record.digest, f"sha256:{record.id}"):
        return False
    repository = name.partition("@")[0]
    own = {repository_in(each) for each in _canonical_names(record)}
    return not repository or repository == digest or any(repository_in(each) in own for each in readings(repository))


def _listed(record: ImageRecord) -> ListedImage:
    names = record.names or []
    tags = tuple(name for name in names if "@" not in name)
    return ListedImage(f"sha256:{record.id}", tags, tuple(name for name in names if "@" in name))
