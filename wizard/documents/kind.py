"""The local kind cluster of document 004: its file, and the shell that makes its Secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.secrets.facts import Fact, Form, SecretSpec, Use
from wizard.tree import File
from wizard.yamltext import dump, quoted

if TYPE_CHECKING:
    from wizard.release import Release


def cluster_file(release: Release) -> File:
    """One node; enough for Airflow's pods on a laptop."""
    data: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": release.installation,
        "nodes": [{"role": "control-plane"}],
    }
    return File("kind-cluster", f"{release.paths.apps}/kind-cluster.yaml", dump(data))


_MAKERS = {
    Form.FERNET: "openssl rand -base64 32 | tr '+/' '-_'",
    Form.KEY: "openssl rand -hex 64",
    Form.PASSWORD: "openssl rand -hex 24",
}


def secret_commands(release: Release, secrets: tuple[SecretSpec, ...]) -> str:
    """Shell that makes every Secret once, with values that are safe in a URL and in YAML.

    Values stay in shell variables and on kubectl's standard input: never in argv, never in a
    file. A second run finds the first Secret and makes nothing.
    """
    facts: dict[str, Fact] = {}
    for secret in secrets:
        for fact in secret.facts:
            facts.setdefault(fact.key, fact)
    namespace, first = release.namespace, secrets[0].name
    lines = [
        f"if kubectl -n {namespace} get secret {first} >/dev/null 2>&1; then",
        '  echo "the Secrets are there already; nothing is made twice"',
        "else",
    ]
    lines += [f'  {fact.key}="$({_MAKERS[fact.form]})"' for fact in facts.values()]
    lines.append("  kubectl create -f - <<EOF")
    for secret in secrets:
        lines += ["apiVersion: v1", "kind: Secret"]
        lines.append(f"metadata: {{name: {secret.name}, namespace: {namespace}}}")
        lines.append("stringData:")
        lines += [f"  {key}: {_shell_text(parts)}" for key, parts in secret.keys.items()]
        lines.append("---")
    lines[-1] = "EOF"
    lines.append("fi")
    return "\n".join(lines)


def _shell_text(parts: tuple[str | Use, ...]) -> str:
    """A YAML string inside an unquoted here-document: only our variables expand."""
    text = []
    for part in parts:
        if isinstance(part, Use):
            text.append(f"${{{part.fact.key}}}")
        else:
            escaped = quoted(part)[1:-1]
            text.append(escaped.replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`"))
    return f'"{"".join(text)}"'
