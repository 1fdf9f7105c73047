"""registries.conf: mirrors, other places, what is blocked."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from inspector.errors import Refused, UsageError
from inspector.names import parse_name
from inspector.registry.mirrors import Mirrors
from inspector.registry.settings import Settings

DIGEST = "sha256:" + "a" * 64
CONF = """
unqualified-search-registries = ["example.com"]

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.corp:5000/hub"
insecure = true
[[registry.mirror]]
location = "second.corp"
pull-from-mirror = "digest-only"

[[registry]]
prefix = "docker.io/org"
location = "own.corp/of-org"

[[registry]]
prefix = "*.blocked.com"
blocked = true

[[registry]]
prefix = "*.moved.com"
location = "here.corp"
"""


@pytest.fixture
def mirrors(settings: Settings) -> Mirrors:
    path = settings.etc / "containers" / "registries.conf"
    path.parent.mkdir(parents=True)
    path.write_text(CONF)
    return Mirrors(settings)


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("alpine:3", ["mirror.corp:5000/hub/library/alpine:3", "docker.io/library/alpine:3"]),
        (
            f"alpine@{DIGEST}",
            [f"{host}/library/alpine@{DIGEST}" for host in ("mirror.corp:5000/hub", "second.corp", "docker.io")],
        ),
        ("org/app:1", ["own.corp/of-org/app:1"]),
        ("organ/app:1", ["mirror.corp:5000/hub/organ/app:1", "docker.io/organ/app:1"]),
        ("ghcr.io/a:1", ["ghcr.io/a:1"]),
        ("a.moved.com/b:1", ["here.corp/b:1"]),
        ("moved.com/b:1", ["moved.com/b:1"]),
    ],
)
def test_where_a_name_is_had(name: str, places: list[str], mirrors: Mirrors) -> None:
    assert [str(place) for place in mirrors.places(parse_name(name))] == places


def test_what_is_blocked(mirrors: Mirrors) -> None:
    with pytest.raises(Refused, match=r"registries\.conf blocks"):
        mirrors.places(parse_name("x.blocked.com/a"))


def test_what_may_be_insecure(mirrors: Mirrors) -> None:
    assert mirrors.insecure() == {"mirror.corp:5000"}


def test_the_users_file_replaces_the_machines_and_later_files_replace_tables(
    settings: Settings, tmp_path: Path
) -> None:
    assert settings.home is not None
    own, machine = settings.home / ".config" / "containers", settings.etc / "containers"
    for path, location in (
        (machine / "registries.conf", "machine.corp"),
        (own / "registries.conf", "own.corp"),
        (machine / "registries.conf.d" / "1.conf", "first.corp"),
        (machine / "registries.conf.d" / "2.conf", "last.corp"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[[registry]]\nprefix = "{location[:3]}.io"\nlocation = "{location}"\n')
    (machine / "registries.conf.d" / "3.conf").write_text('[[registry]]\nprefix = "fir.io"\nlocation = "third.corp"\n')

    def place(name: str) -> str:
        return Mirrors(settings).places(parse_name(name))[0].host

    assert [place(f"{name}.io/a") for name in ("mac", "own", "fir", "las")] == [
        "mac.io",
        "own.corp",
        "third.corp",
        "last.corp",
    ]
    other = tmp_path / "other.conf"
    other.write_text("")
    settings = msgspec.structs.replace(settings, environment={"CONTAINERS_REGISTRIES_CONF": str(other)})
    assert place("own.io/a") == "own.io"


@pytest.mark.parametrize("content", ["[[registry", '[[registry]]\nblocked = "no"', "registry = 3", "\xff"])
def test_a_broken_file_ends_all(content: str, settings: Settings) -> None:
    """It says who is asked, and who is not: to go on without it would ask somebody else."""
    path = settings.etc / "containers" / "registries.conf"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError, match=r"invalid registries\.conf"):
        Mirrors(settings)


def test_a_place_that_is_none(settings: Settings) -> None:
    path = settings.etc / "containers" / "registries.conf"
    path.parent.mkdir(parents=True)
    path.write_text('[[registry]]\nprefix = "a.b"\nlocation = "https://c.d"\n')
    with pytest.raises(UsageError, match="is not HOST/REPOSITORY"):
        Mirrors(settings).places(parse_name("a.b/c"))


def test_a_file_that_is_not_read_to_its_end_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settings.etc / "containers" / "registries.conf"
    path.parent.mkdir(parents=True)
    path.write_text('[[registry]]\nlocation = "r.io"\n[[registry]]\nlocation = "bad.io"\nblocked = true\n')
    monkeypatch.setattr("inspector.registry.mirrors.MAX_DOCUMENT", 35)
    with pytest.raises(UsageError, match="more than 35 bytes"):
        Mirrors(settings)
