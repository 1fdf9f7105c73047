"""The service's own tests; the development image holds what they need: `docker run --rm ktrdr-backend:dev pytest`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ktrdr.api import app
from ktrdr.queue import Queue
from ktrdr.worker import trend, work


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    queue = Queue(tmp_path)
    app.dependency_overrides[Queue] = lambda: queue
    return queue


def test_a_job_goes_from_the_api_through_a_worker_and_back(queue: Queue) -> None:
    client = TestClient(app)
    job = client.post("/jobs", json={"values": [1.0, 3.0, 5.0]}).json()["id"]
    assert client.get(f"/jobs/{job}").json() == {"state": "waiting", "result": None}
    assert work(queue) == 1
    done = client.get(f"/jobs/{job}").json()
    assert (done["state"], done["result"]) == ("done", pytest.approx({"slope": 2.0, "intercept": 1.0}))
    assert work(queue) == 0


def test_jobs_are_claimed_once_and_in_order(queue: Queue) -> None:
    first, second = queue.put([1, 2]), queue.put([2, 1])
    claimed = [queue.claim(), queue.claim(), queue.claim()]
    assert [job and job.id for job in claimed] == [first, second, None]
    assert queue.state(first) == "taken"


@pytest.mark.parametrize(
    ("words", "status"), [("00000000000000000000000000000000", 404), ("..%2F..%2Fetc%2Fpasswd", 404), ("x", 422)]
)
def test_a_job_that_never_was_is_told(words: str, status: int, queue: Queue) -> None:
    del queue
    assert TestClient(app).get(f"/jobs/{words}").status_code == status


@pytest.mark.parametrize("values", [[], [1.0], ["x", 1]])
def test_a_series_without_a_trend_is_refused(values: list[object], queue: Queue) -> None:
    del queue
    assert TestClient(app).post("/jobs", json={"values": values}).status_code == 422


def test_a_trend_of_noise_is_that_of_least_squares() -> None:
    assert trend([0.0, 1.0, 1.0, 0.0]) == pytest.approx({"slope": 0.0, "intercept": 0.5})


def test_the_api_imports_no_torch() -> None:
    said = "import ktrdr.api, sys; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", said], text=True) == "False\n"
