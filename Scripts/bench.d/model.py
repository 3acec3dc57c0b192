"""A model of hosts that boot from images which are still arriving: the rules of the block server's fetching, over flows.

What a host does is what BlockFill does: chunks of 32 KiB, those that the machine waits for first, then those of the boot
trace, then the rest, by few workers for each filesystem; before that it fetches whole what a start needs whole. What a
machine does is a recording: each read as long after the read that it waited for as in the real boot.
"""
import dataclasses
import random

from flows import Events, Link
from recording import BLOCK

# BlockFill: blocks in a chunk, chunks in a request that nobody waits for, requests at once.
CHUNK_BLOCKS, MOST_CHUNKS, WORKERS = 8, 16, 4
CHUNK = CHUNK_BLOCKS * BLOCK
# Of what a link carries, the part that is not the headers of Ethernet, IP and TCP: 1448 of 1514 bytes.
PAYLOAD = 1448 / 1514
# What only computes is a flow too, of units that cost so many processor seconds each: about what a byte of a transfer costs,
# since flows that share a processor are compared unit by unit.
COMPUTED = 1e-8


@dataclasses.dataclass(frozen=True)
class Costs:
    """What requests cost, measured: seconds, and processor seconds, of the one who serves and the one who fetches."""
    trip: float
    server_request: float = 0.0
    server_byte: float = 0.0
    # Of what a start needs whole; host_byte: of what comes by ranges.
    whole_byte: float = 0.0
    host_request: float = 0.0
    host_byte: float = 0.0
    # Of a host besides, before its machine starts: its processor's seconds, and what it waits.
    beginning: float = 0.0
    waiting: float = 0.0


@dataclasses.dataclass(frozen=True)
class Sharing:
    """How hosts learn of each other: seconds between two announcements of what a host holds, and between two questions.

    `has_favourite`: who served last is asked first, whoever else is known.
    """
    announce: float
    ask: float
    has_favourite: bool = False


@dataclasses.dataclass
class Image:
    """`whole`: bytes of each blob that a start needs whole, in order. `layers`: bytes of each filesystem. `traces`: for each
    of these the chunks that its check read, in their order; none where nobody recorded them."""
    whole: list
    layers: list
    traces: list = dataclasses.field(default_factory=list)


def chunks(blocks):
    """The chunks that blocks lie in, each once, in their order."""
    return list(dict.fromkeys(block // CHUNK_BLOCKS for block in blocks))


class Station:
    """A host or a mirror: bits a second of its link, and the processors that hold it, of which several may share one."""

    def __init__(self, name, up, down, *processors):
        self.name, self.processors = name, processors
        self.up, self.down = Link(f"{name} up", up / 8 * PAYLOAD), Link(f"{name} down", down / 8 * PAYLOAD)
        self.served = 0.0


class Site:
    """Hosts, a mirror, and what the mirror knows of who holds what."""

    def __init__(self, mirror, image, recording, costs, sharing=None, seed=1, quantum=0.0, fills_rest=True):
        self.events = Events(quantum)
        self.mirror, self.image, self.recording, self.costs, self.sharing = mirror, image, recording, costs, sharing
        self.chance = random.Random(seed)
        self.fills_rest = fills_rest
        self.hosts = []
        self.holders = {}  # blob -> hosts, in the order in which they told of it
        self.requests = 0
        self.traces = image.traces or [[] for _ in image.layers]

    def add(self, station, start):
        host = Host(self, station, start)
        self.hosts.append(host)
        self.events.at(start, host.begin)
        return host

    def run(self):
        """Runs until every host has started its job."""
        self.events.run(done=lambda: all(host.started is not None for host in self.hosts))
        late = [host.station.name for host in self.hosts if host.started is None]
        if late:
            raise RuntimeError(f"nothing more happens, and these hosts wait: {late}")
        return [host.started - host.start for host in self.hosts]

    def transfer(self, server, client, size, then, is_whole=False):
        """A request and its answer."""
        costs = self.costs
        self.requests += 1
        server.served += size
        path = joined((server.up, 1.0), (client.down, 1.0),
                      *busy(server, costs.server_byte),
                      *busy(client, costs.whole_byte if is_whole else costs.host_byte))

        def asked():
            self.compute(server, costs.server_request, answered)

        def answered():
            self.events.flow(size, path, then)

        # What each costs besides is taken one after the other: asked by the host, answered by the server.
        self.compute(client, costs.host_request, lambda: self.events.after(costs.trip, asked))

    def compute(self, station, seconds, then):
        """So many seconds of its processors."""
        self.events.flow(seconds / COMPUTED, busy(station, COMPUTED), then)

    def announce(self, host):
        for blob in range(len(host.fills)):
            if host.fills[blob].done:
                self.holders.setdefault(blob, {})[host] = None
        if self.sharing:
            self.events.after(self.sharing.announce, lambda: self.announce(host))


def busy(station, units):
    return tuple((processor, units) for processor in station.processors) if units else ()


def joined(*uses):
    """A path in which no link stands twice: where server and client share a processor, a byte costs both."""
    units = {}
    for link, each in uses:
        units[link] = units.get(link, 0.0) + each
    return tuple(units.items())


class Host:
    def __init__(self, site, station, start):
        self.site, self.station, self.start = site, station, start
        self.started, self.booted = None, None
        self.fills = [Fill(self, number, size) for number, size in enumerate(site.image.layers)]
        self.from_mirror = self.from_peers = 0

    def begin(self):
        self.fetch_whole(list(self.site.image.whole))

    def fetch_whole(self, left):
        if not left:
            return self.prepare()
        self.from_mirror += left[0]
        self.site.transfer(self.site.mirror, self.station, left[0], lambda: self.fetch_whole(left[1:]), is_whole=True)

    def prepare(self):
        self.site.compute(self.station, self.site.costs.beginning, self.serve)

    def serve(self):
        for fill in self.fills:
            fill.work()
        self.site.events.after(self.site.costs.waiting, self.boot)

    def boot(self):
        self.booted = self.site.events.now
        recording, events = self.site.recording, self.site.events
        self.followers = {}
        for number, read in enumerate(recording.reads):
            self.followers.setdefault(read.after, []).append(number)
        if self.site.sharing:
            self.site.announce(self)
        self.ended(None)
        if recording.last is None:
            events.after(recording.rest, self.begin_job)

    def ended(self, number):
        """A read has ended, or QEMU has started: what waited for it goes on."""
        recording, events = self.site.recording, self.site.events
        if number is not None and number == recording.last:
            events.after(recording.rest, self.begin_job)
        for follower in self.followers.get(number, []):
            events.after(recording.reads[follower].think, lambda follower=follower: self.read(follower))

    def read(self, number):
        read = self.site.recording.reads[number]
        if read.disk >= len(self.fills):
            return self.site.events.after(read.took, lambda: self.ended(number))
        last = -(-(read.offset + read.length) // CHUNK) - 1
        self.fills[read.disk].demand(range(read.offset // CHUNK, last + 1),
                                     lambda: self.site.events.after(read.took, lambda: self.ended(number)))

    def begin_job(self):
        self.started = self.site.events.now
        for fill in self.fills:
            fill.work()


class Fill:
    """One filesystem of one host: BlockFill's rules, and where each request goes."""

    def __init__(self, host, blob, size):
        self.host, self.site, self.blob, self.size = host, host.site, blob, size
        self.chunks = -(-size // CHUNK)
        self.done, self.in_flight = set(), set()
        self.demands, self.urgent = [], []
        self.trace, self.traced = self.site.traces[blob], 0
        self.rest, self.rest_runs, self.workers = 0, False, WORKERS
        self.known, self.asked, self.favourite = [], None, Fill

    def demand(self, chunks, then):
        missing = {chunk for chunk in chunks if chunk not in self.done}
        if not missing:
            return then()
        self.demands.append((missing, then))
        self.urgent += [chunk for chunk in sorted(missing) if chunk not in self.in_flight and chunk not in self.urgent]
        self.work()

    def work(self):
        while self.workers and (task := self.next()):
            chunks, is_rest = task
            self.workers -= 1
            self.in_flight.update(chunks)
            self.rest_runs = self.rest_runs or is_rest
            size = min(chunks.stop * CHUNK, self.size) - chunks.start * CHUNK
            self.fetch(chunks, size, lambda chunks=chunks, is_rest=is_rest: self.end(chunks, is_rest))

    def next(self):
        if self.urgent:
            first = self.urgent.pop(0)
            end = first + 1
            while end - first < MOST_CHUNKS and end in self.urgent:
                self.urgent.remove(end)
                end += 1
            return range(first, end), False
        while self.traced < len(self.trace):
            first = self.trace[self.traced]
            self.traced += 1
            if self.is_taken(first):
                continue
            end = first + 1
            while (end - first < MOST_CHUNKS and self.traced < len(self.trace) and self.trace[self.traced] == end
                   and end not in self.in_flight):
                self.traced += 1
                end += 1
            return range(first, end), False
        # The rest is fetched once the job runs.
        if self.rest_runs or not self.site.fills_rest or self.host.started is None:
            return None
        first = self.rest
        while first < self.chunks and self.is_taken(first):
            first += 1
        end = first
        while end < self.chunks and end - first < MOST_CHUNKS and not self.is_taken(end):
            end += 1
        self.rest = end
        return (range(first, end), True) if end > first else None

    def is_taken(self, chunk):
        return chunk in self.done or chunk in self.in_flight

    def end(self, chunks, is_rest):
        self.workers += 1
        self.in_flight.difference_update(chunks)
        self.done.update(chunks)
        if is_rest:
            self.rest_runs = False
        ready, waiting = [], []
        for missing, then in self.demands:
            missing.difference_update(chunks)
            (waiting if missing else ready).append((missing, then))
        self.demands = waiting
        for _, then in ready:
            then()
        self.work()

    # -- Where from

    def fetch(self, chunks, size, then):
        """From a host that has all of it, else from the mirror. A host that has not costs a question."""
        sharing, now = self.site.sharing, self.site.events.now
        if sharing and (self.asked is None or now >= self.asked + sharing.ask):
            self.asked = now
            told = [host for host in self.site.holders.get(self.blob, {}) if host is not self.host]
            self.known = self.site.chance.sample(told, min(MOST_ASKED, len(told)))
        candidates = [*self.known, None]  # None is the mirror
        if sharing and sharing.has_favourite and self.favourite is not Fill:
            candidates = [self.favourite, *(place for place in candidates if place is not self.favourite)]
        self.try_next(chunks, size, candidates, then)

    def try_next(self, chunks, size, candidates, then):
        place, *others = candidates
        if place is not None and not place.fills[self.blob].done.issuperset(chunks):
            return self.site.transfer(place.station, self.host.station, 0,
                                      lambda: self.try_next(chunks, size, others, then))
        self.favourite = place
        if place is None:
            self.host.from_mirror += size
        else:
            self.host.from_peers += size
        self.site.transfer(place.station if place else self.site.mirror, self.host.station, size, then)


# BlobPlaces: hosts that are asked before the mirror is.
MOST_ASKED = 4
