"""The store existing: names and keys of others in the values, rules, lists, and judged values."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml

from tests.support.existing import OTHERS
from tests.support.rendered import findings, objections, rendering, values
from wizard.manifests.contribution import NeededKey
from wizard.plan.render import Rendering
from wizard.secrets.deploy_key import generate_key_pair
from wizard.stores.existing.live.judgement import Surroundings, judge_derived_url, judge_value
from wizard.stores.existing.outline import render_outline

FERNET = base64.urlsafe_b64encode(bytes(range(32))).decode()
DEFAULTS = {"secrets.store": "existing"}
BUNDLE = {**DEFAULTS, "dags.source": "bundle"}


def needed(made: Rendering, question: str) -> NeededKey:
    [found] = [one for one in made.total.needed if one.question == f"secrets.existing.{question}"]
    return found


def test_with_our_names_the_chart_reads_what_it_reads_today() -> None:
    ours, theirs = values(rendering("production")), values(rendering("production", DEFAULTS))
    mine, others = ours["createUserJob"].pop("env"), theirs["createUserJob"].pop("env")
    assert theirs == ours
    # Only the password is a secret; the rest of the first user is written out.
    assert [one["name"] for one in others] == [one["name"] for one in mine]
    refs = [one for one in others if "valueFrom" in one]
    assert [one["name"] for one in refs] == ["AIRFLOW_DEFAULT_PASSWORD"]
    assert refs[0] in mine


def test_another_key_turns_off_the_chart_s_variable_and_sets_it_from_there() -> None:
    made = rendering("production", {**DEFAULTS, "secrets.existing": {
        "fernet_key": {"name": "mine", "key": "F"}, "jwt_secret": {"key": "J"},
        "pgbouncer_config": {"ini": "i"}, "pgbouncer_stats": {"key": "s"}}})  # fmt: skip
    got = values(made)
    assert got["fernetKeySecretName"] == "mine"
    assert got["enableBuiltInSecretEnvVars"] == {
        "AIRFLOW__CORE__FERNET_KEY": False,
        "AIRFLOW__API_AUTH__JWT_SECRET": False,
    }
    fernet = {"envName": "AIRFLOW__CORE__FERNET_KEY", "secretName": "mine", "secretKey": "F"}
    assert got["secret"] == [fernet]
    token = {"name": "AIRFLOW__API_AUTH__JWT_SECRET",
             "valueFrom": {"secretKeyRef": {"name": "airflow-jwt-secret", "key": "J"}}}  # fmt: skip
    assert got["apiServer"]["env"] == got["scheduler"]["env"] == [token]
    for job in ("migrateDatabaseJob", "createUserJob"):
        assert got[job]["env"][-1]["valueFrom"]["secretKeyRef"] == {"name": "mine", "key": "F"}
    pool = got["pgbouncer"]
    assert pool["mountConfigSecret"] is False
    items = [{"key": "i", "path": "pgbouncer.ini"}, {"key": "users.txt", "path": "users.txt"}]
    secret = {"secretName": "airflow-pgbouncer-config", "items": items}
    assert pool["extraVolumes"][0]["secret"] == secret
    assert pool["metricsExporterSidecar"]["statsSecretKey"] == "s"
    assert [str(one) for one in findings(made)] == []


@pytest.mark.parametrize("delivery", ["argocd", "helm"])
def test_nothing_of_external_secrets_is_written(delivery: str) -> None:
    made = rendering("production", {**OTHERS, "delivery.kind": delivery})
    text = "\n".join(file.text for file in made.tree.values()).lower()
    assert "externalsecret" not in text
    assert "secretstore" not in text
    assert "vault" not in made.tree.by_logical("runbook").text.lower()
    steps = [step.id for step in made.total.steps]
    assert "existing.secrets" in steps
    assert not {"verify.store", "helm.store", "helm.secrets"} & set(steps)
    if delivery == "argocd":
        project = yaml.safe_load(made.tree.by_logical("argocd/project").text)
        ignored = {one["name"] for one in project["spec"]["orphanedResources"]["ignore"]}
        assert ignored == {one.secret for one in made.total.needed}


def test_the_runbook_says_what_each_key_holds_and_who_makes_it() -> None:
    text = rendering("production", OTHERS).tree.by_logical("runbook").text
    assert "| `platform-airflow` | `METADATA_URL` | metadata database: `postgresql://" in text
    assert "@airflow-pgbouncer.airflow:6543/airflow-metadata`" in text
    assert "listen_port = 6543" in text
    assert "get secret platform-airflow -o jsonpath='{.data.ADMIN}'" in text
    assert "delete namespace" not in text


def test_the_outline_has_every_key_and_no_value() -> None:
    made = rendering("production", OTHERS)
    found = list(yaml.safe_load_all(render_outline(made.release, made.total)))
    pairs = {(one["metadata"]["name"], key) for one in found for key in one["stringData"]}
    assert pairs == {(one.secret, one.key) for one in made.total.needed}
    assert {value for one in found for value in one["stringData"].values()} == {""}
    assert {one["metadata"]["namespace"] for one in found} == {"airflow"}


def test_keys_of_more_secrets_in_the_same_secret_are_known_too() -> None:
    extra = [{"name": "platform-airflow", "from": "existing", "keys": ["MORE"], "env": ["worker"]}]
    made = rendering("production", {**OTHERS, "secrets.extra": extra})
    assert {"MORE", "FERNET"} <= set(made.total.existing_secrets["platform-airflow"])
    assert [str(one) for one in findings(made)] == []
    extra = [{"name": "platform-airflow", "from": "existing"}]
    made = rendering("production", {**OTHERS, "secrets.extra": extra})
    assert made.total.existing_secrets["platform-airflow"] == ()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        # One Secret for all: each key that several values have by default is named.
        ({"secrets.existing.secret": "all"},
         ["secrets.existing.metadata_direct.key", "secrets.existing.result_backend.key",
          "secrets.existing.broker.key", "secrets.existing.pgbouncer_stats.key",
          "secrets.existing.admin.key"]),
        ({"secrets.existing.redis.key": "PASS"}, ["secrets.existing.redis.key"]),
        ({"secrets.existing.git_ssh_key.key": "id"}, ["secrets.existing.git_ssh_key.key"]),
        ({"secrets.existing.fernet_key.name": "No_Name"}, ["secrets.existing.fernet_key.name"]),
        ({"secrets.existing.fernet_key.key": ""}, ["secrets.existing.fernet_key.key"]),
        ({"secrets.extra": [{"name": "x", "from": "store", "keys": ["A"]}]},
         ["secrets.extra.0.from"]),
    ],
)  # fmt: skip
def test_what_cannot_work_is_named(changes: dict[str, Any], wrong: list[str]) -> None:
    found = objections("production", {**DEFAULTS, **changes})
    assert [one.split(":")[0] for one in found] == wrong


def test_references_to_values_are_not_asked() -> None:
    made = rendering("production", {**DEFAULTS, "admin.password": {"env": "MINE"}})
    assert "MINE" not in made.tree.by_logical("values").text
    saved = yaml.safe_load(made.tree.by_logical("answers").text)
    assert "password" in saved["admin"]  # kept, for a way back to a store


ASYNC_HINT = "name that key in\n`secrets.existing.metadata.async_key`"
PG = "@pg.example.internal:5432/airflow?sslmode=require"
POOL = "@airflow-pgbouncer.airflow:6543/airflow-metadata"
INI = "[databases]\nairflow-metadata = host=x dbname=y\nairflow-result-backend = dbname=z\n"
SETTINGS = (
    "[pgbouncer]\nlisten_port = 6543\nauth_type = scram-sha-256\n"
    "auth_file=/etc/pgbouncer/users.txt\n"
)
# The question, a value (W stands for a password), and a part of what is said of it.
JUDGED: list[tuple[str, str, str]] = [
    ("metadata.key", f"postgresql://airflow:W{POOL}", ""),
    ("metadata.key", f"postgresql+psycopg2://a:W{POOL}", ""),
    ("metadata.key", "postgresql://a:W@airflow-pgbouncer:6543/airflow-metadata", ""),
    ("metadata.key", f"postgresql://airflow:W{PG}", "so PgBouncer (airflow-pgbouncer"),
    ("metadata.key", f"postgresql://a:W{POOL}?sslmode=require", "requires TLS"),
    ("metadata.key", f"postgres://a:W{POOL}", "starts with postgresql://"),
    ("metadata.key", f"postgresql://a:W{POOL}\n", "line break"),
    ("metadata.key", "postgresql://a:W/x@airflow-pgbouncer.airflow:6543/x", "encode"),
    ("metadata.key", "postgresql://airflow-pgbouncer.airflow:6543/airflow-metadata", "lacks"),
    ("metadata.key", f"postgresql://a:W{POOL}-2", "another database than airflow-metadata"),
    ("metadata.key", " ", "is empty"),
    # Characters for which Python's parser raises an error, one of them with the whole URL.
    ("metadata.key", f"postgresql://a:W[{POOL}", "encode"),
    ("metadata.key", f"postgresql://a:W\u2100{POOL}", "encode"),
    # Without a port it is the server's own.
    ("metadata.key", "postgresql://a:W@airflow-pgbouncer/airflow-metadata", "another host or port"),
    ("metadata_direct.key", f"postgresql://airflow:W{PG}", ""),
    ("metadata_direct.key", f"postgresql://airflow:W{POOL}", "goes through PgBouncer"),
    ("metadata_direct.key", "postgresql://a:W@other.example:5432/airflow", "another host or port"),
    ("metadata_direct.key", "postgresql://a:W@pg.example.internal/airflow", "no sslmode"),
    ("result_backend.key", f"postgresql://airflow:W{POOL}", "starts with db+postgresql://"),
    ("broker.key", "redis://:W@airflow-redis:6379/0", ""),
    ("broker.key", "redis://:W@airflow-redis/0", ""),
    ("broker.key", "redis://:W@other:6379/0", "another host or port than airflow-redis:6379"),
    ("redis.key", "W\n", "line break"),
    ("fernet_key.key", FERNET, ""),
    ("fernet_key.key", f"{FERNET},{FERNET}", ""),
    ("fernet_key.key", f"{FERNET}\n", "line break"),
    ("fernet_key.key", "W", "is not a Fernet key"),
    ("api_secret_key.key", "W" * 32, ""),
    ("api_secret_key.key", "short", "shorter than 32"),
    ("git_ssh_key.key", "W", "is not a private key"),
    ("pgbouncer_config.ini", INI + SETTINGS, ""),
    ("pgbouncer_config.ini", SETTINGS, "has no database airflow-metadata"),
    ("pgbouncer_config.ini", INI + SETTINGS.replace("6543", "6432"), "another listen_port"),
    ("pgbouncer_config.users", '"airflow" "W"\n"airflow_stats" "W"\n', ""),
    ("pgbouncer_config.users", '"airflow" "W"\n', 'has no user "airflow_stats"'),
    ("pgbouncer_stats.key", "postgresql://s:W@127.0.0.1:6543/pgbouncer?sslmode=disable", ""),
    ("admin.key", "W", ""),
]


def judged(made: Rendering, question: str, value: str) -> str:
    around = Surroundings(made.release.names.pgbouncer_host, "pg.example.internal", "airflow")
    return "; ".join(one.text for one in judge_value(needed(made, question), value, around))


def test_values_are_judged_without_being_shown() -> None:
    made = rendering("production", DEFAULTS)
    mark = "Kz9" + "qW3x"
    for question, form, says in JUDGED:
        found = judged(made, question, form.replace("W", mark))
        assert bool(found) == bool(says), (question, form, found)
        assert says in found, (question, form, found)
        assert mark not in found


def test_an_asynchronous_url_has_the_parameters_of_its_driver() -> None:
    direct = {**DEFAULTS, "database.pgbouncer.mode": "off"}
    key = {"secrets.existing": {"metadata": {"async_key": "later"}}}
    made = rendering("production", {**direct, **key})
    url = "postgresql+asyncpg://airflow:W@pg.example.internal:5432/airflow"
    assert judged(made, "metadata.async_key", f"{url}?ssl=require") == ""
    assert "asyncpg" in judged(made, "metadata.async_key", f"{url}?sslmode=require")
    assert "no ssl," in judged(made, "metadata.async_key", url)


def test_the_name_of_a_database_is_compared_wherever_a_url_has_it() -> None:
    direct = {**DEFAULTS, "database.pgbouncer.mode": "off", "database.name": "d b"}
    key = {"secrets.existing": {"metadata": {"async_key": "later"}}}
    made = rendering("production", {**direct, **key})
    server = "airflow:W@pg.example.internal:5432"
    url, again = f"postgresql://{server}", f"postgresql+asyncpg://{server}"
    assert judged(made, "metadata.key", f"{url}/?dbname=d%20b&sslmode=require") == ""
    assert judged(made, "metadata.async_key", f"{again}/?database=d%20b&ssl=require") == ""
    assert "add dbname=" in judged(made, "metadata.key", f"{url}/d%20b?sslmode=require")
    assert "add database=" in judged(made, "metadata.async_key", f"{again}/d%20b?ssl=require")
    for other in ("d_b?", "?dbname=d_b&"):
        found = judged(made, "metadata.key", f"{url}/{other}sslmode=require")
        assert found == "names another database than d b"


def test_a_deploy_key_is_judged_as_git_sync_mounts_it() -> None:
    made = rendering("production", DEFAULTS)
    key = generate_key_pair("ed25519", "").private.get_secret_value()
    assert judged(made, "git_ssh_key.key", key.rstrip("\n") + "\n") == ""
    assert "last line break" in judged(made, "git_ssh_key.key", key.rstrip("\n"))
    assert "CRLF" in judged(made, "git_ssh_key.key", key.replace("\n", "\r\n"))


def test_a_bundle_s_connection_must_verify_the_host() -> None:
    made = rendering("production", BUNDLE)
    about = needed(made, "git_connection.key")
    text = "".join(part if isinstance(part, str) else '"W"' for part in about.content)
    good = json.loads(text)
    assert judged(made, "git_connection.key", json.dumps(good)) == ""
    assert judged(made, "git_connection.key", json.dumps({**good, "extra": json.dumps(good["extra"])})) == ""  # noqa: E501 # fmt: skip
    loose = {**good, "extra": {**good["extra"], "strict_host_key_checking": "no"}}
    assert "may be unverified" in judged(made, "git_connection.key", json.dumps(loose))
    assert "is not an Airflow connection" in judged(made, "git_connection.key", "ssh://git")
    assert "another host" in judged(made, "git_connection.key", json.dumps({**good, "host": "x"}))


MORE = {"name": "fin", "repo": "ssh://git@github.com/a/fin.git", "login": {"store": True}}


def test_each_bundle_with_a_login_has_a_secret_of_others() -> None:
    plain = {"name": "public", "repo": "https://github.com/a/b.git"}
    changes = {**BUNDLE, "dags.bundles": [MORE, plain, {**MORE, "name": "hr"}]}
    at = "secrets.existing.bundle_connections"
    made = rendering("production", {**changes, at: [{"bundle": "hr", "name": "git", "key": "HR"}]})
    own, other = (needed(made, f"bundle_connections.{one}.key") for one in ("fin", "hr"))
    assert (own.secret, own.key) == ("airflow-git-connection-fin", "connection")
    assert (other.secret, other.key) == ("git", "HR")
    variables = {
        one["name"]: one["valueFrom"]["secretKeyRef"]
        for one in values(made)["dagProcessor"]["env"]
        if "valueFrom" in one
    }
    assert variables["AIRFLOW_CONN_AIRFLOW_DAGS_HR"] == {"name": "git", "key": "HR"}
    assert variables["AIRFLOW_CONN_AIRFLOW_DAGS_FIN"]["name"] == "airflow-git-connection-fin"
    assert "| `git` | `HR` |" in made.tree.by_logical("runbook").text
    loose = json.dumps({"conn_type": "git", "host": MORE["repo"], "extra": {}})
    assert "may be unverified" in judged(made, "bundle_connections.fin.key", loose)
    assert not [str(one) for one in findings(made) if one.is_error]


def test_a_bundle_s_secret_is_named_once_for_a_bundle_with_a_login() -> None:
    at = "secrets.existing.bundle_connections"
    changes: dict[str, Any] = {**BUNDLE, "dags.bundles": [MORE]}
    for wrong in ([{"bundle": "other"}], [{"bundle": "fin"}, {"bundle": "fin", "key": "b"}]):
        [problem] = objections("production", {**changes, at: wrong})
        assert str(problem).startswith(at)
        assert str(problem).endswith("or it is listed twice; use fin")
    generated = {**MORE, "login": {"generate": True}}
    [problem] = objections("production", {**changes, "dags.bundles": [generated]})
    assert str(problem).startswith("dags.bundles.0.login: use login: {store: true}")
    shared = {**changes, **OTHERS, at: [{"bundle": "fin", "key": "FERNET"}]}
    [problem] = objections("production", shared)
    assert problem.startswith(f"{at}.0.key: use another key")
    both = [MORE, {**MORE, "name": "hr"}]
    unlisted = {**changes, "dags.bundles": both, "secrets.existing.secret": "all"}
    found = [one for one in objections("production", unlisted) if one.startswith(at)]
    for problem, name in zip(found, ("fin", "hr"), strict=True):
        assert problem.startswith(f"{at}: add an entry with bundle: {name} and a key of its own: ")


def test_the_asynchronous_url_is_read_where_the_secret_has_it() -> None:
    direct: dict[str, object] = {**DEFAULTS, "database.pgbouncer.mode": "off"}
    assert "secret" not in values(rendering("production", direct))
    given = {"metadata": {"name": "db", "key": "url", "async_key": "later"}}
    got = values(rendering("production", {**direct, "secrets.existing": given}))
    listed = {one["envName"]: (one["secretName"], one["secretKey"]) for one in got["secret"]}
    assert listed == {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": ("db", "later"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": ("db", "url"),
        "AIRFLOW_CONN_AIRFLOW_DB": ("db", "url"),
    }


def test_a_url_from_which_airflow_derives_a_broken_one_is_named() -> None:
    direct: dict[str, object] = {**DEFAULTS, "database.pgbouncer.mode": "off"}
    given = {"metadata": {"async_key": "later"}}
    for changes, named in (
        ({}, True),
        ({"secrets.existing": given}, False),
        ({"installation.airflow": "3.0.6"}, False),
        ({"database.pgbouncer.mode": "chart"}, False),
    ):
        text = rendering("production", {**direct, **changes}).tree.by_logical("runbook").text
        assert (ASYNC_HINT in text) == named, changes
    [remark] = judge_derived_url(f"postgresql://airflow:W{PG}")
    assert (remark.level, "secrets.existing.metadata.async_key" in remark.text) == ("warn", True)
    assert not list(judge_derived_url(f"postgresql://airflow:W{POOL}"))


def test_a_bundle_reads_its_connection_beside_the_variables_of_extra_secrets() -> None:
    extra = [{"name": "warehouse", "from": "existing", "keys": ["DSN"], "env": ["dag-processor"]}]
    made = rendering("production", {**BUNDLE, "secrets.extra": extra})
    names = [one["name"] for one in values(made)["dagProcessor"]["env"]]
    assert names == ["AIRFLOW_CONN_AIRFLOW_DAGS", "DSN"]
