"""Control groups of processes (cgroups(7), either version): what their processors worked, and how much they may."""
import contextlib
import os
import pathlib

from peer import Failure

ROOT = pathlib.Path("/sys/fs/cgroup")
# Microseconds in which a share is given anew.
PERIOD = 20_000


class Group:
    """A group of processes that may work `share` seconds of processors a second; None: as much as there is."""

    def __init__(self, name, share=None):
        self.is_unified = (ROOT / "cgroup.controllers").exists()
        places = [ROOT] if self.is_unified else [ROOT / "cpu", ROOT / "cpuacct"]
        # Both controllers may be one folder, by two names.
        self.folders = [place / name for place in dict.fromkeys(place.resolve() for place in places)]
        try:
            if self.is_unified:
                (ROOT / "cgroup.subtree_control").write_text("+cpu")
            for folder in self.folders:
                folder.mkdir(exist_ok=True)
            if share:
                self.limit(int(share * PERIOD))
        except OSError as error:
            raise Failure(f"hosts need control groups of their own, with the controller cpu: {error}") from None

    def limit(self, quota):
        if self.is_unified:
            (self.folders[0] / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            (self.folders[0] / "cpu.cfs_period_us").write_text(str(PERIOD))
            (self.folders[0] / "cpu.cfs_quota_us").write_text(str(quota))

    def command(self, arguments):
        """The command that runs these arguments in the group, with all that they start."""
        entry = " ".join(f"&& echo $$ >{folder}/cgroup.procs" for folder in self.folders)
        return ["sh", "-c", f'true {entry} && exec "$@"', "-", *arguments]

    @property
    def worked(self):
        """Seconds that processors worked for it."""
        if self.is_unified:
            fields = (self.folders[0] / "cpu.stat").read_text().split()
            return int(fields[fields.index("usage_usec") + 1]) / 1e6
        return int((self.folders[-1] / "cpuacct.usage").read_text()) / 1e9

    def remove(self):
        """Of what ends later it stays, empty: a later one of its name takes it."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
