"""Tags and repositories, page by page."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module

import pytest

from inspector.errors import LimitExceeded, Malformed, NotFound, Refused
from inspector.http import bodies
from inspector.registry.client import Client
from inspector.registry.settings import Settings
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.registry.conftest import HASTE, Opener
from tests.sources.samples import API

TAGS = "/v2/a/b/tags/list.*"


def page(*tags: str, link: str = "") -> Answer:
    return answer_json({"name": "a/b", "tags": list(tags)}, headers={"Link": link} if link else {})


def test_a_list_that_knows_no_pages(fake: FakeRegistry, repository: Opener) -> None:
    for tag in ("2", "latest", "1"):
        fake.push("a/b", tag, API)
    assert list(repository().tags()) == ["2", "latest", "1"]


@pytest.mark.parametrize(
    "link",
    [
        '</v2/a/b/tags/list?n=2&last=x>; rel="next"',
        "<list?n=2&last=x>; rel=next",
        '<HOST/v2/a/b/tags/list?n=2&last=x>; title="a, b"; rel="next"',
        '</v2/first>; rel="first", </v2/a/b/tags/list?n=2&last=x>; rel="next"',
        '</v2/first>; rel="first"\n</v2/a/b/tags/list?n=2&last=x>; REL="NEXT"',
    ],
)
def test_pages_are_followed(link: str, fake: FakeRegistry, repository: Opener) -> None:
    """A short page is no end, and what comes twice counts once."""
    fake.route("GET", TAGS, page("a", link=link.replace("HOST", fake.url)), page("a", "b"))
    assert list(repository().tags()) == ["a", "b"]
    assert fake.asked[-1].query["last"] == ["x"]


def test_the_next_page_is_fetched_when_it_is_wanted(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, page("a", link='<?last=a>; rel="next"'), page("b"))
    tags = repository().tags()
    assert next(tags) == "a"
    assert len([path for path in fake.paths() if "tags" in path]) == 1


@pytest.mark.parametrize("body", [{"tags": None}, {}, {"tags": []}])
def test_no_tags_are_no_error(body: dict[str, object], fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, answer_json(body))
    assert list(repository().tags()) == []


def test_pages_that_go_round(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, lambda asked: page("a", link=f'<{asked.path}>; rel="next"'))
    with pytest.raises(Malformed, match="circle"):
        list(repository().tags())


def test_pages_without_end(fake: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("inspector.registry.lists"), "MAX_PAGES", 20)

    def another(asked: Asked) -> Answer:
        return page(f"t{len(fake.asked)}", link=f'<{asked.path}x>; rel="next"')

    fake.route("GET", TAGS, another)
    with pytest.raises(LimitExceeded, match="more than 20 pages"):
        list(repository().tags())


def test_names_without_end(fake: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("inspector.registry.lists"), "MAX_NAMES", 3)
    fake.route("GET", TAGS, page("a", "b", "c", "d"))
    with pytest.raises(LimitExceeded, match="more than 3 names"):
        list(repository().tags())


def test_the_next_page_elsewhere_is_not_asked(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, page("a", link='<http://169.254.169.254/x>; rel="next"'))
    with pytest.raises(Malformed, match="which is not asked"):
        list(repository().tags())


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"tags": [1]}', b'{"tags": {}}', b"\xff", b"[" * 100_000])
def test_what_is_no_list(body: bytes, fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, Answer(200, body))
    with pytest.raises(Malformed, match="not JSON with a list of tags"):
        list(repository().tags())


def test_names_that_none_may_have(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, page("a", "../../x"))
    with pytest.raises(Malformed, match="not a valid name"):
        list(repository().tags())


def test_no_such_repository(repository: Opener) -> None:
    with pytest.raises(NotFound, match="no such repository"):
        list(repository().tags())


def test_an_error(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, Answer(418))
    with pytest.raises(Refused, match="418"):
        list(repository().tags())


def test_the_catalog(fake: FakeRegistry, settings: Settings) -> None:
    fake.push("a/b", "1", API)
    fake.push("c", "1", API)
    client = Client(settings)
    assert list(client.catalog(fake.host)) == ["a/b", "c"]
    fake.route("GET", "/v2/_catalog.*", Answer(404))
    with pytest.raises(NotFound, match="lists no repositories"):
        list(client.catalog(fake.host))
    client.close()


def test_a_page_of_more_names_than_any_registry_has(fake: FakeRegistry, repository: Opener) -> None:
    """Names take twenty times their bytes: they are counted before they are made."""
    fake.route("GET", TAGS, Answer(200, b'{"tags":[' + b'"a",' * 250_001 + b'"a"]}'))
    with pytest.raises(LimitExceeded, match="more than 250000 names"):
        next(repository().tags())


def test_what_some_registries_list_beside_is_passed_over(fake: FakeRegistry, repository: Opener) -> None:
    """Google's list all manifests with their tags; a million members take 200 MB as a dictionary."""
    beside = ",".join(f'"k{number}":[1,2,3]' for number in range(100_000))
    fake.route("GET", TAGS, Answer(200, f'{{"manifest":{{{beside}}},{beside},"tags":["a"]}}'.encode()))
    assert list(repository().tags()) == ["a"]


def test_nesting_past_what_is_read_is_no_broken_json(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, Answer(200, b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"tags":["a"]}'))
    with pytest.raises(LimitExceeded, match="nested deeper"):
        list(repository().tags())


def test_pages_that_bring_nothing_new(fake: FakeRegistry, repository: Opener) -> None:
    """Each is another one by its address."""
    fake.route("GET", TAGS, lambda asked: page("a", link=f'<{asked.path}x>; rel="next"'))
    with pytest.raises(Malformed, match="11 pages of its list in a row bring no new name"):
        list(repository().tags())


def test_pages_of_too_many_bytes_together(
    fake: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("inspector.registry.lists"), "MAX_LIST", 100)
    fake.route("GET", TAGS, lambda asked: page(f"t{len(fake.asked)}" + "x" * 50, link=f'<{asked.path}x>; rel="next"'))
    with pytest.raises(LimitExceeded, match="more than 100 bytes"):
        list(repository().tags())


@pytest.mark.parametrize(
    "link",
    ["/v2/other/tags/list?last=a", "/v2/_catalog?last=a", "/v2/a/b/tags/list/../../../other", "/", "?x#/y", "//"],
)
def test_the_next_page_of_another_list_is_not_asked(link: str, fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", TAGS, page("a", link=f'<{link}>; rel="next"'), page("b"))
    if link.startswith("?"):
        assert list(repository().tags()) == ["a", "b"], "a fragment is for nobody"
    else:
        with pytest.raises((Malformed, Refused)):
            list(repository().tags())
        assert [path for path in fake.paths() if "other" in path or "catalog" in path] == []


def test_a_link_without_end_takes_no_time_to_read(fake: FakeRegistry, repository: Opener) -> None:
    hostile = ("<a>;" * 4000, '<a>;"' * 3000, "<a>; " + '""' * 8000, "<" * 16_000, '<a>;"<b>"' * 1500)
    for link in hostile:
        fake.route("GET", TAGS, page("a", link=link))
        began = time.process_time()
        assert list(repository().tags()) == ["a"]
        assert time.process_time() - began < 5


@pytest.mark.thorough
def test_lists_with_a_large_page_are_held_one_after_the_other(fake: FakeRegistry, repository: Opener) -> None:
    """Each takes ten times its bytes. Short ones go past them, and who waits keeps no connection waiting."""
    fake.push("a/small", "1", API)
    fake.route("GET", TAGS, Answer(200, b'{"tags": ["1"]%s}' % (b" " * bodies.LARGE), {}))

    def names(of: str) -> list[str]:
        with ExitStack() as stack:
            return list(repository(of).tags(stack))

    with ThreadPoolExecutor(1) as pool, ExitStack() as held:
        assert list(repository().tags(held)) == ["1"]
        waiting = pool.submit(names, "a/b")
        assert names("a/small") == ["1"]
        with pytest.raises(TimeoutError):
            waiting.result(HASTE.whole + 0.5)
        held.close()
        assert waiting.result(5) == ["1"]
