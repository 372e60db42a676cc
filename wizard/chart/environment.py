"""The environment of every container that the chart makes, and the value that sets each variable.

Source: the templates of chart 1.22.0; tests/integration/helm/test_environment.py compares the
result with the rendered pods. Containers written by hand (`extraContainers`) get only their own
lists, so they are not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.chart.contract import is_celery
from wizard.chart.git_sync_environment import git_sync_names
from wizard.chart.pod_template import BASE, TEMPLATE, base_container, parse_pod_template
from wizard.chart.users import creates_user
from wizard.chart.variables import Installation, Path, Read, Reader, Variable, get_node
from wizard.formats.nested import format_path

TASK_POD = "task pod"
# The value that names the Secret behind a variable of the chart, and the key that is read.
_FROM_SECRETS: Mapping[str, tuple[str, str]] = {
    "AIRFLOW__CORE__FERNET_KEY": ("fernetKeySecretName", "fernet-key"),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": ("data.metadataSecretName", "connection"),
    "AIRFLOW_CONN_AIRFLOW_DB": ("data.metadataSecretName", "connection"),
    "AIRFLOW__WEBSERVER__SECRET_KEY": ("webserverSecretKeySecretName", "webserver-secret-key"),
    "AIRFLOW__API__SECRET_KEY": ("apiSecretKeySecretName", "api-secret-key"),
    "AIRFLOW__API_AUTH__JWT_SECRET": ("jwtSecretName", "jwt-secret"),
    "AIRFLOW__CELERY__RESULT_BACKEND": ("data.resultBackendSecretName", "connection"),
    "AIRFLOW__CELERY__BROKER_URL": ("data.brokerUrlSecretName", "connection"),
    "AIRFLOW__ELASTICSEARCH__HOST": ("elasticsearch.secretName", "connection"),
    "AIRFLOW__OPENSEARCH__HOST": ("opensearch.secretName", "connection"),
}
_CELERY: Path = ("workers", "celery")
# The variables of a container that deletes old logs, and whether the chart sets them by default.
_GROOMER: Mapping[str, tuple[str, bool]] = {
    "retentionDays": ("AIRFLOW__LOG_RETENTION_DAYS", True),
    "retentionMinutes": ("AIRFLOW__LOG_RETENTION_MINUTES", True),
    "frequencyMinutes": ("AIRFLOW__LOG_CLEANUP_FREQUENCY_MINUTES", True),
    "maxSizeBytes": ("AIRFLOW__LOG_MAX_SIZE_BYTES", False),
    "maxSizePercent": ("AIRFLOW__LOG_MAX_SIZE_PERCENT", False),
}


@dataclass(frozen=True, slots=True)
class Container:
    """The environment of one container.

    `component` is the chart's label of its pod, or TASK_POD. `variables` are its list `env` in
    order: of two with one name, the later one wins. `sources` are the variables of `envFrom`,
    which lose against the list. `airflow`: the container reads Airflow's configuration.
    `unreadable` are the places of lists whose names cannot be read here.
    """

    component: str
    name: str
    variables: tuple[Variable, ...]
    sources: tuple[Variable, ...] = ()
    unreadable: tuple[Path, ...] = ()
    airflow: bool = True

    @property
    def title(self) -> str:
        """Return the container's name for a message."""
        own = self.name in (self.component, BASE, "run-airflow-migrations", "create-user")
        return self.component if own else f"{self.component} ({self.name})"

    def find(self, name: str) -> Variable | None:
        """Return the variable that the container gets under this name."""
        for variables in (self.variables, self.sources):
            for variable in reversed(variables):
                if variable.name == name:
                    return variable
        return None


def list_containers(installation: Installation) -> tuple[Container, ...]:
    """Return the containers that the chart renders with these values."""
    return tuple(_Environments(installation).list_all())


def chart_task_pod(installation: Installation) -> Container:
    """Return the task's container as the chart's own pod template has it."""
    return _Environments(installation).task_pod()


def is_dag_processor_enabled(installation: Installation) -> bool:
    """Return whether the chart runs a DAG processor of its own."""
    enabled = installation.get("dagProcessor.enabled")
    return installation.airflow_3 if enabled is None else bool(enabled)


class _Environments:
    def __init__(self, installation: Installation) -> None:
        self.one = installation
        self.reader = reader = Reader(installation)
        self.read = reader.read_list
        self.custom = reader.read_custom()
        self.sources = reader.read_sources()

    def list_all(self) -> Iterator[Container]:
        one = self.one
        celery = is_celery(one.values)
        if one.airflow_3 and one.get("apiServer.enabled"):
            yield from self._component("api-server", "apiServer", jwt=True)
        if not one.airflow_3 and one.get("webserver.enabled"):
            yield from self._component("webserver", "webserver")
        if one.get("scheduler.enabled"):
            yield from self._component("scheduler", "scheduler", jwt=True)
        if is_dag_processor_enabled(one):
            yield from self._component("dag-processor", "dagProcessor")
        if one.get("triggerer.enabled"):
            yield from self._component("triggerer", "triggerer")
        if celery:
            yield from self._workers()
        if "Kubernetes" in one.executor:
            own = one.get(TEMPLATE)
            yield from (self.task_pod(),) if not own else self._own_task_pod(str(own))
        if celery and one.get("flower.enabled"):
            yield self._flower()
        yield from self._jobs()
        if one.get("dags.gitSync.enabled"):
            yield self._git_sync()
        for key in ("statsd", "pgbouncer"):
            if one.get(f"{key}.enabled"):
                found = self.read((key, "env"))
                yield _container(key, key, found, airflow=False)

    def _component(self, label: str, key: str, *, jwt: bool = False) -> Iterator[Container]:
        """Yield a component's container and the one that waits for migrations."""
        if self.one.get(f"{key}.waitForMigrations.enabled"):
            waits = self.read((key, "waitForMigrations", "env"), templates=True)
            yield self._airflow(label, "wait-for-airflow-migrations", waits)
        yield self._airflow(label, label, self.read((key, "env")), jwt=jwt)
        if self.one.get(f"{key}.logGroomerSidecar.enabled"):
            own = self.read((key, "logGroomerSidecar", "env"), templates=True)
            get = self.one.get
            yield self._log_groomer(label, own, lambda name: get(f"{key}.logGroomerSidecar.{name}"))

    def _workers(self) -> Iterator[Container]:
        """Yield the containers of the Celery workers; each set may have an environment."""
        sets: list[Path] = [_CELERY] if self._has_default_set() else []
        listed = self.one.get("workers.celery.sets")
        for number, _ in enumerate(listed if isinstance(listed, list) else []):
            sets.append(("workers", "celery", "sets", number))
        for at in sets:
            name = "worker" if len(sets) == 1 else f"worker {format_path(at[2:])}".strip()
            if self._value(at, "waitForMigrations", "enabled") is not False:
                waits = self._inherited(at, "waitForMigrations", "env", templates=True)
                yield self._airflow("worker", f"wait-for-airflow-migrations of {name}", waits)
            setsid = Variable("DUMB_INIT_SETSID", "0", built_in=True)
            yield self._airflow("worker", name, self._inherited(at, "env"), before=(setsid,))
        if self._value(_CELERY, "logGroomerSidecar", "enabled") is not False:
            own = self._inherited(_CELERY, "logGroomerSidecar", "env", templates=True)
            yield self._log_groomer("worker", own, lambda key: self._value(
                _CELERY, "logGroomerSidecar", key))  # fmt: skip

    def _has_default_set(self) -> bool:
        return self.one.get("workers.celery.enableDefault") is not False

    def _inherited(self, at: Path, *tail: str, templates: bool = False) -> Read:
        """Read the list of a set of workers, or the one that it inherits."""
        for start in _list_parents(at):
            if get_node(self.one.values, (*start, *tail)):
                return self.read((*start, *tail), templates=templates)
        return Read()

    def _value(self, at: Path, *tail: str) -> Any:
        """Return a value of a set of workers, or the one that it inherits."""
        found = (get_node(self.one.values, (*start, *tail)) for start in _list_parents(at))
        return next((value for value in found if value is not None), None)

    def task_pod(self) -> Container:
        """Return the task's container in the chart's own pod template."""
        own = self.read(("workers", "kubernetes", "env"))
        if not own.variables and not own.unreadable:
            own = self.read(("workers", "env"))
        executor = Variable(
            "AIRFLOW__CORE__EXECUTOR", self.one.executor, ("executor",), built_in=True
        )
        standard = (executor, *self._standard(jwt=False))
        return _container(TASK_POD, BASE, self.custom, own, before=standard, sources=self.sources)

    def _own_task_pod(self, text: str) -> Iterator[Container]:
        """Yield the task's container in a pod template of one's own, if it can be read."""
        expanded = self.one.expand(text)
        if expanded is None:
            return
        try:
            pod = parse_pod_template(expanded)
        except ValueError:
            return
        own, sources = self.reader.read_container(base_container(pod), (TEMPLATE,))
        yield _container(TASK_POD, BASE, own, sources=sources)

    def _flower(self) -> Container:
        login = []
        if self.one.get("flower.secretName"):
            name = "AIRFLOW__CELERY__FLOWER_BASIC_AUTH"
            secret = str(self.one.get("flower.secretName"))
            at = ("flower", "secretName")
            login.append(Variable(name, None, at, secret, "basicAuth", built_in=True))
        before = (*login, *self._standard(jwt=False))
        own = self.read(("flower", "env"))
        return _container("flower", "flower", self.custom, own, before=before, sources=self.sources)

    def _jobs(self) -> Iterator[Container]:
        one = self.one
        if one.get("migrateDatabaseJob.enabled"):
            unbuffered = Variable("PYTHONUNBUFFERED", "1", built_in=True)
            own = self.read(("migrateDatabaseJob", "env"), templates=True)
            name = "run-airflow-migrations"
            yield self._job(name, name, "migrateDatabaseJob", own, after=(unbuffered,))
        if creates_user(one.values):
            own = self.read(("createUserJob", "env"))
            yield self._job("create-user-job", "create-user", "createUserJob", own)
        if one.get("databaseCleanup.enabled"):
            own = self.read(("databaseCleanup", "env"))
            yield self._job("database-cleanup", "database-cleanup", "databaseCleanup", own)
        if one.get("cleanup.enabled") and "KubernetesExecutor" in one.executor:
            own = self.read(("cleanup", "env"))
            yield _container("airflow-cleanup-pods", "airflow-cleanup-pods", own,
                             before=self._standard(jwt=False))  # fmt: skip

    def _job(
        self, label: str, name: str, key: str, own: Read, after: tuple[Variable, ...] = ()
    ) -> Container:
        applies = self.one.get(f"{key}.applyCustomEnv") is not False
        custom = self.custom if applies else Read()
        standard = Read([*after, *self._standard(jwt=False)])
        sources = self.sources if applies else Read()
        return _container(label, name, custom, standard, own, sources=sources)

    def _airflow(
        self,
        label: str,
        name: str,
        own: Read,
        *,
        jwt: bool = False,
        before: tuple[Variable, ...] = (),
    ) -> Container:
        standard = Read([*self._standard(jwt=jwt)])
        return _container(
            label, name, self.custom, standard, own, before=before, sources=self.sources
        )

    def _log_groomer(self, label: str, own: Read, get: Callable[[str], Any]) -> Container:
        """Return the container that deletes old logs; `get` returns its values."""
        names = ["AIRFLOW_HOME"]
        for key, (name, default) in _GROOMER.items():
            value = get(key)
            if default if value is None else value or key.startswith("retention"):
                names.append(name)
        before = tuple(Variable(name, None, built_in=True) for name in names)
        return _container(label, f"{label}-log-groomer", own, before=before, airflow=False)

    def _git_sync(self) -> Container:
        names = git_sync_names(self.one.get)
        before = tuple(Variable(name, None, ("dags", "gitSync"), built_in=True) for name in names)
        own = self.read(("dags", "gitSync", "env"))
        return _container("git-sync", "git-sync", own, before=before, airflow=False)

    def _standard(self, *, jwt: bool) -> tuple[Variable, ...]:
        """Return the chart's own variables of every Airflow container."""
        one, celery = self.one, is_celery(self.one.values)
        home = str(one.get("airflowHome"))
        found = [Variable("AIRFLOW_HOME", home, ("airflowHome",), built_in=True)]
        wanted = {
            "AIRFLOW__CORE__FERNET_KEY": True,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": True,
            "AIRFLOW_CONN_AIRFLOW_DB": True,
            "AIRFLOW__WEBSERVER__SECRET_KEY": not one.airflow_3,
            "AIRFLOW__API__SECRET_KEY": one.airflow_3,
            "AIRFLOW__API_AUTH__JWT_SECRET": one.airflow_3 and (jwt or one.chart == "1.19.0"),
            "AIRFLOW__CELERY__RESULT_BACKEND": celery and bool(
                one.get("data.resultBackendSecretName") or one.get("data.resultBackendConnection")
            ),
            "AIRFLOW__CELERY__BROKER_URL": celery,
            "AIRFLOW__ELASTICSEARCH__HOST": bool(one.get("elasticsearch.enabled")),
            "AIRFLOW__OPENSEARCH__HOST": bool(one.get("opensearch.enabled")),
        }  # fmt: skip
        for name, applies in wanted.items():
            if applies and one.get(f"enableBuiltInSecretEnvVars.{name}") is not False:
                value, key = _FROM_SECRETS[name]
                at = tuple(value.split("."))
                secret = str(one.get(value) or "")
                found.append(Variable(name, None, at, secret, key, built_in=True))
        return (*found, *self._telemetry())

    def _telemetry(self) -> Iterator[Variable]:
        traces = self.one.get("otelCollector.tracesEnabled")
        metrics = self.one.get("otelCollector.metricsEnabled")
        names = ["OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_PROTOCOL"] if traces or metrics else []
        if traces:
            names += ["OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
        if metrics:
            names += ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_METRIC_EXPORT_INTERVAL"]
        return (Variable(name, None, ("otelCollector",), built_in=True) for name in names)


def _container(
    component: str,
    name: str,
    *parts: Read,
    before: tuple[Variable, ...] = (),
    sources: Read | None = None,
    airflow: bool = True,
) -> Container:
    variables = [*before, *(one for part in parts for one in part.variables)]
    more = [*parts, *([sources] if sources else [])]
    unreadable = tuple(at for part in more for at in part.unreadable)
    below = tuple(sources.variables) if sources else ()
    return Container(component, name, tuple(variables), below, unreadable, airflow)


def _list_parents(at: Path) -> Iterator[Path]:
    """Yield a set of workers and what it inherits from; a list replaces a list."""
    yield from dict.fromkeys((at, _CELERY, _CELERY[:1]))
