"""torch/version.py as syntax: every generation of it, and what is none."""

from __future__ import annotations

import pytest

from fixtures.torches import version_py
from inspector.errors import LimitExceeded
from inspector.python.folders import Folders
from inspector.testing.tree import Hardlink, Member
from inspector.torchbuild.version_file import VersionFile, read_version_file
from tests.support import few, rootfs_of

PATH = "/site/torch/version.py"


def read(content: bytes) -> VersionFile | str:
    return read_version_file(Folders(rootfs_of({PATH[1:]: content})), PATH)


def test_missing_none_and_text_are_three_things() -> None:
    old = read(version_py("1.0.0", cuda="9.0.176"))
    assert old == VersionFile("1.0.0", {"cuda": "9.0.176"})
    plain = read(version_py("2.1.2+cpu"))
    assert plain == VersionFile("2.1.2+cpu", {"cuda": None, "hip": None})
    new = read(version_py("2.14.1+cu130", cuda="13.0"))
    assert new == VersionFile("2.14.1+cu130", {"cuda": "13.0", "hip": None, "rocm": None, "xpu": None})
    assert isinstance(new, VersionFile)
    assert (new.get("cuda"), new.get("hip"), new.get("nothing")) == ("13.0", None, None)


@pytest.mark.parametrize("value", ["''", "118", "os.environ['CUDA']", "['11', '8']", "True"])
def test_a_value_that_is_neither_text_nor_none_decides_nothing(value: str) -> None:
    found = read(f"__version__ = '2.0.0'\ncuda = {value}\nhip = None\n".encode())
    assert isinstance(found, VersionFile)
    assert (found.odd, found.fields) == (("cuda",), {"hip": None})


def test_the_version_itself_may_be_missing_or_odd() -> None:
    for text in ("cuda = None\n", "__version__ = None\ncuda = None\n", "__version__ = '' \ncuda = None\n"):
        found = read(text.encode())
        assert isinstance(found, VersionFile)
        assert (found.version, found.is_torch, found.unstated) == (None, False, text.startswith("cuda"))


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        (b"__version__ = '2.0", "no Python source"),
        (b"__version__ = '2.0'\n" + b"#" * 60_000 + b"\n" * 5001, "more than such a file has"),
        (b"\0", "a null byte, which is a SyntaxError"),
        (b"x" * 70_000, "not kept"),
    ],
)
def test_what_can_t_be_read_says_why(content: bytes, clause: str) -> None:
    found = read(content)
    assert isinstance(found, str)
    assert clause in found


def test_a_missing_file_says_so() -> None:
    assert read_version_file(Folders(rootfs_of({})), PATH) == "its version.py is missing"
    package = read_version_file(Folders(rootfs_of({"site/torch/version/__init__.py": b""})), PATH)
    assert package == "its version.py is not what Python imports: 'version' goes before it"


def test_values_are_bounded() -> None:
    found = read(f"__version__ = '{'9' * 3000}'\ncuda = '{'1' * 3000}'\n".encode())
    assert isinstance(found, VersionFile)
    assert len(found.version or "") == len(found.get("cuda") or "") == 200


@pytest.mark.parametrize(("text", "real"), [("__version__ = '1'\n", False), ("__version__ = '1'\ncuda = None\n", True)])
def test_another_package_s_version_py_is_not_torch_s(text: str, *, real: bool) -> None:
    found = read(text.encode())
    assert isinstance(found, VersionFile)
    assert found.is_torch is real


@pytest.mark.parametrize("name", ["version/__init__.py", "version.cpython-311-x86_64-linux-gnu.so", "version.so"])
def test_what_python_imports_before_it_hides_the_file(name: str) -> None:
    rootfs = rootfs_of({PATH[1:]: version_py("2.13.0+cpu"), f"site/torch/{name}": b""})
    assert "is not what Python imports" in str(read_version_file(Folders(rootfs), PATH))


def test_a_folder_that_is_no_package_hides_nothing() -> None:
    rootfs = rootfs_of({PATH[1:]: version_py("2.13.0+cpu"), "site/torch/version/data.txt": b""})
    assert isinstance(read_version_file(Folders(rootfs), PATH), VersionFile)


_CPU = b"__version__ = '2.6.0+cpu'\ncuda = None\nhip = None\n"


@pytest.mark.parametrize(
    "content",
    [
        b"# coding: utf-7\n__version__ = '2.6.0'\nhip = None\ncuda = None #+AAo-cuda = '12.4'\n",
        b"# coding: raw_unicode_escape\n" + _CPU + b"#\\u000acuda = '12.4'\n",
        b"#\n# -*- coding: unicode_escape -*-\n" + _CPU + b"#\\ncuda = '12.4'\n",
        b"# coding: from_a_hook\n" + _CPU,
    ],
)
def test_a_build_that_another_codec_decides_is_not_known(content: bytes) -> None:
    found = read(content)
    assert isinstance(found, str)
    assert not found.endswith("SyntaxError")


@pytest.mark.parametrize(
    "content",
    [
        _CPU + b"\0",
        _CPU + b"x = '\xe9'\n",
        b"\xef\xbb\xbf# coding: latin-1\n" + _CPU,
        b"# coding: ascii\n" + _CPU + b"#\xe9",
        b"".join(b"%c\0" % byte for byte in _CPU),
    ],
)
def test_what_no_interpreter_decodes_is_a_syntax_error(content: bytes) -> None:
    assert str(read(content)).endswith("SyntaxError")


def test_a_mark_and_a_known_coding_change_nothing() -> None:
    for content in (b"\xef\xbb\xbf" + _CPU, b"# coding: latin-1\n" + _CPU + b"# \xe9\n", _CPU + b"# \xe9\n"):
        assert read(content) == VersionFile("2.6.0+cpu", {"cuda": None, "hip": None})
    assert read(_CPU.replace(b"\n", b"\r")) == VersionFile("2.6.0+cpu", {"cuda": None, "hip": None})


def test_one_file_of_many_names_is_parsed_once_and_many_files_are_bounded() -> None:
    tree: dict[str, Member] = {"first": b"", "0/torch/version.py": _CPU}
    tree |= {f"{at}/torch/version.py": Hardlink("0/torch/version.py") for at in range(1, 9)}
    tree |= {f"x{at}/torch/version.py": _CPU for at in range(3)}
    folders = Folders(rootfs_of(tree, budget=few(steps=20 * len(_CPU))))
    assert all(isinstance(read_version_file(folders, f"/{at}/torch/version.py"), VersionFile) for at in range(9))
    assert isinstance(read_version_file(folders, "/x0/torch/version.py"), VersionFile)
    assert "characters of Python that are parsed" in str(read_version_file(folders, "/x1/torch/version.py"))
    with pytest.raises(LimitExceeded):  # nor is it taken for one bad file among good ones
        read_version_file(folders, "/x2/torch/version.py")
