"""Where a running Kabambe keeps what is its own: data, logs, sockets' names, process files."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PREPARED = "KABAMBE_PREPARED"
"""Names the file that exists once the database is ready to be used; set by `start` alone."""

EMBEDDED = "KABAMBE_EMBEDDED"
"""Set when PostgreSQL is our own, so that the database in it is ours to create."""

PROGRAM = "KABAMBE_PROGRAM"
HOME = "KABAMBE_HOME"


@dataclass(frozen=True)
class Home:
    """The folder that KABAMBE_HOME names, and the places inside it."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres" / "data"

    @property
    def redis(self) -> Path:
        return self.path / "redis" / "data"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics"

    @property
    def prepared(self) -> Path:
        return self.run / "prepared"

    @property
    def control(self) -> Path:
        """The process manager's socket: outside, because a socket's path has at most 107 bytes."""
        name = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"kabambe-{name}-{os.getuid()}.sock"

    def create(self) -> None:
        """Make every folder. Raises OSError when the place cannot be written."""
        for folder in (self.logs, self.run, self.metrics):
            folder.mkdir(parents=True, exist_ok=True)
