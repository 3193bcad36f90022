const DARK = 0.72;               // opacity of the shade where the attention weight is 0

function render({ model, el }) {
  let pointed = null;            // the word under the mouse; null: the selected one
  let words = [];
  const over = make("div", { className: "mm-over mm-unseen" });
  const board = makeBoard(model, over);

  const line = make("div", { className: "mm-lookers" });
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", "the words of the caption; select one to see the attention weights before it was generated");
  const shown = make("input", { type: "checkbox", checked: true });
  shown.addEventListener("change", draw);
  const width = make("input", { type: "range", min: 1, max: 8, step: 1, ariaLabel: "beam width" });
  const wide = make("span", { className: "mm-mono" });
  width.addEventListener("input", () => { wide.textContent = width.value; });
  width.addEventListener("change", () => { model.set("width", Number(width.value)); model.save_changes(); });
  const others = make("div", { className: "mm-guesses" });
  const note = make("div", { className: "mm-note", ariaLive: "polite" });

  function draw() {
    const { words: texts, weights } = model.get("result");
    const word = Math.min(pointed ?? model.get("word"), texts.length - 1);
    words.forEach((node, i) => {
      node.classList.toggle("mm-active", i === word);
      node.setAttribute("aria-pressed", String(i === model.get("word")));
    });
    over.hidden = !weights || word < 0 || !shown.checked;
    if (over.hidden) { note.textContent = weights ? "" : "This model has no attention: it encodes the image once."; return; }
    const map = weights[word].flat();
    const top = Math.max(...map, 1e-6);
    const best = map.indexOf(top);
    const columns = weights[word][0].length;
    over.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
    over.replaceChildren(...map.map((weight) => {
      const cell = make("div");
      cell.style.background = `rgb(20 20 24 / ${(DARK * (1 - weight / top)).toFixed(3)})`;
      return cell;
    }));
    note.textContent = `Attention for '${texts[word]}': the largest weight, ${top.toFixed(2)}, is at row ${Math.floor(best / columns) + 1}, column ${best % columns + 1}.`;
  }
  function show() {              // another image, or another beam width
    const result = model.get("result");
    pointed = null;
    words = result.words.map((text, i) => {
      const node = make("button", { className: "mm-looker" }, text, make("small", { textContent: result.probabilities[i].toFixed(2) }));
      node.addEventListener("pointerenter", () => { pointed = i; draw(); });
      node.addEventListener("pointerleave", () => { pointed = null; draw(); });
      node.addEventListener("focus", () => { pointed = i; draw(); });
      node.addEventListener("blur", () => { pointed = null; draw(); });
      node.addEventListener("click", () => { model.set("word", i); model.save_changes(); draw(); });
      return node;
    });
    line.replaceChildren(...words);
    others.replaceChildren(...result.others.map(([sentence, probability]) =>
      make("div", { className: "mm-other" }, make("span", { className: "mm-mono", textContent: `${probability.toFixed(4)}  ` }), sentence)));
    width.value = model.get("width");
    wide.textContent = model.get("width");
    draw();
  }

  el.append(make("div", { className: "mm mm-captioning mm-attention" },
    make("div", { className: "mm-row" }, board.stage,
      make("div", { className: "mm-grow" }, board.colours, board.tools,
        make("fieldset", {}, board.give, make("label", {}, shown, "show attention"), make("label", {}, "beam width", width, wide)),
        make("h4", { textContent: "Generated caption" }), line, note,
        make("h4", { textContent: "Candidates of the beam search" }), others))));
  model.on("change:result", show);
  model.on("change:word", draw);
  show();
  return () => {
    board.stop();
    model.off("change:result", show);
    model.off("change:word", draw);
  };
}

export default { render };
