"""From `venv:PATH` to an environment of this machine: venv, virtualenv, uv's, or a prefix of conda's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import NotFound, PlatformMissing, Unsupported
from inspector.home import home_directory
from inspector.oci import ImageConfig, Platform, RuntimeConfig
from inspector.sources.access import Unread
from inspector.sources.assemble import single_image
from inspector.sources.image import Image, Layer
from inspector.sources.kinds import is_root, is_venv
from inspector.sources.platforms import own_platform, same
from inspector.sources.rootfs.config import DEFAULT_PATH
from inspector.sources.venv.machine import Machine

if TYPE_CHECKING:
    from inspector.reference import Reference
    from inspector.sources.platforms import Wanted

_LEFT_ASIDE = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD")
"""Variables of the caller that change what Python imports or loads, and that an environment doesn't set."""


def open_venv(reference: Reference, wanted: Wanted) -> tuple[Image, ...]:
    """Open the environment. No file of it is read yet.

    Raises `NotFound`, `PlatformMissing`, and `Unsupported` on other systems than Linux.
    """
    if sys.platform != "linux":
        raise Unsupported(f"{reference}: environments are read on Linux alone, as its loader decides what they import")
    prefix = os.path.abspath(reference.name)  # noqa: PTH100 - Python does not follow links for its prefix either
    _refuse_other(reference, Path(prefix))
    own = own_platform()
    if isinstance(wanted, Platform) and not same(wanted, own):
        raise PlatformMissing(f"{reference}: is for {own}, as this machine is, not for {wanted}; leave out --platform")
    image = single_image(
        reference.text,
        reference.scheme.value,
        Layer(blob=Unread(), walked=True),
        _activated(prefix),
        own,
        warnings=_warnings(Path(prefix)),
    )
    machine = Machine((os.path.realpath(prefix),))
    return (msgspec.structs.replace(image, unstated=True, machine=machine),)


def _refuse_other(reference: Reference, prefix: Path) -> None:
    """Raise `NotFound` for what is no environment, or one whose Python is gone."""
    if not prefix.is_dir():
        raise NotFound(f"{reference}: no such directory: {reference.name}")
    python = prefix / "bin" / "python"
    if not os.path.lexists(python):
        if (prefix / "Scripts" / "python.exe").exists():
            raise NotFound(f"{reference}: an environment of Windows; those of Linux are read")
        if not is_venv(prefix) and is_root(prefix):
            raise NotFound(f"{reference}: a root file system, not an environment; write rootfs:{reference.name}")
        raise NotFound(f"{reference}: no environment of Python: no bin/python in it")
    if not os.access(python, os.X_OK):
        leads = os.path.realpath(python)
        why = "can't be executed" if Path(leads).exists() else "is gone"
        raise NotFound(f"{reference}: its bin/python leads to {leads!a}, which {why}; make the environment again")


def _activated(prefix: str) -> ImageConfig:
    """Return what a shell of this user has once the environment is activated, and of the caller's variables HOME alone.

    The working directory is this process's, since `python -c` searches it first.
    """
    home = home_directory()
    env = [f"PATH={prefix}/bin:{DEFAULT_PATH}"]
    env += [f"HOME={home}"] if home is not None else []
    is_conda = (Path(prefix) / "conda-meta").is_dir()
    env.append(f"{'CONDA_PREFIX' if is_conda else 'VIRTUAL_ENV'}={prefix}")
    try:
        here = os.getcwd()  # noqa: PTH109 - the text is wanted
    except OSError:  # it was removed
        here = "/"
    return ImageConfig(config=RuntimeConfig(env=env, user=str(os.geteuid()), working_dir=here))


def _warnings(prefix: Path) -> list[str]:
    told = [
        f"{name} is set in this shell, and was left aside: the environment is judged without it"
        for name in _LEFT_ASIDE
        if os.environ.get(name)
    ]
    scripts = prefix / "etc" / "conda" / "activate.d"
    if scripts.is_dir() and any(scripts.iterdir()):
        told.append(f"what {str(scripts)!a} sets on activation was left aside")
    return told
