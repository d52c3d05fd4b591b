"""An agent at work: a small film in SVG, drawn from the states that were recorded.

A film is a few kilobytes of text and needs neither a screen nor pygame. It stands still
until somebody presses its button, and plays once. Its still, a few moments laid over
each other, is also what is printed, and what one sees where no script runs.
"""

from __future__ import annotations

import hashlib
import html
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from d2lib._checks import check_count, check_positive, short
from d2lib._types import Array
from d2lib.plotting.style import COLORS

__all__ = ["Film", "Scene", "watch"]

MOMENTS = 7  # of the still
FRAMES = 120  # of the film, at most
SHORTEST, LONGEST = 2.0, 10.0  # seconds, unless told otherwise
BAR = 24  # pixels below the scene, for how far it is

# Without a script there is nothing to press; on paper there is not either.
STYLE = (
    "<style>.d2-agent .d2-film{display:none}.d2-agent.on .d2-film{display:inline}"
    ".d2-agent.on .d2-still{display:none}.d2-agent button{font:inherit;"
    "color:inherit;background:none;border:1px solid;border-radius:4px;"
    "padding:.1em .8em;margin-right:.6em;cursor:pointer}"
    "@media print{.d2-agent button,.d2-agent.on .d2-film{display:none}"
    ".d2-agent.on .d2-still{display:inline}}</style>"
    "<noscript><style>.d2-agent button{display:none}</style></noscript>"
)
# Each moving part says in data-way where it is: x, y and angle, frame by frame.
SCRIPT = (
    "var b=this,d=b.parentNode,on=b.textContent=='play';"
    "d.f=d.f||[...d.querySelectorAll('[data-way]')].map(g=>g.animate("
    "g.dataset.way.split(' ').map(p=>(p=p.split(','),{transform:"
    "`translate(${p[0]}px,${p[1]||0}px) rotate(${p[2]||0}deg)`})),"
    "{duration:+d.dataset.ms,fill:'both'}));"
    "d.classList.add('on');d.f.forEach(a=>on?a.play():a.pause());"
    "d.f[0].onfinish=()=>b.textContent='play';b.textContent=on?'pause':'play'"
)

shown: Counter[str] = Counter()  # how often each film was made: ids are unique


class Film(str):
    """A film as HTML: a string that a notebook shows as what it stands for."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<Film of {len(self):,} characters>"


class Scene(NamedTuple):
    """How a world looks in each of its states.

    Attributes:
        width: of the picture, in pixels.
        height: of the picture; y grows downwards.
        ground: what never moves, as SVG.
        parts: what moves: pairs of a shape, as SVG around (0, 0), and where it is in
            each state, shape (states, 3): x, y, and by how many degrees it is turned
            clockwise.
        says: what happens, in words.
        seconds: how long a step takes in that world.
    """

    width: float
    height: float
    ground: str
    parts: Sequence[tuple[str, Array]]
    says: str = ""
    seconds: float = 0.05


def watch(
    episode: Any,
    env: Any,
    title: str | None = None,
    text: str = "",
    number: int = 0,
    seconds: float | None = None,
) -> Film:
    """Shows what happened in an episode, as a film that plays when one wants it.

    It is inline SVG, made from the states alone. Until its button is pressed, and
    wherever it cannot be, it shows a few moments over each other, the earlier ones
    fainter. Nothing moves by itself. What one sees is told in words, too.

    Args:
        episode: a `Rollout`, as `rollout` returns it.
        env: what is to be drawn: "CartPole-v1", "Pendulum-v1", "MountainCar-v0",
            "MountainCarContinuous-v0", "FrozenLake-v1", "CliffWalking-v1", such an
            environment, or any with a map ``desc``; a map, as a list of rows such as
            ``["S.H", "..G"]``; or a function that makes a `Scene` from the observations
            of all states, shape (steps + 1, inputs).
        title: what to call it, for example "After 2,000 steps"; None: by its world.
        text: what to say about it beyond what the states say.
        number: which episode of the rollout, counted from 0.
        seconds: how long the film is; None: as long as the episode, but 2 at least and
            10 at most.

    Returns:
        The `Film`: HTML, which a notebook shows.

    Raises:
        ValueError: a world that is not known here, observations that are not of it, or
            an episode that is not there.
        TypeError: what is no rollout, and a number or seconds that are none.

    Example:
        >>> from d2lib.reinforcement import rollout
        >>> episode = rollout(None, "CartPole-v1", seed=0)
        >>> watch(episode, "CartPole-v1", title="At random")
        <Film of ... characters>
    """
    states, rewards, end = _states(episode, check_count(number, "number"))
    name, look = _look(env)
    scene = _checked(look(states), len(states))
    if seconds is None:
        seconds = float(np.clip(len(rewards) * scene.seconds, SHORTEST, LONGEST))
    seconds = check_positive(seconds, "seconds")
    steps = f"{len(rewards)} step" + "s" * (len(rewards) != 1)
    title = f"{name if title is None else title}: {steps}, total reward "
    title += f"{rewards.sum():.4g}".replace("-", "−")
    said = " ".join(part for part in (scene.says, end, text) if part)
    return Film(_written(scene, title, said, seconds, len(rewards)))


def _states(episode: Any, number: int) -> tuple[Array, Array, str]:
    """The states of an episode, one more than its rewards, and how it ended."""
    needs = ("observations", "following", "rewards", "starts", "ends", "terminated")
    if not all(hasattr(episode, name) for name in needs):
        raise TypeError(
            f"episode must be a Rollout, as rollout returns it, got {short(episode)}"
        )
    starts = episode.starts
    if number >= len(starts):
        raise ValueError(
            f"number must be one of the rollout's {len(starts)} episodes, counted from "
            f"0, got {number}"
        )
    first = starts[number]
    last = np.append(starts[1:], len(episode.rewards))[number] - 1
    states = np.concatenate(
        [episode.observations[first : last + 1], episode.following[last : last + 1]]
    ).astype(np.float64)
    if episode.terminated[last]:
        end = "It ends there."
    elif episode.truncated[last]:
        end = "It is left there, by the time limit."
    else:
        end = "The recording stops there."
    return states, episode.rewards[first : last + 1], end


def _checked(scene: Any, n: int) -> Scene:
    """A scene that somebody else may have made."""
    if not isinstance(scene, Scene) or not scene.parts:
        raise TypeError(
            f"what draws a world must return a Scene with parts, got {short(scene)}"
        )
    for _, poses in scene.parts:
        if np.shape(poses) != (n, 3) or not np.isfinite(poses).all():
            raise ValueError(
                f"each part of a Scene needs finite x, y and angle of all {n} states, "
                f"shape ({n}, 3), got shape {np.shape(poses)}"
            )
    return scene


# What is written ----------------------------------------------------------------------


def _written(scene: Scene, title: str, said: str, seconds: float, steps: int) -> str:
    """The film as HTML."""
    width, height = scene.width, scene.height + BAR
    still = _still(scene)
    film = "".join(
        f'<g data-way="{_way(poses)}">{shape}</g>' for shape, poses in scene.parts
    )
    line = (scene.height + 8, 10, width - 10)
    film += (
        f'<path d="M{line[1]} {line[0]}H{_n(line[2])}" stroke-width="1"/>'
        f'<g data-way="{line[1]},{line[0]} {_n(line[2])},{line[0]}">'
        '<circle r="5" fill="currentColor"/></g>'
    )
    said += (
        f" The still shows {len(_moments(scene))} moments of it, the earlier ones "
        f"fainter; the film takes {seconds:.3g} seconds."
    )
    drawn = (
        f'<g fill="none" stroke="currentColor" stroke-width="2">{scene.ground}'
        f'<g class="d2-still">{still}</g><g class="d2-film">{film}</g></g>'
    )
    content = f"{title}{said}{drawn}{seconds}"
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    shown[mark] += 1
    mark = f"agent-{mark}" + (f"-{shown[mark]}" if shown[mark] > 1 else "")
    title, said = html.escape(title), html.escape(said.strip())
    return (
        f'<div class="d2-agent" id="{mark}" data-ms="{1000 * seconds:.0f}">{STYLE}'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} '
        f'{_n(height)}" role="img" aria-labelledby="{mark}-t" '
        f'aria-describedby="{mark}-d" style="display:block;max-width:{width:.0f}px">'
        f'<title id="{mark}-t">{title}</title><desc id="{mark}-d">{said}</desc>'
        f'{drawn}</svg><button type="button" aria-describedby="{mark}-t" '
        f'onclick="{SCRIPT}">play</button><span aria-hidden="true">{title}</span></div>'
    )


def _moments(scene: Scene) -> Array:
    """Which states the still shows."""
    n = len(scene.parts[0][1])
    shown: Array = np.unique(np.linspace(0, n - 1, min(MOMENTS, n)).round().astype(int))
    return shown


def _still(scene: Scene) -> str:
    """A few moments over each other, the last one as it is, the others fainter."""
    moments = _moments(scene)
    drawn = ""
    for i, moment in enumerate(moments, 1):
        at = "".join(
            f'<g transform="{_transform(poses[moment])}">{shape}</g>'
            for shape, poses in scene.parts
        )
        opacity = 1 if i == len(moments) else 0.15 + 0.4 * i / len(moments)
        drawn += f'<g opacity="{_n(opacity, 2)}">{at}</g>'
    return drawn


def _transform(pose: Array) -> str:
    x, y, angle = pose
    turned = f" rotate({_n(angle)})" if _n(angle) != "0" else ""
    return f"translate({_n(x)} {_n(y)}){turned}"


def _way(poses: Array) -> str:
    """Where a part is in each frame; between two states where there are too many."""
    poses = np.asarray(poses, np.float64)
    if len(poses) > FRAMES:
        times = np.linspace(0, len(poses) - 1, FRAMES)
        states = np.arange(len(poses))
        poses = np.stack([np.interp(times, states, c) for c in poses.T], axis=1)
    return " ".join(",".join(map(_n, pose)).removesuffix(",0") for pose in poses)


def _n(number: float, digits: int = 1) -> str:
    """A number in as few characters as will do."""
    text = f"{number:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{number:.0f}"
    return "0" if text in ("-0", "") else text


# Worlds -------------------------------------------------------------------------------


def _look(env: Any) -> tuple[str, Callable[[Array], Scene]]:
    """What the world is called, and what draws it."""
    if isinstance(env, (list, tuple, np.ndarray)):
        return "A walk", _grid(env)
    if callable(env) and not hasattr(env, "step"):
        return getattr(env, "__name__", "An episode"), env
    name = env if isinstance(env, str) else getattr(_spec(env), "id", "")
    rows = None if isinstance(env, str) else getattr(_bare(env), "desc", None)
    if rows is None and isinstance(env, str) and name.startswith("FrozenLake"):
        from d2lib.reinforcement.environments import opened

        (made,), _, _ = opened(env, 1)
        rows = made.unwrapped.desc
        made.close()
    if rows is not None:
        return name or type(_bare(env)).__name__, _grid(rows)
    for known, look in LOOKS.items():
        if name.startswith(known):
            return name, look
    raise ValueError(
        f"env must be one of {', '.join(LOOKS)}, FrozenLake, a map, or a function that "
        f"makes a Scene from observations, got {short(env)}"
    )


def _bare(env: Any) -> Any:
    return getattr(env, "unwrapped", env)


def _spec(env: Any) -> Any:
    return getattr(env, "spec", None)


def _of(states: Array, inputs: int, name: str) -> Array:
    """Observations in columns, of which there must be so many."""
    if states.shape[1] != inputs:
        raise ValueError(
            f"episode must be one of {name}, whose observations have {inputs} numbers, "
            f"got {states.shape[1]}: pass the environment that it was recorded in"
        )
    return states.T


def _cart_pole(states: Array) -> Scene:
    x, _, angle, _ = _of(states, 4, "CartPole")
    at, degrees = 300 + 110 * x, np.degrees(angle)
    level, still = np.full(len(x), 150.0), np.zeros(len(x))
    ground = '<path d="M0 152H600"/><path d="M36 144v16M564 144v16"/>'
    cart = f'<rect x="-25" y="-26" width="50" height="26" fill="{COLORS[0]}"/>'
    pole = f'<rect x="-5" y="-110" width="10" height="115" rx="4" fill="{COLORS[1]}"/>'
    says = (
        f"A cart on a track, with a pole on a hinge. The cart moves between "
        f"{x.min():.2f} and {x.max():.2f} m of the middle, and the pole leans by up "
        f"to {np.abs(degrees).max():.0f} degrees."
    )
    return Scene(
        600,
        165,
        ground,
        [
            (cart, np.stack([at, level, still], axis=1)),
            (pole, np.stack([at, level - 20, degrees], axis=1)),
        ],
        says,
        0.02,
    )


def _pendulum(states: Array) -> Scene:
    x, y, _ = _of(states, 3, "Pendulum")
    angle = np.degrees(np.unwrap(np.arctan2(y, x)))  # 0 is up, more is to the left
    middle = np.full(len(x), 150.0)
    rod = (
        f'<path d="M-7 6V-100H7V6Z" fill="{COLORS[1]}"/>'
        f'<circle cy="-106" r="14" fill="{COLORS[1]}"/>'
    )
    ground = (
        '<circle cx="150" cy="150" r="120" stroke-width="1" stroke-dasharray="3 6"/>'
        '<circle cx="150" cy="150" r="4" fill="currentColor"/>'
        '<path d="M150 14v12"/>'
    )
    lean = np.abs((angle + 180) % 360 - 180)
    says = (
        f"A rod that swings round one of its ends. It starts {lean[0]:.0f} degrees "
        f"from upright and is {lean[-1]:.0f} degrees from it in the end; in "
        f"{np.count_nonzero(lean[1:] < 15)} of {len(x) - 1} steps it is within 15."
    )
    return Scene(
        300, 300, ground, [(rod, np.stack([middle, middle, -angle], axis=1))], says
    )


def _mountain_car(goal: float) -> Callable[[Array], Scene]:
    def look(states: Array) -> Scene:
        x, _ = _of(states, 2, "MountainCar")

        def place(x: Array) -> tuple[Array, Array]:
            return 20 + 311 * (x + 1.2), 320 - 280 * (0.45 * np.sin(3 * x) + 0.55)

        hill = " ".join(
            f"{_n(a)},{_n(b)}"
            for a, b in zip(*place(np.linspace(-1.2, 0.6, 46)), strict=True)
        )
        flag = " ".join(_n(float(c)) for c in place(np.array(goal)))
        ground = (
            f'<polyline points="{hill}"/>'
            f'<path d="M{flag}v-44l22 9l-22 9" fill="{COLORS[2]}"/>'
        )
        car = (
            f'<rect x="-22" y="-26" width="44" height="16" rx="3" fill="{COLORS[0]}"/>'
            '<circle cx="-12" cy="-7" r="6" fill="currentColor"/>'
            '<circle cx="12" cy="-7" r="6" fill="currentColor"/>'
        )
        slope = -np.degrees(np.arctan(280 * 1.35 / 311 * np.cos(3 * x)))
        says = (
            f"A car in a valley. It starts at {x[0]:.2f}, gets as far as {x.max():.2f} "
            f"to the right and {x.min():.2f} to the left; the flag stands at {goal:g}."
        )
        return Scene(
            600, 305, ground, [(car, np.stack([*place(x), slope], axis=1))], says, 0.03
        )

    return look


WALKS = {
    (0, 1): "right",
    (0, -1): "left",
    (1, 0): "down",
    (-1, 0): "up",
    (0, 0): "stays",
}
FEW = 12  # moves that are told one by one
TILE = 60


def _grid(rows: Any) -> Callable[[Array], Scene]:
    """What draws a walk over tiles, from a map: rows of letters."""
    letters = [
        [c.decode() if isinstance(c, bytes) else str(c) for c in row]
        for row in (r.decode() if isinstance(r, bytes) else r for r in rows)
    ]
    height, width = len(letters), len(letters[0]) if letters else 0
    if not width or any(len(row) != width for row in letters):
        raise ValueError(f"a map needs rows of one length, got {short(rows)}")

    def look(states: Array) -> Scene:
        if (
            states.shape[1] != height * width
            or not ((states.sum(axis=1) == 1) & (states.max(axis=1) == 1)).all()
        ):
            raise ValueError(
                f"episode must be one of a world of {height} by {width} numbered "
                f"tiles, got observations of {states.shape[1]} numbers"
            )
        tiles = np.stack(np.divmod(states.argmax(axis=1), width), axis=1)
        middle = (tiles + 0.5) * TILE + 2  # (states, 2): down, right
        agent = f'<circle r="13" fill="{COLORS[1]}"/>'
        poses = np.stack([middle[:, 1], middle[:, 0], np.zeros(len(tiles))], axis=1)
        way = " ".join(f"{_n(x)},{_n(y)}" for x, y, _ in _turns(poses))
        ground = _tiles(letters) + (
            f'<polyline points="{way}" stroke="{COLORS[1]}" stroke-dasharray="6 4"/>'
        )
        return Scene(
            width * TILE + 4,
            height * TILE + 6,
            ground,
            [(agent, poses)],
            _walk(letters, tiles),
            0.4,
        )

    return look


def _turns(poses: Array) -> Array:
    """Places without those at which it goes on straight, or stays."""
    keep = [poses[0]]
    for before, here, after in zip(poses, poses[1:], poses[2:], strict=False):
        if not np.array_equal(here - before, after - here):
            keep.append(here)
    return np.array([*keep, poses[-1]])


def _tiles(letters: list[list[str]]) -> str:
    """The map: water and cliffs are dark, walls full, and every special tile named."""
    drawn = ""
    for i, row in enumerate(letters):
        for j, letter in enumerate(row):
            x, y = j * TILE + 2, i * TILE + 2
            fill = {"H": COLORS[5], "C": COLORS[5], "#": "currentColor"}.get(letter)
            shade = f' fill="{fill}" fill-opacity=".45"' if fill else ""
            drawn += (
                f'<rect x="{x}" y="{y}" width="{TILE}" height="{TILE}" '
                f'stroke-width="1"{shade}/>'
            )
            if letter not in "F.# ":
                drawn += (
                    f'<text x="{x + 5}" y="{y + 18}" font-size="17" stroke="none" '
                    f'fill="currentColor">{html.escape(letter)}</text>'
                )
    return drawn


def _walk(letters: list[list[str]], tiles: Array) -> str:
    """A walk in words."""
    kinds = {"S": "the start", "G": "the goal", "H": "a hole", "C": "the cliff"}
    moves = [
        WALKS.get((int(down), int(right)), "back to the start")
        for down, right in np.diff(tiles, axis=0)
    ]
    told = ", ".join(moves[:FEW]) + (", and so on" if len(moves) > FEW else "")
    i, j = tiles[-1]
    where = kinds.get(letters[i][j], f"row {i + 1}, column {j + 1}")
    return (
        f"A walk over {len(letters)} by {len(letters[0])} tiles: {told}. It gets to "
        f"{where}."
    )


CLIFF = ["." * 12] * 3 + ["S" + "C" * 10 + "G"]
LOOKS: dict[str, Callable[[Array], Scene]] = {
    "CartPole": _cart_pole,
    "Pendulum": _pendulum,
    "MountainCarContinuous": _mountain_car(0.45),
    "MountainCar": _mountain_car(0.5),
    "CliffWalking": _grid(CLIFF),
}
