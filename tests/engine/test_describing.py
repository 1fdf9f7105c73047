"""What engines tell of a container, in the forms in which they do, and in others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inspector.engine.describing import MAX_MOUNTS, changed_paths, container_document
from inspector.engine.model import MountPoint
from inspector.errors import LimitExceeded, Malformed
from inspector.oci import Platform

DIGEST = "sha256:" + "a" * 64


def described(**more: Any) -> Any:
    """The container as a value."""
    return container_document(json.dumps({"Id": "1", "Name": "/web", "Image": DIGEST, **more}).encode(), "here")


def test_little_is_needed() -> None:
    found = described(State=None, Config=None, Mounts=None, HostConfig=None)
    assert (found.name, found.image, found.running, found.mounts, found.platform) == ("web", DIGEST, False, (), None)


def test_a_paused_one_stands_still() -> None:
    assert described(State={"Status": "running", "Running": True}).running
    assert not described(State={"Status": "paused", "Running": True, "Paused": True}).running


def test_each_start_and_end_is_another_state() -> None:
    states = [
        {"Status": "exited", "StartedAt": "1", "FinishedAt": "2"},
        {"Status": "running", "Running": True, "StartedAt": "3", "FinishedAt": "2"},
        {"Status": "exited", "StartedAt": "3", "FinishedAt": "4"},
    ]
    assert len({described(State=state).state for state in states}) == 3


def test_mounts_come_by_path_whatever_the_engine_calls_them() -> None:
    mounts = [
        {"Type": "volume", "Name": "data", "Source": "/var/x/_data", "Destination": "/srv//a/../data/"},
        {"Type": "bind", "Source": "/home/me", "Destination": "/app"},
    ]
    found = described(Mounts=mounts, HostConfig={"Tmpfs": {"/tmp": "rw"}})
    assert found.mounts == (
        MountPoint("/app", "bind", "/home/me"),
        MountPoint("/srv/data", "volume", "data"),
        MountPoint("/tmp", "tmpfs"),
    )


def test_the_platform_is_taken_where_it_is_told() -> None:
    told = described(ImageManifestDescriptor={"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}})
    assert told.platform == Platform("linux", "arm64")


@pytest.mark.parametrize("more", [{"Image": "../x"}, {"Mounts": 3}, {"Id": None}, {"State": []}])
def test_another_form_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        described(**more)


def test_so_many_mounts_are_refused() -> None:
    with pytest.raises(LimitExceeded):
        described(Mounts=[{"Destination": f"/{number}"} for number in range(MAX_MOUNTS + 1)])


@pytest.mark.parametrize("content", [b"null", b"", b"[]"])
def test_no_change_has_several_forms(content: bytes) -> None:
    assert changed_paths(content, "here") == {}


def test_changes_go_by_path() -> None:
    content = b'[{"Path": "/a/b", "Kind": 1}, {"Path": "/c", "Kind": 2}, {"Path": "/d"}]'
    assert changed_paths(content, "here") == {"a/b": 1, "c": 2, "d": 0}
    with pytest.raises(Malformed):
        changed_paths(b'{"Path": 1}', "here")
