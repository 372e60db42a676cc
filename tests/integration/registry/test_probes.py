"""Chart and image probes against scripted servers: found, missing, private, moved, out of reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.rendered import answers
from tests.support.servers import Answer, Asked, web
from tests.testbed.databases import free_port
from wizard.chart.repository import ChartRepository
from wizard.clients.registry import Image, parse_chart_versions
from wizard.engine.probes import ProbeResult, run_probes
from wizard.systems.registry import artifact_probes, check_chart_version, check_image_tag

pytestmark = pytest.mark.integration

# As `helm repo index` writes it, shortened.
INDEX = """\
apiVersion: v1
entries:
  airflow:
  - apiVersion: v2
    appVersion: 3.2.2
    dependencies:
    - condition: postgresql.enabled
      name: postgresql
      version: 13.2.24
    name: airflow
    urls:
    - https://downloads.example/airflow-1.22.0.tgz
    version: 1.22.0
  - apiVersion: v2
    version: "1.21.0"
  other:
  - apiVersion: v2
    version: 9.9.9
generated: "2026-06-01T00:00:00Z"
version: 8.8.8
"""
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))


def check_helm(url: str, version: str) -> ProbeResult:
    """The answer about a Helm repository; loopback addresses are not valid answers."""
    return check_chart_version(ChartRepository(url), version)


def test_an_index_is_read_by_its_form() -> None:
    assert parse_chart_versions(INDEX, "airflow") == ("1.22.0", "1.21.0")
    assert parse_chart_versions(INDEX, "other") == ("9.9.9",)
    assert parse_chart_versions(INDEX, "absent") == ()
    assert parse_chart_versions("<html>\n  airflow:\n    version: 1.22.0\n", "airflow") == ()
    assert parse_chart_versions(INDEX.replace("entries", "other"), "airflow") == ()


def test_chart_versions(authority: Authority) -> None:
    with web(authority, lambda _: Answer(200, INDEX.encode())) as server:
        assert check_helm(server.url, "1.22.0").status == "pass"
        gone = check_helm(f"{server.url}/", "1.0.0")
        assert (gone.status, "newest there is 1.22.0" in gone.detail) == ("fail", True)
        assert {asked.path for asked in server.asked} == {"/index.yaml"}
    with web(authority, lambda _: Answer(401)) as server:
        private = check_helm(server.url, "1.22.0")
        assert (private.status, "requires a login" in private.detail) == ("unknown", True)
        assert f"helm repo add apache-airflow {server.url} --username" in private.fix.text
        assert f"argocd repo add {server.url} --type helm" in private.fix.text
    with web(authority, lambda _: Answer(404)) as server:
        assert check_helm(server.url, "1.22.0").fix.question == "installation.chart_repository"
    for wrong in (Answer(200, b"<html>"), Answer(404), Answer(503), Answer(0)):
        with web(authority, lambda _, wrong=wrong: wrong) as server:  # type: ignore[misc]
            assert check_helm(server.url, "1.22.0").status == "unknown"


def test_servers_out_of_reach_prove_nothing(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, says in (
        (f"https://127.0.0.1:{free_port()}", "refused"),
        ("https://charts.no-such-name.invalid", "does not resolve"),
    ):
        result = check_helm(url, "1.22.0")
        assert (result.status, bool(result.fix.text)) == ("unknown", True)
        assert says in result.detail
    with web(Authority.make(tmp_path), lambda _: Answer(200, INDEX.encode())) as server:
        result = check_helm(server.url, "1.22.0")
        assert (result.status, server.asked) == ("unknown", [])
        assert "not trusted on this machine" in result.detail


def test_redirects_stay_on_https(authority: Authority) -> None:
    with web(authority, lambda _: Answer(200, INDEX.encode())) as other:
        moved = Answer(302, b"", {"Location": f"{other.url}/index.yaml"})
        with web(authority, lambda _: moved) as server:
            assert check_helm(server.url, "1.22.0").status == "pass"
        clear = Answer(302, b"", {"Location": other.url.replace("https", "http")})
        with web(authority, lambda _: clear) as server:
            result = check_helm(server.url, "1.22.0")
    assert (result.status, "away from https" in result.detail) == ("unknown", True)


@pytest.mark.parametrize(
    ("repository", "registry", "name"),
    [
        ("apache/airflow", "registry-1.docker.io", "apache/airflow"),
        ("docker.io/apache/airflow", "registry-1.docker.io", "apache/airflow"),
        ("airflow", "registry-1.docker.io", "library/airflow"),
        ("ghcr.io/acme/airflow", "ghcr.io", "acme/airflow"),
        ("registry.example:5000/team/data/airflow", "registry.example:5000", "team/data/airflow"),
    ],
)
def test_where_an_image_is(repository: str, registry: str, name: str) -> None:
    assert Image.from_repository(repository, "1") == Image(registry, name, "1")


def looked(
    authority: Authority, script: Callable[[Asked], Answer], *, own: bool = True, secret: str = ""
) -> tuple[ProbeResult, list[Asked]]:
    with web(authority, script) as server:
        image = Image.from_repository(f"127.0.0.1:{server.port}/acme/airflow", "3.2.2-1")
        return check_image_tag(image, own=own, secrets=[secret] if secret else []), server.asked


def test_a_tag_that_is_there(authority: Authority) -> None:
    there = Answer(200, b"", {"Docker-Content-Digest": DIGEST})
    result, asked = looked(authority, lambda _: there)
    assert (result.status, result.detail) == ("pass", "acme/airflow:3.2.2-1 is sha256:abababababab")
    assert [(one.method, one.path) for one in asked] == [
        ("HEAD", "/v2/acme/airflow/manifests/3.2.2-1")
    ]
    assert "image.index" in asked[0].headers["Accept"]


def registry(there: Answer, realm: str = "") -> Callable[[Asked], Answer]:
    """A registry that wants a token, which anybody gets."""

    def script(asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            return Answer(200, json.dumps({"token": "for-anybody"}).encode())
        if asked.headers.get("Authorization") == "Bearer for-anybody":
            return there
        host = asked.headers["Host"]
        where = realm or f"https://{host}/token"
        words = f'Bearer realm="{where}",service="registry",scope="repository:x:pull"'
        return Answer(401, b"", {"WWW-Authenticate": words})

    return script


def test_a_registry_that_wants_an_anonymous_token(authority: Authority) -> None:
    result, asked = looked(authority, registry(Answer(200)))
    assert result.status == "pass"
    assert asked[1].path == "/token?service=registry&scope=repository%3Aacme%2Fairflow%3Apull"
    result, asked = looked(authority, registry(Answer(200), "http://auth.invalid/token"))
    assert (result.status, len(asked)) == ("unknown", 1)


def test_the_token_is_for_its_registry_alone(authority: Authority) -> None:
    with web(authority, lambda _: Answer(200)) as other:
        moved = Answer(307, b"", {"Location": f"{other.url}/blob"})
        result, _ = looked(authority, registry(moved))
        assert result.status == "pass"
        assert [one.method for one in other.asked] == ["HEAD"]
        assert "Authorization" not in other.asked[0].headers


@pytest.mark.parametrize(
    ("answer", "own", "secret", "status", "says"),
    [
        (Answer(404), False, "", "fail", "acme/airflow:3.2.2-1 does not exist"),
        (Answer(404), True, "", "warn", "yet"),
        (Answer(404), True, "registry", "unknown", "registry was not tried"),
        (Answer(403), True, "", "unknown", "requires a login"),
        (Answer(403), True, "registry", "unknown", "registry was not tried"),
        (Answer(429), False, "", "unknown", "HTTP 429"),
        (Answer(500), False, "", "unknown", "HTTP 500"),
        (Answer(0), False, "", "unknown", "HTTP"),
    ],
)
def test_tags_that_are_not_to_be_seen(
    authority: Authority, answer: Answer, own: bool, secret: str, status: str, says: str
) -> None:
    for script in (lambda _: answer, registry(answer)):
        result, _ = looked(authority, script, own=own, secret=secret)
        assert (result.status, says in result.detail) == (status, True), result


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (Answer(200, b"", {"Docker-Content-Digest": DIGEST}), "pass", "1.22.0 is sha256:abab"),
        (Answer(200), "pass", "mirror/airflow 1.22.0 exists"),
        (Answer(404), "fail", "mirror/airflow 1.22.0 is not in this registry"),
        (Answer(401), "unknown", "requires a login"),
        (Answer(403), "unknown", "requires a login"),
        (Answer(503), "unknown", "HTTP 503"),
        (Answer(0), "unknown", "HTTP"),
    ],
)
def test_a_chart_in_a_registry(
    authority: Authority, answer: Answer, status: str, says: str
) -> None:
    with web(authority, registry(answer)) as server:
        place = f"127.0.0.1:{server.port}/mirror"
        result = check_chart_version(ChartRepository(f"oci://{place}"), "1.22.0")
        assert (result.status, says in result.detail) == (status, True), result
        assert server.asked[0].path == "/v2/mirror/airflow/manifests/1.22.0"
    if answer.status in (401, 403):
        assert f"helm registry login 127.0.0.1:{server.port} " in result.fix.text
        assert f"argocd repo add {place} --type helm --name apache-airflow --enable-oci" in (
            result.fix.text
        )
    if answer.status == 404:
        assert result.fix.question == "installation.chart_repository"


async def test_which_artifacts_an_installation_needs(authority: Authority) -> None:
    registry = {"installation.chart_repository": "oci://registry.invalid:5000/charts"}
    plain = list(artifact_probes(answers("production", registry)))
    assert [(one.id, one.endpoint) for one in plain] == [
        ("chart.version", "registry.invalid:5000"),
        ("image.tag", "registry-1.docker.io"),
    ]
    with web(authority, lambda _: Answer(200, INDEX.encode())) as server:
        changes = {
            "installation.image.repository": f"127.0.0.1:{server.port}/acme/airflow",
            "installation.image.tag": "own-1",
        }
        found = answers("production", changes)
        # No valid answer: for pods, a loopback address is the pod itself.
        own = found.installation.model_copy(update={"chart_repository": server.url})
        probes = artifact_probes(found.model_copy(update={"installation": own}))
        results = {one.id: result async for one, result in run_probes(probes)}
        assert {result.status for result in results.values()} == {"pass"}
        paths = {one.path for one in server.asked}
    assert paths == {"/index.yaml", "/v2/acme/airflow/manifests/own-1"}
