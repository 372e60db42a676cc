"""The store sops: recipients, the form of encrypted files, and the gate that they must pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from pyrage import x25519

from tests.support.hostile_texts import HOSTILE
from tests.support.rendered import objections, rendering
from tests.support.sops_files import dump, sealed, sealed_file, sops_metadata
from wizard.checks.engine import run_checks
from wizard.checks.run import build_layout
from wizard.formats.sops_files import find_faults, is_encrypted_value, list_recipients
from wizard.plan.render import Rendering
from wizard.stores.sops.settings import find_composition, secret_manifest

KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
OTHER = str(x25519.Identity.generate().to_public())
RECIPIENTS = "secrets.sops.recipients"


def recipient(**changes: object) -> dict[str, object]:
    return {"key": KEY, "holder": "platform team", "verified": "read out by Ada", **changes}


STORE = {"secrets.store": "sops", RECIPIENTS: [recipient()]}


@cache
def made() -> Rendering:
    return rendering("production", STORE)


def files(change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, bytes]:
    """The tree with all encrypted files; `change` edits that of the metadata connection."""
    one = made()
    found = {path: file.data for path, file in one.tree.items()}
    specs = {spec.name: spec for spec in one.total.secrets}
    for file in one.total.encrypted:
        content: dict[str, Any] = {"fernetKey": "x", "databasePassword": "y"}
        if file.secret:
            spec = specs[file.secret]
            content = secret_manifest(one.release, spec, dict.fromkeys(spec.keys, "x"))
        data = sealed_file(content, file.recipients)
        if file.secret == "airflow-metadata":
            change(data)
        found[file.path] = dump(data)
    return found


def judge(found: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """Severity, rule and place of what the checks say."""
    one = made()
    listed = run_checks(
        found,
        chart=one.release.chart,
        airflow=one.release.airflow_version,
        installation=build_layout(one),
    )
    return [(finding.severity, finding.rule, finding.where) for finding in listed]


@pytest.mark.parametrize(
    "key",
    [
        "age1",
        KEY[:-1],
        KEY[:-1] + "q",
        KEY.upper(),
        f" {KEY}",
        f"{KEY},{KEY}",
        "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIINUk811dNXtJnMDOucpKeb4sMc9ngVjKACSnDAPyKRC",
        *HOSTILE.values(),
    ],
)
def test_a_recipient_that_no_key_has_is_refused_by_its_key(key: str) -> None:
    found = objections("production", {**STORE, RECIPIENTS: [recipient(key=key)]})
    assert [one for one in found if one.startswith(f"{RECIPIENTS}.0.key: ")] != []


def test_a_private_key_is_refused_and_never_repeated() -> None:
    private = str(x25519.Identity.generate())
    [found] = objections("production", {**STORE, RECIPIENTS: [recipient(key=private)]})
    assert "now been exposed" in found
    assert private not in found


@pytest.mark.parametrize(
    ("recipients", "says"),
    [
        ([], "is required"),
        ([recipient(), recipient()], "name each key once"),
        ([recipient(verified="")], "1 to 120 characters"),
        ([recipient(holder=" ")], "1 to 120 characters"),
        ([recipient(holder="x" * 121)], "1 to 120 characters"),
        ([recipient(holder="a\x1b[2Jb")], "control"),
        ([{"key": KEY}], "holder"),
        ([recipient(trust=True)], "there is no such key"),
    ],
)
def test_an_incomplete_recipient_is_refused(recipients: list[object], says: str) -> None:
    found = objections("production", {**STORE, RECIPIENTS: recipients})
    assert says in "\n".join(found)
    assert all(one.startswith(RECIPIENTS) for one in found)


def test_the_words_of_a_person_stay_plain_text_in_the_runbook() -> None:
    named = recipient(holder="Ada | <b>x</b>", verified="[x](http://evil.example) `rm`")
    text = rendering("production", {**STORE, RECIPIENTS: [named]}).tree.by_logical("runbook").text
    row = next(line for line in text.splitlines() if KEY in line)
    for part in ("\\<b\\>", "\\[x\\]", "\\`rm\\`"):
        assert part in row
    assert row.replace("\\|", "").count("|") == 4


def test_the_encrypted_form_is_recognized() -> None:
    assert is_encrypted_value(sealed())
    # SOPS leaves an empty text as it is.
    assert is_encrypted_value("")
    for plain in ("x", None, 1, True, ["x"], "ENC[]", sealed() + "x", "ENC[AES256_GCM,data:x]"):
        assert not is_encrypted_value(plain), plain


def test_a_tree_with_all_encrypted_files_passes() -> None:
    assert judge(files()) == []


Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (lambda one: one["stringData"].update(connection="postgresql://plain"), "stringData.conn"),
        (lambda one: one["stringData"].update(more="x"), "stringData.more"),
        (lambda one: one.update(data={"x": "eA=="}), "data.x"),
        (lambda one: one.update(password="x"), "password"),
        (lambda one: one.pop("sops"), "sops"),
        (lambda one: one["sops"].pop("mac"), "sops.mac"),
        (lambda one: one["sops"].update(mac="x"), "sops.mac"),
        (lambda one: one["sops"].update(mac_only_encrypted=True), "sops.mac_only_encrypted"),
        (lambda one: one["sops"].update(encrypted_regex="^$"), "sops.encrypted_regex"),
        (lambda one: one["sops"].update(age=[]), "sops.age"),
        (lambda one: one["sops"]["age"][0].update(enc="x"), "sops.age[0].enc"),
        (lambda one: one["sops"].update(pgp=[{"fp": "A", "enc": "x"}]), "sops.pgp"),
        (lambda one: one["sops"].update(key_groups=[{}]), "sops.key_groups"),
    ],
)
def test_one_value_in_plain_text_stops_the_commit(edit: Edit, where: str) -> None:
    found = judge(files(edit))
    errors = [
        place for severity, rule, place in found if (severity, rule) == ("error", "sops.file")
    ]
    assert [place for place in errors if place.startswith(where)] != [], found


def test_a_recipient_that_no_answer_names_stops_the_commit() -> None:
    found = judge(files(lambda one: one.update(sops=sops_metadata([KEY, OTHER]))))
    assert found == [("error", "sops.recipient", "sops.age")]
    assert judge(files(lambda one: one.update(sops=sops_metadata([OTHER])))) == [
        ("error", "sops.recipient", "sops.age"),
        ("warning", "sops.stale", "sops.age"),
    ]


def test_a_secret_composed_for_other_answers_is_named() -> None:
    stale = [("warning", "sops.stale", "")]
    other = {"airflow-wizard/composition": "0"}
    assert judge(files(lambda one: one["metadata"]["annotations"].update(other))) == stale
    assert judge(files(lambda one: one["metadata"].update(name="other")))[-1:] == stale


def test_missing_files_are_one_warning_and_several_documents_an_error() -> None:
    found = files()
    path = next(one.path for one in made().total.encrypted if one.secret == "airflow-metadata")
    several = judge({**found, path: found[path] + b"---\n" + found[path]})
    assert ("error", "sops.file", "") in several
    bare = {key: data for key, data in found.items() if not key.endswith(".sops.yaml")}
    assert judge(bare) == [("warning", "sops.missing", "")]


def test_every_value_of_the_other_file_is_encrypted() -> None:
    data = sealed_file({"fernetKey": "x"}, [KEY])
    assert [*find_faults(data, secret=False)] == []
    assert list_recipients(data) == (KEY,)
    assert [*find_faults({**data, "more": {"a": ["x"]}}, secret=False)] == [
        ("more.a[0]", "is not encrypted")
    ]


def test_the_composition_follows_the_answers_and_no_value() -> None:
    one, other = made(), rendering("production", {**STORE, "database.pgbouncer.metadata_pool": 17})
    before = {file.secret: file.composition for file in one.total.encrypted}
    after = {file.secret: file.composition for file in other.total.encrypted}
    assert {name for name in after if after[name] != before[name]} == {"airflow-pgbouncer-config"}
    spec = one.total.secrets[0]
    assert find_composition(one.release, spec) == before[spec.name]


def test_no_other_store_is_named_in_what_follows() -> None:
    one = made()
    text = one.tree.by_logical("runbook").text
    assert "vault" not in text.lower()
    assert KEY in text
    assert "sops.secrets" in [step.id for step in one.total.steps]
