function render({ model, el }) {
  const addresses = makeAddresses();
  function set(name, value) {
    if (model.get(name) === value) return;
    note.textContent = "Computing the speech ...";
    model.set(name, value);
    model.save_changes();
  }
  const sentence = makeSentence("sentence", "Speak", model.get("examples"), (text) => set("sentence", text));
  const voice = makeVoices(model.get("voices"), model.get("voice"), (name) => set("voice", name));
  const player = makePlayer();
  const words = make("div", { className: "mm-spoken-words", ariaHidden: "true" });
  const mels = make("img", { className: "mm-mels" });
  const edges = make("div", { className: "mm-edges", ariaHidden: "true" });
  const timeline = makeTimeline(player, () => {}, words, make("div", { className: "mm-over-mels" }, mels, edges));
  const said = make("p", { className: "mm-says" });
  const unknown = make("div", { className: "mm-note", ariaLive: "polite" });
  const aligned = make("div", { ariaLive: "polite" });
  const note = make("div", { className: "mm-note", ariaLive: "polite" });

  function showResult() {
    const result = model.get("result");
    addresses.free();
    mels.src = addresses.of(result.spectrogram);
    mels.alt = `Log-mel spectrogram of '${result.sentence}', ${result.seconds.toFixed(1)} seconds: time to the right, frequency upwards, loud bright.`;
    player.src = result.url;
    player.ariaLabel = `${result.sentence}, spoken by ${result.voice}`;
    timeline.scale(result.seconds);
    const share = (time) => `${(100 * time) / result.seconds}%`;
    words.hidden = !result.edges.length;
    words.replaceChildren(...result.words.slice(0, Math.max(0, result.edges.length - 1)).map((word, i) => {
      const node = make("span", { textContent: word, title: word });
      node.style.left = share(result.edges[i]);
      node.style.width = share(result.edges[i + 1] - result.edges[i]);
      return node;
    }));
    edges.replaceChildren(...result.edges.map((time) => {
      const node = make("i");
      node.style.left = share(time);
      return node;
    }));
    said.textContent = `${result.voice}: “${result.sentence}”`;
    unknown.textContent = result.note;
    const { recognised } = result;
    aligned.replaceChildren(...(recognised
      ? [make("h4", { textContent: "True words above, recognised words below" }), alignedWords(recognised.words), make("p", { className: "mm-share", textContent: recognised.summary })]
      : []));
  }
  function showControls() {
    note.textContent = "";
    sentence.show(model.get("sentence"), model.get("problem"));
    voice.select.value = model.get("voice");
  }

  el.append(makeFrame("text-to-speech", sentence.node, make("div", { className: "mm-row mm-choice" }, voice.node), said, unknown, player,
    timeline.node, aligned, note));
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
