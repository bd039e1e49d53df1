"""Inner losses of policy-gradient adaptation: one first derivative, three second derivatives.

Adapting by the policy gradient means θ' = θ + α∇J(θ), and the exact Jacobian of that step is I + α∇²J(θ) with

    ∇²J = H₁ + H₂ + H₁₂ + H₁₂ᵀ,   H₁ = E Σ_t ∇log π_t ∇log π_tᵀ R_t,   H₂ = E Σ_t ∇² log π_t R_t,

and H₁₂ = E Σ_t ∇log π_t (Σ_{t' < t} ∇log π_t')ᵀ R_t (Rothfuss et al. 2019, eqs. 6–10, written with the score). The
losses below have the same gradient, minus the policy gradient; differentiating *through* the step sees what each of
them has as its Hessian.
"""

from collections.abc import Callable

from torch import Tensor

from metarl_core.agents.policies import DifferentiablePolicy
from metarl_core.agents.reinforce import reinforce_loss
from metarl_core.agents.returns import masked_mean
from metarl_core.arguments import check_one_of, check_same_shape, check_shape
from metarl_core.parameters import Parameters
from metarl_core.tasks.rollout import Trajectories

Estimator = Callable[..., Tensor]
"""(policy, parameters, trajectories, advantage `[task, episode, time]`) -> losses `[task]`"""


def surrogate_loss(
    policy: DifferentiablePolicy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor
) -> Tensor:
    """−E[π_θ(a|s) / π_old(a|s) · A] per task, `[task]`: the low-variance curvature estimator (Rothfuss et al. 2019).

    The ratio to the probabilities at sampling time has the value 1 there and the gradient of log π. Its Hessian is
    H₁ + H₂: −log π · A, which has H₂ alone, lacks ∇log π ∇log πᵀ. What is missing, H₁₂ and its transpose, is biased
    away for a lower variance. A state baseline leaves the expected Hessian as it is.
    """
    log_probability = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
    check_same_shape(advantage=advantage, mask=trajectories.mask)
    ratio = (log_probability - trajectories.log_probabilities).exp()
    return -masked_mean(ratio * advantage, trajectories.mask)


def dice_loss(
    policy: DifferentiablePolicy, parameters: Parameters, trajectories: Trajectories, advantage: Tensor
) -> Tensor:
    """DiCE (Foerster et al. 2018) with advantages (Farquhar et al. 2019), `[task]`: right in all derivatives.

    With c_t = Σ_{t' ≤ t} log π(a_t' | s_t') within an episode and ⊥ for a constant of the same value, the loss is

        −E[(exp(c_t − ⊥c_t) − exp(c_{t−1} − ⊥c_{t−1})) · A_t].

    Its value is 0. With rewards-to-go for A it is, summed by parts, DiCE's Σ_t exp(c_t − ⊥c_t) r_t; a state baseline
    leaves the expectation of all its derivatives as it is. The products of scores at different times make its variance
    grow with the horizon. The mean over steps is exact where all episodes have one length; otherwise the number of
    steps depends on the policy, which no estimator here accounts for.
    """
    check_same_shape(advantage=advantage, mask=trajectories.mask)
    log_probability = policy.log_probability(parameters, trajectories.observations, trajectories.actions)
    through = (log_probability * trajectories.mask).cumsum(-1)  # of one episode; never averaged
    before = through - log_probability * trajectories.mask
    weight = (through - through.detach()).exp() - (before - before.detach()).exp()
    return -masked_mean(weight * advantage, trajectories.mask)


ESTIMATORS: dict[str, Estimator] = {"naive": reinforce_loss, "lvc": surrogate_loss, "dice": dice_loss}
"""`naive`: −log π · A, right to first order only; `lvc`: H₁ + H₂; `dice`: all terms"""


def estimator_named(name: str) -> Estimator:
    """The inner loss of that name.

    Raises:
        ValueError: for another name than those of `ESTIMATORS`.
    """
    check_one_of("estimator", name, ESTIMATORS)
    return ESTIMATORS[name]


def sampling_loss(
    policy: DifferentiablePolicy, parameters: Parameters, support: Trajectories, outcome: Tensor
) -> Tensor:
    """−Σ log π_θ(a | s) · outcome over all support steps, `[task]`: the term that E-MAML adds (Stadie et al. 2018).

    θ also decides *which* support trajectories come. For an inner step on N sampled episodes the expected return after
    it, E_τ J(θ + α ĝ(τ, θ)), has the derivative through ĝ, which is that of the naive loss, plus this term. The two
    together are exact for any N; the sum runs over all N episodes, and so its variance grows with N.

    Args:
        parameters: θ, one set a task.
        outcome: what the adapted policy earned, minus anything that does not depend on the support episodes,
            `[task]`; a constant.

    Raises:
        ValueError: for outcomes of another shape.
    """
    check_shape("outcome", outcome, len(support.mask))
    log_probability = policy.log_probability(parameters, support.observations, support.actions)
    score = (log_probability * support.mask).sum((1, 2))
    return -score * outcome.detach()
