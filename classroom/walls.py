"""What a learner's code cannot reach while it is graded: the network, other processes, files outside its folder.

Two walls, one behind the other. On Linux, where user namespaces are open to everyone (most machines, and containers
that allow it), the grading process moves into a root of its own: Python and the packages read-only, an empty folder to
work in, no network, and no other process to be seen. Everywhere, an audit hook of Python refuses the same things
between two lines of Python: to open other files, to start processes, to use sockets, to load C code. The hook cannot
be removed, but code of an extension module passes by it; `in_words` says which of the two a platform has.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_NODIRATIME, MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = 1024, 2048, 4096, 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
FOLDER_MEGABYTES = 64
"""that a learner's code may write"""

WALLED = (
    "Namespaces of Linux: no network, no other process, no file but Python's own, read-only, and an empty folder; "
    "and Python's audit hook before them."
)
HOOK_ONLY = (
    "Python's audit hook alone: it refuses files outside of the folder, processes and sockets to Python code, and not "
    "to code of an extension module that opens them itself. Grade strangers' work on Linux, or in a container."
)


def in_words(walled: bool) -> str:
    return WALLED if walled else HOOK_ONLY


def readable(package: Path) -> list[Path]:
    """What Python needs to run: its installation, the packages, the course's package and this one; never the course
    itself, with its solutions and tests.
    """
    course = package.parent
    own = [package, Path(__file__).resolve().parent]
    installed = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *sys.path]
    there = [Path(os.path.abspath(p)) for p in installed if p and os.path.isdir(p)]
    paths = [q for p in there for q in (p.resolve(), p)]  # Python may go by a link, and by where it leads
    return [*own, *dict.fromkeys(p for p in paths if p.resolve() != course and p.resolve() not in course.parents)]


SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/sbin",
    "/etc/ld.so.cache",
    "/etc/fonts",
    "/etc/localtime",
    "/etc/alternatives",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def move_behind(allowed: Iterable[Path]) -> str:
    """Move this process, which must have one thread, behind the wall of Linux, into an empty folder that it may write.

    It returns in a child, which is process 1 of what it can see: when it ends, all that it started ends. Its parent
    waits, and ends as it does. Returns "" on success, else why there is no wall, in the process as it was.
    """
    if not sys.platform.startswith("linux"):
        return f"there are no namespaces on {sys.platform}"
    probe = os.fork()  # what cannot be undone is tried by a child first
    if probe == 0:
        os._exit(0 if _try(lambda: _enter(list(allowed))) is None else 1)
    if os.waitstatus_to_exitcode(os.waitpid(probe, 0)[1]) != 0:
        return "user namespaces, or mounting in them, are not allowed here"
    _enter(list(allowed))
    return ""


def _try(action: Callable[[], None]) -> OSError | None:
    try:
        action()
    except OSError as error:
        return error
    return None


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:
    given = [os.fsencode(a) if isinstance(a, (str, Path)) else a for a in arguments]
    if getattr(_libc(), name)(*given) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: Any, target: Path, kind: str | None, flags: int, options: str | None = None) -> None:
    text = None if options is None else options.encode()
    _call("mount", None if source is None else str(source), target, kind, ctypes.c_ulong(flags), text)


def _enter(allowed: list[Path]) -> None:
    user, group = os.getuid(), os.getgid()
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID)
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _mount(None, Path("/"), None, MS_REC | MS_PRIVATE)
    root = Path("/proc")  # a folder that is always there, and not needed any more
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for path in map(Path, SYSTEM):
        if path.is_symlink() and path.parent == Path("/"):
            (root / path.relative_to("/")).symlink_to(os.readlink(path))
        elif path.exists():
            _show(path, root)
    for path in allowed:
        _show(path, root)
    for device in map(Path, DEVICES):
        if device.exists():
            _show(device, root, writable=True)
    for folder in ("tmp", "old"):
        (root / folder).mkdir(exist_ok=True)
    _mount("tmpfs", root / "tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"size={FOLDER_MEGABYTES}m,mode=777")
    os.chdir(root)
    _call("syscall", ctypes.c_long(_pivot_root()), ctypes.c_char_p(b"."), ctypes.c_char_p(b"old"))
    os.chdir("/")
    _call("umount2", "/old", MNT_DETACH)
    os.rmdir("/old")
    _mount(None, Path("/"), None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir("/tmp")
    os.environ.update(HOME="/tmp", TMPDIR="/tmp", MPLCONFIGDIR="/tmp")
    tempfile.tempdir = "/tmp"
    _become_first()


def _pivot_root() -> int:
    """The number of the system call, which the C library has no function for."""
    return {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}.get(os.uname().machine, -1)


def _show(path: Path, root: Path, writable: bool = False) -> None:
    """Bind a file or folder into the new root, at the place that it has."""
    target = root / path.relative_to("/")
    if target.exists() and path.is_dir() and os.path.samestat(target.stat(), path.stat()):
        return  # a part of what is there already
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _mount(path, target, None, MS_BIND)
    if not writable:
        _mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | _kept(target))


def _kept(target: Path) -> int:
    """The flags of a mount that a user namespace may not take away."""
    has = os.statvfs(target).f_flag
    pairs = ((os.ST_NOSUID, MS_NOSUID), (os.ST_NODEV, MS_NODEV), (os.ST_NOEXEC, MS_NOEXEC))
    times = ((os.ST_NOATIME, MS_NOATIME), (os.ST_NODIRATIME, MS_NODIRATIME), (os.ST_RELATIME, MS_RELATIME))
    return sum(flag for bit, flag in (*pairs, *times) if has & bit)


def _become_first() -> None:
    """Go on in a child, the first process of the new namespace."""
    child = os.fork()
    if child:
        os.close(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    _libc().prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(9), 0, 0, 0)
    _libc().prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), 0, 0, 0)


PROCESSES = (
    "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill", "os.startfile", "pty.",
    "signal.pthread_kill",
)  # fmt: skip
NETWORK = ("socket.", "urllib.Request", "http.client.", "ftplib.", "smtplib.", "poplib.", "imaplib.")
INSIDES = ("ctypes.dlopen", "ctypes.dlsym", "gc.get_", "sys._current_frames", "sys.addaudithook", "sys.setprofile")
FILES = (
    "open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown",
    "os.link", "os.symlink", "os.truncate", "os.utime", "shutil.", "glob.", "tempfile.", "os.chdir", "sqlite3.connect",
)  # fmt: skip
READ_ONLY = {"open", "os.listdir", "os.scandir", "glob.glob", "glob.glob/2"}


def refuse(folder: Path, allowed: Iterable[Path]) -> None:
    """From here on, in this process, Python code may write in `folder`, read there and below `allowed`, and start
    nothing, connect nowhere and load no C code. This cannot be taken back.
    """
    own = os.path.realpath(folder)
    seen = tuple(os.path.realpath(p) for p in allowed)
    system = ("/usr", "/lib", "/etc/localtime", "/etc/fonts", "/dev/null", "/dev/urandom", "/dev/random")
    real, join, cwd, fsdecode = os.path.realpath, os.path.join, os.getcwd, os.fsdecode
    writing, error = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, PermissionError

    def inside(path: str, *folders: str) -> bool:
        return any(path == f or path.startswith(f + os.sep) for f in folders)

    def hook(event: str, arguments: tuple) -> None:
        if event in ("compile", "exec", "import", "object.__getattr__", "object.__setattr__", "sys._getframe"):
            return
        if event.startswith(PROCESSES):
            raise error("starting or ending processes is not possible while your work is graded")
        if event.startswith(NETWORK):
            raise error("there is no network while your work is graded")
        if event.startswith(INSIDES):
            raise error(f"{event} is not possible while your work is graded")
        if event.startswith(FILES):
            named = [a for a in arguments[:2] if isinstance(a, (str, bytes, os.PathLike))]
            reads = event in READ_ONLY and not (
                event == "open" and isinstance(arguments[2], int) and arguments[2] & writing
            )
            for given in named[:1] if event == "open" else named:
                if event == "glob.glob" or event == "glob.glob/2":
                    continue  # what it lists is asked for by os.scandir
                path = real(join(cwd(), fsdecode(given)))
                if not (inside(path, own, "/dev/null") or (reads and inside(path, *seen, *system))):
                    doing = "reading" if reads else "writing"
                    raise error(f"{doing} {fsdecode(given)!r} is not possible while your work is graded")

    sys.addaudithook(hook)
