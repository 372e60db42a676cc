"""Finds passwords in the words of comments and prose: `the password is ...`, `# password ...`.

All quantifiers are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wizard.secrets import verdicts
from wizard.secrets.file_formats import is_comment
from wizard.secrets.tokens import compile_once
from wizard.secrets.verdicts import Found

_TOKENS = ("token", "secret")
_WORDS = ("password", "passphrase", "passwd", "pw", "passwort", "kennwort", *_TOKENS)
_SENTENCE = (
    # psql's `\password` is followed by the name of a role.
    r"(?i)(?<!\\)\b(?P<name>" + "|".join(_WORDS) + r")\b(?P<verb>[ \t]{1,3}(?:is|was|ist|war)"
    r"(?:[ \t]{1,3}(?:set|changed|reset)[ \t]{1,3}to)?:?)?[ \t]{1,3}"
    r"(?P<quote>[\"'`]?)(?P<value>[^\s\"'`,;()<>{}|\[\]]{3,100})(?P=quote)(?P<rest>[^\n]?)"
)
# What a password is said to be: required, generated, optional, wrong.
_STATE = re.compile(
    r"(?:\w{2,30}(?:ed|en|ing|al|ble|ory|ent|ant|ive|ic|ary|ful|less|ly|ous|id|own|ect|cure|ult|ique"
    r"|ain|ier|ger|ter|est|ong|tely|lich|bar|los|ig|text|case|where)|above|bad|below|blank|bytes|case-sensitive|complex|empty|fine"
    r"|first|geheim|gone|good|held|here|infinite|it|kept|last|leer|long|lost|mine|more|new|next|none|not|null|old"
    r"|one|open|ours|out|plaintext|private|public|put|random|read|ready|safe|same|sent|set|short"
    r"|simple|so|stale|text|that|theirs|there|this|too|true|unset|weak|what|yours)"
)


def find_sentences(text: str, lowered: str, *, prose: bool) -> Iterator[Found]:
    """Yield the passwords that prose, or a comment of code, tells; `lowered` is in lower case."""
    if not any(word in lowered for word in _WORDS):
        return
    for match in compile_once(_SENTENCE).finditer(text):
        if _tells(match) and (prose or is_comment(text, match.start())):
            yield match.start(), "literal", "a password in a sentence"


def _tells(match: re.Match[str]) -> bool:
    """Return whether the sentence ends with the password; one after no verb must look like one."""
    said, value = match["value"], match["value"].rstrip(".!?:")
    if verdicts.judge_literal("PASSWORD", value) != "literal" or verdicts.is_algorithm(value):
        return False
    if match["name"].lower() in _TOKENS:
        return len(value) >= 20 and verdicts.is_random(value)
    if not match["verb"]:
        return verdicts.is_mixed(value)
    if not value.isalnum() or value.isdecimal() or verdicts.is_named_secret(value):
        return False
    ends = value != said or match["rest"] in ("", "\r", ".", ",", ";", ")")
    return (ends or bool(match["quote"])) and not _STATE.fullmatch(value.lower())
