const WAIT = 150;                // milliseconds between two values sent while a slider moves or someone types

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function render({ model, el }) {
  let timer = null, waiting = {}, actions = 0;
  function send(name, value) {   // values go to Python at most every WAIT milliseconds
    waiting[name] = value;
    if (timer === null) timer = setTimeout(() => {
      timer = null;
      for (const [key, last] of Object.entries(waiting)) model.set(key, last);
      waiting = {};
      model.save_changes();
    }, WAIT);
  }
  function act(name) {
    actions += 1;
    model.set("action", { name, count: actions + Date.now() });
    model.save_changes();
  }

  const prompt = make("input", { className: "mm-text", type: "text", value: model.get("prompt"), maxLength: 400,
    ariaLabel: "prompt", spellcheck: false });
  prompt.addEventListener("input", () => send("prompt", prompt.value));

  function slider(name, label, min, max, step, text) {
    const input = make("input", { type: "range", min, max, step, value: model.get(name), ariaLabel: label });
    const value = make("span", { className: "mm-mono mm-value", textContent: text(model.get(name)) });
    input.addEventListener("input", () => {
      value.textContent = text(Number(input.value));
      send(name, Number(input.value));
    });
    return make("label", { className: "mm-slider" }, label, input, value);
  }
  const temperature = slider("temperature", "temperature", 0.1, 3, 0.1, (v) => v.toFixed(1));
  const top_k = slider("top_k", "top-k", 0, 20, 1, (v) => (v ? String(v) : "all"));
  const top_p = slider("top_p", "top-p", 0.05, 1, 0.05, (v) => v.toFixed(2));

  const next = make("button", { className: "mm-main", textContent: "Sample a word" });
  const finish = make("button", { textContent: "Sample to the end" });
  const restart = make("button", { textContent: "Start again" });
  next.addEventListener("click", () => act("next"));
  finish.addEventListener("click", () => act("finish"));
  restart.addEventListener("click", () => act("restart"));

  const words = make("p", { className: "mm-words", ariaLive: "polite" });
  const bars = make("div", { className: "mm-next" });
  const note = make("div", { className: "mm-note", ariaLive: "polite" });

  function show() {
    const { words: text, candidates, kept, ended, note: said } = model.get("result");
    words.replaceChildren(...text.flatMap(([word, probability]) => {
      const node = make("span", { className: `mm-word${probability === null ? "" : " mm-drawn"}` }, make("span", { textContent: word }));
      node.append(make("small", { textContent: probability === null ? "prompt" : probability.toFixed(2) }));
      return [node, " "];
    }));
    bars.replaceChildren(...candidates.map(([word, ofModel, drawn]) => {
      const row = make("div", { className: `mm-answer${drawn > 0 ? "" : " mm-never"}` });
      const track = make("div", { className: "mm-track mm-two" });
      for (const [value, kind] of [[ofModel, "mm-model"], [drawn, "mm-sampled"]]) {
        const bar = make("div", { className: `mm-bar ${kind}` });
        bar.style.width = `${(100 * value).toFixed(1)}%`;
        track.append(bar);
      }
      row.append(make("span", { textContent: word }), track, make("span", { className: "mm-mono", textContent: drawn.toFixed(3) }));
      row.title = `${word}: model ${ofModel.toFixed(3)}, drawn with ${drawn.toFixed(3)}`;
      return row;
    }));
    next.disabled = finish.disabled = ended;
    note.textContent = [said, ended ? "The sentence has ended." : `${kept} word${kept === 1 ? "" : "s"} can be drawn.`].filter(Boolean).join(" ");
  }

  const root = make("div", { className: "mm mm-sampling" },
    make("label", {}, "prompt"), prompt,
    make("div", { className: "mm-row mm-choice" }, temperature, top_k, top_p),
    make("fieldset", {}, next, finish, restart), words,
    make("h4", { textContent: "The next word: grey, the model at temperature 1; blue, the distribution that is sampled" }), bars, note);
  root.addEventListener("keydown", (event) => event.stopPropagation());    // the notebook has shortcuts of its own
  el.append(root);
  model.on("change:result", show);
  show();
  return () => {
    clearTimeout(timer);
    model.off("change:result", show);
  };
}

export default { render };
