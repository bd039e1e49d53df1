"""Build the web edition, book/, from the committed notebooks; nothing is executed.

    python -m tools.book                          build/book/html
    python -m tools.book --language zh_CN         build/book/html/zh_CN
    python -m tools.book --language all           both, with links from one to the other
    python -m tools.book --catalogue zh_CN PAGE   write or renew the catalogues of these pages, as chapters/05_maml;
                                                  without a page, of those that are there

What Sphinx reads is laid first, in build/book/source (tools/web). Everything that a page loads is copied beside it
from installed packages, so that reading asks nothing of the world outside.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.course import ROOT
from tools.web.catalogues import DIGESTS, LOCALE, digest, languages, translated
from tools.web.lay import lay

BUILD = ROOT / "build" / "book"
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_intl", "mathjax")
MISSING = "The web edition needs the extra `book`: pip install -c constraints.txt -e '.[book]', or `make book`."


def missing() -> list[str]:
    """Modules of the extra `book` that are not installed here."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def sphinx(builder: str, target: Path, language: str, editions: Sequence[str] = (), *options: str) -> int:
    """Run Sphinx on what has been laid; its exit status. A warning is an error."""
    read_so_far = BUILD / "doctrees" / (language if builder == "html" else builder)
    command = [sys.executable, "-m", "sphinx", "-b", builder, "-d", str(read_so_far), "-W", "--keep-going", "-q",
               "-D", f"language={language}", *options]  # fmt: skip
    environment = {**os.environ, "METARL_BOOK_EDITIONS": " ".join(editions), "PYTHONPATH": str(ROOT)}
    source = BUILD / "source"
    return subprocess.run([*command, str(source), str(target)], cwd=ROOT, env=environment).returncode


def build(language: str, editions: Sequence[str] = ()) -> int:
    """The pages in one language; English ones lie at the root, the others in a folder of their own."""
    target = BUILD / "html" if language == "en" else BUILD / "html" / language
    failed = sphinx("html", target, language, editions)
    shutil.rmtree(target / "_sources", ignore_errors=True)
    if not failed:
        print(f"The web edition lies in {target.relative_to(ROOT)}.")
    return failed


def write_catalogues(language: str, pages: Sequence[str]) -> int:
    """Renew the catalogues of these pages: sentences that have changed lose their translation, new ones wait for it."""
    templates, folder = BUILD / "gettext", LOCALE / language / "LC_MESSAGES"
    shutil.rmtree(templates, ignore_errors=True)
    if sphinx("gettext", templates, "en"):
        return 1
    known = json.loads((LOCALE / DIGESTS).read_text(encoding="utf-8")) if (LOCALE / DIGESTS).exists() else {}
    chosen = list(pages) or translated(language)
    for page in chosen:
        if not (templates / f"{page}.pot").exists():
            print(f"There is no page {page}; pages are called as chapters/05_maml or glossary.", file=sys.stderr)
            return 1
        kept = BUILD / "templates" / language / f"{page}.pot"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(templates / f"{page}.pot", kept)
    command = [sys.executable, "-m", "sphinx_intl", "update", "-p", str(BUILD / "templates" / language), "-l", language,
               "-d", str(LOCALE), "-w", "120"]  # fmt: skip
    failed = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode
    known[language] = {page: digest(page, BUILD / "source") for page in sorted({*translated(language), *chosen})}
    (LOCALE / DIGESTS).write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"The catalogues lie in {folder.relative_to(ROOT)}; what is not translated stays English.")
    return failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.book", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--language", default="en", help="en, all, or a language that has catalogues in book/locale")
    parser.add_argument("--catalogue", metavar="LANGUAGE", help="write catalogues for translators, no pages")
    parser.add_argument("pages", nargs="*", help="with --catalogue: pages, such as chapters/05_maml")
    options = parser.parse_args(arguments)
    allowed = ["en", *languages()]
    if options.language not in [*allowed, "all"]:
        parser.error(f"language is {options.language!r}, allowed are {', '.join([*allowed, 'all'])}")
    if missing():
        print(MISSING, file=sys.stderr)
        return 1
    start = time.monotonic()
    lay(BUILD / "source")
    if options.catalogue:
        return write_catalogues(options.catalogue, options.pages)
    chosen = allowed if options.language == "all" else [options.language]
    failed = max(build(language, allowed if options.language == "all" else ()) for language in chosen)
    print(f"It took {time.monotonic() - start:.0f} seconds.")
    return failed


if __name__ == "__main__":
    sys.exit(main())
