"""Which lane is taken to an engine's image, and what is said of those that were not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.audit.lanes import LaneReader, Question
from inspector.errors import Refused, Unreachable
from inspector.facts import ImageFacts
from inspector.layers.blob import LayerBlob, Meter
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex
from inspector.layers.indexer import Indexer
from inspector.layers.merge import merge
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.engine.container import ContainerRootfs
from inspector.sources.image import Image
from inspector.sources.lanes import Glimpse, Known, Lane, LaneUnusable, Unread
from tests.facts.archive import MemoryArchive

NAME = "ktrdr-worker-cpu:test"


class FakeLanes:
    """Lanes to one archive; those in `refused` raise what stands there. `taken` lists what was tried, in order."""

    engine = None

    def __init__(self, image: Image, refused: Mapping[str, Exception]) -> None:
        self._image = image
        self._refused = refused
        self.taken: list[str] = []
        self.known: list[str] = []

    def told(self) -> Image:
        """See `Lanes.told`."""
        self.taken.append("told")
        return unread(self._image)

    def storage(self) -> Image:
        """See `Lanes.storage`."""
        self._take("storage")
        return self._image

    @contextmanager
    def container(self) -> Iterator[Glimpse]:
        """See `Lanes.container`."""
        self._take("archive")
        fs = merge([read_whole(layer.diff_id, layer.digest, layer.blob) for layer in self._image.layers])
        yield ContainerRootfs(MemoryArchive(fs), "c")

    def saved(self, *, known: Known, meter: Meter) -> Image:
        """See `Lanes.saved`."""
        self._take("save")
        meter(1)
        self.known = [layer.diff_id for layer in self._image.layers if known(layer.diff_id)]
        return self._image

    def _take(self, name: str) -> None:
        self.taken.append(name)
        if name in self._refused:
            raise self._refused[name]


def read_whole(diff_id: str, digest: str | None, blob: LayerBlob) -> LayerIndex:
    return blob.scan(diff_id, digest, verify=True, meter=lambda _: None).index


def unread(image: Image) -> Image:
    layers = tuple(msgspec.structs.replace(layer, blob=Unread(), compressed=False) for layer in image.layers)
    return msgspec.structs.replace(image, layers=layers)


@pytest.fixture
def image(tmp_path: Path) -> Callable[[str], Image]:
    def make(form: str) -> Image:
        path = tmp_path / form
        FORMS[form](path, [right_images()["worker-cpu"]])
        (image,) = open_images(parse_reference(str(path)))
        return image

    return make


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[IndexCache]:
    cache = IndexCache(tmp_path / "cache.sqlite")
    yield cache
    cache.close()


def read(
    lanes: FakeLanes,
    image: Image,
    *,
    cache: IndexCache | None = None,
    verify: bool = False,
    whole: str = "",
    lane: Lane | None = None,
) -> ImageFacts:
    def meter(count: int) -> None:
        del count

    reader = LaneReader(Indexer(cache, verify=verify, meter=meter), cache, verify=verify, meter=meter)
    return reader.read(unread(image), lanes, Question(whole=whole, lane=lane))


NO_STORAGE = {"storage": LaneUnusable("run as root")}
NO_SAVE = {**NO_STORAGE, "save": LaneUnusable("its archive lacks a layer")}


@pytest.mark.parametrize(
    ("form", "refused", "whole", "lane", "taken"),
    [
        ("docker-24", {}, "", "storage", ["storage"]),
        ("docker-24", {}, "rule", "storage", ["storage"]),
        ("oci-gzip", {}, "", "archive", ["storage", "archive"]),  # packed layers would take seconds
        ("oci-gzip", {}, "rule", "storage", ["storage"]),
        ("oci-gzip", {"archive": Refused("no")}, "", "storage", ["storage", "archive"]),
        ("docker-24", NO_STORAGE, "", "archive", ["storage", "archive"]),
        ("docker-24", NO_STORAGE, "rule", "save", ["storage", "save"]),
        ("docker-24", {**NO_STORAGE, "archive": Refused("no")}, "", "save", ["storage", "archive", "save"]),
        ("docker-24", NO_SAVE, "rule", "archive", ["storage", "save", "archive"]),
    ],
)
def test_the_cheapest_that_answers_is_taken(
    image: Callable[[str], Image], form: str, refused: dict[str, Exception], whole: str, lane: str, taken: list[str]
) -> None:
    opened = image(form)
    lanes = FakeLanes(opened, refused)
    facts = read(lanes, opened, whole=whole)
    assert (facts.evidence.lane, lanes.taken) == (lane, taken)
    assert facts.torch.build == "cpu"
    passed = {said.partition(":")[0] for said in facts.evidence.passed_over}
    unasked = {"archive"} if whole and lane != "storage" else set()
    assert passed == {name for name in refused if name in taken} | unasked


@pytest.mark.parametrize("whole", ["", "rule"])
def test_what_the_cache_holds_of_every_layer_asks_the_engine_for_nothing(
    image: Callable[[str], Image], cache: IndexCache, whole: str
) -> None:
    opened = image("oci-gzip")
    for layer in opened.layers:
        cache.put(read_whole(layer.diff_id, layer.digest, layer.blob), None)
    lanes = FakeLanes(opened, {**NO_STORAGE, "archive": Unreachable("gone"), "save": Unreachable("gone")})
    facts = read(lanes, opened, cache=cache, whole=whole)
    assert (facts.evidence.lane, facts.evidence.layers_read, facts.evidence.digests_verified) == ("cache", 0, True)
    assert lanes.taken == ["storage", "told"]


def test_packed_layers_of_a_storage_are_read_at_once_where_the_cache_has_them(
    image: Callable[[str], Image], cache: IndexCache
) -> None:
    opened = image("oci-gzip")
    for layer in opened.layers:
        cache.put(read_whole(layer.diff_id, layer.digest, layer.blob), None)
    assert read(FakeLanes(opened, {}), opened, cache=cache).evidence.lane == "storage"


def test_layers_in_the_cache_are_passed_over_in_what_is_saved(image: Callable[[str], Image], cache: IndexCache) -> None:
    opened = image("docker-24")
    first = opened.layers[0]
    cache.put(read_whole(first.diff_id, first.digest, first.blob), None)
    lanes = FakeLanes(opened, NO_STORAGE)
    assert read(lanes, opened, cache=cache, lane="save").evidence.layers_cached == 1
    assert lanes.known == [first.diff_id]


def test_a_lane_that_is_asked_for_is_the_only_one(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    lanes = FakeLanes(opened, {})
    assert read(lanes, opened, lane="archive", whole="rule").evidence.lane == "archive"
    lanes = FakeLanes(opened, NO_SAVE)
    with pytest.raises(
        LaneUnusable, match=r"ktrdr-worker-cpu:test.*: no way to its bytes; save: its archive lacks a layer$"
    ):
        read(lanes, msgspec.structs.replace(opened, reference=NAME), lane="save")
    assert lanes.taken == ["save"]


def test_verifying_takes_no_glance(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    lanes = FakeLanes(opened, NO_SAVE)
    with pytest.raises(LaneUnusable, match=r"archive: every digest is to be checked; save: its archive lacks a layer$"):
        read(lanes, opened, verify=True)


def test_verifying_takes_no_glance_where_that_is_asked_for_either(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    with pytest.raises(LaneUnusable, match="single files prove no digest"):
        read(FakeLanes(opened, {}), opened, verify=True, lane="archive")


def test_an_engine_that_is_gone_ends_it(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    lanes = FakeLanes(opened, {**NO_STORAGE, "archive": Unreachable("gone")})
    with pytest.raises(Unreachable):
        read(lanes, opened)
    assert lanes.taken == ["storage", "archive"]
