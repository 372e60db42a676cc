"""What stands committed of an installation: its answers, and the host keys that count from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError
from wizard.git.trailer import trailer
from wizard.plan.merge_base import STATE, state_folder

if TYPE_CHECKING:
    from wizard.git.repository import Repository
    from wizard.hostkeys.verdict import Entry


def installations(repository: Repository) -> tuple[str, ...]:
    """Names of the installations that are committed below the repository's top."""
    parts = [path.split("/") for path in repository.head_tree(STATE)]
    found = (part[1] for part in parts if len(part) == 3 and part[2] == "answers.yaml")
    return tuple(sorted(found))


def prefixes(repository: Repository) -> list[str]:
    """Folders of the whole work tree below which installations are committed; "" is its top."""
    whole = repository.at("") if repository.prefix else repository
    tree = whole.head_tree()
    found = re.findall(rf"^(.*/|){re.escape(STATE)}/[^/\n]+/answers\.yaml$", "\n".join(tree), re.M)
    return sorted({folder.rstrip("/") for folder in found})


def folders(repository: Repository) -> list[str]:
    """The same as absolute paths, as --repo takes them."""
    return [str(repository.root / prefix) for prefix in prefixes(repository)]


def drafts(repository: Repository) -> list[str]:
    """Answers files that were written into the work tree and are not committed."""
    committed = {f"{state_folder(name)}/answers.yaml" for name in installations(repository)}
    found = (repository.top / STATE).glob("*/answers.yaml")
    return sorted(
        str(path)
        for path in found
        if path.relative_to(repository.top).as_posix() not in committed and path.is_file()
    )


def elsewhere(repository: Repository) -> str:
    """Where else installations are, committed or only written, as the end of a hint."""
    own = str(repository.root / repository.prefix)
    there = [folder for folder in folders(repository) if folder != own]
    written = drafts(repository)
    hint = f"; installations are in {', '.join(there)} (--repo)" if there else ""
    if written:
        hint += f"; {', '.join(written)} is not committed: commit it, or give it as --answers"
    return hint


def answers(repository: Repository, name: str, commit: str | None) -> dict[str, Any] | None:
    """The raw answers of an installation in a commit (None: HEAD's); None without any.

    Raises AnswersError when they cannot be read.
    """
    from wizard.answers.files import load_text

    path = f"{state_folder(name)}/answers.yaml"
    data = repository.read(path, commit)
    if data is None:
        return None
    try:
        return load_text(data.decode("utf-8"), path)
    except UnicodeDecodeError:
        raise AnswersError(f"{path}: is not UTF-8 text") from None


def target_branch(data: Mapping[str, Any] | None) -> str:
    """The target branch that raw answers name."""
    from wizard.answers.questions import spec
    from wizard.formats.nested import get

    branch = get(data or {}, ("repository", "branch"), spec("repository.branch").default)
    return branch if isinstance(branch, str) else ""


def entries(data: Mapping[str, Any] | None, base: Mapping[str, bytes]) -> tuple[Entry, ...]:
    """The host keys of raw answers that the last rendering (`base`) wrote too.

    An entry that somebody added to the answers by hand and committed is no evidence.
    """
    from wizard.workspace.host_keys import committed_entries

    return tuple(
        entry
        for entry in committed_entries(data)
        if entry.key and any(entry.key.encode() in written for written in base.values())
    )


def was_shown(repository: Repository, digest: str) -> bool:
    """Whether a commit below HEAD carries this plan's trailer, also inside a squashed message.

    The digest covers contents, so the plan of an older commit counts again once it is restored.
    """
    wanted = ("--fixed-strings", f"--grep={trailer(digest)}", "--max-count=1", "--format=%H")
    found = repository.git.read("log", *wanted, "HEAD", "--", ok=(0, 128))
    return found.code == 0 and bool(found.text)


_VERSIONS = 200


def was_committed(repository: Repository, path: str, same: Callable[[str], bool]) -> bool:
    """Whether one of the last versions of a file, as HEAD's history has them, is the same."""
    commits = repository.git.read(
        "log", "--format=%H", f"-n{_VERSIONS}", "HEAD", "--", repository.full(path), ok=(0, 128)
    ).text.split()
    found = repository.objects([f"{commit}:{repository.full(path)}" for commit in commits])
    texts = {data.decode("utf-8", "replace") for kind, data in filter(None, found) if kind}
    return any(same(text) for text in texts)
