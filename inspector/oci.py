"""The documents of an image as frozen values; a parse error says where it failed (`$.layers[2].digest`).

Follows the OCI image specification 1.1 and Docker's image manifest version 2, schema 2, which differ
in media types only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from typing import Annotated, Any, TypeVar

import msgspec

from inspector.errors import DigestMismatch, LimitExceeded, Malformed, NoImage, Unsupported

MAX_DOCUMENT = 4 << 20
"""The largest manifest, index or config taken in, in bytes (registries cap manifests at 4 MiB)."""

_DIGEST = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(?![\s\S])"
Digest = Annotated[str, msgspec.Meta(pattern=_DIGEST)]
"""`algorithm:hex`, lowercase and of full length, so that it is safe as part of a path or URL."""

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
_OLD_CONFIG_TYPE = "application/octet-stream"  # as Docker 1.10 pushed configs
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
        """`os/arch[/variant]` as on a command line. Raises `ValueError`."""
        parts = text.lower().split("/")
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise ValueError(f"{text!r} is no platform: write os/arch or os/arch/variant, as in linux/arm64")
        return cls(*parts).normal()

    def normal(self) -> Platform:
        """The same platform in the one spelling used for comparison: `arm64/v8` is `arm64`, `arm` is `arm/v7`."""
        arch = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm"}.get(
            self.architecture, self.architecture
        )
        variant = self.variant
        if (arch, variant) in {("arm64", "v8"), ("arm64", "8"), ("amd64", "v1")}:
            variant = ""
        elif arch == "arm":
            variant = f"v{variant.removeprefix('v')}" if variant else "v7"
        return Platform(self.os, arch, variant, self.os_version)


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
        """The content carried by the descriptor itself, its digest and size checked; None where it carries none."""
        if not self.data:
            return None
        try:
            content = base64.b64decode(self.data, validate=True)
        except binascii.Error as error:
            raise Malformed(f"descriptor {self.digest}: its `data` is no base64: {error}") from error
        if len(content) != self.size:
            raise Malformed(f"descriptor {self.digest}: its `data` has {len(content)} bytes, its `size` is {self.size}")
        check_digest(content, self.digest, "embedded data")
        return content


class Index(msgspec.Struct, frozen=True, rename="camel"):
    """An image index or manifest list."""

    manifests: list[Descriptor]
    media_type: str = ""


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """An image manifest: one config, and the layers from the base up."""

    config: Descriptor
    layers: list[Descriptor]
    media_type: str = ""
    artifact_type: str = ""
    annotations: dict[str, str] | None = None


class _Typed(msgspec.Struct, rename="camel"):
    media_type: str = ""


class _Shape(msgspec.Struct, rename="camel"):
    """Just enough of a document to tell what it is."""

    media_type: str = ""
    manifests: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    layers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    fs_layers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    config: _Typed | None = None


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


class _WithRootfs(msgspec.Struct):
    rootfs: msgspec.Raw


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

    def build_steps(self) -> list[str | None]:
        """`created_by` for each layer from the base up; all None where history and layers don't match.

        The k-th step that is not marked empty made the k-th layer, if their counts are equal.
        """
        steps = [step.created_by if step else None for step in self.history or () if not (step and step.empty_layer)]
        layers = len(self.rootfs.diff_ids)
        return steps if len(steps) == layers else [None] * layers


def _words(value: list[str] | str | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


Document = TypeVar("Document")

_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


def decoder(kind: type[Document]) -> msgspec.json.Decoder[Document]:
    """What decodes JSON as `kind`, made by one thread alone: where two meet a type first, msgspec 0.22 may crash."""
    found = _decoders.get(kind)
    if found is None:
        with _making:
            found = _decoders[kind] = msgspec.json.Decoder(kind)
    return found


def parse(content: bytes, kind: type[Document], where: str) -> Document:
    """Decode a JSON document as `kind`; `where` names it in errors. Raises `Malformed`, `LimitExceeded`."""
    if len(content) > MAX_DOCUMENT:
        raise LimitExceeded(f"{where}: {len(content)} bytes; documents past {MAX_DOCUMENT} are refused")
    try:
        return decoder(kind).decode(content)
    except msgspec.MsgspecError as error:
        sentence = str(error).replace(f"`str` matching regex {_DIGEST!r}", "a SHA-256 or SHA-512 digest")
        raise Malformed(f"{where}: {sentence}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{where}: no usable JSON: {error}") from error


def parse_manifest(content: bytes, stated: str, where: str) -> Index | Manifest:
    """An index or an image manifest; `stated` is the media type that points here, if any.

    A document that could be read as both, or that contradicts its types, is refused, since readers would
    differ (CVE-2021-41190). Raises `Unsupported` for artifacts and schema 1, `Malformed`, `LimitExceeded`.
    """
    shape = parse(content, _Shape, where)
    types = {stated, shape.media_type} - {""}
    is_index, is_manifest = shape.manifests is not msgspec.UNSET, shape.layers is not msgspec.UNSET or shape.config
    if types & SCHEMA1_TYPES or shape.fs_layers is not msgspec.UNSET:
        raise Unsupported(
            f"{where}: an image manifest of schema 1, given up in 2019; copy the image with a recent tool"
        )
    if is_index and is_manifest:
        raise Malformed(f"{where}: both an index and a manifest")
    if not is_index and not is_manifest:
        raise Malformed(f"{where}: neither an image index nor an image manifest")
    wrong = types & (MANIFEST_TYPES if is_index else INDEX_TYPES)
    if wrong:
        raise Malformed(f"{where}: is said to be {', '.join(sorted(wrong))}, and is none")
    if shape.manifests is not msgspec.UNSET:
        return Index([]) if bytes(shape.manifests) == b"null" else parse(content, Index, where)
    _refuse_artifact(shape, where)
    return parse(content, Manifest, where)


def _refuse_artifact(shape: _Shape, where: str) -> None:
    media_type = shape.config.media_type if shape.config else ""
    if media_type not in {"", *CONFIG_TYPES, _OLD_CONFIG_TYPE}:
        raise NoImage(f"{where}: no image but an artifact, its config of type {media_type[:100]!a}")


def parse_config(content: bytes, where: str) -> ImageConfig:
    """An image's configuration. Raises `Malformed` also where there is no `rootfs`, without which it is none."""
    parse(content, _WithRootfs, where)
    config = parse(content, ImageConfig, where)
    if config.rootfs.type != "layers":
        raise Malformed(f"{where}: a root file system of type {config.rootfs.type[:100]!a}; only `layers` is defined")
    return config


def check_digest(content: bytes, digest: str, what: str) -> None:
    """Raises `DigestMismatch` unless `content` hashes to `digest`; `what` and the digest name it."""
    actual = digest_of(content, digest.partition(":")[0])
    if not hmac.compare_digest(actual, digest):
        raise digest_mismatch(what, digest, actual)


def digest_mismatch(what: str, expected: str, actual: str) -> DigestMismatch:
    """The error for bytes, which `what` names, that hash to another digest than the one expected."""
    return DigestMismatch(f"{what}: expected {expected}, got {actual}; the copy is damaged or was altered")


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """`algorithm:hex` of `content`. Raises `Unsupported` for an algorithm other than SHA-256 and SHA-512."""
    return f"{algorithm}:{hasher(algorithm, content).hexdigest()}"


def hasher(algorithm: str, content: bytes = b"") -> hashlib._Hash:
    """A running hash, fed with `content`. Raises `Unsupported` for an algorithm that images don't use."""
    if algorithm not in ("sha256", "sha512"):
        raise Unsupported(f"digest algorithm {algorithm!r}: sha256 and sha512 are read")
    return hashlib.new(algorithm, content)
