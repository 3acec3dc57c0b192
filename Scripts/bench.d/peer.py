"""A machine of sojourn, looked at from outside, and its bare peer: the same QEMU command line with a minimal pid 1."""
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

DEADLINE = 120  # seconds, for anything a machine does here
READY = "ready"


class Failure(Exception):
    """What stops the bench, in words for a person."""


class Sojourn:
    def __init__(self, program, home):
        self.program, self.home = os.path.abspath(program), home
        self.environment = dict(os.environ, SOJOURN_HOME=str(home))

    def run(self, arguments, directory):
        """Runs `sojourn run`; returns its wall time, and what it wrote to standard output and error."""
        begun = time.perf_counter()
        ended = subprocess.run([self.program, "run", *arguments], cwd=directory, env=self.environment, text=True,
                               stdin=subprocess.DEVNULL, capture_output=True)
        seconds = time.perf_counter() - begun
        if ended.returncode:
            raise Failure(f"sojourn run {' '.join(arguments)} returned {ended.returncode}:\n{ended.stderr.strip()}")
        return seconds, ended.stdout, ended.stderr

    def look(self, arguments, directory):
        """A `MachineLook` at a running machine, which ends before this returns."""
        command = [self.program, "run", *arguments, "--", "sh", "-c", f"echo {READY}; read line"]
        with subprocess.Popen(command, cwd=directory, env=self.environment, text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
            said = client.stdout.readline().strip()
            look = MachineLook(client.pid) if said == READY else None
            _, errors = client.communicate("\n")
        if look is None or client.returncode:
            raise Failure(f"{' '.join(command)} returned {client.returncode}:\n{errors.strip()}")
        return look


class MachineLook:
    """The processes of a running machine: their command lines and memory, and the files of its disks."""

    def __init__(self, client):
        supervisor, = children(client)
        self.memory = {"`sojourn run`": memory(client), "supervisor": memory(supervisor)}
        self.virtiofsd = None
        for pid in children(supervisor):
            arguments = command_line(pid)
            name = os.path.basename(arguments[0])
            self.memory[name] = memory(pid)
            if name.startswith("qemu-system"):
                self.qemu = arguments
            else:
                self.virtiofsd = arguments
        directory = pathlib.Path(command_line(supervisor)[3])
        self.scratch_bytes = (directory / "scratch.img").stat().st_size
        specification = json.loads((directory / "spec.json").read_text())
        blobs = directory.parent.parent / "images" / "blobs" / "sha256"
        self.layers = parts(blobs, specification["image"], "application/vnd.sojourn.layer.v1.erofs")
        self.kernel, = parts(blobs, specification["kernel"], "application/vnd.sojourn.kernel.v1.vmlinuz")
        self.modules, = parts(blobs, specification["kernel"], "application/vnd.sojourn.kernel.v1.modules+cpio")


def children(pid):
    return [int(child) for tasks in pathlib.Path(f"/proc/{pid}/task").glob("*/children")
            for child in tasks.read_text().split()]


def command_line(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]


def memory(pid):
    """Resident and proportional size, in bytes (proc(5), smaps_rollup)."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{field}: +(\d+) kB", text, re.M)[1]) * 1024 for field in ("Rss", "Pss"))


def parts(blobs, digest, media_type):
    manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
    return [blobs / layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]
            if layer["mediaType"] == media_type]


def cpio(files):
    """An initrd archive (the kernel's "newc" format) of files by name; None makes a directory."""
    archive = bytearray()
    for number, (name, content) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        mode, content = (0o40755, b"") if content is None else (0o100755, content)
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4)
        archive += content + bytes(-len(content) % 4)
    return bytes(archive)


class Peer:
    """Runs the machine of `look` again, by hand: its QEMU options as they are, other files behind the descriptors."""

    def __init__(self, look, init, work):
        self.look, self.work = look, work
        self.scratch = work / "scratch.img"
        self.base = look.modules.read_bytes(), {"dev": None, "init": init.read_bytes()}

    def run(self, job=None):
        """Boots it and waits for its end; returns the wall time and what it wrote to its console."""
        self.make_scratch()
        initrd = self.work / "initrd"
        modules, files = self.base
        shares = {"share": None} if self.look.virtiofsd else {}
        files = {**files, **shares, **({"job": job.encode()} if job else {})}
        initrd.write_bytes(modules + cpio(files))
        begun = time.perf_counter()
        with Descriptors() as descriptors:
            console, *_ = [descriptors.pair(name) for name in ("console", "monitor", "channel")]
            descriptors.replace("-kernel", os.open(self.look.kernel, os.O_RDONLY))
            descriptors.replace("-initrd", os.open(initrd, os.O_RDONLY))
            descriptors.replace("scratch", os.open(self.scratch, os.O_RDWR))
            for index, layer in enumerate(self.look.layers):
                descriptors.replace(f"layer{index}", os.open(layer, os.O_RDONLY))
            processes = [self.serve_share(descriptors)] if self.look.virtiofsd else []
            processes.append(spawn(self.look.qemu, descriptors.numbered(self.look.qemu)))
        said = follow(console, processes)
        seconds = time.perf_counter() - begun
        if "peer is done" not in said:
            raise Failure(f"the bare peer did not get to its end; its console:\n{said}")
        return seconds, said

    def make_scratch(self):
        self.scratch.unlink(missing_ok=True)
        with open(self.scratch, "wb") as file:
            file.truncate(self.look.scratch_bytes)
        # The options of Sources/Machine/MachineParts.swift.
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-O", "^has_journal,^resize_inode",
                        "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", self.scratch], check=True,
                       env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))

    def serve_share(self, descriptors):
        path = str(self.work / "share.socket")
        listener, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        client.connect(path)
        os.unlink(path)
        descriptors.replace("share0", client.detach())
        arguments = list(self.look.virtiofsd)
        if os.geteuid():
            # An ordinary user's is root in a user namespace of its own, as sojourn does it.
            arguments = ["/usr/bin/unshare", "--user", "--map-current-user", "--keep-caps", *arguments]
        log = os.open(self.work / "virtiofsd.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        return spawn(arguments, {2: descriptors.keep(log), 3: descriptors.keep(listener.detach())})


class Descriptors:
    """What the peer's QEMU is given, by the name under which its command line speaks of it."""

    def __init__(self):
        self.named, self.kept, self.far_ends = {}, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for descriptor in self.kept:
            os.close(descriptor)

    def keep(self, descriptor):
        """Moves it out of the way of the small numbers that children get."""
        copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
        os.close(descriptor)
        self.kept.append(copy)
        return copy

    def replace(self, name, descriptor):
        self.named[name] = self.keep(descriptor)

    def pair(self, name):
        """A socket whose far end, returned, stays open as long as this object."""
        near, far = socket.socketpair()
        self.replace(name, near.detach())
        self.far_ends.append(far)
        return far

    def numbered(self, arguments):
        """By the numbers that the command line gives them."""
        result, serials = {}, dict(re.findall(r"drive=disk(\d+),serial=(\w+)", "\n".join(arguments)))
        for option, value in zip(arguments, arguments[1:]):
            if option in ("-kernel", "-initrd"):
                result[int(value.removeprefix("/proc/self/fd/"))] = self.named[option]
            elif option == "-chardev":
                name, number = re.fullmatch(r"socket,id=(\w+),fd=(\d+)", value).groups()
                result[int(number)] = self.named[name]
            elif option == "-add-fd":
                number = re.match(r"fd=(\d+),", value)[1]
                result[int(number)] = self.named[serials[number]]
        return result


def spawn(arguments, descriptors):
    actions = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
    actions += [(os.POSIX_SPAWN_DUP2, source, number) for number, source in descriptors.items()]
    return os.posix_spawn(arguments[0], arguments, {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, file_actions=actions)


def follow(console, processes):
    """Reads the console until QEMU has gone, and waits for the processes."""
    # All the while: a socket holds but some hundred of QEMU's writes, which are one byte each.
    console.settimeout(DEADLINE)
    try:
        said = b"".join(iter(lambda: console.recv(1 << 16), b""))
    except TimeoutError:
        for process in processes:
            os.kill(process, signal.SIGKILL)
        raise Failure(f"the bare peer had not ended after {DEADLINE} s without a word") from None
    finally:
        statuses = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in reversed(processes)]
    if any(statuses):
        raise Failure(f"QEMU or virtiofsd of the bare peer ended with status {statuses}")
    return said.decode(errors="replace")
