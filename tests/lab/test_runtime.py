"""Real runs: static facts are what happens, nothing gets out of the container, and nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.engine.client import Engine
from inspector.facts import ImageFacts
from inspector.facts.runtime import RuntimeFacts
from inspector.pipeline import Options
from inspector.pipeline.runtime import run
from inspector.policy.judge import judge_run
from inspector.reference import parse_reference
from inspector.runtime.sandbox import MB, Limits, probe_source
from tests.cli.program import ROOT, clean_environment
from tests.lab import engine, wrong
from tests.lab.asked import ask
from tests.lab.conftest import ROLES
from tests.lab.others import DOCKER, Other

GPU_WORKER = "ktrdr-worker-gpu:test"
BASE = "python:3.11-slim"
SITE = "/usr/local/lib/python3.11/site-packages"
HOSTILE = f"inspector-lab-runtime-{os.getpid()}"

SITECUSTOMIZE = r"""
import os, sys, time
act = os.environ.get("ACT", "")
if act == "hang": time.sleep(1000)
if act == "flood":
    while True: os.write(1, b"x" * 65535 + b"\n")
if act == "forks":
    while True:
        try: os.fork()
        except OSError: time.sleep(0.05)
if act == "hog":
    held = []
    while True: held.append(bytearray(b"x") * (4 << 20))
if act == "leaves": os._exit(3)
if act == "chatter":
    for _ in range(20_000):
        os.write(1, b"o" * 99 + b"\n")
        os.write(2, b"e" * 99 + b"\n")
if act == "lies":
    said = '{"imported": true, "torch": "9.9", "cuda": "99.0", "is_available": true, "computed": true}'
    for line in ("import", "examine " + said, said):
        for mark in ("", "0" * 32 + " ", "MARK "):
            print(mark + line, file=sys.stdout if len(mark) else sys.stderr)
    sys.stdout.write("no line end")
    sys.stdout.flush()
"""
"""What runs before the probe, as its environment says."""

TORCH = r"""
import json, os, socket, sys
def attempt(question):
    try: return question()
    except OSError as error: return error.strerror
def writes(path):
    def write():
        with open(path + "/written", "wb") as file: file.write(b"x")
        return "written"
    return attempt(write)
def reaches(address):
    return attempt(lambda: socket.create_connection(address, 2) and "reached")
print("torch prints on standard output")
raise ImportError(json.dumps({
    "status": {name: dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())[name]
               for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
    "wrote": {path: writes(path) for path in ("", "/app", "/tmp", "/dev/shm", "/data", "/usr/local", "/etc")},
    "reached": [reaches(("127.0.0.1", 5000)), reaches(("192.0.2.1", 80))],
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "environment": sorted(os.environ), "uid": os.getuid(), "cwd": os.getcwd(), "pid": os.getpid(),
    "data": os.listdir("/data"), "devices": sorted(os.listdir("/dev")),
})[:1990])
"""
"""A torch that looks about, and says what it saw in its error."""

DOCKERFILES = {
    "acts": f"FROM {BASE}\nCOPY sitecustomize.py {SITE}/\n",
    "spies": f"FROM {BASE}\nCOPY torch.py /app/torch.py\nCOPY torch.py /data/seed\nVOLUME /data\nWORKDIR /app\n"
    'USER 1000\nENV SECRET=1\nHEALTHCHECK --interval=1s CMD touch /data/health\nENTRYPOINT ["/usr/bin/env"]\n',
    "closed": f"FROM {BASE}\nCOPY torch.py /srv/lib/torch.py\nENV PYTHONPATH=/srv/lib\n"
    "RUN chown 1000 /srv/lib && chmod 700 /srv/lib\n",
    **{
        act: f"FROM {HOSTILE}/acts\nENV ACT={act}\n"
        for act in ("hang", "flood", "forks", "hog", "leaves", "chatter", "lies")
    },
}
QUICK = Limits(seconds=3, memory=256 * MB, processes=24)


def ran(reference: str, limits: Limits | None = None, **given: Any) -> ImageFacts:
    """The facts of an engine's image with a run beside them."""
    (seen,) = run([parse_reference(reference)], Options(), limits=limits, **given)
    assert seen.facts is not None, seen.error
    return seen.facts


def run_of(name: str, limits: Limits = QUICK) -> RuntimeFacts:
    """What one of the hostile images came to, after which nothing is left of it."""
    with DOCKER.untouched():
        found = ran(f"docker:{HOSTILE}/{name}", limits).runtime
    assert found is not None
    return found


@pytest.fixture(scope="module")
def hostile(roles: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Images of this run alone that do what no image should."""
    del roles
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    (folder / "torch.py").write_text(TORCH)
    for name, text in DOCKERFILES.items():
        (folder / "Dockerfile").write_text(text)
        engine.docker("build", "--quiet", "--network", "none", "--tag", f"{HOSTILE}/{name}", str(folder))
    yield
    engine.docker("rmi", "--force", *(f"{HOSTILE}/{name}" for name in reversed(DOCKERFILES)))


@pytest.fixture(scope="module")
def made_wrong(roles: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The images made wrong on purpose; the build's cache has them, if any test before had."""
    del roles
    wrong.build_all(tmp_path_factory.mktemp("wrong"))


@pytest.mark.parametrize("image", [ROLES[0], ROLES[2], *wrong.NAMES, GPU_WORKER])
def test_static_facts_are_what_happens(image: str, made_wrong: None) -> None:
    del made_wrong
    if image == GPU_WORKER and not engine.has_image(image):
        pytest.skip(f"the lab has no {image}")
    with DOCKER.untouched():
        facts = ran(f"docker:{image}")
    found = facts.runtime
    assert found is not None
    assert found.ran
    assert found.imported is facts.torch.installed
    assert (found.torch, found.cuda, found.hip) == (facts.torch.version, facts.torch.cuda, facts.torch.hip)
    outcomes = {finding.check: finding.outcome for finding in judge_run(facts).findings}
    assert outcomes["static-vs-runtime"] == "pass"
    if not facts.torch.installed:
        assert found.error is not None
        assert (found.error.type, found.error.message) == ("ModuleNotFoundError", "No module named 'torch'")
    elif not found.gpu:
        assert (found.is_available, found.computed, found.devices) == (False, None, ())
        assert outcomes.get("cuda-runtime", "unknown") == "unknown"
    if image == GPU_WORKER:
        assert "sm_90" in found.arch_list
        assert found.cudnn is not None


def test_every_engine_runs_it(any_engine: Other) -> None:
    with any_engine.untouched():
        said = ask(any_engine, "runtime", f"{any_engine.scheme}:{ROLES[0]}")
    (image,) = said.document["images"]
    assert (said.code, image["outcome"]) == (0, "pass"), said
    assert (image["runtime"]["ran"], image["runtime"]["imported"]) == (True, False)
    assert image["runtime"]["error"]["message"] == "No module named 'torch'"


def test_what_the_container_was_made_with(hostile: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del hostile
    documents: list[dict[str, Any]] = []
    wait = Engine.wait

    def watched(ours: Engine, container: str, seconds: float) -> int:
        documents.append(ours.container(container))
        return wait(ours, container, seconds)

    monkeypatch.setattr(Engine, "wait", watched)
    run_of("spies")
    (document,) = documents
    config, host = document["Config"], document["HostConfig"]
    assert config["Entrypoint"] == ["/usr/local/bin/python"]
    assert config["Cmd"][0] == "-c"
    assert (config["User"], config["WorkingDir"]) == ("1000", "/app")
    assert config["Healthcheck"]["Test"] == ["NONE"]
    assert (config["NetworkDisabled"], config["Tty"], config["OpenStdin"]) == (True, False, False)
    wanted = {
        "NetworkMode": "none",
        "IpcMode": "private",
        "PidMode": "",
        "UsernsMode": "",
        "ReadonlyRootfs": True,
        "Privileged": False,
        "CapAdd": None,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": 256 * MB,
        "MemorySwap": 256 * MB,
        "PidsLimit": 24,
        "CpuShares": 256,
        "Binds": None,
        "VolumesFrom": None,
        "PortBindings": None,
        "Devices": None,
        "DeviceRequests": None,
        "LogConfig": {"Type": "json-file", "Config": {"max-file": "2", "max-size": "262144"}},
    }
    assert {name: host[name] or None if wanted[name] is None else host[name] for name in wanted} == wanted
    assert {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]} == {
        "core": 0,
        "fsize": 64 * MB,
        "nofile": 1024,
        "cpu": 48,
    }
    assert [(mount["Type"], mount["Destination"]) for mount in document["Mounts"]] == [("tmpfs", "/data")]


def test_what_the_container_could_do(hostile: None) -> None:
    del hostile
    found = run_of("spies")
    assert found.error is not None
    assert (found.imported, found.error.type) == (None, "ImportError"), "it speaks of read-only files"
    saw, _ = json.JSONDecoder().raw_decode(found.error.message)
    assert saw["status"] == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    closed = "Read-only file system"
    assert saw["wrote"] == {
        "": closed,
        "/app": closed,
        "/usr/local": closed,
        "/etc": closed,
        "/tmp": "written",
        "/dev/shm": "written",
        "/data": "Permission denied",
    }
    assert saw["data"] == [], "the image's volume is not even copied"
    assert saw["reached"] == ["Connection refused", "Network is unreachable"]
    assert saw["interfaces"] == ["lo"]
    assert (saw["uid"], saw["cwd"], saw["pid"]) == (1000, "/app", 1)
    ours = {"PYTHONDONTWRITEBYTECODE", "CUDA_CACHE_DISABLE", "NVIDIA_VISIBLE_DEVICES"}
    threads = {f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL")}
    own = {"PATH", "LANG", "PYTHON_VERSION", "SECRET", "HOSTNAME", "HOME"}
    assert set(saw["environment"]) <= own | ours | threads
    assert ours | threads < set(saw["environment"])
    assert not {"kvm", "mem", "sda", "vda", "nvidia0"} & set(saw["devices"])


def test_what_only_capabilities_let_root_read_is_not_known_to_be_missing(hostile: None) -> None:
    del hostile
    found = run_of("closed")
    assert found.error is not None
    assert (found.imported, found.error.type) == (None, "ModuleNotFoundError")
    assert "'/srv/lib' is closed to root here, which has no capabilities" in found.error.message


def test_what_hangs_is_killed_in_time(hostile: None) -> None:
    del hostile
    begun = time.monotonic()
    found = run_of("hang", Limits(seconds=2))
    assert time.monotonic() - begun < 60
    assert found.error is not None
    assert (found.ran, found.imported, found.error.type) == (True, None, "TimeLimit")
    assert found.error.message == "killed after 2 s, before it came to torch"


def test_a_flood_of_output_fills_no_disk(hostile: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del hostile
    sizes: list[int] = []
    kill = Engine.kill

    def killed(ours: Engine, container: str) -> None:
        folder = Path(ours.container(container)["LogPath"]).parent
        sizes.append(sum(_size(path) for path in folder.glob("*.log*")))
        kill(ours, container)

    monkeypatch.setattr(Engine, "kill", killed)
    found = run_of("flood")
    assert found.error is not None
    assert (found.imported, found.error.type) == (None, "TimeLimit")
    assert sizes[0] < 2 * MB


def _size(path: Path) -> int:
    """Return a file's bytes; none of one that the engine rotated away meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def test_forks_are_held_by_the_limit(hostile: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del hostile
    counts: list[int] = []
    kill = Engine.kill

    def killed(ours: Engine, container: str) -> None:
        counts.append(len(engine.docker("top", container, "-o", "pid").splitlines()) - 1)
        kill(ours, container)

    monkeypatch.setattr(Engine, "kill", killed)
    found = run_of("forks")
    assert found.error is not None
    assert found.error.type == "TimeLimit"
    assert 2 <= counts[0] <= QUICK.processes


def test_what_takes_all_memory_is_killed_at_its_limit(hostile: None) -> None:
    del hostile
    found = run_of("hog", Limits(seconds=60, memory=96 * MB))
    assert found.error is not None
    assert (found.ran, found.imported, found.error.type) == (True, None, "MemoryLimit")
    assert found.seconds < 60


def test_an_interpreter_that_leaves_first_tells_nothing_of_torch(hostile: None) -> None:
    del hostile
    found = run_of("leaves")
    assert found.error is not None
    assert (found.imported, found.error.type) == (None, "Ended")
    assert found.error.message == "the interpreter ended with 3, before it came to torch"


@pytest.mark.parametrize("act", ["lies", "chatter"])
def test_what_the_image_prints_is_no_answer_and_hides_none(act: str, hostile: None) -> None:
    del hostile
    found = run_of(act, Limits(seconds=30))
    assert (found.ran, found.imported, found.torch, found.cuda, found.computed) == (True, False, None, None, None)
    assert found.error is not None
    assert found.error.message == "No module named 'torch'"


def test_an_interruption_leaves_nothing(hostile: None) -> None:
    del hostile
    with DOCKER.untouched():
        program = subprocess.Popen(
            [sys.executable, "-m", "inspector", "runtime", f"docker:{HOSTILE}/hang"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
        )
        until = time.monotonic() + 60
        while not _running(f"{HOSTILE}/hang"):
            assert time.monotonic() < until
            time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        output, errors = program.communicate(timeout=60)
    assert (program.returncode, output, errors.strip()) == (130, b"", b"")


def _running(image: str) -> bool:
    """Whether a container of the image runs."""
    return bool(engine.docker("ps", "--quiet", "--filter", f"ancestor={image}").strip())


def test_a_gpu_that_the_engine_has_not_is_refused_in_its_own_words(roles: None) -> None:
    del roles
    with DOCKER.untouched():
        found = ran(f"docker:{ROLES[2]}", gpu="always").runtime
    assert found is not None
    if found.ran:
        pytest.skip("this engine has a GPU")
    assert "could not select device driver" in found.why_not


PRETENDING = r"""
import sys, types
probe = types.ModuleType("probe")
exec(sys.argv[1], probe.__dict__)
import torch
to = torch.Tensor.to
torch.cuda.is_available, torch.cuda.device_count = lambda: True, lambda: 2
told = types.SimpleNamespace(name="a CPU", major=9, minor=0, total_memory=1 << 30)
torch.cuda.get_device_properties = lambda index: told
torch.Tensor.to = lambda tensor, device: to(tensor, {"cuda:0": "cpu", "cuda:1": "cpu"}[device])
answer = probe.blank()
probe.describe(torch, answer)
probe.examine(torch, answer)
right = answer["computed"]
torch.Tensor.to = lambda tensor, device: to(tensor, "cpu") + (device == "cuda:1")
print(answer["error"], right, probe.computes(torch), len(answer["devices"]))
"""
"""A real torch that takes its CPU for two GPUs, of which the second then computes wrong."""


def test_the_computation_is_one_that_a_real_torch_does(roles: None) -> None:
    del roles
    words = ("run", "--rm", "--network", "none", ROLES[2], "python", "-c", PRETENDING, probe_source())
    assert engine.docker(*words).split() == ["None", "True", "False", "2"]
