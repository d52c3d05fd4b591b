// A formula that is wider than the page scrolls, so the keyboard must reach it; one that
// is not must not cost a stop on the way through the page.

(() => {
  const formulas = () => document.querySelectorAll('mjx-container[display="true"]');

  const mark = () => {
    const wide = [...formulas()].map((node) => node.scrollWidth > node.clientWidth);
    formulas().forEach((node, i) => {
      if (!wide[i]) {
        node.removeAttribute("tabindex");
        node.removeAttribute("role");
        node.removeAttribute("aria-label");
        return;
      }
      node.tabIndex = 0;
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", "A wide formula; it scrolls");
    });
  };

  addEventListener("load", mark);
  addEventListener("resize", mark);
  // A formula in a closed answer or tab has no width until it is opened.
  addEventListener("click", () => requestAnimationFrame(mark));
  addEventListener("change", () => requestAnimationFrame(mark));
})();

// What is copied of a page has its formulas as TeX, each where it stood in its sentence.

document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const part = selection.getRangeAt(0).cloneContents();
  const formulas = part.querySelectorAll("mjx-container");
  if (!formulas.length) return;
  for (const formula of formulas)
    formula.replaceWith(formula.querySelector(".copied-tex")?.textContent ?? "");
  const copied = document.createElement("div");
  copied.style.cssText = "position: fixed; left: -9999px";
  copied.append(part);
  document.body.append(copied); // only what is drawn has lines
  event.clipboardData.setData("text/plain", copied.innerText);
  event.clipboardData.setData("text/html", copied.innerHTML);
  copied.remove();
  event.preventDefault();
});
