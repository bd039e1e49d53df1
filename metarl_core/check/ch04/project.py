"""The check of project I: an agent for an environment of the reader's own, and a report of it that can be checked."""

from metarl_core.check import Wrong
from metarl_core.check.ch04.played import EPISODES, FEWEST, VERDICTS, examine
from metarl_core.check.reports import (
    anything,
    choice,
    finite,
    function,
    interval_faults,
    report_check,
    returns,
    seeds,
    tensors,
    whole,
)

ABOVE, BELOW, NOT_TOLD = VERDICTS


def _untrue(found, name):
    return found.faults[name] is not None


check_project = report_check(
    "project",
    {
        "family": anything,
        "policy": anything,
        "parameters": tensors,
        "controller": function,
        "seeds": seeds,
        "evaluation_seeds": seeds,
        "returns": returns,
        "random_returns": returns,
        "controller_returns": returns,
        "env_steps": whole,
        "low": finite,
        "high": finite,
        "verdict": choice(*VERDICTS),
    },
    Wrong(
        "not_your_own",
        "This environment came with the course. Write one of your own: it may be small.",
        when=lambda found: found.from_the_course,
    ),
    Wrong(
        "far_from_one",
        "What your agent sees lies far from the order of 1: a number of your observations is above 30 in the mean. "
        "Networks expect other inputs; by what could you divide, and what take off?",
        when=lambda found: found.played.far_from_one,
    ),
    Wrong(
        "ends_by_the_clock",
        "Every episode that lasts until the time limit is *terminated* in just that step. Has the problem ended there, "
        "or only the time that you gave it?",
        when=lambda found: found.played.ends_by_the_clock,
    ),
    Wrong(
        "few_seeds",
        "Fewer than five seeds. How would you know that it was not luck?",
        when=lambda found: len(found.seeds) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.seeds)) < len(found.seeds),
    ),
    Wrong(
        "copied",
        "Two of your agents have the same parameters, or almost: they differ by less than a thousandth of their size. "
        "Was each trained with a seed of its own?",
        when=lambda found: found.copied,
    ),
    Wrong(
        "not_greedy",
        "`greedy_action` of your policy draws random numbers, or keeps something: called twice with equal arguments it "
        "gives two different results.",
        when=lambda found: found.played.fault_of_policy == "not_greedy",
    ),
    Wrong(
        "ignores_parameters",
        "An agent of yours acts as before when all of its parameters are changed, in all that it sees. What "
        "was trained?",
        when=lambda found: found.played.fault_of_policy == "ignores_parameters",
    ),
    Wrong(
        "agents_meet",
        "An agent of yours acts otherwise when the parameters of the *other* agents are changed. Each row of the "
        "observations belongs to the agent of that row.",
        when=lambda found: found.played.fault_of_policy == "agents_meet",
    ),
    Wrong(
        "episodes_meet",
        "What your policy or your controller does in an episode changes with what is seen in the *other* episodes. An "
        "agent plays one episode at a time; which of your lines takes a mean or a maximum over the wrong axis?",
        when=lambda found: found.played.fault_of_policy == "episodes_meet" or found.played.controllers_episodes_meet,
    ),
    Wrong(
        "evaluated_on_training_seeds",
        "A seed of your evaluation was one of the training too, or you list none. On which episodes has your agent not "
        "been trained?",
        when=lambda found: not found.evaluation_seeds or bool(set(found.seeds) & set(found.evaluation_seeds)),
    ),
    Wrong(
        "few_episodes",
        f"Fewer than {FEWEST} episodes for the agents, the controller or the random policy.",
        when=lambda found: found.fewest_episodes < FEWEST,
    ),
    Wrong(
        "no_cost",
        "What did it cost? `env_steps` are the environment steps that *one* agent took in training, all of them.",
        when=lambda found: found.env_steps < 100,
    ),
    Wrong(
        "random_untrue",
        "Random actions earn something else here than you report, by more than noise can explain. A baseline that is "
        "measured on other episodes, or in another way, makes a result look better or worse than it is.",
        when=lambda found: _untrue(found, "random"),
    ),
    Wrong(
        "controller_untrue",
        "Your controller earns something else here than you report, by more than noise can explain.",
        when=lambda found: _untrue(found, "controller"),
    ),
    Wrong(
        "higher_than_earned",
        "On fresh episodes your agents earn less than you report, by more than noise can explain. On which episodes "
        "were your numbers found, and were there several checkpoints to choose from?",
        when=lambda found: found.faults["agents"] == "higher",
    ),
    Wrong(
        "lower_than_earned",
        "On fresh episodes your agents earn more than you report, by more than noise can explain. Do your numbers "
        "come from these parameters, and from greedy actions?",
        when=lambda found: found.faults["agents"] == "lower",
    ),
    Wrong(
        "other_spread",
        "Single returns in your report are distributed otherwise than those of fresh episodes here. Are they returns "
        "of single episodes, and of all that were played?",
        when=lambda found: found.other_spread,
    ),
    *interval_faults(
        lambda found: found.reported["agents"].mean(1),
        lambda found: found.interval,
        pooled=lambda found: found.reported["agents"],
    ),
    Wrong(
        "weak_controller",
        "Your controller earns no more than random actions. What would a reader learn from an agent that beats it?",
        when=lambda found: not found.controller_beats_random,
    ),
    Wrong(
        "not_learned",
        "The lower end of your interval is not above what random actions earn. Nothing has been learned yet that can "
        "be told from luck: is the environment too hard, the budget too small, or is there a mistake?",
        when=lambda found: found.interval[0] <= found.own["random"].mean(),
    ),
    Wrong(
        "verdict",
        "Your verdict is not what your numbers say. On which side of the interval does the controller's mean lie?",
        when=lambda found: found.verdict != found.verdict_of_the_numbers,
    ),
    examine=examine,
    passed=lambda found: (
        f"played again on {EPISODES['agents']} episodes or more, your {len(found.seeds)} agents, the controller and "
        "random actions earn what you report; the interval is that of the agents, and the verdict is what it says."
    ),
)
