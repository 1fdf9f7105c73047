"""What torch says of itself and of the GPUs it finds, and whether it can compute on them: one JSON object.

It runs by hand, `python probe.py`, or is handed to an image's interpreter by `-c`: Python from 3.6 on, the standard
library and torch, nothing else. An argument is the mark that each line begins with, so that what else is printed can't
be taken for the answer; with it, `MARK import`, and `MARK examine` with what is known by then, tell how far it came,
and both streams carry every line: an engine keeps the end of the two together, so that much on one may push out
the other.
"""
# Python 3.6 knows neither pathlib's newer ways nor types such as `list[str]`, and torch may be anything:
# ruff: noqa: ANN001, ANN201, PTH100, PTH110, PTH118, PTH123, PTH208
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs

import os
import sys
import time

MAX_TEXT = 2000
"""Characters of any text in the answer."""
MAX_DEVICES = 64
TRIED = 16
"""Devices that are computed on."""
GPU_NODES = ("dxg", "kfd", "nvidiactl", "nvmap")
UNANSWERED = ["path", "torch", "cuda", "hip", "is_available", "cudnn", "driver", "computed"]
UNANSWERED += ["unavailable", "unreadable", "error"]


def main() -> None:
    """Answer on standard output, by a mark on standard error too; what else writes there writes to the latter now."""
    begun = time.monotonic()
    mark = sys.argv[1] + " " if len(sys.argv) > 1 else ""
    del sys.argv[1:]
    channels = [os.dup(1), os.dup(2)] if mark else [os.dup(1)]
    os.dup2(2, 1)
    answer = blank()
    tell(channels, mark, "import")
    torch = attempt(answer, lambda: __import__("torch"))
    if torch is None:
        answer["unreadable"] = unreadable()
    else:
        answer["imported"] = True
        attempt(answer, lambda: describe(torch, answer))
        tell(channels, mark, "examine " + dumped(answer))
        attempt(answer, lambda: examine(torch, answer))
    answer["seconds"] = round(time.monotonic() - begun, 3)
    write(channels, "\n" + mark + dumped(answer) + "\n")
    os._exit(0)  # whatever torch does at the end can't take the answer back


def blank():
    """Return an answer that says nothing yet, but whether device nodes of a GPU are there."""
    names = attempt({"error": None}, lambda: os.listdir("/dev")) or []
    numbered = any(name[:6] == "nvidia" and name[6:].isdigit() for name in names)
    nodes = numbered or any(name in GPU_NODES for name in names)
    answer = {"imported": False, "devices": [], "arch_list": [], "nodes": nodes, "seconds": 0.0}
    answer["root"] = hasattr(os, "geteuid") and os.geteuid() == 0
    answer.update(dict.fromkeys(UNANSWERED))
    return answer


def describe(torch, answer) -> None:
    """Return what an imported torch says of itself, which touches no GPU and so can't bring it down."""
    version = getattr(torch, "version", None)
    answer["torch"] = text(getattr(torch, "__version__", None))
    answer["cuda"] = text(getattr(version, "cuda", None))
    answer["hip"] = text(getattr(version, "hip", None))
    answer["path"] = attempt(answer, lambda: cut(os.path.abspath(next(iter(torch.__path__)))))


def examine(torch, answer) -> None:
    """Return what torch says of GPUs, question by question, so that one that fails leaves the others answered."""
    available = attempt(answer, lambda: bool(quietly(torch.cuda.is_available, answer)))
    answer["is_available"] = available
    answer["arch_list"] = attempt(answer, lambda: arch_list(torch)) or []
    if answer["cuda"]:
        answer["cudnn"] = attempt(answer, lambda: cudnn(torch.backends.cudnn.version()))
    answer["driver"] = attempt(answer, driver)
    if available:
        answer["devices"] = attempt(answer, lambda: devices(torch)) or []
        answer["computed"] = bool(attempt(answer, lambda: computes(torch)))
    elif answer["cuda"] or answer["hip"]:
        answer["unavailable"] = answer["unavailable"] or why_unavailable(torch)


def arch_list(torch):
    """Return the architectures that the build has code for; torch itself tells them only where it finds a GPU."""
    told = list(torch.cuda.get_arch_list())
    flags = getattr(torch._C, "_cuda_getArchFlags", None)  # noqa: SLF001 - the only way without a GPU
    if not told and flags is not None:
        told = (flags() or "").split()
    return [cut(name) for name in told[:MAX_DEVICES]]


def cudnn(number):
    """Return `9.10.2` of 91002, `8.9.7` of 8907; None where torch was built without."""
    if number is None:
        return None
    thousand = 10000 if number >= 90000 else 1000
    return f"{number // thousand}.{number % thousand // 100}.{number % 100}"


def devices(torch):
    """Return every GPU that torch sees: name, compute capability, bytes of memory."""
    found = []
    for index in range(min(torch.cuda.device_count(), MAX_DEVICES)):
        told = torch.cuda.get_device_properties(index)
        capability = f"{told.major}.{told.minor}"
        found.append({"name": cut(told.name), "capability": capability, "memory": int(told.total_memory)})
    return found


def computes(torch) -> bool:
    """Tell whether every GPU multiplies and adds as the CPU does, in whole numbers that no precision rounds.

    This needs a kernel of torch's own and one of the BLAS library; the first GPU also convolves, which is cuDNN's.
    """
    left = torch.arange(64 * 64, dtype=torch.float32).reshape(64, 64) % 5
    right = left.t().contiguous()
    wanted = left @ right + 1
    for index in range(min(torch.cuda.device_count(), TRIED)):
        device = f"cuda:{index}"
        if not torch.equal(wanted, (left.to(device) @ right.to(device) + 1).cpu()):
            return False
    picture, kernel = left[:8, :8].reshape(1, 1, 8, 8), left[:3, :3].reshape(1, 1, 3, 3)
    convolve = torch.nn.functional.conv2d
    there = convolve(picture.to("cuda:0"), kernel.to("cuda:0")).cpu()
    return bool(torch.allclose(convolve(picture, kernel), there, rtol=1e-3, atol=1e-3))


def why_unavailable(torch):
    """Return what torch says when it is made to use the GPU that it does not find.

    None where it finds nothing to say.
    """
    failure = {"error": None}
    attempt(failure, torch.cuda.init)
    return failure["error"]


def quietly(question, answer):
    """Return what `question` answers; the first warning on the way is why there is no GPU, if there is none."""
    import warnings  # after torch, which may import another one than the standard library's

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        result = question()
    if seen:
        answer["unavailable"] = failed(seen[0].category, seen[0].message)
    return result


def driver():
    """Return the driver's version as NVML tells it, else the kernel; None where neither does."""
    told = attempt({"error": None}, nvml_driver)
    for path in ("/proc/driver/nvidia/version", "/sys/module/amdgpu/version"):
        if not told and os.path.exists(path):
            with open(path, encoding="ascii", errors="replace") as file:
                words = file.readline(MAX_TEXT).split()
            told = next((word for word in words if word[:1].isdigit() and "." in word), None)
    return text(told)


def nvml_driver() -> "str | None":
    """Return the version that NVIDIA's management library tells. Raises `OSError` where there is no such library."""
    import ctypes

    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    told = ctypes.create_string_buffer(96)
    fails = nvml.nvmlInit_v2() or nvml.nvmlSystemGetDriverVersion(told, ctypes.c_uint(96))
    nvml.nvmlShutdown()
    return None if fails else told.value.decode("ascii", "replace")


def unreadable():
    """Return a folder of the search path that can't be read, as where root lacks its capabilities.

    None if there is none.
    """
    for entry in sys.path:
        for path in (entry or ".", os.path.join(entry, "torch")):
            failure = {"error": None}
            attempt(failure, lambda path=path: os.listdir(path))
            if failure["error"] and failure["error"]["type"] == "PermissionError":
                return cut(os.path.abspath(path))
    return None


def attempt(answer, question):
    """Return what `question` answers; None where it fails, the first failure being told."""
    try:
        return question()
    except BaseException as error:  # noqa: BLE001 - an import may raise SystemExit too
        if answer["error"] is None:
            answer["error"] = failed(type(error), error)
        return None


def failed(kind, error):
    """Return the error's type, its own words if it can say them, and the system's number for it."""
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - an error of the image's own making
        words = ""
    number = getattr(error, "errno", None)
    return {"type": cut(kind.__name__), "message": cut(words), "errno": number if isinstance(number, int) else None}


def text(value):
    """Cut a text; None for what is none."""
    return cut(str(value)) if isinstance(value, str) else None


def cut(value: str) -> str:
    """Return at most `MAX_TEXT` characters, all of ASCII."""
    return value[:MAX_TEXT].encode("ascii", "backslashreplace").decode("ascii")[:MAX_TEXT]


def dumped(value) -> str:
    """Return the value as JSON, on one line; the image's own `json` may be anything."""
    if isinstance(value, dict):
        return "{" + ", ".join(dumped(key) + ": " + dumped(value[key]) for key in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dumped(item) for item in value) + "]"
    if isinstance(value, str):
        return '"' + "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{ord(c):04x}" for c in value) + '"'
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def tell(channels, mark: str, stage: str) -> None:
    """Say how far it came, if anybody listens for it."""
    if mark:
        write(channels, "\n" + mark + stage + "\n")


def write(channels, words: str) -> None:
    """Write all of the words to each, past whatever buffers there are."""
    for channel in channels:
        left = words.encode("ascii")
        while left:
            left = left[os.write(channel, left) :]


if __name__ == "__main__":
    main()
