"""What dash, Debian's `sh`, does not know of bash: words that it looks for as programs, and what it stops at."""

from __future__ import annotations

import re

from inspector.errors import InspectorError
from inspector.python.files import read_text
from inspector.rootfs import Rootfs

NOT_IN_DASH = frozenset(
    {"source", "declare", "typeset", "shopt", "let", "mapfile", "readarray", "pushd", "popd", "enable", "builtin",
     "disown", "logout", "function"}
)  # fmt: skip
"""Builtins of bash that dash takes for programs, of which there are none of the name."""
_OPTIONS = frozenset(
    {"allexport", "errexit", "ignoreeof", "interactive", "monitor", "noglob", "noexec", "stdin", "xtrace", "verbose",
     "vi", "emacs", "noclobber", "notify", "nounset", "nolog", "debug"}
)  # fmt: skip
_STOPS = re.compile(
    r"(?m)^[ \t]*(?:(?:export|local|readonly)[ \t]+)?[A-Za-z_]\w*\+?=\(|^[ \t]*function[ \t]+\w|<<<|[<>]\("
    r"|\$\{(?:!|\w+(?:\[|//?|:[ \d]|\^|,|@))"
)
"""Arrays, the word `function`, here-strings, files for processes, and expansions, at which dash ends."""
_INSTALLED = re.compile(r"(?ms)^Package: dash$(?:(?!^$).)*?^Version: (\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")
_FIRST_WITH_PIPEFAIL = (0, 5, 13)


def stops_at(text: str) -> str:
    """Return what in a script dash stops at; empty if nothing is seen."""
    found = _STOPS.search(text)
    return found[0].strip() if found else ""


def refuses_option(fs: Rootfs, name: str) -> bool | None:
    """Tell whether dash ends at an option of `set -o`; None where that depends on its release."""
    if name in _OPTIONS or not name:
        return False
    if name != "pipefail":
        return True
    try:
        found = _INSTALLED.search(read_text(fs, "/var/lib/dpkg/status") or "")
    except InspectorError:
        return None
    return True if found and tuple(int(part or 0) for part in found.groups()) < _FIRST_WITH_PIPEFAIL else None
