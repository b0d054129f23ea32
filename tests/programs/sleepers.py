"""Ten threads that sleep half a second each finish together."""

import time
from threading import Thread

SLEEPERS, SECONDS = 10, 0.5

start = time.monotonic()
threads = [Thread(target=time.sleep, args=(SECONDS,)) for _ in range(SLEEPERS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
elapsed = time.monotonic() - start
assert SECONDS <= elapsed < SLEEPERS * SECONDS / 2, elapsed
