"""The grammar of image names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InvalidReference
from inspector.reference import MAX_LENGTH, Place, Reference, Scheme, parse_reference
from tests.effort import examples

HEX = "ab" * 32
WORDS = ("docker:", "docker://", "image://", "local://", "archive://", "oci-dir:", "fs://", "singularity:", "file:")


def _followed(word: str) -> st.SearchStrategy[str]:
    return st.text(alphabet="ab:@/-. ", max_size=12).map(lambda rest: word + rest)


@pytest.mark.parametrize(
    ("text", "scheme", "name"),
    [
        ("docker-archive:a.tar", Scheme.DOCKER_ARCHIVE, "a.tar"),
        ("docker-archive:-", Scheme.DOCKER_ARCHIVE, "-"),
        ("oci:dir:tag", Scheme.OCI, "dir:tag"),
        ("oci-archive:a.tar:tag", Scheme.OCI_ARCHIVE, "a.tar:tag"),
        ("dir:/some/where", Scheme.DIR, "/some/where"),
        ("docker:api:prod", Scheme.DOCKER, "api:prod"),
        ("podman:localhost/api", Scheme.PODMAN, "localhost/api"),
        ("registry:ghcr.io/a/b:1", Scheme.REGISTRY, "ghcr.io/a/b:1"),
        ("docker://ghcr.io/a/b:1", Scheme.REGISTRY, "ghcr.io/a/b:1"),
        ("registry://ghcr.io/a/b:1", Scheme.REGISTRY, "ghcr.io/a/b:1"),
        ("docker-daemon:api:prod", Scheme.DOCKER, "api:prod"),
        ("containers-storage:localhost/api", Scheme.PODMAN, "localhost/api"),
        ("podman://api", Scheme.PODMAN, "api"),
        ("oci-dir:dir:tag", Scheme.OCI, "dir:tag"),
        ("oci-dir://dir", Scheme.OCI, "dir"),
        ("archive://a.tar", Scheme.DOCKER_ARCHIVE, "a.tar"),
        ("image://api:prod", Scheme.BARE, "api:prod"),
        ("singularity:latest", Scheme.BARE, "singularity:latest"),
        ("singularity:a.sif", Scheme.SIF, "a.sif"),
        ("apptainer:./a", Scheme.SIF, "./a"),
        ("singularity://a.sif", Scheme.SIF, "a.sif"),
        ("fs:///srv", Scheme.ROOTFS, "/srv"),
        ("fs:/srv", Scheme.ROOTFS, "/srv"),
        ("fs:1.0", Scheme.BARE, "fs:1.0"),
        ("containerd://api:1", Scheme.CONTAINERD, "api:1"),
        ("oci:///srv/layout", Scheme.OCI, "///srv/layout"),
        ("-", Scheme.BARE, "-"),
        ("a.tar", Scheme.BARE, "a.tar"),
        ("api:prod", Scheme.BARE, "api:prod"),
        ("C:\\images\\a.tar", Scheme.BARE, "C:\\images\\a.tar"),
        ("localhost:5000/a/b:tag", Scheme.BARE, "localhost:5000/a/b:tag"),
        ("./docker:a.tar", Scheme.BARE, "./docker:a.tar"),
    ],
)
def test_scheme_and_name(text: str, scheme: Scheme, name: str) -> None:
    assert parse_reference(text) == Reference(text, scheme, name)


def test_a_local_image_is_an_engines_alone() -> None:
    assert parse_reference("local://api:prod") == Reference("local://api:prod", Scheme.BARE, "api:prod", local=True)


@pytest.mark.parametrize(
    "text",
    [
        "file://a.tar",
        "image://",
        "docker-daemon:",
        "containers-storage:[overlay@/var/lib/containers]api",
        "library://user/api",
        "oci://ghcr.io/a/b",
        "sbom://a.json",
        "snap://core",
        "vm://disk.qcow2",
    ],
)
def test_words_for_what_is_not_read_are_answered_with_the_right_one(text: str) -> None:
    with pytest.raises(InvalidReference, match=r"as in|write|name the"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("text", "hint"), [("singularity:latest", "sif:"), ("fs:1.0", "rootfs:"), ("file:a", "./api.tar"), ("api:prod", "")]
)
def test_a_name_that_begins_as_other_tools_have_it_has_a_hint(text: str, hint: str) -> None:
    assert hint in parse_reference(text).hint()
    assert bool(hint) is bool(parse_reference(text).hint())


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a.tar", [("a.tar", None)]),
        ("-", [("-", None)]),
        ("-:api:prod", [("-:api:prod", None), ("-:api", "prod"), ("-", "api:prod")]),
        ("dir:a:b", [("a:b", None)]),
        ("docker-archive:x.tar:repo:tag", [("x.tar:repo:tag", None), ("x.tar:repo", "tag"), ("x.tar", "repo:tag")]),
        ("oci:C:\\x:1", [("C:\\x:1", None), ("C:\\x", "1"), ("C", "\\x:1")]),
        ("oci:a:", [("a:", None)]),
        (
            f"oci:a@sha256:{HEX}",
            [(f"a@sha256:{HEX}", None), ("a@sha256", HEX), ("a", f"@sha256:{HEX}")],
        ),
        ("a@b.tar", [("a@b.tar", None)]),
    ],
)
def test_places_are_offered_longest_path_first(text: str, places: list[tuple[str, str | None]]) -> None:
    assert parse_reference(text).places() == [Place(*place) for place in places]


def test_a_reference_prints_as_it_was_typed() -> None:
    assert str(parse_reference("docker://a/b")) == "docker://a/b"


@pytest.mark.parametrize(
    "text",
    ["", "  ", "oci:", "docker-archive:", "docker-archive::tag", "docker://", "dir:", "a\0b", "a" * (MAX_LENGTH + 1)],
)
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference) as raised:
        parse_reference(text)
    assert raised.value.exit_code == 2
    assert len(str(raised.value)) < 200
    assert "\0" not in str(raised.value)


@examples(100)
@given(st.text(alphabet="ab:@/-.\\C ", min_size=1, max_size=12) | st.sampled_from(WORDS).flatmap(_followed))
def test_every_place_is_a_true_reading_of_the_text(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidReference:
        return
    assert str(reference) == text
    assert len(reference.hint()) < MAX_LENGTH
    for place in reference.places():
        assert place.path
        named = (f"{place.path}:{place.selector}", f"{place.path}{place.selector}")
        assert reference.name in (place.path, *named)
