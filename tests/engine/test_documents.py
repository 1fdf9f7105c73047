"""An engine's documents, whatever they hold."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.engine import documents
from inspector.errors import LimitExceeded, Malformed
from tests.effort import examples
from tests.engine.images import SMALL

ID = "sha256:" + "a" * 64
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.just(ID)
)
NAMES = st.sampled_from(
    [
        "Id",
        "RepoTags",
        "RepoDigests",
        "Config",
        "RootFS",
        "Layers",
        "Size",
        "Labels",
        "GraphDriver",
        "Data",
        "Name",
        "x",
    ]
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=12,
)


def _read_all(content: bytes) -> None:
    readers: list[Any] = [
        lambda: documents.image_document(content, "x", lambda: "graph"),
        lambda: documents.info(content, "x", podman=False),
        lambda: documents.history(content, "x"),
        lambda: documents.images(content, "x"),
        lambda: documents.containers(content, "x", 0.0),
    ]
    for reader in readers:
        with contextlib.suppress(Malformed, LimitExceeded):
            reader()


@given(ANY_JSON)
@examples(50)
def test_any_json_is_read_or_malformed(document: Any) -> None:
    _read_all(json.dumps(document).encode())


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_malformed(content: bytes) -> None:
    _read_all(content)


def _image(**said: Any) -> Any:
    return documents.image_document(json.dumps({"Id": ID, **said}).encode(), "x", lambda: "graph")


def test_nulls_are_as_good_as_absent() -> None:
    fields = ["RepoTags", "RepoDigests", "Config", "GraphDriver", "RootFS", "Descriptor"]
    assert _image(**dict.fromkeys(fields)) == _image()
    assert not _image().described


@pytest.mark.parametrize("layers", [["x"], ["sha256:short"], [ID.upper()], [5], "x"])
def test_layers_are_digests_or_nothing(layers: Any) -> None:
    with pytest.raises(Malformed, match="RootFS"):
        _image(RootFS={"Type": "layers", "Layers": layers})


def test_names_without_a_name_are_none() -> None:
    names = {"RepoTags": ["<none>:<none>", "a:1", "a@" + ID], "RepoDigests": ["a@" + ID, "<none>@<none>", "b@<none>"]}
    assert _image(**names).tags == ("a:1",)
    (listed,) = documents.images(json.dumps([{"Id": ID, **names}]).encode(), "x")
    assert (listed.tags, listed.digests) == (("a:1",), ("a@" + ID,))


@pytest.mark.parametrize("driver", ["vfs", "btrfs", "zfs"])
def test_a_driver_without_folders_is_asked_about(driver: str) -> None:
    content = json.dumps({"Id": ID, "GraphDriver": {"Name": driver, "Data": None}}).encode()
    graph = documents.image_document(content, "x", lambda: "graph")
    containerd = documents.image_document(content, "x", lambda: "containerd")
    assert (graph.config_digest, containerd.config_digest) == (ID, None)


@pytest.mark.parametrize(
    ("name", "data", "root"),
    [
        ("overlay2", {"UpperDir": "/var/lib/docker/overlay2/3f/diff"}, "/var/lib/docker"),
        ("overlay2", {"UpperDir": "/var/lib/docker/3f"}, ""),
        ("overlay2", {"UpperDir": "overlay2/3f/diff"}, ""),
        ("overlay2", {"UpperDir": 5}, ""),
        ("overlay2", None, ""),
        ("overlay", {"UpperDir": "/var/lib/containers/storage/overlay/3f/diff"}, ""),
        (None, {"UpperDir": "/var/lib/docker/overlay2/3f/diff"}, ""),
    ],
)
def test_the_root_is_told_by_the_topmost_folder_of_overlay2(name: str | None, data: Any, root: str) -> None:
    assert _image(GraphDriver={"Name": name, "Data": data}).root == root


def test_a_size_below_zero_is_none_at_all() -> None:
    assert _image(Size=-1).unpacked_size == 0


def test_the_config_is_that_of_the_image() -> None:
    run = json.loads(SMALL.config)["config"]
    said = _image(Config={**run, "Hostname": "", "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}}, Os="linux")
    assert said.config.run.volumes == {"/data": {}}
    assert said.config.env["PATH"] == "/bin"


def test_thousands_of_images_are_listed() -> None:
    listed = [{"Id": ID, "RepoTags": [f"a:{n}"], "Labels": {"x": "y" * 1000}} for n in range(6000)]
    assert len(documents.images(json.dumps(listed).encode(), "x")) == 6000
