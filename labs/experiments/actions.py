"""What a Chaos Toolkit experiment calls to break this shop and to look at it: actions and probes, as plain functions.

`configuration` is Chaos Toolkit's own, and `shop` in it says which shop. The shoppers stay from one activity to the
next, so there is one crowd in a process. What goes wrong is raised, and becomes the activity's failure.
"""

import http.client
import json
import os
import time
import uuid
from typing import Any

from labs.control.client import ShopClient
from labs.control.probes import WORK_QUEUES
from labs.experiments import promises, shoppers
from labs.experiments.draw import roles
from labs.experiments.shoppers import NoShoppers, Shoppers
from labs.faults import find
from labs.load.generator import Recording
from labs.load.result import confirmed

PATIENCE_S = 20.0

Configuration = dict[str, Any]
_crowd: list[Shoppers] = []
_confirmed: list[str] = []


class NotHealed(Exception):
    """Something is still broken; the message says what."""


def shop_of(configuration: Configuration | None) -> ShopClient:
    """The running shop an experiment is about; when its file names none, the one in SHOPLAB_NAME."""
    return ShopClient.of((configuration or {}).get("shop") or os.environ.get("SHOPLAB_NAME") or "shop")


def forget() -> None:
    """What earlier experiments of this process saw is no concern of the next one: the shop may be a new one since."""
    send_shoppers_home()
    _confirmed.clear()


# -- probes of the steady state


def pages_answer(configuration: Configuration | None = None) -> bool:
    """The home page and a product, as a visitor gets them."""
    return all(_ask(shop_of(configuration).url, "GET", path)[0] == 200 for path in ("/", "/products/tea-001"))


def an_order_confirms(configuration: Configuration | None = None) -> bool:
    """One piece of tea, bought as anybody would."""
    body = {"items": [{"sku": "tea-001", "quantity": 1}], "payment": {"token": "tok_ok"}}
    return _ask(shop_of(configuration).url, "POST", "/api/orders", body)[0] in (200, 201)


def broken_promises(configuration: Configuration | None = None) -> dict[str, Any]:
    """Lost orders, pieces sold twice, wrong charges, lost messages, faults left behind. `status` is how many: that is
    what Chaos Toolkit compares with a tolerance of 0.
    """
    shop = shop_of(configuration)
    found = [*promises.left_behind(shop), *promises.broken(shop, _confirmed)]
    return {"status": len(found), "broken": found}


# -- actions and probes of the method


def shoppers_come(rate: float = 12.0, seed: int = 1, configuration: Configuration | None = None) -> str:
    """From now on `rate` buyers a second come, until they are sent home. Half of them want one of the last pieces of an
    item.
    """
    forget()
    shop = shop_of(configuration)
    shop.restock(shoppers.HOT_ITEM, shoppers.PIECES)
    _crowd.append(Shoppers(shop.url, rate, seed))
    return f"{rate:g} a second"


def strike(
    fault: str,
    target: str,
    for_s: float = 0.0,
    given: dict[str, Any] | None = None,
    configuration: Configuration | None = None,
) -> str:
    """Apply a fault of the catalogue; with `for_s` seconds it ends by itself. The target may be `primary` or `replica`:
    whoever is that by then.
    """
    shop = shop_of(configuration)
    if target in roles(find(fault)):
        target = next(iter(shop.targets().get(fault, [])), target)
    shop.set_fault(fault, target, for_s=for_s, **(given or {}))
    return f"{fault}@{target}"


def heal(configuration: Configuration | None = None) -> str:
    """Undo every fault, start what is not running. Raises NotHealed."""
    if left := shop_of(configuration).heal():
        raise NotHealed("; ".join(left))
    return "nothing is broken"


def shoppers_go_home(configuration: Configuration | None = None) -> dict[str, Any]:
    """Wait until somebody gets an order again, end the stream, let those try again who do not know whether they have
    one; what all of them saw. Raises NoShoppers when they never came.
    """
    if not _crowd:
        raise NoShoppers("no shoppers have come: the experiment must call shoppers_come first")
    crowd = _crowd[-1]
    healed_s, deadline = crowd.now_s, time.monotonic() + PATIENCE_S
    while not crowd.confirmed_since(healed_s) and time.monotonic() < deadline:
        time.sleep(0.05)
    first = send_shoppers_home()
    assert first is not None
    again = crowd.try_again(first.orders)
    _confirmed.extend(confirmed(again))
    return shoppers.as_output(shoppers.seen(first, again))


def send_shoppers_home() -> Recording | None:
    """End the stream at once, if there is one, and note whose orders were confirmed; for rollbacks."""
    if not _crowd:
        return None
    first = _crowd.pop().go_home()
    _confirmed.extend(confirmed(first.orders))
    return first


def put_dead_letters_back(configuration: Configuration | None = None) -> int:
    """What an operator does when all is well again: messages that were put aside get their second chance; how many."""
    return sum(shop_of(configuration).redeliver(queue) for queue in WORK_QUEUES)


def _ask(url: str, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
