"""A client of NBD's fixed newstyle protocol on a unix socket, with many reads under way; and a replay of recorded reads.

The protocol is that of NetworkBlockDevice's doc/proto.md: NBD_OPT_GO, simple replies, NBD_CMD_READ, NBD_CMD_DISC.
"""
import asyncio
import struct

MAGIC, OPTION, REPLY, REQUEST, SIMPLE = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9, 0x25609513, 0x67446698
GO, ACKNOWLEDGED, INFORMATION = 7, 1, 3
READ, DISCONNECT = 0, 2


class NBDError(Exception):
    pass


class NBDClient:
    @classmethod
    async def connect(cls, connection):
        """Over a connected socket."""
        client = cls()
        client.reader, client.writer = await asyncio.open_unix_connection(sock=connection)
        await client.negotiate()
        client.waiting, client.number = {}, 0
        client.receiving = asyncio.create_task(client.receive())
        return client

    async def negotiate(self):
        magic, option, flags = struct.unpack(">8s8sH", await self.reader.readexactly(18))
        if (magic, option) != (MAGIC, OPTION) or not flags & 1:
            raise NBDError("it does not speak fixed newstyle NBD")
        self.writer.write(struct.pack(">I", flags & 3) + OPTION + struct.pack(">IIIH", GO, 6, 0, 0))
        self.size = None
        while True:
            magic, _, kind, length = struct.unpack(">QIII", await self.reader.readexactly(20))
            data = await self.reader.readexactly(length)
            if magic != REPLY or kind >= 1 << 31:
                raise NBDError(f"NBD_OPT_GO was answered with {kind:#x}: {data.decode(errors='replace')}")
            if kind == INFORMATION and struct.unpack(">H", data[:2]) == (0,):
                self.size, = struct.unpack(">Q", data[2:10])
            if kind == ACKNOWLEDGED:
                return

    async def read(self, offset, length):
        """The bytes there; the error of a read that failed. A read that goes past the end is cut."""
        length = min(length, self.size - offset)
        self.number += 1
        answer = asyncio.get_running_loop().create_future()
        self.waiting[self.number] = (length, answer)
        self.writer.write(struct.pack(">IHHQQI", REQUEST, 0, READ, self.number, offset, length))
        return await answer

    async def receive(self):
        try:
            while True:
                magic, error, number = struct.unpack(">IIQ", await self.reader.readexactly(16))
                if magic != SIMPLE or number not in self.waiting:
                    raise NBDError(f"an answer nobody asked for: {magic:#x}, {number}")
                length, answer = self.waiting.pop(number)
                if error:
                    answer.set_exception(NBDError(f"a read failed with error {error}"))
                else:
                    answer.set_result(await self.reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, NBDError) as failure:
            for _, answer in self.waiting.values():
                answer.set_exception(NBDError(f"the server is gone: {failure}"))
            self.waiting = {}

    async def close(self):
        self.writer.write(struct.pack(">IHHQQI", REQUEST, 0, DISCONNECT, 0, 0, 0))
        await self.receiving
        self.writer.close()


async def replay(recording, connections):
    """Reads what was recorded, each as long after the read that it waited for as then, until the job's first line.

    `connections` are the sockets of the first disks. Reads of other disks take the time that they took.
    """
    clients = dict(enumerate([await NBDClient.connect(connection) for connection in connections]))
    clock = asyncio.get_running_loop().time
    begun = clock()
    ends = [asyncio.get_running_loop().create_future() for _ in recording.reads]

    async def one(number, read):
        start = begun if read.after is None else await ends[read.after]
        await asyncio.sleep(max(0, start + read.think - clock()))
        if read.disk in clients:
            await clients[read.disk].read(read.offset, read.length)
        else:
            await asyncio.sleep(read.took)
        ends[number].set_result(clock())

    reading = [asyncio.create_task(one(number, read)) for number, read in enumerate(recording.reads)]
    try:
        await asyncio.gather(*reading)
        last = await ends[recording.last] if recording.last is not None else begun
        await asyncio.sleep(max(0, last + recording.rest - clock()))
    finally:
        for task in reading:
            task.cancel()
        for client in clients.values():
            await client.close()
