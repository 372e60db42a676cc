"""Takes out of Helm values what may not be imported: secrets, evidence, keys without effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import SecretStr

from wizard.chart.contract import find_inline_secrets
from wizard.chart.keys import list_names, load_keys
from wizard.checks.engine import run_checks
from wizard.checks.secrets import find_backend_secrets
from wizard.checks.subject import Layout
from wizard.formats.nested import format_path, walk
from wizard.formats.yaml_writer import dump_yaml
from wizard.secrets.leak_gate import Gate
from wizard.secrets.scan import find_secret_paths, find_shapes, withhold_secrets

Path: TypeAlias = tuple[str | int, ...]

_VALUES = "values.yaml"
_NO_EFFECT = ("configuration.no-effect", "pod-template.no-effect")
_EVIDENCE = "knownHosts"
_VERIFY = (
    "host keys are never imported: plan takes the published ones, or verify them and give "
    "--host-key-fingerprint"
)
# Which question says where a secret of the chart comes from.
_QUESTIONS: Mapping[str, str] = {
    "data.metadataConnection.pass": "database.password",
    "data.resultBackendConnection.pass": "database.result_backend.password",
    "data.brokerUrl": "broker.url",
    "dags.gitSync.sshKey": "dags.key",
    "createUserJob.defaultUser.password": "admin.password",
    "webserver.defaultUser.password": "admin.password",
}
_FERNET = "fernetKey"


@dataclass(frozen=True, slots=True)
class Removal:
    """A Helm value that is not imported: its place, and why or what to do instead."""

    key: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return the place and the reason."""
        return {"key": self.key, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Helm values without what may not be imported.

    `held` are the secrets that were taken out, so that the output can be searched for them.
    """

    values: dict[str, Any]
    secrets: tuple[Removal, ...] = ()
    evidence: tuple[Removal, ...] = ()
    dropped: tuple[Removal, ...] = ()
    held: tuple[SecretStr, ...] = ()


def show_place(path: Sequence[str | int]) -> str:
    """Return the place of a value as text; a key that may be a secret is withheld."""
    return withhold_secrets(format_path(path), list_names())


def clean_values(values: Mapping[str, Any], chart: str, airflow: str) -> Cleaned:
    """Return the values that may be imported for this chart and Airflow, and what was taken out."""
    found = dict(sorted(_find_secrets(values).items(), key=str))
    held = [SecretStr(text) for path in found for text in _list_texts(_get(values, path))]
    kept = remove_paths(values, found)
    # The same text elsewhere is a secret there, too.
    gate = Gate(held)
    copies = [path for path, node in walk(kept) if isinstance(node, str) and (
        gate.leaks(node.encode("utf-8", "replace")))]  # fmt: skip
    kept = remove_paths(kept, copies)
    found |= dict.fromkeys(copies, "it has the value of a secret")
    known_hosts = [path for path, _ in walk(kept) if path and path[-1] == _EVIDENCE]
    kept = remove_paths(kept, known_hosts)
    unknown = load_keys(chart).unknown(kept)
    dropped = [Removal(show_place(path), _describe_unknown(path, chart)) for path in unknown]
    kept = remove_paths(kept, unknown)
    dead = _find_dead(kept, chart, airflow)
    dropped += [Removal(show_place(path), reason) for path, reason in dead.items()]
    return Cleaned(
        remove_paths(kept, dead),
        tuple(Removal(show_place(path), remedy) for path, remedy in found.items()),
        tuple(Removal(show_place(path), _VERIFY) for path in known_hosts),
        tuple(dropped),
        tuple(held),
    )


def remove_paths(values: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Return a copy without the values at these paths; an item of a list goes as a whole."""
    found: dict[str, Any] = dict(values)
    for path in sorted(map(_cut_at_list, paths), key=_sort_key, reverse=True):
        found = _remove(found, path)
    return found


def _sort_key(path: Path) -> list[tuple[int, str]]:
    # Of a list, the last item goes first, so that the others keep their number.
    return [(part, "") if isinstance(part, int) else (-1, part) for part in path]


def _cut_at_list(path: Path) -> Path:
    at = next((number for number, part in enumerate(path) if isinstance(part, int)), None)
    return path if at is None else path[: at + 1]


def _remove(node: Any, path: Path) -> Any:
    head, *rest = path
    if isinstance(node, Mapping) and head in node:
        if not rest:
            return {key: value for key, value in node.items() if key != head}
        below = _remove(node[head], tuple(rest))
        if below == {} and node[head] != {}:
            return {key: value for key, value in node.items() if key != head}
        return {**node, head: below}
    if isinstance(node, list) and isinstance(head, int) and head < len(node):
        return [item for number, item in enumerate(node) if number != head]
    return node


def _get(values: Any, path: Path) -> Any:
    try:
        for part in path:
            values = values[part]
    except (KeyError, IndexError, TypeError):
        return None
    return values


def _list_texts(value: Any) -> Iterator[str]:
    for _, node in walk(value):
        if isinstance(node, str) and node:
            yield node


def _find_secrets(values: Mapping[str, Any]) -> dict[Path, str]:
    """Return the paths of all secrets in the values, with the remedy."""
    found: dict[Path, str] = {}
    known = {*find_inline_secrets(values), *find_backend_secrets(values)}
    shaped = [path for path, node in walk(values) if isinstance(node, str) and any(
        find_shapes(node))]  # fmt: skip
    named = [path for path, _ in find_secret_paths(values)]
    keys = [path for path, _ in walk(values) if path and _is_secret_key(path)]
    for path in (*known, *shaped, *named, *keys):
        # A place such as `(a key)` stands for the mapping around it.
        path = path[:-1] if path and path[-1] == "(a key)" else path
        if path and not any(path[: len(other)] == other for other in found):
            found[path] = _describe_remedy(format_path(path))
    return found


def _is_secret_key(path: Path) -> bool:
    name = path[-1]
    return isinstance(name, str) and withhold_secrets(format_path([name]), list_names()) != (
        format_path([name])
    )


def _describe_remedy(key: str) -> str:
    if key == _FERNET:
        return (
            "keep exactly this value, which decrypts the connections in the database: put it into "
            "the store, never into Git"
        )
    question = _QUESTIONS.get(key)
    if question:
        return f"the value stays out of Git: {question} says where it comes from"
    return "the value stays out of Git: put it into a Secret, and name that Secret here"


def _describe_unknown(path: Path, chart: str) -> str:
    near = load_keys(chart).nearest_key(path)
    known = f"; did you mean {near}?" if near else ""
    return f"chart {chart} does not know this key{known}"


def _find_dead(values: Mapping[str, Any], chart: str, airflow: str) -> dict[Path, str]:
    """Return the values without effect, by their paths, and why."""
    places = {format_path(path): path for path, _ in walk(values) if path}
    findings = run_checks(
        {_VALUES: dump_yaml(dict(values)).encode()},
        chart=chart,
        airflow=airflow,
        installation=Layout(values=_VALUES),
    )
    return {
        places[one.where]: f"{one.message}; {one.fix.text}"
        for one in findings
        if one.rule in _NO_EFFECT and one.where in places
    }
