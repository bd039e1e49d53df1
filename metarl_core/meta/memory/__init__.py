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
from metarl_core.meta.memory.encoders import (
    BeliefMemory,
    Encoder,
    ProductEncoder,
    RecurrentEncoder,
    gaussian_product,
)
from metarl_core.meta.memory.in_context import InContext, InContextConfig, in_context_loss, train_in_context
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
    "Encoder",
    "ExpectedReward",
    "InContext",
    "InContextConfig",
    "Memory",
    "MemoryAgent",
    "MemoryPPO",
    "Player",
    "ProductEncoder",
    "RL2",
    "RecurrentEncoder",
    "TrainConfig",
    "Trials",
    "adaptation_curve",
    "belief_loss",
    "gaussian_kl",
    "gaussian_product",
    "in_context_loss",
    "memory_ppo_loss",
    "play_trials",
    "train",
    "train_belief",
    "train_in_context",
    "trial_advantages",
    "waves",
    "whole_trials",
]
