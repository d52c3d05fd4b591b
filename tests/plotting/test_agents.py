"""Films of agents: what was recorded stands where it belongs, and is told in words."""

import re
from xml.etree import ElementTree

import gymnasium as gym
import numpy as np
import pytest

from d2lib import plotting
from d2lib.plotting import agents
from d2lib.reinforcement import CartPole, Rollout, rollout
from tests.plotting.drawn import DARK, WHITE, contrast

IDS = [
    "CartPole-v1",
    "Pendulum-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "FrozenLake-v1",
    "CliffWalking-v1",
]


def film_of(name, seed=0, **options):
    steps = {"steps": 30} if name.startswith(("Cliff", "Mountain")) else {}
    return plotting.watch(rollout(None, name, seed=seed, **steps), name, **options)


def tree(film):
    """The film as XML, which it is, too; names lose their namespace."""
    root = ElementTree.fromstring(film)
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    return root


def ways(film):
    """Where each moving part is in each frame, shape (frames, 3)."""
    found = []
    for node in tree(film).iter("g"):
        if "data-way" in node.attrib:
            rows = [
                [*map(float, pose.split(",")), 0.0, 0.0][:3]
                for pose in node.get("data-way").split(" ")
            ]
            found.append(np.array(rows))
    return found


def made(states, over=False):
    """A rollout of these states, by hand."""
    states = np.asarray(states, np.float32)
    n = len(states) - 1
    ends = np.zeros(n, bool)
    ends[-1] = True
    no = np.zeros(n, bool)
    over, cut = (ends, no) if over else (no, ends)
    return Rollout(states[:-1], no.astype(int), np.ones(n), states[1:], over, no, cut)


@pytest.mark.parametrize("name", IDS)
def test_a_film_is_small_and_told_in_words(name):
    film = film_of(name, title="A <b>", text="Look & see.")
    assert len(film) < 8_000
    assert film == film._repr_html_()
    assert "http://www.w3.org" in film
    assert len(re.findall("http", film)) == 1  # the name of SVG; nothing is loaded
    root = tree(film)
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids)) == 3
    texts = {node.get("id"): node.text for node in root.iter()}
    (svg,) = root.iter("svg")
    assert svg.get("role") == "img"
    assert texts[svg.get("aria-labelledby")].startswith("A <b>: ")
    said = texts[svg.get("aria-describedby")]
    assert len(said.split()) > 25
    assert "Look & see." in said
    (button,) = root.iter("button")
    assert (button.text, button.get("type")) == ("play", "button")
    assert "\n" not in button.get("onclick")


@pytest.mark.parametrize("name", IDS)
def test_two_films_of_a_page_have_ids_of_their_own(name):
    def names(film):
        return set(re.findall(r' id="(.*?)"', film))

    agents.shown.clear()
    first, again, other = film_of(name), film_of(name), film_of(name, seed=5)
    assert not names(first) & names(again)
    assert not names(first) & names(other)
    agents.shown.clear()
    assert film_of(name) == first  # the same in each build


def test_the_cart_and_the_pole_stand_where_they_were():
    states = [[0, 0, 0, 0], [1, 0, 0.1, 0], [-2.4, 0, -0.2, 0]]
    cart, pole, time = ways(plotting.watch(made(states), "CartPole-v1"))
    np.testing.assert_allclose(cart[:, 0], [300, 410, 36])
    np.testing.assert_allclose(pole[:, 0], cart[:, 0])
    # To the right is clockwise, in CartPole and in SVG.
    np.testing.assert_allclose(pole[:, 2], np.degrees([0, 0.1, -0.2]), atol=0.06)
    assert np.ptp(cart[:, 1]) == np.ptp(time[:, 1]) == 0


def test_the_pendulum_turns_the_short_way_and_the_right_way():
    angles = np.array([3.0, 3.3, 2.9])  # through the lowest point, at pi
    states = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    rod, _ = ways(plotting.watch(made(states), "Pendulum-v1"))
    np.testing.assert_allclose(np.diff(rod[:, 2]), np.degrees([-0.3, 0.4]), atol=0.11)
    # A little to the left of upright: Gymnasium draws it at angle + 90 degrees.
    film = plotting.watch(made([[np.cos(0.2), np.sin(0.2), 0]] * 2), "Pendulum-v1")
    np.testing.assert_allclose(ways(film)[0][:, 2], -np.degrees(0.2), atol=0.06)
    assert "in 1 of 1 steps it is within 15" in film


@pytest.mark.parametrize("name", IDS[2:4])
def test_the_car_stands_on_the_hill_and_along_it(name):
    x = np.linspace(-1.2, 0.6, 46)
    film = plotting.watch(made(np.stack([x, 0 * x], axis=1)), name)
    (hill,) = tree(film).iter("polyline")
    points = np.array([p.split(",") for p in hill.get("points").split()], float)
    car = ways(film)[0]
    np.testing.assert_allclose(car[:, :2], points, atol=0.06)
    rise = np.diff(points[:, 1]) / np.diff(points[:, 0])
    middle = (car[1:, 2] + car[:-1, 2]) / 2
    np.testing.assert_allclose(middle, np.degrees(np.arctan(rise)), atol=1.5)


def one_hot(tiles, n):
    return np.eye(n)[tiles]


def test_a_walk_goes_over_the_middle_of_the_tiles():
    film = plotting.watch(made(one_hot([0, 1, 4, 4, 0], 6), over=True), ["S.H", "..G"])
    agent, _ = ways(film)
    size = agents.TILE
    np.testing.assert_allclose(
        (agent[:, :2] - 2) / size,
        [[0.5, 0.5], [1.5, 0.5], [1.5, 1.5], [1.5, 1.5], [0.5, 0.5]],
    )
    assert "right, down, stays, back to the start. It gets to the start." in film
    assert "It ends there." in film
    letters = [node.text for node in tree(film).iter("text")]
    assert letters == ["S", "H", "G"]


def test_maps_come_from_environments():
    env = gym.make("FrozenLake-v1", desc=["SH", "FG"], is_slippery=False)
    episode = rollout(lambda o: np.array([1]), env, steps=1, seed=0)
    film = plotting.watch(episode, env)
    assert "A walk over 2 by 2 tiles: down." in film
    assert film_of("FrozenLake8x8-v1").count("<rect") == 64
    assert film_of("CliffWalking-v1").count(">C</text>") == 10
    assert "CartPole-v1: " in plotting.watch(rollout(None, CartPole(2)), CartPole(1))


def test_the_still_shows_the_first_and_the_last_moment():
    states = np.zeros((40, 4))
    states[:, 0] = np.linspace(-1, 1, 40)
    film = plotting.watch(made(states), "CartPole-v1")
    (still,) = [g for g in tree(film).iter("g") if g.get("class") == "d2-still"]
    moments = [float(g.get("opacity")) for g in still]
    assert moments == sorted(moments)
    assert (len(moments), moments[-1]) == (agents.MOMENTS, 1)
    places = [next(iter(g)).get("transform") for g in still]
    assert places[0].startswith("translate(190 ")
    assert places[-1].startswith("translate(410 ")


def test_a_long_episode_gets_no_more_frames_and_no_more_time():
    states = np.zeros((501, 4))
    states[:, 0] = np.linspace(-2, 2, 501)
    film = plotting.watch(made(states), "CartPole-v1")
    cart, *_ = ways(film)
    assert len(cart) == agents.FRAMES
    np.testing.assert_allclose(np.diff(cart[:, 0]), 440 / (len(cart) - 1), atol=0.11)
    assert 'data-ms="10000"' in film
    assert 'data-ms="2000"' in plotting.watch(made(states[:9]), "CartPole-v1")
    short = plotting.watch(made(states), "CartPole-v1", seconds=3)
    assert 'data-ms="3000"' in short
    assert "takes 3 seconds" in short


def test_an_episode_can_be_chosen():
    episodes = rollout(None, "CartPole-v1", episodes=3, seed=1)
    for number, total in enumerate(episodes.totals):
        film = plotting.watch(episodes, "CartPole-v1", "", number=number)
        assert f": {total:.0f} steps, total reward {total:.0f}<" in film
        lengths = np.diff(np.append(episodes.starts, len(episodes.rewards)))
        assert len(ways(film)[0]) == lengths[number] + 1
    with pytest.raises(ValueError, match="one of the rollout's 3 episodes"):
        plotting.watch(episodes, "CartPole-v1", number=3)


def test_a_world_of_ones_own():
    def lamp(states):
        poses = np.stack([50 * states[:, 0], 0 * states[:, 0], states[:, 1]], axis=1)
        return plotting.Scene(100, 50, "", [('<circle r="9"/>', poses)], "A lamp.")

    film = plotting.watch(made([[0, 0], [1, 90]]), lamp)
    np.testing.assert_allclose(ways(film)[0], [[0, 0, 0], [50, 0, 90]])
    assert "A lamp. The recording stops there." in film
    assert ">lamp: 1 step, total reward 1<" in film


def test_colours_hold_on_both_grounds():
    used = set(re.findall("#[0-9a-f]{6}", "".join(film_of(name) for name in IDS)))
    assert used <= set(plotting.COLORS)
    assert all(contrast(c, ground) >= 3 for c in used for ground in (WHITE, DARK))


@pytest.mark.parametrize(
    ("env", "error", "says"),
    [
        ("Taxi-v4", ValueError, "env must be one of CartPole"),
        (None, ValueError, "env must be one of CartPole"),
        ("Pendulum-v1", ValueError, "whose observations have 3 numbers, got 4"),
        (["SF", "FG"], ValueError, "a world of 2 by 2 numbered tiles"),
        (["SF", "G"], ValueError, "a map needs rows of one length"),
        ([], ValueError, "a map needs rows of one length"),
        (lambda states: "picture", TypeError, "must return a Scene"),
        (
            lambda states: plotting.Scene(9, 9, "", [("", np.zeros((2, 2)))]),
            ValueError,
            "each part of a Scene needs",
        ),
    ],
)
def test_what_cannot_be_drawn(env, error, says):
    episode = rollout(None, "CartPole-v1", steps=1, seed=0)
    with pytest.raises(error, match=says):
        plotting.watch(episode, env)


def test_what_is_no_episode():
    with pytest.raises(TypeError, match="episode must be a Rollout"):
        plotting.watch([1, 2], "CartPole-v1")
    episode = rollout(None, "CartPole-v1", seed=0)
    with pytest.raises(ValueError, match="seconds must be a finite number > 0"):
        plotting.watch(episode, "CartPole-v1", seconds=0)
