/* What the browser does to the book before `make pdf` prints it. */

/* Set the mathematics, make everything fit, and put each formula into a link of its own;
   return what a reader would say for each of them. */
async function prepare(formula) {
  await MathJax.startup.promise;
  const speech = MathJax._.a11y.sre.Sre;
  await speech.setupEngine({ locale: "en", domain: "clearspeak" });
  await document.fonts.ready;
  const said = [];
  for (const node of document.querySelectorAll("mjx-container, math")) {
    if (node.matches("mjx-container math")) continue;
    const mathml = node.matches("math") ? node : node.querySelector("math");
    const label = node.getAttribute("aria-label");
    const words = label || (mathml ? spoken(speech, mathml) : node.textContent);
    node.querySelectorAll("mjx-assistive-mml").forEach((hidden) => hidden.remove());
    fit(node);
    if (node.closest("a")) continue;
    const link = document.createElement("a");
    link.className = "formula";
    link.href = formula + said.length;
    node.replaceWith(link);
    link.append(node);
    said.push(words.trim());
  }
  document.querySelectorAll("table, .output > svg").forEach(fit);
  document.querySelectorAll("h1, h2, h3, h4, h5, h6").forEach((heading) => {
    heading.normalize();
  });
  return said;
}

/* What one would say for a formula. */
function spoken(speech, mathml) {
  return speech.toSpeech(mathml.outerHTML).replace(/^1 lines Line 1: /, "");
}

/* Make smaller what is wider than its column. */
function fit(node) {
  const column = node.closest("td, dd, li, .answer, .chapter, section");
  if (!column || node.closest("td")) return;
  const room = column.clientWidth - 2 - indent(node, column);
  const width = node.scrollWidth || node.getBoundingClientRect().width;
  if (width > room) {
    const size = parseFloat(getComputedStyle(node).fontSize);
    node.style.fontSize = Math.max(0.5, room / width) * size + "px";
  }
}

function indent(node, column) {
  const block = node.closest(".math") || node;
  const style = block.parentElement ? block.parentElement.getBoundingClientRect() : null;
  return style ? Math.max(0, style.left - column.getBoundingClientRect().left) : 0;
}

/* Write page numbers where the text wants them; return the targets that have none. */
function fill(numbers) {
  const unknown = [];
  for (const node of document.querySelectorAll("[data-page]")) {
    const number = numbers[node.dataset.page];
    if (number) node.textContent = number;
    else unknown.push(node.dataset.page);
  }
  return unknown;
}
