"""The table of lesson 09: all fusions of an image, a question and a spoken word, five seeds.

`python -m benchmarks.fusion question` writes `data/tables/09_question.csv`. Late fusions, fusions of
features, fusions of tokens, the lesson's model, and this model without each of the three inputs. All have the same
frozen encoders, the same pages and the same number of steps. A seed changes the training book, the initialisation and
the order of batches. About three quarters of an hour on one core.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import mean

import torch
from torch import Tensor, nn

from benchmarks.decisions import DECISIONS, Mixed, each_its_own
from benchmarks.overview import split_title
from mmcourse import PictureBook, evaluate, fit, predict
from mmcourse.models import fusion
from mmcourse.models.question_answering import QuestionAnswerer, with_positions
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.tasks.question_answering import ANSWERS, QUESTIONS, QuestionBatches, Questions
from mmcourse.training import shipped
from mmcourse.training.device import describe_device, device, seed_everything

SPLITS = ("test", "held_out_pairs", "held_out_voices", "held_out_phrasings")
WIDTH, EPOCHS, SIZE, REACH = 128, 4, 128, 3.0
CHANNELS, VECTORS = 128, {"image": 128, "sound": 128, "text": 64}
TOKENS = {"image": CHANNELS + 2, "sound": 128, "text": 64}
HIDDEN = ("no image", "no voice", "no question")


class VectorFusion(nn.Module):
    """Fusion of one vector per modality.   (B, T, D), (B, S), (B, L) -> logits"""

    def __init__(self, join: nn.Module):
        super().__init__()
        self.encode_text = nn.EmbeddingBag(len(VOCABULARY), VECTORS["text"], mode="mean", padding_idx=0)
        self.join, self.head = join, head(WIDTH)

    def forward(self, positions: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        image = positions[..., :CHANNELS].amax(dim=1)
        vectors = {"image": image, "sound": sound, "text": self.encode_text(tokens)}
        return self.head(self.join({name: vectors[name] for name in self.join.sizes}))


class Apart(nn.Module):
    """A classifier for each modality's vector, separate weights.   (B, T, D), (B, S), (B, L) -> logits (B, 3, K)"""

    def __init__(self):
        super().__init__()
        own = {name: fusion.Concatenation({name: size}, WIDTH) for name, size in VECTORS.items()}
        self.of = nn.ModuleDict({name: VectorFusion(join) for name, join in own.items()})

    def forward(self, *given: Tensor) -> Tensor:
        return torch.stack([classifier(*given) for classifier in self.of.values()], dim=1)


class OfTokens(nn.Module):
    """Fusion of tokens: positions, spoken word and question.   (B, T, D), (B, S), (B, L) -> logits"""

    def __init__(self, join: nn.Module):
        super().__init__()
        self.encode_text = nn.Embedding(len(VOCABULARY), TOKENS["text"], padding_idx=0)
        self.join, self.head = join, head(join.width)

    def forward(self, positions: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        given = {"image": positions, "sound": sound[:, None], "text": self.encode_text(tokens)}
        return self.head(self.join(given, {"text": tokens != 0}))


class Without(nn.Module):
    """The lesson's model with one of its inputs set to 0."""

    def __init__(self, blank: int):
        super().__init__()
        self.model, self.blank = answerer(2), blank

    def forward(self, *given: Tensor) -> Tensor:
        return self.model(*(torch.zeros_like(x) if i == self.blank else x for i, x in enumerate(given)))


def head(width: int) -> nn.Module:
    return nn.Sequential(nn.ReLU(), nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, len(ANSWERS)))


def answerer(heads: int) -> QuestionAnswerer:
    return QuestionAnswerer(len(ANSWERS), len(VOCABULARY), image_width=CHANNELS + 2, heads=heads)


# Learning rates were chosen on validation pages, one for vectors and one for tokens.
METHODS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    **{
        f"vectors: {name}": (lambda make=make: VectorFusion(make(VECTORS, WIDTH)), 5e-3)
        for name, make in {
            "weighted sum": fusion.WeightedSum,
            "concatenation": fusion.Concatenation,
            "hidden layer": lambda sizes, width: fusion.Concatenation(sizes, width, hidden=width),
            "gate": fusion.Gate,
            "attention": fusion.Attention,
            "FiLM": fusion.FiLM,
            "product": fusion.Product,
            "low rank, 1": lambda sizes, width: fusion.LowRank(sizes, width, rank=1),
            "low rank, 8": lambda sizes, width: fusion.LowRank(sizes, width, rank=8),
        }.items()
    },
    "tokens: bottleneck": (lambda: OfTokens(fusion.Bottleneck(TOKENS, 64)), 3e-3),
    "tokens: question as query": (lambda: OfTokens(fusion.CrossAttention(TOKENS, 64, query="text")), 3e-3),
    "tokens: word as query": (lambda: OfTokens(fusion.CrossAttention(TOKENS, 64, query="sound")), 3e-3),
    **{
        f"word attends to positions, then FiLM: {heads} head{'s' * (heads > 1)}": (
            lambda heads=heads: answerer(heads),
            5e-3,
        )
        for heads in (1, 2, 4)
    },
    **{f"the same, 2 heads, {name}": (lambda i=i: Without(i), 5e-3) for i, name in enumerate(HIDDEN)},
}


def features(questions: Questions) -> tuple[Tensor, Tensor]:
    """Feature maps of the pages and features of the spoken words, from the shipped encoders."""
    image_encoder, sound_encoder = shipped.load("image_encoder").encoder, shipped.load("sound_encoder")
    maps = predict(image_encoder.blocks, questions.book.images - 0.5)
    with torch.no_grad():
        sound = torch.cat([sound_encoder.features(sounds.to(device())).cpu() for sounds in questions.batches()])
    return maps, sound


def data(seed: int, pages: int) -> dict[str, Callable[..., QuestionBatches]]:
    """{split: function that makes its batches}; features have mean 0 on training pages and one scale per modality."""
    question_sets = {"train": Questions(PictureBook("train", pages, objects=2, seed=seed))}
    question_sets |= {split: Questions(PictureBook(split, max(50, pages // 12), objects=2)) for split in SPLITS}
    parts = {split: features(questions) for split, questions in question_sets.items()}
    maps, sound = parts["train"]
    scale = [(maps.mean((0, 2, 3), keepdim=True), maps.std((0, 2, 3)).mean()), (sound.mean(0), sound.std(0).mean())]
    made = {}
    for split, questions in question_sets.items():
        normal = [(x - mean_) / std for x, (mean_, std) in zip(parts[split], scale, strict=True)]
        image_tokens = with_positions(normal[0], REACH)
        made[split] = lambda q=questions, p=image_tokens, h=normal[1], **options: QuestionBatches(q, p, h, **options)
    return made


def by_question(model: nn.Module, batches: QuestionBatches) -> list[float]:
    """Accuracy for each kind of question."""
    right = torch.cat([predict(model, given).argmax(dim=1) == labels.cpu() for *given, labels in batches])
    return right.float().unflatten(0, (-1, len(QUESTIONS))).mean(dim=0).tolist()


def methods(seed: int, some: QuestionBatches, epochs: int) -> Iterator[tuple[str, nn.Module, float]]:
    """Yields (method, trained model, seconds). Late fusions share one training."""
    seed_everything(seed)
    apart = Apart()
    seconds = train(apart, some, epochs, 5e-3, loss=each_its_own)
    for method, make in DECISIONS.items():
        yield method, Mixed(apart, tuple(VECTORS), make(tuple(VECTORS))), seconds
    for method, (make, rate) in METHODS.items():
        seed_everything(seed)
        model = make()
        yield method, model, train(model, some, epochs, rate)


def train(model: nn.Module, some: QuestionBatches, epochs: int, rate: float, **options) -> float:
    """Train; returns the seconds."""
    began = time.process_time()
    fit(model, some, epochs=epochs, lr=rate, metrics=(), verbose=False, **options)
    return time.process_time() - began


def measure(seeds: Sequence[int], epochs: int = EPOCHS, pages: int = 6_000) -> str:
    """The table as CSV."""
    results: dict[str, dict] = {}
    for seed in seeds:
        made = data(seed, pages)
        for method, model, seconds in methods(seed, made["train"](size=SIZE, seed=seed), epochs):
            row = results.setdefault(method, {"parameters": sum(p.numel() for p in model.parameters()), "seconds": []})
            row["seconds"].append(seconds)
            for split in SPLITS:
                row.setdefault(split, []).append(evaluate(model, made[split](size=500, shuffle=False))["accuracy"])
            question_sets = by_question(model, made["test"](size=600, shuffle=False))
            for question, accuracy in zip(QUESTIONS, question_sets, strict=True):
                row.setdefault(question, []).append(accuracy)
            print(seed, method, f"{seconds:.0f} s", [round(row[split][-1], 3) for split in SPLITS], flush=True)
    note = f"{len(seeds)} seeds, {pages:,} pages of six questions, {epochs} epochs; encoders frozen"
    return as_csv(results, note)


def as_csv(results: dict[str, dict], note: str) -> str:
    """The table, with its notes above."""
    base = mean(results["vectors: weighted sum"]["seconds"]) or 1.0
    columns = [*QUESTIONS, *SPLITS[1:]]
    lines = [
        f"# Measured by benchmarks/question.py: {note}. Means over the seeds; for test pages the lowest and",
        "# the highest in brackets. Time to train: a multiple of the weighted sum's. " + describe_device(),
        ",".join(["method", "parameters", "time", "test pages", *(split_title(column) for column in columns)]),
    ]
    for method, row in results.items():
        first = f"{mean(row['test']):.3f} ({min(row['test']):.3f} to {max(row['test']):.3f})"
        cells = [f"{mean(row[column]):.3f}" for column in columns]
        lines.append(
            ",".join([f'"{method}"', f'"{row["parameters"]:,}"', f"{mean(row['seconds']) / base:.1f}", first, *cells])
        )
    return "\n".join(lines) + "\n"
