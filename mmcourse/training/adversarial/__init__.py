"""Training of generative adversarial networks: two networks in turn, with one of several losses."""

from mmcourse.lazy import lazy_names

_HOME = {
    "fit_adversarial": "mmcourse.training.adversarial.loop",
    "AdversarialLoss": "mmcourse.training.adversarial.losses",
    "Hinge": "mmcourse.training.adversarial.losses",
    "Minimax": "mmcourse.training.adversarial.losses",
    "NonSaturating": "mmcourse.training.adversarial.losses",
    "Wasserstein": "mmcourse.training.adversarial.losses",
    "gradient_penalty": "mmcourse.training.adversarial.losses",
}
__all__ = list(_HOME)
__getattr__, __dir__ = lazy_names(globals(), _HOME)
