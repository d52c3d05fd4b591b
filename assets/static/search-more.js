/* What Sphinx's search does not find: a phrase in quotation marks, a name with dots and
   underscores, a symbol. And what it shows of a page that was opened from a disk: where
   the words stand. Its own index still answers plain words. */
(() => {
  "use strict";
  if (typeof Search === "undefined") return;

  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const LETTER = "[\\p{L}\\p{N}_]";

  /* "vanishing gradient" σ scratch.lstm rate → what must stand there, and plain words. */
  function parts(query) {
    const exact = [];
    const rest = query.normalize("NFC").replace(/["“„«]([^"“”„«»]+)["”“»]/g, (_, phrase) => {
      const words = phrase.trim().split(/\s+/).map(escaped);
      if (words[0]) exact.push({ name: phrase.trim(), phrase: true, what: `(?<!${LETTER})${words.join("[\\s-]+")}` });
      return " ";
    });
    const plain = [];
    for (const word of rest.split(/\s+/).filter(Boolean)) {
      const name = word.replace(/^[.,;:!?"“”]+|[.,;:!?"“”]+$/g, "");
      if (!name) continue;
      if (/[\p{L}\p{N}_][._]+[\p{L}\p{N}_]|^_|_$/u.test(name))
        exact.push({ name, object: true, what: `(?<!${LETTER})${escaped(name)}(?!${LETTER})` });
      else if (/[^\p{Script=Latin}\p{N}\p{P}]/u.test(name) || /[\u0302-\u0307]|[ŷ]/.test(name))
        exact.push({ name, symbol: true, what: escaped(name) });
      else plain.push(name);
    }
    return { exact, plain };
  }

  /* Sphinx's own answer to plain words, best first. */
  function engine(query) {
    const stemmer = new Stemmer();
    const terms = new Set();
    const objects = new Set(splitQuery(query.toLowerCase()));
    for (const word of splitQuery(query.toLowerCase()))
      if (!stopwords.includes(word) && !/^\d+$/.test(word)) terms.add(stemmer.stemWord(word));
    try {
      localStorage.setItem("sphinx_highlight_terms", [...objects].join(" "));
    } catch {
      /* forbidden: the words are not marked in the page */
    }
    const found = Search._performSearch(query, terms, new Set(), objects, objects);
    return found.reverse().map(([page, title, anchor, about]) => ({ page, title, anchor, about }));
  }

  function objectsNamed(name) {
    const last = name.toLowerCase().split(".").pop();
    return Search.performObjectSearch(last, new Set([last]))
      .filter(([, full]) => full.toLowerCase().includes(name.toLowerCase()))
      .sort((a, b) => a[1].length - b[1].length || (a[1] < b[1] ? -1 : 1))
      .map(([page, title, anchor, about]) => ({ page, title, anchor, about }));
  }

  /* Pages in which all of it stands, at the section in which most of it does. */
  function inTheText({ exact, plain }) {
    const looks = [
      ...exact.map(({ what }) => new RegExp(what, "giu")),
      ...plain.map((word) => new RegExp(`(?<!${LETTER})${escaped(word)}`, "giu")),
    ];
    const symbols = exact.some((part) => part.symbol);
    const found = [];
    for (const [page, sections] of Object.entries(BOOK_TEXT)) {
      const counts = sections.map(([, title, text]) => {
        const whole = `${title} ${text}`;
        return looks.map((look) => (whole.match(look) || []).length);
      });
      if (!looks.every((_, i) => counts.some((count) => count[i]))) continue;
      const worth = counts.map((count, section) => {
        const here = count.filter(Boolean).length * 100 + Math.min(99, count.reduce((a, b) => a + b));
        return here + 50 * looks.filter((look) => sections[section][1].match(look)).length;
      });
      const best = worth.indexOf(Math.max(...worth));
      const [anchor, title] = sections[best];
      const name = sections[0][1];
      found.push({
        page,
        title: best && title !== name ? `${name} › ${title}` : name,
        anchor: anchor && `#${anchor}`,
        section: best,
        // What a symbol means stands in the notation; else the better section wins.
        worth: worth[best] + (symbols ? { notation: 2000, glossary: 1000 }[page.split("/").pop()] || 0 : 0),
      });
    }
    return found.sort((a, b) => b.worth - a.worth);
  }

  function answer(query) {
    const asked = parts(query);
    if (!asked.exact.length) return engine(query);
    const named = asked.exact.filter((part) => part.object).flatMap((part) => objectsNamed(part.name));
    return [...named, ...inTheText(asked)];
  }

  /* Some words around the first place, with what was asked for marked. */
  function context(result, { exact, plain }) {
    const sections = BOOK_TEXT[result.page];
    if (!sections || result.about) return null;
    const what = [...exact.map((part) => part.what), ...plain.map((word) => `(?<!${LETTER})${escaped(word)}`)];
    if (!what.length) return null;
    const look = new RegExp(what.join("|"), "giu");
    const chosen = result.section ?? sections.findIndex(([anchor]) => anchor && `#${anchor}` === result.anchor);
    const order = [...(chosen >= 0 ? [sections[chosen]] : []), ...sections];
    const text = (order.find(([, , words]) => words.search(look) >= 0) || order[0])[2];
    const at = Math.max(0, text.search(look));
    const from = at < 90 ? 0 : text.indexOf(" ", at - 90) + 1;
    const piece = text.slice(from, from + 240);
    const line = document.createElement("p");
    line.className = "context";
    if (from) line.append("… ");
    let done = 0;
    for (const match of piece.matchAll(look)) {
      line.append(piece.slice(done, match.index));
      line.append(Object.assign(document.createElement("mark"), { textContent: match[0] }));
      done = match.index + match[0].length;
    }
    line.append(piece.slice(done), from + 240 < text.length ? " …" : "");
    return line;
  }

  function show(query) {
    const asked = parts(query);
    const results = answer(query);
    const suffix = DOCUMENTATION_OPTIONS.LINK_SUFFIX;
    const phrase = asked.exact.find((part) => part.phrase);
    for (const result of results) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = result.page + suffix + result.anchor;
      if (phrase && !result.about)
        link.href += `${result.anchor ? "" : "#"}:~:text=${encodeURIComponent(phrase.name)}`;
      link.innerHTML = result.title; // of the index, where it is HTML already
      item.append(link);
      if (result.about) item.append(` (${result.about})`);
      const words = context(result, asked);
      if (words) item.append(words);
      Search.output.append(item);
    }
    Search.stopPulse();
    Search.title.textContent = "Search results";
    Search.status.textContent = results.length
      ? `${results.length} place${results.length === 1 ? "" : "s"} for ${query}`
      : `Nothing was found for ${query}. A phrase stands in quotation marks: “vanishing gradient”.`;
  }

  const page = document.currentScript?.src || document.querySelector('script[src*="search-more"]').src;
  Search.query = (query) => {
    if (typeof BOOK_TEXT !== "undefined") return show(query);
    const script = document.createElement("script");
    script.src = new URL("search-text.js", page);
    script.onload = () => show(query);
    document.head.append(script);
  };
})();
