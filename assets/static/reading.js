/* What a reader does on the pages: answers questions, marks pages as read. All of it stays
   in this browser, under one key of localStorage. Where that is forbidden everything works
   until the page is left, and says so. */
(() => {
  "use strict";
  const KEY = "deep-learning-twice";
  const PAGE = typeof DOCUMENTATION_OPTIONS === "undefined" ? "" : DOCUMENTATION_OPTIONS.pagename || "";

  /* --- memory: { answers: { page: { question: choice } }, read: { page: true } } --- */

  let keeps = true; // whether this browser keeps anything

  const plain = (thing) =>
    thing && typeof thing === "object" && !Array.isArray(thing) ? thing : {};

  function recall() {
    try {
      const kept = plain(JSON.parse(localStorage.getItem(KEY)));
      return { answers: plain(kept.answers), read: plain(kept.read) };
    } catch (error) {
      keeps = !(error instanceof DOMException); // what is damaged is begun anew
      return { answers: {}, read: {} };
    }
  }

  let memory = recall();

  /* Change what is kept. It is read again first: another tab may have written. */
  function remember(change) {
    if (keeps) memory = recall();
    change(memory);
    try {
      localStorage.setItem(KEY, JSON.stringify(memory));
    } catch {
      keeps = false;
    }
    told.forEach((tell) => tell());
  }

  const told = []; // what to do when the memory has changed
  window.addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) {
      memory = recall();
      told.forEach((tell) => tell());
    }
  });

  /* --- small things --- */

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== false) made.setAttribute(name, value === true ? "" : value);
    made.append(...children);
    return made;
  }

  const button = (text, onclick, attributes = {}) =>
    element("button", { type: "button", class: "reading-button", onclick, ...attributes }, text);

  const count = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

  /* --- self-checks: commit to an answer, then see why --- */

  const checks = []; // { key, right, choice(), show() }

  function enliven(box) {
    const key = box.id.replace("check-", "");
    const list = box.querySelector(".options");
    const options = [...list.children];
    const reasons = box.querySelector(".reasons");
    const why = [...reasons.querySelector("ol").children];
    const right = options.findIndex((option) => option.classList.contains("right"));

    const radios = options.map((option, number) => {
      const radio = element("input", { type: "radio", name: box.id, value: number, required: true });
      option.replaceChildren(
        element("label", {}, radio, element("span", { class: "option" }, ...option.childNodes)),
        element("span", { class: "answer-mark" }),
      );
      why[number].value = number + 1; // its letter, though others are hidden
      return radio;
    });
    list.setAttribute("role", "presentation");
    options.forEach((option) => option.setAttribute("role", "presentation"));

    const commit = button("Commit to this answer", null, { type: "submit" });
    const verdict = element("p", { class: "verdict" });
    const all = button("Every reason", () => {
      why.forEach((reason) => (reason.hidden = false));
      all.hidden = true;
      commit.focus();
    });
    const outcome = element("div", { role: "status", class: "outcome" }, verdict, reasons);
    const form = element(
      "form",
      { onsubmit },
      element("fieldset", {}, element("legend", {}, box.querySelector(".question")), list),
      outcome,
      element("div", { class: "buttons" }, commit, all),
    );
    box.append(form);
    box.classList.add("live");

    const choice = () => {
      const kept = plain(memory.answers[PAGE])[key];
      return Number.isInteger(kept) && options[kept] ? kept : null;
    };

    function onsubmit(event) {
      event.preventDefault();
      const chosen = radios.findIndex((radio) => radio.checked);
      const again = choice() !== null;
      remember(({ answers }) => {
        answers[PAGE] = plain(answers[PAGE]);
        if (again) delete answers[PAGE][key];
        else answers[PAGE][key] = chosen;
      });
      if (again) radios[0].focus();
    }

    let shown; // the choice that is shown; undefined before the first time
    function show() {
      const chosen = choice();
      if (chosen === shown) return;
      shown = chosen;
      const done = chosen !== null;
      box.dataset.outcome = done ? (chosen === right ? "right" : "wrong") : "";
      options.forEach((option, number) => {
        radios[number].checked = number === chosen;
        radios[number].disabled = done;
        const marks = [];
        if (done && number === chosen) marks.push(number === right ? "✓ your answer" : "✗ your answer");
        if (done && number === right && number !== chosen) marks.push("✓ the right answer");
        option.querySelector(".answer-mark").textContent = marks.join("");
        option.classList.toggle("chosen", number === chosen);
        why[number].hidden = done && number !== chosen && number !== right;
      });
      verdict.textContent = !done ? "" : chosen === right ? "That is right." : "That is not right.";
      reasons.open = done;
      all.hidden = !done || !why.some((reason) => reason.hidden);
      commit.textContent = done ? "Answer again" : "Commit to this answer";
    }

    told.push(show);
    checks.push({ key, choice, right });
    show();
  }

  /* --- a page that has been read --- */

  const answered = (page) => Object.keys(plain(memory.answers[page])).length;

  function atTheEnd() {
    const article = document.querySelector("article.bd-article");
    if (!article || !document.querySelector(".reading-time")) return;
    const said = element("p", { role: "status" });
    const read = button("I have read this page", () =>
      remember((kept) => {
        if (kept.read[PAGE]) delete kept.read[PAGE];
        else kept.read[PAGE] = true;
      }),
    );
    const forget = button("Forget my answers on this page", () => {
      remember((kept) => delete kept.answers[PAGE]);
      read.focus();
    });
    article.append(
      element("section", { class: "progress-here", "aria-label": "Your progress" }, said, read, forget),
    );
    const tell = () => {
      const done = checks.filter((check) => check.choice() !== null);
      const right = done.filter((check) => check.choice() === check.right).length;
      const parts = [];
      if (checks.length)
        parts.push(
          done.length
            ? `You have answered ${done.length} of ${count(checks.length, "question")}, ${right} rightly.`
            : `${count(checks.length, "question")} to answer are above, under Check yourself.`,
        );
      if (!keeps) parts.push("Your browser keeps nothing: this holds until you leave the page.");
      said.textContent = parts.join(" ");
      read.setAttribute("aria-pressed", Boolean(memory.read[PAGE]));
      forget.hidden = !done.length;
    };
    told.push(tell);
    tell();
  }

  /* --- the map of all pages, on the first one --- */

  function onTheMap() {
    const stations = [...document.querySelectorAll("[data-page]")];
    const summary = document.querySelector(".map-progress");
    if (!stations.length || !summary) return;
    const said = element("p", { role: "status" });
    const forget = button("Forget all of it", () => {
      if (confirm("Forget which pages you have read, and all your answers?"))
        remember((kept) => Object.assign(kept, { answers: {}, read: {} }));
    });
    summary.append(said, forget);
    const tell = () => {
      let pages = 0;
      let questions = 0;
      for (const station of stations) {
        const page = station.dataset.page;
        const of = Number(station.dataset.checks);
        const done = Math.min(answered(page), of);
        const isRead = Boolean(memory.read[page]);
        pages += isRead;
        questions += done;
        station.classList.toggle("read", isRead);
        station.querySelector(".station-progress").textContent = [
          isRead ? "✓ read" : "",
          done ? `${done} of ${of} answered` : "",
        ].filter(Boolean).join(", ");
      }
      const begun = pages || questions;
      said.textContent = begun
        ? `You have read ${pages} of ${count(stations.length, "page")} and answered ${count(questions, "question")}.`
        : "";
      if (begun && !keeps) said.textContent += " Your browser keeps nothing of it.";
      // There every file has a memory of its own, and none knows another's.
      if (location.protocol === "file:" && navigator.userAgent.includes("Firefox"))
        said.textContent = "Opened from a disk, Firefox lets no page see what another one keeps, so each remembers for itself, and this map can’t show it.";
      forget.hidden = !begun;
    };
    told.push(tell);
    tell();
  }

  /* --- a term's meaning, where the reader points at it --- */

  function explainTerms() {
    const texts = document.querySelector(".term-texts");
    if (!texts) return;
    const card = element("div", { class: "term-card", id: "term-card", role: "tooltip", hidden: true });
    let shown = null; // the link whose card is open
    let waiting = 0;
    let touched = false; // whether the last press was of a finger

    function show(link) {
      clearTimeout(waiting);
      const text = document.getElementById(`card-${link.hash.slice(1)}`);
      if (!text || shown === link) return;
      hide();
      shown = link;
      card.replaceChildren(...[...text.childNodes].map((node) => node.cloneNode(true)));
      card.hidden = false;
      link.setAttribute("aria-describedby", card.id);
      // Under the first line of the link; over it where there is no room below.
      const at = link.getClientRects()[0];
      const { width, height } = card.getBoundingClientRect();
      const page = document.documentElement;
      const left = Math.max(8, Math.min(at.left, page.clientWidth - width - 8));
      const below = at.bottom + height + 8 < innerHeight || at.top < height + 8;
      card.style.left = `${left + scrollX}px`;
      card.style.top = `${(below ? at.bottom + 4 : at.top - height - 4) + scrollY}px`;
    }

    function hide() {
      clearTimeout(waiting);
      shown?.removeAttribute("aria-describedby");
      shown = null;
      card.hidden = true;
    }

    const soon = (what, ...of) => {
      clearTimeout(waiting);
      waiting = setTimeout(what, 200, ...of);
    };

    for (const term of document.querySelectorAll("article a .std-term")) {
      const link = term.closest("a");
      link.addEventListener("mouseenter", () => touched || soon(show, link));
      link.addEventListener("mouseleave", () => soon(hide));
      link.addEventListener("focus", () => touched || show(link));
      link.addEventListener("blur", hide);
      link.addEventListener("click", (event) => {
        // The first touch explains, a second one goes to the glossary.
        if (!touched || shown === link) return;
        event.preventDefault();
        show(link);
      });
    }
    card.addEventListener("mouseenter", () => clearTimeout(waiting));
    card.addEventListener("mouseleave", () => soon(hide));
    document.addEventListener("pointerdown", (event) => {
      touched = event.pointerType === "touch";
      if (shown && !card.contains(event.target) && !shown.contains(event.target)) hide();
    }, true);
    document.addEventListener("keydown", (event) => {
      touched = false;
      if (event.key === "Escape") hide();
    });
    addEventListener("resize", hide);
    document.body.append(card);
  }

  explainTerms();
  document.querySelectorAll(".self-check").forEach(enliven);
  atTheEnd();
  onTheMap();

  /* On paper every question has its reasons, and none an answer. */
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".reasons:not([open])")];
    opened.forEach((reasons) => (reasons.open = true));
  });
  window.addEventListener("afterprint", () => opened.forEach((reasons) => (reasons.open = false)));
})();
