// A grid world: build it by clicks, let Q-learning walk in it, watch values and arrows.
explorable.model.gridworld = {
  MOVES: [[0, -1], [1, 0], [0, 1], [-1, 0]], // left, down, right, up: (down, right)
  PAYS: { G: 1, g: 0.3, H: -1 },
  // Where action a leads from tile s, what that pays, and whether the walk is over.
  move(tiles, s, a) {
    const { MOVES, PAYS } = explorable.model.gridworld;
    if (tiles[s] in PAYS) return { after: s, reward: 0, over: true };
    const i = Math.floor(s / 4) + MOVES[a][0], j = s % 4 + MOVES[a][1], to = 4 * i + j;
    const after = i < 0 || i > 3 || j < 0 || j > 3 || tiles[to] === "#" ? s : to;
    return { after, reward: PAYS[tiles[after]] ?? 0, over: tiles[after] in PAYS };
  },
  // One update of the table; returns the next tile.
  update(q, tiles, s, a, gamma, alpha) {
    const { after, reward, over } = explorable.model.gridworld.move(tiles, s, a);
    q[s][a] += alpha * (reward + (over ? 0 : gamma * Math.max(...q[after])) - q[s][a]);
    return over ? tiles.indexOf("S") : after;
  },
  zeros: () => Array.from({ length: 16 }, () => [0, 0, 0, 0]),
  learn(tiles, actions, gamma, alpha) {
    const { update, zeros } = explorable.model.gridworld, q = zeros();
    actions.reduce((s, a) => update(q, tiles, s, a, gamma, alpha), tiles.indexOf("S"));
    return q;
  },
  // The tiles on which one can come to stand.
  reached(tiles) {
    const found = [tiles.indexOf("S")];
    for (const s of found) for (const a of [0, 1, 2, 3]) {
      const { after, over } = explorable.model.gridworld.move(tiles, s, a);
      if (!over && !found.includes(after)) found.push(after);
    }
    return found.sort((a, b) => a - b);
  },
  // Value iteration, until nothing changes.
  exact(tiles, gamma) {
    const { move, zeros } = explorable.model.gridworld;
    let q = zeros();
    for (let sweep = 0, change = 1; change > 1e-10 && sweep < 5000; sweep++) {
      const next = q.map((row, s) => row.map((_, a) => {
        const { after, reward, over } = move(tiles, s, a);
        return reward + (over ? 0 : gamma * Math.max(...q[after]));
      }));
      change = Math.max(...next.flatMap((row, s) => row.map((v, a) => Math.abs(v - q[s][a]))));
      q = next;
    }
    return q;
  },
};

explorable("gridworld", ui => {
  const { update, exact, reached, zeros, MOVES, PAYS } = explorable.model.gridworld, { make, set, fixed } = ui;
  const MOST = 5000, KINDS = ".#GgH", NAMES = { ".": "free", "#": "a wall", G: "the goal, 1", g: "a small prize, 0.3", H: "a hole, −1", S: "the start" };
  const tiles = ui.state("map", { value: "S..g.#.#.....H.G", parse: text => /^S[.#GgH]{15}$/.test(text) ? text : undefined });
  const gamma = ui.range("gamma", { label: "Discount γ", min: 0.1, max: 0.99, step: 0.01, value: 0.9 });
  const alpha = ui.range("alpha", { label: "Rate α", min: 0.05, max: 1, step: 0.05, value: 1 });
  const epsilon = ui.range("epsilon", { label: "Exploration ε", min: 0, max: 1, step: 0.05, value: 1 });
  const steps = ui.state("steps", { value: 0, parse: text => /^\d{1,4}$/.test(text) && +text <= MOST ? +text : undefined });

  // All steps are walked again from the first, unless only further ones are wanted.
  let walk = {};
  const walked = () => {
    const key = [tiles.value, gamma.value, alpha.value, epsilon.value].join(" ");
    if (walk.key !== key || walk.n > steps.value)
      walk = { key, n: 0, s: 0, ends: 0, q: zeros(), next: explorable.chance(1), actions: [] };
    for (; walk.n < steps.value; walk.n++) {
      const row = walk.q[walk.s], best = row.flatMap((v, a) => v === Math.max(...row) ? [a] : []);
      const any = walk.next() < epsilon.value, a = any ? Math.floor(4 * walk.next()) : best[Math.floor(best.length * walk.next())];
      const before = walk.q[walk.s][a], from = walk.s;
      walk.s = update(walk.q, tiles.value, walk.s, a, gamma.value, alpha.value);
      walk.last = { from, a, before, now: walk.q[from][a] };
      walk.actions.push(a);
      const { over } = explorable.model.gridworld.move(tiles.value, from, a);
      walk.ends += over;
    }
    return walk;
  };
  const more = n => {
    if (steps.value >= MOST) return false;
    steps.set(Math.min(MOST, steps.value + n));
  };
  ui.button("Step", () => more(1));
  ui.button("100 steps", () => more(100));
  ui.loop(() => more(1), "Walk", 80);
  ui.button("Forget", () => steps.set(0));

  // The map: one tile has the focus, arrow keys move it, Enter or a click changes it.
  const node = make("svg:svg", { viewBox: "0 0 372 372", role: "grid", "aria-label": "The map. Arrow keys move, Enter changes a tile" });
  let here = 1;
  const change = s => {
    if (s === 0) return ui.say("The start stays where it is. Change another tile.");
    const kind = KINDS[(KINDS.indexOf(tiles.value[s]) + 1) % KINDS.length];
    tiles.set(tiles.value.slice(0, s) + kind + tiles.value.slice(s + 1));
  };
  const focus = s => {
    set(cells[here].node, { tabindex: -1 });
    set(cells[here = s].node, { tabindex: 0 });
    cells[s].node.focus();
  };
  const KEYS = { ArrowLeft: 0, ArrowDown: 1, ArrowRight: 2, ArrowUp: 3 };
  const cells = Array.from({ length: 16 }, (_, s) => {
    const floor = make("svg:rect", { x: 2, y: 2, width: 88, height: 88, rx: 4, class: "tile" });
    const letter = make("svg:text", { x: 9, y: 21, class: "name" }), value = make("svg:text", { x: 46, y: 84, "text-anchor": "middle" });
    const arrows = MOVES.map(([down, right]) => make("svg:path", { class: "arrow",
      d: "M-4 0V-16H-9L0 -27L9 -16H4V0Z", transform: `translate(46 42) rotate(${down < 0 ? 0 : down > 0 ? 180 : 90 * right})` }));
    const node = make("svg:g", {
      class: "explorable-tile", role: "gridcell", tabindex: s === here ? 0 : -1, transform: `translate(${93 * (s % 4)} ${93 * Math.floor(s / 4)})`,
      click: () => { focus(s); change(s); },
      keydown: event => {
        if (event.key === "Enter" || event.key === " ") change(s);
        else if (event.key in KEYS) {
          const i = Math.floor(s / 4) + MOVES[KEYS[event.key]][0], j = s % 4 + MOVES[KEYS[event.key]][1];
          if (i >= 0 && i < 4 && j >= 0 && j < 4) focus(4 * i + j);
        } else return;
        event.preventDefault();
      },
    }, floor, ...arrows, letter, value);
    return { node, floor, letter, value, arrows };
  });
  for (let i = 0; i < 4; i++) node.append(make("svg:g", { role: "row" }, ...cells.slice(4 * i, 4 * i + 4).map(cell => cell.node)));
  const agent = node.appendChild(make("svg:circle", { r: 9, class: "agent" }));

  const ACTIONS = ["left", "down", "right", "up"];
  const shown = Object.fromEntries(["Steps, walks ended", "Last update", ...ACTIONS.map(a => `Q(S, ${a})`), "Exact value of S", "Largest error"].map(n => [n, ui.number(n)]));
  ui.draw(() => {
    const { q, s, ends, last, n } = walked(), right = exact(tiles.value, gamma.value), reach = reached(tiles.value);
    let error = 0;
    cells.forEach((cell, k) => {
      const kind = tiles.value[k], acts = kind === "." || kind === "S", top = Math.max(...q[k]), known = acts && q[k].some(Boolean);
      if (reach.includes(k)) error = Math.max(error, ...q[k].map((v, a) => Math.abs(v - right[k][a])));
      set(cell.node, { "aria-label": `Row ${Math.floor(k / 4) + 1}, column ${k % 4 + 1}: ${NAMES[kind]}${acts ? `, value ${fixed(top)}` : ""}` });
      set(cell.floor, { class: `tile ${kind === "#" ? "wall" : ""}` });
      cell.letter.textContent = acts && kind !== "S" || kind === "#" ? "" : kind;
      cell.value.textContent = acts ? fixed(top) : kind in PAYS ? `pays ${PAYS[kind]}`.replace("-", "−") : "";
      cell.arrows.forEach((arrow, a) => set(arrow, { visibility: known && top - q[k][a] < 1e-9 ? "visible" : "hidden" }));
    });
    set(agent, { cx: 93 * (s % 4) + 76, cy: 93 * Math.floor(s / 4) + 18 });
    shown["Steps, walks ended"](`${n}, ${ends}`);
    shown["Last update"](last ? `${ACTIONS[last.a]}: ${fixed(last.before)} → ${fixed(last.now)}` : "none yet");
    ACTIONS.forEach((name, a) => shown[`Q(S, ${name})`](fixed(q[0][a], 3)));
    shown["Exact value of S"](fixed(Math.max(...right[0]), 3));
    shown["Largest error"](fixed(error, 3));
    const unpaid = ![...tiles.value].some(kind => kind in PAYS);
    ui.say(unpaid ? "Nothing pays on this map, so no walk ends and all values stay 0."
      : `After ${n} steps, ${ends} walks have ended, and the largest error of the table is ${fixed(error, 3)}.`);
  });
  ui.code(() => `import gymnasium as gym
from d2lib.reinforcement import q_learning, value_iteration

TILES, PAYS = "${tiles.value}", {"G": 1.0, "g": 0.3, "H": -1.0}
MOVES = (0, -1), (1, 0), (0, 1), (-1, 0)  # left, down, right, up

class Grid(gym.Env):
    observation_space, action_space = gym.spaces.Discrete(16), gym.spaces.Discrete(4)

    def __init__(self):
        self.P = {s: {a: [self.move(s, a)] for a in range(4)} for s in range(16)}

    def move(self, s, a):
        if TILES[s] in PAYS:
            return 1.0, s, 0.0, True
        i, j = s // 4 + MOVES[a][0], s % 4 + MOVES[a][1]
        free = 0 <= i < 4 and 0 <= j < 4 and TILES[4 * i + j] != "#"
        after = 4 * i + j if free else s
        return 1.0, after, PAYS.get(TILES[after], 0.0), TILES[after] in PAYS

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = 0
        return 0, {}

    def step(self, a):
        [(_, self.s, reward, over)] = self.P[self.s][int(a)]
        return self.s, reward, over, False, {}

# The same rules with NumPy's luck: the way there differs, the end doesn't.
learnt = q_learning(Grid(), ${Math.max(1, steps.value)}, gamma=${gamma.value}, alpha=${alpha.value}, epsilon=${epsilon.value}, seed=0)
print(learnt.values.max(axis=1).reshape(4, 4).round(2))
print(value_iteration(Grid(), gamma=${gamma.value}).max(axis=1).reshape(4, 4).round(2))`);
  return node;
});
