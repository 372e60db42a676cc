"""The store aws at moto's server: created once, never over anything, judged, and removed.

What moto cannot do (throttling, missing rights, expired logins, a redirect, and AWS's own refusal
of a name whose deletion is scheduled) is answered by the recorder in front of it: a stand-in.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support.cli import Wizard, aw
from tests.support.process import Finished
from tests.support.rendered import answers, rendering
from tests.support.repository import GitFolder
from tests.support.secrets_manager import (
    ACCESS_KEY,
    ACCOUNT,
    PASSWORD,
    REGION,
    ROLE,
    Fault,
    SecretsManagerStandIn,
    refuse,
    run_moto,
)
from wizard.engine.steps import Step, StepStatus
from wizard.errors import ConflictError
from wizard.stores.aws.live import LIVE, AwsRun, client
from wizard.stores.aws.live.login import find_login
from wizard.stores.aws.live.ownership import make_tags
from wizard.stores.aws.live.probes import check_secrets
from wizard.stores.aws.settings import aws_settings
from wizard.systems.target import Target

__all__ = ["aw"]

pytestmark = pytest.mark.integration
pytest.importorskip("awscrt.auth", reason="the extra `aws` is not installed")

SETS = {
    "secrets.store": "aws",
    "secrets.aws.region": REGION,
    "secrets.aws.role_arn": ROLE,
    "database.host": "pg.example.invalid",
    "dags.repo": "https://github.com/example/dags.git",
    "delivery.argocd.repo_url": "https://git.example.com/platform/config.git",
}
REFERENCES = ("database.password", "secrets.aws.region")
YES = ("--yes", *(part for key in REFERENCES for part in ("--allow-reference", key)))
DATABASE = "database-Canary-1"
PATH = "airflow-install/airflow/config"
FERNET, JWT = f"{PATH}/fernetKey", f"{PATH}/jwtSecret"
THEIRS = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SOURCE = "airflow-wizard-source"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretsManagerStandIn]:
    with run_moto(tmp_path_factory.mktemp("aws")) as state:
        yield state


@pytest.fixture
def aws(server: SecretsManagerStandIn, monkeypatch: pytest.MonkeyPatch) -> SecretsManagerStandIn:
    server.reset()
    server.log_in(monkeypatch)
    monkeypatch.setattr(client, "WAIT_SECONDS", 0.0)
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", DATABASE)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return server


def secrets(aw: Wizard, *more: str, yes: tuple[str, ...] = YES, **sets: str) -> Finished:
    changes = {**SETS, **{key.replace("__", "."): value for key, value in sets.items()}}
    given = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    # Nobody can tell whether the database was used before: it does not answer.
    unchecked = ("--accept", "unchecked-use")
    return aw("secrets", "--preset", "production", *given, *yes, *unchecked, *more)


def test_missing_values_are_created_once_and_never_again(
    aw: Wizard, aws: SecretsManagerStandIn
) -> None:
    done = secrets(aw)
    assert done.code == 0, done
    held = aws.values()
    assert {FERNET, JWT} <= set(held)
    assert held[f"{PATH}/databasePassword"] == DATABASE
    about = aws.secrets()
    tags = {one["Key"]: one["Value"] for one in about[FERNET]["Tags"]}
    assert tags == {
        SOURCE: "git.example.com/platform/config@airflow",
        "airflow-wizard-key": "fernetKey",
    }
    made = [request for action, request in aws.asked if action == "CreateSecret"]
    assert all(len(one["ClientRequestToken"]) == 36 for one in made)
    assert len({one["ClientRequestToken"] for one in made}) == len(made) == len(held)
    # Who did it is named, and no value is.
    assert f"arn:aws:sts::{ACCOUNT}:" in done.out + done.err
    assert "experimental" in done.err
    for value in (*held.values(), PASSWORD):
        assert value not in done.out + done.err
    again = secrets(aw, "--json")
    assert (again.code, aws.count("CreateSecret")) == (0, len(made)), again
    assert "fernetKey" in json.dumps(json.loads(again.out))
    assert aws.values() == held
    assert all(value not in again.out + again.err for value in held.values())


def test_a_missing_value_is_added_and_the_key_is_used(
    aw: Wizard, aws: SecretsManagerStandIn
) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/airflow"
    assert secrets(aw, secrets__aws__kms_key=key).code == 0
    assert {one["KmsKeyId"] for one in aws.secrets().values()} == {key}
    held = aws.values()
    aws.remove(JWT)
    assert secrets(aw).code == 0
    now = aws.values()
    assert now.pop(JWT) != held.pop(JWT)
    assert now == held


class KilledError(BaseException):
    """Stands for the end of the process."""


def test_a_run_killed_at_every_write_is_continued(aw: Wizard, aws: SecretsManagerStandIn) -> None:
    real, writes = client.SecretsManager.create, 0

    def killed(*args: Any, **named: Any) -> NoReturn:
        real(*args, **named)
        raise KilledError

    while True:
        before = aws.values()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client.SecretsManager, "create", killed)
            try:
                done = secrets(aw)
            except KilledError:
                done = None
        after = aws.values()
        # What an earlier run wrote stays as it is, and this one wrote one value more.
        assert {name: after[name] for name in before} == before
        if done is not None:
            break
        writes += 1
        assert len(after) == writes
    assert (done.code, writes > 3, aws.count("CreateSecret")) == (0, True, writes), done


def test_a_secret_that_is_being_deleted_is_neither_restored_nor_replaced(
    aw: Wizard, aws: SecretsManagerStandIn
) -> None:
    assert secrets(aw).code == 0
    before = aws.count("CreateSecret")
    aws.call("DeleteSecret", SecretId=FERNET, RecoveryWindowInDays=7)
    done = secrets(aw)
    assert (done.code, aws.count("CreateSecret")) == (4, before), done
    command = f"aws secretsmanager restore-secret --region {REGION} --secret-id {FERNET}"
    assert command in done.err
    assert aws.secrets()[FERNET]["DeletedDate"]
    assert aws.count("RestoreSecret") == 0


@pytest.mark.parametrize("code", ["InvalidRequestException", ""], ids=["AWS", "moto"])
def test_a_name_that_is_deleted_between_look_and_write_is_left_alone(
    aw: Wizard, aws: SecretsManagerStandIn, code: str
) -> None:
    """AWS refuses the name in its own words (stand-in), moto as one that exists."""

    def fault(action: str, request: Any) -> Any:
        if action != "CreateSecret" or request["Name"] != FERNET:
            return None
        aws.put(FERNET, THEIRS)
        aws.call("DeleteSecret", SecretId=FERNET, RecoveryWindowInDays=7)
        text = "a secret with this name is already scheduled for deletion"
        return refuse(code, text=text)(action, request) if code else None

    aws.fault = fault
    done = secrets(aw)
    assert (done.code, "restore-secret" in done.err) == (4, True), done
    assert aws.secrets()[FERNET]["DeletedDate"]


def test_secrets_of_others_are_not_touched(aw: Wizard, aws: SecretsManagerStandIn) -> None:
    aws.put(FERNET, THEIRS, {SOURCE: "git.example.com/other/config@airflow"})
    done = secrets(aw)
    assert (done.code, aws.count("CreateSecret")) == (4, 0), done
    assert "git.example.com/other/config" in done.err
    assert "secrets.aws.prefix" in done.err
    assert THEIRS not in done.out + done.err


def test_secrets_without_a_tag_need_a_yes_to_exactly_what_was_shown(
    aw: Wizard, aws: SecretsManagerStandIn
) -> None:
    aws.put(FERNET, THEIRS)
    done = secrets(aw)
    assert (done.code, aws.count("CreateSecret")) == (4, 0), done
    seal = next(word for word in done.err.split() if word.startswith("aws.payload@"))
    done = secrets(aw, "--take-over", seal.rstrip(";,."))
    assert done.code == 0, done
    assert aws.values()[FERNET] == THEIRS
    assert len(aws.secrets()) > 3


def test_a_secret_without_a_value_is_refused(aw: Wizard, aws: SecretsManagerStandIn) -> None:
    aws.call("CreateSecret", Name=FERNET)
    done = secrets(aw)
    assert (done.code, "has no value" in done.err) == (4, True), done
    assert aws.count("CreateSecret") == 0


@pytest.mark.parametrize("number", [0, 2], ids=["first", "later"])
def test_whoever_creates_a_name_first_wins(
    aw: Wizard, aws: SecretsManagerStandIn, number: int
) -> None:
    seen: list[str] = []

    def race(action: str, request: Any) -> None:
        if action == "CreateSecret":
            seen.append(request["Name"])
            if len(seen) == number + 1:
                tags = {SOURCE: "git.example.com/platform/config@airflow"}
                aws.put(request["Name"], THEIRS, tags)

    aws.fault = race
    done = secrets(aw)
    # Before our first write, theirs is simply there; after it, the run says what it left.
    assert done.code == (5 if number else 0), done
    assert (not number) or "somebody else created" in done.err
    assert aws.values()[seen[number]] == THEIRS
    aws.fault = lambda _action, _request: None
    done = secrets(aw)
    assert done.code == 0, done
    assert aws.values()[seen[number]] == THEIRS


def test_an_answer_that_is_lost_is_asked_for_again(aw: Wizard, aws: SecretsManagerStandIn) -> None:
    """AWS created the secret, and its answer is an error (stand-in): the token tells it is ours."""
    lost: list[str] = []

    def fault(action: str, request: Any) -> Any:
        if action != "CreateSecret" or lost:
            return None
        lost.append(request["Name"])
        aws.call(action, **request)
        return refuse("InternalServiceError", 500)(action, request)

    aws.fault = fault
    done = secrets(aw)
    assert done.code == 0, done
    tokens = [request["ClientRequestToken"] for action, request in aws.asked
              if action == "CreateSecret" and request["Name"] == lost[0]]  # fmt: skip
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        (refuse("AccessDeniedException"), 1, "secretsmanager:DescribeSecret"),
        (refuse("AccessDeniedException", on="CreateSecret"), 1, "written: none; not written"),
        (refuse("AccessDeniedException", on="CreateSecret", text="Access to KMS is not allowed"),
         1, "KMS key"),
        (refuse("ThrottlingException"), 1, "ThrottlingException"),
        (refuse("ExpiredTokenException"), 1, "aws configure export-credentials"),
        (refuse("InvalidSignatureException"), 1, "clock"),
        (refuse("InternalServiceError", 500), 1, "HTTP 500"),
        (lambda *_: (302, {"Location": "https://elsewhere.example.com/"}, ""), 4, "redirects"),
        (lambda *_: (200, {}, "<html>"), 1, "answers like no AWS"),
    ],
    ids=["denied", "write", "key", "busy", "expired", "clock", "500", "redirect", "page"],
)  # fmt: skip
def test_a_refusal_says_what_to_do_and_writes_nothing(
    aw: Wizard, aws: SecretsManagerStandIn, fault: Fault, code: int, text: str
) -> None:
    aws.fault = fault
    done = secrets(aw)
    assert (done.code, aws.secrets()) == (code, {}), done
    assert text in done.err, done
    assert "Canary" not in done.out + done.err


def test_a_short_throttle_is_waited_for(aw: Wizard, aws: SecretsManagerStandIn) -> None:
    answers = iter([refuse("ThrottlingException"), refuse("InternalServiceError", 500)])
    aws.fault = lambda action, request: next(answers, lambda *_: None)(action, request)
    assert secrets(aw).code == 0


def test_a_login_of_another_account_writes_nothing(aw: Wizard, aws: SecretsManagerStandIn) -> None:
    done = secrets(aw, secrets__aws__role_arn=ROLE.replace(ACCOUNT, "999999999999"))
    assert (done.code, ACCOUNT in done.err) == (4, True), done
    assert "secrets.aws.role_arn names account 999999999999" in done.err
    assert {action for action, _ in aws.asked} == {"GetCallerIdentity"}


def test_another_place_than_that_of_the_branch_needs_a_yes(
    aw: Wizard, aws: SecretsManagerStandIn
) -> None:
    done = secrets(aw, yes=("--yes", "--allow-reference", "database.password"))
    assert (done.code, "--allow-reference secrets.aws.region" in done.err) == (4, True), done
    assert aws.asked == []


def test_the_signature_names_region_and_service_and_no_netrc_replaces_it(
    aw: Wizard, aws: SecretsManagerStandIn, clean_environment: Path
) -> None:
    (clean_environment / ".netrc").write_text("machine localhost login a password netrc-Canary\n")
    assert secrets(aw).code == 0
    signed = [one["authorization"] for one in aws.headers if "x-amz-target" in one]
    assert all(f"Credential={ACCESS_KEY}/" in one for one in signed)
    assert all(f"/{REGION}/secretsmanager/aws4_request" in one for one in signed)
    assert all("x-amz-target" in one.partition("SignedHeaders=")[2] for one in signed)


@pytest.mark.parametrize(
    ("variables", "code", "text"),
    [
        ({"AWS_ENDPOINT_URL": "http://localhost:1"}, 64, "AWS_ENDPOINT_URL is not an https"),
        ({"AWS_ENDPOINT_URL": "https://localhost:1"}, 1, "localhost:1 is not reachable"),
        ({"AWS_CA_BUNDLE": None}, 1, "certificate is not valid"),
        ({"AWS_ACCESS_KEY_ID": None}, 1, "export AWS_PROFILE"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_PROFILE": "none-such"}, 1, "the profile none-such"),
    ],
    ids=["http", "closed", "certificate", "nobody", "profile"],
)
def test_a_bad_environment_is_told_apart(
    aw: Wizard,
    aws: SecretsManagerStandIn,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str | None],
    code: int,
    text: str,
) -> None:
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    done = secrets(aw)
    assert (done.code, text in done.err) == (code, True), done
    assert (aws.asked, PASSWORD in done.out + done.err) == ([], False)


def test_without_the_library_it_says_what_to_install(
    aw: Wizard, aws: SecretsManagerStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "awscrt.auth", None)
    done = secrets(aw)
    assert (done.code, "pip install 'airflow-wizard[aws]'" in done.err) == (64, True), done
    assert aws.asked == []


OWN = frozenset({"fernetKey", "jwtSecret"})
CHANGES = {"secrets.store": "aws"}


@pytest.fixture
def target(tmp_path: Path, aws: SecretsManagerStandIn) -> Target:
    made, given = rendering("production", CHANGES), answers("production", CHANGES)
    git = GitFolder.init(tmp_path / "config")
    files = {file.logical: file.data for file in made.tree.values()}
    access = LIVE.find_access(given, made.release)
    return Target(given, made.release, git.repo, "", files, access=access)


def fill(aws: SecretsManagerStandIn, target: Target) -> None:
    for key, name in zip(sorted(OWN), (FERNET, JWT), strict=True):
        aws.put(name, f"value-of-{key}", make_tags(target.release.owner_id, key))


def removal(target: Target, *pieces: Any) -> Step:
    (step,) = AwsRun(target).build_payload_removal(pieces, {"": OWN})
    return step


def look(step: Step) -> StepStatus:
    return asyncio.run(step.check())  # type: ignore[arg-type]


def test_secrets_with_our_tag_are_scheduled_for_deletion_and_no_others(
    aws: SecretsManagerStandIn, target: Target
) -> None:
    fill(aws, target)
    found = look(removal(target))
    assert (found.state, "--recovery-window-in-days 30" in found.fix.text) == ("kept", True), found
    aws.put(f"{PATH}/of-somebody", "x")
    step = removal(target, "payload")
    found = look(step)
    assert (found.state, FERNET in found.detail) == ("wanted", True), found
    assert step.change is not None
    asyncio.run(step.change())  # type: ignore[arg-type]
    deleted = {name for name, one in aws.secrets().items() if one.get("DeletedDate")}
    assert deleted == {FERNET, JWT}
    sent = [request for action, request in aws.asked if action == "DeleteSecret"]
    assert all(one["RecoveryWindowInDays"] == 30 for one in sent)
    assert not any("ForceDeleteWithoutRecovery" in one for one in sent)
    assert look(step).state == "holds"


def test_a_secret_that_was_written_since_the_look_is_not_deleted(
    aws: SecretsManagerStandIn, target: Target
) -> None:
    fill(aws, target)
    step = removal(target, "payload")
    assert look(step).state == "wanted"
    aws.remove(JWT)
    aws.put(JWT, "theirs", make_tags("git.example.com/other#airflow", "jwtSecret"))
    assert step.change is not None
    with pytest.raises(ConflictError, match=f"{JWT} was changed by somebody else"):
        asyncio.run(step.change())  # type: ignore[arg-type]
    deleted = {name for name, one in aws.secrets().items() if one.get("DeletedDate")}
    assert deleted == {FERNET}


def test_secrets_of_others_block_and_those_of_nobody_need_a_yes(
    aws: SecretsManagerStandIn, target: Target
) -> None:
    aws.put(FERNET, "x", make_tags("git.example.com/other#airflow", "fernetKey"))
    found = look(removal(target, "payload"))
    assert (found.state, "git.example.com/other" in found.detail) == ("blocked", True), found
    aws.remove(FERNET)
    aws.put(FERNET, "x")
    found = look(removal(target, "payload"))
    assert found.state == "blocked"
    seal = found.fix.text.rpartition("destroy.payload@")[2].split()[0]
    agreed = replace(target, agreed={"destroy.payload": seal})
    assert look(removal(agreed, "payload")).state == "wanted"
    assert aws.count("DeleteSecret") == 0
    assert look(removal(replace(target, access=None), "payload")).state == "unknown"


def test_the_run_sees_names_at_once_and_values_only_where_needed(
    aws: SecretsManagerStandIn, target: Target
) -> None:
    fill(aws, target)
    login = AwsRun(target).login
    held = login.stored_keys()
    assert held is not None
    assert held.names == {FERNET, JWT}
    # AWS's list may lack what is new, so it is not asked.
    assert (aws.count("ListSecrets"), aws.count("GetSecretValue")) == (0, 0)
    assert login.read_name({"key": FERNET}) == FERNET
    assert login.read_name({"key": "airflow-install/airflow/config-argocd/x"}) == ""
    payload, _ = login.read_payload()
    assert payload is not None
    assert payload.data == {key: f"value-of-{key}" for key in OWN}
    aws.fault = refuse("AccessDeniedException")
    assert (login.stored_keys(), login.read_payload()[0]) == (None, None)


def test_the_probe_judges_without_reading_a_value(
    aws: SecretsManagerStandIn, target: Target
) -> None:
    store, source = aws_settings(target.answers.secrets, target.release), target.release.owner_id
    login = find_login()
    assert login is not None

    def status() -> tuple[str, str]:
        found = check_secrets(store, sorted(OWN), source, login)
        return found.status, f"{found.detail} {found.fix.text}"

    assert status()[0] == "fail"
    fill(aws, target)
    assert status()[0] == "pass"
    aws.call("DeleteSecret", SecretId=JWT, RecoveryWindowInDays=7)
    assert status()[0] == "fail"
    assert "restore-secret" in status()[1]
    aws.remove(FERNET)
    aws.put(FERNET, "x", make_tags("git.example.com/other#airflow", "fernetKey"))
    assert "another installation" in status()[1]
    assert aws.count("GetSecretValue") == 0
    aws.fault = refuse("AccessDeniedException")
    assert status()[0] == "unknown"
