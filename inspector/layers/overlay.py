"""What overlayfs's attributes and devices in a layer mean, and why a layer is refused for them.

Docker (overlay2) and Podman set the attributes of a tar on the files that they unpack, and the kernel then takes
`trusted.overlay.*` for its own marks (Documentation/filesystems/overlayfs.rst). containerd sets no `trusted` attribute.
Engines without root can't either, but mount with `userxattr`: there `user.overlay.*` counts, and with fuse-overlayfs
`user.fuseoverlayfs.*`. So whatever an attribute does, some engine shows it and another one does not.
"""

from __future__ import annotations

from inspector.errors import Unsupported
from inspector.layers.entry import Attributes

_PREFIXES = ("trusted.overlay.", "user.overlay.", "user.fuseoverlayfs.")
_WITHOUT_EFFECT = frozenset({"origin", "impure", "nlink", "upper", "uuid", "protattr", "verity"})
_NESTED = "overlay."
"""Behind this stand attributes of an overlayfs within another one, which the outer one does not take for its own."""


def is_kept_attribute(name: str) -> bool:
    """Tell whether entries keep the attribute: what decides what a container sees, or how a program starts."""
    return name.startswith(_PREFIXES) or name == "security.capability"


def is_overlay(attributes: Attributes) -> bool:
    """Tell whether any of them is overlayfs's."""
    return any(name.startswith(_PREFIXES) for name, _ in attributes)


def opaque_mark(path: str, attributes: Attributes) -> str:
    """Return the attribute by which a directory hides what is below it.

    Empty where none does (only the value `y` counts).
    """
    return next((name for name, value in attributes if _short(name) == "opaque" and value == b"y" and path), "")


def refuse_redirect(path: str, attributes: Attributes) -> None:
    """Raise `Unsupported` where a directory takes its content from another place of lower layers."""
    for name, _ in attributes:
        if path and _short(name) == "redirect":
            raise Unsupported(_sentence(path, name, "takes what it holds from elsewhere"))


def refuse_stand_in(path: str, size: int | None, attributes: Attributes) -> None:
    """Raise `Unsupported` where a file is a whiteout, or its content lies in another layer; a hardlink has no size."""
    for name, _ in attributes:
        if _short(name) == "metacopy":
            raise Unsupported(_sentence(path, name, "has its content in a lower layer"))
        if _short(name) == "whiteout" and not size:
            raise Unsupported(_sentence(path, name, "is a whiteout"))


def refuse_opaque(path: str, name: str) -> None:
    """Raise `Unsupported` for a directory that hides lower files by the attribute `name`."""
    raise Unsupported(_sentence(path, name, "hides what lower layers have there"))


def refuse_device(path: str) -> None:
    """Raise `Unsupported` for a character device 0:0 that hides a lower file."""
    raise Unsupported(
        f"{path[:200]!a} is a character device 0:0: engines that run as root take it for a whiteout, "
        "those without root leave it out; build the layer again with a whiteout file"
    )


def unknown(attributes: Attributes) -> str:
    """Return the first overlayfs attribute that this module does not know; an empty text if it knows all."""
    for name, _ in attributes:
        short = _short(name)
        if short and short not in _KNOWN and not short.startswith(_NESTED):
            return name
    return ""


_KNOWN = _WITHOUT_EFFECT | {"opaque", "redirect", "metacopy", "whiteout"}


def _short(name: str) -> str:
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), None)
    return "" if prefix is None else name[len(prefix) :]


def _sentence(path: str, name: str, effect: str) -> str:
    users = "Docker and Podman" if name.startswith("trusted.") else "engines without root"
    return (
        f"{path[:200]!a} {effect} by the attribute {name}, which {users} follow and other engines ignore; "
        "build the layer again without it"
    )
