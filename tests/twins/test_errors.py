"""The same mistake gets the same error, whichever twin runs it.

Each row: what is called, the exception, what its message must say. Nothing that was
there before may have changed.
"""

import importlib
import itertools

import numpy as np
import pytest

from d2lib import scratch
from d2lib.checkpoint import CheckpointError
from tests.twins.both import TWINS, needs_mxnet

F = np.float32
X = np.ones((4, 3), F)
Q = np.ones((2, 5, 4), F)
NAN = float("nan")


def weights(dl):
    return [dl.tensor([1.0], requires_grad=True)]


# name: (call, exception, pattern)
ERRORS = {
    # Language models
    "LanguageModel: cell": (
        lambda dl: dl.LanguageModel(7, cell="cnn"),
        ValueError,
        "cell must be one of 'rnn', 'lstm', 'gru', 'transformer', got 'cnn'",
    ),
    "LanguageModel: one sequence": (
        lambda dl: dl.LanguageModel(7)(np.arange(4)),
        ValueError,
        r"tokens of shape \(batch, length\).*got \(4,\): a single sequence is",
    ),
    "LanguageModel: no tokens": (
        lambda dl: dl.LanguageModel(7)(np.zeros((2, 0), int)),
        ValueError,
        r"1 <= length, got \(2, 0\)",
    ),
    "LanguageModel: too long": (
        lambda dl: dl.LanguageModel(7, cell="transformer", max_length=4)(
            np.zeros((2, 5), int)
        ),
        ValueError,
        r"length <= max_length = 4, got \(2, 5\): cut it into pieces, or build",
    ),
    "LanguageModel: outside the vocabulary": (
        lambda dl: dl.LanguageModel(7)([[7]]),
        ValueError,
        r"indices in \[0, 7\), got 7",
    ),
    "LanguageModel: floats": (
        lambda dl: dl.LanguageModel(7)(X),
        TypeError,
        "whole numbers in.*float32",
    ),
    **{
        f"generate: {what}": (
            lambda dl, p=prompt, o=options: dl.generate(
                dl.LanguageModel(7, 4), p, **{"length": 3, **o}
            ),
            error,
            pattern,
        )
        for what, prompt, options, error, pattern in (
            ("empty", [], {}, ValueError, r"at least one token, got shape \(0,\)"),
            ("empty rows", [[], []], {}, ValueError, r"one token, got shape \(2, 0\)"),
            ("three axes", [[[1]]], {}, ValueError, r"got shape \(1, 1, 1\)"),
            ("unknown", [7], {}, ValueError, r"indices in \[0, 7\), got 7"),
            ("text", ["a"], {}, TypeError, "whole numbers.*Vocabulary"),
            (
                *("temperature", [1], {"temperature": -0.1}),
                *(ValueError, "temperature must be a finite number >= 0, got -0.1"),
            ),
            ("nan", [1], {"temperature": NAN}, ValueError, "temperature must be"),
            ("top_k", [1], {"top_k": 0}, ValueError, "top_k must be a whole number"),
            ("length", [1], {"length": 0}, ValueError, "length must be a whole number"),
            ("stop", [1], {"stop": 7}, ValueError, r"stop expects indices in \[0, 7\)"),
        )
    },
    # Tokens
    **{
        f"{name}: {what}": (
            lambda dl, f=f, x=x: f(dl)(x),
            error,
            f"{name} expects {pattern}",
        )
        for name, f in (
            ("Embedding", lambda dl: dl.Embedding(5, 2)),
            ("one_hot", lambda dl: lambda indices: dl.one_hot(indices, 5)),
        )
        for what, x, error, pattern in (
            (
                "too large",
                [1, 5, 7],
                ValueError,
                r"indices in \[0, 5\), got 5 \(2 of 3",
            ),
            ("negative", -1, ValueError, r"indices in \[0, 5\), got -1"),
            ("floats", [0.0], TypeError, "whole numbers.*float64.*Vocabulary"),
            ("words", ["cat"], TypeError, "whole numbers.*Vocabulary"),
        )
    },
    "Embedding: no tokens": (
        lambda dl: dl.Embedding(0, 2),
        ValueError,
        "tokens must be a whole number >= 1, got 0",
    ),
    # Sequences
    **{
        f"{name}: {what}": (
            lambda dl, n=name, x=x: getattr(dl, n)(3, 5)(x),
            ValueError,
            rf"{name} expects x of shape \(batch, length, 3\).*got {shape}{mend}",
        )
        for name in ("RNN", "LSTM", "GRU")
        for what, x, shape, mend in (
            ("one sequence", X, r"\(4, 3\)", r".*x\[None\]"),
            ("another width", np.ones((2, 4, 5), F), r"\(2, 4, 5\)", ""),
            ("no steps", np.ones((2, 0, 3), F), r"\(2, 0, 3\)", ""),
        )
    },
    "RNN: numbers without an axis": (
        lambda dl: dl.RNN(1, 5)(X),
        ValueError,
        r"got \(4, 3\): one number per step needs an axis of its own, x\[:, :, None\]",
    ),
    "RNN: a state without layers": (
        lambda dl: dl.RNN(3, 5)(np.ones((2, 4, 3), F), np.ones((2, 5), F)),
        ValueError,
        r"a state of shape \(1, 2, 5\) \(layers, batch, units\), got \(2, 5\)",
    ),
    "LSTM: half of a state": (
        lambda dl: dl.LSTM(3, 5)(np.ones((2, 4, 3), F), np.ones((1, 2, 5), F)),
        TypeError,
        r"a state \(h, c\), each of shape \(1, 2, 5\), got ndarray: pass the pair",
    ),
    "LSTM: a state of another batch": (
        lambda dl: dl.LSTM(3, 5)(
            np.ones((2, 4, 3), F), (np.ones((1, 2, 5), F), np.ones((1, 3, 5), F))
        ),
        ValueError,
        r"each of shape \(1, 2, 5\) \(layers, batch, units\), got \(1, 3, 5\)",
    ),
    "LSTM: forget_bias": (
        lambda dl: dl.LSTM(3, 5, forget_bias=NAN),
        ValueError,
        "forget_bias must be a finite number, got nan",
    ),
    "RNN: activation": (
        lambda dl: dl.RNN(3, 5, activation="sigmoid"),
        ValueError,
        "activation must be one of 'tanh', 'relu', got 'sigmoid'",
    ),
    "RNN: initializer": (
        lambda dl: dl.RNN(3, 5, initializer="eye"),
        ValueError,
        "scheme must be one of .*, got 'eye'",
    ),
    **{
        f"{name}: {size}": (
            lambda dl, n=name, s=size: getattr(dl, n)(
                **{"inputs": 3, "units": 5, s: 0}
            ),
            ValueError,
            f"{size} must be a whole number >= 1, got 0",
        )
        for name in ("RNN", "LSTM", "GRU")
        for size in ("inputs", "units", "layers")
    },
    # Integers and objects where floats are needed
    "tensor of ints": (
        lambda dl: dl.tensor(np.arange(3)),
        TypeError,
        r"floating-point numbers, got an array of dtype int64.*astype\('float32'\)",
    ),
    "tensor of objects": (
        lambda dl: dl.tensor(np.array([None])),
        TypeError,
        "floating-point numbers, got an array of dtype object",
    ),
    "tensor of strings": (lambda dl: dl.tensor(["a"]), TypeError, "floating-point"),
    "ragged list": (
        lambda dl: dl.tensor([[1, 2], [3]]),
        ValueError,
        r"rectangular.*\[\[1, 2\], \[3\]\]",
    ),
    "int dtype": (
        lambda dl: dl.tensor([1.0], dtype="int32"),
        TypeError,
        "floating dtype, got dtype=int32",
    ),
    **{
        f"{name} of ints": (
            lambda dl, n=name: getattr(dl, n)(np.arange(3)),
            TypeError,
            "floating-point numbers.*int64",
        )
        for name in ("sigmoid", "tanh", "relu", "softmax", "exp", "log")
    },
    "layer of ints": (
        lambda dl: dl.Dense(3, 2)(np.ones((4, 3), int)),
        TypeError,
        "floating-point numbers.*int64",
    ),
    "layer of objects": (
        lambda dl: dl.Dense(3, 2)(np.full((4, 3), None)),
        TypeError,
        "floating-point numbers.*object",
    ),
    "mse of objects": (
        lambda dl: dl.mse(X, np.full((4, 3), None)),
        TypeError,
        "y must hold floating-point numbers.*object",
    ),
    "bce of objects": (
        lambda dl: dl.binary_cross_entropy(X, np.full((4, 3), None)),
        TypeError,
        "y must hold floating-point numbers.*object",
    ),
    "mse of int predictions": (
        lambda dl: dl.mse(np.ones((4, 3), int), X),
        TypeError,
        "floating-point numbers.*int64",
    ),
    # Shapes
    "mse (n, 1) and (n,)": (
        lambda dl: dl.mse(np.ones((4, 1), F), np.ones(4, F)),
        ValueError,
        r"mse needs.*y_hat \(4, 1\) and y \(4,\): reshape y",
    ),
    "bce shapes": (
        lambda dl: dl.binary_cross_entropy(np.ones(3, F), np.ones(4, F)),
        ValueError,
        r"binary_cross_entropy needs.*y_hat \(3,\) and y \(4,\)",
    ),
    "one-hot labels": (
        lambda dl: dl.cross_entropy(X, np.ones((4, 3), int)),
        ValueError,
        r"y_hat \(4, 3\) and y \(4, 3\).*one-hot.*argmax",
    ),
    "labels of another length": (
        lambda dl: dl.cross_entropy(X, np.zeros(5, int)),
        ValueError,
        r"y_hat \(4, 3\) and y \(5,\)",
    ),
    "Dense, images": (
        lambda dl: dl.Dense(784, 10)(np.ones((2, 28, 28), F)),
        ValueError,
        r"Dense expects x of shape \(batch, 784\), got \(2, 28, 28\): flatten",
    ),
    "Dense, another width": (
        lambda dl: dl.Dense(3, 2)(np.ones((2, 4), F)),
        ValueError,
        r"Dense expects x of shape \(batch, 3\), got \(2, 4\)",
    ),
    "Dense, a number": (
        lambda dl: dl.Dense(3, 2)(1.0),
        ValueError,
        r"Dense expects x of shape \(batch, 3\), got \(\)",
    ),
    "Perceptron, another width": (
        lambda dl: dl.Perceptron(3)(np.ones((2, 4), F)),
        ValueError,
        r"Perceptron expects x of shape \(batch, 3\), got \(2, 4\)",
    ),
    "MLP, another width": (
        lambda dl: dl.MLP([3, 4, 2])(np.ones((2, 4), F)),
        ValueError,
        r"Dense expects x of shape \(batch, 3\), got \(2, 4\)",
    ),
    "layers that do not fit": (
        lambda dl: dl.Sequential(dl.Dense(3, 2), dl.Dense(3, 2))(X),
        ValueError,
        r"Dense expects x of shape \(batch, 3\), got \(4, 2\)",
    ),
    # Empty batches
    "mse of nothing": (
        lambda dl: dl.mse(np.ones((0, 3), F), np.ones((0, 3), F)),
        ValueError,
        r"mse needs at least one example.*\(0, 3\)",
    ),
    "bce of nothing": (
        lambda dl: dl.binary_cross_entropy(np.ones(0, F), np.ones(0, F)),
        ValueError,
        "at least one example, got an empty batch",
    ),
    "cross-entropy of nothing": (
        lambda dl: dl.cross_entropy(np.ones((0, 3), F), np.zeros(0, int)),
        ValueError,
        r"cross.entropy needs at least one example.*\(0, 3\)",
    ),
    "predict of nothing": (
        lambda dl: dl.predict(dl.Dense(3, 2), X[:0]),
        ValueError,
        r"predict needs at least one example.*\(0, 3\)",
    ),
    # Values
    "label too large": (
        lambda dl: dl.cross_entropy(X, np.array([0, 1, 2, 3])),
        ValueError,
        r"labels must lie in \[0, 3\).*got 3 \(1 of 4",
    ),
    "label negative": (
        lambda dl: dl.cross_entropy(X, np.array([0, 1, -1, 2])),
        ValueError,
        r"labels must lie in \[0, 3\).*got -1",
    ),
    "float labels": (
        lambda dl: dl.cross_entropy(X, np.zeros(4, F)),
        TypeError,
        r"labels must be integers in \[0, 3\), got dtype float32",
    ),
    "probability above 1": (
        lambda dl: dl.binary_cross_entropy([1.5], [1.0]),
        ValueError,
        r"y_hat must lie in \[0, 1\].*from 1\.5 to 1\.5.*entropy_with_logits",
    ),
    "probability NaN": (
        lambda dl: dl.binary_cross_entropy([NAN], [1.0]),
        ValueError,
        r"y_hat must lie in \[0, 1\].*nan",
    ),
    "target below 0": (
        lambda dl: dl.binary_cross_entropy([0.5], [-1.0]),
        ValueError,
        r"y must lie in \[0, 1\].*from -1 to -1",
    ),
    # Names and settings
    "activation": (
        lambda dl: dl.Dense(3, 2, "swish"),
        ValueError,
        "activation must be one of None, 'sigmoid'.*got 'swish'",
    ),
    "activation of a perceptron": (
        lambda dl: dl.Perceptron(3, "step"),
        ValueError,
        "activation must be one of None, 'sigmoid'.*got 'step'",
    ),
    "activation of an MLP": (
        lambda dl: dl.MLP([3, 4, 2], "ReLU"),
        ValueError,
        "activation must be one of None, 'sigmoid'.*got 'ReLU'",
    ),
    "scheme": (
        lambda dl: dl.Dense(3, 2, initializer="glorot"),
        ValueError,
        "scheme must be one of 'zeros'.*got 'glorot'",
    ),
    "scheme of initialize": (
        lambda dl: dl.initialize((3, 2), "glorot"),
        ValueError,
        "scheme must be one of 'zeros'.*got 'glorot'",
    ),
    **{
        f"reduction of {name}": (
            lambda dl, n=name, y=y: getattr(dl, n)(X, y, reduction="avg"),
            ValueError,
            "reduction must be one of 'mean', 'sum', 'none', got 'avg'",
        )
        for name, y in (
            ("mse", X),
            ("binary_cross_entropy", X),
            ("binary_cross_entropy_with_logits", X),
            ("cross_entropy", np.zeros(4, int)),
        )
    },
    "no inputs": (
        lambda dl: dl.Dense(0, 2),
        ValueError,
        "inputs must be a whole number >= 1, got 0",
    ),
    "half a unit": (
        lambda dl: dl.Dense(3, 1.5),
        TypeError,
        r"units must be a whole number >= 1, got 1\.5",
    ),
    "one size": (
        lambda dl: dl.MLP([3]),
        ValueError,
        r"input and the output.*got \[3\]",
    ),
    "dropout of 1": (
        lambda dl: dl.Dropout(1.0),
        ValueError,
        r"p must lie in \[0, 1\), got 1\.0",
    ),
    "negative dropout": (
        lambda dl: dl.MLP([3, 4, 2], dropout=-0.5),
        ValueError,
        r"dropout must lie in \[0, 1\), got -0\.5",
    ),
    "no layers": (
        lambda dl: dl.Sequential(),
        ValueError,
        "at least one layer, got none",
    ),
    "a function as layer": (
        lambda dl: dl.Sequential(dl.Dense(3, 2), len),
        TypeError,
        "takes modules of d2lib.*, got builtin_function_or_method: .*activation='relu'",
    ),
    "no forward": (
        lambda dl: type("Mine", (dl.Module,), {})()(dl.tensor(1.0)),
        NotImplementedError,
        r"Mine must define forward\(self, x\)",
    ),
    # Attention
    "q and k of another width": (
        lambda dl: dl.attention(Q, Q[..., :3], Q),
        ValueError,
        r"attention needs q \(\.\.\., len_q, d\), .*got q \(2, 5, 4\), k \(2, 5, 3\) "
        r"and v \(2, 5, 4\): .*last axes must be of one length",
    ),
    "more values than keys": (
        lambda dl: dl.attention(Q, Q[:, 1:], Q),
        ValueError,
        r"k \(2, 4, 4\) and v \(2, 5, 4\): each key needs its value",
    ),
    "no keys": (
        lambda dl: dl.attention_weights(Q, Q[:, :0]),
        ValueError,
        r"attention needs.*k \(2, 0, 4\): there must be one key",
    ),
    "a vector as query": (
        lambda dl: dl.attention_weights(Q[0, 0], Q),
        ValueError,
        r"got q \(4,\), k \(2, 5, 4\): each needs the axes \(length, width\)",
    ),
    "queries of another batch": (
        lambda dl: dl.attention(Q[:1], Q, Q),
        ValueError,
        r"q \(1, 5, 4\), k \(2, 5, 4\).*before the last two must be the same",
    ),
    "values of another batch": (
        lambda dl: dl.attention(Q, Q, Q[:1]),
        ValueError,
        r"v \(1, 5, 4\): the axes before the last two must be the same",
    ),
    "a scale of zero": (
        lambda dl: dl.attention(Q, Q, Q, scale=0),
        ValueError,
        "scale must be a finite number > 0, got 0",
    ),
    **{
        f"a mask of {mask.dtype} {mask.shape} for {what}": (call, error, pattern)
        for mask, error, pattern in (
            (
                np.ones((5, 5), int),
                TypeError,
                r"mask must be boolean.*got dtype int64: convert it with mask.astype",
            ),
            (
                np.ones(5, bool),
                ValueError,
                r"mask must have two axes.*got \(5,\): padding.*mask\[:, None, :\]",
            ),
            (
                np.ones((2, 4, 5), bool),
                ValueError,
                r"broadcast to \(2, 5, 5\).*got \(2, 4, 5\)",
            ),
            (
                np.ones((1, 2, 5, 5), bool),
                ValueError,
                r"broadcast to \(2, 5, 5\).*got \(1, 2, 5, 5\)",
            ),
        )
        for what, call in (
            ("attention", lambda dl, m=mask: dl.attention(Q, Q, Q, m)),
            ("its weights", lambda dl, m=mask: dl.attention_weights(Q, Q, m)),
            ("heads", lambda dl, m=mask: dl.MultiHeadAttention(4, 2)(Q, mask=m)),
            ("a block", lambda dl, m=mask: dl.TransformerBlock(4, 2)(Q, mask=m)),
        )
    },
    **{
        f"{name} with 3 heads": (
            lambda dl, n=name: getattr(dl, n)(4, 3),
            ValueError,
            "units must be a multiple of heads, got units=4 and heads=3: each head",
        )
        for name in ("MultiHeadAttention", "TransformerBlock")
    },
    "no heads": (
        lambda dl: dl.MultiHeadAttention(4, 0),
        ValueError,
        "heads must be a whole number >= 1, got 0",
    ),
    **{
        f"{name}, another width": (
            lambda dl, n=name: getattr(dl, n)(6, 2)(Q),
            ValueError,
            rf"{name} expects x of shape \(batch, length, 6\).*got \(2, 5, 4\)",
        )
        for name in ("MultiHeadAttention", "TransformerBlock")
    },
    "MultiHeadAttention, one sequence": (
        lambda dl: dl.MultiHeadAttention(4, 2)(Q[0]),
        ValueError,
        r"got \(5, 4\): a single sequence is a batch of one, x\[None\]",
    ),
    **{
        f"a context of {context.shape}": (
            lambda dl, c=context: dl.MultiHeadAttention(4, 2)(Q, c),
            ValueError,
            r"a context of shape \(batch, len_k, units\) = \(2, len_k, 4\)",
        )
        for context in (Q[:1], Q[..., :3], Q[0], Q[:, :0])
    },
    "LayerNorm, another width": (
        lambda dl: dl.LayerNorm(3)(Q),
        ValueError,
        r"LayerNorm expects x of shape \(batch, 3\), got \(2, 5, 4\)",
    ),
    "LayerNorm without eps": (
        lambda dl: dl.LayerNorm(3, eps=0),
        ValueError,
        "eps must be a finite number > 0, got 0",
    ),
    "no hidden units": (
        lambda dl: dl.TransformerBlock(4, 2, hidden=0),
        ValueError,
        "hidden must be a whole number >= 1, got 0",
    ),
    "dropout of a block": (
        lambda dl: dl.TransformerBlock(4, 2, dropout=1),
        ValueError,
        r"dropout must lie in \[0, 1\), got 1",
    ),
    "no positions": (
        lambda dl: dl.positional_encoding(0, 4),
        ValueError,
        "length must be a whole number >= 1, got 0",
    ),
    # Optimisers
    **{
        f"{name}, lr {lr}": (
            lambda dl, n=name, lr=lr: getattr(dl, n)(weights(dl), lr=lr),
            ValueError,
            f"lr must be a finite number > 0, got {lr}",
        )
        for name, lr in itertools.product(
            ("SGD", "Momentum", "Adagrad", "RMSProp", "Adadelta", "Adam"),
            (-0.1, 0, NAN),
        )
    },
    **{
        f"{name}, {setting}": (
            lambda dl, n=name, s=setting, v=value: getattr(dl, n)(
                weights(dl), **{s: v}
            ),
            ValueError,
            f"{setting} must .*, got {value}",
        )
        for name, setting, value in (
            ("SGD", "weight_decay", -1),
            ("Momentum", "momentum", 1.0),
            ("Momentum", "weight_decay", -1),
            ("Adagrad", "eps", 0),
            ("RMSProp", "rho", 1),
            ("RMSProp", "eps", 0),
            ("Adadelta", "rho", -0.1),
            ("Adadelta", "eps", 0),
            ("Adam", "beta1", 1.0),
            ("Adam", "beta2", 1.0),
            ("Adam", "eps", -1),
            ("Adam", "weight_decay", -1),
        )
    },
    "lr that is text": (
        lambda dl: dl.SGD(weights(dl), lr="0.1"),
        TypeError,
        "lr must be a number, got '0.1'",
    ),
    "lr set later": (
        lambda dl: setattr(dl.Adam(weights(dl)), "lr", -1),
        ValueError,
        "lr must be a finite number > 0, got -1",
    ),
    "no parameters": (lambda dl: dl.SGD([]), ValueError, "at least one parameter"),
    "no parameter": (
        lambda dl: dl.SGD([dl.tensor([1.0])]),
        TypeError,
        r"requires_grad=True, got .*: pass model\.parameters\(\)",
    ),
    "step without backward": (
        lambda dl: dl.SGD(dl.Dense(3, 2).parameters()).step(),
        ValueError,
        r"step\(\) needs gradients.*loss\.backward\(\) first",
    ),
    "max_norm": (
        lambda dl: dl.clip_gradients(weights(dl), 0),
        ValueError,
        "max_norm must be a finite number > 0, got 0",
    ),
}


def caught(dl, call):
    with pytest.raises(Exception) as info:
        call(dl)
    return info


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("name", ERRORS)
def test_says_rule_received_and_mend(name, twin):
    call, error, pattern = ERRORS[name]
    dl = importlib.import_module(f"d2lib.{twin}")
    info = caught(dl, call)
    assert info.type is error, info.value
    assert info.match(pattern)


@needs_mxnet
@pytest.mark.parametrize("name", ERRORS)
def test_both_twins_say_the_same(name):
    from d2lib import mx

    messages = [str(caught(dl, ERRORS[name][0]).value) for dl in (scratch, mx)]
    ours, theirs = (m.replace("d2lib.mx", "d2lib.scratch") for m in messages)
    if name in ("no parameter", "bce of nothing", "cross-entropy of nothing"):
        ours, theirs = ours[:20], theirs[:20]  # they name a type or an operation
    assert ours == theirs


@pytest.fixture(params=TWINS)
def dl(request):
    return importlib.import_module(f"d2lib.{request.param}")


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


class TestNothingChanges:
    def test_gradients_and_weights_after_a_refused_call(self, dl):
        model = dl.MLP([3, 4, 2], seed=0)
        optimizer = dl.Adam(model.parameters())
        with dl.record():
            loss = dl.mse(model(dl.tensor(X)), np.ones((4, 2), F))
        loss.backward()
        optimizer.step()
        before = model.state(), model.gradients(), optimizer.state()
        for bad in (
            lambda: model(np.ones((2, 5), F)),
            lambda: dl.mse(model(X), np.ones((4, 3), F)),
            lambda: dl.cross_entropy(model(X), [0, 1, 2, 0]),
            lambda: dl.clip_gradients(model.parameters(), -1),
            lambda: model.load_state({"W": X}),
            lambda: optimizer.load_state({}),
            lambda: setattr(optimizer, "lr", 0),
        ):
            with pytest.raises(ValueError):
                bad()
        same(model.state(), before[0])
        same(model.gradients(), before[1])
        same(optimizer.state(), before[2])

    @pytest.mark.parametrize(
        ("spoil", "error", "message"),
        [
            (lambda s: s.pop("layers.1.b"), ValueError, r"missing \['layers.1.b'\]"),
            (lambda s: s.update(W=X), ValueError, r"unexpected \['W'\]"),
            (
                lambda s: s.update({"layers.1.b": np.ones(3)}),
                ValueError,
                r"layers.1.b must have shape \(2,\), got \(3,\)",
            ),
            (
                lambda s: s.update({"layers.1.b": np.array(["a", "b"])}),
                TypeError,
                "must hold numbers, got dtype <U1",
            ),
        ],
    )
    def test_a_state_that_does_not_fit(self, dl, spoil, error, message):
        model = dl.MLP([3, 4, 2], seed=0)
        before = model.state()
        state = dl.MLP([3, 4, 2], seed=1).state()
        spoil(state)
        with pytest.raises(error, match=message):
            model.load_state(state)
        same(model.state(), before)

    @pytest.mark.parametrize("kind", ["SGD", "Momentum", "RMSProp", "Adadelta", "Adam"])
    def test_an_optimisers_state_that_does_not_fit(self, dl, kind):
        model = dl.Dense(3, 2, seed=0)
        optimizer = getattr(dl, kind)(model.parameters(), lr=0.1)
        with dl.record():
            loss = model(dl.tensor(X)).sum()
        loss.backward()
        optimizer.step()
        before = optimizer.state()
        for bad in (
            {},
            {**before, "9.x": np.ones(2)},
            {**before, "lr": np.asarray(-1.0), "steps": np.asarray(9)},
        ):
            with pytest.raises(ValueError):
                optimizer.load_state(bad)
            same(optimizer.state(), before)


class TestCheckpoints:
    def test_truncated_at_many_places(self, dl, tmp_path):
        path = tmp_path / "w.npz"
        dl.MLP([3, 4, 2], seed=1).save(path)
        content = path.read_bytes()
        model = dl.MLP([3, 4, 2], seed=0)
        before = model.state()
        for n in range(0, len(content), 37):
            path.write_bytes(content[:n])
            with pytest.raises(CheckpointError, match="truncated"):
                model.load(path)
            assert path.read_bytes() == content[:n]
        same(model.state(), before)
        assert list(tmp_path.iterdir()) == [path]

    def test_of_another_model(self, dl, tmp_path):
        path = tmp_path / "w.npz"
        dl.MLP([3, 4, 2], seed=1).save(path)
        content = path.read_bytes()
        for model in (
            dl.MLP([3, 5, 2], seed=0),
            dl.MLP([3, 4, 4, 2], seed=0),
            dl.Dense(3, 2, seed=0),
        ):
            before = model.state()
            with pytest.raises(CheckpointError, match="a checkpoint of another model"):
                model.load(path)
            same(model.state(), before)
        assert path.read_bytes() == content

    def test_a_file_that_is_not_there(self, dl, tmp_path):
        model = dl.Dense(3, 2, seed=0)
        with pytest.raises(FileNotFoundError):
            model.load(tmp_path / "none.npz")

    def test_a_folder_that_cannot_be_written(self, dl, tmp_path):
        model = dl.Dense(3, 2, seed=0)
        (tmp_path / "file").write_bytes(b"x")
        for path in (tmp_path / "missing" / "w.npz", tmp_path / "file" / "w.npz"):
            with pytest.raises(OSError, match="can't write the checkpoint"):
                model.save(path)
        assert [p.name for p in tmp_path.iterdir()] == ["file"]
        assert (tmp_path / "file").read_bytes() == b"x"
