"""What happens in a notebook's cells: one is run too early, one is broken off, one shows what a broken-off one made."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from metarl_core.session.names import advice, names_changed, names_made, names_needed, notebook_cells, place
from metarl_core.session.state import State, note, put_back, put_back_modes

BROKEN_OFF = (
    "This cell was broken off, and what it makes may be missing or half done. Nothing else is lost, and the "
    "notebook's random generators are where they were before it: run it again whenever you like."
)

OF_FRAGMENTS = (LookupError, RuntimeError, ValueError)
"""what a cell may raise that needs all of a training and finds a fragment"""


class Watch:
    """Of one IPython shell.

    Attributes:
        fragments: names of what an interrupted training, or a cell that was broken off, made, and of what was computed
            from them since; each with the place of that cell in words.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.fragments: dict[str, str] = {}
        self.cell = ""
        self.stopped = False
        self.before: State | None = None
        self.show = shell.showtraceback
        shell.showtraceback = self.explain
        shell.events.register("pre_run_cell", self.before_cell)
        shell.events.register("post_run_cell", self.after_cell)

    def attend(self) -> None:
        """Learn of every training that an interrupt ended early: it returns what it has, and raises nothing."""
        loop: Any = importlib.import_module("metarl_core.training.loop")
        usual = loop.deferred_interrupts
        if hasattr(usual, "watched"):
            return

        @contextlib.contextmanager
        def watched() -> Iterator[Any]:
            with usual() as stop:
                try:
                    yield stop
                finally:
                    self.stopped |= stop.is_set()

        watched.watched = usual  # type: ignore[attr-defined]
        loop.deferred_interrupts = watched

    def before_cell(self, info: Any) -> None:
        if self.before is not None:
            put_back_modes(self.before)  # an explorer that was broken off between two cells, say
        self.cell, self.stopped = info.raw_cell, False
        self.before = note(list(self.shell.user_ns.values()))

    def after_cell(self, result: Any) -> None:
        error = result.error_in_exec
        broken = isinstance(error, KeyboardInterrupt)
        if broken and self.before is not None:
            put_back(self.before)
        origin = place(self.cell, notebook_cells()) if broken or self.stopped else self.source()
        made = names_made(self.cell)
        if origin:
            self.fragments |= dict.fromkeys(filter(self._holds_data, made | names_changed(self.cell)), origin)
        else:
            for name in made:
                self.fragments.pop(name, None)
        if origin and not (broken or isinstance(error, (AssertionError, SyntaxError, *OF_FRAGMENTS))):
            self._say(origin)
        self.before = note(())

    def source(self) -> str:
        """The place of the interrupted cell that the present one rests on; "" where it rests on none."""
        needed = names_needed(self.cell) if self.fragments else ()
        return next((self.fragments[name] for name in sorted(needed) if name in self.fragments), "")

    def explain(self, exc_tuple: Any = None, *arguments: Any, **options: Any) -> None:
        """Show an error in a sentence, where there is one that helps; in place of IPython's `showtraceback`."""
        error: Any = (exc_tuple or sys.exc_info())[1]
        words = ""
        if isinstance(error, KeyboardInterrupt):
            if self.before is not None:
                put_back(self.before)
            words = BROKEN_OFF
        elif type(error) is NameError:
            words = advice(str(error.name or ""), notebook_cells())
        elif isinstance(error, AssertionError) and not error.args and (self.stopped or self.source()):
            where = "this cell" if self.stopped else self.source()
            words = (
                f"This is so at the end of the training, and here the training was interrupted, in {where}. Run that "
                "cell again to its end, or read on with what the book shows."
            )
        elif isinstance(error, OF_FRAGMENTS) and (self.stopped or self.source()) and not _speaks(error):
            where = "" if self.stopped else f", in {self.source()}"
            words = (
                f"This may be because a training was interrupted{where}, and all of it is needed here. Run that cell "
                "again to its end, or read on with what the book shows. If the error stays, it has another reason."
            )
        if words:
            head = type(error).__name__ + (f": {error}" if str(error) else "")
            error._render_traceback_ = lambda: [head, "", words]
        self.show(exc_tuple, *arguments, **options)

    def _holds_data(self, name: str) -> bool:
        code = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
        return name in self.shell.user_ns and not isinstance(self.shell.user_ns[name], code)

    def _say(self, origin: str) -> None:
        from IPython.display import Markdown, display

        here = "in this cell" if self.stopped else f"in {origin}"
        display(
            Markdown(
                f"> *What is shown here rests on a training that was interrupted {here}. It is a fragment and no "
                "result: run that cell again to its end, or read on with what the book shows.*"
            )
        )


def _speaks(error: Exception) -> bool:
    """Whether an error has words of its own: that of a check, or an exercise that is not done."""
    return hasattr(error, "_render_traceback_") or isinstance(error, NotImplementedError)
