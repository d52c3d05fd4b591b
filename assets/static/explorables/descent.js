// Gradient descent with momentum on a bowl with dents.
explorable.model.descent = {
  dents: [[1.6, -2, 1.2, 0.6], [1, -1.2, -1.8, 0.5], [2.2, 1.8, -0.9, 0.9], [-1.2, 0.1, 0.6, 0.5], [0.9, 2.6, 1.9, 0.5]],
  // The loss at (a, b), and its two slopes.
  bumpy(a, b) {
    let loss = 0.1 * (a * a + b * b), da = 0.2 * a, db = 0.2 * b;
    for (const [depth, p, q, width] of explorable.model.descent.dents) {
      const e = depth * Math.exp(((a - p) * (a - p) + (b - q) * (b - q)) * (-1 / width));
      loss -= e;
      da += e * 2 * (a - p) / width;
      db += e * 2 * (b - q) / width;
    }
    return [loss, da, db];
  },
  descend(start, lr, momentum, steps) {
    let [a, b] = start, va = 0, vb = 0;
    const places = [[a, b]], losses = [];
    for (let step = 0; ; step++) {
      const [loss, da, db] = explorable.model.descent.bumpy(a, b);
      losses.push(loss);
      if (step === steps) return { places, losses };
      va = momentum * va - lr * da;
      vb = momentum * vb - lr * db;
      places.push([a += va, b += vb]);
    }
  },
};

explorable("descent", ui => {
  const { bumpy, descend } = explorable.model.descent, { make, set, fixed } = ui, MOST = 200;
  const plot = ui.plot({ x: [-4, 4], y: [-3, 3], xlabel: "w₀", ylabel: "w₁", height: 330, label: "The loss over two weights" });
  explorable.contours(plot, (a, b) => bumpy(a, b)[0]);
  const path = plot.path({ class: "ink", "stroke-width": 1.5 });
  const dots = plot.inner.appendChild(make("svg:g", { fill: "#d55e00" }));
  const losses = ui.plot({ x: [0, MOST], y: [-2.5, 3], xlabel: "step", ylabel: "loss", height: 150, label: "The loss at each step" });
  const curve = losses.path({ stroke: "#0072b2", "stroke-width": 2.5 });
  const start = ui.handle("w", plot, { label: "Start", value: [-3, 2.2] });
  const lr = ui.range("lr", { label: "Learning rate η", min: -3, max: 1.2, step: 0.1, value: -1, text: v => fixed(10 ** v, 3) });
  const momentum = ui.range("mu", { label: "Momentum μ", min: 0, max: 0.95, step: 0.05, value: 0 });
  const steps = ui.range("n", { label: "Steps", min: 0, max: MOST, value: 60, text: String });
  const shown = ["w after the last step", "loss", "length of the gradient"].map(ui.number);
  const rate = () => +(10 ** lr.value).toPrecision(4);
  ui.loop(() => steps.value < MOST && steps.set(steps.value + 1), "Walk on", 60);
  ui.button("Back to the start", () => steps.set(0));
  ui.button("Too large a rate", () => { momentum.set(0); lr.set(1.1); steps.set(MOST); });

  ui.draw(() => {
    const n = steps.value, way = descend(start.value, rate(), momentum.value, n);
    const [a, b] = way.places[n], [loss, da, db] = bumpy(a, b);
    set(path, { d: plot.line(way.places) });
    dots.replaceChildren(...way.places.slice(1).filter(p => Math.abs(p[0]) < 5 && Math.abs(p[1]) < 4).map(p => {
      const [cx, cy] = plot.to(...p);
      return make("svg:circle", { cx, cy, r: 3 });
    }));
    set(curve, { d: losses.line(way.losses.map((v, i) => [i, v])) });
    shown[0](`(${fixed(a)}, ${fixed(b)})`);
    shown[1](fixed(loss, 4));
    shown[2](fixed(Math.hypot(da, db), 4));
    const lowest = Math.min(...way.losses);
    ui.say(n === 0 ? "Drag the start, then walk."
      : !(loss < 50) ? "It diverges: each step lands farther away than the one before."
        : Math.hypot(da, db) > 0.01 ? "It is still on its way."
          : loss < -1.8 ? "It has arrived in the deepest dent."
            : lowest < loss - 0.1 ? "It has come to rest in a dent, having passed a lower place."
              : "It has come to rest, in a dent that is not the deepest.");
  });
  ui.code(() => `import numpy as np
from d2lib import scratch

dents = ${JSON.stringify(explorable.model.descent.dents)}
w = scratch.tensor([${start.value}], np.float64, requires_grad=True)
rule = scratch.Momentum([w], lr=${rate()}, momentum=${momentum.value})
for step in range(${steps.value}):
    rule.zero_grad()
    with scratch.record():
        loss = 0.1 * (w * w).sum()
        for depth, p, q, width in dents:
            away = w - np.array([p, q])
            loss = loss - depth * scratch.exp((away * away).sum() * (-1 / width))
    loss.backward()
    rule.step()
print("w =", w.data.round(2))`);
  return make("div", {}, plot.node, losses.node);
});
