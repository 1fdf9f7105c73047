"""Start-up lines that are simple enough to be worked out."""

from __future__ import annotations

import pytest

from inspector.python.inert import Added, added_paths

PEX = """
import os
import sys


def _extend(variable):
    path = os.environ.get(variable)
    if path:
        entries = path.split(os.pathsep)
        sys.path.extend(entries)
        return entries
    return []


def extend(legacy=False):
    entries = _extend("MORE")
    entries.extend(_extend("__MORE__"))
    debug = os.environ.pop("DEBUG_MORE", "")
    if debug:
        import json
        with open(debug, "w") as fp:
            json.dump(entries, fp)
"""
EDITABLE = "from editables.redirector import RedirectingFinder as F\nF.install()\nF.map_module({!r}, '/src/x.py')\n"
SOURCES = {
    "pex": PEX,
    "ours": EDITABLE.format("ours"),
    "theirs": EDITABLE.format("torch"),
    "spin": "def f():\n f()\nf()\n",
}


@pytest.mark.parametrize(
    ("line", "variables", "added"),
    [
        ("import pex; pex.extend(legacy=True)", {}, []),
        ("import pex; pex.extend()", {"MORE": "/a:/b", "__MORE__": "/c"}, ["/a", "/b", "/c"]),
        ("import pex; pex.extend()", {"DEBUG_MORE": "x"}, None),
        ("import os, sys; exec('if \"X\" in os.environ:\\n import y')", {}, []),
        ("import os, sys; exec('if \"X\" in os.environ:\\n import y')", {"X": "1"}, None),
        ("import sys; sys.path.append('/opt/x')", {}, ["/opt/x"]),
        ("import ours", {}, []),
        ("import theirs", {}, None),
        ("import spin", {}, None),
        ("import gone", {}, None),
        ("import os; os.system('x')", {}, None),
        ("import sys; sys.path[:0] = ['/x']", {}, None),
        ("import " + "(" * 5000, {}, None),
    ],
)
def test_what_a_line_adds(line: str, variables: dict[str, str], added: list[str] | None) -> None:
    found = added_paths(line, variables, SOURCES.get)
    assert (None if found is None else [each.path for each in found]) == added


def test_an_entry_may_go_before_all_others() -> None:
    line = "import sys; sys.path.insert(0, '/first'); sys.path.append('/last')"
    assert added_paths(line, {}, SOURCES.get) == [Added("/first", first=True), Added("/last")]
