# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Start here
#
# **What does it look like when a policy learns a new task from a single gradient step?**
#
# You will be able to
#
# - watch three policies adapt to a hidden goal and to turned controls, and say what each of them brought along
# - write down what meta-training optimises, beside what pre-training optimises, and build the adaptation step
# - find your way through the course: chapters, exercises, checks, hints
# - see whether your installation is in order, and what to do if it is not
#
# Before you start: Python with NumPy; a first idea of gradient descent.
#
# Reading: about 30 minutes. Running: at most 100 seconds and 1500 MB on the machine that README names; `make doctor` compares yours.

# %% [markdown]
# ## Two worlds
#
# In both worlds a point has to reach a goal in the plane. After each move its reward is minus the distance to the
# goal, and in each world one thing is hidden from it.
#
# 1. **A hidden goal.** The point starts in the middle and sees its own position. It does not see the goal.
# 2. **Turned controls.** The point sees where the goal is. But all its moves come out turned by an angle that it does
#    not know.
#
# A *task* is one goal, or one angle. The only way to learn which task it is, is to move and see what rewards come. Here
# a policy gets 20 walks and **one gradient step** on what it experienced. How far can that take it?
#
# Run the cells one after another with Shift+Enter, down to the next heading. Moving things appear within seconds.

# %% tags=["hide-input"]
import torch

from metarl_core.agents import (
    OraclePolicy,
    ReinforceConfig,
    linear_baseline,
    mean_returns,
    normalise,
    reward_to_go,
    train_reinforce,
)
from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.figures import ch00 as figures
from metarl_core.figures.words import table
from metarl_core.meta import OuterPPO, PolicyMAML, policies
from metarl_core.randomness import seeded
from metarl_core.recipes import point_navigation, turned_controls
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import PointNavigation, TurnedControls, rollout
from metarl_core.widgets import adaptation_explorer

begin()

# %% [markdown]
# ## World 1: the goal is hidden
#
# Three copies of one random network walk below, each named after what it will become. The star is the goal: drag it, in
# any of the squares, or move it with the arrow keys. Light grey are the walks before the gradient step, coloured those
# after it (dark grey in the third square). Below each square stands the mean *return*, the sum of a walk's rewards,
# before and after the step; closer to 0 is better.

# %%
family = PointNavigation()  # goals in the square [-0.5, 0.5]²
policy, fresh, _ = point_navigation.untrained(0)
NAMES = ("MAML", "pre-trained", "random initialisation")
explorer = adaptation_explorer(family, policy, dict.fromkeys(NAMES, fresh))
explorer.show()

# %% [markdown]
# Now two of the copies learn, from goals that are drawn anew all the time. Run the next cell and watch them in the
# squares above; you may go on dragging.
#
# - *MAML* (model-agnostic meta-learning): for each of 20 goals take one gradient step on 20 walks, then change the
#   network so that the return **after** that step improves. It is trained to be a good place to start from.
# - *Pre-training*: improve the return averaged over goals, with no step in mind.

# %%
method = PolicyMAML(family, policy, inner_lr=0.5)
rule = OuterPPO(outer_lr=3e-3, epochs=2, minibatch=5)
sixty = policies.TrainConfig(iterations=60, meta_batch=20)
draws = point_navigation.untrained(0)[2]  # a new one in this cell: run again, it gives the same numbers again
maml, history = policies.train(
    method, fresh, sixty, draws, rule=rule, description="MAML", callback=explorer.callback("MAML")
)
explorer.learned("MAML", maml)

# %%
plain = ReinforceConfig(iterations=120, meta_batch=20, lr=3e-3)  # as many walks in all
again = point_navigation.untrained(0)[2]
pretrained, _ = train_reinforce(
    family, policy, fresh, plain, again, description="pre-trained", callback=explorer.callback("pre-trained")
)
starts = {"MAML": maml, "pre-trained": pretrained, "random initialisation": fresh}
explorer.finish(starts)

# %% [markdown]
# **Predict, then try.** Write down what you expect of the trained policies, then go back to the squares.
#
# 1. With the goal in each of the four corners, which panels follow it?
# 2. What are the returns before and after a step of size α = 0, and what does α = 2 look like?

# %% [markdown]
# *Your prediction:*
#
# …

# %% [markdown]
# <details><summary>Compare, when you have tried</summary>
#
# 1. MAML's walks follow the goal towards every corner, the pre-trained ones less far, the random network's not at all.
# 2. A step of size 0 changes nothing. The two returns differ all the same, by some units and more for the random network:
# each is a mean over 20 *new* walks, and moves are random. With α = 2 the step is four times as long as in training;
# MAML's walks shoot past the goal and out of the square, and earn less than before the step.
# </details>
#
# ## World 2: the controls are turned
#
# The goal now stays in the middle, in plain view, and the point starts anywhere around it. The arrow says where a move
# to the right comes out. Turn it by dragging, or with the arrow keys.
#
# **Predict, then run.** Without knowing the angle, what is the best that pre-training can find? Will one step from
# there be worth as much as in world 1?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
turned = TurnedControls()  # angles from -180 to 180 degrees
untrained = turned_controls.trained("random initialisation", 0)  # the table's recipe; "trained" only in name
turning, unturned = untrained.learner.policy, untrained.parameters
second_explorer = adaptation_explorer(turned, turning, dict.fromkeys(NAMES, unturned), inner_lr=1.0, discount=0.9)
second_explorer.show()

# %%
turned_maml = turned_controls.trained("MAML", 0, callback=second_explorer.callback("MAML"))
second_explorer.learned("MAML", turned_maml.parameters)

# %%
turned_plain = turned_controls.trained("pre-trained", 0, callback=second_explorer.callback("pre-trained"))
turned_starts = dict(zip(NAMES, (turned_maml.parameters, turned_plain.parameters, unturned), strict=True))
second_explorer.finish(turned_starts)

# %% [markdown]
# The training is that of world 1 but for a few settings: a smaller network (two layers of 64, with hyperbolic
# tangents), α = 1, a discount of 0.9, 40 iterations. Pre-training gets as many walks and as many updates as MAML.
#
# ## What happened
#
# Here is one goal and one angle as a still picture. The small arrows, not shown above, are the mean move that results
# at each place.

# %% tags=["picture-adaptation"]
goal, angle = {"goal": torch.tensor([[0.3, 0.25]])}, {"angle": torch.tensor([2.0]), "mirror": torch.ones(1)}
figures.two_worlds(
    (policy, starts, lambda theta: policies.adaptation_curve(method, theta, goal, seeded(1)), goal["goal"][0]),
    (turning, turned_starts, lambda theta: policies.adaptation_curve(turned_maml.learner, theta, angle, seeded(1)), angle),
)

# %% tags=["hide-input"]
first = load_table("point_navigation"), load_table("fair_baselines")  # five seeds each, trained earlier
in_turn = load_table("turned_controls")
stay, oracle = {}, {}
goals, angles = point_navigation.held_out(), turned_controls.held_out()
stay["1"], stay["2"] = -100 * float(goals["goal"].norm(dim=-1).mean()), -40 * 0.765196 * turned.half_width
oracle["1"] = float(mean_returns(family, goals, OraclePolicy(family), goals, 1, seeded(0)).mean())
oracle["2"] = float(mean_returns(turned, angles, OraclePolicy(turned), angles, 500, seeded(0)).mean())
after = {
    ("1", "MAML"): first[0].scores("MAML"),
    ("1", "pre-trained"): first[1].scores("pre-trained")[..., 0],
    ("1", "random initialisation"): first[0].scores("random initialisation"),
    **{("2", name): in_turn.scores(name) for name in (*NAMES, "standing still")},
}
means = {key: t_interval(scores[:, :, 1].mean(1)) for key, scores in after.items()}
closed = {key: (found.point - stay[key[0]]) / (oracle[key[0]] - stay[key[0]]) for key, found in means.items()}
shown = {key: f"{m.point:.1f} [{m.low:.1f}, {m.high:.1f}]".replace("-", "−") for key, m in means.items()}
minus = {world: f"{value:.1f}".replace("-", "−") for world, value in {**stay}.items()}
table(
    ("return after one step", "1: hidden goal", "2: turned controls"),
    [
        *((name, *(shown[world, name] for world in "12")) for name in NAMES),
        ("staying put", *minus.values()),
        ("oracle", *(f"{value:.1f}".replace("-", "−") for value in oracle.values())),
    ],
)
off = policies.adaptation_curve(method, maml, goals, draws, inner_lr=[0.5, 0.25, 0.25]).returns
claim(
    "The MAML policy that you trained for world 1 is a row of its table: its mean returns agree.",
    abs(off.mean(0).numpy() - first[0].scores("MAML")[0].mean(0)).max() < 3,
)
claim(
    f"World 1: MAML closes {closed['1', 'MAML']:.0%} of the gap between staying put and the oracle, and pre-training "
    f"{closed['1', 'pre-trained']:.0%}.",
    closed["1", "MAML"] > 0.6 and 0.6 < closed["1", "pre-trained"] < closed["1", "MAML"],
)
claim(
    f"World 2: MAML closes {closed['2', 'MAML']:.0%} of it, and the pre-trained policies stay below staying put.",
    closed["2", "MAML"] > 2 / 3 and means["2", "pre-trained"].high < stay["2"],
)
claim(
    "World 2, from a policy set by hand to what pre-training looks for, no mean move anywhere: "
    f"{shown['2', 'standing still']} after its best step, which closes {closed['2', 'standing still']:.0%}.",
    0 < closed["2", "standing still"] < 0.4,
)
guessed = in_turn.scores("pre-trained")[:, :, 1]
claim(
    f"The pre-trained policies of world 2 earn more than −10 for {(guessed > -10).mean():.0%} of the angles after their "
    f"step, and less than −30 for {(guessed < -30).mean():.0%}.",
    0.3 < (guessed > -10).mean() < 0.7 and 0.3 < (guessed < -30).mean() < 0.7,
)
turned_before = in_turn.scores("MAML")[:, :, 0].mean()
claim(
    f"Before the step MAML earns {turned_before:.0f} in world 2, far less than staying put.".replace("-", "−"),
    turned_before < stay["2"] - 10,
)


# %% [markdown]
# Intervals are 95 % *t intervals* over five trainings; the 40 goals and 40 angles were in no training. MAML takes the
# step size that it was trained with, the others the one that is best for one step on training tasks. (Only the random
# network of world 1 has the size that is best for three steps.)
#
# **World 1.** Before the step, both trained policies pull the point back to the middle, wherever it is. While the goal
# is unknown nothing better can be done. The step moves the *place that they pull towards*. Pre-training never heard of
# the step, and still its policy is nearly as good to start from: the answer without the goal, to wait in the middle,
# happens to lie one step away from the answers for all goals. Chapter 01 measures this comparison with care.
#
# **World 2.** With the controls turned by an unknown angle, no direction is better than another, and the best answer
# without the angle is not to move. Ours did not find it. They settled for one guess of the angle, walk well where it
# is about right, flee from the goal where it is not, and one step does not turn them round. (The random
# network, which has no guess to follow, ends above them.) Better pre-training would not help much: a step from
# standing still closes a quarter of the gap. MAML's policy does not look good before the
# step, and was never asked to. In the picture it then walks towards the goal along one line and away from it along
# another, and after one step on what that brought, all arrows point to the goal.
#
# So an initialisation can hold knowledge that is worth a great deal: not what the task is, but which change of the
# weights goes with it. To learn from many tasks how to learn the next one is **meta-learning**. When it pays, and when
# something simpler does as well, is the question of this course.
#
# ## One formula, two objectives
#
# - $\mathcal{T}$ is a task, drawn from a distribution $p(\mathcal{T})$: goals uniform in a square, angles uniform.
# - $\theta$ are the parameters of the policy $\pi_\theta(a \mid s)$, the density of action $a$ in state $s$.
# - An *episode* (a walk) has at most $H$ steps, 100 in world 1 and 40 in world 2, and gives the rewards $r_0, r_1, \dots$
# - $J_\mathcal{T}(\theta) = \mathbb{E}\big[\sum_t \gamma^t r_t\big]$ is the expected return of $\pi_\theta$ on the task, with
#   the *discount* $\gamma$: 0.99, and 0.9 in world 2. (The returns shown are not discounted.)
#
# Adaptation is one step of gradient ascent, of size $\alpha$, on the return of **one** task, estimated from 20 episodes
# that $\pi_\theta$ walks on that task:
#
# $$\theta'_\mathcal{T} = \theta + \alpha \, \nabla_\theta J_\mathcal{T}(\theta) \tag{00.1}$$
#
# Meta-training asks for a high return **after** it, pre-training for a high return **before** it:
#
# $$\text{MAML: } \max_\theta \mathbb{E}_{\mathcal{T}}\big[ J_\mathcal{T}(\theta'_\mathcal{T}) \big]
# \qquad \text{pre-training: } \max_\theta \mathbb{E}_{\mathcal{T}}\big[ J_\mathcal{T}(\theta) \big] \tag{00.2}$$
#
# The first contains (00.1), so its gradient goes *through* a gradient step. Chapter 05 derives it, chapter 08 brings it
# to reinforcement learning.
#
# ## Build it, check it, use it
#
# The rewards come out of a world, not out of a network, so the return cannot be differentiated. Policy gradients
# (chapter 01) make actions more probable that turned out better than expected. With $N$ steps in all episodes,
#
# $$\nabla_\theta J_\mathcal{T}(\theta) \;\approx\; \frac{1}{N} \sum_{\text{episodes}} \sum_{t} \nabla_\theta \log \pi_\theta(a_t \mid s_t) \, A_t \tag{00.3}$$
#
# The *advantage* $A_t$ is the discounted reward from time $t$ on, minus a prediction of it (a *baseline*), scaled to
# mean 0 and standard deviation 1 within the task. What the sign ≈ hides, chapter 01 says; its scale is part of α, so
# that an α of 0.5 means something only together with this scaling. Here is the whole step.

# %%
def adaptation_step(theta, task, alpha, generator):
    """θ' = θ + α ∇J, estimated from 20 episodes on one task of world 1."""
    theta = {name: value.clone().requires_grad_() for name, value in theta.items()}
    walks = rollout(family, task, policy, theta, 20, generator)
    rewards = reward_to_go(walks.rewards, discount=0.99)
    baseline = linear_baseline(walks.observations, rewards, walks.mask)
    advantage = normalise((rewards - baseline) * walks.mask, walks.mask)

    mean, std = policy.mean_and_std(theta, walks.observations)
    log_density = -0.5 * ((walks.actions - mean) / std) ** 2 - std.log()  # of a normal distribution, but for a constant
    log_pi = log_density.sum(-1)  # both coordinates of a move: a sum, not a mean
    objective = (log_pi * advantage * walks.mask).sum() / walks.mask.sum()

    gradient = torch.autograd.grad(objective, list(theta.values()))
    return {name: (value + alpha * g).detach() for (name, value), g in zip(theta.items(), gradient, strict=True)}


mine = adaptation_step(maml, goal, 0.5, seeded(1))
_, theirs, _ = policies.adaptation_curve(method, maml, goal, seeded(1))

# %% tags=["hide-input"]
largest = max(float((mine[name] - theirs[1][name][0]).abs().max()) for name in mine)
claim(
    f"The step written here and the package's give the same {sum(v.numel() for v in mine.values()):,} parameters; the "
    f"largest difference is {largest:.0e}.",
    largest < 1e-4,
)

# %% [markdown]
# The chapters work this way: an algorithm in a few dozen lines, a check that `metarl_core` computes the same, and from
# there on the package's version, which does it for all tasks at once.
#
# ## How the course works
#
# **Four parts.** *Foundations* (00 to 04), *gradient-based meta-learning* (05 to 07), *meta-reinforcement learning*
# (08 to 12), *practice* (13 to 17; 15 is still to come). The map with all questions stands in the [README](../README.md).
#
# **A chapter** shows something, derives it, builds it and measures it. Where it says *predict*, write a guess down
# *before* you run the cell: a wrong guess that you wrote down teaches more than a right number that you read. No
# chapter loads a trained network; what you see was trained in front of you, or stands in a table whose script is in
# `experiments/`.
#
# **Exercises** are notebooks of their own. Each leaves something for you to fill in and calls a *check*, which compares
# your answer with an independent one and, if you are wrong, says what you seem to have thought. Three hints of rising
# strength are folded below it. You can run a check as often as you like.
#
# **When you are stuck:** a question mark behind a name (`policies.adaptation_curve?`) shows its docstring, two show its
# code. If results look impossible, restart the kernel and run all cells. Everything works offline.
#
# ### A warm-up
#
# A walk is a tensor `path` of positions $x_0, x_1, \dots, x_n$. After step $t$, which ends at $x_t$, the reward is
# $-\lVert x_t - g \rVert$ for a goal $g$. Write the undiscounted return of the walk. The answer in the next cell is
# wrong: run it, read the message, and **repair it in place** before you open a hint.

# %%
from metarl_core.check import CheckFailed, ch00


def my_return(path, goal):
    """Undiscounted return of a walk: path [n + 1, 2] and goal [2] in, a tensor with no axes out."""
    distances = (path - goal).norm(dim=-1)
    return -distances.sum()


try:  # only so that the notebook runs through: in an exercise the check stands alone
    ch00.check_path_return(my_return)
except CheckFailed as message:
    print(message)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# How many positions does a walk of $n$ steps have, and how many rewards?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $-\sum_{t=1}^{n} \lVert x_t - g \rVert$. Where does the sum begin?
# </details>
#
# <details><summary>Hint 3: pseudocode, and the answer</summary>
#
# Drop the first position. Take the distance of every other one to the goal. Add them up. Change the sign.
# The next cell, folded, holds an answer that passes.
# </details>

# %% tags=["warm-up", "hide-input"]
from metarl_core.check import ch00


def path_return(path, goal):
    """Undiscounted return of a walk: path [n + 1, 2] and goal [2] in, a tensor with no axes out."""
    return -(path[1:] - goal).norm(dim=-1).sum()


ch00.check_path_return(path_return)

# %% [markdown]
# ### Is your installation in order?
#
# The doctor's findings by name: `ok` needs nothing, a `note` harms nothing, a `PROBLEM` comes with what to do about it.
# `make doctor` in a terminal prints them with versions and paths, also where torch is missing.

# %% tags=["hide-input"]
import subprocess
import sys
from pathlib import Path

import metarl_core

course = Path(metarl_core.__file__).parents[1]  # the folder that the course was installed from
doctor = [sys.executable, "-m", "tools.doctor"]
for finding in subprocess.run(doctor, cwd=course, capture_output=True, text=True).stdout.splitlines():
    print(finding if "PROBLEM" in finding else finding.partition(":")[0])

# %% [markdown]
# ## Self-check
#
# **1.** Which data does the gradient in (00.1) use? (A) 20 episodes on every training task. (B) 20 episodes on the new
# task, walked by the policy before the step. (C) The same, walked by the policy after the step.
#
# <details><summary>Answer to 1</summary>
#
# **B.** (A) is what *training* used to find θ. (C) would need the result of the step in order to take it; episodes
# after the step measure it, and in MAML's training they drive the update of θ.
# </details>
#
# **2.** In world 1 MAML's policy returns about as much as staying put before its step. Is it badly trained? (A) Yes, a
# good policy would be better at once. (B) No, without the goal nothing does better on average. (C) No, but only because
# its actions are random.
#
# <details><summary>Answer to 2</summary>
#
# **B.** The observation does not show the goal, so a policy that has not adapted acts alike for all goals. (A) asks for
# knowledge that is not there. (C): it pulls back to the middle on purpose, see the arrows; but without random moves it
# could not tell which way rewards rise.
# </details>
#
# **Further reading.** C. Finn, P. Abbeel, S. Levine (2017), *Model-agnostic meta-learning for fast adaptation of deep
# networks*, arXiv:1703.03400: section 5.3 has world 1. J. Beck et al. (2023), *A survey of meta-reinforcement learning*,
# arXiv:2301.08028.
#
# next: [01 Why learn to learn?](01_why_learn_to_learn.ipynb)
