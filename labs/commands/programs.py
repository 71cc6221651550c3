"""Running other programs: one, or several at the same time."""

import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO


def call(command: Sequence[str], folder: Path, environment: Mapping[str, str], says: IO[str] | None = None) -> int:
    """Run a program; its exit code. Ctrl-C goes to the program too, which then has the time it needs to clean up:
    `subprocess.call` would kill it after a quarter of a second. `says`: where its output goes instead of here.
    """
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=says, stderr=says) as program:
        while True:
            with suppress(KeyboardInterrupt):
                return program.wait()


def together(commands: Sequence[Sequence[str]], folder: Path, environment: Mapping[str, str]) -> list[int]:
    """Run programs at the same time; their exit codes. What all but the first say is shown when they are done, as two
    at a time cannot be read.
    """
    first, *others = commands
    with ThreadPoolExecutor() as pool, ExitStack() as files:
        said = [files.enter_context(TemporaryFile("w+")) for _ in others]
        running = [
            pool.submit(call, other, folder, environment, file) for other, file in zip(others, said, strict=True)
        ]
        codes = [call(first, folder, environment), *(one.result() for one in running)]
        for file in said:
            file.seek(0)
            print(file.read())
    return codes
