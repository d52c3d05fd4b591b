/* What the browser does to the book before `make pdf` prints it. */

const TALL = 530; // pixels, 140 mm: at the height of other figures it is too small to read

/* Make everything fit, and put each formula into a link of its own; return what a reader
   would say for each of them, and the titles of the outline. All is measured before
   anything is changed: the book is long, and to lay it out takes seconds. */
async function prepare(formula) {
  await MathJax.startup.promise;
  const speech = MathJax._.a11y.sre.Sre;
  await speech.setupEngine({ locale: "en", domain: "clearspeak" });
  await document.fonts.ready;
  const formulas = [...document.querySelectorAll("mjx-container, math")].filter(
    (node) => !node.matches("mjx-container math"),
  );
  const said = formulas.map((node) => words(speech, node));
  const titles = headings(new Map(formulas.map((node, i) => [node, said[i]])));
  document.querySelectorAll("mjx-assistive-mml").forEach((hidden) => hidden.remove());

  document.querySelectorAll("figure img").forEach((img) => {
    const share = Math.min(1, document.documentElement.clientWidth / img.naturalWidth);
    img.classList.toggle("tall", img.naturalHeight * share > TALL);
  });

  const wide = [...formulas, ...document.querySelectorAll("table, .output > svg")];
  const sizes = wide.map(share);
  wide.forEach((node, i) => {
    if (sizes[i] < 1) node.style.fontSize = `${Math.floor(sizes[i] * 100)}%`;
  });

  formulas.forEach((node, i) => {
    if (node.closest("a")) return;
    const link = document.createElement("a");
    link.className = "formula";
    link.href = formula + i;
    node.replaceWith(link);
    link.append(node);
  });
  return [said, titles, shrink()];
}

/* Make smaller whatever else is wider than the page, the largest first; return what still
   is. Without this the browser would print the whole book smaller. */
function shrink() {
  const edge = document.documentElement.clientWidth + 1;
  const beyond = () =>
    [...document.body.querySelectorAll("pre, table, svg, img, p, li, dt, h1, h2, h3, h4, .math")]
      .map((node) => {
        const { left, width, height } = node.getBoundingClientRect();
        return [node, left, height ? left + Math.max(node.scrollWidth || 0, width) : 0];
      })
      .filter(([, , right]) => right > edge);
  beyond().forEach(([node, left, right]) => {
    if (!node.parentElement.closest("[data-shrunk]")) {
      node.style.zoom = (edge - 1 - left) / (right - left);
      node.dataset.shrunk = "";
    }
  });
  return beyond().map(([node]) => node.outerHTML.slice(0, 120));
}

/* The text of each heading, with the words of its formulas. */
function headings(said) {
  const text = (node) =>
    said.get(node) ?? (node.data || [...node.childNodes].map(text).join(""));
  return [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) =>
    text(heading).replace(/\s+/g, " ").trim(),
  );
}

/* What one would say for a formula. */
function words(speech, node) {
  const mathml = node.matches("math") ? node : node.querySelector("math");
  return speech.toSpeech(mathml.outerHTML).replace(/^1 lines Line 1: /, "").trim();
}

/* The share of its size at which something fits into its column. */
function share(node) {
  const block = node.matches("table, svg") ? node.parentElement : node.closest(".math, p, dd, td");
  if (!block || block.closest("td")) return 1;
  const room = block.clientWidth;
  const inside = node.matches("mjx-container") ? node.firstElementChild : node;
  const number = block.querySelector(":scope > .eqno");
  const taken = number ? 2 * number.offsetWidth : 0;
  const width = Math.max(inside ? inside.scrollWidth || 0 : 0, node.getBoundingClientRect().width);
  const needed = node.matches("[display=true]") && inside ? inside.getBoundingClientRect().width : width;
  return room > 0 && needed > room - taken ? Math.max(0.5, (room - taken) / needed) : 1;
}

/* Write page numbers where the text wants them; return the targets that have none. */
function fill(numbers) {
  const unknown = [];
  for (const node of document.querySelectorAll("[data-page-of]")) {
    const number = numbers[node.dataset.pageOf];
    if (number) node.textContent = number;
    else unknown.push(node.dataset.pageOf);
  }
  // Laid out anew, the book does not depend on how it lay in the print before.
  document.body.style.display = "none";
  document.body.getBoundingClientRect();
  document.body.style.display = "";
  return unknown;
}
