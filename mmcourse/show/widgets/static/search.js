const WAIT = 300;                // milliseconds without a key before Python is asked
const MODALITIES = { image: "images", sound: "sounds", text: "sentences" };

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function choice(legend, options, chosen, pick) {   // buttons of which one is pressed
  const buttons = Object.entries(options).map(([value, textContent]) => {
    const button = make("button", { textContent, value });
    button.addEventListener("click", () => pick(value));
    return button;
  });
  const node = make("fieldset", {}, make("legend", { textContent: legend }), ...buttons);
  return {
    node,
    follow: () => buttons.forEach((button) => {
      const on = button.value === chosen();
      button.classList.toggle("mm-main", on);
      button.setAttribute("aria-pressed", String(on));
    }),
  };
}

function render({ model, el }) {
  let timer = null;
  let player = null;
  const urls = model.get("images").map((bytes) => URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })));
  const set = (values) => {
    clearTimeout(timer);
    if (timer !== null) values = { text: field.value, ...values };   // typed, and not yet sent
    timer = null;
    Object.entries(values).forEach(([name, value]) => model.set(name, value));
    model.save_changes();
  };
  const hear = (sound) => {
    player?.pause();
    player = new Audio(sound);
    player.play().catch(() => {});
  };

  const field = make("input", { type: "text", className: "mm-field mm-query", spellcheck: false, ariaLabel: "a sentence to search with", maxLength: 300 });
  const send = () => set({ text: field.value, source: "typed" });
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, WAIT); });
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") send(); });

  const pages = make("div", { className: "mm-pages" }, ...urls.slice(0, model.get("offered")).map((src, i) => {
    const button = make("button", { className: "mm-page", title: model.get("sentences")[i], ariaLabel: `query with page ${i + 1}` }, make("img", { src, alt: "" }));
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => set({ page: i, source: model.get("source") === "sound" ? "sound" : "image" }));
    return button;
  }));
  const source = choice("query", { typed: "my words", image: "a page's image", sound: "a page's sound" }, () => model.get("source"), (value) => set({ source: value }));
  const among = choice("search among", MODALITIES, () => model.get("among"), (value) => set({ among: value }));
  const listen = make("button", { textContent: "▶ play the query" });
  listen.addEventListener("click", () => hear(model.get("result").asked));
  const note = make("div", { className: "mm-note", ariaLive: "polite" });
  const found = make("div", { className: "mm-found" });
  found.setAttribute("role", "list");

  function show() {
    const result = model.get("result");
    const typed = model.get("source") === "typed";
    source.follow();
    among.follow();
    listen.hidden = !result.asked;
    field.classList.toggle("mm-off", !typed);
    [...pages.children].forEach((node, i) => {
      const on = !typed && i === model.get("page");
      node.classList.toggle("mm-on", on);
      node.setAttribute("aria-pressed", String(on));
    });
    note.textContent = result.note;
    note.hidden = !result.note;
    found.replaceChildren(...result.found.map(({ page, cosine, sound, right }, place) => {
      const play = make("button", { textContent: "▶", ariaLabel: `play number ${place + 1}` });
      play.addEventListener("click", () => hear(sound));
      const card = make("div", { className: `mm-hit${right ? " mm-right" : ""}` },
        make("img", { src: urls[page], alt: "" }),
        make("div", { className: "mm-row mm-tight" }, play, make("span", { className: "mm-mono", textContent: cosine.toFixed(2) }),
          ...(right ? [make("b", { textContent: "this page" })] : [])),
        make("div", { className: "mm-told", textContent: model.get("sentences")[page] }));
      card.setAttribute("role", "listitem");
      return card;
    }));
  }
  function follow() {
    if (field.value !== model.get("text") && document.activeElement !== field) field.value = model.get("text");
  }

  const root = make("div", { className: "mm mm-search mm-attention" }, source.node, field, pages, among.node, listen, note, found);
  root.addEventListener("keydown", (event) => event.stopPropagation());   // the notebook has shortcuts of its own
  el.append(root);
  model.on("change:result", show);
  model.on("change:text", follow);
  follow();
  show();
  return () => {
    clearTimeout(timer);
    player?.pause();
    urls.forEach((url) => URL.revokeObjectURL(url));
    model.off("change:result", show);
    model.off("change:text", follow);
  };
}

export default { render };
