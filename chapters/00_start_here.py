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
# - drag a goal, watch three policies adapt to it, and say what each of them brought along
# - write down what meta-training optimises, beside what pre-training optimises, and build the adaptation step
# - find your way through the course: chapters, exercises, checks, hints
# - see whether your installation is in order, and what to do if it is not
#
# Before you start: Python with NumPy; a first idea of gradient descent.
#
# Reading: about 25 minutes. Running: at most 140 seconds and 1500 MB on the machine that README names; `make doctor` compares yours.

# %% [markdown]
# ## A goal that nobody shows you
#
# A point stands in the middle of a square.
# Somewhere in the square is a goal.
# The point sees its own position and nothing else: no goal, no direction, no map.
# After each move it gets a reward, minus its distance to the goal.
# So the only way to find the goal is to move about, listen to the rewards, and learn.
#
# How fast can it learn?
# In this chapter it gets **20 short walks and one gradient step**.
#
# Choose *Run › Run All Cells* now.
# The second code cell below trains two policies from scratch, which takes about a minute.
# Read on while its bars fill.

# %%
import torch
from IPython.display import Markdown

from metarl_core import plotting
from metarl_core.agents import OraclePolicy, mean_returns
from metarl_core.evaluation import interquartile_mean, paired_difference, summarise_curves
from metarl_core.meta import policies
from metarl_core.recipes import point_navigation
from metarl_core.results import load_table
from metarl_core.tasks import PointNavigation
from metarl_core.widgets import adaptation_explorer

torch.set_num_threads(1)  # the tensors are small: a second thread would cost more time than it saves

family = PointNavigation()  # every task is one goal in the square [-0.5, 0.5]²
table = load_table("point_navigation")  # five seeds, trained earlier with these same settings
settings = table.settings
SEED = 0

# %% [markdown]
# **What is being trained.**
# A *policy* is a network that maps a position to a distribution over moves.
# We start from one random network and improve copies of it in two ways.
#
# - *Pre-training* draws 20 new goals again and again and improves the return **averaged over goals**. It is ordinary reinforcement learning on many tasks.
# - *MAML* (model-agnostic meta-learning) draws 20 new goals as well. For each goal it takes one gradient step on 20 walks, and then improves the return **after that step**. It is trained to be a good place to start from.
#
# Both see the same number of walks.
# The third policy is the random network itself, not trained at all.

# %%
# The recipes of the table's rows. Each begins with the same random network and hands on the generator of all further
# draws. The step is taken apart below, the training in chapters 04 and 08.
policy, random_start, _ = point_navigation.untrained(SEED)
method, maml, maml_generator, *_ = point_navigation.trained("MAML", SEED)
_, pretrained, pre_generator, *_ = point_navigation.trained("pre-trained", SEED)

starts = {"MAML": maml, "pre-trained": pretrained, "random initialisation": random_start}

# %% [markdown]
# ## Drag the goal
#
# Below, all three take the same gradient step on 20 walks towards the same goal, and then walk 20 times more.
# The star is the goal. Drag it, in any of the squares, or move it with the arrow keys.
# Grey are the walks before the step, coloured those after it.
# Below each square is the mean *return*, the sum of the rewards of a walk, before and after the step. It is negative, and closer to 0 is better.
# From the second step on, the step size is halved.
#
# **Predict, then run.** Write down what you expect, then try:
#
# 1. Drag the goal into each of the four corners. Which panels follow it?
# 2. Set the step size α to 0. What are the returns before and after?
# 3. Set α to 2. What does a step that is four times too long look like?
# 4. Go back to α = 0.5 and take 0, 1, 2, 3 gradient steps. Who gains from the second step?
# 5. Compare MAML and pre-trained closely. Is the difference as large as you thought?

# %%
adaptation_explorer(family, policy, starts)

# %% [markdown]
# *On a web page you see one position of the goal. With `make lab` you can drag it.*
#
# ## What happened
#
# Here is one goal as a still picture.
# The small arrows, which were not visible above, show the mean move of the policy at each place.

# %% tags=["picture-adaptation"]
goal = {"goal": torch.tensor([[0.3, 0.25]])}
grid = torch.stack(torch.meshgrid(*[torch.linspace(-0.6, 0.6, 9)] * 2, indexing="xy"), -1)


def draw_adaptation(inner_lr=0.5):
    drawn, axes = plotting.figure(2, 3, width=9.6, height=6.8, sharex=True, sharey=True)
    for column, (name, theta) in enumerate(starts.items()):
        color = plotting.METHOD_STYLE[name][0]
        again = torch.Generator().manual_seed(1)
        returns, parameters, walks = policies.adaptation_curve(method, theta, goal, again, inner_lr=inner_lr)
        for row in range(2):
            panel = axes[row, column]
            plotting.plot_paths(panel, walks[row], 0, goal["goal"][0], color, limit=0.7)
            panel.collections[0].set(alpha=0.22, linewidth=0.9)
            move = policy.mean_and_std(parameters[row], grid[None])[0][0].detach().clamp(-1, 1)
            panel.quiver(*grid.unbind(-1), *move.unbind(-1), color="black", alpha=0.6, scale=17, width=0.006, zorder=4)
            panel.set(xlabel="x" if row else "", ylabel="", xticks=[-0.5, 0, 0.5], yticks=[-0.5, 0, 0.5])
            number = f"{returns[0, row]:.0f}".replace("-", "−")
            panel.set_title(f"{name}\nreturn {number}" if row == 0 else f"return {number}", color=color, weight="bold")
    axes[0, 0].set_ylabel("before\n\ny", fontsize=14)
    axes[1, 0].set_ylabel("after one gradient step\n\ny", fontsize=14)
    for words, place, offset in (
        ("start", (0, 0), (-0.55, -0.42)),
        ("hidden goal", goal["goal"][0].tolist(), (-0.35, 0.55)),
    ):
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2}
        arrow = {"arrowstyle": "-", "color": "black"}
        axes[0, 0].annotate(words, place, offset, fontsize=12, bbox=box, arrowprops=arrow, zorder=6)
    return drawn


plotting.show(
    draw_adaptation(),
    "Six panels: paths of a point in the plane before (top row) and after (bottom row) one gradient step, for the "
    "initialisations MAML, pre-trained and random; arrows show the policy's mean move, a star the hidden goal. Before "
    "the step, the arrows of MAML and pre-trained point to the start in the middle and the paths stay there. After it, "
    "arrows and paths gather at the goal for MAML and a little short of it for pre-trained. The random network has "
    "hardly any mean move and wanders all over the square, before and after.",
)

# %% [markdown]
# **Interpretation.**
# Before the step, both trained policies pull the point back to the middle, wherever it is.
# That is sensible while the goal is unknown.
# One gradient step moves the *place that they pull towards* from the middle to the goal.
# The random network has no such place: its arrows are too short to see, and chance leads the point all over the square.
# A step changes its mean move a little, but gives it no place to stop.
#
# So an initialisation can hold knowledge that is worth a great deal: not where the goal is, but how to stand somewhere, and which change of the weights shifts that place.
# To learn from many tasks how to learn the next one is **meta-learning**, and this course is about it.
#
# The pre-trained policy falls a little short here. Is it a worse place to start from, or does it only need a longer step? The experiment below answers that.

# %% [markdown]
# ## One formula, two objectives
#
# Here is the step in symbols.
#
# - $\mathcal{T}$ is a *task*: here, one goal. Tasks are drawn from a distribution $p(\mathcal{T})$: here, goals uniform in the square.
# - $\theta$ are the parameters of the policy $\pi_\theta(a \mid s)$, the probability density of action $a$ (a move) in state $s$ (a position).
# - An *episode* (a walk) is at most $H = 100$ steps and gives the rewards $r_0, r_1, \dots$ It ends early when the point is within 0.01 of the goal in both coordinates.
# - $J_\mathcal{T}(\theta) = \mathbb{E}\big[\sum_{t} \gamma^t r_t\big]$ is the expected discounted return of $\pi_\theta$ on task $\mathcal{T}$, with the *discount* $\gamma = 0.99$. We want it large. (The returns in figures are not discounted.)
# - $\alpha$ is the *inner step size*.
#
# Adaptation is one step of gradient ascent on the return of **one** task:
#
# $$\theta'_\mathcal{T} = \theta + \alpha \, \nabla_\theta J_\mathcal{T}(\theta) \tag{00.1}$$
#
# The gradient is estimated from 20 episodes that $\pi_\theta$ itself walks on that task. No other goal has a say in it.
#
# What differs is where $\theta$ came from. Meta-training, as in MAML, asks for a high return **after** the step:
#
# $$\max_\theta \; \mathbb{E}_{\mathcal{T} \sim p(\mathcal{T})}\big[ J_\mathcal{T}(\theta'_\mathcal{T}) \big] \tag{00.2}$$
#
# Pre-training asks for a high return **before** it:
#
# $$\max_\theta \; \mathbb{E}_{\mathcal{T} \sim p(\mathcal{T})}\big[ J_\mathcal{T}(\theta) \big] \tag{00.3}$$
#
# Objective (00.2) contains (00.1), so its gradient goes *through* a gradient step.
# Chapter 05 derives it, chapter 08 brings it to reinforcement learning, and chapter 09 shows that most public code gets it wrong.
# Objective (00.3) does not know that a step will follow.
# Its best answer here is to wait in the middle, the place with the least mean distance to a goal that could be anywhere.

# %% [markdown]
# ## Build it, check it, use it
#
# The return cannot be differentiated: the rewards come out of a world, not out of a network.
# Policy gradients (chapter 04) get around that.
# They make actions more probable that turned out better than expected:
#
# $$\nabla_\theta J_\mathcal{T}(\theta) \;\approx\; c \; \frac{1}{N} \sum_{\text{episodes}} \sum_{t} \nabla_\theta \log \pi_\theta(a_t \mid s_t) \, A_t \tag{00.4}$$
#
# $N$ is the number of steps in all episodes.
# The *advantage* $A_t$ is the discounted reward from time $t$ on, minus a prediction of it (a *baseline*), scaled to mean 0 and standard deviation 1.
# The factor $c > 0$ collects what this average and this scaling leave out. It is absorbed into $\alpha$, so an α of 0.5 means something only together with them.
#
# Here is the whole adaptation step, with the Gaussian density written out.

# %%
from metarl_core.agents import linear_baseline, normalise, reward_to_go
from metarl_core.tasks import rollout


def mean_move(theta, position):
    """The policy network by hand: three layers, from positions [..., 2] to mean moves [..., 2]."""
    hidden = torch.relu(position @ theta["mean.weight0"].T + theta["mean.bias0"])
    hidden = torch.relu(hidden @ theta["mean.weight1"].T + theta["mean.bias1"])
    return hidden @ theta["mean.weight2"].T + theta["mean.bias2"]


def adaptation_step(theta, task, alpha, generator):
    """θ' = θ + α ∇J, estimated from 20 episodes on one task."""
    theta = {name: value.clone().requires_grad_() for name, value in theta.items()}
    walks = rollout(family, task, policy, theta, 20, generator)
    rewards = reward_to_go(walks.rewards, discount=0.99)
    baseline = linear_baseline(walks.observations, rewards, walks.mask)
    advantage = normalise((rewards - baseline) * walks.mask, walks.mask)

    std = theta["log_std"].exp()
    z = (walks.actions - mean_move(theta, walks.observations)) / std
    # The joint density of both coordinates: a sum over them, not a mean.
    log_probability = (-0.5 * z**2 - std.log() - 0.5 * torch.log(torch.tensor(2 * torch.pi))).sum(-1)
    loss = -(log_probability * advantage * walks.mask).sum() / walks.mask.sum()  # minus: optimisers descend

    gradient = torch.autograd.grad(loss, list(theta.values()))
    return {name: (value - alpha * g).detach() for (name, value), g in zip(theta.items(), gradient, strict=True)}


mine = adaptation_step(maml, goal, 0.5, torch.Generator().manual_seed(1))
_, theirs, _ = policies.adaptation_curve(method, maml, goal, torch.Generator().manual_seed(1))
for name in mine:
    torch.testing.assert_close(mine[name], theirs[1][name][0], rtol=1e-4, atol=1e-5)
print("The step written here and metarl_core's give the same", sum(v.numel() for v in mine.values()), "parameters.")

# %% [markdown]
# The chapters all work this way: you see an algorithm built in a few dozen lines, an assertion that `metarl_core` computes the same, and from there on the package version.
# Its version does the same for all tasks at once: tasks and episodes are axes of the tensors.
#
# ## The experiment: forty goals that nobody trained on
#
# One goal proves nothing.
# We draw 40 new goals from the same square, which no training has seen, and measure the return after 0, 1, 2 and 3 gradient steps.
# Beside the three initialisations stand two lines that need no learning.
# *Staying put* never moves. The *oracle* sees the goal and walks straight to it, so no policy can do better.
#
# A step size has to come from somewhere.
# MAML was trained with α = 0.5 and takes half of it in later steps, as in the evaluation of the MAML paper.
# The others were trained with no step at all, so each gets the best step size out of a few, **tried on training goals**.
# Had we tried them on the 40 test goals, those goals would no longer be new.
#
# But best after how many steps? For the pre-trained policy we do it twice:
#
# - the step size that is best **after one step** (half of it later on, like MAML), and
# - one constant step size that is best **after three steps**.
#
# **Predict, then run.** Which of the two will look worse beside MAML after one step? By how much?

# %%
fair = load_table("fair_baselines")  # the baselines with step sizes chosen for one step
test = point_navigation.held_out()  # 40 goals that no training draws


def curve(theta, rates, generator):
    """Mean return [goal, 0 to 3 steps] on the test goals."""
    return policies.adaptation_curve(method, theta, test, generator, inner_lr=rates).returns


def best_rate(theta, candidates, steps, generator):
    """The best step size on 40 training goals."""
    training = family.sample_tasks(settings["test_tasks"], generator)
    return policies.choose_inner_lr(method, theta, training, candidates, steps, generator)


live = {"MAML": curve(maml, settings["maml_rates"], maml_generator)}

three = best_rate(pretrained, settings["rates"], 3, pre_generator)
split = torch.Generator()
split.set_state(pre_generator.get_state())  # both rules go on from the same place in the random numbers
live["pre-trained, three"] = curve(pretrained, [three] * 3, split)
one = best_rate(pretrained, fair.settings["rates"], 1, pre_generator)
live["pre-trained"] = curve(pretrained, [one, one / 2, one / 2], pre_generator)

_, _, generator = point_navigation.untrained(SEED)
rate = best_rate(random_start, settings["rates"], 3, generator)
live["random initialisation"] = curve(random_start, [rate] * 3, generator)

stay = -family.horizon * test["goal"].norm(dim=-1)
oracle = mean_returns(family, test, OraclePolicy(family), test, 1, torch.Generator())
Markdown(
    f"Step sizes chosen: pre-trained {one} for one step and {three} for three; random initialisation {rate}. "
    f"Staying put returns {stay.mean():.1f} on average, the oracle {oracle.mean():.1f}."
)

# %% [markdown]
# ### Five seeds instead of one
#
# Training is random, so one run may be lucky.
# The folder `experiments/` holds the results of five such runs with seeds 0 to 4, and the script that made them.
# What you have just trained is seed 0. It has to agree with its row, and the next cell insists on that.
#
# Two terms for the figure, used from here on.
# The *interquartile mean* averages the middle half of all results and drops the lowest and the highest quarter, so a few extreme ones cannot sway it.
# The band is a *95% bootstrap interval*: draw five of the five trainings with replacement, compute again, repeat 2,000 times, and keep the middle 95% of what comes out. Five are few, so read it as a rough guide.

# %%
TOLERANCE = 3.0  # points of return: another machine rounds differently, and training amplifies that
table.check_agreement("MAML", SEED, live["MAML"], TOLERANCE)
table.check_agreement("pre-trained", SEED, live["pre-trained, three"], TOLERANCE)
table.check_agreement("random initialisation", SEED, live["random initialisation"], 3 * TOLERANCE)
seeds = {
    "MAML": table.scores("MAML"),
    "pre-trained": fair.scores("pre-trained")[..., 0],  # [seed, goal, step, (return, steps walked)]
    "pre-trained, three": table.scores("pre-trained"),
    "random initialisation": table.scores("random initialisation"),
}
assert abs(live["pre-trained"].mean(0).numpy() - seeds["pre-trained"][SEED].mean(0)).max() < TOLERANCE

drawn, axes = plotting.figure(width=8.0, height=4.8)
labels = {
    "pre-trained": "pre-trained, α best for one step",
    "pre-trained, three": "pre-trained, α best for three steps",
}
curves = {name: summarise_curves(scores) for name, scores in seeds.items()}
for name, summary in curves.items():
    line = {"linestyle": "--", "alpha": 0.7} if name.endswith("three") else {}
    plotting.plot_curve(axes, range(4), summary, labels.get(name, name), name.split(",")[0], **line)
for words, returns, color in (("oracle", oracle, plotting.METHOD_STYLE["oracle"][0]), ("staying put", stay, "black")):
    level = interquartile_mean(returns)
    axes.axhline(level, color=color, linestyle=":")
    axes.text(3.6, level - 0.8, words, va="top", ha="right", color=color)
axes.set(xlabel="gradient steps on the new goal", ylabel="return on 40 new goals", xticks=range(4), xlim=(-0.1, 3.65))
axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2, frameon=False)
plotting.show(
    drawn,
    "Return on held-out goals after 0 to 3 gradient steps, five seeds with intervals. MAML and the pre-trained policy "
    "start together at the level of staying put. After one step MAML is highest, the pre-trained policy with a step "
    "size chosen for one step close below it, with one chosen for three steps far below. After two steps the first two "
    "are level, after three all three, a few points below the oracle. Random initialisation improves slowly and stays "
    "below staying put.",
)

rows = "\n".join(
    f"| {labels.get(name, name)} | "
    + " | ".join(f"{p:.1f} [{a:.1f}, {b:.1f}]" for p, a, b in zip(c.point, c.low, c.high, strict=True))
    + " |"
    for name, c in curves.items()
)
Markdown(f"| interquartile mean [95% interval] | 0 steps | 1 step | 2 steps | 3 steps |\n|---|---|---|---|---|\n{rows}")

# %%
gain = [paired_difference(seeds["MAML"][..., k], seeds["pre-trained"][..., k]) for k in range(4)]
# What the text below claims about this table:
assert all(abs(curves[name].point[0] - curves["MAML"].point[0]) < 2 for name in ("pre-trained", "pre-trained, three"))
assert curves["MAML"].point[1] > -14 and curves["random initialisation"].point[3] < float(stay.mean())
to_oracle = interquartile_mean(oracle) - curves["MAML"].point
assert to_oracle[1] < 0.4 * to_oracle[0]
assert gain[1].low > 0 and gain[1].point < 4
assert gain[2].low < 0 < gain[2].high and gain[3].low < 0 < gain[3].high
assert all(curves["pre-trained"].point[k] > curves["MAML"].point[k] for k in (2, 3))
unfair = paired_difference(seeds["MAML"][..., 1], seeds["pre-trained, three"][..., 1])
assert unfair.low > 8
Markdown(
    "MAML minus pre-trained (α best for one step), mean over the same goals: "
    + "; ".join(
        f"after {k} step{'s' * (k != 1)} {g.point:+.1f} [{g.low:+.1f}, {g.high:+.1f}]" for k, g in enumerate(gain)
    )
    + f". Against the dashed curve, after one step: {unfair.point:+.1f} [{unfair.low:+.1f}, {unfair.high:+.1f}]."
)

# %% [markdown]
# **Interpretation.** Five things, not all of them flattering.
#
# 1. *Before any step, MAML is no better than pre-training.* Both do what staying put does, because without the goal there is nothing better to do. Objective (00.2) does not even ask for it.
# 2. *One step is worth a lot.* MAML wins back most of what it had lost to the oracle. Random initialisation does not come near at any number of steps shown here: after three it is still worse than not moving at all.
# 3. *Pre-training is a strong baseline.* With a step size chosen for one step it comes close to MAML. MAML's lead after one step is small, but it is there: the interval of the paired difference excludes zero. After two steps it is gone. The interquartile means even put pre-training slightly ahead.
# 4. *A baseline can be made to look bad without a lie.* The dashed curve is the same pre-trained policy. Its step size was chosen honestly, on training goals, but for another number of steps. Beside that curve MAML would seem to lead by more than eight points. When you read a paper, look at how the baseline was tuned, and for what.
# 5. *A gap to the oracle remains.* The adapted policies draw random moves around the right place. The oracle walks there and is done.
#
# Why is pre-training so good here? Goals lie evenly around the start, so its best policy stands in the middle, and the middle happens to be an excellent place to step from. Nothing guarantees that: chapter 05 meets a family where the best average over tasks is of no use to any of them.

# %% [markdown]
# ### Goals outside the square
#
# Training goals came from the square of half-width 0.5.
# What about goals in the ring around it, up to twice as far away?
#
# **Predict, then run.** One gradient step moves the place that the policy pulls towards. How far can one step move it?

# %%
regions = {
    "inside": family.sample_tasks(160, torch.Generator().manual_seed(2001), "test"),
    "outside": family.sample_tasks(80, torch.Generator().manual_seed(2000), "ood"),
}
schedules = {"MAML": settings["maml_rates"], "pre-trained": [one, one / 2, one / 2]}
distance = {region: goals["goal"].norm(dim=-1) for region, goals in regions.items()}
after, resting = {}, {}
for name, rates in schedules.items():
    for region, goals in regions.items():
        again = torch.Generator().manual_seed(3)
        after[name, region], _, walks = policies.adaptation_curve(
            method, starts[name], goals, again, inner_lr=rates
        )
        late, valid = walks[1].observations[:, :, 30:], walks[1].mask[:, :, 30:, None]
        place = (late * valid).sum((1, 2)) / valid.sum((1, 2))  # mean position from step 30 on, after one gradient step
        resting[name, region] = place.norm(dim=-1)

drawn, axes = plotting.figure(1, 2, width=9.6, height=4.4, sharex=True, sharey=True)
for panel, steps in zip(axes, (1, 3), strict=True):
    panel.axvspan(0.5, 0.5 * 2**0.5, color="0.9", zorder=0)
    for (name, region), returns in after.items():
        color, marker = plotting.METHOD_STYLE[name]
        label = name if region == "inside" else None
        panel.scatter(
            distance[region], returns[:, steps], s=16, color=color, marker=marker, alpha=0.7, linewidths=0, label=label
        )
    panel.plot([0, 1.4], [0, -140], ":", color="black", label="staying put")
    panel.set(
        xlabel="distance of the goal from the start", title=f"after {steps} step" + "s" * (steps > 1), ylim=(-145, 5)
    )
axes[0].set_ylabel("return")
axes[1].text(0.6, -132, "edge of the\ntraining square", ha="center", fontsize=11)
axes[0].legend(loc="lower left", fontsize=11, bbox_to_anchor=(-0.02, 0.1), frameon=False)
plotting.show(
    drawn,
    "Return against the distance of the goal from the start, after one step (left) and three steps (right), for MAML, "
    "the pre-trained policy, and staying put. Inside the training square both adapted policies are far above staying "
    "put, except for goals close to the start, some of which fall below it. Beyond its edge the return after one step falls "
    "with distance, parallel to staying put and about 40 above it. After three steps it falls only slightly.",
)
# What the text below claims about this figure:
near, middle = distance["inside"] < 0.3, (distance["inside"] > 0.35) & (distance["inside"] < 0.5)
for name in schedules:
    one_step, three_steps = after[name, "inside"][:, 1], after[name, "outside"][:, 3]
    assert one_step[middle].mean() > one_step[near].mean() + 2
    assert (one_step < -family.horizon * distance["inside"])[near].any()  # worse than staying put
    assert one_step.mean() > after[name, "outside"][:, 1].mean() + 25 and three_steps.mean() > -25
means = {name: [float(after[name, "outside"][:, k].mean()) for k in range(4)] for name in schedules}
reach = {
    name: torch.cat([resting[name, "inside"][distance["inside"] > 0.2], resting[name, "outside"]]) for name in means
}
lift = {name: values[1] + family.horizon * float(distance["outside"].mean()) for name, values in means.items()}
assert all(abs(value - 40) < 10 for value in lift.values())
assert all(places.std() < 0.08 and abs(places.mean() - 0.42) < 0.08 for places in reach.values())
oracle_outside = mean_returns(
    family, regions["outside"], OraclePolicy(family), regions["outside"], 1, torch.Generator()
)
Markdown(
    "Mean return on goals outside the square after 0, 1, 2, 3 steps: "
    + "; ".join(f"{name} " + ", ".join(f"{v:.0f}" for v in values) for name, values in means.items())
    + f". Oracle {oracle_outside.mean():.0f}. After one step that is "
    + " and ".join(f"{value:.0f} ({name})" for name, value in lift.items())
    + " more than staying put. For goals farther away than 0.2, one step takes the point to a place at this mean distance "
    + "from the start (± standard deviation over goals): "
    + ", ".join(f"{places.mean():.2f} ± {places.std():.2f} ({name})" for name, places in reach.items())
    + "."
)

# %% [markdown]
# **Interpretation.**
# The return after one step is best for goals at a middle distance, between 0.35 and 0.5 from the start.
# Farther out it falls in parallel with staying put: one step gains a fixed amount.
# The last line of numbers says why. For near and far goals alike, one step moves the resting place by nearly the same length, and only the direction depends on the goal.
# The advantages in the gradient are scaled to standard deviation 1, whatever the rewards, so a far goal does not make the step longer. Training, or the choice of α, fitted that length to the goals of $p(\mathcal{T})$.
# The same effect spoils the nearest goals: the step carries the point past them, and some end up worse than staying put.
#
# More steps help even far outside, because adaptation is ordinary learning and goes on working where the training distribution has ended.
# But what was meta-learned is fitted to $p(\mathcal{T})$, and beyond it there is no promise. Out here neither trained policy is clearly ahead of the other. Chapter 15 comes back to this.

# %% [markdown]
# ## What goes wrong in practice
#
# Two things decide whether one step helps: how long it is, and how many episodes its direction comes from.
#
# **Predict, then run.** Below, α runs from 0.05 to 5 for all three initialisations. Where is the best α, and what lies beyond it? Then α stays at 0.5 and the number of episodes runs from 1 to 40. How many are enough?

# %%
alphas = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0]
counts = [1, 2, 5, 10, 20, 40]


def after_one(theta, alpha, episodes=20):
    """Mean return over the test goals after one step."""
    generator = torch.Generator().manual_seed(4)
    reached = policies.adaptation_curve(method, theta, test, generator, episodes=episodes, inner_lr=alpha)
    return float(reached.returns[:, 1].mean())


by_alpha = {name: [after_one(theta, alpha) for alpha in alphas] for name, theta in starts.items()}
by_count = {name: [after_one(starts[name], 0.5, n) for n in counts] for name in ("MAML", "pre-trained")}

drawn, axes = plotting.figure(1, 2, width=9.6, height=4.4)
for panel, x, results in ((axes[0], alphas, by_alpha), (axes[1], counts, by_count)):
    for name, values in results.items():
        color, marker = plotting.METHOD_STYLE[name]
        panel.plot(x, values, color=color, marker=marker, label=name)
    panel.axhline(float(stay.mean()), color="black", linestyle=":", label="staying put")
axes[0].set(xscale="log", xlabel="step size α", ylabel="return after one step", ylim=(-205, 5), title="20 episodes")
axes[0].set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2, 5], ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"])
axes[1].set(xscale="log", xlabel="episodes behind the step", title="α = 0.5", ylim=(-47, 2))
axes[1].set_xticks(counts, [str(n) for n in counts])
for panel in axes:
    panel.minorticks_off()
axes[0].legend(loc="lower left", fontsize=11, frameon=False)
plotting.show(
    drawn,
    "Left: return after one step against the step size, on a logarithmic scale. MAML and the pre-trained policy rise to "
    "a peak near 0.5 and 0.7 and fall steeply beyond 1, below staying put; the random network is flat, then falls. Right: "
    "return after one step of size 0.5 against the number of episodes: with one episode MAML is at staying put and the "
    "pre-trained policy above it; both gain most of what there is with five to ten, and little from 20 to 40.",
)
best = {name: alphas[values.index(max(values))] for name, values in by_alpha.items()}
too_long = {name: values[alphas.index(2.0)] for name, values in by_alpha.items()}
assert all(too_long[name] < float(stay.mean()) for name in too_long)
assert by_count["MAML"][1] < by_count["MAML"][4] - 5 and by_count["MAML"][0] < by_count["pre-trained"][0]
assert by_alpha["MAML"][2] > by_alpha["pre-trained"][2] and too_long["MAML"] < too_long["pre-trained"]
Markdown(
    f"Best α of this grid: MAML {best['MAML']} (return {max(by_alpha['MAML']):.1f}), pre-trained {best['pre-trained']} "
    f"({max(by_alpha['pre-trained']):.1f}). With α = 2, four times too long: MAML {too_long['MAML']:.0f}, pre-trained "
    f"{too_long['pre-trained']:.0f}. With α = 0.5 from two episodes instead of 20: MAML {by_count['MAML'][1]:.1f} instead "
    f"of {by_count['MAML'][4]:.1f}, pre-trained {by_count['pre-trained'][1]:.1f} instead of {by_count['pre-trained'][4]:.1f}."
)

# %% [markdown]
# **Interpretation.**
# The window of good step sizes is narrow. A step four times too long does not overshoot a little: the policy ends up worse than one that never moves, from every start.
# A gradient from two episodes points somewhere, but not reliably to the goal, and a full-length step in a poor direction is a poor step.
#
# Compare the blue and the orange curve on the left. The blue one looks like the orange one moved to the left: with short steps MAML is ahead, with long ones it collapses sooner, and the two peaks are nearly level. So what meta-training added here, on top of what pre-training found, is mainly a *stronger reaction to the gradient*, matched to α = 0.5 and 20 episodes. With one episode the same strong reaction is a burden, as the right figure shows.
#
# This figure is for looking only. Nothing was chosen from it, because it uses the test goals.

# %% [markdown]
# ## How the course works
#
# **Four parts.** *Foundations* (00 to 04): tasks, value-based and policy-gradient agents. *Gradient-based meta-learning* (05 to 07): MAML, Reptile, Meta-SGD, few-shot images. *Meta-reinforcement learning* (08 to 12): all of it together, memory and models. *Practice* (13 to 17): benchmarks, scale, what is hard, applications, reading critically. The map with all questions stands in the [README](../README.md).
#
# **A chapter** shows something, derives it, builds it, and measures it, as this one did. "Predict, then run" asks you to write a guess down *before* you run a cell. It costs a minute, and a wrong guess that you wrote down teaches more than a right number that you read.
#
# **Time.** The first cell of each chapter says how long it takes to read and to run. The run time is a promise for one thread of a laptop, and a test holds it. No chapter loads a trained network: whatever you see was trained in front of you, or stands in a table whose script is in `experiments/`.
#
# **Exercises** are notebooks of their own in `exercises/`, except here. Each leaves a function for you to fill in and calls a *check*. The check compares your answer with an independent one. If you are wrong, it says what you seem to have thought, and not what the answer is. Three hints of rising strength are folded below it, and the solution is the notebook of the same name in `solutions/`. You can run a check as often as you like.
#
# ### A warm-up
#
# Here is one check to see how that feels. It needs nothing but this page.
#
# A walk is a tensor `path` of positions $x_0, x_1, \dots, x_n$. After step $t$, which ends at $x_t$, the reward is $-\lVert x_t - g \rVert$ for a goal $g$. Write the undiscounted return of the walk.
#
# The answer in the next cell is wrong. Run it, read the message, and **repair it in place** before you look further down. (The `try` is there so that the notebook can run through. In an exercise you call the check alone, and the message is all you see.)

# %%
from metarl_core.check import CheckFailed, ch00


def my_return(path, goal):
    """Undiscounted return of a walk: path [n + 1, 2] and goal [2] in, a tensor with no axes out."""
    distances = (path - goal).norm(dim=-1)
    return -distances.sum()


try:
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
# <details><summary>Hint 3: pseudocode</summary>
#
# Drop the first position, take the distance of every other one to the goal, add them up, change the sign.
# </details>
#
# The repaired answer is in the next cell, and the check says so.

# %% tags=["warm-up"]
from metarl_core.check import ch00


def path_return(path, goal):
    """Undiscounted return of a walk: path [n + 1, 2] and goal [2] in, a tensor with no axes out."""
    return -(path[1:] - goal).norm(dim=-1).sum()


ch00.check_path_return(path_return)

# %% [markdown]
# Now break it on purpose: leave out the minus sign, or the square root of the distance, or return a mean. The check knows these mistakes, too.
#
# **When you are stuck, without a network:** put a question mark behind any name (`policies.adaptation_curve?`) to read its docstring with shapes and sources, and two to read its code. The package is short and made to be read. Open the hints one at a time. Restart the kernel and run all cells if results look impossible. Everything in this course works offline.

# %% [markdown]
# ## Is your installation in order?
#
# The doctor examines it. This cell shows its findings by name.

# %%
import subprocess
import sys
from pathlib import Path

import metarl_core

course = Path(metarl_core.__file__).parents[1]  # the folder that the course was installed from
doctor = [sys.executable, "-m", "tools.doctor"]
for finding in subprocess.run(doctor, cwd=course, capture_output=True, text=True).stdout.splitlines():
    print(finding if "PROBLEM" in finding else finding.partition(":")[0])

# %% [markdown]
# Read it so: `ok` needs nothing. A `note` is worth knowing and harms nothing, such as a missing compiler. A `PROBLEM` comes with what to do about it. Mend the first one first, since it may explain the others.
#
# `make doctor`, or `python -m tools.doctor` in a terminal, prints the same with versions and paths. It works even where torch is missing or Python is too old, so it is the place to start when nothing else does.

# %% [markdown]
# ## Self-check
#
# **1.** Which data does the gradient in (00.1) use?
#
# - (A) 20 episodes on every training goal.
# - (B) 20 episodes on the new goal, walked by the policy before the step.
# - (C) 20 episodes on the new goal, walked by the policy after the step.
#
# <details><summary>Answer</summary>
#
# **B.** (A) is what *training* used to find θ; adaptation has no access to other goals. (C) would need the result of the step in order to take it; episodes after the step are used to *judge* it, and in MAML's training they drive the update of θ.
# </details>
#
# **2.** The MAML policy returns about as much as staying put before its step. Is it badly trained?
#
# - (A) Yes, a good policy would be better at once.
# - (B) No, without knowing the goal nothing does better on average.
# - (C) No, but only because its actions are random.
#
# <details><summary>Answer</summary>
#
# **B.** The observation does not show the goal, so a policy that does not adapt acts alike for all goals, and the middle is then the best place. (A) asks for knowledge that is not there. (C) is not the reason: it pulls back to the middle on purpose, see the arrows in the picture. Its random moves do matter: without them it could not tell which way rewards rise.
# </details>
#
# **3.** You want to show that your method beats pre-training. The step size of the pre-trained policy should be
#
# - (A) your method's.
# - (B) the best one on the test goals.
# - (C) the best one on training goals, for the number of steps you report.
#
# <details><summary>Answer</summary>
#
# **C.** (A) favours your method, which was trained with it. (B) lets the baseline see the test goals; that favours the baseline, and the number is no longer an estimate for new goals. With (C), but for a different number of steps, you get the dashed curve of the figure.
# </details>
#
# **4.** At α = 0 all three panels of the explorer show returns that barely change from before to after. Why do they change at all?
#
# - (A) The gradient is not exactly zero.
# - (B) The walks after the step are drawn anew.
# - (C) The policy keeps learning while it walks.
#
# <details><summary>Answer</summary>
#
# **B.** With α = 0 the parameters stay exactly as they were, so it is the same policy twice, with new random moves. (A) does not matter, since the gradient is multiplied by zero. (C) never happens here: parameters change in the gradient step only. The difference tells you how large a change below the square is mere noise.
# </details>

# %% [markdown]
# ## What is next
#
# [Chapter 01](01_why_learn_to_learn.ipynb) asks why an agent that has mastered one task is nearly helpless at the next, counts what learning from scratch costs, and tells meta-RL from its neighbours: multi-task learning, transfer, fine-tuning.
#
# **Further reading**
#
# - Chelsea Finn, Pieter Abbeel, Sergey Levine (2017). *Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks.* arXiv:1703.03400. Section 5.3 has this task.
# - Jacob Beck, Risto Vuorio, Evan Zheran Liu, Zheng Xiong, Luisa Zintgraf, Chelsea Finn, Shimon Whiteson (2023). *A Survey of Meta-Reinforcement Learning.* arXiv:2301.08028.
# - Rishabh Agarwal, Max Schwarzer, Pablo Samuel Castro, Aaron Courville, Marc Bellemare (2021). *Deep Reinforcement Learning at the Edge of the Statistical Precipice.* arXiv:2108.13264. Where the interquartile mean in reports of RL comes from.
#
# next: [01 Why learn to learn?](01_why_learn_to_learn.ipynb)
