"""Tags are listed by the pool that opens them: side by side, and in the order of the targets."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from inspector.pipeline.scopes import Scope
from inspector.registry import lists
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.pipeline.conftest import Auditor
from tests.pipeline.test_audit import API, numbered

JOBS = 4


class Crowd:
    """Lets requests through only when `size` are under way at once; counts how many ever were."""

    def __init__(self, fake: FakeRegistry, size: int) -> None:
        self._fake = fake
        self._together = threading.Barrier(size)
        self._lock = threading.Lock()
        self._now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Answer:
        """See `FakeRegistry.route`."""
        kind = asked.path.rpartition("/")[2].partition("?")[0]
        with self._lock:
            self._now[kind] += 1
            self.most[kind] = max(self.most[kind], self._now[kind])
        try:
            self._together.wait(10)  # raises, and the request fails, where fewer come
            return self._fake.good(asked) if kind == "list" else answer_json({"token": "t"})
        finally:
            with self._lock:
                self._now[kind] -= 1


def test_repositories_are_listed_side_by_side(fake: FakeRegistry, audit: Auditor) -> None:
    names = [f"team/{number}" for number in range(2 * JOBS)]
    for name in names:
        fake.push(name, "1", API)
    crowd = Crowd(fake, JOBS)
    fake.route("GET", ".*/tags/list.*", crowd)
    assert audit(*names, policy=None, jobs=JOBS).plan.tags == len(names)
    assert crowd.most["list"] == JOBS


def test_tokens_for_lists_are_asked_for_side_by_side(fake: FakeRegistry, audit: Auditor) -> None:
    names = [f"team/{number}" for number in range(2 * JOBS)]
    for name in names:
        fake.push(name, "1", API)

    def guarded(asked: Asked) -> Answer:
        scope = f"repository:{'/'.join(asked.path.split('/')[2:4])}:pull"
        challenge = f'Bearer realm="{fake.url}/token",service="s",scope="{scope}"'
        return (
            fake.good(asked) if "authorization" in asked.headers else Answer(401, b"", {"WWW-Authenticate": challenge})
        )

    for method in ("GET", "HEAD"):
        fake.route(method, "/v2/team/.*", guarded)
    crowd = Crowd(fake, JOBS)
    fake.route("GET", "/token.*", crowd)
    done = audit(*names, policy=None, jobs=JOBS)
    assert (done.plan.tags, done.plan.unreadable) == (len(names), 0)
    assert crowd.most["token"] == JOBS
    assert len([path for path in fake.paths() if "/token" in path]) == len(names)


@pytest.mark.parametrize("terms", [{}, {"newest": 2}])
def test_all_that_is_asked_keeps_to_the_number_of_jobs(
    terms: dict[str, object], fake: FakeRegistry, audit: Auditor
) -> None:
    """Lists, and the configs that say which tags are the newest, have no threads of their own."""
    names = [f"team/{number}" for number in range(6)]
    for name in names:
        for tag in ("a", "b", "c"):
            fake.push(name, tag, numbered(ord(tag)))
    lock, now, most = threading.Lock(), [0], [0]
    good = fake.answer

    def counted(asked: Asked) -> Answer:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.005)
        try:
            return good(asked)
        finally:
            with lock:
                now[0] -= 1

    fake.answer = counted  # type: ignore[method-assign]
    done = audit(*names, policy=None, jobs=2, terms={**terms, "plan_only": True})
    assert done.plan.tags + done.plan.filtered == 18
    assert most[0] == 2


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_the_order_is_that_of_the_targets(jobs: int, fake: FakeRegistry, audit: Auditor) -> None:
    """However late a list comes: the layers that repositories share are asked of the first."""
    for name in ("team/a", "team/b", "team/c"):
        for tag in ("2", "1"):
            fake.push(name, tag, API)

    def late(asked: Asked) -> Answer:
        threading.Event().wait(0.2)
        return fake.good(asked)

    fake.route("GET", "/v2/team/a/tags/list.*", late)
    done = audit("team/a", "team/b:1", "team/c", policy=None, jobs=jobs)
    assert [(name, each.tags) for name, each in done.results.items()] == [
        ("team/a:2", ("2", "1")),
        ("team/b:1", ("1",)),
        ("team/c:2", ("2", "1")),
    ]
    assert {path.split("/")[3] for path in fake.paths("GET") if "/blobs/" in path and "team/a" in path} == {"a"}


def test_a_list_that_fails_holds_up_no_other(fake: FakeRegistry, audit: Auditor) -> None:
    fake.push("team/a", "1", API)
    fake.push("team/c", "1", API)
    done = audit("team/a", "team/b", "team/c", policy=None, jobs=2)
    assert {name: each.error and each.error.kind for name, each in done.results.items()} == {
        "team/a:1": None,
        "team/b": "not-found",
        "team/c:1": None,
    }


def test_a_registry_that_lists_nothing_is_given_up(
    fake: FakeRegistry, audit: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.pipeline.budget.MAX_LOST", 3)
    fake.route("GET", ".*/tags/list.*", Answer(429, headers={"Retry-After": "3600"}))
    done = audit(*[f"team/{number}" for number in range(20)], jobs=1)
    assert len(fake.paths("GET")) - fake.paths("GET").count("GET /v2/") == 3
    assert (len(done.results), done.ended.left.tags) == (3, 17)
    assert fake.host in done.ended.left.why


def test_long_lists_are_held_one_at_a_time(fake: FakeRegistry, audit: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LONG", 2)
    names = [f"team/{number}" for number in range(4)]
    for name in names:
        for tag in ("a", "b", "c"):
            fake.push(name, tag, API)
    lock, now, most = threading.Lock(), [0], [0]

    def second(_: Asked) -> Answer:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.05)
        with lock:
            now[0] -= 1
        return answer_json({"tags": ["c"]})

    for name in names:
        first = answer_json({"tags": ["a", "b"]}, headers={"Link": f'</v2/{name}/tags/list?last=b>; rel="next"'})
        fake.route("GET", f"/v2/{name}/tags/list.n=.*", first)
    fake.route("GET", ".*/tags/list.last=b", second)
    assert audit(*names, policy=None, jobs=4).plan.tags == 12
    assert most[0] == 1


def test_a_catalog_is_listed_while_its_repositories_are(fake: FakeRegistry, audit: Auditor) -> None:
    """A page of the catalog leads on before the next one comes."""
    for name in ("team/a", "team/b"):
        fake.push(name, "1", API)
    asked_first = threading.Event()

    def last_page(_: Asked) -> Answer:
        assert asked_first.wait(10)
        return answer_json({"repositories": ["team/b"]})

    def list_a(asked: Asked) -> Answer:
        asked_first.set()
        return fake.good(asked)

    link = {"Link": '</v2/_catalog?last=a>; rel="next"'}
    fake.route("GET", "/v2/_catalog.n=.*", answer_json({"repositories": ["team/a"]}, headers=link))
    fake.route("GET", "/v2/_catalog.last=a", last_page)
    fake.route("GET", "/v2/team/a/tags/list.*", list_a)
    assert audit(targets=[Scope(None, fake.host)], policy=None, jobs=2).plan.tags == 2
