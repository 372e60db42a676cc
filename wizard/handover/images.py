"""The script that copies all images of an installation into its registry, where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.images import split_reference
from wizard.formats.shell import Files, comment, here_document, quote, script
from wizard.manifests.images import list_copied_images

if TYPE_CHECKING:
    from wizard.chart.images import Image
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

_TOOL = """\
registry=REGISTRY
tool=${TOOL:-}
for one in skopeo crane; do
  if [ -z "$tool" ] && command -v "$one" >/dev/null; then
    tool=$one
  fi
done
case $tool in
  '' | skopeo | crane | az) ;;
  *)
    echo 'TOOL must be skopeo, crane or az' >&2
    exit 64
    ;;
esac
need() {
  command -v "$1" >/dev/null && return
  echo "$1 is not installed$2" >&2
  exit 69
}"""

# A digest is that of the whole index, so that it is the same in every registry.
_DIGEST = """\
# digest IMAGE: prints the digest; nothing if the registry does not have the image.
digest() {
  case $tool in
    skopeo)
      if skopeo inspect --raw "docker://$1" >"$work/manifest" 2>"$work/error"; then
        skopeo manifest-digest "$work/manifest"
        return
      fi
      ;;
    crane)
      if crane digest "$1" 2>"$work/error"; then
        return
      fi
      ;;
    az)
      case $1 in
        "$registry"/*) ;;
        *) return ;;
      esac
      if az acr repository show --name "${registry%%.*}" --image "${1#*/}" --query digest \\
        --output tsv 2>"$work/error"; then
        return
      fi
      ;;
  esac
  if grep -Eqi 'manifest.?unknown|name.?unknown|not.?found|no such|404' "$work/error"; then
    return
  fi
  cat "$work/error" >&2
  exit 69
}
transfer() {
  case $tool in
    skopeo) skopeo copy --all --preserve-digests "docker://$1" "docker://$2" ;;
    crane) crane copy "$1" "$2" ;;
    az) az acr import --name "${registry%%.*}" --source "$1" --image "${2#*/}" ;;
  esac
}"""

_LOOK = """\
# Looks at everything first. A copy that exists is never replaced: delete it to take a newer one.
look() {
  : >"$work/missing"
  while read -r source copy; do
    found=$(digest "$copy")
    wanted=$(digest "$source")
    if [ -z "$wanted" ] && [ "$tool" != az ]; then
      echo "$source does not exist" >&2
      exit 1
    elif [ -z "$found" ]; then
      echo "$source $copy" >>"$work/missing"
    elif [ -n "$wanted" ] && [ "$found" != "$wanted" ]; then
      echo "$copy exists and differs from $source; it is not replaced" >&2
    fi
  done <"$work/images"
}
copy() {
  need "${tool:-skopeo}" ', nor crane; az copies into a registry of Azure with TOOL=az'
  look
  while read -r source copy; do
    transfer "$source" "$copy" </dev/null
  done <"$work/missing"
  # What the registry has now; with digests, to compare or to pin.
  while read -r source copy; do
    found=$(digest "$copy")
    [ -n "$found" ] || { echo "$copy is not in the registry" >&2; exit 1; }
    echo "$copy@$found"
  done <"$work/images"
}"""

_FOLDER = """\
# Through a folder, for a registry that no machine with the Internet can reach.
save() {
  need skopeo ''
  mkdir -p "$1"
  number=0
  while read -r source copy; do
    number=$((number + 1))
    [ -e "$1/$number/manifest.json" ] ||
      skopeo copy --all --preserve-digests "docker://$source" "dir:$1/$number" </dev/null
    echo "$number $copy"
  done <"$work/images" >"$1/images.new"
  mv "$1/images.new" "$1/images.txt"
}
load() {
  need skopeo ''
  tool=skopeo
  [ -f "$1/images.txt" ] || { echo "$1/images.txt is missing: save was not finished" >&2; exit 1; }
  while read -r number copy; do
    found=$(digest "$copy")
    if [ -n "$found" ]; then
      echo "$copy exists; it is not replaced" >&2
    else
      skopeo copy --all --preserve-digests "dir:$1/$number" "docker://$copy" </dev/null
    fi
  done <"$1/images.txt"
}"""

_RUN = """\
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
images >"$work/images"
case ${1:-} in
  list) cat "$work/images" ;;
  copy) copy ;;
  save | load) "$1" "${2:?is the folder for the images}" ;;
  *)
    echo 'usage: sh mirror-images.sh list|copy|save FOLDER|load FOLDER' >&2
    exit 64
    ;;
esac"""


def render_files(release: Release, total: Contribution) -> Files:
    """Return `mirror-images.sh`; nothing without a registry of the installation's own.

    An image of one's own has no public source: its owner puts it there.
    """
    registry = release.image_registry
    if not registry:
        return {}
    images = list_copied_images(release, total)
    lines = "".join(" ".join(_name_both(one)) + "\n" for one in images if one.source)
    own = [one.name for one in images if not one.source]
    note = ["Not copied, because the answers name them in full:", *(f"  {one}" for one in own)]
    return {
        "mirror-images.sh": script(
            comment(
                f"Copies the public images of Airflow installation {release.installation} to",
                f"{registry}.",
                "Log in to it first: `skopeo login`, `crane auth login` or `az acr login`.",
                "  sh mirror-images.sh list          each image and its copy",
                "  sh mirror-images.sh copy          copy what the registry lacks; print digests",
                "  sh mirror-images.sh save FOLDER   on a machine with the Internet: to a folder",
                "  sh mirror-images.sh load FOLDER   on a machine with the registry: from it",
                "TOOL is skopeo, crane or, for a registry of Azure, az. You can run it again.",
                *(note if own else ()),
            ),
            f"images() {{\n{here_document('  cat', lines)}\n}}",
            _TOOL.replace("REGISTRY", quote(registry)),
            _DIGEST,
            _LOOK,
            _FOLDER,
            _RUN,
        )
    }


def _name_both(image: Image) -> tuple[str, str]:
    """Return the source by its digest if it has one, and the copy by its tag.

    The programs take no name with both; the copy keeps the digest.
    """
    repository, tail = split_reference(image.source)
    tag, at, digest = tail.partition("@")
    if not (tag and digest):
        return image.source, image.name
    return f"{repository}{at}{digest}", image.name.partition("@")[0]
