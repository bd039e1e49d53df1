# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Project II: MAML on a family and a network of your own
#
# This project closes the part on gradient-based meta-learning. You think of a family of small supervised tasks, train a
# network of your own on it by MAML and by its plainest rival, and write a report that a stranger can check. Allow two
# to four hours. The check draws your tasks and adapts your networks again; it asks whether the comparison is fair and
# the report true, and nothing of who wins.
#
# What you need is in chapters 05 (MAML, "your own network"), 06 (what a step size does) and 07 (what an interval is
# of). The solution is one example of many; look at it after you have one of your own.

# %% tags=["setup"]
import math

import torch
from torch import nn

from metarl_core import plotting
from metarl_core.check import ch07
from metarl_core.evaluation import t_interval
from metarl_core.meta import MAML, Joint, supervised, task_loss
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.session import begin
from metarl_core.tasks import FewShot

begin()


# %% [markdown]
# ## Exercise 1: A family, a network, a report
#
# **Objective:** find out whether meta-learning pays on a problem of your own, and by how much.
#
# **Kind:** project · **Difficulty:** ★★★ · **Time:** 150 min · **Run time:** 60 s
#
# 1. **The family.** `draw(tasks, generator, split)` gives a `FewShot` of that many tasks: a few support points to learn
#    from, and other query points to be judged on. For instance: which side of an unknown line or circle a point lies
#    on; the swing of a damped spring; the dose at which a drug acts; the next note of a scale. Tasks have to have
#    something in common and something to find out. All luck comes from `generator`. The splits "train" and "test" share
#    no task, not even where the seeds are equal.
# 2. **The network.** Any `nn.Module`, with a criterion for the outputs and targets of one task, such as
#    `nn.functional.mse_loss`.
# 3. **Two methods.** MAML, and `Joint` training on the same number of tasks with fine-tuning, *whose step size you
#    choose on training tasks*, for the number of steps at test. Five seeds or more of each.
# 4. **The report.** Query losses of both after the same number of steps, on 100 or more different held-out tasks, which are those
#    of `draw(n, torch.Generator().manual_seed(evaluation_seed), "test")`; and for each seed $i$ the difference of the
#    means,
#
#    $$d_i = \frac 1 n \sum_{t=1}^{n} \bigl( L^{\text{pre-trained}}_{it} - L^{\text{MAML}}_{it} \bigr), \tag{1}$$
#
#    with the t interval of the mean of the $d_i$, and a verdict.
#
# **Predict:** what will the best *single* function do on your tasks, before any step? Is that what pre-training finds,
# and how far can a few gradient steps lead from there?

# %% nbgrader={"grade": false, "grade_id": "draw", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw(tasks, generator, split):
    """Tasks of your own. Say in two sentences what a task is, and what the splits are."""
    ### BEGIN SOLUTION
    # Inside or outside? A task is a circle in the square [-1, 1]²; labels say whether a point lies inside it. Ten points
    # to learn from, thirty to be judged on. The direction of the centre falls into one of 64 sectors: even ones are for
    # training, odd ones for the test.
    sector = 2 * torch.randint(32, (tasks,), generator=generator) + (split == "test")
    angle = 2 * math.pi / 64 * (sector + torch.rand(tasks, generator=generator))
    centre = 0.6 * torch.stack([angle.cos(), angle.sin()], -1)
    radius = 0.4 + 0.3 * torch.rand(tasks, 1, generator=generator)
    points = 2 * torch.rand(tasks, 40, 2, generator=generator) - 1
    inside = ((points - centre[:, None]).norm(dim=-1) < radius).long()
    return FewShot(points[:, :10], inside[:, :10], points[:, 10:], inside[:, 10:])
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "project", "locked": false, "schema_version": 3, "solution": true, "task": false}
project = {
    "draw": ...,  # the function above
    "network": ...,  # an nn.Module
    "criterion": ...,  # from outputs and targets of one task to its loss
    "steps": ...,  # int: gradient steps at test, of both methods
    "seeds": ...,  # list of int: of the trainings, five or more
    "maml": ...,  # dict of tensors [seed, ...]: meta-trained parameters, at the end of the training
    "maml_lr": ...,  # of its inner steps
    "maml_tasks": ...,  # int: tasks that one training has seen, meta-batch times iterations
    "pretrained": ...,  # the same of joint training
    "pretrained_lr": ...,  # of its fine-tuning, chosen on training tasks
    "pretrained_tasks": ...,
    "evaluation_seed": ...,  # int: the held-out tasks are those that draw gives for it
    "maml_losses": ...,  # [seed, task], after the steps
    "pretrained_losses": ...,
    "low": ...,  # the ends of the t interval of the mean of (1)
    "high": ...,
    "verdict": ...,  # ch07.LOWER, ch07.HIGHER (MAML's loss) or ch07.NOT_TOLD
}
### BEGIN SOLUTION
network = nn.Sequential(nn.Linear(2, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 2))
loss = task_loss(network, nn.functional.cross_entropy)
steps, seeds, evaluation_seed = 3, list(range(5)), 1000
config = supervised.TrainConfig(iterations=400, meta_batch=25, outer_lr=3e-3)
maml, joint = MAML(loss, inner_lr=1.0, inner_steps=steps), Joint(loss)


def training_tasks(tasks, generator):
    return draw(tasks, generator, "train")


def trained(method):
    """Parameters [seed, ...], a training for each seed, from a network of that seed."""
    found = []
    for seed in seeds:
        torch.manual_seed(seed)
        for layer in network[::2]:
            layer.reset_parameters()
        start, generator = initial_parameters(network), torch.Generator().manual_seed(seed)
        traced = supervised.trace_direction(method, start, training_tasks(config.meta_batch, generator))
        found.append(
            supervised.train(method, start, training_tasks, config, generator, description=None, direction=traced)[0]
        )
    return stack_parameters(found)


def losses(parameters, lr, data):
    """Query losses [seed, task] after the steps."""
    learner = Joint(loss, lr)
    each = [{name: value[row] for name, value in parameters.items()} for row in range(len(seeds))]
    return torch.stack([supervised.adaptation_curve(learner, one, data, [steps])[:, 0] for one in each])


meta, plain = trained(maml), trained(joint)
tuning = training_tasks(400, torch.Generator().manual_seed(500))
by_lr = {lr: float(losses(plain, lr, tuning).mean()) for lr in (0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)}
best = min(by_lr, key=by_lr.get)
held_out = draw(500, torch.Generator().manual_seed(evaluation_seed), "test")
of_maml, of_plain = losses(meta, maml.inner_lr, held_out), losses(plain, best, held_out)
interval = t_interval((of_plain - of_maml).mean(1))
project = {
    "draw": draw,
    "network": network,
    "criterion": nn.functional.cross_entropy,
    "steps": steps,
    "seeds": seeds,
    "maml": meta,
    "maml_lr": maml.inner_lr,
    "maml_tasks": config.meta_batch * config.iterations,
    "pretrained": plain,
    "pretrained_lr": best,
    "pretrained_tasks": config.meta_batch * config.iterations,
    "evaluation_seed": evaluation_seed,
    "maml_losses": of_maml,
    "pretrained_losses": of_plain,
    "low": interval.low,
    "high": interval.high,
    "verdict": ch07.LOWER if interval.low > 0 else ch07.HIGHER if interval.high < 0 else ch07.NOT_TOLD,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_project", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
ch07.check_project(project)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Begin with `draw` and a picture of four tasks. Then one seed of MAML, and the query loss before and after its steps.
# Only when that falls is there something to compare.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Disjoint splits of one distribution: cut the range of a task's parameter into many narrow pieces and give every other
# one to the test. The rival's step size: the best of a grid by the mean query loss on *training* tasks after as many
# steps as at test; if it lies at an end of the grid, the grid was too short.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - `loss = task_loss(network, criterion)`; `MAML(loss, inner_lr, steps)` and `Joint(loss)`; `supervised.train` for each
#   seed, from parameters of its own; `stack_parameters` of the results.
# - `supervised.adaptation_curve(Joint(loss, lr), parameters, data, [steps])` fine-tunes any parameters; its `[:, 0]`
#   are the query losses.
# - `t_interval` of the five differences.
# </details>

# %%
first, second = (torch.as_tensor(project[f"{name}_losses"]).double().mean(1) for name in ("maml", "pretrained"))
figure, axes = plotting.figure(width=6.6, height=3.2)
for name, means in (("MAML", first), ("pre-trained", second)):
    color, marker = plotting.METHOD_STYLE[name]
    axes.plot(range(len(means)), means, marker, color=color, label=name)
axes.set_xticks(range(len(first)), [str(seed) for seed in project["seeds"]])
axes.set(xlabel="seed", ylabel="mean query loss\non held-out tasks", ylim=(0, 1.15 * float(max(first.max(), second.max()))))
axes.legend()
plotting.show(
    figure,
    "Mean query loss on held-out tasks of each seed, for MAML and for pre-training with fine-tuning. In the worked example "
    "MAML's five dots lie well below those of pre-training.",
)
print(f"pre-trained less MAML: {(second - first).mean():.3f}, 95 % t interval [{project['low']:.3f}, {project['high']:.3f}]")

# %% tags=["solution-only"]
print("training tasks, by step size of fine-tuning:", {lr: round(value, 3) for lr, value in by_lr.items()})
for name, parameters, lr in (("MAML", meta, maml.inner_lr), ("pre-trained", plain, best)):
    learner = Joint(loss, lr)
    rows = [{key: value[row] for key, value in parameters.items()} for row in range(len(seeds))]
    curve = torch.stack([supervised.adaptation_curve(learner, one, held_out, range(7)).mean(0) for one in rows]).mean(0)
    print(f"{name}: query loss after 0 to 6 steps", [round(float(value), 2) for value in curve])

# %% [markdown]
# **Expect:** for the circles, a query loss near 0.32 after three steps from MAML's start and near 0.47 from
# pre-training's, five seeds apart by 0.144 [0.123, 0.165]. For your family: whatever is true.
#
# **Interpret:** write half a page, as if for a reader who wants to repeat it. What do the tasks share, and what has to
# be found out? Does the rival lack a good start, or steps? What would change with half the support points, or with a
# task from outside the range of training?
#
# <details><summary>Answer</summary>
#
# For the circles: pre-training finds the best single function, which calls a point near the rim of the square outside
# and is unsure of the rest (0.52 before any step, near $\log 2 = 0.69$). A few small steps lead it slowly from there,
# to 0.43 after six; large ones, of 1 and more, throw it far off. MAML starts worse than anything, at 1.76, and is made
# for its three steps of size 1: after them it stays near 0.32. Equal budgets of tasks are not equal budgets of compute,
# for a step of MAML costs several times as much; whether pre-training catches up with more of it is one line to try.
# </details>
