"""Sentences from a small grammar: a language whose relations you can check."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from d2lib._checks import as_array, as_generator, check_positive_int

__all__ = ["context_windows", "sentences"]

T = TypeVar("T")

_HE, _SHE = ("he", "his", "himself"), ("she", "her", "herself")
# Each row: a person, its pronouns, whether grown up, whether of a royal house.
_PEOPLE = (
    ("man", _HE, True, False),
    ("woman", _SHE, True, False),
    ("boy", _HE, False, False),
    ("girl", _SHE, False, False),
    ("king", _HE, True, True),
    ("queen", _SHE, True, True),
    ("prince", _HE, False, True),
    ("princess", _SHE, False, True),
)
# Each row: an animal, its sound, its food.
_ANIMALS = (
    ("dog", "barks", "bones"),
    ("cat", "meows", "fish"),
    ("cow", "moos", "grass"),
    ("sheep", "bleats", "leaves"),
    ("horse", "neighs", "hay"),
    ("duck", "quacks", "bread"),
)
# Each row: a country, its capital, its language.
_COUNTRIES = (
    ("france", "paris", "french"),
    ("spain", "madrid", "spanish"),
    ("italy", "rome", "italian"),
    ("poland", "warsaw", "polish"),
    ("japan", "tokyo", "japanese"),
)


def sentences(
    n: int = 3000, seed: int | np.random.Generator | None = 0
) -> list[list[str]]:
    """Draws sentences about people, animals and countries, for word embeddings.

    A real text is too large to learn from in seconds, and nobody knows what its words
    should end up close to. Here you do, because a grammar of a few lines writes the
    text. A queen differs from a king in the pronouns around her and in nothing else,
    and a man from a king in what he wears, where he lives and what he does. Animals
    have sounds and food, countries have capitals and languages.

    Args:
        n: how many sentences.
        seed: an int, a Generator, or None for other sentences at every call.

    Returns:
        A list of sentences, each a list of words in small letters that ends in ".".
        About a hundred different words occur.

    Raises:
        TypeError, ValueError: n is not a whole number of at least 1.

    Example:
        >>> for sentence in sentences(3):
        ...     print(" ".join(sentence))
        people in warsaw speak polish .
        the boy has lost his cap .
        the map of poland is old .

    Source: the analogy of king and queen is that of Mikolov, Yih and Zweig, "Linguistic
    regularities in continuous space word representations", 2013; the grammar is ours.
    """
    n = check_positive_int(n, "n", most=1_000_000)
    rng = as_generator(seed)
    topics = (_person, _person, _person, _animal, _country)  # most are about people
    return [[*_one(rng, *topics)(rng).split(), "."] for _ in range(n)]


def context_windows(
    tokens: Any, size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    r"""Pairs every token of a text with its neighbours, from which to predict it.

    .. math:: x_t = (w_{t-s}, \dots, w_{t-1}, w_{t+1}, \dots, w_{t+s}), \qquad y_t = w_t

    Args:
        tokens: the numbers of the tokens of a text, integers of shape (n,), as
            `Vocabulary.encode` returns them.
        size: how many neighbours :math:`s` are taken from each side.

    Returns:
        x, int64 (n - 2·size, 2·size), and y, int64 (n - 2·size,). The tokens at both
        ends, which lack neighbours, are in x but not in y.

    Raises:
        ValueError: size is below 1, or the text is shorter than one window.
        TypeError: tokens are not integers of shape (n,), or size is not whole.

    Example:
        >>> x, y = context_windows([10, 11, 12, 13, 14], size=1)
        >>> x.tolist(), y.tolist()
        ([[10, 12], [11, 13], [12, 14]], [11, 12, 13])

    Source: Mikolov, Chen, Corrado and Dean, "Efficient estimation of word
    representations in vector space", 2013.
    """
    tokens, size = as_array(tokens, "tokens"), check_positive_int(size, "size")
    if tokens.dtype.kind not in "iu" or tokens.ndim != 1:
        raise TypeError(
            "context_windows needs the numbers of tokens, integers of shape (n,), got "
            f"dtype {tokens.dtype} and shape {tokens.shape}: number the words with "
            "vocabulary.encode(words)"
        )
    width = 2 * size + 1
    if len(tokens) < width:
        raise ValueError(
            f"context_windows of size {size} needs at least {width} tokens, got "
            f"{len(tokens)}: lower size, or take a longer text"
        )
    windows = np.lib.stride_tricks.sliding_window_view(tokens.astype(np.int64), width)
    # (n - 2·size, width) -> the columns beside the middle, and the middle
    return np.delete(windows, size, axis=1), windows[:, size].copy()


def _one(rng: np.random.Generator, *options: T) -> T:
    return options[rng.integers(len(options))]


def _person(rng: np.random.Generator) -> str:
    who, (he, his, himself), adult, royal = _one(rng, *_PEOPLE)
    seat = "throne" if royal else "chair"
    if royal:
        wears, home = _one(rng, "crown", "robe"), _one(rng, "palace", "castle")
    else:
        wears, home = _one(rng, "cap", "coat"), _one(rng, "house", "cottage")
    if not adult:
        does = _one(rng, "plays", "learns")
    else:
        does = _one(rng, "rules", "reigns") if royal else _one(rng, "works", "cooks")
    return _one(
        rng,
        f"the {who} wears {his} {wears}",
        f"the {who} has lost {his} {wears}",
        f"{he} is a {who} with a {wears}",
        f"the {who} lives in {his} {home}",
        f"a {who} sits on {his} {seat}",
        f"the {who} in the {home} sees {himself}",
        f"the {who} {does} all day",
        f"{he} is the {who} and {he} {does}",
        f"the {who} {does} in {his} {home}",
    )


def _animal(rng: np.random.Generator) -> str:
    animal, sound, food = _one(rng, *_ANIMALS)
    return _one(
        rng,
        f"the {animal} {sound} at night",
        f"a hungry {animal} {sound}",
        f"the {animal} eats {food}",
        f"the {animal} {sound} and eats {food}",
        f"give the {animal} some {food}",
    )


def _country(rng: np.random.Generator) -> str:
    country, capital, language = _one(rng, *_COUNTRIES)
    return _one(
        rng,
        f"{capital} is the capital of {country}",
        f"{capital} is a city of {country}",
        f"people from {country} speak {language}",
        f"people in {capital} speak {language}",
        f"a train goes to {capital}",
        f"the map of {country} is old",
    )
