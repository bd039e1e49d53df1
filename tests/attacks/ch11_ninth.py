"""Answers to exercises of chapter 11, from a ninth attack."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from metarl_core.check import ch11

from . import named

# ------------------------------------------------------------------ streams


def _memory(read=None, empties=None, order=None, zero_where=None, squash=torch.tanh, reward_of=None, out=None):
    def answer(weights, observations, actions, rewards, done, begins):
        w, u, c = weights["input"], weights["memory"], weights["bias"]
        number = w.shape[1] - observations.shape[2] - 2
        hot = functional.one_hot(actions.long(), number).to(w.dtype)
        r = rewards if reward_of is None else reward_of(rewards, done)
        led = [hot, r[..., None], done[..., None].to(w.dtype)]
        led = torch.cat(led if order is None else order(led), -1)
        before = torch.cat([torch.zeros_like(led[:, :1]), led[:, :-1]], 1) if read is None else read(led)
        where = begins if zero_where is None else zero_where(begins, done)
        before = before.masked_fill(where[..., None], 0)
        x = torch.cat([observations, before], -1)
        memory, kept = torch.zeros(len(x), len(u), dtype=w.dtype), []
        for t in range(x.shape[1]):
            empty = begins[:, t] if empties is None else empties(begins, done, t)
            memory = memory.masked_fill(empty[:, None], 0)
            memory = squash(x[:, t] @ w.T + memory @ u.T + c)
            kept.append(memory)
        kept = torch.stack(kept, 1)
        return kept if out is None else out(kept, begins)

    return answer


def _done_before(begins, done, t):
    return begins[:, t] | (done[:, t - 1] if t else begins[:, t])


def _any_stream(begins, done, t):
    return begins[:, t].any().expand(len(begins))


def _bias_less_at_first(weights, observations, actions, rewards, done, begins):
    """In the first step nothing is read, not even the bias."""
    found = _memory()(weights, observations, actions, rewards, done, begins)
    u, w = weights["memory"], weights["input"]
    first = torch.tanh(observations @ w[:, : observations.shape[2]].T)
    del u
    return torch.where(begins[..., None], first, found)


def _number_of_actions_seen(weights, observations, actions, rewards, done, begins):
    """The one-hot is as wide as the largest action; what is missing is filled up behind the flag."""
    w = weights["input"]
    hot = functional.one_hot(actions.long()).to(w.dtype)
    led = torch.cat([hot, rewards[..., None], done[..., None].to(w.dtype)], -1)
    led = functional.pad(led, (0, w.shape[1] - observations.shape[2] - led.shape[2]))
    before = torch.cat([torch.zeros_like(led[:, :1]), led[:, :-1]], 1) * ~begins[..., None]
    memory, kept = torch.zeros(len(w)).to(w), []
    x = torch.cat([observations, before], -1)
    memory = memory.expand(len(x), -1)
    for t in range(x.shape[1]):
        memory = torch.tanh(x[:, t] @ w.T + (memory * ~begins[:, t, None]) @ weights["memory"].T + weights["bias"])
        kept.append(memory)
    return torch.stack(kept, 1)


def _flags_in_place(weights, observations, actions, rewards, done, begins):
    begins[:, 0] = True
    rewards[:, -1] = 0
    return _memory()(weights, observations, actions, rewards, done, begins)


def _keeps_last_memory(last={}):  # noqa: B006
    def answer(weights, observations, actions, rewards, done, begins):
        found = _memory()(weights, observations, actions, rewards, done, begins)
        key = found.shape
        if key in last:
            found = found + 1e-3 * last[key]
        last[key] = found.detach().clone()
        return found

    return answer


def _memory_loops(weights, observations, actions, rewards, done, begins):
    w, u, c = (weights[n].detach().numpy() for n in ("input", "memory", "bias"))
    o, a, r, d, b = (x.detach().numpy() for x in (observations, actions, rewards, done, begins))
    number = w.shape[1] - o.shape[2] - 2
    out = np.zeros((*o.shape[:2], len(u)))
    for i in range(len(o)):
        m = np.zeros(len(u))
        for t in range(o.shape[1]):
            tail = np.zeros(number + 2)
            if b[i, t]:
                m = np.zeros(len(u))
            else:
                tail[a[i, t - 1]], tail[-2], tail[-1] = 1, r[i, t - 1], d[i, t - 1]
            m = np.tanh(w @ np.concatenate([o[i, t], tail]) + u @ m + c)
            out[i, t] = m
    return torch.from_numpy(out)


def _memory_rnn(weights, observations, actions, rewards, done, begins):
    """torch's own cell; trials are cut out and run one by one."""
    w, u, c = weights["input"], weights["memory"], weights["bias"]
    cell = nn.RNN(w.shape[1], len(u), batch_first=True, dtype=w.dtype, device="meta")
    free = {"weight_ih_l0": w, "weight_hh_l0": u, "bias_ih_l0": c, "bias_hh_l0": torch.zeros_like(c)}
    eye = torch.eye(w.shape[1] - observations.shape[2] - 2, dtype=w.dtype)
    rows = []
    for o, a, r, d, b in zip(observations, actions.long(), rewards, done, begins, strict=True):
        places = [*b.nonzero()[:, 0].tolist(), len(b)]
        parts = []
        for at, end in zip(places[:-1], places[1:], strict=True):
            led = torch.cat([eye[a[at:end]], r[at:end, None], d[at:end, None].to(w.dtype)], 1)
            x = torch.cat([o[at:end], functional.pad(led, (0, 0, 1, 0))[:-1]], 1)
            parts.append(torch.func.functional_call(cell, free, (x[None],))[0][0])
        rows.append(torch.cat(parts))
    return torch.stack(rows).detach()


def _memory_split_weights(weights, observations, actions, rewards, done, begins):
    n = observations.shape[2]
    for_o, for_a, for_r, for_d = weights["input"].split([n, weights["input"].shape[1] - n - 2, 1, 1], 1)
    goes_on = (~begins).to(observations.dtype)
    memory, kept = None, []
    for t in range(begins.shape[1]):
        total = observations[:, t] @ for_o.T + weights["bias"]
        if t > 0:
            old = (
                for_a.T[actions[:, t - 1].long()]
                + rewards[:, t - 1, None] * for_r[:, 0]
                + done[:, t - 1, None] * for_d[:, 0]
            )
            total = total + goes_on[:, t, None] * (old + memory @ weights["memory"].T)
        memory = total.tanh()
        kept.append(memory)
    return torch.stack(kept, 1)


# ------------------------------------------------------------------ minibatches


def _losses(
    stop=False, ends=False, chunks=None, start=None, gain_of=None, total=None, advantage_of=None, ratio_of=None,
    begin_of=None,
):  # fmt: skip
    def answer(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
        gain, gains = torch.zeros_like(rewards[:, 0]), []
        for t in reversed(range(rewards.shape[1])):
            gain = rewards[:, t] + discount * gain * (~done[:, t] if ends else 1)
            gains.insert(0, gain)
        gains = torch.stack(gains, 1)
        gains = gains if gain_of is None else gain_of(gains, rewards, discount)
        advantage = gains - baseline
        advantage = advantage if advantage_of is None else advantage_of(advantage)
        losses = []
        trials = torch.arange(len(rewards))
        for part in trials.chunk(minibatches) if chunks is None else chunks(trials, minibatches):
            memory, log_pi = rewards.new_zeros(len(part), len(theta["memory"])), []
            for t in range(rewards.shape[1]):
                if begin_of is not None and t:
                    memory = begin_of(memory, done[part, t - 1])
                memory = torch.tanh(inputs[part, t] @ theta["input"].T + memory @ theta["memory"].T)
                log_pi.append(
                    (memory @ theta["policy"].T).log_softmax(-1).gather(-1, actions[part, t, None].long())[:, 0]
                )
                memory = memory.detach() if stop and t % 4 == 3 else memory
            log_pi = torch.stack(log_pi, 1)
            ratio = (log_pi - old[part]).exp() if ratio_of is None else ratio_of(log_pi, old[part])
            losses.append(-(ratio * advantage[part]).mean() if total is None else total(ratio * advantage[part]))
        return torch.stack(losses)

    return answer


def _strided(trials, minibatches):
    return [trials[k::minibatches] for k in range(min(minibatches, len(trials)))]


def _even_split(trials, minibatches):
    """As many parts as asked for, of sizes that differ by one."""
    return [part for part in trials.tensor_split(minibatches) if len(part)]


def _whole_parts(trials, minibatches):
    size = max(1, len(trials) // minibatches)
    return [trials[k : k + size] for k in range(0, len(trials), size)]


def _only_full(trials, minibatches):
    parts = trials.chunk(minibatches)
    return [part for part in parts if len(part) == len(parts[0])]


def _losses_at_once(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
    """One pass for all trials; the minibatches are cut from what comes out."""
    horizon = rewards.shape[1]
    lag = torch.arange(horizon)[:, None] - torch.arange(horizon)
    weight = torch.where(lag >= 0, torch.as_tensor(discount, dtype=rewards.dtype) ** lag.clamp_min(0), 0.0)
    advantage = rewards @ weight - baseline
    memory, kept = torch.zeros(len(rewards), len(theta["memory"])).to(rewards), []
    for x in inputs.unbind(1):
        memory = (x @ theta["input"].T + memory @ theta["memory"].T).tanh()
        kept.append(memory)
    logits = torch.stack(kept, 1) @ theta["policy"].T
    log_pi = -functional.cross_entropy(logits.flatten(0, 1), actions.flatten().long(), reduction="none").view(
        actions.shape
    )
    terms = torch.exp(log_pi - old) * advantage
    return torch.stack([-part.mean() for part in terms.chunk(minibatches)])


def _losses_rnn(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
    shape = inputs.shape[2], len(theta["memory"])
    cell = nn.RNN(*shape, bias=False, batch_first=True, dtype=rewards.dtype, device="meta")
    free = {"weight_ih_l0": theta["input"], "weight_hh_l0": theta["memory"]}
    losses = []
    for x, a, o, r, b in zip(*(y.chunk(minibatches) for y in (inputs, actions, old, rewards, baseline)), strict=True):
        read = torch.func.functional_call(cell, free, (x,))[0]
        policy = torch.distributions.Categorical(logits=read @ theta["policy"].T)
        gain = torch.zeros_like(r)
        for t in range(r.shape[1]):
            gain[:, t] = sum(discount ** (k - t) * r[:, k] for k in range(t, r.shape[1]))
        losses.append(((policy.log_prob(a) - o).exp() * (b - gain)).sum() / r.numel())
    return torch.stack(losses)


# ------------------------------------------------------------------ a belief


def _context(
    precision_of=None, mean_of=None, std_of=None, kl_of=None, error_of=None, actor_z=None, squash=torch.tanh,
    actor_sign=-1.0, critic_of=None, kl_weight=None, total=None,
):  # fmt: skip
    def answer(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
        weight = (-2 * log_std).exp()
        precision = 1 + weight.sum(1) if precision_of is None else precision_of(weight)
        centre = (weight * mean).sum(1) / precision if mean_of is None else mean_of(weight, mean, precision)
        std = precision.rsqrt() if std_of is None else std_of(precision)
        z = centre + std * noise

        def value(s, a, z, c):
            left = torch.cat([s, a], -1)
            right = torch.cat([z, torch.ones_like(z[:, :1])], -1)
            return torch.einsum("tmi,ij,tj->tm", left, c, right)

        error = value(states, actions, z, critic) - targets
        error = error.square().mean(1) if error_of is None else error_of(error)
        kl = (0.5 * (std**2 + centre**2 - 1) - std.log()).sum(1) if kl_of is None else kl_of(std, centre)
        first = (error + kl_coef * kl).mean() if total is None else total(error, kl, kl_coef)
        still = z.detach() if actor_z is None else actor_z(z, centre)
        read = torch.cat([states, still[:, None].expand(-1, states.shape[1], -1)], -1)
        chosen = squash(read @ actor.T)
        second = actor_sign * value(states, chosen, still, critic if critic_of is None else critic_of(critic)).mean()
        return {"encoder_and_critic": first, "actor": second}

    return answer


def _context_distributions(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
    """The product factor by factor, and torch's own divergence."""
    mu, var = torch.zeros_like(noise), torch.ones_like(noise)
    for m, s in zip(mean.unbind(1), log_std.unbind(1), strict=True):
        other = torch.exp(2 * s)
        mu, var = (mu * other + m * var) / (var + other), var * other / (var + other)
    belief = torch.distributions.Normal(mu, var.sqrt())
    z = belief.mean + belief.stddev * noise
    kl = torch.distributions.kl_divergence(belief, torch.distributions.Normal(0.0, 1.0)).sum(-1)

    def q(a, z):
        x = torch.cat([states, a], -1)
        y = torch.cat([z, z.new_ones(len(z), 1)], -1)[:, None].expand(*x.shape[:2], -1)
        return ((x @ critic) * y).sum(-1)

    first = functional.mse_loss(q(actions, z), targets) + kl_coef * kl.mean()
    zbar = z.detach()
    chosen = torch.tanh(torch.cat([states, zbar[:, None].repeat(1, states.shape[1], 1)], -1) @ actor.mT)
    return {"actor": -q(chosen, zbar).mean(), "encoder_and_critic": first}


def _context_loops(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
    first, second = 0, 0
    one = torch.ones(1, dtype=mean.dtype)
    for t in range(len(mean)):
        precision = 1 + torch.exp(-2 * log_std[t]).sum(0)
        mu = (mean[t] / torch.exp(log_std[t]) ** 2).sum(0) / precision
        z = mu + noise[t] / precision.sqrt()
        kl = 0.5 * (1 / precision + mu**2 - 1 + precision.log()).sum()
        errors, gains = 0, 0
        for s, a, y in zip(states[t], actions[t], targets[t], strict=True):
            errors = errors + (torch.cat([s, a]) @ critic @ torch.cat([z, one]) - y) ** 2
            chosen = torch.tanh(actor @ torch.cat([s, z.detach()]))
            gains = gains + torch.cat([s, chosen]) @ critic @ torch.cat([z.detach(), one])
        first = first + (errors / len(states[t]) + kl_coef * kl) / len(mean)
        second = second - gains / len(states[t]) / len(mean)
    return {"encoder_and_critic": first, "actor": second}


PLAN = {
    "tasks": "held-out tasks, the same for all methods",
    "context_from": "earlier episodes of the same task, played by the agent itself",
    "first_episode": "reported, with an empty context",
    "budget_in_a_task": "the same episodes and steps for all",
    "reference": "the best agent that does not know the task, and one that does",
    "control": "the same weights with an empty context, and with the context of another task",
    "weights": "the last",
    "seeds": 10,
    "interval_over": "trainings",
}
WORDS = {n: w for n, w in ch11.check_plan.subject.items() if isinstance(w, tuple)}
OTHERS = [{name: word} for name, words in WORDS.items() for word in words if word != PLAN[name]]

WRONG = [
    *named(
        ch11.check_memories,
        _bias_less_at_first,
        _number_of_actions_seen,
        _flags_in_place,
        keeps=_keeps_last_memory(),
        at_episodes=_memory(empties=_done_before),
        any_stream=_memory(empties=_any_stream),
        never=_memory(empties=lambda begins, done, t: torch.zeros_like(begins[:, t])),
        only_at_zero=_memory(empties=lambda begins, done, t: torch.full_like(begins[:, t], t == 0)),
        one_late=_memory(empties=lambda begins, done, t: begins[:, max(t - 1, 0)]),
        now=_memory(read=lambda led: led),
        two_before=_memory(
            read=lambda led: torch.cat([torch.zeros_like(led[:, :2]), led[:, :-2]], 1)[:, : led.shape[1]]
        ),
        reads_across=_memory(zero_where=lambda begins, done: torch.zeros_like(begins)),
        forgets_after_ends=_memory(
            zero_where=lambda begins, done: begins | torch.cat([begins[:, :1], done[:, :-1]], 1)
        ),
        reward_first=_memory(order=lambda led: [led[1], led[0], led[2]]),
        flag_first=_memory(order=lambda led: [led[0], led[2], led[1]]),
        no_reward_at_ends=_memory(reward_of=lambda r, done: r * ~done),
        linear=_memory(squash=lambda x: x),
        sigmoid=_memory(squash=torch.sigmoid),
        after_emptying=_memory(out=lambda kept, begins: torch.cat([torch.zeros_like(kept[:, :1]), kept[:, :-1]], 1)),
    ),
    *named(
        ch11.check_minibatch_losses,
        cut_each_four=_losses(stop=True),
        ends=_losses(ends=True),
        strided=_losses(chunks=_strided),
        even=_losses(chunks=_even_split),
        smaller=_losses(chunks=_whole_parts),
        only_full=_losses(chunks=_only_full),
        cut_at_episodes=_losses(begin_of=lambda memory, done: memory * ~done[:, None]),
        stopped_at_episodes=_losses(begin_of=lambda memory, done: torch.where(done[:, None], memory.detach(), memory)),
        clipped=_losses(ratio_of=lambda new, old: (new - old).exp().clamp(0.8, 1.2)),
        fresh_old=_losses(ratio_of=lambda new, old: (new - new.detach()).exp()),
        log_ratio=_losses(ratio_of=lambda new, old: new - old),
        whole_trial=_losses(ratio_of=lambda new, old: (new - old).cumsum(1).exp()),
        normalised=_losses(advantage_of=lambda a: (a - a.mean()) / a.std()),
        centred=_losses(advantage_of=lambda a: a - a.mean()),
        summed=_losses(total=lambda terms: -terms.sum()),
        of_trials=_losses(total=lambda terms: -terms.sum(1).mean()),
        up=_losses(total=lambda terms: terms.mean()),
        whole_return=_losses(gain_of=lambda g, r, discount: g[:, :1].expand(g.shape)),
        undiscounted=_losses(gain_of=lambda g, r, discount: r.flip(1).cumsum(1).flip(1)),
        without_now=_losses(gain_of=lambda g, r, discount: g - r),
        from_the_start=_losses(gain_of=lambda g, r, discount: g * discount ** torch.arange(g.shape[1])),
    ),
    *named(
        ch11.check_context_losses,
        no_prior=_context(precision_of=lambda w: w.sum(1)),
        prior_each=_context(precision_of=lambda w: (1 + w).sum(1)),
        mean_precision=_context(precision_of=lambda w: 1 + w.mean(1)),
        plain_mean=_context(mean_of=lambda w, m, p: m.mean(1)),
        mean_without_prior=_context(mean_of=lambda w, m, p: (w * m).sum(1) / w.sum(1)),
        variance_for_std=_context(std_of=lambda p: 1 / p),
        kl_mean=_context(kl_of=lambda std, mu: (0.5 * (std**2 + mu**2 - 1) - std.log()).mean(1)),
        kl_turned=_context(kl_of=lambda std, mu: (0.5 * ((1 + mu**2) / std**2 - 1) + std.log()).sum(1)),
        kl_twice=_context(kl_of=lambda std, mu: (std**2 + mu**2 - 1 - 2 * std.log()).sum(1)),
        kl_no_mean=_context(kl_of=lambda std, mu: (0.5 * (std**2 - 1) - std.log()).sum(1)),
        kl_over_transitions=_context(total=lambda e, kl, c: (e + c * kl / 3).mean()),
        kl_summed=_context(total=lambda e, kl, c: e.mean() + c * kl.sum()),
        kl_less=_context(total=lambda e, kl, c: (e - c * kl).mean()),
        half_error=_context(error_of=lambda e: 0.5 * e.square().mean(1)),
        sum_error=_context(error_of=lambda e: e.square().sum(1)),
        huber=_context(error_of=lambda e: functional.smooth_l1_loss(e, torch.zeros_like(e), reduction="none").mean(1)),
        moves_belief=_context(actor_z=lambda z, mu: z),
        acts_on_mean=_context(actor_z=lambda z, mu: mu.detach()),
        no_tanh=_context(squash=lambda x: x),
        actor_up=_context(actor_sign=1.0),
        moves_mean=_context(actor_z=lambda z, mu: z.detach() + mu - mu.detach()),
    ),
    *((ch11.check_plan, {**PLAN, **change}) for change in [*OTHERS[::2], {"seeds": 4}, {"seeds": "10"}]),
]
RIGHT = [
    *named(
        ch11.check_memories,
        _memory_loops,
        _memory_rnn,
        _memory_split_weights,
        around=_memory(read=lambda led: led.roll(1, 1)),  # the first step of a trial reads nothing
    ),
    *named(ch11.check_minibatch_losses, _losses_at_once, _losses_rnn),
    *named(ch11.check_context_losses, _context_distributions, _context_loops),
    (ch11.check_plan, PLAN),
    (ch11.check_plan, {**PLAN, "seeds": np.uint64(5)}),
]
