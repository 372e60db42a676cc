"""Rules on components that disagree: red where it is wrong, green where it only looks so."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import TOP
from tests.unit.checks.changes import judge
from tests.unit.checks.test_configuration import KUBERNETES
from tests.unit.checks.test_configuration import RED as OPTIONS
from tests.unit.checks.test_red_and_green import (
    Change,
    add,
    attribute,
    both,
    env,
    value,
    without,
    written,
)

SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
KEYCLOAK = "airflow.providers.keycloak.auth_manager.keycloak_auth_manager.KeycloakAuthManager"
AIRFLOW_2 = both(
    attribute("airflow", "2.11.0"),
    value("airflowVersion", "2.11.0"),
    value("webserverSecretKeySecretName", "web"),
    lambda case: case.outside(web=("webserver-secret-key",)),
    without("apiServer"),
)
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "mine", "namespace": "airflow"},
    "subjects": [{"kind": "ServiceAccount", "name": "airflow-scheduler"}],
}
ACCOUNT = "scheduler.serviceAccount"
LAUNCH = ["create", "get", "list", "watch", "patch", "delete"]


def role(*verbs: str, kind: str = "Role", group: str = "", **more: object) -> Change:
    """A role of one's own, bound to the scheduler."""
    rule = {"apiGroups": [group], "resources": ["pods"], "verbs": list(verbs), **more}
    about = {"apiVersion": BINDING["apiVersion"], "kind": kind,
             "metadata": {"name": "mine", "namespace": "airflow"}}  # fmt: skip
    bound = {**BINDING, "roleRef": {"kind": kind, "name": "mine"}}
    return both(
        KUBERNETES,
        value("rbac.create", False),
        add("apps/airflow/role.yaml", {**about, "rules": [rule]}),
        add("apps/airflow/binding.yaml", bound),
    )


MYSQL = value("data.metadataConnection.protocol", "mysql")


ROLES = "AUTH_ROLES_SYNC_AT_LOGIN = True\nAUTH_ROLES_MAPPING = {%s}\n"


def at(host: str) -> Change:
    """An Ingress at this host, which the policy admits."""
    return both(
        value("ingress.apiServer", {"enabled": True, "hosts": [{"name": host}]}),
        value("apiServer.networkPolicy.ingress.from", [{"namespaceSelector": {}}]),
    )


# what it is, rule, place, severity, change
RED: list[tuple[str, str, str, str, Change]] = [
    ("no roles", "configuration.pod-launching", "rbac.create", "warning",
     both(KUBERNETES, value("rbac.create", False))),
    ("no launcher", "configuration.pod-launching", "allowPodLaunching", "warning",
     both(KUBERNETES, value("allowPodLaunching", False))),
    ("no token", "configuration.pod-launching", f"{ACCOUNT}.automountServiceAccountToken",
     "error", both(KUBERNETES, value(ACCOUNT, {"automountServiceAccountToken": False}))),
    ("open Flower", "configuration.flower", "flower.enabled", "warning",
     value("flower.enabled", True)),
    *(
        (name, "configuration.pod-launching", "rbac.create", "warning", change)
        for name, change in {
            "a role that only reads": role("get", "list", "watch"),
            "a cluster role that only reads": role("get", kind="ClusterRole"),
            "a role for pods of another group": role(*LAUNCH, group="metrics.k8s.io"),
            "a role that adopts no pods": role(*(one for one in LAUNCH if one != "patch")),
            "a role for one pod": role(*LAUNCH, resourceNames=["x"]),
            "a role without rules": role(resources=[]),
        }.items()
    ),
    ("no migration", "configuration.migration", "migrateDatabaseJob.enabled", "warning",
     value("migrateDatabaseJob.enabled", False)),
    ("simple manager", "configuration.auth-manager", "config.core.auth_manager", "error",
     value("config.core.auth_manager", SIMPLE)),
    ("simple manager by variable", "configuration.auth-manager", "env[0]", "error",
     env("env", "AIRFLOW__CORE__AUTH_MANAGER", SIMPLE)),
    ("simple manager of the API server", "configuration.auth-manager", "apiServer.env[0]", "error",
     env("apiServer.env", "AIRFLOW__CORE__AUTH_MANAGER", SIMPLE)),
    ("simple manager in the Job", "configuration.auth-manager", "createUserJob.env[0]", "error",
     env("createUserJob.env", "AIRFLOW__CORE__AUTH_MANAGER", SIMPLE)),
    ("Keycloak", "configuration.auth-manager", "config.core.auth_manager", "error",
     value("config.core.auth_manager", KEYCLOAK)),
    ("another manager", "configuration.auth-manager", "config.core.auth_manager", "warning",
     value("config.core.auth_manager", "acme.auth.Manager")),
    ("no DAG processor", "configuration.dag-processor", "dagProcessor.enabled", "error",
     value("dagProcessor.enabled", False)),
    ("no scheduler", "configuration.component", "scheduler.enabled", "warning",
     value("scheduler.enabled", False)),
    ("no API server", "configuration.component", "apiServer.enabled", "warning",
     value("apiServer.enabled", False)),
    ("webserver of Airflow 3", "configuration.no-effect", "webserver.service", "warning",
     value("webserver.service", {"annotations": {"a": "b"}})),
    ("webserver's file", "configuration.no-effect", "webserver.webserverConfig", "warning",
     value("webserver.webserverConfig", "A = 1\n")),
    ("API server of Airflow 2", "configuration.no-effect", "apiServer.replicas", "warning",
     both(AIRFLOW_2, value("apiServer.replicas", 2))),
    ("Ingress of Airflow 2", "configuration.no-effect", "ingress.web", "warning",
     value("ingress.web.enabled", True)),
    ("time zone of the UI", "configuration.no-effect", "env[0]", "warning",
     env("env", "AIRFLOW__WEBSERVER__DEFAULT_UI_TIMEZONE", "Asia/Taipei")),
    ("time zone of the UI in airflow.cfg", "configuration.no-effect",
     "config.webserver.default_ui_timezone", "warning",
     value("config.webserver.default_ui_timezone", "Asia/Taipei")),
    ("a moved option", "configuration.no-effect", "config.webserver.cookie_secure", "warning",
     value("config.webserver.cookie_secure", "True")),
    ("an old section", "configuration.no-effect", "config.kubernetes.namespace", "warning",
     value("config.kubernetes.namespace", "x")),
    ("MySQL", "configuration.database", "data.metadataConnection.protocol", "error",
     both(written, MYSQL)),
    ("MySQL for results", "configuration.database", "data.resultBackendConnection.protocol",
     "error", both(written, value("data.resultBackendConnection", {"protocol": "mysql"}))),
    ("MySQL behind PgBouncer", "configuration.database", "data.metadataConnection.protocol",
     "error", both(MYSQL, value("pgbouncer.enabled", True))),
    ("lost logs", "configuration.task-logs", "logs.persistence.enabled", "warning",
     both(KUBERNETES, value("logs.persistence.enabled", False))),
    ("lost logs of some tasks", "configuration.task-logs", "logs.persistence.enabled", "warning",
     value("executor", "CeleryExecutor,KubernetesExecutor")),
    ("another image", "configuration.image", "images.airflow.tag", "warning",
     value("images.airflow", {"repository": "r", "tag": "2.11.0-custom"})),
    ("another image for tasks", "configuration.image", "images.pod_template.tag", "warning",
     value("images.pod_template.tag", "3.1.8")),
    ("another host", "configuration.ingress", "ingress.apiServer.hosts[0]", "warning",
     both(at("a.example"), value("config.api.base_url", "https://b.example"))),
    ("another host by variable", "configuration.ingress", "ingress.apiServer.hosts[0]", "warning",
     both(at("a.example"), env("env", "AIRFLOW__API__BASE_URL", "http://localhost:8080"))),
    ("no admin", "configuration.roles", "apiServer.apiServerConfig", "warning",
     value("apiServer.apiServerConfig", ROLES % '"a": ["Op"], "b": ["User", "Viewer"]')),
    ("nobody but Public", "configuration.roles", "apiServer.apiServerConfig", "warning",
     value("apiServer.apiServerConfig", ROLES % "")),
    ("DAGs on one node", "configuration.dag-volume", "dags.persistence.accessMode", "warning",
     value("dags.persistence", {"enabled": True, "accessMode": "ReadWriteOnce"})),
    ("DAGs on one node by default", "configuration.dag-volume", "dags.persistence.accessMode",
     "warning", value("dags.persistence", {"enabled": True})),
    ("DAGs on two nodes", "configuration.dag-volume", "dags.persistence.accessMode", "warning",
     both(value("dags.persistence", {"enabled": True}),
          value("nodeSelector", {"kubernetes.io/hostname": "a"}),
          value("triggerer.nodeSelector", {"kubernetes.io/hostname": "b"}))),
]  # fmt: skip
GREEN: dict[str, Change] = {
    "PostgreSQL by name": value("data.metadataConnection.protocol", "postgresql"),
    "MySQL of others": MYSQL,
    "Celery without roles": value("rbac.create", False),
    "a role of one's own": both(
        KUBERNETES, value("rbac.create", False), add("apps/airflow/role.yaml", BINDING)),
    "a role that launches pods": role(*LAUNCH),
    "a role with everything": role("*", group="*", resources=["*"]),
    "a cluster role": role(*LAUNCH, kind="ClusterRole"),
    "two roles together": both(role("get", "list", "watch"), lambda case: case.objects[
        "apps/airflow/role.yaml"]["rules"].append(
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "patch", "delete"]})),
    "a role of the cluster": both(
        KUBERNETES, value("rbac.create", False),
        add("apps/airflow/role.yaml", {**BINDING, "roleRef": {"kind": "ClusterRole",
                                                              "name": "edit"}})),
    "a token in a volume": both(KUBERNETES, value(ACCOUNT, {
        "automountServiceAccountToken": False, "serviceAccountTokenVolume": {"enabled": True}})),
    "a token that Celery does not need": value(
        ACCOUNT, {"automountServiceAccountToken": False}),
    "FAB of Airflow 2.8": value(
        "config.core.auth_manager", "airflow.auth.managers.fab.fab_auth_manager.FabAuthManager"),
    "simple manager without the Job": both(
        value("config.core.auth_manager", SIMPLE), value("createUserJob.enabled", False)),
    "DAG processor of Airflow 2": both(AIRFLOW_2, value("dagProcessor.enabled", False)),
    "no API server of Airflow 2": both(AIRFLOW_2, value("apiServer.enabled", False)),
    "webserver of Airflow 2": both(AIRFLOW_2, value("webserver.replicas", 2)),
    "empty webserver": value("webserver.service", {}),
    "an option that Airflow still reads": value("config.webserver.page_size", "20"),
    "logs elsewhere": both(KUBERNETES, value("logs.persistence.enabled", False),
                           value("config.logging.remote_logging", "True")),
    "logs elsewhere by variable": both(
        KUBERNETES, value("logs.persistence.enabled", False),
        env("env", "AIRFLOW__LOGGING__REMOTE_LOGGING", "true")),
    "logs in Elasticsearch": both(
        KUBERNETES, value("logs.persistence.enabled", False),
        value("elasticsearch", {"enabled": True, "secretName": "airflow-metadata"})),
    "an image of the same Airflow": value("images.airflow.tag", "3.2.2-r1"),
    "a tag of one's own": value("images.airflow.tag", "2026.11.29"),
    "a default tag that is not used": both(
        value("images.airflow.tag", "3.2.2"), value("defaultAirflowTag", "3.1.8")),
    "another host for links of the scheduler": both(
        at("a.example"), env("scheduler.env", "AIRFLOW__API__BASE_URL", "https://b.example")),
    "the scheduler's manager": both(
        value("createUserJob.env", []),
        env("scheduler.env", "AIRFLOW__CORE__AUTH_MANAGER", SIMPLE)),
    "the same host": both(at("A.example"), value("config.api.base_url", "https://a.example/x")),
    "an admin": value("apiServer.apiServerConfig", ROLES % '"a": ["Op"], "b": ["User", "Admin"]'),
    "roles that stay": value("apiServer.apiServerConfig",
                             (ROLES % '"a": ["Op"]').replace("True", "False")),
    "everybody an admin": value("apiServer.apiServerConfig",
                                f'{ROLES % ""}AUTH_USER_REGISTRATION_ROLE = "Admin"\n'),
    "roles from elsewhere": value("apiServer.apiServerConfig",
                                  "AUTH_ROLES_SYNC_AT_LOGIN = True\nAUTH_ROLES_MAPPING = f()\n"),
    "no Python": value("apiServer.apiServerConfig", "AUTH_ROLES_MAPPING = {\n"),
    "DAGs for many nodes": value("dags.persistence",
                                 {"enabled": True, "accessMode": "ReadOnlyMany"}),
    "DAGs on a claim of others": value("dags.persistence",
                                       {"enabled": True, "existingClaim": "dags"}),
    "DAGs and all pods on one node": both(
        value("dags.persistence", {"enabled": True}),
        value("nodeSelector", {"kubernetes.io/hostname": "a"})),
    "any host": both(at("*.example"), value("config.api.base_url", "https://a.example")),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "where", "severity", "change"), [one[1:] for one in RED],
                         ids=[one[0] for one in RED])  # fmt: skip
def test_red(rule: str, where: str, severity: str, change: Change) -> None:
    assert (rule, where, severity) in judge(change)


@pytest.mark.parametrize("name", GREEN)
def test_green(name: str) -> None:
    assert judge(GREEN[name]) == []


def test_every_rule_has_a_red_case() -> None:
    pattern = re.compile(r'"(configuration\.[a-z-]+)"')
    found = {
        rule
        for file in TOP.glob("wizard/checks/*.py")
        for rule in pattern.findall(file.read_text())
    }
    # It judges our own trees only: test_identity.py.
    elsewhere = {"configuration.identity"}
    assert found == {rule for _, rule, *_ in (*RED, *OPTIONS)} | elsewhere
