"""Drive JupyterLab in Chromium: start it, open a notebook, run it, read what it shows. All selectors stand here."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

CELL = ".jp-Notebook .jp-Cell"
ERRORS = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']"
STDERR = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']"
OUTPUT = ".jp-OutputArea-output"
SPECTROGRAM, SELECTED, CURSOR = ".mm-spectrogram", ".mm-said", ".mm-cursor"
INTERRUPT = "notebook:interrupt-kernel"
RUN_ALL = "notebook:run-all-cells"
CANVAS = "canvas.mm-draw, .mm-draw canvas"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE = 180  # seconds for JupyterLab or a kernel to answer on a busy machine
READY = """async () => {                        // the kernel answers, over a connection that stays
    const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
    if (!kernel || kernel.connectionStatus !== 'connected') return false;
    await kernel.info;
    return kernel.status === 'idle' && kernel.connectionStatus === 'connected';
}"""
EXECUTE = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    await kernel.requestExecute({ code }).done;
}"""
LISTEN = """() => {                          // keep what every player is given, and where its cursor is meanwhile
    window.played = [];
    window.places = [];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (when, offset, duration) {
        const [first, last] = [offset, offset + duration].map(s => Math.round(s * this.buffer.sampleRate));
        window.played.push(Array.from(this.buffer.getChannelData(0).subarray(first, last)));
        return start.call(this, when, offset, duration);
    };
    const look = () => {
        window.places.push(document.querySelector('CURSOR')?.style.left);
        requestAnimationFrame(look);
    };
    look();
}""".replace("CURSOR", CURSOR)
FOCUSED = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"
WIDER = """() => [...document.querySelectorAll('.mm, .jp-OutputArea-output')]
    .some(element => element.scrollWidth > element.clientWidth + 1)"""
IMAGES = """canvas => {                      // every picture of the same output but the one that is drawn on
    const area = canvas.closest('.jp-OutputArea-child') ?? document;
    const others = [...area.querySelectorAll('canvas')].filter(c => c !== canvas).map(c => c.toDataURL());
    const images = [...area.querySelectorAll('img, image')].map(i => i.src || i.getAttribute('href'));
    return JSON.stringify([...others, ...images]);
}"""


class JupyterLab:
    """JupyterLab serving one folder, in fast mode, with a browser beside it; a context manager."""

    def __init__(self, folder: Path, chromium: str):
        self.folder, self.chromium = folder / "lessons", chromium
        self.home = folder / "jupyter"
        self.folder.mkdir()
        self.home.mkdir()

    def __enter__(self) -> "JupyterLab":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._settings()
        self.log = (self.home / "server.log").open("w")
        options = [
            f"--port={self.port}",
            "--no-browser",
            "--allow-root",
            "--ServerApp.token=",
            "--ServerApp.password=",
            f"--ServerApp.root_dir={self.folder}",
            f"--LabApp.user_settings_dir={self.home / 'settings'}",
            f"--LabApp.workspaces_dir={self.home / 'workspaces'}",
            "--LabApp.expose_app_in_browser=True",
        ]
        variables = {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "MMCOURSE_FAST": "1",
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "MMCOURSE_WORK": str(self.home / "work"),
        }
        self.server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=variables, stdout=self.log, stderr=subprocess.STDOUT
        )
        try:
            self._wait()
            self.playwright = sync_playwright().start()
            self.browser = self.playwright.chromium.launch(executable_path=self.chromium, args=FLAGS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for name, end in (("browser", "close"), ("playwright", "stop")):
            if hasattr(self, name):
                getattr(getattr(self, name), end)()
        self.server.terminate()  # it ends its kernels before it goes
        try:
            self.server.wait(30)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.log.close()

    def open(self, notebook: Path) -> "NotebookPage":
        """Open a copy of a notebook and wait until its kernel answers."""
        shutil.copy(notebook, self.folder / notebook.name)
        page = self.browser.new_page(viewport={"width": 1280, "height": 1200})
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"http://127.0.0.1:{self.port}/doc/tree/{notebook.name}")
        page.wait_for_selector(CELL)
        end = time.monotonic() + PATIENCE
        while not page.evaluate(READY):  # wait_for_function takes the promise itself for an answer
            if time.monotonic() > end:
                raise TimeoutError(f"no kernel answered {notebook.name} in {PATIENCE} s")
            page.wait_for_timeout(250)
        return NotebookPage(page)

    def _wait(self) -> None:
        for _ in range(PATIENCE * 2):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api", timeout=2).close()
                return
            except OSError:
                if self.server.poll() is not None:
                    break
                time.sleep(0.5)
        raise RuntimeError("JupyterLab did not start:\n" + (self.home / "server.log").read_text()[-2000:])

    def _settings(self) -> None:
        """All cells drawn at once, and no question asked."""
        for plugin, values in {
            "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
            "@jupyterlab/apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
        }.items():
            path = self.home / "settings" / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))


class NotebookPage:
    """A notebook in the browser."""

    def __init__(self, page):
        self.page = page

    def start(self) -> None:
        """Begin 'Run All' and do not wait."""
        self.page.evaluate(f"""() => {{ window.allRan = false;
            window.jupyterapp.commands.execute('{RUN_ALL}').finally(() => {{ window.allRan = true; }}); }}""")

    def finish(self, seconds: int) -> None:
        """Wait until every cell has run."""
        self.page.wait_for_function("() => window.allRan", timeout=seconds * 1000)

    def execute(self, code: str) -> None:
        """Run code in the notebook's kernel, as a further cell would."""
        self.page.evaluate(EXECUTE, code)

    def interrupt(self) -> None:
        """What the stop button of the toolbar does."""
        self.page.evaluate(f"() => window.jupyterapp.commands.execute('{INTERRUPT}')")

    def text(self, cell: int) -> str:
        """What a cell (counted from 0) shows below itself."""
        return "\n".join(self.page.locator(CELL).nth(cell).locator(OUTPUT).all_inner_texts())

    def wait_for_text(self, cell: int, text: str, seconds: int = PATIENCE) -> None:
        """Wait until a cell shows a text."""
        output = self.page.locator(CELL).nth(cell).locator(OUTPUT).filter(has_text=text)
        output.first.wait_for(timeout=seconds * 1000)

    def complaints(self) -> list[str]:
        """Every error and everything on stderr that the notebook shows."""
        return self.page.locator(f"{ERRORS}, {STDERR}").all_inner_texts()

    def scrolls_sideways(self, *widths: int) -> list[int]:
        """The widths of the window, of these, at which a widget is wider than its room."""
        wider = []
        for width in widths:
            self.page.set_viewport_size({"width": width, "height": 1000})
            self.page.wait_for_timeout(300)
            if self.page.evaluate(WIDER):
                wider.append(width)
        return wider

    def tab_to(self, name: str) -> None:
        """Press Tab until the control with this name has the focus."""
        for _ in range(40):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(FOCUSED).strip() == name:
                return
        raise AssertionError(f"the Tab key does not reach {name!r}")

    def hear_a_stretch(self, begin: float, end: float) -> tuple[list[float], int]:
        """Drag over the explorer's spectrogram between two shares of its width, and play that with the Space key.

        The samples that the browser was given to play, and at how many places the cursor was seen.
        """
        stage = self.page.locator(SPECTROGRAM).first
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        self.page.mouse.move(box["x"] + begin * box["width"], box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end * box["width"], box["y"] + box["height"] / 2, steps=4)
        self.page.mouse.up()
        self.page.evaluate(LISTEN)
        self.page.keyboard.press(" ")
        self.page.wait_for_function("() => window.played.length === 1 && new Set(window.places).size > 3")
        return self.page.evaluate("() => [window.played[0], new Set(window.places).size]")

    def drawing_changes_the_images(self, seconds: int = 60) -> bool:
        """Draw a stroke on the widget's canvas with the mouse; whether another picture of the widget follows."""
        canvas = self.page.locator(CANVAS).first
        canvas.scroll_into_view_if_needed()
        self.page.wait_for_timeout(1000)
        before = canvas.evaluate(IMAGES)
        box = canvas.bounding_box()
        positions = [(0.25, 0.3), (0.4, 0.6), (0.6, 0.35), (0.75, 0.7)]
        for number, (x, y) in enumerate(positions):
            self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
            if number == 0:
                self.page.mouse.down()
        self.page.mouse.up()
        try:
            changed = f"([canvas, before]) => ({IMAGES})(canvas) !== before"
            given = [canvas.element_handle(), before]
            self.page.wait_for_function(changed, arg=given, timeout=seconds * 1000)
        except Error:
            return False
        return True
