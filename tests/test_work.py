"""What goes through input in a loop tests the token: a stop, and the time of an image, end it wherever it is."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fixtures.roles import right_images
from inspector import work
from inspector.errors import LimitExceeded
from inspector.facts.from_layers import gather
from inspector.layers.indexer import Indexed
from inspector.layers.merge import merge
from inspector.layers.readers import StreamReader
from inspector.layers.reading import TarReading
from inspector.layers.taking import StreamTaker
from inspector.layers.tar import iter_members
from inspector.pipeline.budget import AuditBudget
from inspector.sources.access import Unread
from inspector.sources.image import Image, Layer
from inspector.sources.store import Members
from inspector.work import Stopped, Token
from inspector.work.limits import Limits
from tests.support import config_of, index_of, rootfs_of

MANY = 3000


@contextmanager
def stopped() -> Iterator[None]:
    """Run with a token that is stopped."""
    token = Token()
    token.stop()
    with token.entered():
        yield


def tar_of_many() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for number in range(MANY):
            tar.addfile(tarfile.TarInfo(f"d/{number}"))
    return content.getvalue()


TAR = tar_of_many()


def scan() -> None:
    reader = StreamReader(iter((TAR,)))
    TarReading(StreamTaker(reader)).read(reader)


def look_up() -> None:
    rootfs = rootfs_of({"a": b""})
    with stopped():
        for number in range(MANY):
            rootfs.lstat(f"/a/{number}")


LOOPS: dict[str, Callable[[], Any]] = {
    "headers of a tar": scan,
    "layers that are merged": lambda: merge([index_of({"a": b"b"})]),
    "names of an outer archive": lambda: Members("x").find("y"),
    "requests of an audit": AuditBudget().ask,
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_stop_ends_the_loop_over(name: str) -> None:
    with stopped(), pytest.raises(Stopped):
        LOOPS[name]()


def test_a_stop_ends_the_lookups_in_a_root_file_system() -> None:
    with pytest.raises(Stopped):
        look_up()


def test_a_stop_in_the_middle_is_noticed_after_few_headers() -> None:
    token = Token()
    seen = 0
    with token.entered(), pytest.raises(Stopped):  # noqa: PT012 - where in the loop it is raised is what is tested
        for _ in iter_members(StreamReader(iter((TAR,)))):
            seen += 1
            token.stop()
    assert seen <= 1024


class _Ready:
    """Gives a layer's index at once."""

    verify = False

    def __init__(self, found: list[Indexed]) -> None:
        self._found = found

    def index(self, *_: object) -> Indexed:
        return self._found[0]


def test_a_limit_that_was_taken_for_an_unreadable_file_ends_the_image_all_the_same() -> None:
    """Whoever can't read a file says that it is unknown; no facts come of an image whose time is over."""
    steps = [step for step in right_images()["backend-dev"].steps if step.tree]
    index = index_of({path: member for step in steps for path, member in (step.tree or {}).items()})
    layer = Layer(diff_id="x", blob=Unread(), digest=None, stored_size=0, compressed=False, created_by=None)
    config = config_of()
    image = Image(reference="x", source="x", image_id=None, config=config, platform=config.platform, layers=(layer,))
    indexer: Any = _Ready([Indexed(index, cached=False, bytes_read=0, how="seek")])
    assert gather(image, indexer).layers
    limits = Limits(60)
    limits.compute(13)
    with Token(work.current(), limits).entered(), pytest.raises(LimitExceeded, match="--image-timeout"):
        gather(image, indexer)
