# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 06: Reptile and Meta-SGD
#
# Five exercises: Reptile's step, the Taylor terms of any combination of inner gradients, a Meta-SGD for the head with
# three silent bugs, a Reptile with Adam that teaches too little, and an experiment: rates that are predicted before
# they are learned. Fill in the cells marked `# YOUR CODE HERE`; the check under each answers at once, as often as you
# like. A function leaves its arguments as they are, and draws nothing at random unless it is handed a generator.
# Notation is that of [chapter 06](../chapters/06_reptile_and_meta_sgd.ipynb).

# %% tags=["setup"]
import torch

from metarl_core import plotting
from metarl_core.check import ch06
from metarl_core.evaluation import t_interval
from metarl_core.recipes.own_rates import learn, losses, sample_tasks
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: Reptile's step
#
# **Objective:** implement one outer step of Reptile for a batch of tasks.
#
# **Kind:** implement · **Difficulty:** ★☆☆ · **Time:** 15 min · **Run time:** 1 s
#
# A task is a list of $k$ loss functions, one for each minibatch. The inner loop makes one step on each in turn,
# $\varphi_{i+1} = \varphi_i - \alpha \nabla L_i(\varphi_i)$ from $\varphi_1 = \theta$, and then
#
# $$\theta' = \theta + \varepsilon\, \Big( \frac1N \sum_{n=1}^{N} \varphi^{(n)}_{k+1} - \theta \Big). \tag{1}$$
#
# **Predict:** two tasks with the losses $(\theta - 1)^2$ and $(\theta + 1)^2$, and $\theta = 0$. Where does Reptile
# move?

# %% nbgrader={"grade": false, "grade_id": "reptile_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reptile_step(theta, tasks, alpha, epsilon):
    """The new parameters (1).

    theta: float64 [d], without a graph; tasks: list of tasks, each a list of k functions from [d] to a scalar tensor;
    alpha, epsilon: inner and outer step size. Returns float64 [d], without a graph; theta stays as it is.
    """
    ### BEGIN SOLUTION
    ends = []
    for minibatches in tasks:
        phi = theta.clone()
        for loss in minibatches:
            leaf = phi.requires_grad_()
            (slope,) = torch.autograd.grad(loss(leaf), leaf)
            phi = (leaf - alpha * slope).detach()
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_reptile_step", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch06.check_reptile_step(reptile_step)
### BEGIN HIDDEN TESTS
bowl = lambda theta: theta.square().sum()  # noqa: E731
hidden = reptile_step(torch.ones(2, dtype=torch.float64), [[bowl, bowl]], 0.25, 0.5)
assert torch.allclose(hidden, torch.full((2,), 0.625, dtype=torch.float64))  # 1 + 0.5 (0.25 − 1)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Nothing is differentiated through a step here. Each task begins at the same θ, and each of its steps uses the next
# function of its list.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# For each task $\varphi \leftarrow \varphi - \alpha \nabla L_i(\varphi)$ for $i = 1, \dots, k$. Collect the last
# $\varphi$ of each task, take the mean $m$, return $\theta + \varepsilon (m - \theta)$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# ends = []; for each task: phi = copy of theta; for each loss of it: slope = gradient of the loss at phi; phi = phi − α
# · slope, without a graph; append phi. Return theta + ε · (mean of ends − theta).
# </details>

# %%
steep, flat = (lambda t: 4 * (t - 1).square().sum()), (lambda t: 0.2 * (t + 1).square().sum())
figure, axes = plotting.figure(width=6.5, height=3.6)
for k, look in ((1, ":"), (3, "--"), (30, "-")):
    theta, path = torch.zeros(1, dtype=torch.float64), [0.0]
    for _ in range(60):
        theta = reptile_step(theta, [[steep] * k, [flat] * k], 0.1, 0.2)
        path.append(float(theta))
    axes.plot(path, look, color=plotting.GREEN, label=f"k = {k}")
axes.axhline(1, color=plotting.RED, linewidth=1.2, label="optimum of the steep task")
axes.axhline(-1, color=plotting.BLUE, linewidth=1.2, label="optimum of the flat task")
axes.set(xlabel="outer steps", ylabel="θ")
axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
plotting.show(
    figure,
    "θ against outer steps of Reptile for a steep and a flat task. With k = 1 it settles close to the optimum of the "
    "steep task, with k = 3 a little farther from it, with k = 30 in the middle between the two.",
)


# %% [markdown]
# **Expect:** three lines that settle: near the optimum of the steep task for $k = 1$, near the middle for $k = 30$.
#
# **Interpret:** where would MAML settle as its inner loop gets longer? Which of the two behaviours would you want?
#
# <details><summary>Answer</summary>
#
# Near the optimum of the *flat* task: the steep one is solved by the inner loop from anywhere, so its weight goes to
# zero (chapter 05). Reptile with many steps gives both the same say. If the inner loop will really be that long at
# test time, MAML's choice is better after it. If it may be shorter, or if nobody knows, the middle is the safer place.
# </details>

# %% [markdown]
# ## Exercise 2: Any combination of inner gradients
#
# **Objective:** derive both Taylor terms of a weighted sum of the gradients met in an inner loop.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# An inner loop meets the gradients $g_1, \dots, g_k$, each taken after the steps before it. Reptile uses
# $g_1 + \dots + g_k$, FOMAML $g_k$. One may use any combination,
#
# $$g_w = \sum_{i=1}^{k} w_i\, g_i. \tag{2}$$
#
# With minibatches that are drawn alike, find $c_0$ and $c_1$ in
#
# $$\mathbb{E}\, g_w = c_0\, \mathrm{AvgGrad} - c_1\, \alpha\, \mathrm{AvgGradInner} + O(\alpha^2). \tag{3}$$
#
# The check does not know the formula. It runs inner loops on random quadratics, with the minibatches in so many orders
# that each pair of them meets equally often at any two places, and reads both numbers off.
#
# **Predict:** can you choose $w$ such that nothing is left of AvgGrad, and only agreement of the minibatches is
# maximised?

# %% nbgrader={"grade": false, "grade_id": "taylor_coefficients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def taylor_coefficients(weights):
    """c_0 and c_1 of (3).

    weights: float64 [k], the w_i. Returns float64 [2].
    """
    ### BEGIN SOLUTION
    before = torch.arange(len(weights), dtype=weights.dtype)  # steps made before each gradient
    return torch.stack([weights.sum(), (weights * before).sum()])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_taylor_coefficients", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch06.check_taylor_coefficients(taylor_coefficients)
### BEGIN HIDDEN TESTS
assert taylor_coefficients(torch.ones(6, dtype=torch.float64)).tolist() == [6.0, 15.0]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Expectation and sum may be swapped: it is enough to know the two terms of $\mathbb{E}\, g_i$ for one $i$.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $g_i = \bar g_i - \alpha \sum_{j<i} \bar H_i \bar g_j + O(\alpha^2)$. How many $j$ are there with $1 \le j < i$?
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# c_0 = sum of the w_i; c_1 = sum of w_i · (i − 1), with i counted from 1.
# </details>

# %%
for name, w in {
    "Reptile, k = 3": [1, 1, 1],
    "FOMAML, k = 3": [0, 0, 1],
    "g1 + g2 of three": [1, 1, 0],
    "g2 − g1": [-1, 1],
    "2 g2 − g1": [-1, 2],
}.items():
    c0, c1 = taylor_coefficients(torch.tensor(w, dtype=torch.float64)).tolist()
    print(f"{name:18} c0 = {c0:g}, c1 = {c1:g}")

# %% [markdown]
# **Expect:** 3 and 3 for Reptile with $k = 3$; 1 and 2 for FOMAML; 0 and 1 for $g_2 - g_1$; 1 and 2 for $2 g_2 - g_1$.
#
# **Interpret:** $2 g_2 - g_1$ has the two coefficients of MAML with one inner step, and needs no second derivative. Why
# does anyone still compute MAML's gradient?
#
# <details><summary>Answer</summary>
#
# The terms agree to first order in $\alpha$ and in expectation. What is hidden in $O(\alpha^2)$ is not small where
# $\alpha H$ is of order 1, and there the methods part. Besides, $2 g_2 - g_1$ is noisier: one minibatch's gradient
# enters with the weight 2, another's with $-1$.
# </details>

# %% [markdown]
# ## Exercise 3: Rates that fit the batch
#
# **Objective:** find three silent bugs in a Meta-SGD that adapts the head only, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# A colleague combined ANIL with Meta-SGD, as in section 10 of the chapter. Wanted is one step on the parameters of the
# head, $h$ = {`w2`, `b2`}, each entry with its own rate, and everything else as it was:
#
# $$L(\theta, a) = \frac1N \sum_{i=1}^{N} L_i(\theta'_i;\, x^q_i, y^q_i), \qquad
# \theta'_{i,h} = \theta_h - a_h \circ \nabla_{\theta_h} L_i(\theta;\, x^s_i, y^s_i), \quad
# \theta'_{i,\text{rest}} = \theta_{\text{rest}}. \tag{4}$$
#
# An outer optimiser is to learn $\theta$ and $a$ from the gradients of $L$, with 25 tasks a batch. The code runs, every
# rate gets a gradient, the loss falls. On new tasks, met one at a time, it comes out badly. Read it before you run it.
#
# **Predict:** which two calls would you compare to find a step that depends on something it should not depend on? Which
# tensor shows the second bug, which rate the third?

# %% tags=["setup"]
HEAD = ("w2", "b2")


def predict(parameters, x):
    """A network with one hidden layer; x: [points, 1]."""
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def squared_error(parameters, x, y):
    return (predict(parameters, x) - y).square().mean()


def colleagues_loss(parameters, rates, tasks):
    outer = []
    for support_x, support_y, query_x, query_y in tasks:
        adapting = [name for name in parameters if name not in HEAD]
        loss = squared_error(parameters, support_x, support_y) / len(tasks)  # for batches of any size
        slopes = torch.autograd.grad(loss, [parameters[name] for name in adapting], create_graph=True)
        adapted = dict(parameters)
        for name, slope in zip(adapting, slopes, strict=True):
            adapted[name] = parameters[name] - rates[name].abs() * slope  # a rate is a length
        outer.append(squared_error(adapted, query_x, query_y))
    return torch.stack(outer).mean()


def some_tasks(number, seed=5):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    parameters = {"w1": draw(5, 1), "b1": draw(5), "w2": 0.5 * draw(1, 5), "b2": draw(1)}
    rates = {name: torch.full_like(value, 0.1) for name, value in parameters.items()}
    tasks = []
    for _ in range(number):
        phase, support_x, query_x = draw(1), 2 * draw(5, 1), 2 * draw(50, 1)
        tasks.append((support_x, 3 * (support_x + phase).sin(), query_x, 3 * (query_x + phase).sin()))
    leaves = [{name: value.requires_grad_() for name, value in one.items()} for one in (parameters, rates)]
    return *leaves, tasks


def sizes_of_gradients(answer):
    """Largest entry of the gradient of each tensor, the rates' included; None where there is no way to it."""
    parameters, rates, tasks = some_tasks(4)
    leaves = {**parameters, **{"rate of " + name: value for name, value in rates.items()}}
    slopes = torch.autograd.grad(answer(parameters, rates, tasks), list(leaves.values()), allow_unused=True)
    return {n: None if s is None else round(float(s.abs().max()), 3) for n, s in zip(leaves, slopes, strict=True)}


# %%
for name, size in sizes_of_gradients(colleagues_loss).items():
    print(f"{name:12} {size}")


# %% nbgrader={"grade": false, "grade_id": "head_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_loss(parameters, rates, tasks):
    """Equation (4), repaired.

    parameters, rates: dictionaries of tensors of the same shapes that require gradients (the rates of w1 and b1 are
    there, too, and unused), under the same names; tasks: list of (support_x, support_y, query_x, query_y), each
    [points, 1], not always as many. All tensors are float64, or all are float32. Returns a scalar tensor of that dtype.
    """
    outer = []
    for support_x, support_y, query_x, query_y in tasks:
        adapting = [name for name in parameters if name not in HEAD]
        loss = squared_error(parameters, support_x, support_y) / len(tasks)
        slopes = torch.autograd.grad(loss, [parameters[name] for name in adapting], create_graph=True)
        adapted = dict(parameters)
        for name, slope in zip(adapting, slopes, strict=True):
            adapted[name] = parameters[name] - rates[name].abs() * slope
        outer.append(squared_error(adapted, query_x, query_y))
    ### BEGIN SOLUTION
    outer = []
    for support_x, support_y, query_x, query_y in tasks:
        loss = squared_error(parameters, support_x, support_y)
        slopes = torch.autograd.grad(loss, [parameters[name] for name in HEAD], create_graph=True)
        adapted = dict(parameters)
        for name, slope in zip(HEAD, slopes, strict=True):
            adapted[name] = parameters[name] - rates[name] * slope
        outer.append(squared_error(adapted, query_x, query_y))
    ### END SOLUTION
    return torch.stack(outer).mean()


# %% nbgrader={"grade": true, "grade_id": "check_head_loss", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch06.check_head_loss(head_loss)
### BEGIN HIDDEN TESTS
hidden_parameters, hidden_rates, hidden_tasks = some_tasks(2, seed=9)
still = {name: torch.zeros_like(value) for name, value in hidden_rates.items()}
plain = sum(squared_error(hidden_parameters, task[2], task[3]).item() for task in hidden_tasks) / 2
assert abs(head_loss(hidden_parameters, still, hidden_tasks).item() - plain) < 1e-9
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The loss of several tasks is a mean. Is the colleague's loss of two tasks the mean of the two losses that each has
# alone? And read the line that begins with `adapting` aloud.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\nabla L_i(\theta; x^s_i, y^s_i)$ in (4) knows of task $i$ alone. The outer mean divides by $N$, once. And (4) says
# $a_h$, not $|a_h|$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: slopes = gradient of the support loss with respect to the tensors of HEAD, with graph; adapted = all
# parameters, those of HEAD replaced by parameter − rate · slope; collect the query loss of adapted. Return the mean.
# </details>

# %%
parameters, rates, tasks = some_tasks(10)
optimiser = torch.optim.Adam([*parameters.values(), *rates.values()], lr=0.02)
for step in range(200):
    optimiser.zero_grad()
    value = head_loss(parameters, rates, tasks)
    value.backward()
    optimiser.step()
    if step in (0, 199):
        print(f"step {step + 1:3}: loss {value.item():.3f}, rate of the head's bias {float(rates['b2'].detach()):+.3f}")
for name, loss in (("colleague", colleagues_loss), ("repaired", head_loss)):
    alone = [loss(parameters, rates, [task]).item() for task in tasks]
    print(f"{name:10} ten tasks together {loss(parameters, rates, tasks).item():.3f}, mean of each alone {sum(alone) / 10:.3f}")


# %% [markdown]
# **Expect:** a loss that falls to less than half, a rate of the bias that has moved away from 0.1, and two equal
# numbers in the last line.
#
# **Interpret:** a division of the inner loss by the number of tasks looks harmless, for an outer optimiser like Adam
# hardly notices a constant factor, and learned rates could make up for it. When does it do harm nevertheless?
#
# <details><summary>Answer</summary>
#
# In training the rates learn it away: with $N$ tasks a batch they become $N$ times as large. The training loss is then
# as good as ever, and so is any evaluation with the same number of tasks in one call. A new task that is met alone
# makes a step $N$ times too long. (The rates grow only as far as the outer optimiser gets them; Adam moves each by
# about its step size an iteration.) The same happens with a learned temperature, a normalisation over the batch, a clip
# of a sum of gradients: whatever a task's adaptation takes from the *other* tasks of its batch is a part of what was
# learned, and is missing at test.
# </details>

# %% [markdown]
# ## Exercise 4: A pass that teaches too little
#
# **Objective:** find two silent bugs in Reptile's inner loop with Adam, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# Inside, Reptile may use Adam without momentum ($\beta_1 = 0$): with the gradient $g_s$ of step $s = 1, 2, \dots$ of a
# task,
#
# $$v_s = \beta v_{s-1} + (1 - \beta)\, g_s^2, \quad v_0 = 0, \qquad
# \varphi_{s+1} = \varphi_s - \alpha\, \frac{g_s}{\sqrt{v_s / (1 - \beta^s)} + 10^{-8}}, \tag{5}$$
#
# and the outer direction is the mean of $\theta - \varphi$ over tasks. Here a task is a small classification problem:
# labels $-1$ and $1$, squared error of a linear function. The samples are stored sorted by label. For each task a
# random permutation is given, and **minibatches are to be cut from the permuted samples**, the last one holding what is
# left. The colleague knows that: his optimiser begins anew with each task, and his samples are shuffled. After a pass,
# hardly more than a guess is right.
#
# **Predict:** what would a pass teach if labels belonged to other samples? And what must become of a task's $\varphi$
# if a single one of its samples is changed?

# %% tags=["setup"]
def minibatch_gradient(phi, x, y):
    """Gradient of the mean of (x·φ − y)² over a minibatch."""
    return 2 * x.T @ (x @ phi - y) / len(x)


def colleagues_direction(theta, tasks, orders, alpha, size, beta=0.999):
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, second, x = theta, torch.zeros_like(theta), x[order]
        for count, at in enumerate(range(0, len(x) - size + 1, size), 1):
            gradient = minibatch_gradient(phi, x[at : at + size], y[at : at + size])
            second = beta * second + (1 - beta) * gradient.square()
            phi = phi - alpha * gradient / ((second / (1 - beta**count)).sqrt() + 1e-8)
        total = total + theta - phi
    return total / len(tasks)


def labelled_tasks(number, samples=20, seed=1):
    generator = torch.Generator().manual_seed(seed)
    tasks, orders = [], []
    for _ in range(number):
        scale = 1 + 4 * torch.rand(1, generator=generator)  # tasks differ in scale
        x = scale * torch.randn(samples, 4, generator=generator) + 0.5
        y = (x @ torch.randn(4, generator=generator)).sign().sort(stable=True)
        tasks.append((x[y.indices].double(), y.values.double()))
        orders.append(torch.randperm(samples, generator=generator))
    return torch.zeros(4, dtype=torch.float64), tasks, orders


# %%
def right_after_a_pass(direction, theta, tasks, orders, alpha=0.1, size=8):
    """Share of a task's samples whose sign is right after its inner loop, mean over tasks."""
    shares = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = theta - direction(theta, [(x, y)], [order], alpha, size)
        shares.append(((x @ phi).sign() == y).double().mean().item())
    return sum(shares) / len(shares)


theta, tasks, orders = labelled_tasks(200)
print(f"the colleague's pass: {right_after_a_pass(colleagues_direction, theta, tasks, orders):.0%} right")


# %% nbgrader={"grade": false, "grade_id": "reptile_with_adam", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reptile_with_adam(theta, tasks, orders, alpha, size, beta=0.999):
    """Mean of θ − φ over tasks, φ after one pass over a task's samples by (5); repaired.

    theta: float64 [d]; tasks: list of (x [samples, d], y [samples]); orders: for each task a permutation of its samples,
    int64 [samples]; alpha: step size; size: samples in a minibatch, the last of a task holding what is left. Returns
    float64 [d].
    """
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, second, x = theta, torch.zeros_like(theta), x[order]
        for count, at in enumerate(range(0, len(x) - size + 1, size), 1):
            gradient = minibatch_gradient(phi, x[at : at + size], y[at : at + size])
            second = beta * second + (1 - beta) * gradient.square()
            phi = phi - alpha * gradient / ((second / (1 - beta**count)).sqrt() + 1e-8)
        total = total + theta - phi
    ### BEGIN SOLUTION
    total = torch.zeros_like(theta)
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, second = theta, torch.zeros_like(theta)
        for count, chosen in enumerate(order.split(size), 1):
            gradient = minibatch_gradient(phi, x[chosen], y[chosen])
            second = beta * second + (1 - beta) * gradient.square()
            phi = phi - alpha * gradient / ((second / (1 - beta**count)).sqrt() + 1e-8)
        total = total + theta - phi
    ### END SOLUTION
    return total / len(tasks)


# %% nbgrader={"grade": true, "grade_id": "check_reptile_with_adam", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch06.check_reptile_with_adam(reptile_with_adam)
### BEGIN HIDDEN TESTS
hidden_theta, hidden_data, hidden_orders = labelled_tasks(4, seed=8)
there = reptile_with_adam(hidden_theta, hidden_data, hidden_orders, 0.1, 5)
back = reptile_with_adam(hidden_theta, hidden_data[::-1], hidden_orders[::-1], 0.1, 5)
assert torch.allclose(there, back, atol=1e-12)
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Follow one sample and its label through the code. Then count: of 20 samples in minibatches of 8, how many are used?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# A minibatch is `x[order[at : at + size]]`, with the same indices for the labels, and the last one may be smaller. Its
# gradient is the mean over its own samples.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: phi = theta, second = zeros, count = 0. For each piece of `size` indices of its permutation: gradient
# on these samples; count += 1; second and phi by (5). Add theta − phi. Divide by the number of tasks.
# </details>

# %%
theta, tasks, orders = labelled_tasks(200)
print(f"the repaired pass: {right_after_a_pass(reptile_with_adam, theta, tasks, orders):.0%} right")


def five_classes(number, ways=5, shots=10, features=6, seed=2):
    """Tasks with five classes around random centres, sorted by class; labels one-hot, so θ is a matrix."""
    generator = torch.Generator().manual_seed(seed)
    label, many, permutations = torch.arange(ways).repeat_interleave(shots), [], []
    for _ in range(number):
        centres = 1.5 * torch.randn(ways, features, generator=generator)
        x = centres[label] + torch.randn(len(label), features, generator=generator)
        many.append((torch.cat([x, torch.ones(len(x), 1)], 1).double(), torch.eye(ways)[label].double()))
        permutations.append(torch.randperm(len(label), generator=generator))
    return torch.zeros(features + 1, ways, dtype=torch.float64), many, permutations


def best_class_after_a_pass(theta, tasks, orders):
    """Share of a task's samples that are classified right after its inner loop, mean over tasks."""
    shares = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi = theta - reptile_with_adam(theta, [(x, y)], [order], 0.02, 10)
        shares.append(((x @ phi).argmax(1) == y.argmax(1)).double().mean().item())
    return sum(shares) / len(shares)


theta, tasks, orders = five_classes(200)
stored = [torch.arange(len(order)) for order in orders]
print(f"five classes, right after one pass: shuffled {best_class_after_a_pass(theta, tasks, orders):.0%}, "
      f"in the order of classes {best_class_after_a_pass(theta, tasks, stored):.0%}")  # fmt: skip

# %% [markdown]
# **Expect:** 56 % right after the colleague's pass, 87 % after the repaired one. With five classes, the same passes
# over the same samples get about 80 % right when shuffled, and about 65 % in the order of classes.
#
# **Interpret:** (a) Neither bug raises an error, and the loss of each minibatch falls. What would a test on a task of
# eight samples of one class have shown? (b) Reptile's own code keeps $v$ from one training task to the next, and it
# works. Is that a bug?
#
# <details><summary>Answer</summary>
#
# (a) Nothing: with one class all labels are equal, and eight samples fill a minibatch of eight. Test with labels that
# differ and with sizes that do not divide. (b) It is a choice. A $v$ that is averaged over many tasks is a steadier
# scale than one built from a handful of gradients, and in training a dependence on the order of random tasks does
# little harm. At *test* time it would be a leak: the result on a task would depend on the test tasks before it. That
# code restores the optimiser's state after each test task, and so must you, or a comparison with other methods means
# nothing.
# </details>

# %% [markdown]
# ## Exercise 5: Rates, predicted and then learned
#
# **Objective:** predict Meta-SGD's rates for a family of your own before it is trained, then train it, and find out
# what a rate for each direction is worth.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 40 min · **Run time:** 10 s
#
# A task is a linear regression: weights $w \sim N(0, I)$ in $d$ directions, ten support points $x$ whose entries are
# independent and normal with variances $\lambda_1, \dots, \lambda_d$, and labels $x^\top w + 0.5\,\eta$ with $\eta$
# standard normal. The loss of a point is $\frac12 (x^\top \theta - y)^2$. The Hessian of its expectation is diagonal:
# **$\lambda_j$ is the curvature of direction $j$**. You choose the curvatures: four to eight numbers from 0.05 to 5,
# the largest ten times the smallest or more.
#
# Meta-SGD makes one step on the mean of the ten, from a start $\theta$ that will end near 0, and is judged by the
# expected loss. For this family the condition (06.17) says $a_j = \mathbb{E}[g_j\, (\theta_j - w_j)] /
# \mathbb{E}[g_j^2]$, with the support slope $g = \frac1n \sum_i x_i x_i^\top (\theta - w) - \frac{0.5}{n} \sum_i \eta_i
# x_i$, $n = 10$. What you need of normal inputs, with $S = \frac1n \sum_i x_i x_i^\top$ and $\theta - w \sim N(0, I)$:
#
# $$\mathbb{E}[S] = \mathrm{diag}(\lambda), \qquad
# \mathbb{E}[S S]_{jj} = \tfrac1n \Big( (n + 1)\, \lambda_j^2 + \lambda_j \sum_k \lambda_k \Big). \tag{6}$$
#
# 1. **Predict** the rates $a_j$ from the curvatures, before you train anything.
# 2. **Train** `learn(curvatures, seeds, rate_for_each=True)`, and the same with `False`, where one learned rate serves
#    all directions. Report how far a learned rate (mean over five seeds or more) is from the predicted one, at most, as
#    a part of it.
# 3. **What is it worth?** `losses(parameters, curvatures, tasks)` on 200 to 5,000 held-out tasks, from
#    `sample_tasks(curvatures, n, torch.Generator().manual_seed(evaluation_seed))`: the t interval over seeds of *one
#    rate less own rates*.
#
# The check has the expectations, computes your losses again, and makes one pair of trainings again.
#
# **Predict:** (a) A steep direction needs a small rate, a flat one a large rate. Will the rates go as $1 / \lambda_j$?
# (b) What will the single rate be near to: that of the steepest direction, of the flattest, or between?

# %% tags=["setup"]
curvatures = [4.0, 2.0, 1.0, 0.5, 0.25, 0.1]  # an example: choose your own

# %% nbgrader={"grade": false, "grade_id": "own_rates", "locked": false, "schema_version": 3, "solution": true, "task": false}
own_rates = {
    "curvatures": ...,  # list of 4 to 8 numbers from 0.05 to 5, the largest ten times the smallest or more
    "predicted": ...,  # list of numbers: the a_j by (06.17) and (6)
    "seeds": ...,  # list of int: five or more
    "own": ...,  # {"theta": [seed, d], "rates": [seed, d]}, from learn
    "one": ...,  # {"theta": [seed, d], "rates": [seed, 1]}
    "furthest": ...,  # the largest |mean learned rate / predicted rate - 1|
    "evaluation_seed": ...,  # int, none of the seeds
    "losses_own": ...,  # [seed, task], on the held-out tasks
    "losses_one": ...,
    "low": ...,  # lower end of the t interval of (loss with one rate) - (loss with own rates)
    "high": ...,  # its upper end
    "conclusion": ...,  # ch06.OWN_LOWER, ch06.ONE_LOWER or ch06.NOT_TOLD_APART
}
### BEGIN SOLUTION
points, noise, seeds, evaluation_seed = 10, 0.5, list(range(8)), 1000
steepness = torch.tensor(curvatures, dtype=torch.float64)
predicted = points / ((points + 1) * steepness + steepness.sum() + noise**2)
own, one = learn(curvatures, seeds, rate_for_each=True), learn(curvatures, seeds, rate_for_each=False)
held_out = sample_tasks(curvatures, 1000, torch.Generator().manual_seed(evaluation_seed))
losses_own, losses_one = losses(own, curvatures, held_out), losses(one, curvatures, held_out)
interval = t_interval((losses_one - losses_own).mean(1))
own_rates = {
    "curvatures": curvatures,
    "predicted": predicted.tolist(),
    "seeds": seeds,
    "own": own,
    "one": one,
    "furthest": float((own["rates"].double().mean(0) / predicted - 1).abs().max()),
    "evaluation_seed": evaluation_seed,
    "losses_own": losses_own,
    "losses_one": losses_one,
    "low": interval.low,
    "high": interval.high,
    "conclusion": ch06.OWN_LOWER if interval.low > 0 else ch06.ONE_LOWER if interval.high < 0 else ch06.NOT_TOLD_APART,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_own_rates", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
ch06.check_own_rates(own_rates)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# With all ten points known exactly and no noise the slope of direction $j$ would be $\lambda_j (\theta_j - w_j)$. With
# ten points it also holds a part of the errors of all other directions, and of the noise. Does that make the best rate
# larger or smaller?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $\mathbb{E}[g_j (\theta_j - w_j)] = \lambda_j$, and $\mathbb{E}[g_j^2] = \mathbb{E}[S S]_{jj} + \frac{0.25}{n}
# \lambda_j$: noise and inputs are independent.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# a_j = n / ((n + 1) λ_j + Σ λ + 0.25). learn twice with the same seeds; furthest = max |rates.mean over seeds / a − 1|;
# losses of both on the same tasks; t_interval((losses_one − losses_own).mean(1)); the conclusion follows from where 0
# lies.
# </details>

# %%
steepness, places = torch.as_tensor(own_rates["curvatures"]).double(), range(len(own_rates["curvatures"]))
figure, axes = plotting.figure(width=7.0, height=3.6)
for row in own_rates["own"]["rates"]:
    axes.plot(steepness, row, "o", color=plotting.BLUE, alpha=0.4)
axes.plot([], [], "o", color=plotting.BLUE, label="learned, each seed")
axes.plot(steepness, own_rates["predicted"], "x", color=plotting.RED, markersize=9, label="predicted")
axes.plot(steepness, 1 / steepness, "--", color=plotting.GREY, label="1 / λ")
axes.axhline(float(own_rates["one"]["rates"].mean()), color=plotting.ORANGE, label="one rate for all")
axes.set(xscale="log", yscale="log", xlabel="curvature λ of a direction", ylabel="rate")
axes.legend(fontsize=9)
plotting.show(
    figure,
    "Rates against curvatures, both on log scales. The learned rates lie on the predicted ones. Both lie below 1 / λ, and far below "
    "it for flat directions. The single rate is near that of the steepest direction.",
)
print(f"furthest from the prediction: {own_rates['furthest']:.1%}; one rate less own rates: "
      f"[{own_rates['low']:.3f}, {own_rates['high']:.3f}]")  # fmt: skip
means = [float(torch.as_tensor(own_rates[f"losses_{kind}"]).double().mean()) for kind in ("own", "one")]
naive = {"theta": torch.zeros(1, len(steepness)), "rates": (1 / steepness).float()[None]}
tasks = sample_tasks(own_rates["curvatures"], 1000, torch.Generator().manual_seed(own_rates["evaluation_seed"]))
print(f"mean loss: own rates {means[0]:.2f}, one rate {means[1]:.2f}, rates 1 / λ "
      f"{float(losses(naive, own_rates['curvatures'], tasks).mean()):.2f}")  # fmt: skip

# %% [markdown]
# **Expect:** with the example's curvatures a prediction that is off by some 1 %, and an interval from 0.270 to 0.271:
# losses of 1.43 and 1.70. Rates of $1/\lambda_j$ would give 2.92.
#
# **Interpret:** (a) The steepest direction has forty times the curvature of the flattest. By what factor do their rates
# differ, and why by so much less? (b) What happens to the rates with a thousand support points? (c) The interval is
# very narrow. Of what does it say nothing?
#
# <details><summary>Answer</summary>
#
# The prediction: (a) no, (b) near that of the steepest: a rate that suits a flat direction would throw the steep ones
# far off. The questions: (a) By less than six. In $a_j = n / ((n + 1) \lambda_j + \sum_k \lambda_k + 0.25)$ only the
# first term belongs to the direction itself. The others are what ten points bring into its slope from all directions
# and from the noise; where $\lambda_j$ is small, that is nearly all there is in the slope, and a step of $1 /
# \lambda_j$ would follow it. Meta-SGD learned that without being told. (b) The terms beside $(n + 1) \lambda_j$ do not
# grow with $n$, so $a_j \to 1/\lambda_j$: rates that are learned for ten points are too small for a thousand. (c) Of
# other curvatures, of directions that are correlated, of networks, whose curvature changes on the way; and of tasks
# drawn anew, for all seeds were measured on the same ones.
# </details>
