"""The web edition as a reader gets it: no dead link, no request to the outside, an explorer that computes, no fault of
accessibility. Needs the extra `book` and a browser; `make book-test` brings the first.
"""

import contextlib
import functools
import http.server
import importlib.util
import os
import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from lab_browser import FLAGS, find_chromium, wait
from playwright.sync_api import sync_playwright

from tools import book

ALL = os.environ.get("METARL_BOOK") == "all"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(book.missing()) or importlib.util.find_spec("axe_playwright_python") is None,
        reason="The extra `book` is not installed: `make book-test` installs it and runs these tests.",
    ),
]
LOOKED_AT = (
    "index.html", "chapters/00_start_here.html", "chapters/05_maml.html", "exercises/05_maml_exercises.html",
    "solutions/05_maml.html", "api/tasks.html", "glossary.html", "notation.html", "results.html", "cite.html",
    "genindex.html", "search.html",
)  # fmt: skip
"""one page of each kind"""
WIDTHS = (360, 768, 1400)


@pytest.fixture(scope="module")
def site():
    """The folder of the pages, built anew where something has changed; a warning of Sphinx fails it."""
    assert book.main(["--language", "all"]) == 0
    return book.BUILD / "html"


@pytest.fixture(scope="module")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    chromium = find_chromium()
    if chromium is None:
        words = "no Chromium here: install one (Debian: apt-get install chromium) or name it in METARL_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, address, **options):
    """A fresh page; what it asked of the outside, what it did not get, and errors fail the test."""
    context = browser.new_context(reduced_motion="reduce", **options)
    page, faults = context.new_page(), []
    page.on("request", lambda r: r.url.startswith((address, "data:", "blob:")) or faults.append(f"asks for {r.url}"))
    page.on("response", lambda r: r.status >= 400 and faults.append(f"{r.status}: {r.url}"))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: said.type == "error" and faults.append(said.text))
    page.set_default_timeout(120_000)
    yield page
    context.close()
    assert faults == []


def shown(page, url):
    """The page, formulas set."""
    page.goto(url)
    page.wait_for_function("() => !window.MathJax || (MathJax.startup && MathJax.startup.promise.then(() => true))")
    return page


class Links(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loaded, self.without_words = set(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        for name in ("src", "href") if tag in ("script", "link", "img", "iframe", "source") else ():
            if found.get(name):
                self.loaded.append(found[name])
        if tag == "img" and not found.get("alt"):
            self.without_words.append(found.get("src"))


@pytest.fixture(scope="module")
def pages(site):
    return {path: Links(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}


def test_no_dead_link(site, pages):
    dead = []
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            if re.match(r"(https?|mailto|data):", link):
                continue
            place, anchor = urldefrag(link)
            there = path if not place else (path.parent / unquote(urlsplit(place).path)).resolve()
            if not there.is_file() or (anchor and there in pages and unquote(anchor) not in pages[there].ids):
                dead.append(f"{path.relative_to(site)}: {link}")
    assert dead == []


def test_nothing_is_loaded_from_outside_and_every_picture_has_words(site, pages):
    for path, page in pages.items():
        name = path.relative_to(site)
        assert [link for link in page.loaded if re.match(r"(https?:)?//", link)] == [], name
        assert page.without_words == [], name


def test_every_page_is_reached_from_the_first(site, pages):
    first = site / "index.html"
    waiting, met = [first, *site.rglob("search.html")], set()  # a form leads to the search
    while waiting:
        path = waiting.pop()
        if path in pages and path not in met:
            met.add(path)
            waiting += [
                (path.parent / unquote(urldefrag(link)[0])).resolve() for link in pages[path].links if "://" not in link
            ]
    assert {str(path.relative_to(site)) for path in set(pages) - met} == set()


def test_references_to_equations_are_links_across_chapters(pages):
    eighth = next(
        page for path, page in pages.items() if path.name == "08_maml_for_rl.html" and path.parts[-3] == "html"
    )
    targets = {link for link in eighth.links if "#eq-" in link}
    assert any(link.startswith("#eq-08-") for link in targets) and any(".html#eq-0" in link for link in targets)


@pytest.mark.parametrize("name", LOOKED_AT)
def test_reading_asks_for_nothing_outside_and_fits_the_screen(browser, address, name):
    """Everything comes from where the page comes from; nothing is wider than the screen, the narrowest included."""
    for width in WIDTHS if ALL else WIDTHS[:1]:
        with opened(browser, address, viewport={"width": width, "height": 900}) as page:
            shown(page, address + name)
            over = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"at {width} pixels {over} are hidden at the right"
            assert page.locator("mjx-merror").count() == 0, "a formula cannot be set"


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_of_accessibility(browser, address, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    for width in (360, 1400) if ALL else (1400,):
        with opened(browser, address, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
            shown(page, address + name)
            found = Axe().run(page).response["violations"]
            serious = [
                f"{fault['id']}: {node['html'][:150]} {node['any'][0]['message'] if node['any'] else ''}"
                for fault in found
                if fault["impact"] in ("serious", "critical")
                for node in fault["nodes"]
            ]
            assert serious == [], f"at {width} pixels"


def test_the_explorers_of_chapter_00_compute_in_the_page(browser, address):
    with opened(browser, address, viewport={"width": 1000, "height": 900}) as page:
        page.goto(address + "chapters/00_start_here.html")
        for place, handle, key in ((0, "Goal", "ArrowLeft"), (1, "Angle", "ArrowLeft")):
            explorer = page.locator("[data-explorer]").nth(place)
            explorer.scroll_into_view_if_needed()
            explorer.locator(".metarl-adaptation").wait_for()
            assert explorer.locator("img").is_hidden(), "the picture gives way"
            returns = explorer.locator(".returns")
            assert wait(lambda returns=returns: all("→" in words for words in returns.all_inner_texts()), 120)
            before = returns.all_inner_texts()
            assert float(before[0].split(" → ")[1].replace("−", "-")) > -20, "MAML has been trained"
            slider = explorer.get_by_role("slider", name=re.compile(f"^{handle}"))
            slider.focus()
            for _ in range(4):
                page.keyboard.press(key)
            assert wait(lambda returns=returns, before=before: returns.all_inner_texts() != before, 120)


def test_pictures_stand_in_where_no_script_runs(browser, address):
    with opened(browser, address, java_script_enabled=False) as page:
        page.goto(address + "chapters/00_start_here.html")
        assert page.locator("[data-explorer] img").first.is_visible()


def test_search_finds_a_chapter(browser, address):
    with opened(browser, address) as page:
        page.goto(address + "search.html?q=Thompson")
        found = page.locator("#search-results a")
        found.first.wait_for()
        assert wait(lambda: any("11_memory_and_context" in (a.get_attribute("href") or "") for a in found.all()), 60)


def test_hints_are_folded_and_open(browser, address):
    with opened(browser, address) as page:
        page.goto(address + "exercises/05_maml_exercises.html")
        hint = page.locator("details.folded").first
        assert hint.get_attribute("open") is None
        hint.locator("summary").click()
        assert hint.get_attribute("open") is not None


def test_the_chinese_edition_is_chinese_and_leads_back(browser, address, site):
    text = (site / "zh_CN" / "chapters" / "00_start_here.html").read_text(encoding="utf-8")
    assert 'lang="zh-CN"' in text and "两个世界" in text and "元学习" in text and "You will be able to" not in text
    with opened(browser, address) as page:
        page.goto(address + "chapters/00_start_here.html")
        page.get_by_role("link", name="中文").first.click()
        assert page.url == address + "zh_CN/chapters/00_start_here.html"
        page.get_by_role("link", name="English").first.click()
        assert page.url == address + "chapters/00_start_here.html"
        assert Path(site, "zh_CN", "_static").is_dir()
