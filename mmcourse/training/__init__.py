"""Training: the device, the loop, its history and checkpoints."""

from mmcourse.training.adversarial.loop import fit_adversarial
from mmcourse.training.adversarial.losses import (
    AdversarialLoss,
    Hinge,
    Minimax,
    NonSaturating,
    Wasserstein,
    gradient_penalty,
)
from mmcourse.training.checkpoint import Checkpoint, load_model, read_card, save_model
from mmcourse.training.device import describe_device, device, seed_everything
from mmcourse.training.diagnosis import NonFiniteLoss
from mmcourse.training.evaluate import accuracy, evaluate, predict
from mmcourse.training.fit import fit
from mmcourse.training.history import History
from mmcourse.training.schedule import constant, one_cycle
from mmcourse.training.stop import TrainingInterrupted

__all__ = [
    "AdversarialLoss",
    "Checkpoint",
    "Hinge",
    "History",
    "Minimax",
    "NonFiniteLoss",
    "NonSaturating",
    "TrainingInterrupted",
    "Wasserstein",
    "accuracy",
    "constant",
    "describe_device",
    "device",
    "evaluate",
    "fit",
    "fit_adversarial",
    "gradient_penalty",
    "load_model",
    "one_cycle",
    "predict",
    "read_card",
    "save_model",
    "seed_everything",
]
