"""Each place of task logs, as the chart renders it."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import pytest

from tests.integration.helm.test_chart_rendering import manifests, rendered
from tests.support.rendered import rendering
from tests.unit.answers.test_logs import AIRFLOW_2, AZURE, ELASTICSEARCH, IDENTITY, OPENSEARCH, S3
from wizard.manifests.remote_logs import log_users

pytestmark = pytest.mark.integration

CONNECTION = "AIRFLOW_CONN_AIRFLOW_LOGS"
HYBRID = {"executor.kind": "CeleryExecutor,KubernetesExecutor"}
LOCAL = {"executor.kind": "LocalExecutor"}
# The answers, options of airflow.cfg, and the variable of those who write or show logs.
PLACES: dict[str, tuple[dict[str, Any], dict[str, dict[str, str]], str]] = {
    "s3": (
        {**S3, **HYBRID},
        {
            "logging": {
                "remote_logging": "True",
                "remote_base_log_folder": "s3://example-logs/prod",
                "remote_log_conn_id": "airflow_logs",
            }
        },
        CONNECTION,
    ),
    "azure": (
        {**AZURE, **IDENTITY, **HYBRID},
        {
            "logging": {"remote_logging": "True", "remote_base_log_folder": "wasb-prod"},
            "azure_remote_logging": {"remote_wasb_log_container": "logs"},
        },
        CONNECTION,
    ),
    "elasticsearch": (
        {**ELASTICSEARCH, **AIRFLOW_2, "logs.ca.file": "ca.pem"},
        {
            "logging": {"remote_logging": "True"},
            "elasticsearch": {"json_format": "True", "write_stdout": "True"},
            "elasticsearch_configs": {"ca_certs": "/etc/airflow-logs-ca/ca.crt"},
        },
        "AIRFLOW__ELASTICSEARCH__HOST",
    ),
    "opensearch": (
        {**OPENSEARCH, **LOCAL},
        {
            "logging": {"remote_logging": "True"},
            "opensearch": {"port": "9243", "write_stdout": "True"},
            "opensearch_configs": {"verify_certs": "True", "ssl_assert_hostname": ""},
        },
        "AIRFLOW__OPENSEARCH__PASSWORD",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_the_chart_sets_what_airflow_reads(
    name: str, helm: Path, airflow_chart: Path, tmp_path: Path
) -> None:
    changes, options, variable = PLACES[name]
    made = rendering("production", changes)
    found = manifests(rendered(helm, airflow_chart, made, tmp_path))
    assert not [one["metadata"]["name"] for one in found if one["kind"] == "Secret"]
    texts = next(
        one["data"]
        for one in found
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "airflow-config"
    )
    config = configparser.ConfigParser(interpolation=None)
    config.read_string("\n".join(line.strip() for line in texts["airflow.cfg"].splitlines()))
    for section, wanted in options.items():
        assert wanted.items() <= dict(config[section]).items(), section
    pods = {
        one["spec"]["template"]["metadata"]["labels"]["component"]: one["spec"]["template"]["spec"]
        for one in found
        if one["kind"] in {"Deployment", "StatefulSet"}
    }
    if "pod_template_file.yaml" in texts and name != "elasticsearch":
        pods["task"] = manifests(texts["pod_template_file.yaml"])[0]["spec"]
    users = {*log_users(made.release), "task"} & set(pods)
    assert len(users) >= 3
    for component in users:
        names = [one["name"] for one in pods[component]["containers"][0]["env"]]
        assert names.count(variable) == 1, component
    if variable != "AIRFLOW__ELASTICSEARCH__HOST":
        others = [one["name"] for one in pods["dag-processor"]["containers"][0]["env"]]
        assert variable not in others
