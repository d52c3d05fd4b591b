"""Vocabulary: tokens as numbers, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from d2lib._checks import as_array, short

__all__ = ["Vocabulary"]


class Vocabulary:
    r"""Numbers the tokens of a language, because a network computes with numbers only.

    A token is what you take as one piece of a text, a character or a word. The one that
    appears first gets the number 0, the next new one 1, and so on:

    .. math:: v: \text{tokens} \to \{0, \dots, n - 1\}, \qquad v^{-1}(v(t)) = t

    ``len(v)`` is :math:`n`, ``v[token]`` its number, ``token in v`` whether it has one,
    and two vocabularies are equal if they number the same tokens alike.

    Args:
        tokens: the tokens as strings, in order; one that comes again is dropped. A
            string is taken as its characters.
        unknown: a token that stands for all that are not in the vocabulary. It gets the
            last number unless it is one of the tokens. Without it, an unknown token is
            an error.

    Raises:
        ValueError: there are no tokens.
        TypeError: tokens is no iterable, or a token is not a string.

    Example:
        >>> v = Vocabulary("abracadabra")
        >>> v.tokens
        ['a', 'b', 'r', 'c', 'd']
        >>> v.encode("cab")
        array([3, 0, 1])
        >>> v.text([3, 0, 1])
        'cab'
        >>> words = Vocabulary(["the", "cat", "sat"], unknown="?")
        >>> words.decode(words.encode("the dog sat".split()))
        ['the', '?', 'sat']
    """

    def __init__(self, tokens: Iterable[str], unknown: str | None = None) -> None:
        known = list(dict.fromkeys(map(_checked, _each(tokens))))
        if not known:
            raise ValueError(
                "a Vocabulary needs at least one token, got no tokens: check what the "
                "text was filtered with"
            )
        if unknown is not None and not isinstance(unknown, str):
            raise TypeError(f"unknown must be a token, got {short(unknown)}")
        if unknown is not None and unknown not in known:
            known.append(unknown)
        self._tokens = known
        self._indices = {token: index for index, token in enumerate(known)}
        self._unknown = unknown

    @property
    def tokens(self) -> list[str]:
        """The tokens in the order of their numbers."""
        return list(self._tokens)

    @property
    def unknown(self) -> str | None:
        """The token that stands for all others, or None."""
        return self._unknown

    def encode(self, tokens: Iterable[str]) -> npt.NDArray[np.int64]:
        """Turns tokens, or the characters of a text, into their numbers, int64 (n,).

        Raises:
            TypeError: tokens that are no iterable, or something in it no string.
            ValueError: a token that is not in the vocabulary, without ``unknown``.
        """
        return np.array([self[token] for token in _each(tokens)], dtype=np.int64)

    def decode(self, indices: Any) -> list[str]:
        """Turns whole numbers, shape (n,), back into a list of tokens.

        Raises:
            TypeError: what is not whole numbers of shape (n,).
            ValueError: a number that no token has.
        """
        numbers = as_array(indices, "indices")
        if numbers.size == 0:
            return []
        if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
            raise TypeError(
                "decode needs as indices the numbers of tokens, integers of shape "
                f"(n,), got dtype {numbers.dtype} and shape {numbers.shape}: decode "
                "one row at a time, and take the likeliest token with argmax(axis=-1)"
            )
        outside = numbers[(numbers < 0) | (numbers >= len(self))]
        if outside.size:
            raise ValueError(
                f"decode needs indices in [0, {len(self)}), got {outside[0]}: decode "
                "with the vocabulary that encoded the text"
            )
        return [self._tokens[index] for index in numbers]

    def text(self, indices: Any) -> str:
        """Turns numbers back into tokens and joins them without a space."""
        return "".join(self.decode(indices))

    def __getitem__(self, token: str) -> int:
        index = self._indices.get(_checked(token))
        if index is None and self._unknown is not None:
            index = self._indices[self._unknown]
        if index is None:
            raise ValueError(
                f"{short(token)} is not one of the {len(self)} tokens of this "
                "Vocabulary: split the text as its tokens are, add the token, or build "
                "the Vocabulary with unknown=..."
            )
        return index

    def __contains__(self, token: object) -> bool:
        return token in self._indices

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self._tokens == other._tokens and self._unknown == other._unknown

    __hash__ = None  # type: ignore[assignment]  # equal ones are not the same

    def __repr__(self) -> str:
        first = ", ".join(map(repr, self._tokens[:5]))
        more = ", …" if len(self) > 5 else ""
        return f"Vocabulary({len(self)} tokens: {first}{more})"


def _each(tokens: Any) -> Iterator[Any]:
    """Goes through tokens one by one, so that the first wrong one is told."""
    try:
        yield from tokens
    except TypeError as error:  # no iterable, or an array without axes
        raise TypeError(
            f"a Vocabulary needs its tokens as strings, got {short(tokens)}: pass a "
            "list of words, or a text for its characters"
        ) from error


def _checked(token: Any) -> str:
    if not isinstance(token, str):
        raise TypeError(
            f"a Vocabulary needs its tokens as strings, got {short(token)}: convert it "
            "with str(token)"
        )
    return token
