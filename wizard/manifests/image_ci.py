"""The CI of a custom image: one sh script with the work, and one job file for the forge.

A dependency change builds, scans and pushes an image, and then requests a merge that changes only
the tag. A merge request gets the plan as a comment. A change of DAGs in Git starts neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.shell import quote
from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.image_script import render_script
from wizard.manifests.registry_login import RegistryLogin, choose_registry_login
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.formats.yaml_writer import Path, Yaml
    from wizard.manifests.image import ImageBuild
    from wizard.manifests.release import Release

# By its commit, as others have it in public.
CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"


def ci_files(release: Release, image: ImageBuild) -> tuple[File, ...]:
    """Return the script and the job file of the chosen forge; none if it is `none`."""
    if image.ci == "none":
        return ()
    login = choose_registry_login(image.repository, image.ci)
    folder = release.paths.image
    job = _JOBS[image.ci](release, login)
    return (
        File("image/build", f"{folder}/build.sh", render_script(release, image, login, image.ci)),
        File("image/ci", f"{folder}/ci/{image.ci}.yml", job),
    )


def ci_note(release: Release, image: ImageBuild) -> str:
    """Return the runbook's section on the CI of the image; empty without one."""
    if image.ci == "none":
        return ""
    folder = release.paths.image
    login = choose_registry_login(image.repository, image.ci)
    variables = (_PACKAGE, *_FORGE_VARIABLES[image.ci], *login.variables)
    rows = [f"| `{name}` | {text} |" for name, text in variables]
    table = "\n".join(["", "| variable | value |", "|---|---|", *rows, ""])
    place = _PLACES[image.ci].format(folder=folder, name=release.installation)
    return (
        f"## CI of the image\n\n{place}\nA commit that changes `{folder}` is built, scanned and "
        "pushed; then a merge is requested that changes only the tag. Each merge request gets the "
        "plan as a comment. The runner needs git, docker and Python. Set in the CI system:\n"
        f"{table}\nWithout the CI: `sh {folder}/build.sh build`. `SEVERITY=HIGH,CRITICAL` refuses "
        "more, `SCANNER` names another Trivy image."
    )


_PLACES = {
    "github": "GitHub runs jobs from one folder only: `mkdir -p .github/workflows && cp "
    "{folder}/ci/github.yml .github/workflows/airflow-image-{name}.yml`.",
    "gitlab": "Add to `.gitlab-ci.yml`: `include: [{{local: {folder}/ci/gitlab.yml}}]`.",
    "azure": "Create a pipeline from `{folder}/ci/azure.yml`; in Azure Repos, a branch policy runs "
    "it for pull requests.",
}
_PACKAGE = ("WIZARD_PACKAGE", "file or address of airflow-wizard's wheel, if the runner lacks it")
_FORGE_VARIABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "github": (),
    "gitlab": (("PUSH_TOKEN", "project access token with `api` and `write_repository`; masked"),),
    "azure": (),
}


def _command(release: Release, name: str) -> str:
    inside = "" if release.prefix in {"", "."} else f"{release.prefix.strip('/')}/"
    return f"sh {quote(f'{inside}{release.paths.image}/build.sh')} {name}"


def _watched(release: Release) -> str:
    inside = "" if release.prefix in {"", "."} else f"{release.prefix.strip('/')}/"
    return f"{inside}{release.paths.image}"


def _render_github(release: Release, login: RegistryLogin) -> str:
    def step(name: str, env: dict[str, str]) -> Yaml:
        found: dict[str, Yaml] = {"run": _command(release, name)}
        if env:
            found["env"] = dict(env)
        return found

    checkout: Yaml = {"uses": CHECKOUT, "with": {"fetch-depth": 0}}
    gh = {"GH_TOKEN": "${{ github.token }}", "WIZARD_PACKAGE": "${{ vars.WIZARD_PACKAGE }}"}
    variables = {
        name: f"${{{{ {'secrets' if name in login.masked else 'vars'}.{name} }}}}"
        for name, _ in login.variables
    }
    if login.own:
        variables = {"GITHUB_TOKEN": "${{ github.token }}"}
    rights: dict[str, Yaml] = {"contents": "write", "pull-requests": "write"}
    if login.own:
        rights["packages"] = "write"
    if login.audience:
        rights["id-token"] = "write"
    data: dict[str, Yaml] = {
        "name": f"airflow-image-{release.installation}",
        "on": {
            "push": {"branches": [release.branch], "paths": [f"{_watched(release)}/**"]},
            "pull_request": {"branches": [release.branch]},
        },
        "permissions": {"contents": "read"},
        "concurrency": {"group": "${{ github.workflow }}-${{ github.ref }}"},
        "jobs": {
            "image": {
                "if": "github.event_name == 'push'",
                "runs-on": "ubuntu-latest",
                "permissions": rights,
                "steps": [
                    checkout,
                    step("login", variables),
                    step("build", {}),
                    step("deploy", gh),
                ],
            },
            "plan": {
                "if": "github.event_name == 'pull_request'",
                "runs-on": "ubuntu-latest",
                "permissions": {"contents": "read", "pull-requests": "write"},
                "steps": [
                    checkout,
                    step("gate", {**gh, "PULL_REQUEST": "${{ github.event.number }}"}),
                ],
            },
        },
    }
    comments: dict[Path, str] = {
        ("jobs", "image", "steps", 0): "v4.2.2, by its commit",
        ("jobs", "plan", "permissions"): "a request from a fork has no right to comment",
    }
    return dump_yaml(data, comments, _header(release))


def _render_gitlab(release: Release, login: RegistryLogin) -> str:
    pushed = f'$CI_COMMIT_BRANCH == "{release.branch}"'
    changed: Yaml = {"if": pushed, "changes": [f"{_watched(release)}/**/*"]}
    image: dict[str, Yaml] = {
        "stage": "deploy",
        "variables": {"GIT_DEPTH": "0"},
        "resource_group": f"airflow-image-{release.installation}",
        "rules": [changed],
        "script": [_command(release, name) for name in ("login", "build", "deploy")],
    }
    if login.audience:
        image["id_tokens"] = {"ID_TOKEN": {"aud": login.audience}}
    data: dict[str, Yaml] = {
        f"airflow-image-{release.installation}": image,
        f"airflow-plan-{release.installation}": {
            "stage": "test",
            "variables": {"GIT_DEPTH": "0"},
            "rules": [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}],
            "script": [_command(release, "gate")],
        },
    }
    return dump_yaml(data, {}, _header(release))


def _render_azure(release: Release, login: RegistryLogin) -> str:
    branches: Yaml = {"include": [release.branch]}
    checkout: Yaml = {"checkout": "self", "fetchDepth": 0, "persistCredentials": True}
    token: Yaml = {
        "SYSTEM_ACCESSTOKEN": "$(System.AccessToken)",
        "AZURE_DEVOPS_EXT_PAT": "$(System.AccessToken)",
    }
    log_in: dict[str, Yaml] = {"script": _command(release, "login")}
    if login.service_connection:
        log_in = {
            "task": "AzureCLI@2",
            "inputs": {
                "azureSubscription": "$(airflowServiceConnection)",
                "scriptType": "bash",
                "scriptLocation": "inlineScript",
                "inlineScript": _command(release, "login"),
            },
        }
    elif login.variables:
        log_in["env"] = {name: f"$({name})" for name, _ in login.variables}
    data: dict[str, Yaml] = {
        "trigger": {"branches": branches, "paths": {"include": [_watched(release)]}},
        "pr": {"branches": branches},
        "pool": {"vmImage": "ubuntu-latest"},
    }
    if login.service_connection:
        data["variables"] = {"airflowServiceConnection": "airflow-registry"}
    data["jobs"] = [
        {
            "job": "image",
            "condition": "ne(variables['Build.Reason'], 'PullRequest')",
            "steps": [
                checkout,
                log_in,
                {"script": _command(release, "build")},
                {"script": _command(release, "deploy"), "env": token},
            ],
        },
        {
            "job": "plan",
            "condition": "eq(variables['Build.Reason'], 'PullRequest')",
            "steps": [checkout, {"script": _command(release, "gate"), "env": token}],
        },
    ]
    return dump_yaml(data, {}, _header(release))


def _header(release: Release) -> str:
    return (
        f"CI of the image of Airflow installation {release.installation}: the work is in "
        "build.sh.\nIt holds no secret; the runbook lists the variables that it needs."
    )


_JOBS = {"github": _render_github, "gitlab": _render_gitlab, "azure": _render_azure}
