"""What `make bench` measures of the block server: reads through it beside qemu-nbd and nbdkit, of the same file."""
import contextlib
import re
import statistics

from peer import Failure
from processes import processor, run, running, spread, wait_for

ROUNDS, LATER = 5, 2
EQUAL_GOAL, FIRST_GOAL = 1.05, 1.5
BLOCK = 4096
LAP = 16
# Blocks of 4 KiB a read, and whether the next read is the next of the file.
READS = {"4 KiB, in order": (1, True), "4 KiB, strided": (1, False), "64 KiB, in order": (16, True),
         "64 KiB, strided": (16, False)}


class BlockServers:
    """Reads the largest layer of `image`; `table` and `say` are the bench's."""

    def __init__(self, sojourn, image, work, table, say):
        self.sojourn, self.image = sojourn, image
        self.layer = max(image.layers, key=lambda layer: layer.size)
        self.work, self.table, self.say = work, table, say
        self.found = {}

    def sections(self):
        path = self.layer.file
        socket = self.work / "nbd"
        servers = {
            "qemu-nbd": ["qemu-nbd", "--read-only", "--persistent", "--format=raw", f"--socket={socket}", path],
            "nbdkit": ["nbdkit", "--readonly", "--foreground", "--exit-with-parent", "--unix", socket, "file", path],
            "sojourn": [self.sojourn.program, "image", "serve", self.image.name, "--layer", self.layer.name, "--socket", socket],
        }
        for number in range(ROUNDS):
            self.say(f"block server: {number + 1} of {ROUNDS}")
            for title, (length, in_order) in READS.items():
                count, step = reads(self.layer.size // BLOCK, length, in_order)
                for who, command in servers.items():
                    path.read_bytes()  # the file is in memory, for everybody
                    self.round(who, title, command, socket, count, length * BLOCK, step * BLOCK)
        yield self.speeds("later", "Block server, later reads, MiB/s", EQUAL_GOAL)
        yield self.speeds("first", "Block server, first reads (ours are verified), MiB/s", FIRST_GOAL)
        yield self.costs()

    def round(self, who, title, command, socket, count, size, step):
        with self.serving(command, socket) as server:
            for when in ["first", *["later"] * LATER]:
                before = processor(server.pid)
                seconds = bench(socket, count, size, step)
                self.found.setdefault((who, title, when), []).append(count * size / 2**20 / seconds)
                self.found.setdefault((who, title, when, "processor"), []).append(
                    (processor(server.pid) - before) / (count * size))

    @contextlib.contextmanager
    def serving(self, command, socket):
        socket.unlink(missing_ok=True)
        with running(command, self.sojourn.environment, log=self.work / "servers.log") as server:
            wait_for(socket.exists, "its socket", server)
            yield server

    def speeds(self, when, head, limit):
        rows = []
        for title in READS:
            own = statistics.median(self.found["sojourn", title, when])
            peers = {who: statistics.median(self.found[who, title, when]) for who in ("qemu-nbd", "nbdkit")}
            ratios = [peer / own for peer in peers.values()]
            met = f"at most {limit} of qemu-nbd: {'met' if ratios[0] <= limit else 'missed'}"
            rows.append([title, *(spread(self.found[who, title, when], 0) for who in (*peers, "sojourn")),
                         *(f"{ratio:.2f}" for ratio in ratios), met])
        return self.table([head, "qemu-nbd", "nbdkit", "`image serve`", "time / qemu-nbd's", "time / nbdkit's", "goal"], rows)

    def costs(self):
        rows = []
        for title in READS:
            for when in ("first", "later"):
                rows.append([f"{title}, {when}", *(
                    f"{statistics.median(self.found[who, title, when, 'processor']) * 1e9:.2f}"
                    for who in ("qemu-nbd", "nbdkit", "sojourn"))])
        return self.table(["Processor of the server, s for each GB", "qemu-nbd", "nbdkit", "`image serve`"], rows)


def reads(blocks, length, in_order):
    """How many reads of so many blocks, and how far apart, so that none comes twice or goes past the end.

    qemu-img adds the step, and goes on at the beginning by what is past the end: a lap of strided reads is a little longer
    than the file, so that the next lap lies beside it.
    """
    if in_order:
        return blocks // length, length
    step = -(-(blocks + length) // LAP)
    shift = step * LAP - blocks
    return LAP * ((step - length) // shift), step


def bench(socket, count, size, step):
    """The seconds that qemu-img bench took for this many reads, 64 of them under way."""
    done = run(["qemu-img", "bench", "-f", "raw", "-c", count, "-d", 64, "-s", size, "-S", step,
                f"nbd+unix:///?socket={socket}"])
    found = re.search(r"completed in ([0-9.]+) seconds", done.stdout)
    if not found:
        raise Failure(f"qemu-img bench said no time:\n{done.stdout}{done.stderr}")
    return float(found[1])
