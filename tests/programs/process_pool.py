"""multiprocessing by fork, from the main thread and beside others: pools, queues, locks, children with threads."""

import multiprocessing
import threading
import time


def square(number):
    # Each worker process has threads of its own.
    results = []
    thread = threading.Thread(target=lambda: results.append(number * number))
    thread.start()
    thread.join()
    return results[0]


def count(counter, lock, queue):
    for _ in range(100):
        with lock:
            counter.value += 1
    queue.put(counter.value)


def use_processes(context):
    with context.Pool(3) as pool:
        assert pool.map(square, range(100)) == [i * i for i in range(100)]
    counter, lock, queue = context.Value("i", 0, lock=False), context.Lock(), context.Queue()
    processes = [context.Process(target=count, args=(counter, lock, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    assert max(queue.get(timeout=30) for _ in processes) == 400
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert counter.value == 400


context = multiprocessing.get_context("fork")
use_processes(context)
stop = threading.Event()


def keep_busy():
    while not stop.is_set():
        time.sleep(0.001)


busy = [threading.Thread(target=keep_busy) for _ in range(3)]
for thread in busy:
    thread.start()
try:
    use_processes(context)
finally:
    stop.set()
