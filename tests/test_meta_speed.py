"""All tasks in one batch must stay many times faster than one task after another."""

from functools import partial

import torch

from benchmarks import meta_rl
from benchmarks.meta import clones, images, ours, sinusoids, stepping, times


def test_batched_maml_beats_clones_of_modules():
    """10 times on sinusoids and 2 on images where this was measured; less than half of that is a defect."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for problem, least, chunk in ((sinusoids(), 4.0, None), (images(16), 1.2, 8)):
            contenders = {"clones": clones(problem), "ours": ours(problem, chunk=chunk)}
            measured = times({name: stepping(problem, one) for name, one in contenders.items()}, 5, 0.2)
            assert measured["clones"] > least * measured["ours"], measured
    finally:
        torch.set_num_threads(threads)


def test_batched_meta_rl_beats_a_plain_loop():
    """15 times in collecting support and query, the inner step included, where this was measured.

    The plain loop's meta-gradient is checked against the package's on the way.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        method, meta, tasks = meta_rl.setting()
        network = meta_rl.Network(method.policy)
        loop = meta_rl.PlainLoop(network, tasks["goal"].numpy())
        meta_rl.check(method, meta, tasks, loop)
        generator = torch.Generator().manual_seed(0)
        own = partial(method.collect, meta, tasks, generator)
        plain = {name: value.detach() for name, value in network.named_parameters()}
        own()
        ours = min(meta_rl.once(own) for _ in range(3))
        # 20 tasks, before and after adaptation, one environment each time
        one_task = partial(loop.sample, loop.environments[0], plain)
        theirs = 40 * min(meta_rl.once(one_task) for _ in range(3))
        assert theirs > 5 * ours, (theirs, ours)
    finally:
        torch.set_num_threads(threads)
