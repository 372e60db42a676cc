"""Remote task logs: the options of Airflow and of the chart for each kind of store.

Source: airflow_local_settings.py of Airflow 2.11.0 and 3.0.6 to 3.3.2; handlers and config of the
providers amazon 9.39, google 22.8, microsoft-azure 15.2, elasticsearch 6.10 and opensearch 1.15;
chart 1.22.0 (`elasticsearch`, `opensearch`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizard.formats.log_urls import LogPlace
from wizard.manifests.certificates import CA_KEY
from wizard.manifests.image import UNOFFICIAL_PACKAGES

if TYPE_CHECKING:
    from wizard.manifests.release import Release

CONNECTION_ID = "airflow_logs"
CONNECTION_VARIABLE = "AIRFLOW_CONN_AIRFLOW_LOGS"
USER_VARIABLE = "AIRFLOW__OPENSEARCH__USERNAME"
PASSWORD_VARIABLE = "AIRFLOW__OPENSEARCH__PASSWORD"  # noqa: S105 - the name of a variable
CA_FOLDER = "/etc/airflow-logs-ca"
CA_FILE = f"{CA_FOLDER}/{CA_KEY}"
# The certificates of public authorities in the official image.
_SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"
# What the pods carry for a login of their own, and the questions about it.
IDENTITY_KEYS = (
    "`components.service_account.annotations` names it to the cloud, and on AKS "
    "`components.pod_labels` must have `azure.workload.identity/use=true`."
)
# The provider package of each kind of store.
PACKAGES = {
    "s3": "apache-airflow-providers-amazon",
    "gcs": "apache-airflow-providers-google",
    "azure": "apache-airflow-providers-microsoft-azure",
    "elasticsearch": "apache-airflow-providers-elasticsearch",
    "opensearch": "apache-airflow-providers-opensearch",
}


def log_users(release: Release) -> tuple[str, ...]:
    """Return the labels of the components that write logs of tasks, or show them."""
    return (release.web_component, *release.task_runners)


def bucket_settings(place: LogPlace, *, connection: bool) -> dict[str, object]:
    """Return the options for a bucket or a container.

    Without a connection, the libraries of AWS and Google use the pod's own identity.
    """
    azure = place.scheme == "wasb"
    settings: dict[str, object] = {
        "config.logging.remote_logging": "True",
        # Azure's container is an option of its own; here is the folder in it.
        "config.logging.remote_base_log_folder": place.folder if azure else place.url,
    }
    if azure:
        settings["config.azure_remote_logging.remote_wasb_log_container"] = place.container
    if connection:
        settings["config.logging.remote_log_conn_id"] = CONNECTION_ID
    return settings


def identity_connection(place: LogPlace, endpoint: str, *, ca: bool) -> str:
    """Return the connection by the identity of the pod; it has no secret.

    It names an Azure account, or a server like S3 at `endpoint`, with `ca` one that a private CA
    vouches for. Empty: the library needs none.
    """
    if place.scheme == "wasb":
        return json.dumps({"conn_type": "wasb", "host": f"https://{place.host}"})
    if place.scheme != "s3" or not endpoint:
        return ""
    extra = {"endpoint_url": f"https://{endpoint}", **({"verify": CA_FILE} if ca else {})}
    return json.dumps({"conn_type": "aws", "extra": extra})


def search_settings(
    engine: str, place: LogPlace, secret: str, *, direct: bool, ca: bool
) -> dict[str, object]:
    """Return the options for Elasticsearch or OpenSearch.

    `direct`: Airflow writes the log when a task has ended. Otherwise tasks write it to standard
    output as JSON, and a log shipper collects it there. The defaults of the provider for
    OpenSearch do not verify certificates.
    """
    writes = "write_to_es" if engine == "elasticsearch" else "write_to_os"
    settings: dict[str, object] = {
        f"{engine}.enabled": True,
        f"{engine}.secretName": secret,
        f"config.{engine}.json_format": "True",
        f"config.{engine}.{writes if direct else 'write_stdout'}": "True",
    }
    if engine == "opensearch":
        settings |= {
            "config.opensearch.port": place.port,
            "config.opensearch_configs.use_ssl": "True",
            "config.opensearch_configs.verify_certs": "True",
            # Empty: the certificate must be for the host. The provider's default is False.
            "config.opensearch_configs.ssl_assert_hostname": "",
            "config.opensearch_configs.ca_certs": CA_FILE if ca else _SYSTEM_CA,
        }
    elif ca:
        settings["config.elasticsearch_configs.ca_certs"] = CA_FILE
    return settings


def remote_note(
    release: Release,
    destination: str,
    place: LogPlace,
    *,
    identity: bool,
    direct: bool,
    ca: bool = False,
) -> str:
    """Return the runbook's section on remote logs: who writes, what must exist, how to test."""
    lines = ["## Task logs", "", f"Tasks' logs are kept at `{place.url}`."]
    if destination in {"elasticsearch", "opensearch"}:
        lines.append(
            "Airflow writes a log there when its task has ended."
            if direct
            else "Tasks write them to standard output as JSON. The log shipper of your cluster "
            "(Fluent Bit, Vector, Filebeat) must send them there, with their fields `log_id` and "
            "`offset` as numbers and texts of their own."
        )
    else:
        lines.append("Airflow uploads a log when its task has ended; until then, it is in the pod.")
    package = PACKAGES[destination]
    official = "do not contain" if package in UNOFFICIAL_PACKAGES else "contain"
    lines.append(f"The image needs the package `{package}`; official images {official} it.")
    if identity:
        lines.append(
            "The pods log in with their ServiceAccounts (workload identity): bind the accounts "
            f"of {', '.join(log_users(release))} to an identity that can read and write there. "
            f"{IDENTITY_KEYS}"
        )
    if ca and not identity:
        lines.append(
            f"The connection names the private CA in its extra: `verify` is `{CA_FILE}`, beside "
            "`endpoint_url`. Other connections to AWS still trust public authorities."
        )
    web = release.web_name
    lines += [
        "",
        "The option in effect, and a connection from the component that shows logs:",
        "",
        "```bash",
        f"kubectl -n {release.namespace} exec deploy/{web} -- "
        "airflow config get-value logging remote_base_log_folder",
        f"kubectl -n {release.namespace} exec deploy/{web} -- "
        f"python -c \"import socket; socket.create_connection(('{place.host}', {place.port}), 5)\"",
        "```",
    ]
    return "\n".join(lines)
