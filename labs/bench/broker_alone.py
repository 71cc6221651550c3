"""The yardstick of a start: RabbitMQ alone, the slowest part of the shop, by the shop's own start script."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from compose import places, topology
from compose.runtime import processes, readiness
from compose.runtime.addresses import Addresses
from compose.runtime.source import drop, readable_source
from compose.runtime.verbs import RuntimeFailed
from labs.bench import ground, processor
from labs.bench.measurement import Sample

BROKER = "rabbitmq"
WITHIN_S = 90.0
POLL_S = 0.01


def start() -> Sample:
    """Seconds from no folder at all to an AMQP login; the broker is ended and its folder removed again."""
    with ground.nothing(ground.own_name("-broker")) as name, ground.free_ports() as base:
        user, described = places.runner(), topology.load()
        addresses = Addresses(described, base)
        began = time.monotonic()
        folder = ground.fresh_folder(name)
        data = folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            os.chown(data, user.uid, user.gid)
        secrets = places.passwords(folder)
        placed = addresses.variables({}, described[BROKER], BROKER)
        values = {**secrets, **placed, "LISTEN": addresses[BROKER], "DATA": str(data)}
        environment = {key: topology.interpolate(text, values) for key, text in described[BROKER].environment.items()}
        return _start(described[BROKER], addresses[BROKER], secrets, environment, folder, user, began)


def _start(
    broker: topology.Service,
    address: str,
    secrets: Mapping[str, str],
    environment: Mapping[str, str],
    folder: Path,
    user: places.User,
    began: float,
) -> Sample:
    """Started directly: nothing of the shop's runtime is in the yardstick."""
    setpriv = shutil.which("setpriv")
    alive_with_us = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(
            [*alive_with_us, *broker.command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=readable_source(folder, user),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **environment},
            start_new_session=True,
            **drop(user),
        )
    try:
        _wait_login(process, broker, address, secrets, folder)
        seconds = time.monotonic() - began
        return Sample(seconds, {"cpu_s": round(processor.seconds([process.pid]), 1)})
    finally:
        processes.end([(processes.ours(process.pid), int(signal.SIGTERM))], 1.5)
        process.wait(5)


def _wait_login(
    process: subprocess.Popen[bytes], broker: topology.Service, address: str, secrets: Mapping[str, str], folder: Path
) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            readiness.ask(broker, BROKER, address, secrets)
            return
        except readiness.NotReady as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = (folder / "broker.log").read_text(errors="replace")[-1000:]
                raise RuntimeFailed(f"RabbitMQ alone did not start: {error}\n{said}") from error
        time.sleep(POLL_S)
