"""Catalogues of translations, as gettext has them: one file for each page and language, in book/locale."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from tools.course import ROOT
from tools.web.lay import laid_text, lay

LOCALE = ROOT / "book" / "locale"
DIGESTS = "digests.json"
"""what the pages said when their catalogues were made: {language: {page: digest}}"""


def languages() -> list[str]:
    """Languages that have catalogues."""
    return sorted(path.parent.name for path in LOCALE.glob("*/LC_MESSAGES"))


def translated(language: str) -> list[str]:
    """Pages that have a catalogue in this language, as chapters/05_maml."""
    folder = LOCALE / language / "LC_MESSAGES"
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.po"))


def digest(page: str, folder: Path | None = None) -> str:
    """Of what can be translated on a page, laid in `folder` or laid now."""
    if folder is None:
        with tempfile.TemporaryDirectory() as draft:
            lay(Path(draft) / "source")
            return digest(page, Path(draft) / "source")
    return hashlib.sha256(laid_text(folder, page).encode()).hexdigest()[:16]
