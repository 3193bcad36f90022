import copy
import math

import torch
import torch.nn.functional as F


def total(model, batches, ignore_index=0):
    loss, n = 0.0, 0
    for inputs, targets in batches:
        logits = model(inputs)
        loss += F.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=ignore_index, reduction="sum"
        ).item()
        n += int((targets != 0).sum())
    return loss, n


def perplexity(model, batches):
    loss, n = total(model, batches)
    return math.exp(loss / n)


def buggy(model, batches):
    with torch.no_grad():
        return perplexity(model, batches)


def answer(model, batches):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        result = perplexity(model, batches)
    model.train(was_training)
    return result


@torch.no_grad()
def decorated(model, batches):
    was_training = model.training
    model.eval()
    try:
        return perplexity(model, batches)
    finally:
        model.train(was_training)


def of_a_copy(model, batches):
    model = copy.deepcopy(model).eval()
    loss = torch.zeros(())
    n = 0
    with torch.inference_mode():
        for x, y in batches:
            loss = loss + F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=0, reduction="sum")
            n += (y > 0).sum()
    return (loss / n).exp().item()


def evaluated(of):
    @torch.no_grad()
    def function(model, batches):
        was_training = model.training
        model.eval()
        result = of(model, batches)
        model.train(was_training)
        return result

    return function


def late(model, batches):
    with torch.no_grad():
        loss, n = 0.0, 0
        was = model.training
        for x, y in batches:
            loss += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=0, reduction="sum").item()
            n += int((y != 0).sum())
            model.eval()
        model.train(was)
    return math.exp(loss / n)


@torch.no_grad()
def stays(model, batches):
    model.eval()
    return perplexity(model, batches)


@torch.no_grad()
def always_train(model, batches):
    model.eval()
    result = perplexity(model, batches)
    model.train()
    return result


def with_gradients(model, batches):
    was_training = model.training
    model.eval()
    result = perplexity(model, batches)
    model.train(was_training)
    return result


@torch.no_grad()
def attribute(model, batches):
    was = model.training
    model.training = False
    result = perplexity(model, batches)
    model.training = was
    return result


@torch.no_grad()
def rate(model, batches):
    was_training = model.training
    model.eval()
    model.inner[0].p = 0.0
    result = perplexity(model, batches)
    model.train(was_training)
    return result


def means(model, batches):
    return [F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=0).item() for x, y in batches]


@evaluated
def padding_counted(model, batches):
    loss = sum(F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item() for x, y in batches)
    return math.exp(loss / sum(y.numel() for _, y in batches))


@evaluated
def padding_in_the_division(model, batches):
    return math.exp(total(model, batches)[0] / sum(y.numel() for _, y in batches))


def off_for_good(model, batches):
    torch.set_grad_enabled(False)
    return answer(model, batches)


def frozen(model, batches):
    model.requires_grad_(False)
    return answer(model, batches)


def test_fixed(judged):
    judged(
        "05.debug",
        {"answer": answer, "decorated": decorated, "a copy": of_a_copy},
        {
            "buggy": (buggy, "dropout is still on: the model is in training mode"),
            "late": (late, "0 (counted from 0) is evaluated in training mode"),
            "stays": (stays, "stays in evaluation mode"),
            "always train": (always_train, "the model was in evaluation mode and is in training mode afterwards"),
            "gradients": (with_gradients, "gradients are kept during the evaluation"),
            "attribute": (attribute, "its layers are still in training mode"),
            "rate": (rate, "the rate of the dropout was changed"),
            "cross-entropy": (
                evaluated(lambda model, batches: math.log(perplexity(model, batches))),
                "that is the cross-entropy",
            ),
            "mean of batches": (
                evaluated(lambda m, b: math.exp(sum(means(m, b)) / len(b))),
                "every batch counts alike",
            ),
            "mean of perplexities": (
                evaluated(lambda m, b: sum(map(math.exp, means(m, b))) / len(b)),
                "mean of the batches' perplexities",
            ),
            "padding counted": (padding_counted, "targets of 0 are counted"),
            "padding in the division": (padding_in_the_division, "the division counts it"),
            "last batch": (evaluated(lambda m, b: math.exp(means(m, b)[-1])), "only the last batch"),
            "first batch": (evaluated(lambda m, b: math.exp(means(m, b)[0])), "only the first batch"),
            "list": (evaluated(lambda m, b: means(m, b)), "it returned a list"),
            "tensor": (evaluated(lambda m, b: torch.tensor(perplexity(m, b))), "`.item()` takes a number out"),
            "gradients off for good": (off_for_good, "gradients stay switched off afterwards"),
            "frozen": (frozen, "is frozen afterwards"),
        },
    )
