"""One busy process: keeps a core at LOAD percent for SECONDS.

    python -m labs.control.busy LOAD SECONDS

It ends sooner when whoever started it closes the pipe to its standard input, or dies, in whatever way.
"""

import select
import sys
import time

SLICE_S = 0.05


def main() -> None:
    """Work for a part of each slice; for the rest of it wait for the end of the pipe."""
    load, seconds = float(sys.argv[1]) / 100, float(sys.argv[2])
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        until = time.perf_counter() + SLICE_S * load
        while time.perf_counter() < until:
            pass
        if select.select([sys.stdin], [], [], SLICE_S * (1 - load))[0]:
            return


if __name__ == "__main__":
    main()
