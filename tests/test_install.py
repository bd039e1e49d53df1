"""What a fresh installation must give, as far as it can be seen in a moment."""

import subprocess
import sys
import threading
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from jupytext.config import load_jupytext_config

from tools.install import SignOfLife, said

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def installed_by_make():
    return any(distribution.read_text("direct_url.json") for distribution in metadata.distributions(name="metarl_core"))


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, metarl_core; print(*{'torch', 'matplotlib', 'scipy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.skipif(not installed_by_make(), reason="metarl_core is not installed in this environment")
def test_notebooks_import_the_package_from_any_folder(tmp_path):
    code = "import metarl_core; print(metarl_core.__file__)"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(run.stdout.strip()) == ROOT / "metarl_core" / "__init__.py"


def test_every_folder_with_modules_is_a_package():
    """setuptools leaves out a folder without __init__.py, and an editable install would hide that."""
    folders = {path.parent for path in (ROOT / "metarl_core").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_package_data_of_every_kind_is_shipped():
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["*"]
    for path in (ROOT / "metarl_core").rglob("*"):
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            assert any(path.match(pattern) for pattern in patterns), f"{path} would not be installed"


def test_generated_exercises_are_not_paired():
    """With the course-wide pairing, Lab would write a .py beside each exercise and later refuse to open the pair."""
    for folder, formats in (("exercises", "ipynb"), ("chapters", "ipynb,py:percent")):
        notebook = str(ROOT / folder / "01_x.ipynb")
        assert load_jupytext_config(notebook).default_formats(notebook) == formats


def test_installing_says_what_it_is_at():
    pip = """Obtaining file:///a/course
  Installing build dependencies: started
  Installing build dependencies: finished with status 'done'
Collecting torch==2.13.0 (from -c constraints.txt (line 3))
  Downloading torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl (190.1 MB)
Collecting numpy
  Using cached numpy-2.4.0-cp311.whl.metadata (62 kB)
Installing collected packages: torch, numpy
Successfully installed numpy-2.4.0
"""
    assert list(said(pip.splitlines())) == [
        "preparing the course's package",
        "1 packages: looking up torch",
        "1 packages: downloading torch, 190.1 MB",
        "2 packages: looking up numpy",
        "2 packages: unpacking all of them, which takes about as long as all before",
    ]


def test_a_failing_installation_fails_and_says_why():
    command = [sys.executable, "-m", "tools.install", "--no-index", "there-is-no-such-package"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode != 0 and "there-is-no-such-package" in run.stderr and "`make lab` again" in run.stderr


def test_silence_is_broken_by_a_sign_of_life_and_only_silence():
    told, enough = [], threading.Event()

    def tell(seconds):
        told.append(seconds)
        if len(told) == 2:
            enough.set()

    with SignOfLife(tell, silence=0.05):
        assert enough.wait(60)
    assert told == sorted(told) and told[0] >= 0.05
    many = len(told)
    with SignOfLife(tell, silence=1000.0):
        pass  # closing does not wait for the silence to end
    assert len(told) == many
