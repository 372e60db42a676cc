"""What the installation uses outside the cluster: servers on loopback, and answers for them."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.canary import HOSTILE_TAIL
from tests.support.certificates import Authority
from tests.support.vault_store import Cluster
from tests.testbed import programs
from tests.testbed.databases import Postgres, free_port, own_folder
from tests.testbed.fixtures import found, running
from tests.testbed.object_storage import AZURITE_ACCOUNT, AZURITE_KEY, ObjectStorage
from wizard.manifests.postgres import CA_PATH

HOST = "pg.example.internal"
USER, DATABASE = "air'flow", "d b"
TLS_ONLY = "hostnossl all all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n"
BUCKET = "task-logs"
JWT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount/token"
LOG_CONNECTION = "AIRFLOW_CONN_AIRFLOW_LOGS"
# Where the store keeps it.
LOG_KEY = f"extraAirflowLogs_{LOG_CONNECTION}"


@contextmanager
def database(authority: Authority) -> Iterator[Postgres]:
    """PostgreSQL that takes TLS only, with an empty database for Airflow."""
    with ExitStack() as stack:
        programs_folder = found(programs.postgres_bin)
        server = stack.enter_context(
            running(Postgres(programs_folder, own_folder("wizard-airflow-"), settings={
                "max_connections": 120, "unix_socket_directories": "",
            }))
        )  # fmt: skip
        server.create_role(USER, HOSTILE_TAIL)
        server.create_database(DATABASE, USER)
        server.secure(*authority.issue("localhost", "127.0.0.1"), TLS_ONLY)
        yield server


def database_answers(server: Postgres, sslmode: str, pooler: str) -> dict[str, object]:
    """The answers for this database: `pooler` is off or chart."""
    made: dict[str, object] = {
        "database.host": HOST, "database.port": server.port, "database.user": USER,
        "database.name": DATABASE, "database.sslmode": sslmode,
        "database.pgbouncer.mode": pooler,
    }  # fmt: skip
    if sslmode == "verify-full":
        made["database.ca.file"] = "db-ca.pem"
    return made


def database_places(server: Postgres, authority: Authority) -> dict[str, str]:
    """Where the database is on this machine, by its place in the cluster."""
    return {f"{HOST}:{server.port}": f"localhost:{server.port}", CA_PATH: str(authority.path)}


@dataclass(frozen=True)
class Logs:
    """A place for remote logs: the options for it, its connection, and what it holds."""

    options: dict[str, dict[str, str]]
    connection: str
    storage: ObjectStorage
    python: Path
    azure: bool = False

    def read(self) -> dict[str, str]:
        """Every object's name and text."""
        if self.azure:
            return self._azure(
                "for one in c.list_blobs():\n"
                " found[one.name] = c.download_blob(one.name).readall().decode()\n"
            )
        code = (
            "import boto3, json, sys\n"
            "s = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1',\n"
            " aws_access_key_id='a', aws_secret_access_key='b')\n"
            f"found = {{o['Key']: s.get_object(Bucket={BUCKET!r}, Key=o['Key'])['Body'].read()\n"
            f" .decode() for o in s.list_objects_v2(Bucket={BUCKET!r}).get('Contents', [])}}\n"
            "print(json.dumps(found))\n"
        )
        return self._run(code, self.storage.url)

    def make(self) -> None:
        """Create the bucket or container."""
        if self.azure:
            self._azure("c.create_container()\n")
        else:
            request = urllib.request.Request(f"{self.storage.url}/{BUCKET}", method="PUT")
            urllib.request.urlopen(request, timeout=20).close()

    def _azure(self, code: str) -> dict[str, str]:
        start = (
            "import json, sys\nfrom azure.storage.blob import ContainerClient\nfound = {}\n"
            f"c = ContainerClient.from_connection_string(sys.argv[1], {BUCKET!r})\n"
        )
        return self._run(f"{start}{code}print(json.dumps(found))\n", azure_address(self.storage))

    def _run(self, code: str, address: str) -> dict[str, str]:
        done = subprocess.run(
            [self.python, "-c", code, address], capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made: dict[str, str] = json.loads(done.stdout)
        return made


def azure_address(storage: ObjectStorage) -> str:
    """Azurite's connection string."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
        f"BlobEndpoint={storage.url}/{AZURITE_ACCOUNT};"
    )


@contextmanager
def s3_logs(python: Path) -> Iterator[Logs]:
    """Logs in S3."""
    with running(ObjectStorage.s3()) as storage:
        extra = {"endpoint_url": storage.url, "region_name": "us-east-1"}
        login = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
        options = {
            "logging": {
                "remote_logging": "True",
                "remote_base_log_folder": f"s3://{BUCKET}/airflow",
                "remote_log_conn_id": "airflow_logs",
            }
        }
        logs = Logs(options, json.dumps(login), storage, python)
        logs.make()
        yield logs


@contextmanager
def azure_logs(python: Path) -> Iterator[Logs]:
    """Logs in Azure Blob Storage."""
    with running(ObjectStorage.azure()) as storage:
        extra = {"connection_string": azure_address(storage)}
        options = {
            "logging": {
                "remote_logging": "True",
                "remote_base_log_folder": "wasb-airflow",
                "remote_log_conn_id": "airflow_logs",
            },
            "azure_remote_logging": {"remote_wasb_log_container": BUCKET},
        }
        connection = json.dumps({"conn_type": "wasb", "extra": extra})
        logs = Logs(options, connection, storage, python, azure=True)
        logs.make()
        yield logs


@dataclass(frozen=True)
class Backend:
    """Connections in Vault, which Airflow's components read with a role of their own."""

    cluster: Cluster
    options: dict[str, dict[str, str]]
    jwt: str

    @property
    def token(self) -> str:
        """A token of the role, as Airflow gets one."""
        store = self.cluster.store
        body = {"role": f"{store.role}-runtime", "jwt": self.jwt}
        answer: Any = self.cluster.vault.request("POST", f"auth/{store.auth_mount}/login", body)
        made: str = answer["auth"]["client_token"]
        return made


def vault_backend(cluster: Cluster, connections: dict[str, str], jwt_path: str) -> Backend:
    """Connections in Vault by id and URI, and the role of the components that read them."""
    store, vault = cluster.store, cluster.vault
    vault.mount(store.mount)
    cluster.set_up()
    vault.request("POST", store.data_path, {"data": {"databasePassword": "only-for-the-store"}})
    folder = "airflow/airflow"
    for name, uri in connections.items():
        path = f"{store.mount}/data/{folder}/connections/{name}"
        vault.request("POST", path, {"data": {"conn_uri": uri}})
    runtime = f"{store.role}-runtime"
    vault.policy(runtime, {
        f"{store.mount}/data/{folder}/connections/*": ["read"],
        f"{store.mount}/data/{folder}/variables/*": ["read"],
    })  # fmt: skip
    account = "airflow-scheduler"
    cluster._account(store.account_namespace, account)
    body = {
        "bound_service_account_names": [account],
        "bound_service_account_namespaces": [store.account_namespace],
        "audience": store.audience, "token_policies": [runtime],
    }  # fmt: skip
    vault.request("POST", f"auth/{store.auth_mount}/role/{runtime}", body)
    keywords = {
        "url": vault.url, "auth_type": "kubernetes", "auth_mount_point": store.auth_mount,
        "kubernetes_role": runtime, "kubernetes_jwt_path": jwt_path, "mount_point": store.mount,
        "connections_path": f"{folder}/connections", "variables_path": f"{folder}/variables",
        "config_path": None, "verify": str(vault.ca),
    }  # fmt: skip
    options = {
        "secrets": {
            "backend": "airflow.providers.hashicorp.secrets.vault.VaultBackend",
            "backend_kwargs": json.dumps(keywords),
        }
    }
    return Backend(cluster, options, cluster.minted(account, store.audience))


def ports() -> tuple[int, int]:
    """Free ports for the API server and for the scheduler's server of logs."""
    return free_port(), free_port()
