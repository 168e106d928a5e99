// The visit's comforts: saved as it is typed, compared as it is ticked. The page works without this file.
// What is typed is kept on the server and on this page only: never in the browser's storage, which the next
// person at a shared computer could read.
(() => {
  "use strict";
  const form = document.querySelector("form[data-visit]");
  if (!form) return;
  const said = form.querySelector("[data-saved]");
  const tell = (text, bad) => { said.textContent = text; said.dataset.tone = bad ? "bad" : ""; };

  // ——— saved as it is typed ———
  let timer, again, saving = null, kept = true;
  const answers = () => new URLSearchParams(new FormData(form));
  const call = (address, options) => fetch(address, { redirect: "manual", ...options });

  const taken = ({ version, saved }) => {
    form.elements.version.value = version;
    for (const field of document.querySelectorAll("[data-version]")) field.value = version;
    tell(`Saved ${saved}`, false);
    kept = true;
  };
  const refresh = async () => {  // after signing in again, this page needs the new session's token
    const answer = await call(form.dataset.token);
    if (!answer.ok) return false;
    const { token } = await answer.json();
    for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = token;
    return true;
  };
  const later = (text) => {
    tell(text, true);
    clearTimeout(again);
    again = setTimeout(retry, 5000);
  };
  const post = async () => {
    const answer = await call(form.dataset.save, { method: "POST", body: answers(), keepalive: true });
    if (answer.ok) taken(await answer.json());
    else if (answer.status === 409) tell(`Not saved: ${(await answer.json()).said} Your text is still here. “Save and go on later” shows both.`, true);
    else if (answer.status === 422) tell(`Not saved: ${(await answer.json()).said}`, true);
    else if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 400) later("You were signed out. Sign in again in another tab; nothing is lost, this page goes on by itself.");
    else later("Not saved yet. Your text is still here; trying again.");
  };
  const save = () => {
    clearTimeout(timer);
    const mine = (saving || Promise.resolve())
      .then(post)
      .catch(() => later("Not saved: the server cannot be reached. Your text is still here; trying again."))
      .finally(() => { if (saving === mine) saving = null; });
    saving = mine;
    return mine;
  };
  const retry = async () => {
    if (kept) return;
    try { if (await refresh()) { await save(); return; } } catch { /* still away */ }
    clearTimeout(again);
    again = setTimeout(retry, 5000);
  };
  const changed = () => {
    kept = false;
    clearTimeout(timer);
    timer = setTimeout(save, 800);
  };
  form.addEventListener("input", changed);
  addEventListener("focus", () => { if (!kept && said.dataset.tone) retry(); });
  document.addEventListener("visibilitychange", () => { if (document.hidden && !kept && !said.dataset.tone) save(); });
  addEventListener("beforeunload", (event) => { if (!kept) event.preventDefault(); });

  // A saving that is on its way ends first, or this window would be in conflict with itself.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    kept = true;
    if (!saving) return;
    event.preventDefault();
    event.stopPropagation();
    saving.then(() => { clearTimeout(again); kept = true; form.requestSubmit(event.submitter); });
  });

  // ——— shown as it is ticked ———
  const chosen = (name) => [...form.querySelectorAll(`[name="${name}"]:checked`)].map((box) => box.nextElementSibling.textContent);
  const match = form.querySelector("[data-match]");
  const compare = () => {
    const patient = chosen("patient_methods"), prescriber = chosen("prescriber_methods");
    const only = (mine, theirs) => mine.filter((name) => !theirs.includes(name)).join(", ");
    const here = only(patient, prescriber), there = only(prescriber, patient);
    if (!patient.length && !prescriber.length) match.textContent = "No methods are chosen yet.";
    else if (!here && !there) match.textContent = "✓ Both sides name the same methods.";
    else match.textContent = `⚠ The two sides differ.${here ? ` Only the patient: ${here}.` : ""}${there ? ` Only the prescriber: ${there}.` : ""}`;
  };
  const number = (name) => parseFloat(form.elements[name].value.replace(",", "."));
  const perKg = form.querySelector("[data-per-kg]");
  const divide = () => {
    const kg = number("weight_kg") || parseFloat(form.elements.weight_kg.dataset.weight);
    const dose = number("daily_dose_mg");
    perKg.textContent = kg > 0 && dose > 0 ? `This dose: ${(dose / kg).toFixed(2)} mg/kg a day.` : "";
  };
  const sums = [...form.querySelectorAll("[data-when-sum]")].map((place) => {
    const [one, other, least] = place.dataset.whenSum.split(" ");
    return () => {
      const sum = [one, other].reduce((total, name) => total + Number(form.elements[name].value || 0), 0);
      place.hidden = sum < Number(least);
    };
  });
  const show = () => { if (match) compare(); divide(); for (const sum of sums) sum(); };
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  show();
})();
