"""The work tree as a store: which recipients need a yes, and the program that encrypts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wizard.answers.questions import list_secret_variables
from wizard.clients.sops import open_sops
from wizard.formats.nested import get_value
from wizard.formats.sops_files import list_recipients
from wizard.formats.terminal import escape_unprintable
from wizard.formats.yaml_untrusted import parse_yaml
from wizard.plan.render import render
from wizard.stores.live import StoreLocation
from wizard.stores.sops.live.files import EncryptedFiles, FilesComposer
from wizard.stores.sops.questions import RECIPIENTS_KEY
from wizard.stores.sops.settings import sops_answers, values_path

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.clients.sops import Sops
    from wizard.git.repository import WorkTree
    from wizard.manifests.release import Release
    from wizard.secrets.facts import SecretSpec
    from wizard.stores.live import OpenStore

LOGIN_HINT = "install SOPS 3.10 or newer: https://getsops.io/docs/#download"


def find_login() -> Sops:
    """Return the program; WizardError, with how to install it, without one."""
    return open_sops()


def locate_files(
    answers: Answers,
    release: Release,
    agreed: Mapping[str, Any],
    repository: WorkTree,
    context: str = "",
) -> StoreLocation:
    """Return the encrypted files of the work tree; no cluster is needed."""
    del context
    return StoreLocation(
        title="SOPS",
        endpoint=f"the repository {repository.top.name}",
        source="the folder",
        required_consent=_list_consents(answers, release, agreed, repository),
        find_login=lambda: open_sops(list_secret_variables(answers)),
        login_hint=LOGIN_HINT,
        open=lambda sops: _open(sops, answers, release, repository),
        is_server=False,
    )


def _list_consents(
    answers: Answers, release: Release, agreed: Mapping[str, Any], repository: WorkTree
) -> dict[str, str]:
    """Return a question for each recipient that the values are not encrypted for yet, or still are.

    Before there is a file, those of the answers on the target branch count as known.
    """
    path = values_path(release)
    data = repository.read_from_disk(path)
    if data is None:
        listed = get_value(agreed, tuple(RECIPIENTS_KEY.split(".")))
        known = {str(get_value(one, ("key",))) for one in listed or () if isinstance(one, Mapping)}
    else:
        documents = [one for one in parse_yaml(path, data)[0] if isinstance(one, Mapping)]
        known = {key for one in documents for key in list_recipients(one)}
    questions = {
        f"{RECIPIENTS_KEY}.{one.key}": f"Let {one.key} decrypt every value (held by "
        f"{escape_unprintable(one.holder)}; verified: {escape_unprintable(one.verified)})?"
        for one in sops_answers(answers.secrets).recipients
        if one.key not in known
    }
    named = {one.key for one in sops_answers(answers.secrets).recipients}
    removed = sorted(known - named) if data is not None else []
    return questions | {
        f"{RECIPIENTS_KEY}.{escape_unprintable(key)}": "Encrypt everything again without "
        f"{escape_unprintable(key)} (it still opens what Git's history has)?"
        for key in removed
    }


@contextmanager
def _open(
    sops: Sops, answers: Answers, release: Release, repository: WorkTree
) -> Iterator[EncryptedFiles]:
    sops.require_version()
    total = render(answers, release.assets).total
    yield EncryptedFiles(sops, repository, release, total.encrypted, total.secrets)


def open_composer(
    store: OpenStore, release: Release, secrets: Sequence[SecretSpec]
) -> FilesComposer:
    """Return what encrypts the Secrets."""
    del release, secrets
    if not isinstance(store, EncryptedFiles):
        raise TypeError(f"{store.identity} is no program that encrypts")
    return FilesComposer(store)
