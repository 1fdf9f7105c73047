"""Bytes of an image that need not be there: what no path of it holds, and what a container can do without."""

from __future__ import annotations

import msgspec


class Category(msgspec.Struct, frozen=True):
    """A kind of waste: what it is called, what to change, and whether leaving it out can't hurt.

    What is not `certain` may be needed: it is shown, and never counts against a limit.
    """

    title: str
    certain: bool
    change: str


_MOUNT = "use it by `RUN --mount=type=bind` or `--mount=type=cache`"
CATEGORIES: dict[str, Category] = {
    "deleted": Category(
        "deleted by a later layer",
        certain=True,
        change=f"delete it in the step that brings it, or {_MOUNT}: a later step frees nothing",
    ),
    "copied-again": Category(
        "copied again with equal size, as by chown or chmod",
        certain=True,
        change="set owner and mode as it is copied: `COPY --chown=… --chmod=…`",
    ),
    "replaced": Category(
        "replaced by a later layer",
        certain=True,
        change="install the wanted version once, in one step",
    ),
    "torch-tests": Category(
        "torch's own test programs",
        certain=True,
        change="delete `torch/test`, `torch/bin/test_*` and `torch/bin/*StoreTest` in the step that installs torch",
    ),
    "apt-lists": Category(
        "package lists of apt", certain=True, change="end the step with `rm -rf /var/lib/apt/lists/*`"
    ),
    "apt-cache": Category(
        "packages that apt downloaded", certain=True, change="end the step with `apt-get clean`, or mount a cache"
    ),
    "pip-cache": Category(
        "pip's cache", certain=True, change="`pip install --no-cache-dir`, or `RUN --mount=type=cache`"
    ),
    "uv-cache": Category("uv's cache", certain=True, change="`UV_NO_CACHE=1`, or `RUN --mount=type=cache`"),
    "conda-cache": Category(
        "conda's packages as downloaded", certain=True, change="end the step with `conda clean -afy`"
    ),
    "wheels": Category("wheels left behind", certain=True, change=f"after installing nothing needs them; {_MOUNT}"),
    "orphaned-bytecode": Category(
        "bytecode without a source, which Python never reads", certain=True, change="delete the `__pycache__`"
    ),
    "bytecode": Category(
        "bytecode (`.pyc`)",
        certain=False,
        change="`--no-compile` saves it and costs time at each start, unless a container may write it",
    ),
    "bytecode-twice": Category(
        "bytecode of one source for several Pythons or levels", certain=False, change="compile for the one that runs"
    ),
    "tests": Category("tests of packages", certain=False, change="delete them in the step that installs the package"),
    "torch-headers": Category(
        "torch's C++ headers", certain=False, change="only `torch.compile` and C++ extensions need them"
    ),
    "static-libraries": Category("static libraries (`.a`)", certain=False, change="only linking needs them"),
    "triton-tools": Category(
        "triton's programs", certain=False, change="`torch.compile` on a GPU needs `ptxas`; other uses none of them"
    ),
    "second-pip": Category(
        "a second pip", certain=False, change="make the environment with `uv venv` or `python -m venv --without-pip`"
    ),
    "docs": Category("documentation and translations", certain=False, change="only people read them, if any do"),
    "cuda-with-cpu-torch": Category(
        "CUDA packages beside a CPU build of torch", certain=False, change="leave them out if nothing else needs them"
    ),
}
"""By id, in the order of their certainty. Shared libraries are in none: many are loaded by name, as late as a call."""


class Place(msgspec.Struct, frozen=True):
    """A folder, and how many bytes of one kind of waste lie in it."""

    path: str
    bytes: int


class Wasted(msgspec.Struct, frozen=True, kw_only=True):
    """Waste of one category in one layer.

    `layer` is the position of the layer that holds the bytes, `created_by` its build step; `removed_by` is that of the
    layer that made them useless, where one did. `places` are the biggest folders. `change` says what to do.
    """

    category: str
    certain: bool
    bytes: int
    files: int
    layer: int
    created_by: str | None
    removed_by: int | None
    places: tuple[Place, ...]
    change: str


class Waste(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found, what is certain first, then by size; a file may be in several categories.

    `certain` and `possible` are bytes, in which each file counts once: those that certainly help nobody, and those
    that some people need.
    """

    certain: int
    possible: int
    items: tuple[Wasted, ...]
