"""A relay between a client and a server that adds what a long way does: delay and loss. Where tc has no netem.

Usage: relay.py LISTEN-ADDRESS:PORT SERVER-ADDRESS:PORT ROUND-TRIP-MS LOSS SEED

Every byte arrives half a round trip later; a connection costs one round trip more, as its handshake does. Of each packet's
worth of bytes the share LOSS is lost: what follows on that connection then waits for one round trip, the time in which TCP
notices and sends again (RFC 5681, fast retransmit). A connection has at most WINDOW bytes on the way in each direction.
Prints the port.
"""
import asyncio
import collections
import random
import sys

PACKET, WINDOW = 1448, 4 << 20


class Way:
    """One direction of one connection: a queue of (when due, bytes), in order."""

    def __init__(self, reader, writer, trip, loss, chance):
        self.reader, self.writer, self.trip, self.loss, self.chance = reader, writer, trip, loss, chance
        self.queue, self.held = collections.deque(), 0
        self.changed = asyncio.Condition()

    async def run(self):
        await asyncio.gather(self.read(), self.write())

    async def read(self):
        clock, after = asyncio.get_running_loop().time, 0.0
        data = b"-"
        while data:
            try:
                data = await self.reader.read(64 << 10)
            except ConnectionError:
                data = b""
            packets = -(-len(data) // PACKET)
            lost = self.loss and any(self.chance.random() < self.loss for _ in range(packets))
            after = max(after, clock() + self.trip / 2) + (self.trip if lost else 0)
            async with self.changed:
                await self.changed.wait_for(lambda: self.held < WINDOW)
                self.queue.append((after, data))
                self.held += len(data)
                self.changed.notify_all()

    async def write(self):
        clock = asyncio.get_running_loop().time
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: self.queue)
                due, data = self.queue.popleft()
            await asyncio.sleep(max(0, due - clock()))
            try:
                if not data:
                    self.writer.write_eof()
                    return
                self.writer.write(data)
                await self.writer.drain()
            except (ConnectionError, RuntimeError):
                data = b""  # the other side is gone: go on reading until this one ends too
            async with self.changed:
                self.held -= len(data)
                self.changed.notify_all()


async def serve(listen, server, trip, loss, seed):
    chance = random.Random(seed)

    async def accept(reader, writer):
        await asyncio.sleep(trip)
        try:
            far_reader, far_writer = await asyncio.open_connection(*server)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(Way(reader, far_writer, trip, loss, chance).run(),
                                 Way(far_reader, writer, trip, loss, chance).run())
        finally:
            for end in (writer, far_writer):
                end.close()

    listener = await asyncio.start_server(accept, *listen)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


def place(text):
    address, port = text.rsplit(":", 1)
    return address, int(port)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    asyncio.run(serve(place(sys.argv[1]), place(sys.argv[2]), float(sys.argv[3]) / 1000, float(sys.argv[4]), sys.argv[5]))
