"""Names of version 0.1: old values are accepted for one release, old names raise an error with the new one.

Old names occur only here, in CHANGELOG.md and, for the keys of random streams, in picturebook/streams.py.
"""

import functools
import re
import sys
import warnings
from collections.abc import Callable

VALUES = {
    "split": {
        "unseen_pairs": "held_out_pairs",
        "unseen_voices": "held_out_voices",
        "unseen_wordings": "held_out_phrasings",
    },
    "group": {"unseen": "held_out"},
    "phrasings": {"unseen": "held_out"},
    "model": {
        "picture_encoder": "image_encoder",
        "picture_judge": "image_judge",
        "words_encoder": "text_encoder",
        "words_judge": "text_judge",
    },
    "table": {"08_spoilt": "08_corrupted", "12_captions": "12_captioning"},
}
PROMISES = {
    "00.first_picture": "00.first_image",
    "01.thing": "01.test",
    "01.cure_gain": "01.augmentation_gain",
    "01.cure_unseen": "01.held_out_pairs",
    "01.cure_test": "01.augmentation_test",
    "02.unseen_wordings": "02.held_out_phrasings",
    "03.unseen_voices": "03.held_out_voices",
    "04.unseen_wordings": "04.held_out_phrasings",
    "08.late_from_clear": "08.late_from_clean",
    "09.unseen_pairs": "09.held_out_pairs",
    "09.unseen_voices": "09.held_out_voices",
    "09.looks": "09.attention",
    "10.blending": "10.auxiliary_losses",
    "10.plain_falls": "10.plain_drop",
    "10.dropout_falls": "10.dropout_drop",
    "10.real_plain_falls": "10.real_plain_drop",
    "10.real_dropout_falls": "10.real_dropout_drop",
    "11.words_sound": "11.text_sound",
    "11.picture_words": "11.image_text",
    "11.picture_sound": "11.image_sound",
    "11.unseen_pairs": "11.held_out_pairs",
    "12.one": "12.one_object",
    "12.two_cold": "12.two_objects_from_scratch",
}
VALUES["promise"] = PROMISES
RETIRED_PROMISES = {"12.one_unseen", "12.one_object_held_out", "12.two_warm", "12.two_objects_pretrained"}
QUESTIONS = {("01", "unseen-pairs"): "held-out-pairs"}  # (lesson, question of its quiz)
LESSONS = {
    "01_pictures": "01_images",
    "02_words": "02_text",
    "08_joining": "08_fusion",
    "10_when_a_modality_fails": "10_missing_modalities",
    "11_a_shared_space": "11_shared_space",
    "12_captions": "12_captioning",
}
MODULES = {
    "mmcourse.data.captions": "mmcourse.tasks.captions",
    "mmcourse.data.matching": "mmcourse.tasks.matching",
    "mmcourse.data.meaning": "mmcourse.tasks.meaning",
    "mmcourse.data.naming": "mmcourse.tasks.naming",
    "mmcourse.data.question": "mmcourse.tasks.question_answering",
    "mmcourse.data.relation": "mmcourse.tasks.relation",
    "mmcourse.data.spoilt": "mmcourse.tasks.corrupted_pages",
    "mmcourse.data.statement": "mmcourse.tasks.statement",
    "mmcourse.data.strips": "mmcourse.tasks.strips",
    "mmcourse.models.asking": "mmcourse.models.question_answering",
    "mmcourse.models.judging": "mmcourse.models.evaluation_mode",
    "mmcourse.models.reader": "mmcourse.models.sentence_parser",
    "mmcourse.models.stand_in": "mmcourse.models.imputation",
    "mmcourse.picturebook.picture": "mmcourse.picturebook.image",
    "mmcourse.training.blending": "mmcourse.training.auxiliary",
    "mmcourse.training.binding": "mmcourse.training.shared_space",
    "mmcourse.show.comparison": "mmcourse.show.figures.comparison",
    "mmcourse.show.conversions": "mmcourse.show.figures.conversions",
    "mmcourse.show.curves": "mmcourse.show.figures.curves",
    "mmcourse.show.features": "mmcourse.show.figures.features",
    "mmcourse.show.images": "mmcourse.show.figures.images",
    "mmcourse.show.matrices": "mmcourse.show.figures.matrices",
    "mmcourse.show.mistakes": "mmcourse.show.figures.mistakes",
    "mmcourse.show.recurrence": "mmcourse.show.figures.recurrence",
    "mmcourse.show.shapes": "mmcourse.show.figures.shapes",
    "mmcourse.show.spectrogram": "mmcourse.show.figures.spectrogram",
    "mmcourse.show.attention": "mmcourse.show.widgets.attention",
    "mmcourse.show.board": "mmcourse.show.widgets.board",
    "mmcourse.show.captioning": "mmcourse.show.widgets.captioning",
    "mmcourse.show.convolution": "mmcourse.show.widgets.convolution",
    "mmcourse.show.drawing": "mmcourse.show.widgets.drawing",
    "mmcourse.show.fusion": "mmcourse.show.widgets.fusion",
    "mmcourse.show.missing": "mmcourse.show.widgets.missing",
    "mmcourse.show.page_maker": "mmcourse.show.widgets.page_maker",
    "mmcourse.show.search": "mmcourse.show.widgets.search",
    "mmcourse.show.asking": "mmcourse.show.widgets.question_answering",
    "mmcourse.show.explorer": "mmcourse.show.widgets.spectrogram",
    "mmcourse.show.reading": "mmcourse.show.widgets.saliency",
}
NAMES = {  # names in modules that did not move; modules that moved are in MODULES
    "mmcourse": {"Thing": "SceneObject", "tell": "describe", "understand": "parse"},
    "mmcourse.picturebook.scene": {"Thing": "SceneObject"},
    "mmcourse.picturebook.sentence": {"tell": "describe", "understand": "parse"},
    "mmcourse.tasks.relation": {"which_is_where": "word_order"},
    "mmcourse.tasks.strips": {"where_is_it": "spoken_grounding"},
    "mmcourse.data.real": {"pictures": "images"},
    "mmcourse.metrics": {"share_right": "caption_accuracy"},
    "mmcourse.models.attribution": {"gradient_shares": "gradient_attributions"},
    "mmcourse.models.captioner": {
        "Bring": "MemoryProjection",
        "waves": "position_features",
        "WAVES": "POSITION_FEATURES",
    },
    "mmcourse.models.cnn": {
        "PictureEncoder": "ImageEncoder",
        "PictureClassifier": "ImageClassifier",
        "PictureReader": "AttributeClassifier",
        "check_pictures": "check_images",
    },
    "mmcourse.models.towers": {"PictureTower": "ImageTower"},
    "mmcourse.show": {
        "asking_explorer": "question_answering_explorer",
        "read_and_watch": "saliency_explorer",
    },
}
KEYWORDS = {  # {the function's qualified name: {old keyword: new keyword}}
    "Branches.__init__": {"own_heads": "auxiliary_heads"},
    "CorruptedPages.__init__": {"share": "fraction"},
    "NamedPages.__init__": {"share": "fraction"},
    "PageSpace.__init__": {"words": "text_width"},
    "PictureBook.__init__": {"things": "objects"},
    "QuestionAnswerer.__init__": {"place": "image_width", "heard": "sound_width"},
    "SentenceEncoder.__init__": {"spread": "std"},
    "ShowAttendAndTell.__init__": {"unread": "masked_words"},
    "TextCNN.__init__": {"spread": "std"},
    "TokenEncoder.__init__": {"spread": "std"},
    "captioning_explorer": {"things": "objects"},
    "describe": {"wordings": "phrasings"},
    "imagine": {"things": "objects"},
    "mask_words": {"share": "fraction"},
    "permute_colours": {"share": "fraction"},
}


def new_value(kind: str, given):
    """The present name of a value such as the split 'unseen_pairs', with a notice where an old name was given."""
    new = VALUES[kind].get(given, given) if isinstance(given, str) else given
    if new != given:
        _notice(f"{kind} {given!r} is now called {new!r}")
    return new


def new_exercise(id):
    """The present id of an exercise: '01.clinic' is now '01.debug'."""
    return re.sub(r"^(\d\d)\.clinic$", r"\1.debug", id) if isinstance(id, str) else id


def carry_over(data: dict, merge: Callable[[dict, dict], None]) -> dict:
    """A record of progress with its present ids. Entries under both ids of an exercise are merged, nothing is lost.

    merge(data, other) brings another record into one, as `record.merge` does.
    """
    old = {"exercises": {}, "quizzes": {}}
    for id in list(data["exercises"]):
        if new_exercise(id) != id:
            old["exercises"][new_exercise(id)] = data["exercises"].pop(id)
    for (lesson, question), new in QUESTIONS.items():
        if question in data["quizzes"].get(lesson, {}):
            old["quizzes"].setdefault(lesson, {})[new] = data["quizzes"][lesson].pop(question)
    merge(data, old)
    return data


def successor(name: str) -> str | None:
    """The present name of a lesson's old file: '01_pictures.ipynb' -> '01_images.ipynb'; else None."""
    stem, dot, suffix = name.partition(".")
    return f"{LESSONS[stem]}{dot}{suffix}" if stem in LESSONS else None


def names_of(module: str) -> Callable[[str], object]:
    """`__getattr__` of a module: an old name raises ImportError with the new one, any other AttributeError."""

    def get(name: str):
        if name in NAMES.get(module, {}):
            raise ImportError(f"{name} is now called {NAMES[module][name]}: from {module} import {NAMES[module][name]}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return get


def old_keywords(function: Callable) -> Callable:
    """A decorator: a keyword that KEYWORDS has for this function raises TypeError with the new one."""
    new_names = KEYWORDS[function.__qualname__]

    @functools.wraps(function)
    def call(*arguments, **options):
        for old in new_names.keys() & options.keys():
            raise TypeError(f"{old}= is now called {new_names[old]}=, in {function.__qualname__}")
        return function(*arguments, **options)

    return call


class OldModules:
    """A finder, called after all others: an old module raises ModuleNotFoundError with its new name."""

    @staticmethod
    def find_spec(name: str, path=None, target=None) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"{name} is now {MODULES[name]}", name=name)


def _notice(text: str) -> None:
    """Print a notice, once for each text."""
    warnings.warn_explicit(
        f"{text}; the next release will accept the new name only", FutureWarning, "mmcourse", 1, registry=_given
    )


_given: dict = {}  # the notices that were shown


def install() -> None:
    """Make imports of old modules raise an error with the new name."""
    if not any(isinstance(finder, type) and finder.__name__ == "OldModules" for finder in sys.meta_path):
        sys.meta_path.append(OldModules)
