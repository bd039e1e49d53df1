"""Words as chains of letters: the classifier that nothing beats where languages are drawn from a Dirichlet prior.

A language is a table of the chances that one letter follows another. With a Dirichlet prior on each row, what a few
words tell of the table is again a Dirichlet distribution, and the probability of a new word under it is a product of
ratios of counts. That is Bayes' rule for few-shot classification, with no learning at all beyond the prior; where the
prior is fitted to training languages, it is called empirical Bayes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_positive
from metarl_core.tasks.few_shot import FewShot

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
FIRST = ord("a")


def chain_symbols(codes: Tensor, symbols: int = 97) -> Tensor:
    """Letters as numbers below `symbols`: 0 for the mark before and behind a word, others by a remainder.

    a is 1, b is 2, and so on; with 97 symbols letters of one alphabet rarely share a number.

    Args:
        codes: code points `[..., letter]`, 0 after the end.
        symbols: how many there are, at least 2.

    Returns:
        int64 `[..., letter + 2]`: the mark, the letters, the mark; −1 after the end, and everywhere where there is no
        letter, as in the rows behind a language's last word.
    """
    check_count("symbols", symbols, 2)
    edge = torch.zeros_like(codes[..., :1])
    marked = torch.cat([edge, torch.where(codes > 0, 1 + (codes - FIRST) % (symbols - 1), 0), edge], -1)
    after = torch.cat([edge, edge, (codes == 0).long()], -1).cumsum(-1) > 0
    return torch.where(after | (codes[..., :1] == 0), -1, marked)


def chain_counts(symbols_of_words: Tensor, symbols: int = 97) -> Tensor:
    """How often each symbol follows each in the words `[..., word, letter]`, float64 `[..., symbols, symbols]`."""
    check_count("symbols", symbols, 2)
    before, after = symbols_of_words[..., :-1], symbols_of_words[..., 1:]
    there = ((before >= 0) & (after >= 0)).to(torch.float64).flatten(-2)
    place = (before.clamp(min=0) * symbols + after.clamp(min=0)).flatten(-2)
    counts = torch.zeros(*place.shape[:-1], symbols**2, dtype=torch.float64, device=place.device)
    return counts.scatter_add(-1, place, there).unflatten(-1, (symbols, symbols))


def log_evidence(counts: Tensor, prior: Tensor) -> Tensor:
    """Log probability of chains with these `counts` `[..., symbols, symbols]` under a Dirichlet `prior` alike, `[...]`.

    Rows of the prior may hold zeros where a transition cannot happen. (Dirichlet-multinomial, in a given order.)

    Raises:
        ValueError: for counts of another number of symbols.
    """
    if counts.shape[-2:] != prior.shape[-2:]:
        raise ValueError(f"counts must be [..., {prior.shape[-2]}, {prior.shape[-1]}], got {list(counts.shape)}.")
    some = prior > 0
    safe = torch.where(some, prior, 1.0)
    each = torch.where(some, torch.lgamma(safe + counts) - torch.lgamma(safe), 0.0)
    total, number = prior.sum(-1), counts.sum(-1)
    rows = torch.where(total > 0, torch.lgamma(total.clamp(min=1e-300)) - torch.lgamma(total + number), 0.0)
    return each.sum((-1, -2)) + rows.sum(-1)


def fit_prior(counts: Tensor, strengths: Sequence[float] = STRENGTHS) -> Tensor:
    """A Dirichlet prior for languages like these, by empirical Bayes.

    Its rows have the mean frequencies of the languages, with a little for what none of them has; how much a row weighs
    is the strength of those given under which the languages' counts are most probable.

    Args:
        counts: of each language, `[language, symbols, symbols]`.
        strengths: to choose from, sums of a row's parameters.

    Returns:
        Dirichlet parameters `[symbols, symbols]`.

    Raises:
        ValueError: for counts of another shape, or a strength that is not above 0.
    """
    if not isinstance(counts, Tensor) or counts.ndim != 3 or counts.shape[1] != counts.shape[2]:
        raise ValueError("counts must be a tensor [language, symbols, symbols].")
    for strength in strengths:
        check_positive("strengths", strength)
    pooled = counts.sum(0) + 0.01
    rows = pooled / pooled.sum(-1, keepdim=True)
    evidence = torch.stack([log_evidence(counts, strength * rows).sum() for strength in strengths])
    return strengths[int(evidence.argmax())] * rows


def chain_logits(data: FewShot, prior: Tensor, ways: int) -> Tensor:
    """Log probability of each query word under what the support words of each class tell, `[task, query, class]`.

    Exact for languages drawn from the prior: with classes that are equally likely, its argmax is the best possible
    classifier of single words.

    Args:
        data: code points `[task, sample, letter]` and labels.
        prior: Dirichlet parameters `[symbols, symbols]`.
        ways: number of classes.

    Raises:
        ValueError: for a prior that is not square.
    """
    check_count("ways", ways)
    if prior.ndim != 2 or prior.shape[0] != prior.shape[1]:
        raise ValueError(f"prior must be [symbols, symbols], got {list(prior.shape)}.")
    symbols = len(prior)
    support, query = (chain_symbols(codes, symbols) for codes in (data.support_inputs, data.query_inputs))
    member = torch.nn.functional.one_hot(data.support_targets, ways).bool().mT  # [task, class, sample]
    words = torch.where(member[..., None], support[:, None], -1)
    known = prior + chain_counts(words, symbols)  # [task, class, symbols, symbols]
    before, after = query[..., :-1], query[..., 1:]
    there = (before >= 0) & (after >= 0)
    before, after = before.clamp(min=0), after.clamp(min=0)
    # A word's own earlier transitions count, too.
    earlier = torch.ones(before.shape[-1], before.shape[-1], dtype=torch.bool, device=query.device).tril(-1)
    same_row = (before[..., :, None] == before[..., None, :]) & there[..., None, :] & earlier
    same = same_row & (after[..., :, None] == after[..., None, :])
    place = (before * symbols + after).flatten(1)[:, None].expand(-1, ways, -1)
    seen = known.flatten(2).gather(2, place).unflatten(2, before.shape[1:])  # [task, class, query, letter]
    rows = known.sum(-1).gather(2, before.flatten(1)[:, None].expand(-1, ways, -1)).unflatten(2, before.shape[1:])
    chances = (seen + same.sum(-1)[:, None]) / (rows + same_row.sum(-1)[:, None])
    return torch.where(there[:, None], chances.clamp(min=1e-300).log(), 0.0).sum(-1).mT
