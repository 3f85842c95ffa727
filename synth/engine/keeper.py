"""Runs a command, and ends all that came of it when standard input closes.

That is when the process at the other end dies, however it dies. Standard library only, and run by path: it starts
in no time.

    python keeper.py COMMAND...
"""

import os
import signal
import subprocess
import sys
import threading
import time

_GRACE_S = 10.0


def _end(group: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
            deadline = time.monotonic() + _GRACE_S
            while time.monotonic() < deadline:
                os.killpg(group, 0)
                time.sleep(0.05)
        except (ProcessLookupError, PermissionError):
            return


def main(command: list[str]) -> int:
    """The command's exit status."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def end_with_input() -> None:
        while os.read(0, 1024):
            pass
        _end(process.pid)

    def end_now(number: int, frame: object) -> None:
        # In a thread: the command's exit must be taken in here meanwhile, or it stays in its group.
        threading.Thread(target=_end, args=(process.pid,), daemon=True).start()

    threading.Thread(target=end_with_input, daemon=True).start()
    signal.signal(signal.SIGTERM, end_now)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = process.wait()
    # A command may die and leave children that hold the port or the memory.
    _end(process.pid)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) & 0xFF)
