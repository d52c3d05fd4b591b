"""Acting and learning from it: returns, tables, memories, and walks through worlds.

What computes nothing with tensors is here, once for both twins; the agents that learn
by a network are in each twin. Environments are Gymnasium's (the extra ``rl``), which is
loaded when the first one is needed.
"""

from d2lib.reinforcement.control import CartPole, MountainCarContinuous, Pendulum
from d2lib.reinforcement.replay import Batch, ReplayBuffer
from d2lib.reinforcement.returns import discounted_returns, generalized_advantages
from d2lib.reinforcement.rollouts import Rollout, evaluate, rollout
from d2lib.reinforcement.tabular import (
    Learnt,
    Transitions,
    q_learning,
    transitions,
    value_iteration,
)

__all__ = [
    "Batch",
    "CartPole",
    "Learnt",
    "MountainCarContinuous",
    "Pendulum",
    "ReplayBuffer",
    "Rollout",
    "Transitions",
    "discounted_returns",
    "evaluate",
    "generalized_advantages",
    "q_learning",
    "rollout",
    "transitions",
    "value_iteration",
]
