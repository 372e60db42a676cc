"""Where a mount may be now: `vault secrets move` keeps all that is in a mount, but no former path.

A new mount at the old path would be empty, and `secrets` would generate a second payload there.
Therefore the payload is looked for by the source in its metadata, and a mount by the source in its
description.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.errors import Fix
from wizard.formats.shell import quote
from wizard.formats.terminal import escape_unprintable
from wizard.systems.vault.ownership import Found, is_kv_2, judge_mount, judge_payload

# Returns what a login sees at a path.
Read = Callable[[str], Found]

_QUESTION = "secrets.vault.mount"
# So many mounts of others are looked into with a token that allows few requests, and by a check,
# which has seconds for all that it asks.
FEW_MOUNTS, CHECK_MOUNTS = 20, 200


@dataclass(frozen=True, slots=True)
class MovedPayload:
    """KV mounts at other paths than the answers': which of them may hold the payload.

    `holding` hold it, of `unread` this login cannot see it, and `empty` are others that this
    installation created. A mount that is not in `made` was created by others, who may use it.
    """

    holding: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    made: frozenset[str] = frozenset()

    def may_move(self, mounts: Collection[str]) -> bool:
        """Return whether a move of these mounts takes them from nobody: all are our own."""
        return self.made.issuperset(mounts)

    def refuse_new(self, mount: str) -> tuple[str, Fix] | None:
        """Return why no mount may be made at a path, and the fix; None if one may be."""
        found = self.holding or self.unread
        if not found:
            return None
        named = ", ".join(map(escape_unprintable, found))
        holds = "holds" if self.holding else "may hold"
        other = quote(escape_unprintable(found[0])) if len(found) == 1 else "MOUNT"
        several = "" if len(found) == 1 else "one of "
        use = f"airflow-wizard set {_QUESTION}={other}"
        if self.may_move(found):
            back = f"vault secrets move {other} {mount}"
            use = f"if the mount was moved: {use}; or move it back: {back}"
        else:
            use = f"to use the payload there: {use}"
        return (
            f"mount {mount} does not exist, but {several}{named} {holds} the payload of this "
            "installation; a new mount would be empty",
            Fix(
                f"{use}; or, for another payload, make the mount by hand: "
                f"vault secrets enable -path={mount} -version=2 kv",
                _QUESTION,
            ),
        )


def find_own_mounts(
    mounts: Mapping[str, Any], own: str, kind: str, named: Collection[str]
) -> list[str]:
    """Return the mounts of this installation at paths that its answers do not name."""
    return [
        mount.rstrip("/")
        for mount, entry in sorted(mounts.items())
        if isinstance(entry, Mapping)
        and entry.get("type") == kind
        and mount.rstrip("/") not in named
        and judge_mount(entry, own).is_ours
    ]


def find_moved_payload(
    read: Read,
    mounts: Mapping[str, Any],
    own: str,
    named: Collection[str],
    paths: Sequence[str],
    most: int | None = None,
) -> MovedPayload:
    """Return where the payloads at these paths may be, if their mount is missing.

    `mounts` is Vault's list, `named` are the paths in the answers: earlier ones too, if values
    are copied from there. `own` is the source of this installation. Each mount is a request: of
    those that others made only `most` are looked into, by default all. Raises VaultError.
    """
    made = find_own_mounts(mounts, own, "kv", named)
    others = [
        mount.rstrip("/")
        for mount, entry in sorted(mounts.items())
        if isinstance(entry, Mapping)
        and is_kv_2(entry)
        and mount.rstrip("/") not in {*named, *made}
    ]
    holding, unread, empty = list[str](), list[str](), list[str]()
    for mount in [*made, *others[:most]]:
        seen = [read(f"{mount}/metadata/{path}") for path in paths]
        there = [one.data for one in seen if one.data is not None]
        is_made = mount in made
        if any(judge_payload(one, own).is_ours for one in there) or (is_made and there):
            holding.append(mount)
        elif is_made:
            (unread if any(one.hidden for one in seen) else empty).append(mount)
    return MovedPayload(tuple(holding), tuple(unread), tuple(empty), frozenset(made))
