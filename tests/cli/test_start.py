"""What a command imports on its way to a verdict; how long that takes, the bench tells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.testing.engine import FakeEngine
from tests.cli.program import clean_environment
from tests.sources.engine import unpacked

SELDOM = (
    "asyncio",
    "dataclasses",
    "email",
    "http",
    "inspect",
    "ipaddress",
    "logging",
    "msgspec.inspect",
    "packaging.version",
    "platform",
    "rich",
    "ssl",
    "subprocess",
    "textwrap",
    "tokenize",
    "traceback",
    "typing_extensions",
    "urllib3",
    "inspector.gpu.models",
    "inspector.policy.dockerfile",
    "inspector.policy.fleets",
    "inspector.policy.installers",
    "inspector.policy.roletest",
    "inspector.registry",
    "inspector.runtime",
)
"""What neither a verdict that is known needs nor one that is found in an archive."""
NOT_TO_KNOW = (
    "json",
    "inspector.elf",
    "inspector.facts.from_layers",
    "inspector.layers.entries",
    "inspector.layers.indexer",
    "inspector.layers.tar",
    "inspector.loader",
    "inspector.oci.gojson",
    "inspector.python.shell",
    "inspector.sources.files",
    "inspector.sources.registry",
    "inspector.torchbuild.find",
)
NOT_TO_READ = (
    "packaging",
    "socket",
    "sqlite3",
    "inspector.engine",
    "inspector.gpu.rocm",
    "inspector.gpu.xpu",
    "inspector.http",
    "inspector.imports.find",
    "inspector.loader.musl",
    "inspector.python.shell.lexer",
    "inspector.python.shell.run",
    "inspector.sources.directory",
    "inspector.sources.sif",
    "inspector.sources.streamed",
)
_PROGRAM = """
import sys
from inspector.cli.libraries import import_click, import_msgspec
import_click()
import_msgspec()
from inspector.cli.root import cli
if "docker:api:1" in sys.argv:
    from inspector.sources.engine import overlay2
    overlay2.hidden_marks = lambda _: ""
cli.main([*sys.argv[1:]], standalone_mode=False)
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def test_a_verdict_that_is_known_imports_only_what_tells_it(tmp_path: Path) -> None:
    (tmp_path / "inspector.toml").write_text('[roles.api]\nmatch = ["api:1"]\ntorch = "absent"\n')
    image = right_images()["backend-prod"].with_steps(tags=["api:1"])
    root = unpacked.overlay2(tmp_path / "engine", image)
    with FakeEngine("graph", [image], info={"DockerRootDir": str(root)}) as engine:
        place = {"DOCKER_HOST": engine.address, "INSPECTOR_CACHE_DIR": str(tmp_path / "cache")}
        outputs = [_checked(tmp_path, place, "inspector.toml", "docker:api:1") for _ in range(2)]
    loaded = set(outputs[-1].splitlines())
    assert {"inspector.facts.known", "inspector.engine.client"} <= loaded
    assert loaded & {*SELDOM, *NOT_TO_KNOW} == set()


def test_an_archive_is_read_without_what_few_images_need(tmp_path: Path) -> None:
    FORMS["docker-24"](tmp_path / "worker.tar", [right_images()["worker-gpu"]])
    output = _checked(tmp_path, {}, "--no-cache", "--torch", "cuda", "worker.tar")
    loaded = set(output.splitlines())
    assert {"inspector.loader.glibc", "inspector.gpu.find", "inspector.sources.seekable"} <= loaded
    brought = {"inspect", "tokenize"} if sys.version_info >= (3, 12) else set()  # by `isinstance` of a protocol
    assert loaded & {*SELDOM, *NOT_TO_READ} <= brought


def _checked(folder: Path, place: dict[str, str], *arguments: str) -> str:
    """Check an image in a process of its own; the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "check", *arguments],
        env=clean_environment(place),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PASS" in done.stdout, done.stderr
    return done.stderr
