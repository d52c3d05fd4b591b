// Convolution: nine numbers to edit, a window to move, and what they make of a picture.
(() => {
  // One window: what stands in it times the filter, number by number, and the sum.
  const look = (x, w, row, column) => {
    const products = w.map((line, p) => line.map((v, q) => v * x[row + p][column + q]));
    return { products, sum: products.flat().reduce((a, b) => a + b) };
  };
  const convolve = (x, w) => Array.from({ length: x.length - 2 }, (_, i) =>
    Array.from({ length: x[0].length - 2 }, (_, j) => look(x, w, i, j).sum));
  explorable.model.convolution = { look, convolve };
})();

explorable("convolution", ui => {
  const { look, convolve } = explorable.model.convolution, { make, set, fixed } = ui;
  const SIZE = 40, PLACES = SIZE - 2, three = [0, 1, 2];
  const PRESETS = {
    relief: [1, 0, -1, 2, 0, -2, 1, 0, -1], edge: [0, -1, 0, -1, 4, -1, 0, -1, 0],
    blur: Array(9).fill(0.111), sharpen: [0, -1, 0, -1, 5, -1, 0, -1, 0], "as it is": [0, 0, 0, 0, 1, 0, 0, 0, 0],
  };
  const square = w => three.map(i => w.slice(3 * i, 3 * i + 3));
  let pictures = {}, x = three.map(() => [0, 0, 0]), y = [[0]], drawn = "";

  const frame = { width: 156, height: 164, left: 24, right: 10, top: 6, bottom: 36 };
  const input = ui.plot({ ...frame, x: [0, SIZE], y: [SIZE, 0], xlabel: "picture", label: "The picture, with the window" });
  const map = ui.plot({ ...frame, x: [0, PLACES], y: [PLACES, 0], xlabel: "feature map", label: "The feature map" });
  const paints = [input.image(SIZE, SIZE), map.image(PLACES, PLACES)];
  const box = (plot, size) => {
    const [a, b] = plot.to(0, 0), [c, d] = plot.to(size, size);
    return make("svg:rect", { x: (a - c) / 2, y: (b - d) / 2, width: c - a, height: d - b, class: "window" });
  };
  const spot = map.inner.appendChild(box(map, 1));
  const middles = { ...input, to: (a, b) => input.to(a + 1.5, b + 1.5), from: event => input.from(event).map(v => v - 1.5) };

  const source = ui.choice("picture", { label: "Picture", value: "face", options: [["face", "a photograph"], ["digit", "a digit"]] });
  const preset = make("select", { change: () => w.set(PRESETS[preset.value] ?? w.value) },
    ...[...Object.keys(PRESETS), "your own"].map(name => make("option", {}, name)));
  ui.labelled("Filter", preset);
  const fields = PRESETS.relief.map((_, n) => make("input", {
    type: "number", min: -9, max: 9, step: "any", "aria-label": `Weight in row ${Math.floor(n / 3) + 1}, column ${n % 3 + 1}`,
    input() {
      const v = ui.between(-9, 9)(this.value), now = [...w.value];
      if (v === undefined) return ui.say("A weight is a number from −9 to 9. The last one that was counts until then.");
      now[n] = v;
      w.set(now);
    },
  }));
  preset.parentNode.after(make("div", { class: "explorable-filter", role: "group", "aria-label": "The filter's nine weights" }, ...fields));
  const w = ui.state("w", {
    value: PRESETS.relief, write: w => w.join(","),
    parse: text => {
      const w = text.split(",").map(ui.between(-9, 9));
      return w.length === 9 && !w.includes(undefined) ? w : undefined;
    },
    show: w => {
      fields.forEach((field, n) => { if (document.activeElement !== field || +field.value !== w[n]) field.value = w[n]; });
      preset.value = Object.keys(PRESETS).find(name => PRESETS[name].every((v, n) => v === w[n])) ?? "your own";
    },
  });
  const at = ui.handle("at", middles, { label: "Window", value: [10, 18], step: 1, x: [0, PLACES - 1], y: [0, PLACES - 1],
    shape: box(input, 3) });
  const step = () => {
    const next = (PLACES * at.value[1] + at.value[0] + 1) % (PLACES * PLACES);
    at.set([next % PLACES, Math.floor(next / PLACES)]);
  };
  ui.button("Step", step);
  ui.loop(step, "Slide", 60);

  const cells = three.map(() => three.map(() => make("td")));
  const table = make("table", { class: "explorable-table" }, make("caption", {}, "pixel × weight = product, at the window"),
    make("tbody", {}, ...cells.map(row => make("tr", {}, ...row))));
  const shown = Object.fromEntries(["Row, column", "Sum of products", "Sum of weights", "Range of the map"].map(n => [n, ui.number(n)]));

  const gray = (picture, low, high) => (pixels, columns) => picture.forEach((row, i) => row.forEach((v, j) => {
    const tone = 255 * (v - low) / (high - low);
    pixels.set([tone, tone, tone, 255], 4 * (columns * i + j));
  }));
  ui.need("convolution", found => {
    for (const [name, rows] of Object.entries(found)) pictures[name] = rows.map(row => row.map(v => v / 255));
    ui.draw(draw);
  });
  const draw = () => {
    const [column, row] = at.value, filter = square(w.value), key = `${source.value} ${w.value}`;
    x = pictures[source.value];
    if (drawn !== key) {
      drawn = key;
      y = convolve(x, filter);
      const most = Math.max(...y.flat().map(Math.abs), 1e-9), low = Math.min(...y.flat()) < -1e-9 ? -most : 0;
      paints[0](gray(x, 0, 1));
      paints[1](gray(y, low, most));
    }
    const { products, sum } = look(x, filter, row, column);
    set(spot, { transform: `translate(${map.to(column + 0.5, row + 0.5)})` });
    cells.forEach((line, p) => line.forEach((cell, q) => {
      cell.replaceChildren(`${fixed(x[row + p][column + q])} × ${`${+filter[p][q].toFixed(2)}`.replace("-", "−")}`, make("br"), make("b", {}, `= ${fixed(products[p][q])}`));
    }));
    const total = w.value.reduce((a, b) => a + b), all = y.flat();
    shown["Row, column"](`${row}, ${column}`);
    shown["Sum of products"](fixed(sum));
    shown["Sum of weights"](fixed(total));
    shown["Range of the map"](`${fixed(Math.min(...all))} … ${fixed(Math.max(...all))}`);
    const even = Math.abs(total) < 0.005 ? "vanishes" : Math.abs(total - 1) < 0.005 ? "stays" : `becomes ${fixed(total)} times as bright`;
    ui.say(`At row ${row}, column ${column} the map is ${fixed(sum)}. Even grey ${even}.`);
  };
  ui.code(() => {
    const [column, row] = at.value, list = rows => `[${rows.map(r => `\n    [${r.join(", ")}],`).join("")}\n]`;
    const patch = three.map(p => (x[row + p] ?? [0, 0, 0]).slice(column, column + 3).map(v => +v.toFixed(4)));
    return `import numpy as np
from d2lib import scratch

patch = np.array(${list(patch)}, float)
W = np.array(${list(square(w.value))}, float)
print((patch * W).round(2))
y = scratch.conv2d(patch[None, None], W[None, None])
print(f"sum {y.item():.2f}")`;
  });
  return make("div", { class: "explorable-sides" }, input.node, map.node, table);
});
