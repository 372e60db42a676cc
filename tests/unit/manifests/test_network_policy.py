"""Network policies admit and allow what the values in effect need, and no more."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.rendered import findings, rendering, values

OWN = {"podSelector": {"matchLabels": {"tier": "airflow", "release": "airflow"}}}
INGRESS = {"ingress": {"apiServer": {"enabled": True, "hosts": [{"name": "localhost"}]}}}
EVERYTHING = {
    "config": {
        "secrets": {"backend_kwargs": '{"url": "https://vault.example:8200"}'},
        "metrics": {"statsd_host": "10.0.0.9", "statsd_port": "9125"},
        "api": {"base_url": "https://airflow.example:9443"},
    },
    "elasticsearch": {"enabled": True, "secretName": "airflow-elasticsearch"},
    "env": [
        {"name": "AIRFLOW__CORE__DEFAULT_TIMEZONE", "value": "UTC"},
        {"name": "AIRFLOW_CONN_MSSQL", "value": "mssql://db.example/x"},
        {"name": "AIRFLOW_CONN_JSON", "value": '{"host": "db.example", "port": 3307}'},
        {"name": "OWN", "value": "http://service.airflow.svc:1111 http://short:2222"},
        {"name": "LOOPBACK", "value": "http://127.0.0.1:3333"},
    ],
    "triggerer": {"env": [{"name": "KAFKA", "value": "kafka.example:9094"}]},
}


def egress(changes: dict[str, object]) -> dict[tuple[str, ...], set[tuple[str, int]]]:
    """The ports outside of the namespace, by the components that may use them."""
    found: dict[tuple[str, ...], set[tuple[str, int]]] = {}
    for file in rendering("production", changes).tree.values():
        if not file.logical.startswith("secrets/egress"):
            continue
        spec: Any = yaml.safe_load(file.text)["spec"]
        assert spec["podSelector"]["matchLabels"]["release"] == "airflow"
        assert spec["policyTypes"] == ["Egress"]
        one = spec["podSelector"]["matchLabels"].get("component")
        several = spec["podSelector"].get("matchExpressions", [{"values": []}])[0]["values"]
        ports = {
            (port["protocol"], port["port"])
            for rule in spec["egress"]
            for port in rule.get("ports", [])
        }
        found.setdefault(tuple([one] if one else several), set()).update(ports)
    return found


COMMON = {("UDP", 53), ("TCP", 53), ("TCP", 443), ("TCP", 6443)}
POOLED = ("pgbouncer", "run-airflow-migrations")
POSTGRES = ("TCP", 5432)
TCP_9999 = {"protocol": "TCP", "port": 9999}


def test_only_the_pooler_and_the_migrations_reach_the_database_behind_pgbouncer() -> None:
    found = egress({})
    assert found[()] == COMMON
    assert found[POOLED] == {POSTGRES}
    assert found["dag-processor", "triggerer", "worker"] == {("TCP", 22)}
    assert len(found) == 3


def test_everything_reaches_the_database_without_a_pooler() -> None:
    assert egress({"database.pgbouncer": {"mode": "off"}})[()] == {*COMMON, POSTGRES}


def test_only_the_migrations_pass_a_pooler_of_ones_own() -> None:
    found = egress({"database.pgbouncer": {"mode": "external", "host": "pool.example"}})
    assert found["run-airflow-migrations",] == {POSTGRES}
    assert found[()] == {*COMMON, ("TCP", 6432)}


def test_openshift_answers_names_at_a_port_of_its_own() -> None:
    dns = {("UDP", 5353), ("TCP", 5353)}
    changes: dict[str, object] = {"environment.openshift": True}
    assert egress(changes)[()] == {*COMMON, *dns}
    isolated = {**changes, "environment.isolate_database": True}
    assert dns <= egress(isolated)["worker",]


def test_local_tasks_run_in_the_scheduler() -> None:
    wanted = [{"port": 1433, "host": "mssql.example"}, {"port": 3306}]
    found = egress({"executor.kind": "LocalExecutor", "environment.egress": wanted})
    assert found["scheduler", "triggerer"] == {("TCP", 1433), ("TCP", 3306)}


def test_a_network_is_the_only_place_where_its_port_is_open() -> None:
    wanted = [
        {"port": 1433, "cidr": "10.20.0.0/16"},
        {"port": 1433, "cidr": "fd00:20::/32"},
        {"port": 3306, "host": "mysql.example"},
        {"port": 9999, "cidr": "10.30.0.0/16", "components": "all"},
        {"port": 443, "cidr": "10.40.0.0/16", "components": "worker"},
    ]
    tree = rendering("production", {"environment.egress": wanted}).tree
    own = tree.by_logical("secrets/egress-answers-tasks")
    assert yaml.safe_load(own.text)["spec"]["egress"] == [
        {"ports": [{"protocol": "TCP", "port": 3306}]},
        {
            "to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}, {"ipBlock": {"cidr": "fd00:20::/32"}}],
            "ports": [{"protocol": "TCP", "port": 1433}],
        },
    ]
    header = own.text.partition("apiVersion")[0]
    assert "these ports on any host, or in the network that is named:" in header
    assert "# 1433/TCP in 10.20.0.0/16\n" in header
    assert "# 3306/TCP\n" in header
    only = rendering("production", {"environment.egress": wanted[:2]}).tree
    header = only.by_logical("secrets/egress-answers-tasks").text.partition("apiVersion")[0]
    assert "these ports in the network that is named:\n# 1433/TCP in 10.20.0.0/16\n" in header
    assert "any host" not in header
    common = tree.by_logical("secrets/egress")
    network = {"to": [{"ipBlock": {"cidr": "10.30.0.0/16"}}], "ports": [TCP_9999]}
    assert network in yaml.safe_load(common.text)["spec"]["egress"]
    assert {"ports": [TCP_9999]} not in yaml.safe_load(common.text)["spec"]["egress"]
    assert "9999/TCP in 10.30.0.0/16: answers: all" in common.text
    # 443 is open to any host already, so a network of it would say nothing.
    assert "secrets/egress-answers-worker" not in {file.logical for file in tree.values()}


def test_a_port_that_is_open_anywhere_needs_no_network() -> None:
    wanted = [{"port": 1433, "cidr": "10.20.0.0/16"}, {"port": 1433}]
    tree = rendering("production", {"environment.egress": wanted}).tree
    spec = yaml.safe_load(tree.by_logical("secrets/egress-answers-tasks").text)["spec"]
    assert spec["egress"] == [{"ports": [{"protocol": "TCP", "port": 1433}]}]


def test_a_rule_has_a_host_or_a_network() -> None:
    both = {"port": 1, "host": "a.example", "cidr": "10.0.0.0/8"}
    for wrong, said in (
        (both, "host or cidr, not both"),
        ({"port": 1, "cidr": "10.0.0.1/8"}, "without host bits"),
        ({"port": 1, "cidr": "::ffff:10.0.0.0/104"}, r"10\.0\.0\.0/8"),
        ({"port": 1, "cidr": "fe80::%eth0/64"}, "without a zone"),
        ({"port": 1, "cidr": "{{ .Values.x }}"}, "give a network"),
        ({"port": 1, "cidr": "sql.example"}, "give a network"),
        ({"port": 1, "cidr": ""}, "give a network"),
    ):
        with pytest.raises(AssertionError, match=rf"environment\.egress\.0\.cidr.*{said}"):
            rendering("production", {"environment.egress": [wrong]})


def test_a_port_is_for_the_components_that_are_named() -> None:
    wanted = [
        {"port": 389, "components": "api-server"},
        {"port": 9999, "components": ["all"]},
        {"port": 5000, "components": ["worker", "triggerer"]},
    ]
    found = egress({"environment.egress": wanted})
    assert found["api-server",] == {("TCP", 389)}
    assert ("TCP", 9999) in found[()]
    assert found["triggerer", "worker"] == {("TCP", 5000)}


def test_addresses_in_the_configuration_get_their_ports() -> None:
    found = egress({"values": EVERYTHING})
    assert found[()] == {
        *COMMON,
        ("TCP", 8200),
        ("UDP", 9125),
        ("TCP", 1433),
        ("TCP", 3307),
    }
    assert found["triggerer",] == {("TCP", 9094)}
    assert found["api-server", "triggerer", "worker"] == {("TCP", 9200)}


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
@pytest.mark.parametrize(
    ("executor", "users"),
    [
        ("CeleryExecutor", ("api-server", "triggerer", "worker")),
        ("LocalExecutor", ("api-server", "scheduler", "triggerer")),
    ],
)
def test_only_those_who_show_or_write_logs_reach_their_store(
    engine: str, executor: str, users: tuple[str, ...]
) -> None:
    """By the questions and by values alike."""
    asked = {
        "logs.kind": "remote",
        "logs.destination": engine,
        "logs.url": "https://logs.example.internal:9243",
        "logs.user": "airflow",
        # The official one lacks the provider of OpenSearch.
        "installation.image": {"repository": "registry.example.com/airflow", "tag": "r1"},
    }
    given = {
        "values": {engine: {"enabled": True, "secretName": "s"}},
        "secrets.extra": [{"name": "s", "from": "existing"}],
    }
    for changes, port in ((asked, 9243), (given, 9200)):
        found = egress({"executor.kind": executor, **changes})
        assert {key for key, ports in found.items() if ("TCP", port) in ports} == {users}
        assert port == 9200 or ("TCP", 9200) not in set().union(*found.values())
    bucket = {"logs.kind": "remote", "logs.url": "s3://logs/prod"}
    found = egress({"executor.kind": executor, **bucket, **given})
    assert {key for key, ports in found.items() if ("TCP", 9200) in ports} == {users}


def test_no_part_of_an_address_is_in_a_policy() -> None:
    secret = "correct-horse-" + "battery"
    more = {"env": [*EVERYTHING["env"][:1], {"name": "A", "value": f"ftp://u:{secret}@h.example"}]}  # type: ignore[index]
    for file in rendering("production", {"values": more}).tree.values():
        assert not file.logical.startswith("secrets/egress") or secret not in file.text


def test_no_port_is_lost_where_names_begin_alike() -> None:
    """The file of a policy is named after its purpose, which is cut."""
    many = ["api-server", "scheduler", "dag-processor"]
    wanted = [
        {"port": 1111, "components": many},
        {"port": 2222, "components": [*many, "worker"]},
    ]
    found = egress({"environment.egress": wanted})
    assert {("TCP", 1111), ("TCP", 2222)} <= set().union(*found.values())


def test_the_api_server_of_airflow_2_is_the_webserver() -> None:
    wanted = [{"port": 389, "components": "api-server"}]
    changes: dict[str, object] = {"installation.airflow": "2.11.0", "environment.egress": wanted}
    assert egress(changes)["webserver",] == {("TCP", 389)}


@pytest.mark.parametrize("port", ["x", 0, 70000, "1-2", True, None])
def test_a_port_is_a_number(port: object) -> None:
    with pytest.raises(AssertionError, match=r"environment\.egress"):
        rendering("production", {"environment.egress": [{"port": port}]})


def peers(changes: dict[str, object], web: str = "apiServer") -> object:
    made = rendering("production", changes)
    assert "values.network-policy" not in {one.rule for one in findings(made)}
    return values(made)[web]["networkPolicy"]["ingress"]["from"]


def test_an_ingress_is_admitted_from_its_namespace() -> None:
    assert peers({}) == [OWN]
    assert peers({"values": INGRESS}) == [OWN, {"namespaceSelector": {}}]
    labels = {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}
    named: dict[str, object] = {
        "values": INGRESS,
        "access.from_namespace": "ingress-nginx",
    }
    assert peers(named) == [OWN, {"namespaceSelector": labels}]
    # The Ingress of Airflow 2 is another one.
    old: dict[str, object] = {"installation.airflow": "2.11.0"}
    assert peers({**old, "values": INGRESS}, "webserver") == [OWN]
    web = {"ingress": {"web": {"enabled": True}}}
    assert peers({**old, "values": web}, "webserver") == [OWN, {"namespaceSelector": {}}]


def test_a_load_balancer_is_admitted_from_its_networks() -> None:
    service: dict[str, Any] = {"type": "LoadBalancer"}
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in ("0.0.0.0/0", "::/0")]
    assert peers({"values": {"apiServer": {"service": service}}}) == [OWN, *blocks]
    service["loadBalancerSourceRanges"] = ["10.0.0.0/8"]
    near = {"ipBlock": {"cidr": "10.0.0.0/8"}}
    assert peers({"values": {"apiServer": {"service": service}}}) == [OWN, near]


@pytest.mark.parametrize("chart", ["1.22.0", "1.19.0"])
def test_keda_reaches_pgbouncer_from_its_own_namespace(chart: str) -> None:
    changes: dict[str, object] = {
        "executor.workers": {"autoscaling": "keda", "keda_namespace": "scaling"},
        "installation.chart": chart,
    }
    made = rendering("production", changes)
    workers = values(made)["workers"]
    keda = (workers["celery"] if chart == "1.22.0" else workers)["keda"]
    assert keda["namespaceLabels"] == {"kubernetes.io/metadata.name": "scaling"}
    assert "values.network-policy" not in {one.rule for one in findings(made)}
    without = rendering("production", {**changes, "environment.network_policies": False})
    assert "namespaceLabels" not in without.tree.by_logical("values").text
