"""The workbench a method stands at: the shop, a load generator, and a list of what has to be taken back."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from labs.engine.undo import Undo, UndoList
from labs.lab import Lab, LoadPlan
from labs.load import LoadResult, Schedule, named
from labs.load.process import OnProgress
from labs.shop import Shop


class Running(Protocol):
    """A load under way, as `labs.load.start_load` gives it."""

    def wait(self) -> LoadResult: ...

    def stop(self) -> None: ...


class StartLoad(Protocol):
    """`labs.load.start_load`; unit tests hand in a fake."""

    def __call__(
        self, url: str, schedule: Schedule, mix: str, *, seed: int, progress: OnProgress | None
    ) -> Running: ...


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the journal. `at_s` counts from the beginning of the run; `kind`: step, load, fault, rollback, ..."""

    at_s: float
    kind: str
    text: str


@dataclass(kw_only=True)
class Phase:
    """One load of a run."""

    load: LoadResult
    warm_up_s: float

    @cached_property
    def counted(self) -> LoadResult:
        return self.load.after(self.warm_up_s)


@dataclass(kw_only=True)
class Bench:
    """What steps may use. Every change of the shop goes through here, so that it is undone whatever happens."""

    lab: Lab
    shop: Shop
    undo: UndoList
    start: StartLoad
    quick: bool = False
    seed: int = 1
    inject: bool = True
    on_event: Callable[[Event], None] = lambda event: None
    on_progress: OnProgress = lambda progress: None
    phases: dict[str, Phase] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def say(self, kind: str, text: str) -> None:
        """Put a line into the journal, and show it to who watches."""
        event = Event(at_s=round(time.monotonic() - self.began, 3), kind=kind, text=text)
        self.events.append(event)
        with suppress(OSError):  # who watched is gone, as after `| head`: the run must not end half undone
            self.on_event(event)

    def replicas(self, service: str) -> int:
        return sum(component["service"] == service for component in self.shop.status())

    def scale(self, service: str, n: int) -> None:
        """Run `n` replicas until the rollback, which restores the number there was."""
        self.undo.add(Undo("scale", (service, self.replicas(service))))
        self.shop.scale(service, n)
        self.say("change", f"{service} runs {n} replicas")

    def lane(self, sku: str) -> None:
        """Give an item a lane of its own until the rollback, which closes it."""
        self.undo.add(Undo("lane", ("",)))
        self.shop.lane(sku)
        self.say("change", f"orders with {sku} take the lane")

    def balance(self, service: str, policy: str) -> None:
        """Switch the policy; the rollback returns to round robin, the shop's default."""
        self.undo.add(Undo("balance", (service, "round_robin")))
        self.shop.balance(service, policy)
        self.say("change", f"the gateway balances {service} by {policy}")

    def flag(self, name: str, value: Any) -> None:
        """Switch something in the running shop until the rollback, which gives it its default back."""
        self.undo.add(Undo("flag", (name, "default")))
        self.shop.set_flag(name, value)
        self.say("change", f"flag {name} = {value}")

    def redeliver(self, queue: str) -> int:
        """Put dead letters back; how many. Those that have died by the end of the rollback follow then."""
        self.at_last("redeliver", queue)
        put_back = self.shop.redeliver(queue)
        self.say("repair", f"{put_back} dead letters put back into {queue}")
        return put_back

    def recall(self) -> int:
        """Call back every parcel beyond the first of its order; how many."""
        self.at_last("recall")
        called_back = self.shop.recall()
        self.say("repair", f"{called_back} parcels called back")
        return called_back

    def resend(self) -> int:
        """Have events announced again that left no trace; how many."""
        self.at_last("resend")
        announced = self.shop.resend()
        self.say("repair", f"{announced} events announced again")
        return announced

    def restock(self, sku: str, left: int) -> int:
        """Deliver until exactly so many pieces of an item are left; how many had been promised and were not there."""
        oversold = self.shop.restock(sku, left)
        self.say("repair", f"{left} pieces of {sku} left; {oversold} had been promised and were not there")
        return oversold

    def sale(self, sku: str, stock: int, rate: float) -> None:
        """Sell so many pieces to a line of people, `rate` admitted a second, until the rollback ends it."""
        self.undo.add(Undo("stop_sale"))
        self.shop.start_sale(sku, stock, rate)
        self.say("change", f"{stock} pieces of {sku} are on sale, {rate:g} people a second are admitted")

    def restore(self, to: str) -> Mapping[str, Any]:
        """Bring the tables of a moment or of a backup back; what control says of it. That is not taken back."""
        report = self.shop.restore(to)
        self.say("repair", f"restored {report['to']} from {report['backup']} in {report['seconds']:g} s")
        return report

    def at_last(self, repair: str, *args: str | int) -> None:
        """Have the shop put something right once everything is rolled back: to be said before the damage is done."""
        self.undo.add(Undo(repair, args), last=True)

    def note(self, name: str, value: float) -> None:
        """Keep a number that was counted; the lab's `measure` finds it in `seen.facts`."""
        self.facts[name] = value
        self.say("count", f"{name.replace('_', ' ')}: {value:g}")

    @contextmanager
    def watching(self, name: str, ask: Callable[[Shop], float], every_s: float = 0.5) -> Iterator[None]:
        """Sample something while the block runs, in a thread of its own; `seen.series` has it under this name. What
        cannot be asked at the moment leaves a gap.
        """
        points, over = self.series.setdefault(name, []), threading.Event()

        def sample() -> None:
            while not over.is_set():
                with suppress(Exception):
                    points.append((time.time(), float(ask(self.shop))))
                over.wait(every_s)

        thread = threading.Thread(target=sample, name=f"watching {name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(timeout=5)

    def fault(self, fault: str, target: str, **params: Any) -> None:
        """Break something for `for_s` seconds, or until `heal` or the rollback. Left out when the run is the mutation
        test of its lab.
        """
        values = " ".join(f"{name}={value}" for name, value in params.items())
        if not self.inject:
            return self.say("fault", f"left out on purpose: {fault} {target} {values}")
        self.undo.add(Undo("heal"))
        began = time.time()
        self.shop.set_fault(fault, target, **params)
        until = began + params["for_s"] if "for_s" in params else None
        self.faults.append({"fault": fault, "target": target, "params": params, "from": began, "until": until})
        self.say("fault", f"{fault} {target} {values}")

    def heal(self) -> None:
        """Undo all faults now, in the middle of a method."""
        self.shop.heal()
        self.faults_end()
        self.say("heal", "all faults undone")

    def faults_end(self) -> None:
        now = time.time()
        for fault in self.faults:
            fault["until"] = min(fault["until"] or now, now)

    def load(self, phase: str, plan: LoadPlan | None = None) -> LoadResult:
        """Load the shop by the lab's plan (or another one) and keep the samples under the phase's name."""
        with self.loading(phase, plan):
            pass
        return self.phases[phase].load

    def rush(self, phase: str, crowd: LoadPlan) -> LoadResult:
        """A load that is itself what the shop is broken with: left out when the run is the mutation test of its lab,
        which then sees the lab's usual load.
        """
        if not self.inject:
            self.say("fault", f"left out on purpose: a rush of {crowd.rate:g}/s")
            return self.load(phase)
        rush: dict[str, Any] = {"fault": "rush", "target": crowd.mix, "params": {"rate": crowd.rate}}
        self.faults.append(rush | {"from": time.time(), "until": None})
        try:
            return self.load(phase, crowd)
        finally:
            self.faults[-1]["until"] = time.time()

    @contextmanager
    def loading(self, phase: str, plan: LoadPlan | None = None) -> Iterator[None]:
        """Load in the background while the block runs; leaving it waits for the load's end, or ends it on an error."""
        plan = plan or self.lab.load
        self.say("load", f"{phase}: {plan.mix}, {plan.arrival}, {plan.rate:g}/s for {self.seconds(plan):g} s")
        seed = self.seed + plan.seed
        schedule = named(plan.arrival, plan.rate, self.seconds(plan), seed)
        running = self.start(self.shop.url, schedule, plan.mix, seed=seed, progress=self.on_progress)
        try:
            yield
            self.phases[phase] = Phase(load=running.wait(), warm_up_s=plan.warm_up_s)
        finally:
            running.stop()

    def seconds(self, plan: LoadPlan) -> float:
        return plan.quick_seconds if self.quick else plan.seconds

    def wait_until(self, condition: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
        """Wait for a condition, never for a time that is hoped to be long enough. Raises `TimeoutError`."""
        limit = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > limit:
                raise TimeoutError(f"waited {timeout_s:g} s in vain until {what}")
            time.sleep(0.1)
        self.say("wait", what)

    def wait_till(self, moment: float, what: str) -> None:
        """Where something has to last, the condition is the time: seconds since 1970, at most 15 s ahead."""
        self.wait_until(lambda: time.time() >= moment, what)
