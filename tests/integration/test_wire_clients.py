"""Published clients of Toxiproxy, unchanged, against our wire: from PyPI and from npm."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaostoxi.proxy import actions as proxies
from chaostoxi.proxy import probes
from chaostoxi.toxic import actions as toxics
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from tests.integration.wire_parts import Upstream, Wire, address, ask, free_port, line_to, read_all, upstream, wire

pytestmark = pytest.mark.servers

SLOW_S = 10.0
NODE_PACKAGE = "toxiproxy-node-client@4.1.0"


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    with wire() as started:
        yield started


@pytest.fixture
def echo(running: Wire) -> Iterator[Upstream]:
    with upstream() as server:
        yield server
    for name in running.do("GET", "/proxies"):
        running.do("DELETE", f"/proxies/{name}")


@pytest.fixture
def client(running: Wire, echo: Upstream) -> Toxiproxy:
    made = Toxiproxy()
    made.update_api_consumer(*address(running.url.removeprefix("http://")))
    return made


@pytest.fixture
def configuration(running: Wire, echo: Upstream) -> dict[str, Any]:
    """Of a Chaos Toolkit experiment."""
    return {"toxiproxy_url": running.url}


def listen() -> str:
    return f"127.0.0.1:{free_port()}"


def test_toxiproxy_python_manages_proxies(client: Toxiproxy, echo: Upstream) -> None:
    assert client.running() and b"2.12.0" in client.version()
    made = client.create(upstream=echo.address, name="echo", listen=listen())
    assert (client.get_proxy("echo").listen, client.get_proxy("echo").upstream) == (made.listen, echo.address)
    with pytest.raises(ProxyExists):
        client.create(upstream=echo.address, name="echo")
    assert client.destroy(made) and client.proxies() == {}


def test_toxiproxy_python_populates(client: Toxiproxy, echo: Upstream) -> None:
    wanted = [{"name": name, "listen": listen(), "upstream": echo.address} for name in ("a", "b")]
    assert len(client.populate(wanted)) == 2
    assert client.populate(wanted) == []
    assert set(client.proxies()) == {"a", "b"}
    client.destroy_all()
    assert client.proxies() == {}


def test_toxiproxy_python_delays_and_heals(client: Toxiproxy, echo: Upstream) -> None:
    proxy = client.create(upstream=echo.address, name="echo", listen=listen())
    proxy.add_toxic(type="latency", attributes={"latency": 400, "jitter": 0})
    assert proxy.get_toxic("latency_downstream").attributes == {"latency": 400, "jitter": 0}
    with line_to(address(proxy.listen)) as line:
        assert 0.399 <= ask(line) < SLOW_S
        proxy.destroy_toxic("latency_downstream")
        assert proxy.toxics() == {} and min(ask(line) for _ in range(3)) < 0.4


def test_toxiproxy_python_takes_a_proxy_down_and_up(client: Toxiproxy, echo: Upstream) -> None:
    proxy = client.create(upstream=echo.address, name="echo", listen=listen())
    with line_to(address(proxy.listen)) as line:
        ask(line)
        with proxy.down():
            assert read_all(line) == b""
            with pytest.raises(ConnectionRefusedError), line_to(address(proxy.listen)):
                pass
    with line_to(address(proxy.listen)) as line:
        ask(line)


def test_toxiproxy_python_resets_and_hears_of_its_mistakes(client: Toxiproxy, echo: Upstream) -> None:
    proxy = client.create(upstream=echo.address, name="echo", listen=listen())
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="nonsense")
    with pytest.raises(NotFound):
        proxy.destroy_toxic("nothing")
    proxy.add_toxic(type="timeout", attributes={"timeout": 100})
    proxy.disable()
    assert client.reset()
    assert client.get_proxy("echo").enabled and proxy.toxics() == {}


def chaos_proxy(echo: Upstream, configuration: dict[str, Any]) -> tuple[str, int]:
    """A proxy made as an experiment makes one; its address."""
    host, port = address(echo.address)
    assert proxies.create_proxy("echo", host, port, "127.0.0.1", free_port(), configuration=configuration)
    os.environ.pop("echo_PORT")
    return "127.0.0.1", int(configuration["echo_PORT"])


def test_chaostoolkit_manages_proxies(echo: Upstream, configuration: dict[str, Any]) -> None:
    where = chaos_proxy(echo, configuration)
    assert probes.proxy_exist("echo", configuration) and not probes.proxy_exist("other", configuration)
    assert proxies.disable_proxy("echo", configuration)
    assert probes.get_proxy_attribute("echo", "enabled", configuration) is False
    with pytest.raises(ConnectionRefusedError), line_to(where):
        pass
    assert proxies.reset(configuration)
    with line_to(where) as line:
        ask(line)
    proxies.delete_proxy("echo", configuration)
    assert not probes.proxy_exist("echo", configuration)
    os.environ.pop("echo_PORT", None)


def test_chaostoolkit_applies_each_of_its_toxics_and_takes_it_away(
    echo: Upstream, configuration: dict[str, Any]
) -> None:
    where = chaos_proxy(echo, configuration)
    cases = [
        (lambda: toxics.create_latency_toxic("echo", "t", 300, 0, configuration), 0.299),
        (lambda: toxics.create_bandwith_degradation_toxic("echo", "t", 10, configuration), 0.399),
        (lambda: toxics.create_slicer_toxic("echo", "t", 500, 0, 50_000, configuration), 0.299),
    ]
    for create, least in cases:
        with line_to(where) as line:
            assert create()
            assert least <= ask(line, b"x" * 4000) < SLOW_S
            assert toxics.delete_toxic("echo", "t", configuration)
            assert min(ask(line, b"x" * 4000) for _ in range(3)) < least


def test_chaostoolkit_ends_connections_late_early_and_in_the_middle(
    echo: Upstream, configuration: dict[str, Any]
) -> None:
    where = chaos_proxy(echo, configuration)
    cases = [
        (lambda: toxics.create_slow_connection_close_toxic("echo", "t", 400, configuration), 0.399, b"ping"),
        (lambda: toxics.create_timeout_toxic("echo", "t", 300, configuration), 0.29, b""),
        (lambda: toxics.create_limiter_toxic("echo", "t", 2, configuration), 0.0, b"pi"),
    ]
    for create, least, answer in cases:
        assert create()
        with line_to(where) as line:
            started = time.monotonic()
            line.sendall(b"ping")
            line.shutdown(socket.SHUT_WR)
            assert read_all(line) == answer
            assert least <= time.monotonic() - started < SLOW_S
        assert toxics.delete_toxic("echo", "t", configuration)


SCRIPT = """
const net = require("net");
const { Toxiproxy } = require("toxiproxy-node-client");
const [url, upstream, listen, other] = process.argv.slice(2);
const check = (holds, what) => { if (!holds) throw new Error(what); };
const refused = async (work, status) => {
  try { await work(); } catch (error) { return check(error.message.includes(status), error.message); }
  throw new Error("not refused with " + status);
};
const ask = () => new Promise((resolve, reject) => {
  const started = performance.now();
  const [host, port] = listen.split(":");
  const line = net.connect(Number(port), host, () => line.write("ping"));
  line.on("data", () => { line.destroy(); resolve(performance.now() - started); });
  line.on("error", reject);
});

(async () => {
  const client = new Toxiproxy(url);
  check((await client.getVersion()).includes("2.12.0"), "version");
  const proxy = await client.createProxy({ name: "echo", listen, upstream });
  check(proxy.listen === listen && proxy.enabled, "create");
  await refused(() => client.createProxy({ name: "echo", listen, upstream }), 409);
  await refused(() => client.get("nobody"), 404);

  const latency = await proxy.addToxic({ type: "latency", attributes: { latency: 300, jitter: 0 } });
  check(latency.name === "latency_downstream" && latency.stream === "downstream" && latency.toxicity === 1, "toxic");
  const slow = await ask();
  check(slow >= 299, "latency is " + slow);
  const faster = await latency.update({ attributes: { latency: 100 } });
  check(faster.attributes.latency === 100 && faster.attributes.jitter === 0, "update");
  check((await proxy.getToxic(latency.name)).attributes.latency === 100, "get");
  const less = await ask();
  check(less >= 99, "latency is " + less);
  await latency.remove();
  await refused(() => proxy.getToxic(latency.name), 404);
  await refused(() => proxy.addToxic({ type: "nonsense", attributes: {} }), 400);
  check(Math.min(await ask(), await ask(), await ask()) < 100, "latency is still there");

  const off = await proxy.update({ enabled: false });
  check(off.enabled === false, "disable");
  await ask().then(() => { throw new Error("not refused"); }, (error) => check(error.code === "ECONNREFUSED", error));
  await client.reset();
  check((await client.get("echo")).enabled, "reset");
  await ask();

  const populated = await client.populate([{ name: "other", listen: other, upstream }]);
  check(populated.other.listen === other, "populate");
  check(Object.keys(await client.getAll()).sort().join() === "echo,other", "all");
  for (const each of Object.values(await client.getAll())) await each.remove();
  check(Object.keys(await client.getAll()).length === 0, "remove");
  console.log("all is well");
})().catch((error) => { console.error(error); process.exit(1); });
"""


def test_the_node_client_does_all_it_can(running: Wire, echo: Upstream, tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("no node or no npm here")
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", NODE_PACKAGE]
    try:
        done = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer within 120 s")
    if done.returncode:
        pytest.skip(f"npm cannot install {NODE_PACKAGE}: {done.stderr[-300:]}")
    (tmp_path / "drive.js").write_text(SCRIPT)
    command = [node, "drive.js", running.url, echo.address, listen(), listen()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "all is well", "")
