"""The testbed as fixtures; tests/conftest.py hands them to every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from tests.testbed import pgbouncer_source, programs
from tests.testbed.databases import PgBouncer, Postgres, own_folder
from tests.testbed.eso import EsoTemplate
from tests.testbed.kube import Kube
from tests.testbed.sshd import KINDS, KeySet, Sshd
from tests.testbed.vault import Vault


def found(find: Callable[[], Path]) -> Path:
    """The program; else the test is skipped with the reason, or fails where all are required."""
    try:
        return find()
    except programs.MissingError as error:
        if programs.required():
            pytest.fail(f"WIZARD_REQUIRE_ALL=1: {error}", pytrace=False)
        pytest.skip(str(error))


class Server(Protocol):
    """What can be started and stopped."""

    def start(self) -> None:
        """Start, and return once it answers."""

    def stop(self) -> None:
        """Stop what was started, also when only half of it was."""


S = TypeVar("S", bound=Server)


@contextmanager
def running(server: S) -> Iterator[S]:
    """The server, started; stopped at the end, also if it could not be started."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def new_kube() -> Kube:
    """A Kubernetes API server of its own, not started, without custom resources."""
    program = found(programs.kube_apiserver)
    assets = programs.kubebuilder_assets()
    return Kube(program, assets / "etcd" if assets else None)


@contextmanager
def unsealed_vault() -> Iterator[Vault]:
    """A Vault of its own, initialised and unsealed."""
    with running(Vault(found(programs.vault))) as server:
        server.initialise()
        yield server


@pytest.fixture(scope="session")
def helm() -> Path:
    """The helm program."""
    return found(programs.helm)


@pytest.fixture(scope="session")
def sops() -> Path:
    """The program sops."""
    return found(programs.sops)


@pytest.fixture(scope="session")
def airflow_chart() -> Path:
    """The real Airflow chart, a folder or .tgz; in no registry, so skipped by name without it."""
    if not programs.ENVIRONMENT.get("AIRFLOW_CHART"):
        pytest.skip("AIRFLOW_CHART names no Airflow chart (a folder or .tgz)")
    return found(lambda: programs.named("AIRFLOW_CHART") or Path())


@pytest.fixture(scope="session")
def eso_template() -> Iterator[EsoTemplate]:
    """eso_template(template, data): what the External Secrets Operator makes of a template."""
    engine = EsoTemplate(found(programs.eso_template))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """A Kubernetes API server of this run's own, without custom resources."""
    with running(new_kube()) as server:
        yield server


@pytest.fixture(scope="session")
def kube_with_crds(kube: Kube, shared: Path) -> Kube:
    """The same once it knows External Secrets', Argo CD's and Prometheus' kinds."""
    kube.install(shared / "crds")
    return kube


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this run's own; roles and databases in it need unique names."""
    with running(Postgres(found(programs.postgres_bin), own_folder("wizard-postgres-"))) as server:
        yield server


@pytest.fixture(scope="session")
def vault() -> Iterator[Vault]:
    """A Vault of this run's own, unsealed; mounts, policies and tokens need unique names."""
    with unsealed_vault() as server:
        yield server


@pytest.fixture(scope="session")
def plain_vault() -> Iterator[Vault]:
    """Another one, in which only the KV engine stands, as with many an owner."""
    with unsealed_vault() as server:
        yield server


@pytest.fixture
def fresh_vault() -> Iterator[Vault]:
    """A Vault of this test's own, which nobody has initialised."""
    with running(Vault(found(programs.vault))) as server:
        yield server


class StartPgBouncer(Protocol):
    """Starts PgBouncer with these files; `databases` maps a name to where it leads in the test."""

    def __call__(self, ini: str, users: str, databases: Mapping[str, str]) -> PgBouncer: ...


@pytest.fixture
def pgbouncer() -> Iterator[StartPgBouncer]:
    """pgbouncer(ini, users, databases): a real PgBouncer with generated files."""
    program = found(pgbouncer_source.pgbouncer)
    started: list[PgBouncer] = []

    def start(ini: str, users: str, databases: Mapping[str, str]) -> PgBouncer:
        server = PgBouncer(program, ini, users, databases, own_folder("wizard-pgbouncer-"))
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def host_key_sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeySet, KeySet]:
    """The host keys of an honest server, and those of a man in the middle."""
    folder = tmp_path_factory.mktemp("host-keys")
    return KeySet.made(folder / "honest"), KeySet.made(folder / "impostor")


class StartSshd(Protocol):
    """Starts sshd; `kinds` are offered from `keys` (default: all of the honest set)."""

    def __call__(
        self,
        *kinds: str,
        keys: KeySet | None = None,
        more: Sequence[Path] = (),
        host: str = "127.0.0.1",
        restrict: str = "",
        **options: str,
    ) -> Sshd: ...


@pytest.fixture
def sshd(host_key_sets: tuple[KeySet, KeySet]) -> Iterator[StartSshd]:
    """sshd(*kinds, keys, more, host, restrict, **options): a real OpenSSH server on loopback."""
    program = found(programs.sshd)
    started: list[Sshd] = []

    def start(
        *kinds: str,
        keys: KeySet | None = None,
        more: Sequence[Path] = (),
        host: str = "127.0.0.1",
        restrict: str = "",
        **options: str,
    ) -> Sshd:
        offered = keys or host_key_sets[0]
        files = [offered.file(kind) for kind in kinds or KINDS]
        server = Sshd(program, [*files, *more], host, options)
        started.append(server)
        server.start(restrict=restrict)
        return server

    yield start
    for server in started:
        server.stop()
