"""For Vault's owner: a script that sets the store's side up, and one that fills the payload.

Both look first and leave alone what is another's: a policy or role that differs is shown and
replaced only on demand, the config of an auth mount never (facts on Vault, sections 2 and 3).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizard.formats.shell import Files, comment, here_document, quote, script
from wizard.secrets.payload import DOCUMENT_KEY, collect_facts
from wizard.stores.kubernetes.manifests import GENERATE_COMMANDS
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
# KV version 2. A write meant for it would leave the values in clear on version 1.
mounts=$(vault secrets list -format=json)
case $mounts in
  *"\\"$mount/\\": {"*) echo "mount $mount is there" ;;
  *) vault secrets enable -path="$mount" -version=2 kv ;;
esac
case $(vault read -format=json "sys/mounts/$mount/tune") in
  *'"version": "2"'*) ;;
  *) die "mount $mount is not KV version 2; choose another: secrets.vault.mount" ;;
esac"""

_POLICY = """\
# The policy; another one of this name is shown, and replaced only with REPLACE=yes.
policies=$(vault policy list)
if printf '%s\\n' "$policies" | grep -qxF -- "$policy"; then
  standing=$(vault policy read "$policy")
  if [ "$standing" != "$(policy_text)" ] && [ "${REPLACE:-}" != yes ]; then
    printf '%s\\n' "$standing" >&2
    die "policy $policy stands there and differs; REPLACE=yes replaces it"
  fi
fi
policy_text | vault policy write "$policy" -"""

_ENABLE = """\
# The auth mount. The config of one that stands is never written: that would empty its reviewer.
auths=$(vault auth list -format=json)
case $auths in
  *"\\"$auth/\\": {"*) echo "auth mount $auth is there" ;;
  *) vault auth enable -path="$auth" kubernetes ;;
esac
standing=$(vault read -field=kubernetes_host "auth/$auth/config" 2>&1) || case $standing in
  *'No value found'*) standing= ;;
  *) die "$standing" ;;
esac"""

_INSIDE = """\
# Vault runs in the cluster: its own ServiceAccount reviews tokens and needs system:auth-delegator.
if [ -z "$standing" ]; then
  vault write "auth/$auth/config" kubernetes_host="$host"
else
  echo "auth/$auth/config is there, for $standing; this cluster is $host"
fi"""

_OUTSIDE = """\
# Vault runs outside the cluster: it needs the API server's address as it reaches it, the
# cluster's CA and a reviewer's token. The platform's reviewer.sh makes both files.
if [ -z "$standing" ]; then
  [ -n "$host" ] || die "give KUBERNETES_HOST: the API server as Vault reaches it"
  : "${KUBERNETES_CA_FILE:?is a file with the CA of the cluster, as PEM}"
  : "${REVIEWER_TOKEN_FILE:?is a file with the token of the reviewer}"
  reviewer=$(cat -- "$REVIEWER_TOKEN_FILE")
  printf %s "$reviewer" | vault write "auth/$auth/config" kubernetes_host="$host" \\
    kubernetes_ca_cert=@"$KUBERNETES_CA_FILE" token_reviewer_jwt=- disable_local_ca_jwt=true
elif [ -n "$host" ] && [ "$standing" != "$host" ]; then
  die "auth/$auth is for $standing, not $host; choose another: secrets.vault.auth_mount"
else
  echo "auth/$auth/config is there, for $standing"
fi"""

_VERSION = """\
# The version that the write is held against: somebody else's write in between makes it fail.
version=$(vault read -field=current_version "$mount/metadata/$path" 2>&1) || case $version in
  *'No value found'*) version=0 ;;
  *) die "$version" ;;
esac
case $version in
  '' | *[!0-9]*) die "no version: $version" ;;
esac
if [ "$version" -gt 0 ] && ! vault kv get -mount="$mount" "$path" >/dev/null; then
  die "$mount/$path was deleted; bring it back (vault kv undelete) instead of making new values"
fi
stands() {
  [ "$version" -gt 0 ] || return 1
  code=0
  vault kv get -mount="$mount" -field="$1" "$path" >/dev/null 2>&1 || code=$?
  [ "$code" -le 1 ] || die "$mount/$path cannot be read"
  return "$code"
}"""

_KEYS = """\
given=$(cat)
for key in $keys; do
  case $given in
    *"\\"$key\\""*) ! stands "$key" || die "$key stands there already; leave it out" ;;
    *) stands "$key" || lacking="$lacking $key" ;;
  esac
done
[ -z "$lacking" ] || die "missing on standard input:$lacking"
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
    """`setup.sh` and a `payload.sh` for each path; policies and roles are as committed.

    `others` are the paths that somebody else than Airflow reads, with what stands there.
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
        f"mount={quote(store.mount)}",
        f"policy={quote(store.policy)}",
        f"auth={quote(store.auth_mount)}",
        f"role={quote(store.role)}",
        f"host={host}" if within else f"host=${{KUBERNETES_HOST:-{host}}}",
    ]
    return script(
        comment(
            f"Vault's side of Airflow installation {answers.installation.name}.",
            "Run it logged in to Vault; it holds no secret and may be run again.",
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
    """Policy and role of somebody else who reads a path of their own."""
    title = comment(f"The same for {store.reader}, whose role reads {store.path} alone.")
    names = [f"policy={quote(store.policy)}", f"role={quote(store.role)}"]
    if store.auth_mount != own.auth_mount:
        names += [
            f"auth={quote(store.auth_mount)}",
            "# It is another cluster's, which has its own reviewer: made by its owner.",
            'vault read "auth/$auth/config" >/dev/null',
        ]
    return (
        "\n".join([title, *names]),
        _policy_text(store, committed),
        _POLICY,
        *_render_role_write(store, committed),
    )


def _render_role_check(role: Mapping[str, object]) -> str:
    """Who another role of this name lets in decides whether it is another's."""
    lines = [
        "# The role; another one of this name is replaced only with REPLACE=yes.",
        "same() {",
        '  said=$(vault read -format=json -field="$1" "auth/$auth/role/$role")',
        "  said=$(printf %s \"$said\" | tr -d '[:space:]')",
        '  [ "$said" = "$2" ] || [ "${REPLACE:-}" = yes ] ||',
        '    die "role $role stands there with $1 $said, not $2; REPLACE=yes replaces it"',
        "}",
        'if standing=$(vault read -field=token_policies "auth/$auth/role/$role" 2>&1); then',
    ]
    for name in ("bound_service_account_names", "bound_service_account_namespaces",
                 "audience", "token_policies"):  # fmt: skip
        value = json.dumps(role[name], separators=(",", ":"))
        lines.append(f"  same {name} {quote(value)}")
    lines += [
        "else",
        "  case $standing in",
        "    *'No value found'*) ;;",
        '    *) die "$standing" ;;',
        "  esac",
        "fi",
    ]
    return "\n".join(lines)


def _render_payload(answers: Answers, store: VaultSettings, facts: tuple[Fact, ...]) -> str:
    name = answers.installation.name
    whose = f"Fills the payload of Airflow installation {name}"
    if store.reader:
        whose = f"Fills what {store.reader} reads for Airflow installation {name}"
    about = [
        f"{whose}: what lacks, never",
        "what stands. `airflow-wizard secrets` does the same by itself, and makes the values.",
        "",
    ]
    if store.document:
        about += ["Standard input is one YAML document with a text, double-quoted, for each of:"]
        rows = [_describe_fact(fact, fact.place) for fact in facts]
        work = ['! stands config || die "config stands there already; change it by hand"']
        write = _render_write("cat", f"{DOCUMENT_KEY}=-")
    else:
        about += ["Standard input is one JSON object with a text for each of these that lacks:"]
        rows = [_describe_fact(fact, fact.key) for fact in facts]
        keys = " ".join(fact.key for fact in facts)
        work = [f"keys={quote(keys)}\nlacking=\n{_KEYS}".rstrip("\n")]
        work.append(
            'case $given in\n  *[!{}[:space:]]*) ;;\n  *) echo "nothing lacks"; exit ;;\nesac'
        )
        write = _render_write("printf '%s\\n' \"$given\"", "-")
    return script(
        comment(*about, *rows, "", "Values stand on no command line and in no file."),
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
    return f"  {place}: {fact.title}{'' if fact.generated else ', which its owner has'}"
