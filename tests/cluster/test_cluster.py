"""Layers read by a Dask cluster: the same results as by threads, and no secret on the way there."""

from __future__ import annotations

import base64
import logging
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.roles import right_images
from inspector.cluster import cluster, worker, workers
from inspector.cluster.cluster import Cluster, connected, parse_cluster
from inspector.cluster.worker import MAX_ANSWER, Answer, Order, Version, checked, opened, read_order, version_here
from inspector.cluster.workers import check_versions
from inspector.errors import Refused, Unreachable, Unsupported, UsageError
from inspector.http.timed import Patience
from inspector.layers import codec
from inspector.layers.blob import Scanned
from inspector.names import ImageName
from inspector.oci import Descriptor
from inspector.pipeline.audit import NewExecutor
from inspector.pipeline.audit import audit as run_audit
from inspector.pipeline.executor import Failure, ThreadExecutor, Unit
from inspector.pipeline.model import Options
from inspector.pipeline.scopes import parse_scope
from inspector.policy.audited import Audited
from inspector.registry import tokens as token_server
from inspector.registry.delegation import Lent
from inspector.registry.settings import Settings
from inspector.registry.tokens import Token
from inspector.sources.registry.open import Registries, open_named
from inspector.testing.image import Image, Step
from inspector.testing.registry import Answer as Says
from inspector.testing.registry import Asked, FakeRegistry, answer_json
from tests.pipeline.conftest import POLICY
from tests.registry.conftest import HASTE
from tests.support import index_of

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'inspector[cluster]'")

RIGHT = right_images()
API, WORKER = RIGHT["backend-prod"], RIGHT["worker-cpu"]
PASSWORD = "Geheim-4711"
TOKEN = "Token-4711-abc"
BASIC = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two workers in this process, spoken to as if it were elsewhere."""
    local = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
    )
    yield local.scheduler_address
    local.close()


@pytest.fixture
def executor(address: str) -> Iterator[NewExecutor]:
    with connected(parse_cluster(address)) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", etc=tmp_path / "etc", patience=HASTE)


@pytest.fixture
def logged_in(settings: Settings, fake: FakeRegistry) -> Settings:
    environment = {
        "INSPECTOR_REGISTRY_HOST": fake.host,
        "INSPECTOR_REGISTRY_USER": "anna",
        "INSPECTOR_REGISTRY_PASSWORD": PASSWORD,
    }
    return msgspec.structs.replace(settings, environment=environment)


@pytest.fixture
def tokens(fake: FakeRegistry) -> list[str]:
    """Makes the registry ask for tokens, which it gives to who has the password; what it gave, the last one good."""
    given: list[str] = []

    def token(asked: Asked) -> Says:
        if asked.headers.get("authorization") != f"Basic {BASIC}":
            return Says(401)
        given.append(f"{TOKEN}-{len(given)}")
        return answer_json({"token": given[-1], "expires_in": 300})

    def guarded(asked: Asked) -> Says:
        challenge = {"WWW-Authenticate": f'Bearer realm="{fake.url}/token",service="s"'}
        is_known = given and asked.headers.get("authorization") == f"Bearer {given[-1]}"
        return fake.good(asked) if is_known else Says(401, headers=challenge)

    for method in ("GET", "HEAD"):
        fake.route(method, "/v2/.+", guarded)
    fake.route("GET", "/token.*", token)
    return given


def numbered(number: int) -> Image:
    """An image with a layer of its own."""
    return API.with_steps(Step(f"RUN {number}", {f"srv/{number}": b"%d" % number}))


def audited(fake: FakeRegistry, settings: Settings, executor: NewExecutor | None, *names: str) -> list[Audited]:
    """The results without the time that they took, in order."""
    targets = [parse_scope(f"{fake.host}/{name}") for name in names or ("team/api",)]
    events = run_audit(targets, POLICY, Options(), settings=settings, executor=executor)
    found = [event for event in events if isinstance(event, Audited)]
    timeless = [
        msgspec.structs.replace(one, evidence=one.evidence and msgspec.structs.replace(one.evidence, seconds=0.0))
        for one in found
    ]
    return sorted(timeless, key=lambda one: one.image)


def units_of(fake: FakeRegistry, registries: Registries, name: str = "team/api", tag: str = "1") -> list[Unit]:
    (image,) = open_named(ImageName(fake.host, name, tag), None, registries)[0]
    return [
        Unit(host=fake.host, repository=name, descriptor=layer.blob.descriptor, diff_id=layer.diff_id)  # type: ignore[attr-defined]
        for layer in image.layers
    ]


def test_the_same_results_as_by_threads(fake: FakeRegistry, settings: Settings, executor: NewExecutor) -> None:
    settings = msgspec.structs.replace(settings, patience=Patience())  # a busy machine is no reason to ask again
    for number in range(12):
        fake.push("team/api", f"1.{number}", numbered(number))
    fake.push("team/worker", "1", WORKER)
    threads = audited(fake, settings, None, "team/api", "team/worker")
    asked = sorted(path for path in fake.paths("GET") if "/blobs/" in path)
    fake.asked.clear()
    assert audited(fake, settings, executor, "team/api", "team/worker") == threads
    assert sorted(path for path in fake.paths("GET") if "/blobs/" in path) == asked, "each layer once"
    assert {one.outcome for one in threads} == {"pass"}


@pytest.mark.thorough
@pytest.mark.parametrize("body", [Says(404), Says(200, b"other bytes"), Says(403), Says(500)])
def test_the_same_failures_as_by_threads(
    body: Says, fake: FakeRegistry, settings: Settings, executor: NewExecutor
) -> None:
    fake.push("team/api", "1", numbered(1))
    fake.push("team/api", "2", API)
    with_registries = Registries(settings)
    last = units_of(fake, with_registries)[-1]
    with_registries.close()
    fake.route("GET", f".*/blobs/{last.digest}", body)
    threads = audited(fake, settings, None)
    assert [one.outcome for one in threads] == ["unknown", "pass"]
    assert audited(fake, settings, executor) == threads


def test_no_more_layers_are_out_than_the_cluster_has_room_for(
    fake: FakeRegistry, settings: Settings, executor: NewExecutor
) -> None:
    for number in range(30):
        fake.push("team/api", str(number), numbered(number))
    registries = Registries(settings)
    units = [units_of(fake, registries, tag=str(number))[-1] for number in range(30)]
    out = most = 0

    def counted() -> Iterator[Unit]:
        nonlocal out, most
        for unit in units:
            out += 1
            most = max(most, out)
            yield unit

    done = []
    for unit, outcome in executor(registries, Options(), lambda _: None).run(counted()):
        assert isinstance(outcome, Scanned)
        done.append(unit)
        out -= 1
    registries.close()
    assert sorted(one.digest for one in done) == sorted(one.digest for one in units)
    assert most <= 2 * workers.AHEAD


def test_closing_ends_what_runs(fake: FakeRegistry, settings: Settings, executor: NewExecutor) -> None:
    fake.push("team/api", "1", numbered(1))
    registries = Registries(settings)
    first, *_, last = units_of(fake, registries)
    seconds = time.monotonic()
    slowly = Says(200, (b"\0" for _ in range(1000)), length=last.size, pause=0.1)
    fake.route("GET", f".*/blobs/{last.digest}", slowly)
    running = executor(registries, Options(), lambda _: None).run([last, first])
    assert next(running)[0] == first
    running.close()  # type: ignore[attr-defined]
    assert time.monotonic() - seconds < 10
    assert len(list(executor(registries, Options(), lambda _: None).run([first] * 4))) == 4
    assert time.monotonic() - seconds < 10, "the workers are free again"
    registries.close()


def test_a_run_that_is_stopped_waits_for_nobody(fake: FakeRegistry, settings: Settings, executor: NewExecutor) -> None:
    fake.push("team/api", "1", API)
    registries = Registries(settings)
    unit = units_of(fake, registries)[0]
    fake.route("GET", ".*/blobs/.*", Says(200, (b"\0" for _ in range(1000)), length=unit.size, pause=0.1))

    def stopped(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(executor(registries, Options(), stopped).run([unit]))
    registries.close()


def test_requests_of_workers_count(fake: FakeRegistry, settings: Settings, executor: NewExecutor) -> None:
    fake.push("team/api", "1", API)
    asked = 0

    def gate() -> None:
        nonlocal asked
        asked += 1

    registries = Registries(settings, gate=gate)
    units = units_of(fake, registries)
    list(executor(registries, Options(), lambda _: None).run(units))
    registries.close()
    assert asked >= sum("/blobs/" in path or "/manifests/" in path for path in fake.paths())


class Sent(list[Order]):
    """Every order that went to a worker, as bytes too."""

    @property
    def content(self) -> bytes:
        """What goes through the cluster."""
        return b"".join(pickle.dumps(order) for order in self)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    orders = Sent()
    submit = distributed.Client.submit

    def noted(self: Any, function: Callable[..., Any], order: Order, **options: Any) -> Any:
        orders.append(order)
        return submit(self, function, order, **options)

    monkeypatch.setattr(distributed.Client, "submit", noted)
    return orders


def test_workers_get_a_token_and_nothing_else(
    fake: FakeRegistry,
    logged_in: Settings,
    tokens: list[str],
    executor: NewExecutor,
    sent: Sent,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in (
        "distributed",
        "distributed.worker",
        "distributed.scheduler",
        "distributed.client",
        "distributed.core",
    ):
        caplog.set_level(logging.DEBUG, logger=name)
    fake.push("team/api", "1", numbered(1))
    fake.route("GET", f".*/blobs/{_last(fake)}", Says(500))  # a failure is what would be logged
    (found,) = audited(fake, logged_in, executor)
    assert found.error is not None
    by_workers = [one for one in fake.asked if "/blobs/" in one.path]
    assert {one.headers.get("authorization") for one in by_workers} <= {None, *(f"Bearer {one}" for one in tokens)}
    assert tokens[-1].encode() in sent.content, "or nothing was tried"
    for secret in (PASSWORD, BASIC, "anna"):
        assert secret.encode() not in sent.content
    told = caplog.text + "".join(capfd.readouterr()) + repr(list(sent)) + str(list(sent)) + str(found)
    for secret in (TOKEN, PASSWORD, BASIC):
        assert secret not in told
    assert len({order.unit.digest for order in sent}) == len(sent)


def _last(fake: FakeRegistry) -> str:
    """The blob of the layer that only the numbered image has."""
    from inspector.testing import gzipped
    from inspector.testing.image import sha256

    digest = f"sha256:{sha256(gzipped(numbered(1).layers[-1]))}"
    assert digest in fake.blobs
    return digest


def test_an_exception_in_a_worker_tells_no_secret(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Dask logs and sends whatever a task raises, so it raises nothing."""
    del settings

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(TOKEN)

    monkeypatch.setattr(worker, "_registries", fails)
    answer = opened(read_order(order()))
    assert answer is not None
    assert answer.failure == Failure("internal-error", "a worker: RuntimeError")


def test_a_token_that_ended_before_its_turn_is_replaced(
    fake: FakeRegistry, logged_in: Settings, tokens: list[str], executor: NewExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens here are over as soon as they are given, and for a layer the first one shown is no good."""
    monkeypatch.setattr(token_server, "SHORTEST_LIFE", token_server._MARGIN)
    monkeypatch.setattr(token_server, "_parsed", lambda *_: Token(tokens[-1], time.monotonic()))
    fake.push("team/api", "1", numbered(1))
    shown: dict[str, str] = {}

    def guarded(asked: Asked) -> Says:
        token = asked.headers.get("authorization")
        is_good = token is not None and shown.setdefault(asked.path, token) != token
        challenge = {"WWW-Authenticate": f'Bearer realm="{fake.url}/token",service="s"'}
        return fake.good(asked) if is_good else Says(401, headers=challenge)

    registries = Registries(logged_in)
    units = units_of(fake, registries)
    fake.route("GET", ".*/blobs/.*", guarded)
    found = [outcome for _, outcome in executor(registries, Options(), lambda _: None).run(units)]
    registries.close()
    assert [type(one) for one in found] == [Scanned] * len(units), found
    assert len(set(tokens)) > len(units)


def test_a_layer_that_may_not_be_read_is_not_asked_for_for_ever(
    fake: FakeRegistry, logged_in: Settings, tokens: list[str], executor: NewExecutor, sent: Sent
) -> None:
    fake.push("team/api", "1", API)
    registries = Registries(logged_in)
    units = units_of(fake, registries)
    fake.route("GET", ".*/blobs/.*", Says(401, headers={"WWW-Authenticate": f'Bearer realm="{fake.url}/token"'}))
    found = [outcome for _, outcome in executor(registries, Options(), lambda _: None).run(units)]
    registries.close()
    assert {one.kind for one in found if isinstance(one, Failure)} == {"denied"}
    assert len(sent) == len(units)
    assert tokens


def test_a_password_is_not_lent(fake: FakeRegistry, logged_in: Settings, executor: NewExecutor, sent: Sent) -> None:
    """A registry that knows no tokens."""
    fake.push("team/api", "1", API)

    def guarded(asked: Asked) -> Says:
        is_known = asked.headers.get("authorization") == f"Basic {BASIC}"
        return fake.good(asked) if is_known else Says(401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    for method in ("GET", "HEAD"):
        fake.route(method, "/v2/.+", guarded)
    (found,) = audited(fake, logged_in, executor)
    assert found.error is not None
    assert found.error.kind == "refused"
    assert "takes the credentials from the environment (INSPECTOR_REGISTRY_HOST) themselves" in found.error.message
    assert sent == []


@pytest.mark.parametrize("secret", [PASSWORD, BASIC, base64.b64encode(PASSWORD.encode()).decode(), f"x{PASSWORD}y"])
def test_a_token_that_is_the_password_again_is_not_lent(
    secret: str, fake: FakeRegistry, logged_in: Settings, tokens: list[str], executor: NewExecutor, sent: Sent
) -> None:
    fake.push("team/api", "1", API)

    def token(_: Asked) -> Says:
        tokens.append(secret)
        return answer_json({"token": secret})

    fake.route("GET", "/token.*", token)
    (found,) = audited(fake, logged_in, executor)
    assert found.error is not None
    assert "holds the very secret" in found.error.message
    assert sent == []


def test_workers_with_logins_of_their_own_are_lent_nothing(
    address: str,
    fake: FakeRegistry,
    logged_in: Settings,
    tokens: list[str],
    sent: Sent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in logged_in.environment.items():
        monkeypatch.setenv(name, value)  # that of the workers, which are in this process
    fake.push("team/api", "1", API)
    with connected(parse_cluster(address, "workers")) as executor:
        assert [one.outcome for one in audited(fake, logged_in, executor)] == ["pass"]
    assert {order.lent.token for order in sent} == {None}
    assert tokens


def lend(made: Cluster, lent: Lent, *names: str) -> Lent | str:
    """What is lent in a cluster with these workers, or why nothing is."""

    class Client:
        status = "running"

        def nthreads(self) -> dict[str, int]:
            return dict.fromkeys(names, 1)

    class Repository:
        def lend(self, *, with_token: bool) -> Lent:
            return lent if with_token else msgspec.structs.replace(lent, token=None)

    class Place:
        def repository(self, _: object) -> Repository:
            return Repository()

    class Where:
        client = Place()

    lender = cluster._Delegation(made, Where(), workers.Workers(Client(), made.address))  # type: ignore[arg-type]
    try:
        return lender.lend(order().unit)
    except Refused as error:
        return str(error)


AWAY = Lent(host="r.example", token=Token(TOKEN, time.monotonic() + 100))
HERE = Lent(host="127.0.0.1:5000", here=True)


@pytest.mark.parametrize(
    ("logins", "scheduler", "workers", "clear"),
    [
        ("tokens", "tcp://127.0.0.1:1", ["tcp://127.0.0.1:2", "tcp://[::1]:2"], True),
        ("tokens", "tls://10.0.0.1:1", ["tls://10.0.0.2:1"], True),
        ("tokens", "tcp://10.0.0.1:1", ["tls://10.0.0.2:1"], False),
        ("tokens", "tls://10.0.0.1:1", ["tls://10.0.0.2:1", "tcp://10.0.0.3:1"], False),
        ("tokens", "tcp://127.0.0.1.example:1", ["tls://10.0.0.2:1"], False),
        ("tokens-in-clear", "tcp://10.0.0.1:1", ["tcp://10.0.0.2:1"], True),
    ],
)
def test_tokens_pass_by_tls(logins: Any, scheduler: str, workers: list[str], clear: bool) -> None:  # noqa: FBT001 - an expectation
    found = lend(Cluster(scheduler, logins), AWAY, *workers)
    assert found == AWAY if clear else "without TLS" in str(found)


def test_without_a_token_nothing_needs_tls() -> None:
    open_to_all = msgspec.structs.replace(AWAY, token=None)
    assert lend(Cluster("tcp://10.0.0.1:1"), open_to_all, "tcp://10.0.0.2:1") == open_to_all
    assert lend(Cluster("tcp://10.0.0.1:1", "workers"), AWAY, "tcp://10.0.0.2:1") == open_to_all


def test_a_registry_of_this_machine_is_no_one_elses() -> None:
    assert lend(Cluster("tls://127.0.0.1:1"), HERE, "tls://127.0.0.1:2") == HERE
    assert "is this machine alone" in str(lend(Cluster("tls://127.0.0.1:1"), HERE, "tls://10.0.0.2:2"))


def order(unit: Unit | None = None) -> Order:
    """An order for a layer that nobody has."""
    descriptor = Descriptor(media_type="m", digest=f"sha256:{'1' * 64}", size=10)
    made = unit or Unit(host="r.example", repository="a/b", descriptor=descriptor, diff_id=f"sha256:{'2' * 64}")
    return Order(unit=made, lent=AWAY, own_logins=False, verify=False, version=version_here())


def test_what_can_be_printed_of_a_loan() -> None:
    for told in (repr(order()), str(order()), repr(AWAY), str(AWAY), f"{[order()]}"):
        assert TOKEN not in told
    assert pickle.loads(pickle.dumps(order())) == order()


def test_a_lent_token_is_all_that_counts_there() -> None:
    mine = {"HTTPS_PROXY": "http://proxy:1", "INSPECTOR_REGISTRY_PASSWORD": "x", "DOCKER_CONFIG": "/y", "HOME": "/z"}
    settings = AWAY.settings(mine)
    assert settings.environment == {
        "HTTPS_PROXY": "http://proxy:1",
        "INSPECTOR_REGISTRY_HOST": "r.example",
        "INSPECTOR_REGISTRY_TOKEN": TOKEN,
    }
    assert settings.home is None


INDEX = index_of({"etc/os-release": b"ID=debian\n"})


def answer(**changes: Any) -> Answer:
    """A good answer about `INDEX` but for the changes."""
    index = msgspec.structs.replace(INDEX, **{"blob_digest": f"sha256:{'1' * 64}", **changes.pop("index", {})})
    fields: dict[str, Any] = {
        "version": version_here(),
        "index": codec.encode(index),
        "bytes_read": 10,
        "how": "stream",
    } | changes
    return Answer(**fields)


def unit() -> Unit:
    return msgspec.structs.replace(order().unit, diff_id=INDEX.diff_id)


def test_a_good_answer() -> None:
    found = checked(unit(), answer(), verify=True)
    assert isinstance(found, Scanned)
    assert found.index.entries == INDEX.entries
    partly = checked(unit(), answer(index={"verified": False}, bytes_read=2), verify=False)
    assert isinstance(partly, Scanned)


@pytest.mark.parametrize(
    ("changes", "verify", "why"),
    [
        ({"index": {"diff_id": f"sha256:{'3' * 64}"}}, False, "another layer"),
        ({"index": {"scanner": 99}}, False, "another layer"),
        ({"index": {"blob_digest": f"sha256:{'3' * 64}"}}, False, "other bytes"),
        ({"index": {"blob_digest": None}}, False, "not all bytes were read"),
        ({"bytes_read": 9}, False, "not all bytes were read"),
        ({"index": {"verified": False}}, True, "not verified, which was asked for"),
        ({}, False, "has no index"),
    ],
)
def test_answers_that_are_not_taken(changes: dict[str, Any], verify: bool, why: str) -> None:  # noqa: FBT001 - as above
    made = answer(**changes) if changes else msgspec.structs.replace(answer(), index=b"x")
    found = checked(unit(), made, verify=verify)
    assert isinstance(found, Failure)
    assert (found.kind, why in found.message) == ("malformed", True), found.message


@pytest.mark.parametrize(
    "content", [None, "text", b"", b"\xff" * 9, b"\x90", bytes(MAX_ANSWER + 1), msgspec.msgpack.encode({"version": 1})]
)
def test_what_is_no_answer(content: Any) -> None:
    assert opened(content) is None


def test_a_failure_told_at_length_is_cut() -> None:
    told = checked(unit(), answer(failure=Failure("x" * 999, "y" * 99_999)), verify=False)
    assert isinstance(told, Failure)
    assert (len(told.kind), len(told.message)) == (64, 4000)


def test_an_index_that_no_worker_can_send_is_made_here(
    fake: FakeRegistry, settings: Settings, executor: NewExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.push("team/api", "1", API)
    registries = Registries(settings)
    units = units_of(fake, registries)

    def too_large(_: object) -> bytes:
        raise ValueError

    monkeypatch.setattr(codec, "encode", too_large)
    found = dict(executor(registries, Options(), lambda _: None).run(units))
    threads = dict(ThreadExecutor(registries, jobs=1, verify=False, meter=lambda _: None).run(units))
    registries.close()
    assert found == threads


def test_workers_of_another_version_are_refused(
    fake: FakeRegistry, settings: Settings, executor: NewExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.push("team/api", "1", API)
    monkeypatch.setattr(cluster, "version_here", lambda: Version("9.9", 9))
    with pytest.raises(Unsupported, match="install the same on all"):
        audited(fake, settings, executor)


@pytest.mark.parametrize("theirs", [Version("0.0.1", 1), ModuleNotFoundError("inspector"), None, "9"])
def test_workers_of_another_version_are_refused_before_anything_is_done(theirs: object) -> None:
    class Client:
        def run(self, *_: object, **__: object) -> dict[str, object]:
            return {"tcp://1": version_here(), "tcp://2": theirs}

    with pytest.raises(Unsupported, match="its worker tcp://2 has"):
        check_versions(Client(), "tcp://0")


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(UsageError, match=r"pip install 'torch-image-inspector\[cluster\]'"),
        connected(Cluster("tcp://127.0.0.1:1")),
    ):
        pass


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CONNECT", 0.5)
    with pytest.raises(Unreachable, match="no Dask scheduler answers there"), connected(Cluster("tcp://127.0.0.1:1")):
        pass


def test_tls_without_certificates() -> None:
    with pytest.raises(UsageError, match="no certificates in Dask's settings"), connected(Cluster("tls://127.0.0.1:1")):
        pass


def test_a_cluster_without_workers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        status = "running"

        def nthreads(self) -> dict[str, int]:
            return {}

    alone = workers.Workers(Client(), "tcp://127.0.0.1:1")
    assert alone.room() == 1
    alone.check()
    monkeypatch.setattr(workers, "_PATIENCE", -1.0)
    with pytest.raises(Unreachable, match="has had no worker"):
        alone.check()


@pytest.mark.parametrize(
    "text", ["", "a", "http://a:1", "inproc://a:1", "tcp://a", "tcp://a:1/x", "tcp://u@a:1", "ä:1"]
)
def test_what_is_no_address_of_a_cluster(text: str) -> None:
    with pytest.raises(UsageError, match="not the address of a Dask scheduler"):
        parse_cluster(text)


def test_addresses_of_clusters() -> None:
    assert parse_cluster("10.0.0.1:8786").address == "tcp://10.0.0.1:8786"
    assert parse_cluster("tls://dask.example:8786").address == "tls://dask.example:8786"
    assert parse_cluster("tls://[::1]:8786").address == "tls://[::1]:8786"
