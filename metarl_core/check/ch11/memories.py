"""The check of the exercise `memories`."""

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import given_by


def _draw_case(draw):
    """1 to 4 streams of 1 to 20 steps, once 60 of each; episodes of 1 to 6 steps, trials of 1 to 4 episodes, all
    lengths drawn."""
    streams, steps = draw.integer(1, 4), draw.choice(1, *[draw.integer(2, 20)] * 6)
    streams, steps = draw.once(17, 60, streams), draw.once(18, 60, steps)
    hidden, seen, actions = draw.integer(1, 4), draw.integer(1, 3), draw.integer(2, 4)
    done, begins = _ends(draw, streams, steps)
    weights = {
        "input": 0.7 * draw.normal(hidden, seen + actions + 2),
        "memory": 0.9 * draw.normal(hidden, hidden),
        "bias": 0.3 * draw.normal(hidden),
    }
    within = done[:, :-1] & ~begins[:, 1:]
    taken = actions - (draw.seed % 4 == 3)  # the last action is not always among those that were taken
    return case(
        weights,
        draw.normal(streams, steps, seen),
        draw.integers(0, taken - 1, streams, steps),
        draw.skewed(streams, steps) + draw.uniform(-1, 1),
        done,
        begins,
    ).noting(
        {
            "an episode ends within a trial": within.any(),
            "a second trial begins": begins[:, 1:].any(),
            "a trial has two ends of episodes": (within.sum(1) > 1).any(),
            "there is a single step": steps == 1,
            "there is more than one stream": streams > 1,
            "the last action is never taken": taken < actions,
        }
    )


def _ends(draw, streams, steps):
    """Where episodes end and trials begin, `[stream, time]`: a trial begins at time 0 and behind its last episode."""
    done, begins = torch.zeros((2, streams, steps), dtype=torch.bool)
    begins[:, 0] = True
    for stream in range(streams):
        time, left = draw.integers(0, 5, 1).item(), draw.integers(0, 3, 1).item()
        while time < steps:
            done[stream, time] = True
            if left == 0 and time + 1 < steps:
                begins[stream, time + 1] = True
            left = draw.integers(0, 3, 1).item() if left == 0 else left - 1
            time += draw.integers(1, 6, 1).item()
    return done, begins


def _trial_by_trial(weights, observations, actions, rewards, done, begins):
    """Each trial on its own, from an empty memory, in numpy."""
    found = np.zeros((*actions.shape, len(weights["bias"])))
    w, u, c = (weights[name].numpy() for name in ("input", "memory", "bias"))
    number = w.shape[1] - observations.shape[-1] - 2
    for stream in range(len(actions)):
        starts = [*np.flatnonzero(begins[stream].numpy()), actions.shape[1]]
        for first, last in zip(starts[:-1], starts[1:], strict=True):
            m, before = np.zeros(len(c)), np.zeros(number + 2)
            for time in range(first, last):
                m = np.tanh(w @ np.concatenate([observations[stream, time].numpy(), before]) + u @ m + c)
                found[stream, time] = m
                acted = [float(actions[stream, time] == a) for a in range(number)]
                before = np.array([*acted, float(rewards[stream, time]), float(done[stream, time])])
    return torch.from_numpy(found)


def _read(
    late=(1, 1, 1), empty="trial", clear="trial", order="ard", rest=None, squash=torch.tanh, before=False, carry=False
):
    """The streams in tensors, a part of it changed.

    `late`: by how many steps action, reward and flag are late; `empty`, `clear`: where the memory is emptied and the
    inputs are cleared, at a trial's or an episode's beginning, or nowhere; `rest`: a part that is left out; `before`:
    the memory before a step is read; `carry`: one memory for all streams.
    """

    def answer(weights, observations, actions, rewards, done, begins):
        number = weights["input"].shape[1] - observations.shape[-1] - 2
        after = torch.cat([torch.ones_like(done[:, :1]), done[:, :-1]], 1)
        first = {"trial": begins, "episode": after, "never": torch.zeros_like(begins)}
        parts = {
            "a": torch.nn.functional.one_hot(actions, number).to(rewards.dtype),
            "r": rewards[..., None],
            "d": done[..., None].to(rewards.dtype),
        }
        for name, steps in zip("ard", late, strict=True):
            part = torch.zeros_like(parts[name])
            part[:, steps:] = parts[name][:, : len(part[0]) - steps]
            parts[name] = 0 * part if name == rest else part
        past = torch.cat([parts[name] for name in order], -1)
        cleared = first[clear]
        cleared = cleared if max(late) else torch.zeros_like(cleared)
        inputs = torch.cat([observations, past.masked_fill(cleared[..., None], 0)], -1)
        memory, found = rewards.new_zeros(len(rewards), len(weights["bias"])), []
        for time in range(rewards.shape[1]):
            memory = memory.masked_fill(first[empty][:, time, None], 0)
            following = squash(inputs[:, time] @ weights["input"].T + memory @ weights["memory"].T + weights["bias"])
            found.append(memory if before else following)
            memory = following
        return torch.stack(found, 1)

    return answer


check_memories = function_check(
    "memories",
    _trial_by_trial,
    _draw_case,
    Wrong(
        "emptied_at_episode",
        "Your memory is emptied where an episode ends. What has it found out by then, and when would that be of use?",
        when=given_by(_read(empty="episode", clear="episode"), _read(empty="episode")),
    ),
    Wrong(
        "never_emptied",
        "Your memory goes on where a new trial begins. What it holds there was found out about another task.",
        when=given_by(_read(empty="never"), _read(empty="never", clear="never")),
    ),
    Wrong(
        "past_of_another_trial",
        "Your memory is emptied in time. Then it reads an action, a reward and a flag: from which trial are they, at "
        "its first step?",
        _read(clear="never"),
    ),
    Wrong(
        "end_not_read",
        "Within a trial, the step behind an episode's end is read as if nothing had come before it. Which reward does "
        "your memory never see?",
        _read(clear="episode"),
    ),
    Wrong(
        "of_the_same_step",
        "Your memory reads what an action led to before that action is chosen. What can it know by then?",
        when=given_by(_read((0, 0, 0)), _read((0, 0, 0), clear="never"), _read((0, 0, 0), "episode")),
    ),
    Wrong(
        "reward_of_the_same_step",
        "Action and flag are those of the step before. The reward is that of the step whose action is yet to be "
        "chosen.",
        _read((1, 0, 1), clear="trial"),
    ),
    Wrong(
        "reward_late",
        "Action and flag are those of the step before. The reward belongs to an action that is one step older.",
        _read((1, 2, 1)),
    ),
    Wrong(
        "flag_of_the_same_step",
        "Action and reward are those of the step before, the flag is that of a step which has not been taken.",
        _read((1, 1, 0)),
    ),
    Wrong(
        "action_of_the_same_step",
        "Reward and flag are those of the step before. The action is the one that the memory is to help to choose.",
        _read((0, 1, 1)),
    ),
    Wrong(
        "other_order",
        "The right numbers meet weights that are made for others: in which order do the parts of the input stand?",
        when=given_by(*[_read(order=order) for order in ("rad", "adr", "dar", "rda", "dra")]),
    ),
    Wrong(
        "left_out",
        "One of the three parts behind the observation is always zero in your input.",
        when=given_by(*[_read(rest=name) for name in "ard"]),
    ),
    Wrong(
        "before_reading",
        "What you return for a step is the memory before the step's input was read. Which one does the policy see?",
        _read(before=True),
    ),
    Wrong(
        "not_squashed",
        "Your memory grows without bound. Which function is missing?",
        _read(squash=lambda x: x),
    ),
)
