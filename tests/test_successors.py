"""Who needs a kernel thread of his own is not sent round in circles until there is one to take over."""

import re
import subprocess

from launcher import ROOT
from servers.process import environment

THREADS = 300
# Four: the thread begins, goes on when there is another kernel thread, and ends; main in between. The two kernel
# threads share a CPU, so it makes no difference to this how busy that is.
MOST_DISPATCHES = 10 * THREADS


def test_successor_is_there_soon():
    result = subprocess.run(
        [ROOT / "target/c-tests/progress_successors", str(THREADS)],
        env=environment(1) | {"GREEN_STATS": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert int(re.search(r"(\d+) dispatches", result.stderr)[1]) <= MOST_DISPATCHES
