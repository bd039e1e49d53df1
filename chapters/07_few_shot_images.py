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
# - derive what batch statistics give away at test time, and measure it
# - compare meta-learners, pre-training and pixels on the same tasks, with intervals that mean something
# - tell a new distribution from a hard one
#
# Before you start: chapter 05, [MAML](05_maml.ipynb); chapter 06, [Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb); convolutional networks.
#
# Reading: about 65 minutes. Running: at most 180 seconds and 1900 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/07_few_shot_images_exercises.ipynb): about 85 minutes. Project: [MAML on a family and a network of your own](../exercises/07p_own_family.ipynb), about 2 hours.

# %%
import os
import re

import numpy as np
import torch
from IPython.display import Markdown, display
from torch.nn import functional as F

from metarl_core import plotting
from metarl_core.evaluation import bootstrap_interval, mean, paired_difference
from metarl_core.meta import MAML, Joint, Prototypes, supervised
from metarl_core.networks import HEAD, accuracy, conv_features, conv_net, conv_net_parameters, cross_entropy
from metarl_core.parameters import repeat_parameters
from metarl_core.recipes import glyphs
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import FewShot, ImageClasses, load_omniglot
from metarl_core.tasks.glyph_rendering import jitter
from metarl_core.tasks.glyphs import LOOK_ALIKE, SCRIPTS, script_of, select_letters, templates
from metarl_core.widgets import few_shot_explorer

begin()

# A committed table, five seeds a method, written by the script of the same name in experiments/.
table = load_table("glyphs")
settings = table.settings
WAYS = settings["ways"]


def say(text: str) -> None:
    """Show a sentence whose numbers were computed in this cell, with a proper minus sign."""
    display(Markdown(re.sub(r"(?<![\w-])-(?=\d)", "−", text)))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# %% [markdown]
# ## 1 Five letters, seen once
#
# Below are five letters of scripts that you may not read, each with one example. The ten pictures in the second row
# are drawn from the same five letters, in other faces (bold, slanted, serif) and bent a little, as if by another hand.
#
# **Predict, then run.** Write down a letter from A to E for each of the ten. Then guess: what share would be right if
# one compared *pixels* and took the nearest of the five examples? Chance is one in five.

# %%
data = glyphs.letters()  # `load_glyphs()`, rendered from the fonts that matplotlib brings along: nothing is downloaded
puzzle = data.sample_few_shot(1, WAYS, 1, 10, seeded(8), "test")
asked = torch.randperm(10 * WAYS, generator=seeded(1))[:10]

margins = {"left": 0.01, "right": 0.99, "bottom": 0.09, "top": 0.92, "hspace": 0.35, "wspace": 0.1}
figure, axes = plotting.figure(2, 10, width=9.6, height=2.5, margins=margins)
for place in axes.flat:
    place.set(xticks=[], yticks=[])
    place.grid(visible=False)
for column in range(10):
    axes[1, column].imshow(puzzle.query_inputs[0, asked[column], 0], cmap="gray")
    axes[1, column].set_xlabel(f"{column + 1}", labelpad=2)
    axes[0, column].set_visible(column < WAYS)
for label, letter in enumerate("ABCDE"):
    axes[0, label].imshow(puzzle.support_inputs[0, label, 0], cmap="gray")
    axes[0, label].set_title(letter, pad=3)
plotting.show(
    figure,
    "First row: five letters of foreign scripts, white on black, labelled A to E. Second row: ten pictures of these "
    "letters in other faces, numbered 1 to 10, unlabelled.",
)


# %% [markdown]
# The cell below trains a network for this kind of puzzle, on letters of *other* scripts, by the method of section 5.
# It takes about two minutes. Read on while the bar runs; sections 2 and 3 need no result.

# %%
def classification_loss(parameters, inputs, targets):
    """Mean cross-entropy of each task, [task]; the images of a call are normalised together."""
    return cross_entropy(conv_net(parameters, inputs), targets)


method = Prototypes(classification_loss, conv_features, HEAD)
network = conv_net_parameters(WAYS, seeded(0), settings["channels"])  # random, where training begins
# The recipe of the table's row, seed 0. Its tasks have twenty letters at once, which is harder (section 5 says why that
# is possible), and letters turned by a quarter count as further letters.
learned, _ = glyphs.trained("prototypes", shots=1, seed=0)


# %%
def pixel_neighbours(task: FewShot) -> torch.Tensor:
    """The label of the support image that is nearest in pixels, [task, query]."""
    nearest = torch.cdist(task.query_inputs.flatten(2), task.support_inputs.flatten(2)).argmin(2)
    return task.support_targets.gather(1, nearest)


with torch.no_grad():
    adapted = method.adapt(learned, puzzle.support_inputs, puzzle.support_targets)
    by_network = conv_net(adapted, puzzle.query_inputs, puzzle.support_inputs).argmax(2)
right = puzzle.query_targets[0, asked]
lines = ["| picture | " + " | ".join(str(n + 1) for n in range(10)) + " | right |", "|---" * 12 + "|"]
for name, answer in (("truth", puzzle.query_targets), ("network", by_network), ("pixels", pixel_neighbours(puzzle))):
    chosen = answer[0, asked]
    cells = ["ABCDE"[a] if a == t else f"*{'ABCDE'[a]}*" for a, t in zip(chosen.tolist(), right.tolist(), strict=True)]
    lines.append(f"| {name} | " + " | ".join(cells) + f" | {int((chosen == right).sum())} of 10 |")
say("\n".join(lines))


# %% [markdown]
# Wrong answers are in italics. The network has never seen any of these letters, nor their scripts. It has learned
# what tells *any* two letters apart and what does not (thickness, slant, serifs), and one example of each is enough
# for the rest. Pixels know nothing of that. How good each is on hundreds of such puzzles follows; what "how good"
# means comes first.
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
# sets to classifiers that one can differentiate will do, and section 5 has one in closed form.
#
# The protocol is simple, and it has traps. Each of them raises or spoils numbers without an error message:
#
# 1. **Labels must be drawn anew in each episode.** If a letter always has the same label, the network can learn the
#    letter by heart and ignore the support set. Section 10 does it.
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
# **Build it, check it, use it.** The sampler in a few lines, with the traps in comments. The package draws the same
# episodes for all tasks at once; from the same random numbers both must take the same images.

# %%
def my_episodes(images, members, n, ways, shots, queries, generator):
    """Images [n, ways * (shots + queries), side, side] of support and query, and class numbers [n, ways]."""
    rank = torch.rand(n, len(members), generator=generator)  # a random rank for each class, in each task
    rank_of_image = torch.rand(n, ways, images.shape[1], generator=generator)
    support, query, drawn = [], [], []
    for task in range(n):
        # The largest ranks: without replacement, and in random order, so that labels are drawn anew (trap 1).
        classes = members[rank[task].topk(ways).indices]  # members: classes of this split only (trap 3)
        for label, one in enumerate(classes):
            # One draw for both sets: they cannot overlap (trap 2).
            picked = images[one][rank_of_image[task, label].topk(shots + queries).indices].float() / 255
            support.append(picked[:shots])
            query.append(picked[shots:])
        drawn.append(classes)
    shape = (n, -1, *images.shape[2:])
    return torch.cat(support).view(shape), torch.cat(query).view(shape), torch.stack(drawn)


mine = my_episodes(data.images, data.members["test"], 20, 5, 2, 3, seeded(2))
theirs = data.sample_few_shot(20, 5, 2, 3, seeded(2), "test")
assert torch.equal(mine[0], theirs.support_inputs[:, :, 0]) and torch.equal(mine[1], theirs.query_inputs[:, :, 0])

# %%
held_out = data.sample_few_shot(300, WAYS, 1, 10, seeded(3), "test")
correct = (pixel_neighbours(held_out) == held_out.query_targets).double()  # [task, query]
per_task = correct.mean(1)
a, n, m = float(correct.mean()), *correct.shape
naive = (a * (1 - a) / (n * m)) ** 0.5
honest = float(per_task.std()) / n**0.5
between = float(per_task.var()) - (a * (1 - a) - float(per_task.var())) / (m - 1)  # σ_a², by (07.2)
say(
    f"Pixel neighbours, 5-way 1-shot, {n} tasks of {m} queries: accuracy **{a:.3f}**. Half a 95 % interval: ± "
    f"{1.96 * naive:.3f} if all {n * m:,} answers were independent, ± **{1.96 * honest:.3f}** over tasks, wider by a "
    f"factor of {honest / naive:.1f}. Single tasks spread by {between**0.5:.2f} (σ_a)."
)
assert 0.45 < a < 0.57 and honest > 1.2 * naive

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

# %%
letters = select_letters()  # {code point: its rasters, one for each face}
script = [script_of(code) for code in letters]
faces = torch.tensor([len(rasters) for rasters in letters.values()])
examples = {name: [i for i, own in enumerate(script) if own == name] for names in SCRIPTS.values() for name in names}
margins = {"left": 0.2, "right": 0.99, "bottom": 0.01, "top": 0.99, "hspace": 0.08, "wspace": 0.05}
figure, axes = plotting.figure(len(examples), 16, width=9.2, height=8.0, margins=margins)
split_of = {name: split for split, names in SCRIPTS.items() for name in names}
colors = {"train": plotting.BLUE, "test": plotting.RED, "ood": plotting.PURPLE}
for row, (name, members) in zip(axes, examples.items(), strict=True):
    shown = np.linspace(0, len(members) - 1, min(16, len(members))).astype(int)
    for panel, index in zip(row, [*shown, *[None] * (16 - len(shown))], strict=True):
        panel.set(xticks=[], yticks=[])
        panel.grid(visible=False)
        panel.spines[:].set_visible(False)
        if index is not None:
            panel.imshow(255 - data.images[members[index], 0], cmap="gray", vmin=0, vmax=255)
    row[0].set_ylabel(
        f"{name.title().replace('Nko', 'NKo')} ({split_of[name]})", rotation=0, ha="right", va="center", fontsize=9,
        color=colors[split_of[name]],
    )  # fmt: skip
plotting.show(
    figure,
    "Sixteen letters of each of fifteen scripts, one script a row. Training: Latin, Greek, Cyrillic, Coptic, Armenian, "
    "Old Italic, Lisu. Test: Georgian, Hebrew, Arabic, Lao, NKo. Out of distribution: Canadian syllabics, Tifinagh, "
    "Ogham, which consist of straight strokes, triangles and dots.",
)
faces_of = {name: float(faces[members].float().mean()) for name, members in examples.items()}
assert faces_of["GEORGIAN"] > 8 and faces_of["CANADIAN SYLLABICS"] <= 4 and faces_of["TIFINAGH"] <= 2
lines = ["| split | letters | scripts | faces of a letter, mean |", "|---|---|---|---|"]
for split, names in SCRIPTS.items():
    members = data.members[split]
    lines.append(f"| {split} | {len(members)} | {len(names)} | {float(faces[members].float().mean()):.1f} |")
say("\n".join(lines))

# %% [markdown]
# The training scripts descend from the Greek alphabet or borrow its forms. The test scripts look different; those
# called out of distribution are made of straight strokes, triangles and dots, where turning a sign by a quarter makes
# another letter. Note the last column for later.
#
# **Why by script?** There are so many Latin letters because there are à, á, â, ã and their like. If one drew test *letters*
# at random, each would have near relatives in training. What is leaked can be measured without any learning: how
# similar is a test letter to the most similar training letter, in coarse upright pictures?
#
# **Predict:** cosine similarity 1 means the same picture. What is the median similarity of a test letter to its
# nearest training letter, split by script and split by letter?

# %%
upright = templates(torch.stack([rasters[0] for rasters in letters.values()]))  # unit length, [class, pixel]
similarity = upright @ upright.T
is_train = torch.zeros(len(script), dtype=torch.bool)
is_train[data.members["train"]] = True
is_test = torch.zeros_like(is_train)
is_test[data.members["test"]] = True
# By letter: the same two groups of letters thrown together and drawn anew, in the same numbers.
both = torch.cat([data.members["train"], data.members["test"]])
order = both[torch.randperm(len(both), generator=seeded(4))]
mixed_test, mixed_train = order[: int(is_test.sum())], order[int(is_test.sum()) :]
nearest = {
    "by script": similarity[is_test][:, is_train].amax(1),
    "by letter": similarity[mixed_test][:, mixed_train].amax(1),
}
figure, axes = plotting.figure(width=7.0, height=3.6)
for (name, values), color in zip(nearest.items(), (plotting.BLUE, plotting.RED), strict=True):
    axes.plot(values.sort().values, np.linspace(0, 1, len(values)), color=color, label=f"split {name}")
axes.set(xlabel="similarity to the nearest training letter", ylabel="share of test letters below")
axes.legend(loc="upper left")
plotting.show(
    figure,
    "Distribution functions of the similarity of a test letter to its nearest training letter. Split by letter, most "
    "test letters have a training letter of similarity 0.85 or more; split by script, few do.",
)
twins = {name: float((values > 0.85).float().mean()) for name, values in nearest.items()}
say(
    f"Median similarity: {float(nearest['by script'].median()):.2f} by script, {float(nearest['by letter'].median()):.2f} "
    f"by letter. Test letters with a training letter above 0.85: {twins['by script']:.0%} by script, "
    f"**{twins['by letter']:.0%}** by letter."
)
assert twins["by letter"] > 0.5 > 2 * twins["by script"] and float(nearest["by script"].max()) < LOOK_ALIKE == 0.93


# %% [markdown]
# Split by letter, most test letters have a near twin in training. (Across a split by script nothing is more similar
# than 0.93, in any face and turned by any quarter: the package drops such letters, or the ring of the Latin o would
# come back elsewhere.) The usual protocol on Omniglot draws 1,200 characters at random for training, "irrespective of
# alphabet" in the words of the MAML paper, and tests on the others. That measures new letters of known alphabets. Here
# we ask for new scripts.
#
# ## 4 The network
#
# Four blocks, each a 3 × 3 convolution with stride 2 and 32 channels, batch normalisation, and a rectifier; then one
# linear layer, the *head* (Vinyals et al. 2016; with stride instead of pooling as in Finn et al. 2017 for Omniglot).
# The sides shrink from 28 to 14, 7, 4 and 2, so there are $32 \cdot 2 \cdot 2 = 128$ features.
#
# With $h_{b,p}$ the output of a convolution for image $b$ of a batch at position $p$ in one channel, **batch
# normalisation** is
#
# $$\hat h_{b,p} = \frac{h_{b,p} - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad
# \mu = \underset{b,p}{\operatorname{mean}}\, h_{b,p}, \quad \sigma^2 = \underset{b,p}{\operatorname{mean}}\, (h_{b,p} - \mu)^2, \tag{07.3}$$
#
# followed by a learned scale and shift. In ordinary supervised learning one keeps *running averages* of $\mu$ and
# $\sigma^2$ over training and uses them at test. Here the averages would run over many tasks, and copies of a network
# that adapt to different tasks would all write into the same ones: a leak between tasks. (Section 10 tries it.) So
# statistics are always those of a batch. Which batch? There are two candidates, and section 6 is about the difference:
#
# - **transductive:** the query images are normalised by *each other*, as in the code of the MAML paper;
# - **inductive:** they are normalised by the statistics of the *support* images, block by block. Then each prediction
#   depends on the support set and its own image only.
#
# The network for one task in plain PyTorch, with the statistics as an argument:

# %%
def my_features(parameters, images, statistics=None):
    """Features [sample, 128] of one task's images [sample, 1, 28, 28], and the statistics that normalised them.

    statistics: (mean, variance) for each block; those of the images themselves if None.
    """
    hidden, used = images, []
    for block in range(4):
        hidden = F.conv2d(hidden, parameters[f"weight{block}"], stride=2, padding=1)
        own = hidden.mean((0, 2, 3)), hidden.var((0, 2, 3), correction=0)  # over images and positions
        average, variance = own if statistics is None else statistics[block]
        used.append((average, variance))
        scaled = (hidden - average[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        hidden = (
            parameters[f"scale{block}"][:, None, None] * scaled + parameters[f"shift{block}"][:, None, None]
        ).relu()
    return hidden.flatten(1), used


start = conv_net_parameters(WAYS, seeded(5))
several = {name: value.double() for name, value in repeat_parameters(start, 3).items()}
few = FewShot(*(v.double() if v.is_floating_point() else v for v in data.sample_few_shot(3, WAYS, 1, 4, seeded(6))))
one = {name: value.double() for name, value in start.items()}
for task in range(3):
    near, statistics = my_features(one, few.support_inputs[task])
    together, _ = my_features(one, few.query_inputs[task])
    by_support, _ = my_features(one, few.query_inputs[task], statistics)
    assert torch.allclose(together, conv_features(several, few.query_inputs)[task])
    assert torch.allclose(by_support, conv_features(several, few.query_inputs, few.support_inputs)[task])
count = sum(value.numel() for value in start.values())
say(f"Both modes agree with `conv_features`, task by task. The network has {count:,} parameters.")


# %% [markdown]
# The package runs all tasks in one *grouped* convolution, one group of channels for each task, since after an inner
# step each task has weights of its own. That is where the speed comes from.
#
# ## 5 Prototypes: an inner loop in closed form
#
# Let $f_\theta$ be the network up to the head. Snell, Swersky and Zemel (2017) adapt by taking means: the **prototype**
# of class $k$ is the mean of its support features, and a query goes to the nearest prototype,
#
# $$c_k = \frac{1}{K} \sum_{(x, y) \in \text{support},\, y = k} f_\theta(x), \qquad
# p(y = k \mid x) = \frac{\exp\big( -\lVert f_\theta(x) - c_k \rVert^2 \big)}{\sum_j \exp\big( -\lVert f_\theta(x) - c_j \rVert^2 \big)}. \tag{07.4}$$
#
# **It is a linear head.** Multiply the square out:
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
# pixels are nothing like that. Meta-training by (07.1) shapes $f_\theta$ until the model fits.
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
# prototypes have in addition is a bias that no single gradient step can reach.
#
# One more thing follows from (07.4). The head has no weights of its own to be learned, so the number of classes may
# differ between training and test. The network of section 1 was trained on tasks of twenty letters at a time, which
# are harder and teach more per image, and is used on tasks of five (as Snell et al. recommend). A meta-learned head
# with five rows cannot do that.
#
# Build it, and check these statements.

# %%
def my_prototype_loss(parameters, task):
    """(07.1) with (07.4) for the tasks of an episode batch, one after another, by distances."""
    losses = []
    for support, labels, query, query_labels in zip(*task, strict=True):
        near, _ = my_features(parameters, support)
        far, _ = my_features(parameters, query)  # normalised by each other, as in training
        centres = torch.stack([near[labels == k].mean(0) for k in range(WAYS)])  # support images only
        distance = (far[:, None] - centres).square().sum(2)  # [query, class]
        losses.append(F.cross_entropy(-distance, query_labels))  # minus: near is likely
    return torch.stack(losses).mean()


leaves = {name: value.clone().requires_grad_() for name, value in one.items() if name not in HEAD}
mine = torch.autograd.grad(my_prototype_loss(leaves, few), list(leaves.values()))
theirs, _ = Prototypes(classification_loss, conv_features, HEAD).direction(one, few)
for value, name in zip(mine, leaves, strict=True):
    assert torch.allclose(value, theirs[name], rtol=1e-6, atol=1e-9), name

# (07.8): one step of the head alone, from zero, against prototypes.
zero_head = one | {name: torch.zeros_like(one[name]) for name in HEAD}
alpha = 2.0 * WAYS
stepped = MAML(classification_loss, alpha, only=HEAD).adapt(zero_head, few.support_inputs, few.support_targets)
closed = Prototypes(classification_loss, conv_features, HEAD).adapt(one, few.support_inputs, few.support_targets)
without_bias = closed | {HEAD[1]: torch.zeros_like(closed[HEAD[1]])}
with torch.no_grad():
    probabilities = [conv_net(p, few.query_inputs).softmax(2) for p in (stepped, without_bias, closed)]
assert torch.allclose(probabilities[0], probabilities[1])
same = float((probabilities[0].argmax(2) == probabilities[2].argmax(2)).double().mean())
say(
    "The loss by distances has the same gradient as the package's linear head, and one step from zero with α = 2N equals "
    f"prototypes without bias (both asserted). On these untrained features the bias changes {1 - same:.0%} of the decisions."
)

# %% [markdown]
# The agreement in (07.8) holds for a head that begins at zero. A meta-learned head does not; but it has to begin
# close to one that prefers no class, since labels are drawn anew in each episode.
#
# ## 6 Batch statistics, transductive or not
#
# Differentiate (07.3). For the values $h_1, \dots, h_n$ of one channel (all images of the batch, all positions), with
# $s = \sqrt{\sigma^2 + \epsilon}$: $\partial \mu / \partial h_j = 1/n$, and since the deviations from the mean sum to
# zero, $\partial \sigma^2 / \partial h_j = 2 (h_j - \mu) / n$. So $\partial s / \partial h_j = \hat h_j / n$, and by the
# quotient rule
#
# $$\frac{\partial \hat h_i}{\partial h_j} = \frac{\delta_{ij} - \frac1n}{s} - \frac{h_i - \mu}{s^2} \frac{\hat h_j}{n}
# = \frac1s \Big( \delta_{ij} - \frac{1 + \hat h_i \hat h_j}{n} \Big). \tag{07.9}$$
#
# For $i \neq j$ this is not zero: **what the network says of one query depends on the others**, each of $B$ images
# with a weight of the order of $1/B$. Two consequences.
#
# *What all images of a batch have in common is subtracted.* Let $m_k$ be the mean of the channel over images of class
# $k$ and $p_k$ the share of class $k$ in the batch; take $s$ as given. A query of class $k$ lies around
#
# $$\frac{m_k - \sum_j p_j m_j}{s}, \qquad \text{its prototype around} \quad \frac{m_k - \frac1N \sum_j m_j}{s}, \tag{07.10}$$
#
# because a support set is balanced. The two agree if $p_k = 1/N$ for all classes: the usual test batch, with the same
# number of queries of each class, is the one for which transduction is right. *If all queries are of one class, the
# first term is zero*: what told the class has been taken out. And a query that comes alone is normalised by itself.
#
# *More unlabelled images mean better statistics.* The support set of a 1-shot task has five images to estimate $\mu$
# and $\sigma^2$ from; fifty queries do it better, as long as they are balanced.
#
# So a transductive number presumes that all questions come at once, in equal numbers of each class. **Predict, then
# run:** the network of section 1 was trained with all queries of a task normalised together, five of each class. Order
# these test conditions by accuracy: by the support set; 50 together, ten of each class; five together, one of each
# class; ten together, all of one class; each alone.

# %%
values = torch.randn(7, generator=seeded(9), dtype=torch.float64)
normalise = lambda h: (h - h.mean()) / (h.var(correction=0) + 1e-5).sqrt()  # noqa: E731
hat, s = normalise(values), (values.var(correction=0) + 1e-5).sqrt()
by_formula = (torch.eye(7) - (1 + hat[:, None] * hat) / 7) / s
assert torch.allclose(torch.func.jacrev(normalise)(values), by_formula)  # (07.9)

tasks = data.sample_few_shot(settings["test_tasks"], WAYS, 1, 10, seeded(10), "test")  # queries in order of class


def logits_in_batches(adapted, images, index):
    """Logits [task, query, class] where each row of `index` [batch, image] is normalised on its own."""
    logits = torch.empty(*images.shape[:2], WAYS)
    for row in index:
        logits[:, row] = conv_net(adapted, images[:, row])
    return logits


number = torch.arange(10 * WAYS).view(WAYS, 10)  # [class, image]
conditions = {
    "by the support set": None,
    "50 together, ten of each": number.reshape(1, -1),
    "5 together, one of each": number.T,
    "10 together, all of one class": number,
    "each alone": number.reshape(-1, 1),
}
found = {name: [] for name in conditions}
with torch.no_grad():
    for some in supervised.batches(tasks, 50):
        adapted = method.adapt(learned, some.support_inputs, some.support_targets)
        for name, index in conditions.items():
            if index is None:
                logits = conv_net(adapted, some.query_inputs, some.support_inputs)
            else:
                logits = logits_in_batches(adapted, some.query_inputs, index)
            found[name].append(accuracy(logits, some.query_targets))
found = {name: torch.cat(parts) for name, parts in found.items()}

figure, axes = plotting.figure(width=7.6, height=3.4)
for place, each in enumerate(found.values()):
    half = 1.96 * float(each.std()) / len(each) ** 0.5
    axes.errorbar(float(each.mean()), place, xerr=half, fmt="o", capsize=4, color=plotting.BLUE if place else "black")
    axes.text(float(each.mean()), place - 0.2, f"{float(each.mean()):.3f}", ha="center", va="bottom", fontsize=10)
axes.axvline(1 / WAYS, color="black", linestyle=":", linewidth=1.2)
axes.text(1 / WAYS + 0.01, 4.4, "chance", fontsize=9)
axes.set_yticks(range(len(found)), found)
axes.set(xlim=(0, 1.02), ylim=(4.6, -0.6), xlabel="accuracy, 5-way 1-shot (95 % interval over tasks)")
plotting.show(
    figure,
    "Accuracy of one network under five ways to normalise query images. Five together, one of each class, is highest, "
    "then 50 together, then by the support set, all close to each other. Each alone is far lower, and ten together of "
    "one class lower still.",
)
means = {name: float(each.mean()) for name, each in found.items()}
gains = {name: found[name] - found["by the support set"] for name in list(found)[1:]}
say(
    "Minus by the support set, paired by task: "
    + "; ".join(
        f"{n} **{float(g.mean()):+.3f}** ± {1.96 * float(g.std()) / len(g) ** 0.5:.3f}" for n, g in gains.items()
    )
    + "."
)
assert means["10 together, all of one class"] < means["each alone"] < means["by the support set"] - 0.1
assert means["by the support set"] < means["50 together, ten of each"] < means["5 together, one of each"]

# %% [markdown]
# The same network, the same images, the same labels. Ten queries of one class are torn apart, as (07.10) says: their
# mean is subtracted in each of four blocks. And the best condition is not the one with the most images. It is the one
# with exactly one query of each class. Each query is then a fifth of its own statistics, just as a support image is;
# and subtracting the mean of five *different* letters pushes them apart, which is right only because somebody who knew
# the answers made up the batch. In practice questions come one at a time, or the same one many times, and a
# transductive benchmark number says nothing about that. The prediction by the support set does not know or care which
# other questions are asked. It is the number that we mean by "accuracy" from here on; the transductive one stands
# beside it.

# %% [markdown]
# ## 7 All methods on the same tasks
#
# Now the table: five trainings of each method, each measured on the same 300 held-out tasks with 50 queries each, for
# one shot and for five. (A method was trained with as many shots as it is tested with, except the last four, which
# know no shots.) The methods are those of chapters 05 and 06 with cross-entropy as the loss:
#
# | method | learned before | on a new task |
# |---|---|---|
# | prototypes | embedding, by (07.1) | class means |
# | MAML, FOMAML, Meta-SGD, Reptile | a start (Meta-SGD: rates too), by (07.1) | gradient steps on all parameters |
# | ANIL | a start, by (07.1) | gradient steps on the head |
# | pre-training | ordinary classification of training letters (each quarter turn a class) | new head, gradient steps on all |
# | pre-trained prototypes | the same | class means |
# | random initialisation | nothing | as for pre-training |
# | pixel neighbours | nothing | nothing |
#
# The step size of fine-tuning was chosen, for pre-training and for random initialisation, on tasks of *training*
# letters. All trainings are short: minutes instead of the hours of the papers. What each method could reach with
# longer training, the table does not say.
#
# **Predict:** (a) Order the methods by 1-shot accuracy. (b) For which will five shots help most? (c) What will a
# fine-tuned random network reach, against pixels?

# %%
NAMES = list(dict.fromkeys(row.rsplit(", ", 1)[0] for row in table.rows))
SHOTS = (1, 5)
trainings = {name: min(len(table.rows.get(f"{name}, {k}-shot", ())) for k in SHOTS) for name in NAMES}
complete = [name for name in NAMES if trainings[name] > 1]
number_of_trainings = min(trainings[name] for name in complete)
NEW, TOGETHER, OOD = range(3)  # columns: by the support set, transductive, out of distribution
scores = {name: np.stack([table.scores(f"{name}, {k}-shot")[:number_of_trainings] for k in SHOTS]) for name in complete}
# [shots, seed, task, column]. Whole trainings are resampled; the mean over tasks is what "accuracy" means.
summary = {
    name: [[bootstrap_interval(value[k, :, :, c], mean) for c in range(3)] for k in range(2)]
    for name, value in scores.items()
}

live = glyphs.evaluate("prototypes", 1, learned)  # of the network of section 1, [task, column]
agreement = table.check_agreement("prototypes, 1-shot", 0, live, tolerance=0.02)

order = sorted(complete, key=lambda name: -summary[name][0][NEW].point)
figure, axes = plotting.figure(1, 2, width=10.4, height=0.36 * len(order) + 1.4, sharey=True)
for panel, k, shots in zip(axes, range(2), SHOTS, strict=True):
    for place, name in enumerate(order):
        for column, face, shift in ((NEW, plotting.BLUE, -0.13), (TOGETHER, "white", 0.13)):
            interval = summary[name][k][column]
            if name == "pixel neighbours" and column == TOGETHER:
                continue
            error = [[interval.point - interval.low], [interval.high - interval.point]]
            label = ("by the support set", "all queries together")[column] if place == 0 else None
            panel.errorbar(
                interval.point, place + shift, xerr=error, fmt="o", color=plotting.BLUE, markerfacecolor=face,
                capsize=3, label=label,
            )  # fmt: skip
    panel.axvline(1 / WAYS, color="black", linestyle=":", linewidth=1.2)
    panel.set(xlabel="accuracy on new scripts", title=f"{WAYS}-way {shots}-shot", xlim=(0.15, 1.01))
axes[0].set_yticks(range(len(order)), order)
axes[0].invert_yaxis()
axes[0].legend(fontsize=10, loc="upper left", bbox_to_anchor=(0.06, 1.0), title="queries normalised")
plotting.show(
    figure,
    "Accuracy of each method on letters of new scripts, left 1-shot and right 5-shot, with intervals over five "
    "trainings; filled: queries normalised by the support set, hollow: all queries together. From the top in order of "
    "1-shot accuracy: " + ", ".join(order) + ". Chance is 0.2.",
)
lines = [
    "| method | 1-shot | 1-shot, queries together | 5-shot | 5-shot, queries together |",
    "|---|---|---|---|---|",
]
for name in order:
    cells = [
        f"{i.point:.3f} [{i.low:.3f}, {i.high:.3f}]"
        for i in (summary[name][k][c] for k in range(2) for c in (NEW, TOGETHER))
    ]
    lines.append(f"| {name} | " + " | ".join(cells) + " |")
say("\n".join(lines))
missing = [name for name in NAMES if name not in complete]
say(
    f"Mean over tasks, with 95 % interval over {number_of_trainings} trainings. The live training differs from its row "
    f"of the table by {agreement:.4f}." + (f" Not in the table yet: {', '.join(missing)}." if missing else "")
)
assert summary["prototypes"][0][NEW].point > 0.9

# %%
lines = ["| first minus second, by the support set, paired by training and task | 1-shot | 5-shot |", "|---|---|---|"]
for first, second in (
    ("prototypes", "MAML"),
    ("prototypes", "pre-training"),
    ("prototypes", "pre-trained prototypes"),
    ("pre-trained prototypes", "pre-training"),
    ("MAML", "FOMAML"),
    ("ANIL", "MAML"),
    ("Meta-SGD", "MAML"),
    ("MAML", "pre-training"),
    ("pre-training", "ANIL"),
    ("pixel neighbours", "random initialisation"),
):
    if first in complete and second in complete:
        pair_ = [paired_difference(scores[first][k, :, :, NEW], scores[second][k, :, :, NEW]) for k in range(2)]
        cells = [f"{i.point:+.3f} [{i.low:+.3f}, {i.high:+.3f}]" for i in pair_]
        lines.append(f"| {first} − {second} | " + " | ".join(cells) + " |")
say("\n".join(lines))

seen = settings["iterations"]["1"] * settings["meta_batch"] * WAYS * (1 + settings["queries"])
ordinary = settings["pretraining_iterations"] * settings["pretraining_batch"]
gains = {name: (scores[name][..., TOGETHER] - scores[name][..., NEW]).mean((1, 2)) for name in complete}
trained = [name for name in complete if name not in ("pixel neighbours", "random initialisation")]
say(
    "Transduction is worth, averaged over the methods that have learned something: "
    f"{np.mean([gains[name][0] for name in trained]):+.3f} at one shot, "
    f"{np.mean([gains[name][1] for name in trained]):+.3f} at five. Images seen in training: {seen:,} by a meta-learner "
    f"at one shot, {ordinary:,} by pre-training."
)
accuracy_of = {name: summary[name][0][NEW].point for name in complete}
assert accuracy_of["prototypes"] == max(accuracy_of.values())
if not missing:
    assert accuracy_of["random initialisation"] < accuracy_of["pixel neighbours"] < accuracy_of["Reptile"]
    assert abs(accuracy_of["pre-training"] - accuracy_of["ANIL"]) < 0.03
    five = {name: summary[name][1][NEW].point for name in complete}
    assert abs(five["pre-training"] - five["prototypes"]) < 0.02
    assert (
        five["pre-training"] > five["Meta-SGD"] > five["MAML"] > five["ANIL"]
        and accuracy_of["ANIL"] > accuracy_of["MAML"]
    )

# %% [markdown]
# **At one shot prototypes win, and they are the simplest meta-learner.** They have no inner step size to choose and no
# second derivatives, and (07.5) lets them train on twenty letters at a time. What MAML can do in addition, moving the
# features for each task, is hardly needed there: ANIL, which adapts nothing but the head, is ahead of it. Letters of
# new scripts are told apart by the same strokes as letters of old ones. With five shots there is enough to move
# features by: MAML passes ANIL, and Meta-SGD, which learns how far to move each of them, passes MAML.
#
# **Pre-training is the opponent to fear.** In chapter 05 it was hopeless. Here, with a new head and tuned gradient
# steps, it is level with ANIL at one shot and *with the best of all at five*, from fewer images, with one training for
# both, and without an episode in it. Taking class means on the same network does nearly as well. Why the difference?
# Sine curves contradict each other: at the same $x$ each task wants another $y$, so a joint network can only learn
# their mean. Letters do not: each has one label in pre-training, and features that tell thousands of letters apart
# tell new ones apart as well. Where training tasks do not contradict each other, meta-learning has to beat ordinary
# learning, a much harder opponent than a random start. It does so at one shot, where having been trained for one shot
# is worth something. (Chen et al. 2019 found the same on photographs: the plain baseline is close.)
#
# **What the factors are worth.** FOMAML drops $I - \alpha H$ as in chapter 05. There $\alpha$ was 0.01; here it is
# many times larger, the factors are far from the identity, and at one shot FOMAML pays for it, though the table gives
# it three steps of half the size, which suit it better. Reptile, first order too, needs more training than it gets here.
# With five shots nearly nothing of either gap is left: the gradient of twenty-five images is a better one.
#
# **A random network,** fine-tuned, is *worse than pixels*: its features throw away more than they bring. What the
# other rows have above it was learned before.
#
# **Transduction** helps, as (07.10) explains for balanced queries, and more at one shot than at five, where twenty-five
# support images give good statistics of their own. Mind that the gain is of the size of the difference between
# neighbouring methods: one method's transductive number beside another's inductive one would have another winner.
#
# **Intervals** are over trainings, on the same tasks. Where they overlap, the paired table decides.

# %% [markdown]
# ## 8 Watch the decision change
#
# Prototypes decide at once. To watch a decision come about we need gradient steps, so train a second network for a
# few seconds: ANIL, which adapts the head only, on fewer and smaller episodes than in the table.

# %%
anil = MAML(classification_loss, settings["inner_lr"], only=HEAD)
short = supervised.TrainConfig(
    iterations=500, meta_batch=settings["meta_batch"], outer_lr=settings["outer_lr"], anneal=True
)
smaller = lambda number, generator: glyphs.sample(number, WAYS, 1, 1, generator)  # noqa: E731
anil_learned, _ = supervised.train(
    anil, anil.initial(network), smaller, short, seeded(0), description="ANIL, 500 iterations"
)
learners = {
    "ANIL, trained briefly": (anil, anil_learned),
    "prototypes": (method, learned),
    "random initialisation": (Joint(classification_loss, 0.1), network),
}

# %% [markdown]
# **Explorer.** Draw a task. In the left panel each query has the frame of the class that it is taken for; wrong ones
# are struck through. Try: queries that change their class with the steps; five shots instead of one; a random network,
# which does adapt; prototypes, which take no steps; and the two ways to normalise the queries.

# %%
few_shot_explorer(data, learners, task=26, query=16)

# %% [markdown]
# Before the first step all classes are about equally likely for every picture. The first step does most of it, which
# (07.8) explains: it moves the head by the class means. The next steps settle pictures near a border. Some overshoot:
# a probability swings up and down from step to step, because $\alpha$ was chosen for one step and is large, so that
# $1 - \alpha\lambda$ is negative in some direction of the head (section 3 of chapter 05). Prototypes have no such
# trouble. And with any learner: one example of a letter is soon used up, and what counts is what the features hold
# before. (Raghu et al. 2020 found the same of MAML on other images: "rapid learning or feature reuse?")
#
# ## 9 Out of distribution, and easier?
#
# Of the letters called out of distribution one would expect lower accuracy. **Predict,** then look at the column of
# the table that we have not used yet.

# %%
lines = [
    "| method | 1-shot, test scripts | 1-shot, out of distribution | difference, paired by training |",
    "|---|---|---|---|",
]
for name in order:
    test_mean, ood_mean = scores[name][0, :, :, NEW].mean(1), scores[name][0, :, :, OOD].mean(1)
    gap = bootstrap_interval((ood_mean - test_mean)[:, None], mean)
    lines.append(
        f"| {name} | {test_mean.mean():.3f} | {ood_mean.mean():.3f} | {gap.point:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] |"
    )
say("\n".join(lines))


# %% [markdown]
# (These intervals are over trainings. The tasks of the two columns are other tasks, so they say nothing about new tasks
# from the same scripts; the experiment below does.) Even pixels find the second kind easier. They have learned
# nothing, so nothing can be out of distribution for them: the *tasks* differ. "Out of distribution" says how unlike training something is; "hard" is another question. What
# could make these letters easy? Section 3 had a hint: the number of faces. A Georgian letter comes in nine faces or
# so, from thin italics to bold slabs, a Canadian syllable in four without serifs, a sign of Tifinagh in two. Pictures
# of one letter then differ less among each other.
#
# That is a hypothesis with a test: draw *every* letter in its first face only, upright and without serifs, with the
# same random bends. Then pictures of a letter vary alike in all scripts. The tasks are paired: the same letters in the
# same episodes.
#
# **Predict:** with one face, what will the order of training letters, test scripts, and those out of distribution be,
# for the network and for pixels?

# %%
def one_face():
    """The data set with every image in the letter's first face; the jitter is drawn as before."""
    generator, first = seeded(0), torch.stack([rasters[0] for rasters in letters.values()])
    images = torch.cat([jitter(some, generator) for some in first.repeat_interleave(20, 0).split(1024)])
    return ImageClasses(images.unflatten(0, (len(letters), 20)), script, SCRIPTS)


KINDS, SPLITS = {"all faces": data, "one face": one_face()}, ("train", "test", "ood")
results = {}
for split in SPLITS:
    for kind, source in KINDS.items():
        parts = []
        for some in supervised.batches(source.sample_few_shot(300, WAYS, 1, 5, seeded(12), split), 50):
            adapted = method.adapt(learned, some.support_inputs, some.support_targets)
            with torch.no_grad():
                logits = conv_net(adapted, some.query_inputs, some.support_inputs)
            by_pixels = (pixel_neighbours(some) == some.query_targets).float().mean(1)
            parts.append(torch.stack([accuracy(logits, some.query_targets), by_pixels], 1))
        results[split, kind] = torch.cat(parts)  # [task, network or pixels]

figure, axes = plotting.figure(1, 2, width=9.6, height=3.6)
for panel, which, title in zip(axes, (0, 1), ("prototypes of section 1", "pixel neighbours"), strict=True):
    for kind, color, shift in (("all faces", plotting.BLUE, -0.06), ("one face", plotting.ORANGE, 0.06)):
        values = [results[split, kind][:, which] for split in SPLITS]
        halves = [1.96 * float(value.std()) / len(value) ** 0.5 for value in values]
        panel.errorbar(
            np.arange(3) + shift, [float(value.mean()) for value in values], yerr=halves, fmt="o-", capsize=4,
            color=color, label=kind,
        )  # fmt: skip
    panel.set_xticks(range(3), ["training\nletters", "test\nscripts", "out of\ndistribution"])
    panel.set(title=title, xlim=(-0.4, 2.4))
axes[0].set_ylabel("accuracy, 5-way 1-shot")
axes[1].legend(fontsize=10, loc="lower right")
plotting.show(
    figure,
    "Accuracy on training letters, test scripts and scripts out of distribution, with all faces and with one face. "
    "Left, prototypes: with all faces the letters out of distribution are easier than the test scripts; with one face "
    "everything is easier and that lead is gone. Right, pixels: rising from left to right with both.",
)


def compared(split, reference, which, weights):
    """Mean over tasks of `split` minus `reference`, with half a 95 % interval; weights of (all faces, one face)."""
    sides = [
        sum(w * results[name, kind][:, which] for w, kind in zip(weights, KINDS, strict=True))
        for name in (split, reference)
    ]
    half = 1.96 * float(sum(side.var() / len(side) for side in sides)) ** 0.5
    return f"{float(sides[0].mean() - sides[1].mean()):+.3f} ± {half:.3f}"


lines = ["| | prototypes | pixels |", "|---|---|---|"]
for text, pair_, weights in (
    ("out of distribution minus test, all faces", ("ood", "test"), (1, 0)),
    ("out of distribution minus test, one face", ("ood", "test"), (0, 1)),
    ("second minus first", ("ood", "test"), (-1, 1)),
    ("training minus test, all faces", ("train", "test"), (1, 0)),
    ("training minus test, one face", ("train", "test"), (0, 1)),
    ("second minus first", ("train", "test"), (-1, 1)),
):
    lines.append(f"| {text} | {compared(*pair_, 0, weights)} | {compared(*pair_, 1, weights)} |")
say("\n".join(lines))
pairs_alike = {}
for split, members in data.members.items():
    cosine = similarity[members][:, members]
    pairs_alike[split] = float((cosine.sum() - len(members)) / (len(members) * (len(members) - 1)))
say(
    "Similarity of two random letters of a split, as pixels see it (cosine, section 3): "
    + ", ".join(f"{split} {value:.2f}" for split, value in pairs_alike.items())
    + "."
)
network_means = {key: float(value[:, 0].mean()) for key, value in results.items()}
assert network_means["train", "one face"] > network_means["ood", "one face"]
assert all(network_means[split, "one face"] > network_means[split, "all faces"] for split in SPLITS)
assert pairs_alike["train"] > pairs_alike["ood"]

# %% [markdown]
# Two things were mixed. *Faces:* with one face the network is better everywhere, and the lead of the letters out of
# distribution over the test scripts is gone. The change, paired by task, is larger than its interval. *Shapes:* for
# pixels the last kind stays easiest with one face, too, and the reason is in the line below the table: two of these
# letters, picked at random, simply look less alike. That helps a network as well. So the result does not show that
# novelty costs nothing; it shows that these tasks are easy enough to hide what it costs.
#
# The lesson is not about scripts. An accuracy on another distribution is novelty and difficulty in one number. A
# baseline that has learned nothing, on the same tasks, is the least one needs to tell them apart.
#
# ## 10 What goes wrong in practice
#
# ### Labels that stay
#
# Give each letter a label of its own, 0 to 4, for the whole of training, and build episodes with one letter of each
# label. Everything else is as before. We train ANIL twice on the same episodes of twenty-five training letters, once with
# these fixed labels and once with the labels of each episode shuffled.
#
# **Predict:** for both, what is the accuracy *before* the inner step on the training letters? After it, on new
# scripts?

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


lines = [
    "| labels | training letters, no step | training letters, one step | new scripts, one step |",
    "|---|---|---|---|",
]
measured = {}
for name, shuffle in (("fixed", False), ("shuffled", True)):
    draw = lambda number, generator, shuffle=shuffle: labelled_episodes(number, generator, shuffle)  # noqa: E731
    brief = supervised.TrainConfig(iterations=300, meta_batch=settings["meta_batch"], outer_lr=3e-3, anneal=True)
    kept, _ = supervised.train(
        anil, anil.initial(network), draw, brief, seeded(0), description=f"ANIL, {name} labels"
    )
    cells = []
    for some, steps in ((draw(300, seeded(14)), 0), (draw(300, seeded(14)), 1), (tasks, 1)):
        parts = []
        for piece in supervised.batches(some, 50):
            adapted = anil.adapt(kept, piece.support_inputs, piece.support_targets, steps)
            with torch.no_grad():
                parts.append(accuracy(conv_net(adapted, piece.query_inputs, piece.support_inputs), piece.query_targets))
        cells.append(torch.cat(parts))
    measured[name] = cells
    lines.append(f"| {name} | " + " | ".join(f"{float(value.mean()):.2f}" for value in cells) + " |")
say("\n".join(lines))
lost = measured["fixed"][2] - measured["shuffled"][2]
say(
    f"Fixed minus shuffled on new scripts, paired by task: **{float(lost.mean()):+.3f}** ± "
    f"{1.96 * float(lost.std()) / len(lost) ** 0.5:.3f}."
)
assert float(measured["fixed"][0].mean()) > 2 * float(measured["shuffled"][0].mean())
assert float(lost.mean()) < -0.05 and float(measured["fixed"][2].mean()) < a


# %% [markdown]
# With fixed labels the network reads the letter and knows the answer before it has seen a support set: it has become
# an ordinary classifier of twenty-five letters. Its training loss falls faster, and nobody would notice. On new scripts
# it is worse than pixels, because nothing in (07.1) asked it to *use* a support set. (Twenty-five letters are few for
# the other network as well; compare the last column with the brief ANIL of section 8, which saw all of them.) The
# problem is known as memorisation (Yin et al. 2020) and comes back in chapter 15; in reinforcement learning it is a
# policy that recognises the task from its first observation. Prototypes cannot fall into it: their head is made of the
# support set and nothing else.
#
# ### Running averages
#
# What if the network kept running averages of its statistics, as a BatchNorm layer does, and used them at test?
#
# **Predict:** (a) how much accuracy does that cost on our test tasks? (b) And on tasks photographed in poor light, all
# pixels of a task multiplied by 0.3?

# %%
def prototype_accuracy(task, light=1.0, statistics=None):
    """Accuracy of one task; all images normalised by `statistics`, or by the support set."""
    near, own = my_features(learned, light * task[0], statistics)
    far, _ = my_features(learned, light * task[2], own if statistics is None else statistics)
    centres = torch.stack([near[task[1] == k].mean(0) for k in range(WAYS)])
    return float((torch.cdist(far, centres).argmin(1) == task[3]).float().mean())


with torch.no_grad():
    running = None
    for task in zip(*glyphs.sample(100, WAYS, 1, settings["queries"], seeded(15)), strict=True):  # training tasks, one after another
        _, seen = my_features(learned, torch.cat([task[0], task[2]]))
        flat = [value for pair in seen for value in pair]
        running = flat if running is None else [0.9 * r + 0.1 * f for r, f in zip(running, flat, strict=True)]
    averages = list(zip(running[::2], running[1::2], strict=True))
    singles = list(zip(*tasks, strict=True))[:150]
    by = {
        (light, name): np.mean([prototype_accuracy(task, light, statistics) for task in singles])
        for light in (1.0, 0.3)
        for name, statistics in (("support", None), ("running", averages))
    }
say(
    "| statistics | as drawn | in poor light |\n|---|---|---|\n"
    f"| of the support set | {by[1.0, 'support']:.3f} | {by[0.3, 'support']:.3f} |\n"
    f"| running averages over training tasks | {by[1.0, 'running']:.3f} | **{by[0.3, 'running']:.3f}** |"
)
assert abs(by[1.0, "running"] - by[1.0, "support"]) < 0.05
assert abs(by[0.3, "support"] - by[1.0, "support"]) < 0.02 and by[0.3, "running"] < by[0.3, "support"] - 0.1

# %% [markdown]
# (a) Nothing. All our tasks are white letters on black and have nearly the same statistics, and the network's
# weights do not change with the task. A test of this kind would have found running averages harmless. (b) When tasks
# do differ in what statistics measure, the averages are those of other tasks, and the network sees features that it
# has never seen. The support set's own statistics do not notice the light at all: (07.3) divides it out.
#
# With MAML there is a third reason: its weights move in the inner loop, and averages taken at $\theta$ do not belong
# to $\theta'_{\mathcal{T}}$. And if copies of one network adapt to several tasks and all write into one buffer, the
# result of a task depends on the order of the tasks; exercise 3 has such a case.
#
# ### An interval that says less than it seems
#
# Papers report "$98.7 \pm 0.4$ %" and often leave open of what. Three intervals of the same number, from the table:

# %%
row = table.scores("prototypes, 1-shot")[:, :, NEW]  # [training, task]
center = row.mean()
queries = settings["test_queries"] * WAYS
over_queries = 1.96 * (center * (1 - center) / (row.shape[1] * queries)) ** 0.5
over_tasks = 1.96 * row[0].std(ddof=1) / row.shape[1] ** 0.5
over_trainings = 1.96 * row.mean(1).std(ddof=1) / len(row) ** 0.5
say(
    "| half-width of a 95 % interval | | it answers |\n|---|---|---|\n"
    f"| queries of one network, as if independent | {over_queries:.4f} | no question |\n"
    f"| tasks, one network | {over_tasks:.4f} | how would *this network* do on other tasks? |\n"
    f"| five trainings, the same tasks | {over_trainings:.4f} | how would *another training* do on these tasks? |"
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
# predictions are transductive. Only the order of methods is a thing to look for. If you have the archive
# (`images_background.zip` and `images_evaluation.zip` of Lake et al. 2015, unpacked into one folder), name the folder
# in the environment variable `OMNIGLOT` before you start Jupyter; the split is then the archive's own, by alphabet.

# %%
folder = os.environ.get("OMNIGLOT")
if folder:
    omniglot = load_omniglot(folder)
    parts = []
    for some in supervised.batches(omniglot.sample_few_shot(300, WAYS, 1, 10, seeded(16), "test"), 50):
        adapted = method.adapt(learned, some.support_inputs, some.support_targets)
        with torch.no_grad():
            parts.append(accuracy(conv_net(adapted, some.query_inputs, some.support_inputs), some.query_targets))
    say(f"Trained on printed letters, tested on handwriting: {float(torch.cat(parts).mean()):.3f}.")
else:
    say("No folder given: this cell has nothing to do, and nothing else in the chapter needs it.")

# %% [markdown]
# ## 11 Check yourself
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
# **3.** A transductive network answers 50 queries, 46 of class A and one of each other class. What do you expect? (A)
# The same accuracy as for a balanced batch. (B) More, since A is easy to guess. (C) Less, mostly on A.
#
# <details><summary>Answer to 3</summary>
#
# **C.** By (07.10) nearly all of what marks A is subtracted, so pictures of A come to lie near the origin, between the
# prototypes, while the four others are pushed away from it. (A) holds for $p_k = 1/N$ only. (B): the network does not
# count how many of each class it has answered.
# </details>
#
# **4.** Method X has 0.951 and method Y 0.944 on the same 600 tasks, one training each; the interval of the paired
# difference over tasks is [0.003, 0.011]. What follows? (A) X is the better method. (B) This network X is better than
# this network Y on such tasks. (C) Nothing, one needs more queries.
#
# <details><summary>Answer to 4</summary>
#
# **B.** Tasks were drawn anew, trainings were not. (A) needs several trainings of each. (C): more queries shrink only
# the second term of (07.2).
# </details>
#
# **5.** Why is a split by letter a leak if no letter is in both parts? (A) It is not. (B) Letters of one script are
# made of the same parts, and accented ones are nearly the same. (C) The labels of test letters are known.
#
# <details><summary>Answer to 5</summary>
#
# **B.** What is to be measured is how well new forms are told apart; forms that differ from a training letter by an
# accent are not new. (A) confuses "not identical" with "independent". (C): labels are drawn anew in each episode
# anyway.
# </details>
#
# **6.** After one inner step on a zero head, all $\alpha > 0$ give the same decisions. Why does ANIL's $\alpha$
# matter nevertheless? (A) It does not. (B) It sets the size of the logits, and so the loss and its gradient in
# meta-training. (C) It decides the bias.
#
# <details><summary>Answer to 6</summary>
#
# **B.** In (07.8) $\alpha / N$ multiplies all logits: a temperature. Too small, and all probabilities stay near $1/N$;
# too large, and the gradient vanishes wherever the answer is right already. (A) is true of decisions only, and for
# one step. (C): the bias stays zero after one step on a balanced support set.
# </details>
#
# **7.** Pre-training was useless on sinusoids and is strong here. Why? (A) The conv net is larger. (B) On sinusoids the
# tasks want different outputs for the same input; here each letter has one name. (C) Images carry more data than
# numbers.
#
# <details><summary>Answer to 7</summary>
#
# **B.** Joint training fits the mean of what the tasks want, (02.12); where they agree, that is a fine target. (A): a
# larger network would fit the same mean of sinusoids. (C) does not matter by itself: give each letter a random name in
# every episode and train jointly without a support set, and images are as hopeless as sinusoids.
# </details>
#
# ## Exercises
#
# [exercises/07_few_shot_images_exercises.ipynb](../exercises/07_few_shot_images_exercises.ipynb): an episode without a leak, two heads in
# closed form, an evaluation that is too good, and what an interval is an interval of. About an hour and a half.
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
#   meta-learning*, 2020, arXiv:2003.03284.
# - M. Yin, G. Tucker, M. Zhou, S. Levine and C. Finn, *Meta-learning without memorization*, 2020, arXiv:1912.03820.
#
# [Exercises](../exercises/07_few_shot_images_exercises.ipynb) · previous: [06 Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb) · next: [08 MAML for reinforcement learning](08_maml_for_rl.ipynb)
