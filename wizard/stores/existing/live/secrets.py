"""Looks at the Secrets of others in the cluster: whether they exist, their keys, their shape."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import unquote

from wizard.clients.kube.protocol import Kube, Ref
from wizard.engine.probes import ProbeResult, fail_result, pass_result, warn_result
from wizard.errors import Fix
from wizard.plan.render import render
from wizard.stores.existing.contracts import METADATA_URL, derives_async_url
from wizard.stores.existing.live.judgement import (
    Remark,
    Surroundings,
    judge_derived_url,
    judge_value,
    split_url,
)

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.contribution import NeededKey
    from wizard.manifests.release import Release

_BROKER, _REDIS = "secrets.existing.broker.key", "secrets.existing.redis.key"


def list_needed_keys(answers: Answers, release: Release) -> tuple[NeededKey, ...]:
    """Return the keys that these answers need in Secrets of others."""
    return render(answers, release.assets).total.needed


class SecretsInCluster:
    """The Secrets of others in one namespace, each read once; values stay in memory."""

    def __init__(self, kube: Kube, answers: Answers, release: Release) -> None:
        self._kube = kube
        self._release = release
        self._lock = Lock()
        self._found: dict[str, Mapping[str, str] | None] = {}
        self._needed = {one.question: one for one in list_needed_keys(answers, release)}
        self._derives_async = derives_async_url(release, self._needed.values())
        database = answers.database
        pooler = {"chart": release.names.pgbouncer_host, "external": database.pgbouncer.host}
        self._around = Surroundings(
            pooler.get(database.pgbouncer.mode, ""), database.host.lower(), release.namespace
        )

    def judge(self, needed: NeededKey) -> ProbeResult:
        """Return whether the key exists and its value fits; may raise KubeError."""
        remarks = list(self.list_remarks(needed))
        fix = Fix(
            f"have {needed.key} of Secret {needed.secret} made or changed by its owner (airflow-"
            "wizard secrets prints what it must hold), or name another one",
            needed.question,
        )
        if not remarks:
            return pass_result(f"{needed.secret} has {needed.key}")
        text = "; ".join(f"{self._describe(needed)} {one.text}" for one in remarks)
        return (fail_result if any(one.level == "fail" for one in remarks) else warn_result)(
            text, fix
        )

    def _describe(self, needed: NeededKey) -> str:
        data = self._read(needed.secret)
        if data is None or needed.key not in data:
            return f"Secret {needed.secret}"
        return f"{needed.key} of Secret {needed.secret}"

    def list_remarks(self, needed: NeededKey) -> Iterator[Remark]:
        """Yield what is wrong with one key; may raise KubeError."""
        data = self._read(needed.secret)
        if data is None:
            where = f"does not exist in {self._release.namespace}"
            yield Remark("fail", f"{where}, nor its key {needed.key} ({needed.purpose})")
        elif needed.key not in data:
            yield Remark("fail", f"has no key {needed.key} ({needed.purpose})")
        else:
            yield from judge_value(needed, data[needed.key], self._around)
            if needed.question == _BROKER:
                yield from self._compare_broker(data[needed.key])
            elif needed.question == METADATA_URL and self._derives_async:
                yield from judge_derived_url(data[needed.key])

    def _compare_broker(self, url: str) -> Iterator[Remark]:
        """Compare the broker's URL with the password of the chart's Redis."""
        redis = self._needed.get(_REDIS)
        data = self._read(redis.secret) if redis else None
        if redis is None or data is None or redis.key not in data:
            return
        found = split_url(url)
        if found is not None and unquote(found.password or "") != data[redis.key]:
            text = f"has another password than {redis.key} of Secret {redis.secret}"
            yield Remark("fail", text)

    def _read(self, name: str) -> Mapping[str, str] | None:
        # Probes run side by side in threads.
        with self._lock:
            if name not in self._found:
                found = self._kube.get(Ref("v1", "Secret", name, self._release.namespace))
                data = None if found is None else found.get("data") or {}
                self._found[name] = (
                    None if data is None else {key: _decode(text) for key, text in data.items()}
                )
            return self._found[name]


def _decode(text: str) -> str:
    """Return the value of a key; bytes that are no text become characters that fit nowhere."""
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except binascii.Error:
        return ""
