"""Diagrams of architectures: labelled blocks and arrows with tensor shapes, drawn by matplotlib, with alt text.

Build one of your own with `Diagram`, `flow`, `tree` or `two_towers`; the names of READY draw a standard one in a line.
Names load when they are first used.
"""

from mmcourse.lazy import lazy_names

_MODULES = {
    "diagram": ("Diagram",),
    "chains": ("flow",),
    "trees": ("Branch", "tree"),
}
_READY = {
    "towers": ("two_towers", "contrastive_matrix", "binding"),
    "masks": ("attention_masks", "gpt_and_bert_masks"),
    "convolutions": ("convolution", "receptive_field"),
    "classifiers": ("image_classifier", "text_cnn", "speech_classifier", "training_step"),
    "recurrence": ("rnn_unrolled", "lstm_cell", "gru_cell"),
    "sound": ("spectrogram_pipeline", "framing"),
    "attention": ("attention_head", "multi_head_attention"),
    "transformer": ("encoder_block", "decoder_block", "gpt_blocks"),
    "pretraining": ("masked_token_prediction", "fine_tuning"),
    "subwords": ("byte_pair_merges",),
    "autoencoders": ("autoencoder", "denoising_autoencoder", "variational_autoencoder", "perceptual_loss"),
    "course": ("course_map",),
    "alignment": ("ctc_collapse", "ctc_lattice", "prefix_beam"),
    "recognition": ("recogniser", "unpaired_recognition"),
    "synthesis": ("cross_modal_autoencoder", "length_regulator", "text_to_speech", "griffin_lim"),
    "text_to_image": ("conditional_vae", "latent_flow"),
    "flows": ("flow_matching", "guidance"),
    "fusion": ("pairing", "fusion_methods", "fusion_stages", "low_rank_fusion", "film"),
    "fusion_tokens": ("cross_attention", "cross_attention_model", "fusion_bottleneck"),
    "missing": ("modality_dropout", "auxiliary_losses", "shapley_orders"),
    "captioning": ("show_and_tell", "attention_captioner", "transformer_captioner", "beam_search"),
    "adversarial": ("gan_steps", "conditional_gan", "dcgan_generator"),
}
READY = tuple(name for names in _READY.values() for name in names)  # each draws a diagram without any argument
_HOME = {name: f"{__name__}.{module}" for module, names in (_MODULES | _READY).items() for name in names}
__all__ = ["READY", *_HOME]
__getattr__, __dir__ = lazy_names(globals(), _HOME)
