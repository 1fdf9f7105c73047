"""A fake engine of each kind, and ours connected to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from inspector.engine.client import Engine
from inspector.engine.endpoint import Endpoint
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image
from inspector.testing.store import Kind
from tests.engine.images import KINDS, SMALL

Start = Callable[..., tuple[FakeEngine, Engine]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a fake engine as `FakeEngine` would be made, and connect; an answer may take `seconds`."""
    with ExitStack() as stack:

        def one(
            store: Kind = "graph", images: tuple[Image, ...] = (SMALL, KINDS), *, seconds: float = 5.0, **more: Any
        ) -> tuple[FakeEngine, Engine]:
            fake = stack.enter_context(FakeEngine(store, images, **more))
            engine = Engine(Endpoint(fake.address, "test"), seconds=seconds)
            stack.callback(engine.close)
            return fake, engine

        yield one
