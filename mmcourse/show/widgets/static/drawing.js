// The anchors of matplotlib's viridis and inferno, joined by straight lines.
const VIRIDIS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"];
const INFERNO = ["000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"];
function ramp(anchors) {
  const rgb = anchors.map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Array.from({ length: 256 }, (_, value) => {
    const place = (value / 255) * (rgb.length - 1);
    const low = Math.min(Math.floor(place), rgb.length - 2);
    return rgb[low].map((c, i) => Math.round(c + (rgb[low + 1][i] - c) * (place - low)));
  });
}
const MAP_COLOURS = ramp(VIRIDIS);
const HEAT_COLOURS = ramp(INFERNO);

function render({ model, el }) {
  const size = model.get("size");
  const heat = make("canvas", { className: "mm-heat", width: size, height: size });
  heat.setAttribute("role", "img");
  const board = makeBoard(model, heat);
  const explain = make("input", { type: "checkbox" });
  explain.addEventListener("change", () => { model.set("explained", explain.checked); model.save_changes(); });

  // What the model makes of it.
  const guesses = make("div", { className: "mm-guesses" });
  const layers = make("div", { className: "mm-layers" });
  function show() {
    const result = model.get("result");
    guesses.replaceChildren(...result.guesses.map(([word, probability]) => {
      const bar = make("div", { className: "mm-bar" });
      bar.style.width = `${100 * probability}%`;
      return make("div", { className: "mm-guess" }, make("span", { textContent: word }),
        make("div", { className: "mm-track" }, bar), make("span", { className: "mm-mono", textContent: probability.toFixed(2) }));
    }));
    if (layers.children.length !== result.layers.length) {
      layers.replaceChildren(...result.layers.map(({ count, width: w, height: h }) => {
        const maps = Array.from({ length: count }, () => make("canvas", { width: w, height: h }));
        return make("div", {}, make("h4"), make("div", { className: "mm-maps" }, ...maps));
      }));
    }
    result.layers.forEach((layer, i) => {
      const [title, maps] = layers.children[i].children;
      title.textContent = layer.title;
      maps.setAttribute("role", "img");
      maps.setAttribute("aria-label", layer.title);
      const values = bytesOf(layer.values);
      const area = layer.width * layer.height;
      [...maps.children].forEach((map, channel) => {
        const image = new ImageData(layer.width, layer.height);
        for (let p = 0; p < area; p++) image.data.set([...MAP_COLOURS[values[channel * area + p]], 255], 4 * p);
        map.getContext("2d").putImageData(image, 0, 0);
      });
    });
    const context = heat.getContext("2d");
    context.clearRect(0, 0, size, size);
    heat.ariaHidden = String(!result.heat);
    if (result.heat) {
      const values = bytesOf(result.heat);
      const best = values.indexOf(Math.max(...values));
      heat.ariaLabel = `Grad-CAM: the largest value is at row ${Math.floor(best / size) + 1}, column ${(best % size) + 1} of ${size}`;
      const image = new ImageData(size, size);
      values.forEach((value, p) => image.data.set([...HEAT_COLOURS[value], 40 + Math.round(0.65 * value)], 4 * p));
      context.putImageData(image, 0, 0);
    }
  }
  el.append(make("div", { className: "mm mm-drawing" },
    make("div", { className: "mm-row" },
      board.stage,
      make("div", { className: "mm-grow" }, board.colours, board.tools,
        make("fieldset", {}, board.give, make("label", {}, explain, "show Grad-CAM")),
        make("h4", { textContent: "Prediction" }), guesses)),
    make("div", { style: "margin-top:12px" }, layers)));
  explain.checked = model.get("explained");
  model.on("change:result", show);
  show();
  return () => {
    board.stop();
    model.off("change:result", show);
  };
}

export default { render };
