"""What is handed over does its work on real servers, and so does the command that makes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.integration.vault.test_removal import moved
from tests.integration.vault.test_steps import OBJECTS, Bench, controller, new_bench
from tests.support.canary import Canary
from tests.support.cli import Wizard, answers_file, aw
from tests.support.cluster.argocd import told
from tests.support.cluster.controllers.operators import MERGE
from tests.support.cluster.kubeconfigs import cluster, written
from tests.support.rendered import answers, rendering
from tests.testbed import vault_cli
from tests.testbed.databases import Postgres, quoted
from tests.testbed.kube import Kube
from tests.testbed.vault import RefusedError
from wizard.deliveries.argocd.manifests import HEALTH_KEY
from wizard.handover.scripts import HandoverFiles, render_handover
from wizard.manifests.ownership import OWNER_ANNOTATION, source_manager
from wizard.plan.render import Rendering
from wizard.state.apply_journal import VAULT_CLUSTER_ID
from wizard.stores.vault.settings import VaultSettings
from wizard.systems.database import handover
from wizard.systems.payload_store import HiddenPlace
from wizard.systems.vault.ownership import mount_description
from wizard.systems.vault.removal import build_vault_removal
from wizard.systems.vault.session import VaultLogin

__all__ = ["aw", "controller", "new_bench"]

pytestmark = pytest.mark.integration

OWNERS = ["vault", "dba", "platform", "ci"]


@pytest.fixture
def committed(aw: Wizard, tmp_path: Path) -> Wizard:
    """A committed installation that has all owners."""
    aw.ok("commit", "--yes", "--answers", str(answers_file(tmp_path / "answers.yaml", {})))
    return aw


# --- the command


def test_a_fork_gets_no_script_that_acts_as_the_original(committed: Wizard) -> None:
    committed.git.git("remote", "add", "origin", "git@git.example.com:bob/k8s-infra.git")
    seals = set()
    for words in ((), ("--owner", "vault"), ("--owner", "platform")):
        refused = committed("handover", *words)
        assert refused.code == 5
        assert "remote git.example.com/bob/k8s-infra: the installation belongs to" in refused.err
        assert "airflow-wizard set repository.source=git.example.com/bob/k8s-infra" in refused.err
        seals |= set(re.findall(r"--take-over (repository.identity@[0-9a-f]{12})", refused.err))
    # The scripts of the others do not act by the source.
    committed.ok("handover", "--owner", "dba")
    assert len(seals) == 1
    committed.ok("handover", "--take-over", seals.pop())
    # The yes is remembered, for this remote only.
    committed.ok("handover")
    committed.git.git("remote", "set-url", "origin", "git@git.example.com:eve/k8s-infra.git")
    assert committed("handover").code == 5


def test_every_owner_is_printed_one_after_the_other(committed: Wizard) -> None:
    state = committed.git.state()
    whole = committed.ok("handover").out
    found = json.loads(committed.ok("handover", "--json").out)
    assert list(found) == OWNERS
    parts = [f"==> {owner}/{name} <==\n{text}"
             for owner, own in found.items() for name, text in own.items()]  # fmt: skip
    assert whole == "\n".join(parts)
    only = committed.ok("handover", "--owner", "dba", "--json").out
    assert json.loads(only) == {"dba": found["dba"]}
    assert committed.ok("handover", "--owner", "dba").out == found["dba"]["database.sql"]
    assert committed.git.state() == state


def test_files_are_written_and_kept(committed: Wizard, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = json.loads(committed.ok("handover", "--json", "--out", str(out)).out)
    for owner, own in found.items():
        for name, text in own.items():
            path = out / owner / name
            assert path.read_text() == text
            assert path.stat().st_mode & 0o777 == 0o644
    assert "wrote" not in committed.ok("handover", "--out", str(out)).err

    (out / "ci/job.sh").write_text("mine\n")
    shutil.rmtree(out / "dba")
    done = committed("handover", "--out", str(out))
    assert done.code == 5, done
    assert "job.sh" in done.err
    assert not (out / "dba").exists()


def _edited(aw: Wizard) -> None:
    aw.edit(".airflow-wizard/airflow/answers.yaml", "depth: 1", "depth: 7")


REFUSED: list[tuple[list[str], int, str]] = [
    (["--owner", "nobody"], 64, "choose one of vault"),
    (["--all"], 64, "--installation"),
    (["--set", "executor.workers.replicas=3"], 64, "--set"),
    (["--out", "{repo}/.airflow-wizard/x"], 64, "--out"),
    (["--out", "{repo}/.git/x"], 64, "--out"),
    (["--out", "{repo}/apps/airflow/airflow-values.yaml"], 64, "--out"),
]


@pytest.mark.parametrize(("args", "code", "says"), REFUSED, ids=lambda one: str(one))
def test_what_is_refused(committed: Wizard, args: list[str], code: int, says: str) -> None:
    state = committed.git.state()
    done = committed("handover", *(arg.format(repo=committed.folder) for arg in args))
    assert done.code == code, done
    assert says in done.err
    assert done.out == ""
    assert committed.git.state() == state


def test_only_what_is_committed_is_handed_over(committed: Wizard) -> None:
    _edited(committed)
    done = committed("handover")
    assert (done.code, done.out) == (5, "")
    assert "airflow-wizard commit" in done.err


def test_nothing_committed_and_a_laptop_have_no_owners(aw: Wizard) -> None:
    assert aw("handover").code == 64
    aw.ok("commit", "--preset", "local", "--yes")
    done = aw("handover")
    assert done.code == 4
    assert "RUNBOOK.md" in done.err


# --- Vault and platform


class Owners:
    """Who runs the scripts: with the real kubectl, and `vault` or what stands in for it."""

    def __init__(self, bench: Bench, made: HandoverFiles, folder: Path) -> None:
        self.made = made
        self.folder = folder
        self.path = os.environ["PATH"]
        if not shutil.which("vault"):
            self.path = f"{vault_cli.installed(folder / 'bin')}:{self.path}"
        vault = bench.vault
        self.env = {
            "PATH": self.path, "HOME": str(folder), "VAULT_ADDR": vault.url,
            "VAULT_CACERT": str(vault.ca), "VAULT_TOKEN": vault.token,
            "KUBECONFIG": str(written(folder / "kubeconfig", cluster(bench.kube),
                                      {"token": bench.kube.token})),
            "KUBERNETES_HOST": bench.kube.url, "KUBERNETES_CA_FILE": str(bench.kube.ca),
            "REVIEWER_TOKEN_FILE": str(folder / "reviewer.token"),
        }  # fmt: skip

    def run(
        self, owner: Any, name: str, *args: str, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", self.made[owner][name], "sh", *args], input=stdin, cwd=self.folder,
            env={**self.env, **env}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def ok(self, owner: Any, name: str, *args: str, stdin: str = "", **env: str) -> None:
        done = self.run(owner, name, *args, stdin=stdin, **env)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def bench(new_bench: Callable[..., Bench]) -> Bench:
    """An installation whose Vault and cluster know nothing of it."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    return new_bench()


@pytest.fixture
def owners(bench: Bench, tmp_path: Path) -> Owners:
    return of_bench(bench, tmp_path / "owner's")


def of_bench(bench: Bench, folder: Path, known: Mapping[str, str] = MappingProxyType({})) -> Owners:
    texts = {file.logical: file.text for file in bench.made.tree.values()}
    folder.mkdir()
    made = render_handover(bench.target.answers, bench.made, texts, known=known)
    return Owners(bench, made, folder)


def values(bench: Bench, canary: Canary) -> dict[str, str]:
    from wizard.secrets.payload import collect_facts

    facts = collect_facts(bench.made.total.secrets)
    return {fact.key: f"{canary.secret(fact.key)} \"'\\ $x é\n" for fact in facts}


def test_the_owners_set_up_what_apply_then_finds(
    bench: Bench, owners: Owners, canary: Canary
) -> None:
    """Everything is done by scripts; `apply` and the store's own login only find it so."""
    bench.account()
    owners.ok("platform", "reviewer.sh", str(owners.folder))
    assert (owners.folder / "reviewer.token").stat().st_mode & 0o777 == 0o600
    owners.ok("vault", "setup.sh")
    given = values(bench, canary)
    owners.ok("vault", "payload.sh", stdin=json.dumps(given))

    bench.log_in(bench.token(bench.rights()))
    assert bench.states() == ["holds"] * 5
    stored = bench.stored(bench.store.data_path)
    assert (stored["data"], stored["metadata"]["version"]) == (given, 1)
    log = owners.folder / "bin" / "vault.log"
    if log.exists():
        canary.assert_absent(log)
        assert bench.controller.issued[-1] not in log.read_text()
        assert f"-path={bench.store.mount}" in log.read_text()

    state = bench.state()
    owners.ok("vault", "setup.sh", KUBERNETES_CA_FILE="", REVIEWER_TOKEN_FILE="")
    assert bench.state() == state


def test_no_second_mount_is_made_where_one_was_moved_away(
    bench: Bench, owners: Owners, canary: Canary
) -> None:
    """A new mount would be empty, and `payload.sh` would generate a second payload in it."""
    owners.ok("platform", "reviewer.sh", str(owners.folder))
    owners.ok("vault", "setup.sh")
    store, now = bench.store, f"{bench.store.mount}-moved"
    moved(bench, store.mount)
    before = bench.state()
    # Nothing is in it: the new one loses nothing.
    owners.ok("vault", "setup.sh")
    assert bench.state() != before
    bench.vault.request("DELETE", f"sys/mounts/{store.mount}")
    bench.vault.request("POST", f"{now}/data/{store.path}", {"data": {"fernetKey": "x"}})
    before = bench.state()
    done = owners.run("vault", "setup.sh")
    assert done.returncode == 1, done
    assert f"mount {store.mount} does not exist, but mount {now} holds {store.path}" in done.stderr
    assert f"set secrets.vault.mount={now}" in done.stderr
    assert owners.run("vault", "payload.sh", stdin="{}").returncode == 1
    assert bench.state() == before
    canary.assert_absent(done.stderr)


def test_argo_cds_path_is_set_up_and_filled_beside_it(
    new_bench: Callable[..., Bench], tmp_path: Path, canary: Canary
) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    bench = new_bench({"delivery.argocd.credential": "store"})
    owners = of_bench(bench, tmp_path / "owner")
    bench.account()
    owners.ok("platform", "reviewer.sh", str(owners.folder))
    owners.ok("vault", "setup.sh")
    given = {"repositorySshKey": canary.secret("repository")}
    owners.ok("vault", "payload-argocd.sh", stdin=json.dumps(given))

    bench.log_in(bench.vault.token)
    found = bench.run()
    assert found["vault.argocd-policy"].state == found["vault.argocd-role"].state == "holds"
    path = f"{bench.store.mount}/data/airflow-install/{bench.made.release.installation}/argocd"
    assert bench.stored(path)["data"] == given


def test_the_role_at_runtime_is_set_up_beside_it(
    new_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    bench = new_bench({"secrets.backend.kind": "vault"})
    owners = of_bench(bench, tmp_path / "owner")
    bench.account()
    owners.ok("platform", "reviewer.sh", str(owners.folder))
    for _ in range(2):
        owners.ok("vault", "setup.sh")
    bench.log_in(bench.vault.token)
    found = bench.run()
    assert found["vault.runtime-policy"].state == found["vault.runtime-role"].state == "holds"


def test_the_payload_is_filled_and_never_overwritten(
    bench: Bench, owners: Owners, canary: Canary
) -> None:
    bench.vault.mount(bench.store.mount)
    given = values(bench, canary)
    first, *others = given
    place = f"{bench.store.mount}/data/{bench.store.path}"
    bench.vault.request("POST", place, {"data": {first: given[first], "theirs": "kept"}})
    mark(bench, bench.target.release.owner_id)

    done = owners.run("vault", "payload.sh", stdin=json.dumps({first: "new"}))
    assert done.returncode == 1
    assert f"{first} already exists" in done.stderr
    lacking = {key: given[key] for key in others[1:]}
    done = owners.run("vault", "payload.sh", stdin=json.dumps(lacking))
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"\nmissing on standard input: {others[0]}")
    canary.assert_absent(done.stdout + done.stderr)

    owners.ok("vault", "payload.sh", stdin=json.dumps({key: given[key] for key in others}))
    assert bench.stored(place)["data"] == {**given, "theirs": "kept"}
    owners.ok("vault", "payload.sh", stdin="{}")
    assert bench.stored(place)["metadata"]["version"] == 2

    bench.vault.request("DELETE", place)
    done = owners.run("vault", "payload.sh", stdin=json.dumps(given))
    assert done.returncode == 1
    assert "was deleted" in done.stderr


def test_what_an_older_version_has_is_restored_and_never_made_anew(
    bench: Bench, owners: Owners, canary: Canary
) -> None:
    bench.vault.mount(bench.store.mount)
    given = values(bench, canary)
    place = f"{bench.store.mount}/data/{bench.store.path}"
    lost = {"fernetKey", "jwtSecret"}
    bench.vault.request("POST", place, {"data": given})
    mark(bench, bench.target.release.owner_id)
    careless = {key: value for key, value in given.items() if key not in lost}
    bench.vault.request("POST", place, {"data": careless})
    done = owners.run("vault", "payload.sh", stdin="{}")
    assert done.returncode == 1
    assert "fernetKey@1" in done.stderr
    assert "RESTORE=yes" in done.stderr
    # A new value is not taken, whatever is said.
    for more in ({}, {"RESTORE": "yes"}, {"NEW": "yes"}):
        done = owners.run("vault", "payload.sh", stdin='{"fernetKey": "new"}', **more)
        assert done.returncode == 1
        assert "fernetKey is in use: version 1 has it" in done.stderr
    assert bench.stored(place)["metadata"]["version"] == 2
    owners.ok("vault", "payload.sh", stdin="{}", RESTORE="yes")
    assert bench.stored(place)["data"] == given
    # Not even where nobody can see whether an older version has it.
    bench.vault.request("POST", place, {"data": careless})
    hide = f"{bench.store.mount}/delete/{bench.store.path}"
    bench.vault.request("POST", hide, {"versions": [1, 3]})
    new = json.dumps({key: f"new {given[key]}" for key in lost})
    done = owners.run("vault", "payload.sh", stdin=new)
    assert (done.returncode, "version 3 1 of" in done.stderr) == (1, True), done.stderr
    canary.assert_absent(done.stdout + done.stderr)
    assert bench.stored(place)["data"] == careless
    owners.ok("vault", "payload.sh", stdin=new, NEW="yes")
    assert bench.stored(place)["data"] == {**given, **json.loads(new)}
    log = owners.folder / "bin" / "vault.log"
    if log.exists():
        canary.assert_absent(log)


def test_another_vault_is_not_written_to(
    bench: Bench, owners: Owners, tmp_path: Path, canary: Canary
) -> None:
    """A person may have VAULT_ADDR of another Vault; a recorded cluster id tells them apart."""
    owners.ok("platform", "reviewer.sh", str(owners.folder))
    given, before = json.dumps(values(bench, canary)), bench.state()
    own = bench.vault.request("GET", "sys/health")["cluster_id"]
    other, same = (
        of_bench(bench, tmp_path / name, {VAULT_CLUSTER_ID: known})
        for name, known in (("other", "0000-1111"), ("same", own))
    )
    shutil.copy(owners.folder / "reviewer.token", other.folder)
    shutil.copy(owners.folder / "reviewer.token", same.folder)
    for name in ("setup.sh", "payload.sh"):
        refused = other.run("vault", name, stdin=given)
        assert refused.returncode == 1, refused
        told = f"Vault at {bench.vault.url} is cluster {own}; an earlier run used 0000-1111"
        assert told in refused.stderr
        canary.assert_absent(refused.stderr)
        assert bench.state() == before

    # Without a record, the script names the Vault before it writes to it.
    first = owners.run("vault", "setup.sh")
    assert first.stderr.startswith(f"this is for Vault {own} at {bench.vault.url}"), first
    assert bench.state() != before
    recorded = same.run("vault", "payload.sh", stdin=given, VAULT_NAMESPACE="of-another")
    assert (recorded.returncode, recorded.stderr) == (0, "")
    canary.assert_absent(first.stderr)


def test_the_place_of_earlier_answers_is_not_left_unseen(
    bench: Bench, tmp_path: Path, canary: Canary
) -> None:
    store = bench.store
    bench.vault.mount(store.mount)
    before = replace(store, path="before/config")
    texts = {file.logical: file.text for file in bench.made.tree.values()}
    (tmp_path / "owner").mkdir()

    def hand_over(*places: VaultSettings | HiddenPlace) -> Owners:
        made = render_handover(bench.target.answers, bench.made, texts, {"": places})
        return Owners(bench, made, tmp_path / "owner")

    given = values(bench, canary)
    old, place = f"{store.mount}/data/{before.path}", f"{store.mount}/metadata/{store.path}"
    stdin = json.dumps(given)
    bench.vault.request("POST", old, {"data": given})
    hidden = HiddenPlace("kv/x in https://v'ault.example.com")
    for owners, named in (
        (hand_over(before), f"{store.mount}/{before.path}"),
        (hand_over(hidden), hidden.reason),
    ):
        done = owners.run("vault", "payload.sh", stdin=stdin)
        assert (done.returncode, named in done.stderr) == (1, True), done
        assert "NEW=yes" in done.stderr
        canary.assert_absent(done.stdout + done.stderr)
    with pytest.raises(RefusedError):
        bench.vault.request("GET", place)
    never_used = replace(store, path="never/config")
    hand_over(before).ok("vault", "payload.sh", stdin=stdin, NEW="yes")
    # Nothing is asked once the values are here, nor about a place without a payload.
    hand_over(before).ok("vault", "payload.sh", stdin="{}")
    bench.vault.request("DELETE", place)
    hand_over(never_used).ok("vault", "payload.sh", stdin=stdin)


def test_the_command_hands_over_the_places_of_earlier_answers(committed: Wizard) -> None:
    def payload() -> str:
        script: str = json.loads(committed.ok("handover", "--owner", "vault", "--json").out)[
            "vault"
        ]["payload.sh"]
        return script

    assert "  unused " not in payload()
    sets = ("set", "secrets.vault.path=airflow-install/other/config", "--yes")
    committed.ok(*sets, "--accept", "another-payload")
    assert "  unused secret airflow-install/airflow/config\n" in payload()


def mark(bench: Bench, source: str, **more: str) -> None:
    """Say whose the payload is."""
    names = {OWNER_ANNOTATION: source} if source else {}
    about = {"custom_metadata": {**more, **names}}
    bench.vault.request("POST", f"{bench.store.mount}/metadata/{bench.store.path}", about)


def named(bench: Bench) -> Any:
    """What the payload's metadata says about it."""
    return bench.stored(f"{bench.store.mount}/metadata/{bench.store.path}")["custom_metadata"]


def test_a_payload_of_others_is_never_filled(bench: Bench, owners: Owners, canary: Canary) -> None:
    bench.vault.mount(bench.store.mount)
    own, hers = bench.target.release.owner_id, "git.example.com/hers/airflow#airflow"
    place = f"{bench.store.mount}/data/{bench.store.path}"
    given = values(bench, canary)
    first, *others = given
    left = json.dumps({key: given[key] for key in others})
    bench.vault.request("POST", place, {"data": {first: "hers"}})
    # A value of another key that looks like our name is none, and no word of hers means us.
    fakes = {"fake": f'"{OWNER_ANNOTATION}": "{own}"'}
    for source, more in ((hers, fakes), ("ours", {}), (f"x {own}", {})):
        mark(bench, source, **more)
        done = owners.run("vault", "payload.sh", stdin=left, TAKE_OVER="1", NEW="yes")
        said = f"belongs to {source.replace(' ', '')}; it is never changed"
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert bench.stored(place)["data"] == {first: "hers"}
    # Without a name: only after a yes to exactly this version.
    mark(bench, "", contact="dba")
    done = owners.run("vault", "payload.sh", stdin=left)
    assert (done.returncode, "does not say whose it is" in done.stderr) == (1, True), done.stderr
    assert f"its version 1 has: {first}" in done.stderr
    canary.assert_absent(done.stdout + done.stderr)
    yes = taken(done.stderr)
    bench.vault.request("POST", place, {"data": {first: "hers", "more": "x"}})
    done = owners.run("vault", "payload.sh", stdin=left, TAKE_OVER=yes)
    assert done.returncode == 1, done.stdout
    assert bench.stored(place)["data"] == {first: "hers", "more": "x"}
    owners.ok("vault", "payload.sh", stdin=left, TAKE_OVER=f"other {taken(done.stderr)}")
    assert bench.stored(place)["data"] == {**given, first: "hers", "more": "x"}
    assert named(bench) == {OWNER_ANNOTATION: own, "contact": "dba"}


def taken(said: str) -> str:
    """What a script asks a yes for."""
    found = re.search(r"repeat this with TAKE_OVER='([^']+)'", said)
    assert found, said
    return found[1]


def test_an_auth_mount_of_others_gets_no_config(bench: Bench, owners: Owners) -> None:
    files = {"KUBERNETES_CA_FILE": str(bench.kube.ca), "REVIEWER_TOKEN_FILE": str(bench.kube.ca)}
    mount, made = f"sys/auth/{bench.store.auth_mount}", "made by airflow-wizard for airflow"
    own = bench.target.release.owner_id
    for hers in (f"{made}; {OWNER_ANNOTATION}: {own}x", f"{made}; {OWNER_ANNOTATION}: ours"):
        bench.vault.request("POST", mount, {"type": "kubernetes", "description": hers})
        before = bench.state()
        done = owners.run("vault", "setup.sh", REPLACE="yes", **files)
        assert (done.returncode, "is never replaced" in done.stderr) == (1, True), done.stderr
        assert bench.state() == before
        bench.vault.request("DELETE", mount)
    for unknown in ('of "the" platform, see wiki', made):
        bench.vault.request("POST", mount, {"type": "kubernetes", "description": unknown})
        before = bench.state()
        done = owners.run("vault", "setup.sh", REPLACE="yes", **files)
        assert (done.returncode, "does not say whose it is" in done.stderr) == (1, True)
        assert bench.state() == before
        if unknown != made:
            bench.vault.request("DELETE", mount)
    # The yes was for this mount, not for one that was made again under its name.
    yes = agreed(owners.run("vault", "setup.sh", **files).stderr)
    bench.vault.request("DELETE", mount)
    bench.vault.request("POST", mount, {"type": "kubernetes", "description": made})
    done = owners.run("vault", "setup.sh", REPLACE=yes, **files)
    assert (done.returncode, bench.stored(bench.config)) == (1, 404), done.stderr
    owners.ok("vault", "setup.sh", REPLACE=agreed(done.stderr), **files)
    assert bench.stored(bench.config)["kubernetes_host"] == bench.kube.url
    assert bench.state()["auth"]["description"] == made
    # What the script made itself says whose it is, so that a killed run goes on.
    bench.vault.request("DELETE", mount)
    about = mount_description("airflow", own)
    bench.vault.request("POST", mount, {"type": "kubernetes", "description": about})
    owners.ok("vault", "setup.sh", **files)
    assert bench.stored(bench.config)["kubernetes_host"] == bench.kube.url
    assert bench.state()["mount"]["description"] == about


def test_a_document_is_written_once(
    new_bench: Callable[..., Bench], tmp_path: Path, canary: Canary
) -> None:
    bench = new_bench({"secrets.payload": "document"})
    owners = of_bench(bench, tmp_path / "owner")
    bench.vault.mount(bench.store.mount)
    text = f'fernetKey: "{canary.secret("fernet")}"\n'
    owners.ok("vault", "payload.sh", stdin=text)
    assert bench.stored(bench.store.data_path)["data"] == {"config": text}
    done = owners.run("vault", "payload.sh", stdin="other: x\n")
    assert done.returncode == 1
    assert "already exists" in done.stderr
    assert bench.stored(bench.store.data_path)["metadata"]["version"] == 1
    assert named(bench) == {OWNER_ANNOTATION: bench.target.release.owner_id}
    bench.vault.request("POST", bench.store.data_path, {"data": {"other": "careless"}})
    done = owners.run("vault", "payload.sh", stdin=text.replace("fernet", "new"))
    assert (done.returncode, "config@1" in done.stderr) == (1, True), done.stderr
    owners.ok("vault", "payload.sh", RESTORE="yes")
    assert bench.stored(bench.store.data_path)["data"] == {"other": "careless", "config": text}


def test_what_is_another_s_in_vault_is_not_touched(bench: Bench, owners: Owners) -> None:
    store = bench.store
    files = {"KUBERNETES_CA_FILE": str(bench.kube.ca), "REVIEWER_TOKEN_FILE": str(bench.kube.ca)}
    bench.vault.policy(store.policy, {"secret/data/theirs": ["read"]})
    before = bench.state()
    named = ""
    for answer in ("", "yes", f"policy/{store.policy}@1-1"):
        done = owners.run("vault", "setup.sh", REPLACE=answer, **files)
        assert done.returncode == 1
        assert "does not say whose it is" in done.stderr
        assert bench.state() == before
        named = agreed(done.stderr)
    assert named.startswith(f"policy/{store.policy}@")

    hers = f"# {OWNER_ANNOTATION}: git.example.com/hers/airflow#airflow\n"
    text = hers + 'path "secret/data/theirs" {\n  capabilities = ["read"]\n}\n'
    bench.vault.request("POST", bench.policy, {"policy": text})
    done = owners.run("vault", "setup.sh", REPLACE="yes", **files)
    assert done.returncode == 1
    assert "belongs to git.example.com/hers/airflow#airflow; it is never" in done.stderr
    assert bench.stored(bench.policy)["policy"] == text
    # Two sources: it is also hers.
    both = bench.target.text("vault/policy") + hers
    bench.vault.request("POST", bench.policy, {"policy": both})
    done = owners.run("vault", "setup.sh", REPLACE="yes", **files)
    assert "it is never replaced" in done.stderr
    bench.vault.policy(store.policy, {"secret/data/others": ["read"]})
    # The yes was for another content.
    done = owners.run("vault", "setup.sh", REPLACE=named, **files)
    assert done.returncode == 1
    owners.ok("vault", "setup.sh", REPLACE=agreed(done.stderr), **files)
    assert bench.stored(bench.policy)["policy"].strip() == bench.target.text("vault/policy").strip()
    body = {
        "bound_service_account_names": "theirs", "bound_service_account_namespaces": "a",
        "audience": "vault", "token_policies": [store.policy],
    }  # fmt: skip
    bench.vault.request("POST", bench.role, body)
    done = owners.run("vault", "setup.sh")
    assert done.returncode == 1
    assert "bound_service_account_names" in done.stderr
    assert bench.stored(bench.role)["bound_service_account_names"] == ["theirs"]
    # A role is of those who wrote its policies.
    try:
        bench.vault.request("POST", f"{bench.policy}-hers", {"policy": text})
        bench.vault.policy(f"{store.policy}-plain", {"secret/data/theirs": ["read"]})
        told_so = []
        for given, said in (("hers", "is never replaced"), ("plain", "does not say whose it is")):
            named_too = [store.policy, f"{store.policy}-{given}"]
            bench.vault.request("POST", bench.role, {**body, "token_policies": named_too})
            done = owners.run("vault", "setup.sh", REPLACE="yes")
            assert (done.returncode, said in done.stderr) == (1, True), done.stderr
            assert bench.stored(bench.role)["bound_service_account_names"] == ["theirs"]
            told_so.append(done.stderr)
        owners.ok("vault", "setup.sh", REPLACE=agreed(told_so[-1]))
        assert bench.stored(bench.role)["token_policies"] == [store.policy]
    finally:
        for given in ("hers", "plain"):
            bench.vault.request("DELETE", f"{bench.policy}-{given}")

    done = owners.run("vault", "setup.sh", KUBERNETES_HOST="https://other.example:6443")
    assert done.returncode == 1
    assert "auth_mount" in done.stderr


def agreed(said: str) -> str:
    """The list that a script asks a yes for."""
    found = re.search(r"REPLACE='([^']+)' replaces exactly these", said)
    assert found, said
    return found[1]


def test_names_in_vault_have_no_case(new_bench: Callable[..., Bench], tmp_path: Path) -> None:
    """A policy of others is seen although the role's name is written with capitals."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    bench = new_bench({"secrets.vault.role": "Team-Role", "secrets.vault.path": "team/config"})
    owners = of_bench(bench, tmp_path / "owner")
    files = {"KUBERNETES_CA_FILE": str(bench.kube.ca), "REVIEWER_TOKEN_FILE": str(bench.kube.ca)}
    where = "sys/policies/acl/team-role-read"
    theirs = 'path "secret/data/theirs" {\n  capabilities = ["read"]\n}\n'
    bench.vault.request("POST", where, {"policy": theirs})
    try:
        done = owners.run("vault", "setup.sh", **files)
        assert (done.returncode, bench.stored(where)["policy"]) == (1, theirs), done.stderr
        bench.vault.request("DELETE", where)
        owners.ok("vault", "setup.sh", **files)
        state = bench.state()
        owners.ok("vault", "setup.sh")
        assert bench.state() == state
        assert state["role"]["token_policies"] == ["team-role-read"]
        bench.log_in(bench.vault.token)
        found = bench.run()
        assert [found[f"vault.{name}"].state for name in ("policy", "role")] == ["holds"] * 2
        # Its own role is no user that keeps the policy, and no other role that keeps the mount.
        session = VaultLogin(bench.target)
        tried = told(build_vault_removal(bench.target, session), dry_run=True)
        states = [tried[f"remove.vault-{name}"].state for name in ("role", "policy")]
        assert states == ["would change"] * 2, tried
        assert "other roles" not in tried["remove.vault-auth"].detail
    finally:
        bench.vault.request("DELETE", where)


def test_nothing_is_written_before_everything_is_checked(bench: Bench, owners: Owners) -> None:
    before = bench.state()
    for files in (
        {"KUBERNETES_CA_FILE": "", "REVIEWER_TOKEN_FILE": ""},
        {"REVIEWER_TOKEN_FILE": str(owners.folder / "missing")},
        {"KUBERNETES_HOST": ""},
    ):
        done = owners.run("vault", "setup.sh", **files)
        assert done.returncode != 0
        assert bench.state() == before, files
    bench.vault.request("POST", f"sys/mounts/{bench.store.mount}",
                        {"type": "kv", "options": {"version": "2"}})  # fmt: skip
    limit = {"delete_version_after": "24h"}
    bench.vault.request("POST", f"{bench.store.mount}/config", limit)
    files = {"KUBERNETES_CA_FILE": str(bench.kube.ca), "REVIEWER_TOKEN_FILE": str(bench.kube.ca)}
    for name, given in (("setup.sh", ""), ("payload.sh", "{}")):
        done = owners.run("vault", name, stdin=given, **files)
        assert done.returncode == 1
        assert "delete_version_after" in done.stderr


def test_a_policy_that_cannot_be_seen_is_not_missing(bench: Bench, owners: Owners) -> None:
    store = bench.store
    bench.vault.policy(store.policy, {"secret/data/theirs": ["read"]})
    every = ["create", "read", "update", "delete", "list", "sudo"]
    for number, hidden in enumerate(("sys/policies/acl", f"sys/policies/acl/{store.policy}")):
        older = hidden.replace("policies/acl", "policy")
        rules = {"*": every, hidden: ["update", "sudo"], older: ["update", "sudo"]}
        bench.vault.policy(f"blind-{store.policy}-{number}", rules)
        token = bench.vault.new_token(f"blind-{store.policy}-{number}")
        before = bench.state()
        for answer in ("", "yes"):
            done = owners.run(
                "vault", "setup.sh", VAULT_TOKEN=token, REPLACE=answer,
                KUBERNETES_CA_FILE=str(bench.kube.ca), REVIEWER_TOKEN_FILE=str(bench.kube.ca),
            )  # fmt: skip
            assert done.returncode == 1, done.stdout + done.stderr
            assert "cannot be" in done.stderr
        assert bench.state() == before
        assert "theirs" in bench.stored(bench.policy)["policy"]


def test_a_hardened_role_is_never_loosened(bench: Bench, owners: Owners) -> None:
    files = {"KUBERNETES_CA_FILE": str(bench.kube.ca), "REVIEWER_TOKEN_FILE": str(bench.kube.ca)}
    owners.ok("vault", "setup.sh", **files)
    bench.vault.request("POST", bench.role, {
        "token_ttl": 300, "token_max_ttl": 600, "token_bound_cidrs": ["127.0.0.1/32"],
    })  # fmt: skip
    hardened = bench.stored(bench.role)
    done = owners.run("vault", "setup.sh")
    assert done.returncode == 1
    for text in ("token_ttl is 300, not 1200", "token_max_ttl is 600, not 3600", "REPLACE='yes'"):
        assert text in done.stderr, done.stderr
    assert bench.stored(bench.role) == hardened
    done = owners.run("vault", "setup.sh", REPLACE="yes")
    assert done.returncode == 0, done.stderr
    assert "token_ttl is 300, not 1200" in done.stderr
    again = bench.stored(bench.role)
    assert (again["token_ttl"], again["token_max_ttl"]) == (1200, 3600)
    assert again["token_bound_cidrs"] == hardened["token_bound_cidrs"]


@pytest.mark.parametrize("wrong", ['""', ' "" ', "null", "1"])
def test_an_empty_value_is_not_stored(
    bench: Bench, owners: Owners, canary: Canary, wrong: str
) -> None:
    bench.vault.mount(bench.store.mount)
    given = values(bench, canary)
    text = json.dumps({**given, "jwtSecret": "MARK"}, indent=2).replace('"MARK"', wrong)
    done = owners.run("vault", "payload.sh", stdin=text)
    assert done.returncode == 1
    assert "jwtSecret is" in done.stderr
    assert bench.stored(f"{bench.store.mount}/metadata/{bench.store.path}") == 404


def test_an_empty_place_of_a_document_is_not_stored(
    new_bench: Callable[..., Bench], tmp_path: Path, canary: Canary
) -> None:
    bench = new_bench({"secrets.payload": "document"})
    owners = of_bench(bench, tmp_path / "owner")
    bench.vault.mount(bench.store.mount)
    text = f'fernetKey: "{canary.secret("fernet")}"\njwtSecret: ""\n'
    for given in (text, ""):
        done = owners.run("vault", "payload.sh", stdin=given)
        assert done.returncode == 1, done.stdout
        assert bench.stored(f"{bench.store.mount}/metadata/{bench.store.path}") == 404


def test_the_reviewers_files_are_not_written_into_a_repository(
    bench: Bench, owners: Owners, tmp_path: Path
) -> None:
    """The argument is checked before anything is sent to the cluster."""
    folder = tmp_path / "bin"
    folder.mkdir()
    log = tmp_path / "kubectl.log"
    kubectl = shutil.which("kubectl")
    (folder / "kubectl").write_text(f'#!/bin/sh\necho "$@" >>"{log}"\nexec {kubectl} "$@"\n')
    (folder / "kubectl").chmod(0o755)
    path = {"PATH": f"{folder}:{owners.path}"}
    tree = tmp_path / "config"
    (tree / "below").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    for args in ((), (str(tmp_path / "missing"),), (str(tree),), (str(tree / "below"),)):
        done = owners.run("platform", "reviewer.sh", *args, **path)
        assert done.returncode != 0, args
        assert not log.exists(), log.read_text()
        assert ("work tree" in done.stderr) is (str(tree) in "".join(args))
    assert [one.name for one in (tree / "below").iterdir()] == []
    # Files of others stay as they are, links to them too.
    token = owners.folder / "reviewer.token"
    for make in (lambda: token.write_text("hers"), lambda: token.symlink_to(tmp_path / "hers")):
        make()
        done = owners.run("platform", "reviewer.sh", str(owners.folder), **path)
        assert (done.returncode, "already exists" in done.stderr) == (1, True), done.stderr
        assert not log.exists(), log.read_text()
        assert token.is_symlink() or token.read_text() == "hers"
        token.unlink()
    # A different object of the same name stops it before anything is created.
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "vault-auth-delegator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "hers", "apiGroup": "rbac.authorization.k8s.io"}],
    }  # fmt: skip
    bench.kube.apply(json.dumps(binding))
    done = owners.run("platform", "reviewer.sh", str(owners.folder), **path)
    assert done.returncode == 5, done.stderr
    assert "a different clusterrolebinding vault-auth-delegator already exists" in done.stderr
    assert [bench.object(one) for one in OBJECTS if "clusterrolebindings" not in one] == [404, 404]
    assert not token.exists()
    bench.remove(next(one for one in OBJECTS if "clusterrolebindings" in one))
    # What serves already is used, and nothing of it is changed.
    named = {"kind": "ServiceAccount", "name": "vault-auth", "namespace": "vault-auth"}
    others = [{**named, "name": "theirs"}, named]
    right = {**binding["roleRef"], "name": "system:auth-delegator"}  # type: ignore[dict-item]
    bench.kube.apply(json.dumps({**binding, "roleRef": right, "subjects": others}))
    owners.ok("platform", "reviewer.sh", str(owners.folder), **path)
    (held,) = (bench.object(one) for one in OBJECTS if "clusterrolebindings" in one)
    assert [one["name"] for one in held["subjects"]] == ["theirs", "vault-auth"]
    assert token.stat().st_mode & 0o777 == 0o600
    assert (owners.folder / "cluster-ca.pem").stat().st_mode & 0o777 == 0o600
    (again := owners.folder / "again").mkdir()
    owners.ok("platform", "reviewer.sh", str(again), **path)
    assert (again / "reviewer.token").read_text() == token.read_text()


def test_version_1_is_refused(bench: Bench, owners: Owners) -> None:
    bench.vault.mount(bench.store.mount, version=1)
    done = owners.run("vault", "setup.sh")
    assert done.returncode == 1
    assert "not KV version 2" in done.stderr


@pytest.mark.parametrize("applications", ["one", "two"])
def test_the_platform_applies_what_argo_cd_starts_from(
    kube_with_crds: Kube, tmp_path: Path, applications: str
) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    name = f"handed-{applications}"
    changes: dict[str, object] = {
        "installation.name": name, "installation.namespace": name,
        "delivery.argocd.project": name, "delivery.argocd.namespace": f"{name}-argocd",
        "delivery.argocd.applications": applications,
    }  # fmt: skip
    made = rendering("production", changes)
    texts = {file.logical: file.text for file in made.tree.values()}
    script = render_handover(answers("production", changes), made, texts)["platform"]["apply.sh"]
    config = written(tmp_path / "config", cluster(kube_with_crds), {"token": kube_with_crds.token},
                     context="a context")  # fmt: skip

    def platform(text: str = script, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-s"], input=text, capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(config),
                 "KUBE_CONTEXT": "a context", **more},
        )  # fmt: skip

    done = platform()
    assert done.returncode != 0, "without Argo CD's namespace nothing is applied"
    assert "serverside-applied" not in done.stdout
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{name}-argocd"}}
    kube_with_crds.apply(json.dumps(space))
    for order in ("", HEALTH_KEY):
        if order:
            about = {"name": "argocd-cm", "namespace": f"{name}-argocd"}
            data = {order: "return {}"}
            config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}
            kube_with_crds.apply(json.dumps(config_map))
        done = platform()
        assert done.returncode == 0, done.stderr
        warned = "no health check of Applications" in done.stderr
        assert warned is (applications == "two" and not order)
    last = f"{name}-parent" if applications == "two" else name
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{name}-argocd/applications/{last}"
    found = kube_with_crds.request("GET", path)
    own = source_manager(made.release.owner_id)
    assert {one["manager"] for one in found["metadata"]["managedFields"]} == {own}
    guard = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    assert kube_with_crds.request("GET", f"{guard}/{name}-airflow-store-account")

    # Another repository with the same names takes nothing over, whatever it says.
    other = {**changes, "delivery.argocd.repo_url": "ssh://git@git.example.com/hers/airflow.git"}
    hers = render_handover(answers("production", other), *_handed(other))["platform"]["apply.sh"]
    uid = found["metadata"]["uid"]
    for more in ({}, {"TAKE_OVER": uid}):
        done = platform(hers, **more)
        assert done.returncode == 5, done
        assert f"{last} belongs to {made.release.owner_id}; it is never taken over" in done.stderr
        assert "serverside-applied" not in done.stdout
    assert kube_with_crds.request("GET", path) == found
    # One whose name ends with ours is not ours, and without a source nothing is.
    for theirs in (f"hers {made.release.owner_id}", f"{made.release.owner_id}x"):
        named_so = {"metadata": {"annotations": {OWNER_ANNOTATION: theirs}}}
        kube_with_crds.request("PATCH", f"{path}?fieldManager=hand", named_so, MERGE)
        done = platform(TAKE_OVER=uid)
        assert (done.returncode, f"belongs to {theirs}; it is" in done.stderr) == (5, True), done
    bare, bare_texts = _handed(changes)
    bare = replace(bare, release=replace(bare.release, owner_id=""))
    nobody = render_handover(answers("production", changes), bare, bare_texts)["platform"]
    done = platform(nobody["apply.sh"])
    assert (done.returncode, "serverside-applied" in done.stdout) == (5, False), done
    assert f"belongs to {made.release.owner_id}; it is never taken over" in done.stderr
    notes = {"metadata": {"annotations": {OWNER_ANNOTATION: None}}}
    kube_with_crds.request("PATCH", f"{path}?fieldManager=hand", notes, MERGE)
    done = platform(nobody["apply.sh"])
    assert (done.returncode, "serverside-applied" in done.stdout) == (5, False), done
    assert f"{last} already exists (UID {uid}) and does not say whose it is" in done.stderr
    # One that does not say whose it is: only after a yes to exactly this object.
    kube_with_crds.request("PATCH", f"{path}?fieldManager=hand", notes, MERGE)
    done = platform()
    assert done.returncode == 5, done
    assert f"{last} already exists (UID {uid}) and does not say whose it is" in done.stderr
    assert platform(TAKE_OVER="other").returncode == 5
    done = platform(TAKE_OVER=f"other {uid}")
    assert done.returncode == 0, done.stderr
    again = kube_with_crds.request("GET", path)["metadata"]["annotations"]
    assert again[OWNER_ANNOTATION] == made.release.owner_id


def test_the_platform_lets_argo_cd_overwrite_no_store_of_others(
    kube_with_crds: Kube, tmp_path: Path
) -> None:
    """A ClusterSecretStore has one name in the whole cluster, whatever the namespace."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    name = "handed-wide"
    changes: dict[str, object] = {
        "installation.name": name, "installation.namespace": name, "installation.release": name,
        "delivery.argocd.project": name, "delivery.argocd.namespace": f"{name}-argocd",
        "secrets.scope": "cluster",
    }  # fmt: skip
    made, texts = _handed(changes)
    script = render_handover(answers("production", changes), made, texts)["platform"]["apply.sh"]
    store = yaml.safe_load(texts["secrets/store"])
    assert store["kind"] == "ClusterSecretStore"
    store["metadata"]["annotations"] = {OWNER_ANNOTATION: "git.example.com/hers/airflow#airflow"}
    kube_with_crds.apply(json.dumps(store))
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{name}-argocd"}}
    kube_with_crds.apply(json.dumps(space))
    config = written(tmp_path / "config", cluster(kube_with_crds), {"token": kube_with_crds.token})
    try:
        done = subprocess.run(
            ["sh", "-s"], input=script, capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(config)},
        )  # fmt: skip
        assert (done.returncode, "serverside-applied" in done.stdout) == (5, False), done
        assert "belongs to git.example.com/hers/airflow#airflow" in done.stderr
    finally:
        path = f"/apis/external-secrets.io/v1/clustersecretstores/{store['metadata']['name']}"
        kube_with_crds.request("DELETE", path)


def _handed(changes: dict[str, object]) -> tuple[Rendering, dict[str, str]]:
    made = rendering("production", changes)
    return made, {file.logical: file.text for file in made.tree.values()}


# --- the database


@pytest.mark.parametrize(
    ("role", "name"),
    [("handed", "handed"), ('ro\'le "x"; -- \\ :a `b` é', "da'ta\"base; \\q :b $$")],
)
def test_the_sql_makes_role_and_database(postgres: Postgres, role: str, name: str) -> None:
    """As psql runs it without a terminal: the password, asked for twice, is standard input."""
    database = SimpleNamespace(
        kind="external", host="h", port=5432, name=name, user=role,
        result_backend=SimpleNamespace(kind="metadata"),
    )  # fmt: skip
    found: Any = SimpleNamespace(database=database)
    sql = handover.render_files(found, rendering().release)["database.sql"]
    file = postgres.folder / f"{abs(hash(role))}.sql"
    file.write_text(sql)

    def administrator(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [postgres.programs / "psql", "-X", "-w", *more, postgres.url, "--file", file],
            input="p'w\np'w\n", capture_output=True, text=True, timeout=30, check=False,
            start_new_session=True, env={"LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    for _ in range(2):
        done = administrator()
        assert done.returncode == 0, done.stderr
    owner = postgres.sql(
        f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = E{escaped(name)}"
    )
    assert owner == role
    secret = f"SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = E{escaped(role)}"
    assert postgres.sql(secret) == "SCRAM-SHA-256"
    # What exists already may be of others: nothing is changed without a yes.
    count = f"SELECT count(*) FROM pg_database WHERE datname = E{escaped(name)}"
    postgres.sql(f"DROP DATABASE {quoted(name, chr(34))}")
    done = administrator()
    assert (done.returncode, "nothing was changed" in done.stderr) == (3, True), done
    assert postgres.sql(count) == "0"
    assert administrator("--set", "existing=yes").returncode == 0
    assert postgres.sql(count) == "1"


def escaped(text: str) -> str:
    return quoted(text.replace("\\", "\\\\"))
