# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01a The field
#
# **Which other ways to learn to learn are there, and where does a method that you read about belong?**
#
# *An appendix to chapter 01. No later chapter needs it.*
#
# You will be able to
#
# - place a method that you read about on the map of the field
# - correct four statements about meta-RL that one meets often
#
# Before you start: chapter 01, [Why learn to learn?](01_why_learn_to_learn.ipynb).
#
# Reading: about 12 minutes. Running: at most 30 seconds and 700 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
from metarl_core.figures import ch01a as figures
from metarl_core.session import begin

begin()

# %% [markdown]
# ## A map
#
# Two questions place a method. *How long may adaptation take?* **Few-shot**: a handful of episodes on each new task.
# **Many-shot**: thousands of updates, where not only the start but the learning rule itself is meta-learned. *What
# carries the adaptation?* Gradient steps; the state of a recurrent network; attention over the past; an inferred
# context; a learned model of the environment.

# %% tags=["hide-input"]
figures.field_map()

# %% [markdown]
# Filled boxes are built in the chapters whose numbers they carry; the rest is only named. In a sentence each:
#
# - **E-MAML** and **ProMP** estimate the whole gradient of MAML's objective for RL: the episodes before the inner step
#   depend on the parameters, too.
# - **RL²** trains a recurrent policy over several episodes of one task; its state then carries what was learned.
#   **SNAIL** replaces recurrence by temporal convolutions and attention.
# - **PEARL** infers a distribution over a latent task variable from past transitions and trains off-policy;
#   **VariBAD** trains such an inference as a variational autoencoder, and gives the policy the whole belief.
# - **GrBAL** adapts a *dynamics model* by a gradient step, and plans with it by model-predictive control (**MPC**: at
#   each step plan ahead in the model, take the first action, plan again). **MBMPO** meta-trains a policy across an
#   ensemble of learned models.
# - **LPG** learns the update rule of an RL algorithm from scratch; **algorithm distillation** trains a transformer
#   to continue the learning histories of an RL algorithm.
#
# Two boundaries are soft. Memory and context overlap, since an inferred context is a memory with a meaning given to
# it. And "few-shot" with gradients becomes "many-shot" with more steps; what changes is that one cannot differentiate
# through thousands of them cheaply. "Optimisation-based" is another word for the first row.
#
# ## Four statements that one meets, and what is right
#
# | statement | what is right |
# |---|---|
# | "Ordinary RL assumes that all tasks come from one distribution, meta-RL that the distribution changes." | Ordinary RL has *one MDP*. Meta-RL assumes *one fixed* $p(\mathcal{T})$, in training and at test time. Outside of it nothing is guaranteed. |
# | "The objective of meta-RL is $\max_\theta \mathbb{E}_{\mathcal{T}} \mathbb{E}_{\pi_\theta} \sum_t r_t$." | That is multi-task RL: no $U_{\mathcal{T}}$ in it, the left half of (01.11). |
# | "MAML is a model-based method." | The M stands for model-*agnostic*: any model that is trained by gradients. No environment model is learned or used. |
# | "Adapt as $\theta' = \theta + \alpha \nabla\, \mathbb{E}_{\mathcal{T}} J_{\mathcal{T}}(\theta)$." | The inner step is taken per task: $\theta'_{\mathcal{T}} = \theta + \alpha \nabla J_{\mathcal{T}}(\theta)$. With the expectation inside, it is a multi-task training step. |
#
# ## A short history
#
# | year | work | what it added |
# |---|---|---|
# | 1987 | Schmidhuber, diploma thesis | programs that improve the way they improve themselves |
# | 1991 | Bengio, Bengio and Cloutier | a synaptic learning rule with parameters, tuned over tasks |
# | 1998 | Thrun and Pratt (eds.), *Learning to Learn* | the name, and a definition: performance on a task improves with experience *and with the number of tasks* |
# | 2001 | Hochreiter, Younger and Conwell | an LSTM trained by gradient descent becomes a learning algorithm |
# | 2016 | Duan et al., RL²; Wang et al. | the same for RL: memory across episodes |
# | 2017 | Finn, Abbeel and Levine, MAML | learn an initialisation; Li et al., Meta-SGD: the step sizes too |
# | 2018 | Mishra et al., SNAIL; Nichol, Achiam and Schulman, Reptile | attention instead of recurrence; a first-order method without a query set |
# | 2018 | Xu, van Hasselt and Silver, meta-gradient RL; Houthooft et al., evolved policy gradients | meta-learning over many updates: discounts, losses |
# | 2019 | Rothfuss et al., ProMP; Rakelly et al., PEARL; Nagabandi et al. | the right meta-policy gradient; off-policy with inferred context; adaptive models |
# | 2020 | Zintgraf et al., VariBAD; Oh et al., LPG | beliefs over tasks; a discovered update rule |
# | 2022 | Laskin et al., algorithm distillation | a transformer imitates a whole learning history in context |
# | 2023 | Adaptive Agent Team; Beck et al., survey | adaptation in a vast space of 3-D tasks; the survey that the map follows |
#
# ## Tools
#
# As of November 2026.
#
# | tool | state |
# |---|---|
# | OpenAI Gym | superseded by Gymnasium (`step` returns five values, `reset` two) |
# | garage | last release 2021, last commit 2023 |
# | learn2learn | last release 0.2.1 in June 2023; its wheels fail on Python 3.11 |
# | Ray RLlib | its MAML and MBMPO were deprecated in 2.8 (2023) and moved out; not in current Ray |
# | OpenAI Baselines, Spinning Up | archived or frozen on old versions; still good reading |
# | Meta-World | alive (3.x, Gymnasium interface) |
# | PyTorch, TensorFlow | neither ships MAML or Reptile; `torch.func` is the part that matters here |
#
# ## Further reading
#
# - J. Schmidhuber, *Evolutionary principles in self-referential learning*, diploma thesis, Technische Universität
#   München, 1987.
# - Y. Bengio, S. Bengio and J. Cloutier, *Learning a synaptic learning rule*, IJCNN, 1991.
# - S. Thrun and L. Pratt (eds.), *Learning to Learn*, Kluwer, 1998.
# - S. Hochreiter, A. S. Younger and P. R. Conwell, *Learning to learn using gradient descent*, ICANN, 2001.
# - Y. Duan et al., *RL²: Fast reinforcement learning via slow reinforcement learning*, 2016, arXiv:1611.02779.
# - J. X. Wang et al., *Learning to reinforcement learn*, 2016, arXiv:1611.05763.
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
# - Z. Li et al., *Meta-SGD: Learning to learn quickly for few-shot learning*, 2017, arXiv:1707.09835.
# - N. Mishra et al., *A simple neural attentive meta-learner*, 2018, arXiv:1707.03141.
# - A. Nichol, J. Achiam and J. Schulman, *On first-order meta-learning algorithms*, 2018, arXiv:1803.02999.
# - Z. Xu, H. van Hasselt and D. Silver, *Meta-gradient reinforcement learning*, 2018, arXiv:1805.09801.
# - R. Houthooft et al., *Evolved policy gradients*, 2018, arXiv:1802.04821.
# - J. Rothfuss et al., *ProMP: Proximal meta-policy search*, 2019, arXiv:1810.06784.
# - K. Rakelly et al., *Efficient off-policy meta-reinforcement learning via probabilistic context variables*, 2019,
#   arXiv:1903.08254.
# - A. Nagabandi et al., *Learning to adapt in dynamic, real-world environments through meta-reinforcement learning*,
#   2019, arXiv:1803.11347.
# - L. Zintgraf et al., *VariBAD: A very good method for Bayes-adaptive deep RL via meta-learning*, 2020,
#   arXiv:1910.08348.
# - J. Oh et al., *Discovering reinforcement learning algorithms*, 2020, arXiv:2007.08794.
# - R. Agarwal et al., *Deep reinforcement learning at the edge of the statistical precipice*, 2021, arXiv:2108.13264.
# - M. Laskin et al., *In-context reinforcement learning with algorithm distillation*, 2022, arXiv:2210.14215.
# - Adaptive Agent Team, *Human-timescale adaptation in an open-ended task space*, 2023, arXiv:2301.07608.
# - J. Beck et al., *A survey of meta-reinforcement learning*, 2023, arXiv:2301.08028.
#
# Back to [01 Why learn to learn?](01_why_learn_to_learn.ipynb) · [Exercises](../exercises/01_why_learn_to_learn_exercises.ipynb) · next: [02 Tasks and their distributions](02_tasks.ipynb)
