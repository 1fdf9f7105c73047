"""Fleets in a policy: the hosts with GPUs on which images are to work, written there or in a file of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from inspector.errors import PolicyError
from inspector.gpu.hosts import MAX_GPUS, MAX_HOSTS, Flag, Host, Mode, numbers
from inspector.gpu.models import NAMES, gpu_named
from inspector.gpu.rocm import is_target
from inspector.gpu.versions import compare, major_of
from inspector.policy.decoding import PROJECT, SECTION, decoded_toml, is_json, section_of, text_of
from inspector.policy.location import Faults, Location
from inspector.policy.role import Fleet
from inspector.policy.rules.fleet import FLEETS
from inspector.policy.setting import Key, table_of
from inspector.policy.steps import shorten
from inspector.policy.values import did_you_mean

MAX_FLEETS = 50
MAX_TEXT = 200
"""Characters of a name, a version or a GPU's model."""
_NAME_FORM = {"minLength": 1, "maxLength": MAX_TEXT, "pattern": r"\S"}
_VERSION_FORM = {"maxLength": MAX_TEXT, "pattern": r"^v?\d{1,5}(\.\d+)*([-+].*)?$"}
MACHINES = ("x86_64", "aarch64")
HOSTS = Key(
    "hosts",
    list[Any],
    "a list of hosts, as in [{name = 'edge', driver = '535.183.01', gpus = ['A10']}], or [[fleets.NAME.hosts]] tables",
    (),
    about="The kinds of hosts. `inspector fleet profile` writes one.",
    unset="`file` has them.",
)
FILE = Key(
    "file",
    str | None,
    "a path, as in 'gpu-hosts.toml'",
    about="A file with the same table `[fleets.NAME]`, which states the hosts; relative to the policy's folder.",
    unset="`hosts` are stated here.",
    form={"minLength": 1},
)
OF_HOST = (
    Key("name", str, "a text, as in 'edge'", about="What reports call the host.", form=_NAME_FORM),
    Key(
        "driver",
        str,
        "a version in quotes, as in '535.183.01'",
        about="The version of NVIDIA's driver, as `nvidia-smi` prints it, whole: `580` alone may be too old for CUDA "
        "13, which `580.95.05` is not. Of AMD's GPUs, the ROCm release of their driver, as in `6.4`.",
        form={"maxLength": MAX_TEXT, "pattern": r"^\d{1,5}(\.\d+)*$"},
    ),
    Key(
        "gpus",
        list[str],
        "a list of models or compute capabilities, as in ['A10', '8.6']",
        about="The models, as in `A10`, or the whole names that `nvidia-smi` prints; or compute capabilities, as in "
        "`8.6`. A model tells more: GeForce does not allow compat libraries. AMD's GPUs by target, as in `gfx942`.",
        form=_NAME_FORM,
    ),
    Key(
        "injection",
        Mode | None,
        f"allowed are {', '.join(map(repr, get_args(Mode)))}",
        about="How containers get the GPUs: by NVIDIA's `legacy` hook, by `cdi`, or by `csv` on Jetson.",
        unset="It follows from `flag`, `engine` and `toolkit`; what stays open is answered for every way.",
        words=lambda: get_args(Mode),
    ),
    Key(
        "flag",
        Flag | None,
        f"allowed are {', '.join(map(repr, get_args(Flag)))}",
        about="How containers ask for GPUs: `gpus` is `docker run --gpus`, `runtime` is `--runtime=nvidia` or a "
        "default runtime, `device` is `--device nvidia.com/gpu=…`, `none` no GPUs at all.",
        unset="They ask for all GPUs in some way.",
        words=lambda: get_args(Flag),
    ),
    Key(
        "engine",
        str | None,
        "a version in quotes, as in '29.2.0'",
        about="The version of Docker. From 29.2 on, `--gpus` may be CDI.",
        unset="It may be any.",
        form=_VERSION_FORM,
    ),
    Key(
        "toolkit",
        str | None,
        "a version in quotes, as in '1.18.0'",
        about="The version of NVIDIA's container toolkit. From 1.18 on, the runtime is CDI; 1.20 reads what compat "
        "libraries say of drivers.",
        unset="It may be any.",
        form=_VERSION_FORM,
    ),
    Key(
        "kubernetes",
        bool,
        "true or false",
        default=False,
        about="Whether a device plugin of Kubernetes gives the GPUs, whatever the image's environment asks.",
        unset="It does not.",
    ),
    Key(
        "architecture",
        str,
        "'x86_64' or 'aarch64'",
        "x86_64",
        about="The machine: `aarch64` is that of GH200, GB200 and Jetson.",
        unset="`x86_64`.",
        words=lambda: MACHINES,
    ),
)
"""The keys of a host; `Host` has them as fields."""
_UNTYPED = {key.name: key.hint for key in OF_HOST}
_FLEET = table_of([HOSTS, FILE])


def load_fleets(path: Path, *, alone: bool = False) -> dict[str, Fleet]:
    """Load the fleets of a policy, or of a file that a policy names, where they stand `alone`. Raises `PolicyError`."""
    if not path.is_file():
        raise PolicyError(f"{path}: no such file; `inspector fleet profile -o {path.name}` writes one on a GPU host")
    text = text_of(path)
    if is_json(text, path):
        raise PolicyError(f"{path}: fleets are stated in TOML, in tables [fleets.NAME]")
    raw = decoded_toml(text, path)
    section = section_of(raw) if path.name == PROJECT else raw
    try:
        found = fleets_of(section or {}, str(path), alone=alone)
    except PolicyError as error:
        from inspector.policy.positions import placed  # most files have no fault

        raise PolicyError.of(str(path), placed(text, error.faults, SECTION if path.name == PROJECT else ())) from None
    if not found:
        raise PolicyError(f"{path}: no fleets; write at least one table [fleets.NAME]")
    return found


def fleets_of(raw: Mapping[str, Any], origin: str, *, alone: bool) -> dict[str, Fleet]:
    """Return the fleets that decoded TOML holds, whatever else is in it; where `alone`, they name no further file.

    Raises `PolicyError` with all faults.
    """
    stated, faults = raw.get(FLEETS.name, {}), Faults(origin)
    if not isinstance(stated, dict):
        raise Location(origin).error(f"expected {FLEETS.hint}", FLEETS.name)
    found = read_fleets(stated, origin, faults, alone=alone)
    faults.raise_all()
    return {name: fleet for name, fleet in found.items() if fleet is not None}


def read_fleets(raw: Mapping[str, Any], origin: str, faults: Faults, *, alone: bool = False) -> dict[str, Fleet | None]:
    """Return the fleets by name, None for each that has faults. Those of a file `alone` name no further file."""
    found: dict[str, Fleet | None] = {}
    if len(raw) > MAX_FLEETS:
        faults.add([Location(origin).fault(f"more than {MAX_FLEETS} fleets", FLEETS.name)])
        return dict.fromkeys(raw)
    for name, table in raw.items():
        location = Location(origin, f"fleet {shorten(name, MAX_TEXT)!r}", ("fleets", name))
        found[name] = None
        with faults.collected():
            found[name] = _fleet(name, table, location, alone=alone)
    return found


def _fleet(name: str, raw: Any, location: Location, *, alone: bool) -> Fleet:
    location.check(None, _name, name)
    table = location.convert(raw, *_FLEET)
    if table.file is not None and alone:
        raise location.error("such a file states hosts, and names no further file", FILE.name)
    if (table.file is None) is not bool(table.hosts):
        raise location.error(f"state either `hosts` or `file`: {HOSTS.hint}")
    if table.file is not None:
        return _from_file(name, table.file, location)
    if len(table.hosts) > MAX_HOSTS:
        raise location.error(
            f"{len(table.hosts)} hosts; at most {MAX_HOSTS} are taken: state one of each kind", "hosts"
        )
    faults, hosts = Faults(location.origin), []
    for at, each in enumerate(table.hosts):
        with faults.collected():
            hosts.append(_host(each, at, location))
    faults.raise_all()
    return Fleet(name, tuple(_unique(hosts, location)))


def _from_file(name: str, file: str, location: Location) -> Fleet:
    """Return the fleet as the file states it; what is wrong there is told with its place in that file."""
    try:
        found = load_fleets(Path(location.origin).parent / file, alone=True)
    except PolicyError as error:
        raise location.error(str(error), FILE.name) from error
    if name not in found:
        table = f"[fleets.{name}]"
        raise location.error(f"{file}: no table {table}; {did_you_mean(name, found)}", FILE.name)
    return found[name]


def _host(raw: Any, at: int, fleet: Location) -> Host:
    location = Location(fleet.origin, f"{fleet.table}, hosts[{at}]", (*fleet.path, HOSTS.name, at))
    host = location.convert(raw, Host, _UNTYPED)
    faults = Faults(fleet.origin)
    for key, sentence, position in _wrong(host):
        faults.add([location.fault(sentence, key, position)])
    faults.raise_all()
    return host


def _wrong(host: Host) -> Iterator[tuple[str, str, int | None]]:
    """Yield each key that is wrong, what is, and which item of a list."""
    try:
        _name(host.name)
    except ValueError as error:
        yield "name", str(error), None
    if compare(host.driver, "0") is None or major_of(host.driver) is None:
        yield "driver", f"{_shown(host.driver)} is not a driver's version; write {_UNTYPED['driver']}", None
    for key in ("engine", "toolkit"):
        value = getattr(host, key)
        if value is not None and numbers(value) is None:
            yield key, f"{_shown(value)} is not a version; write {_UNTYPED[key]}", None
    if host.architecture not in MACHINES:
        yield "architecture", f"{_shown(host.architecture)} is no machine with GPUs; write 'x86_64' or 'aarch64'", None
    if not 0 < len(host.gpus) <= MAX_GPUS:
        yield "gpus", f"{len(host.gpus)} GPUs; state 1 to {MAX_GPUS}", None
    for at, name in enumerate(host.gpus[:MAX_GPUS]):
        if len(name) > MAX_TEXT or (gpu_named(name) is None and not is_target(name)):
            yield "gpus", f"no GPU is known as {_shown(name)}; {_near(name)}", at


def _near(name: str) -> str:
    clause = did_you_mean(name, NAMES)
    meant = f"{clause} Or state" if clause.startswith("did") else "state"
    return f"{meant} its compute capability, as in '8.6', or AMD's target, as in 'gfx942'"


def _unique(hosts: list[Host], location: Location) -> Iterator[Host]:
    names = set()
    for at, host in enumerate(hosts):
        if host.name in names:
            raise Location(location.origin, f"{location.table}, hosts[{at}]", (*location.path, HOSTS.name, at)).error(
                f"a second host {host.name!r}; give each its own name", "name"
            )
        names.add(host.name)
        yield host


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > MAX_TEXT:
        raise ValueError(f"{_shown(text)} is no name: write a printable one of at most {MAX_TEXT} characters")
    return text


def _shown(text: str) -> str:
    return repr(shorten(text, MAX_TEXT))
