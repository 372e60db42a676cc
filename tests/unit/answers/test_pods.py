"""Questions on pods: other namespaces, the isolated database, a proxy, a quota, and placement."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.rendered import findings, objects, rendering, values
from wizard.errors import AnswersError
from wizard.plan.render import Rendering
from wizard.secrets.generation import find_value_problem

KUBERNETES: dict[str, object] = {"executor.kind": "KubernetesExecutor"}
ELSEWHERE: dict[str, object] = {
    **KUBERNETES,
    "executor.multi_namespace": ["team-a", "team-b"],
    "environment.network_policies": True,
    "access.base_url": "http://localhost:8080/data",
    "installation.namespace": "data",
}
ISOLATED: dict[str, object] = {
    "environment.network_policies": True,
    "environment.isolate_database": True,
}
SSO: dict[str, object] = {
    "access.base_url": "https://airflow.example.com",
    "access.login": "proxy",
    "access.oauth.provider": "okta",
    "access.oauth.issuer": "https://example.okta.com",
    "access.oauth.client_id": "airflow",
    "access.oauth.roles": {"admins": "Admin"},
}
URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def policy(made: Rendering, name: str) -> Any:
    return yaml.safe_load(made.tree.by_logical(f"secrets/{name}").text)["spec"]


def allowed_ports(made: Rendering, component: str) -> set[int]:
    """The ports that the egress policies allow a component, whatever the host."""
    found = set()
    for one in objects(made):
        if one["kind"] != "NetworkPolicy":
            continue
        pods = one["spec"]["podSelector"]
        label = pods["matchLabels"].get("component", component)
        rules = {item["operator"]: item["values"] for item in pods.get("matchExpressions", [])}
        if label != component or component not in rules.get("In", [component]):
            continue
        if component in rules.get("NotIn", []):
            continue
        for rule in one["spec"]["egress"]:
            found |= {item["port"] for item in rule.get("ports", []) if "to" not in rule}
    return found


def refusal(changes: dict[str, object], preset: str = "production") -> list[str]:
    with pytest.raises(AnswersError) as refused:
        rendering(preset, changes)
    return [str(problem) for problem in refused.value.problems]


def test_task_pods_of_other_namespaces_find_and_reach_airflow() -> None:
    made = rendering("production", ELSEWHERE)
    found = values(made)
    assert found["multiNamespaceMode"] is True
    config = found["config"]
    watched = config["kubernetes_executor"]["multi_namespace_mode_namespace_list"]
    assert watched == "data,team-a,team-b"
    # The API server's own path follows from the base URL.
    url = "http://airflow-api-server.data:8080/data/execution/"
    assert config["core"]["execution_api_server_url"] == url
    assert config["metrics"]["statsd_host"] == "airflow-statsd.data"
    peers = [
        found["apiServer"]["networkPolicy"]["ingress"]["from"],
        found["statsd"]["extraNetworkPolicies"],
    ]
    for listed in peers:
        [other] = [one for one in listed if "namespaceSelector" in one]
        [expression] = other["namespaceSelector"]["matchExpressions"]
        assert expression["values"] == ["team-a", "team-b"]
        assert other["podSelector"]["matchLabels"] == {"tier": "airflow", "release": "airflow"}
    # Tasks of Airflow 3 have no business at the database.
    assert "extraNetworkPolicies" not in found["pgbouncer"]
    old = values(rendering("production", {**ELSEWHERE, "installation.airflow": "2.11.0"}))
    assert old["pgbouncer"]["extraNetworkPolicies"]
    assert "execution_api_server_url" not in old["config"]["core"]


def test_the_runbook_lists_what_each_namespace_needs() -> None:
    made = rendering("production", ELSEWHERE)
    text = made.tree.by_logical("runbook").text
    for name in ("ServiceAccount `airflow-worker`", "ConfigMap `airflow-config`",
                 "Secret `airflow-fernet-key`", "Secret `airflow-metadata`",
                 "Secret `airflow-ssh-secret`"):  # fmt: skip
        assert f"- {name}\n" in text
    assert "airflow-pgbouncer-config`\n" not in text
    assert "start pods in every namespace" in text
    project = yaml.safe_load(made.tree.by_logical("argocd/project").text)["spec"]
    kinds = {one["kind"] for one in project["clusterResourceWhitelist"]}
    assert {"ClusterRole", "ClusterRoleBinding"} <= kinds


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"database.pgbouncer": {"mode": "off"}, "database.sslmode": "require"},
        {"database.pgbouncer": {"mode": "external", "host": "p.example", "port": 6433}},
        {**KUBERNETES, "environment.cleanup.database": True},
        {"secrets.store": "existing", "secrets.existing.metadata.key": "url"},
        {
            "access.kind": "ingress",
            "access.base_url": "https://airflow.example.com",
            "access.tls.secret": "ui",
        },
    ],
)
def test_tasks_get_neither_the_url_nor_the_way_to_the_database(changes: dict[str, object]) -> None:
    made = rendering("production", {**ISOLATED, **changes})
    found = values(made)
    switches = found["enableBuiltInSecretEnvVars"]
    assert switches[URL] is False
    assert switches["AIRFLOW_CONN_AIRFLOW_DB"] is False
    everywhere = str([found.get("secret"), found.get("extraEnv"), found.get("env")])
    assert "SQL_ALCHEMY" not in everywhere
    assert "SQL_ALCHEMY" not in str(found.get("workers"))
    for key in ("apiServer", "scheduler", "dagProcessor", "triggerer", "migrateDatabaseJob",
                "createUserJob"):  # fmt: skip
        assert [one["name"] for one in found[key]["env"]].count(URL) == 1, key
    for key in ("apiServer", "scheduler", "dagProcessor", "triggerer"):
        # Its container that waits would have no URL; so the component waits itself.
        assert found[key]["waitForMigrations"] == {"enabled": False}
        assert "airflow db check-migrations" in found[key]["args"][-1]
    assert not {5432, 6432, 6433, 6543} & allowed_ports(made, "worker")
    # With a pooler of others, only the migrations connect past it.
    clients = ("scheduler", "pgbouncer", "run-airflow-migrations")
    assert 5432 in {port for one in clients for port in allowed_ports(made, one)}
    reached = policy(made, "egress-isolated-tasks")["egress"][0]["to"][0]["podSelector"]
    assert {"pgbouncer", "postgresql"}.isdisjoint(reached["matchExpressions"][0]["values"])
    assert not [str(one) for one in findings(made) if one.is_error]


def test_celery_keeps_results_in_the_broker_then() -> None:
    for broker in ({}, {"broker": {"kind": "external", "host": "redis.example"}}):
        made = rendering("production", {**ISOLATED, **broker})
        secrets = {one.name: one.keys for one in made.total.secrets}
        assert secrets["airflow-result-backend"] == secrets["airflow-broker-url"]
        assert values(made)["data"]["resultBackendSecretName"] == "airflow-result-backend"


RABBITMQ: dict[str, object] = {"kind": "external", "host": "rabbit.example"}


def test_only_a_broker_that_keeps_results_goes_with_isolation() -> None:
    """RabbitMQ keeps none; the wizard knows it by its usual ports, and else by the URL's scheme."""
    elsewhere = {"broker": {**RABBITMQ, "port": 5673}}
    made = rendering("production", {**ISOLATED, **elsewhere})
    # Its port is all that workers get more.
    usual = rendering("production", {**ISOLATED, "broker.kind": "chart-redis"})
    for one in ("worker", "scheduler"):
        assert allowed_ports(made, one) - allowed_ports(usual, one) == {5673}
    [url] = {fact for one in made.total.secrets for fact in one.facts if fact.key == "brokerUrl"}
    mark = "Kz9" + "qW3x"
    for scheme in ("amqp", "amqps", "pyamqp", "sqs", "db+postgresql"):
        problem = find_value_problem(url, f"{scheme}://user:{mark}@rabbit.example:5673//")
        assert "environment.isolate_database" in problem
        assert mark not in problem
    for scheme in ("redis", "rediss", "sentinel"):
        assert find_value_problem(url, f"{scheme}://:{mark}@redis.example:6379/0") == ""
    free = rendering("production", elsewhere)
    [url] = {fact for one in free.total.secrets for fact in one.facts if fact.key == "brokerUrl"}
    assert find_value_problem(url, f"amqp://user:{mark}@rabbit.example:5673//") == ""


@pytest.mark.parametrize(
    ("changes", "port"),
    [
        ({}, 5432),
        # The chart's own pooler, which no question names.
        ({}, 6543),
        ({"database.pgbouncer": {"mode": "external", "host": "p.example", "port": 6433}}, 6433),
    ],
)
def test_a_broker_at_a_port_of_the_database_is_refused(
    changes: dict[str, object], port: int
) -> None:
    [problem] = refusal({**ISOLATED, **changes, "broker": {**RABBITMQ, "port": port}})
    assert problem.startswith(f"environment.isolate_database: tasks need port {port} (broker)")


def test_a_port_of_the_database_is_not_given_to_tasks_by_another_name() -> None:
    for more in (
        {"environment.egress": [{"port": 5432, "host": "warehouse.example"}]},
        {"environment.egress": [{"port": 5432, "components": "all"}]},
        {"values": {"env": [{"name": "AIRFLOW_CONN_W", "value": "postgres://w.example:5432/a"}]}},
    ):
        [problem] = refusal({**ISOLATED, **more})
        assert problem.startswith("environment.isolate_database: tasks need port 5432")
    rendering("production", {**ISOLATED, "environment.egress": [{"port": 5433}]})
    # The bundled PostgreSQL is in the namespace.
    [problem] = refusal({**ISOLATED, "environment.egress": [{"port": 5432}]}, "local")
    assert problem.startswith("environment.isolate_database: tasks need port 5432")


def test_a_network_tells_a_warehouse_from_the_database_if_that_has_an_address() -> None:
    wanted = {"environment.egress": [{"port": 5432, "cidr": "10.20.0.0/16"}]}
    for host, possible in (("10.9.0.5", True), ("10.20.0.5", False), ("pg.example", False)):
        changes = {**ISOLATED, **wanted, "database.host": host}
        if possible:
            assert 5432 not in allowed_ports(rendering("production", changes), "worker")
            continue
        [problem] = refusal(changes)
        assert problem.startswith("environment.isolate_database: tasks need port 5432")
        assert "10.20.0.0/16" in problem
        assert "a database.host that is an address elsewhere" in problem


def test_a_refusal_of_a_port_names_what_helps() -> None:
    """The chart's PgBouncer and the bundled PostgreSQL are in the namespace, by no answer."""
    for port, preset in ((6543, "production"), (5432, "local")):
        wanted = {"environment.egress": [{"port": port, "cidr": "10.20.0.0/16"}]}
        [problem] = refusal({**ISOLATED, **wanted}, preset)
        assert f"tasks need port {port} in 10.20.0.0/16" in problem
        assert "host that" not in problem
        assert "use another port there, or turn" in problem
    [problem] = refusal({**ISOLATED, "database.port": 6443})
    assert "(Kubernetes API)" in problem
    assert "use another database.port, or turn" in problem
    pooler = {"mode": "external", "host": "p.example", "port": 443}
    [problem] = refusal({**ISOLATED, "database.pgbouncer": pooler})
    assert "use another database.pgbouncer.port, or turn" in problem


def test_a_proxy_is_left_out_for_hosts_of_the_cluster() -> None:
    proxy = {"https": "http://proxy.example:3128", "no_proxy": "vault.example, 10.0.0.0/8"}
    made = rendering(
        "production", {"environment.proxy": proxy, "environment.network_policies": True}
    )
    env = {one["name"]: one["value"] for one in values(made)["env"]}
    assert env["HTTPS_PROXY"] == env["https_proxy"] == "http://proxy.example:3128"
    assert "HTTP_PROXY" not in env
    without = env["NO_PROXY"].split(",")
    assert without == env["no_proxy"].split(",")
    assert {"$(KUBERNETES_SERVICE_HOST)", "airflow-api-server", ".airflow", ".svc", "localhost",
            "airflow-pgbouncer", "vault.example", "10.0.0.0/8"} <= set(without)  # fmt: skip
    assert 3128 in allowed_ports(made, "worker")
    # git-sync clones over SSH here; over HTTPS it goes through the proxy.
    assert "env" not in values(made)["dags"]["gitSync"]
    over_https = {"environment.proxy": proxy, "dags.repo": "https://git.example.com/a/b.git"}
    synced = values(rendering("production", over_https))["dags"]["gitSync"]["env"]
    assert {"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"} in synced
    assert (
        "env"
        not in values(rendering("production", {"environment.proxy.no_proxy": ["a"]}))["dags"][
            "gitSync"
        ]
    )


def test_a_quota_has_room_for_the_components_or_is_refused() -> None:
    enough: dict[str, object] = {"cpu": "16", "memory": "64Gi", "pods": 50}
    made = rendering("production", {"environment.quota": enough})
    found = values(made)
    assert found["quotas"] == {"requests.cpu": "16", "requests.memory": "64Gi", "pods": 50}
    default = {"cpu": "100m", "memory": "256Mi"}
    assert found["limits"] == [{"type": "Container", "defaultRequest": default}]
    project = yaml.safe_load(made.tree.by_logical("argocd/project").text)["spec"]
    assert project["namespaceResourceBlacklist"] == []
    # The least that is named is enough.
    tight = refusal({"environment.quota": {"cpu": "1", "memory": "1Gi", "pods": 1}})
    least = {one.split(":")[0].rpartition(".")[2]: one.split()[4].strip(",") for one in tight}
    assert set(least) == {"cpu", "memory", "pods"}
    exact = {"cpu": least["cpu"], "memory": least["memory"], "pods": int(least["pods"])}
    rendering("production", {"environment.quota": exact})
    fewer = {**exact, "pods": int(least["pods"]) - 1}
    assert [one.split(":")[0] for one in refusal({"environment.quota": fewer})] == [
        "environment.quota.pods"
    ]
    # Also with what stands beside the chart.
    proxy = {"access.proxy.replicas": 3, "environment.quota": {**exact, "cpu": "20"}}
    [problem] = refusal({**SSO, **proxy, "environment.quota.memory": "64Gi"})
    assert problem.startswith(f"environment.quota.pods: use at least {int(least['pods']) + 3},")
    assert "wait for a migration that cannot start" in problem
    only_pods = values(rendering("production", {"environment.quota.pods": 50}))
    assert (only_pods["quotas"], "limits" in only_pods) == ({"pods": 50}, False)


def least_pods(changes: dict[str, object]) -> int:
    [problem] = refusal({**changes, "environment.quota": {"pods": 1}})
    return int(problem.split()[4].strip(","))


def test_a_quota_has_room_for_the_jobs_and_for_an_update() -> None:
    # Two API servers, two schedulers, DAG processor, triggerer, two workers, two PgBouncers, Redis,
    # StatsD; a new pod of each of the three Deployments, and the migrations.
    assert least_pods({}) == 12 + 3 + 1
    # Helm starts both Jobs at once, and a worker without a volume is a Deployment.
    helm: dict[str, object] = {"delivery.kind": "helm"}
    assert least_pods(helm) == least_pods({}) + 1
    assert least_pods({**helm, "admin.create": False}) == least_pods({})
    plain = {"workers": {"celery": {"persistence": {"enabled": False}}}}
    assert least_pods({"values": plain}) == least_pods({}) + 1
    more: dict[str, object] = {"components.scheduler.replicas": 5}
    assert least_pods(more) == least_pods({}) + 3 + 1


def test_what_restricted_refuses_is_named() -> None:
    side = [{"name": "proxy", "image": "a"}]
    good: dict[str, Any] = {"name": "side", "image": "a", "securityContext": {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}  # fmt: skip
    level: dict[str, object] = {"environment.pod_security": "restricted"}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"scheduler": {"extraContainers": side}}, "container proxy"),
        ({"scheduler": {"extraInitContainers": [{**good, "securityContext": {
            **good["securityContext"], "runAsUser": 0}}]}}, "container side"),
        ({"workers": {"celery": {"extraVolumes": [{"name": "h", "hostPath": {"path": "/"}}]}}},
         "volume h"),
        ({"redis": {"securityContexts": {"pod": {"runAsUser": 0}}}}, "the pod of redis"),
        ({"securityContexts": {"containers": {"privileged": True}}}, "container of all"),
        ({"statsd": {"securityContext": {"runAsUser": 1}}}, "the pod of statsd"),
        ({"podTemplate": "{{ x }}"}, "the pod of tasks"),
        ({"podTemplate": "spec: {hostNetwork: true}"}, "the pod of tasks"),
    ]  # fmt: skip
    for more, who in cases:
        problems = refusal({**level, "values": more})
        assert all(one.startswith("values.") for one in problems)
        assert all(who in one for one in problems), problems
        rendering("production", {"values": more})
    rendering("production", {**level, "values": {"scheduler": {"extraContainers": [good]}}})


def test_openshift_binds_the_account_that_the_chart_leaves_out() -> None:
    made = rendering("production", {"environment.openshift": True})
    assert values(made)["rbac"] == {"createSCCRoleBinding": True}
    binding = yaml.safe_load(made.tree.by_logical("secrets/scc-pgbouncer").text)
    assert [one["name"] for one in binding["subjects"]] == ["airflow-pgbouncer"]
    without = {"environment.openshift": True, "database.pgbouncer.mode": "off"}
    assert not [one for one in rendering("production", without).tree if "scc" in one]


def test_services_and_tasks_are_placed_apart() -> None:
    schedule = {
        "services": {"node_selector": {"pool": "airflow"}, "spread": "zones"},
        "tasks": {
            "tolerations": [{"key": "spot", "value": "true", "effect": "NoExecute", "seconds": 9}],
            "priority_class": "low",
        },
    }
    both: dict[str, object] = {
        "executor.kind": "CeleryExecutor,KubernetesExecutor",
        "components.schedule": schedule,
        "components.pod_labels": {"azure.workload.identity/use": "true"},
        "components.service_account.annotations": {"iam.example/role": "arn:aws:x"},
    }
    found = values(rendering("production", both))
    assert found["scheduler"]["nodeSelector"] == {"pool": "airflow"}
    [spread] = found["scheduler"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"]["component"] == "scheduler"
    taint = {"key": "spot", "operator": "Equal", "value": "true", "effect": "NoExecute",
             "tolerationSeconds": 9}  # fmt: skip
    for kind in ("celery", "kubernetes"):
        own = found["workers"][kind]
        assert own["tolerations"] == [taint]
        assert own["priorityClassName"] == "low"
        assert "nodeSelector" not in own
        assert own["labels"] == {"azure.workload.identity/use": "true"}
    # A group for all at the top would be the workers' too.
    assert "nodeSelector" not in found
    for key in ("apiServer", "scheduler", "dagProcessor", "triggerer", "migrateDatabaseJob"):
        assert found[key]["serviceAccount"]["annotations"] == {"iam.example/role": "arn:aws:x"}
    assert "serviceAccount" not in found["redis"]
    assert "cleanup" not in found
    for chart in ("1.19.0", "1.20.0", "1.21.0"):
        old = rendering(
            "production",
            {**both, **KUBERNETES, "installation.chart": chart, "installation.airflow": "3.1.7"},
        )
        assert not [str(one) for one in findings(old) if one.is_error]
