"""Parts that the scripts for Vault's owner share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizard.formats.shell import quote
from wizard.manifests.ownership import OWNER_ANNOTATION

if TYPE_CHECKING:
    from wizard.stores.vault.settings import VaultSettings

DIE = """\
die() {
  printf '%s\\n' "$*" >&2
  exit 1
}"""

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


def render_address(store: VaultSettings) -> str:
    """Return the lines that name Vault's address and namespace."""
    lines = [f"VAULT_ADDR=${{VAULT_ADDR:-{quote(store.server)}}}", "export VAULT_ADDR"]
    if store.vault_namespace:
        lines += [f"VAULT_NAMESPACE={quote(store.vault_namespace)}", "export VAULT_NAMESPACE"]
    return "\n".join(lines)
