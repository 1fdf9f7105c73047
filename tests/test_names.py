"""Image names: the grammar, and what engines fill in; each row as Docker 20.10 and Podman 4 read it."""

from __future__ import annotations

import pytest

from inspector.errors import InvalidReference
from inspector.names import (
    api_host,
    canonical,
    familiar,
    parse_host,
    parse_name,
    readings,
    repository_in,
    split_name,
    tag_in,
    with_tag,
    without_digest,
)

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("org/app", "docker.io/org/app"),
        ("docker.io/alpine", "docker.io/library/alpine"),
        ("index.docker.io/alpine:1", "docker.io/library/alpine:1"),
        ("registry-1.docker.io/app", "registry-1.docker.io/app"),
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
    assert parse_host("index.docker.io") == parse_host("registry-1.docker.io") == "docker.io"
    with pytest.raises(InvalidReference):
        parse_host("a/b")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("api", "docker.io/library/api:latest"),
        ("api:1", "docker.io/library/api:1"),
        ("docker.io/api:1", "docker.io/library/api:1"),
        ("index.docker.io/library/api", "docker.io/library/api:latest"),
        ("team/api", "docker.io/team/api:latest"),
        ("localhost/api", "localhost/api:latest"),
        ("localhost:5000/a/b:tag", "localhost:5000/a/b:tag"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("ghcr.io/a/b", "ghcr.io/a/b:latest"),
        ("Host/a", "Host/a:latest"),
        (f"api@{DIGEST}", f"docker.io/library/api@{DIGEST}"),
        ("", "docker.io/library/:latest"),
        ("a:", "docker.io/library/a:"),
        ("<none>:<none>", "docker.io/library/<none>:<none>"),
    ],
)
def test_any_text_has_a_canonical_form(name: str, full: str) -> None:
    assert canonical(name) == full
    assert canonical(full) == full


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("docker.io/library/api:1", "api:1"),
        ("index.docker.io/api:1", "api:1"),
        ("docker.io/team/api", "team/api"),
        ("docker.io/library/team/api", "library/team/api"),  # as Docker shows it; `team/api` is another image
        ("registry-1.docker.io/api:1", "registry-1.docker.io/api:1"),
        ("docker.io/ghcr.io/api:1", "docker.io/ghcr.io/api:1"),  # else it would read as an image of ghcr.io
        ("localhost/api:1", "api:1"),
        ("localhost/ghcr.io/api", "localhost/ghcr.io/api"),
        ("localhost:5000/api", "localhost:5000/api"),
        (f"docker.io/library/api@{DIGEST}", f"api@{DIGEST}"),
        ("api", "api"),
        ("docker-archive:build/api.tar", "docker-archive:build/api.tar"),
        ("docker.io/", "docker.io/"),
    ],
)
def test_the_familiar_form_leaves_out_what_is_filled_in(name: str, short: str) -> None:
    assert familiar(name) == short


def test_a_name_prints_in_each_form() -> None:
    name = split_name("alpine")
    assert (str(name), name.canonical, name.familiar) == (
        "docker.io/library/alpine",
        "docker.io/library/alpine:latest",
        "alpine",
    )
    assert str(name.tagged("3")) == "docker.io/library/alpine:3"


def test_podman_looks_for_what_it_built_before_docker_hub() -> None:
    assert readings("api") == ("localhost/api:latest", "docker.io/library/api:latest")
    assert readings("team/api:1") == ("localhost/team/api:1", "docker.io/team/api:1")
    assert readings("quay.io/api") == ("quay.io/api:latest",)


def test_parts_of_a_name_as_it_stands() -> None:
    full = f"h:5000/a/b:1@{DIGEST}"
    assert (tag_in(full), repository_in(full), without_digest(full)) == ("1", "h:5000/a/b", "h:5000/a/b:1")
    assert (tag_in("h:5000/a"), repository_in("h:5000/a")) == (None, "h:5000/a")
    assert without_digest(f"a@{DIGEST}") == f"a@{DIGEST}"
    assert (with_tag("h:5000/a"), with_tag("a:1"), with_tag(f"a@{DIGEST}")) == ("h:5000/a:latest", "a:1", f"a@{DIGEST}")
