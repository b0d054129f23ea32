"""Runs commands where name lookups go by other files than the machine's, and meet other servers.

apart.py DIRECTORY COMMANDS ADDRESS..., in namespaces of its own for mounts and the network: DIRECTORY
becomes /etc, the addresses, which are the loopback interface's, have the name server of dns_server.c at
port 53, and COMMANDS, a JSON list of [arguments, environment], run at the same time. Prints a JSON list
of [status, output].
"""

import fcntl
import json
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

SERVER = Path(__file__).resolve().parents[2] / "target/c-tests/dns_server"
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8913, 0x8914, 0x8916, 1
LINK_PREFIX_BITS = 64
# linux/if_addr.h
IFA_F_TENTATIVE = 0x40
USABLE_SECONDS = 30


def bring_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def add_link_address(address):
    """An IPv6 address of that link only, `fe80::…%lo`."""
    host, link = address.split("%")
    number = socket.inet_pton(socket.AF_INET6, host)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sIi", number, LINK_PREFIX_BITS, socket.if_nametoindex(link))
        fcntl.ioctl(any_socket, SIOCSIFADDR, request)


def await_usable_addresses():
    """The kernel looks for duplicates of an IPv6 address by itself, and binds nothing to it before."""
    deadline = time.monotonic() + USABLE_SECONDS
    while any(
        int(line.split()[4], 16) & IFA_F_TENTATIVE
        for line in Path("/proc/net/if_inet6").read_text().splitlines()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def main():
    directory, commands, *addresses = sys.argv[1], json.loads(sys.argv[2]), *sys.argv[3:]
    bring_up_loopback()
    for address in addresses:
        if "%" in address:
            add_link_address(address)
            await_usable_addresses()
    subprocess.run(["mount", "--bind", directory, "/etc"], check=True)
    with subprocess.Popen([SERVER, *addresses], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout.readline() == b"ready\n"
            running = [
                subprocess.Popen(
                    arguments,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
                for arguments, environment in commands
            ]
            outputs = [process.communicate()[0] for process in running]
            statuses = [process.returncode for process in running]
            print(json.dumps(list(zip(statuses, outputs, strict=True))))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
