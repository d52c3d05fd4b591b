"""Language models and the text they write."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2lib.generation import _draw
from d2lib.scratch import (
    Adam,
    LanguageModel,
    Vocabulary,
    cross_entropy,
    fit,
    generate,
    no_grad,
    predict,
    record,
)

CELLS = ("rnn", "lstm", "gru", "transformer")
some = settings(deadline=None, max_examples=30)


@pytest.fixture(params=CELLS)
def model(request):
    return LanguageModel(7, 8, request.param, layers=2, heads=2, max_length=12, seed=0)


def tokens(seed, *shape):
    return np.random.default_rng(seed).integers(0, 7, shape)


class TestLanguageModel:
    def test_shapes(self, model):
        assert model(tokens(0, 3, 5)).shape == (3, 5, 7)
        logits, _ = model.advance(tokens(0, 3, 5))
        assert logits.shape == (3, 7)

    def test_what_comes_later_changes_nothing_before(self, model):
        x = tokens(0, 3, 9)
        before = model(x).data
        x[:, 5:] = tokens(1, 3, 4)
        np.testing.assert_allclose(model(x).data[:, :5], before[:, :5], atol=1e-6)

    def test_what_came_first_matters_at_the_end(self, model):
        x = tokens(0, 1, 5)
        y = x.copy()
        y[0, 0] = (x[0, 0] + 1) % 7
        assert np.abs(model(x).data[0, -1] - model(y).data[0, -1]).max() > 1e-6

    def test_advancing_token_by_token_is_reading_at_once(self, model):
        x, state = tokens(0, 3, 6), None
        whole = model(x).data
        for start, stop in ((0, 2), (2, 3), (3, 6)):
            logits, state = model.advance(x[:, start:stop], state)
            np.testing.assert_allclose(
                logits.data, whole[:, stop - 1], rtol=1e-4, atol=1e-5
            )

    def test_every_parameter_learns(self, model):
        with record():
            loss = cross_entropy(model(tokens(0, 3, 6)), tokens(1, 3, 6))
        loss.backward()
        for name, g in model.gradients().items():
            if "b_k" not in name:  # the same number added to all scores of a softmax
                assert np.abs(g).max() > 1e-8, name

    def test_learns_a_text_by_heart(self, model):
        text = np.tile([1, 2, 3, 4, 5, 6], 10)
        x = np.stack([text[i : i + 10] for i in range(40)])
        y = np.stack([text[i + 1 : i + 11] for i in range(40)])
        history = fit(
            model,
            (x, y),
            loss=cross_entropy,
            optimizer=Adam(model.parameters(), lr=0.02),
            epochs=40,
            batch_size=20,
        )
        assert history.loss[-1] < 0.3 < history.loss[0]
        written = generate(model, [1, 2, 3], 9, temperature=0)
        np.testing.assert_array_equal(written, [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6])
        assert predict(model, x, batch_size=7).shape == (40, 10, 7)

    def test_the_transformer_reads_what_fits(self):
        """Longer texts than max_length: the oldest tokens are forgotten."""
        model = LanguageModel(7, 8, "transformer", heads=2, max_length=4, seed=0)
        x = tokens(0, 1, 9)
        state = None
        for t in range(9):
            logits, state = model.advance(x[:, [t]], state)
        np.testing.assert_array_equal(state, x[:, -4:])
        np.testing.assert_allclose(logits.data, model(x[:, -4:]).data[:, -1], rtol=1e-5)
        assert len(generate(model, x[0], 20, seed=0)) == 29

    def test_one_seed_one_model(self):
        for cell in CELLS:
            a, b = (LanguageModel(7, 8, cell, seed=3).state() for _ in range(2))
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])

    def test_dropout_only_while_training(self):
        for cell in CELLS:
            model = LanguageModel(7, 8, cell, dropout=0.5, seed=0)
            x = tokens(0, 2, 5)
            with record():
                a, b = model(x).data, model(x).data
            assert np.abs(a - b).max() > 0
            with no_grad():
                np.testing.assert_array_equal(model(x).data, model(x).data)


class TestGenerate:
    def test_returns_the_prompt_and_what_follows(self, model):
        prompt = tokens(0, 3)
        text = generate(model, prompt, 6, seed=0)
        assert text.shape == (9,)
        assert text.dtype == np.int64
        np.testing.assert_array_equal(text[:3], prompt)
        texts = generate(model, tokens(1, 4, 3), 6, seed=0)
        assert [len(t) for t in texts] == [9] * 4

    def test_a_seed_makes_it_repeatable(self, model):
        draws = [generate(model, [0], 20, seed=s).tolist() for s in (0, 0, 1)]
        assert draws[0] == draws[1] != draws[2]

    def test_greedy_needs_no_seed(self, model):
        a, b = (generate(model, [0], 9, temperature=0, seed=s) for s in (0, 1))
        np.testing.assert_array_equal(a, b)
        with no_grad():
            logits, _ = model.advance(np.array([[0]]))
        assert a[1] == logits.data.argmax()

    def test_top_1_is_greedy(self, model):
        np.testing.assert_array_equal(
            generate(model, [0], 9, top_k=1, seed=0),
            generate(model, [0], 9, temperature=0),
        )

    def test_a_tiny_temperature_is_nearly_greedy(self, model):
        np.testing.assert_array_equal(
            generate(model, [0], 9, temperature=1e-300, seed=0),
            generate(model, [0], 9, temperature=0),
        )

    def test_a_stop_token_ends_a_text(self, model):
        texts = generate(model, np.zeros((30, 1), int), 40, stop=3, seed=0)
        ended = [t for t in texts if t[-1] == 3]
        assert 10 < len(ended) <= 30
        for text in texts:
            assert 3 not in text[:-1]
            assert text[-1] == 3 or len(text) == 41

    def test_the_prompt_may_hold_the_stop_token(self, model):
        assert len(generate(model, [3, 0], 5, stop=3, seed=1)) > 2

    def test_draws_follow_the_probabilities(self):
        p = np.array([0.5, 0.2, 0.3])
        logits = np.log(np.tile(p, (30_000, 1))).astype(np.float32)
        rng = np.random.default_rng(0)
        shares = np.bincount(_draw(logits, 1.0, None, rng)) / len(logits)
        np.testing.assert_allclose(shares, p, atol=0.01)
        shares = np.bincount(_draw(logits, 0.5, None, rng)) / len(logits)
        np.testing.assert_allclose(shares, p**2 / (p**2).sum(), atol=0.01)
        shares = np.bincount(_draw(logits, 1.0, 2, rng), minlength=3) / len(logits)
        np.testing.assert_allclose(shares, [0.625, 0, 0.375], atol=0.01)

    @some
    @given(
        st.integers(1, 5),
        st.floats(0, 1e6),
        st.one_of(st.none(), st.integers(1, 9)),
        st.integers(0, 2**32 - 1),
    )
    def test_any_scores_give_a_token(self, batch, temperature, top_k, seed):
        rng = np.random.default_rng(seed)
        z = (rng.normal(size=(batch, 4)) * 1e4).astype(np.float32)
        drawn = _draw(z, temperature, None if top_k is None else min(top_k, 4), rng)
        assert drawn.shape == (batch,)
        assert ((drawn >= 0) & (drawn < 4)).all()

    def test_from_text_to_text(self):
        text = "hello hello hello hello hello hello "
        v = Vocabulary(text)
        model = LanguageModel(len(v), 16, "gru", seed=0)
        data = v.encode(text)
        x = np.stack([data[i : i + 12] for i in range(24)])
        y = np.stack([data[i + 1 : i + 13] for i in range(24)])
        adam = Adam(model.parameters(), lr=0.02)
        fit(model, (x, y), loss=cross_entropy, optimizer=adam, epochs=40, batch_size=8)
        written = generate(model, v.encode("he"), 10, temperature=0)
        assert v.text(written) == "hello hello "
