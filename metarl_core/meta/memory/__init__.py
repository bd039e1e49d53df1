"""Meta-learning with memory: the method, its training, and what it reaches on held-out tasks.

from metarl_core.meta import memory

agent = memory.MemoryAgent(family.observation_space, family.action_space, generator=generator)
method = memory.RL2(family, agent, episodes=2)
meta, history = memory.train(method, method.initial(initial_parameters(agent)), memory.TrainConfig(), generator)
returns = memory.adaptation_curve(method, meta, held_out, generator).returns
"""

from metarl_core.meta.memory.adaptation import AdaptationCurve, adaptation_curve
from metarl_core.meta.memory.agent import Memory, MemoryAgent
from metarl_core.meta.memory.attention import CausalAttention, waves
from metarl_core.meta.memory.belief import BeliefConfig, belief_loss, gaussian_kl, train_belief
from metarl_core.meta.memory.config import BASELINES, TrainConfig
from metarl_core.meta.memory.context import ContextAgent, NoMemory
from metarl_core.meta.memory.encoders import (
    BeliefMemory,
    Encoder,
    ProductEncoder,
    RecurrentEncoder,
    gaussian_product,
)
from metarl_core.meta.memory.in_context import InContext, InContextConfig, in_context_loss, train_in_context
from metarl_core.meta.memory.pearl import (
    PEARL,
    ContextBatch,
    KeptTrials,
    PEARLConfig,
    context_batch,
    pearl_loss,
    soft_target,
)
from metarl_core.meta.memory.pearl_training import train_pearl
from metarl_core.meta.memory.ppo import MemoryPPO, memory_ppo_loss, whole_trials
from metarl_core.meta.memory.rl2 import RL2, trial_advantages
from metarl_core.meta.memory.training import train
from metarl_core.meta.memory.trials import ExpectedReward, Player, Trials, play_trials

__all__ = [
    "AdaptationCurve",
    "BASELINES",
    "BeliefConfig",
    "BeliefMemory",
    "CausalAttention",
    "ContextAgent",
    "ContextBatch",
    "Encoder",
    "ExpectedReward",
    "InContext",
    "InContextConfig",
    "KeptTrials",
    "Memory",
    "MemoryAgent",
    "MemoryPPO",
    "NoMemory",
    "PEARL",
    "PEARLConfig",
    "Player",
    "ProductEncoder",
    "RL2",
    "RecurrentEncoder",
    "TrainConfig",
    "Trials",
    "adaptation_curve",
    "belief_loss",
    "context_batch",
    "gaussian_kl",
    "gaussian_product",
    "in_context_loss",
    "memory_ppo_loss",
    "pearl_loss",
    "play_trials",
    "soft_target",
    "train",
    "train_belief",
    "train_in_context",
    "train_pearl",
    "trial_advantages",
    "waves",
    "whole_trials",
]
