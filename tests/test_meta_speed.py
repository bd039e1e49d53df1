"""All tasks in one batch must stay many times faster than one task after another."""

import torch

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
