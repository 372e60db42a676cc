"""Scripts for Vault's owner: one sets up mount, policy, auth and role, one fills the payload.

Both check everything before they write anything. A different policy or role is shown, and replaced
only with REPLACE=yes; other existing content, such as the config of an auth mount, is never
replaced (facts on Vault, sections 2 and 3).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizard.formats.durations import duration_seconds
from wizard.formats.shell import Files, comment, here_document, quote, script
from wizard.secrets.payload import collect_facts
from wizard.stores.vault.manifests import POLICY_SOURCE
from wizard.systems.vault.auth_config import IN_CLUSTER
from wizard.systems.vault.auth_mount import is_in_cluster
from wizard.systems.vault.payload_script import render_payload
from wizard.systems.vault.script_parts import DIE, LASTING, render_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wizard.answers.model import Answers
    from wizard.manifests.contribution import Contribution
    from wizard.secrets.facts import Fact
    from wizard.stores.vault.settings import VaultSettings

_MOUNT = """\
# KV version 2. On version 1, a write meant for version 2 would expose the values.
mounts=$(vault secrets list -format=json)
case $mounts in
  *"\\"$mount/\\": {"*) has_mount=yes ;;
  *) has_mount=no ;;
esac
if [ "$has_mount" = yes ]; then
  case $(vault read -format=json "sys/mounts/$mount/tune") in
    *'"version": "2"'*) ;;
    *) die "mount $mount is not KV version 2; set secrets.vault.mount to a different mount" ;;
  esac
  LASTING
fi"""
_FUNCTIONS = """\
# policy_differs NAME TEXT: whether the policy is missing or has other text than function TEXT.
policy_differs() {
  existing=
  policies=$(vault policy list) || die "the policies of Vault cannot be listed"
  printf '%s\\n' "$policies" | grep -qxF -- "$1" || return 0
  existing=$(vault policy read "$1") || die "policy $1 cannot be read"
  [ "$existing" != "$($2)" ]
}
# A policy of another source is never replaced.
check_policy() {
  if policy_differs "$1" "$2" && [ -n "$existing" ]; then
    owner=$(printf '%s\\n' "$existing" | sed -n "s|^ *# *$mark: *||p" | head -n 1)
    if [ -n "$owner" ] && [ "$owner" != "$("$2" | sed -n "s|^# $mark: ||p")" ]; then
      die "policy $1 belongs to $owner; it is never replaced"
    fi
    printf '%s\\n' "$existing" >&2
    replaces "policy $1 already exists and differs"
  fi
}
write_policy() {
  ! policy_differs "$1" "$2" || "$2" | vault policy write "$1" -
}
# replaces WHAT: nothing of others is replaced without REPLACE=yes.
replaces() {
  [ "${REPLACE:-}" = yes ] || die "$1; REPLACE=yes replaces it"
  echo "REPLACE=yes: $1; it is replaced" >&2
}
# differs FIELD VALUE: adds to $different if the role has another value.
differs() {
  actual=$(vault read -format=json -field="$1" "auth/$auth/role/$role")
  actual=$(printf %s "$actual" | tr -d '[:space:]')
  [ "$actual" = "$2" ] || different="$different $1 is $actual, not $2;"
}"""

_AUTH = """\
# The auth mount. An existing config is never rewritten: a write would remove its token reviewer.
auths=$(vault auth list -format=json)
existing_host=
case $auths in
  *"\\"$auth/\\": {"*)
    has_auth=yes
    existing_host=$(vault read -field=kubernetes_host "auth/$auth/config" 2>&1) ||
      case $existing_host in
        *'No value found'*) existing_host= ;;
        *) die "$existing_host" ;;
      esac
    ;;
  *) has_auth=no ;;
esac"""

_CHECK_OUTSIDE = """\
# Vault runs outside the cluster: it needs the address at which it reaches the API server, the
# cluster's CA and a reviewer's token. The platform's reviewer.sh creates both files.
if [ -z "$existing_host" ]; then
  [ -n "$host" ] || die "set KUBERNETES_HOST to the API server's address as seen from Vault"
  : "${KUBERNETES_CA_FILE:?must name a file with the CA of the cluster, as PEM}"
  : "${REVIEWER_TOKEN_FILE:?must name a file with the token of the reviewer}"
  for file in "$KUBERNETES_CA_FILE" "$REVIEWER_TOKEN_FILE"; do
    [ -r "$file" ] && [ -s "$file" ] || die "$file cannot be read, or is empty"
  done
elif [ -n "$host" ] && [ "$existing_host" != "$host" ]; then
  die "auth/$auth is for $existing_host, not $host; set another secrets.vault.auth_mount"
fi"""

_WRITE_MOUNTS = """\
# Everything is checked; from here on, what is missing is written.
if [ "$has_mount" = yes ]; then
  echo "mount $mount already exists"
else
  vault secrets enable -path="$mount" -version=2 kv
fi
if [ "$has_auth" = yes ]; then
  echo "auth mount $auth already exists"
else
  vault auth enable -path="$auth" kubernetes
fi"""

_INSIDE = """\
# Vault runs in the cluster: its own ServiceAccount reviews tokens and needs system:auth-delegator.
if [ -z "$existing_host" ]; then
  vault write "auth/$auth/config" kubernetes_host="$host"
else
  echo "auth/$auth/config already exists, for $existing_host; this cluster is $host"
fi"""

_OUTSIDE = """\
if [ -z "$existing_host" ]; then
  reviewer=$(cat -- "$REVIEWER_TOKEN_FILE")
  printf %s "$reviewer" | vault write "auth/$auth/config" kubernetes_host="$host" \\
    kubernetes_ca_cert=@"$KUBERNETES_CA_FILE" token_reviewer_jwt=- disable_local_ca_jwt=true
else
  echo "auth/$auth/config already exists, for $existing_host"
fi"""

_CHECK_ROLE = """\
# The role is compared in every field that this script writes.
ROLE_status=missing
if [ "$has_auth" = yes ]; then
  if existing=$(vault read -field=token_policies "auth/$auth/role/$role" 2>&1); then
    different=
COMPARISONS
    ROLE_status=same
    if [ -n "$different" ]; then
      replaces "role $role already exists and differs:$different"
      ROLE_status=different
    fi
  else
    case $existing in
      *'No value found'*) ;;
      *) die "$existing" ;;
    esac
  fi
fi"""


def render_files(
    answers: Answers,
    store: VaultSettings,
    total: Contribution,
    committed: Mapping[str, str],
    others: Sequence[tuple[VaultSettings, tuple[Fact, ...]]] = (),
) -> Files:
    """Return `setup.sh` and a `payload.sh` for each path, with the committed policies and roles.

    `others` are the paths of further readers such as Argo CD, with their facts.
    """
    return {
        "setup.sh": _render_setup(answers, store, committed, [one for one, _ in others]),
        "payload.sh": render_payload(answers, store, collect_facts(total.secrets)),
        **{
            f"payload-{one.reader}.sh": render_payload(answers, one, facts) for one, facts in others
        },
    }


def _render_setup(
    answers: Answers,
    store: VaultSettings,
    committed: Mapping[str, str],
    others: Sequence[VaultSettings],
) -> str:
    within = is_in_cluster(store.server)
    host = quote(IN_CLUSTER if within else answers.cluster.server)
    names = [
        f"mark={quote(POLICY_SOURCE)}",
        f"mount={quote(store.mount)}",
        f"policy={quote(store.policy)}",
        f"auth={quote(store.auth_mount)}",
        f"role={quote(store.role)}",
        f"host={host}" if within else f"host=${{KUBERNETES_HOST:-{host}}}",
    ]
    readers = [_Reader(store, "own", committed)]
    readers += [_Reader(one, f"reader{number}", committed) for number, one in enumerate(others)]
    return script(
        comment(
            f"Vault's side of Airflow installation {answers.installation.name}.",
            "Log in to Vault, then run it. It contains no secret and can be run again. It checks",
            "everything before it writes anything.",
        ),
        render_address(store),
        "\n".join(names),
        DIE,
        _FUNCTIONS,
        *(one.policy_text for one in readers),
        _MOUNT.replace("LASTING", LASTING.replace("\n", "\n  ")),
        _AUTH,
        *([] if within else [_CHECK_OUTSIDE]),
        *(part for one in readers for part in one.checks(store)),
        _WRITE_MOUNTS,
        _INSIDE if within else _OUTSIDE,
        *(part for one in readers for part in one.writes()),
    )


class _Reader:
    """The policy and the role of one reader of the store; `name` is its prefix in the script."""

    def __init__(self, store: VaultSettings, name: str, committed: Mapping[str, str]) -> None:
        self._store, self._name = store, name
        self._policy = committed[f"vault/{store.qualified_name('policy')}"]
        self._role = committed[f"vault/{store.qualified_name('role')}"]

    @property
    def policy_text(self) -> str:
        """The function that prints the committed policy."""
        return f"{self._name}_policy() {{\n" + here_document("cat", self._policy) + "\n}"

    def _names(self) -> str:
        store = self._store
        named = {"policy": store.policy, "role": store.role, "auth": store.auth_mount}
        names = [f"{name}={quote(value)}" for name, value in named.items()]
        about = [comment(f"{store.reader}, whose role reads only {store.path}:")]
        return "\n".join([*(about if store.reader else []), *names])

    def checks(self, own: VaultSettings) -> tuple[str, ...]:
        """Return the checks of policy and role; a mount of another cluster must exist."""
        comparisons = "\n".join(
            f"    differs {name} {quote(_render_value(name, value))}"
            for name, value in json.loads(self._role).items()
        )
        role = _CHECK_ROLE.replace("ROLE", self._name).replace("COMPARISONS", comparisons)
        another = [
            "# This mount is for a different cluster with its own reviewer; its owner creates it.",
            'vault read "auth/$auth/config" >/dev/null',
            "has_auth=yes",
        ]
        elsewhere = self._store.auth_mount != own.auth_mount
        return (
            self._names(),
            *(["has_own_auth=$has_auth", "\n".join(another)] if elsewhere else []),
            f'check_policy "$policy" {self._name}_policy',
            role,
            *(["has_auth=$has_own_auth", f"auth={quote(own.auth_mount)}"] if elsewhere else []),
        )

    def writes(self) -> tuple[str, ...]:
        """Return the commands that write policy and role where they are missing or replaced."""
        write = here_document('vault write "auth/$auth/role/$role" -', self._role)
        return (
            self._names(),
            f'write_policy "$policy" {self._name}_policy',
            f'if [ "${self._name}_status" = same ]; then\n  echo "role $role already exists"\n'
            f"else\n{write}\nfi",
        )


def _render_value(name: str, value: object) -> str:
    """Return a field of a role as `vault read -format=json` prints it, without spaces."""
    if isinstance(value, str) and name.endswith("ttl"):
        return str(duration_seconds(value))
    return json.dumps(value, separators=(",", ":"))
