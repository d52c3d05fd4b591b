// More of ui: axes to draw into, points to drag in them, choices, loops and data.
(() => {
  // An axis may run downwards, as the rows of a picture do: y: [28, 0].
  const sorted = ([a, b]) => (a < b ? [a, b] : [b, a]);

  // Round numbers for the ticks of an axis from a to b.
  const ticks = (from, to, most = 6) => {
    const [a, b] = sorted([from, to]);
    const rough = (b - a) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find(n => n * power >= rough);
    const found = [];
    for (let v = Math.ceil(a / step - 1e-9); v * step <= b + step * 1e-9; v++) found.push(+(v * step).toPrecision(6));
    return found;
  };

  // An SVG with axes; `inner` is what is clipped to them.
  explorable.parts.plot = (ui, { x, y, xlabel = "", ylabel = "", width = 400, height = 360, label = "", logy = false,
                           left = logy ? 62 : 50, right = 10, top = 10, bottom = 42 }) => {
    const { make } = ui, w = width - left - right, h = height - top - bottom;
    const up = v => logy ? Math.log10(Math.max(v, 1e-300)) : v;
    const low = up(y[0]), high = up(y[1]);
    const to = (a, b) => [left + w * (a - x[0]) / (x[1] - x[0]), top + h * (high - up(b)) / (high - low)];
    const id = `d2-${explorable.count = (explorable.count ?? 0) + 1}`;
    const inner = make("svg:g", { "clip-path": `url(#${id})` });
    const grid = make("svg:g", { class: "explorable-grid" });
    const node = make("svg:svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label },
      make("svg:clipPath", { id }, make("svg:rect", { x: left, y: top, width: w, height: h })), grid, inner);
    for (const v of ticks(...x)) {
      const [p] = to(v, y[0]);
      grid.append(make("svg:path", { d: `M${p} ${top}v${h}` }),
        make("svg:text", { x: p, y: top + h + 16, "text-anchor": "middle" }, String(v).replace("-", "−")));
    }
    const rows = logy ? ticks(low, high).filter(Number.isInteger).map(n => [10 ** n, `1e${n}`]) : ticks(...y).map(v => [v, String(v)]);
    for (const [v, text] of rows) {
      const [, p] = to(x[0], v);
      grid.append(make("svg:path", { d: `M${left} ${p}h${w}` }),
        make("svg:text", { x: left - 6, y: p + 4, "text-anchor": "end" }, text.replace("-", "−")));
    }
    grid.append(make("svg:text", { x: left + w / 2, y: height - 6, "text-anchor": "middle" }, xlabel),
      make("svg:text", { transform: `translate(12 ${top + h / 2}) rotate(-90)`, "text-anchor": "middle" }, ylabel));
    const plot = {
      node, inner, x, y, to, box: { left, top, width: w, height: h },
      // From a pointer's event to the axes' numbers.
      from(event) {
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(node.getScreenCTM().inverse());
        return [x[0] + (at.x - left) / w * (x[1] - x[0]), low + (top + h - at.y) / h * (high - low)];
      },
      // The d of a path through points; a gap where a number is none.
      line: points => {
        let pen = "M";
        return points.map(([a, b]) => {
          if (!Number.isFinite(a) || !Number.isFinite(b)) { pen = "M"; return ""; }
          const text = pen + to(a, b).map(v => Math.max(-1e4, Math.min(1e4, v)).toFixed(1)).join(" ");
          pen = "L";
          return text;
        }).join("") || "M0 0";
      },
      path: attributes => inner.appendChild(make("svg:path", { d: "M0 0", fill: "none", ...attributes })),
      // An image that fills the axes: paint(canvas' pixels, columns, rows), the top row first.
      image: (columns, rows, opacity = 1) => {
        const canvas = make("canvas", { width: columns, height: rows });
        const pixels = canvas.getContext("2d").createImageData(columns, rows);
        const image = make("svg:image", { x: left, y: top, width: w, height: h, preserveAspectRatio: "none", opacity });
        inner.prepend(image);
        return paint => {
          paint(pixels.data, columns, rows);
          canvas.getContext("2d").putImageData(pixels, 0, 0);
          image.setAttribute("href", canvas.toDataURL());
        };
      },
    };
    return plot;
  };

  // A point to drag by pointer, touch and arrow keys (Shift: ten steps; Home: as it was).
  explorable.parts.handle = (ui, key, plot, { label, value, step = 0.1, x = sorted(plot.x), y = sorted(plot.y), shape }) => {
    const { make, set, between, fixed } = ui;
    const near = (v, [low, high]) =>
      +Math.min(high, Math.max(low, Math.round(v / step) * step)).toFixed(6) || 0;
    const move = (a, b) => state.set([near(a, x), near(b, y)]);
    const up = plot.y[0] < plot.y[1] ? 1 : -1;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, up], ArrowDown: [0, -up] };
    const node = make("svg:g", {
      class: "explorable-handle", tabindex: 0, role: "slider", "aria-label": label,
      "aria-roledescription": "movable point", "aria-valuemin": x[0], "aria-valuemax": x[1],
      touchstart: event => event.preventDefault(), // the page would move: touch-action isn't for parts of an SVG
      pointerdown: event => {
        node.setPointerCapture(event.pointerId);
        node.focus({ preventScroll: true });
        event.preventDefault();
      },
      pointermove: event => node.hasPointerCapture(event.pointerId) && move(...plot.from(event)),
      keydown: event => {
        const way = ways[event.key], by = step * (event.shiftKey ? 10 : 1);
        if (way || event.key === "Home") event.preventDefault();
        if (way) move(state.value[0] + by * way[0], state.value[1] + by * way[1]);
        if (event.key === "Home") state.set(value);
      },
    }, make("svg:circle", { r: 22, fill: "transparent" }), shape ?? make("svg:circle", { r: 8, class: "dot" }));
    const state = ui.state(key, {
      value,
      write: point => point.join(","),
      parse: text => {
        const [a, b, ...more] = text.split(",");
        const point = [between(...x)(a), between(...y)(b ?? "")];
        return more.length || point.includes(undefined) ? undefined : point;
      },
      show: point => {
        const [left, top] = plot.to(...point);
        set(node, {
          transform: `translate(${left} ${top})`, "aria-valuenow": point[0],
          "aria-valuetext": point.map(v => fixed(v, 1)).join(", "),
        });
      },
    });
    plot.node.append(node);
    return state;
  };

  explorable.parts.choice = (ui, key, { label, options, value }) => {
    const { make } = ui;
    const input = make("select", { change: () => state.set(input.value) },
      ...options.map(([value, text]) => make("option", { value }, text)));
    const state = ui.state(key, {
      value,
      parse: text => options.find(option => option[0] === text)?.[0],
      show: value => (input.value = value),
    });
    ui.labelled(label, input);
    return state;
  };

  // A button that runs step() until it returns false, every `rest` ms, and stops it.
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  explorable.parts.loop = (ui, step, label, rest = 0) => {
    let on = 0, last = 0;
    const stop = () => {
      cancelAnimationFrame(on);
      on = 0;
      button.textContent = label;
    };
    const frame = now => {
      on = requestAnimationFrame(frame);
      if (now - last < (calm.matches ? 500 : rest)) return;
      last = now;
      if (step() === false) stop();
    };
    const start = () => {
      if (on) return;
      button.textContent = "Stop";
      on = requestAnimationFrame(frame);
    };
    const button = ui.button(label, () => (on ? stop() : start()));
    return { start, stop };
  };

  // Call use(data) once the reader is near; the place is busy until then.
  explorable.parts.need = (ui, name, use) => {
    const { place } = ui, wait = by => {
      place.dataset.waits = +(place.dataset.waits ?? 0) + by;
      place.setAttribute("aria-busy", place.dataset.waits > 0);
    };
    wait(1);
    new IntersectionObserver((seen, watch) => {
      if (!seen.some(entry => entry.isIntersecting)) return;
      watch.disconnect();
      explorable.load(name).then(data => { use(data); wait(-1); }, () => ui.say("Its data could not be loaded."));
    }, { rootMargin: "300px" }).observe(place);
  };

  // A map of f(a, b): bluer where lower, in steps of equal area. Without f it returns what draws one.
  explorable.contours = (plot, f) => {
    const paint = plot.image(120, 90, 0.4), levels = 12;
    const draw = f => paint((pixels, columns, rows) => {
      const values = [];
      for (let j = 0; j < rows; j++)
        for (let i = 0; i < columns; i++)
          values.push(f(plot.x[0] + (plot.x[1] - plot.x[0]) * (i + 0.5) / columns, plot.y[1] - (plot.y[1] - plot.y[0]) * (j + 0.5) / rows));
      const sorted = [...values].sort((a, b) => a - b);
      const bounds = Array.from({ length: levels - 1 }, (_, k) => sorted[Math.floor(sorted.length * (k + 1) / levels)]);
      values.forEach((value, i) => pixels.set([0, 114, 178, 250 * (1 - bounds.filter(bound => value >= bound).length / levels)], 4 * i));
    });
    if (f) draw(f);
    return draw;
  };
})();
