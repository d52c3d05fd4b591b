// A chain of one unit per layer: h = g(w h). What arrives, and what gradient comes back?
explorable.model.activations = {
  g: {
    sigmoid: z => { const y = 0.5 * Math.tanh(0.5 * z) + 0.5; return [y, y * (1 - y)]; },
    tanh: z => { const y = Math.tanh(z); return [y, 1 - y * y]; },
    relu: z => [Math.max(z, 0), z > 0 ? 1 : 0],
    none: z => [z, 1],
  },
  // The outputs h[0] = x to h[depth], and the derivative of the last one by each.
  chain(name, x, w, depth) {
    const g = explorable.model.activations.g[name], h = [x], slope = [], gradient = [1];
    for (let k = 0; k < depth; k++) {
      const [y, dy] = g(h[k] * w);
      h.push(y);
      slope.push(dy * w);
    }
    for (let k = depth; k > 0; k--) gradient.unshift(gradient[0] * slope[k - 1]);
    return { h, gradient };
  },
};

explorable("activations", ui => {
  const { chain } = explorable.model.activations, { make, set, fixed } = ui;
  const kind = ui.choice("g", { label: "Activation g", value: "sigmoid",
    options: [["sigmoid", "sigmoid"], ["tanh", "tanh"], ["relu", "ReLU"], ["none", "none: g(z) = z"]] });
  const x = ui.range("x", { label: "Input x", min: -5, max: 5, step: 0.1, value: 1, text: v => fixed(v, 1) });
  const w = ui.range("w", { label: "Weight w of every layer", min: -4, max: 4, step: 0.1, value: 1, text: v => fixed(v, 1) });
  const depth = ui.range("n", { label: "Layers n", min: 1, max: 20, value: 10, text: String });
  const size = { width: 400, height: 190, x: [0, 20], xlabel: "layer k" };
  const there = ui.plot({ ...size, y: [-1.2, 1.2], ylabel: "output", label: "The output of each layer" });
  const back = ui.plot({ ...size, y: [1e-12, 1e6], logy: true, ylabel: "|gradient|", label: "The size of the gradient at each layer" });
  const forward = there.path({ stroke: "#0072b2", "stroke-width": 2.5 });
  const backward = back.path({ stroke: "#d55e00", "stroke-width": 2.5 });
  const dots = plot => Array.from({ length: 21 }, () => plot.inner.appendChild(make("svg:circle", { r: 4 })));
  const dotsThere = dots(there), dotsBack = dots(back);
  const last = ui.number("last output hₙ"), first = ui.number("gradient at the input, dhₙ/dx"), factor = ui.number("which is, per layer, a factor of");
  const short = v => v === 0 ? "0" : Math.abs(v) >= 0.001 && Math.abs(v) < 1e4 ? fixed(v, 4) : v.toExponential(1).replace(/-/g, "−");

  ui.draw(() => {
    const n = depth.value, { h, gradient } = chain(kind.value, x.value, w.value, n);
    const place = (plot, dots, values, color) => dots.forEach((dot, k) => {
      const seen = k <= n && Number.isFinite(values[k]);
      const [cx, cy] = seen ? plot.to(k, values[k]) : [-99, -99];
      set(dot, { cx, cy, fill: color });
    });
    const sizes = gradient.map(v => Math.abs(v) || NaN);
    set(forward, { d: there.line(h.map((v, k) => [k, v])) });
    set(backward, { d: back.line(sizes.map((v, k) => [k, v])) });
    place(there, dotsThere, h, "#0072b2");
    place(back, dotsBack, sizes, "#d55e00");
    last(short(h[n]));
    first(short(gradient[0]));
    const per = Math.abs(gradient[0]) ** (1 / n);
    factor(short(per));
    const beyond = Math.max(...h.map(Math.abs)) > 1.2 ? " Outputs beyond ±1.2 leave the upper picture." : "";
    ui.say((gradient[0] === 0
      ? "No gradient at all comes back: somewhere the slope is zero, so nothing before it learns."
      : per < 0.5 ? "The gradient vanishes: the first layers learn next to nothing."
        : per > 2 ? "The gradient explodes on its way back."
          : "The gradient keeps its size, or nearly.") + beyond);
  });
  ui.code(() => `import numpy as np
from d2lib import scratch

x = scratch.tensor(${x.value}, np.float64, requires_grad=True)
with scratch.record():
    h = x * 1.0
    for layer in range(${depth.value}):
        h = ${kind.value === "none" ? `h * ${w.value}` : `scratch.${kind.value}(h * ${w.value})`}
h.backward()
print(f"h_n = {h.item():.4g}, dh_n/dx = {x.grad.item():.4g}")`);
  return make("div", {}, there.node, back.node);
});
