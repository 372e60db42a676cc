"""The real oauth2-proxy with the rendered options, at a stand-in for the identity provider."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.login.airflow import Airflow, Browser
from tests.support.certificates import Authority
from tests.support.openid import IdentityProvider
from tests.support.rendered import objects, rendering
from tests.support.servers import Answer, Asked, web
from tests.testbed import programs
from tests.testbed.fixtures import found
from wizard.manifests.webserver_config import CA_FILE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MODULE = "github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6"
CLIENT, SECRET = "airflow", "the client's secret"
URL = "https://airflow.example.com/team"


@dataclass
class Gate:
    """oauth2-proxy in front of an upstream that remembers what reached it."""

    browser: Browser
    provider: IdentityProvider
    reached: list[Asked] = field(default_factory=list)


def program() -> Path:
    """oauth2-proxy; built once from its module if there is a Go."""
    return found(
        lambda: (
            programs.named("WIZARD_OAUTH2_PROXY")
            or programs.on_path("oauth2-proxy")
            or programs.go_install("oauth2-proxy", MODULE)
        )
    )


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    (tmp_path / "idp").mkdir()
    # Only the emitted option names the provider's own CA.
    authority, private = Authority.make(tmp_path), Authority.make(tmp_path / "idp")
    provider = IdentityProvider(CLIENT, SECRET, f"{URL}/oauth2/callback")
    reached: list[Asked] = []

    def upstream(asked: Asked) -> Answer:
        reached.append(asked)
        return Answer(200, b"Airflow")

    with web(private, provider.answer) as idp, web(private, upstream) as airflow:
        provider.issuer = idp.url
        made = rendering(
            "production",
            {
                "access.base_url": URL,
                "access.login": "proxy",
                "access.oauth.provider": "oidc",
                "access.oauth.issuer": "https://sso.example.com",
                "access.oauth.ca.file": "ca.pem",
                "access.oauth.client_id": CLIENT,
                "access.oauth.roles": {"admins": "Admin"},
            },
        )
        [deployment] = [one for one in objects(made) if one["kind"] == "Deployment"]
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        port = free_port()
        # Loopback in the place of the addresses in a cluster.
        places = {
            "--http-address=:4180": f"--http-address=127.0.0.1:{port}",
            "--oidc-issuer-url=https://sso.example.com": f"--oidc-issuer-url={idp.url}",
            f"--provider-ca-file={CA_FILE}": f"--provider-ca-file={private.path}",
            "--upstream=http://airflow-api-server:8080/": f"--upstream={airflow.url}/",
        }
        assert places.keys() <= set(container["args"])
        arguments = [places.get(one, one) for one in container["args"]]
        values = dict(
            zip((one["name"] for one in container["env"]), (SECRET, cookie_secret()), strict=True)
        )
        with serving(arguments, values, authority, port):
            yield Gate(Browser(Airflow(tmp_path, URL, port, three=True)), provider, reached)


def cookie_secret() -> str:
    """What the wizard generates for a Fernet key: 32 bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(
    arguments: list[str], values: dict[str, str], authority: Authority, port: int
) -> Iterator[None]:
    log = authority.path.parent / "proxy.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program(), *arguments],
            env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(authority.path), **values},
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"oauth2-proxy does not serve:\n{log.read_text('utf-8')[-3000:]}")
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_only_users_of_the_provider_reach_airflow(gate: Gate) -> None:
    browser, provider = gate.browser, gate.provider
    forged = {
        "X-Forwarded-User": "admin",
        "X-Forwarded-Email": "admin@example.com",
        "X-Auth-Request-User": "admin",
        "Authorization": "Basic YWRtaW46YWRtaW4=",
    }
    assert browser.get("/ui/auth/me", forged).status == 401
    page = browser.get("/home", forged)
    assert page.status == 302
    assert not gate.reached, "nothing reached Airflow"

    assert page.location.startswith(f"{provider.issuer}/authorize?")
    provider.claims = {"sub": "ada"}  # neither an address nor a name
    parts = urlsplit(page.location)
    answer = provider.answer(Asked("GET", f"{parts.path}?{parts.query}", {}, b""))
    back = answer.headers["Location"]
    assert Browser(browser.airflow).get(back).status in {302, 403}, "another browser's state"
    assert not gate.reached

    page = browser.get("/home")
    parts = urlsplit(page.location)
    answer = provider.answer(Asked("GET", f"{parts.path}?{parts.query}", {}, b""))
    page = browser.get(answer.headers["Location"])
    assert page.status == 302, page.text
    assert browser.follow(page).text == "Airflow"
    seen = gate.reached[-1]
    assert seen.path == "/team/home"
    sent = {name.lower(): value for name, value in seen.headers.items()}
    # Airflow builds the redirect URI of its own login from these.
    assert (sent["host"], sent["x-forwarded-proto"]) == ("airflow.example.com", "https")
    assert "authorization" not in sent
    assert not [name for name in sent if name.startswith("x-auth-request")]
