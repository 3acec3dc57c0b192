#!/usr/bin/env python3
"""Follows a catalogue with python-tuf: serves its directory, refreshes from the given root, downloads targets.

Usage: tuf-client.py CATALOGUE ROOT TARGET...
ROOT is the file of the root to begin with. Prints the version of each role as JSON; returns 1 where python-tuf refuses.
"""
import functools
import http.server
import json
import pathlib
import sys
import tempfile
import threading

import tuf.api.exceptions
import tuf.ngclient


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def follow(address, root, targets, directory):
    updater = tuf.ngclient.Updater(
        metadata_dir=str(directory / "metadata"),
        metadata_base_url=f"{address}/metadata/",
        target_dir=str(directory / "targets"),
        target_base_url=f"{address}/targets/",
        bootstrap=root,
    )
    updater.refresh()
    for path in targets:
        target = updater.get_targetinfo(path)
        if target is None:
            raise SystemExit(f"tuf-client: no role answers for {path}")
        updater.download_target(target)
    metadata = {path.stem: json.loads(path.read_text()) for path in (directory / "metadata").glob("*.json")}
    return {name: content["signed"]["version"] for name, content in metadata.items()}


def main():
    catalogue, root, *targets = sys.argv[1:]
    handler = functools.partial(Files, directory=catalogue)
    with tempfile.TemporaryDirectory() as scratch, http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        directory = pathlib.Path(scratch)
        (directory / "metadata").mkdir()
        (directory / "targets").mkdir()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}"
            print(json.dumps(follow(address, pathlib.Path(root).read_bytes(), targets, directory)))
        except tuf.api.exceptions.RepositoryError as fault:
            sys.exit(f"tuf-client: {type(fault).__name__}: {fault}")
        finally:
            server.shutdown()


if __name__ == "__main__":
    main()
