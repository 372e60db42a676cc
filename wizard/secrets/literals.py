"""Finds literal values under secret-like names in text of any syntax.

The search does not parse: it finds the words that names of secrets have (`pass`, `token`, ...),
reads the whole name, what separates it from a value, and the value. So it finds a secret as a
second key of its line, in JSON inside a string, as an argument of a call, a flag or an attribute.
names.py judges the name and the value; file_formats.py has the formats without a name.

All quantifiers are bounded and a name is read once, so the time is linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_plus

from wizard.secrets import names, verdicts
from wizard.secrets.file_formats import find_formats
from wizard.secrets.sentences import find_sentences
from wizard.secrets.verdicts import Found

_WHAT = "a value under a secret's name"
_STEM = re.compile(
    r"pass|pwd|pw\b|secret|token|cred|key|conn_|signature|_pat\b|\bpat\b|salt|pepper|pin\b|kennwort"
    r"|geheimnis|contrase|senha|wachtwoord|has[lł]o|l[oö]senord|salasana|heslo|jelsz|пароль|密码|密碼"
    r"|口令|パスワード|비밀번호"
)
_LEFT = re.compile(r"[\w.-]{0,60}")
_RIGHT = re.compile(r"[\w.-]{0,60}+")
_LONGEST = 4000
_PLAIN = re.compile(r"[\w./@-]*+")

# What may be between a name and its value.
_CLOSE = r"(?:\\{0,4}[\"'`])?"
_ANNOTATED = re.compile(
    _CLOSE + r"[ \t]{0,20}:[ \t]{0,9}[A-Za-z][\w.]{0,40}(?:\[[\w., |\[\]]{0,40}\])?"
    r"(?:[ \t]?\|[ \t]?\w{1,20})?[ \t]{0,9}=(?!=)[ \t]{0,20}"
)
_ASSIGNED = re.compile(
    _CLOSE + r"\)?\]?[ \t]{0,40}(?P<sign>:=|:-|=>|===?|\+=|\?=|=|:)(?P<gap>[ \t]{0,80})"
)
_ELEMENT = re.compile(r"[^<>\"'=\n]{0,80}>(?:<!\[CDATA\[)?(?=[^<>\n]{1,400}(?:\]\]>)?</)")
_PAIR = re.compile(
    r"\\{0,4}[\"']?[ \t]{0,9}+(?:</\w{1,20}>|/?>|,|;)?\s{0,80}+(?:-[ ])?[<{]?\\{0,4}[\"']?"
    r"(?:value|val|Value|VALUE|defaultValue|default)\\{0,4}[\"']?[ \t]{0,9}[:=>][ \t]{0,9}"
)
_LISTED = re.compile(r"\\{0,4}[\"'][ \t]{0,20},\s{0,80}(?=\\{0,4}[rbfu]?[\"'])")
_NEXT_ITEM = re.compile(r"\\{0,4}[\"']?[ \t]{0,20}\r?\n[ \t]{0,80}-[ \t]{1,20}")
_SPACED = re.compile(r"\\{0,4}[\"']?(?:[ \t]{0,40}\\\r?\n[ \t]{0,40}|[ \t]{1,40})")
_DEFAULT = re.compile(r"[ \t]{0,9}\|[ \t]{0,9}default[ \t(]{1,9}(?=\\{0,4}[\"'])")
_SQL = re.compile(r"[ \t]{1,20}(?=')")
# `The password is ...`, `set_password("...")`.
_SAID = re.compile(r"[ \t]{1,3}(?:is|was|to)(?:[ \t]{1,3}|:[ \t]{1,3})")
_SET = re.compile(r"\([ \t]{0,9}(?=[rbfu]?[\"'])")
_SETTERS = ("set", "with", "use")
_DEFINING = re.compile(
    r"(?:^|[\s;&])(?:ENV|setenv|set\s+-g?x|SetEnv|(?:variables|config(?:ure)?)\s+set"
    r"|\w{1,20}_(?:set|add)_header|(?:set|add)_header)[ \t]{1,20}(?:\S{1,60}[:/])?\Z"
)

_QUOTED = re.compile(
    r"(?:[\[(][ \t\r\n]{0,40})?(?P<prefix>[rbfuRBFU]{0,2})(?P<quote>\\{0,4}(?:\"{3}|'{3}|[\"'`]))"
)
_CALL_OF_TEXT = re.compile(
    r"(?:[\w.]{0,40}(?:Secret|SecretStr|str|String|bytes|quote|b64decode|fromhex))\((?=[rbfu]?[\"'])"
)
# The value of code if nothing else is set: `os.getenv("X", "...")`, `os.environ["X"] or "..."`.
_FALLBACK = re.compile(
    r"[\w.]{1,60}[(\[][ \t]{0,9}[\"'][^\"'\n]{0,100}[\"'](?:"
    r"[ \t]{0,9},[ \t]{0,9}(?:default=)?|(?:,[ \t]{0,9}None)?[)\]][ \t]{1,9}or[ \t]{1,9})"
    r"[rbfu]?[\"'](?P<value>[^\"'\n]{3,400})[\"']"
)
_BARE = re.compile(r"[^\s,;&\"'`<>\[\](){}|]{1,200}")
_TAG = re.compile(r"(?:!!\w{1,20}[ \t]{1,9}|&\w{1,40}[ \t]{1,9})?")
_BLOCK = re.compile(r"[|>][+-]?\d?[ \t]{0,20}\r?\n[ \t]{1,80}")
_CONTINUED = re.compile(r"(?:\\?\r?\n[ \t]{1,80})(?=[\"'])")
# What is between two texts of an expression: `"password": ' + value + '`.
_CONCATENATED = re.compile(r"[+%.&|][^\"'\n]{0,200}[+.&|]|[,;:)\]}\s]{0,20}")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+")
_CODE = re.compile(r"^(?:import|from|def|class|@\w+|const|let|var|func|package)\b", re.MULTILINE)
_WORDS_AFTER_FLAG = frozenset(
    [
        "to",
        "is",
        "or",
        "and",
        "option",
        "flag",
        "from",
        "for",
        "in",
        "with",
        "the",
        "a",
        "an",
        "instead",
        "value",
        "on",
        "of",
        "if",
        "when",
        "as",
        "are",
        "which",
        "that",
        "must",
        "may",
        "can",
        "it",
        "not",
        "at",
        "by",
        "has",
        "was",
        "be",
        "takes",
        "reads",
        "names",
    ]
)

# A mapping whose values are names: `secretKeys: {password: DB_PASSWORD}`.
_NAMING = re.compile(
    r"(?i)(?:keys?|names?|refs?|from|fields?|mapping|\wenv|_env)[\"']?[ \t]{0,9}[:=]"
)
_YAML_TAG = re.compile(r"![A-Za-z!][\w.:/-]{0,60}+(?=[ \t]{1,9}\S|[ \t]{0,9}\r?\n[ \t])")
_NEGATION = re.compile(r"!{1,2}[A-Za-z_][A-Za-z_.]{0,60}+(?![\w!@#$%^&*])")
_ESCAPED = re.compile(r"%(?:3[ADad]|2[26]|5[Bb]|7[Bb])|\\u00(?:22|26|27|3[ade])", re.IGNORECASE)
_UNICODE = re.compile(r"\\u00([0-9A-Fa-f]{2})")


def find_literals(text: str, *, prose: bool = False) -> Iterator[Found]:
    """Yield (offset, "literal" or "placeholder", kind) of every value under a secret's name.

    In `prose`, a value must look like a secret, and placeholders are not reported.
    """
    if is_plain(text):
        return
    yield from _find_plain(text, prose)
    if "%" in text or "\\u00" in text:
        start = 0
        for line in text.splitlines(keepends=True):
            if _ESCAPED.search(line):
                plain = unquote_plus(_UNICODE.sub(lambda match: chr(int(match[1], 16)), line))
                for _, kind, what in _find_plain(plain, prose):
                    yield start, kind, what
            start += len(line)


def is_plain(text: str) -> bool:
    """Return whether the text is one word, name or path, without a separator and a value."""
    return _PLAIN.fullmatch(text) is not None


def _find_plain(text: str, prose: bool) -> Iterator[Found]:
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(char.lower() if char.isascii() else char for char in text)
    for offset, kind in _Named(text, lowered, prose).find():
        yield offset, kind, _WHAT
    yield from find_formats(text, lowered, prose=prose)
    yield from find_sentences(text, lowered, prose=prose)


class _Name(NamedTuple):
    """A secret-like name in the text, without the dashes of a flag."""

    text: str
    start: int
    end: int
    flag: bool


class _Named:
    """The search for `name separator value` in one text."""

    def __init__(self, text: str, lowered: str, prose: bool) -> None:
        self._text = text
        self._lowered = lowered
        self._prose = prose
        self._code: bool | None = None

    def find(self) -> Iterator[tuple[int, str]]:
        """Yield the offset of each secret's name with its verdict."""
        text, done = self._text, 0
        for match in _STEM.finditer(self._lowered):
            stem = match.start()
            if stem < done:
                continue
            right = _RIGHT.match(text, match.end())
            end = right.end() if right else match.end()
            reach = text[max(done, stem - 60) : stem][::-1]
            left = _LEFT.match(reach)
            start = stem - (left.end() if left else 0)
            done = end
            name = text[start:end].rstrip(".-")
            end = start + len(name)
            bare = name.lstrip("-.")
            if not _may_be_secret(bare):
                continue
            kind = self._judge(_Name(bare, start, end, name.startswith("--")))
            if kind:
                yield start, kind

    def _judge(self, name: _Name) -> str:
        text, start, end = self._text, name.start, name.end
        if match := _ANNOTATED.match(text, end):
            return self._value(name, match.end(), code=True)
        if match := _ASSIGNED.match(text, end):
            at, colon = match.end(), match["sign"] in (":", ":-")
            if match["sign"] == ":" and not match["gap"] and at < len(text):
                if text[match.start("sign") - 1] in " \t" and text[at] in "'\"":
                    return ""  # a variable of psql
                if text[at] in "\r\n":
                    return "" if self._is_code() else self._value(name, at, code=False)
                return self._value(name, at, code=False, tight=True)
            if match["sign"] == "=" and text[max(0, start - 1) : start] in ("?", "&"):
                return self._value(
                    name, at, code=False, listed=not names.is_password_name(name.text)
                )
            if text[max(0, start - 1) : end + 1].endswith(")") and text[start - 1] == "|":
                return ""  # a regular expression
            call = not colon and not match["gap"] and self._in_call(start, end)
            return self._value(name, at, code=call or "==" in match["sign"], sentence=colon)
        for pattern in (_PAIR, _ELEMENT, _DEFAULT):
            if match := pattern.match(text, end):
                return self._value(name, match.end(), code=False)
        if match := _LISTED.match(text, end):
            return self._value(name, match.end(), code=False, listed=not name.flag)
        if name.flag and (match := _NEXT_ITEM.match(text, end) or _SPACED.match(text, end)):
            return self._value(name, match.end(), code=False, spaced=True)
        line = text[max(text.rfind("\n", 0, start) + 1, start - 80) : start]
        if _DEFINING.search(line) and (match := _SPACED.match(text, end)):
            return self._value(name, match.end(), code=False, spaced=True)
        if name.text.lower() == "password" and (match := _SQL.match(text, end)):
            return self._value(name, match.end(), code=False)
        setter = name.text.rpartition(".")[2].lower().startswith(_SETTERS)
        if match := _SAID.match(text, end) or (_SET.match(text, end) if setter else None):
            return self._value(name, match.end(), code=False, listed=True)
        return ""

    def _in_call(self, start: int, end: int) -> bool:
        """Return whether the name is an argument of a call: `f(a, token=token)`."""
        before = self._text[max(0, start - 3) : start].rstrip()
        if not before.endswith(("(", ",")) or self._text[end : end + 1] != "=":
            return False
        # Options of a command are separated by commas, too: `mount -o user=ada,password=...`.
        return before.endswith("(") or "(" in self._text[max(0, start - 400) : start]

    def _value(
        self,
        name: _Name,
        at: int,
        *,
        code: bool,
        tight: bool = False,
        listed: bool = False,
        spaced: bool = False,
        sentence: bool = False,
    ) -> str:
        """Judge the value at this place.

        In `code`, a plain word is a variable; a `tight` one follows a colon without a space, as in
        prose and addresses; a `listed` one follows a comma or a word; a `spaced` one follows a
        space. After `name: `, more words make it a `sentence`.
        """
        text = self._text
        if match := _BLOCK.match(text, at) or _CONTINUED.match(text, at) or _TAG.match(text, at):
            at = match.end()
        if match := _CALL_OF_TEXT.match(text, at):
            at = match.end()
        quoted = _QUOTED.match(text, at)
        if match := None if quoted else _FALLBACK.match(text, at):
            value = match["value"]
            return "literal" if verdicts.is_mixed(value) and "/" not in value else ""
        if quoted:
            value = self._quoted(quoted)
            if quoted["quote"] == "`" and not verdicts.is_mixed(value):
                return ""  # a command of the shell
            if self._closes(name, quoted["quote"]) or _CONCATENATED.fullmatch(value):
                return ""
        else:
            value = self._bare(at, code, sentence or self._prose)
            if spaced and value.lower() in _WORDS_AFTER_FLAG:
                return ""
        if not value or (len(value) < 2 and not quoted):
            return ""
        if verdicts.is_variable(value) and (self._is_code() or self._names_variables(name.start)):
            return ""
        return self._verdict(name.text, value, strict=(tight and not quoted) or listed)

    def _names_variables(self, start: int) -> bool:
        """Return whether the mapping in this line holds the names of variables or keys."""
        line = self._text[max(self._text.rfind("\n", 0, start) + 1, start - 200) : start]
        return _NAMING.search(line) is not None

    def _closes(self, name: _Name, quote: str) -> bool:
        """Return whether the quote ends the text that starts with the name: `"password="`."""
        before = self._text[max(0, name.start - len(quote)) : name.start]
        return before == quote and not self._text.startswith(quote, name.end)

    def _quoted(self, match: re.Match[str]) -> str:
        quote, start = match["quote"], match.end()
        limit = min(len(self._text), start + _LONGEST)
        end = self._text.find(quote, start, limit)
        value = self._text[start : end if end >= 0 else limit]
        if len(quote.lstrip("\\")) == 1:
            value = value.partition("\n")[0]
        if "f" in match["prefix"].lower():
            value = re.sub(r"\{[^{}]{1,200}\}", "${x}", value)
        return value.strip()

    def _bare(self, at: int, code: bool, sentence: bool) -> str:
        """Return the unquoted value, "" for a reference, a call, or a variable of code."""
        text = self._text
        if text.startswith((".*", ".+", "\\S", "\\w"), at):
            return ""  # a regular expression
        if _YAML_TAG.match(text, at) or _NEGATION.match(text, at):
            return ""
        if text.startswith(("{{", "${", "$(", "{%", "<%", "*"), at):
            end = text.find("\n", at, at + 200)
            line = text[at : end if end >= 0 else at + 200].strip()
            return line if line.startswith("*") and not line.strip("*") else ""
        if text.startswith("<", at):
            match = re.compile(r"<[^<>\n]{1,60}>").match(text, at)
            return match[0] if match else ""
        match = _BARE.match(text, at)
        if match is None:
            return ""
        value = match[0].rstrip(".\\" if self._prose else "\\")
        follows = text[match.end() : match.end() + 1]
        identifier = _IDENTIFIER.fullmatch(value) is not None
        if follows in ("(", "[") and identifier and follows:
            return ""
        if identifier and ("." in value or code or self._is_code()):
            return ""
        rest = text[match.end() : match.end() + 40].partition("\n")[0].strip()
        words = sentence and rest[:1].isalpha() and identifier and not verdicts.is_mixed(value)
        return "" if words else value

    def _is_code(self) -> bool:
        if self._code is None:
            self._code = _CODE.search(self._text) is not None
        return self._code

    def _verdict(self, name: str, value: str, *, strict: bool) -> str:
        if name.upper().startswith("AIRFLOW_CONN_"):
            verdict = verdicts.judge_value(name, value)
        else:
            verdict = verdicts.judge_literal(name, value)
        if verdict == "placeholder" and (self._prose or strict):
            return ""
        if verdict == "literal" and (self._prose or strict):
            looks = (
                verdicts.is_mixed_password if names.is_password_name(name) else verdicts.is_mixed
            )
            return verdict if looks(value) else ""
        return verdict


def _may_be_secret(name: str) -> bool:
    if name.upper().startswith("AIRFLOW_CONN_"):
        return True
    last = name.rpartition("/")[2]
    return last not in ("secret", "secretKey") and names.is_secret_name(last)
