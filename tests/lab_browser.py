"""See a notebook as a learner sees it: a real JupyterLab, driven by a real browser.

    python tests/lab_browser.py NOTEBOOK --shots DIR      run all cells, photograph them, move every slider

The notebook runs in a copy of its folder, so nothing in the tree is saved over. The browser is Chromium: the one that
METARL_CHROMIUM names, or /usr/bin/chromium, or chromium / google-chrome on the PATH.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Error, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tools import lab_settings  # noqa: E402  (this file also runs as a script)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook"
FIGURE = "img.widget-image"  # an explorer's picture, an ipywidgets Image

SCROLL_ON = """selector => {
    const panel = document.querySelector(selector), before = panel.scrollTop;
    panel.scrollBy(0, panel.clientHeight * 0.85);
    const seen = panel.getBoundingClientRect();
    const cells = Array.from(panel.querySelectorAll('.jp-Cell')).map(cell => cell.getBoundingClientRect());
    return panel.scrollTop > before + 1 && cells.some(cell => cell.bottom > seen.top + 5 && cell.top < seen.bottom);
}"""
PIXELS = """async sources => {
    const parts = [];
    for (const source of sources) {
        const bytes = await (await fetch(source)).arrayBuffer();
        parts.push(Array.from(new Uint8Array(bytes)).join());
    }
    return parts.join('|');
}"""


def find_chromium() -> str | None:
    """A browser to drive, or None."""
    named = os.environ.get("METARL_CHROMIUM")
    for candidate in [named] if named else ["/usr/bin/chromium", "chromium", "google-chrome", "google-chrome-stable"]:
        if found := shutil.which(candidate):
            return found
    return None


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Lab:
    """An open notebook. `page` is Playwright's; `outside`: requests that left this machine; `errors`: the console's."""

    page: Page
    log: Path
    """what the server says in the terminal"""
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def prompts(self) -> list[str]:
        js = "all => all.map(e => e.innerText.trim())"
        return self.page.eval_on_selector_all(f"{NOTEBOOK} .jp-CodeCell .jp-InputPrompt", js)

    def _status(self) -> str:
        return self.page.get_attribute(".jp-Notebook-ExecutionIndicator", "data-status") or ""

    def run_all(self, timeout: float = 3600) -> float:
        """Run all cells and wait; the seconds it took. TimeoutError if they do not end, RuntimeError if one fails."""
        start = time.monotonic()
        dialog = self.page.locator(".jp-Dialog")
        if dialog.count():  # a notebook without a kernel's name, for instance
            raise RuntimeError("JupyterLab asks before it runs anything:\n" + dialog.first.inner_text())
        said = ""
        for _ in range(8):  # an early click is lost now and then: the kernel's connection is not finished
            with contextlib.suppress(Error):
                self.page.get_by_role("menuitem", name="Run", exact=True).click()
                self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            if wait(lambda: any(p not in ("[ ]:", "") for p in self.prompts()), 6):
                break
            if dialog.count():  # on a starved machine it tells of a kernel that was slow to start
                said = " It said:\n" + dialog.first.inner_text()
                self.page.keyboard.press("Escape")
        else:
            raise TimeoutError("JupyterLab did not run the cells." + said)
        quiet = 0.0
        while quiet < 1.0:  # busy flickers to idle between cells
            if time.monotonic() - start > timeout:
                raise TimeoutError(f"the cells still run after {timeout:g} s: {self.prompts()}")
            idle = self._status() == "idle" and not any("*" in p for p in self.prompts())
            quiet = quiet + 0.2 if idle else 0.0
            time.sleep(0.2)
        seconds = time.monotonic() - start
        for number, cell in enumerate(self.content()["cells"], 1):
            for output in cell.get("outputs", []):
                if output["output_type"] == "error":
                    raise RuntimeError(f"cell {number} raised {output['ename']}: {output['evalue']}")
        return seconds

    def content(self) -> dict:
        """The notebook as JupyterLab holds it now, also the cells that are off the screen."""
        return self.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.toJSON()")

    def scroll(self) -> Iterator[int]:
        """Go through the notebook a screen at a time; cells far off the screen do not exist in the page."""
        self.page.evaluate("s => document.querySelector(s).scrollTo(0, 0)", self._scroller())
        for number in range(1, 200):
            time.sleep(0.4)
            yield number
            if not self.page.evaluate(SCROLL_ON, self._scroller()):
                return

    def _scroller(self) -> str:
        windowed = f"{NOTEBOOK} .jp-WindowedPanel-outer"
        outer = f"{NOTEBOOK}.jp-WindowedPanel-outer"
        return next((s for s in (outer, windowed) if self.page.locator(s).count()), NOTEBOOK)

    def find(self, selector: str, seconds: float = 900) -> Locator:
        """Scroll until something matches; the locator of all matches on that screen. LookupError if nothing does.

        Where a machine is slow a widget comes later than its cell: the notebook is gone through again until `seconds`
        are over.
        """
        end = time.monotonic() + seconds
        while True:
            for _ in self.scroll():
                if self.page.locator(selector).count():
                    return self.page.locator(selector)
            if time.monotonic() > end:
                raise LookupError(f"nothing in the notebook matches {selector!r}")

    def figure(self, near: Locator) -> Callable[[], str]:
        """A function that gives a fingerprint of the explorer's figure: the widget images in the output of `near`."""
        images = f"Array.from(area.querySelectorAll({FIGURE!r})).map(image => image.src)"

        def look() -> str:
            for attempt in range(5):
                sources = near.evaluate(f"e => {{ const area = e.closest('.jp-OutputArea'); return {images} }}")
                try:
                    return hashlib.sha1(self.page.evaluate(PIXELS, sources).encode()).hexdigest()
                except Error:  # the picture was replaced between the two calls
                    if attempt == 4:
                        raise

        return look

    def move_by_keys(self, handle: Locator, presses: int = 3, seconds: float = 180) -> bool:
        """Press arrow keys on a slider's handle, right and, at its end, left; whether the figure changed."""
        look = self.figure(handle)
        before = look()
        handle.scroll_into_view_if_needed()
        for key in ("ArrowRight", "ArrowLeft"):
            handle.focus()
            for _ in range(presses):
                self.page.keyboard.press(key)
            if wait(lambda: look() != before, seconds if key == "ArrowRight" else seconds / 3):
                return self._settle(look)
        return False

    def move_by_mouse(self, handle: Locator, seconds: float = 180) -> bool:
        """Drag a slider's handle a quarter of its track towards the farther end; whether the figure changed."""
        look = self.figure(handle)
        before = look()
        handle.scroll_into_view_if_needed()
        grip = handle.bounding_box()
        js = (
            "e => { const b = e.closest('.noUi-target').getBoundingClientRect(); return [b.x, b.y, b.width, b.height] }"
        )
        track = handle.evaluate(js)
        x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
        upright = track[3] > track[2]
        place, length = ((y - track[1]), track[3]) if upright else ((x - track[0]), track[2])
        step = length / 4 * (1 if place < length / 2 else -1)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + (0 if upright else step), y + (step if upright else 0), steps=6)
        self.page.mouse.up()
        return wait(lambda: look() != before, seconds) and self._settle(look)

    def _settle(self, look: Callable[[], str]) -> bool:
        for _ in range(20):
            was = look()
            time.sleep(0.4)
            if look() == was:
                break
        return True


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def replaced(message) -> bool:
    """Whether a console message is about a picture that a widget had replaced before the browser loaded it.

    ipywidgets' Image withdraws the blob address of the old picture with each new one; in a fast drag that
    comes before the old one was shown. The learner sees the new picture.
    """
    return message.location.get("url", "").startswith("blob:") and "ERR_FILE_NOT_FOUND" in message.text


@contextlib.contextmanager
def lab(notebook: Path, chromium: str | None = None, size: tuple[int, int] = (1280, 900)) -> Iterator[Lab]:
    """Open the notebook in JupyterLab and yield it, idle and not yet run. Server and browser end with the block."""
    chromium = chromium or find_chromium()
    if chromium is None:
        raise FileNotFoundError("there is no Chromium on this machine; METARL_CHROMIUM can name one")
    with tempfile.TemporaryDirectory(prefix="metarl-lab-", ignore_cleanup_errors=True) as folder:
        root = _copy(Path(notebook).resolve(), Path(folder, "course"))
        with _server(root, Path(folder)) as (base, token), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            opened = Lab(page, Path(folder, "server.log"))
            local = (base, base.replace("http", "ws", 1), "data:", "blob:", "about:")
            page.on("request", lambda r: None if r.url.startswith(local) else opened.outside.append(r.url))
            page.on(
                "console", lambda m: opened.errors.append(m.text) if m.type == "error" and not replaced(m) else None
            )
            page.on("pageerror", lambda e: opened.errors.append(str(e)))
            page.goto(f"{base}/lab/tree/{root.name}/{Path(notebook).name}?token={token}&reset")
            page.wait_for_selector(f"{NOTEBOOK} .jp-Cell", timeout=600_000)
            page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=600_000)
            page.wait_for_timeout(1500)
            try:
                yield opened
            finally:
                browser.close()


def _copy(notebook: Path, course: Path) -> Path:
    """A folder with the notebook, with the rest of the course beside it as links; the notebook's folder."""
    mine = course / notebook.parent.name
    mine.mkdir(parents=True)
    shutil.copy(notebook, mine)
    for source, target in ((notebook.parent, mine), (notebook.parents[1], course)):
        if (notebook.parents[1] / "course.toml").exists():
            for entry in source.iterdir():
                # Without pyproject.toml there is no pairing here; .git and .venv are nobody's business.
                if not entry.name.startswith(".") and entry.name not in ("pyproject.toml", notebook.name, mine.name):
                    (target / entry.name).symlink_to(entry)
    return mine


@contextlib.contextmanager
def _server(root: Path, scratch: Path) -> Iterator[tuple[str, str]]:
    port = free_port()
    token = secrets.token_hex(16)
    settings = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
        "docmanager-extension/plugin": {"autosave": False},
    }
    for name, values in settings.items():
        path = scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    lab_settings.write(scratch)
    profile = scratch / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    shutil.copy(scratch / "etc" / "ipython" / "ipython_kernel_config.json", profile)
    environment = dict(
        os.environ, JUPYTER_CONFIG_PATH=str(scratch / "etc" / "jupyter"),
        JUPYTERLAB_WORKSPACES_DIR=str(scratch / "workspaces"), JUPYTERLAB_SETTINGS_DIR=str(scratch / "settings"),
        JUPYTER_CONFIG_DIR=str(scratch / "config"), JUPYTER_RUNTIME_DIR=str(scratch / "runtime"),
        IPYTHONDIR=str(scratch / "ipython"), JUPYTER_PREFER_ENV_PATH="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1",
        PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    )  # fmt: skip
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--port-retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root.parent}",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.app_settings_dir={scratch / 'share' / 'jupyter' / 'lab' / 'settings'}",
    ]  # fmt: skip
    log = scratch / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        base = f"http://127.0.0.1:{port}"
        try:
            wait(lambda: server.poll() is not None or _answers(f"{base}/api?token={token}"), 60)
            if server.poll() is not None or not _answers(f"{base}/api?token={token}"):
                raise RuntimeError("JupyterLab did not start:\n" + log.read_text()[-2000:])
            yield base, token
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a notebook in JupyterLab, photograph it, and move every slider.")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--shots", type=Path, help="folder for screenshots (PNG)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds that the cells may run")
    parser.add_argument("--size", default="1280x900", help="of the window")
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)

    def shoot(name: str) -> None:
        if options.shots:
            opened.page.screenshot(path=str(options.shots / f"{name}.png"))

    good = True
    width, height = map(int, options.size.split("x"))
    with lab(options.notebook, size=(width, height)) as opened:
        try:
            print(f"all cells ran in {opened.run_all(options.timeout):.1f} s")
        except (RuntimeError, TimeoutError) as error:
            print(error)
            good = False
        moved: set[str] = set()
        for screen in opened.scroll():
            shoot(f"screen{screen:02d}")
            for index in range(opened.page.locator(f"{NOTEBOOK} .noUi-handle").count()):
                handle = opened.page.locator(f"{NOTEBOOK} .noUi-handle").nth(index)
                box = handle.bounding_box()
                label = handle.evaluate(
                    "e => { const w = e.closest('.jupyter-widgets'), a = e.closest('.jp-OutputArea');"
                    " const cell = a.closest('.jp-Cell').querySelector('.jp-InputPrompt').innerText.trim();"
                    " const all = Array.from(a.querySelectorAll('.noUi-handle'));"
                    " const words = w.querySelector('.widget-label')?.innerText || '';"
                    " return cell + ' slider ' + (all.indexOf(e) + 1) + ' ' + words }"
                )
                if label in moved or box is None or not 0 < box["y"] < height - 20:
                    continue
                moved.add(label)
                keys, mouse = opened.move_by_keys(handle), opened.move_by_mouse(handle)
                good &= keys and mouse
                print(f"{label}: figure changed by keys: {keys}, by mouse: {mouse}")
                if options.shots:  # controls and figure together, also where they do not fit on the screen
                    area = handle.locator("xpath=ancestor::*[contains(@class, 'jp-OutputArea-child')][1]")
                    area.screenshot(path=str(options.shots / f"slider{len(moved):02d}.png"))
        print(f"{len(moved)} sliders moved")
        print(f"requests to the outside: {opened.outside or 'none'}")
        print(f"console errors: {opened.errors or 'none'}")
        good &= not opened.outside and not opened.errors
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
