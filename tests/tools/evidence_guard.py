"""Shows that the tests of evidence notice when a check of it is gone: one mutation at a time.

`python -m tests.tools.evidence_guard` prints a table and ends with 1 if a mutation went unnoticed;
names of mutations as arguments choose among them. Every mutation is made in a process of its own
(fork), where each test named beside it is run until it fails.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

import wizard.answers.rules
import wizard.checks.effective_values
import wizard.checks.git_rules
import wizard.checks.surroundings
import wizard.cli.plan_and_commit
import wizard.deliveries.argocd.pinned
import wizard.formats.go_templates
import wizard.git.target
import wizard.hostkeys.git_environment
import wizard.hostkeys.published
import wizard.hostkeys.trust
import wizard.manifests.kustomize
import wizard.manifests.transformations
import wizard.plan.guarded_keys
import wizard.workspace.commit
import wizard.workspace.committed

# Loaded once, for every process that is forked.
import wizard.workspace.git_hosts
import wizard.workspace.host_keys
import wizard.workspace.rivals
import wizard.workspace.surroundings
import wizard.workspace.workspace
from wizard.git.target import TargetBranch, TargetCommit
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.verdict import Evidence, HostKeyVerdict, KnownHost

UNIT, WHOLE = "tests/unit/hostkeys/test_trust.py", "tests/integration/cli/test_evidence.py"
FINGERPRINTS = "tests/unit/hostkeys/test_keys.py"
EDITS = "tests/unit/plan/test_guarded_edits.py"
KUSTOMIZE = "tests/unit/manifests/test_kustomize.py"
EFFECTIVE = "tests/unit/checks/test_effective_values.py"
SURROUNDINGS = "tests/unit/workspace/test_surroundings.py"
TARGET = "tests/integration/cli/test_target.py"
OWNERSHIP = "tests/integration/cli/test_ownership.py"


def _proven(entry: KnownHost) -> KnownHost:
    key = HostKey(entry.type, entry.key)
    return replace(entry, evidence=Evidence("fingerprint", key.fingerprint, "Nobody", "2020-01-01"))


def _put(target: str, value: object) -> None:
    """For good: the process that is patched ends after its tests."""
    pytest.MonkeyPatch().setattr(target, value)


def anything_is_accepted() -> None:
    def judge(entries: Sequence[KnownHost], *, host: str, **_: Any) -> HostKeyVerdict:
        return HostKeyVerdict(host, tuple(map(_proven, entries)))

    _put("wizard.workspace.host_keys.judge_host_keys", judge)


def no_reason_is_needed() -> None:
    real = wizard.hostkeys.trust._Rules._evidence

    def evidence(self: Any, entry: KnownHost, key: HostKey) -> Evidence | None:
        return real(self, entry, key) or Evidence("fingerprint", key.fingerprint, "", "")

    _put("wizard.hostkeys.trust._Rules._evidence", evidence)


def answers_vouch_for_themselves() -> None:
    real = wizard.workspace.host_keys.verify_host_keys

    def settle(answers: Any, *, committed: Sequence[KnownHost], **rest: Any) -> Any:
        data = {"dags": {"host_keys": [one.model_dump() for one in answers.dags.host_keys]}}
        claimed = wizard.workspace.git_hosts.committed_entries(data)
        return real(answers, committed=(*committed, *claimed), **rest)

    _put("wizard.workspace.host_keys.verify_host_keys", settle)


def a_hand_edit_vouches() -> None:
    _put(
        "wizard.workspace.committed.select_rendered_entries",
        lambda data, *_: wizard.workspace.git_hosts.committed_entries(data),
    )


def another_branch_vouches() -> None:
    def commit(self: Any, _name: str) -> TargetCommit:
        return TargetCommit(self.repository.head.commit)

    _put("wizard.workspace.workspace.Workspace.target_commit", commit)


def committed_bytes_may_differ() -> None:
    def evidence(self: Any, entry: KnownHost, key: HostKey) -> Evidence | None:
        there = [one for one in self.committed if one.type == entry.type and one.evidence]
        return _proven(entry).evidence if there or key.fingerprint in self.typed else None

    _put("wizard.hostkeys.trust._Rules._evidence", evidence)
    _put("wizard.hostkeys.trust._Rules._replaces", lambda *_: False)


def a_changed_key_goes_through() -> None:
    _put("wizard.hostkeys.trust._Rules._replaces", lambda *_: False)
    _put("wizard.hostkeys.trust._Rules.changes", lambda *_: [])


def retired_keys_are_taken() -> None:
    _put("wizard.hostkeys.trust.retired_reason", lambda _: "")


def keys_of_one_source_are_published() -> None:
    key = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43)
    found = wizard.hostkeys.published._load()
    name = "[altssh.gitlab.com]:443"
    hosts = {**found.hosts, name: (wizard.hostkeys.published.PublishedKey(name, key, ""),)}
    _put("wizard.hostkeys.published._load", lambda: replace(found, hosts=hosts))


def one_published_key_vouches_for_the_rest() -> None:
    real = wizard.hostkeys.trust.judge_host_keys

    def judge(entries: Sequence[KnownHost], **rest: Any) -> HostKeyVerdict:
        listed = wizard.hostkeys.published.published_keys(rest["host"], rest["port"])
        if {one.key.key for one in listed} & {one.key for one in entries}:
            return HostKeyVerdict(rest["host"], tuple(map(_proven, entries)))
        return real(entries, **rest)

    _put("wizard.hostkeys.trust.judge_host_keys", judge)
    _put("wizard.workspace.host_keys.judge_host_keys", judge)


def any_host_will_do() -> None:
    _put("wizard.hostkeys.trust._is_for", lambda *_: True)


def part_of_a_fingerprint_is_enough() -> None:
    for module in ("hostkeys.keys", "hostkeys.trust", "hostkeys.scan", "workspace.host_keys"):
        _put(f"wizard.{module}.parse_fingerprint", str.strip)


def known_hosts_are_written_unchecked() -> None:
    def known_hosts(accepted: Sequence[KnownHost], *, port: int) -> str:
        return "".join(
            HostKey(one.type, one.key).known_hosts_line(one.host, port) + "\n" for one in accepted
        )

    _put("wizard.hostkeys.trust.format_known_hosts", known_hosts)


def a_refusal_stops_nobody() -> None:
    for module in ("wizard.workspace.commit", "wizard.cli.plan_and_commit"):
        _put(f"{module}.require_ready", lambda *_: None)
    _put("wizard.cli.plan_and_commit.require_sound", lambda _: None)


def values_are_not_guarded() -> None:
    _put("wizard.plan.guarded_keys.refuse_guarded_values", lambda *_: [])


def hand_edits_are_not_guarded() -> None:
    _put("wizard.plan.guarded_keys.find_guarded_edits", lambda *_: [])


def sources_of_an_application_are_not_pinned() -> None:
    _put("wizard.deliveries.argocd.pinned._source", lambda *_: iter(()))


def other_fields_of_an_application_are_not_pinned() -> None:
    _put("wizard.deliveries.argocd.pinned._application", lambda *_: iter(()))


def overrides_are_not_compared() -> None:
    _put("wizard.deliveries.argocd.pinned._overrides", lambda *_: iter(()))


def a_project_may_be_widened() -> None:
    _put("wizard.deliveries.argocd.pinned._project", lambda *_: iter(()))


def any_transformation_will_do() -> None:
    _put("wizard.manifests.kustomize.find_transformations", lambda *_: iter(()))


def a_pattern_matches_nothing() -> None:
    _put(
        "wizard.manifests.transformations._may_match", lambda pattern, value: pattern in ("", value)
    )


def only_the_values_file_counts() -> None:
    _put("wizard.checks.effective_values.list_effective_values", lambda _: iter(()))


def the_merge_base_vouches() -> None:
    _put("wizard.plan.guarded_keys._is_same", lambda *_: True)


def files_beside_ours_are_not_read() -> None:
    _put("wizard.workspace.surroundings.find_special_files", lambda *_: [])


def applications_elsewhere_are_not_read() -> None:
    _put("wizard.workspace.rivals._search", lambda *_: None)


def files_that_others_name_are_not_read() -> None:
    _put("wizard.checks.surroundings.find_named_files", lambda *_: set())


def answers_choose_the_target() -> None:
    def find(
        repo: Any, asked: str = "", named: Callable[[str], str] = str, _settings: Any = None
    ) -> TargetBranch:
        name = asked or named(repo.head.commit)
        return TargetBranch(name, "the answers")

    _put("wizard.workspace.workspace.find_target", find)


def the_ci_is_not_asked() -> None:
    _put("wizard.git.target._read_variable", lambda _: ("", ""))


def a_local_branch_counts_in_ci() -> None:
    real = wizard.git.target.locate_target

    def locate(repo: Any, target: TargetBranch) -> TargetCommit:
        return real(repo, replace(target, in_ci=False))

    _put("wizard.workspace.workspace.locate_target", locate)


def a_branch_is_fetched_as_the_default() -> None:
    _put("wizard.git.target._is_made_here", lambda *_: True)


def the_fork_vouches() -> None:
    _put("wizard.git.target._is_in_fork", lambda: False)


def any_rendered_text_vouches() -> None:
    def select(data: Any, base: Any, _name: str) -> tuple[KnownHost, ...]:
        found = wizard.workspace.git_hosts.committed_entries(data)
        return tuple(one for one in found if any(one.key.encode() in b for b in base.values()))

    _put("wizard.workspace.committed.select_rendered_entries", select)


def a_symbolic_ref_is_not_followed() -> None:
    _put("wizard.git.objects.GitObjects.branch_ref", lambda _, name: f"refs/heads/{name}")


def the_index_names_what_is_ours() -> None:
    _put("wizard.workspace.workspace.Workspace.select_owned_paths", lambda _s, _n, paths, _c: paths)


Mutation = Callable[[], None]
MUTATIONS: dict[Mutation, Sequence[str]] = {
    anything_is_accepted: [f"{WHOLE}::test_yes_accepts_no_key"],
    no_reason_is_needed: [
        f"{UNIT}::test_evidence_in_the_input_is_ignored",
        f"{WHOLE}::test_yes_accepts_no_key",
    ],
    answers_vouch_for_themselves: [f"{WHOLE}::test_a_file_cannot_vouch_for_its_own_keys"],
    a_hand_edit_vouches: [f"{WHOLE}::test_a_hand_edit_that_is_committed_is_no_evidence"],
    another_branch_vouches: [f"{WHOLE}::test_evidence_on_another_branch_does_not_count"],
    committed_bytes_may_differ: [
        f"{UNIT}::test_a_committed_key_that_was_swapped_under_its_evidence_proves_nothing",
    ],
    a_changed_key_goes_through: [
        f"{UNIT}::test_a_changed_key_stops_and_shows_both_fingerprints",
        f"{WHOLE}::test_a_changed_key_stops_everything_until_the_new_one_is_typed",
    ],
    retired_keys_are_taken: [
        f"{UNIT}::test_a_retired_key_is_refused_by_name_whatever_else_speaks_for_it",
    ],
    keys_of_one_source_are_published: [
        f"{UNIT}::test_a_host_off_the_list_has_no_published_entries",
    ],
    one_published_key_vouches_for_the_rest: [
        f"{UNIT}::test_one_unknown_key_on_a_published_host_refuses_all",
        f"{WHOLE}::test_a_published_host_with_one_other_key_is_refused",
    ],
    any_host_will_do: [f"{UNIT}::test_a_key_of_another_host_is_refused_even_when_typed"],
    part_of_a_fingerprint_is_enough: [
        f"{FINGERPRINTS}::test_other_forms_are_refused_with_the_right_one",
        f"{WHOLE}::test_a_text_that_is_no_fingerprint_is_named",
    ],
    known_hosts_are_written_unchecked: [
        f"{UNIT}::test_known_hosts_is_never_empty_and_never_without_evidence",
    ],
    a_refusal_stops_nobody: [f"{WHOLE}::test_yes_accepts_no_key"],
    values_are_not_guarded: [f"{WHOLE}::test_values_cannot_bring_a_key_in"],
    hand_edits_are_not_guarded: [f"{WHOLE}::test_a_hand_edit_of_known_hosts_is_not_kept"],
    sources_of_an_application_are_not_pinned: [
        f"{EDITS}::test_an_application_keeps_its_sources",
        f"{EDITS}::test_both_applications_and_their_parent_are_pinned",
    ],
    other_fields_of_an_application_are_not_pinned: [
        f"{EDITS}::test_every_field_of_an_application_that_is_not_free_is_pinned",
    ],
    overrides_are_not_compared: [
        f"{EDITS}::test_an_application_overrides_no_value_of_the_values_file",
        f"{EDITS}::test_the_values_file_counts_as_it_is_now",
    ],
    a_project_may_be_widened: [f"{EDITS}::test_a_project_is_not_widened"],
    any_transformation_will_do: [
        f"{KUSTOMIZE}::test_what_may_reach_a_guarded_object_is_named",
        f"{KUSTOMIZE}::test_a_patch_of_somebody_elses_secret_is_not_accepted",
    ],
    a_pattern_matches_nothing: [f"{KUSTOMIZE}::test_what_may_reach_a_guarded_object_is_named"],
    only_the_values_file_counts: [f"{EFFECTIVE}::test_a_value_is_judged_where_it_is_set"],
    the_merge_base_vouches: [f"{EDITS}::test_the_merge_base_does_not_vouch_for_a_file"],
    applications_elsewhere_are_not_read: [
        "tests/unit/workspace/test_rivals.py::test_second_applications_are_found_wherever_they_are",
    ],
    files_beside_ours_are_not_read: [
        f"{SURROUNDINGS}::test_all_that_takes_effect_is_read_and_nothing_else",
    ],
    files_that_others_name_are_not_read: [
        f"{SURROUNDINGS}::test_all_that_takes_effect_is_read_and_nothing_else",
    ],
}


# Where DAGs are cloned from: names, values, containers, templates and connections.
ATTACKS = "tests/unit/checks/test_git_attacks.py::test_each_attack_is_a_finding"
HARMLESS = "tests/unit/checks/test_git_attacks.py::test_harmless_settings_have_no_finding"
NAMES = "tests/unit/hostkeys/test_git_environment.py"


def unlisted_git_names_are_harmless() -> None:
    real = wizard.hostkeys.git_environment._HARMLESS

    class Lenient(dict[str, str]):
        def get(self, name: str, *_: Any) -> Any:
            return real.get(name, wizard.hostkeys.git_environment._ANY)

    _put("wizard.hostkeys.git_environment._HARMLESS", Lenient())


def every_git_name_is_refused() -> None:
    _put("wizard.hostkeys.git_environment._HARMLESS", {})


def git_sync_may_have_any_other_variable() -> None:
    _put("wizard.checks.git_containers.refuse_sync_variable", lambda *_: None)


def templates_are_taken_as_read() -> None:
    real = wizard.formats.go_templates.expand_actions

    def expand(text: str, facts: Any) -> tuple[str, bool]:
        return real(text, facts)[0], True

    _put("wizard.checks.git_variables.expand_actions", expand)


def mounts_are_not_judged() -> None:
    _put("wizard.checks.git_containers.ContainerRules.check_mounts", lambda *_: ())


def commands_are_not_judged() -> None:
    _put("wizard.checks.git_containers.ContainerRules.check_commands", lambda *_: ())


def connections_are_not_judged() -> None:
    _put("wizard.checks.git_bundles.refuse_connection", lambda _: "")


def bundles_are_not_judged() -> None:
    _put("wizard.checks.git_bundles.refuse_bundles", lambda _: ())


def line_breaks_are_not_judged() -> None:
    _put("wizard.checks.git_rules.check_injection", lambda _: ())


def objects_beside_the_values_are_not_judged() -> None:
    _put("wizard.checks.git_rules.check_git_objects", lambda _: ())


def answers_may_set_any_variable() -> None:
    rules = tuple(r for r in wizard.answers.rules.RULES if r.__name__ != "check_git_variables")
    _put("wizard.answers.rules.RULES", rules)


MUTATIONS |= {
    unlisted_git_names_are_harmless: [
        ATTACKS,
        f"{NAMES}::test_a_name_that_nobody_listed_is_refused_whatever_its_value",
    ],
    every_git_name_is_refused: [HARMLESS, f"{NAMES}::test_a_listed_name_is_judged_by_its_value"],
    git_sync_may_have_any_other_variable: [ATTACKS],
    templates_are_taken_as_read: [ATTACKS],
    mounts_are_not_judged: [ATTACKS],
    commands_are_not_judged: [ATTACKS],
    connections_are_not_judged: [ATTACKS],
    bundles_are_not_judged: [ATTACKS],
    line_breaks_are_not_judged: [ATTACKS],
    objects_beside_the_values_are_not_judged: [
        "tests/unit/checks/test_red_and_green.py::test_red",
    ],
    answers_may_set_any_variable: [
        "tests/unit/answers/test_rules.py::test_rule_is_red_on_what_it_is_for_and_green_beside_it",
    ],
    answers_choose_the_target: [
        f"{TARGET}::test_a_merge_request_cannot_name_its_own_branch",
        f"{TARGET}::test_without_a_remote_the_first_branch_judges",
    ],
    the_ci_is_not_asked: [f"{TARGET}::test_ci_names_the_branch_that_judges"],
    a_local_branch_counts_in_ci: [
        f"{TARGET}::test_a_local_main_of_ci_is_the_merge_request_itself",
    ],
    a_branch_is_fetched_as_the_default: [
        f"{TARGET}::test_a_single_branch_that_was_fetched_is_not_the_default",
    ],
    the_fork_vouches: [f"{TARGET}::test_a_pipeline_in_the_fork_proves_nothing"],
    any_rendered_text_vouches: [f"{TARGET}::test_a_key_in_a_comment_of_the_base_is_no_evidence"],
    a_symbolic_ref_is_not_followed: [
        f"{TARGET}::test_check_and_set_follow_a_symbolic_ref",
        f"{TARGET}::test_a_work_branch_that_is_the_target_in_disguise",
    ],
    the_index_names_what_is_ours: [
        f"{OWNERSHIP}::test_a_file_of_others_is_never_deleted",
        f"{OWNERSHIP}::test_a_file_of_others_is_not_overwritten_where_we_will_write",
    ],
}


@dataclass(eq=False)  # pytest keeps its plugins in a set
class _Failed:
    names: set[str]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.names.add(report.nodeid.partition("[")[0])


def _failing(tests: Sequence[str]) -> set[str]:
    """Which of these tests fail in this process; SystemExit when they cannot be run."""
    failed = _Failed(set())
    words = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "--no-header", "--tb=no"]
    for test in tests:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = pytest.main([*words, test], plugins=[failed])
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            sys.exit(out.getvalue())
    return failed.names


def _forked(mutate: Mutation, tests: Sequence[str]) -> set[str]:
    """The tests that fail once the mutation is made, in a process that ends afterwards."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            mutate()
            os.write(writing, "\n".join(_failing(tests)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        names = set(pipe.read().split())
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"the tests could not be run: {', '.join(tests)}")
    return names


def main(names: Sequence[str]) -> int:
    """Print the mutations (all without names) and who notices each; 1 if one goes unnoticed."""
    gc.freeze()
    missed = False
    if unknown := set(names) - {mutate.__name__ for mutate in MUTATIONS}:
        sys.exit(f"no mutation has this name: {', '.join(sorted(unknown))}")
    for mutate, tests in MUTATIONS.items():
        if names and mutate.__name__ not in names:
            continue
        caught = _forked(mutate, tests)
        missed = missed or caught != set(tests)
        print(mutate.__name__.replace("_", " "))
        for name in tests:
            print(f"    {'caught' if name in caught else 'MISSED'}  {name}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
