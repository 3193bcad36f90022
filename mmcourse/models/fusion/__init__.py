"""Fusion: several modalities become one. By what is fused:

features.py   a vector of each in, one vector out: WeightedSum, Concatenation, Product, LowRank, Gate, FiLM, Attention
tokens.py     words, places, frames in, one vector out, and who looked at what: CrossAttention, Bottleneck
decisions.py  each modality's logits in, logits out: LateFusion, ConfidenceMixture
contract.py   the dict of modalities, and what is missing in it
"""

from mmcourse.models.fusion.contract import Fusion
from mmcourse.models.fusion.decisions import ConfidenceMixture, LateFusion
from mmcourse.models.fusion.features import Attention, Concatenation, FiLM, Gate, LowRank, Product, WeightedSum
from mmcourse.models.fusion.tokens import Bottleneck, CrossAttention

__all__ = [
    "Attention",
    "Bottleneck",
    "Concatenation",
    "ConfidenceMixture",
    "CrossAttention",
    "FiLM",
    "Fusion",
    "Gate",
    "LateFusion",
    "LowRank",
    "Product",
    "WeightedSum",
]
