"""Pseudocode in lines: what an author writes as one paragraph is read as a list."""

from __future__ import annotations

import re

HINT_3 = re.compile(r"(<details><summary>Hint 3[^\n]*</summary>\s*\n)(.*?)(\n</details>)", re.S)
WHOLE = re.compile(r"`[^`]*`|\$[^$]*\$|\([^()]*\)")


def in_lines(text: str) -> str:
    """Markdown whose third hints, pseudocode, stand as one step a line, where they are written as one paragraph."""

    def split(match: re.Match[str]) -> str:
        before, body, after = match.groups()
        if re.search(r"^ *(```|[-*] |\d+\. )", body, re.M) or "\n\n" in body.strip():
            return match[0]
        kept = [" ".join(part.split()) for part in WHOLE.findall(body)]  # code, formulas and brackets are not split
        steps = re.split(r";\s+|(?<=[^.][.])\s+(?=[A-Z`$\0])", WHOLE.sub("\0", body.strip()))
        lines = "\n".join(f"- {' '.join(step.split())}" for step in steps)
        return before + re.sub("\0", lambda _: kept.pop(0), lines) + after

    return HINT_3.sub(split, text)
