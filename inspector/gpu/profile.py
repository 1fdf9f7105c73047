"""The profile of a GPU host, from what `nvidia-smi` printed there and from its files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import fields

from inspector.errors import UsageError
from inspector.gpu.hosts import MAX_GPUS, Host, Mode
from inspector.gpu.models import gpu_named

MAX_OUTPUT = 4 << 20
"""Bytes of nvidia-smi's output; that of eight GPUs with all details takes 100,000."""
MAX_FILE = 16 << 20
QUERY = ("nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv")
_DRIVER = re.compile(r"Kernel Module\s+(?:for \S+\s+)?(\d+(?:\.\d+)+)", re.ASCII)
_MODEL = re.compile(r"^Model:\s{0,20}(\S[^\n]{0,100}?)\s*$", re.MULTILINE)
_MODES: Mapping[str, Mode] = {"legacy": "legacy", "cdi": "cdi", "jit-cdi": "cdi", "csv": "csv"}
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PACKAGE = re.compile(r"^Package: nvidia-container-toolkit\n(?:.+\n)*?Version: (\d[^\n]{0,80})$", re.MULTILINE)


def host_of_smi(text: str, name: str) -> Host:
    r"""Return the host on which `nvidia-smi` printed the text: CSV with its heading, or the listing of `nvidia-smi -q`.

    A GPU whose model has no known name is stated by its compute capability. Raises `UsageError`.

    >>> host_of_smi("name, compute_cap, driver_version\nTesla T4, 7.5, 535.183.01\n", "edge").gpus
    ('Tesla T4',)
    """
    if len(text) > MAX_OUTPUT:
        raise UsageError(f"more than {MAX_OUTPUT} characters are not the output of nvidia-smi")
    rows = list(_rows_of_csv(text)) or list(_rows_of_listing(text))
    drivers = {row["driver_version"] for row in rows if row.get("driver_version")}
    if len(drivers) != 1 or not all(row.get("name") for row in rows):
        raise UsageError(
            "this is not what nvidia-smi prints of GPUs and their driver; make it by "
            f"`{' '.join(QUERY)} > smi.csv`, or by `nvidia-smi -q > smi.txt`"
        )
    if len(rows) > MAX_GPUS:
        raise UsageError(f"nvidia-smi lists {len(rows)} GPUs; at most {MAX_GPUS} of a host are taken")
    return Host(name=name, driver=drivers.pop(), gpus=tuple(_stated(row) for row in rows))


def _stated(row: Mapping[str, str]) -> str:
    known, capability = gpu_named(row["name"]), row.get("compute_cap", "")
    if known is None and re.fullmatch(r"\d{1,2}\.\d", capability, re.ASCII):
        return capability
    return row["name"]


def _rows_of_csv(text: str) -> Iterator[dict[str, str]]:
    lines = csv.reader(text.splitlines(), skipinitialspace=True)
    heading = [re.sub(r" \[.*\]$", "", each.strip()) for each in next(lines, [])]
    if not {"name", "driver_version"} <= set(heading):
        return
    for line in lines:
        if len(line) == len(heading):
            yield dict(zip(heading, map(str.strip, line), strict=True))


def _rows_of_listing(text: str) -> Iterator[dict[str, str]]:
    driver = re.search(r"^Driver Version\s*: (\S+)", text, re.MULTILINE)
    for found in re.finditer(r"^\s+Product Name\s*: (.+?)\s*$", text, re.MULTILINE):
        yield {"name": found[1], "driver_version": driver[1] if driver else ""}


def toolkit_of(root: Path) -> str | None:
    """Return the version of NVIDIA's container toolkit as dpkg lists it; None where it lists none."""
    found = _PACKAGE.search(text_of(root / "var/lib/dpkg/status"))
    return found[1] if found else None


def default_runtime_is_nvidia(root: Path) -> bool:
    """Tell whether Docker starts every container by the runtime `nvidia` (daemon.json)."""
    try:
        stated = json.loads(text_of(root / "etc/docker/daemon.json") or "{}")
    except ValueError:
        return False
    return isinstance(stated, dict) and stated.get("default-runtime") == "nvidia"


def runtime_mode(root: Path) -> Mode | None:
    """Return how the runtime `nvidia` gives GPUs to containers, where its configuration states it."""
    import tomllib  # profiles alone read it

    try:
        stated = tomllib.loads(text_of(root / "etc/nvidia-container-runtime/config.toml"))["nvidia-container-runtime"]
        return _MODES.get(stated["mode"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


def host_of_proc(root: Path, name: str) -> Host | None:
    """Return the host as the driver's files in /proc tell of it; None where they don't."""
    driver, models = _DRIVER.search(text_of(root / "proc/driver/nvidia/version")), models_of_proc(root)
    return Host(name=name, driver=driver[1], gpus=models) if driver and models else None


def models_of_proc(root: Path) -> tuple[str, ...]:
    """Return the models of NVIDIA's GPUs, as the kernel tells them."""
    told = sorted(root.glob("proc/driver/nvidia/gpus/*/information"))[:MAX_GPUS]
    return tuple(found[1] for each in told if (found := _MODEL.search(text_of(each))))


def as_toml(host: Host, fleet: str) -> str:
    """Write a host as a table of a fleet's `hosts`; what has its default is left out.

    >>> print(as_toml(Host(name="edge", driver="535.183.01", gpus=("A10",)), "gpu"))
    [[fleets.gpu.hosts]]
    name = "edge"
    driver = "535.183.01"
    gpus = ["A10"]
    <BLANKLINE>
    """
    lines = [f"[[fleets.{fleet if _BARE.fullmatch(fleet) else _quoted(fleet)}.hosts]]"]
    for field in fields(Host):
        value = getattr(host, field.name)
        if value != field.default:
            lines.append(f"{field.encode_name} = {_value(value)}")
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_quoted, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value).lower()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # a basic string of TOML is one of JSON


def text_of(path: Path, most: int = MAX_FILE) -> str:
    """Return the first `most` bytes of a file as text; empty where it can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
