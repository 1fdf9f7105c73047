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
_CERTAIN = {
    "deleted": (
        "deleted by a later layer",
        f"delete it in the step that brings it, or {_MOUNT}: a later step frees nothing",
    ),
    "copied-again": (
        "copied again with equal size, as by chown or chmod",
        "set owner and mode as it is copied: `COPY --chown=… --chmod=…`",
    ),
    "replaced": ("replaced by a later layer", "install the wanted version once, in one step"),
    "torch-tests": (
        "torch's own test programs",
        "delete `torch/test`, `torch/bin/test_*` and `torch/bin/*StoreTest` in the step that installs torch",
    ),
    "apt-lists": ("package lists of apt", "end the step with `rm -rf /var/lib/apt/lists/*`"),
    "apt-cache": ("packages that apt downloaded", "end the step with `apt-get clean`, or mount a cache"),
    "pip-cache": ("pip's cache", "`pip install --no-cache-dir`, or `RUN --mount=type=cache`"),
    "uv-cache": ("uv's cache", "`UV_NO_CACHE=1`, or `RUN --mount=type=cache`"),
    "conda-cache": ("conda's packages as downloaded", "end the step with `conda clean -afy`"),
    "wheels": ("wheels left behind", f"after installing nothing needs them; {_MOUNT}"),
    "orphaned-bytecode": ("bytecode without a source, which Python never reads", "delete the `__pycache__`"),
}
_POSSIBLE = {
    "bytecode": (
        "bytecode (`.pyc`)",
        "`--no-compile` saves it and costs time at each start, unless a container may write it",
    ),
    "bytecode-twice": ("bytecode of one source for several Pythons or levels", "compile for the one that runs"),
    "tests": ("tests of packages", "delete them in the step that installs the package"),
    "torch-headers": ("torch's C++ headers", "only `torch.compile` and C++ extensions need them"),
    "static-libraries": ("static libraries (`.a`)", "only linking needs them"),
    "triton-tools": ("triton's programs", "`torch.compile` on a GPU needs `ptxas`; other uses none of them"),
    "second-pip": ("a second pip", "make the environment with `uv venv` or `python -m venv --without-pip`"),
    "docs": ("documentation and translations", "only people read them, if any do"),
    "cuda-with-cpu-torch": ("CUDA packages beside a CPU build of torch", "leave them out if nothing else needs them"),
}
CATEGORIES = {
    name: Category(title, certain, change)
    for certain, rows in ((True, _CERTAIN), (False, _POSSIBLE))
    for name, (title, change) in rows.items()
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
