"""The rooms of the code, and which may import which: `python -m tests.tools.layers` checks it.

Every import goes from an earlier line to a later one, those for types and those inside functions
included; between two names of one line there is none. `*` stands for one folder or module, and
the longest name that fits a module says where it belongs.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.support.paths import TOP

CORE = """
    wizard.__main__
    wizard.cli
    screens
    wizard.destroy | wizard.handover | wizard.status
    wizard.apply
    wizard.provisioning
    wizard.probes
    wizard.stores.*.live | wizard.deliveries.*.live
    wizard.stores.live | wizard.deliveries.live
    wizard.systems
    wizard.engine
    wizard.workspace
    wizard.state
    wizard.imports
    wizard.stores.*.checks | wizard.deliveries.*.checks
    wizard.checks
    wizard.plan
    wizard.answers
    wizard.deliveries
    wizard.stores
    wizard.questions
    wizard.declarations
    wizard.manifests
    wizard.clients
    wizard.secrets
    wizard.git | wizard.hostkeys | wizard.chart
    wizard.formats
    wizard.findings
    wizard.errors
"""
SCREENS = """
    screens.app
    screens.pages
    screens.background
    screens.widgets
    screens.host
    screens.draft
    screens.steps | screens.text
"""
SYSTEMS = """
    wizard.systems.database | wizard.systems.helm
    wizard.systems.release
    wizard.systems.argocd | wizard.systems.vault | wizard.systems.azure
    wizard.systems.cluster
    wizard.systems.git | wizard.systems.broker | wizard.systems.registry | wizard.systems.network
    wizard.systems.prior_use
    wizard.systems.target | wizard.systems.situation
"""
# What a package's own name holds (a version) is for everybody.
ROOTS = {"wizard", "screens", "presets"}


@dataclass(frozen=True)
class Import:
    """One import of one module of ours by another."""

    place: str
    importer: str
    imported: str


def find_faults(top: Path) -> list[str]:
    """All that is wrong with the imports below this folder, a sentence each."""
    imports = list(list_imports(top))
    circle = find_circle(imports)
    return [
        *find_violations(imports, CORE, SCREENS, SYSTEMS),
        *(f"{name}: belongs to no layer" for name in find_homeless(top)),
        *([f"circle of imports: {' > '.join(circle)}"] if circle else []),
    ]


def find_violations(imports: Iterable[Import], *tables: str) -> list[str]:
    """Imports that run upwards, a sentence each, with file, line and the two layers."""
    found = []
    for table in tables:
        layers = {
            name.strip(): number
            for number, line in enumerate(table.strip().splitlines())
            for name in line.split("|")
        }
        for one in imports:
            here, there = _layer(one.importer, layers), _layer(one.imported, layers)
            if here and there and here != there and layers[here] >= layers[there]:
                found.append(f"{one.place}: {here} may not import {there} ({one.imported})")
    return found


def find_homeless(top: Path) -> list[str]:
    """Modules of the product that stand in none of the lines."""
    layers = dict.fromkeys(CORE.replace("|", " ").split(), 0)
    return [name for name in list_modules(top) if name not in ROOTS and not _layer(name, layers)]


def find_circle(imports: Iterable[Import]) -> list[str]:
    """A circle of imports, from a module back to itself; empty when there is none."""
    graph: dict[str, set[str]] = {}
    for one in imports:
        graph.setdefault(one.importer, set()).add(one.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def list_imports(top: Path) -> Iterator[Import]:
    """Every import of a module of ours, wherever in a file it stands."""
    modules = list_modules(top)
    for importer, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{one.name}" for one in node.names]
                names = [name if name in modules else str(node.module) for name in names]
            elif isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            else:
                continue
            for name in dict.fromkeys(names):
                if name in modules and name not in ROOTS and name != importer:
                    yield Import(f"{path.relative_to(top)}:{node.lineno}", importer, name)


def list_modules(top: Path) -> dict[str, Path]:
    """Every module of ours, by its dotted name."""
    paths = sorted(path for root in ROOTS for path in (top / root).rglob("*.py"))
    names = (".".join(path.relative_to(top).with_suffix("").parts) for path in paths)
    return {name.removesuffix(".__init__"): path for name, path in zip(names, paths, strict=True)}


def _layer(module: str, layers: Mapping[str, int]) -> str | None:
    """The longest of these names that is the module or a package around it."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        around = ".".join(parts[:length])
        fits = [one for one in layers if one.count(".") == length - 1 and fnmatchcase(around, one)]
        if fits:
            return max(fits, key=len)
    return None


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    wrong = find_faults(TOP)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
