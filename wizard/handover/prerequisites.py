"""The script that looks at the programs which an installation needs, and installs missing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.shell import Files, comment, quote, script
from wizard.manifests.prerequisites import helm_arguments
from wizard.systems.cluster.handover import HUB_FUNCTION, render_cluster

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.prerequisites import Prerequisite
    from wizard.manifests.release import Release

_LOOK = """\
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
missing= wrong= left=

# Every workload: its name, ready and wanted pods, images. Empty without the right to list them.
workloads() {
  pods='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.readyReplicas} '
  pods="$pods"'{.spec.replicas} {.spec.template.spec.containers[*].image}{"\\n"}{end}'
  "$1" get deployments.apps,statefulsets.apps --all-namespaces -o "jsonpath=$pods" 2>/dev/null || :
}

# look ID TITLE CLUSTER API KINDS IMAGE: says whether the cluster serves the kinds, which version
# runs, and whether it is ready.
look() {
  if [ -n "$4" ]; then
    "$3" get --raw "/apis/$4" >"$work/api" 2>/dev/null || : >"$work/api"
    for kind in $5; do
      if ! grep -q "\\"kind\\": *\\"$kind\\"" "$work/api"; then
        echo "missing: $2 ($4 $kind)"
        missing="$missing $1"
        return
      fi
    done
  fi
  found=
  while read -r name ready wanted images; do
    case $wanted in
      *[!0-9]* | '') images="$wanted $images" wanted=$ready ready=0 ;;
    esac
    for image in $images; do
      repository=${image%%@*}
      case ${repository%:*} in
        *"$6") ;;
        *) continue ;;
      esac
      found=yes
      if [ "$ready" -lt "$wanted" ]; then
        echo "not ready: $2, $name has $ready of $wanted pods ($image)"
        left=yes
      else
        echo "ready: $2, $name ($image)"
      fi
      break
    done
  done <"$work/$3"
  if [ -z "$found" ] && [ -n "$4" ]; then
    echo "exists: $2 (its pods were not found)"
  elif [ -z "$found" ]; then
    echo "missing: $2"
    missing="$missing $1"
  fi
}"""
_OBJECT = """\
look_object() {
  if "$2" get "$3" "$4" -o name >/dev/null 2>&1; then
    echo "exists: $1 $4"
  else
    echo "missing: $1 $4, which you must create"
    left=yes
  fi
}"""
_CLASS = """\
# The class decides which controller serves the Ingress; without a name, the cluster's default.
look_class() {
  name='{range .items[*]}{.metadata.name} '
  name="$name"'{.metadata.annotations.ingressclass\\.kubernetes\\.io/is-default-class}{"\\n"}{end}'
  "$3" get ingressclasses.networking.k8s.io -o "jsonpath=$name" >"$work/classes"
  if grep -q "^$4 $5" "$work/classes"; then
    echo "exists: $2"
  else
    echo "missing: $2"
    missing="$missing $1"
  fi
}"""
_UNUSED = """\
# A release or a namespace in the way belongs to somebody: nothing is installed over it.
unused() {
  if helm status "$2" --namespace "$3" CONTEXT >/dev/null 2>&1; then
    echo "release $2 in namespace $3 exists, but does not serve what is needed" >&2
    wrong=yes
  fi
}"""
_MANIFEST = """\
unused_manifest() {
  found=$("$1" get deployment "$2" --namespace "$3" --ignore-not-found -o name)
  if [ -n "$found" ]; then
    echo "$found in namespace $3 exists, but does not serve what is needed" >&2
    wrong=yes
  fi
}"""
_RUN = """\
look_all() {
  missing= wrong= left=
LOOKS
}
is_missing() {
  case "$missing " in
    *" $1 "*) return 0 ;;
    *) return 1 ;;
  esac
}
list_all() {
CLUSTERS
}
list_all
case ${1:-look} in
  look) look_all ;;
  install)
    look_all
UNUSED
    [ -z "$wrong" ] || exit 5
    if [ -n "$missing" ]; then
INSTALLS
      list_all
      look_all
    fi
    ;;
  *)
    echo 'usage: sh prerequisites.sh [look|install]' >&2
    exit 64
    ;;
esac
[ -z "$missing$left" ] || exit 1"""
_CONTEXT = '${KUBE_CONTEXT:+"--kube-context=$KUBE_CONTEXT"}'


def render_files(answers: Answers, release: Release) -> Files:
    """Return `prerequisites.sh`; nothing if the installation needs no program."""
    needed = release.prerequisites
    if not needed:
        return {}
    hub = any(one.hub for one in needed)
    looks = [line for one in needed for line in _look(one)]
    words = {
        "LOOKS": _indent(looks, 2),
        "UNUSED": _indent([line for one in needed for line in _look_for_others(one)], 4),
        "INSTALLS": _indent([line for one in needed for line in _install(one)], 6),
    }
    functions = ["cluster", *(["argo"] if hub else [])]
    clusters = [
        line
        for one in functions
        for line in (f"{one} get --raw /version >/dev/null", f'workloads {one} >"$work/{one}"')
    ]
    run = _RUN.replace("CLUSTERS", _indent(clusters, 2))
    for word, text in words.items():
        run = run.replace(word, text)
    notes = [f"  {one.title}: {one.note}" for one in needed if one.note]
    return {
        "prerequisites.sh": script(
            comment(
                f"What Airflow installation {release.installation} needs in the cluster first.",
                "  sh prerequisites.sh           look, and change nothing",
                "  sh prerequisites.sh install   install what is missing, in these versions (needs",
                "                                helm); what exists is never changed",
                *(f"  {one.title} {one.version}" for one in needed if one.source),
                *(["Not installed by this script:", *notes] if notes else []),
                *(_describe_registry(release.image_registry) if release.image_registry else ()),
            ),
            render_cluster(answers),
            HUB_FUNCTION if hub else "",
            _LOOK,
            _OBJECT if any(one.needs for one in needed) else "",
            _CLASS if any(one.ingress_class is not None for one in needed) else "",
            _UNUSED.replace("CONTEXT", _CONTEXT) if any(one.chart for one in needed) else "",
            _MANIFEST if hub else "",
            run,
        )
    }


def _describe_registry(registry: str) -> tuple[str, ...]:
    return (
        f"Images come from {registry}, where mirror-images.sh puts them; charts and",
        "manifests from the addresses below, so run this where they can be reached.",
    )


def _function(one: Prerequisite) -> str:
    return "argo" if one.hub else "cluster"


def _look(one: Prerequisite) -> list[str]:
    start = [one.id, one.title, _function(one)]
    if one.ingress_class is not None:
        name = one.ingress_class.replace(".", "\\.") or "[^ ]*"
        words = ["look_class", *start, name, "" if one.ingress_class else "true"]
    else:
        words = ["look", *start, one.api, " ".join(one.kinds), one.image or "-"]
    lines = [" ".join(map(quote, words))]
    if one.needs:
        title, resource, name = one.needs
        lines.append(" ".join(map(quote, ["look_object", title, start[2], resource, name])))
    return lines


def _look_for_others(one: Prerequisite) -> list[str]:
    """Return the line that finds objects of others in the way, if the program is missing."""
    if one.chart:
        words = ["unused", one.id, one.chart, one.namespace]
    elif one.source:
        words = ["unused_manifest", _function(one), "argocd-server", one.namespace]
    else:
        return []
    return [f"! is_missing {one.id} || {' '.join(map(quote, words))}"]


def _install(one: Prerequisite) -> list[str]:
    """Return the lines that install the program if it is missing."""
    if one.chart:
        commands = [f"helm {helm_arguments(one)} {_CONTEXT}"]
    elif one.source:
        function, space = _function(one), quote(one.namespace)
        wait = "rollout status deployment,statefulset --timeout=10m"
        source = f"--filename {quote(one.source)}"
        apply = f"{function} apply --server-side --namespace {space}"
        if one.copies:
            # Without its source, the manifest gives kubectl nothing to apply, which is an error.
            words = [f"-e {quote(f's#{public}#{copy}#g')}" for public, copy in one.copies]
            read = f"{function} create --dry-run=client --output yaml --namespace {space} {source}"
            apply = f"{read} |\n    sed {' '.join(words)} |\n    {apply}"
            source = "--filename -"
        commands = [
            f'[ -n "$({function} get namespace {space} --ignore-not-found -o name)" ] ||',
            f"  {function} create namespace {space}",
            f"{apply} {source}",
            f"{function} --namespace {space} {wait}",
        ]
    else:
        return []
    return [f"if is_missing {one.id}; then", *(f"  {line}" for line in commands), "fi"]


def _indent(lines: list[str], columns: int) -> str:
    return "\n".join(f"{' ' * columns}{line}" for line in lines) or f"{' ' * columns}:"
