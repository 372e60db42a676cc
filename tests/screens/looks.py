"""Probes with fixed results, which contact no system."""

from __future__ import annotations

from wizard.engine.probes import (
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
    warn_result,
)
from wizard.errors import Fix
from wizard.probes.catalogue import ProbeSource
from wizard.systems.situation import Situation

HOST = "pg.example.internal"
# The questions of the real probes with these ids.
QUESTIONS = {
    "dags.host_keys": "dags.host_keys",
    "database.tls": "database.sslmode",
    "database.reachable": "database.host",
    "database.login": "database.password",
    "database.version": "database.host",
    "database.rights": "database.user",
    "database.connections": "database.pgbouncer.mode",
    "vault.state": "secrets.vault.server",
    "vault.token": "secrets.vault.server",
}


def named_probe(
    name: str, title: str, result: ProbeResult, endpoint: str = f"{HOST}:5432"
) -> Probe:
    """Return a probe that ends with this result at once."""

    async def run() -> ProbeResult:
        return result

    return Probe(
        name,
        title,
        endpoint,
        run,
        question=QUESTIONS.get(name, ""),
        proves_peer=name == "dags.host_keys",
    )


def source(title: str, section: str, *probes: Probe) -> ProbeSource:
    """Return a source of these probes for one section."""

    def found(situation: Situation) -> tuple[Probe, ...]:
        del situation
        return probes

    return ProbeSource(title, section, found, (section,))


def many() -> list[ProbeSource]:
    """Return one probe per kind of result, under several sources."""
    vault = "vault.example.internal:8200"
    return [
        source(
            "Git host",
            "dags",
            named_probe(
                "dags.host_keys",
                "Git host: keys",
                pass_result("ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa as recorded"),
                "github.com",
            ),
        ),
        source(
            "Database",
            "database",
            named_probe(
                "database.tls",
                "Database: TLS mode",
                pass_result("sslmode=require allows only TLS connections"),
            ),
            named_probe(
                "database.reachable", "Database answers", pass_result("TCP connection to 10.1.2.3")
            ),
            named_probe(
                "database.login",
                "Database: login",
                pass_result("airflow at airflow over TLS, SCRAM"),
            ),
            named_probe(
                "database.version",
                "Database: version",
                pass_result("PostgreSQL 15.18; Airflow 3.2.2 needs 13 or later", "15.18"),
            ),
            named_probe(
                "database.rights",
                "Database: rights",
                fail_result(
                    "cannot create tables in schema public",
                    'ALTER DATABASE "airflow" OWNER TO "airflow"',
                ),
            ),
            named_probe(
                "database.connections",
                "Database: connections",
                warn_result(
                    "opens 38, allows 47",
                    Fix(
                        "raise database.pgbouncer.max_client_conn",
                        "database.pgbouncer.max_client_conn",
                    ),
                ),
            ),
        ),
        source(
            "Vault",
            "secrets",
            named_probe(
                "vault.state",
                "Vault: state",
                unknown_result(
                    "the name vault.example.internal does not resolve here", "try elsewhere"
                ),
                vault,
            ),
            named_probe("vault.token", "Vault: token", skip_result("needs vault.state"), vault),
        ),
    ]
