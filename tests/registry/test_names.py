"""Names of images in registries."""

from __future__ import annotations

import pytest

from inspector.errors import InvalidReference
from inspector.registry.names import api_host, parse_host, parse_name

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("org/app", "docker.io/org/app"),
        ("docker.io/alpine", "docker.io/library/alpine"),
        ("index.docker.io/alpine:1", "docker.io/library/alpine:1"),
        ("registry-1.docker.io/org/app", "docker.io/org/app"),
        ("localhost/app", "localhost/app"),
        ("localhost:5000/app", "localhost:5000/app"),
        ("Registry/app", "registry/app"),
        ("ghcr.io/org/app/part:v1.2_3-x", "ghcr.io/org/app/part:v1.2_3-x"),
        (f"ghcr.io/a:1@{DIGEST}", f"ghcr.io/a:1@{DIGEST}"),
        ("[::1]:5000/a/b", "[::1]:5000/a/b"),
        ("a.b/x__y/z--w.v", "a.b/x__y/z--w.v"),
        ("app:5000", "docker.io/library/app:5000"),
    ],
)
def test_a_name_is_completed_as_docker_does(text: str, full: str) -> None:
    assert str(parse_name(text)) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UPPER",
        "a.b/UPPER",
        "a.b/",
        "a.b//c",
        "/a",
        "a/../b",
        "a.b/..",
        "a:",
        "a:b:c",
        "a:-x",
        "a@sha256:1",
        f"a@{DIGEST}0",
        f"a@{DIGEST}\n",
        "a@md5:0",
        "a b",
        "a.b/c?d=e",
        "a.b/c#d",
        "a.b:99999/c",
        "a.b:x/c",
        "user:pass@host.com/a",
        "-a.b/c",
        "a.b/ä",
        "a.b/" + "c" * 255,
        "https://a.b/c",
        "x\r\nhost: y/z",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference, match="names no image in a registry"):
        parse_name(text)


def test_the_digest_outdoes_the_tag() -> None:
    assert parse_name(f"a:1@{DIGEST}").target == DIGEST
    assert parse_name("a:1").target == "1"
    assert parse_name("a").target == "latest"


def test_docker_hub_answers_elsewhere() -> None:
    assert api_host(parse_name("alpine").host) == "registry-1.docker.io"
    assert api_host("ghcr.io") == "ghcr.io"


def test_a_host_alone() -> None:
    assert parse_host("LOCALHOST:5000") == "localhost:5000"
    assert parse_host("index.docker.io") == "docker.io"
    with pytest.raises(InvalidReference):
        parse_host("a/b")
