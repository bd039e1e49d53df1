"""The check of the exercise `expected_target`."""

import torch

from metarl_core.check import Wrong, function_check
from metarl_core.check.ch03.minibatches import draw_batch, expected, like, look_at_targets, row_by_row, with_


def _over_rows(*args):
    """The greedy action of each row is sought among the rows."""
    rewards, terminated, _, online, target, discount, epsilon = args
    future = (1 - epsilon) * target[torch.arange(len(target)), online.argmax(0)] + epsilon * target.mean(1)
    return rewards + discount * torch.where(terminated, 0.0, future)


def _elsewhere(*args):
    """Exploration never takes the greedy action."""
    online, target, epsilon = args[3], args[4], args[6]
    chosen, actions = online.argmax(1, keepdim=True), online.shape[1]
    probability = torch.full_like(target, epsilon / (actions - 1)).scatter(1, chosen, 1 - epsilon)
    future = (probability * target).sum(1)
    return args[0] + args[5] * torch.where(args[1], 0.0, future)


check_expected_target = function_check(
    "expected_target",
    row_by_row,
    draw_batch,
    Wrong(
        "sampled",
        "You draw an action, and from a global generator. SARSA does; an expectation over a few actions needs no draw.",
        fault="global draws",
    ),
    Wrong(
        "not_detached",
        "A gradient flows through your targets. What would an optimiser do with them, by (03.14)?",
        when=lambda got, *_: not got["no gradient flows through them"],
    ),
    Wrong(
        "greedy_only",
        "Your targets do not know ε: they are those of an agent that never explores, (03.20).",
        when=with_(weights=lambda *_: (1.0, 0.0)),
    ),
    Wrong(
        "uniform_only",
        "Your targets are those of an agent that acts at random all the time.",
        when=with_(weights=lambda *_: (0.0, 1.0)),
    ),
    Wrong(
        "probabilities_beyond_one",
        "The probabilities that you weigh values with sum to 1 + ε. How often does the agent not explore?",
        when=with_(weights=lambda *args: (1.0, args[6])),
    ),
    Wrong(
        "probabilities_below_one",
        "The probabilities that you weigh values with sum to less than one. The greedy action is taken when the agent "
        "does not explore, and what else may explore take?",
        when=like(lambda *args: expected(*args, weights=(1 - args[6], 0.0))),
    ),
    Wrong(
        "epsilon_turned",
        "Your agent explores with probability 1 − ε.",
        when=with_(weights=lambda *args: (args[6], 1 - args[6])),
    ),
    Wrong(
        "epsilon_for_each",
        "Each action gets the whole ε. With what probability does an exploring agent take one of n actions?",
        when=with_(weights=lambda *args: (1 - args[6], args[6] * args[4].shape[1])),
    ),
    Wrong(
        "explores_elsewhere",
        "Your exploration never takes the greedy action. The text draws it from all actions.",
        when=like(_elsewhere),
    ),
    Wrong(
        "explores_by_online",
        "What exploration meets is valued by the online network. Which network values, by (1)?",
        when=with_(spread=lambda *args: args[3]),
    ),
    Wrong(
        "softmax_policy",
        "You weigh the actions by a softmax of their values. This agent's policy is another one.",
        when=like(lambda *args: expected(*args[:6], 1.0, spread=args[3].softmax(1) * args[4] * args[4].shape[1])),
    ),
    Wrong(
        "truncation_wins",
        "A row is terminated and truncated in the same step, and you let it have a future. Which flag decides?",
        when=with_(over=lambda r, terminated, truncated, *_: terminated & ~truncated),
    ),
    Wrong(
        "ends_only_where_both",
        "A row loses its future only where it is terminated and truncated at once. Is one of the two enough?",
        when=with_(over=lambda r, terminated, truncated, *_: terminated & truncated),
    ),
    Wrong(
        "no_termination",
        "An episode that has ended gets a future. Where do the terminated rows enter?",
        when=with_(over=lambda r, d, *_: torch.zeros_like(d)),
    ),
    Wrong(
        "truncation_as_termination",
        "A row that the time limit cut has lost its future. Did the MDP end there?",
        when=with_(over=lambda r, terminated, truncated, *_: terminated | truncated),
    ),
    Wrong(
        "flags_swapped",
        "Truncated rows lose their future, and terminated ones keep it. After which of the two has the MDP ended?",
        when=with_(over=lambda r, terminated, truncated, *_: truncated),
    ),
    Wrong(
        "flags_inverted",
        "Terminated rows get a future, and the others get none. What does your factor make of True?",
        when=with_(over=lambda r, terminated, *_: ~terminated),
    ),
    Wrong(
        "wrong_axis",
        "Your argmax runs over the rows of the batch, and with as many rows as actions nobody notices. What is the "
        "agent to choose among?",
        when=lambda got, *args: args[3].shape[0] == args[3].shape[1] and like(_over_rows)(got, *args),
    ),
    Wrong(
        "roles_swapped",
        "One network chooses the greedy action and the other one values it, but the wrong way round. Which of the two "
        "changes slowly, and which of the two jobs needs that?",
        when=with_(choose=lambda *args: args[4], value=lambda *args: args[3]),
    ),
    Wrong(
        "single_estimate",
        "One network both chooses the greedy action and values it, so its noise is counted twice.",
        when=with_(choose=lambda *args: args[4]),
    ),
    Wrong(
        "no_target_network",
        "The target network has no say in your targets.",
        when=with_(value=lambda *args: args[3], spread=lambda *args: args[3]),
    ),
    Wrong(
        "greedy_by_online",
        "The greedy action is chosen *and* valued by the online network. Which network values, by (1)?",
        when=with_(value=lambda *args: args[3]),
    ),
    Wrong(
        "one_choice_for_all",
        "One and the same action is chosen for all rows. To what does each row's choice belong?",
        when=with_(choose=lambda *args: args[3].sum(0, keepdim=True).expand_as(args[3])),
    ),
    Wrong(
        "reward_lost",
        "The terminated rows have lost their reward as well. What was paid in the last step was paid.",
        when=like(lambda *args: torch.where(args[1], 0.0, expected(*args))),
    ),
    Wrong(
        "undiscounted",
        "Your targets are the same for every γ.",
        when=like(lambda *args: expected(*args[:5], 1.0, args[6])),
    ),
    Wrong(
        "discounts_the_reward",
        "Your γ multiplies the reward as well. When is that paid?",
        when=like(lambda *args: expected(args[5] * args[0], *args[1:])),
    ),
    Wrong(
        "worst_action",
        "The action that you call greedy is the one that the online network values least.",
        when=with_(choose=lambda *args: -args[3]),
    ),
    observe=look_at_targets,
)
