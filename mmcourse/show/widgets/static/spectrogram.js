const [WIDE, HIGH] = [1600, 520];  // pixels of the canvas; the page stretches it
const WAIT = 120;                  // milliseconds without a move of a slider before Python is asked
const DELAY = 1105;                // samples that an MP3 encoder puts in front, where a browser leaves them in
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60];  // seconds between marks

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const viewOf = (bytes) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// The whole sound as an AudioBuffer of exactly its own length.
async function decode({ kind, bytes, rate, length }) {
  const buffer = new AudioBuffer({ length, sampleRate: rate, numberOfChannels: 1 });
  const channel = buffer.getChannelData(0);
  if (kind === "pcm") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < length; i++) channel[i] = view.getInt16(2 * i, true) / 32767;
  } else {
    const whole = await new OfflineAudioContext(1, 1, rate).decodeAudioData(viewOf(bytes).slice().buffer);
    const first = whole.length - length >= DELAY ? DELAY : 0;
    channel.set(whole.getChannelData(0).subarray(first, first + length));
  }
  return buffer;
}

function render({ model, el }) {
  const seconds = model.get("seconds");
  const limits = model.get("limits");
  let selection = [...model.get("selection")];

  // The picture, its axes, and what lies over it. The axes are text, so that they follow the theme.
  const wave = make("canvas", { className: "mm-wave", width: WIDE, height: 80, ariaHidden: "true" });
  const canvas = make("canvas", { width: WIDE, height: HIGH });
  const chosen = make("div", { className: "mm-chosen", hidden: true });
  const cursor = make("div", { className: "mm-cursor", hidden: true });
  const below = make("div", { className: "mm-below" });
  const beside = make("div", { className: "mm-beside" });
  const stage = make("div", { className: "mm-spectrogram", tabIndex: 0 }, wave, canvas, chosen, cursor);
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-label", "Spectrogram. Drag to select a stretch; or move with the left and right arrow keys, " +
    "select with Shift and an arrow key, play with Space, select nothing with Escape.");

  function marked(axis, side, marks) {
    axis.replaceChildren(...marks.map(([text, share]) => {
      const mark = make("span", { textContent: text });
      mark.style[side] = `${100 * share}%`;
      return mark;
    }));
  }
  const step = STEPS.find((s) => seconds / s <= 10) ?? 600;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  marked(below, "left", Array.from({ length: Math.floor(seconds / step + 1e-6) + 1 },
    (_, i) => [(i * step).toFixed(digits), (i * step) / seconds]));

  let painting = 0;
  async function showPicture() {
    const turn = ++painting;
    const picture = model.get("image");
    const image = await createImageBitmap(new Blob([picture.png], { type: "image/png" }));
    if (turn !== painting) return;                 // a newer one has come meanwhile
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    const [left, right] = picture.span.map((t) => (t / seconds) * WIDE);
    // No window is centred at the ends of the sound: the first and the last frame are drawn on to there.
    if (left > 0) context.drawImage(image, 0, 0, 1, image.height, 0, 0, left + 1, HIGH);
    if (right < WIDE) context.drawImage(image, image.width - 1, 0, 1, image.height, right - 1, 0, WIDE - right + 1, HIGH);
    context.drawImage(image, left, 0, right - left, HIGH);
    canvas.dataset.frames = picture.frames;
    shape.textContent = `${picture.shape} × ${picture.frames} frames`;
    note.textContent = picture.note;
    marked(beside, "bottom", picture.marks);
  }

  // What is selected.
  const said = make("span", { className: "mm-mono mm-said", ariaLive: "polite" });
  const playSelected = make("button", { className: "mm-main", textContent: "▶ play selection" });
  const playAll = make("button", { textContent: "▶ play all" });
  function showSelection() {
    const [from, to] = selection;
    const some = selection.length === 2;
    chosen.hidden = !some;
    playSelected.disabled = !some;
    playSelected.classList.toggle("mm-off", !some);
    if (some) {
      chosen.style.left = `${(100 * from) / seconds}%`;
      chosen.style.width = `${(100 * (to - from)) / seconds}%`;
    }
    said.textContent = some
      ? `${from.toFixed(3)} to ${to.toFixed(3)} s · ${Math.round(1000 * (to - from))} ms`
      : "drag over the spectrogram to select a stretch";
  }
  function select(a, b) {
    const [from, to] = [Math.min(a, b), Math.max(a, b)].map((t) => clamp(t, 0, seconds));
    selection = to - from > 0.0005 ? [from, to] : [];
    showSelection();
  }
  function keep() {
    model.set("selection", selection);
    model.save_changes();
  }
  let [anchor, head] = [0, 0];
  const timeAt = (event) => {
    const box = canvas.getBoundingClientRect();
    return clamp((event.clientX - box.left) / box.width, 0, 1) * seconds;
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    anchor = head = timeAt(event);
    select(anchor, head);
    event.preventDefault();
    stage.focus({ preventScroll: true });
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) select(anchor, (head = timeAt(event)));
  });
  stage.addEventListener("lostpointercapture", () => { keep(); place(head); });
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
    event.stopPropagation();                       // the notebook has shortcuts of its own
    const step = Math.max(seconds / 100, 0.001);
    const moves = { ArrowLeft: head - step, ArrowRight: head + step, Home: 0, End: seconds };
    if (event.key in moves) {
      head = clamp(moves[event.key], 0, seconds);
      if (!event.shiftKey) anchor = head;
      select(anchor, head);
      keep();
      place(head);
    } else if (event.key === " ") {
      toggle(selection);
    } else if (event.key === "Escape") {
      anchor = head;
      select(head, head);
      keep();
    } else return;
    event.preventDefault();
  });

  // Playing.
  let context = null;
  let source = null;
  let frame = 0;
  const sound = decode(model.get("sound"));
  const place = (time) => {
    cursor.hidden = false;
    cursor.style.left = `${(100 * clamp(time, 0, seconds)) / seconds}%`;
  };
  function stop() {
    cancelAnimationFrame(frame);
    if (source) {
      source.onended = null;
      source.stop();
    }
    source = null;
    playSelected.textContent = "▶ play selection";
    playAll.textContent = "▶ play all";
  }
  async function toggle(stretch) {
    if (source) return stop();
    const [from, to] = stretch.length === 2 ? stretch : [0, seconds];
    const buffer = await sound;
    context ??= new AudioContext();
    await context.resume();
    if (source) stop();                            // two quick clicks
    const mine = (source = new AudioBufferSourceNode(context, { buffer }));
    mine.connect(context.destination);
    const begin = context.currentTime + 0.02;
    mine.start(begin, from, to - from);
    const late = context.outputLatency || 0;
    mine.onended = () => { if (source === mine) { stop(); place(to); } };
    (stretch.length === 2 ? playSelected : playAll).textContent = "■ stop";
    const follow = () => {
      place(clamp(from + context.currentTime - begin - late, from, to));
      frame = requestAnimationFrame(follow);
    };
    follow();
  }
  playSelected.addEventListener("click", () => toggle(selection));
  playAll.addEventListener("click", () => toggle([]));

  sound.then((buffer) => {
    const samples = buffer.getChannelData(0);
    const draw = wave.getContext("2d");
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) || 1;
    draw.fillStyle = "#4C92C3";
    for (let x = 0; x < WIDE; x++) {
      const first = Math.floor((x * samples.length) / WIDE);
      const last = Math.min(samples.length - 1, Math.floor(((x + 1) * samples.length) / WIDE));
      let [low, high] = [samples[first], samples[first]];
      for (let i = first + 1; i <= last; i++) {    // up to the first sample of the next pixel, so that they join
        low = Math.min(low, samples[i]);
        high = Math.max(high, samples[i]);
      }
      draw.fillRect(x, 39 - (37 * high) / peak, 1, Math.max(2, (37 * (high - low)) / peak));
    }
  }, (error) => {
    playSelected.disabled = playAll.disabled = true;
    said.textContent = `This browser cannot play the sound: ${error.message}`;
  });

  // How the picture is computed.
  const shape = make("b");
  const note = make("div", { className: "mm-note", ariaLive: "polite" });
  let timer = null;
  function change(changes) {
    model.set("settings", { ...model.get("settings"), ...changes });
    clearTimeout(timer);
    timer = setTimeout(() => model.save_changes(), WAIT);
    showSettings();
  }
  function slider(name, label, unit, step) {
    const [min, max] = limits[name];
    const input = make("input", { type: "range", min, max, step, ariaLabel: `${label}${unit && `, in ${unit}`}` });
    const value = make("span", { className: "mm-mono mm-value" });
    input.dataset.name = name;
    input.addEventListener("input", () => change({ [name]: Number(input.value) }));
    input.addEventListener("keydown", (event) => event.stopPropagation());
    const row = make("label", { className: "mm-slider" }, make("span", { textContent: label }), input, value);
    return { row, input, show: (now) => { input.value = now; value.textContent = `${now} ${unit}`.trim(); } };
  }
  const sliders = {
    window: slider("window", "window", "ms", 1),
    hop: slider("hop", "hop", "ms", 1),
    n_mels: slider("n_mels", "mel bands", "", 1),
  };
  const scale = make("select", { ariaLabel: "scale of frequency" },
    make("option", { value: "linear", textContent: "linear" }), make("option", { value: "mel", textContent: "mel" }));
  scale.addEventListener("change", () => change({ mel: scale.value === "mel" }));
  function showSettings() {
    const now = model.get("settings");
    for (const [name, { show }] of Object.entries(sliders)) show(now[name]);
    scale.value = now.mel ? "mel" : "linear";
    sliders.n_mels.input.disabled = !now.mel;
    sliders.n_mels.row.classList.toggle("mm-off", !now.mel);
  }
  function takeSelection() {
    selection = [...model.get("selection")];
    showSelection();
  }

  const words = model.get("words");
  el.append(make("div", { className: "mm mm-explorer" },
    ...(words ? [make("p", { className: "mm-sentence", textContent: words })] : []),
    make("div", { className: "mm-plot" }, make("span", { className: "mm-unit-y", textContent: "kHz" }), beside, stage,
      below, make("span", { className: "mm-unit-x", textContent: "seconds" })),
    make("div", { className: "mm-row mm-tight" }, playSelected, playAll, said),
    make("div", { className: "mm-row mm-tight" }, sliders.window.row, sliders.hop.row,
      make("label", {}, "frequencies", scale), sliders.n_mels.row),
    make("div", { className: "mm-tight" }, shape), note));
  model.on("change:image", showPicture);
  model.on("change:settings", showSettings);
  model.on("change:selection", takeSelection);
  showSettings();
  showSelection();
  showPicture();
  return () => {
    clearTimeout(timer);
    stop();
    context?.close();
    model.off("change:image", showPicture);
    model.off("change:settings", showSettings);
    model.off("change:selection", takeSelection);
  };
}

export default { render };
