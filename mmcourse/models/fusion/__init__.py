"""Fusion of several modalities into one representation or decision. By what is fused:

features.py   one vector per modality to one vector: WeightedSum, Concatenation, Product, LowRank, Gate, FiLM, Attention
tokens.py     words, positions or frames to one vector, with attention weights: CrossAttention, Bottleneck
decisions.py  each modality's logits to logits: LateFusion, ConfidenceMixture
contract.py   the dict of modalities, and which of them are missing
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
