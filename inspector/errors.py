"""Every way in which `inspector` says no.

    InspectorError              3   could not tell
    ├── UsageError              2   the question itself is wrong
    │   ├── InvalidReference    2   … or names an image in no known way
    │   ├── PolicyError         2   … or the policy can't be read as one
    │   └── NoHome              2   … or the user lacks a home directory that it needs
    ├── NotFound                3   no such file, image, tag or blob
    ├── PlatformMissing         3   the image exists, but not for the platform asked
    ├── Malformed               3   a document or archive breaks its format
    │   ├── CorruptLayer        3   a layer that an engine would refuse too
    │   └── DigestMismatch      3   bytes that are not what their digest says
    ├── Unsupported             3   a valid thing that we don't read
    │   └── NoImage             3   … as it is no image: a signature, an attestation, a chart
    ├── Unreachable             3   no engine or registry answers there, or not in time
    ├── Refused                 3   … or it answers, but with an error of its own, or what we won't go along with
    │   ├── Denied              3   … or that we may not, or not with these credentials
    │   └── RateLimited         3   … or that we ask too often
    └── LimitExceeded           3   larger, deeper or more than we are willing to take in

More are defined where they are met, and caught by who asks: `rootfs.NotKept`, `rootfs.NotListed`,
`sources.access.AccessUnusable` and `layers.toc.source.TocUnusable`, each an `InspectorError`, `layers.tar.EndMissing`,
a `CorruptLayer`, and `http.failures.Interrupted`, an `Unreachable`.

A message says what was met, where (image, layer, path) and what to do; it never holds a credential.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class InspectorError(Exception):
    """The root of the tree: could not tell."""

    exit_code = 3

    @property
    def kind(self) -> str:
        """The stable name that reports give the error, such as `corrupt-layer`."""
        name = type(self).__name__
        return "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-")

    def extended(self, clause: str) -> InspectorError:
        """Return the same error with a further clause."""
        return type(self)(f"{self}; {clause}")


class UsageError(InspectorError):
    """The command line or the call asks for something that can't be asked."""

    exit_code = 2


class InvalidReference(UsageError):
    """An image name that no grammar accepts."""


class Fault(NamedTuple):
    """One fault of a policy file: what is wrong, where in its tables, and where in its text, if that is known.

    `path` leads to the key or item; `on_key` says that the key itself is wrong, not its value. Lines and columns count
    from 1; `source` is the line, of which `width` characters are at fault.
    """

    message: str
    path: tuple[str | int, ...] = ()
    on_key: bool = False
    line: int | None = None
    column: int | None = None
    source: str = ""
    width: int = 0


class PolicyError(UsageError):
    """A policy file that is missing, unreadable or contradicts itself; `faults` are all that were found in it."""

    origin: str = ""
    faults: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, origin: str, faults: Iterable[Fault]) -> PolicyError:
        """Make the error that tells all faults of the file `origin`, a line each."""
        found = tuple(faults)
        error = cls("\n".join(f"{location_of(origin, each)}: {each.message}" for each in found))
        error.origin, error.faults = origin, found
        return error


def location_of(origin: str, fault: Fault) -> str:
    """Return `inspector.toml:3:9`, or the file alone where the location is not known."""
    return origin if fault.line is None else f"{origin}:{fault.line}:{fault.column}"


class NoHome(UsageError):
    """A user without a home directory, where one is needed and nothing else was named."""


class NotFound(InspectorError):
    """A file, image, tag, manifest or blob that isn't where it was said to be.

    `near` are names that are there, the likeliest first.
    """

    def __init__(self, message: str = "", *, near: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.near = near

    def extended(self, clause: str) -> InspectorError:
        """See `InspectorError`."""
        return type(self)(f"{self}; {clause}", near=self.near)


class PlatformMissing(InspectorError):
    """The image has no manifest for the platform asked; another one is never taken instead."""


class Malformed(InspectorError):
    """Bytes that break the format they claim to be in."""


class CorruptLayer(Malformed):
    """A layer whose tar or compressed stream is cut, corrupt or unlawful."""


class DigestMismatch(Malformed):
    """Bytes whose digest is not the one that names them."""


class Unsupported(InspectorError):
    """Valid, but nothing that this tool reads: encrypted layers, schema 1, foreign artifacts."""


class NoImage(Unsupported):
    """Not an image (a signature, an attestation); skipped when images are listed."""


class Unreachable(InspectorError):
    """Nothing answers at the address of an engine or registry, or it stops answering."""


class Refused(InspectorError):
    """An engine or registry answers, but with a refusal or an error of its own."""


class Denied(Refused):
    """A registry that gives this to nobody, or not to whom these credentials are for; log in, or log in again."""


class RateLimited(Refused):
    """A registry that was asked more often than it allows; it may answer later."""


class LimitExceeded(InspectorError):
    """A size, depth or count past the bound set for it."""


def causes(error: BaseException) -> list[BaseException]:
    """Return the error and all that it wraps, as cause, reason or argument, the outermost first; at most 30."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo and len(found) < 30:
        item = todo.pop(0)
        if isinstance(item, BaseException) and not any(item is known for known in found):
            found.append(item)
            todo += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found
