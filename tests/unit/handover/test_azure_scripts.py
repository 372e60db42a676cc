"""The scripts for Azure's owners, run by sh; `az` is a stand-in that keeps its state in a file.

It answers only the calls that the scripts make, and knows the rules of the real one by Azure's
documentation: a list is filtered by the query, and creating a credential replaces one of that name.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.handover.test_handover import made

AZ = """\
#!{python}
import json, os, pathlib, re, sys
args = sys.argv[1:]
state_file = pathlib.Path(os.environ["STATE"])
state = json.loads(state_file.read_text())
with state_file.with_name("calls").open("a") as calls:
    calls.write(json.dumps(args) + "\\n")
words = [one for one in args if not one.startswith("-")]
given = {{args[i][2:]: args[i + 1] for i in range(len(args) - 1) if args[i].startswith("--")}}
query = given.get("query", "")
def quoted(key):
    found = re.search(key + r"=='([^']*)'", query)
    return found and found[1]
for call in state["fails"]:
    if args[: len(call)] == call:
        sys.exit("ERROR: (AuthorizationFailed) no")
if args[:2] == ["account", "show"]:
    print(state["tenant"])
elif args[:2] == ["keyvault", "show"]:
    print(state["vault"][query] or "")
elif args[:3] == ["ad", "sp", "show"]:
    print("object-of-" + given["id"])
elif args[:3] == ["role", "assignment", "list"]:
    print(sum(one == [given["assignee"], quoted("roleDefinitionName")] for one in state["roles"]))
elif args[:3] == ["role", "assignment", "create"]:
    state["roles"].append([given["assignee-object-id"], given["role"]])
elif args[:2] == ["aks", "show"]:
    print(state["aks"][query] or "")
elif args[:2] == ["aks", "update"]:
    if "--enable-blob-driver" in args:
        state["aks"]["storageProfile.blobCsiDriver.enabled"] = "true"
elif args[:2] == ["identity", "list"]:
    print(state["identities"].get(quoted("clientId"), ""))
elif args[:3] == ["identity", "federated-credential", "list"]:
    wanted = {{key: quoted(key) for key in ("name", "subject", "issuer") if quoted(key)}}
    print(sum(wanted.items() <= one.items() for one in state["credentials"]))
elif args[:3] == ["identity", "federated-credential", "create"]:
    kept = [one for one in state["credentials"] if one["name"] != given["name"]]
    state["credentials"] = [*kept, {{key: given[key] for key in ("name", "subject", "issuer")}}]
elif args[:2] != ["keyvault", "network-rule"]:
    sys.exit("stand-in: unknown call " + " ".join(args))
state_file.write_text(json.dumps(state))
"""
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "aaaaaaaa-2222-3333-4444-555555555555"
CHANGES: dict[str, object] = {
    "installation.image": {"repository": "own.azurecr.io/airflow", "tag": "3.2.2-r1"},
    "installation.name": "team-airflow",
}
WRITES = ("create", "update")


class Azure:
    """The scripts of an installation, and what the stand-in knows."""

    def __init__(self, folder: Path) -> None:
        self.state, self.folder = folder / "state", folder
        for files in made("aks", CHANGES).values():
            for name, text in files.items():
                (folder / name).write_text(text)
        program = folder / "bin" / "az"
        program.parent.mkdir()
        program.write_text(AZ.format(python=sys.executable))
        program.chmod(0o755)
        self.know(
            tenant=TENANT,
            vault={
                "id": "/subscriptions/s/vaults/kv-airflow",
                "properties.enableRbacAuthorization": "true",
                "properties.enablePurgeProtection": "true",
            },
            aks={
                "oidcIssuerProfile.issuerUrl": "https://issuer.example/1/",
                "storageProfile.blobCsiDriver.enabled": "",
            },
            identities={CLIENT: "id rg-(x)"},
            roles=[], credentials=[], fails=[],
        )  # fmt: skip

    def know(self, **changes: Any) -> None:
        old = json.loads(self.state.read_text()) if self.state.exists() else {}
        self.state.write_text(json.dumps({**old, **changes}))

    @property
    def known(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.state.read_text())
        return found

    def run(self, script: str, **more: str) -> tuple[int, str, str, list[list[str]]]:
        """Run the script; exit code, output, errors, and the calls that change something."""
        (self.folder / "calls").unlink(missing_ok=True)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", self.folder / script],
            env={"PATH": path, "STATE": str(self.state), "AKS_NAME": "my aks",
                 "AKS_RESOURCE_GROUP": "rg $(x) 'y'", **more},
            capture_output=True, text=True, check=False, timeout=60, cwd=self.folder,
        )  # fmt: skip
        calls = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        writes = [one for one in calls if set(WRITES) & set(one[:3])]
        return done.returncode, done.stdout, done.stderr, writes


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


def test_the_identity_gets_its_role_once(azure: Azure) -> None:
    code, out, errors, writes = azure.run("key-vault.sh")
    assert (code, errors) == (0, "")
    assert out == f"gave object-of-{CLIENT} the role Key Vault Secrets User\n"
    scope = "/subscriptions/s/vaults/kv-airflow"
    assert writes == [[
        "role", "assignment", "create", "--assignee-object-id", f"object-of-{CLIENT}",
        "--assignee-principal-type", "ServicePrincipal", "--role", "Key Vault Secrets User",
        "--scope", scope, "-o", "none",
    ]]  # fmt: skip
    # A second run changes nothing; a person who fills the store gets the right to write.
    assert azure.run("key-vault.sh")[3] == []
    [write] = azure.run("key-vault.sh", FILLER="some one")[3]
    assert write[4] == "some one"
    assert write[8] == "Key Vault Secrets Officer"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"tenant": "another"}, f"az login --tenant {TENANT}"),
        ({"fails": [["account"]]}, f"az login --tenant {TENANT}"),
        ({"fails": [["keyvault", "show"]]}, "AuthorizationFailed"),
        ({"fails": [["ad"]]}, "AuthorizationFailed"),
        ({"fails": [["role", "assignment", "list"]]}, "AuthorizationFailed"),
        (
            {"vault": {"id": "x", "properties.enableRbacAuthorization": "false"}},
            "uses access policies",
        ),
    ],
)
def test_what_it_cannot_see_it_does_not_change(
    azure: Azure, changes: dict[str, Any], text: str
) -> None:
    azure.know(**changes)
    code, out, errors, writes = azure.run("key-vault.sh")
    assert code != 0
    assert text in errors
    assert (out, writes) == ("", [])
    # Az's own error is the only one: that a right is missing says nothing about the settings.
    assert ("AuthorizationFailed" in errors and "account" not in str(changes)) is (
        "access policies" not in errors and "az login" not in errors
    )


def test_the_cluster_is_trusted_once_with_every_word_quoted(azure: Azure) -> None:
    code, _, errors, writes = azure.run("azure.sh")
    assert (code, errors) == (0, "")
    subject = "system:serviceaccount:airflow:airflow-external-secrets"
    create, attach, driver = writes
    assert create == [
        "identity", "federated-credential", "create", "--name", "airflow-team-airflow",
        "--identity-name", "id", "--resource-group", "rg-(x)",
        "--issuer", "https://issuer.example/1/", "--subject", subject,
        "--audiences", "api://AzureADTokenExchange", "-o", "none",
    ]  # fmt: skip
    place = ["--name", "my aks", "--resource-group", "rg $(x) 'y'"]
    assert attach == ["aks", "update", *place, "--attach-acr", "own", "-o", "none"]
    assert driver == ["aks", "update", *place, "--enable-blob-driver", "-o", "none"]
    # A second run attaches the registry again, which az itself takes as done.
    assert azure.run("azure.sh")[3] == [attach]


def test_a_credential_of_another_cluster_is_not_replaced(azure: Azure) -> None:
    other = {"name": "airflow-team-airflow", "subject": "x", "issuer": "https://issuer.example/2/"}
    azure.know(credentials=[other])
    code, _, errors, writes = azure.run("azure.sh")
    assert code == 1
    assert "credential airflow-team-airflow of id trusts something else; set SUFFIX" in errors
    assert (writes, azure.known["credentials"]) == ([], [other])
    assert azure.run("azure.sh", SUFFIX="prod")[0] == 0
    names = [one["name"] for one in azure.known["credentials"]]
    assert names == ["airflow-team-airflow", "airflow-team-airflow-prod"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"aks": {"oidcIssuerProfile.issuerUrl": ""}}, "--enable-oidc-issuer"),
        ({"identities": {}}, f"no managed identity with the client ID {CLIENT}"),
        ({"fails": [["aks", "show"]]}, "AuthorizationFailed"),
        ({"fails": [["identity", "federated-credential", "list"]]}, "AuthorizationFailed"),
    ],
)
def test_a_cluster_that_it_cannot_see_is_not_changed(
    azure: Azure, changes: dict[str, Any], text: str
) -> None:
    azure.know(**changes)
    code, out, errors, writes = azure.run("azure.sh")
    assert code != 0
    assert text in errors
    assert (out, writes) == ("", [])


def test_without_the_cluster_it_says_what_to_set(azure: Azure) -> None:
    code, _, errors, writes = azure.run("azure.sh", AKS_NAME="")
    assert code != 0
    assert "AKS_NAME: is the name of the cluster" in errors
    assert writes == []
