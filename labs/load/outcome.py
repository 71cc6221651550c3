"""How a request ended, as one of `sample.OUTCOMES`."""

import aiohttp


def outcome_of_status(status: int) -> str:
    """Redirects count as fine: a page's is its end, and nobody is sent on twice."""
    return "ok" if status < 400 else "http_4xx" if status < 500 else "http_5xx"


def outcome_of_error(error: Exception) -> str:
    """`refused`: surely nothing happened. `reset`: cut off in between. `timeout`: nobody knows. There is no other."""
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorError():
            return "refused"
    return "reset"
