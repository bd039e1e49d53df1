# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 05: MAML
#
# Four exercises: the meta-gradient by automatic differentiation, the same on quadratics by hand, a meta-loss with three
# silent bugs, and the plan of an experiment. Fill in the cells marked `# YOUR CODE HERE`; the check under each answers
# at once, as often as you like. A function leaves its arguments as they are, and draws nothing at random unless it is
# handed a generator. Notation is that of [chapter 05](../chapters/05_maml.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch05
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: The meta-gradient
#
# **Objective:** implement the K-step inner loop and the gradient through it.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# A task is a pair of functions, a support loss $L^s_i$ and a query loss $L^q_i$ of parameters $\theta$. Wanted is the
# gradient of the mean query loss after $K$ inner steps,
#
# $$g = \nabla_\theta\, \frac{1}{N} \sum_{i=1}^{N} L^q_i(\theta^{(i)}_K), \qquad
# \theta^{(i)}_0 = \theta, \quad \theta^{(i)}_{k+1} = \theta^{(i)}_k - \alpha \nabla L^s_i(\theta^{(i)}_k). \tag{1}$$
#
# The losses are smooth and not quadratic: the Hessian is another one at each step.
#
# **Predict:** for $\alpha \to 0$, what does $g$ become? And what becomes of it if each $L^s_i$ is linear in $\theta$?

# %% nbgrader={"grade": false, "grade_id": "maml_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def maml_gradient(theta, tasks, alpha, steps):
    """The meta-gradient (1).

    theta: float64 [d], without a graph; tasks: list of (support_loss, query_loss), functions from [d] to a scalar
    tensor; alpha: inner step size; steps: K >= 1. Returns float64 [d], without a graph; theta stays as it is.
    """
    ### BEGIN SOLUTION
    start = theta.detach().clone().requires_grad_()
    outer = []
    for support_loss, query_loss in tasks:
        adapted = start
        for _ in range(steps):
            (slope,) = torch.autograd.grad(support_loss(adapted), adapted, create_graph=True)
            adapted = adapted - alpha * slope
        outer.append(query_loss(adapted))
    (gradient,) = torch.autograd.grad(torch.stack(outer).mean(), start)
    return gradient
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_maml_gradient", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch05.check_maml_gradient(maml_gradient)
### BEGIN HIDDEN TESTS
bowl = lambda theta: theta.square().sum()  # noqa: E731
hidden = maml_gradient(torch.ones(2, dtype=torch.float64), [(bowl, bowl)], 0.25, 2)
assert torch.allclose(hidden, torch.full((2,), 0.125, dtype=torch.float64))  # 2 · (1 − 0.25 · 2)⁴
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Two gradients are taken: one in each inner step, and one at the end. The last one has to see how the inner ones were
# made. `torch.autograd.grad` forgets that unless it is told not to.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `torch.autograd.grad(loss, parameters, create_graph=True)` gives a gradient that can be differentiated itself.
# $\theta_{k+1}$ is a *new* tensor, $\theta_k - \alpha\,\cdot$ gradient, and all tasks begin at one leaf.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# start = copy of theta that requires a gradient; for each task: adapted = start; K times: slope = gradient of the
# support loss at adapted, with its graph; adapted = adapted − α · slope; collect the query loss at adapted. Gradient
# of the mean of what was collected, with respect to start.
# </details>

# %%
rows = torch.randn(8, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
support = lambda theta: (rows @ theta - 1).cosh().log().mean()  # noqa: E731
query = lambda theta: (rows @ theta - 2).cosh().log().mean()  # noqa: E731
theta = torch.zeros(4, dtype=torch.float64)
for steps in (1, 2, 5, 20):
    print(f"{steps:2} inner steps: |g| = {float(maml_gradient(theta, [(support, query)], 0.5, steps).norm()):.4f}")


# %% [markdown]
# **Expect:** four norms that fall with the number of steps, to less than a tenth of the first.
#
# **Interpret:** why does the meta-gradient shrink as the inner loop gets longer, although the query loss is not at
# its minimum? What does that mean for meta-training with very many inner steps?
#
# <details><summary>Answer</summary>
#
# Each step multiplies by $I - \alpha H$. In directions where $0 < \alpha\lambda < 2$ that is a contraction: after many
# steps the adapted parameters hardly depend on where they began, so there is nothing left to learn about $\theta$.
# (Where $\alpha\lambda > 2$, or $\lambda < 0$, the factors grow instead, and the gradient explodes.) It is the
# vanishing gradient of recurrent networks, through the time of learning.
# </details>

# %% [markdown]
# ## Exercise 2: Quadratics by hand
#
# **Objective:** derive the meta-gradient of a quadratic task, and the meta-optimum of several, without automatic
# differentiation.
#
# **Kind:** derive · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 1 s
#
# Now support and query loss of a task are two different quadratics with symmetric positive definite matrices,
#
# $$L^s(\theta) = \tfrac12 (\theta - c_s)^\top A_s (\theta - c_s), \qquad
# L^q(\theta) = \tfrac12 (\theta - c_q)^\top A_q (\theta - c_q). \tag{2}$$
#
# 1. Derive $\nabla_\theta L^q(\theta_K)$ after $K$ inner steps on $L^s$, and write it as `quadratic_meta_gradient`.
# 2. Let several tasks have $A_s = A_q = A_i$ and $c_s = c_q = c_i$. Find the $\theta^*$ at which the mean of the
#    meta-gradients over the tasks is zero, and write it as `meta_optimum`.
#
# **Predict:** with more and more inner steps, which task decides where $\theta^*$ lies?

# %% nbgrader={"grade": false, "grade_id": "quadratic_meta_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def quadratic_meta_gradient(theta, support_a, support_c, query_a, query_c, alpha, steps):
    """Gradient of the query loss (2) after `steps` inner steps, in closed form.

    theta, support_c, query_c: float64 [d]; support_a, query_a: float64 [d, d], symmetric; alpha: inner step size;
    steps: K >= 0. Returns float64 [d]; autograd is not what is asked for.
    """
    ### BEGIN SOLUTION
    factor = torch.linalg.matrix_power(torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a, steps)
    adapted = support_c + factor @ (theta - support_c)
    return factor @ query_a @ (adapted - query_c)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "meta_optimum", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_optimum(curvature, centre, alpha, steps):
    """θ* of tasks whose support and query losses are the same quadratic.

    curvature: float64 [task, d, d], the A_i; centre: float64 [task, d], the c_i; alpha: inner step size;
    steps: K >= 0. Returns float64 [d]; autograd is not what is asked for.
    """
    ### BEGIN SOLUTION
    factor = torch.eye(centre.shape[1], dtype=centre.dtype) - alpha * curvature
    weight = curvature @ torch.linalg.matrix_power(factor, 2 * steps)
    return torch.linalg.solve(weight.sum(0), (weight @ centre[:, :, None]).sum(0)[:, 0])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_quadratic_meta_gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch05.check_quadratic_meta_gradient(quadratic_meta_gradient)

# %% nbgrader={"grade": true, "grade_id": "check_meta_optimum", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch05.check_meta_optimum(meta_optimum)
### BEGIN HIDDEN TESTS
same = 0.5 * torch.eye(2, dtype=torch.float64).expand(3, 2, 2)
places = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 6.0]], dtype=torch.float64)
assert torch.allclose(meta_optimum(same, places, 0.3, 4), places.mean(0))
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Look at $\theta_k - c_s$ instead of $\theta_k$. What does one inner step do to it?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# With $M = I - \alpha A_s$: $\theta_K - c_s = M^K (\theta - c_s)$, so the Jacobian of $\theta_K$ is $M^K$. For part 2
# write the mean of the meta-gradients as $\sum_i W_i (\theta - c_i)$ and solve for $\theta$; $M$ and $A$ commute.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Part 1: factor = (I − α A_s) to the power K; adapted = c_s + factor (θ − c_s); return factor · A_q · (adapted − c_q).
# Part 2: W_i = A_i (I − α A_i) to the power 2K; solve (Σ W_i) θ = Σ W_i c_i.
# </details>

# %%
steep = torch.diag(torch.tensor([1.5, 1.0], dtype=torch.float64))
flat = torch.diag(torch.tensor([0.2, 0.4], dtype=torch.float64))
centres = torch.tensor([[1.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
figure, axes = plotting.figure(width=6.5, height=3.8)
path = torch.stack([meta_optimum(torch.stack([steep, flat]), centres, 0.4, steps) for steps in range(7)])
axes.plot(*path.T.tolist(), "o-", color=plotting.BLUE, label="meta-optimum, K = 0 to 6")
axes.plot(*centres[0].tolist(), "*", color=plotting.RED, markersize=14, label="steep task")
axes.plot(*centres[1].tolist(), "*", color=plotting.GREEN, markersize=14, label="flat task")
axes.annotate(
    "K = 0: joint training", path[0].tolist(), (-10, -18), textcoords="offset points", fontsize=10, ha="right"
)
axes.set(xlabel="θ₁", ylabel="θ₂", xlim=(-1.3, 1.3), ylim=(-0.3, 1.3))
axes.legend(loc="upper left", fontsize=10)
plotting.show(
    figure,
    "The meta-optimum in the plane for 0 to 6 inner steps. It begins near the steep task, where joint training ends, "
    "and wanders towards the flat task.",
)


# %% [markdown]
# **Expect:** a path from near the steep task (K = 0, joint training) to near the flat one.
#
# **Interpret:** the steep task loses its say although an error there is expensive. Is that right?
#
# <details><summary>Answer</summary>
#
# Yes, if the inner steps will really be taken. After them the steep task is solved from nearly anywhere, so its
# demand on $\theta$ is already met; the flat task needs to start close. It is wrong if at test time fewer steps are
# taken than in training, or if the step size is smaller: then the steep task is left with an error that nobody
# accounted for.
# </details>

# %% [markdown]
# ## Exercise 3: A meta-loss that falls, and is wrong
#
# **Objective:** find three silent bugs in a meta-loss, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# A colleague wrote MAML's loss for a small network. Wanted is
#
# $$L(\theta) = \frac{1}{N} \sum_{i=1}^{N} L_i\bigl(\theta^{(i)}_K;\, x^q_i, y^q_i\bigr), \qquad
# \theta^{(i)}_{k+1} = \theta^{(i)}_k - \alpha \nabla L_i\bigl(\theta^{(i)}_k;\, x^s_i, y^s_i\bigr),
# \quad \theta^{(i)}_0 = \theta, \tag{3}$$
#
# with a gradient that goes through all $K$ steps. The code runs, the optimiser brings the loss down, and held-out
# tasks come out badly. Read it before you run it.
#
# **Predict:** which of the three can you find by looking at values of the loss alone, and which only by its gradient?

# %% tags=["setup"]
def predict(parameters, x):
    """A network with one hidden layer; x: [points, 1]."""
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def squared_error(parameters, x, y):
    return (predict(parameters, x) - y).square().mean()


def colleagues_loss(parameters, tasks, alpha, steps):
    adapted, outer = dict(parameters), []
    for support_x, support_y, _, _ in tasks:
        for step in range(steps):
            loss = squared_error(adapted, support_x, support_y)
            last = step == steps - 1  # the meta-gradient is taken after the last step: keep its graph
            slopes = torch.autograd.grad(loss, list(adapted.values()), create_graph=last, retain_graph=True)
            adapted = {
                name: value - alpha * slope for (name, value), slope in zip(adapted.items(), slopes, strict=True)
            }
        outer.append(squared_error(adapted, support_x, support_y))
    return torch.stack(outer).mean()


def value_of(loss):
    """A loss as a rounded number, without its graph."""
    return round(float(loss.detach()), 3)


def some_tasks(number, seed=5):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    parameters = {"w1": draw(5, 1), "b1": draw(5), "w2": 0.5 * draw(1, 5), "b2": draw(1)}
    tasks = []
    for _ in range(number):
        phase, support_x, query_x = draw(1), 2 * draw(5, 1), 2 * draw(50, 1)
        tasks.append((support_x, 3 * (support_x + phase).sin(), query_x, 3 * (query_x + phase).sin()))
    return {name: value.requires_grad_() for name, value in parameters.items()}, tasks


# %%
parameters, tasks = some_tasks(3)
print("tasks 1, 2, 3 each alone:", [value_of(colleagues_loss(parameters, [task], 0.1, 3)) for task in tasks])
print("mean of these:           ", value_of(sum(colleagues_loss(parameters, [task], 0.1, 3) for task in tasks) / 3))
print("all three in one call:   ", value_of(colleagues_loss(parameters, tasks, 0.1, 3)))


# %% nbgrader={"grade": false, "grade_id": "meta_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_loss(parameters, tasks, alpha, steps):
    """Equation (3), repaired.

    parameters: dictionary of tensors that require gradients, all float64 or all float32, and the data as well; tasks:
    list of (support_x, support_y, query_x, query_y), each [points, 1], not always as many; alpha: inner step size;
    steps: K >= 0. Returns a scalar tensor of that dtype.
    """
    adapted, outer = dict(parameters), []
    for support_x, support_y, _, _ in tasks:
        for step in range(steps):
            loss = squared_error(adapted, support_x, support_y)
            last = step == steps - 1
            slopes = torch.autograd.grad(loss, list(adapted.values()), create_graph=last, retain_graph=True)
            adapted = {
                name: value - alpha * slope for (name, value), slope in zip(adapted.items(), slopes, strict=True)
            }
        outer.append(squared_error(adapted, support_x, support_y))
    ### BEGIN SOLUTION
    outer = []
    for support_x, support_y, query_x, query_y in tasks:
        adapted = dict(parameters)
        for _ in range(steps):
            loss = squared_error(adapted, support_x, support_y)
            slopes = torch.autograd.grad(loss, list(adapted.values()), create_graph=True)
            adapted = {
                name: value - alpha * slope for (name, value), slope in zip(adapted.items(), slopes, strict=True)
            }
        outer.append(squared_error(adapted, query_x, query_y))
    ### END SOLUTION
    return torch.stack(outer).mean()


# %% nbgrader={"grade": true, "grade_id": "check_meta_loss", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch05.check_meta_loss(meta_loss)
### BEGIN HIDDEN TESTS
hidden_parameters, hidden_tasks = some_tasks(2, seed=9)
single = [meta_loss(hidden_parameters, [task], 0.1, 2).item() for task in hidden_tasks]
assert math.isclose(meta_loss(hidden_parameters, hidden_tasks, 0.1, 2).item(), sum(single) / 2, rel_tol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The cell above printed a mean over tasks that were given one by one, and the same with all of them in one call. Two
# numbers that should be equal are not. And which argument of a task is never used?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# In (3) each task starts at $\theta^{(i)}_0 = \theta$; the outer loss holds $x^q_i, y^q_i$; and
# $\partial \theta_K / \partial \theta = (I - \alpha H_{K-1}) \cdots (I - \alpha H_0)$ has a factor for *each* step.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: adapted = the parameters, anew. K times: gradient of the support loss with its graph kept, in every
# step; adapted = adapted − α · gradient. Collect the loss of adapted on the query points.
# </details>

# %%
parameters, tasks = some_tasks(3)
print("tasks 1, 2, 3 each alone:", [value_of(meta_loss(parameters, [task], 0.1, 3)) for task in tasks])
print("mean of these:           ", value_of(sum(meta_loss(parameters, [task], 0.1, 3) for task in tasks) / 3))
print("all three in one call:   ", value_of(meta_loss(parameters, tasks, 0.1, 3)))

# %% [markdown]
# **Expect:** the last two lines agree now.
#
# **Interpret:** `create_graph=last` has a comment that sounds reasonable. What does the meta-gradient lack because of
# it, and would a learning curve have shown it?
#
# <details><summary>Answer</summary>
#
# The factors of all steps but the last: it is MAML for the last step and FOMAML for those before. The value of the
# loss does not change by it, and the direction is still a good one when $\alpha H$ is small, so the curve falls
# almost as it should. A comparison with finite differences, in float64, shows it in one line. Write that line for
# every meta-gradient you write.
# </details>

# %% [markdown]
# ## Exercise 4: Is the second order worth it?
#
# **Objective:** plan an experiment whose result would convince someone of the opposite opinion.
#
# **Kind:** design · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# FOMAML drops the factors $I - \alpha H$ and costs less. You want to know whether they are worth their price on a
# family of regression tasks. Fill in the plan. Where there are choices, they are:
#
# | field | choices |
# |---|---|
# | `seeds` | a whole number of trainings per method |
# | `methods_differ_in` | `"the factors I − αH only"`, `"the factors and the number of inner steps"`, `"two public implementations"` |
# | `start_and_tasks` | `"the same for both in each seed"`, `"drawn anew for each training"` |
# | `tasks` | `"held-out"`, `"training"` |
# | `error_on` | `"query points"`, `"support points"` |
# | `inner_lr_from` | `"MAML's paper"`, `"training tasks, for each method"`, `"held-out tasks, for each method"` |
# | `checkpoint` | `"the last"`, `"the best on the held-out tasks"` |
# | `does_the_term_matter` | `"not measured"`, `"size of αHg beside g during training"` |
# | `cost_reported` | `"none"`, `"iterations"`, `"iterations, seconds and memory"` |
# | `conclude_from` | `"the lower mean"`, `"whether the two intervals overlap"`, `"the interval of the paired difference"` |
#
# **Predict:** the result is "no difference". Name two quite different reasons that it may have.

# %% nbgrader={"grade": false, "grade_id": "comparison", "locked": false, "schema_version": 3, "solution": true, "task": false}
comparison = {
    "seeds": ...,
    "methods_differ_in": ...,
    "start_and_tasks": ...,
    "tasks": ...,
    "error_on": ...,
    "inner_lr_from": ...,
    "checkpoint": ...,
    "does_the_term_matter": ...,
    "cost_reported": ...,
    "conclude_from": ...,
}
### BEGIN SOLUTION
comparison = {
    "seeds": 10,
    "methods_differ_in": "the factors I − αH only",
    "start_and_tasks": "the same for both in each seed",
    "tasks": "held-out",
    "error_on": "query points",
    "inner_lr_from": "training tasks, for each method",
    "checkpoint": "the last",
    "does_the_term_matter": "size of αHg beside g during training",
    "cost_reported": "iterations, seconds and memory",
    "conclude_from": "the interval of the paired difference",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_comparison", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch05.check_comparison(comparison)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# For each field ask: with which choice could a sceptic explain the result away?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# The quantity is the mean over tasks and trainings of $L^q_i(\text{MAML}) - L^q_i(\text{FOMAML})$, everything else
# equal. FOMAML's direction differs from MAML's by $\alpha H g$ for one step.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Change one thing; pair all the rest; choose settings for each method without looking at the test; measure on new
# tasks and new points; report the difference with an interval, what it cost, and whether the dropped term was there
# to be dropped.
# </details>

# %%
if all(value is not ... for value in comparison.values()):
    for field, choice in comparison.items():
        print(f"{field:22} {choice}")

# %% [markdown]
# **Expect:** your plan, without a fault that was looked for.
#
# **Interpret:** in the chapter's table the two methods can be told apart or not, at $\alpha = 0.01$. Would the answer
# at $\alpha = 0.5$ be the same?
#
# <details><summary>Answer</summary>
#
# There is no reason to expect it. What is dropped is of order $\alpha H$ per step, so it grows with $\alpha$, with the
# number of steps, and with the curvature of the loss. A result about one setting is a result about that setting; a
# plan that measures the size of the term says how far it may be carried over.
# </details>
