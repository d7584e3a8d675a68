// What makes the console better and is not needed: keys, copying, and what is new without a reload.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("has-js");
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (event.key === "/" && !typing(at)) {
      const search = document.querySelector("#hero") || document.querySelector("#find");
      if (search) { search.focus(); search.select(); event.preventDefault(); }
    } else if (event.key === "Escape") {
      const open = document.querySelectorAll("details.why[open]");
      open.forEach((each) => { each.open = false; });
      if (open.length && at.closest("details.why")) at.closest("details.why").querySelector("summary").focus();
      else if (typing(at)) at.blur();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !typing(at)) {
      const links = [...document.querySelectorAll("[data-list] a.row-link")];
      if (!links.length) return;
      const here = links.indexOf(document.activeElement);
      if (here < 0 && !(at === document.body || at.id === "main")) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      const next = links[here < 0 ? 0 : Math.min(Math.max(here + step, 0), links.length - 1)];
      next.focus();
      next.scrollIntoView({ block: "nearest" });
      event.preventDefault();
    }
  });

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    document.querySelectorAll("details.why[open]").forEach((each) => { if (!each.contains(at)) each.open = false; });
    const copy = at.closest("[data-copy]");
    if (copy) {
      const code = copy.parentElement.querySelector("code");
      const say = (text) => { copy.textContent = text; setTimeout(() => { copy.textContent = "Copy"; }, 2000); };
      navigator.clipboard.writeText(code.textContent).then(() => say("Copied"), () => {
        getSelection().selectAllChildren(code);
        say("Selected: press Ctrl+C");
      });
    }
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-choose-all]")) return;
    event.target.form.querySelectorAll("input[name=id]").forEach((each) => { each.checked = event.target.checked; });
  });

  // A form is good for one act: the second click would only be refused.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  const address = document.body.dataset.stream;
  if (!address || !window.EventSource || !document.querySelector("[data-live]")) return;
  const news = document.querySelector("#news");
  let source = null, seen = document.body.dataset.news, due = null, fetching = false;

  const busy = (live) => live.contains(document.activeElement) && document.activeElement !== document.body
    || live.querySelector("details[open], input:checked") !== null
    || getSelection().toString() !== "";

  const refresh = async () => {
    due = null;
    const lives = [...document.querySelectorAll("[data-live]")];
    if (fetching || lives.some(busy)) { due = setTimeout(refresh, 2000); return; }
    fetching = true;
    try {
      const reply = await fetch(location.href, { headers: { "X-Requested-With": "console" }, redirect: "error" });
      if (!reply.ok) return;
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      let changed = false;
      for (const live of lives) {
        const fresh = page.getElementById(live.id);
        if (fresh && !busy(live) && fresh.textContent !== live.textContent) {
          live.replaceWith(fresh);
          fresh.classList.add("fresh");
          changed = true;
        }
      }
      if (changed) news.textContent = "The page was brought up to date.";
    } catch { /* The next event tries again. */ } finally { fetching = false; }
  };

  const listen = () => {
    if (source || document.hidden) return;
    source = new EventSource(address);
    source.onmessage = (message) => {
      if (seen !== message.data && due === null) due = setTimeout(refresh, 300);
      seen = message.data;
    };
  };
  const leave = () => { if (source) { source.close(); source = null; } };
  document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else listen(); });
  addEventListener("pagehide", leave);
  listen();
})();
