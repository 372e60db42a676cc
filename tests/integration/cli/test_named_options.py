"""Names that options take: one that matches nothing is an error that lists the right ones."""

from __future__ import annotations

from tests.support.cli import Wizard, aw, local

__all__ = ["aw", "local"]

KUBERNETES = "executor.kind=KubernetesExecutor"
# arguments, what the message names, what would be right
REFUSED = [
    (("secrets", "--yes", "--allow-reference", "secrets.extra.TYPO"),
     "--allow-reference (an unknown key): no secret", "admin.password"),
    (("secrets", "--yes", "--accept", "restores"), "--accept restores", "restore, unchecked-use"),
    (("check", "--live", "--allow-reference", "secrets.extra.aws.OTHER"),
     "--allow-reference (an unknown key): no secret", "admin.password"),
    (("check", "--accept", "restart"), "check cannot be used with --accept", "plan"),
    (("apply", "--accept", "restart"), "apply cannot be used with --accept", "set KEY=VALUE"),
    (("plan", "--accept", "executer"), "--accept executer: no consequence", "no --accept"),
    (("set", KUBERNETES, "--yes", "--accept", "executer"), "--accept executer: no consequence",
     "this change needs: "),
    (("set", KUBERNETES, "--yes", "--accept", "gh" + "p_" + "A1b2" * 9), "(an unknown name)",
     "this change needs: "),
]  # fmt: skip


def test_a_name_that_matches_nothing_is_refused(local: Wizard) -> None:
    for args, named, right in REFUSED:
        done = local(*args)
        assert (done.code, named in done.err, right in done.err) == (64, True, True), done
    # A consequence that only other changes have is no mistake: scripts list all that they accept.
    scale = "executor.workers.replicas=3"
    done = local.ok("set", scale, "--yes", "--accept", "another-cluster")
    assert "does not have what --accept names: another-cluster" in done.err
