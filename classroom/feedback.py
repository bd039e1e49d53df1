"""A page for each student: what the checks say of the answers, as they would have said it at the desk."""

from __future__ import annotations

import html
import re
from typing import Any

from .course import Class, write

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
  background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top }
td.n, th.n { text-align: right }
pre { background: #f3f3f3; padding: .7rem; overflow-x: auto; font-size: .85rem }
.said { border-left: 4px solid #b35900; padding: .3rem .8rem; white-space: pre-wrap; background: #fdf6ee }
.passed .said { border-color: #00664f; background: #eef8f4 }
@media (prefers-color-scheme: dark) { body { background: #1b1b1b; color: #e8e8e8 } pre { background: #2a2a2a }
  .said { background: #33291d } .passed .said { background: #1c2f29 } }
"""


def pages(group: Class, records: list[dict[str, Any]]) -> int:
    """Write a page for each record; how many."""
    for record in records:
        write(group.feedback(record["student"], record["set"]) / "feedback.html", page(record))
    return len(records)


def page(record: dict[str, Any]) -> str:
    """The page of one submission, in itself: it loads nothing from anywhere."""
    title = html.escape(f"{record['set']}: {record['student']}")
    parts = [f"<h1>{title}</h1>", f"<p><strong>{record['points']:g} of {record['of']:g} points.</strong> "]
    parts.append(f"Graded was {_code(record['file'])}, attempt {record['attempts']}.</p>" if record["file"] else "</p>")
    if record["unreadable"]:
        parts.append(f'<p class="said">{html.escape(record["unreadable"])}</p>')
    if record["remarks"]:
        items = "".join(f"<li>{_in_words(words)}</li>" for words in record["remarks"])
        parts.append(f"<p>How your file was read:</p><ul>{items}</ul>")
    rows = "".join(
        f"<tr><td>{e['exercise']}. {html.escape(e['title'])}</td><td>{_code(_asked(e))}</td>"
        f'<td class="n">{e["points"]:g}</td><td class="n">{e["of"]:g}</td></tr>'
        for e in record["exercises"]
    )
    head = '<tr><th scope="col">Exercise</th><th scope="col">Asked for</th><th scope="col" class="n">Points</th>'
    parts.append(f'<table>{head}<th scope="col" class="n">of</th></tr>{rows}</table>')
    parts += [] if record["unreadable"] else [_exercise(e, record["answers"]) for e in record["exercises"]]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _asked(exercise: dict[str, Any]) -> str:
    return exercise["grade_id"].removeprefix("check_")


def _code(text: str) -> str:
    return f"<code>{html.escape(text)}</code>"


def _in_words(text: str) -> str:
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(text))


def _exercise(exercise: dict[str, Any], answers: dict[str, str]) -> str:
    passed = exercise["kind"] == "passed"
    said = exercise["message"] or ("Passed." if passed else "Not passed.")
    parts = [
        f'<section class="{"passed" if passed else "open"}">',
        f"<h2>{exercise['exercise']}. {html.escape(exercise['title'])}: {_code(_asked(exercise))}</h2>",
        f'<p class="said">{_in_words(said)}</p>',
    ]
    code = answers.get(_asked(exercise), "")
    if code and not passed:
        parts.append(f"<details><summary>The answer that was judged</summary><pre>{html.escape(code)}</pre></details>")
    if exercise["output"].strip() and exercise["kind"] != "hidden":
        printed = html.escape(exercise["output"])
        parts.append(f"<details><summary>What it printed</summary><pre>{printed}</pre></details>")
    return "\n".join([*parts, "</section>"])
