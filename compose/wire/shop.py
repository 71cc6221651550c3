"""`python3 -m compose.wire.shop`: the wire as a part of the shop.

From the environment: LISTEN is where its API listens, LINKS the proxies, a JSON array. The API answers once all are
there.
"""

import os
import sys

from compose.wire import addresses
from compose.wire.__main__ import serve


def main() -> int:
    """Run until TERM; the exit status."""
    return serve(*addresses.split(os.environ["LISTEN"]), os.environ["LINKS"])


if __name__ == "__main__":
    sys.exit(main())
