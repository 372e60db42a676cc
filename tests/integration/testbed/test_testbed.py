"""The testbed proves itself: what the other tests rely on does what they think it does."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary import HOSTILE_TAIL, Canary
from tests.testbed.databases import Postgres
from tests.testbed.eso import EsoTemplate, TemplateError
from tests.testbed.fixtures import StartPgBouncer

pytestmark = pytest.mark.integration

PASSWORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\"'\\{}$%#@:/?&=+ ;`|<>"),
    min_size=1,
    max_size=40,
)
ENCODED = '{{ .password | urlquery | replace "+" "%20" }}'
IN_USERS = r'{{ .password | replace "\"" "\"\"" }}'
HOSTILE = (
    HOSTILE_TAIL,
    'quote" and quote"" twice',
    r"back\slash \" both",
    "'single' ''",
    "%41 %%25 +plus+",
    "  spaces at both ends  ",
    "{{ .password }} }} {{",
    "ünïcödé ✓ \U0001f600",
    "a;b,c=d#e ; comment",
    "#starts-like-a-comment",
    "SCRAM-like$1:2$3:4",
    "md5" + "0" * 32 + "x",
    "x" * 100,
)


def test_the_engine_is_the_operators_own(eso_template: EsoTemplate) -> None:
    data = {"config": "fernetKey: abc\nnumber: 0123\n"}
    assert eso_template({"k": "{{ (fromYaml .config).fernetKey }}"}, data) == {"k": "abc"}
    # Sprig's fork of the operator, go-yaml and the missing functions, as the operator has them.
    assert eso_template({"k": "{{ (fromYaml .config).number }}"}, data) == {"k": "83"}
    for refused in ("{{ .absent }}", '{{ env "HOME" }}', "{{ required .config }}", "{{ .a-b }}"):
        with pytest.raises(TemplateError):
            eso_template({"k": refused}, data)
    # After an error the same engine goes on.
    absent = "{{ index (fromYaml .config) `absent` }}"
    assert eso_template({"k": absent}, data) == {"k": "<no value>"}
    assert eso_template({"k": "{{ index . `absent` }}"}, data) == {"k": ""}


def test_bytes_that_are_no_text_come_through(eso_template: EsoTemplate) -> None:
    raw = bytes(range(256))
    assert eso_template.render_bytes({"k": "{{ .raw }}"}, {"raw": raw}) == {"k": raw}


@given(password=PASSWORDS)
def test_urlquery_then_percent_twenty_is_exact_percent_encoding(
    eso_template: EsoTemplate, password: str
) -> None:
    rendered = eso_template({"url": ENCODED, "users": IN_USERS}, {"password": password})
    assert rendered["url"] == quote(password, safe="")
    assert rendered["users"].replace('""', '"') == password


def test_every_hostile_password_logs_in_through_pgbouncer(
    postgres: Postgres, pgbouncer: StartPgBouncer, eso_template: EsoTemplate
) -> None:
    roles = {f"hostile_{number}": password for number, password in enumerate(HOSTILE)}
    for role, password in roles.items():
        postgres.create_role(role, password)
    users = "".join(
        eso_template({"users": f'"{role}" "{IN_USERS}"\n'}, {"password": password})["users"]
        for role, password in roles.items()
    )
    ini = (
        "[databases]\nairflow = host=database.invalid port=5432\n[pgbouncer]\n"
        "listen_port = 6543\nauth_type = scram-sha-256\nauth_file = /etc/pgbouncer/users.txt\n"
        "pool_mode = transaction\nstats_users = hostile_0\n"
    )
    to = f"host={postgres.host} port={postgres.port} dbname=postgres"
    proxy = pgbouncer(ini, users, {"airflow": to})

    def log_in(role: str, database: str, statement: str) -> str:
        url = f"postgresql://{role}:{ENCODED}@{proxy.host}:{proxy.port}/{database}"
        text = eso_template({"url": url}, {"password": roles[role]})["url"]
        done = postgres.psql(text, statement)
        assert done.returncode == 0, f"{roles[role]}: {done.stderr}{proxy.log.read_text()}"
        return done.stdout.strip()

    for role in roles:
        assert log_in(role, "airflow", "SELECT current_user") == role
    assert "airflow" in log_in("hostile_0", "pgbouncer", "SHOW DATABASES")


def test_a_wrong_password_does_not_log_in(
    postgres: Postgres, pgbouncer: StartPgBouncer, canary: Canary
) -> None:
    postgres.create_role("careful", canary.secret("right"))
    to = f"host={postgres.host} port={postgres.port} dbname=postgres"
    ini = "[pgbouncer]\nauth_type = scram-sha-256\n"
    proxy = pgbouncer(ini, f'"careful" "{canary.secret("right")}"\n', {"airflow": to})
    for port, database in ((proxy.port, "airflow"), (postgres.port, "postgres")):
        done = postgres.psql(f"postgresql://careful:wrong@127.0.0.1:{port}/{database}")
        assert done.returncode == 2
        assert "password authentication failed" in done.stderr or "SASL" in done.stderr


def test_a_pgbouncer_that_cannot_start_says_why(pgbouncer: StartPgBouncer) -> None:
    with pytest.raises(AssertionError, match="no_such_setting"):
        pgbouncer("[pgbouncer]\nno_such_setting = 1\n", "", {})


def test_databases_do_not_run_as_root(postgres: Postgres) -> None:
    status = Path(f"/proc/{postgres.pid}/status")
    if not status.exists():
        pytest.skip("needs /proc (Linux) to see whose process it is")
    line = next(line for line in status.read_text().splitlines() if line.startswith("Uid:"))
    assert "0" not in line.split()[1:]


def test_helm_renders_a_chart(helm: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 1.0.0\n")
    (chart / "templates" / "a.yaml").write_text("name: {{ .Release.Name }}\n")
    done = subprocess.run(
        [helm, "template", "tried", chart], capture_output=True, text=True, check=True
    )
    assert "name: tried" in done.stdout
