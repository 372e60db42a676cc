"""Finds which files of the repository an installation owns: the paths that its answers lead to.

The index of the merge base is a file in the repository, and anyone can edit it. Only a path that
the committed answers render to is ever overwritten or deleted, whatever the index lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError
from wizard.git.paths import parent_folders
from wizard.plan.merge_base import index_path, state_folder

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree

AssetLoader = Callable[["Answers"], tuple["Answers", dict[str, str]]]


def render_paths(
    name: str, read: Callable[[], Mapping[str, Any] | None], load_assets: AssetLoader
) -> frozenset[str]:
    """Return the paths that raw answers lead to; none if they are not valid or not of `name`.

    `read` returns the answers, None without any, and may raise AnswersError.
    """
    from wizard.answers.files import require_valid_answers
    from wizard.answers.host_keys import parse_pasted_keys
    from wizard.plan.render import render

    try:
        data = read()
        if data is None:
            return frozenset()
        answers, _ = require_valid_answers(parse_pasted_keys(data))
        if answers.installation.name != name:
            return frozenset()
        answers = _as_if_verified(answers)
        try:
            answers, assets = load_assets(answers)
        except AnswersError:
            assets = {}
        return frozenset(render(answers, assets).tree)
    except AnswersError:
        return frozenset()


def _as_if_verified(answers: Answers) -> Answers:
    """Return answers whose readable host keys can be rendered: only the paths are of interest."""
    from wizard.hostkeys.keys import HostKey
    from wizard.hostkeys.verdict import Evidence, parse_host_key
    from wizard.workspace.git_hosts import list_git_hosts, with_accepted_keys

    accepted = {
        (one.host, one.port): [
            replace(entry, evidence=Evidence("fingerprint", key.fingerprint, "", ""))
            for entry in one.given
            if isinstance(key := parse_host_key(entry), HostKey)
        ]
        for one in list_git_hosts(answers)
    }
    return with_accepted_keys(answers, accepted)


def find_base_commit(repository: WorkTree, name: str) -> str | None:
    """Return the commit that last wrote the merge base; None if there is none."""
    path = f":(top,literal){repository.full_path(index_path(name))}"
    found = repository.git.read("log", "-1", "--format=%H", "HEAD", "--", path, ok=(0, 128))
    return found.text if found.code == 0 and found.text else None


def find_nested_paths(repository: WorkTree, name: str, paths: frozenset[str]) -> frozenset[str]:
    """Return those of the paths that are in a folder with its own installation of this name.

    Folder answers end in the installation's name, so they cannot lead to one of another name.
    """
    folders = sorted({folder for path in paths for folder in parent_folders(path)})
    places = {f"{folder}/{state_folder(name)}/answers.yaml": f"{folder}/" for folder in folders}
    held = repository.read_many(places)
    nested = tuple(folder for place, folder in places.items() if held[place] is not None)
    return frozenset(path for path in paths if path.startswith(nested))
