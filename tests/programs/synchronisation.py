"""Everything in threading and queue that waits: Queue, Condition, Event, Semaphore, Barrier, Timer, RLock, local."""

import queue
import threading
import time
from threading import Thread


def run_all(*targets):
    threads = [Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def queue_passes_everything():
    items, results = queue.Queue(maxsize=3), queue.SimpleQueue()

    def produce():
        for i in range(200):
            items.put(i)

    def consume():
        while (item := items.get()) is not None:
            results.put(item)
            items.task_done()

    consumers = [Thread(target=consume) for _ in range(5)]
    for consumer in consumers:
        consumer.start()
    run_all(*[produce] * 5)
    items.join()
    for _ in consumers:
        items.put(None)
    for consumer in consumers:
        consumer.join()
    assert sum(results.get() for _ in range(1000)) == 5 * sum(range(200))
    start = time.monotonic()
    try:
        items.get(timeout=0.05)
    except queue.Empty:
        assert time.monotonic() - start >= 0.05
    else:
        raise AssertionError("an item from nowhere")


def condition_takes_turns():
    changed, turns = threading.Condition(), []

    def take_turns(own):
        for round_number in range(30):
            with changed:
                assert changed.wait_for(lambda: len(turns) % 4 == own, timeout=30), round_number
                turns.append(own)
                changed.notify_all()

    run_all(*[lambda own=own: take_turns(own) for own in range(4)])
    assert turns == [0, 1, 2, 3] * 30
    with changed:
        assert not changed.wait(timeout=0.02)


def event_and_timer_wake_everybody():
    event, woken = threading.Event(), []
    assert not event.wait(0.01)
    timer = threading.Timer(0.05, event.set)
    timer.start()
    run_all(*[lambda: woken.append(event.wait(30))] * 20)
    assert woken == [True] * 20
    cancelled = threading.Timer(30, event.clear)
    cancelled.start()
    cancelled.cancel()
    cancelled.join()
    assert event.is_set()


def semaphore_bounds():
    semaphore, inside, most = threading.BoundedSemaphore(3), set(), []

    def enter():
        with semaphore:
            inside.add(threading.get_ident())
            most.append(len(inside))
            time.sleep(0.002)
            inside.remove(threading.get_ident())

    run_all(*[enter] * 20)
    assert max(most) <= 3
    assert len(most) == 20


def barrier_meets():
    barrier, leaders = threading.Barrier(8), []

    def meet():
        for _ in range(20):
            if barrier.wait(timeout=30) == 0:
                leaders.append(1)

    run_all(*[meet] * 8)
    assert len(leaders) == 20
    try:
        barrier.wait(timeout=0.01)
    except threading.BrokenBarrierError:
        pass
    else:
        raise AssertionError("one alone passed a barrier of eight")


def locals_and_idents_are_private():
    local, lock = threading.local(), threading.RLock()
    idents, native_ids = set(), set()
    everybody = threading.Barrier(50)

    def check():
        assert not hasattr(local, "value")
        local.value = threading.get_ident()
        with lock, lock:
            idents.add(threading.get_ident())
            native_ids.add(threading.get_native_id())
        everybody.wait()
        assert local.value == threading.get_ident()

    run_all(*[check] * 50)
    assert len(idents) == len(native_ids) == 50


queue_passes_everything()
condition_takes_turns()
event_and_timer_wake_everybody()
semaphore_bounds()
barrier_meets()
locals_and_idents_are_private()
