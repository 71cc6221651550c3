"""The faults in force: struck, timed, undone. An undo is written down before its fault is applied."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from compose.gateway import SpecInvalid
from compose.runtime.verbs import Runtime, RuntimeFailed
from labs import faults
from labs.control.ledger import Entry, Ledger
from labs.control.watching import AWAY
from labs.faults import targets
from labs.faults.fault import Fault, UnknownFault
from labs.faults.patient import Patient

RAREST_S = 60.0


class FaultsInForce:
    """Faults of one shop, by way of its ledger. `lock` is the shop's: two clients never mix their steps, but while a
    fault rests. `find` looks a fault up by its name; one whose time is over and that cannot be undone is tried again
    after `again_s`, and then more and more rarely: it holds the lock each time.
    """

    def __init__(
        self,
        patient: Patient,
        runtime: Runtime,
        ledger: Ledger,
        lock: threading.RLock,
        find: Callable[[str], Fault] = faults.find,
        again_s: float = 2.0,
    ) -> None:
        self._patient, self._runtime, self._ledger, self._lock, self._find = patient, runtime, ledger, lock, find
        self._again_s, self._over = again_s, threading.Event()

    def stop(self) -> None:
        """Undo nothing by itself any more: the shop goes down."""
        self._over.set()

    def entries(self) -> list[Entry]:
        """All of them, in the order they were applied."""
        return self._ledger.entries()

    def targets(self) -> dict[str, list[str]]:
        """What each fault of the catalogue can strike in this shop as it is now; those it cannot do are left out."""
        components, links = self._runtime.ps(), self._runtime.links()
        possible = [fault for fault in faults.all_faults() if self._runtime.name in fault.runtimes]
        return {fault.name: targets.all_of(fault, components, links) for fault in possible}

    def strike(self, name: str, target: str, given: Mapping[str, Any], for_s: float) -> Entry:
        """Apply a fault, in place of the same one on the same target; with `for_s` seconds it is undone by itself.

        Raises UnknownFault, UnknownComponent, SpecInvalid, RuntimeFailed; then nothing is broken.
        """
        fault = self._find(name)
        values = fault.read(given)
        if self._runtime.name not in fault.runtimes:
            raise RuntimeFailed(f"{name} cannot be done in {self._runtime.name}, only in {', '.join(fault.runtimes)}")
        with self._lock:
            components = self._runtime.ps(ask=targets.by_role(fault))
            targets.must_strike(fault, target, components, self._runtime.links())
            self._undo_earlier(name, target)
            entry = self._ledger.add(name, target, values)
            try:
                fault.apply(self._patient, target, values)
            except (RuntimeFailed, UnknownFault, SpecInvalid):
                self._ledger.remove(entry)
                raise
            except Exception:  # not foreseen: who knows how much of it was applied
                self._undo(entry)
                raise
        if for_s > 0:
            self._end_in(for_s, entry, self._again_s)
        return entry

    def _end_in(self, seconds: float, entry: Entry, again_s: float) -> None:
        timer = threading.Timer(seconds, self._end, [entry, again_s])
        timer.daemon = True
        timer.start()

    def _end(self, entry: Entry, again_s: float) -> None:
        if not self._over.is_set() and self._undo(entry):
            self._end_in(again_s, entry, min(2 * again_s, RAREST_S))

    def renew_links(self) -> None:
        """Apply what is in force on the network once more: a wire that was started anew bears nothing, nor does a link
        that is new.
        """
        with self._lock:
            for entry in self.entries():
                if self._of_network(entry):
                    with suppress(RuntimeFailed, UnknownFault):  # no wire yet, or nobody of that name any more
                        self._find(entry.fault).apply(self._patient, entry.target, entry.given)

    def undo_all(self) -> list[str]:
        """Undo every fault, the last one first, but before all those of the network: who is started again may need it
        (a Postgres to be copied). What could not be undone stays in force; why, in words.
        """
        with self._lock:
            order = sorted(reversed(self.entries()), key=lambda entry: not self._of_network(entry))
            return [why for entry in order if (why := self._undo(entry))]

    def undo_what_outlived(self) -> None:
        """For a shop that has just come up: of the faults of an earlier control only those on disk are still there."""
        with self._lock:
            for entry in self.entries():
                with suppress(UnknownFault):  # of an older catalogue
                    if self._find(entry.fault).outlives:
                        continue
                self._ledger.remove(entry)
            self.undo_all()

    def _undo_earlier(self, name: str, target: str) -> None:
        for entry in self.entries():
            if (entry.fault, entry.target) == (name, target) and (why := self._undo(entry)):
                raise RuntimeFailed(why)

    def _undo(self, entry: Entry) -> str | None:
        """Undo one fault unless that is done; why it could not be. What lived in a process that has ended is gone."""
        with self._lock:
            if entry not in self.entries():
                return None
            fault = self._find(entry.fault)
            try:
                fault.undo(self._patient, entry.target)
            except AWAY as error:
                if fault.outlives or self._runs(entry.target):
                    return f"{entry.fault} of {entry.target}: {error}"
            self._ledger.remove(entry)
            return None

    def _runs(self, target: str) -> bool:
        """Is the component there, or any of the service?"""
        there = [each for each in self._runtime.ps(ask=False) if each.state != "stopped"]
        return any(target in (each.name, each.service) for each in there)

    def _of_network(self, entry: Entry) -> bool:
        return bool(targets.NETWORK.intersection(self._find(entry.fault).kinds))
