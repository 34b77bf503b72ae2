
"use strict";
(async () => {
  const PER_PAGE = 50;
  const PAUSE = 30; // milliseconds without a letter before a search begins

  // The data is JSON, compressed by gzip, in letters of base64.
  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  const data = await unpack(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const pane = document.getElementById("shown");
  const steps = document.getElementById("steps");
  const pages = document.getElementById("pages");
  const said = document.getElementById("said");
  const found = document.getElementById("found");
  const names = ["q", "user", "label", "source", "verdict", "level"];
  const meanings = {
    history: "in the history", idle: "in the history, but without effect", target: "the item in question", catalogue: "in the catalogue, but not in the history", invented: "invented",
  };
  let shown = [];
  let current = null;
  let live = false;
  let drawnPage = null;
  let pause = 0;

  // Text only ever enters the page through text nodes and attributes, never as HTML.
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  }

  // A text that may hold marks of another direction: they end with the element.
  const bdi = (text) => el("bdi", {}, text);

  const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);
  const plain = (text) => isAscii(text) ? text.toLowerCase() : text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const number = (value, digits) => value.toFixed(digits).replace("-", "−");
  const share = (value) => value >= 0.1 ? (100 * value).toFixed(0) + "\u00a0%" : (100 * value).toPrecision(2) + "\u00a0%";

  const words = data.texts.map(plain);
  for (const item of data.cases) {
    const own = item.answers.map((answer) => plain(answer.pieces.map((piece) => piece[0]).join("")));
    item.words = [words[item.item], ...item.history.map((number) => words[number]), ...own].join("\n");
    item.title = data.texts[item.item];
  }

  function state() {
    return Object.fromEntries(names.map((name) => [name, form.elements[name].value.trim()]));
  }

  function agrees(answer, item) {
    return answer.verdict !== null && answer.verdict === item.label;
  }

  function fits(item, wanted, sought) {
    if (wanted.user && String(item.user) !== wanted.user) return false;
    if (wanted.label && item.label !== wanted.label) return false;
    if (!sought.every((word) => item.words.includes(word))) return false;
    return item.answers.some((answer) =>
      (!wanted.source || answer.source === wanted.source) &&
      (!wanted.level || answer.level === wanted.level) &&
      (!wanted.verdict || agrees(answer, item) === (wanted.verdict === "right")));
  }

  function verdictBadge(answer, item) {
    if (answer.verdict === null) return el("span", {class: "badge absent"}, "no verdict");
    const right = agrees(answer, item);
    return el("span", {class: "badge " + (right ? "right" : "wrong")}, answer.verdict + (right ? ", right" : ", wrong"));
  }

  function levelBadge(answer) {
    if (!answer.level) return null;
    return el("span", {class: "badge level-" + answer.level, title: data.levels[answer.level]}, "Level " + answer.level);
  }

  function bar(value, highest, kind) {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("aria-hidden", "true");
    for (const [name, width] of [["track", 100], [kind, 100 * value / highest]]) {
      const part = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      part.setAttribute("class", name);
      part.setAttribute("width", width + "%");
      part.setAttribute("height", "100%");
      drawing.append(part);
    }
    return drawing;
  }

  // What happens to the item when the cited items go, beside as many random ones.
  function removalList(removal) {
    if (!removal) return null;
    const rows = [
      ["Full history", removal.p, removal.rank, "left"],
      ["Without the cited items", removal.p_without, removal.rank_without, "left"],
      ["Without as many random items", removal.p_random, null, "of-random"],
    ].filter((row) => row[1] !== null);
    const highest = Math.max(...rows.map((row) => row[1])) || 1;
    return el("dl", {class: "removal", "aria-label": "The item's probability"}, rows.flatMap(([name, value, place, kind]) => [
      el("dt", {}, name), bar(value, highest, kind),
      el("dd", {}, share(value) + (place === null ? "" : ", rank " + place))]));
  }

  // What the recommender says of the attributes that the answer names.
  function claimLine(claims) {
    if (!claims.length) return null;
    const untested = {no_exchange: "not tested", false: "false"};
    return el("p", {class: "facts-line"}, "Attributes as reasons: " + claims.map(([name, outcome, effect]) =>
      name + " " + (effect === null ? untested[outcome] : number(effect, 2) + " nats")).join(", "));
  }

  function answerCard(answer, item) {
    const said = el("p", {class: "said"}, answer.pieces.map(([text, kind]) =>
      kind ? el("mark", {class: kind, title: meanings[kind]}, bdi(text)) : text));
    const defects = answer.defects.length === 0 ? null : el("p", {class: "facts-line"},
      "The text of " + answer.source + " has defects (" + answer.defects.join(", ") + ")" +
      (answer.shown === answer.source ? "." : "; the text of " + answer.shown + " is shown instead:"));
    const pYes = answer.p_yes === null ? null : el("p", {class: "facts-line"}, "Probability of Yes: " + number(answer.p_yes, 2));
    const reasons = answer.reasons.length === 0 ? null : el("details", {},
      el("summary", {}, "Why level " + answer.level + " (" + answer.judge + ")"),
      el("dl", {class: "reasons"}, answer.reasons.flatMap(([name, value]) => [el("dt", {}, data.texts[name]), el("dd", {}, bdi(data.texts[value]))])));
    return el("section", {class: "answer", "aria-label": "Answer of " + answer.source},
      el("h4", {}, el("span", {class: "source " + answer.source}, answer.source),
        el("span", {}, verdictBadge(answer, item), " ", levelBadge(answer))),
      defects, said, pYes, removalList(answer.removal), claimLine(answer.claims), reasons,
      el("details", {}, el("summary", {}, "Prompt"), el("p", {class: "prompt"}, answer.prompt.flatMap((line) => [bdi(data.texts[line]), "\n"]))));
  }

  function historyList(item, answers) {
    return el("ol", {class: "items", "aria-label": "History, oldest first"}, item.history.map((number, position) => {
      const by = answers.filter((answer) => answer.cited.includes(position));
      return el("li", {class: by.length ? "cited" : null},
        el("span", {class: "n"}, String(position + 1)), bdi(data.texts[number]),
        by.map((answer) => el("span", {class: "source " + answer.source, title: "cited by " + answer.source},
          el("span", {class: "unseen"}, "cited by " + answer.source))));
    }));
  }

  const placeOf = (item) => shown.indexOf(item);
  const clamp = (place) => Math.min(shown.length - 1, Math.max(0, place));

  function step(by) {
    const next = shown[placeOf(current) + by];
    if (next) choose(next);
  }

  // A button at an end stays in place, and keeps the focus.
  function allow(button, allowed) {
    button.setAttribute("aria-disabled", allowed ? "false" : "true");
  }

  function showCase(item) {
    if (!item) {
      pane.replaceChildren(el("p", {class: "empty"}, "No case matches these filters."));
      return;
    }
    const source = state().source;
    const answers = item.answers.filter((answer) => !source || answer.source === source);
    pane.replaceChildren(
      el("h3", {}, bdi(item.title)), item.about ? el("p", {class: "facts-line"}, bdi(item.about)) : "",
      el("p", {class: "decision"}, "The recommender ", el("b", {}, item.label === "Yes" ? "would recommend" : "would not recommend"),
        " it to user " + item.user + ": rank " + item.rank + " of " + item.n_ranked + ", score " + number(item.score, 2) + "."),
      el("p", {class: "facts-line"}, "History, oldest first; dots: sources that cite the item"),
      historyList(item, answers),
      el("div", {class: "answers"}, answers.map((answer) => answerCard(answer, item))));
  }

  // Show a case, and the page of the list on which it stands.
  function choose(item, focus) {
    current = item;
    const place = item ? placeOf(item) : 0;
    const page = Math.floor(place / PER_PAGE);
    if (page !== drawnPage) drawPage(page);
    for (const button of list.querySelectorAll("button")) {
      const chosen = item !== null && button.dataset.id === item.id;
      button.setAttribute("aria-current", chosen ? "true" : "false");
      button.tabIndex = chosen ? 0 : -1;
      if (chosen) {
        const box = list.getBoundingClientRect(), own = button.getBoundingClientRect();
        if (own.top < box.top) list.scrollTop -= box.top - own.top;
        if (own.bottom > box.bottom) list.scrollTop += own.bottom - box.bottom;
        if (focus) button.focus({preventScroll: true});
      }
    }
    steps.hidden = !item;
    allow(steps.children.back, place > 0);
    allow(steps.children.on, place < shown.length - 1);
    showCase(item);
    if (live && item) said.textContent = "Case " + (place + 1) + " of " + shown.length + ": " + item.title;
    remember();
  }

  function drawPage(page) {
    drawnPage = page;
    const first = page * PER_PAGE, source = state().source;
    const entries = shown.slice(first, first + PER_PAGE);
    list.replaceChildren(...entries.map((item) => listEntry(item, source)));
    list.scrollTop = 0;
    pages.hidden = shown.length <= PER_PAGE;
    pages.querySelector("span").textContent = (first + 1) + "–" + (first + entries.length) + " of " + shown.length;
    allow(pages.children.back, page > 0);
    allow(pages.children.on, first + PER_PAGE < shown.length);
  }

  function turn(by) {
    const page = drawnPage + by;
    if (page >= 0 && page * PER_PAGE < shown.length) choose(shown[page * PER_PAGE]);
  }

  function listEntry(item, source) {
    const answers = item.answers.filter((answer) => answer.level && (!source || answer.source === source));
    const dots = el("span", {class: "dots"}, answers.map((answer) =>
      el("span", {class: "dot level-" + answer.level, title: answer.source + ": level " + answer.level},
        answer.level.length === 1 ? answer.level : "–")));
    const button = el("button", {type: "button", "data-id": item.id}, bdi(item.title),
      el("span", {class: "hint"}, "user " + item.user + " · " + item.label, dots));
    button.addEventListener("click", () => choose(item));
    return el("li", {}, button);
  }

  function update(wantedId) {
    const wanted = state();
    const sought = plain(wanted.q).split(/\s+/);
    shown = data.cases.filter((item) => fits(item, wanted, sought));
    found.textContent = shown.length + " of " + data.cases.length + " cases";
    drawnPage = null;
    const kept = shown.find((item) => item.id === wantedId) || (shown.includes(current) ? current : shown[0]);
    choose(kept || null);
  }

  // The filters and the case stand in the address, so that what is seen can be linked to.
  function remember() {
    if (!live) return;
    const wanted = state();
    const pairs = names.filter((name) => wanted[name]).map((name) => [name, wanted[name]]);
    if (current) pairs.push(["case", current.id]);
    try {
      history.replaceState(null, "", "#cases?" + new URLSearchParams(pairs));
    } catch {
      // a page that is shown inside another one may not change its address
    }
  }

  function recall() {
    const [place, query] = location.hash.split("?");
    if (place !== "#cases" || !query) return null;
    const wanted = new URLSearchParams(query);
    for (const name of names) form.elements[name].value = wanted.get(name) || "";
    document.getElementById("cases").scrollIntoView();
    return wanted.get("case");
  }

  function fill(name, values) {
    for (const [value, text] of values) form.elements[name].append(el("option", {value}, text));
  }

  fill("user", [...new Set(data.cases.map((item) => item.user))].sort((a, b) => a - b).map((user) => [user, user]));
  fill("source", data.sources.map((source) => [source.id, source.id]));
  fill("level", Object.keys(data.levels)
    .filter((level) => data.cases.some((item) => item.answers.some((answer) => answer.level === level)))
    .map((level) => [level, level + ": " + data.levels[level]]));

  form.addEventListener("input", (event) => {
    clearTimeout(pause);
    if (event.target.name === "q") pause = setTimeout(() => update(), PAUSE);
    else update();
  });
  form.addEventListener("reset", () => setTimeout(() => update()));
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", () => update(recall()));
  for (const [bar, move] of [[steps, step], [pages, turn]]) {
    bar.children.back.addEventListener("click", () => move(-1));
    bar.children.on.addEventListener("click", () => move(1));
  }
  document.querySelector("#explorer .panes").addEventListener("keydown", (event) => {
    const inList = list.contains(event.target);
    if (!inList && !steps.contains(event.target)) return;
    const moves = {ArrowRight: 1, ArrowLeft: -1};
    if (inList) Object.assign(moves, {
      ArrowDown: 1, ArrowUp: -1, PageDown: PER_PAGE, PageUp: -PER_PAGE, Home: -shown.length, End: shown.length});
    if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(shown[clamp(placeOf(current) + moves[event.key])], inList);
  });

  // A case as it is downloaded: with its texts instead of their numbers.
  const told = (item) => ({...item, words: undefined, title: undefined, item: item.title,
    history: item.history.map((number) => data.texts[number]),
    answers: item.answers.map((answer) => ({...answer,
      pieces: undefined, text: answer.pieces.map((piece) => piece[0]).join(""),
      prompt: answer.prompt.map((number) => data.texts[number]).join("\n"),
      reasons: Object.fromEntries(answer.reasons.map(([name, value]) => [data.texts[name], data.texts[value]]))}))});

  // A cell that no spreadsheet takes for a formula.
  function cell(value) {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
    return '"' + safe.replaceAll('"', '""') + '"';
  }

  function casesAsCsv(items) {
    const ofCase = ["id", "user", "item", "label", "score", "rank", "n_ranked"];
    const ofAnswer = ["source", "verdict", "p_yes", "level", "text"];
    const rows = items.flatMap((item) => item.answers.map((answer) =>
      [...ofCase.map((name) => item[name]), item.history.join(" | "), ...ofAnswer.map((name) => answer[name])]));
    return [[...ofCase, "history", ...ofAnswer], ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  function offer(id, type, write) {
    const link = document.getElementById(id);
    link.addEventListener("click", () => {
      URL.revokeObjectURL(link.href);
      link.href = URL.createObjectURL(new Blob([write(shown.map(told))], {type}));
    });
  }

  offer("as-json", "application/json", (items) => JSON.stringify(items, null, 1));
  offer("as-csv", "text/csv", casesAsCsv);

  update(recall());
  live = true;
  document.getElementById("explorer").dataset.ready = "true";
})();
