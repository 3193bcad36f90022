const BLANK = 0;
const SVG = "http://www.w3.org/2000/svg";

function render({ model, el }) {
  const characters = model.get("characters").map((text) => (text === " " ? "␣" : text));
  const addresses = makeAddresses();
  let probabilities = [];
  function set(name, value) {
    if (model.get(name) === value) return;
    note.textContent = "Recognising ...";
    model.set(name, value);
    model.save_changes();
  }

  const sentence = makeSentence("sentence", "Recognise", model.get("examples"), (text) => set("sentence", text));
  const voice = makeVoices(model.get("groups"), model.get("voice"), (name) => set("voice", name));
  const noise = makeSlider("signal to noise", [-10, 40, 5], (value) => `${value} dB`.replace("-", "−"), (value) => set("noise", value));
  const again = make("button", { textContent: "⚄ New reading" });
  again.addEventListener("click", () => set("seed", model.get("seed") + 1));
  const player = makePlayer();

  const mels = make("img", { className: "mm-mels" });
  const plot = document.createElementNS(SVG, "svg");
  plot.setAttribute("preserveAspectRatio", "none");
  plot.setAttribute("role", "img");
  const names = make("div", { className: "mm-names", ariaHidden: "true" });
  const timeline = makeTimeline(player, (share) => point(Math.floor(share * probabilities.length)), mels, names, plot);
  const frame = makeSlider("frame", [0, 1, 1], (i) => (probabilities[i] ? told(i) : ""), point);
  const told = (i) => {
    const best = [...probabilities[i].keys()].sort((a, b) => probabilities[i][b] - probabilities[i][a]).slice(0, 3);
    const listed = best.map((symbol) => `${symbol === BLANK ? "blank" : characters[symbol]} ${probabilities[i][symbol].toFixed(2)}`);
    return `frame ${i + 1} of ${probabilities.length}: ${listed.join(", ")}`;
  };
  const steps = [1, 2, 3].map(() => make("p", { className: "mm-symbols" }));
  const aligned = make("div");
  const summary = make("p", { className: "mm-share", ariaLive: "polite" });
  const note = make("div", { className: "mm-note", ariaLive: "polite" });

  function point(i) {
    const last = probabilities.length - 1;
    i = Math.min(last, Math.max(0, i));
    frame.show(i);
    timeline.place((i + 0.5) / (last + 1));
    [...steps[0].querySelectorAll("b")].forEach((node, j) => node.classList.toggle("mm-at", j === i));
  }
  function line(values, kind) {
    const node = document.createElementNS(SVG, "polyline");
    node.setAttribute("points", values.map((p, i) => `${i + 0.5},${1 - p}`).join(" "));
    node.setAttribute("class", kind);
    node.setAttribute("vector-effect", "non-scaling-stroke");
    return node;
  }
  const kindOf = (symbol) => (symbol === BLANK ? "mm-blank" : characters[symbol] === "␣" ? "mm-space" : "mm-letter");
  const symbolNode = (tag, symbol) => make(tag, { className: kindOf(symbol), textContent: characters[symbol] });

  function showResult() {
    const result = model.get("result");
    const V = characters.length;
    const bytes = result.probabilities;
    probabilities = result.frames.map((_, i) => Array.from({ length: V }, (_, v) => bytes.getUint8(i * V + v) / 255));
    addresses.free();
    mels.src = addresses.of(result.spectrogram);
    mels.alt = `Log-mel spectrogram of '${result.truth}', ${result.seconds.toFixed(1)} seconds: time to the right, frequency upwards, loud bright.`;
    player.src = result.url;
    player.ariaLabel = `${result.truth}, spoken by ${result.voice}`;
    timeline.scale(result.seconds);

    plot.setAttribute("viewBox", `0 0 ${result.frames.length} 1`);
    plot.setAttribute("aria-label", `Probability of each character in each frame: grey, the blank. The slider 'frame' reads them out.`);
    const seen = Array.from({ length: V }, (_, v) => v).filter((v) => v !== BLANK && probabilities.some((row) => row[v] > 0.05));
    plot.replaceChildren(...[BLANK, ...seen].map((v) => line(probabilities.map((row) => row[v]), kindOf(v))));

    const runs = [];
    result.frames.forEach((symbol, i) => {
      if (runs.at(-1)?.symbol === symbol) runs.at(-1).frames.push(i);
      else runs.push({ symbol, frames: [i] });
    });
    names.replaceChildren(...runs.filter((run) => run.symbol !== BLANK).map(({ symbol, frames }) => {
      const best = frames.reduce((a, b) => (probabilities[b][symbol] > probabilities[a][symbol] ? b : a));
      const node = symbolNode("span", symbol);
      node.style.left = `${(100 * (best + 0.5)) / result.frames.length}%`;
      return node;
    }));
    steps[0].replaceChildren(...runs.map(({ symbol, frames }) => make("span",
      { className: frames.length > 1 && symbol !== BLANK ? "mm-run mm-merged" : "mm-run" }, ...frames.map(() => symbolNode("b", symbol)))));
    steps[1].replaceChildren(...result.merged.map((symbol) => symbolNode("b", symbol)));
    steps[2].replaceChildren(result.text || "(nothing: every frame is blank)");
    aligned.replaceChildren(alignedWords(result.words));
    summary.textContent = result.summary;
    frame.input.max = probabilities.length - 1;
    point(0);
  }
  function showControls() {
    note.textContent = "";
    sentence.show(model.get("sentence"), model.get("problem"));
    voice.select.value = model.get("voice");
    noise.show(model.get("noise"));
  }

  const stepOf = (title, node) => [make("h4", { textContent: title }), node];
  el.append(makeFrame("recogniser", sentence.node,
    make("div", { className: "mm-row mm-choice" }, voice.node, noise.node, again), player, timeline.node, frame.node,
    make("div", { className: "mm-note", textContent: "Above: log-mel spectrogram. Below: probability of each character in each frame; grey: the blank, orange: the space, blue: letters." }),
    ...stepOf("1. The most probable symbol of each frame", steps[0]), ...stepOf("2. Repeated symbols merged", steps[1]),
    ...stepOf("3. Blanks removed: the transcript", steps[2]), ...stepOf("True words above, recognised words below", aligned), summary, note));
  model.on("change:result", showResult);
  model.on("change:answered", showControls);
  showResult();
  showControls();
  return () => {
    timeline.stop();
    addresses.free();
    model.off("change:result", showResult);
    model.off("change:answered", showControls);
  };
}

export default { render };
