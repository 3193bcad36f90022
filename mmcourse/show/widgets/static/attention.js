const WAIT = 300;                // milliseconds without a key before Python is asked
const MEAN = -1;

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// Orange on light paper, the stronger the larger the weight; the text is dark, in every theme.
function tint(node, share) {
  const [r, g, b] = [[251, 230], [250, 159], [246, 0]].map(([paper, ink]) => Math.round(paper + (ink - paper) * share));
  node.style.background = `rgb(${r}, ${g}, ${b})`;
  node.style.color = "#222";
}
const number = (weight) => (weight < 0.995 ? weight.toFixed(2).replace(/^0/, "") : "1");

function render({ model, el }) {
  let timer = null;
  let active = null;             // the word whose looks are shown; null: how much each word is looked at
  let rest = null;               // the same, when the mouse is elsewhere: the word that has the focus
  let words = [];
  let weights = [];              // rows look, columns are looked at
  let cells = [];

  const field = make("input", { type: "text", className: "mm-field", spellcheck: false, ariaLabel: "a sentence", maxLength: 1000 });
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(send, WAIT);
  });
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") send(); });
  function send() {
    clearTimeout(timer);
    timer = null;
    model.set("sentence", field.value);
    model.save_changes();
  }
  const picked = make("select", { ariaLabel: "examples of sentences", className: "mm-field" }, make("option", { value: "", textContent: "choose a sentence, or write one below …" }));
  picked.append(...model.get("sentences").map((text, i) => make("option", { value: i, textContent: text })));
  picked.addEventListener("change", () => {
    if (picked.value === "") return;
    field.value = model.get("sentences")[Number(picked.value)];
    send();
  });

  function chooser(name, label) {
    const select = make("select", { ariaLabel: label });
    select.addEventListener("change", () => { model.set(name, Number(select.value)); model.save_changes(); });
    return [select, (options) => {
      if (select.options.length !== options.length) {
        select.replaceChildren(...options.map(([value, textContent]) => make("option", { value, textContent })));
      }
      select.value = model.get(name);
    }];
  }
  const [layer, fillLayers] = chooser("layer", "layer");
  const [head, fillHeads] = chooser("head", "head");

  const line = make("div", { className: "mm-lookers" });
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", "the words; the arrow keys move from word to word");
  const said = make("div", { className: "mm-says", ariaLive: "polite" });
  const note = make("div", { className: "mm-note", ariaLive: "polite" });
  const matrix = make("div", { className: "mm-matrix" });
  const guesses = make("div", { className: "mm-guesses" });
  const beside = make("div", { className: "mm-side" }, make("h4", { textContent: "Prediction" }), guesses);

  line.addEventListener("keydown", (event) => {
    const at = words.indexOf(document.activeElement);
    if (at < 0) return;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: words.length - 1 }[event.key];
    if (to !== undefined) {
      words[Math.max(0, Math.min(words.length - 1, to))].focus();
    } else if (event.key === "Escape") {
      document.activeElement.blur();
    } else return;
    event.preventDefault();
  });

  function look(word, pair = null) {
    active = word;
    const { words: texts } = model.get("result");
    const top = Math.max(...weights.flat(), 1e-6);
    const shown = active === null ? texts.map((_, j) => weights.reduce((sum, row) => sum + row[j], 0) / texts.length) : weights[active];
    const highest = active === null ? Math.max(...shown, 1e-6) : top;
    words.forEach((node, j) => {
      tint(node, shown[j] / highest);
      node.lastChild.textContent = number(shown[j]);
      node.classList.toggle("mm-active", j === active);
    });
    cells.forEach((row, i) => row.forEach((cell) => cell.classList.toggle("mm-row-on", i === active)));
    matrix.querySelectorAll(".mm-label").forEach((node) => {
      const { row, column } = node.dataset;
      node.classList.toggle("mm-on", Number(row) === active || (pair !== null && Number(column) === pair));
    });
    if (!texts.length) said.textContent = "";
    else if (active === null) said.textContent = "Mean attention weight on each word. Point at a word to see what it attends to.";
    else if (pair !== null) said.textContent = `${texts[active]} attends to ${texts[pair]} with weight ${weights[active][pair].toFixed(3)}.`;
    else {
      const order = shown.map((weight, j) => [weight, j]).sort((a, b) => b[0] - a[0]).slice(0, 4);
      const list = order.map(([weight, j]) => `${j === active ? "itself" : texts[j]} ${number(weight)}`).join(", ");
      said.textContent = `${texts[active]} attends to: ${list}${texts.length > 4 ? " …" : ""}`;
    }
  }

  function choose() {            // the map of the chosen layer and head, into words and matrix
    const result = model.get("result");
    const count = result.words.length;
    fillLayers(Array.from({ length: result.layers }, (_, i) => [i, `${i + 1} of ${result.layers}`]));
    fillHeads([[MEAN, `mean of ${result.heads}`], ...Array.from({ length: result.heads }, (_, i) => [i, `${i + 1} of ${result.heads}`])]);
    const view = result.maps;
    const all = new Uint16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    const one = (h, i, j) => all[((model.get("layer") * result.heads + h) * count + i) * count + j] / 65535;
    const heads = model.get("head") === MEAN ? Array.from({ length: result.heads }, (_, h) => h) : [model.get("head")];
    weights = result.words.map((_, i) => result.words.map((_, j) => heads.reduce((sum, h) => sum + one(h, i, j), 0) / heads.length));
    const top = Math.max(...weights.flat(), 1e-6);
    cells.forEach((row, i) => row.forEach((cell, j) => tint(cell, weights[i][j] / top)));
    matrix.setAttribute("aria-label", `attention weights, ${count} by ${count}, the largest ${top.toFixed(2)}`);
    scale.textContent = count ? `largest weight: ${top.toFixed(2)}` : "";
    look(active);
  }

  function show() {              // another sentence: new words, a new matrix
    const result = model.get("result");
    const count = result.words.length;
    const label = (i) => (result.unknown[i] ? `${result.words[i]}?` : result.words[i]);
    const why = (i) => (result.unknown[i] ? "not in the vocabulary: the model gets <unk>" : "");
    const focused = words.indexOf(document.activeElement);
    words = result.words.map((_, i) => {
      const word = make("button", { className: "mm-looker mm-tinted", title: why(i), tabIndex: i === 0 ? 0 : -1 },
        make("span", { textContent: label(i), className: result.unknown[i] ? "mm-strange" : "" }), make("small"));
      word.addEventListener("pointerenter", () => look(i));
      word.addEventListener("pointerleave", () => look(rest));
      word.addEventListener("focus", () => {
        words.forEach((other) => { other.tabIndex = other === word ? 0 : -1; });
        rest = i;
        look(i);
      });
      word.addEventListener("blur", () => { rest = null; look(null); });
      return word;
    });
    line.replaceChildren(...words);
    const size = Math.max(9, Math.min(26, Math.floor(500 / Math.max(count, 1))));
    matrix.style.setProperty("--mm-cell", `${size}px`);
    matrix.style.gridTemplateColumns = `max-content repeat(${count}, minmax(0, ${size}px))`;
    matrix.style.fontSize = `${Math.max(9, Math.min(12.5, size))}px`;
    cells = result.words.map((_, i) => result.words.map((_, j) => {
      const cell = make("div", { className: "mm-cell" });
      cell.addEventListener("pointerenter", () => look(i, j));
      return cell;
    }));
    const labelled = (kind, i) => {
      const node = make("div", { className: `mm-label mm-of-${kind}${result.unknown[i] ? " mm-strange" : ""}`, textContent: label(i), title: why(i) });
      node.dataset[kind] = i;
      if (kind === "row") node.addEventListener("pointerenter", () => look(i));
      return node;
    };
    matrix.replaceChildren(make("div"), ...result.words.map((_, j) => labelled("column", j)),
      ...cells.flatMap((row, i) => [labelled("row", i), ...row]));
    part.hidden = count === 0;
    guesses.replaceChildren(...result.guesses.map(([name, probability]) => {
      const bar = make("div", { className: "mm-bar" });
      bar.style.width = `${100 * probability}%`;
      return make("div", { className: "mm-guess" }, make("span", { textContent: name }),
        make("div", { className: "mm-track" }, bar), make("span", { className: "mm-mono", textContent: probability.toFixed(2) }));
    }));
    beside.hidden = result.guesses.length === 0;
    const strange = result.words.filter((_, i) => result.unknown[i]);
    const list = [...new Set(strange)].join(", ");
    note.textContent = [result.note, strange.length ? `Not in the vocabulary, so the model gets <unk>: ${list}.` : ""].join(" ").trim();
    note.hidden = !note.textContent;
    active = null;
    rest = null;
    choose();
    if (focused >= 0 && words.length) words[Math.min(focused, words.length - 1)].focus();
  }
  function follow() {            // the sentence was set from Python, or by another view of this widget
    const text = model.get("sentence");
    if (field.value !== text && document.activeElement !== field) field.value = text;
    picked.value = String(model.get("sentences").indexOf(text));
    if (picked.selectedIndex < 0) picked.value = "";
  }

  const scale = make("span", { className: "mm-note" });
  const part = make("div", { style: "min-width: 0" },
    make("div", { className: "mm-note" }, "rows: queries, columns: keys · ", scale), matrix);
  matrix.setAttribute("role", "img");
  matrix.addEventListener("pointerleave", () => look(rest));
  const root = make("div", { className: "mm mm-attention" },
    make("div", {}, picked, field),
    make("div", { className: "mm-row mm-choice" }, make("label", {}, "layer", layer), make("label", {}, "head", head)),
    line, said, note,
    make("div", { className: "mm-row", style: "margin-top:10px" }, part, beside));
  root.addEventListener("keydown", (event) => event.stopPropagation());   // the notebook has shortcuts of its own
  el.append(root);
  model.on("change:result", show);
  model.on("change:layer change:head", choose);
  model.on("change:sentence", follow);
  field.value = model.get("sentence");
  follow();
  show();
  return () => {
    clearTimeout(timer);
    model.off("change:result", show);
    model.off("change:layer change:head", choose);
    model.off("change:sentence", follow);
  };
}

export default { render };
