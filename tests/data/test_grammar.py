"""The grammar writes what it says, and its relations can be learnt from its text."""

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lib import scratch
from d2lib.data import Vocabulary, context_windows, sentences

HE = {"king", "prince", "man", "boy"}
SHE = {"queen", "princess", "woman", "girl"}
ROYAL = {"king", "queen", "prince", "princess"}
TEXT = sentences(3000)


@given(n=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_form_and_seed(n, seed):
    text = sentences(n, seed=seed)
    assert len(text) == n
    for sentence in text:
        assert sentence[-1] == "."
        assert all(word.isalpha() and word.islower() for word in sentence[:-1])
    assert sentences(n, seed=seed) == text


def test_seeds():
    assert sentences(20, seed=1) != sentences(20, seed=2)
    assert sentences(20, seed=None) != sentences(20, seed=None)
    rng = np.random.default_rng(0)
    first, second = sentences(20, seed=rng), sentences(20, seed=rng)
    assert first == sentences(20, seed=0)
    assert first != second
    assert inspect.signature(sentences).parameters["seed"].default == 0


def test_every_word_is_there_and_none_is_rare():
    words = list(itertools.chain.from_iterable(TEXT))
    counts = {word: words.count(word) for word in set(words)}
    assert len(counts) == 96
    assert min(counts.values()) > 20


def test_pronouns_and_ranks_agree():
    seen = set()
    for sentence in TEXT:
        words = set(sentence)
        who = words & (HE | SHE)
        if not who:
            assert not words & {"he", "she", "his", "her", "crown", "cap"}
            continue
        (person,) = who
        seen.add(person)
        wrong = {"she", "her", "herself"} if person in HE else {"he", "his", "himself"}
        assert not words & wrong, sentence
        things = ({"crown", "robe", "palace", "castle", "throne", "rules", "reigns"},)
        things += ({"cap", "coat", "house", "cottage", "chair", "works", "cooks"},)
        assert not words & things[person in ROYAL], sentence
    assert seen == HE | SHE


def test_king_and_queen_differ_in_nothing_but_pronouns():
    swap = {"king": "queen", "he": "she", "his": "her", "himself": "herself"}
    kings = {" ".join(swap.get(w, w) for w in s) for s in TEXT if "king" in s}
    queens = {" ".join(s) for s in TEXT if "queen" in s}
    assert kings == queens


def test_sounds_food_and_capitals():
    beside = {}
    for sentence in TEXT:
        words = set(sentence) - {"the", "a", "and", "is", "of", "in", "."}
        for word in words & {"cow", "paris"}:
            beside.setdefault(word, set()).update(words)
    assert {"moos", "grass"} <= beside["cow"]
    assert not beside["cow"] & {"barks", "bones", "dog", "king"}
    assert {"france", "french"} <= beside["paris"]
    assert not beside["paris"] & {"italy", "italian"}


@pytest.mark.parametrize("seed", [0, 1])
def test_king_minus_man_plus_woman_is_queen(seed):
    # What a page claims, here with one-hot rows in place of an embedding.
    words = [word for sentence in sentences(seed=seed) for word in sentence]
    v = Vocabulary(words)
    x, y = context_windows(v.encode(words), size=3)
    x = np.eye(len(v), dtype=np.float32)[x].mean(axis=1)  # (n, 6) -> (n, tokens)
    model = scratch.Sequential(
        scratch.Dense(len(v), 32, bias=False, seed=seed),
        scratch.Dense(32, len(v), seed=seed),
    )
    scratch.fit(
        model,
        (x, y),
        loss=scratch.cross_entropy,
        optimizer=scratch.Adam(model.parameters(), lr=0.01),
        epochs=10,
        seed=seed,
    )
    e = model.layers[0].state()["W"]
    e /= np.linalg.norm(e, axis=1, keepdims=True)

    def nearest(vector):
        return v.tokens[np.argmax(e @ vector)]

    assert nearest(e[v["king"]] - e[v["man"]] + e[v["woman"]]) == "queen"
    assert nearest(e[v["paris"]] - e[v["france"]] + e[v["italy"]]) == "rome"


@given(st.lists(st.integers(0, 99), min_size=3, max_size=30), st.integers(1, 4))
def test_windows_are_the_neighbours(tokens, size):
    if len(tokens) < 2 * size + 1:
        with pytest.raises(ValueError, match=f"at least {2 * size + 1} tokens"):
            context_windows(tokens, size)
        return
    x, y = context_windows(tokens, size)
    assert x.shape == (len(tokens) - 2 * size, 2 * size)
    assert x.dtype == y.dtype == np.int64
    for t in range(len(y)):
        middle = t + size
        assert y[t] == tokens[middle]
        left, right = tokens[t:middle], tokens[middle + 1 : middle + 1 + size]
        assert x[t].tolist() == left + right


def test_windows_are_copies():
    tokens = np.arange(9)
    x, y = context_windows(tokens, 1)
    x[:], y[:] = -1, -1
    assert tokens.tolist() == list(range(9))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sentences(0), ValueError, "n must be a whole number"),
        (lambda: sentences(2.5), TypeError, "n must be a whole number"),
        (lambda: context_windows([1, 2, 3], 0), ValueError, "size must be"),
        (lambda: context_windows([1, 2, 3], 1.0), TypeError, "size must be"),
        (lambda: context_windows(["a", "b", "c"], 1), TypeError, "vocabulary.encode"),
        (lambda: context_windows([[1, 2, 3]], 1), TypeError, r"shape \(1, 3\)"),
        (lambda: context_windows([], 1), TypeError, "float64"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
