"""Rules on values that disagree with each other, or that do nothing with this Airflow.

Source: chart 1.22.0, Airflow 3.2.2 (facts on the chart, sections 1, 5 and 8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wizard.chart.configuration import WEB, url_host, variable_name
from wizard.chart.environment import TASK_POD, is_dag_processor_enabled
from wizard.chart.exposure import list_exposures
from wizard.chart.keys import list_names
from wizard.chart.names import Names
from wizard.chart.removed_options import REMOVED_IN_AIRFLOW_3
from wizard.chart.users import creates_user, has_users
from wizard.checks.pod_roles import POD_VERBS, may_launch_pods
from wizard.checks.reporter import Reporter, read_configuration
from wizard.checks.subject import Subject, as_list, as_mapping, get_nested
from wizard.findings import Finding
from wizard.formats.messages import show_name
from wizard.secrets.scan import withhold_secrets

_TAG = re.compile(r"v?([23])\.(\d{1,3})\.(\d{1,3})(?![0-9.])")
# Keys of the other version's web component that have an effect all the same.
_READ_BY_BOTH = frozenset(["defaultUser", "allowPodLogReading", "enabled"])
_RENAMED = {
    "webserverConfig": "apiServerConfig",
    "webserverConfigConfigMapName": "apiServerConfigConfigMapName",
}
_POSTGRESQL = "postgresql"
# What the chart derives URLs and KEDA's trigger from.
_PROTOCOLS = ("data.metadataConnection.protocol", "data.resultBackendConnection.protocol")
_ONE_NODE = "ReadWriteOnce"
_NODE_LABEL = "kubernetes.io/hostname"
_OLD_SECTIONS = {"kubernetes": "kubernetes_executor"}


def check_components(subject: Subject) -> Iterator[Finding]:
    """Run the rules on executor, Jobs, logs, image, Ingress and values without effect."""
    configuration = read_configuration(subject)
    if configuration is None:
        return
    rules = _Rules(subject, configuration)
    yield from rules.check_pod_launching()
    yield from rules.check_jobs()
    yield from rules.check_enabled_components()
    yield from rules.check_other_version()
    yield from rules.check_removed_options()
    yield from rules.check_database()
    yield from rules.check_logs()
    yield from rules.check_image()
    yield from rules.check_ingress()
    yield from rules.check_dag_volume()


class _Rules(Reporter):
    def check_pod_launching(self) -> Iterator[Finding]:
        """Report what keeps the scheduler from starting the pods of tasks."""
        if "KubernetesExecutor" not in self.one.executor:
            return
        rule = "configuration.pod-launching"
        for where in ("rbac.create", "allowPodLaunching"):
            if self.one.get(where) is False and not self._has_binding():
                message = "the scheduler gets no role, and it must list and create the tasks' pods"
                fix = (
                    "write true, or bind a role to the scheduler's ServiceAccount in this folder "
                    f"that may {', '.join(POD_VERBS)} pods"
                )
                yield self.warning(rule, where, message, fix)
        where = "scheduler.serviceAccount.automountServiceAccountToken"
        volume = self.one.get("scheduler.serviceAccount.serviceAccountTokenVolume.enabled")
        if self.one.get(where) is False and not volume:
            message = "the scheduler has no token, and it must ask Kubernetes for the tasks' pods"
            fix = "write true, or serviceAccountTokenVolume.enabled: true"
            yield self.error(rule, where, message, fix)

    def _has_binding(self) -> bool:
        """Return whether objects of the tree let the scheduler's account launch pods."""
        return may_launch_pods(
            self.subject,
            [
                document
                for document in self.subject.objects("RoleBinding", "ClusterRoleBinding")
                for subject in as_list(document.data.get("subjects"))
                if self._is_scheduler(get_nested(subject, "name"))
            ],
        )

    def _is_scheduler(self, account: object) -> bool:
        """Return whether a ServiceAccount of this name can be the scheduler's."""
        if own := self.one.get("scheduler.serviceAccount.name"):
            return bool(account == own)
        if not self.subject.knows_names:
            return self.subject.is_object_name(account, "scheduler")
        names = Names(self.one.release, self.one.namespace)
        return bool(account == names.service_account("scheduler"))

    def check_jobs(self) -> Iterator[Finding]:
        """Report a database that nothing migrates, and a user that nobody can create."""
        where = "migrateDatabaseJob.enabled"
        if self.one.get(where) is False:
            message = "nothing migrates the database, and every pod waits until it is migrated"
            fix = "write true, or run `airflow db migrate` before each installation and upgrade"
            yield self.warning("configuration.migration", where, message, fix)
        if creates_user(self.one.values):
            yield from self._check_manager("create-user-job")
            yield from self._check_manager(WEB)

    def _check_manager(self, component: str) -> Iterator[Finding]:
        """Report an auth manager that does not know the users which the Job creates."""
        manager = self.configuration.find_at(component, "core", "auth_manager")
        if manager is None or not manager.value:
            return
        known = has_users(manager.value)
        if known:
            return
        message = "the Job that creates the admin fails: only the FAB auth manager has its command"
        if component == WEB:
            message = "the admin cannot log in: only the FAB auth manager knows the user"
        report = self.warning if known is None else self.error
        where = manager.where or "createUserJob.enabled"
        fix = "turn off the admin user, or use the FAB auth manager"
        yield report("configuration.auth-manager", where, message, fix, "admin.create")

    def check_enabled_components(self) -> Iterator[Finding]:
        """Report components that are turned off, and without which no DAG or no task runs."""
        if self.one.airflow_3 and not is_dag_processor_enabled(self.one):
            message = "the scheduler of Airflow 3 parses no DAG files, so no DAG appears"
            where = "dagProcessor.enabled"
            yield self.error("configuration.dag-processor", where, message, "write true")
        needed = {"scheduler": "nothing starts tasks"}
        if self.one.airflow_3:
            needed["apiServer"] = "tasks report to it, so none runs, and there is no UI"
        for key, effect in needed.items():
            if self.one.get(f"{key}.enabled") is False:
                message = f"turned off: {effect}, unless another release runs it"
                where = f"{key}.enabled"
                yield self.warning("configuration.component", where, message, "write true")

    def check_other_version(self) -> Iterator[Finding]:
        """Report values of the web component and the Ingress of another Airflow version."""
        dead, instead = ("webserver", "apiServer")
        ingress = ("web", "apiServer")
        if not self.one.airflow_3:
            dead, instead, ingress = ("apiServer", "webserver", ("apiServer", "web"))
        renamed = _RENAMED if self.one.airflow_3 else {new: old for old, new in _RENAMED.items()}
        for key, value in as_mapping(self.one.values.get(dead)).items():
            if str(key) not in _READ_BY_BOTH and value not in (None, "", {}, []):
                shown = show_name(str(renamed.get(key, key)), list_names())
                yield self._no_effect(f"{dead}.{key}", f"{instead}.{shown}" if shown else instead)
        if get_nested(self.one.values, "ingress", ingress[0], "enabled"):
            yield self._no_effect(f"ingress.{ingress[0]}", f"ingress.{ingress[1]}")

    def _no_effect(self, where: str, instead: str) -> Finding:
        version = "3" if self.one.airflow_3 else "2"
        message = f"no effect with Airflow {version}"
        fix = f"use {instead}" if instead else "remove it"
        return self.warning("configuration.no-effect", where, message, fix)

    def check_removed_options(self) -> Iterator[Finding]:
        """Report options that Airflow 3 does not read any more."""
        if not self.one.airflow_3:
            return
        for option, setting in self.configuration.list_options():
            section = _OLD_SECTIONS.get(option[0])
            if section is None and option not in REMOVED_IN_AIRFLOW_3:
                continue
            new = f"{section}.{option[1]}" if section else REMOVED_IN_AIRFLOW_3[option]
            if withhold_secrets(new) != new:
                new = ""
            parts = new.partition(".")
            variable = variable_name(parts[0], parts[2]) if new else ""
            yield self._no_effect(
                setting.where, variable if setting.variable else f"config.{new}" if new else ""
            )

    def check_database(self) -> Iterator[Finding]:
        """Report MySQL where it cannot work: behind PgBouncer, or with what the wizard writes.

        The chart itself connects to MySQL, so values of others that do without PgBouncer are right.
        """
        ours = bool(self.subject.layout.manifests)
        if not ours and self.one.get("pgbouncer.enabled") is not True:
            return
        for where in _PROTOCOLS:
            if str(self.one.get(where) or _POSTGRESQL) == _POSTGRESQL:
                continue
            message = "the database has to be PostgreSQL, and this names another one"
            fix, question = f"remove it, or set it to {_POSTGRESQL}", "database.kind"
            if not ours:
                message = "PgBouncer connects to PostgreSQL only, and this names another database"
                fix, question = "write pgbouncer.enabled: false", ""
            yield self.error("configuration.database", where, message, fix, question)

    def check_logs(self) -> Iterator[Finding]:
        """Report task pods whose logs are lost with them."""
        if "Kubernetes" not in self.one.executor or self.one.get("logs.persistence.enabled"):
            return
        remote = self.configuration.find_at(TASK_POD, "logging", "remote_logging")
        if remote is None:
            # A pod template of one's own: it mounts airflow.cfg, and its variables are not read.
            remote = self.configuration.find_in_file("logging", "remote_logging")
        if remote and (remote.value is None or remote.value.lower() in ("true", "t", "1")):
            return
        message = "the log of a task is lost with its pod: there is no log volume and no remote log"
        fix = "keep logs on a shared volume, or in a bucket or search engine (remote_logging)"
        where, question = "logs.persistence.enabled", "logs.kind"
        yield self.warning("configuration.task-logs", where, message, fix, question)

    def check_image(self) -> Iterator[Finding]:
        """Report an image whose tag names another Airflow than the chart renders for."""
        wanted = ".".join(map(str, self.one.airflow))
        for where in ("images.airflow.tag", "images.pod_template.tag", "defaultAirflowTag"):
            tag = self.one.get(where)
            match = _TAG.match(tag) if isinstance(tag, str) else None
            hidden = where == "defaultAirflowTag" and self.one.get("images.airflow.tag")
            if match and not hidden and ".".join(match.groups()) != wanted:
                named = ".".join(match.groups())
                message = f"the tag names Airflow {named}, and the chart renders for {wanted}"
                fix = f"use an image with Airflow {wanted}, or change the version"
                question = "installation.airflow"
                yield self.warning("configuration.image", where, message, fix, question)

    def check_ingress(self) -> Iterator[Finding]:
        """Report an Ingress at another host than the base URL, which links and logins use."""
        section = "api" if self.one.airflow_3 else "webserver"
        base = self.configuration.find_at(WEB, section, "base_url")
        if base is None or base.value is None:
            return
        host = url_host(base.value)
        for exposure in list_exposures(self.one.values, airflow_3=self.one.airflow_3):
            names = {name.lower(): where for where, name in exposure.hosts if "{{" not in name}
            wild = any(name.startswith("*.") and host.endswith(name[1:]) for name in names)
            if names and host not in names and not wild:
                where = next(iter(names.values()))
                shown = withhold_secrets(host)
                message = f"the base URL has another host, {shown}: links and logins lead there"
                fix, question = "answer the address of the Ingress", "access.base_url"
                yield self.warning("configuration.ingress", where, message, fix, question)

    def check_dag_volume(self) -> Iterator[Finding]:
        """Report a new volume for DAGs that only one node can mount, with pods on several."""
        at = "dags.persistence"
        if self.one.get(f"{at}.enabled") is not True or self.one.get(f"{at}.existingClaim"):
            return
        # The chart's default.
        mode = str(self.one.get(f"{at}.accessMode") or _ONE_NODE)
        if not mode.startswith(_ONE_NODE) or self._is_on_one_node():
            return
        message = f"only one node can mount a volume of {mode}, and the pods run on any node"
        fix = (
            "use ReadWriteMany or ReadOnlyMany, or select one node for all pods by the label "
            f"{_NODE_LABEL}"
        )
        where, question = f"{at}.accessMode", "dags.volume.access_mode"
        yield self.warning("configuration.dag-volume", where, message, fix, question)

    def _is_on_one_node(self) -> bool:
        """Return whether all pods that read DAGs are on one node."""
        for cluster in self.subject.objects("Cluster", group="kind.x-k8s.io"):
            return len(as_list(cluster.data.get("nodes"))) < 2
        everyone = as_mapping(self.one.get("nodeSelector")).get(_NODE_LABEL)
        readers = ["dagProcessor", "triggerer", "scheduler"]
        readers += ["workers.celery"] * ("Celery" in self.one.executor)
        readers += ["workers.kubernetes"] * ("Kubernetes" in self.one.executor)
        shared = {"workers": as_mapping(self.one.get("workers.nodeSelector")).get(_NODE_LABEL)}
        nodes = {
            as_mapping(self.one.get(f"{key}.nodeSelector")).get(_NODE_LABEL)
            or shared.get(key.partition(".")[0])
            or everyone
            for key in readers
        }
        return len(nodes) == 1 and None not in nodes
