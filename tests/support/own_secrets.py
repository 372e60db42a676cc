"""Ways to use a Secret of one's own: the values, and what the checks and the chart make of it."""

from __future__ import annotations

from typing import Any

from tests.support.rendered import answers, findings, rendering
from wizard.plan.guarded_keys import refuse_guarded_values

KEY_REF = {"valueFrom": {"secretKeyRef": {"name": "mine", "key": "KEY"}}}
FROM = "- secretRef:\n    name: mine\n"
OPTIONAL = "- secretRef:\n    name: mine\n    optional: true\n"
# The values, the key that a finding must name, and a text that the chart must render.
USES: dict[str, tuple[dict[str, Any], str, str]] = {
    "extraEnv": (
        {"extraEnv": f"- name: MY_KEY\n  valueFrom: {KEY_REF['valueFrom']}\n"},
        "extraEnv",
        "MY_KEY",
    ),
    "component env": (
        {"apiServer": {"env": [{"name": "MY_KEY", **KEY_REF}]}},
        "apiServer.env[0].valueFrom.secretKeyRef",
        "MY_KEY",
    ),
    "extraEnvFrom": ({"extraEnvFrom": FROM}, "extraEnvFrom", "secretRef"),
    "volumes": (
        {
            "volumes": [{"name": "own", "secret": {"secretName": "mine"}}],
            "volumeMounts": [{"name": "own", "mountPath": "/opt/airflow/own"}],
        },
        "volumes[0].secret",
        "/opt/airflow/own",
    ),
    "imagePullSecrets": (
        {"imagePullSecrets": [{"name": "mine"}]},
        "imagePullSecrets[0]",
        "name: mine",
    ),
    "registry": ({"registry": {"secretName": "mine"}}, "registry.secretName", "name: mine"),
    "elasticsearch": (
        {"elasticsearch": {"enabled": True, "secretName": "mine"}},
        "elasticsearch.secretName",
        "name: mine",
    ),
    "opensearch": (
        {"opensearch": {"enabled": True, "secretName": "mine"}},
        "opensearch.secretName",
        "name: mine",
    ),
    "flower": (
        {"flower": {"enabled": True, "secretName": "mine"}},
        "flower.secretName",
        "name: mine",
    ),
    "secret list": (
        {"secret": [{"envName": "MY_KEY", "secretName": "mine", "secretKey": "KEY"}]},
        "secret[0]",
        "MY_KEY",
    ),
}
GREEN: dict[str, tuple[dict[str, Any], str]] = {
    "optional": ({"extraEnvFrom": OPTIONAL}, "optional: true"),
    "extraConfigMaps": (
        {"extraConfigMaps": {"own": {"useHelmHooks": False, "data": "a: b\n"}}},
        "kind: ConfigMap",
    ),
    "extraSecrets": (
        {
            "extraSecrets": {
                "mine": {
                    "useHelmHooks": False,
                    "type": "kubernetes.io/service-account-token",
                    "annotations": {"kubernetes.io/service-account.name": "airflow-worker"},
                }
            },
            "extraEnvFrom": FROM,
        },
        "service-account-token",
    ),
}


KEYTAB: dict[str, Any] = {
    "values": {"kerberos": {"enabled": True}},
    "secrets.extra": [
        {"name": "airflow-kerberos-keytab", "from": "store", "keys": ["kerberos.keytab"]}
    ],
}


def errors(changes: dict[str, Any]) -> list[tuple[str, str]]:
    """Rule and place of the errors in a production installation with these changes."""
    made = rendering("production", changes)
    refuse_guarded_values(answers("production", changes), made, {})
    return [(one.rule, one.where) for one in findings(made) if one.is_error]
