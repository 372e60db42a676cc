"""Probes of a DAG repository over HTTPS: its host is verified, and the login reads it only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.clients.https_clone import HttpsClient, HttpsTarget
from wizard.clients.ssh.session import CloneError
from wizard.engine.probes import Probe, ProbeResult, pass_result, wrap_blocking
from wizard.errors import Fix
from wizard.systems.git.dag_probes import SECONDS, CloneCheck, make_clone_lookup

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.answers.sections.dag_bundles import DagBundle

_TOKEN = "dags.credentials.password"  # noqa: S105 - the key of a question
# The name of the token of dags.repo in the store.
TOKEN_FACT = "gitPassword"  # noqa: S105 - a name
_PLACE = Fix("correct host and port in dags.repo", "dags.repo")

DAG_HTTPS_CLONE = CloneCheck(
    "dags",
    "DAG repository: clone",
    "Git token: read-only",
    _TOKEN,
    "dags.repo",
    "every pod that holds it could change the DAGs",
    {
        "unreachable": "pods may still reach it; try again from a machine in the pods' network",
        "unfinished": "try again later",
        "peer": _PLACE,
        "certificate": Fix(
            "set dags.ca.file to the CA that signed it, and use a host name of the certificate",
            "dags.ca.file",
        ),
        "redirect": Fix("write the address that it redirects to", "dags.repo"),
        "login": Fix(
            "set dags.credentials: needed, username, and a reference to a read-only token",
            "dags.credentials.needed",
        ),
        "refused-login": Fix(
            "correct dags.credentials.username, or replace the token that "
            "dags.credentials.password refers to",
            _TOKEN,
        ),
        "repository": Fix(
            "correct dags.repo, or give the login read access to it (dags.credentials)",
            "dags.repo",
        ),
        "ref": Fix("correct dags.ref, or push that branch", "dags.ref"),
        "subpath": Fix("correct dags.subpath", "dags.subpath"),
        "no-dags": Fix("push a DAG, or correct dags.subpath", "dags.subpath"),
    },
    frozenset({"unreachable", "unfinished"}),
    login="token",
    writable_status="warn",
)


def https_target(answers: Answers, ca: str = "") -> HttpsTarget | None:
    """Return what pods clone over HTTPS with these answers; None if they do not.

    `ca` is the PEM that dags.ca.file names.
    """
    dags = answers.dags
    if not dags.is_over_https:
        return None
    user = dags.credentials.username if dags.credentials.needed else ""
    return HttpsTarget(dags.repo, dags.ref, dags.subpath, user, ca)


def bundle_https_target(answers: Answers, bundle: DagBundle, ca: str = "") -> HttpsTarget:
    """Return what pods clone over HTTPS for one more bundle.

    The CA of dags.ca.file is for the host of dags.repo and for bundles that name it (`ca`).
    """
    own, place = answers.dags.location, bundle.location
    places = [one.location for one in answers.dags.bundles if one.ca]
    if own is not None and answers.dags.is_over_https:
        places.append(own)
    same = (place.host, place.port) in {(one.host, one.port) for one in places}
    return HttpsTarget(bundle.repo, bundle.ref, bundle.subpath, bundle.username, ca if same else "")


def certificate_probe(target: HttpsTarget) -> Probe:
    """Return the probe that verifies the host's certificate; it sends no login."""

    def greet() -> ProbeResult:
        try:
            asks = HttpsClient(target, seconds=SECONDS / 2).greet()
        except CloneError as error:
            return DAG_HTTPS_CLONE.explain_error(error)
        return pass_result(
            "the certificate is valid" + ("; the host asks for a login" if asks else "")
        )

    return Probe(
        "dags.host",
        "Git host: certificate",
        target.endpoint,
        wrap_blocking(greet),
        SECONDS,
        "dags.repo",
        proves_peer=True,
    )


def https_clone_probes(
    target: HttpsTarget, token: SecretStr | None, check: CloneCheck = DAG_HTTPS_CLONE
) -> Iterator[Probe]:
    """Yield the probes that clone with the token, or without a login if it is None."""
    look = make_clone_lookup(HttpsClient(target, token))
    probes = check.probes(target, look)
    yield next(probes)
    if token is not None:
        yield from probes
