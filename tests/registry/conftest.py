"""A registry to ask, and settings that find nothing of the user's and bear with nobody for long."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inspector.http.timed import Patience
from inspector.names import ImageName
from inspector.registry.client import Client
from inspector.registry.repository import Repository
from inspector.registry.settings import Settings
from inspector.testing.registry import FakeRegistry

HASTE = Patience(
    connect=2.0,
    answer=2.0,
    silence=1.0,
    whole=2.0,
    refusal=1.0,
    window=1.0,
    min_rate=2048.0,
    retries=3,
    backoff=0.01,
    max_wait=1.0,
)
Opener = Callable[..., Repository]


def renamed(name: str, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, address: str = "127.0.0.1") -> str:
    """A name for the registry that says nothing of this machine; `address` is where it is looked up to lie."""
    real = socket.getaddrinfo

    def looked_up(host: str, *more: Any, **named: Any) -> Any:
        return real(address if host == name else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return f"{name}:{fake.host.rpartition(':')[2]}"


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry that speaks no TLS."""
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def elsewhere() -> Iterator[FakeRegistry]:
    """Where blobs really lie."""
    with FakeRegistry() as store:
        yield store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a user who has none."""
    return Settings(home=tmp_path / "home", etc=tmp_path / "etc", patience=HASTE)


@pytest.fixture
def repository(fake: FakeRegistry, settings: Settings) -> Iterator[Opener]:
    """Opens a repository of the fake registry; settings may be changed by name."""
    clients: list[Client] = []

    def opened(name: str = "a/b", *, host: str = "", **changes: object) -> Repository:
        clients.append(Client(msgspec.structs.replace(settings, **changes)))
        return clients[-1].repositories(ImageName(host or fake.host, name))[-1]

    yield opened
    for client in clients:
        client.close()
