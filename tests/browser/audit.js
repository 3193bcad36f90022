// What keeps readers from using a part of a page, as lists of sentences; evaluated in the page it looks at.
(() => {
  const named = (node) => `${node.localName}.${node.getAttribute("class") ?? ""} ${node.ariaLabel ?? node.innerText ?? ""}`.trim();

  // Colours as {rgb, alpha}; layers are blended as the browser does, opacity included.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function read(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  }
  function over(top, below) {
    const alpha = top.alpha + below.alpha * (1 - top.alpha);
    const mix = (i) => (top.rgb[i] * top.alpha + below.rgb[i] * below.alpha * (1 - top.alpha)) / (alpha || 1);
    return { rgb: [0, 1, 2].map(mix), alpha };
  }
  function luminance({ rgb }) {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  // The contrast of a colour, drawn over `paper` within an element, with that element's background.
  function contrast(colour, element, paper = { rgb: [0, 0, 0], alpha: 0 }) {
    let text = over(read(colour), paper);
    for (let node = element; node; node = node.parentElement) {
      const style = getComputedStyle(node);
      const below = read(style.backgroundColor);
      [text, paper] = [text, paper].map((layer) => over(layer, below))
        .map((layer) => ({ ...layer, alpha: layer.alpha * Number(style.opacity) }));
    }
    const sheet = { rgb: [255, 255, 255], alpha: 1 };
    const [low, high] = [text, paper].map((layer) => luminance(over(layer, sheet))).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  // The page, and every part within `root`, that is wider than its room.
  function tooWide(root) {
    const found = [];
    const page = document.scrollingElement;
    if (page.scrollWidth > page.clientWidth) found.push(`the page, by ${page.scrollWidth - page.clientWidth}`);
    for (const node of [root, ...root.querySelectorAll("*:not(svg *)")]) {
      const by = node.scrollWidth - node.clientWidth;
      const hides = ["hidden", "clip"].includes(getComputedStyle(node).overflowX);
      if (by > 1 && node.clientWidth > 0 && !hides && !["input", "select"].includes(node.localName)) found.push(`${named(node).slice(0, 60)}, by ${by}`);
    }
    return found;
  }

  // Text whose contrast is below `least`; what is disabled does not count, and a sign such as ● is held to be a drawing.
  const SIGN = 3;
  function lowContrast(root, least) {
    const found = new Set();
    const disabled = (node) => node.closest(":disabled") || node.closest("label")?.querySelector(":disabled");
    function judge(element, text) {
      if (!text || !element.checkVisibility({ visibilityProperty: true }) || disabled(element)) return;
      const svg = element.ownerSVGElement;               // text in a drawing stands on the drawing's first rectangle
      const style = getComputedStyle(element);
      const value = svg ? contrast(style.fill, svg, read(getComputedStyle(svg.querySelector("rect")).fill)) : contrast(style.color, element);
      if (value < (/[\p{L}\p{N}]/u.test(text) ? least : SIGN)) found.add(`${element.localName}.${element.getAttribute("class") ?? ""}: ${text.slice(0, 40)}, ${value.toFixed(2)}`);
    }
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!["STYLE", "OPTION"].includes(element.tagName)) judge(element, walker.currentNode.data.trim());
    }
    for (const field of root.querySelectorAll("input, select, textarea")) {
      if (!["range", "radio", "checkbox"].includes(field.type)) judge(field, field.value.trim());
    }
    return [...found];
  }

  // Bars that hardly differ from the track they lie in.
  function faintBars(root, least) {
    return [...root.querySelectorAll(".mm-bar")].filter((bar) => contrast(getComputedStyle(bar).backgroundColor, bar.parentElement) < least).map(named);
  }

  // The element that has the focus, noted as reached; `shown` is whether a ring around it stands out.
  function focused(least) {
    const node = document.activeElement;
    node.dataset.reached = "yes";
    const ring = [node, node.closest("label")].filter(Boolean).find((each) => {
      const style = getComputedStyle(each);
      return style.outlineStyle === "auto"                // the browser's own ring, light and dark at once
        || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
          && contrast(style.outlineColor, each.parentElement) >= least);
    });
    return { id: node.id, name: named(node), shown: Boolean(ring) };
  }

  // Controls that were not reached: neither themselves nor another of their group, within which the arrow keys move.
  const CONTROLS = "button, input, select, textarea, summary, a[href], audio[controls], [tabindex], [role=application]";
  function notReached(root) {
    return [...root.querySelectorAll(CONTROLS)].filter((node) => {
      if (!node.checkVisibility() || node.disabled || node.closest("[aria-hidden=true]")) return false;
      const radios = node.type === "radio" && node.name ? root.querySelectorAll(`input[name="${node.name}"]`) : [];
      const moved = node.tabIndex < 0 ? node.closest("[role=group]")?.querySelectorAll("[tabindex]") ?? [] : [];
      return ![node, ...radios, ...moved].some((each) => each.dataset.reached);
    }).map(named);
  }

  window.audit = { tooWide, lowContrast, faintBars, focused, notReached };
})();
