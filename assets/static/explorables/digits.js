// Draw a digit: two networks that the book trained answer as you draw.
(() => {
  const bytes = (text, of) => new of(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
  const relu = v => Math.max(v, 0);
  const cache = {};
  const model = explorable.model.digits = {
    // Whole numbers times the scale of their unit; filters have their units first.
    unpack: ({ layers, accuracy }) => ({
      accuracy,
      layers: layers.map(({ shape, W, scale, b }) => {
        const whole = bytes(W, Int8Array), each = whole.length / shape[0];
        return { shape, b, W: Float64Array.from(whole, (v, i) => v * scale[shape.length > 2 ? Math.floor(i / each) : i % shape[1]]) };
      }),
    }),
    dense({ shape: [rows, units], W, b }, x, g = v => v) {
      const z = new Float64Array(units);
      for (let i = 0; i < rows; i++) if (x[i]) for (let j = 0; j < units; j++) z[j] += x[i] * W[i * units + j];
      return z.map((v, j) => g(v + b[j]));
    },
    // x: maps of size × size, one after the other; what comes out is smaller by the filter's size less 1.
    convolve({ shape: [filters, channels, k], W, b }, x, size) {
      const out = size - k + 1, z = new Float64Array(filters * out * out);
      for (let f = 0; f < filters; f++)
        for (let i = 0; i < out; i++)
          for (let j = 0; j < out; j++) {
            let sum = 0;
            for (let c = 0; c < channels; c++)
              for (let p = 0; p < k; p++)
                for (let q = 0; q < k; q++)
                  sum += x[(c * size + i + p) * size + j + q] * W[((f * channels + c) * k + p) * k + q];
            z[(f * out + i) * out + j] = relu(sum + b[f]);
          }
      return z;
    },
    pool(x, size) {
      const half = size / 2, maps = x.length / size ** 2;
      return Float64Array.from({ length: maps * half * half }, (_, at) => {
        const j = at % half, i = Math.floor(at / half) % half, m = Math.floor(at / half / half);
        const from = (m * size + 2 * i) * size + 2 * j;
        return Math.max(x[from], x[from + 1], x[from + size], x[from + size + 1]);
      });
    },
    softmax(z) {
      const top = Math.max(...z), e = [...z].map(v => Math.exp(v - top)), sum = e.reduce((a, b) => a + b);
      return e.map(v => v / sum);
    },
    answer(kind, net, x) {
      const [a, b, c] = net.layers;
      if (kind === "dense") return { p: model.softmax(model.dense(b, model.dense(a, x, relu))) };
      const first = model.convolve(a, x, 28), second = model.convolve(b, model.pool(first, 24), 12);
      return { p: model.softmax(model.dense(c, model.pool(second, 8))), first, second };
    },
    // For the tests: what a network says to a sample, and the sum of each map.
    async sample(kind, digit) {
      const net = cache[kind] ??= model.unpack(await explorable.load(`digits-${kind}`));
      const all = bytes(await explorable.load("digits-samples"), Uint8Array);
      const found = model.answer(kind, net, Float64Array.from(all.slice(784 * digit, 784 * (digit + 1)), v => v / 255));
      const sums = (maps, n) => Array.from({ length: n }, (_, k) => maps.slice(k * maps.length / n, (k + 1) * maps.length / n).reduce((a, b) => a + b));
      return kind === "dense" ? found : { p: found.p, first: sums(found.first, 6), second: sums(found.second, 12) };
    },
    // Strokes of points from 0 to 63 as 28 × 28 pixels, the ink 2.4 pixels wide.
    // centred: scaled into a box of 20 and its centre of mass moved to the middle, as MNIST's digits are.
    raster(strokes, centred) {
      const points = strokes.flat();
      if (!points.length) return null;
      const ink = (scale, dx, dy) => {
        const pixels = new Float64Array(784), at = ([x, y]) => [x * scale + dx, y * scale + dy];
        for (const stroke of strokes)
          stroke.forEach((point, n) => {
            const [x1, y1] = at(point), [x0, y0] = at(stroke[Math.max(n - 1, 0)]);
            const vx = x1 - x0, vy = y1 - y0, long = vx * vx + vy * vy;
            for (let i = Math.max(0, Math.floor(Math.min(y0, y1) - 3)); i < Math.min(28, Math.max(y0, y1) + 3); i++)
              for (let j = Math.max(0, Math.floor(Math.min(x0, x1) - 3)); j < Math.min(28, Math.max(x0, x1) + 3); j++) {
                const px = j + 0.5 - x0, py = i + 0.5 - y0;
                const t = long ? Math.max(0, Math.min(1, (px * vx + py * vy) / long)) : 0;
                const away = Math.hypot(px - t * vx, py - t * vy);
                pixels[28 * i + j] = Math.max(pixels[28 * i + j], Math.max(0, Math.min(1, 1.7 - away)));
              }
          });
        return pixels;
      };
      if (!centred) return ink(28 / 63, 0, 0);
      const [xs, ys] = [0, 1].map(k => points.map(p => p[k]));
      const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      const scale = 17.6 / Math.max(right - left, bottom - top, 8);
      const dx = 14 - scale * (left + right) / 2, dy = 14 - scale * (top + bottom) / 2;
      const pixels = ink(scale, dx, dy);
      let sum = 0, mx = 0, my = 0;
      pixels.forEach((v, at) => { sum += v; mx += v * (at % 28 + 0.5); my += v * (Math.floor(at / 28) + 0.5); });
      return ink(scale, dx + 14 - mx / sum, dy + 14 - my / sum);
    },
  };

  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*_", MOST = 1200;
  explorable("digits", ui => {
    const { make, set, fixed } = ui;
    const pad = make("svg:svg", { viewBox: "0 0 280 280", class: "explorable-pad", role: "group", "aria-label": "Pad to draw on" },
      make("svg:rect", { x: 0.5, y: 0.5, width: 279, height: 279, class: "frame" }));
    const picture = pad.appendChild(make("svg:image", { width: 280, height: 280 }));
    const line = pad.appendChild(make("svg:path", { class: "ink", fill: "none", "stroke-width": 20, "stroke-linecap": "round", "stroke-linejoin": "round" }));
    const plot = {
      node: pad, x: [0, 63], y: [0, 63], to: (x, y) => [x / 63 * 280, 280 - y / 63 * 280],
      from: event => {
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(pad.getScreenCTM().inverse());
        return [at.x / 280 * 63, 63 - at.y / 280 * 63];
      },
    };
    const sample = ui.choice("s", { label: "What they look at", value: "7", options: [["own", "my drawing"], ..."0123456789".split("").map(d => [d, `a test digit: ${d}`])] });
    const way = ui.choice("c", { label: "My drawing goes in", value: "centred", options: [["centred", "scaled and centred, as MNIST is"], ["drawn", "where and as large as I drew it"]] });
    const strokes = ui.state("d", {
      value: [],
      write: all => all.map(stroke => stroke.flat().map(v => LETTERS[v]).join("")).join("."),
      parse: text => {
        const all = text.split(".").map(part => [...part].map(c => LETTERS.indexOf(c)));
        if (!text || all.some(s => s.length % 2 || s.includes(-1)) || text.length > 2 * MOST + 200) return undefined;
        return all.map(s => Array.from({ length: s.length / 2 }, (_, i) => s.slice(2 * i, 2 * i + 2))).filter(s => s.length);
      },
    });
    let down = false, long = false, last;
    const add = (x, y, begins) => {
      const point = [x, 63 - y].map(v => Math.max(0, Math.min(63, Math.round(v))));
      const all = begins ? [...strokes.value, []] : [...strokes.value], stroke = all.pop() ?? [];
      const before = stroke.at(-1);
      if (before && before[0] === point[0] && before[1] === point[1]) return;
      long = strokes.value.flat().length >= MOST;
      if (long) return ui.redraw();
      if (sample.value !== "own") sample.set("own");
      strokes.set([...all, [...stroke, point]]);
    };
    const pen = ui.handle("pen", plot, { label: "Pen; the space bar puts it down and lifts it", value: [32, 32], step: 1,
      shape: make("svg:circle", { r: 7, class: "pen" }) });
    pad.addEventListener("keydown", event => {
      if (event.key !== " ") return;
      event.preventDefault();
      down = !down;
      pad.classList.toggle("down", down);
      if (down) add(...pen.value, true);
      else ui.redraw();
    });
    pad.addEventListener("pointerdown", event => {
      event.preventDefault();
      try { pad.setPointerCapture(event.pointerId); } catch { /* it is gone already */ }
      last = event.pointerId;
      down = false;
      const at = plot.from(event);
      add(...at, true);
      pen.set(at.map(v => Math.max(0, Math.min(63, Math.round(v)))));
    });
    pad.addEventListener("pointermove", event => {
      if (event.pointerId !== last) return;
      const at = plot.from(event);
      add(...at);
      pen.set(at.map(v => Math.max(0, Math.min(63, Math.round(v)))));
    });
    for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => (last = undefined));
    ui.button("Clear", () => { down = long = false; strokes.set([]); sample.set("own"); });

    const cells = [], body = make("tbody");
    for (let digit = 0; digit < 10; digit++) {
      const row = ["dense", "conv"].map(kind => make("td", { class: kind }));
      cells.push(row);
      body.append(make("tr", {}, make("th", { scope: "row" }, String(digit)), ...row));
    }
    const table = make("table", { class: "explorable-answers" },
      make("thead", {}, make("tr", {}, ...["", "dense", "convolutional"].map(text => make("th", { scope: "col" }, text || make("span", { class: "visually-hidden" }, "digit"))))), body);
    const ink = () => getComputedStyle(pad).color.match(/\d+/g).slice(0, 3).map(Number); // of this theme
    const maps = (size, count, label) => {
      const canvas = make("canvas", { width: (size + 1) * count, height: size, class: "explorable-maps", role: "img", "aria-label": label });
      const context = canvas.getContext("2d");
      const draw = found => {
        context.clearRect(0, 0, canvas.width, canvas.height);
        if (!found) return;
        const top = Math.max(...found) || 1, shade = ink();
        for (let m = 0; m < count; m++) {
          const pixels = context.createImageData(size, size);
          for (let i = 0; i < size * size; i++) pixels.data.set([...shade, 255 * found[m * size * size + i] / top], 4 * i);
          context.putImageData(pixels, m * (size + 1), 0);
        }
      };
      return { canvas, draw };
    };
    const first = maps(24, 6, "Six feature maps of the first convolution"), second = maps(8, 12, "Twelve feature maps of the second convolution");
    const seen = make("canvas", { width: 28, height: 28, class: "explorable-seen", role: "img", "aria-label": "What the networks see, 28 by 28 pixels" });
    const says = { dense: ui.number("dense says"), conv: ui.number("convolutional says") };
    const right = { dense: ui.number("dense: right of the 10,000 test digits"), conv: ui.number("convolutional: right of them") };

    const nets = {};
    let all;
    const paint = (canvas, pixels) => {
      const context = canvas.getContext("2d"), image = context.createImageData(28, 28);
      const shade = ink();
      (pixels ?? []).forEach((v, i) => image.data.set([...shade, 255 * v], 4 * i));
      context.putImageData(image, 0, 0);
    };
    const input = () => sample.value === "own" ? model.raster(strokes.value, way.value === "centred")
      : all && Float64Array.from(all.slice(784 * sample.value, 784 * (+sample.value + 1)), v => v / 255);
    ui.draw(() => {
      const own = sample.value === "own";
      if (down && own !== undefined) {
        const at = strokes.value.at(-1)?.at(-1);
        if (at && (at[0] !== pen.value[0] || at[1] !== 63 - pen.value[1])) return add(...pen.value);
      }
      const x = input();
      paint(seen, x);
      if (own) picture.removeAttribute("href");
      else set(picture, { href: seen.toDataURL() });
      set(line, { d: own ? strokes.value.map(s => s.map(([a, b], i) => (i ? "L" : "M") + [a, b].map(v => (v / 63 * 280).toFixed(0)).join(" ")).join("") + (s.length < 2 ? "h0.1" : "")).join("") || "M0 0" : "M0 0" });
      const tops = [];
      let found;
      for (const [k, kind] of ["dense", "conv"].entries()) {
        const net = nets[kind];
        found = net && x ? model.answer(kind, net, x) : undefined;
        cells.forEach((row, digit) => {
          const p = found?.p[digit];
          row[k].textContent = p === undefined ? "" : `${fixed(100 * p, 1)} %`;
          row[k].style.setProperty("--p", p ?? 0);
        });
        const top = found && found.p.indexOf(Math.max(...found.p));
        tops.push(top);
        says[kind](found ? `${top}, ${fixed(100 * found.p[top], 1)} %` : "nothing");
        if (net) right[kind](`${fixed(100 * net.accuracy, 2)} %`);
      }
      first.draw(found?.first);
      second.draw(found?.second);
      const share = x ? x.reduce((a, b) => a + b) / 784 : 0;
      ui.say(long ? `The drawing has ${MOST} points, and takes no more. Clear it to go on.`
        : !x ? (own ? "The pad is empty, so there is nothing to read. Draw a digit." : "The networks are being loaded.")
          : share > 0.5 ? "More than half of it is ink. No digit looks like that, but a network has no word for “none of them”: it answers all the same."
            : !nets.dense || !nets.conv ? "The networks are being loaded."
              : tops[0] === tops[1] ? `Both read a ${tops[0]}.${down ? " The pen is down." : ""}`
                : `They disagree: the dense one reads a ${tops[0]}, the convolutional one a ${tops[1]}.`);
    });
    ui.code(() => {
      const x = input() ?? new Float64Array(784);
      const rows = Array.from({ length: 28 }, (_, i) => [...x.slice(28 * i, 28 * i + 28)].map(v => Math.round(15 * v).toString(16)).join(""));
      return `import numpy as np
from d2lib import scratch
from d2lib.data import load_mnist

drawn = """
${rows.join("\n")}
"""
x = np.array([[int(c, 16) / 15 for c in row] for row in drawn.split()], np.float32)

digits = load_mnist()  # the page's networks had all 60,000
net = scratch.MLP([784, 64, 10], seed=0)
adam = scratch.Adam(net.parameters(), lr=0.001)
scratch.fit(net, (digits.x_train[:10_000], digits.y_train[:10_000]),
            loss=scratch.cross_entropy, optimizer=adam, epochs=3, batch_size=100)
p = scratch.softmax(scratch.predict(net, x.reshape(1, 784))).data[0]
print("reads a", p.argmax(), p.round(3))`;
    });
    ui.need("digits-samples", text => { all = bytes(text, Uint8Array); ui.redraw(); });
    for (const kind of ["dense", "conv"])
      ui.need(`digits-${kind}`, data => { nets[kind] = model.unpack(data); ui.redraw(); });
    new MutationObserver(() => ui.redraw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const caption = (text, ...nodes) => make("div", {}, make("p", { class: "explorable-label" }, text), ...nodes);
    return make("div", {}, pad, make("div", { class: "explorable-pair" },
      caption("What they see", seen), caption("What they answer", table)),
    caption("Feature maps: 6 of the first convolution, 12 of the second", first.canvas, second.canvas));
  });
})();
