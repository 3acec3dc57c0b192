"""Programs that the bench runs: to their end, or in the background until a `with` ends; and what they cost."""
import contextlib
import os
import pathlib
import select
import statistics
import subprocess
import time

from peer import Failure

DEADLINE = 60
TICK = os.sysconf("SC_CLK_TCK")


def run(arguments, environment=None, check=True, cwd=None):
    arguments = [str(argument) for argument in arguments]
    done = subprocess.run(arguments, text=True, capture_output=True, env=environment, cwd=cwd, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise Failure(f"{' '.join(arguments)} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    return done


@contextlib.contextmanager
def running(arguments, environment=None, cwd=None, log=None):
    """A process that is ended by TERM; what it prints goes to `log`, if there is one."""
    arguments = [str(argument) for argument in arguments]
    with open(log or os.devnull, "ab") as output:
        process = subprocess.Popen(arguments, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(condition, what, process=None, seconds=DEADLINE):
    """Waits until the condition holds; says what did not come, or that the process ended before."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process and process.poll() is not None:
            raise Failure(f"{' '.join(process.args)} ended with status {process.returncode} before {what}")
        if time.monotonic() > deadline:
            raise Failure(f"{what} did not come within {seconds} s")
        select.select([], [], [], 0.01)


def processor(pid):
    """Seconds of the processor that a process and its ended children have used (proc(5), stat)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"
