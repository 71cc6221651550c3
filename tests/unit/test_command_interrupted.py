"""Ctrl-C in a command that runs another program: the program cleans up, the command waits for it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from labs.commands.programs import together

CLEANS_UP = """
import sys, time
try:
    print("here", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)
    open(sys.argv[1], "w").write("clean")
    sys.exit(7)
"""
CALLS = """
import os, sys
from pathlib import Path

from labs.commands.programs import call
sys.exit(call([sys.executable, "-c", sys.argv[1], sys.argv[2]], Path("/"), os.environ))
"""


def test_a_program_that_is_interrupted_has_time_to_clean_up(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CALLS, CLEANS_UP, str(tmp_path / "trace")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as caller:
        assert caller.stdout and caller.stdout.readline() == b"here\n"
        os.killpg(caller.pid, signal.SIGINT)
        assert caller.wait(timeout=30) == 7
    assert (tmp_path / "trace").read_text() == "clean"


MEETS = """
import sys, time
from pathlib import Path
here, there, code = sys.argv[1:]
Path(here).touch()
end = time.monotonic() + 20
while not Path(there).exists() and time.monotonic() < end:
    time.sleep(0.01)
print(Path(here).name, Path(there).exists())
sys.exit(int(code))
"""


def test_programs_run_at_the_same_time_and_the_second_is_heard_afterwards(tmp_path: Path, capfd) -> None:
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    commands = [[sys.executable, "-c", MEETS, a, b, "0"], [sys.executable, "-c", MEETS, b, a, "5"]]
    assert together(commands, Path("/"), os.environ) == [0, 5]
    assert capfd.readouterr().out.split("\n")[:2] == ["a True", "b True"]
