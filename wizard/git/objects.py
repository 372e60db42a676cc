"""Reads commits, committed files and the index; runs nothing that the repository configures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wizard.errors import WizardError
from wizard.git.command import Git
from wizard.git.paths import path_problem

_CHUNK = 400
_BRANCHES = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Head:
    """The position of HEAD: its commit (None: no commit yet) and branch (empty: detached)."""

    commit: str | None
    branch: str


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One index entry: the flag of `ls-files -v`, the blob id and the merge stage."""

    flag: str
    blob: str
    stage: str


class GitObjects:
    """A work tree (`root`) and the folder in it that rendered paths are relative to (`prefix`).

    Every method takes and returns paths relative to `top`, which is `root` if there is no prefix.
    Paths relative to `root` are called full paths.
    """

    def __init__(
        self, root: Path, git_dir: Path, common_dir: Path, object_format: str, prefix: str = ""
    ) -> None:
        self.root = root
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.object_format = object_format
        self.prefix = prefix
        self.git = Git(root)

    @property
    def top(self) -> Path:
        """Return the folder that rendered paths are relative to."""
        return self.root / self.prefix

    @property
    def is_shallow(self) -> bool:
        """Whether this clone may lack commits of the history before its own."""
        # A git that does not know the option prints it.
        found = self.git.read("rev-parse", "--is-shallow-repository").text.strip()
        return found != "false"

    @property
    def path_prefix(self) -> str:
        """Return the prefix of a full path: empty, or `prefix` and a slash."""
        return f"{self.prefix}/" if self.prefix else ""

    def full_path(self, path: str) -> str:
        """Return a path relative to the work tree's root."""
        return self.path_prefix + path

    # Committed content

    @cached_property
    def head(self) -> Head:
        """Return HEAD as of the first call; after `refresh`, the next call reads HEAD again."""
        both = self.git.read(
            "rev-parse", "HEAD^{commit}", "--symbolic-full-name", "HEAD", ok=(0, 128)
        )
        if both.code:
            name = self.git.read("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).text
            return Head(None, name.removeprefix("refs/heads/"))
        commit, name = both.text.split("\n")
        return Head(commit, name.removeprefix("refs/heads/") if name != "HEAD" else "")

    def refresh(self) -> None:
        """Forget the cached HEAD."""
        self.__dict__.pop("head", None)

    def resolve(self, branch: str) -> str | None:
        """Return the commit of a local branch, None if it does not exist.

        A symbolic ref is followed. It is not a local branch if it leads out of the local branches.
        """
        ref = self.branch_ref(branch)
        return self.resolve_ref(ref) if ref.startswith(_BRANCHES) else None

    def resolve_ref(self, ref: str) -> str | None:
        """Return the commit of a full ref name, None if the ref or the commit does not exist."""
        name = f"{ref}^{{commit}}"
        return self.git.read("rev-parse", "--verify", "--quiet", name, ok=(0, 1, 128)).text or None

    def branch_ref(self, branch: str) -> str:
        """Return the full name of the ref where a local branch ends, with symbolic refs followed.

        `head.branch` is followed in the same way, so branches are compared by this name.
        """
        ref = f"{_BRANCHES}{branch}"
        if _is_plain_ref(self.common_dir / ref):
            return ref
        return self.git.read("symbolic-ref", "--quiet", ref, ok=(0, 1, 128)).text or ref

    def is_same_branch(self, one: str, other: str) -> bool:
        """Return whether two names lead to one local branch, by symbolic refs if necessary."""
        return one == other or self.branch_ref(one) == self.branch_ref(other)

    def objects(self, names: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """Return type and content of objects by name (`COMMIT:path`); None for missing objects."""
        if not names:
            return []
        data = self.git.read("cat-file", "--batch", stdin="".join(f"{n}\n" for n in names).encode())
        found: list[tuple[str, bytes] | None] = []
        at = 0
        for _ in names:
            end = data.out.index(b"\n", at)
            words = data.out[at:end].split(b" ")
            at = end + 1
            if words[-1] in {b"missing", b"submodule"} or not words[-1].isdigit():
                found.append(None)
                continue
            size = int(words[-1])
            found.append((words[-2].decode(), data.out[at : at + size]))
            at += size + 1
        return found

    def read_many(self, paths: Iterable[str], commit: str | None = None) -> dict[str, bytes | None]:
        """Return committed files at HEAD or a given commit; None for a path without a file."""
        wanted = list(paths)
        start = commit or self.head.commit
        if start is None:
            return dict.fromkeys(wanted)
        sound = [path for path in wanted if not path_problem(self.full_path(path))]
        blobs = self.objects([f"{start}:{self.full_path(path)}" for path in sound])
        found = dict(zip(sound, blobs, strict=True))
        self._require_absent(start, [path for path, blob in found.items() if blob is None])
        return {path: _blob_data(found.get(path)) for path in wanted}

    def _require_absent(self, commit: str, paths: Sequence[str]) -> None:
        """Raise WizardError if the commit has a file at one of these paths.

        The file's object is then missing from the clone (partial clone, damage).
        """
        for at in range(0, len(paths), _CHUNK):
            some = [self.full_path(path) for path in paths[at : at + _CHUNK]]
            listing = self.git.read("ls-tree", "-z", "--full-tree", commit, "--", *some).out
            blobs = [line for line in listing.split(b"\0") if line.startswith(b"100")]
            if blobs:
                name = blobs[0].partition(b"\t")[2].decode("utf-8", "surrogateescape")
                raise WizardError(
                    f"{name}: is in commit {commit[:12]}, but its content is missing in this clone",
                    "fetch it with your own git (`git fetch --refetch` completes a partial "
                    "clone); Airflow Wizard never fetches while it plans",
                )

    def read(self, path: str, commit: str | None = None) -> bytes | None:
        """Return the committed bytes of one file; see `read_many`."""
        return self.read_many([path], commit)[path]

    def head_tree(
        self, *folders: str, commit: str | None = None, links: bool = False
    ) -> dict[str, str]:
        """Return committed files below these folders (default: all of `top`): path -> blob id.

        Links and submodules are skipped, unless `links` is set. Compare ids with `blob_id`, not
        with `File.blob`.
        """
        start = commit or self.head.commit
        if start is None:
            return {}
        where = [self.full_path(folder).rstrip("/") + "/" for folder in folders]
        where = where or ([self.path_prefix] if self.path_prefix else [])
        listing = self.git.read("ls-tree", "-r", "-z", "--full-tree", start, "--", *where).out
        found = {}
        for line in listing.split(b"\0")[:-1]:
            facts, _, name = line.partition(b"\t")
            mode, _, blob = facts.split(b" ")
            if links or mode.startswith(b"100"):
                path = name.decode("utf-8", "surrogateescape")
                found[path.removeprefix(self.path_prefix)] = blob.decode()
        return found

    def describe_entries(self, paths: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Return mode and size in bytes of what is committed at these paths, if it is no folder."""
        start = self.head.commit
        found: dict[str, tuple[str, int]] = {}
        # ls-tree also lists the files of a folder if one of them is asked for.
        asked = set(paths)
        for at in range(0, len(paths) if start else 0, _CHUNK):
            some = [self.full_path(path) for path in paths[at : at + _CHUNK]]
            listing = self.git.read("ls-tree", "-l", "-z", "--full-tree", start or "", "--", *some)
            for line in listing.out.split(b"\0")[:-1]:
                facts, _, name = line.partition(b"\t")
                mode, kind, _, size = facts.split()
                path = name.decode("utf-8", "surrogateescape").removeprefix(self.path_prefix)
                if kind != b"tree" and path in asked:
                    found[path] = (mode.decode(), int(size) if size.isdigit() else 0)
        return found

    def find_text(self, *texts: str) -> list[str]:
        """Return the committed text files below `top` that contain all of these texts."""
        start = self.head.commit
        if start is None:
            return []
        where = ["--", f":(top,literal){self.prefix}"] if self.prefix else []
        options = ("-l", "-z", "-I", "-F", "--full-name", "--all-match")
        wanted = [part for text in texts for part in ("-e", text)]
        listed = self.git.read("grep", *options, *wanted, start, *where, ok=(0, 1)).out
        names = [one.partition(b":")[2] for one in listed.split(b"\0")[:-1]]
        paths = [name.decode("utf-8", "surrogateescape") for name in names]
        return [path.removeprefix(self.path_prefix) for path in paths]

    def list_links(self) -> dict[str, str]:
        """Return all committed symbolic links: path from the root of the work tree -> target."""
        start = self.head.commit
        if start is None:
            return {}
        listing = self.git.read("ls-tree", "-r", "-z", "--full-tree", start).out
        lines = [one for one in listing.split(b"\0")[:-1] if one.startswith(b"120000 ")]
        names = [one.partition(b"\t")[2].decode("utf-8", "surrogateescape") for one in lines]
        blobs = self.objects([one.split(b" ", 2)[2].partition(b"\t")[0].decode() for one in lines])
        return {
            name: blob[1].decode("utf-8", "surrogateescape")
            for name, blob in zip(names, blobs, strict=True)
            if blob
        }

    def read_under(self, *folders: str, commit: str | None = None) -> dict[str, bytes]:
        """Return the committed bytes of every file below these folders."""
        listed = self.head_tree(*folders, commit=commit)
        blobs = self.objects(list(listed.values()))
        self._require_absent(
            commit or self.head.commit or "",
            [path for path, blob in zip(listed, blobs, strict=True) if blob is None],
        )
        return {path: blob[1] for path, blob in zip(listed, blobs, strict=True) if blob}

    def blob_id(self, data: bytes) -> str:
        """Return the id of these bytes in this repository's object format."""
        return hashlib.new(
            self.object_format, b"blob %d\0" % len(data) + data, usedforsecurity=False
        ).hexdigest()

    @property
    def hash_bytes(self) -> int:
        """Return the length of an object id in a tree object, in bytes."""
        return 32 if self.object_format == "sha256" else 20

    def index(self, full_paths: Sequence[str]) -> dict[str, list[IndexEntry]]:
        """Return the index entries of paths relative to the root."""
        found: dict[str, list[IndexEntry]] = {}
        for at in range(0, len(full_paths), _CHUNK):
            some = [f":(top,literal){path}" for path in full_paths[at : at + _CHUNK]]
            for line in self.git.read("ls-files", "-v", "-s", "-z", "--", *some).out.split(b"\0"):
                facts, _, name = line.partition(b"\t")
                if name:
                    flag, _, blob, stage = facts.decode().split(" ")
                    path = name.decode("utf-8", "surrogateescape")
                    found.setdefault(path, []).append(IndexEntry(flag, blob, stage))
        return found

    def query_paths(self, full_paths: Sequence[str], *args: str) -> list[str]:
        """Return the NUL-separated output fields of a git command that reads paths from stdin."""
        if not full_paths:
            return []
        stdin = b"".join(path.encode() + b"\0" for path in full_paths)
        out = self.git.read(*args, stdin=stdin, ok=(0, 1)).out
        return out.decode("utf-8", "surrogateescape").split("\0")[:-1]

    def sparse_folders(self) -> list[str] | None:
        """Return the folders of a sparse checkout in cone mode, None without a sparse checkout."""
        settings = (
            self.git.read(
                "config", "--type=bool", "--get-regexp", r"^core\.sparsecheckout(cone)?$", ok=(0, 1)
            )
            .text.lower()
            .splitlines()
        )
        if not {"core.sparsecheckout true", "core.sparsecheckoutcone true"} <= set(settings):
            return None
        listed = self.git.read("sparse-checkout", "list").text
        return [line.strip("/") for line in listed.splitlines() if line.strip("/")]


def _is_plain_ref(file: Path) -> bool:
    """Return whether this is the file of a ref that is not symbolic, which saves a git command.

    A symbolic ref may also be a link. A packed ref and other kinds of storage have no such file.
    """
    try:
        return (
            not file.is_symlink()
            and re.fullmatch(rb"[0-9a-f]{40,64}\n", file.read_bytes()) is not None
        )
    except (OSError, ValueError):
        return False


def _blob_data(found: tuple[str, bytes] | None) -> bytes | None:
    return found[1] if found and found[0] == "blob" else None
