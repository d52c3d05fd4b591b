/* A deck: one slide at a time, by keys, by buttons, by touch; its number is in the address. */
(function () {
  const slides = [...document.querySelectorAll("main > section")];
  const at = document.getElementById("at");
  let shown = -1;

  function show(number, focus) {
    const next = Math.min(Math.max(number, 0), slides.length - 1);
    if (next === shown) return;
    shown = next;
    slides.forEach((slide, i) => (slide.hidden = i !== shown));
    at.textContent = `${shown + 1} / ${slides.length}`;
    location.replace(`#${shown + 1}`);
    if (focus) slides[shown].focus({ preventScroll: true });
  }

  const fromAddress = () => (parseInt(location.hash.slice(1), 10) || 1) - 1;
  const keys = {
    ArrowRight: () => shown + 1,
    ArrowDown: () => shown + 1,
    PageDown: () => shown + 1,
    " ": () => shown + 1,
    ArrowLeft: () => shown - 1,
    ArrowUp: () => shown - 1,
    PageUp: () => shown - 1,
    Home: () => 0,
    End: () => slides.length - 1,
  };

  slides.forEach((slide, i) => {
    slide.setAttribute("role", "group");
    slide.setAttribute("aria-label", `Slide ${i + 1} of ${slides.length}`);
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " " && event.target.closest("button")) return;
    const to = keys[event.key];
    if (!to) return;
    event.preventDefault();
    show(to(), true);
  });
  document.getElementById("back").addEventListener("click", () => show(shown - 1));
  document.getElementById("on").addEventListener("click", () => show(shown + 1));
  addEventListener("hashchange", () => show(fromAddress(), true));

  let from = null;
  addEventListener("touchstart", (event) => (from = event.touches[0].clientX), { passive: true });
  addEventListener("touchend", (event) => {
    const way = event.changedTouches[0].clientX - from;
    if (Math.abs(way) > 60) show(shown + (way < 0 ? 1 : -1));
  });
  document.documentElement.classList.add("deck");
  show(fromAddress());
})();
