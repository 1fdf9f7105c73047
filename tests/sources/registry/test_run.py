"""A whole run by the public door: facts of a registry's image, and what the next run still asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.roles import right_images
from inspector.errors import Unsupported
from inspector.layers.cache import IndexCache
from inspector.oci import Platform
from inspector.pipeline import Options, inspect
from inspector.testing.registry import FakeRegistry

GPU = right_images()["worker-gpu"]
AMD64 = Platform("linux", "amd64")


@pytest.fixture(autouse=True)
def _nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "registries.conf").write_text("")
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "registries.conf"))
    for name in ("HOME", "USERPROFILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))


def test_the_next_run_asks_only_what_the_tag_means(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.push("a/gpu", "1", GPU)
    asked = []
    for _ in range(2):
        cache = IndexCache(tmp_path / "cache" / "layers.sqlite")
        facts = inspect(f"registry:{fake.host}/a/gpu:1", Options(cache=cache, platform=AMD64))
        cache.close()
        assert (facts.torch.version, facts.evidence.digests_verified) == ("2.14.1+cu130", True)
        asked.append([path for path in fake.paths() if path != "GET /v2/"])
        fake.asked.clear()
    first, second = asked
    assert len([path for path in first if "blobs" in path]) == len(set(GPU.layers)) + 1
    assert second == ["HEAD /v2/a/gpu/manifests/1"]


def test_offline_asks_nobody(fake: FakeRegistry) -> None:
    with pytest.raises(Unsupported, match="nothing leaves the machine"):
        inspect(f"registry:{fake.host}/a/gpu:1", Options(offline=True))
    assert fake.asked == []
