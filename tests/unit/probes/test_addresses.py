"""Data beside the probes: which answers are addresses, which question mends what, what is asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import AfterValidator

from tests.support.canary import Canary
from tests.support.rendered import answers
from wizard.answers.model import Answers
from wizard.answers.questions import field_specs
from wizard.engine.probes import Probe, ProbeResult, fail_result, pass_result
from wizard.errors import Fix
from wizard.formats import address_types
from wizard.formats.nested import name_attribute
from wizard.hostkeys.scan import Scan
from wizard.plan.derive import derive_release
from wizard.probes.addresses import ADDRESS_QUESTIONS, UNCHECKED_ADDRESSES
from wizard.probes.catalogue import SOURCES
from wizard.probes.requirements import dry_run_sources
from wizard.systems.git.host_key_probes import host_keys_probe
from wizard.systems.situation import Situation

ADDRESSES = ("_host", "_https_url", "_web_url", "_git_url")
KEYS = {item.key for item in field_specs()}
# No answer of ours mends what these find.
ABOUT_THE_CLUSTER = ("cluster.identity", "cluster.version", "cluster.quotas", "cluster.rights.")
PEER_PROBES = {"dags.host_keys", "vault.certificate"}
# What each probe leads to while its fix names no other answer.
PROBE_QUESTIONS = {
    "dags.host_keys": "dags.host_keys",
    "dags.clone": "dags.repo",
    "database.tls": "database.sslmode",
    "database.reachable": "database.host",
    "database.login": "database.password",
    "database.version": "database.host",
    "database.encoding": "database.name",
    "database.rights": "database.user",
    "database.clock": "database.host",
    "database.pooler": "database.host",
    "database.connections": "database.pgbouncer.mode",
    "database.pgbouncer": "database.pgbouncer.host",
    "database.pgbouncer-statements": "database.pgbouncer.host",
    "database.result_backend.login": "database.result_backend.password",
    "database.result_backend.version": "database.result_backend.host",
    "database.result_backend.encoding": "database.result_backend.name",
    "database.result_backend.rights": "database.result_backend.user",
    "database.result_backend.clock": "database.result_backend.host",
    "database.result_backend.pooler": "database.result_backend.host",
    "database.result_backend.connections": "database.result_backend.host",
    "broker.reachable": "broker.host",
    "broker.address": "broker.host",
    "broker.tls": "broker.url",
    "broker.login": "broker.url",
    "broker.version": "broker.host",
    "broker.memory": "broker.host",
    "vault.certificate": "secrets.vault.ca.file",
    "vault.state": "secrets.vault.server",
    "vault.token": "secrets.vault.server",
    "vault.mount": "secrets.vault.mount",
    "vault.payload": "secrets.vault.path",
    "vault.setup": "secrets.vault.role",
    "vault.argocd-payload": "delivery.argocd.vault.path",
    "vault.argocd-setup": "delivery.argocd.vault.role",
    "vault.role": "secrets.vault.role",
    "cluster.identity": "",
    "cluster.version": "",
    "cluster.external-secrets": "secrets.store",
    "cluster.audience": "secrets.vault.audience",
    "cluster.namespace": "installation.namespace",
    "cluster.quotas": "",
    "cluster.storage": "logs.storage_class",
    "cluster.argocd": "delivery.argocd.namespace",
    "cluster.argocd-external-secrets": "delivery.argocd.credential",
    "repository.clone": "delivery.argocd.repo_url",
    "chart.version": "installation.chart",
    "image.tag": "installation.image.repository",
}
EVERYTHING = {
    "executor.kind": "CeleryExecutor",
    "database.host": "pg.invalid",
    "database.pgbouncer": {"mode": "external", "host": "pool.invalid"},
    "database.result_backend": {
        "kind": "separate", "host": "results.invalid", "password": {"prompt": True},
    },
    "broker": {"kind": "external", "host": "broker.invalid", "url": {"env": "BROKER_URL"}},
    "secrets.vault.server": "https://vault.invalid:8200",
}  # fmt: skip


def validators(key: str) -> set[str]:
    model: Any = Answers
    *path, last = key.split(".")
    for part in path:
        model = model.model_fields[part].annotation
    metadata = model.model_fields[name_attribute(last)].metadata
    return {one.func.__name__ for one in metadata if isinstance(one, AfterValidator)}


def test_every_answer_that_is_an_address_is_tried_or_named_with_those_that_are_not() -> None:
    assert {getattr(address_types, name).__name__ for name in ADDRESSES} == set(ADDRESSES)
    found = {key for key in KEYS if validators(key) & set(ADDRESSES)}
    known = {key for place in ADDRESS_QUESTIONS for key in place.keys}
    assert found - known == set(UNCHECKED_ADDRESSES)
    assert known <= KEYS


@pytest.mark.parametrize(
    ("changes", "key", "address"),
    [
        ({"database.host": "pg.example.com"}, "database.host", ("pg.example.com", 5432)),
        ({"broker": {"kind": "external", "host": ""}}, "broker.host", None),
        ({"dags.repo": "ssh://git@git.a.test:2222/a/b.git"}, "dags.repo", ("git.a.test", 2222)),
        ({"dags.repo": "https://git.example.com/a/b.git"}, "dags.repo", ("git.example.com", 443)),
        (
            {"secrets.vault.server": "https://vault.example.com"},
            "secrets.vault.server",
            ("vault.example.com", 443),
        ),
        (
            {"secrets.vault.server": "https://[2001:db8::1]:8200"},
            "secrets.vault.server",
            ("2001:db8::1", 8200),
        ),
        ({}, "delivery.argocd.destination", None),
        (
            {"secrets.vault.server": "https://vault.vault.svc.cluster.local:8200"},
            "secrets.vault.server",
            None,
        ),
        (
            {"installation.image": {"repository": "registry.example.com:5000/a/b", "tag": "1"}},
            "installation.image.repository",
            ("registry.example.com", 5000),
        ),
        (
            {"installation.image": {"repository": "a/b", "tag": "1"}},
            "installation.image.repository",
            None,
        ),
    ],
)  # fmt: skip
def test_an_address_is_read_from_the_answers(
    changes: dict[str, Any], key: str, address: tuple[str, int] | None
) -> None:
    place = next(place for place in ADDRESS_QUESTIONS if place.key == key)
    assert place.address(answers("production", changes)) == address


def situation(changes: dict[str, Any], **more: Any) -> Situation:
    given = answers("production", changes)
    return Situation(given, derive_release(given), **more)


def never_scans(_host: str, _port: int) -> Scan:
    raise AssertionError("nothing is asked here")


async def never() -> ProbeResult:
    raise AssertionError("nothing is asked here")


def test_every_probe_leads_to_a_question_or_is_about_the_cluster_itself() -> None:
    found = [
        probe for source in SOURCES for probe in source.probes(situation(EVERYTHING))
    ]  # fmt: skip
    ids = [probe.id for probe in found]
    assert {"database.reachable", "vault.state", "chart.version"} <= set(ids)
    for probe in found:
        question = probe.find_question(fail_result("no"))
        about_the_cluster = probe.id.startswith(ABOUT_THE_CLUSTER)
        assert question == "" if about_the_cluster else question in KEYS, probe.id


def test_what_each_probe_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", "a long enough password")
    monkeypatch.setenv("BROKER_URL", "redis://:a-long-enough-password@broker.invalid:6379/0")
    monkeypatch.setenv("VAULT_TOKEN", "hvs.a-long-enough-token")
    kube: Any = SimpleNamespace(server="https://cluster.invalid:6443", identity="somebody", ca="")
    hub: Any = SimpleNamespace(server="https://hub.invalid:6443", identity="somebody")
    start = situation(
        {**EVERYTHING, "delivery.argocd.credential": "store"},
        consent=lambda _: True,
        prompt=lambda _: "a long enough password",
        kube=kube,
        argocd=hub,
    )
    found = [probe for source in SOURCES for probe in source.probes(start)]
    led = {probe.id: probe.question for probe in found if not probe.id.startswith("cluster.rights")}
    assert led == PROBE_QUESTIONS
    # No commit is made while one of these fails.
    assert {probe.id for probe in found if probe.proves_peer} == PEER_PROBES


def test_the_keys_of_another_host_lead_to_its_address() -> None:
    entry = host_keys_probe(
        "git.invalid", 22, [], never_scans, "repository.host_keys", "ask", "x.y"
    )
    assert (entry.question, entry.proves_peer) == ("x.y", True)


def test_the_question_that_a_fix_names_comes_first() -> None:
    login = Probe("database.login", "", "", never, question="database.password")
    assert login.find_question(fail_result("no", "ask its owner")) == "database.password"
    assert (
        login.find_question(fail_result("no", Fix("create it again", "database.name")))
        == "database.name"
    )
    assert (
        Probe("cluster.version", "", "", never).find_question(fail_result("no", "upgrade it")) == ""
    )


def test_a_rehearsal_tells_all_that_will_be_asked_and_reads_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, canary: Canary
) -> None:
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret())
    monkeypatch.setenv("BROKER_URL", f"redis://:{canary.secret()}@broker.invalid:6379/0")
    monkeypatch.setenv("VAULT_TOKEN", canary.secret())
    start = situation(EVERYTHING)
    with monkeypatch.context() as watched:
        for name in ("_from_environment", "_from_file"):
            reader = f"wizard.secrets.resolve.{name}"
            watched.setattr(reader, lambda *_: pytest.fail("a secret was read"))
        needed = dry_run_sources(start, SOURCES)
    told = {need.source.title: need.lines for need in needed}
    assert told["Database"] == ("pg.invalid:5432 with env:AIRFLOW_DB_PASSWORD", "pool.invalid:6432")
    assert told["Broker"] == ("broker.invalid:6379 with env:BROKER_URL",)
    assert told["Secrets store"] == (
        "asking Vault at vault.invalid:8200 with the token from VAULT_TOKEN",
    )  # fmt: skip
    (typed,) = [text for need in needed for text in need.prompts]
    assert typed == "database.result_backend.password for results.invalid:5432"
    agreements = {one for need in needed for one in need.agreements}
    canary.assert_absent(str(needed), repr(agreements))

    asked: list[str] = []

    def consent(use: str) -> bool:
        asked.append(use)
        return True

    def prompt(text: str) -> str:
        asked.append(text)
        return canary.secret()

    real = situation(EVERYTHING, consent=consent, prompt=prompt)
    probes = [probe for source in SOURCES for probe in source.probes(real)]
    assert len(asked) == 5
    assert set(asked) <= agreements
    assert {probe.endpoint for probe in probes} <= agreements


def test_without_consent_nothing_is_used() -> None:
    refused = situation(EVERYTHING, consent=lambda _: False)
    found = refused.secret("database.password", "database.host", where="pg.invalid:5432")
    assert isinstance(found, ProbeResult)
    assert found.status == "skip"


def test_a_word_is_no_part_of_the_json() -> None:
    probe = Probe("a", "b", "c", never)
    assert set(probe.to_json(pass_result("15.18", "15.18"))) == {
        "id", "title", "endpoint", "status", "detail", "fix",
    }  # fmt: skip
