"""Probes of an external Redis that Celery uses as its broker: one session, read by all of them."""

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
    "unreachable": "pods may see it otherwise; try again from a machine in the same network",
    "trust": "try again with SSL_CERT_FILE naming the CA that pods trust",
    "tls": "compare the URL's scheme, host and port with the server's certificate",
    "password": "compare user and password with the broker's owner; encode them in the URL",
    "database": "name a database in the URL that the server has",
    "peer": "correct scheme, host and port: rediss:// is TLS, redis:// is not",
    "refused": "ask the server's owner: the code in brackets is the server's reason",
}
_UNPROVEN_KINDS = {"unreachable", "trust"}

ServerLookup = Callable[[], RedisServer | RedisError]


def make_broker_lookup(client: RedisClient) -> ServerLookup:
    """One look that hands its failure back as a value, for all probes that read it."""

    def look() -> RedisServer | RedisError:
        try:
            return client.look()
        except RedisError as error:
            return error

    return look


def broker_probes(target: RedisTarget, look: ServerLookup, host: str, port: int) -> Iterator[Probe]:
    """Address, TLS, login, version and memory; `host` and `port` are those of the answers."""
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
    """Network policies are written for the answers' host and port, and Celery uses the URL's."""
    if not host:
        return skip_result("broker.host is not answered", Fix("set broker.host", "broker.host"))
    if (target.host.casefold(), target.port) == (host.casefold(), port):
        return pass_result("URL and answers name the same host and port")
    return fail_result(
        f"the URL leads to {target.endpoint}, and the answers say {host}:{port}",
        Fix("correct broker.host and broker.port, or the URL", "broker.host"),
    )


def check_encryption(target: RedisTarget) -> ProbeResult:
    """What the URL's scheme allows; whether the server takes part, the login says."""
    if not target.tls:
        return warn_result("redis://: password and tasks travel in clear", "use rediss://")
    if not target.verifies_tls:
        return warn_result(
            "rediss:// without verification: a man in the middle is accepted",
            "add ?ssl_cert_reqs=required to the URL",
        )
    return pass_result(
        "rediss:// allows no connection without TLS, nor to a server that cannot prove itself"
    )


def classify_error(error: RedisError) -> ProbeResult:
    """What a session that could not be had means: only its absence here is no fault."""
    result = unknown_result if error.kind in _UNPROVEN_KINDS else fail_result
    said = error.message
    if error.kind == "trust":
        said = f"this machine does not trust its certificate: {said}; the password was not sent"
    elif error.kind == "tls":
        said = f"{said}; the password was not sent"
    return result(said, _FIXES[error.kind])


def check_login(seen: RedisServer, target: RedisTarget) -> ProbeResult:
    """The session itself."""
    if seen.role == "slave":
        return fail_result("it is a read-only replica", "name the primary server")
    if seen.mode == "cluster":
        return fail_result(
            "it is a Redis Cluster, which Celery cannot use", "use one without sharding"
        )
    if not seen.logged_in:
        if seen.asks and target.password is None:
            return fail_result("it wants a password, and the URL has none", _FIXES["password"])
        if seen.asks:
            return unknown_result(
                "it wants a password, which is not sent in clear",
                "use rediss://, or try it from a pod",
            )
        if target.password is None:
            return warn_result(
                "everybody who reaches it may read and write tasks: it has no password",
                "have a password set (requirepass, or a user of its own)",
            )
        return fail_result(
            "it answers without a password, so a login with one is refused", _FIXES["password"]
        )
    return pass_result(f"{target.user or 'default'} at database {target.database}")


def check_version(seen: RedisServer) -> ProbeResult:
    """The server's version, to be read by people."""
    if not seen.version:
        return unknown_result(
            "its INFO may not be read", "allow this user INFO, or look at the server"
        )
    return pass_result(f"Redis {seen.version}", seen.version)


def check_memory(seen: RedisServer) -> ProbeResult:
    """Queued tasks have no expiry: only policies that drop any key lose them."""
    if not seen.policy:
        return unknown_result(
            "its INFO may not be read", "allow this user INFO, or look at the server"
        )
    if not seen.policy.startswith("allkeys-"):
        return pass_result(f"maxmemory-policy {seen.policy}")
    when = "as soon as memory is full" if seen.has_memory_limit else "once it has a memory limit"
    return warn_result(
        f"maxmemory-policy {seen.policy} drops queued tasks {when}",
        "set maxmemory-policy noeviction",
    )
