"""Inputs to begin with: what real writers make of the smallest thing of each kind."""

from __future__ import annotations

import base64
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from fixtures import packing
from fixtures.compat import compat_library
from fixtures.elf import Elf
from fixtures.fatbin import fatbin
from fixtures.forms import FORMS
from fixtures.lazy import estargz, zstd_chunked
from fixtures.squash import Object, sif, squashfs
from inspector.layers.codec import encode
from inspector.testing.image import Image, Step
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree, tar_of
from tests.fuzz import loading, pythons
from tests.fuzz.images import CUT
from tests.sources.engine.boltfile import Writer
from tests.support import index_of

SMALL: Tree = {
    "a": Dir(),
    "a/b": b"text",
    "a/" + "long" * 30: Link("../" + "far" * 40),
    "a/h": Hardlink("a/b"),
    "c": Device(),
    ".wh.d": b"",
    "bin/python": File(b"\x7fELF", 0o755),
}
TAR = tar_of(SMALL, tar_format=tarfile.GNU_FORMAT)
IMAGE = Image(steps=[Step("COPY a /", {"a": b"b"})], tags=["t:1"], cmd=["python"], env=["PATH=/bin"])
ELF = Elf(
    loader="/lib/ld.so",
    soname="libx.so.1",
    needed=("libc.so.6",),
    runpath="$ORIGIN",
    requires={"libc.so.6": ("GLIBC_2.2.5",)},
    defines=("X_1",),
).encode()
CONFIG = b"""{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Entrypoint":["x"],"Cmd":["y"],
"WorkingDir":"/w","User":"u","Labels":{"a":"b"},"Volumes":{"/v":{}}},
"rootfs":{"type":"layers","diff_ids":["sha256:@LAYER@"]},"history":[{"created_by":"RUN it"},{"empty_layer":true}]}"""
MANIFEST = b"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:@CONFIG@","size":@CONFIGSIZE@},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:@LAYER@","size":@LAYERSIZE@}]}"""
INDEX = b"""{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
"digest":"sha256:@MANIFEST@","size":@MANIFESTSIZE@,"platform":{"os":"linux","architecture":"amd64"},
"annotations":{"org.opencontainers.image.ref.name":"t:1","io.containerd.image.name":"docker.io/library/t:1"}}]}"""
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
DOCKER = b'[{"Config":"blobs/sha256/@CONFIG@","RepoTags":["t:1"],"Layers":["layer.tar"]}]'
ROLETEST = b"""{"images":[{"name":"t:1","dockerfile":"d","torch_expected":true,"cuda_expected":"host_dependent",
"description":"gpu"},{"name":"u:1","dockerfile":"d","torch_expected":false,"cuda_expected":null,"description":"api"}]}"""
ROLES = b"""images = ["t:1", {reference = "docker-archive:a.tar", role = "gpu"}]
[roles.gpu]\nmatch = ["gpu:*"]\ntorch = "cuda"\ncuda = ">=12.4,<14"\nforbid = ["triton"]\nmax-size = "9 GB"
[roles.api]\ntorch = "absent"\nrequire = ["fastapi>=0.100"]\npython = ">=3.11"\nplatform = "linux/arm64"\n"""
_IMAGE_SAID = b"""{"Id":"sha256:%s","RepoTags":["t:1"],"RepoDigests":["t@sha256:%s"],
"Architecture":"amd64","Os":"linux","Size":5,"GraphDriver":{"Name":"overlay2","Data":{"UpperDir":"/u"}},"Config":{"Cmd":["a"],"Env":["A=1"]},
"RootFS":{"Type":"layers","Layers":["sha256:%s"]}}""" % ((b"1" * 64,) * 3)
_INFO = b"""{"DockerRootDir":"/var/lib/docker","Driver":"overlay2","DriverStatus":[["Backing","extfs"]],
"OSType":"linux","Runtimes":{"runc":{}},"DefaultRuntime":"runc","SecurityOptions":["name=rootless"]}"""
_PAX = b"30 mtime=1350244992.023960108\n" + b"10 path=a\n"
_MORE = {
    "site_py": b"def getsitepackages(prefixes=None):\n    return ['/usr/lib/python3/dist-packages']\n",
    "pyvenv": b"home = /usr/local/bin\ninclude-system-site-packages = true\nversion = 3.11.9\n",
    "pth_underscore": b"/usr/local/lib/python3.11\nimport site\n",
    "conda": b'{"name":"torch","version":"2.13.0","build":"cpu_0","files":["lib/python3.11/torch/version.py"]}',
    "version_py": b"# coding: latin-1\n__version__ = '2.1'\ncuda: Optional[str] = '12.1'\nhip = None\n",
    "metadata": b"Metadata-Version: 2.1\nName: torch\nVersion: 2.1\nRequires-Dist: numpy ; extra == 'x'\n\nText\n",
    "record": b'torch/version.py,sha256=x,5\n"a,b.py",,\n../../../bin/x,,\n',
    "script": b"#!/usr/bin/env -S python -u\nimport torch\n",
}


def of(name: str) -> list[bytes]:
    """The inputs that a target begins with."""
    if name in pythons.PLACES:
        return [*_of_place(name)]
    return [*_SEEDS[name]()]


def _of_place(name: str) -> Iterable[bytes]:
    member = pythons.base().get(pythons.PLACES[name])
    content = member.data if isinstance(member, File) else member
    if isinstance(content, bytes):
        yield content[:2048]
    if name in _MORE:
        yield _MORE[name]


def _tars() -> Iterable[bytes]:
    for form in (tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT):
        yield tar_of(
            {path: SMALL[path] for path in SMALL if len(path) < 50 or form != tarfile.USTAR_FORMAT}, tar_format=form
        )
    yield tar_of({"\udcff\n": b"x", "e": File(b"", 0o4755)})


def _streams() -> Iterable[bytes]:
    plain = tar_of({"a": b"b" * 30})
    yield from (bytes((which, 0)) + plain for which in range(5))
    packed = (
        packing.gzip(plain),
        packing.gzip(plain) * 2,
        packing.zstd(plain),
        packing.xz(plain),
        packing.bzip2(plain),
    )
    yield from (bytes((0, 1)) + each for each in packed)


def _lazy() -> Iterable[bytes]:
    for which in range(2):
        for said in ([{}, {"size": 3}], [{"offset": 4}], [{}, {}, {"chunkSize": 2}], [{"type": "chunk"}]):
            yield bytes((which,)) + json.dumps(said).encode()


def _tables() -> Iterable[bytes]:
    tree: Tree = {"a/b": b"c" * 50, "l": Link("a/b"), "h": Hardlink("a/b")}
    for write in (estargz, zstd_chunked):
        yield json.dumps({"version": 1, "entries": write(tree).entries}, separators=(",", ":")).encode()


@cache
def _archives() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for form in ("docker-24", "docker-25", "containerd-gzip", "podman", "oci-archive"):
            FORMS[form](Path(folder, form), [IMAGE])
            found.append(Path(folder, form).read_bytes().rstrip(b"\0") + bytes(1536))
        return tuple(content + bytes(-len(content) % 512) for content in found)


def _bolt() -> Iterable[bytes]:
    for size in (1024, 4096):
        writer = Writer(size)
        root = writer.put({b"v1": {b"moby": {b"a": b"b", b"c": {b"d": b"e" * 20}}}, b"x": b"y"})
        with tempfile.TemporaryDirectory() as folder:
            yield writer.write(Path(folder, "it.db"), root).read_bytes()


def _entries() -> Iterable[bytes]:
    yield bytes((2, 4, 0, 0, 3, 1, 2, 3, 3, 4, 2, 0, 2, 8, 0, 1, 65))
    yield bytes((3, 5, 0, 1, 1, 3, 2, 2, 4, 3, 5, 0, 2, 65, 66, 0, 6, 0, 0, 0, 1, 8))


_FILES: Tree = {"bin/python": File(b"\x7fELF", 0o755), "a/b": b"text" * 2000, "a/l": Link("b"), "e": b""}
_SCRIPT = b"""set -eu -o pipefail
if [ -z "${A:-}" ] && command -v python3 >/dev/null 2>&1; then export A="$(cd "$(dirname "$0")" && pwd)"; fi
case "${1#-}" in serve|run) shift; set -- python "$@";; *) ;; esac
f() { local X=1; [[ $X < 2 && -f /app/x ]] || return 1; }
for i in a b; do f "$i" || continue; done
while read -r line; do (( n += 1 )); done <<EOF
x
EOF
. /app/env.sh; eval "$(conda shell.bash hook)"; exec env -u B gosu app "$@"
"""
_SOURCE = b"""import os, sys as s
from torch import nn
try:
    import numpy.core
except (ImportError, ValueError) as e:
    numpy = None
if s.version_info >= (3, 11) and os.environ.get("A", "") != "x":
    def f(a: int = 1, *b: str, c=len("x")) -> None: raise RuntimeError
class C(nn.Module, metaclass=type):
    x = [i for i in range(3) if i % 2]
with open("f") as g: pass
for i in (1, 2): s.path.append(f"{i!r:>10}")
while False: raise SystemExit(1)
__all__ = ["C", *dir()]
match i:
    case [1, *_]: assert i, "no"
lambda: (yield)
"""
_SEEDS: dict[str, Callable[[], Iterable[bytes]]] = {
    "tar": _tars,
    "pax": lambda: (b"x" + _PAX, b"g" + _PAX, b"x19 GNU.sparse.major=1\n"[:1] + b"22 GNU.sparse.major=1\n", b"x4 a=\n"),
    "stream": _streams,
    "merge": _entries,
    "toc": _tables,
    "toc_blob": _lazy,
    "index_cache": lambda: (encode(index_of({"a": b"x", "b": Link("a")})),),
    "elf": lambda: (ELF,),
    "elf_stream": lambda: (b"\1\1" + ELF, b"\x40\4" + ELF),
    "loader_cache": lambda: loading.CACHES,
    "loader_search": lambda: (loading.PATHS,),
    "torch_preloads": lambda: (loading.TORCH,),
    "manifest": lambda: (b"\0" + MANIFEST, b"\1" + INDEX),
    "config": lambda: (CONFIG.replace(b"@LAYER@", b"1" * 64), IMAGE.config),
    "archive": _archives,
    "documents": lambda: (
        CUT.join((CONFIG, MANIFEST, INDEX, b"null", LAYOUT)),
        CUT.join((CONFIG, MANIFEST, INDEX, DOCKER, LAYOUT)),
    ),
    "reference": lambda: (
        b"docker-archive:a.tar:t:1",
        b"docker://reg:5000/a/b:c@sha256:" + b"1" * 64,
        b"oci:d@x",
        b"-",
    ),
    "policy_json": lambda: (ROLETEST,),
    "policy_toml": lambda: (ROLES,),
    "shell": lambda: (b"\0" + _SCRIPT, b"\1" + _SCRIPT, b"\1[[ a < b ]]\n", b"\0case ${A:?} in *) ;; esac\n"),
    "source": lambda: (_SOURCE,),
    "exchange": lambda: (
        b"\0HTTP/1.1 200 OK\r\nContent-Length: 3\r\nLink: <a>\r\n\r\nabc",
        (
            b"\0HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x\r\nabc\r\n0\r\nT: u\r\n\r\n"
        ),
        b"\2HTTP/1.0 404 No\r\n\r\nto the end",
        b"\1HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    "engine": lambda: (
        b"\0" + _IMAGE_SAID,
        b"\1" + _INFO,
        b'\2[{"CreatedBy":"RUN","Size":3}]',
        b"\3[" + _IMAGE_SAID + b"]",
        b'\4[{"Id":"x","Labels":{"a":"b"},"Created":1,"State":"created"}]',
    ),
    "bolt": _bolt,
    "squash": lambda: (bytes((which,)) + squashfs(_FILES, packing) for which in (0, 1) for packing in ("gzip", "zstd")),
    "sif": lambda: (sif([Object(squashfs(_FILES))]),),
    "kernels": lambda: (
        b"\0\7" + ELF + b"\0sm_75 sm_80 sm_90\0",
        b"\1\1" + fatbin("sm_75 sm_80", "sm_90a compute_90", padding=16),
    ),
    "cuda_note": lambda: (
        b'{"CUDA version":"12.9","driver":[535,550],"device":[1,2]}',
        compat_library("12.9", (535, 550))[:1024],
    ),
    "cuda_require": lambda: (b"cuda>=12.4 brand=tesla,driver>=535,driver<536", b"arch>=7.5,cuda!=11.0"),
    "nvidia_smi": lambda: (
        b"name, compute_cap, driver_version\nTesla T4, 7.5, 535.183.01\n",
        b"Driver Version : 535.183.01\n    Product Name : Tesla T4\n",
    ),
    "challenge": lambda: (
        b'Bearer realm="https://a/t",service="s",scope="repository:r:pull"' + CUT + b"Basic realm=x",
    ),
    "address": lambda: (b"https://a.example:8443/v2/x?y=z", b"http://[::1]/a", b"http://0x7f.1/", b"//b/c", b"../d"),
    "pages": lambda: (
        b'</v2/r/tags/list?n=2&last=b>; rel="next"' + CUT + b'{"tags":["a","b"]}' + CUT + CUT + b'{"tags":["c"]}',
    ),
    "output": lambda: (b"\x20\1\0\0\0\0\0\0\5hello\2\0\0\0\0\0\0\1!",),
    "report": lambda: (b"a\x1b[31m\xe2\x80\xaeb|`<i>[red]\xff", base64.b64decode(b"w6kK")),
}
