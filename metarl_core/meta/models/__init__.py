"""Models of the world that adapt while it changes: each method, its training, and what planning with it earns.

from metarl_core.meta import models

network = models.DynamicsNetwork(observation_size, action_size, normalisation=models.fit_normalisation(seen))
method = models.GrBAL(network)
meta, history = models.train(method, method.initial(initial_parameters(network)), data, models.TrainConfig(), generator)
rewards = models.adaptation_curve(method, meta, family, held_out, CEM(), generator).rewards
"""

from metarl_core.meta.models.adaptation import AdaptationCurve, Believer, adaptation_curve, prediction_errors
from metarl_core.meta.models.config import Method, TrainConfig
from metarl_core.meta.models.ensemble import Ensemble
from metarl_core.meta.models.grbal import GrBAL, WindowMemory
from metarl_core.meta.models.network import DynamicsNetwork, Normalisation, fit_normalisation
from metarl_core.meta.models.plain import Filter, FixedModel, LastLayerRLS, Online, OnlineSGD
from metarl_core.meta.models.rebal import ReBAL
from metarl_core.meta.models.training import train
from metarl_core.meta.models.transitions import Data, Transitions, Windows, draw_windows, transitions_of

__all__ = [
    "AdaptationCurve",
    "Believer",
    "Data",
    "DynamicsNetwork",
    "Ensemble",
    "Filter",
    "FixedModel",
    "GrBAL",
    "LastLayerRLS",
    "Method",
    "Normalisation",
    "Online",
    "OnlineSGD",
    "ReBAL",
    "TrainConfig",
    "Transitions",
    "WindowMemory",
    "Windows",
    "adaptation_curve",
    "draw_windows",
    "fit_normalisation",
    "prediction_errors",
    "train",
    "transitions_of",
]
