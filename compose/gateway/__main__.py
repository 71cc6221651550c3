"""python3 -m compose.gateway serve | apply | show

serve   run nginx in the foreground, as LISTEN, LISTEN_INTERNAL, DATA and UPSTREAMS say
apply   take a description (JSON, standard input), check it, reload nginx, wait for the new workers; prints one JSON
        line; a refused one exits with 1 and nginx's message while the old one goes on serving
show    print the current description, ready to be changed and applied
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from compose.gateway import live
from compose.gateway.checks import SpecInvalid
from compose.gateway.documents import from_json, to_json
from compose.gateway.program import Refused
from compose.gateway.resolve import Resolver
from compose.gateway.serve import serve


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 fine, 1 refused, 2 wrong usage."""
    try:
        match list(arguments):
            case ["serve"]:
                return serve(os.environ)
            case ["apply"]:
                print(json.dumps(asdict(live.apply(from_json(sys.stdin.read()), Resolver()))))
                return 0
            case ["show"]:
                print(to_json(live.current(_data())), end="")
                return 0
    except (SpecInvalid, Refused) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


def _data() -> str:
    if folder := os.environ.get("DATA"):
        return str(Path(folder).absolute())
    raise SpecInvalid("set DATA to the gateway's folder")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
