"""Image names: the grammar of github.com/distribution/reference, and the defaults that engines fill in.

An image name is `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`. What it leaves out is filled in so:

- REGISTRY: the part before the first `/`, if it holds a `.` or a `:`, or an upper-case letter, or is `localhost`;
  otherwise `docker.io`, for which `index.docker.io` is another word.
- REPOSITORY: on Docker Hub one without a `/` lies below `library/`.
- TAG: `latest`, where neither a tag nor a digest is given. Where both are given, the digest counts.

The canonical form has all of it (`docker.io/library/alpine:latest`), the familiar form only what can't be filled
in (`alpine:latest`), as `docker images` shows it. `parse_name` refuses what a registry can't be asked for;
`split_name` takes any text, because archives and engines hold names that the grammar doesn't know.
"""

from __future__ import annotations

import re

import msgspec

from inspector.errors import InvalidReference

DOCKER_HUB = "docker.io"
LOCAL = "localhost/"
"""What Podman puts before the name of an image that it built."""
DEFAULT_TAG = "latest"
MAX_NAME = 255
"""The longest registry and repository together, in characters."""

_HUB_API = "registry-1.docker.io"
_HUB_IN_NAMES = frozenset({DOCKER_HUB, "index.docker.io"})  # in names Docker takes `registry-1.docker.io` for another
_HUB_HOSTS = _HUB_IN_NAMES | {_HUB_API}
_OFFICIAL = "library/"

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"(?a)(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"(?a){_PART}(?:/{_PART})*"
_TAG = r"(?a)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"(?a)sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"


class ImageName(msgspec.Struct, frozen=True):
    """A repository, and which image of it. Prints with its registry, as `docker.io/library/alpine:3`.

    >>> name = split_name("alpine")
    >>> str(name), name.canonical, name.familiar
    ('docker.io/library/alpine', 'docker.io/library/alpine:latest', 'alpine')
    """

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        return f"{self.host}/{self.repository}{tag}{'' if self.digest is None else '@' + self.digest}"

    @property
    def canonical(self) -> str:
        """The name with everything filled in: two names of one image have the same."""
        return str(self if self.tag is not None or self.digest is not None else self.tagged(DEFAULT_TAG))

    @property
    def familiar(self) -> str:
        """The name as `docker images` shows it."""
        return familiar(str(self))

    @property
    def target(self) -> str:
        """What a registry is asked for: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or DEFAULT_TAG

    def tagged(self, tag: str) -> ImageName:
        """Return the name of another tag in the same repository."""
        return ImageName(self.host, self.repository, tag)


def split_name(text: str) -> ImageName:
    """Take any text apart as engines do, and fill in registry and `library/`; refuse nothing."""
    rest, at, digest = text.partition("@")
    host, slash, path = rest.partition("/")
    if not slash or not _begins_with_host(host):
        host, path = DOCKER_HUB, rest
    folder, slash, last = path.rpartition("/")
    last, colon, tag = last.partition(":")
    host = DOCKER_HUB if host in _HUB_IN_NAMES else host
    return ImageName(host, _official(host, folder + slash + last), tag if colon else None, digest if at else None)


def parse_name(text: str) -> ImageName:
    """Read `[HOST/]REPOSITORY[:TAG][@DIGEST]`, the host in lower case. Raises `InvalidReference`."""
    name = split_name(text)
    if name.digest is not None and not re.fullmatch(_DIGEST, name.digest):
        raise _invalid(text, "what follows `@` is not a SHA-256 or SHA-512 digest")
    if name.tag is not None and not is_tag(name.tag):
        raise _invalid(text, "what follows `:` is not a tag")
    if not is_host(name.host):
        raise _invalid(text, f"{name.host[:100]!a} is not a host")
    host = name.host.lower()
    host = DOCKER_HUB if host in _HUB_IN_NAMES else host
    repository = _official(host, name.repository)
    if not is_repository(repository):
        raise _invalid(text, "the repository is lower-case letters and digits, joined by `.`, `_`, `-` and `/`")
    if len(host) + len(repository) >= MAX_NAME:
        raise _invalid(text, f"more than {MAX_NAME} characters")
    return ImageName(host, repository, name.tag, name.digest)


def parse_host(text: str) -> str:
    """Read the name of a registry alone; Docker Hub's three become one. Raises `InvalidReference`."""
    if not is_host(text):
        raise _invalid(text, "not HOST or HOST:PORT")
    return registry_of(text)


def states_host(text: str) -> bool:
    """Tell whether a name begins with a registry's host, so that it means the same everywhere.

    >>> states_host("ghcr.io/team/api:1"), states_host("team/api:1")
    (True, False)
    """
    host, slash, _ = text.partition("/")
    return bool(slash) and _begins_with_host(host)


def registry_of(host: str) -> str:
    """Return the registry that a host belongs to, in lower case: `docker.io` for each host of Docker Hub."""
    host = host.lower()
    return DOCKER_HUB if host in _HUB_HOSTS else host


def api_host(host: str) -> str:
    """Return where the API of a registry answers."""
    return _HUB_API if host == DOCKER_HUB else host


def canonical(text: str) -> str:
    """Return the canonical form of any text: `docker.io/library/alpine:latest` of `alpine`."""
    return split_name(text).canonical


def readings(text: str) -> tuple[str, ...]:
    """Return the canonical forms that Podman looks for, in its order: an image built here, then Docker Hub's."""
    return (canonical(text),) if states_host(text) else (canonical(LOCAL + text), canonical(text))


def without_local(text: str) -> str:
    """Return the canonical form of a name that Podman may have put `localhost/` before."""
    return canonical(text.removeprefix(LOCAL))


def familiar(text: str) -> str:
    """Return a name without Docker Hub's registry, or Podman's `localhost/`; other text as it is.

    What would then read as a registry (`docker.io/a.b/c`), or as another image (`docker.io/library/a/b`), stays.
    """
    host, _, rest = text.partition("/")
    if not rest or host not in _HUB_IN_NAMES | {LOCAL.removesuffix("/")}:
        return text
    official = rest.removeprefix(_OFFICIAL)
    if host in _HUB_IN_NAMES and "/" not in official:
        return official
    return text if _begins_with_host(rest.partition("/")[0]) and "/" in rest else rest


def with_tag(text: str) -> str:
    """Return a name with `latest`, where it has neither tag nor digest."""
    return text if "@" in text or tag_in(text) is not None else f"{text}:{DEFAULT_TAG}"


def tag_in(text: str) -> str | None:
    """Return the tag that a name states."""
    _, colon, tag = text.partition("@")[0].rpartition("/")[2].partition(":")
    return tag if colon else None


def without_digest(text: str) -> str:
    """Return `NAME:TAG` of `NAME:TAG@DIGEST`; a name without a tag as it is."""
    return text.partition("@")[0] if tag_in(text) is not None else text


def repository_in(text: str) -> str:
    """Return a name without its tag and its digest, not filled in."""
    folder, slash, last = text.partition("@")[0].rpartition("/")
    return folder + slash + last.partition(":")[0]


def is_host(text: str) -> bool:
    """Return whether `text` is a host with or without a port."""
    return len(text) <= MAX_NAME and re.fullmatch(_HOST, text) is not None and _port(text) <= 0xFFFF


def is_repository(text: str) -> bool:
    """Return whether `text` is a path of valid components."""
    return len(text) <= MAX_NAME and re.fullmatch(_REPOSITORY, text) is not None


def is_tag(text: str) -> bool:
    """Return whether `text` is a valid tag."""
    return re.fullmatch(_TAG, text) is not None


def _begins_with_host(first: str) -> bool:
    return first == "localhost" or "." in first or ":" in first or first != first.lower()


def _official(host: str, path: str) -> str:
    return path if "/" in path or host != DOCKER_HUB else _OFFICIAL + path


def _port(host: str) -> int:
    return int(host.rpartition("]")[2].partition(":")[2] or 0)


def _invalid(text: str, why: str) -> InvalidReference:
    shown = ascii(text if len(text) <= 200 else text[:200] + "…")
    return InvalidReference(f"{shown} names no image in a registry: {why}; write [HOST/]REPOSITORY[:TAG]")
