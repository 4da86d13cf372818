"""Takes from Narani's own modules what Windows does not have, and lets files behave as they do there.

Run: python -m pytest -p tests.without_posix PATH…
Knows: names that are missing (fcntl, os.killpg, SIGKILL …), that os.name is "nt", and what Windows refuses:
to move or delete what anybody has open, to open a folder, to flush what was opened for reading, some names.
Refuses to know: Windows itself. Paths, the console, and other people's modules stay as they are here, so this
finds what would break for certain, and proves nothing more.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
MODULES = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"})
OF_OS = """
O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK WNOHANG chown fchmod fork forkpty fstatvfs getegid geteuid getgid
getgroups getloadavg getpgid getpgrp getpriority getsid getuid initgroups killpg lchown mkfifo nice pathconf
posix_fadvise posix_fallocate posix_spawn pread preadv pwrite pwritev sched_getaffinity sched_yield sendfile
seteuid setpgid setsid setuid statvfs sync sysconf uname wait wait3 wait4"""
OF_SIGNAL = """
SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2
SIGWINCH alarm pause pthread_kill pthread_sigmask setitimer sigtimedwait sigwait"""
_HEARD = (signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGINT, signal.SIGSEGV, signal.SIGTERM)
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_REAL_OS, _REAL_IMPORT = os, builtins.__import__


class _Without(ModuleType):
    """A module as Narani sees it; everything else is the module's own, also what a test puts there."""

    def __init__(self, real: ModuleType, missing: str, other: dict[str, object]) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update({"_real": real, "_missing": frozenset(missing.split()), "_other": other})

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"Windows has no {self.__name__}.{name}")
        return self._other[name] if name in self._other else getattr(self._real, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._real, name, value)


def _open_of_os(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    return os.open(path, flags, mode, **more)


def _fsync(descriptor: int) -> None:
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "Bad file descriptor")
    os.fsync(descriptor)


def _kill(process: int, number: int) -> None:
    os.kill(process, signal.SIGKILL)  # there it ends a process on the spot, whatever the number


def _signal(number: int, handler: Any) -> Any:
    if number not in _HEARD:
        raise ValueError("invalid signal value")
    return signal.signal(number, handler)


_VIEWS = {
    "os": _Without(os, OF_OS, {"name": "nt", "open": _open_of_os, "fsync": _fsync, "kill": _kill}),
    "signal": _Without(signal, OF_SIGNAL, {"signal": _signal}),
    "sys": _Without(sys, "", {"platform": "win32"}),
}


def _import(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> ModuleType:
    if level == 0 and globals and _is_ours(str(globals.get("__file__", ""))):
        top = name.partition(".")[0]
        if top in MODULES:
            raise ModuleNotFoundError(f"Windows has no module {name}", name=name)
        if top in _VIEWS and (name == top or not fromlist):
            return _VIEWS[top]
    return _REAL_IMPORT(name, globals, locals, fromlist, level)


def _is_ours(file: str) -> bool:
    return file.startswith(f"{ROOT}/") and not file.startswith(f"{ROOT}/tests/")


# -- files


def _open_paths() -> Iterator[str]:
    """What any process has open or mapped, as far as we may look."""
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        folder = f"/proc/{process}/fd"
        try:
            for descriptor in os.listdir(folder):
                yield os.readlink(f"{folder}/{descriptor}")
        except OSError:
            continue
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        yield from (line.split(None, 5)[5].rstrip("\n") for line in maps if line.count("/"))


def _refuse_open(path: Any) -> None:
    wanted = os.path.realpath(os.fspath(path))
    name = os.path.basename(wanted)
    # filelock sees to its own files there.
    if ".lock" in name or not os.path.lexists(wanted) or _is_foreign():
        return
    if any(each == wanted or each.startswith(f"{wanted}/") for each in _open_paths()):
        error = PermissionError(errno.EACCES, "The process cannot access the file", str(path))
        raise error


def _refuse_name(path: Any) -> None:
    if isinstance(path, int) or _is_foreign():
        return
    name = os.path.basename(os.fsdecode(path))
    stem = name.partition(".")[0].strip().lower()
    if re.search(r'[<>:"|?*\\\x00-\x1f]', name) or name != name.rstrip(" .") or stem in _DEVICES:
        raise OSError(errno.EINVAL, "The filename is not valid", name)


def _is_foreign() -> bool:
    """Whether nothing of ours stands behind the call, as where pytest clears away."""
    frame = sys._getframe(2)
    while frame is not None:
        if _is_ours(frame.f_code.co_filename):
            return False
        frame = frame.f_back  # type: ignore[assignment]
    return True


def _checked(real: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    @wraps(real)
    def call(*arguments: Any, **more: Any) -> Any:
        check(*arguments, **more)
        return real(*arguments, **more)

    return call


def _before_replace(source: Any, target: Any, **_: Any) -> None:
    _refuse_open(source)
    _refuse_open(target)
    _refuse_name(target)


def _before_removal(path: Any, **_: Any) -> None:
    if not isinstance(path, int) and not _.get("dir_fd"):
        _refuse_open(path)


def _before_opening(path: Any, mode: str = "r", *_: Any, **__: Any) -> None:
    if set(mode) & set("wxa"):
        _refuse_name(path)


def install() -> None:
    at_start = (
        Path(__file__).with_name("at_start"),
        ROOT,
        *os.environ.get("PYTHONPATH", "").split(os.pathsep),
    )
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(str(each) for each in at_start if each))
    builtins.__import__ = _import
    for name in ("replace", "rename"):
        setattr(os, name, _checked(getattr(os, name), _before_replace))
    for name in ("unlink", "remove"):
        setattr(os, name, _checked(getattr(os, name), _before_removal))
    os.mkdir = _checked(os.mkdir, lambda path, *_, **__: _refuse_name(path))
    io.open = builtins.open = _checked(io.open, _before_opening)


install()
