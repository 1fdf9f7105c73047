"""Headers of metadata, against the standard library's parser."""

from __future__ import annotations

import email.parser
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.python.metadata import (
    MAX_HEADERS,
    MAX_REQUIREMENT,
    MAX_REQUIREMENTS,
    Headers,
    canonical,
    headers_of,
    is_name,
    parse_headers,
    parse_requires_txt,
)
from tests.effort import examples


def parsed(content: bytes) -> Headers:
    return parse_headers(headers_of(content) or b"")


def test_the_headers_that_matter() -> None:
    content = (
        b"Metadata-Version: 2.4\nName: torch\nVersion: 2.14.1\nRequires-Dist: filelock\nRequires-Dist: a; b\n\nName: n"
    )
    assert parsed(content) == Headers("torch", "2.14.1", ("filelock", "a; b"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"Name: a\nName: b\n", "a"),
        (b"name: a\n", "a"),
        (b"NAME:a\n", "a"),
        (b"Name : a\nVersion: 1\n", ""),
        (b"\nName: a\n", ""),
        (b"garbage\nName: a\n", ""),
        (b"From me\nName: a\n", "a"),
        (b"Summary: x\nFrom me\nName: a\n", "a"),
        (b"Summary: x\rName: a\r", "a"),
        (b"Summary: x\n\rName: a\n", ""),
        (b"Name: a\r\nVersion: 1\r\n", "a"),
        (b"Summary: x\n  folded: y\nName: a\n", "a"),
        (b"", ""),
        (b"\xff\xfe\nName: a", ""),
    ],
)
def test_where_headers_end(content: bytes, name: str) -> None:
    assert parsed(content).name == name


_LINES = st.sampled_from(
    [
        "Name: a",
        "Name : a",
        "name: b",
        "Version: 1",
        " folded",
        "\tfolded: too",
        "",
        "Name:",
        "junk",
        ":x",
        "Requires-Dist: c",
    ]
)


@examples(150)
@given(st.lists(_LINES, max_size=7), st.sampled_from(["\n", "\r\n"]))
def test_headers_are_those_of_the_email_parser(lines: list[str], end: str) -> None:
    text = end.join(lines) + end
    message = email.parser.Parser(policy=email.policy.compat32).parsestr(text, headersonly=True)
    found = parsed(text.encode())
    assert found.name == (message["Name"] or "").replace("\r\n", "\n").strip()
    assert len(found.requires) == len(message.get_all("Requires-Dist") or [])


def test_requirements_are_bounded() -> None:
    long = "x" * (MAX_REQUIREMENT + 1)
    content = f"Name: a\nRequires-Dist: {long}\n" + "Requires-Dist: b\n" * (MAX_REQUIREMENTS + 5)
    assert set(parsed(content.encode()).requires) == {"b"}
    assert len(parsed(content.encode()).requires) == MAX_REQUIREMENTS - 1
    assert parsed(content.encode()).cut
    assert not parsed(b"Name: a\n" + b"Requires-Dist: b\n" * MAX_REQUIREMENTS).cut


def test_what_stands_behind_many_requirements_counts() -> None:
    found = parsed(b"Requires-Dist: b\n" * (MAX_REQUIREMENTS + 9) + b"Name: a\nVersion: 1\n")
    assert (found.name, found.version, found.cut) == ("a", "1", True)


def test_headers_longer_than_any_are_not_cut_but_refused() -> None:
    line = b"X: y\n"
    fits = line * (MAX_HEADERS // len(line) - 2) + b"Name: a\n"
    assert parse_headers(headers_of(fits + b"\n" + b"text\n" * 200_000) or b"").name == "a"
    assert headers_of(line * (MAX_HEADERS // len(line)) + b"Name: a\n") is None
    assert headers_of(b"X: " + b"y" * MAX_HEADERS + b"\n\n") is None


def test_requires_txt_has_extras_and_markers_as_sections() -> None:
    content = b"six\n\n[:python_version < '3.8']\nimportlib-metadata\n\n[s3:os_name == 'posix']\nboto3>=1\n[z]\nq\n"
    assert parse_requires_txt(content) == (
        (
            "six",
            "importlib-metadata; (python_version < '3.8')",
            "boto3>=1; (os_name == 'posix') and extra == \"s3\"",
            'q; extra == "z"',
        ),
        False,
    )


def test_names() -> None:
    assert canonical("Nvidia_cublas.-cu12") == "nvidia-cublas-cu12"
    assert all(is_name(text) for text in ("a", "A1", "zope.interface", "a_b-c"))
    assert not any(is_name(text) for text in ("", "~orch", "-a", "a-", "a b", "a\n", "x" * 300))


def test_a_header_of_many_lines_is_not_put_together_for_ever() -> None:
    long = parsed(b"Requires-Dist: x" + b"\n " * 200_000 + b"\nName: a\nVersion: 1\n")
    assert (long.name, long.version, long.requires) == ("a", "1", ())  # past 4096 characters
