"""Answers to the exercises of chapter 11."""

import numpy as np
import torch
from torch import nn

from metarl_core.check import ch11

# ------------------------------------------------------------------ memories


def _by_rnn(weights, observations, actions, rewards, done, begins):
    """Right: torch's own recurrent network, a trial at a time."""
    w, u = weights["input"], weights["memory"]
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn
        net = nn.RNN(w.shape[1], u.shape[0], batch_first=True, dtype=torch.float64)
    state = {"weight_ih_l0": w, "weight_hh_l0": u, "bias_ih_l0": weights["bias"], "bias_hh_l0": 0 * weights["bias"]}
    net.load_state_dict(state)
    number = w.shape[1] - observations.shape[-1] - 2
    rows = []
    for s in range(len(actions)):
        ends = [*begins[s].nonzero()[:, 0].tolist(), actions.shape[1]]
        pieces = []
        for a, b in zip(ends[:-1], ends[1:], strict=True):
            past = torch.zeros(b - a, number + 2).double()
            past[1:, :number] = torch.eye(number).double()[actions[s, a : b - 1]]
            past[1:, number] = rewards[s, a : b - 1]
            past[1:, number + 1] = done[s, a : b - 1].double()
            pieces.append(net(torch.cat([observations[s, a:b], past], 1)[None])[0][0].detach())
        rows.append(torch.cat(pieces))
    return torch.stack(rows)


def _in_numpy(weights, observations, actions, rewards, done, begins):
    """Right: arrays, all streams at once."""
    w, u, c = (weights[k].numpy() for k in ("input", "memory", "bias"))
    o, a, r, d, b = (v.numpy() for v in (observations, actions, rewards, done, begins))
    eye = np.eye(w.shape[1] - o.shape[2] - 2)
    m, past, out = np.zeros((len(o), len(c))), np.zeros((len(o), len(eye) + 2)), []
    for t in range(o.shape[1]):
        keep = 1.0 - b[:, t : t + 1]
        m = np.tanh(np.hstack([o[:, t], keep * past]) @ w.T + (keep * m) @ u.T + c)
        past = np.hstack([eye[a[:, t]], r[:, t : t + 1], d[:, t : t + 1]])
        out.append(m)
    return torch.tensor(np.stack(out, 1))


def _variant(change):
    def answer(weights, observations, actions, rewards, done, begins):
        if change == "rewards clipped":
            rewards = rewards.clamp(-1, 1)
        if change == "begins late":
            begins = torch.cat([begins[:, :1], torch.zeros_like(begins[:, :1]), begins[:, 1:-1]], 1)[
                :, : begins.shape[1]
            ]
        if change == "first stream's flags":
            begins = begins[:1].expand_as(begins)
        if change == "flag inverted":
            done = ~done
        if change == "sigmoid":
            shifted = _in_numpy(weights, observations, actions, rewards, done, begins)
            return (1 + shifted) / 2
        found = _in_numpy(weights, observations, actions, rewards, done, begins)
        if change == "single precision":
            return found.float().double()
        if change == "last step only":
            return found[:, -1]
        if change == "time first":
            return found.transpose(0, 1)
        return found

    return answer


# ------------------------------------------------------------------ minibatch_losses


def _by_cell(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
    """Right: returns by a matrix of powers, memories by a list."""
    L = rewards.shape[1]
    apart = torch.arange(L)[None] - torch.arange(L)[:, None]
    powers = torch.where(apart >= 0, torch.as_tensor(discount, dtype=torch.float64) ** apart.clamp(min=0), 0.0)
    A = rewards @ powers.T - baseline
    memory, chances = torch.zeros(len(rewards), len(theta["memory"])).double(), []
    for t in range(L):
        memory = (inputs[:, t] @ theta["input"].mT + memory @ theta["memory"].mT).tanh()
        chances.append(torch.distributions.Categorical(logits=memory @ theta["policy"].mT).log_prob(actions[:, t]))
    per_trial = -((torch.stack(chances, 1) - old).exp() * A).mean(1)
    return torch.stack([part.mean() for part in per_trial.chunk(minibatches)])


def _loss_variant(change):
    def answer(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
        if change == "standardised":
            baseline = baseline + 0.1
        if change == "clipped":
            losses = _by_cell(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches)
            return losses.clamp(-1, 1)
        if change == "one minibatch":
            return _by_cell(theta, inputs, actions, old, rewards, done, baseline, discount, 1)
        if change == "rewards at the end":
            rewards = torch.cat([0 * rewards[:, :-1], rewards.sum(1, keepdim=True)], 1)
        if change == "shuffled":
            order = torch.arange(len(rewards)).flip(0)
            moved = (value[order] for value in (inputs, actions, old, rewards, done, baseline))
            return _by_cell(theta, *moved, discount, minibatches)
        if change == "old twice":
            old = 2 * old
        return _by_cell(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches)

    return answer


# ------------------------------------------------------------------ context_losses


def _by_distributions(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
    """Right: the prior as one more factor, divergences from torch, a loop over tasks."""
    first = second = 0.0
    for t in range(len(mean)):
        mu = torch.cat([0 * mean[t, :1].detach(), mean[t]])
        precision = torch.cat([1 + 0 * mean[t, :1].detach(), log_std[t].exp() ** -2])
        q = torch.distributions.Normal((mu * precision).sum(0) / precision.sum(0), precision.sum(0) ** -0.5)
        kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(torch.zeros_like(q.loc), 1.0)).sum()
        z = q.loc + q.scale * noise[t]
        one = torch.ones(1).double()
        predicted = torch.cat([states[t], actions[t]], 1) @ critic @ torch.cat([z, one])
        first = first + nn.functional.mse_loss(predicted, targets[t]) + kl_coef * kl
        with torch.no_grad():
            fixed = z.clone()
        a = torch.cat([states[t], fixed.expand(len(states[t]), -1)], 1).matmul(actor.T).tanh()
        second = second - (torch.cat([states[t], a], 1) @ critic @ torch.cat([fixed, one])).mean()
    return {"encoder_and_critic": first / len(mean), "actor": second / len(mean)}


def _context_variant(change):
    def answer(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
        if change == "same noise":
            noise = noise[:1].expand_as(noise)
        if change == "negative noise":
            noise = -noise
        if change == "std for log std":
            log_std = log_std.exp()
        if change == "first transition":
            mean, log_std = mean[:, :1], log_std[:, :1]
        found = _by_distributions(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef)
        if change == "swapped":
            return dict(zip(found, list(found.values())[::-1], strict=True))
        if change == "divergence subtracted":
            free = _by_distributions(mean, log_std, noise, states, actions, targets, critic, actor, 0.0)
            found["encoder_and_critic"] = 2 * free["encoder_and_critic"] - found["encoder_and_critic"]
        if change == "one loss":
            return found["encoder_and_critic"] + found["actor"]
        return found

    return answer


WRONG = [
    *[
        (ch11.check_memories, _variant(change))
        for change in (
            "rewards clipped", "begins late", "first stream's flags", "flag inverted", "sigmoid", "single precision",
            "last step only", "time first",
        )
    ],
    *[
        (ch11.check_minibatch_losses, _loss_variant(change))
        for change in ("standardised", "clipped", "one minibatch", "rewards at the end", "shuffled", "old twice")
    ],
    *[
        (ch11.check_context_losses, _context_variant(change))
        for change in (
            "same noise", "negative noise", "std for log std", "first transition", "swapped", "divergence subtracted",
            "one loss",
        )
    ],
]  # fmt: skip
RIGHT = [
    (ch11.check_memories, _by_rnn),
    (ch11.check_memories, _in_numpy),
    (ch11.check_minibatch_losses, _by_cell),
    (ch11.check_context_losses, _by_distributions),
]
