/* Python for a page, in a worker: loads Pyodide from the files that the page hands over,
   and asks nothing of any host. */
"use strict";

let python, files, ready, loaded = {};
const site = "/lib/python3.12/site-packages";
const types = { wasm: "application/wasm", json: "application/json", js: "text/javascript" };

// Pyodide asks for its files by their addresses; they are in the table.
self.fetch = async url => {
  const name = String(url.url || url).split("/").pop();
  if (!files[name]) throw new TypeError(`This page asks no other host, and has no ${name}`);
  return new Response(files[name], { headers: { "Content-Type": types[name.split(".").pop()] || "" } });
};
const script = async name => (0, eval)(await files[name].text());
const bytes = async name => new Uint8Array(await files[name].arrayBuffer());

async function start() {
  await script("pyodide.js");
  await script("pyodide.asm.js");
  python = await loadPyodide({ indexURL: "https://pyodide.invalid/", stdout: () => {}, stderr: () => {} });
  await add(["core"]);
  python.runPython(await files["cells.py"].text(), { filename: "<cells>", globals: table() });
}

let own; // the names of cells.py, apart from those of the page
function table() {
  own = python.toPy({ __name__: "cells", __file__: "<cells>" });
  return own;
}

// Unpack what a script of files brought: wheels by the lock, the rest as zips.
async function add(names) {
  for (const name of names) {
    if (loaded[name]) continue;
    const { wheels = [], zips = [] } = loaded[name] = groups[name] || {};
    if (wheels.length) await python.loadPackage(wheels, { messageCallback() {}, checkIntegrity: false });
    for (const zip of zips) python.unpackArchive(await bytes(zip), "zip", { extractDir: site });
  }
  python.runPython("import importlib; importlib.invalidate_caches()");
}

let groups = {};
onmessage = async ({ data }) => {
  files = { ...files, ...data.files };
  groups = { ...groups, ...data.groups };
  const say = message => postMessage({ id: data.id, ...message });
  try {
    await (ready ||= start());
    say({ ready: true });
    await add(data.scripts);
    own.set("send", (kind, text) => say({ kind, text }));
    for (const cell of data.cells) {
      say({ began: cell.key });
      const run = own.get("run");
      const error = run(cell.code, cell.name, cell.quiet, cell.check || "");
      run.destroy();
      say({ ended: cell.key, error: error && JSON.parse(error) });
    }
    say({ done: true });
  } catch (fatal) { // Python itself has ended
    say({ fatal: String(fatal && fatal.message || fatal) });
  }
};
