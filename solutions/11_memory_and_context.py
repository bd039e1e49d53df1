# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to chapter 11: Memory and context
#
# Five exercises: a memory that reads recorded streams, a loss with three silent bugs, the two losses of an agent that
# infers its task, an experiment on how many bandits are few, and the plan of a measurement. Fill in the cells marked
# `# YOUR CODE HERE`; the check under each answers at once, as often as you like. A function leaves its arguments as
# they are, and draws nothing at random. Notation is that of [chapter 11](../chapters/11_memory_and_context.ipynb).

# %% tags=["setup"]
import torch

from metarl_core import plotting
from metarl_core.check import ch11
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.few_bandits import ARMS, PULLS, learn, regrets
from metarl_core.session import begin
from metarl_core.tasks import BernoulliBandits

begin()


# %% [markdown]
# ## Exercise 1: A memory that reads streams
#
# **Objective:** give a memory just what it should have read before each action, and empty it just where it should be.
#
# **Kind:** implement · **Difficulty:** ★★☆ · **Time:** 20 min · **Run time:** 1 s
#
# Several environments were recorded without a pause. A *stream* is one environment's steps in a row: trial after trial,
# each on a task of its own, each of several episodes. Step $t$ has the observation $o_t$, the action $a_t$ that was taken
# on it, the reward $r_t$ and the flag $d_t$ that this action led to ($d_t = 1$ where it ended an episode). A second flag,
# $b_t$, is true where step $t$ is the first of a trial; step 0 always is. The memory is a plain recurrent network,
#
# $$m_t = \tanh\big(W x_t + U m_{t-1} + c\big), \qquad x_t = \big(o_t,\; \text{one-hot}(a_{t-1}),\; r_{t-1},\; d_{t-1}\big). \tag{1}$$
#
# In the first step of a trial $m_{t-1} = 0$, and of $x_t$ all but $o_t$ is zero.
#
# **Predict:** a stream holds one trial of two episodes, of three and four steps. How often is the memory emptied, and in
# which steps does it read a flag of 1?

# %% nbgrader={"grade": false, "grade_id": "memories", "locked": false, "schema_version": 3, "solution": true, "task": false}
def memories(weights, observations, actions, rewards, done, begins):
    """What the memory holds when each action is chosen, m_t of equation (1).

    weights: float64 W = weights["input"] [hidden, observation + number of actions + 2], U = weights["memory"]
    [hidden, hidden], c = weights["bias"] [hidden]; observations: float64 [stream, time, observation]; actions: integers
    [stream, time]; rewards: float64 [stream, time]; done, begins: bool [stream, time], d and b. Returns float64
    [stream, time, hidden].
    """
    ### BEGIN SOLUTION
    number = weights["input"].shape[1] - observations.shape[-1] - 2
    acted = torch.nn.functional.one_hot(actions, number).to(rewards.dtype)
    led_to = torch.cat([acted, rewards[..., None], done[..., None].to(rewards.dtype)], -1)
    before = torch.cat([torch.zeros_like(led_to[:, :1]), led_to[:, :-1]], 1).masked_fill(begins[..., None], 0)
    inputs = torch.cat([observations, before], -1)
    memory, found = rewards.new_zeros(len(rewards), len(weights["bias"])), []
    for time in range(rewards.shape[1]):
        memory = memory.masked_fill(begins[:, time, None], 0)
        memory = torch.tanh(inputs[:, time] @ weights["input"].T + memory @ weights["memory"].T + weights["bias"])
        found.append(memory)
    return torch.stack(found, 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_memories", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch11.check_memories(memories)
### BEGIN HIDDEN TESTS
hidden_sum = {"input": torch.tensor([[0.0, 0.0, 0.0, 1.0, 0.0]]).double(), "memory": torch.ones(1, 1).double()}
hidden = memories(
    {**hidden_sum, "bias": torch.zeros(1).double()}, torch.zeros(1, 3, 1).double(), torch.zeros(1, 3, dtype=torch.int64),
    torch.ones(1, 3).double(), torch.tensor([[True, False, False]]), torch.tensor([[True, False, False]]),
)  # fmt: skip
assert abs(hidden[0, 2, 0].item() - 0.9429) < 1e-3  # tanh(1 + tanh(1)): no reward yet, then one, then two
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Write down, for a stream of five steps, which action, reward and flag are known when $a_3$ is chosen. And which of
# $d$ and $b$ says that what was found out is of no more use?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Actions, rewards and flags enter one step late: column $t$ of what is read is column $t - 1$ of what was recorded, and
# zero at $t = 0$. Both that and $m_{t-1}$ are multiplied by $1 - b_t$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# led_to = [one-hot(a), r, d]; before = led_to shifted by one step, zero where begins; x = [o, before]; memory = 0; for
# each time: memory = 0 in the streams that begin; memory = tanh(x Wᵀ + memory Uᵀ + c); keep it.
# </details>

# %%
adds = {"input": torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.0]]).double(), "memory": torch.eye(1).double()}
flags = torch.tensor([[0, 0, 1, 0, 0, 0, 1, 0, 0, 1]]).bool()  # episodes of 3, 4 and 3 steps
trials = torch.tensor([[1, 0, 0, 0, 0, 0, 0, 1, 0, 0]]).bool()  # the third episode is another trial
found = memories(
    {**adds, "bias": torch.zeros(1).double()}, torch.zeros(1, 10, 1).double(), torch.zeros(1, 10, dtype=torch.int64),
    torch.ones(1, 10).double(), flags, trials,
)  # fmt: skip
print("a memory that sums rewards:", " ".join(f"{value:.2f}" for value in found.flatten().tolist()))


# %% [markdown]
# **Expect:** 0.00 0.46 0.75 0.85 0.87 0.88 0.88 0.00 0.46 0.75: it rises across the end of the first episode, and
# begins anew with the second trial. In the stream of the prediction the memory is emptied once, at step 0, and reads a flag
# of 1 once, in step 3; the second end comes with the trial's last step, which no step of the trial follows.
#
# **Interpret:** a library that trains recurrent policies offers one flag, "episode start", at which it empties the
# memory. How can RL² be run with it, without changing the library?
#
# <details><summary>Answer</summary>
#
# Make the trial the library's episode: an environment that resets itself within, reports the inner end as a part of the
# observation ($d_{t-1}$), and ends only after the last episode of the task. Discounting then runs across inner ends, too.
# </details>

# %% [markdown]
# ## Exercise 2: A loss that falls
#
# **Objective:** find three silent bugs in the loss of a memory's policy, and repair them.
#
# **Kind:** debug · **Difficulty:** ★★☆ · **Time:** 25 min · **Run time:** 1 s
#
# Trials were played with an older $\theta$, which gave the actions the log-probabilities $\log \pi_{\text{old}}$. Each trial
# has $L$ steps and several episodes; $d$ says where they end. The memory is that of (1) without $c$, and
# $\pi_\theta(\cdot \mid m_t) = \text{softmax}(V m_t)$. Wanted is, for each minibatch $B$ of trials,
#
# $$\ell_B = -\frac{1}{|B|\, L} \sum_{i \in B} \sum_{t=0}^{L-1} \frac{\pi_\theta(a_{it} \mid m_{it})}{\pi_{\text{old}}(a_{it})}
# \Big(\sum_{j=t}^{L-1} \gamma^{j-t} r_{ij} - \beta_{it}\Big), \tag{2}$$
#
# with a given baseline $\beta$, and with the derivatives by $W$, $U$ and $V$ that (2) has. The minibatches are
# `torch.arange(number of trials).chunk(minibatches)`. A colleague's code runs, and its losses go down.
#
# **Predict:** let $\theta$ be the one with which the trials were played. What is every ratio in (2), and hence the loss?
# Would your colleague's code agree?

# %% tags=["setup"]
def colleagues_losses(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
    gain, gains = torch.zeros_like(rewards[:, 0]), []
    for time in reversed(range(rewards.shape[1])):
        gain = rewards[:, time] + discount * gain * ~done[:, time]
        gains.insert(0, gain)
    advantage, losses = torch.stack(gains, 1) - baseline, []
    for part in torch.arange(rewards.shape[1]).chunk(minibatches):
        memory, log_pi = rewards.new_zeros(len(rewards), len(theta["memory"])), []
        for time in part:
            memory = torch.tanh(inputs[:, time] @ theta["input"].T + memory @ theta["memory"].T)
            log_pi.append((memory @ theta["policy"].T).log_softmax(-1).gather(-1, actions[:, time, None])[:, 0])
            memory = memory.detach()
        ratio = (torch.stack(log_pi, 1) - old[:, part]).exp()
        losses.append(-(ratio * advantage[:, part]).mean())
    return torch.stack(losses)


def some_trials(trials=12, steps=8, seed=3):
    generator = seeded(seed)
    theta = {"input": (4, 3), "memory": (4, 4), "policy": (2, 4)}
    theta = {name: torch.randn(shape, generator=generator).double().requires_grad_() for name, shape in theta.items()}
    inputs = torch.randn(trials, steps, 3, generator=generator).double()
    actions = torch.randint(2, (trials, steps), generator=generator)
    rewards = torch.rand(trials, steps, generator=generator).double()
    done = (torch.arange(steps) % 4 == 3).expand(trials, steps)
    with torch.no_grad():
        memory, old = torch.zeros(trials, 4).double(), []
        for time in range(steps):
            memory = torch.tanh(inputs[:, time] @ theta["input"].T + memory @ theta["memory"].T)
            old.append((memory @ theta["policy"].T).log_softmax(-1).gather(-1, actions[:, time, None])[:, 0])
    return theta, inputs, actions, torch.stack(old, 1), rewards, done, torch.zeros_like(rewards), 0.9


# %%
trials = some_trials()
print("in one minibatch: ", colleagues_losses(*trials, 1).tolist())
print("in four:          ", [round(loss, 3) for loss in colleagues_losses(*trials, 4).tolist()])


# %% nbgrader={"grade": false, "grade_id": "minibatch_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def minibatch_losses(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
    """Equation (2), repaired.

    theta: float64 W = theta["input"] [hidden, inputs], U = theta["memory"] [hidden, hidden], V = theta["policy"]
    [action, hidden], all with requires_grad; inputs: [trial, time, inputs]; actions: integers [trial, time]; old: log π of
    sampling time, rewards, baseline: [trial, time]; done: bool [trial, time]; discount: γ; minibatches: their number, or
    fewer where chunk gives fewer. Returns the losses, float64 [minibatch], with their graph.
    """
    gain, gains = torch.zeros_like(rewards[:, 0]), []
    for time in reversed(range(rewards.shape[1])):
        gain = rewards[:, time] + discount * gain * ~done[:, time]
        gains.insert(0, gain)
    advantage, losses = torch.stack(gains, 1) - baseline, []
    for part in torch.arange(rewards.shape[1]).chunk(minibatches):
        memory, log_pi = rewards.new_zeros(len(rewards), len(theta["memory"])), []
        for time in part:
            memory = torch.tanh(inputs[:, time] @ theta["input"].T + memory @ theta["memory"].T)
            log_pi.append((memory @ theta["policy"].T).log_softmax(-1).gather(-1, actions[:, time, None])[:, 0])
            memory = memory.detach()
        ratio = (torch.stack(log_pi, 1) - old[:, part]).exp()
        losses.append(-(ratio * advantage[:, part]).mean())
    ### BEGIN SOLUTION
    gain, gains = torch.zeros_like(rewards[:, 0]), []
    for time in reversed(range(rewards.shape[1])):
        gain = rewards[:, time] + discount * gain  # goes on where an episode ends
        gains.insert(0, gain)
    advantage, losses = torch.stack(gains, 1) - baseline, []
    for part in torch.arange(len(rewards)).chunk(minibatches):  # whole trials
        memory, log_pi = rewards.new_zeros(len(part), len(theta["memory"])), []
        for time in range(rewards.shape[1]):
            memory = torch.tanh(inputs[part, time] @ theta["input"].T + memory @ theta["memory"].T)
            log_pi.append((memory @ theta["policy"].T).log_softmax(-1).gather(-1, actions[part, time][:, None])[:, 0])
        ratio = (torch.stack(log_pi, 1) - old[part]).exp()
        losses.append(-(ratio * advantage[part]).mean())
    ### END SOLUTION
    return torch.stack(losses)


# %% nbgrader={"grade": true, "grade_id": "check_minibatch_losses", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ch11.check_minibatch_losses(minibatch_losses)
### BEGIN HIDDEN TESTS
hidden_trials = some_trials(6, 8, 5)
hidden_loss = minibatch_losses(*hidden_trials[:4], torch.ones(6, 8).double(), *hidden_trials[5:], 1)
assert abs(hidden_loss.item() + 3.592756) < 1e-5  # every ratio is 1, and the returns of all-one rewards cross the ends
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Print the ratios of `some_trials()` in four minibatches. Then ask of each line: does it know of an earlier episode, of an
# earlier step, of a later one?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# In (2) the flag $d$ does not occur; $i \in B$ and $t = 0, \dots, L - 1$; and $m_{t}$ depends on $U$ through $m_{t-1}$, too.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# gains backwards, γ · gain + reward, whatever done says; for part in arange(trials).chunk(minibatches): memory = 0 for these
# trials; for every time: memory, log π, nothing detached; loss = − mean(exp(log π − old) · advantage) over the part.
# </details>

# %%
losses = minibatch_losses(*trials, 4)
slopes = torch.autograd.grad(losses.sum(), list(trials[0].values()))
theirs = torch.autograd.grad(colleagues_losses(*trials, 4).sum(), list(trials[0].values()))
print("losses in four minibatches:", [round(loss, 3) for loss in losses.tolist()])
for name, mine, other in zip(trials[0], slopes, theirs, strict=True):
    cosine = float((mine * other).sum() / (mine.norm() * other.norm()))
    print(f"{name:7} cosine between the two gradients {cosine:.2f}")


# %% [markdown]
# **Expect:** four losses between −2.0 and −1.7, each minus the mean return of its trials' steps, for every ratio is 1 here.
# The colleague's code has ratios other than 1 as soon as there are two minibatches, and its gradient points elsewhere.
#
# **Interpret:** which of the three bugs would have shown in the diagnostics of PPO (approximate KL, clip fraction) at the
# *first* minibatch of the first epoch, and why do the other two not?
#
# <details><summary>Answer</summary>
#
# Minibatches of pieces: before any step of the optimiser the two policies are the same, so that KL and clip fraction must be
# zero, and they are not. The return that stops at an episode's end and the cut gradient change *what is improved*, and
# leave the ratio at 1. Against these only a derivation or a gradient by finite differences helps, and for the first
# also the return of the later episodes, which does not rise.
# </details>

# %% [markdown]
# ## Exercise 3: Two losses of one belief
#
# **Objective:** implement the losses of an agent that infers its task, each with the derivatives that it should have.
#
# **Kind:** implement · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 1 s
#
# Of each task the agent has seen $n$ transitions, its context; an encoder has made a Gaussian factor of each,
# $\mathcal{N}(\mu_i, \sigma_i^2)$. The belief is their product with the prior,
# $q = \mathcal{N}(\mu, \sigma^2) \propto \mathcal{N}(0, 1) \prod_i \mathcal{N}(\mu_i, \sigma_i^2)$ in each dimension, and
# $z = \mu + \sigma \varepsilon$ one draw from it for the task. The value is bilinear and the actor is a layer with a tanh,
#
# $$Q(s, a, z) = (s, a)^\top C\, (z, 1), \qquad \pi(s, z) = \tanh\big(D\, (s, z)\big), \tag{3}$$
#
# where $(\cdot, \cdot)$ is one vector made of two. On $m$ other transitions of each of the $T$ tasks, with targets $y$,
#
# $$\ell_1 = \frac1T \sum_{\mathcal{T}} \Big[ \frac1m \sum_j \big(Q(s_j, a_j, z) - y_j\big)^2
# + \beta\, \mathrm{KL}\big(q \,\|\, \mathcal{N}(0, I)\big) \Big], \qquad
# \ell_2 = -\frac1T \sum_{\mathcal{T}} \frac1m \sum_j Q\big(s_j, \pi(s_j, \bar z), \bar z\big). \tag{4}$$
#
# $\ell_1$ teaches the encoder and $C$; $\ell_2$ teaches the actor, $D$, and nothing else reads its gradient. $\bar z$ is $z$ as
# a number that was given: in $\ell_2$ the belief is not to be moved.
#
# **Predict:** suppose that $\ell_2$ did move the belief. What would $z$ come to say about a task of which little is known?

# %% nbgrader={"grade": false, "grade_id": "context_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def context_losses(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
    """Both losses of equation (4).

    mean, log_std: float64 [task, n, latent], of the n factors, with requires_grad; noise: ε [task, latent]; states:
    [task, m, state]; actions: [task, m, action]; targets: y [task, m]; critic: C [state + action, latent + 1]; actor: D
    [action, state + latent], both with requires_grad; kl_coef: β. Returns {"encoder_and_critic": ℓ₁, "actor": ℓ₂}, numbers
    with their graphs.
    """
    ### BEGIN SOLUTION
    weight = torch.exp(-2 * log_std)
    precision = 1 + weight.sum(1)
    centre, std = (weight * mean).sum(1) / precision, precision.rsqrt()
    z = centre + std * noise

    def value(act, latent):
        with_one = torch.cat([latent, torch.ones_like(latent[:, :1])], -1)
        return (torch.cat([states, act], -1) @ critic @ with_one[..., None])[..., 0]

    divergence = 0.5 * (std**2 + centre**2 - 1 - 2 * std.log()).sum(-1)  # of each task
    given = z.detach()
    repeated = given[:, None].expand(-1, states.shape[1], -1)
    chosen = torch.tanh(torch.cat([states, repeated], -1) @ actor.T)
    errors = (value(actions, z) - targets).square().mean(-1)
    return {"encoder_and_critic": (errors + kl_coef * divergence).mean(), "actor": -value(chosen, given).mean()}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check_context_losses", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch11.check_context_losses(context_losses)
### BEGIN HIDDEN TESTS
hidden_one = torch.ones(1, 1, 1).double()
hidden = context_losses(
    2 * hidden_one, 0 * hidden_one, 0 * hidden_one[0], hidden_one, hidden_one, 0 * hidden_one[0],
    torch.tensor([[1.0, 0.0], [0.0, 0.0]]).double(), torch.zeros(1, 2).double(), 0.0,
)  # fmt: skip
assert abs(hidden["encoder_and_critic"].item() - 1) < 1e-9  # the prior draws the mean from 2 to 1, and Q = z
assert abs(hidden["actor"].item() + 1) < 1e-9
### END HIDDEN TESTS

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# The prior is one more factor, with mean 0 and variance 1. Then ask of each tensor in (4) whether it is one for each task,
# each transition, or each dimension: over what is it to be added up, and over what averaged?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# Precisions add, $1 / \sigma^2 = 1 + \sum_i 1 / \sigma_i^2$, and $\mu = \sigma^2 \sum_i \mu_i / \sigma_i^2$. In each dimension
# $\mathrm{KL} = \frac12 (\sigma^2 + \mu^2 - 1) - \log \sigma$; dimensions add up. `detach` makes $\bar z$ of $z$.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# weight = exp(−2 log_std); precision = 1 + sum over n; mean = sum(weight · mean) / precision; z = mean + precision^(−1/2) ·
# noise; Q with z, squared errors averaged over m; KL summed over dimensions; mean over tasks of errors + kl_coef · KL.
# Then z̄ = z.detach(), repeated for each transition; actions = tanh([s, z̄] Dᵀ); minus the mean of Q with z̄.
# </details>

# %%
def beliefs_after(steps, transitions=3, lr=0.04):
    """Beliefs about eight tasks, trained by (4): in each the reward of an action is a number of the task times it."""
    generator = seeded(4)
    shapes = {"mean": (8, transitions, 1), "log_std": (8, transitions, 1), "critic": (2, 2), "actor": (1, 2)}
    theta = {n: (0.3 * torch.randn(s, generator=generator)).double().requires_grad_() for n, s in shapes.items()}
    hidden_task = torch.randn(8, generator=generator).double()
    adam = torch.optim.Adam(theta.values(), lr=lr)
    for _ in range(steps):
        noise = torch.randn(8, 1, generator=generator).double()
        states = torch.ones(8, 16, 1).double()
        actions = 2 * torch.rand(8, 16, 1, generator=generator).double() - 1
        targets = hidden_task[:, None] * actions[..., 0]
        losses = context_losses(
            theta["mean"], theta["log_std"], noise, states, actions, targets, theta["critic"], theta["actor"], 0.1
        )
        adam.zero_grad()
        for name, loss in (("mean log_std critic", losses["encoder_and_critic"]), ("actor", losses["actor"])):
            for key, slope in zip(
                name.split(), torch.autograd.grad(loss, [theta[k] for k in name.split()]), strict=True
            ):
                theta[key].grad = slope
        adam.step()
    precision = torch.exp(-2 * theta["log_std"]).sum(1) + 1
    centre = (torch.exp(-2 * theta["log_std"]) * theta["mean"]).sum(1) / precision
    return hidden_task, centre[:, 0].detach(), precision[:, 0].rsqrt().detach()


truth, centre, std = beliefs_after(300)
figure, axes = plotting.figure(width=5.6, height=3.6)
axes.errorbar(truth, centre, std, fmt="o", color=plotting.BLUE, capsize=3)
axes.set(xlabel="the number that tells the tasks apart", ylabel="belief: mean and spread")
plotting.show(
    figure,
    "Mean and standard deviation of the belief about each of eight tasks against the number that tells the tasks apart. The "
    "means lie close to a line that falls or rises, and the bars of far tasks do not overlap.",
)

# %% [markdown]
# **Expect:** eight beliefs along a rising or a falling line: the latent variable has become the number that tells the tasks
# apart, up to a factor, and nobody has told the encoder what that number is.
#
# **Interpret:** the divergence is a sum over dimensions and a mean over tasks, like the squared errors. What would a mean over
# dimensions do if somebody doubled the latent variable's size, with $\beta$ as it was?
#
# <details><summary>Answer</summary>
#
# It would halve the price of each dimension. A belief of twice the size could say twice as much for the same loss, and
# $\beta$ would have to be searched again. With the sum, $\beta$ is a price for each nat that the belief says about the task,
# whatever its size is. As to the prediction: were $\ell_2$ to move the belief, $z$ would come to say what makes $Q$ large.
# Where little is known, the agent would believe what it would like to be true.
# </details>

# %% [markdown]
# ## Exercise 4: How many bandits are few?
#
# **Objective:** measure what a memory loses on new tasks that was meta-trained on eight of them, and defend the number.
#
# **Kind:** experiment · **Difficulty:** ★★★ · **Time:** 30 min · **Run time:** 20 s
#
# A colleague has eight bandits of three arms and no more. He meta-trains a memory on these, drawn over and over, and what it
# earns on them in ten pulls looks fine. `learn(seeds, training)` does what he did, for several seeds side by side;
# `learn(seeds)` draws *new* bandits in each of its iterations instead. Nothing else differs: iterations, trials, updates
# and settings are the same. `regrets(parameters, bandits, generator)` plays one trial on each bandit and gives what it
# earned less than the best arm would have, `[seed, task]`.
#
# **Do the memories of eight bandits lose more on new bandits than the others, and how much?** Report for each seed the mean
# over held-out bandits of the regret of *few* less that of *many*, and of these differences the t interval
#
# $$\bar x \pm t_{n-1,\,0.975}\; s / \sqrt{n} \tag{5}$$
#
# for $n$ seeds, $\bar x$ the mean and $s$ the standard deviation (with $n - 1$). Draw the eight with
# `BernoulliBandits(ARMS, PULLS).sample_tasks(8, generator)`, and the held-out ones, 200 to 1,000, with `"test"` as a third
# argument. The check plays your memories again, and trains one pair of them again, which takes a few seconds.
#
# **Predict:** (a) Which of the two kinds loses less on the eight bandits themselves? (b) And on new ones? (c) Could one
# tell (b) from the curve of the training?

# %% nbgrader={"grade": false, "grade_id": "few", "locked": false, "schema_version": 3, "solution": true, "task": false}
few = {
    "training": ...,  # {"means": [8, 3]}: the eight bandits
    "held_out": ...,  # {"means": [task, 3]}: 200 to 1,000 held-out bandits
    "seeds": ...,  # list of int: five or more
    "few": ...,  # parameters [seed, ...], from learn(seeds, training)
    "many": ...,  # parameters [seed, ...], from learn(seeds)
    "regrets_few": ...,  # [seed, task], of one trial on each held-out bandit
    "regrets_many": ...,  # the same for the other memories
    "low": ...,  # lower end of the t interval of (regret of few) - (regret of many)
    "high": ...,  # its upper end
    "conclusion": ...,  # ch11.FEW_LOSE, ch11.FEW_WIN or ch11.NOT_TOLD_APART
}
### BEGIN SOLUTION
family, seeds = BernoulliBandits(ARMS, PULLS), [0, 1, 2, 3, 4]
training = family.sample_tasks(8, seeded(5))
held_out = family.sample_tasks(500, seeded(6), "test")
of_few, of_many = learn(seeds, training), learn(seeds)
lost_few, lost_many = regrets(of_few, held_out, seeded(7)), regrets(of_many, held_out, seeded(8))
interval = t_interval((lost_few - lost_many).mean(1))
few = {
    "training": training,
    "held_out": held_out,
    "seeds": seeds,
    "few": of_few,
    "many": of_many,
    "regrets_few": lost_few,
    "regrets_many": lost_many,
    "low": interval.low,
    "high": interval.high,
    "conclusion": ch11.FEW_LOSE if interval.low > 0 else ch11.FEW_WIN if interval.high < 0 else ch11.NOT_TOLD_APART,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_few", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ch11.check_few(few)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Two generators with the same seed draw the same bandits for both splits, but for a stamp in the last bit. And what in your
# report is drawn once, and what for each seed?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# In (5) $n$ is the number of seeds. `metarl_core.evaluation.t_interval` takes one number for each, here
# `(regrets_few - regrets_many).mean(1)`.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# training = 8 of the split "train"; held_out = 500 of "test", from another seed; learn(seeds, training) and learn(seeds);
# regrets of both on held_out; t interval of the row means of the difference; the conclusion follows from where 0 lies.
# </details>

# %%
again = {"means": few["training"]["means"].repeat(60, 1)}  # the eight, sixty times each
places = {"the eight": again, "held-out": few["held_out"]}
lost = {
    place: [regrets(few[kind], tasks, seeded(9)).mean(1) for kind in ("few", "many")] for place, tasks in places.items()
}
figure, axes = plotting.figure(width=6.4, height=3.6)
for x, both in enumerate(lost.values()):
    for shift, values, color, name in (
        (-0.12, both[0], plotting.ORANGE, "few"),
        (0.12, both[1], plotting.BLUE, "many"),
    ):
        axes.plot(torch.full((len(values),), x + shift), values, "o", color=color, label=name if x == 0 else None)
axes.set_xticks(range(2), list(lost))
axes.set(ylabel="regret of ten pulls", xlim=(-0.5, 1.5), ylim=(0, None))
axes.legend()
plotting.show(
    figure,
    "Regret of ten pulls of each seed's two memories, on the eight bandits of the training and on held-out ones. On the eight "
    "the memories of few lie lower, on the held-out ones they lie above all those of many.",
)

# %% [markdown]
# **Expect:** with the solution's bandits an interval from about 0.3 to 0.46, where the others lose 1.4 in all. On held-out
# bandits every seed of *few* loses more than every seed of *many*, on the eight it loses less.
#
# **Interpret:** (a) Why is "its regret on held-out bandits is higher than on its own eight" *not* what was asked for? (b) The
# memory of eight bandits has learned something that holds for these and not for others. What could that be, for a memory?
# (c) Can one say from your report that sixteen bandits are enough?
#
# <details><summary>Answer</summary>
#
# The prediction: (a) few, (b) many, (c) no, for the curve of the training shows regrets on the eight alone. The questions:
# (a) The eight may be easy or hard ones, and then any agent would lose less or more on them. The other memories, on the
# *same* held-out bandits, have that difference in common with it. (b) A prior: which sets of means there are. After a few
# pulls the counts tell eight bandits apart well enough, and the memory may then pull the arm that is the best in the one that
# fits, which is Bayes' rule for a prior of eight points. On other bandits that belief is wrong, and sure of itself. (c) No:
# it says something about eight. How the difference falls with their number is another experiment, which takes you two lines.
# </details>

# %% [markdown]
# ## Exercise 5: Plan an honest measurement
#
# **Objective:** plan how an agent with a context is measured, so that what it is told is what it could have known.
#
# **Kind:** design · **Difficulty:** ★★☆ · **Time:** 15 min · **Run time:** 1 s
#
# You want to compare an agent that infers its task from a context with a recurrent memory, in a family with several episodes
# a task. What is reported is
#
# $$\text{the mean return of episode } e \text{ on tasks of their own}, \qquad e = 1, 2, \dots \tag{6}$$
#
# Fill in the plan; the next cell prints the words to choose from.
#
# **Predict:** public code computes the belief from an episode and then reports the return of that same episode. By how much
# can this be wrong on a task with one hidden goal?

# %%
for name, words in ch11.check_plan.subject.items():
    print(f"{name:18}", words if isinstance(words, tuple) else words.__name__)

# %% nbgrader={"grade": false, "grade_id": "plan", "locked": false, "schema_version": 3, "solution": true, "task": false}
plan = {
    "tasks": ...,
    "context_from": ...,  # what the belief has seen when an episode is measured
    "first_episode": ...,
    "budget_in_a_task": ...,  # what the methods may play on a task
    "reference": ...,  # what the numbers stand beside
    "control": ...,  # what shows that the context is read
    "weights": ...,  # of which iteration
    "seeds": ...,  # int: trainings of each method
    "interval_over": ...,
}
### BEGIN SOLUTION
plan = {
    "tasks": "held-out tasks, the same for all methods",
    "context_from": "earlier episodes of the same task, played by the agent itself",
    "first_episode": "reported, with an empty context",
    "budget_in_a_task": "the same episodes and steps for all",
    "reference": "the best agent that does not know the task, and one that does",
    "control": "the same weights with an empty context, and with the context of another task",
    "weights": "the last",
    "seeds": 10,
    "interval_over": "trainings",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check_plan", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ch11.check_plan(plan)

# %% [markdown]
# <details><summary>Hint 1: a nudge</summary>
#
# Go through the plan and ask of each entry: could a method that has learned nothing about the task look good here?
# </details>
#
# <details><summary>Hint 2: the formula</summary>
#
# In (6) the return of episode $e$ may depend on episodes $1, \dots, e - 1$ of the same task, and on nothing else of it.
# </details>
#
# <details><summary>Hint 3: pseudocode</summary>
#
# For each of ten or more trainings: take the last weights; for each held-out task: play episode 1 with an empty context, put
# what happened into the context, play episode 2, and so on; report each. Then once more with the context emptied, and with
# the contexts of the tasks exchanged.
# </details>

# %%
print("filled in:", sum(value is not ... for value in plan.values()), "of", len(plan))

# %% [markdown]
# **Expect:** a plan in which the agent knows at every step only what it has played itself.
#
# **Interpret:** why is an empty context not control enough?
#
# <details><summary>Answer</summary>
#
# Any context may help because it moves $z$ to where the policy was mostly trained, whatever it says. With the context of
# another task the belief is as sure, and wrong: an agent that reads its context must then earn *less* than with none. As to
# the prediction: once an episode has found a hidden goal, a belief from that episode knows it, and "the return of the
# episode" is compared with agents who had to search; the whole price of the search can be missing.
# </details>
