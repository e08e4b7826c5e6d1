"""The run file itself: how it is made, what it must be, and the lock that dies with its process."""

import os
import sys
import time
from pathlib import Path
from typing import Final, Self

from unibill.copying.schema import APPLICATION_ID, VERSION
from unibill.errors import RunStoreError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = 100
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "9p", "afs", "ceph", "fuse.glusterfs", "lustre"}
)
_LOOK: Final = 0.2
"""Seconds for which whoever wants the lock waits for one who only looks whether it is held."""
_MOUNTS: Final = Path("/proc/self/mounts")


def create(path: Path) -> None:
    """Make an empty file that nobody else can read, whatever the umask.

    Raises:
        RunStoreError: it cannot be made there.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RunStoreError(f"the run file {path} cannot be made: {error.strerror or error}") from error
    os.close(handle)
    path.chmod(0o600)


def check(path: Path) -> None:
    """Make sure that a file is a run of this version, without opening it as a database, so that it stays untouched.

    Raises:
        RunStoreError: it is missing, empty, another program's, or of another version of unibill.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except FileNotFoundError as error:
        raise RunStoreError(f"there is no run file {path}; make one with a plan") from error
    except OSError as error:
        raise RunStoreError(f"the run file {path} cannot be read: {error.strerror or error}") from error
    if len(header) < _HEADER or not header.startswith(_MAGIC) or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise RunStoreError(f"the file {path} is not a run file of unibill; it was left as it is")
    version = int.from_bytes(header[60:64], "big")
    if version != VERSION:
        raise RunStoreError(
            f"the run file {path} was made by a unibill whose run files have version {version}; this one reads {VERSION}. Go on with that "
            "unibill, or plan into another run: what was copied is found by its marks"
        )


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Refuse a network file system: locks and write-ahead logs do not hold there.

    Args:
        path: of the run file.
        mounts: the text of the system's mount table; None reads it, where there is one.

    Raises:
        RunStoreError: naming the file system.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    folder = Path(os.path.realpath(path)).parent
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " ").replace("\\011", "\t"))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    if kind in _NETWORK:
        raise RunStoreError(f"the run file {path} is on a network file system ({kind}), where a crash can damage it; use a local disk")


class Lock:
    """One process at a time works on a run. The lock ends with its holder, however that ends.

    It is taken on a file beside the run file, because closing any handle of a database drops SQLite's own locks on it.
    """

    def __init__(self, path: Path) -> None:
        self._run = path
        self._path = path.with_name(path.name + ".lock")
        self._handle: int | None = None

    def __enter__(self) -> Self:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise RunStoreError(f"the run {self._run} cannot be locked: {error.strerror or error}") from error
        limit = time.monotonic() + _LOOK
        while not _locked(handle):
            # Whoever only looks has it for a moment.
            if time.monotonic() > limit:
                os.close(handle)
                raise RunStoreError(f"another process is working on the run {self._run}; wait for it to end")
            time.sleep(_LOOK / 10)
        self._handle = handle
        return self

    def is_held(self) -> bool:
        """Whether somebody works on the run now; nothing is made, and where it cannot be known, nobody does."""
        try:
            handle = os.open(self._path, os.O_RDWR)
        except OSError:
            return False
        try:
            return not _locked(handle, shared=True)
        finally:
            os.close(handle)

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _locked(handle: int, *, shared: bool = False) -> bool:
    """Lock a file, unless somebody else has; ``shared`` where the system can, so that two who only look do not see each other."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            os.fchmod(handle, 0o600)
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
