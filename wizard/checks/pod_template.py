"""Rules on a pod template of one's own: the chart adds nothing to it, so it must have everything.

Source: the pod template of chart 1.22.0, and provider cncf-kubernetes 10.25.0 (PodGenerator).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.configuration import variable_name
from wizard.chart.environment import TASK_POD, Container, chart_task_pod
from wizard.chart.images import AIRFLOW
from wizard.chart.names import Names
from wizard.chart.pod_template import TEMPLATE, base_container, parse_pod_template
from wizard.checks.git_containers import clones_dags
from wizard.checks.reporter import Reporter, read_configuration
from wizard.checks.subject import Subject, as_list, as_mapping, get_nested
from wizard.findings import Finding
from wizard.formats.nested import format_path
from wizard.secrets.scan import show_variable

_QUESTION = "executor.task_pods.template"
# What a task of Airflow 2 connects and decrypts with; one of Airflow 3 asks the API server.
_NEEDED_BY_2 = frozenset({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__FERNET_KEY"})
_EXECUTION_URL = variable_name("core", "execution_api_server_url")
# Values below workers.kubernetes that the wizard writes in any case, or that are judged above.
_JUDGED = ("serviceAccount", "safeToEvict", "env")


def check_pod_template(subject: Subject) -> Iterator[Finding]:
    """Run the rules on the values' own pod template, if there is one."""
    configuration = read_configuration(subject)
    if configuration is None or "Kubernetes" not in configuration.installation.executor:
        return
    text = configuration.installation.get(TEMPLATE)
    if not isinstance(text, str) or not text.strip():
        return
    rules = _Rules(subject, configuration)
    expanded = configuration.installation.expand(text)
    if expanded is None:
        if not clones_dags(configuration.installation.values):
            message = "the pod of the tasks cannot be read"
            yield rules.finding("unreadable", message, "write it without templates")
        return
    try:
        pod = parse_pod_template(expanded)
    except ValueError as error:
        fault, _, fix = str(error).partition(": ")
        yield rules.finding("unusable", f"no task can run with it: {fault}", fix, error=True)
        return
    yield from rules.check_names(pod)
    yield from rules.check_labels(pod)
    yield from rules.check_mounts(base_container(pod), pod)
    yield from rules.check_variables()
    yield from rules.check_dead_values()


class _Rules(Reporter):
    def finding(self, name: str, message: str, fix: str, *, error: bool = False) -> Finding:
        """Return a finding about the template; its question is the one about the file."""
        report = self.error if error else self.warning
        return report(f"pod-template.{name}", TEMPLATE, message, fix, _QUESTION)

    def check_names(self, pod: Mapping[str, Any]) -> Iterator[Finding]:
        """Report what the executor replaces, and an account to which nothing is bound."""
        namespace = get_nested(pod, "metadata", "namespace")
        known = not self.subject.guesses_namespace
        if known and namespace not in (None, self.subject.layout.namespace):
            message = "metadata.namespace has no effect: the executor writes its own"
            yield self.finding("no-effect", message, "remove it from the template")
        image = base_container(pod).get("image")
        if image is not None and image != self._image():
            message = "the image of the container base has no effect: the executor writes its own"
            fix = "remove it, and set the image of the installation"
            yield self.finding("no-effect", message, fix)
        if self.subject.knows_names:
            yield from self._check_account(pod)

    def _check_account(self, pod: Mapping[str, Any]) -> Iterator[Finding]:
        names = Names(self.subject.layout.release, self.subject.layout.namespace)
        usual = names.service_account("worker")
        if get_nested(pod, "spec", "serviceAccountName") not in self._accounts(names):
            message = "the pod runs under another ServiceAccount than the chart's for tasks"
            fix = f"write spec.serviceAccountName: {usual}, or bind roles to the other one"
            yield self.finding("service-account", message, fix)

    def _image(self) -> str:
        get = self.one.get
        repository = get("images.airflow.repository") or get("defaultAirflowRepository")
        tag = get("images.airflow.tag") or get("defaultAirflowTag")
        return f"{repository or AIRFLOW}:{tag}"

    def _accounts(self, names: Names) -> set[object]:
        keys = ("workers.kubernetes", "workers.celery", "workers")
        given = {self.one.get(f"{key}.serviceAccount.name") for key in keys} - {None, ""}
        return {*given, *map(names.service_account, ("worker", "worker-kubernetes"))}

    def check_labels(self, pod: Mapping[str, Any]) -> Iterator[Finding]:
        """Report labels without which network policies do not find the pod."""
        if self.one.get("networkPolicies.enabled") is not True:
            return
        labels = as_mapping(get_nested(pod, "metadata", "labels"))
        release = self.subject.layout.release
        if self.subject.guesses_release:
            release = labels.get("release") or "(the name of the release)"
        wanted = {"tier": "airflow", "component": "worker", "release": release}
        if missing := [f"{key}: {one}" for key, one in wanted.items() if labels.get(key) != one]:
            message = (
                "network policies do not find the pod: nothing admits it, and nothing limits it"
            )
            fix = f"write these below metadata.labels: {', '.join(missing)}"
            yield self.finding("labels", message, fix, error=True)

    def check_mounts(self, base: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[Finding]:
        """Report files of Airflow that the container does not mount."""
        volumes = {
            get_nested(one, "name"): as_mapping(one)
            for one in as_list(get_nested(pod, "spec", "volumes"))
        }
        mounts = [as_mapping(one) for one in as_list(base.get("volumeMounts"))]
        paths = [str(one.get("mountPath") or "") for one in mounts]
        yield from self._check_config(mounts, volumes)
        folder = str(self.one.get("dags.mountPath") or f"{self.one.get('airflowHome')}/dags")
        source = self.one.get("dags.gitSync.enabled") or self.one.get("dags.persistence.enabled")
        if source and not any(_covers(path, folder) for path in paths):
            message = "the container base has no DAGs: nothing is mounted at their folder"
            fix = f"mount a volume at {folder}"
            if self.one.get("dags.gitSync.enabled"):
                fix += ", and let an init container with git-sync fill it"
            yield self.finding("dags", message, fix, error=True)
        left = [
            f"volumeMounts[{number}]"
            for number, one in enumerate(as_list(self.one.get("volumeMounts")))
            if get_nested(one, "mountPath") not in paths
        ]
        if left:
            message = "the container base lacks files that every other container of Airflow has"
            fix = f"mount there what is in volumes and {', '.join(left)}"
            yield self.finding("mounts", message, fix)

    def _check_config(
        self, mounts: list[Mapping[str, Any]], volumes: Mapping[Any, Mapping[str, Any]]
    ) -> Iterator[Finding]:
        for mount in mounts:
            volume = as_mapping(volumes.get(mount.get("name")))
            named = self.subject.is_config_map(get_nested(volume, "configMap", "name"))
            if named and mount.get("subPath", "airflow.cfg") == "airflow.cfg":
                return
        own = self._own()
        blind = self.one.airflow_3 and not own.find(_EXECUTION_URL) and not own.unreadable
        message = "the container base has no airflow.cfg, so the options of `config` do not apply"
        if blind:
            message += ", and no task finds the API server"
        file = f"{self.one.get('airflowHome')}/airflow.cfg"
        fix = f"mount the key airflow.cfg of the ConfigMap {self.subject.config_map} at {file}"
        yield self.finding("configuration", message, fix, error=blind)

    def _own(self) -> Container:
        return next(one for one in self.configuration.containers if one.component == TASK_POD)

    def check_variables(self) -> Iterator[Finding]:
        """Report variables that the chart's own template would have."""
        own = self._own()
        if own.unreadable:
            return
        usual = chart_task_pod(self.one)
        wanted = [
            one
            for one in (*usual.variables, *usual.sources)
            if own.find(one.name) is None and (not one.built_in or self._is_needed(one.name))
        ]
        if needed := [one.name for one in wanted if one.built_in]:
            message = "tasks of Airflow 2 cannot read the database"
            fix = f"add {' and '.join(needed)} from the Secrets, as the chart's template does"
            yield self.finding("variables", message, fix, error=True)
        names = {
            show_variable(one.name): format_path(one.place) for one in wanted if not one.built_in
        }
        if names:
            message = "the container base lacks variables that every other container of Airflow has"
            listed = ", ".join(f"{name} ({place})" for name, place in names.items())
            yield self.finding("variables", message, f"add {listed}")

    def _is_needed(self, name: str) -> bool:
        return not self.one.airflow_3 and name in _NEEDED_BY_2

    def check_dead_values(self) -> Iterator[Finding]:
        """Report values for the chart's own template, which nothing reads."""
        for key, value in as_mapping(get_nested(self.one.values, "workers", "kubernetes")).items():
            if key in _JUDGED or value in (None, "", {}, []):
                continue
            where = f"workers.kubernetes.{key}"
            message = f"no effect: {TEMPLATE} replaces the pod that it is for"
            fix = "write it into the template"
            yield self.warning("pod-template.no-effect", where, message, fix, _QUESTION)


def _covers(path: str, folder: str) -> bool:
    """Return whether a volume at `path` holds the folder, or a part of it."""
    one, other = posixpath.normpath(path), posixpath.normpath(folder)
    return f"{other}/".startswith(f"{one}/") or f"{one}/".startswith(f"{other}/")
