"""One way through every Gymnasium environment, single or vector.

Environments end their episodes in four ways (a single one waits to be reset, a vector
one resets itself at the next step, in the same step, or when it is told to). `Walk`
hides the difference: each of its steps is a real one, says what was observed after it,
even where an episode ended, and whether that was a termination or a truncation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from d2lib._checks import (
    LARGEST,
    MOST_NUMBERS,
    TOO_LARGE,
    as_array,
    check_positive_int,
    short,
)
from d2lib._types import Array

__all__ = ["Step", "Walk", "gymnasium"]

#: Where seeds come from, so that no episode is seen twice: an agent learns from the
#: first 2^29, is validated with the second, and `evaluate` takes the third.
TRAINING, VALIDATION, EVALUATION = 0, 2**29, 2**30
SEEDS = 2**29
MOST_COPIES = 4096
_FLOAT32 = np.dtype(np.float32)
_FIVE = (
    "Gymnasium's step() returns five: observation, reward, terminated, truncated, info"
)
_TWO = "Gymnasium's reset() returns two: observation, info"


def gymnasium() -> ModuleType:
    """Returns Gymnasium, which is imported when the first environment is needed.

    Raises:
        ImportError: it is missing.
    """
    try:
        import gymnasium
    except ImportError as error:
        raise ImportError(
            "environments need Gymnasium, which is missing: pip install gymnasium"
        ) from error
    return gymnasium


class Step(NamedTuple):
    """What came of one action in each copy of an environment.

    Attributes:
        after: what was observed then, shape (copies, inputs), float32.
        rewards: shape (copies,), float64.
        terminated: whether the episode is over, shape (copies,).
        truncated: whether it was left, shape (copies,).
        real: whether there was a step at all. A vector environment may have used its
            turn to reset a copy; nothing of that is to be learnt from.
    """

    after: Array
    rewards: Array
    terminated: Array
    truncated: Array
    real: Array


class Walk:
    """Goes through an environment, or several copies of one, step by step.

    Use it in a ``with`` block: what it made is closed at its end, and after an error
    what it was given is closed, too. (Ctrl-C is none: what was given stays open, and is
    its owner's.)

    Args:
        env: the id of a Gymnasium environment, an environment, or a vector of them.
        copies: how many to make of an id.

    Attributes:
        copies: how many there are.
        discrete: whether actions are whole numbers.
        actions: how many actions there are, or how many numbers one has.
        inputs: how many numbers an observation has, made into one row. One of n
            possible observations is a row of n numbers, all 0 but one.
        observations: what is observed now, shape (copies, inputs).
        finished: the total reward of each episode that came to its end.
    """

    def __init__(self, env: Any, copies: int = 1) -> None:
        copies = check_positive_int(copies, "copies", MOST_COPIES)
        self._envs, self._vector, self._owned = opened(env, copies)
        self.name = env if isinstance(env, str) else type(env).__name__
        try:
            self._look_around()
        except Exception as error:
            self.__exit__(type(error))
            raise

    def _look_around(self) -> None:
        """Reads what is observed and done, and refuses what no agent here can."""
        one = self._envs[0] if self._vector is None else self._vector
        prefix = "" if self._vector is None else "single_"
        self.copies = len(self._envs) if self._vector is None else one.num_envs
        spec = getattr(one, "spec", None)
        self.name = getattr(spec, "id", None) or type(one).__name__
        space = getattr(one, f"{prefix}observation_space")
        self._one_hot, self.inputs = _observed(space, self.name)
        self._shape = () if self._one_hot else tuple(space.shape)
        self._first_observation = int(getattr(space, "start", 0))
        if self.copies * self.inputs > MOST_NUMBERS:
            raise ValueError(
                f"the observations of {self.name} are rows of {self.inputs} numbers, "
                f"and {self.copies} of them must be at most {MOST_NUMBERS}, 1 GB: "
                "describe a state by fewer"
            )
        space = getattr(one, f"{prefix}action_space")
        self.discrete, self.actions = _done(space, self.name)
        self._first = int(getattr(space, "start", 0))
        self._space = space
        if not self.discrete:
            self.low = np.asarray(space.low, np.float64).reshape(-1)
            self.high = np.asarray(space.high, np.float64).reshape(-1)
        mode = str(getattr(one, "metadata", {}).get("autoreset_mode", "NextStep"))
        self._mode = mode.rpartition(".")[2].replace("_", "").lower()
        self._resetting = np.zeros(self.copies, bool)
        self.observations = np.zeros((self.copies, self.inputs), np.float32)
        self.steps = 0
        self._starting = True  # whether a reset is what was asked for
        self.finished: list[float] = []
        self._totals = np.zeros(self.copies)

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        failed = kind is not None and issubclass(kind, Exception)
        if self._owned or failed:
            try:
                self.close()
            except RuntimeError:
                if kind is None:
                    raise  # or else the first error is the one to tell

    def close(self) -> None:
        """Closes the environments.

        Raises:
            RuntimeError: one of them raised an error; the others are closed.
        """
        first: Exception | None = None
        for env in self._envs if self._vector is None else [self._vector]:
            try:
                env.close()
            except Exception as error:
                first = first or error
        if first is not None:
            raise RuntimeError(
                f"the environment {self.name} raised {type(first).__name__} in close() "
                f"({said(first)}): mend its close()"
            ) from first

    def reset(self, seed: int) -> Array:
        """Starts new episodes everywhere, and returns what is observed.

        Args:
            seed: that of the first copy; each further one gets the next number.
        """
        self.steps = 0
        self._resetting[:] = False
        self._totals[:] = 0
        if self._vector is not None:
            raw = self._begun(self._vector, seed=seed)
        else:
            raw = [self._begun(env, seed=seed + i) for i, env in enumerate(self._envs)]
        self.observations = self._rows(raw, self._vector is None)
        return self.observations

    def step(self, actions: Any, wanted: Any = None, trusted: bool = False) -> Step:
        """Acts in each copy.

        Args:
            actions: whole numbers, shape (copies,), or rows of numbers within the
                environment's bounds, shape (copies, actions).
            wanted: in which copies; None: in all. (Those of a vector all move.)
            trusted: whether the actions need no check, being an agent's own.

        Raises:
            ValueError: actions outside of what the environment allows, or an answer
                that is not what Gymnasium's interface and the observation space say,
                or not finite.
            RuntimeError: the environment raised an error, or wants to be reset first.
        """
        actions = self._given(actions if trusted else self._checked(actions))
        self.steps += 1
        self._starting = False
        move = self._step_each if self._vector is None else self._step_all
        step = move(actions, wanted)
        self._totals += step.rewards
        ended = step.terminated | step.truncated
        if ended.any():
            self.finished += self._totals[ended].tolist()
            self._totals[ended] = 0
        return step

    def _step_all(self, actions: Array, wanted: Any) -> Step:
        answer = self._asked(self._vector.step, actions)
        raw, rewards, over, left, info = self._five(answer)
        after = self._rows(raw)
        rewards = self._finite(self._column(rewards, "rewards"), "rewards")
        over = self._column(over, "terminated") > 0
        left = self._column(left, "truncated") > 0
        real = ~self._resetting
        ended = over | left
        self.observations = after
        if self._mode == "samestep" and ended.any():
            try:
                last = [info["final_obs"][i] for i in np.flatnonzero(ended)]
            except (TypeError, KeyError, IndexError) as error:
                raise self._wrong(
                    "no info['final_obs']",
                    "a vector that resets itself in the same step tells there what was "
                    "observed at the end",
                ) from error
            after = after.copy()
            after[ended] = self._rows(last, True)
        elif self._mode == "disabled" and ended.any():
            raw = self._begun(self._vector, options={"reset_mask": ended})
            self.observations = self._rows(raw)
        self._resetting = ended & (self._mode == "nextstep")
        return Step(after, rewards, over, left, real)

    def _step_each(self, actions: Array, wanted: Any) -> Step:
        n = self.copies
        after, real = self.observations.copy(), np.zeros(n, bool)
        rewards, over, left = np.zeros(n), np.zeros(n, bool), np.zeros(n, bool)
        for i, env in enumerate(self._envs):
            if wanted is None or wanted[i]:
                action = int(actions[i]) if self.discrete else actions[i]
                answer = self._asked(env.step, action)
                if type(answer) is not tuple or len(answer) != 5:
                    answer = self._five(answer)
                seen, reward, ends, stops, _ = answer
                after[i], real[i] = self._row(seen), True
                # Most are of these types already; asking is quicker than a call.
                if type(reward) is not float:
                    reward = self._reward(reward)
                if not -LARGEST <= reward <= LARGEST:
                    self._finite(np.array([reward]), "rewards")
                rewards[i] = reward
                over[i] = ends if type(ends) is bool else self._flag(ends, "terminated")
                left[i] = (
                    stops if type(stops) is bool else self._flag(stops, "truncated")
                )
        self._finite(after, "observations")
        self.observations = after
        if over.any() or left.any():
            self.observations = after.copy()
            for i in np.flatnonzero(over | left):
                row = self._row(self._begun(self._envs[i]))
                self.observations[i] = self._finite(row, "observations")
        return Step(after, rewards, over, left, real)

    # What an environment answers ----------------------------------------------------

    def _asked(self, what: Any, *args: Any, **named: Any) -> Any:
        """Calls the environment; an error of its own is told as such."""
        try:
            return what(*args, **named)
        except Exception as error:
            mend = "it has been closed"
            if "values to unpack" in str(error):  # a wrapper met the old interface
                mend = f"{_TWO if self._starting else _FIVE}; {mend}"
            raise RuntimeError(
                f"the environment {self.name} raised {type(error).__name__} "
                f"{self._where} ({said(error)}): {mend}, and what was learnt before is "
                "kept"
            ) from error

    @property
    def _where(self) -> str:
        return "in reset()" if self._starting else f"at step {self.steps} after a reset"

    def _wrong(self, got: str, rule: str) -> ValueError:
        """An error that says what came from the environment, and what should have."""
        return ValueError(
            f"the environment {self.name} returned {got} {self._where}: {rule}; it has "
            "been closed, and what was learnt before is kept"
        )

    def _begun(self, env: Any, **named: Any) -> Any:
        """Resets an environment, and returns what is observed then."""
        self._starting = True
        answer = self._asked(env.reset, **named)
        if not (
            isinstance(answer, tuple)
            and len(answer) == 2
            and isinstance(answer[1], Mapping)
        ):
            raise self._wrong(short(answer), f"{_TWO}, a dict")
        return answer[0]

    def _five(self, answer: Any) -> Any:
        if isinstance(answer, (tuple, list)) and len(answer) == 5:
            return answer
        what = short(answer)
        if isinstance(answer, (tuple, list)):
            what = f"{len(answer)} things, {what},"
        raise self._wrong(what, _FIVE)

    def _reward(self, value: Any) -> float:
        """A reward as a float."""
        if not isinstance(value, Real):
            array = plain(value)
            if array is None or array.shape or array.dtype.kind not in "biuf":
                raise self._wrong(
                    f"the reward {short(value)}", "a reward is one number, a float"
                )
        try:
            return float(value)
        except OverflowError:  # a whole number with hundreds of digits
            return math.inf

    def _flag(self, value: Any, name: str) -> bool:
        """Whether an episode ended, as a bool."""
        if not isinstance(value, np.bool_):
            array = plain(value)
            if (
                array is None
                or array.shape
                or array.dtype.kind not in "biuf"
                or array not in (0, 1)
            ):
                raise self._wrong(f"{name}={short(value)}", f"{name} is True or False")
        return bool(value)

    def _column(self, values: Any, name: str) -> Array:
        """What a vector says of each copy: numbers, or truth values."""
        array = plain(values)
        if (
            array is None
            or array.shape != (self.copies,)
            or array.dtype.kind not in "biuf"
            or not (name == "rewards" or array.dtype.kind == "b" or _only_flags(array))
        ):
            what = "a number" if name == "rewards" else "True or False"
            raise self._wrong(
                f"{name} {short(values)}",
                f"{name} are {what} for each of {self.copies} copies",
            )
        return array.astype(np.float64)

    def _rows(self, raw: Any, each: bool = False) -> Array:
        """Observations, a vector's or one by one, as rows of finite numbers."""
        if each:
            rows = np.array([self._row(seen) for seen in raw], np.float32)
        else:
            shape = (self.copies, *self._shape)
            array = plain(raw)
            if array is None or array.shape != shape or array.dtype.kind not in "biuf":
                raise self._wrong(
                    f"observations {told(raw)}",
                    f"they are numbers of shape {shape}, {self.copies} of the "
                    "observation space",
                )
            if self._one_hot:
                rows = np.array([self._row(seen) for seen in array], np.float32)
            else:
                rows = self._cast(array).reshape(self.copies, -1)
        return self._finite(rows, "observations")

    def _row(self, seen: Any) -> Array:
        """One observation as a row of numbers."""
        if self._one_hot:
            row = np.zeros(self.inputs, np.float32)
            row[self._number(seen)] = 1
            return row
        if not (
            type(seen) is np.ndarray
            and seen.dtype is _FLOAT32
            and seen.shape == self._shape
        ):
            array = plain(seen)
            if (
                array is None
                or array.shape != self._shape
                or array.dtype.kind not in "biuf"
            ):
                raise self._wrong(
                    f"an observation {told(seen)}",
                    f"it is an array of numbers of shape {self._shape}, as its "
                    "observation_space says",
                )
            seen = self._cast(array)
        numbers: Array = seen.reshape(-1)
        return numbers

    def _number(self, seen: Any) -> int:
        """One of n possible observations, counted from 0."""
        number: int | None = seen
        if type(seen) is not int:
            array = plain(seen)
            whole = array is not None and not array.shape and array.dtype.kind in "iu"
            number = int(seen) if whole else None
        first = self._first_observation
        if number is None or not first <= number < first + self.inputs:
            raise self._wrong(
                f"an observation {short(seen)}",
                f"it is a whole number in [{first}, {first + self.inputs}), as its "
                "observation_space says",
            )
        return number - first

    def _cast(self, array: Array) -> Array:
        """Numbers as float32."""
        if array.dtype is _FLOAT32:
            return array.copy()
        with np.errstate(over="ignore"):
            cast = array.astype(np.float32)
        if array.dtype.kind == "f" and (np.isinf(cast) & np.isfinite(array)).any():
            raise self._wrong(
                f"an observation with {np.abs(array[np.isfinite(array)]).max():g}",
                f"that is {TOO_LARGE}: scale it",
            )
        return cast

    def _finite(self, values: Array, what: str) -> Array:
        """Raises ValueError unless all are finite, in float32 too."""
        if values.dtype is _FLOAT32:
            fine = np.isfinite(values)
        else:
            fine = np.abs(values) <= LARGEST  # no NaN is
        if not fine.all():
            largest = np.abs(values).max()
            if math.isfinite(largest):
                raise self._wrong(
                    f"{what} with {largest:g}", f"that is {TOO_LARGE}: scale them"
                )
            raise ValueError(
                f"the environment {self.name} gave {what} that are not finite, "
                f"{self._where}: mend its step() or reset(); it has been closed, and "
                "what was learnt before is kept"
            )
        return values

    # Actions ------------------------------------------------------------------------

    def _checked(self, actions: Any) -> Array:
        """Actions as the environment takes them."""
        array = as_array(actions, "actions")
        shape = (self.copies,) if self.discrete else (self.copies, self.actions)
        wanted = "iu" if self.discrete else "fiu"
        if array.dtype.kind not in wanted or array.shape != shape:
            raise ValueError(
                f"actions for {self.name} must be "
                f"{'whole' if self.discrete else 'real'} numbers of shape {shape}, got "
                f"{short(array)}: one for each of {self.copies} copies"
            )
        if self.discrete:
            if not (array.min() >= 0 and array.max() < self.actions):
                raise ValueError(
                    f"actions for {self.name} must lie in [0, {self.actions}), got "
                    f"{array.min()} to {array.max()}"
                )
            return array
        if not ((array >= self.low) & (array <= self.high)).all():  # no NaN does
            raise ValueError(
                f"actions for {self.name} must lie within its bounds, "
                f"{short(self.low.tolist())} to {short(self.high.tolist())}, got "
                f"{array.min():g} to {array.max():g}: clip them with numpy.clip"
            )
        return array

    def _given(self, actions: Array) -> Array:
        """Actions in the form in which the environment takes them."""
        if self.discrete:
            # A vector gets an array of its own, whatever it does to it.
            keep = not self._first and self._vector is None
            return actions if keep else actions + self._first
        return actions.astype(self._space.dtype).reshape(-1, *self._space.shape)

    def allowed(self, actions: Any) -> Any:
        """The nearest actions within the environment's bounds."""
        return actions if self.discrete else np.clip(actions, self.low, self.high)

    def random(self, generator: np.random.Generator) -> Array:
        """Any actions, each as likely as any other.

        Raises:
            ValueError: there are no bounds to draw between.
        """
        if self.discrete:
            return generator.integers(0, self.actions, self.copies)
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            raise ValueError(
                f"actions for {self.name} have no bounds to draw between: pass a policy"
            )
        return generator.uniform(self.low, self.high, (self.copies, self.actions))


def opened(env: Any, copies: int) -> tuple[list[Any], Any, bool]:
    """Returns single environments, or a vector; and whether they were made here.

    Raises:
        ValueError: an id that does not exist.
        TypeError: what is no environment.
        ImportError: Gymnasium is missing.
    """
    if isinstance(env, str):
        gym = gymnasium()
        made: list[Any] = []
        try:
            for _ in range(copies):
                made.append(gym.make(env, disable_env_checker=True))
        except Exception as error:
            for one in made:
                one.close()
            raise ValueError(
                f"env must be the id of an environment that Gymnasium can make, got "
                f"{env!r} ({said(error)}): gymnasium.pprint_registry() lists "
                "them"
            ) from error
        return made, None, True
    needs = ("reset", "step", "close", "observation_space", "action_space")
    if isinstance(env, type) or not all(hasattr(env, name) for name in needs):
        raise TypeError(
            f"env must be the id of a Gymnasium environment, such as 'CartPole-v1', or "
            f"an environment, got {short(env)}"
        )
    if copies != 1:
        raise ValueError(
            f"copies={copies} can be made of an id only, and env is one environment: "
            "pass its id, or a vector of environments"
        )
    if hasattr(env, "num_envs"):
        return [], env, False
    return [env], None, False


def plain(value: Any) -> Array | None:
    """What came from somebody else as an array; None is what can't be one."""
    try:
        return as_array(value, "value")
    except (TypeError, ValueError):
        return None


def told(value: Any) -> str:
    """What came from somebody else, in the words of an error."""
    array = plain(value)
    if array is None or array.dtype.kind == "O":
        return short(value)
    return f"of dtype {array.dtype} and shape {array.shape}"


def said(error: Exception) -> str:
    """What an error of somebody else's says, in one line."""
    text = " ".join(str(error).split())
    return text if len(text) <= 150 else text[:147] + "..."


def _observed(space: Any, name: str) -> tuple[bool, int]:
    """Whether observations are one of n, and how many numbers a row has."""
    spaces = gymnasium().spaces
    if isinstance(space, spaces.Discrete):
        return True, int(space.n)
    if isinstance(space, spaces.Box) and math.prod(space.shape):
        return False, math.prod(space.shape)
    raise ValueError(
        f"the observations of {name} are a {_kind(space)}, and agents here read a Box "
        "or a Discrete: wrap the environment in "
        "gymnasium.wrappers.FlattenObservation"
    )


def _done(space: Any, name: str) -> tuple[bool, int]:
    """Whether actions are whole numbers, and how many there are."""
    spaces = gymnasium().spaces
    if isinstance(space, spaces.Discrete):
        return True, int(space.n)
    real = isinstance(space, spaces.Box) and np.dtype(space.dtype).kind == "f"
    if real and math.prod(space.shape):
        return False, math.prod(space.shape)
    raise ValueError(
        f"the actions of {name} are a {_kind(space)}, and agents here choose "
        "one of n (a Discrete) or some real numbers (a Box of floats): wrap the "
        "environment in a gymnasium.ActionWrapper"
    )


def _kind(space: Any) -> str:
    """What a space is called, in the words of an error."""
    name = type(space).__name__
    return f"{name} of no numbers" if name == "Box" and 0 in space.shape else name


def _only_flags(array: Array) -> bool:
    """Whether numbers are all 0 or 1; `numpy.isin` takes as long as a small network."""
    return bool(((array == 0) | (array == 1)).all())
