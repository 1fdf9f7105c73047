"""What threads meet for the first time, all at once."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.oci import decoder
from tests.cli.program import clean_environment

ROOT = Path(__file__).parents[1]
CODE = """
import sys, threading
import msgspec
from inspector.oci import converted, parse

class Inner(msgspec.Struct):
    name: str = ""

def meet(number):
    fields = [(f"field{at}", Inner | None, None) for at in range(5)]
    parts = [(f"part{at}", msgspec.defstruct(f"Part{at}", fields) | None, None) for at in range(5)]
    kind = msgspec.defstruct(f"Outer{number}", parts)
    ready = threading.Barrier(8)
    def read():
        ready.wait()
        @READ@
    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

sys.setswitchinterval(1e-6)
for number in range(100):
    meet(number)
"""


READS = (
    """parse(b'{"part4": {"field4": {"name": "x"}}}', kind, "here")""",
    """converted({"part4": {"field4": {"name": "x"}}}, kind)""",
)
PREPARED = {f"inspector/oci/{name}.py" for name in ("documents", "gojson")}
CALL = re.compile(rb"msgspec\.(?!field\b|structs\b)[\w.]+\(")
"""What a module without need not be parsed for."""
OF_ONE_THREAD = {f"inspector/policy/{name}.py" for name in ("baselines", "location")}
WITHOUT_SHARED_TYPES = {
    "inspector/engine/documents.py",
    "inspector/layers/toc/document.py",
    "inspector/policy/instructions.py",
    "inspector/registry/lists.py",
}


@pytest.mark.parametrize("read", READS, ids=["parse", "converted"])
def test_a_type_that_threads_meet_at_the_same_time_is_prepared_by_one(read: str) -> None:
    """Without, msgspec reads a type that another thread is still describing, and the process is gone."""
    code = CODE.replace("@READ@", read)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), check=False, timeout=60)
    assert done.returncode == 0


def test_no_other_module_builds_types_while_threads_run() -> None:
    """`check` of known images crashed so in one run of eight: each thread converted the facts of one."""
    building = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "inspector").rglob("*.py")
        if CALL.search(source := path.read_bytes())
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and _builds(call)
    }
    assert building == PREPARED | OF_ONE_THREAD | WITHOUT_SHARED_TYPES


def _builds(call: ast.Call) -> bool:
    """Whether msgspec is given a type."""
    name = ast.unparse(call.func)
    typed = name.startswith("msgspec.") and any(keyword.arg == "type" for keyword in call.keywords)
    return typed or name == "msgspec.convert" or (name.startswith("msgspec.") and name.endswith(".Decoder"))


def test_a_decoder_is_made_once() -> None:
    assert decoder(list[int]) is decoder(list[int])
    assert decoder(list[int]).decode(b"[1]") == [1]
