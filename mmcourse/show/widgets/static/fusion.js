const SIDE = 420;               // pixels of the drawing
const COLOURS = { true: "#0072B2", false: "#E69F00" };
const SVG = "http://www.w3.org/2000/svg";

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
function draw(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  if (text !== undefined) node.textContent = text;
  return node;
}

function render({ model, el }) {
  const data = model.get("data");
  const names = model.get("names");
  const groups = [[0, 0], [0, 1], [1, 0], [1, 1]];   // kind of the picture, kind of the sentence

  // What is joined, a group after the other, as Plane.joined does.
  function joined(alpha, product) {
    return groups.map(([i, j]) => data.images[i].map((_, k) => {
      if (product) {
        const [a, b] = [data.alongPictures[i][k], data.alongSentences[j][k]];
        return [a * b, alpha * a + (1 - alpha) * b];
      }
      const [p, s] = [data.images[i][k], data.sentences[j][k]];
      return [0, 1].map((axis) => alpha * p[axis] + (1 - alpha) * s[axis]);
    }));
  }

  const plot = draw("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img" });
  const paper = draw("rect", { width: SIDE, height: SIDE, rx: 8, fill: "#FBFAF6" });
  const shapes = draw("g", {});
  const dots = draw("g", {});
  const line = draw("line", { stroke: "#2B2B33", "stroke-width": 2.5 });
  const words = draw("g", {});
  plot.append(paper, shapes, dots, line, words);

  function slider(label, name, min, max, step, text) {
    const input = make("input", { type: "range", min, max, step, ariaLabel: label });
    const value = make("span", { className: "mm-mono mm-value" });
    input.addEventListener("input", () => { model.set(name, Number(input.value)); model.save_changes(); });
    input.addEventListener("keydown", (event) => event.stopPropagation());
    const show = () => { input.value = model.get(name); value.textContent = text(model.get(name)); };
    return [make("label", { className: "mm-slider" }, label, input, value), show];
  }
  const [alpha, showAlpha] = slider("α", "alpha", 0, 1, 0.01, (x) => x.toFixed(2));
  const [angle, showAngle] = slider("rotate the line", "angle", 0, 180, 2, (x) => `${Math.round(x)}°`);
  const [offset, showOffset] = slider("move the line", "offset", -1, 1, 0.025, (x) => x.toFixed(2));
  const best = make("button", { className: "mm-main", textContent: "best line" });
  best.addEventListener("click", () => model.send({ ask: "best" }));
  const ways = [["sum", false], ["product", true]].map(([text, product]) => {
    const button = make("button", { textContent: text });
    button.addEventListener("click", () => { model.set("product", product); model.save_changes(); });
    return [button, product];
  });
  const said = make("div", { className: "mm-says mm-share", ariaLive: "polite" });
  const note = make("div", { className: "mm-note" });

  function show() {
    const product = model.get("product");
    const points = joined(model.get("alpha"), product);
    const limit = data.limits[product ? 1 : 0];
    const x = (value) => ((value / limit + 1) * SIDE) / 2;
    const y = (value) => ((1 - value / limit) * SIDE) / 2;
    const turn = (model.get("angle") * Math.PI) / 180;
    const [nx, ny, c] = [Math.cos(turn), Math.sin(turn), model.get("offset") * limit];

    const means = points.map((group) => [0, 1].map((axis) =>
      group.reduce((sum, point) => sum + point[axis], 0) / group.length));
    shapes.replaceChildren();
    if (!product) {
      [[0, 1], [1, 3], [3, 2], [2, 0], [0, 3], [1, 2]].forEach(([a, b], i) => shapes.append(draw("line", {
        x1: x(means[a][0]), y1: y(means[a][1]), x2: x(means[b][0]), y2: y(means[b][1]),
        stroke: "#2B2B33", "stroke-opacity": 0.6, "stroke-dasharray": i > 3 ? "2 4" : "none" })));
    }
    dots.replaceChildren();
    let right = 0;
    points.forEach((group, g) => group.forEach(([px, py]) => {
      const fits = groups[g][0] === groups[g][1];
      if ((px * nx + py * ny > c) === fits) right += 1;
      const look = { fill: COLOURS[fits], "fill-opacity": 0.7 };
      dots.append(groups[g][0] === 0
        ? draw("circle", { cx: x(px), cy: y(py), r: 4, ...look })
        : draw("rect", { x: x(px) - 3.5, y: y(py) - 3.5, width: 7, height: 7, ...look }));
    }));
    words.replaceChildren(...means.map(([mx, my], g) => {
      const [middle, high] = [Math.min(SIDE - 95, Math.max(95, x(mx))), y(my) + (my < 0 ? 34 : -42)];
      const label = draw("text", { y: Math.min(SIDE - 32, Math.max(20, high)), "text-anchor": "middle", fill: "#2B2B33",
        stroke: "#FBFAF6", "stroke-width": 4, "paint-order": "stroke" });
      const [picture, sentence] = groups[g].map((kind) => names[kind]);
      label.append(draw("tspan", { x: middle }, picture), draw("tspan", { x: middle, dy: "1.2em" }, `+ ‘${sentence}’`));
      return label;
    }));
    line.setAttribute("x1", x(c * nx - 3 * limit * ny));
    line.setAttribute("y1", y(c * ny + 3 * limit * nx));
    line.setAttribute("x2", x(c * nx + 3 * limit * ny));
    line.setAttribute("y2", y(c * ny - 3 * limit * nx));
    const total = points.flat().length;
    right = Math.max(right, total - right);
    const share = (right / total).toFixed(2);
    said.textContent = `${right} of ${total} points on the correct side of the line: ${share}`;
    note.textContent = product
      ? "Horizontal: image coordinate times sentence coordinate. Vertical: their weighted sum."
      : "F = α · image + (1 − α) · sentence, in the plane in which the two kinds differ. Circles: images of " +
        `${names[0]}; squares: of ${names[1]}. Blue: the sentence is true; orange: it is false.`;
    plot.setAttribute("aria-label", `${product ? "Products" : "Sums"} at alpha ${model.get("alpha").toFixed(2)}: ` +
      `accuracy of the line ${share}`);
    ways.forEach(([button, means_product]) => {
      button.classList.toggle("mm-main", means_product === product);
      button.ariaPressed = String(means_product === product);
    });
    [showAlpha, showAngle, showOffset].forEach((update) => update());
  }

  const way = make("fieldset", {}, make("legend", { textContent: "fusion" }), ...ways.map(([button]) => button));
  el.append(make("div", { className: "mm mm-fusion" }, make("div", { className: "mm-row" }, make("div", { className: "mm-plane" }, plot),
    make("div", { className: "mm-grow" }, way, alpha, angle, offset, best, said, note))));
  const watched = "change:alpha change:product change:angle change:offset";
  model.on(watched, show);
  show();
  return () => model.off(watched, show);
}

export default { render };
