"""Text that makes careless searches slow: pieces, each repeated to any length."""

from __future__ import annotations

from wizard.secrets.tokens import SHAPES

# What a pattern starts with, what it repeats, and what it waits for in vain.
PIECES = (
    "a", " ", "\n", "\t", "/", "=", ":", "-", ".", "_", "@", "{", "}", "{{", "{{ ", "{{}}", "{{x}}",
    "${", "$(", "%", "%3D", "%22", "<", ">", "</", "<a", "<a>", "'", '"', "\\", '\\"', "`", "(",
    "[",
    "a://", "://", "://a:", "://a@", "a://{{", "a://{{}}", "a://:{", "://<a ", "x://a:b",
    "-----BEGIN ", "-----BEGIN A PRIVATE KEY-----", "PRIVATE KEY", "PuTTY-User-Key-File-",
    "password", "password=", "password: ", "password:", 'password="', "password='a", "password = (",
    '"password": "', '\\"password\\": \\"', "password: |\n  ", "password:\n ", "password\n- ",
    "--password", "--password ", "--password \\\n", "password | default ", 'password", "',
    "<password>", "<password>a", "password: a[", "password: str = ", "name: password\n value: ",
    "password=${", "password={{", "password=<", "password=<a", "password=your ", "password=a.",
    "password=/a", "password=x-", "password=A_", "key", "token.", "secret-", "secret_", "a.secret",
    "AIRFLOW_CONN_", "AIRFLOW_CONN_A=a://", "conn_", "signature", "pat ", "_pat",
    "machine a login b ", "machine a ", "default login a ", "login a ", "password a ",
    "a:1:", "a:11:b:c:", "h:5432:d:u:p\n", '"a" "', '"auth": "', '"auth": "aaaa', '"kty" "d": "',
    '"kty" "k": "aaaaaaaaaaaaaaaa', "authorization: bearer ", "authorization: bearer a", "bearer ",
    "bearer a1", "?sig=", "&key=a", "curl -u ", "curl ", "docker login ", "docker login -p ",
    "mysql -p", "redis-cli -a ", "identified by '", "requirepass ", "sshpass -p", "\\u0022",
    "# ", "A" * 24, "A" * 24 + "\n", "A" * 30 + "\n ", "H4sI", "LS0t", "MIIE", "MC4CAQAw",
    "import a\npassword=", "é", "İ", "\N{OGHAM SPACE MARK}", "1", "a1", "x", "*", "xxx",
    "$2b$12$", "$6$a$",
)  # fmt: skip


def pieces() -> list[str]:
    """All pieces, with every needle of a token alone, after a delimiter, and before a run."""
    needles = dict.fromkeys(needle for shape in SHAPES for needle in shape.needles)
    return [
        *PIECES,
        *needles,
        *(f"-{needle}" for needle in needles),
        *(f" {needle}{'a' * 30}-" for needle in needles),
    ]


def repeat(piece: str, length: int) -> str:
    """The piece again and again, `length` characters in all."""
    return (piece * (length // len(piece) + 1))[:length]
