// Attention: a trained reader's words, and where each of them looks.
explorable.model.attention = {
  // Scores and weights of each word (rows) on each.
  look(words, net, positions, scaling) {
    const d = net.b_q.length, dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);
    const X = words.map((word, t) => net.words[word].map((v, k) => v + (positions ? net.u[t][k] : 0)));
    const dense = (W, b) => X.map(x => b.map((v, j) => x.reduce((sum, value, k) => sum + value * W[k][j], v)));
    const Q = dense(net.W_q, net.b_q), K = dense(net.W_k, net.b_k), scale = scaling ? 1 / Math.sqrt(d) : 1;
    const scores = Q.map(q => K.map(k => scale * dot(q, k)));
    const weights = scores.map(row => {
      const e = row.map(s => Math.exp(s - Math.max(...row))), sum = e.reduce((a, b) => a + b);
      return e.map(v => v / sum);
    });
    return { scores, weights, Q, K };
  },
};

explorable("attention", ui => {
  const { look } = explorable.model.attention, { make, set, fixed } = ui, ROW = 28, TOP = 34;
  const START = { crosses: "the animal did not cross the street", suits: "the street did not suit the animal" };
  let net;
  const start = ui.choice("sentence", { label: "Sentence", value: "crosses", options: Object.entries(START).map(([key, text]) => [key, `${text} …`]) });
  const last = ui.choice("last", { label: "… because it was too", value: "tired", options: ["tired", "hungry", "wide", "muddy"].map(w => [w, w]) });
  const words = () => [...START[start.value].split(" "), "because", "it", "was", "too", last.value];
  const query = ui.range("query", { label: "The word that looks", min: 1, max: 12, value: 12, text: t => `${t}: ${words()[t - 1]}` });
  const onoff = [["on", "on"], ["off", "off"]];
  const positions = ui.choice("positions", { label: "Positions", value: "on", options: onoff });
  const scaling = ui.choice("scaling", { label: "Scaling by √d", value: "on", options: onoff });

  const y = t => TOP + ROW * t + ROW / 2;
  const rows = Array.from({ length: 12 }, (_, t) => {
    const arc = make("svg:path", { fill: "none", stroke: "#0072b2" });
    const word = make("svg:text", { x: 104, y: y(t) + 5 }), weight = make("svg:text", { x: 316, y: y(t) + 5, "text-anchor": "end" });
    const score = make("svg:text", { x: 376, y: y(t) + 5, "text-anchor": "end" });
    const bar = make("svg:rect", { x: 186, y: TOP + ROW * t + 4, height: ROW - 8, fill: "#0072b2" });
    const row = make("svg:rect", { x: 98, y: TOP + ROW * t + 1, width: 280, height: ROW - 2, rx: 4, class: "row" });
    const node = make("svg:g", { class: "explorable-row", click: () => query.set(t + 1) }, row, arc, bar, word, weight, score);
    return { node, arc, word, weight, score, bar, row };
  });
  const head = (x, text, anchor) => make("svg:text", { x, y: 20, "text-anchor": anchor, class: "name" }, text);
  const node = make("svg:svg", { viewBox: `0 0 380 ${TOP + 12 * ROW + 4}`, role: "group", "aria-label": "The words, and how much the chosen one looks at each" },
    head(104, "looked at", "start"), head(316, "weight", "end"), head(376, "score", "end"), ...rows.map(row => row.node));

  const shown = Object.fromEntries(["Query", "Most weight on", "The first “the”", "The second “the”", "Sum of the weights"].map(n => [n, ui.number(n)]));
  const draw = () => {
    const text = words(), t = query.value - 1, all = look(text, net, positions.value === "on", scaling.value === "on");
    const weights = all.weights[t], scores = all.scores[t], best = weights.indexOf(Math.max(...weights));
    rows.forEach((row, k) => {
      const p = weights[k], bend = 92 - Math.min(84, 14 + 7 * Math.abs(k - t));
      set(row.arc, { d: k === t ? `M96 ${y(t) - 7}C70 ${y(t) - 12} 70 ${y(t) + 12} 96 ${y(t) + 7}` : `M96 ${y(t)}C${bend} ${y(t)} ${bend} ${y(k)} 96 ${y(k)}`,
        "stroke-width": 0.5 + 7 * p, "stroke-opacity": 0.15 + 0.85 * p });
      set(row.row, { class: k === t ? "row asks" : "row" });
      set(row.bar, { width: 82 * p });
      row.word.textContent = text[k];
      row.weight.textContent = fixed(p);
      row.score.textContent = fixed(scores[k]);
    });
    shown["Query"](`${t + 1}: ${text[t]}`);
    shown["Most weight on"](`${text[best]}, ${fixed(weights[best])}`);
    shown["The first “the”"](fixed(weights[0], 4));
    shown["The second “the”"](fixed(weights[5], 4));
    shown["Sum of the weights"](fixed(weights.reduce((a, b) => a + b)));
    ui.say(`“${text[t]}” looks most at “${text[best]}”, with ${fixed(weights[best])} of its weight.${positions.value === "on" ? "" : " Without positions equal words get equal weights."}`);
  };
  // The range names its word: it has to be told when the sentence changes.
  ui.draw(() => {
    const text = `${query.value}: ${words()[query.value - 1]}`, label = [...ui.place.querySelectorAll("label")].find(l => l.textContent.startsWith("The word"));
    if (!label) return;
    label.querySelector("output").textContent = text;
    set(label.querySelector("input"), { "aria-valuetext": text });
  });
  ui.need("attention", found => {
    net = found;
    ui.draw(draw);
  });
  ui.code(() => {
    if (!net) return "from d2lib import scratch\n\nprint(scratch.attention_weights([[1.0]], [[1.0]]).data)";
    const text = words(), { Q, K } = look(text, net, positions.value === "on", true), list = a => `[${a.map(v => +v.toFixed(3)).join(", ")}]`;
    return `from d2lib import scratch

words = "${text.join(" ")}".split()
q = [${list(Q[query.value - 1])}]  # the query of "${text[query.value - 1]}"
K = [
${K.map(k => `    ${list(k)},`).join("\n")}
]  # a key of each word, ${positions.value === "on" ? "with" : "without"} positions
P = scratch.attention_weights(q, K, scale=${scaling.value === "on" ? "None" : "1"}).data[0]
for word, p in zip(words, P):
    print(f"{word:8} {p:.2f}")`;
  });
  return node;
});
