"""The grammar of image names: what was asked for, and the ways in which it can be read. No I/O.

    docker-archive:PATH[:NAME]   what `docker save` writes; PATH may be `-`, standard input
    oci-archive:PATH[:TAG]       an OCI layout in a tar; PATH may be `-`
    oci:PATH[:TAG]               an OCI layout in a directory
    dir:PATH                     a directory that `skopeo copy` filled
    rootfs:PATH                  a root file system: a directory, or the tar of `docker export`; PATH may be `-`
    sif:PATH                     an Apptainer image
    venv:PATH                    a Python environment of this machine
    PATH[:NAME]                  any of these, told apart by what they hold; `-` is standard input
    docker:NAME  podman:NAME     an engine's images, by name, id or digest, or by a glob over names
    container:NAME               an engine's container, running or not
    containerd:NAME              an image of containerd, without Docker
    registry:NAME  docker://NAME
    NAME                         where no such path exists: an engine's

Wherever `:NAME` may stand, so may `@sha256:…`, the digest of a manifest or a config. The words that skopeo, syft, dive
and Docker Scout use for the same are read too (`_ALIASES`); for words of theirs that name something else, the error
says what to write (`_ANSWERS`).
"""

from __future__ import annotations

import enum
import re

import msgspec

from inspector.errors import InvalidReference

MAX_LENGTH = 8192
"""The longest reference taken in, in characters: two of Linux's longest paths."""

STDIN = "-"
_TOLD = 100
"""Characters of a reference that a message shows."""

_PATH_LIKE = r"(?ia)^[./~]|\\|\.(?:tar|t?gz|t?bz2|t?xz|t?zst|sif|simg|sqsh|whl)(?:$|[:@])"
_NEAR = 0.8
"""How alike a misspelt scheme and a true one must be, of 1."""


class Scheme(enum.Enum):
    """Which medium a reference names; BARE leaves that to what is found."""

    BARE = ""
    DOCKER_ARCHIVE = "docker-archive"
    OCI = "oci"
    OCI_ARCHIVE = "oci-archive"
    DIR = "dir"
    ROOTFS = "rootfs"
    SIF = "sif"
    VENV = "venv"
    DOCKER = "docker"
    PODMAN = "podman"
    CONTAINER = "container"
    CONTAINERD = "containerd"
    REGISTRY = "registry"


_WHOLE = frozenset({Scheme.DIR, Scheme.ROOTFS, Scheme.SIF, Scheme.VENV})
"""Those that hold one image, so that no colon is followed by a selector."""
_SERVED = frozenset({Scheme.DOCKER, Scheme.PODMAN, Scheme.CONTAINER, Scheme.CONTAINERD, Scheme.REGISTRY})
"""Those whose names are no paths."""


class Place(msgspec.Struct, frozen=True):
    """One way to read a reference: a path, and which image in it; no selector means all."""

    path: str
    selector: str | None


class Reference(msgspec.Struct, frozen=True):
    """An image as it was asked for: `name` is what follows the scheme. Prints as it was typed.

    What is `local` was not typed: it is looked for in engines alone, and no registry is asked for it.
    """

    text: str
    scheme: Scheme
    name: str
    local: bool = False

    def __str__(self) -> str:
        return self.text

    def places(self) -> list[Place]:
        """List path and selector in every way that the colons allow; the first path that exists is meant.

        Both may hold colons (`C:/images/a.tar:localhost:5000/a:1`), so the grammar alone can't tell.
        """
        whole = [Place(self.name, None)]
        if self.scheme in _WHOLE or self.name == STDIN:
            return whole
        cuts = [at for at in range(len(self.name) - 1, 0, -1) if self._splits_at(at)]
        return whole + [Place(self.name[:at], self.name[at:].removeprefix(":")) for at in cuts]

    def is_path_like(self) -> bool:
        """Tell whether it can only mean something on disk: by its scheme, or as no engine's image is named."""
        if self.scheme is Scheme.BARE:
            return self.name == STDIN or re.search(_PATH_LIKE, self.name) is not None
        return self.scheme not in _SERVED

    def nearest_scheme(self) -> str | None:
        """Return the scheme that a bare name's first part is nearly, as a typo is."""
        import difflib

        head, colon, _ = self.name.partition(":")
        near = difflib.get_close_matches(head, _SCHEMES, n=1, cutoff=_NEAR) if colon else []
        return near[0] if near else None

    def hint(self) -> str:
        """Return what to write in place of a word that other tools use; empty where a bare name begins with none."""
        head, colon, _ = self.name.partition(":")
        return _ANSWERS.get(head, "") if colon and self.scheme is Scheme.BARE else ""

    def _splits_at(self, at: int) -> bool:
        """Tell whether a selector may begin at `at`: behind a colon, or at the `@` of a digest."""
        rest = self.name[at:]
        return rest.startswith(("@sha256:", "@sha512:")) or (rest.startswith(":") and len(rest) > 1)


_SCHEMES: dict[str, Scheme] = {scheme.value: scheme for scheme in Scheme if scheme is not Scheme.BARE}
_ALIASES = {
    "docker://": Scheme.REGISTRY,
    "registry://": Scheme.REGISTRY,
    "image://": Scheme.BARE,
    "local://": Scheme.BARE,
    "archive://": Scheme.DOCKER_ARCHIVE,
    "docker-archive://": Scheme.DOCKER_ARCHIVE,
    "oci-archive://": Scheme.OCI_ARCHIVE,
    "oci-dir://": Scheme.OCI,
    "oci-dir:": Scheme.OCI,
    "podman://": Scheme.PODMAN,
    "containerd://": Scheme.CONTAINERD,
    "singularity://": Scheme.SIF,
    "apptainer://": Scheme.SIF,
    "fs://": Scheme.ROOTFS,
    "docker-daemon:": Scheme.DOCKER,
    "containers-storage:": Scheme.PODMAN,
}
"""What other tools write before a name, the longer of two first, and what we call that."""
_OF_PATHS = {"singularity": Scheme.SIF, "apptainer": Scheme.SIF, "fs": Scheme.ROOTFS}
"""The same for words that are images' names too, as in singularity:latest: only a path behind them tells."""
_PATH = r"(?ias)[./~\\]|.*[/\\]|.*\.(?:sif|simg|sqsh|squashfs|img|tar)\Z"
_LOCAL = "local://"
_BUILT = "name what is built of it, as in sif:PATH: `apptainer pull NEW.sif"
_ANSWERS = {
    "apptainer": "for an Apptainer image write sif:PATH",
    "containers-storage": "write the image's name alone, as in podman:NAME; the store is found as Podman finds it",
    "file": "write the path alone, as in ./api.tar",
    "fs": "for a root file system write rootfs:PATH, and for a Python environment venv:PATH",
    "instance": "a running instance is not read; write sif:PATH",
    "library": f"{_BUILT} library://…`",
    "oci": "for a registry's image write docker://NAME, and for a layout oci:PATH",
    "oras": f"{_BUILT} oras://…`",
    "ostree": "an OSTree repository is not read; copy the image out, as in `skopeo copy ostree:NAME oci-archive:PATH`",
    "purl": "a package alone is not read; name an image or environment that it is installed in",
    "sbom": "a bill of materials is not read; name the image that it was made of",
    "shub": f"{_BUILT} shub://…`",
    "singularity": "for an Apptainer image write sif:PATH",
    "snap": "a snap is a squashfs: write sif:PATH, with the path of the .snap file",
    "tarball": "write the path alone, or docker-archive:PATH",
    "vm": "mount the disk, as in `guestmount -a PATH -i --ro DIR`, and write rootfs:DIR",
}
"""What to write in place of words that name nothing we read."""


def parse_reference(text: str) -> Reference:
    """Return what `text` asks for. Raises `InvalidReference` for what can't be a name of anything."""
    if not text.strip():
        raise InvalidReference("an empty image name: give a path, `-`, or a name with its scheme, as in oci:PATH")
    if len(text) > MAX_LENGTH or "\0" in text:
        raise InvalidReference(f"{text[:60]!a}…: an image name has at most {MAX_LENGTH} characters, and no NUL")
    if text.startswith("containers-storage:["):
        raise InvalidReference(f"{text[:_TOLD]!a}: {_ANSWERS['containers-storage']}")
    for alias, named in _ALIASES.items():
        if text.startswith(alias):
            return _named(text, named, text.removeprefix(alias))
    head, colon, rest = text.partition(":")
    if rest.startswith("//") and not (head in _SCHEMES and rest.startswith("///")) and head in _ANSWERS:
        raise InvalidReference(f"{text[:_TOLD]!a}: {_ANSWERS[head]}")
    scheme: Scheme | None = _SCHEMES.get(head) if colon else None
    if scheme is None and re.match(_PATH, rest):
        scheme = _OF_PATHS.get(head)
    return Reference(text, Scheme.BARE, text) if scheme is None else _named(text, scheme, rest)


def _named(text: str, scheme: Scheme, name: str) -> Reference:
    if not name.strip() or (name.startswith(":") and scheme is not Scheme.REGISTRY):
        scheme_and_name = f"{scheme.value}:{_EXAMPLES[scheme]}".lstrip(":")
        raise InvalidReference(f"{text!r}: nothing follows the scheme; write {scheme_and_name}")
    return Reference(text, scheme, name, local=text.startswith(_LOCAL))


_EXAMPLES = {
    Scheme.DOCKER_ARCHIVE: "PATH[:NAME]",
    Scheme.OCI: "PATH[:TAG]",
    Scheme.OCI_ARCHIVE: "PATH[:TAG]",
    **dict.fromkeys(_WHOLE, "PATH"),
    **dict.fromkeys(_SERVED, "NAME"),
    Scheme.BARE: "NAME[:TAG]",
    Scheme.REGISTRY: "HOST/NAME[:TAG]",
}
