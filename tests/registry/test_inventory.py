"""What a user has set up for registries, told without a secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import msgspec

from inspector.registry.inventory import Inventoried, certificate_folders, logins, proxies
from inspector.registry.settings import Settings


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def with_environment(settings: Settings, **environment: str) -> Settings:
    return msgspec.structs.replace(settings, environment={**settings.environment, **environment})


def test_nothing_is_set_up(settings: Settings) -> None:
    assert list(logins(settings)) == []
    assert list(certificate_folders(settings)) == []
    assert proxies(settings) == {}


def test_files_and_hosts_without_secrets(settings: Settings) -> None:
    assert settings.home is not None
    secret = base64.b64encode(b"anna:hidden").decode()
    auths = {"ghcr.io": {"auth": secret}, "https://anna:hidden@quay.io/v1/": {"auth": secret}}
    document = {"auths": auths, "credHelpers": {"gcr.io": "gcloud"}, "credsStore": "desktop"}
    path = write(settings.home / ".docker" / "config.json", json.dumps(document))
    (found,) = logins(settings)
    assert found == Inventoried(
        place=str(path), hosts=("ghcr.io", "quay.io/v1/", "gcr.io"), helpers=("gcloud", "desktop")
    )
    assert "hidden" not in repr(found)
    assert secret not in repr(found)


def test_a_file_that_is_none(settings: Settings) -> None:
    assert settings.home is not None
    write(settings.home / ".docker" / "config.json", "{")
    (found,) = logins(settings)
    assert "JSON" in found.error
    assert not found.configured


def test_a_file_that_is_named_and_not_there(settings: Settings, tmp_path: Path) -> None:
    (found,) = logins(with_environment(settings, REGISTRY_AUTH_FILE=str(tmp_path / "none.json")))
    assert (found.configured, found.error) == (True, "there is no such file")


def test_credentials_of_the_environment_need_a_host(settings: Settings) -> None:
    given = {"INSPECTOR_REGISTRY_USER": "anna", "INSPECTOR_REGISTRY_PASSWORD": "hidden"}
    (found,) = logins(with_environment(settings, **given))
    assert found.error
    assert "INSPECTOR_REGISTRY_HOST" in found.advice
    (found,) = logins(with_environment(settings, **given, INSPECTOR_REGISTRY_HOST="ghcr.io"))
    assert (found.hosts, found.error) == (("ghcr.io",), "")
    assert "hidden" not in repr(found)


def test_a_certificate_that_is_none(settings: Settings) -> None:
    write(settings.etc / "docker" / "certs.d" / "registry.example.com" / "ca.crt", "no certificate")
    (found,) = certificate_folders(settings)
    assert found.hosts == ("registry.example.com",)
    assert "no usable certificate" in found.error


def test_proxies_are_told_without_their_logins(settings: Settings) -> None:
    given = with_environment(settings, HTTPS_PROXY="http://anna:hidden@proxy.example.com:3128", HTTP_PROXY="ftp://x")
    found = proxies(given)
    assert found["https"] == ("http://proxy.example.com:3128", "")
    assert "HTTP_PROXY" in found["http"][1]
