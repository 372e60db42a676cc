"""Secrets known by their name: each kind refused, and everything that only looks like one passed.

Secret-like texts are put together here at run time, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.support.rendered import objections, rendering
from tests.unit.checks.trees import VALUES, good
from wizard.checks.run import inspect_rendering
from wizard.findings import Finding
from wizard.secrets import scan

FERNET = base64.urlsafe_b64encode(bytes((7 * n * n + 31 * n) % 256 for n in range(32))).decode()
WEAK = "hunter2" + "pw"
DSN = base64.b64encode(f"postgresql://u:{WEAK}@db/airflow".encode()).decode()

RED = [
    ("AWS_SECRET_ACCESS_KEY", "kJ8f" + "x9Qz" * 9),
    ("SMTP_PASSWORD", "Tr0ub4dor" + "-and-3"),
    ("CLIENT_SECRET", "Zq"),
    ("AIRFLOW_CONN_X", json.dumps({"conn_type": "http", "password": WEAK})),
    ("AIRFLOW_CONN_X", f"http://ada:{WEAK}@api.example.com"),
    ("AIRFLOW_CONN_X", json.dumps({"conn_type": "http", "extra": json.dumps({"token": WEAK})})),
    ("AIRFLOW_VAR_X", json.dumps([{"api_key": WEAK}])),
    ("STRIPE_API_KEY", "sk_" + "live_" + "4eC39HqLyjWDarjtT1zd"),
    ("HARMLESS", "sk_" + "live_" + "4eC39HqLyjWDarjtT1zd"),
    ("MY_TOKEN", "deadbeef" * 4),
    ("ANYTHING", FERNET),
    ("ANYTHING", DSN),
    ("PGPASSWORD", WEAK),
    ("DB_PASSWORD_2", "123456"),
    ("DB_PASSWORD2", WEAK),
    ("GITHUB_PAT", WEAK),
    ("AIRFLOW__SMTP__SMTP_PASSWORD", WEAK),
    ("apiToken", WEAK),
    ("ENCRYPTIONKEY", WEAK),
    ("DSN", f"host=db user=ada password={WEAK}"),
    ("API_KEY", "<your key>"),
    ("API_TOKEN", "<from-vault>"),
    ("DB_PASSWORD", "change" + "me"),
    ("AIRFLOW_CONN_X", "postgres://ada:<password>@pg/airflow"),
    ("AIRFLOW_CONN_X", f"aws://?aws_secret_access_key={WEAK}"),
    ("WEBHOOK_URL", "https://example.com/?access_token=" + "gh" + "p_" + "a1" * 18),
    ("ODBC", f"Server=db;Uid=ada;Pwd={WEAK};"),
    ("NOTICES", "https://hooks.slack.com/" + "services/T0000AAAA/B0000BBBB/" + "abcdEFGH" * 3),
]
GREEN = [
    ("AIRFLOW__CORE__FERNET_KEY_SECRET_NAME", "airflow-fernet"),
    ("AIRFLOW__SMTP__SMTP_PASSWORD_SECRET", "smtp"),
    ("AIRFLOW__SMTP__SMTP_PASSWORD_CMD", "cat /run/smtp"),
    ("TOKEN_URL", "https://login.example.com/token"),
    ("KEY_PATH", "/etc/airflow/key"),
    ("SECRET_NAME", "db"),
    ("DB_PASSWORD_FILE", "/run/secrets/db"),
    ("DB_PASSWORD", "/run/secrets/db"),
    ("DB_PASSWORD", "$(OTHER)"),
    ("DB_PASSWORD", "{{ .Values.password }}"),
    ("DB_PASSWORD", ""),
    ("API_TOKEN", "${TOKEN}"),
    ("API_TOKEN", "vault:secret/data/app#token"),
    ("MAX_TOKEN", "4096"),
    ("USE_PASSWORD", "true"),
    ("AWS_ACCESS_KEY_ID", "minio"),
    ("PARTITION_KEY", "day"),
    ("OAUTH_CLIENT_ID", "airflow"),
    ("TEAM", "data"),
    ("PWD", "/opt/airflow"),
    ("DSN", "host=db user=ada password=$DB_PASSWORD"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/var/secrets/google.json"),
    ("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"url": "https://vault:8200", "token_path": "/x"}'),
    ("AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID", "aws"),
    ("AIRFLOW_CONN_X", "aws://"),
    ("PRIMARY_KEY", "id"),
    ("COMPASS", "north"),
    ("IMAGE_SHA256", FERNET),
    ("AIRFLOW_CONN_X", "http://api.example.com:8080"),
    ("AIRFLOW_CONN_X", json.dumps({"conn_type": "aws", "extra": {"region": "eu"}})),
]


def refused(name: str, value: str) -> bool:
    return scan.is_secret(name, value) or any(scan.find_leaks(value))


@pytest.mark.parametrize(("name", "value"), RED)
def test_a_secret_variable_is_refused_by_its_key_and_not_echoed(name: str, value: str) -> None:
    found = objections("production", {"environment.variables": {name: value}})

    assert [line.partition(":")[0] for line in found] == [f"environment.variables.{name}"]
    assert "secrets.extra" in found[0]
    assert value not in found[0]


@pytest.mark.parametrize(("name", "value"), GREEN)
def test_what_only_speaks_of_a_secret_passes(name: str, value: str) -> None:
    assert not refused(name, value)
    assert objections("production", {"environment.variables": {name: value}}) == []


def found_in(values: dict[str, Any]) -> list[Finding]:
    made = rendering("production", {"values": values})
    return [one for one in inspect_rendering(made, {p: f.data for p, f in made.tree.items()})
            if one.rule.startswith("secret.")]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"scheduler": {"env": [{"name": "A_TOKEN", "value": WEAK}]}}, "scheduler.env[0].value"),
        ({"extraConfigMaps": {"cfg": {"data": f"password: {WEAK}"}}}, "extraConfigMaps.cfg.data"),
        ({"extraConfigMaps": {"cfg": {"data": f"a: b\n[x]\napi_token = {WEAK}\n"}}},
         "extraConfigMaps.cfg.data"),
        ({"extraEnv": f"- name: DB_PASSWORD\n  value: {WEAK}\n"}, "extraEnv"),
        ({"config": {"smtp": {"smtp_password": WEAK}}}, "config.smtp.smtp_password"),
        ({"config": {"mine": {"api_token": WEAK}}}, "config.mine.api_token"),
        ({"webserver": {"webserverConfig": f"A = dict(client_id='a', client_secret='{WEAK}')\n"}},
         "webserver.webserverConfig"),
        ({"airflowLocalSettings": f"STATE = {{'user': 'a', 'api_token': '{WEAK}'}}\n"},
         "airflowLocalSettings"),
        ({"podTemplate": f"spec:\n  containers:\n    - args: ['--password', '{WEAK}']\n"},
         "podTemplate"),
        ({"workers": {"args": ["x", "--password", WEAK]}}, "workers.args"),
        ({"config": {"kafka": {"jaas": f'a.B required username="u" password="{WEAK}";'}}},
         "config.kafka.jaas"),
        ({"webserver": {"webserverConfig": f"CLIENT_SECRET = '{WEAK}'\n"}},
         "webserver.webserverConfig"),
    ],
)  # fmt: skip
def test_a_secret_in_values_is_found_once(values: dict[str, Any], where: str) -> None:
    found = found_in(values)

    assert [one.where for one in found] == [where]
    assert found[0].severity == "error"
    assert WEAK not in str(found[0])


@pytest.mark.parametrize(
    "values",
    [
        {"secret": [{"envName": "SMTP_PASSWORD", "secretName": "smtp", "secretKey": "password"}]},
        {"extraEnvFrom": "- secretRef:\n    name: smtp\n    optional: true\n"},
        {"webserver": {"webserverConfig": "import os\nA_SECRET = os.environ['A_SECRET']\n"}},
        {"scheduler": {"serviceAccount": {"automountServiceAccountToken": True}}},
        {"airflowPodAnnotations": {"vault.hashicorp.com/agent-inject-token": "x/y"}},
        {"config": {"smtp": {"smtp_user": "ada", "smtp_password_secret": "smtp"}}},
        {"labels": {"team": "data"}},
    ],
)  # fmt: skip
def test_values_that_name_secrets_pass(values: dict[str, Any]) -> None:
    assert found_in(values) == []


def test_what_the_remedy_names_passes_every_check() -> None:
    made = rendering(
        "production",
        {"values": {"extraEnvFrom": "- secretRef:\n    name: x\n    optional: true\n"}},
    )
    found = inspect_rendering(made, {path: file.data for path, file in made.tree.items()})

    assert [str(one) for one in found if one.severity == "error"] == []


def test_a_config_map_by_hand_is_searched_too() -> None:
    case = good()
    case.objects["apps/airflow/more.yaml"] = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"},
        "data": {"db-password": WEAK, "known": "nothing secret"},
    }  # fmt: skip

    found = [one for one in case.run() if one.rule == "secret.literal"]

    assert [(one.path, one.where) for one in found] == [
        ("apps/airflow/more.yaml", "data.db-password")
    ]
    assert VALUES not in {one.path for one in found}
