# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 Growing beyond one machine
#
# **When do more processes make meta-training faster, and how does one get the same numbers?**
#
# You will be able to
#
# - write the meta-gradient as a mean over tasks, and spread it over processes (built from scratch)
# - get the same numbers on one process and on several, also where tasks draw random numbers
# - derive what one sum over processes costs, and when an iteration gets faster
# - predict from a cost model when it pays, and compare with measurements over throttled links
# - recognise three mistakes of spread trainings that give no error message
#
# Before you start: chapter 08, [MAML for reinforcement learning](08_maml_for_rl.ipynb).
#
# Reading: about 60 minutes. Running: at most 100 seconds and 900 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/14_beyond_one_machine_exercises.ipynb): about 100 minutes.

# %% tags=["hide-input"]
import tempfile
from pathlib import Path

import numpy as np
import torch

from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.figures import ch14 as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta.supervised.meta_batches import batches
from metarl_core.parameters import trainable_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import scaling, sharing
from metarl_core.results import load_table
from metarl_core.scale import Ranks, torchrun
from metarl_core.session import begin
from metarl_core.tasks import FewShot
from metarl_core.training import sgd

begin()

# %% [markdown]
# ## 1 Tasks have nothing to say to each other
#
# In an iteration of MAML every task is adapted to, and measured, without a look at the others. Only the last line needs
# them all: the mean of their gradients. So the work can be given to many processes, which talk once in an iteration.

# %% tags=["hide-input"]
figures.shares()

# %% [markdown]
# Processes that train together have numbers, their **ranks** $r = 0, \ldots, R - 1$. They may sit on one machine or on
# many. Each holds all meta-parameters $\theta$. If all start alike and take the same steps, they stay alike, and nobody
# needs to send parameters around.
#
# Two questions are left, and they are this chapter. How does one get **the same numbers**, whatever $R$ is? And **when is
# it faster**? The first comes first: a training whose result depends on the number of machines cannot be debugged.
#
# **Predict, then run.** Seven tasks, two processes: one has three tasks, the other four. Each computes the mean gradient
# of its own tasks, and then the two means are averaged. By how much is the result wrong?
#
# *Your prediction:*

# %%
meta = trainable_parameters(sharing.start())
data = sharing.sample(sharing.TASKS, seeded(0))


def of_tasks(where):
    """The mean gradient of some of the tasks, as one vector."""
    gradients, _ = sharing.METHOD.direction(meta, FewShot(*(part[where] for part in data)))
    return torch.cat([value.reshape(-1) for value in gradients.values()])


whole, first, second = of_tasks(slice(0, 7)), of_tasks(slice(0, 3)), of_tasks(slice(3, 7))

# %% tags=["hide-input"]
off = {"mean of means": (first + second) / 2, "sum of shares": 3 / 7 * first + 4 / 7 * second}
off = {name: float((value - whole).norm() / whole.norm()) for name, value in off.items()}
claim(
    f"The mean of the two means is off by {off['mean of means']:.1%} of the gradient's length. With the weights 3/7 and 4/7 "
    f"the difference is {off['sum of shares']:.0e}.",
    off["mean of means"] > 0.01 and off["sum of shares"] < 1e-12,
)


# %% [markdown]
# ## 2 The meta-gradient is a mean over tasks
#
# Let $U_t(\theta)$ be what adaptation to task $t$ makes of $\theta$, and $\mathcal{L}_t$ the loss on its query. The outer
# loss is a mean, so its gradient is one:
#
# $$g = \nabla_\theta \frac{1}{T} \sum_{t=1}^{T} \mathcal{L}_t\bigl(U_t(\theta)\bigr) = \frac{1}{T} \sum_{t=1}^{T} g_t,
# \qquad g_t = \nabla_\theta\, \mathcal{L}_t\bigl(U_t(\theta)\bigr). \tag{14.1}$$
#
# The second derivative of chapter 05 sits inside $g_t$. Nothing of it crosses the border between two tasks. Let rank $r$
# have $n_r$ of the tasks, and let $\bar g^{(r)}$ be the mean over them. Sorting the sum by ranks gives
#
# $$g = \sum_{r=0}^{R-1} \frac{n_r}{T}\, \bar g^{(r)}, \qquad \sum_r n_r = T. \tag{14.2}$$
#
# So each rank multiplies by its *share* $n_r / T$, and the ranks need one **sum**, an *all-reduce*: afterwards every one of
# them has it. The mean of means, $\frac{1}{R} \sum_r \bar g^{(r)}$, is the same where all $n_r$ are equal, and nowhere else.
#
# > **Algorithm: one iteration, on every rank.**
# > 1. Draw *all* tasks, from a generator of the same seed on every rank; keep your own.
# > 2. Compute $\bar g^{(r)}$ of your own tasks, a few at a time.
# > 3. Write $\frac{n_r}{T} \bar g^{(r)}$ into one flat vector, and sum these vectors over ranks.
# > 4. Take the optimiser's step, the same on every rank.

# %%
def my_spread(direction, rank, size, total, chunk=2):
    """A direction for `supervised.train`, in which this rank computes its own tasks; total sums a vector over ranks."""

    def of_all(meta, data):
        tasks = len(data.support_inputs)
        own = slice(tasks * rank // size, tasks * (rank + 1) // size)
        flat, losses = 0.0, torch.zeros(tasks, dtype=torch.float64)
        found = []
        for piece in batches(FewShot(*(part[own] for part in data)), chunk):
            part, loss = direction(meta, piece)
            found.append(loss.detach())
            share = len(loss) / tasks  # (14.2), of the whole meta-batch, not of this rank's tasks
            flat = flat + share * torch.cat([value.detach().reshape(-1) for value in part.values()])
        losses[own] = torch.cat(found)
        summed = total(torch.cat([flat, losses]))  # the only message
        pieces = summed[:-tasks].split([value.numel() for value in meta.values()])
        gradients = {name: piece.view_as(meta[name]) for name, piece in zip(meta, pieces, strict=True)}
        return gradients, summed[-tasks:]

    return of_all


# %% [markdown]
# Why draw data that another rank uses? Because then the tasks of an iteration depend on the seed alone. For sine curves
# that is cheap beside a meta-gradient; section 5 is about cases in which it would cost too much. The losses travel
# in the same vector: every rank writes its own into zeros, and the sum puts them together.
#
# **Why not `DistributedDataParallel`?** PyTorch's usual tool averages what `.backward()` leaves in `.grad`, as it comes.
# Its documentation says that it does not work with `torch.autograd.grad`, and a functional meta-gradient is made by
# just that. Where one does call `.backward()` on the outer loss, it averages: $\frac{1}{R} \sum_r \bar g^{(r)}$. And it must not
# touch the *inner* gradients at all. Averaged over ranks, they would adapt each task to all tasks:
#
# $$U_t(\theta) = \theta - \alpha \nabla \mathcal{L}_t(\theta) \quad \text{becomes} \quad
# \theta - \frac{\alpha}{R} \sum_{r} \nabla \mathcal{L}_{t_r}(\theta), \tag{14.3}$$
#
# which is pre-training on many tasks, and no error message says so.
#
# ## 3 What one sum costs
#
# How do $R$ processes sum a vector of $m$ bytes? If all send theirs to rank 0, it receives $(R-1)\,m$ bytes and sends as
# many: the cost grows with $R$, on one link. A **ring** does better (Patarasuk and Yuan 2009). Cut the vector into $R$ pieces.
# In each round every rank sends one piece to its neighbour, and all links work at once.

# %% tags=["hide-input"]
figures.ring()


# %% [markdown]
# In the first $R - 1$ rounds what arrives is added to the own piece and sent on: then each rank holds one piece that is
# summed over all. In $R - 1$ further rounds the finished pieces go round. With a delay of $\lambda$ seconds a round, and
# $B$ bytes a second on a link,
#
# $$t_\text{sum}(R) = 2(R-1) \Bigl(\lambda + \frac{m}{R\,B}\Bigr) = 2(R-1)\,\lambda + 2\,\frac{R-1}{R}\,\frac{m}{B}.
# \tag{14.4}$$

# %%
def my_ring(vectors):
    """Sums of all vectors, as each rank has them in the end; and how many numbers each rank has sent."""
    size = len(vectors)
    pieces = [list(vector.clone().tensor_split(size)) for vector in vectors]
    sent = [0] * size
    for step in range(2 * (size - 1)):
        adding = step < size - 1
        place = [(rank - step + (0 if adding else 1 + size - 1)) % size for rank in range(size)]
        moving = [pieces[rank][place[rank]].clone() for rank in range(size)]  # all at once
        for rank in range(size):
            following = (rank + 1) % size
            there = pieces[following][place[rank]]
            pieces[following][place[rank]] = there + moving[rank] if adding else moving[rank]
            sent[rank] += len(moving[rank])
    return [torch.cat(each) for each in pieces], sent


vectors = [torch.randn(1200, generator=seeded(rank)).double() for rank in range(6)]
sums, sent = my_ring(vectors)

# %% tags=["hide-input"]
wrong = max(float((each - sum(vectors)).abs().max()) for each in sums)
claim(
    f"Six ranks, 1,200 numbers: each rank has the sum, up to {wrong:.0e}, and each has sent {sent[0]:,} numbers. "
    f"That is 2 · 5/6 · 1,200.",
    wrong < 1e-12 and set(sent) == {2000},
)

# %% [markdown]
# What a rank sends stays below $2m$, however many there are. The other part of (14.4), the rounds, grows with $R$. With
# two ranks the link carries $m$ bytes each way.
#
# ## 4 Two processes, live
#
# `torchrun` starts processes and tells each its rank by environment variables. They find each other by
# `torch.distributed`. In the package `join()` gives a `Ranks`, whose `total` is the sum, and `spread` is section 2's
# `my_spread`. Without `torchrun` the same script is a training of one process.
#
# The script trains MAML on sine curves in float64: seven tasks an iteration, 20 iterations. It does so three times. Once
# with `spread`; once with a meta-gradient that stays in its own process, as under `DistributedDataParallel` with
# `torch.autograd.grad`; and once with `spread` and generators that are keyed by rank. It then does some reinforcement
# learning, for section 5.

# %%
SCRIPT = """
import sys
import torch
from metarl_core.recipes import sharing
from metarl_core.scale import join, spread
from metarl_core.tasks import FewShot

with join() as ranks:
    own = ranks.own(sharing.TASKS)

    def not_sent(meta, data):  # each rank keeps the gradient of its own tasks
        return sharing.METHOD.direction(meta, FewShot(*(part[own.start : own.stop] for part in data)))

    together = spread(sharing.METHOD.direction, ranks)
    found = {
        "spread": sharing.sines(together),
        "not sent": sharing.sines(not_sent),
        "keyed by rank": sharing.sines(together, seed=ranks.rank),
        **sharing.by_interaction(ranks),
    }
    torch.save(found, f"{sys.argv[1]}.{ranks.rank}")
"""

# %% [markdown]
# **Predict, then run.** Compare the meta-parameters after 20 iterations, rank 0 against rank 1, and rank 0 against a
# training by one process. (a) Which of the three trainings has two ranks that differ? (b) Which agrees with itself on both
# ranks, and yet differs from one process? Would you have noticed?
#
# *Your prediction:*

# %%
alone = {"spread": sharing.sines(), **sharing.by_interaction(Ranks())}
with tempfile.TemporaryDirectory() as folder:
    script = Path(folder) / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    launched = torchrun(script, 2, str(script.with_suffix("")))
    two = [torch.load(f"{script.with_suffix('')}.{rank}") for rank in (0, 1)] if launched.ok else None

# %% tags=["hide-input"]
NAMES = ("spread", "not sent", "keyed by rank")
if two is None:
    print(launched)
between, from_one = {}, {}
for name in (*NAMES, *alone):
    between[name] = sharing.apart(two[0][name], two[1][name]) if two else float("nan")
    from_one[name] = sharing.apart(two[0][name], alone.get(name, alone["spread"])) if two else float("nan")
show_table(
    ["largest difference of two meta-parameters", "rank 0 and rank 1", "rank 0 and one process"],
    [(name, f"{between[name]:.1e}", f"{from_one[name]:.1e}") for name in NAMES],
)
claim(
    f"With `spread` two ranks agree to the last bit, and with one process up to {from_one['spread']:.0e}. With a gradient that "
    f"is not sent the ranks are {between['not sent']:.2f} apart.",
    between["spread"] == 0 and from_one["spread"] < 1e-10 and between["not sent"] > 0.01,
)
claim(
    "With generators keyed by rank both ranks agree to the last bit, and are "
    f"{from_one['keyed by rank']:.2f} away from what one process learns with the same seed.",
    between["keyed by rank"] == 0 and from_one["keyed by rank"] > 0.01,
)

# %% [markdown]
# (a) The one whose gradient is not sent. Rank 0 would be saved, and the other rank's work is thrown away; losses fall all
# the while. (b) The one whose generators are keyed by rank. It is no mistake in the gradient: each rank computes the mean
# of its own, other tasks, and the sum is a good gradient of *another* meta-batch. But its results change with the number
# of processes, so that no run can be repeated on another machine, and where the ranks draw the same tasks by accident
# (seed 0 in all) the meta-batch shrinks to a share. **Test it**: one iteration, one rank and two, compare all parameters.
#
# ## 5 Tasks that need random numbers while they are computed
#
# A policy draws actions, an environment draws its noise. If every rank drew everything, it would have to *play*
# everything. So the random numbers of a task must belong to the task, whoever computes it. `train_policies` and
# `train_values` cut the meta-batch into **blocks** of a fixed number of tasks. In each iteration all ranks draw the tasks,
# and one seed for each block, from the shared generator. A block is computed as a whole with a generator of its own:
#
# $$\text{random numbers of block } b \;=\; \text{a function of (seed, iteration, } b\text{), not of } r \text{ or } R.
# \tag{14.5}$$
#
# Blocks also bound the memory: a rank with a hundred tasks holds the trajectories of one block at a time. The same two
# processes have trained two policies and a Q-network in this way.

# %% tags=["hide-input"]
show_table(
    ["largest difference of two meta-parameters", "rank 0 and rank 1", "rank 0 and one process"],
    [(name, f"{between[name]:.1e}", f"{from_one[name]:.1e}") for name in alone if name != "spread"],
)
worst = max(from_one[name] for name in alone)
claim(
    f"A policy by Adam, a policy by trust regions, and a Q-network: two processes learn what one does, up to {worst:.0e}.",
    worst < 1e-6 and all(between[name] == 0 for name in alone),
)

# %% [markdown]
# How much has to be sent differs from rule to rule. Adam and Reptile send one vector an iteration, PPO one for each
# epoch. A trust region needs the Hessian times a vector in each step of the conjugate gradients, and (14.1) holds for those
# products, too: each is a sum over ranks, and so is each length that the line search tries. PPO's *minibatches* are
# refused: tasks in random order would leave some ranks without work in most steps. A `QMAML` leaves its replay buffers
# where they are, and sends gradients alone; that is why `train_values` has no checkpoint.
#
# **When a rank dies** the sum can no longer be made. All ranks stop with a sentence. `ranks.checkpoint(path)` hands each of
# them what is in the file of rank 0, and a training goes on, also on *another* number of ranks, since no number in it
# depends on that. Tests kill one of three processes and go on with two: the result is that of an undisturbed run.
#
# ## 6 When is it faster?
#
# Let $a$ be the seconds for the gradient of one task, $b$ what every rank does for itself (drawing, the optimiser), and
# $n = T/R$ the tasks of a rank. With (14.4) an iteration takes
#
# $$t(R, n) = a\,n + b + 2(R-1)\,\lambda + 2\,\frac{R-1}{R}\,\frac{m}{B}. \tag{14.6}$$
#
# **Efficiency** is what is left of $R$ times the work: $E = t(1, n) / t(R, n)$, with the same tasks *per process*. If the
# meta-batch is fixed instead, $n = T/R$, the speed-up is $S = t(1, T) / t(R, T/R)$. Even with a free message it has a limit
# (Amdahl 1967):
#
# $$S \le \frac{a\,T + b}{a\,T/R + b} \;\xrightarrow{R \to \infty}\; \frac{a\,T + b}{b}. \tag{14.7}$$
#
# **A measurement.** The table `scaling` holds seconds of an iteration of MAML: networks 64, 256 and 512 units wide; 1, 4 and
# 12 tasks per process; one process; two in the memory of one machine; and two on "hosts" of their own. These are network
# namespaces of one Linux machine, and between them a token bucket holds the link to 1000, 200 or 50 Mbit/s. The bucket is
# real, the delay is that of the machine and was not varied. Each number is a median of 15 iterations, in five groups of
# processes. **Both cores were busy with other programs all the time**; the measured processes ran in front of them, with
# real-time priority. The statistic, a median, was settled on after minima had been tried.
#
# The model's constants come from *one* number of tasks on *one* process, four, for $a$ and $b$ of each width; from the sum
# alone in memory for $\lambda$; and from the rate that the bucket is set to, for $B$. No iteration of two processes is used.
#
# **Predict, then run.** (a) Where will the model be wrong by more than 20 %, and to which side? Think of what a *bucket* does
# with the first bytes after a pause. (b) With the link of 50 Mbit/s and the widest network, how many tasks must a process have
# before two processes do more work than one?
#
# *Your prediction:*

# %%
table, settings = load_table("scaling"), scaling.Settings()
WIDTHS, TASKS = settings.widths, settings.tasks


def seconds(link, part=0):
    """Medians over groups of processes, [width, task count, the last one: the sum alone]."""
    return np.median(table.scores(link)[..., part], 0).reshape(len(WIDTHS), len(TASKS) + 1)


one, four = seconds(scaling.ALONE), TASKS.index(4)
a = seconds(scaling.ALONE, 1)[:, four] / 4  # of one task, for each width
b = one[:, four] - 4 * a
in_memory = seconds(scaling.LOCAL)[:, -1]
size = 4 * np.array([scaling.numbers(width) for width in WIDTHS])  # bytes, float32
fastest = (size[-1] - size[0]) / max(in_memory[-1] - in_memory[0], 1e-9)
delay = (in_memory[0] - size[0] / fastest) / 2  # of each of the two rounds


def predicted(link, width, tasks, full_bucket=False):
    """Equation (14.6) for two processes; with full_bucket, what the bucket holds goes through at once."""
    bandwidth = scaling.LINKS[link] * 1e6 / 8 if link in scaling.LINKS else fastest
    free = scaling.bucket(scaling.LINKS[link]) if full_bucket and link in scaling.LINKS else 0
    return a[width] * tasks + b[width] + 2 * delay + max(0, size[width] - free) / bandwidth


# %% tags=["hide-input"]
LINKS = (scaling.LOCAL, *scaling.LINKS)
places = [(link, w, k) for link in LINKS for w in range(len(WIDTHS)) for k in range(len(TASKS))]
measured = np.array([seconds(link)[w, k] for link, w, k in places])
models = [np.array([predicted(link, w, TASKS[k], full) for link, w, k in places]) for full in (False, True)]
figures.predictions(
    [(link, str(WIDTHS[w]), p, m) for (link, w, _), p, m in zip(places, models[0], measured, strict=True)]
)
near = [np.abs(measured / model - 1) <= 0.2 for model in models]
of_link = {link: np.array([place[0] == link for place in places]) for link in LINKS}
show_table(
    ["link", "within 20 % by (14.6)", "measured / predicted", "with a full bucket", "measured / predicted"],
    [
        (link, *(entry for model, close in zip(models, near, strict=True) for entry in (
            f"{close[own].sum()} of {own.sum()}",
            f"{(measured / model)[own].min():.2f} to {(measured / model)[own].max():.2f}",
        )))
        for link, own in of_link.items()
    ],
)  # fmt: skip
claim(
    f"Of {len(places)} iterations of two processes (14.6) predicts {near[0].sum()} within 20 %. The other "
    f"{(~near[0]).sum()} are all faster than predicted. With what the bucket lets through at once taken off, it is "
    f"{near[1].sum()} of {len(places)}.",
    near[0].sum() >= 27 and (measured < models[0])[~near[0]].all() and near[1].sum() > near[0].sum(),
)

# %% tags=["hide-input"]
by_width = {
    str(width): (TASKS, {link: [one[w, k] / seconds(link)[w, k] for k in range(len(TASKS))] for link in LINKS})
    for w, width in enumerate(WIDTHS)
}
figures.efficiencies(by_width)
SLOW = "two, 50 Mbit/s"


def efficiency(link, width, tasks):
    """t interval over groups of processes, with the median of one process above."""
    place = WIDTHS.index(width) * (len(TASKS) + 1) + TASKS.index(tasks)
    return t_interval(one[WIDTHS.index(width), TASKS.index(tasks)] / table.scores(link)[:, place, 0])


few, many, quick = efficiency(SLOW, 512, 1), efficiency(SLOW, 512, 12), efficiency(scaling.LOCAL, 512, 12)
break_even = (size[-1] / (scaling.LINKS[SLOW] * 1e6 / 8) - b[-1]) / a[-1]
claim(
    f"512 units, 50 Mbit/s: with one task per process the efficiency is {few.point:.2f} [{few.low:.2f}, {few.high:.2f}], with "
    f"twelve {many.point:.2f} [{many.low:.2f}, {many.high:.2f}], and in memory, with twelve, {quick.point:.2f} "
    f"[{quick.low:.2f}, {quick.high:.2f}]. By the model two processes are level with one at {break_even:.0f} tasks each.",
    few.high < 0.5 < quick.low and few.high < many.low,
)

# %% [markdown]
# (a) Where the message is hardly longer than what the bucket holds: after a pause these bytes pass at once, and a link looks
# faster than its rate. Real switches have buffers, too. The model that is told the bucket's size finds what the first one
# missed; it was written down after the measurements had been seen, and has not been tried on others. (b) As many as make the computing as long as the message; the number stands above. Three rules follow from (14.6).
# **More tasks per process** make any link good enough. **A larger network** makes the message longer, and for a fully
# connected one the computing, too. And a link counts by $m/B$ against $a\,n$, not by its speed alone.
#
# What was not varied: the delay, more than two processes, and what else the machine did. On two cores more than two
# processes would share cores, and measure that.
#
# ## 7 A thousand workers, on paper
#
# What breaks first? Take $a$, $b$ and $m$ of the network 512 units wide, 4 tasks per worker, and, as *assumptions*, a
# delay of 50 microseconds and 10 Gbit/s. Equation (14.6) then says where the time goes.

# %%
workers = np.unique(np.logspace(0, 3, 40).astype(int))
parts = {
    "tasks": np.full(len(workers), 4 * a[-1]),
    "drawing, optimiser": np.full(len(workers), b[-1]),
    "drawing all tasks": 1e-5 * 4 * workers,  # 10 microseconds for a task's data: an assumption, too
    "bytes": 2 * (workers - 1) / workers * size[-1] / (10e9 / 8),
    "rounds": 2 * (workers - 1) * 50e-6,
}
length = sum(parts.values())
rng = np.random.default_rng(0)
crowd = [1, 4, 16, 64, 256, 1024]
slowest = [rng.lognormal(0, 0.15, (2000, count)).max(1).mean() / np.exp(0.15**2 / 2) for count in crowd]

# %% tags=["hide-input"]
figures.thousand(workers, {name: values / length for name, values in parts.items()})
figures.stragglers(crowd, slowest)
at_thousand = {name: values[-1] / length[-1] for name, values in parts.items()}
claim(
    f"With {workers[-1]} workers an iteration takes {length[-1] / length[0]:.1f} times as long as with one, for a meta-batch of "
    f"{4 * workers[-1]:,} tasks. The rounds of the ring take {at_thousand['rounds']:.0%} of it, the bytes "
    f"{at_thousand['bytes']:.1%}. If a worker's time varies by 15 %, the slowest of 1,024 takes {slowest[-1]:.2f} times the mean.",
    at_thousand["rounds"] > at_thousand["bytes"] and slowest[-1] > 1.3,
)


# %% [markdown]
# In this order:
#
# 1. **The meta-batch.** A thousand workers with four tasks are 4,000 tasks an iteration. The noise of a mean falls with
#    $1/\sqrt{T}$, and beyond some size more tasks improve a step hardly at all (McCandlish et al. 2018). First ask whether
#    the *training* needs that many; $T$ is a setting of the method, not of the machine.
# 2. **The rounds.** $2(R-1)\lambda$ grows without end. Libraries use trees for short messages, about $2 \log_2 R$ rounds.
# 3. **The slowest.** Everyone waits for it, in every iteration. Episodes of uneven length make it worse. Remedies: smaller
#    blocks that are handed out as workers become free, or actors that do not wait at all and a correction for data that
#    are a little old (IMPALA, Espeholt et al. 2018): then the same numbers are given up.
# 4. **Failures.** If a machine fails once a year, one of a thousand fails every nine hours. With $C$ seconds for a
#    checkpoint and $M$ seconds between failures of *any* worker, the best interval is about $\sqrt{2\,C\,M}$ (Young 1974):
#    for ten seconds and nine hours, every 13 minutes.
# 5. **Drawing all tasks on every rank.** It is a serial part as in (14.7). Then draw the seeds of blocks alone.
#
# The rest is the cluster's. None of the following was run here.
#
# <details><summary>SLURM (not run here)</summary>
#
# ```
# !/bin/bash
# #SBATCH --nodes=4 --ntasks-per-node=1 --cpus-per-task=16
# export OMP_NUM_THREADS=1
# first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# srun torchrun --nnodes=4 --nproc_per_node=16 --rdzv_id="$SLURM_JOB_ID" --rdzv_backend=c10d \
#   --rdzv_endpoint="$first:29500" train.py
# ```
#
# `--cpus-per-task` holds as many cores as processes are started with one thread each. `train.py` hands
# `ranks.checkpoint("start.pt")` to the training, so that a job which is sent again goes on, with other nodes as well.
# </details>
#
# <details><summary>Kubernetes (not run here)</summary>
#
# ```yaml
# apiVersion: batch/v1
# kind: Job
# metadata: {name: meta-training}
# spec:
#   completions: 4
#   parallelism: 4
#   completionMode: Indexed
#   template:
#     spec:
#       subdomain: meta-training   # and a headless Service of this name
#       restartPolicy: Never
#       containers:
#         - name: rank
#           image: your-image-with-the-course
#           env: [{name: OMP_NUM_THREADS, value: "1"}]
#           command: [sh, -c]
#           args: ["torchrun --nnodes=4 --nproc_per_node=8 --node_rank=$JOB_COMPLETION_INDEX
#             --master_addr=meta-training-0.meta-training --master_port=29500 train.py"]
#           resources: {requests: {cpu: "8"}, limits: {cpu: "8"}}
# ```
# </details>
#
# **Many trainings are simpler than one large one.** Seeds and settings have nothing to say to each other at all:
# `make experiments JOBS=4` makes the rows of a table by four processes with one thread each. On several machines a
# scheduler such as Ray (Moritz et al. 2018) hands out the same calls:
#
# ```python
# import ray                                   # pip install ray; not part of the course
# from experiments.__main__ import experiment
#
# ray.init(num_cpus=4)
# chosen = experiment("turned_controls")
# run = ray.remote(num_cpus=1)(chosen.run)     # one thread for each
# waiting = {(m, s): run.remote(m, s) for m in chosen.methods for s in chosen.settings.seeds}
# rows = {pair: ray.get(one) for pair, one in waiting.items()}
# ```
#
# ## 8 What goes wrong in practice
#
# ### Averaged twice
#
# A colleague divides by the number of ranks although the shares of (14.2) do so already. With $R$ ranks his gradient is
# $g / R$. **Predict, then run:** with $R = 8$ and 200 iterations, how much higher is the loss with plain gradient descent,
# and how much with Adam?
#
# *Your prediction:*

# %%
def losses_of(divided_by, **settings):
    """Loss of held-out sine curves after meta-training with a gradient that is divided."""

    def direction(meta, data):
        gradients, losses = sharing.METHOD.direction(meta, data)
        return {name: value / divided_by for name, value in gradients.items()}, losses

    learned = sharing.sines(direction, iterations=200, **settings)
    return float(sharing.METHOD.direction(trainable_parameters(learned), sharing.sample(500, seeded(9)))[1].mean())


after = {
    (rule, divided): losses_of(divided, **options)
    for rule, options in (("gradient descent", {"optimiser": sgd}), ("Adam", {}))
    for divided in (1, 8)
}

# %% tags=["hide-input"]
show_table(
    ["held-out loss after 200 iterations", "g", "g / 8"],
    [(rule, f"{after[rule, 1]:.3f}", f"{after[rule, 8]:.3f}") for rule in ("gradient descent", "Adam")],
)
change = {rule: after[rule, 8] / after[rule, 1] - 1 for rule in ("gradient descent", "Adam")}
claim(
    f"Divided by eight, gradient descent ends {change['gradient descent']:+.0%} in loss. Adam ends {change['Adam']:+.2%}: it "
    "divides by the gradient's own size.",
    change["gradient descent"] > 0.01 and abs(change["Adam"]) < 0.01,
)

# %% [markdown]
# With Adam nobody sees it in a curve. It comes to light later: with weight decay beside the gradient, with a clipped norm,
# with another optimiser, or where somebody compares `grad_norm` of two runs. A test finds it at once: one iteration on one
# rank and on two, and compare *gradients*, not losses.
#
# ### As many threads as cores, in every process
#
# By default each process of a numerical library takes all cores. Eight processes on eight cores are then 64 threads that
# push each other out. `torchrun` sets `OMP_NUM_THREADS` to 1 where nothing else is said, and so do `torchrun(…)` above and
# `make experiments JOBS=…`. How much it costs depends on the machine, and was not measured here.
#
# ## 9 Check yourself
#
# Decide before you open an answer.
#
# **1.** Five tasks, two ranks with 2 and 3. Which weights make the sum of the two ranks' *mean* gradients the meta-gradient?
# (A) 1/2 and 1/2. (B) 2/5 and 3/5. (C) 1 and 1, then divide by 5.
#
# <details><summary>Answer to 1</summary>
#
# **B**, equation (14.2). (A) is right for equal shares alone. (C) would be right for *sums* over own tasks.
# </details>
#
# **2.** Two ranks agree to the last bit after a thousand iterations. Is the training right? (A) Yes. (B) Not necessarily: they
# may agree on something else than one process learns. (C) No, rounding must make them differ.
#
# <details><summary>Answer to 2</summary>
#
# **B**, as in section 4 with generators keyed by rank. (A) tests the sum alone. (C): all ranks get the *same* sum, and rounding
# makes them differ from one process, not from each other.
# </details>
#
# **3.** The number of ranks doubles, with the same tasks per rank. What happens to the bytes that each rank sends? (A) They
# double. (B) They stay below $2m$. (C) They are halved.
#
# <details><summary>Answer to 3</summary>
#
# **B**: $2\,\frac{R-1}{R}\,m$. (A) holds for rank 0 where all send to it. (C) forgets that there are twice as many rounds.
# </details>
#
# **4.** Two processes on two hosts are slower than one. What would you change first? (A) Buy a faster link. (B) Give each more
# tasks, if the training can use them. (C) Take more hosts.
#
# <details><summary>Answer to 4</summary>
#
# **B** costs nothing, and (14.6) says how many: until $a\,n$ is longer than the message. (A) helps only where bytes dominate, not
# rounds. (C) makes the message longer, and nothing else.
# </details>
#
# ## Further reading
#
# - P. Patarasuk and X. Yuan, *Bandwidth optimal all-reduce algorithms for clusters of workstations*, 2009: the ring.
# - S. Li et al., *PyTorch distributed: experiences on accelerating data parallel training*, 2020, arXiv:2006.15704.
# - P. Goyal et al., *Accurate, large minibatch SGD: training ImageNet in 1 hour*, 2017, arXiv:1706.02677.
# - S. McCandlish, J. Kaplan, D. Amodei et al., *An empirical model of large-batch training*, 2018, arXiv:1812.06162.
# - L. Espeholt et al., *IMPALA: scalable distributed deep-RL with importance weighted actor-learner architectures*, 2018,
#   arXiv:1802.01561.
# - P. Moritz et al., *Ray: a distributed framework for emerging AI applications*, 2018, arXiv:1712.05889.
# - G. M. Amdahl, *Validity of the single processor approach to achieving large scale computing capabilities*, 1967.
# - J. W. Young, *A first order approximation to the optimum checkpoint interval*, 1974.
#
# [Exercises](../exercises/14_beyond_one_machine_exercises.ipynb) · previous: [13 The field's benchmarks](13_benchmarks_of_the_field.ipynb) · next: [16 Applications](16_applications.ipynb)
