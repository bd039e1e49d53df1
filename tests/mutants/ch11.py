"""Wrong answers to the exercises of chapter 11, written as a learner would write them."""

import torch
from attacks import ch11_reports as report
from attacks import ch11_tenth_reports as tenth
from report_changes import report_named

from metarl_core.check import ch11
from mutants import Mutant

# ---------------------------------------------------------------- memories


def _loop(change=None):
    """Stream by stream and step by step, with one slip."""

    def answer(weights, observations, actions, rewards, done, begins):
        W, U, c = weights["input"], weights["memory"], weights["bias"]
        A = W.shape[1] - observations.shape[-1] - 2
        out = torch.zeros(*actions.shape, len(c)).double()
        for s in range(len(actions)):
            m = torch.zeros(len(c)).double()
            for t in range(actions.shape[1]):
                ended = t > 0 and bool(done[s, t - 1])
                if {"at done": ended, "at done alone": ended, "never": False, "never at all": False}.get(
                    change, bool(begins[s, t])
                ):
                    m = torch.zeros(len(c)).double()
                a, r, d = torch.zeros(A).double(), torch.zeros(1).double(), torch.zeros(1).double()
                fresh = bool(begins[s, t])
                if change == "at done":
                    fresh = ended
                if change in ("never at all", "past kept"):
                    fresh = False
                if change == "end cleared":
                    fresh = fresh or ended
                now = {"same": "ard", "same, past kept": "ard", "same r": "r", "same a": "a", "same d": "d"}.get(
                    change, ""
                )
                fresh = fresh and change != "same, past kept"
                for name, part in (("a", a), ("r", r), ("d", d)):
                    at = t if name in now else t - 1
                    at = t - 2 if change == "late r" and name == "r" else at
                    if at < 0 or (fresh and now != "ard") or change == f"no {name}":
                        continue
                    if name == "a":
                        part[actions[s, at]] = 1
                    else:
                        part[0] = rewards[s, at] if name == "r" else done[s, at]
                parts = [observations[s, t], r, a, d] if change == "order" else [observations[s, t], a, r, d]
                if change == "before":
                    out[s, t] = m
                m = W @ torch.cat(parts) + U @ m + c
                m = m if change == "linear" else torch.tanh(m)
                if change != "before":
                    out[s, t] = m
        return out

    return answer


# ---------------------------------------------------------------- minibatch_losses


def _surrogate(fixed=("done", "cut", "detach"), change=None):
    """The colleague's code with some of the bugs repaired, and perhaps a new one."""

    def answer(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
        W, U, V = theta["input"], theta["memory"], theta["policy"]
        n, L = rewards.shape
        gamma = 1 if change == "undiscounted" else discount
        G = torch.zeros_like(rewards)
        running = torch.zeros(n).double()
        for t in range(L - 1, -1, -1):
            ahead = gamma * running
            if "done" not in fixed:
                ahead = torch.where(done[:, t], 0.0, ahead)
            running = rewards[:, t] + ahead
            G[:, t] = ahead if change == "later rewards" else running
        A = G if change == "no baseline" else G - baseline
        blocks = []
        if "cut" in fixed:
            for some in torch.arange(n).chunk(minibatches):
                blocks.append((some, range(L)))
            if change == "dealt":
                k = len(blocks)
                blocks = [(torch.arange(n)[i::k], range(L)) for i in range(k)]
        else:
            for some in torch.arange(L).chunk(minibatches):
                blocks.append((torch.arange(n), some.tolist()))
        result = []
        for rows, times in blocks:
            h, terms = torch.zeros(len(rows), len(U)).double(), []
            for t in times:
                if change == "emptied" and t > 0:
                    h = torch.where(done[rows, t - 1][:, None], torch.zeros_like(h), h)
                if change == "held":
                    h = torch.tanh(inputs[rows, t] @ W.T + h @ U.detach().T)
                else:
                    h = torch.tanh(inputs[rows, t] @ W.T + h @ U.T)
                log_pi = torch.log_softmax(h @ V.T, -1)[torch.arange(len(rows)), actions[rows, t]]
                ratio = torch.exp(log_pi - old[rows, t])
                terms.append((log_pi if change == "log" else ratio) * A[rows, t])
                if "detach" not in fixed:
                    h = h.detach()
            terms = torch.stack(terms)
            total = terms.sum() if change == "sum" else terms.mean()
            result.append(total if change == "uphill" else -total)
        result = torch.stack(result)
        return result.detach() if change == "no graph" else result

    return answer


# ---------------------------------------------------------------- context_losses


def _context(change=None):
    def answer(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
        T, m = targets.shape
        var = log_std.exp() ** (1 if change == "std for variance" else 2)
        prec = (1 / var).sum(1) + (0 if change == "no prior" else 1)
        mu, s2 = (mean / var).sum(1) / prec, 1 / prec
        if change == "not divided":
            mu = (mean / var).sum(1)
        if change == "averages":
            mu, s2 = mean.mean(1), log_std.exp().mean(1) ** 2
        if change == "mean of means":
            mu = mean.mean(1)
        if change == "last":
            mu, s2 = mean[:, -1], (2 * log_std[:, -1]).exp()
        z = mu + (s2 if change == "variance" else s2.sqrt()) * noise
        z = mu if change == "no noise" else z

        def Q(a, latent):
            x = torch.cat([states, a], 2)
            return torch.stack([x[t] @ critic[:, :-1] @ latent[t] + x[t] @ critic[:, -1] for t in range(T)])

        KL = (s2 + mu**2 - 1 - s2.log()) / 2
        kl = {
            "mean over latent": KL.mean(),
            "over tasks, mean over latent": KL.mean(1).sum() / len(KL) * len(KL),
            "mean over tasks of columns": KL.sum(0).mean(),
            "all summed": KL.sum(),
            "reversed": ((1 + mu**2) / s2 - 1 + s2.log()).sum(1).mean() / 2,
            "factors": ((var + mean**2 - 1) / 2 - log_std).sum(2).sum(1).mean(),
        }.get(change, KL.sum(1).mean())
        kl = kl.detach() if change == "kl kept" else kl
        error = (Q(actions, z.detach() if change == "critic kept" else z) - targets) ** 2
        if change == "critic frozen":
            own, critic = critic, critic.detach()
            error = (Q(actions, z) - targets) ** 2
            critic = own
        td = error.sum(1).mean() if change == "sum" else error.mean()
        td = td / 2 if change == "half" else td
        zbar = z if change == "through z" else z.detach()
        policy_in = torch.cat([states, zbar.unsqueeze(1).repeat(1, m, 1)], 2)
        a = policy_in @ actor.T
        a = a if change == "linear" else a.tanh()
        a = actions if change == "recorded" else a
        a = a.detach() + (a - a.detach()) * 0.5 if change == "half slope" else a
        gain = Q(a, zbar)
        gain = gain.sum(1).mean() if change == "sum" else gain.mean()
        first = td + (1.0 if change == "no weight" else kl_coef) * kl
        if change == "no graph":
            first = first.detach()
        return {"encoder_and_critic": first, "actor": gain if change == "uphill" else -gain}

    return answer


# ---------------------------------------------------------------- the plan

GOOD = {
    "tasks": "held-out tasks, the same for all methods",
    "context_from": "earlier episodes of the same task, played by the agent itself",
    "first_episode": "reported, with an empty context",
    "budget_in_a_task": "the same episodes and steps for all",
    "reference": "the best agent that does not know the task, and one that does",
    "control": "the same weights with an empty context, and with the context of another task",
    "weights": "the last",
    "seeds": 5,
    "interval_over": "trainings",
}


def _plan(misconception, **changed):
    return Mutant(ch11.check_plan, misconception, GOOD | changed)


def _stream(misconception, change):
    return Mutant(ch11.check_memories, misconception, _loop(change))


def _loss(misconception, fixed=("done", "cut", "detach"), change=None):
    return Mutant(ch11.check_minibatch_losses, misconception, _surrogate(fixed, change))


def _belief(misconception, change):
    return Mutant(ch11.check_context_losses, misconception, _context(change))


def _few(misconception, answer):
    return Mutant(ch11.check_few, misconception, answer)


MUTANTS = [
    _stream("emptied_at_episode", "at done"),
    _stream("emptied_at_episode", "at done alone"),
    _stream("never_emptied", "never"),
    _stream("never_emptied", "never at all"),
    _stream("past_of_another_trial", "past kept"),
    _stream("end_not_read", "end cleared"),
    _stream("of_the_same_step", "same"),
    _stream("of_the_same_step", "same, past kept"),
    _stream("reward_of_the_same_step", "same r"),
    _stream("action_of_the_same_step", "same a"),
    _stream("flag_of_the_same_step", "same d"),
    _stream("reward_late", "late r"),
    _stream("other_order", "order"),
    _stream("left_out", "no a"),
    _stream("left_out", "no r"),
    _stream("left_out", "no d"),
    _stream("before_reading", "before"),
    _stream("not_squashed", "linear"),
    _loss("no_graph", change="no graph"),
    _loss("as_it_was", ()),
    _loss("stops_at_done", ("cut", "detach")),
    _loss("cuts_trials", ("done", "detach")),
    _loss("one_step_differentiated", ("done", "cut")),
    _loss("cut_and_detached", ("done",)),
    _loss("stopped_and_detached", ("cut",)),
    _loss("stopped_and_cut", ("detach",)),
    _loss("emptied_at_done", change="emptied"),
    _loss("dealt_out", change="dealt"),
    _loss("sum_over_steps", change="sum"),
    _loss("reversed", change="uphill"),
    _loss("no_ratio", change="log"),
    _loss("without_baseline", change="no baseline"),
    _loss("own_reward_left_out", change="later rewards"),
    _loss("undiscounted", change="undiscounted"),
    _loss("gradient", change="held"),
    _belief("no_graph", "no graph"),
    _belief("actor_through_z", "through z"),
    _belief("critic_through_nothing", "critic kept"),
    _belief("divergence_constant", "kl kept"),
    _belief("mean_over_latent", "mean over latent"),
    _belief("mean_over_latent", "mean over tasks of columns"),
    _belief("sum_over_tasks", "all summed"),
    _belief("other_way_round", "reversed"),
    _belief("divergence_of_factors", "factors"),
    _belief("prior_left_out", "no prior"),
    _belief("averaged", "averages"),
    _belief("averaged", "mean of means"),
    _belief("last_alone", "last"),
    _belief("not_squared", "std for variance"),
    _belief("not_divided", "not divided"),
    _belief("variance_for_std", "variance"),
    _belief("noise_left_out", "no noise"),
    _belief("actions_of_the_batch", "recorded"),
    _belief("not_squashed", "linear"),
    _belief("actor_reversed", "uphill"),
    _belief("sum_over_transitions", "sum"),
    _belief("half", "half"),
    _belief("weight_ignored", "no weight"),
    _belief("critic_slope", "critic frozen"),
    _belief("actor_slope", "half slope"),
    _few("few_seeds", report._four_seeds),
    _few("seed_twice", report._a_seed_again),
    _few("copied", report._one_memory_for_all),
    _few("not_eight", report._seven),
    _few("trained_on_test", report._trained_on_held_out),
    _few("measured_on_training", report._measured_on_training),
    _few("twins", report._same_generator_for_both_splits),
    _few("few_tasks", report._hundred_tasks),
    _few("no_regrets", report._rewards),
    _few("exchanged", report._columns_exchanged),
    _few("higher_than_lost", report._of_untrained_memories),
    _few("lower_than_lost", report._best_of_ten_plays),
    _few("turned", report._other_sign),
    _few("unpaired", report._two_groups),
    _few("extremes", report._lowest_and_highest),
    _few("pooled_episodes", report._every_bandit),
    _few("standard_deviation", report._deviation),
    _few("standard_error", report._error),
    _few("normal_interval", report._normal),
    _few("divides_by_n", report._biased),
    _few("off_centre", report._another_middle),
    _few("one_sided", report._ninety_percent),
    _few("too_narrow", report._eighty_percent),
    _few("too_wide", report._ninety_nine),
    _few("not_an_interval", report._upside_down),
    _few("says_too_much", report._nothing_shown),
    _few("says_too_little", report._too_careful),
    _few("wrong_winner", report._wrong_winner),
    _few("other_bandits", report_named(tenth.WRONG, "tasks_rolled")),
    _few("several_trials", report_named(tenth.WRONG, "mean_of_twenty_trials")),
    _few("drawn_otherwise", report_named(tenth.WRONG, "arms_sorted")),
    _few("not_repeated", report._other_eight),
    _plan("training_tasks", tasks="training tasks"),
    _plan("unpaired", tasks="held-out tasks, new for each method"),
    _plan("own_episode", context_from="the episode that is measured"),
    _plan("expert_context", context_from="earlier episodes of the same task, played by one who knows it"),
    _plan("search_not_counted", first_episode="left out"),
    _plan("unequal_budget", budget_in_a_task="as many episodes as each method likes"),
    _plan("easy_reference", reference="a memory that was not trained"),
    _plan("unreachable_reference", reference="the best agent that knows the task"),
    _plan("no_control", control="none"),
    _plan("half_a_control", control="the same weights with an empty context"),
    _plan("best_picked", weights="the best on the held-out tasks"),
    _plan("few_seeds", seeds=3),
    _plan("interval_of_one_training", interval_over="episodes"),
    _plan("interval_of_one_training", interval_over="tasks"),
]
