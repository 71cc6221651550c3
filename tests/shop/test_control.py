"""Starting, watching and ending shops from the command line, as a learner, a script and an accident would."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from compose import places
from compose.topology import PROJECT
from labs.control import place
from labs.control.client import ControlFailed, ShopClient
from tests.conftest import Cli, bring_up, take_down
from tests.shop.buying import ask, get

pytestmark = pytest.mark.servers


def test_a_second_up_says_that_it_is_running(shop: ShopClient, cli: Cli) -> None:
    done = cli("up", "--name", shop.name)
    assert done.returncode == 0
    assert f"already running at {shop.url}" in done.stdout


def test_status_shows_every_component_as_the_contract_says(shop: ShopClient, cli: Cli) -> None:
    report = json.loads(cli("status", "--name", shop.name, "--json").stdout)
    assert report.keys() >= {"name", "runtime", "url", "control_url", "wire_url", "wired", "components"}
    wanted = {
        "name",
        "service",
        "kind",
        "state",
        "ready",
        "role",
        "address",
        "pid",
        "container",
        "memory_mb",
        "started_at",
    }
    assert all(component.keys() == wanted for component in report["components"])
    assert all(component["ready"] for component in report["components"]), report
    assert {c["role"] for c in report["components"] if c["name"].startswith("postgres")} == {"primary", "replica"}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["break", "proces_kill", "cart-1"], "process_kill"),
        (["break", "process_kill", "crat-1"], "cart-1"),
        (["break", "http_delay", "cart-1", "delay=1"], "fixedDelay"),
        (["break", "http_delay", "rabbitmq"], "strikes"),
        (["break", "latency", "catalog-1:postgre-1"], "catalog-1:postgres-1"),
        (["break", "latency", "catalog-1"], "catalog-1:"),
        (["break", "latency", "rabbitmq", "stream=down"], "downstream"),
        (["break", "cache_slow", "postgres-1"], "memcached-1"),
        (["break", "partition", "catalog-1", "target=rabbitmq"], "catalog-1 has no link with rabbitmq"),
        (["scale", "catlog=2"], "catalog"),
        (["scale", "rabbitmq=2"], "catalog"),
        (["scale", "catalog"], "catalog=4"),
        (["scale", "catalog=0"], "1 to 30 replicas"),
        (["scale", "orders-lane=31"], "0 to 30 replicas"),
        (["break", "http_delay", "cart-1", "fixedDelay=100"], "from 0 to 60"),
        (["break", "http_abort", "cart-1", "httpStatus=302"], "from 400 to 599"),
        (["break", "hot_key", "gateway", "key=a:b"], "no product 'a:b'"),
        (["flag", "gateway.rate_per_s", "200000"], "from 0 to 100000"),
        (["break", "process_kill", "cart-1", "signal=SIGKIL"], "SIGKILL"),
        (["break", "lb_policy", "cart", "policy=iphash"], "ip_hash"),
        (["break", "replication_lag", "postgres-1"], "postgres-2"),
        (["break", "db_lock", "postgres-1", "table=inventory.stok"], "inventory.stock"),
        (["break", "process_pause", "cart-1", "--for", "inf"], "--for"),
        (["logs", "cart-1", "--tail", "-3"], "--tail"),
        (["balance", "catalog", "fastest"], "round_robin"),
        (["logs", "order-1"], "orders-1"),
        (["load", "--mix", "brows"], "browse"),
        (["load", "--arrival", "sail"], "sale"),
        (["locust", "--mix", "brows"], "browse"),
        (["lab", "run", "balancing-policy", "--no-predict"], "balancing-policies"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(shop: ShopClient, cli: Cli, words: list[str], hint: str) -> None:
    done = cli(*words, "--name", shop.name)
    assert done.returncode == 2, done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_cannot_be_a_shops_is_wrong_usage(cli: Cli) -> None:
    done = cli("status", "--name", "../x")
    assert done.returncode == 2
    assert "is no name for a shop" in done.stderr


def test_ctrl_c_ends_a_load_with_what_was_measured_and_no_generator_stays(shop: ShopClient) -> None:
    command = [sys.executable, "-P", "-m", "labs.cli", "load", "--duration", "60", "--rate", "5", "--name", shop.name]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as load:
        assert load.stdout and load.stderr and "under way" in load.stderr.readline()
        generators = psutil.Process(load.pid).children()
        load.send_signal(signal.SIGINT)
        said, measured = load.stderr.read(), load.stdout.read()
        assert load.wait(timeout=20) == 130
    assert re.search(r"^completed +[1-9]", measured, re.MULTILINE) and "✓ outcomes sum to started" in measured
    assert said.endswith("✗ interrupted\n") and "Traceback" not in said
    assert generators and psutil.wait_procs(generators, timeout=5)[1] == []


def test_a_command_for_a_shop_that_does_not_run_says_how_to_start_it(cli: Cli) -> None:
    done = cli("status", "--name", "nobody-here")
    assert done.returncode == 1
    assert "./shoplab up --name nobody-here" in done.stderr


def test_the_control_interface_refuses_strangers(shop: ShopClient) -> None:
    url = shop.report()["control_url"]
    token = place.find(shop.name).token
    assert ask(url, "GET", "/status").status == 401
    assert ask(url, "GET", "/status", Authorization="Bearer wrong").status == 401
    assert ask(url, "GET", "/status", Authorization=f"Bearer {token}", Origin="http://evil.example").status == 403
    assert ask(url, "GET", "/status", Authorization=f"Bearer {token}", Host="evil.example").status == 403
    assert get(url, "/status", Authorization=f"Bearer {token}").status == 200


def test_what_is_secret_is_readable_by_its_owner_only(shop: ShopClient) -> None:
    folder = places.folder(shop.name)
    for secret in ("control.json", "passwords.json"):
        assert (folder / secret).stat().st_mode & 0o077 == 0


def at_the_gateway(shop: ShopClient) -> dict[str, Any]:
    """What the gateway was told, by service."""
    told = (places.folder(shop.name) / "data" / "gateway" / "gateway.json").read_text()
    return {upstream["service"]: upstream for upstream in json.loads(told)["upstreams"]}


def test_policies_switch_live_and_scaling_is_seen_by_the_gateway(healed: ShopClient, cli: Cli) -> None:
    healed.scale("catalog", 3)
    try:
        served = {get(healed.url, "/api/catalog/products/tea-001").headers["x-served-by"] for _ in range(12)}
        assert served == {"catalog-1", "catalog-2", "catalog-3"}
        upstream = healed.balance("catalog", "weights", {"catalog-1": 10})
        assert [server["weight"] for server in upstream["servers"]] == [10, 1, 1]
        assert healed.balance("catalog", "least_conn")["policy"] == "least_conn"
    finally:
        healed.scale("catalog", 2)


def test_reset_brings_back_how_many_replicas_there_are_and_how_they_share(healed: ShopClient) -> None:
    healed.scale("catalog", 3)
    healed.balance("catalog", "least_conn", {"catalog-1": 10})
    healed.reset()
    upstream = at_the_gateway(healed)["catalog"]
    assert [(server["name"], server["weight"]) for server in upstream["servers"]] == [
        ("catalog-1", 1),
        ("catalog-2", 1),
    ]
    assert upstream["policy"] == "round_robin"


def test_reset_brings_back_the_seed(healed: ShopClient, cli: Cli) -> None:
    from tests.shop.buying import buy, stock

    full = stock(healed.url, "tea-001")
    buy(healed.url)
    assert cli("reset", "--name", healed.name).returncode == 0
    assert stock(healed.url, "tea-001") == full
    assert healed.check() == []


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("update inventory.stock set sold = sold + 1, available = available - 1 where sku = 'tea-001'", "sold"),
        ("update payments.charges set state = 'refunded'", "exactly one charge"),
        (
            "insert into payments.charges (key, state, amount_cents) values ('stray', 'charged', 100)",
            "every charge belongs",
        ),
        ("delete from fulfilment.parcels", "reaches fulfilment"),
        (
            "insert into fulfilment.parcels (order_id, items) select order_id, items from fulfilment.parcels",
            "reaches fulfilment",
        ),
        ("update orders.orders set total_cents = total_cents + 1", "sum of its lines"),
        ("delete from orders.outbox where event = 'order.placed'", "announced once"),
    ],
)
def test_check_fails_when_a_row_is_tampered_with(healed: ShopClient, tampering: str, broken: str) -> None:
    from compose.topology import load
    from labs.control.probes import Probes
    from tests.shop.buying import buy

    assert buy(healed.url).sold
    assert healed.check() == []
    components = {c["name"]: c["address"] for c in healed.status()}
    assert load()["postgres-1"]
    with Probes(components, places.passwords(places.folder(healed.name))).sql() as connection:
        connection.execute(tampering.encode())
    violated = [each for each in healed.invariants(settle_s=3) if not each["holds"]]
    assert any(broken in each["claim"] for each in violated), violated


def test_a_taken_port_is_named_with_its_holder_and_nothing_is_left_behind(cli: Cli) -> None:
    base = 30100
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", base + 32))
        holder.listen()
        done = cli("up", "--name", "taken", "--runtime", "local", "--port", str(base))
    assert done.returncode == 1
    assert f"port {base + 32} is taken by" in done.stderr
    assert place.read("taken") is None
    take_down("taken")


def test_after_the_daemon_is_killed_nothing_runs_and_the_next_up_works(cli: Cli) -> None:
    name = f"killed-{os.getpid()}"
    bring_up(name, "--runtime", "local")
    try:
        recorded = json.loads((places.folder(name) / "processes.json").read_text())
        family = [
            member
            for entry in recorded.values()
            for member in [psutil.Process(entry["pid"]), *psutil.Process(entry["pid"]).children(recursive=True)]
        ]
        assert len(family) >= 22
        ShopClient.of(name).set_fault("process_pause", "postgres-2")
        os.kill(place.find(name).pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
        done = cli("status", "--name", name)
        assert done.returncode == 1 and "is not running" in done.stderr
        bring_up(name, "--runtime", "local")
        assert ShopClient.of(name).check() == []
    finally:
        take_down(name)


def test_after_the_nursery_is_killed_nothing_listens_any_more(cli: Cli) -> None:
    name = f"orphaned-{os.getpid()}"
    bring_up(name, "--runtime", "local")
    try:
        control = psutil.Process(place.find(name).pid)
        nursery = next(child for child in control.children() if child.cmdline() == control.cmdline())  # its fork
        family = nursery.children(recursive=True)
        nursery.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
    finally:
        take_down(name)


def test_two_shops_run_side_by_side(shop: ShopClient) -> None:
    name = f"second-{os.getpid()}"
    bring_up(name, "--runtime", "local")
    try:
        other = ShopClient.of(name)
        assert other.url != shop.url
        assert get(other.url, "/api/catalog/products/tea-001").status == 200
        began = time.monotonic()
    finally:
        take_down(name)
    assert time.monotonic() - began < 60
    assert get(shop.url, "/api/catalog/products/tea-001").status == 200


def test_a_gateway_that_is_started_anew_keeps_its_policies(healed: ShopClient) -> None:
    healed.balance("catalog", "least_conn")
    healed.set_fault("process_kill", "gateway")
    assert ask(healed.url, "GET", "/livez").status == 0
    healed.heal()
    upstream = healed.balance("cart", "round_robin")  # shows that control still can
    assert upstream["service"] == "cart"
    assert at_the_gateway(healed)["catalog"]["policy"] == "least_conn"


def test_a_gateway_that_is_started_anew_knows_who_came_meanwhile(healed: ShopClient) -> None:
    healed.set_fault("process_kill", "gateway")
    try:
        with pytest.raises(ControlFailed):
            healed.scale("catalog", 3)
        assert healed.heal() == []
        assert [server["name"] for server in at_the_gateway(healed)["catalog"]["servers"]] == [
            f"catalog-{number}" for number in (1, 2, 3)
        ]
    finally:
        healed.scale("catalog", 2)


def test_a_reset_in_the_middle_of_a_sale_leaves_nothing_half_done(healed: ShopClient) -> None:
    from tests.shop.buying import checkouts

    with checkouts(healed.url, shoppers=4, pause_s=0.01):
        time.sleep(1)
    healed.reset()
    assert healed.check() == []
