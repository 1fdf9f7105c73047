"""Facts and reports as values, realistic and stable, that the tests of reports render."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from inspector.facts import Evidence, ImageFacts, LayerFacts, Size
from inspector.facts.runtime import Device, Failure, RuntimeFacts
from inspector.gpu.image import ImageGpu, Runtime
from inspector.policy.judge import judge
from inspector.policy.model import ErrorFact, Finding, Outcome, Pointer, Report, Result, Waived, worst
from inspector.policy.role import CudaRuntime, Limits, Role
from inspector.python.model import Distribution, Interpreter, Libc, Startup
from inspector.torchbuild.model import Build, Torch, TorchElsewhere
from inspector.unknown import Absent, Importable, Unknown
from tests import factories
from tests.factories import SITE, digest

STEPS = (
    "/bin/sh -c #(nop) ADD file:cd342f8e96090490cd18ce392dd36cdf81a55375964abea59d018521e720d99c in / ",
    "/bin/sh -c ldconfig",
    "WORKDIR /app",
    "RUN /bin/sh -c python3 -m venv /app/.venv && uv sync --frozen --no-dev --extra ml # buildkit",
    None,
)
SIZES = (74_800_000, 1_200, 0, 402_000_000, 2_100_000)
BASE = (("fastapi", "0.135.1", 1_300_000), ("numpy", "2.4.2", 68_400_000), ("pandas", "3.0.1", 71_900_000))
HOSTILE = "a\x1b[31m\u202eb|`<i>[red]\udcff"


def layers(*sizes: int) -> tuple[LayerFacts, ...]:
    """A layer for each size, with the build steps above; the last has no step told."""
    return factories.layers(zip(sizes, STEPS, strict=False))


def interpreter(**changes: Any) -> Interpreter:
    """The `python` of a virtual environment, with all that is known of one."""
    values: dict[str, Any] = {
        "implementation": "cpython",
        "version": "3.11.7",
        "search_path": ("", "/usr/local/lib/python311.zip", "/usr/local/lib/python3.11", SITE),
        "prefix": "/app/.venv",
        "abi": "cp311",
        "libc": Libc("glibc", "2.36"),
    }
    return factories.interpreter(**{**values, **changes})


def torch(build: Build, version: str, size: int, **changes: Any) -> Torch:
    """A whole torch of the build, brought by the fourth layer."""
    brought = {"cuda": "13.0" if build == "cuda" else None, "layer": 3, "created_by": STEPS[3]}
    return factories.torch(build, version, size, **{**brought, **changes})


GPU = ImageGpu(
    build="cuda",
    cuda="13.0",
    architectures=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
    linalg=("sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
    runtime=Runtime(soname="libcudart.so.13", distribution="nvidia-cuda-runtime", version="13.0.96"),
    min_driver="580.65.06",
)
ABSENT = Torch(installed=False, importable=Importable.NO, reasons=("no torch on the search path",))


def facts(name: str, found: Torch = ABSENT, **changes: Any) -> ImageFacts:
    """An image with the torch given in its fourth layer."""
    brought = found.stack_size or 0
    listed = [*BASE, *([("torch", found.version or "", found.size)] if found.installed else [])]
    values: dict[str, Any] = {
        "reference": f"docker-archive:{name.replace(':', '-')}.tar",
        "image_id": digest(0xC0FFEE),
        "size": Size(sum(SIZES) + brought, None),
        "layers": layers(*SIZES[:3], SIZES[3] + brought, SIZES[4]),
        "interpreter": interpreter(),
        "distributions": tuple(factories.distribution(*each, layer=3) for each in listed),
        "evidence": factories.evidence(
            bytes_read=1_310_720,
            layers_read=4,
            layers_cached=1,
            digests_verified=False,
            how="seek+cache",
            seconds=0.125,
        ),
        "gpu": GPU if found.build == "cuda" else None,
    }
    return factories.image(name, found, **{**values, **changes})


def passed(check: str, message: str, expected: str = "", actual: str = "") -> Finding:
    """A finding that all is well."""
    return Finding(check=check, outcome="pass", message=message, expected=expected, actual=actual)


def result(image: str, role: str | None, read: ImageFacts | None, *findings: Finding, **more: Any) -> Result:
    """A verdict whose outcome follows from its findings."""
    outcome: Outcome = worst(finding.outcome for finding in findings)
    return Result(image=image, role=role, outcome=outcome, findings=findings, facts=read, **more)


def torch_in_api() -> Finding:
    """A failure with all that a finding can have."""
    return Finding(
        check="torch",
        outcome="fail",
        message="torch 2.14.1 (CUDA 13.0 build) is installed",
        category="CODE_BUG",
        expected="no torch",
        actual="torch 2.14.1 (CUDA 13.0 build)",
        advice="deploy/docker/Dockerfile.backend: use `uv sync --frozen --no-dev` without `--extra ml` (`grep -n "
        '"extra ml" deploy/docker/Dockerfile.backend`); it came with the step '
        "`RUN uv sync --frozen --no-dev --extra ml` (layer 4 of 5, 4.83 GB)",
        evidence=Pointer(path=f"{SITE}/torch", layer=3, diff_id=digest(4), created_by=STEPS[3], bytes=4_831_000_000),
    )


EVIDENCE = passed("evidence", "4 layers read (1.31 MB), 1 from the cache, digests not verified")


def four_roles() -> Report:
    """The four images of the procedure, all well."""
    cpu = torch("cpu", "2.14.1+cpu", 702_000_000)
    gpu = torch("cuda", "2.14.1", 1_730_000_000, stack_size=4_831_000_000)
    wanted = "torch, CPU build"
    found = "torch 2.14.1+cpu (CPU build)"
    good_cpu = (EVIDENCE, passed("torch", f"{found} can be imported", wanted, found))
    results = (
        result(
            "ktrdr-backend:prod",
            "api",
            facts("ktrdr-backend:prod"),
            EVIDENCE,
            passed("torch", "torch is not installed", "no torch", "no torch"),
            description="Production API - no ML dependencies",
        ),
        result("ktrdr-backend:dev", "dev", facts("ktrdr-backend:dev", cpu), *good_cpu),
        result("ktrdr-worker-cpu:test", "worker-cpu", facts("ktrdr-worker-cpu:test", cpu), *good_cpu),
        result(
            "ktrdr-worker-gpu:test",
            "worker-gpu",
            facts("ktrdr-worker-gpu:test", gpu),
            EVIDENCE,
            passed("torch", "torch 2.14.1 (CUDA 13.0 build) can be imported", "torch, CUDA build", "torch 2.14.1"),
            passed("cuda", "CUDA 13.0 is >=12.4", ">=12.4", "13.0"),
        ),
    )
    return report(*results)


def report(*results: Result, warnings: tuple[str, ...] = ()) -> Report:
    """The results with the outcome of the whole."""
    return Report(outcome=worst(each.outcome for each in results), results=results, warnings=warnings)


def facts_of(report: Report) -> list[ImageFacts]:
    """The images of a report that were read."""
    return [each.facts for each in report.results if each.facts]


def mixed() -> Report:
    """One image of each outcome, and one that could not be read."""
    gpu = torch("cuda", "2.14.1", 1_730_000_000, stack_size=4_831_000_000)
    unsure = facts(
        "registry.example.com:5000/research/experiments/worker-cpu:2026.11.23-rc1",
        Torch(installed=False, importable=Importable.UNKNOWN, reasons=("the entrypoint is a script that sets PATH",)),
        interpreter=Unknown("/usr/local/bin/python is a script that is no known shim"),
        warnings=("layer 2: a hardlink names a file of a lower layer: lib/x.so",),
    )
    return report(
        four_roles().results[0],
        result(
            "ktrdr-backend:wrong",
            "api",
            facts("ktrdr-backend:wrong", gpu),
            EVIDENCE,
            torch_in_api(),
            Finding(
                check="size",
                outcome="warn",
                message="5.31 GB, more than the 1.00 GB that raise a warning",
                category="CODE_BUG",
                expected="at most 1.50 GB, warning above 1.00 GB",
                actual="5.31 GB",
                advice="deploy/docker/Dockerfile.backend: see what the biggest step brings",
                evidence=Pointer(layer=3, diff_id=digest(4), created_by=STEPS[3], bytes=5_233_000_000),
            ),
            description="Production API - no ML dependencies",
        ),
        result(
            "registry.example.com:5000/research/experiments/worker-cpu:2026.11.23-rc1",
            "worker-cpu",
            unsure,
            EVIDENCE,
            Finding(
                check="torch",
                outcome="unknown",
                message="whether torch can be imported is not known: /usr/local/bin/python is a script",
                category="EVIDENCE",
                expected="torch, CPU build",
                actual="no torch",
                advice="Files can't tell: ask the image itself on a machine where it may run, with its own `python`",
            ),
        ),
        result(
            "ktrdr-worker-gpu:test",
            "worker-gpu",
            None,
            Finding(
                check="image",
                outcome="unknown",
                message="no such file: gpu.tar",
                category="ENVIRONMENT",
                advice="Run build commands: `docker build -t ktrdr-worker-gpu:test .`",
            ),
            error=ErrorFact("not-found", "no such file: gpu.tar"),
        ),
        warnings=("role 'dev' has no image",),
    )


def hostile(text: str = HOSTILE) -> Report:
    """Control characters, bidirectional overrides, surrogates and markup wherever an image chooses the text."""
    broken = torch("cpu", text, 5, importable="no", reasons=(text,), path=f"/{text}", created_by=text)
    read = facts(
        "hostile",
        broken,
        reference=text,
        layers=(
            LayerFacts(
                diff_id=digest(1),
                digest=None,
                size=9,
                compressed_size=None,
                created_by=text,
                entries=1,
                cached=False,
            ),
        ),
        startup=Startup(argv=(text,), path=f"/{text}", starts="no", reasons=(text,)),
        interpreter=interpreter(path=f"/{text}", version=text, reasons=(text,), runs="no"),
        distributions=(Distribution(name=text, version=text, path=f"/{text}", size=None, installer=text, layer=0),),
        torch_elsewhere=(
            TorchElsewhere(path=f"/{text}", version=text, build="unknown", size=1, why_not_importable=text, layer=0),
        ),
        warnings=(text,),
        tags=(text,),
        evidence=Evidence(
            bytes_read=9,
            layers_read=1,
            layers_cached=0,
            digests_verified=False,
            how="stream",
            seconds=0.125,
            access="save",
            passed_over=(text,),
        ),
        runtime=RuntimeFacts(
            ran=True,
            gpu=True,
            imported=False,
            torch=text,
            cuda=text,
            hip=text,
            is_available=False,
            devices=(Device(name=text, capability=text, memory=1),),
            arch_list=(text,),
            cudnn=text,
            driver=text,
            error=Failure(text, text),
        ),
    )
    finding = Finding(
        check="torch",
        outcome="fail",
        message=text,
        category="CODE_BUG",
        expected=text,
        actual=text,
        advice=text,
        evidence=Pointer(path=f"/{text}", layer=0, diff_id=digest(1), created_by=text, bytes=5),
    )
    return report(
        result(text, text, read, finding, description=text),
        result(text, None, None, error=ErrorFact("malformed", text)),
        warnings=(text,),
    )


def no_python() -> ImageFacts:
    """An image without any Python."""
    return facts(
        "scratch:1",
        interpreter=Absent("no `python` on PATH (/usr/bin:/bin)"),
        distributions=(),
        startup=Startup(argv=(), path=None, starts="unknown", reasons=("neither entrypoint nor command",)),
    )


def glanced(name: str, found: Torch = ABSENT, **changes: Any) -> ImageFacts:
    """An image of an engine whose files were asked for one by one."""
    values: dict[str, Any] = {
        "reference": f"docker:{name}",
        "warnings": ("whether all of torch's files are there was not looked at",) if found.installed else (),
        "evidence": factories.asked(seconds=0.23, passed_over=("storage: /var/lib/docker can't be read by this user",)),
    }
    return factories.partial(facts(name, found), **{**values, **changes})


NOT_RUN = RuntimeFacts(ran=False, why_not="no GPU")
ON_A_GPU = factories.on_a_gpu(
    torch="2.14.1",
    cuda="13.0",
    devices=(Device(name="NVIDIA A10", capability="8.6", memory=23_600_000_000),),
    arch_list=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
    cudnn="9.15.1",
    driver="580.95.05",
    seconds=6.25,
)
TOO_OLD = replace(
    ON_A_GPU,
    is_available=False,
    devices=(),
    driver="550.54.15",
    computed=None,
    error=Failure("UserWarning", "CUDA initialization: The NVIDIA driver on your system is too old (found 12040)."),
)
ON_A_CPU = RuntimeFacts(ran=True, imported=True, torch="2.14.2+cpu", is_available=False, arch_list=(), seconds=2.05)


def engine() -> Report:
    """Images of an engine: glanced at, of unknown size, saved, and several that were run."""
    gpu = torch("cuda", "2.14.1", 1_730_000_000, stack_size=4_831_000_000)
    cpu = torch("cpu", "2.14.1+cpu", 702_000_000)
    saved = Evidence(
        bytes_read=493_000_000,
        layers_read=4,
        layers_cached=1,
        digests_verified=True,
        how="stream",
        seconds=3.5,
        access="save",
        proof="loader",
        passed_over=("storage: the engine is remote", "files: 'require' asks for every package"),
    )
    api, worker = Role(name="api", torch="absent"), Role(name="worker-cpu", torch="cpu")
    report_it, demand = (Role(name=f"gpu-{rule}", torch="cuda", cuda_runtime=rule) for rule in _RULES)
    return report(
        judge(glanced("ktrdr-backend:prod"), api),
        judge(glanced("ktrdr-backend:wrong", cpu, size=Size(None, None)), api.replaced(size=Limits(most=10**9))),
        judge(facts("ktrdr-worker-cpu:test", cpu, evidence=saved), worker),
        judge(glanced("ktrdr-worker-gpu:1", gpu, runtime=NOT_RUN), report_it),
        judge(glanced("ktrdr-worker-gpu:2", gpu, runtime=ON_A_GPU), demand),
        judge(glanced("ktrdr-worker-gpu:3", gpu, runtime=TOO_OLD), demand),
        judge(glanced("ktrdr-worker-cpu:2", cpu, runtime=ON_A_CPU), worker),
    )


def excused(text: str = "needed by the smoke test until #123") -> Report:
    """Findings that are waived or known, with what they are beside."""
    waived = replace(torch_in_api(), outcome="waived", waived=Waived(text, "2027-01-31"), subject="torch")
    known = Finding(check="forbid", outcome="known", message="forbidden by nvidia-*", subject="nvidia-*", accepted=text)
    size = Finding(check="size", outcome="known", message="5.31 GB", category="CODE_BUG", accepted="")
    return report(
        result("ktrdr-backend:a", "api", facts("ktrdr-backend:a"), EVIDENCE, waived, known, size, waived=1, known=2),
        result("ktrdr-backend:b", "api", facts("ktrdr-backend:b"), EVIDENCE, torch_in_api(), known, known=1),
        warnings=(f"the waiver of torch 'torch' ({text}) ends in 9 days, on 2027-01-31",),
    )


_RULES: tuple[CudaRuntime, ...] = ("report", "demand")
CASES = {
    "four-roles": four_roles,
    "mixed": mixed,
    "engine": engine,
    "excused": excused,
    "hostile": hostile,
    "nothing": report,
}
"""Reports by the name of their golden files."""
