"""All that a learner sees: pictures, curves, players, the live view of training and the widgets.

Names load when they are first used, so that importing a lesson's tools stays light.
"""

from mmcourse.lazy import lazy_names
from mmcourse.show import diagrams as diagrams

_HOME = {
    "show_pages": "mmcourse.show.figures.images",
    "show_images": "mmcourse.show.figures.images",
    "show_filters": "mmcourse.show.figures.features",
    "show_feature_maps": "mmcourse.show.figures.features",
    "show_heatmap_over": "mmcourse.show.figures.features",
    "plot_history": "mmcourse.show.figures.curves",
    "bar_with_range": "mmcourse.show.figures.curves",
    "confusion_matrix": "mmcourse.show.figures.mistakes",
    "show_mistakes": "mmcourse.show.figures.mistakes",
    "play": "mmcourse.show.players",
    "play_many": "mmcourse.show.players",
    "live_view": "mmcourse.show.live",
    "show_spectrogram": "mmcourse.show.figures.spectrogram",
    "show_spectrograms": "mmcourse.show.figures.spectrogram",
    "show_frame": "mmcourse.show.figures.spectrogram",
    "show_bands": "mmcourse.show.figures.spectrogram",
    "show_log_mels": "mmcourse.show.figures.spectrogram",
    "compare": "mmcourse.show.figures.comparison",
    "show_stored_table": "mmcourse.show.figures.comparison",
    "plot_stored_curves": "mmcourse.show.figures.stored",
    "show_conversions": "mmcourse.show.figures.conversions",
    "shape_of": "mmcourse.show.figures.shapes",
    "make_a_page": "mmcourse.show.widgets.page_maker",
    "draw_and_watch": "mmcourse.show.widgets.drawing",
    "convolution_by_hand": "mmcourse.show.widgets.convolution",
    "saliency_explorer": "mmcourse.show.widgets.saliency",
    "spectrogram_explorer": "mmcourse.show.widgets.spectrogram",
    "attention_explorer": "mmcourse.show.widgets.attention",
    "show_matrices": "mmcourse.show.figures.matrices",
    "plot_panels": "mmcourse.show.figures.matrices",
    "show_shared_space": "mmcourse.show.figures.shared_space",
    "show_unrolled": "mmcourse.show.figures.recurrence",
    "plot_lines": "mmcourse.show.figures.recurrence",
    "show_sums": "mmcourse.show.widgets.fusion",
    "fusion_explorer": "mmcourse.show.widgets.fusion",
    "missing_explorer": "mmcourse.show.widgets.missing",
    "question_answering_explorer": "mmcourse.show.widgets.question_answering",
    "captioning_explorer": "mmcourse.show.widgets.captioning",
    "sampling_explorer": "mmcourse.show.widgets.sampling",
    "search_explorer": "mmcourse.show.widgets.search",
    "latent_space": "mmcourse.show.widgets.latent_space",
    "generator": "mmcourse.show.widgets.generator",
    "game": "mmcourse.show.widgets.game",
    "recogniser": "mmcourse.show.widgets.recogniser",
    "text_to_image": "mmcourse.show.widgets.text_to_image",
    "text_to_speech": "mmcourse.show.widgets.text_to_speech",
}
__all__ = list(_HOME)
__getattr__, __dir__ = lazy_names(globals(), _HOME)
