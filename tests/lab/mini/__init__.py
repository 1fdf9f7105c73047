"""What a small torch is made of, in Python and C++; `tests.lab.minitorch` builds it."""

from __future__ import annotations

from pathlib import Path

MODULES = {
    "_utils": "import copyreg\nimport traceback\n\n\nclass classproperty:\n    pass\n",
    "_tensor": "import copyreg\nimport enum\nfrom collections import OrderedDict\n\n\nclass Tensor:\n    pass\n",
    "_tensor_str": "import contextlib\nimport dataclasses\n\n\ndef set_printoptions():\n    pass\n",
    "_ops": "import abc\nimport contextlib\n\nops = object()\n",
    "_jit_internal": "import ast\nimport builtins\nimport pickle\nimport warnings\n",
    "functional": "import itertools\nimport operator\n",
    "hub": "import errno\nimport hashlib\nimport json\nimport re\nimport shutil\nimport tempfile\nimport zipfile\n"
    "from urllib.request import Request, urlopen\n",
    "overrides": "import collections\nimport types\n",
    "random": "import contextlib\n",
    "serialization": "import difflib\nimport pickle\nimport shutil\nimport struct\nimport tarfile\nimport tempfile\n"
    "from contextlib import closing\n",
    "storage": "import collections\nimport copy\nimport io\n\ntry:\n    import numpy\n\n    HAS_NUMPY = True\n"
    "except ModuleNotFoundError:\n    HAS_NUMPY = False\n",
    "torch_version": "from .version import __version__ as internal_version\n\n__version__ = str(internal_version)\n",
    "types": "import builtins\n",
}
"""Modules that `import torch` loads, by name; each imports of the standard library what torch's own does."""

PACKAGES = {
    "amp": "from .grad_scaler import GradScaler\n",
    "autograd": "from . import function\n",
    "backends": "from torch.backends import cpu\n",
    "cuda": "import traceback\nfrom . import _utils\n",
    "distributed": "import pdb\nimport logging\n",
    "distributions": "import math\n",
    "fft": "",
    "futures": "",
    "jit": "import contextlib\n",
    "linalg": "",
    "multiprocessing": "import multiprocessing\n",
    "nn": "from torch.nn.modules import linear\nfrom torch.nn import functional\n",
    "optim": "from torch.optim import sgd\n",
    "profiler": "",
    "sparse": "",
    "special": "",
    "testing": "from ._comparison import assert_close\n",
    "utils": "from torch.utils import data\n",
    "nn.modules": "",
    "utils.data": "import queue\nimport random\n",
}
"""Packages that it loads, and what their __init__ holds."""

INNER = {
    "amp.grad_scaler": "class GradScaler:\n    pass\n",
    "autograd.function": "",
    "backends.cpu": "",
    "cuda._utils": "",
    "nn.modules.linear": "",
    "nn.functional": "",
    "optim.sgd": "",
    "testing._comparison": "import cmath\n\n\ndef assert_close():\n    pass\n",
}
"""Modules of those packages."""

NOT_IMPORTED = {
    "onnx.__init__": "import onnx\n",
    "_inductor.__init__": "import triton\n",
    "testing._internal.common_utils": "import expecttest\n",
    "utils.tensorboard": "import tensorboard\n",
}
"""Files that no `import torch` touches, and that could not be imported."""

VERSION = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'xpu']
__version__ = '{version}'
debug = False
cuda: Optional[str] = {cuda!r}
git_version = '1eba9b3aa3c43f86f4a2c807ac8e12c4a7767340'
hip: Optional[str] = None
xpu: Optional[str] = None
"""

C10 = """#include <stdexcept>
#include <string>
std::string c10_name() { if (std::string("c10").empty()) throw std::runtime_error("empty"); return "c10"; }
extern "C" int c10_level() { return 3; }
"""
GLOBAL_DEPS = "int torch_global_deps_are_here(void) { return 1; }\n"
CPU = """#include <string>
#include <vector>
std::string c10_name();
extern "C" int c10_level();
extern "C" int CALL();
extern "C" int torch_cpu() {
  int sum = 0;
#pragma omp parallel for reduction(+ : sum)
  for (int i = 0; i < 3; i++) sum += 1;
  std::vector<int> many(sum);
  return many.size() + c10_level() + (c10_name().empty() ? 0 : CALL());
}
"""
"""`CALL` is what a variant calls in another library; c10_level where none."""

SHM = 'extern "C" int c10_level();\nextern "C" int shm_level() { return c10_level(); }\n'
TORCH = 'extern "C" int torch_here() { return 1; }\n'
PYTHON = """#include <Python.h>
#include <string>
std::string c10_name();
extern "C" int torch_cpu();
extern "C" int shm_level();
extern "C" PyObject* torch_python_name() {
  return PyUnicode_FromString(torch_cpu() + shm_level() > 0 ? c10_name().c_str() : "");
}
"""
NEW_STREAMS = """#include <Python.h>
int init_streams(void);
PyObject* torch_python_name(void) { return PyUnicode_FromString(init_streams() ? "c10" : ""); }
"""
EXTENSION = """#include <Python.h>
extern "C" PyObject* torch_python_name();
static PyObject* name(PyObject*, PyObject*) { return torch_python_name(); }
static PyMethodDef methods[] = {{"name", name, METH_NOARGS, ""}, {0, 0, 0, 0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "torch._C", 0, -1, methods};
PyMODINIT_FUNC PyInit__C() { return PyModule_Create(&module); }
"""
C10_CUDA = """extern "C" int cudaGetDeviceCount();
extern "C" int c10_level();
extern "C" int c10_cuda() { return cudaGetDeviceCount() + c10_level(); }
"""
CUDA = """extern "C" int c10_cuda();
extern "C" int cublasCreate_v2();
extern "C" int cublasLtCreate();
extern "C" int cudnnCreate();
extern "C" int cufftCreate();
extern "C" int cusparseCreate();
extern "C" int ncclGetVersion();
extern "C" int torch_cuda() {
  return c10_cuda() + cublasCreate_v2() + cublasLtCreate() + cudnnCreate() + cufftCreate() + cusparseCreate() +
         ncclGetVersion();
}
"""

NVIDIA = {
    "nvjitlink": ("12.4.127", {"libnvJitLink.so.12": ("nvJitLinkCreate", "")}),
    "cuda_runtime": ("12.4.127", {"libcudart.so.12": ("cudaGetDeviceCount", "")}),
    "cublas": (
        "12.4.5.8",
        {"libcublasLt.so.12": ("cublasLtCreate", ""), "libcublas.so.12": ("cublasCreate_v2", "libcublasLt.so.12")},
    ),
    "cudnn": ("9.1.0.70", {"libcudnn.so.9": ("cudnnCreate", "")}),
    "cufft": ("11.2.1.3", {"libcufft.so.11": ("cufftCreate", "")}),
    "cusparse": ("12.3.1.170", {"libcusparse.so.12": ("cusparseCreate", "libnvJitLink.so.12")}),
    "nccl": ("2.21.5", {"libnccl.so.2": ("ncclGetVersion", "")}),
}
"""NVIDIA's wheels: version, and each library's symbol and what it needs."""
WITH_VERSIONS = frozenset({"libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libnvJitLink.so.12"})
"""Libraries whose symbols have a version, named as the file is."""


def init() -> str:
    """The __init__.py."""
    return Path(__file__).with_name("init.py.txt").read_text()


def modules(version: str, cuda: str | None) -> dict[str, bytes]:
    """Every Python file of torch and its siblings, by its path from site-packages."""
    dotted = {name: text for part in (MODULES, INNER, NOT_IMPORTED) for name, text in part.items()}
    dotted |= {f"{name}.__init__": text for name, text in PACKAGES.items()}
    files = {f"torch/{name.replace('.', '/')}.py": text for name, text in dotted.items()}
    files |= {"torch/__init__.py": init(), "torch/version.py": VERSION.format(version=version, cuda=cuda)}
    files |= {"torch/_C/__init__.pyi": "def name() -> str: ...\n", "torch/py.typed": ""}
    files |= {"torchgen/__init__.py": "", "torchgen/model.py": "import yaml\n", "functorch/__init__.py": ""}
    return {path: text.encode() for path, text in files.items()}
