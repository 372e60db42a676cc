"""Rules on Airflow's configuration in effect, wherever it is set.

A variable beats airflow.cfg, and the chart knows neither of the variables: what it renders follows
`executor`, `config` and the names of Secrets. Source: chart 1.22.0, Airflow 3.2.2.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wizard.chart.configuration import (
    WEB,
    Option,
    Setting,
    is_sensitive,
    parse_variable,
    url_host,
    url_path,
    variable_name,
)
from wizard.chart.contract import is_celery
from wizard.chart.environment import TASK_POD, Container
from wizard.chart.keys import list_names
from wizard.chart.names import MIGRATIONS_JOB
from wizard.chart.variables import Variable
from wizard.checks.reporter import Reporter, read_configuration
from wizard.checks.subject import Subject, get_nested
from wizard.findings import Finding
from wizard.formats.addresses import is_loopback
from wizard.formats.go_templates import UNSET
from wizard.formats.nested import format_path
from wizard.secrets.scan import show_variable, withhold_secrets

# Variables that the chart sets from a Secret, without which Airflow makes up a value of its own.
_NEEDED = (
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__WEBSERVER__SECRET_KEY",
    "AIRFLOW__CELERY__BROKER_URL",
)
# The chart's keys of the Jobs that may go without the variables of the other containers.
_JOBS = {MIGRATIONS_JOB: "migrateDatabaseJob", "create-user-job": "createUserJob"}
_QUESTIONS: dict[Option, str] = {
    ("core", "executor"): "executor.kind",
    ("core", "dags_folder"): "dags.subpath",
    ("core", "load_examples"): "environment.load_examples",
    ("core", "default_timezone"): "environment.timezone",
    ("api", "base_url"): "access.base_url",
    ("webserver", "base_url"): "access.base_url",
    ("celery", "worker_concurrency"): "executor.workers.concurrency",
}
# Options whose value is judged, so that saying that the variable wins adds nothing.
_JUDGED_BY_VALUE: frozenset[Option] = frozenset(
    [
        ("core", "executor"),
        ("core", "dags_folder"),
        ("core", "execution_api_server_url"),
        ("api", "port"),
    ]
)


def check_configuration(subject: Subject) -> Iterator[Finding]:
    """Run the rules on variables and options."""
    configuration = read_configuration(subject)
    if configuration is None:
        return
    rules = _Rules(subject, configuration)
    yield from rules.check_duplicates()
    yield from rules.check_two_places()
    yield from rules.check_executor()
    yield from rules.check_dags_folder()
    yield from rules.check_addresses()
    yield from rules.check_database()
    yield from rules.check_forms()
    yield from rules.check_missing_secrets()


class _Rules(Reporter):
    def check_duplicates(self) -> Iterator[Finding]:
        """Report a variable that a container gets twice, from two places."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for container in self.configuration.containers:
            seen: dict[str, Variable] = {}
            for variable in container.variables:
                before = seen.setdefault(variable.name, variable)
                if before is variable or _is_one_list(before, variable):
                    continue
                own, other = (before, variable) if variable.built_in else (variable, before)
                key = (variable.name, ".".join(map(str, own.place)), other.origin)
                found.setdefault(key, []).append(container.title)
                if len(found[key]) == 1:
                    yield self._duplicate(container, own, other)

    def _duplicate(self, container: Container, own: Variable, other: Variable) -> Finding:
        name = own.name if other.built_in else show_variable(own.name)
        where = _place(own)
        task = container.component == TASK_POD
        effect = (
            "Kubernetes takes the later one" if task else "server-side apply refuses a name twice"
        )
        message = f"container {container.title} gets {name} from here and from {other.origin}: "
        fix = "keep one of them"
        if other.built_in and other.secret:
            fix = (
                f"remove it, or turn off the chart's: enableBuiltInSecretEnvVars.{own.name}: false"
            )
        report = self.warning if task else self.error
        return report("configuration.duplicate-variable", where, message + effect, fix)

    def check_two_places(self) -> Iterator[Finding]:
        """Report options that a variable sets although airflow.cfg sets them, too."""
        seen = set()
        for container, variable in self.configuration.list_variables():
            option = parse_variable(variable.name)
            if option is None or (option, variable.origin) in seen:
                continue
            seen.add((option, variable.origin))
            option = self.configuration.rename(option)
            written = self.configuration.find_in_file(*option)
            setting = self.configuration.find(container, *option)
            if written is None or setting is None or setting.variable is not variable:
                continue
            if written.is_built_in and (
                option not in _QUESTIONS
                or option in _JUDGED_BY_VALUE
                or setting.value == written.value
            ):
                continue
            yield self._beaten(option, setting, written)

    def _beaten(self, option: Option, setting: Setting, written: Setting) -> Finding:
        name = setting.variable.name if setting.variable else variable_name(*option)
        origin = withhold_secrets(written.origin, list_names())
        # The name repeats the key of airflow.cfg.
        shown = show_variable(name) if origin == written.origin else "this variable"
        message = f"{shown} beats {origin}"
        report = self.warning
        paths = [url_path(one.value or "") for one in (setting, written)]
        if option == ("api", "base_url") and setting.value and paths[0] != paths[1]:
            report = self.error
            message += ", and the chart derives the path of the execution API from the latter"
        question = _QUESTIONS.get(option, "")
        fix = f"remove the variable and answer {question}" if question else "keep one of them"
        return report("configuration.two-places", setting.where, message, fix, question)

    def check_executor(self) -> Iterator[Finding]:
        """Report another executor than the one for which the chart renders."""
        for setting in self._settings("core", "executor"):
            if _is_template(setting):
                continue
            if _words(setting.value or "") != _words(self.one.executor):
                message = (
                    "Airflow runs another executor than the one for which the chart renders the "
                    "components"
                )
                fix = "remove it and set the executor in one place"
                question = _QUESTIONS["core", "executor"]
                yield self.error("configuration.executor", setting.where, message, fix, question)

    def check_dags_folder(self) -> Iterator[Finding]:
        """Report a folder into which nothing brings the DAGs."""
        if not self.one.get("dags.gitSync.enabled"):
            return
        derived = posixpath.normpath(self.configuration.dags_folder)
        shown = withhold_secrets(derived)
        mount = str(self.one.get("dags.mountPath") or f"{self.one.get('airflowHome')}/dags")
        top = f"{posixpath.normpath(mount)}/repo"
        for setting in self._settings("core", "dags_folder"):
            if _is_template(setting):
                continue
            folder = posixpath.normpath(setting.value or "/")
            if not (folder == top or folder.startswith(f"{top}/")):
                message = f"git-sync writes the DAGs to {shown}, and Airflow reads another folder"
                fix = "remove it and set the folder in dags.gitSync.subPath"
                yield self.error(
                    "configuration.dags-folder",
                    setting.where,
                    message,
                    fix,
                    "dags.subpath",
                )
            elif setting.variable is not None and folder != derived:
                message = f"the variable beats the folder that the chart derives, {shown}"
                fix = "remove it and set the folder in dags.gitSync.subPath"
                yield self.warning(
                    "configuration.dags-folder",
                    setting.where,
                    message,
                    fix,
                    "dags.subpath",
                )

    def check_addresses(self) -> Iterator[Finding]:
        """Report a port, host or URL at which the API server is not reached."""
        web = "api" if self.one.airflow_3 else "webserver"
        port, host = (
            ("port", "host") if self.one.airflow_3 else ("web_server_port", "web_server_host")
        )
        wanted = str(self.one.get("ports.apiServer" if self.one.airflow_3 else "ports.airflowUI"))
        for setting in self._settings(web, port):
            if not _is_template(setting) and setting.value != wanted:
                used = f"port {wanted}" if wanted.isdecimal() else "one port"
                message = f"Service and probes use {used}, and Airflow listens on another"
                fix = f"remove it, or write {wanted}" if wanted.isdecimal() else "remove it"
                yield self.error("configuration.port", setting.where, message, fix)
        for setting in self._settings(web, host):
            if is_loopback(setting.value or ""):
                message = "Airflow listens on loopback only, so no other pod reaches it"
                yield self.error("configuration.port", setting.where, message, "remove it")
        if self.one.airflow_3:
            yield from self._check_execution_url()

    def _check_execution_url(self) -> Iterator[Finding]:
        base = self.configuration.find_at(WEB, "api", "base_url")
        path = f"{url_path(base.value)}/execution" if base and base.value else "/execution"
        yield from self._check_derived_url(base, path)
        for setting in self._settings("core", "execution_api_server_url"):
            url = setting.value
            host = url_host(url).partition(".")[0]
            own = self.subject.is_object_name(host, "api-server")
            fix = "remove it: the chart derives it from the Service and the base URL"
            if url is not None and is_loopback(host):
                message = "tasks run in other pods, and loopback is not the API server there"
                yield self.error("configuration.execution-api", setting.where, message, fix)
            elif url is not None and own and url_path(url) != path:
                message = f"the API server serves the execution API at {withhold_secrets(path)}/"
                yield self.error("configuration.execution-api", setting.where, message, fix)
            elif not own:
                service = self.subject.object_name("api-server")
                message = f"tasks call another host than Service {service}"
                yield self.warning("configuration.execution-api", setting.where, message, fix)

    def _check_derived_url(self, base: Setting | None, path: str) -> Iterator[Finding]:
        """Report a variable with a path that the chart's URL of the execution API lacks.

        The chart knows only airflow.cfg; `_beaten` reports a variable that beats a URL there.
        """
        derived = self.configuration.find_in_file("core", "execution_api_server_url")
        written = self.configuration.find_in_file("api", "base_url")
        if base is None or written is not None or derived is None or not derived.is_built_in:
            return
        if list(self._settings("core", "execution_api_server_url")):
            return
        if url_path(derived.value or "") != path:
            message = (
                f"the API server serves the execution API at {withhold_secrets(path)}/, and the "
                "chart tells tasks another path: it reads the base URL in config.api only"
            )
            fix = "write it as config.api.base_url, and remove the variable"
            question = _QUESTIONS["api", "base_url"]
            yield self.error("configuration.execution-api", base.where, message, fix, question)

    def check_database(self) -> Iterator[Finding]:
        """Report connections that bypass PgBouncer."""
        if not self.one.get("pgbouncer.enabled"):
            return
        pooler = self.subject.object_name("pgbouncer")
        known = pooler if self.subject.knows_names else "-pgbouncer"
        seen = set()
        for option in ("sql_alchemy_conn", "sql_alchemy_conn_async"):
            for container, setting in self.configuration.find_all("database", option):
                built_in = setting.variable is not None and setting.variable.built_in
                if container.component == MIGRATIONS_JOB or built_in or setting.where in seen:
                    continue
                seen.add(setting.where)
                text = self._read_connection(setting)
                if (text and known in text) or (not text and self._is_metadata(setting)):
                    continue
                message = "this connection bypasses PgBouncer"
                if not url_host(text):
                    message = "it cannot be seen here whether this connection goes to PgBouncer"
                fix = f"remove it: the chart connects through {pooler}"
                report = self.error if url_host(text) else self.warning
                question = "database.pgbouncer.mode"
                yield report("configuration.pgbouncer", setting.where, message, fix, question)

    def _is_metadata(self, setting: Setting) -> bool:
        """Return whether the connection is from the Secret that the chart takes it from, too."""
        variable = setting.variable
        named = self.one.get("data.metadataSecretName")
        return variable is not None and bool(named) and variable.secret == named

    def _read_connection(self, setting: Setting) -> str:
        """Return what is known of a connection: its text, or its template in an ExternalSecret."""
        if setting.value is not None:
            return setting.value
        variable = setting.variable
        if variable is None or not variable.secret:
            return ""
        for document in self.subject.objects("ExternalSecret"):
            if (get_nested(document.spec, "target", "name") or document.name) == variable.secret:
                data = get_nested(document.spec, "target", "template", "data", variable.key)
                return str(data or "")
        return ""

    def check_forms(self) -> Iterator[Finding]:
        """Report `_CMD` and `_SECRET` forms that Airflow does not read."""
        seen = set()
        for container, variable in self.configuration.list_variables():
            for form in ("_CMD", "_SECRET"):
                plain = variable.name.removesuffix(form)
                option = parse_variable(plain)
                known = option in _QUESTIONS or option in _JUDGED_BY_VALUE
                if plain == variable.name or option is None or variable.origin in seen:
                    continue
                other = container.find(plain)
                where = _place(variable)
                if not is_sensitive(option) and known:
                    seen.add(variable.origin)
                    message = f"no effect: Airflow does not read {option[1]} in this form"
                    yield self.warning("configuration.no-effect", where, message, f"set {plain}")
                elif is_sensitive(option) and other is not None:
                    seen.add(variable.origin)
                    message = f"no effect: {plain} wins, which {other.origin} sets"
                    fix = f"write enableBuiltInSecretEnvVars.{plain}: false, or remove this one"
                    yield self.warning("configuration.no-effect", where, message, fix)

    def check_missing_secrets(self) -> Iterator[Finding]:
        """Report keys that nothing sets because the chart's variable is turned off."""
        for name in _NEEDED:
            where = f"enableBuiltInSecretEnvVars.{name}"
            option = parse_variable(name)
            if self.one.get(where) is not False or option is None or not self._applies(name):
                continue
            readers = [
                one
                for one in self.configuration.airflow_containers
                if _reads(one, name, airflow_3=self.one.airflow_3)
            ]
            missing = [
                one
                for one in readers
                if not one.unreadable and self.configuration.find(one, *option) is None
            ]
            if missing:
                message = (
                    f"turned off, and nothing sets it in {missing[0].title}: Airflow makes up "
                    "its own"
                )
                places = ", ".join(dict.fromkeys(self._list_of(one) for one in missing))
                fix = f"set {name}_CMD or {name}_SECRET in {places}, or write true"
                yield self.error("configuration.missing-secret", where, message, fix)

    def _list_of(self, container: Container) -> str:
        """Return the value that gives a container variables: a Job's own where no other does."""
        key = _JOBS.get(container.component)
        if key and self.one.get(f"{key}.applyCustomEnv") is False:
            return f"{key}.env"
        return "env"

    def _applies(self, name: str) -> bool:
        """Return whether this Airflow and executor read the variable. Source: the chart."""
        if name == "AIRFLOW__CELERY__BROKER_URL":
            return is_celery(self.one.values)
        if name == "AIRFLOW__WEBSERVER__SECRET_KEY":
            return not self.one.airflow_3
        return self.one.airflow_3 or "__API" not in name

    def _settings(self, section: str, option: str) -> Iterator[Setting]:
        """Yield what the values set for an option, each place once."""
        seen = set()
        for _, setting in self.configuration.find_all(section, option):
            if not setting.is_built_in and setting.where not in seen:
                seen.add(setting.where)
                yield setting


def _is_template(setting: Setting) -> bool:
    """Return whether airflow.cfg gets it from a template that cannot be read, as in the chart."""
    return setting.variable is None and (setting.value is None or UNSET in setting.value)


def _reads(container: Container, name: str, *, airflow_3: bool) -> bool:
    """Return whether a container needs this variable that the chart would give it."""
    if name == variable_name("database", "sql_alchemy_conn") and airflow_3:
        # Tasks of Airflow 3 talk to the API server.
        return container.component not in ("airflow-cleanup-pods", "worker", TASK_POD)
    if name == "AIRFLOW__API_AUTH__JWT_SECRET":
        return container.name in ("api-server", "scheduler")
    return container.component not in ("airflow-cleanup-pods",)


def _is_one_list(one: Variable, other: Variable) -> bool:
    """Return whether both are in one list of the values; another rule judges each list."""
    last = len(one.place) > 1 and isinstance(one.place[-1], int)
    return last and one.place[:-1] == other.place[:-1] and one.place[-2] != "secret"


def _place(variable: Variable) -> str:
    return format_path(variable.place)


def _words(executor: str) -> list[str]:
    return [name.strip() for name in executor.split(",")]
