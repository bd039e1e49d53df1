"""python -m classroom COMMAND

    release 05 --variant 2027a    make the students' set, and the key that grades it
    collect 05 DOWNLOADS          take over a folder or a zip of what was handed in
    grade 05                      grade what is new; an interrupted run goes on
    feedback 05                   a page for each student
    report [05]                   the grades as CSV
    pages                         bring the generated part of the chapters' pages for teachers up to date

Each takes --course FOLDER, the folder of the class ("class" without).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .course import Class


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m classroom", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--course", type=Path, default=Path("class"), help="the folder of the class")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("release", help="make the students' set")
    one.add_argument("chapters", nargs="+", help="05, or 07p for a project")
    one.add_argument("--variant", default="", help="a word: classes with other words get other numbers")
    one.add_argument("--package", action="store_true", help="with the package, for students without the course")
    one = commands.add_parser("collect", help="take over what was handed in")
    one.add_argument("name", help="the set: 05, or 05-2027a")
    one.add_argument("given", type=Path, help="a folder or a zip")
    one.add_argument("--roster", type=Path, help="a CSV: id, and names that stand for it")
    one = commands.add_parser("grade", help="grade what is new")
    one.add_argument("name")
    one.add_argument("--students", nargs="*", help="only these")
    one.add_argument("--again", action="store_true", help="also what has been graded")
    one.add_argument("--workers", type=int, default=2, help="answers judged at once (2)")
    one = commands.add_parser("feedback", help="a page for each student")
    one.add_argument("name")
    one = commands.add_parser("report", help="grades as CSV")
    one.add_argument("names", nargs="*", metavar="name", help="all sets without")
    one = commands.add_parser("pages", help="the generated part of the chapters' pages")
    one.add_argument("--check", action="store_true", help="write nothing, exit 1 if something would change")
    for command in commands.choices.values():
        command.add_argument("--course", type=Path, default=argparse.SUPPRESS, help="the folder of the class")
    return made


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    group = Class(options.course)
    try:
        return run(options, group)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it was.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace, group: Class) -> int:
    """What a command does; its exit code."""
    if options.command == "pages":
        from .pages import main as pages

        return pages(options.check)
    if options.command == "release":
        from .release import release

        for chapter in options.chapters:
            key, said = release(group, chapter, options.variant, options.package)
            print(f"{group.release(key.name)}: " + "; ".join(said))
        return 0
    if options.command == "report":
        from .report import report

        print("\n".join(report(group, [group.named(name) for name in options.names] or group.released())))
        return 0
    name = group.named(options.name)
    if options.command == "collect":
        from .collect import collect

        print("\n".join(collect(group, name, options.given, options.roster)))
    elif options.command == "grade":
        from .gradebook import enter
        from .grading import grade
        from .key import Key

        found = grade(group, name, options.students, options.again, options.workers)
        enter(group, Key.read(group.key(name)), found)
        unread = [record for record in found if record["unreadable"]]
        print(f"{len(found)} graded, {len(unread)} of them could not be read.")
        for record in unread:
            print(f"  {record['student']}: {record['unreadable']}")
    else:
        from .feedback import pages
        from .grading import records

        print(f"{pages(group, records(group, name))} pages in {group.folder / 'feedback'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
