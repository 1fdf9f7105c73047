"""A torch that isn't, for what no machine of the tests has: GPUs. It computes with lists, and fails as it is told.

`STUB` in the environment holds what is told, words apart: `gpus=2`, `cpu`, `hip`, `wrong`, `no-kernel`, `old-driver`,
`bad-cudnn`, `noisy`, `exits`, `crashes`, `crashes-later`, `denied`, `read-only`, `threads`, `dumb`, `lone`, `no-cudnn`.
"""

from __future__ import annotations

from pathlib import Path

TORCH = r"""
import os, sys, types, warnings
TOLD = os.environ.get("STUB", "").split()
GPUS = sum(int(word[5:]) for word in TOLD if word.startswith("gpus="))
if "noisy" in TOLD:
    print('{"imported": false}')
    os.write(1, b"no line end")
    sys.stdout.write("import\n")
if "exits" in TOLD:
    sys.exit(7)
if "crashes" in TOLD:
    os.kill(os.getpid(), 11)
if "denied" in TOLD:
    raise PermissionError(13, "Permission denied", __file__)
if "read-only" in TOLD:
    raise OSError(30, "Read-only file system", "/root/.cache")
if "threads" in TOLD:
    raise RuntimeError("can't start new thread")
if "long" in TOLD:
    raise ImportError("x" * 9999 + "\udc80\u00e9")
if "dumb" in TOLD:
    class Dumb(Exception):
        def __str__(self): raise ValueError
    raise Dumb
float32 = "float32"
__version__ = "2.6.0+rocm6.2" if "hip" in TOLD else "2.6.0+cpu" if "cpu" in TOLD else "2.6.0+cu124"
version = types.SimpleNamespace(
    cuda=None if {"cpu", "hip"} & set(TOLD) else "12.4", hip="6.2.41133" if "hip" in TOLD else None)
if "lone" in TOLD:
    del version, __version__

class Tensor:
    def __init__(self, values, device="cpu"): self.values, self.device = values, device
    def reshape(self, *shape):
        flat = [x for row in self.values for x in row] if isinstance(self.values[0], list) else self.values
        if len(shape) == 4: return self
        return Tensor([flat[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])], self.device)
    def __mod__(self, n): return Tensor([[x % n for x in row] for row in self.values], self.device)
    def t(self): return Tensor([list(row) for row in zip(*self.values)], self.device)
    def contiguous(self): return self
    def to(self, device):
        assert device in ["cuda:%d" % i for i in range(GPUS)], device
        if "no-kernel" in TOLD:
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
        return Tensor(self.values, device)
    def cpu(self): return Tensor(self.values)
    def __matmul__(self, other):
        assert self.device == other.device
        columns = list(zip(*other.values))
        made = [[float(sum(a * b for a, b in zip(row, column))) for column in columns] for row in self.values]
        if "wrong" in TOLD and self.device == "cuda:%d" % (GPUS - 1): made[1][1] += 1
        return Tensor(made, self.device)
    def __add__(self, n): return Tensor([[x + n for x in row] for row in self.values], self.device)
    def __getitem__(self, key): return Tensor([row[key[1]] for row in self.values[key[0]]], self.device)

def arange(n, dtype): return Tensor([float(i) for i in range(n)])
def equal(a, b): return a.device == b.device == "cpu" and a.values == b.values
def allclose(a, b, rtol, atol): return equal(a, b)
def conv2d(picture, kernel):
    assert picture.device == kernel.device
    return Tensor([[sum(x for row in picture.values for x in row)]], picture.device)

nn = types.SimpleNamespace(functional=types.SimpleNamespace(conv2d=conv2d))
_C = types.SimpleNamespace()
ARCHITECTURES = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"
if "cpu" not in TOLD:
    _C._cuda_getArchFlags = lambda: ARCHITECTURES

def is_available():
    if "crashes-later" in TOLD: os.kill(os.getpid(), 11)
    if "old-driver" in TOLD:
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old (found version 11040).")
        return False
    return GPUS > 0

def init(): raise RuntimeError("Found no NVIDIA driver on your system.")
def get_device_properties(i):
    return types.SimpleNamespace(name="Stub GPU %d" % i, major=9, minor=0, total_memory=80 << 30)

cuda = types.SimpleNamespace(is_available=is_available, init=init, device_count=lambda: GPUS,
    get_arch_list=lambda: ARCHITECTURES.split() if GPUS else [], get_device_properties=get_device_properties)
def cudnn_version():
    if "bad-cudnn" in TOLD: raise RuntimeError("cuDNN version incompatibility")
    return None if "no-cudnn" in TOLD else 90100
backends = types.SimpleNamespace(cudnn=types.SimpleNamespace(version=cudnn_version))
"""


def write_torch(folder: Path) -> Path:
    """The stub as a package in the folder, which belongs on the search path."""
    (folder / "torch").mkdir(parents=True)
    (folder / "torch" / "__init__.py").write_text(TORCH, encoding="utf-8")
    return folder
