"""Scripts for Vault's owner: one sets up mount, policy, auth and role, one fills the payload.

Both check everything before they write anything. A different policy or role is shown, and replaced
only if REPLACE names it; other content, and what is another repository's, is never replaced.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

from wizard.formats.shell import Files, comment, here_document, quote, script
from wizard.secrets.payload import collect_facts
from wizard.systems.vault.auth_config import IN_CLUSTER
from wizard.systems.vault.auth_mount import is_in_cluster
from wizard.systems.vault.ownership import MADE, mount_description
from wizard.systems.vault.payload_script import render_payloads
from wizard.systems.vault.script_parts import (
    DIE,
    LASTING,
    render_address,
    render_field,
    render_source,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wizard.answers.model import Answers
    from wizard.manifests.contribution import Contribution
    from wizard.secrets.facts import Fact
    from wizard.secrets.payload import PayloadPlace
    from wizard.stores.vault.settings import VaultSettings
    from wizard.systems.payload_store import HiddenPlace

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
_MOVED = """\
# A mount that was moved keeps its description and its payload; a new one would be empty.
own_mounts() {
  printf '%s\\n' "$mounts" | while IFS= read -r line; do
    case $line in
      *'/": {') entry=${line#*\\"} entry=${entry%/\\"*} ;;
      *"\\"description\\": \\"$made"*"; $mark: $named\\""*) printf '%s\\n' "$entry" ;;
    esac
  done
}
if [ "$has_mount" = no ]; then
  for other in $(own_mounts); do
    for path in PATHS; do
      held=$(vault read "$other/metadata/$path" 2>&1) ||
        case $held in *'No value found'*) continue ;; esac
      die "mount $mount does not exist, but mount $other holds $path, or may hold it: if it was" \
        "moved, set secrets.vault.mount=$other, or, if nothing else uses it, run: vault secrets" \
        "move $other $mount; if the answers were changed, run: vault secrets enable -path=$mount" \
        "-version=2 kv; airflow-wizard secrets then copies the values from the earlier place"
    done
  done
fi"""
_FUNCTIONS = """\
# What differs is shown, and replaced only if REPLACE names it: `yes` for objects of this
# repository, NAME@CHECKSUM for one that does not say whose it is. One of another repository is
# never replaced.
refused= wanted=
# sources TEXT: the repositories that a policy names, one a line.
sources() {
  printf '%s\\n' "$1" | sed -n "s|^[[:space:]]*#[[:space:]]*$mark[[:space:]]*:[[:space:]]*||p" |
    sed 's|[[:space:]]*$||' | sed '/^$/d'
}
# judge TEXT: sets $whose to ours, unknown or another, and $other to the other repository.
judge() {
  other=$(sources "$1" | grep -vxF -- "$source" | head -n 1)
  whose=another
  [ -z "$other" ] || return 0
  whose=unknown
  [ -z "$source" ] || [ -z "$(sources "$1")" ] || whose=ours
}
# replaces WHAT NAME CONTENT WHY: whether it may be replaced; $whose says whose it is.
replaces() {
  case $whose in
    ours) seal=yes ;;
    unknown) seal=$2@$(printf %s "$3" | cksum | tr ' ' -) ;;
    *) die "$1 belongs to $other; it is never replaced" ;;
  esac
  case " ${REPLACE:-} " in
    *" $seal "*) echo "REPLACE: $1 $4; it is written" >&2 ;;
    *)
      [ "$whose" = ours ] || echo "$1 does not say whose it is" >&2
      echo "$1 $4" >&2
      refused=yes
      case " $wanted " in *" $seal "*) ;; *) wanted="${wanted:+$wanted }$seal" ;; esac
      ;;
  esac
}
settle() {
  [ -z "$refused" ] || die "nothing was replaced; REPLACE='$wanted' replaces exactly these"
}
# policy_differs NAME TEXT: whether the policy is missing or has other text than function TEXT.
policy_differs() {
  existing=
  policies=$(vault policy list) || die "the policies of Vault cannot be listed"
  printf '%s\\n' "$policies" | grep -qxF -- "$1" || return 0
  existing=$(vault policy read "$1") || die "policy $1 cannot be read"
  [ "$existing" != "$($2)" ]
}
check_policy() {
  if policy_differs "$1" "$2" && [ -n "$existing" ]; then
    judge "$existing"
    printf '%s\\n' "$existing" >&2
    replaces "policy $1" "policy/$1" "$existing" "already exists and differs"
  fi
}
# Checked again, because others may have written it in the meantime.
write_policy() {
  check_policy "$1" "$2"
  settle
  ! policy_differs "$1" "$2" || "$2" | vault policy write "$1" -
}
# differs FIELD VALUE: adds to $different if the role has another value.
differs() {
  actual=$(vault read -format=json -field="$1" "auth/$auth/role/$role")
  actual=$(printf %s "$actual" | tr -d '[:space:]')
  [ "$actual" = "$2" ] || different="$different $1 is $actual, not $2;"
}
# judge_role POLICIES: a role belongs to whoever wrote the policies that it gives.
judge_role() {
  named=$(printf %s "$1" | tr -d '[:space:]"[]' | tr ',' ' ')
  found= doubt=
  for one in $named; do
    given=$(vault policy read "$one" 2>/dev/null) || given=
    judge "$given"
    case $whose in
      ours) found=ours ;;
      unknown) doubt=unknown ;;
      *) return ;;
    esac
  done
  whose=${doubt:-${found:-unknown}}
}"""

_AUTH = """\
# The auth mount. An existing config is never rewritten: a write would remove its token reviewer.
auths=$(vault auth list -format=json)
existing_host=
read_host() {
  existing_host=$(vault read -field=kubernetes_host "auth/$auth/config" 2>&1) ||
    case $existing_host in
      *'No value found'*) existing_host= ;;
      *) die "$existing_host" ;;
    esac
}
case $auths in
  *"\\"$auth/\\": {"*)
    has_auth=yes
    read_host
    ;;
  *) has_auth=no ;;
esac
# auth_field NAME: a field of the mount's entry in the list.
auth_field() {
  printf '%s\\n' "$auths" | awk -v entry="\\"$auth/\\": {" -v field="\\"$1\\": \\"" '
    index($0, entry) { inside = 1 }
    inside && (at = index($0, field)) {
      text = substr($0, at + length(field))
      sub(/",?[[:space:]]*$/, "", text)
      print text
      exit
    }'
}
# A mount without a config is set up only if it is of this repository, or after a yes to exactly it.
if [ "$has_auth" = yes ] && [ -z "$existing_host" ]; then
  says=$(auth_field description) other=
  case $says in
    "$made"*"; $mark: "*) other=${says#*"; $mark: "} ;;
  esac
  case $other in
    '') whose=unknown ;;
    "$named") whose=ours ;;
    *) whose=another ;;
  esac
  [ "$whose" = ours ] || replaces "auth mount $auth" "auth/$auth" \\
    "$(auth_field accessor) $says" "exists without a config"
fi"""

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
  vault secrets enable -path="$mount" -description="$about" -version=2 kv
fi
if [ "$has_auth" = yes ]; then
  echo "auth mount $auth already exists"
else
  vault auth enable -path="$auth" -description="$about" kubernetes
  has_auth=yes
fi
checked_host=$existing_host
read_host
[ "$existing_host" = "$checked_host" ] ||
  die "auth/$auth/config was written by somebody else in the meantime; run this again\""""

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

_ROLE_CHECK = """\
# The role is compared in every field that this script writes.
check_ROLE_role() {
  status=missing
  [ "$has_auth" = yes ] || return 0
  if existing=$(vault read -format=json -field=token_policies "auth/$auth/role/$role" 2>&1); then
    different=
COMPARISONS
    status=same
    if [ -n "$different" ]; then
      judge_role "$existing"
      why="already exists and differs:$different"
      replaces "role $role" "role/$role" "$existing$different" "$why"
      status=different
    fi
  else
    case $existing in
      *'No value found'*) ;;
      *) die "$existing" ;;
    esac
  fi
}"""


def render_files(
    answers: Answers,
    store: VaultSettings,
    total: Contribution,
    committed: Mapping[str, str],
    others: Sequence[tuple[VaultSettings, tuple[Fact, ...]]] = (),
    owner: str = "",
    runtime: VaultSettings | None = None,
    earlier: Mapping[str, Sequence[PayloadPlace | HiddenPlace]] = MappingProxyType({}),
    known_cluster: str = "",
) -> Files:
    """Return `setup.sh` and a `payload.sh` for each path, with the committed policies and roles.

    `owner` is the owner id of the installation, which its policies name.
    `others` are the paths of further readers such as Argo CD, with their facts. `runtime` is the
    role of Airflow's own pods, which has no payload. `earlier` has the places of earlier answers,
    by reader. `known_cluster` is the cluster id of the Vault that an earlier run used, if known.
    """
    readers = [*(one for one, _ in others), *([runtime] if runtime else [])]
    filled = [(store, collect_facts(total.secrets)), *others]
    return {
        "setup.sh": _render_setup(answers, store, committed, readers, owner, known_cluster),
        **render_payloads(answers, filled, owner, earlier, known_cluster),
    }


def _render_setup(
    answers: Answers,
    store: VaultSettings,
    committed: Mapping[str, str],
    others: Sequence[VaultSettings],
    owner: str,
    known_cluster: str,
) -> str:
    within = is_in_cluster(store.server)
    host = quote(IN_CLUSTER if within else answers.cluster.server)
    names = [
        render_source(owner),
        f"made={quote(MADE)}",
        f"about={quote(mount_description(answers.installation.name, owner))}",
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
        DIE,
        render_address(store, known_cluster),
        "\n".join(names),
        _FUNCTIONS,
        *(one.functions for one in readers),
        _MOUNT.replace("LASTING", LASTING.replace("\n", "\n  ")),
        *([_render_moved(store, others)] if owner else []),
        _AUTH,
        *([] if within else [_CHECK_OUTSIDE]),
        *(part for one in readers for part in one.checks(store)),
        "settle",
        _WRITE_MOUNTS,
        _INSIDE if within else _OUTSIDE,
        *(part for one in readers for part in one.writes()),
    )


def _render_moved(store: VaultSettings, others: Sequence[VaultSettings]) -> str:
    """Return the check that no mount of this installation holds a payload at another path."""
    paths = [one.path for one in (store, *others) if one.has_payload]
    return _MOVED.replace("PATHS", " ".join(map(quote, paths)))


class _Reader:
    """The policy and the role of one reader of the store; `name` is its prefix in the script."""

    def __init__(self, store: VaultSettings, name: str, committed: Mapping[str, str]) -> None:
        self._store, self._name = store, name
        self._policy = committed[f"vault/{store.qualified_name('policy')}"]
        self._role = committed[f"vault/{store.qualified_name('role')}"]

    @property
    def functions(self) -> str:
        """The functions that print the committed policy and check the role."""
        comparisons = "\n".join(
            f"    differs {name} {quote(render_field(name, value))}"
            for name, value in json.loads(self._role).items()
        )
        role = _ROLE_CHECK.replace("ROLE", self._name).replace("COMPARISONS", comparisons)
        policy = f"{self._name}_policy() {{\n" + here_document("cat", self._policy) + "\n}"
        return f"{policy}\n{role}"

    def _names(self) -> str:
        store = self._store
        named = {"policy": store.policy, "role": store.role, "auth": store.auth_mount}
        names = [f"{name}={quote(value)}" for name, value in named.items()]
        read = store.path if store.has_payload else " and ".join(store.folders)
        about = [comment(f"{store.reader}, whose role reads only {read}:")]
        return "\n".join([*(about if store.reader else []), *names])

    def checks(self, own: VaultSettings) -> tuple[str, ...]:
        """Return the checks of policy and role; a mount of another cluster must exist."""
        another = [
            "# This mount is for a different cluster with its own reviewer; its owner creates it.",
            'vault read "auth/$auth/config" >/dev/null',
            "has_auth=yes",
        ]
        elsewhere = self._store.auth_mount != own.auth_mount
        return (
            self._names(),
            *(["has_own_auth=$has_auth", "\n".join(another)] if elsewhere else []),
            f'check_policy "$policy" {self._name}_policy\ncheck_{self._name}_role',
            *(["has_auth=$has_own_auth", f"auth={quote(own.auth_mount)}"] if elsewhere else []),
        )

    def writes(self) -> tuple[str, ...]:
        """Return the commands that write policy and role where they are missing or replaced."""
        write = here_document('vault write "auth/$auth/role/$role" -', self._role)
        return (
            self._names(),
            f'write_policy "$policy" {self._name}_policy\ncheck_{self._name}_role\nsettle',
            f'if [ "$status" = same ]; then\n  echo "role $role already exists"\nelse\n{write}\nfi',
        )
