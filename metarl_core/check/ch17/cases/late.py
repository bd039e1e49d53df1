"""Cases 20 to 27: what the chapters from 08 on are needed for."""

from .case import NOTHING, SAYS, WRONG, Case

LATE = (
    Case(
        20,
        "08",
        "A formula for the meta-policy gradient",
        WRONG,
        r"> $\nabla_\theta J = \mathbb{E}_{T}\, \mathbb{E}_{\pi_\theta} \left[ \nabla_\theta \log \pi_\theta(a \mid "
        r"s)\, "
        r"R \right]$, the meta-policy gradient.",
        "Two tasks have opposite rewards. What does this formula say, and what is missing?",
        (
            (
                "It is zero: the adapted parameters and their dependence on θ are missing, and the sum over time.",
                "It is the plain policy gradient of the mean return, and there the two tasks cancel.",
            ),
            (
                "It is right up to a factor (1 − α).",
                "A factor of zero times anything is zero. What does the finite difference of J after a step say?",
            ),
            (
                "It lacks a baseline only.",
                "A baseline changes the noise, not the expectation. What is the expectation here?",
            ),
        ),
        "A",
    ),
    Case(
        21,
        "08",
        "The inner step",
        NOTHING,
        "mean_gradient = sum(gradient_of(task, theta) for task in tasks) / len(tasks)\n"
        "adapted = [theta + alpha * mean_gradient for task in tasks]",
        "What does a task's adapted policy know of its task?",
        (
            (
                "Nothing: all adapted policies are the same one.",
                "The inner step is per task; with the expectation inside, no task adapts to itself.",
            ),
            (
                "As much as in MAML: its own gradient is in the mean.",
                "Its share in the mean is one n-th. How do the adapted policies differ from each other?",
            ),
            (
                "Less than in MAML, for the step is shorter.",
                "Make α larger. Do the policies begin to differ?",
            ),
        ),
        "A",
    ),
    Case(
        22,
        "09",
        "The inner loss of a current reference",
        WRONG,
        "def inner_loss(theta):\n"
        "    return -(log_pi(theta, observations, actions) * advantages).mean()\n"
        "\n"
        "adapted = theta - alpha * grad(inner_loss)(theta)  # and differentiated again outside",
        "The inner step is right. Is the meta-gradient?",
        (
            (
                "Yes: autodiff differentiates whatever stands there.",
                "It does, exactly. Is the derivative of what stands there that of the expected return?",
            ),
            (
                "No: a mean was taken where a sum belongs.",
                "That changes the step by a factor, which α can absorb. What cannot be absorbed?",
            ),
            (
                "No: the Hessian that autodiff sees lacks the terms in which the distribution of episodes changes.",
                "Of the exact Jacobian only one term is left. LVC or DiCE in the inner loss repair it at no cost.",
            ),
        ),
        "C",
    ),
    Case(
        23,
        "09",
        "A step size of its own",
        WRONG,
        "def main(inner_lr=0.1, outer_lr=0.001):\n"
        "    learner = MAML(policy, lr=outer_lr)\n"
        "    optimizer = Adam(policy.parameters(), lr=outer_lr)",
        "What would tell you of the mistake without reading the code?",
        (
            (
                "The training curve: it would not rise.",
                "It rises with a small inner step as well, only less. What would you compare it with?",
            ),
            (
                "A run with another `inner_lr` and the same seed: the numbers would be the same.",
                "An argument that changes nothing is not used. Ask each of them once.",
            ),
            (
                "A type checker: an argument is missing.",
                "Every call is complete and every type right. Which *value* went where?",
            ),
        ),
        "B",
    ),
    Case(
        24,
        "11",
        "A task embedding",
        NOTHING,
        "task_embedding = torch.randn(8)  # of this task\naction = policy(torch.cat([state, task_embedding]))",
        "The embedding is drawn anew for each task. What can the policy learn from it?",
        (
            (
                "Nothing: it is independent of the task, and the best policy ignores it.",
                "An embedding must be given, or inferred from the task's transitions.",
            ),
            (
                "To tell the tasks apart, since each has a vector of its own.",
                "On a *new* task the vector is new, too. What does it say about where the goal is?",
            ),
            (
                "To explore, for noise in the input varies the actions.",
                "Perhaps. It stays the same for a whole task: which information about the *goal* would come back?",
            ),
        ),
        "A",
    ),
    Case(
        25,
        "11",
        "A belief that doubts",
        WRONG,
        "if on_goal:  # the goal is found\n"
        "    belief[:] = 0\n"
        "    belief[goal] = 0.5\n"
        "    belief[another_goal_at_random()] = 0.5\n"
        "else:\n"
        "    belief[cell] = 0; belief /= belief.sum()",
        "An oracle policy is to be given the exact belief. Is this it?",
        (
            (
                "Yes: half of the mass guards against being too sure.",
                "After a reward of 1 that only the goal gives, which other cell is still possible?",
            ),
            (
                "No: in the other branch, too, it has to be multiplied by a prior.",
                "A uniform prior stays uniform on what is left. Which branch contradicts Bayes' rule?",
            ),
            (
                "No: after the goal is found the belief is certain; the half belongs to an option with misleading "
                "hints.",
                "It also jumps from cell to cell at every step, though nothing new was seen.",
            ),
        ),
        "C",
    ),
    Case(
        26,
        "12",
        "Elites of a batch",
        WRONG,
        "scores = score(plans)  # [environment, candidate]\n"
        "best = plans[scores >= scores.quantile(0.9)]  # [elite, time, action]\n"
        "mean, std = best.mean(0), best.std(0)",
        "Ten environments are planned for at once. What is the new mean?",
        (
            (
                "One plan for all, from whichever environments score high.",
                "Masking flattens. Elites, means and deviations belong to one environment each.",
            ),
            (
                "Each environment's own: the mask has an environment axis.",
                "The mask has one; what axes does `best` have, and over which of them is the mean taken?",
            ),
            (
                "The mean of all candidates.",
                "A tenth of them is picked. From which environments?",
            ),
        ),
        "A",
    ),
    Case(
        27,
        "13",
        "A recommended library",
        SAYS,
        "> For meta-RL in practice, use Gym, RLlib's MAML, garage or learn2learn; PyTorch and TensorFlow bring MAML "
        "and "
        "Reptile along.",
        "You read this in 2026. What do you do first?",
        (
            (
                "Install the one with the most stars.",
                "Stars are never taken back. What does the date of the last release say?",
            ),
            (
                "Look at the last release and commit, the issues on the very function, and run its example in an empty "
                "environment.",
                "Within a quarter of an hour all four turn out to be superseded, moved out or at rest, and no "
                "framework "
                "ships either method.",
            ),
            (
                "Write everything anew, for no library can be trusted.",
                "A library that is tested against oracles can be. How do you tell it from one that is not?",
            ),
        ),
        "B",
    ),
)
