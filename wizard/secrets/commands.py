"""Finds the secrets that commands take as an argument: `curl -u ada:...`, `sqlplus ada/...@db`.

All quantifiers are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator

from wizard.secrets.tokens import compile_once
from wizard.secrets.verdicts import Found, judge_password

# A text of each such command in lower case, and the command with its password.
_COMMANDS: tuple[tuple[str, str], ...] = (
    (
        "curl",
        r"\bcurl\b[^\n|;]{0,200}?[ \t](?:-u|--user|--proxy-user)[ \t=]{0,3}[\"']?"
        r"[^\s:\"']{1,80}:(?P<value>[^\s\"']{3,400})",
    ),
    (
        "echo",
        r"\becho[ \t]{1,9}(?:-n[ \t]{1,9})?[\"']?(?:[\w.-]{1,40}:)?(?P<value>[^\s\"'|]{3,400})"
        r"[\"']?[ \t]{0,9}\|[ \t]{0,9}"
        r"(?:sudo[ \t]{1,9}(?:-\w{1,3}[ \t]{1,9})?-\w{0,3}S\b|kinit\b|(?:ch)?passwd\b)",
    ),
    ("ldap", r"\bldap\w{2,9}\b[^\n|;]{0,200}?[ \t]-w[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})"),
    (
        "mongo",
        r"\bmongo\w{0,9}\b[^\n|;]{0,200}?[ \t]-p[ \t]{0,3}[\"']?"
        r"(?P<value>[^\s\"'-][^\s\"']{2,400})",
    ),
    ("zip", r"\b(?:un)?zip\b[^\n|;]{0,200}?[ \t]-P[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})"),
    (
        "openssl",
        r"\bopenssl[ \t]{1,9}enc\b[^\n|;]{0,200}?[ \t]-k[ \t]{1,3}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    (
        "pass",
        r"[ \t]-(?:store|key|srcstore|deststore)pass[ \t]{1,3}[\"']?(?!changeit\b)"
        r"(?P<value>[^\s\"']{3,400})",
    ),
    ("sshpass", r"\bsshpass[ \t]{1,9}-p[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})"),
    (
        "login",
        r"\b(?:docker|podman|nerdctl|buildah|skopeo|oras|helm registry|az)[ \t]{1,9}login\b"
        r"[^\n|;]{0,200}?[ \t]-p[ \t=]{0,3}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    (
        "mysql",
        r"\bmysql(?:dump|admin)?\b[^\n|;]{0,200}?[ \t]-p(?P<value>[^\s\"'-][^\s\"']{2,400})",
    ),
    (
        "redis-cli",
        r"\bredis-cli\b[^\n|;]{0,200}?[ \t]-a[ \t]{0,3}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    (
        "identified",
        r"\bidentified[ \t]{1,9}(?:with[ \t]{1,9}\w{1,40}[ \t]{1,9})?by[ \t]{1,9}"
        r"(?:password[ \t]{1,9})?'(?P<value>[^'\n]{1,400})'",
    ),
    (
        "password-stdin",
        r"\becho[ \t]{1,9}(?:-n[ \t]{1,9})?[\"']?(?P<value>[^\s\"'|]{3,400})[\"']?[ \t]{0,9}\|"
        r"[^\n|]{0,200}--password-stdin",
    ),
    (
        "htpasswd",
        r"\bhtpasswd[ \t]{1,9}-\w{0,9}b\w{0,9}[ \t]{1,9}(?:\S{1,200}[ \t]{1,9}){1,2}"
        r"(?P<value>[^\s\"'|;&]{3,400})[ \t]{0,9}$",
    ),
    ("requirepass", r"\brequirepass[ \t]{1,9}[\"']?(?P<value>[^\s\"']{3,400})"),
    # Oracle's programs and drivers take both in one text.
    (
        "/",
        r"\b(?:sqlplus|sqlldr|expdp|impdp|rman)\d{0,3}\b[^\n|;]{0,200}?[ \t]"
        r"(?:userid=|target[ \t=])?[\"']?[A-Za-z_][\w$#.]{0,60}/(?P<value>[^\s/@\"']{1,200})"
        r"(?=@|[\"']?[ \t]{0,9}$|[\"']?[ \t]{1,9}(?:@|\w{1,40}=))",
    ),
    ("jdbc:oracle", r"jdbc:oracle:\w{3,5}:[\w$#.]{1,60}/(?P<value>[^\s/@\"'{}]{1,200})@"),
    (
        "connect(",
        r"\bconnect\(\s{0,40}(?:dsn=)?[\"'][\w$#.]{1,60}/(?P<value>[^\s/@\"'{}]{1,200})@",
    ),
    (
        "%",
        r"\b(?:smb\w{1,12}|rpcclient|net|winexe|wmic|nmblookup)\b[^\n|;]{0,200}?[ \t](?:-U|--user)"
        r"[ \t=]{0,3}[\"']?[^\s%\"'$]{1,80}%(?P<value>[^\s\"']{2,400})",
    ),
    (
        "ftp",
        r"\b(?:lftp|ncftp\w{0,4})\b[^\n|;]{0,200}?[ \t](?:-u|--user)[ \t=]{0,3}[\"']?"
        r"[^\s,\"']{1,80},(?P<value>[^\s\"']{2,400})",
    ),
    (
        "-pw",
        r"\b(?:plink|pscp|psftp|putty)\b[^\n|;]{0,200}?[ \t]-pw[ \t]{1,3}[\"']?"
        r"(?P<value>[^\s\"']{3,400})",
    ),
    (
        "-p",
        r"\b(?:sqlcmd|bcp|isql|tsql)\b[^\n|;]{0,200}?[ \t](?-i:-P)[ \t]{0,3}[\"']?"
        r"(?P<value>[^\s\"']{3,400})",
    ),
    (
        "rabbitmqctl",
        r"\brabbitmqctl\b[^\n|;]{0,100}?[ \t](?:add_user|change_password|authenticate_user)"
        r"[ \t]{1,9}\S{1,80}[ \t]{1,9}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    ("pass:", r"[ \t]-pass(?:in|out)?[ \t=]{1,3}[\"']?pass:(?P<value>[^\s\"']{1,400})"),
    (
        "users",
        r"\bairflow[ \t]{1,9}users[ \t]{1,9}create\b[^\n|;]{0,300}?[ \t]-p[ \t=]{0,3}[\"']?"
        r"(?P<value>[^\s\"']{3,400})",
    ),
    (
        "http",
        r"(?:^|[\s;&(])https?[ \t][^\n|;]{0,200}?(?:-a|--auth)[ \t=]{1,3}[\"']?[^\s:\"'$]{1,80}:"
        r"(?P<value>[^\s\"']{3,400})",
    ),
    (
        "alias",
        r"\bmc[ \t]{1,9}alias[ \t]{1,9}set[ \t]{1,9}\S{1,80}[ \t]{1,9}\S{1,200}[ \t]{1,9}\S{1,100}"
        r"[ \t]{1,9}[\"']?(?P<value>[^\s\"']{3,400})",
    ),
    (
        "http-basic.",
        r"\bhttp-basic\.[\w-]{1,60}[ \t]{1,9}[^\s]{1,80}[ \t]{1,9}[\"']?"
        r"(?P<value>[^\s\"']{3,400})",
    ),
    (
        "--from-literal",
        r"\bsecret\b[^\n|;]{0,400}?--from-literal[ \t=]{1,3}[\"']?"
        r"(?!(?:user|username|login|e?mail|host|name|url|server|port|type|region|database|db)=)"
        r"[^\s=\"']{1,80}=[\"']?(?!\$\(|\w{2,20}://)(?P<value>[^\s\"']{3,400})",
    ),
)


def find_commands(text: str, lowered: str) -> Iterator[Found]:
    """Yield the passwords of commands in a text; `lowered` is the text in lower case."""
    for word, pattern in _COMMANDS:
        for match in compile_once(f"(?im){pattern}").finditer(text) if word in lowered else ():
            yield from judge_password(match.start(), match["value"], "a password of a command")
