"""subprocess from several threads at once: output, input, status, timeouts and pipes between children."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor


def use_subprocesses(own):
    echoed = subprocess.run(["cat"], input=f"text {own}" * 20000, capture_output=True, text=True)
    assert echoed.returncode == 0
    assert echoed.stdout == f"text {own}" * 20000
    assert subprocess.call(["sh", "-c", f"exit {own}"]) == own
    assert subprocess.getoutput("echo out; echo err >&2") == "out\nerr"
    with subprocess.Popen(["echo", "line"], stdout=subprocess.PIPE) as first:
        second = subprocess.check_output(["tr", "a-z", "A-Z"], stdin=first.stdout)
    assert second == b"LINE\n"
    try:
        subprocess.run(["sleep", "30"], timeout=0.1)
    except subprocess.TimeoutExpired:
        pass
    else:
        raise AssertionError("sleep did not sleep")
    try:
        subprocess.run(["/no/such/program"])
    except FileNotFoundError:
        pass
    else:
        raise AssertionError("a missing program ran")


with ThreadPoolExecutor(max_workers=8) as pool:
    list(pool.map(use_subprocesses, range(8)))

# A child with threads of its own.
program = "import threading as t; [t.Thread(target=print, args=(i,)).start() for i in range(5)]"
output = subprocess.check_output([sys.executable, "-c", program], text=True)
# print writes the line's end by itself, so lines may run together.
assert sorted("".join(output.split())) == list("01234"), output
assert threading.active_count() == 1
