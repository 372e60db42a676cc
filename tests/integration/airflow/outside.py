"""What the installation uses outside the cluster: servers on loopback, and answers for them."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.canary import HOSTILE_TAIL
from tests.support.certificates import Authority
from tests.support.vault_store import Cluster
from tests.testbed import programs
from tests.testbed.databases import Postgres, free_port, own_folder
from tests.testbed.fixtures import found, running
from tests.testbed.object_storage import AZURITE_ACCOUNT, AZURITE_KEY, ObjectStorage
from wizard.manifests.certificates import CA_KEY
from wizard.manifests.postgres import CA_PATH
from wizard.manifests.remote_logs import CA_FILE
from wizard.manifests.secrets_backend import CA_FOLDER, TOKEN_FOLDER
from wizard.plan.render import Rendering

HOST = "pg.example.internal"
USER, DATABASE = "air'flow", "d b"
TLS_ONLY = "hostnossl all all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n"
BUCKET = "task-logs"
# Where the store keeps the connection to the logs.
LOG_KEY = "logsConnection"
VAULT = "https://vault.example.internal:8200"
S3_HOST = "s3.example.internal"


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
    """A place for remote logs: the answers for it, its connection, and what it holds.

    `places` is where the server and its CA are on this machine; without `ca` it is Azure's.
    """

    answers: dict[str, object]
    connection: str
    storage: ObjectStorage
    python: Path
    places: dict[str, str] = field(default_factory=dict)
    ca: Path | None = None

    def read(self) -> dict[str, str]:
        """Every object's name and text."""
        if self.ca is None:
            return self._azure(
                "for one in c.list_blobs():\n"
                " found[one.name] = c.download_blob(one.name).readall().decode()\n"
            )
        code = (
            "import boto3, json, sys\n"
            "s = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1',\n"
            f" verify={str(self.ca)!r}, aws_access_key_id='a', aws_secret_access_key='b')\n"
            f"found = {{o['Key']: s.get_object(Bucket={BUCKET!r}, Key=o['Key'])['Body'].read()\n"
            f" .decode() for o in s.list_objects_v2(Bucket={BUCKET!r}).get('Contents', [])}}\n"
            "print(json.dumps(found))\n"
        )
        return self._run(code, self.storage.url)

    def make(self) -> None:
        """Create the bucket or container."""
        if self.ca is None:
            self._azure("c.create_container()\n")
        else:
            request = urllib.request.Request(f"{self.storage.url}/{BUCKET}", method="PUT")
            trust = ssl.create_default_context(cafile=self.ca)
            urllib.request.urlopen(request, timeout=20, context=trust).close()

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
def s3_logs(python: Path, authority: Authority) -> Iterator[Logs]:
    """Logs in a server like S3, which has a certificate of a private CA."""
    with running(ObjectStorage.s3(*authority.issue("localhost", "127.0.0.1"))) as storage:
        address = f"{S3_HOST}:{storage.port}"
        extra = {
            "endpoint_url": f"https://{address}", "verify": CA_FILE, "region_name": "us-east-1",
        }  # fmt: skip
        login = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
        answers: dict[str, object] = {
            "logs.kind": "remote", "logs.destination": "s3", "logs.url": f"s3://{BUCKET}/airflow",
            "logs.endpoint": address, "logs.ca.file": "logs-ca.pem",
        }  # fmt: skip
        places = {address: f"localhost:{storage.port}", CA_FILE: str(authority.path)}
        logs = Logs(answers, json.dumps(login), storage, python, places, authority.path)
        logs.make()
        yield logs


@contextmanager
def azure_logs(python: Path) -> Iterator[Logs]:
    """Logs in Azure Blob Storage."""
    with running(ObjectStorage.azure()) as storage:
        extra = {"connection_string": azure_address(storage)}
        answers: dict[str, object] = {
            "logs.kind": "remote", "logs.destination": "azure",
            "logs.url": f"wasb://{BUCKET}@{AZURITE_ACCOUNT}.blob.core.windows.net/wasb-airflow",
        }  # fmt: skip
        connection = json.dumps({"conn_type": "wasb", "extra": extra})
        logs = Logs(answers, connection, storage, python)
        logs.make()
        yield logs


@dataclass(frozen=True)
class Backend:
    """Connections in Vault, which Airflow's components read with a role of their own."""

    cluster: Cluster
    jwt: Path
    # The token of each ServiceAccount that the role is for; the pods here share the scheduler's.
    accounts: dict[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, object]:
        """The answers for it: the Vault that is the store, too."""
        store = self.cluster.store
        return {
            "secrets.backend.kind": "vault", "secrets.vault.server": VAULT,
            "secrets.vault.mount": store.mount, "secrets.vault.auth_mount": store.auth_mount,
            "secrets.vault.role": store.role, "secrets.vault.ca.file": "vault-ca.pem",
        }  # fmt: skip

    @property
    def places(self) -> dict[str, str]:
        """Where Vault, its CA and the pod's token are on this machine."""
        vault = self.cluster.vault
        return {
            VAULT: vault.url, f"{CA_FOLDER}/{CA_KEY}": str(vault.ca),
            f"{TOKEN_FOLDER}/token": str(self.jwt),
        }  # fmt: skip

    def set_up(self, made: Rendering, connections: dict[str, str]) -> None:
        """Connections by id and URI, and the emitted policy and role that read them."""
        store, vault = self.cluster.store, self.cluster.vault
        payload = {"data": {"databasePassword": "only-for-the-store"}}
        vault.request("POST", store.data_path, payload)
        for name, uri in connections.items():
            vault.request("POST", self.path(name), {"data": {"conn_uri": uri}})
        folder, role = made.release.paths.vault, self.role
        bound = json.loads(made.tree[f"{folder}/{role}.json"].text)
        (policy,) = bound["token_policies"]
        text = made.tree[f"{folder}/{policy}.hcl"].text
        vault.request("PUT", f"sys/policies/acl/{policy}", {"policy": text})
        vault.request("POST", f"auth/{store.auth_mount}/role/{role}", bound)
        account = made.release.names.service_account("scheduler")
        assert account in bound["bound_service_account_names"]
        self.accounts.update(
            {one: self._minted(made, one) for one in bound["bound_service_account_names"]}
        )
        self.jwt.write_text(self.accounts[account])

    def _minted(self, made: Rendering, account: str) -> str:
        self.cluster._account(made.release.namespace, account)
        audience = self.cluster.store.audience
        return self.cluster.minted(account, audience, namespace=made.release.namespace)

    @property
    def role(self) -> str:
        """The role of the components."""
        return f"{self.cluster.store.role}-runtime"

    def path(self, connection: str) -> str:
        """Where Vault keeps a connection."""
        return f"{self.cluster.store.mount}/data/airflow/airflow/connections/{connection}"

    def login(self, account: str) -> str:
        """A token of the role, as Airflow gets one with this ServiceAccount."""
        body = {"role": self.role, "jwt": self.accounts[account]}
        path = f"auth/{self.cluster.store.auth_mount}/login"
        answer: Any = self.cluster.vault.request("POST", path, body)
        made: str = answer["auth"]["client_token"]
        return made


def new_backend(cluster: Cluster, jwt: Path) -> Backend:
    """Vault with its mounts and the role of the store."""
    cluster.vault.mount(cluster.store.mount)
    cluster.set_up()
    return Backend(cluster, jwt)


def ports() -> tuple[int, int, int]:
    """Free ports for the API server, and for the scheduler's and the triggerer's server of logs."""
    return free_port(), free_port(), free_port()
