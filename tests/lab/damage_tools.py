"""What damages an image, put into it at /damage: small libraries, patchelf, strip, and programs that change files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.lab import mini
from tests.lab.minitorch import c_library, function, include, library, versions

STUBS = (
    "libc.so.6", "libc10.so", "libcudart.so.12", "libcudnn.so.9", "libffi.so.8", "libgcc_s.so.1", "libgomp.so.1",
    "libm.so.6", "libmkl_core.so.2", "libmkl_intel_lp64.so.2", "libshm.so", "libstdc++.so.6", "libtorch.so",
    "libtorch_cpu.so", "libtorch_global_deps.so", "libtorch_python.so", "libz.so.1",
)  # fmt: skip
"""Libraries of which there is one that has the name and nothing else."""

_GOMP = Path("/usr/lib/x86_64-linux-gnu/libgomp.so.1")
_NEEDS_NEVER = 'extern "C" int never_there();\nextern "C" int other() { return never_there(); }\n'
_DATA = 'extern "C" int never_there;\nextern "C" int* other() { return &never_there; }\n'
_LEVEL = 'extern "C" int c10_level() { return 3; }\n'
_NAME = '#include <string>\nstd::string c10_name() { return "c10"; }\n'
_MANGLED = "_Z8c10_nameB5cxx11v"

_BESIDE = "-Wl,-rpath,$ORIGIN"


def _processor(bits: int) -> str:
    """A property that asks for a processor, as bits of GNU_PROPERTY_X86_ISA_1_NEEDED."""
    words = f'.long 4,16,5\\n.asciz \\"GNU\\"\\n.long 0xc0008002,4,{bits},0'
    return f'__asm__(".section .note.gnu.property,\\"a\\",@note\\n.p2align 3\\n{words}\\n.text");\n'


def _static(size: int) -> str:
    """Thread storage that must be there when a thread starts."""
    model = '__attribute__((tls_model("initial-exec")))'
    return f'extern "C" {{ __thread char much[{size}] {model}; char* where() {{ return much; }} }}\n'


C10: dict[str, tuple[str, tuple[str, ...], str]] = {
    "good": (mini.C10, (), ""),
    "weak": (_NAME + 'extern "C" __attribute__((weak)) int c10_level() { return 3; }\n', (), ""),
    "hidden": (_NAME + 'extern "C" __attribute__((visibility("hidden"))) int c10_level() { return 3; }\n', (), ""),
    "protected": (mini.C10.replace('"C" int', '"C" __attribute__((visibility("protected"))) int'), (), ""),
    "ifunc": (
        _NAME + "static int level() { return 3; }\n"
        'extern "C" { static int (*choose())() { return level; } int c10_level() __attribute__((ifunc("choose"))); }\n',
        (),
        "",
    ),
    "versioned": (mini.C10, (), f"C10_1 {{ global: c10_level; {_MANGLED}; }};"),
    "hidden-version": (
        _NAME + 'extern "C" int level() { return 3; }\n__asm__(".symver level,c10_level@C10_1");\n',
        (),
        "C10_1 { };",
    ),
    "local": (mini.C10, (), f"{{ global: {_MANGLED}; local: *; }};"),
    "without-level": (_NAME, (), ""),
    "sysv-hash": (mini.C10, ("-Wl,--hash-style=sysv",), ""),
    "needs-never-called": (mini.C10 + _NEEDS_NEVER, (), ""),
    "needs-weak": (mini.C10 + _NEEDS_NEVER.replace("int never", "__attribute__((weak)) int never", 1), (), ""),
    "needs-data": (mini.C10 + _DATA, (), ""),
    "lazy": (mini.C10 + _NEEDS_NEVER, ("-Wl,-z,lazy",), ""),
    "bind-now": (mini.C10 + _NEEDS_NEVER, ("-Wl,-z,now",), ""),
    "gnu-unique": (mini.C10 + "template <class T> struct A { static int x; };\ntemplate <class T> int A<T>::x = 1;\n"
                   'extern "C" int* unique() { return &A<int>::x; }\n', (), ""),
    "symbolic": (mini.C10, ("-Wl,-Bsymbolic",), ""),
    "constructor-only": (_NAME + "__attribute__((constructor)) static void start() {}\n", (), ""),
    "tls-large": (mini.C10 + 'extern "C" { __thread char much[100000]; char* where() { return much; } }\n', (), ""),
    "weak-only-elsewhere": (_NAME + 'extern "C" __attribute__((weak)) int c10_level();\n'
                            'extern "C" int other() { return c10_level ? c10_level() : 0; }\n', (), ""),
    "neighbour": (mini.C10.replace("c10_level", "c10_levem"), (), ""),
    "filter": (_NAME, ("-Wl,--filter=liblevel.so", _BESIDE), ""),
    "auxiliary": (_NAME, ("-Wl,--auxiliary=liblevel.so", _BESIDE), ""),
    "auxiliary-whole": (mini.C10, ("-Wl,--auxiliary=liblevel.so", _BESIDE), ""),
    "executable-stack": (mini.C10, ("-Wl,-z,execstack",), ""),
    "text-relocation": (mini.C10 + '__asm__(".text\\nmovabs $c10_level, %rax");\n', ("-Wl,-z,notext",), ""),
    "relr": (mini.C10 + "int x; int* p[9] = {&x, &x, &x};\n", ("-Wl,-z,pack-relative-relocs",), ""),
    "flags": (mini.C10, ("-Wl,-z,nodelete,-z,initfirst,-z,interpose,-z,global,-z,origin,-z,loadfltr",), ""),
    "no-such-processor": (mini.C10 + _processor(0x80), (), ""),
    "baseline": (mini.C10 + _processor(1), (), ""),
    "tls-static": (mini.C10 + _static(800), (), ""),
    "tls-static-large": (mini.C10 + _static(100_000), (), ""),
    "ifunc-undefined": (
        _NAME + 'extern "C" int never_there();\nstatic int level() { return 3; }\nextern "C" {\n'
        "static int (*choose())() { never_there(); return level; }\n"
        'int c10_level() __attribute__((ifunc("choose")));\n}\n', (), "",
    ),
}  # fmt: skip
"""Other libraries of libc10's name: source, flags, version script."""

PRELOADED = {
    "liblevel.so": _LEVEL,
    "libijit.so": 'extern "C" int iJIT_NotifyEvent() { return 1; }\n',
    "libundefined.so": _NEEDS_NEVER,
    "libundefined-data.so": _DATA,
    "libundefined-start.so": _NEEDS_NEVER + "__attribute__((constructor)) static void start() { other(); }\n",
}

_MODULE = """#include <Python.h>
MORE
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "NAME", 0, -1, 0};
PyMODINIT_FUNC PyInit_NAME() { return PyModule_Create(&module); }
"""


def build(folder: Path) -> None:
    """Write all of it into `folder`."""
    for name in STUBS:
        c_library(folder / "stub" / name, function("nothing_of_use"), "-nostdlib", soname=name)
    for kind, (source, flags, script) in C10.items():
        out = folder / "c10" / f"{kind}.so"
        more = [versions(out, script)] if script else []
        library(out, source, *flags, *more, soname="libc10.so")
    for name, source in PRELOADED.items():
        library(folder / "preload" / name, source, "-Wl,-z,lazy")
    _needy(folder)
    _gomp(folder)
    _versions(folder)
    _modules(folder)
    _programs(folder)


def _needy(folder: Path) -> None:
    """A library that needs one which no image has."""
    never = c_library(folder / "build" / "libnever.so", function("never"))
    c_library(folder / "preload/libneedy.so", function("needy"), str(never))


def _gomp(folder: Path) -> None:
    """Take GCC's libgomp, and make one for a 32-bit processor, one without versions, one with old ones."""
    good = folder / "good/libgomp.so.1"
    good.parent.mkdir(exist_ok=True)
    good.write_bytes(_GOMP.read_bytes())
    c_library(folder / "m32/libgomp.so.1", "int nothing;\n", "-m32", "-nostdlib")
    listed = subprocess.run(["nm", "-D", "--defined-only", good], check=True, capture_output=True, text=True).stdout
    named = sorted(set(re.findall(r" [TW] (\w+)", listed)))
    source = "".join(function(name) for name in named if name not in {"main", "abort"})
    c_library(folder / "unversioned/libgomp.so.1", source, "-fno-builtin")
    c_library(folder / "unversioned/bare/libgomp.so.1", source, "-fno-builtin", "-nostdlib")
    old = folder / "old/libgomp.so.1"
    c_library(old, source, "-fno-builtin", versions(old, "OMP_1.0 { };", "GOMP_1.0 { };"))


def _versions(folder: Path) -> None:
    """libstdc++ and libcudart of other versions, and what the variants of the small torch lack."""
    for place, nodes in (
        ("old", ["GLIBCXX_3.4 { };", "CXXABI_1.3 { };"]),
        ("empty", [f"GLIBCXX_3.4{n} {{ }};" for n in ["", *(f".{k}" for k in range(1, 31))]]
         + [f"CXXABI_1.3{n} {{ }};" for n in ["", *(f".{k}" for k in range(1, 14))]]),
    ):  # fmt: skip
        out = folder / place / "libstdc++.so.6"
        c_library(out, function("nothing_of_use"), versions(out, *nodes))
    cudart = folder / "old/libcudart.so.12"
    script = versions(cudart, "libcudart.so.11 { global: cudaGetDeviceCount; };")
    c_library(cudart, function("cudaGetDeviceCount"), script)
    c_library(folder / "unversioned/libcudart.so.12", function("cudaGetDeviceCount"))
    c_library(folder / "good/libmkl_intel_lp64.so.2", function("mkl_serv_level"))
    c_library(folder / "good/libmkl_core.so.2", function("iJIT_NotifyEvent"))
    for out in (folder / "later/libstdc++.so.6", folder / "preload/libstreams.so"):
        script = versions(out, "GLIBCXX_3.4.32 { global: init_streams; };")
        c_library(out, function("init_streams"), script)


def _modules(folder: Path) -> None:
    """Extension modules: one that brings a library with it, one whose library is not there."""
    level = str(folder / "preload/liblevel.so")
    flags = ["-I", include(), "-Wl,-rpath,$ORIGIN/torch/lib"]
    uses = 'extern "C" int c10_level();\nint here() { return c10_level(); }'
    library(folder / "ext/_level.so", _module("_level", uses), level, *flags, soname="")
    never = str(folder / "build/libnever.so")
    library(folder / "ext/_needy.so", _module("_core", ""), never, *flags, soname="")


def _module(name: str, more: str) -> str:
    return _MODULE.replace("NAME", name).replace("MORE", more)


def _programs(folder: Path) -> None:
    """Bring patchelf, which is static, strip with its libraries, and two programs in Python."""
    shutil.copy(Path(sys.executable).with_name("patchelf"), folder / "patchelf")
    strip = shutil.which("strip")
    assert strip is not None
    (folder / "binutils").mkdir()
    shutil.copy(strip, folder / "binutils/strip")
    needs = subprocess.run(["ldd", strip], check=True, capture_output=True, text=True).stdout
    for path in re.findall(r"=> (/\S+)", needs):
        if not re.search(r"/(libc|libm|ld-linux[^/]*)\.so", path):
            shutil.copy(path, folder / "binutils" / Path(path).name)
    wrapper = folder / "strip"
    wrapper.write_text('#!/bin/sh\nLD_LIBRARY_PATH=/damage/binutils exec /damage/binutils/strip "$@"\n')
    for name in ("elf", "pack"):
        shutil.copy(Path(mini.__file__).with_name(f"{name}.py.txt"), folder / name)
    for name in ("patchelf", "strip", "elf", "pack", "binutils/strip"):
        (folder / name).chmod(0o755)
    shutil.rmtree(folder / "build")
