/* The picture on the first page: what both twins answered while they learnt one curve, as
   the build recorded it. It plays once, when it is first seen, and stops by itself; under
   reduced motion it waits for its button. */
(() => {
  "use strict";
  const SECONDS = 7;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  function enliven(figure) {
    const { at, loss } = figure.dataset;
    const epochs = at.split(" ").map(Number);
    const losses = loss.split(" ");
    const last = epochs.length - 1;
    const twins = ["numpy", "mxnet"]
      .filter((name) => figure.dataset[name])
      .map((name) => ({
        path: figure.querySelector(`path.${name}`),
        heights: Uint8Array.from(atob(figure.dataset[name]), (c) => c.charCodeAt(0)),
      }));
    const { width, height } = figure.querySelector("svg").viewBox.baseVal;

    const play = document.createElement("button");
    play.type = "button";
    play.className = "reading-button";
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: last, step: "any" });
    slider.setAttribute("aria-label", "How long both have trained");
    const said = document.createElement("span");
    const controls = document.createElement("div");
    controls.className = "live-controls";
    controls.append(play, slider, said);
    figure.querySelector("svg").after(controls);

    let now = last;
    let from = null; // when the last picture was drawn; null while it stands still

    function draw() {
      const frame = Math.min(Math.floor(now), last - 1);
      const part = now - frame;
      for (const { path, heights } of twins) {
        const n = heights.length / (last + 1);
        let d = "";
        for (let i = 0; i < n; i++) {
          const h = heights[frame * n + i] * (1 - part) + heights[(frame + 1) * n + i] * part;
          d += `${i ? "L" : "M"}${((width * i) / (n - 1)).toFixed(1)} ${(height * (1 - h / 255)).toFixed(1)}`;
        }
        path.setAttribute("d", d);
      }
      const nearest = Math.round(now);
      said.textContent = `epoch ${epochs[nearest]}, error ${losses[nearest]}`;
      slider.value = now;
      slider.setAttribute("aria-valuetext", said.textContent);
    }

    function name() {
      play.textContent = from !== null ? "Pause" : now < last ? "Play" : "Play again";
    }

    function step(time) {
      if (from === null) return;
      const slow = still.matches ? 3 : 1;
      now = Math.min(last, now + (Math.max(0, time - from) / 1000) * (last / SECONDS / slow));
      from = now < last ? time : null;
      draw();
      if (from === null) name();
      else requestAnimationFrame(step);
    }

    function start() {
      if (now >= last) now = 0;
      from = performance.now();
      name();
      requestAnimationFrame(step);
    }

    play.addEventListener("click", () => {
      if (from === null) return start();
      from = null;
      name();
    });
    slider.addEventListener("input", () => {
      from = null;
      now = Number(slider.value);
      draw();
      name();
    });
    slider.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      slider.value = Math.max(0, Math.min(last, Math.round(now) + way));
      slider.dispatchEvent(new Event("input"));
    });

    draw();
    name();
    if (!still.matches)
      new IntersectionObserver((seen, observer) => {
        if (!seen.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        start();
      }, { threshold: 0.5 }).observe(figure);
  }

  document.querySelectorAll(".d2-live").forEach(enliven);
})();
