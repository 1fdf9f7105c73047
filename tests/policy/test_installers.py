"""What made an image decides the words of advice: INSTALLER, conda's records, the build step."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from msgspec.structs import replace

from inspector.facts import ImageFacts
from inspector.policy.installers import (
    APT,
    CONDA,
    INSTALLERS,
    PDM,
    PIP,
    PIXI,
    POETRY,
    UNKNOWN,
    UV,
    UV_PIP,
    Installer,
    cuda_release,
    installer_of,
)
from inspector.policy.model import Pointer
from inspector.python.model import Distribution
from tests.effort import some
from tests.policy.cases import (
    CPU,
    CUDA,
    DOCKERFILE,
    LAYERS,
    NO_TORCH,
    SITE,
    UNSEEN,
    finding,
    glanced,
    image,
    installed,
    role,
)

COPIED = "COPY /app/.venv /app/.venv # buildkit"
COMMANDS = [
    (PIXI, r"pixi"),
    (POETRY, r"poetry"),
    (PDM, r"pdm|\.pdm\."),
    (UV, r"uv (?:sync|add|lock|remove)|tool\.uv"),
    (UV_PIP, r"uv pip"),
    (CONDA, r"conda"),
    (PIP, r"(?<!uv )pip (?:un)?install"),
    (APT, r"apt-get|python3-"),
]


def torch_by(installer: str | None, step: str | None, **changes: Any) -> ImageFacts:
    """An image whose torch, with its metadata, was installed so."""
    found = replace(installed("torch", "2.6.0"), installer=installer, **changes)
    layers = (LAYERS[0], replace(LAYERS[1], created_by=step), LAYERS[2])
    return image(replace(CUDA, created_by=step), layers=layers, distributions=(found,))


def at_torch(facts: ImageFacts) -> Pointer:
    return Pointer(path=facts.torch.path, layer=1, created_by=facts.layers[1].created_by)


@pytest.mark.parametrize(
    ("installer", "step", "expected"),
    [
        ("uv", "RUN uv sync --frozen", UV),
        ("uv", "RUN uv pip install --system torch", UV_PIP),
        ("uv", "RUN pip install uv && uv sync", UV),
        ("uv", "RUN pip install uv && uv pip install -r requirements.txt", UV_PIP),
        ("uv", COPIED, UV),
        ("uv", None, UV),
        ("uv", "RUN pdm sync --prod", PDM),
        ("uv", "RUN pixi install --locked", PIXI),
        ("uv-pixi", COPIED, PIXI),
        ("pip", "RUN pip install -r requirements.txt", PIP),
        ("pip", "RUN python3 -m pip install --no-cache-dir torch", PIP),
        ("pip", "|1 A=b /bin/sh -c pip3.11 install torch", PIP),
        ("pip", "RUN poetry install --only main", POETRY),
        ("pip", "RUN pip install poetry && poetry install", POETRY),
        ("pip", "RUN conda env update -f environment.yml", PIP),
        ("pip", "RUN apt-get install -y python3-torch && pip install torch", PIP),
        ("pip", "RUN ./install.sh", PIP),
        ("pip", "RUN uv sync", PIP),
        ("Poetry 2.1.1", COPIED, POETRY),
        ("Poetry 2.1.1", "RUN pip install poetry && poetry install", POETRY),
        ("pdm", "RUN pdm install", PDM),
        ("conda", "RUN mamba install -y pytorch", CONDA),
        ("conda", "RUN micromamba create -f env.yml && pip install x", CONDA),
        ("conda", "RUN pixi install", PIXI),
        ("conda", COPIED, CONDA),
        ("debian", "RUN apt-get update && apt-get install -y python3-torch", APT),
        ("hatch", COPIED, UNKNOWN),
        (" ", COPIED, UNKNOWN),
        (None, COPIED, UNKNOWN),
        (None, "RUN pip install torch", PIP),
        (None, "RUN uv sync", UV),
        (None, "RUN apt-get install -y python3-pip curl", UNKNOWN),
    ],
)
def test_what_installed_torch(installer: str | None, step: str | None, expected: Installer) -> None:
    facts = torch_by(installer, step)
    assert installer_of(facts, at_torch(facts)) == expected


@pytest.mark.parametrize(
    ("path", "installer", "expected"),
    [
        ("/usr/lib/python3/dist-packages/torch-2.6.0.egg-info", None, APT),
        ("/usr/local/lib/python3.11/dist-packages/torch-2.6.0.dist-info", "pip", PIP),
        ("/opt/conda/conda-meta/pytorch-2.6.0-cpu.json", "conda", CONDA),
        ("/app/.pixi/envs/default/conda-meta/pytorch-2.6.0-cpu.json", "conda", PIXI),
    ],
)
def test_a_path_tells_too(path: str, installer: str | None, expected: Installer) -> None:
    facts = torch_by(installer, COPIED, path=path)
    assert installer_of(facts, at_torch(facts)) == expected


def others(*installers: str | None) -> tuple[Distribution, ...]:
    return tuple(replace(installed(f"d{at}", "1"), installer=each) for at, each in enumerate(installers))


@pytest.mark.parametrize(
    ("distributions", "steps", "expected"),
    [
        (others("pip", "pip", "uv"), [], PIP),
        (others("conda", "conda", None), ["RUN conda install numpy"], CONDA),
        ((*others("uv"), *(installed(name, "1") for name in ("pip", "setuptools"))), ["RUN uv sync"], UV),
        (others("pip"), ["RUN apt-get install git", "RUN pip install poetry", "RUN poetry install"], POETRY),
        ((), ["RUN pip install poetry", "RUN poetry install"], POETRY),
        ((), ["RUN make"], UNKNOWN),
        (UNSEEN, ["RUN pip install -r requirements.txt"], PIP),
    ],
)
def test_what_makes_an_image_where_torch_is_missing(distributions: Any, steps: list[str], expected: Installer) -> None:
    layers = tuple(replace(LAYERS[0], created_by=step) for step in steps)
    facts = image(NO_TORCH, distributions=distributions, layers=layers)
    assert installer_of(facts, Pointer()) == expected


def test_single_files_tell_by_the_steps() -> None:
    assert installer_of(glanced(CPU), Pointer(path=CPU.path)) == UV


@pytest.mark.parametrize(
    ("installer", "cpu", "cuda", "absent"),
    [
        (
            PIP,
            "`pip install torch --index-url https://download.pytorch.org/whl/cpu`",
            "`pip install torch --index-url https://download.pytorch.org/whl/cu126`",
            "leave torch, and what requires it, out of what `pip install` installs",
        ),
        (
            UV,
            *(
                f"`uv add torch --index pytorch-{index}=https://download.pytorch.org/whl/{index}`, which names the "
                "index in `[tool.uv.sources]`; add `explicit = true` to its `[[tool.uv.index]]`"
                for index in ("cpu", "cu126")
            ),
            "take torch, and what requires it, out of the dependencies that `uv sync` installs",
        ),
        (
            UV_PIP,
            "`uv pip install torch --torch-backend=cpu`",
            "`uv pip install torch --torch-backend=cu126`",
            "leave torch, and what requires it, out of what `uv pip install` installs",
        ),
        (
            POETRY,
            *(
                f"`poetry source add --priority=explicit pytorch-{index} https://download.pytorch.org/whl/{index}`, "
                f"then `poetry add --source pytorch-{index} torch`"
                for index in ("cpu", "cu126")
            ),
            "take torch, and what requires it, out of the groups that `poetry install` installs (`--without GROUP`)",
        ),
        (
            PDM,
            *(
                f'add a `[[tool.pdm.source]]` to pyproject.toml with `name = "pytorch-{index}"`, '
                f'`url = "https://download.pytorch.org/whl/{index}"` and `include_packages = ["torch"]`, '
                "then `pdm add torch`"
                for index in ("cpu", "cu126")
            ),
            "take torch, and what requires it, out of the groups that `pdm sync` installs (`--without GROUP`)",
        ),
        (
            CONDA,
            "`conda install -c conda-forge pytorch-cpu`",
            "`conda install -c conda-forge pytorch-gpu 'cuda-version=12.6'`",
            "leave pytorch, and what requires it, out of environment.yml and of what `conda install` installs",
        ),
        (
            PIXI,
            "`pixi add pytorch-cpu`",
            "`pixi add pytorch-gpu 'cuda-version=12.6.*'`, with CUDA 12 declared for the platform",
            "take pytorch, and what requires it, out of the environment that `pixi install` makes",
        ),
        (
            APT,
            "`apt-get install python3-torch`",
            "`apt-get install python3-torch-cuda`",
            "leave python3-torch, and what depends on it, out of what `apt-get install` installs",
        ),
        (
            UNKNOWN,
            "wheels of it are at https://download.pytorch.org/whl/cpu",
            "wheels of it are at https://download.pytorch.org/whl/cu126",
            "leave torch, and what requires it, out of the image",
        ),
    ],
)
def test_the_exact_change(installer: Installer, cpu: str, cuda: str, absent: str) -> None:
    told = (installer.installing_torch("cpu", "12.8"), installer.installing_torch("cuda", "12.6"))
    assert (*told, installer.leaving_out("torch")) == (cpu, cuda, absent)


@pytest.mark.parametrize("installer", [*INSTALLERS, UNKNOWN])
@pytest.mark.parametrize("build", [None, "cpu", "cuda", "rocm", "xpu"])
def test_no_advice_names_a_step_of_another_installer(installer: Installer, build: str | None) -> None:
    texts = [
        installer.installing_torch(build, "12.8"),
        installer.adding("fastapi>=0.100"),
        installer.leaving_out("nvidia-*"),
    ]
    for other, command in COMMANDS:
        if other != installer:
            assert not re.search(rf"\b(?:{command})", " ".join(texts)), other


@pytest.mark.parametrize(
    ("installer", "requirement", "told"),
    [
        (PIP, "fastapi>=0.100", "`pip install 'fastapi>=0.100'`"),
        (CONDA, "torch>=2.3", "`conda install 'pytorch>=2.3'`"),
        (CONDA, "Torch", "`conda install 'pytorch'`"),
        (CONDA, "torchvision", "`conda install 'torchvision'`"),
        (APT, "fastapi>=0.100", "`apt-get install python3-fastapi`"),
        (UNKNOWN, "fastapi", "with the installer that makes the image"),
    ],
)
def test_a_requirement_in_an_installer_s_own_names(installer: Installer, requirement: str, told: str) -> None:
    assert installer.adding(requirement) == told


@pytest.mark.parametrize(
    ("wanted", "release"),
    [
        (None, "13.0"),
        (">=12,<13", "12.9"),
        (">=13,<14", "13.0"),
        ("==12.4.*", "12.4"),
        (">=11,<12", "11.8"),
        (">99", "13.0"),
    ],
)
def test_the_cuda_that_an_index_is_named_for(wanted: str | None, release: str) -> None:
    assert cuda_release(wanted) == release


def test_the_words_of_the_image_reach_every_finding() -> None:
    facts = torch_by("pip", "RUN pip install -r requirements.txt")
    origin = "; it came with the step `RUN pip install -r requirements.txt` (layer 2 of 3, 730 MB)"
    where = f"{DOCKERFILE}: "
    absent = "leave torch, and what requires it, out of what `pip install` installs"
    wheels = "https://download.pytorch.org/whl/cpu"
    cpu = f"install the CPU build: `pip install torch --index-url {wheels}`"
    assert finding(facts, role(torch="absent"), "torch").advice == f"{where}{absent}{origin}"
    assert finding(facts, role(torch="cpu"), "torch-build").advice == f"{where}{cpu}{origin}"
    required = finding(facts, role(require=("fastapi>=0.100",)), "require")
    assert required.advice == f"{where}add fastapi>=0.100: `pip install 'fastapi>=0.100'`"
    forbidden = finding(facts, role(forbid=("torch",)), "forbid")
    assert forbidden.advice.startswith(f"{where}the role wants no torch: {absent}")
    pinned = finding(facts, role(torch="any", torch_version=">=3"), "torch-version")
    assert pinned.advice == f"{where}pin torch to >=3: `pip install 'torch>=3'`{origin}"


def test_an_image_of_another_installer_is_not_told_the_procedure_s_steps() -> None:
    """The procedure's images are made by `uv sync`; one that is not gets its own installer's words."""
    wanted = role(torch="absent", procedure=True)
    assert "`--extra ml`" in finding(torch_by("uv", "RUN uv sync"), wanted, "torch").advice
    assert "`--extra ml`" in finding(torch_by(None, None), wanted, "torch").advice
    assert "`pip install`" in finding(torch_by("pip", None), wanted, "torch").advice


def test_a_site_is_only_a_place() -> None:
    assert installer_of(torch_by(None, None, path=f"{SITE}/x"), Pointer(path="/else", layer=0)) == UNKNOWN


PIECES = ["conda ", "apt ", "apt install ", "apt install python3-pip ", "pip ", "pip1", "uv ", "uv\t", " ", "a;"]


@pytest.mark.parametrize("piece", some(PIECES))
def test_a_step_is_searched_in_bounded_work(piece: str) -> None:
    begun = time.process_time()
    for at in range(127):
        facts = torch_by(None, f"RUN {at} {piece * 4000}")
        assert installer_of(facts, at_torch(facts)) == UNKNOWN
    assert time.process_time() - begun < 20  # hours, where patterns look back
