"""What was found out of an image answers for the same content, and for nothing else."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.errors import InspectorError
from inspector.facts import ImageFacts, known, rules
from inspector.facts.known import _decoded, _encoded, places
from inspector.gpu.compat import Compat, Note
from inspector.gpu.image import Forced, ImageGpu
from inspector.layers import answers
from inspector.layers.answers import Answer, AnswerCache
from inspector.layers.binaries import Binaries
from inspector.layers.cache import IndexCache
from inspector.layers.contents import Contents
from inspector.pipeline import Options, inspect
from inspector.rootfs import NotKept
from inspector.testing.registry import FakeRegistry
from inspector.unknown import Absent, Unknown
from tests.factories import image as facts_of
from tests.factories import layers
from tests.test_architecture import ALLOWED

WORKER = right_images()["worker-cpu"]
QUESTION = ("sha256:1", "question", "rules")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[IndexCache]:
    with contextlib.closing(IndexCache(tmp_path / "cache" / "layers.sqlite")) as cache:
        yield cache


@pytest.fixture
def archive(tmp_path: Path) -> str:
    FORMS["docker-24"](tmp_path / "worker.tar", [WORKER])
    return str(tmp_path / "worker.tar")


def test_an_image_is_known_once_it_was_read(archive: str, cache: IndexCache) -> None:
    first, again = (inspect(archive, Options(cache=cache)) for _ in range(2))
    assert first.evidence.known is None
    assert again.evidence.known is not None
    assert (again.evidence.bytes_read, again.evidence.layers_cached, again.evidence.how) == (
        0,
        len(again.layers),
        "cache",
    )
    assert all(each.cached for each in again.layers)
    assert msgspec.structs.replace(again, evidence=first.evidence, layers=first.layers) == first


@pytest.mark.parametrize(
    "options",
    [
        Options(verify=True),
        Options(),
        Options(python="python3"),
        Options(imports=("torchvision",)),
        Options(sizes=True),
    ],
    ids=["verify", "no cache", "another python", "an import", "sizes"],
)
def test_another_question_is_not_answered_by_it(archive: str, cache: IndexCache, options: Options) -> None:
    inspect(archive, Options(cache=cache))
    options = options if options == Options() else msgspec.structs.replace(options, cache=cache)
    assert inspect(archive, options).evidence.known is None


def test_a_file_that_changed_is_read_again(archive: str, cache: IndexCache) -> None:
    inspect(archive, Options(cache=cache))
    os.utime(archive, (1, 1))
    assert inspect(archive, Options(cache=cache)).evidence.known is None


def test_what_was_verified_answers_for_every_copy(archive: str, cache: IndexCache) -> None:
    with FakeRegistry() as registry:
        registry.push("team/worker", "1", WORKER)
        of_registry = inspect(f"registry:{registry.host}/team/worker:1", Options(cache=cache))
        before = len(registry.paths())
        again = inspect(f"registry:{registry.host}/team/worker:1", Options(cache=cache))
        asked = [each.split()[0] for each in registry.paths()[before:] if "team/worker" in each]
    of_archive = inspect(archive, Options(cache=cache))
    assert asked == ["HEAD"]
    assert of_archive.evidence.known is not None
    assert of_archive.evidence.digests_verified
    assert (of_archive.source, of_archive.size.compressed) == ("docker-archive", None)
    assert of_archive.torch == of_registry.torch == again.torch
    assert again.size == of_registry.size


def test_other_rules_find_anew(archive: str, cache: IndexCache, monkeypatch: pytest.MonkeyPatch) -> None:
    inspect(archive, Options(cache=cache))
    monkeypatch.setattr(known, "rules_of", lambda _: "other rules")
    assert inspect(archive, Options(cache=cache)).evidence.known is None
    assert cache.prune("other rules").images == 0  # the newer took the place of the older
    assert cache.prune("newer rules").images == 1


def test_a_program_whose_files_can_not_be_read_keeps_nothing(
    archive: str, cache: IndexCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "_FOLDER", Path("/nowhere"))
    assert [inspect(archive, Options(cache=cache)).evidence.known for _ in range(2)] == [None, None]


def test_rules_are_the_content_of_all_that_finds_facts(
    cache: IndexCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "_FOLDER", tmp_path)
    monkeypatch.setattr(rules, "FINDERS", ("elf", "values.py"))
    (tmp_path / "elf").mkdir()
    for name in ("elf/a.py", "values.py"):
        (tmp_path / name).write_text("one = 1\n")
    before = rules.rules_of(cache)
    os.utime(tmp_path / "values.py", (1, 1))
    assert rules.rules_of(cache) == before
    (tmp_path / "elf" / "a.py").write_text("one = 2\n")
    assert rules.rules_of(cache) not in (None, before)


def test_all_that_facts_may_import_is_among_the_rules() -> None:
    needed = {"facts"}
    while more := {room for each in needed for room in ALLOWED[each]} - needed:
        needed |= more
    without = {
        "errors",
        "escape",
        "sizes",
        "home",
        "log",
        "work",
        "http",
        "reference",
        "registry",
    }  # they find no facts
    assert needed - without == {name.removesuffix(".py") for name in rules.FINDERS}


def test_what_could_not_be_read_this_time_is_not_kept(
    archive: str, cache: IndexCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Binaries, position: int) -> object:
        del position
        raise self._not_kept("the disk is gone")

    monkeypatch.setattr(Binaries, "skeleton", lost)
    inspect(archive, Options(cache=cache))
    monkeypatch.undo()
    assert inspect(archive, Options(cache=cache)).evidence.known is None


def test_a_source_that_could_not_be_read_this_time_leaves_nothing(
    archive: str, cache: IndexCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> bytes:
        raise NotKept("the disk is gone")

    monkeypatch.setattr(Contents, "read", lost)
    options = Options(cache=cache, imports=("fastapi",))
    inspect(archive, options)
    monkeypatch.undo()
    assert inspect(archive, options).evidence.known is None


def test_damaged_rows_answer_nothing(archive: str, cache: IndexCache, monkeypatch: pytest.MonkeyPatch) -> None:
    inspect(archive, Options(cache=cache))
    find = AnswerCache.find

    def damaged(self: AnswerCache, *key: str) -> list[Answer]:
        return [msgspec.structs.replace(each, content=each.content[:-9]) for each in find(self, *key)]

    monkeypatch.setattr(AnswerCache, "find", damaged)
    assert inspect(archive, Options(cache=cache)).evidence.known is None


@pytest.mark.parametrize("unknown", [Unknown("why"), Absent("not there")])
def test_facts_are_kept_whole(unknown: Unknown) -> None:
    facts = facts_of("api:1", layers=layers([(10, "RUN a"), (20, None)]))
    odd = msgspec.structs.replace(
        facts,
        interpreter=unknown,
        distributions=unknown,
        torch_elsewhere=unknown,
        command=msgspec.structs.replace(facts.command, interpreter=unknown),
    )
    note = Compat("/compat/libcuda.so.1.2", "1.2", Note("13.1", (535,)))
    gpu = ImageGpu(build="cuda", cuda="13.0", architectures=("sm_90",), compat=(note,), forced=Forced("/a"))
    unseen = ImageGpu(build=Unknown("a"), cuda=Unknown("b"), architectures=Unknown("c"), linalg=Unknown("d"))
    told = [
        msgspec.structs.replace(facts, gpu=one, command=msgspec.structs.replace(facts.command, gpu=other))
        for one, other in ((gpu, unseen), (unseen, gpu))
    ]
    for each in (facts, odd, *told):
        assert _decoded(_encoded(each) or b"") == each


@pytest.mark.parametrize("content", [b"", b"x", b"\x78\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_is_no_row_is_none(content: bytes) -> None:
    assert _decoded(content) is None


def test_places_are_told_only_where_some_layer_was_not_verified() -> None:
    assert places(["", None, ""]) == ""
    assert places(["", "file A"]) == "\nfile A"


def test_one_of_the_same_copy_takes_the_place_of_the_other(cache: IndexCache) -> None:
    for made in (1, 2):
        cache.answers.put(*QUESTION, Answer("file A", made, b"content"))
    assert [each.made for each in cache.answers.find(*QUESTION)] == [2]


def test_verified_ones_come_first(cache: IndexCache) -> None:
    for place in ("file A", ""):
        cache.answers.put(*QUESTION, Answer(place, 1, b"content"))
    assert [each.layers for each in cache.answers.find(*QUESTION)] == ["", "file A"]


def test_copies_of_one_image_are_bounded(cache: IndexCache) -> None:
    for number in range(answers.MAX_ANSWERS + 5):
        cache.answers.put(*QUESTION, Answer(f"file {number}", 1, b"content"))
    assert len(cache.answers.find(*QUESTION)) == answers.MAX_ANSWERS


def test_the_longest_unused_make_room(tmp_path: Path) -> None:
    with contextlib.closing(AnswerCache(tmp_path, 1000)) as kept:
        for number in range(30):
            kept.put(f"sha256:{number}", "question", "rules", Answer("", 1, bytes(100)))
        assert kept.held()[1] <= 1000
        assert kept.find("sha256:29", "question", "rules")
        assert not kept.find("sha256:0", "question", "rules")


def test_they_count_within_the_bound_of_the_whole(tmp_path: Path) -> None:
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite", 8000)) as small:
        for number in range(30):
            small.answers.put(f"sha256:{number}", "question", "rules", Answer("", 1, bytes(100)))
        held = small.info()
        assert (held.images, held.bytes) == (10, 1000)


def test_many_threads_and_files_may_use_it(tmp_path: Path) -> None:
    def put(number: int) -> int:
        with contextlib.closing(AnswerCache(tmp_path)) as own:
            own.put(f"sha256:{number}", "question", "rules", Answer("", number, b"content"))
            assert own.warnings == ()
            return own.find(f"sha256:{number}", "question", "rules")[0].made

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(put, range(40))) == list(range(40))


def test_all_are_taken_out(cache: IndexCache) -> None:
    cache.answers.put(*QUESTION, Answer("", 1, b"content"))
    assert cache.clear().images == 1
    assert cache.answers.find(*QUESTION) == []


def test_an_error_is_nothing_to_keep(tmp_path: Path, cache: IndexCache) -> None:
    (tmp_path / "none.tar").write_bytes(b"no archive")
    with pytest.raises(InspectorError):
        inspect(str(tmp_path / "none.tar"), Options(cache=cache))
    assert cache.answers.held() == (0, 0)


def test_facts_have_a_type_for_each_field() -> None:
    assert set(ImageFacts.__struct_fields__) == {*known._TYPES, "interpreter", "command", "runtime"}


def test_where_the_bytes_are_is_known_too(archive: str, cache: IndexCache) -> None:
    first, again = (inspect(archive, Options(cache=cache, sizes=True)) for _ in range(2))
    assert again.evidence.known is not None
    assert again.sizes is not None
    assert (again.sizes, again.waste) == (first.sizes, first.waste)


def test_names_that_are_not_utf_8_are_not_kept() -> None:
    facts = msgspec.structs.replace(facts_of("api:1", layers=layers([(10, "RUN a")])), warnings=("a\udcff",))
    assert _encoded(facts) is None


def test_a_layer_is_read_again_where_too_little_is_kept_of_its_libraries(tmp_path: Path, cache: IndexCache) -> None:
    FORMS["containerd-gzip"](tmp_path / "worker.tar", [WORKER])
    reference = str(tmp_path / "worker.tar")
    first = inspect(reference, Options(cache=cache))
    assert first.evidence.bytes_read
    cache.close()
    with contextlib.closing(sqlite3.connect(cache.path)) as database, database:
        assert database.execute("SELECT count(*) FROM passed").fetchone() == (0,)
        assert database.execute("DELETE FROM symbols").rowcount
    cache.answers.clear()
    again = inspect(reference, Options(cache=cache))
    assert 0 < again.evidence.bytes_read <= first.evidence.bytes_read
    assert "stream" in again.evidence.how
    cache.answers.clear()
    kept = inspect(reference, Options(cache=cache))
    assert (kept.evidence.bytes_read, kept.evidence.how) == (0, "cache")
    for each in (again, kept):
        assert msgspec.structs.replace(each, evidence=first.evidence, layers=first.layers) == first
    assert first.torch.importable == "yes"
