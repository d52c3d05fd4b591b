"""Runs every parity case: same values, same gradients, same training."""

import inspect

import numpy as np
import pytest

from d2lib import scratch
from tests.twins import (  # the cases register themselves
    cases,
    cases_attention,  # noqa: F401
    cases_language,  # noqa: F401
    cases_recurrent,  # noqa: F401
)
from tests.twins.both import needs_mxnet


@pytest.fixture
def mx():
    from d2lib import mx

    return mx


@needs_mxnet
@pytest.mark.parametrize("name", cases.CASES)
def test_the_twins_agree(name, mx, tmp_path):
    _, case = cases.CASES[name]
    wants_a_folder = "folder" in inspect.signature(case).parameters
    case(scratch, mx, *([tmp_path] if wants_a_folder else []))


class TestTheComparison:
    """Planted differences, so that agreement means something."""

    def test_values(self):
        cases.close(np.float32([1, 1000]), np.float32([1.005, 1000]), 1e-5)
        with pytest.raises(AssertionError, match="y: relative error"):
            cases.close(np.float32([1, 1000]), np.float32([1, 1000.1]), 1e-5, "y")
        with pytest.raises(AssertionError, match="shapes"):
            cases.close(np.ones((3, 1)), np.ones(3), 1)
        with pytest.raises(AssertionError, match="dtypes"):
            cases.close(np.ones(3), np.ones(3, np.float32), 1)
        with pytest.raises(AssertionError, match="relative error nan"):
            cases.close(np.ones(2), np.array([1, np.nan]), 1)

    @staticmethod
    def planted(**changes):
        """A twin that is scratch but for the changes."""

        class Twin:
            def __getattr__(self, name):
                return changes.get(name, getattr(scratch, name))

        return Twin()

    def test_a_wrong_value(self):
        twin = self.planted(tanh=lambda x: scratch.tanh(x) * 1.001)
        with pytest.raises(AssertionError, match=r"values: relative error 0\.001"):
            cases.elementwise(scratch, twin)

    def test_a_wrong_gradient_behind_a_right_value(self):
        def mse(y_hat, y, reduction="mean"):
            right = scratch.mse(y_hat, y, reduction)
            return right + (y_hat - y_hat.detach()).sum() * 0.01

        with pytest.raises(AssertionError, match="gradient of input 0"):
            cases.mean_squared_error(scratch, self.planted(mse=mse))

    def test_a_wrong_gradient_of_a_parameter(self):
        class Dense(scratch.Dense):
            def forward(self, x):
                right = super().forward(x)
                return right + (self.W - self.W.detach()).sum() * 0.01

        with pytest.raises(AssertionError, match="gradient of W"):
            cases.dense_layers(scratch, self.planted(Dense=Dense))

    def test_an_epsilon_inside_the_root(self):
        class Adam(scratch.Adam):
            def _update(self, w, g, a, b, m, v):
                v += 1e-4
                super()._update(w, g, a, b, m, v)
                v -= 1e-4

        with pytest.raises(AssertionError, match="Adam"):
            cases.five_steps(scratch, self.planted(Adam=Adam))

    def test_another_start(self):
        def initialize(shape, scheme="xavier", seed=None, dtype=np.float32):
            return scratch.initialize(shape, scheme, seed + 1, dtype)

        with pytest.raises(AssertionError):
            cases.one_seed_one_start(scratch, self.planted(initialize=initialize))

    def test_scratch_agrees_with_itself(self, tmp_path):
        for _, case in cases.CASES.values():
            wants_a_folder = "folder" in inspect.signature(case).parameters
            case(scratch, scratch, *([tmp_path] if wants_a_folder else []))
