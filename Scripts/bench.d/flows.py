"""Discrete events, and flows that share links by max-min fairness: what the simulation of sites runs on.

Time is in seconds. A link has a capacity, in units a second: bytes of a network's link, processor seconds of a host. A flow
moves bytes over a path: a tuple of (link, units that each byte takes of it). All paths grow alike until a link of theirs is
full, which is what fair queues of links and of processors do; the flows of one path share alike what it has.
"""
import heapq
import itertools


class Link:
    def __init__(self, name, capacity):
        self.name, self.capacity = name, capacity
        self.moved = 0.0  # units, by all flows that have ended

    def __repr__(self):
        return self.name


class Group:
    """The flows of one path, each of which has one rate. `level` is what each that was there from the beginning has moved."""

    def __init__(self, path):
        self.path, self.level, self.rate, self.since = path, 0.0, 0.0, 0.0
        self.flows = []  # a heap of (level at which it ends, number, bytes, what then)

    def advance(self, now):
        self.level += self.rate * (now - self.since)
        self.since = now


class Events:
    """The clock and what will happen. Equal times happen in the order in which they were asked for.

    `quantum`: new and ended flows change the rates of others at the next multiple of it, not at once; 0 is exact.
    """

    def __init__(self, quantum=0.0):
        self.now, self.quantum = 0.0, quantum
        self.numbers = itertools.count()
        self.due = []
        self.groups = {}
        self.busy = {}  # groups with flows
        self.is_stale = False
        self.changes = 0  # how often rates were computed
        self.generation = 0

    def at(self, time, action):
        heapq.heappush(self.due, (time, next(self.numbers), action))

    def after(self, seconds, action):
        self.at(self.now + seconds, action)

    def flow(self, size, path, action):
        """Moves `size` bytes over the path; `action` is called when they have arrived."""
        if size <= 0 or not path:
            self.after(0, action)
            return
        group = self.groups.setdefault(path, Group(path))
        group.advance(self.now)
        heapq.heappush(group.flows, (group.level + size, next(self.numbers), size, action))
        self.busy[path] = group
        self.stale()

    def run(self, until=float("inf"), done=lambda: False):
        """Runs until nothing is due, that time is reached, or `done` says so."""
        while self.due and not done():
            time, _, action = heapq.heappop(self.due)
            if time > until:
                self.now = until
                return
            self.now = time
            action()

    def stale(self):
        if self.is_stale:
            return
        self.is_stale = True
        self.at(self.now if not self.quantum else (int(self.now / self.quantum) + 1) * self.quantum, self.share)

    def share(self):
        """Ends what has arrived, gives every group its fair rate, and looks again when the next one arrives."""
        self.is_stale = False
        self.changes += 1
        ended = self.arrived()
        if not ended:
            self.set_rates()
            self.generation += 1
            generation, next_end = self.generation, self.next_end()
            if next_end is not None:
                self.at(next_end, lambda: self.look(generation))
        for action in ended:
            action()
        if ended:
            self.stale()

    def look(self, generation):
        if generation == self.generation:
            self.stale()

    def arrived(self):
        actions = []
        for path, group in list(self.busy.items()):
            group.advance(self.now)
            # Rounding leaves up to some billionths of a byte.
            while group.flows and group.flows[0][0] - group.level <= 1e-6 + 1e-12 * group.level:
                _, number, size, action = heapq.heappop(group.flows)
                for link, units in path:
                    link.moved += size * units
                actions.append((number, action))
            if not group.flows:
                group.level = group.rate = 0.0
                del self.busy[path]
        return [action for _, action in sorted(actions, key=lambda pair: pair[0])]

    def next_end(self):
        ends = [self.now + (group.flows[0][0] - group.level) / group.rate for group in self.busy.values() if group.rate]
        return min(ends) if ends else None

    def set_rates(self):
        for group, rate in fair(self.busy.values()).items():
            group.rate = rate / len(group.flows)


def fair(groups):
    """The max-min fair rate of each group: the fullest link fixes its groups, then the next of what is left."""
    left, weights, users = {}, {}, {}
    for group in groups:
        for link, units in group.path:
            left.setdefault(link, link.capacity)
            weights[link] = weights.get(link, 0.0) + units
            users.setdefault(link, []).append(group)
    numbers = {link: number for number, link in enumerate(left)}
    heap = [(left[link] / weights[link], numbers[link], link) for link in left]
    heapq.heapify(heap)
    rates = {}
    while heap:
        level, number, link = heapq.heappop(heap)
        remaining = [group for group in users[link] if group not in rates]
        if not remaining:
            continue
        now = left[link] / weights[link]
        if now > level * (1 + 1e-12):  # others were fixed since: it has room for more
            heapq.heappush(heap, (now, number, link))
            continue
        for group in remaining:
            rates[group] = max(now, 0.0)
            for other, units in group.path:
                left[other] = max(left[other] - now * units, 0.0)
                weights[other] = max(weights[other] - units, 1e-300)
    return rates
