// A network of two hidden tanh layers, trained in the page on twelve noisy points.
(() => {
  const model = explorable.model.overfit = {
    // weights: [W1, b1, W2, b2, W3, b3], each one flat array, a row for each input.
    forward(weights, inputs, drop = () => {}) {
      const n = inputs.length, h = [Float64Array.from(inputs, x => 6 * x - 3)];
      for (let k = 0; k < 3; k++) {
        const W = weights[2 * k], b = weights[2 * k + 1], units = b.length, rows = W.length / units;
        const z = new Float64Array(n * units), from = h[k];
        for (let i = 0; i < n; i++)
          for (let j = 0; j < units; j++) {
            let sum = 0;
            for (let r = 0; r < rows; r++) sum += from[i * rows + r] * W[r * units + j];
            sum += b[j];
            z[i * units + j] = k < 2 ? Math.tanh(sum) : sum;
          }
        h.push(z);
        if (k < 2) h[k + 1] = drop(z, k) ?? z;
      }
      return h;
    },
    // A trainer, which keeps what Adam keeps. step(p, masks) takes one step, returns the loss before.
    trainer(first, x, y, lr = 0.02) {
      const weights = first.map(a => Float64Array.from(a));
      const mean = weights.map(a => new Float64Array(a.length)), squares = weights.map(a => new Float64Array(a.length));
      const slopes = weights.map(a => new Float64Array(a.length)), n = x.length;
      let t = 0;
      const step = (p = 0, masks) => {
        const tanh = [], scales = [];
        const h = model.forward(weights, x, p ? (z, k) => {
          tanh[k] = z;
          scales[k] = Float64Array.from(masks[k], m => m * (1 / (1 - p)));
          return z.map((v, i) => v * scales[k][i]);
        } : undefined);
        let loss = 0, up = new Float64Array(n);
        for (let i = 0; i < n; i++) {
          const error = h[3][i] - y[i];
          loss += error * error;
          up[i] = 2 * error / n;
        }
        for (let k = 2; k >= 0; k--) {
          const W = weights[2 * k], units = weights[2 * k + 1].length, rows = W.length / units;
          const dW = slopes[2 * k].fill(0), db = slopes[2 * k + 1].fill(0), down = new Float64Array(n * rows);
          for (let i = 0; i < n; i++)
            for (let j = 0; j < units; j++) {
              const g = up[i * units + j];
              db[j] += g;
              for (let r = 0; r < rows; r++) {
                dW[r * units + j] += h[k][i * rows + r] * g;
                down[i * rows + r] += g * W[r * units + j];
              }
            }
          if (k) {
            const y = p ? tanh[k - 1] : h[k], scale = scales[k - 1];
            up = down.map((g, i) => (scale ? g * scale[i] : g) * (1 - y[i] * y[i]));
          }
        }
        t++;
        const root = Math.sqrt(1 - 0.999 ** t), rate = lr * root / (1 - 0.9 ** t), eps = 1e-8 * root;
        weights.forEach((w, a) => {
          const m = mean[a], v = squares[a], g = slopes[a];
          for (let i = 0; i < w.length; i++) {
            m[i] = m[i] * 0.9 + g[i] * (1 - 0.9);
            v[i] = v[i] * 0.999 + g[i] * g[i] * (1 - 0.999);
            w[i] -= m[i] / (Math.sqrt(v[i]) + eps) * rate;
          }
        });
        return loss / n;
      };
      return { weights, step };
    },
    train(first, x, y, steps, p = 0, masks = []) {
      const { weights, step } = model.trainer(first, x, y);
      const losses = Array.from({ length: steps }, (_, i) => step(p, masks[i]));
      const curve = [...model.forward(weights, [0, 0.25, 0.5, 0.75, 1])[3]];
      return { weights: weights.map(a => [...a]), losses, curve };
    },
    error(weights, x, y) {
      const found = model.forward(weights, x)[3];
      return found.reduce((sum, v, i) => sum + (v - y[i]) ** 2, 0) / y.length;
    },
  };

  explorable("overfit", ui => {
    const { make, set, fixed } = ui, MOST = 1000, EVERY = 10;
    const grid = Array.from({ length: 201 }, (_, i) => i / 200);
    const units = ui.choice("u", { label: "Units in each hidden layer", value: "8", options: ["1", "2", "4", "8", "16"].map(v => [v, v]) });
    const noise = ui.range("noise", { label: "Noise of the points", min: 0, max: 0.8, step: 0.1, value: 0.3, text: v => fixed(v, 1) });
    const p = ui.range("p", { label: "Dropout p", min: 0, max: 0.8, step: 0.1, value: 0, text: v => fixed(v, 1) });
    const sample = ui.choice("s", { label: "Twelve points and first weights", value: "1", options: [["0", "sample 0"], ["1", "sample 1"], ["2", "sample 2"]] });
    const steps = ui.range("n", { label: "Training steps", min: 0, max: MOST, step: EVERY, value: MOST, text: String });
    const picture = ui.plot({ x: [0, 1], y: [-2.2, 2.2], xlabel: "x", ylabel: "y", height: 250, label: "The points, and what the network learnt" });
    const wave = picture.path({ class: "ink", "stroke-width": 1, "stroke-dasharray": "2 4" });
    const curve = picture.path({ stroke: "#0072b2", "stroke-width": 2.5 });
    const dots = picture.inner.appendChild(make("svg:g", { class: "fill" }));
    const chart = ui.plot({ x: [0, MOST], y: [1e-4, 10], logy: true, xlabel: "step", ylabel: "mean squared error", height: 210, label: "Both errors at each step" });
    const train = chart.path({ stroke: "#0072b2", "stroke-width": 2 });
    const held = chart.path({ stroke: "#d55e00", "stroke-width": 2, "stroke-dasharray": "6 2" });
    const stop = chart.path({ class: "ink", "stroke-width": 1.5, "stroke-dasharray": "2 3" });
    const now = chart.path({ class: "ink", "stroke-width": 1.5 });
    const tag = (text, x, y, color) => chart.node.append(make("svg:text", { x, y, fill: color, class: "tag", "text-anchor": "end" }, text));
    tag("— the twelve points", 388, 24);
    tag("- - 200 new points", 388, 40);
    const shown = ["error on the twelve", "error on 200 new points", "early stopping: lowest at step", "error on the new ones there"].map(ui.number);
    set(wave, { d: picture.line(grid.map(x => [x, Math.sin(2 * Math.PI * x)])) });
    ui.loop(() => steps.value < MOST && steps.set(steps.value + EVERY), "Train on", 40);
    ui.button("From the start", () => steps.set(0));
    ui.button("Stop early", () => run && steps.set(EVERY * run.best));

    let samples, run, key;
    const again = () => {
      const { x, noise: z, newX, newNoise, weights } = samples[sample.value];
      const y = (x, z) => x.map((v, i) => Math.sin(2 * Math.PI * v) + noise.value * z[i]);
      const ys = y(x, z), newYs = y(newX, newNoise), seen = [];
      const { weights: w, step } = model.trainer(weights[units.value], x, ys);
      const random = explorable.chance(7), mask = () => Array.from({ length: 12 * units.value }, () => +(random() < 1 - p.value));
      for (let t = 0; t <= MOST; t++) {
        if (t % EVERY === 0)
          seen.push({ weights: w.map(a => a.slice()), train: model.error(w, x, ys), held: model.error(w, newX, newYs) });
        step(p.value, p.value ? [mask(), mask()] : undefined);
      }
      const best = seen.reduce((low, one, i) => one.held < seen[low].held ? i : low, 0);
      run = { x, ys, seen, best };
      dots.replaceChildren(...x.map((v, i) => {
        const [cx, cy] = picture.to(v, ys[i]);
        return make("svg:circle", { cx, cy, r: 5 });
      }));
      const line = pick => chart.line(seen.map((one, i) => [EVERY * i, pick(one)]));
      set(train, { d: line(one => one.train) });
      set(held, { d: line(one => one.held) });
      set(stop, { d: chart.line([[EVERY * best, 1e-4], [EVERY * best, 10]]) });
    };
    ui.draw(() => {
      if (!samples) return;
      const wanted = [units.value, noise.value, p.value, sample.value].join();
      if (wanted !== key) again(key = wanted);
      const { seen, best } = run, one = seen[steps.value / EVERY];
      const values = model.forward(one.weights, grid)[3];
      set(curve, { d: picture.line(grid.map((x, i) => [x, values[i]])) });
      set(now, { d: chart.line([[steps.value, 1e-4], [steps.value, 10]]) });
      shown[0](fixed(one.train, 4));
      shown[1](fixed(one.held, 4));
      shown[2](`${EVERY * best}`);
      shown[3](fixed(seen[best].held, 4));
      const worse = one.held / seen[best].held;
      ui.say(steps.value < EVERY * best ? "The error on new points has not reached its lowest yet."
        : worse < 1.1 ? "The fit is about as good on new points as it ever is."
          : `Over-fitting: the error on new points is ${fixed(worse, 1)} times what it was at the dotted line.`);
    });
    ui.code(() => `import numpy as np
from d2lib import scratch
from d2lib.data import noisy_sine

x, y = noisy_sine(12, noise=${noise.value}, seed=${sample.value})
x_new, y_new = noisy_sine(200, noise=${noise.value}, seed=${1000 + +sample.value})
net = scratch.MLP([1, ${units.value}, ${units.value}, 1], activation="tanh", dropout=${p.value}, seed=${sample.value})
adam = scratch.Adam(net.parameters(), lr=0.02)
for step in range(${steps.value}):
    adam.zero_grad()
    with scratch.record():
        loss = scratch.mse(net(6 * x - 3), y)
    loss.backward()
    adam.step()
for name, a, b in [("twelve", x, y), ("new", x_new, y_new)]:
    print(name, np.mean((scratch.predict(net, 6 * a - 3) - b) ** 2).round(4))${p.value ? "\n# The page draws other masks than NumPy does: with dropout the numbers differ." : ""}`);
    ui.need("overfit", data => { samples = data; ui.redraw(); });
    return make("div", {}, picture.node, chart.node);
  });
})();
