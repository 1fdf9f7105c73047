"""Where logins are found: files of Docker and Podman, helper programs, the environment; and who wins."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import msgspec
import pytest

from inspector.registry.challenge import Login
from inspector.registry.credentials import Credentials
from inspector.registry.settings import Settings


def auth(user: str, password: str = "pw") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def docker(settings: Settings, document: object) -> Path:
    assert settings.home is not None
    return write(settings.home / ".docker" / "config.json", document)


def find(settings: Settings, host: str, repository: str = "a/b") -> Login | None:
    return Credentials(settings).find(host, repository)


def user(settings: Settings, host: str, repository: str = "a/b") -> str | None:
    login = find(settings, host, repository)
    return None if login is None else login.user


def test_without_files_nobody_is_logged_in(settings: Settings) -> None:
    assert find(settings, "ghcr.io") is None
    assert Credentials(settings).warnings == ()


def test_dockers_file(settings: Settings) -> None:
    path = docker(settings, {"auths": {"ghcr.io": auth("anna", "a:b:c")}})
    login = find(settings, "ghcr.io")
    assert login is not None
    assert (login.user, login.secret) == ("anna", "a:b:c")
    assert str(path) in login.origin
    assert login.basic() == "Basic " + base64.b64encode(b"anna:a:b:c").decode()


@pytest.mark.parametrize("host", ["ghcr.io.evil.com", "evil-ghcr.io", "ghcr.i", "ghcr.io:443", "sub.ghcr.io", "ghcr"])
def test_hosts_are_compared_whole(host: str, settings: Settings) -> None:
    """A login that is sent to whoever has a similar name is a login given away."""
    docker(settings, {"auths": {"ghcr.io": auth("anna")}, "credHelpers": {"ghcr.io": "x"}})
    assert find(settings, host) is None


@pytest.mark.parametrize(
    "key",
    [
        "https://index.docker.io/v1/",
        "https://index.docker.io/v2/",
        "index.docker.io",
        "docker.io",
        "registry-1.docker.io",
    ],
)
def test_the_many_keys_of_docker_hub(key: str, settings: Settings) -> None:
    docker(settings, {"auths": {key: auth("anna")}})
    assert user(settings, "docker.io", "library/alpine") == "anna"
    assert user(settings, "registry-1.docker.io", "library/alpine") == "anna"  # as Podman has it


@pytest.mark.parametrize("key", ["https://r.corp:5000", "http://r.corp:5000/v1/", "r.corp:5000/v2/", "R.corp:5000"])
def test_a_key_may_be_an_address(key: str, settings: Settings) -> None:
    docker(settings, {"auths": {key: auth("anna")}})
    assert user(settings, "r.corp:5000") == "anna"
    assert user(settings, "r.corp") is None


def test_the_most_specific_key_wins(settings: Settings) -> None:
    assert settings.home is not None
    keys = {"r.io": auth("all"), "r.io/team": auth("team"), "r.io/team/app": auth("app"), "r.io/tea": auth("tea")}
    write(settings.home / ".config" / "containers" / "auth.json", {"auths": keys})
    names = {name: user(settings, "r.io", name) for name in ("team/app", "team/app/x", "team/other", "teams/app", "")}
    assert names == {"team/app": "app", "team/app/x": "app", "team/other": "team", "teams/app": "all", "": "all"}


def test_the_order_of_the_files(settings: Settings, tmp_path: Path) -> None:
    home, config, runtime, named = tmp_path / "home", tmp_path / "config", tmp_path / "run", tmp_path / "named"
    environment = {"XDG_CONFIG_HOME": str(config), "XDG_RUNTIME_DIR": str(runtime)}
    settings = msgspec.structs.replace(settings, environment=environment)
    write(home / ".dockercfg", {"r.io": auth("dockercfg")})
    assert user(settings, "r.io") == "dockercfg"
    docker(settings, {"auths": {"r.io": auth("docker")}})
    assert user(settings, "r.io") == "docker"
    write(config / "containers" / "auth.json", {"auths": {"r.io": auth("config")}})
    assert user(settings, "r.io") == "config"
    write(runtime / "containers" / "auth.json", {"auths": {"r.io": auth("runtime")}})
    assert user(settings, "r.io") == "runtime"
    write(named / "config.json", {"auths": {"r.io": auth("named")}})
    settings = msgspec.structs.replace(settings, environment={**environment, "DOCKER_CONFIG": str(named)})
    assert user(settings, "r.io") == "named"
    file = write(tmp_path / "file.json", {"auths": {"r.io": auth("file")}})
    settings = msgspec.structs.replace(settings, environment={**settings.environment, "REGISTRY_AUTH_FILE": str(file)})
    assert user(settings, "r.io") == "file"


def test_a_file_without_the_host_leaves_it_to_the_next(settings: Settings) -> None:
    assert settings.home is not None
    write(settings.home / ".config" / "containers" / "auth.json", {"auths": {"other": auth("x"), "r.io": {}}})
    docker(settings, {"auths": {"r.io": auth("docker")}})
    assert user(settings, "r.io") == "docker"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not valid JSON of credentials"),
        ("[]", "not valid JSON of credentials"),
        ('{"auths": {"r.io": {"auth": "geheim!"}}}', "not base64"),
        ('{"auths": {"r.io": {"auth": 7}}}', "not valid JSON of credentials"),
    ],
)
def test_a_broken_file_is_told_and_passed_over(content: str, says: str, settings: Settings) -> None:
    docker(settings, content)
    credentials = Credentials(settings)
    assert credentials.find("r.io", "a") is None
    (warning,) = credentials.warnings
    assert says in warning
    assert "geheim" not in warning


def test_a_file_that_is_empty_or_no_file(settings: Settings) -> None:
    docker(settings, "\n")
    assert find(settings, "r.io") is None
    assert settings.home is not None
    (settings.home / ".dockercfg").mkdir()
    credentials = Credentials(settings)
    assert credentials.find("r.io", "a") is None
    assert len(credentials.warnings) == 1


def test_an_identity_token(settings: Settings) -> None:
    docker(settings, {"auths": {"r.io": {**auth("00000000-0000-0000-0000-000000000000", ""), "identitytoken": "id"}}})
    login = find(settings, "r.io")
    assert login is not None
    assert (login.is_identity, login.secret) == (True, "id")


@pytest.fixture
def helper(tmp_path: Path, settings: Settings) -> Settings:
    """Settings with a program `docker-credential-lab` in PATH, which notes what it is asked."""
    if os.name == "nt":
        pytest.skip("a script is no program there")
    program = tmp_path / "bin" / "docker-credential-lab"
    kept = {
        "r.io": {"Username": "anna", "Secret": "geheim"},
        "https://index.docker.io/v1/": {"Username": "<token>", "Secret": "id"},
        "void.io": {"Username": "", "Secret": ""},
        "bad.io": "text",
    }
    write(
        program,
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "server = sys.stdin.read()\n"
        f"open({str(tmp_path / 'asked')!r}, 'a').write(' '.join(sys.argv[1:]) + ' ' + server + '\\n')\n"
        "if server == 'slow.io':\n    import time; time.sleep(30)\n"
        "if server == 'fail.io':\n    print('geheim'); print('geheim', file=sys.stderr); sys.exit(2)\n"
        f"kept = {kept!r}\n"
        "if server not in kept:\n    print('credentials not found in native keychain'); sys.exit(1)\n"
        "print(json.dumps(kept[server]))\n",
    ).chmod(0o755)
    return msgspec.structs.replace(settings, environment={"PATH": str(program.parent)})


def test_a_helper_for_all(helper: Settings, tmp_path: Path) -> None:
    docker(helper, {"credsStore": "lab", "auths": {"r.io": {}}})
    credentials = Credentials(helper)
    login = credentials.find("r.io", "a/b")
    assert login is not None
    assert (login.user, login.secret, login.origin) == ("anna", "geheim", "docker-credential-lab")
    credentials.find("r.io", "c/d")
    assert (tmp_path / "asked").read_text() == "get r.io\n", "asked once"


def test_a_helper_knows_docker_hub_by_its_old_address(helper: Settings) -> None:
    docker(helper, {"credsStore": "lab"})
    login = find(helper, "docker.io", "library/alpine")
    assert login is not None
    assert (login.is_identity, login.secret) == (True, "id")


def test_a_helper_for_one_host(helper: Settings, tmp_path: Path) -> None:
    docker(helper, {"credHelpers": {"r.io": "lab"}, "credsStore": "none", "auths": {"s.io": auth("bob")}})
    assert user(helper, "r.io") == "anna"
    assert user(helper, "s.io") == "bob"
    assert (tmp_path / "asked").read_text() == "get r.io\n"


def test_a_helper_that_keeps_nothing(helper: Settings) -> None:
    docker(helper, {"credsStore": "lab", "auths": {"s.io": auth("bob")}})
    credentials = Credentials(helper)
    assert credentials.find("void.io", "a") is None
    assert credentials.find("unknown.io", "a") is None
    login = credentials.find("s.io", "a")
    assert login is not None
    assert login.user == "bob", "what the file itself holds is still good"
    assert credentials.warnings == ()


@pytest.mark.parametrize(
    ("store", "host", "says"),
    [
        ("lab", "fail.io", "fails with exit code 2"),
        ("lab", "bad.io", "not JSON with Username"),
        ("absent", "r.io", "docker-credential-absent is not in PATH"),
        ("../lab", "r.io", "not the name of a credential helper"),
        ("lab", "slow.io", "no answer within"),
    ],
)
def test_a_broken_helper_is_told_and_the_registry_asked_without(
    store: str, host: str, says: str, helper: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.registry.helpers.SECONDS", 0.5)
    docker(helper, {"credsStore": store})
    credentials = Credentials(helper)
    assert credentials.find(host, "a") is None
    (warning,) = credentials.warnings
    assert says in warning
    assert "is asked without credentials" in warning
    assert "geheim" not in warning
