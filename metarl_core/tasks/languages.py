"""Few-shot identification of languages: a task is a handful of languages, and a few words of each.

Names of countries in 150 languages ship with Babel (the CLDR project's data), so that real words are at hand without a
download. They need cleaning before they can be called held out: nine of Babel's languages hold the same Swahili names,
and others the English ones wherever nobody has translated them.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_generator, check_one_of, check_positive
from metarl_core.tasks.checks import SPLITS
from metarl_core.tasks.few_shot import FewShot

FEWEST_NAMES = 60
"""that a language must have left after cleaning, or it is left out"""
SAME = 0.5
"""share of equal names above which two languages count as one"""


class Languages:
    """Words of several languages, which are split by language.

    Args:
        words: the words of each language.
        splits: for each split ("train", "test", "ood"; not all need exist) the names of its languages.

    Attributes:
        names: the languages.
        codes: Unicode code points of their words, int64 `[language, word, letter]`, 0 after a word's end.
        numbers: words of each language `[language]`; behind them `codes` holds zeros.
        members: for each split the indices of its languages.

    Raises:
        ValueError: where a language has no words, stands in two splits or in none, or a word is empty.
    """

    def __init__(self, words: Mapping[str, Sequence[str]], splits: Mapping[str, Sequence[str]]):
        if not splits or not set(splits) <= set(SPLITS):
            raise ValueError(f"splits must be some of {', '.join(SPLITS)}, got {sorted(splits)}.")
        listed = [name for names in splits.values() for name in names]
        if sorted(listed) != sorted(words):
            odd = sorted(set(listed) ^ set(words)) or sorted(n for n, count in Counter(listed).items() if count > 1)
            raise ValueError(f"every language must be in one split and no other, see {odd}.")
        if empty := [name for name, some in words.items() if not some or not all(some)]:
            raise ValueError(f"every language must have words of a letter or more, see {empty}.")
        self.names = tuple(words)
        longest = max(len(word) for some in words.values() for word in some)
        most = max(map(len, words.values()))
        self.numbers = torch.tensor([len(words[name]) for name in self.names], device="cpu")
        self.codes = torch.zeros(len(words), most, longest, dtype=torch.int64, device="cpu")
        for place, name in enumerate(self.names):
            for row, word in enumerate(words[name]):
                self.codes[place, row, : len(word)] = torch.tensor([ord(letter) for letter in word], device="cpu")
        self.members = {
            split: torch.tensor([self.names.index(name) for name in chosen], device="cpu")
            for split, chosen in splits.items()
        }

    def sample_few_shot(
        self, n: int, ways: int, shots: int, queries: int, generator: torch.Generator, split: str = "train"
    ) -> FewShot:
        """Draw `n` tasks of `ways` languages with `shots` words of each to learn from, and `queries` others.

        Returns:
            Code points int64 `[n, ways * shots, letter]` and labels int64 0 to ways − 1 `[n, ways * shots]`, and
            alike with `queries`; samples are ordered by label. On the CPU.

        Raises:
            ValueError: where a number is below 1 or more than there is, or there is no such split.
        """
        for name, value in (("n", n), ("ways", ways), ("shots", shots), ("queries", queries)):
            check_count(name, value)
        check_generator(generator)
        check_one_of("split", split, self.members)
        members = self.members[split]
        if ways > len(members):
            raise ValueError(f"ways must be at most {len(members)}, the languages of split {split!r}, got {ways}.")
        fewest = int(self.numbers[members].min())
        if shots + queries > fewest:
            raise ValueError(
                f"shots + queries must be at most {fewest}, the fewest words of a language, got {shots} + {queries}."
            )
        source = generator.device
        drawn = members[torch.rand(n, len(members), generator=generator, device=source).topk(ways).indices.cpu()]
        ranking = torch.rand(n, ways, self.codes.shape[1], generator=generator, device=source).cpu()
        there = torch.arange(self.codes.shape[1], device="cpu") < self.numbers[drawn][..., None]
        picked = ranking.masked_fill(~there, -1.0).topk(shots + queries).indices
        words = self.codes[drawn[..., None], picked]
        labels = torch.arange(ways, device="cpu")[None, :, None].expand(n, ways, shots + queries)
        support, query = slice(None, shots), slice(shots, None)
        return FewShot(
            words[:, :, support].flatten(1, 2),
            labels[:, :, support].flatten(1, 2),
            words[:, :, query].flatten(1, 2),
            labels[:, :, query].flatten(1, 2),
        )


def ngrams(codes: Tensor, size: int = 512, orders: Sequence[int] = (1, 2, 3)) -> Tensor:
    """Which letters, pairs and triples a word has, as a vector of length 1: what networks get to see.

    A word is read with a mark before and behind it. Each n-gram is sent to one of `size` places by a fixed hash, so
    that letters of scripts never met have a place, too; several n-grams may share one.

    Args:
        codes: code points `[..., letter]`, 0 after the end.
        size: places.
        orders: lengths of n-grams.

    Returns:
        `[..., size]` in torch's default dtype, on the device of `codes`.

    Raises:
        ValueError: for other codes than whole numbers, or a size or an order below 1.
    """
    if not isinstance(codes, Tensor) or codes.is_floating_point() or codes.ndim < 1:
        raise ValueError("codes must be a tensor of whole numbers [..., letter].")
    check_count("size", size)
    edge = torch.zeros_like(codes[..., :1])
    marked = torch.cat([edge, codes, edge], -1)
    found = torch.zeros(*codes.shape[:-1], size, dtype=torch.get_default_dtype(), device=codes.device)
    for order in orders:
        check_count("orders", order)
        windows = marked.unfold(-1, order, 1)
        hashed = torch.full_like(windows[..., 0], order)
        for letter in windows.unbind(-1):
            hashed = (hashed * 31 + letter) % 1_000_003
        there = (windows != 0).any(-1) & (windows[..., -2:] != 0).any(-1)  # not what lies behind the second mark
        found = found.scatter_add(-1, hashed % size, there.to(found.dtype))
    return torch.nn.functional.normalize(found, dim=-1)


def made_up_languages(
    train: int,
    test: int,
    words: int,
    strength: float,
    generator: torch.Generator,
    letters: int = 26,
    longest: int = 12,
    ood: int = 0,
) -> tuple[Languages, Tensor]:
    """Languages whose words are chains of letters, drawn so that the best possible classifier is known.

    Each language has a table of the chances that one letter follows another, whose rows are drawn from Dirichlet
    distributions around the rows of a table that all share. A word begins and ends with a mark, or ends at the
    longest length.

    Args:
        train, test: numbers of languages.
        words: of each language; drawn with replacement, and never empty.
        strength: sum of the Dirichlet parameters of a row: the larger, the more alike are languages.
        generator: source of randomness.
        letters: of the alphabet, a, b, c, ….
        longest: length at which a word is cut off.
        ood: number of languages out of distribution, drawn around another table.

    Returns:
        The languages, and the Dirichlet parameters of train and test `[letters + 1, letters + 1]`, float64: row and
        column 0 are the mark, 1 is a.

    Raises:
        ValueError: for a number below 1 or a strength that is not above 0.
    """
    numbers = {"train": train, "test": test, "words": words, "letters": letters, "longest": longest}
    for name, value in numbers.items():
        check_count(name, value)
    check_count("ood", ood, 0)
    check_positive("strength", strength)
    check_generator(generator)
    prior = strength * _shared_table(letters + 1, generator)
    spoken = {
        f"language {number}": _words_of(table, words, longest, generator)
        for number, table in enumerate(_dirichlet(prior.expand(train + test, -1, -1), generator))
    }
    names = list(spoken)
    splits = {"train": names[:train], "test": names[train:]}
    if ood:
        other = strength * _shared_table(letters + 1, generator)
        splits["ood"] = [f"other {number}" for number in range(ood)]
        for name, table in zip(splits["ood"], _dirichlet(other.expand(ood, -1, -1), generator), strict=True):
            spoken[name] = _words_of(table, words, longest, generator)
    return Languages(spoken, splits), prior.cpu()


def _shared_table(symbols: int, generator: torch.Generator) -> Tensor:
    """Chances that one symbol follows another `[symbols, symbols]`, float64; symbol 0 begins and ends a word."""
    even = torch.full((symbols, symbols), 0.3, dtype=torch.float64, device=generator.device)
    table = _dirichlet(even, generator)
    table[1:, 0] = 0.15  # a word ends after any letter with about this chance
    table[0, 0] = 0.0
    return table / table.sum(1, keepdim=True)


def _words_of(table: Tensor, words: int, longest: int, generator: torch.Generator) -> list[str]:
    now = torch.zeros(words, dtype=torch.int64, device=table.device)
    path: list[Tensor] = []
    for _ in range(longest):
        following = torch.multinomial(table[now], 1, generator=generator)[:, 0]
        now = torch.where(now == 0, 0, following) if path else following
        path.append(now)
    rows = torch.stack(path, 1).tolist()
    return ["".join(chr(96 + one) for one in row if one) for row in rows]


def _dirichlet(parameters: Tensor, generator: torch.Generator) -> Tensor:
    """Draws from Dirichlet distributions along the last axis; entries with parameter 0 stay 0."""
    gammas = torch._standard_gamma(parameters.clamp(min=1e-12), generator=generator)
    gammas = torch.where(parameters > 0, gammas, 0.0)
    return gammas / gammas.sum(-1, keepdim=True)


def load_languages(script: str = "LATIN", unseen: str = "CYRILLIC", share: float = 0.7) -> Languages:
    """Names of countries in the languages of one script, split into training and test languages by a fixed draw.

    What tells nothing is dropped: names that English has in the same form, second copies of a language (of languages
    that share more than half of their names, the first by code stays), and languages with fewer than 60 names left.

    Args:
        script: of the training and test languages, as Unicode names it.
        unseen: of the languages out of distribution.
        share: of the languages that are trained on.

    Returns:
        The languages, by their codes, with splits "train", "test" and "ood". Names are in lower case.

    Raises:
        ModuleNotFoundError: without Babel.
        ValueError: for a share that is not between 0 and 1, or a script in which Babel has too few languages.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, got {share!r}.")
    every = names_by_language()
    of_script = {code: words for code, words in every.items() if script_of(words) in (script, unseen)}
    kept = distinct_languages(of_script)
    inside = [code for code in kept if script_of(kept[code]) == script]
    outside = [code for code in kept if script_of(kept[code]) == unseen]
    for name, found in ((script, inside), (unseen, outside)):
        if len(found) < 2:
            raise ValueError(f"Babel has names in {len(found)} languages of the script {name!r}, and 2 are needed.")
    order = torch.randperm(len(inside), generator=torch.Generator(device="cpu").manual_seed(0), device="cpu").tolist()
    shuffled = [inside[place] for place in order]
    trained = round(share * len(inside))
    splits = {"train": shuffled[:trained], "test": shuffled[trained:], "ood": outside}
    return Languages({code: sorted(kept[code]) for code in [*inside, *outside]}, splits)


def distinct_languages(words: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The languages that are no second copy of another, with words enough.

    Of languages that share more than half of their words (of the one that has fewer) the first in alphabetical order
    stays.
    """
    kept: dict[str, set[str]] = {}
    for code in sorted(words):
        own = words[code]
        if len(own) < FEWEST_NAMES:
            continue
        if all(len(own & other) <= SAME * min(len(own), len(other)) for other in kept.values()):
            kept[code] = own
    return kept


@functools.cache
def names_by_language() -> dict[str, set[str]]:
    """Country names by language code, in lower case, without those that are the same in English; read once."""
    try:
        from babel import Locale, localedata
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("Languages are read from Babel; install it with: pip install babel") from error
    english = dict(Locale("en").territories)
    codes = sorted(code for code in localedata.locale_identifiers() if "_" not in code and code not in ("root", "en"))
    found = {}
    for code in codes:
        names = Locale(code).territories
        own = {str(name) for place, name in names.items() if len(place) == 2 and name != english.get(place)}
        found[code] = {unicodedata.normalize("NFC", name).casefold() for name in own}
    return found


def script_of(words: set[str]) -> str:
    """The script of most letters, as the first word of their Unicode names."""
    seen = Counter(unicodedata.name(letter, "?").split()[0] for word in words for letter in word if letter.isalpha())
    return seen.most_common(1)[0][0] if seen else "?"
