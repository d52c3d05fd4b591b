// Six rules of the library, one start, one surface.
(() => {
  const model = explorable.model.race = {
    dents: [[1.6, -2, 1.2, 0.6], [1, -1.2, -1.8, 0.5], [2.2, 1.8, -0.9, 0.9], [-1.2, 0.1, 0.6, 0.5], [0.9, 2.6, 1.9, 0.5]],
    // Each gives the loss at (a, b), and its two slopes.
    surfaces: {
      valley: (a, b) => [0.5 * (a * a + 50 * (b * b)), a, 50 * b],
      turned: (a, b) => {
        const s = a + b, d = b - a;
        return [0.25 * (s * s + 50 * (d * d)), 0.5 * s - 25 * d, 0.5 * s + 25 * d];
      },
      saddle: (a, b) => [0.5 * (b * b) - 0.25 * (a * a) + a * a * (a * a) * 0.03125, -0.5 * a + 0.125 * a * a * a, b],
      bumpy: (a, b) => {
        let loss = 0.1 * (a * a + b * b), da = 0.2 * a, db = 0.2 * b;
        for (const [depth, p, q, width] of model.dents) {
          const e = depth * Math.exp(((a - p) * (a - p) + (b - q) * (b - q)) * (-1 / width));
          loss -= e;
          da += e * 2 * (a - p) / width;
          db += e * 2 * (b - q) / width;
        }
        return [loss, da, db];
      },
    },
    // For one weight: the step from the gradient g, the rate, and what is kept in s.
    rules: {
      SGD: (g, lr) => -lr * g,
      Momentum: (g, lr, s) => (s.v = 0.9 * s.v - lr * g),
      Adagrad: (g, lr, s) => (s.n += g * g, -lr * (g / Math.sqrt(s.n + 1e-7))),
      RMSProp: (g, lr, s) => (s.n = s.n * 0.9 + g * g * (1 - 0.9), -lr * (g / Math.sqrt(s.n + 1e-8))),
      Adadelta: (g, lr, s) => {
        s.n = s.n * 0.9 + g * g * (1 - 0.9);
        const delta = Math.sqrt((s.d + 1e-5) / (s.n + 1e-5)) * g;
        s.d = s.d * 0.9 + delta * delta * (1 - 0.9);
        return -lr * delta;
      },
      Adam: (g, lr, s) => {
        s.t++;
        s.v = s.v * 0.9 + g * (1 - 0.9);
        s.n = s.n * 0.999 + g * g * (1 - 0.999);
        const root = Math.sqrt(1 - 0.999 ** s.t);
        return -(lr * root / (1 - 0.9 ** s.t)) * (s.v / (Math.sqrt(s.n) + 1e-8 * root));
      },
    },
    run(name, surface, lr, start, steps) {
      const rule = model.rules[name], loss = model.surfaces[surface];
      const w = [...start], kept = w.map(() => ({ v: 0, n: 0, d: 0, t: 0 }));
      const places = [[...w]], losses = [];
      for (let step = 0; ; step++) {
        const [value, ...slopes] = loss(...w);
        losses.push(value);
        if (step === steps) return { places, losses };
        slopes.forEach((g, i) => (w[i] += rule(g, name === "Adadelta" ? 1 : lr, kept[i])));
        places.push([...w]);
      }
    },
  };

  explorable("race", ui => {
    const { make, set, fixed } = ui, MOST = 200;
    const names = Object.keys(model.rules);
    const colors = ["#0072b2", "#d55e00", "#009e73", "#c95fa8", "#8a4fd8", "#7d7d7d"];
    const shapes = ["M-4-4H4V4H-4Z", "M0-5L5 4H-5Z", "M-5 0L0-5 5 0 0 5Z", "M0 5L5-4H-5Z", "M-4-1.5H-1.5V-4H1.5V-1.5H4V1.5H1.5V4H-1.5V1.5H-4Z", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z"];
    const plot = ui.plot({ x: [-4, 4], y: [-3, 3], xlabel: "w₀", ylabel: "w₁", height: 330, label: "The loss over two weights" });
    const map = explorable.contours(plot);
    const paths = names.map((_, i) => plot.path({ stroke: colors[i], "stroke-width": 2 }));
    const marks = names.map((_, i) => plot.inner.appendChild(make("svg:path", { d: shapes[i], fill: colors[i], class: "edge" })));
    const surface = ui.choice("f", { label: "Surface", value: "valley", options: [
      ["valley", "a valley 50 times as steep across"], ["turned", "the same valley, turned by 45°"],
      ["saddle", "a saddle"], ["bumpy", "a bowl with dents"]] });
    const start = ui.handle("w", plot, { label: "Start of all six", value: [-3.5, 1] });
    const lr = ui.range("lr", { label: "Learning rate η (Adadelta: 1)", min: -3, max: 0, step: 0.1, value: -1.5, text: v => fixed(10 ** v, 3) });
    const steps = ui.range("n", { label: "Steps", min: 0, max: MOST, value: 60, text: String });
    const key = i => make("svg:svg", { viewBox: "-6 -6 12 12", width: 12, height: 12, "aria-hidden": true }, make("svg:path", { d: shapes[i], fill: colors[i] }));
    const shown = names.map((name, i) => ui.number(make("span", {}, key(i), ` ${name}: loss`)));
    const rate = () => +(10 ** lr.value).toPrecision(4);
    ui.loop(() => steps.value < MOST && steps.set(steps.value + 1), "Race", 60);
    ui.button("Back to the start", () => steps.set(0));

    let drawn;
    ui.draw(() => {
      if (drawn !== surface.value) map((a, b) => model.surfaces[drawn](a, b)[0], drawn = surface.value);
      const losses = names.map((name, i) => {
        const way = model.run(name, surface.value, rate(), start.value, steps.value);
        const [a, b] = way.places.at(-1), [x, y] = plot.to(a, b), loss = way.losses.at(-1);
        set(paths[i], { d: plot.line(way.places) });
        set(marks[i], { transform: `translate(${Math.abs(a) < 1e4 && Math.abs(b) < 1e4 ? `${x} ${y}` : "-99 -99"})` });
        shown[i](Number.isFinite(loss) && Math.abs(loss) < 1e6 ? fixed(loss, 4) : "diverged");
        return Number.isFinite(loss) ? loss : Infinity;
      });
      const lost = names.filter((_, i) => !(losses[i] < 1e6));
      ui.say(steps.value === 0 ? "All six stand at the start."
        : `Lowest after ${steps.value} steps: ${names[losses.indexOf(Math.min(...losses))]}.${lost.length ? ` Diverged: ${lost.join(", ")}.` : ""}`);
    });
    const code = {
      valley: "0.5 * (a * a + 50.0 * (b * b))",
      turned: "0.25 * ((a + b) * (a + b) + 50.0 * ((b - a) * (b - a)))",
      saddle: "0.5 * (b * b) - 0.25 * (a * a) + a * a * (a * a) * 0.03125",
      bumpy: `0.1 * (a * a + b * b) - sum(
        depth * scratch.exp(((a - p) * (a - p) + (b - q) * (b - q)) * (-1 / width))
        for depth, p, q, width in ${JSON.stringify(model.dents)}
    )`,
    };
    ui.code(() => `import numpy as np
from d2lib import scratch

def J(a, b):
    return ${code[surface.value]}

for name in ${JSON.stringify(names)}:
    w = scratch.tensor([${start.value}], np.float64, requires_grad=True)
    rule = getattr(scratch, name)([w], lr=1.0 if name == "Adadelta" else ${rate()})
    for step in range(${steps.value}):
        rule.zero_grad()
        with scratch.record():
            loss = J(w[0], w[1])
        loss.backward()
        rule.step()
    print(f"{name:9} w = {w.data.round(3)}, loss {J(w[0], w[1]).item():.4f}")`);
    return plot.node;
  });
})();
