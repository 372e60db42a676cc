"""Looks up known vulnerabilities of the packages in locks/, without servers of tests: `make audit`.

The database is PyPI's own, one request for each version. Ends with 1 when there is a finding, and
with 2 when the database did not answer for a package: not asked is not clean.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tests.tools.locks import LOCKS, Lock, read_lock

FINDING, UNKNOWN = 1, 2


def ask_database(pip_audit: Sequence[str], lock: Lock) -> tuple[Mapping[str, Any], str]:
    """pip-audit's answer for one lock ({} when it had none), and what it said beside it."""
    done = subprocess.run(
        [*pip_audit, "--requirement", str(lock.path), "--require-hashes", "--disable-pip",
         "--progress-spinner", "off", "--format", "json"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return dict(json.loads(done.stdout)), done.stderr
    except ValueError:
        return {}, done.stderr


def report(lock: Lock, answer: Mapping[str, Any], said: str) -> int:
    """Prints what is known about a lock, and returns the exit code for it.

    A package counts as asked only if the answer names it without `skip_reason`. Packages whose
    marker excludes this platform are not in the answer.
    """
    packages = answer.get("dependencies", [])
    unknown = [one for one in packages if "skip_reason" in one]
    found = [one for one in packages if one.get("vulns")]
    for one in found:
        for entry in one["vulns"]:
            fixed = ", ".join(entry.get("fix_versions", [])) or "no version yet"
            print(f"{lock.name}: {one['name']} {one['version']}: {entry['id']} (fixed in {fixed})")
    if not packages or unknown:
        asked = len(packages) - len(unknown)
        total = len(packages) or len(read_lock(lock))
        print(
            f"{lock.name}: the advisory database answered for {asked} of {total} packages;"
            " nothing is known about the others\n"
            "hint: run `make audit` where https://pypi.org/pypi/NAME/VERSION/json can be reached",
            file=sys.stderr,
        )
        for line in [one["skip_reason"] for one in unknown][:1] or said.splitlines()[-1:]:
            print(f"  {line}", file=sys.stderr)
    elif not found:
        print(f"{lock.name}: no known vulnerability in {len(packages)} packages")
    return FINDING if found else UNKNOWN if not packages or unknown else 0


def main() -> None:
    """Audits each lock and ends with the worst: a finding, then unknown, then 0."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pip-audit", default="pip-audit", help="the program")
    program = [arguments.parse_args().pip_audit]
    locks = [lock for lock in LOCKS if lock.shipped and not lock.lowest]
    codes = {report(lock, *ask_database(program, lock)) for lock in locks}
    sys.exit(FINDING if FINDING in codes else max(codes))


if __name__ == "__main__":
    main()
