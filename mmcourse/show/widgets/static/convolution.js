function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
const text = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1)).replace("-", "−");
const factor = (value) => (value < 0 ? `(${text(value)})` : text(value));

// Blue for negative, orange for positive, the stronger the larger; dark text on light paper in every theme.
function paint(cell, value, top) {
  const share = Math.min(1, Math.abs(value) / (top || 1));
  const [r, g, b] = value < 0 ? [86, 180, 233] : [240, 170, 60];
  const mix = (c) => Math.round(250 + (c - 250) * share);
  cell.style.background = `rgb(${mix(r)}, ${mix(g)}, ${mix(b)})`;
  cell.style.color = "#222";
}

function render({ model, el }) {
  const image = model.get("image");
  const [rows, columns] = [image.length - 2, image[0].length - 2];
  const total = rows * columns;
  const largest = (grid) => Math.max(...grid.flat().map(Math.abs));
  let timer = null;

  function table(high, wide, label) {
    const cells = Array.from({ length: high }, () => Array.from({ length: wide }, () => make("td")));
    const grid = make("table", { className: "mm-grid", ariaLabel: label }, ...cells.map((row) => make("tr", {}, ...row)));
    return [grid, cells];
  }
  const [imageTable, imageCells] = table(image.length, image[0].length, "image");
  const [kernelTable, kernelCells] = table(3, 3, "kernel");
  const [outputTable, outputCells] = table(rows, columns, "output");
  image.forEach((row, r) => row.forEach((value, c) => {
    imageCells[r][c].textContent = text(value);
    paint(imageCells[r][c], value, 1.4 * largest(image));
  }));
  const inputs = kernelCells.map((row, r) => row.map((cell, c) => {
    const input = make("input", { type: "number", step: "any", ariaLabel: `kernel, row ${r + 1}, column ${c + 1}` });
    input.addEventListener("input", () => {
      if (input.value === "" || !Number.isFinite(Number(input.value))) return;
      const kernel = model.get("kernel").map((line) => [...line]);
      kernel[r][c] = Number(input.value);
      preset.value = "";
      model.set("kernel", kernel);
      model.save_changes();
    });
    input.addEventListener("keydown", (event) => event.stopPropagation());
    cell.append(input);
    return input;
  }));
  const preset = make("select", { ariaLabel: "examples of kernels" }, make("option", { value: "", textContent: "choose a kernel …" }));
  preset.append(...Object.keys(model.get("presets")).map((name) => make("option", { value: name, textContent: name })));
  preset.addEventListener("change", () => {
    if (!preset.value) return;
    model.set("kernel", model.get("presets")[preset.value]);
    model.save_changes();
  });

  const slider = make("input", { type: "range", min: 0, max: total - 1, ariaLabel: "position of the window" });
  slider.style.width = "100%";
  const go = (step) => { model.set("step", Math.max(0, Math.min(total - 1, step))); model.save_changes(); };
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
  slider.addEventListener("keydown", (event) => event.stopPropagation());
  const back = make("button", { textContent: "◀ back", ariaLabel: "one step back" });
  const next = make("button", { textContent: "step ▶", ariaLabel: "one step on" });
  const run = make("button", { className: "mm-main", textContent: "run" });
  back.addEventListener("click", () => { stop(); go(model.get("step") - 1); });
  next.addEventListener("click", () => { stop(); go(model.get("step") + 1); });
  function stop() {
    clearInterval(timer);
    timer = null;
    run.textContent = "run";
  }
  run.addEventListener("click", () => {
    if (timer) return stop();
    if (model.get("step") >= total - 1) go(0);
    run.textContent = "stop";
    timer = setInterval(() => (model.get("step") >= total - 1 ? stop() : go(model.get("step") + 1)), 280);
  });
  const sum = make("div", { className: "mm-sum mm-mono" });

  const products = (r, c) => model.get("kernel").flatMap((line, i) => line.map((weight, j) => [image[r + i][c + j], weight]));
  const result = (r, c) => products(r, c).reduce((so_far, [x, w]) => so_far + x * w, 0);
  function show() {
    const step = model.get("step");
    const kernel = model.get("kernel");
    const [row, column] = [Math.floor(step / columns), step % columns];
    slider.value = step;
    imageCells.forEach((line, r) => line.forEach((cell, c) =>
      cell.classList.toggle("mm-in", r >= row && r < row + 3 && c >= column && c < column + 3)));
    kernel.forEach((line, r) => line.forEach((value, c) => {
      paint(kernelCells[r][c], value, 1.4 * largest(kernel));
      if (document.activeElement !== inputs[r][c] && Number(inputs[r][c].value) !== value || inputs[r][c].value === "") {
        inputs[r][c].value = Number(value.toFixed(3));
      }
    }));
    const all = outputCells.map((line, r) => line.map((_, c) => result(r, c)));
    outputCells.forEach((line, r) => line.forEach((cell, c) => {
      const done = r * columns + c <= step;
      cell.classList.toggle("mm-empty", !done);
      cell.classList.toggle("mm-here", r === row && c === column);
      cell.textContent = done ? text(all[r][c]) : "";
      if (done) paint(cell, all[r][c], 1.2 * largest(all));
    }));
    const terms = products(row, column).map(([x, w]) => `${text(x)}·${factor(w)}`);
    const lines = [0, 3, 6].map((i) => terms.slice(i, i + 3).join(" + "));
    sum.innerHTML = "";
    sum.append(`output[${row}, ${column}] = ${lines.join(" + ")} = `, make("b", { textContent: text(all[row][column]) }));
  }

  const part = (title, ...nodes) => make("div", {}, make("h4", { textContent: title }), ...nodes);
  el.append(make("div", { className: "mm mm-convolution" },
    make("div", { className: "mm-row" },
      part(`image · ${image.length}×${image[0].length}`, imageTable),
      part("kernel · 3×3", kernelTable, make("div", { style: "margin-top:6px" }, preset)),
      part(`output · ${rows}×${columns}`, outputTable)),
    sum, slider, make("div", { className: "mm-row", style: "gap:8px;margin-top:6px" }, run, back, next)));
  model.on("change:step change:kernel", show);
  show();
  return () => {
    stop();
    model.off("change:step change:kernel", show);
  };
}

export default { render };
