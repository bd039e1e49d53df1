# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08b When meta-training pays, and where a step cannot search
#
# **What do the same episodes buy without meta-training, and what if no episode meets the goal?**
#
# *An appendix to chapter 08. No later chapter needs it.*
#
# You will be able to
#
# - count what the episodes of meta-training save on new goals, and after how many goals they are paid for
# - see a family of tasks on which adaptation has nothing to win
# - say why a gradient step cannot search for a sparse reward, and what meta-training does about it
#
# Before you start: chapter 08, [MAML for reinforcement learning](08_maml_for_rl.ipynb).
#
# Reading: about 20 minutes. Running: at most 40 seconds and 1700 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import dataclasses

import numpy as np
import torch

from metarl_core.agents import OraclePolicy, mean_returns
from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.figures import ch08b as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta import policies
from metarl_core.randomness import seeded
from metarl_core.recipes import meta_policies
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import PointNavigation

begin()
table = load_table("meta_policies")  # chapter 08's, five seeds a method
settings = table.settings
navigation, sparse_setting = settings["problems"]["navigation"], settings["problems"]["sparse"]
EPISODES = settings["episodes"]


def curves_of(problem, names):
    return {name: t_curves(table.scores(f"{problem}: {name}")) for name in names}


def show_curves(title, curves):
    show_table(
        [title, "0 steps", "1", "2", "3"],
        [
            (name, *(f"{c.point[k]:.1f} [{c.low[k]:.1f}, {c.high[k]:.1f}]" for k in range(4)))
            for name, c in curves.items()
        ],
    )


# %% [markdown]
# Chapter 08 compared methods after one to three steps on a new goal. Three questions are left. What would the same
# episodes buy without any meta-training? What does it look like where there is nothing to win? And what happens where
# no episode meets the goal?
#
# ## 1 From scratch
#
# A policy of its own for each of the 40 goals is trained by REINFORCE from a random network, with 20 episodes for each
# update, and with Adam at the rate that also served as the outer rate, 0.003. How many episodes on the *new* goal does
# it take to get where MAML is after 20, 40 and 60?
#
# **Predict:** write down three numbers of episodes.
#
# *Your prediction:*

# %% tags=["hide-input"]
scratch = t_curves(table.scores("navigation: from scratch"))
spent = EPISODES * np.arange(len(scratch.point))
adapted = curves_of("navigation", ("MAML", "pre-training"))
figures.episodes_spent(spent, scratch, adapted, EPISODES)


def episodes_to(level):
    """Episodes after which the mean curve from scratch has reached a return; None where it never does."""
    above = np.flatnonzero(scratch.point >= level)
    return int(spent[above[0]]) if len(above) else None


needed = [episodes_to(level) for level in adapted["MAML"].point[1:]]
show_table(
    ["MAML's episodes on the goal", "its return", "from scratch needs"],
    [
        (
            k * EPISODES,
            f"{adapted['MAML'].point[k]:.1f}",
            f"{number:,} episodes" if number else f"more than {spent[-1]:,}",
        )
        for k, number in zip((1, 2, 3), needed, strict=True)
    ],
)
paid = navigation["iterations"] * settings["meta_batch"] * 2 * EPISODES
saved = needed[0] - EPISODES
claim(
    f"Meta-training spent {paid:,} episodes. At the level of one step it saves {saved:,} episodes a goal, so by (01.15) "
    f"it is paid back after about **{paid / saved:,.0f} goals**.",
    needed[0] >= 8 * EPISODES,
)

# %% [markdown]
# From scratch needs more than ten times the episodes for the same level; they were paid for in advance. Two
# reservations. The rate from scratch was not tuned; in chapter 01 tuning halved the cost. And MAML's curve ends after
# three steps, while the curve from scratch goes on: whoever can afford a thousand episodes on one task has no need of
# three steps.
#
# ## 2 Where there is nothing to win
#
# CartPole's masses, length, gravity and force differ from task to task by up to a factor of three. The policy sees
# position, angle and their velocities, not the physics. Everything else is as before, with a categorical policy and
# $\alpha = 1$.
#
# **Predict, then run.** How much better than pre-training is MAML after one step, of a maximum of 200?
#
# *Your prediction:*

# %% tags=["hide-input"]
poles = curves_of("CartPole", ("MAML", "pre-training", "random initialisation"))
alone = t_curves(table.scores("CartPole: from scratch"))
figures.poles(poles, EPISODES * np.arange(len(alone.point)), alone)
gap = t_interval((table.scores("CartPole: MAML") - table.scores("CartPole: pre-training"))[..., 1])
claim(
    f"Before any step the pre-trained policy has {poles['pre-training'].point[0]:.0f}, MAML {poles['MAML'].point[0]:.0f}, "
    f"a random network {poles['random initialisation'].point[0]:.0f}. MAML minus pre-training after one step: "
    f"{gap.point:+.1f} [{gap.low:+.1f}, {gap.high:+.1f}].",
    poles["pre-training"].point[0] > 190 and abs(gap.point) < 2 and poles["random initialisation"].point[0] < 60,
)

# %% [markdown]
# Nothing, or next to it: (08.17) is nearly zero here. One policy balances every one of these poles.
#
# **The text of the MAML paper** describes navigation otherwise than its code: reward $-\text{distance}^2$, actions that
# are the move itself, $\alpha = 0.1$. Policies begin with a standard deviation of 1, as before, which is now ten times
# the largest move: nearly every action is clipped, and the mean can do no more than bias the direction of full steps.

# %% tags=["hide-input"]
other = PointNavigation(reward="squared", normalised_actions=False)
goals = meta_policies.held_out(other, meta_policies.Settings())
best = float(mean_returns(other, goals, OraclePolicy(other), goals, 1, seeded(0)).mean())
squared = curves_of("squared", ("MAML", "pre-training", "random initialisation"))
show_curves(f"reward −distance² (a straight walk earns {best:.2f})", squared)
difference = (table.scores("squared: MAML") - table.scores("squared: pre-training")).mean(1)
after = {k: t_interval(difference[:, k]) for k in (1, 3)}
claim(
    f"MAML minus pre-training: {after[1].point:+.1f} [{after[1].low:+.1f}, {after[1].high:+.1f}] after one step, "
    f"{after[3].point:+.1f} [{after[3].low:+.1f}, {after[3].high:+.1f}] after three, the number of steps that "
    "pre-training's step size was chosen for.",
    after[1].low > 0 and after[3].high < 0,
)

# %% [markdown]
# Numbers of the two settings cannot be compared with each other, nor with a paper that does not say which one it used.
# If you reproduce published returns, write down the reward, what one unit of action means, the discount, whether
# advantages are normalised, and which step sizes were used at *test* time. Several of them differ between this paper's
# text and its code.
#
# ## 3 Where nobody meets the goal
#
# The distance tells the way from everywhere. Take it away: the **sparse** reward is 1 for each step within 0.1 of the
# goal and 0 elsewhere. A support episode that never touches the goal then says no more than "not there", and a policy
# gradient cannot use even that. If no episode of a task touches it, all returns are zero, and
#
# $$R_t = 0 \;\Rightarrow\; A_t = 0 \;\Rightarrow\; \nabla L(\theta; D) = 0 \;\Rightarrow\; \theta' = \theta. \tag{08.18}$$
#
# So the support policy must *search*. A random network drifts about; MAML is free to learn something better. First the
# five committed seeds:

# %% tags=["hide-input"]
sparse_family = meta_policies.family_of("sparse")
tasks = sparse_family.sample_tasks(120, seeded(60), "test")
sparse_best = float(mean_returns(sparse_family, tasks, OraclePolicy(sparse_family), tasks, 1, seeded(0)).mean())
sparse = curves_of("sparse", ("MAML", "pre-training", "random initialisation"))
show_curves(f"sparse reward (a straight walk earns {sparse_best:.1f})", sparse)
lead = t_interval((table.scores("sparse: MAML") - table.scores("sparse: pre-training"))[..., 3])
claim(
    f"After three steps MAML has {sparse['MAML'].point[3] / sparse['pre-training'].point[3]:.1f} times what pre-training "
    f"has (difference {lead.point:+.1f} [{lead.low:+.1f}, {lead.high:+.1f}]), and less than half of a straight walk.",
    lead.low > 5 and sparse["MAML"].point[3] < 0.5 * sparse_best,
)

# %% [markdown]
# Here meta-training pays: both saw as many episodes, and pre-training's step size is the best of five for three steps
# on training goals. (It made 120 updates, MAML 480; chapter 08 saw that this matters little with the dense reward.) Yet
# all are far from the optimum. What does the support policy do? A short live run, a third of the
# table's iterations.
#
# **Predict, then run.** After meta-training, does the support policy touch more of the goals or fewer than the random
# network did?
#
# *Your prediction:*

# %%
recipe = meta_policies.Settings()
third = dataclasses.replace(recipe.problems["sparse"], iterations=sparse_setting["iterations"] // 3)
brief = dataclasses.replace(recipe, problems={"sparse": third})
_, _, random_start, _ = meta_policies.untrained("sparse", 0, brief)
method, theta, *_ = meta_policies.trained("sparse", "MAML", 0, brief)
results = {
    name: policies.adaptation_curve(method, start, tasks, seeded(61), inner_lr=sparse_setting["test_rates"])
    for name, start in (("random initialisation", random_start), ("MAML", theta))
}

# %% tags=["hide-input"]
touches = {name: (result.trajectories[0].returns > 0).sum(1) for name, result in results.items()}  # support episodes
unmet = touches["MAML"] == 0
order = touches["MAML"].argsort(stable=True)
met = order[int(unmet.sum()) :]
picked = [int(order[0]), int(order[1]), int(met[len(met) // 2]), int(met[3 * len(met) // 4])]
figures.sparse_paths(results["MAML"].trajectories[:2], tasks["goal"], picked, 0.1)
before, after = results["MAML"].parameters[:2]
claim(
    f"On {int(unmet.sum())} of the {len(unmet)} goals no support episode of MAML touches the circle; there θ′ is θ to the "
    "last bit.",
    bool(unmet.any()) and all(torch.equal(before[name][unmet], after[name][unmet]) for name in before),
)

# %% tags=["hide-input"]
distance, edges = tasks["goal"].norm(dim=-1).numpy(), np.array([0.0, 0.15, 0.25, 0.35, 0.45, 0.75])
bins = [(distance >= a) & (distance < b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
shares = {name: [float(number.numpy()[which].mean()) / EPISODES for which in bins] for name, number in touches.items()}
figures.search(edges, shares, touches["MAML"].numpy(), results["MAML"].returns[:, 1].numpy(), sparse_best)
show_table(
    ["live run, 120 goals", "episodes that touch", "goals that none touches", "return after 0", "1", "2", "3 steps"],
    [
        (
            name,
            f"{float(number.float().mean()) / EPISODES:.0%}",
            f"{float((number == 0).float().mean()):.0%}",
            *(f"{value:.1f}" for value in results[name].returns.mean(0)),
        )
        for name, number in touches.items()
    ],
)
(near, *_, far), (near_random, *_, far_random) = shares["MAML"], shares["random initialisation"]
claim(
    f"Of the nearest goals {near:.0%} of MAML's episodes touch one and {near_random:.0%} of the random network's; of the "
    f"farthest {far:.0%} and {far_random:.0%}.",
    near > near_random and far < far_random,
)

# %% [markdown]
# More of the near ones, fewer of the far ones. Meta-training has made the search *shorter*, and earns more all the same:
# where an episode does touch, the step is worth something. Look at what the formulas allow. *No gradient:* a task
# that was not touched has $A = 0$ on its support data, and mostly on its query data, so it has next to no say in the
# meta-gradient; near goals do. *No plan:* adaptation is a step on a mean over 20 independent episodes. "I have searched
# the left side, now the right one" is nothing that a policy with fixed parameters and no memory can do within them.
# *The other path:* (08.10) would reward $\theta$ for episodes that touch a goal; whether that term helps here was not
# tried. Chapter 11 returns to exploration with policies that remember.
#
# **Check yourself.** You raise the number of support episodes from 20 to 200. (A) That solves it. (B) It helps by luck:
# more draws of the same search. (C) It changes nothing.
#
# <details><summary>Answer</summary>
#
# **B.** If one episode touches a goal with probability $p$, one of $N$ does with $1 - (1 - p)^N$. For far goals $p$ is
# near zero and stays there, since nothing teaches the policy to search. (A) and (C) both miss that.
# </details>
#
# Back to [08 MAML for reinforcement learning](08_maml_for_rl.ipynb) · [Exercises](../exercises/08_maml_for_rl_exercises.ipynb) · previous: [08a Trust regions around adapted policies](08a_trust_regions.ipynb) · next: [09 The meta-policy gradient, done right](09_meta_policy_gradient.ipynb)
