"""Role and database made on a real PostgreSQL by an administrator who is no superuser."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.cli import Wizard, answers_file, aw
from tests.support.process import Terminal, run
from tests.support.rendered import answers, rendering, secret_template
from tests.support.scripted import scripted
from tests.support.statements import WRITES
from tests.testbed import programs
from tests.testbed.databases import Postgres, own_folder, quoted
from tests.testbed.eso import EsoTemplate
from tests.testbed.fixtures import StartPgBouncer, found
from tests.testbed.vault import Vault
from wizard.clients.postgres.client import PostgresTarget as Place
from wizard.clients.vault.address import Token, VaultAccess, VaultAddress
from wizard.engine.steps import StepEvent, run_steps
from wizard.stores.vault.settings import vault_settings
from wizard.systems.database import steps as database
from wizard.systems.database.admin import Admin, list_databases
from wizard.systems.situation import Situation
from wizard.systems.target import Target
from wizard.systems.vault.session import VaultLogin

__all__ = ["aw"]

pytestmark = pytest.mark.integration

HOST = "pg.example.internal"
MANAGED, SECRET = "ma'naged \"admin", "only-for-managed-admins"
PASSWORD = "the-role-s-own-password"
NAMES = itertools.count()
VARIABLE = "AIRFLOW_DB_PASSWORD"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Postgres]:
    """A server that logs every statement, with an administrator as managed services give one."""
    settings = {"log_statement": "all", "log_min_messages": "log"}
    running = Postgres(found(programs.postgres_bin), own_folder("wizard-roles-"), settings=settings)
    try:
        running.start()
        running.secure(*authority.issue(HOST))
        admin = quoted(MANAGED, '"')
        running.sql(f"CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB PASSWORD '{SECRET}'")
        for option in ("CREATEROLE", "CREATEDB"):
            running.sql(f"CREATE ROLE only_{option} LOGIN {option} PASSWORD '{SECRET}'")
        yield running
    finally:
        running.stop()


class Bed:
    """One role and one database of their own, and whoever administers them."""

    def __init__(self, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
        number = next(NAMES)
        self.server = server
        self.user, self.name = f"role {number}", f"base {number}"
        self.changes: dict[str, object] = {}
        self.vault: VaultAccess | None = None
        self._patch = monkeypatch
        monkeypatch.setenv(VARIABLE, PASSWORD)

    def target(self, user: str = MANAGED, secret: str = SECRET, **place: Any) -> Target:
        """The installation, as a run of this administrator's sees it."""
        settings: dict[str, Any] = {
            "database.host": HOST, "database.port": self.server.port,
            "database.user": self.user, "database.name": self.name,
            "database.password": {"env": VARIABLE}, **self.changes,
        }  # fmt: skip
        made = rendering("production", settings)
        chosen = answers("production", settings)
        keys = frozenset({"database.password", "database.result_backend.password"})
        situation = Situation(answers=chosen, release=made.release, allowed=keys)
        where = {"database": "postgres", "sslmode": "require",
                 "route": (self.server.host, self.server.port), **place}  # fmt: skip
        to = Place(host=HOST, port=self.server.port, user=user, **where)
        admin = Admin(
            to, "PGPASSWORD", situation, list_databases(chosen, made.release), SecretStr(secret)
        )
        admin.unlock()
        repository: Any = None
        return Target(chosen, made.release, repository, "", {}, access=self.vault, database=admin)

    def apply(self, *who: str, dry_run: bool = False, **place: Any) -> dict[str, StepEvent]:
        """How each action ended."""
        target = self.target(*who, **place)
        session = VaultLogin(target) if self.vault else None
        chosen = database.build_database_steps(target, session)
        return asyncio.run(_ended(chosen, dry_run))

    def role(self, password: str = PASSWORD, more: str = "") -> None:
        """The role, made by somebody else."""
        self.server.create_role(self.user, password)
        if more:
            self.server.sql(f"ALTER ROLE {quoted(self.user, chr(34))} {more}")

    def sql(self, statement: str, database: str = "") -> str:
        """What the superuser reads, in this database."""
        url = self.server.url.removesuffix("postgres") + quote(database or "postgres")
        return self.server.sql(statement, url)

    @property
    def stands(self) -> str:
        """All there is of both: password, label, owner, encoding and rights."""
        user, name = quoted(self.user), quoted(self.name)
        return self.sql(
            "SELECT rolname, rolpassword, rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, "
            "rolvaliduntil, shobj_description(oid, 'pg_authid') FROM pg_authid "
            f"WHERE rolname = {user};\n"
            "SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datacl, "
            f"datcollate FROM pg_database WHERE datname = {name};\n"
            "SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members "
            f"WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = {user}) ORDER BY 1, 2, 3"
        )


async def _ended(actions: Any, dry_run: bool) -> dict[str, StepEvent]:
    return {
        event.id.rpartition(".")[2]: event
        async for event in run_steps(actions, dry_run=dry_run)
        if event.has_ended
    }


@pytest.fixture
def bed(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Bed:
    return Bed(server, monkeypatch)


def states(events: dict[str, StepEvent]) -> list[str]:
    return [event.state for event in events.values()]


def written(log: str) -> list[str]:
    """The statements of a server's log that change something."""
    said = [line.partition("statement: ")[2] for line in log.splitlines()]
    return [text for text in said if WRITES.match(text)]


# --- what is made


def test_a_managed_admin_makes_both_and_a_second_run_writes_nothing(
    bed: Bed, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed.user, bed.name = "us'er\"\\ {{x}} %s é", "d'b \"{{ %(x)s é"
    secret = canary.hostile("role") + "".join(chr(code) for code in range(32, 127))
    monkeypatch.setenv(VARIABLE, secret)
    before = len(bed.server.log)

    first = bed.apply()

    assert states(first) == ["changed", "changed", "holds"], first
    assert bed.stands.startswith(f"{bed.user}|SCRAM-SHA-256$")
    assert f"{bed.name}|{bed.user}|UTF8" in bed.stands
    where = f"{bed.server.host}:{bed.server.port}/{quote(bed.name, safe='')}"
    url = f"postgresql://{quote(bed.user, safe='')}:{quote(secret, safe='')}@{where}"
    bed.server.sql("CREATE TABLE proof (id int); DROP TABLE proof", url)
    changes = written(bed.server.log[before:])
    assert [text.split()[0] for text in changes[:3]] == ["CREATE", "GRANT", "CREATE"]
    stands, before = bed.stands, len(bed.server.log)

    second = bed.apply()

    assert states(second) == ["holds"] * 3, second
    assert written(bed.server.log[before:]) == []
    assert bed.stands == stands
    canary.assert_absent(bed.server.log, repr(first), repr(second), repr(bed.target()))


def test_a_rehearsal_shows_the_statements_and_sends_none(bed: Bed) -> None:
    before = len(bed.server.log)

    rehearsed = bed.apply(dry_run=True)

    assert states(rehearsed) == ["would change", "would change", "unknown"], rehearsed
    assert written(bed.server.log[before:]) == []
    shown = rehearsed["role"].detail.split("; ") + rehearsed["create"].detail.split("; ")
    bed.apply()
    sent = [part for text in written(bed.server.log[before:]) for part in text.split("; ")]
    assert len(sent) == len(shown) == 4
    assert "SCRAM-SHA-256 of its password" in shown[0]
    assert PASSWORD not in str(rehearsed)
    head = shown[0].partition(" PASSWORD ")[0]
    assert [sent[0].partition(" PASSWORD ")[0], *sent[1:]] == [head, *shown[1:]]


def test_the_result_backend_has_its_own_or_another_owner(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_RESULT_DB_PASSWORD", "another-good-password")
    results = {"kind": "separate", "host": HOST, "port": bed.server.port,
               "user": f"{bed.user} results", "name": f"{bed.name} results"}  # fmt: skip
    bed.changes = {"database.result_backend": results}
    target = bed.target()
    events = asyncio.run(_all(target))
    assert [state for _, state in events] == ["changed", "changed", "holds"] * 2, events
    owner = f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{bed.name} results'"
    assert bed.sql(owner) == f"{bed.user} results"

    bed.changes = {"database.result_backend": {**results, "host": "other.example.internal"}}
    events = asyncio.run(_all(bed.target()))
    assert events[3:] == [("database.result_backend.create", "unknown")]


async def _all(target: Target) -> list[tuple[str, str]]:
    run_ = run_steps(database.build_database_steps(target, None))
    return [(event.id, event.state) async for event in run_ if event.has_ended]


# --- what exists is left as it is


def _foreign(bed: Bed) -> None:
    bed.role("somebody-else-s-password")


def _no_login(bed: Bed) -> None:
    bed.role(more="NOLOGIN")


def _expired(bed: Bed) -> None:
    bed.role(more="VALID UNTIL '2001-01-01'")


def _hashed(bed: Bed) -> None:
    bed.server.sql(
        f"SET password_encryption = 'md5';\nCREATE ROLE {quoted(bed.user, chr(34))} LOGIN "
        f"PASSWORD '{PASSWORD}'"
    )


def _anothers(bed: Bed) -> None:
    bed.role()
    bed.server.create_database(bed.name, "postgres")


def _latin(bed: Bed) -> None:
    bed.role()
    bed.server.sql(
        f"CREATE DATABASE {quoted(bed.name, chr(34))} OWNER {quoted(bed.user, chr(34))} "
        "ENCODING 'LATIN1' TEMPLATE template0"
    )


def _closed(bed: Bed) -> None:
    bed.role()
    bed.server.create_database(bed.name, bed.user)
    bed.server.sql(f"ALTER DATABASE {quoted(bed.name, chr(34))} ALLOW_CONNECTIONS false")


@pytest.mark.parametrize(
    ("before", "action", "says"),
    [
        (_foreign, "role", "psql: \\password"),
        (_no_login, "role", "LOGIN"),
        (_expired, "role", "VALID UNTIL"),
        (_hashed, "role", "\\password"),
        (_anothers, "create", "GRANT USAGE, CREATE ON SCHEMA public"),
        (_latin, "create", "database.name"),
        (_closed, "create", "owner"),
    ],
)
def test_what_stands_is_never_altered(
    bed: Bed, before: Callable[[Bed], None], action: str, says: str
) -> None:
    before(bed)
    stands, size = bed.stands, len(bed.server.log)

    ended = bed.apply()

    assert ended[action].state == "blocked", ended
    assert says in ended[action].fix.text
    assert written(bed.server.log[size:]) == []
    assert bed.stands == stands


def test_the_grant_that_is_named_makes_anothers_database_usable(bed: Bed) -> None:
    _anothers(bed)
    blocked = bed.apply()["create"]
    assert '"postgres"' in blocked.detail
    assert bed.user in blocked.detail
    assert blocked.diff.splitlines() == [
        f'-owner of "{bed.name}": "postgres"', f'+owner of "{bed.name}": "{bed.user}"'
    ]  # fmt: skip
    bed.sql(blocked.fix.text.partition("runs in that database: ")[2], bed.name)
    assert states(bed.apply()) == ["holds"] * 3


def test_a_schema_that_an_older_server_closed_is_opened_by_who_may(bed: Bed) -> None:
    bed.role()
    bed.server.create_database(bed.name, bed.user)
    bed.sql("ALTER SCHEMA public OWNER TO postgres", bed.name)
    bed.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC", bed.name)

    blocked = bed.apply()
    assert states(blocked) == ["holds", "holds", "blocked"]
    assert "GRANT USAGE, CREATE ON SCHEMA public" in blocked["schema"].fix.text

    opened = bed.apply("postgres", bed.server.password)
    assert states(opened) == ["holds", "holds", "changed"], opened
    assert states(bed.apply()) == ["holds"] * 3


# --- who may not


@pytest.mark.parametrize(
    ("who", "action", "says"),
    [
        (("only_CREATEDB", SECRET), "role", "does not have CREATEROLE"),
        (("only_CREATEROLE", SECRET), "role", "does not have CREATEDB"),
        ((MANAGED, "a-wrong-password"), "role", "authentication failed"),
        (("nobody-like-this", SECRET), "role", "authentication failed"),
    ],
)
def test_an_administrator_who_may_not_leaves_nothing_behind(
    bed: Bed, who: tuple[str, str], action: str, says: str
) -> None:
    for dry_run in (True, False):
        ended = bed.apply(*[name.lower() if "only" in name else name for name in who],
                          dry_run=dry_run)  # fmt: skip
        assert ended[action].state == "failed", ended
        assert says in ended[action].detail
        assert ended[action].fix.text
        assert who[1] not in str(ended)
    assert bed.stands == ""


def test_a_role_of_another_admins_is_given_by_them_first(bed: Bed) -> None:
    """From PostgreSQL 16 on CREATEROLE alone is not enough for it; here CREATEDB alone is."""
    bed.role()
    ended = bed.apply("only_createdb", SECRET)
    assert states(ended) == ["holds", "failed", "left"], ended
    grant = ended["create"].fix.text.partition("runs: ")[2]
    assert grant == f'GRANT "{bed.user}" TO "only_createdb"'
    bed.server.sql(grant)
    assert states(bed.apply("only_createdb", SECRET)) == ["holds", "changed", "holds"]


def test_a_password_that_is_not_known_here_is_left_to_the_owner(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    for changes in ({}, {"database.password": {"generate": True}}):
        bed.changes = dict(changes)
        ended = bed.apply()
        assert states(ended) == ["unknown"] * 3, ended
        assert "handover --owner dba" in ended["role"].fix.text
    assert bed.stands == ""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    _anothers(bed)
    monkeypatch.delenv(VARIABLE)
    assert states(bed.apply())[:2] == ["unknown", "blocked"]


def test_a_server_that_takes_no_hashed_password_is_named(bed: Bed) -> None:
    """passwordcheck tries the role's name on the hash, which is how it can refuse one."""
    if bed.server.psql(bed.server.url, "LOAD 'passwordcheck'").returncode:
        pytest.skip("this PostgreSQL comes without passwordcheck (Debian's has it)")
    picky = "picky"
    bed.server.sql(
        f"CREATE ROLE {picky} LOGIN CREATEROLE CREATEDB PASSWORD '{SECRET}';\n"
        f"ALTER ROLE {picky} SET session_preload_libraries = 'passwordcheck'"
    )
    bed.user = PASSWORD
    size = len(bed.server.log)
    ended = bed.apply(picky, SECRET)["role"]
    assert ended.state == "failed", ended
    assert "always sent hashed" in ended.detail
    assert "handover --owner dba" in ended.fix.text
    assert len(written(bed.server.log[size:])) == 1
    assert f"PASSWORD '{PASSWORD}" not in bed.server.log[size:]


def _clear(seen: list[bytes]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"R" + struct.pack("!II", 8, 3))  # AuthenticationCleartextPassword
        seen.append(connection.recv(4096))

    return serve


def test_a_server_that_asks_in_clear_learns_no_password(bed: Bed, canary: Canary) -> None:
    seen: list[bytes] = []
    with scripted(_clear(seen)) as port:
        ended = bed.apply(
            MANAGED, canary.secret(), route=("127.0.0.1", port), sslmode="disable"
        )  # fmt: skip
    assert ended["role"].state == "failed"
    assert "the password was not sent" in ended["role"].detail
    canary.assert_absent(*seen, str(ended))


# --- where the password comes from


def test_what_the_store_holds_is_the_password(
    bed: Bed, vault: Vault, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = f"database-{next(NAMES)}"
    vault.request("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "2"}})
    token = SecretStr(vault.token)
    bed.vault = VaultAccess(
        VaultAddress(vault.url, vault.ca.read_text()), Token(token, "VAULT_TOKEN")
    )
    bed.changes = {"secrets.vault.mount": mount, "database.password": {"generate": True}}
    assert states(bed.apply()) == ["unknown"] * 3

    path = f"{mount}/data/{vault_settings(bed.target().answers.secrets, bed.target().release).path}"
    vault.request("POST", path, {"data": {"databasePassword": canary.secret("stored")}})
    ended = bed.apply()
    assert states(ended) == ["changed", "changed", "holds"], ended
    assert mount in ended["role"].detail

    del bed.changes["database.password"]
    ended = bed.apply()
    assert (ended["role"].state, VARIABLE in ended["role"].detail) == ("blocked", True), ended
    monkeypatch.setenv(VARIABLE, canary.secret("stored"))
    assert states(bed.apply()) == ["holds"] * 3
    canary.assert_absent(bed.server.log, str(ended))


def test_the_role_logs_in_through_pgbouncer_with_what_is_composed(
    bed: Bed, eso_template: EsoTemplate, pgbouncer: StartPgBouncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "".join(chr(code) for code in range(32, 127)) + " é"
    monkeypatch.setenv(VARIABLE, secret)
    assert states(bed.apply()) == ["changed", "changed", "holds"]
    made = rendering("production", {
        "database.host": HOST, "database.port": bed.server.port, "database.user": bed.user,
        "database.name": bed.name, "database.pgbouncer.mode": "chart",
    })  # fmt: skip
    data = {"databasePassword": secret}
    files = eso_template(secret_template(made, "airflow-pgbouncer-config"), data)
    ini = files["pgbouncer.ini"].replace(HOST, bed.server.host)
    pool = pgbouncer(ini, files["users.txt"], {})
    url = eso_template(secret_template(made, "airflow-metadata"), data)["connection"]
    url = url.replace("airflow-pgbouncer.airflow:6543", f"{pool.host}:{pool.port}")
    assert bed.server.sql("SELECT current_user", url) == bed.user


# --- the command


class Shop:
    """A committed installation whose database is reached by PGHOSTADDR, its name proven by TLS."""

    def __init__(self, bed: Bed, aw: Wizard, authority: Authority, tmp_path: Path) -> None:
        self.bed, self.aw = bed, aw
        (tmp_path / "db-ca.pem").write_text(authority.certificate)
        changes = {
            "database.port": bed.server.port, "database.user": bed.user,
            "database.name": bed.name, "database.sslmode": "verify-full",
            "database.ca.file": "db-ca.pem",
        }  # fmt: skip
        aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)))
        self.words = ["apply", "--only", "store", "--database-admin", MANAGED]

    def killed(self, last: int) -> int:
        """The command in a process of its own, killed after that writing statement."""
        done = run(
            [
                sys.executable,
                "-m",
                "tests.support.statements",
                str(last),
                *self.words,
                "--yes",
                "--repo",
                self.aw.folder,
            ]
        )
        return done.code


@pytest.fixture
def shop(
    bed: Bed, aw: Wizard, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    monkeypatch.setenv("PGHOSTADDR", bed.server.host)
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    return Shop(bed, aw, authority, tmp_path)


def test_the_command_names_whom_it_is_and_leaks_nothing(
    shop: Shop, bed: Bed, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, canary.hostile("role"))
    monkeypatch.setenv("PGPASSWORD", SECRET)
    rehearsed = shop.aw.ok(*shop.words, "--dry-run")
    assert bed.stands == ""
    assert f"as  PostgreSQL at {HOST}:{bed.server.port}, reached at 127.0.0.1" in rehearsed.err
    assert f"{MANAGED} in database postgres, password from PGPASSWORD" in rehearsed.err
    assert "CREATE DATABASE" in rehearsed.err

    first = shop.aw.ok(*shop.words, "--yes")
    second = shop.aw.ok(*shop.words, "--yes", "--json")
    assert "changed       Create role" in first.err
    assert '"changed"' not in second.out
    texts = [text for one in (rehearsed, first, second) for text in (one.out, one.err)]
    canary.assert_absent(bed.server.log, shop.aw.folder, *texts)
    assert all(SECRET not in text for text in texts)


def test_killed_after_any_statement_the_next_run_goes_on(
    shop: Shop, bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    steps = []
    while (code := shop.killed(1)) == -signal.SIGKILL:
        steps.append(written(bed.server.log)[-1].split()[0])
        assert len(steps) < 9
    assert (code, steps) == (0, ["CREATE", "GRANT", "CREATE"])
    other = Bed(bed.server, monkeypatch)
    assert states(other.apply()) == ["changed", "changed", "holds"]
    said = bed.stands.splitlines()
    for own, whole in zip(said, other.stands.splitlines(), strict=True):
        whole = whole.replace(other.user, bed.user).replace(other.name, bed.name)
        assert (
            own.split("|")[:1] + own.split("|")[2:] == whole.split("|")[:1] + whole.split("|")[2:]
        )


REFUSED: list[tuple[list[str], dict[str, str], int, str]] = [
    ([], {}, 64, "PGPASSFILE"),
    ([], {"PGPASSFILE": "{here}/none"}, 1, "PGPASSFILE"),
    ([], {"PGPASSWORD": "x", "PGHOSTADDR": "pg.example.internal"}, 64, "PGHOSTADDR"),
    (["--only", "delivery"], {"PGPASSWORD": "x"}, 64, "--only delivery"),
    (["--database-admin", "a\nb"], {"PGPASSWORD": "x"}, 64, "printable"),
    (["--database-admin", ""], {"PGPASSWORD": "x"}, 64, "empty"),
    (["--set", "database.host=thief.example"], {"PGPASSWORD": "x"}, 64, "--set"),
]


def test_what_the_command_refuses(
    shop: Shop, bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for more, variables, code, says in REFUSED:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value.format(here=tmp_path))
            done = shop.aw(*shop.words, "--yes", *more)
        assert (done.code, says in done.err) == (code, True), done
    assert bed.stands == ""


def test_a_password_file_is_read_as_libpq_does(
    shop: Shop, bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "passes"
    awkward = MANAGED.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(
        "# no line\n*:*:*:somebody:wrong\nother:*:*:*:wrong\n"
        f"{HOST}:*:postgres:{awkward}\n{HOST}:*:postgres:{awkward}:\n"
        f"{HOST}:*:postgres:{awkward}:{SECRET}\n"
    )
    monkeypatch.setenv("PGPASSFILE", str(file))
    file.chmod(0o644)
    assert "chmod 600" in shop.aw(*shop.words, "--yes").err
    file.chmod(0o600)
    assert "changed" in shop.aw.ok(*shop.words, "--yes").err
    monkeypatch.setenv("PGDATABASE", "elsewhere")
    assert "has no line" in shop.aw(*shop.words, "--yes").err


def test_on_a_terminal_it_is_asked_for_and_not_shown(shop: Shop, bed: Bed) -> None:
    command = [sys.executable, "-m", "wizard", *shop.words, "--repo", str(shop.aw.folder)]
    with Terminal(command, size=(140, 45)) as terminal:
        terminal.wait_for("Run these steps?")
        assert "password from the terminal" in " ".join(terminal.text.split())
        terminal.send("y\r")
        terminal.wait_for("not shown")
        terminal.send(SECRET + "\r")
        assert terminal.wait() == 0
        assert SECRET not in terminal.raw.decode()
    assert bed.user in bed.stands


def test_a_new_host_gets_no_password_unasked(
    shop: Shop, bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    shop.aw.ok("set", "database.sslmode=require", "--branch", "work", "--yes")
    done = shop.aw(*shop.words, "--yes")
    assert done.code == 4, done
    assert "database.sslmode and database.ca.file: new to main" in done.err
    # Whoever agrees has to know what is read by that.
    assert "the password from env:" in done.err
    assert bed.stands == ""
    allowed = shop.aw.ok(*shop.words, "--yes", "--allow-reference", "database.password")
    assert "changed" in allowed.err
