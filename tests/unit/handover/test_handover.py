"""What is handed over is whole, quoted, without a secret, and written over nobody's file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.support.canary import Canary
from tests.support.rendered import answers, rendering
from wizard.errors import ConflictError, UsageError
from wizard.formats.shell import add_seal, comment, here_document, is_untouched, table
from wizard.handover.folder import write_files
from wizard.handover.scripts import HandoverFiles, render_handover
from wizard.stores.vault.settings import vault_settings
from wizard.systems.database import handover as dba
from wizard.systems.vault import handover as vault
from wizard.systems.vault import reviewer

INSIDE: dict[str, object] = {"secrets.vault.server": "https://vault.vault.svc:8200"}
SEPARATE: dict[str, object] = {
    "database.result_backend": {"kind": "separate", "host": "results.example.internal"}
}
HELM: dict[str, object] = {"delivery.kind": "helm"}
CREDENTIAL: dict[str, object] = {"delivery.argocd.credential": "store"}
HUB: dict[str, object] = {
    **CREDENTIAL,
    "delivery.argocd.destination": "https://api.prod.example:6443",
    "delivery.argocd.vault": {"auth_mount": "kubernetes-hub"},
}
CASES: list[tuple[str, dict[str, object]]] = [
    ("production", {}),
    ("production", INSIDE),
    ("production", {**SEPARATE, "secrets.vault.namespace": "team-a/data"}),
    ("production", {"secrets.payload": "document", "repository.path": "clusters/one"}),
    ("gitops-vault", {}),
    ("production", CREDENTIAL),
    ("production", HUB),
    ("production", HELM),
    ("gitops-vault", HELM),
]
HOSTILE = "a'b\"c $(touch pwned) `touch pwned`; touch pwned #\nEND\ntouch pwned\\ | é"


def made(preset: str = "production", changes: dict[str, object] | None = None) -> HandoverFiles:
    """Everything that these answers hand over."""
    found = rendering(preset, changes)
    texts = {file.logical: file.text for file in found.tree.values()}
    return render_handover(answers(preset, changes), found, texts)


def inlined(script: str) -> list[str]:
    """The texts of a script's here-documents."""
    found, lines = [], iter(script.splitlines())
    for line in lines:
        if line.endswith("<<'END'"):
            found.append("\n".join(iter(lambda: next(lines), "END")) + "\n")
    return found


@pytest.mark.parametrize(("preset", "changes"), CASES)
def test_every_script_is_sound_shell(
    preset: str, changes: dict[str, object], tmp_path: Path
) -> None:
    scripts = [
        (owner, name, text)
        for owner, own in made(preset, changes).items()
        for name, text in own.items()
        if name.endswith(".sh")
    ]
    assert {owner for owner, _, _ in scripts} == {"vault", "platform", "ci"}
    for owner, name, text in scripts:
        assert text.startswith("#!/bin/sh\n"), (owner, name)
        assert "\nset -eu\n" in text, (owner, name)
        for program in (["sh", "-n"], ["bash", "-n"], ["shellcheck", "-s", "sh", "-S", "warning"]):
            if shutil.which(program[0]):
                path = tmp_path / name
                path.write_text(text)
                done = subprocess.run([*program, path], capture_output=True, text=True, check=False)
                assert (done.returncode, done.stderr) == (0, ""), (owner, name, done.stdout)


@pytest.mark.parametrize(("preset", "changes"), CASES)
def test_vault_gets_policy_and_role_as_committed(preset: str, changes: dict[str, object]) -> None:
    tree = rendering(preset, changes).tree
    setup = made(preset, changes)["vault"]["setup.sh"]
    names = ["policy", "role"]
    if "delivery.argocd.credential" in changes:
        names = ["policy", "argocd-policy", "role", "argocd-role"]
    assert inlined(setup) == [tree.by_logical(f"vault/{name}").text for name in names]
    assert ("kubernetes-hub" in setup) is (changes is HUB)


@pytest.mark.parametrize(("preset", "changes"), CASES)
def test_the_platform_gets_what_argo_cd_does_not_deliver(
    preset: str, changes: dict[str, object]
) -> None:
    tree = rendering(preset, changes).tree
    applied = [one for text in inlined(made(preset, changes)["platform"]["apply.sh"])
               for one in yaml.safe_load_all(text)]  # fmt: skip
    kinds = [one["kind"] for one in applied]
    assert kinds[0] == "Namespace"
    assert ("ValidatingAdmissionPolicy" in kinds) is (preset == "production")
    assert "Secret" not in kinds
    reader = kinds.index("ServiceAccount") if "ServiceAccount" in kinds else None
    if reader is not None:
        assert kinds[reader : reader + 3] == ["ServiceAccount", "SecretStore", "ExternalSecret"]
    assert (reader is not None) is ("delivery.argocd.credential" in changes)
    if changes is HELM:
        assert applied[0] == yaml.safe_load(tree.by_logical("secrets/namespace").text)
        assert not any("argoproj" in one["apiVersion"] for one in applied)
        return
    last = "argocd/bootstrap/parent" if preset == "gitops-vault" else "argocd/application"
    assert applied[-1] == yaml.safe_load(tree.by_logical(last).text)


def test_a_vault_in_the_cluster_needs_no_reviewer() -> None:
    within, without = made("production", INSIDE), made()
    assert "reviewer.sh" in without["platform"]
    assert "reviewer.sh" not in within["platform"]
    assert "token_reviewer_jwt" not in within["vault"]["setup.sh"]
    assert "https://kubernetes.default.svc:443" in within["vault"]["setup.sh"]


def test_flows_name_every_far_end() -> None:
    text = made("production", SEPARATE)["platform"]["network.md"]
    for host in ("pg.example.internal | 5432", "results.example.internal | 5432",
                 "github.com | 22", "vault.example.internal | 8200",
                 "git.example.com | 22", "airflow.apache.org | 443"):  # fmt: skip
        assert f"| {host} |" in text


def test_the_job_runs_what_exists(tmp_path: Path) -> None:
    """With a stand-in for the command that says what it was called with."""
    text = made("production", {"repository.path": "clusters/one"})["ci"]["job.sh"]
    log = tmp_path / "log"
    stub(tmp_path / "bin" / "airflow-wizard", f'printf "%s " "$@" >>{log}; echo >>{log}\n'
         '[ "$1" != plan ] || exit "${PLAN:-0}"')  # fmt: skip
    more = "--installation airflow --repo clusters/one --target main"
    check = [f"check {more}", f"plan --detailed-exitcode {more}"]

    assert run(text, tmp_path, "check").returncode == 0
    assert lines(log) == check
    assert run(text, tmp_path, "check", PLAN="2").returncode == 2
    log.unlink()
    assert run(text, tmp_path, "apply", KUBECONFIG="k").returncode == 64
    assert run(text, tmp_path, "apply", VAULT_TOKEN="t").returncode != 0
    assert not log.exists()
    contexts = {"KUBE_CONTEXT": "a b", "ARGOCD_CONTEXT": "hub"}
    done = run(text, tmp_path, "apply", KUBECONFIG="k", VAULT_TOKEN="t", **contexts)
    assert done.returncode == 0, done.stderr
    assert lines(log) == [f"apply --yes --context=a b --argocd-context=hub {more}"]


def test_the_job_of_a_delivery_by_helm_says_what_it_needs() -> None:
    own = made("production", HELM)
    text = own["ci"]["job.sh"]
    assert "git and helm (3.13 or newer, or 4)" in text
    assert "ARGOCD" not in text
    assert 'airflow-wizard apply --yes ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"} --inst' in text
    flows = own["platform"]["network.md"]
    assert "| where apply runs | airflow.apache.org | 443 |" in flows
    assert "Argo CD" not in flows


def lines(log: Path) -> list[str]:
    return [line.rstrip() for line in log.read_text().splitlines()]


def stub(path: Path, body: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(
    text: str, folder: Path, *args: str, stdin: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-s", *args] if not stdin else ["sh", "-c", text, "sh", *args],
        input=stdin or text, cwd=folder, env={"PATH": path, **env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("script", ["apply.sh", "reviewer.sh"])
def test_the_scripts_of_the_platform_stop_in_another_cluster(tmp_path: Path, script: str) -> None:
    """Nothing of the installation exists there, so nothing else would stop them."""
    uid = HOSTILE.splitlines()[0]
    text = made(changes={"cluster.uid": uid})["platform"][script]
    log = tmp_path / "log"
    told = f'echo "$*" >>{log}; case $* in *kube-system*) cat {tmp_path / "uid"} ;; esac'
    stub(tmp_path / "bin" / "kubectl", told)
    # It waits for a token, which never comes here.
    stub(tmp_path / "bin" / "sleep", ":")
    (tmp_path / "uid").write_text("another")
    done = run(text, tmp_path, str(tmp_path))
    assert done.returncode == 5, done.stderr
    assert f"this is cluster another, and the installation is in {uid}: " in done.stderr
    assert len(lines(log)) == 1
    for known in (uid, ""):
        (tmp_path / "uid").write_text(known)
        run(text, tmp_path, str(tmp_path))
        assert len(lines(log)) > 3
        log.unlink()
    assert not (tmp_path / "pwned").exists()
    assert "kube-system" not in made()["platform"][script]


def test_hostile_names_stay_words_in_the_vault_scripts(tmp_path: Path) -> None:
    """As if no type had refused them: the real shell runs nothing of it."""
    plain = rendering()
    found = answers()
    store = vault_settings(found.secrets, plain.release)
    names = ("mount", "path", "auth_mount", "role", "audience", "vault_namespace",
             "service_account", "account_namespace")  # fmt: skip
    other: dict[str, Any] = dict.fromkeys(names, HOSTILE)
    wild = replace(store, server="https://v/" + HOSTILE, **other)
    role = dict.fromkeys(
        ("bound_service_account_names", "bound_service_account_namespaces", "audience",
         "token_policies"), HOSTILE)  # fmt: skip
    committed = {"vault/policy": f"# {HOSTILE}\n", "vault/role": json.dumps(role)}
    installation = SimpleNamespace(name=HOSTILE)
    wild_answers: Any = SimpleNamespace(
        installation=installation, cluster=SimpleNamespace(server=HOSTILE)
    )
    made_files = vault.render_files(wild_answers, wild, plain.total, committed)
    log = tmp_path / "log"
    stub(tmp_path / "bin" / "vault", "\n".join([
        f'printf "%s\\0" "$@" "$VAULT_ADDR" "$VAULT_NAMESPACE" >>{log}',
        'case "$*" in',
        '  *"/tune") echo \'"version": "2"\' ;;',
        "  *list*) echo '{}' ;;",
        '  read*) echo "No value found at x" >&2; exit 2 ;;',
        '  *" -") cat >/dev/null ;;',
        "esac",
    ]))  # fmt: skip
    for name in ("ca", "token"):
        (tmp_path / name).write_text(name)
    files = {"KUBERNETES_CA_FILE": "ca", "REVIEWER_TOKEN_FILE": "token"}
    keys = json.dumps(dict.fromkeys(vault_keys(), "x"))

    done = run(made_files["setup.sh"], tmp_path, stdin="-", **files)
    assert done.returncode == 0, done.stderr
    done = run(made_files["payload.sh"], tmp_path, stdin=keys)
    assert done.returncode == 0, done.stderr

    words = log.read_text().split("\0")
    for word in (f"-path={HOSTILE}", f"auth/{HOSTILE}/config", f"kubernetes_host={HOSTILE}",
                 f"auth/{HOSTILE}/role/{HOSTILE}", f"-mount={HOSTILE}", HOSTILE, wild.policy,
                 wild.server):  # fmt: skip
        assert word in words, word
    assert not (tmp_path / "pwned").exists()


def vault_keys() -> list[str]:
    from wizard.secrets.payload import collect_facts

    return [fact.key for fact in collect_facts(rendering().total.secrets)]


def test_hostile_names_stay_names_elsewhere() -> None:
    assert comment(HOSTILE).count("\n") == 0
    assert here_document("cat", HOSTILE).endswith("\nEND_")
    assert table(["a|b"], [[HOSTILE]]).count("\n") == 2
    database = SimpleNamespace(
        kind="external", host=HOSTILE, port=1, name=HOSTILE, user=HOSTILE,
        result_backend=SimpleNamespace(kind="metadata"),
    )  # fmt: skip
    found: Any = SimpleNamespace(database=database)
    sql = dba.render_files(found, rendering().release)["database.sql"]
    quoted = HOSTILE.replace('"', '""')
    assert f'CREATE ROLE "{quoted}" LOGIN;' in sql
    literal = HOSTILE.replace("'", "''").replace("\\", "\\\\")
    assert f"rolname = E'{literal}')" in sql


def test_no_script_names_a_value(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    """References are not even read."""
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", canary.secret("password"))
    for preset, changes in CASES:
        canary.assert_absent(json.dumps(made(preset, changes)))


def test_reviewer_objects_hold_no_token() -> None:
    objects = [yaml.safe_load(text) for text in inlined(made()["platform"]["reviewer.sh"])]
    (secret,) = (one for one in objects if one["kind"] == "Secret")
    assert not {"data", "stringData"} & set(secret)
    assert secret["metadata"]["namespace"] == reviewer.NAMESPACE


TEXTS = {"vault/a.sh": add_seal("a.sh", "one", "#!/bin/sh\necho\n"),
         "dba/b.sql": add_seal("b.sql", "one", "SELECT 1;\n"),
         "platform/c.md": add_seal("c.md", "one", "# c\n")}  # fmt: skip


def test_a_seal_knows_its_own_untouched_file() -> None:
    for text in TEXTS.values():
        assert is_untouched(text.encode(), "one")
        assert not is_untouched(text.encode(), "two")
        assert not is_untouched(text.encode() + b"more\n", "one")
    assert not is_untouched(b"#!/bin/sh\n", "one")
    assert not is_untouched(b"\xff", "one")


def test_files_are_written_once_and_replaced_while_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    old = os.umask(0o077)
    try:
        assert len(write_files(folder, "one", TEXTS)) == 3
    finally:
        os.umask(old)
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.*")} == {0o644}
    assert write_files(folder, "one", TEXTS) == []
    newer = {**TEXTS, "dba/b.sql": add_seal("b.sql", "one", "SELECT 2;\n")}
    assert write_files(folder, "one", newer) == [folder / "dba/b.sql"]
    assert (folder / "dba/b.sql").read_text() == newer["dba/b.sql"]


def _edited(folder: Path) -> None:
    (folder / "dba").mkdir(parents=True)
    (folder / "dba/b.sql").write_text(TEXTS["dba/b.sql"] + "-- mine\n")


def _linked(folder: Path) -> None:
    (folder / "dba").mkdir(parents=True)
    (folder / "dba/b.sql").symlink_to(folder.parent / "elsewhere")


def _of_another(folder: Path) -> None:
    (folder / "dba").mkdir(parents=True)
    (folder / "dba/b.sql").write_text(add_seal("b.sql", "two", "SELECT 1;\n"))


@pytest.mark.parametrize("before", [_edited, _linked, _of_another])
def test_another_file_is_never_overwritten(tmp_path: Path, before: Any) -> None:
    folder = tmp_path / "out"
    before(folder)
    state = [(path, path.is_symlink() or path.is_dir() or path.read_bytes())
             for path in sorted(folder.rglob("*"))]  # fmt: skip
    with pytest.raises(ConflictError, match=r"b\.sql"):
        write_files(folder, "one", TEXTS)
    assert state == [(path, path.is_symlink() or path.is_dir() or path.read_bytes())
                     for path in sorted(folder.rglob("*"))]  # fmt: skip


@pytest.mark.parametrize("part", [".airflow-wizard/airflow", ".git/x"])
def test_folders_of_the_wizard_and_of_git_are_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(UsageError):
        write_files(tmp_path / part, "one", TEXTS)
    assert not list(tmp_path.iterdir())


def test_a_failing_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    earlier = {"vault/a.sh": add_seal("a.sh", "one", "#!/bin/sh\nold\n")}
    write_files(folder, "one", earlier)
    move, left = Path.replace, [2]

    def failing(self: Path, target: Path) -> Path:
        left[0] -= 1
        if not left[0]:
            raise OSError(28, "No space left on device")
        return move(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(UsageError, match="No space left"):
        write_files(folder, "one", TEXTS)
    found = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}
    assert found == earlier
    assert sorted(path.name for path in folder.iterdir()) == ["vault"]
