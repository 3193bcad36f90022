// What the widgets around spoken and drawn sentences share; a widget puts this file between controls.js and its own script.

// A sentence to type, or to choose from examples. `entered(text)` gets it when the button or Enter is pressed, or an
// example chosen; `show(sentence, problem)` puts both.
let fields = 0;
function makeSentence(label, action, examples, entered) {
  const id = `mm-problem-${(fields += 1)}-${Math.random().toString(36).slice(2)}`;
  const input = make("input", { className: "mm-text", type: "text", maxLength: 300, spellcheck: false, autocomplete: "off", ariaLabel: label });
  input.setAttribute("aria-describedby", id);
  const choose = make("select", { ariaLabel: "examples" }, make("option", { value: "", textContent: "examples ..." }),
    ...examples.map((text) => make("option", { value: text, textContent: text })));
  const button = make("button", { className: "mm-main", textContent: action });
  const problem = make("div", { className: "mm-problem", id });
  problem.setAttribute("role", "alert");
  const enter = () => entered(input.value);
  button.addEventListener("click", enter);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") enter(); });
  choose.addEventListener("change", () => {
    if (choose.value) { input.value = choose.value; enter(); }
    choose.value = "";
  });
  return {
    node: make("div", { className: "mm-typed" }, input, make("div", { className: "mm-row mm-tight" }, button, choose), problem),
    show(sentence, told) {
      if (document.activeElement !== input) input.value = sentence;
      problem.textContent = told;
      input.setAttribute("aria-invalid", String(Boolean(told)));
    },
  };
}

// A choice of voices, in groups [[title, [name, ...]], ...] or as plain names.
function makeVoices(groups, chosen, changed) {
  const options = (names) => names.map((name) => make("option", { value: name, textContent: name }));
  const select = make("select", { ariaLabel: "voice" }, ...(Array.isArray(groups[0])
    ? groups.map(([label, names]) => make("optgroup", { label }, ...options(names))) : options(groups)));
  select.value = chosen;
  select.addEventListener("change", () => changed(select.value));
  return { node: make("label", { className: "mm-voice" }, make("span", { textContent: "voice" }), select), select };
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10];        // seconds between marks

// Pictures over the same stretch of time, one below the other, with a cursor over all of them that follows the player.
// `moved(share)` is called where the mouse points into them.
function makeTimeline(player, moved, ...rows) {
  const cursor = make("div", { className: "mm-cursor", hidden: true });
  const marks = make("div", { className: "mm-marks", ariaHidden: "true" });
  const stage = make("div", { className: "mm-timeline" }, ...rows, cursor);
  const place = (share) => { cursor.hidden = false; cursor.style.left = `${100 * Math.min(1, Math.max(0, share))}%`; };
  stage.addEventListener("pointermove", (event) => {
    const box = stage.getBoundingClientRect();
    moved((event.clientX - box.left) / box.width);
  });
  let frame = 0;
  const follow = () => {
    if (player.duration) place(player.currentTime / player.duration);
    if (!player.paused && !player.ended) frame = requestAnimationFrame(follow);
  };
  for (const name of ["play", "seeked", "pause", "ended"]) player.addEventListener(name, follow);
  return {
    node: make("div", {}, stage, marks, make("div", { className: "mm-unit", textContent: "seconds" })),
    place,
    stop() { cancelAnimationFrame(frame); player.pause(); },
    scale(seconds) {
      cursor.hidden = true;
      const step = STEPS.find((s) => seconds / s <= 8) ?? 60;
      marks.replaceChildren(...Array.from({ length: Math.floor((0.97 * seconds) / step) + 1 }, (_, i) => {   // none cut off by the end
        const mark = make("span", { textContent: (i * step).toFixed(step < 1 ? 1 : 0) });
        mark.style.left = `${(100 * i * step) / seconds}%`;
        return mark;
      }));
    },
  };
}

function makePlayer() {
  return make("audio", { controls: true, preload: "auto", className: "mm-player" });
}

// A recognised sentence below the true one, errors marked; `words` as word_errors.py has them.
const LETTERS = { substitution: "S", deletion: "D", insertion: "I" };
function alignedWords(words) {
  const said = { correct: (a) => a, substitution: (a, b) => `${a}, recognised as ${b}`, deletion: (a) => `${a}, deleted`, insertion: (_, b) => `${b}, inserted` };
  const list = make("div", { className: "mm-aligned" }, ...words.map(([kind, truth, recognised]) => {
    const mark = make("small", { textContent: LETTERS[kind] ?? "" });
    const node = make("span", { className: `mm-pair mm-${kind}` }, make("span", { textContent: truth || "–" }),
      make("span", { textContent: recognised || "–" }), mark);
    node.setAttribute("role", "listitem");
    node.setAttribute("aria-label", said[kind](truth, recognised));
    return node;
  }));
  list.setAttribute("role", "list");
  list.setAttribute("aria-label", "true words above, recognised words below");
  return list;
}
