"""The sh script with the work of the image's CI, for every forge: what differs is chosen here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wizard.formats.shell import comment, quote, script
from wizard.manifests.images import use_public_image

if TYPE_CHECKING:
    from wizard.chart.images import Image
    from wizard.manifests.image import ImageBuild
    from wizard.manifests.registry_login import Forge, RegistryLogin
    from wizard.manifests.release import Release

# By its digest, as others have it in public: the version in front is for readers only.
_SCANNER = (
    "docker.io/aquasec/trivy:0.65.0"
    "@sha256:a22415a38938a56c379387a8163fcb0ce38b10ace73e593475d3658d578b2436"
)
_WORD = re.compile(r"\b[A-Z]+\b").sub

_TAG = """\
# The same for as long as nothing changes in the folder of the image.
tag() {
  printf 'VERSION-%s' "$(git log -1 --format=%h --abbrev=12 -- FOLDER)"
}"""

_LOCK = """\
  if [ ! -f FOLDER/uv.lock ]; then
    echo 'FOLDER/uv.lock is missing: the runbook has the command that writes it' >&2
    return 1
  fi
"""
_BUILD = """\
build() {
LOCK  image=REPOSITORY:$(tag)
  if docker manifest inspect "$image" >/dev/null 2>&1; then
    echo "$image is in the registry" >&2
    return 0
  fi
  docker build --pull --tag "$image" FOLDER
  # The scanner gets the image as a file: neither the login nor Docker's socket.
  docker save --output "$work/image.tar" "$image"
  docker run --rm --volume "$work/image.tar:/image.tar:ro" "$SCANNER" \\
    image --input /image.tar --scanners vuln --ignore-unfixed --severity "$SEVERITY" --exit-code 1
  docker push "$image"
}"""

# No package is installed by its bare name: anybody could own that name in a public index.
FIND_WIZARD = """\
# airflow-wizard of the runner, or from the wheel (a file or an address) that WIZARD_PACKAGE names.
find_wizard() {
  if ! command -v airflow-wizard >/dev/null; then
    python3 -m venv "$work/venv" || return
    "$work/venv/bin/pip" install --quiet "${WIZARD_PACKAGE:?}" >&2 || return
    PATH=$work/venv/bin:$PATH
  fi
}"""

_DEPLOY = """\
deploy() {
FIND  new=$(tag)
  git fetch --quiet origin BRANCH
  git checkout --quiet -B BRANCH FETCH_HEAD
  if [ "$(tag)" != "$new" ]; then
    echo 'a newer commit changes the image; its own job deploys it' >&2
    return 0
  fi
  request=airflow-image-INSTALLATION-$new
  if git ls-remote --exit-code --heads origin "$request" >/dev/null; then
    echo "branch $request exists" >&2
    return 0
  fi
  old=$(sed -n 's/^    tag: "\\{0,1\\}\\([^"]*\\)"\\{0,1\\}$/\\1/p' TAGGED)
  before=$(git rev-parse HEAD)
  git config user.name >/dev/null || git config user.name airflow-image
  git config user.email >/dev/null || git config user.email airflow-image@localhost
CHANGE
  if [ "$(git rev-parse HEAD)" = "$before" ]; then
    return 0
  fi
  lines - "$old" >"$work/removed"
  lines + "$new" >"$work/added"
  if ! cmp -s "$work/removed" "$work/added"; then
    echo 'the commit would change more than the tag: commit the plan of the wizard first' >&2
    return 1
  fi
PUBLISH
}

# The removed or added lines of the commit, with a word in the place of the tag.
lines() {
  git diff --unified=0 "$before" HEAD |
    sed -n "/^$1$1$1 /d; s/^[$1]//p" |
    sed "s/$(printf %s "$2" | sed 's/[.]/[.]/g')/TAG/g" | sort
}"""

# The answers have the tag, and the wizard's commit has all files that follow.
_SET_TAG = """\
  airflow-wizard set ABOUT --branch "$request" --yes "installation.image.tag=$new\""""
# The tag is in a values file that only this job changes.
_WRITE_TAG = """\
  if [ -z "$old" ]; then
    echo 'TAGGED has no line with the tag below images.airflow' >&2
    return 1
  fi
  sed "s/^    tag: .*/    tag: \\"$new\\"/" TAGGED >"$work/values"
  git checkout --quiet -B "$request"
  cat "$work/values" >TAGGED
  git diff --quiet -- TAGGED ||
    git commit --quiet --message "image: deploy $new" -- TAGGED"""

_PLAN = """\
plan() {
  find_wizard || return
  git fetch --quiet origin BRANCH || return
  git worktree add --quiet --force --detach "$work/target" FETCH_HEAD || return
  code=0
  echo 'Check of the changed files:'
  echo '```text'
  airflow-wizard check ABOUT --target BRANCH 2>&1 || code=$?
  echo '```'
  echo 'Plan of the changed answers for the branch BRANCH:'
  echo '```text'
  airflow-wizard plan ABOUT --target BRANCH --repo "$work/target"PREFIX \\
    --answers ANSWERS 2>&1 || code=$?
  echo '```'
  git worktree remove --force "$work/target"
  return "$code"
}"""

_ID_TOKEN = {
    "github": """\
# A token of GitHub that says which job this is; it is valid for minutes.
id_token() {
  printf 'header = "Authorization: bearer %s"\\n' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
    curl --fail --silent --show-error --config - \\
      "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=AUDIENCE" |
    sed -n 's/.*"value" *: *"\\([^"]*\\)".*/\\1/p'
}""",
    "gitlab": """\
# A token of GitLab that says which job this is; it is valid for the job.
id_token() {
  printf %s "$ID_TOKEN"
}""",
    "azure": "",
}

_PUBLISH = {
    "github": """\
git push --quiet origin "$request"
  gh pr create --fill --base BRANCH --head "$request\"""",
    "gitlab": """\
git -c credential.helper= -c "credential.helper=$HELPER" \\
    push --quiet --push-option merge_request.create \\
    --push-option merge_request.target=BRANCH \\
    "$CI_PROJECT_URL.git" "$request\"""",
    "azure": """\
git push --quiet origin "$request"
  az repos pr create --detect true --output none --title "Airflow: image $new" \\
    --source-branch "$request" --target-branch BRANCH""",
}
# git runs the helper, so that the token is in no argument and in no file.
_HELPER = {
    "gitlab": """\
HELPER='!f() { echo username=airflow-image; echo "password=$PUSH_TOKEN"; }; f'""",
}

COMMENT = {
    "github": 'gh pr comment "$PULL_REQUEST" --body-file "$1"',
    "gitlab": """\
printf 'header = "PRIVATE-TOKEN: %s"\\n' "$PUSH_TOKEN" |
    curl --fail --silent --show-error --output /dev/null --config - --data-urlencode "body@$1" \\
      "$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes\"""",
    "azure": """\
python3 -c 'import json, sys
print(json.dumps({"comments": [{"content": sys.stdin.read(), "commentType": 1}], "status": 4}))' \\
    <"$1" >"$work/comment.json"
  url=$SYSTEM_COLLECTIONURI$SYSTEM_TEAMPROJECTID/_apis/git/repositories/$BUILD_REPOSITORY_ID
  printf 'header = "Authorization: Bearer %s"\\n' "$SYSTEM_ACCESSTOKEN" |
    curl --fail --silent --show-error --output /dev/null --config - \\
      --header 'Content-Type: application/json' --data "@$work/comment.json" \\
      "$url/pullRequests/$SYSTEM_PULLREQUEST_PULLREQUESTID/threads?api-version=7.1\"""",
}

GATE = """\
# The plan as a comment of the merge request, and the result as that of the job.
gate() {
  code=0
  plan >"$work/plan.md" || code=$?
  cat "$work/plan.md"
  comment "$work/plan.md" || echo 'the comment was not posted: read the plan above' >&2
  return "$code"
}"""

_RUN = """\
case ${1:-} in
  login | build | deploy | gate | plan) "$1" ;;
  *)
    echo 'usage: sh build.sh login|build|deploy|gate|plan' >&2
    exit 64
    ;;
esac"""

_START = """\
SCANNER=${SCANNER:-SCAN}
SEVERITY=${SEVERITY:-CRITICAL}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(git rev-parse --show-toplevel)"INSIDE"""


def find_scanner(release: Release) -> Image:
    """Return the image of the scanner."""
    return use_public_image(_SCANNER, f"{release.paths.image}/build.sh", release)


def render_script(release: Release, image: ImageBuild, login: RegistryLogin, forge: Forge) -> str:
    """Return the script: `login`, `build`, `deploy`, and for merge requests `gate` and `plan`."""
    inside = "" if release.prefix in {"", "."} else f"/{quote(release.prefix)}"
    about = f"--installation {quote(release.installation)}"
    helper = _HELPER.get(forge, "")
    publish = f"  {helper}\n  {_PUBLISH[forge]}" if helper else f"  {_PUBLISH[forge]}"
    token = _ID_TOKEN[forge].replace("AUDIENCE", login.audience) if login.audience else ""
    commands = "\n".join(f"  {line}" for line in login.commands.splitlines())
    change = _WRITE_TAG if release.image_values else _SET_TAG
    find = "" if release.image_values else "  find_wizard\n"
    deploy = _DEPLOY.replace("PUBLISH", publish).replace("CHANGE", change).replace("FIND", find)
    words = {
        "VERSION": release.airflow_version,
        "REPOSITORY": quote(image.repository),
        "INSTALLATION": release.installation,
        "FOLDER": quote(release.paths.image),
        "BRANCH": quote(release.branch),
        "ANSWERS": quote(release.paths.answers),
        "TAGGED": quote(release.image_values or release.paths.answers),
        "PREFIX": inside,
        "INSIDE": inside,
        "ABOUT": about,
        "SCAN": find_scanner(release).name,
    }
    build = _BUILD.replace("LOCK", _LOCK if image.tool == "uv" else "")
    parts = (_TAG, token, f"login() {{\n{commands}\n}}", build, FIND_WIZARD, deploy, _PLAN)
    comments = f"comment() {{\n  {COMMENT[forge]}\n}}"
    text = comment(
        f"CI of the image of Airflow installation {release.installation}. Commands:",
        "  login    log in to the registry with the identity of the job",
        "  build    build, scan and push the image of this commit, if the registry lacks it",
        "  deploy   request a merge that changes only the tag",
        "  gate     check and plan a merge request, and post the result as a comment",
        "  plan     the same as text",
    )
    return script(
        text,
        _fill(_START, words),
        *(_fill(part, words) for part in parts if part),
        comments,
        GATE,
        _RUN,
    )


def _fill(text: str, words: dict[str, str]) -> str:
    """Return the text with each word replaced; a value is never searched for words."""
    return _WORD(lambda found: words.get(found[0], found[0]), text)
