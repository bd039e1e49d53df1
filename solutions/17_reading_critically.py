# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 17: Reading critically
#
# Five exercises: twenty-seven diagnoses, a meta-gradient with three silent bugs, two repairs of lines as they stand in living
# code, a bug that the chapter does not name, and a test that is itself tested. Fill in the cells marked `# YOUR CODE HERE`; the
# check under each answers at once, as often as you like. A function leaves its arguments as they are, and draws nothing at
# random. Notation is that of [chapter 17](../chapters/17_reading_critically.ipynb).

# %% tags=["setup"]
import torch

from metarl_core.check import ch17
from metarl_core.randomness import seeded
from metarl_core.session import begin

begin()

# %% [markdown]
# ## Exercise 1: Twenty-seven diagnoses
#
# **Objective:** say of each case what is wrong with it, and of which kind the fault is, before you read the experiment that
# decides it.
#
# **Kind:** apply · **Difficulty:** ★★☆ · **Time:** 45 min · **Run time:** 1 s
#
# The cell below shows all cases. Decide by reading alone, or by running three lines of your own; the experiments stand in the
# [chapter](../chapters/17_reading_critically.ipynb) and its appendices. A dot may stay where you are not sure: the check takes
# the cases in order, and says of the first wrong one what is to be thought about.
#
# **Predict:** in how many of the twenty-seven will the program stop by itself?

# %%
for case in ch17.CASES:
    ch17.show_case(case.number)

# %% nbgrader={"grade": false, "grade_id": "diagnoses", "locked": false, "schema_version": 3, "solution": true, "task": false}
diagnoses = {number: ... for number in range(1, 28)}  # of each case "A", "B" or "C"
### BEGIN SOLUTION
diagnoses = dict(enumerate("ACBCAAACACBBABACCCCAACBACAB", 1))
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_diagnoses", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch17.check_diagnoses(diagnoses)

# %% nbgrader={"grade": false, "grade_id": "kinds", "locked": false, "schema_version": 3, "solution": true, "task": false}
R, N, W, S = "does not run", "runs and learns nothing", "learns the wrong thing", "says what does not follow"
kinds = {number: ... for number in range(1, 28)}  # of each case R, N, W or S
### BEGIN SOLUTION
by_kind = {R: (4, 8, 13, 14), N: (3, 9, 16, 21, 24), S: (1, 2, 6, 7, 11, 18, 19, 27)}
kinds = dict.fromkeys(range(1, 28), W) | {number: kind for kind, numbers in by_kind.items() for number in numbers}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_kinds", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch17.check_kinds(kinds)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Ask in this order: does a line stop? If not, does any parameter, or anything that a new task sees, change? If it does, is the
# quantity that changes it the one that is meant? Where all three are in order, or where there is no code, read the sentence.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Write down the derivative that is meant, and the one that the lines compute; or two tasks, two steps, two actions, and the
# numbers that come out.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each case: run its lines on the smallest input that you can think of; change one argument and see whether anything
# changes; compare with a case in which the answer is known.
# </details>

# %%
for kind in (R, N, W, S):
    print(f"{kind:26} {sum(value == kind for value in kinds.values()):2} cases")


# %% [markdown]
# **Expect:** 4, 5, 10 and 8 cases.
#
# **Interpret:** (a) Which kind is found soonest, and which one latest? (b) For which kind would a look at the training curve
# have been enough?
#
# <details><summary>Answer</summary>
#
# The prediction: in four. (a) What stops is found at once. What learns the wrong thing is found last, since a curve rises, and
# numbers come out that nobody has others to compare with. (b) For what learns nothing, if the curve of a method that cannot
# learn stands beside it; else a flat curve looks like a hard problem.
# </details>

# %% [markdown]
# ## Exercise 2: Three silent bugs in twelve lines
#
# **Objective:** repair a meta-gradient that runs, and lowers a loss.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# The model is linear, $f(x) = x^\top w$. A task has a support set and a query set, and mean squared errors
# $L_s$ and $L_q$ on them. What is wanted is the meta-gradient of one inner step, the mean over tasks of
#
# $$\nabla_w\, L_q\bigl(w - \alpha \nabla L_s(w)\bigr). \tag{1}$$
#
# **Predict:** two tasks are handed over in the other order. What should change in (1), and what will the colleague's result do?

# %% tags=["setup"]
def colleagues_gradient(weights, tasks, inner_lr):
    net = torch.nn.Linear(len(weights), 1, bias=False, dtype=torch.float64)
    net.load_state_dict({"weight": weights[None]})

    def loss(data):
        inputs, targets = data
        return (net(inputs)[:, 0] - targets).square().mean()

    total = 0.0
    for support, query in tasks:
        assert support[0].shape[1] == query[0].shape[1]
        (slope,) = torch.autograd.grad(loss(support), net.weight, create_graph=True)
        net.load_state_dict({"weight": net.weight - inner_lr * slope})
        total = total + loss(support)
    (total / len(tasks)).backward()
    return net.weight.grad[0]


def line_tasks(number, seed):
    """Lines through a common point, with five support and five query samples each."""
    generator, found = seeded(seed), []
    for _ in range(number):
        line = torch.tensor([1.0, 0.0]).double() + torch.randn(2, generator=generator).double()
        data = []
        for _ in range(2):
            inputs = torch.randn(5, 2, generator=generator).double()
            data.append((inputs, inputs @ line))
        found.append(tuple(data))
    return found


# %%
weights, tasks = torch.zeros(2).double(), line_tasks(2, 1)
print("the colleague's:         ", colleagues_gradient(weights, tasks, 0.2).tolist())
print("tasks in the other order:", colleagues_gradient(weights, tasks[::-1], 0.2).tolist())


# %% nbgrader={"grade": false, "grade_id": "meta_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def meta_gradient(weights, tasks, inner_lr):
    """Equation (1).

    weights: w, float64 [input]; tasks: a list of ((inputs, targets), (inputs, targets)), support and query of each task, float64
    [sample, input] and [sample]; inner_lr: α. Returns float64 [input], without a graph.
    """
    ### BEGIN SOLUTION
    theta = weights.detach().clone().requires_grad_()

    def error(at, data):
        inputs, targets = data
        return (inputs @ at - targets).square().mean()

    total = 0.0
    for support, query in tasks:
        (slope,) = torch.autograd.grad(error(theta, support), theta, create_graph=True)
        total = total + error(theta - inner_lr * slope, query)  # new weights, from the same theta, on other data
    return torch.autograd.grad(total / len(tasks), theta)[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_meta_gradient", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch17.check_meta_gradient(meta_gradient)
### BEGIN HIDDEN TESTS
hidden_one = torch.ones(1, 1).double()
hidden_task = ((hidden_one, torch.tensor([1.0]).double()), (2 * hidden_one, torch.tensor([0.0]).double()))
hidden_found = meta_gradient(torch.zeros(1).double(), [hidden_task], 0.25)
assert abs(float(hidden_found) - 2.0) < 1e-9  # w' = 1/2, slope there 8 · 1/2, times 1 - 0.25 · 2
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Follow the derivative backwards from `total`: through which line does it have to pass to reach the weights that the inner step
# started from? And what does the second task start from?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Adapted weights are a *new* tensor, $w' = w - \alpha\, g(w)$, with the graph of $g$; the module is called with them by
# `torch.func.functional_call`, or the line is written out: `inputs @ adapted`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# theta = a copy of weights that requires grad; for each task: slope = gradient of the support loss at theta, with its graph;
# adapted = theta − α slope; total += query loss at adapted. Return the gradient of the mean total by theta.
# </details>

# %%
print("repaired:                ", meta_gradient(weights, tasks, 0.2).tolist())
print("tasks in the other order:", meta_gradient(weights, tasks[::-1], 0.2).tolist())
w, w_colleague, held_out = weights, weights, line_tasks(200, 2)


def after_a_step(at):
    """Mean query loss after one step."""
    losses = []
    for (x, y), (far, target) in held_out:
        adapted = at - 0.2 * 2 * x.T @ (x @ at - y) / len(y)
        losses.append((far @ adapted - target).square().mean())
    return float(torch.stack(losses).mean())


for number in range(60):
    batch = line_tasks(4, 10 + number)
    w = w - 0.2 * meta_gradient(w, batch, 0.2)
    w_colleague = w_colleague - 0.2 * colleagues_gradient(w_colleague, batch, 0.2)
print(f"query loss after a step, on held-out tasks: at first {after_a_step(weights):.2f}")
print(f"after 60 meta-steps, repaired {after_a_step(w):.2f}, the colleague's {after_a_step(w_colleague):.2f}")


# %% [markdown]
# **Expect:** the repaired gradient does not depend on the order of tasks, up to rounding. Both trainings lower the loss on
# held-out tasks, from 1.54 to 0.99 and, the colleague's, to 0.95; one training of each does not tell which is better.
#
# **Interpret:** (a) Why does the colleague's training get anywhere? (b) Name one line of test for each of the three bugs.
#
# <details><summary>Answer</summary>
#
# The prediction: nothing changes in a mean. (a) Each of its gradients points roughly to where tasks lie, and that is most of what
# is to be learned here. A loss that falls says that *something* useful is computed. (b) The graph: finite differences of the mean
# query loss after a step. The leak: two tasks in both orders. The outer data: change the query targets of a task, and see whether
# the result moves.
# </details>

# %% [markdown]
# ## Exercise 3: Two repairs from living code
#
# **Objective:** repair the end of an episode and the belief of an oracle, as they stand in public code in 2026.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# (a) A temporal-difference target is $y_t = r_t + \gamma\, \mathbb{1}[\text{the world goes on}]\, V(o_{t+1})$. (b) A goal lies in
# one of several cells, with belief $b$. The agent visits a cell and sees whether the goal is there. Bayes' rule says
#
# $$b'(g) \propto b(g) \cdot \begin{cases} \mathbb{1}[g = \text{cell}] & \text{if it was found} \\ \mathbb{1}[g \neq \text{cell}] &
# \text{if not.} \end{cases} \tag{2}$$
#
# **Predict:** the belief of the colleague after the goal is found, and after a second visit to the same cell?

# %% tags=["setup"]
def colleagues_targets(rewards, terminated, truncated, next_values, discount):
    done = terminated | truncated
    return rewards + discount * (1 - done.double()) * next_values


def colleagues_belief(belief, cell, found):
    belief = belief.clone()
    if found:
        belief = belief / 2
        belief[cell] += 0.5
    else:
        belief[cell] = 0
        belief = belief.ceil()
        belief = belief / belief.sum()
    return belief


# %%
unsure = torch.tensor([0.5, 0.3, 0.2]).double()
print("found in cell 1:", colleagues_belief(unsure, 1, True).tolist())
print("not in cell 2:  ", colleagues_belief(unsure, 2, False).tolist())


# %% nbgrader={"grade": false, "grade_id": "td_targets", "locked": false, "schema_version": 3, "solution": true, "task": false}
def td_targets(rewards, terminated, truncated, next_values, discount):
    """y of each step, float64 [step].

    rewards, next_values: float64 [step]; terminated: the world has ended, bool [step]; truncated: the clock has run out, bool
    [step], perhaps at once with it; discount: γ from 0 to 1.
    """
    ### BEGIN SOLUTION
    return torch.where(terminated, rewards, rewards + discount * next_values)  # only the end of the world counts
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_td_targets", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ch17.check_td_targets(td_targets)


# %% nbgrader={"grade": false, "grade_id": "next_belief", "locked": false, "schema_version": 3, "solution": true, "task": false}
def next_belief(belief, cell, found):
    """Equation (2).

    belief: b, float64 [cell], sums to 1, and not uniform in general; cell: the one that was visited, int; found: bool. What was
    seen is possible under b. Returns float64 [cell].
    """
    ### BEGIN SOLUTION
    here = torch.arange(len(belief)) == cell
    left = belief * (here if found else ~here)
    return left / left.sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_next_belief", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch17.check_next_belief(next_belief)
### BEGIN HIDDEN TESTS
hidden_belief = torch.tensor([0.1, 0.6, 0.3]).double()
assert next_belief(hidden_belief, 1, True).tolist() == [0.0, 1.0, 0.0]
assert abs(next_belief(hidden_belief, 1, False) - torch.tensor([0.25, 0.0, 0.75]).double()).max() < 1e-6
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# (a) What is an observation worth in which nobody is hurt, and the clock alone has run out? (b) Which goals explain what was seen,
# and how likely were they before?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# (a) $1 - \text{terminated}$, whatever the other flag says. (b) The product of belief and likelihood, divided by its sum.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# (a) rewards + γ · (not terminated) · next values. (b) likelihood = 1 at the cell and 0 elsewhere where the goal was found, else
# the other way round; belief · likelihood, divided by its sum.
# </details>

# %%
print("found in cell 1:", next_belief(unsure, 1, True).tolist())
print("not in cell 2:  ", [round(float(b), 3) for b in next_belief(unsure, 2, False)])
never, always = torch.zeros(10).bool(), torch.ones(10).bool()
clock = torch.arange(10) == 9
for name, rule in (("colleague's", colleagues_targets), ("repaired", td_targets)):
    value = torch.zeros(10).double()
    for _ in range(500):  # one state, seen at ten moments
        value = rule(torch.ones(10).double(), never, clock, value, 0.9).mean().expand(10)
    print(f"value of a state with a reward of 1 for ever, γ = 0.9, {name}: {float(value[0]):.2f}")


# %% [markdown]
# **Expect:** certainty in cell 1; 0.625 and 0.375 after a visit to cell 2 that finds nothing; 5.26 and 10.00.
#
# **Interpret:** (a) Which of the two bugs of the belief does a uniform start hide? (b) When is it right to treat the end of the
# clock as the end of the world?
#
# <details><summary>Answer</summary>
#
# The prediction: half of the belief stays where it was; a second visit halves that again, though nothing new was seen. (a) The
# second: `ceil` makes all cells that are left equally likely, which is right as long as they were. (b) Where the task itself ends
# then, and the remaining time is part of what the value sees.
# </details>

# %% [markdown]
# ## Exercise 4: Elites by their rank
#
# **Objective:** find a silent bug that the chapter does not name.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# A planner fits its next Gaussian to the elites, the $E$ best candidates of each environment. The colleague has read the chapter:
# elites are chosen for each environment on its own, shapes are right, and in each environment exactly $E$ candidates are picked.
# What is wanted is
#
# $$\mu_e = \frac1E \sum_{c \in \text{the } E \text{ best of environment } e} a^{(e, c)}. \tag{3}$$
#
# **Predict:** candidates 0, 1, 2 score 5, 9 and 7. Which one does the colleague pick for $E = 1$?

# %% tags=["setup"]
def colleagues_mean(plans, scores, elites):
    chosen = (-scores).argsort(1) < elites  # [environment, candidate], the best first
    weights = chosen.double()[..., None, None]
    return (weights * plans).sum(1) / elites


def pull(plans, goal):
    """How near the sum of pushes comes to a goal, for each environment."""
    return -(plans[..., 0].sum(-1) - goal[:, None]).square()


# %%
three = torch.tensor([5.0, 9.0, 7.0]).double()
print("argsort of 5, 9, 7, the best first:", (-three).argsort().tolist())


# %% nbgrader={"grade": false, "grade_id": "elite_mean", "locked": false, "schema_version": 3, "solution": true, "task": false}
def elite_mean(plans, scores, elites):
    """Equation (3).

    plans: a, float64 [environment, candidate, time, action]; scores: float64 [environment, candidate], all different; elites: E,
    from 1 to the number of candidates. Returns float64 [environment, time, action].
    """
    ### BEGIN SOLUTION
    best = scores.topk(elites, 1).indices  # [environment, elite]: numbers of candidates
    return torch.take_along_dim(plans, best[..., None, None], 1).mean(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_elite_mean", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch17.check_elite_mean(elite_mean)
### BEGIN HIDDEN TESTS
hidden_plans = torch.tensor([1.0, 10.0, 100.0, 1000.0]).double()[None, :, None, None]
hidden_scores = torch.tensor([[2.0, 4.0, 1.0, 3.0]]).double()
assert abs(float(elite_mean(hidden_plans, hidden_scores, 2)) - 505.0) < 1e-9
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# What do the *entries* of `argsort` count, and what do their *places*? Write both down for three scores.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# `argsort` answers "which candidate has rank r?". What the mask asks is "which rank has candidate c?", its inverse permutation.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# best = indices of topk of the scores along candidates; take the plans at these indices; their mean along the elites.
# </details>

# %%
generator, goal = seeded(3), torch.tensor([3.0, -3.0]).double()
for name, rule in (("colleague's", colleagues_mean), ("repaired", elite_mean)):
    mean, nearest = torch.zeros(2, 8, 1).double(), []
    for _ in range(6):
        plans = mean[:, None] + 0.5 * torch.randn(2, 60, 8, 1, generator=generator).double()
        mean = rule(plans, pull(plans, goal), 8)
        nearest.append(round(float(pull(mean[:, None], goal).mean()), 2))
    print(f"{name:12} score of the mean plan, round by round: {nearest}")


# %% [markdown]
# **Expect:** the colleague's search stays where it began, near −9; the repaired one comes close to 0 within six rounds.
#
# **Interpret:** (a) Why does no shape and no count betray it? (b) With which test of two lines would it have been noticed?
#
# <details><summary>Answer</summary>
#
# The prediction: candidate 2, for `argsort` gives 1, 2, 0, and 0 stands at place 2. The best is candidate 1. (a) `argsort` is a
# permutation, so exactly $E$ of its entries lie below $E$. (b) Let one candidate be the best by far, and ask for one elite. The
# line stands so in a released planner of model-based meta-RL (`learning_to_adapt`, `mpc_controller.py`, as read in November
# 2026), one line above the mean over all environments that is case 26.
# </details>

# %% [markdown]
# ## Exercise 5: The test that would have caught it
#
# **Objective:** write a test that tells right inner loops from broken ones.
#
# **Kind:** design · **Difficulty:** ★★★ · **Time:** 35 min · **Run time:** 1 s
#
# Somebody hands you an inner loop,
#
# ```python
# adapted(loss, theta, inner_lr, steps)
# ```
#
# It should take `steps` gradient steps of size `inner_lr` on `loss`, a function from a tensor to a number, from `theta`, a
# float64 tensor `[n]` that requires grad,
#
# $$\theta_0 = \theta, \qquad \theta_{k+1} = \theta_k - \alpha \nabla L(\theta_k), \tag{4}$$
#
# and return $\theta_K$ so that derivatives of it by $\theta$ are exact. It should leave `theta` as it is, and remember nothing.
# Write `trusted(adapted)`, which says True or False. Your test is tried on sixteen implementations: four are right, twelve
# are broken, each in another way. You choose the loss.
#
# **Predict:** which losses would let a broken one pass? Think of a linear one, and of one whose curvature is the same everywhere.

# %% nbgrader={"grade": false, "grade_id": "trusted", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trusted(adapted):
    """Whether an inner loop does what (4) says, in values, in derivatives and in what it leaves behind: True or False."""
    ### BEGIN SOLUTION
    for inner_lr, steps in ((0.2, 3), (0.4, 1), (0.2, 3)):  # the first once more: nothing may be remembered
        theta = torch.tensor([0.5, -1.0]).double().requires_grad_()
        found = adapted(lambda at: at.pow(4).sum() / 4, theta, inner_lr, steps)
        value, slope = torch.tensor([0.5, -1.0]).double(), torch.ones(2).double()
        if not torch.equal(theta, value):
            return False
        for _ in range(steps):  # by hand: the slope of the loss is θ³
            value, slope = value - inner_lr * value**3, slope * (1 - 3 * inner_lr * value**2)
        if not torch.allclose(found, value) or not found.requires_grad:
            return False
        (derivative,) = torch.autograd.grad(found.sum(), theta, allow_unused=True)
        if derivative is None or not torch.allclose(derivative, slope):
            return False
    return True
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_trusted", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch17.check_trusted(trusted)


# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# A loss whose gradient and Hessian you know by hand gives the value *and* its derivative. What has to differ between two calls, so
# that an argument which is not used shows?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# For $L(\theta) = \tfrac14 \sum \theta^4$: $\theta_{k+1} = \theta_k - \alpha\, \theta_k^3$, and
# $\partial \theta_{k+1} / \partial \theta_k = 1 - 3 \alpha\, \theta_k^2$, number by number. `torch.autograd.grad(...,
# allow_unused=True)` gives None where no way leads back.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For several (α, K), one of them twice: a new theta; call; is theta still what it was? is the value the one by hand? has it a
# graph? is the derivative of its sum by theta the product by hand? False at the first no, True at the end.
# </details>

# %%
def forgets_the_graph(loss, theta, inner_lr, steps):
    for _ in range(steps):
        theta = (theta - inner_lr * torch.func.grad(loss)(theta)).detach().requires_grad_()
    return theta


def as_it_should_be(loss, theta, inner_lr, steps):
    for _ in range(steps):
        theta = theta - inner_lr * torch.func.grad(loss)(theta)
    return theta


print("forgets the graph:", trusted(forgets_the_graph), "   as it should be:", trusted(as_it_should_be))

# %% [markdown]
# **Expect:** `False` and `True`, and a passed check.
#
# **Interpret:** (a) Which of the twelve broken ones would a test on a quadratic loss have let through, if any? (b) Your test knows the
# answer by hand. What would you do for a loss of which you do not?
#
# <details><summary>Answer</summary>
#
# The prediction: with a linear loss the slope is the same everywhere and the Hessian is zero, so that first-order derivatives are
# right, and steps along the start's slope, too. (a) A quadratic one finds them all, if its slope is far from ±1 and several steps
# are tried; with a single step the loop that repeats the start's slope is right. (b) Finite differences in float64: the value as a
# function of θ, shifted by $10^{-5}$ to either side, which needs nothing but the implementation itself; or two implementations
# that share no code.
# </details>
