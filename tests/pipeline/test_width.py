"""A plan asks as many requests at once as it may, and nothing twice: counted in rounds, not in seconds."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from inspector.pipeline import resolve
from inspector.sources.registry import open as opening
from inspector.testing.image import Image, Step
from inspector.testing.registry import Answer, Asked, FakeRegistry
from tests.pipeline.conftest import Auditor
from tests.pipeline.test_audit import API, numbered

JOBS, REPOSITORIES, TAGS = 8, 24, 10


class Rounds:
    """Answers all requests that wait at once, as soon as there are `size`, or no more come; counts the rounds."""

    def __init__(self, fake: FakeRegistry, size: int) -> None:
        self._fake = fake
        self._size = size
        self._changed = threading.Condition()
        self._waiting = 0
        self.rounds = self.requests = self.most = 0

    def __call__(self, asked: Asked) -> Answer:
        """See `FakeRegistry.route`."""
        with self._changed:
            self._waiting += 1
            self.requests += 1
            self.most = max(self.most, self._waiting)
            mine = self.rounds
            if self._waiting >= self._size:
                self._end()
            while mine == self.rounds:
                before = self.requests
                if not self._changed.wait(0.5) and mine == self.rounds and before == self.requests:
                    self._end()
        return self._fake.good(asked)

    def _end(self) -> None:
        self.rounds += 1
        self._waiting = 0
        self._changed.notify_all()


def fill(fake: FakeRegistry) -> None:
    """Push one image for each repository under ten tags."""
    for number in range(REPOSITORIES):
        for tag in range(TAGS):
            fake.push(f"team/{number}", f"1.{tag}", numbered(number))


def test_a_plan_takes_few_more_rounds_than_its_requests_fill(fake: FakeRegistry, audit: Auditor) -> None:
    """Each request is asked for once, and with none in vain the jobs are busy but for a quarter of the time."""
    fill(fake)
    rounds = Rounds(fake, JOBS)
    for method in ("HEAD", "GET"):
        fake.route(method, "/v2/team/.*", rounds)
    names = [f"team/{number}" for number in range(REPOSITORIES)]
    done = audit(*names, policy=None, jobs=JOBS, terms={"plan_only": True})
    assert (done.plan.tags, done.plan.images) == (REPOSITORIES * TAGS, REPOSITORIES)
    assert rounds.requests == REPOSITORIES * (1 + TAGS + 2)
    assert rounds.rounds <= 1.25 * rounds.requests / JOBS
    assert rounds.most == JOBS


def test_what_many_tags_share_is_fetched_once(fake: FakeRegistry, audit: Auditor) -> None:
    for tag in range(3 * JOBS):
        fake.push("team/api", f"1.{tag}", API)

    def late(asked: Asked) -> Answer:
        time.sleep(0.05)
        return fake.good(asked)

    fake.route("GET", "/v2/.*/(manifests|blobs)/.*", late)
    done = audit("team/api", policy=None, jobs=JOBS, terms={"plan_only": True})
    assert (done.plan.tags, done.plan.images) == (3 * JOBS, 1)
    asked = Counter(path.split("/")[4] for path in fake.paths() if "/team/api/" in path)
    assert asked == {"tags": 1, "manifests": 3 * JOBS + 1, "blobs": 1}
    assert len(fake.paths("HEAD")) == 3 * JOBS


def test_who_waited_for_what_failed_asks_itself(fake: FakeRegistry, audit: Auditor) -> None:
    for tag in range(JOBS):
        fake.push("team/api", f"1.{tag}", API)
    fake.route("GET", "/v2/.*/blobs/.*", Answer(404), fake.good)
    done = audit("team/api", policy=None, jobs=JOBS, terms={"plan_only": True})
    assert (done.plan.tags, done.plan.images, done.plan.unreadable) == (JOBS, 1, 1)


def test_tags_are_told_in_the_order_of_the_list(fake: FakeRegistry, audit: Auditor) -> None:
    """Those that wait for another one's document, and those whose own is large, keep their places."""
    large = Image(steps=[Step("RUN " + "x" * opening.MAX_AHEAD_BYTES, {"srv/large": b"1"})])
    images = [API, large, API, numbered(1), large, numbered(1), API]
    for tag, image in enumerate(images):
        fake.push("team/api", f"1.{tag}", image)
    audit("team/api", policy=None, jobs=2)
    done = audit("team/api", policy=None, jobs=2)  # the layers are known, and none comes before another
    assert [each.tags for each in done.results.values()] == [
        ("1.0", "1.2", "1.6"),
        ("1.1", "1.4"),
        ("1.3", "1.5"),
    ]
    assert len([path for path in fake.paths("GET") if "/manifests/" in path]) == 3


def test_an_image_that_is_opened_before_its_turn_is_small(
    fake: FakeRegistry, audit: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What many threads hold for their turn, or remember, takes little, whatever a registry sends."""
    monkeypatch.setattr(opening, "MAX_AHEAD_BYTES", 10)
    monkeypatch.setattr(opening, "MAX_OPENED_BYTES", 10)
    opened: list[bool] = []
    real = opening.open_named

    def noted(*given: object, waits: bool = True) -> object:
        found = real(*given, waits=waits)  # type: ignore[arg-type]
        opened.append(waits)
        return found

    monkeypatch.setattr(resolve, "open_named", noted)
    for tag in range(5):
        fake.push("team/api", f"1.{tag}", numbered(tag))
    assert audit("team/api", policy=None, terms={"plan_only": True}).plan.images == 5
    assert opened == [True] * 5
    assert len([path for path in fake.paths() if "/manifests/" in path]) == 10
