// A canvas to draw on with mouse, finger or keys, and its tools. Widgets put it before their own script.
// The model has `size`, `palette`, `times`, `blanks` and `page` ({image, name, number}), and gets `pixels`.
const CANVAS = 256;
const WAIT = 150;                // milliseconds between two pictures sent

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

// `over` lies between what is drawn and the pen.
function makeBoard(model, over) {
  const size = model.get("size");
  const canvas = make("canvas", { className: "mm-draw", width: CANVAS, height: CANVAS, tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Canvas. Draw with the mouse or a finger; or move with the arrow keys and hold Space to paint.");
  const pen = make("canvas", { className: "mm-pen", width: CANVAS, height: CANVAS, ariaHidden: "true" });
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

  async function showPage() {
    const page = model.get("page");
    await paint(page.image);
    said.textContent = `Page ${page.number}: ${page.name}. Now paint over it.`;
    changed();
  }
  model.on("change:page", showPage);
  showPage();
  return {
    stage: make("div", { style: "width:256px" }, make("div", { className: "mm-stage" }, canvas, over, pen), said),
    colours: make("fieldset", {}, make("legend", { textContent: "colour" }), ...swatches),
    tools: make("fieldset", {}, make("label", {}, "brush", width), clear, make("label", {}, "to an empty page by", time)),
    give,
    stop() {
      clearTimeout(timer);
      model.off("change:page", showPage);
    },
  };
}

