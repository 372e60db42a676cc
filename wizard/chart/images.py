"""The images that the chart's pods run with these values, and the values that move them elsewhere.

Source: values.yaml and the templates of charts 1.16.0 to 1.22.0, and of the PostgreSQL chart that
they bundle; tests/integration/helm/test_images.py compares the result with the rendered pods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.chart.contract import get_chart_value, is_celery
from wizard.chart.pod_template import BASE, TEMPLATE, parse_pod_template
from wizard.chart.versions import chart_version, list_chart_versions
from wizard.formats.images import DOCKER_HUB, name_copy, split_image, split_reference
from wizard.formats.nested import format_path, walk

Values = Mapping[str, object]

AIRFLOW = "apache/airflow"
GIT_SYNC = "registry.k8s.io/git-sync/git-sync"
_DEFAULT = "defaultAirflowRepository"
_POSTGRESQL = "postgresql"
# The lists of containers that values may add to the chart's pods.
_LISTS = frozenset({"extraContainers", "extraInitContainers", "initContainers", "sidecars"})


@dataclass(frozen=True, slots=True)
class Image:
    """An image with its tag or digest, and what names it: a Helm value or a file.

    `source` is the public image that it is a copy of; empty if it is none, or not known.
    """

    name: str
    where: str
    source: str = ""


def _runs(key: str) -> Callable[[Values], bool]:
    return lambda values: bool(get_chart_value(values, f"{key}.enabled"))


def _runs_collector(values: Values) -> bool:
    switches = ("metricsEnabled", "tracesEnabled")
    return any(get_chart_value(values, f"otelCollector.{one}") for one in switches)


def _with_celery(key: str) -> Callable[[Values], bool]:
    return lambda values: is_celery(values) and bool(get_chart_value(values, f"{key}.enabled"))


@dataclass(frozen=True, slots=True)
class _Default:
    """An image that the chart names in `key`: its repository, and its tag since a chart version."""

    key: str
    repository: str
    tags: Mapping[str, str]
    runs: Callable[[Values], bool]

    def tag(self, chart: str) -> str | None:
        """Return the tag in a chart version; None if that version does not have the image."""
        versions = list_chart_versions()  # the newest comes first
        older = versions[versions.index(chart) :]
        return next((self.tags[one] for one in older if one in self.tags), None)


_OLDEST = list_chart_versions()[-1]
_DEFAULTS = (
    _Default(
        "images.statsd",
        "quay.io/prometheus/statsd-exporter",
        {_OLDEST: "v0.28.0", "1.20.0": "v0.29.0", "1.22.0": "v0.30.0"},
        _runs("statsd"),
    ),
    _Default("images.redis", "redis", {_OLDEST: "7.2-bookworm"}, _with_celery("redis")),
    _Default(
        "images.pgbouncer",
        AIRFLOW,
        {
            _OLDEST: "airflow-pgbouncer-2025.03.05-1.23.1",
            "1.21.0": "airflow-pgbouncer-2026.04.17-1.23.1",
            "1.22.0": "airflow-pgbouncer-2025.03.05-1.23.1",
        },
        _runs("pgbouncer"),
    ),
    _Default(
        "images.pgbouncerExporter",
        AIRFLOW,
        {
            _OLDEST: "airflow-pgbouncer-exporter-2025.03.05-0.18.0",
            "1.21.0": "airflow-pgbouncer-exporter-2026.04.17-0.18.0",
            "1.22.0": "airflow-pgbouncer-exporter-2025.03.05-0.18.0",
        },
        _runs("pgbouncer"),
    ),
    _Default(
        "images.gitSync",
        GIT_SYNC,
        {_OLDEST: "v4.3.0", "1.19.0": "v4.4.2"},
        _runs("dags.gitSync"),
    ),
    _Default(
        "images.otelCollector",
        "otel/opentelemetry-collector-contrib",
        {"1.22.0": "0.70.0"},
        _runs_collector,
    ),
)
# Charts before 1.19 name a repository that Docker Hub does not have any more.
_POSTGRESQL_TAG = "16.1.0-debian-11-r15"
_POSTGRESQL_REPOSITORY = "bitnamilegacy/postgresql"
_OLD_POSTGRESQL_REPOSITORY = "bitnami/postgresql"
# The public repositories that the chart's images come from.
_PUBLIC = (AIRFLOW, _POSTGRESQL_REPOSITORY, *(one.repository for one in _DEFAULTS))


def registry_settings(registry: str, chart: str, *, bundled_database: bool) -> dict[str, object]:
    """Return the settings that take every image of the chart from its copy below `registry`.

    Their tags stay the chart's. An image of one's own is named in full elsewhere. Empty without a
    registry.
    """
    if not registry:
        return {}
    settings: dict[str, object] = {_DEFAULT: name_copy(AIRFLOW, registry)}
    for one in _DEFAULTS:
        if one.tag(chart) is not None:
            settings[f"{one.key}.repository"] = name_copy(one.repository, registry)
    if bundled_database:
        settings["postgresql.image.registry"] = registry
    return settings


def postgresql_settings(chart: str) -> dict[str, object]:
    """Return the setting that gives an older chart's PostgreSQL an image that still exists."""
    if not _has_old_postgresql(chart):
        return {}
    return {"postgresql.image.repository": _POSTGRESQL_REPOSITORY}


def _has_old_postgresql(chart: str) -> bool:
    versions = list_chart_versions()  # the newest comes first
    return versions.index(chart) > versions.index("1.19.0")


def list_images(values: Values, chart: str, registry: str = "") -> tuple[Image, ...]:
    """Return the images that pods of the chart run with these values, each once.

    `registry` is the prefix below which copies are, so that their sources are known.
    """
    sources = {name_copy(one, registry): one for one in _PUBLIC} if registry else {}
    found: dict[str, Image] = {}
    for first, last, where in _list_used(values, chart):
        name = f"{first}{last}"
        repository, tail = split_reference(name)
        source = sources.get(repository, "")
        full = "/".join(split_image(source)) + tail if source else ""
        found.setdefault(name, Image(name, where, full))
    return tuple(found.values())


def _list_used(values: Values, chart: str) -> Iterator[tuple[str, str, str]]:
    """Yield repository, tag or digest, and the value that names the image."""
    yield _airflow_image(values, chart)
    if get_chart_value(values, "images.useDefaultImageForMigration"):
        yield _default_image(values, chart)
    yield from _list_task_images(values, chart)
    if _with_celery("flower")(values):
        key = "images.flower"
        repository, tail, where = _default_image(values, chart)
        own, tag = _text(values, f"{key}.repository"), _text(values, f"{key}.tag")
        where = f"{key}.repository" if own else where
        yield own or repository, f":{tag}" if tag else tail, where
    for one in _DEFAULTS:
        default = one.tag(chart)
        if default is not None and one.runs(values):
            repository = _text(values, f"{one.key}.repository") or one.repository
            tag = _text(values, f"{one.key}.tag") or default
            yield repository, f":{tag}", f"{one.key}.repository"
    if get_chart_value(values, f"{_POSTGRESQL}.enabled"):
        yield _postgresql_image(values, chart)
    yield from _list_added_images(values)


def _default_image(values: Values, chart: str) -> tuple[str, str, str]:
    tag = _text(values, "defaultAirflowTag") or chart_version(chart).airflow
    digest = _text(values, "defaultAirflowDigest")
    repository = _text(values, _DEFAULT) or AIRFLOW
    return repository, f"@{digest}" if digest else f":{tag}", _DEFAULT


def _airflow_image(values: Values, chart: str) -> tuple[str, str, str]:
    """Return Airflow's image: each part that is not set has the default one's."""
    key = "images.airflow"
    repository, tail, where = _default_image(values, chart)
    own = _text(values, f"{key}.repository")
    digest, tag = _text(values, f"{key}.digest"), _text(values, f"{key}.tag")
    if digest:
        tail = f"@{digest}"
    elif tag and not tail.startswith("@"):
        tail = f":{tag}"
    return own or repository, tail, f"{key}.repository" if own else where


def _list_task_images(values: Values, chart: str) -> Iterator[tuple[str, str, str]]:
    """Yield the image of the task's container, which takes a tag and no digest.

    The executor names it, whatever the pod template says.
    """
    if "Kubernetes" not in str(get_chart_value(values, "executor")):
        return
    key = "config.kubernetes_executor.worker_container"
    repository, where = _text(values, f"{key}_repository"), f"{key}_repository"
    if not repository or "{{" in repository:
        repository, _, where = _airflow_image(values, chart)
    tag = _text(values, f"{key}_tag")
    if not tag or "{{" in tag:
        tag = _text(values, "images.airflow.tag") or _text(values, "defaultAirflowTag")
    yield repository, f":{tag or chart_version(chart).airflow}", where
    yield from _list_template_images(values)


def _list_template_images(values: Values) -> Iterator[tuple[str, str, str]]:
    """Yield the images beside the task's in a pod template of one's own."""
    text = get_chart_value(values, TEMPLATE)
    if not isinstance(text, str) or not text:
        return
    try:
        spec = parse_pod_template(text)["spec"]
    except ValueError:
        return  # a rule of its own reports it
    for key in ("initContainers", "containers"):
        for one in spec.get(key) or ():
            if one.get("name") != BASE and isinstance(one.get("image"), str):
                yield one["image"], "", TEMPLATE


def _postgresql_image(values: Values, chart: str) -> tuple[str, str, str]:
    key = f"{_POSTGRESQL}.image"
    old = _has_old_postgresql(chart)
    default = _OLD_POSTGRESQL_REPOSITORY if old else _POSTGRESQL_REPOSITORY
    registry = _text(values, f"{key}.registry") or DOCKER_HUB
    repository = _text(values, f"{key}.repository") or default
    digest, tag = _text(values, f"{key}.digest"), _text(values, f"{key}.tag")
    tail = f"@{digest}" if digest else f":{tag or _POSTGRESQL_TAG}"
    return f"{registry}/{repository}", tail, f"{key}.registry"


def _list_added_images(values: Values) -> Iterator[tuple[str, str, str]]:
    """Yield the images of containers that values add to pods that run."""
    for path, node in walk(values):
        if not (isinstance(node, list) and path and path[-1] in _LISTS):
            continue
        # A component that is off has no pods; those without a switch always run.
        if get_chart_value(values, f"{path[0]}.enabled") is False:
            continue
        for number, one in enumerate(node):
            image: Any = one.get("image") if isinstance(one, Mapping) else None
            if isinstance(image, str) and image:
                yield image, "", format_path((*path, number, "image"))


def _text(values: Values, key: str) -> str:
    """Return a value as text; empty if it is not set, as for Helm's `default`."""
    found = get_chart_value(values, key)
    return str(found) if isinstance(found, (str, int, float)) and found is not False else ""
