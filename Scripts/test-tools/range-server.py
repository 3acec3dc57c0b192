#!/usr/bin/env python3
"""Serves the files of a directory over HTTP on a free port of this host, with ranges, for tests.

Usage: range-server.py DIRECTORY STATE

Prints the port. Each answer is a line of STATE/log: `PATH STATUS BYTES RANGE`, BYTES of its body, RANGE `-` for none.
The file STATE/faults, read at each request, has lines `FAULT PREFIX`: what is done to paths that begin so. FAULT is
`lie` (a bit is turned in each 100 KB), `cut` (the connection ends after half the body), `missing` (404), `busy` (503),
`whole` (ranges are passed over), `wait` (nothing is sent before the line is gone), `slow` (100 KB each 10 ms).
"""
import http.server
import os
import pathlib
import re
import sys
import time

ROOT, STATE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
PIECE = 100_000


def fault(path):
    try:
        lines = (STATE / "faults").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next((line.split()[0] for line in lines if path.startswith(line.split()[1])), None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.lstrip("/")
        file = (ROOT / path).resolve()
        wrong = fault(path)
        while wrong == "wait":
            time.sleep(0.02)
            wrong = fault(path)
        if wrong == "busy":
            return self.empty(503)
        if wrong == "missing" or not file.is_file() or ROOT not in file.parents:
            return self.empty(404)
        size = file.stat().st_size
        first, last, status = 0, size - 1, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and wrong != "whole":
            first, last, status = int(asked[1]), min(int(asked[2] or size - 1), size - 1), 206
            if first > last:
                return self.empty(416)
        self.send_response(status)
        self.send_header("Content-Length", str(last - first + 1))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        self.sent = 0
        try:
            self.body(file, first, last + 1, wrong)
        except OSError:
            self.close_connection = True
        self.note(status, self.sent)

    def body(self, file, start, end, wrong):
        stop = start + (end - start) // 2 if wrong == "cut" else end
        with open(file, "rb") as opened:
            opened.seek(start)
            while start + self.sent < stop:
                if wrong == "slow":
                    time.sleep(0.01)
                piece = bytearray(opened.read(min(PIECE, stop - start - self.sent)))
                if wrong == "lie":
                    piece[len(piece) // 2] ^= 1
                self.wfile.write(piece)
                self.sent += len(piece)
        if wrong == "cut":
            self.close_connection = True

    def empty(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.note(status, 0)

    def note(self, status, count):
        line = f"{self.path.lstrip('/')} {status} {count} {self.headers.get('Range', '-')}\n"
        with open(STATE / "log", "a") as log:
            os.write(log.fileno(), line.encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
