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
# silent bugs, and an experiment: what the second order is worth on tasks that are new to you. Fill in the cells marked
# `# YOUR CODE HERE`; the check under each answers at once, as often as you like. A function leaves its arguments as
# they are, and draws nothing at random unless it is handed a generator. Notation is that of [chapter
# 05](../chapters/05_maml.ipynb).

# %% tags=["setup"]
import math

import torch

from metarl_core import plotting
from metarl_core.check import ch05
from metarl_core.evaluation import t_interval
from metarl_core.recipes.pulses import BUDGET, cosines, errors, iterations, learn, sample_tasks
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
# ## Exercise 3: A gradient that agrees, and a loss that is wrong
#
# **Objective:** find three silent bugs in a meta-loss that finite differences do not see, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 1 s
#
# A colleague wrote MAML's loss for a small network. Wanted is
#
# $$L(\theta) = \frac{1}{N} \sum_{i=1}^{N} L_i\bigl(\theta^{(i)}_K;\, x^q_i, y^q_i\bigr), \qquad
# \theta^{(i)}_{k+1} = \theta^{(i)}_k - \alpha \nabla L_i\bigl(\theta^{(i)}_k;\, x^s_i, y^s_i\bigr),
# \quad \theta^{(i)}_0 = \theta, \tag{3}$$
#
# where $L_i(\theta; x, y)$ is the mean squared error on the points $x, y$, with a gradient that goes through all $K$
# steps. He did what the chapter says: he held the gradient of his loss against finite differences, and they agree to
# nine digits. He began with one task of five points, and its loss was nearly what (3) gives. The optimiser brings the
# loss down, and held-out tasks come out badly. Read the code before you run it.
#
# **Predict:** what does agreement with finite differences say about a loss, and what does it not say? Think of changes
# of the data that must leave (3) as it is.

# %% tags=["setup"]
def predict(parameters, x):
    """A network with one hidden layer; x: [points, 1]."""
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def squared_error(parameters, x, y):
    return (predict(parameters, x) - y).square().mean()


def colleagues_loss(parameters, tasks, alpha, steps):
    points = len(tasks[0][1])
    adapted, judges = [], []
    for support_x, support_y, query_x, query_y in tasks:
        weights = dict(parameters)
        for _ in range(steps):
            for name in weights:  # one tensor after the other, which needs less memory
                inner = (predict(weights, support_x) - support_y).square().sum() / points
                (slope,) = torch.autograd.grad(inner, weights[name], create_graph=True)
                weights[name] = weights[name] - alpha * slope
        adapted.append(weights)
        judges.append(lambda weights: squared_error(weights, query_x, query_y))
    return torch.stack([judge(weights) for judge, weights in zip(judges, adapted, strict=True)]).mean()


def value_of(loss):
    """A loss as a rounded number, without its graph."""
    return round(float(loss.detach()), 3)


def some_tasks(number, seed=5):
    """Parameters, and tasks with five support points and more."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    parameters = {"w1": draw(5, 1), "b1": draw(5), "w2": 0.5 * draw(1, 5), "b2": draw(1)}
    tasks = []
    for task in range(number):
        phase, support_x, query_x = draw(1), 2 * draw(5 + 3 * task, 1), 2 * draw(50, 1)
        tasks.append((support_x, 3 * (support_x + phase).sin(), query_x, 3 * (query_x + phase).sin()))
    return {name: value.requires_grad_() for name, value in parameters.items()}, tasks


# %%
parameters, tasks = some_tasks(3)
bias, shift = parameters["b1"], 1e-5 * torch.eye(5, dtype=torch.float64)
(by_autograd,) = torch.autograd.grad(colleagues_loss(parameters, tasks, 0.1, 3), bias)
both = [[colleagues_loss(parameters | {"b1": bias + sign * e}, tasks, 0.1, 3) for e in shift] for sign in (1, -1)]
by_differences = torch.stack([(above - below).detach() / 2e-5 for above, below in zip(*both, strict=True)])
print(f"autograd and finite differences differ by {float((by_autograd - by_differences).abs().max()):.0e}")
print("the loss:", value_of(colleagues_loss(parameters, tasks, 0.1, 3)))


# %% nbgrader={"grade": false, "grade_id": "meta_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_loss(parameters, tasks, alpha, steps):
    """Equation (3), repaired.

    parameters: dictionary of tensors that require gradients, all float64 or all float32, and the data as well; tasks:
    list of (support_x, support_y, query_x, query_y), each [points, 1], not always as many; alpha: inner step size;
    steps: K >= 0. Returns a scalar tensor of that dtype.
    """
    points = len(tasks[0][1])
    adapted, judges = [], []
    for support_x, support_y, query_x, query_y in tasks:
        weights = dict(parameters)
        for _ in range(steps):
            for name in weights:
                inner = (predict(weights, support_x) - support_y).square().sum() / points
                (slope,) = torch.autograd.grad(inner, weights[name], create_graph=True)
                weights[name] = weights[name] - alpha * slope
        adapted.append(weights)
        judges.append(lambda weights: squared_error(weights, query_x, query_y))
    outer = [judge(weights) for judge, weights in zip(judges, adapted, strict=True)]
    ### BEGIN SOLUTION
    outer = []
    for support_x, support_y, query_x, query_y in tasks:
        weights = dict(parameters)
        for _ in range(steps):
            loss = squared_error(weights, support_x, support_y)
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {
                name: value - alpha * slope for (name, value), slope in zip(weights.items(), slopes, strict=True)
            }
        outer.append(squared_error(weights, query_x, query_y))
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
# Three changes must not change the value of (3): the tasks in another order; each support point given twice; the names
# in the dictionary in another order. Try them on the colleague's loss, one by one.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\nabla L_i(\theta_k)$ is taken at *one* point: all tensors as they were before the step. A mean is divided by the
# number of *its own* points. And a `lambda` looks `query_x` up when it is called, not when it is written.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: weights = the parameters. K times: slopes = gradients of the mean squared error on the support points
# with respect to all tensors at once, with graph; weights = weights − α · slopes, all at once. Take the error on the
# query points at once, inside the loop over tasks.
# </details>

# %%
parameters, tasks = some_tasks(3)
changed = {
    "tasks in another order": (parameters, tasks[::-1]),
    "each support point twice": (parameters, [(x.repeat(2, 1), y.repeat(2, 1), *query) for x, y, *query in tasks]),
    "names in another order": (dict(reversed(parameters.items())), tasks),
}
for name, loss in (("colleague", colleagues_loss), ("repaired", meta_loss)):
    print(f"{name:10} as it is: {value_of(loss(parameters, tasks, 0.1, 3))}")
    for change, data in changed.items():
        print(f"{'':10} {change}: {value_of(loss(*data, 0.1, 3))}")

# %% [markdown]
# **Expect:** four equal numbers for the repaired loss, and four different ones for the colleague's.
#
# **Interpret:** which of the three bugs would a test with one task of five points have shown? And why did finite
# differences show none of them?
#
# <details><summary>Answer</summary>
#
# One task shows only the steps that are taken tensor by tensor: there is no other task whose query points could be
# used, and no other number of points. In value even that bug is small, of order $\alpha^2$ (each tensor sees the others
# as they are after their step, not before it), which is why the colleague called it "nearly". Finite differences ask
# whether a gradient belongs to a loss, and it does: to the wrong loss. Whether a loss is the right one has to be asked
# of its value: by a second way to compute it, or by changes that must not matter. Such changes cost a line each, and
# need no second implementation.
# </details>

# %% [markdown]
# ## Exercise 4: Is the second order worth it?
#
# **Objective:** find out, on tasks that are new to you, whether MAML's factors $I - \alpha H$ are worth what they cost,
# and defend the number against somebody of the opposite opinion.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 40 min · **Run time:** 40 s
#
# On sine curves, with one inner step, the chapter could not tell MAML and FOMAML apart. Here a task is a *pulse*, $y =
# h\, e^{-(x - c)^2 / 2 w^2}$ with height, centre and width of its own, to be fitted from six points in **two** inner
# steps. And both methods get the same *bill*, not the same number of iterations: with a gradient as the unit and 2 for
# a product $Hv$, a direction of FOMAML costs 3 and one of MAML 7, so FOMAML makes more than twice as many iterations.
#
# - `sample_tasks(n, generator, split)` draws pulses, `"train"` or `"test"`, with the inputs of their six support
#   points.
# - `learn(seeds, inner_lr, second_order)` trains for the whole budget: MAML, or FOMAML with `second_order=False`, a
#   training for each seed, side by side. The same seed has the same start and the same tasks for both, as far as its
#   iterations go.
# - `errors(parameters, inner_lr, tasks)` are the errors after the two steps, `[seed, task]`.
# - `cosines(parameters, inner_lr, tasks)`: of the angle between the two directions of each task, at these parameters.
#
# 1. **Tune** $\alpha$ for each method *by itself*: train with four step sizes or more, with two or more seeds that you
#    will not report, and take the one with the lowest mean error on *training* tasks. If the best stands at an end of
#    your list, the list was too short.
# 2. **Compare** them with five seeds or more on 200 to 1,000 held-out tasks: of the means of each seed, *FOMAML less
#    MAML*, and the t interval of these differences,
#
#    $$\bar x \pm t_{n-1,\,0.975}\; s / \sqrt{n}. \tag{4}$$
#
# 3. **Was there anything to be dropped?** Report the mean cosine at MAML's parameters, with its step size, on the
#    held-out tasks.
#
# The check computes your errors again, and makes one of your trainings and one entry of the tuning again; that takes a
# few seconds.
#
# **Predict:** (a) Which method can bear the larger $\alpha$? (b) Two steps have two factors. Is the difference larger
# than with one? (c) If the interval contains 0: name two quite different reasons that this may have.

# %%
print(
    f"{BUDGET} gradients for each task of a batch: {iterations(True)} iterations of MAML, {iterations(False)} of FOMAML"
)

# %% nbgrader={"grade": false, "grade_id": "second_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
second_order = {
    "step_sizes": ...,  # list of numbers: four or more, the same for both methods
    "tuning_seeds": ...,  # list of int: two to ten, none of which is among "seeds"
    "tuning_tasks": ...,  # from sample_tasks(n, generator, "train")
    "tuned_maml": ...,  # list of numbers: mean error on these tasks, for each step size
    "tuned_fomaml": ...,
    "inner_lr_maml": ...,  # the step size that was chosen
    "inner_lr_fomaml": ...,
    "seeds": ...,  # list of int: five or more
    "held_out": ...,  # from sample_tasks(n, generator, "test"): 200 to 1,000
    "maml": ...,  # parameters [seed, ...], from learn
    "fomaml": ...,
    "errors_maml": ...,  # [seed, task], on the held-out tasks
    "errors_fomaml": ...,
    "cosine": ...,  # the mean over seeds and tasks of the cosines
    "low": ...,  # lower end of the t interval of (error of FOMAML) - (error of MAML)
    "high": ...,  # its upper end
    "conclusion": ...,  # ch05.MAML_LOWER, ch05.FOMAML_LOWER or ch05.NOT_TOLD_APART
}
### BEGIN SOLUTION
step_sizes, tuning_seeds, seeds = [0.0175, 0.035, 0.07, 0.14], [100, 101], list(range(8))
tuning_tasks = sample_tasks(300, torch.Generator().manual_seed(5))
held_out = sample_tasks(500, torch.Generator().manual_seed(6), "test")
tuned, rates, found = {}, {}, {}
for method, with_factors in (("maml", True), ("fomaml", False)):
    trained = [learn(tuning_seeds, alpha, with_factors) for alpha in step_sizes]
    tuned[method] = [
        float(errors(theta, alpha, tuning_tasks).mean()) for theta, alpha in zip(trained, step_sizes, strict=True)
    ]
    rates[method] = step_sizes[tuned[method].index(min(tuned[method]))]
    found[method] = learn(seeds, rates[method], with_factors)
of_maml, of_fomaml = (errors(found[method], rates[method], held_out) for method in ("maml", "fomaml"))
interval = t_interval((of_fomaml - of_maml).mean(1))
conclusion = ch05.MAML_LOWER if interval.low > 0 else ch05.FOMAML_LOWER if interval.high < 0 else ch05.NOT_TOLD_APART
second_order = {
    "step_sizes": step_sizes,
    "tuning_seeds": tuning_seeds,
    "tuning_tasks": tuning_tasks,
    "tuned_maml": tuned["maml"],
    "tuned_fomaml": tuned["fomaml"],
    "inner_lr_maml": rates["maml"],
    "inner_lr_fomaml": rates["fomaml"],
    "seeds": seeds,
    "held_out": held_out,
    "maml": found["maml"],
    "fomaml": found["fomaml"],
    "errors_maml": of_maml,
    "errors_fomaml": of_fomaml,
    "cosine": float(cosines(found["maml"], rates["maml"], held_out).mean()),
    "low": interval.low,
    "high": interval.high,
    "conclusion": conclusion,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_second_order", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
ch05.check_second_order(second_order)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# For each entry ask: with which choice could a sceptic explain the result away? FOMAML with MAML's step size is one,
# and a coarse list of step sizes another.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `learn` costs as much for two seeds as for one, nearly: tune with both at once. Step sizes that grow by a factor, from
# about 0.02 to 0.15. In (4) $n$ is the number of seeds; `t_interval` of `metarl_core.evaluation` takes one number for
# each, `(errors_fomaml - errors_maml).mean(1)`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each method: for each α of the list: θ = learn(tuning seeds, α, second order or not); its mean error on tuning
# tasks. The α with the lowest one; learn(seeds, that α, …); errors on the held-out tasks. t interval of the row means
# of the difference; the conclusion follows from where 0 lies. cosines(θ of MAML, its α, held-out tasks).mean().
# </details>

# %%
figure, axes = plotting.figure(1, 2, width=9.6, height=3.4)
for name, label in (("maml", "MAML"), ("fomaml", "FOMAML")):
    color, marker = plotting.METHOD_STYLE[label]
    axes[0].plot(second_order["step_sizes"], second_order[f"tuned_{name}"], marker=marker, color=color, label=label)
    means = torch.as_tensor(second_order[f"errors_{name}"]).double().mean(1)
    axes[1].plot(range(len(means)), means, marker, color=color, label=label)
axes[0].set(xscale="log", xlabel="inner step size α", ylabel="error on training tasks", ylim=(0, 0.6), title="tuning")
axes[0].set_xticks(second_order["step_sizes"], [f"{size:g}" for size in second_order["step_sizes"]])
axes[0].minorticks_off()
axes[1].set_xticks(range(len(means)), [str(seed) for seed in second_order["seeds"]])
axes[1].set(xlabel="seed", ylabel="error on held-out tasks", ylim=(0, None), title="each at its own step size")
axes[1].legend()
plotting.show(
    figure,
    "Left: error on training tasks against the inner step size, for both methods. FOMAML's curve has its minimum at a smaller "
    "step size than MAML's, and rises steeply after it. Right: errors of each seed on held-out tasks; FOMAML's lie above "
    "MAML's.",
)
print(
    f"FOMAML less MAML: [{second_order['low']:.3f}, {second_order['high']:.3f}]; mean cosine {second_order['cosine']:.2f}"
)

# %% [markdown]
# **Expect:** with the solution's choices MAML does best at 0.07 and FOMAML at 0.035. FOMAML's error on held-out tasks
# is higher by 0.029 to 0.047, where MAML's is about 0.16 and predicting zero costs 1.05. The mean cosine is 0.81.
#
# **Interpret:** (a) A colleague compares the two at $\alpha = 0.035$ for both, another at 0.07 for both. What will each
# of them report? (b) In the chapter they could not be told apart. Name what differs here; which of it decides? (c) What
# would your reader need to know to use your number for another problem?
#
# <details><summary>Answer</summary>
#
# The prediction: (a) MAML; twice its best step size costs it little, FOMAML much. (c) There was little to drop (a
# cosine near 1, a small $\alpha H$), or there was, and seeds are too few or the tuning too coarse to see it: with
# 0.025, 0.05 and 0.1 as the list FOMAML's best would be 0.05, where single seeds go astray and the interval becomes
# several times as wide. The questions: (a) By the tuning, 0.190 against 0.200, "hardly any difference"; and 0.151
# against 0.248, "FOMAML fails". Both would be true and neither a fair comparison: each imposes one method's step size,
# or nobody's. (b) Other tasks, another network, two steps and not one, a step size chosen for each method, an equal
# bill: five things at once, so this experiment cannot say which. Vary one of them. (c) What was held equal (the bill,
# counted in gradients and not in seconds or memory), how $\alpha$ was chosen, the number of steps, and that the term
# was there: a cosine of 0.81 says that the directions differ. At that cosine, for these tasks, it was worth a fifth of
# the error.
# </details>
