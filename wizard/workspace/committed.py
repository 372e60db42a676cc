"""Reads the committed files of an installation: its answers and their verified host keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError
from wizard.formats.terminal import format_first
from wizard.git.trailer import format_trailer
from wizard.plan.merge_base import STATE_DIR, base_path, state_folder

if TYPE_CHECKING:
    from wizard.git.repository import WorkTree
    from wizard.hostkeys.verdict import KnownHost


def list_installations(repository: WorkTree) -> tuple[str, ...]:
    """Return the names of the installations committed below the repository's folder."""
    parts = [path.split("/") for path in repository.head_tree(STATE_DIR)]
    found = (part[1] for part in parts if len(part) == 3 and part[2] == "answers.yaml")
    return tuple(sorted(found))


def list_prefixes(repository: WorkTree) -> list[str]:
    """Return all folders of the work tree with committed installations; "" is the top folder."""
    whole = repository.with_prefix("") if repository.prefix else repository
    tree = whole.head_tree()
    found = re.findall(
        rf"^(.*/|){re.escape(STATE_DIR)}/[^/\n]+/answers\.yaml$", "\n".join(tree), re.M
    )
    return sorted({folder.rstrip("/") for folder in found})


def list_installation_folders(repository: WorkTree) -> list[str]:
    """Return the folders of `list_prefixes` as absolute paths, for --repo."""
    return [str(repository.root / prefix) for prefix in list_prefixes(repository)]


def list_drafts(repository: WorkTree) -> list[str]:
    """Return the answers files in the work tree that are not committed."""
    committed = {f"{state_folder(name)}/answers.yaml" for name in list_installations(repository)}
    found = (repository.top / STATE_DIR).glob("*/answers.yaml")
    return sorted(
        str(path)
        for path in found
        if path.relative_to(repository.top).as_posix() not in committed and path.is_file()
    )


def other_installations_hint(repository: WorkTree) -> str:
    """Return where other installations and uncommitted answers are, as the end of a hint."""
    own = str(repository.root / repository.prefix)
    folders = [folder for folder in list_installation_folders(repository) if folder != own]
    written = list_drafts(repository)
    hint = f"; installations are in {format_first(folders)} (--repo)" if folders else ""
    if written:
        verb, it = ("is", "it") if len(written) == 1 else ("are", "one")
        shown = format_first(written)
        hint += f"; {shown} {verb} not committed: commit it, or give {it} as --answers"
    return hint


def read_committed_answers(
    repository: WorkTree, name: str, commit: str | None
) -> dict[str, Any] | None:
    """Return the raw answers of an installation in a commit (None: HEAD); None if missing.

    Raises AnswersError when they cannot be read.
    """
    from wizard.answers.files import parse_answers

    path = f"{state_folder(name)}/answers.yaml"
    data = repository.read(path, commit)
    if data is None:
        return None
    restore = f"correct the file, or restore an earlier version (`git log -p -- {path}`); commit it"
    try:
        return parse_answers(data.decode("utf-8"), path)
    except UnicodeDecodeError:
        raise AnswersError(f"{path}: is not UTF-8 text", hint=restore) from None
    except AnswersError as error:
        raise AnswersError(error.message, error.problems, error.fix or restore) from None


def read_named_branch(repository: WorkTree, name: str, commit: str) -> str:
    """Return the branch that an installation's answers in a commit name; empty if there is none."""
    from wizard.answers.questions import field_spec
    from wizard.formats.nested import get_value

    try:
        data = read_committed_answers(repository, name, commit)
    except AnswersError:
        return ""
    if data is None:
        return ""
    branch = get_value(data, ("repository", "branch"), field_spec("repository.branch").default)
    return branch if isinstance(branch, str) else ""


def select_rendered_entries(
    data: Mapping[str, Any] | None, base: Mapping[str, bytes], name: str
) -> tuple[KnownHost, ...]:
    """Return those host keys of raw answers that the last rendering has as known_hosts lines too.

    `base` are the committed files of the merge base. A key that was only added to the answers by
    hand and committed does not count as verified; a key anywhere else in a rendered file (in a
    comment, in another value) is not in known_hosts, so it does not count either.
    """
    from wizard.workspace.git_hosts import list_committed

    written = frozenset(read_rendered_known_hosts(name, base))
    return tuple(
        entry for repo, entry in list_committed(data) if _known_hosts_line(entry, repo) in written
    )


def _known_hosts_line(entry: KnownHost, repo: str) -> str | None:
    """Return the line that the wizard renders for an entry; None without a key and a host."""
    from wizard.formats.addresses import parse_git_url
    from wizard.hostkeys.keys import HostKey

    try:
        location = parse_git_url(repo)
        return HostKey(entry.type, entry.key).known_hosts_line(location.host, location.port)
    except ValueError:
        return None


def read_rendered_known_hosts(name: str, base: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the known_hosts lines of an installation's last rendering, from its merge base.

    They are in the Helm values of git-sync, in the ConfigMap of a DAG bundle, and in a file of the
    delivery.
    """
    from wizard.deliveries.registry import delivery_kinds
    from wizard.formats.nested import get_value
    from wizard.formats.yaml_reader import read_yaml
    from wizard.manifests.git_sync import KNOWN_HOSTS_KEY, KNOWN_HOSTS_LOGICAL

    places = (
        ("values", ("dags", "gitSync", "knownHosts")),
        (KNOWN_HOSTS_LOGICAL, ("data", KNOWN_HOSTS_KEY)),
    )
    for own in {kind.known_hosts for kind in delivery_kinds()} - {""}:
        file = base.get(base_path(name, own), b"")
        yield from file.decode("utf-8", "replace").split("\n")
    for logical, where in places:
        found = base.get(base_path(name, logical))
        if found is None:
            continue
        try:
            text = get_value(read_yaml(found.decode(), logical), where)
        except (UnicodeDecodeError, AnswersError):
            continue
        if isinstance(text, str):
            yield from text.split("\n")


def has_plan_trailer(repository: WorkTree, digest: str) -> bool:
    """Return whether HEAD or an earlier commit has this plan's trailer, even in a squashed message.

    The digest depends on the contents only, so an older plan counts again once its files are
    restored.
    """
    wanted = ("--fixed-strings", f"--grep={format_trailer(digest)}", "--max-count=1", "--format=%H")
    found = repository.git.read("log", *wanted, "HEAD", "--", ok=(0, 128))
    return found.code == 0 and bool(found.text)


_VERSIONS = 200


def was_committed(repository: WorkTree, path: str, same: Callable[[str], bool]) -> bool:
    """Return whether `same` is true for one of the last 200 versions of a file up to HEAD."""
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
