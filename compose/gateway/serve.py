"""How the gateway starts: the environment becomes a description, the description a file, and nginx takes over.

With addresses only (local processes) nginx replaces this process. With names (plain Docker Compose, where a restarted
container may come back at another address) this stays as a tiny parent that looks them up every LOOK_S seconds.
A start always begins from the environment: what `apply` changed before a restart has to be applied again by its owner.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import fields
from types import FrameType

from compose.gateway import live
from compose.gateway.checks import SpecInvalid, one_of
from compose.gateway.program import Refused
from compose.gateway.resolve import Resolver, has_names
from compose.gateway.spec import Gateway, Waits, from_replicas
from services.common.lifetime import die_with_parent

LOOK_S = 2.0
GRACE_S = 8.0
CHILD_S = 0.5
REQUIRED = ("LISTEN", "LISTEN_INTERNAL", "DATA", "UPSTREAMS")


def from_environment(environment: Mapping[str, str]) -> Gateway:
    """LISTEN, LISTEN_INTERNAL, DATA, UPSTREAMS (`service=address[,address ...] ...`) and, if wanted, ACCESS_LOG:
    a path; without it access.log in DATA, or standard output when replicas are given by name. SHOP_READ_S and its like
    set the waits. Raises SpecInvalid.
    """
    if missing := [name for name in REQUIRED if name not in environment]:
        raise SpecInvalid(f"set {', '.join(missing)}; compose/compose.yaml shows the form")

    def made(access_log: str) -> Gateway:
        return from_replicas(
            replicas_from(environment["UPSTREAMS"]),
            listen=environment["LISTEN"],
            listen_internal=environment["LISTEN_INTERNAL"],
            data=os.path.abspath(environment["DATA"]),
            access_log=access_log,
            waits=waits_from(environment),
        )

    log = environment.get("ACCESS_LOG") or ("/dev/stdout" if has_names(made("access.log")) else "access.log")
    return made(log)


def waits_from(environment: Mapping[str, str]) -> Waits:
    """SHOP_CONNECT_S, SHOP_READ_S, SHOP_INTERNAL_READ_S: fields of `Waits`, in seconds. Raises SpecInvalid."""
    known = {f"SHOP_{each.name.upper()}": each.name for each in fields(Waits)}
    given = {name: text for name, text in environment.items() if name.startswith("SHOP_")}
    for name in given:
        one_of("setting of the gateway", name, list(known))
    try:
        return Waits(**{known[name]: float(text) for name, text in given.items()})
    except ValueError as error:
        raise SpecInvalid(f"{', '.join(given)}: {error}") from error


def replicas_from(text: str) -> dict[str, dict[str, str]]:
    """UPSTREAMS as service -> {component: address}; the replicas are called catalog-1, catalog-2 in their order."""
    replicas: dict[str, dict[str, str]] = {}
    for word in text.split():
        service, equals, addresses = word.partition("=")
        if not equals or service in replicas:
            raise SpecInvalid(f"UPSTREAMS: {word!r} should be service=address[,address ...], each service once")
        found = [address for address in addresses.split(",") if address]
        replicas[service] = {f"{service}-{number}": address for number, address in enumerate(found, start=1)}
    return replicas


def serve(environment: Mapping[str, str]) -> int:
    """Run nginx in the foreground until TERM or QUIT; its exit code. Raises SpecInvalid, Refused."""
    spec, resolver = from_environment(environment), Resolver()
    argv = live.prepare(spec, resolver)
    if not has_names(spec):
        sys.stdout.flush()
        die_with_parent(signal.SIGTERM)  # a killed master would leave its workers, and they the ports, to nobody
        os.execv(argv[0], argv)
    return supervise(argv, spec.data, resolver)


def supervise(argv: list[str], data: str, resolver: Resolver) -> int:
    """nginx as a child; TERM and QUIT both end it gracefully within GRACE_S, HUP reloads."""
    done = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        done.set()

    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        signal.signal(number, end)
    nginx = subprocess.Popen(argv)
    signal.signal(signal.SIGHUP, lambda _number, _frame: nginx.send_signal(signal.SIGHUP))
    threading.Thread(target=_look_again, args=(data, resolver, done), name="names", daemon=True).start()
    while nginx.poll() is None and not done.wait(CHILD_S):
        pass
    return _end(nginx)


def _end(nginx: subprocess.Popen[bytes]) -> int:
    """Let it finish its requests, not longer than GRACE_S; its exit code."""
    nginx.send_signal(signal.SIGQUIT)
    try:
        return nginx.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        nginx.terminate()
        return nginx.wait()


def _look_again(data: str, resolver: Resolver, done: threading.Event) -> None:
    """Follow the names until the end. Whatever goes wrong is said and tried again: the old configuration serves on."""
    while not done.wait(LOOK_S):
        try:
            if live.refresh(data, resolver):
                print("gateway: names lead elsewhere now, reloaded", file=sys.stderr, flush=True)
        except (Refused, SpecInvalid, OSError) as error:
            print(f"gateway: {error}", file=sys.stderr, flush=True)
