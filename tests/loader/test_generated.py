"""Made-up processes at random: libraries of many kinds in many places, paths, environments and rights; the real loader
and the model must say the same of each.

`INSPECTOR_LOADER_CASES` sets how many; a number alone makes a case again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.loader.room import USER, Room
from tests.loader.test_cases import rpath

pytestmark = pytest.mark.lab
"""They compile libraries and ask the real loader in a root of its own: gcc, patchelf, musl, and root's rights."""

CASES = int(os.environ.get("INSPECTOR_LOADER_CASES", "25"))
FIRST = int(os.environ.get("INSPECTOR_LOADER_FIRST", "0"))
NAME = "libbeta.so.1"
FOLDERS = ("/d0", "/d1", "/d2", "/d1/deep", "/usr/lib", "/lib", "/usr/local/lib", "/lib/x86_64-linux-gnu")
BOTH = "int beta(void){return 1;} int gamma_(void){return 1;}"
EDITS = (
    ("--remove-needed", NAME),
    ("--replace-needed", NAME, "liba.so"),
    ("--replace-needed", NAME, "/k/good"),
    ("--replace-needed", NAME, "$ORIGIN/d1/libbeta.so.1"),
    ("--add-needed", "libgone.so"),
    ("--add-needed", "d0/libbeta.so.1"),
    ("--add-needed", "libc.so.6"),
    ("--set-soname", NAME),
)
USES = "int beta(void); int gamma_(void); int m(void) { return beta() + gamma_(); }"
UNKNOWN = ("the file is cut", "is not known", "which musl does not look at")
STEPS = ("/m.so", "/n.so", "/a/liba.so", f"/d0/{NAME}", NAME, "liba.so", "/link.so")


class Pool:
    """Files of each kind, built once: providers named libbeta.so.1, and users of them."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.kinds = {
            "good": room.library("/k/good", BOTH, soname=NAME),
            "half": room.library("/k/half", "int beta(void){return 1;}", soname=NAME),
            "none": room.library("/k/none", "int other;", soname=NAME),
            "bare": room.library("/k/bare", BOTH, "-nostdlib", soname=NAME),
            "nameless": room.library("/k/nameless", BOTH),
            "renamed": room.library("/k/renamed", BOTH, soname="libother.so"),
            "weak": room.library("/k/weak", BOTH.replace("int ", "__attribute__((weak)) int "), soname=NAME),
            "v1": self._versioned("v1", "V_1 { beta; gamma_; };"),
            "v12": self._versioned("v12", "V_1 { beta; }; V_2 { gamma_; };"),
            "v2": self._versioned("v2", "V_2 { beta; gamma_; };"),
            "hidden": self._versioned("hidden", "V_1 { beta; }; V_2 { global: gamma_; local: *; };"),
            "missing": room.library(
                "/k/missing", BOTH, soname=NAME, needs=[room.library("/k/libgone.so", soname="libgone.so")]
            ),
            "undefined": room.library(
                "/k/undefined", BOTH + "int gone(void); int u(void){return gone();}", soname=NAME
            ),
            "stack": room.library("/k/stack", BOTH, "-Wl,-z,execstack", soname=NAME),
            "closed": room.library("/k/closed", BOTH, "-Wl,-z,nodlopen", soname=NAME),
        }
        self.bytes = {kind: room.host(path).read_bytes() for kind, path in self.kinds.items()}
        good = self.bytes["good"]
        self.bytes |= {
            "empty": b"",
            "short": good[:40],
            "cut": good[: len(good) // 3],
            "text": b"not a library at all" * 20,
            "machine": good[:18] + b"\xb7" + good[19:],
            "class": good[:4] + b"\1" + good[5:18] + b"\3" + good[19:],
            "abi": good[:7] + b"\x61" + good[8:],
        }
        plain, versioned = self.kinds["good"], self.kinds["v12"]
        room.library("/a/liba.so", "int a;", needs=[plain], soname="liba.so")
        room.library("/m.so", USES, needs=[plain])
        room.library("/n.so", USES, *rpath("/none"), needs=["/a/liba.so", versioned])
        room.library("/only.so", USES)
        self.users = {
            path: room.host(path).read_bytes() for path in ("/opener", "/m.so", "/n.so", "/a/liba.so", "/only.so")
        }

    def _versioned(self, name: str, script: str) -> str:
        self.room.put(f"/k/{name}.map", script.encode())
        return self.room.library(
            f"/k/{name}", BOTH, f"-Wl,--version-script={self.room.host(f'/k/{name}.map')}", soname=NAME
        )


@pytest.fixture(scope="module", params=["glibc", "musl"])
def pool(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Pool:
    room = Room(tmp_path_factory.mktemp("pool"), request.param)
    room.program()
    return Pool(room)


def path_of(chance: random.Random) -> str:
    """A search path of one to three folders."""
    names = [
        *FOLDERS[:4],
        "$ORIGIN",
        "$ORIGIN/d0",
        "$ORIGIN/../d1",
        "${ORIGIN}/d2",
        "/nowhere",
        "",
        "d0",
        "/a",
        "/u/$LIB",
    ]
    return ":".join(chance.choice(names) for _ in range(chance.randint(1, 3)))


def arrange(room: Room, pool: Pool, chance: random.Random) -> None:
    """Put libraries of random kinds into random places, and give their users random paths."""
    common = chance.random() < 0.6
    kinds = ("good", "half", "none", "v1", "v12", "nameless", "renamed", "bare") if common else tuple(pool.bytes)
    for folder in chance.sample(FOLDERS, chance.randint(1, 4)):
        below = chance.choice(["", "", "", "", "/tls", "/glibc-hwcaps/x86-64-v2", "/haswell/x86_64"])
        place = f"{folder}{below}/{NAME}"
        if chance.random() < 0.15:
            room.link(place, chance.choice([f"/d1/{NAME}", "/k/good", NAME, "/m.so/below", "nowhere", "../d0"]))
        else:
            mode = chance.choice([0o755, 0o755, 0o755, 0o600, 0o644, 0])
            room.put(place, pool.bytes[chance.choice(kinds)], mode)
    room.put("/k/good", pool.bytes["good"])
    if chance.random() < 0.5:
        room.put(f"/{chance.choice(['d0', 'd2', 'lib'])}/liba.so", pool.users["/a/liba.so"], 0o755)
    for path, content in pool.users.items():
        room.put(path, content, 0o755)
        if chance.random() < 0.5:
            force = ["--force-rpath"] if chance.random() < 0.5 else []
            text = path_of(chance)
            if path == "/opener" and room.libc == "musl":
                text = text.replace("$ORIGIN", "").replace("${ORIGIN}", "")  # which musl asks /proc for
            room.patch(path, *force, "--set-rpath", text)
        if chance.random() < 0.12 and path != "/opener":
            room.patch(path, *chance.choice(EDITS))
    room.link("/link.so", chance.choice(["m.so", "/d1/deep/../../n.so", "only.so"]))
    if chance.random() < 0.4 and room.libc == "glibc":
        room.ldconfig(*chance.sample((*FOLDERS[:4], "/usr/local/lib"), 2))
    if chance.random() < 0.2:
        room.host(chance.choice(["/d0", "/d1", "/a"])).mkdir(exist_ok=True)
        room.host("/a").chmod(chance.choice([0o755, 0o700, 0o644]))


def environment_of(chance: random.Random) -> Mapping[str, str]:
    found = {}
    if chance.random() < 0.4:
        found["LD_LIBRARY_PATH"] = path_of(chance).replace(":", chance.choice([":", ";"]))
    if chance.random() < 0.2:
        found["LD_PRELOAD"] = chance.choice([f"/d0/{NAME}", NAME, "/only.so", "/k/good", "/nowhere:/k/good", "liba.so"])
    if chance.random() < 0.1:
        found["LD_BIND_NOW"] = "1"
    return found


@pytest.mark.parametrize("number", range(FIRST, FIRST + CASES))
def test_a_random_process(number: int, pool: Pool, tmp_path: Path) -> None:
    chance = random.Random(number)
    room = Room(tmp_path, pool.room.libc)
    arrange(room, pool, chance)
    steps = [chance.choice(["", "", "", "global:", "lazy:"]) + chance.choice([*STEPS, "/only.so"]) for _ in range(4)]
    environment, user = environment_of(chance), chance.choice([0, 0, USER])
    cwd = chance.choice(["/", "/", "/k"])
    said = [
        line for line in room.really(*steps, environment=environment, user=user, cwd=cwd) if "Inconsistency" not in line
    ]
    if pool.room.libc == "musl" and said[-1:] == ["status 127"]:
        said = [said[0], said[-1]]  # at the start of a program, all that is missing is listed
    mine = room.model(*steps, environment=environment, user=user, cwd=cwd)
    if mine[-1:] and mine[-1].startswith("unknown"):
        assert any(reason in mine[-1] for reason in UNKNOWN), mine
        return
    assert [line for line in mine if not line.startswith("doubt")] == said, (steps, environment, user, cwd)
