"""When an image is run at all, and that just the image is run which was read."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from inspector.engine.client import Engine
from inspector.engine.containers import created
from inspector.oci import ImageConfig
from inspector.runtime.host import Host, Offer
from inspector.runtime.verify import verify
from inspector.sources.image import Access, Image
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from inspector.unknown import Unknown
from tests.policy.cases import CPU, CUDA, image
from tests.runtime.acting import act, body, engine
from tests.runtime.stub import write_torch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stub is for Linux")
GPUS = Host(nvidia=Offer(vendor="nvidia", way="gpus"), amd=Unknown("none"))
NO_GPUS = Host(nvidia=Unknown("no GPU: none here"), amd=Unknown("none"), driver="550.54.15")
FACTS = image(CUDA)


class OnlyEngine:
    """Access of which nothing but the engine is asked."""

    def __init__(self, engine: Engine | None) -> None:
        self.engine = engine


@pytest.fixture(params=["graph", "containerd"])
def trio(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[FakeEngine, Engine, Image]]:
    """A fake engine, ours, and its image as it was opened."""
    with engine(monkeypatch, request.param) as (fake, ours):
        act(fake, write_torch(tmp_path), "gpus=1")
        yield fake, ours, opened(ours)


def opened(ours: Engine | None) -> Image:
    """The image, as opening it by name leaves it."""
    config = ours.inspect("worker:gpu").config if ours else ImageConfig()
    access: Access = OnlyEngine(ours)  # type: ignore[assignment] # of the others none is asked for
    return Image(
        reference="docker:worker:gpu",
        source="docker",
        image_id=None,
        config=config,
        platform=config.platform,
        layers=(),
        access=access,
    )


def test_never_changes_nothing(trio: tuple[FakeEngine, Engine, Image]) -> None:
    fake, _, its_image = trio
    assert verify(its_image, FACTS, mode="never", host=GPUS) == FACTS
    assert fake.asked("POST", ".*") == []


def test_auto_runs_where_there_is_a_gpu(trio: tuple[FakeEngine, Engine, Image]) -> None:
    fake, ours, its_image = trio
    found = verify(its_image, FACTS, mode="auto", host=GPUS)
    assert found.runtime is not None
    assert (found.runtime.ran, found.runtime.computed) == (True, True)
    assert found.evidence.proof == "runtime"
    assert replace(found, runtime=None, evidence=FACTS.evidence) == FACTS
    assert body(fake)["Image"] == ours.inspect("worker:gpu").id


def test_auto_without_a_gpu_runs_nothing_and_says_so(trio: tuple[FakeEngine, Engine, Image]) -> None:
    fake, _, its_image = trio
    found = verify(its_image, FACTS, mode="auto", host=NO_GPUS).runtime
    assert found is not None
    assert (found.ran, found.why_not, found.driver) == (False, "no GPU: none here", "550.54.15")
    assert fake.asked("POST", ".*") == []


def test_auto_does_not_run_a_build_that_uses_no_gpu(trio: tuple[FakeEngine, Engine, Image]) -> None:
    found = verify(trio[2], image(CPU), mode="auto", host=GPUS).runtime
    assert found is not None
    assert (found.ran, found.why_not) == (False, "torch is a CPU build, which is given none")


def test_always_runs_without_one(trio: tuple[FakeEngine, Engine, Image]) -> None:
    found = verify(trio[2], image(CPU), mode="always", host=NO_GPUS).runtime
    assert found is not None
    assert found.ran


def test_an_image_that_no_engine_has_is_not_run() -> None:
    for its_image in (opened(None), replace(opened(None), access=None)):
        found = verify(its_image, FACTS, mode="always", host=GPUS).runtime
        assert found is not None
        assert (found.ran, "only an engine" in found.why_not) == (False, True)


def test_a_name_that_went_to_another_image_is_not_run(trio: tuple[FakeEngine, Engine, Image]) -> None:
    fake, _, its_image = trio
    (old,) = fake.store.images
    fake.store.images[:] = [dataclasses.replace(old, env=["PATH=/other"])]
    found = verify(its_image, FACTS, mode="always", host=GPUS).runtime
    assert found is not None
    assert (found.ran, "no longer has the image" in found.why_not) == (False, True)
    assert fake.asked("POST", ".*") == []


def test_an_engine_that_is_gone_loses_no_facts(trio: tuple[FakeEngine, Engine, Image]) -> None:
    fake, _, its_image = trio
    fake.misbehave("POST", "/containers/create", faults.gone)
    found = verify(its_image, FACTS, mode="always", host=GPUS)
    assert found.runtime is not None
    assert (found.runtime.ran, found.torch) == (False, CUDA)
    assert "the connection breaks off" in found.runtime.why_not


def test_containers_of_another_run_are_left_alone(trio: tuple[FakeEngine, Engine, Image]) -> None:
    fake, ours, its_image = trio
    with created(ours, "worker:gpu") as other:
        verify(its_image, FACTS, mode="never", host=GPUS)
        assert list(fake.containers) == [other]
