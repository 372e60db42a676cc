"""Parts that the scripts for Vault's owner share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizard.formats.durations import duration_seconds
from wizard.formats.shell import quote
from wizard.manifests.ownership import OWNER_ANNOTATION

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings

DIE = """\
die() {
  printf '%s\\n' "$*" >&2
  exit 1
}"""

_SAME_VAULT = """\
# In another Vault, nothing of the installation exists: all of it would be made a second time.
recorded=RECORDED
cluster=$(vault status -format=json 2>/dev/null |
  sed -n 's/.*"cluster_id": *"\\([^"]*\\)".*/\\1/p')
if [ -z "$cluster" ]; then
  echo "warning: Vault at $VAULT_ADDR does not tell its cluster id: it was not compared" >&2
elif [ -z "$recorded" ]; then
  echo "this is for Vault $cluster at $VAULT_ADDR; no earlier run recorded one to compare" >&2
elif [ "$cluster" != "$recorded" ]; then
  die "Vault at $VAULT_ADDR is cluster $cluster; an earlier run used $recorded: set VAULT_ADDR"
fi"""

# A mount that deletes what it holds is refused by every script.
LASTING = """\
after=$(vault read -field=delete_version_after "$mount/config" 2>/dev/null) || after=
case $after in
  '' | 0 | 0s | -*) ;;
  *) die "mount $mount deletes what it holds after $after (delete_version_after)" ;;
esac"""


def render_source(owner: str) -> str:
    """Return the lines that name this repository, as plain text and as Vault's JSON prints it."""
    text = json.dumps(owner, ensure_ascii=False)[1:-1]
    for one in "<>&":
        # As Go's encoder does.
        text = text.replace(one, f"\\u{ord(one):04x}")
    return f"mark={quote(OWNER_ANNOTATION)}\nsource={quote(owner)}\nnamed={quote(text)}"


def render_address(store: VaultSettings, known_cluster: str) -> str:
    """Return the lines that name Vault's address and namespace, and compare its cluster id.

    `known_cluster` is that of an earlier run; without one, the script says which Vault it is.
    """
    lines = [f"VAULT_ADDR=${{VAULT_ADDR:-{quote(store.server)}}}", "export VAULT_ADDR"]
    if store.vault_namespace:
        lines += [f"VAULT_NAMESPACE={quote(store.vault_namespace)}", "export VAULT_NAMESPACE"]
    else:
        lines.append("unset VAULT_NAMESPACE")
    return "\n".join([*lines, _SAME_VAULT.replace("RECORDED", quote(known_cluster))])


def render_field(name: str, value: object) -> str:
    """Return a field of a role as `vault read -format=json` prints it, without spaces."""
    if name == "token_policies" and isinstance(value, list):
        # Vault stores names of policies in lower case.
        value = [str(one).lower() for one in value]
    if isinstance(value, str) and name.endswith("ttl"):
        return str(duration_seconds(value))
    return json.dumps(value, separators=(",", ":"))
