"""A catalogue with images of the bench, made by the program, and servers for it."""
import contextlib
import os
import pwd
import shutil

from processes import run, running, wait_for

KERNEL = "kernel-debian12"
PORT = 8470


class Catalogue:
    """`directory` is what a web server would serve. The publisher has keys of its own and the images of the bench's home."""

    def __init__(self, sojourn, work, names):
        self.sojourn, self.directory = sojourn, work / "catalogue"
        self.home = work / "publisher"
        self.home.mkdir()
        shutil.copy(sojourn.home / "home.json", self.home)
        (self.home / "images").symlink_to(sojourn.home / "images")
        for key in ("root", "endorser"):
            self.command("key", "create", key, "--no-passphrase")
        self.command("catalogue", "init", self.directory)
        for experiment in sorted({"os", *(name.split("/")[0] for name in names)}):
            self.publish(self.command("catalogue", "add-experiment", experiment, "--endorser", "endorser",
                                      "--catalogue", self.directory))
        for name in (KERNEL, *names):
            self.publish(self.command("endorse", name, "--until", "90d", "--catalogue", self.directory))

    def command(self, *arguments):
        """The lines that it prints."""
        return run([self.sojourn.program, *arguments], self.environment(self.home)).stdout.splitlines()

    def publish(self, drafts):
        self.command("catalogue", "publish", *drafts, "--deltas", "0", "--catalogue", self.directory)

    def environment(self, home):
        # No proxy leads out of a namespace.
        kept = {name: value for name, value in self.sojourn.environment.items() if not name.lower().endswith("_proxy")}
        return {**kept, "SOJOURN_HOME": str(home)}

    def trust(self, home, url, settings=""):
        """A new home that follows the catalogue at that address, and has nothing else."""
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        run([self.sojourn.program, "site", "trust", url, "--name", "bench", "--root",
             self.directory / "metadata" / "1.root.json"], self.environment(home))
        if settings:
            with open(home / "config.yaml", "a") as file:
                file.write(settings)


@contextlib.contextmanager
def nginx(host, directory, work, port=PORT):
    """Debian's nginx serves the directory from that host; gives its URL and process."""
    place = work / f"nginx-{port}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "nginx.conf").write_text(f"""
daemon off;
user {pwd.getpwuid(os.getuid()).pw_name};
pid {place}/pid;
error_log {place}/error.log;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    log_format requests '$remote_addr $msec $request_time $body_bytes_sent $request_uri';
    access_log {place}/access.log requests;
    sendfile on;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
    server {{ listen {host.address}:{port}; root {directory}; }}
}}
""")
    with running(host.command(["nginx", "-p", place, "-c", place / "nginx.conf"]), log=place / "log") as server:
        wait_for((place / "pid").exists, "nginx's start", server)
        yield f"http://{host.address}:{port}", server


@contextlib.contextmanager
def relayed(host, server, trip, loss, log):
    """A relay on that host to a server's address and port, with the round trip in ms and the share of packets lost."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "relay.py")
    log.write_text("")
    with running(host.command(["python3", program, f"127.0.0.1:{PORT}", server, trip, loss, "1"]), log=log) as relay:
        wait_for(lambda: log.read_text().strip().isdigit(), "the relay's port", relay)
        yield f"http://127.0.0.1:{PORT}"
