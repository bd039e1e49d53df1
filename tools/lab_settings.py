"""Set up JupyterLab and its kernels for a learner, inside the environment that was made for the course.

`python -m tools.desk`, and so `make lab`, does it each time it lays the desk.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tools.course import ROOT

TEACHERS = ("formgrader", "validate_assignment", "assignment_list", "course_list")
PAGE = ROOT / "tools" / "page"
"""the folder of nbconvert's template `metarl`"""
FILES = {
    # JupyterLab asks about news and updates over the network unless told not to.
    "share/jupyter/lab/settings/overrides.json": {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        # Long lines of code are wrapped on a small screen; what is right of the edge is not seen otherwise.
        "@jupyterlab/notebook-extension:tracker": {"codeCellConfig": {"lineNumbers": False, "lineWrap": True}},
        # The desk's first page is shown as a page, with links that can be followed, and not as its source.
        "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
        # A notebook that is opened again the next day shows its explorers and bars as they were last, with a sign that
        # they are cut off from the kernel; without it, "Error displaying widget: model not found".
        "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
    },
    # `make test` brings nbgrader, and with it a teacher's menu.
    "etc/jupyter/labconfig/page_config.json": {"disabledExtensions": {"@jupyter/nbgrader": True}},
    # Read after nbgrader.json, which says the contrary.
    "etc/jupyter/jupyter_server_config.d/zz_metarl.json": {
        "ServerApp": {"jpserver_extensions": {f"nbgrader.server_extensions.{name}": False for name in TEACHERS}}
    },
    # Kernels talk to the server encrypted where they can; or each of them begins with an alarm about it.
    "etc/jupyter/jupyter_server_config.json": {"MappingKernelManager": {"transport_encryption": "auto"}},
    # A page that is made of a notebook ("Save and Export As > HTML") has alternative texts and animations.
    "etc/jupyter/jupyter_nbconvert_config.json": {
        "HTMLExporter": {"template_name": "metarl"},
        "NbConvertBase": {
            "display_data_priority": [
                *("application/vnd.jupyter.widget-view+json", "application/javascript", "text/html", "text/markdown"),
                *("image/svg+xml", "text/latex", "image/png", "image/jpeg", "image/gif", "text/plain"),
            ]
        },
    },
    # So that also the first cell after a restart, whichever it is, says which cell to run before it.
    "etc/ipython/ipython_kernel_config.json": {"InteractiveShellApp": {"extensions": ["metarl_core.session"]}},
}


def made_for_the_course(prefix: Path) -> bool:
    """Whether an environment is the course's own: .venv in its folder, or one called metarl, as in environment.yml."""
    return prefix.resolve().is_relative_to(ROOT.resolve()) or prefix.name == "metarl"


def write(prefix: Path) -> None:
    """Write the settings below `prefix`, where they are others; those of other names are left alone."""
    texts = {name: json.dumps(content, indent=1) + "\n" for name, content in FILES.items()}
    for part in sorted((PAGE / "metarl").iterdir()):
        texts[f"share/jupyter/nbconvert/templates/metarl/{part.name}"] = part.read_text(encoding="utf-8")
    for name, text in texts.items():
        path = prefix / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_text(text, encoding="utf-8")
            os.replace(draft, path)
