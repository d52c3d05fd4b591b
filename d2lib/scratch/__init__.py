"""Every concept of the book from scratch, in NumPy.

`d2lib.mx` has the same names with the same arguments: change the import to change the
twin.
"""

from d2lib.data import Vocabulary, minibatches
from d2lib.metrics import average_precision, mean_iou
from d2lib.reinforcement import evaluate, rollout
from d2lib.schedules import cosine, exponential, linear, step_decay, warmup
from d2lib.scratch._memory import keep_memory as _keep_memory
from d2lib.scratch.activations import relu, sigmoid, softmax, tanh
from d2lib.scratch.attention import (
    MultiHeadAttention,
    attention,
    attention_weights,
    positional_encoding,
)
from d2lib.scratch.classification import LeNet
from d2lib.scratch.convolution import (
    AvgPool2D,
    Conv2D,
    ConvTranspose2D,
    Flatten,
    GlobalAvgPool2D,
    MaxPool2D,
    conv2d,
    conv_transpose2d,
    upsample,
)
from d2lib.scratch.detection import (
    FasterRCNN,
    RegionProposalNetwork,
    anchors,
    decode_boxes,
    encode_boxes,
    iou,
    match_anchors,
    nms,
    roi_align,
    roi_pool,
    smooth_l1,
)
from d2lib.scratch.device import device
from d2lib.scratch.embeddings import Embedding, one_hot
from d2lib.scratch.files import load_model
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
from d2lib.scratch.normalization import (
    BatchNorm,
)
from d2lib.scratch.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    RMSProp,
    clip_gradients,
)
from d2lib.scratch.policy_gradient import (
    GaussianPolicy,
    PolicyGradient,
    discounted_returns,
    generalized_advantages,
)
from d2lib.scratch.q_learning import DQN, ReplayBuffer, q_learning, value_iteration
from d2lib.scratch.recording import no_grad, record
from d2lib.scratch.recurrent import GRU, LSTM, RNN
from d2lib.scratch.regularization import Dropout
from d2lib.scratch.segmentation import FCN
from d2lib.scratch.tensor import Tensor, tensor, to_numpy
from d2lib.scratch.transformer import LayerNorm, TransformerBlock
from d2lib.shared.summaries import summary
from d2lib.training import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    ModelCheckpoint,
    NonFiniteLossError,
    ReduceLROnPlateau,
    accuracy,
    fit,
    predict,
)

_keep_memory()

__all__ = [
    "DQN",
    "FCN",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "AvgPool2D",
    "BatchNorm",
    "Buffer",
    "CSVLogger",
    "Callback",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "FasterRCNN",
    "Flatten",
    "GaussianPolicy",
    "GlobalAvgPool2D",
    "History",
    "LanguageModel",
    "LayerNorm",
    "LeNet",
    "MaxPool2D",
    "ModelCheckpoint",
    "Module",
    "Momentum",
    "MultiHeadAttention",
    "NonFiniteLossError",
    "Perceptron",
    "PolicyGradient",
    "RMSProp",
    "ReduceLROnPlateau",
    "RegionProposalNetwork",
    "ReplayBuffer",
    "Sequential",
    "Tensor",
    "TransformerBlock",
    "Vocabulary",
    "abs",
    "accuracy",
    "anchors",
    "attention",
    "attention_weights",
    "average_precision",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "clip",
    "clip_gradients",
    "concatenate",
    "conv2d",
    "conv_transpose2d",
    "cosine",
    "cross_entropy",
    "decode_boxes",
    "device",
    "discounted_returns",
    "encode_boxes",
    "evaluate",
    "exp",
    "exponential",
    "fit",
    "generalized_advantages",
    "generate",
    "initialize",
    "iou",
    "linear",
    "load_model",
    "log",
    "match_anchors",
    "maximum",
    "mean_iou",
    "minibatches",
    "minimum",
    "mse",
    "nms",
    "no_grad",
    "one_hot",
    "positional_encoding",
    "predict",
    "q_learning",
    "record",
    "relu",
    "roi_align",
    "roi_pool",
    "rollout",
    "sigmoid",
    "smooth_l1",
    "softmax",
    "sqrt",
    "stack",
    "step_decay",
    "summary",
    "tanh",
    "tensor",
    "to_numpy",
    "upsample",
    "value_iteration",
    "warmup",
    "where",
]
