"""What is named on the command line, and which of a repository's tags are meant."""

from __future__ import annotations

import io

import pytest

from inspector.errors import InvalidReference, UsageError
from inspector.names import ImageName
from inspector.pipeline.scopes import Scope, Selection, once, parse_catalog, parse_scope, read_scopes
from inspector.policy.audited import natural
from inspector.policy.tags import is_within, newest, version_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("registry.example.com/team/api", ImageName("registry.example.com", "team/api")),
        ("docker://registry.example.com/team/api:1", ImageName("registry.example.com", "team/api", "1")),
        ("registry:localhost:5000/api", ImageName("localhost:5000", "api")),
        ("python:3.11-slim", ImageName("docker.io", "library/python", "3.11-slim")),
        ("a.io/b@sha256:" + "0" * 64, ImageName("a.io", "b", None, "sha256:" + "0" * 64)),
    ],
)
def test_targets(text: str, name: ImageName) -> None:
    assert parse_scope(text) == Scope(name)


@pytest.mark.parametrize(
    "text", ["docker:api:1", "oci:dir", "api.tar", "./api", "UPPER/x:1:2", "podman:x", "", "localhost:5000", "a.io"]
)
def test_what_lies_in_no_registry_is_no_target(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_scope(text)


@pytest.mark.parametrize(
    ("text", "host", "pattern"),
    [
        ("registry.example.com", "registry.example.com", "*"),
        ("localhost:5000/team/*", "localhost:5000", "team/*"),
        ("docker://a.io/", "a.io", "*"),
    ],
)
def test_catalogs(text: str, host: str, pattern: str) -> None:
    assert parse_catalog(text) == Scope(None, host, pattern)


@pytest.mark.parametrize("text", ["", "a b", "https://a.io", "a.io/["])
def test_no_catalogs(text: str) -> None:
    with pytest.raises(UsageError):
        parse_catalog(text)


def test_a_file_of_targets() -> None:
    lines = io.BytesIO("\ufeffa.io/x # all of it\n\n# none\r\n  docker://a.io/y:1  \na.io/x\n".encode())
    assert [str(one) for one in once(read_scopes(lines, "list"))] == ["a.io/x", "a.io/y:1"]


@pytest.mark.parametrize("line", [b"docker:x\n", b"\xff\n", b"a" * 2000, b"a.io/x a.io/y\n"])
def test_a_wrong_line_is_named(line: bytes) -> None:
    with pytest.raises(UsageError, match="list, line 2: "):
        list(read_scopes(io.BytesIO(b"a.io/x\n" + line), "list"))


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2", "1.2"),
        ("V2", "2"),
        ("2.3.0-cuda12.1-cudnn8-runtime", "2.3.0"),
        ("3.11-slim-bookworm", "3.11"),
        ("1.2.3-rc1", "1.2.3rc1"),
        ("1.2.3-rc1-gpu", "1.2.3rc1"),
        ("1.2.3_amd64", "1.2.3"),
        ("20240131-abcdef0", "20240131"),
        ("latest", None),
        ("version-1", None),
        ("7f3a2b1", None),
        ("1-", "1"),
        ("1" * 128, "1" * 128),
        ("1-" * 64, "1.post1"),
    ],
)
def test_versions_of_tags(tag: str, version: str | None) -> None:
    found = version_of(tag)
    assert (None if found is None else str(found)) == version


@pytest.mark.parametrize(
    ("tag", "versions", "within"),
    [
        ("1.5", ">=1.2,<2", True),
        ("1.5-slim", ">=1.2 <2", True),
        ("2.0-rc1", ">=1.2", False),
        ("2.0-rc1", ">=2.0rc1", True),
        ("1.4.9", "~=1.4", True),
        ("2.4", "==2.*", True),
        ("latest", ">=0", False),
        ("1.5", ">=1.2 , !=1.5", False),
    ],
)
def test_ranges(tag: str, versions: str, *, within: bool) -> None:
    assert is_within(tag, versions) is within


@pytest.mark.parametrize("versions", ["^1.2", "~1.2", "1.x", "", ",", "newest", "1.2"])
def test_other_grammars_are_told_how_to_write_it(versions: str) -> None:
    with pytest.raises(UsageError, match=r"write one as in '>=1\.2,<2'"):
        Selection(versions=versions).check()


def test_the_newest() -> None:
    assert newest(["1.9", "1.10", "latest", "1.10-slim", "0.1"], 2) == ["1.10-slim", "1.10"]
    assert newest(["2024-01-09", "2024-01-10", "2023-12-31"], 1) == ["2024-01-10"]
    assert newest(["main", "abcdef", "1.0"], 1) is None


def test_numbers_are_ordered_by_value() -> None:
    assert sorted(["run-10", "run-9", "run", "1", "run-9a"], key=natural) == ["1", "run", "run-9", "run-9a", "run-10"]
