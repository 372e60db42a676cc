"""A real Kubernetes API server, without a cluster: objects are checked as a cluster checks them.

RBAC, CRDs, server-side apply, dry-run and strict field validation are the real thing. Nothing
schedules pods and no controller runs; of kubelets there is a stand-in that forwards ports.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.databases import free_port, wait_until_open
from tests.testbed.https import Connections
from tests.testbed.kubelet import Kubelet

START_SECONDS = 60
ALREADY_EXISTS = 409
Manifest = dict[str, Any]
# What the tests themselves and the server do is not of interest.
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "users": ["admin", "system:apiserver"]},
        {"level": "Metadata"},
    ],
}
_METHODS = dict.fromkeys(("get", "list", "watch"), "GET") | {"create": "POST", "update": "PUT"}


_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)


class RejectedError(Exception):
    """The API server refuses an object; the message is the server's own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Kube:
    """A running API server with its etcd; requests are made as a cluster administrator.

    `etcd` is the etcd program; None uses the one inside our own build of the API server.
    """

    apiserver: Path
    etcd: Path | None = None
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="wizard-kube-")))
    port: int = field(default_factory=free_port)
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _resources: dict[str, dict[str, Manifest]] = field(default_factory=dict)
    _namespaces: set[str] = field(default_factory=set)
    _kubelet: Kubelet | None = None
    _connections: Connections | None = None

    @property
    def url(self) -> str:
        """Where it serves; its certificate is verified against `ca`."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """The certificate that clients trust."""
        return self.folder / "certificates" / "apiserver.crt"

    def start(self) -> None:
        """Serve; AssertionError with a log when something does not start."""
        store = free_port()
        address = f"http://127.0.0.1:{store}"
        self._launch("etcd", self._etcd_command(address), store)
        self._launch("apiserver", [str(self.apiserver), *self._flags(address)], self.port)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                self.request("GET", "/readyz")
            except (RejectedError, OSError):
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"not ready:\n{(self.folder / 'apiserver.log').read_text()[-4000:]}")

    @property
    def kubelet(self) -> Kubelet:
        """The stand-in for the kubelet of its only Node, which is there from the first use on."""
        if self._kubelet is None:
            self._kubelet = Kubelet()
            self._kubelet.register(self.request)
        return self._kubelet

    def audited(self, user: str) -> list[str]:
        """Method and address of every request that this user made, as the server's log has them."""
        events = map(json.loads, (self.folder / "audit.log").read_text().splitlines())
        return [
            f"{_METHODS.get(one['verb'], one['verb'].upper())} {one['requestURI']}"
            for one in events
            if one["user"].get("username") == user
        ]

    def stop(self) -> None:
        """End all and remove what they stored."""
        if self._kubelet is not None:
            self._kubelet.stop()
        if self._connections is not None:
            self._connections.close()
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def install(self, definitions: Path) -> None:
        """Create every CustomResourceDefinition in a folder and wait until it is served."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        made: list[str] = []
        for file in sorted(definitions.glob("*.yaml")):
            definition = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
            # The conversion webhook is a service of the operator's, which does not run here.
            definition["spec"].pop("conversion", None)
            self.request("POST", path, definition)
            made.append(definition["metadata"]["name"])
        for name in made:
            self._until_established(f"{path}/{name}")
        self._resources.clear()

    def dry_run(self, text: str) -> Manifest:
        """What the server would store for this YAML document, managedFields left out.

        A server-side apply with dryRun=All and fieldValidation=Strict, which refuses unknown and
        duplicate fields too: RejectedError. The object's namespace is made when it is missing.
        """
        return self._apply(text, "&dryRun=All")

    def apply(self, text: str, manager: str = "test") -> Manifest:
        """The same, for good, as this field manager."""
        return self._apply(text, "", manager)

    def request(
        self, method: str, path: str, body: object = None, media: str = "application/json"
    ) -> Manifest:
        """One request; RejectedError with the server's message for every other status than 2xx.

        As every client does, it comes again while the server asks for that, say because it has
        only just learned of a kind.
        """
        for pause in (*_PAUSES, None):
            try:
                return self._request(method, path, body, media)
            except RejectedError as error:
                if error.code != 429 or pause is None:
                    raise
            time.sleep(pause)
        raise AssertionError

    def _request(self, method: str, path: str, body: object, media: str) -> Manifest:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        if self._connections is None:
            self._connections = Connections(self.port, self.ca)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media}
        sent = None if body is None else data
        status, answer = self._connections.request(method, path, sent, headers)
        text = answer.decode()
        if not 200 <= status < 300:
            raise RejectedError(status, _message(text))
        return json.loads(text) if text.startswith("{") else {"text": text}

    def _apply(self, text: str, options: str, manager: str = "test") -> Manifest:
        manifest = yaml.load(text, Loader=yaml.CSafeLoader)
        path = self._path(manifest)
        query = f"?fieldManager={manager}&force=true&fieldValidation=Strict{options}"
        stored = self.request("PATCH", path + query, text, "application/apply-patch+yaml")
        stored["metadata"].pop("managedFields", None)
        return stored

    def _path(self, manifest: Mapping[str, Any]) -> str:
        api = manifest["apiVersion"]
        base = f"/api/{api}" if "/" not in api else f"/apis/{api}"
        if api not in self._resources:
            listed = self.request("GET", base)["resources"]
            self._resources[api] = {r["kind"]: r for r in listed if "/" not in r["name"]}
        resource = self._resources[api].get(manifest["kind"])
        if resource is None:
            raise RejectedError(404, f"{api} has no kind {manifest['kind']}")
        name = urllib.parse.quote(manifest["metadata"]["name"])
        if not resource["namespaced"]:
            return f"{base}/{resource['name']}/{name}"
        namespace = manifest["metadata"].get("namespace", "default")
        self._make_namespace(namespace)
        return f"{base}/namespaces/{namespace}/{resource['name']}/{name}"

    def _make_namespace(self, name: str) -> None:
        if name in self._namespaces:
            return
        try:
            self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        except RejectedError as error:
            if error.code != ALREADY_EXISTS:
                raise
        self._namespaces.add(name)

    def _until_established(self, path: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            conditions = self.request("GET", path).get("status", {}).get("conditions") or []
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                return
            time.sleep(0.02)
        raise AssertionError(f"never established: {path}")

    def _launch(self, name: str, command: list[str], port: int) -> None:
        log = self.folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=self.folder
            )
        self._processes.append(process)
        wait_until_open("127.0.0.1", port, process, log)

    def _etcd_command(self, address: str) -> list[str]:
        data = str(self.folder / "etcd")
        if self.etcd is None:
            return [str(self.apiserver), "etcd", data, address]
        peers = f"http://127.0.0.1:{free_port()}"
        return [
            str(self.etcd), "--data-dir", data, "--listen-client-urls", address,
            "--advertise-client-urls", address, "--listen-peer-urls", peers, "--unsafe-no-fsync",
        ]  # fmt: skip

    def _flags(self, store: str) -> list[str]:
        key = self.folder / "service-accounts.key"
        key.write_bytes(_private_key())
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{self.token},admin,admin,"system:masters"\n')
        policy = self.folder / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(AUDIT))
        return [
            f"--etcd-servers={store}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--token-auth-file={tokens}",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.folder / 'audit.log'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
        ]


def _message(body: str) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:500]


def _private_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
