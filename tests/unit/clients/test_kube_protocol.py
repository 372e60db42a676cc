"""Names of objects, as sentences have them."""

from __future__ import annotations

from wizard.clients.kube.protocol import format_kind


def test_kinds_are_words_of_a_sentence() -> None:
    kinds = ["Secret", "Endpoints", "Ingress", "StorageClass", "NetworkPolicy", "Gateway"]
    assert [format_kind(kind) for kind in kinds] == [
        "Secrets", "Endpoints", "Ingresses", "StorageClasses", "NetworkPolicies", "Gateways",
    ]  # fmt: skip
    assert [format_kind(kind, 1) for kind in kinds] == kinds
