"""Facts as values, for tests of what judges and what reports them: each of a whole and healthy image, to be changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from inspector.facts import Evidence, ImageFacts, LayerFacts, Size
from inspector.facts.runtime import Device, RuntimeFacts
from inspector.oci import Platform
from inspector.python.model import Distribution, Interpreter, Startup
from inspector.torchbuild.model import Build, Torch
from inspector.unknown import Importable, Unknown

SITE = "/app/.venv/lib/python3.11/site-packages"
NO_TORCH = Torch(installed=False, importable=Importable.NO)
UNSEEN = Unknown("only single files were asked for")


def digest(number: int) -> str:
    """Return a digest that is easy to recognise."""
    return "sha256:" + f"{number:x}".ljust(64, "0")


def layers(steps: Iterable[tuple[int, str | None]]) -> tuple[LayerFacts, ...]:
    """Return a layer for each size and build step; the first comes from the cache."""
    return tuple(
        LayerFacts(
            diff_id=digest(at + 1),
            digest=None,
            size=size,
            compressed_size=None,
            created_by=step,
            entries=size // 10_000 + 1,
            cached=at == 0,
        )
        for at, (size, step) in enumerate(steps)
    )


def interpreter(**changes: Any) -> Interpreter:
    """Return the `python` of a virtual environment."""
    values: dict[str, Any] = {
        "command": "python",
        "path": "/app/.venv/bin/python",
        "resolved": "/usr/local/bin/python3.11",
        "implementation": "CPython",
        "version": "3.11.9",
        "search_path": ("", SITE),
        "machine": "x86_64",
        "runs": "yes",
    }
    return Interpreter(**{**values, **changes})


def torch(build: Build, version: str, size: int, **changes: Any) -> Torch:
    """Return a whole torch of the build."""
    values: dict[str, Any] = {
        "installed": True,
        "importable": "yes",
        "version": version,
        "distribution_version": version,
        "build": build,
        "path": f"{SITE}/torch",
        "size": size,
        "stack_size": size + 31_000_000,
    }
    return Torch(**{**values, **changes})


def distribution(name: str, version: str, size: int | None = 1_000, layer: int | None = 1) -> Distribution:
    """Return what uv installed."""
    path = f"{SITE}/{name}-{version}.dist-info"
    return Distribution(name=name, version=version, path=path, size=size, installer="uv", layer=layer)


def evidence(**changes: Any) -> Evidence:
    """Return the evidence of an image whose layers were all read."""
    values: dict[str, Any] = {
        "bytes_read": 40_000,
        "layers_read": 3,
        "layers_cached": 0,
        "digests_verified": True,
        "how": "seek",
        "proof": "loader",
    }
    return Evidence(**{**values, **changes})


def asked(**changes: Any) -> Evidence:
    """Return the evidence of an image whose files were asked for one by one."""
    single: dict[str, Any] = {
        "bytes_read": 1_200_000,
        "layers_read": 0,
        "digests_verified": False,
        "how": "archive",
        "access": "files",
        "questions": 58,
        "proof": "files",
    }
    return evidence(**{**single, **changes})


def image(name: str, found: Torch = NO_TORCH, **changes: Any) -> ImageFacts:
    """Return the facts of an archive's image with this torch; `layers` must be given."""
    values: dict[str, Any] = {
        "reference": "docker-archive:api.tar",
        "source": "docker-archive",
        "image_id": "sha256:" + "f" * 64,
        "platform": Platform("linux", "amd64"),
        "size": Size(sum(layer.size for layer in changes["layers"]), None),
        "startup": Startup(argv=("uvicorn", "app:app"), path="/app/.venv/bin/uvicorn", starts="yes"),
        "interpreter": interpreter(),
        "distributions": (),
        "torch": found,
        "torch_elsewhere": (),
        "warnings": (),
        "evidence": evidence(),
        "tags": (name,),
    }
    return ImageFacts(**{**values, **changes})


def partial(whole: ImageFacts, **changes: Any) -> ImageFacts:
    """Return the same image as partial inspection sees it: single files, no layers."""
    found = whole.torch
    values: dict[str, Any] = {
        "source": "docker",
        "image_id": None,
        "layers": tuple(replace(layer, size=None, entries=None, cached=False) for layer in whole.layers),
        "distributions": UNSEEN,
        "torch": replace(found, size=None, stack_size=None, layer=None, created_by=None) if found.installed else found,
        "torch_elsewhere": UNSEEN,
        "evidence": asked(passed_over=("storage: its files can't be read",)),
    }
    return replace(whole, **{**values, **changes})


def on_a_gpu(**changes: Any) -> RuntimeFacts:
    """Return what an image said that was run where there is a GPU."""
    values: dict[str, Any] = {
        "ran": True,
        "gpu": True,
        "imported": True,
        "is_available": True,
        "devices": (Device(name="NVIDIA A10", capability="8.6", memory=23_000_000_000),),
        "computed": True,
    }
    return RuntimeFacts(**{**values, **changes})
