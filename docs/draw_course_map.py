"""Draw `course_map.png`, the course map that the README shows: `python docs/draw_course_map.py`."""

from pathlib import Path

from mmcourse.files import write_whole
from mmcourse.show import style
from mmcourse.show.diagrams import canvas, course

TARGET = Path(__file__).resolve().parent / "course_map.png"


def main() -> None:
    figure = course.course().drawn().figure
    write_whole(TARGET, style.small_png(style.pixels_of(figure, canvas.SCALE)))


if __name__ == "__main__":
    main()
