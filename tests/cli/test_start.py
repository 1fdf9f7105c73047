"""What a command imports on its way to a verdict that is known; how long that takes, the bench tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fixtures.roles import right_images
from inspector.testing.engine import FakeEngine
from tests.sources.engine import unpacked

NOT_NEEDED = (
    "asyncio",
    "dataclasses",
    "email",
    "http",
    "inspect",
    "json",
    "logging",
    "packaging.version",
    "rich",
    "ssl",
    "subprocess",
    "tokenize",
    "traceback",
    "typing_extensions",
    "urllib3",
    "inspector.elf",
    "inspector.facts.from_layers",
    "inspector.gpu.models",
    "inspector.layers.entries",
    "inspector.layers.indexer",
    "inspector.layers.tar",
    "inspector.loader",
    "inspector.oci.gojson",
    "inspector.policy.dockerfile",
    "inspector.policy.fleets",
    "inspector.policy.installers",
    "inspector.policy.roletest",
    "inspector.python.shell",
    "inspector.registry",
    "inspector.runtime",
    "inspector.sources.files",
    "inspector.sources.registry",
    "inspector.torchbuild.find",
)
_PROGRAM = """
import sys
from inspector.cli.libraries import import_click, import_msgspec
import_click()
import_msgspec()
from inspector.cli.root import cli
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
        outputs = [_checked(tmp_path, place) for _ in range(2)]
    loaded = set(outputs[-1].splitlines())
    assert {"inspector.facts.known", "inspector.engine.client"} <= loaded
    assert loaded & set(NOT_NEEDED) == set()


def _checked(folder: Path, place: dict[str, str]) -> str:
    """Check the image in a process of its own; the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "check", "inspector.toml", "docker:api:1"],
        env={**os.environ, **place},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PASS" in done.stdout, done.stderr
    return done.stderr
