"""Judge one exercise in this process: run its cells, then its check, and say what the check says.

It is run in a process that judges nothing else (`worker`). What a learner's cells print, raise or leave behind is
theirs; whether the check is still the course's own is looked at afterwards.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import linecache
import os
import sys
import time
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .limits import Limits, Printed, TooMuchOutput

NOT_COUNTED = "This answer has not been counted: "


@dataclass
class Verdict:
    """On one check cell."""

    passed: bool = False
    kind: str = ""
    """"passed", "not done", "error" (of a cell), "limit", "tampered", "hidden", or the kind of a CheckFailed"""
    misconception: str | None = None
    message: str = ""
    """what the learner reads"""
    output: str = ""
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)
    """for the teacher"""


def judge(job: dict[str, Any], limits: Limits) -> Verdict:
    """The verdict on `job`: `chapters` ("ch05"), their `checks` (source that makes them), and `cells`, each with its
    `role` ("setup", "helper", "answer", "check", "hidden"), `code` and `label`; `own` marks those that are judged.
    """
    began, verdict = time.process_time(), Verdict()
    printed = Printed(limits.kept, limits.printed)
    checks = trusted(job["chapters"], job.get("variant", ""))
    before = fingerprint(checks)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    space = module.__dict__
    space.update(display=lambda *values, **_: print(*values), get_ipython=lambda: None)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):  # type: ignore[type-var]
        for cell in job["cells"]:
            if cell["role"] in ("check", "hidden"):
                space.update(checks)
                space["__builtins__"] = builtins
                if changed(before, fingerprint(checks)):
                    break
            _run(cell, space, verdict)
            if verdict.kind:
                break
    foul = changed(before, fingerprint(checks)) or passes_anything(job, checks, space if verdict.kind == "" else None)
    if foul:
        verdict = Verdict(kind="tampered", message=f"{NOT_COUNTED}it changes {foul}, which judges it.")
        verdict.remarks.append(f"changes {foul}: read this answer yourself")
    elif not verdict.kind:
        verdict.passed, verdict.kind = True, "passed"
    verdict.output, verdict.seconds = printed.text(), round(time.process_time() - began, 3)
    return verdict


def _run(cell: dict[str, Any], space: dict[str, Any], verdict: Verdict) -> None:
    """Execute a cell; what went wrong stands in the verdict afterwards, but for cells of other exercises."""
    code, label, role = cell["code"], cell["label"], cell["role"]
    linecache.cache[label] = (len(code), None, code.splitlines(keepends=True), label)
    found = Verdict()
    try:
        exec(compile(code, label, "exec"), space)
        return
    except TooMuchOutput:
        found = Verdict(kind="limit", message="It was ended, because it printed and printed.")
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        found = Verdict(kind="error", message=f"{_the(cell)} was left by {type(error).__name__} half way.")
    except SyntaxError as error:
        line = f" (line {error.lineno})" if error.lineno else ""
        found = Verdict(kind="error", message=f"{_the(cell)} is no Python: {error.msg}{line}.")
    except MemoryError:
        found = Verdict(kind="limit", message=f"{_the(cell)} asked for more memory than there is while it is graded.")
    except BaseException as error:  # whatever a learner's code raises
        found = _report(error, cell)
    if role == "hidden":
        verdict.kind = "hidden"
        verdict.message = (
            "The check passes, and a further test, which is not in your notebook, does not. Read the exercise's text "
            "once more: does the answer do all that it asks for?"
        )
        verdict.remarks.append(f"a hidden test failed: {found.message.splitlines()[0][:200] if found.message else ''}")
    elif role == "check" or cell.get("own"):
        verdict.kind, verdict.message, verdict.misconception = found.kind, found.message, found.misconception
    else:
        verdict.remarks.append(f"{label} failed and was left out: {found.message.splitlines()[0][:200]}")


def _the(cell: dict[str, Any]) -> str:
    return {"check": "The check's cell", "helper": "A cell that the answer needs"}.get(
        cell["role"], "The answer's cell"
    )


def _report(error: BaseException, cell: dict[str, Any]) -> Verdict:
    from metarl_core.check import CheckFailed, NotDone

    if isinstance(error, NotDone):
        return Verdict(kind="not done", message=str(error))
    if isinstance(error, CheckFailed):
        return Verdict(kind=error.kind, message=str(error), misconception=error.misconception)
    if isinstance(error, NotImplementedError) and not error.args:
        return Verdict(kind="not done", message="Not done yet.")
    text = _first_lines(error)
    if "can't allocate memory" in text or "not enough memory" in text:
        return Verdict(kind="limit", message=f"{_the(cell)} asked for more memory than there is while it is graded.")
    if isinstance(error, NameError) and cell["role"] == "check":
        return Verdict(kind="error", message=f"There is no `{error.name}`: {text}.")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == cell["label"]]
    where = f"\nin line {frames[-1].lineno}:\n    {frames[-1].line}" if frames else ""
    return Verdict(kind="error", message=f"{_the(cell)} raised {type(error).__name__}: {text}{where}")


def _first_lines(error: BaseException, most: int = 400) -> str:
    try:
        text = str(error).strip()
    except BaseException:
        return "(an exception that cannot be read)"
    return text if len(text) <= most else text[:most] + " ..."


def trusted(chapters: list[str], variant: str = "") -> dict[str, Any]:
    """The modules of checks, of a class's variant, by the names that notebooks call them by."""
    from metarl_core.check.variants import of_class

    return {name: of_class(name, variant) for name in chapters}


WATCHED = ("builtins", "torch", "torch.autograd", "torch.func", "torch.linalg", "math", "numpy")


def fingerprint(checks: dict[str, Any]) -> dict[str, Any]:
    """Every function and class of the course's package and of what its checks rest on, by its name, and what makes it
    do what it does. The values are held, so that none can take another's place in memory.
    """
    found: dict[str, Any] = {}
    for name, module in list(sys.modules.items()):
        own = name.startswith(("metarl_core.", "classroom."))
        if module is None or not (own or name in WATCHED):
            continue
        for key, value in list(vars(module).items()):
            if callable(value):
                found[f"{name}.{key}"] = value
                if own:
                    found.update(_parts(f"{name}.{key}", value))
    for module_name, module in checks.items():
        for key, value in vars(module).items():
            if _is_check(value):
                found.update(_parts(f"{module_name}.{key}", value))
    import torch

    for key in ("__eq__", "allclose", "equal", "isclose", "all", "any", "__bool__", "shape", "dtype", "item", "tolist"):
        found[f"torch.Tensor.{key}"] = torch.Tensor.__dict__.get(key)
    return found


def _is_check(value: Any) -> bool:
    return type(value).__name__ == "Check"


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, types.FunctionType):
        yield f"{name}.__code__", value.__code__
        yield f"{name}.__defaults__", value.__defaults__
        for number, one in enumerate(value.__closure__ or ()):
            with contextlib.suppress(ValueError):
                yield f"{name}, closure {number}", one.cell_contents
    elif isinstance(value, type):
        for key, part in list(vars(value).items()):
            if callable(part) or isinstance(part, (property, classmethod, staticmethod)):
                yield f"{name}.{key}", part
                if isinstance(part, types.FunctionType):
                    yield f"{name}.{key}.__code__", part.__code__
    elif _is_check(value):
        yield from _parts(f"{name}.judge", getattr(value.judge, "__func__", value.judge))
        for key in ("name", "wrongs", "judge", "subject"):
            yield (
                f"{name}.{key}",
                getattr(value, key) if key != "judge" else getattr(value.judge, "__func__", value.judge),
            )
        subject = value.subject
        for key in ("oracle", "draw_case", "look", "cases", "rtol", "atol"):
            if hasattr(subject, key):
                yield f"{name}.subject.{key}", getattr(subject, key)


def changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The name of something that is no longer what it was, "" where there is none."""
    absent = object()
    return next((name for name, value in before.items() if now.get(name, absent) is not value), "")


def passes_anything(job: dict[str, Any], checks: dict[str, Any], space: dict[str, Any] | None) -> str:
    """The name of a check that accepts what no check may: it is no longer the course's; "" where there is none."""
    if space is None:
        return ""
    for cell in job["cells"]:
        if cell["role"] == "check":
            for module, name in check_names(cell["code"]):
                check = getattr(checks.get(module), name, None)
                with contextlib.redirect_stdout(Printed(0, 10**9)):  # type: ignore[type-var]
                    try:
                        check(object())
                        return f"{module}.{name}"
                    except Exception:
                        pass
    return ""


def check_names(code: str) -> list[tuple[str, str]]:
    """("ch05", "check_x") of each call of a check in the code."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return []
    return [
        (node.func.value.id, node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        and node.func.attr.startswith("check_")
    ]  # fmt: skip


def quiet() -> None:
    """Nothing that C code prints is seen, and nobody is there to type."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
