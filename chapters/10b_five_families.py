# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10b Five families, and what meta-training costs
#
# **Where does a meta-learned start beat pre-training, and where a fresh network?**
#
# *An appendix to chapter 10. No later chapter needs it.*
#
# You will be able to
#
# - compare starts on four families with two baselines, on held-out tasks and out of distribution
# - recognise tasks with nothing to win, negative transfer, and tasks with nothing to adapt to
# - count after how many tasks meta-training has paid for itself
#
# Before you start: chapter 10, [Meta-learning a DQN](10_meta_learning_a_dqn.ipynb).
#
# Reading: about 10 minutes. Running: at most 20 seconds and 1000 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]

from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.figures import ch10b as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.results import load_table
from metarl_core.session import begin

begin()
table = load_table("meta_dqn")
settings = table.settings
POINTS, WIDTH, HALF = settings["checkpoints"], len(settings["checkpoints"]), settings["test_tasks"] // 2
SPLITS = {"test": slice(0, HALF), "ood": slice(HALF, None)}


def methods(problem):
    return [name.split(": ")[1] for name in table.rows if name.startswith(f"{problem}:")]


def scores(problem, name, split="test"):
    """[seed, task, column] of the table."""
    return table.scores(f"{problem}: {name}")[:, SPLITS[split]]


def lead(problem, name, reference, column, split="test"):
    """Difference of two methods on the same tasks, with its t interval over networks."""
    return t_interval((scores(problem, name, split) - scores(problem, reference, split))[..., column])


def mean_at(problem, name, step, split="test"):
    return float(scores(problem, name, split)[..., POINTS.index(step)].mean())


def levels(problem):
    """Steps to the level on both splits, and the difference from pre-training and from fresh networks."""
    rows = []
    for name in methods(problem):
        if name == "informed":
            continue
        cells = [in_words(t_interval(scores(problem, name, split)[..., WIDTH]), 0, highest=1e9) for split in SPLITS]
        for reference in ("pre-training", "fresh"):
            same = name == reference
            cells.append("" if same else in_words(lead(problem, name, reference, WIDTH), 0, sign=True, highest=1e9))
        rows.append((name, *cells))
    show_table(
        ["steps to the level", "held-out", "out of distribution", "held-out, minus pre-training", "minus fresh"], rows
    )


# %% [markdown]
# Section 9 of chapter 10 has the verdicts. Here are the curves and numbers behind them: five networks of each method,
# the same 20 held-out tasks and 20 tasks out of distribution for all, t intervals over the networks. In a new task
# every method makes its random steps (50; in the grids 80), then DQN goes on; learning rate and a possible burst of
# updates at the beginning were chosen for each method on training tasks, for the return over the first 600 steps. The
# level lies nine tenths of the way from random behaviour to a reference that knows the task; on CartPole three quarters
# of the way to the maximum of 200. Where it is not reached, 1,600 steps are counted. Out of distribution, physics lie
# outside of the training range, and goals in a part of the grid where no training goal was.
#
# ## 1 Four curves
#
# **Predict, then run.** Chapter 10 asked in how many states two tasks agree on the best action: in 50 % with the hidden
# sign, 94 % with physics alone, 53 % in the grids; and only 32 % of the sparse grid's support sets hold a reward. On
# which of the four will meta-learning beat pre-training? On which fresh networks?
#
# *Your prediction:*

# %% tags=["hide-input"]
by_problem = {
    problem: {name: t_curves(scores(problem, name)[..., :WIDTH]) for name in methods(problem)}
    for problem in figures.TITLES
}
starts_at = {problem: settings["problems"][problem]["learning_starts"] for problem in figures.TITLES}
figures.four_families(by_problem, POINTS, starts_at)

# %% [markdown]
# Lines are means, bands t intervals; the dotted vertical line marks the end of the random steps. Below each heading
# comes what was found, and then the table.
#
# ## 2 Physics: nothing to win, something to lose
#
# The pre-trained network plays well before the first step, and was the better for learning nothing at all. *Forced* to
# learn (the dashed line), it falls within 50 steps and does not come back within those shown: updates on a few
# transitions of one task spoil a good network. Choosing on training tasks has its price, too. Reptile also chose to
# stay as it is, and out of distribution, where it would have had to learn, it does not reach the level.

# %% tags=["hide-input"]
levels("physics")
forced = [mean_at("physics", "pre-training, forced to learn", step) for step in (0, 50, 1600)]
claim(
    f"Forced to learn, the pre-trained network goes from {forced[0]:.0f} to {forced[1]:.0f} within 50 steps and stands "
    f"at {forced[2]:.0f} after 1,600. Meta-SGD earns {mean_at('physics', 'Meta-SGD', 0):.0f} before its inner steps "
    f"and {mean_at('physics', 'Meta-SGD', 50):.0f} after them.",
    forced[1] < forced[0] - 20 and forced[2] < forced[0] - 5 and mean_at("physics", "Meta-SGD", 50) < 170,
)
claim(
    "Reptile, which stays as it is, has on average "
    f"{mean_at('physics', 'Reptile', 0):.0f} on held-out physics and {mean_at('physics', 'Reptile', 0, 'ood'):.0f} out "
    "of distribution.",
    mean_at("physics", "Reptile", 0) > mean_at("physics", "Reptile", 0, "ood") + 50,
)

# %% [markdown]
# ## 3 Sign: one bit
#
# A pole falls within ten steps if the bit is wrong. Meta-SGD jumps at step 50, by its three inner steps, and from there
# to about 200 steps Reptile has the highest mean. But in steps to the level no difference from pre-training is clear
# over five networks: a fall is a large and early signal, and DQN reads one bit quickly from any start that knows what
# balancing is. Outside of the training range of physics the order of the means turns round, and pre-training needs the
# fewest steps.

# %% tags=["hide-input"]
levels("sign")
jump = [mean_at("sign", "Meta-SGD", step) for step in (0, 50)]
outside = {n: scores("sign", n, "ood")[..., WIDTH].mean() for n in ("MAML", "Meta-SGD", "Reptile", "pre-training")}
claim(
    f"The inner steps lift Meta-SGD from {jump[0]:.0f} to {jump[1]:.0f}. Out of distribution pre-training needs "
    f"{outside['pre-training']:.0f} steps, the meta-learners between "
    f"{min(v for n, v in outside.items() if n != 'pre-training'):.0f} and {max(outside.values()):.0f}.",
    jump[1] > jump[0] + 30 and min(outside, key=outside.get) == "pre-training",
)

# %% [markdown]
# ## 4 Dense: negative transfer
#
# The fresh networks win, in and out of distribution, against *every* start that was trained on other tasks. Against
# pre-training alone a meta-learned start has the better mean. One reading: what is learned about a cell says where
# goals *were*, test goals are cells that were never a goal, and one-hot inputs give a cell nothing in common with its
# neighbour but the layers above, so that a prejudice has to be unlearned before the new goal is believed. That fits
# what is seen; a test of it would vary the encoding, which was not done.

# %% tags=["hide-input"]
levels("dense")
claim(
    "On the dense grid Meta-SGD, Reptile and pre-training are all clearly later than fresh networks, on both splits.",
    all(
        lead("dense", name, "fresh", WIDTH, split).low > 0
        for name in ("Meta-SGD", "Reptile", "pre-training")
        for split in SPLITS
    ),
)

# %% [markdown]
# ## 5 Sparse: nothing to adapt to
#
# The return before a goal has been met is zero for everybody, and all curves wait for that. Against fresh networks
# nobody is clearly sooner. A start that prefers certain ways also searches less evenly than one that knows nothing; out
# of distribution every trained start needs more steps than fresh networks, on average.

# %% tags=["hide-input"]
levels("sparse")
slower = {name: scores("sparse", name, "ood")[..., WIDTH].mean() for name in methods("sparse") if name != "informed"}
claim(
    f"Out of distribution fresh networks need {slower['fresh']:.0f} steps, the others {slower['Meta-SGD']:.0f} to "
    f"{max(slower.values()):.0f}.",
    min(slower, key=slower.get) == "fresh"
    and not any(lead("sparse", name, "fresh", WIDTH).high < 0 for name in ("Meta-SGD", "Reptile", "pre-training")),
)

# %% [markdown]
# A word on "informed": it shows what being told is worth at step 0. It learns nothing afterwards, so it is no upper
# bound for those who go on learning a single task for 1,600 steps.
#
# ## 6 What it costs
#
# On the keys, meta-training pays back against fresh networks after a few hundred tasks, if environment steps are what
# is paid for. Against pre-training Meta-SGD spends fewer steps in training *and* fewer in each new task.

# %% tags=["hide-input"]
rows = []
for name in methods("keys"):
    cost = scores("keys", name)[..., -2:].mean((0, 1))
    steps = "" if name == "informed" else f"{scores('keys', name)[..., WIDTH].mean():.0f}"
    rows.append((name, f"{cost[0]:,.0f}", f"{cost[1]:.0f}", steps))
show_table(["keys", "environment steps of training", "seconds per network", "steps to the level, held-out"], rows)
spent = {name: float(scores("keys", name)[..., -2].mean()) for name in ("Meta-SGD", "pre-training")}
saved = -lead("keys", "Meta-SGD", "fresh", WIDTH).point
claim(
    f"Against fresh networks Meta-SGD saves {saved:.0f} steps a task, so that its {spent['Meta-SGD']:,.0f} steps of "
    f"training have paid back after {spent['Meta-SGD'] / saved:,.0f} tasks (01.15). Against pre-training it saves "
    f"{-lead('keys', 'Meta-SGD', 'pre-training', WIDTH).point:.0f} steps a task, and spent "
    f"{spent['pre-training'] - spent['Meta-SGD']:,.0f} steps fewer in training.",
    saved > 100 and 100 < spent["Meta-SGD"] / saved < 1000 and spent["Meta-SGD"] < spent["pre-training"],
)

# %% [markdown]
# Steps are not seconds. Replay makes meta-training cheap in steps (each transition is used many times) and dear in
# arithmetic: an outer step of Meta-SGD differentiates three inner steps for each task, and adapts the target network
# besides. The seconds are processor time on the machine that made the table; seeds of one method were trained in one
# batch, except those of Meta-SGD. What counts depends on who pays. On a simulator nobody pays for steps; on a robot,
# twenty training tasks may be cheaper than they look, since the support sets are random moves.
#
# Back to [10 Meta-learning a DQN](10_meta_learning_a_dqn.ipynb) · [Exercises](../exercises/10_meta_learning_a_dqn_exercises.ipynb) · previous: [10a Where the gradient stops](10a_where_gradients_stop.ipynb) · next: [11 Memory and context](11_memory_and_context.ipynb)
