"""Environments of conda and its kin: where they lie, and what activating one changes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from inspector.python.environment import Environment
from inspector.python.files import join, read_text
from inspector.python.which import Found
from inspector.rootfs import Rootfs, is_dir

_SETTING = re.compile(r"^(auto_activate|auto_activate_base|default_activation_env):[ \t]*([\w.-]{0,100})", re.MULTILINE)


def root_of(fs: Rootfs, found: Found, environment: Environment) -> str:
    """Return the installation that a `conda` or `micromamba` works on."""
    for name in ("MAMBA_ROOT_PREFIX", "CONDA_ROOT"):
        if environment.get(name):
            return environment.get(name)
    for path in (found.resolved, found.path):
        prefix = posixpath.dirname(posixpath.dirname(path))
        if is_dir(fs, f"{prefix}/conda-meta"):
            return prefix
    return join(environment.home, "micromamba")


def starts_base(fs: Rootfs, root: str, environment: Environment) -> bool | None:
    """Tell whether conda's hook activates the environment base, as it does unless configured; None if that isn't known.

    Raises `NotKept`.
    """
    for name in ("CONDA_AUTO_ACTIVATE", "CONDA_AUTO_ACTIVATE_BASE"):
        if environment.get(name):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
                environment.get(name).lower()
            )
    stated: dict[str, str] = {}
    home = environment.home
    for path in ("/etc/conda/.condarc", f"{root}/.condarc", f"{home}/.conda/.condarc", f"{home}/.condarc"):
        stated |= dict(_SETTING.findall(read_text(fs, path) or ""))
    if environment.get("CONDARC") or "default_activation_env" in stated:
        return None
    return not any(value.lower() in ("false", "no", "off") for value in stated.values())


def environment_named(fs: Rootfs, root: str, name: str, environment: Environment) -> str | None:
    """Return the folder of an environment by its name or path; None where there is none."""
    if "/" in name:
        path = join(environment.cwd, name)
        return path if is_dir(fs, f"{path}/conda-meta") else None
    folders = [f"{root}/envs/{name}", join(environment.home, ".conda/envs", name)]
    stated = environment.get("CONDA_ENVS_PATH") or environment.get("CONDA_ENVS_DIRS")
    folders = [*(join(part, name) for part in stated.split(":") if part), *folders]
    if name in ("base", "root"):
        folders = [root]
    return next((folder for folder in folders if is_dir(fs, f"{folder}/conda-meta")), None)


def active(prefix: str, root: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that activating `prefix` sets; the programs of one that was active before go from PATH."""
    path = [folder for folder in variables.get("PATH", "").split(":") if folder]
    before = variables.get("CONDA_PREFIX", "")
    if before:
        path = [folder for folder in path if folder != f"{before}/bin"]
    first = [f"{prefix}/bin", f"{root}/condabin"]
    path = [*first, *(folder for folder in path if folder not in first)]
    name = "base" if prefix == root else posixpath.basename(prefix)
    return {"PATH": ":".join(path), "CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": name}
