"""The rows of the cache beside a layer's index: they go when they are not needed, and a layer's bytes say so."""

from __future__ import annotations

import contextlib
from pathlib import Path

from inspector.layers.cache import IndexCache
from tests.layers.test_objects import TREE, streamed


def held(cache: IndexCache) -> int:
    return cache.info().bytes


def test_what_went_by_goes_when_its_images_are_judged(tmp_path: Path) -> None:
    index = streamed(TREE)
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        cache.put(index, None)
        every = held(cache)
        cache.put_later(index, None, {1: b"one"})
        assert held(cache) > every
        cache.put_later(index, None, {2: b"two"})
        assert cache.read_later(index, None) == {1: b"one", 2: b"two"}
        assert cache.passed(index, None) == index.objects.symbols
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        assert cache.passed(index, None) == {}
        assert cache.read_later(index, None) == {1: b"one", 2: b"two"}
        assert held(cache) < every


def test_nothing_is_kept_of_a_layer_without_index(tmp_path: Path) -> None:
    index = streamed(TREE)
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        cache.put_later(index, None, {1: b"one"})
        assert cache.read_later(index, None) == {}
        cache.put(index, None)
        cache.clear()
        assert cache.passed(index, None) == {}
