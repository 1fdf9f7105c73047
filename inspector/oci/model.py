"""The documents of an image as frozen values; a parse error says where it failed (`$.layers[2].digest`).

Follows the OCI image specification 1.1 and Docker's image manifest version 2, schema 2, which differ
in media types only.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any

import msgspec

from inspector.errors import DigestMismatch, Malformed, Unsupported

INDEX_TYPES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
MANIFEST_TYPES = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }
)
CONFIG_TYPES = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)
OLD_CONFIG_TYPE = "application/octet-stream"  # as Docker 1.10 pushed configs
SCHEMA1_TYPES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
LAYER_PREFIXES = (
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
)

MAX_DOCUMENT = 4 << 20
"""The largest manifest, index or config taken in, in bytes (registries cap manifests at 4 MiB)."""
DIGEST_PATTERN = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(?![\s\S])"
_DIGEST = re.compile(DIGEST_PATTERN)
Digest = Annotated[str, msgspec.Meta(pattern=DIGEST_PATTERN)]
"""`algorithm:hex`, lowercase and of full length, so that it is safe as part of a path or URL."""

_MACHINES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}
_WITH_VARIANT = {"armhf": ("arm", "v7"), "armel": ("arm", "v6")}


class Platform(msgspec.Struct, frozen=True, rename={"os_version": "os.version"}, omit_defaults=True):
    """Operating system and machine, in Go's names; `unknown/unknown` marks what is no image."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Return `os/arch[/variant]` as on a command line. Raises `ValueError`."""
        parts = text.lower().split("/")
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise ValueError(f"{text!r} is not a platform: write os/arch or os/arch/variant, as in linux/arm64")
        return cls(*parts).normal()

    def normal(self) -> Platform:
        """Return the same platform in the one spelling used for comparison: `arm64/v8` is `arm64`, `arm` is `arm/v7`.

        Case counts for nothing, and other names of a machine are replaced, as in containerd's `platforms.Normalize`.
        """
        os, arch, variant = self.os.lower(), self.architecture.lower(), self.variant.lower()
        arch, variant = _WITH_VARIANT.get(arch, (_MACHINES.get(arch, arch), variant))
        if arch == "386" or (arch, variant) in {("arm64", "v8"), ("arm64", "8"), ("amd64", "v1")}:
            variant = ""
        elif arch == "arm":
            variant = f"v{variant.removeprefix('v')}" if variant else "v7"
        return Platform({"macos": "darwin"}.get(os, os), arch, variant, self.os_version)


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest, and nothing else."""
    return _DIGEST.match(text) is not None


def check_digest(content: bytes, digest: str, what: str) -> None:
    """Raise `DigestMismatch` unless `content` hashes to `digest`; `what` and the digest name it."""
    import hmac  # a verdict that is known checks nothing

    actual = digest_of(content, digest.partition(":")[0])
    if not hmac.compare_digest(actual, digest):
        raise digest_mismatch(what, digest, actual)


def digest_mismatch(what: str, expected: str, actual: str) -> DigestMismatch:
    """Return the error for bytes, which `what` names, that hash to another digest than the one expected."""
    return DigestMismatch(f"{what}: expected {expected}, got {actual}; the copy is damaged or was altered")


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return `algorithm:hex` of `content`. Raises `Unsupported` for an algorithm other than SHA-256 and SHA-512."""
    return f"{algorithm}:{hasher(algorithm, content).hexdigest()}"


def hasher(algorithm: str, content: bytes = b"") -> hashlib._Hash:
    """Return a running hash, fed with `content`. Raises `Unsupported` for an algorithm that images don't use."""
    if algorithm not in ("sha256", "sha512"):
        raise Unsupported(f"digest algorithm {algorithm!r}: sha256 and sha512 are read")
    return hashlib.new(algorithm, content)


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A pointer to content: what it is, its digest, its size in bytes. `data` may embed it, as base64."""

    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0)]
    media_type: str = ""
    platform: Platform | None = None
    annotations: dict[str, str] | None = None
    artifact_type: str = ""
    data: str = ""
    urls: list[str] | None = None

    def embedded(self) -> bytes | None:
        """Return the content carried by the descriptor itself, its digest and size checked.

        None where it carries none.
        """
        if not self.data:
            return None
        import base64  # few descriptors carry any

        try:
            content = base64.b64decode(self.data, validate=True)
        except ValueError as error:  # binascii's is one; so is what it says of characters that are no ASCII
            raise Malformed(f"descriptor {self.digest}: its `data` is not base64: {error}") from error
        if len(content) != self.size:
            raise Malformed(f"descriptor {self.digest}: its `data` has {len(content)} bytes, its `size` is {self.size}")
        check_digest(content, self.digest, "embedded data")
        return content


class Index(msgspec.Struct, frozen=True, rename="camel"):
    """An image index or manifest list."""

    manifests: list[Descriptor] = []
    media_type: str = ""


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """An image manifest: one config, and the layers from the base up."""

    config: Descriptor
    layers: list[Descriptor] = []
    media_type: str = ""
    artifact_type: str = ""
    annotations: dict[str, str] | None = None


class ArchiveItem(msgspec.Struct, frozen=True, rename="pascal"):
    """One image of a `docker save` archive; paths are relative to the archive."""

    config: str
    layers: list[str] | None = None
    repo_tags: list[str] | None = None


class RuntimeConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """What a container made from the image runs, and with what environment. Anything may be null."""

    env: list[str] | None = None
    entrypoint: list[str] | str | None = None
    cmd: list[str] | str | None = None
    working_dir: str | None = None
    user: str | None = None
    labels: dict[str, str | None] | None = None
    volumes: dict[str, Any] | None = None


class RootfsIds(msgspec.Struct, frozen=True):
    """The digests of the uncompressed layers, from the base up."""

    diff_ids: list[Digest] = []
    type: str = "layers"


class History(msgspec.Struct, frozen=True):
    """One build step; an `empty_layer` step has no layer of its own."""

    created_by: str | None = None
    empty_layer: bool | None = False
    comment: str | None = None


class ImageConfig(msgspec.Struct, frozen=True):
    """The image's configuration document. `created` should be a time (RFC 3339), and is unchecked."""

    os: str = ""
    architecture: str = ""
    variant: str | None = None
    config: RuntimeConfig | None = None
    rootfs: RootfsIds = RootfsIds()
    history: list[History | None] | None = None
    created: Any = None

    @property
    def platform(self) -> Platform:
        """The platform that the config states, in normal spelling."""
        return Platform(self.os, self.architecture, self.variant or "").normal()

    @property
    def run(self) -> RuntimeConfig:
        """The runtime part, empty where the document has none."""
        return self.config or RuntimeConfig()

    @property
    def env(self) -> dict[str, str]:
        """The environment; the last of duplicate names wins, and a name without `=` is skipped."""
        return dict(item.split("=", 1) for item in self.run.env or () if "=" in item)

    @property
    def entrypoint(self) -> tuple[str, ...]:
        """The entrypoint's words; a lone string is one word, as dockerd's `StrSlice` takes it."""
        return _words(self.run.entrypoint)

    @property
    def cmd(self) -> tuple[str, ...]:
        """The default arguments, which `docker run IMAGE ARG…` replaces."""
        return _words(self.run.cmd)

    @property
    def working_dir(self) -> str:
        """The absolute directory that a container starts in."""
        return "/" + (self.run.working_dir or "").strip("/")

    def on(self, platform: Platform) -> ImageConfig:
        """Return the same for another platform."""
        os, architecture, variant = platform.os, platform.architecture, platform.variant or None
        return msgspec.structs.replace(self, os=os, architecture=architecture, variant=variant)

    def build_steps(self) -> list[str | None]:
        """Return `created_by` for each layer from the base up; all None where history and layers don't match.

        The k-th step that is not marked empty made the k-th layer, if their counts are equal.
        """
        steps = [step.created_by if step else None for step in self.history or () if not (step and step.empty_layer)]
        layers = len(self.rootfs.diff_ids)
        return steps if len(steps) == layers else [None] * layers


def _words(value: list[str] | str | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())
