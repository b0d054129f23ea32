"""A ThreadPoolExecutor runs everything, hands back results and exceptions in order, and times out."""

import time
from concurrent.futures import ThreadPoolExecutor, TimeoutError, as_completed


def square(number):
    if number % 10 == 0:
        time.sleep(0.01)
    if number == 77:
        raise ValueError(number)
    return number * number


with ThreadPoolExecutor(max_workers=20) as pool:
    assert list(pool.map(len, ["a" * i for i in range(300)])) == list(range(300))
    futures = {pool.submit(square, i): i for i in range(200)}
    for future in as_completed(futures):
        number = futures[future]
        if number == 77:
            assert isinstance(future.exception(), ValueError)
        else:
            assert future.result() == number * number
    slow = pool.submit(time.sleep, 0.3)
    try:
        slow.result(timeout=0.01)
    except TimeoutError:
        pass
    else:
        raise AssertionError("the result came before the sleep was over")
    assert slow.result() is None
