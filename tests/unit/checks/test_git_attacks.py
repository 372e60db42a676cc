"""Every way found to clone DAGs from an unverified host is a finding; what is harmless is none."""

from __future__ import annotations

import pytest

from tests.support.git_attacks import (
    BESIDE,
    HARMLESS,
    REACHES,
    TWICE,
    Values,
    merge,
)
from tests.unit.checks.trees import VALUES, good
from wizard.findings import Finding

# Rules about files elsewhere, which the changes also break.
_OTHERS: tuple[str, ...] = (
    "reference.",
    "kustomize.",
    "yaml.",
    "secret.",
    "values.unknown",
    "values.deprecated",
)
_OTHERS += ("values.duplicate", "external-secret", "values.executor", "chart.")


def found_by(change: Values) -> list[Finding]:
    case = good()
    case.objects[VALUES] = merge(case.objects[VALUES], change)
    return [one for one in case.run() if not one.rule.startswith(_OTHERS)]


def test_the_right_values_have_no_finding() -> None:
    assert found_by({}) == []


# These keep the verification, or cannot be judged here: the person has to.
WARNED = {
    "HTTPS_PROXY", "https_proxy", "image", "mount over authorities", "pod mutation",
    "a container that writes the clone", "pod template in a file", "bundle, unknown connection",
    "bundle, secrets backend", "bundle, backend as a variable", "bundle, envFrom",
}  # fmt: skip


@pytest.mark.parametrize("name", [*REACHES, *BESIDE])
def test_each_attack_is_a_finding(name: str) -> None:
    found = found_by({**REACHES, **BESIDE}[name])
    assert found
    assert any(one.is_error for one in found) is (name not in WARNED)
    for one in found:
        assert one.where
        assert one.fix.text
        assert "evil" not in f"{one.message} {one.fix.text}"


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_settings_have_no_finding(name: str) -> None:
    assert found_by(HARMLESS[name]) == []


@pytest.mark.parametrize("name", TWICE)
def test_a_variable_of_the_chart_is_only_reported_as_a_duplicate(name: str) -> None:
    [one] = found_by(TWICE[name])
    assert (one.rule, one.where) == ("configuration.duplicate-variable", "dags.gitSync.env[0]")
    assert one.is_error
