"""Every row of the procedure's tables of failures and sanity checks, and what else a role may ask."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.facts import Evidence, ImageFacts, Size
from inspector.oci import Platform
from inspector.policy.judge import judge
from inspector.policy.model import Outcome, Pointer
from inspector.policy.role import Limits, Role
from inspector.python.model import Startup
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.unknown import Absent, Unknown
from tests.policy.cases import (
    CPU,
    CUDA,
    DOCKERFILE,
    IMAGE,
    LAYERS,
    NAMESPACE,
    NO_TORCH,
    PYTHON,
    ROCM,
    SITE,
    SYNC,
    XPU,
    finding,
    findings,
    image,
    installed,
    role,
)

NO_PYTHON = Absent("no `python` on PATH (/usr/bin:/bin)")
ODD_PYTHON = Unknown("/usr/bin/python is a script that is no known shim")
BROKEN = replace(CPU, importable="no", reasons=("torch/_C.so is missing",))
UNSURE = replace(CPU, importable="unknown", reasons=("a .pth file runs code",))
ORIGIN = "; it came with the step `RUN uv sync --frozen --no-dev --extra ml` (layer 2 of 3, 730 MB)"
LOGS = "if the container still does not start, check Docker's resources and `docker logs`"
BUILD = f"docker build -f {DOCKERFILE} -t ktrdr-backend:prod ."
ON_PATH = "for the image's own platform, and put it on PATH"
BY_ACCIDENT = "see what the biggest step brings; ML dependencies may be included by accident"
GREP = f'(`grep -n "extra ml" {DOCKERFILE}`)'


@pytest.mark.parametrize(
    ("rule", "torch", "expected"),
    [
        ("absent", NO_TORCH, "pass"),
        ("absent", CPU, "fail"),
        ("absent", BROKEN, "fail"),
        ("absent", UNSURE, "fail"),
        ("absent", NAMESPACE, "fail"),
        ("absent", replace(NO_TORCH, path="/app/torch.py"), "fail"),
        ("absent", replace(NO_TORCH, path="/app/torch.py", importable="unknown"), "unknown"),
        ("absent", replace(NO_TORCH, importable="unknown"), "unknown"),
        ("absent", replace(NO_TORCH, distribution_version="2.6.0"), "warn"),
        *((rule, NO_TORCH, "fail") for rule in ("cpu", "cuda", "rocm", "xpu", "any")),
        *((rule, NAMESPACE, "fail") for rule in ("cpu", "cuda", "rocm", "xpu", "any")),
        ("any", replace(NO_TORCH, importable="unknown"), "unknown"),
        ("cpu", CPU, "pass"),
        ("cpu", BROKEN, "fail"),
        ("cpu", UNSURE, "unknown"),
        ("cpu", CUDA, "fail"),
        ("cpu", ROCM, "fail"),
        ("cuda", CUDA, "pass"),
        ("cuda", CPU, "fail"),
        ("cuda", ROCM, "fail"),
        ("cuda", replace(CUDA, build="unknown"), "unknown"),
        ("rocm", ROCM, "pass"),
        ("rocm", CUDA, "fail"),
        ("xpu", XPU, "pass"),
        ("xpu", CPU, "fail"),
        ("any", CPU, "pass"),
        ("any", CUDA, "pass"),
        ("any", replace(CUDA, build="unknown"), "pass"),
        (None, CPU, "pass"),
        (None, NO_TORCH, "pass"),
    ],
)
def test_torch_against_each_rule(rule: Any, torch: Torch, expected: Outcome) -> None:
    assert judge(image(torch), role(torch=rule)).outcome == expected


@pytest.mark.parametrize(
    ("facts", "wanted", "check", "category", "advice"),
    [
        (
            image(CPU),
            role(torch="absent"),
            "torch",
            "CODE_BUG",
            f"{DOCKERFILE}: use `uv sync --frozen --no-dev` without `--extra ml` {GREP}{ORIGIN}",
        ),
        (
            image(NO_TORCH),
            role(torch="cpu"),
            "torch",
            "CODE_BUG",
            f"{DOCKERFILE}: add `--extra ml` to the `uv sync` commands {GREP}, into the environment that `python` uses",
        ),
        (
            image(CUDA),
            role(torch="cpu"),
            "torch-build",
            "CODE_BUG",
            f"{DOCKERFILE}: inject the CPU-only PyTorch source (look for `pytorch-cpu`) before `uv sync`{ORIGIN}",
        ),
        (
            image(CPU),
            role(torch="cuda"),
            "torch-build",
            "CODE_BUG",
            f"{DOCKERFILE}: inject the CUDA PyTorch source (look for `pytorch-cu`) before `uv sync`{ORIGIN}",
        ),
        (
            image(CUDA),
            role(torch="rocm"),
            "torch-build",
            "CODE_BUG",
            f"{DOCKERFILE}: inject the PyTorch source of the ROCm build before `uv sync`, and no other{ORIGIN}",
        ),
        (
            image(BROKEN),
            role(torch="any"),
            "torch",
            "CODE_BUG",
            f"{DOCKERFILE}: partial torch install: install it whole, for this interpreter and machine{ORIGIN}",
        ),
        (
            image(startup=Startup(argv=("uvicorn",), path=None, starts="no", reasons=("uvicorn is not on PATH",))),
            role(),
            "startup",
            "ENVIRONMENT",
            f"The image build is broken: build it again with `{BUILD}`; {LOGS}",
        ),
        (
            image(interpreter=NO_PYTHON),
            role(),
            "python",
            "ENVIRONMENT",
            f"The image build is broken: {DOCKERFILE} must bring the interpreter, {ON_PATH}",
        ),
        (
            image(evidence=Evidence(bytes_read=0, layers_read=0, layers_cached=0, digests_verified=False, how="")),
            role(),
            "evidence",
            "EVIDENCE",
            "Read the image again, with `--no-cache`: nothing passes on what was never read",
        ),
        (
            image(size=Size(1_600_000_000, None)),
            role(size=Limits(warn=10**9, most=1_500_000_000)),
            "size",
            "CODE_BUG",
            f"{DOCKERFILE}: {BY_ACCIDENT}{ORIGIN.replace('730', '200')}",
        ),
    ],
)
def test_the_category_and_advice_of_the_procedure(
    facts: ImageFacts, wanted: Role, check: str, category: str, advice: str
) -> None:
    found = finding(facts, wanted.replaced(procedure=True), check)
    assert (found.category, found.advice) == (category, advice)
    assert found.outcome in ("fail", "unknown")


def test_a_failure_names_its_evidence() -> None:
    found = finding(image(CPU), role(torch="absent"), "torch")
    assert found.message == "torch 2.6.0+cpu (CPU build) is installed"
    assert (found.expected, found.actual) == ("no torch", "torch 2.6.0+cpu (CPU build)")
    assert found.evidence == Pointer(
        path=f"{SITE}/torch", layer=1, diff_id=LAYERS[1].diff_id, created_by=SYNC, bytes=730_000_000
    )


def test_a_role_without_a_dockerfile_and_a_layer_without_a_step() -> None:
    found = finding(image(replace(CPU, layer=2, stack_size=None)), role(torch="absent", dockerfile=None), "torch")
    assert found.advice.startswith("Dockerfile: ")
    assert found.advice.endswith("; it came with layer 3 of 3 (699 MB)")


def test_a_layer_that_the_facts_do_not_have_is_left_out() -> None:
    assert finding(image(replace(CPU, layer=7)), role(torch="absent"), "torch").evidence.layer is None


@pytest.mark.parametrize("rule", ["absent", "cpu", "cuda", "any"])
def test_a_python_that_is_not_known_leaves_torch_unknown(rule: Any) -> None:
    facts = image(replace(NO_TORCH, importable="unknown"), interpreter=ODD_PYTHON)
    found = finding(facts, role(torch=rule), "torch")
    assert (found.outcome, found.category) == ("unknown", "EVIDENCE")
    assert ODD_PYTHON.unknown in found.message
    assert judge(facts, role(torch=rule)).outcome == "unknown"


def test_no_python_has_no_torch_and_still_fails() -> None:
    facts = image(NO_TORCH, interpreter=NO_PYTHON)
    assert finding(facts, role(torch="absent"), "torch").outcome == "pass"
    assert finding(facts, role(torch="absent"), "python").outcome == "fail"
    assert finding(facts, role(torch="cpu"), "torch").outcome == "fail"


@pytest.mark.parametrize(
    ("torch", "outcome"),
    [
        (CPU, "pass"),
        (replace(CPU, version=None), "fail"),
        (replace(CPU, version=""), "fail"),
        (replace(CPU, version="Unknown"), "fail"),
        (replace(CPU, version=None, importable="unknown"), "unknown"),
        (replace(CPU, version="Unknown", importable="unknown"), "fail"),
        (replace(CPU, version="2.6.0a0+ecf3bae40a.nv25.01", distribution_version="2.6.0a0+ecf3bae40a.nv25.1"), "pass"),
    ],
)
def test_torch_states_a_valid_version(torch: Torch, outcome: Outcome) -> None:
    found = finding(image(torch), role(torch="any"), "torch-version")
    assert found.outcome == outcome
    if outcome == "fail":
        assert found.message.startswith("partial torch install: ")


def test_two_releases_over_each_other_are_told() -> None:
    good, mixed = findings(judge(image(replace(CPU, distribution_version="2.5.1")), role(torch="any")), "torch-version")
    assert (good.outcome, mixed.outcome) == ("pass", "warn")
    assert mixed.message == "the metadata says torch 2.5.1, torch/version.py says 2.6.0+cpu"


@pytest.mark.parametrize(
    ("version", "wanted", "outcome"),
    [
        ("2.6.0+cu124", ">=2.3", "pass"),
        ("2.6.0+cu124", "==2.6.0", "pass"),
        ("2.6.0+cu124", "<=2.6.0", "pass"),
        ("2.6.0+cu124", "==2.6.0+cpu", "fail"),
        ("2.2.0", ">=2.3", "fail"),
        ("2.6.0a0+nv25.1", ">=2.3", "pass"),
        ("2.6.0a0+nv25.1", ">=2.6", "fail"),
    ],
)
def test_the_version_of_torch(version: str, wanted: str, outcome: Outcome) -> None:
    torch = replace(CUDA, version=version, distribution_version=None)
    assert finding(image(torch), role(torch="any", torch_version=wanted), "torch-version").outcome == outcome


@pytest.mark.parametrize(
    ("cuda", "outcome"),
    [
        ("12.4", "pass"),
        ("13.0", "pass"),
        ("11.8", "fail"),
        ("14.0", "fail"),
        (None, "unknown"),
        ("", "unknown"),
        ("x", "unknown"),
    ],
)
def test_the_version_of_cuda(cuda: str | None, outcome: Outcome) -> None:
    facts, wanted = image(replace(CUDA, cuda=cuda)), role(torch="cuda", cuda=">=12.4,<14")
    assert finding(facts, wanted, "cuda").outcome == outcome
    assert judge(facts, wanted).outcome == outcome


def test_a_build_without_cuda_is_not_held_against_its_range() -> None:
    result = judge(image(CPU), role(torch="cuda", cuda=">=12"))
    assert findings(result, "cuda") == []
    assert result.outcome == "fail"


OTHER = TorchElsewhere(
    path="/opt/old/torch", version="2.1.0", build="cpu", size=600_000_000, why_not_importable="not on sys.path", layer=0
)


@pytest.mark.parametrize(
    ("rule", "elsewhere", "outcome"),
    [("absent", "allow", "warn"), ("absent", "forbid", "fail"), ("cpu", "forbid", "fail"), (None, "forbid", "fail")],
)
def test_torch_where_python_does_not_look(rule: Any, elsewhere: Any, outcome: Outcome) -> None:
    facts = image(CPU if rule == "cpu" else NO_TORCH, torch_elsewhere=(OTHER, replace(OTHER, path="/x", version=None)))
    first, second = findings(judge(facts, role(torch=rule, torch_elsewhere=elsewhere)), "torch-elsewhere")
    assert (first.outcome, second.outcome) == (outcome, outcome)
    assert first.message == "torch 2.1.0 lies in /opt/old/torch, where `python` does not look: not on sys.path"
    assert second.message.startswith("what is left of a torch lies in /x")
    assert first.advice.endswith("; it came with the step `ADD file:ab in /` (layer 1 of 3, 600 MB)")


def test_torch_elsewhere_is_no_matter_where_torch_is_wanted() -> None:
    assert judge(image(CPU, torch_elsewhere=(OTHER,)), role(torch="cpu")).outcome == "pass"


@pytest.mark.parametrize(
    ("present", "wanted", "outcome"),
    [
        ([("fastapi", "0.115.0")], "fastapi>=0.100", "pass"),
        ([("FastAPI", "0.115.0")], "fast_api", "fail"),
        ([("Fast_API", "0.115.0")], "fast.api", "pass"),
        ([("fastapi", "0.99.0")], "fastapi>=0.100", "fail"),
        ([("fastapi", "unknown")], "fastapi>=0.100", "unknown"),
        ([("fastapi", "unknown")], "fastapi", "pass"),
        ([("fastapi", "0.99.0"), ("fastapi", "0.115.0")], "fastapi>=0.100", "unknown"),
        ([], "fastapi", "fail"),
    ],
)
def test_required_distributions(present: list[tuple[str, str]], wanted: str, outcome: Outcome) -> None:
    facts = image(distributions=tuple(installed(*each) for each in present))
    assert finding(facts, role(require=(wanted,)), "require").outcome == outcome


@pytest.mark.parametrize(("interpreter", "outcome"), [(ODD_PYTHON, "unknown"), (NO_PYTHON, "fail"), (PYTHON, "fail")])
def test_required_distributions_need_a_known_python(interpreter: Any, outcome: Outcome) -> None:
    assert finding(image(interpreter=interpreter), role(require=("a",)), "require").outcome == outcome


@pytest.mark.parametrize(("interpreter", "outcome"), [(ODD_PYTHON, "unknown"), (NO_PYTHON, "pass"), (PYTHON, "pass")])
def test_forbidden_distributions_need_a_known_python(interpreter: Any, outcome: Outcome) -> None:
    assert finding(image(interpreter=interpreter), role(forbid=("a",)), "forbid").outcome == outcome


def test_a_forbidden_torch_needs_no_metadata_to_be_found() -> None:
    facts = image(replace(CPU, distribution_version=None))
    assert finding(facts, role(forbid=("torch*",)), "forbid").outcome == "fail"
    assert finding(facts, role(forbid=("nvidia-*",)), "forbid").outcome == "pass"


def test_forbidden_distributions_are_summed_up_biggest_first() -> None:
    names = [installed(f"nvidia_{at}_cu12", "12", at * 1_000_000) for at in range(1, 8)]
    facts = image(distributions=(*names, installed("triton", "3.1", None), installed("fastapi", "1")))
    nvidia, triton, none = findings(judge(facts, role(forbid=("nvidia-*", "triton", "tensorflow"))), "forbid")
    assert nvidia.message == (
        "forbidden by nvidia-*: nvidia_7_cu12 12, nvidia_6_cu12 12, nvidia_5_cu12 12, nvidia_4_cu12 12, "
        "nvidia_3_cu12 12 and 2 more (28.0 MB)"
    )
    assert (nvidia.evidence.path, nvidia.evidence.bytes) == (f"{SITE}/nvidia_7_cu12-12.dist-info", 28_000_000)
    assert [nvidia.outcome, triton.outcome, none.outcome] == ["fail", "fail", "pass"]


@pytest.mark.parametrize(
    ("version", "wanted", "outcome"),
    [
        ("3.11.9", ">=3.11,<3.13", "pass"),
        ("3.13.0", ">=3.11,<3.13", "fail"),
        ("3.11", ">=3.11,<3.13", "pass"),
        ("3.11", "==3.11.*", "pass"),
        ("3.11", ">=3.11.4", "unknown"),
        ("3.11", "!=3.11.4", "unknown"),
        ("3.10", ">=3.11", "fail"),
        ("3.14.0rc1", ">=3.14", "fail"),
        ("nonsense", ">=3.11", "unknown"),
    ],
)
def test_the_version_of_python(version: str, wanted: str, outcome: Outcome) -> None:
    facts = image(interpreter=replace(PYTHON, version=version))
    assert finding(facts, role(python=wanted), "python-version").outcome == outcome


@pytest.mark.parametrize(("interpreter", "outcome"), [(NO_PYTHON, "fail"), (ODD_PYTHON, "unknown")])
def test_no_python_has_no_version(interpreter: Any, outcome: Outcome) -> None:
    assert finding(image(interpreter=interpreter), role(python=">=3"), "python-version").outcome == outcome


@pytest.mark.parametrize(("runs", "outcome"), [("yes", "pass"), ("no", "fail"), ("unknown", "unknown")])
def test_a_python_that_can_run(runs: Any, outcome: Outcome) -> None:
    facts = image(interpreter=replace(PYTHON, runs=runs, reasons=("its loader is missing",)))
    found = finding(facts, role(), "python")
    assert (found.outcome, judge(facts, role()).outcome) == (outcome, outcome)
    assert ("its loader is missing" in found.message) is (outcome != "pass")


@pytest.mark.parametrize(("starts", "outcome"), [("yes", "pass"), ("no", "fail"), ("unknown", "unknown")])
def test_a_container_that_can_start(starts: Any, outcome: Outcome) -> None:
    facts = image(startup=Startup(argv=("a", "b"), path="/bin/a", starts=starts, reasons=("no such file",)))
    found = finding(facts, role(), "startup")
    assert (found.outcome, judge(facts, role()).outcome) == (outcome, outcome)
    assert "a b" in found.message


@pytest.mark.parametrize(
    ("size", "outcome"),
    [(10**9, "pass"), (10**9 + 1, "warn"), (1_500_000_000, "warn"), (1_500_000_001, "fail")],
)
def test_sizes_above_their_limits(size: int, outcome: Outcome) -> None:
    limits = Limits(warn=10**9, most=1_500_000_000)
    assert finding(image(size=Size(size, None)), role(size=limits), "size").outcome == outcome
    assert finding(image(size=Size(0, size)), role(compressed_size=limits), "compressed-size").outcome == outcome


def test_a_compressed_size_that_is_not_known_is_no_pass() -> None:
    facts = image(size=Size(5, None))
    assert finding(facts, role(compressed_size=Limits(most=10)), "compressed-size").outcome == "unknown"
    assert findings(judge(facts, role()), "compressed-size") == []


@pytest.mark.parametrize(
    ("actual", "wanted", "outcome"),
    [
        ("linux/amd64", "linux/amd64", "pass"),
        ("linux/arm64", "linux/amd64", "fail"),
        ("linux/arm64/v8", "linux/arm64", "pass"),
        ("linux/arm/v6", "linux/arm/v7", "fail"),
        ("linux/amd64/v3", "linux/amd64", "pass"),
        ("windows/amd64", "linux/amd64", "fail"),
    ],
)
def test_the_platform(actual: str, wanted: str, outcome: Outcome) -> None:
    facts = image(platform=Platform(*actual.split("/")))
    assert finding(facts, role(platform=Platform.parse(wanted)), "platform").outcome == outcome


def test_a_platform_that_is_not_stated_is_no_pass() -> None:
    assert (
        finding(image(platform=Platform()), role(platform=Platform("linux", "amd64")), "platform").outcome == "unknown"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"bytes_read": 0, "layers_read": 3},
        {"layers_read": 0, "layers_cached": 0},
        {"layers_read": 2},
        {"layers_read": 1, "layers_cached": 1},
    ],
)
def test_without_evidence_there_is_no_verdict(changes: dict[str, int]) -> None:
    evidence = replace(IMAGE.evidence, **changes)
    for torch in (NO_TORCH, CPU):
        assert judge(image(torch, evidence=evidence), role(torch="absent")).outcome == "unknown"


def test_a_layer_from_the_cache_is_evidence() -> None:
    evidence = replace(IMAGE.evidence, bytes_read=0, layers_read=0, layers_cached=3)
    result = judge(image(evidence=evidence), role(torch="absent"))
    assert result.outcome == "pass"
    assert (
        findings(result, "evidence")[0].message
        == "0 layers read (0 B), 3 from the cache, digests verified, proof: loader"
    )


def test_a_layer_that_occurs_twice_is_read_once() -> None:
    evidence = replace(IMAGE.evidence, layers_read=1)
    assert judge(image(layers=(LAYERS[0], LAYERS[0]), evidence=evidence), role()).outcome == "pass"


def test_an_image_without_layers_is_no_pass() -> None:
    assert judge(image(layers=()), role(torch="absent")).outcome == "unknown"


def test_a_result_names_image_and_role() -> None:
    result = judge(image(), role(description="the API"))
    assert (result.image, result.role, result.description, result.facts) == (
        "ktrdr-backend:prod",
        "api",
        "the API",
        IMAGE,
    )
    assert judge(image(tags=()), role()).image == "docker-archive:api.tar"
    assert judge(image(), role(), image="other").image == "other"
    assert all(found.advice == "" and found.category is None for found in result.findings)


def test_what_an_image_says_is_never_taken_as_a_template() -> None:
    steps = replace(LAYERS[1], created_by="RUN /bin/sh -c echo {dockerfile} {0} {x.y}")
    facts = image(CPU, layers=(LAYERS[0], steps, LAYERS[2]))
    assert "`RUN echo {dockerfile} {0} {x.y}`" in finding(facts, role(torch="absent"), "torch").advice


@pytest.mark.parametrize(
    ("named", "forbidden", "required"),
    [((), "unknown", "unknown"), (("numpy",), "fail", "pass")],
)
def test_metadata_that_can_t_be_read_may_be_of_any_distribution(
    named: tuple[str, ...], forbidden: Outcome, required: Outcome
) -> None:
    there = tuple(installed(name, "1") for name in named)
    facts = image(distributions=there, metadata_unread=("/site/x.dist-info", "/site/y.dist-info"))
    assert finding(facts, role(forbid=("num*",)), "forbid").outcome == forbidden
    assert finding(facts, role(require=("numpy",)), "require").outcome == required
    assert "/site/x.dist-info' and 1 more can't be read" in finding(facts, role(forbid=("a",)), "forbid").message
