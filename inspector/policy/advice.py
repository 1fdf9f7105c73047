"""What to do about each failure, and whose fault it is: one table, after the procedure's own."""

from __future__ import annotations

import msgspec

from inspector.policy.model import Category


class Advice(msgspec.Struct, frozen=True):
    """A category and what to do. `{dockerfile}` is the role's; `{origin}` names the build step, where it is known."""

    category: Category
    text: str


ADVICE = {
    "not-found": Advice("ENVIRONMENT", "Run build commands: `{build}`"),
    "no-file": Advice(
        "ENVIRONMENT", "Check the path, and the name within it; if nothing was saved there yet, `docker save` writes it"
    ),
    "unreadable": Advice("ENVIRONMENT", "Get the image anew (save, copy or pull it again); nothing is known of it"),
    "unsupported": Advice(
        "ENVIRONMENT", "Hand the image over in a form that is read: docker-archive, oci, oci-archive or dir"
    ),
    "too-large": Advice("ENVIRONMENT", "Look into the image before trusting it: no sound build makes one like this"),
    "no-platform": Advice("ENVIRONMENT", "Ask for a platform that the image has with `--platform`, or build it"),
    "unreachable": Advice(
        "ENVIRONMENT",
        "Start the engine (`{builder} info` must answer), or name where it listens: DOCKER_HOST, DOCKER_CONTEXT or "
        "CONTAINER_HOST",
    ),
    "refused": Advice(
        "ENVIRONMENT",
        "See whether `{builder} info` answers, who may use the engine's socket, and what its log says of this",
    ),
    "registry-unreachable": Advice(
        "ENVIRONMENT",
        "See whether the name of the registry is right and it answers, and what HTTPS_PROXY and NO_PROXY say",
    ),
    "registry-refused": Advice("ENVIRONMENT", "See what the registry's own log says of this, or ask those who run it"),
    "denied": Advice(
        "ENVIRONMENT",
        "Log in where the image is, as in `{builder} login HOST`, as somebody who may pull it; see its name",
    ),
    "rate-limited": Advice("ENVIRONMENT", "Try again later, with `--jobs 1`, or log in: registries allow users more"),
    "not-pushed": Advice("ENVIRONMENT", "See its name and tag; if it was not pushed yet: `{build}`, then push it"),
    "lane-unusable": Advice("ENVIRONMENT", "Let the lane be chosen (no `--lane`), or force another: `--lane save`"),
    "internal": Advice("ENVIRONMENT", "This is a fault of inspector, not of the image: report it with this message"),
    "no-role": Advice("ENVIRONMENT", "Add the name to a role's `match` in the policy, or name the role with --role"),
    "two-roles": Advice("ENVIRONMENT", "Narrow the `match` of all but one of these roles, or name one with --role"),
    "evidence": Advice("EVIDENCE", "Read the image anew, with `--no-cache`: nothing passes on what was never read"),
    "not-looked": Advice("EVIDENCE", "Have every layer read: `--lane save` does"),
    "crash": Advice(
        "ENVIRONMENT",
        "The image build is broken: build anew with `{build}`; if the container still does not start, check Docker's "
        "resources and `docker logs`",
    ),
    "no-python": Advice(
        "ENVIRONMENT",
        "The image build is broken: {dockerfile} must bring the interpreter, for the image's own platform, and put it "
        "on PATH",
    ),
    "python-version": Advice("CODE_BUG", "{dockerfile}: build from a Python {wanted}"),
    "wrong-platform": Advice(
        "ENVIRONMENT", "Ask for the right one with `--platform {wanted}`, or build it: `{build} --platform {wanted}`"
    ),
    "torch-in-api": Advice(
        "CODE_BUG",
        "{dockerfile}: use `uv sync --frozen --no-dev` without `--extra ml` "
        '(`grep -n "extra ml" {dockerfile}`){origin}',
    ),
    "namespace": Advice(
        "CODE_BUG", "Rename or move the directory {path}, or `import torch` succeeds without a torch{origin}"
    ),
    "not-torch": Advice("CODE_BUG", "Rename or move {path}: the role wants nothing that `import torch` finds{origin}"),
    "torch-left-behind": Advice(
        "CODE_BUG", "{dockerfile}: `python` does not use it, but it is shipped: leave it out of the image{origin}"
    ),
    "orphan-metadata": Advice("CODE_BUG", "{dockerfile}: remove torch with the installer that brought it{origin}"),
    "no-torch": Advice(
        "CODE_BUG",
        "{dockerfile}: add `--extra ml` to the `uv sync` commands "
        '(`grep -n "extra ml" {dockerfile}`), into the environment that `{command}` uses',
    ),
    "broken-torch": Advice(
        "CODE_BUG", "{dockerfile}: partial torch install: install it whole, for this interpreter and machine{origin}"
    ),
    "cuda-in-cpu": Advice(
        "CODE_BUG",
        "{dockerfile}: inject the CPU-only PyTorch source (look for `pytorch-cpu`) before `uv sync`{origin}",
    ),
    "cpu-in-gpu": Advice(
        "CODE_BUG", "{dockerfile}: inject the CUDA PyTorch source (look for `pytorch-cu`) before `uv sync`{origin}"
    ),
    "wrong-build": Advice(
        "CODE_BUG", "{dockerfile}: inject the PyTorch source of the {wanted} before `uv sync`, and no other{origin}"
    ),
    "wrong-cuda": Advice(
        "CODE_BUG",
        "{dockerfile}: inject the CUDA {wanted} PyTorch source (look for `pytorch-cu`) before `uv sync`{origin}",
    ),
    "wrong-torch": Advice("CODE_BUG", "{dockerfile}: lock torch to {wanted}{origin}"),
    "mixed-torch": Advice(
        "CODE_BUG", "{dockerfile}: two releases of torch lie over each other: install one, into a clean place{origin}"
    ),
    "missing-package": Advice("CODE_BUG", "{dockerfile}: add {wanted} to what `uv sync` installs"),
    "wrong-package": Advice("CODE_BUG", "{dockerfile}: lock {wanted}{origin}"),
    "forbidden-package": Advice("CODE_BUG", "{dockerfile}: the role wants {wanted}: leave it out of `uv sync`{origin}"),
    "too-big": Advice(
        "CODE_BUG",
        "{dockerfile}: see what the biggest step brings; ML dependencies may be included by accident{origin}",
    ),
    "gpu-run": Advice(
        "ENVIRONMENT",
        "Whether a GPU is usable shows only on a GPU host whose engine hands it over (nvidia-container-toolkit or "
        "CDI): `inspector runtime {image}` there",
    ),
    "no-toolkit": Advice(
        "ENVIRONMENT",
        "The host's driver does not reach the container: set up nvidia-container-toolkit for the engine, and see that "
        "NVIDIA_DRIVER_CAPABILITIES, where {dockerfile} states it, has `compute`",
    ),
    "driver-old": Advice(
        "ENVIRONMENT",
        "Update the host's NVIDIA driver, or {dockerfile}: inject the PyTorch source of an older CUDA (look for "
        "`pytorch-cu`) before `uv sync`",
    ),
    "no-kernel": Advice(
        "CODE_BUG", "{dockerfile}: lock a torch that was built for these GPUs ({wanted}), or deploy on others{origin}"
    ),
    "gpu-unusable": Advice(
        "ENVIRONMENT",
        "Look at the host: `nvidia-smi`, the kernel's log, then `{builder} run --rm --gpus all {image} nvidia-smi`",
    ),
    "static-wrong": Advice(
        "EVIDENCE",
        "The run is right, the answer from the files is wrong: report it, with what `inspector show --format json` "
        "and `inspector runtime --format json` say of the image",
    ),
    "run-silent": Advice(
        "EVIDENCE", "Run it by hand: `{builder} run --rm --entrypoint {command} {image} -c 'import torch'`"
    ),
    "undecided": Advice("EVIDENCE", "Files can't tell: {how}"),
}

ROW_OF_ERROR = {
    "not-found": "not-found",
    "platform-missing": "no-platform",
    "unsupported": "unsupported",
    "no-image": "unsupported",
    "unreachable": "unreachable",
    "refused": "refused",
    "denied": "denied",
    "rate-limited": "rate-limited",
    "lane-unusable": "lane-unusable",
    "limit-exceeded": "too-large",
    "internal-error": "internal",
}
"""Row by the kind of an error; all others mean bytes that can't be used."""
ROW_IN_REGISTRY = {
    "not-found": "not-pushed",
    "unreachable": "registry-unreachable",
    "refused": "registry-refused",
}
"""What stands for the rows of `ROW_OF_ERROR` where a registry was asked, and not an engine."""
