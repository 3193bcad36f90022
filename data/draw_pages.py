"""Draw `pages.jpg`, the pages that the README shows: `python data/draw_pages.py`, then `python data/checksums.py`."""

import io
import textwrap
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from mmcourse import PictureBook
from mmcourse.files import write_whole

TARGET = Path(__file__).resolve().parent / "pages.jpg"
ROWS, COLUMNS = 2, 6


def main() -> None:
    books = [PictureBook("train", COLUMNS // 2, objects, seed=row) for row in range(ROWS) for objects in (1, 2)]
    figure = Figure(figsize=(9.2, 4.0), dpi=100, layout="constrained", facecolor="white")
    axes = iter(figure.subplots(ROWS, COLUMNS).flat)
    for book in books:
        for page in range(len(book)):
            axis = next(axes)
            axis.imshow(book.image(page, size=256).permute(1, 2, 0).numpy(), interpolation="lanczos")
            axis.set_title(textwrap.fill(book.sentences[page], 24), fontsize=7.5, y=-0.06, va="top")
            axis.set_axis_off()
    drawn, jpeg = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").save(jpeg, "JPEG", quality=88, subsampling=0)
    write_whole(TARGET, jpeg.getvalue())


if __name__ == "__main__":
    main()
