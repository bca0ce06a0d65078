"""One process of the program: started, stopped, killed, waited for, and whether it left others behind."""

import os
import signal
import subprocess
import tempfile
import time
import uuid

# No command of the campaign takes longer.
PATIENCE = 60


class Process:
    """A process. `code` is its exit code, or minus the signal that ended it."""

    def __init__(self, program, words, folder, environment, extra=None, prepare=None, **streams):
        self.mark = uuid.uuid4().hex
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        given = {"stdin": subprocess.DEVNULL, "stdout": self.out, "stderr": self.err, **streams}
        env = dict(environment, FAULT_CAMPAIGN=self.mark, **(extra or {}))
        self.child = subprocess.Popen([program, *words], cwd=folder, env=env, start_new_session=True, preexec_fn=prepare, **given)
        self.code = None

    def step(self):
        """Looks once whether it stopped or ended: "stopped", "ended" or None."""
        if self.code is not None:
            return "ended"
        pid, status = os.waitpid(self.child.pid, os.WNOHANG | os.WUNTRACED)
        if pid == 0:
            return None
        if os.WIFSTOPPED(status):
            return "stopped"
        self.code = os.waitstatus_to_exitcode(status)
        self.child.returncode = self.code
        return "ended"

    def wait(self, seconds=PATIENCE, until=("ended",)):
        """Waits until it ended (or stopped). Returns False after so many seconds."""
        end = time.monotonic() + seconds
        pause = 0.0005
        while (state := self.step()) not in until:
            if state == "ended":
                return False
            if time.monotonic() > end:
                return False
            time.sleep(pause)
            pause = min(pause * 1.3, 0.02)
        return True

    def send(self, number):
        if self.code is None:
            os.kill(self.child.pid, number)

    def end(self):
        """Kills it, if it still runs, and all that it started."""
        if self.code is None:
            self.send(signal.SIGKILL)
            self.wait(10)
        for pid in self.left_behind():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def left_behind(self):
        """The ids of living processes that it started, directly or not."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == self.child.pid:
                continue
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if self.mark.encode() in file.read():
                        found.append(int(name))
            except OSError:
                pass
        return found

    def orphans(self, seconds=3):
        """Those that still live after some seconds."""
        end = time.monotonic() + seconds
        while (found := self.left_behind()) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def text(self, stream):
        stream.seek(0)
        return stream.read()

    @property
    def said(self):
        return self.text(self.out)

    @property
    def complained(self):
        return self.text(self.err)
