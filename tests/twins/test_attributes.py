"""What a module's attributes and arguments mean: the same in both twins."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from tests.twins.both import TWINS


@pytest.fixture(params=TWINS)
def dl(request):
    return importlib.import_module(f"d2lib.{request.param}")


def numbers(dl, x):
    return dl.to_numpy(x).tolist()


# Arguments by name -------------------------------------------------------------------


def test_arguments_by_name_reach_forward(dl):
    class Scaled(dl.Module):
        def forward(self, x, shift=0.0, *, scale=1.0, **more):
            return (dl.tensor(x) + shift) * scale + more.get("last", 0.0)

    scaled = Scaled()
    assert numbers(dl, scaled([[1.0]])) == [[1.0]]
    assert numbers(dl, scaled([[1.0]], scale=10.0)) == [[10.0]]
    assert numbers(dl, scaled(x=[[1.0]], shift=1.0)) == [[2.0]]
    assert numbers(dl, scaled([[1.0]], 1.0, scale=3.0, last=0.5)) == [[6.5]]
    with pytest.raises(TypeError):
        scaled(scale=10.0)


def test_arguments_by_name_are_trained_through(dl):
    class Scaled(dl.Module):
        def __init__(self):
            self.body = dl.Dense(2, 1, seed=0)

        def forward(self, x, *, scale=1.0):
            return self.body(x) * scale

    model = Scaled()
    gradients = []
    for named in ({}, {"scale": 10.0}):
        model.zero_grad()
        with dl.record():
            loss = model([[1.0, 2.0]], **named).sum()
        loss.backward()
        gradients.append(model.gradients()["body.W"])
    np.testing.assert_allclose(gradients[1], 10 * gradients[0], rtol=1e-6)
