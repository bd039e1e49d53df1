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
# bugs, and an experiment that asks what an interval is an interval of. Fill in the cells marked `# YOUR CODE HERE`; the
# check under each answers at once, as often as you like. A function leaves its arguments as they are, and draws nothing
# at random unless it is handed a generator. Notation is that of [chapter 07](../chapters/07_few_shot_images.ipynb).

# %% tags=["setup"]
import torch
from torch.nn import functional as F

from metarl_core import plotting
from metarl_core.check import ch07
from metarl_core.evaluation import t_interval
from metarl_core.recipes.training_ways import QUERIES, WAYS, accuracies, episodes, learn
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
# images are drawn for each class separately, each with the same probability; no image comes twice, in one set or in
# both. All randomness comes from `generator`, and nothing is kept from one episode to the next.
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
# $-\lVert f - c_k \rVert^2 = 2 c_k^\top f - \lVert c_k \rVert^2 - \lVert f \rVert^2$. And $\partial L / \partial w_k =
# \frac1n \sum_i (\frac1N - [y_i = k])\, f_i$, $\partial L / \partial b_k = \frac1n \sum_i (\frac1N - [y_i = k])$.
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
# with $c_k$ the mean of $\hat f$ over the support samples of class $k$. The colleague knows the traps of the chapter:
# labels are drawn anew, statistics are those of a support set, no query image enters a class mean. The code below runs
# and gives plausible probabilities. Read it before you run it.
#
# **Predict:** the features here are pure noise, so the right accuracy is that of guessing, 0.2. What will this code
# report, and which line makes it so?

# %% tags=["setup"]
def colleagues_prediction(tasks):
    found, statistics = [], {}
    for support, labels, query, query_labels in tasks:
        if support.shape not in statistics:  # computed once
            statistics[support.shape] = support.mean(0), support.var(0, correction=0)
        mean, variance = statistics[support.shape]
        near, far = ((part - mean) / (variance + 1e-5).sqrt() for part in (support, query))
        centres = torch.stack([part.mean(0) for part in near.tensor_split(int(labels.max()) + 1)])  # class by class
        off = (far[:, None] - centres).abs()
        metrics = [off.square().sum(2), off.sum(2), off.amax(2)]  # not every metric suits every task
        right = [int((distance.argmin(1) == query_labels).sum()) for distance in metrics]
        found.append((-metrics[right.index(max(right))]).log_softmax(1))
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


# %% nbgrader={"grade": false, "grade_id": "predict_all", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predict_all(tasks):
    """Equation (3) for each task, repaired.

    tasks: list of (support [n, d], labels [n], query [m, d], query_labels [m]), float64 and int64, n and m the same for
    all tasks; labels in any order, and not always as many of each. Returns log-probabilities float64 [task, m, N].
    """
    found, statistics = [], {}
    for support, labels, query, query_labels in tasks:
        if support.shape not in statistics:
            statistics[support.shape] = support.mean(0), support.var(0, correction=0)
        mean, variance = statistics[support.shape]
        near, far = ((part - mean) / (variance + 1e-5).sqrt() for part in (support, query))
        centres = torch.stack([part.mean(0) for part in near.tensor_split(int(labels.max()) + 1)])
        off = (far[:, None] - centres).abs()
        metrics = [off.square().sum(2), off.sum(2), off.amax(2)]
        right = [int((distance.argmin(1) == query_labels).sum()) for distance in metrics]
        found.append((-metrics[right.index(max(right))]).log_softmax(1))
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
# Three experiments on the code find one bug each: change the order of the tasks; change the order of the support
# samples of a task, each with its label; exchange two query labels. None of the three may change a query's prediction.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# In (3) $\mu$, $\sigma^2$ and $c_k$ are functions of *one* task's support set and of its labels, and there is one
# distance. `query_labels` occurs in no formula, not even to choose between two.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each task: mean and variance (divided by n) of its own support features; standardise support and query with them;
# the centre of a class is the mean of the standardised support samples whose label it is; log-softmax of minus the
# squared distances from queries to centres.
# </details>

# %%
print(f"accuracy on noise: {report(predict_all, noise):.2f}")
two = tasks_of_noise(2, shots=2)
order = torch.tensor([3, 1, 4, 0, 2, 9, 5, 8, 6, 7])
changed = {
    "tasks in another order": two[::-1],
    "support samples in another order": [(s[order], y[order], *query) for s, y, *query in two],
    "query labels exchanged": [(*rest, z.flip(0)) for *rest, z in two],
}
for name, predict in (("colleague", colleagues_prediction), ("repaired", predict_all)):
    for change, data in changed.items():
        then = predict(data).flip(0) if "tasks" in change else predict(data)
        off = float((then.exp() - predict(two).exp()).abs().max())
        print(f"{name:10} {change:33} probabilities change by {off:.2f}")


# %% [markdown]
# **Expect:** 0.20 on noise, give or take one hundredth, and no change of a probability by any of the three.
#
# **Interpret:** which of the three bugs lifts the accuracy on noise, and why do the other two not show there? Which of
# them would be called "a careful choice of the metric" in a paper?
#
# <details><summary>Answer</summary>
#
# The choice of the metric: of three guesses for each task the one that is right most often is reported, and with 15
# queries the best of three is right more often than one of them. No query *image* leaks; its label does, by a choice,
# as it does when somebody stops each task's fine-tuning where its query accuracy was highest. The other two harm:
# statistics of another task and means over mixed classes make predictions worse, or as bad as guessing, and on noise
# there is nothing to make worse. With one support sample for each class in order the means are even right. So noise
# finds what flatters, and changes that must not matter find the rest; write both down for every evaluation, for they
# take a minute. A paper would call the first one "the metric was selected per task", and it would be right if it were
# selected on *training* tasks, once for all.
# </details>

# %% [markdown]
# ## Exercise 4: An interval of what?
#
# **Objective:** answer a question that the chapter leaves open by an experiment, and say what each of two intervals is
# an interval of.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 40 min · **Run time:** 20 s
#
# **Two standard errors.** One method was trained $S$ times with different seeds, and each of the $S$ networks answered
# the same $Q$ queries on each of the same $T$ test tasks. Let $\bar x_{st}$ be the share of right answers of network
# $s$ on task $t$. Two different claims need two different standard errors of a mean, the deviation of independent units
# over the root of their number:
#
# $$\text{“network } s \text{ reads new tasks with accuracy } \textstyle\frac1T \sum_t \bar x_{st}\text{”}, \qquad
# \text{“the method gives networks of accuracy } \textstyle\frac{1}{ST} \sum_{s,t} \bar x_{st} \text{ on these tasks”}. \tag{4}$$
#
# Write `standard_errors`. Decide first, for each claim, what the independent units are.
#
# **The experiment.** In section 7 prototypes win, and they were trained on *twenty* letters at a time where the others
# had five: "which of these counts, the table cannot say". So vary that alone, with a network that the chapter does not
# have: one hidden layer on letters of 14 × 14 pixels, no convolutions, no batch normalisation. `learn(ways, seeds)`
# trains prototypes on tasks of `ways` letters, one shot, for 300 updates of 120 images: with 5 letters four tasks an
# update, with 20 one. The step size is the best of four for both. The same seed has the same initial weights.
# `episodes(n, WAYS, QUERIES, generator, "test")` draws 5-way tasks of new scripts with ten queries of each letter, and
# `accuracies(parameters, images)` gives $\bar x_{st}$.
#
# **Do twenty letters in training help on five new ones?** Report *twenty less five*
#
# - for **the method**: the t interval over seeds of the differences of the means, and what it says;
# - for **one pair** of networks, of a seed of your choice: the t interval over *tasks* of its differences, and what it
#   says of these two networks;
# - for how many of your pairs such an interval over tasks lies above 0, and for how many below.
#
# The check asks your networks again, and trains one of them again.
#
# **Predict:** (a) 300 tasks with 50 queries each are 15,000 answers. Which of the two intervals will be the wider one?
# (b) Your colleague trains one pair and reports its interval over tasks. How likely is it that the next pair
# contradicts him?

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


# %% nbgrader={"grade": true, "grade_id": "check_standard_errors", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch07.check_standard_errors(standard_errors)
### BEGIN HIDDEN TESTS
same_answers = torch.tensor([True, False]).repeat(3, 4, 5)
assert float(standard_errors(same_answers)["network"].abs().max()) == 0.0
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "training_ways", "locked": false, "schema_version": 3, "solution": true, "task": false}
training_ways = {
    "seeds": ...,  # list of int: five to twenty
    "five": ...,  # parameters [seed, ...], from learn(5, seeds)
    "twenty": ...,  # from learn(20, seeds)
    "evaluation_seed": ...,  # int: tasks are episodes(n, WAYS, QUERIES, torch.Generator().manual_seed(this), "test")
    "accuracies_five": ...,  # [seed, task]: on 200 to 1,000 such tasks, the same for both
    "accuracies_twenty": ...,
    "low": ...,  # lower end of the t interval over seeds of twenty less five
    "high": ...,  # its upper end
    "conclusion": ...,  # ch07.TWENTY_HIGHER, ch07.FIVE_HIGHER or ch07.NOT_TOLD_APART
    "pair_seed": ...,  # int: one of the seeds
    "pair_low": ...,  # lower end of the t interval over tasks of twenty less five for this pair
    "pair_high": ...,  # its upper end
    "pair_conclusion": ...,  # one of the same three, of these two networks
    "pairs_for_twenty": ...,  # int: pairs whose interval over tasks lies above 0
    "pairs_for_five": ...,  # int: below 0
}
### BEGIN SOLUTION
seeds, evaluation_seed = list(range(10)), 1


def says(interval):
    return ch07.TWENTY_HIGHER if interval.low > 0 else ch07.FIVE_HIGHER if interval.high < 0 else ch07.NOT_TOLD_APART


five, twenty = learn(5, seeds), learn(20, seeds)
images = episodes(300, WAYS, QUERIES, torch.Generator().manual_seed(evaluation_seed), "test")
of_five, of_twenty = accuracies(five, images), accuracies(twenty, images)
differences = of_twenty - of_five
over_seeds, over_tasks = t_interval(differences.mean(1)), [t_interval(row) for row in differences]
training_ways = {
    "seeds": seeds,
    "five": five,
    "twenty": twenty,
    "evaluation_seed": evaluation_seed,
    "accuracies_five": of_five,
    "accuracies_twenty": of_twenty,
    "low": over_seeds.low,
    "high": over_seeds.high,
    "conclusion": says(over_seeds),
    "pair_seed": seeds[0],
    "pair_low": over_tasks[0].low,
    "pair_high": over_tasks[0].high,
    "pair_conclusion": says(over_tasks[0]),
    "pairs_for_twenty": sum(says(one) == ch07.TWENTY_HIGHER for one in over_tasks),
    "pairs_for_five": sum(says(one) == ch07.FIVE_HIGHER for one in over_tasks),
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_training_ways", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch07.check_training_ways(training_ways)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Ask for each claim what would be drawn anew in a repetition. For two networks that are there: tasks, with their
# letters and images. For the method: trainings.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# With $\bar x_{st}$ the mean over the queries: for network $s$ the deviation of $\bar x_{s1}, \dots, \bar x_{sT}$
# (divided by $T - 1$) over $\sqrt T$; for the method the deviation of the $S$ means over $\sqrt S$. `t_interval` of
# `metarl_core.evaluation` takes the numbers whose mean is asked for: a row of the differences, or the means of the
# rows.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# share = mean of correct over queries [S, T]; network = std of share over tasks / sqrt(T); method = std over networks
# of (mean of share over tasks) / sqrt(S). The experiment: learn(5, seeds) and learn(20, seeds); accuracies of both on
# the same images; differences = twenty − five [seed, task]; t_interval(differences.mean(1)), and t_interval of each
# row.
# </details>

# %%
given = (torch.as_tensor(training_ways[f"accuracies_{kind}"]).double() for kind in ("twenty", "five"))
rows = next(given) - next(given)
figure, axes = plotting.figure(width=7.0, height=3.6)
for place, row in enumerate(rows):
    one = t_interval(row)
    axes.plot([place, place], [one.low, one.high], "-", color=plotting.BLUE)
    axes.plot(place, one.point, "o", color=plotting.BLUE, label="one pair, over tasks" if place == 0 else None)
ends = training_ways["low"], training_ways["high"]
axes.plot([len(rows), len(rows)], ends, "-", color=plotting.ORANGE, linewidth=3)
axes.plot(len(rows), rows.mean(), "s", color=plotting.ORANGE, label="the method, over seeds")
axes.axhline(0, color=plotting.GREY, linewidth=1)
axes.set_xticks(range(len(rows) + 1), [*(str(seed) for seed in training_ways["seeds"]), "all"])
axes.set(xlabel="seed", ylabel="accuracy, twenty less five")
axes.legend()
plotting.show(
    figure,
    "Twenty less five for each seed with its interval over tasks, and for all seeds together. Most single intervals "
    "leave 0 out, some above and some below; the interval of the method is the widest and contains 0.",
)
print(f"the method: [{ends[0]:+.3f}, {ends[1]:+.3f}]; pairs above 0: {training_ways['pairs_for_twenty']}, "
      f"below: {training_ways['pairs_for_five']}")  # fmt: skip

# %% [markdown]
# **Expect:** with the solution's ten seeds an interval of the method from −0.018 to +0.052: the two cannot be told
# apart. Of the ten pairs six have an interval over tasks above 0, and three below; that of seed 0 goes from +0.007 to
# +0.030.
#
# **Interpret:** (a) Two colleagues each train one pair, with other seeds, and each reports an interval over tasks that
# leaves 0 out, on different sides. Who is wrong? (b) Which of the two kinds of interval shrinks if you double the
# number of test tasks, and which if you train twice as many networks? (c) What may be said about the letters of a
# training task now, and what not?
#
# <details><summary>Answer</summary>
#
# The prediction: (a) that over seeds, by a factor of three, although there are 15,000 answers to each network. (b) With
# these networks three pairs in ten lie clearly on the other side. The questions: (a) Neither, in what the interval
# says: *these two networks* differ on such tasks. Both are wrong if they say "training with twenty letters", for of
# that each has one draw. (b) More tasks shrink the intervals of the pairs, and of the method's only the small part that
# comes from measuring each network on $T$ tasks; more trainings shrink the method's, and leave each pair's as it is. A
# paper that reports "± 0.2 % over 600 episodes" gives the first for one network, and says nothing about the next
# training. (c) For this network, at this budget, an effect of more than five hundredths is unlikely, and one of two or
# three is neither shown nor excluded: ten pairs are too few for it. Nothing is said of the convolutional network of the
# chapter, of more updates, or of other scripts, for all seeds were measured on the same five. The chapter's lead of
# prototypes over MAML at one shot was .05; here twenty letters alone give no more than that, and perhaps nothing.
# </details>
