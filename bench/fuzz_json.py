"""`python -m bench.fuzz_json [COUNT [SEED]]` compares our reading of documents with Go's, on mutated ones.

Every document that is read here must be the one that each engine's structs get from `encoding/json`; one that is
refused here must be refused by an engine, be read as two by two of them, or fall under a rule of `STRICTER`.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from bench.json_documents import DOCUMENTS, mutated
from inspector.errors import InspectorError
from inspector.oci import Descriptor, ImageConfig, Index, layout_version, parse_config, parse_items, parse_manifest

SOURCE = Path(__file__).parents[1] / "tests" / "go" / "json" / "main.go"
BATCH = 5000

STRICTER = {
    "digest": r"a SHA-256 or SHA-512 digest|missing required field `(digest|size|config|Config)`",
    "negative size": r"Expected `int` >= 0",
    "two kinds in one": r"both an index and a manifest|neither an image index|its media type is|schema 1",
    "no image": r"no image but an artifact|root file system of type|it has no `rootfs`|null where a list",
    "versions of Go differ": r"gives a field twice",
    "time that some versions of Go refuse": r"a time of RFC 3339",
    "bytes given as numbers": r"Expected `str`, got `array` - at `\$.*data`",
    "no version": r"^empty$",
}
"""Why a document is refused here that Go 1.19 reads, each with what the refusal says."""


class Go:
    """The program of the tests that decodes as moby and containerd do. Raises `OSError` where there is no Go."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "truth"
        words = ["go", "build", "-o", str(self._program), str(SOURCE)]
        subprocess.run(words, check=True, cwd=folder, env={**_environment(), "GO111MODULE": "off"})

    def readings(self, documents: Sequence[tuple[str, bytes]]) -> list[list[dict[str, Any]]]:
        """What the engines make of each document, by its kind."""
        frames = b"".join(b"%s %d\n%s" % (kind.encode(), len(content), content) for kind, content in documents)
        done = subprocess.run([self._program], input=frames, stdout=subprocess.PIPE, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "GOFLAGS": "", "GOCACHE": os.environ.get("GOCACHE", tempfile.gettempdir() + "/go-cache")}


def ours(kind: str, content: bytes) -> dict[str, Any] | str:
    """Our reading in the words of the Go program; a refusal is its sentence."""
    try:
        match kind:
            case "config":
                return _config(parse_config(content, "it"))
            case "manifest":
                return _manifest(content)
            case "items":
                items = parse_items(content, "it")
                return {"items": [{"config": i.config, "tags": i.repo_tags, "layers": i.layers} for i in items]}
            case _:
                return {"version": layout_version(content, "it")}
    except InspectorError as error:
        return str(error)


def _config(config: ImageConfig) -> dict[str, Any]:
    run = config.run
    return {
        "os": config.os,
        "architecture": config.architecture,
        "variant": config.variant,
        "run": {
            "env": run.env,
            "entrypoint": list(config.entrypoint),
            "cmd": list(config.cmd),
            "working_dir": run.working_dir,
            "user": run.user,
            "labels": run.labels,
            "volumes": sorted(run.volumes or ()),
        },
        "type": config.rootfs.type,
        "diff_ids": config.rootfs.diff_ids,
        "history": [
            {
                "created_by": step and step.created_by,
                "comment": step and step.comment,
                "empty": bool(step and step.empty_layer),
            }
            for step in config.history or ()
        ],
    }


def _manifest(content: bytes) -> dict[str, Any]:
    document = parse_manifest(content, "", "it")
    if isinstance(document, Index):
        entries = [_descriptor(one) for one in document.manifests]
        return {"kind": "index", "media_type": document.media_type, "manifests": entries}
    layers = [_descriptor(one) for one in document.layers]
    config = _descriptor(document.config)
    return {"kind": "manifest", "media_type": document.media_type, "config": config, "layers": layers}


def _descriptor(one: Descriptor) -> dict[str, Any]:
    on = one.platform
    return {
        "digest": one.digest,
        "size": one.size,
        "media_type": one.media_type,
        "data": base64.b64encode(base64.b64decode(one.data or "")).decode(),
        "artifact_type": one.artifact_type,
        "annotations": one.annotations,
        "urls": one.urls,
        "platform": [on.os, on.architecture, on.variant, on.os_version] if on else ["", "", "", ""],
    }


def difference(kind: str, content: bytes, readings: list[dict[str, Any]]) -> tuple[str, str | None]:
    """The rule that the document falls under, and what is wrong, if anything is."""
    found = ours(kind, content)
    apt = [one for one in readings if one.get("error") not in ("no manifest", "no index")]
    read = [_plain(one["document"]) for one in apt if "document" in one]
    if not isinstance(found, str):
        wrong = [one for one in read if not _same(_plain(found), one)]
        if wrong:
            return "wrong", f"read as {found}, by an engine as {wrong[0]}"
        escaped = b"\\u" in content and any("parsing time" in one.get("error", "") for one in apt)
        return ("read", None) if read else ("escape in a time", None) if escaped else ("read alone", f"{found} {apt}")
    if len(read) < len(apt) or not apt:
        return "an engine refuses", None
    if any(one != read[0] for one in read):
        return "engines differ", None
    rules = [rule for rule, pattern in STRICTER.items() if re.search(pattern, found)]
    return (rules[0], None) if rules else ("refused alone", f"{found}; engines read {read[0]}")


def _plain(value: Any) -> Any:
    """The value without what is empty, since nil, empty and absent mean one thing; no type of layers means `layers`."""
    if isinstance(value, dict):
        kept = {key: _plain(item) for key, item in value.items() if item}
        for key in kept.keys() & {"labels", "annotations"}:
            kept[key] = sorted((name, text or "") for name, text in value[key].items())
        kept |= {"volumes": sorted(kept["volumes"])} if "volumes" in kept else {}
        return {"type": "layers", **kept} if "run" in kept else {key: item for key, item in kept.items() if item}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether these are equal in what both readers know; Docker's lists know less than the specification's."""
    return one == other or (one.get("kind") == "index" and _known_to_lists(one) == other)


def _known_to_lists(index: dict[str, Any]) -> dict[str, Any]:
    entries = index.get("manifests") or []
    known = [{key: value for key, value in one.items() if key not in ("data", "artifact_type")} for one in entries]
    return {**index, "manifests": known}


def compared(go: Go, count: int, seed: int) -> Iterator[tuple[str, bytes, str, str | None]]:
    """For each of so many mutated documents its kind, its bytes, its rule, and what is wrong."""
    random, kinds = Random(seed), list(DOCUMENTS)  # noqa: S311 - a test that can be repeated
    while count > 0:
        some = [random.choice(kinds[:3] * 5 + kinds[3:]) for _ in range(min(count, BATCH))]
        documents = [(kind, mutated(kind, random)) for kind in some]
        for (kind, content), readings in zip(documents, go.readings(documents), strict=True):
            yield kind, content, *difference(kind, content, readings)
        count -= len(documents)


def main(words: Sequence[str]) -> int:
    """Print how many documents fall under each rule, and each that falls under none."""
    count, seed = (int(words[0]) if words else 200_000), (int(words[1]) if len(words) > 1 else 1)
    rules: Counter[str] = Counter()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, content, rule, wrong in compared(Go(Path(folder)), count, seed):
            rules[rule] += 1
            if wrong is not None:
                failures += 1
                if failures <= 20:
                    _say(f"{kind} {content!r}\n    {rule}: {wrong}")
    _say("\n".join(f"{number:9,}  {rule}" for rule, number in rules.most_common()))
    _say(f"{count:,} documents of seed {seed}: {failures} unexplained")
    return 1 if failures else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
