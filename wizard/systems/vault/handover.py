"""Scripts for Vault's owner: one sets up mount, policy, auth and role, one fills the payload.

Both read before they write. A different policy or role is shown, and replaced only with
REPLACE=yes; other existing content, such as the config of an auth mount, is never replaced (facts
on Vault, sections 2 and 3).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizard.formats.shell import Files, comment, here_document, quote, script
from wizard.secrets.payload import DOCUMENT_KEY, collect_facts
from wizard.stores.kubernetes.manifests import GENERATE_COMMANDS
from wizard.stores.vault.manifests import POLICY_SOURCE
from wizard.systems.vault.auth_config import IN_CLUSTER
from wizard.systems.vault.auth_mount import is_in_cluster

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wizard.answers.model import Answers
    from wizard.manifests.contribution import Contribution
    from wizard.secrets.facts import Fact
    from wizard.stores.vault.settings import VaultSettings

_DIE = """\
die() {
  printf '%s\\n' "$*" >&2
  exit 1
}"""

_MOUNT = """\
# KV version 2. On version 1, a write meant for version 2 would expose the values.
mounts=$(vault secrets list -format=json)
case $mounts in
  *"\\"$mount/\\": {"*) echo "mount $mount already exists" ;;
  *) vault secrets enable -path="$mount" -version=2 kv ;;
esac
case $(vault read -format=json "sys/mounts/$mount/tune") in
  *'"version": "2"'*) ;;
  *) die "mount $mount is not KV version 2; set secrets.vault.mount to a different mount" ;;
esac"""

_POLICY = """\
# The policy. A different policy of this name is shown, and replaced only with REPLACE=yes.
policies=$(vault policy list)
if printf '%s\\n' "$policies" | grep -qxF -- "$policy"; then
  existing=$(vault policy read "$policy")
  owner=$(printf '%s\\n' "$existing" | sed -n "s|^ *# *$mark: *||p" | head -n 1)
  if [ -n "$owner" ] && [ "$owner" != "$(policy_text | sed -n "s|^# $mark: ||p")" ]; then
    die "policy $policy belongs to $owner; it is never replaced"
  fi
  if [ "$existing" != "$(policy_text)" ] && [ "${REPLACE:-}" != yes ]; then
    printf '%s\\n' "$existing" >&2
    die "policy $policy already exists and differs; REPLACE=yes replaces it"
  fi
fi
policy_text | vault policy write "$policy" -"""

_ENABLE = """\
# The auth mount. An existing config is never rewritten: a write would remove its token reviewer.
auths=$(vault auth list -format=json)
case $auths in
  *"\\"$auth/\\": {"*) echo "auth mount $auth already exists" ;;
  *) vault auth enable -path="$auth" kubernetes ;;
esac
existing=$(vault read -field=kubernetes_host "auth/$auth/config" 2>&1) || case $existing in
  *'No value found'*) existing= ;;
  *) die "$existing" ;;
esac"""

_INSIDE = """\
# Vault runs in the cluster: its own ServiceAccount reviews tokens and needs system:auth-delegator.
if [ -z "$existing" ]; then
  vault write "auth/$auth/config" kubernetes_host="$host"
else
  echo "auth/$auth/config already exists, for $existing; this cluster is $host"
fi"""

_OUTSIDE = """\
# Vault runs outside the cluster: it needs the address at which it reaches the API server, the
# cluster's CA and a reviewer's token. The platform's reviewer.sh creates both files.
if [ -z "$existing" ]; then
  [ -n "$host" ] || die "set KUBERNETES_HOST to the API server's address as seen from Vault"
  : "${KUBERNETES_CA_FILE:?must name a file with the CA of the cluster, as PEM}"
  : "${REVIEWER_TOKEN_FILE:?must name a file with the token of the reviewer}"
  reviewer=$(cat -- "$REVIEWER_TOKEN_FILE")
  printf %s "$reviewer" | vault write "auth/$auth/config" kubernetes_host="$host" \\
    kubernetes_ca_cert=@"$KUBERNETES_CA_FILE" token_reviewer_jwt=- disable_local_ca_jwt=true
elif [ -n "$host" ] && [ "$existing" != "$host" ]; then
  die "auth/$auth is for $existing, not $host; set secrets.vault.auth_mount to a different mount"
else
  echo "auth/$auth/config already exists, for $existing"
fi"""

_VERSION = """\
# The version for check-and-set: if somebody else writes in the meantime, this write fails.
version=$(vault read -field=current_version "$mount/metadata/$path" 2>&1) || case $version in
  *'No value found'*) version=0 ;;
  *) die "$version" ;;
esac
case $version in
  '' | *[!0-9]*) die "not a version: $version" ;;
esac
if [ "$version" -gt 0 ] && ! vault kv get -mount="$mount" "$path" >/dev/null; then
  die "$mount/$path was deleted; restore it (vault kv undelete) instead of creating new values"
fi
exists() {
  [ "$version" -gt 0 ] || return 1
  code=0
  vault kv get -mount="$mount" -field="$1" "$path" >/dev/null 2>&1 || code=$?
  [ "$code" -le 1 ] || die "$mount/$path cannot be read"
  return "$code"
}"""

_KEYS = """\
input=$(cat)
for key in $keys; do
  case $input in
    *"\\"$key\\""*) ! exists "$key" || die "$key already exists; remove it from the input" ;;
    *) exists "$key" || missing="$missing $key" ;;
  esac
done
[ -z "$missing" ] || die "missing on standard input:$missing"
"""

_WRITE = """\
if [ "$version" -gt 0 ]; then
  WRITE | vault kv patch -mount="$mount" -cas="$version" "$path" VALUE
else
  WRITE | vault kv put -mount="$mount" -cas=0 "$path" VALUE
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
        "payload.sh": _render_payload(answers, store, collect_facts(total.secrets)),
        **{
            f"payload-{one.reader}.sh": _render_payload(answers, one, facts)
            for one, facts in others
        },
    }


def _render_address(store: VaultSettings) -> str:
    lines = [f"VAULT_ADDR=${{VAULT_ADDR:-{quote(store.server)}}}", "export VAULT_ADDR"]
    if store.vault_namespace:
        lines += [f"VAULT_NAMESPACE={quote(store.vault_namespace)}", "export VAULT_NAMESPACE"]
    return "\n".join(lines)


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
    return script(
        comment(
            f"Vault's side of Airflow installation {answers.installation.name}.",
            "Log in to Vault, then run it. It contains no secret and can be run again.",
        ),
        _render_address(store),
        "\n".join(names),
        _DIE,
        _MOUNT,
        _policy_text(store, committed),
        _POLICY,
        _ENABLE,
        _INSIDE if within else _OUTSIDE,
        *_render_role_write(store, committed),
        *(part for other in others for part in _render_reader(store, other, committed)),
    )


def _policy_text(store: VaultSettings, committed: Mapping[str, str]) -> str:
    text = committed[f"vault/{store.qualified_name('policy')}"]
    return "policy_text() {\n" + here_document("cat", text) + "\n}"


def _render_role_write(store: VaultSettings, committed: Mapping[str, str]) -> tuple[str, str]:
    text = committed[f"vault/{store.qualified_name('role')}"]
    return _render_role_check(json.loads(text)), here_document(
        'vault write "auth/$auth/role/$role" -', text
    )


def _render_reader(
    own: VaultSettings, store: VaultSettings, committed: Mapping[str, str]
) -> tuple[str, ...]:
    """Return policy and role of a further reader, which has its own path."""
    title = comment(f"The same for {store.reader}, whose role reads only {store.path}.")
    names = [f"policy={quote(store.policy)}", f"role={quote(store.role)}"]
    if store.auth_mount != own.auth_mount:
        names += [
            f"auth={quote(store.auth_mount)}",
            "# This mount is for a different cluster with its own reviewer; its owner creates it.",
            'vault read "auth/$auth/config" >/dev/null',
        ]
    return (
        "\n".join([title, *names]),
        _policy_text(store, committed),
        _POLICY,
        *_render_role_write(store, committed),
    )


def _render_role_check(role: Mapping[str, object]) -> str:
    """Return the check that an existing role has the committed accounts, audience and policies."""
    lines = [
        "# The role. A different role of this name is replaced only with REPLACE=yes.",
        "same() {",
        '  actual=$(vault read -format=json -field="$1" "auth/$auth/role/$role")',
        "  actual=$(printf %s \"$actual\" | tr -d '[:space:]')",
        '  [ "$actual" = "$2" ] || [ "${REPLACE:-}" = yes ] ||',
        '    die "role $role already exists with $1 $actual, not $2; REPLACE=yes replaces it"',
        "}",
        'if existing=$(vault read -field=token_policies "auth/$auth/role/$role" 2>&1); then',
    ]
    for name in ("bound_service_account_names", "bound_service_account_namespaces",
                 "audience", "token_policies"):  # fmt: skip
        value = json.dumps(role[name], separators=(",", ":"))
        lines.append(f"  same {name} {quote(value)}")
    lines += [
        "else",
        "  case $existing in",
        "    *'No value found'*) ;;",
        '    *) die "$existing" ;;',
        "  esac",
        "fi",
    ]
    return "\n".join(lines)


def _render_payload(answers: Answers, store: VaultSettings, facts: tuple[Fact, ...]) -> str:
    name = answers.installation.name
    title = f"Fills the payload of Airflow installation {name}"
    if store.reader:
        title = f"Fills the values that {store.reader} reads for Airflow installation {name}"
    about = [
        f"{title}:",
        "adds missing values and never changes existing ones. `airflow-wizard secrets` does the",
        "same, and also generates the values.",
        "",
    ]
    if store.document:
        about += ["Standard input: one YAML document with a double-quoted text for each of these:"]
        rows = [_describe_fact(fact, fact.place) for fact in facts]
        work = ['! exists config || die "config already exists; change it by hand"']
        write = _render_write("cat", f"{DOCUMENT_KEY}=-")
    else:
        about += ["Standard input: one JSON object with a text for each missing key of these:"]
        rows = [_describe_fact(fact, fact.key) for fact in facts]
        keys = " ".join(fact.key for fact in facts)
        work = [f"keys={quote(keys)}\nmissing=\n{_KEYS}".rstrip("\n")]
        work.append(
            'case $input in\n  *[!{}[:space:]]*) ;;\n  *) echo "nothing is missing"; exit ;;\nesac'
        )
        write = _render_write("printf '%s\\n' \"$input\"", "-")
    return script(
        comment(*about, *rows, "", "No value appears on a command line or in a file."),
        _render_address(store),
        f"mount={quote(store.mount)}\npath={quote(store.path)}",
        _DIE,
        _VERSION,
        *work,
        write,
    )


def _render_write(source: str, value: str) -> str:
    return _WRITE.replace("WRITE", source).replace("VALUE", value)


def _describe_fact(fact: Fact, place: str) -> str:
    maker = GENERATE_COMMANDS.get(fact.form) if fact.generated else None
    if maker:
        return f"  {place}: {fact.title}; new: {maker}"
    return f"  {place}: {fact.title}{'' if fact.generated else ', from its owner'}"
