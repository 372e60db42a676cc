"""What stands committed of an installation: its answers, and the host keys that count from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError
from wizard.git.trailer import format_trailer
from wizard.plan.merge_base import STATE_DIR, state_folder

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.hostkeys.verdict import KnownHost


def list_installations(repository: WorkTree) -> tuple[str, ...]:
    """Names of the installations that are committed below the repository's top."""
    parts = [path.split("/") for path in repository.head_tree(STATE_DIR)]
    found = (part[1] for part in parts if len(part) == 3 and part[2] == "answers.yaml")
    return tuple(sorted(found))


def list_prefixes(repository: WorkTree) -> list[str]:
    """Folders of the whole work tree below which installations are committed; "" is its top."""
    whole = repository.with_prefix("") if repository.prefix else repository
    tree = whole.head_tree()
    found = re.findall(
        rf"^(.*/|){re.escape(STATE_DIR)}/[^/\n]+/answers\.yaml$", "\n".join(tree), re.M
    )
    return sorted({folder.rstrip("/") for folder in found})


def list_installation_folders(repository: WorkTree) -> list[str]:
    """The same as absolute paths, as --repo takes them."""
    return [str(repository.root / prefix) for prefix in list_prefixes(repository)]


def list_drafts(repository: WorkTree) -> list[str]:
    """Answers files that were written into the work tree and are not committed."""
    committed = {f"{state_folder(name)}/answers.yaml" for name in list_installations(repository)}
    found = (repository.top / STATE_DIR).glob("*/answers.yaml")
    return sorted(
        str(path)
        for path in found
        if path.relative_to(repository.top).as_posix() not in committed and path.is_file()
    )


def other_installations_hint(repository: WorkTree) -> str:
    """Where else installations are, committed or only written, as the end of a hint."""
    own = str(repository.root / repository.prefix)
    there = [folder for folder in list_installation_folders(repository) if folder != own]
    written = list_drafts(repository)
    hint = f"; installations are in {', '.join(there)} (--repo)" if there else ""
    if written:
        hint += f"; {', '.join(written)} is not committed: commit it, or give it as --answers"
    return hint


def read_committed_answers(
    repository: WorkTree, name: str, commit: str | None
) -> dict[str, Any] | None:
    """The raw answers of an installation in a commit (None: HEAD's); None without any.

    Raises AnswersError when they cannot be read.
    """
    from wizard.answers.files import parse_answers

    path = f"{state_folder(name)}/answers.yaml"
    data = repository.read(path, commit)
    if data is None:
        return None
    try:
        return parse_answers(data.decode("utf-8"), path)
    except UnicodeDecodeError:
        raise AnswersError(f"{path}: is not UTF-8 text") from None


def target_branch(data: Mapping[str, Any] | None) -> str:
    """The target branch that raw answers name."""
    from wizard.answers.questions import field_spec
    from wizard.formats.nested import get_value

    branch = get_value(
        data or {}, ("repository", "branch"), field_spec("repository.branch").default
    )
    return branch if isinstance(branch, str) else ""


def select_rendered_entries(
    data: Mapping[str, Any] | None, base: Mapping[str, bytes]
) -> tuple[KnownHost, ...]:
    """The host keys of raw answers that the last rendering (`base`) wrote too.

    An entry that somebody added to the answers by hand and committed is no evidence.
    """
    from wizard.workspace.host_keys import committed_entries

    return tuple(
        entry
        for entry in committed_entries(data)
        if entry.key and any(entry.key.encode() in written for written in base.values())
    )


def has_plan_trailer(repository: WorkTree, digest: str) -> bool:
    """Whether a commit below HEAD carries this plan's trailer, also inside a squashed message.

    The digest covers contents, so the plan of an older commit counts again once it is restored.
    """
    wanted = ("--fixed-strings", f"--grep={format_trailer(digest)}", "--max-count=1", "--format=%H")
    found = repository.git.read("log", *wanted, "HEAD", "--", ok=(0, 128))
    return found.code == 0 and bool(found.text)


_VERSIONS = 200


def was_committed(repository: WorkTree, path: str, same: Callable[[str], bool]) -> bool:
    """Whether one of the last versions of a file, as HEAD's history has them, is the same."""
    commits = repository.git.read(
        "log",
        "--format=%H",
        f"-n{_VERSIONS}",
        "HEAD",
        "--",
        repository.full_path(path),
        ok=(0, 128),
    ).text.split()
    found = repository.objects([f"{commit}:{repository.full_path(path)}" for commit in commits])
    texts = {data.decode("utf-8", "replace") for kind, data in filter(None, found) if kind}
    return any(same(text) for text in texts)
