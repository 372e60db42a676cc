"""Rules on logins to a cloud by the identity of the pods: what the pods must carry for them.

Source: documentation of EKS (IAM roles for ServiceAccounts), GKE (Workload Identity Federation) and
AKS (Microsoft Entra Workload ID). The identity of the nodes needs none of it, and neither do EKS
Pod Identity and GKE's principals, which name the ServiceAccounts in the cloud: so these rules warn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
# The annotation of each cloud by which its webhook or metadata server finds the identity.
_ANNOTATIONS: Mapping[str, str] = {
    "s3": "eks.amazonaws.com/role-arn",
    "gs": "iam.gke.io/gcp-service-account",
    "azure": AZURE_ANNOTATION,
}
# Variables with a login of another kind.
_LOGINS = frozenset({"AWS_ACCESS_KEY_ID", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS"})


@dataclass(frozen=True, slots=True)
class _Login:
    """What the pods log in to, and the value that says so."""

    cloud: str
    what: str
    where: str


def check_identity(subject: Subject) -> Iterator[Finding]:
    """Warn of pods that log in to a cloud by their own identity, and carry none."""
    configuration = read_configuration(subject)
    # Where others wrote the values, their ServiceAccounts and admission are not known either.
    if configuration is None or not subject.layout.manifests:
        return
    yield from _Rules(subject, configuration).check()


class _Rules(Reporter):
    def check(self) -> Iterator[Finding]:
        """Report the first thing that is missing, once for each cloud."""
        names = {variable.name for _, variable in self.configuration.list_variables()}
        if names & _LOGINS:
            return
        found = {one.cloud: one for one in self._list_logins()}
        for login in found.values():
            yield from self._check_login(login)

    def _list_logins(self) -> Iterator[_Login]:
        backend = self._find("secrets", "backend")
        arguments = self._find("secrets", "backend_kwargs")
        if backend == AZURE_CLASS and "client_secret" not in arguments:
            yield _Login("azure", "Azure Key Vault", "config.secrets.backend")
        if self._find("logging", "remote_logging").lower() not in ("true", "t", "1"):
            return
        folder, name = (
            self._find("logging", one) for one in ("remote_base_log_folder", "remote_log_conn_id")
        )
        scheme = folder.partition("://")[0]
        where = "config.logging.remote_base_log_folder"
        if scheme in ("s3", "gs") and not name:
            yield _Login(scheme, folder, where)
        # Our connection with the address and no login; any other one is in a Secret.
        elif name == CONNECTION_ID and any(
            variable.name == CONNECTION_VARIABLE and variable.value
            for _, variable in self.configuration.list_variables()
        ):
            yield _Login("azure", "Azure Blob Storage", where)

    def _find(self, section: str, option: str) -> str:
        found = self.configuration.find_at(WEB, section, option)
        return (found.value or "") if found else ""

    def _check_login(self, login: _Login) -> Iterator[Finding]:
        """Look at the component that serves the UI: the questions set all alike."""
        web = "apiServer" if self.one.airflow_3 else "webserver"
        account = as_mapping(self.one.get(f"{web}.serviceAccount"))
        labels = {**as_mapping(self.one.get("labels")), **as_mapping(self.one.get(f"{web}.labels"))}
        missing, question = "", ""
        if account.get("create") is not False and not account.get("annotations"):
            missing = f"ServiceAccounts without annotations ({_ANNOTATIONS[login.cloud]})"
            question = _ACCOUNTS
        if login.cloud == "azure" and str(labels.get(AZURE_LABEL)).lower() != "true":
            missing, question = f"no label {AZURE_LABEL}=true", _LABELS
        if missing:
            message = (
                f"the pods log in to {login.what} by their own identity, and have {missing}: only "
                "an identity of the nodes, or one bound to the accounts' names, works"
            )
            fix = "set components.service_account.annotations"
            fix += f", and components.pod_labels to {AZURE_LABEL}=true" * (login.cloud == "azure")
            yield self.warning("configuration.identity", login.where, message, fix, question)
