"""What an engine is asked, how its answers are read, and what becomes of an engine that misbehaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fixtures.packing import plain
from inspector.engine.client import Engine, connect
from inspector.engine.endpoint import Endpoint
from inspector.errors import InspectorError, LimitExceeded, Malformed, NotFound, Refused, Unreachable
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image
from inspector.testing.store import Kind
from tests.engine.conftest import Start
from tests.engine.images import SMALL

KINDS = ("graph", "containerd", "podman")


@pytest.mark.parametrize("store", KINDS)
def test_inspect_gives_what_the_config_holds(start: Start, store: Any) -> None:
    _, engine = start(store)
    said = engine.inspect("small:1")
    run = said.config.run
    assert (
        said.diff_ids == tuple(f"sha256:{diff_id}" for diff_id in SMALL.diff_ids) == tuple(said.config.rootfs.diff_ids)
    )
    assert (said.config.env["A"], said.config.entrypoint, said.config.cmd) == ("1", ("/bin/sh",), ("python", "main.py"))
    assert (run.user, run.working_dir, run.labels) == ("1000", "/app", {"a": "b"})
    assert (str(said.config.platform), said.described) == ("linux/amd64", True)


@pytest.mark.parametrize("api", ["1.41", "1.43", "1.44", "1.47", "1.48", "1.51", "1.52", "1.55", "1.99"])
def test_an_id_is_the_configs_digest_but_in_containerds_store(start: Start, api: str) -> None:
    _, graph = start("graph", api=("1.24", api))
    _, containerd = start("containerd", api=("1.24", api))
    told, other = graph.inspect("small:1"), containerd.inspect("small:1")
    assert told.id == told.config_digest == SMALL.image_id
    assert told.unpacked_size == sum(step.size for step in graph.history("small:1"))
    assert (other.config_digest, other.unpacked_size) == (None, None)
    assert other.id != SMALL.image_id
    assert other.diff_ids == told.diff_ids


def test_containerds_store_doesnt_know_a_config_by_its_digest(start: Start) -> None:
    _, engine = start("containerd")
    with pytest.raises(NotFound, match="No such image"):
        engine.inspect(SMALL.image_id)


def test_names_by_digest_among_the_tags_are_no_tags(start: Start) -> None:
    _, engine = start("containerd")
    said = engine.inspect("small:1")
    assert said.tags == ("small:1", "small:also")
    listed = engine.images()[0]
    assert listed.digests == (f"small@{said.id}",)
    assert engine.inspect(listed.digests[0]).id == said.id
    assert listed.tags == said.tags


def test_an_image_of_another_platform_alone_is_not_described(start: Start) -> None:
    _, engine = start("containerd", (Image(steps=SMALL.steps, tags=["arm:1"], architecture="arm64"),))
    said = engine.inspect("arm:1")
    assert (said.described, said.diff_ids, said.config.architecture) == (False, (), "")
    with pytest.raises(NotFound), engine.save("arm:1"):
        pass


def test_podmans_ids_are_brought_into_the_one_form(start: Start) -> None:
    _, engine = start("podman")
    assert engine.kind == "podman"
    assert engine.inspect("small:1").id == SMALL.image_id
    assert engine.inspect("small:1").config_digest == SMALL.image_id
    assert engine.images()[0].id == SMALL.image_id
    assert engine.images()[0].tags == ("localhost/small:1", "localhost/small:also")


@pytest.mark.parametrize(("store", "said"), [("graph", "graph"), ("containerd", "containerd"), ("podman", "other")])
def test_the_store_is_told_apart(start: Start, store: Any, said: str) -> None:
    _, engine = start(store)
    assert engine.info.store == said
    assert engine.info.runtimes == ("runc",)


def test_what_the_engine_says_of_gpus(start: Start) -> None:
    info = {
        "Runtimes": {"nvidia": {}, "runc": {}},
        "CDISpecDirs": ["/etc/cdi"],
        "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}],
    }
    _, engine = start(info=info)
    assert engine.info.runtimes == ("nvidia", "runc")
    assert (engine.info.cdi_spec_dirs, engine.info.devices) == (("/etc/cdi",), ("nvidia.com/gpu=all",))


def test_history_is_oldest_first(start: Start) -> None:
    _, engine = start()
    assert [(step.created_by, step.size) for step in engine.history("small:1")] == [
        ("ADD base", 15),
        ("ENV A=1", 0),
        ("COPY app", 9),
    ]


def test_the_newest_common_version_is_spoken(start: Start) -> None:
    fake, engine = start(api=("1.40", "1.47"))
    engine.images()
    assert engine.api == (1, 47)
    fake.misbehave("GET", "/images/json", faults.body(b"[]"))
    assert start(api=("1.40", "1.99"))[1].api == (1, 55)


@pytest.mark.parametrize(
    ("api", "words"), [(("1.12", "1.23"), "1.23 at most, and 1.24"), (("1.56", "1.60"), "1.56 at least, and 1.55")]
)
def test_an_engine_too_old_or_too_new_is_told_with_both_versions(start: Start, api: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        start(api=api)


def test_connections_are_kept(start: Start) -> None:
    fake, engine = start()
    for _ in range(5):
        engine.inspect("small:1")
        engine.images()
        with engine.save("small:1") as stream:
            stream.read()
        with pytest.raises(NotFound):
            engine.inspect("nosuch")
    assert len({request.connection for request in fake.requests}) == 1


def test_several_threads_may_ask(start: Start) -> None:
    _, engine = start()
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: engine.inspect("small:1").id, range(40)))
    assert set(said) == {SMALL.image_id}


def test_nothing_packed_is_asked_for(start: Start) -> None:
    fake, engine = start()
    engine.images()
    assert {request.headers["accept-encoding"] for request in fake.requests} == {"identity"}
    assert not any("authorization" in request.headers for request in fake.requests)


def test_a_name_goes_out_as_it_is(start: Start) -> None:
    fake, engine = start()
    for name in ("a/b:c", "h:5000/a@sha256:" + "0" * 64, "what?x=1#y", "\u00fc \udcff"):
        with pytest.raises(NotFound):
            engine.inspect(name)
    paths = [request.path for request in fake.requests if request.path.startswith("/images")]
    assert paths[:3] == ["/images/a/b:c/json", f"/images/h:5000/a@sha256:{'0' * 64}/json", "/images/what?x=1#y/json"]


@pytest.mark.parametrize("name", ["", "../containers/x", "a/../../b", "a//b", "./a", "a/"])
def test_a_name_never_leads_to_another_address(start: Start, name: str) -> None:
    fake, engine = start()
    with pytest.raises(NotFound):
        engine.inspect(name)
    assert [request.path for request in fake.requests] == ["/_ping"]


QUESTIONS: dict[str, Callable[[Engine], object]] = {
    "inspect": lambda engine: engine.inspect("small:1"),
    "history": lambda engine: engine.history("small:1"),
    "images": lambda engine: engine.images(),
    "info": lambda engine: engine.info,
    "containers": lambda engine: engine.containers("x"),
    "create": lambda engine: engine.create({"Image": "small:1", "Cmd": ["x"]}),
    "stat": lambda engine: engine.stat("c", "/x"),
    "remove": lambda engine: engine.remove("c"),
}


Case = tuple[faults.Fault, type[InspectorError], str]
BEFORE_A_BODY: dict[str, Case] = {
    "hang": (faults.hang, Unreachable, "no answer in time"),
    "drip of headers": (faults.drip_headers(), Unreachable, "no answer in time"),
    "gone": (faults.gone, Unreachable, "unix://"),
    "500": (faults.status(500, "out of space"), Refused, "500"),
    "403": (faults.status(403, "authorization denied"), Refused, "403"),
}
IN_A_BODY: dict[str, Case] = {
    "drip": (faults.drip(), Unreachable, "no answer in time"),
    "endless": (faults.endless, LimitExceeded, "more than"),
    "cut": (faults.cut(b"[{"), Unreachable, "unix://"),
    "words": (faults.status(500, "out of \x1b[31mspace"), Refused, r"500: out of \\x1b\[31mspace"),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("case", BEFORE_A_BODY)
def test_a_misbehaving_engine_ends_in_an_error_of_ours(start: Start, question: str, case: str) -> None:
    _asked_in_vain(start, question, BEFORE_A_BODY[case])


@pytest.mark.parametrize("question", sorted(set(QUESTIONS) - {"stat"}))
@pytest.mark.parametrize("case", IN_A_BODY)
def test_so_does_one_that_misbehaves_in_mid_answer(start: Start, question: str, case: str) -> None:
    _asked_in_vain(start, question, IN_A_BODY[case])


def _asked_in_vain(start: Start, question: str, case: Case) -> None:
    fault, error, words = case
    seconds = 20.0 if error is LimitExceeded else 0.15
    fake, engine = start()
    for method in ("GET", "HEAD", "POST", "DELETE"):
        fake.misbehave(method, "(?!/version).*", fault)
    before = time.monotonic()
    with pytest.raises(error, match=words):
        QUESTIONS[question](_hurried(engine, seconds))
    assert time.monotonic() - before < max(4, seconds)


def _hurried(engine: Engine, seconds: float) -> Engine:
    """The engine, with no patience for dear questions either."""
    ask = engine._transport.ask
    engine._transport.ask = lambda *words, **more: ask(*words, **{**more, "seconds": seconds})  # type: ignore[method-assign]
    return engine


@pytest.mark.parametrize("question", ["inspect", "history", "images", "info", "containers", "create"])
@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\xff\xfe", b"null", b"[1, 2]", b'{"Id": 5, "Driver": 5}', b"[" * 100_000, b'"x"']
)
def test_garbage_is_malformed(start: Start, question: str, content: bytes) -> None:
    fake, engine = start()
    for method in ("GET", "POST"):
        fake.misbehave(method, "(?!/version).*", faults.body(content))
    with pytest.raises(Malformed, match="the engine unix://"):
        QUESTIONS[question](engine)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"{}", b'{"ApiVersion": "1.x"}', b'{"ApiVersion": "9999999999999.9"}']
)
def test_what_is_no_engine_is_told(content: bytes) -> None:
    with FakeEngine() as fake:
        fake.misbehave("GET", "/_ping", faults.status(403, "forbidden"))
        fake.misbehave("GET", "/version", faults.body(content))
        with pytest.raises(Malformed, match="on its version"):
            Engine(Endpoint(fake.address, "test"))


@pytest.mark.parametrize("kind", ["graph", "podman"])
def test_an_engine_whose_headers_do_not_tell_is_asked_for_its_version(kind: Kind) -> None:
    with FakeEngine(kind) as fake:
        fake.misbehave("GET", "/_ping", faults.status(403, "forbidden"))
        with Engine(Endpoint(fake.address, "test")) as engine:
            assert (engine.api, engine.kind) == ((1, 55), "podman" if kind == "podman" else "docker")
    assert [request.path for request in fake.requests] == ["/_ping", "/version"]


def test_a_page_not_found_for_the_version_is_no_engine() -> None:
    with FakeEngine() as fake:
        fake.misbehave("GET", "/.*", faults.status(404, "page not found"))
        with pytest.raises(Refused, match="no engine, it answers 404: page not found"):
            Engine(Endpoint(fake.address, "test"))


@pytest.mark.parametrize("identity", ["sha256:short", "../../etc", "sha256:" + "Z" * 64, ""])
def test_an_id_that_is_none_is_refused(start: Start, identity: str) -> None:
    fake, engine = start()
    fake.misbehave("GET", "/images/.*/json", faults.body(b'{"Id": "%b"}' % identity.encode()))
    with pytest.raises(Malformed, match="not an image id"):
        engine.inspect("small:1")


def test_an_image_deleted_between_two_questions(start: Start) -> None:
    fake, engine = start()
    said = engine.inspect("small:1")
    fake.delete("small:1")
    with pytest.raises(NotFound, match="No such image"):
        engine.history(said.id)
    with pytest.raises(NotFound), engine.save(said.id):
        pass


@pytest.mark.parametrize(
    "message", ["failed to get digest sha256:0", "reference does not exist", "small: image not known"]
)
def test_a_500_that_means_missing_is_missing(start: Start, message: str) -> None:
    fake, engine = start()
    fake.misbehave("GET", "/images/.*/get", faults.status(500, message))
    with pytest.raises(NotFound), engine.save("small:1"):
        pass


def test_a_name_that_no_image_can_have_is_missing(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("GET", "/images/.*/json", faults.status(400, "no such image: SMALL: invalid reference format"))
    with pytest.raises(NotFound, match="invalid reference format"):
        engine.inspect("SMALL")


@pytest.mark.parametrize("packing", [None, plain])
def test_an_archive_comes_whole(start: Start, packing: Any) -> None:
    fake, engine = start("containerd", **({"packing": packing} if packing else {}))
    with engine.save("small:1") as stream:
        assert stream.read() == fake.store.archive(SMALL)


@pytest.mark.parametrize("fault", [faults.cut(b"x" * 5000), faults.gone, faults.hang, faults.status(500, "no space")])
def test_an_archive_that_breaks_off_never_looks_whole(start: Start, fault: faults.Fault) -> None:
    fake, engine = start(seconds=0.3)
    fake.misbehave("GET", "/images/.*/get", fault)
    engine = _hurried_streams(engine)
    with pytest.raises((Unreachable, Refused)):
        _read_whole(engine)


def _read_whole(engine: Engine) -> bytes:
    with engine.save("small:1") as stream:
        return stream.read()


def _hurried_streams(engine: Engine) -> Engine:
    stream = engine._transport.stream
    engine._transport.stream = lambda *words, **more: stream(*words, **{**more, "seconds": 0.15})  # type: ignore[method-assign]
    return engine


def test_an_archive_that_drips_ends(start: Start) -> None:
    fake, engine = start(seconds=0.2)
    fake.misbehave("GET", "/images/.*/get", faults.drip(0.02))
    before = time.monotonic()
    with pytest.raises(Unreachable, match="bytes a second"):
        _read_whole(engine)
    assert time.monotonic() - before < 3


def test_leaving_an_archive_early_breaks_it_off(start: Start) -> None:
    fake, engine = start(seconds=1.0)
    fake.misbehave("GET", "/images/.*/get", faults.endless, times=1)
    with engine.save("small:1") as stream:
        assert len(stream.read(1000)) == 1000
    assert engine.inspect("small:1").id == SMALL.image_id


def test_an_engine_that_goes_away_is_unreachable(start: Start) -> None:
    fake, engine = start()
    fake.stop()
    with pytest.raises(Unreachable, match="unix://"):
        engine.images()


def test_an_engine_that_comes_back_is_asked_again(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("GET", "/images/json", faults.gone, times=1)
    with pytest.raises(Unreachable):
        engine.images()
    assert len(engine.images()) == 2


def test_connect_takes_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEngine("containerd", [SMALL]) as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        assert connect("docker", offline=True).inspect("small:1").described


def test_connect_over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEngine("graph", [SMALL], tcp=True) as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        assert connect("docker", offline=True).inspect("small:1").described


def test_what_was_chosen_and_fails_is_not_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(Unreachable) as caught:
        connect("docker")
    assert str(caught.value) == (
        f"no Docker engine answers: unix://{tmp_path}/none.sock (DOCKER_HOST): no such socket; "
        f"start the engine there, or correct DOCKER_HOST"
    )


def test_all_addresses_are_named_where_none_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "podman").mkdir()
    (tmp_path / "podman" / "podman.sock").write_text("")
    monkeypatch.setattr(
        "inspector.engine.endpoint._podman_sockets", lambda *_: [f"{tmp_path}/podman/podman.sock", "/no"]
    )
    with pytest.raises(Unreachable) as caught:
        connect("podman")
    said = str(caught.value)
    assert (
        f"unix://{tmp_path}/podman/podman.sock (the usual socket): nothing listens there; there is no unix:///no; "
        in said
    )
    assert said.endswith("or set CONTAINER_HOST")


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:1", "ssh://h"])
def test_offline_asks_nobody_elsewhere(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(Unreachable, match="not on this machine, and --offline"):
        connect("docker", offline=True)


def test_a_socket_that_may_not_be_opened_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setenv("DOCKER_HOST", "unix:///x.sock")
    with pytest.raises(Unreachable, match="permission denied: join the group `docker`"):
        connect("docker")


def test_where_one_may_not_be_asked_nothing_is_to_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_: object, address: str) -> None:
        raise PermissionError(13, "Permission denied") if address == "/there" else FileNotFoundError(2, "No such file")

    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("inspector.engine.endpoint._docker_sockets", lambda *_: ["/not", "/there"])
    with pytest.raises(Unreachable) as caught:
        connect("docker")
    assert str(caught.value) == (
        "no Docker engine answers: unix:///there (the usual socket): "
        "permission denied: join the group `docker`, or use a rootless engine"
    )
