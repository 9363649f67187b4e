"use strict";

// The token is kept for this tab alone and goes with it; both pages read it here, so it is pasted once.
const access = (() => {
  const KEY = "diptych.token";
  const form = document.getElementById("access");
  const input = document.getElementById("token");
  const forget = document.getElementById("forget");
  const state = document.getElementById("access-state");
  const listeners = [];
  let asked = 0;

  const token = () => sessionStorage.getItem(KEY) ?? "";

  async function describe() {
    const mine = ++asked;
    const found = token();
    forget.hidden = !found;
    state.className = "";
    state.textContent = found ? "Asking whose token this is …" : "No token: only what is public answers.";
    if (!found) return;
    const [text, kind] = await told(found);
    if (mine === asked) [state.textContent, state.className] = [text, kind];
  }

  async function told(found) {
    try {
      const response = await fetch("/api/v1/token", { headers: { Authorization: `Bearer ${found}` } });
      const body = await response.json();
      if (!response.ok) return [`This token does not work: ${body.detail}`, "refused"];
      return [`Workspace ${body.data.workspace.slug}: ${body.data.scopes.join(", ")}`, "accepted"];
    } catch {
      return ["The server did not answer.", "refused"];
    }
  }

  function use(found) {
    if (found) sessionStorage.setItem(KEY, found);
    else sessionStorage.removeItem(KEY);
    input.value = "";
    describe();
    for (const listener of listeners) listener(found);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const found = input.value.trim();
    if (found) use(found);
    else input.focus();
  });
  input.addEventListener("paste", (event) => {
    event.preventDefault();
    use(event.clipboardData.getData("text").trim().replace(/^Bearer\s+/i, ""));
  });
  forget.addEventListener("click", () => {
    use("");
    input.focus();
  });
  describe();

  return { token, onChange: (listener) => listeners.push(listener) };
})();
