"""Which libraries of NVIDIA's torch's own `__init__` preloads, read from its source: they differ by release."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from inspector.loader.model import Library, Preloads
from inspector.work.parsing import parse_python

MAX_LIBRARIES = 100
MAX_TEXT = 64 << 10
"""Characters of the functions that matter; those of 2.13 have 5,000."""
MAX_NESTING = 1500
"""Signs and words that may put one expression into another, at 500 bytes of the C stack for each."""
_NESTING = re.compile(
    r"[({\[.~+\-*/%@&|^<>=!]+?|\b(?:and|async|await|class|elif|else|except|for|if|in|is|lambda|not|or|try|while|with)\b"
)
_FUNCTION = re.compile(
    r"^def (?:_load_global_deps|_preload_cuda_deps|_preload_cuda_lib|_get_cuda_dep_paths)\(.*\n(?:(?:[ \t)#].*)?\n)*",
    re.MULTILINE,
)
_OPENS = re.compile(r"^(?![ \t#]).*(?:CDLL|LoadLibrary)\(.*", re.MULTILINE)
_FIRST = re.compile(r"^[ \t]*(?:_load_global_deps\(\)|from torch\._C import)", re.MULTILINE)
MAX_LINE = 400
"""Characters of a line that opens a library."""
_LIBRARY = r"lib[\w+-]+\.so"
_OLDEST = (("cublas", "libcublas.so.11"), ("cudnn", "libcudnn.so.8"))
_MAPS = "/proc/self/maps"


def read_preloads(source: str | bytes) -> Preloads:
    """Return what the text of `torch/__init__.py` preloads. Raises `SyntaxError`, `ValueError`, `RecursionError`."""
    functions = {node.name: node for node in _parsed(_relevant(source)).body if isinstance(node, ast.FunctionDef)}
    libraries = next((found for node in functions.values() if (found := _listed(node))), ())
    if not libraries:
        return _oldest(functions.get("_preload_cuda_deps"))
    optional = tuple(_called(functions.get("_preload_cuda_deps"), "_preload_cuda_lib"))
    begin = functions.get("_load_global_deps")
    mapped = _mapped(begin)
    some = tuple(_called(begin, "_preload_cuda_deps")) if mapped else ()
    return Preloads(
        libraries=libraries,
        optional=optional,
        triggers=tuple(pattern.split(".", 1)[0] for _, pattern in libraries),
        mapped=mapped,
        afterwards=(some or libraries) if mapped else (),
        optional_afterwards=optional if mapped and not some else (),
        by_release=any(_names_release(node) for node in functions.values()),
        plain=any(_looks_beside(node) for node in functions.values()),
    )


def read_opened(source: str | bytes, package: str) -> tuple[tuple[str, bool], ...] | None:
    """Return the libraries that `torch/__init__.py` opens by lines of its own before it does any other.

    Each is a path, and whether it is opened with RTLD_GLOBAL. None where that can't be told.
    """
    text = source if isinstance(source, str) else source.decode("utf-8", "replace")
    first = _FIRST.search(text)
    opened: list[tuple[str, bool]] = []
    for match in _OPENS.finditer(text):
        if first is None or match.start() > first.start() or len(opened) >= MAX_LIBRARIES:
            return None
        try:
            library = _opened(parse_python(match[0][:MAX_LINE]).body, package)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            library = None
        if library is None:
            return None
        opened.append(library)
    return tuple(opened)


def _opened(body: list[ast.stmt], package: str) -> tuple[str, bool] | None:
    """Return what `ctypes.CDLL(path)` opens; None for any other statement."""
    match body:
        case [ast.Expr(value=ast.Call(func=function, args=[argument], keywords=named))]:
            modes = {f"{each.arg}={ast.unparse(each.value)}" for each in named}
            path = _path(argument, package)
            plain = ast.unparse(function) == "ctypes.CDLL" and modes <= {"mode=ctypes.RTLD_GLOBAL"}
            return (path, bool(modes)) if plain and path else None
        case _:
            return None


def _path(node: ast.expr, package: str) -> str | None:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Call(func=function, args=[first, *rest], keywords=[]) if ast.unparse(function) == "os.path.join":
            parts = [each.value for each in rest if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            here = ast.unparse(first) == "os.path.dirname(__file__)"
            plain = len(parts) == len(rest) and not any(each.startswith("/") for each in parts)
            return "/".join([package, *parts]) if here and plain else None
        case _:
            return None


def _relevant(source: str | bytes) -> str:
    """Return the functions that matter alone: parsing all of torch's 120 KB takes ten times as long."""
    text = source if isinstance(source, str) else source.decode("utf-8")
    return "".join(match[0] for match in _FUNCTION.finditer(text.replace("\r\n", "\n")))


def _parsed(text: str) -> ast.Module:
    """Parse what can't exhaust the stack of a thread."""
    if len(text) > MAX_TEXT or sum(1 for _ in _NESTING.finditer(text)) > MAX_NESTING:
        raise ValueError("its functions are longer than torch's")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stray escape in the image's source is no warning of ours
        return parse_python(text)


def _oldest(preload: ast.FunctionDef | None) -> Preloads:
    """Return what torch 1.13 does: two libraries, named in the code."""
    texts = (
        {node.value for node in ast.walk(preload) if isinstance(node, ast.Constant)} if preload is not None else set()
    )
    if "libcublas.so.11" not in texts:
        return Preloads()
    return Preloads(libraries=_OLDEST, triggers=("libcublas.so.11",), together=True)


def _listed(function: ast.FunctionDef) -> tuple[Library, ...]:
    """Return the literal, `cuda_libs` in PyTorch, that pairs folders with patterns of libraries: a list, or a dict."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        named = isinstance(target, ast.Name) and target.id == "cuda_libs"
        try:
            pairs = _pairs(ast.literal_eval(node.value))
        except (ValueError, TypeError):
            if named:
                raise
            continue
        if named or (pairs and all(re.match(_LIBRARY, pattern) for _, pattern in pairs)):
            return pairs
    return ()


def _pairs(value: object) -> tuple[Library, ...]:
    """Return a literal's pairs of texts. Raises `ValueError`, `TypeError` where it holds anything else."""
    pairs = value.items() if isinstance(value, dict) else value
    found = [(folder, pattern) for folder, pattern in pairs]  # type: ignore[attr-defined]
    if not all(isinstance(text, str) for pair in found for text in pair) or len(found) > MAX_LIBRARIES:
        raise ValueError("cuda_libs holds something other than names")
    return tuple(found)


def _called(function: ast.FunctionDef | None, name: str) -> Iterator[Library]:
    """Yield what a function is called with, where that is two texts."""
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            given = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if len(given) == 2:
                yield given[0], given[1]


def _names_release(function: ast.FunctionDef) -> bool:
    """Tell whether a folder's name is made of `cu` and a release."""
    texts = [node.values[0] for node in ast.walk(function) if isinstance(node, ast.JoinedStr) and node.values]
    return any(isinstance(text, ast.Constant) and text.value == "cu" for text in texts)


def _looks_beside(function: ast.FunctionDef) -> bool:
    """Tell whether a path is joined of an entry of sys.path and a library's folder, without `nvidia` between them."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
            names = [each.id for each in node.args[:2] if isinstance(each, ast.Name)]
            if names == ["path", "lib_folder"]:
                return True
    return False


def _mapped(function: ast.FunctionDef | None) -> str:
    """Return the text that is looked for in the list of what is mapped."""
    if function is None or not any(
        isinstance(node, ast.Constant) and node.value == _MAPS for node in ast.walk(function)
    ):
        return ""
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.NotIn) and isinstance(node.left, ast.Constant):
            return str(node.left.value)
    return ""
