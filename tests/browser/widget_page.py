"""Render a widget's own front end in a plain page, without JupyterLab or a kernel, and look for what keeps readers out.

A stub stands in place of the widget's model: it keeps what the front end sets and tells it so; Python hears nothing.
Colours are those of JupyterLab's themes. A widget gets as much room as an output has in a window of that width.
"""

import base64
import sys
from pathlib import Path

from jupyter_page import FLAGS
from playwright.sync_api import sync_playwright

THEMES = Path(sys.prefix) / "share/jupyter/lab/themes/@jupyterlab"
AUDIT = Path(__file__).with_name("audit.js")
ROOM = {390: 286, 900: 732, 1280: 1112}  # of an output in JupyterLab 4.6, by the width of the window; CSS pixels
HEIGHT = 1000
STOPS = 400  # presses of Tab after which the focus counts as caught

PAGE = """<!doctype html><html lang="en"><head><title>A widget</title><style>
body { margin: 0; background: var(--jp-layout-color0); color: var(--jp-content-font-color1);
  font: 14px/1.6 var(--jp-content-font-family); }
#room { margin: 20px 20px 20px auto; }
</style><style id="theme"></style><style id="css"></style></head>
<body><button id="before">before</button><div id="room"></div><button id="after">after</button></body></html>"""

RENDER = """async ([esm, state]) => {
    const revive = value => {
        if (value === null || typeof value !== 'object') return value;
        if ('$bytes' in value) return new DataView(Uint8Array.from(atob(value.$bytes), c => c.charCodeAt(0)).buffer);
        if (Array.isArray(value)) return value.map(revive);
        return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, revive(entry)]));
    };
    state = revive(state);
    const listeners = new Map();
    const model = {
        get: name => state[name],
        set(name, value) { state[name] = value; (listeners.get(`change:${name}`) ?? []).forEach(listen => listen()); },
        save_changes() {},
        send() {},
        on(names, listen) {
            names.split(' ').forEach(name => listeners.set(name, [...(listeners.get(name) ?? []), listen]));
        },
        off() {},
    };
    const address = URL.createObjectURL(new Blob([esm], { type: 'text/javascript' }));
    const { default: widget } = await import(address);
    await widget.render({ model, el: document.getElementById('room') });
    await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
}"""

NAMED = {  # roles of Chromium's accessibility tree whose elements a screen reader announces by name
    *("button", "checkbox", "radio", "slider", "spinbutton", "textbox", "combobox", "ComboBoxSelect", "listbox"),
    *("image", "img", "Canvas", "Audio", "application", "progressbar", "DisclosureTriangle", "link"),
}
WITHIN = "function (selector) { return this.closest?.(selector) ? this.outerHTML.slice(0, 160) : ''; }"


class Audit:
    """What keeps readers out of a part of a page. Each answer is a list, empty where all is well."""

    def __init__(self, page, selector: str):
        self.page, self.selector = page, selector
        page.evaluate(AUDIT.read_text(encoding="utf-8"))

    def too_wide(self) -> list[str]:
        """Whatever would have to be scrolled sideways."""
        return self._ask("tooWide")

    def low_contrast(self, least: float) -> list[str]:
        """Text whose contrast with its background is lower."""
        return self._ask("lowContrast", least)

    def faint_bars(self, least: float) -> list[str]:
        """Bars whose contrast with their track is lower."""
        return self._ask("faintBars", least)

    def tab_through(self, least: float, steps: int = STOPS, end: str = "") -> tuple[list[str], list[str]]:
        """Go from the element that has the focus, with Tab, through `steps` elements or to the one with the id `end`.

        least    contrast of the ring around the focus
        Returns (controls not reached, controls whose focus does not show).
        """
        unseen = []
        for _ in range(steps):
            at = self.page.evaluate("least => window.audit.focused(least)", least)
            if end and at["id"] == end:
                break
            if not at["shown"] and at["name"] not in unseen:
                unseen.append(at["name"])
            self.page.keyboard.press("Tab")
        else:
            if end:
                raise AssertionError(f"Tab does not lead out of the widget; the focus stays on {at['name']!r}")
        return self._ask("notReached"), unseen

    def without_name(self) -> list[str]:
        """The controls and images that a screen reader has no name for."""
        session = self.page.context.new_cdp_session(self.page)
        found = []
        for node in session.send("Accessibility.getFullAXTree")["nodes"]:
            name = node.get("name", {}).get("value", "").strip()
            if not node["ignored"] and node["role"]["value"] in NAMED and not name:
                handle = session.send("DOM.resolveNode", {"backendNodeId": node["backendDOMNodeId"]})["object"]
                look = {"objectId": handle["objectId"], "functionDeclaration": WITHIN, "returnByValue": True}
                told = session.send("Runtime.callFunctionOn", look | {"arguments": [{"value": self.selector}]})
                found.append(told["result"]["value"])
        session.detach()
        return list(filter(None, found))

    def _ask(self, question: str, *given) -> list[str]:
        ask = "([selector, question, given]) => window.audit[question](document.querySelector(selector), ...given)"
        return self.page.evaluate(ask, [self.selector, question, list(given)])


class WidgetPage(Audit):
    """A widget in a page of its own."""

    def __init__(self, page):
        super().__init__(page, "#room")
        self.set_theme("light")
        self.set_width(1280)

    def set_theme(self, name: str) -> None:
        """JupyterLab's 'light' or 'dark'."""
        css = (THEMES / f"theme-{name}-extension" / "index.css").read_text(encoding="utf-8")
        self.page.evaluate("css => { document.getElementById('theme').textContent = css; }", css)
        self.page.wait_for_timeout(50)

    def set_width(self, width: int) -> None:
        """A window of this width, and the room that an output has in it."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.evaluate("room => { document.getElementById('room').style.width = `${room}px`; }", ROOM[width])
        self.page.wait_for_timeout(50)

    def by_keyboard(self, least: float) -> tuple[list[str], list[str]]:
        """Press Tab from before the widget to behind it, as `tab_through` does."""
        self.page.focus("#before")
        return self.tab_through(least, end="after")


class PlainBrowser:
    """Chromium with a page for each widget; a context manager."""

    def __init__(self, chromium: str):
        self.chromium = chromium

    def __enter__(self) -> "PlainBrowser":
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=self.chromium, args=FLAGS)
        return self

    def __exit__(self, *_) -> None:
        self.browser.close()
        self.playwright.stop()

    def show(self, shown) -> WidgetPage:
        """A widget of anywidget, or HTML, in a page of its own."""
        page = self.browser.new_page(viewport={"width": 1280, "height": HEIGHT})
        page.set_content(PAGE)
        if isinstance(shown, str):
            page.evaluate("html => { document.getElementById('room').innerHTML = html; }", shown)
        else:
            state = shown.get_state()
            page.evaluate("css => { document.getElementById('css').textContent = css; }", state["_css"])
            sent = {name: as_json(state[name]) for name in shown.keys if not name.startswith("_") and name in state}
            page.evaluate(RENDER, [state["_esm"], {n: v for n, v in sent.items() if n not in ("layout", "tabbable")}])
        return WidgetPage(page)


def as_json(value):
    """A part of a widget's state for the page: bytes as base64."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, dict):
        return {name: as_json(entry) for name, entry in value.items()}
    return [as_json(entry) for entry in value] if isinstance(value, (list, tuple)) else value
