const WAIT = 80;                // milliseconds between two questions to the models

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
const SHOWN_AS = { image: "image", sound: "sound", text: "sentence" };

function render({ model, el }) {
  const names = model.get("names");
  let timer = null;
  function send() {
    if (timer === null) timer = setTimeout(() => { timer = null; model.save_changes(); }, WAIT);
  }

  const pages = model.get("thumbs").map((url, i) => {
    const button = make("button", { className: "mm-thumb", ariaLabel: `page ${i + 1}` },
      make("img", { src: url, alt: "" }));
    button.addEventListener("click", () => { model.set("page", i); model.save_changes(); });
    return button;
  });

  const rows = names.map((name) => {
    const word = SHOWN_AS[name] || name;
    const mute = make("button", { textContent: "mute" });
    mute.addEventListener("click", () => {
      const muted = model.get("muted");
      model.set("muted", muted.includes(name) ? muted.filter((other) => other !== name) : [...muted, name]);
      model.save_changes();
    });
    const slider = make("input", { type: "range", min: 0, max: 1, step: 0.05, ariaLabel: `noise on the ${word}` });
    slider.addEventListener("input", () => {
      model.set("noise", { ...model.get("noise"), [name]: Number(slider.value) });
      send();
    });
    slider.addEventListener("keydown", (event) => event.stopPropagation());
    const node = make("div", { className: "mm-sense" }, make("strong", { textContent: word }), mute,
      make("label", { className: "mm-slider" }, "noise", slider));
    const update = () => {
      const off = model.get("muted").includes(name);
      mute.textContent = off ? "unmute" : "mute";
      mute.classList.toggle("mm-main", off);
      mute.ariaPressed = String(off);
      slider.disabled = off;
      slider.value = model.get("noise")[name] || 0;
      node.classList.toggle("mm-gone", off);
    };
    return { node, update };
  });

  const picture = make("img", { className: "mm-picture" });
  const caption = make("p", { className: "mm-sentence" });
  const answers = make("div", { className: "mm-row" });
  const said = make("div", { className: "mm-note", ariaLive: "polite" });

  function show() {
    const { models, truth, caption: words, image: url } = model.get("result");
    const muted = model.get("muted");
    pages.forEach((button, i) => button.classList.toggle("mm-chosen-page", i === model.get("page")));
    rows.forEach(({ update }) => update());
    picture.hidden = !url;
    picture.src = url;
    picture.alt = `the page: ${truth}`;
    picture.style.opacity = muted.includes("image") ? 0.08 : 1;
    caption.textContent = muted.includes("text") ? "…" : words;
    answers.replaceChildren(...models.map(({ model: title, guesses, right }) => make("div", { className: "mm-grow" },
      make("h4", { textContent: `${title} ${right ? "✓" : "✗"}` }),
      ...guesses.map(([name, p], i) => {
        const bar = make("div", { className: "mm-bar" });
        bar.style.width = `${100 * p}%`;
        const mark = i === 0 ? (right ? " mm-best" : " mm-wrong") : "";
        return make("div", { className: `mm-guess${mark}` }, make("span", { textContent: name }),
          make("div", { className: "mm-track" }, bar),
          make("span", { className: "mm-mono", textContent: p.toFixed(2) }));
      }))));
    said.textContent = `True class: ${truth}. ` + models.map(({ model: title, guesses, right }) =>
      `${title}: ${guesses[0][0]}, ${right ? "correct" : "wrong"}`).join("; ") + "." +
      (muted.length === names.length ? " Without any modality, a prediction is the same for every page." : "");
  }

  el.append(make("div", { className: "mm mm-missing" },
    make("div", { className: "mm-thumbs" }, ...pages),
    make("div", { className: "mm-row" }, make("div", {}, picture),
      make("div", { className: "mm-grow" }, caption, ...rows.map(({ node }) => node))),
    answers, said));
  const watched = "change:result change:muted change:noise change:page";
  model.on(watched, show);
  show();
  return () => { clearTimeout(timer); model.off(watched, show); };
}

export default { render };
