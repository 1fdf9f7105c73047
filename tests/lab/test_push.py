"""The pre-push hook beside a real engine: images are looked at again only once one has changed."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.clone import Clone
from tests.lab import engine

POLICY = """
images = ["docker:ktrdr-backend:prod"]

[roles.api]
match = ["ktrdr-backend:prod"]
torch = "absent"
"""


def test_images_are_checked_again_once_one_changes(roles: None, tmp_path: Path) -> None:
    del roles
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "inspector.toml").write_text(POLICY)
    clone = Clone(folder)
    tag = f"inspector-deploy/{tmp_path.name.replace('_', '-')}:pushed"
    checked, skipped = "ktrdr-backend:prod (api): pass", "images not checked: none has changed since all passed"
    assert checked in clone.git("push", "origin", "main").stderr
    assert clone.pushed
    again = (clone.git("push", "origin", f"main:again-{number}").stderr for number in range(5))
    assert any(skipped in said for said in again)  # another test may bring an image to the engine meanwhile
    engine.docker("tag", "ktrdr-backend:prod", tag)
    try:
        assert checked in clone.git("push", "origin", "main:third").stderr
        (folder / "inspector.toml").write_text(POLICY.replace("absent", "cpu"))
        assert clone.attempt("push", "origin", "main:fourth").returncode != 0
    finally:
        engine.docker("rmi", tag)
