"""A small torch that really loads: libraries chained as PyTorch's are, in wheels that pip installs.

`build(folder, variant)` compiles one with this machine's g++, which must be of the release that the images have. Its
import takes a tenth of a second, so an image of it can be damaged, run and inspected in two.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import files as files_of
from importlib.metadata import version as version_of
from pathlib import Path

from fixtures.wheels import Wheel, pure
from tests.lab import mini
from tests.lab.torch_source import write_wheel

VARIANTS = ("cpu", "cu124", "mkl", "ijit", "gomp", "glibcxx")
"""cpu and cu124 as PyTorch's wheels; libtorch_cpu of mkl needs libmkl_intel_lp64.so.2, that of ijit a function of
libmkl_core.so.2, that of gomp a libgomp that is not brought along, libtorch_python of glibcxx a libstdc++ of later."""

EXTENSION = "torch/_C.cpython-311-x86_64-linux-gnu.so"
_TAG = "cp311-cp311-manylinux_2_28_x86_64"
_GOMP = "/usr/lib/x86_64-linux-gnu/libgomp.so.1"
_CALLS = {"mkl": ("mkl_serv_level", "libmkl_intel_lp64.so.2"), "ijit": ("iJIT_NotifyEvent", "libmkl_core.so.2")}


def include() -> str:
    """The folder of the headers of the Python that the lab gives its images."""
    ask = "import sysconfig; print(sysconfig.get_paths()['include'])"
    words = [os.environ.get("LAB_PYTHON", "python3.11"), "-c", ask]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def library(out: Path, source: str, *flags: str, soname: str | None = None, language: str = "c++") -> Path:
    """Compile `source` into a shared library, named as the file is unless `soname` says otherwise ("": not at all).

    It needs every library that `flags` name, whether it calls it or not.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    name = out.name if soname is None else soname
    words = ["g++" if language == "c++" else "gcc", f"-x{language}", "-shared", "-fPIC", "-O1", "-o", str(out), "-"]
    words += ["-xnone", "-Wl,--no-as-needed", *([f"-Wl,-soname,{name}"] if name else [])]
    subprocess.run([*words, *flags], check=True, input=source.encode(), capture_output=True)
    return out


def c_library(out: Path, source: str, *flags: str, soname: str | None = None) -> Path:
    """Compile C, so that libstdc++ is not needed."""
    return library(out, source, *flags, soname=soname, language="c")


def versions(out: Path, *nodes: str) -> str:
    """The flag for a version script of these nodes, written beside `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    script = out.with_name(f"{out.name}.map")
    script.write_text("\n".join(nodes))
    return f"-Wl,--version-script={script}"


def function(name: str) -> str:
    """A C function of that name."""
    return f"int {name}(void) {{ return 1; }}\n"


def nvidia_library(folder: Path, name: str) -> Path:
    """Make a stand-in for one of NVIDIA's libraries, which finds what it needs where NVIDIA's wheels have it."""
    symbol, needs = next(libraries[name] for _, libraries in mini.NVIDIA.values() if name in libraries)
    out = folder / name
    flags = [versions(out, f"{name} {{ global: {symbol}; local: *; }};")] if name in mini.WITH_VERSIONS else []
    if needs:
        homes = "$ORIGIN:$ORIGIN/../../nvjitlink/lib"
        flags += [str(nvidia_library(folder, needs)), "-Wl,--disable-new-dtags", f"-Wl,-rpath,{homes}"]
    return c_library(out, function(symbol), *flags)


@dataclass(frozen=True)
class _Linker:
    """Links the libraries of one variant into `lib`, with what they need of elsewhere in `other`."""

    variant: str
    lib: Path
    other: Path

    @property
    def cuda(self) -> bool:
        return self.variant == "cu124"

    def paths(self, up: str, own: str) -> list[str]:
        """The flags for where the loader looks; `up` leads from the object's folder to site-packages."""
        if not self.cuda:
            return ["-Wl,--enable-new-dtags", f"-Wl,-rpath,{own}"]
        homes = [f"$ORIGIN/{up}nvidia/{name}/lib" for name in mini.NVIDIA]
        return ["-Wl,--disable-new-dtags", f"-Wl,-rpath,{':'.join([*homes, own])}"]

    def link(self, name: str, source: str, *needs: str, flags: Iterable[str] = ()) -> Path:
        """One library of torch/lib, which needs others of it and of elsewhere."""
        found = [str(self.lib / each if (self.lib / each).exists() else self.other / each) for each in needs]
        beyond = [f"-Wl,-rpath-link,{self.lib}:{self.other}", "-Wl,--allow-shlib-undefined"]
        compiler = c_library if name == "libtorch_global_deps.so" or source is mini.NEW_STREAMS else library
        return compiler(self.lib / name, source, *found, *beyond, *flags, *self.paths("../../", "$ORIGIN"))

    def all(self) -> None:
        """Link them in the order in which they need each other."""
        if self.variant != "gomp":
            (self.lib / "libgomp.so.1").write_bytes(Path(_GOMP).read_bytes())
        self.link("libc10.so", mini.C10)
        self._cpu()
        accelerator = self._accelerator()
        self.link("libtorch.so", mini.TORCH, "libtorch_cpu.so", *accelerator)
        self.link("libshm.so", mini.SHM, "libtorch_cpu.so", "libc10.so")
        self._python(accelerator)
        deps = ["libcudart.so.12"] if self.cuda else []
        self.link("libtorch_global_deps.so", mini.GLOBAL_DEPS, *deps, flags=["-fopenmp", "-lm", "-lpthread"])
        own = self.paths("../", "$ORIGIN/lib")
        chain = [str(self.lib / "libtorch_python.so"), f"-Wl,-rpath-link,{self.lib}:{self.other}"]
        target = self.lib.parent.parent / EXTENSION
        library(target, mini.EXTENSION, "-I", include(), *chain, "-Wl,--allow-shlib-undefined", *own, soname="")

    def _cpu(self) -> None:
        call, needed = _CALLS.get(self.variant, ("c10_level", ""))
        if needed:
            c_library(self.other / needed, function(call))
        source = mini.CPU.replace("CALL", call)
        self.link("libtorch_cpu.so", source, "libc10.so", *filter(None, [needed]), flags=["-fopenmp"])

    def _accelerator(self) -> list[str]:
        if not self.cuda:
            return []
        names = [name for _, libraries in mini.NVIDIA.values() for name in libraries]
        for name in names:
            nvidia_library(self.other, name)
        self.link("libc10_cuda.so", mini.C10_CUDA, "libcudart.so.12", "libc10.so")
        needs = [name for name in names if name != "libnvJitLink.so.12"]
        self.link("libtorch_cuda.so", mini.CUDA, "libc10_cuda.so", "libtorch_cpu.so", "libc10.so", *needs)
        return ["libtorch_cuda.so"]

    def _python(self, accelerator: list[str]) -> None:
        chain = ["libshm.so", "libtorch.so", *accelerator, "libtorch_cpu.so", "libc10.so"]
        if self.variant != "glibcxx":
            self.link("libtorch_python.so", mini.PYTHON, *chain, flags=["-I", include()])
            return
        later = self.other / "libstdc++.so.6"
        script = versions(later, "GLIBCXX_3.4.32 { global: init_streams; };")
        c_library(later, function("init_streams"), script)
        self.link("libtorch_python.so", mini.NEW_STREAMS, *chain, str(later), flags=["-I", include()])


def build(folder: Path, variant: str) -> Path:
    """Build the wheels of one variant; returns their folder."""
    work, wheels = folder / f"work-{variant}", folder / "wheels" / variant
    wheels.mkdir(parents=True)
    lib, other = work / "torch/lib", work / "other"
    lib.mkdir(parents=True)
    other.mkdir()
    _Linker(variant, lib, other).all()
    cuda = "12.4" if variant == "cu124" else None
    built = {path.relative_to(work).as_posix(): path.read_bytes() for path in (work / "torch").rglob("*.so*")}
    write_wheel(_torch(built, cuda), wheels)
    for wheel in [_typing_extensions(), *(_nvidia(work) if cuda else [])]:
        write_wheel(wheel, wheels)
    return wheels


def _torch(built: Mapping[str, bytes], cuda: str | None) -> Wheel:
    version = f"2.6.0+cu{cuda.replace('.', '')}" if cuda else "2.6.0+cpu"
    needs = [f"{_distribution(name)}=={mini.NVIDIA[name][0]}" for name in mini.NVIDIA] if cuda else []
    return Wheel(
        name="torch",
        version=version,
        files={**mini.modules(version, cuda), **built},
        requires=["typing-extensions>=4.10.0", *needs],
        tags=[_TAG],
        metadata={"top_level.txt": b"functorch\ntorch\ntorchgen\n"},
    )


def _distribution(name: str) -> str:
    return f"nvidia-{name.replace('_', '-')}-cu12"


def _nvidia(work: Path) -> list[Wheel]:
    found = []
    for name, (version, libraries) in mini.NVIDIA.items():
        home = f"nvidia/{name}"
        files = {f"{each}/__init__.py": b"" for each in ("nvidia", home, f"{home}/lib")}
        files |= {f"{home}/lib/{each}": (work / "other" / each).read_bytes() for each in libraries}
        tag = "py3-none-manylinux2014_x86_64"
        found.append(Wheel(name=_distribution(name), version=version, files=files, tags=[tag]))
    return found


def _typing_extensions() -> Wheel:
    """Make a wheel of this environment's own."""
    (module,) = (each for each in files_of("typing_extensions") or () if each.name == "typing_extensions.py")
    made = pure("typing_extensions", version_of("typing_extensions"))
    return Wheel(name=made.name, version=made.version, files={module.name: module.read_binary()})
