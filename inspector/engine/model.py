"""What an engine says, as values."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.oci import ImageConfig, Platform, RuntimeConfig
from inspector.rootfs import Kind

Store = Literal["graph", "containerd", "other"]


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """The engine itself. `store` says where images live: a graph driver, containerd's store, or another (Podman's).

    `devices` are those of CDI as far as the engine tells.
    """

    root_dir: str
    driver: str
    store: Store
    runtimes: tuple[str, ...]
    cdi_spec_dirs: tuple[str, ...]
    devices: tuple[str, ...]
    os: str
    architecture: str
    version: str


class ImageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An image as `inspect` tells it.

    `id` is what the engine calls it: the config's digest, or, in containerd's store, that of a manifest or index;
    `config_digest` is None there. `unpacked_size` is in bytes of all files, where the engine states those. `config`
    lacks the history. With `described` False the engine has a name but no content for its own platform: `config` and
    `diff_ids` are empty and mean nothing. `root` is the folder of Docker's overlay2 engine, as the image's own tells.
    """

    id: str
    tags: tuple[str, ...]
    config: ImageConfig
    diff_ids: tuple[str, ...]
    unpacked_size: int | None
    config_digest: str | None
    described: bool
    root: str = ""


class Step(msgspec.Struct, frozen=True):
    """One build step; `size` is in bytes. A step without a layer has size 0, and so may one with a layer."""

    created_by: str
    size: int


class ListedImage(msgspec.Struct, frozen=True):
    """One image of the engine's list, its names as `name:tag` and `name@digest`.

    `created` is in seconds since 1970; 0 where that isn't told.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    created: int = 0


class ListedContainer(msgspec.Struct, frozen=True):
    """One container of the engine's list; `age` is in seconds, by the engine's own clock where it tells the time.

    `name` is the one that it was created with, without a slash; one that others link to has several, joined here.
    """

    id: str
    name: str
    age: float
    state: str


class MountPoint(msgspec.Struct, frozen=True):
    """What lies over a container's own files at `path`: its kind (`volume`, `bind`, `tmpfs`), and its name or place."""

    path: str
    kind: str
    name: str = ""


class ContainerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A container as `inspect` tells it. `image` is the id of its image.

    `platform` is None where the engine does not tell it of containers. `state` changes with every start and end.
    """

    id: str
    name: str
    image: str
    config: RuntimeConfig
    running: bool
    state: str
    mounts: tuple[MountPoint, ...]
    platform: Platform | None


class Stat(msgspec.Struct, frozen=True):
    """A file of a container. `size` is 0 for all but regular files, `mode` the permission bits.

    `target` is, for a link, where it leads with all links followed: a path from the root, there or not.
    """

    size: int
    kind: Kind
    mode: int
    target: str = ""
