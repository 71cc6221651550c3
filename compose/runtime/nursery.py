"""The parent of every local process: a single-threaded program that forks, reaps, and never leaves orphans.

    control  ──JSON lines──►  nursery  ──fork──►  nginx, Postgres, RabbitMQ, gunicorn replicas, workers

It is a fork itself, of control: see `cradle.py`.

Before it forks replicas it prepares the services: imports them, builds their apps, rehearses. So a Python replica is a
copy of a warm process: it starts in a fraction of the time and shares most of its memory (`gc.freeze` keeps the
collector from touching, and so copying, the shared pages). The nursery has no threads, because a fork copies only the
thread that calls it.

When control goes away, however it died, the pipe ends, and the nursery ends what it started. Should the nursery itself
be killed, the kernel sends the parent-death signal to its children.

Requests, one a line:   {"name", "argv" | "module", "env", "cwd", "log", "stop"}
                        {"prepare": {module: env}}, without an answer
Answers:                {"name", "pid", "created", "birth"} | {"name", "pid", "exited": status} | {"name", "error"}
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO

from compose.runtime.processes import Ours, end, ours
from services.common.lifetime import die_with_parent

LAST_WILL_GRACE_S = 1.2
UNUSED = ("rich", "greenlet", "tornado")  # structlog and tenacity would load them, 9 MB, because they are installed
QUIET_S = 0.1  # the slowest starters, programs of their own, are asked for at once: they must not wait for the warming

Environments = dict[str, dict[str, str]]
WarmUp = Callable[[Environments], None]


class Nursery:
    """Children by pid, and the pipe to control. `warm_up` is called with what is to be prepared when there is nothing
    else to do, but before the first module.
    """

    def __init__(self, requests: BinaryIO, answers: BinaryIO, uid: int, gid: int, warm_up: WarmUp) -> None:
        self._requests, self._answers = requests, answers
        self._warm_up = warm_up
        self._unprepared: Environments = {}
        self._uid, self._gid = uid, gid
        self._unfinished = b""
        self._children: dict[int, tuple[str, Ours, int]] = {}

    def run(self) -> None:
        """Serve until the pipe ends, then end every child."""
        wakeup_read, wakeup_write = os.pipe()
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for ignored in (signal.SIGINT, signal.SIGTERM):  # whoever wants us gone closes the pipe
            signal.signal(ignored, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ)
            selector.register(wakeup_read, selectors.EVENT_READ)
            while True:
                ready = selector.select(QUIET_S if self._unprepared else None)
                if not ready:
                    self._get_warm()
                for key, _ in ready:
                    if key.fileobj == wakeup_read:
                        os.read(wakeup_read, 4096)
                        self._reap()
                    elif not self._listen():
                        return self._last_will()

    def _listen(self) -> bool:
        """Serve the requests that have come; False when the pipe has ended."""
        arrived = os.read(self._requests.fileno(), 65536)
        *lines, self._unfinished = (self._unfinished + arrived).split(b"\n")
        for line in lines:
            self._serve(json.loads(line))
        return bool(arrived)

    def _get_warm(self) -> None:
        if self._unprepared:
            self._warm_up(self._unprepared)
            self._unprepared = {}
            gc.collect()
            gc.freeze()

    def _serve(self, request: dict[str, Any]) -> None:
        if "prepare" in request:
            self._unprepared = request["prepare"]
            return
        if request.get("module"):
            self._get_warm()
        try:
            pid = self._spawn(request)
        except OSError as error:
            return self._answer({"name": request["name"], "error": str(error)})
        process = ours(pid)
        self._children[pid] = (request["name"], process, getattr(signal, request["stop"]))
        self._answer({"name": request["name"], **asdict(process)})

    def _answer(self, message: dict[str, Any]) -> None:
        self._answers.write(json.dumps(message).encode() + b"\n")
        self._answers.flush()

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._children:
                name, _, _ = self._children.pop(pid)
                self._answer({"name": name, "pid": pid, "exited": os.waitstatus_to_exitcode(status)})

    def _last_will(self) -> None:
        end([(process, stop) for _, process, stop in self._children.values()], LAST_WILL_GRACE_S)

    def _spawn(self, request: dict[str, Any]) -> int:
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        pid = os.fork()
        if pid:
            os.close(log)
            return pid
        try:
            self._become(request, log)
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)
            status = 1
        else:
            status = 0
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    def _become(self, request: dict[str, Any], log: int) -> None:
        """In the child: a session of its own, no privileges, its log as output; then the program, or a module in this
        warm process.
        """
        signal.set_wakeup_fd(-1)
        for inherited in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(inherited, signal.SIG_DFL)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, 256)
        os.chdir(request["cwd"])
        os.umask(0o077)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(self._gid)
            os.setuid(self._uid)
        die_with_parent()  # after the change of user, which would clear it
        if module := request.get("module"):
            os.environ.clear()
            os.environ.update(request["env"])
            sys.argv = [module, *request["argv"]]
            if warm := sys.modules.get(f"{module}.__main__"):
                warm.main()
            else:
                runpy.run_module(module, run_name="__main__", alter_sys=False)
        else:
            os.execvpe(request["argv"][0], request["argv"], request["env"])


def warm_up(environments: Environments) -> None:
    """Import modules and prepare those that can be, each with its environment; then rehearse what replicas would do
    first. What fails here is left to the replica: it fails again, by itself and with the reason in its own log.
    """
    sys.modules.update(dict.fromkeys(UNUSED))  # type: ignore[arg-type]
    for module, environ in environments.items():
        with suppress(Exception):
            entry = importlib.import_module(f"{module}.__main__")
            if hasattr(entry, "prepare"):
                entry.prepare(environ)
    importlib.import_module("services.common.rehearsal").rehearse()


def main(requests: int, answers: int, uid: int, gid: int) -> None:
    """`requests` and `answers` are file numbers; children run as `uid` and `gid`."""
    Nursery(os.fdopen(requests, "rb"), os.fdopen(answers, "wb"), uid, gid, warm_up).run()
