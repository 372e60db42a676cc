"""Users log in to the real FAB login of Airflow, at a stand-in for their identity provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.login.airflow import VERSIONS, Airflow, Browser, Page, running
from tests.support.certificates import Authority
from tests.support.openid import IdentityProvider
from tests.support.rendered import rendering, values
from tests.support.servers import Asked, web
from wizard.manifests.login import redirect_uri
from wizard.manifests.webserver_config import CA_FILE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

NAME = "sso.example.internal"
SECRET = "the client's secret: \"'{{ x }}"
CLIENT = "airflow"


@dataclass
class Place:
    """Airflow of one version, and the provider that it sends users to."""

    airflow: Airflow
    provider: IdentityProvider
    login: str

    def begin(self, browser: Browser) -> str:
        """Open the login; the provider sends the browser back to the returned address."""
        page = browser.get(self.login)
        assert page.status == 302, page.text[:2000]
        assert page.location.startswith(f"{self.provider.issuer}/authorize?")
        parts = urlsplit(page.location)
        answer = self.provider.answer(Asked("GET", f"{parts.path}?{parts.query}", {}, b""))
        assert answer.status == 302, answer.body
        return answer.headers["Location"]

    def log_in(self, subject: str, **claims: object) -> tuple[Browser, Page]:
        """Log in as this person; the browser, and the page after the provider."""
        mail = {"email": f"{subject}@example.com", "given_name": "Ada", "family_name": "Ex"}
        self.provider.claims = {"sub": subject, **mail, **claims}
        browser = Browser(self.airflow)
        return browser, browser.get(self.begin(browser))


@pytest.fixture(scope="module", params=VERSIONS)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("airflow")
    authority = Authority.make(folder)
    provider = IdentityProvider(CLIENT, SECRET, "")
    with web(authority, provider.answer, name=NAME) as server:
        provider.issuer = f"https://{NAME}:{server.port}"
        made = rendering(
            "production",
            {
                "installation.airflow": VERSIONS[request.param],
                "access.kind": "ingress",
                "access.base_url": "https://airflow.example.com/team",
                "access.tls.issuer": "letsencrypt",
                "access.login": "oauth",
                "access.oauth.provider": "oidc",
                "access.oauth.issuer": provider.issuer,
                "access.oauth.ca.file": "ca.pem",
                "access.oauth.client_id": CLIENT,
                "access.oauth.roles": {"admins \"'{{": "Admin", "readers": "Viewer"},
            },
        )
        provider.redirect_uri = redirect_uri(made.release, "oidc")
        environment = {"AIRFLOW_OAUTH_CLIENT_SECRET": SECRET}
        login = "/auth/login/oidc" if made.release.airflow_3 else "/login/oidc"
        # The file is where the pods would mount it.
        text = json.dumps(values(made)).replace(CA_FILE, str(authority.path))
        with running(request.param, json.loads(text), folder, environment, NAME) as airflow:
            yield Place(airflow, provider, login)


def may_read_connections(browser: Browser) -> bool:
    """Whether the browser may see connections, which a role without rights may not."""
    if not browser.airflow.three:
        return browser.get("/connection/list/").status == 200
    token = browser.cookies.get("_token", "")
    page = browser.get("/api/v2/connections", {"Authorization": f"Bearer {token}"} if token else {})
    assert page.status in {200, 401, 403}
    return page.status == 200


def test_groups_become_roles_at_every_login(place: Place) -> None:
    browser, page = place.log_in("ada", groups=["admins \"'{{", "others"])
    browser.follow(page)
    assert place.airflow.list_roles()["oidc_ada"] == {"Admin", "Public"}
    assert may_read_connections(browser)

    # Whoever has no group that is mapped has no rights, whatever the other claims say.
    browser, page = place.log_in(
        "eve", groups="others", preferred_username="oidc_ada", roles="Admin"
    )
    browser.follow(page)
    assert place.airflow.list_roles()["oidc_eve"] == {"Public"}
    assert not may_read_connections(browser)

    # A provider may tell groups on request only.
    place.provider.hidden = {"groups": ["readers"]}
    place.log_in("bob")
    place.provider.hidden = {}
    assert place.airflow.list_roles()["oidc_bob"] == {"Viewer", "Public"}

    # The rights of a group end with the next login.
    place.log_in("ada", groups=[])
    assert place.airflow.list_roles()["oidc_ada"] == {"Public"}


def test_what_is_not_proven_opens_nothing(place: Place) -> None:
    before = place.airflow.list_roles()
    place.provider.claims = {"sub": "mallory", "groups": ["admins \"'{{"]}
    for fault in ("signature", "audience", "issuer", "nonce", "expired", "missing"):
        place.provider.fault = fault
        browser, page = place.log_in("mallory", groups=["admins \"'{{"])
        browser.follow(page)
        assert not may_read_connections(browser), fault
    place.provider.fault = ""

    # The state belongs to the browser that began the login.
    browser = Browser(place.airflow)
    back = place.begin(browser)
    for other in (back.replace("state=", "state=x"), back.partition("&state=")[0]):
        browser.follow(browser.get(other))
        assert not may_read_connections(browser)
    stranger = Browser(place.airflow)
    stranger.follow(stranger.get(place.begin(browser)))
    assert not may_read_connections(stranger)

    # What the provider tells on request must be about the same person.
    place.provider.hidden = {"sub": "ada", "groups": ["admins \"'{{"]}
    browser, page = place.log_in("mallory")
    place.provider.hidden = {}
    browser.follow(page)
    assert not may_read_connections(browser)
    assert place.airflow.list_roles() == before
