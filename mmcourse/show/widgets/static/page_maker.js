function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function render({ model, el }) {
  const options = model.get("options");
  const fields = {};
  const chosen = () => ({ ...model.get("choices") });

  function choose(changes) {
    model.set("choices", { ...chosen(), ...changes });
    model.save_changes();
  }
  function dropdown(name, values, label, wide) {
    const select = make("select", { ariaLabel: label, className: wide ? "mm-wide" : "" });
    select.append(...values.map((value) => make("option", { value, textContent: value })));
    select.addEventListener("change", () => choose({ [name]: select.value }));
    select.dataset.name = name;
    return (fields[name] = select);
  }

  const second = make("input", { type: "checkbox" });
  second.dataset.name = "second";
  second.addEventListener("change", () => choose({ second: second.checked }));
  const pair = [dropdown("size2", options.sizes, "size of the second object"),
    dropdown("colour2", options.colours, "colour of the second object"),
    dropdown("kind2", options.kinds, "the second object")];
  const form = make("div", { className: "mm-fields" },
    make("span", { textContent: "a" }), dropdown("size", options.sizes, "size"), dropdown("colour", options.colours, "colour"),
    dropdown("kind", options.kinds, "object"),
    make("label", {}, second, "and"), dropdown("relation", options.relations, "relation of the first to the second", true),
    make("span", { textContent: "a" }), ...pair,
    make("span", { textContent: "time" }), dropdown("time", options.times, "time of day", true),
    make("span", { textContent: "voice" }), dropdown("voice", options.voices, "voice", true));

  const surprise = make("button", { className: "mm-main", textContent: "Surprise me" });
  surprise.addEventListener("click", () => model.send({ ask: "surprise" }));
  const again = make("button", { textContent: "Draw and describe it again" });
  again.addEventListener("click", () => choose({ seed: (chosen().seed || 0) + 1 }));

  const picture = make("img", { className: "mm-picture" });
  const sentence = make("p", { className: "mm-sentence", ariaLive: "polite" });
  const player = make("audio", { controls: true, preload: "auto", ariaLabel: "the sentence, read aloud" });
  player.style.cssText = "height:36px;width:100%;max-width:320px";
  const shapes = make("table", { className: "mm-facts mm-mono" });
  const note = make("p", { className: "mm-note" });
  const urls = {};

  function blob(name, bytes, type) {
    if (urls[name]) URL.revokeObjectURL(urls[name]);
    return (urls[name] = URL.createObjectURL(new Blob([bytes], { type })));
  }
  function show() {
    const page = model.get("page");
    picture.src = blob("image", page.image, "image/jpeg");
    picture.alt = page.sentence;
    sentence.textContent = page.sentence;
    player.hidden = !page.sound;
    if (page.sound) player.src = blob("sound", page.sound, "audio/mpeg");
    shapes.replaceChildren(...page.shapes.map((row) => make("tr", {}, ...row.map((text) => make("td", { textContent: text })))));
    note.textContent = page.note;
    note.hidden = !page.note;
  }
  function sync() {
    const now = chosen();
    for (const [name, select] of Object.entries(fields)) select.value = now[name];
    second.checked = now.second;
    for (const select of [...pair, fields.relation]) {
      select.disabled = !now.second;
      select.classList.toggle("mm-off", !now.second);
    }
  }

  el.append(make("div", { className: "mm mm-page-maker" },
    make("div", { className: "mm-row" }, picture,
      make("div", { className: "mm-grow" }, form, make("div", { className: "mm-row" }, surprise, again))),
    make("div", { className: "mm-row", style: "margin-top:12px" }, make("div", { className: "mm-grow" }, sentence, player), shapes), note));
  model.on("change:page", show);
  model.on("change:choices", sync);
  sync();
  show();
  return () => {
    model.off("change:page", show);
    model.off("change:choices", sync);
    Object.values(urls).forEach((url) => URL.revokeObjectURL(url));
  };
}

export default { render };
