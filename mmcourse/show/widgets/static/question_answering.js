const WAIT = 300;                // milliseconds without a key before Python is asked
const DARK = 0.72;               // how dark a position without attention is

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function render({ model, el }) {
  let timer = null;
  let pointed = null;            // the word the mouse is on; null: the one that was chosen
  let words = [];
  let player = null;
  const urls = model.get("images").map((bytes) => URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })));

  const pages = make("div", { className: "mm-pages" }, ...urls.map((src, i) => {
    const button = make("button", { className: "mm-page", title: model.get("sentences")[i], ariaLabel: `page ${i + 1}` },
      make("img", { src, alt: "" }));
    button.addEventListener("click", () => { model.set("page", i); model.save_changes(); });
    return button;
  }));
  const line = make("div", { className: "mm-lookers" });
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", "the words of the page's sentence; press one to play and select it");
  const looks = make("div", { className: "mm-row mm-looks" });
  const said = make("div", { className: "mm-says", ariaLive: "polite" });
  const note = make("div", { className: "mm-note", ariaLive: "polite" });
  const steps = make("div", { className: "mm-steps" });

  const field = make("input", { type: "text", className: "mm-field", spellcheck: false, ariaLabel: "a question", maxLength: 200 });
  const send = () => {
    clearTimeout(timer);
    model.set("question", field.value);
    model.save_changes();
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, WAIT); });
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") send(); });
  const picked = make("select", { ariaLabel: "examples of questions", className: "mm-field" },
    make("option", { value: "", textContent: "choose a question, or write one below …" }),
    ...model.get("questions").map((text, i) => make("option", { value: i, textContent: text })));
  picked.addEventListener("change", () => {
    if (picked.value === "") return;
    field.value = model.get("questions")[Number(picked.value)];
    send();
  });

  function now() {               // the word whose looks are shown
    return Math.min(pointed ?? model.get("word"), model.get("result").words.length - 1);
  }
  function draw() {
    const { words: texts, weights, side, answers, asked } = model.get("result");
    const word = now();
    words.forEach((node, i) => {
      node.classList.toggle("mm-active", i === word);
      node.setAttribute("aria-pressed", String(i === model.get("word")));
    });
    looks.replaceChildren(...weights[word].map((head, h) => {
      const top = Math.max(...head, 1e-6);
      const cells = head.map((weight) => {
        const cell = make("div", { title: weight.toFixed(2) });
        cell.style.background = `rgb(20 20 24 / ${(DARK * (1 - weight / top)).toFixed(3)})`;
        return cell;
      });
      const over = make("div", { className: "mm-over" }, ...cells);
      over.style.gridTemplateColumns = `repeat(${side}, 1fr)`;
      const best = head.indexOf(top);
      const view = make("div", { className: "mm-look" }, make("img", { src: urls[model.get("page")], alt: "" }), over);
      view.setAttribute("role", "img");
      view.setAttribute("aria-label", `head ${h + 1}: largest weight, ${top.toFixed(2)}, at row ${Math.floor(best / side) + 1}, column ${best % side + 1}`);
      return make("div", {}, make("div", { className: "mm-note", textContent: `head ${h + 1} · largest weight ${top.toFixed(2)}` }), view);
    }));
    said.replaceChildren("spoken word: ", make("b", { textContent: texts[word] }));
    steps.replaceChildren(...asked.map((_, i) => {
      const [[answer, share], ...others] = answers[word][i];
      const bar = make("div", { className: "mm-bar" });
      bar.style.width = `${100 * share}%`;
      return make("div", { className: "mm-step" },
        make("span", {}, `${asked.slice(0, i).join(" ")} `, make("b", { textContent: asked[i] })),
        make("div", { className: "mm-track" }, bar),
        make("span", { className: "mm-mono", textContent: `${answer} ${share.toFixed(2)}`, title: others.map(([name, p]) => `${name} ${p.toFixed(2)}`).join(", ") }));
    }));
  }
  function show() {              // another page or question
    const result = model.get("result");
    pointed = null;
    [...pages.children].forEach((node, i) => node.classList.toggle("mm-on", i === model.get("page")));
    words = result.words.map((text, i) => {
      const node = make("button", { className: "mm-looker", textContent: text });
      node.addEventListener("pointerenter", () => { pointed = i; draw(); });
      node.addEventListener("pointerleave", () => { pointed = null; draw(); });
      node.addEventListener("focus", () => { pointed = i; draw(); });
      node.addEventListener("blur", () => { pointed = null; draw(); });
      node.addEventListener("click", () => {
        model.set("word", i);
        model.save_changes();
        player?.pause();
        player = new Audio(result.sounds[i]);
        player.play().catch(() => {});
      });
      return node;
    });
    line.replaceChildren(...words);
    note.textContent = result.note;
    note.hidden = !result.note;
    draw();
  }
  function follow() {
    const text = model.get("question");
    if (field.value !== text && document.activeElement !== field) field.value = text;
    picked.value = String(model.get("questions").indexOf(text));
    if (picked.selectedIndex < 0) picked.value = "";
  }

  const root = make("div", { className: "mm mm-question-answering mm-attention" },
    pages, line, said,
    make("div", { className: "mm-row" }, looks,
      make("div", { className: "mm-ask" }, make("h4", { textContent: "The answer after each word" }), picked, field, note, steps)));
  root.addEventListener("keydown", (event) => event.stopPropagation());   // the notebook has shortcuts of its own
  el.append(root);
  model.on("change:result", show);
  model.on("change:word", draw);
  model.on("change:question", follow);
  field.value = model.get("question");
  follow();
  show();
  return () => {
    clearTimeout(timer);
    player?.pause();
    urls.forEach((url) => URL.revokeObjectURL(url));
    model.off("change:result", show);
    model.off("change:word", draw);
    model.off("change:question", follow);
  };
}

export default { render };
