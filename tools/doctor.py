"""Say in plain words what is wrong with an installation: ``python -m tools.doctor``.

Each check is a function that returns one :class:`Check`. Only the standard library is imported at the top, and no
syntax newer than Python 3.8 is used, so that the doctor can speak where torch is missing or Python is too old.
The exit code is 0 when nothing is a PROBLEM, 1 otherwise; a note is worth knowing and harms nothing.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata as metadata
import json
import os
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

OLDEST_PYTHON = (3, 11)
INSTALL = "run `make clean`, then `make lab`; with conda, `conda env update -f environment.yml`"
TEST_ONLY = "test"  # the extra that a reader of the course can do without: one line for all of it


@dataclasses.dataclass(frozen=True)
class Check:
    """One finding: ``status`` is "ok", "note" or "PROBLEM"; ``advice`` says what to do, empty when all is well."""

    name: str
    status: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.status:<8} {self.name}: {self.text}{advice}"


def course_root() -> Path:
    """The folder that holds course.toml: where the doctor is called, or beside the package."""
    here = Path.cwd()
    return here if (here / "course.toml").exists() else Path(__file__).resolve().parent.parent


def check_python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    oldest = ".".join(map(str, OLDEST_PYTHON))
    if tuple(sys.version_info[:2]) < OLDEST_PYTHON:
        return Check(
            "Python",
            "PROBLEM",
            f"{version} is older than {oldest}",
            f"install Python {oldest} or newer, then `make clean` and `make lab PYTHON=python{oldest}`",
        )
    return Check("Python", "ok", f"{version}, {sys.executable}")


def check_environment() -> Check:
    """A virtual or conda environment keeps the course's versions apart from everything else on the machine."""
    if sys.prefix != sys.base_prefix or (Path(sys.prefix) / "conda-meta").is_dir():
        return Check("environment", "ok", sys.prefix)
    return Check(
        "environment",
        "note",
        "this Python is the machine's own, not a virtual or conda environment",
        "`make lab` makes one in .venv; start the course with it",
    )


def check_installed(root: Path) -> Check:
    """The kernel starts inside chapters/, so metarl_core must be installed, and from this very folder."""
    for distribution in metadata.distributions(name="metarl_core"):
        origin = distribution.read_text("direct_url.json")
        if origin is None:  # an egg-info beside the sources is no installation
            continue
        url = urlparse(json.loads(origin)["url"])
        folder = Path(url2pathname(url.path))
        if url.scheme == "file" and folder.resolve() != root.resolve():
            return Check(
                "metarl_core",
                "PROBLEM",
                f"is installed from {folder}, but the course is in {root}",
                "run `make clean`, then `make lab`, in the folder of the course that you use",
            )
        return Check("metarl_core", "ok", f"{distribution.version}, from {folder}")
    return Check(
        "metarl_core",
        "PROBLEM",
        "is not installed for this Python",
        "run `make lab`, or in a conda environment `pip install -e .`",
    )


def read_toml(path: Path) -> dict:
    """The table in ``path``, empty where it cannot be read (which is for other checks to say)."""
    try:
        return importlib.import_module("tomllib").loads(path.read_text(encoding="utf-8"))
    except (ImportError, OSError, ValueError):  # tomllib came with Python 3.11
        return {}


def release(version: str) -> tuple:
    """The numbers that a version starts with: "2.13.0+cpu" -> (2, 13, 0)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def older(version: str, bound: str) -> bool:
    a, b = release(version), release(bound)
    width = max(len(a), len(b))
    return a + (0,) * (width - len(a)) < b + (0,) * (width - len(b))


def requirements(root: Path) -> list:
    """What metarl_core requires, as (name, lower bound, extra), from its metadata or else from pyproject.toml."""
    try:
        lines = metadata.requires("metarl_core") or []
    except metadata.PackageNotFoundError:
        lines = []
    if not lines:
        project = read_toml(root / "pyproject.toml").get("project", {})
        lines = list(project.get("dependencies", []))
        for extra, names in project.get("optional-dependencies", {}).items():
            lines += [f'{name}; extra == "{extra}"' for name in names]
    found = []
    for line in lines:
        match = re.match(r"([\w.-]+)[^;]*?>=\s*([\d.]+)", line)
        extra = re.search(r"""extra\s*==\s*['"]([\w-]+)['"]""", line)
        if match:
            found.append((match.group(1), match.group(2), extra.group(1) if extra else ""))
    return found


def fault(name: str, bound: str) -> str:
    """What is wrong with an installed package, "" when it is there and new enough."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return "is missing"
    return f"{version} is older than {bound}" if older(version, bound) else ""


def check_package(name: str, bound: str) -> Check:
    wrong = fault(name, bound)
    return Check(name, "PROBLEM", wrong, INSTALL) if wrong else Check(name, "ok", metadata.version(name))


def check_test_packages(bounds: list) -> Check:
    """``bounds`` is a list of (name, lower bound)."""
    faults = [f"{name} {wrong}" for name, wrong in ((name, fault(name, bound)) for name, bound in bounds) if wrong]
    if faults:
        return Check("test packages", "note", ", ".join(faults), "only `make test` needs them, and installs them")
    return Check("test packages", "ok", ", ".join(name for name, _ in bounds) or "none are known")


def check_torch() -> Check:
    """That torch is there does not mean that it loads: derive x² at 3 with it."""
    try:
        torch = importlib.import_module("torch")
        slope = float(torch.func.grad(lambda x: x**2)(torch.tensor(3.0)))
    except Exception as error:  # a broken library raises ImportError, OSError, RuntimeError, AttributeError ...
        advice = INSTALL
        if os.name == "nt" and isinstance(error, OSError):
            advice = "install Microsoft's Visual C++ Redistributable, then try again"
        first_line = (str(error).splitlines() or [""])[0]
        return Check("torch works", "PROBLEM", f"{type(error).__name__}: {first_line}", advice)
    if slope != 6.0:
        return Check("torch works", "PROBLEM", f"says that the slope of x² at 3 is {slope}", INSTALL)
    return Check("torch works", "ok", "computes a derivative")


def check_kernel() -> Check:
    """The kernel named python3 must be this Python, or the notebooks run without the course's packages."""
    try:
        kernelspec = importlib.import_module("jupyter_client.kernelspec")
        importlib.import_module("ipykernel")
    except ImportError as error:
        return Check("kernel", "PROBLEM", f"Jupyter has no Python kernel: {error}", INSTALL)
    try:
        spec = kernelspec.KernelSpecManager().get_kernel_spec("python3")
    except kernelspec.NoSuchKernel:
        return Check("kernel", "PROBLEM", "there is no Jupyter kernel named python3", INSTALL)
    program = spec.argv[0]
    # Jupyter replaces a bare "python" by the Python that runs Jupyter itself.
    major, minor = sys.version_info[:2]
    bare = program in ("python", f"python{major}", f"python{major}.{minor}")
    folder = Path(sys.executable if bare else program).parent
    # Folders are compared, not files: every virtual environment's python is a link to the same file.
    if folder.resolve() != Path(sys.executable).parent.resolve():
        text = f"the kernel python3 ({spec.resource_dir}) starts {program}, not {sys.executable}"
        return Check(
            "kernel",
            "PROBLEM",
            text,
            "start the course with `make lab`, or remove that kernel with `jupyter kernelspec remove python3`",
        )
    return Check("kernel", "ok", "python3 is this Python")


def check_widgets() -> Check:
    """ipywidgets (Python) and jupyterlab_widgets (browser) speak to each other only in matching versions."""
    partner = {7: 1, 8: 3}
    versions = {}
    for name in ("ipywidgets", "jupyterlab_widgets"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            return Check("widgets", "PROBLEM", f"{name} is missing, so sliders will not appear", INSTALL)
    text = " and ".join(f"{name} {version}" for name, version in versions.items())
    python, browser = (release(version)[0] for version in versions.values())
    if partner.get(python, browser) != browser:
        return Check("widgets", "PROBLEM", f"{text} do not match, so sliders will not appear", INSTALL)
    return Check("widgets", "ok", text)


def cores() -> int:
    """How many cores this process may use, which in a container is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads() -> Check:
    setting = os.environ.get("OMP_NUM_THREADS")
    try:
        threads = importlib.import_module("torch").get_num_threads()
    except Exception:  # check_torch has already said why
        return Check("threads", "note", f"unknown without torch; this machine has {cores()} cores")
    text = f"torch uses {threads} of {cores()} cores, OMP_NUM_THREADS is {setting or 'not set'}"
    if threads > 1:
        return Check(
            "threads",
            "note",
            text,
            "one is best for all chapters but 07, above all when two notebooks run "
            "at once: set OMP_NUM_THREADS=1 before you start Jupyter, as `make lab` does",
        )
    return Check("threads", "ok", text)


def free_megabytes() -> int | None:
    """Memory that a notebook can still get, in MB, or None where it cannot be told."""
    free = None
    try:
        free = importlib.import_module("psutil").virtual_memory().available
    except ImportError:
        try:
            kilobytes = re.search(r"^MemAvailable:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
            free = int(kilobytes.group(1)) * 1024
        except (OSError, AttributeError):
            try:
                free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
            except (AttributeError, ValueError, OSError):
                pass
    try:  # a container may be allowed less than the machine has
        limit, used = (Path("/sys/fs/cgroup", name).read_text() for name in ("memory.max", "memory.current"))
        if free is not None and limit.strip() != "max":
            free = min(free, int(limit) - int(used))
    except (OSError, ValueError):
        pass
    return None if free is None else free // 2**20


def promised_megabytes(root: Path) -> int | None:
    """The most memory that a chapter or exercise set may use according to course.toml, in MB."""
    chapters = read_toml(root / "course.toml").get("chapter", [])
    promises = [table.get("megabytes", 0) for chapter in chapters for table in (chapter, chapter.get("exercises", {}))]
    return max(promises, default=0) or None


def check_memory(root: Path) -> Check:
    free, needed = free_megabytes(), promised_megabytes(root)
    if free is None:
        return Check("memory", "note", f"unknown on this machine; the largest chapter needs {needed or 2000} MB")
    if needed is not None and free < needed:
        return Check(
            "memory",
            "PROBLEM",
            f"{free} MB are free, the largest chapter needs {needed} MB",
            "close other programs or shut down other notebooks' kernels",
        )
    return Check("memory", "ok", f"{free} MB are free" + (f", the largest chapter needs {needed} MB" if needed else ""))


def check_disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free // 2**20
    if free < 200:
        return Check("disk", "PROBLEM", f"{free} MB are free", "make room: notebooks cannot be saved on a full disk")
    if free < 1000:
        return Check("disk", "note", f"only {free} MB are free", "make room before you run long experiments")
    return Check("disk", "ok", f"{free} MB are free")


def check_writable(name: str, folder: Path, bad: str = "PROBLEM", advice: str = "") -> Check:
    """Try it: permission bits tell neither of read-only file systems nor of quotas."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        return Check(
            name,
            bad,
            f"cannot write into {folder} ({error.strerror or error})",
            advice or "move the course to a folder of your own, or give yourself the right to write there",
        )
    return Check(name, "ok", f"can write into {folder}")


def check_matplotlib_cache() -> Check:
    try:
        folder = Path(importlib.import_module("matplotlib").get_cachedir())
    except Exception as error:  # check_package has already said that it is missing
        return Check("matplotlib cache", "note", f"unknown: {type(error).__name__}")
    return check_writable(
        "matplotlib cache",
        folder,
        "note",
        "set MPLCONFIGDIR to a folder of your own, or the fonts are searched again each time",
    )


def check_compiler() -> Check:
    for name in filter(None, (os.environ.get("CXX"), "c++", "g++", "clang++", "cl")):
        if shutil.which(name):
            return Check("C++ compiler", "ok", f"{name}: torch.compile can be used")
    return Check("C++ compiler", "note", "none, so torch.compile is not used: the same results, some of them later")


def check_speed() -> Check:
    """How long a course second takes here: run times are promised in course seconds."""
    try:
        seconds = importlib.import_module("tools.course_second").factor(0.05)
    except Exception as error:  # check_torch has already said what is missing
        return Check("speed", "note", f"unknown: {type(error).__name__}")
    text = f"this machine takes {seconds:.1f} times the run times that the course promises"
    if seconds > 4:
        return Check("speed", "note", text, "close other programs, or have patience: nothing fails because of it")
    return Check("speed", "ok", text)


def check_loopback() -> Check:
    """Jupyter talks to its kernels over 127.0.0.1."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname(), timeout=5):
                pass
    except OSError as error:
        return Check(
            "loopback",
            "PROBLEM",
            f"no port on 127.0.0.1 can be opened ({error})",
            "allow Python local connections in your firewall or sandbox",
        )
    return Check("loopback", "ok", "a port on 127.0.0.1 can be opened")


def examine() -> list:
    """All checks, in the order in which a problem explains the next ones."""
    root = course_root()
    required = requirements(root)
    chapters = root / "chapters"
    return [
        check_python(),
        check_environment(),
        check_installed(root),
        *(check_package(name, bound) for name, bound, extra in required if extra != TEST_ONLY),
        check_test_packages([(name, bound) for name, bound, extra in required if extra == TEST_ONLY]),
        check_torch(),
        check_kernel(),
        check_widgets(),
        check_threads(),
        check_memory(root),
        check_disk(root),
        check_writable("chapters", chapters if chapters.is_dir() else root),
        check_writable("temporary files", Path(tempfile.gettempdir()), advice="set TMPDIR to a folder of your own"),
        check_matplotlib_cache(),
        check_compiler(),
        check_speed(),
        check_loopback(),
    ]


def main() -> int:
    checks = examine()
    for check in checks:
        print(check)
    problems = sum(check.status == "PROBLEM" for check in checks)
    print()
    if problems:
        print(f"{problems} PROBLEM{'S' if problems > 1 else ''}: mend the first one first, it may explain the others.")
    else:
        print("Nothing is wrong: `make lab` opens the course.")
    return 1 if problems else 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):  # a Windows console may not know every letter
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
