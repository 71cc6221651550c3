"""Real Memcached nodes and a real Postgres of a test's own, by the scripts that both runtimes use."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

PROJECT = Path(__file__).parents[2]
READY_WITHIN_S = 60
PORTS = iter(range(22730, 22890))


def free_port() -> int:
    """Below 32768, where no outgoing connection can take it in the meantime."""
    for port in PORTS:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


class Server:
    """A store of ours, in a folder of its own under /tmp, where an unprivileged user can reach it."""

    def __init__(self, kind: str, **environment: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._scripts = f"compose/images/{kind}"
        self._folder = tempfile.mkdtemp(prefix=f"test-{kind}-", dir="/tmp")
        self._environment = {**os.environ, **environment, "LISTEN": self.address, "DATA": self._folder}
        self._as_user = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        self._process = subprocess.Popen(
            [*self._as_user, f"{self._scripts}/start"], cwd=PROJECT, env=self._environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + READY_WITHIN_S
        while subprocess.run([f"{self._scripts}/ready"], cwd=PROJECT, env=self._environment).returncode != 0:
            assert self._process.poll() is None, f"{self._scripts}/start ended at once"
            assert time.monotonic() < deadline, f"{self._scripts}/ready is not content after {READY_WITHIN_S} s"
            time.sleep(0.02)

    def freeze(self) -> None:
        """It keeps its sockets but says nothing."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # a signal is only on its way when sent

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
