"""Documents of images, and seeded mutations of them: keys, nulls, types, repeats, escapes and broken bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

SHA = "sha256:" + "a1" * 32
OTHER = "sha256:" + "b2" * 32
_OCI = "application/vnd.oci.image"


class Pairs(list[list[Any]]):
    """An object as its keys and values in order, so that a key can stand in it twice."""


def _descriptor(kind: str, digest: str = SHA, **more: Any) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": digest, "size": 7, **more}


_RUN = {
    "Hostname": "",
    "User": "app",
    "AttachStdin": False,
    "ExposedPorts": {"80/tcp": {}},
    "Env": ["PATH=/usr/bin", "SKY=Kelvin\u212a"],
    "Cmd": ["python", "-m", "app"],
    "Entrypoint": ["/start.sh"],
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30000000000, "Retries": 3},
    "Volumes": {"/data": {}},
    "WorkingDir": "/srv",
    "Labels": {"task": "a", "Task": "b"},
    "StopTimeout": 10,
    "Shell": ["/bin/sh", "-c"],
    "OnBuild": None,
}
_STEP = {"created": "2024-02-29T23:59:59.123456789Z", "created_by": "RUN pip install \u2026", "comment": "buildkit"}
_PLATFORM = {"architecture": "arm64", "os": "linux", "variant": "v8", "os.version": "1", "os.features": ["x"]}

DOCUMENTS: dict[str, list[Any]] = {
    "config": [
        {
            "created": "2024-01-31T01:02:03+02:00",
            "architecture": "amd64",
            "os": "linux",
            "author": "",
            "config": _RUN,
            "container_config": {"Cmd": ["/bin/sh"], "Labels": None},
            "rootfs": {"type": "layers", "diff_ids": [SHA, OTHER]},
            "history": [_STEP, {**_STEP, "empty_layer": True}, {"created_by": "COPY . ."}],
        },
        {"os": "linux", "architecture": "arm", "variant": "v7", "rootfs": {"type": "layers", "diff_ids": [SHA]}},
        {"config": {"Entrypoint": "one", "Cmd": []}, "rootfs": {"diff_ids": []}},
    ],
    "manifest": [
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor("config.v1+json", data="e30=", annotations={"k": "v"}),
            "layers": [_descriptor("layer.v1.tar+gzip", urls=["https://a/b"]), _descriptor("layer.v1.tar", OTHER)],
            "annotations": {"a": "b"},
            "subject": _descriptor("manifest.v1+json"),
        },
        {"config": _descriptor("config.v1+json"), "layers": [_descriptor("layer.v1.tar")]},
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.index.v1+json",
            "manifests": [
                _descriptor("manifest.v1+json", platform=_PLATFORM, annotations={"n": "t:1"}),
                _descriptor("manifest.v1+json", OTHER, platform={"architecture": "amd64", "os": "linux"}),
            ],
        },
        {"manifests": [_descriptor("index.v1+json", artifactType="")]},
    ],
    "items": [
        [{"Config": "c.json", "RepoTags": ["t:1", "u:2"], "Layers": ["l0", "l1"], "Parent": SHA}],
        [
            {"Config": "a", "RepoTags": None, "Layers": ["l"], "LayerSources": {SHA: _descriptor("layer.v1.tar")}},
            {"Config": "b", "RepoTags": [], "Layers": None},
        ],
    ],
    "layout": [{"imageLayoutVersion": "1.0.0"}],
}

_ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30, 1.0, 1.5, 1e300, "", "x", "1", SHA,
    "2024-05-05T05:05:05Z", "2023-02-29T00:00:00Z", "2024-05-05t05:05:05Z", "0000-02-29T00:00:00Z",
    "2024-05-05T5:05:05Z", "2024-05-05T05:05:05,5Z", "2024-05-05T05:05:05+24:00", "2024-05-05T05:05:60Z", "e3 0=",
    "e30", "e3\r\n0=", "QR==", "\u017f\u212a", [], [None], ["x"], ["x", None], [1], [[]], {}, {"x": None}, {"x": 1},
    {"os": "plan9"}, {"Env": ["E=1"]}, {"digest": OTHER}, [{"digest": OTHER}], [{}], [{}, {}, {"digest": OTHER}],
]  # fmt: skip


def mutated(kind: str, random: Random) -> bytes:
    """A document of the kind, changed in one to five places."""
    tree = _paired(random.choice(DOCUMENTS[kind]))
    for _ in range(random.choice((1, 1, 2, 2, 3, 5))):
        tree = random.choice(_CHANGES)(tree, random)
    content = _written(tree, random).encode("utf-8", "surrogatepass")
    return _broken(content, random) if random.random() < 0.08 else content


def _paired(value: Any) -> Any:
    if isinstance(value, dict):
        return Pairs([key, _paired(item)] for key, item in value.items())
    return [_paired(item) for item in value] if isinstance(value, list) else value


def _nodes(tree: Any) -> Iterator[Any]:
    yield tree
    if isinstance(tree, Pairs):
        for _, value in tree:
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _object(tree: Any, random: Random) -> Pairs | None:
    return random.choice([node for node in _nodes(tree) if isinstance(node, Pairs) and node] or [None])


def _other_case(tree: Any, random: Random) -> Any:
    """One key in another case, or with letters that Go takes for others."""
    if node := _object(tree, random):
        pair = random.choice(node)
        pair[0] = _respelled(pair[0], random)
    return tree


def _respelled(key: str, random: Random) -> str:
    way = random.randrange(4)
    if way == 0:
        return key.swapcase()
    if way == 1:
        return key.upper()
    if way == 2:
        return key.replace("s", "\u017f").replace("S", "\u017f").replace("k", "\u212a")
    return "".join(random.choice((letter.upper(), letter.lower())) for letter in key)


def _twice(tree: Any, random: Random) -> Any:
    """One key again, in another case or in the same, with the same value changed, or with another."""
    if node := _object(tree, random):
        key, value = random.choice(node)
        again = random.choice((_renamed, _renamed, _dropped, _changed))(_copy(value), random)
        spelled = key if random.random() < 0.5 else _respelled(key, random)
        node.insert(random.randrange(len(node) + 1), [spelled, again])
    return tree


def _changed(tree: Any, random: Random) -> Any:
    """One value replaced by another one of any type."""
    holders = [node for node in _nodes(tree) if isinstance(node, list) and node]
    if not holders:
        return _paired(random.choice(_ODD_VALUES))
    node, odd = random.choice(holders), _paired(random.choice(_ODD_VALUES))
    if isinstance(node, Pairs):
        random.choice(node)[1] = odd
    else:
        node[random.randrange(len(node))] = odd
    return tree


def _renamed(tree: Any, random: Random) -> Any:
    """Some of its texts, numbers and truths replaced by others of their types."""
    if isinstance(tree, Pairs):
        return Pairs([key, _renamed(value, random) if random.random() < 0.6 else value] for key, value in tree)
    if isinstance(tree, list):
        return [_renamed(item, random) for item in tree][: random.choice((0, 1, 1, 9))]
    if isinstance(tree, bool):
        return not tree
    if isinstance(tree, int):
        return tree + 1
    if not isinstance(tree, str) or tree[4:5] == "-":
        return tree
    return {SHA: OTHER, OTHER: SHA}.get(tree, f"{tree}2")


def _dropped(tree: Any, random: Random) -> Any:
    """One key or element less."""
    holders = [node for node in _nodes(tree) if isinstance(node, list) and node]
    if holders:
        node = random.choice(holders)
        del node[random.randrange(len(node))]
    return tree


def _unknown(tree: Any, random: Random) -> Any:
    """A key that nobody asks for, or one that belongs elsewhere."""
    if node := _object(tree, random):
        key = random.choice(["unknown", "config", "manifests", "layers", "Env", "fsLayers", "platform", "\ud800", ""])
        node.insert(random.randrange(len(node) + 1), [key, _paired(random.choice(_ODD_VALUES))])
    return tree


def _longer(tree: Any, random: Random) -> Any:
    """A list with one of its elements once more, or with null."""
    lists = [node for node in _nodes(tree) if isinstance(node, list) and not isinstance(node, Pairs)]
    if lists:
        node = random.choice(lists)
        node.append(_copy(random.choice(node)) if node and random.random() < 0.6 else None)
    return tree


_CHANGES: list[Callable[[Any, Random], Any]] = [_other_case] * 4 + [_twice] * 6 + [_changed, _dropped]
_CHANGES += [_unknown, _longer]


def _copy(tree: Any) -> Any:
    if isinstance(tree, Pairs):
        return Pairs([key, _copy(value)] for key, value in tree)
    return [_copy(item) for item in tree] if isinstance(tree, list) else tree


def _written(tree: Any, random: Random) -> str:
    """The tree as JSON, with spaces and escapes here and there."""
    space = random.choice(("", "", " ", "\n\t"))
    if isinstance(tree, Pairs):
        pairs = (f"{_string(key, random)}{space}:{space}{_written(value, random)}" for key, value in tree)
        return "{" + ",".join(pairs) + space + "}"
    if isinstance(tree, list):
        return "[" + space + ",".join(_written(item, random) for item in tree) + "]"
    return _string(tree, random) if isinstance(tree, str) else json.dumps(tree)


def _string(text: str, random: Random) -> str:
    if not text or random.random() < 0.9:
        return json.dumps(text, ensure_ascii=random.random() < 0.5 or not text.isprintable())
    at = random.randrange(len(text))
    escape = random.choice((f"\\u{ord(text[at]):04x}", f"\\u{ord(text[at]):04X}", "\\ud800", "\\udc00\\ud800", "\\/"))
    return json.dumps(text[:at])[:-1] + escape + json.dumps(text[at + 1 :])[1:]


def _broken(content: bytes, random: Random) -> bytes:
    """Bytes changed, cut or added: invalid UTF-8, what follows the document, and what is no JSON."""
    at = random.randrange(len(content))
    added = random.choice(
        (b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\0", b"}", b"x", b" ", b"\xef\xbb\xbf", b"NaN", b"1")
    )
    return random.choice((content[:at] + added + content[at:], content[:at], content + added, added + content))
