# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 17 Reading critically
#
# **How do you find the mistake in code that runs and a formula that looks right?**
#
# You will be able to
#
# - tell four kinds of mistake, and say what finds each of them
# - decide by a small experiment or a derivation whether a claim, or a line of code, is right
# - find, explain and repair errors as met in public code and articles
# - write the test that would have caught them
# - put twelve questions to a paper, a repository or a result of your own
# - judge whether a library is still alive before you build on it
#
# Before you start: chapter 09, [The meta-policy gradient, done right](09_meta_policy_gradient.ipynb); chapter 11, [Memory and context](11_memory_and_context.ipynb).
#
# Reading: about 50 minutes. Running: at most 30 seconds and 1000 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/17_reading_critically_exercises.ipynb): about 140 minutes. Project: [A claim about meta-RL, reproduced or refuted](../exercises/17p_claim.ipynb), about 4 hours.

# %% tags=["hide-input"]
import numpy as np
import torch
from scipy import stats

from metarl_core.check import ch17
from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.figures import ch17 as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.randomness import seeded
from metarl_core.recipes import equal_letters, estimators
from metarl_core.results import load_table
from metarl_core.session import begin

begin()

# %% [markdown]
# ## 1 Four ways to be wrong
#
# This course was written after a close reading of five articles on deep meta-RL and of some of the code that people build on.
# The articles had twenty-one errors; the code, by people who know the field well, had some, too. So had earlier versions of
# this course. Each is a **case** here, in our own words and lines, rebuilt so small that an experiment of a second decides it.
#
# All of them are of four kinds, and each kind has its own way of being found.

# %% tags=["hide-input"]
counts = {kind: sum(case.kind == kind for case in ch17.CASES) for kind in ch17.KINDS}
figures.sieve(counts)

# %% [markdown]
# The questions stand in the order in which one asks them, and it is the order of rising cost. A program that stops says where.
# One that changes nothing is found by a look at what should have changed. For one that learns *something else* there is no
# sign at all: numbers come out, a curve rises. It takes a case whose answer is known. And a sentence that does not follow may
# stand under a program that has no fault.
#
# **Predict, then read on.** (a) Which kind has most of the twenty-seven cases? (b) Which kind can a training curve show?
#
# *Your prediction:*
#
# **How to use this chapter.** Here you find one case of each kind, worked out (sections 2 to 5), a method for reading (section
# 6), and two results of this course that did not hold (section 7). The other cases stand in appendices
# [17a](17a_cases_of_the_foundations.ipynb) and [17b](17b_cases_of_meta_learning.ipynb), each with its experiment.
# **Diagnose before you read them**: exercise 1 has all cases with their questions, and `ch17.check_case(9, "B")` in any cell
# answers for one of them. [17c](17c_self_test.ipynb) draws questions on the whole course.
#
# ## 2 It does not run

# %% tags=["hide-input"]
ch17.show_case(8)

# %% [markdown]
# Diagnose first. Then run it:

# %%
logits = torch.tensor([0.0, 0.5, -0.5]).double().requires_grad_()
means = torch.tensor([1.0, 0.0, 0.5]).double()  # what each of three arms pays on the average
arms = torch.multinomial(logits.softmax(0).detach(), 20_000, replacement=True, generator=seeded(1))
returns = means[arms] + 0.5 * torch.randn(len(arms), generator=seeded(2)).double()
try:
    (-torch.tensor(returns.tolist()).mean()).backward()
    message = ""
except RuntimeError as error:
    message = str(error).split(".")[0]

# %% tags=["hide-input"]
claim(f"It stops: *{message}*.", "does not require grad" in message)

# %% [markdown]
# The message is about a tensor, and the mistake is about mathematics. What is wanted is the gradient of an expectation whose
# *distribution* depends on the parameters. A return that was played has no derivative; the expectation has one (chapter 04):
#
# $$\nabla_\theta\, \mathbb{E}_{a \sim \pi_\theta}[R] = \sum_a R(a)\, \nabla_\theta \pi_\theta(a)
# = \mathbb{E}_{a \sim \pi_\theta}\bigl[R\, \nabla_\theta \log \pi_\theta(a)\bigr]. \tag{17.1}$$
#
# The repair that silences the message, `requires_grad=True`, is case 9: it runs, and learns nothing. So the decision is not
# "does it run now?" but "is this the gradient?", and for three arms that can be computed.

# %%
weighted = (returns * logits.log_softmax(0)[arms]).mean()
(estimate,) = torch.autograd.grad(weighted, logits)
(exact,) = torch.autograd.grad((logits.softmax(0) * means).sum(), logits)

# %% tags=["hide-input"]
off = float((estimate - exact).abs().max())
claim(
    f"With (17.1) on 20,000 draws the gradient is {[round(float(v), 3) for v in estimate]}, exactly it is "
    f"{[round(float(v), 3) for v in exact]}; they differ by at most {off:.3f}.",
    off < 0.02,
)

# %% [markdown]
# **How it is noticed:** by itself. What can go wrong is the repair. Whenever you repair a message about gradients, follow
# `grad_fn` from the loss to a parameter, and compare with a gradient that you know.
#
# ## 3 It runs and learns nothing

# %% tags=["hide-input"]
ch17.show_case(24)


# %% [markdown]
# A policy that is conditioned on the task can be as good as the information in the condition. Let $e$ be the embedding, and let
# it be drawn independently of the task $T$. For each $e$ the policy $\pi(\cdot \mid s, e)$ is *one* policy for all tasks, so that
#
# $$\mathbb{E}_{T, e}\bigl[J_T(\pi(\cdot \mid \cdot, e))\bigr] = \mathbb{E}_{e}\, \mathbb{E}_{T}\bigl[J_T(\pi(\cdot \mid
# \cdot, e))\bigr] \le \max_{\pi}\, \mathbb{E}_T\bigl[J_T(\pi)\bigr]. \tag{17.2}$$
#
# No training can beat the best policy that ignores $e$. Is that what one would *see*? A goal lies at −1 or +1, the return of an
# action $a$ is $-(a - g)^2$, and the policy is linear in its embedding. It is fitted to twelve training tasks, which is no small
# number in papers, by least squares: the best that any training could do on them.
#
# **Predict, then run.** The embedding has eight numbers. Order three policies by their return *on the tasks of training*: with a
# random embedding, with a noisy look at the goal, and one that ignores it. And on new tasks?
#
# *Your prediction:*

# %%
def goals_and(kind, number, generator):
    """Goals [task] and embeddings [task, 8] of a kind."""
    goals = (2 * torch.randint(2, (number,), generator=generator) - 1).double()
    noise = torch.randn(number, 8, generator=generator).double()
    if kind == "noisy look":
        noise[:, 0] = goals + noise[:, 0]
        noise[:, 1:] = 0
    return goals, torch.cat([0 * noise if kind == "ignored" else noise, torch.ones(number, 1).double()], 1)


def fitted_returns(kind, seed, training=12):
    """Mean return on the training tasks and on 2,000 new ones."""
    generator = seeded(seed)
    goals, embedding = goals_and(kind, training, generator)
    weights = torch.linalg.pinv(embedding) @ goals
    fresh, theirs = goals_and(kind, 2000, generator)
    return float(-(embedding @ weights - goals).square().mean()), float(-(theirs @ weights - fresh).square().mean())


kinds = {"random numbers": "random", "a noisy look at the goal": "noisy look", "nothing": "ignored"}
by_kind = {name: np.mean([fitted_returns(kind, seed) for seed in range(100)], 0) for name, kind in kinds.items()}

# %% tags=["hide-input"]
figures.embeddings({name: tuple(pair) for name, pair in by_kind.items()}, by_kind["nothing"][1])
random_, look, none = by_kind.values()
claim(
    f"On its twelve tasks the policy with random numbers earns {random_[0]:.2f}, more than the one with a noisy look "
    f"({look[0]:.2f}) and the one that ignores everything ({none[0]:.2f}). On new tasks it earns {random_[1]:.1f}; the "
    f"others earn {look[1]:.2f} and {none[1]:.2f}.",
    random_[0] > look[0] > none[0] and random_[1] < none[1] < look[1],
)

# %% [markdown]
# On its own tasks the policy with noise is the *best* of the three: with eight numbers it tells twelve tasks apart by heart. On
# new tasks it is worse than one that ignores its input, as (17.2) says it must be at best equal. Random numbers in place of
# knowledge do not look like nothing; they look like success, until a new task comes.
#
# **The repair:** an embedding is given (chapter 02), or inferred from transitions of the task (chapter 11). **How it is
# noticed:** new tasks; or shuffle the embeddings between tasks: if the return stays, they say nothing.
#
# ## 4 It learns the wrong thing

# %% tags=["hide-input"]
ch17.show_case(12)

# %% [markdown]
# What is meant is the gradient of the query loss at $w' = w - \alpha \nabla L_s(w)$ by $w$ (chapter 05),
#
# $$\nabla_w L_q(w') = \bigl(I - \alpha \nabla^2 L_s(w)\bigr)\, \nabla L_q(w'). \tag{17.3}$$
#
# `load_state_dict` copies *numbers* into the module's own tensors. The module's parameters after it are the old leaves with new
# values: the graph of `fast` is thrown away, and the start is overwritten. Is the gradient zero, then? No. It is a gradient, of
# something. Of what, a case decides in which all is known: a linear model, two tasks, and finite differences.

# %%
generator, alpha = seeded(4), 0.2
lines = [torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, 1.5]).double()]
tasks = []
for line in lines:
    inputs = torch.randn(2, 6, 2, generator=generator).double()
    tasks.append(((inputs[0], inputs[0] @ line), (inputs[1], inputs[1] @ line)))


def error(w, data):
    """Mean squared error of a line."""
    return (data[0] @ w - data[1]).square().mean()


def after_a_step(w, order=tasks):
    """Mean query loss after one step on each task, from the same w."""
    total = 0.0
    for support, query in order:
        total = total + error(w - alpha * torch.func.grad(error)(w, support), query)
    return total / len(order)


# %%
def loaded(w, order=tasks):
    """The case: the gradient that `backward` leaves, and the start of each task."""
    net, total, starts = torch.nn.Linear(2, 1, bias=False).double(), 0.0, []
    net.load_state_dict({"weight": w[None]})
    for support, query in order:
        starts.append(net.weight.detach().clone())
        (slope,) = torch.autograd.grad(error(net.weight[0], support), net.weight, create_graph=True)
        net.load_state_dict({"weight": net.weight - alpha * slope})
        total = total + error(net.weight[0], query)
    (total / len(order)).backward()
    return net.weight.grad[0], starts


w = torch.zeros(2).double()
shifts = 1e-5 * torch.eye(2).double()
differences = torch.stack([(after_a_step(w + shift) - after_a_step(w - shift)) / 2e-5 for shift in shifts])
right, (found, starts) = torch.func.grad(after_a_step)(w), loaded(w)
turned_round = loaded(w, tasks[::-1])[0]

# %% tags=["hide-input"]
show_table(
    ["", "gradient", "tasks in the other order"],
    [
        (name, *(f"({a:.3f}, {b:.3f})" for a, b in (one.tolist(), two.tolist())))
        for name, one, two in (
            ("finite differences", differences, differences),
            ("functional: new tensors", right, torch.func.grad(lambda at: after_a_step(at, tasks[::-1]))(w)),
            ("`load_state_dict`", found, turned_round),
        )
    ],
)
cosine = float(found @ right / found.norm() / right.norm())
claim(
    f"The functional gradient agrees with finite differences to {float((right - differences).abs().max()):.0e}. That of the case "
    f"is {float(found.norm() / right.norm()):.1f} times as long, at a cosine of {cosine:.2f}, and depends on the order of "
    f"the tasks. The second task began at ({float(starts[1][0, 0]):.2f}, {float(starts[1][0, 1]):.2f}) in place of (0, 0).",
    bool((right - differences).abs().max() < 1e-7)
    and not torch.allclose(found, right, rtol=0.05)
    and not torch.allclose(found, turned_round, rtol=0.01),
)

# %% [markdown]
# With such a cosine the direction is not absurd; exercise 2 follows one like it, and a loss goes down. What is lost is what MAML is about,
# the first factor of (17.3), and with the leak the last task's start is the sum of all steps before it.
#
# **The repair:** adapted weights are new tensors, called by `torch.func.functional_call`. **How it is noticed:** finite
# differences, in float64, on two parameters and two tasks. They cost five lines and find both faults. A test that asks whether
# the loss falls finds neither.
#
# ## 5 It says what does not follow

# %% tags=["hide-input"]
ch17.show_case(2)


# %% [markdown]
# A task is a coin with chance $p$, and $p$ differs from coin to coin by a distribution $p(T)$, a Beta distribution with
# parameters $a$ and $b$. After $n$ throws with $k$ heads, what is $p$? Learned from nothing, the guess is $k / n$. Meta-trained
# on many coins, it is the guess with the least expected squared error *over these coins*, the mean of the posterior
#
# $$\hat p = \frac{a + k}{a + b + n}. \tag{17.4}$$
#
# Training has coins that mostly show heads, $a = 8$, $b = 2$, a mean of 0.8. Then the coins at test come from elsewhere: their
# mean runs from 0.1 to 0.9. All errors are sums over $k$ and integrals over $p$, with no luck in them.
#
# **Predict, then run.** Both estimators see five throws of the new coin. (a) On coins like those of training, by what factor is
# the learned one better? (b) And on coins with a mean of 0.2?
#
# *Your prediction:*

# %%
def expected_errors(mean, throws=5, spread=10):
    """Expected squared error over coins of a mean: of the learned guess (17.4) and of the frequency."""
    chances = (np.arange(2000) + 0.5) / 2000
    weights = stats.beta.pdf(chances, mean * spread, (1 - mean) * spread)
    heads = np.arange(throws + 1)
    likely = stats.binom.pmf(heads[:, None], throws, chances) * weights / weights.sum()
    guesses = (8 + heads) / (8 + 2 + throws), heads / throws
    return [float((likely * (guess[:, None] - chances) ** 2).sum()) for guess in guesses]


levels = np.linspace(0.1, 0.9, 33)
learned, plain = np.array([expected_errors(mean) for mean in levels]).T

# %% tags=["hide-input"]
figures.assumptions(levels, learned, plain, 0.8)
home, away = expected_errors(0.8), expected_errors(0.2)
crossing = float(levels[learned < plain].min())
claim(
    f"At home the learned guess errs by {home[0]:.4f} and the frequency by {home[1]:.4f}, {home[1] / home[0]:.1f} times as much. "
    f"At a mean of 0.2 it is the other way round: {away[0]:.3f} against {away[1]:.4f}, {away[0] / away[1]:.0f} times as "
    f"much. The learned one is ahead down to a mean of about {crossing:.2f}.",
    home[0] < home[1] and away[0] > 3 * away[1],
)

# %% [markdown]
# Nothing is wrong with the program: it does what meta-training does. Wrong is the sentence. "Ordinary RL assumes one distribution
# of tasks": it has one MDP. "Meta-RL assumes that the distribution changes": it assumes that it does *not*. What it learns is what
# the tasks of one fixed $p(T)$ have in common, and that is a help or a harm elsewhere, by distance.
#
# **How it is noticed:** ask of each sentence *which result would have refuted it*. Here: a method that is meta-trained on one
# family and worse than learning from nothing on another. That result takes a minute.
#
# ## 6 Twelve questions
#
# What follows is the list with which this course reads papers, repositories and itself. Most answers are short; the ones that
# cannot be found are the result of the reading.
#
# | | question | cases, chapters |
# |---|---|---|
# | 1 | **What is claimed**, in one sentence with a number in it? | 7, 11, 27 |
# | 2 | **What is optimised**, and where in it does adaptation stand? | 1, 16, 20, 21 |
# | 3 | **What is a task**, who draws it, and was any test task touched in training? | 2, 3, 15 |
# | 4 | **What does the method see** that its rival does not: the goal, the reward function, other episodes, the test batch? | 24, 25; 07a |
# | 5 | **Who is the rival**, and who tuned it? | 01, 06, 08 |
# | 6 | **What did each cost**, search included: tasks, episodes, updates, seconds? | 01, 07 |
# | 7 | **What was varied**, and what else changed with it? | 09, 12 |
# | 8 | **Over what is the interval**: seeds, tasks, episodes, and how many? | 03, 07 |
# | 9 | **What would have refuted it?** Was that tried? | 6, 18, 19 |
# | 10 | **Which quantity did nobody look at?** A gradient, a divergence, a belief, a step actually taken? | 9, 12, 22 |
# | 11 | **Where is an answer known**, and was the code run there? | 5, 12, 22, 25, 26 |
# | 12 | **Does the code do what the text says**, argument by argument? | 10, 13, 14, 23 |
#
# The first three are answered from the abstract and the method section; 4 to 9 from the experiments and the appendix; the last
# three from the code. For code of your own, begin at the bottom.
#
# ## 7 Two results of ours that did not hold
#
# Both stood in earlier versions of this course, each with seeds, intervals and a claim under test. Both can be found in the
# history of the repository; numbers of earlier versions are those of the outputs that were committed then, and numbers of today
# are read from the tables below.
#
# **"Pre-training beats MAML on letters."** In November 2026 chapter 07 had a table of ten methods. At one shot MAML lay 0.028
# below pre-training, interval [0.022, 0.034] over five trainings, and at five shots 0.052. The sentence that a reader takes
# away is about *methods*. Here are the questions that it did not pass:
#
# - *6, what did each cost?* The page said so itself: images seen in training, 720,000 by a meta-learner and 384,000 by
#   pre-training, and "what each method could reach with longer training, the table does not say". Cost was told, and not equal.
# - *5, who tuned the rival?* The step size of fine-tuning was chosen on training tasks; MAML's rates were set by hand.
# - *7, what was varied?* The method, and with it data, updates, and the number of letters in a training task.
#
# The table of today gives each method 400 updates on equally many images, and rates from the same kind of search. It has one
# row more, in which pre-training gets four times as many.

# %%
letters = load_table("equal_letters")
accuracy = {
    name: equal_letters.read(letters.scores(f"{name}, 1-shot")).test.mean(-1) for name in ("MAML", "pre-training")
}
LONGER = "longer pre-training"
accuracy[LONGER] = equal_letters.read(letters.scores(f"{LONGER}, 1-shot")).test.mean(-1)
equal, longer = (t_interval(accuracy["MAML"] - accuracy[name]) for name in ("pre-training", LONGER))

# %% tags=["hide-input"]
figures.two_results(
    [("then, unequal budgets", -0.028, -0.034, -0.022)],
    [("today, equal budgets", equal), ("today, rival with four times as much", longer)],
)
claim(
    f"At one budget MAML is {in_words(equal, 3, sign=True)} *ahead* of pre-training. Against pre-training with four times as "
    f"many updates it is {in_words(longer, 3, sign=True)}: behind, as then.",
    equal.low > 0 > longer.high,
)

# %% [markdown]
# Neither table is wrong as a table. What did not hold is the sentence without a budget: which of the two is ahead depends on how
# long they train, and the row that shows it is the one that varies this and nothing else. (Between then and now the network and
# the rates changed, too; the two blue rows differ in one thing, the grey one in several.)
#
# **"After three steps, first order is ahead of LVC."** An earlier chapter 09 compared estimators of the meta-policy gradient. After
# three steps first order was ahead of LVC by 0.93 in return, [0.55, 1.25], and the text added, correctly, that there was no
# explanation for it. The questions:
#
# - *5 and 7.* One outer step size, 0.003, served all estimators, and no search was made for any. Several steps of PPO were taken on
#   each batch, so that ratios and clips acted on each estimator in their own way.
# - *8.* The interval was a bootstrap over tasks and five seeds. With five seeds Student's $t$ is the honest one.
# - *10, which quantity did nobody look at?* When the comparison was made anew, another fault was found in the same place: a
#   meta-batch kept the parameters that had collected it *as a view*, which moved with them, so that ProMP's penalty was zero in
#   every training. No value was wrong that anyone had looked at (appendix 09b tells it).

# %%
returns_of = {
    name: estimators.read(load_table("estimators").scores(name)).returns.mean(1) for name in ("first order", "naive")
}
returns_of["LVC"] = load_table("estimators_same_rate").scores("LVC").mean(1)  # at the same outer rate
gaps = {step: t_interval(returns_of["first order"][:, step] - returns_of["LVC"][:, step]) for step in (1, 3)}

# %% tags=["hide-input"]
claim(
    f"With one plain outer step a batch and the same rate, tuned, first order less LVC is {in_words(gaps[1], 2, sign=True)} after "
    f"one step and {in_words(gaps[3], 2, sign=True)} after three.",
    gaps[1].high < 0 and gaps[3].high < 0.93,
)

# %% [markdown]
# After one step the sign is the other one, and after three nothing is left of the lead. A result without an explanation, from a
# comparison in which several things act at once, is a result to be varied before it is told.
#
# ## 8 Living code, and what became of the tools
#
# Six cases are from code that is in use or was released with a paper. They were seen in the source, as read in November 2026:
#
# | case | where | what stands there |
# |---|---|---|
# | 22, 5, 10 | `metaworld-algorithms`, MAML with TRPO in JAX (`mamltrpo.py`, `utils.py`) | a naive inner loss, differentiated twice; final states taken as terminal, which a comment says; advantages divided by their variance |
# | 23 | `learn2learn`, `examples/rl/maml_dice.py` | the inner loop is built with the outer rate; the argument for its own is never used |
# | 25 | `varibad`, `environments/navigation/gridworld.py` | the belief of the oracle keeps a half on another goal, drawn anew at each step |
# | 26 | `learning_to_adapt`, `policies/mpc_controller.py` | elites of all environments are averaged, after a mask that is no rank (exercise 4) |
#
# This is no blame: the code is open, and could be read for that reason. Results that stand on it may well hold; whether a fault
# changed a number was not tried here. The lesson is that kind three, *learns the wrong thing*, survives review, use and years. What
# ends it is question 11.
#
# **The tools that articles recommend** age faster than methods (case 27). Second hand, as noted in 2026 from their pages: OpenAI
# Gym is superseded by Gymnasium; RLlib's MAML and MBMPO were deprecated in 2.8 (2023) and are not in current Ray; garage's last
# release is of 2021, and an open issue says that its MAML never trains the value function; learn2learn's last release is of 2023,
# with failing wheels on Python 3.11; Baselines and Spinning Up are archived, and still good reading; RL Unplugged is a suite of
# data for offline RL, not a collection of papers. Before you build on one: the date of the last release, that of the last commit,
# the issues that name *your* function, and its example in an empty environment.
#
# ## 9 The map of the cases

# %% tags=["hide-input"]
figures.case_map([(case.number, case.chapter, case.kind) for case in ch17.CASES], ch17.KINDS)
most = max(counts, key=counts.get)
claim(
    f"(a) Most cases, {counts[most]} of {len(ch17.CASES)}, are of the kind *{most}*; {counts[ch17.SAYS]} are sentences, and "
    f"{counts[ch17.RAISES]} stop by themselves.",
    most == ch17.WRONG,
)

# %% [markdown]
# (b) A training curve shows the first two kinds at best, and the second only beside the curve of a learner that cannot learn. Of the
# third kind exercise 2 has an example: a training whose loss on held-out tasks falls with three bugs in it.
#
# ## 10 Check yourself
#
# Decide before you open an answer.
#
# **1.** A repository's training curve rises and levels off. Which kinds of mistake does that rule out? (A) The first. (B) The first
# two. (C) The first three.
#
# <details><summary>Answer to 1</summary>
#
# **A.** It runs. (B) Section 3's policy would have shown a fine curve on its training tasks. (C) Section 4's gradient lowers a loss.
# </details>
#
# **2.** You may run one test on somebody's meta-gradient. Which? (A) Does the loss fall? (B) Finite differences on two parameters
# and two tasks. (C) Is the gradient different from zero?
#
# <details><summary>Answer to 2</summary>
#
# **B.** It is the only one with a known answer. (A) and (C) hold in section 4's case as well.
# </details>
#
# **3.** A paper's method beats its rival by an interval that leaves out zero, over 1,000 test tasks and one training. What may be
# said? (A) The method is better. (B) This training is better on such tasks. (C) Nothing.
#
# <details><summary>Answer to 3</summary>
#
# **B.** The interval is over tasks; how two trainings differ that differ in the seed alone, it cannot know (question 8). (A) needs
# several trainings, and equal costs. (C) throws away what was measured.
# </details>
#
# **4.** You find that a released program divides by a variance where its paper divides by a standard deviation. What follows for
# the paper's numbers? (A) They are wrong. (B) The step size that was tuned for them has absorbed some of it; how much, a run
# decides. (C) Nothing, for it is only a scale.
#
# <details><summary>Answer to 4</summary>
#
# **B.** A tuned step size takes up a factor that is the same everywhere; here it differs from task to task, and from batch to batch.
# (A) and (C) are both claims without an experiment.
# </details>
#
# ## Further reading
#
# - P. Henderson et al., *Deep reinforcement learning that matters*, 2018, arXiv:1709.06560.
# - R. Agarwal et al., *Deep reinforcement learning at the edge of the statistical precipice*, 2021, arXiv:2108.13264.
# - L. Engstrom et al., *Implementation matters in deep policy gradients*, 2020, arXiv:2005.12729.
# - J. Rothfuss et al., *ProMP: proximal meta-policy search*, 2019, arXiv:1810.06784: what the naive surrogate loses.
# - J. Beck et al., *A survey of meta-reinforcement learning*, 2023, arXiv:2301.08028.
#
# [Exercises](../exercises/17_reading_critically_exercises.ipynb) · previous: [16 Applications](16_applications.ipynb) · appendices: [17a Cases of the foundations](17a_cases_of_the_foundations.ipynb), [17b Cases of meta-learning](17b_cases_of_meta_learning.ipynb), [17c Forty questions](17c_self_test.ipynb)
