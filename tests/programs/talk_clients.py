"""Many clients of talk.py, a thread each: python talk_clients.py PORT CLIENTS MESSAGES.

Says "connected" when all of them had an answer, and goes on after a line of input.
"""

import sys
from socket import create_connection
from threading import Barrier, Thread, current_thread

PORT, CLIENTS, MESSAGES = map(int, sys.argv[1:])

all_answered = Barrier(CLIENTS + 1)
go_on = Barrier(CLIENTS + 1)
finished = []


def say(connection, message):
    connection.sendall(message)
    answer = b""
    while len(answer) < len(message):
        received = connection.recv(1024)
        assert received, "the server hung up"
        answer += received
    assert answer == message.upper(), (message, answer)


def client():
    with create_connection(("127.0.0.1", PORT)) as connection:
        name = current_thread().name
        say(connection, f"{name} is here".encode())
        all_answered.wait()
        go_on.wait()
        for count in range(MESSAGES):
            say(connection, f"{name} say hello {count}".encode())
    finished.append(name)


threads = [Thread(target=client, name=f"client {i}") for i in range(CLIENTS)]
for thread in threads:
    thread.start()
all_answered.wait()
print("connected", flush=True)
sys.stdin.readline()
go_on.wait()
for thread in threads:
    thread.join()
assert len(finished) == CLIENTS, "some client failed"
