"""One direction of a connection: from a source's socket through the toxics, in the order they came, to a sink's socket.

Without a toxic, bytes go straight from one socket into the other. With some, each toxic is a task that works on the
pipe before it. A sink that does not keep up fills what is before it, until the source is no longer read: a sender
feels the wire exactly as it would feel the receiver.
"""

import asyncio
import random
from collections.abc import Callable, Iterable

from compose.wire.exit import Exit
from compose.wire.flow import Chunk, Ending, Flow, Outlet, Pipe, now
from compose.wire.toxic import Toxic
from compose.wire.toxics.noop import Noop


class Stage:
    """One toxic on one link. Whether it works on this link is drawn each time it starts."""

    def __init__(self, toxic: Toxic, inlet: Pipe, outlet: Outlet, dice: random.Random) -> None:
        self.toxic, self.flow = toxic, Flow(inlet, outlet)
        self.active = False
        self._dice = dice
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start, or start anew with what the toxic says now; nothing to do once the stream has ended here."""
        self.stop()
        if not self.flow.ended:
            self.active = self._dice.random() < self.toxic.toxicity
            effect = self.toxic.effect if self.active else Noop()
            self._task = asyncio.get_running_loop().create_task(effect.run(self.flow))

    def stop(self) -> None:
        """Interrupt; what waits, waits on."""
        if self._task:
            self._task.cancel()


class Link:
    """`receive` takes bytes from the source, `end` its end. `hold` is called with True when the source should wait."""

    receive: Callable[[bytes], None]

    def __init__(self, exit: Exit, hold: Callable[[bool], None], toxics: Iterable[Toxic], dice: random.Random) -> None:
        self.exit, self._hold, self._dice = exit, hold, dice
        self._stages: list[Stage] = []
        self._ended = False
        exit.when_changed = self._changed
        for toxic in toxics:
            self.add(toxic)
        self._changed()

    def add(self, toxic: Toxic) -> None:
        """Append a toxic. The one before it draws its toxicity again."""
        stage = Stage(toxic, Pipe(self._changed), self.exit, self._dice)
        if self._stages:
            self._stages[-1].flow.outlet = stage.flow.inlet
            self._stages[-1].start()
        self._stages.append(stage)
        stage.start()
        self._changed()

    def update(self, toxic: Toxic) -> None:
        """Take over what has been changed, at once; what it delays is delayed by the new measure."""
        self._stage(toxic).start()

    def remove(self, toxic: Toxic) -> None:
        """Take a toxic out; what waited before it goes on. The one before it draws its toxicity again."""
        stage = self._stage(toxic)
        stage.stop()
        at = self._stages.index(stage)
        del self._stages[at]
        if stage.active and toxic.effect.closes_when_removed:
            stage.flow.outlet.put(Ending.CLOSE)
        for piece in stage.flow.inlet.drain():
            stage.flow.outlet.put(piece)
        if at > 0:
            self._stages[at - 1].flow.outlet = stage.flow.outlet
            self._stages[at - 1].start()
        self._changed()

    def end(self, ending: Ending) -> None:
        """The source says no more; for good with CLOSE, when it is gone altogether."""
        if ending is Ending.CLOSE:
            self.exit.source_gone()
        if not self._ended:
            self._ended = True
            self._entrance.put(ending)

    def cancel(self) -> None:
        """Nothing flows any more."""
        for stage in self._stages:
            stage.stop()

    @property
    def _entrance(self) -> Pipe | Exit:
        return self._stages[0].flow.inlet if self._stages else self.exit

    def _stage(self, toxic: Toxic) -> Stage:
        return next(stage for stage in self._stages if stage.toxic is toxic)

    def _into_pipe(self, data: bytes) -> None:
        self._stages[0].flow.inlet.put(Chunk(data, now()))
        if self._entrance.full:
            self._hold(True)

    def _changed(self) -> None:
        self.receive = self._into_pipe if self._stages else self.exit.write
        self._hold(self._entrance.full)
