"""Names of images in registries: the grammar of github.com/distribution/reference, and its defaults."""

from __future__ import annotations

import re

import msgspec

from inspector.errors import InvalidReference

DOCKER_HUB = "docker.io"
_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_HUB_API = "registry-1.docker.io"
MAX_NAME = 255
"""The longest host and repository together, in characters."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?", re.ASCII)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)


class RegistryName(msgspec.Struct, frozen=True):
    """A repository of a registry, and which image of it. Prints in full, as `docker.io/library/alpine:3`."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.host}/{self.repository}{tag}{'@' + self.digest if self.digest else ''}"

    @property
    def target(self) -> str:
        """What the registry is asked for: the digest, which outdoes a tag, else the tag, else `latest`."""
        return self.digest or self.tag or "latest"

    def tagged(self, tag: str) -> RegistryName:
        """The image of that tag in the same repository."""
        return RegistryName(self.host, self.repository, tag)


def parse_name(text: str) -> RegistryName:
    """`[HOST/]REPOSITORY[:TAG][@DIGEST]`, with the host and `library/` that Docker adds. Raises `InvalidReference`."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _invalid(text, "what follows `@` is no SHA-256 or SHA-512 digest")
    host, slash, path = rest.partition("/")
    if not slash or not _is_host(host):
        host, path = DOCKER_HUB, rest
    path, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _invalid(text, "what follows `:` is no tag")
    return _name(text, host, path, tag or None, digest or None)


def parse_host(text: str) -> str:
    """The name of a registry alone, as names begin with it. Raises `InvalidReference`."""
    if not is_host(text):
        raise _invalid(text, "no HOST or HOST:PORT")
    return _normal_host(text)


def is_host(text: str) -> bool:
    """Whether `text` is a host with or without a port."""
    return len(text) <= MAX_NAME and _HOST.fullmatch(text) is not None and _port(text) <= 0xFFFF


def is_repository(text: str) -> bool:
    """Whether `text` is a path of lawful components."""
    return len(text) <= MAX_NAME and _REPOSITORY.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether `text` is a lawful tag."""
    return _TAG.fullmatch(text) is not None


def api_host(host: str) -> str:
    """Where the API of a registry answers."""
    return _HUB_API if host == DOCKER_HUB else host


def _name(text: str, host: str, path: str, tag: str | None, digest: str | None) -> RegistryName:
    if not is_host(host):
        raise _invalid(text, f"{host[:100]!a} is no host")
    host = _normal_host(host)
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not is_repository(path):
        raise _invalid(text, "the repository is lower-case letters and digits, joined by `.`, `_`, `-` and `/`")
    if len(host) + len(path) >= MAX_NAME:
        raise _invalid(text, f"more than {MAX_NAME} characters")
    return RegistryName(host, path, tag, digest)


def _is_host(first: str) -> bool:
    """Whether the first component of a name is a host, as Docker tells it from a repository's."""
    return first == "localhost" or "." in first or ":" in first or first != first.lower()


def _normal_host(host: str) -> str:
    host = host.lower()
    return DOCKER_HUB if host in _HUB_HOSTS else host


def _port(host: str) -> int:
    port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
    return int(port or 0)


def _invalid(text: str, why: str) -> InvalidReference:
    shown = ascii(text if len(text) <= 200 else text[:200] + "…")
    return InvalidReference(f"{shown} names no image in a registry: {why}; write [HOST/]REPOSITORY[:TAG]")
