"""What makes the chart write each of its own Secrets, and the finding about it in our trees."""

from __future__ import annotations

from typing import Any

from tests.support.canary import MARKER

# By template: the values that make it a Secret, and rule and place of the finding.
MADE: dict[str, tuple[dict[str, Any], str, str]] = {
    "api-secret-key": ({"apiSecretKeySecretName": None}, "values.generated-secret",
                       "apiSecretKeySecretName"),
    "elasticsearch": ({"elasticsearch": {"enabled": True, "connection": {"host": "es"}}},
                      "values.chart-secret", "elasticsearch.enabled"),
    "extra-secrets": ({"extraSecrets": {"mine": {"stringData": f"a: {MARKER}"}}},
                      "secret.inline-value", "extraSecrets.mine.stringData"),
    "fernetkey": ({"fernetKeySecretName": None}, "values.generated-secret",
                  "fernetKeySecretName"),
    "flower": ({"flower": {"enabled": True, "username": "me", "password": MARKER}},
               "secret.inline-value", "flower.password"),
    "git-ssh-key": ({"dags.gitSync.enabled": True, "dags.gitSync.sshKeySecret": None,
                     "dags.gitSync.sshKey": MARKER},
                    "secret.inline-value", "dags.gitSync.sshKey"),
    "jwt": ({"jwtSecretName": None}, "values.generated-secret", "jwtSecretName"),
    "kerberos-keytab": ({"kerberos": {"enabled": True, "keytabBase64Content": MARKER}},
                        "secret.inline-value", "kerberos.keytabBase64Content"),
    "metadata-connection": ({"data.metadataSecretName": None}, "values.metadata-secret",
                            "data.metadataSecretName"),
    "opensearch": ({"opensearch": {"enabled": True, "connection": {"host": "os"}}},
                   "values.chart-secret", "opensearch.enabled"),
    "pgbouncer-certificates": ({"pgbouncer.enabled": True, "pgbouncer.ssl": {"ca": "PEM"}},
                               "values.chart-secret", "pgbouncer.ssl.ca"),
    "pgbouncer-config": ({"pgbouncer.enabled": True}, "values.pgbouncer",
                         "pgbouncer.configSecretName"),
    "pgbouncer-stats": ({"pgbouncer.enabled": True}, "values.pgbouncer",
                        "pgbouncer.metricsExporterSidecar.statsSecretName"),
    "redis": ({"redis.passwordSecretName": None}, "values.generated-secret",
              "redis.passwordSecretName"),
    "registry": ({"registry": {"connection": {"user": "me", "host": "registry.example.com"}}},
                 "values.chart-secret", "registry.connection"),
    "result-backend-connection": (
        {"data.resultBackendConnection": {"user": "me", "pass": "", "host": "pg", "db": "a",
                                          "protocol": "postgresql", "port": 5432,
                                          "sslmode": "disable"}},
        "values.chart-secret", "data.resultBackendConnection"),
    "webserver-secret-key": (
        {"airflowVersion": "2.11.0", "webserverSecretKeySecretName": None},
        "values.generated-secret", "webserverSecretKeySecretName"),
}  # fmt: skip
