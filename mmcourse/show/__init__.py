"""All that a learner sees: pictures, curves, players, the live view of training and the widgets.

Names load when they are first used, so that importing a lesson's tools stays light.
"""

from mmcourse.lazy import lazy_names

_HOME = {
    "show_pages": "mmcourse.show.images",
    "show_images": "mmcourse.show.images",
    "show_filters": "mmcourse.show.features",
    "show_feature_maps": "mmcourse.show.features",
    "show_heatmap_over": "mmcourse.show.features",
    "plot_history": "mmcourse.show.curves",
    "bar_with_range": "mmcourse.show.curves",
    "confusion_matrix": "mmcourse.show.mistakes",
    "show_mistakes": "mmcourse.show.mistakes",
    "play": "mmcourse.show.players",
    "play_many": "mmcourse.show.players",
    "live_view": "mmcourse.show.live",
    "show_spectrogram": "mmcourse.show.spectrogram",
    "show_spectrograms": "mmcourse.show.spectrogram",
    "show_frame": "mmcourse.show.spectrogram",
    "show_bands": "mmcourse.show.spectrogram",
    "show_log_mels": "mmcourse.show.spectrogram",
    "compare": "mmcourse.show.comparison",
    "show_stored_table": "mmcourse.show.comparison",
    "show_conversions": "mmcourse.show.conversions",
    "shape_of": "mmcourse.show.shapes",
    "make_a_page": "mmcourse.show.page_maker",
    "draw_and_watch": "mmcourse.show.drawing",
    "convolution_by_hand": "mmcourse.show.convolution",
    "read_and_watch": "mmcourse.show.reading",
    "spectrogram_explorer": "mmcourse.show.explorer",
    "attention_explorer": "mmcourse.show.attention",
    "show_matrices": "mmcourse.show.matrices",
    "plot_panels": "mmcourse.show.matrices",
    "show_unrolled": "mmcourse.show.recurrence",
    "plot_lines": "mmcourse.show.recurrence",
    "show_sums": "mmcourse.show.fusion",
    "fusion_explorer": "mmcourse.show.fusion",
    "missing_explorer": "mmcourse.show.missing",
    "asking_explorer": "mmcourse.show.asking",
    "captioning_explorer": "mmcourse.show.captioning",
    "search_explorer": "mmcourse.show.search",
}
__all__ = list(_HOME)
__getattr__, __dir__ = lazy_names(globals(), _HOME)
