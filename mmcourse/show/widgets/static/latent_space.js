const REACH = 3;                 // how far the directions go, to each side; as in latent_space.py

function render({ model, el }) {
  const names = model.get("names");
  const axes = model.get("axes");
  const ofSound = model.get("kind") === "sound";
  const shown = makeAddresses();
  const thumbnails = makeAddresses();
  const examples = model.get("thumbnails").map((bytes) => thumbnails.of(bytes));
  function set(name, value) {    // ipywidgets sends the newest values when Python has answered
    model.set(name, value);
    model.save_changes();
  }

  // Both ends, and the way between them.
  function end(name, label) {
    const select = make("select", { ariaLabel: `example ${label}` });
    select.append(...names.map((text) => make("option", { value: text, textContent: text })));
    select.addEventListener("change", () => set(name, select.value));
    const image = make("img", { className: "mm-example" });
    const node = make("div", { className: "mm-end" }, make("strong", { textContent: label }), image, select);
    if (ofSound) node.append(playButton(`▶ ${label}`, name));
    return { node, show() {
      select.value = model.get(name);
      image.src = examples[names.indexOf(model.get(name))];
      image.alt = `${label}, decoded: ${model.get(name)}`;
    } };
  }
  function playButton(text, of) {
    const button = make("button", { textContent: text });
    button.addEventListener("click", () => { note.textContent = "Computing the sound ..."; model.send({ ask: "sound", of }); });
    return button;
  }
  const note = make("div", { className: "mm-note", ariaLive: "polite" });
  const ends = [end("a", "A"), end("b", "B")];
  const position = makeSlider("from A to B", [0, 1, 0.01], (t) => `t = ${t.toFixed(2)}`, (t) => set("position", t));

  // Both directions: a slider each, and a pad for the mouse that moves both.
  const sliders = axes.map((axis, i) => makeSlider(axis, [-REACH, REACH, 0.05], (x) => x.toFixed(2), (x) => {
    set("direction", model.get("direction").map((old, j) => (j === i ? x : old)));
  }));
  const dot = make("div", { className: "mm-dot" });
  const pad = make("div", { className: "mm-pad", ariaHidden: "true" }, dot);
  pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); move(event); event.preventDefault(); });
  pad.addEventListener("pointermove", (event) => { if (pad.hasPointerCapture(event.pointerId)) move(event); });
  function move(event) {
    const box = pad.getBoundingClientRect();
    const shares = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    set("direction", shares.map((share) => Math.round(20 * REACH * Math.min(1, Math.max(-1, 2 * share - 1))) / 20));
  }
  const back = make("button", { textContent: "Back to the line from A to B" });
  back.addEventListener("click", () => set("direction", [0, 0]));

  const picture = make("img", { className: ofSound ? "mm-picture mm-sound" : "mm-picture" });
  const said = make("div", { className: "mm-says" });
  const player = make("audio", {});
  player.addEventListener("ended", () => { note.textContent = ""; });

  function showPicture() {
    shown.free();
    picture.src = shown.of(model.get("result").picture);
  }
  function showControls() {
    ends.forEach((one) => one.show());
    const t = model.get("position");
    const along = model.get("direction");
    position.show(t);
    sliders.forEach((slider, i) => slider.show(along[i]));
    [dot.style.left, dot.style.bottom] = along.map((x) => `${50 + (50 * x) / REACH}%`);
    const moved = along.map((x, i) => [x, `${x < 0 ? "−" : "+"} ${Math.abs(x).toFixed(2)} d${"₁₂"[i]}`]).filter(([x]) => x);
    said.textContent = ["code =", `${(1 - t).toFixed(2)} A + ${t.toFixed(2)} B`, ...moved.map(([, text]) => text)].join(" ");
    picture.alt = `${ofSound ? "Spectrogram of the decoded sound" : "Decoded image"}: ${said.textContent}`;
  }
  async function play() {
    const { url } = model.get("sound");
    if (!url) return;
    player.src = url;
    note.textContent = "Playing.";
    try { await player.play(); } catch { note.textContent = "The browser does not play this sound."; }
  }

  const controls = make("div", { className: "mm-grow" },
    make("div", { className: "mm-row mm-ends" }, ...ends.map((one) => one.node)), position.node);
  if (axes.length) {
    controls.append(make("div", { className: "mm-row mm-directions" }, pad,
      make("div", {}, ...sliders.map((slider) => slider.node), back)));
  }
  const here = make("div", { className: "mm-here" }, picture, said);
  if (ofSound) here.append(playButton("▶ Play", "code"), player);
  const explained = ofSound ? "Spectrogram: time to the right, frequency upwards, loud bright. " : "";
  const unit = axes.length && axes[0].startsWith("principal") ? "Directions d₁ and d₂ in standard deviations of the codes." : "";
  el.append(makeFrame("latent-space", make("div", { className: "mm-row" }, here, controls),
    make("div", { className: "mm-note", textContent: explained + unit }), note));
  model.on("change:result", showPicture);
  model.on("change:a change:b change:position change:direction", showControls);
  model.on("change:sound", play);
  showControls();
  showPicture();
  return () => {
    model.off("change:result", showPicture);
    model.off("change:a change:b change:position change:direction", showControls);
    model.off("change:sound", play);
    player.pause();
    shown.free();
    thumbnails.free();
  };
}

export default { render };
