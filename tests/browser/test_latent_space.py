"""The widgets that decode latent codes in JupyterLab, by mouse and by keyboard alone."""

import pytest

pytestmark = pytest.mark.browser

IMAGES = """import torch
from mmcourse.show import latent_space
def decode(codes):   # grey of the first number, with a blue tint of the second
    return torch.stack([codes[:, 0], codes[:, 0], codes[:, 0] + codes[:, 1]], 1)[:, :, None, None].expand(-1, 3, 8, 8)
examples = {"dark": torch.zeros(2), "light": torch.tensor([1.0, 0])}
latent_space(decode, examples | {"a rather long description of one": torch.tensor([0.5, 0])}, directions=(0, 1))"""

SOUNDS = """import torch
from mmcourse.show import latent_space
def tones(codes):   # as loud as the first number
    return codes[:, :1] * torch.sin(torch.arange(8000) * 0.3)
latent_space(tones, {"quiet": torch.tensor([0.1]), "loud": torch.tensor([0.9])}, kind="sound", directions=None)"""

SAMPLES = """import torch
from mmcourse.show import generator
def generate(latents, classes):   # grey: the class; red: the first latent number
    grey = (classes + 1)[:, None].float() / 4
    pixels = torch.cat([latents[:, :1].sigmoid(), grey, grey], dim=1)
    return pixels[:, :, None, None].expand(-1, 3, 8, 8)
widget = generator(generate, 4, ("cat", "fish", "boat"), count=5)
widget"""

SHIPPED = """from mmcourse.picturebook.scene import KINDS
from mmcourse.show import generator
from mmcourse.training import shipped
model = shipped.load("page_generator")
generator(model, model.latent_size, names=KINDS)"""

PIXEL = """i => {               // the first pixel of one of the widget's images
    const image = document.querySelectorAll('.mm img.mm-picture, .mm-samples img')[i];
    const canvas = document.createElement('canvas');
    canvas.getContext('2d').drawImage(image, 0, 0);
    return [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


SHOWN = "() => [...document.querySelectorAll('.mm-samples img')].map(image => image.src).join()"


def images(page):
    return page.page.evaluate(SHOWN)


def pixel(page, expected, image=0):
    """Wait until an image has a colour, each channel within 3."""
    near = f"([expected, i]) => ({PIXEL})(i).every((value, c) => Math.abs(value - expected[c]) <= 3)"
    page.page.wait_for_function(near, arg=[expected, image])


def pixels(page, count):
    return [page.page.evaluate(PIXEL, i) for i in range(count)]


def test_the_image_follows_the_sliders_and_the_pad(opened):
    page = opened(IMAGES)
    page.wait_for_text(0, "1.00 A + 0.00 B")
    pixel(page, [0, 0, 0])
    page.page.get_by_label("from A to B").fill("0.4")
    page.wait_for_text(0, "0.60 A + 0.40 B")
    pixel(page, [102, 102, 102])
    pad = page.page.locator(".mm-pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.45, steps=5)
    page.page.mouse.up()
    page.wait_for_text(0, "d₂")
    amount = float(page.page.get_by_label("dimension 1").input_value())
    assert 0.1 < amount < 0.6 and page.page.get_by_label("dimension 0").input_value() in ("0", "0.05", "-0.05")
    page.page.get_by_role("button", name="Back to the line").click()
    pixel(page, [102, 102, 102])
    page.page.get_by_label("example A").select_option("light")
    page.page.get_by_label("example B").select_option("dark")
    pixel(page, [153, 153, 153])
    assert page.scrolls_sideways(390, 900, 1280) == []
    assert page.complaints() == []


def test_a_latent_space_by_keyboard_alone(opened):
    page = opened(IMAGES)
    page.wait_for_text(0, "1.00 A + 0.00 B")
    page.page.get_by_label("example A").focus()
    page.tab_to("from A to B")
    for _ in range(3):
        page.page.keyboard.press("ArrowRight")
    page.wait_for_text(0, "0.97 A + 0.03 B")
    page.page.keyboard.press("End")
    pixel(page, [255, 255, 255])
    page.tab_to("dimension 0")
    for _ in range(4):
        page.page.keyboard.press("ArrowLeft")
    page.wait_for_text(0, "0.00 A + 1.00 B − 0.20 d₁")
    pixel(page, [204, 204, 204])
    page.tab_to("Back to the line from A to B")
    page.page.keyboard.press("Enter")
    pixel(page, [255, 255, 255])
    assert page.complaints() == []


def test_a_decoded_sound_is_played(opened):
    page = opened(SOUNDS)
    page.wait_for_text(0, "1.00 A + 0.00 B")
    page.page.evaluate("""() => { window.heard = []; HTMLMediaElement.prototype.play = function () {
        window.heard.push(this.src); return Promise.resolve(); }; }""")
    page.page.get_by_label("from A to B").fill("0.5")
    for number, name in enumerate(("▶ Play", "▶ A", "▶ B"), start=1):
        page.page.get_by_role("button", name=name, exact=True).click()
        page.page.wait_for_function("count => window.heard.length === count", arg=number)
    heard = page.page.evaluate("() => window.heard")
    assert len(set(heard)) == 3 and all(address.startswith("data:audio/mpeg;base64,") for address in heard)
    assert page.complaints() == []


def test_samples_of_a_class_are_drawn_interpolated_and_truncated(opened):
    page = opened(SAMPLES)
    page.wait_for_text(0, "5 samples of the class 'cat'")
    first = pixels(page, 5)
    assert {grey for _, grey, _ in first} == {64} and len({red for red, _, _ in first}) > 1
    page.page.get_by_role("button", name="New latents").click()
    page.page.wait_for_function(f"old => String(({PIXEL})(0)) !== String(old)", arg=first[0])
    before = pixels(page, 5)
    page.page.get_by_label("boat", exact=True).check()
    page.wait_for_text(0, "5 samples of the class 'boat'")
    page.page.wait_for_function(f"() => ({PIXEL})(0)[1] === 191")
    assert [red for red, _, _ in pixels(page, 5)] == [red for red, _, _ in before]
    page.page.get_by_label("interpolation").fill("1")
    page.wait_for_text(0, "t = 1.00")
    page.page.get_by_label("every class", exact=True).check()
    page.wait_for_text(0, "Each class once")
    page.page.wait_for_function("() => document.querySelectorAll('.mm-samples img').length === 3")
    page.page.wait_for_timeout(300)
    reds, greys, _ = zip(*pixels(page, 3), strict=True)
    assert greys == (64, 128, 191) and len(set(reds)) == 1
    assert page.scrolls_sideways(390, 900, 1280) == []
    assert page.complaints() == []


def test_a_generator_by_keyboard_alone(opened):
    page = opened(SAMPLES)
    page.wait_for_text(0, "5 samples of the class 'cat'")
    page.page.get_by_label("cat", exact=True).focus()
    page.page.keyboard.press("ArrowRight")
    page.wait_for_text(0, "5 samples of the class 'fish'")
    before = pixels(page, 5)
    page.tab_to("⚄ New latents")
    page.page.keyboard.press("Enter")
    page.page.wait_for_function(f"old => String(({PIXEL})(0)) !== String(old)", arg=before[0])
    page.tab_to("truncation")
    page.page.keyboard.press("Home")
    page.wait_for_text(0, "within ±0.1")
    page.page.wait_for_function(f"() => Math.abs(({PIXEL})(0)[0] - 128) < 8")
    assert page.complaints() == []


def test_the_class_follows_what_python_sets(opened):
    page = opened(SAMPLES)
    page.wait_for_text(0, "5 samples of the class 'cat'")
    assert page.page.get_by_label("cat", exact=True).is_checked()
    page.execute("widget.chosen = 'boat'")
    page.wait_for_text(0, "5 samples of the class 'boat'")
    checked = [page.page.get_by_label(name, exact=True).is_checked() for name in ("cat", "fish", "boat")]
    assert checked == [False, False, True]
    page.page.get_by_label("boat", exact=True).focus()
    page.page.keyboard.press("ArrowLeft")
    page.wait_for_text(0, "5 samples of the class 'fish'")
    assert page.complaints() == []


def test_the_shipped_generator_by_mouse_and_by_keyboard(opened):
    page = opened(SHIPPED)
    page.wait_for_text(0, "12 samples of the class")
    assert page.page.locator(".mm-samples img").count() == 12
    page.page.get_by_label("fish", exact=True).check()
    page.wait_for_text(0, "12 samples of the class 'fish'")
    before = images(page)
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_function(f"old => ({SHOWN})() !== old", arg=before)
    page.tab_to("⚄ New latents")
    before = images(page)
    page.page.keyboard.press("Enter")
    page.page.wait_for_function(f"old => ({SHOWN})() !== old", arg=before)
    page.tab_to("interpolation")
    page.page.keyboard.press("End")
    page.wait_for_text(0, "t = 1.00")
    page.tab_to("truncation")
    page.page.keyboard.press("Home")
    page.wait_for_text(0, "within ±0.1")
    page.page.get_by_label("every class", exact=True).check()
    page.wait_for_text(0, "Each class once")
    page.page.wait_for_function("() => document.querySelectorAll('.mm-samples img').length === 14")
    assert page.scrolls_sideways(390, 900, 1280) == []
    assert page.complaints() == []
