"""Looking at things once, so that they are in the cache: by plain HTTP, as a shopper would."""

import http.client
import json


def look_at_everything(url: str, pages: int = 50) -> int:
    """Ask once for every product the shop lists; how many there were. At most `pages` pages of the list."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    looked = 0
    try:
        for page in range(1, pages + 1):
            listed = json.loads(_get(connection, f"/api/catalog/products?page={page}"))
            for item in listed["items"]:
                _get(connection, f"/api/catalog/products/{item['sku']}")
                looked += 1
            if page >= listed["pages"]:
                break
    finally:
        connection.close()
    return looked


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()
