"""The recipe of an exercise of chapter 11: memories side by side, on a list of bandits or on new ones."""

import pytest
import torch

from metarl_core.randomness import seeded
from metarl_core.recipes import few_bandits
from metarl_core.recipes.few_bandits import ARMS, BANDITS, HIDDEN, PULLS, TRIALS, learn, regrets
from metarl_core.tasks import BernoulliBandits


def bandits(number, seed, split="train"):
    return BernoulliBandits(ARMS, PULLS).sample_tasks(number, seeded(seed), split)


def test_a_seed_learns_the_same_beside_others():
    training = bandits(8, 1)
    alone, together = learn([4], training, iterations=3), learn([7, 4], training, iterations=3)
    for name, value in alone.items():
        torch.testing.assert_close(together[name][1:], value, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(together["weight"][0], together["weight"][1])


def test_bandits_are_those_of_the_list_or_new():
    training, generator = bandits(8, 2), seeded(0)
    listed = few_bandits._some_bandits(training, generator)
    assert listed.shape == (BANDITS * TRIALS, ARMS)
    assert len(torch.cat([training["means"], listed]).unique(dim=0)) == 8
    fresh = [few_bandits._some_bandits(None, generator) for _ in range(2)]
    assert len(torch.cat(fresh).unique(dim=0)) == 2 * BANDITS
    torch.testing.assert_close(fresh[0][0], fresh[0][TRIALS - 1])  # a bandit's trials follow each other


def test_what_is_played_is_what_torchs_gru_reads():
    """Chances of the arms by `nn.GRU` over the recorded inputs; rewards pay by the means."""
    theta = {
        name: value + 0.3 * torch.randn(value.shape, generator=seeded(1)) for name, value in learn([0], None, 0).items()
    }
    means = bandits(4000, 3)["means"][None]
    inputs, arms, earned, log_pi = few_bandits._play(theta, means, [seeded(5)])
    network = torch.nn.GRU(1 + ARMS + 2, HIDDEN, batch_first=True)
    own = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    names = ("weight_input", "weight_hidden", "bias_input", "bias_hidden")
    network.load_state_dict({mine: theta[name][0] for mine, name in zip(own, names, strict=True)})
    with torch.no_grad():
        chances = (network(inputs[0])[0] @ theta["weight"][0].T + theta["bias"][0]).log_softmax(-1)
    torch.testing.assert_close(chances.gather(-1, arms[0][..., None])[..., 0], log_pi[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        earned[0], means[0][:, None].expand(-1, PULLS, -1).gather(-1, arms[0][..., None])[..., 0]
    )
    paid = inputs[0, :, 1:, 1 + ARMS]
    assert abs(float(paid.mean() - earned[0, :, :-1].mean())) < 0.02
    shares = torch.nn.functional.one_hot(arms[0, :, 0], ARMS).double().mean(0)
    torch.testing.assert_close(shares, chances[0, 0].exp().double(), rtol=0, atol=0.04)


def test_regrets_of_uniform_play_and_of_trained_memories():
    held_out = bandits(1000, 6, "test")
    start, trained = learn([0, 1], None, 0), learn([0, 1], None, 20)
    before, after = (regrets(theta, held_out, seeded(1)) for theta in (start, trained))
    assert before.shape == (2, 1000) and float(before.min()) >= 0
    assert abs(float(before.mean()) - PULLS * (0.75 - 0.5)) < 0.1  # the mean of the best of three is 3 / 4
    assert float(after.mean()) < 0.9 * float(before.mean())


def test_gradients_are_cut_for_each_seed_on_its_own():
    theta = {"weight": torch.zeros(2, 3, 4, requires_grad=True), "bias": torch.zeros(2, 3, requires_grad=True)}
    theta["weight"].grad = torch.stack([torch.full((3, 4), 0.1), torch.full((3, 4), 10.0)])
    theta["bias"].grad = torch.zeros(2, 3)
    few_bandits._clip_gradients(theta)
    torch.testing.assert_close(theta["weight"].grad[0], torch.full((3, 4), 0.1))
    assert float(theta["weight"].grad[1].norm()) == pytest.approx(1.0)
