"""Probes of an external Redis that Celery uses as broker; all use the result of one session."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wizard.clients.redis import RedisClient, RedisError, RedisServer, RedisTarget
from wizard.engine.probes import (
    CachedCall,
    Probe,
    ProbeResult,
    fail_result,
    pass_result,
    skip_result,
    unknown_result,
    warn_result,
)
from wizard.errors import Fix

SECONDS = 15.0
_FIXES = {
    "unreachable": "pods may still reach it; try again from a machine in the pods' network",
    "trust": "set SSL_CERT_FILE to the CA that pods trust, and try again",
    "tls": "compare the URL's scheme, host and port with the server's certificate",
    "password": "check user and password with the broker's owner; percent-encode them in the URL",
    "database": "set the URL to a database that the server has",
    "peer": "correct scheme, host and port: rediss:// is TLS, redis:// is not",
    "refused": "ask the server's owner; the code in brackets is the server's reason",
}
_UNPROVEN_KINDS = {"unreachable", "trust"}

ServerLookup = Callable[[], RedisServer | RedisError]


def make_broker_lookup(client: RedisClient) -> ServerLookup:
    """Return a function that reads the server once and returns a failure instead of raising it."""

    def look() -> RedisServer | RedisError:
        try:
            return client.look()
        except RedisError as error:
            return error

    return look


def broker_probes(target: RedisTarget, look: ServerLookup, host: str, port: int) -> Iterator[Probe]:
    """Yield probes of address, TLS, login, version and memory.

    `host` and `port` are those of the answers.
    """
    session = CachedCall(look)

    def probe(what: str, judge: Callable[[RedisServer], ProbeResult]) -> Probe:
        async def run() -> ProbeResult:
            seen = await session()
            if isinstance(seen, RedisError):
                return skip_result("needs broker.login")
            return judge(seen)

        return Probe(
            f"broker.{what}", f"Broker: {what}", target.endpoint, run, SECONDS, "broker.host"
        )

    async def login() -> ProbeResult:
        seen = await session()
        return classify_error(seen) if isinstance(seen, RedisError) else check_login(seen, target)

    async def place() -> ProbeResult:
        return check_address(target, host, port)

    async def tls() -> ProbeResult:
        return check_encryption(target)

    yield Probe("broker.address", "Broker: address", target.endpoint, place, question="broker.host")
    yield Probe("broker.tls", "Broker: TLS", target.endpoint, tls, question="broker.url")
    yield Probe("broker.login", "Broker: login", target.endpoint, login, SECONDS, "broker.url")
    yield probe("version", check_version)
    yield probe("memory", check_memory)


def check_address(target: RedisTarget, host: str, port: int) -> ProbeResult:
    """Compare the answers with the URL: network policies use the former, Celery the latter."""
    if not host:
        return skip_result("broker.host is not set", Fix("set broker.host", "broker.host"))
    if (target.host.casefold(), target.port) == (host.casefold(), port):
        return pass_result("URL and answers have the same host and port")
    return fail_result(
        f"the URL has {target.endpoint}, the answers have {host}:{port}",
        Fix("correct broker.host and broker.port, or the URL", "broker.host"),
    )


def check_encryption(target: RedisTarget) -> ProbeResult:
    """Check that the URL requires verified TLS; the login probe tests what the server does."""
    if not target.tls:
        return warn_result("redis://: password and tasks are sent unencrypted", "use rediss://")
    if not target.verifies_tls:
        return warn_result(
            "rediss:// without verification: a man in the middle is accepted",
            "add ?ssl_cert_reqs=required to the URL",
        )
    return pass_result(
        "rediss:// allows only TLS connections to a server with a verified certificate"
    )


def classify_error(error: RedisError) -> ProbeResult:
    """Return the result of a failed session.

    The result is unknown if this machine may be the cause, and a failure otherwise.
    """
    result = unknown_result if error.kind in _UNPROVEN_KINDS else fail_result
    detail = error.message
    if error.kind == "trust":
        detail = f"this machine does not trust its certificate: {detail}; the password was not sent"
    elif error.kind == "tls":
        detail = f"{detail}; the password was not sent"
    return result(detail, _FIXES[error.kind])


def check_login(seen: RedisServer, target: RedisTarget) -> ProbeResult:
    """Check the server's role and mode, and whether it required the password."""
    if seen.role == "slave":
        return fail_result("the server is a read-only replica", "set the URL to the primary server")
    if seen.mode == "cluster":
        return fail_result(
            "the server is a Redis Cluster, which Celery does not support",
            "use a Redis without sharding",
        )
    if not seen.logged_in:
        if seen.asks and target.password is None:
            return fail_result(
                "the server requires a password, and the URL has none", _FIXES["password"]
            )
        if seen.asks:
            return unknown_result(
                "the server requires a password, which is never sent unencrypted",
                "use rediss://, or test the login from a pod",
            )
        if target.password is None:
            return warn_result(
                "the server has no password: everybody who reaches it can read and write tasks",
                "have a password set (requirepass, or a separate user)",
            )
        return fail_result(
            "the server requires no password and refuses a login with one", _FIXES["password"]
        )
    return pass_result(f"{target.user or 'default'} at database {target.database}")


def check_version(seen: RedisServer) -> ProbeResult:
    """Return the server's version, for information only."""
    if not seen.version:
        return unknown_result(
            "this user cannot run INFO", "allow this user INFO, or check on the server"
        )
    return pass_result(f"Redis {seen.version}", seen.version)


def check_memory(seen: RedisServer) -> ProbeResult:
    """Check the eviction policy: queued tasks do not expire, so only `allkeys-*` evicts them."""
    if not seen.policy:
        return unknown_result(
            "this user cannot run INFO", "allow this user INFO, or check on the server"
        )
    if not seen.policy.startswith("allkeys-"):
        return pass_result(f"maxmemory-policy {seen.policy}")
    when = "as soon as memory is full" if seen.has_memory_limit else "once it has a memory limit"
    return warn_result(
        f"maxmemory-policy {seen.policy} drops queued tasks {when}",
        "set maxmemory-policy noeviction",
    )
