"""mmcourse: an interactive course on multimodal and cross-modal deep learning."""
