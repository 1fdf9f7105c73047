"""Whatever an image holds, the answer is a value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fixtures.bases import program
from inspector.oci import ImageConfig, RuntimeConfig
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.python.startup import find_startup
from inspector.testing.tree import Dir, File, Link, Member
from inspector.unknown import Unknown
from tests.effort import examples
from tests.support import config_of, rootfs_of

_PATHS = (
    "bin",
    "bin/python",
    "bin/python3.11",
    "bin/env",
    "bin/python._pth",
    "bin/pyvenv.cfg",
    "pyvenv.cfg",
    "etc/passwd",
    "etc",
    "lib",
    "lib64/ld-linux-x86-64.so.2",
    "lib64/libc.so.6",
    "lib/python3.11/os.py",
    "lib/python3.11/site.py",
    "lib/python3.11/encodings/__init__.py",
    "lib/python3.11/encodings/aliases.py",
    "lib/python3.11/encodings/utf_8.py",
    "lib/python3.11/site-packages/x.pth",
    "lib/python3.11/site-packages/sitecustomize.py",
    "lib/python3.11/lib-dynload",
    "v/bin/python",
    "v/pyvenv.cfg",
    "v/.python-version",
)
_TEXTS = (
    b"home = /bin\n",
    b"home = ../../..\n",
    b"/\n..\n/v\nimport os\n",
    b"#!/bin/env python\n",
    b"#!/bin/python\n",
    b"#!pyenv exec\nexport PYENV_ROOT=/v\n",
    b"root:x:0:0:::\n",
    b"def getsitepackages():\n",
    b"",
)
_MEMBERS: st.SearchStrategy[Member] = st.one_of(
    st.sampled_from((program(), program("aarch64"), program(libc="musl"), Dir(), Dir(0o700))),
    st.builds(File, st.sampled_from(_TEXTS) | st.binary(max_size=40), st.sampled_from((0o644, 0o755))),
    st.builds(Link, st.sampled_from((*_PATHS, "/", "..", ".", "/v", "//", "python", "\udcff"))),
)
_WORDS = st.sampled_from(("", "/", ".", "/bin", "/v/bin:/bin", ":", "..", "~", "0", "x:y", "/usr", "\udcff"))
_NAMES = ("PATH", "HOME", "PYTHONPATH", "PYTHONHOME", "PYENV_VERSION", "PYTHONUSERBASE", "PYTHONPLATLIBDIR")


@examples(150)
@given(
    tree=st.dictionaries(st.sampled_from(_PATHS), _MEMBERS, max_size=12),
    env=st.dictionaries(st.sampled_from(_NAMES), _WORDS, max_size=4),
    command=st.lists(st.sampled_from(("python", "/bin/python", "v/bin/python", "", "-c", "x y", "sh")), max_size=3),
    cwd=st.sampled_from(("", "/", "/v", "v", "/bin/python")),
    user=st.sampled_from(("", "0", "1000:1000", "ghost", "99999999999999")),
)
def test_an_answer_comes(tree: dict[str, Member], env: dict[str, str], command: list[str], cwd: str, user: str) -> None:
    parents = [path for path in tree if any(other.startswith(f"{path}/") for other in tree)]
    fs = rootfs_of({path: member for path, member in tree.items() if path not in parents or isinstance(member, Dir)})
    config = config_of(env=env, cmd=command, working_dir=cwd, user=user)
    answer, warnings = find_interpreter(fs, config)
    assert isinstance(answer, Interpreter | Unknown)
    assert all(isinstance(warning, str) for warning in warnings)
    assert find_startup(fs, config).starts in ("yes", "no", "unknown")


def test_configuration_without_anything() -> None:
    fs = rootfs_of({"x": b""})
    for config in (ImageConfig(), ImageConfig(config=RuntimeConfig(env=["", "=x", "A"], entrypoint="", cmd=[""]))):
        assert isinstance(find_interpreter(fs, config)[0], Unknown)
        assert find_startup(fs, config).starts == "no"
