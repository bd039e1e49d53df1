# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Project III: A claim about meta-RL, reproduced or refuted
#
# This project closes the reading of other people's work. You take one sentence about meta-RL, from a paper, an article, a
# repository or this course, make it so precise that a result could refute it, write down *before any measurement* what would
# bear it out, and then measure. Allow four hours. The check draws your tasks and plays your methods again; it asks whether
# comparison and verdict are honest, and nothing of who is right. A refuted claim, or one that is not decided, is as good a
# project as one that holds.
#
# What you need is in chapter 17 (twelve questions), in 01 and 08 (budgets and tuned rivals) and in 07 (what an interval is of).
# The solution is one example of many; look at it after you have a plan of your own.

# %% tags=["setup"]
import torch

from metarl_core import plotting
from metarl_core.check import ch17
from metarl_core.evaluation import t_interval
from metarl_core.recipes import star_maze
from metarl_core.session import begin

begin()

# %% [markdown]
# ## Exercise 1: A plan, a seal, a verdict
#
# **Objective:** reproduce or refute a claim about meta-RL, so that a stranger can check it.
#
# **Kind:** project · **Difficulty:** ★★★ · **Time:** 240 min · **Run time:** 60 s
#
# 1. **The claim.** "On *these tasks*, after *so much adaptation*, the first method earns more than the second, by at least
#    *so much*." For instance: second derivatives are worth it; a memory beats gradient steps on bandits; an initialisation
#    helps on tasks from elsewhere; Reptile needs more than one inner step; a meta-learned start helps a DQN on your family.
#    The smallest difference that would bear it out, $\delta \ge 0$, is yours to choose, with a reason.
# 2. **The plan, sealed.** Five seeds or more, fifty held-out tasks or more, equal budgets: all that one seed of a method
#    spends, in the unit that you choose (episodes, steps, samples), *the search for its step sizes included*. Then
#    `ch17.seal(plan)` gives twelve letters and digits. Copy them into the report as a string. Nobody can hold you to it but
#    yourself: whoever changes the plan after a look at the scores has made another claim.
# 3. **Tasks and play.** `tasks(number, generator, split)` draws tasks, "train" or "test", all luck from the generator;
#    `play(method, seed, tasks, generator)` gives the score of the trained method, "first" or "second", on each task after
#    adaptation. Train before; `play` only plays.
# 4. **The report.** Scores of all seeds on the tasks that `tasks(n, torch.Generator().manual_seed(evaluation_seed), "test")`
#    gives, played with a generator of the same seed; the t interval of the mean over seeds of
#
#    $$d_i = \frac 1 n \sum_{t=1}^{n} \bigl(R^{\text{first}}_{it} - R^{\text{second}}_{it}\bigr), \tag{1}$$
#
#    and the verdict: the claim *holds* if the interval lies above $\delta$, is *refuted* if it lies below, and is *not
#    decided* else.
#
# **Predict:** your claim's difference, as a number, and what you will say if it comes out the other way.

# %% nbgrader={"grade": false, "grade_id": "plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
plan = {
    "claim": ...,  # a sentence: tasks, adaptation, first method, second method, difference
    "smallest": ...,  # δ ≥ 0, in the unit of the scores
    "seeds": ...,  # list of int: of the trainings, five or more
    "test_tasks": ...,  # int: fifty or more
    "first_budget": ...,  # int: what one seed of the first method costs, search included
    "second_budget": ...,  # the same of the second
}
### BEGIN SOLUTION
# An article says that meta-RL is made for tasks from elsewhere. The star-shaped maze of chapter 08, whose arms pay at random;
# at test exactly one arm pays. The rival is pre-training with a tuned step size.
plan = {
    "claim": "In star-shaped mazes in which a single arm pays, which training never showed, MAML earns at least 0.1 more after "
    "one gradient step on ten episodes than pre-training after one step of tuned size.",
    "smallest": 0.1,
    "seeds": [0, 1, 2, 3, 4],
    "test_tasks": 100,
    "first_budget": 70 * 20 * 20,  # episodes: iterations, tasks of each, episodes of a task
    "second_budget": 60 * 20 * 20 + 4 * 50 * 20,  # and four step sizes, tried on fifty tasks
}
### END SOLUTION

# %%
print("the seal of your plan:", ch17.seal(plan))


# %% nbgrader={"grade": false, "grade_id": "tasks", "locked": false, "schema_version": 3, "solution": true, "task": false}
def tasks(number, generator, split):
    """Tasks of your own. Say in two sentences what a task is, and what the splits are."""
    ### BEGIN SOLUTION
    # What the five arms of a maze pay. "train": cubes of uniform numbers, as in chapter 08; "test": 1 in one arm, 0 elsewhere.
    if split == "train":
        return star_maze.sample_tasks(number, generator, split)
    arms = torch.randint(star_maze.ARMS, (number,), generator=generator)
    return {"pays": torch.nn.functional.one_hot(arms, star_maze.ARMS).float()}
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "report", "locked": false, "schema_version": 3, "solution": true, "task": false}
report = {
    "plan": ...,  # the dict above
    "seal": ...,  # the string that the cell above printed, before you measured
    "tasks": ...,  # the function above
    "play": ...,  # function (method, seed, tasks, generator) -> scores [task]; method is "first" or "second"
    "evaluation_seed": ...,  # int
    "first_scores": ...,  # [seed, task]
    "second_scores": ...,
    "low": ...,  # the ends of the t interval of the mean of (1)
    "high": ...,
    "verdict": ...,  # ch17.HOLDS, ch17.REFUTED or ch17.UNDECIDED
}
### BEGIN SOLUTION
sealed = "fe69811b45f8"  # as the cell above printed it, before anything was trained
assert ch17.seal(plan) == sealed
seeds, alpha = plan["seeds"], 50.0  # α as chapter 08's exercise chose it, on ordinary mazes
trained = {"first": star_maze.meta_train(seeds, alpha, 70), "second": star_maze.pre_train(seeds, 60)}
tuning = tasks(50, torch.Generator().manual_seed(100), "train")
by_step = {
    step: float(star_maze.after_a_step(trained["second"], tuning, step, torch.Generator().manual_seed(101)).mean())
    for step in (20.0, 40.0, 80.0, 160.0)
}
step_sizes = {"first": alpha, "second": max(by_step, key=by_step.get)}


def play(method, seed, tasks, generator):
    """Mean return [task] of ten episodes after one step on ten others."""
    place = seeds.index(seed)
    table = trained[method][place : place + 1]
    return star_maze.after_a_step(table, tasks, step_sizes[method], generator)[0]


evaluation_seed = 1000
held_out = tasks(plan["test_tasks"], torch.Generator().manual_seed(evaluation_seed), "test")
scores = {
    method: torch.stack(
        [play(method, seed, held_out, torch.Generator().manual_seed(evaluation_seed)) for seed in seeds]
    )
    for method in ("first", "second")
}
interval, smallest = t_interval((scores["first"] - scores["second"]).double().mean(1)), plan["smallest"]
report = {
    "plan": plan,
    "seal": sealed,
    "tasks": tasks,
    "play": play,
    "evaluation_seed": evaluation_seed,
    "first_scores": scores["first"],
    "second_scores": scores["second"],
    "low": interval.low,
    "high": interval.high,
    "verdict": ch17.HOLDS if interval.low > smallest else ch17.REFUTED if interval.high < smallest else ch17.UNDECIDED,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_claim", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
ch17.check_claim(report)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Begin with the sentence, and ask what would refute it. If nothing would, it is not yet a claim. Then the cheapest family in
# which it could be false: chapters 02, 08, 10 and 11 have some that train in seconds.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Budgets: iterations · tasks · episodes of a task, plus what the search cost. Where one method needs a search and the other
# none, the other gets longer training. The verdict compares the *interval* with δ, not the mean with 0.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# Plan; seal; train both methods for each seed; choose what is to be chosen on training tasks; draw the held-out tasks once;
# for each seed and method play on them with a generator of the same seed; differences of the means; `t_interval`; verdict.
# </details>

# %%
first, second = (torch.as_tensor(report[f"{name}_scores"]).double().mean(1) for name in ("first", "second"))
figure, axes = plotting.figure(width=6.6, height=3.2)
places = range(len(first))
axes.plot(places, first - second, "o", color=plotting.BLUE, label="one seed")
axes.axhspan(report["low"], report["high"], color=plotting.SKY, alpha=0.3, label="95 % interval of the mean")
axes.axhline(report["plan"]["smallest"], color=plotting.ORANGE, linestyle=":", label="smallest difference of the claim")
axes.axhline(0, color="black", linewidth=1)
axes.set_xticks(places, [str(seed) for seed in report["plan"]["seeds"]])
axes.set(xlabel="seed", ylabel="first less second")
axes.legend(fontsize=9)
plotting.show(
    figure,
    "Differences of both methods on held-out tasks, a dot for each seed, with the interval of their mean as a band, a line at "
    "zero, and a dotted line at the smallest difference that would bear the claim out. In the worked example the band lies below "
    "the dotted line.",
)
print(
    f"first less second: {(first - second).mean():.3f} [{report['low']:.3f}, {report['high']:.3f}]: {report['verdict']}"
)

# %% tags=["solution-only"]
ordinary = star_maze.sample_tasks(100, torch.Generator().manual_seed(1001), "test")
print("pre-training on training mazes, by step size:", {step: round(value, 3) for step, value in by_step.items()})
for name, where in (("one arm pays", held_out), ("ordinary, held out", ordinary)):
    means = {
        method: star_maze.after_a_step(
            trained[method], where, step_sizes[method], torch.Generator().manual_seed(7)
        ).mean()
        for method in trained
    }
    print(f"{name:20} MAML {float(means['first']):.3f}, pre-training {float(means['second']):.3f}")

# %% [markdown]
# **Expect:** for the mazes, 0.826 for MAML and 0.862 for pre-training, apart by −0.037 [−0.074, 0.000]: the claim of 0.1 is
# refuted. For your claim: whatever is true.
#
# **Interpret:** write a page as if for the author of the claim. What exactly was refuted or borne out, and what was not? What
# would have to differ for the other outcome? Which of the twelve questions can your report not answer?
#
# <details><summary>Answer</summary>
#
# For the mazes: refuted is "at least 0.1 more on tasks from elsewhere". That MAML earns *less* there is not shown, for the
# interval reaches 0, and with another δ the verdict would be another one; δ was chosen before. Refuted is it for this family,
# this distance, one step, and α = 50, which chapter 08's exercise chose on ordinary mazes; a start trained on mazes in which one arm
# pays was not tried. What speaks for the article's author: "tasks from elsewhere" may mean another elsewhere, and the sentence
# has no number in it. That is the first of the twelve questions.
# </details>
