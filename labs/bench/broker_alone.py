"""The yardstick of a start: RabbitMQ alone, as its package starts it. The shop starts its own one in half the time: see
`compose/images/rabbitmq/start`.
"""

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
        distribution_port = addresses.variables({}, described[BROKER], BROKER)["DIST_PORT"]
        environment = as_packaged(data, addresses[BROKER], distribution_port, secrets["RABBITMQ_PASSWORD"])
        return _start(described[BROKER], addresses[BROKER], secrets, environment, folder, user, began)


def as_packaged(data: Path, address: str, distribution_port: str, password: str) -> dict[str, str]:
    """What keeps it in its folder, off the ports of others and without a daemon of Erlang's that would outlive it."""
    host, _, port = address.rpartition(":")
    (data / "rabbitmq.conf").write_text(f"default_user = shop\ndefault_pass = {password}\n")
    (data / "enabled_plugins").write_text("[].\n")
    return {
        "HOME": str(data),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
        "RABBITMQ_BASE": str(data),
        "RABBITMQ_MNESIA_BASE": str(data / "nodes"),
        "RABBITMQ_LOG_BASE": str(data / "log"),
        "RABBITMQ_PID_FILE": str(data / "pid"),
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": host,
        "RABBITMQ_NODE_PORT": port,
        "RABBITMQ_DIST_PORT": distribution_port,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-sname rabbit@localhost -start_epmd false"
        f" -erl_epmd_port {distribution_port} -kernel inet_dist_use_interface {{127,0,0,1}}",
        "RUNNING_UNDER_SYSTEMD": "true",  # one process, which we can end
    }


def program() -> Path:
    """The package's own start script. Raises RuntimeFailed when RabbitMQ is not installed."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not found:
        raise RuntimeFailed("RabbitMQ is not installed: ./shoplab doctor says how to get it")
    return found[-1]


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
            [*alive_with_us, str(program())],
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
        if process.poll() is None:
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
