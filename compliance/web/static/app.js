// Small comforts. Every page works without this file.
(() => {
  "use strict";
  const root = document.documentElement;

  // An error summary takes the focus, so that a screen reader begins with it.
  document.querySelector("[data-focus]")?.focus();

  // Light or dark, remembered in a cookie so that the server sends the right page at once.
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const now = root.dataset.theme || (dark ? "dark" : "light");
      root.dataset.theme = now === "dark" ? "light" : "dark";
      const secure = location.protocol === "https:" ? "; secure" : "";
      document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${secure}`;
    });
  }

  // Ask before an act that cannot simply be undone.
  const ask = (question) => new Promise((answer) => {
    const dialog = document.createElement("dialog");
    const text = document.createElement("p");
    text.textContent = question;
    text.id = "dialog-question";
    dialog.setAttribute("aria-labelledby", text.id);
    const buttons = document.createElement("div");
    for (const [label, kind, value] of [["Yes, go on", "btn-primary", "yes"], ["Go back", "btn-secondary", ""]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `btn ${kind}`;
      button.textContent = label;
      button.addEventListener("click", () => dialog.close(value));
      buttons.append(button);
    }
    dialog.append(text, buttons);
    dialog.addEventListener("close", () => { dialog.remove(); answer(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });

  // A form is sent once, and says that it is on its way.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    if (form.method === "get") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    const question = button?.dataset.confirm || form.dataset.confirm;
    if (question && !form.dataset.confirmed) {
      event.preventDefault();
      if (await ask(question)) { form.dataset.confirmed = "yes"; form.requestSubmit(button); }
      return;
    }
    form.dataset.sent = "yes";
    button?.setAttribute("aria-disabled", "true");
    leaving = false;
  });
  addEventListener("pageshow", () => {
    for (const form of document.forms) { delete form.dataset.sent; delete form.dataset.confirmed; }
    for (const button of document.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  });

  // A field that only one choice asks for is shown when that choice is made.
  for (const field of document.querySelectorAll("[data-when]")) {
    const [name, values] = field.dataset.when.split("=");
    const form = field.closest("form");
    const show = () => {
      const on = new FormData(form).getAll(name).some((value) => values.split("|").includes(value));
      field.hidden = !on;
      for (const input of field.querySelectorAll("input, select, textarea")) input.disabled = !on;
    };
    form.addEventListener("change", show);
    show();
  }

  // Leaving a form with something typed in it asks first.
  let leaving = false;
  for (const form of document.querySelectorAll("form[data-keep]")) {
    form.addEventListener("input", () => { leaving = true; });
  }
  addEventListener("beforeunload", (event) => { if (leaving) event.preventDefault(); });

  // Search as one types: the same form, only its results are put in place. No name enters an address.
  for (const form of document.querySelectorAll("form[data-live]")) {
    const places = [...document.querySelectorAll(form.dataset.live)];
    const field = form.querySelector("input[type=search]");
    if (!places.length || !field) continue;
    const said = document.createElement("p");
    said.className = "sr-only";
    said.setAttribute("role", "status");
    form.append(said);
    const busy = (is) => { for (const place of places) place.setAttribute("aria-busy", is); };
    let timer, running;
    const look = async () => {
      running?.abort();
      running = new AbortController();
      busy(true);
      try {
        const answer = await fetch(form.action, { method: "POST", headers: { "X-Fragment": "yes" }, body: new FormData(form), signal: running.signal });
        if (!answer.ok || answer.redirected) { form.submit(); return; }
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        said.textContent = page.querySelector("[data-said]")?.textContent || "";
        for (const place of places) {
          const found = page.getElementById(place.id);
          if (found) place.replaceChildren(...found.childNodes);
        }
        busy(false);
      } catch (problem) {
        if (problem.name !== "AbortError") busy(false);
      }
    };
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 180); });
  }

  // A part that watches the server is asked for again, and says so when it turns or nobody answers.
  for (const part of document.querySelectorAll("[data-pulse]")) {
    const lost = document.getElementById(`${part.id}-lost`).content.firstElementChild;
    const said = document.getElementById(`${part.id}-said`);
    const look = async () => {
      let found;
      try {
        const answer = await fetch(part.dataset.pulse, { signal: AbortSignal.timeout(10000) });
        if (answer.ok && !answer.redirected) found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-state]");
      } catch { /* nobody answers: that is what is shown */ }
      found ??= lost.cloneNode(true);
      if (found.dataset.state !== part.firstElementChild.dataset.state) said.textContent = found.querySelector("h2").textContent;
      if (!part.contains(document.activeElement) || found.dataset.state !== part.firstElementChild.dataset.state) part.replaceChildren(found);
    };
    setInterval(look, 20000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  }

  // On paper nothing is folded away but the sources.
  const folded = new Set();
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details.fold:not([open])")) { folded.add(fold); fold.open = true; }
  });
  addEventListener("afterprint", () => { for (const fold of folded) fold.open = false; folded.clear(); });

  // Keys: "/" goes to the search box; in a list j and k (or the arrows, once inside) go from row to row.
  const list = document.querySelector("[data-rows]");
  const rows = () => [...(list?.querySelectorAll("tbody a.person-name") || [])];
  const step = (by) => {
    const all = rows();
    const at = all.indexOf(document.activeElement?.closest("tr")?.querySelector("a.person-name"));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const KEYS = [["/", "Search"], ["j or ↓", "Next patient"], ["k or ↑", "Patient before"], ["Enter", "Open the patient"],
    ["c", "Write down what I did"], ["?", "Show these keys"]];
  const off = () => localStorage.getItem("keys") === "off";
  const help = () => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "keys-title");
    const title = document.createElement("h2");
    title.id = "keys-title";
    title.textContent = off() ? "Keys are switched off" : "Keys";
    const what = document.createElement("dl");
    what.className = "keys";
    for (const [key, does] of KEYS) {
      const name = document.createElement("dt"), text = document.createElement("dd"), cap = document.createElement("kbd");
      cap.textContent = key; text.textContent = does; name.append(cap); what.append(name, text);
    }
    const buttons = document.createElement("div");
    const button = (label, kind, act) => {
      const made = document.createElement("button");
      made.type = "button"; made.className = `btn ${kind}`; made.textContent = label;
      made.addEventListener("click", () => { act(); dialog.close(); });
      buttons.append(made);
    };
    button("Close", "btn-primary", () => {});
    button(off() ? "Switch them on" : "Switch them off", "btn-secondary", () => localStorage.setItem("keys", off() ? "on" : "off"));
    dialog.append(title, what, buttons);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };
  const hint = document.querySelector("[data-keys]");
  if (hint) { hint.hidden = false; hint.querySelector("button").addEventListener("click", help); }
  const KEYED = {
    "/": () => { const box = document.getElementById("q"); box?.focus(); box?.select(); return box; },
    "?": () => { if (list) help(); return list; },
    j: () => { step(1); return list; },
    k: () => { step(-1); return list; },
    c: () => { const row = list && document.activeElement?.closest("tr"); row?.querySelector(".cell-by a")?.click(); return row; },
    ArrowDown: () => inside() && (step(1), true),
    ArrowUp: () => inside() && (step(-1), true),
  };
  const inside = () => list?.contains(document.activeElement) && document.activeElement.closest("tr");
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest?.("input, textarea, select, dialog, [contenteditable]");
    if (busy || event.ctrlKey || event.metaKey || event.altKey || off()) return;
    if (KEYED[event.key]?.()) event.preventDefault();
  });
})();
