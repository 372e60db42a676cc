"""Airflow's own web server with a rendered login, and a browser that reaches it like an Ingress."""

from __future__ import annotations

import http.client
import importlib
import os
import secrets
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from tests.testbed import programs
from tests.testbed.fixtures import found

VERSIONS = {"3.2": "3.2.2", "2.11": "2.11.0"}
# What Python runs before Airflow: the provider's name leads to loopback, as DNS would say.
_RESOLVER = """\
import socket

_ask = socket.getaddrinfo


def getaddrinfo(host, *rest, **more):
    return _ask("127.0.0.1" if host == {name!r} else host, *rest, **more)


socket.getaddrinfo = getaddrinfo
"""


def python_of(minor: str) -> Path:
    """The Python of an environment with this Airflow; skips the test where there is none.

    WIZARD_AIRFLOW_3_2 and WIZARD_AIRFLOW_2_11 name one. Otherwise it is that of the testbed, if it
    has environments, or `.cache/airflow-login/<version>`.
    """

    def find() -> Path:
        named = programs.named(f"WIZARD_AIRFLOW_{minor.replace('.', '_')}")
        own = programs.TOP / ".cache" / "airflow-login" / VERSIONS[minor] / "bin" / "python"
        if named or own.exists():
            return named or own
        with suppress(ImportError):
            place = importlib.import_module("tests.testbed.environments").airflow(minor)
            assert isinstance(place, Path)
            return place
        need = f"apache-airflow=={VERSIONS[minor]} apache-airflow-providers-fab authlib"
        raise programs.MissingError(
            f"the login was not tried: there is no {own}. Make one with uv venv and uv pip install "
            f"{need}, or name one with WIZARD_AIRFLOW_{minor.replace('.', '_')}"
        )

    return found(find)


@dataclass
class Airflow:
    """A running web server; `port` is plain HTTP, as an Ingress reaches it."""

    folder: Path
    base_url: str
    port: int
    three: bool

    def list_roles(self) -> dict[str, set[str]]:
        """The roles of each user, by name, from the database."""
        query = (
            "SELECT u.username, r.name FROM ab_user u JOIN ab_user_role ur ON ur.user_id = u.id "
            "JOIN ab_role r ON r.id = ur.role_id"
        )
        roles: dict[str, set[str]] = {}
        with closing(sqlite3.connect(self.folder / "airflow.db")) as database:
            for user, role in database.execute(query):
                roles.setdefault(user, set()).add(role)
        return roles


@contextmanager
def running(
    minor: str, values: Mapping[str, Any], folder: Path, environment: Mapping[str, str], name: str
) -> Iterator[Airflow]:
    """Serve with these Helm values while the block runs; `name` leads to loopback."""
    python = python_of(minor)
    three = not minor.startswith("2.")
    web = values["apiServer" if three else "webserver"]
    text = web["apiServerConfig" if three else "webserverConfig"]
    (folder / "webserver_config.py").write_text(text, encoding="utf-8")
    (folder / "sitecustomize.py").write_text(_RESOLVER.format(name=name), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = values["config"]
    base_url = config["api" if three else "webserver"]["base_url"]
    sqlite = f"sqlite:///{folder / 'airflow.db'}"
    env = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(folder),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__AUTH_MANAGER": config["core"]["auth_manager"],
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlite,
        "AIRFLOW__API__BASE_URL" if three else "AIRFLOW__WEBSERVER__BASE_URL": base_url,
        "AIRFLOW__API__SECRET_KEY" if three else "AIRFLOW__WEBSERVER__SECRET_KEY": (
            secrets.token_hex(32)
        ),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        # Chart 1.22.0.
        "AIRFLOW__FAB__ENABLE_PROXY_FIX": "True",
        "AIRFLOW__WEBSERVER__ENABLE_PROXY_FIX": "True",
        **{one["name"]: one["value"] for one in web.get("env", []) if "value" in one},
        **environment,
    }
    airflow = [str(python), "-m", "airflow"]
    subprocess.run(
        [*airflow, "db", "migrate"], env=env, check=True, capture_output=True, timeout=240
    )
    serve = ["api-server", "--proxy-headers"] if three else ["webserver", "--workers", "1"]
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*airflow, *serve, "--port", str(port)], env=env, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    made = Airflow(folder, base_url, port, three)
    try:
        _wait(made, server, log, "/api/v2/monitor/health" if three else "/health")
        yield made
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, 9)
            server.wait(20)


def _wait(airflow: Airflow, server: subprocess.Popen[bytes], log: Path, path: str) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError):
            if Browser(airflow).get(path).status == 200:
                return
        time.sleep(0.3)
    pytest.fail(f"Airflow does not serve:\n{log.read_text('utf-8', 'replace')[-4000:]}")


@dataclass(frozen=True)
class Page:
    """One response."""

    status: int
    location: str
    text: str


@dataclass
class Browser:
    """A browser with its cookies, behind an Ingress that terminates TLS."""

    airflow: Airflow
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        """Open a path below the base URL, or an address at it."""
        scheme, _, rest = self.airflow.base_url.partition("://")
        host, _, below = rest.partition("/")
        base = f"/{below}".rstrip("/")
        path = path.removeprefix(f"{scheme}://{host}") if "://" in path else base + path
        sent = {
            "Host": host,
            "X-Forwarded-Proto": scheme,
            "X-Forwarded-For": "192.0.2.7",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **(headers or {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.airflow.port, timeout=60)
        with closing(connection):
            connection.request("GET", path, headers=sent)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return Page(answer.status, answer.headers.get("Location") or "", text)

    def follow(self, page: Page) -> Page:
        """Follow redirects within Airflow."""
        for _ in range(8):
            if page.status not in {301, 302, 303, 307}:
                return page
            target = page.location
            if target.startswith("/"):
                origin = "/".join(self.airflow.base_url.split("/")[:3])
                target = f"{origin}{target}"
            page = self.get(target)
        raise AssertionError(f"redirected for ever, at last to {page.location}")
