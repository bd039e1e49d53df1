"""The doctor names each thing that can be wrong with an installation, and speaks where nothing is installed."""

import errno
import importlib
import importlib.metadata
import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from tools import doctor

ROOT = Path(__file__).resolve().parent.parent


def pretend_versions(monkeypatch, **versions):
    """These packages are installed in these versions and no other."""

    def version(name):
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(doctor.metadata, "version", version)


def without(monkeypatch, *missing):
    """Importing these modules fails."""
    real = importlib.import_module

    def import_module(name):
        if name.split(".")[0] in missing:
            raise ImportError(f"No module named {name!r}")
        return real(name)

    monkeypatch.setattr(doctor.importlib, "import_module", import_module)


def test_it_runs_and_its_exit_code_says_what_it_printed():
    run = subprocess.run([sys.executable, "-m", "tools.doctor"], cwd=ROOT, capture_output=True, text=True)
    assert run.stderr == ""
    lines = run.stdout.strip().splitlines()
    assert {line.split()[0] for line in lines[:-2]} <= {"ok", "note", "PROBLEM"}
    assert run.returncode == any(line.startswith("PROBLEM") for line in lines[:-2])


def test_it_speaks_where_no_package_is_installed(tmp_path):
    """-S hides every installed package, -I the environment: what is left is Python alone."""
    command = [sys.executable, "-I", "-S", str(ROOT / "tools" / "doctor.py")]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, "")
    assert "PROBLEM  torch: is missing -> " in run.stdout
    assert "PROBLEM  torch works: ModuleNotFoundError" in run.stdout


def test_every_problem_comes_with_advice():
    for check in doctor.examine():
        assert check.status in {"ok", "note", "PROBLEM"}
        assert check.advice or check.status != "PROBLEM", check
        assert "\n" not in str(check)


def test_exit_code(monkeypatch, capsys):
    ok, bad = doctor.Check("sky", "ok", "blue"), doctor.Check("sky", "PROBLEM", "falls", "run")
    monkeypatch.setattr(doctor, "examine", lambda: [ok])
    assert doctor.main() == 0
    monkeypatch.setattr(doctor, "examine", lambda: [ok, bad])
    assert doctor.main() == 1
    assert "PROBLEM  sky: falls -> run" in capsys.readouterr().out


@pytest.mark.parametrize(("version", "status"), [((3, 10, 9), "PROBLEM"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok")])
def test_python(monkeypatch, version, status):
    monkeypatch.setattr(sys, "version_info", version)
    assert doctor.check_python().status == status


def test_the_machines_own_python_is_noted(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    assert doctor.check_environment().status == "note"
    (tmp_path / "conda-meta").mkdir()
    assert doctor.check_environment().status == "ok"
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    assert doctor.check_environment().status == "ok"


def test_installed_from_here_from_elsewhere_or_not(monkeypatch, tmp_path):
    def pretend(*origins):
        texts = [None if folder is None else json.dumps({"url": folder.as_uri()}) for folder in origins]
        found = [types.SimpleNamespace(version="1", read_text=lambda name, text=text: text) for text in texts]
        monkeypatch.setattr(doctor.metadata, "distributions", lambda name: found)
        return doctor.check_installed(tmp_path)

    assert pretend().status == "PROBLEM"
    assert pretend(None).status == "PROBLEM"  # an egg-info alone
    assert pretend(None, tmp_path).status == "ok"
    elsewhere = pretend(tmp_path / "old copy")
    assert elsewhere.status == "PROBLEM" and "old copy" in elsewhere.text


@pytest.mark.parametrize(
    ("version", "bound", "is_older"),
    [
        ("2.13.0+cpu", "2.6", False),
        ("2.5.1", "2.6", True),
        ("2.6", "2.6.0", False),
        ("10.0", "9.1", False),
        ("2.6.0rc1", "2.6", False),
    ],
)
def test_older(version, bound, is_older):
    assert doctor.older(version, bound) == is_older


def test_missing_and_old_packages(monkeypatch):
    pretend_versions(monkeypatch, numpy="1.20.3", scipy="1.17.1")
    assert doctor.check_package("torch", "2.6").text == "is missing"
    assert doctor.check_package("numpy", "1.26").text == "1.20.3 is older than 1.26"
    assert doctor.check_package("scipy", "1.11").status == "ok"
    note = doctor.check_test_packages([("pytest", "8"), ("scipy", "1.11")])
    assert (note.status, note.text) == ("note", "pytest is missing")
    assert doctor.check_test_packages([("scipy", "1.11")]).status == "ok"


def test_requirements_come_from_metadata_or_else_from_pyproject(monkeypatch):
    lines = ["torch>=2.6", 'jupyterlab>=4.2; extra == "notebooks"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: lines)
    assert doctor.requirements(ROOT) == [("torch", "2.6", ""), ("jupyterlab", "4.2", "notebooks")]

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", missing)
    found = {name: extra for name, _, extra in doctor.requirements(ROOT)}
    assert (found["torch"], found["jupyterlab"], found["pytest"]) == ("", "notebooks", "test")
    assert doctor.requirements(ROOT / "nowhere") == []


def test_torch_that_does_not_load_or_miscalculates(monkeypatch):
    def broken(name):
        raise OSError("libtorch.so: cannot open shared object file\nand more")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    assert doctor.check_torch().text == "OSError: libtorch.so: cannot open shared object file"

    wrong = types.SimpleNamespace(func=types.SimpleNamespace(grad=lambda f: lambda x: 5.0), tensor=float)
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: wrong)
    assert doctor.check_torch().status == "PROBLEM"


def pretend_kernel(monkeypatch, argv):
    class NoSuchKernel(KeyError):
        pass

    class Manager:
        def get_kernel_spec(self, name):
            if argv is None:
                raise NoSuchKernel(name)
            return types.SimpleNamespace(argv=argv, resource_dir="/kernels/python3")

    module = types.SimpleNamespace(KernelSpecManager=Manager, NoSuchKernel=NoSuchKernel)
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: module)


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["python"], "ok"),
        (["python3"], "ok"),
        ([sys.executable], "ok"),
        ([str(Path(sys.executable).parent / "another_name")], "ok"),
        (["/some/other/bin/python"], "PROBLEM"),
        (None, "PROBLEM"),
    ],
)
def test_kernel(monkeypatch, argv, status):
    pretend_kernel(monkeypatch, argv)
    assert doctor.check_kernel().status == status


def test_kernel_of_a_sibling_environment_is_not_ours(monkeypatch, tmp_path):
    """Both interpreters are links to one file, as in every virtual environment."""
    other = tmp_path / "bin" / "python"
    other.parent.mkdir()
    other.symlink_to(Path(sys.executable).resolve())
    pretend_kernel(monkeypatch, [str(other)])
    assert doctor.check_kernel().status == "PROBLEM"


def test_no_jupyter_at_all(monkeypatch):
    without(monkeypatch, "jupyter_client")
    assert doctor.check_kernel().status == "PROBLEM"


@pytest.mark.parametrize(
    ("versions", "status"),
    [
        ({"ipywidgets": "8.1.9", "jupyterlab_widgets": "3.0.17"}, "ok"),
        ({"ipywidgets": "7.8.1", "jupyterlab_widgets": "1.1.7"}, "ok"),
        ({"ipywidgets": "8.1.9", "jupyterlab_widgets": "1.1.7"}, "PROBLEM"),
        ({"ipywidgets": "7.8.1", "jupyterlab_widgets": "3.0.17"}, "PROBLEM"),
        ({"ipywidgets": "8.1.9"}, "PROBLEM"),
    ],
)
def test_widgets(monkeypatch, versions, status):
    pretend_versions(monkeypatch, **versions)
    assert doctor.check_widgets().status == status


def test_threads(monkeypatch):
    for threads, status in ((1, "ok"), (8, "note")):
        torch = types.SimpleNamespace(get_num_threads=lambda threads=threads: threads)
        monkeypatch.setattr(doctor.importlib, "import_module", lambda name, torch=torch: torch)
        assert doctor.check_threads().status == status
    assert doctor.cores() >= 1
    without(monkeypatch, "torch")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert doctor.check_threads().status == "note"


def test_little_memory(monkeypatch, tmp_path):
    (tmp_path / "course.toml").write_text("[[chapter]]\nmegabytes = 900\n[chapter.exercises]\nmegabytes = 1200\n")
    assert doctor.promised_megabytes(tmp_path) == 1200
    for free, status in ((1199, "PROBLEM"), (1200, "ok"), (None, "note")):
        monkeypatch.setattr(doctor, "free_megabytes", lambda free=free: free)
        assert doctor.check_memory(tmp_path).status == status
    assert doctor.promised_megabytes(tmp_path / "nowhere") is None
    monkeypatch.setattr(doctor, "free_megabytes", lambda: 10)
    assert doctor.check_memory(tmp_path / "nowhere").status == "ok"  # nothing is promised


def test_free_memory_with_and_without_psutil(monkeypatch):
    pytest.importorskip("psutil")
    with_psutil = doctor.free_megabytes()
    without(monkeypatch, "psutil")
    alone = doctor.free_megabytes()
    assert with_psutil > 0
    if sys.platform == "linux":
        assert alone == pytest.approx(with_psutil, rel=0.5)


@pytest.mark.parametrize(("megabytes", "status"), [(100, "PROBLEM"), (500, "note"), (5000, "ok")])
def test_disk(monkeypatch, tmp_path, megabytes, status):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=megabytes * 2**20))
    assert doctor.check_disk(tmp_path).status == status


def test_read_only_folder(monkeypatch, tmp_path):
    assert doctor.check_writable("chapters", tmp_path).status == "ok"
    assert list(tmp_path.iterdir()) == []
    assert doctor.check_writable("chapters", tmp_path / "missing").status == "PROBLEM"

    def refuse(dir):  # permission bits do not stop root, so the refusal is pretended
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    problem = doctor.check_writable("chapters", tmp_path)
    assert problem.status == "PROBLEM" and "Read-only file system" in problem.text
    assert doctor.check_matplotlib_cache().status == "note"


def test_compiler(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert doctor.check_compiler().status == "note"
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name if name == "clang++" else None)
    assert doctor.check_compiler().status == "ok"


def test_loopback(monkeypatch):
    assert doctor.check_loopback().status == "ok"

    def refuse(address):
        raise PermissionError("not permitted")

    monkeypatch.setattr(doctor.socket, "create_server", refuse)
    assert doctor.check_loopback().status == "PROBLEM"
