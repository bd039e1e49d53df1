"""Languages: the cleaning of real names, made-up languages, n-grams, and the exact classifier against enumeration."""

import math

import pytest
import torch

from metarl_core.exact.letter_chains import (
    chain_counts,
    chain_logits,
    chain_symbols,
    fit_prior,
    log_evidence,
)
from metarl_core.tasks import FewShot
from metarl_core.tasks.languages import Languages, distinct_languages, load_languages, made_up_languages, ngrams


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def spelled(codes):
    return ["".join(chr(code) for code in row if code) for row in codes.tolist()]


def small():
    words = {"a": ["aa", "ab", "b"], "b": ["ba", "bb", "c", "cc"], "c": ["x", "y", "z"]}
    return words, Languages(words, {"train": ["a", "b"], "test": ["c"]})


def test_words_of_a_task_are_different_and_of_their_language():
    words, languages = small()
    data = languages.sample_few_shot(40, 2, 1, 2, seeded())
    assert data.support_inputs.shape == (40, 2, 2) and data.query_inputs.shape == (40, 4, 2)
    assert data.support_targets.tolist()[0] == [0, 1] and data.query_targets.tolist()[0] == [0, 0, 1, 1]
    orders = set()
    for task in range(40):
        support, query = spelled(data.support_inputs[task]), spelled(data.query_inputs[task])
        names = [next(name for name, some in words.items() if word in some) for word in support]
        orders.add(tuple(names))
        for label, name in enumerate(names):
            mine = [support[label], *query[2 * label : 2 * label + 2]]
            assert len(set(mine)) == 3 and set(mine) <= set(words[name])
    assert orders == {("a", "b"), ("b", "a")}
    seen = {word for task in data.query_inputs for word in spelled(task)}
    assert seen == {*words["a"], *words["b"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"split": "ood"}, "split must be"),
        ({"ways": 3}, "ways must be at most 2"),
        ({"shots": 2}, "at most 3"),
        ({"queries": 0}, "queries"),
    ],
)
def test_what_is_not_there_is_refused(change, words):
    arguments = {"n": 1, "ways": 2, "shots": 1, "queries": 2, "generator": seeded(), "split": "train"} | change
    with pytest.raises(ValueError, match=words):
        small()[1].sample_few_shot(**arguments)


def test_a_language_in_two_splits_or_without_words_is_refused():
    with pytest.raises(ValueError, match="one split and no other, see"):
        Languages({"a": ["x"]}, {"train": ["a"], "test": ["a"]})
    with pytest.raises(ValueError, match="words of a letter or more"):
        Languages({"a": ["x"], "b": [""]}, {"train": ["a"], "test": ["b"]})


def test_second_copies_of_a_language_go():
    own = {f"w{n}" for n in range(100)}
    copy = {f"w{n}" for n in range(40)} | {f"v{n}" for n in range(39)}  # 40 of 79 are the first's
    half = {f"w{n}" for n in range(40)} | {f"u{n}" for n in range(40)}
    found = distinct_languages({"b": copy, "a": own, "c": half, "d": {f"t{n}" for n in range(59)}})
    assert list(found) == ["a", "c"]


def test_real_languages_have_no_copies_in_two_splits():
    pytest.importorskip("babel")
    languages = load_languages()
    sets = {}
    for split, members in languages.members.items():
        for place in members.tolist():
            number = int(languages.numbers[place])
            sets[languages.names[place]] = (split, set(spelled(languages.codes[place, :number])))
            assert number >= 60 and int((languages.codes[place, :number, 0] > 0).sum()) == number
    names = sorted(sets)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            mine, theirs = sets[one][1], sets[other][1]
            assert len(mine & theirs) <= 0.5 * min(len(mine), len(theirs)), (one, other)
    assert {"fi", "sw"} <= set(sets) and "no" not in sets and "en" not in sets
    assert all(sets[name][0] == "ood" for name in ("bg", "uk"))
    assert torch.equal(load_languages().codes, languages.codes)


def test_ngrams_are_marked_letters_pairs_and_triples():
    codes = torch.tensor([[97, 98, 0, 0]])
    found = ngrams(codes, 4001)
    counts = (found[0] / found[0][found[0] > 0].min()).round()
    assert found.norm().item() == pytest.approx(1.0)
    assert int(counts.sum()) == 7  # a, b; a pair at either edge and one between; a triple at either edge
    assert torch.equal(ngrams(codes[:, :2], 4001), found)  # whatever the longest word of the table is
    assert not torch.equal(ngrams(torch.tensor([[98, 97]]), 4001), found)
    twice = ngrams(torch.tensor([[97, 97]]), 4001, (1,))
    assert torch.allclose(twice, ngrams(torch.tensor([[97]]), 4001, (1,)))  # of length 1, however long the word
    with pytest.raises(ValueError, match="whole numbers"):
        ngrams(torch.zeros(3))


def plain_log_probability(words, prior):
    """The probability of chains one transition after another, counting as one goes."""
    counts, total = prior.clone(), 0.0
    for word in words:
        steps = [one for one in word if one >= 0]
        for before, after in zip(steps[:-1], steps[1:], strict=True):
            total += math.log(float(counts[before, after] / counts[before].sum()))
            counts[before, after] += 1
    return total


def test_the_evidence_is_a_product_of_chances():
    generator = seeded()
    prior = torch.rand(4, 4, generator=generator, dtype=torch.float64) + 0.1
    words = torch.tensor([[0, 1, 2, 0, -1], [0, 3, 3, 3, 0], [0, 1, 0, -1, -1]])
    found = log_evidence(chain_counts(words, 4), prior)
    assert float(found) == pytest.approx(plain_log_probability(words.tolist(), prior), rel=1e-12)
    prior[2, 3] = 0.0  # cannot happen, and did not
    assert math.isfinite(float(log_evidence(chain_counts(words, 4), prior)))


def test_logits_are_ratios_of_evidence():
    languages, prior = made_up_languages(6, 3, 30, 5.0, seeded(), letters=5, longest=6)
    data = languages.sample_few_shot(4, 3, 2, 3, seeded(1), "test")
    found = chain_logits(data, prior, 3)
    symbols = len(prior)
    for task in range(4):
        for query, label in ((q, k) for q in range(9) for k in range(3)):
            known = chain_symbols(data.support_inputs[task][data.support_targets[task] == label], symbols)
            new = chain_symbols(data.query_inputs[task][query], symbols)[None]
            before = plain_log_probability(known.tolist(), prior)
            both = plain_log_probability([*known.tolist(), *new.tolist()], prior)
            assert float(found[task, query, label]) == pytest.approx(both - before, rel=1e-9)


def test_nothing_beats_the_known_prior():
    """Over many tasks the classifier with the prior of the languages is as good as any, and fitted ones come near."""
    languages, prior = made_up_languages(60, 120, 40, 5.0, seeded(2))
    data = languages.sample_few_shot(150, 5, 5, 5, seeded(3), "test")
    words = chain_symbols(languages.codes[languages.members["train"]], len(prior))
    fitted = fit_prior(chain_counts(words, len(prior)))
    accuracy = {
        name: float((chain_logits(data, one, 5).argmax(-1) == data.query_targets).float().mean())
        for name, one in {"known": prior, "fitted": fitted, "flat": torch.ones_like(prior)}.items()
    }
    assert accuracy["known"] > accuracy["flat"] + 0.02 and abs(accuracy["known"] - accuracy["fitted"]) < 0.03
    assert 2 < float(fitted[1].sum()) < 20  # 5, and its neighbours among those tried are 3 and 10


def test_made_up_languages_follow_their_tables():
    languages, prior = made_up_languages(400, 1, 20, 5.0, seeded(4), letters=4)
    words = chain_symbols(languages.codes[languages.members["train"]], 5)
    first = torch.nn.functional.one_hot(words[:, :, 1], 5).double().mean((0, 1))
    torch.testing.assert_close(first, prior[0] / prior[0].sum(), atol=0.03, rtol=0)
    assert float(prior.sum(1).mean()) == pytest.approx(5.0) and float(prior[0, 0]) == 0
    again, _ = made_up_languages(400, 1, 20, 5.0, seeded(4), letters=4)
    assert torch.equal(again.codes, languages.codes)


def test_the_prior_of_counts_is_the_most_probable_of_those_tried():
    counts = chain_counts(torch.tensor([[[0, 1, 0], [0, 1, 0]], [[0, 2, 0], [0, 2, 0]]]), 3)
    chosen = fit_prior(counts, (0.1, 100.0))
    assert float(chosen[1].sum()) == pytest.approx(0.1)  # two languages that have nothing in common
    with pytest.raises(ValueError, match="language, symbols, symbols"):
        fit_prior(counts[0])


def test_bad_codes_and_priors_are_refused():
    data = FewShot(*[torch.zeros(1, 2, 3, dtype=torch.int64), torch.tensor([[0, 1]])] * 2)
    with pytest.raises(ValueError, match="prior must be"):
        chain_logits(data, torch.ones(2, 3), 2)


def test_rows_behind_a_languages_last_word_count_nothing():
    words, languages = small()
    number = chain_symbols(languages.codes)
    assert bool((number[0, 3] == -1).all()) and number[0, 2].tolist() == [0, 2, 0, -1]
    assert torch.equal(chain_counts(number[0]), chain_counts(number[0, :3]))
