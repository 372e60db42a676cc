"""The scripts for the owners of AWS, run by sh against moto's IAM, STS and EKS.

`aws` is a stand-in for the AWS CLI on boto3: the same options, the queries by the same JMESPath.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.testbed import environments
from tests.testbed.object_storage import ObjectStorage
from tests.unit.handover.test_handover import made

pytestmark = pytest.mark.integration

AWS = """\
#!{python}
import json, os, pathlib, sys
import boto3, jmespath
from botocore import xform_name
service, operation, *rest = sys.argv[1:]
with pathlib.Path(os.environ["CALLS"]).open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
given = dict(zip((one.removeprefix("--") for one in rest[::2]), rest[1::2], strict=True))
query, output = given.pop("query", "@"), given.pop("output", "json")
region = given.pop("region", "eu-central-1")
client = boto3.client(service, region_name=region, endpoint_url=os.environ["MOTO"])
method = operation.replace("-", "_")
shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
members = shape.input_shape.members if shape.input_shape else {{}}
names = {{xform_name(name, "-"): name for name in members}}
values = {{names[key]: text if members[names[key]].type_name == "string" else json.loads(text)
          for key, text in given.items()}}
try:
    if client.can_paginate(method):
        found = client.get_paginator(method).paginate(**values).build_full_result()
    else:
        found = getattr(client, method)(**values)
except Exception as error:
    sys.exit(f"An error occurred: {{error}}")
result = jmespath.search(query, found)
print(result if output == "text" else json.dumps(result, indent=4, default=str))
"""
ACCOUNT = "123456789012"
CHANGES: dict[str, object] = {
    "installation.name": "team",
    "secrets.store": "aws",
    "secrets.aws.role_arn": f"arn:aws:iam::{ACCOUNT}:role/data/airflow-secrets",
    "secrets.aws.kms_key": f"arn:aws:kms:eu-central-1:{ACCOUNT}:alias/airflow",
    "delivery.argocd.credential": "store",
}
SUBJECTS = [
    "system:serviceaccount:airflow:airflow-external-secrets",
    "system:serviceaccount:argocd:team-repository",
]
WRITES = {"create-role", "put-role-policy", "update-assume-role-policy"}


@dataclass
class Aws:
    """The scripts of an installation, and the account of one server."""

    folder: Path
    url: str

    def aws(self, *args: str) -> Any:
        """Do something in the account, as anybody with the right may."""
        done = self._run([self.folder / "bin" / "aws", *args])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, script: str, **more: str) -> tuple[int, str, str, list[list[str]]]:
        """Run the script; exit code, output, errors, and the calls that change something."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        done = self._run(["sh", self.folder / script], **more)
        lines = calls.read_text().splitlines() if calls.exists() else []
        writes = [one for one in map(json.loads, lines) if one[1] in WRITES]
        return done.returncode, done.stdout, done.stderr, writes

    def _run(self, command: list[Any], **more: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        access = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
        return subprocess.run(
            command,
            env={"PATH": path, "CALLS": str(self.folder / "calls"), "MOTO": self.url,
                 "EKS_NAME": "prod", **access, **more},
            capture_output=True, text=True, check=False, timeout=120, cwd=self.folder,
        )  # fmt: skip


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    folder = tmp_path_factory.mktemp("aws")
    for files in made("production", CHANGES).values():
        for name, text in files.items():
            (folder / name).write_text(text)
    program = folder / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(AWS.format(python=environments.object_storage()))
    program.chmod(0o755)
    server = ObjectStorage.moto()
    server.start()
    try:
        yield Aws(folder, server.url)
    finally:
        server.stop()


def test_role_trust_and_policies_are_made_once_and_for_exactly_these_names(account: Aws) -> None:
    """In the order of the handover: from nothing to a second run that changes nothing."""
    role = f"arn:aws:iam::{ACCOUNT}:role/eks"
    account.aws(
        "eks", "create-cluster", "--name", "prod", "--role-arn", role,
        "--resources-vpc-config", '{"subnetIds": ["subnet-1"]}',
    )  # fmt: skip
    code, out, errors, writes = account.run("aws.sh")
    assert (code, "associate-iam-oidc-provider" in errors, writes) == (1, True, [])

    issuer = account.aws("eks", "describe-cluster", "--name", "prod",
                         "--query", "cluster.identity.oidc.issuer")  # fmt: skip
    account.aws("iam", "create-open-id-connect-provider", "--url", issuer)
    code, out, errors, writes = account.run("aws.sh")
    assert (code, errors, len(writes)) == (0, "", 1)
    found = account.aws("iam", "get-role", "--role-name", "airflow-secrets")["Role"]
    assert found["Arn"] == CHANGES["secrets.aws.role_arn"]
    (statement,) = found["AssumeRolePolicyDocument"]["Statement"]
    provider = issuer.removeprefix("https://")
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{provider}:aud": "sts.amazonaws.com", f"{provider}:sub": SUBJECTS}
        },
    }
    code, out, _, writes = account.run("aws.sh")
    assert (code, writes, out.count("airflow-secrets trusts")) == (0, [], 2)

    code, out, errors, writes = account.run("secrets-manager.sh")
    assert (code, errors, len(writes)) == (0, "", 1)
    (name,) = account.aws("iam", "list-role-policies", "--role-name", "airflow-secrets",
                          "--query", "PolicyNames")  # fmt: skip
    policy = account.aws("iam", "get-role-policy", "--role-name", "airflow-secrets",
                         "--policy-name", name, "--query", "PolicyDocument")  # fmt: skip
    read, key = policy["Statement"]
    start = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:airflow-install/team"
    assert read["Resource"] == [f"{start}/config/*", f"{start}/config-argocd/*"]
    assert read["Action"] == ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    assert key["Action"] == ["kms:Decrypt"]
    assert key["Condition"]["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/airflow"}
    assert account.run("secrets-manager.sh")[3] == []

    account.aws("iam", "create-role", "--role-name", "ci", "--assume-role-policy-document", "{}")
    (write,) = account.run("secrets-manager.sh", FILLER="ci")[3]
    actions = json.loads(write[write.index("--policy-document") + 1])["Statement"][0]["Action"]
    assert "secretsmanager:CreateSecret" in actions
    assert not [one for one in actions if "Delete" in one or "Put" in one or "*" in one]


def test_a_trust_policy_of_others_is_never_replaced(account: Aws) -> None:
    """A role that trusts something else, and an account that is not that of the answers."""
    other = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
         "Condition": {"StringEquals": {"y:sub": f"{SUBJECTS[0]}-2"}}}]})  # fmt: skip
    account.aws("iam", "update-assume-role-policy", "--role-name", "airflow-secrets",
                "--policy-document", other)  # fmt: skip
    code, _, errors, writes = account.run("aws.sh")
    assert (code, writes) == (1, [])
    assert f"does not trust {SUBJECTS[0]}" in errors
    assert "add this one to its trust policy by hand" in errors
    assert '"sts:AssumeRoleWithWebIdentity"' in errors
    script = account.folder / "elsewhere.sh"
    for name in ("aws.sh", "secrets-manager.sh"):
        script.write_text((account.folder / name).read_text().replace(ACCOUNT, "999999999999"))
        code, _, errors, writes = account.run(script.name)
        assert (code, writes) == (1, [])
        assert "log in to the account of the secrets: 999999999999" in errors
    code, _, errors, _ = account.run("aws.sh", EKS_NAME="")
    assert (code != 0, "EKS_NAME: is the name of the cluster" in errors) == (True, True)
