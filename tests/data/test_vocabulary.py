"""Vocabulary: tokens to numbers and back, and what it says when it can't."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2lib.data import Vocabulary


@given(st.lists(st.text(max_size=3), min_size=1), st.none() | st.text(max_size=3))
def test_there_and_back(tokens, unknown):
    v = Vocabulary(tokens, unknown)
    indices = v.encode(tokens)
    assert indices.dtype == np.int64
    assert indices.shape == (len(tokens),)
    assert v.decode(indices) == tokens
    assert v.text(indices) == "".join(tokens)
    assert v.encode(v.tokens).tolist() == list(range(len(v)))
    assert all(token in v for token in tokens)
    assert list(v) == v.tokens
    assert v == Vocabulary(v, unknown)
    assert len(v) == len({*tokens, *([] if unknown is None else [unknown])})


def test_order_of_first_appearance():
    v = Vocabulary("hello world")
    assert v.tokens == list("helo wrd")
    assert [v["h"], v["o"], v["d"]] == [0, 3, 7]
    assert len(v) == 8


def test_a_vocabulary_is_not_changed_by_what_is_done_to_its_tokens():
    v = Vocabulary("ab")
    v.tokens.append("c")
    assert v.tokens == ["a", "b"]


def test_unknown_tokens():
    v = Vocabulary(["a", "b"], unknown="<unk>")
    assert v.tokens == ["a", "b", "<unk>"]
    assert v.unknown == "<unk>"
    assert v["c"] == v["<unk>"] == 2
    assert "c" not in v
    assert v.encode("acb").tolist() == [0, 2, 1]
    assert Vocabulary("ab", unknown="a").tokens == ["a", "b"]


def test_equality():
    assert Vocabulary("ab") == Vocabulary("abab")
    assert Vocabulary("ab") != Vocabulary("ba")
    assert Vocabulary("ab", unknown="b") != Vocabulary("ab")
    assert Vocabulary("ab") != ["a", "b"]
    with pytest.raises(TypeError, match="unhashable"):
        hash(Vocabulary("ab"))


def test_nothing_is_encoded_and_decoded():
    v = Vocabulary("ab")
    assert v.encode("").dtype == np.int64
    assert v.decode(v.encode("")) == v.decode([]) == []


def test_repr():
    assert repr(Vocabulary("ab")) == "Vocabulary(2 tokens: 'a', 'b')"
    assert repr(Vocabulary("abcdef")).endswith("'e', …)")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v: Vocabulary([]), ValueError, "at least one token"),
        (lambda v: Vocabulary("", unknown="?"), ValueError, "at least one token"),
        (lambda v: Vocabulary(3), TypeError, "tokens as strings, got 3"),
        (lambda v: Vocabulary([["a"]]), TypeError, "tokens as strings"),
        (lambda v: Vocabulary(["a", 7]), TypeError, r"got 7: convert .* str\(token\)"),
        (lambda v: Vocabulary("a", unknown=1), TypeError, "got 1"),
        (lambda v: v["z"], ValueError, "'z' is not one of the 3 .* unknown="),
        (lambda v: v.encode(["ab"]), ValueError, "'ab' is not one .* split the text"),
        (lambda v: v.decode([0, 3]), ValueError, r"\[0, 3\), got 3"),
        (lambda v: v.decode([-1]), ValueError, r"\[0, 3\), got -1"),
        (lambda v: v.decode([0.0]), TypeError, "dtype float64"),
        (lambda v: v.decode([True]), TypeError, "dtype bool"),
        (lambda v: v.text(1), TypeError, r"shape \(\)"),
        (lambda v: v.decode([[0, 1]]), TypeError, "one row at a time"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(Vocabulary("abc"))
