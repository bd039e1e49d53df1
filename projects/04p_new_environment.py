# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Project I: An agent for a new environment
#
# This project closes the first part of the course. You write an environment that nobody has solved before, because it
# is yours; you train an agent for it; and you write a report that a stranger can check. Allow two to four hours. The
# check at the end plays everything again and asks whether the report is complete and its returns are true. It asks
# little of the result: your agents may earn less than your controller, but a report of agents that have learned nothing
# is refused. The lower end of their interval has to lie above the mean of random actions.
#
# What you need is in chapters 02 (an environment of pure functions), 03 and 04 (agents), and 01 and 03 (baselines,
# seeds, intervals). The solution is one example of many; look at it after you have one of your own.

# %% tags=["setup"]
import numpy as np
import torch
from gymnasium import spaces

from metarl_core import plotting
from metarl_core.agents import ActorCritic, CategoricalPolicy, PPOConfig, UniformPolicy, VectorSampler, train_ppo
from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from metarl_core.parameters import stack_parameters
from metarl_core.recipes.policy_gradients import Greedy
from metarl_core.session import begin
from metarl_core.tasks import TaskFamily, rollout
from metarl_core.tasks.draws import stamp_split

begin()

# %% [markdown]
# ## Exercise 1: An environment, an agent, a report
#
# **Objective:** take a problem of your own from an idea to a result that others can check.
#
# **Kind:** project · **Difficulty:** ★★★ · **Time:** 180 min · **Run time:** 20 s
#
# 1. **The environment.** A subclass of `TaskFamily`, small enough to step in microseconds: two to six numbers of state.
#    For instance: a ferry in a current, a lander with little fuel, a crane that must not swing its load, a thermostat
#    with a delay, two rabbits and a fox. Its functions take and give tensors `[task, episode, ...]`, rewards as
#    floating-point numbers and ends as bool. They are *pure*: they change nothing that they are given (states, actions,
#    `params`), keep nothing in the object between calls, and take all random numbers from `rng`, each episode of each
#    task numbers of its own. What happens in an episode does not depend on the episodes and tasks beside it. Decide
#    what ends an episode (*terminated*) and what only the clock does (*truncated*), and scale floating-point
#    observations to the order of 1. `get_default_params` gives one ordinary task, in which everything below is played.
#    `draw_tasks` gives others, of the same names and shapes, which differ among each other.
# 2. **Two baselines.** Random actions, and a controller written by hand: ten lines that use what you know of the
#    physics. If the controller is no better than random, the environment is too easy or the controller too poor.
# 3. **The agent.** DQN, PPO or any other. Its cost is the number of environment steps that *one* agent takes in
#    training. No check can see that number in the agents; whether it is true is up to you. `greedy_action(parameters,
#    observation)` draws nothing, and each row of it is what one agent does by its own parameters. What agents and
#    controller do in an episode depends on what is seen in *that* episode.
# 4. **The report.** Five or more seeds, each a training of its own. Greedy returns at the *end* of the training, of
#    single episodes and of all that were played, with a seed that was not used before; the t interval
#
#    $$\bar x \pm t_{n-1,\,0.975}\; s / \sqrt{n} \tag{1}$$
#
#    over the $n$ seeds, and a verdict: does the agent earn more than the controller, less, or can the two not be told
#    apart?
#
# **Predict:** before you train anything: what will random actions earn, what the controller, and what the agent? Which
# of them will you be wrong about?

# %%
print(TaskFamily.__doc__)


# %% nbgrader={"grade": false, "grade_id": "environment", "locked": false, "schema_version": 3, "solution": true, "task": false}
class MyEnvironment(TaskFamily):
    """Say in two sentences what is to be done, and name states, units, actions, reward and ends."""

    def __init__(self, horizon=60):
        ### BEGIN SOLUTION
        # A ferry on a line has to reach its landing stage at 0 and wait there, in a current that pushes it to the right.
        # State: place (m), speed (m/s). Actions: engine back, off, ahead. Each half second costs a tenth of the distance;
        # beyond 20 m the ferry is lost: 60 more, and the episode terminates.
        self.lost = 20.0
        self.observation_space = spaces.Box(-10, 10, (2,), np.float32)
        self.action_space = spaces.Discrete(3)
        ### END SOLUTION
        super().__init__(horizon)

    def get_default_params(self):
        """One ordinary task: tensors with a task axis of size one."""
        ### BEGIN SOLUTION
        return {"current": torch.tensor([0.3])}  # m/s²
        ### END SOLUTION

    def draw_tasks(self, n, generator, split, dtype=None):
        """Other tasks of the family, for the chapters on meta-learning: n of them, all luck from `generator`.

        Splits "train" and "test" never share a task, not even with equal seeds: `stamp_split` sees to that.
        """
        ### BEGIN SOLUTION
        return {"current": stamp_split(torch.rand(n, generator=generator, dtype=dtype) - 0.5, split)}
        ### END SOLUTION

    def initial(self, rng, params):
        """First states [task, episode, ...]."""
        ### BEGIN SOLUTION
        luck = torch.rand((*params["current"].shape, 2), generator=rng, dtype=params["current"].dtype)
        return (2 * luck - 1) * luck.new_tensor([10.0, 2.0])
        ### END SOLUTION

    def transition(self, state, action, rng, params):
        """Next states."""
        ### BEGIN SOLUTION
        place, speed = state.unbind(-1)
        speed = speed + 0.5 * (action - 1 + params["current"] - 0.1 * speed)
        return torch.stack([place + 0.5 * speed, speed], -1)
        ### END SOLUTION

    def observation(self, state, rng, params):
        """What the agent sees, of the order of 1."""
        ### BEGIN SOLUTION
        return state / state.new_tensor([5.0, 2.0])
        ### END SOLUTION

    def reward(self, state, action, next_state, rng, params):
        """Rewards [task, episode]."""
        ### BEGIN SOLUTION
        distance = next_state[..., 0].abs()
        return -0.1 * distance - torch.where(distance > self.lost, 60.0, 0.0)
        ### END SOLUTION

    def terminal(self, state, rng, params):
        """bool [task, episode]: true where the MDP has ended, never for the time limit."""
        ### BEGIN SOLUTION
        return state[..., 0].abs() > self.lost
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "controller", "locked": false, "schema_version": 3, "solution": true, "task": false}
def controller(observation):
    """Actions [task, episode] for observations [task, episode, ...], by a rule of your own."""
    ### BEGIN SOLUTION
    place, speed = 5 * observation[..., 0], 2 * observation[..., 1]
    ahead = place + 0.7 * speed * speed.abs()  # where the ferry would come to rest under full power, about
    return torch.where(ahead.abs() < 0.3, 1, 1 - ahead.sign().long())
    ### END SOLUTION


class Controlled:
    """Your controller as a policy for `rollout`."""

    def noise(self, shape, generator):
        return torch.zeros(shape)

    def act(self, parameters, observation, noise):
        return controller(observation), noise


# %% nbgrader={"grade": false, "grade_id": "project", "locked": false, "schema_version": 3, "solution": true, "task": false}
project = {
    "family": ...,  # MyEnvironment()
    "policy": ...,  # with greedy_action(parameters, observation), as the policies of metarl_core.agents have it
    "parameters": ...,  # of the policy, [seed, ...], at the end of the training
    "controller": ...,  # the function above
    "seeds": ...,  # list of int: of the trainings, five or more
    "evaluation_seeds": ...,  # list of int: of the generators that the returns below were drawn with
    "returns": ...,  # [seed, episode], greedy, at least 20 episodes for each
    "random_returns": ...,  # [1, episode], of UniformPolicy(family.action_space)
    "controller_returns": ...,  # [1, episode]
    "env_steps": ...,  # int: steps of one agent in training
    "low": ...,  # the ends of the t interval (1) of the mean of "returns"
    "high": ...,
    "verdict": ...,  # ch04.ABOVE, ch04.BELOW or ch04.NOT_TOLD (the controller's mean)
}
### BEGIN SOLUTION
family, seeds = MyEnvironment(), list(range(5))
config = PPOConfig(iterations=30, lr=3e-3, minibatches=4, discount=0.9)
starts = []
for seed in seeds:
    generator = torch.Generator().manual_seed(seed)
    policy = CategoricalPolicy(family.observation_space, family.action_space, (32, 32), torch.tanh, generator)
    agent = ActorCritic(policy, (32, 32), torch.tanh, generator)
    starts.append(agent.initial_parameters())
sampler = VectorSampler(family.vector_env(num_envs=8 * len(seeds)), 60, len(seeds), seed=0)
generators = [torch.Generator().manual_seed(seed) for seed in seeds]
trained, history = train_ppo(agent, stack_parameters(starts), sampler, config, generators, description=None)
parameters = agent.policy_part(trained)


def played(policy, parameters, agents, seed):
    """Returns [agent, episode] of 200 episodes of the ordinary task."""
    tasks = {name: value.expand(agents) for name, value in family.default_params.items()}
    return rollout(family, tasks, policy, parameters, 200, torch.Generator().manual_seed(seed)).returns


returns = played(Greedy(agent.policy), parameters, len(seeds), 1000)
by_hand = played(Controlled(), {}, 1, 1001)
interval = t_interval(returns)
project = {
    "family": family,
    "policy": agent.policy,
    "parameters": parameters,
    "controller": controller,
    "seeds": seeds,
    "evaluation_seeds": [1000, 1001, 1002],
    "returns": returns,
    "random_returns": played(UniformPolicy(family.action_space), {}, 1, 1002),
    "controller_returns": by_hand,
    "env_steps": round(history["env_steps"][-1] / len(seeds)),
    "low": interval.low,
    "high": interval.high,
    "verdict": ch04.ABOVE if interval.low > by_hand.mean() else ch04.NOT_TOLD,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_project", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
ch04.check_project(project)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Begin with the smallest thing that can fail: four functions and one episode of random actions, printed step by step.
# Then the controller. Only when it clearly beats random actions is there something to learn.
# `metarl_core/tasks/pendulum.py` is an environment of forty lines in this form.
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# An agent that does not learn, in the order of likelihood: observations far from the order of 1; rewards in the
# hundreds; a reward that comes only at the end; a discount that does not reach the reward ($1 / (1 - \gamma)$ steps);
# an episode that can be cut short to escape a cost; too few steps. Change one thing at a time.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# - `VectorSampler(family.vector_env(num_envs=n * agents), num_steps, agents)` gives each of several agents $n$
#   environments.
# - Networks with a seed each; `stack_parameters` of their initial parameters; `train_ppo` (or `train_dqn`) trains all
#   side by side.
# - `agent.policy_part(parameters)` are the policy's; `rollout` plays it, the controller and `UniformPolicy`, each with
#   a generator whose seed was not used before.
# - `history["env_steps"][-1]` counts the steps of all agents.
# </details>

# %%
means = torch.as_tensor(project["returns"]).double().mean(1)
found = t_interval(means)
figure, axes = plotting.figure(width=6.6, height=3.4)
axes.plot(range(len(means)), means, "o", color=plotting.BLUE, label="agents, one dot a seed")
axes.axhspan(found.low, found.high, color=plotting.BLUE, alpha=0.15, linewidth=0, label="t interval of their mean")
hand = float(torch.as_tensor(project["controller_returns"]).double().mean())
axes.axhline(hand, color=plotting.GREEN, linestyle="--", label="controller by hand")
axes.set_xticks(range(len(means)), [str(seed) for seed in project["seeds"]])
axes.set(xlabel="seed", ylabel="mean return")
axes.legend()
plotting.show(
    figure,
    "Mean return of each seed with the t interval of their mean, and the controller's mean as a dashed line. In the worked "
    "example the agents lie between −3.5 and −3, the controller near −3.7.",
)
print("random actions:", round(float(torch.as_tensor(project["random_returns"]).double().mean()), 1))

# %% tags=["solution-only"]
for current in (0.3, 0.0, -0.3):
    other = {"current": torch.full((len(seeds),), current)}
    by_agents = rollout(family, other, Greedy(agent.policy), parameters, 200, torch.Generator().manual_seed(2000))
    by_rule = rollout(family, other, Controlled(), {}, 200, torch.Generator().manual_seed(2000))
    print(f"current {current:+.1f}: agents {by_agents.returns.mean():.1f}, controller {by_rule.returns.mean():.1f}")

# %% [markdown]
# **Expect:** for the ferry, agents near −3.3 after some 14,000 steps each, the controller near −3.8, random actions
# near −85. For your environment: whatever is true.
#
# **Interpret:** write half a page, as if for a reader who wants to repeat it. What is the task, and what makes it hard?
# What did you try before the final setting, and how many steps did *that* cost? Where does the agent still fail? What
# would your result look like with another current, mass or delay, that is, on another task of the family?
#
# <details><summary>Answer</summary>
#
# For the ferry: the controller was written without a thought of the current, and the agent has learned *this* current
# by heart. Where the current is reversed, the agents fall behind the controller (the worked example measures it: −5.3
# in place of −3.2, while the controller stays near −3.8). That is the question of the rest of the course: what to bring
# along to the next task, so that learning it takes little.
# </details>
