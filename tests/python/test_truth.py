"""The search path against the real thing: each case is laid out on disk, asked of an interpreter, and of us."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.facts.starting import reader_of_built
from inspector.oci import ImageConfig, RuntimeConfig
from inspector.python.interpreter import find_interpreter
from inspector.python.launch import MACHINES
from inspector.python.model import Interpreter
from inspector.python.question import Question
from inspector.unknown import Unknown
from tests.effort import THOROUGH, examples
from tests.python.host import HostRootfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="lays out Linux environments")

_TELL = """
import json, sys
print(json.dumps([sys.path, sys.prefix, sys.base_prefix, sys.version.split()[0], sys.executable]))
"""


@dataclass(frozen=True)
class Base:
    """A real interpreter."""

    path: str
    prefix: str
    version: tuple[int, int]

    @property
    def name(self) -> str:
        """The name of its library folder."""
        return f"python{self.version[0]}.{self.version[1]}"


@dataclass
class Case:
    """A room to lay a case out in: what is asked there, in which environment and folder."""

    root: Path
    base: Base
    command: str = "python"
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"

    def venv(self, cfg: str | None = "home = {bin}\n", *, beside: str | None = None, name: str = "venv") -> Path:
        """A virtual environment by hand; `cfg` goes where `venv` puts it, `beside` next to the program."""
        venv = self.root / name
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to(self.base.path)
        self.site(venv)
        where = {"bin": str(Path(self.base.path).parent), "root": str(self.root)}
        for folder, text in ((venv, cfg), (venv / "bin", beside)):
            if text is not None:
                (folder / "pyvenv.cfg").write_bytes(text.format_map(where).encode())
        self.command = str(venv / "bin" / "python")
        return venv

    def site(self, prefix: Path) -> Path:
        """The site folder of a prefix, made."""
        site = prefix / "lib" / self.base.name / "site-packages"
        site.mkdir(parents=True, exist_ok=True)
        return site

    def user_site(self) -> Path:
        """The user's site, made."""
        return self.site(self.root / "home" / ".local")


@dataclass(frozen=True)
class Told:
    """What a real interpreter says of itself, the working directory in place of `''`."""

    entries: list[str]
    prefix: str
    base_prefix: str
    version: str
    executable: str


def _describe(path: str, env: dict[str, str], cwd: str) -> Told | None:
    """What the interpreter says; None where it doesn't come up."""
    done = subprocess.run(
        [path, "-c", _TELL], check=False, capture_output=True, text=True, env=env, cwd=cwd, timeout=60
    )
    if done.returncode:
        return None
    entries, *others = json.loads(done.stdout.splitlines()[-1])
    return Told([cwd if entry == "" else entry for entry in entries], *others)


def _is_script(path: Path) -> bool:
    """Tell a shim by its first bytes: asking it takes ten times as long as asking an interpreter."""
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _bases() -> Iterator[Base]:
    """The base of the interpreter in use, those installed beside it, and those in PATH that are no shims."""
    own = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    beside = sorted(own.parents[2].glob("*/bin/python3.*"))
    found = [path for folder in os.get_exec_path() for path in sorted(Path(folder).resolve().glob("python3.*"))]
    for path in dict.fromkeys([own, *beside, *found]):
        if not re.fullmatch(r"python3\.\d+t?", path.name) or _is_script(path):
            continue
        told = _describe(str(path), {"PATH": os.defpath, "HOME": "/nowhere"}, "/")
        if told is None or told.executable != str(path):
            continue
        major, minor = told.version.split(".")[:2]
        if (int(major), int(minor)) >= (3, 6):
            yield Base(str(path), told.base_prefix, (int(major), int(minor)))


BASES = list(_bases()) if sys.platform == "linux" else []


def _plain(case: Case) -> None:
    case.command = case.base.path


def _python_path(value: str) -> Callable[[Case], None]:
    def lay_out(case: Case) -> None:
        case.command = case.base.path
        (case.root / "here" / "rel").mkdir(parents=True)
        case.cwd = str(case.root / "here")
        case.env["PYTHONPATH"] = value.replace("ROOT", str(case.root))

    return lay_out


def _env(**variables: str) -> Callable[[Case], None]:
    """The base interpreter with variables set; PREFIX stands for its prefix, ROOT for the case's folder."""

    def lay_out(case: Case) -> None:
        case.command = case.base.path
        case.user_site()
        case.site(case.root / "userbase")
        for name, value in variables.items():
            case.env[name] = value.replace("PREFIX", case.base.prefix).replace("ROOT", str(case.root))

    return lay_out


def _venv(cfg: str | None, beside: str | None = None, **variables: str) -> Callable[[Case], None]:
    def lay_out(case: Case) -> None:
        _env(**variables)(case)
        case.venv(cfg, beside=beside)

    return lay_out


def _real_venv(*options: str) -> Callable[[Case], None]:
    def lay_out(case: Case) -> None:
        folder = str(case.root / "real")
        subprocess.run([case.base.path, "-m", "venv", "--without-pip", *options, folder], check=True, timeout=120)
        case.user_site()
        case.command = f"{folder}/bin/python"

    return lay_out


def _link_to_venv(case: Case) -> None:
    venv = case.venv()
    (case.root / "tools").mkdir()
    (case.root / "tools" / "py").symlink_to(venv / "bin" / "python")
    case.command = str(case.root / "tools" / "py")


def _linked_folder(case: Case) -> None:
    case.venv(name="real")
    (case.root / "current").symlink_to("real")
    case.command = str(case.root / "current" / "bin" / "python")


def _by_path(case: Case) -> None:
    venv = case.venv()
    case.command = "python"
    (case.root / "dead").mkdir()
    (case.root / "dead" / "python").symlink_to(case.root / "gone")
    (case.root / "plain").mkdir()
    (case.root / "plain" / "python").write_text("no program")
    (case.root / "folder" / "python").mkdir(parents=True)
    case.env["PATH"] = f"{case.root}/dead:{case.root}/none:{case.root}/plain:{case.root}/folder:{venv}/bin:/usr/bin"


def _copied_program(case: Case) -> None:
    venv = case.venv()
    (venv / "bin" / "python").unlink()
    shutil.copy(case.base.path, venv / "bin" / "python")


def _far_copy(case: Case) -> None:
    """A copy of the program, whose name tells no version, with no library above it."""
    case.user_site()
    case.command = str(case.root / "python")
    shutil.copy(case.base.path, case.command)


def _named(variable: str) -> Callable[[Case], None]:
    """The base interpreter, told that it is the program of a virtual environment."""

    def lay_out(case: Case) -> None:
        case.env[variable] = str(case.venv() / "bin" / "python")
        case.command = case.base.path

    return lay_out


def _other_minor(case: Case) -> None:
    """lib/python3.N of another N: its packages are not seen."""
    venv = case.venv()
    shutil.rmtree(venv / "lib")
    (venv / "lib" / "python3.1" / "site-packages").mkdir(parents=True)


def _path_file(*lines: str) -> Callable[[Case], None]:
    def lay_out(case: Case) -> None:
        library = f"{case.base.prefix}/lib/{case.base.name}"
        venv = case.venv("home = {bin}\n")
        case.user_site()
        (case.root / "extra").mkdir()
        case.env["PYTHONPATH"] = str(case.root / "extra")
        (venv / "bin" / "python._pth").write_text("\n".join([library, f"{library}/lib-dynload", *lines]))

    return lay_out


def _pth(files: dict[str, bytes], **variables: str) -> Callable[[Case], None]:
    """.pth files in the user's site, beside folders a, b, c and ä, a file `egg`, and a folder with a space before."""

    def lay_out(case: Case) -> None:
        case.command = case.base.path
        site = case.user_site()
        for name in ("a", "b", "c", "ä", "d/e", " lead", "tail"):
            (site / name).mkdir(parents=True)
        (site / "egg").write_bytes(b"")
        (site / "linked").symlink_to("a")
        for name, content in files.items():
            (site / name).write_bytes(content.replace(b"ROOT", str(case.root).encode()))
        case.env |= variables

    return lay_out


def _customized(case: Case) -> None:
    case.command = case.base.path
    (case.root / "custom").mkdir()
    (case.root / "custom" / "sitecustomize.py").write_text("value = 1\n")
    case.env["PYTHONPATH"] = str(case.root / "custom")


def _zipped(case: Case) -> None:
    """An empty zip of the library above the program's home: the prefix to CPython 3.11 and later."""
    case.venv("home = {root}/venv/bin\n")
    (case.root / "lib").mkdir()
    (case.root / "lib" / f"{case.base.name.replace('.', '')}.zip").write_bytes(b"")


CASES: dict[str, Callable[[Case], None]] = {
    "plain": _plain,
    "by PATH": _by_path,
    "PYTHONPATH empty": _python_path(""),
    "PYTHONPATH absolute": _python_path("ROOT/x:ROOT/y"),
    "PYTHONPATH with empty component": _python_path("ROOT/x:"),
    "PYTHONPATH with empty first": _python_path(":ROOT/x"),
    "PYTHONPATH relative": _python_path("rel:./rel/:../here/rel"),
    "PYTHONPATH tilde": _python_path("~/x"),
    "PYTHONPATH twice": _python_path("ROOT/x:ROOT/x/:ROOT//x:ROOT/y/../x"),
    "PYTHONPATH slashes": _python_path("//:///x"),
    "safe path 1": _env(PYTHONSAFEPATH="1"),
    "safe path 0": _env(PYTHONSAFEPATH="0"),
    "safe path empty": _env(PYTHONSAFEPATH=""),
    "home": _env(PYTHONHOME="PREFIX"),
    "home and exec": _env(PYTHONHOME="PREFIX:PREFIX"),
    "home other exec": _env(PYTHONHOME="PREFIX:ROOT"),
    "user site": _env(),
    "no user site 1": _env(PYTHONNOUSERSITE="1"),
    "no user site 0": _env(PYTHONNOUSERSITE="0"),
    "no user site 00": _env(PYTHONNOUSERSITE=" 00"),
    "no user site text": _env(PYTHONNOUSERSITE="no"),
    "no user site -1": _env(PYTHONNOUSERSITE="-1"),
    "no user site empty": _env(PYTHONNOUSERSITE=""),
    "user base": _env(PYTHONUSERBASE="ROOT/userbase"),
    "user base tilde": _env(PYTHONUSERBASE="~/userbase"),
    "lib64": _env(PYTHONPLATLIBDIR="lib64"),
    "named program": _env(PYTHONEXECUTABLE="ROOT/none/bin/python"),
    "named program of a venv": _named("PYTHONEXECUTABLE"),
    "launcher of a venv": _named("__PYVENV_LAUNCHER__"),
    "copy of no version": _far_copy,
    "pth other name, LC_ALL of no locale": _pth({"x.pth": "ä\n".encode()}, LC_ALL="xx_XX.UTF-8"),
    "pth other name, LANG of no locale": _pth({"x.pth": "ä\n".encode()}, LANG="xx_XX.ISO-8859-1"),
    "pth other name, not coerced": _pth({"x.pth": "ä\n".encode()}, PYTHONCOERCECLOCALE="0"),
    "pth other name, UTF-8 mode": _pth({"x.pth": "ä\n".encode()}, LC_ALL="C", PYTHONUTF8="1"),
    "pth other name, no UTF-8 mode": _pth({"x.pth": "ä\n".encode()}, LC_ALL="C", PYTHONUTF8="0"),
    "pth no UTF-8, LC_ALL": _pth({"x.pth": b"a\nb\xe9\n"}, LC_ALL="C"),
    "zipped library": _zipped,
    "venv": _venv("home = {bin}\ninclude-system-site-packages = false\n"),
    "venv with system sites": _venv("home = {bin}\ninclude-system-site-packages = TRUE\n"),
    "venv without the key": _venv("home = {bin}\n"),
    "venv with yes": _venv("home = {bin}\ninclude-system-site-packages = yes\n"),
    "venv key behind a form feed": _venv("home = {bin}\nx\x0cinclude-system-site-packages = false\n"),
    "venv key behind a return": _venv("home = {bin}\nx\rinclude-system-site-packages = false\n"),
    "venv key behind a NUL": _venv("home = {bin}\nx\0\ninclude-system-site-packages = false\n"),
    "venv home behind a NUL": _venv("x\0\nhome = {bin}\ninclude-system-site-packages = false\n"),
    "venv key behind a line separator": _venv("home = {bin}\nx\u2028include-system-site-packages = false\n"),
    "venv with a mark": _venv("\ufeffinclude-system-site-packages = false\nhome = {bin}\n"),
    "venv key twice": _venv("home={bin}\ninclude-system-site-packages=true\nInclude-System-Site-Packages = false\n"),
    "venv without home": _venv("include-system-site-packages = false\n"),
    "venv cfg empty": _venv(""),
    "venv home with slash": _venv("HOME = {bin}/\r\ninclude-system-site-packages = false\r\n"),
    "venv cfg beside": _venv(None, "home = {bin}\ninclude-system-site-packages = false\n"),
    "venv cfg twice": _venv("home = {bin}\n", "home = /none\ninclude-system-site-packages = false\n"),
    "venv no cfg": _venv(None),
    "venv and PYTHONHOME": _venv("home = {bin}\ninclude-system-site-packages = false\n", PYTHONHOME="PREFIX"),
    "venv system, user off": _venv("home = {bin}\ninclude-system-site-packages = true\n", PYTHONNOUSERSITE="1"),
    "venv bad home": _venv("home = {root}/none\ninclude-system-site-packages = false\n"),
    "venv by module": _real_venv(),
    "venv by module, copies": _real_venv("--copies"),
    "venv by module, system sites": _real_venv("--system-site-packages"),
    "venv of another minor": _other_minor,
    "link to venv": _link_to_venv,
    "linked venv folder": _linked_folder,
    "copied program": _copied_program,
    "path file": _path_file("../../extra"),
    "path file with site": _path_file("# nothing", "../../extra  # more", "import site"),
    "pth order": _pth({"b.pth": b"b\n", "a.pth": b"c\na\n", "B.pth": b"d/e\n"}),
    "pth comments": _pth({"x.pth": b"#a\n\n   \n # b\nb\n"}),
    "pth space before": _pth({"x.pth": b" lead\n\ta\nb\n"}),
    "pth space after": _pth({"x.pth": b"tail  \t\nb\n"}),
    "pth missing": _pth({"x.pth": b"none\n/none\nb\n"}),
    "pth file and link": _pth({"x.pth": b"egg\nlinked\na\n"}),
    "pth dots": _pth({"x.pth": b"d/../a\n.\n..\n../../..\n"}),
    "pth twice": _pth({"x.pth": b"a\na/\n./a\n", "y.pth": b"a\n"}),
    "pth hidden": _pth({".x.pth": b"a\n", "y.pth": b"b\n"}),
    "pth mark": _pth({"x.pth": b"\xef\xbb\xbfa\nb\n"}),
    "pth carriage returns": _pth({"x.pth": b"a\rb\r\nc\n"}),
    "pth other separators": _pth({"x.pth": b"a\x0cb\nc\n"}),
    "pth other name": _pth({"x.pth": "ä\n".encode()}),
    "pth other name, UTF-8": _pth({"x.pth": "ä\n".encode()}, LANG="C.UTF-8"),
    "pth other name, LC_ALL": _pth({"x.pth": "ä\n".encode()}, LC_ALL="POSIX"),
    "pth other name and mark": _pth({"x.pth": "\ufeffa\nä\n".encode()}),
    "pth imports": _pth({"x.pth": b"import os\nimport\tsys\nimport_a\nimport sys; sys.flags\nb\n"}),
    "pth not by name": _pth({"x.PTH": b"a\n", "y.pth.txt": b"b\n", "pth": b"c\n"}),
    "pth no UTF-8": _pth({"x.pth": b"a\nb\xe9\n"}),
    "pth NUL": _pth({"x.pth": b"a\0\nb\n"}),
    "pth absolute": _pth({"x.pth": b"ROOT/home\nROOT//home/../home\n"}),
    "sitecustomize": _customized,
}


def _ask(case: Case, env: dict[str, str]) -> Interpreter | Unknown:
    machine = os.uname().machine
    architecture = next(name for name, known in MACHINES.items() if known == machine)
    run = RuntimeConfig(env=[f"{name}={value}" for name, value in env.items()], working_dir=case.cwd)
    config = ImageConfig(os="linux", architecture=architecture, config=run)
    fs, asked = HostRootfs(), Question(config=config, asked=case.command, command=case.command)
    answer, _ = find_interpreter(fs, config, case.command, built=reader_of_built(fs, asked, fs.read))
    return answer


def _compare(case: Case, *, may_be_unknown: bool = False) -> None:
    """Ask both, and want the same answer."""
    home = str(case.root / "home")
    env = {"PATH": f"{Path(case.base.path).parent}:/usr/bin:/bin", "HOME": home, **case.env}
    told = _describe(case.command, env, case.cwd)
    answer = _ask(case, env)
    if told is None:
        assert isinstance(answer, Unknown) or answer.runs != "yes"
        return
    if isinstance(answer, Unknown):
        assert may_be_unknown, answer
        return
    assert list(answer.search_path) == told.entries
    assert (answer.prefix, answer.base_prefix) == (told.prefix, told.base_prefix)
    assert told.version.startswith(answer.version)
    assert answer.runs == "yes" or (may_be_unknown and answer.runs == "unknown")


BY_AGE = sorted(BASES, key=lambda base: base.version)
IN_FULL = {*BASES[:1], *BY_AGE[:: len(BASES) - 1 or 1], *(base for base in BASES if base.prefix == "/usr")}
"""The interpreter in use, the oldest, the newest and the distribution's: every case; every third for others."""
SHORTLY = {BASES[0]: 2, BY_AGE[-1]: 3, BY_AGE[0]: 5} if BASES else {}
"""In `make test`: every second case for the interpreter in use, fewer for the newest and the oldest."""
PAIRS = [
    pytest.param(base, name, id=f"{name}-{base.name}@{Path(base.path).parts[1]}")
    for position, base in enumerate(BASES)
    for number, name in enumerate(CASES)
    for step in ((1 if base in IN_FULL else 3) if THOROUGH else SHORTLY.get(base, 0),)
    if step and number % step == position % step
]


@pytest.mark.parametrize(("base", "name"), PAIRS)
def test_search_path_is_that_of_the_interpreter(base: Base, name: str, tmp_path: Path) -> None:
    case = Case(tmp_path, base)
    CASES[name](case)
    by_locale = base.version < (3, 7) and name.startswith("pth other name")
    by_locale |= base.version >= (3, 13) and name == "pth other name, no UTF-8 mode"  # the path itself isn't encoded
    by_prefix = base.version < (3, 11) and name in ("venv bad home", "copy of no version")
    _compare(case, may_be_unknown=name == "zipped library" or by_locale or by_prefix)


def test_there_is_an_interpreter_to_compare_with() -> None:
    assert BASES


def _lines(*choices: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(choices), max_size=4).map("\n".join)


_PATHS = ("a", "b", "./a", "d/../b", "none", "ROOT/x", "/", " lead", "a ", "#c", "", "import os", "egg", "linked", ".")
_CFG = (
    "home = {bin}",
    "home={bin}",
    "HOME = {bin}/",
    "home = {root}/none",
    "include-system-site-packages = true",
    "include-system-site-packages = false",
    "include-system-site-packages=True",
    "version = 3.1.0",
    "# home = /none",
    "junk",
)


@st.composite
def _rooms(draw: st.DrawFn) -> dict[str, Any]:
    """A mix of everything: environment, pyvenv.cfg, .pth files in both sites, the way to the program."""
    names = ("PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE")
    values = {
        "PYTHONPATH": st.lists(st.sampled_from(("", "ROOT/x", "rel", "..", "ROOT/x/", "/")), max_size=4).map(":".join),
        "PYTHONHOME": st.sampled_from(("", "PREFIX")),
        "PYTHONUSERBASE": st.sampled_from(("", "ROOT/userbase", "userbase", "~/.local")),
    }
    chosen = draw(st.sets(st.sampled_from(names)))
    return {
        "env": {name: draw(values.get(name, st.sampled_from(("", "0", "1", "x")))) for name in sorted(chosen)},
        "cfg": draw(st.none() | _lines(*_CFG)),
        "beside": draw(st.none() | _lines(*_CFG)),
        "pth": draw(st.dictionaries(st.sampled_from(("a.pth", "b.pth", ".c.pth")), _lines(*_PATHS), max_size=3)),
        "user_pth": draw(st.dictionaries(st.sampled_from(("a.pth", "z.pth")), _lines(*_PATHS), max_size=2)),
        "link": draw(st.sampled_from(("", "program", "folder"))),
    }


@pytest.mark.parametrize("base", BASES[:1], ids=lambda base: base.name)
@examples(40)
@given(room=_rooms())
def test_any_mix_is_answered_as_the_interpreter_does(base: Base, room: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder).resolve(), base)
        _env(**room["env"])(case)
        venv = case.venv(room["cfg"], beside=room["beside"])
        for site, files in ((case.site(venv), room["pth"]), (case.user_site(), room["user_pth"])):
            for name in ("a", "b", "d", " lead"):
                (site / name).mkdir()
            (site / "egg").write_bytes(b"")
            (site / "linked").symlink_to("a")
            for name, text in files.items():
                (site / name).write_text(text.replace("ROOT", str(case.root)))
        (case.root / "x").mkdir()
        case.cwd = str(case.root)
        if room["link"] == "program":
            (case.root / "py").symlink_to(case.command)
            case.command = str(case.root / "py")
        elif room["link"] == "folder":
            (case.root / "current").symlink_to("venv")
            case.command = str(case.root / "current" / "bin" / "python")
        cfgs = (room["cfg"] or "") + (room["beside"] or "")
        _compare(case, may_be_unknown="/none" in cfgs)
