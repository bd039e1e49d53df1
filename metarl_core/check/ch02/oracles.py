"""What several checks of chapter 02 compare with."""

import math

import torch

# Amplitude uniform on [1, 3], phase uniform on [0, π/2], inputs uniform on [−π, π]. By midpoint sums, not by formulas.
MIDDLE = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
AMPLITUDE, PHASE, INPUT = 1 + 2 * MIDDLE, math.pi / 2 * MIDDLE, 2 * math.pi * MIDDLE - math.pi
WAVE = (INPUT[:, None] + PHASE).sin()  # [x, phase]
ZERO = float(AMPLITUDE.square().mean() * WAVE.square().mean())
PHASE_KNOWN = float((AMPLITUDE.square().mean() - AMPLITUDE.mean().square()) * WAVE.square().mean())
SPREAD = float(AMPLITUDE.square().mean() - AMPLITUDE.mean().square())
