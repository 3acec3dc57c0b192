#!/usr/bin/env python3
"""An HTTP server, and a proxy, that answers as no server should: for the tests of HTTPTransport.

Usage: hostile-server.py [--tls CERTIFICATE KEY]
Listens on a free port of 127.0.0.1, prints it, and ends when its standard input closes. Sockets by hand: a library
would set right what is to be wrong. What it does is said by the path; see PATHS.
"""
import argparse
import socket
import ssl
import struct
import sys
import threading

sent = 0  # by /flood
connections = 0  # that were accepted
meeting = threading.Barrier(8, timeout=30)
never = threading.Event()


def pause(seconds):
    never.wait(seconds)


def content(size):
    return bytes(i * 7 % 251 for i in range(size))


def answer(peer, body=b"", status="200 OK", *headers, length=None):
    """A whole answer; `length` is what Content-Length says, where that is not the truth."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    peer.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def chunked(peer, *pieces):
    peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (*pieces, b""):
        peer.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))


def endless(peer, prefix, piece, count=False):
    global sent
    peer.sendall(prefix)
    while True:
        peer.sendall(piece)
        if count:
            sent += len(piece)


def drip(peer, seconds):
    """Twenty bytes, one at a time."""
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
    for byte in content(20):
        pause(float(seconds))
        peer.sendall(bytes([byte]))


def drip_head(peer, seconds):
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10000:
        pause(float(seconds))
        peer.sendall(bytes([byte]))


def silent_body(peer):
    answer(peer, b"begun", length=100)
    never.wait()


def chain(peer, left):
    if left == "0":
        answer(peer, b"the end of the chain")
    else:
        answer(peer, b"not this", "302 Found", f"Location: {int(left) - 1}")


def ranged(peer, first):
    """Honours a range of a file of 1000 bytes."""
    if first is None:
        answer(peer, content(1000))
    elif first >= 1000:
        answer(peer, b"", "416 Range Not Satisfiable", "Content-Range: bytes */1000")
    else:
        answer(peer, content(1000)[first:], "206 Partial Content", f"Content-Range: bytes {first}-999/1000")


def part(peer, size, head):
    """Any range of a file of so many bytes, as RFC 9110 says it."""
    first, last = next(
        line.split("=")[1].split("-") for line in head.split("\r\n") if line.lower().startswith("range: bytes="))
    body = content(size)[int(first):int(last) + 1 if last else size]
    answer(peer, body, "206 Partial Content", f"Content-Range: bytes {first}-{int(first) + len(body) - 1}/{size}")


def meet(peer, size, head):
    """Answers when eight ask at once."""
    meeting.wait()
    part(peer, size, head)


def reset(peer):
    answer(peer, b"begun", length=100)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def tunnel(peer, target):
    """CONNECT: whatever is asked for, it leads to that port of this host."""
    server = socket.create_connection(("127.0.0.1", int(target.rsplit(":", 1)[1])))
    peer.sendall(b"HTTP/1.1 200 Tunnel\r\nX-Proxy: hostile\r\n\r\n")

    def pump(source, sink):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=pump, args=(server, peer), daemon=True)
    back.start()
    pump(peer, server)
    back.join()


# Each gets the connection, the rest of the path, the first byte of a range asked for (or None), the request.
PATHS = {
    "length": lambda peer, rest, first, head: answer(peer, content(int(rest))),
    "chunked": lambda peer, rest, first, head: chunked(peer, b"one ", b"two ", b"three"),
    "endless": lambda peer, rest, first, head: endless(
        peer, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + content(1000) + b"\r\n"),
    "flood": lambda peer, rest, first, head: endless(peer, b"HTTP/1.1 200 OK\r\n\r\n", content(1 << 16), count=True),
    "flooded": lambda peer, rest, first, head: answer(peer, str(sent).encode()),
    # What is over looks like the answer to the next request.
    "over": lambda peer, rest, first, head: answer(
        peer, b"right" + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", length=5),
    "short": lambda peer, rest, first, head: answer(peer, b"begun", length=100),
    "drip": lambda peer, rest, first, head: drip(peer, rest),
    "drip-head": lambda peer, rest, first, head: drip_head(peer, rest),
    "silent-head": lambda peer, rest, first, head: never.wait(),
    "silent-body": lambda peer, rest, first, head: silent_body(peer),
    "chain": lambda peer, rest, first, head: chain(peer, rest),
    "round": lambda peer, rest, first, head: answer(
        peer, b"", "301 Moved", f"Location: /round/{'b' if rest == 'a' else 'a'}"),
    "to": lambda peer, rest, first, head: answer(peer, b"", "307 Moved", f"Location: {rest}"),
    "nowhere": lambda peer, rest, first, head: answer(peer, b"", "302 Found"),
    "headers": lambda peer, rest, first, head: answer(
        peer, b"x", "200 OK", *(f"X-{i}: {'x' * 1000}" for i in range(int(rest)))),
    "endless-header": lambda peer, rest, first, head: endless(peer, b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536),
    "endless-status": lambda peer, rest, first, head: endless(peer, b"HTTP/1.1 200 O", b"K" * 65536),
    "encoded": lambda peer, rest, first, head: answer(peer, b"x", "200 OK", f"Content-Encoding: {rest}"),
    "status": lambda peer, rest, first, head: answer(peer, b"<html>no</html>", rest + " Because"),
    "range": lambda peer, rest, first, head: ranged(peer, first),
    "range-ignored": lambda peer, rest, first, head: answer(peer, content(1000)),
    "range-says": lambda peer, rest, first, head: answer(
        peer, content(1000)[first:], "206 Partial Content", "Content-Range: " + rest.replace("_", " ")),
    "part": lambda peer, rest, first, head: part(peer, int(rest), head),
    "meet": lambda peer, rest, first, head: meet(peer, int(rest), head),
    "connections": lambda peer, rest, first, head: answer(peer, str(connections).encode()),
    # The next request in the same connection finds it closed.
    "forgetful": lambda peer, rest, first, head: part(peer, int(rest), head),
    "busy": lambda peer, rest, first, head: answer(peer, b"", "503 Busy", f"Retry-After: {rest}"),
    "reset": lambda peer, rest, first, head: reset(peer),
    "closed": lambda peer, rest, first, head: None,
    "no-http": lambda peer, rest, first, head: peer.sendall(b"220 mail.example.org ESMTP ready\r\n"),
    "head": lambda peer, rest, first, head: answer(peer, head.encode()),
}


def first_of(head):
    for line in head.split("\r\n"):
        if line.lower().startswith("range: bytes="):
            return int(line.split("=")[1].split("-")[0])
    return None


def serve(peer, context):
    try:
        if context:
            peer = context.wrap_socket(peer, server_side=True)
        data = b""
        forgotten = False
        while True:
            while b"\r\n\r\n" not in data:
                more = peer.recv(65536)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            head = head.decode("latin-1")
            method, target, _ = head.split("\r\n")[0].split(" ")
            if method == "CONNECT":
                return tunnel(peer, target)
            if not target.startswith("/"):
                # The absolute form: we are the proxy, and show what was asked.
                answer(peer, b"proxied\n" + head.encode())
                continue
            name, _, rest = target[1:].partition("/")
            if forgotten:
                return
            forgotten = name == "forgetful"
            PATHS[name](peer, rest, first_of(head), head)
            if name in ("short", "closed", "no-http", "reset"):
                return
    except OSError:
        pass  # The client has gone, as it should where an answer has no end.
    finally:
        peer.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    tls = options.parse_args().tls
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept():
        global connections
        while True:
            peer, _ = listener.accept()
            connections += 1
            threading.Thread(target=serve, args=(peer, context), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


main()
