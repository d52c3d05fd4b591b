// One neuron: drag its weights and a point, and turn its bias.
explorable.model.perceptron = {
  forward(w, b, x) {
    const z = x[0] * w[0] + x[1] * w[1] + b;
    return { z, y: 0.5 * Math.tanh(0.5 * z) + 0.5 };
  },
};

explorable("perceptron", ui => {
  const { forward } = explorable.model.perceptron, { make, set, fixed } = ui;
  const plot = ui.plot({ x: [-4, 4], y: [-4, 4], xlabel: "x₁", ylabel: "x₂", width: 380, height: 380,
    label: "The plane of the two inputs" });
  const paint = plot.image(60, 60, 0.45);
  const line = plot.path({ class: "ink", "stroke-width": 2 });
  const arrow = plot.path({ class: "ink", "stroke-width": 3 });
  const [nameW, nameX] = ["W", "X"].map(text => make("svg:text", { class: "name" }, text));
  const w = ui.handle("w", plot, { label: "Weights W", value: [3, -2],
    shape: make("svg:g", {}, make("svg:path", { d: "M0 -9L9 7H-9Z", class: "dot" }), nameW) });
  const x = ui.handle("x", plot, { label: "Point X", value: [-1, 2],
    shape: make("svg:g", {}, make("svg:circle", { r: 8, class: "dot" }), nameX) });
  const b = ui.range("b", { label: "Bias w₀", min: -8, max: 8, step: 0.1, value: 1, text: v => fixed(v, 1) });
  const shown = Object.fromEntries(["W", "w₀", "X", "z = w₀ + XᵀW", "ŷ = σ(z)"].map(n => [n, ui.number(n)]));

  ui.draw(() => {
    const { z, y } = forward(w.value, b.value, x.value);
    shown["W"](`(${w.value.map(v => fixed(v, 1)).join(", ")})`);
    shown["w₀"](fixed(b.value, 1));
    shown["X"](`(${x.value.map(v => fixed(v, 1)).join(", ")})`);
    shown["z = w₀ + XᵀW"](fixed(z));
    shown["ŷ = σ(z)"](fixed(y, 4));
    paint((pixels, columns, rows) => {
      for (let i = 0; i < columns * rows; i++) {
        const at = [-4 + 8 * (i % columns + 0.5) / columns, 4 - 8 * (Math.floor(i / columns) + 0.5) / rows];
        const p = forward(w.value, b.value, at).y;
        pixels.set(p > 0.5 ? [213, 94, 0, 510 * (p - 0.5)] : [0, 114, 178, 510 * (0.5 - p)], 4 * i);
      }
    });
    const [w1, w2] = w.value, size = w1 * w1 + w2 * w2;
    const foot = [-b.value * w1 / size, -b.value * w2 / size]; // of the line, nearest the origin
    const long = 20 / Math.sqrt(size);
    set(line, { d: plot.line([[foot[0] - long * w2, foot[1] + long * w1], [foot[0] + long * w2, foot[1] - long * w1]]) });
    set(arrow, { d: plot.line([[0, 0], w.value]) });
    for (const [name, [right, up]] of [[nameW, w.value], [nameX, x.value]]) // inside the plane
      set(name, { x: right > 3 ? -12 : 12, y: up > 3 ? 22 : -10, "text-anchor": right > 3 ? "end" : "start" });
    const sides = size ? "" : " With W = (0, 0) there is no line: the bias alone decides.";
    ui.say(`At X the answer is ${z > 0 ? "rather yes" : z < 0 ? "rather no" : "undecided, on the line"}.${sides}`);
  });
  ui.code(() => `import numpy as np
from d2lib import scratch

neuron = scratch.Perceptron(2)
neuron.load_state({"W": [${w.value}], "b": ${b.value}})
X = np.array([${x.value}])
z = neuron.b.item() + X @ neuron.W.data
print(f"z = {z:.2f}, y_hat = {neuron(X).item():.4f}")`);
  return plot.node;
});
