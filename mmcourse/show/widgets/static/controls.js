// Controls that several widgets share; a widget puts this file before its own script.
function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// A labelled slider; `changed(value)` is called while it moves, `show(value)` puts it somewhere.
function makeSlider(label, [min, max, step], text, changed) {
  const input = make("input", { type: "range", min, max, step, ariaLabel: label });
  const value = make("span", { className: "mm-mono mm-value" });
  function show(number) {
    input.value = number;
    input.ariaValueText = value.textContent = text(Number(input.value));
  }
  input.addEventListener("input", () => { show(input.value); changed(Number(input.value)); });
  return { node: make("label", { className: "mm-slider" }, make("span", { textContent: label }), input, value), input, show };
}

// Buttons of which one is chosen: one stop of the Tab key, moved by the arrow keys. `show(text)` chooses one.
function makeChoice(legend, texts, changed) {
  const name = `mm-choice-${Math.random().toString(36).slice(2)}`;
  const inputs = texts.map((text) => {
    const input = make("input", { type: "radio", name, value: text });
    input.addEventListener("change", () => changed(text));
    return input;
  });
  const buttons = inputs.map((input) =>
    make("label", { className: "mm-chip" }, input, make("span", { textContent: input.value })));
  return {
    node: make("fieldset", {}, make("legend", { textContent: legend }), ...buttons),
    show(chosen) { inputs.forEach((input) => { input.checked = input.value === chosen; }); },
  };
}

// Pictures as addresses that an <img> takes; `free` gives their memory back.
function makeAddresses() {
  let made = [];
  return {
    of(bytes) {
      made.push(URL.createObjectURL(new Blob([bytes], { type: "image/png" })));
      return made.at(-1);
    },
    free() { made.forEach((address) => URL.revokeObjectURL(address)); made = []; },
  };
}

// The frame of a widget. The notebook has shortcuts of its own: keys pressed in here do not reach it.
function makeFrame(name, ...children) {
  const frame = make("div", { className: `mm mm-${name}` }, ...children);
  frame.addEventListener("keydown", (event) => event.stopPropagation());
  return frame;
}

