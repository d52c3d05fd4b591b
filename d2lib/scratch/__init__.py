"""Every concept of the book from scratch, in NumPy.

`d2lib.mx` has the same names with the same arguments: change the import to change the
twin.
"""

from d2lib.data import Vocabulary, minibatches
from d2lib.schedules import cosine, exponential, step_decay, warmup
from d2lib.scratch.activations import relu, sigmoid, softmax, tanh
from d2lib.scratch.attention import (
    MultiHeadAttention,
    attention,
    attention_weights,
    positional_encoding,
)
from d2lib.scratch.device import device
from d2lib.scratch.embeddings import Embedding, one_hot
from d2lib.scratch.functions import (
    abs,
    clip,
    concatenate,
    exp,
    log,
    maximum,
    minimum,
    sqrt,
    stack,
    where,
)
from d2lib.scratch.initializers import initialize
from d2lib.scratch.language import LanguageModel, generate
from d2lib.scratch.layers import MLP, Dense, Perceptron, Sequential
from d2lib.scratch.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    mse,
)
from d2lib.scratch.module import Buffer, Module
from d2lib.scratch.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Momentum,
    RMSProp,
    clip_gradients,
)
from d2lib.scratch.recording import no_grad, record
from d2lib.scratch.recurrent import GRU, LSTM, RNN
from d2lib.scratch.regularization import Dropout
from d2lib.scratch.tensor import Tensor, tensor, to_numpy
from d2lib.scratch.transformer import LayerNorm, TransformerBlock
from d2lib.shared.summaries import summary
from d2lib.training import (
    Callback,
    EarlyStopping,
    History,
    NonFiniteLossError,
    accuracy,
    fit,
    predict,
)

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "Buffer",
    "Callback",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "History",
    "LanguageModel",
    "LayerNorm",
    "Module",
    "Momentum",
    "MultiHeadAttention",
    "NonFiniteLossError",
    "Perceptron",
    "RMSProp",
    "Sequential",
    "Tensor",
    "TransformerBlock",
    "Vocabulary",
    "abs",
    "accuracy",
    "attention",
    "attention_weights",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "clip",
    "clip_gradients",
    "concatenate",
    "cosine",
    "cross_entropy",
    "device",
    "exp",
    "exponential",
    "fit",
    "generate",
    "initialize",
    "log",
    "maximum",
    "minibatches",
    "minimum",
    "mse",
    "no_grad",
    "one_hot",
    "positional_encoding",
    "predict",
    "record",
    "relu",
    "sigmoid",
    "softmax",
    "sqrt",
    "stack",
    "step_decay",
    "summary",
    "tanh",
    "tensor",
    "to_numpy",
    "warmup",
    "where",
]
