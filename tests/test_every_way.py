"""Every access method gives the same answer, with and without a cache, whatever filled that.

Those that see all bytes state the same facts. One that can't know a thing says so, and states nothing else than the
others do: see `tests.ways`.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fixtures.roles import right_images
from fixtures.torches import torch_cpu
from fixtures.wrong import wrong_images
from inspector.errors import InspectorError
from inspector.facts import ImageFacts
from inspector.layers.cache import IndexCache
from inspector.layers.toc import scan as toc_scan
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import overlay2
from inspector.sources.registry import blob as registry_blob
from inspector.testing.image import Image, Step
from tests.effort import THOROUGH, examples, some
from tests.facts.agreement import disagreements
from tests.hostile.raw import END, file, header
from tests.hostile.test_tars import UNPACKED
from tests.lab.agree import differences
from tests.odd_images import base_step, odd_images
from tests.torchbuild.asking import ENV, SITE, slim
from tests.ways import BY_NAME, BY_TABLE, EVERY, OF_BYTES, WHOLE, comparable

IMAGES = right_images() | {name: wrong.image for name, wrong in wrong_images().items()}
FIRST = "docker-archive, sought"
OF_THE_TAR = re.compile(r"facts\.(?:image_id|size\.|layers\[\d+\]\.(?:diff_id|entries|size))")
"""What another tar of the same files differs in: that of eStargz holds its table of contents."""
OF_LIBRARIES = re.compile(r"interpreter: (?:runs: yes|reasons: \(\)) /")
"""What single files can't tell of an interpreter: whether the loader finds what it needs."""


@pytest.fixture(autouse=True)
def _readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the marks of overlayfs taken for shown, and tables of contents used for the smallest layers, too."""
    monkeypatch.setattr(overlay2, "hidden_marks", lambda _: "")
    monkeypatch.setattr(registry_blob, "MIN_PARTED", 0)
    monkeypatch.setattr(toc_scan, "_WORTHWHILE", 1)


def read(way: str, image: Image, folder: Path, cache: IndexCache | None = None) -> ImageFacts | type[InspectorError]:
    """The facts, or how they are refused."""
    try:
        return EVERY[way](image, folder, cache)
    except InspectorError as error:
        return type(error)


def unlike(way: str, found: ImageFacts | type[InspectorError], expected: ImageFacts | type[InspectorError]) -> str:
    """What `way` found otherwise than it may; empty where it may."""
    if isinstance(found, type) or isinstance(expected, type):
        refused = way in BY_NAME and found is AccessUnusable  # then another one is taken
        return "" if found == expected or refused else f"{way}: {_short(found)} / {_short(expected)}"
    if way in WHOLE:
        one, other = comparable(found), comparable(expected)
        fields = [name for name in type(one).__struct_fields__ if getattr(one, name) != getattr(other, name)]
        return "; ".join(f"{way}: {name}: {getattr(one, name)} / {getattr(other, name)}" for name in fields)
    if way in BY_TABLE:
        stated = differences(found, expected)
        return "; ".join(f"{way}: {each}" for each in stated if not OF_THE_TAR.match(each))
    assert found.evidence.proof == "files"
    stated = disagreements(found, expected)
    return "; ".join(f"{way}: {each}" for each in stated if not OF_LIBRARIES.match(each))


def _short(answer: ImageFacts | type[InspectorError]) -> str:
    return answer.__name__ if isinstance(answer, type) else answer.torch.importable


@contextlib.contextmanager
def folder_and_cache() -> Iterator[tuple[Path, IndexCache]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(IndexCache(Path(folder) / "cache" / "layers.sqlite")) as cache,
    ):
        yield Path(folder), cache


@pytest.mark.parametrize("name", some(IMAGES))
def test_every_way_to_each_case(name: str, tmp_path: Path) -> None:
    expected = read(FIRST, IMAGES[name], tmp_path)
    for way in EVERY:
        assert unlike(way, read(way, IMAGES[name], tmp_path), expected) == ""


@pytest.mark.parametrize("way", some(EVERY))
def test_every_way_finds_an_edit_of_equal_size(way: str, tmp_path: Path) -> None:
    wheel = torch_cpu()
    installed = slim(replace(wheel, files={**wheel.files, "torch/random.py": b"import os\n"}))
    edited = {**installed, f"{SITE}/torch/random.py": b"import so\n"}
    for tree, expected in ((installed, 0), (edited, way not in BY_NAME)):
        steps = [Step("RUN pip install", tree)]
        image = Image(steps=steps, env=[f"PATH={ENV['PATH']}"], cmd=["python"], tags=["ways/image:1"])
        folder = tmp_path / str(expected)
        folder.mkdir()
        with contextlib.closing(IndexCache(folder / "layers.sqlite")) as cache:
            for given in (None, cache, cache):
                facts = read(way, image, folder, given)
                assert isinstance(facts, ImageFacts)
                clause = "content is not the one that RECORD states (1): "
                assert sum(clause in each for each in facts.torch.reasons) == expected


def _of_tars(*tars: bytes) -> Image:
    """An image whose layers are these bytes."""
    steps = [Step(f"layer {number}", {}) for number in range(len(tars))]
    for step, tar in zip(steps, tars, strict=True):
        vars(step)["tar"] = tar
    return Image(steps=steps, env=[f"PATH={ENV['PATH']}"], cmd=["python"], tags=["ways/image:1"])


HOSTILE = {
    **{name: write(f"{SITE}/torch/version.py", b"cuda = '13.0'\n") + END for name, write in UNPACKED.items()},
    "cut in a file": file(f"{SITE}/torch/version.py", b"cuda = None\n" * 90)[:-600],
    "cut in a header": file("etc/x", b"x")[:700],
    "no end": file(f"{SITE}/torch/version.py", b"cuda = None\n"),
    "twice": (file(f"{SITE}/torch/version.py", b"a") + file(f"{SITE}/torch/version.py", b"cuda = None\n")) + END,
    "a whiteout of what it has": file(f"{SITE}/.wh.torch") + file(f"{SITE}/torch/version.py", b"cuda = None\n") + END,
    "an opaque mark behind": file(f"{SITE}/torch/a.py") + file(f"{SITE}/torch/.wh..wh..opq") + END,
    "a hard link to nothing": header("etc/y", 0, b"1", linkname=b"etc/none") + END,
    "a hard link to a lower layer": header("etc/y", 0, b"1", linkname=b"etc/passwd") + END,
    "below a file": file("etc/passwd/x", b"x") + END,
    "below a link of its own": header(f"{SITE}/torch", 0, b"2", linkname=b"/opt/t") + file(f"{SITE}/torch/x.py") + END,
    "nothing": END,
    "junk behind": file("etc/x", b"x") + END + b"junk" * 300,
}


@pytest.mark.parametrize("name", some(HOSTILE))
def test_every_way_to_a_hostile_layer(name: str, tmp_path: Path) -> None:
    image = _of_tars(base_step().tar, HOSTILE[name])
    expected = read(FIRST, image, tmp_path)
    with folder_and_cache() as (_, cache):
        for way in OF_BYTES:
            assert unlike(way, read(way, image, tmp_path), expected) == ""
            assert unlike(way, read(way, image, tmp_path, cache), expected) == ""


@pytest.mark.parametrize("first", some(way for way in EVERY if way not in BY_NAME))
def test_a_cache_that_another_way_filled(first: str, tmp_path: Path) -> None:
    image = IMAGES["worker-gpu"]
    expected = read(FIRST, image, tmp_path)
    with folder_and_cache() as (_, cache):
        for way in (first, *EVERY, first):
            assert unlike(way, read(way, image, tmp_path, cache), expected) == ""


@pytest.mark.parametrize(
    "way", some(way for way in EVERY if way not in {"engine, storage", "engine, save", "engine, files"})
)
def test_what_is_known_by_content_is_what_was_read(way: str, tmp_path: Path) -> None:
    image = IMAGES["worker-gpu"]
    with folder_and_cache() as (_, cache):
        first = read(way, image, tmp_path, cache)
        again = read(way, image, tmp_path, cache)
    assert isinstance(first, ImageFacts)
    assert isinstance(again, ImageFacts)
    assert (first.evidence.known, again.evidence.known is not None) == (None, True)
    told = tuple(each for each in first.warnings if " were fetched" not in each)  # of this run alone
    assert comparable(again) == msgspec.structs.replace(comparable(first), warnings=told)
    assert [each.digest for each in again.layers] == [each.digest for each in first.layers]
    assert (again.size, again.source) == (first.size, first.source)


OTHERS = [way for way in EVERY if way != FIRST]
TWO_OTHERS = st.lists(st.sampled_from(OTHERS), min_size=2, max_size=2, unique=True)
TWO = st.lists(st.sampled_from([FIRST, *OTHERS]), min_size=2, max_size=2)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # images are long to print
@settings(
    examples(60 if THOROUGH else 4, least=4),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    database=None,
)
@given(odd_images(), TWO_OTHERS, TWO)
def test_odd_images(image: Image, cold: list[str], cached: list[str]) -> None:
    """Three of the ways, one of them sought; then two with a cache, which the first of them fills."""
    with folder_and_cache() as (folder, cache):
        expected = read(FIRST, image, folder)
        for way in cold:
            assert unlike(way, read(way, image, folder), expected) == ""
        for way in cached:
            assert unlike(way, read(way, image, folder, cache), expected) == ""
