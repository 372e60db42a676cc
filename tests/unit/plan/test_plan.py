"""Which files a plan changes, which need an answer, and what the digest covers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.errors import ConflictError, ExitCode, Fix
from wizard.findings import Finding, Severity
from wizard.git.changes import Conflict, FileChange
from wizard.git.trailer import format_trailer, parse_trailer
from wizard.manifests.tree import File, Tree
from wizard.plan.commit_message import commit_message
from wizard.plan.plan import Plan, compare_owned_files, compute_digest
from wizard.plan.tree_comparison import compare_tree

PATH = "apps/airflow/airflow-values.yaml"
DIGEST = "sha256:" + "0123456789abcdef" * 4


@dataclass(frozen=True)
class Act:
    id: str
    title: str = "Write the policy"
    owner: str = "vault"
    follows: tuple[str, ...] = ()


def found(severity: Severity) -> Finding:
    return Finding("rule", severity, "p", "line 1", "wrong", Fix("right"))


def one(new: str | None, base: str | None, mine: str | None) -> FileChange | Conflict | None:
    tree = Tree([File("values", PATH, new)] if new is not None else [])
    changes, conflicts = compare_tree(
        tree,
        {} if base is None else {PATH: base.encode()},
        {} if mine is None else {PATH: mine.encode()},
    )
    verdicts: list[FileChange | Conflict] = [*changes, *conflicts]
    assert len(verdicts) <= 1
    return verdicts[0] if verdicts else None


@pytest.mark.parametrize(
    ("new", "base", "mine", "kind"),
    [
        ("n", None, None, "add"),
        ("n", None, "n", "same"),
        ("n", "b", "n", "same"),
        ("n", "b", "b", "modify"),
        ("b", "b", "mine", "same"),
        (None, "b", "b", "delete"),
    ],
)
def test_one_sided_changes_need_no_answer(
    new: str | None, base: str | None, mine: str | None, kind: str
) -> None:
    change = one(new, base, mine)
    assert isinstance(change, FileChange)
    assert change.kind == kind
    assert change.old == (mine.encode() if mine else None)


@pytest.mark.parametrize(
    ("new", "base", "mine", "reason"),
    [
        ("n", "b", "mine", "changed by hand and by the answers"),
        ("n", None, "foreign", "did not write"),
        ("n", "b", None, "deleted by hand, and the answers now require different contents"),
        ("b", "b", None, "deleted by hand, but the answers still require it"),
        (None, "b", "mine", "no longer required, but was edited"),
    ],
)
def test_two_sided_changes_need_an_answer(
    new: str | None, base: str | None, mine: str | None, reason: str
) -> None:
    conflict = one(new, base, mine)
    assert isinstance(conflict, Conflict)
    assert reason in conflict.reason
    assert conflict.path == PATH
    assert conflict.hint


def test_hand_edit_that_nothing_touches_is_kept_and_named() -> None:
    change = one("b", "b", "mine")
    assert isinstance(change, FileChange)
    assert change.new == b"mine"
    assert not change.differs
    assert change.note == "hand edit kept"


def test_a_file_that_both_forgot_is_not_mentioned() -> None:
    assert one(None, "b", None) is None


texts = st.none() | st.sampled_from(["a", "b", "c"])


@given(new=texts, base=texts, mine=texts)
def test_a_file_nobody_wrote_from_here_is_never_replaced(
    new: str | None, base: str | None, mine: str | None
) -> None:
    verdict = one(new, base, mine)
    if isinstance(verdict, FileChange) and mine is not None and mine != base:
        assert verdict.new == mine.encode()
    if isinstance(verdict, FileChange) and verdict.new is not None:
        assert verdict.new.decode() in {new, mine}


def test_changes_come_in_path_order() -> None:
    tree = Tree([File("b", "b", "x"), File("a", "a", "x")])
    changes, _ = compare_tree(tree, {"c": b"1"}, {"c": b"1"})
    assert [change.path for change in changes] == ["a", "b", "c"]


def test_replaced_files_win_over_what_stands_there() -> None:
    tree = Tree([File("base/a", "s/a", "1"), File("base/b", "s/b", "2"), File("base/c", "s/c", "")])
    changes = compare_owned_files(
        tree, {"s/b": b"old", "s/c": b"", "s/gone": b"x"}, delete=["s/gone", "s/a"]
    )
    assert [(change.path, change.kind) for change in changes] == [
        ("s/a", "add"),
        ("s/b", "modify"),
        ("s/c", "same"),
        ("s/gone", "delete"),
    ]
    assert all(change.is_base for change in changes)


def change(path: str = "a", new: bytes | None = b"x", old: bytes | None = None) -> FileChange:
    return FileChange(path, "l", "add" if old is None else "modify", old, new)


def test_digest_is_the_same_after_the_commit_as_before() -> None:
    before = [change("a", b"x"), FileChange("gone", "", "delete", b"y", None)]
    after = [FileChange("a", "l", "same", b"x", b"x")]
    assert compute_digest(before) == compute_digest(after)


def test_digest_covers_files_actions_and_targets() -> None:
    digests = {
        compute_digest([change()]),
        compute_digest([change("b")]),
        compute_digest([change(new=b"y")]),
        compute_digest([change()], [Act("vault-policy")]),
        compute_digest([change()], [Act("vault-policy", owner="me")]),
        compute_digest([change()], [], {"cluster": "uid"}),
        compute_digest([change()], [], {"vault": "uid"}),
        compute_digest([change(), change("b")]),
    }
    assert len(digests) == 8


def test_digest_ignores_order_titles_and_unknown_targets() -> None:
    a, b = change("a"), change("b")
    one, two = Act("1"), Act("2", title="other words")
    first = compute_digest([a, b], [one, two], {"x": "1", "y": "2"})
    assert first == compute_digest(
        [b, a], [Act("2"), Act("1")], {"y": "2", "x": "1", "cluster": ""}
    )


@given(st.lists(st.tuples(st.text(), st.binary()), unique_by=lambda pair: pair[0], max_size=3))
def test_digest_tells_where_one_file_ends_and_the_next_begins(
    files: list[tuple[str, bytes]],
) -> None:
    whole = compute_digest([change(path, data) for path, data in files])
    if files:
        assert whole != compute_digest([change(path, data) for path, data in files[1:]])
    assert whole.startswith("sha256:")


def test_plan_says_whether_files_differ_and_whether_it_is_refused() -> None:
    assert not Plan("airflow", steps=[Act("x")]).differs
    assert Plan("airflow", changes=[change()]).differs
    assert not Plan("airflow", findings=[found("warning")], warnings=["w"]).refused
    assert Plan("airflow", findings=[found("warning"), found("error")]).refused
    assert Plan("airflow", missing_evidence=["git.example.com: no evidence"]).refused


def test_conflicts_are_all_reported_at_once() -> None:
    plan = Plan("airflow", conflicts=[Conflict("a", "r1", "same"), Conflict("b", "r2", "same")])
    with pytest.raises(ConflictError) as caught:
        plan.require_decided()
    assert caught.value.exit_code == ExitCode.CONFLICT
    assert "a: r1" in caught.value.message
    assert "b: r2" in caught.value.message
    assert caught.value.hint == "same"
    Plan("airflow").require_decided()


def test_json_has_its_documented_keys_and_no_contents() -> None:
    plan = Plan(
        "airflow",
        changes=[change("a", b"the contents")],
        conflicts=[Conflict("b", "why", "do")],
        steps=[Act("x")],
        findings=[found("error")],
        warnings=["careful"],
        missing_evidence=["none"],
        identities={"cluster": "uid"},
    )
    data = json.loads(json.dumps(plan.to_json()))
    assert list(data) == [
        "schema",
        "installation",
        "digest",
        "differs",
        "refused",
        "changes",
        "conflicts",
        "consequences",
        "actions",
        "findings",
        "warnings",
        "evidence",
        "identities",
    ]
    assert data["schema"] == 1
    assert list(data["findings"][0]) == ["rule", "severity", "path", "where", "message", "fix"]
    led = replace(found("error"), fix=Fix("right", "database.host"))
    assert led.to_json() == data["findings"][0] | {"question": "database.host"}
    assert data["changes"][0]["old"] is None
    assert "the contents" not in json.dumps(data)
    assert data["digest"] == plan.digest


def test_message_names_the_files_and_carries_the_digest() -> None:
    changes = [
        change("a"),
        change("b", b"2", b"1"),
        FileChange("c", "l", "same", b"", b""),
        FileChange("s", "base/a", "add", None, b"x"),
    ]
    message = commit_message("prod", changes, DIGEST)
    assert message == (
        f"Change Airflow installation prod\n\nAdd a\nChange b\n\nAirflow-Wizard-Plan: {DIGEST}\n"
    )
    assert parse_trailer(message) == DIGEST


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ([change()], "Add Airflow installation x"),
        ([FileChange("a", "", "delete", b"", None)], "Remove Airflow installation x"),
        ([], "Change Airflow installation x"),
    ],
)
def test_subject_says_what_happens(changes: list[FileChange], first: str) -> None:
    assert commit_message("x", changes, DIGEST).splitlines()[0] == first


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (["database.port"], ["Change Airflow installation x: database.port", "", "Change b"]),
        (
            ["executor.kind", "database.port"],
            ["Change Airflow installation x: executor.kind, database.port", "", "Change b"],
        ),
        (
            ["database.pgbouncer.metadata_pool", "database.pgbouncer.result_pool"],
            [
                "Change Airflow installation x: 2 settings", "",
                "Set database.pgbouncer.metadata_pool", "Set database.pgbouncer.result_pool",
                "Change b",
            ],
        ),
        (["k" * 60], ["Change Airflow installation x", "", f"Set {'k' * 60}", "Change b"]),
    ],
)  # fmt: skip
def test_subject_names_the_settings_that_changed(settings: list[str], lines: list[str]) -> None:
    message = commit_message("x", [change("b", b"2", b"1")], DIGEST, settings=settings)
    assert message.splitlines() == [*lines, "", f"Airflow-Wizard-Plan: {DIGEST}"]
    assert parse_trailer(message) == DIGEST


def test_own_subject_keeps_the_trailer() -> None:
    message = commit_message("x", [change()], DIGEST, subject="Ours\n\nWith: a body\n")
    assert message.startswith("Ours\n\nWith: a body\n\n")
    assert parse_trailer(message) == DIGEST


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Only a subject",
        f"Airflow-Wizard-Plan: {DIGEST}\n\nnot in the last paragraph",
        f"s\n\nAirflow-Wizard-Plan: {DIGEST}\nAirflow-Wizard-Plan: {DIGEST}",
        "s\n\nAirflow-Wizard-Plan: sha256:short",
        f"s\n\nAirflow-Wizard-Plan: {DIGEST.removeprefix('sha256:')}",
        f"s\n\nX-Airflow-Wizard-Plan: {DIGEST}",
    ],
)
def test_no_trailer_is_read_where_none_is(message: str) -> None:
    assert parse_trailer(message) is None


def test_trailer_stands_beside_others_and_survives_crlf() -> None:
    message = f"s\r\n\r\nSigned-off-by: Ada\r\nairflow-wizard-plan: {DIGEST}\r\n"
    assert parse_trailer(message) == DIGEST


def test_only_a_digest_becomes_a_trailer() -> None:
    with pytest.raises(ValueError, match="not a plan digest"):
        format_trailer("sha256:abc")
