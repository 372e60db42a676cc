"""Probes of the further DAG bundles: each is cloned with its own login."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.clients.https_clone import HttpsTarget
from wizard.clients.ssh.clone import ParamikoClient
from wizard.engine.probes import Probe, make_finished_probe, unknown_result
from wizard.errors import Fix
from wizard.hostkeys.keys import known_hosts_name
from wizard.systems.git.dag_probes import (
    DAG_CLONE,
    CloneCheck,
    bundle_target,
    make_clone_lookup,
)
from wizard.systems.git.https_probes import (
    DAG_HTTPS_CLONE,
    bundle_https_target,
    https_clone_probes,
)

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.answers.model import Answers
    from wizard.answers.sections.dag_bundles import DagBundle

_KEPT = ("certificate", "host-key", "key", "unreachable", "unfinished")


def bundle_endpoint(bundle: DagBundle) -> str:
    """Return the host of a bundle, as its probes name it."""
    place = bundle.location
    if bundle.is_over_ssh:
        return known_hosts_name(place.host, place.port)
    return HttpsTarget(bundle.repo, bundle.ref, bundle.subpath).endpoint


def bundle_probes(
    answers: Answers, bundle: DagBundle, login: SecretStr | None, ca: str = ""
) -> Iterator[Probe]:
    """Yield the probes that clone one bundle with its login, or without if it is None.

    `ca` is the PEM that dags.ca.file names.
    """
    check = check_of_bundle(bundle)
    if not bundle.is_over_ssh:
        yield from https_clone_probes(bundle_https_target(answers, bundle, ca), login, check)
        return
    target = bundle_target(answers, bundle)
    if target is None or login is None:
        held = unknown_result("no host key of its host is verified", "see `airflow-wizard plan`")
        name = bundle_endpoint(bundle)
        yield make_finished_probe(f"{check.id}.clone", check.title, name, held, check.question)
        return
    yield from check.probes(target, make_clone_lookup(ParamikoClient(target, login)))


def check_of_bundle(bundle: DagBundle) -> CloneCheck:
    """Return the check of one bundle: its faults lead to dags.bundles."""
    check = DAG_CLONE if bundle.is_over_ssh else DAG_HTTPS_CLONE
    key = f"dags.bundles.{bundle.name}"
    texts = {
        "ref": f"correct ref of {key}, or push that branch",
        "subpath": f"correct subpath of {key}",
        "no-dags": f"push a DAG, or correct subpath of {key}",
        "login": f"give username and login in {key}",
        "refused-login": f"correct username and login of {key}",
        "not-registered": f"register the public key of {key}.login there, read-only",
    }
    wrong = f"correct repo of {key}, or give its login read access to it"
    fixes: Mapping[str, Fix | str] = {
        kind: fix if kind in _KEPT else Fix(texts.get(kind, wrong), "dags.bundles")
        for kind, fix in check.fixes.items()
    }
    return replace(
        check,
        id=key,
        title=f"DAG bundle {bundle.name}: clone",
        key_title=f"DAG bundle {bundle.name}: read-only login",
        question="dags.bundles",
        repository="dags.bundles",
        fixes=fixes,
        writable_status="warn",
    )
