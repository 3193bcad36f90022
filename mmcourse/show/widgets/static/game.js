const SVG = "http://www.w3.org/2000/svg";
const [HIGH, LOW] = [240, 84];   // pixels: height of the densities and of the losses
const EDGE = { left: 40, right: 36, top: 10, bottom: 34 };
const SECONDS = 12;              // that the whole animation takes
const JUMPS = 20;                // presses from the first to the last frame where motion is reduced
const BESIDE = 65535;            // a tick outside the axis

function draw(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  if (text !== undefined) node.textContent = text;
  return node;
}
const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function render({ model, el }) {
  const data = model.get("data");
  const { grid, count, colours, step: steps, discriminatorLoss, generatorLoss } = data;
  const [real, generated, outputs] = ["real", "generated", "discriminator"].map((name) => bytesOf(data[name]));
  const tickBytes = bytesOf(data.ticks);
  const tick = (i) => tickBytes[2 * i] + 256 * tickBytes[2 * i + 1];
  const last = steps.length - 1;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let frame = Math.min(model.get("frame"), last);
  let timer = null;
  let width = 640;

  const plot = draw("svg", { role: "img", class: "mm-game" });
  const losses = draw("svg", { role: "img", class: "mm-game" });
  const play = make("button", { className: "mm-main" });
  const slider = makeSlider("training step", [0, last, 1], (i) => steps[i].toLocaleString("en"), (i) => { pause(); show(i); });
  const said = make("div", { className: "mm-says mm-mono" });
  const names = { real: "density of the real data", generated: "density of generated samples",
    discriminator: data.probability ? "D(x), the discriminator's output" : "D(x), the critic's score" };
  const legend = make("div", { className: "mm-legend" }, ...Object.entries(names).map(([name, text]) => {
    const key = draw("svg", { width: 34, height: 14, "aria-hidden": "true" });
    key.append(draw("rect", { width: 34, height: 14, rx: 3, fill: colours.paper }),
      draw("line", { x1: 3, x2: 31, y1: 7, y2: 7, stroke: colours[name], "stroke-width": 2.5,
        "stroke-dasharray": name === "discriminator" ? "6 4" : "none" }));
    return make("span", {}, key, text);
  }));

  // The plot: paper, axes and the real data are drawn once for a width, the rest for every frame.
  const across = (fraction) => EDGE.left + fraction * (width - EDGE.left - EDGE.right);
  const up = (byte) => HIGH - EDGE.bottom - (byte / 255) * (HIGH - EDGE.top - EDGE.bottom);
  const curve = (bytes, from) => Array.from({ length: grid },
    (_, i) => `${across(i / (grid - 1)).toFixed(1)},${up(bytes[from + i]).toFixed(1)}`).join(" ");
  const area = (points) => `${across(0)},${up(0)} ${points} ${across(1)},${up(0)}`;
  const lossRange = [Math.min(0, ...discriminatorLoss, ...generatorLoss), Math.max(...discriminatorLoss, ...generatorLoss)];
  const lossAt = (loss) => 8 + (1 - (loss - lossRange[0]) / (lossRange[1] - lossRange[0] || 1)) * (LOW - 16);
  const label = { "font-size": 12, fill: colours.discriminator };
  const moving = {
    fill: draw("polygon", { fill: colours.generated, "fill-opacity": 0.18 }),
    line: draw("polyline", { fill: "none", stroke: colours.generated, "stroke-width": 2.5 }),
    output: draw("polyline", { fill: "none", stroke: colours.discriminator, "stroke-width": 2, "stroke-dasharray": "7 5" }),
    ticks: draw("path", { stroke: colours.generated, "stroke-width": 1.5 }),
    cursor: draw("line", { y1: 4, y2: LOW - 4, stroke: colours.discriminator, "stroke-width": 1.5 }),
  };
  function lay() {               // everything that stays from frame to frame
    const short = (number) => String(Number(number.toPrecision(2)));
    const [from, to] = data.range;
    plot.setAttribute("viewBox", `0 0 ${width} ${HIGH}`);
    plot.replaceChildren(draw("rect", { width, height: HIGH, rx: 8, fill: colours.paper }));
    [0, 0.5, 1].forEach((share) => {
      const y = up(255 * share) + 4;
      plot.append(draw("line", { x1: across(0), x2: across(1), y1: y - 4, y2: y - 4, stroke: colours.faint }),
        draw("text", { x: EDGE.left - 5, y, "text-anchor": "end", ...label }, short(share * data.densityLimit)),
        draw("text", { x: width - EDGE.right + 5, y, ...label },
          short(data.outputLimits[0] + share * (data.outputLimits[1] - data.outputLimits[0]))));
    });
    [0, 0.25, 0.5, 0.75, 1].forEach((share) => plot.append(draw("text", { x: across(share), y: HIGH - 8,
      "text-anchor": "middle", ...label }, short(from + share * (to - from)))));
    plot.append(draw("text", { x: EDGE.left + 6, y: EDGE.top + 12, ...label }, "density"),
      draw("text", { x: width - EDGE.right - 6, y: EDGE.top + 12, "text-anchor": "end", ...label }, "D(x)"),
      draw("polygon", { points: area(curve(real, 0)), fill: colours.real, "fill-opacity": 0.25 }),
      draw("polyline", { points: curve(real, 0), fill: "none", stroke: colours.real, "stroke-width": 2.5 }),
      moving.fill, moving.line, moving.output, moving.ticks);

    losses.setAttribute("viewBox", `0 0 ${width} ${LOW}`);
    losses.replaceChildren(draw("rect", { width, height: LOW, rx: 8, fill: colours.paper }));
    lossRange.forEach((loss) => losses.append(draw("text", { x: EDGE.left - 5, y: lossAt(loss) + 4, "text-anchor": "end",
      ...label }, short(loss))));
    [[discriminatorLoss, colours.discriminator, "7 5"], [generatorLoss, colours.generated, "none"]].forEach(([values, stroke, dash]) => {
      const points = values.map((loss, i) => `${across(i / last).toFixed(1)},${lossAt(loss).toFixed(1)}`).join(" ");
      losses.append(draw("polyline", { points, fill: "none", stroke, "stroke-width": 2, "stroke-dasharray": dash }));
    });
    losses.append(moving.cursor);
    show(frame);
  }
  function show(i) {
    frame = i;
    const points = curve(generated, frame * grid);
    moving.fill.setAttribute("points", area(points));
    moving.line.setAttribute("points", points);
    moving.output.setAttribute("points", curve(outputs, frame * grid));
    const at = Array.from({ length: count }, (_, k) => tick(frame * count + k)).filter((position) => position !== BESIDE);
    moving.ticks.setAttribute("d", at.map((position) => `M${across(position / (BESIDE - 1)).toFixed(1)} ${up(0) + 2}v7`).join(""));
    ["x1", "x2"].forEach((name) => moving.cursor.setAttribute(name, across(frame / last)));
    const beyond = data.outside[frame];
    said.textContent = `Step ${steps[frame].toLocaleString("en")}: discriminator's loss ${discriminatorLoss[frame].toFixed(3)}, ` +
      `generator's loss ${generatorLoss[frame].toFixed(3)}` + (beyond ? `; ${Math.round(100 * beyond)}% of the samples lie outside.` : ".");
    plot.setAttribute("aria-label", `Densities and D(x). ${said.textContent}`);
    losses.setAttribute("aria-label", "Both losses over the training steps");
    slider.show(frame);
  }

  // Play and pause. Nothing moves before someone asks for it, and nothing by itself where motion is reduced.
  function name() {
    play.textContent = still.matches ? "Next frame" : timer ? "❚❚ Pause" : "▶ Play";
    said.ariaLive = timer ? "off" : "polite";
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    name();
    if (model.get("frame") !== frame) { model.set("frame", frame); model.save_changes(); }
  }
  function next(by) {
    show(Math.min(frame + by, last));
    if (frame === last) pause();
  }
  function toggle() {
    if (timer) { pause(); return; }
    if (frame === last) show(0);
    else if (still.matches) next(Math.ceil(last / JUMPS));
    if (still.matches) { pause(); return; }
    timer = setInterval(() => next(1), Math.min(250, Math.max(40, (1000 * SECONDS) / last)));
    name();
  }
  play.addEventListener("click", toggle);
  still.addEventListener("change", pause);
  plot.addEventListener("click", () => slider.input.focus());
  slider.input.addEventListener("change", pause);
  slider.input.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  function follow() { if (model.get("frame") !== frame) { pause(); show(Math.min(model.get("frame"), last)); } }

  el.append(makeFrame("game-of-gan", make("div", { className: "mm-row mm-choice" }, play, slider.node), said, plot, legend,
    make("h4", { textContent: "Losses: discriminator dashed, generator solid" }), losses,
    make("div", { className: "mm-note", textContent: "Space plays and pauses; on the slider, the arrow keys move by one frame." })));
  const watcher = new ResizeObserver(() => {
    const now = Math.round(plot.clientWidth);
    if (now > 0 && now !== width) { width = now; lay(); }
  });
  watcher.observe(plot);
  model.on("change:frame", follow);
  lay();
  name();
  return () => {
    clearInterval(timer);
    watcher.disconnect();
    model.off("change:frame", follow);
    still.removeEventListener("change", pause);
  };
}

export default { render };
