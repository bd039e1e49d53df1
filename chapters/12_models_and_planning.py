# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 Models and planning

# %% tags=["hide-input"]
import dataclasses

import numpy as np
import torch

from metarl_core.agents import UniformPolicy
from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.figures import ch12 as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta import Ensemble, FixedModel, GrBAL, LastLayerRLS, models
from metarl_core.parameters import initial_parameters, repeat_parameters, stack_parameters, trainable_parameters
from metarl_core.planning import CEM, RandomShooting, TrueDynamics, imagined_returns, play, shifted
from metarl_core.randomness import seeded
from metarl_core.recipes import changing_bodies
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import ContinuousCartPole, expand_tasks, rollout, select_tasks
from metarl_core.widgets import imagined_fan_explorer

begin()

# %% [markdown]
# ## 1 A motor that turns round
#
# All agents so far have learned *what to do*. This chapter learns *what would happen*, and decides by looking ahead.

# %% tags=["hide-input"]
figures.loop()

# %% [markdown]
# A **model** predicts the next observation from the present one and an action. A **search** tries many sequences of
# actions in the model, finds a good one, and does the first action of it, no more. Then it looks again, and searches
# again. This is *model-predictive control*. In a model-free agent, all that is known about a task sits in a policy or a
# value, where nobody can say which part is the body's and which the goal's. Here the body has a place of its own. If
# the body changes, only the model is wrong, and the newest steps say in what way.
#
# **The world of this chapter.** A cart with a pole, as in chapter 03, but pushed by any force between full left and
# full right: the action $a \in [-1, 1]$ is multiplied by a hidden number of newtons. Mass and length of the pole and
# that number differ from body to body, and in half of the bodies the number is negative: the motor pulls where it was
# asked to push. The reward of a step is 1 for an upright pole in the middle of the track and falls towards 0. An
# episode has 100 steps. After half of them the number of newtons jumps to another value, and **its sign is reversed**.
# Nothing that the agent observes says so.
#
# Before anything is learned, let two planners play on 25 bodies. Both have the exact equations of motion. One is told
# at each step which force holds; the other goes on planning with the force from before the change.
#
# **Predict, then run.** The pole stands upright when the motor is reversed, and the planner that is not told computes
# fifteen steps ahead, exactly, for the wrong body. (a) How long does it take until its pole has fallen? (b) Does the
# planner that is told lose anything at the change?
#
# *Your prediction:*

# %%
settings = changing_bodies.Settings()
world, change = changing_bodies.family_of(settings), settings.horizon // 2
bodies = select_tasks(changing_bodies.held_out("test"), slice(25))


class NotTold(TrueDynamics):
    """The family itself as the model, in which the change never comes."""

    def begin(self, params, like):
        return params | {"change_at": torch.full_like(params["change_at"], world.horizon)}


told, not_told = (
    play(world, bodies, model(world), settings.planner, 1, seeded(1)) for model in (TrueDynamics, NotTold)
)

# %% tags=["hide-input"]
by_step = {"told of the change": told, "not told": not_told}
by_step = {name: played.trajectories.rewards.mean((0, 1)) for name, played in by_step.items()}
figures.rewards(
    by_step,
    change,
    "Mean reward of each step for 25 bodies, two planners with exact equations. Both stay near one until step 50, where "
    "a dotted line marks the change. The one that is told stays near one; the other falls to nearly nothing within some "
    "twenty steps.",
)
lost = int((by_step["not told"][change:] < 0.5).int().argmax())
before, after = ([float(values[part].mean()) for values in by_step.values()] for part in (slice(change), slice(change, None)))  # fmt: skip
claim(
    f"Before the change both earn {before[0]:.2f} a step. After it the planner that is told earns {after[0]:.2f}; for the "
    f"other, the mean falls below one half **{lost} steps** after the change.",
    before[0] > 0.95 and after[0] > 0.9 and lost < 25 and after[1] < 0.5 * after[0],
)

# %% [markdown]
# (a) Within half a second of the cart's time: a step is 0.02 s. Each correction has the wrong sign, so that the pole is
# pushed over by the attempt to save it. (b) Hardly anything: who knows the body needs no time to adapt. So the curve at
# the top is a **ceiling**, and what this chapter asks is how near to it a *learned* model comes, and how fast.
#
# ## 2 Planning, with the truth as the model
#
# **The problem.** Let $f$ be a model and $r$ a known reward of observation, action and next observation. From where it
# is, $o_t$, the agent looks for the plan of $H$ actions that earns most in the model,
#
# $$\max_{a_t, \ldots, a_{t+H-1} \in [\text{low},\, \text{high}]} \; J(a) = \sum_{k=0}^{H-1} \gamma^k\,
# r(\hat o_{t+k}, a_{t+k}, \hat o_{t+k+1}), \qquad \hat o_t = o_t, \quad \hat o_{t+k+1} = f(\hat o_{t+k}, a_{t+k}).
# \tag{12.1}$$
#
# Only $a_t$ is done. Errors of the model in later steps matter less than they seem to, for those steps are planned anew.
#
# **Random shooting** draws plans uniformly and takes the best. With $d$ numbers in a plan, a share $s$ of good values
# in each is hit by all of them with probability $s^d$: for fifteen pushes there is no hope of an exactly good plan, only
# of a good beginning.
#
# **The cross-entropy method** (CEM; Rubinstein 1999) draws from a Gaussian and moves it. Call the best $E$ of its
# candidates the *elites*, and let $p$ be the distribution that gives each of them $1/E$. The Gaussian that is nearest to
# it in cross-entropy is
#
# $$\arg\max_{\mu, \sigma} \frac{1}{E} \sum_{e=1}^{E} \log \mathcal{N}(a^{(e)}; \mu, \sigma^2)
# \;\;\Rightarrow\;\; \mu = \frac{1}{E} \sum_e a^{(e)}, \quad \sigma^2 = \frac{1}{E} \sum_e \bigl(a^{(e)} - \mu\bigr)^2.
# \tag{12.2}$$
#
# (Set the derivatives of $-\log\sigma - (a-\mu)^2 / 2\sigma^2$ to zero, number by number of the plan.) Then draw from
# the new Gaussian, and so on. A share $\alpha$ of the old mean and deviation is kept, so that one lucky round does not
# narrow it too much. The next step of the world begins with the old plan, moved on by one.
#
# > **Algorithm: model-predictive control by CEM.** At each step of the world:
# > 1. Start from what is left of the last plan, with a wide Gaussian.
# > 2. Repeat: draw candidates, clip them to the action space, score them by (12.1), fit (12.2) to the elites.
# > 3. Do the first action of the mean. Show the model what came of it.

# %%
def my_cem(score, low, high, noise, start=None, elites=6, smoothing=0.1, width=0.5):
    """A plan [*batch, time, action], with noise [round, *batch, candidate, time, action]."""
    mean = torch.zeros_like(noise[0, ..., 0, :, :]) + (low + high) / 2 if start is None else start
    std = torch.zeros_like(mean) + width * (high - low) / 2
    for drawn in noise:
        plans = (mean.unsqueeze(-3) + std.unsqueeze(-3) * drawn).clamp(low, high)  # what is imagined can be done
        best = score(plans).topk(elites, -1).indices  # [*batch, elite]: of each environment its own
        chosen = plans.gather(-3, best[..., None, None].expand(*best.shape, *plans.shape[-2:]))
        mean = smoothing * mean + (1 - smoothing) * chosen.mean(-3)
        std = smoothing * std + (1 - smoothing) * chosen.std(-3, correction=0)
    return mean


@torch.no_grad()
def my_control(world, tasks, model, planner, generator):
    """Rewards [task, 1, step] of one episode on each task, replanned at every step."""
    params, plan, rewards = expand_tasks(tasks, 1), None, []
    state = world.initial(generator, params)
    seen = world.observation(state, generator, params)
    low, high, memory = -torch.ones(1), torch.ones(1), model.begin(params, seen)
    for _ in range(world.horizon):
        now = model.dynamics(memory, state, seen)  # only the truth looks at the state
        noise = planner.noise(tuple(seen.shape[:2]), low, generator)
        plan = my_cem(lambda plans, now=now: imagined_returns(now.step, now.reward, now.start, plans), low, high, noise, plan)  # fmt: skip
        action, plan = plan[..., 0, :], shifted(plan)
        following = world.transition(state, action, generator, params)
        following_seen = world.observation(following, generator, params)
        rewards.append(world.reward(state, action, following, generator, params))
        memory = model.observe(memory, seen, action, following_seen)
        state, seen = following, following_seen
    return torch.stack(rewards, 2)


# %% [markdown]
# `imagined_returns` is (12.1), a loop over the steps of the plan for all candidates at once. Does this do what the
# package does? The episodes of section 1, once more:

# %%
mine = my_control(world, bodies, TrueDynamics(world), settings.planner, seeded(1))

# %% tags=["hide-input"]
apart = float((mine - told.trajectories.rewards).abs().max())
claim(
    f"In 100 steps of 25 bodies, 2,500 searches, rewards differ by at most {apart:.0e} from the package's.",
    apart < 1e-3,
)

# %% [markdown]
# **What a search looks like.** One of the bodies, five steps after the change: its candidates in three rounds, as the
# planner that is told sees them.

# %%
params = expand_tasks(select_tasks(bodies, slice(1)), 1)
fallen = torch.tensor([[[0.0, 0.0, 0.25, 0.0, change + 5.0]]])  # a pole that leans to the right by a quarter radian
now = TrueDynamics(world).dynamics(params, fallen, world.observation(fallen, None, params))
low, high, rounds = -torch.ones(1), torch.ones(1), []


def noted(plans):
    """Scores of plans, which are noted with their elites."""
    scores = imagined_returns(now.step, now.reward, now.start, plans)
    elites = plans[0, 0, scores[0, 0].topk(6).indices]
    rounds.append((plans[0, 0, ..., 0], elites[..., 0], elites[..., 0].mean(0)))
    return scores


saving = my_cem(noted, low, high, settings.planner.noise((1, 1), low, seeded(2)))

# %% tags=["hide-input"]
figures.search(rounds)

# %% [markdown]
# The first pushes are decided soon, since nothing can make up for them; about the last ones the elites disagree to the
# end, and it does not matter, for they will never be done.
#
# **How much search is enough?** Count what is spent by *imagined steps*: candidates × rounds × horizon. The same
# number can go into more candidates of one round, into more rounds, or into looking further ahead.
#
# **Predict, then run.** Poles that stand need little. So let them begin *hanging down*, 15 of them, with the truth as
# the model, and count the reward of 100 steps. (a) Will random shooting or CEM do better with equally many imagined
# steps? (b) What does it cost to look only five steps ahead?
#
# *Your prediction:*

# %%
class Hanging(ContinuousCartPole):
    """The pole begins at the bottom."""

    def initial(self, rng, params):
        start = super().initial(rng, params)
        return start + torch.tensor([0.0, 0.0, np.pi, 0.0])


hanging = Hanging(settings.spread, 100, settings.varying)
hung = hanging.sample_tasks(15, seeded(3), "test")
searches = {
    "random shooting, 200 × 15": RandomShooting(candidates=200, horizon=15),
    "CEM, 3 rounds of 67 × 15": CEM(iterations=3, candidates=67, elites=8, horizon=15),
    "CEM, 3 rounds of 200 × 5": CEM(iterations=3, candidates=200, elites=20, horizon=5),
    "CEM, 3 rounds of 33 × 30": CEM(iterations=3, candidates=33, elites=5, horizon=30),
    "CEM, 3 rounds of 133 × 30": CEM(iterations=3, candidates=133, elites=13, horizon=30),
}
swung = {
    name: play(hanging, hung, TrueDynamics(hanging), planner, 1, seeded(4)).trajectories.returns[:, 0]
    for name, planner in searches.items()
}

# %% tags=["hide-input"]
show_table(
    ["search", "imagined steps", "return of 100 steps, 15 bodies"],
    [
        (name, f"{getattr(p, 'iterations', 1) * p.candidates * p.horizon:,}", f"{float(swung[name].mean()):.1f}")
        for name, p in searches.items()
    ],
)
by_search = {name: float(values.mean()) for name, values in swung.items()}
shooting, cem15, cem5, cem30, cem30_many = by_search.values()
claim(
    f"With 3,000 imagined steps random shooting earns {shooting:.1f} and CEM {cem15:.1f} at the same horizon. Looking five "
    f"steps ahead it earns {cem5:.1f}, looking thirty ahead {cem30:.1f}; four times as many candidates bring that to "
    f"{cem30_many:.1f}.",
    shooting < cem15 < cem30 and cem5 < cem30,
)

# %% [markdown]
# (a) CEM, with the same number of imagined steps. (b) More than the choice of the search: to swing a pole up one has to
# give up reward for a while, and five steps, a tenth of a second, are not enough to see it come back. Quadrupling the
# candidates adds less than doubling the horizon did. Keep in mind that the model was exact here. A learned one is
# trusted the less the further ahead it looks, and that is the next section.
#
# ## 3 A model that is learned
#
# Collect transitions $(o, a, o')$ of one body, and fit a network to them by regression. Two details decide whether it
# works, and both are about scale. The network predicts the *change* $\Delta = o' - o$, since a step changes an
# observation little and a copy of $o$ would already look like a good prediction. Inputs and changes are divided by their
# standard deviations in the training data, so that centimetres and radians per second count alike:
#
# $$\mathcal{L}(\theta) = \frac{1}{N D} \sum_{i=1}^{N} \sum_{j=1}^{D} \Bigl(f_\theta(\tilde o_i, \tilde a_i)_j
# - \frac{\Delta_{ij} - m_j}{s_j}\Bigr)^2. \tag{12.3}$$
#
# **Errors add up.** Let the model err by at most $\varepsilon$ in one step, and let the world be Lipschitz: states that
# are $e$ apart are at most $L e$ apart after a step. In imagination the second step begins where the first one wrongly
# ended, so that $e_{k+1} \le L e_k + \varepsilon$, and from $e_0 = 0$
#
# $$e_k \le \varepsilon \sum_{i<k} L^i = \varepsilon\, \frac{L^k - 1}{L - 1} \quad (L \ne 1). \tag{12.4}$$
#
# **Where nobody has been.** A network answers everywhere, also where it has seen no data. Several networks, each with
# other initial weights and other minibatches, agree where the data are and disagree elsewhere (Chua et al. 2018). Such an
# *ensemble* plans with the mean of its members, and their standard deviation is a warning.
#
# Take one body, the ordinary cart-pole, upright at first. Ten episodes of random pushes are the first data; in all of
# them the pole falls. Train an ensemble of five, plan ten episodes with it, add them to the data, train anew: two rounds,
# learned and planned by the same lines.
#
# **Predict, then run.** (a) The first ensemble has seen poles only while they fell. Can it hold one upright? (b) What will
# the second have learned from the episodes that the first one planned?
#
# *Your prediction:*

# %%
upright = world.family
body = upright.default_params


def learn(transitions, seed):
    """Five networks on the same transitions."""
    scale = models.fit_normalisation(transitions)
    networks = [
        models.DynamicsNetwork(5, 1, (64, 64), torch.tanh, normalisation=scale, generator=seeded(10 * seed + i))
        for i in range(5)
    ]
    ensemble = Ensemble(networks[0])
    start = ensemble.initial(stack_parameters([initial_parameters(network) for network in networks]))
    config = models.TrainConfig(iterations=400, meta_batch=40, outer_lr=2e-3, anneal=True)
    return ensemble, models.train(
        ensemble, start, models.Data(transitions), config, seeded(seed), description=f"ensemble {seed + 1}"
    )[0]


pushes = rollout(upright, body, UniformPolicy(upright.action_space), {}, 10, seeded(5))
parts, ensembles, played = [models.transitions_of(pushes)], [], []
for attempt in range(2):
    so_far = models.Transitions(*(torch.cat(columns, 1) for columns in zip(*parts, strict=True)))
    ensembles.append(learn(so_far, attempt))
    curve = models.adaptation_curve(
        *ensembles[-1], upright, body, settings.planner, seeded(6 + attempt), episodes=10
    )
    played.append(curve.played)
    parts.append(models.transitions_of(played[-1].trajectories))

# %% [markdown]
# Now let both ensembles imagine the episodes that were played last, which neither has seen: from every tenth step, with
# the pushes that were really done, each member on a course of its own.

# %%
def imagined(ensemble, members, seen, ahead=20):
    """Root mean square error of the mean course, and standard deviation over members, for 1 to `ahead` steps."""
    starts = torch.arange(0, seen.mask.shape[-1] - ahead, 10)
    spread = seen.observations.flatten(0, 2).std(0)
    state = seen.observations[0][:, starts].expand(5, -1, -1, -1)  # [member, episode, start, observation]
    wrong, apart = [], []
    for step in range(ahead):
        pushed = seen.actions[0][:, starts + step].expand(5, -1, -1, -1)
        state = ensemble.network.predict(members, state, pushed)
        truth = seen.next_observations[0][:, starts + step]
        wrong.append(((state.mean(0) - truth) / spread).square().mean().sqrt().detach())
        apart.append((state.std(0, correction=0) / spread).square().mean().sqrt().detach())
    return torch.stack(wrong), torch.stack(apart)


latest = parts[-1]
courses = {
    name: imagined(*both, latest) for name, both in zip(("random pushes", "and ten planned"), ensembles, strict=True)
}

# %% tags=["hide-input"]
figures.compounding(
    range(1, 21), {name: c[0] for name, c in courses.items()}, {name: c[1] for name, c in courses.items()}
)
truth = play(upright, body, TrueDynamics(upright), settings.planner, 10, seeded(6)).trajectories.returns.mean()
first, second = (float(one.trajectories.returns.mean()) for one in played)
claim(
    f"Planning with the first ensemble earns {first:.1f}, with the second {second:.1f}, and with the truth "
    f"{float(truth):.1f}, in ten episodes each.",
    second > first and second > 0.8 * float(truth),
)
(wrong1, apart1), (wrong2, apart2) = courses.values()
claim(
    f"On the episodes planned last the first ensemble errs by {float(wrong1[0]):.3f} after one step and by "
    f"{float(wrong1[-1]):.2f} after twenty, and its members are {float(apart1[-1]):.2f} apart; for the second it is "
    f"{float(wrong2[0]):.3f}, {float(wrong2[-1]):.2f} and {float(apart2[-1]):.2f}.",
    bool(wrong2[-1] < wrong1[-1] and apart2[-1] < apart1[-1] and wrong1[-1] > 5 * wrong1[0]),
)
