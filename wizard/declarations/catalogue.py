"""All readers in one place: `read_declarations`."""

from __future__ import annotations

from wizard.declarations.argocd import read_applications
from wizard.declarations.declaration import Declaration
from wizard.declarations.flux import read_helm_releases
from wizard.declarations.helmsman import read_desired_states
from wizard.declarations.kustomize import read_kustomizations
from wizard.declarations.tree import Tree
from wizard.declarations.value_files import read_value_files, read_wrapper_charts

# These name value files; the readers of files that nobody names come after them.
_READERS = (read_applications, read_helm_releases, read_desired_states, read_kustomizations)


def read_declarations(tree: Tree) -> tuple[Declaration, ...]:
    """Return every release of Apache's chart that the files declare, in a stable order.

    Each value file counts once: as part of what names it, else on its own. Raises nothing,
    whatever the files contain.
    """
    found = [one for read in _READERS for one in read(tree) if one.is_airflow]
    for read_rest in (read_wrapper_charts, read_value_files):
        used = {path for one in found for path in one.found.files}
        found += list(read_rest(tree, used))
    return tuple(found)
