"""`import torch` in small: packages that preload as its releases do, imported by this Python, and by the model."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

from inspector.loader import ImportFailure, Process, TorchFiles, import_torch
from inspector.loader.model import Loaded, Preloads
from inspector.loader.torch_preloads import read_preloads
from tests.loader.host import DirectoryRootfs
from tests.loader.real import prelude
from tests.loader.room import level, not_here
from tests.loader.test_sweep import rights

TRY_GLOBAL = "ctypes.CDLL(deps, mode=ctypes.RTLD_GLOBAL)"
HEAD = """
import ctypes, glob, os, sys
deps = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "libtorch_global_deps.so")
"""
TAIL = """
if os.getenv("TORCH_USE_RTLD_GLOBAL"):
    sys.setdlopenflags(os.RTLD_GLOBAL | os.RTLD_LAZY)
else:
    _load_global_deps()
from torch._C import *
"""
OLDEST = f"""{HEAD}
def _preload_cuda_deps():
    found = []
    for folder, name in (("cublas", "libcublas.so.11"), ("cudnn", "libcudnn.so.8")):
        candidates = [os.path.join(path, "nvidia", folder, "lib", name) for path in sys.path]
        found += [each for each in candidates if os.path.exists(each)][:1]
    if len(found) < 2:
        raise ValueError(f"cublas and cudnn not found in the system path {{sys.path}}")
    for path in found:
        ctypes.CDLL(path)


def _load_global_deps():
    try:
        {TRY_GLOBAL}
    except OSError as err:
        if "libcublas.so.11" not in err.args[0]:
            raise err
        _preload_cuda_deps()
        {TRY_GLOBAL}

{TAIL}"""
DICT = f"""{HEAD}
def _preload_cuda_deps(lib_folder, lib_name):
    found = []
    for path in sys.path:
        nvidia_path = os.path.join(path, "nvidia")
        found += glob.glob(os.path.join(nvidia_path, lib_folder, "lib", lib_name))
    if not found:
        raise ValueError(f"{{lib_name}} not found in the system path {{sys.path}}")
    ctypes.CDLL(found[0])


def _load_global_deps():
    try:
        {TRY_GLOBAL}
    except OSError as err:
        cuda_libs = {{"cudnn": "libcudnn.so.*[0-9]", "cuda_runtime": "libcudart.so.*[0-9]"}}
        if not [lib for lib in cuda_libs.values() if lib.split(".")[0] in err.args[0]]:
            raise err
        for lib_folder, lib_name in cuda_libs.items():
            _preload_cuda_deps(lib_folder, lib_name)
        {TRY_GLOBAL}

{TAIL}"""
SOME_AFTERWARDS = DICT.replace(
    f"    try:\n        {TRY_GLOBAL}\n    except",
    f"""    try:
        {TRY_GLOBAL}
        try:
            with open("/proc/self/maps") as f:
                maps = f.read()
            if "nvidia/cuda_runtime/lib/libcudart.so" not in maps:
                return
            _preload_cuda_deps("cudnn", "libcudnn.so.*[0-9]")
        except Exception:
            pass
    except""",
)
NEWEST = f"""{HEAD}
def _get_cuda_dep_paths(path: str, lib_folder: str, lib_name: str) -> list[str]:
    nvidia = glob.glob(os.path.join(path, "nvidia", lib_folder, "lib", lib_name))
    release = "13"
    nvidia += glob.glob(os.path.join(path, "nvidia", f"cu{{release}}", "lib", lib_name))
    return nvidia + glob.glob(os.path.join(path, lib_folder, "lib", lib_name))


def _preload_cuda_lib(lib_folder: str, lib_name: str, required: bool = True) -> None:
    found = [each for path in sys.path for each in _get_cuda_dep_paths(path, lib_folder, lib_name)]
    if not found and required:
        raise ValueError(f"{{lib_name}} not found in the system path {{sys.path}}")
    if found:
        ctypes.CDLL(found[0])


def _preload_cuda_deps(err: OSError | None = None) -> None:
    cuda_libs: list[tuple[str, str]] = [
        # the order matters
        ("cudnn", "libcudnn.so.*[0-9]"),
        ("cuda_runtime", "libcudart.so.*[0-9]"),
    ]
    if err is not None and not [lib for _, lib in cuda_libs if lib.split(".", 1)[0] in err.args[0]]:
        raise err
    for lib_folder, lib_name in cuda_libs:
        _preload_cuda_lib(lib_folder, lib_name)
    _preload_cuda_lib("nvtx", "libnvToolsExt.so.*[0-9]", required=False)


def _load_global_deps() -> None:
    try:
        {TRY_GLOBAL}
        try:
            with open("/proc/self/maps") as f:
                maps = f.read()
            if "libcudart.so" not in maps:
                return
            _preload_cuda_deps()
        except Exception:
            pass
    except OSError as err:
        _preload_cuda_deps(err)
        {TRY_GLOBAL}

{TAIL}"""
_IMPORT = """
import ctypes, glob, sys
sys.path[:0] = {entries}
try:
    import torch
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}".replace(str(sys.path), "[…]"))
else:
    print("OK")
"""
SHAPES = {"dict": DICT, "some": SOME_AFTERWARDS, "newest": NEWEST}
MODULE = """
#include <Python.h>
int cudnn(void);
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_C", 0, -1, 0};
PyObject *PyInit__C(void) { cudnn(); return PyModule_Create(&def); }
"""
CUDNN = "site/nvidia/cudnn/lib/libcudnn.so.9"
RUNTIME = "site/nvidia/cuda_runtime/lib/libcudart.so.12"


@cache
def _built(source: str, flags: tuple[str, ...], needs: tuple[tuple[str, bytes], ...]) -> bytes:
    """A library from its source and the libraries that it needs, which most tests want alike."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in needs:
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        words = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", "made", *flags, "-Wl,--no-as-needed"]
        subprocess.run([*words, *(path for path, _ in needs)], input=source, text=True, check=True, cwd=folder)
        return Path(folder, "made").read_bytes()


class Site:
    """A folder of modules: a torch whose `_C` uses cudnn, and whose global dependencies need cudart."""

    def __init__(self, folder: Path, source: str) -> None:
        include = sysconfig.get_path("include")
        if shutil.which("gcc") is None or not Path(include, "Python.h").exists():
            not_here("there is no gcc, or no Python.h")
        self.folder = folder
        self.source = source
        self.build(CUDNN, "int cudnn(void){return 1;}", soname="libcudnn.so.9")
        self.build(RUNTIME, "int cudart;", soname="libcudart.so.12")
        self.build("site/torch/lib/libtorch_global_deps.so", "int deps;", needs=[RUNTIME])
        path = "$ORIGIN/../nvidia/cudnn/lib"
        self.build("site/torch/_C.so", MODULE, f"-I{include}", f"-Wl,-rpath,{path}", needs=[CUDNN])
        (folder / "site/torch/__init__.py").write_text(source)

    def build(self, path: str, source: str, *flags: str, needs: Sequence[str] = (), soname: str = "") -> None:
        """Build a library that needs others, which have names of their own."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        name = (f"-Wl,-soname,{soname}",) if soname else ()
        linked = tuple((each, (self.folder / each).read_bytes()) for each in needs)
        place.write_bytes(_built(source, (*name, *flags), linked))

    def really(self, *entries: str, environment: Mapping[str, str]) -> str:
        """What importing ends with: OK, or the last line of the traceback."""
        code = _IMPORT.format(entries=self.path(entries))
        ran = subprocess.run(
            [sys.executable, "-c", code], env=dict(environment), capture_output=True, text=True, check=False
        )
        return ran.stdout.strip() if not ran.returncode else f"status {ran.returncode}"

    def path(self, entries: Sequence[str]) -> list[str]:
        """The entries of sys.path that are tried first."""
        return [str(self.folder / each) for each in (*entries, "site")]

    def model(self, *entries: str, environment: Mapping[str, str]) -> str:
        """What the model says that `really` returns."""
        fs = DirectoryRootfs()
        process = Process(fs, environment, rights=rights(), level=level())
        assert isinstance(process.start(sys.executable), Loaded)
        for path in prelude():
            assert isinstance(process.dlopen(path), Loaded)
        torch = TorchFiles(
            package=f"{self.folder}/site/torch",
            source=self.source,
            extension=f"{self.folder}/site/torch/_C.so",
            search_path=tuple(self.path(entries)),
            cuda="13.0",
            shared=bool(environment.get("TORCH_USE_RTLD_GLOBAL")),
        )
        failure = import_torch(process, fs, torch)
        assert not process.doubts
        return str(failure).replace(str(self.path(entries)), "[…]") if isinstance(failure, ImportFailure) else "OK"


def agreed(site: Site, *entries: str, environment: Mapping[str, str] | None = None) -> str:
    """What importing really ends with, once the model was found to say the same."""
    given = {"PATH": "/usr/bin:/bin", **(environment or {})}
    said = site.really(*entries, environment=given)
    assert site.model(*entries, environment=given) == said
    return said


@pytest.fixture(params=SHAPES)
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    return Site(tmp_path, SHAPES[request.param])


def test_what_is_not_on_the_path_of_the_library_is_preloaded(site: Site) -> None:
    assert agreed(site) == "OK"


def test_a_library_that_is_nowhere_is_a_value_error(site: Site) -> None:
    (site.folder / RUNTIME).unlink()
    assert agreed(site) == "ValueError: libcudart.so.*[0-9] not found in the system path […]"


def test_a_failure_that_names_no_library_of_nvidia_s_is_raised(site: Site) -> None:
    site.build("site/torch/lib/libtorch_global_deps.so", "int deps;", needs=_needs(site, "other/libother.so.1"))
    assert agreed(site) == "OSError: libother.so.1: cannot open shared object file: No such file or directory"
    (site.folder / "site/torch/lib/libtorch_global_deps.so").unlink()
    assert agreed(site).startswith(f"OSError: {site.folder}/site/torch/lib/libtorch_global_deps.so: cannot open")


def test_a_broken_library_that_is_preloaded(site: Site) -> None:
    (site.folder / CUDNN).write_bytes(b"")
    assert agreed(site) == f"OSError: {site.folder}/{CUDNN}: file too short"


def test_an_earlier_entry_of_the_search_path_wins(site: Site) -> None:
    site.build("early/nvidia/cudnn/lib/libcudnn.so.9", "int other;", soname="libcudnn.so.9")
    assert agreed(site, "early") == f"ImportError: {site.folder}/site/torch/_C.so: undefined symbol: cudnn"


def test_an_earlier_entry_may_win_after_success_too(site: Site) -> None:
    site.build("early/nvidia/cudnn/lib/libcudnn.so.9", "int other;", soname="libcudnn.so.9")
    path = f"-Wl,-rpath,{(site.folder / RUNTIME).parent}"
    site.build("site/torch/lib/libtorch_global_deps.so", "int deps;", path, needs=[RUNTIME])
    agreed(site, "early")


def test_global_symbols_instead_of_global_dependencies(site: Site) -> None:
    (site.folder / "site/torch/lib/libtorch_global_deps.so").unlink()
    assert agreed(site, environment={"TORCH_USE_RTLD_GLOBAL": "1"}) == "OK"


def test_an_entry_of_the_path_that_is_a_pattern(site: Site) -> None:
    (site.folder / "p[1]").mkdir()
    (site.folder / "site/nvidia").rename(site.folder / "p[1]/nvidia")
    assert agreed(site, "p[1]").startswith("ValueError")
    (site.folder / "p1").mkdir()
    with pytest.raises(AssertionError, match="reads as one"):
        site.model("p[1]", environment={})


def test_the_oldest_release_names_two_libraries(tmp_path: Path) -> None:
    site = Site(tmp_path, OLDEST)
    site.build("site/torch/lib/libtorch_global_deps.so", "int deps;", needs=_needs(site, "libcublas.so.11"))
    expected = "ValueError: cublas and cudnn not found in the system path […]"
    assert agreed(site) == expected
    site.build("site/nvidia/cublas/lib/libcublas.so.11", "int blas;", soname="libcublas.so.11")
    assert agreed(site) == expected
    site.build("site/nvidia/cudnn/lib/libcudnn.so.8", "int cudnn;", soname="libcudnn.so.8")
    assert agreed(site) == "OK"


def _needs(site: Site, path: str) -> list[str]:
    site.build(path, "int o;", soname=path.rpartition("/")[2])
    return [path]


def test_places_by_release() -> None:
    newest = read_preloads(NEWEST)
    assert (newest.by_release, newest.plain, newest.optional) == (True, True, (("nvtx", "libnvToolsExt.so.*[0-9]"),))
    assert not read_preloads(DICT).plain
    assert read_preloads(SOME_AFTERWARDS).afterwards == (("cudnn", "libcudnn.so.*[0-9]"),)
    assert read_preloads("x = 1\n") == Preloads()


@pytest.mark.parametrize(
    "text",
    [
        "def _load_global_deps():\n    " + "(" * 5000,
        "def _load_global_deps():\n    cuda_libs = " + "not " * 5000 + "1",
        "def _load_global_deps():\n    cuda_libs = [1]\n",
        "def _load_global_deps():\n    cuda_libs = [(1, 2)]\n",
        "def _load_global_deps():\n    cuda_libs = {}[\n",
        "def _load_global_deps():\n" + "    x = 1\n" * 10_000,
    ],
)
def test_a_text_that_can_t_be_read_is_refused(text: str) -> None:
    with pytest.raises((SyntaxError, ValueError, TypeError)):
        read_preloads(text)
