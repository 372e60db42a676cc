"""Rules on logins to Azure by the identity of the pods: what the pods must carry for them.

Source: documentation of AKS (Microsoft Entra Workload ID). The identity of the nodes needs none of
it: so these rules warn. Elsewhere nothing is certain: EKS Pod Identity and GKE's principals name
the ServiceAccounts in the cloud, so pods carry nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wizard.chart.configuration import WEB
from wizard.checks.reporter import Reporter, read_configuration
from wizard.checks.subject import Subject, as_mapping
from wizard.findings import Finding
from wizard.manifests.remote_logs import CONNECTION_ID, CONNECTION_VARIABLE
from wizard.manifests.secrets_backend import AZURE_CLASS

_ACCOUNTS = "components.service_account.annotations"
_LABELS = "components.pod_labels"
AZURE_LABEL = "azure.workload.identity/use"
AZURE_ANNOTATION = "azure.workload.identity/client-id"
# Variables with a login of another kind. Source: EnvironmentCredential of azure-identity.
_LOGINS = frozenset({"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_PASSWORD"})


@dataclass(frozen=True, slots=True)
class _Login:
    """What the pods log in to, and the value that says so."""

    what: str
    where: str


def check_identity(subject: Subject) -> Iterator[Finding]:
    """Warn of pods that log in to Azure by their own identity, and carry none."""
    configuration = read_configuration(subject)
    # Where others wrote the values, their ServiceAccounts and admission are not known either.
    if configuration is None or not subject.layout.manifests:
        return
    yield from _Rules(subject, configuration).check()


class _Rules(Reporter):
    def check(self) -> Iterator[Finding]:
        """Report what is missing, once for all logins."""
        names = {variable.name for _, variable in self.configuration.list_variables()}
        login = next(self._list_logins(), None)
        if login and not names & _LOGINS:
            yield from self._check_login(login)

    def _list_logins(self) -> Iterator[_Login]:
        backend = self._find("secrets", "backend")
        arguments = self._find("secrets", "backend_kwargs")
        if backend == AZURE_CLASS and "client_secret" not in arguments:
            yield _Login("Azure Key Vault", "config.secrets.backend")
        # Airflow writes to Azure if the folder begins so (airflow_local_settings.py).
        if self._find("logging", "remote_logging").lower() in ("true", "t", "1") and (
            self._find("logging", "remote_base_log_folder").startswith("wasb")
            and self._find("logging", "remote_log_conn_id") == CONNECTION_ID
            # Our connection with the address and no login; any other one is in a Secret.
            and any(
                variable.name == CONNECTION_VARIABLE and variable.value
                for _, variable in self.configuration.list_variables()
            )
        ):
            yield _Login("Azure Blob Storage", "config.logging.remote_base_log_folder")

    def _find(self, section: str, option: str) -> str:
        found = self.configuration.find_at(WEB, section, option)
        return (found.value or "") if found else ""

    def _check_login(self, login: _Login) -> Iterator[Finding]:
        """Look at the component that serves the UI: the questions set all alike."""
        web = "apiServer" if self.one.airflow_3 else "webserver"
        account = as_mapping(self.one.get(f"{web}.serviceAccount"))
        annotations = as_mapping(account.get("annotations"))
        labels = {**as_mapping(self.one.get("labels")), **as_mapping(self.one.get(f"{web}.labels"))}
        missing: dict[str, str] = {}
        if str(labels.get(AZURE_LABEL)).lower() != "true":
            missing[_LABELS] = f"no label {AZURE_LABEL}=true"
        if account.get("create") is not False and not annotations.get(AZURE_ANNOTATION):
            missing[_ACCOUNTS] = f"ServiceAccounts without the annotation {AZURE_ANNOTATION}"
        if missing:
            message = (
                f"the pods log in to {login.what} by their own identity, and have "
                f"{' and '.join(missing.values())}: only an identity of the nodes works"
            )
            fix = f"set {_ACCOUNTS} to {AZURE_ANNOTATION}=ID, and {_LABELS} to {AZURE_LABEL}=true"
            where, question = login.where, next(iter(missing))
            yield self.warning("configuration.identity", where, message, fix, question)
