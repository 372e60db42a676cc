"""The command line's words: commands and options, as the design binds them; parsed to Options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from wizard.cli.options import Options
from wizard.errors import UsageError

_SET = "KEY=VALUE"
_REPEATED = ("set", "host_key_fingerprint")


class _Parser(argparse.ArgumentParser):
    def __init__(self, *args: Any, **options: Any) -> None:
        # A script that abbreviates an option would break with the next one that begins the same.
        # Defaults are in Options: one set here would replace what stands before the command.
        defaults = {"allow_abbrev": False, "argument_default": argparse.SUPPRESS}
        super().__init__(*args, **{**defaults, **options})

    def error(self, message: str) -> NoReturn:
        # argparse would exit with 2, which means `files differ` here. Its messages quote what was
        # typed, but options never take a secret.
        raise UsageError(message)


def parse_options(argv: Sequence[str]) -> Options:
    """The options of one run; raises UsageError, and SystemExit once --help is printed."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(build_parser().parse_args(argv)).items()
        if value is not None
    }
    for name in _REPEATED:
        values[name] = values.pop(f"{name}_before", ()) + values.get(name, ())
    if "screens_branch" in values:
        if "command" in values:
            raise UsageError(
                f"--branch stands before {values['command']}", "write it behind that word"
            )
        values["branch"] = values.pop("screens_branch")
    return Options(**values)


def _require_text(text: str) -> str:
    """An unset variable of a script must not pass as an option that was left out."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _global_parser(suffix: str = "") -> _Parser:
    """Options that every command understands, before or after its name.

    A command's own list would replace the one that stands before it, so that one has a `suffix`.
    """
    common = _Parser(add_help=False)
    group = common.add_argument_group("global options")
    group.add_argument(
        "--repo", type=_require_text, metavar="DIR", help="config repository (default: this folder)"
    )
    group.add_argument(
        "--installation",
        type=_require_text,
        metavar="NAME",
        help="which one, where there are several",
    )
    group.add_argument("--all", action="store_true", help="every installation of the repository")
    group.add_argument(
        "--answers",
        type=_require_text,
        metavar="FILE",
        help="answers file (- reads standard input)",
    )
    group.add_argument(
        "--preset",
        type=_require_text,
        metavar="NAME",
        help="start from a preset (new installations)",
    )
    group.add_argument(
        "--set", dest=f"set{suffix}", metavar=_SET, action="append", help="one answer; repeatable"
    )
    group.add_argument(
        "--host-key-fingerprint",
        dest=f"host_key_fingerprint{suffix}",
        metavar="SHA256:...",
        action="append",
        help="fingerprint you compared with the Git host's owner; repeatable",
    )
    group.add_argument(
        "--chart", type=_require_text, metavar="PATH", help="chart folder or .tgz for a full check"
    )
    group.add_argument(
        "--context",
        type=_require_text,
        metavar="NAME",
        help="kubeconfig context of the target cluster",
    )
    group.add_argument("--yes", action="store_true", help="write without asking; trusts no key")
    group.add_argument("--json", action="store_true", help="data as JSON on standard output")
    return common


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; raises UsageError instead of exiting."""
    common = _global_parser()
    top = _Parser(
        prog="airflow-wizard",
        description="From an empty Kubernetes cluster to a GitOps-managed Apache Airflow. "
        "Without a command: the screens.",
        epilog="exit codes: 0 done, 1 failed, 2 files differ (plan --detailed-exitcode), "
        "3 answers invalid, 4 refused, 5 conflict, 6 apply stopped part-way, 64 usage, 70 a bug, "
        "130 interrupted",
        parents=[_global_parser("_before")],
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    top.add_argument(
        "--branch",
        dest="screens_branch",
        type=_require_text,
        metavar="NAME",
        help="work branch that the screens commit to",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    _commit_options(add("ask", "the same questions, one plain line at a time"))
    plan = add("plan", "what would change: files, then live actions")
    plan.add_argument("--detailed-exitcode", action="store_true", help="2 when files differ")
    plan.add_argument(
        "--out", type=_require_text, metavar="FILE", help="also write the plan as JSON to FILE"
    )
    _commit_options(add("commit", "write the files and commit them"))
    change = add("set", "change single settings: plan, then commit with --yes")
    change.add_argument("assignments", metavar=_SET, nargs="+")
    _commit_options(change)
    secrets = add("secrets", "create what the store lacks, and show the public deploy key")
    secrets.add_argument(
        "--prove", action="store_true", help="then clone the DAGs with the deploy key, read-only"
    )
    secrets.add_argument(
        "--register",
        type=_require_text,
        metavar="REFERENCE",
        help="register the key read-only with the token from env:NAME, file:PATH or prompt",
    )
    _hand_off_options(secrets)
    _reference_options(secrets)
    _apply_options(add("apply", "make it live: change, wait, verify"))
    _destroy_options(add("destroy", "remove the whole installation; data only where it is named"))
    _handover_options(add("handover", "scripts for the owners of what you may not touch"))
    check = add("check", "is this repository consistent and safe?")
    check.add_argument(
        "--live",
        action="store_true",
        help="also ask everything outside, the cluster too; writes nothing",
    )
    _argocd_options(check)
    _reference_options(check)
    add("schema", "JSON schema of the answers file")
    presets = add("presets", "presets that ship with the wizard")
    presets.add_argument("name", nargs="?", default=None, help="print this preset's answers")
    explain = add("explain", "what a question means")
    explain.add_argument("key", nargs="?", default=None, help="dotted key; without one, all keys")
    return top


def _reference_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--allow-reference",
        metavar="KEY",
        action="append",
        help="this secret reference may be read although it is new; repeatable",
    )


def _hand_off_options(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("without access to the store")
    group.add_argument(
        "--hand-off",
        type=_require_text,
        metavar="FILE",
        help="seal the values into this new file (age)",
    )
    group.add_argument(
        "--recipient",
        metavar="KEY",
        action="append",
        help="who may open it: age1... or 'ssh-ed25519 AAAA...'; repeatable",
    )
    group.add_argument(
        "--recipients-file",
        type=_require_text,
        metavar="PATH",
        action="append",
        help="such keys, one a line; repeatable",
    )
    group.add_argument(
        "--new-hand-off",
        action="store_true",
        help="make new values although some were handed off before (that file is lost)",
    )
    group.add_argument(
        "--take",
        type=_require_text,
        metavar="FILE",
        help="put what such a file holds into the store",
    )
    group.add_argument(
        "--identity",
        type=_require_text,
        metavar="KEYFILE",
        action="append",
        help="private key that opens it; repeatable",
    )


def _apply_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "plan",
        nargs="?",
        default=None,
        type=_require_text,
        metavar="PLAN",
        help="a file of plan --out",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="try every step on the servers and keep nothing"
    )
    command.add_argument("--only", choices=("store", "delivery"), help="leave the other part out")
    command.add_argument(
        "--undo", action="store_true", help="take back what apply made; what came of it stays"
    )
    command.add_argument(
        "--database-admin",
        type=_require_text,
        metavar="USER",
        help="also create PostgreSQL role and database, as this administrator of database.host",
    )
    command.add_argument(
        "--take-over",
        action="append",
        type=_require_text,
        metavar="STEP@SEAL",
        help="let ours what a run's diff showed of another's object (repeatable)",
    )
    _reference_options(command)
    _argocd_options(command)


def _destroy_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--confirm", type=_require_text, metavar="NAME", help="the installation's name, with --yes"
    )
    command.add_argument(
        "--data",
        choices=("payload", "volumes", "namespace", "database"),
        action="append",
        help="this goes too; repeatable (database: only the SQL is shown)",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="try every step on the servers and keep nothing"
    )
    _argocd_options(command)
    _publish_options(command)


def _handover_options(command: argparse.ArgumentParser) -> None:
    owners = ("vault", "dba", "platform", "ci")
    command.add_argument("--owner", choices=owners, help="only this owner's")
    command.add_argument(
        "--out", type=_require_text, metavar="DIR", help="write files below this folder"
    )


def _argocd_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--argocd-context",
        type=_require_text,
        metavar="NAME",
        help="kubeconfig context of a hub cluster",
    )


def _commit_options(command: argparse.ArgumentParser) -> None:
    _publish_options(command)
    command.add_argument(
        "--no-commit", action="store_true", help="write the working tree only, commit nothing"
    )


def _publish_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--message", metavar="TEXT", help="commit message")
    command.add_argument("--branch", type=_require_text, metavar="NAME", help="work branch to make")
    command.add_argument("--push", action="store_true", help="push after the commit")
    command.add_argument("--pr", action="store_true", help="ask for a merge request, or print how")
