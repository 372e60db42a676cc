"""The one list of Git hosts over SSH: what is read there, and where the answers keep their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.answers.files import with_value
from wizard.answers.host_keys import HOST_KEY_QUESTIONS
from wizard.answers.questions import field_spec
from wizard.formats.addresses import GitLocation, parse_git_url
from wizard.formats.nested import get_value
from wizard.hostkeys.keys import HostKey, known_hosts_name
from wizard.hostkeys.trust import published_entries
from wizard.hostkeys.verdict import Evidence, KnownHost
from wizard.questions.host_keys import EvidenceRecord, HostKeyEntry, known_hosts_text

if TYPE_CHECKING:
    from wizard.answers.model import Answers

BUNDLES = "dags.bundles"
DAG_KEYS = "dags.host_keys"
_CONFIG_REPOSITORY = HOST_KEY_QUESTIONS["delivery.argocd.host_keys"]
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class GitHost:
    """A Git host that is read over SSH, and the keys that the answers give for it.

    `question` is the question that keeps its keys, and `repositories` names what is read there.
    `required`: pods clone there, so a commit needs a verified key. Argo CD may have verified keys
    of its own, so for the config repository alone they are not required.
    """

    host: str
    port: int
    given: tuple[KnownHost, ...]
    question: str = DAG_KEYS
    repositories: tuple[str, ...] = ()
    required: bool = True

    @property
    def name(self) -> str:
        """Return the host's name in known_hosts."""
        return known_hosts_name(self.host, self.port)

    @property
    def known(self) -> tuple[KnownHost, ...]:
        """Return the given keys, or those that the host's owner publishes."""
        return self.given or published_entries(self.host, self.port)

    @property
    def lacks_published_keys(self) -> bool:
        """Return whether a commit needs keys of this host that nobody publishes."""
        return self.required and not published_entries(self.host, self.port)

    def needs(self, entry: KnownHost) -> bool:
        """Return whether a commit needs evidence for this key: given, or of a required host."""
        return self.required or (entry.type, entry.key) in {
            (one.type, one.key) for one in self.given
        }


@dataclass(frozen=True, slots=True)
class _Repository:
    """A repository over SSH, with the host keys in the answers beside it."""

    name: str
    question: str
    place: Place
    keys: Sequence[HostKeyEntry]


def list_git_hosts(answers: Answers) -> tuple[GitHost, ...]:
    """Return the hosts over SSH, each once: of dags.repo, of the bundles, of the config repository.

    The keys of a host are kept in the first question that needs them.
    """
    found: dict[Place, list[_Repository]] = {}
    for one in _list_repositories(answers):
        found.setdefault(one.place, []).append(one)
    return tuple(
        GitHost(
            *place,
            tuple(KnownHost(key.host, key.type, key.key) for one in group for key in one.keys),
            group[0].question,
            tuple(one.name for one in group),
            any(one.question in {DAG_KEYS, BUNDLES} for one in group),
        )
        for place, group in found.items()
    )


def _list_repositories(answers: Answers) -> Iterator[_Repository]:
    for question, repository in HOST_KEY_QUESTIONS.items():
        item = field_spec(question)
        if item.applies(answers):
            place = _place(parse_git_url(get_value(answers, tuple(repository.split(".")))))
            yield _Repository(repository, question, place, get_value(answers, item.path))
        if question == DAG_KEYS and answers.dags.source == "bundle":
            for one in answers.dags.bundles:
                if one.is_over_ssh:
                    place = _place(one.location)
                    yield _Repository(f"bundle {one.name}", BUNDLES, place, one.host_keys or ())


def _place(location: GitLocation) -> Place:
    return location.host, location.port


def with_accepted_keys(answers: Answers, accepted: Mapping[Place, Sequence[KnownHost]]) -> Answers:
    """Return the answers with exactly these host keys, each in the question of its host.

    Published keys of the config repository's host are left out unless they were given: they are
    looked up whenever they are needed.
    """
    kept = {}
    for host in list_git_hosts(answers):
        keys = accepted.get((host.host, host.port), ())
        if not host.required:
            given = {(one.type, one.key) for one in host.given}
            keys = [one for one in keys if _is_typed(one) or (one.type, one.key) in given]
        kept[host.question, host.host, host.port] = _to_answers(keys)
    return _with_entries(answers, kept)


def _with_entries(
    answers: Answers, kept: Mapping[tuple[str, str, int], list[HostKeyEntry]]
) -> Answers:
    left, changed = dict(kept), answers
    for question, repository in HOST_KEY_QUESTIONS.items():
        url = get_value(answers, tuple(repository.split(".")))
        keys = left.pop((question, *_place(parse_git_url(url))), []) if url else []
        if keys != get_value(answers, tuple(question.split("."))):
            changed = with_value(changed, tuple(question.split(".")), keys)
    bundles = []
    for one in answers.dags.bundles:
        own = left.pop((BUNDLES, *_place(one.location)), []) if one.is_over_ssh else []
        bundles.append(one.model_copy(update={"host_keys": own or None}))
    return with_value(changed, ("dags", "bundles"), bundles)


def _is_typed(entry: KnownHost) -> bool:
    return entry.evidence is not None and entry.evidence.kind == "fingerprint"


def _to_answers(entries: Sequence[KnownHost]) -> list[HostKeyEntry]:
    return [
        HostKeyEntry(
            host=entry.host,
            type=entry.type,
            key=entry.key,
            evidence=EvidenceRecord(
                kind=entry.evidence.kind,
                sha256=entry.evidence.sha256,
                by=entry.evidence.by,
                date=entry.evidence.date,
                source=entry.evidence.source,
            ),
        )
        for entry in entries
        if entry.evidence is not None
    ]


def key_answers(
    data: Mapping[str, Any], answers: Answers, host: GitHost, keys: Sequence[HostKey]
) -> dict[str, object]:
    """Return new raw answers, by question, that give exactly these keys for a host, unproven.

    `answers` are those of the raw answers `data`.
    """
    given = [{"host": host.host, "type": key.type, "key": key.key} for key in keys]
    here = [one for one in _list_repositories(answers) if one.place == (host.host, host.port)]
    found: dict[str, object] = {
        one.question: given if one.question == host.question else []
        for one in here
        if one.question != BUNDLES
    }
    if BUNDLES not in {one.question for one in here}:
        return found
    left, listed = (given if host.question == BUNDLES else []), []
    for raw, one in zip(get_value(data, ("dags", "bundles")), answers.dags.bundles, strict=True):
        if one.is_over_ssh and _place(one.location) == (host.host, host.port):
            own = {name: value for name, value in raw.items() if name != "host_keys"}
            listed.append({**own, "host_keys": left} if left else own)
            left = []
        else:
            listed.append(raw)
    return {**found, BUNDLES: listed}


def find_config_host(answers: Answers) -> GitHost | None:
    """Return the host of the config repository that Argo CD reads; None if not over SSH."""
    hosts = list_git_hosts(answers)
    return next((one for one in hosts if _CONFIG_REPOSITORY in one.repositories), None)


def recorded_known_hosts(answers: Answers, host: GitHost) -> str:
    """Return known_hosts lines for the keys of a host that have evidence in the answers."""
    here = [one for one in _list_repositories(answers) if one.place == (host.host, host.port)]
    return known_hosts_text(dict.fromkeys(key for one in here for key in one.keys), host.port)


def list_committed(data: Mapping[str, Any] | None) -> Iterator[tuple[str, KnownHost]]:
    """Yield the host keys in committed raw answers, each with the URL of its repository."""
    bundles = get_value(data or {}, ("dags", "bundles"), []) or []
    owners: list[tuple[object, object]] = [
        (get_value(data or {}, tuple(url.split("."))), get_value(data or {}, tuple(key.split("."))))
        for key, url in HOST_KEY_QUESTIONS.items()
    ]
    owners += [
        (get_value(one, ("repo",)), get_value(one, ("host_keys",)))
        for one in (bundles if isinstance(bundles, list) else [])
    ]
    for url, listed in owners:
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, Mapping):
                yield str(url or ""), _read_committed(item)


def _read_committed(item: Mapping[str, Any]) -> KnownHost:
    record = item.get("evidence")
    evidence = None
    if isinstance(record, Mapping) and record.get("kind") in {"published", "fingerprint"}:
        texts = {name: str(record.get(name, "")) for name in ("sha256", "by", "date", "source")}
        evidence = Evidence(record["kind"], **texts)
    texts = {name: str(item.get(name, "")) for name in ("host", "type", "key")}
    return KnownHost(**texts, evidence=evidence)


def committed_entries(data: Mapping[str, Any] | None) -> tuple[KnownHost, ...]:
    """Return the host keys in committed raw answers, with their recorded evidence."""
    return tuple(entry for _, entry in list_committed(data))
