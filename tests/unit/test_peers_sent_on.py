"""A peer may send a call on (307): orders does while the storefront has not heard of the lane yet."""

from typing import Any

import pytest

from services.common import lane
from services.common.errors import Invalid, Refused, TimedOut
from services.common.http import Peers, SentOn
from services.common.protection import preset
from services.common.settings import PeerSettings, read
from services.storefront.shop import Shop

ORDER = {"order_id": "o1", "status": "confirmed", "total_cents": 1, "items": []}


class Scripted(Peers):
    """Peers whose attempts end as listed, without a network; `asked` keeps the paths. `places`: calls to the lane at
    once.
    """

    def __init__(self, *ends: Any, places: int = 2) -> None:
        super().__init__(read(PeerSettings, {"PEERS": "127.0.0.1:1"}), preset, {lane.SERVICE: places})
        self.ends, self.asked = list(ends), list[str]()

    def _once(self, _method: str, path: str, *_: Any) -> Any:
        self.asked.append(path)
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


def buy(peers: Peers) -> str:
    return Shop(peers).place("k", [("pot-020", 1)], "tok_ok").order_id


def test_a_page_that_has_not_heard_of_the_lane_is_sent_there_and_buys() -> None:
    peers = Scripted(SentOn(lane.PATH), ORDER)
    assert (buy(peers), peers.asked) == ("o1", ["/api/orders", lane.PATH])


def test_who_is_sent_on_takes_one_of_the_places_that_the_lane_has() -> None:
    peers = Scripted(SentOn(lane.PATH), ORDER, places=0)
    with pytest.raises(Refused, match="0 calls to orders-lane"):
        buy(peers)


def test_who_is_sent_on_again_goes_no_further() -> None:
    peers = Scripted(SentOn(lane.PATH), SentOn("/api/orders"))
    with pytest.raises(Invalid):
        buy(peers)
    assert len(peers.asked) == 2


def test_who_is_sent_on_after_a_lost_answer_does_not_know_whether_it_has_bought() -> None:
    """The lane's word would be about this attempt alone."""
    peers = Scripted(TimedOut("silent"), SentOn(lane.PATH))
    with pytest.raises(TimedOut):
        buy(peers)
