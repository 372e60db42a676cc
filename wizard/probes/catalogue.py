"""Which probes an installation needs. A new kind of probe is one function and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.engine.probes import Probe, ProbeResult, failed, skipped, unknown
from wizard.errors import WizardError
from wizard.systems.situation import Situation

if TYPE_CHECKING:
    from wizard.clients.ssh.clone import Target
    from wizard.systems.git.dag_probes import Reading
    from wizard.workspace.deploy_keys import GitKey


@dataclass(frozen=True, slots=True)
class Source:
    """Where probes come from: `title` is over their results, `section` is the page about them.

    `reads` are the sections whose answers decide what they find: after a change of any, it has to
    be found out again. `kube` says that they ask the cluster.
    """

    title: str
    section: str
    probes: Callable[[Situation], Iterable[Probe]]
    reads: tuple[str, ...]
    kube: bool = False


def git_host(situation: Situation) -> Iterator[Probe]:
    """The host keys that known_hosts will hold, compared with those the host shows now."""
    from wizard.clients.ssh.scanner import network
    from wizard.hostkeys.keys import HostKey
    from wizard.systems.git.host_key_probes import host_keys_probe
    from wizard.workspace.host_keys import needed_host

    place = needed_host(situation.answers)
    if place is None:
        return
    entries = situation.answers.dags.host_keys
    recorded = [HostKey(one.type, one.key) for one in entries if one.evidence is not None]
    if recorded:
        scanner = situation.scanner or network(situation.say)
        yield host_keys_probe(*place, recorded, scanner)


def dag_repository(situation: Situation) -> Iterator[Probe]:
    """The clone, with exactly the deploy key."""
    from wizard.systems.git.dag_probes import DAGS, clone_target
    from wizard.workspace.deploy_keys import git_key

    target = clone_target(situation.answers)
    if target is None:
        return
    yield from _clone(situation, git_key(situation.answers), DAGS, target)


def config_repository(situation: Situation) -> Iterator[Probe]:
    """The clone that Argo CD makes, with exactly its own key, and the keys of that host."""
    from wizard.answers.conditions import REPOSITORY_KEY
    from wizard.clients.ssh.scanner import network
    from wizard.systems.argocd.probes import CONFIG, repository_target, unproven
    from wizard.systems.git.host_key_probes import ASK_PUBLISHER, host_keys_probe
    from wizard.workspace.deploy_keys import git_key
    from wizard.workspace.host_keys import needed_host

    if not REPOSITORY_KEY.test(situation.answers):
        return
    target = repository_target(situation.answers)
    if target is None:
        yield unproven(situation.answers)
        return
    place = (target.host, target.port)
    if place != needed_host(situation.answers):
        scanner = situation.scanner or network(situation.say)
        name = "repository.host_keys"
        yield host_keys_probe(*place, target.pinned, scanner, name, ASK_PUBLISHER)
    yield from _clone(situation, git_key(situation.answers, "repositorySshKey"), CONFIG, target)


def _clone(
    situation: Situation, about: GitKey, reading: Reading, target: Target
) -> Iterator[Probe]:
    from wizard.clients.ssh.clone import Paramiko
    from wizard.secrets.deploy_key import read, require_recorded
    from wizard.systems.git.dag_probes import looking

    held = situation.secret(about.question, about.repository, where=target.endpoint, lines=True)
    clone = f"{reading.id}.clone"
    if isinstance(held, ProbeResult):
        if about.answer.kind in {"generate", "store"}:
            held = skipped(held.detail, "`airflow-wizard secrets --prove` clones with it")
        yield told(clone, reading.title, target.endpoint, held)
        return
    try:
        # As `secrets` would store it; what cannot be used is a fault here already.
        key = read(held, about.question, "", about.question)
        require_recorded(key, about.public, about.question)
    except WizardError as error:
        yield told(clone, reading.title, target.endpoint, failed(error.message, error.hint))
        return
    look = looking(Paramiko(target, key.private))
    yield from reading.probes(target, look, writable=about.answer.writable)


def database(situation: Situation) -> Iterator[Probe]:
    """The metadata database, asked directly as migrations will, and its pooler."""
    own = situation.answers.database
    if own.kind != "external":
        return
    from wizard.clients.postgres.client import Psycopg, Target
    from wizard.systems.database.probes import database_probes, encryption, looking, pooler_probe
    from wizard.systems.network import reachable

    ca = situation.asset("database.ca.file")
    target = Target(own.host, own.port, own.name, own.user, own.sslmode, ca)
    yield encryption(target)
    yield reachable("database.reachable", "Database", own.host, own.port)
    places = ("database.host", "database.port")
    held = situation.secret("database.password", *places, where=target.endpoint)
    if isinstance(held, ProbeResult):
        yield told("database.login", "Database: login", target.endpoint, held)
        return
    look = looking(Psycopg(target, held))
    yield from database_probes("database", "Database", situation.answers, target, look)
    bouncer = own.pgbouncer
    if bouncer.mode != "external":
        return
    alias = bouncer.database or own.name
    pooled = Target(bouncer.host, bouncer.port, alias, own.user, own.sslmode, ca)
    refused = situation.refusal(
        "database.password",
        "database.pgbouncer.host",
        "database.pgbouncer.port",
        use=f"use it at {pooled.endpoint}",
    )
    if refused is not None:
        yield told("database.pgbouncer", "PgBouncer: login", pooled.endpoint, refused)
        return
    yield pooler_probe(pooled, looking(Psycopg(pooled, held)))


def result_backend(situation: Situation) -> Iterator[Probe]:
    """A database of its own for Celery's results."""
    from wizard.answers.conditions import OWN_RESULT_BACKEND

    if not OWN_RESULT_BACKEND.test(situation.answers):
        return
    from wizard.clients.postgres.client import Psycopg, Target
    from wizard.systems.database.probes import database_probes, looking

    own, main = situation.answers.database.result_backend, situation.answers.database
    ca = situation.asset("database.ca.file")
    target = Target(own.host, own.port, own.name, own.user, main.sslmode, ca)
    key = "database.result_backend"
    held = situation.secret(f"{key}.password", f"{key}.host", f"{key}.port", where=target.endpoint)
    if isinstance(held, ProbeResult):
        yield told(f"{key}.login", "Result backend: login", target.endpoint, held)
        return
    look = looking(Psycopg(target, held))
    yield from database_probes(
        key, "Result backend", situation.answers, target, look, metadata=False
    )


def broker(situation: Situation) -> Iterator[Probe]:
    """An external Redis, as the broker URL names it; other brokers are only reached."""
    from wizard.answers.conditions import CELERY, OUTER_BROKER
    from wizard.clients.redis import Resp, target_of
    from wizard.systems.broker import broker_probes, looking
    from wizard.systems.network import reachable

    own = situation.answers.broker
    if not (CELERY.test(situation.answers) and OUTER_BROKER.test(situation.answers)):
        return
    place = f"{own.host or 'broker'}:{own.port}"
    if own.host:
        yield reachable("broker.reachable", "Broker", own.host, own.port)
    held = situation.secret("broker.url", "broker.host", "broker.port", where=place)
    if isinstance(held, ProbeResult):
        yield told("broker.login", "Broker: login", place, held)
        return
    try:
        target = target_of(held)
    except ValueError as error:
        fix = "correct the value that broker.url refers to"
        yield told("broker.login", "Broker: login", place, failed(f"broker.url: {error}", fix))
        return
    if isinstance(target, str):
        text = f"broker.url is {target}: only a Redis of one URL is tried here"
        yield told("broker.login", "Broker: login", place, skipped(text))
        return
    yield from broker_probes(target, looking(Resp(target)), own.host, own.port)


def vault(situation: Situation) -> Iterator[Probe]:
    """Vault as this machine reaches it, with whatever identity this machine has there."""
    if situation.answers.secrets.store != "vault":
        return
    from wizard.clients.vault.address import address, credentials
    from wizard.systems.vault.probes import vault_probes
    from wizard.workspace.consent import SERVER
    from wizard.workspace.store_paths import stores

    settings = situation.answers.secrets.store_settings(situation.release)
    own = situation.answers.secrets.vault
    try:
        where = address(
            own.server, ca=situation.asset("secrets.vault.ca.file"), namespace=own.namespace
        )
    except WizardError as error:
        result = unknown(error.message, error.hint)
        yield told("vault.state", "Vault: state", own.server, result)
        return
    identity, absent = None, None
    try:
        identity = credentials()
    except WizardError as error:
        absent = unknown(error.message, error.hint)
    mint = situation.mint
    if where.source == SERVER and (identity or mint):
        # Only the answers say which server it is, so somebody has to vouch for it.
        who = f" with {identity.identity}" if identity else ""
        absent = situation.refusal(
            SERVER, "secrets.vault.ca.file", use=f"log in to Vault at {where.endpoint}{who}"
        )
        if absent is not None:
            identity, mint = None, None
    if identity is not None:
        situation.say(f"asking Vault at {where.endpoint} with {identity.identity}")
    others = stores(situation.answers, situation.release)[1:]
    yield from vault_probes(settings, where, identity, absent=absent, mint=mint, others=others)


def cluster(situation: Situation) -> Iterator[Probe]:
    """The cluster that the kubeconfig leads to, as whoever it names."""
    from wizard.systems.cluster.probes import cluster_probes

    kube = situation.kube
    if kube is None:
        if situation.no_kube is not None:
            yield told("cluster.identity", "Cluster: identity", "kubeconfig", situation.no_kube)
        return
    situation.say(f"asking the cluster: {kube.identity}")
    if situation.argocd is not None:
        situation.say(f"asking Argo CD's cluster: {situation.argocd.identity}")
    yield from cluster_probes(situation.answers, situation.release, kube, situation.argocd)


def artifacts(situation: Situation) -> Iterator[Probe]:
    """Chart and image, where the cluster will fetch them from."""
    from wizard.manifests.argocd import CHART_REPOSITORY
    from wizard.systems.registry import artifact_probes

    yield from artifact_probes(situation.answers, CHART_REPOSITORY)


_SIZES = ("installation", "executor", "components", "values")
# In the order in which an operator reads them.
SOURCES: tuple[Source, ...] = (
    Source("Git host", "dags", git_host, ("dags",)),
    Source("DAG repository", "dags", dag_repository, ("dags",)),
    Source("Database", "database", database, ("database", *_SIZES)),
    Source("Result backend", "database", result_backend, ("database", *_SIZES)),
    Source("Broker", "broker", broker, ("broker", "executor")),
    Source("Vault", "secrets", vault, ("secrets", "installation", "dags", "delivery")),
    Source(
        "Cluster", "delivery", cluster,
        ("delivery", "cluster", "secrets", "broker", "database", *_SIZES), kube=True,
    ),
    Source("Config repository", "delivery", config_repository, ("delivery", "dags")),
    Source("Chart and image", "installation", artifacts, ("installation",)),
)  # fmt: skip


def probes_for(situation: Situation) -> list[Probe]:
    """Every probe that applies; asks for consent and values where one is needed, sends nothing."""
    return [probe for source in SOURCES for probe in source.probes(situation)]


def told(id: str, title: str, endpoint: str, result: ProbeResult) -> Probe:  # noqa: A002
    """A probe whose end is known before anything is asked."""

    async def run() -> ProbeResult:
        return result

    return Probe(id, title, endpoint, run)
