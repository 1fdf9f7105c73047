"""Layers of a registry by their tables of contents: by parts where that serves, whole where it does not."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from fixtures.forms.oci import Blobs
from fixtures.lazy import Entries, Lazy, estargz, lazy_image, zstd_chunked
from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from inspector.facts import ImageFacts, gather
from inspector.layers.cache import IndexCache
from inspector.layers.indexer import Indexer
from inspector.layers.toc import scan
from inspector.layers.toc.scan import NOTE
from inspector.oci import Platform
from inspector.reference import parse_reference
from inspector.registry.settings import Settings
from inspector.sources.image import Image as Opened
from inspector.sources.image import Layer
from inspector.sources.registry import blob as registry_blob
from inspector.sources.registry.open import Registries, open_registry_images
from inspector.testing.image import Image, Step
from inspector.testing.registry import Answer, Asked, FakeRegistry
from inspector.testing.tree import File, Tree

AMD64 = Platform("linux", "amd64")
NOISE = random.Random(1).randbytes(40_000)
SITE = "usr/lib/python3.11/site-packages"
TREE: Tree = {
    "usr/bin/python3.11": File(b"\x7fELF" + NOISE, 0o755),
    f"{SITE}/torch/version.py": b"cuda = None\n",
    **{f"{SITE}/torch/lib/{n}.bin": NOISE for n in range(12)},
    f"{SITE}/torch-2.0.dist-info/METADATA": b"Name: torch\nVersion: 2.0\n",
}
IMAGE = Image(steps=[Step("COPY small /", {"etc/small.pth": b"/opt\n"}), Step("COPY large /", TREE)])
ROLES = right_images() | {name: wrong.image for name, wrong in wrong_images().items()}
WRITERS: dict[str, Callable[[Tree], Lazy]] = {"estargz": estargz, "zstd:chunked": zstd_chunked}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a user who believes what tables of contents say."""
    return msgspec.structs.replace(settings, trust_toc=None)


@pytest.fixture(params=WRITERS)
def pushed(request: pytest.FixtureRequest, fake: FakeRegistry) -> Image:
    """The image in the registry, in each format; what it is then."""
    blobs = Blobs()
    image, descriptor = lazy_image(IMAGE, WRITERS[request.param], blobs)
    fake.take("a/lazy", blobs, [("1", descriptor)])
    return image


def opened(fake: FakeRegistry, registries: Registries) -> Opened:
    (image,) = open_registry_images(parse_reference(f"registry:{fake.host}/a/lazy:1"), AMD64, registries)
    return image


def ranges(fake: FakeRegistry, layer: Layer) -> list[str]:
    """How the layer was asked for, each time."""
    return [one.headers.get("range", "whole") for one in fake.asked if one.path.endswith(f"blobs/{layer.digest}")]


def facts(image: Opened, cache: IndexCache | None = None, *, verify: bool = False) -> ImageFacts:
    return gather(image, Indexer(cache, verify=verify, meter=lambda _: None))


def test_a_large_layer_is_read_in_parts_and_a_small_one_whole(
    pushed: Image, fake: FakeRegistry, registries: Registries
) -> None:
    image = opened(fake, registries)
    told = facts(image)
    small, large = image.layers
    assert ranges(fake, small) == ["whole"]
    assert all(re.fullmatch(r"bytes=\d+-\d+", each) for each in ranges(fake, large))
    assert len(ranges(fake, large)) <= 5
    assert told.evidence.how == "stream+toc"
    assert told.evidence.bytes_read < large.stored_size // 4
    assert not told.evidence.digests_verified
    assert f"layer 2 of 2: {NOTE}" in told.warnings
    assert [layer.diff_id for layer in told.layers] == [f"sha256:{digest}" for digest in pushed.diff_ids]


def test_without_the_users_trust_layers_are_read_whole(
    pushed: Image, fake: FakeRegistry, registries: Registries, settings: Settings, tmp_path: Path
) -> None:
    """Also where the cache has what a table told: that was for a run that believed it."""
    del pushed
    cache = IndexCache(tmp_path / "layers.sqlite")
    facts(opened(fake, registries), cache)
    for others in (frozenset[str](), frozenset({"ghcr.io"})):
        doubting = Registries(msgspec.structs.replace(settings, trust_toc=others))
        image = opened(fake, doubting)
        asked = len(ranges(fake, image.layers[1]))
        told = facts(image, None if others else cache)
        doubting.close()
        assert told.evidence.digests_verified
        assert not any(NOTE in warning for warning in told.warnings)
        assert ranges(fake, image.layers[1])[asked:] == ["whole"]
    cache.close()


def test_one_registry_may_be_trusted(pushed: Image, fake: FakeRegistry, settings: Settings) -> None:
    del pushed
    trusting = Registries(msgspec.structs.replace(settings, trust_toc=frozenset({fake.host})))
    told = facts(opened(fake, trusting))
    trusting.close()
    assert told.evidence.how == "stream+toc"


def test_read_whole_the_facts_are_the_same_and_verified(
    pushed: Image, fake: FakeRegistry, registries: Registries
) -> None:
    del pushed
    parts, whole = facts(opened(fake, registries)), facts(opened(fake, registries), verify=True)
    assert whole.evidence.digests_verified
    assert whole.evidence.how == "stream"
    assert not any(NOTE in warning for warning in whole.warnings)
    assert (whole.torch, whole.distributions, whole.size) == (parts.torch, parts.distributions, parts.size)
    assert [layer.entries for layer in whole.layers] == [layer.entries for layer in parts.layers]


def test_what_a_table_told_is_remembered_of_that_blob_and_answers_no_one_who_wants_more(
    pushed: Image, fake: FakeRegistry, registries: Registries, tmp_path: Path
) -> None:
    del pushed
    cache = IndexCache(tmp_path / "layers.sqlite")
    image = opened(fake, registries)
    facts(image, cache)
    large = image.layers[1]
    asked = len(ranges(fake, large))
    again = facts(image, cache)
    assert len(ranges(fake, large)) == asked
    assert (again.evidence.how, again.evidence.digests_verified) == ("cache", False)
    assert f"layer 2 of 2: {NOTE}" in again.warnings
    assert cache.get_verified(large.diff_id) is None
    assert not cache.knows(large.digest or "")
    assert facts(image, cache, verify=True).evidence.digests_verified
    assert ranges(fake, large)[asked:] == ["whole"]
    assert facts(image, cache).evidence.digests_verified, "now it is known for certain"
    cache.close()


def _in_role(write: Callable[[Tree], Lazy], name: str, fake: FakeRegistry) -> Image:
    image, descriptor = lazy_image(ROLES[name], write, blobs := Blobs())
    fake.take("a/lazy", blobs, [("1", descriptor)])
    return image


@pytest.mark.parametrize("write", WRITERS)
def test_the_libraries_of_torch_are_fetched_once_and_the_loader_is_asked(
    write: str, fake: FakeRegistry, registries: Registries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_blob, "MIN_PARTED", 0)
    monkeypatch.setattr(scan, "_WORTHWHILE", 1)
    _in_role(WRITERS[write], "worker-gpu", fake)
    image = opened(fake, registries)
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        told = facts(image, cache)
        assert (told.torch.importable, told.evidence.proof, told.evidence.by_toc) == ("yes", "loader", True)
        asked = len(fake.asked)
        again = facts(image, cache)
        assert len(fake.asked) == asked
        assert (again.torch, again.evidence.proof, again.evidence.by_toc) == (told.torch, "loader", True)
        assert again.evidence.bytes_read == 0


@pytest.mark.parametrize("write", WRITERS)
def test_a_library_that_is_missing_is_missed_by_the_loader(
    write: str, fake: FakeRegistry, registries: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_blob, "MIN_PARTED", 0)
    monkeypatch.setattr(scan, "_WORTHWHILE", 1)
    _in_role(WRITERS[write], "worker-cpu-libraries-missing", fake)
    told = facts(opened(fake, registries))
    assert (told.torch.importable, told.evidence.by_toc) == ("no", True)
    assert "libtorch_global_deps.so" in told.torch.reasons[0]


def the_whole(fake: FakeRegistry, asked: Asked) -> Answer:
    return Answer(200, fake.blobs[asked.path.rpartition("/")[2]])


def another_part(fake: FakeRegistry, asked: Asked) -> Answer:
    del fake, asked
    return Answer(206, b"x" * 9, {"Content-Range": "bytes 0-8/9"})


def no_such_part(fake: FakeRegistry, asked: Asked) -> Answer:
    del fake, asked
    return Answer(416)


def too_little(fake: FakeRegistry, asked: Asked) -> Answer:
    good = fake.good(asked)
    assert isinstance(good.body, bytes)
    return Answer(good.status, good.body[3:], good.headers)


def other_bytes(fake: FakeRegistry, asked: Asked) -> Answer:
    good = fake.good(asked)
    assert isinstance(good.body, bytes)
    return Answer(good.status, b"x" * len(good.body), good.headers)


@pytest.mark.parametrize("answer", [the_whole, another_part, no_such_part, too_little, other_bytes])
def test_a_registry_that_sends_no_parts_is_asked_for_the_whole(
    answer: Callable[[FakeRegistry, Asked], Answer], pushed: Image, fake: FakeRegistry, registries: Registries
) -> None:
    del pushed
    image = opened(fake, registries)
    large = image.layers[1]
    in_parts: list[Asked] = []

    def broken(asked: Asked) -> Answer:
        if "range" not in asked.headers:
            return fake.good(asked)
        in_parts.append(asked)
        return answer(fake, asked)

    fake.route("GET", f"/v2/a/lazy/blobs/{large.digest}", broken)
    told = facts(image)
    assert in_parts
    assert ranges(fake, large)[-1] == "whole"
    assert told.evidence.digests_verified
    (note,) = [warning for warning in told.warnings if "table of contents" in warning]
    assert note.startswith("layer 2 of 2: read whole, since its table of contents is of no use: ")


def test_a_part_that_breaks_off_is_asked_for_again(pushed: Image, fake: FakeRegistry, registries: Registries) -> None:
    del pushed
    image = opened(fake, registries)
    large = image.layers[1]
    cut: list[Asked] = []

    def once(asked: Asked) -> Answer:
        good = fake.good(asked)
        cut.append(asked)
        return Answer(good.status, good.body, good.headers, cut=10) if len(cut) == 1 else good

    fake.route("GET", f"/v2/a/lazy/blobs/{large.digest}", once)
    assert facts(image).evidence.how == "stream+toc"


def test_without_annotations_nobody_looks_for_a_table(fake: FakeRegistry, registries: Registries) -> None:
    fake.push("a/lazy", "1", IMAGE)
    image = opened(fake, registries)
    told = facts(image)
    assert [ranges(fake, layer) for layer in image.layers] == [["whole"], ["whole"]]
    assert not any("table" in warning for warning in told.warnings)


def test_a_table_that_lies_is_seen_through_by_whoever_reads_all(fake: FakeRegistry, registries: Registries) -> None:
    """Nothing but the whole layer can tell; that is why such an index is never taken for verified."""

    def rename(entries: Entries) -> None:
        for entry in entries:
            entry["name"] = entry["name"].replace("torch", "other")

    blobs = Blobs()
    _, descriptor = lazy_image(IMAGE, partial(zstd_chunked, edit=rename), blobs)
    fake.take("a/lazy", blobs, [("1", descriptor)])
    large = opened(fake, registries).layers[1]
    believed, read = (
        large.blob.scan(large.diff_id, large.digest, verify=verify, meter=lambda _: None).index
        for verify in (False, True)
    )
    assert (believed.verified, read.verified) == (False, True)
    assert not any("torch" in entry.path for entry in believed.entries)
    assert any("torch" in entry.path for entry in read.entries)
