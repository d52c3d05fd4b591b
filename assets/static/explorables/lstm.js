// Gates: a trained LSTM of four cells counts the open brackets of a text that one types.
explorable.model.lstm = {
  // Each character's gates and candidate, cell state c, output h, and the answer y.
  read(text, net) {
    const n = net.W.length, sigma = z => 0.5 * Math.tanh(0.5 * z) + 0.5;
    let h = Array(n).fill(0), c = h;
    return [...text].map(character => {
      const x = net.W_xh[net.alphabet.indexOf(character)];
      const z = net.b.map((b, k) => h.reduce((sum, v, j) => sum + v * net.W_hh[j][k], b + x[k]));
      const block = (k, act) => z.slice(k * n, k * n + n).map(act);
      const i = block(0, sigma), f = block(1, sigma), g = block(2, Math.tanh), o = block(3, sigma);
      c = c.map((v, k) => f[k] * v + i[k] * g[k]);
      h = c.map((v, k) => o[k] * Math.tanh(v));
      return { i, f, g, o, c, h, y: h.reduce((sum, v, k) => sum + v * net.W[k], net.b_out) };
    });
  },
};

explorable("lstm", ui => {
  const { read } = explorable.model.lstm, { make, set, fixed } = ui;
  const MOST = 32, LEFT = 62, WIDE = 380, known = /^[a-z ()]*$/;
  let net, note = "";

  const field = make("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", input() {
    const typed = [...field.value.toLowerCase()], some = typed.filter(c => known.test(c)), others = typed.length - some.length;
    note = others ? `Left out: ${others} of your ${typed.length} characters; it knows a to z, space, ( and ). ` : "";
    if (some.length > MOST) note += `Of ${some.length} characters it reads the first ${MOST}. `;
    text.set(some.slice(0, MOST).join(""));
  } });
  ui.labelled("Text", field);
  const text = ui.state("text", {
    value: "f(a(b)c)d", write: text => text || "-",
    parse: found => found === "-" ? "" : found && found.length <= MOST && known.test(found) ? found : undefined,
    show: value => { if (field.value !== value) field.value = value; },
  });
  const at = ui.range("at", { label: "Look at character", min: 1, max: MOST, value: 4, text: v => `${v}` });
  const cell = ui.choice("cell", { label: "Gates of", value: "1", options: ["1", "2", "3", "4"].map(k => [k, `cell ${k}`]) });

  const node = make("svg:svg", { viewBox: `0 0 ${WIDE} 318`, role: "group", "aria-label": "What the LSTM does at each character",
    pointerdown: event => {
      const { x } = new DOMPoint(event.clientX, event.clientY).matrixTransform(node.getScreenCTM().inverse());
      const k = Math.floor((x - LEFT) / wide());
      if (k >= 0 && k < text.value.length) at.set(k + 1);
    } });
  const wide = () => Math.min(28, (WIDE - LEFT - 4) / Math.max(1, text.value.length));
  const ROWS = [["answer", 60], ["text", 96], ["c, cell 1", 122], ["cell 2", 146], ["cell 3", 170], ["cell 4", 194],
    ["forget f", 232], ["input i", 270], ["output o", 308]];
  const labels = ROWS.map(([name, y]) => make("svg:text", { x: LEFT - 6, y, "text-anchor": "end" }, name));
  const columns = make("svg:g");
  node.append(...labels, columns);

  const shown = Object.fromEntries(["Character", "Forget gate f", "Input gate i", "Candidate g", "Cell state c", "Output gate o", "Output h", "Answer", "Really open"].map(n => [n, ui.number(n)]));
  const box = (x, y, width, height, attributes) => make("svg:rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), ...attributes });
  const draw = () => {
    const steps = read(text.value, net), w = wide(), k = +cell.value - 1, here = Math.min(at.value, steps.length) - 1;
    let depth = 0, deepest = 0, lowest = 0;
    const depths = [...text.value].map(c => {
      depth += (c === "(") - (c === ")");
      [deepest, lowest] = [Math.max(deepest, depth), Math.min(lowest, depth)];
      return depth;
    });
    const unit = 40 / Math.max(4, deepest);
    columns.replaceChildren(...steps.flatMap((step, t) => {
      const x = LEFT + t * w, inner = w - 1.5;
      const bar = (y, share) => [box(x, y - 30, inner, 30, { class: "well" }), box(x, y - 30 * share, inner, 30 * share, { fill: "#0072b2" })];
      return [
        ...(t === here ? [box(x - 1, 14, w + 0.5, 300, { class: "chosen" })] : []),
        box(x, 60 - unit * step.y, inner, unit * step.y, { fill: "#0072b2" }),
        make("svg:path", { d: `M${x} ${60 - unit * depths[t]}h${inner}`, class: "ink", "stroke-width": 2 }),
        make("svg:text", { x: x + inner / 2, y: 96, "text-anchor": "middle" }, text.value[t] === " " ? "␣" : text.value[t]),
        ...step.c.map((c, j) => box(x, 106 + 24 * j, inner, 22, { fill: c > 0 ? "#d55e00" : "#0072b2", "fill-opacity": Math.min(1, Math.abs(c)), class: "well" })),
        ...bar(238, step.f[k]), ...bar(276, step.i[k]), ...bar(314, step.o[k]),
      ];
    }));
    const step = steps[here], before = steps[here - 1]?.c[k] ?? 0;
    shown["Character"](step ? `${here + 1} of ${steps.length}: ${text.value[here] === " " ? "␣" : text.value[here]}` : "none yet");
    for (const [name, key] of [["Forget gate f", "f"], ["Input gate i", "i"], ["Candidate g", "g"], ["Output gate o", "o"], ["Output h", "h"]])
      shown[name](step ? fixed(step[key][k]) : "–");
    shown["Cell state c"](step ? fixed(step.c[k]) : "0.00");
    shown["Answer"](step ? fixed(step.y) : "–");
    shown["Really open"](step ? `${depths[here]}`.replace("-", "−") : "0");
    const never = lowest < 0 ? " A bracket that closes before one opened: it has never met that."
      : deepest > 4 ? " More than four open: it has never met that." : "";
    ui.say(note + (step ? `After “${text.value.slice(0, here + 1)}” it says ${fixed(step.y)} open. c = ${fixed(step.f[k])} × ${fixed(before)} + ${fixed(step.i[k])} × ${fixed(step.g[k])} = ${fixed(step.c[k])}.${never}` : "It has read nothing: its state is zero. Type a text."));
    note = "";
  };
  ui.need("lstm", found => {
    net = found;
    ui.draw(draw);
  });
  ui.code(() => {
    if (!net || !text.value) return `from d2lib import scratch

print(scratch.LSTM(29, 4, seed=0).num_parameters(), "weights, and no text")`;
    const here = Math.min(at.value, text.value.length), steps = read(text.value.slice(0, here), net);
    const zero = { h: [0, 0, 0, 0], c: [0, 0, 0, 0] }, before = steps[here - 2] ?? zero;
    const list = a => `[${a.map(v => +v.toFixed(3))}]`;
    return `import numpy as np
from d2lib import scratch

# Character ${here} of the text. Its row of W_xh is the only one that counts.
layer = scratch.LSTM(1, 4)
layer.load_state({
    "W_xh.0": np.array([${list(net.W_xh[net.alphabet.indexOf(text.value[here - 1])])}]),
    "W_hh.0": np.array([
${net.W_hh.map(row => `        ${list(row)},`).join("\n")}
    ]),
    "b.0": np.array(${list(net.b)}),
})
h, c = ([[${list(before.h)}]], [[${list(before.c)}]])
_, (h, c) = layer([[[1.0]]], (np.array(h), np.array(c)))
answer = h.data[0, 0] @ ${list(net.W)} + ${+net.b_out.toFixed(3)}
print("c", c.data[0, 0].round(2), "h", h.data[0, 0].round(2), f"answer {answer:.2f}")`;
  });
  return node;
});
