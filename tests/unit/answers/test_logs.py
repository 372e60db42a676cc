"""Logs: what each place of task logs sets, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.rendered import answers, filled, findings, objections, rendering, values
from wizard.answers.explain import find_explanations
from wizard.answers.files import apply_assignments, validate_answers
from wizard.answers.model import Answers
from wizard.answers.moved import describe_moved_keys
from wizard.plan.render import Rendering
from wizard.secrets.facts import Encoding, Fact, FactUse
from wizard.secrets.generation import find_value_problem

S3: dict[str, object] = {"logs.kind": "remote", "logs.url": "s3://example-logs/prod"}
GCS: dict[str, object] = {
    "logs.kind": "remote", "logs.destination": "gcs", "logs.url": "gs://example-logs",
}  # fmt: skip
AZURE: dict[str, object] = {
    "logs.kind": "remote", "logs.destination": "azure",
    "logs.url": "wasb://logs@example.blob.core.windows.net/wasb-prod",
}  # fmt: skip
SEARCH: dict[str, object] = {
    "logs.kind": "remote", "logs.url": "https://search.example.internal:9243",
    "logs.user": "logs@example",
}  # fmt: skip
ELASTICSEARCH: dict[str, object] = {**SEARCH, "logs.destination": "elasticsearch"}
# The official image does not have its provider.
OPENSEARCH: dict[str, object] = {
    **SEARCH, "logs.destination": "opensearch",
    "installation.image": {"repository": "registry.example.com/airflow", "tag": "3.2.2-r1"},
}  # fmt: skip
IDENTITY: dict[str, object] = {"logs.auth": "identity"}
AIRFLOW_2: dict[str, object] = {"installation.airflow": "2.11.0"}
POLICIES: dict[str, object] = {"environment.network_policies": True}
CONNECTION = "AIRFLOW_CONN_AIRFLOW_LOGS"
TASKS: dict[str, object] = {"executor.kind": "KubernetesExecutor"}


def configured(changes: dict[str, object], section: str = "logging") -> Any:
    return values(rendering("production", changes))["config"].get(section, {})


def variables(made: Rendering) -> dict[str, dict[str, Any]]:
    """The variables of single components, by the chart's key and by name."""
    found = values(made)
    keys = ("apiServer", "webserver", "scheduler", "dagProcessor", "triggerer")
    parts = {key: found.get(key, {}) for key in keys}
    parts |= {kind: found.get("workers", {}).get(kind, {}) for kind in ("celery", "kubernetes")}
    return {
        key: {item["name"]: item for item in part["env"]}
        for key, part in parts.items()
        if part.get("env")
    }


def egress(changes: dict[str, object]) -> dict[str, Any]:
    made = rendering("production", {**changes, **POLICIES})
    return dict(yaml.safe_load(made.tree.by_logical("secrets/egress-task-logs").text)["spec"])


def test_logs_stay_in_the_pods_unless_asked() -> None:
    made = rendering("production")
    assert "logs" not in values(made)
    assert "logging" not in values(made)["config"]
    assert "## Task logs" not in made.tree.by_logical("runbook").text


def test_a_volume_is_new_or_the_one_of_others() -> None:
    new = {"logs.kind": "volume", "logs.size": "70Gi", "logs.storage_class": "nfs"}
    persistence = values(rendering("production", new))["logs"]["persistence"]
    # The delivery keeps the claim when these answers change.
    assert "Prune=false" in persistence.pop("annotations").values()
    assert persistence == {"enabled": True, "size": "70Gi", "storageClassName": "nfs"}
    found = validate_answers(filled("production", {**new, "logs.existing_claim": "shared"}))
    assert [line.split(" is ignored")[0] for line in found.warnings] == [
        "logs.size", "logs.storage_class",
    ]  # fmt: skip
    claim = values(rendering("production", {**new, "logs.existing_claim": "shared"}))
    assert claim["logs"]["persistence"] == {"enabled": True, "existingClaim": "shared"}


@pytest.mark.parametrize("airflow", ["2.11.0", "3.2.2"])
def test_a_bucket_has_a_connection_from_the_store(airflow: str) -> None:
    made = rendering("production", {**S3, "installation.airflow": airflow})
    assert values(made)["config"]["logging"] == {
        "remote_logging": "True", "remote_base_log_folder": "s3://example-logs/prod",
        "remote_log_conn_id": "airflow_logs",
    }  # fmt: skip
    ref = {"secretKeyRef": {"name": "airflow-logs-connection", "key": "connection"}}
    web = "webserver" if airflow.startswith("2.") else "apiServer"
    found = variables(made)
    assert set(found) == {web, "triggerer", "celery"}
    for one in found.values():
        assert one[CONNECTION] == {"name": CONNECTION, "valueFrom": ref}
    assert "{{ .logsConnection }}" in made.tree.by_logical("secrets/airflow-logs-connection").text
    assert "s3://example-logs/prod" in made.tree.by_logical("runbook").text
    assert not [str(one) for one in findings(made) if one.is_error]


def test_a_workload_identity_needs_no_secret() -> None:
    for changes in (S3, GCS):
        made = rendering("production", {**changes, **IDENTITY})
        assert "remote_log_conn_id" not in values(made)["config"]["logging"]
        assert not variables(made)
        assert "logsConnection" not in str([file.text for file in made.tree.values()])
    made = rendering("production", {**AZURE, **IDENTITY})
    assert values(made)["config"]["azure_remote_logging"] == {"remote_wasb_log_container": "logs"}
    assert values(made)["config"]["logging"] == {
        "remote_logging": "True", "remote_base_log_folder": "wasb-prod",
        "remote_log_conn_id": "airflow_logs",
    }  # fmt: skip
    for found in variables(made).values():
        connection = json.loads(found[CONNECTION]["value"])
        assert connection == {
            "conn_type": "wasb", "host": "https://example.blob.core.windows.net",
        }  # fmt: skip
    assert not [str(one) for one in findings(made) if one.is_error]


MINIO: dict[str, object] = {
    **S3, "logs.endpoint": "minio.example.internal:9000", "logs.ca.file": "ca.pem",
}  # fmt: skip
CA_FILE = "/etc/airflow-logs-ca/ca.crt"


def test_a_server_like_s3_is_verified_by_a_ca_of_ones_own() -> None:
    made = rendering("production", {**MINIO, **POLICIES})
    found = values(made)
    [mount] = [one for one in found["volumeMounts"] if one["name"] == "logs-ca"]
    assert f"{mount['mountPath']}/ca.crt" == CA_FILE
    [volume] = [one for one in found["volumes"] if one["name"] == "logs-ca"]
    written = yaml.safe_load(made.tree.by_logical("secrets/logs-ca").text)
    assert volume["configMap"]["name"] == written["metadata"]["name"]
    assert "BEGIN CERTIFICATE" in written["data"]["ca.crt"]
    # The other clients of AWS in the pods keep what they trust.
    assert "AWS_CA_BUNDLE" not in made.tree.by_logical("values").text
    assert f"`verify` is `{CA_FILE}`" in made.tree.by_logical("runbook").text
    assert not [str(one) for one in findings(made) if one.is_error]
    own = values(rendering("production", {**MINIO, **IDENTITY}))
    assert own["config"]["logging"]["remote_log_conn_id"] == "airflow_logs"
    for env in variables(rendering("production", {**MINIO, **IDENTITY})).values():
        assert json.loads(env[CONNECTION]["value"])["extra"] == {
            "endpoint_url": "https://minio.example.internal:9000", "verify": CA_FILE,
        }  # fmt: skip
    # Without it, Airflow would write to AWS itself.
    public = {**MINIO, **IDENTITY, "logs.ca.file": ""}
    for env in variables(rendering("production", public)).values():
        assert json.loads(env[CONNECTION]["value"])["extra"] == {
            "endpoint_url": "https://minio.example.internal:9000"
        }
    other = rendering("production", {**GCS, **IDENTITY, "logs.endpoint": "gcs.example:443"})
    assert not variables(other)


# What W stands for is secret.
CONNECTIONS = [
    ("aws://W:W@/?verify=%2Fetc%2Fairflow-logs-ca%2Fca.crt&endpoint_url=https%3A%2F%2Fh", ""),
    ("aws://W:W@/?__extra__=%7B%22verify%22%3A+%22%2Fetc%2Fairflow-logs-ca%2Fca.crt%22%7D", ""),
    (json.dumps({"conn_type": "aws", "password": "W", "extra": {"verify": CA_FILE}}), ""),
    (json.dumps({"conn_type": "aws", "extra": json.dumps({"verify": CA_FILE})}), ""),
    ("aws://W:W@/?endpoint_url=https%3A%2F%2Fh", "has no extra verify=/etc/airflow-logs-ca"),
    ("aws://W:W@/?verify=False", "has no extra verify"),
    (json.dumps({"conn_type": "aws", "extra": {"verify": False}}), "has no extra verify"),
    (json.dumps({"conn_type": "aws", "password": "W"}), "has no extra verify"),
    ('{"conn_type": "aws", "password": "W"', "is not an Airflow connection"),
    (json.dumps({"conn_type": "aws", "extra": "W"}), "is not an Airflow connection"),
    ("W", "is not an Airflow connection"),
    ("aws://[W", "is not an Airflow connection"),
]


def connection_fact(changes: dict[str, object]) -> Fact:
    made = rendering("production", changes)
    parts = [use for one in made.total.secrets for keys in one.keys.values() for use in keys]
    parts += [use for one in made.total.needed for use in one.content]
    facts = {one.fact for one in parts if isinstance(one, FactUse)}
    [found] = [one for one in facts if one.key == "logsConnection"]
    return found


def test_the_connection_must_name_the_ca() -> None:
    mark = "Kz9" + "qW3x"
    for changes in (MINIO, {**MINIO, "secrets.store": "existing"}):
        fact = connection_fact(changes)
        for connection, says in CONNECTIONS:
            problem = find_value_problem(fact, connection.replace("W", mark))
            assert bool(problem) == bool(says), connection
            assert says in problem
            assert mark not in problem
    assert not any(find_value_problem(connection_fact(S3), one) for one, _ in CONNECTIONS)


def test_only_a_server_of_ones_own_is_asked_for_its_ca() -> None:
    for changes in ({**S3, "logs.ca.file": "ca.pem"}, {**MINIO, **GCS}, {**MINIO, **AZURE}):
        found = validate_answers(filled("production", changes))
        assert "logs.ca.file" in [line.split(" is ignored")[0] for line in found.warnings]
        assert "logs-ca" not in str(values(rendering("production", changes)))


def test_elasticsearch_reads_its_login_from_the_address() -> None:
    made = rendering("production", {**ELASTICSEARCH, "logs.ca.file": "ca.pem"})
    found = values(made)
    assert found["elasticsearch"] == {"enabled": True, "secretName": "airflow-elasticsearch"}
    assert found["config"]["elasticsearch"] == {"json_format": "True", "write_stdout": "True"}
    path = found["config"]["elasticsearch_configs"]["ca_certs"]
    [mount] = [one for one in found["volumeMounts"] if one["name"] == "logs-ca"]
    assert path == f"{mount['mountPath']}/ca.crt"
    [spec] = [one for one in made.total.secrets if one.name == "airflow-elasticsearch"]
    start, use, end = spec.keys["connection"]
    assert (start, end) == ("https://logs%40example:", "@search.example.internal:9243")
    assert isinstance(use, FactUse)
    assert use.encoding is Encoding.URL
    assert not [str(one) for one in findings(made) if one.is_error]


def test_opensearch_verifies_the_server_and_takes_its_login_from_variables() -> None:
    made = rendering("production", {**OPENSEARCH, "logs.writer": "airflow"})
    config = values(made)["config"]
    assert config["opensearch"] == {"json_format": "True", "write_to_os": "True", "port": 9243}
    assert config["opensearch_configs"] == {
        "use_ssl": "True", "verify_certs": "True", "ssl_assert_hostname": "",
        "ca_certs": "/etc/ssl/certs/ca-certificates.crt",
    }  # fmt: skip
    for found in variables(made).values():
        assert found["AIRFLOW__OPENSEARCH__USERNAME"]["value"] == "logs@example"
        ref = found["AIRFLOW__OPENSEARCH__PASSWORD"]["valueFrom"]["secretKeyRef"]
        assert ref == {"name": "airflow-opensearch", "key": "password"}
    assert not [str(one) for one in findings(made) if one.is_error]


def test_only_those_who_write_or_show_logs_may_reach_them() -> None:
    port = {"ports": [{"protocol": "TCP", "port": 9243}]}
    cases: list[tuple[dict[str, object], list[str]]] = [
        ({}, ["api-server", "triggerer", "worker"]),
        (TASKS, ["api-server", "triggerer", "worker"]),
        (AIRFLOW_2, ["triggerer", "webserver", "worker"]),
        ({"executor.kind": "LocalExecutor"}, ["api-server", "scheduler", "triggerer"]),
    ]
    for changes, labels in cases:
        spec = egress({**ELASTICSEARCH, **changes})
        assert spec["egress"] == [port]
        [chosen] = spec["podSelector"]["matchExpressions"]
        assert chosen["values"] == labels
    own = egress({**S3, "logs.endpoint": "minio.example.internal:9000"})
    assert own["egress"] == [{"ports": [{"protocol": "TCP", "port": 9000}]}]


def test_the_image_has_the_provider() -> None:
    image: dict[str, object] = {
        "installation.image.repository": "registry.example.com/airflow",
        "installation.image.tag": "r1",
    }
    plain, with_logs = (
        rendering("production", {**image, **more}).tree.by_logical("image/requirements").text
        for more in ({}, AZURE)
    )
    assert "apache-airflow-providers-microsoft-azure\n" in with_logs
    # What the user adds below the last line merges with a change of the answers.
    assert with_logs.endswith(plain)


def test_the_groomers_are_those_of_the_executor() -> None:
    def groomers(changes: dict[str, object]) -> dict[str, Any]:
        found = values(rendering("production", changes))
        parts = {key: found.get(key, {}) for key in ("scheduler", "dagProcessor", "triggerer")}
        parts["worker"] = found.get("workers", {}).get("celery", {})
        return {
            key: part["logGroomerSidecar"]
            for key, part in parts.items()
            if "logGroomerSidecar" in part
        }

    assert groomers({}) == {}
    everywhere = ("scheduler", "dagProcessor", "triggerer", "worker")
    off = {key: {"enabled": False} for key in everywhere}
    assert groomers({"logs.groomer.enabled": False}) == off
    days = {key: {"retentionDays": 3} for key in everywhere[:3]}
    assert groomers({"logs.groomer.days": 3, **TASKS}) == days


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"logs.kind": "remote"}, "logs.url", "is required"),
        ({**S3, "logs.url": "gs://example-logs"}, "logs.url", "s3://"),
        ({**AZURE, "logs.url": "wasb://logs@example.blob.core.windows.net/prod"}, "logs.url",
         "begin with wasb"),
        ({**AZURE, "logs.url": "wasb://logs@example.blob.core.windows.net"}, "logs.url",
         "begin with wasb"),
        ({**ELASTICSEARCH, "logs.user": ""}, "logs.user", "is required"),
        ({**OPENSEARCH, "logs.url": "https://search.example.internal/path"}, "logs.url",
         "without a path"),
        ({**OPENSEARCH, **AIRFLOW_2}, "logs.destination", "elasticsearch"),
        ({**ELASTICSEARCH, "logs.writer": "airflow", **AIRFLOW_2}, "logs.writer", "shipper"),
        ({**OPENSEARCH, "logs.writer": "airflow", "installation.airflow": "3.1.8",
          "installation.chart": "1.20.0"}, "logs.writer", "3.2.0"),
        ({**S3, "logs.connection": {"generate": True}}, "logs.connection", "cannot be generated"),
        ({**S3, "environment.variables": {CONNECTION: "x"}}, f"environment.variables.{CONNECTION}",
         "logs.connection"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_by_its_key(
    changes: dict[str, object], key: str, words: str
) -> None:
    [problem] = validate_answers(filled("production", changes)).problems
    assert problem.key == key
    assert words in problem.message


@pytest.mark.parametrize("preset", ["local", "production"])
def test_a_login_that_others_issue_is_given_never_generated(preset: str) -> None:
    def refused(reference: dict[str, object]) -> list[str]:
        found = objections(preset, {**S3, "logs.connection": reference})
        return [one for one in found if one.startswith("logs.")]

    assert refused({"prompt": True}) == refused({"env": "LOGS_CONNECTION"}) == []
    [text] = refused({"generate": True})
    assert "logs.auth identity" in text
    # Without an answer, the value is asked for: it is not generated with the others.
    assert answers(preset, S3).logs.connection.kind != "generate"


def test_task_pods_without_another_place_are_warned_about() -> None:
    def warned(changes: dict[str, object]) -> list[str]:
        found = findings(rendering("production", {**TASKS, **changes}))
        return [str(one.fix.question) for one in found if one.rule == "configuration.task-logs"]

    assert warned({}) == ["logs.kind"]
    volume: dict[str, object] = {"logs.kind": "volume"}
    for changes in (S3, AZURE, ELASTICSEARCH, volume):
        assert warned(changes) == []


def test_secrets_of_others_take_the_place_of_ours() -> None:
    others: dict[str, object] = {"secrets.store": "existing"}
    made = rendering("production", {
        **S3, **others, "secrets.existing.logs_connection": {"name": "logs", "key": "uri"},
    })  # fmt: skip
    for found in variables(made).values():
        ref = found[CONNECTION]["valueFrom"]["secretKeyRef"]
        assert ref == {"name": "logs", "key": "uri"}
    made = rendering("production", {
        **OPENSEARCH, **others, "secrets.existing.opensearch": {"name": "logs", "password": "pw"},
    })  # fmt: skip
    assert values(made)["opensearch"]["secretName"] == "logs"
    assert {(one.secret, one.key) for one in made.total.needed if one.secret == "logs"} == {
        ("logs", "connection"), ("logs", "pw"),
    }  # fmt: skip
    assert not [str(one) for one in findings(made) if one.is_error]


OLD: dict[str, object] = {
    "components.logs.persistence": True, "components.logs.size": "70Gi",
    "components.logs.storage_class": "nfs",
}  # fmt: skip


def test_the_old_keys_are_read_and_moved() -> None:
    moved = answers("production", OLD).logs
    assert (moved.kind, moved.size, moved.storage_class) == ("volume", "70Gi", "nfs")
    assert answers("production", {"components.logs.persistence": False}).logs.kind == "pod"
    [problem] = validate_answers(filled("production", {**OLD, "logs.kind": "remote"})).problems
    assert problem.key == "components.logs.persistence"
    assert "logs.kind" in problem.message
    [problem] = validate_answers(filled("production", {"components.logs.size": "a"})).problems
    assert problem.key == "logs.size"


def test_set_takes_the_old_keys() -> None:
    data = apply_assignments(
        {"logs": {"kind": "pod"}},
        ["components.logs.persistence=true", "components.logs.size=80Gi"],
    )
    assert data == {"logs": {"kind": "volume", "size": "80Gi"}}


def test_help_and_schema_know_the_old_keys() -> None:
    assert [row.key for row in find_explanations("components.logs.size")] == ["logs.size"]
    assert "logs.kind" in [row.key for row in find_explanations("components.logs")]
    assert next(iter(find_explanations("components"))).key.startswith("components.")
    schema = describe_moved_keys(Answers.model_json_schema(by_alias=True))
    old = schema["$defs"]["Components"]["properties"]["logs"]
    assert set(old["properties"]) == {"persistence", "size", "storage_class"}
    assert old["deprecated"]
    assert old["properties"]["persistence"]["type"] == "boolean"
