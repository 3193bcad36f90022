function render({ model, el }) {
  const addresses = makeAddresses();
  const limits = model.get("limits");
  function set(name, value) {
    if (model.get(name) === value) return;
    note.textContent = "Generating ...";
    model.set(name, value);
    model.save_changes();
  }
  const sentence = makeSentence("sentence", "Draw", model.get("examples"), (text) => set("sentence", text));
  const again = make("button", { textContent: "⚄ New noise" });
  again.addEventListener("click", () => set("seed", model.get("seed") + 1));
  const sliders = Object.entries(limits).map(([name, most]) => [name,
    makeSlider(name, [0, most, name === "guidance" ? 0.5 : 0.1], (value) => value.toFixed(1), (value) => set(name, value))]);
  const title = make("p", { className: "mm-sentence" });
  const grid = make("div", { className: "mm-samples" });
  grid.setAttribute("role", "group");
  grid.setAttribute("aria-label", "generated images");
  const verdict = make("p", { className: "mm-share", ariaLive: "polite" });
  const note = make("div", { className: "mm-note", ariaLive: "polite" });

  function showResult() {
    const result = model.get("result");
    addresses.free();
    title.textContent = result.sentence;
    grid.replaceChildren(...result.images.map((bytes, i) => {
      const facts = [...(result.verdicts[i] ?? [])].reverse();      // size, colour, kind, as one says them
      const said = facts.map(([name, right]) => `${name}${right === null ? "" : right ? " correct" : " wrong"}`).join(", ");
      const image = make("img", { src: addresses.of(bytes), alt: `image ${i + 1} for '${result.sentence}'${said && `; judge: ${said}`}` });
      const caption = make("figcaption", { ariaHidden: "true" }, ...facts.map(([name, right]) => make("span",
        { className: `mm-fact${right === null ? "" : right ? " mm-correct" : " mm-wrong"}`, textContent: `${right === null ? "" : right ? "✓ " : "✗ "}${name}` })));
      return make("figure", {}, image, ...(facts.length ? [caption] : []));
    }));
    verdict.textContent = result.note;
  }
  function showControls() {
    note.textContent = "";
    sentence.show(model.get("sentence"), model.get("problem"));
    sliders.forEach(([name, slider]) => slider.show(model.get(name)));
  }

  el.append(makeFrame("text-to-image", sentence.node,
    make("div", { className: "mm-row mm-choice" }, again, ...sliders.map(([, slider]) => slider.node)), title, grid, verdict, note));
  model.on("change:result", showResult);
  model.on("change:answered", showControls);
  showResult();
  showControls();
  return () => {
    addresses.free();
    model.off("change:result", showResult);
    model.off("change:answered", showControls);
  };
}

export default { render };
