"""A chat server as tutorials write it: a thread per connection that sends back what it gets, in capitals."""

import sys
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from threading import Thread


def talk(connection):
    with connection:
        while message := connection.recv(1024):
            connection.send(message.upper())


def serve(port):
    with socket() as listener:
        listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
        while True:
            connection, _ = listener.accept()
            Thread(target=talk, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
