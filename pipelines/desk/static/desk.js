// Keys, what has arrived, and the seconds in which a verdict can be undone. Every key presses a button that is on the page.
"use strict";

const one = (selector, inside = document) => inside.querySelector(selector);
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// The list: one row is chosen; it stays the same case when the list is drawn anew.
let chosen = null;
const rows = () => all(".queue tbody tr");
const choose = (row) => {
  rows().forEach((each) => each.classList.toggle("chosen", each === row));
  chosen = row ? row.dataset.case : null;
  if (row) { row.scrollIntoView({ block: "nearest" }); one("a", row).focus({ preventScroll: true }); }
};
const move = (by) => {
  const found = rows();
  const at = found.findIndex((row) => row.dataset.case === chosen);
  const to = at < 0 ? 0 : Math.min(Math.max(at + by, 0), found.length - 1);
  if (found.length) choose(found[to]);
};

// A verb for the case that is chosen in the list, as the form on the case's own page would send it.
const VERBS = { f: ["verdict", "outcome", "fraud"], g: ["verdict", "outcome", "genuine"], u: ["verdict", "outcome", "unsure"],
                e: ["escalate"], a: ["assign", "assignee"] };
const act = (key) => {
  const form = one(`form[data-key="${key}"]`);
  if (form) { form.requestSubmit(one("button", form)); return; }
  const list = one("#rows");
  if (!list || !chosen) return;
  const [verb, name, value] = VERBS[key];
  const sent = document.createElement("form");
  sent.method = "post";
  sent.action = `/cases/${chosen}/${verb}`;
  const fields = { csrf: one("[name=csrf]", list).value, back: one("[name=back]", list).value };
  if (name) fields[name] = value || document.body.dataset.user;
  for (const [field, content] of Object.entries(fields)) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: field, value: content });
    sent.append(input);
  }
  document.body.append(sent);
  sent.submit();
};

const KEYS = {
  j: () => move(1), k: () => move(-1),
  x: () => { const box = one(`tr[data-case="${chosen}"] input[type=checkbox]`); if (box) box.checked = !box.checked; },
  n: () => one("#note")?.focus(),
  z: () => one("#undo")?.requestSubmit(),
  q: () => one("#back")?.click(),
  "/": () => one("#search")?.focus(),
  "?": () => one("#help").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key in KEYS) { event.preventDefault(); KEYS[event.key](); }
  else if (event.key in VERBS) { event.preventDefault(); act(event.key); }
  else if (event.key === "Enter" && chosen && !event.target.closest("button, summary, a")) {
    one(`tr[data-case="${chosen}"] a`)?.click();
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) one("#help").showModal();
  const toggle = event.target.closest("[data-now]");
  if (toggle) {
    const shown = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(shown));
    all(".now").forEach((cell) => { cell.hidden = !shown; });
  }
});

// What has arrived is announced above the list; the list itself changes only when somebody asks for it.
const arrivals = one("#arrivals");
if (arrivals) {
  const news = (found) => {
    for (const [tab, count] of Object.entries(found.counts)) {
      const place = one(`[data-tab="${tab}"] b`);
      if (place) place.textContent = count.toLocaleString("en");
    }
    if (!found.arrived) return;
    arrivals.classList.add("some");
    arrivals.replaceChildren();
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${found.arrived} new: show`;
    button.addEventListener("click", () => window.location.reload());
    arrivals.append(button);
    for (const each of found.new) {
      const link = document.createElement("a");
      link.href = `/cases/${each.case}`;
      link.textContent = `case ${each.case}: ${each.words}`;
      arrivals.append(link);
    }
  };
  const source = new EventSource("/live");
  const standing = (words) => { const place = one("#standing"); place.textContent = words; place.hidden = !words; };
  source.addEventListener("news", (event) => news(JSON.parse(event.data)));
  source.addEventListener("standing", (event) => standing(JSON.parse(event.data)));
  source.addEventListener("error", () => standing("The desk does not answer: trying again …"));
  window.addEventListener("pagehide", () => source.close());
  choose(rows()[0]);
}

const countdown = one("[data-countdown]");
if (countdown) {
  let left = Number(countdown.dataset.countdown);
  const clock = setInterval(() => {
    left -= 1;
    countdown.textContent = `${left} s`;
    if (left <= 0) { clearInterval(clock); one("#undo").remove(); }
  }, 1000);
}
