"""Secrets composed by the operator's own engine: whatever the values are, they arrive unchanged."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.canary import HOSTILE_TAIL
from tests.support.rendered import rendering, secret_template
from tests.testbed.databases import Postgres
from tests.testbed.eso import EsoTemplate, TemplateError
from tests.testbed.fixtures import StartPgBouncer
from wizard.manifests.templates import compose_keys, compose_text, go_template
from wizard.secrets.facts import Encoding, Fact, FactUse, Form

pytestmark = pytest.mark.integration

# One line without control or bidirectional characters: what the answers' text type lets through.
line = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])
    | st.sampled_from("{}'\"\\% $:@"),
    min_size=1,
    max_size=15,
).filter(str.strip)
name = line.filter(lambda text: len(text.encode()) <= 63 and text != "airflow_stats")
# A password may hold anything that a person can put into Vault, but PostgreSQL takes no NUL.
password = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1
)
many = settings(max_examples=60)


def login(url: str) -> tuple[str, str, str]:
    """User, password and database as libpq and SQLAlchemy read them.

    SQLAlchemy before 2.1 takes the path as it is, so nothing may be encoded there.
    """
    parts = urlsplit(url)
    path = parts.path[1:]
    assert unquote(path) == path
    userinfo, _, _ = parts.netloc.rpartition("@")
    user, _, secret = userinfo.partition(":")
    return unquote(user), unquote(secret), dict(parse_qsl(parts.query)).get("dbname", path)


def users_of(text: str) -> list[tuple[str, str]]:
    """users.txt as PgBouncer reads it: quotes doubled inside quotes, nothing else special."""
    found = []
    for entry in text.removesuffix("\n").split("\n"):
        fields = re.fullmatch(r'"((?:[^"]|"")*)" "((?:[^"]|"")*)"', entry)
        assert fields, entry
        user, secret = (field.replace('""', '"') for field in fields.groups())
        found.append((user, secret))
    return found


@many
@given(user=name, database=name, secret=password)
def test_urls_and_users_survive_any_name_and_password(
    eso_template: EsoTemplate, user: str, database: str, secret: str
) -> None:
    made = rendering("production", {"database.user": user, "database.name": database})
    data = {"databasePassword": secret}
    direct = eso_template(secret_template(made, "airflow-metadata-direct"), data)
    assert login(direct["connection"]) == (user, secret, database)
    pooled = eso_template(secret_template(made, "airflow-metadata"), data)
    assert login(pooled["connection"]) == (user, secret, "airflow-metadata")
    results = eso_template(secret_template(made, "airflow-result-backend"), data)
    assert login(results["connection"].removeprefix("db+")) == (
        user, secret, "airflow-result-backend",
    )  # fmt: skip
    stats = eso_template(secret_template(made, "airflow-pgbouncer-stats"), data)
    assert login(stats["connection"]) == ("airflow_stats", secret, "pgbouncer")
    pool = eso_template(secret_template(made, "airflow-pgbouncer-config"), data)
    expected = [(user, secret), ("airflow_stats", secret)]
    assert users_of(pool["users.txt"]) == expected
    quoted = database.replace("'", "''")
    assert (
        f"\nairflow-metadata = host='pg.example.internal' port=5432 dbname='{quoted}' "
        in (pool["pgbouncer.ini"])
    )
    assert (
        "databasePassword" not in secret_template(made, "airflow-pgbouncer-config")["pgbouncer.ini"]
    )


@many
@given(first=line, user=line)
def test_text_of_an_answer_is_never_template_code(
    eso_template: EsoTemplate, first: str, user: str
) -> None:
    made = rendering("production", {"admin.first_name": first, "admin.username": user})
    found = eso_template(
        secret_template(made, "airflow-default-user"), {"adminPassword": HOSTILE_TAIL}
    )
    assert (found["firstName"], found["username"]) == (first, user)
    assert found["password"] == HOSTILE_TAIL


@many
@given(parts=st.lists(st.text('{}-"` \\.x', max_size=4) | st.none(), max_size=6))
def test_literals_beside_values_stay_literal(
    eso_template: EsoTemplate, parts: list[str | None]
) -> None:
    fact = Fact("secret", Form.PASSWORD, "a value")
    template = tuple(FactUse(fact) if part is None else part for part in parts)
    text = go_template(template, document=False)
    wanted = "".join("<v>" if part is None else part for part in parts)
    assert eso_template({"key": text}, {"secret": "<v>"}) == {"key": wanted}


def test_a_missing_fact_is_an_error_and_never_an_empty_secret(eso_template: EsoTemplate) -> None:
    for payload in ("keys", "document"):
        made = rendering("production", {"secrets.payload": payload})
        template = secret_template(made, "airflow-fernet-key")
        with pytest.raises(TemplateError):
            eso_template(template, {"config": "other: value\n"})


def test_a_document_gives_what_flat_keys_give(eso_template: EsoTemplate) -> None:
    flat = rendering("production", {"secrets.payload": "keys"})
    whole = rendering("production", {"secrets.payload": "document"})
    facts = {fact.key: fact for secret in flat.total.secrets for fact in secret.facts}
    data = {key: f"{key}-{HOSTILE_TAIL}" for key in facts}
    document: dict[str, object] = {}
    for key, fact in facts.items():
        node = document
        *parents, last = fact.place.split(".")
        for part in parents:
            node = node.setdefault(part, {})  # type: ignore[assignment]
        node[last] = data[key]
    config = yaml.safe_dump(document, default_style='"', width=2**31, allow_unicode=False)
    for secret in flat.total.secrets:
        one = eso_template(secret_template(flat, secret.name), data)
        other = eso_template(secret_template(whole, secret.name), {"config": config})
        assert one == other, secret.name


# A value may hold anything but NUL, which no store's text has.
value = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@many
@given(secret=value, encoding=st.sampled_from(Encoding), form=st.sampled_from(Form))
def test_what_is_composed_here_is_what_the_operator_composes(
    eso_template: EsoTemplate, secret: str, encoding: Encoding, form: Form
) -> None:
    template = ("{{ <", FactUse(Fact("secret", form, "a value"), encoding), '> }}"\n')
    text = go_template(template, document=False)
    found = eso_template({"key": text}, {"secret": secret})
    assert found == {"key": compose_text(template, lambda _fact: secret)}


@pytest.mark.parametrize("changes", [{}, {"dags.source": "bundle"}], ids=["git-sync", "bundle"])
def test_every_secret_is_composed_as_by_the_operator(
    eso_template: EsoTemplate, changes: dict[str, object]
) -> None:
    made = rendering("production", changes)
    for secret in made.total.secrets:
        data = {fact.key: f"{fact.key}-{HOSTILE_TAIL}" for fact in secret.facts}
        wanted = eso_template(secret_template(made, secret.name), data)
        assert compose_keys(secret, lambda fact, data=data: data[fact.key]) == wanted, secret.name  # type: ignore[misc]


KEYS = {
    "as it should be": "-----BEGIN X-----\nAAAA\n-----END X-----\n",
    "no newline": "-----BEGIN X-----\nAAAA\n-----END X-----",
    "CRLF": "-----BEGIN X-----\r\nAAAA\r\n-----END X-----\r\n",
    "more newlines": "\n-----BEGIN X-----\nAAAA\n-----END X-----\n\n\n",
}


@pytest.mark.parametrize("form", KEYS)
def test_the_deploy_key_ends_in_exactly_one_newline(eso_template: EsoTemplate, form: str) -> None:
    data = {"gitSshKey": KEYS[form]}
    synced = eso_template(secret_template(rendering(), "airflow-ssh-secret"), data)
    assert synced["gitSshKey"] == KEYS["as it should be"]
    bundle = rendering("production", {"dags.source": "bundle"})
    found = eso_template(secret_template(bundle, "airflow-git-connection"), data)
    connection = json.loads(found["connection"])
    assert connection["extra"].pop("private_key") == KEYS["as it should be"]
    assert connection == {
        "conn_type": "git",
        "host": "ssh://git@github.com/acme/airflow-dags.git",
        "extra": {
            "strict_host_key_checking": "yes",
            "known_hosts_file": "/etc/airflow-git/known_hosts",
        },
    }


def test_a_real_deploy_key_survives(eso_template: EsoTemplate, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    stored = key.read_text().rstrip("\n")
    template = secret_template(rendering(), "airflow-ssh-secret")
    key.write_text(eso_template(template, {"gitSshKey": stored})["gitSshKey"])
    done = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True)
    assert done.stdout.split()[:2] == (tmp_path / "key.pub").read_text().split()[:2]


@many
@given(user=line, token=password)
def test_the_bundles_https_connection_is_json(
    eso_template: EsoTemplate, user: str, token: str
) -> None:
    changes: dict[str, object] = {
        "dags.source": "bundle",
        "dags.repo": "https://git.example.com/a/b.git",
        "dags.credentials": {"needed": True, "username": user},
    }
    made = rendering("production", changes)
    found = eso_template(secret_template(made, "airflow-git-connection"), {"gitPassword": token})
    assert json.loads(found["connection"]) == {
        "conn_type": "git",
        "host": "https://git.example.com/a/b.git",
        "login": user,
        "password": token,
    }


def test_a_hostile_login_works_through_the_real_pgbouncer(
    eso_template: EsoTemplate, postgres: Postgres, pgbouncer: StartPgBouncer
) -> None:
    user, database, secret = "us'er\"\\ {{x}} %", "d'b \"{{ é", HOSTILE_TAIL
    results, results_secret = "results,user", "other'\" secret"
    postgres.create_role(user, secret)
    postgres.create_role(results, results_secret)
    postgres.create_database(database, user)
    postgres.create_database("resul'ts", results)
    changes: dict[str, object] = {
        "database": {"host": "pg.example.internal",
                     "port": postgres.port, "user": user, "name": database, "sslmode": "prefer",
                     "pgbouncer": {"mode": "chart"},
                     "result_backend": {"kind": "separate", "host": "pg.example.internal",
                                        "port": postgres.port, "user": results,
                                        "name": "resul'ts"}},
    }  # fmt: skip
    made = rendering("production", changes)
    data = {"databasePassword": secret, "resultBackendPassword": results_secret}
    files = eso_template(secret_template(made, "airflow-pgbouncer-config"), data)
    # The server's name is all that must differ from the cluster.
    ini = files["pgbouncer.ini"].replace("pg.example.internal", postgres.host)
    pool = pgbouncer(ini, files["users.txt"], {})
    urls = {
        "airflow-metadata": (user, database),
        "airflow-result-backend": (results, "resul'ts"),
    }
    for name_, (who, where) in urls.items():
        url = eso_template(secret_template(made, name_), data)["connection"].removeprefix("db+")
        url = url.replace("airflow-pgbouncer.airflow:6543", f"{pool.host}:{pool.port}")
        answer = postgres.sql("SELECT current_user || '|' || current_database()", url)
        assert answer == f"{who}|{where}"
    stats = eso_template(secret_template(made, "airflow-pgbouncer-stats"), data)["connection"]
    url = stats.replace("127.0.0.1:6543", f"{pool.host}:{pool.port}")
    assert "airflow-metadata" in postgres.sql("SHOW POOLS;", url)
