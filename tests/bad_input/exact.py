"""Bad input to `metarl_core.exact` and to the frame that checks are written in."""

import numpy as np
import torch

from metarl_core import exact
from metarl_core.check import Check, Wrong, design_check, function_check, value_check
from metarl_core.tasks import FewShot, TabularMDPs

TRANSITIONS, REWARDS = torch.full((2, 3, 2, 3), 1 / 3), torch.zeros(2, 3, 2)
PLANE = exact.landscape()
WRONG = Wrong("sign", "Which way?", 1.0)
WORDS, LABELS = torch.tensor([[97, 98], [98, 0]]), torch.tensor([[0, 1]])

CALLS = [
    ("bayes_optimal_value", lambda: exact.bayes_optimal_value(0, 3), "arms and pulls must be at least 1, got 0 and 3"),
    (
        "bayes_optimal_value",
        lambda: exact.bayes_optimal_value(2, -1),
        "pulls must be at least 1, got 2 and -1",
    ),
    ("gittins_indices", lambda: exact.gittins_indices(0), "horizon .*must be at least 1, got 0"),
    ("gittins_indices", lambda: exact.gittins_indices(3, discount=1.5), "discount must be in .*, got 1.5"),
    ("backward_induction", lambda: exact.backward_induction(TRANSITIONS, REWARDS, 0), "horizon .*at least 1, got 0"),
    ("backward_induction", lambda: exact.backward_induction(TRANSITIONS[:1, :2], REWARDS, 3), "transitions must have"),
    ("value_iteration", lambda: exact.value_iteration(TRANSITIONS, REWARDS, 1.5), "discount must be in .*, got 1.5"),
    ("value_iteration", lambda: exact.value_iteration(TRANSITIONS[..., :2], REWARDS, 0.9), "transitions must have"),
    ("policy_value", lambda: exact.policy_value(TRANSITIONS, REWARDS, REWARDS + 0.5, 0), "horizon .*at least 1, got 0"),
    ("policy_value", lambda: exact.policy_value(TRANSITIONS, REWARDS, REWARDS[:, :2], 3), "policy must have"),
    (
        "optimal_return",
        lambda: exact.optimal_return(TabularMDPs(), {"goal": torch.zeros(1)}),
        "tasks must have the entries",
    ),
    ("small_mdp", lambda: exact.small_mdp(-1), "seed must be at least 0, got -1"),
    ("gae_bias_and_variance", lambda: exact.gae_bias_and_variance(1.5, (0.5,)), "discount must be in .*, got 1.5"),
    ("expected_return", lambda: exact.expected_return(torch.zeros(3, 2), 0), "horizon must be at least 1, got 0"),
    ("policy_gradient", lambda: exact.policy_gradient(torch.zeros(3, 2), 0), "horizon must be at least 1, got 0"),
    ("draw_episodes", lambda: exact.draw_episodes(0, True, 5), "horizon must be at least 1, got 0"),
    ("draw_episodes", lambda: exact.draw_episodes(2, True, 0), "number must be at least 1, got 0"),
    (
        "meta_gradients",
        lambda: exact.meta_gradients(exact.draw_episodes(2, True, 4), 5, 0.1, 2),
        "support must be in .*, the number of episodes, got 5",
    ),
    ("bias_and_noise", lambda: exact.bias_and_noise(4, 0.1, 2, True, 7), "number must be at least twice the support"),
    ("landscape", lambda: exact.landscape(contrast=0.5), "contrast must be at least 1, got 0.5"),
    ("landscape_losses", lambda: exact.landscape_losses(PLANE, np.zeros(2)), "theta must have shape"),
    ("landscape_gradients", lambda: exact.landscape_gradients(PLANE, np.zeros(3)), "theta must have shape"),
    ("adapt_in_plane", lambda: exact.adapt_in_plane(PLANE, np.zeros(3), 0.1, 1), "theta must have shape"),
    ("adapt_in_plane", lambda: exact.adapt_in_plane(PLANE, np.zeros(2), 0.1, -1), "steps must be at least 0, got -1"),
    (
        "meta_direction",
        lambda: exact.meta_direction(PLANE, np.zeros(2), 0.1, 1, "ANIL"),
        "method must be one of .*'ANIL'",
    ),
    ("resting_point", lambda: exact.resting_point(PLANE, 0.1, 1, "MAML", 0), "iterations must be at least 1, got 0"),
    ("chain_symbols", lambda: exact.chain_symbols(WORDS, 1), "symbols must be at least 2, got 1"),
    ("chain_counts", lambda: exact.chain_counts(WORDS, 0), "symbols must be at least 2, got 0"),
    ("log_evidence", lambda: exact.log_evidence(torch.zeros(3, 3), torch.ones(2, 2)), r"counts must be \[..., 2, 2\]"),
    ("fit_prior", lambda: exact.fit_prior(torch.zeros(3, 3)), "counts must be a tensor"),
    ("fit_prior", lambda: exact.fit_prior(torch.zeros(2, 3, 3), (0.0,)), "strengths must be .*above 0, got 0.0"),
    (
        "chain_logits",
        lambda: exact.chain_logits(FewShot(WORDS[None], LABELS, WORDS[None], LABELS), torch.ones(2, 3), 2),
        r"prior must be \[symbols, symbols\], got \[2, 3\]",
    ),
    ("Wrong", lambda: Wrong("sign", "Which way?"), "'sign' needs an `answer`, a `when`, a `raises` or a `fault`"),
    ("Check", lambda: Check("slope", "value", (WRONG, WRONG), print), "the same misconception twice"),
    ("function_check", lambda: function_check("f", abs, list, WRONG, WRONG), "the same misconception twice"),
    ("value_check", lambda: value_check("slope", 2.0, WRONG, WRONG), "the same misconception twice"),
    ("design_check", lambda: design_check("plan", {"seeds": int}, WRONG), "needs a `when`"),
]
EXEMPT = {
    "Episodes": "a record",
    "Landscape": "a record",
    "all_trajectories": "is given nothing",
    "Case": "a record",
    "CheckFailed": "an exception",
    "Draw": "made by the checks, which choose seed and size",
    "NotDone": "an exception",
    "case": "takes any arguments: they are those of the learner's function",
}
