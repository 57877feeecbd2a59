"""A task in another process: reports progress, and ends when its standard input closes."""

import json
import os
import sys
import threading
import time


def main(n_steps: int) -> None:
    """Say who we are, count, say that it is done."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    _say({"event": "started", "pid": os.getpid()})
    for step in range(n_steps):
        time.sleep(0.02)
        _say({"event": "progress", "fraction": (step + 1) / n_steps})
    _say({"event": "result", "answer": 42})


def _say(event: dict) -> None:
    print(json.dumps(event), flush=True)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(130)


if __name__ == "__main__":
    main(int(sys.argv[1]))
