// For all; to add one: _ext/explorables.py.
(() => {
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  const wanted = {}; // data, by name

  // make("svg:circle", {r: 3}), make("p", {}, "text"); a function is a listener.
  const make = (tag, attributes = {}, ...children) => {
    const node = tag.startsWith("svg:")
      ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
      : document.createElement(tag);
    set(node, attributes).append(...children);
    return node;
  };
  const set = (node, attributes) => {
    for (const [name, value] of Object.entries(attributes))
      if (typeof value === "function") node.addEventListener(name, value);
      else node.setAttribute(name, value);
    return node;
  };
  const fixed = (x, digits = 2) => {
    if (Number.isNaN(x)) return "not a number";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    if (Math.abs(x) >= 1e7) return x.toExponential(1).replace(/-/g, "−");
    return x.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
  };
  // Chance, the same at each visit (mulberry32).
  const chance = seed => () => {
    let t = (seed += 0x6d2b79f5);
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min, max) => text => {
    const x = +text;
    return text.trim() && x >= min && x <= max ? x : undefined;
  };
  const asked = name => {
    const [of, query] = location.hash.slice(1).split("?");
    return new URLSearchParams(of === name && query ? query : "");
  };

  const build = (name, place, recipe) => {
    const states = {}, draws = [], say = make("p", { role: "status" });
    const controls = make("div", { class: "explorable-controls" });
    const buttons = make("div", { class: "explorable-buttons" });
    const numbers = make("dl", { class: "explorable-numbers" });
    const code = make("code"), folded = make("details", { toggle: () => write() },
      make("summary", {}, "Show this as d2lib code"), make("pre", { tabindex: 0 }, code));
    let text = () => "", ready = false, timers = {};
    const later = (what, ms, action) => {
      clearTimeout(timers[what]);
      timers[what] = setTimeout(action, ms);
    };
    const write = () => folded.open && (code.textContent = text());
    const address = () => {
      const query = new URLSearchParams();
      for (const [key, state] of Object.entries(states)) query.set(key, state.write());
      try { history.replaceState(null, "", `#${name}?${query}`); } catch { /* too often */ }
    };
    const redraw = () => { draws.forEach(draw => draw()); write(); };
    const changed = () => {
      if (!ready) return;
      redraw();
      later("address", 250, address);
    };
    const labelled = (label, ...input) =>
      controls.append(make("label", {}, make("span", {}, label), ...input));

    const ui = {
      make, set, fixed, between, labelled, place,
      state(key, { value, parse, write = String, show = () => {} }) {
        const get = () => {
          let found;
          try { found = parse(asked(name).get(key) ?? ""); } catch { /* garbage */ }
          return found ?? value;
        };
        const state = states[key] = {
          value: get(), start: value,
          set(value) { state.value = value; show(value); changed(); },
          again() { state.value = get(); show(state.value); },
          write: () => write(state.value),
        };
        show(state.value);
        return state;
      },
      range(key, { label, min, max, step = 1, value, text = fixed }) {
        const output = make("output");
        const input = make("input", {
          type: "range", min, max, step, input: () => state.set(+input.value),
        });
        const state = ui.state(key, {
          value, parse: between(min, max), show: x => {
            input.value = x;
            set(input, { "aria-valuetext": output.textContent = text(x) });
          },
        });
        labelled(label, output, input);
        return state;
      },
      button(label, click) {
        const button = make("button", { type: "button", click }, label);
        buttons.append(button);
        return button;
      },
      number(label) {
        const value = make("dd");
        numbers.append(make("div", {}, make("dt", {}, label), value));
        return text => (value.textContent = text);
      },
      say: text => later("say", 150, () => (say.textContent = text)),
      code: make => (text = make),
      redraw: () => ready && redraw(),
      draw: draw => { draws.push(draw); if (ready) draw(); },
    };

    for (const [name, part] of Object.entries(explorable.parts))
      ui[name] = (...rest) => part(ui, ...rest);
    const picture = recipe(ui);
    ui.button("Reset", () => {
      for (const state of Object.values(states)) state.set(state.start);
    });
    const copy = ui.button("Copy link", async () => {
      address();
      try {
        await navigator.clipboard.writeText(location.href);
        copy.textContent = "Copied";
      } catch { copy.textContent = "The address bar has it"; }
      later("copy", 2000, () => (copy.textContent = "Copy link"));
    });
    folded.append(make("button", {
      type: "button", hidden: "", click: () => window.d2run.open(text()),
    }, "Edit and run here"));
    folded.addEventListener("toggle", () => (folded.lastChild.hidden = !window.d2run));
    place.querySelector("img").after(make("div", { class: "explorable-ui" },
      make("div", { class: "explorable-picture" }, picture),
      make("div", { class: "explorable-side" }, controls, numbers, say, buttons), folded));
    place.classList.add("explorable-live");
    ready = true;
    redraw();
    explorable.keys[name] = Object.keys(states);
    addEventListener("hashchange", () => {
      if (![...asked(name)].length) return;
      for (const state of Object.values(states)) state.again();
      redraw();
    });
    if ([...asked(name)].length) place.scrollIntoView();
  };

  const load = name => wanted[name]?.promise ?? new Promise((keep, fail) => {
    explorable.data(name);
    wanted[name].promise.then(keep);
    document.head.append(make("script", { src: `${here}data/${name}.js`, error: fail }));
  });
  window.explorable = (name, recipe) => {
    for (const place of document.querySelectorAll(`[data-explorable="${name}"]`))
      build(name, place, recipe);
  };
  Object.assign(explorable, { model: {}, keys: {}, parts: {}, load, chance });
  explorable.data = (name, value) => {
    const entry = wanted[name] ??= {};
    entry.promise ??= new Promise(keep => (entry.keep = keep));
    if (value) entry.keep(value);
  };
})();
