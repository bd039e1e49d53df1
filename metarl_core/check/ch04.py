"""The checks of chapter 04: GAE, PPO's loss, a joint log-probability, an actor-critic loss, the best baseline."""

import math

import numpy as np
import torch
from scipy import stats

from metarl_core.check import Wrong, case, function_check, value_check
from metarl_core.check.compare import difference

# ---------------------------------------------------------------- gae


def _segment_cases():
    for seed, (envs, steps, discount, gae_lambda) in enumerate(
        ((4, 12, 0.9, 0.6), (3, 9, 0.97, 0.8), (5, 7, 0.8, 0.5))
    ):
        generator = torch.Generator().manual_seed(seed)
        rewards = torch.randn(envs, steps, generator=generator, dtype=torch.float64)
        values = 3 * torch.randn(envs, steps, generator=generator, dtype=torch.float64)
        final = 3 * torch.randn(envs, generator=generator, dtype=torch.float64)
        kind = torch.randint(5, (envs, steps), generator=generator)
        kind[:, -1] = 4  # the last step of a segment is in mid-episode ...
        kind[0, 2], kind[1, 3], kind[-1, -1] = 0, 1, 1  # ... but for one; each kind of end occurs
        yield case(rewards, values, final, kind == 0, kind == 1, discount, gae_lambda)


def _gae_by_double_sum(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    """Σ_k (γλ)^k δ_{t+k} as it stands, one number at a time, up to the first end."""
    result = torch.zeros_like(rewards)
    for env in range(rewards.shape[0]):
        following = [*values[env, 1:].tolist(), float(final_values[env])]
        for start in range(rewards.shape[1]):
            total = 0.0
            for time in range(start, rewards.shape[1]):
                future = 0.0 if terminated[env, time] else discount * following[time]
                delta = float(rewards[env, time]) + future - float(values[env, time])
                total += (discount * gae_lambda) ** (time - start) * delta
                if terminated[env, time] or truncated[env, time]:
                    break
            result[env, start] = total
    return result


def _gae(
    rewards,
    values,
    final,
    terminated,
    truncated,
    discount,
    gae_lambda,
    following=None,
    ends=None,
    none=None,
    carry=None,
):
    """One pass from the end, with one thing changed."""
    following = torch.cat([values[:, 1:], final[:, None]], 1) if following is None else following
    ends = terminated | truncated if ends is None else ends
    none = terminated if none is None else none
    delta = rewards + discount * following * ~none - values
    result, running = torch.zeros_like(rewards), torch.zeros_like(final)
    for time in reversed(range(rewards.shape[1])):
        running = delta[:, time] + (discount * gae_lambda if carry is None else carry) * ~ends[:, time] * running
        result[:, time] = running
    return result


check_gae = function_check(
    "advantages",
    _gae_by_double_sum,
    _segment_cases,
    Wrong(
        "truncation_as_termination",
        "Your truncated steps have no future. Was the pendulum's future really worth nothing when the clock ran out?",
        lambda *a: _gae(*a, none=a[3] | a[4]),
    ),
    Wrong(
        "ignores_termination",
        "Your terminated steps count the value of what comes after. After the end of an episode nothing "
        "comes; the next "
        "column belongs to another episode.",
        lambda *a: _gae(*a, none=torch.zeros_like(a[3])),
    ),
    Wrong(
        "runs_across_ends",
        "A reward of the next episode changes an advantage of this one. Where must the sum stop?",
        lambda *a: _gae(*a, ends=torch.zeros_like(a[3])),
    ),
    Wrong(
        "stops_at_termination_only",
        "Your sum stops at termination, but not at truncation. What stands in the column after a truncated step?",
        lambda *a: _gae(*a, ends=a[3]),
    ),
    Wrong(
        "forgets_lambda",
        "Your result is the same for every λ. At which place in the recursion does λ stand?",
        lambda *a: _gae(*a, carry=a[5]),
    ),
    Wrong(
        "forgets_gamma_in_the_sum",
        "Your δ are right; their weights decay with λ alone. A δ three steps on is discounted, too.",
        lambda *a: _gae(*a, carry=a[6]),
    ),
    Wrong(
        "swaps_gamma_and_lambda",
        "You use λ where γ belongs: in δ. Which of the two is a property of the problem?",
        lambda *a: _gae(*a[:5], a[6], a[5]),
    ),
    Wrong(
        "own_value_as_next",
        "Your δ compares the value of a state with itself. Which column holds V(s_{t+1})?",
        lambda *a: _gae(*a, following=a[1]),
    ),
    Wrong(
        "forgets_the_last_value",
        "All is right but what depends on the last column. A segment may stop in mid-episode: which value "
        "follows then?",
        lambda *a: _gae(*a, following=torch.cat([a[1][:, 1:], torch.zeros_like(a[1][:, :1])], 1)),
    ),
)

# ---------------------------------------------------------------- ppo_loss


def _ratio_cases():
    for seed, (samples, clip) in enumerate(((40, 0.2), (60, 0.1), (50, 0.3))):
        generator = torch.Generator().manual_seed(seed)
        old = -2 * torch.rand(samples, generator=generator, dtype=torch.float64)
        new = old + 0.5 * torch.randn(samples, generator=generator, dtype=torch.float64)
        advantage = torch.randn(samples, generator=generator, dtype=torch.float64) + 0.3
        # All three may come out of networks: which of them may pass a gradient is what is asked.
        yield case(new.requires_grad_(), old.requires_grad_(), advantage.requires_grad_(), clip)


def _loss_and_gradients(answer, new, old, advantage, clip):
    loss = answer(new, old, advantage, clip)
    slopes = _slopes(loss, (new, old, advantage))
    names = ("gradient into log π", "gradient into the old log π", "gradient into the advantages")
    return {"loss": loss.detach()} | dict(zip(names, slopes, strict=True))


def _slopes(loss, leaves):
    """Gradients of a loss, zero where it does not depend on a leaf."""
    if not loss.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(loss.sum(), leaves, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(leaf) if slope is None else slope for slope, leaf in zip(found, leaves, strict=True)]


def _ppo_by_cases(new, old, advantage, clip):
    """One sample at a time: which of the two terms is the smaller one, and its derivative by hand."""
    total, slope = 0.0, torch.zeros_like(new)
    for i, (one, other, gain) in enumerate(zip(new.tolist(), old.tolist(), advantage.tolist(), strict=True)):
        ratio = math.exp(one - other)
        held = min(max(ratio, 1 - clip), 1 + clip)
        total -= min(ratio * gain, held * gain) / len(new)
        if ratio * gain <= held * gain:
            slope[i] = -ratio * gain / len(new)  # d ratio / d log π = ratio
    return {
        "loss": torch.tensor(total, dtype=torch.float64),
        "gradient into log π": slope.detach(),
        "gradient into the old log π": torch.zeros_like(new).detach(),
        "gradient into the advantages": torch.zeros_like(new).detach(),
    }


def _ppo(new, old, advantage, clip, pick=torch.minimum):
    ratio = (new - old.detach()).exp()
    gain = advantage.detach()
    return -pick(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean()


def _wrong_side(free, held):
    """The minimum where the gain is positive (there both terms are), else the maximum."""
    return torch.where(free > 0, torch.minimum(free, held), torch.maximum(free, held))


check_ppo_loss = function_check(
    "ppo_loss",
    _ppo_by_cases,
    _ratio_cases,
    Wrong(
        "sign",
        "An optimiser that minimises your loss makes good actions rarer. Which way does gradient descent go?",
        lambda *a: -_ppo(*a),
    ),
    Wrong(
        "no_clip",
        "Your loss follows the ratio however far it goes. What makes it stop?",
        lambda *a: _ppo(*a, pick=lambda free, held: free),
    ),
    Wrong(
        "no_minimum",
        "Samples that have moved the wrong way have no gradient in your loss: nothing brings them back. Look "
        "at the dotted "
        "line in the chapter's figure.",
        lambda *a: _ppo(*a, pick=lambda free, held: held),
    ),
    Wrong(
        "wrong_side_for_negative",
        "Where the advantage is positive you are right. Where it is negative, you take the other one of the two terms. "
        "Is the bound still pessimistic there?",
        lambda *a: _ppo(*a, pick=_wrong_side),
    ),
    Wrong(
        "inverse_ratio",
        "At equal policies you are right. Put more probability on an action: does your ratio rise?",
        lambda new, old, *a: _ppo(-new, -old, *a),
    ),
    Wrong(
        "log_ratio",
        "A ratio of probabilities is 1 at equal policies. Yours is 0 there: what is the difference of two logarithms?",
        lambda new, old, advantage, clip: (
            -torch.minimum(
                (new - old.detach()) * advantage.detach(),
                (new - old.detach()).clamp(1 - clip, 1 + clip) * advantage.detach(),
            ).mean()
        ),
    ),
    Wrong(
        "sum_over_samples",
        "Your loss grows with the size of the batch. How does (2) weigh one sample of many?",
        lambda *a: len(a[0]) * _ppo(*a),
    ),
    Wrong(
        "advantage_carries_gradient",
        "The value of your loss is right, but its gradient also flows into the advantages, and through them "
        "into the critic. "
        "What is an advantage in this loss: a function of parameters, or a number?",
        when=lambda got, *_: bool((got["gradient into the advantages"] != 0).any()),
    ),
    Wrong(
        "old_carries_gradient",
        "The value of your loss is right, but the old policy gets a gradient, too. If both come from one "
        "network, the two "
        "cancel. Which of them was settled when the action was drawn?",
        when=lambda got, *_: bool((got["gradient into the old log π"] != 0).any()),
    ),
    observe=_loss_and_gradients,
)

# ---------------------------------------------------------------- log_density


def _density_cases():
    for seed, (shape, size) in enumerate((((6,), 3), ((4, 5), 2), ((7,), 5))):
        generator = torch.Generator().manual_seed(seed)
        action, center = (torch.randn(*shape, size, generator=generator, dtype=torch.float64) for _ in range(2))
        log_std = 0.6 * torch.randn(size, generator=generator, dtype=torch.float64) - 0.5
        yield case(action, center, log_std)


def _joint_density(action, center, log_std):
    """scipy's multivariate normal with a full covariance matrix."""
    covariance = np.diag(np.exp(2 * log_std.numpy()))
    offset = (action - center).numpy()
    return torch.as_tensor(np.asarray(stats.multivariate_normal(np.zeros(len(log_std)), covariance).logpdf(offset)))


def _density(action, center, log_std, spread=None, determinant=True, constant=True, reduce=torch.sum):
    spread = log_std.exp() if spread is None else spread
    each = -0.5 * ((action - center) / spread) ** 2
    each = each - (log_std if determinant else 0) - (0.5 * math.log(2 * math.pi) if constant else 0)
    return reduce(each, dim=-1)


check_log_density = function_check(
    "log_density",
    _joint_density,
    _density_cases,
    Wrong(
        "mean_over_dimensions",
        "Independent dimensions: their densities multiply. What does that make of their logarithms, and is "
        "it what you do?",
        lambda *a: _density(*a, reduce=torch.mean),
    ),
    Wrong(
        "variance_for_std",
        "You divide the squared deviation by the standard deviation, not by the variance.",
        lambda action, center, log_std: _density(action, center, log_std, spread=(log_std / 2).exp()),
    ),
    Wrong(
        "divides_by_the_square",
        "You standardise by the variance: the deviation gets divided by σ² and is squared after that.",
        lambda action, center, log_std: _density(action, center, log_std, spread=(2 * log_std).exp()),
    ),
    Wrong(
        "no_log_determinant",
        "Your density does not integrate to one: a narrow normal distribution is also a high one. Where is that?",
        lambda *a: _density(*a, determinant=False),
    ),
    Wrong(
        "no_constant",
        "The gradient is right, the density is not: a factor that does not depend on any parameter is "
        "missing. How often "
        "does it occur in d dimensions?",
        lambda *a: _density(*a, constant=False),
    ),
    Wrong(
        "one_constant_for_all",
        "All is right but a constant. The factor 1/√(2π) belongs to each dimension.",
        lambda *a: _density(*a, constant=False) - 0.5 * math.log(2 * math.pi),
    ),
)

# ---------------------------------------------------------------- actor_critic_loss


def _transition_cases():
    for seed, (samples, discount) in enumerate(((50, 0.9), (80, 0.98), (30, 0.7))):
        generator = torch.Generator().manual_seed(seed)

        def draw(scale=1.0, samples=samples, generator=generator):
            return scale * torch.randn(samples, generator=generator, dtype=torch.float64)

        log_pi = (-0.2 - draw().abs()).requires_grad_()
        value, following = draw(2.0).requires_grad_(), draw(2.0).requires_grad_()
        terminated = torch.rand(samples, generator=generator) < 0.2
        yield case(log_pi, value, following, draw(3.0), terminated, discount)


def _actor_critic_gradients(answer, log_pi, value, following, rewards, terminated, discount):
    loss = answer(log_pi, value, following, rewards, terminated, discount)
    names = ("gradient into log π", "gradient into V(s)", "gradient into V(s')")
    return {"loss": loss.detach()} | dict(zip(names, _slopes(loss, (log_pi, value, following)), strict=True))


def _actor_critic_by_hand(log_pi, value, following, rewards, terminated, discount):
    """Numbers only: the gradients that (4) asks for, written down."""
    now, later, pay = (x.detach().numpy() for x in (value, following, rewards))
    number = len(pay)
    target = pay + discount * np.where(terminated.numpy(), 0.0, later)
    error = target - now
    advantage = (error - error.mean()) / error.std()
    loss = -(log_pi.detach().numpy() * advantage).mean() + 0.5 * (error**2).mean()
    return {
        "loss": torch.tensor(loss),
        "gradient into log π": torch.as_tensor(-advantage / number),
        "gradient into V(s)": torch.as_tensor(-error / number),
        "gradient into V(s')": torch.zeros(number, dtype=torch.float64),
    }


def _scaled_by(power):
    """Is the actor's gradient the right one times a power of the standard deviation?"""

    def found(got, *args):
        right = _actor_critic_by_hand(*args)["gradient into log π"]
        _, value, following, rewards, terminated, discount = args
        error = rewards + discount * following.detach() * ~terminated - value.detach()
        return difference(got["gradient into log π"], right * error.std(correction=0) ** power, 1e-2, 1e-9) is None

    return found


def _scaled_by_bessel(got, *args):
    """Is the actor's gradient the right one with the deviation divided by N − 1 under the root?"""
    right = _actor_critic_by_hand(*args)["gradient into log π"]
    factor = math.sqrt((len(right) - 1) / len(right))
    return difference(got["gradient into log π"], right * factor, 1e-6, 1e-9) is None


check_actor_critic_loss = function_check(
    "actor_critic_loss",
    _actor_critic_by_hand,
    _transition_cases,
    Wrong(
        "target_carries_gradient",
        "The value of the *next* state gets a gradient: the target moves towards the prediction as well. "
        "Chapter 03 made its "
        "target a constant. What about this one?",
        when=lambda got, *_: bool((got["gradient into V(s')"] != 0).any()),
    ),
    Wrong(
        "critic_frozen",
        "No gradient reaches V(s) any more. Something is a constant now that should learn: which one of the two losses "
        "trains the critic?",
        when=lambda got, *_: bool((got["gradient into V(s)"] == 0).all()),
    ),
    Wrong(
        "advantage_carries_gradient",
        "The critic is pulled by the actor's loss: its gradient is not that of the squared error alone.",
        when=lambda got, *a: (
            difference(got["gradient into V(s)"], _actor_critic_by_hand(*a)["gradient into V(s)"], 1e-6, 1e-9)
            is not None
        ),
    ),
    Wrong(
        "divides_by_variance",
        "The actor's gradient shrinks as rewards grow: multiply all of them by ten and look. What has the "
        "unit of a return?",
        when=_scaled_by(-1),
    ),
    Wrong(
        "other_standard_deviation",
        "Off by a little, and less in larger batches. There are two standard deviations: which does (4) ask for?",
        when=_scaled_by_bessel,
    ),
    Wrong(
        "not_standardised",
        "Now the actor's gradient grows with the rewards. The advantages should be standardised, only rightly.",
        when=_scaled_by(1),
    ),
    observe=_actor_critic_gradients,
    rtol=1e-6,
)

# ---------------------------------------------------------------- best baseline of a two-armed bandit

check_best_baseline = value_check(
    "best_baseline",
    6.0,
    Wrong(
        "mean_return",
        "That is the mean return: the usual baseline, and not the best one. It is not weighted by the score.",
        3.0,
    ),
    Wrong(
        "score_not_squared",
        "Each return is weighted by the score's size. Does the variance hold sizes or squares?",
        4.5,
    ),
    Wrong(
        "forgets_probabilities",
        "You weigh by the squared score alone. An expectation also weighs by how often each arm is pulled.",
        (0.2**2 * 2 + 0.8**2 * 7) / (0.2**2 + 0.8**2),
    ),
    Wrong("sign", "The size is right. Is a baseline subtracted or added in the estimate?", -6.0),
)

check_variance_mean_baseline = value_check(
    "variance_mean_baseline",
    1.44,
    Wrong("second_moment", "That is the mean of the squares. A variance is less than that by something.", 2.08),
    Wrong("standard_deviation", "A variance is the square of that.", 1.2),
    Wrong("no_baseline", "That is the variance without any baseline.", 5.76),
    Wrong(
        "without_score",
        "That is the variance of the returns. The estimate is the score times what is left of the return.",
        4.0,
    ),
)

check_variance_best_baseline = value_check(
    "variance_best_baseline",
    0.0,
    Wrong("second_moment", "That is the mean of the squares. The square of the mean has to come off it.", 0.64),
    Wrong("same_as_mean", "That is the variance with the mean return as the baseline.", 1.44),
    Wrong("impossible", "A variance is never negative.", when=lambda value: value < 0),
    atol=1e-9,
)
