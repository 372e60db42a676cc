"""The script that fills a payload by hand: it checks everything, then adds what is missing.

It fills a payload of this repository, and one that does not say whose it is after a yes to exactly
that one. As `secrets` does, it never stores a new value for a generated key that an older version
has: such a value is in use, and a careless `vault kv put` took it out of the newest version. Nor
does it store new values without a yes while a place of earlier answers may have those in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.shell import Files, comment, quote, script
from wizard.secrets.facts import Form
from wizard.secrets.payload import DOCUMENT_KEY
from wizard.systems.payload_store import HiddenPlace
from wizard.systems.vault.script_parts import DIE, LASTING, render_address, render_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wizard.answers.model import Answers
    from wizard.secrets.facts import Fact
    from wizard.secrets.payload import PayloadPlace
    from wizard.stores.vault.settings import VaultSettings

# The generated values need no encoding in a URL, in YAML or in a users file.
_GENERATE_COMMANDS = {
    Form.FERNET: "openssl rand -base64 32 | tr '+/' '-_'",
    Form.KEY: "openssl rand -hex 64",
    Form.PASSWORD: "openssl rand -hex 24",
}
_VERSION = """\
# The version for check-and-set: if somebody else writes in the meantime, this write fails.
version=$(vault read -field=current_version "$mount/metadata/$path" 2>&1) || case $version in
  *'No value found'*) version=0 ;;
  *) die "$version" ;;
esac
LASTING
case $version in
  '' | *[!0-9]*) die "not a version: $version" ;;
esac
# Whose the payload is: its custom metadata names a repository and an installation.
about=$(vault read -format=json -field=custom_metadata "$mount/metadata/$path" 2>&1) ||
  case $about in
    *'No value found'* | *'not present'*) about= ;;
    *) die "$about" ;;
  esac
dense=$(printf %s "$about" | tr -d '[:space:]')
whose=unknown
case $dense in
  *"\\"$mark\\":\\"$named\\""*) whose=ours ;;
  *"\\"$mark\\":\\""*)
    other=$(printf %s "$dense" | sed "s|.*\\"$mark\\":\\"\\([^\\"]*\\)\\".*|\\1|")
    die "$mount/$path belongs to $other; it is never changed"
    ;;
esac
# claim HELD...: whether a payload with these keys may be filled; called before the first write.
claim() {
  [ "$version" -gt 0 ] && [ "$whose" = unknown ] || return 0
  made=$(vault read -field=created_time "$mount/metadata/$path")
  seal=$mount/$path@$version-$(printf %s "$made" | cksum | tr ' ' -)
  case " ${TAKE_OVER:-} " in
    *" $seal "*) ;;
    *) die "$mount/$path does not say whose it is; its version $version has: ${*:-no such key}." \\
      "To fill exactly this version as this installation's, repeat this with TAKE_OVER='$seal'" ;;
  esac
}
# record: says whose the payload is that was filled, beside what else its metadata says.
record() {
  [ -n "$source" ] && [ "$whose" = unknown ] || return 0
  how=patch
  [ -n "$about" ] || how=put
  vault kv metadata "$how" -mount="$mount" -custom-metadata="$mark=$source" "$path" >/dev/null ||
    echo "the values are stored, but $mount/$path does not say whose they are" >&2
}
if [ "$version" -gt 0 ] && ! vault kv get -mount="$mount" "$path" >/dev/null; then
  die "$mount/$path was deleted; restore it (vault kv undelete) instead of creating new values"
fi
exists() {
  [ "$version" -gt 0 ] || return 1
  code=0
  vault kv get -mount="$mount" -field="$1" "$path" >/dev/null 2>&1 || code=$?
  [ "$code" -le 1 ] || die "$mount/$path cannot be read"
  return "$code"
}
oldest=$(vault read -field=oldest_version "$mount/metadata/$path" 2>/dev/null) || oldest=1
[ "$oldest" -gt 0 ] || oldest=1
# earlier KEY: sets $held to the newest older version with the key, and $hidden to those versions
# that cannot be read. What an older version has is in use: it is restored, never made anew.
earlier() {
  held= hidden= number=$version
  while [ "$number" -gt "$oldest" ]; do
    number=$((number - 1)) code=0
    vault kv get -mount="$mount" -version="$number" -field="$1" "$path" >/dev/null 2>&1 || code=$?
    case $code in
      0) held=$number; return ;;
      1) ;;
      *) hidden="$hidden $number" ;;
    esac
  done
  [ -z "$hidden" ] || [ "${NEW:-}" = yes ] ||
    die "version$hidden of $mount/$path is deleted or cannot be read, and may hold $1; restore it" \
      "(vault kv undelete), or store a new value with NEW=yes"
}
# restore KEY@VERSION...: puts these values back into the newest version, after a yes.
restore() {
  [ "${RESTORE:-}" = yes ] ||
    die "version $version of $mount/$path lacks values that older versions have: $*;" \
      "RESTORE=yes restores them"
  comma=
  {
    printf '{'
    for one in "$@"; do
      printf '%s"%s":' "$comma" "${one%@*}"
      vault kv get -format=json -mount="$mount" -version="${one#*@}" -field="${one%@*}" "$path"
      comma=,
    done
    printf '}'
  } | vault kv patch -mount="$mount" -cas="$version" "$path" -
  version=$((version + 1))
}"""

_EARLIER = """\
# stop PLACE: stops because of an earlier place that may have the values in use.
stop() {
  die "$1. The values in use may be there: \\`airflow-wizard secrets\\` copies them. To store" \\
    "those of standard input, copied from there or new, set NEW=yes"
}
# unused MOUNT PATH: stops if this place has a payload, or may have one.
unused() {
  seen=$(vault read "$1/metadata/$2" 2>&1) || case $seen in *'No value found'*) return 0 ;; esac
  stop "$1/$2, which earlier answers named, has a payload, or may have one"
}
# require_unused: called before generated values are stored that no version of the payload has.
require_unused() {
  [ "${NEW:-}" != yes ] || return 0
LOOKS
}"""

_KEYS = """\
input=$(cat)
# Without spaces, for the checks only.
dense=$(printf %s "$input" | tr -d '[:space:]')
missing= restored= present= fresh=
for key in $keys; do
  given=
  case $dense in
    *"\\"$key\\":\\"\\""*) die "$key is empty" ;;
    *"\\"$key\\":\\""*) given=yes ;;
    *"\\"$key\\":"*) die "$key is not a text" ;;
  esac
  if exists "$key"; then
    present="$present $key"
    [ -z "$given" ] || die "$key already exists; remove it from the input"
    continue
  fi
  held=
  case " $generated " in
    *" $key "*)
      earlier "$key"
      [ -n "$held" ] || fresh=yes
      ;;
  esac
  if [ -n "$held" ]; then
    [ -z "$given" ] || die "$key is in use: version $held has it; remove it from the input"
    restored="$restored $key@$held"
  elif [ -z "$given" ]; then
    missing="$missing $key"
  fi
done
[ -z "$fresh" ] || require_unused
[ -z "$missing" ] || die "missing on standard input:$missing"
case $input in
  *[!{}[:space:]]*) fill=yes ;;
  *) fill= ;;
esac
if [ -z "$fill$restored" ]; then
  echo "nothing is missing"
  exit
fi
# shellcheck disable=SC2086
claim $present
# shellcheck disable=SC2086
[ -z "$restored" ] || restore $restored
if [ -z "$fill" ]; then
  record
  exit
fi"""

_DOCUMENT = """\
! exists config || die "config already exists; change it by hand"
earlier config
if [ -n "$held" ]; then
  claim
  restore "config@$held"
  record
  exit
fi
require_unused
input=$(cat)
[ -n "$input" ] || die "there is no document on standard input"
for key in $keys; do
  empty="^[[:space:]]*$key:[[:space:]]*(\\"\\"|''|~|null)?[[:space:]]*(#.*)?\\$"
  ! printf '%s\\n' "$input" | grep -Eq "$empty" || die "$key is empty"
done
claim"""

_WRITE = """\
if [ "$version" -gt 0 ]; then
  WRITE | vault kv patch -mount="$mount" -cas="$version" "$path" VALUE
else
  WRITE | vault kv put -mount="$mount" -cas=0 "$path" VALUE
fi
record"""


def render_payloads(
    answers: Answers,
    stores: Sequence[tuple[VaultSettings, tuple[Fact, ...]]],
    owner: str,
    earlier: Mapping[str, Sequence[PayloadPlace | HiddenPlace]],
    known_cluster: str,
) -> Files:
    """Return the script for each path with its facts, by file name; `earlier` is by reader.

    `known_cluster` is the cluster id of the Vault that an earlier run used; empty if not known.
    """
    return {
        f"{'-'.join(filter(None, ('payload', store.reader)))}.sh": _render_payload(
            answers, store, facts, owner, earlier.get(store.reader, ()), known_cluster
        )
        for store, facts in stores
    }


def _render_payload(
    answers: Answers,
    store: VaultSettings,
    facts: tuple[Fact, ...],
    owner: str,
    earlier: Sequence[PayloadPlace | HiddenPlace],
    known_cluster: str,
) -> str:
    """Return the script for one path, whose standard input has the values.

    `owner` is the owner id of the installation, which its payload names, and `earlier` are the
    places where earlier answers had the payload.
    """
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
        keys = " ".join(dict.fromkeys(fact.place.rpartition(".")[2] for fact in facts))
        work = [f"keys={quote(keys)}\n{_DOCUMENT}"]
        write = _render_write("printf '%s\\n' \"$input\"", f"{DOCUMENT_KEY}=-")
    else:
        about += ["Standard input: one JSON object with a text for each missing key of these:"]
        rows = [_describe_fact(fact, fact.key) for fact in facts]
        keys = " ".join(fact.key for fact in facts)
        made = " ".join(fact.key for fact in facts if fact.generated)
        work = [f"keys={quote(keys)}\ngenerated={quote(made)}\n{_KEYS}"]
        write = _render_write("printf '%s\\n' \"$input\"", "-")
    return script(
        comment(*about, *rows, "", "No value appears on a command line or in a file."),
        DIE,
        render_address(store, known_cluster),
        f"mount={quote(store.mount)}\npath={quote(store.path)}",
        render_source(owner),
        _VERSION.replace("LASTING", LASTING),
        _EARLIER.replace("\nLOOKS", "".join(f"\n  {_render_look(one)}" for one in earlier)),
        *work,
        write,
    )


def _render_look(place: PayloadPlace | HiddenPlace) -> str:
    if isinstance(place, HiddenPlace):
        return f"stop {quote(place.reason)}"
    return f"unused {quote(place.mount)} {quote(place.path)}"


def _render_write(source: str, value: str) -> str:
    return _WRITE.replace("WRITE", source).replace("VALUE", value)


def _describe_fact(fact: Fact, place: str) -> str:
    maker = _GENERATE_COMMANDS.get(fact.form) if fact.generated else None
    if maker:
        return f"  {place}: {fact.title}; new: {maker}"
    return f"  {place}: {fact.title}{'' if fact.generated else ', from its owner'}"
