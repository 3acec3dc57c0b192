"""What `make bench` measures of following a catalogue: sojourn-tuf beside python-tuf's client."""
import contextlib
import pathlib
import shutil
import socketserver
import statistics
import subprocess
import threading
import time
import urllib.parse

from peer import Failure

ROUNDS = 7
GOAL = 5
PEER = pathlib.Path(__file__).resolve().parent / "python-tuf.py"


class Catalogues:
    """`program` is sojourn-tuf, `python` one that has python-tuf; `table` and `say` are the bench's."""

    def __init__(self, program, python, work, table, say):
        self.program, self.python, self.work, self.table, self.say = program, python, work, table, say

    def sections(self):
        self.say("making a repository of 10,000 images")
        repository = self.work / "tuf-repository"
        run([self.python, PEER, "make", repository])
        names = (repository / "names").read_text().split()
        found = {}
        with serving(repository) as url:
            for number in range(ROUNDS):
                self.say(f"following a repository: {number + 1} of {ROUNDS}")
                for who, follow in (("peer", self.python_tuf), ("own", self.sojourn_tuf)):
                    directory = self.work / f"tuf-{who}"
                    shutil.rmtree(directory, ignore_errors=True)
                    (directory / "metadata").mkdir(parents=True)
                    shutil.copy(repository / "metadata" / "1.root.json", directory / "root.json")
                    if who == "own":
                        run([self.program, "--metadata-dir", directory / "metadata", "init", directory / "root.json"])
                    for when in ("cold", "warm"):
                        for what, value in follow(directory, url, names).items():
                            found.setdefault((who, when, what), []).append(value)
                    self.check(directory, names)
        yield self.times(found)
        yield self.memory(found)

    def python_tuf(self, directory, url, names):
        said, seconds, peak = measured([self.python, PEER, "follow", directory, url, *names])
        return {"whole": seconds, "inside": float(said), "peak": peak}

    def sojourn_tuf(self, directory, url, names):
        _, seconds, peak = measured([
            self.program, "--metadata-dir", directory / "metadata", "--metadata-url", f"{url}/metadata",
            *(option for name in names for option in ("--target-name", name)),
            "--target-base-url", f"{url}/targets", "--target-dir", directory / "targets", "download"])
        return {"whole": seconds, "peak": peak}

    @staticmethod
    def check(directory, names):
        metadata = len(list((directory / "metadata").glob("experiment*.json")))
        targets = len([path for path in (directory / "targets").iterdir() if path.is_file()])
        if (metadata, targets) != (len(names), len(names)):
            raise Failure(f"{directory} holds {metadata} roles and {targets} targets, expected {len(names)} of each")

    def times(self, found):
        rows = []
        for when, title in (("cold", "the first time"), ("warm", "again, nothing new")):
            own = statistics.median(found["own", when, "whole"])
            whole, inside = (statistics.median(found["peer", when, what]) / own for what in ("whole", "inside"))
            rows.append([title, *(spread(found[key]) for key in (
                ("peer", when, "whole"), ("peer", when, "inside"), ("own", when, "whole"))),
                f"{whole:.1f}", f"{inside:.1f}", f"at least {GOAL}: {'met' if whole >= GOAL else 'missed'}"])
        return self.table(["10,000 images in 20 roles verified, s", "python-tuf", "its start left out", "`sojourn-tuf`",
                           "times faster", "its start left out", "goal"], rows)

    def memory(self, found):
        rows = [[title, *(f"{statistics.median(found[who, when, 'peak']) / 1e6:.0f}" for who in ("peer", "own"))]
                for when, title in (("cold", "the first time"), ("warm", "again, nothing new"))]
        return self.table(["The same, peak RSS, MB", "python-tuf", "`sojourn-tuf`"], rows)


def measured(arguments):
    """What the process wrote, its seconds, and its peak memory in bytes."""
    begun = time.perf_counter()
    # The kernel counts what a process held before it became another program, so a small one starts it: this one is large.
    done = run(["/usr/bin/time", "--format=%M", *arguments])
    seconds = time.perf_counter() - begun
    return done.stdout, seconds, int(done.stderr.split()[-1]) * 1024


def run(arguments):
    done = subprocess.run([str(argument) for argument in arguments], text=True, capture_output=True)
    if done.returncode:
        raise Failure(f"{arguments[0]} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    return done


@contextlib.contextmanager
def serving(directory):
    """Serves a directory's files on loopback; gives its URL. From memory and by hand: the server is not what is measured."""
    answers = {}
    for path in directory.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            answers["/" + str(path.relative_to(directory))] = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self):
            while line := self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                path = urllib.parse.unquote(line.split()[1].decode())
                self.wfile.write(answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def spread(values, digits=3):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"
