"""Rules for templates of ExternalSecrets: no `<no value>`, broken URL or parse error.

Source: facts on External Secrets; every case was tested with the operator's template engine v2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from wizard.checks.subject import Document, Subject, as_list, as_mapping, get_nested
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.hostkeys.git_connections import refuse_connection

# Quoted text may contain braces; quoted text that is not closed extends to the end.
_MARK = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)|`[^`]*+(?:`|\Z)|-?\}\}', re.DOTALL)
_COMMENT = re.compile(r"-?\s?/\*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)|`[^`]*+(?:`|\Z)', re.DOTALL)
_VARIABLE = re.compile(r"(?<![\w)\]])\.([A-Za-z_]\w*)")
_DASH = re.compile(r"\.\w+-[A-Za-z_]")
_UNDEFINED = re.compile(r"(?<![.\w])(required|env|expandenv|getHostByName)(?!\w)")
_SILENT = re.compile(r"(?<![.\w])(index|get)\b")
_BLOCK = re.compile(r"(?<![.\w])(range|with|define|block)\b")
_QUERY = re.compile(r"\burlquery\b(?!\s*\|\s*replace\s+\"\+\"\s+\"%20\")")


def check_templates(subject: Subject) -> Iterator[Finding]:
    """Check every template of every ExternalSecret."""
    for document in subject.objects("ExternalSecret", "ClusterExternalSecret"):
        spec = document.spec
        place = "spec"
        if document.kind == "ClusterExternalSecret":
            spec, place = as_mapping(spec.get("externalSecretSpec")), "spec.externalSecretSpec"
        template = as_mapping(get_nested(spec, "target", "template"))
        place = f"{place}.target.template"
        if template and template.get("engineVersion", "v2") != "v2":
            message, fix = "only engine v2 exists since 0.16", "write engineVersion: v2"
            yield _finding(document, "template.engine", f"{place}.engineVersion", message, fix)
        variables = _variables(spec)
        for key, text in as_mapping(template.get("data")).items():
            if isinstance(text, str):
                yield from _template(document, f"{place}.data.{key}", text, variables)


def _variables(spec: Mapping[str, object]) -> frozenset[str] | None:
    """Return the names a template may use; None with `dataFrom`: they depend on the store."""
    if as_list(spec.get("dataFrom")):
        return None
    return frozenset(str(get_nested(item, "secretKey")) for item in as_list(spec.get("data")))


def _template(
    document: Document, where: str, text: str, variables: frozenset[str] | None
) -> Iterator[Finding]:
    if message := refuse_connection(text):
        fix = "write strict_host_key_checking yes and a known_hosts_file"
        yield _finding(document, "git-sync.verification", where, message, fix)
    actions, is_closed = _split_actions(text)
    if not is_closed:
        message = "an action or a quoted text in it is not closed, so the template does not parse"
        yield _finding(document, "template.open", where, message, "close it with }}")
    nested = any(_BLOCK.search(_TEXT.sub('""', action)) for action in actions)
    for action in actions:
        code = _TEXT.sub('""', action)
        yield from _check_action(document, where, action, code)
        names = set() if nested or variables is None else set(_VARIABLE.findall(code))
        if variables is not None and names - variables:
            message = "uses a variable that no entry in spec.data provides"
            fix = "add an entry with that secretKey, or correct the template"
            yield _finding(document, "template.variable", where, message, fix)


def _split_actions(text: str) -> tuple[list[str], bool]:
    """Return the code of each `{{...}}`, and whether all of them are closed.

    The time is proportional to the text's length: nothing is read twice.
    """
    actions: list[str] = []
    start = text.find("{{")
    while start >= 0:
        comment = _COMMENT.match(text, start + 2)
        inside = text.find("*/", comment.end()) if comment else start + 2
        ends = _MARK.finditer(text, inside) if inside >= 0 else iter(())
        end = next((mark for mark in ends if mark[0] in {"}}", "-}}"}), None)
        if end is None:
            return actions, False
        if not comment:
            actions.append(text[start + 2 : end.start()].removeprefix("-"))
        start = text.find("{{", end.end())
    return actions, True


def _check_action(document: Document, where: str, action: str, code: str) -> Iterator[Finding]:
    """Report template code that does not work in the operator, in most cases without an error."""
    if "fromYaml" in code and _SILENT.search(code):
        message = "index and get write `<no value>` or nothing for a missing key"
        fix = "use dot access, which fails with an error: (fromYaml .config).key"
        yield _finding(document, "template.index", where, message, fix)
    elif _DASH.search(code):
        message = "dot access to a name with a dash does not parse"
        yield _finding(document, "template.dash", where, message, "use a name without dashes")
    if _QUERY.search(action):
        message = "urlquery writes a space as +, which stays + in the password of a URL"
        fix = 'write urlquery | replace "+" "%20"'
        yield _finding(document, "template.urlquery", where, message, fix)
    if _UNDEFINED.search(code):
        message = "uses a function that the operator does not define"
        fix = "use plain dot access: a missing key is already an error"
        yield _finding(document, "template.function", where, message, fix)


def _finding(document: Document, rule: str, where: str, message: str, fix: str) -> Finding:
    return Finding(rule, "error", document.path, document.where(where), message, Fix(fix))
