"""Starts the nursery as a fork of control.

Both import much the same: Flask, Psycopg, Pika. As two programs they would hold it twice, 13 MB more, and the nursery
would start later. A fork copies only the thread that calls it, so this must come before control has others.
"""

import gc
import importlib
import logging
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from compose.places import User
from compose.runtime.processes import Ours, ours

REQUESTS, ANSWERS = 0, 3  # the nursery's ends of its two pipes


@dataclass(frozen=True)
class Cradle:
    """The nursery's process, and control's ends of its two pipes."""

    process: Ours
    requests: BinaryIO
    answers: BinaryIO


def fork(source: Path, log: Path, user: User) -> Cradle:
    """A nursery with the shop's code from `source`, whose children run as `user`."""
    asked, requests = os.pipe()
    answers, answered = os.pipe()
    gc.collect()
    gc.freeze()  # the collector would write to all that is shared, and so copy it
    pid = os.fork()
    if pid == 0:
        _live(source, log, user, asked, answered)
    os.close(asked)
    os.close(answered)
    return Cradle(ours(pid), os.fdopen(requests, "wb", buffering=0), os.fdopen(answers, "rb"))


def _live(source: Path, log: Path, user: User, asked: int, answered: int) -> NoReturn:
    """In the child: a session of its own and nothing of control's open, then the nursery until it ends."""
    try:
        os.setsid()
        os.chdir("/")
        os.dup2(asked, REQUESTS)
        os.dup2(answered, ANSWERS)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), 1)
        os.dup2(1, 2)
        os.closerange(ANSWERS + 1, 1024)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        logging.getLogger().handlers.clear()
        _forget_our_code()
        sys.path.insert(0, str(source))
        nursery = importlib.import_module("compose.runtime.nursery")  # only here: control has no use for it
        nursery.main(REQUESTS, ANSWERS, user.uid, user.gid)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _forget_our_code() -> None:
    """Control has imported `compose` from where the shop's user may not be able to read: see `readable_source`."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "compose"]:
        del sys.modules[name]
