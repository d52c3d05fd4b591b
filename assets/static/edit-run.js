/* Waits for the button "Edit and run here", or for another script that calls d2run.open(code).
   Everything else is loaded then; before that, this is all. */
(() => {
  "use strict";
  const me = document.currentScript;
  const base = me.src.replace(/[^/]*$/, "");
  const page = me.dataset.cells;
  const loading = {};

  // Scripts load from a disk, where nothing else does.
  const load = name => loading[name] ||= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = base + name;
    script.onload = done;
    script.onerror = () => {
      delete loading[name];
      fail(new Error(`${name} can't be loaded`));
    };
    document.head.append(script);
  });

  const ready = async () => {
    if (!loading.css) {
      loading.css = document.createElement("link");
      Object.assign(loading.css, { rel: "stylesheet", href: base + "edit-run.css" });
      document.head.append(loading.css);
    }
    await load("edit-run-page.js");
    if (page) await load(`edit-run/${page}.js`);
  };

  window.d2run = {
    load,
    /** Put code into a cell at the end of the page, and go there. */
    open: code => ready().then(() => d2run.own(code)),
  };
  document.addEventListener("click", event => {
    const button = event.target.closest(".d2run-start");
    if (!button || button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    ready().then(() => d2run.toggle(button), error => { button.textContent = error.message; })
      .finally(() => { button.ariaBusy = "false"; });
  });
})();
