"""The installers that make images, each with its own words for what to change in one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from inspector.facts import ImageFacts
from inspector.policy.model import Pointer
from inspector.policy.versions import within
from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.unknown import Unknown

WHEELS = "https://download.pytorch.org/whl/"
_CUDA = ("13.0", "12.9", "12.8", "12.6", "12.4", "12.1", "11.8")
"""CUDA versions that PyTorch has an index for, or had."""
_INDEX = {"rocm": "rocm6.4"}
"""Index by the kind of build, where it isn't the kind's own name."""
_TOOLS = frozenset({"pip", "setuptools", "wheel", "uv", "poetry", "pdm"})
"""Distributions that are not what an image is made for, so how they came says little."""
_STEP = 4096
"""Characters of a build step that are searched for commands."""
_NAME = r"[^\w.*?-]"
_COMMANDS = r"[;&|\n]"


class Installer(msgspec.Struct, frozen=True, kw_only=True):
    """One installer. `marks` are what it writes into INSTALLER, `through` the marks of others that it works through.

    `step` fits its commands in a build step from their beginning, with atomic groups where it could look back far: an
    image chooses that text. The other texts are templates: `{what}` is a requirement or a name, `{name}` a name alone;
    those of `torch`, by the kind of build ("any" for whichever, "" for all others), know `{index}`, `{cuda}`, `{major}`
    and `{url}`. `names` are distributions that it knows by another name, `prefix` is what it puts before all.
    """

    marks: tuple[str, ...]
    step: str
    add: str
    leave_out: str
    torch: dict[str, str]
    through: tuple[str, ...] = ()
    names: dict[str, str] = {}
    prefix: str = ""

    def adding(self, requirement: str) -> str:
        """Say how to install what a requirement asks for."""
        return self.add.format(what=self._named(requirement), name=self._named(re.split(_NAME, requirement)[0]))

    def leaving_out(self, name: str) -> str:
        """Say how to keep a distribution, or those of a pattern, out of the image."""
        return self.leave_out.format(what=self._named(name))

    def installing_torch(self, build: str | None, cuda: str) -> str:
        """Say how to install torch of a kind of build, for a CUDA version; any kind if None."""
        text = self.torch.get(build or "any", self.torch[""])
        index = f"cu{cuda.replace('.', '')}" if build == "cuda" else _INDEX.get(build or "", build)
        return text.format(index=index, cuda=cuda, major=cuda.partition(".")[0], url=WHEELS)

    def _named(self, requirement: str) -> str:
        """Put the installer's own name for a distribution in the place of its name; a pattern stays."""
        name = re.split(_NAME, requirement)[0]
        if "*" in name:
            return requirement
        return self.prefix + self.names.get(canonical(name), name) + requirement.removeprefix(name)


_AT = "wheels of it are at {url}{index}"
PIXI = Installer(
    marks=("pixi", "uv-pixi"),
    through=("conda", "uv"),
    step=r".*?\bpixi\s+(?:install|add|run|shell-hook)\b",
    add="`pixi add '{what}'`",
    leave_out="take {what}, and what requires it, out of the environment that `pixi install` makes",
    torch={
        "any": "`pixi add pytorch`",
        "cpu": "`pixi add pytorch-cpu`",
        "cuda": "`pixi add pytorch-gpu 'cuda-version={cuda}.*'`, with CUDA {major} declared for the platform",
        "": f"its channels have no package of it; {_AT}",
    },
    names={"torch": "pytorch"},
)
POETRY = Installer(
    marks=("poetry",),
    through=("pip",),
    step=r".*?\bpoetry\s+(?:install|add|sync)\b",
    add="`poetry add '{what}'`",
    leave_out="take {what}, and what requires it, out of the groups that `poetry install` installs (`--without GROUP`)",
    torch={
        "any": "`poetry add torch`",
        "": "`poetry source add --priority=explicit pytorch-{index} {url}{index}`, then "
        "`poetry add --source pytorch-{index} torch`",
    },
)
PDM = Installer(
    marks=("pdm",),
    through=("pip", "uv"),
    step=r".*?\bpdm\s+(?:install|add|sync)\b",
    add="`pdm add '{what}'`",
    leave_out="take {what}, and what requires it, out of the groups that `pdm sync` installs (`--without GROUP`)",
    torch={
        "any": "`pdm add torch`",
        "": 'add a `[[tool.pdm.source]]` to pyproject.toml with `name = "pytorch-{index}"`, `url = "{url}{index}"` and '
        '`include_packages = ["torch"]`, then `pdm add torch`',
    },
)
UV = Installer(
    marks=("uv",),
    step=r".*?\buv\s+(?:sync|add|run)\b",
    add="`uv add '{what}'`",
    leave_out="take {what}, and what requires it, out of the dependencies that `uv sync` installs",
    torch={
        "any": "`uv add torch`",
        "": "`uv add torch --index pytorch-{index}={url}{index}`, which names the index in `[tool.uv.sources]`; add "
        "`explicit = true` to its `[[tool.uv.index]]`",
    },
)
UV_PIP = Installer(
    marks=(),
    through=("uv",),
    step=r".*?\buv\s+pip\s+(?:install|sync)\b",
    add="`uv pip install '{what}'`",
    leave_out="leave {what}, and what requires it, out of what `uv pip install` installs",
    torch={"any": "`uv pip install torch`", "": "`uv pip install torch --torch-backend={index}`"},
)
CONDA = Installer(
    marks=("conda",),
    step=r"(?>.*?\b(?:micromamba|mamba|conda)\s).*\b(?:install|create|update)\b",
    add="`conda install '{what}'`",
    leave_out="leave {what}, and what requires it, out of environment.yml and of what `conda install` installs",
    torch={
        "any": "`conda install -c conda-forge pytorch`",
        "cpu": "`conda install -c conda-forge pytorch-cpu`",
        "cuda": "`conda install -c conda-forge pytorch-gpu 'cuda-version={cuda}'`",
        "": f"its channels have no package of it; {_AT}",
    },
    names={"torch": "pytorch"},
)
PIP = Installer(
    marks=("pip",),
    step=r".*?\bpip[0-9.]{0,5}\s+install\b",
    add="`pip install '{what}'`",
    leave_out="leave {what}, and what requires it, out of what `pip install` installs",
    torch={"any": "`pip install torch`", "": "`pip install torch --index-url {url}{index}`"},
)
APT = Installer(
    marks=("debian", "apt"),
    step=r"(?>.*?\bapt(?:-get)?\s)(?>.*?\binstall\s).*\bpython3-(?!pip\b|venv\b|dev\b|setuptools\b|wheel\b|minimal\b)",
    add="`apt-get install {name}`",
    leave_out="leave {what}, and what depends on it, out of what `apt-get install` installs",
    torch={
        "any": "`apt-get install python3-torch`",
        "cpu": "`apt-get install python3-torch`",
        "cuda": "`apt-get install python3-torch-cuda`",
        "rocm": "`apt-get install python3-torch-rocm`",
        "": f"Debian has no package of it; {_AT}",
    },
    prefix="python3-",
)
UNKNOWN = Installer(
    marks=(),
    step="",
    add="with the installer that makes the image",
    leave_out="leave {what}, and what requires it, out of the image",
    torch={"any": "whichever build it is", "": _AT},
)
INSTALLERS = (PIXI, POETRY, PDM, UV, UV_PIP, CONDA, PIP, APT)
"""All that are known; one that works through others comes before them."""


def cuda_release(wanted: str | None) -> str:
    """Choose the newest CUDA version with an index that lies in the range, or of all."""
    return next((release for release in _CUDA if wanted is not None and within(release, wanted) == "yes"), _CUDA[0])


def installer_of(facts: ImageFacts, at: Pointer) -> Installer:
    """Find what installed what was seen there: by INSTALLER or conda's record of it, and its build step.

    Where nothing tells, or nothing was seen, the other distributions do, and all steps of the build.
    """
    found = _distribution_at(facts, at)
    mark = _mark(found) if found else ""
    if not mark and at.created_by is None:
        met = Counter(filter(None, map(_mark, _listed(facts))))
        mark = met.most_common(1)[0][0] if met else ""
    steps = [at.created_by] if at.created_by is not None else [layer.created_by for layer in facts.layers]
    met_in = {each for step in steps if step for each in _named_in(step[:_STEP])}
    named = [INSTALLERS[each] for each in sorted(met_in)]
    if not mark:
        return named[0] if named else UNKNOWN
    for each in named:
        if mark in (*each.marks, *each.through):
            return each
    return next((each for each in INSTALLERS if mark in each.marks), UNKNOWN)


def _distribution_at(facts: ImageFacts, at: Pointer) -> Distribution | None:
    if at.path is None:
        return None
    of_torch = at.path == facts.torch.path
    known = () if isinstance(facts.distributions, Unknown) else facts.distributions
    return next(
        (each for each in known if each.path == at.path or (of_torch and canonical(each.name) == "torch")), None
    )


def _listed(facts: ImageFacts) -> Iterator[Distribution]:
    """List the distributions that an image is made for."""
    known = () if isinstance(facts.distributions, Unknown) else facts.distributions
    return (each for each in known if each.name.lower() not in _TOOLS)


def _mark(found: Distribution) -> str:
    """Take the first word of INSTALLER; or, by its path, what else installed a distribution."""
    if "/.pixi/envs/" in found.path:
        return "pixi"
    if found.installer:
        return found.installer.lower().split()[0] if found.installer.strip() else ""
    return "debian" if "/usr/lib/python3/dist-packages/" in found.path else ""


@lru_cache(1024)
def _named_in(step: str) -> frozenset[int]:
    """Find the installers, by their places in `INSTALLERS`, whose commands a build step holds."""
    commands = [" ".join(each.split()) for each in re.split(_COMMANDS, step)]
    return frozenset(at for at, each in enumerate(INSTALLERS) if any(re.match(each.step, one) for one in commands))
