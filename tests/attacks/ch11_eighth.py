"""Answers to exercises of chapter 11, from an eighth attack."""

import torch

from metarl_core.check import ch11

from . import named


def _memories(streams=10**6, steps=10**6, clip=None, act=torch.tanh, first=0.0):
    def answer(weights, observations, actions, rewards, done, begins):
        w, u, c = (weights[k] for k in ("input", "memory", "bias"))
        number = w.shape[1] - observations.shape[-1] - 2
        rows = torch.zeros(len(actions), actions.shape[1], len(c)).double()
        memory = rows[:, 0]
        for t in range(min(actions.shape[1], steps)):
            past = torch.zeros(len(actions), number + 2).double()
            if t:
                r = rewards[:, t - 1].clamp(-clip, clip) if clip else rewards[:, t - 1]
                past[:, :number] = torch.nn.functional.one_hot(actions[:, t - 1], number).double()
                past[:, number], past[:, number + 1] = r, done[:, t - 1].double()
            new = begins[:, t, None]
            past, memory = past.masked_fill(new, 0.0), memory.masked_fill(new, first)
            memory = act(torch.cat([observations[:, t], past], 1) @ w.T + memory @ u.T + c)
            rows[:, t] = memory
        rows[streams:] = 0.0
        return rows

    return answer


def _softsign_near_tanh(x):
    return (torch.tanh(x.float())).double()


def _streams_apart(weights, observations, actions, rewards, done, begins):
    found = []
    for o, a, r, d, b in zip(observations, actions.tolist(), rewards, done, begins, strict=True):
        memory, past, row = weights["bias"] * 0, None, []
        n = weights["input"].shape[1] - o.shape[1] - 2
        for t in range(len(a)):
            if b[t] or past is None:
                memory, past = memory * 0, o.new_zeros(n + 2)
            memory = torch.tanh(
                weights["input"] @ torch.cat([o[t], past]) + weights["memory"] @ memory + weights["bias"]
            )
            past = torch.cat([torch.eye(n).to(o)[a[t]], r[t : t + 1], d[t : t + 1].to(o)])
            row.append(memory)
        found.append(torch.stack(row))
    return torch.stack(found)


# ------------------------------------------------------------------ minibatches


def _parts(
    trials=10**6, steps=10**6, clip=None, deal=lambda n, k: torch.arange(n).chunk(k), truncate=None, total=False
):  # fmt: skip
    def answer(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
        gain, gains = torch.zeros_like(rewards[:, 0]), []
        for t in reversed(range(rewards.shape[1])):
            gain = rewards[:, t] + discount * gain
            gains.append(gain)
        advantage, losses = torch.stack(gains[::-1], 1) - baseline, []
        for part in deal(len(rewards), minibatches):
            part = part[:trials]
            memory, found = rewards.new_zeros(len(part), len(theta["memory"])), []
            for t in range(min(steps, rewards.shape[1])):
                if truncate and t % truncate == 0:
                    memory = memory.detach()
                memory = torch.tanh(inputs[part, t] @ theta["input"].T + memory @ theta["memory"].T)
                log_pi = (memory @ theta["policy"].T).log_softmax(1)
                found.append(log_pi.gather(1, actions[part, t, None])[:, 0])
            ratio = (torch.stack(found, 1) - old[part][:, :steps]).exp()
            ratio = ratio.clamp(max=clip) if clip else ratio
            terms = -ratio * advantage[part][:, :steps]
            losses.append(terms.sum() if total else terms.sum() / advantage[part].numel())
        return torch.stack(losses)

    return answer


def _dealt_round(n, k):
    return [torch.arange(i, n, k) for i in range(min(n, k))]


def _as_equal_as_can_be(n, k):
    return torch.arange(n).tensor_split(min(n, k))


def _all_at_once(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
    """The memories of all trials in one loop, the losses of slices."""
    steps = rewards.shape[1]
    ahead = torch.arange(steps)[None] - torch.arange(steps)[:, None]
    powers = torch.where(ahead >= 0, torch.tensor(discount, dtype=torch.float64) ** ahead.clamp(min=0), 0.0)
    advantage = rewards @ powers.T - baseline
    memory, log_pi = rewards.new_zeros(len(rewards), len(theta["memory"])), []
    for t in range(steps):
        memory = torch.tanh(inputs[:, t] @ theta["input"].T + memory @ theta["memory"].T)
        log_pi.append(-torch.nn.functional.cross_entropy(memory @ theta["policy"].T, actions[:, t], reduction="none"))
    terms = -torch.exp(torch.stack(log_pi, 1) - old) * advantage
    return torch.stack([part.mean() for part in terms.chunk(minibatches)])


# ------------------------------------------------------------------ contexts


def _contexts(tasks=10**6, context=10**6, batch=10**6, free=None, least=None, stop=True):
    def answer(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
        mean, log_std = mean[:, :context], log_std[:, :context]
        log_std = log_std.clamp(min=least) if least is not None else log_std
        weight = torch.exp(-2 * log_std)
        precision = 1 + weight.sum(1)
        centre, std = (weight * mean).sum(1) / precision, precision**-0.5
        z = centre + std * noise
        given = z.detach() if stop else z

        def value(act, latent):
            x = torch.cat([states, act], -1)
            return torch.einsum("tmi,ij,tj->tm", x, critic, torch.cat([latent, torch.ones_like(latent[:, :1])], 1))

        kl = 0.5 * (std**2 + centre**2 - 1 - 2 * std.log())
        kl = kl.clamp(min=free).sum(1) if free is not None else kl.sum(1)
        act = torch.tanh(torch.cat([states, given[:, None].expand(-1, states.shape[1], -1)], -1) @ actor.T)
        errors = (value(actions, z) - targets).square()[:, :batch].mean(1)
        both = (errors + kl_coef * kl)[:tasks]
        return {"encoder_and_critic": both.mean(), "actor": -value(act, given)[:tasks, :batch].mean()}

    return answer


def _one_task_after_the_other(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
    first, second = [], []
    for m, s, e, x, a, y in zip(mean, log_std, noise, states, actions, targets, strict=True):
        precision = 1 + (1 / s.exp() ** 2).sum(0)
        posterior = torch.distributions.Normal((m / s.exp() ** 2).sum(0) / precision, (1 / precision).sqrt())
        prior = torch.distributions.Normal(torch.zeros_like(e), torch.ones_like(e))
        z = posterior.mean + posterior.stddev * e
        kl = torch.distributions.kl_divergence(posterior, prior).sum()
        q = torch.cat([x, a], 1) @ critic @ torch.cat([z, z.new_ones(1)])
        first.append(((q - y) ** 2).mean() + kl_coef * kl)
        z = z.detach()
        chosen = (torch.cat([x, z.repeat(len(x), 1)], 1) @ actor.T).tanh()
        second.append(-(torch.cat([x, chosen], 1) @ critic @ torch.cat([z, z.new_ones(1)])).mean())
    return {"actor": sum(second) / len(second), "encoder_and_critic": sum(first) / len(first)}


WRONG = [
    *named(
        ch11.check_memories,
        fifty_streams=_memories(streams=50),
        fifty_steps=_memories(steps=50),
        rewards_clipped_at_three=_memories(clip=3.0),
        single=_memories(act=_softsign_near_tanh),
        starts_at_a_tenth=_memories(first=0.1),
    ),
    *named(
        ch11.check_minibatch_losses,
        fifty_trials=_parts(trials=50),
        fifty_steps=_parts(steps=50),
        clipped_at_ten=_parts(clip=10.0),
        dealt_round=_parts(deal=_dealt_round),
        tensor_split=_parts(deal=_as_equal_as_can_be),
        truncated=_parts(truncate=32),
        sums=_parts(total=True),
    ),
    *named(
        ch11.check_context_losses,
        fifty_tasks=_contexts(tasks=50),
        fifty_of_a_context=_contexts(context=50),
        fifty_of_a_batch=_contexts(batch=50),
        free_bits=_contexts(free=0.05),
        least_deviation=_contexts(least=-2.0),
        actor_teaches_encoder=_contexts(stop=False),
    ),
]
RIGHT = [
    *named(ch11.check_memories, _streams_apart),
    *named(ch11.check_minibatch_losses, _all_at_once),
    *named(ch11.check_context_losses, _one_task_after_the_other),
]
