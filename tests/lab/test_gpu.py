"""The lab's CUDA image under a driver that isn't there: what is predicted of it is what its torch says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from inspector import inspect
from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.gpu.predict import predict
from inspector.gpu.visible import visible
from inspector.runtime.outcome import parse_stream
from inspector.runtime.sandbox import probe_source
from tests.lab import engine, standin
from tests.lab.conftest import _not_here as not_here
from tests.lab.test_gpu_runtime import number

GPU_WORKER = "ktrdr-worker-gpu:test"
HOSTS = ("535.183.01", "570.86.15", "580.95.05")
COUNTS = (0, 1, 2)
ERRORS = (3, 34, 46, 100, 803, 804, 999)
VALUES = ("", "-1", "all", "none", "NoDevFiles", "0,0", "2", "5,0", "0", "1", "0,1", "1,0", "0,-1,1", " 0 , 1", "0,x,1")
"""Values of CUDA_VISIBLE_DEVICES: one for each way in which it hides a device."""
BY_NVML = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
FOLDER = "/standin"

SETUP = """
import warnings
import torch

def said():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    words = [str(each.message) for each in seen]
    return {"available": available, "count": torch.cuda.device_count(), "words": words,
            "architectures": torch._C._cuda_getArchFlags().split()}
"""

Said = dict[str, Any]


def host(driver: str, count: int | str) -> dict[str, str]:
    """What the stand-in is to be."""
    return {"STANDIN_CUDA": number(driver), "STANDIN_DRIVER": driver, "STANDIN_DEVICES": str(count)}


DRIVEN = {(driver, count): host(driver, count) for driver in HOSTS for count in COUNTS}
FAILING = {error: {**host(HOSTS[2], 1), "STANDIN_ERROR": str(error)} for error in ERRORS}
HIDDEN = {
    (value, count): {**host(HOSTS[2], count), **BY_NVML, "CUDA_VISIBLE_DEVICES": value}
    for value in VALUES
    for count in COUNTS[1:]
}
TRAPPED = {driver: {**host(driver, 1), **BY_NVML} for driver in HOSTS}


@pytest.fixture(scope="module")
def libraries(docker: None, space: Path) -> Path:
    """The stand-in, where the lab has the image too."""
    del docker
    if not engine.has_image(GPU_WORKER):
        pytest.skip(f"the lab has no {GPU_WORKER}")  # of 6 GB, which CI does not make
    if standin.compiler() is None:
        not_here("there is no C compiler")
    standin.build(space / "standin-of-torch")
    return space / "standin-of-torch"


def run(libraries: Path, *words: str, preload: bool = True, env: Mapping[str, str] | None = None) -> str:
    """What a Python of the image prints where the stand-in is what the host gives it."""
    given = {"LD_LIBRARY_PATH": FOLDER, **({"LD_PRELOAD": f"{FOLDER}/proved.so"} if preload else {}), **(env or {})}
    settings = [each for name, value in given.items() for each in ("--env", f"{name}={value}")]
    mount = f"type=bind,source={libraries},target={FOLDER},readonly"
    return engine.docker("run", "--rm", "--network", "none", "--mount", mount, *settings, GPU_WORKER, "python", *words)


@pytest.fixture(scope="module")
def answers(libraries: Path) -> dict[str, Said]:
    """What torch says in each environment, all in one container, which imports it once."""
    environments = [*DRIVEN.values(), *FAILING.values(), *HIDDEN.values(), *TRAPPED.values()]
    found = standin.answers(run(libraries, "-c", standin.program(SETUP, "said()", environments)))
    return {json.dumps(each): said for each, said in zip(environments, found, strict=True)}


@pytest.fixture(scope="module")
def told(libraries: Path) -> ImageGpu:
    """What inspector tells of the image, whose files it only reads."""
    del libraries
    found = inspect(f"docker:{GPU_WORKER}").gpu
    assert found is not None
    return found


def image(told: ImageGpu, environment: Mapping[str, str]) -> ImageGpu:
    """The image, with the variables that its containers would have."""
    own = {name: value for name, value in environment.items() if not name.startswith("STANDIN_")}
    return replace(told, environment={**told.environment, **own})


def predicted(told: ImageGpu, driver: str, count: int, environment: Mapping[str, str]) -> bool:
    """What `is_available()` is predicted to say; without a GPU, nothing needs to be."""
    what = Host(name="host", driver=driver, gpus=("H100",) * count, injection="cdi")
    found = {each.by_mode["cdi"].available for each in predict(image(told, environment), what)}
    assert len(found) <= 1
    return bool(found and found.pop())


def test_the_files_tell_what_torch_was_built_for(answers: dict[str, Said], told: ImageGpu) -> None:
    (architectures,) = {tuple(said["architectures"]) for said in answers.values()}
    assert told.architectures == architectures
    assert (told.build, told.cuda, told.runtime.soname) == ("cuda", "13.0", "libcudart.so.13")


@pytest.mark.parametrize(("driver", "count"), DRIVEN)
def test_what_is_predicted_is_what_torch_says(
    driver: str, count: int, answers: dict[str, Said], told: ImageGpu
) -> None:
    environment = DRIVEN[driver, count]
    said = answers[json.dumps(environment)]
    assert said["available"] is predicted(told, driver, count, environment)
    assert said["count"] == count, "which is NVML's, also where no GPU can be used"


@pytest.mark.parametrize("driver", HOSTS[:2])
def test_a_driver_that_is_too_old_is_named(driver: str, answers: dict[str, Said]) -> None:
    (words,) = answers[json.dumps(DRIVEN[driver, 1])]["words"]
    assert f"too old (found version {number(driver)})" in words


@pytest.mark.parametrize("error", ERRORS)
def test_no_error_of_the_driver_is_an_exception(error: int, answers: dict[str, Said]) -> None:
    said = answers[json.dumps(FAILING[error])]
    assert said["available"] is False
    assert len(said["words"]) == (error != 100), "no GPU is nothing to warn of"
    if error in (34, 46, 803, 804):
        assert f"Error {error}: " in said["words"][0]


@pytest.mark.parametrize(("value", "count"), HIDDEN)
def test_the_devices_that_a_variable_leaves(value: str, count: int, answers: dict[str, Said], told: ImageGpu) -> None:
    environment = HIDDEN[value, count]
    said, left = answers[json.dumps(environment)], visible(value, count)
    assert said["count"] == len(left.positions or ())
    assert said["available"] is predicted(told, HOSTS[2], count, environment) is bool(left.positions)


@pytest.mark.parametrize("driver", HOSTS)
def test_counting_by_nvml_says_true_on_any_driver(driver: str, answers: dict[str, Said], told: ImageGpu) -> None:
    environment = TRAPPED[driver]
    assert answers[json.dumps(environment)]["available"] is True
    assert predicted(told, driver, 1, environment) is True
    what = Host(name="host", driver=driver, gpus=("H100",), injection="cdi")
    (found,) = predict(image(told, environment), what)
    assert found.verdict == ("works" if driver == HOSTS[2] else "fails")


@pytest.mark.parametrize("driver", HOSTS)
def test_the_probe_answers_under_any_driver(driver: str, libraries: Path) -> None:
    mark = "0123456789abcdef"
    parsed = parse_stream(run(libraries, "-c", probe_source(), mark, preload=False, env=host(driver, 1)).encode(), mark)
    answer = parsed.answer
    assert answer is not None
    assert (parsed.stage, answer.imported, answer.is_available, answer.driver) == ("end", True, False, driver)
    assert answer.unavailable is not None
    assert ("too old" if driver != HOSTS[2] else f"Error {103}: ") in answer.unavailable.message
