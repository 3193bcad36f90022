"""The tables of fusion: `python -m benchmarks.fusion [TASK ...]` writes `data/tables/08_statement.csv` and others.

All fusions of vectors, with a linear head and with a hidden layer in it, all fusions of tokens and all late fusions, on
each task of TASKS, with five seeds; a seed changes the training book, the initialisation and the order of batches.
Encoders are the shipped ones, frozen: a modality's vector is pooled from its tokens. Two hours in total on one core;
`--quick` runs everything on few pages and stores nothing; `--show` prints the stored tables, as in docs/results.md.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import overview, question
from benchmarks.decisions import DECISIONS, Mixed, each_its_own
from mmcourse import Batches, PictureBook, evaluate, fit, predict
from mmcourse.files import write_whole
from mmcourse.models import fusion
from mmcourse.picturebook.scene import KINDS
from mmcourse.tasks.corrupted_pages import CorruptedPages
from mmcourse.tasks.statement import true_or_false
from mmcourse.training import shipped
from mmcourse.training.device import describe_device, device, seed_everything

SEEDS, LEARNING_RATE = range(5), 3e-3
# {modality: vectors (N, D), "modality tokens": (N, T, D), 0 where padded}, labels (N,)
Examples = tuple[dict[str, Tensor], Tensor]
TOKENS = " tokens"


@dataclass(frozen=True)
class Task:
    """One task with its features: training sets, the usual one first, and the splits for evaluation.

    `judged` {split: examples}; the first training is evaluated on all of them, a further one only on the first.
    """

    trainings: dict[str, Examples]
    judged: dict[str, Examples]
    classes: int
    width: int
    updates: int  # training steps, the same for every method


JOINT: dict[str, Callable[[Mapping[str, int], int], nn.Module]] = {
    "weighted sum": fusion.WeightedSum,
    "concatenation": fusion.Concatenation,
    "small network": lambda sizes, width: fusion.Concatenation(sizes, width, hidden=width),
    "product": fusion.Product,
    "low rank": fusion.LowRank,
    "gate": fusion.Gate,
    "FiLM": fusion.FiLM,
    "attention": fusion.Attention,
}
HEADS: dict[str, Callable[[int, int], nn.Module]] = {
    "linear": lambda width, classes: nn.Linear(width, classes),
    "hidden layer": lambda width, classes: nn.Sequential(
        nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes)
    ),
}


class FusionClassifier(nn.Module):
    """Features of each modality, in the order of `names` -> fused -> logits."""

    def __init__(self, names: tuple[str, ...], fused: nn.Module, head: nn.Module):
        super().__init__()
        self.names, self.fused, self.head = names, fused, head

    def forward(self, *features: Tensor) -> Tensor:
        return self.head(self.fused(dict(zip(self.names, features, strict=True))))


class TokenFusionClassifier(nn.Module):
    """Tokens of each modality, in the order of `names` -> fused -> logits."""

    def __init__(self, names: tuple[str, ...], fused: nn.Module, head: nn.Module):
        super().__init__()
        self.names, self.fused, self.head = names, fused, head

    def forward(self, *tokens: Tensor) -> Tensor:
        given = dict(zip(self.names, tokens, strict=True))
        return self.head(self.fused(given, {name: (x != 0).any(dim=-1) for name, x in given.items()}))


class Apart(nn.Module):
    """A classifier for each modality, without shared weights.   (B, D) each -> logits (B, M, K)"""

    def __init__(self, sizes: Mapping[str, int], width: int, classes: int, head: str):
        super().__init__()
        self.of = nn.ModuleDict(
            {
                name: nn.Linear(size, classes)
                if head == "linear"
                else nn.Sequential(nn.Linear(size, width), HEADS[head](width, classes))
                for name, size in sizes.items()
            }
        )

    def forward(self, *features: Tensor) -> Tensor:
        return torch.stack([part(x) for part, x in zip(self.of.values(), features, strict=True)], dim=1)


def normalised(parts: dict[str, Examples]) -> dict[str, Examples]:
    """Features with mean 0 on the first part and one scale per modality; padding stays 0.

    One scale per feature would amplify features that hardly vary in training, and so deviations on other splits.
    """
    usual, _ = next(iter(parts.values()))
    scale = {name: of_real(x) for name, x in usual.items()}
    return {
        part: ({name: (x - scale[name][0]) / scale[name][1] * real(x) for name, x in features.items()}, labels)
        for part, (features, labels) in parts.items()
    }


def of_real(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of each feature and one scale for all, without padding.   (N, D) or (N, T, D) -> (D,), ()"""
    kept = x[real(x)[..., 0]]
    return kept.mean(dim=0), kept.std(dim=0).mean()


def real(x: Tensor) -> Tensor:
    """Which rows are not padding, which is 0 in all features.   (..., D) -> (..., 1) bool"""
    return (x != 0).any(dim=-1, keepdim=True)


def image_features(images: Tensor) -> dict[str, Tensor]:
    """Features of images by the shipped encoder: of each position, and pooled over positions."""
    maps = predict(shipped.load("image_encoder").encoder.blocks, images - 0.5)
    return {"image": maps.amax(dim=(2, 3)), "image" + TOKENS: maps.flatten(2).transpose(1, 2)}


def text_features(tokens: Tensor) -> dict[str, Tensor]:
    """Features of sentences by the shipped encoder: of each word, and pooled over words."""
    text_encoder = shipped.load("text_encoder").encoder
    with torch.no_grad():
        states = torch.cat([text_encoder.states(some.to(device())).cpu() for some in tokens.split(512)])
    return {"text": predict(text_encoder, tokens), "text" + TOKENS: states}


def sound_features(batches_of_sounds: Iterable[Tensor]) -> dict[str, Tensor]:
    """Features of sounds by the shipped encoder: of each time step, and pooled over time."""
    sound_encoder = shipped.load("sound_encoder")
    with torch.no_grad():
        made = [
            sound_encoder.classifier.encoder.states(sound_encoder.log_mel(some.to(device())))
            for some in batches_of_sounds
        ]
    states = torch.cat(made).cpu()
    return {"sound": states.amax(dim=1), "sound" + TOKENS: states}


def statement(seed: int, pages: int = 8_000) -> Task:
    """Is the sentence true of the image?"""

    def examples(book: PictureBook) -> Examples:
        image_index, sentences, labels = true_or_false(book)
        images = {name: x[image_index] for name, x in image_features(book.images).items()}
        return images | {name: x[sentences] for name, x in text_features(book.tokens).items()}, labels

    books = {"train": PictureBook("train", pages, seed=seed)}
    books |= {split: PictureBook(split, pages // 4) for split in ("test", "held_out_pairs", "held_out_phrasings")}
    parts = normalised({split: examples(book) for split, book in books.items()})
    usual = {"": parts.pop("train")}
    return Task(usual, {overview.split_title(split): part for split, part in parts.items()}, 2, 128, 2_500)


def corrupted(seed: int, pages: int = 8_000) -> Task:
    """Classify the object from image and spoken word, one of them often corrupted; also trained on clean pages."""

    def examples(some: CorruptedPages) -> Examples:
        return image_features(some.images) | sound_features(some.batches()), some.labels

    train = CorruptedPages(PictureBook("train", pages, seed=seed))
    splits = ("test", "held_out_pairs", "held_out_voices")
    judged = {split: examples(CorruptedPages(PictureBook(split, pages // 4))) for split in splits}
    parts = normalised({"train": examples(train), **judged})
    features, labels = parts.pop("train")
    clean = ~(train.corrupted | train.noisy)
    trainings = {
        "": (features, labels),
        "trained on clean pages": ({name: x[clean] for name, x in features.items()}, labels[clean]),
    }
    return Task(trainings, {overview.split_title(split): part for split, part in parts.items()}, len(KINDS), 64, 750)


TASKS: dict[str, tuple[str, Callable[..., Task]]] = {
    "statement": ("08_statement", statement),
    "corrupted": ("08_corrupted", corrupted),
}


# Tasks with a separate measurement: measure(seeds, ...) -> the table as CSV.
OWN: dict[str, tuple[str, Callable[..., str]]] = {"question": ("09_question", question.measure)}


def batches(examples: Examples, names: tuple[str, ...], **options) -> Batches:
    features, labels = examples
    return Batches(*(features[name] for name in names), labels, **options)


def train(model: nn.Module, task: Task, examples: Examples, names: tuple[str, ...], loss: Callable, seed: int) -> float:
    """Train for the task's number of steps; returns the seconds."""
    some = batches(examples, names, seed=seed)
    began = time.process_time()
    fit(
        model,
        some,
        loss=loss,
        epochs=max(1, round(task.updates / len(some))),
        lr=LEARNING_RATE,
        metrics=(),
        verbose=False,
    )
    return time.process_time() - began


def widths(task: Task, tokens: bool) -> dict[str, int]:
    """The number of features of each modality's vectors, or of its tokens."""
    return {name: x.shape[-1] for name, x in task.trainings[""][0].items() if name.endswith(TOKENS) == tokens}


def joint_rows(task: Task, seed: int):
    """Yields (method, head, training, parameters, seconds, function that evaluates examples) for every joint method."""
    sizes, of_tokens = widths(task, tokens=False), widths(task, tokens=True)
    methods = {f"{name} alone": (FusionClassifier, fusion.Concatenation, {name: size}) for name, size in sizes.items()}
    methods |= {name: (FusionClassifier, make, sizes) for name, make in JOINT.items()}
    for query in of_tokens:
        attend = partial(fusion.CrossAttention, query=query)
        methods[f"tokens: {query.removesuffix(TOKENS)} as query"] = TokenFusionClassifier, attend, of_tokens
    methods["tokens: bottleneck"] = TokenFusionClassifier, fusion.Bottleneck, of_tokens
    for head, make_head in HEADS.items():
        for method, (classifier, make, used) in methods.items():
            if classifier is TokenFusionClassifier and head != "linear":
                continue  # fusions of tokens contain hidden layers
            names = tuple(used)
            for training, examples in task.trainings.items():
                seed_everything(seed)
                model = classifier(names, make(used, task.width), make_head(task.width, task.classes))
                seconds = train(model, task, examples, names, F.cross_entropy, seed)
                yield method, head, training, parameters(model), seconds, lambda e, m=model, n=names: accuracy(m, e, n)


def decision_rows(task: Task, seed: int):
    """The same for late fusion: one classifier per modality, combined in several ways afterwards."""
    sizes = widths(task, tokens=False)
    names = tuple(sizes)
    for head in HEADS:
        for training, examples in task.trainings.items():
            seed_everything(seed)
            model = Apart(sizes, task.width, task.classes, head)
            seconds = train(model, task, examples, names, each_its_own, seed)
            for method, make in DECISIONS.items():
                mixed = Mixed(model, names, make(names))
                yield method, head, training, parameters(model), seconds, lambda e, m=mixed: accuracy(m, e, names)


def accuracy(model: nn.Module, examples: Examples, names: tuple[str, ...]) -> float:
    return evaluate(model, batches(examples, names, size=512, shuffle=False))["accuracy"]


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def measure(make: Callable[..., Task], seeds=SEEDS, updates: int | None = None, **options) -> tuple[list[str], dict]:
    """The columns of results, and {(method, head): {"parameters": n, "seconds": [...], column: [...]}}."""
    results: dict[tuple[str, str], dict] = {}
    columns: list[str] = []
    for seed in seeds:
        task = make(seed, **options)
        task = replace(task, updates=updates or task.updates)
        first = next(iter(task.judged))
        columns = [*task.judged, *(f"{first}, {training}" for training in task.trainings if training)]
        for rows in (joint_rows, decision_rows):
            for method, head, training, count, seconds, judge in rows(task, seed):
                row = results.setdefault((method, head), {"parameters": count, "seconds": []})
                if not training:
                    row["seconds"].append(seconds)
                for split, examples in task.judged.items():
                    if not training or split == first:
                        column = f"{split}, {training}" if training else split
                        row.setdefault(column, []).append(judge(examples))
                        print(seed, method, head, column, round(row[column][-1], 3), flush=True)
    return columns, results


def as_csv(columns: list[str], results: dict, note: str) -> str:
    """The table, with its notes above."""
    base = mean(results["weighted sum", "linear"]["seconds"]) or 1.0
    lines = [
        f"# Measured by benchmarks/fusion.py: {note}; encoders frozen. Means over the seeds; for the first result the",
        "# lowest and the highest in brackets. Time to train: a multiple of the first weighted sum's. "
        + describe_device(),
        ",".join(["method", "head", "parameters", "time", *(f'"{column}"' for column in columns)]),
    ]
    for (method, head), row in results.items():
        cells = [f"{mean(row[column]):.3f}" for column in columns]
        cells[0] += f" ({min(row[columns[0]]):.3f} to {max(row[columns[0]]):.3f})"
        time_ = f"{mean(row['seconds']) / base:.1f}"
        lines.append(",".join([method, head, f'"{row["parameters"]:,}"', time_, *cells]))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion", description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help=f"tasks to measure: {', '.join(TASKS | OWN)}; all unless given")
    parser.add_argument("--quick", action="store_true", help="one seed, few pages; stores nothing")
    parser.add_argument("--show", action="store_true", help="measure nothing; print all stored tables as one")
    arguments = parser.parse_args()
    if unknown := set(arguments.tasks) - set(TASKS | OWN):
        parser.error(f"no task {', '.join(sorted(unknown))}; there are {', '.join(TASKS | OWN)}")
    for name in [] if arguments.show else arguments.tasks or TASKS | OWN:
        if name in OWN:
            table, own = OWN[name]
            if arguments.quick:
                print(own(seeds=range(1), epochs=1, pages=200))
                continue
            write_whole(overview.TABLES / f"{table}.csv", own(seeds=SEEDS))
            print(f"stored {table}; now renew the checksums: python data/checksums.py", flush=True)
            continue
        table, make = TASKS[name]
        if arguments.quick:
            print(as_csv(*measure(make, seeds=range(1), updates=30, pages=400), "a quick try"))
            continue
        note = f"{len(SEEDS)} seeds, {make(0).updates:,} steps"
        write_whole(overview.TABLES / f"{table}.csv", as_csv(*measure(make), note))
        print(f"stored {table}; now renew the checksums: python data/checksums.py", flush=True)
    if not arguments.quick:
        print(f"\n{overview.markdown()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
