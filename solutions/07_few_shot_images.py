# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 07: Few-shot image classification
#
# Four exercises: drawing an episode without a leak, two linear heads in closed form, an evaluation with three silent
# bugs, and what an interval is an interval of. Fill in the cells marked `# YOUR CODE HERE`; the check under each
# answers at once, as often as you like. A function leaves its arguments as they are, and draws nothing at random unless
# it is handed a generator. Notation is that of [chapter 07](../chapters/07_few_shot_images.ipynb).

# %% tags=["setup"]
import torch
from torch.nn import functional as F

from metarl_core import plotting
from metarl_core.check import ch07
from metarl_core.session import begin

begin()


# %% [markdown]
# ## Exercise 1: Draw an episode
#
# **Objective:** draw an $N$-way $K$-shot task with its support and query images, without any of the usual leaks.
#
# **Kind:** implement · **Difficulty:** ★☆☆ · **Time:** 20 min · **Run time:** 2 s
#
# A data set has $C$ classes with $M$ images each. Class $c$ belongs to the script `scripts[c]`. An episode is
#
# $$\text{classes } c_0, \dots, c_{N-1}, \qquad \text{for each } k \text{ images } s_{k1}, \dots, s_{kK} \text{ (support) and }
# q_{k1}, \dots, q_{kQ} \text{ (query) of } c_k. \tag{1}$$
#
# The place $k$ is the *label* that class $c_k$ has in this episode. Wanted: classes are drawn from the allowed scripts
# only, each allowed letter with the same probability, no letter twice; *which letter gets which label is random*; the
# images are drawn for each class separately, each with the same probability; no image comes twice, in one set or in both.
# All randomness comes from `generator`, and nothing is kept from one episode to the next.
#
# **Predict:** what would the training accuracy be, and what the accuracy on new scripts, if class $c$ had the label
# $c \bmod N$ in every episode (and no episode held two classes of the same label)?

# %% nbgrader={"grade": false, "grade_id": "draw_episode", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_episode(scripts, allowed, images, ways, shots, queries, generator):
    """One episode (1), as indices.

    scripts: list of str, the script of each class; allowed: the scripts that may be used; images: M, images of each
    class; ways, shots, queries: N, K, Q; generator: torch.Generator. Returns int64 tensors: classes [N], image numbers
    of the support set [N, K] and of the query set [N, Q].
    """
    ### BEGIN SOLUTION
    usable = torch.tensor([number for number, script in enumerate(scripts) if script in allowed])
    classes = usable[torch.randperm(len(usable), generator=generator)[:ways]]
    drawn = torch.stack([torch.randperm(images, generator=generator)[: shots + queries] for _ in range(ways)])
    return classes, drawn[:, :shots], drawn[:, shots:]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_draw_episode", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch07.check_draw_episode(draw_episode)
### BEGIN HIDDEN TESTS
hidden = draw_episode(["A", "B", "A", "A"], ["A"], 4, 3, 2, 2, torch.Generator().manual_seed(0))
assert sorted(hidden[0].tolist()) == [0, 2, 3]
assert sorted(torch.cat(hidden[1:], 1)[0].tolist()) == [0, 1, 2, 3]
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The first few entries of a random permutation are a draw without replacement, and in random order at that.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Make the list of class numbers whose script is allowed; a permutation of *that list* gives the classes. For each
# class a permutation of $0, \dots, M - 1$: its first $K$ entries are support, the next $Q$ are query.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# usable = numbers of the classes with an allowed script; classes = usable[randperm(number of usable)[:N]];
# drawn = for each of the N classes randperm(M)[:K + Q], stacked; return classes, drawn[:, :K], drawn[:, K:].
# </details>

# %%
scripts = ["LATIN"] * 4 + ["HEBREW"] * 4 + ["GREEK"] * 4
generator = torch.Generator().manual_seed(1)
for _ in range(3):
    classes, support, query = draw_episode(scripts, ["LATIN", "GREEK"], 20, 5, 1, 3, generator)
    print("classes", classes.tolist(), " support", support.flatten().tolist(), " first query images", query[0].tolist())


# %% [markdown]
# **Expect:** three episodes; no class between 4 and 7; classes in no order; no support image among the queries.
#
# **Interpret:** the episodes of a split by *letter* would have passed every test of this function but one. Why is
# that one worth the most?
#
# <details><summary>Answer</summary>
#
# All other mistakes spoil the training or the measurement in a way that shows sooner or later: accuracies that do not
# rise, or that are too good to be true on support images. A leak between training and test scripts makes *every*
# number better and none of them suspicious. é and è are two classes; a network that has learned to tell é from è has
# learned something about them that no new script would have taught it.
# </details>

# %% [markdown]
# ## Exercise 2: Two heads in closed form
#
# **Objective:** derive the linear head that prototypes are, and the one that a single gradient step makes.
#
# **Kind:** derive · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# Given are features $f_i \in \mathbb{R}^d$ of the support images, $i = 1, \dots, n$, with labels $y_i$ between 0 and
# $N - 1$; class $k$ has $n_k \geq 1$ of them, *not always the same number*, and they are in no order. A linear head has
# logits $w_k^\top f + b_k$.
#
# 1. With the class means $c_k$, find $w_k$ and $b_k$ such that for every feature vector $f$
#
# $$\mathrm{softmax}_k\, (w_k^\top f + b_k) = \mathrm{softmax}_k \left( -\lVert f - c_k \rVert^2 \right). \tag{2}$$
#
# 2. Start from the head $w = 0$, $b = 0$ and take *one* gradient step with step size $\alpha$ on the mean
# cross-entropy of the support set. Find $w_k$ and $b_k$ after it, without automatic differentiation.
#
# **Predict:** which of the two heads knows how *long* $c_k$ is?

# %% nbgrader={"grade": false, "grade_id": "prototype_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prototype_head(features, labels, ways):
    """The head (2).

    features: float64 [n, d]; labels: int64 [n]; ways: N. Returns weight float64 [N, d] and bias float64 [N].
    """
    ### BEGIN SOLUTION
    member = F.one_hot(labels, ways).to(features.dtype)
    means = member.T @ features / member.sum(0)[:, None]
    return 2 * means, -means.square().sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "head_after_one_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_after_one_step(features, labels, ways, alpha):
    """The head after one gradient step from zero, by a formula.

    features: float64 [n, d]; labels: int64 [n]; ways: N; alpha: step size. Returns weight float64 [N, d] and bias
    float64 [N].
    """
    ### BEGIN SOLUTION
    push = F.one_hot(labels, ways).to(features.dtype) - 1 / ways
    return alpha * push.T @ features / len(labels), alpha * push.mean(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_prototype_head", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch07.check_prototype_head(prototype_head)

# %% nbgrader={"grade": true, "grade_id": "check_head_after_one_step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch07.check_head_after_one_step(head_after_one_step)
### BEGIN HIDDEN TESTS
points = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
hidden_weight, hidden_bias = head_after_one_step(points, torch.tensor([0, 1]), 2, 4.0)
assert torch.allclose(hidden_weight, torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64))
assert torch.allclose(hidden_bias, torch.zeros(2, dtype=torch.float64))
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Part 1: multiply the square out and look for a term that is the same for all classes. Part 2: with a zero head the
# network predicts $1/N$ for every class; the gradient of cross-entropy with respect to the logits is
# (predicted − wanted).
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# $-\lVert f - c_k \rVert^2 = 2 c_k^\top f - \lVert c_k \rVert^2 - \lVert f \rVert^2$. And
# $\partial L / \partial w_k = \frac1n \sum_i (\frac1N - [y_i = k])\, f_i$, $\partial L / \partial b_k = \frac1n \sum_i (\frac1N - [y_i = k])$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# member = one-hot labels [n, N]. Part 1: means = member.T @ features, each row divided by its count; weight = 2 means,
# bias = minus the squared length of each row. Part 2: push = member − 1/N; weight = α push.T @ features / n;
# bias = α times the mean of push over samples.
# </details>

# %%
generator = torch.Generator().manual_seed(4)
centres = torch.tensor([[1.0, 0.3], [3.0, 0.4], [5.5, 0.2]], dtype=torch.float64)
labels = torch.arange(3).repeat_interleave(6)
features = centres[labels] + 0.35 * torch.randn(18, 2, generator=generator, dtype=torch.float64)
grid = torch.stack(torch.meshgrid(torch.linspace(-1, 8, 181), torch.linspace(-3, 3, 121), indexing="xy"), -1).double()
figure, axes = plotting.figure(1, 2, width=9.6, height=3.4, sharey=True)
heads = {
    "prototypes": prototype_head(features, labels, 3),
    "one gradient step from zero": head_after_one_step(features, labels, 3, 1.0),
}
for panel, (name, (weight, bias)) in zip(axes, heads.items(), strict=True):
    decided = (grid @ weight.T + bias).argmax(-1)
    colors = [plotting.BLUE, plotting.ORANGE, plotting.GREEN]
    panel.contourf(grid[..., 0], grid[..., 1], decided, levels=[-0.5, 0.5, 1.5, 2.5], colors=colors, alpha=0.25)
    for label, color in enumerate(colors):
        panel.plot(*features[labels == label].T, "o", color=color, markersize=5)
    panel.set(title=name, xlabel="first feature")
axes[0].set_ylabel("second feature")
plotting.show(
    figure,
    "Three classes in a row in the plane of two features, and what two heads decide where. Prototypes cut between "
    "neighbouring classes. After one gradient step from zero every sample falls to the class with the longest mean.",
)


# %% [markdown]
# **Expect:** left, two borders half-way between neighbouring means; right, all samples fall to one class.
#
# **Interpret:** why can one gradient step from zero not tell these three classes apart, however large $\alpha$ is?
# What would repair it?
#
# <details><summary>Answer</summary>
#
# With equal counts the step gives $w_k \propto c_k - \bar c$ and $b_k = 0$. Then $w_k^\top f$ grows in proportion to
# $f$, so the decision depends on the *direction* of $f$ and never on its length, and the three classes lie in one
# direction. $\alpha$ scales all logits alike and changes no decision. What is missing is the bias
# $-\lVert c_k \rVert^2$. More steps repair it (the loss is convex in the head), and so does an embedding whose
# features differ in direction: a meta-learner can shape it so that one step is enough.
# </details>

# %% [markdown]
# ## Exercise 3: An evaluation that is too good
#
# **Objective:** find three silent bugs in an evaluation, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★★ · **Time:** 25 min · **Run time:** 1 s
#
# A colleague reports a high accuracy for prototypes on standardised features. Wanted is, for each task on its own:
# standardise every feature with mean $\mu$ and variance $\sigma^2$ *of the support set* (divided by $n$, as batch
# normalisation does),
#
# $$\hat f = \frac{f - \mu}{\sqrt{\sigma^2 + 10^{-5}}}, \qquad
# \log p(y = k \mid f) = \log \mathrm{softmax}_k \left( -\lVert \hat f - c_k \rVert^2 \right), \tag{3}$$
#
# with $c_k$ the mean of $\hat f$ over the *support* samples of class $k$. The code below runs and gives plausible
# probabilities. Read it before you run it.
#
# **Predict:** the features here are pure noise, so the right accuracy is that of guessing, 0.2. What will this code
# report?

# %% tags=["setup"]
def colleagues_prediction(tasks):
    mean, variance = 0.0, 1.0  # kept up to date, as BatchNorm does
    found = []
    for support, labels, query, query_labels in tasks:
        everything = torch.cat([support, query])
        mean = 0.9 * mean + 0.1 * everything.mean(0)
        variance = 0.9 * variance + 0.1 * everything.var(0, correction=0)
        scaled = (everything - mean) / (variance + 1e-5).sqrt()
        all_labels = torch.cat([labels, query_labels])  # more samples make better means
        ways = int(labels.max()) + 1
        centres = torch.stack([scaled[all_labels == label].mean(0) for label in range(ways)])
        distance = (scaled[len(support) :, None] - centres).square().sum(2)
        found.append((-distance).log_softmax(1))
    return torch.stack(found)


def tasks_of_noise(number, ways=5, shots=1, queries=3, size=8, seed=5):
    """Tasks in which nothing can be learned: features and labels have nothing to do with each other."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    labels, query_labels = torch.arange(ways).repeat(shots), torch.arange(ways).repeat(queries)
    return [(draw(ways * shots, size), labels, draw(ways * queries, size), query_labels) for _ in range(number)]


def report(predict, tasks):
    """Accuracy over all queries of all tasks."""
    return float((predict(tasks).argmax(2) == torch.stack([task[3] for task in tasks])).double().mean())


# %%
noise = tasks_of_noise(1000)
print(f"accuracy on noise: {report(colleagues_prediction, noise):.2f}")
first = colleagues_prediction(noise[:2])[1]
swapped = colleagues_prediction(noise[1::-1])[0]
print(
    f"the same task as second and as first: probabilities differ by {float((first.exp() - swapped.exp()).abs().max()):.2f}"
)


# %% nbgrader={"grade": false, "grade_id": "predict_all", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predict_all(tasks):
    """Equation (3) for each task, repaired.

    tasks: list of (support [n, d], labels [n], query [m, d], query_labels [m]), float64 and int64, n and m the same for
    all tasks. Returns log-probabilities float64 [task, m, N].
    """
    mean, variance = 0.0, 1.0
    found = []
    for support, labels, query, query_labels in tasks:
        everything = torch.cat([support, query])
        mean = 0.9 * mean + 0.1 * everything.mean(0)
        variance = 0.9 * variance + 0.1 * everything.var(0, correction=0)
        scaled = (everything - mean) / (variance + 1e-5).sqrt()
        all_labels = torch.cat([labels, query_labels])
        ways = int(labels.max()) + 1
        centres = torch.stack([scaled[all_labels == label].mean(0) for label in range(ways)])
        distance = (scaled[len(support) :, None] - centres).square().sum(2)
        found.append((-distance).log_softmax(1))
    ### BEGIN SOLUTION
    found = []
    for support, labels, query, _ in tasks:
        mean, deviation = support.mean(0), (support.var(0, correction=0) + 1e-5).sqrt()
        near, far = (support - mean) / deviation, (query - mean) / deviation
        centres = torch.stack([near[labels == label].mean(0) for label in range(int(labels.max()) + 1)])
        found.append((-(far[:, None] - centres).square().sum(2)).log_softmax(1))
    ### END SOLUTION
    return torch.stack(found)


# %% nbgrader={"grade": true, "grade_id": "check_predict_all", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch07.check_predict_all(predict_all)
### BEGIN HIDDEN TESTS
hidden_tasks = tasks_of_noise(3, seed=8)
assert torch.equal(predict_all(hidden_tasks)[1], predict_all(hidden_tasks[1:2])[0])
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Three experiments on the code find one bug each: change the order of the tasks, leave one query out, exchange two
# query labels. None of the three may change the predictions for the other queries.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# In (3) $\mu$, $\sigma^2$ and $c_k$ are functions of *one* task's *support* set and of its labels. `query_labels`
# occurs in no formula.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: mean and variance (divided by n) of the support features; standardise support and query with them;
# centres from the standardised support; log-softmax of minus the squared distances from queries to centres.
# </details>

# %%
print(f"accuracy on noise: {report(predict_all, noise):.2f}")


# %% [markdown]
# **Expect:** 0.20, give or take one hundredth.
#
# **Interpret:** how did you notice? Which of the three bugs would also have shown on a good data set, by an accuracy
# that nobody believes?
#
# <details><summary>Answer</summary>
#
# Noise is the data set on which the right answer is known. Prototypes that have seen the query labels give it away
# at once: with 3 queries and 1 support image for each class, three quarters of each mean are query images. The other
# two bugs do not lift noise above chance, so this test does not see them; reordering tasks and leaving out a query
# does. On a good data set a transductive accuracy a few points too high looks like a better method. Run all three
# experiments on every evaluation that you write; they take a minute.
# </details>

# %% [markdown]
# ## Exercise 4: An interval of what?
#
# **Objective:** compute two standard errors that answer two questions, and plan a comparison.
#
# **Kind:** design · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# One method was trained $S$ times with different seeds, and each of the $S$ networks answered the same $Q$ queries
# on each of the same $T$ test tasks. Let $\bar x_{st}$ be the share of right answers of network $s$ on task $t$. Two
# different claims need two different standard errors of a mean, the deviation of independent units over the root of
# their number:
#
# $$\text{“network } s \text{ reads new tasks with accuracy } \textstyle\frac1T \sum_t \bar x_{st}\text{”}, \qquad
# \text{“the method gives networks of accuracy } \textstyle\frac{1}{ST} \sum_{s,t} \bar x_{st} \text{ on these tasks”}. \tag{4}$$
#
# 1. Write `standard_errors`. Decide first, for each claim, what the independent units are.
# 2. Then plan the comparison of two methods for this purpose: *a library wants to read a script that nobody has
#    digitised; a librarian labels one sign of each kind, and photographs of single signs then arrive one at a time.*
#
# | field | choices |
# |---|---|
# | `split` | `"by letter"`, `"by script"` |
# | `labels_in_training` | `"one for each letter"`, `"drawn anew for each task"` |
# | `statistics_at_test` | `"running averages"`, `"of all queries together"`, `"of the support images"` |
# | `test_tasks` | `"the same for all methods"`, `"drawn anew for each method"` |
# | `number_of_test_tasks` | a whole number |
# | `trainings_per_method` | a whole number |
# | `settings_chosen_on` | `"the test scripts"`, `"some of the training scripts"` |
# | `interval_over` | `"queries"`, `"tasks"`, `"trainings"` |
# | `beside_it` | `"chance"`, `"pixels, a random network and a pre-trained network"` |
#
# **Predict:** 600 tasks with 75 queries each are 45,000 answers. By what factor is an interval too narrow that treats
# them as independent: 1.1, 2, 5?

# %% nbgrader={"grade": false, "grade_id": "standard_errors", "locked": false, "schema_version": 3, "solution": true, "task": false}
def standard_errors(correct):
    """Standard errors of the two means in (4).

    correct: bool [S, T, Q]. Returns {"network": float64 [S], one for each network, "method": float64 [], a tensor of
    one number}.
    """
    ### BEGIN SOLUTION
    share = correct.double().mean(2)
    networks, tasks = share.shape
    return {"network": share.std(1) / tasks**0.5, "method": share.mean(1).std() / networks**0.5}
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
plan = {
    "split": ...,
    "labels_in_training": ...,
    "statistics_at_test": ...,
    "test_tasks": ...,
    "number_of_test_tasks": ...,
    "trainings_per_method": ...,
    "settings_chosen_on": ...,
    "interval_over": ...,
    "beside_it": ...,
}
### BEGIN SOLUTION
plan = {
    "split": "by script",
    "labels_in_training": "drawn anew for each task",
    "statistics_at_test": "of the support images",
    "test_tasks": "the same for all methods",
    "number_of_test_tasks": 600,
    "trainings_per_method": 5,
    "settings_chosen_on": "some of the training scripts",
    "interval_over": "trainings",
    "beside_it": "pixels, a random network and a pre-trained network",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_standard_errors", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch07.check_standard_errors(standard_errors)
### BEGIN HIDDEN TESTS
same_answers = torch.tensor([True, False]).repeat(3, 4, 5)
assert float(standard_errors(same_answers)["network"].abs().max()) == 0.0
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "check_plan", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch07.check_plan(plan)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Ask what would be drawn anew in a repetition. For the first claim: tasks, with their letters and support images. For
# the second: trainings.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# With $\bar x_{st}$ the mean over the queries: for network $s$ the deviation of $\bar x_{s1}, \dots, \bar x_{sT}$
# (divided by $T - 1$) over $\sqrt T$; for the method the deviation of the $S$ means over $\sqrt S$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# share = mean of correct over queries [S, T]; network = std of share over tasks / sqrt(T); method = std over networks of
# (mean of share over tasks) / sqrt(S).
# </details>

# %%
generator = torch.Generator().manual_seed(6)
skill = 1.5 + 0.1 * torch.randn(5, 1, 1, generator=generator)  # networks of one method differ a little,
ease = torch.randn(1, 600, 1, generator=generator)  # tasks differ much,
answers = skill + ease + torch.randn(5, 600, 75, generator=generator) > 0  # and answers on one task go together
errors = standard_errors(answers)
naive = float((answers[0].double().mean() * (1 - answers[0].double().mean()) / answers[0].numel()).sqrt())
print(f"accuracy of network 0: {float(answers[0].double().mean()):.3f}")
print(
    f"standard error over its 600 tasks: {float(errors['network'][0]):.4f}; as if 45,000 answers were independent: {naive:.4f}"
)
print(f"standard error of the method, from five trainings: {float(errors['method']):.4f}")

# %% [markdown]
# **Expect:** an error over tasks that is several times the naive one, and an error of the method of the order of a
# hundredth.
#
# **Interpret:** the two entries can differ in either direction. Which of them shrinks if you double the number of test
# tasks, and which if you train twice as many networks?
#
# <details><summary>Answer</summary>
#
# More tasks shrink `network`. `method` has two parts: how much networks really differ, which more tasks do not
# change, and the noise of measuring each on $T$ tasks, which they do. More trainings shrink `method` and leave each
# entry of `network` as it is. A paper that reports “$\pm$ 0.2 % over 600 episodes” gives the first for one network, and
# says nothing about the next training.
# </details>
