"""Bring chapters/ and solutions/ up to date: pair every .py with its .ipynb, execute what is stale, report the cost.

    python -m tools.notebooks                 all notebooks that changed, or whose package or tables did
    python -m tools.notebooks 05 solutions/06 only those whose path contains one of the words
    python -m tools.notebooks --force 05      even if not stale
    python -m tools.notebooks --check         only say which are stale
    python -m tools.notebooks --measure       execute all and report seconds and megabytes; write nothing

Two notebooks run at a time (one for --measure), each on one thread, in its own folder, with the network closed
(tests/ipython). The figure of a cell tagged `picture-NAME` is also written to images/NAME.png beside the notebook, for
README to show.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import html
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm.auto import tqdm

from tools.course import ROOT
from tools.measure import PeakMemory, processor_seconds
from tools.pairs import LANGUAGE, digest, mark_executed, pair, promise, sources, stale, write_pair

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "IPYTHONDIR": str(ROOT / "tests" / "ipython"),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "METARL_CLAIMS": "strict",
    "METARL_EDITION": "book",
}
PATIENCE = 600
"""seconds that the outputs of a cell may lag behind its end: on a busy machine nbclient's own 4 lost some, silently"""
VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"


def execute(notebook: NotebookNode, folder: Path) -> tuple[float, float]:
    """Run all cells in a fresh kernel, outputs into `notebook`; (seconds, megabytes) from kernel start to last cell.

    Seconds are those in which the processor worked for the kernel: on one thread the seconds that one waits where
    nothing else runs, and on a busy machine still about the same.

    Raises CellExecutionError; the number of the failing cell is then its attribute `cell_number`, from 1.
    """
    os.environ.update(ENVIRONMENT)
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", record_timing=False, coalesce_streams=True,
        iopub_timeout=PATIENCE, raise_on_iopub_timeout=True, resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    notebook.metadata.pop("widgets", None)
    with client.setup_kernel():
        kernel = client.km.provisioner.process.pid
        peak = PeakMemory(kernel)
        with contextlib.closing(peak):
            for number, cell in enumerate(notebook.cells):
                try:
                    client.execute_cell(cell, number)
                except (CellExecutionError, DeadKernelError) as error:
                    error.cell_number = number + 1
                    raise
            seconds, megabytes = processor_seconds(kernel), peak.megabytes()
        client.set_widgets_metadata()
    tidy(notebook)
    return seconds, megabytes


def tidy(notebook: NotebookNode) -> None:
    """Take out what differs from run to run, and note what the outputs came from."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/plain" in data:
                data["text/plain"] = re.sub(r" at 0x[0-9a-fA-F]{6,}", "", data["text/plain"])
    notebook.metadata["language_info"] = NotebookNode(LANGUAGE)
    _rename_widgets(notebook)
    _settle_bars(notebook)
    mark_executed(notebook)


def _rename_widgets(notebook: NotebookNode) -> None:
    """Widgets have random ids: number them in the order in which the notebook leads to them."""
    state = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    if not state:
        return
    order: list[str] = []

    def visit(text: str) -> None:
        for name in re.findall(r"[0-9a-f]{32}", text):
            if name in state and name not in order:
                order.append(name)
                visit(json.dumps(state[name]["state"]))

    for cell in notebook.cells:
        visit(json.dumps([o.get("data", {}).get(VIEW, {}) for o in cell.get("outputs", [])]))
    rest = [name for name in state if name not in order]  # links, for instance, that refer to others
    order += sorted(rest, key=lambda name: re.sub(r"[0-9a-f]{32}", "", json.dumps(state[name], sort_keys=True)))
    names = {was: hashlib.sha256(f"{digest(notebook)}{n}".encode()).hexdigest()[:32] for n, was in enumerate(order)}

    def renamed(part):
        text = re.sub(r"[0-9a-f]{32}", lambda match: names.get(match[0], match[0]), json.dumps(part))
        return json.loads(text, object_hook=NotebookNode)

    notebook.metadata.widgets[STATE]["state"] = NotebookNode({names[n]: renamed(state[n]) for n in order})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if VIEW in output.get("data", {}):
                output["data"][VIEW] = renamed(output["data"][VIEW])


# tqdm's `[00:12<00:00, 91.2it/s, loss=0.3]`, also as HTML; what follows the rate is the author's and stays.
CLOCK = re.compile(r"\s*\[\d[\d:]*(?:<|&lt;)[^,\]]*,\s*[^,\]]*(?:,\s*(?P<rest>[^\]]*))?\]")


def _without_clock(text: str) -> str:
    return CLOCK.sub(lambda match: f" [{match['rest']}]" if match["rest"] else "", text)


def _settle_bars(notebook: NotebookNode) -> None:
    """Progress bars lose their clocks, and their text for readers without widgets (GitHub) is that of their end."""
    state = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    boxes = {}
    for name, model in state.items():
        children = [state.get(c.removeprefix("IPY_MODEL_"), {}) for c in model["state"].get("children", [])]
        if [c.get("model_name") for c in children] == ["HTMLModel", "FloatProgressModel", "HTMLModel"]:
            before, bar, after = (child["state"] for child in children)
            after["value"] = _without_clock(after["value"])
            done = round(10 * bar["value"] / bar["max"]) if bar.get("max") else 0
            boxes[name] = html.unescape(f"{before['value']}|{'█' * done:<10}|{after['value']}").strip()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output["text"] = _without_clock(output["text"])
            elif output.get("data", {}).get(VIEW, {}).get("model_id") in boxes:
                output["data"]["text/plain"] = boxes[output["data"][VIEW]["model_id"]]


def pictures(notebook: NotebookNode) -> dict[str, bytes]:
    """The PNG of each cell tagged `picture-NAME`, by NAME; it is the cell's only figure."""
    found = {}
    for number, cell in enumerate(notebook.cells, 1):
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("picture-"):
                images = [o.data["image/png"] for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
                if len(images) != 1:
                    raise ValueError(f"cell {number}, tagged {tag}, must show one figure, and shows {len(images)}")
                found[tag.removeprefix("picture-")] = base64.b64decode(images[0])
    return found


def write_pictures(notebook: NotebookNode, folder: Path) -> None:
    """Write `pictures` to images/ in `folder`, where their bytes differ from what is there."""
    for name, picture in pictures(notebook).items():
        path = folder / "images" / f"{name}.png"
        if not path.exists() or path.read_bytes() != picture:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of paths, such as 05 or solutions/06; all without")
    parser.add_argument("--force", action="store_true", help="execute even what is not stale")
    parser.add_argument("--check", action="store_true", help="only say which are stale; write nothing")
    parser.add_argument("--measure", action="store_true", help="execute and report only; write nothing")
    options = parser.parse_args(arguments)
    try:
        chosen = sources(*options.names)
    except ValueError as error:
        parser.error(str(error))
    if not chosen:
        print("There is no notebook in chapters/ or solutions/ yet.")
    waiting, failed = [], False
    for py in chosen:
        notebook = pair(py)
        why = "asked for" if options.force or options.measure else stale(notebook)
        if options.check:
            print(f"{_name(py)}: {why or 'up to date'}")
            failed |= why is not None
        elif why is None:
            write_pictures(notebook, py.parent)
            print(f"{_name(py)}: " + ("paired" if write_pair(py, notebook) else "up to date"))
        else:
            waiting.append((py, notebook))
            print(f"{_name(py)}: to be executed ({why})")
    if waiting:
        with ThreadPoolExecutor(1 if options.measure else 2) as pool:
            jobs = [pool.submit(_execute_and_write, py, notebook, options.measure) for py, notebook in waiting]
            for job in tqdm(as_completed(jobs), total=len(jobs), desc="notebooks"):
                said, well = job.result()
                failed |= not well
                tqdm.write(said, file=sys.stdout if well else sys.stderr)
    return int(failed)


def _name(py: Path) -> str:
    return py.relative_to(ROOT).with_suffix("").as_posix()


def _execute_and_write(py: Path, notebook: NotebookNode, measure: bool) -> tuple[str, bool]:
    """What there is to say about the execution of a notebook, and whether it went well."""
    name, cell = _name(py), ""
    try:
        promised = promise(py)
        seconds, megabytes = execute(notebook, py.parent)
        if not measure:
            write_pair(py, notebook)
            write_pictures(notebook, py.parent)
    except (CellExecutionError, DeadKernelError, ValueError) as error:
        if hasattr(error, "cell_number"):
            cell = f", cell {error.cell_number}"
        what = str(error)
        if isinstance(error, CellExecutionError):
            what = f"{error.ename}: {error.evalue}\n{error.traceback}"
        return f"{name}.ipynb{cell}: {what}", False
    within = promised is None or (seconds <= promised[0] and megabytes <= promised[1])
    words = f", promised are {promised[0]} s and {promised[1]} MB" if promised else ""
    return f"{name}: {seconds:.1f} s and {megabytes:.0f} MB{words}" + ("" if within else ": OVER BUDGET"), True


if __name__ == "__main__":
    sys.exit(main())
