// Boxes: how far they agree, and non-maximum suppression, one decision at a time.
(() => {
  // Intersection over union of each of a with each of b; nothing shares with a box without an area.
  const overlaps = (a, b) => a.map(p => b.map(q => {
    const length = k => Math.max(0, Math.min(p[k + 2], q[k + 2]) - Math.max(p[k], q[k]));
    const area = c => (c[2] - c[0]) * (c[3] - c[1]), shared = length(0) * length(1);
    return shared ? shared / (area(p) + area(q) - shared) : 0;
  }));
  // From the best score down: what is kept, and in `steps` why.
  const decide = (boxes, scores, threshold) => {
    const shared = overlaps(boxes, boxes), kept = [];
    const order = scores.map((_, k) => k).sort((a, b) => scores[b] - scores[a]);
    const steps = order.map(box => {
      const by = kept.find(other => shared[other][box] > threshold);
      if (by === undefined) kept.push(box);
      return { box, by, share: by === undefined ? 0 : shared[by][box] };
    });
    return { kept, steps };
  };
  const nms = (boxes, scores, threshold) => decide(boxes, scores, threshold).kept;
  explorable.model.boxes = { overlaps, decide, nms };
})();

explorable("boxes", ui => {
  const { overlaps, decide } = explorable.model.boxes, { make, set, fixed } = ui;
  const SCORES = [0.9, 0.8, 0.7, 0.6], COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"], SIZE = 40;
  const START = [[4, 6, 18, 20], [7, 7, 21, 21], [10, 8, 24, 22], [26, 18, 37, 34]];
  const plot = ui.plot({ x: [0, SIZE], y: [SIZE, 0], width: 380, height: 380, xlabel: "x", ylabel: "y",
    label: "Four boxes: drag a round point to move one, a square point to size it" });
  const unit = plot.to(1, 0)[0] - plot.to(0, 0)[0];
  const frames = START.map((_, k) => plot.inner.appendChild(make("svg:rect", { fill: COLORS[k], stroke: COLORS[k], "stroke-width": 3 })));
  const clamp = v => Math.min(SIZE, Math.max(0, v));
  const parts = START.map(([x1, y1, x2, y2], k) => {
    const name = make("svg:text", { "text-anchor": "middle", y: 5, class: "number" }, `${k + 1}`);
    const at = ui.handle(`at${k + 1}`, plot, { label: `Box ${k + 1}, its upper left corner`, value: [x1, y1], step: 1,
      shape: make("svg:g", {}, make("svg:circle", { r: 11, fill: COLORS[k], class: "knob" }), name) });
    // The size is dragged as a point relative to that corner.
    const beside = { ...plot, to: (a, b) => plot.to(clamp(at.value[0] + a), clamp(at.value[1] + b)),
      from: event => plot.from(event).map((v, n) => v - at.value[n]) };
    const size = ui.handle(`size${k + 1}`, beside, { label: `Box ${k + 1}, its width and height`, value: [x2 - x1, y2 - y1], step: 1,
      shape: make("svg:rect", { x: -7, y: -7, width: 14, height: 14, fill: COLORS[k], class: "knob" }) });
    return { at, size, beside, corner: plot.node.lastChild };
  });
  const boxes = () => parts.map(({ at: { value: [x, y] }, size: { value: [w, h] } }) => [x, y, clamp(x + w), clamp(y + h)]);

  const threshold = ui.range("threshold", { label: "Threshold", min: 0, max: 1, step: 0.01, value: 0.5 });
  const done = ui.state("steps", { value: 4, parse: text => /^[0-4]$/.test(text) ? +text : undefined });
  ui.button("Start again", () => done.set(0));
  ui.button("Next decision", () => done.set(done.value < 4 ? done.value + 1 : 0));

  const verdicts = SCORES.map((s, k) => ui.number(`Box ${k + 1}, score ${fixed(s, 1)}`));
  const cells = SCORES.map(() => SCORES.map(() => make("td")));
  const table = make("table", { class: "explorable-table" }, make("caption", {}, "Intersection over union of each with each"),
    make("thead", {}, make("tr", {}, make("td"), ...SCORES.map((_, k) => make("th", { scope: "col" }, `${k + 1}`)))),
    make("tbody", {}, ...cells.map((row, k) => make("tr", {}, make("th", { scope: "row" }, `${k + 1}`), ...row))));

  ui.draw(() => {
    const now = boxes(), shared = overlaps(now, now), { steps } = decide(now, SCORES, threshold.value);
    now.forEach(([x1, y1, x2, y2], k) => {
      const { at, size, beside, corner } = parts[k], [left, top] = plot.to(x1, y1), decided = k < done.value, out = decided && steps[k].by !== undefined;
      set(corner, { transform: `translate(${beside.to(...size.value)})` });
      set(frames[k], { x: left, y: top, width: unit * (x2 - x1), height: unit * (y2 - y1),
        "fill-opacity": decided && !out ? 0.3 : 0.05, "stroke-dasharray": out ? "3 5" : decided ? "none" : "12 4" });
      verdicts[k](!decided ? "not asked yet" : out ? `out, by ${steps[k].by + 1}: ${fixed(steps[k].share)}` : "kept");
      shared[k].forEach((v, j) => (cells[k][j].textContent = fixed(v)));
    });
    const flat = now.flatMap(([x1, y1, x2, y2], k) => (x2 - x1) * (y2 - y1) ? [] : [k + 1]);
    const empty = flat.length ? ` Box ${flat.join(" and ")} has no area: it shares nothing with any, not even with itself.` : "";
    const last = steps[done.value - 1];
    ui.say((!last ? "No box is decided on. The surest is asked first."
      : last.by === undefined ? `Box ${last.box + 1} is kept: it overlaps no kept box by more than ${fixed(threshold.value)}.`
        : `Box ${last.box + 1} is struck out: it overlaps box ${last.by + 1}, which is kept, by ${fixed(last.share)}.`) + empty);
  });
  ui.code(() => `from d2lib import scratch

boxes = [${boxes().map(b => `[${b.join(", ")}]`).join(", ")}]
scores = [${SCORES.join(", ")}]
print(scratch.iou(boxes, boxes).data.round(2))
print("kept:", scratch.nms(boxes, scores, threshold=${threshold.value}) + 1)`);
  return make("div", {}, plot.node, table);
});
