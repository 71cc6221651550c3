"""The nginx file for a gateway, built with nginx-config-builder.

Every path in it is relative to nginx's prefix (`-p DATA`), so the text does not depend on where it lives.
"""

from collections.abc import Iterator

from nginx.config.api.blocks import Base

from compose.gateway import limits
from compose.gateway.answers import ANSWERS
from compose.gateway.directives import block, directive, ms, quoted, remark, written
from compose.gateway.listeners import ROOM_SERVICE, internal, public
from compose.gateway.model import Gateway, Server, Upstream

RETRY_ON = ("error", "timeout")
LOOK_AGAIN_S = 5
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
PRIVATE = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
LOGGED = {
    "time": '"$time_iso8601"',
    "at": "$msec",
    "request_id": '"$call_id"',
    "client": '"$remote_addr"',
    "port": "$server_port",
    "method": '"$request_method"',
    "uri": '"$request_uri"',
    "status": "$status",
    "bytes": "$body_bytes_sent",
    "request_time": "$request_time",
    "upstream": '"$service"',
    "upstream_addr": '"$upstream_addr"',
    "upstream_status": '"$upstream_status"',
    "upstream_response_time": '"$upstream_response_time"',
}


def render(spec: Gateway, user: str | None = None) -> str:
    """The configuration. `user` is who the workers become and is right only when nginx is started by root."""
    return written(
        remark("Made by compose/gateway: change it with `./shoplab balance` or `python3 -m compose.gateway apply`."),
        *([directive("user", user)] if user else []),
        directive("daemon", "off"),
        remark("One worker: the counters of a policy are then one list and explainable."),
        directive("worker_processes", 1),
        directive("worker_rlimit_nofile", 4096),
        remark("A reload or a graceful stop waits this long for requests in flight."),
        directive("worker_shutdown_timeout", "6s"),
        directive("pid", "nginx.pid"),
        directive("error_log", "stderr", "warn"),
        block("events", directive("worker_connections", 2048)),
        block(
            "http",
            *_common(spec),
            *_logging(spec),
            *_identity(),
            _patience(),
            _look_again(),
            *limits.counted(spec),
            *_towards_replicas(spec),
            *(_upstream(each) for each in spec.upstreams if each.servers),
            public(spec),
            internal(spec),
        ),
    )


def _common(spec: Gateway) -> Iterator[Base]:
    for kind in TEMPORARY:
        yield directive(f"{kind}_temp_path", f"tmp/{kind}")
    yield directive("server_tokens", "off")
    yield directive("tcp_nopush", "on")
    yield directive("keepalive_timeout", "65s")
    yield directive("client_header_timeout", "10s")
    yield directive("client_body_timeout", "10s")
    yield directive("client_max_body_size", "64k")
    yield directive("client_body_buffer_size", "64k")


def _logging(spec: Gateway) -> Iterator[Base]:
    line = ",".join(f'"{name}":{value}' for name, value in LOGGED.items())
    yield directive("log_format", "shop", "escape=json", quoted("{" + line + "}"))
    yield directive("access_log", spec.access_log, "shop")
    yield remark("$service is set where a request is routed; a request that was never routed logs it empty.")
    yield directive("uninitialized_variable_warn", "off")


def _identity() -> Iterator[Base]:
    """Who asked, which request it is, who answered."""
    yield remark("Clients on loopback and in private networks may say whom they speak for: labs vary the client so.")
    yield remark("HAZARD: behind Docker's NAT every caller looks private and may claim any address, another one each")
    yield remark(
        "time: no limit by address holds such a caller back. Where strangers can come from there, set these to"
    )
    yield remark("the addresses of your own edge only.")
    for network in PRIVATE:
        yield directive("set_real_ip_from", network)
    yield directive("real_ip_header", "X-Forwarded-For")
    yield remark("The caller's request id when it is plausible, else a new one.")
    yield block(
        "map $http_x_request_id $call_id",
        directive(quoted("~^[A-Za-z0-9._-]{1,64}$"), "$http_x_request_id"),
        directive("default", "$request_id"),
    )
    yield remark("A replica names itself in X-Served-By. When the last try gave no answer at all, we made it.")
    yield block(
        "map $upstream_header_time $made_here",
        directive(quoted("~[0-9]$"), quoted("")),
        directive("default", "gateway"),
    )


def _patience() -> Base:
    """When who was answered by one of our pages may come again."""
    waits = [(answer.status, answer.retry_after_s) for answer in ANSWERS if answer.retry_after_s]
    return block(
        "map $status $retry_after",
        *(directive(str(status), seconds) for status, seconds in waits),
        directive("default", quoted("")),
    )


def _look_again() -> Base:
    """A page of ours for somebody in line loads itself again, as the room's own does: no turn must pass unseen."""
    return block(
        "map $service $look_again", directive(quoted(ROOM_SERVICE), LOOK_AGAIN_S), directive("default", quoted(""))
    )


def _towards_replicas(spec: Gateway) -> Iterator[Base]:
    """How requests are passed on; inherited by every location, none of which may set a proxy header of its own."""
    yield directive("proxy_http_version", "1.1")
    for name, value in (
        ("Connection", quoted("")),
        ("Host", "$http_host"),
        ("X-Request-Id", "$call_id"),
        ("X-Request-Start", "$msec"),
        ("X-Tier", "$tier"),
        ("X-Time-Left-Ms", "$time_left"),
        ("X-Visitor", "$for_visitor"),
        ("X-Forwarded-For", "$remote_addr"),
        ("X-Forwarded-Proto", "$scheme"),
    ):
        yield directive("proxy_set_header", name, value)
    for name in ("X-Request-Id", "X-Content-Type-Options"):
        yield directive("proxy_hide_header", name)
    yield directive("proxy_connect_timeout", ms(spec.waits.connect_s))
    yield directive("proxy_buffer_size", "8k")
    yield directive("proxy_buffers", 16, "8k")
    yield directive("proxy_max_temp_file_size", 0)
    yield remark("Another replica is asked only when that cannot do a thing twice: never after a POST was sent")
    yield remark("(no non_idempotent). HAZARD of adding http_503: each one then counts against its replica, so a")
    yield remark("service that says 503 for a while (its database is away) is shut out whole, for 3 s more than that.")
    yield directive("proxy_next_upstream", *RETRY_ON)
    yield directive("proxy_next_upstream_tries", 3)
    yield directive("proxy_next_upstream_timeout", "5s")
    yield remark("A client that hangs up first must not hide a frozen replica from the passive checks.")
    yield directive("proxy_ignore_client_abort", "on")


def _upstream(upstream: Upstream) -> Base:
    policy = [] if upstream.policy == "round_robin" else [directive(upstream.policy)]
    return block(
        f"upstream {upstream.service}",
        directive("zone", upstream.service, "64k"),
        *policy,
        *(_server(server) for server in upstream.servers),
        *_panic(upstream),
        remark("After the policy, or nginx refuses it. Shorter than the 75 s the replicas keep an idle connection."),
        directive("keepalive", 16),
        directive("keepalive_timeout", "30s"),
    )


def _server(server: Server) -> Base:
    checks = [f"max_fails={server.max_fails}", f"fail_timeout={server.fail_timeout_s}s"]
    return directive("server", *_place(server), *checks, *(["down"] if server.down else []))


def _panic(upstream: Upstream) -> Iterator[Base]:
    """When every replica counts as failed, the count is more likely wrong than all of them are dead: ask them all the
    same (Envoy calls this its panic threshold). nginx's ip_hash takes no backup lines, and a lone replica never counts
    as failed.
    """
    if upstream.policy != "ip_hash" and len(upstream.servers) > 1:
        yield remark("Only while all of the above count as failed: ask them all the same, rather than refuse for 3 s.")
        for server in upstream.servers:
            if not server.down:
                yield directive("server", *_place(server), "max_fails=0", "backup")


def _place(server: Server) -> list[str]:
    return [server.address, *([f"weight={server.weight}"] if server.weight != 1 else [])]
