"""The probes that an installation needs; a new kind is one function and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from wizard.clients.postgres.client import PostgresTarget, PsycopgClient
from wizard.clients.postgres.pooling import try_prepared_statements
from wizard.clients.redis import SocketClient, parse_broker_url
from wizard.clients.ssh.clone import ParamikoClient
from wizard.clients.ssh.scanner import make_network_scanner
from wizard.deliveries.argocd.questions import REPOSITORY_KEY
from wizard.deliveries.live import live_delivery
from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    make_finished_probe,
    skip_result,
)
from wizard.errors import Fix, WizardError
from wizard.hostkeys.keys import HostKey
from wizard.probes.overwrites import list_overwrites_probes
from wizard.questions.cases import (
    CELERY,
    DAG_BUNDLES,
    EXTERNAL_BROKER,
    SEPARATE_RESULT_BACKEND,
)
from wizard.secrets.deploy_key import read_private_key, require_recorded_key
from wizard.secrets.generation import find_value_problem
from wizard.stores.live import live_store
from wizard.systems.argocd.probes import CONFIG_CLONE, make_unproven_probe, repository_target
from wizard.systems.broker import broker_probes, make_broker_lookup
from wizard.systems.cluster.probes import cluster_probes
from wizard.systems.database.probes import (
    database_probes,
    make_database_lookup,
    pooler_probe,
    prepared_statements_probe,
    tls_probe,
)
from wizard.systems.git.bundle_probes import bundle_endpoint, bundle_probes, check_of_bundle
from wizard.systems.git.dag_probes import DAG_CLONE, clone_target, make_clone_lookup
from wizard.systems.git.host_key_probes import (
    HOST_KEY_HINT,
    PUBLISHED_KEY_HINT,
    host_keys_probe,
)
from wizard.systems.git.https_probes import (
    DAG_HTTPS_CLONE,
    certificate_probe,
    https_clone_probes,
    https_target,
)
from wizard.systems.network import connection_probe
from wizard.systems.registry import artifact_probes
from wizard.systems.situation import Situation
from wizard.workspace.deploy_keys import git_key
from wizard.workspace.git_hosts import find_config_host, list_git_hosts, recorded_known_hosts

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.answers.sections.dag_bundles import DagBundle
    from wizard.clients.https_clone import HttpsTarget
    from wizard.clients.kube.protocol import Kube
    from wizard.clients.ssh.session import CloneTarget
    from wizard.manifests.release import Release
    from wizard.systems.git.dag_probes import CloneCheck
    from wizard.workspace.deploy_keys import GitKey


@dataclass(frozen=True, slots=True)
class ProbeSource:
    """A group of probes: `title` is their heading, `section` is the page with the questions.

    `reads` names the sections whose answers the results depend on: after a change in one of them,
    the probes must run again. `kube` is true for probes that query the cluster.
    """

    title: str
    section: str
    probes: Callable[[Situation], Iterable[Probe]]
    reads: tuple[str, ...]
    kube: bool = False


def probe_git_host(situation: Situation) -> Iterator[Probe]:
    """Compare the recorded host keys with those that each Git host of the DAGs presents now."""
    hosts = [one for one in list_git_hosts(situation.answers) if one.required]
    scanner = situation.scanner or (make_network_scanner(situation.say) if hosts else None)
    for one in hosts:
        recorded = _parse_keys(recorded_known_hosts(situation.answers, one))
        if not recorded or scanner is None:
            continue
        if one.question == "dags.host_keys":
            yield host_keys_probe(one.host, one.port, recorded, scanner)
        else:
            name = f"dags.bundles.host_keys.{one.name}"
            yield host_keys_probe(
                one.host, one.port, recorded, scanner, name, question=one.question
            )


def _parse_keys(known_hosts: str) -> list[HostKey]:
    rows = [line.split() for line in known_hosts.splitlines()]
    return [HostKey(kind, key) for _, kind, key in rows]


def probe_dag_repository(situation: Situation) -> Iterator[Probe]:
    """Clone the DAG repository with the deploy key, the token, or without a login."""
    https = https_target(situation.answers, situation.asset("dags.ca.file"))
    if https is not None:
        yield from _probe_https_repository(situation, https)
        return
    target = clone_target(situation.answers)
    if target is None:
        return
    yield from _probe_clone(situation, git_key(situation.answers), DAG_CLONE, target)


def probe_dag_bundles(situation: Situation) -> Iterator[Probe]:
    """Clone each further bundle with its own login."""
    if not DAG_BUNDLES.holds(situation.answers):
        return
    for bundle in situation.answers.dags.bundles:
        yield from _probe_bundle(situation, bundle)


def _probe_bundle(situation: Situation, bundle: DagBundle) -> Iterator[Probe]:
    login: SecretStr | None = None
    if bundle.login is not None:
        name, where = f"dags.bundles.{bundle.name}.login", bundle_endpoint(bundle)
        held = situation.secret(name, "dags.bundles", where=where, lines=bundle.is_over_ssh)
        if isinstance(held, ProbeResult):
            check = check_of_bundle(bundle)
            clone = f"{check.id}.clone"
            yield make_finished_probe(clone, check.title, where, held, check.question)
            return
        login = held
    yield from bundle_probes(situation.answers, bundle, login, situation.asset("dags.ca.file"))


def _probe_https_repository(situation: Situation, target: HttpsTarget) -> Iterator[Probe]:
    yield certificate_probe(target)
    if not situation.answers.dags.credentials.needed:
        yield from https_clone_probes(target, None)
        return
    name, places = "dags.credentials.password", ("dags.repo", "dags.credentials.username")
    held = situation.secret(name, *places, where=target.endpoint)
    if isinstance(held, ProbeResult):
        yield make_finished_probe("dags.clone", DAG_HTTPS_CLONE.title, target.endpoint, held, name)
        return
    yield from https_clone_probes(target, held)


def probe_config_repository(situation: Situation) -> Iterator[Probe]:
    """Check the host keys of the config repository, and clone it with Argo CD's key only."""
    if not REPOSITORY_KEY.holds(situation.answers):
        return
    target = repository_target(situation.answers)
    if target is None:
        yield make_unproven_probe(situation.answers)
        return
    host = find_config_host(situation.answers)
    if host is not None and not host.required:
        scanner = situation.scanner or make_network_scanner(situation.say)
        is_recorded = bool(recorded_known_hosts(situation.answers, host))
        yield host_keys_probe(
            host.host,
            host.port,
            target.pinned,
            scanner,
            "repository.host_keys",
            HOST_KEY_HINT if is_recorded else PUBLISHED_KEY_HINT,
            host.question if is_recorded else host.repositories[0],
        )
    yield from _probe_clone(
        situation, git_key(situation.answers, "repositorySshKey"), CONFIG_CLONE, target
    )


def _probe_clone(
    situation: Situation, about: GitKey, reading: CloneCheck, target: CloneTarget
) -> Iterator[Probe]:
    held = situation.secret(about.question, about.repository, where=target.endpoint, lines=True)
    clone = f"{reading.id}.clone"
    if isinstance(held, ProbeResult):
        if about.answer.kind in {"generate", "store"}:
            held = skip_result(
                held.detail, "run `airflow-wizard secrets --prove` to clone with the stored key"
            )
        yield make_finished_probe(clone, reading.title, target.endpoint, held, about.repository)
        return
    try:
        # Parsed in the same way as by `secrets`, so that an unusable key fails here too.
        key = read_private_key(held, about.question, "", about.question)
        require_recorded_key(key, about.public, about.question)
    except WizardError as error:
        yield make_finished_probe(
            clone,
            reading.title,
            target.endpoint,
            fail_result(error.message, error.fix),
            about.repository,
        )
        return
    look = make_clone_lookup(ParamikoClient(target, key.private))
    yield from reading.probes(target, look, writable=about.answer.writable)


def probe_database(situation: Situation) -> Iterator[Probe]:
    """Check the metadata database with a direct connection, as migrations use, and the pooler."""
    own = situation.answers.database
    if own.kind != "external":
        return

    ca = situation.asset("database.ca.file")
    target = PostgresTarget(own.host, own.port, own.name, own.user, own.sslmode, ca)
    yield tls_probe(target)
    yield connection_probe("database.reachable", "Database", own.host, own.port, "database.host")
    places = ("database.host", "database.port")
    held = situation.secret("database.password", *places, where=target.endpoint)
    if isinstance(held, ProbeResult):
        yield make_finished_probe(
            "database.login", "Database: login", target.endpoint, held, "database.password"
        )
        return
    look = make_database_lookup(PsycopgClient(target, held))
    yield from database_probes("database", "Database", situation.answers, target, look)
    bouncer = own.pgbouncer
    if bouncer.mode != "external":
        return
    alias = bouncer.database or own.name
    pooled = PostgresTarget(bouncer.host, bouncer.port, alias, own.user, own.sslmode, ca)
    refused = situation.refusal(
        "database.password",
        "database.pgbouncer.host",
        "database.pgbouncer.port",
        use=f"use it at {pooled.endpoint}",
    )
    if refused is not None:
        yield make_finished_probe(
            "database.pgbouncer",
            "PgBouncer: login",
            pooled.endpoint,
            refused,
            "database.pgbouncer.host",
        )
        return
    yield pooler_probe(pooled, make_database_lookup(PsycopgClient(pooled, held)))
    if situation.answers.installation.airflow_version >= (3, 0, 0):
        yield prepared_statements_probe(
            pooled,
            partial(try_prepared_statements, pooled, held),
            situation.answers.installation.airflow,
        )


def probe_result_backend(situation: Situation) -> Iterator[Probe]:
    """Check a separate database for Celery's results."""
    if not SEPARATE_RESULT_BACKEND.holds(situation.answers):
        return

    own, main = situation.answers.database.result_backend, situation.answers.database
    ca = situation.asset("database.ca.file")
    target = PostgresTarget(own.host, own.port, own.name, own.user, main.sslmode, ca)
    key = "database.result_backend"
    held = situation.secret(f"{key}.password", f"{key}.host", f"{key}.port", where=target.endpoint)
    if isinstance(held, ProbeResult):
        yield make_finished_probe(
            f"{key}.login", "Result backend: login", target.endpoint, held, f"{key}.password"
        )
        return
    look = make_database_lookup(PsycopgClient(target, held))
    yield from database_probes(
        key, "Result backend", situation.answers, target, look, metadata=False
    )


def probe_broker(situation: Situation) -> Iterator[Probe]:
    """Check an external Redis by its broker URL; other brokers only get a TCP connection."""
    own = situation.answers.broker
    if not (CELERY.holds(situation.answers) and EXTERNAL_BROKER.holds(situation.answers)):
        return
    place = f"{own.host or 'broker'}:{own.port}"
    if own.host:
        yield connection_probe("broker.reachable", "Broker", own.host, own.port, "broker.host")
    held = situation.secret("broker.url", "broker.host", "broker.port", where=place)
    if isinstance(held, ProbeResult):
        yield make_finished_probe("broker.login", "Broker: login", place, held, "broker.url")
        return
    try:
        target = parse_broker_url(held)
    except ValueError as error:
        fix = Fix("correct the value that broker.url refers to", "broker.url")
        yield make_finished_probe(
            "broker.login",
            "Broker: login",
            place,
            fail_result(f"broker.url: {error}", fix),
            "broker.url",
        )
        return
    if isinstance(target, str):
        fact = own.url_fact(situation.release)
        if problem := find_value_problem(fact, held.get_secret_value()):
            fix = Fix("use a Redis, or turn environment.isolate_database off", "broker.url")
            refused = fail_result(f"broker.url {problem}", fix)
            yield make_finished_probe("broker.login", "Broker: login", place, refused, "broker.url")
            return
        text = f"broker.url is {target}: only a Redis with a single URL can be tested here"
        yield make_finished_probe(
            "broker.login", "Broker: login", place, skip_result(text), "broker.url"
        )
        return
    yield from broker_probes(target, make_broker_lookup(SocketClient(target)), own.host, own.port)


def probe_store(situation: Situation) -> Iterable[Probe]:
    """Check the store as reached from this machine."""
    return live_store(situation.answers.secrets.store).probes(situation)


def probe_cluster(situation: Situation) -> Iterator[Probe]:
    """Check the kubeconfig's cluster with the kubeconfig's login."""
    kube = situation.kube
    if kube is None:
        if situation.no_kube is not None:
            yield make_finished_probe(
                "cluster.identity", "Cluster: identity", "kubeconfig", situation.no_kube
            )
        return
    situation.say(f"asking the cluster: {kube.identity}")
    if situation.argocd is not None:
        situation.say(f"asking Argo CD's cluster: {situation.argocd.identity}")
    yield from list_cluster_probes(situation.answers, situation.release, kube, situation.argocd)
    yield from list_overwrites_probes(situation)


def list_cluster_probes(
    answers: Answers, release: Release, kube: Kube, controller: Kube | None = None
) -> Iterator[Probe]:
    """Return the cluster's probes, which include the checks of the store and the delivery.

    `controller` is the cluster of the delivery's controller if it is not Airflow's cluster.
    """
    store = live_store(release.store).cluster_checks(kube, answers, release)
    delivery = live_delivery(release.delivery).cluster_checks(answers, release, kube, controller)
    yield from cluster_probes(answers, release, kube, store, delivery)


def probe_artifacts(situation: Situation) -> Iterator[Probe]:
    """Check chart and image in the registries that the cluster will use."""
    yield from artifact_probes(situation.answers)


_SIZE_SECTIONS = ("installation", "executor", "components", "values")
# In the order of the output.
SOURCES: tuple[ProbeSource, ...] = (
    ProbeSource("Git host", "dags", probe_git_host, ("dags",)),
    ProbeSource("DAG repository", "dags", probe_dag_repository, ("dags",)),
    ProbeSource("DAG bundles", "dags", probe_dag_bundles, ("dags",)),
    ProbeSource("Database", "database", probe_database, ("database", *_SIZE_SECTIONS)),
    ProbeSource("Result backend", "database", probe_result_backend, ("database", *_SIZE_SECTIONS)),
    ProbeSource("Broker", "broker", probe_broker, ("broker", "executor")),
    ProbeSource(
        "Secrets store", "secrets", probe_store, ("secrets", "installation", "dags", "delivery")
    ),
    ProbeSource(
        "Cluster", "delivery", probe_cluster,
        ("delivery", "cluster", "secrets", "broker", "database", *_SIZE_SECTIONS), kube=True,
    ),
    ProbeSource("Config repository", "delivery", probe_config_repository, ("delivery", "dags")),
    ProbeSource("Chart and image", "installation", probe_artifacts, ("installation",)),
)  # fmt: skip


def collect_probes(situation: Situation) -> list[Probe]:
    """Return every probe that applies; prompts for consent and values, sends nothing."""
    return [probe for source in SOURCES for probe in source.probes(situation)]
