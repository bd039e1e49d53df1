"""The checks of chapter 03: double DQN's target, a replay ring, a target network, the bias of a maximum, a plan."""

import math

import torch

from metarl_core.check import Wrong, case, design_check, function_check, value_check
from metarl_core.check.compare import clone, difference

# ---------------------------------------------------------------- double_dqn_target


def _target_cases():
    for seed, (rows, actions) in enumerate(((4, 4), (6, 3), (9, 2))):  # square first: a wrong axis is silent there
        generator = torch.Generator().manual_seed(seed)
        rewards = torch.randn(rows, generator=generator)
        online, target = torch.randn(2, rows, actions, generator=generator)
        # In each row the two networks prefer different actions.
        online.scatter_(1, target.argmax(1, keepdim=True), online.amin(1, keepdim=True) - 1)
        terminated, truncated = torch.zeros(2, rows, dtype=torch.bool)
        terminated[0], truncated[1], terminated[2], truncated[2] = True, True, True, True
        discount = 0.9 + 0.03 * seed
        yield case(rewards, terminated, truncated, online.requires_grad_(), target.requires_grad_(), discount)


def _look_at_target(answer, *args):
    result = answer(*args)
    if not isinstance(result, torch.Tensor):
        raise TypeError("the targets should be a tensor")
    return {"targets": result.detach(), "gradient flows through the targets": result.requires_grad}


def _target_row_by_row(rewards, terminated, truncated, online, target, discount):
    values = []
    for row in range(len(rewards)):
        scores = online[row].tolist()
        future = 0.0 if bool(terminated[row]) else target[row].tolist()[scores.index(max(scores))]
        values.append(float(rewards[row]) + discount * future)
    return {"targets": torch.tensor(values), "gradient flows through the targets": False}


def _target(rewards, terminated, truncated, online, target, discount, over=None, choose=None, value=None, axis=1):
    over = terminated if over is None else over
    choose, value = (online if choose is None else choose), (target if value is None else value)
    if axis == 1:
        future = value.gather(1, choose.argmax(1, keepdim=True))[:, 0]
    else:
        future = value[torch.arange(len(value)), choose.argmax(0)]
    return (rewards + discount * torch.where(over, 0.0, future)).detach()


def _like_target(**changes):
    """A predicate: are the targets those of `_target` with some arguments replaced?"""

    def when(got, *args):
        made = {name: make(*args) for name, make in changes.items()}
        return difference(got["targets"], _target(*args, **made), 1e-4, 1e-6) is None

    return when


check_double_dqn_target = function_check(
    "double_dqn_target",
    _target_row_by_row,
    _target_cases,
    Wrong(
        "not_detached",
        "A gradient flows through your targets. What would an optimiser do with them, by (03.14)?",
        when=lambda got, *_: got["gradient flows through the targets"],
    ),
    Wrong(
        "no_termination",
        "An episode that has ended gets a future. Where do the terminated rows enter?",
        when=_like_target(over=lambda r, d, *_: torch.zeros_like(d)),
    ),
    Wrong(
        "truncation_as_termination",
        "A row that the time limit cut has lost its future. Did the MDP end there?",
        when=_like_target(over=lambda r, terminated, truncated, *_: terminated | truncated),
    ),
    Wrong(
        "truncation_wins",
        "One row is terminated and truncated in the same step, and you let it have a future. Which flag decides?",
        when=_like_target(over=lambda r, terminated, truncated, *_: terminated & ~truncated),
    ),
    Wrong(
        "wrong_axis",
        "Your argmax runs over the rows of the batch, and with as many rows as actions nobody notices. What is the "
        "agent to choose among?",
        when=lambda got, *args: (
            args[3].shape[0] == args[3].shape[1]
            and difference(got["targets"], _target(*args, axis=0), 1e-4, 1e-6) is None
        ),
    ),
    Wrong(
        "roles_swapped",
        "One network chooses and the other one values, but the wrong way round. Which of the two changes slowly, and "
        "which of the two jobs needs that?",
        when=_like_target(choose=lambda *args: args[4], value=lambda *args: args[3]),
    ),
    Wrong(
        "single_estimate",
        "One network both chooses and values, so its noise is counted twice. That is DQN without the word double.",
        when=_like_target(choose=lambda *args: args[4]),
    ),
    Wrong(
        "no_target_network",
        "The target network has no say in your targets.",
        when=_like_target(value=lambda *args: args[3]),
    ),
    Wrong(
        "reward_lost",
        "The terminated rows have lost their reward as well. What was paid in the last step was paid.",
        when=lambda got, *args: (
            difference(got["targets"], torch.where(args[1], 0.0, _target(*args)), 1e-4, 1e-6) is None
        ),
    ),
    observe=_look_at_target,
)

# ---------------------------------------------------------------- ring_write


def _ring(seed, capacity, written):
    """A ring of each learner with its last transitions, each a number of its own: 100 · learner + number."""
    ring = torch.zeros(len(written), capacity)
    for learner, count in enumerate(written):
        for number in range(max(0, count - capacity), count):
            ring[learner, number % capacity] = 100.0 * (learner + 1) + number
    return ring, torch.tensor(written)


def _write_cases():
    # The count is far above the capacity in one learner of each case, so that capped counts go wrong.
    for seed, (capacity, written, more) in enumerate(((5, (3, 13, 0), 4), (4, (9, 2), 2), (6, (5, 17, 6, 0), 6))):
        ring, counts = _ring(seed, capacity, written)
        yield case(ring, counts, torch.rand(len(written), more, generator=torch.Generator().manual_seed(seed)))


def _write_one_by_one(ring, written, new):
    rows, counts = ring.tolist(), written.tolist()
    for learner, values in enumerate(new.tolist()):
        for value in values:
            rows[learner][counts[learner] % len(rows[learner])] = value
            counts[learner] += 1
    return torch.tensor(rows), torch.tensor(counts)


def _write(ring, written, new, first=None, modulus=None, stop=False, count=None):
    ring, capacity = ring.clone(), ring.shape[1]
    first = written if first is None else first
    place = first[:, None] + torch.arange(new.shape[1])
    place = place.clamp_max(capacity - 1) if stop else place % (modulus or capacity)
    for learner in range(len(ring)):
        for slot, value in zip(place[learner].tolist(), new[learner].tolist(), strict=True):
            ring[learner, slot] = value
    return ring, written + new.shape[1] if count is None else count


check_ring_write = function_check(
    "ring_write",
    _write_one_by_one,
    _write_cases,
    Wrong(
        "stuck_at_the_end",
        "Once the ring is full, each new transition overwrites the newest one. Which one should go?",
        lambda ring, written, new: _write(ring, written, new, stop=True),
    ),
    Wrong(
        "off_by_one",
        "Everything stands one slot too late. In which slot does the very first transition stand, by (2)?",
        lambda ring, written, new: _write(ring, written, new, first=written + 1),
    ),
    Wrong(
        "short_ring",
        "One slot of the ring is never used. How many different remainders does the division in (2) have?",
        lambda ring, written, new: _write(ring, written, new, modulus=ring.shape[1] - 1),
    ),
    Wrong(
        "capped_count",
        "The ring is right and the count stops at the capacity. With what would the next call find its slot?",
        lambda ring, written, new: _write(
            ring, written, new, count=(written + new.shape[1]).clamp_max(ring.shape[1])
        ),
    ),
    Wrong(
        "count_forgotten",
        "The ring is right, and the count is still the old one. The next call would write over these transitions.",
        lambda ring, written, new: _write(ring, written, new, count=written),
    ),
    Wrong(
        "one_clock",
        "All learners write where the first one does. They may have written different numbers of transitions.",
        lambda ring, written, new: _write(ring, written, new, first=written[:1].expand_as(written)),
    ),
)  # fmt: skip

# ---------------------------------------------------------------- ring_sample

_DRAWS = 4000


def _sample_cases():
    for seed, (capacity, written) in enumerate(((6, (4, 15, 6)), (5, (7, 2)), (8, (3, 9, 30)))):
        ring, counts = _ring(seed, capacity, written)
        yield case(ring, counts, _DRAWS, torch.Generator().manual_seed(seed))


def _look_at_sample(answer, ring, written, size, generator):
    """What can be said of a sample without knowing how it was drawn."""
    again, other = clone(generator), torch.Generator().manual_seed(12345)
    held = ring.clone(), written.clone()
    torch.manual_seed(1)  # draws from the global source are not reproducible
    drawn = answer(ring, written, size, generator)
    torch.manual_seed(2)
    twin, different = answer(*clone(held), size, again), answer(*clone(held), size, other)
    facts = {
        "shape": list(drawn.shape),
        "unwritten slots": 0,
        "of other learners": 0,
        "never drawn": 0,
        "uneven": False,
        "same generator, same sample": torch.equal(drawn, twin),
        "other generator, other sample": not torch.equal(drawn, different),
    }
    if facts["shape"] != [len(held[0]), size]:
        return facts
    for learner, row in enumerate(drawn):
        own = held[0][learner]
        own = own[own > 0]
        counts = torch.tensor([int((row == value).sum()) for value in own])
        facts["unwritten slots"] += int((row == 0).sum())
        facts["of other learners"] += int((row != 0).sum() - counts.sum())
        facts["never drawn"] += int((counts == 0).sum())
        expected = size / len(own)
        # Six standard deviations of a binomial number.
        facts["uneven"] |= bool(((counts - expected).abs() > 6 * math.sqrt(expected)).any())
    return facts


def _facts_of_a_good_sample(ring, written, size, generator):
    return {
        "shape": [len(ring), size],
        "unwritten slots": 0,
        "of other learners": 0,
        "never drawn": 0,
        "uneven": False,
        "same generator, same sample": True,
        "other generator, other sample": True,
    }


check_ring_sample = function_check(
    "ring_sample",
    _facts_of_a_good_sample,
    _sample_cases,
    Wrong(
        "beyond_the_ring",
        "You look for a slot that the ring does not have. Written so far and still there are two numbers.",
        raises="out of bounds",
    ),
    Wrong(
        "mixes_learners",
        "Some learners get transitions of others.",
        when=lambda facts, *_: facts["of other learners"] > 0,
    ),
    Wrong(
        "unwritten",
        "Your minibatches hold zeros from slots that nobody has written: made-up transitions, from which a network "
        "learns that nothing is worth anything.",
        when=lambda facts, *_: facts["unwritten slots"] > 0,
    ),
    Wrong(
        "never_drawn",
        "Some transitions are never drawn in thousands of draws. Look at the ends of your range, and at learners "
        "that have written different numbers of them.",
        when=lambda facts, *_: facts["never drawn"] > 0,
    ),
    Wrong(
        "not_reproducible",
        "Two calls with equal generators gave two different samples. Where does your randomness come from?",
        when=lambda facts, *_: not facts["same generator, same sample"],
    ),
    Wrong(
        "always_the_same",
        "Another generator gives the same sample. What is random in it?",
        when=lambda facts, *_: not facts["other generator, other sample"],
    ),
    Wrong(
        "uneven",
        "All transitions are drawn, but some far more often than others.",
        when=lambda facts, *_: facts["uneven"],
    ),
    observe=_look_at_sample,
)

# ---------------------------------------------------------------- learn_with_target


def _learning_cases():
    for seed, (states, actions, updates, period) in enumerate(((5, 2, 10, 4), (4, 3, 9, 3), (6, 2, 11, 5))):
        generator = torch.Generator().manual_seed(seed)
        batches = []
        for _ in range(updates):
            state, following = torch.randint(states, (2, 8), generator=generator)
            action = torch.randint(actions, (8,), generator=generator)
            reward = torch.randn(8, generator=generator)
            terminated = torch.rand(8, generator=generator) < 0.2
            state[1], action[1] = state[0], action[0]  # one pair stands in each batch twice
            batches.append((state, action, reward, following, terminated))
        start = torch.randn(states, actions, generator=generator)
        yield case(start, batches, 0.9, 0.2, period)


def _learn_number_by_number(start, batches, discount, rate, period):
    online, target = start.tolist(), start.tolist()
    for update, batch in enumerate(batches, 1):
        changes = []
        for s, a, r, following, end in zip(*(part.tolist() for part in batch), strict=True):
            y = r if end else r + discount * max(target[following])
            changes.append((s, a, rate * (y - online[s][a])))
        for s, a, change in changes:
            online[s][a] += change
        if update % period == 0:
            target = [list(row) for row in online]
    return torch.tensor(online), torch.tensor(target)


def _learn(start, batches, discount, rate, period, copy_when=None, shared=False, early=False, sums=True):
    copy_when = copy_when or (lambda update: update % period == 0)
    online = start.clone()
    target = online if shared else start.clone()
    for update, (state, action, reward, following, terminated) in enumerate(batches, 1):
        if early and copy_when(update):
            target = online.clone()
        y = reward + discount * torch.where(terminated, 0.0, target[following].amax(-1))
        change = rate * (y - online[state, action])
        online.index_put_((state, action), change if sums else online[state, action] + change, accumulate=sums)
        if not early and not shared and copy_when(update):
            target = online.clone()
    return online, target


check_learn_with_target = function_check(
    "learn_with_target",
    _learn_number_by_number,
    _learning_cases,
    Wrong(
        "shared_memory",
        "Your target table equals the online table at every moment. Is it renewed too often, or is it one tensor under "
        "two names, which an update in place changes under both?",
        lambda *args: _learn(*args, shared=True),
    ),
    Wrong(
        "never_synchronised",
        "Your target table is still that of the start. Follow the counter by hand through the first few updates.",
        lambda *args: _learn(*args, copy_when=lambda update: False),
    ),
    Wrong(
        "counts_from_zero",
        "Your first copy comes too early, and so do all later ones. After how many updates does (3) ask for it?",
        lambda *args: _learn(*args, copy_when=lambda update: (update - 1) % args[-1] == 0),
    ),
    Wrong(
        "copy_before_update",
        "The moments are right, but the copy is made before the update that it should follow.",
        lambda *args: _learn(*args, early=True),
    ),
    Wrong(
        "repeated_pairs",
        "Where a pair of state and action stands in a minibatch twice, one of its two errors is lost. "
        "What does `table[i, j] += x` do with an index that is repeated?",
        lambda *args: _learn(*args, sums=False),
    ),
)

# ---------------------------------------------------------------- the bias of a maximum

# By sums over a fine grid of the standardised difference and not by formulas.
_Z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
_WEIGHT = torch.exp(-(_Z**2) / 2) / math.sqrt(2 * math.pi) * float(_Z[1] - _Z[0])


def _of_maximum(gap: float, sigma: float) -> float:
    """E max(x, y) for independent normal x and y with means 0 and −gap: max = y + (x − y)⁺."""
    return -gap + float(((gap + math.sqrt(2) * sigma * _Z).clamp_min(0) * _WEIGHT).sum())


def _of_double(gap: float, sigma: float) -> float:
    """−gap times the probability that the worse action looks better."""
    return -gap * float((_WEIGHT * ((gap + math.sqrt(2) * sigma * _Z) < 0)).sum())


_EQUAL, _SINGLE, _DOUBLE = _of_maximum(0.0, 3.0), _of_maximum(1.0, 1.0), _of_double(1.0, 1.0)

check_bias_equal = value_check(
    "bias_equal",
    _EQUAL,
    Wrong("unbiased", "Each estimate is unbiased. Their maximum is another random number.", 0.0),
    Wrong("no_half", "Look at max(x, y) = (x + y)/2 + |x − y|/2 again: a factor is missing.", 2 * _EQUAL),
    Wrong(
        "one_estimates_noise",
        "Your difference has the standard deviation of a single estimate. Variances of independent numbers add.",
        3 * math.sqrt(2 / math.pi) / 2,
    ),
    Wrong("standard_deviation_one", "That is the bias for σ = 1. Which σ is given?", _EQUAL / 3),
    Wrong(
        "variance", "The bias is measured in the unit of the values. Your answer has that of a variance.", 3 * _EQUAL
    ),
)

check_bias_single = value_check(
    "bias_single",
    _SINGLE,
    Wrong(
        "as_if_equal",
        "That is the bias for equal true values. Here one action is worse by 1.",
        _of_maximum(0.0, 1.0),
    ),
    Wrong(
        "no_half",
        "That is too much even for equal values. Is there a half somewhere?",
        2 / math.sqrt(math.pi),
    ),
    Wrong(
        "double",
        "That is the bias of the double estimate: what the wrong choices lose. Here the lucky noise counts, too.",
        _DOUBLE,
    ),
    Wrong(
        "unbiased",
        "The better action is better by only one standard deviation; the other one often looks better.",
        0.0,
    ),
)

check_bias_double = value_check(
    "bias_double",
    _DOUBLE,
    Wrong("sign", "The size is right. Is the double estimate too high or too low?", -_DOUBLE),
    Wrong("unbiased", "It has no bias for equal values only. What is lost when A chooses the worse action?", 0.0),
    Wrong(
        "one_estimates_noise",
        "The difference of two estimates has a larger standard deviation than each of them.",
        -0.5 * math.erfc(1 / math.sqrt(2)),
    ),
    Wrong("coin", "A does not toss a coin: it chooses the better action more often than not.", -0.5),
    Wrong("single", "That is the bias of the single estimate.", _SINGLE),
)

# ---------------------------------------------------------------- plan

SAME_STEP_SIZE, OWN_STEP_SIZE = "the full agent's for all", "searched for each variant alike"
IN_TRAINING, GREEDY = "training episodes, with exploration", "greedy episodes from fresh starts"
LAST, BEST = "the last parameters", "the best checkpoint of each run"
STEPS, UNTIL_SOLVED = "the same environment steps for all", "each variant until it is solved"
NO_EFFECT, NO_EVIDENCE = "this ingredient does not matter", "no effect was found with this many seeds"

check_plan = design_check(
    "plan",
    {
        "changes_per_variant": int,
        "seeds": int,
        "step_size": (SAME_STEP_SIZE, OWN_STEP_SIZE),
        "measured_on": (IN_TRAINING, GREEDY),
        "reported": (LAST, BEST),
        "budget": (STEPS, UNTIL_SOLVED),
        "if_intervals_overlap": (NO_EFFECT, NO_EVIDENCE),
    },
    Wrong(
        "several_at_once",
        "With another number of changes than one you cannot say which of them did it, or there is nothing to see.",
        when=lambda plan: plan["changes_per_variant"] != 1,
    ),
    Wrong(
        "few_seeds",
        "In the chapter, single seeds of one and the same variant ended at 66 and at 500. How many do you need?",
        when=lambda plan: plan["seeds"] < 5,
    ),
    Wrong(
        "tuned_for_one",
        "The step size was chosen for the full agent. A variant may fail with it and do well with another one; then "
        "you have measured a step size.",
        when=lambda plan: plan["step_size"] == SAME_STEP_SIZE,
    ),
    Wrong(
        "exploring",
        "These episodes contain the random actions of ε. A variant that changes exploration would be judged by "
        "another yardstick than the rest.",
        when=lambda plan: plan["measured_on"] == IN_TRAINING,
    ),
    Wrong(
        "best_checkpoint",
        "The best of twenty noisy evaluations is high for a variant that swings up and down, too. Which number would "
        "a user of the agent get?",
        when=lambda plan: plan["reported"] == BEST,
    ),
    Wrong(
        "unequal_budget",
        "Variants that take longer get more data, and those that never get there get endless data.",
        when=lambda plan: plan["budget"] == UNTIL_SOLVED,
    ),
    Wrong(
        "absence_of_evidence",
        "Wide intervals overlap whatever the truth is. What have you learned from them?",
        when=lambda plan: plan["if_intervals_overlap"] == NO_EFFECT,
    ),
)
