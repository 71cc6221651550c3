"""A service from its environment to its end: built once, served by each of its replicas.

    prepare   settings → parts → app. Nothing is opened or started yet, and nothing tells replicas apart: a parent may
              do it once and fork replicas that share the memory of it.
    main      who am I, where do I listen? Then open and start what each must have for itself, and serve until TERM.

A container does just both in a row. The parent of local replicas (compose/runtime/nursery.py) prepares every service
before it forks the first: their apps are then in memory once.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import Flask

from services.common.settings import WebSettings, own_name, read
from services.common.telemetry import configure_logs
from services.common.web import serve
from services.common.worker import Background

S = TypeVar("S", bound=WebSettings)
OWN = frozenset(("LISTEN", "REPLICA", "DATA", "WIRE"))
"""Names in the environment that differ between replicas of a service: no app may be built of their values."""


@dataclass(frozen=True)
class Prepared:
    """An app that waits for a replica, with what is to be started then. `shared`: the environment it was built of."""

    shared: Mapping[str, str]
    app: Flask
    background: Background


class Service(Generic[S]):
    """One of the shop's services. `build` makes the parts and puts them together; it opens and starts nothing itself
    but says to its Background what has to be.
    """

    def __init__(self, name: str, settings: type[S], build: Callable[[S, Background], Flask]) -> None:
        self.name, self._settings, self._build = name, settings, build
        self._prepared: Prepared | None = None

    def prepare(self, environ: Mapping[str, str]) -> Prepared:
        """Build the app for replicas with this environment. Raises BadSettings."""
        background = Background()
        app = self._build(read(self._settings, environ), background)
        self._prepared = Prepared(shared(environ), app, background)
        return self._prepared

    def main(self) -> None:
        """Be a replica until TERM, with the app that was prepared if it was for an environment like this one."""
        configure_logs(self.name, own_name(os.environ, self.name))
        prepared = self.prepared_for(os.environ)
        serve(prepared.app, read(self._settings, os.environ), prepared.background)

    def prepared_for(self, environ: Mapping[str, str]) -> Prepared:
        """What was prepared last, if it fits this environment; otherwise it is prepared now. Raises BadSettings."""
        last = self._prepared
        return last if last and last.shared == shared(environ) else self.prepare(environ)


def shared(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What all replicas of a service have in common."""
    return {name: value for name, value in environ.items() if name not in OWN}
