"""An answer as a check calls it: each call protected, limited in time, and looked at for what it does besides."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from typing import Any

import torch

from .copies import changed, clone, generators, tensors
from .describe import describe
from .guard import counting_derivatives, draws_state, only_seeded, restored
from .limits import Call, allowed_seconds, limited, limiting_each
from .outcome import CheckFailed

MOST = 10_000_000
"""numbers, or parts, that an answer may return: no case needs as many, and judging more could fill the memory"""
LOOKED_AT = 3
"""calls of each case whose side effects are looked for; a check of random answers makes thousands"""
USE_FUNC = {"func", "grad", "vmap", "vjp", "jvp", "jacrev", "jacfwd", "hessian"}


def load_what_it_uses(answer: Any) -> None:
    """Import what torch.func loads at its first call, before the clock runs: seconds on a slow machine."""
    code = getattr(answer, "__code__", None)
    if code is not None and USE_FUNC & set(code.co_names) and "torch._dynamo" not in sys.modules:
        torch.func.grad(torch.sum)(torch.zeros(1))


class Watched:
    """The learner's function. What its calls did beside returning something is in `faults`, kind by kind.

    Args:
        answer: what was handed in.
        name: it should have, for messages.
        autograd: whether it may use autograd.
    """

    def __init__(self, answer: Callable, name: str, autograd: bool):
        self.answer, self.name, self.autograd = answer, name, autograd
        load_what_it_uses(answer)
        self.seconds = allowed_seconds()
        self.faults: dict[str, str] = {}
        self.returned: str | None = None
        self.draws: bool | None = None
        """whether a generator among the arguments has ever moved on; None: there was none"""
        self.calls = 0
        self._again: Call | None = None

    @contextlib.contextmanager
    def one_case(self):
        """The calls in the body are of one case: the first ones are looked at, the others only limited in time."""
        self.calls, self.returned = 0, None
        try:
            with restored_quietly(), limiting_each(self.seconds) as self._again:
                yield
        finally:
            self._again = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.answer, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls > LOOKED_AT and self._again is not None:
            return self._of_sensible_size(self._again(self.answer, args, kwargs))
        given = (args, kwargs)
        before, states = clone(given), [g.get_state() for g in generators(given)]
        held = list(tensors(given))
        flags = [(t.requires_grad, None if not t.is_leaf or t.grad is None else t.grad.clone()) for t in tensors(given)]
        expects_graph = any(t.requires_grad for t in tensors(given))
        with restored_quietly():
            drawn, settings = draws_state(), (torch.is_grad_enabled(), torch.get_default_dtype())
            with counting_derivatives() as derivatives, limited(self.seconds):
                result = self.answer(*args, **kwargs)
            if draws_state() != drawn and only_seeded(drawn):
                self._fault(
                    "global seed",
                    "seeds a global generator (torch, NumPy or Python): whoever draws from it next gets the same "
                    "numbers after every call.",
                )
            elif draws_state() != drawn:
                self._fault(
                    "global draws",
                    "draws from a global generator (torch, NumPy or Python): nobody can repeat that. "
                    "Every draw should come from the generator that is handed in."
                    if states
                    else "draws from a global generator; nothing is random in what is asked for. (A new layer draws "
                    "its first weights.)",
                )
            if (torch.is_grad_enabled(), torch.get_default_dtype()) != settings:
                self._fault(
                    "settings",
                    "leaves torch set otherwise than it was (gradients on or off, or the default dtype), for all code "
                    "that comes after it. A `with` block puts it back.",
                )
        self.returned = describe(self._of_sensible_size(result))
        if not self.autograd and derivatives():
            self._fault("method", "lets autograd find a derivative. Asked for is the derivative by hand.")
        if changed(before, given) or any(a is not b for a, b in zip(held, tensors(given), strict=True)):
            self._fault(
                "changed arguments", "changes its arguments in place. The caller still needs them: make new ones."
            )
        elif self._flags_differ(flags, given):
            self._fault(
                "flags",
                "leaves a mark on its arguments: `requires_grad` or `.grad` of a tensor is no longer what it was. "
                "`detach()` gives a tensor of your own; `torch.autograd.grad` returns a gradient and writes nowhere.",
            )
        if not expects_graph and any(t.requires_grad for t in tensors(result)):
            self._fault(
                "graph",
                "returns a tensor that still carries a graph, although no argument asks for one: memory grows with "
                "every call. Where is the place to detach?",
            )
        if states:
            moved = any(not torch.equal(g.get_state(), s) for g, s in zip(generators(given), states, strict=True))
            self.draws = bool(self.draws) or moved
        return result

    def _of_sensible_size(self, result: Any) -> Any:
        if isinstance(result, torch.Tensor):
            size = result.numel()
        else:
            size = len(result) if isinstance(result, (list, tuple, range, dict, str, bytes)) else 0
        if size > MOST:
            raise CheckFailed(
                f"`{self.name}` returned {describe(result)}: far more than anything that was handed in.", "shape"
            )
        return result

    def _fault(self, kind: str, words: str) -> None:
        self.faults.setdefault(kind, f"`{self.name}` {words}")

    @staticmethod
    def _flags_differ(flags: list, given: Any) -> bool:
        for (required, grad), tensor in zip(flags, tensors(given), strict=True):
            now = tensor.grad if tensor.is_leaf else None
            if tensor.requires_grad != required or (now is None) != (grad is None):
                return True
            if grad is not None and now is not None and not torch.equal(grad, now):
                return True
        return False


@contextlib.contextmanager
def restored_quietly():
    """One call: the state put back, and no flood of the lines that an answer prints."""
    with restored(), contextlib.redirect_stdout(io.StringIO()):
        yield
