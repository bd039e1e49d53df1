"""What an answer says that no answer needs to: code that reads or changes what judges it.

A check is public code, and runs in the same process as the answer. Whoever wants to can look the number up that a
question asks for. What does so in plain words is found here, and not counted; what might, is a remark for the teacher.
"""

from __future__ import annotations

import ast
import re

CHECK_MODULE = re.compile(r"ch\d\d")
ODD_NAMES = {"gc", "ctypes", "inspect", "subprocess", "socket", "importlib", "sys", "os", "pty", "multiprocessing"}
ODD_PARTS = {
    "__globals__",
    "__closure__",
    "__code__",
    "__subclasses__",
    "_getframe",
    "f_back",
    "f_locals",
    "__builtins__",
}
LOOKS = {"vars", "getattr", "setattr", "delattr", "dir", "hasattr"}


def refused(code: str) -> str:
    """What in the code touches the checks themselves, in words for the student; "" for nothing."""
    for node in _walk(code):
        if isinstance(node, ast.Attribute) and _is_check(node.value):
            return f"it uses `{ast.unparse(node)}`, a part of the check"
        if isinstance(node, ast.Attribute) and _is_module(node.value) and node.attr.startswith("__"):
            return f"it uses `{ast.unparse(node)}`, a part of the check"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LOOKS:
            if node.args and (_is_module(node.args[0]) or _is_check(node.args[0])):
                return f"it looks into the checks, by `{ast.unparse(node)}`"
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete)):
            targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
            for target in targets:
                if _is_check(target):
                    return f"it changes the check `{ast.unparse(target)}`"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("metarl_core.check"):
            if node.module != "metarl_core.check" or any(not CHECK_MODULE.fullmatch(a.name) for a in node.names):
                return f"it imports from `{node.module}`, which judges it"
        if isinstance(node, ast.Import) and any(a.name.startswith("metarl_core.check") for a in node.names):
            return "it imports `metarl_core.check`, which judges it"
    return ""


def remarks(code: str) -> list[str]:
    """Words in the code that a teacher may want to look at."""
    found = set()
    for node in _walk(code):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            found |= {name for name in names if name.split(".")[0] in ODD_NAMES}
        elif isinstance(node, ast.Attribute) and node.attr in ODD_PARTS:
            found.add(node.attr)
        elif isinstance(node, ast.Name) and node.id in {
            "exec",
            "eval",
            "__import__",
            "open",
            "compile",
            "__builtins__",
        }:
            found.add(node.id)
    return [f"uses {', '.join(sorted(found))}"] if found else []


def _walk(code: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _is_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and bool(CHECK_MODULE.fullmatch(node.id))


def _is_check(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and _is_module(node.value) and node.attr.startswith("check_")
