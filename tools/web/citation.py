"""The page "How to cite", made from CITATION.cff."""

from __future__ import annotations

import re


def citation(cff: str) -> str:
    """Markdown with the citation in words and as BibTeX."""
    field = dict(re.findall(r'^([a-z-]+): "?(.+?)"?$', cff, re.M))
    authors = re.findall(r'^ +- name: "?(.+?)"?$', cff, re.M)
    year = field.get("date-released", "")[:4]
    who, title, version = " and ".join(authors), field["title"], field["version"]
    entries = {"author": f"{{{who}}}", "title": f"{{{title}}}", "version": version, "year": year}
    bibtex = ",\n".join(f"  {key:<7} = {{{value}}}" for key, value in entries.items() if value)
    words = f"{', '.join(authors)}. *{title}*, version {version}{f', {year}' if year else ''}."
    return "\n".join(
        [
            "# How to cite",
            "",
            f"{field['message']} The same is read by machines in `CITATION.cff`.",
            "",
            f"> {words}",
            "",
            "```bibtex",
            "@software{metarl_from_scratch,",
            bibtex,
            "}",
            "```",
            "",
            f"The course and its package may be used freely, in teaching, too; the licence is {field['license']}.",
            "Equations and algorithms have authors of their own. Each chapter names them where it uses them, and under",
            "*further reading*; please cite these as well.",
            "",
        ]
    )
