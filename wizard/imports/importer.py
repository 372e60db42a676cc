"""Derives answers from the Helm values that something declares: `import_declaration`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wizard.answers.files import apply_assignments, validate_answers, with_value
from wizard.answers.questions import field_spec, field_specs
from wizard.chart.contract import CONTRACT
from wizard.chart.guarded import explain_guarded_value, find_guarded_values
from wizard.chart.versions import VERSIONS, chart_version, match_chart_version
from wizard.checks.references import find_unknown_secrets
from wizard.checks.run import read_rendering
from wizard.errors import AnswersError, RefusedError
from wizard.formats.nested import get_value, put_value
from wizard.formats.version_ranges import split_version
from wizard.imports.leaves import (
    Leaves,
    Path,
    add_defaults,
    get_source,
    is_equal,
    list_leaves,
)
from wizard.imports.removals import Cleaned, Removal, clean_values, remove_paths, show_place
from wizard.imports.result import Imported
from wizard.imports.search import Search
from wizard.imports.spellings import MEANT, SPELLED, list_spellings, move_deprecated
from wizard.imports.trials import Trials
from wizard.plan.lists import join_lists
from wizard.plan.overrides import check_values
from wizard.plan.render import render
from wizard.secrets.leak_gate import Gate

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.declarations.declaration import Declaration

# Who installs the chart, by what declares it. Of other declarations, the values decide.
_DELIVERIES: Mapping[str, str] = {
    "Argo CD Application": "argocd",
    "Argo CD ApplicationSet": "argocd",
    "Flux HelmRelease": "helm",
    "Helmsman app": "helmsman",
    "release": "helm",
}
_STORE = "existing"
# The wizard writes verified host keys itself; what others wrote does not count.
_KNOWN_HOSTS = ("dags", "gitSync", "knownHosts")
_MISSING = object()


def import_declaration(
    one: Declaration, *, known: Mapping[str, Any] | None = None, assignments: tuple[str, ...] = ()
) -> Imported:
    """Return the answers that give the values of a declaration, and the fate of each value.

    `known` are raw answers that the declaration itself says, `assignments` those of `--set`: both
    are taken as they are. Pure. Raises AnswersError for invalid assignments, and RefusedError if
    the result would contain a secret of the input.
    """
    return _Import(one, known or {}, assignments).run()


@dataclass
class _Import:
    one: Declaration
    known: Mapping[str, Any]
    assignments: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    dropped: list[Removal] = field(default_factory=list)
    taken: dict[str, list[str]] = field(default_factory=dict)
    trials: Trials = field(default_factory=Trials)

    def run(self) -> Imported:
        chart, airflow = self._choose_versions()
        values, moved = move_deprecated(self.one.values, chart)
        self.notes += [f"{old} is deprecated, and was read as {new}" for old, new in moved]
        cleaned = clean_values(values, chart, airflow)
        self.dropped += [
            *(Removal(f"{fault.path}: {fault.where}".strip(": "), f"not read: {fault.message}")
              for fault in (*self.one.found.faults, *self.one.found.unresolved)),
            *cleaned.dropped,
        ]  # fmt: skip
        start, fixed = self._start(chart, airflow, cleaned)
        start, values = self._take_spellings(start, cleaned.values, fixed)
        explicit = list_leaves(values)
        search = Search(
            start,
            add_defaults(explicit, chart),
            trials=self.trials,
            fixed=fixed,
            ignored=frozenset((_KNOWN_HOSTS,)),
            explicit=explicit.keys(),
        )
        search.run()
        data = self._keep_rest(search, values)
        data = _declare_secrets(data)
        return self._finish(data, start, values, search, cleaned)

    def _choose_versions(self) -> tuple[str, str]:
        """Return versions of chart and Airflow that belong together, and note what was changed."""
        written, airflow = self.one.chart, self.one.airflow
        chart, match = match_chart_version(written)
        if match == "range":
            self.notes.append(f"the range of chart versions leaves {chart}; it is pinned now")
        elif match != "exact":
            if airflow:
                fits = [row for row in VERSIONS if split_version(airflow) >= split_version(
                    row.lowest) and not (row.airflow_2_only and airflow[0] != "2")]  # fmt: skip
                chart = fits[0].chart if fits else VERSIONS[-1].chart
            what = "a version that is not supported" if written else "no version of the chart"
            self.notes.append(f"the input names {what}; chart {chart} is assumed")
        row = chart_version(chart)
        if not airflow:
            airflow = row.airflow
            self.notes.append(f"the input names no version of Airflow; {airflow} is assumed")
        elif split_version(airflow) < split_version(row.lowest):
            self.notes.append(
                f"Airflow {airflow} is not supported with chart {chart}; {row.lowest} is the lowest"
            )
            airflow = row.lowest if row.airflow_2_only else row.airflow
        return chart, airflow

    def _start(
        self, chart: str, airflow: str, cleaned: Cleaned
    ) -> tuple[dict[str, Any], frozenset[str]]:
        """Return the first answers, and the keys of those that the search may not change."""
        named = any(get_value(cleaned.values, use.path) for use in CONTRACT if not use.suffix)
        given: dict[str, Any] = {
            "installation.name": self.one.release,
            "installation.release": self.one.release,
            "installation.namespace": self.one.namespace,
            "secrets.store": _STORE if named else "",
            "delivery.kind": _DELIVERIES.get(self.one.kind, ""),
            **self.known,
        }
        data: dict[str, Any] = {"installation": {"chart": chart, "airflow": airflow}}
        self.taken |= {"installation.chart": [], "installation.airflow": []}
        fixed = {"delivery.kind"} if given["delivery.kind"] else set()
        for key, value in given.items():
            if value in ("", None):
                continue
            tried = put_value(data, field_spec(key).path, value)
            if _is_valid(tried, key):
                data = tried
                self.taken[key] = []
            else:
                self.notes.append(f"{key} cannot have the input's value, so its default is used")
        data = apply_assignments(data, self.assignments)
        typed = {one.partition("=")[0] for one in self.assignments}
        found = validate_answers(data)
        wrong = [one for one in found.problems if one.key in typed or found.answers is None]
        if wrong:
            raise AnswersError("--set: the answers are not valid", wrong)
        return data, frozenset(fixed | typed)

    def _take_spellings(
        self, data: dict[str, Any], values: dict[str, Any], fixed: frozenset[str]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Take what values say in another way; the wizard writes none of these values."""
        for path, key, value in list_spellings(values):
            tried = put_value(data, field_spec(key).path, value)
            place = ".".join(path)
            if key not in fixed and _is_valid(tried, key):
                data = tried
                self.taken.setdefault(key, []).append(place)
            elif key not in fixed:
                self.dropped.append(Removal(place, f"{key} cannot have this value"))
        for path in SPELLED:
            told = get_value(values, path)
            if not isinstance(told, Mapping):
                continue
            for key in told.keys() & MEANT.keys():
                if str(told[key]) != MEANT[key]:
                    place = show_place((*path, key))
                    self.dropped.append(Removal(place, "no answer says this"))
            values = remove_paths(values, [path])
        return data, values

    def _keep_rest(self, search: Search, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answers with the values that no answer gives in `values:`."""
        explicit = list_leaves(values)
        sources = dict.fromkeys(
            get_source(path) for path in search.list_differences() if path in explicit
        )
        emitted = self.trials.render_values(search.answers) or {}
        data = search.data
        kept: dict[str, Any] = {}
        for source in sources:
            value = _select_items(source, get_value(values, source), emitted)
            alone = put_value({}, source, value)
            reason = self._find_refusal(alone, emitted, search)
            if reason:
                self.dropped.append(Removal(show_place(source), reason))
                continue
            kept = put_value(kept, source, value)
        return {**data, "values": kept} if kept else dict(data)

    def _find_refusal(
        self, alone: Mapping[str, Any], emitted: Mapping[str, Any], search: Search
    ) -> str:
        """Return why a value may not be in `values:`; empty if it may."""
        chart = search.answers.installation.chart
        problems, _ = check_values(alone, emitted, chart)
        if problems:
            return problems[0].message
        for path, _value in find_guarded_values(alone):
            return f"remove it: {explain_guarded_value(path)}"
        found = validate_answers({**search.data, "values": alone})
        new = [one for one in found.problems if one not in search.problems]
        return new[0].message if new else ""

    def _finish(
        self,
        data: dict[str, Any],
        start: Mapping[str, Any],
        values: Mapping[str, Any],
        search: Search,
        cleaned: Cleaned,
    ) -> Imported:
        found = validate_answers(data)
        if found.answers is None:
            raise AnswersError("the input cannot be imported", found.problems)
        explicit = list_leaves(values)
        leaves = self._render_leaves(found.answers)
        told = {one.key for one in self.dropped}
        for path in explicit:
            place = show_place(get_source(path))
            if place not in told and self._is_lost(path, search, leaves):
                told.add(place)
                self.dropped.append(Removal(place, "the answers give another value here"))
        added = [
            path
            for path in {**leaves, **search.wanted}
            if path not in explicit and self._is_lost(path, search, leaves)
        ]
        self.taken |= dict(self._explain(search, start))
        kept = [show_place(path) for path in _list_sources(data.get("values", {})) if path]
        result = Imported(
            source=f"{self.one.kind} {self.one.path}".strip(),
            data=data,
            taken=self.taken,
            kept=kept,
            dropped=self.dropped,
            secrets=cleaned.secrets,
            evidence=cleaned.evidence,
            added=[*dict.fromkeys(show_place(get_source(path)) for path in added)],
            needed=found.problems,
            notes=self.notes,
            trials=self.trials.count,
        )
        _refuse_secrets(result, cleaned)
        return result

    def _render_leaves(self, answers: Answers) -> Leaves:
        made = render(answers, _AnyAsset())
        return add_defaults(list_leaves(made.total.values), answers.installation.chart)

    def _is_lost(self, path: Path, search: Search, leaves: Leaves) -> bool:
        if path == _KNOWN_HOSTS:
            return False
        if path not in search.wanted:
            return path in leaves
        return path not in leaves or not is_equal(leaves[path], search.wanted[path])

    def _explain(self, search: Search, start: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
        """Yield each answer of the search, with the values of the input that it gives."""
        for item in field_specs(type(search.answers)):
            now = get_value(search.data, item.path, _MISSING)
            if now is _MISSING or now == get_value(start, item.path, _MISSING):
                continue
            before = self.trials.render(with_value(search.answers, item.path, item.default))
            places = [
                show_place(get_source(path))
                for path, value in search.leaves.items()
                if path in search.wanted
                and is_equal(value, search.wanted[path])
                and (before is None or path not in before or not is_equal(before[path], value))
            ]
            yield item.key, [*dict.fromkeys(places)] if before is not None else []


class _AnyAsset(dict[str, str]):
    """Stands for public files that the answers name and that are not at hand here."""

    def __missing__(self, key: str) -> str:
        return ""


def _select_items(source: Path, value: Any, emitted: Mapping[str, Any]) -> Any:
    """Return a value for `values:`; of a list that is joined, only the items that are not given."""
    ours = get_value(emitted, source)
    if not isinstance(value, list) or join_lists(source[-1], ours, value) is None:
        return value
    rendered = ours if isinstance(ours, list) else []
    return [item for item in value if item not in rendered] or value


def _list_sources(values: Mapping[str, Any]) -> list[Path]:
    return [*dict.fromkeys(get_source(path) for path in list_leaves(values))]


def _declare_secrets(data: dict[str, Any]) -> dict[str, Any]:
    """Return the answers with the Secrets that values name, and that others make."""
    found = validate_answers(data)
    if found.answers is None:
        return data
    made = render(found.answers, _AnyAsset())
    names = [*dict.fromkeys(find_unknown_secrets(read_rendering(made)))]
    extra = [*get_value(data, ("secrets", "extra"), [])]
    extra += [{"name": name, "from": "existing"} for name in names]
    tried = put_value(data, ("secrets", "extra"), extra)
    return tried if names and _is_valid(tried, "secrets.extra") else data


def _is_valid(data: Mapping[str, Any], key: str) -> bool:
    found = validate_answers(data)
    return found.answers is not None and not any(
        one.key == key or one.key.startswith(f"{key}.") for one in found.problems
    )


def _refuse_secrets(result: Imported, cleaned: Cleaned) -> None:
    """Raise RefusedError if a secret of the input is in the result: the last gate."""
    text = "\n".join((result.to_text(), *result.to_lines()))
    if Gate(cleaned.held).leaks(text.encode()):
        raise RefusedError(
            "the input has a secret that is also the text of another value or key",
            "take the secret out of the input, and import it again",
        )
