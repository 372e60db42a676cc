"""The check of a change before it is merged: one job for all installations of the repository.

A merge request gets the plan of each installation that it changes as a comment, and `check` decides
about it. The job names no installation, so the file of every installation is the same and is
activated once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wizard import __version__
from wizard.clients.forge_pages import find_kind
from wizard.formats.yaml_writer import Code, dump_yaml
from wizard.manifests.image_ci import CHECKOUT
from wizard.manifests.image_script import COMMENT, FIND_WIZARD, GATE
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.formats.yaml_writer import Path, Yaml
    from wizard.manifests.registry_login import Forge
    from wizard.manifests.release import Release

CheckCi = Literal["auto", "none", "github", "gitlab", "azure"]

_FORGES: tuple[Forge, ...] = ("github", "gitlab", "azure")
_NAME = "airflow-check"
_TARGET = {
    "github": "$GITHUB_BASE_REF",
    "gitlab": "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "azure": "${SYSTEM_PULLREQUEST_TARGETBRANCH#refs/heads/}",
}
_PLACES = {
    "github": "`mkdir -p .github/workflows && cp {path} .github/workflows/airflow-check.yml`, and "
    "require `airflow-check` in the rules of the branch",
    "gitlab": "add `include: [{{local: {path}}}]` to `.gitlab-ci.yml`, and require pipelines to "
    "succeed; `PUSH_TOKEN` is a masked project access token with `api`, for the comment",
    "azure": "create a pipeline from `{path}`, and require it in the policies of the branch",
}
_START = """\
set -eu
target=TARGET
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT"""
_VERSION = """\
# Another version could render other files.
same_version() {
  found=$(airflow-wizard --version) || return
  case $found in
    *' VERSION') ;;
    *)
      echo "this job is for airflow-wizard VERSION, not for $found: copy the job again" >&2
      return 1
      ;;
  esac
}"""
_PLAN = """\
plan() {
  find_wizard || return
  same_version || return
  git fetch --quiet origin "$target" || return
  git worktree add --quiet --force --detach "$work/target" FETCH_HEAD || return
  code=0
  echo 'Check of the changed files:'
  echo '```text'
  airflow-wizard check --all --target "$target" 2>&1 || code=$?
  echo '```'
  git ls-files '.airflow-wizard/*/answers.yaml' '*/.airflow-wizard/*/answers.yaml' >"$work/answers"
  while read -r answers; do
    git diff --quiet FETCH_HEAD...HEAD -- "$answers" && continue
    folder=${answers%.airflow-wizard/*}
    name=${answers%/answers.yaml} name=${name##*/}
    set -- --answers "$answers"
    if [ -f "$work/target/$answers" ]; then
      set -- --installation "$name" "$@"
    fi
    mkdir -p "$work/target/$folder"
    echo "Plan of installation $name${folder:+ in $folder} for the branch $target:"
    echo '```text'
    airflow-wizard plan --target "$target" --repo "$work/target/$folder" "$@" 2>&1 || code=$?
    echo '```'
  done <"$work/answers"
  git diff --name-only --diff-filter=D FETCH_HEAD...HEAD -- \\
    '.airflow-wizard/*/answers.yaml' '*/.airflow-wizard/*/answers.yaml' >"$work/deleted"
  while read -r answers; do
    name=${answers%/answers.yaml}
    echo "Installation ${name##*/} is removed."
  done <"$work/deleted"
  git worktree remove --force "$work/target"
  return "$code"
}"""


def find_forge(release: Release, answer: CheckCi) -> Forge | None:
    """Return the forge of the config repository: as answered, or else by its address."""
    if answer == "none":
        return None
    if answer != "auto":
        return answer
    kind = find_kind(release.owner_id.partition("/")[0])
    return next((one for one in _FORGES if one == kind), None)


def check_file(release: Release, forge: Forge) -> File:
    """Return the job of the forge."""
    return File("check-ci", f"{release.paths.docs}/ci/{forge}.yml", _JOBS[forge](_script(forge)))


def check_note(release: Release, forge: Forge) -> str:
    """Return the runbook's section on the job."""
    path = f"{release.paths.docs}/ci/{forge}.yml"
    inside = "" if release.prefix in {"", "."} else f"{release.prefix.strip('/')}/"
    place = _PLACES[forge].format(path=f"{inside}{path}")
    return (
        f"## Check of changes\n\nOnce in the repository, for all installations: {place}. Each "
        "merge request then gets the plan as a comment, and fails if `airflow-wizard check` does. "
        "The wizard itself writes no file that runs. The runner needs git and airflow-wizard "
        f"{__version__}, or Python and the variable `WIZARD_PACKAGE` with the file or the address "
        "of its wheel."
    )


def _script(forge: Forge) -> str:
    comment = f"comment() {{\n  {COMMENT[forge]}\n}}"
    return (
        "\n\n".join(
            [
                _START.replace("TARGET", _TARGET[forge]),
                FIND_WIZARD,
                _VERSION.replace("VERSION", __version__),
                _PLAN,
                comment,
                GATE,
                "gate",
            ]
        )
        + "\n"
    )


_HEADER = (
    "Check of every change of the installations in this repository; it holds no secret.\n"
    "It does not run here: the runbook says where it is copied or included."
)


def _render_github(script: str) -> str:
    env: dict[str, Yaml] = {
        "GH_TOKEN": "${{ github.token }}",
        "WIZARD_PACKAGE": "${{ vars.WIZARD_PACKAGE }}",
        "PULL_REQUEST": "${{ github.event.number }}",
    }
    data: dict[str, Yaml] = {
        "name": _NAME,
        "on": {"pull_request": {}},
        "permissions": {"contents": "read"},
        "concurrency": {
            "group": "${{ github.workflow }}-${{ github.ref }}",
            "cancel-in-progress": True,
        },
        "jobs": {
            _NAME: {
                "runs-on": "ubuntu-latest",
                "permissions": {"contents": "read", "pull-requests": "write"},
                "steps": [
                    {"uses": CHECKOUT, "with": {"fetch-depth": 0}},
                    {"run": Code(script), "shell": "sh {0}", "env": env},
                ],
            },
        },
    }
    comments: dict[Path, str] = {
        ("jobs", _NAME, "steps", 0): "v4.2.2, by its commit",
        ("jobs", _NAME, "permissions"): "a request from a fork has no right to comment",
    }
    return dump_yaml(data, comments, _HEADER)


def _render_gitlab(script: str) -> str:
    data: dict[str, Yaml] = {
        _NAME: {
            "stage": "test",
            "variables": {"GIT_DEPTH": "0"},
            "rules": [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}],
            "script": [Code(script)],
        },
    }
    return dump_yaml(data, {}, _HEADER)


def _render_azure(script: str) -> str:
    token: Yaml = {"SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"}
    data: dict[str, Yaml] = {
        "trigger": "none",
        "pr": {"branches": {"include": ["*"]}},
        "pool": {"vmImage": "ubuntu-latest"},
        "steps": [
            {"checkout": "self", "fetchDepth": "0", "persistCredentials": "true"},
            {"script": Code(script), "env": token},
        ],
    }
    return dump_yaml(data, {}, _HEADER)


_JOBS = {"github": _render_github, "gitlab": _render_gitlab, "azure": _render_azure}
