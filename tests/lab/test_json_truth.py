"""Documents of images, as they are read here and as Go decodes them into the fields that engines have."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from bench.fuzz_json import STRICTER, Go, compared, difference, ours
from bench.json_documents import DOCUMENTS, OTHER, SHA
from tests.lab.conftest import _not_here as not_here

ROOTFS = b'{"rootfs": {"type": "layers", "diff_ids": []}, '
ITEM = b'{"Config": "c", "RepoTags": ["t:1"], "Layers": ["l"]'
DESCRIPTOR = json.dumps({"mediaType": "", "digest": SHA, "size": 1}).encode()

TABLE: list[tuple[str, bytes, str]] = [
    ("config", ROOTFS + b'"config": {"Env": ["A=1"]}, "Config": {"ENV": ["B=1"]}}', "read"),
    ("config", ROOTFS + '"config": {"Wor\u212aingDir": "/w", "U\u017fer": "u"}}'.encode(), "read"),
    ("config", ROOTFS + b'"config": {"Labels": {"a": "1"}, "labels": {"A": "2", "a": null}}}', "read"),
    ("config", ROOTFS + b'"config": {"Entrypoint": "a b", "Cmd": ["a"], "cmd": []}}', "read"),
    ("config", ROOTFS + b'"config": {"Env": ["A=\\ud800", "B=\xff\xe2\x82"]}}', "read"),
    ("config", ROOTFS + b'"config": {"Env": ["A=1"], "Env": ["B=1", "C=1"], "Env": ["D=1"]}}', "read"),
    ("config", ROOTFS + b'"config": {"Env": ["A=1"]}, "config": null}', "engines differ"),
    ("config", ROOTFS + b'"config": {"Env": ["A=1"], "env": [null]}}', "versions of Go differ"),
    ("config", ROOTFS + b'"history": [{"comment": "a"}], "history": [{}]}', "versions of Go differ"),
    ("config", ROOTFS + b'"created": "2024-02-30T00:00:00Z"}', "an engine refuses"),
    ("config", ROOTFS + b'"created": "2024-01-01T1:00:00Z"}', "time that some versions of Go refuse"),
    ("config", ROOTFS + b'"created": "2024-01-01T00:00:00,5Z"}', "time that some versions of Go refuse"),
    ("config", ROOTFS + b'"config": {"Healthcheck": {"Interval": 1e9}}}', "an engine refuses"),
    ("config", ROOTFS + b'"config": {"Tty": "x"}}', "an engine refuses"),
    ("config", ROOTFS + b'"os": "linux"} x', "an engine refuses"),
    ("config", b'{"rootfs": null}', "an engine refuses"),
    ("manifest", b'{"config": %s, "layers": [], "LAYERS": [%s]}' % (DESCRIPTOR, DESCRIPTOR), "read"),
    ("manifest", b'{"config": %s, "Config": {"digest": "%s"}}' % (DESCRIPTOR, OTHER.encode()), "read"),
    ("manifest", b'{"manifests": [%s], "manifests": null}' % DESCRIPTOR, "read"),
    ("manifest", b'{"manifests": [{"digest": "%s", "size": 1.0}]}' % SHA.encode(), "an engine refuses"),
    ("manifest", b'{"manifests": [{"digest": "%s", "size": -1}]}' % SHA.encode(), "negative size"),
    ("manifest", b'{"config": {"digest": "%s", "size": 1, "data": [1]}}' % SHA.encode(), "bytes given as numbers"),
    ("manifest", b'{"config": %s, "schemaVersion": "2"}' % DESCRIPTOR, "an engine refuses"),
    ("manifest", b'{"config": %s, "MANIFESTS": null}' % DESCRIPTOR, "an engine refuses"),
    ("items", b"[" + ITEM + b', "CONFIG": "d", "layers": ["m", "n"]}]', "read"),
    ("items", b"[" + ITEM + b', "RepoTags": null}] and more', "read"),
    ("items", b"[" + ITEM + b', "LayerSources": []}]', "an engine refuses"),
    ("items", b"null", "an engine refuses"),
    ("layout", b'{"IMAGELAYOUTVERSION": "1.0.0"}}', "read"),
    ("layout", b'{"imageLayoutVersion": 1}', "an engine refuses"),
]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """Build the program that decodes as engines do."""
    if shutil.which("go") is None:
        not_here("there is no Go")
    return Go(tmp_path_factory.mktemp("go"))


@pytest.mark.parametrize(("kind", "content", "rule"), TABLE)
def test_each_rule_shows_in_a_document(go: Go, kind: str, content: bytes, rule: str) -> None:
    (readings,) = go.readings([(kind, content)])
    assert difference(kind, content, readings) == (rule, None)


def test_documents_as_they_are_written_are_read(go: Go) -> None:
    documents = [(kind, json.dumps(one).encode()) for kind, several in DOCUMENTS.items() for one in several]
    for (kind, content), readings in zip(documents, go.readings(documents), strict=True):
        assert difference(kind, content, readings) == ("read", None)
        assert isinstance(ours(kind, content), dict)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_documents_are_read_as_go_reads_them(go: Go, seed: int) -> None:
    rules: Counter[str] = Counter()
    for kind, content, rule, wrong in compared(go, 5000, seed):
        assert wrong is None, f"{kind} {content!r}: {rule}: {wrong}"
        rules[rule] += 1
    assert rules["read"] > 1000
    assert rules["engines differ"] > 10
    assert set(rules) <= {"read", "an engine refuses", "engines differ", "escape in a time", *STRICTER}


def test_a_reading_that_is_wrong_is_found_out(go: Go) -> None:
    content = ROOTFS + b'"os": "linux"}'
    (readings,) = go.readings([("config", content)])
    readings[0]["document"]["os"] = "plan9"
    rule, wrong = difference("config", content, readings)
    assert (rule, wrong is None) == ("wrong", False)
