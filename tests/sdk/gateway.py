"""The gateway as a process of the tests."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading

READY_SECONDS = 20


class Gateway:
    """The binary named by FERROGATE_BIN on a loopback port that the system chooses."""

    def __init__(self, caddyfile):
        self.folder = tempfile.TemporaryDirectory()
        pathlib.Path(self.folder.name, "Caddyfile").write_text(caddyfile, encoding="utf-8")
        self.process = subprocess.Popen(
            [os.environ["FERROGATE_BIN"], "run", "-c", "Caddyfile"],
            cwd=self.folder.name,
            env={"PATH": os.environ["PATH"]},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self.address = None
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        if not self.ready.wait(READY_SECONDS) or self.address is None:
            self.close()
            raise RuntimeError("the gateway is not ready:\n" + "".join(self.log))

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line)
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("msg") == "listening":
                self.address = entry["address"]
            if entry.get("msg") == "ready":
                self.ready.set()
        # It ended; whoever waits sees that there is no address.
        self.ready.set()

    @property
    def base_url(self):
        return f"http://{self.address}/v1"

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        self.folder.cleanup()
