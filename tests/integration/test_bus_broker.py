"""Publishing and consuming with a real broker, which is also killed."""

import json
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pika
import pytest

from services.common.bus import QUEUES, Event, Publisher, Unroutable, connect, declare, hang_up, home_of, retry_queue
from services.common.consumer import Consumer, Leftovers
from services.common.errors import TimedOut, Unavailable
from services.common.retries import Policy, RequeueForever, RetriesInMemory
from services.common.telemetry import request_id
from services.relay.careless import CarelessPublisher
from tests.integration.private_stores import Broker, eventually

pytestmark = pytest.mark.servers
QUEUE = "notifications"
NAMED_S = 4.0  # RabbitMQ 3.10 keeps the name of a new quorum queue in memory for 3 s; killed before, it loses the queue


@pytest.fixture(autouse=True)
def empty_queues(broker: Broker) -> None:
    """A broker with nothing in it; one that a failed test has killed is started again."""
    if not broker.store.runs():
        broker.store.start()
        broker.wait()
    connection = connect(broker.settings)
    channel: Any = connection.channel()
    for queue in QUEUES:
        declare(channel, queue, broker.settings.bus_retry_s)  # never deleted: RabbitMQ 3.10 then passes nothing on
        home, waits = home_of(queue), broker.settings.bus_retry_s
        for name in (queue, f"{home}.dead", *(retry_queue(home, wait_s) for wait_s in waits)):
            channel.queue_purge(name)
    hang_up(connection)


def event(name: str = "") -> bytes:
    order_id = name or uuid.uuid4().hex
    return json.dumps(
        {"event_id": f"e.{order_id}", "order_id": order_id, "items": [], "total_cents": 1, "placed_at": "now"}
    ).encode()


@contextmanager
def consuming(
    broker: Broker, handle: Callable[[Event], None], policy: Callable[[], Policy] | None = None
) -> Iterator[Consumer]:
    with running(Consumer(broker.settings, QUEUE, handle, policy)) as consumer:
        yield consumer


@contextmanager
def running(consumer: Consumer) -> Iterator[Consumer]:
    """A consumer in a thread, connected; stopped in good order at the end."""
    stopping = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stopping,))
    thread.start()
    try:
        eventually(lambda: succeeds(consumer.check))
        yield consumer
    finally:
        stopping.set()
        thread.join()


@contextmanager
def publishing(broker: Broker) -> Iterator[Publisher]:
    publisher = Publisher(broker.settings)
    try:
        yield publisher
    finally:
        publisher.close()


def succeeds(check: Callable[[], object]) -> bool:
    try:
        check()
    except (Unavailable, TimedOut):
        return False
    return True


def waiting_in(broker: Broker, queue: str) -> int:
    connection = connect(broker.settings)
    try:
        channel: Any = connection.channel()
        return int(channel.queue_declare(queue, passive=True).method.message_count)
    finally:
        hang_up(connection)


def test_what_was_published_is_handled_with_its_name(broker: Broker) -> None:
    got: list[tuple[str, str]] = []
    with publishing(broker) as publisher, consuming(broker, lambda e: got.append((e.name, e.order_id))):
        publisher.publish("order.placed", event("one"), "e.one")
        publisher.publish("order.shipped", event("one"), "e.two")
        eventually(lambda: len(got) == 2)
    assert got == [("order.placed", "one"), ("order.shipped", "one")]
    assert waiting_in(broker, QUEUE) == 0


def test_what_fails_is_tried_three_times_more_and_then_dead(broker: Broker) -> None:
    tries: list[float] = []

    def fail(_: Event) -> None:
        tries.append(time.monotonic())
        raise ValueError("never")

    with publishing(broker) as publisher, consuming(broker, fail):
        publisher.publish("order.shipped", event(), "e")
        eventually(lambda: waiting_in(broker, f"{QUEUE}.dead") == 1)
    assert len(tries) == 4
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert all(wait >= at_least for wait, at_least in zip(waits, (0.1, 0.2, 0.3), strict=True))


def test_what_fails_once_is_done_the_second_time_and_keeps_its_name(broker: Broker) -> None:
    names: list[str] = []

    def fail_once(event: Event) -> None:
        names.append(event.name)
        if len(names) == 1:
            raise ValueError("once")

    with publishing(broker) as publisher, consuming(broker, fail_once):
        publisher.publish("order.shipped", event(), "e")
        eventually(lambda: len(names) == 2)
    assert names == ["order.shipped"] * 2
    assert waiting_in(broker, f"{QUEUE}.dead") == 0


def test_an_outage_never_kills_a_message(broker: Broker) -> None:
    tries: list[int] = []

    def out_of_order(_: Event) -> None:
        tries.append(1)
        if len(tries) < 7:
            raise Unavailable("the database is away")

    with publishing(broker) as publisher, consuming(broker, out_of_order):
        publisher.publish("order.shipped", event(), "e")
        eventually(lambda: len(tries) == 7)
    assert waiting_in(broker, f"{QUEUE}.dead") == 0


@pytest.mark.parametrize("body", [b"\xff\x00", b"{}", b"[1]", b'{"event_id": 7}'])
def test_what_nobody_can_read_is_dead_at_once_and_holds_nobody_up(broker: Broker, body: bytes) -> None:
    got: list[str] = []
    with publishing(broker) as publisher, consuming(broker, lambda e: got.append(e.order_id)):
        publisher.publish("order.shipped", body, "poison")
        publisher.publish("order.shipped", event("next"), "e")
        eventually(lambda: got == ["next"])
        eventually(lambda: waiting_in(broker, f"{QUEUE}.dead") == 1)


def test_a_naive_worker_is_never_rid_of_what_fails_and_works_on_beside_it(broker: Broker) -> None:
    tries: list[str] = []

    def fail_on_poison(event: Event) -> None:
        tries.append(event.order_id)
        if event.order_id == "poison":
            raise ValueError("never")

    naive = RequeueForever(QUEUE)
    with publishing(broker) as publisher, consuming(broker, fail_on_poison, lambda: naive):
        publisher.publish("order.shipped", event("poison"), "e.poison")
        eventually(lambda: tries.count("poison") >= 30)  # more than the queue's own limit of deliveries
        publisher.publish("order.shipped", event("good"), "e.good")
        eventually(lambda: "good" in tries)
    assert waiting_in(broker, f"{QUEUE}.dead") == 0
    assert waiting_in(broker, QUEUE) == 1


def test_a_strangers_headers_do_not_confuse_the_count(broker: Broker) -> None:
    tries: list[int] = []

    def fail(_: Event) -> None:
        tries.append(1)
        raise ValueError("never")

    with publishing(broker) as publisher, consuming(broker, fail):
        channel = publisher.attend()
        odd = pika.BasicProperties(headers={"x-retries": "many"}, type="order.shipped")
        channel.basic_publish("shop.events", "order.shipped", event(), odd)
        eventually(lambda: waiting_in(broker, f"{QUEUE}.dead") == 1)
    assert len(tries) == 4


def test_an_event_without_a_type_is_named_by_its_routing_key_in_every_try(broker: Broker) -> None:
    names: list[str] = []

    def fail_once(event: Event) -> None:
        names.append(event.name)
        if len(names) == 1:
            raise ValueError("once")

    with publishing(broker) as publisher, consuming(broker, fail_once):
        publisher.attend().basic_publish("shop.events", "order.shipped", event())
        eventually(lambda: len(names) == 2)
    assert names == ["order.shipped"] * 2


def test_the_request_that_made_an_event_is_known_where_the_event_is_handled(broker: Broker) -> None:
    seen: list[str] = []
    with publishing(broker) as publisher, consuming(broker, lambda _: seen.append(request_id.get())):
        publisher.publish("order.shipped", event(), "e", "request-1")
        publisher.publish("order.shipped", event(), "e")
        eventually(lambda: len(seen) == 2)
    assert seen == ["request-1", "e"]


def test_an_event_that_no_queue_wants_is_refused(broker: Broker) -> None:
    with publishing(broker) as publisher:
        with pytest.raises(Unroutable):
            publisher.publish("order.lost", event(), "e")
        publisher.publish("order.shipped", event(), "e")


def test_queues_that_somebody_deleted_are_made_again(broker: Broker) -> None:
    with publishing(broker) as publisher:
        publisher.publish("order.shipped", event(), "e")
        publisher.attend().queue_delete(QUEUE)
        with pytest.raises(Unroutable):
            publisher.publish("order.shipped", event(), "e")
        publisher.publish("order.shipped", event(), "e")
    assert waiting_in(broker, QUEUE) == 1


def test_a_message_in_hand_when_the_consumer_stops_is_finished_and_the_next_stays(broker: Broker) -> None:
    begun, done = threading.Event(), []

    def slow(event: Event) -> None:
        begun.set()
        time.sleep(0.5)
        done.append(event.order_id)

    with publishing(broker) as publisher:
        with consuming(broker, slow):
            publisher.publish("order.shipped", event("first"), "1")
            publisher.publish("order.shipped", event("second"), "2")
            begun.wait(30)
        assert done == ["first"]
        eventually(lambda: waiting_in(broker, QUEUE) == 1)


def test_the_broker_has_not_loaded_what_nobody_calls(broker: Broker) -> None:
    asked = "[code:is_loaded(Module) || Module <- [xmerl_scan, ssl_handshake, xref_base]]."
    assert broker.store.run("compose/images/rabbitmq/ctl", "eval", asked).strip() == "[false,false,false]"


def test_a_frozen_broker_does_not_hold_a_publisher_for_ever(broker: Broker) -> None:
    with publishing(broker) as publisher:
        publisher.publish("order.shipped", event(), "e")
        try:
            broker.store.freeze()
            with pytest.raises(TimedOut):
                publisher.publish("order.shipped", event(), "e")
            assert not succeeds(publisher.check)
        finally:
            broker.store.signal(signal.SIGCONT)
        eventually(lambda: succeeds(lambda: publisher.publish("order.shipped", event(), "e")))


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(broker: Broker) -> None:
    got: set[str] = set()
    with publishing(broker) as publisher, consuming(broker, lambda e: got.add(e.order_id)) as consumer:
        sent = {f"before-{n}" for n in range(50)}
        for name in sorted(sent):
            publisher.publish("order.shipped", event(name), name)
        time.sleep(NAMED_S)
        broker.store.kill()
        with pytest.raises((Unavailable, TimedOut)):
            publisher.publish("order.shipped", event("maybe"), "maybe")
        eventually(lambda: not succeeds(consumer.check))
        broker.store.start()
        broker.wait()
        eventually(lambda: succeeds(lambda: publisher.publish("order.shipped", event("after"), "after")))
        eventually(lambda: sent | {"after"} <= got)


def test_what_waits_for_another_try_and_comes_due_while_the_broker_is_away_is_not_lost(broker: Broker) -> None:
    sent, got, away = {f"waits-{n}" for n in range(30)}, set[str](), threading.Event()
    away.set()

    def handle(event: Event) -> None:
        if away.is_set():
            raise Unavailable("the database is away")
        got.add(event.order_id)

    with publishing(broker) as publisher, consuming(broker, handle) as consumer:
        for name in sorted(sent):
            publisher.publish("order.shipped", event(name), name)
        time.sleep(NAMED_S)
        broker.store.kill()
        away.clear()
        eventually(lambda: not succeeds(consumer.check))
        broker.store.start()
        broker.wait()
        eventually(lambda: got == sent)


def test_a_naive_wait_for_another_try_dies_with_the_broker(broker: Broker) -> None:
    tried: list[str] = []

    def out_of_order(event: Event) -> None:
        tried.append(event.order_id)
        raise Unavailable("the database is away")

    long_waits = replace(broker.settings, bus_retry_s=(30.0,))
    in_memory = RetriesInMemory(long_waits, QUEUE)
    with publishing(broker) as publisher, consuming(broker, out_of_order, lambda: in_memory):
        publisher.publish("order.shipped", event(), "e")
        eventually(lambda: tried)
        time.sleep(NAMED_S)
        assert waiting_in(broker, f"{QUEUE}.memory.30000ms") == 1
        broker.store.kill()
        broker.store.start()
        broker.wait()
        assert waiting_in(broker, f"{QUEUE}.memory.30000ms") == 0


def test_a_careless_publisher_believes_a_frozen_broker_and_loses_what_it_sent(broker: Broker) -> None:
    with closing(CarelessPublisher(broker.settings)) as careless:
        eventually(lambda: succeeds(lambda: careless.publish("order.shipped", event(), "e.before")))
        eventually(lambda: waiting_in(broker, QUEUE) == 1)
        time.sleep(NAMED_S)
        broker.store.freeze()
        for _ in range(20):
            careless.publish("order.shipped", event(), "e.lost")
        broker.store.kill()
        broker.store.start()
        broker.wait()
        eventually(lambda: succeeds(lambda: careless.publish("order.shipped", event(), "e.after")))
        eventually(lambda: waiting_in(broker, QUEUE) >= 2)
    assert waiting_in(broker, QUEUE) == 2


def test_what_is_for_a_lane_waits_in_its_own_queue_and_is_told_to_all_others_as_ever(broker: Broker) -> None:
    got: list[tuple[str, str]] = []
    with publishing(broker) as publisher, consuming(broker, lambda e: got.append((e.name, e.order_id))):
        publisher.publish("order.placed", event("usual"), "1")
        publisher.publish("order.placed", event("hot"), "2", lane=True)
        eventually(lambda: len(got) == 2)
    assert got == [("order.placed", "usual"), ("order.placed", "hot")]
    assert [waiting_in(broker, queue) for queue in ("fulfilment", "fulfilment-lane")] == [1, 1]


def test_leftovers_are_taken_only_while_nobody_is_there_whose_queue_it_is(broker: Broker) -> None:
    owners: list[str] = []
    took: list[str] = []
    owner = Consumer(broker.settings, "fulfilment-lane", lambda e: owners.append(e.order_id))
    other = Leftovers(broker.settings, "fulfilment-lane", lambda e: took.append(e.order_id))
    with publishing(broker) as publisher, running(other):
        with running(owner):
            publisher.publish("order.placed", event("one"), "1", lane=True)
            eventually(lambda: owners == ["one"])
        publisher.publish("order.placed", event("two"), "2", lane=True)
        eventually(lambda: took == ["two"])
    assert (owners, waiting_in(broker, "fulfilment-lane")) == (["one"], 0)
