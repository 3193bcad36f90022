function render({ model, el }) {
  const names = model.get("names");
  const [every, most] = [model.get("every"), model.get("most")];
  const addresses = makeAddresses();
  function set(name, value) {    // ipywidgets sends the newest values when Python has answered
    model.set(name, value);
    model.save_changes();
  }
  const choice = makeChoice("class", [...names, every], (text) => set("chosen", text));
  const again = make("button", { className: "mm-main", textContent: "⚄ New latents" });
  again.addEventListener("click", () => set("action", { name: "new", count: Date.now() }));
  const position = makeSlider("interpolation", [0, 1, 0.01], (t) => `t = ${t.toFixed(2)}`, (t) => set("position", t));
  const truncation = makeSlider("truncation", [0.1, most, 0.1], (x) => (x < most ? `|z| ≤ ${x.toFixed(1)}` : "none"),
    (x) => set("truncation", x));
  const grid = make("div", { className: "mm-samples" });
  grid.setAttribute("role", "group");
  grid.setAttribute("aria-label", "samples");
  const note = make("div", { className: "mm-note", ariaLive: "polite" });

  function showSamples() {
    const { images, labels, note: said } = model.get("result");
    addresses.free();
    grid.replaceChildren(...images.map((bytes, i) => {
      const image = make("img", { src: addresses.of(bytes), alt: labels[i] });
      return make("figure", {}, image, ...(model.get("chosen") === every && names.length ? [make("figcaption", { textContent: labels[i] })] : []));
    }));
    note.textContent = said;
  }
  function showControls() {
    choice.show(model.get("chosen"));
    position.show(model.get("position"));
    truncation.show(model.get("truncation"));
  }

  el.append(makeFrame("generator", ...(names.length ? [choice.node] : []),
    make("div", { className: "mm-row mm-choice" }, again, position.node, truncation.node), grid, note));
  model.on("change:result", showSamples);
  model.on("change:chosen change:position change:truncation", showControls);
  showControls();
  showSamples();
  return () => {
    model.off("change:result", showSamples);
    model.off("change:chosen change:position change:truncation", showControls);
    addresses.free();
  };
}

export default { render };
