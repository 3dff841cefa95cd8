"""Bytes through plain TCP: ``send HOST PORT COUNT``; ``receive PORT COUNT`` prints bytes per second."""

from __future__ import annotations

import socket
import sys
import time

BLOCK = 1 << 16


def receive(port: int, count: int) -> float:
    """Rate from the first byte to the last. Unit: B/s."""
    with socket.create_server(("", port)) as server:
        server.settimeout(60)
        connection, _ = server.accept()
        with connection:
            got = len(connection.recv(1))
            start = time.perf_counter()
            while got < count and (block := connection.recv(BLOCK)):
                got += len(block)
            return got / (time.perf_counter() - start)


def send(host: str, port: int, count: int) -> None:
    """Wait for the other, then send."""
    end = time.monotonic() + 60
    while True:
        try:
            connection = socket.create_connection((host, port), timeout=5)
            break
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    with connection:
        connection.sendall(bytes(count))


if __name__ == "__main__":
    role, *words = sys.argv[1:]
    if role == "receive":
        print(receive(int(words[0]), int(words[1])))
    else:
        send(words[0], int(words[1]), int(words[2]))
