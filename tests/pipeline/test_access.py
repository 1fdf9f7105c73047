"""Which access method is taken to an engine's image, and what is said of those that were not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.errors import Refused, Unreachable
from inspector.facts import ImageFacts
from inspector.layers.blob import LayerBlob, Meter
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import merge
from inspector.pipeline.access import AccessReader, FactsReader
from inspector.pipeline.model import Options, Question
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.access import AccessMethod, AccessUnusable, ContainerFiles, Known, Unread
from inspector.sources.engine.container import ContainerRootfs
from inspector.sources.image import Image
from tests.facts.archive import MemoryArchive

NAME = "ktrdr-worker-cpu:test"


class FakeAccess:
    """Access to one archive; those in `refused` raise what stands there. `taken` lists what was tried, in order."""

    engine = None

    def __init__(self, image: Image, refused: Mapping[str, Exception]) -> None:
        self._image = image
        self._refused = refused
        self.taken: list[str] = []
        self.known: list[str] = []

    def told(self) -> Image:
        """See `Access.told`."""
        self.taken.append("told")
        return unread(self._image)

    def at_hand(self) -> None:
        """See `Access.at_hand`."""

    def storage(self) -> Image:
        """See `Access.storage`."""
        self._take("storage")
        return self._image

    @contextmanager
    def container(self) -> Iterator[ContainerFiles]:
        """See `Access.container`."""
        self._take("files")
        fs = merge([read_whole(layer.diff_id, layer.digest, layer.blob) for layer in self._image.layers])
        yield ContainerRootfs(MemoryArchive(fs), "c")

    def saved(self, *, known: Known, meter: Meter) -> Image:
        """See `Access.saved`."""
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
    fake: FakeAccess,
    image: Image,
    *,
    cache: IndexCache | None = None,
    verify: bool = False,
    whole: str = "",
    packages: str = "",
    access: AccessMethod | None = None,
) -> ImageFacts:
    def meter(count: int) -> None:
        del count

    facts = FactsReader(Options(cache=cache, verify=verify), meter, ())
    question = Question(whole=whole, packages=packages, access=access)
    return AccessReader(facts, unread(image), fake, question).read()


NO_STORAGE = {"storage": AccessUnusable("run as root")}
NO_SAVE = {**NO_STORAGE, "save": AccessUnusable("its archive lacks a layer")}


@pytest.mark.parametrize(
    ("form", "refused", "whole", "access", "taken"),
    [
        ("docker-24", {}, "", "storage", ["storage"]),
        ("docker-24", {}, "rule", "storage", ["storage"]),
        ("oci-gzip", {}, "", "files", ["storage", "files"]),  # packed layers would take seconds
        ("oci-gzip", {}, "rule", "storage", ["storage"]),
        ("oci-gzip", {"files": Refused("no")}, "", "storage", ["storage", "files"]),
        ("docker-24", NO_STORAGE, "", "files", ["storage", "files"]),
        ("docker-24", NO_STORAGE, "rule", "save", ["storage", "save"]),
        ("docker-24", {**NO_STORAGE, "files": Refused("no")}, "", "save", ["storage", "files", "save"]),
        ("docker-24", NO_SAVE, "rule", "files", ["storage", "save", "files"]),
    ],
)
def test_the_cheapest_that_answers_is_taken(
    image: Callable[[str], Image], form: str, refused: dict[str, Exception], whole: str, access: str, taken: list[str]
) -> None:
    opened = image(form)
    fake = FakeAccess(opened, refused)
    facts = read(fake, opened, whole=whole)
    assert (facts.evidence.access, fake.taken) == (access, taken)
    assert facts.torch.build == "cpu"
    passed = {said.partition(":")[0] for said in facts.evidence.passed_over}
    unasked = {"files"} if whole and access != "storage" else set()
    assert passed == {name for name in refused if name in taken} | unasked


@pytest.mark.parametrize(
    ("refused", "taken"), [(NO_STORAGE, ["storage", "files", "save"]), (NO_SAVE, ["storage", "files", "save", "files"])]
)
def test_packages_beside_a_torch_are_read_from_the_layers_where_these_can_be_had(
    image: Callable[[str], Image], refused: dict[str, Exception], taken: list[str]
) -> None:
    opened = image("docker-24")
    fake = FakeAccess(opened, refused)
    facts = read(fake, opened, packages="rule")
    assert fake.taken == taken
    assert isinstance(facts.distributions, tuple)
    assert "files: rule, and to list those beside a torch takes as long" in facts.evidence.passed_over[1]


@pytest.mark.parametrize("whole", ["", "rule"])
def test_what_the_cache_holds_of_every_layer_asks_the_engine_for_nothing(
    image: Callable[[str], Image], cache: IndexCache, whole: str
) -> None:
    opened = image("oci-gzip")
    for layer in opened.layers:
        cache.put(read_whole(layer.diff_id, layer.digest, layer.blob), None)
    access = FakeAccess(opened, {**NO_STORAGE, "files": Unreachable("gone"), "save": Unreachable("gone")})
    facts = read(access, opened, cache=cache, whole=whole)
    assert (facts.evidence.access, facts.evidence.layers_read, facts.evidence.digests_verified) == ("cache", 0, True)
    assert access.taken == ["storage", "told"]


def test_packed_layers_of_a_storage_are_read_at_once_where_the_cache_has_them(
    image: Callable[[str], Image], cache: IndexCache
) -> None:
    opened = image("oci-gzip")
    for layer in opened.layers:
        cache.put(read_whole(layer.diff_id, layer.digest, layer.blob), None)
    assert read(FakeAccess(opened, {}), opened, cache=cache).evidence.access == "storage"


def test_layers_in_the_cache_are_passed_over_in_what_is_saved(image: Callable[[str], Image], cache: IndexCache) -> None:
    opened = image("docker-24")
    first = opened.layers[0]
    cache.put(read_whole(first.diff_id, first.digest, first.blob), None)
    access = FakeAccess(opened, NO_STORAGE)
    assert read(access, opened, cache=cache, access="save").evidence.layers_cached == 1
    assert access.known == [first.diff_id]


def test_a_access_that_is_asked_for_is_the_only_one(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    access = FakeAccess(opened, {})
    assert read(access, opened, access="files", whole="rule").evidence.access == "files"
    access = FakeAccess(opened, NO_SAVE)
    with pytest.raises(
        AccessUnusable, match=r"ktrdr-worker-cpu:test.*: no way to its bytes; save: its archive lacks a layer$"
    ):
        read(access, msgspec.structs.replace(opened, reference=NAME), access="save")
    assert access.taken == ["save"]


def test_verifying_takes_no_glance(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    access = FakeAccess(opened, NO_SAVE)
    with pytest.raises(AccessUnusable, match=r"files: every digest is to be checked; save: its archive lacks a layer$"):
        read(access, opened, verify=True)


def test_verifying_takes_no_glance_where_that_is_asked_for_either(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    with pytest.raises(AccessUnusable, match="single files prove no digest"):
        read(FakeAccess(opened, {}), opened, verify=True, access="files")


def test_an_engine_that_is_gone_ends_it(image: Callable[[str], Image]) -> None:
    opened = image("docker-24")
    access = FakeAccess(opened, {**NO_STORAGE, "files": Unreachable("gone")})
    with pytest.raises(Unreachable):
        read(access, opened)
    assert access.taken == ["storage", "files"]
