"""The control daemon of one shop: brings it up, serves its interface, takes it down.

    python -m labs.control NAME RUNTIME BASE [--no-wire]

Until the shop is up, each line on standard output is one JSON object for the `up` that started it:
{"component", "what"} as things proceed, at last {"up": {...}} or {"failed": message}.
"""

import contextlib
import json
import logging
import os
import secrets
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from compose import places, topology
from compose.runtime.addresses import CONTROL
from compose.runtime.processes import ours
from compose.runtime.verbs import Runtime, RuntimeFailed
from labs.control import place
from labs.control.api import create_api
from labs.control.first_order import PATIENCE_S, FirstOrder
from labs.control.place import Place
from labs.control.shop import RunningShop

SAYING = threading.Lock()


def say(**what: Any) -> None:
    """One line for the `up` that waits for us; it may have been interrupted."""
    with contextlib.suppress(OSError), SAYING:
        print(json.dumps(what), flush=True)


def make_runtime(kind: str, name: str, folder: Path, base: int, wired: bool = True) -> Runtime:
    """The runtime of that kind, with the wire between all parts or without."""
    if kind == "containers":
        from compose.runtime.containers import ContainersRuntime

        links_file = folder / "links.json" if wired else None
        runtime: Runtime = ContainersRuntime(name, container_variables(folder, base), topology.PROJECT, links_file)
        return runtime
    from compose.runtime.local import LocalRuntime

    described = topology.load()
    return LocalRuntime(folder, described if wired else described.without_wire(), base, places.runner())


def container_variables(folder: Path, base: int) -> dict[str, str]:
    """What compose.yaml's placeholders stand for in containers: passwords and the published ports."""
    from compose.runtime.addresses import FIXED

    ports = {f"{component.upper().replace('-', '_')}_PORT": str(base + offset) for component, offset in FIXED.items()}
    return {**ports, **places.passwords(folder)}


def my_place(name: str, kind: str, base: int, wired: bool) -> Place:
    """What clients must know of this daemon, with a new token."""
    me = ours(os.getpid())
    return Place(
        name=name,
        runtime=kind,
        base=base,
        control_url=f"http://127.0.0.1:{base + CONTROL}",
        token=secrets.token_urlsafe(24),
        pid=me.pid,
        created=me.created,
        birth=me.birth,
        serving=False,
        wired=wired,
    )


def run(name: str, kind: str, base: int, wired: bool) -> None:
    """Be the shop's daemon. Raises RuntimeFailed when there is one already, or when the shop does not come up. It is
    forgotten only when all has ended: otherwise whoever comes next ends the rest.
    """
    with place.held(name):
        here = my_place(name, kind, base, wired)
        place.write(here)
        runtime = make_runtime(kind, name, places.folder(name), base, wired)
        if kind == "containers":
            place.volumes(name).touch()
        try:
            live(here, runtime)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing may break into this
            with contextlib.suppress(OSError):  # a full disk
                place.write(here)
            runtime.down(lambda *_: None)
            place.path(name).unlink(missing_ok=True)


def live(here: Place, runtime: Runtime) -> None:
    """Bring the shop up and serve. Raises RuntimeFailed when it does not come up."""
    folder = places.folder(here.name)
    sells = [name for service in topology.load() if service.tier == "critical" for name in service.components()]
    first_order = FirstOrder(lambda: f"http://{runtime.published()['gateway']}", [*sells, "gateway"])

    def progress(component: str, what: str) -> None:
        say(component=component, what=what)
        first_order.note(component, what)

    runtime.up(progress)
    with contextlib.closing(RunningShop(here.name, folder, runtime, places.passwords(folder))) as shop:
        shop.undo_what_outlived()
        if here.runtime == "containers":
            shop.balancer.introduce_all()
        progress("first order", "starting")
        order = first_order.placed()
        shipped = first_order.shipped(order)
        progress("first order", "ready" if shipped else f"confirmed, but not shipped within {PATIENCE_S:.0f} s")
        shop.watch()
        serve(shop, here, {"order_id": order, "order_status": "shipped" if shipped else "confirmed"})


def serve(shop: RunningShop, here: Place, first_order: dict[str, str]) -> None:
    """Answer clients until a signal ends the shop."""
    ending = threading.Event()
    api = create_api(shop, here.token, here.control_url)
    server: Any = make_server("127.0.0.1", here.base + CONTROL, api, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: ending.set())
    place.write(replace(here, serving=True))
    say(up={"url": shop.url, "control_url": here.control_url, **first_order})
    os.dup2(2, 1)  # nobody reads the pipe any more
    while not ending.wait(3600):
        pass
    server.shutdown()


def interrupt(*_: object) -> None:
    """End the shop while it comes up, once: a second signal must not break into the cleaning up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Exit 0 after a `down`, 1 when the shop did not come up."""
    name, kind, base, wired = sys.argv[1], sys.argv[2], int(sys.argv[3]), "--no-wire" not in sys.argv[4:]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        run(name, kind, base, wired)
    except (RuntimeFailed, places.NoPlace) as error:
        say(failed=str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        say(failed="interrupted; everything that had been started was ended")
        sys.exit(1)


if __name__ == "__main__":
    main()
