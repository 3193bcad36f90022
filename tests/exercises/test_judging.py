import numpy as np
import pytest
import torch
from torch import nn

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.judging import (
    agrees,
    axes_apart,
    close,
    compare,
    described,
    distinct_texts,
    expect_finite,
    expect_float,
    expect_number,
    expect_tensor,
    expect_whole_number,
    fitted_weights,
    judge_tensors,
    learns_from,
    listed_numbers,
    named_mistake,
    numbers_by_name,
    relation,
    trains,
    weights_in_words,
    whole,
)


def test_whole_numbers_of_every_kind_are_taken():
    assert expect_whole_number(3, "x") == 3 and expect_whole_number(np.int64(4), "x") == 4


@pytest.mark.parametrize("given", [[1, 2], (1, 2), torch.tensor([1, 2]), np.array([1, 2]), [np.int64(1), 2]])
def test_whole_numbers_in_a_row_become_a_list(given):
    result = listed_numbers(given, "it")
    assert result == [1, 2] and all(type(one) is int for one in result)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((one for one in (1, 2)), "makes a list of it"),
        (map(int, "12"), "makes a list of it"),
        ([1.0, 2], "a float, 1.0 in it"),
        ([True], "a bool, True in it"),
        ("12", "returned a str"),
        (torch.ones(1, 2), "a tensor of shape"),
        ([torch.tensor(1)], "a tensor of shape"),
    ],
)
def test_what_is_no_list_of_whole_numbers_is_described(given, words):
    with pytest.raises(Mistake, match=words):
        listed_numbers(given, "it")


@pytest.mark.parametrize(
    ("given", "words"),
    [(3.0, "a float"), (torch.tensor(3), "`.item\\(\\)`"), (True, "a bool"), ("3", "a str"), ([3], "a list")],
)
def test_what_is_no_whole_number_is_named(given, words):
    with pytest.raises(Mistake, match=words):
        expect_whole_number(given, "f(1)")


@pytest.mark.parametrize("given", [7, 7.0, np.float32(7), np.float64(7), torch.tensor(7.0), torch.tensor([[7]])])
def test_one_number_of_every_kind_is_taken(given):
    assert expect_number(given, "it") == 7 and type(expect_number(given, "it")) is float


@pytest.mark.parametrize(
    ("given", "words"),
    [(True, "a bool"), ("7", "a str"), ([7.0], "a list"), (torch.tensor(True), ""), (torch.ones(2), r"shape \(2,\)")],
)
def test_what_is_not_one_number_is_named(given, words):
    with pytest.raises(Mistake, match=f"it returned .*{words}.*, expected one number"):
        expect_number(given, "it")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1.0], "torch.stack"),
        ((torch.ones(2), torch.ones(2)), "comma"),
        (np.ones(2), "from_numpy"),
        (1.0, "a single number"),
        ({}, "a dict"),
    ],
)
def test_what_is_no_tensor_is_named(given, words):
    with pytest.raises(Mistake, match=words):
        expect_tensor(given, "for these", (2,))


def test_one_row_of_several_asks_for_a_return_in_a_loop():
    with pytest.raises(Mistake, match="one row instead of 4: is the `return` inside the loop"):
        expect_tensor(torch.zeros(1, 3), "here", (4, 3))
    with pytest.raises(Mistake, match="one of them"):
        expect_tensor(torch.zeros(1, 3), "here", (4, 3), {(1, 3): "one of them"})


def test_a_number_in_place_of_a_tensor_of_one_is_named():
    with pytest.raises(Mistake, match="a tensor of one number: `.item"):
        expect_tensor(1.0, "for these", ())


def test_fractions_are_never_cut_to_whole_numbers():
    assert agrees(torch.tensor([1.0]), torch.tensor([1])) and agrees(torch.tensor([1]), torch.tensor([1.0]))
    assert not agrees(torch.tensor([1.5]), torch.tensor([1])) and not agrees(torch.tensor([True]), torch.tensor([2]))


def test_a_loss_of_ones_own_trains_every_parameter():
    model = nn.Linear(3, 2)
    trains(model, model(torch.ones(4, 3)), lambda output: output.square().mean())
    with pytest.raises(Mistake, match="no gradient leaves the output"):
        trains(model, model(torch.ones(4, 3)).detach(), lambda output: output.square().mean())


def test_one_number_is_told_without_a_place():
    with pytest.raises(Mistake, match="^for 1 it returned 2, expected 1$"):
        judge_tensors(lambda x: x + 1.0, [(torch.tensor(1.0),)], lambda x: x, [], lambda x: "for 1")


def test_a_named_mistake_explains_nan_before_its_usual_causes():
    def judged(mistakes):
        judge_tensors(lambda x: x / x.sum(), [(torch.zeros(2),)], lambda x: x, mistakes, lambda x: "for zeros")

    with pytest.raises(Mistake, match="^not to be divided$"):
        judged([(lambda x: x / x.sum(), "not to be divided")])
    with pytest.raises(Mistake, match="^for zeros the result holds NaN: is there a division by zero, a root"):
        judged([(lambda x: x[5], "an entry that is not there")])


def test_a_wrong_entry_is_told_by_its_name():
    def entry(position, case):
        return f"{'ab'[position[0]]}[{position[1]}]"

    with pytest.raises(Mistake, match=r"^for two rows b\[1\] is 1.500, expected 1$"):
        wrong = torch.tensor([[1.0, 1.0], [1.0, 1.5]])
        judge_tensors(lambda x: wrong, [(torch.ones(2, 2),)], lambda x: x, [], lambda x: "for two rows", entry=entry)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((1, 2), "a tuple, (1, 2)"),
        ((torch.ones(2), torch.ones(2)), "a tuple of 2 of type Tensor"),
        ([torch.ones(2), None], "a list of Tensor, NoneType"),
        ([], "a list, []"),
        ({}, "a dict, {}"),
    ],
)
def test_a_wrong_kind_is_described(value, words):
    assert described(value) == words


def test_shapes_and_their_causes():
    with pytest.raises(Mistake, match=r"for these the shape is \(3, 2\), expected \(2, 3\): transposed"):
        expect_tensor(torch.ones(3, 2), "for these", (2, 3), {(3, 2): "transposed"})
    assert not expect_tensor(torch.ones(2, requires_grad=True), "", (2,)).requires_grad


@pytest.mark.parametrize(
    ("given", "expected", "words"),
    [
        ((2, 3), (2, 5, 3), "axis 1, of size 5, is lost"),
        ((5,), (5, 5), "an axis is lost"),
        ((2, 3, 1), (2, 3), "one axis too many"),
        ((3, 2), (2, 3), "another order"),
        ((3, 3, 5), (3, 1, 5), "axis 1 should have the size 1"),
        ((1, 4), (5, 4), "axis 0 has the size 1"),
        ((4, 4), (5, 4), "axis 0 has one entry too few"),
        ((5, 6), (5, 5), "axis 1 has one entry too many"),
        ((20,), (5, 4), "axes are merged"),
        ((7, 7), (5, 4), ""),
        ((), (5, 4), ""),
    ],
)
def test_what_tells_two_shapes_apart(given, expected, words):
    assert words in axes_apart(given, expected) and bool(words) == bool(axes_apart(given, expected))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1, 2], "expected a dict"),
        ({"a": 1}, "returned gains for a, expected a, b: is a `return` inside the loop"),
        ({"b": 1}, "returned gains for b, expected a, b$"),
        ({}, "for no name"),
        ({"a": "x", "b": 2}, "the gains are a str"),
    ],
)
def test_what_are_no_numbers_by_name_is_told(given, words):
    assert numbers_by_name({"b": torch.tensor(2.0), "a": 1}, ("a", "b"), "gains") == {"a": 1.0, "b": 2.0}
    with pytest.raises(Mistake, match=words):
        numbers_by_name(given, ("a", "b"), "gains")


def test_a_batch_of_one_alone_is_blamed_where_all_others_are_correct():
    cases = [(torch.arange(6.0).view(2, 3),), (torch.arange(3.0).view(1, 3),)]
    with pytest.raises(Mistake, match="where no axis has the size 1, the result is correct"):
        judge_tensors(lambda x: x + (len(x) == 1), cases, lambda x: x, [], lambda x: "here")
    with pytest.raises(Mistake) as problem:
        judge_tensors(lambda x: x + 1, cases, lambda x: x, [], lambda x: "here")
    assert "size 1" not in str(problem.value)


def test_nan_and_infinity_are_named():
    for value, words in ((float("nan"), "NaN"), (float("inf"), "infinity")):
        with pytest.raises(Mistake, match=words):
            expect_finite(torch.tensor([value]), "for these", "why")


def test_a_mistake_is_named_only_when_it_explains_every_value():
    cases, mistakes = [(1,), (2,)], [(lambda x: 2 * x, "doubled"), (lambda x: x * x, "squared")]
    assert named_mistake(cases, [2, 4], mistakes) == "doubled"
    assert named_mistake(cases, [1, 4], mistakes) == "squared"
    assert named_mistake(cases, [2, 5], mistakes) is None
    compare("f", cases, [1, 2], lambda x: x, mistakes)
    with pytest.raises(Mistake, match=r"`f\(2\)` returned 4, expected 2: squared"):
        compare("f", cases, [1, 4], lambda x: x, mistakes)


def test_numbers_are_close_up_to_rounding():
    expected = {"a": 2.0, "b": 0.0}
    assert close({"a": 2.001, "b": 5e-5, "more": 7.0}, expected) and not close({"a": 2.01, "b": 0.0}, expected)
    assert not close({"a": 2.001, "b": 0.0}, expected, rel_tol=0)


def test_whole_includes_both_ends():
    rng = torch.Generator().manual_seed(0)
    assert {whole(rng, 2, 4) for _ in range(100)} == {2, 3, 4}


class Hiding(nn.Module):
    """A layer that is registered, then one that is not."""

    def __init__(self, hidden):
        super().__init__()
        self.first, self.hidden = nn.Linear(4, 4), hidden

    def forward(self, x):
        (last,) = self.hidden
        return self.first(x) @ last if isinstance(last, torch.Tensor) else last(self.first(x))


def test_what_no_optimiser_sees_is_named():
    rng = torch.Generator().manual_seed(0)
    for hidden in ([nn.Linear(4, 3)], [torch.randn(4, 3, requires_grad=True)]):
        with pytest.raises(Mistake, match="a plain list hides layers"):
            model = Hiding(hidden)
            learns_from(model, model(torch.randn(5, 4)), 3, rng)
    for hidden in (nn.ModuleList([nn.Linear(4, 3)]), nn.ParameterList([torch.randn(4, 3)]), [torch.randn(4, 3)]):
        model = Hiding(hidden)
        learns_from(model, model(torch.randn(5, 4)), 3, rng)
        model.zero_grad()


@pytest.mark.parametrize(
    ("came", "expected", "texts"),
    [
        (0.5, 2, ("0.500", "2")),
        (0.1, 0.1002, ("0.1000", "0.1002")),
        (-0.49, -0.4901, ("-0.4900", "-0.4901")),
    ],
)
def test_two_numbers_are_told_apart(came, expected, texts):
    assert distinct_texts(torch.tensor(came), torch.tensor(expected)) == texts


def test_a_lost_axis_of_size_1_is_named_before_another_cause():
    with pytest.raises(Mistake, match="squeeze"):
        expect_tensor(torch.zeros(3, 5), "here", (3, 1, 5), {(3, 5): "a mean"})


def test_a_wrong_shape_is_explained_by_the_mistake_that_gives_it():
    case = (torch.rand(4, 3),)
    mistakes = [(lambda x: x.sum(0), "a sum"), (lambda x: x[0], "the first")]

    def judged(answer):
        judge_tensors(answer, [case], lambda x: x, mistakes, lambda x: "here", lambda x: {(3,): "an axis is lost"})

    for answer, words in ((lambda x: x[0], "the first"), (lambda x: x.sum(0), "a sum"), (lambda x: x[1], "is lost")):
        with pytest.raises(Mistake, match=words):
            judged(answer)


def test_a_property_is_asked_where_no_mistake_explains_the_numbers():
    with pytest.raises(Mistake, match="uneven"):
        judge_tensors(torch.sin, [(torch.ones(3),)], torch.cos, [], lambda x: "", failing=lambda cases, given: "uneven")


def test_weights_of_a_sum_are_found():
    x, y = torch.rand(2, 4, 3)
    assert fitted_weights((x, y), 0.2 * x - 3 * y) == pytest.approx([0.2, -3], abs=1e-4)
    assert fitted_weights((x, y), x * y) is None


def test_weights_of_a_sum_are_told_by_name():
    one, other = torch.randn(2, 4, 3)
    words = weights_in_words({"noise": one, "data": other}, 0.5 * one - other, (0.5, 1.0))
    assert words == "the noise has the weight 0.50, expected 0.50, and the data has the weight -1.00, expected 1.00"
    assert weights_in_words({"noise": one, "data": other}, one * other, (0.5, 0.5)) == ""


def test_a_float_is_no_tensor():
    assert expect_float(2, "it") == 2.0
    with pytest.raises(Mistake, match="item"):
        expect_float(torch.tensor(2.0), "it")


def test_frozen_parameters_are_named_before_missing_gradients():
    model = nn.Linear(3, 2).requires_grad_(False)
    with pytest.raises(Mistake, match="`weight` is frozen"):
        learns_from(model, model(torch.rand(4, 3)), 2, torch.Generator())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda x: 2 * x, "2 times the expected one"),
        (lambda x: -x, "the other sign"),
        (lambda x: x + 0.5, "0.5 too large"),
        (lambda x: x.abs(), "signs are lost"),
        (lambda x: x.flip(0), "axis 0 is in reverse order"),
        (lambda x: x.cumsum(1), "along axis 1 each entry contains the sum of those before"),
        (lambda x: torch.cat([x[:-1], 0 * x[:1]]), "the last entry of axis 0 is still 0"),
        (lambda x: torch.cat([x[:-1], x[:1]]), "only the last entry of axis 0 is wrong"),
        (lambda x: x * x + x.T[:1].mean(), ""),
    ],
)
def test_a_simple_relation_to_the_expected_result_is_told(given, words):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert words in relation(given(x), x) and bool(words) == bool(relation(given(x), x))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda a, b: b // a, "`one` and `other` are exchanged"),
        (lambda a, b: a // 3, "`other` is not used: 3, a hard-coded number"),
        (lambda a, b: a // a, "stands in the place of"),
        (lambda a, b: 7 * a + b, "expected 5$"),
    ],
)
def test_exchanged_and_hard_coded_arguments_are_told(given, words):
    cases = [(10, 2), (20, 7), (35, 4)]
    with pytest.raises(Mistake, match=words):
        compare("f", cases, [given(*case) for case in cases], lambda a, b: a // b, [], ("one", "other"))
