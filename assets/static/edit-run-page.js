/* Edit and run the cells of a page. Loaded by edit-run.js, on the first click. */
(() => {
  "use strict";
  // Seconds that cells took when the book was built, and that they took here: a first guess,
  // which each cell that has run corrects.
  const pace = { built: 1, here: 10 };
  const ASK = 60, LONG = 300; // seconds
  const NEEDED = { // what a cell mentions, and the script of files that it needs for it
    plot: /matplotlib|plotting|load_photograph/,
    mnist: /load_mnist|digit_scenes/,
    rl: /gymnasium|reinforcement/,
    music: /music21|load_tunes|check_abc/,
    photos: /load_photograph/,
  };
  const files = {}, groups = {}; // as Blobs: they cost nothing to hand to a worker
  const sent = new Set();
  let cells = [], exercises = [], made = [];
  let worker, busy, runs = 0, on = false, ranAs = new Map();

  // --- small things ---------------------------------------------------------

  const element = (tag, options = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), options);
    node.append(...children);
    return node;
  };
  const button = (text, action, className = "") =>
    element("button", { type: "button", textContent: text, className: `d2run-button ${className}`, onclick: action });
  const minutes = seconds => seconds < 90
    ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`;
  const lines = text => text.split("\n").length;

  // --- the files ------------------------------------------------------------

  const taking = [];
  d2run.take = (name, group, entries) => {
    groups[name] = group;
    for (const [file, [zipped, base64]] of Object.entries(entries)) taking.push((async () => {
      let body = await (await fetch(`data:application/octet-stream;base64,${base64}`)).blob();
      if (zipped) body = await new Response(body.stream().pipeThrough(new DecompressionStream("gzip"))).blob();
      files[file] = body;
    })());
  };

  const bring = async names => {
    for (const name of names) if (!groups[name]) await d2run.load(`edit-run/${name}.js`);
    await Promise.all(taking);
  };

  // --- the worker -----------------------------------------------------------

  const end = () => {
    worker?.terminate();
    worker = busy = undefined;
    ranAs = new Map();
    sent.clear();
  };

  /** Run cells one after the other; `each` hears of all that happens. */
  const run = async (todo, hear) => {
    const job = busy = { id: ++runs, hear };
    try {
      const scripts = Object.keys(NEEDED).filter(name => todo.some(cell => NEEDED[name].test(cell.code)));
      hear({ loading: true });
      await bring(["core"]);
      const known = [];
      for (const name of scripts) {
        try { await bring([name]); known.push(name); } catch { /* the site was built without it */ }
      }
      if (busy !== job) return;
      if (!worker) {
        const address = URL.createObjectURL(files["worker.js"]);
        worker = new Worker(address);
        worker.onmessage = ({ data }) => { if (busy && data.id === busy.id) busy.hear(data); };
        worker.onerror = event => busy?.hear({ fatal: event.message || "the worker has ended" });
      }
      const news = Object.fromEntries(Object.entries(files).filter(([name]) => !sent.has(name)));
      Object.keys(news).forEach(name => sent.add(name));
      worker.postMessage({ id: job.id, files: news, groups, scripts: known, cells: todo });
    } catch (error) {
      if (busy === job) hear({ fatal: error.message });
    }
  };

  // --- what a cell shows ----------------------------------------------------

  const COLOURED = "highlight";
  const outputs = (box, built) => {
    let text, kind, pictures = 0;
    const figures = built ? [...built.querySelectorAll("figure, img")].filter(node => !node.parentElement.closest("figure")) : [];
    const wrap = (className, node) => { box.append(element("div", { className: `output ${className}` }, node)); text = undefined; return node; };
    const picture = (type, data) => {
      const bytes = type === "image/png" ? Uint8Array.from(atob(data), c => c.charCodeAt(0)) : data;
      const src = URL.createObjectURL(new Blob([bytes], { type }));
      const old = figures[pictures++];
      if (old) { // the caption stays
        const copy = old.cloneNode(true), image = copy.matches("img") ? copy : copy.querySelector("img");
        copy.removeAttribute("id");
        copy.querySelector(".headerlink")?.remove();
        if (image) {
          Object.assign(image, { src, alt: `Drawn by the code as it is now; as built it was: ${image.alt}` });
          image.removeAttribute("width"); image.removeAttribute("height");
          return wrap("image", copy);
        }
      }
      wrap("image", element("img", { src, alt: "What the cell has drawn" }));
    };
    return message => {
      if (message.kind === "text" || message.kind === "stderr") {
        if (!text || kind !== message.kind) {
          text = wrap("stream", element("div", { className: "highlight" }, element("pre"))).firstChild;
          text.tabIndex = 0;
          kind = message.kind;
        }
        text.append(message.text);
      } else if (message.kind === "html") {
        wrap("text_html", element("div")).innerHTML = message.text;
      } else if (message.kind === "svg") picture("image/svg+xml", message.text);
      else if (message.kind === "png") picture("image/png", message.text);
      else if (message.kind === "clear") { box.replaceChildren(); text = undefined; }
    };
  };

  const mistake = ({ error, line, traceback }) => {
    const [first, ...more] = error.split("\n");
    const node = element("div", { className: "d2run-error" },
      element("p", {}, element("strong", { textContent: first }), line ? ` (line ${line} of the cell)` : ""));
    if (more.length) node.append(element("pre", { textContent: more.join("\n") }));
    if (traceback) node.append(element("details", {}, element("summary", { textContent: "Traceback" }), element("pre", { textContent: traceback, tabIndex: 0 })));
    return node;
  };

  // --- an editor ------------------------------------------------------------

  /** Make an editor: a textarea, its buttons, its outputs, and what it says. */
  const editor = ({ key, code, name, label, built, solution, lacks, check, before, place }) => {
    const area = element("textarea", { className: "d2run-code", value: code, spellcheck: false, wrap: "off", autocapitalize: "off", autocomplete: "off" });
    area.setAttribute("aria-label", label);
    area.setAttribute("aria-describedby", "d2run-keys");
    const said = element("span", { className: "d2run-said", role: "status" });
    const box = element("div", { className: "cell_output docutils container d2run-output", hidden: true });
    const me = { key, name, area, said, box, built, code, check, before };
    const go = button("Run", () => start(me));
    const stop = button("Stop", () => { if (busy?.of === me) halt("Stopped. The next run starts Python afresh."); }, "d2run-stop");
    const reset = button("Reset", () => { stopIf(me); area.value = code; fit(); forget(me); said.textContent = ""; });
    for (const [node, what] of [[go, "Run"], [stop, "Stop"], [reset, "Reset"]]) node.setAttribute("aria-label", `${what}: ${label}`);
    stop.hidden = true;
    const bar = element("div", { className: "d2run-tools" }, go, stop, reset);
    if (solution) bar.append(button("Fill in the solution", () => { area.value = solution; fit(); }));
    bar.append(said);
    const node = element("div", { className: "d2run-editor" }, area, bar);
    if (lacks) node.prepend(element("p", { className: "d2run-note", textContent: lacks }));
    const fit = () => { area.rows = Math.min(Math.max(lines(area.value), 2), 30); };
    fit();
    let leave = false; // Escape, then Tab, leaves
    area.addEventListener("input", fit);
    area.addEventListener("keydown", event => {
      if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        start(me);
      } else if (event.key === "Tab" && !leave && !event.shiftKey) {
        event.preventDefault();
        area.setRangeText("    ", area.selectionStart, area.selectionEnd, "end");
        area.dispatchEvent(new Event("input"));
      }
      if (event.key !== "Shift") leave = event.key === "Escape";
    });
    area.addEventListener("blur", () => { leave = false; });
    Object.assign(me, { go, stop, node });
    place(node, box);
    made.push(me);
    return me;
  };

  const forget = me => {
    me.box.replaceChildren();
    me.box.hidden = true;
    if (me.built) me.built.hidden = false;
  };

  const stopIf = me => { if (busy?.of === me) halt(""); };
  const halt = why => {
    const me = busy?.of;
    end();
    if (!me) return;
    me.said.textContent = why;
    me.stop.hidden = true;
    me.go.disabled = false;
  };

  // --- a run ----------------------------------------------------------------

  const text = cell => cell.editor ? cell.editor.area.value : cell.code;

  /** The cells that have to run before one does: those before it that have not. */
  const earlier = me => cells
    .filter(cell => me.before(cell) && !cell.listing && ranAs.get(cell.index) !== text(cell));

  const start = async (me, sure) => {
    if (busy) {
      me.said.textContent = busy.of === me ? "It is running." : "Another cell is running: stop it first.";
      return;
    }
    const first = earlier(me), mine = me.area.value;
    const taken = [...first, ...cells.filter(cell => cell.editor === me)];
    const built = taken.reduce((sum, { seconds = 0 }) => sum + seconds, 0);
    const slower = pace.here / pace.built, seconds = built * slower;
    if (!sure && seconds > ASK) {
      const what = first.length ? "This cell and those before it took" : "This cell took";
      const long = `${what} ${minutes(built)} when the book was built. Python in a page is some ${Math.ceil(slower)} times slower: that may be ${minutes(seconds)}.`;
      const faster = seconds > LONG ? " The page's notebook, which the download menu at the top of the page offers, is faster." : "";
      me.said.textContent = `${long}${faster} `;
      me.said.append(button("Run it all the same", () => start(me, true)), " ", button("Leave it", () => { me.said.textContent = ""; }));
      return;
    }
    const item = (key, name, code, quiet, check) => ({ key, name, code, quiet, check });
    // An earlier cell that was edited shows what it does now, the others keep what was built.
    const todo = first.map(cell => item(cell.index, `cell ${cell.index}`, text(cell), !(cell.editor && text(cell) !== cell.code), ""));
    todo.push(item(me.key, me.name, mine, false, me.check || ""));
    const failed = [];
    let show, current, cellBegan;
    me.go.disabled = true;
    me.stop.hidden = false;
    me.said.textContent = "Loading Python, 9 megabytes…";
    const began = performance.now();
    const finish = words => {
      busy = undefined;
      me.go.disabled = false;
      if (document.activeElement === me.stop) me.go.focus();
      me.stop.hidden = true;
      me.said.textContent = words;
      if (!me.box.childNodes.length) me.box.hidden = !me.built;
      document.dispatchEvent(new CustomEvent("d2run", { detail: { key: me.key, seconds: (performance.now() - began) / 1000 } }));
    };
    run(todo, message => {
      if (message.ready) me.said.textContent = todo.length > 1 ? `Running ${todo.length - 1} earlier cells…` : "Running…";
      if (message.began !== undefined) {
        current = todo.find(cell => cell.key === message.began);
        cellBegan = performance.now();
        const of = current.key === me.key ? me : cells.find(cell => cell.index === current.key).editor;
        show = undefined;
        if (!current.quiet) {
          of.box.replaceChildren();
          of.box.hidden = false;
          if (of.built) of.built.hidden = true;
          show = outputs(of.box, of.built);
          current.box = of.box;
          if (of === me) me.said.textContent = "Running…";
        }
      }
      if (message.kind) show?.(message);
      if (message.ended !== undefined) {
        if (message.error) {
          current.box?.append(mistake(message.error));
          if (current.key !== me.key) failed.push([current.key, message.error]);
          else current.failed = true;
        }
        const { seconds, code } = cells.find(cell => cell.index === current.key) || {};
        if (seconds > 0.2 && code === current.code && !message.error) {
          pace.built += seconds;
          pace.here += (performance.now() - cellBegan) / 1000;
        }
        ranAs.set(message.ended, current.code);
      }
      if (message.fatal) {
        const memory = /memory|allocat|abort/i.test(message.fatal);
        me.box.hidden = false;
        me.box.append(mistake({ error: `${memory ? "Python ran out of memory" : "Python has ended"}: ${message.fatal.split("\n")[0]}` }));
        end();
        finish("The next run starts Python afresh.");
      }
      if (message.done) {
        const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
        const other = failed.find(([, error]) => error);
        const names = failed.length === 1 ? "An earlier cell" : `${failed.length} earlier cells`;
        if (failed.length) me.box.append(element("p", { className: "d2run-note", textContent: `${names} failed here: ${other[1].error.split("\n")[0]}` }));
        finish(current.failed ? `It ended in an error after ${took}.` : `Done in ${took}.`);
      }
    });
    busy.of = me;
  };

  // --- the page -------------------------------------------------------------

  d2run.page = exported => ({ cells, exercises } = d2run.exported = exported);

  const describe = () => {
    if (!document.getElementById("d2run-keys"))
      document.querySelector("main article, article, main, body").append(element("p", {
        id: "d2run-keys", hidden: true,
        textContent: "Shift and Enter run the cell. Tab indents; Escape and then Tab leaves the cell.",
      }));
  };

  const open = () => {
    describe();
    cells.forEach((cell, number) => {
      const node = document.querySelector(`.d2run-${cell.index}`);
      const input = node?.querySelector(".cell_input");
      if (!input || cell.hidden) return;
      const built = node.querySelector(".cell_output") || undefined;
      const old = [...input.children];
      cell.editor = editor({
        key: cell.index, code: cell.code, name: `cell ${cell.index}`, label: `code cell ${number + 1}`, built,
        solution: cell.solution, lacks: cell.lacks,
        before: other => other.index < cell.index && (!other.of || other.of === cell.of),
        place: (own, box) => {
          old.forEach(child => { child.hidden = true; });
          input.append(own);
          built ? built.after(box) : node.append(box);
          cell.close = () => { own.remove(); box.remove(); old.forEach(child => { child.hidden = false; }); if (built) built.hidden = false; };
        },
      });
    });
    exercises.forEach(exercise => {
      const node = document.getElementById(exercise.label);
      if (!node) return;
      exercise.editor = editor({
        key: exercise.label, code: exercise.start ? `${exercise.start}\n    ...  # fill in: your answer\n` : "", name: exercise.label,
        label: `your answer to ${node.querySelector(".admonition-title")?.textContent.trim() || "the exercise"}`, check: exercise.check,
        before: other => other.index < exercise.before && !other.of,
        place: (own, box) => {
          const whole = element("div", { className: "d2run-exercise cell" }, own, box);
          if (exercise.check) own.querySelector(".d2run-tools").prepend(element("span", { className: "d2run-checked", textContent: "Checked when it runs." }));
          node.append(whole);
          exercise.close = () => whole.remove();
        },
      });
    });
    document.querySelectorAll(".cell.tag_mxnet, .cell.tag_twins").forEach(node =>
      node.prepend(element("p", { className: "d2run-note d2run-mxnet", textContent: "MXNet has no version for browsers: to change this cell, take the page's notebook." })));
  };

  const close = () => {
    halt("");
    [...cells, ...exercises].forEach(cell => { cell.close?.(); delete cell.editor; delete cell.close; });
    document.querySelectorAll(".d2run-mxnet").forEach(node => node.remove());
    made = [];
  };

  d2run.toggle = start => {
    on = !on;
    on ? open() : close();
    start.textContent = on ? "Back to the page as it was" : "Edit and run here";
    let hint = start.parentNode.querySelector(".d2run-hint");
    if (!on) return hint?.remove();
    start.after(element("span", { className: "d2run-hint", role: "status", textContent: " Change a cell and press Run, or Shift and Enter. Cells before it are run for you." }));
    warm();
  };

  // Python loads while the reader looks for a cell.
  const warm = () => bring(["core"]).catch(() => {});

  /** For the tests: run cells of this page without their editors. */
  d2run.quietly = (todo, hear) => run(todo, message => {
    hear(message);
    if (message.done || message.fatal) busy = undefined;
    if (message.fatal) end();
  });

  d2run.own = code => {
    describe();
    const key = `own-${++runs}`;
    const me = editor({
      key, code, name: "your cell", label: "your own cell", before: () => false,
      place: (own, box) => document.querySelector("article.bd-article, article, main, body")
        .append(element("div", { className: "cell d2run-own", id: key }, own, box)),
    });
    warm();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    me.node.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
    me.area.focus({ preventScroll: true });
    return me;
  };
})();
