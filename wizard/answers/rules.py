"""Rules across sections, for what types cannot express.

Each problem names the key to change and a valid answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from wizard.answers.access_rules import check_access
from wizard.answers.backend_rules import check_backend
from wizard.answers.chart_rules import (
    check_airflow_version,
    check_chart_features,
    check_shared_worker_resources,
)
from wizard.answers.cluster_rules import CLUSTER_RULES
from wizard.answers.dag_rules import (
    check_bundle_certificates,
    check_bundle_users,
    check_git_sync_variables,
)
from wizard.answers.image_rules import check_image
from wizard.answers.log_rules import check_logs
from wizard.answers.login_rules import check_login
from wizard.answers.metric_rules import check_metrics
from wizard.answers.pod_rules import POD_RULES, SYSTEM_NAMESPACES
from wizard.answers.questions import field_spec, field_specs
from wizard.answers.resource_rules import check_limits
from wizard.answers.secret_kinds import NOT_GENERATED
from wizard.deliveries.registry import delivery_kind
from wizard.errors import Problem
from wizard.formats.nested import get_value
from wizard.manifests.postgres import STATS_USER
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from wizard.answers.model import Answers

Rule = Callable[["Answers"], Iterator[Problem]]

_WITH_TEXT = frozenset(("text", "list", "mapping", "secret"))
_VARIABLES = ("environment", "variables")
# Source: chart 1.22.0, enableBuiltInSecretEnvVars, and the variables that sections contribute.
_RESERVED_VARIABLES = {
    "AIRFLOW__CORE__DEFAULT_TIMEZONE": "environment.timezone",
    "AIRFLOW_CONN_AIRFLOW_LOGS": "logs.connection",
    **dict.fromkeys(
        (
            "AIRFLOW__CORE__FERNET_KEY",
            "AIRFLOW__CORE__SQL_ALCHEMY_CONN",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            "AIRFLOW_CONN_AIRFLOW_DB",
            "AIRFLOW__API__SECRET_KEY",
            "AIRFLOW__API_AUTH__JWT_SECRET",
            "AIRFLOW__WEBSERVER__SECRET_KEY",
            "AIRFLOW__CELERY__CELERY_RESULT_BACKEND",
            "AIRFLOW__CELERY__RESULT_BACKEND",
            "AIRFLOW__CELERY__BROKER_URL",
        ),
        "the chart, from a Secret,",
    ),
}


def check_hybrid_executors(answers: Answers) -> Iterator[Problem]:
    """Report a hybrid executor with Airflow 3, which removed it; the chart still renders it."""
    kind = answers.executor.kind
    new = {"CeleryKubernetesExecutor": "CeleryExecutor", "LocalKubernetesExecutor": "LocalExecutor"}
    if kind in new and answers.installation.airflow_version >= (3, 0, 0):
        yield Problem(
            "executor.kind",
            f"Airflow 3 removed {kind}: use {new[kind]},KubernetesExecutor",
        )


def check_worker_replicas(answers: Answers) -> Iterator[Problem]:
    """Report an autoscaler with a minimum above its maximum, and an HPA with a minimum of 0."""
    workers = answers.executor.workers
    if workers.autoscaling == "none" or "Celery" not in answers.executor.kind:
        return
    if workers.min_replicas > workers.max_replicas:
        yield Problem(
            "executor.workers.min_replicas", f"use at most max_replicas ({workers.max_replicas})"
        )
    if workers.autoscaling == "hpa" and workers.min_replicas < 1:
        yield Problem("executor.workers.min_replicas", "use 1 or more: an HPA cannot scale to 0")


def check_local_only_choices(answers: Answers) -> Iterator[Problem]:
    """Report the bundled PostgreSQL outside a local cluster, and a store that lets none in.

    Source on Entra ID: Microsoft's documentation on workload identity federation.
    """
    local = delivery_kind(answers.delivery.kind).local
    if answers.database.kind == "bundled" and not local:
        yield Problem(
            "database.kind", "use external: the bundled PostgreSQL works in local clusters only"
        )
    store = store_kind(answers.secrets.store)
    if local and store.needs_public_issuer:
        yield Problem(
            "secrets.store",
            f"use kubernetes with delivery.kind: {answers.delivery.kind}: {store.title} lets no "
            "local cluster in, because nobody outside can read the issuer of its tokens",
        )


def check_store_choices(answers: Answers) -> Iterator[Problem]:
    """Report choices about the store that only other stores have."""
    own = answers.secrets
    kind = store_kind(own.store)
    if own.scope == "cluster" and not kind.has_cluster_scope:
        yield Problem(
            "secrets.scope", f"use namespace: store {kind.name} has no cluster-wide store object"
        )
    if own.payload == "document" and not kind.has_documents:
        yield Problem("secrets.payload", f"use keys: store {kind.name} holds each value by itself")


def check_extra_secrets(answers: Answers) -> Iterator[Problem]:
    """Report more Secrets from a store that has no values."""
    kind = store_kind(answers.secrets.store)
    if kind.external_secrets or kind.fillable:
        return
    for number, one in enumerate(answers.secrets.extra):
        if one.source == "store":
            yield Problem(
                f"secrets.extra.{number}.from",
                f"use from: existing with store {answers.secrets.store}, and create it yourself",
            )


def check_extra_variables(answers: Answers) -> Iterator[Problem]:
    """Report keys of more Secrets that are variables which Airflow gets from elsewhere."""
    for number, one in enumerate(answers.secrets.extra):
        for key in one.keys if one.env else ():
            if key in _RESERVED_VARIABLES:
                yield Problem(
                    f"secrets.extra.{number}.keys",
                    f"rename {key}, or leave `env` out: every key becomes a variable of that name, "
                    f"and {_RESERVED_VARIABLES[key]} sets this one",
                )


def check_given_values(answers: Answers) -> Iterator[Problem]:
    """Report `generate` for values that another system issues, such as a Git token."""

    for key, instead in NOT_GENERATED.items():
        item = field_spec(key, type(answers))
        if item.applies(answers) and get_value(answers, item.path).kind == "generate":
            yield Problem(key, f"use env, file, prompt or store, {instead}: it cannot be generated")


def check_reserved_namespaces(answers: Answers) -> Iterator[Problem]:
    """Report a namespace of Kubernetes itself: write access there controls the whole cluster."""
    namespace = answers.installation.namespace
    if namespace in SYSTEM_NAMESPACES:
        yield Problem(
            "installation.namespace", f"use a namespace for Airflow only: {namespace} is taken"
        )


def check_kinds(answers: Answers) -> Iterator[Problem]:
    """Apply the rules of the chosen store and of the chosen delivery."""
    store, delivery = store_kind(answers.secrets.store), delivery_kind(answers.delivery.kind)
    for rule in (*delivery.rules, *store.rules):
        yield from rule(answers)


def check_verified_tls(answers: Answers) -> Iterator[Problem]:
    """Report a verifying TLS mode without a CA file.

    Source: in verify modes, libpq does not connect without a root certificate file.
    """
    database = answers.database
    verified = database.kind == "external" and database.sslmode.startswith("verify")
    if verified and not database.ca.file:
        yield Problem(
            "database.ca.file",
            f"set the PEM file of the server's CA: {database.sslmode} requires it",
        )


def check_reserved_variables(answers: Answers) -> Iterator[Problem]:
    """Report variables that are set elsewhere too; server-side apply refuses duplicate names."""
    for name in answers.environment.variables:
        if name in _RESERVED_VARIABLES:
            yield Problem(
                f"environment.variables.{name}",
                f"remove it: {_RESERVED_VARIABLES[name]} sets it",
            )


def check_secret_variables(answers: Answers) -> Iterator[Problem]:
    """Report variables that look secret; they are committed in the answers and the values."""
    if not answers.environment.variables:
        return
    from wizard.secrets import scan

    for name, value in answers.environment.variables.items():
        if name in _RESERVED_VARIABLES:
            continue
        if scan.is_secret(name, value) or any(scan.find_leaks(value)):
            yield Problem(
                f"environment.variables.{name}",
                "remove it: variables are committed unencrypted. Keep it in a Secret of "
                "secrets.extra (env: all), or use an Airflow connection",
            )


def check_secret_answers(answers: Answers) -> Iterator[Problem]:
    """Report answers that contain a secret, such as a token in the URL of a repository.

    Answers are committed. `check_secret_variables` judges the variables, and the checks of the
    tree judge `values`, which appear there.
    """
    from wizard.secrets.scan import find_leaks

    texts = {
        item.key: text
        for item in field_specs(type(answers))
        if item.kind in _WITH_TEXT and item.path != _VARIABLES
        for text in _texts(get_value(answers, item.path))
    }
    if next(find_leaks("\n".join(texts.values()), prose=True), None) is None:
        return
    for key, text in texts.items():
        if leak := next(find_leaks(text, prose=True), None):
            yield Problem(
                key,
                f"remove {leak.what}: answers are committed unencrypted and hold only references "
                "to secrets, such as {env: NAME}. Rotate it if it is real",
            )


def holds_secret(answers: Answers) -> bool:
    """Return whether an answer or a variable contains a secret, so that it must not be shown."""
    problems = (*check_secret_answers(answers), *check_secret_variables(answers))
    return bool(problems)


def _texts(value: object) -> Iterator[str]:
    """Yield what an answer says in text, at any depth."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    if isinstance(plain, str) and plain:
        yield plain
    elif isinstance(plain, Mapping):
        yield "\n".join(text for part in plain.values() for text in _texts(part))
    elif isinstance(plain, (list, tuple)):
        yield "\n".join(text for part in plain for text in _texts(part))


def check_git_variables(answers: Answers) -> Iterator[Problem]:
    """Report variables and connections that could have DAGs cloned from an unverified host."""
    if not answers.environment.variables:
        return
    from wizard.hostkeys.git_connections import refuse_connection
    from wizard.hostkeys.git_environment import has_loose_options, refuse_variable

    for name, value in answers.environment.variables.items():
        refusal = refuse_variable(name, None if "$(" in value else value)
        reason = refusal.message if refusal else ""
        if name.upper().startswith("AIRFLOW_CONN_"):
            reason = refuse_connection(value)
        elif has_loose_options(value):
            reason = "disables the verification of the Git host"
        if reason:
            yield Problem(
                f"environment.variables.{name}",
                f"remove it: {reason}. Pin the host's keys in dags.host_keys",
            )


def check_bundle_version(answers: Answers) -> Iterator[Problem]:
    """Report GitDagBundle with Airflow 2, which does not support it."""
    if answers.dags.source == "bundle" and answers.installation.airflow_version < (3, 0, 0):
        yield Problem("dags.source", "use git-sync: GitDagBundle needs Airflow 3")


def check_pgbouncer_users(answers: Answers) -> Iterator[Problem]:
    """Report users that clash: PgBouncer has one password per user, and we add a console user."""
    database = answers.database
    results = database.result_backend
    if database.kind != "external" or database.pgbouncer.mode != "chart":
        return
    separate = "Celery" in answers.executor.kind and results.kind == "separate"
    users = {"database.user": database.user}
    if separate:
        users["database.result_backend.user"] = results.user
    for key, user in users.items():
        if user == STATS_USER:
            yield Problem(key, f"use a different user: {STATS_USER} is PgBouncer's console user")
    if separate and results.user == database.user:
        yield Problem(
            "database.result_backend.user",
            "use a different user than database.user: PgBouncer has one password per user",
        )


def check_asset_names(answers: Answers) -> Iterator[Problem]:
    """Report different files with the same name, because they are copied to one folder."""
    files = {
        item.key: str(get_value(answers, item.path))
        for item in field_specs(type(answers))
        if item.ask.asset and get_value(answers, item.path)
    }
    for (key, file), (other, name) in combinations(files.items(), 2):
        if _file_name(file) == _file_name(name) and file != name:
            yield Problem(key, f"use a different file name than {other}")


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


RULES: tuple[Rule, ...] = (
    check_airflow_version,
    check_chart_features,
    check_hybrid_executors,
    check_worker_replicas,
    check_local_only_choices,
    check_store_choices,
    check_extra_secrets,
    check_extra_variables,
    check_given_values,
    check_reserved_namespaces,
    check_kinds,
    check_verified_tls,
    check_reserved_variables,
    check_secret_variables,
    check_secret_answers,
    check_git_variables,
    check_shared_worker_resources,
    check_bundle_version,
    check_git_sync_variables,
    check_bundle_certificates,
    check_bundle_users,
    check_image,
    check_pgbouncer_users,
    check_access,
    check_login,
    check_logs,
    check_metrics,
    check_backend,
    check_limits,
    check_asset_names,
    *POD_RULES,
    *CLUSTER_RULES,
)


def find_rule_problems(answers: Answers) -> list[Problem]:
    """Return the problems of all rules, and one for every missing required answer."""

    found = [problem for rule in RULES for problem in rule(answers)]
    for item in field_specs(type(answers)):
        if item.ask.required and item.applies(answers) and is_empty(get_value(answers, item.path)):
            found.append(Problem(item.key, f"is required: {item.help}"))
    return found


def is_empty(value: object) -> bool:
    """Return whether a value does not answer a required question."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value in ([], {})
