"""Agents: updates in which both twins agree, learning, files, and what goes wrong."""

from __future__ import annotations

import copy
import os
import pickle
import signal

import numpy as np
import pytest

from d2lib import checkpoint, scratch
from d2lib.checkpoint import CheckpointError
from d2lib.reinforcement import (
    Batch,
    CartPole,
    Pendulum,
    Rollout,
    discounted_returns,
    evaluate,
    generalized_advantages,
    rollout,
)
from d2lib.reinforcement.environments import EVALUATION, VALIDATION
from d2lib.schedules import linear
from d2lib.training import NonFiniteLossError
from tests.reinforcement.worlds import Corridor, Count, Push
from tests.twins.both import needs_mxnet
from tests.twins.checks import close, identical

F = np.float32


@pytest.fixture(scope="module")
def mx():
    from d2lib import mx

    return mx


def batch(seed, n=32):
    """Steps of CartPole's shape, of which some end an episode."""
    rng = np.random.default_rng(seed)
    return Batch(
        rng.normal(size=(n, 4)).astype(F),
        rng.integers(0, 2, n),
        rng.normal(size=n).astype(F),
        rng.normal(size=(n, 4)).astype(F),
        (rng.random(n) < 0.3).astype(F),
    )


def steps(seed, inputs=4, actions=0, n=40):
    """A rollout with terminations, truncations, and cuts among its steps."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(4, n, p=[0.7, 0.12, 0.12, 0.06])
    kinds[-1] = 3
    done = rng.normal(size=(n, actions)).astype(F) if actions else rng.integers(0, 2, n)
    return Rollout(
        rng.normal(size=(n, inputs)).astype(F),
        done,
        rng.normal(size=n),
        rng.normal(size=(n, inputs)).astype(F),
        kinds == 1,
        kinds == 2,
        kinds == 3,
    )


def dqn(dl, seed=0, **options):
    options = {"hidden": (8,), "scale": (1, 2, 3, 0.5), "reward_scale": 0.5} | options
    return dl.DQN(4, 2, seed=seed, **options)


def policy(dl, seed=0, **options):
    return dl.PolicyGradient(4, 2, **{"hidden": (8,), "seed": seed} | options)


def gaussian(dl, seed=0, **options):
    options = {"hidden": (8,), "epochs": 2, "batch_size": 16, "sigma": 0.7} | options
    return dl.GaussianPolicy(3, 2, seed=seed, **options)


def moved(agent, seed=3):
    """Other weights in all networks, none of them equal to another."""
    rng = np.random.default_rng(seed)
    state = agent.state()
    agent.load_state(
        {
            name: w + 0.3 * rng.normal(size=w.shape).astype(F)
            for name, w in state.items()
        }
    )
    return agent


# Both twins ---------------------------------------------------------------------------

DQNS = {
    "as it is": {},
    "huber": {"loss": "huber"},
    "not double": {"double": False},
    "hard": {"target": "hard", "copy_every": 2},
    "no target": {"target": None},
    "tanh": {"activation": "tanh", "hidden": (6, 5), "tau": 0.5},
}
POLICIES = {
    "as it is": {},
    "total": {"credit": "total", "baseline": None},
    "time": {"baseline": "time"},
    "as the lecture's": {"credit": "total", "baseline": None, "normalize": False},
}
GAUSSIANS = {
    "as it is": {},
    "no clip": {"clip": None},
    "narrow": {"clip": 0.01, "epochs": 4},
    "scaled": {"scale": (1, 2, 3), "reward_scale": 0.1, "lam": 0.5},
}


def same_gradients(agents, losses, twins):
    """Compares what backward leaves in every parameter."""
    found = []
    for dl, agent, loss in zip(twins, agents, losses, strict=True):
        agent.zero_grad()
        with dl.record():
            J = loss(agent)
        J.backward()
        found.append((float(J), agent.gradients()))
    (a, ours), (b, theirs) = found
    assert abs(a - b) <= 1e-5 * max(abs(a), 1)
    largest = max(np.abs(g).max() for g in ours.values())
    assert largest > 1e-3
    for name, g in ours.items():
        close(g, theirs[name], 1e-4, f"gradient of {name}", 1e-3 * largest)


def same_updates(agents, data, times=4):
    """Compares values and weights after some updates."""
    for i in range(times):
        values = [agent.update(data(i)) for agent in agents]
        assert abs(values[0] - values[1]) <= 2e-5 * max(abs(values[0]), 1), values
    ours, theirs = (agent.state() for agent in agents)
    assert list(ours) == list(theirs)
    for name, w in ours.items():
        close(w, theirs[name], 2e-5, name, 0.1)


@needs_mxnet
@pytest.mark.parametrize("kind", DQNS)
def test_an_update_of_a_dqn(mx, kind):
    twins = scratch, mx
    agents = [moved(dqn(dl, **DQNS[kind])) for dl in twins]
    x = batch(0)
    ours, theirs = (
        dl.to_numpy(agent.targets(x)) for dl, agent in zip(twins, agents, strict=True)
    )
    close(ours, theirs, 1e-5, "targets")
    same_gradients(agents, [lambda a: a.loss(x)] * 2, twins)
    same_updates(agents, batch)


@needs_mxnet
@pytest.mark.parametrize("kind", POLICIES)
def test_an_update_of_a_policy(mx, kind):
    twins = scratch, mx
    agents = [moved(policy(dl, **POLICIES[kind])) for dl in twins]
    x = steps(0)
    same_gradients(agents, [lambda a: a.loss(x)] * 2, twins)
    # The length of a batch varies: no graph may count on it.
    same_updates(agents, lambda i: steps(i, n=40 + 7 * i))


@needs_mxnet
@pytest.mark.parametrize("kind", GAUSSIANS)
def test_an_update_of_a_gaussian_policy(mx, kind):
    twins = scratch, mx
    agents = [moved(gaussian(dl, **GAUSSIANS[kind])) for dl in twins]
    x = steps(0, 3, 2)
    for ours, theirs in zip(*(agent.advantages(x) for agent in agents), strict=True):
        close(ours, theirs, 1e-5, "advantages or targets")
    same_gradients(agents, [lambda a: a.loss(x)] * 2, twins)
    same_updates(agents, lambda i: steps(i, 3, 2, n=40 + 7 * i), times=2)


@needs_mxnet
def test_a_gradient_that_is_a_little_off_is_found(mx):
    agents = [moved(dqn(dl)) for dl in (scratch, mx)]
    x, y = batch(0), batch(0)
    y.rewards[0] += 1e-2
    with pytest.raises(AssertionError):
        same_gradients(
            agents, [lambda a: a.loss(x), lambda a: a.loss(y)], (scratch, mx)
        )
    agents[1].optimizer.lr = 1.02e-3
    with pytest.raises(AssertionError):
        same_updates(agents, batch)


@needs_mxnet
def test_what_an_update_of_the_mxnet_twin_takes_out_of_mxnet(mx, monkeypatch):
    """The loss, one number; nothing of parameters, gradients and activations."""
    from d2lib.mx._compat import mx as mxnet

    agents = dqn(mx), policy(mx), gaussian(mx)
    data = batch(0), steps(0), steps(0, 3, 2)
    sizes = []
    asnumpy = mxnet.nd.NDArray.asnumpy
    monkeypatch.setattr(
        mxnet.nd.NDArray, "asnumpy", lambda a: sizes.append(a.size) or asnumpy(a)
    )
    for agent, x in zip(agents[:2], data, strict=False):
        agent.update(x)
    assert set(sizes) <= {1}
    agents[2].update(data[2])  # and there the values, for the advantages, and log P
    assert set(sizes) <= {1, len(data[2].rewards)}


@needs_mxnet
def test_a_loss_is_one_graph(mx):
    agents = dqn(mx), policy(mx), gaussian(mx), gaussian(mx, clip=None)
    data = batch(0), steps(0), steps(0, 3, 2), steps(0, 3, 2)
    for agent, x in zip(agents, data, strict=True):
        agent.update(x)
        assert agent._graphs
        for graph in agent._graphs.values():
            assert graph._active
            assert graph._cached_op is not None


@needs_mxnet
@pytest.mark.parametrize("make", [dqn, policy, gaussian])
def test_one_seed_acts_alike(mx, make):
    ours, theirs = (make(dl, seed=4) for dl in (scratch, mx))
    x = np.random.default_rng(0).normal(size=(200, ours.inputs)).astype(F)
    for act in ("act", "explore", "explore"):
        a, b = (getattr(agent, act)(x) for agent in (ours, theirs))
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=1e-6)


# What they compute --------------------------------------------------------------------


def numbers(dl, tensor):
    return dl.to_numpy(tensor).astype(float)


def test_the_targets_of_a_dqn_by_their_definition(dl):
    agent, x = moved(dqn(dl)), batch(1)
    scaled = x.following * np.float32([1, 2, 3, 0.5])
    q, target = (numbers(dl, net(scaled)) for net in (agent.q, agent.target))
    for i, y in enumerate(numbers(dl, agent.targets(x))):
        then = 0 if x.terminated[i] else target[i, q[i].argmax()]
        assert y == pytest.approx(0.5 * x.rewards[i] + 0.99 * then, rel=1e-5)
    assert (
        q.argmax(axis=1) != target.argmax(axis=1)
    ).any()  # double makes a difference


def test_the_loss_of_a_dqn_by_its_definition(dl):
    x = batch(1)
    for kind in ("squared", "huber"):
        agent = moved(dqn(dl, loss=kind, reward_scale=2))
        q = numbers(dl, agent(x.observations))[np.arange(32), x.actions]
        off = np.abs(numbers(dl, agent.targets(x)) - q)
        assert (off > 1).any()
        assert (off < 1).any()
        each = off**2 if kind == "squared" else np.where(off < 1, off**2 / 2, off - 0.5)
        assert float(agent.loss(x)) == pytest.approx(each.mean(), rel=1e-5)


def test_how_the_target_follows(dl):
    def distance(agent, before):
        """From Q, and from where it was, for each weight."""
        q, target = agent.q.state(), agent.target.state()
        return (
            max(np.abs(target[n] - q[n]).max() for n in q),
            max(np.abs(target[n] - before[n]).max() for n in q),
        )

    agent = moved(dqn(dl, tau=0.25))
    old = agent.target.state()
    agent.update(batch(0))
    q, target = agent.q.state(), agent.target.state()
    for n, w in target.items():
        close(w, (old[n] + 0.25 * (q[n] - old[n])).astype(F), 1e-6, n, 0.1)
    agent = dqn(dl, target="hard", copy_every=3)
    old = agent.target.state()
    for i in range(2):
        agent.update(batch(i))
    assert distance(agent, old)[1] == 0
    agent.update(batch(2))
    assert distance(agent, old)[0] == 0
    agent = dqn(dl, target=None)
    agent.update(batch(0))
    assert distance(agent, old)[0] == 0


def test_the_weights_of_a_policy():
    rewards = np.array([1.0, 2.0, 4.0, 8.0])
    x = steps(0, n=4)._replace(
        rewards=rewards,
        terminated=np.array([0, 1, 0, 0], bool),
        truncated=np.array([0, 0, 0, 1], bool),
        cut=np.zeros(4, bool),
    )

    def weights(**options):
        return policy(scratch, gamma=0.5, normalize=False, **options).weights(x)

    R = [2, 2, 8, 8]  # 1 + 2/2, 2, and 4 + 8/2, 8
    np.testing.assert_allclose(weights(baseline=None), R)
    np.testing.assert_allclose(weights(baseline="mean"), np.array(R) - 5)
    np.testing.assert_allclose(weights(baseline="time"), [-3, -3, 3, 3])
    np.testing.assert_allclose(weights(baseline=None, credit="total"), [2, 2, 8, 8])
    found = policy(scratch, gamma=0.5).weights(x)
    assert found.std() == pytest.approx(1)


def test_the_loss_of_a_policy_by_its_definition(dl):
    agent, x = moved(policy(dl)), steps(2)
    p = agent.probabilities(x.observations).astype(float)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    log_p = np.log(p[np.arange(len(p)), x.actions])
    wanted = -(log_p * agent.weights(x)).mean()
    assert float(agent.loss(x)) == pytest.approx(wanted, rel=1e-4)
    R = discounted_returns(x.rewards, 0.99, x.terminated, x.left)
    assert agent.weights(x) @ (R - R.mean()) > 0


def test_actions_are_drawn_with_their_probabilities(dl):
    agent = moved(policy(dl))
    x = np.repeat(np.float32([[0.5, -1, 1, 0.3]]), 4000, axis=0)
    p = agent.probabilities(x[:1])[0]
    share = (agent.explore(x) == 1).mean()
    assert 0.05 < p[1] < 0.95
    assert abs(share - p[1]) < 5 * (p[1] * p[0] / 4000) ** 0.5


def test_the_gaussian_policy_by_its_definition(dl):
    agent, x = moved(gaussian(dl)), steps(1, 3, 2)
    mean = numbers(dl, agent(x.observations))
    sigma = agent.sigma.astype(float)
    z = (x.actions - mean) / sigma
    log_p = (-(z**2) / 2 - np.log(sigma) - np.log(2 * np.pi) / 2).sum(axis=1)
    found = numbers(dl, agent._log_density(x.observations, x.actions))
    np.testing.assert_allclose(found, log_p, rtol=1e-4)
    values, following = agent.values(x.observations), agent.values(x.following)
    A = generalized_advantages(
        x.rewards, values, following, 0.99, 0.95, x.terminated, x.truncated | x.cut
    )
    advantages, targets = agent.advantages(x)
    np.testing.assert_allclose(targets, A + values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(advantages, (A - A.mean()) / A.std(), atol=1e-4)
    # Before any update the ratio is 1: the loss is that of the values alone.
    error = ((values - targets) ** 2).mean()
    assert float(agent.loss(x)) == pytest.approx(error - advantages.mean(), rel=1e-4)


def test_the_clip_by_its_definition(dl):
    agent, x = moved(gaussian(dl, clip=0.2)), steps(1, 3, 2)
    A, targets = agent.advantages(x)
    log_p = numbers(dl, agent._log_density(x.observations, x.actions))
    shift = np.random.default_rng(0).normal(size=len(A)) * 0.4
    ratio = np.exp(shift)
    assert (ratio > 1.2).any()
    assert (ratio < 0.8).any()
    gain = np.minimum(ratio * A, np.clip(ratio, 0.8, 1.2) * A).mean()
    error = ((agent.values(x.observations) - targets) ** 2).mean()
    old = (log_p - shift).astype(F)
    found = float(agent._loss(x.observations, x.actions, old, A, targets))
    assert found == pytest.approx(error - gain, rel=1e-3, abs=1e-4)


def test_gaussian_actions_have_the_spread_of_the_policy(dl):
    agent = gaussian(dl, sigma=0.5)
    x = np.zeros((4000, 3), F)
    drawn = agent.explore(x)
    assert drawn.dtype == F
    np.testing.assert_allclose(drawn.mean(axis=0), agent.act(x[0]), atol=0.04)
    np.testing.assert_allclose(drawn.std(axis=0), 0.5, rtol=0.06)


# Learning -----------------------------------------------------------------------------


def test_a_dqn_learns_what_is_worth_more(dl):
    """Two armed bandit of one step: 1 for the second action, 0 for the first."""
    agent = dl.DQN(2, 3, hidden=(8,), warmup=50, lr=2e-2, epsilon=1.0, seed=0)
    env = Count(1)
    env.step = lambda action: (env.seen(), float(action == 1), True, False, {})
    agent.learn(env, 250, validation=2, every=50)
    q = numbers(dl, agent(np.zeros((1, 2), F)))[0]
    np.testing.assert_allclose(q, [0, 1, 0], atol=0.1)
    assert agent.act(np.zeros(2, F)) == 1
    assert agent.progress.chosen == 1


@pytest.mark.parametrize("bootstrap", [True, False])
def test_truncation_is_no_termination(bootstrap):
    agent = scratch.DQN(2, 3, hidden=(4,), warmup=50_000, seed=0)
    agent.learn(Count(3, truncates=True), 9, validation=0, bootstrap=bootstrap)
    ends = agent.replay.state()["terminated"][:9]
    np.testing.assert_array_equal(ends, [0, 0, not bootstrap] * 3)
    agent.learn(Count(3), 3, validation=0)
    np.testing.assert_array_equal(agent.replay.state()["terminated"][9:12], [0, 0, 1])


def test_the_short_corridor():
    """A policy finds p = 2 - sqrt(2), which no value of an action leads to."""
    agent = scratch.PolicyGradient(
        1, 2, hidden=(), gamma=1.0, lr=linear(0.05, 60, end=0.002), seed=0
    )
    agent.learn(Corridor(), 60, episodes=15)
    p = agent.probabilities([[1.0]])[0, 1]
    assert abs(p - (2 - 2**0.5)) < 0.12


def test_a_gaussian_policy_moves_to_where_the_reward_is(dl):
    class Target(Push):
        def step(self, action):
            seen, _, over, left, info = super().step(action)
            return seen, -float((action[0] - 0.5) ** 2), over, left, info

    agent = dl.GaussianPolicy(
        2, 2, hidden=(8,), lr=0.02, scale=0.1, sigma=0.5, batch_size=40, seed=0
    )
    agent.learn(Target(5), 12, steps=80)
    assert abs(agent.act([0.0, 0.0])[0] - 0.5) < 0.3
    assert agent.sigma[0] < 0.5


def test_the_best_weights_are_kept_and_act():
    class Told(Count):
        """Pays 3, 9 and 5 in turn when it is validated."""

        pays = iter([3.0, 9.0, 5.0])

        def reset(self, *, seed=None, options=None):
            if seed is not None:
                self.validated = VALIDATION <= seed < EVALUATION
            return super().reset(seed=seed)

        def step(self, action):
            seen, reward, *end = super().step(action)
            return seen, next(self.pays) if self.validated else reward, *end

    agent = scratch.DQN(2, 3, hidden=(16,), warmup=10, batch_size=8, seed=1)
    for part in (20, 40):
        progress = agent.learn(Told(1), part, validation=1, every=20)
        if part == 20:
            first = agent.q.state()
            identical(agent.chosen.state(), first)
            Told.pays = iter([9.0, 5.0])
    assert progress.validation == [3.0, 9.0, 5.0]
    assert (progress.last, progress.chosen) == (5.0, 9.0)
    assert progress.measured == [20, 40, 60]
    last, chosen = agent.q.state(), agent.chosen.state()
    for other in (first, last):  # it is neither of them
        assert any((w != other[name]).any() for name, w in chosen.items())
    x = np.random.default_rng(0).normal(size=(50, 2)).astype(F)
    for of_last, network in ((False, agent.chosen), (True, agent.q)):
        best = scratch.to_numpy(network(x)).argmax(axis=1)
        np.testing.assert_array_equal(agent.act(x, last=of_last), best)


@pytest.mark.parametrize("validation", [0, 3])
def test_without_a_look_the_last_weights_act(validation):
    agent = scratch.DQN(2, 3, hidden=(4,), warmup=8, batch_size=8, seed=0)
    first = agent.q.state()
    agent.learn(Count(4), 30, validation=validation, every=100)
    assert any((w != first[name]).any() for name, w in agent.q.state().items())
    identical(agent.chosen.state(), agent.q.state())


def test_no_seed_is_used_twice():
    env = Count(3)
    agent = scratch.DQN(2, 3, hidden=(4,), warmup=20, seed=0)
    agent.learn(env, 60, validation=2, every=20)
    evaluate(agent, env, 2)
    seeds = [s for s in env.seeds if s is not None]
    training = [s for s in seeds if s < VALIDATION]
    validation = [s for s in seeds if VALIDATION <= s < EVALUATION]
    assert len(set(training)) == 4  # the start, and after each of three looks
    assert validation == [VALIDATION] * 3
    assert [s for s in seeds if s >= EVALUATION] == [EVALUATION]


def test_it_stops_when_it_is_good_enough():
    agent = scratch.DQN(2, 3, hidden=(4,), warmup=50_000, seed=0)
    progress = agent.learn(Count(3), 1000, validation=1, every=10, stop=6.0, patience=2)
    assert agent.steps == 20
    assert progress.validation == [6.0, 6.0]
    assert progress.returns[0] == 6.0


def test_epsilon_follows_its_schedule():
    agent = scratch.DQN(
        2, 3, hidden=(4,), epsilon=lambda step: float(step < 50), seed=0
    )
    x = np.zeros((3000, 2), F)
    np.testing.assert_allclose(np.bincount(agent.explore(x)) / 3000, 1 / 3, atol=0.05)
    agent.steps = 50
    assert len(set(agent.explore(x))) == 1


@pytest.mark.parametrize("kind", ["id", "vector", "single"])
def test_policies_learn_from_whole_episodes_of_every_kind_of_environment(kind):
    env = {
        "id": lambda: "CartPole-v1",
        "vector": lambda: CartPole(3),
        "single": lambda: Count(3),
    }[kind]()
    agent = scratch.PolicyGradient(2 if kind == "single" else 4, 3 - (kind != "single"))
    progress = agent.learn(env, 2, episodes=5)
    assert len(progress.returns) == 10
    assert agent.steps == (30 if kind == "single" else sum(progress.returns))


def test_episodes_go_on_from_one_rollout_to_the_next():
    agent = scratch.GaussianPolicy(2, 2, hidden=(4,), epochs=1, batch_size=7)
    env = Push(5)
    progress = agent.learn(env, 3, steps=7)  # 21 steps: four episodes, and one more
    assert progress.returns == [15.0] * 4
    assert len([s for s in env.seeds if s is not None]) == 1


# Files --------------------------------------------------------------------------------


def learner(dl, kind):
    """An agent, and what makes it learn a little more."""
    if kind == "dqn":
        agent = dl.DQN(
            4,
            2,
            hidden=(8,),
            warmup=30,
            batch_size=8,
            capacity=60,
            lr=linear(1e-2, 200, end=1e-3),
            epsilon=linear(1.0, 80, end=0.1),
            seed=5,
        )
        return agent, lambda: agent.learn("CartPole-v1", 50, validation=2, every=25)
    if kind == "policy":
        agent = dl.PolicyGradient(4, 2, hidden=(8,), seed=5)
        return agent, lambda: agent.learn("CartPole-v1", 2, episodes=3)
    agent = dl.GaussianPolicy(3, 1, hidden=(8,), epochs=2, batch_size=20, seed=5)
    return agent, lambda: agent.learn(Pendulum(2), 2, steps=30)


def everything(agent):
    """All that a checkpoint keeps, for comparing."""
    parts = {name: part.state() for name, part in agent._parts().items()}
    return (
        {
            **agent.state(),
            **{f"{p}/{n}": a for p, state in parts.items() for n, a in state.items()},
        },
        agent._kept(),
        agent.generator.bit_generator.state,
    )


def same(a, b):
    identical(a[0], b[0])
    np.testing.assert_equal(a[1:], b[1:])  # in which NaN equals NaN


KINDS = ["dqn", "policy", "gaussian"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_agent_goes_on_bit_for_bit(dl, kind, tmp_path):
    path = tmp_path / "agent.npz"
    agent, learn = learner(dl, kind)
    learn()
    agent.save(path)
    learn()
    learn()
    other, go_on = learner(dl, kind)
    other.generator.random(3)
    other.load(path)
    assert other.steps < agent.steps
    go_on()
    go_on()
    same(everything(agent), everything(other))
    assert agent.progress == other.progress or np.isnan(
        agent.progress.numbers["loss"][0]
    )


@needs_mxnet
@pytest.mark.parametrize("kind", KINDS)
def test_the_other_twin_goes_on(mx, kind, tmp_path):
    path = tmp_path / "agent.npz"
    for one, two in ((scratch, mx), (mx, scratch)):
        agent, learn = learner(one, kind)
        learn()
        agent.save(path)
        other, _ = learner(two, kind)
        other.load(path)
        same(everything(agent), everything(other))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_pickles_learn_by_themselves(dl, kind):
    agent, learn = learner(dl, kind)
    learn()
    twin, pickled = copy.deepcopy(agent), pickle.loads(pickle.dumps(agent))
    before = everything(agent)
    same(before, everything(twin))
    same(before, everything(pickled))
    data = {
        "dqn": lambda: batch(0),
        "policy": lambda: steps(0),
        "gaussian": lambda: steps(0, 3, 1),
    }[kind]()
    twin.update(data)
    pickled.update(data)
    same(before, everything(agent))
    agent.update(data)
    same(everything(agent), everything(twin))
    same(everything(agent), everything(pickled))


def test_a_target_follows_in_whatever_array_it_lives():
    agent = dqn(scratch, tau=0.25)
    W = agent.target.layers[0].W
    before = W.data = np.zeros_like(W.data)
    agent.update(batch(0))
    np.testing.assert_allclose(W.data, 0.25 * agent.q.layers[0].W.data, rtol=1e-6)
    assert not before.any()


def test_a_checkpoint_of_another_agent_changes_nothing(dl, tmp_path):
    path = tmp_path / "agent.npz"
    agent, learn = learner(dl, "dqn")
    learn()
    before = everything(agent)

    def refused(says):
        with pytest.raises(CheckpointError, match=says):
            agent.load(path)
        same(everything(agent), before)

    learner(dl, "policy")[0].save(path)
    refused("is a checkpoint of another agent, with agent 'PolicyGradient'")
    dl.DQN(4, 2, hidden=(9,)).save(path)
    refused(r"with hidden \[9\], and this one has \[8\]: build it with the same")
    dl.DQN(4, 2, hidden=(8,)).save(path)
    refused("with lr 'linear.0.001, .* and this one has 'linear.0.01, ")
    options = {"lr": linear(1e-2, 200, end=1e-3), "capacity": 1070}
    options |= {"epsilon": linear(1.0, 80, end=0.1), "warmup": 30, "batch_size": 8}
    dl.DQN(4, 2, hidden=(8,), **options).save(path)
    refused("with capacity 1070, and this one has 60: build it with the same")
    dl.MLP([4, 8, 2]).save(path)
    refused("holds no agent")
    agent.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    refused("can't be read as a checkpoint")
    path.unlink()
    with pytest.raises(FileNotFoundError):
        agent.load(path)


OTHERS = {
    "DQN": {
        "activation": "tanh",
        "gamma": 0.9,
        "lr": 1e-2,
        "epsilon": 0.5,
        "loss": "huber",
        "target": "hard",
        "tau": 0.5,
        "copy_every": 7,
        "double": False,
        "batch_size": 8,
        "capacity": 2_000,
        "warmup": 50,
        "scale": (0.1, 1, 1),
        "reward_scale": 0.5,
    },
    "PolicyGradient": {
        "gamma": 0.9,
        "lr": linear(1e-2, 50),
        "credit": "total",
        "baseline": None,
        "normalize": False,
        "scale": 0.1,
    },
    "GaussianPolicy": {
        "sigma": 0.5,
        "gamma": 0.9,
        "lam": 0.5,
        "clip": None,
        "epochs": 3,
        "batch_size": 8,
        "lr": 1e-2,
        "scale": (0.1, 1, 1),
        "reward_scale": 0.5,
    },
}


def built(dl, kind, **options):
    options = {"capacity": 1_000} | options if kind == "DQN" else options
    return getattr(dl, kind)(3, 2, hidden=(4,), seed=0, **options)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, o in OTHERS.items() for name in o]
)
def test_a_checkpoint_of_other_arguments_is_refused(dl, kind, name, tmp_path):
    path = tmp_path / "agent.npz"
    option = {name: OTHERS[kind][name]}
    built(dl, kind, **option).save(path)
    agent = built(dl, kind)
    before = everything(agent)
    with pytest.raises(CheckpointError, match="build it with the same arg") as found:
        agent.load(path)
    assert f"with {name} " in str(found.value)
    same(everything(agent), before)
    built(dl, kind, **option).load(path)


def test_every_argument_is_compared():
    from inspect import signature

    known = {"inputs", "actions", "hidden", "activation", "seed"}
    for kind, options in OTHERS.items():
        assert set(signature(getattr(scratch, kind)).parameters) <= {*options, *known}


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_checkpoint_that_tells_less_is_loaded(dl, kind, tmp_path):
    path = tmp_path / "agent.npz"
    agent, learn = learner(dl, kind)
    learn()
    agent.save(path)
    arrays, meta = checkpoint.load(path)
    told = ("agent", "inputs", "actions", "hidden", "activation")
    settings = {name: meta["settings"][name] for name in told}
    rate = meta["settings"]["lr"]
    settings["schedule"] = rate if isinstance(rate, str) else None
    del meta["progress"]["interrupted"]
    checkpoint.save(path, arrays, {**meta, "settings": settings})
    other, _ = learner(dl, kind)
    other.load(path)
    same(everything(other), everything(agent))
    if kind == "dqn":  # and what it tells is compared
        checkpoint.save(
            path, arrays, {**meta, "settings": {**settings, "schedule": None}}
        )
        with pytest.raises(
            CheckpointError, match="with lr None, and this one has 'lin"
        ):
            other.load(path)
        checkpoint.save(path, arrays, {**meta, "settings": settings})
        with pytest.raises(CheckpointError, match="with lr 'linear"):
            dl.DQN(4, 2, hidden=(8,), capacity=60, warmup=9, batch_size=8).load(path)


# Interrupted --------------------------------------------------------------------------


def kill_at(env, n, number=signal.SIGINT):
    """Sends a signal to this process at the n-th step of an environment."""
    step, count = env.step, iter(range(1, 10**9))

    def counted(action):
        if next(count) == n:
            os.kill(os.getpid(), number)
        return step(action)

    env.step = counted
    return env


def small(dl, kind):
    """An agent, and how it learns so much (in its units) in an environment."""
    if kind == "dqn":
        rate = linear(1e-2, 200, end=1e-3)
        options = {"warmup": 5, "batch_size": 4, "capacity": 60, "lr": rate}
        agent = dl.DQN(2, 3, hidden=(4,), seed=5, **options)
        return agent, lambda env, n: agent.learn(env, n, validation=2, every=10)
    if kind == "policy":
        agent = dl.PolicyGradient(2, 3, hidden=(4,), seed=5)
        return agent, lambda env, n: agent.learn(env, n, episodes=2)
    agent = dl.GaussianPolicy(2, 2, hidden=(4,), epochs=2, batch_size=5, seed=5)
    return agent, lambda env, n: agent.learn(env, n, steps=8)


WORLD = {"dqn": Count, "policy": Count, "gaussian": Push}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [1, 7, 13, 21])
def test_a_signal_ends_learning_between_two_steps(
    dl, kind, at, number, tmp_path, capsys
):
    """What is left is whole: saved and loaded, it goes on as it does by itself."""
    path = tmp_path / "agent.npz"
    agent, learn = small(dl, kind)
    env = kill_at(WORLD[kind](4), at, number)
    progress = learn(env, 25)
    name = signal.Signals(number).name
    assert progress is agent.progress
    assert progress.interrupted == name
    assert env.closed == 0
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"learn stopped by {name} after ")
    assert "goes on, and agent.save(path) keeps the agent" in said
    agent.save(path)
    other, go_on = small(dl, kind)
    other.load(path)
    for each in (learn, go_on):
        assert each(WORLD[kind](4), 3).interrupted is None
    same(everything(agent), everything(other))
    assert not capsys.readouterr().err


@pytest.mark.parametrize("at", [1, 8, 9, 13, 24])
def test_a_policy_goes_on_as_if_never_interrupted(dl, at, capsys):
    """In the middle of an episode, at the end of one, and at that of an iteration."""
    agent, learn = small(dl, "policy")
    learn(Count(4), 5)
    other, other_learn = small(dl, "policy")
    other_learn(kill_at(Count(4), at), 5)
    done = len(other.progress.measured)
    assert done == (at - 1) // 8 + (at % 8 == 0)
    said = capsys.readouterr().err
    rest = f"agent.learn(env, {5 - done}) goes on"
    assert f"after {done} of 5 iterations; {rest}" in said
    other_learn(Count(4), 5 - done)
    same(everything(agent), everything(other))


def test_a_dqn_goes_on_from_the_step_at_which_it_was_interrupted(dl, capsys):
    agent, learn = small(dl, "dqn")
    learn(kill_at(Count(4), 10), 35)  # that one ends with a validation
    assert agent.steps == 10
    assert agent.progress.measured == [10]
    said = capsys.readouterr().err
    assert "after 10 of 35 steps; agent.learn(env, 25) goes on" in said
    learn(Count(4), 25)
    straight, straight_learn = small(dl, "dqn")
    straight_learn(Count(4), 35)
    same(everything(agent), everything(straight))


def test_a_signal_at_the_last_step(capsys):
    _, learn = small(scratch, "dqn")
    assert learn(kill_at(Count(4), 7), 7).interrupted == "SIGINT"
    assert "after 7 of 7 steps; that was the last" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_ctrl_c_interrupts(kind):
    _, learn = small(scratch, kind)
    env = WORLD[kind](4)
    step = env.step

    def waiting(action):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        return step(action)

    env.step = waiting
    with pytest.raises(KeyboardInterrupt):
        learn(env, 3)
    learn(WORLD[kind](4), 3)


@needs_mxnet
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["mark_variables", "get_symbol"])
def test_an_interrupt_within_an_update_does_not_break_an_agent(
    mx, kind, where, monkeypatch
):
    """A second Ctrl-C, or one in a loop of the reader's own."""
    from d2lib.mx import _tape

    agent, learn = small(mx, kind)
    world = WORLD[kind]
    learn(world(4), 12)
    real, calls = getattr(_tape.autograd, where), iter(range(10**6))

    def once(*args):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(_tape.autograd, where, once)
        with pytest.raises(KeyboardInterrupt):
            learn(world(4), 12)
    before = agent.state()
    learn(world(4), 12)
    assert any((w != before[name]).any() for name, w in agent.state().items())


# What goes wrong ----------------------------------------------------------------------


@pytest.mark.parametrize("column", ["observations", "rewards", "following"])
def test_a_loss_that_is_not_finite_names_the_batch_that_is_not(dl, column):
    agent, x = dqn(dl), batch(0)
    getattr(x, column)[3] = np.nan
    before = everything(agent)
    with pytest.raises(NonFiniteLossError, match=f"because the batch's {column} are"):
        agent.update(x)
    same(everything(agent), before)


def test_one_reward_beyond_float32_is_not_remembered(dl, tmp_path):
    agent, learn = small(dl, "dqn")
    learn(Count(4), 12)
    env = Count(4)
    env.step = lambda action: (env.seen(), 1e39, False, False, {})
    with pytest.raises(ValueError, match=r"rewards with 1e\+39 at step 1 .*too large"):
        learn(env, 5)
    assert len(agent.replay) == agent.steps == 12
    assert np.isfinite(agent.replay.state()["rewards"]).all()
    learn(Count(4), 12)


def test_stop_needs_validation():
    agent = scratch.DQN(2, 3, hidden=(4,))
    with pytest.raises(ValueError, match="stop=5 is a mean of validation episodes, "):
        agent.learn(Count(), 5, validation=0, stop=5.0)
    assert agent.steps == 0


@pytest.mark.parametrize("trouble", ["raises", "nan", "reward"])
def test_trouble_in_an_episode_leaves_all_as_it_was(trouble, tmp_path):
    path = tmp_path / "agent.npz"
    agent = scratch.DQN(2, 3, hidden=(4,), warmup=4, batch_size=4, seed=0)
    agent.learn(Count(5), 12, validation=0)
    agent.save(path)
    saved = path.read_bytes()
    weights = agent.state()
    env = Count(5, trouble=trouble)
    with pytest.raises((RuntimeError, ValueError), match="at step 2 after a reset"):
        agent.learn(env, 12, validation=0)
    assert env.closed == 1
    assert path.read_bytes() == saved
    # The one good step was learnt from; nothing of the bad one was kept.
    memory = agent.replay.state()
    assert len(agent.replay) == agent.steps == 13
    assert all(np.isfinite(column).all() for column in memory.values())
    assert any((w != agent.state()[name]).any() for name, w in weights.items())
    agent.load(path)
    identical(agent.state(), weights)
    agent.learn(Count(5), 3, validation=0)  # and it goes on


@pytest.mark.parametrize("trouble", ["raises", "nan", "reward"])
@pytest.mark.parametrize("kind", ["policy", "gaussian"])
def test_trouble_in_a_rollout_leaves_the_agent_as_it_was(trouble, kind):
    if kind == "policy":
        agent, env = scratch.PolicyGradient(2, 3), Count(5, trouble=trouble)
    else:
        agent, env = scratch.GaussianPolicy(2, 2), Push(5, trouble=trouble)
    before = agent.state(), agent.progress
    with pytest.raises((RuntimeError, ValueError), match="at step 2 after a reset"):
        agent.learn(env, 3)
    assert env.closed == 1
    identical(agent.state(), before[0])
    assert agent.progress == before[1]


def test_an_environment_that_does_not_fit():
    for agent, env in (
        (scratch.DQN(4, 2), Count()),
        (scratch.DQN(2, 2), Count()),
        (scratch.DQN(2, 2), Push()),
        (scratch.PolicyGradient(2, 2), Push()),
        (scratch.GaussianPolicy(2, 3), Push()),
        (scratch.GaussianPolicy(2, 3), Count()),
    ):
        with pytest.raises(
            ValueError, match=r"this \w+ takes .* and (Count|Push) needs"
        ):
            agent.learn(env, 3)
        assert env.closed == 1
        with pytest.raises(ValueError, match="build the agent with these"):
            evaluate(agent, env, 1)
    with pytest.raises(ValueError, match="learns from one copy of env, got 2"):
        scratch.DQN(4, 2).learn(CartPole(2), 3)
    with pytest.raises(ValueError, match="env must be the id of an environment"):
        scratch.DQN(4, 2).learn("NoSuch-v3", 3)


def test_a_loss_that_is_not_finite(dl):
    agent = dqn(dl)
    x = batch(0)
    x.rewards[3] = np.inf
    before = agent.state()
    with pytest.raises(
        NonFiniteLossError, match=r"the loss became (inf|nan) after 0 st"
    ):
        agent.update(x)
    identical(agent.state(), before)


def test_an_agent_explores_in_a_rollout_and_not_when_it_is_measured():
    agent = scratch.PolicyGradient(4, 2, seed=0)
    a, b = (evaluate(agent, "CartPole-v1", 5) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    found = rollout(agent, CartPole(2), steps=50, seed=0)
    greedy = agent.act(found.observations)
    assert 0.2 < (found.actions != greedy).mean() < 0.8
    explored = evaluate(agent, "CartPole-v1", 5, explore=True)
    assert (explored != a).any()


def test_gaussian_actions_stay_within_the_bounds():
    agent = scratch.GaussianPolicy(2, 2, sigma=5.0, seed=0)
    found = rollout(agent, Push(50), steps=50, seed=0)
    assert found.actions.min() == -1
    np.testing.assert_array_equal(found.actions.max(axis=0), [1, 2])
