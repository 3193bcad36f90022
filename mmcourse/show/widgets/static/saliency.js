const WAIT = 150;                // milliseconds between two texts sent
const LONGEST = 20000;           // characters of a text
const CROWDED = 60;              // from so many words on, figures stand in their tooltips alone
const FOR = "0, 114, 178", AGAINST = "213, 94, 0";      // blue and orange: told apart by colour-blind readers

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function render({ model, el }) {
  const classes = model.get("classes");
  const area = make("textarea", { className: "mm-text", rows: 2, maxLength: LONGEST, value: model.get("text"),
    ariaLabel: "sentence", spellcheck: false });

  // The text goes to Python at most every WAIT milliseconds.
  let timer = null;
  let sent = 0;
  function send() {
    timer = null;
    sent = Date.now();
    model.set("text", area.value);
    model.save_changes();
  }
  area.addEventListener("input", () => {
    if (timer === null) timer = setTimeout(send, Math.max(0, WAIT - (Date.now() - sent)));
  });
  area.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();   // the notebook has shortcuts of its own
  });

  const explain = make("select", { ariaLabel: "class that the tints explain" },
    make("option", { value: -1, textContent: "the predicted class" }),
    ...classes.map((name, i) => make("option", { value: i, textContent: name })));
  explain.addEventListener("change", () => {
    model.set("explained", Number(explain.value));
    model.save_changes();
  });

  const words = make("p", { className: "mm-words" });
  const key = make("div", { className: "mm-note" });
  const guesses = make("div", { className: "mm-answers" });
  const said = make("div", { className: "mm-note", ariaLive: "polite" });

  function sample(text, className, colour) {
    const node = make("span", { className: `mm-word ${className}`, textContent: text });
    if (colour) node.style.background = `rgba(${colour}, ${model.get("strongest")})`;
    return node;
  }
  function show() {
    const { words: read, guesses: bars, chosen, note } = model.get("result");
    const largest = Math.max(...read.map(([, says]) => Math.abs(says)), 1e-12);
    const crowded = read.length > CROWDED;
    words.classList.toggle("mm-crowded", crowded);
    words.replaceChildren(...read.map(([word, says, unknown]) => {
      const share = Math.abs(says) / largest;
      const colour = says < 0 ? AGAINST : FOR;
      const node = make("span", { className: `mm-word${unknown ? " mm-unknown" : ""}` }, make("span", { textContent: word }));
      node.style.background = `rgba(${colour}, ${(model.get("strongest") * share).toFixed(3)})`;
      node.title = `${signed(says)} for ‘${classes[chosen]}’${unknown ? "; not in the vocabulary" : ""}`;
      if (!crowded) node.append(make("small", { textContent: share < 0.1 ? "\u00a0" : signed(says) }));
      return node;
    }).flatMap((node) => [node, " "]));
    key.replaceChildren(...(read.length ? [sample("blue", "", FOR), ` evidence for ‘${classes[chosen]}’, `,
      sample("orange", "", AGAINST), " against it; ", sample("dashed", "mm-unknown"), " is not in the vocabulary"] : []));
    const best = bars.reduce((most, guess) => (guess[1] > most[1] ? guess : most), [-1, -1]);
    guesses.replaceChildren(...bars.map(([i, probability]) => {
      const bar = make("div", { className: "mm-bar" });
      bar.style.width = `${100 * probability}%`;
      const marks = `${i === best[0] ? " mm-best" : ""}${i === chosen ? " mm-explained" : ""}`;
      return make("div", { className: `mm-answer${marks}` },
        make("span", { textContent: classes[i] }), make("div", { className: "mm-track" }, bar),
        make("span", { className: "mm-mono", textContent: probability.toFixed(2) }));
    }));
    const answer = best[0] < 0 ? "" : `${read.length} word${read.length > 1 ? "s" : ""}; predicted: ‘${classes[best[0]]}’. `;
    said.textContent = answer + note;
  }
  function follow() {
    if (timer === null && area.value !== model.get("text")) area.value = model.get("text");
  }

  el.append(make("div", { className: "mm mm-saliency" },
    make("h4", { textContent: "Type a sentence" }), area, words, key,
    make("div", { className: "mm-row", style: "margin-top:12px" },
      make("div", { className: "mm-grow" }, make("h4", { textContent: "Prediction" }), guesses, said),
      make("label", {}, "tint for", explain))));
  explain.value = model.get("explained");
  model.on("change:result", show);
  model.on("change:text", follow);
  show();
  return () => {
    clearTimeout(timer);
    model.off("change:result", show);
    model.off("change:text", follow);
  };
}

export default { render };
