"""Python sources as the interpreters of this machine decode them: what is read has their value, or is refused."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.errors import Malformed, Unsupported
from inspector.python.sources import declared_coding, decode_source, read_source
from inspector.rootfs import NotKept
from tests.alarm import within
from tests.support import rootfs_of

_MARK = b"\xef\xbb\xbf"
_E = b"x = '\xe9'\n"
READ = (
    b"x = 1\n",
    _MARK + b"x = 1\n",
    _MARK + b"# coding: utf-8\nx = 1\n",
    _MARK + b"# coding: utf-8-sig\nx = 1\n",
    b"# coding: utf-8-foo\nx = '\xc3\xa9'\n",
    b"# coding: UTF8\nx = '\xc3\xa9'\n",
    b"# coding: latin-1\n" + _E,
    b"# vim: set fileencoding=Latin_1 :\n" + _E,
    b"# coding: iso-8859-1-unix\n" + _E,
    b"# coding: us-ascii\nx = 1\n",
    b"\n# coding: latin-1\n" + _E,
    b"#\r# coding: latin-1\r" + _E,
    b"\x0c# coding: latin-1\n" + _E,
    b"\x0c \t\n# coding: latin-1\n" + _E,
    b"# coding coding: latin-1\n" + _E,
    b"# coding: latin-1 coding: utf-8\n" + _E,
    b"# coding: \xe9 coding=latin-1\n" + _E,
    b"# coding: latin-1\nx = 1 # \x85x = 2\n",
    b"x = 1\r\ny = 2\r\n",
    b"x = 1\n\x0cy = 2\n",
    b"# coding: " + b"utf-8-" + b"a" * 300 + b"\nx = 1\n",
    b"# coding: ascii",
    b"x = 1 # \xe9\n",
    b"#\n#\n#\xe9\xc3\xff",
    b"x = '#' # \xe9 '\ny = \"\\\"#\" # \xff\n",
    b"x = '''\n# \\''' ''' # \xe9\n",
)
REFUSED = (
    _MARK + b"# coding: latin-1\nx = 1\n",
    _MARK + b"# coding: utf8\nx = 1\n",
    _MARK + b"\n# coding: ascii\nx = 1\n",
    b"x = 1 # \0\n",
    "x = 1\n".encode("utf-16"),
    b"# coding: ascii\nx = 1 # \xe9\n",
    b"# coding: utf8\nx = 1 # \xe9\n",
    b"# coding: ascii coding=latin-1\n" + _E,
    _E,
    b"\n\n# coding: latin-1\n" + _E,
    b"y = 1\n# coding: latin-1\n" + _E,
    b"\\\n# coding: latin-1\n" + _E,
    b"x = 1 # coding: latin-1\n" + _E,
    b"# CODING: latin-1\n" + _E,
    b"# coding: utf-8\n" + _E,
    b"x = '\xed\xa0\x80'\n",
    b"x = '#' # \xc3\xa9\ny = '\xe9'\n",
    b"caf\xe9 = 1\n",
    b'"""# \xe9\n"""\n',
    b"x = 1 # \xe9\r\xe9 = 2\n",
)
"""What every CPython stops at."""
UNKNOWN = (
    b"x = f'{1}' # \xe9\n",
    b"# coding: utf-7\nx = None #+AAo-x = 3\n",
    b"# coding: raw_unicode_escape\nx = 1 #\\u000ax = 5\n",
    b"# coding: unicode_escape\nx = 1 #\\nx = 5\n",
    b"# coding: rot13\nk = 1\n",
    b"# coding: cp1252\nx = '\x80'\n",
    b"# coding: l1\n" + _E,
    b"# coding: utf-16\nx = 1\n",
    b"# coding: hex\n78\n",
    b"# coding: nosuch\nx = 1\n",
)
"""What a codec decides that the image may have changed, or the release."""

_RUN = """
import sys
names = {}
try:
    exec(compile(sys.stdin.buffer.read(), "f", "exec", dont_inherit=True), names)
except (SyntaxError, ValueError):
    print("refused")
else:
    print(ascii((names.get("x"), names.get("y"))))
"""


def _interpreters() -> list[str]:
    """The interpreter in use, and those installed beside it."""
    own = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    beside = {path.resolve() for path in own.parents[2].glob("*/bin/python3.*") if path.name[9:].isdigit()}
    return sorted(map(str, beside | {own}))


def _truths(content: bytes) -> set[str]:
    """What the interpreters, from 3.8 on, make of a source."""
    found = set()
    for path in _interpreters():
        if int(path.rpartition(".")[2]) >= 8:
            done = subprocess.run([path, "-W", "ignore", "-c", _RUN], check=True, capture_output=True, input=content)
            found.add(done.stdout.decode().strip())
    return found


@pytest.mark.parametrize("content", READ)
def test_what_is_read_is_what_interpreters_read(content: bytes) -> None:
    names: dict[str, object] = {}
    exec(compile(decode_source(content), "f", "exec", dont_inherit=True), names)
    assert _truths(content) == {ascii((names.get("x"), names.get("y")))}


@pytest.mark.parametrize("content", REFUSED)
def test_what_is_refused_no_interpreter_reads(content: bytes) -> None:
    with pytest.raises(Malformed):
        decode_source(content)
    assert _truths(content) == {"refused"}


@pytest.mark.parametrize("content", UNKNOWN)
def test_what_another_codec_decides_is_not_known(content: bytes) -> None:
    with pytest.raises(Unsupported):
        decode_source(content)


def test_a_declaration_is_found_in_linear_time() -> None:
    assert declared_coding(b"#" + b"coding" * 100_000) is None
    assert declared_coding(b"# coding:" + b" \t" * 100_000) is None
    assert declared_coding(b" " * 200_000 + b"x") is None


PIECES = (b"\\'''", b"\\'", b"'", b'\\"', b"#'")


@pytest.mark.parametrize("piece", PIECES)
def test_strings_without_an_end_are_read_in_linear_time(piece: bytes) -> None:
    with within(20), contextlib.suppress(Malformed):
        decode_source(piece * 200_000 + b"\xff")


def test_only_regular_files_that_were_kept_are_read() -> None:
    fs = rootfs_of({"a.py": b"x = 1\n", "b.py/c": b"", "torch/version.py": b"#" * 70_000})
    assert read_source(fs, "/b.py") is None
    assert read_source(fs, "/none.py") is None
    for path in ("/a.py", "/torch/version.py"):  # one by its name, the other by its size
        with pytest.raises(NotKept):
            read_source(fs, path)
