const CANVAS = 256;
const WAIT = 150;                // milliseconds between two pictures sent

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

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function render({ model, el }) {
  const size = model.get("size");
  const canvas = make("canvas", { className: "mm-draw", width: CANVAS, height: CANVAS, tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Canvas. Draw with the mouse or a finger; or move with the arrow keys and hold Space to paint.");
  const heat = make("canvas", { className: "mm-heat", width: size, height: size });
  const pen = make("canvas", { className: "mm-pen", width: CANVAS, height: CANVAS });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  brush.lineCap = brush.lineJoin = "round";

  // What is on the canvas goes to Python at the size that the model sees, at most every WAIT milliseconds.
  let timer = null;
  let sent = 0;
  function send() {
    timer = null;
    sent = Date.now();
    const full = brush.getImageData(0, 0, CANVAS, CANVAS).data;
    const pixels = new Uint8Array(size * size * 3);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const [top, bottom] = [row, row + 1].map((i) => Math.floor((i * CANVAS) / size));
        const [left, right] = [column, column + 1].map((i) => Math.floor((i * CANVAS) / size));
        const sum = [0, 0, 0];
        for (let y = top; y < bottom; y++) {
          for (let x = left; x < right; x++) {
            for (let c = 0; c < 3; c++) sum[c] += full[4 * (y * CANVAS + x) + c];
          }
        }
        const count = (bottom - top) * (right - left);
        for (let c = 0; c < 3; c++) pixels[3 * (row * size + column) + c] = Math.round(sum[c] / count);
      }
    }
    model.set("pixels", new DataView(pixels.buffer));
    model.save_changes();
  }
  function changed() {
    if (timer === null) timer = setTimeout(send, Math.max(0, WAIT - (Date.now() - sent)));
  }
  async function paint(bytes) {
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    brush.drawImage(picture, 0, 0, CANVAS, CANVAS);
  }

  // Tools.
  const palette = model.get("palette");
  let colour = palette.red;
  let last = null;
  const name = `mm-colour-${Math.random().toString(36).slice(2)}`;
  const swatches = Object.entries(palette).map(([word, value]) => {
    const input = make("input", { type: "radio", name, checked: value === colour, ariaLabel: word });
    input.addEventListener("change", () => { colour = value; });
    const label = make("label", { className: "mm-swatch", title: word }, input);
    label.style.background = value;
    label.dataset.colour = word;
    return label;
  });
  const width = make("input", { type: "range", min: 4, max: 64, value: 22, ariaLabel: "brush size" });
  const blanks = model.get("blanks");
  const time = make("select", { ariaLabel: "empty page" });
  time.append(...model.get("times").map((word, i) => make("option", { value: i, textContent: word, selected: word === "day" })));
  const clear = make("button", { textContent: "Clear" });
  const empty = async () => { said.textContent = ""; await paint(blanks[Number(time.value)]); changed(); };
  clear.addEventListener("click", empty);
  time.addEventListener("change", empty);
  const give = make("button", { className: "mm-main", textContent: "Give me a page" });
  give.addEventListener("click", () => model.send({ ask: "page" }));
  const explain = make("input", { type: "checkbox" });
  explain.addEventListener("change", () => { model.set("explained", explain.checked); model.save_changes(); });
  const said = make("div", { className: "mm-note", ariaLive: "polite" });

  function stroke(x, y) {
    brush.strokeStyle = colour;
    brush.lineWidth = Number(width.value);
    brush.beginPath();
    brush.moveTo(...(last ?? [x, y]));
    brush.lineTo(x, y);
    brush.stroke();
    last = [x, y];
    changed();
  }
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * CANVAS) / box.width, ((event.clientY - box.top) * CANVAS) / box.height];
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = null;
    stroke(...place(event));
    event.preventDefault();
    canvas.focus();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) stroke(...place(event));
  });

  // The same by keyboard.
  const cursor = [CANVAS / 2, CANVAS / 2];
  let painting = false;
  function showPen() {
    const context = pen.getContext("2d");
    context.clearRect(0, 0, CANVAS, CANVAS);
    if (!canvas.matches(":focus-visible")) return;
    for (const [style, line] of [["#fff", 4], ["#000", 1.5]]) {
      context.strokeStyle = style;
      context.lineWidth = line;
      context.beginPath();
      context.arc(...cursor, Number(width.value) / 2 + 2, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  const moves = { ArrowLeft: [-6, 0], ArrowRight: [6, 0], ArrowUp: [0, -6], ArrowDown: [0, 6] };
  canvas.addEventListener("keydown", (event) => {
    event.stopPropagation();                       // the notebook has shortcuts of its own
    if (event.key === " ") {
      if (!painting) { painting = true; last = null; stroke(...cursor); }
    } else if (moves[event.key]) {
      moves[event.key].forEach((by, i) => { cursor[i] = Math.min(CANVAS, Math.max(0, cursor[i] + by)); });
      if (painting) stroke(...cursor);
    } else return;
    event.preventDefault();
    showPen();
  });
  canvas.addEventListener("keyup", (event) => { if (event.key === " ") painting = false; });
  canvas.addEventListener("focus", showPen);
  canvas.addEventListener("blur", () => { painting = false; showPen(); });

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
    if (result.heat) {
      const values = bytesOf(result.heat);
      const image = new ImageData(size, size);
      values.forEach((value, p) => image.data.set([...HEAT_COLOURS[value], 40 + Math.round(0.65 * value)], 4 * p));
      context.putImageData(image, 0, 0);
    }
  }
  async function showPage() {
    const page = model.get("page");
    await paint(page.picture);
    said.textContent = `Page ${page.number}: ${page.name}. Now paint over it.`;
    changed();
  }

  el.append(make("div", { className: "mm mm-drawing" },
    make("div", { className: "mm-row" },
      make("div", { style: "width:256px" }, make("div", { className: "mm-stage" }, canvas, heat, pen), said),
      make("div", { className: "mm-grow" },
        make("fieldset", {}, make("legend", { textContent: "colour" }), ...swatches),
        make("fieldset", {}, make("label", {}, "brush", width), clear, make("label", {}, "to an empty page by", time)),
        make("fieldset", {}, give, make("label", {}, explain, "show where it looks (Grad-CAM)")),
        make("h4", { textContent: "What the model says" }), guesses)),
    make("div", { style: "margin-top:12px" }, layers)));
  explain.checked = model.get("explained");
  model.on("change:result", show);
  model.on("change:page", showPage);
  show();
  showPage();
  return () => {
    clearTimeout(timer);
    model.off("change:result", show);
    model.off("change:page", showPage);
  };
}

export default { render };
