"""Cases 1 to 10: what the chapters from 01 to 04 are needed for."""

from .case import NOTHING, RAISES, SAYS, WRONG, Case

EARLY = (
    Case(
        1,
        "01",
        "An objective for meta-RL",
        SAYS,
        "> Meta-RL looks for the policy that is best on the average over tasks, "
        r"$\max_\theta \mathbb{E}_{T}\, \mathbb{E}_{\pi_\theta} \sum_t r_t$. "
        "In code: draw a task, take a gradient step on its loss, draw the next one.",
        "What is wrong with calling this meta-RL?",
        (
            (
                "Nothing in it adapts.",
                "No adaptation operator stands between θ and the return: this is multi-task RL, and its best θ is "
                "another one.",
            ),
            (
                "The sum of rewards lacks a discount.",
                "With or without a discount, what would the policy do differently on its second episode in a task?",
            ),
            (
                "One task at a time is too noisy; a batch of tasks repairs it.",
                "A larger batch estimates the same average with less noise. Is it the average that is wanted?",
            ),
        ),
        "A",
    ),
    Case(
        2,
        "01",
        "What is assumed of the tasks",
        SAYS,
        "> Ordinary RL assumes that all tasks come from one distribution. Meta-RL assumes that the distribution "
        "changes, "
        "and so it copes with tasks from elsewhere.",
        "Which of its parts holds?",
        (
            (
                "The first: ordinary RL is about a distribution of tasks.",
                "Ordinary RL is about a single MDP. Where would a second task come in?",
            ),
            (
                "The second: adaptation is made for tasks from elsewhere.",
                "What was learned in training fits the tasks of training. What happens to it on others?",
            ),
            (
                "None. Ordinary RL has one MDP, meta-RL one fixed p(T), the same at training and at test.",
                "Meta-training learns what p(T) has in common; nothing is promised elsewhere, and it can do harm "
                "there.",
            ),
        ),
        "C",
    ),
    Case(
        3,
        "02",
        "A distribution of tasks",
        NOTHING,
        "class Goals:\n"
        "    def __init__(self, generator):\n"
        "        self.goal = 2 * torch.rand(2, generator=generator) - 1\n"
        "\n"
        "    def sample(self):\n"
        "        return self.goal",
        "A method is meta-trained on this and reaches zero error on new samples. What does that show?",
        (
            (
                "That it adapts perfectly.",
                "How would a method score here that never looks at its support set?",
            ),
            (
                "Nothing: every sample is the same task.",
                "The goal is drawn once, when the object is made. Whoever remembers it needs no adaptation.",
            ),
            (
                "That the uniform distribution is too narrow.",
                "Widen it, and draw twice from one object. By how much do the two goals differ?",
            ),
        ),
        "B",
    ),
    Case(
        4,
        "02",
        "A loop that was right once",
        RAISES,
        'env = gymnasium.make("CartPole-v1")\n'
        "state = env.reset()\n"
        "next_state, reward, done, _ = env.step(env.action_space.sample())",
        "What is the first thing to repair, and what is lost if it is repaired hastily?",
        (
            (
                "The call returns five values: with `done = terminated` and the other flag dropped, all is well.",
                "Who ends the episode then, when its time is up?",
            ),
            (
                "`env.step` needs a NumPy action; nothing is lost.",
                "`action_space.sample()` gives what `step` takes. Count what comes back.",
            ),
            (
                "It returns five values; `terminated or truncated` ends an episode, and only `terminated` a bootstrap.",
                "The old signature had one flag for two things. Merging them again runs, and is case 5.",
            ),
        ),
        "C",
    ),
    Case(
        5,
        "03",
        "The end of an episode",
        WRONG,
        "done = terminated | truncated\ntarget = reward + discount * (1 - done) * value(next_observation)",
        "Each step earns 1, nothing ever fails, and an episode is cut off after ten steps. What becomes of the values?",
        (
            (
                "They are too low: the cut is taken for an end of the world.",
                "One step in ten has a target without a future, though the future would have gone on.",
            ),
            (
                "They are right: no reward is earned after the cut.",
                "The agent stops counting there. Does the state stop being worth anything, for an observation "
                "without a "
                "clock?",
            ),
            (
                "They are too high: the last step is counted twice.",
                "Write down the target of the last step. Is there anything in it twice?",
            ),
        ),
        "A",
    ),
    Case(
        6,
        "03",
        "DQN by name",
        SAYS,
        "logits = network(observations)  # a softmax policy\n"
        "actions, rewards = replay.sample()\n"
        "loss = -(rewards * log_softmax(logits)[actions]).mean()  # 'our DQN'",
        "There is no Q-function, no target and no target network in it. Does the name matter?",
        (
            (
                "Yes: off-policy data make it imitate whoever filled the buffer, weighted by reward; no maximum is "
                "taken.",
                "Its optimum is proportional to behaviour times reward. What chapter 03 says of DQN does not hold of "
                "it.",
            ),
            (
                "No: with enough data from the replay buffer it learns the same greedy policy.",
                "Solve it for one state: which probabilities make the gradient zero, if the data came from another "
                "policy?",
            ),
            (
                "Only for the speed of learning.",
                "What it converges to is a matter of its optimum. Is that the greedy action?",
            ),
        ),
        "A",
    ),
    Case(
        7,
        "03",
        "Large action spaces",
        SAYS,
        "> DQN fails in large or continuous action spaces. Meta-learning its initial weights solves this problem.",
        "What would have to be true?",
        (
            (
                "The initial weights would have to change how max over actions is computed.",
                "They do not: the number of outputs, or the search, is the same from any start. Actor-critic methods "
                "answer this, meta-learning another question.",
            ),
            (
                "The tasks would have to share their best actions.",
                "Say that they do. Between how many actions does the network then have to decide at a step?",
            ),
            (
                "The inner loop would have to be long enough.",
                "However long: at each step an argmax over all actions is taken. Which part of it do weights shorten?",
            ),
        ),
        "A",
    ),
    Case(
        8,
        "04",
        "A loss made of returns",
        RAISES,
        "returns = [play(policy) for _ in range(10)]  # floats\nloss = -torch.tensor(returns).mean()\nloss.backward()",
        "What does it need?",
        (
            (
                "`requires_grad=True` in the new tensor.",
                "Then nothing is raised. Which tensor gets the gradient, and is there a way from it to the policy?",
            ),
            (
                "A return that is differentiable: hand the tensors through the environment.",
                "Which derivative would it have with respect to an action that was drawn, or through a simulator's "
                "step?",
            ),
            (
                "Another estimator: the mean of returns times the gradient of the log-probabilities.",
                "A new tensor has no graph, and returns have no derivative. The score function needs only log π.",
            ),
        ),
        "C",
    ),
    Case(
        9,
        "04",
        "The same, made to run",
        NOTHING,
        "action = policy(state)  # a vector of probabilities\n"
        "state, reward = env_step(state, action)  # plain numbers\n"
        "loss = torch.tensor(-reward, requires_grad=True)\n"
        "loss.backward()\n"
        "optimizer.step()",
        "It runs for hours. What does it do to the policy?",
        (
            (
                "Nothing at all.",
                "The loss is a leaf: its gradient stops in itself, and every parameter's `.grad` stays None.",
            ),
            (
                "It learns slowly, for the gradient is noisy.",
                "Print one parameter before and after. How slowly?",
            ),
            (
                "It learns to output probabilities that the environment likes.",
                "By which path would the reward reach the parameters? Follow `grad_fn` from the loss.",
            ),
        ),
        "A",
    ),
    Case(
        10,
        "04",
        "Normalised advantages",
        WRONG,
        "def normalised(advantages):\n"
        "    mean, var = advantages.mean(), advantages.var()\n"
        "    return (advantages - mean) / (var + 1e-8)",
        "An inner step uses these. Rewards are then written in other units, ten times as large. What happens?",
        (
            (
                "Nothing: normalised advantages do not depend on units.",
                "Multiply the advantages by ten and follow them through the last line. Do the tens cancel?",
            ),
            (
                "The inner step becomes ten times as long.",
                "The numerator grows tenfold, and so does a standard deviation. What does a variance do?",
            ),
            (
                "The inner step becomes ten times as short.",
                "Dividing by a variance turns a factor of ten into a tenth: the step size depends on the units of "
                "reward.",
            ),
        ),
        "C",
    ),
)
