"""Modules that are put off until they are used."""

from __future__ import annotations

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


def test_what_is_imported_already_stays() -> None:
    before = dict(sys.modules)
    import_click()
    import_msgspec()
    assert {name: sys.modules.get(name) for name in before} == before
