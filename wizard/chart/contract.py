"""The chart's Secret contract: the values that name Secrets, and the keys the chart reads in them.

Also lists the values that hold a secret inline; these must not be in Git. Source: templates and
rendered manifests of charts 1.19.0 to 1.22.0 (facts on the chart, section 2 and
secret_contract.json).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from wizard.formats.nested import get_value

Path: TypeAlias = tuple[str | int, ...]
Version: TypeAlias = tuple[int, int, int]

# Components whose pods keep no logs, so none of their containers deletes old ones.
_WITHOUT_LOGS = (("apiServer", "logGroomerSidecar"), ("webserver", "logGroomerSidecar"))
# The key of the metadata Secret with the URL for KEDA, where it does not use Airflow's.
KEDA_KEY = "kedaConnection"
FAB_AUTH_MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
# The chart's defaults for values that are not set, as far as this package depends on them.
CHART_DEFAULTS: Mapping[str, object] = {
    "executor": "CeleryExecutor",
    "redis.enabled": True,
    "postgresql.enabled": True,
    "pgbouncer.enabled": False,
    "flower.enabled": False,
    "elasticsearch.enabled": False,
    "opensearch.enabled": False,
    "dags.gitSync.enabled": False,
    "networkPolicies.enabled": False,
    "migrateDatabaseJob.enabled": True,
    "createUserJob.enabled": True,
    "pgbouncer.metricsExporterSidecar.statsSecretKey": "connection",
    "airflowHome": "/opt/airflow",
    "config.core.auth_manager": FAB_AUTH_MANAGER,
    "apiServer.enabled": True,
    "webserver.enabled": True,
    "scheduler.enabled": True,
    "triggerer.enabled": True,
    "statsd.enabled": True,
    "workers.keda.usePgbouncer": True,
    "ports.apiServer": 8080,
    "ports.airflowUI": 8080,
    "rbac.create": True,
    "allowPodLaunching": True,
    "scheduler.serviceAccount.automountServiceAccountToken": True,
    "dags.gitSync.subPath": "tests/dags",
    **{
        f"{key}.{part}.enabled": True
        for key in ("apiServer", "webserver", "scheduler", "dagProcessor", "triggerer")
        for part in ("waitForMigrations", "logGroomerSidecar")
        if (key, part) not in _WITHOUT_LOGS
    },
}


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One value that names a Secret, or one that makes the chart read a Secret of a fixed name.

    `suffix` is the end of a fixed name. `keys` are the keys the chart reads; all are required.
    `key_from` is a value that renames the only key. `also` is a condition on the values and a key:
    if it is true, the chart reads that key too. The
    chart reads the Secret when `enabled` (a dotted boolean value) is true, with major version
    `airflow` of Airflow, and if `celery`, only with a Celery executor. `unless` names values that
    make the chart ignore the Secret. `random`: if the value is not set, the chart generates a new
    secret at every rendering. `switches` are dotted boolean values: once all of them are false, the
    chart reads no key, although it still creates a Secret without a name.
    """

    value: str
    keys: tuple[str, ...]
    purpose: str
    airflow: Literal["any", "2", "3"] = "any"
    celery: bool = False
    enabled: str = ""
    unless: tuple[str, ...] = ()
    key_from: str = ""
    also: tuple[Callable[[Mapping[str, object]], bool], str] | None = None
    random: bool = False
    switches: tuple[str, ...] = ()
    suffix: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """Return the value's path."""
        return tuple(self.value.split("."))

    def applies(self, values: Mapping[str, object], airflow: Version) -> bool:
        """Return whether the chart reads this Secret with these values and this Airflow version."""
        line = "2" if airflow < (3, 0, 0) else "3"
        return (
            self.airflow in ("any", line)
            and (not self.celery or is_celery(values))
            and (not self.enabled or get_chart_value(values, self.enabled) is True)
            and not any(get_chart_value(values, other) for other in self.unless)
        )

    def keys_read(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """Return the keys the chart reads, with the override of `key_from` applied."""
        other = get_chart_value(values, self.key_from) if self.key_from else None
        found = (other,) if isinstance(other, str) and other else self.keys
        if self.switches and all(get_chart_value(values, one) is False for one in self.switches):
            found = ()
        return (*found, self.also[1]) if self.also and self.also[0](values) else found

    def find_name(self, values: Mapping[str, object], fullname: str) -> str:
        """Return the name of the Secret that the chart reads; "" if no value names one.

        `fullname` is the start of the names of the chart's objects.
        """
        if self.suffix:
            return f"{fullname}-{self.suffix}"
        name = get_chart_value(values, self.value)
        return name if isinstance(name, str) else ""


def needs_keda_connection(values: Mapping[str, object]) -> bool:
    """Return whether all pods get the URL that KEDA reads instead of Airflow's.

    Source: chart 1.22.0, `custom_airflow_environment` in `_helpers.yaml`.
    """
    mysql = get_chart_value(values, "data.metadataConnection.protocol") == "mysql"
    pooled = get_chart_value(values, "pgbouncer.enabled") is True
    workers = ("workers.celery.keda", "workers.keda")
    parts = [
        workers,
        *([("triggerer.keda",)] if get_chart_value(values, "triggerer.enabled") else []),
    ]
    return any(
        _find_switch(values, keda, "enabled")
        and (mysql or (pooled and not _find_switch(values, keda, "usePgbouncer")))
        for keda in parts
    )


def _find_switch(values: Mapping[str, object], keys: Sequence[str], name: str) -> bool:
    """Return the first switch of this name that is set; the earlier keys replace the later."""
    found = (get_chart_value(values, f"{key}.{name}") for key in keys)
    return next((one for one in found if isinstance(one, bool)), False)


def _names_postgresql_user(values: Mapping[str, object]) -> bool:
    return bool(get_chart_value(values, "postgresql.auth.username"))


def _variables(*names: str) -> tuple[str, ...]:
    return tuple(f"enableBuiltInSecretEnvVars.{name}" for name in names)


CONTRACT: tuple[SecretUse, ...] = (
    SecretUse(
        "data.metadataSecretName",
        ("connection",),
        "the metadata database's URL",
        also=(needs_keda_connection, KEDA_KEY),
        switches=_variables("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW_CONN_AIRFLOW_DB"),
    ),
    SecretUse(
        "data.resultBackendSecretName",
        ("connection",),
        "Celery's result backend",
        celery=True,
        switches=_variables("AIRFLOW__CELERY__RESULT_BACKEND"),
    ),
    SecretUse(
        "data.brokerUrlSecretName",
        ("connection",),
        "the broker's URL",
        celery=True,
        random=True,
        switches=_variables("AIRFLOW__CELERY__BROKER_URL"),
    ),
    SecretUse(
        "redis.passwordSecretName",
        ("password",),
        "the password of the chart's Redis",
        enabled="redis.enabled",
        random=True,
    ),
    SecretUse(
        "fernetKeySecretName",
        ("fernet-key",),
        "the key that encrypts connections and variables",
        random=True,
        switches=_variables("AIRFLOW__CORE__FERNET_KEY"),
    ),
    SecretUse(
        "apiSecretKeySecretName",
        ("api-secret-key",),
        "the API server's signing key",
        airflow="3",
        random=True,
        switches=_variables("AIRFLOW__API__SECRET_KEY"),
    ),
    SecretUse(
        "jwtSecretName",
        ("jwt-secret",),
        "the key of the tokens between components",
        airflow="3",
        random=True,
        switches=_variables("AIRFLOW__API_AUTH__JWT_SECRET"),
    ),
    SecretUse(
        "webserverSecretKeySecretName",
        ("webserver-secret-key",),
        "the webserver's signing key",
        airflow="2",
        random=True,
        switches=_variables("AIRFLOW__WEBSERVER__SECRET_KEY"),
    ),
    SecretUse(
        "pgbouncer.configSecretName",
        ("pgbouncer.ini", "users.txt"),
        "PgBouncer's configuration and users",
        enabled="pgbouncer.enabled",
        switches=("pgbouncer.mountConfigSecret",),
    ),
    SecretUse(
        "pgbouncer.metricsExporterSidecar.statsSecretName",
        ("connection",),
        "the metrics exporter's URL",
        enabled="pgbouncer.enabled",
        key_from="pgbouncer.metricsExporterSidecar.statsSecretKey",
    ),
    SecretUse(
        "dags.gitSync.sshKeySecret",
        ("gitSshKey",),
        "the deploy key",
        enabled="dags.gitSync.enabled",
    ),
    SecretUse(
        "dags.gitSync.credentialsSecret",
        ("GIT_SYNC_USERNAME", "GIT_SYNC_PASSWORD", "GITSYNC_USERNAME", "GITSYNC_PASSWORD"),
        "user and token for the DAG repository",
        enabled="dags.gitSync.enabled",
        unless=("dags.gitSync.sshKeySecret", "dags.gitSync.sshKey"),
    ),
    SecretUse(
        "registry.secretName",
        (".dockerconfigjson",),
        "the registry's credentials",
        unless=("imagePullSecrets",),
    ),
    SecretUse(
        "elasticsearch.secretName",
        ("connection",),
        "Elasticsearch's URL",
        enabled="elasticsearch.enabled",
    ),
    SecretUse(
        "opensearch.secretName", ("connection",), "OpenSearch's URL", enabled="opensearch.enabled"
    ),
    SecretUse("flower.secretName", ("basicAuth",), "Flower's login", enabled="flower.enabled"),
    SecretUse(
        "kerberos.enabled",
        ("kerberos.keytab",),
        "the Kerberos keytab",
        enabled="kerberos.enabled",
        unless=("kerberos.keytabBase64Content",),
        suffix="kerberos-keytab",
    ),
    # The contract of the PostgreSQL subchart (Bitnami).
    SecretUse(
        "postgresql.auth.existingSecret",
        ("postgres-password",),
        "the bundled database's passwords",
        enabled="postgresql.enabled",
        also=(_names_postgresql_user, "password"),
    ),
)
PULL_SECRET_KEYS = (".dockerconfigjson",)
TLS_SECRET_KEYS = ("tls.crt", "tls.key")

# Values that put a secret into Git if they are not empty; `*` stands for any name.
INLINE_SECRETS: tuple[str, ...] = (
    "data.metadataConnection.pass",
    "data.resultBackendConnection.pass",
    "data.brokerUrl",
    "fernetKey",
    "apiSecretKey",
    "jwtSecret",
    "webserverSecretKey",
    "redis.password",
    "dags.gitSync.sshKey",
    "registry.connection.pass",
    "createUserJob.defaultUser.password",
    "webserver.defaultUser.password",
    "elasticsearch.connection.pass",
    "opensearch.connection.pass",
    "flower.password",
    "pgbouncer.ssl.key",
    "kerberos.keytabBase64Content",
    "extraSecrets.*.data",
    "extraSecrets.*.stringData",
    "postgresql.auth.password",
    "postgresql.auth.postgresPassword",
    "postgresql.auth.replicationPassword",
)

# Airflow's sensitive options, which it may also read from a command or a secrets backend. True: the
# value is a secret. False: it may contain one, such as a URL with a password; the rules for URLs
# and secrets by shape find those. They are set as `config.<section>.<option>` or as environment
# variable AIRFLOW__<SECTION>__<OPTION>. Source: `sensitive` in config.yml of Airflow 2.11.0 and
# 3.2.2, and in the providers for Celery and OpenSearch.
SENSITIVE_OPTIONS: Mapping[tuple[str, str], bool] = {
    ("api", "secret_key"): True,
    ("api_auth", "jwt_secret"): True,
    ("atlas", "password"): True,
    ("celery", "broker_url"): False,
    ("celery", "flower_basic_auth"): True,
    ("celery", "result_backend"): False,
    ("celery_broker_transport_options", "sentinel_kwargs"): False,
    ("celery_result_backend_transport_options", "sentinel_kwargs"): False,
    ("core", "asset_manager_kwargs"): False,
    ("core", "dataset_manager_kwargs"): False,
    ("core", "fernet_key"): True,
    ("core", "internal_api_secret_key"): True,
    ("database", "sql_alchemy_conn"): False,
    ("database", "sql_alchemy_conn_async"): False,
    ("database", "sql_alchemy_engine_args"): False,
    ("logging", "remote_task_handler_kwargs"): False,
    ("opensearch", "password"): True,
    ("opensearch", "username"): False,
    ("secrets", "backend_kwargs"): False,
    ("sentry", "sentry_dsn"): False,
    ("smtp", "smtp_password"): True,
    ("webserver", "secret_key"): True,
    ("workers", "secrets_backend_kwargs"): False,
}
SECRET_OPTIONS = tuple(option for option, whole in SENSITIVE_OPTIONS.items() if whole)


def get_chart_value(values: Mapping[str, object], dotted: str) -> object:
    """Return a value or the chart's default for it; None if neither is known."""
    return get_chart_value_at(values, tuple(dotted.split(".")))


def get_chart_value_at(values: Mapping[str, object], path: tuple[str, ...]) -> object:
    """Return the same for a path whose parts may contain dots, as keys of labels do."""
    found = get_value(values, path)
    return CHART_DEFAULTS.get(".".join(path)) if found is None else found


def is_celery(values: Mapping[str, object]) -> bool:
    """Return whether Celery is one of the executors."""
    return "Celery" in str(get_chart_value(values, "executor"))


def find_inline_secrets(values: Mapping[str, object]) -> Iterator[Path]:
    """Yield the paths in `values` that hold a secret inline."""
    for dotted in INLINE_SECRETS:
        yield from _find_filled(values, dotted.split("."), ())
    config = values.get("config")
    if isinstance(config, Mapping):
        for section, option in SECRET_OPTIONS:
            yield from _find_filled(config, [section, option], ("config",))


def _find_filled(node: object, parts: Sequence[str], path: Path) -> Iterator[Path]:
    if not parts:
        if not _is_empty(node):
            yield path
        return
    if not isinstance(node, Mapping):
        return
    names = list(node) if parts[0] == "*" else [parts[0]] if parts[0] in node else []
    for name in names:
        yield from _find_filled(node[name], parts[1:], (*path, str(name)))


def _is_empty(value: object) -> bool:
    """Return whether the value is empty or encrypted by SOPS in place."""
    if isinstance(value, str):
        return not value.strip() or value.startswith("ENC[AES256_GCM,")
    return value is None or value == {} or value == []
