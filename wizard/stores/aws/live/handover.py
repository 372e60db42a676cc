"""AWS's part of the handover: aws commands for the account's owner and for the platform's.

`apply` changes nothing in AWS. Each script looks first, and creates only what is missing: it never
replaces a trust policy.
Source: AWS documentation, "IAM roles for service accounts" (EKS), "Permissions policy examples for
AWS Secrets Manager", "Using ABAC and aliases" (KMS); JMESPath specification.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.formats.shell import comment, here_document, quote, script
from wizard.stores.aws.live.session import list_settings
from wizard.stores.aws.names import endpoint_host, find_partition, split_role
from wizard.stores.live import StoreHandover

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.stores.aws.settings import AwsSettings
    from wizard.stores.live import HandoverSources

_HTTPS_PORT = "443"
_READ = ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
_FILL = (*_READ, "secretsmanager:CreateSecret", "secretsmanager:TagResource")
_DIE = """\
die() {
  echo "$1" >&2
  exit 1
}"""
_GRANT = """\
# grant ROLE POLICY DOCUMENT: the name has a digest of the content, so one that exists is right.
grant() {
  found=$(aws iam list-role-policies --role-name "$1" --output json \\
    --query "PolicyNames[?@=='$2'] | length(@)")
  [ "$found" = 0 ] || { echo "role $1 has the policy $2"; return 0; }
  aws iam put-role-policy --role-name "$1" --policy-name "$2" --policy-document "$3"
  echo "gave role $1 the policy $2"
}"""
_ISSUER = """\
: "${EKS_NAME:?is the name of the cluster}"
issuer=$(aws eks describe-cluster --name "$EKS_NAME" --region "${EKS_REGION:-$region}" \\
  --query cluster.identity.oidc.issuer --output text)
provider=${issuer#https://}
case $provider in
*[!A-Za-z0-9./_-]* | '' | None) die "cluster $EKS_NAME has no OIDC issuer" ;;
esac
provider_arn=arn:$partition:iam::$account:oidc-provider/$provider
found=$(aws iam list-open-id-connect-providers --output json \\
  --query "OpenIDConnectProviderList[?Arn=='$provider_arn'] | length(@)")
[ "$found" != 0 ] ||
  die "IAM does not know the cluster's issuer; run: eksctl utils associate-iam-oidc-provider \\
--cluster $EKS_NAME --region ${EKS_REGION:-$region} --approve\""""
_TRUST = """\
# trust ROLE PATH SUBJECTS SUBJECT...: lets tokens of these ServiceAccounts use one role. SUBJECTS
# is the same list as JSON.
trust() {
  role=$1 path=$2
  policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal":
  {"Federated": "'$provider_arn'"}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition":
  {"StringEquals": {"'$provider:aud'": "sts.amazonaws.com", "'$provider:sub'": '$3'}}}]}'
  shift 3
  found=$(aws iam list-roles --output json \\
    --query "Roles[?RoleName=='$role' && Path=='$path'] | length(@)")
  if [ "$found" = 0 ]; then
    aws iam create-role --role-name "$role" --path "$path" --output json --query Role.Arn \\
      --assume-role-policy-document "$policy"
    return 0
  fi
  for subject in "$@"; do
    found=$(aws iam get-role --role-name "$role" --output json --query \\
      "Role.AssumeRolePolicyDocument.Statement[?Principal.Federated=='$provider_arn' \\
&& contains(to_array(Condition.StringEquals.\\"$provider:sub\\"), '$subject')] | length(@)")
    [ "$found" != 0 ] || die "role $role exists and does not trust $subject; its other statements \\
may be in use, so add this one to its trust policy by hand: $policy"
    echo "role $role trusts $subject"
  done
}"""
_LOGIN = """\
store_login() {
  [ -z "${AWS_ACCESS_KEY_ID:-}${AWS_PROFILE:-}${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ] || return 0
  [ -z "${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}" ] ||
    return 0
  aws sts get-caller-identity >/dev/null 2>&1 || {
    echo 'give the job a role in AWS (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE)' >&2
    exit 64
  }
}"""


def render_handover(
    answers: Answers, rendering: Rendering, sources: HandoverSources
) -> StoreHandover:
    """Return the scripts and the flows; they contain no secret."""
    del sources
    every = list_settings(answers, rendering.release)
    own, name = every[0], answers.installation.name
    host = own.url.removeprefix("https://").partition(":")[0]
    return StoreHandover(
        files={"secrets-manager.sh": _render_access(name, every)},
        platform={"aws.sh": _render_platform(name, every)},
        flows=(
            ("External Secrets", host, _HTTPS_PORT, "TCP", "AWS Secrets Manager"),
            ("External Secrets", endpoint_host("sts", own.region), _HTTPS_PORT, "TCP", "AWS login"),
        ),
        ci_variables=(
            "  AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE   the job's role and its proof, or",
            "  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN   of a short session",
        ),
        ci_login=_LOGIN,
    )


def render_policy(stores: tuple[AwsSettings, ...], actions: tuple[str, ...]) -> dict[str, Any]:
    """Return an IAM policy for these actions on exactly the secrets of these prefixes."""
    own = stores[0]
    start = f"arn:{find_partition(own.region).name}:secretsmanager:{own.region}:{own.account}"
    statements = [
        {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": [f"{start}:secret:{one.path}/*" for one in stores],
        }
    ]
    if own.kms_key:
        statements.append(_allow_key(own, actions))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow_key(store: AwsSettings, actions: tuple[str, ...]) -> dict[str, Any]:
    """Return the right to use the KMS key, through Secrets Manager only."""
    used = ["kms:Decrypt", *(["kms:GenerateDataKey"] if actions == _FILL else [])]
    via = endpoint_host("secretsmanager", store.region)
    condition: dict[str, Any] = {"StringEquals": {"kms:ViaService": via}}
    start, _, named = store.kms_key.rpartition(":")
    resource = store.kms_key
    if named.startswith("alias/"):
        # IAM knows keys only; the alias is a condition.
        resource = f"{start}:key/*"
        condition["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": named}
    return {"Effect": "Allow", "Action": used, "Resource": resource, "Condition": condition}


def _head(store: AwsSettings, *lines: str) -> tuple[str, ...]:
    return (
        comment(*lines, "You can run it again: it creates only what is missing."),
        _DIE,
        f"partition={find_partition(store.region).name} account={store.account} "
        f"region={store.region}",
        '[ "$(aws sts get-caller-identity --query Account --output text)" = "$account" ] ||\n'
        '  die "log in to the account of the secrets: $account"',
    )


def _document(variable: str, policy: Mapping[str, Any]) -> str:
    return f"{variable}=$({here_document('cat', json.dumps(policy, indent=2))}\n)"


def _render_access(name: str, every: tuple[AwsSettings, ...]) -> str:
    roles: dict[str, list[AwsSettings]] = {}
    for one in every:
        roles.setdefault(one.role_arn, []).append(one)
    parts = []
    for number, (arn, stores) in enumerate(roles.items(), 1):
        policy = render_policy(tuple(stores), _READ)
        parts.append(
            f"{_document(f'read{number}', policy)}\n"
            f'grant {quote(split_role(arn)[2])} {quote(_policy_name(name, policy))} "$read{number}"'
        )
    fill = render_policy(every, _FILL)
    return script(
        *_head(
            every[0],
            "For the owner of the AWS account: the store's role may read the secrets of this",
            "installation, and no others. Run aws.sh (handover --owner platform) first: it creates",
            "a role that is missing.",
        ),
        _GRANT,
        *parts,
        "# Whoever runs `airflow-wizard secrets` may create secrets: give their role in FILLER.\n"
        f"{_document('fill', fill)}\n"
        'if [ -n "${FILLER:-}" ]; then\n'
        f'  grant "$FILLER" {quote(_policy_name(f"{name}-fill", fill))} "$fill"\n'
        "fi",
    )


def _policy_name(name: str, policy: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()[:8]
    return f"airflow-{name}-{digest}"


def _render_platform(name: str, every: tuple[AwsSettings, ...]) -> str:
    roles: dict[tuple[str, str], list[str]] = {}
    for one in every:
        path, _, role = one.role_arn.partition(":role")[2].rpartition("/")
        roles.setdefault((f"{path}/", role), []).append(one.subject)
    calls = [
        " ".join(
            ["trust", quote(role), quote(path), quote(json.dumps(subjects)), *map(quote, subjects)]
        )
        for (path, role), subjects in roles.items()
    ]
    endpoint = every[0].endpoint
    return script(
        *_head(
            every[0],
            f"For the platform of Airflow installation {name}: EKS and its IAM roles.",
            "Set EKS_NAME, and EKS_REGION if the cluster is in another region than the secrets.",
            "A reader in another cluster needs it, too.",
            *(
                (f"Set AWS_SECRETSMANAGER_ENDPOINT={endpoint} in External Secrets' deployment.",)
                if endpoint
                else ()
            ),
        ),
        _ISSUER,
        _TRUST,
        "\n".join(calls),
    )
