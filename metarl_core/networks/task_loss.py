"""Any `nn.Module` as a loss over tasks: `torch.vmap` where it computes the right derivatives, a loop where not."""

import contextlib
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from metarl_core.arguments import check_count, check_dictionary, check_shape
from metarl_core.networks.vmap_check import Arguments, flat_derivatives, own_copies, same
from metarl_core.parameters import Parameters

Criterion = Callable[[Tensor, Tensor], Tensor]
"""from outputs and targets `[sample, ...]` of one task to one number, like `nn.functional.cross_entropy`"""


def task_loss(
    module: nn.Module, criterion: Criterion, *, batched: bool | None = None, chunk: int | None = None
) -> "TaskLoss":
    """The loss of many tasks, each with parameters of its own, of a network written for one task.

    loss = task_loss(network, nn.functional.cross_entropy)
    method = MAML(loss, inner_lr=0.1)
    meta, history = supervised.train(method, initial_parameters(network), sample, config, generator)

    Parameters are those of `initial_parameters(module)`. Frozen ones (`requires_grad=False`) and buffers are not among
    them: they stay in the module, constant and the same for all tasks. Parameters that the module does not use have
    gradient zero; of tied weights there is one, whose gradient is the sum.

    `torch.vmap` computes all tasks at once, but it has no rule for some layers (GRU, LSTM), and a layer's rule can give
    a wrong derivative. So the first call computes value, gradient and second derivative of two tasks both ways, and
    takes the loop over tasks, with a warning, where they differ.
    What both get wrong it cannot know: `torch.nn.utils.parametrizations.weight_norm` has a wrong second derivative.
    Fused attention, which has no second derivative, is replaced by its formula.

    Args:
        module: called as `module(inputs)` with the inputs of one task `[sample, ...]`. As it stands at the first
            call: for another mode (`module.eval()`) or precision make another loss.
        criterion: from its outputs and the targets of one task to one number, a mean over the samples.
        batched: True for vmap, False for the loop; the first call finds out unless given.
        chunk: tasks that vmap computes at once; all of them unless given.

    Returns:
        From parameters `[task, ...]`, inputs and targets `[task, sample, ...]` to losses `[task]`. It raises
        ValueError for parameters that are not the module's, inputs and targets of other numbers of tasks, other
        devices or precisions, a module in another mode than at the first call, and a forward pass that changes
        buffers, such as running statistics: tasks would share them.
    """
    if not isinstance(module, nn.Module):
        raise ValueError(f"module must be a torch.nn.Module, got {module!r}.")
    if not callable(criterion):
        raise ValueError(f"criterion must be a function of outputs and targets, got {criterion!r}.")
    if batched not in (None, True, False):
        raise ValueError(f"batched must be True, False or None, got {batched!r}.")
    if chunk is not None:
        check_count("chunk", chunk)
    return TaskLoss(module, criterion, batched, chunk)


class TaskLoss:
    """What `task_loss` returns: parameters, inputs and targets of tasks to losses `[task]`."""

    def __init__(self, module: nn.Module, criterion: Criterion, batched: bool | None, chunk: int | None):
        for name, value in module.named_parameters():
            if nn.parameter.is_lazy(value):
                raise ValueError(f"module must have been called once, for the shape of its lazy {name} is not known.")
        self.module, self.criterion, self.chunk, self._batched = module, criterion, chunk, batched
        self.shapes = {name: value.shape for name, value in module.named_parameters() if value.requires_grad}
        self._plain, self._known = False, False
        self._modes: list[bool] = []
        if not self.shapes:
            raise ValueError("module must have at least one parameter that requires gradients, got none.")

    @property
    def batched(self) -> bool | None:
        """Whether tasks are computed at once; None until the first call has found out."""
        return self._batched

    def __call__(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
        self._check(parameters, inputs, targets)
        modes = [module.training for module in self.module.modules()]
        if not self._known:
            self._find_out((parameters, inputs, targets))
            self._modes = modes
        elif modes != self._modes:
            raise ValueError(
                "module must stay in the mode of the first call; for another one (train() or eval()) make another "
                "task_loss, which finds out anew how it can be computed."
            )
        return self._at_once(parameters, inputs, targets) if self._batched else self._loop(parameters, inputs, targets)

    def _one(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
        with plain_kernels() if self._plain else contextlib.nullcontext():
            loss = self.criterion(torch.func.functional_call(self.module, parameters, (inputs,)), targets)
        check_shape("what criterion gives for a task", loss)
        return loss

    def _at_once(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
        losses: Tensor = torch.vmap(self._one, chunk_size=self.chunk)(parameters, inputs, targets)
        return losses

    def _loop(
        self, parameters: Parameters, inputs: Tensor, targets: Tensor, constants: Parameters | None = None
    ) -> Tensor:
        columns = zip(*(value.unbind() for value in parameters.values()), strict=True)
        own = [dict(zip(parameters, values, strict=True)) | (constants or {}) for values in columns]
        return torch.stack([self._one(*task) for task in zip(own, inputs, targets, strict=True)])

    def _find_out(self, arguments: Arguments) -> None:
        """Which way is right: in double precision where the module can, for half a per cent is little in single."""
        try:
            self._compare(arguments, double=True)
        except (RuntimeError, TypeError):  # numbers of one precision stand in the module's code
            self._compare(arguments, double=False)
        self._known = True

    def _compare(self, arguments: Arguments, double: bool) -> None:
        with own_copies(arguments, self.module, double) as (few, constants):
            before = {name: value.clone() for name, value in constants.items()}

            def loop(learned: Parameters, *data: Tensor) -> Tensor:
                return self._loop(learned, data[0], data[1], constants)

            def at_once(learned: Parameters, *data: Tensor) -> Tensor:
                losses: Tensor = torch.vmap(lambda own, *row: self._one(own | constants, *row))(learned, *data)
                return losses

            right = self._derivatives(loop, few)
            changed = [name for name, value in constants.items() if not same(value, before[name])]
            if changed:
                raise ValueError(
                    f"module must not change its buffers, which tasks would share, but {changed[0]} changes: use "
                    "track_running_stats=False (the statistics of each batch), or module.eval()."
                )
            reason = None if self._batched is False else _what_vmap_gets_wrong(at_once, few, right)
        if self._batched and reason:
            raise ValueError(f"batched must be False for this module, because torch.vmap {reason}.")
        if reason:
            warnings.warn(
                f"task_loss computes {type(self.module).__name__} one task after another, because torch.vmap "
                f"{reason}; results are right, only slower.",
                stacklevel=4,
            )
        self._batched = reason is None and self._batched is not False

    def _derivatives(self, loop: Callable[..., Tensor], few: Arguments) -> list[Tensor]:
        """Of the loop; with plain kernels where the fused ones have no second derivative."""
        try:
            return flat_derivatives(loop, *few)
        except (RuntimeError, NotImplementedError) as error:
            if "derivative" not in str(error) and "backward" not in str(error):
                raise
        self._plain = True
        return flat_derivatives(loop, *few)

    def _check(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> None:
        if not all(isinstance(value, Tensor) for value in (inputs, targets)):
            raise ValueError(
                f"inputs and targets must be tensors, got {type(inputs).__name__} and {type(targets).__name__}."
            )
        check_dictionary("parameters", parameters)
        tasks = len(inputs)
        if len(targets) != tasks:
            raise ValueError(f"inputs and targets must be of the same tasks, got {tasks} and {len(targets)} tasks.")
        if parameters.keys() != self.shapes.keys():
            raise ValueError(
                f"parameters must be those of initial_parameters(module), {list(self.shapes)}, got {list(parameters)}."
            )
        for name, value in parameters.items():
            if value.shape[:1] != (tasks,) or value.shape[1:] != self.shapes[name]:
                raise ValueError(
                    f"{name} must have shape {[tasks, *self.shapes[name]]}, one for each task (see repeat_parameters), "
                    f"got {list(value.shape)}."
                )
        if value.device != inputs.device or value.device != targets.device:
            raise ValueError(
                f"parameters, inputs and targets must be on one device, got {value.device}, {inputs.device} and "
                f"{targets.device}."
            )
        for name, data in (("inputs", inputs), ("targets", targets)):
            if data.is_floating_point() and data.dtype != value.dtype:
                raise ValueError(f"{name} must have the parameters' type {value.dtype}, got {data.dtype}.")


@contextlib.contextmanager
def plain_kernels() -> Iterator[None]:
    """Attention and recurrent layers by their formulas, which can be differentiated twice; fused ones cannot."""
    with sdpa_kernel(SDPBackend.MATH), torch.backends.cudnn.flags(enabled=False):
        yield


def _what_vmap_gets_wrong(at_once: Callable[..., Tensor], few: Arguments, right: list[Tensor]) -> str | None:
    """Why the tasks cannot be computed at once, in words, or None."""
    try:
        found = flat_derivatives(at_once, *few)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        return f"fails with it ({str(error).strip().splitlines()[0][:120].rstrip('. ')})"
    for name, one, other in zip(("value", "gradient", "second derivative"), found, right, strict=True):
        if not same(one, other):
            return f"gives it another {name} than one task alone has"
    return None
