"""Checks of the exercises of chapter 14: shares and their sum, random numbers of blocks, speed-up, a prediction."""

from metarl_core.check.ch14.own_noise import check_own_noise
from metarl_core.check.ch14.prediction import FASTER, HOLDS, NOT_TOLD, SLOWER, check_prediction
from metarl_core.check.ch14.speed_up import check_speed_up
from metarl_core.check.ch14.spread_gradient import check_spread_gradient

__all__ = [
    "FASTER",
    "HOLDS",
    "NOT_TOLD",
    "SLOWER",
    "check_own_noise",
    "check_prediction",
    "check_speed_up",
    "check_spread_gradient",
]
