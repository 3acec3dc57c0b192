"""What `make bench` measures of efficiency: the same job in a machine and on the bare host."""
import statistics
import subprocess

ROUNDS = 3
GOAL = 0.98  # with KVM; an emulated processor has none
KINDS = {"cpu": "CPU-bound: 400 million steps of a logistic map", "memory": "memory-bound: 256 MiB, written and read 16 times",
         "file": "file-bound: 2000 files of 64 KiB, in the shared directory", "scratch": "the same, in /tmp of the machine"}


class Efficiency:
    """`program` is job.c, compiled statically; `table` and `say` are the bench's."""

    def __init__(self, sojourn, program, directory, accelerator, table, say):
        self.sojourn, self.program, self.directory = sojourn, program, directory
        self.accelerator, self.table, self.say = accelerator.split(",")[0], table, say

    def section(self):
        rows = []
        for kind, title in KINDS.items():
            host, guest = [], []
            for number in range(ROUNDS):
                self.say(f"efficiency, {kind}: {number + 1} of {ROUNDS}")
                host.append(self.on_host(kind))
                guest.append(self.in_machine(kind))
            ratio = statistics.median(host) / statistics.median(guest)
            goal = (f"at least {GOAL}: {'met' if ratio >= GOAL else 'missed'}" if self.accelerator == "kvm"
                    else f"none with {self.accelerator} ({GOAL} with kvm)")
            rows.append([title, f"{statistics.median(host):.2f}", f"{statistics.median(guest):.2f}", f"{ratio:.3f}", goal])
        return self.table([f"Efficiency, accelerator {self.accelerator}", "host, s", "machine, s", "host / machine", "goal"],
                          rows)

    def on_host(self, kind):
        # The host's /tmp is the peer of the machine's.
        directory = "/tmp" if kind == "scratch" else self.directory
        word = "file" if kind == "scratch" else kind
        done = subprocess.run([str(self.program), word], cwd=directory, text=True, capture_output=True, check=True)
        return float(done.stdout.split()[0])

    def in_machine(self, kind):
        command = f"cd /tmp && exec {self.program} file" if kind == "scratch" else f"exec {self.program} {kind}"
        _, said, _ = self.sojourn.run(["--os", "debian12", "--", "sh", "-c", command], self.directory)
        return float(said.split()[0])
