"""Records what torch says on a GPU host, in the form of `recorded/*.json`; some minutes for all environments.

    python -m tests.runtime.record /opt/torch/.venv/bin/python > tests/runtime/recorded/NAME.json

The argument is a Python with torch. UUIDs of the host's own GPUs are written as another, as in what is recorded.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inspector.runtime.sandbox import probe_source

RECORDED = Path(__file__).parent / "recorded"
UUID = "GPU-11111111-2222-3333-4444-555555555555"
"""What stands for the UUID of the first GPU."""
COUNTS = """
import json, torch
def attempt(question):
    try: return question()
    except Exception: return None
print(json.dumps({"device_count": attempt(torch.cuda.device_count),
    "nvml_count": attempt(getattr(torch.cuda, "_device_count_nvml", None)),
    "raw": attempt(torch._C._cuda_getDeviceCount)}))
"""
QUERY = "index,name,uuid,driver_version,compute_cap,memory.total,mig.mode.current,vbios_version"
SECONDS = 120
WORKERS = 4


def environments() -> list[dict[str, str | None]]:
    """Return every environment of what is recorded so far; a variable that is None is removed."""
    found = (case["env"] for path in sorted(RECORDED.glob("*.json")) for case in json.loads(path.read_text())["cases"])
    return list({json.dumps(each, sort_keys=True): each for each in found}.values())


def record(python: str, tried: Iterable[Mapping[str, str | None]], smi: str) -> dict[str, Any]:
    """Run the probe, and count, under each environment. `smi` is what nvidia-smi says, as CSV."""
    rows = list(csv.DictReader(io.StringIO(smi), skipinitialspace=True))
    uuid = rows[0]["uuid"] if rows else UUID
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.py"
        probe.write_text(probe_source(), encoding="utf-8")
        with ThreadPoolExecutor(WORKERS) as workers:
            cases = list(workers.map(lambda each: _case(python, probe, each, uuid), tried))
    gpus = [[row["name"], row["compute_cap"]] for row in rows]
    driver = rows[0]["driver_version"] if rows else None
    return {"machine": {"gpus": gpus, "driver": driver, "smi": smi.replace(uuid, UUID)}, "cases": cases}


def _case(python: str, probe: Path, changes: Mapping[str, str | None], uuid: str) -> dict[str, Any]:
    environment = dict(os.environ)
    for name, value in changes.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value.replace(UUID, uuid)
    answer, counts = _said([python, str(probe)], environment), _said([python, "-c", COUNTS], environment)
    return {"env": dict(changes), "answer": answer, "counts": counts}


def _said(words: list[str], environment: Mapping[str, str]) -> Any:
    """Return what a program printed last; None where that is not JSON."""
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS)
        return json.loads(done.stdout.strip().rpartition("\n")[2])
    except (ValueError, subprocess.TimeoutExpired):
        return None


if __name__ == "__main__":
    words = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    json.dump(record(sys.argv[1], environments(), told), sys.stdout, indent=1)
