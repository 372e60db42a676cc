"""Single sign-on: what is refused, and what the values, the Secret and the runbook come to."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from tests.support.rendered import filled, findings, objections, objects, rendering, values
from wizard.answers.files import validate_answers
from wizard.manifests.webserver_config import GOOGLE_CONSUMERS
from wizard.plan.render import Rendering

URL = "https://airflow.example.com/team"
ENTRA: dict[str, object] = {
    "access.base_url": URL,
    "access.login": "oauth",
    "access.oauth.tenant": "11111111-2222-3333-4444-555555555555",
    "access.oauth.client_id": "66666666-7777-8888-9999-000000000000",
    "access.oauth.roles": {"airflow-admins": "Admin", "data": "User"},
}
OIDC: dict[str, object] = {
    **ENTRA,
    "access.oauth.provider": "oidc",
    "access.oauth.issuer": "https://sso.example.com/realms/data",
}
OKTA = {**OIDC, "access.oauth.provider": "okta"}
GOOGLE: dict[str, object] = {
    **ENTRA,
    "access.oauth.provider": "google",
    "access.oauth.roles": {"example.com": "User", "Ada@Example.com": "Admin"},
}
PROXY: dict[str, object] = {**ENTRA, "access.login": "proxy"}
WAYS: dict[str, dict[str, object]] = {
    "ingress": {
        "access.tls.issuer": "letsencrypt",
        "access.annotations": {"a": "b"},
        "access.tls.annotation": "a",
    },
    "httproute": {"access.gateway.name": "public", "access.gateway.namespace": "gateways"},
    "loadbalancer": {
        "access.sources": ["10.0.0.0/8"],
        "access.annotations": {"a": "b"},
        "access.tls.annotation": "a",
    },
}
AIRFLOW_2: dict[str, object] = {"installation.airflow": "2.11.0"}
HOSTILE = "a\"b'c\\n{{ .Values.x }} {% x %} ${HOME} $(id) `|`` # @ROLES@ }} \N{GRINNING FACE}"


def code(changes: dict[str, object]) -> str:
    """The webserver_config.py of these answers."""
    made = values(rendering("production", changes))
    return str(
        made["webserver"]["webserverConfig"]
        if "installation.airflow" in changes
        else made["apiServer"]["apiServerConfig"]
    )


def settings(text: str) -> dict[str, Any]:
    """What Flask takes from the file, without Airflow; the class is left out."""
    tree = ast.parse(text)
    kept = [node for node in tree.body if not isinstance(node, ast.ClassDef | ast.ImportFrom)]
    found: dict[str, Any] = {"AUTH_OAUTH": 4, "SecurityManager": None}
    exec(compile(ast.Module(kept, []), "webserver_config.py", "exec"), found)
    return found


def named(made: Rendering, name: str) -> list[dict[str, Any]]:
    """The objects of this name."""
    found = [one.get("metadata") or {} for one in objects(made)]
    return [
        one for one, about in zip(objects(made), found, strict=True) if about.get("name") == name
    ]


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({**ENTRA, "access.base_url": "http://localhost:8080"}, "access.base_url", "https"),
        ({**ENTRA, "access.oauth.tenant": ""}, "access.oauth.tenant", "required"),
        ({**ENTRA, "access.oauth.tenant": "common"}, "access.oauth.tenant", "every tenant"),
        ({**ENTRA, "access.oauth.client_id": ""}, "access.oauth.client_id", "required"),
        ({**ENTRA, "access.oauth.client_id": "{{ x }}"}, "access.oauth.client_id", "letters"),
        ({**PROXY, "access.base_url": "http://localhost:8080"}, "access.base_url", "https"),
        ({**PROXY, "access.oauth.tenant": "example.com"}, "access.oauth.tenant", "tenant) ID"),
        ({**PROXY, "access.proxy.image": "a/b:latest"}, "access.proxy.image", "fixed tag"),
        (
            {**PROXY, "values": {"ingress": {"apiServer": {"enabled": True}}}},
            "values.ingress.apiServer.enabled",
            "past oauth2-proxy",
        ),
        ({**ENTRA, "access.oauth.roles": {}}, "access.oauth.roles", "required"),
        ({**ENTRA, "access.oauth.roles": {"a": "Root"}}, "access.oauth.roles", "'Viewer'"),
        ({**ENTRA, "access.oauth.roles": {" a": "Op"}}, "access.oauth.roles", "spaces around"),
        ({**ENTRA, "access.oauth.scopes": "email"}, "access.oauth.scopes", "add openid"),
        ({**GOOGLE, "access.oauth.roles": {"admins": "Admin"}}, "access.oauth.roles", "no groups"),
        ({**GOOGLE, "access.oauth.roles": {"a b@a.io": "Op"}}, "access.oauth.roles", "no groups"),
        ({**GOOGLE, "access.oauth.roles": {"a@": "Admin"}}, "access.oauth.roles", "no groups"),
        *(
            ({**GOOGLE, "access.oauth.roles": {one: "Op"}}, "access.oauth.roles", "single")
            for one in GOOGLE_CONSUMERS
        ),
        (
            {**GOOGLE, "access.oauth.roles": {"a@a.io": "Op", "A@a.io": "Admin"}},
            "access.oauth.roles",
            "once",
        ),
        ({**GOOGLE, "access.oauth.scopes": "openid profile"}, "access.oauth.scopes", "add email"),
        ({**ENTRA, "access.oauth.claim": "a b"}, "access.oauth.claim", "name of a claim"),
        (
            {**ENTRA, "access.oauth.client_secret": {"generate": True}},
            "access.oauth.client_secret",
            "cannot be generated",
        ),
        ({**OIDC, "access.oauth.issuer": ""}, "access.oauth.issuer", "required"),
        ({**OKTA, "access.oauth.issuer": "http://a.example"}, "access.oauth.issuer", "https"),
        (
            {**ENTRA, "values": {"apiServer": {"apiServerConfig": "x = 1"}}},
            "values.apiServer.apiServerConfig",
            "access.login",
        ),
        (
            {**ENTRA, "environment.variables": {"AIRFLOW__FAB__CONFIG_FILE": "/tmp/x.py"}},
            "environment.variables.AIRFLOW__FAB__CONFIG_FILE",
            "access.login",
        ),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, object], key: str, words: str) -> None:
    [problem] = objections("production", changes)
    assert problem.startswith((f"{key}:", f"{key}."))
    assert words in problem


@pytest.mark.parametrize("changes", [{}, {"values": {"webserver": {"webserverConfig": "x = 1"}}}])
def test_a_login_with_passwords_changes_nothing(changes: dict[str, object]) -> None:
    made = values(rendering("production", changes))
    assert made["createUserJob"]["enabled"] is True
    assert "apiServerConfig" not in made.get("apiServer", {})
    assert "auth_manager" not in made["config"].get("core", {})


def test_the_admin_user_is_not_asked_for() -> None:
    found = validate_answers(filled("production", {**ENTRA, "admin.username": "ada"}))
    assert [one for one in found.warnings if one.startswith("admin.username")]
    made = rendering("production", ENTRA)
    assert values(made)["createUserJob"]["enabled"] is False
    assert "env" not in values(made)["createUserJob"]
    assert "adminPassword" not in [fact.key for one in made.total.secrets for fact in one.facts]


@pytest.mark.parametrize(
    ("changes", "uri", "server"),
    [
        (ENTRA, "/auth/oauth-authorized/entra", "login.microsoftonline.com/11111111-2222"),
        (OKTA, "/auth/oauth-authorized/okta", "sso.example.com/realms/data/.well-known"),
        (GOOGLE, "/auth/oauth-authorized/google", "accounts.google.com/.well-known"),
        ({**OIDC, **AIRFLOW_2}, "/oauth-authorized/oidc", "sso.example.com/realms/data/.well"),
    ],
)
def test_users_log_in_at_the_provider(changes: dict[str, object], uri: str, server: str) -> None:
    made = rendering("production", changes)
    found = settings(code(changes))
    [provider] = found["OAUTH_PROVIDERS"]
    app = provider["remote_app"]
    assert uri.endswith(f"/{provider['name']}")
    assert app["server_metadata_url"].startswith(f"https://{server}")
    assert app["client_id"] == changes["access.oauth.client_id"]
    assert app["client_secret"] is None, "it is only in the environment"
    assert ("groups" in app["client_kwargs"]["scope"]) == (provider["name"] == "okta")
    own = {"example.com": ["User"], "ada@example.com": ["Admin"]}
    groups = {"airflow-admins": ["Admin"], "data": ["User"]}
    assert found["AUTH_ROLES_MAPPING"] == (own if provider["name"] == "google" else groups)
    assert found["AUTH_ROLES_SYNC_AT_LOGIN"] is found["AUTH_USER_REGISTRATION"] is True
    assert found["AUTH_USER_REGISTRATION_ROLE"] == "Public"
    assert "AUTH_ROLE_PUBLIC" not in found
    assert values(made)["config"]["core"]["auth_manager"].endswith(".FabAuthManager")
    runbook = made.tree.by_logical("runbook").text
    assert f"\n{URL}{uri}\n" in runbook
    assert f"{URL}{uri}" in next(s.title for s in made.total.steps if "redirect" in s.id)


@pytest.mark.parametrize(
    ("claims", "keys"),
    [
        ({"hd": "Example.com", "email": "Ada@example.com"}, ["example.com", "ada@example.com"]),
        ({"email": "Ada.B@gmail.com"}, ["ada.b@gmail.com"]),
        *(({"email": f"ada@{one}"}, [f"ada@{one}"]) for one in GOOGLE_CONSUMERS),
        # Google does not say whose the address is today.
        ({"email": "ada@example.com"}, []),
        ({"email": "ada@example.com", "email_verified": False, "hd": "a.io"}, ["a.io"]),
        ({"email": "ada@gmail.com", "email_verified": "true"}, []),
        ({"email": "ada@gmail.com.example.com"}, []),
        ({}, []),
    ],
)
def test_google_vouches_for_the_addresses_that_it_hosts(
    claims: dict[str, object], keys: list[str]
) -> None:
    [definition] = [one for one in ast.parse(code(GOOGLE)).body if isinstance(one, ast.ClassDef)]
    found: dict[str, Any] = {"FabAirflowSecurityManagerOverride": object}
    exec(compile(ast.Module([definition], []), "webserver_config.py", "exec"), found)
    token = {"sub": "1", "email_verified": True, **claims}
    user = found["SecurityManager"]().get_oauth_user_info("google", {"userinfo": token})
    assert user["role_keys"] == keys
    assert user["username"] == "google_1"


def test_roles_without_an_admin_are_a_warning() -> None:
    for changes in (OIDC, {**PROXY, **AIRFLOW_2}):
        made = rendering("production", {**changes, "access.oauth.roles": {"data": "Op"}})
        [found] = findings(made)
        assert (found.rule, found.severity) == ("configuration.roles", "warning")
        assert found.fix.question == "access.oauth.roles"


@pytest.mark.parametrize("version", [{}, AIRFLOW_2])
def test_only_the_component_with_the_ui_gets_the_secret(version: dict[str, object]) -> None:
    made = rendering("production", {**ENTRA, **version, "environment.network_policies": True})
    web = "webserver" if version else "apiServer"
    readers = [
        key
        for key, value in values(made).items()
        if isinstance(value, dict) and "oauth-client" in str(value)
    ]
    assert readers == [web]
    assert {
        "name": "AIRFLOW_OAUTH_CLIENT_SECRET",
        "valueFrom": {"secretKeyRef": {"name": "airflow-oauth-client", "key": "client-secret"}},
    } in values(made)[web]["env"]
    # 443 is also the port of Kubernetes, which all can reach.
    assert not named(made, "airflow-egress-login")


def test_an_issuer_on_another_port_has_an_egress_rule_of_its_own() -> None:
    changes = {**OIDC, "access.oauth.issuer": "https://sso.example.com:8443"}
    made = rendering("production", {**changes, "environment.network_policies": True})
    [policy] = named(made, "airflow-egress-login")
    assert policy["spec"]["podSelector"]["matchLabels"]["component"] == "api-server"
    assert policy["spec"]["egress"] == [{"ports": [{"protocol": "TCP", "port": 8443}]}]


def test_the_secret_has_a_contract_in_every_store() -> None:
    [secret] = named(rendering("production", ENTRA), "airflow-oauth-client")
    assert secret["kind"] == "ExternalSecret"
    assert secret["spec"]["target"]["template"]["data"] == {
        "client-secret": "{{ .oauthClientSecret }}"
    }
    others = {
        "secrets.store": "existing",
        "secrets.existing.oauth_client.name": "sso",
        "secrets.existing.oauth_client.key": "SECRET",
    }
    made = rendering("production", {**ENTRA, **others})
    [item] = [one for one in values(made)["apiServer"]["env"] if "OAUTH" in one["name"]]
    assert item["valueFrom"]["secretKeyRef"] == {"name": "sso", "key": "SECRET"}
    assert "`SECRET`" in made.tree.by_logical("runbook").text
    made = rendering("production", {**ENTRA, "secrets.store": "kubernetes"})
    assert "airflow-oauth-client" in {one.name for one in made.total.secrets}


@pytest.mark.parametrize("version", [{}, AIRFLOW_2])
def test_hostile_groups_stay_text(version: dict[str, object]) -> None:
    changes = {**OIDC, **version, "access.oauth.roles": {HOSTILE: "Viewer", "`" * 3: "Op"}}
    text = code(changes)
    assert settings(text)["AUTH_ROLES_MAPPING"] == {HOSTILE: ["Viewer"], "`" * 3: ["Op"]}
    assert "{{" not in text
    assert "}}" not in text
    assert text.isascii()
    runbook = rendering("production", changes).tree.by_logical("runbook").text
    [listed] = re.findall(r"\n```\n(Op .*?)\n```\n", runbook, re.DOTALL)
    assert listed.splitlines() == ["Op      ```", f"Viewer  {HOSTILE}"]


@pytest.mark.parametrize("version", [{}, AIRFLOW_2])
@pytest.mark.parametrize("kind", WAYS)
def test_users_reach_the_proxy_and_only_the_proxy_reaches_airflow(
    kind: str, version: dict[str, object]
) -> None:
    policies = {"environment.network_policies": True}
    made = rendering(
        "production", {**PROXY, **WAYS[kind], **version, **policies, "access.kind": kind}
    )
    assert "ingress" not in values(made), "the chart's own leads past the proxy"
    text = "".join(file.text for file in made.tree.values() if file.logical.startswith("secrets/"))
    web = "webserver" if version else "api-server"
    [way] = named(made, "airflow-ui")
    assert "airflow-oauth2-proxy" in str(way)
    assert web not in str(way["spec"])
    assert text.count(f"http://airflow-{web}:8080/") == 1
    [policy] = [one for one in named(made, "airflow-oauth2-proxy") if "Policy" in one["kind"]]
    [entry] = policy["spec"]["ingress"]
    peers = {
        "ingress": [{"namespaceSelector": {}}],
        "httproute": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}
        ],
        "loadbalancer": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    }
    assert entry["from"] == peers[kind]
    key = "webserver" if version else "apiServer"
    _, proxy = values(made)[key]["networkPolicy"]["ingress"]["from"]
    labels = proxy["podSelector"]["matchLabels"]
    assert labels == policy["spec"]["podSelector"]["matchLabels"]
    [deployment] = [
        one for one in named(made, "airflow-oauth2-proxy") if one["kind"] == "Deployment"
    ]
    assert deployment["spec"]["template"]["metadata"]["labels"] == labels
    assert not findings(made)


def test_the_gate_reaches_the_provider_through_a_proxy_of_the_company() -> None:
    made = rendering("production", {
        **PROXY, "environment.proxy.https": "http://proxy.example.internal:3128",
        "environment.network_policies": True,
    })  # fmt: skip
    objects_of_it = {one["kind"]: one["spec"] for one in named(made, "airflow-oauth2-proxy")}
    [container] = objects_of_it["Deployment"]["template"]["spec"]["containers"]
    found = {one["name"]: one.get("value") for one in container["env"]}
    assert found["HTTPS_PROXY"] == "http://proxy.example.internal:3128"
    assert "airflow-api-server" in found["NO_PROXY"].split(",")
    rules = objects_of_it["NetworkPolicy"]["egress"]
    assert 3128 in {port["port"] for rule in rules for port in rule["ports"] if "to" not in rule}


def test_openshift_chooses_the_user_of_the_gate() -> None:
    for changes, user in (({}, 65532), ({"environment.openshift": True}, None)):
        made = rendering("production", {**PROXY, **changes})
        [pod] = [
            one["spec"]["template"]["spec"]
            for one in named(made, "airflow-oauth2-proxy")
            if one["kind"] == "Deployment"
        ]
        assert pod["securityContext"].get("runAsUser") == user
        assert pod["securityContext"]["runAsNonRoot"] is True


def test_the_proxy_reads_the_secrets_of_the_store() -> None:
    others: dict[str, object] = {
        "secrets.store": "existing",
        "secrets.existing.oauth_client": {"name": "sso", "key": "SECRET"},
        "secrets.existing.oauth2_proxy": {"name": "sso", "key": "COOKIE"},
    }
    for changes, wanted in (
        (
            PROXY,
            [("airflow-oauth-client", "client-secret"), ("airflow-oauth2-proxy", "cookie-secret")],
        ),
        ({**PROXY, **others}, [("sso", "SECRET"), ("sso", "COOKIE")]),
    ):
        made = rendering("production", changes)
        [deployment] = [
            one for one in named(made, "airflow-oauth2-proxy") if one["kind"] == "Deployment"
        ]
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        refs = [one["valueFrom"]["secretKeyRef"] for one in container["env"]]
        assert [(one["name"], one["key"]) for one in refs] == wanted
    # The client's secret is given, the cookies' is generated.
    facts = {
        fact.key: fact for one in rendering("production", PROXY).total.secrets for fact in one.facts
    }
    assert facts["oauth2ProxyCookieSecret"].generated
    assert not facts["oauthClientSecret"].generated


@pytest.mark.parametrize("changes", [ENTRA, OKTA, {**OIDC, **AIRFLOW_2}, GOOGLE, PROXY])
def test_the_checks_have_no_objection(changes: dict[str, object]) -> None:
    assert not findings(rendering("production", changes))


WRITTEN_BY_HAND = """\
import os
from os import getenv

CLIENT_SECRET = getenv("OAUTH_CLIENT_SECRET")
SECRET_KEY = os.getenv("AIRFLOW__WEBSERVER__SECRET_KEY", "")
AUTH_LDAP_BIND_PASSWORD = os.environ.get("LDAP_PASSWORD")
with open("/opt/airflow/secrets/client-secret") as file:
    client_secret = file.read().strip()
OAUTH_PROVIDERS = [
    {
        "name": "azure",
        "token_key": "access_token",
        "remote_app": {
            "client_id": "66666666-7777-8888-9999-000000000000",
            "client_secret": os.environ["AZURE_CLIENT_SECRET"],
            "access_token_url": "https://login.microsoftonline.com/t/oauth2/v2.0/token",
        },
    },
]
AUTH_ROLES_MAPPING = {"secret-team": ["User"], "11111111-2222-3333-4444-555555555555": ["Op"]}
SECURITY_MANAGER_CLASS = MySecurityManager
"""


@pytest.mark.parametrize("key", ["apiServer.apiServerConfig", "webserver.webserverConfig"])
def test_the_checks_know_code_that_reads_a_secret_from_code_that_holds_one(key: str) -> None:
    component, name = key.split(".")
    version = AIRFLOW_2 if component == "webserver" else {}
    changes: dict[str, object] = {**version, "values": {component: {name: WRITTEN_BY_HAND}}}
    assert not findings(rendering("production", changes))
    canary = "aB3" + "x9Qz" * 7
    for line in (f'client_secret = "{canary}"', f'x = getenv("A_SECRET", "{canary}")'):
        changes["values"] = {component: {name: f"{WRITTEN_BY_HAND}{line}\n"}}
        [finding] = findings(rendering("production", changes))
        assert finding.rule == "secret.literal"
        assert canary not in str(finding)
