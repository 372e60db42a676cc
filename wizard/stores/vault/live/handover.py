"""Vault's part of the handover to Vault's owner, the platform's owner and CI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wizard.formats.shell import comment, here_document, quote, script
from wizard.formats.yaml_writer import dump_yaml
from wizard.secrets.payload import collect_facts
from wizard.state.apply_journal import VAULT_CLUSTER_ID
from wizard.stores.live import StoreHandover
from wizard.stores.vault.runtime import runtime_settings
from wizard.stores.vault.settings import vault_reader_settings, vault_settings
from wizard.systems.cluster.handover import (
    api_server_address,
    render_cluster,
    split_address,
)
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_mount import is_in_cluster
from wizard.systems.vault.handover import render_files

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.plan.render import Rendering
    from wizard.stores.live import HandoverSources

_FOLDER = """\
# The two files for Vault's owner go to a folder that only you can read, outside any repository.
cd -- "${1:?is the folder for cluster-ca.pem and reviewer.token}"
folder=$(pwd -P)
while :; do
  if [ -e "$folder/.git" ]; then
    echo "$1 is in the work tree $folder; name another folder" >&2
    exit 1
  fi
  [ "$folder" != / ] || break
  folder=$(dirname "$folder")
done
for file in cluster-ca.pem reviewer.token; do
  if [ -e "$file" ] || [ -L "$file" ]; then
    echo "$1/$file already exists; move it away, or name another folder" >&2
    exit 1
  fi
done
umask 077"""
_LOOK = """\
# Existing objects are used as they are, and never changed; one that does not serve stops this.
# look KIND NAME NAMESPACE JSONPATH PATTERN: sets $exists; the object must match the pattern.
refused=
look() {
  found=$(cluster get "$1" "$2" ${3:+"--namespace=$3"} --ignore-not-found \\
    -o "jsonpath={.metadata.uid} {.metadata.deletionTimestamp}/ $4")
  exists=
  [ -n "$found" ] || return 0
  exists=yes
  # shellcheck disable=SC2254
  case $found in
    *' / '*$5*) ;;
    *' / '*) echo "a different $1 $2 already exists; ask its owner to rename or delete it" >&2
      refused=yes ;;
    *) echo "$1 $2 is being deleted; wait until it is gone" >&2
      refused=yes ;;
  esac
}"""
_CREATE = """\
[ -z "$refused" ] || exit 5
# Only created: what somebody else makes in the meantime is refused by the API server.
create() {
  [ -n "$1" ] || cluster create -f -
}"""
_FETCH = """\
token() {
  cluster -n NAMESPACE get secret SECRET -o "jsonpath={.data.$1}"
}
tries=0
until [ -n "$(token token)" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo 'the Secret got no token in 30 s' >&2; exit 1; }
  sleep 1
done
authority=$(token 'ca\\.crt' | base64 -d)
reviewer=$(token token | base64 -d)
# New files only: with -C the shell overwrites none.
set -C
printf '%s\\n' "$authority" >cluster-ca.pem
printf %s "$reviewer" >reviewer.token"""
_LOGIN = """\
store_login() {
  [ -z "${VAULT_TOKEN:-}${VAULT_TOKEN_FILE:-}${VAULT_ROLE_ID:-}" ] || return 0
  echo 'VAULT_TOKEN, VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID must be set' >&2
  exit 64
}"""


def render_store_handover(
    answers: Answers, rendering: Rendering, sources: HandoverSources
) -> StoreHandover:
    """Return the scripts and the flows; they contain no secret."""
    release, total = rendering.release, rendering.total
    store = vault_settings(answers.secrets, release)
    others = [
        (vault_reader_settings(answers.secrets, release, reader), collect_facts((reader.secret,)))
        for reader in total.readers
    ]
    runtime = runtime_settings(answers.secrets, release)
    outside = not is_in_cluster(store.server)
    flows = [("External Secrets", *split_address(store.server), "TCP", "Vault")]
    if runtime is not None:
        flows.append(("Airflow", *split_address(store.server), "TCP", "Vault"))
    if outside:
        flows.append(("Vault", *api_server_address(answers), "TCP", "token reviews"))
    return StoreHandover(
        files=render_files(
            answers,
            store,
            total,
            sources.committed,
            others,
            release.owner_id,
            runtime,
            sources.earlier,
            sources.known.get(VAULT_CLUSTER_ID, ""),
        ),
        platform={"reviewer.sh": _render_reviewer(answers)} if outside else {},
        flows=tuple(flows),
        ci_variables=(
            "  VAULT_ADDR, VAULT_CACERT   Vault's address for the job, if the answers differ",
            "  VAULT_TOKEN or VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID   the login",
        ),
        ci_login=_LOGIN,
    )


def _render_reviewer(answers: Answers) -> str:
    looks, creates = [], []
    for number, (manifest, fields, wanted) in enumerate(reviewer.list_requirements(), 1):
        about = manifest["metadata"]
        words = [
            manifest["kind"].lower(),
            about["name"],
            about.get("namespace", ""),
            fields,
            wanted,
        ]
        looks.append(f"look {' '.join(map(quote, words))}\nexists{number}=$exists")
        creates.append(here_document(f'create "$exists{number}"', dump_yaml(manifest)))
    taken = _FETCH.replace("NAMESPACE", reviewer.NAMESPACE)
    return script(
        comment(
            "Creates the ServiceAccount with which Vault, outside the cluster, reviews tokens of",
            f"Airflow installation {answers.installation.name}. It can only review tokens.",
            "Run it only if Vault's auth mount has no token reviewer for this cluster.",
        ),
        render_cluster(answers),
        _FOLDER,
        "\n".join([_LOOK, *looks]),
        "\n".join([_CREATE, *creates]),
        re.sub(r"\bSECRET\b", reviewer.SECRET, taken),
        comment(
            "Send both files to Vault's owner over a secure channel, as KUBERNETES_CA_FILE and",
            "REVIEWER_TOKEN_FILE of setup.sh, and delete reviewer.token afterwards.",
        ),
    )
