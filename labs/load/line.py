"""People who all want one piece of the same item, and do what the shop tells them.

buy ─┬─► yes, or sold out: they leave
     ├─► 403: it is on sale, take a ticket ─► wait, ask again when told ─┬─► your turn: buy
     │                                                                   └─► sold out: they leave
     └─► no answer, too busy, not known: press again a second later, the same order
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from uuid import uuid4

from labs.load.request import NETWORKS, Next, Request
from labs.load.shoppers import Step, Visit

AGAIN_S = (0.5, 1.5)
PER_NETWORK = 250
SENT_AWAY = 403


def line(random: Random, sku: str) -> Iterator[Visit]:
    """One person after the other, each from an address of their own (the first 10,000)."""
    number = 0
    while True:
        client = f"10.77.{number // PER_NETWORK % NETWORKS}.{number % PER_NETWORK + 1}"
        yield (Step(0.0, Person(random, sku, client, uuid4().hex).buy()),)
        number += 1


@dataclass
class Person:
    """Somebody on the way to one piece. A method is a request, or what they do after its answer."""

    random: Random
    sku: str
    client: str
    key: str
    ticket: str = ""
    admission: str = ""

    def buy(self) -> Request:
        """The key is fresh whatever the seed, as in `request.buy`, and stays the same for whoever presses again."""
        body = {"items": [{"sku": self.sku, "quantity": 1}], "payment": {"token": "tok_ok"}}
        headers = {"Idempotency-Key": self.key, "X-Admission": self.admission}
        return Request(
            what="checkout", method="POST", path="/api/orders", body=body, client=self.client, headers=headers,
            then=self.bought,
        )  # fmt: skip

    def bought(self, status: int, _answer: bytes) -> Next:
        """To the waiting room when sent there; again when nobody can say what became of it."""
        if status == SENT_AWAY:
            return 0.0, self.ask()
        return self.again(self.buy()) if status in (0, 429) or status >= 500 else None

    def ask(self) -> Request:
        """Take a ticket, later show it."""
        method, headers = ("GET", {"X-Ticket": self.ticket}) if self.ticket else ("POST", {})
        path = f"/api/waiting-room/{self.sku}"
        return Request(what="line", method=method, path=path, client=self.client, headers=headers, then=self.told)

    def told(self, status: int, answer: bytes) -> Next:
        """Wait, buy, or leave."""
        if status not in (200, 201):
            return self.again(self.ask())
        place = json.loads(answer)
        self.ticket, self.admission = place["ticket"], place["admission"]
        if place["state"] == "waiting":
            return place["ask_again_s"], self.ask()
        return (0.0, self.buy()) if place["state"] == "admitted" else None

    def again(self, request: Request) -> Next:
        """A second or so later."""
        return self.random.uniform(*AGAIN_S), request
