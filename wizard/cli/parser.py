"""The commands and options of the command line, parsed to `Options`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from wizard.cli.option_types import (
    describe_unknown_option,
    require_name,
    require_path,
    require_text,
)
from wizard.cli.options import Options
from wizard.errors import UsageError

_SET = "KEY=VALUE"
_REPEATED = ("set", "host_key_fingerprint", "accept", "adopt")


class _Parser(argparse.ArgumentParser):
    def __init__(self, *args: Any, **options: Any) -> None:
        # An abbreviated option in a script would break once a new option has the same beginning.
        # Defaults are in Options: a default here would replace a value given before the command.
        defaults = {"allow_abbrev": False, "argument_default": argparse.SUPPRESS}
        super().__init__(*args, **{**defaults, **options})

    def error(self, message: str) -> NoReturn:
        # argparse would exit with 2, which means `files differ` here. Its messages quote values,
        # and a value in the wrong place may be a secret.
        where, found, choices = message.partition(": invalid choice: ")
        if found:
            known = choices.rpartition("(choose from ")[2].removesuffix(")").replace("'", "")
            raise UsageError(f"{where.removeprefix('argument ')}: choose one of {known}")
        where, found, _ = message.partition(": ignored explicit argument ")
        if found:
            raise UsageError(f"{where.removeprefix('argument ')} takes no value")
        raise UsageError(message)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments; UsageError for unknown ones, which it repeats only if harmless."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            raise UsageError(describe_unknown_option(unknown, self._known_options()))
        return found

    def _known_options(self) -> list[str]:
        parsers: list[argparse.ArgumentParser] = [self]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
        return sorted({name for one in parsers for name in one._option_string_actions})


def parse_options(argv: Sequence[str]) -> Options:
    """Return the options of one run; raises UsageError, and SystemExit after --help."""
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
                f"--branch is in front of {values['command']}",
                f"write it after {values['command']}",
            )
        values["branch"] = values.pop("screens_branch")
    return Options(**values)


def _global_parser(suffix: str = "") -> _Parser:
    """Return the options that every command accepts, before or after its name.

    Lists given after the command's name would replace lists given before it. To keep both, the
    lists before it are stored under names with a `suffix`.
    """
    common = _Parser(add_help=False)
    group = common.add_argument_group("global options")
    group.add_argument(
        "--repo", type=require_path, metavar="DIR", help="config repository (default: this folder)"
    )
    group.add_argument(
        "--installation",
        type=require_name,
        metavar="NAME",
        help="installation to use, if the repository has several",
    )
    group.add_argument(
        "--all", action="store_true", help="use every installation of the repository"
    )
    group.add_argument(
        "--answers",
        type=require_path,
        metavar="FILE",
        help="answers file (- for standard input)",
    )
    group.add_argument(
        "--preset",
        type=require_name,
        metavar="NAME",
        help="preset to start a new installation from",
    )
    group.add_argument(
        "--set",
        dest=f"set{suffix}",
        metavar=_SET,
        action="append",
        help="set one answer; repeatable",
    )
    group.add_argument(
        "--host-key-fingerprint",
        dest=f"host_key_fingerprint{suffix}",
        metavar="SHA256:...",
        action="append",
        help="fingerprint that you verified with the Git host's owner; repeatable",
    )
    group.add_argument(
        "--accept",
        dest=f"accept{suffix}",
        type=require_text,
        metavar="CONSEQUENCE",
        action="append",
        help="accept a consequence that the run names; repeatable",
    )
    group.add_argument(
        "--backup",
        type=require_text,
        metavar="DATE|FILE",
        help="backup of the database before a migration: its date, or its file here",
    )
    group.add_argument(
        "--on-conflict",
        choices=("mine", "new"),
        help="where a hand edit and the answers differ: keep the edit, or take the answers",
    )
    group.add_argument(
        "--adopt",
        dest=f"adopt{suffix}",
        type=require_text,
        metavar="KEY",
        action="append",
        help="make the hand edit of this Helm value an answer; repeatable",
    )
    group.add_argument(
        "--target",
        type=require_text,
        metavar="BRANCH",
        help="branch that this is merged into (default: from CI or the remote)",
    )
    group.add_argument(
        "--chart",
        type=require_path,
        metavar="PATH",
        help="folder or .tgz of the chart, for a full check",
    )
    group.add_argument(
        "--context",
        type=require_name,
        metavar="NAME",
        help="kubeconfig context of the target cluster",
    )
    group.add_argument(
        "--yes", action="store_true", help="do not ask for confirmation; does not accept host keys"
    )
    group.add_argument("--json", action="store_true", help="print the result as JSON")
    return common


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; it raises UsageError instead of exiting."""
    common = _global_parser()
    top = _Parser(
        prog="airflow-wizard",
        description="Install Apache Airflow, managed by GitOps, in an empty Kubernetes cluster. "
        "Without a command, the screens open.",
        epilog="exit codes: 0 done, 1 failed, 2 files differ (plan --detailed-exitcode), "
        "3 answers invalid, 4 refused, 5 conflict, 6 apply stopped part-way, 64 usage, 70 a bug, "
        "130 interrupted",
        parents=[_global_parser("_before")],
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    top.add_argument(
        "--branch",
        dest="screens_branch",
        type=require_name,
        metavar="NAME",
        help="branch that the screens commit to",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    _commit_options(add("ask", "answer the questions line by line, without screens"))
    plan = add("plan", "show what would change: files and live steps")
    plan.add_argument(
        "--detailed-exitcode", action="store_true", help="exit with 2 when files differ"
    )
    plan.add_argument(
        "--out", type=require_path, metavar="FILE", help="also write the plan as JSON to FILE"
    )
    _commit_options(add("commit", "write the files and commit them"))
    change = add("set", "change single answers: show the plan, commit after confirmation")
    change.add_argument("assignments", metavar=_SET, nargs="+")
    _commit_options(change)
    _commit_options(add("undo", "take the last run back in one commit; later hand edits stay"))
    secrets = add("secrets", "create missing values in the store, show the public deploy key")
    secrets.add_argument(
        "--prove",
        action="store_true",
        help="then test deploy keys and tokens: clone the DAGs, read-only",
    )
    secrets.add_argument(
        "--register",
        type=require_name,
        metavar="REFERENCE",
        help="register the key, read-only, with a token from env:NAME, file:PATH or prompt",
    )
    _hand_off_options(secrets)
    _take_over_option(secrets)
    _reference_options(secrets)
    _apply_options(add("apply", "make the committed installation live: change, wait, verify"))
    _destroy_options(add("destroy", "delete the whole installation; data only with --data"))
    _handover_options(add("handover", "write scripts for the owners of other systems"))
    check = add("check", "check the repository for consistency and safety")
    check.add_argument(
        "--live",
        action="store_true",
        help="also probe the cluster and all other systems, read-only",
    )
    _argocd_options(check)
    _reference_options(check)
    _argocd_options(add("status", "show the next steps and their states, read-only"))
    what = "values file, Application, HelmRelease, Helmsman file, or a folder with one"
    imported = add("import", "derive answers from existing Helm values, or what declares them")
    imported.add_argument("path", nargs="?", type=require_path, metavar="PATH", help=what)
    what = "import the release that Helm installed in the cluster, read-only"
    imported.add_argument("--live", action="store_true", help=what)
    what = "namespace of the release (default: airflow)"
    imported.add_argument("--namespace", type=require_name, metavar="NAME", help=what)
    what = "write the answers into this new file"
    imported.add_argument("--out", type=require_path, metavar="FILE", help=what)
    add("schema", "print the JSON schema of the answers file")
    presets = add("presets", "list the presets")
    presets.add_argument("name", nargs="?", default=None, help="print this preset's answers")
    explain = add("explain", "explain a question")
    explain.add_argument("key", nargs="?", default=None, help="dotted key (default: list all keys)")
    return top


def _reference_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--allow-reference",
        metavar="KEY",
        action="append",
        help="allow reading this new secret reference; repeatable",
    )


def _hand_off_options(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("without access to the store")
    group.add_argument(
        "--hand-off",
        type=require_path,
        metavar="FILE",
        help="encrypt the values into this new file (age)",
    )
    group.add_argument(
        "--recipient",
        metavar="KEY",
        action="append",
        help="public key that can open it: age1... or 'ssh-ed25519 AAAA...'; repeatable",
    )
    group.add_argument(
        "--recipients-file",
        type=require_path,
        metavar="PATH",
        action="append",
        help="file with such keys, one per line; repeatable",
    )
    group.add_argument(
        "--new-hand-off",
        action="store_true",
        help="generate new values again, if an earlier hand-off file is lost",
    )
    group.add_argument(
        "--take",
        type=require_path,
        metavar="FILE",
        help="put the values of such a file into the store",
    )
    group.add_argument(
        "--identity",
        type=require_path,
        metavar="KEYFILE",
        action="append",
        help="private key that opens such a file; repeatable",
    )


def _apply_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "plan",
        nargs="?",
        default=None,
        type=require_path,
        metavar="PLAN",
        help="plan file, written by plan --out",
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="send every step to the servers as a dry run; change nothing",
    )
    command.add_argument("--only", choices=("store", "delivery"), help="run only this part")
    command.add_argument(
        "--undo", action="store_true", help="delete what apply created; data is not deleted"
    )
    command.add_argument(
        "--database-admin",
        type=require_name,
        metavar="USER",
        help="also create PostgreSQL role and database, as this administrator of database.host",
    )
    _take_over_option(command)
    _reference_options(command)
    _argocd_options(command)


def _take_over_option(command: argparse.ArgumentParser) -> None:
    text = "agree to what an earlier run showed for a step; repeatable"
    command.add_argument(
        "--take-over", action="append", type=require_name, metavar="STEP@SEAL", help=text
    )


def _destroy_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--confirm",
        type=require_name,
        metavar="NAME",
        help="the installation's name; required with --yes",
    )
    command.add_argument(
        "--data",
        choices=("payload", "volumes", "namespace", "database"),
        action="append",
        help="delete this data too; repeatable (database: only prints the SQL)",
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="send every step to the servers as a dry run; change nothing",
    )
    _take_over_option(command)
    _argocd_options(command)
    _publish_options(command)


def _handover_options(command: argparse.ArgumentParser) -> None:
    owners = ("vault", "dba", "platform", "ci")
    command.add_argument("--owner", choices=owners, help="only the scripts for this owner")
    command.add_argument(
        "--out", type=require_path, metavar="DIR", help="write the scripts into this folder"
    )
    _take_over_option(command)


def _argocd_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--argocd-context",
        type=require_name,
        metavar="NAME",
        help="kubeconfig context of Argo CD's cluster, if it is a different one",
    )


def _commit_options(command: argparse.ArgumentParser) -> None:
    _publish_options(command)
    command.add_argument(
        "--no-commit", action="store_true", help="write the files, but do not commit them"
    )


def _publish_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--message", metavar="TEXT", help="commit message")
    command.add_argument(
        "--branch", type=require_name, metavar="NAME", help="branch to create and commit to"
    )
    command.add_argument("--push", action="store_true", help="push after the commit")
    command.add_argument("--pr", action="store_true", help="push and request a merge, or say how")
