# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 Few-shot image classification
#
# **How can a network tell five letters apart after seeing each of them once?**
#
# You will be able to
#
# - make N-way K-shot tasks from the fonts on your machine, and split them by script so that nothing leaks
# - derive prototypes as a linear head in closed form, and what one gradient step has in common with them
# - build a few-shot learner from scratch: its episodes, its network and both of its loops
# - compare meta-learners, pre-training and pixels at one budget on the same tasks, with intervals that mean something
# - say what a transductive number presumes, and see a meta-learner that ignores its examples
#
# Before you start: chapter 05, [MAML](05_maml.ipynb); chapter 06, [Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb); convolutional networks.
#
# Reading: about 70 minutes. Running: at most 90 seconds and 1600 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/07_few_shot_images_exercises.ipynb): about 110 minutes. Project: [MAML on a family and a network of your own](../exercises/07p_own_family.ipynb), about 2 hours.

# %% tags=["hide-input"]
import dataclasses
import os

import torch
from torch.nn import functional as F

from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.figures import ch07 as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.meta import MAML, Joint, Prototypes, supervised
from metarl_core.networks import HEAD, accuracy, conv_features, conv_net, conv_net_parameters
from metarl_core.parameters import repeat_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import equal_letters
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import FewShot, load_omniglot
from metarl_core.tasks.glyphs import LOOK_ALIKE, SCRIPTS, select_letters, templates
from metarl_core.widgets import few_shot_explorer

begin()
table = load_table("equal_letters")  # five seeds a method, made earlier
recipe, SEED = equal_letters.Settings(), 0
WAYS, loss = recipe.ways, equal_letters.loss
rows = {name: equal_letters.read(table.scores(name)) for name in equal_letters.METHODS}


def rates_of(name):
    """The step sizes of a row's training."""
    return equal_letters.Rates(float(rows[name].outer_lr[SEED]), float(rows[name].inner_lr[SEED]))


# %% [markdown]
# ## 1 Five letters, seen once
#
# Below are five letters of scripts that you may not read, each with one example. The ten pictures in the second row
# are drawn from the same five letters, in other faces (bold, slanted, serif) and bent a little, as if by another hand.
#
# **Predict, then run.** (a) Write down a letter from A to E for each of the ten. (b) What share would be right if one
# compared *pixels* and took the nearest of the five examples? Chance is one in five. (c) And what share for a small
# network that was trained for less than a minute, on letters of other scripts?
#
# *Your prediction:*

# %%
data = equal_letters.letters()  # rendered from the fonts that matplotlib brings along: nothing is downloaded
puzzle = data.sample_few_shot(1, WAYS, 1, 10, seeded(8), "test")  # one task: five letters, 1 + 10 images of each
asked = torch.randperm(10 * WAYS, generator=seeded(1))[:10]
figures.puzzle(puzzle, asked)

# %% [markdown]
# A network is trained for this kind of puzzle, by two loops. Inside, it becomes a classifier of five letters by their
# five examples; outside, Adam improves it by how well that classifier does on other images. Here the inner loop takes
# **class means**, and there is nothing to iterate: sections 4 and 5 build and explain it.

# %% tags=["hide-input"]
figures.two_loops()

# %%
learned, _ = equal_letters.trained("prototypes", shots=1, seed=SEED, rates=rates_of("prototypes, 1-shot"))
method = Prototypes(loss, conv_features, HEAD)


def classified(task, method, parameters):
    """The label that the adapted network gives each query image, [task, query]."""
    adapted = method.adapt(parameters, task.support_inputs, task.support_targets)
    with torch.no_grad():
        return conv_net(adapted, task.query_inputs, task.support_inputs).argmax(2)


def pixel_neighbours(task):
    """The label of the support image that is nearest in pixels, [task, query]."""
    nearest = torch.cdist(task.query_inputs.flatten(2), task.support_inputs.flatten(2)).argmin(2)
    return task.support_targets.gather(1, nearest)


# %% tags=["hide-input"]
answers = {
    "truth": puzzle.query_targets,
    "network": classified(puzzle, method, learned),
    "pixels": pixel_neighbours(puzzle),
}
right, lines = puzzle.query_targets[0, asked].tolist(), []
for name, answer in answers.items():
    chosen = answer[0, asked].tolist()
    cells = ["ABCDE"[a] if a == t else f"*{'ABCDE'[a]}*" for a, t in zip(chosen, right, strict=True)]
    lines.append((name, *cells, f"{sum(a == t for a, t in zip(chosen, right, strict=True))} of 10"))
show_table(["picture", *(str(n + 1) for n in range(10)), "right"], lines)


# %% [markdown]
# Wrong answers are in italics. (a) The first row has the answers. (b) and (c) Ten pictures say little. On hundreds of
# such puzzles pixels get half of the answers right (section 2), and this network about four in five (section 7). It has
# never seen any of these letters, nor their scripts. It has learned something of what tells *any* two letters apart and
# what does not (thickness, slant, serifs), and one example of each has to do for the rest.
#
# ## 2 The protocol: N-way, K-shot
#
# An **episode** is a task $\mathcal{T}$: $N$ classes are drawn; each gets a label $0, \dots, N-1$ *for this episode
# only*; $K$ labelled images of each are the support set, $Q$ others of each the query set. Above: 5-way, 1-shot
# (Vinyals et al. 2016). A learner is whatever makes a classifier out of a support set. In the notation of chapter 05,
# $U_{\mathcal{T}}(\theta)$ are the parameters after adapting to the support set, and training asks for
#
# $$\min_\theta\; \mathbb{E}_{\mathcal{T} \sim p}\, L^q_{\mathcal{T}}\big(U_{\mathcal{T}}(\theta)\big), \qquad
# L^q_{\mathcal{T}}(\theta) = -\frac{1}{NQ} \sum_{(x, y) \in \text{query}} \log p_\theta(y \mid x), \tag{07.1}$$
#
# which is (05.2) with cross-entropy. Nothing in (07.1) says that $U$ consists of gradient steps. Any map from support
# sets to classifiers that one can differentiate will do.
#
# The protocol is simple, and it has traps. Each of them raises or spoils numbers without an error message:
#
# 1. **Labels must be drawn anew in each episode.** If a letter always has the same label, the network can learn the
#    letter by heart and ignore the support set. Section 9 does it.
# 2. **Support and query images must differ**, or the examples answer the questions.
# 3. **Test classes must be new, and not nearly the same as training classes.** Section 3.
# 4. **A prediction should not depend on the other questions**, unless one says so. Section 6.
# 5. **The same test tasks for all methods**; tasks differ in difficulty by more than methods do.
# 6. **The interval must be over what was drawn independently.** Queries of a task were not.
#
# Trap 6 in numbers. Let task $t$ have the probability of success $a_t$, of mean $a$ and variance $\sigma_a^2$ over
# tasks, and let its $m = NQ$ answers be independent given $a_t$. The share of right answers in a task has the variance
# $\sigma_a^2 + \mathbb{E}[a_t (1 - a_t)] / m$, and the mean over $n$ tasks
#
# $$\operatorname{Var} = \frac1n \Big( \sigma_a^2 + \frac{\mathbb{E}[a_t(1 - a_t)]}{m} \Big), \qquad
# \text{not} \quad \frac{a (1 - a)}{n m}. \tag{07.2}$$
#
# Since $\mathbb{E}[a_t(1 - a_t)] = a(1-a) - \sigma_a^2$, the second formula is too small by
# $\sigma_a^2 (1 - 1/m) / n$. However many queries, the term $\sigma_a^2 / n$ stays.
#
# The sampler in a few lines, with the traps in comments. The package draws the same episodes for all tasks at once;
# from the same random numbers both must take the same images.

# %%
def my_episodes(images, members, n, ways, shots, queries, generator):
    """Images [n, ways * (shots + queries), side, side] of support and query."""
    rank = torch.rand(n, len(members), generator=generator)  # a random rank for each class, in each task
    rank_of_image = torch.rand(n, ways, images.shape[1], generator=generator)
    support, query = [], []
    for task in range(n):
        # The largest ranks: without replacement, and in random order, so that labels are drawn anew (trap 1).
        classes = members[rank[task].topk(ways).indices]  # members: classes of this split only (trap 3)
        for label, one in enumerate(classes):
            # One draw for both sets: they cannot overlap (trap 2).
            picked = images[one][rank_of_image[task, label].topk(shots + queries).indices].float() / 255
            support.append(picked[:shots])
            query.append(picked[shots:])
    shape = (n, -1, *images.shape[2:])
    return torch.cat(support).view(shape), torch.cat(query).view(shape)


mine = my_episodes(data.images, data.members["test"], 20, 5, 2, 3, seeded(2))
theirs = data.sample_few_shot(20, 5, 2, 3, seeded(2), "test")

# %% tags=["hide-input"]
claim(
    "Both samplers take the same images.",
    torch.equal(mine[0], theirs.support_inputs[:, :, 0]) and torch.equal(mine[1], theirs.query_inputs[:, :, 0]),
)
held_out = data.sample_few_shot(300, WAYS, 1, 10, seeded(3), "test")
correct = (pixel_neighbours(held_out) == held_out.query_targets).double()  # [task, query]
per_task = correct.mean(1)
a, n, m = float(correct.mean()), *correct.shape
naive = (a * (1 - a) / (n * m)) ** 0.5
honest = float(per_task.std()) / n**0.5
between = float(per_task.var()) - (a * (1 - a) - float(per_task.var())) / (m - 1)  # σ_a², by (07.2)
claim(
    f"Pixel neighbours, 5-way 1-shot, {n} tasks of {m} queries: accuracy **{a:.3f}**. Half a 95 % interval: ± "
    f"{1.96 * naive:.3f} if all {n * m:,} answers were independent, ± **{1.96 * honest:.3f}** over tasks, wider by a "
    f"factor of {honest / naive:.1f}. Single tasks spread by {between**0.5:.2f} (σ_a).",
    0.45 < a < 0.57 and honest > 1.2 * naive,
)

# %% [markdown]
# Pixels get about half of them right: far above chance, and an honest floor for everything that follows. An interval
# over queries would be too narrow by the factor given; and an interval over tasks still only says what *this*
# classifier does on other tasks. For a statement about a method, "MAML reaches…", the network has to be trained
# several times. The table of section 7 has five trainings a method.
#
# ## 3 Fifteen scripts from one font
#
# matplotlib ships the DejaVu fonts, which cover many scripts. Each letter is drawn in each of its faces, shrunk to
# 28 × 28 pixels, and bent at random by an affine map and a smooth displacement, twenty images a letter. The split is
# by *script*.

# %% tags=["hide-input"]
figures.scripts(data, SCRIPTS)
show_table(
    ["split", "letters", "scripts"],
    [(split, len(data.members[split]), len(names)) for split, names in SCRIPTS.items()],
)

# %% [markdown]
# The training scripts descend from the Greek alphabet or borrow its forms. The test scripts look different; those
# called out of distribution are made of straight strokes, triangles and dots.
#
# **Why by script?** There are so many Latin letters because there are à, á, â, ã and their like. If one drew test
# *letters* at random, each would have near relatives in training. What is leaked can be measured without any learning:
# how similar is a test letter to the most similar training letter, in coarse upright pictures?
#
# **Predict, then run.** Cosine similarity 1 means the same picture. What is the median similarity of a test letter to
# its nearest training letter (a) split by script, (b) split by letter?
#
# *Your prediction:*

# %%
letters = select_letters()  # {code point: its rasters, one for each face}
upright = templates(torch.stack([rasters[0] for rasters in letters.values()]))  # unit length, [class, pixel]
similarity = upright @ upright.T


def nearest_training_letter(test, training):
    return similarity[test][:, training].amax(1)


# By letter: the same two groups of letters thrown together and drawn anew, in the same numbers.
both = torch.cat([data.members["train"], data.members["test"]])
order = both[torch.randperm(len(both), generator=seeded(4))]
number = len(data.members["test"])
nearest = {
    "by script": nearest_training_letter(data.members["test"], data.members["train"]),
    "by letter": nearest_training_letter(order[:number], order[number:]),
}
figures.nearest_letters(nearest)

# %% tags=["hide-input"]
twins = {name: float((values > 0.85).float().mean()) for name, values in nearest.items()}
claim(
    f"Median similarity: {float(nearest['by script'].median()):.2f} by script, {float(nearest['by letter'].median()):.2f} "
    f"by letter. Test letters with a training letter above 0.85: {twins['by script']:.0%} by script, "
    f"**{twins['by letter']:.0%}** by letter.",
    twins["by letter"] > 0.5 > 2 * twins["by script"] and float(nearest["by script"].max()) < LOOK_ALIKE == 0.93,
)


# %% [markdown]
# (a) and (b) stand above: split by letter, most test letters have a near twin in training. (Across a split by script
# nothing is more similar than 0.93, in any face and turned by any quarter: the package drops such letters, or the ring
# of the Latin o would come back elsewhere.) The usual protocol on Omniglot draws 1,200 characters at random for
# training, "irrespective of alphabet" in the words of the MAML paper, and tests on the others. That measures new
# letters of known alphabets. Here we ask for new scripts.
#
# ## 4 Build it: the network, and both loops
#
# **The network.** Four blocks, each a 3 × 3 convolution with stride 2 and 16 channels, batch normalisation, and a
# rectifier; then one linear layer, the *head* (Vinyals et al. 2016, with more channels; stride instead of pooling as in
# Finn et al. 2017 for Omniglot). The sides shrink from 28 to 14, 7, 4 and 2, so there are $16 \cdot 2 \cdot 2 = 64$
# features. With $h_{b,p}$ the output of a convolution for image $b$ of a batch at position $p$ in one channel, **batch
# normalisation** is
#
# $$\hat h_{b,p} = \frac{h_{b,p} - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad
# \mu = \underset{b,p}{\operatorname{mean}}\, h_{b,p}, \quad \sigma^2 = \underset{b,p}{\operatorname{mean}}\, (h_{b,p} - \mu)^2, \tag{07.3}$$
#
# followed by a learned scale and shift. In ordinary supervised learning one keeps *running averages* of $\mu$ and
# $\sigma^2$ over training and uses them at test. Here they would run over many tasks. So statistics are those of a
# batch, and of which batch is a choice: `statistics` is an argument.

# %%
def my_features(parameters, images, statistics=None):
    """Features [sample, 64] of one task's images [sample, 1, 28, 28], and the statistics that normalised them.

    statistics: (mean, variance) for each block; those of the images themselves if None.
    """
    hidden, used = images, []
    for block in range(4):
        hidden = F.conv2d(hidden, parameters[f"weight{block}"], stride=2, padding=1)
        own = hidden.mean((0, 2, 3)), hidden.var((0, 2, 3), correction=0)  # over images and positions
        average, variance = own if statistics is None else statistics[block]
        used.append((average, variance))
        scaled = (hidden - average[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        scale, shift = parameters[f"scale{block}"], parameters[f"shift{block}"]
        hidden = (scale[:, None, None] * scaled + shift[:, None, None]).relu()
    return hidden.flatten(1), used


# %% [markdown]
# **The inner loop.** Let $f_\theta$ be the network up to the head. Snell, Swersky and Zemel (2017) adapt by taking
# means: the **prototype** of class $k$ is the mean of its support features, and a query goes to the nearest prototype,
#
# $$c_k = \frac{1}{K} \sum_{(x, y) \in \text{support},\, y = k} f_\theta(x), \qquad
# p(y = k \mid x) = \frac{\exp\big( -\lVert f_\theta(x) - c_k \rVert^2 \big)}{\sum_j \exp\big( -\lVert f_\theta(x) - c_j \rVert^2 \big)}. \tag{07.4}$$
#
# **Algorithm** (prototypes, one shot)
#
# 1. Draw a task of training letters; here of 20 letters, with one support and five query images of each.
# 2. Features of the support images, and the class means $c_k$.
# 3. Features of the query images, normalised by the *support* images; the loss of (07.1) with (07.4).
# 4. A step of Adam on $\theta$, whose size falls linearly to zero. Back to 1.

# %%
def my_loss(theta, support, labels, query, query_labels):
    """(07.1) with (07.4) for one task."""
    near, statistics = my_features(theta, support)
    far, _ = my_features(theta, query, statistics)  # each query by itself, as it will be at test
    centres = torch.stack([near[labels == k].mean(0) for k in range(int(labels.max()) + 1)])  # support images only
    distance = (far[:, None] - centres).square().sum(2)  # [query, class]
    return F.cross_entropy(-distance, query_labels)  # minus: near is likely


def my_training(theta, iterations, outer_lr, generator):
    """Meta-train an embedding; θ {name: tensor} without a head."""
    theta = {name: value.clone().requires_grad_() for name, value in theta.items()}
    adam = torch.optim.Adam(theta.values(), lr=outer_lr)
    for iteration in range(iterations):
        adam.param_groups[0]["lr"] = outer_lr * (1 - iteration / iterations)
        episode = equal_letters.sample(1, 20, 1, 5, generator)  # one task of twenty training letters
        task_loss = my_loss(theta, *(part[0] for part in episode))
        adam.zero_grad()
        task_loss.backward()
        adam.step()
    return {name: value.detach() for name, value in theta.items()}


# %%
draws = seeded(SEED)
start = conv_net_parameters(WAYS, draws, recipe.channels)  # random, where training begins
rates = rates_of("prototypes, 1-shot")
mine = my_training({n: v for n, v in start.items() if n not in HEAD}, 5, rates.outer_lr, draws)
brief = dataclasses.replace(recipe, iterations=5)
theirs, _ = equal_letters.trained("prototypes", shots=1, seed=SEED, rates=rates, settings=brief)

# %% tags=["hide-input"]
moved = sum(float((theirs[name] - start[name]).square().sum()) for name in theirs) ** 0.5
apart = sum(float((mine[name] - theirs[name]).square().sum()) for name in theirs) ** 0.5
claim(
    f"Five iterations are those of the package: the parameters differ by {apart / moved:.0e} of the way that they have "
    f"gone. The network without its head has {sum(value.numel() for value in theirs.values()):,} parameters.",
    apart < 0.05 * moved,
)

# %% [markdown]
# The training of section 1 was this, for 400 iterations. The package runs all tasks in one *grouped* convolution, one
# group of channels for each task, since after an inner step each task has weights of its own. There the speed comes
# from.
#
# A head of means has no weights to be learned, so the number of classes may differ between training and test: the
# network was trained on twenty letters at a time and is used on five (Snell et al. recommend more classes in training).
# A meta-learned head with five rows cannot do that.
#
# ## 5 Why means? A linear head, and one gradient step
#
# **It is a linear head.** Multiply the square of (07.4) out:
#
# $$-\lVert f - c_k \rVert^2 = \underbrace{2 c_k^\top}_{w_k^\top} f \; \underbrace{{}- \lVert c_k \rVert^2}_{b_k} \; {}- \lVert f \rVert^2. \tag{07.5}$$
#
# The square is not linear in $f$. But its last term does not depend on the class: it multiplies numerator and
# denominator of (07.4) by the same $e^{-\lVert f \rVert^2}$ and cancels. What remains, $w_k^\top f + b_k$, is linear.
# So the borders between classes are hyperplanes, and *adapting is writing down a head*: $U_{\mathcal{T}}(\theta)$ is
# the network with $w_k = 2 c_k$, $b_k = -\lVert c_k \rVert^2$. With the distance itself instead of its square nothing
# would cancel.
#
# **Why the mean, why the square?** Suppose the features of class $k$ are normally distributed about $m_k$ with the same
# covariance $\frac12 I$ for all classes, and all classes are equally likely. By Bayes' rule
#
# $$p(y = k \mid f) = \frac{\exp(-\lVert f - m_k \rVert^2)}{\sum_j \exp(-\lVert f - m_j \rVert^2)}, \tag{07.6}$$
#
# and the maximum-likelihood estimate of $m_k$ from the support set is the mean, since
# $\nabla_c \sum_i \lVert f_i - c \rVert^2 = 2 \sum_i (c - f_i)$ vanishes there. So (07.4) is the Bayes classifier of a
# Gaussian model with estimated means: linear discriminant analysis with a covariance fixed in advance. Letters in
# pixels are nothing like that. Meta-training by (07.1) shapes $f_\theta$ so that the classifier of this model does
# well.
#
# **And gradient steps?** Suppose the head starts at zero and only the head adapts (ANIL, chapter 06). Every class has
# the probability $1/N$ for every image, so with $n = NK$ support images the gradients of the mean cross-entropy are
#
# $$\frac{\partial L^s}{\partial w_k} = \frac1n \sum_i \Big( \frac1N - [y_i = k] \Big) f_i = \frac1N (\bar c - c_k), \qquad
# \frac{\partial L^s}{\partial b_k} = \frac1n \sum_i \Big( \frac1N - [y_i = k] \Big) = 0, \tag{07.7}$$
#
# where $\bar c$ is the mean of the prototypes. After one step with step size $\alpha$ the logits are
#
# $$\frac{\alpha}{N} (c_k - \bar c)^\top f = \frac{\alpha}{N}\, c_k^\top f + \text{a term that is the same for all } k. \tag{07.8}$$
#
# Compare (07.5): **one gradient step from a zero head *is* the prototype head without its bias**, with $\alpha / N$ in
# the place of 2. Where all prototypes are equally long, the bias is the same for all classes too, and the two
# classifiers decide alike. So the first inner step of a meta-learner and "take the mean" are relatives, and what
# prototypes have in addition is a bias that no single gradient step from zero can reach.

# %%
few = FewShot(*(v.double() if v.is_floating_point() else v for v in data.sample_few_shot(3, WAYS, 1, 4, seeded(6))))
one = {name: value.double() for name, value in conv_net_parameters(WAYS, seeded(5), recipe.channels).items()}
zero_head = one | {name: torch.zeros_like(one[name]) for name in HEAD}
stepped = MAML(loss, 2.0 * WAYS, only=HEAD).adapt(zero_head, few.support_inputs, few.support_targets)
closed = method.adapt(one, few.support_inputs, few.support_targets)
without_bias = closed | {HEAD[1]: torch.zeros_like(closed[HEAD[1]])}
with torch.no_grad():
    probabilities = [conv_net(p, few.query_inputs, few.support_inputs).softmax(2) for p in (stepped, without_bias)]

# %% tags=["hide-input"]
several = repeat_parameters(one, 3)
with torch.no_grad():
    for task in range(3):
        near, statistics = my_features(one, few.support_inputs[task])
        far, _ = my_features(one, few.query_inputs[task], statistics)
        assert torch.allclose(far, conv_features(several, few.query_inputs, few.support_inputs)[task])
    biased = conv_net(closed, few.query_inputs, few.support_inputs).argmax(2)
changed = float((probabilities[1].argmax(2) != biased).double().mean())
claim(
    "One step from zero with α = 2N gives the same probabilities as prototypes without bias. On these untrained "
    f"features the bias changes {changed:.0%} of the decisions.",
    torch.allclose(*probabilities),
)

# %% [markdown]
# The agreement in (07.8) holds for a head that begins at zero. A meta-learned head does not; but it has to begin
# close to one that prefers no class, since labels are drawn anew in each episode.
#
# ## 6 Which batch normalises a question?
#
# In (07.3) $\mu$ and $\sigma$ belong to a batch. There are two candidates for a query image:
#
# - **inductive:** the statistics of the *support* images, block by block. Then each prediction depends on the support
#   set and its own image only. Our training and our tests do this.
# - **transductive:** the query images are normalised by *each other*, as in the code of the MAML paper. Then what the
#   network says of one image depends on the others.
#
# A transductive number presumes that all questions come at once, and in equal numbers of each class: what all images
# of a batch have in common is subtracted, and if all of them are of one class, that is the class. Appendix
# [07a](07a_batch_statistics.ipynb) derives this and measures it: the same network, asked about ten images of one
# letter together, loses a third of its accuracy. A query alone would be normalised by itself. In practice
# questions come one at a time, or the same one many times. "Accuracy" means the inductive one from here on.
#
# ## 7 All methods, one budget
#
# Five trainings of each method, each measured on the same 200 held-out tasks with 50 queries each, for one shot and for
# five. The comparison is at **one budget**. Every method that learns before the test makes 400 updates of Adam with 120
# images in each, 48,000 in all, and is meta-trained for the number of shots that it is tested with; pre-training knows
# no shots and is trained once for both. Whoever takes gradient steps at test takes at most four.
#
# | method | learned before | on a new task |
# |---|---|---|
# | prototypes | embedding, by (07.1) | class means |
# | MAML | a start, by (07.1) | gradient steps on all parameters |
# | ANIL | a start, by (07.1) | gradient steps on the head |
# | pre-training | ordinary classification of training letters (each quarter turn a class) | new head, gradient steps on all |
# | pre-trained prototypes | the same | class means |
# | random initialisation | nothing | as for pre-training |
# | pixel neighbours | nothing | nothing |
#
# | setting | value | source |
# |---|---|---|
# | letters in a training task | 5; for prototypes 20 (one shot) and 15 (five) | Snell et al.: more than at test |
# | query images of a letter in training | 5 at one shot, 3 at five | makes 120 images an update in all of them |
# | first outer step size | prototypes: best of 0.003, 0.01, 0.03, 0.1; pre-training: of 0.001, 0.003, 0.01, 0.03; MAML, ANIL: of 0.003, 0.01, 0.03 | chosen on training letters |
# | $\alpha$ in training, one step | best of 0.1 and 0.4, with each outer size | 0.4 and one step in the MAML paper |
# | steps at test, and their size | best of 1, 2, 4 steps of 0.1, 0.3, 1, 3, for each network | chosen on training letters |
#
# So prototypes and pre-training have four trainings to choose from, MAML and ANIL, with two step sizes, six, all of half
# the length and from a seed that is not in the table. All choices use training scripts only. 400 updates are few (the
# MAML paper's are 60,000), and what each method could reach with longer training is not tried, but for one: the row
# "pre-training, 4 times as long" has another budget, 1,600 updates with the same first step size. FOMAML, Meta-SGD and
# Reptile of chapters 05 and 06 have *no* row here, so nothing is said of them.
#
# **Predict, then run.** (a) Order the methods by 1-shot accuracy. (b) Which of them will still lead at five shots? (c)
# What will a fine-tuned random network reach, against pixels?
#
# *Your prediction:*

# %% tags=["hide-input"]
SHOTS, LONGER = (1, 5), "pre-training, 4 times as long"
of_row = {name: "longer pre-training" if name == LONGER else name for name in figures.STYLE}


def row_of(name, k):
    return rows[f"{of_row[name]}, {k}-shot"]


found = {name: [t_interval(row_of(name, k).test) for k in SHOTS] for name in figures.STYLE}
found = dict(sorted(found.items(), key=lambda pair: -pair[1][0].point))
pixels = [float(rows[f"pixel neighbours, {k}-shot"].test.mean()) for k in SHOTS]
PAIRS = (
    ("prototypes", "MAML"),
    ("prototypes", "pre-training"),
    ("MAML", "ANIL"),
    ("MAML", "pre-training"),
    ("ANIL", "pre-training"),
    ("pre-trained prototypes", "pre-training"),
    ("prototypes", LONGER),
    ("MAML", LONGER),
)
gaps = {pair: [t_interval(row_of(pair[0], k).test - row_of(pair[1], k).test) for k in SHOTS] for pair in PAIRS}
META = ("prototypes", "MAML", "ANIL")
claim(
    "At one budget prototypes lead at one shot and at five, and all three meta-learners lie above pre-training.",
    all(gaps[name, "pre-training"][k].low > 0 for name in META for k in (0, 1))
    and all(found["prototypes"][k].point > found[name][k].point for name in META[1:] for k in (0, 1)),
)
figures.accuracies(found, pixels, 1 / WAYS)


def at_test(name, k):
    """The steps that its five networks chose at test, in words."""
    row = row_of(name, k)
    chosen = sorted({(int(n), float(lr)) for n, lr in zip(row.test_steps, row.test_lr, strict=True) if n})
    return ", ".join(f"{n} of {lr:g}" for n, lr in chosen) or "class means"


show_table(
    ["", "1-shot", "5-shot", "steps at test, 1-shot", "5-shot"],
    [(name, *(in_words(each, 3) for each in both), *(at_test(name, k) for k in SHOTS)) for name, both in found.items()]
    + [("pixel neighbours", *(f"{value:.3f}" for value in pixels), "", "")],
)

# %% tags=["hide-input"]
ahead = gaps["prototypes", LONGER]
claim(
    f"With four times the updates pre-training minus prototypes is {-ahead[0].point:+.3f} at one shot and "
    f"{-ahead[1].point:+.3f} at five, and it lies above MAML at both.",
    all(abs(ahead[k].point) < 0.06 and gaps["MAML", LONGER][k].high < 0 for k in (0, 1)),
)
show_table(
    ["first minus second, paired by training and task", "1-shot", "5-shot"],
    [(f"{first} − {second}", *(in_words(each, 3, True) for each in both)) for (first, second), both in gaps.items()],
)
helped = [float((row_of(name, k).together - row_of(name, k).test).mean()) for name in found for k in SHOTS]
live = float(equal_letters.evaluate("prototypes", 1, learned, 0.0, 0)[:, 0].mean())
committed = float(rows["prototypes, 1-shot"].test[SEED].mean())
claim(
    f"Normalising all queries of a task together would change an accuracy by {min(helped):+.3f} to {max(helped):+.3f}. The network of section "
    f"1 reaches {live:.3f}, its row of the table {committed:.3f}.",
    min(helped) > -0.01 and abs(live - committed) < 0.03,
)

# %% [markdown]
# (a) and (b) At the common budget the order is that of the figure, the same at one shot and at five. **Prototypes lead**,
# MAML by .05 at both, and they are the simplest meta-learner: no inner step size, no second derivatives. They differ from it in the head that is written down, in features
# that stay, and in the twenty or fifteen letters of a training task; which of these counts, the table cannot say. MAML
# and ANIL differ in what the inner steps may move, all parameters or the head alone. MAML lies above by .03 at one shot,
# with an interval that contains zero (its trainings spread most), and by .02 at five, just clear of zero: if moving the
# features for each task helps here, it does not help much.
#
# **Pre-training is the opponent to watch.** In chapter 05 it was hopeless. Here, with a new head and tuned gradient
# steps, it comes after every meta-learner at the common budget: MAML minus pre-training is +.12 at one shot and +.07 at
# five. Class means on the same network do about as well at one shot, and a little worse at five. Then it was trained
# *four times as long*, still by plain classification, without an episode in it, one network for both numbers of shots.
# Now it is ahead of prototypes at one shot (.827 and .797), level with them at five, and MAML *minus* this pre-training
# is −.08 and −.04.
# Whether MAML or prototypes would gain as much from that budget was not tried, so this is no verdict on methods. It is
# one on comparisons: a baseline that was stopped early says little. Sine curves contradict each other: at the same $x$
# each task wants another $y$, so a joint network can only learn their mean. Letters do not: each has one label in
# pre-training, and features that tell hundreds of letters apart are of use for new ones. (Chen et al. 2019 found the
# plain baseline close on photographs, too.)
#
# (c) **A random network,** fine-tuned, is *worse than pixels*, at five shots by a wide margin: what the other rows have
# above it was learned before.
#
# **Transduction** would add up to two hundredths, as much as lies between some neighbours of the table: one method's
# transductive number beside another's inductive one could have another winner. **Intervals** are over trainings, on the
# same tasks; the paired table is the one that compares.

# %% [markdown]
# ## 8 Watch the decision change
#
# Prototypes decide at once. To watch a decision come about we need gradient steps: ANIL, which adapts the head only,
# by the same recipe and step sizes as its row of the table.

# %%
anil_rates = rates_of("ANIL, 1-shot")
anil = MAML(loss, anil_rates.inner_lr, only=HEAD)
anil_learned, _ = equal_letters.trained("ANIL", shots=1, seed=SEED, rates=anil_rates)
learners = {
    "ANIL": (anil, anil_learned),
    "prototypes": (method, learned),
    "random initialisation": (Joint(loss, 0.1), start),
}

# %% [markdown]
# **Explorer.** Draw a task. In the left panel each query has the frame of the class that it is taken for; wrong ones
# are struck through. Try: queries that change their class with the steps; five shots instead of one; a random network,
# which does adapt; prototypes, which take no steps; and the two ways to normalise the queries.

# %%
few_shot_explorer(data, learners, task=26, query=16)

# %% [markdown]
# Before the first step all classes are about equally likely. The first step does most of it, and (07.8) says what it
# is: the head moves by the class means. The next steps settle pictures near a border, and some overshoot: a
# probability swings up and down from step to step, as it does where $1 - \alpha\lambda$ is negative in some direction
# (section 3 of chapter 05; we have not measured $\lambda$ here). $\alpha = 0.4$ was chosen for *one* step in training,
# and for four steps at test the networks of the table chose smaller ones. Prototypes have nothing to settle. (Raghu et
# al. 2020 asked of MAML on other images whether it learns rapidly or reuses its features, and found mostly reuse. In our
# table ANIL, which can do nothing else, loses some hundredths to MAML.)
#
# ## 9 What goes wrong in practice
#
# ### Labels that stay
#
# Give each letter a label of its own, 0 to 4, for the whole of training, and build episodes with one letter of each
# label. Everything else is as before. We train ANIL twice on the same episodes of twenty-five training letters, once
# with these fixed labels and once with the labels of each episode shuffled.
#
# **Predict, then run.** For both: (a) what is the accuracy *before* the inner step on the training letters? (b) After
# it, on new scripts?
#
# *Your prediction:*

# %%
some_letters = data.members["train"][torch.randperm(len(data.members["train"]), generator=seeded(13))[:25]]


def labelled_episodes(number, generator, shuffle):
    """Episodes with one support and one query image of five letters; a letter's own label is its place modulo 5."""
    own = torch.arange(WAYS) + WAYS * torch.randint(len(some_letters) // WAYS, (number, WAYS), generator=generator)
    order = torch.rand(number, WAYS, generator=generator).argsort(1)
    picked = torch.rand(number, WAYS, 20, generator=generator).topk(2).indices
    images = data.images[some_letters[own][:, :, None], picked].float()[:, :, :, None] / 255
    labels = order if shuffle else torch.arange(WAYS).expand(number, -1)
    return FewShot(images[:, :, 0], labels, images[:, :, 1], labels)


def by_heart(shuffle):
    """ANIL, trained on a few letters with fixed or with shuffled labels."""
    draw = lambda number, generator: labelled_episodes(number, generator, shuffle)  # noqa: E731
    config = supervised.TrainConfig(iterations=300, meta_batch=16, outer_lr=3e-3, anneal=True)
    words = f"ANIL, {'shuffled' if shuffle else 'fixed'} labels"
    return supervised.train(anil, anil.initial(start), draw, config, seeded(0), description=words)[0]


# %%
kept = {"fixed": by_heart(False), "shuffled": by_heart(True)}


def judged(parameters, task, steps):
    """Accuracy of ANIL after that many inner steps, [task]."""
    adapted = anil.adapt(parameters, task.support_inputs, task.support_targets, steps, create_graph=False)
    with torch.no_grad():
        return accuracy(conv_net(adapted, task.query_inputs, task.support_inputs), task.query_targets)


measured = {
    name: (
        judged(parameters, labelled_episodes(300, seeded(14), name == "shuffled"), steps=0),
        judged(parameters, labelled_episodes(300, seeded(14), name == "shuffled"), steps=1),
        judged(parameters, held_out, steps=1),
    )
    for name, parameters in kept.items()
}

# %% tags=["hide-input"]
show_table(
    ["labels", "training letters, no step", "training letters, one step", "new scripts, one step"],
    [(name, *(f"{float(value.mean()):.2f}" for value in values)) for name, values in measured.items()],
)
lost = measured["fixed"][2] - measured["shuffled"][2]
claim(
    f"Fixed minus shuffled on new scripts, paired by task: **{float(lost.mean()):+.3f}** ± "
    f"{1.96 * float(lost.std()) / len(lost) ** 0.5:.3f}. Pixels: {a:.2f}.",
    float(measured["fixed"][0].mean()) > 2 * float(measured["shuffled"][0].mean())
    and float(lost.mean()) < -0.05
    and float(measured["fixed"][2].mean()) < a,
)

# %% [markdown]
# (a) With fixed labels the network reads the letter and knows the answer before it has seen a support set: it has
# become an ordinary classifier of twenty-five letters. With shuffled ones it is at chance without the step, as it must
# be. (b) On new scripts the first is worse than pixels. Nothing in its training asked it to *use* a support set, and a
# training loss that falls faster gives no warning. (Twenty-five letters are few for the other network as well; in the
# table ANIL saw all of them.) The problem is known as memorisation (Yin et al. 2020); in reinforcement learning it is a
# policy that recognises the task from its first observation. Prototypes cannot fall into it: their head is made of the
# support set and nothing else.
#
# ### An interval that says less than it seems
#
# Papers report "$98.7 \pm 0.4$ %" and often leave open of what. Three intervals of the same number, from the table:

# %% tags=["hide-input"]
row = rows["prototypes, 1-shot"].test  # [training, task]
centre, queries = row.mean(), recipe.test_queries * WAYS
over_queries = 1.96 * (centre * (1 - centre) / (row.shape[1] * queries)) ** 0.5
over_tasks = 1.96 * row[0].std(ddof=1) / row.shape[1] ** 0.5
over_trainings = t_interval(row).high - centre
show_table(
    ["half-width of a 95 % interval", "", "it answers"],
    [
        ("queries of one network, as if independent", f"{over_queries:.4f}", "no question"),
        ("tasks, one network", f"{over_tasks:.4f}", "how would *this network* do on other tasks?"),
        (
            "five trainings, the same tasks (Student's t)",
            f"{over_trainings:.4f}",
            "how would *another training* do on these tasks?",
        ),
    ],
)

# %% [markdown]
# The first is wrong. The other two are right and answer different questions. A claim about methods needs the third,
# and a claim about methods *and* scripts would need other scripts as well: five test scripts are few, and no interval
# here says how a sixth would come out.
#
# ### Numbers from elsewhere
#
# On Omniglot, 5-way, the MAML paper reports 98.7 % for one shot and 99.9 % for five, and others report more. **These
# numbers cannot be compared with ours.** There, 1,623 characters were drawn by hand, 1,200 of them, drawn at random
# across alphabets and turned by quarters, train the network, training takes 60,000 iterations of 32 tasks, and
# predictions are transductive. If you have the archive (`images_background.zip` and `images_evaluation.zip` of Lake et
# al. 2015, unpacked into one folder), name the folder in the environment variable `OMNIGLOT` before you start Jupyter;
# the split is then the archive's own, by alphabet.

# %%
folder = os.environ.get("OMNIGLOT")
if folder:
    handwriting = load_omniglot(folder).sample_few_shot(300, WAYS, 1, 10, seeded(16), "test")
    right = (classified(handwriting, method, learned) == handwriting.query_targets).float().mean()
    print(f"Trained on printed letters, tested on handwriting: {float(right):.3f}.")
else:
    print("No folder given: this cell has nothing to do, and nothing else in the chapter needs it.")

# %% [markdown]
# ## 10 Check yourself
#
# Decide before you open an answer.
#
# **1.** A 5-way network is to be used on 20-way tasks. Which of our methods can do that without new training? (A)
# MAML. (B) Prototypes. (C) None.
#
# <details><summary>Answer to 1</summary>
#
# **B.** Their head is made from as many class means as there are. (A): MAML's meta-learned head has five rows, and the
# start of the other fifteen has not been learned. (C) would be true if the embedding depended on $N$; it does not,
# though its batch statistics come from larger support sets then.
# </details>
#
# **2.** Somebody replaces $-\lVert f - c_k \rVert^2$ by $-\lVert f - c_k \rVert$. What is lost? (A) Nothing, the
# order of distances is the same. (B) The decision for a given embedding stays, but it is no linear head any more. (C)
# Accuracy falls, since a distance is not differentiable.
#
# <details><summary>Answer to 2</summary>
#
# **B.** The nearest prototype is the nearest prototype; but $\lVert f \rVert^2$ no longer cancels, probabilities
# change, and with them what training does to the embedding. (A) forgets the probabilities. (C): it is differentiable
# except where $f = c_k$.
# </details>
#
# **3.** Method X has 0.951 and method Y 0.944 on the same 600 tasks, one training each; the interval of the paired
# difference over tasks is [0.003, 0.011]. What follows? (A) X is the better method. (B) This network X is better than
# this network Y on such tasks. (C) Nothing, one needs more queries.
#
# <details><summary>Answer to 3</summary>
#
# **B.** Tasks were drawn anew, trainings were not. (A) needs several trainings of each. (C): more queries shrink only
# the second term of (07.2).
# </details>
#
# **4.** Why is a split by letter a leak if no letter is in both parts? (A) It is not. (B) Letters of one script are
# made of the same parts, and accented ones are nearly the same. (C) The labels of test letters are known.
#
# <details><summary>Answer to 4</summary>
#
# **B.** What is to be measured is how well new forms are told apart; forms that differ from a training letter by an
# accent are not new. (A) confuses "not identical" with "independent". (C): labels are drawn anew in each episode
# anyway.
# </details>
#
# **5.** After one inner step on a zero head, all $\alpha > 0$ give the same decisions. Why does ANIL's $\alpha$
# matter nevertheless? (A) It does not. (B) It sets the size of the logits, and so the loss and its gradient in
# meta-training. (C) It decides the bias.
#
# <details><summary>Answer to 5</summary>
#
# **B.** In (07.8) $\alpha / N$ multiplies all logits: a temperature. Too small, and all probabilities stay near $1/N$;
# too large, and the gradient vanishes wherever the answer is right already. (A) is true of decisions only, and for
# one step. (C): the bias stays zero after one step on a balanced support set.
# </details>
#
# **6.** Pre-training was useless on sinusoids and is strong here. Why? (A) The conv net is larger. (B) On sinusoids the
# tasks want different outputs for the same input; here each letter has one name. (C) Images carry more data than
# numbers.
#
# <details><summary>Answer to 6</summary>
#
# **B.** Joint training fits the mean of what the tasks want, (02.12); where they agree, that is a fine target. (A): a
# larger network would fit the same mean of sinusoids. (C) does not matter by itself: give each letter a random name in
# every episode and train jointly without a support set, and images are as hopeless as sinusoids.
# </details>
#
# ## Exercises
#
# [exercises/07_few_shot_images_exercises.ipynb](../exercises/07_few_shot_images_exercises.ipynb): an episode without a leak, two heads in
# closed form, an evaluation that is too good, and an experiment: do twenty letters in training help on five? About two hours.
#
# ## Further reading
#
# - B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum, *Human-level concept learning through probabilistic program
#   induction*, Science, 2015. Omniglot.
# - S. Ioffe and C. Szegedy, *Batch normalization: Accelerating deep network training by reducing internal covariate
#   shift*, 2015, arXiv:1502.03167.
# - O. Vinyals, C. Blundell, T. Lillicrap, K. Kavukcuoglu and D. Wierstra, *Matching networks for one shot learning*,
#   2016, arXiv:1606.04080. The protocol.
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
# - J. Snell, K. Swersky and R. Zemel, *Prototypical networks for few-shot learning*, 2017, arXiv:1703.05175.
# - A. Nichol, J. Achiam and J. Schulman, *On first-order meta-learning algorithms*, 2018, arXiv:1803.02999. Section 6
#   on transduction.
# - W.-Y. Chen, Y.-C. Liu, Z. Kira, Y.-C. F. Wang and J.-B. Huang, *A closer look at few-shot classification*, 2019,
#   arXiv:1904.04232. Pre-training as a baseline that is hard to beat.
# - A. Raghu, M. Raghu, S. Bengio and O. Vinyals, *Rapid learning or feature reuse? Towards understanding the
#   effectiveness of MAML*, 2020, arXiv:1909.09157.
# - J. Bronskill, J. Gordon, J. Requeima, S. Nowozin and R. E. Turner, *TaskNorm: Rethinking batch normalization for
#   meta-learning*, 2020, arXiv:2003.03284. What lies between inductive and transductive.
# - M. Yin, G. Tucker, M. Zhou, S. Levine and C. Finn, *Meta-learning without memorization*, 2020, arXiv:1912.03820.
#
# [Exercises](../exercises/07_few_shot_images_exercises.ipynb) · previous: [06 Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb) · next: [08 MAML for reinforcement learning](08_maml_for_rl.ipynb) · appendix: [07a Batch statistics, and new against hard](07a_batch_statistics.ipynb)
