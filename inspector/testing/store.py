"""An image's documents and its archive, as each kind of engine gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from inspector.testing.blobs import Blobs, Packing, archive_of, gzipped
from inspector.testing.image import CREATED, Image
from inspector.testing.tree import File, Tree

Kind = Literal["graph", "containerd", "podman"]


class Store:
    """The images of an engine, and their names; `packing` compresses containerd's blobs."""

    def __init__(
        self, kind: Kind, images: Sequence[Image], *, packing: Packing = gzipped, graph: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.kind = kind
        self.images = list(images)
        self._packing = packing
        self._graph = graph

    def find(self, name: str) -> Image | None:
        """Find an image by tag (`:latest` understood), by digest, by id or its beginning."""
        for image in self.images:
            identity = self.id_of(image)
            tags = [self.tag(tag) for tag in image.tags]
            if name in (*image.tags, *tags) or f"{name}:latest" in (*image.tags, *tags):
                return image
            if name == identity or name.endswith(f"@{identity}"):
                return image
            if len(name) >= 4 and identity.removeprefix("sha256:").startswith(name):
                return image
        return None

    def tag(self, tag: str) -> str:
        """Return a tag as the engine lists it: Podman puts `localhost/` before names without a registry."""
        return f"localhost/{tag}" if self.kind == "podman" and "/" not in tag else tag

    def id_of(self, image: Image) -> str:
        """Return the digest of the manifest with containerd, else that of the config."""
        return self._manifest(image)["digest"] if self.kind == "containerd" else image.image_id

    def is_foreign(self, image: Image) -> bool:
        """Return whether containerd's store has the image for another platform than the host's."""
        return self.kind == "containerd" and image.architecture != "amd64"

    def inspect(self, image: Image, api: tuple[int, int]) -> dict[str, Any]:
        """Answer `/images/{name}/json` in that version of the API."""
        document: dict[str, Any] = {**self.listed(image), "Created": CREATED, **self._content(image)}
        if api < (1, 44):
            document["VirtualSize"] = document["Size"]
        if self.kind == "containerd":
            document |= {"Descriptor": self._manifest(image)} if api >= (1, 48) else {}
            document |= {} if api >= (1, 52) else {"GraphDriver": {"Name": "overlayfs", "Data": None}}
        else:
            data = self._graph.get(image.image_id)
            document["GraphDriver"] = {"Name": "overlay" if self.kind == "podman" else "overlay2", "Data": data}
        return document

    def history(self, image: Image) -> list[dict[str, Any]]:
        """Answer `/images/{name}/history`, newest first."""
        steps = [
            {"Id": "<missing>", "CreatedBy": step.created_by, "Size": _files(step.tree), "Tags": None}
            for step in image.steps
        ]
        return steps[::-1]

    def listed(self, image: Image) -> dict[str, Any]:
        """Return the image's entry of `/images/json`."""
        identity = self.id_of(image)
        return {
            "Id": identity.removeprefix("sha256:") if self.kind == "podman" else identity,
            **self._names(image),
            "Size": self._size(image),
        }

    def archive(self, image: Image, *, hollow: bool = False) -> bytes:
        """Answer `/images/{name}/get`; see `archive_of` for `hollow`."""
        packing = {"packing": self._packing} if self.kind == "containerd" else {}
        return archive_of(image, [self.tag(tag) for tag in image.tags], hollow=hollow, **packing)

    def _manifest(self, image: Image) -> dict[str, Any]:
        return Blobs().manifest(image, [self._packing])

    def _names(self, image: Image) -> dict[str, Any]:
        tags = [self.tag(tag) for tag in image.tags]
        digests = [f"{tag.rpartition(':')[0]}@{self.id_of(image)}" for tag in tags]
        if self.kind == "containerd":
            return {"RepoTags": [*tags, *digests[:1]], "RepoDigests": digests}
        return {"RepoTags": tags, "RepoDigests": []}

    def _content(self, image: Image) -> dict[str, Any]:
        if self.is_foreign(image):
            return {"Config": {}, "RootFS": {}, "Architecture": "", "Os": ""}
        layers = [f"sha256:{diff_id}" for diff_id in image.diff_ids]
        return {
            "Config": json.loads(image.config)["config"],
            "RootFS": {"Type": "layers", "Layers": layers},
            "Architecture": image.architecture,
            "Variant": image.variant,
            "Os": image.os,
        }

    def _size(self, image: Image) -> int:
        if self.kind == "containerd":
            return sum(len(self._packing(layer)) for layer in image.layers)
        return sum(_files(step.tree) for step in image.steps)


def _files(tree: Tree | None) -> int:
    members = [member.data if isinstance(member, File) else member for member in (tree or {}).values()]
    return sum(len(member) for member in members if isinstance(member, bytes))
