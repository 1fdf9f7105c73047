"""Modules that are put off until they are used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from inspector.cli.libraries import Later, import_click, import_msgspec


def test_what_is_put_off_is_imported_once_it_is_used() -> None:
    later = Later("colorsys")
    assert "rgb_to_hsv" not in vars(later)
    assert later.rgb_to_hsv is __import__("colorsys").rgb_to_hsv
    with pytest.raises(ModuleNotFoundError):
        _ = Later("this_is_no_module").anything


def test_what_stands_for_it_makes_way(monkeypatch: pytest.MonkeyPatch) -> None:
    later = Later("colorsys")
    monkeypatch.setitem(sys.modules, "colorsys", later)
    assert later.hsv_to_rgb(0, 0, 0) == (0, 0, 0)
    assert sys.modules["colorsys"] is not later


IMPORTED_LIGHTLY = """
import sys
from inspector.cli.libraries import import_click, import_msgspec
import_click()
import_msgspec()
left = {"inspect", "ipaddress", "msgspec.inspect", "platform", "textwrap", "tokenize", "typing_extensions"}
assert not left & set(sys.modules), left & set(sys.modules)
import ipaddress, platform, urllib.parse, uuid, msgspec
assert urllib.parse.urlsplit("http://[::1]/").hostname == "::1"
of_uuid = getattr(uuid, "platform", platform)  # from Python 3.12 on, uuid imports it where it needs it
assert platform.system() == of_uuid.system()
assert platform.python_version() == of_uuid.python_version()
assert uuid.uuid1() != uuid.uuid4()
class Point(msgspec.Struct):
    \"\"\"A place.\"\"\"
    x: int
assert msgspec.json.schema(Point)["$defs"]["Point"]["description"] == "A place."
assert msgspec.inspect.type_info(int) == msgspec.inspect.IntType()
"""


@pytest.mark.skipif(os.name == "nt", reason="uuid does not import platform on Windows")
def test_what_the_libraries_lack_at_first_they_have_when_they_use_it() -> None:
    subprocess.run([sys.executable, "-I", "-c", IMPORTED_LIGHTLY], check=True, timeout=60)


def test_what_is_imported_already_stays() -> None:
    before = dict(sys.modules)
    import_click()
    import_msgspec()
    assert {name: sys.modules.get(name) for name in before} == before
