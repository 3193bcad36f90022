"""The lessons of the course in their three parts, and which of them build on which."""

from mmcourse.show.diagrams.diagram import Diagram

LESSONS = {
    "00": ("Start here", (0, 1)),
    "01": ("Images", (1, 0)),
    "02": ("Text", (1, 1)),
    "03": ("Sound", (1, 2)),
    "06": ("Autoencoders", (2, 0)),
    "04": ("Attention", (2, 1)),
    "07": ("GANs", (3, 0)),
    "05": ("Pretraining", (3, 1)),
    "08": ("Fusion", (0, 3)),
    "09": ("Cross-attention", (1, 3)),
    "10": ("Missing\nmodalities", (2, 3)),
    "11": ("Shared space", (0, 4.5)),
    "12": ("Captioning", (1, 4)),
    "13": ("Speech\nrecognition", (1, 5)),
    "14": ("Text to image", (2, 4)),
    "15": ("Text to speech", (2, 5)),
    "16": ("Any to any", (3, 4)),
    "17": ("Questions\nand stories", (3, 5)),
}
PARTS = {
    "Part I  One modality": ("00", "01", "02", "03", "04", "05", "06", "07"),
    "Part II  Fusion": ("08", "09", "10"),
    "Part III  From one modality to another": ("11", "12", "13", "14", "15", "16", "17"),
}
PATHS = (
    *(("00", first) for first in ("01", "02", "03")),
    ("01", "06", "07"),
    ("02", "04", "05"),
    ("08", "09", "10"),
    ("12", "14"),
    ("13", "15"),
    ("11", "12"),
    ("11", "13"),
    ("14", "16"),
    ("15", "17"),
)


def course_map() -> None:
    """Display the lessons of the three parts; an arrow leads to a lesson that builds on the one before."""
    course().show()


def course() -> Diagram:
    """The course map, to be shown or stored."""
    diagram = Diagram("The lessons of the course in three parts: one modality, fusion, and conversion.")
    for number, (title, at) in LESSONS.items():
        diagram.block(number, at=at, label=f"{number}  {title}")
    for path in PATHS:
        diagram.path(*path)
    for name, lessons in PARTS.items():
        diagram.group(name, *lessons)
    return diagram
