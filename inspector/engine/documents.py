"""The engine's JSON documents, each checked and brought into our own form, its version the first of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from inspector.engine.endpoint import Endpoint
from inspector.engine.failures import own_words
from inspector.engine.model import ImageDocument, Info, ListedContainer, ListedImage, Step, Store
from inspector.engine.transport import Answer
from inspector.errors import Malformed, Refused
from inspector.escape import in_ascii
from inspector.oci import Digest, ImageConfig, RootfsIds, RuntimeConfig, parse

MAX_LIST = 64 << 20
"""The longest list taken in, in bytes: a build host has thousands of images, some with labels of kilobytes."""
_NO_DIGEST = "@<none>"
_SNAPSHOTTER = "io.containerd.snapshotter.v1"
_OVERLAY2 = "overlay2"
_UPPER = re.compile(r"(/.+)/overlay2/[^/]+/diff")

Api = tuple[int, int]
OLDEST: Api = (1, 24)
NEWEST: Api = (1, 55)
"""The versions that this client is written for: Docker 1.12 to 29."""


class Component(msgspec.Struct, rename="pascal"):
    """A part of an engine: as in `Podman Engine`."""

    name: str = ""


class Version(msgspec.Struct, rename="pascal"):
    """What `/version` says of the engine and of the API versions that it speaks."""

    api_version: str = ""
    min_api_version: str = msgspec.field(name="MinAPIVersion", default="")
    version: str = ""
    components: list[Component] | None = None


class _Graph(msgspec.Struct, rename="pascal"):
    name: str | None = None
    data: dict[str, Any] | None = None


class _RootFs(msgspec.Struct, rename="pascal"):
    type: str = ""
    layers: list[Digest] | None = None


class _Descriptor(msgspec.Struct):
    """There where images lie in containerd's store."""


class _Image(msgspec.Struct, rename="pascal"):
    id: str
    repo_tags: list[str] | None = None
    config: RuntimeConfig | None = None
    architecture: str = ""
    variant: str = ""
    os: str = ""
    size: int = 0
    graph_driver: _Graph | None = None
    root_fs: _RootFs | None = msgspec.field(name="RootFS", default=None)
    descriptor: _Descriptor | None = None


class _Info(msgspec.Struct, rename="pascal"):
    docker_root_dir: str = ""
    driver: str = ""
    driver_status: list[list[str]] | None = None
    runtimes: dict[str, Any] | None = None
    cdi_spec_dirs: list[str] | None = msgspec.field(name="CDISpecDirs", default=None)
    discovered_devices: list[dict[str, Any]] | None = None
    os_type: str = msgspec.field(name="OSType", default="")
    architecture: str = ""
    server_version: str = ""


class _History(msgspec.Struct, rename="pascal"):
    created_by: str = ""
    size: int = 0


class _Listed(msgspec.Struct, rename="pascal"):
    id: str
    repo_tags: list[str] | None = None
    repo_digests: list[str] | None = None
    created: int = 0


class _Container(msgspec.Struct, rename="pascal"):
    id: str
    names: list[str] | None = None
    created: int = 0
    state: str = ""


def image_document(content: bytes, where: str, store: Callable[[], Store]) -> ImageDocument:
    """Return an answer to `/images/{name}/json`; `store` is asked where the answer doesn't tell. Raises `Malformed`."""
    said = parse(content, _Image, where)
    rootfs = said.root_fs or _RootFs()
    diff_ids = tuple(rootfs.layers or ())
    identity = full_id(said.id)
    has_folders = said.graph_driver is not None and bool(said.graph_driver.data)
    digest_is_configs = said.descriptor is None and (has_folders or store() != "containerd")
    config = ImageConfig(
        os=said.os,
        architecture=said.architecture,
        variant=said.variant or None,
        config=said.config,
        rootfs=RootfsIds(list(diff_ids)),
    )
    return ImageDocument(
        id=identity,
        tags=_tags(said.repo_tags),
        config=config,
        diff_ids=diff_ids,
        unpacked_size=max(said.size, 0) if digest_is_configs else None,
        config_digest=identity if digest_is_configs else None,
        described=bool(diff_ids) or bool(said.os and said.architecture and rootfs.type),
        root=_root(said.graph_driver),
    )


def _root(graph: _Graph | None) -> str:
    """Return the folder in which overlay2 keeps an image's topmost layer, below the engine's root; empty elsewhere."""
    upper = (graph.data or {}).get("UpperDir") if graph and graph.name == _OVERLAY2 else None
    found = _UPPER.fullmatch(upper) if isinstance(upper, str) else None
    return found[1] if found else ""


def info(content: bytes, where: str, *, podman: bool) -> Info:
    """Return an answer to `/info`. Raises `Malformed`."""
    said = parse(content, _Info, where)
    status = tuple((pair[0], pair[1]) for pair in said.driver_status or () if len(pair) == 2)
    return Info(
        root_dir=said.docker_root_dir,
        driver=said.driver,
        store=_store(said.driver, status, podman=podman),
        runtimes=tuple(sorted(said.runtimes or ())),
        cdi_spec_dirs=tuple(said.cdi_spec_dirs or ()),
        devices=tuple(str(item.get("ID", "")) for item in said.discovered_devices or ()),
        os=said.os_type,
        architecture=said.architecture,
        version=said.server_version,
    )


def history(content: bytes, where: str) -> tuple[Step, ...]:
    """Return an answer to `/images/{name}/history`, turned round: the oldest step first. Raises `Malformed`."""
    said = parse(content, list[_History], where)
    return tuple(Step(step.created_by, max(step.size, 0)) for step in reversed(said))


def images(content: bytes, where: str) -> tuple[ListedImage, ...]:
    """Return an answer to `/images/json`. Raises `Malformed`."""
    return tuple(
        ListedImage(full_id(item.id), _tags(item.repo_tags), _digests(item.repo_digests, item.repo_tags), item.created)
        for item in parse(content, list[_Listed], where, MAX_LIST)
    )


def containers(content: bytes, where: str, now: float) -> tuple[ListedContainer, ...]:
    """Return an answer to `/containers/json`, given at `now`, in seconds since 1970. Raises `Malformed`."""
    return tuple(
        ListedContainer(item.id, "".join(item.names or ()).removeprefix("/"), now - item.created, item.state)
        for item in parse(content, list[_Container], where, MAX_LIST)
    )


def full_id(text: str) -> str:
    """Return an image's id with its algorithm, which Podman leaves out. Raises `Malformed`."""
    identity = text if ":" in text else f"sha256:{text}"
    try:
        return msgspec.convert(identity, Digest)
    except msgspec.ValidationError as error:
        raise Malformed(f"{text[:200]!a} is not an image id: {error}") from error


def _tags(names: list[str] | None) -> tuple[str, ...]:
    return tuple(name for name in names or () if "@" not in name and not name.endswith("<none>"))


def _digests(digests: list[str] | None, tags: list[str] | None) -> tuple[str, ...]:
    """Return names by digest; containerd's store lists some among the tags."""
    among = [name for name in tags or () if "@" in name]
    return tuple(dict.fromkeys(name for name in [*(digests or ()), *among] if not name.endswith(_NO_DIGEST)))


def _store(driver: str, status: tuple[tuple[str, str], ...], *, podman: bool) -> Store:
    if podman or not driver:
        return "other"
    return "containerd" if ("driver-type", _SNAPSHOTTER) in status else "graph"


def pinged(answer: Answer) -> tuple[Api, bool] | None:
    """Return what `negotiated` does, by the headers of an answer to `/_ping`; None where they don't tell.

    For an answer to `/version`, an engine starts other programs, which takes it some 10 ms.
    """
    podman = "libpod-api-version" in answer.headers
    if answer.status != 200 or not (podman or answer.headers.get("server", "").startswith("Docker/")):
        return None
    try:
        newest = _parsed(answer.headers.get("api-version", ""), "")
    except Malformed:
        return None
    return (newest, podman) if OLDEST <= newest <= NEWEST else None  # else the oldest matters, or is to be told


def negotiated(endpoint: Endpoint, answer: Answer) -> tuple[Api, bool]:
    """Return the newest version that both sides speak, and whether the other one is Podman.

    Raises `Refused` if they share no version, `Malformed` for an answer that no engine gives.
    """
    if answer.status != 200:
        words = own_words(answer.body)
        raise Refused(f"{endpoint} ({endpoint.origin}): no engine, it answers {answer.status}: {words or 'nothing'}")
    where = f"the engine {endpoint} on its version"
    said = parse(answer.body, Version, where)
    newest = _parsed(said.api_version, where)
    oldest = _parsed(said.min_api_version, where) if said.min_api_version else OLDEST
    engine = f"the engine {endpoint} ({in_ascii(said.version, 60)}) speaks API"
    if newest < OLDEST:
        raise Refused(f"{engine} {_shown(newest)} at most, and {_shown(OLDEST)} is the oldest spoken here: update it")
    if oldest > NEWEST:
        raise Refused(
            f"{engine} {_shown(oldest)} at least, and {_shown(NEWEST)} is the newest spoken here: update inspector"
        )
    named = any(part.name.startswith("Podman") for part in said.components or ())
    return min(newest, NEWEST), named or "libpod-api-version" in answer.headers


def _parsed(text: str, where: str) -> Api:
    major, _, minor = text.partition(".")
    if len(text) > 12 or not all(part.isascii() and part.isdigit() for part in (major, minor)):
        raise Malformed(f"{where}: {text[:60]!a} is not a version of the engine API")
    return int(major), int(minor)


def _shown(api: Api) -> str:
    return f"{api[0]}.{api[1]}"
