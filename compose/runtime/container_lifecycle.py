"""Starting, freezing and ending single containers. A paused one refuses nearly every command, so whoever is to be
stopped or killed is resumed first. Each raises RuntimeFailed.
"""

from collections.abc import Sequence
from contextlib import suppress

from compose.runtime.container_engine import ASK_S, Container, Engine
from compose.runtime.verbs import RuntimeFailed


def start(engine: Engine, container: Container) -> None:
    """A stopped or a paused one."""
    if container.state == "paused":
        resume(engine, container)
    elif container.state != "running":
        _do(engine, container, "start")


def stop(engine: Engine, container: Container, grace_s: float) -> None:
    """Ask it to end, kill it after `grace_s`."""
    resume(engine, container)
    _do(engine, container, "stop", "-t", str(round(grace_s)), within_s=grace_s + ASK_S)


def kill(engine: Engine, container: Container, signal: str) -> None:
    """Send a signal; with SIGKILL, return when it has ended."""
    resume(engine, container)
    _do(engine, container, "kill", "--signal", signal)
    if signal == "SIGKILL":
        engine.docker("wait", container.id, within_s=10)


def pause(engine: Engine, container: Container) -> None:
    """In three attempts: the kernel does not always get hold of all processes of a busy container at once."""
    if container.state == "paused":
        return
    for last in (False, False, True):
        try:
            return _do(engine, container, "pause")
        except RuntimeFailed as error:
            if last or "unable to freeze" not in str(error):
                raise


def resume(engine: Engine, container: Container) -> None:
    """Does nothing to one that is not paused."""
    if container.state == "paused":
        _do(engine, container, "unpause")


def end(engine: Engine, containers: Sequence[Container], grace_s: int) -> None:
    """All at once; Compose would go layer by layer. What went away in between is no matter."""
    running = [container.id for container in containers if container.shown != "stopped"]
    if running:
        with suppress(RuntimeFailed):
            engine.docker("stop", "-t", str(grace_s), *running, within_s=grace_s + ASK_S)


def _do(engine: Engine, container: Container, *verb: str, within_s: float = ASK_S) -> None:
    try:
        engine.docker(*verb, container.id, within_s=within_s)
    except RuntimeFailed as error:
        raise RuntimeFailed(f"{container.service}-{container.number}: {error}") from error
