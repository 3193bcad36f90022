import pytest
import torch

from mmcourse.exercises.answers import Answer, Mistake, NotAttempted, deadline, guarded, is_stub, is_stub_class


def test_exceptions_name_type_message_and_the_learners_own_line():
    def inner(x):
        return x["no such key"]

    def outer(x):
        y = 1
        return inner({}) + y

    with pytest.raises(Mistake) as caught:
        Answer(outer)(3)
    said = str(caught.value)
    assert "KeyError: 'no such key'" in said
    assert "`inner`" in said and '`return x["no such key"]`' in said
    assert "\n" not in said and "answers.py" not in said


def test_an_exception_inside_a_library_is_placed_in_the_learners_line():
    def learner(x):
        return torch.stack([x, x[:1]])

    with pytest.raises(Mistake, match=r"RuntimeError: .*equal size.*in `learner`, line \d+: `return torch.stack"):
        Answer(learner)(torch.zeros(3))


def test_an_interrupt_passes():
    def endless(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Answer(endless)(1)


def test_a_deadline_ends_a_loop_of_torch_calls_and_leaves_others_alone():
    def endless(x):
        while True:
            x = x + torch.rand(3)

    with pytest.raises(Mistake, match="it draws on and on"), deadline(0.05, "it draws on and on"):
        Answer(endless)(torch.zeros(3))
    with deadline(60, "too long"):
        assert Answer(lambda x: torch.full((2,), 4) + x[0])(torch.ones(3)).tolist() == [5, 5]
    with deadline(-1, "too late"), pytest.raises(Mistake, match="too late"):
        torch.zeros(3)
    assert torch.zeros(3).sum() == 0


def test_endless_recursion_is_words():
    def again(x):
        return again(x)

    with pytest.raises(Mistake, match="RecursionError"):
        Answer(again)(1)


def test_an_operation_that_torch_lacks_is_not_an_untouched_stub():
    def learner(x):
        raise_it = torch.nn.Module()
        return raise_it(x)

    with pytest.raises(Mistake, match="NotImplementedError"):
        Answer(learner)(torch.zeros(2))


@pytest.mark.parametrize("wrapper", [tuple, list])
def test_a_changed_argument_is_noticed_and_the_callers_stays(wrapper):
    def learner(tensors, more):
        tensors[0].zero_()
        return 1

    given = wrapper([torch.ones(2), torch.ones(3)])
    with pytest.raises(Mistake, match="`tensors` was changed in place"):
        Answer(learner)(given, 5)
    assert given[0].sum() == 2


def test_nan_in_an_argument_is_no_change():
    assert Answer(lambda x: x.sum() * 0 == 0)(torch.tensor([float("nan"), 1.0])) is not None


def test_an_argument_that_changed_its_shape_is_noticed():
    def learner(x):
        x.unsqueeze_(0)
        return 1

    with pytest.raises(Mistake, match="changed in place"):
        Answer(learner)(torch.zeros(3))


def test_arguments_that_do_not_fit():
    with pytest.raises(Mistake, match=r"does not take the 2 arguments"):
        Answer(lambda x: x)(1, 2)


def test_stubs():
    def empty(a, *, b=1, **more): ...

    def says(a):
        """Words."""
        raise NotImplementedError

    def works(a):
        return None if a else 1

    def prints():
        print("hello")

    assert is_stub(empty.__code__) and is_stub(says.__code__)
    assert not is_stub(works.__code__) and not is_stub(prints.__code__)
    with pytest.raises(NotAttempted):
        Answer(says)(1)
    with pytest.raises(Mistake, match="returned None"):
        Answer(works)(1)


def test_stubs_of_classes():
    class Untouched(torch.nn.Module):
        def __init__(self, size):
            super().__init__()
            raise NotImplementedError()

        def forward(self, x):
            raise NotImplementedError()

    class Begun(torch.nn.Module):
        def __init__(self, size):
            super().__init__()
            self.size = size

        def forward(self, x):
            raise NotImplementedError()

    class Inherits(Untouched):
        def __init__(self, size):
            super().__init__(2 * size)

    assert is_stub_class(Untouched)
    assert not is_stub_class(Begun) and not is_stub_class(Inherits) and not is_stub_class(torch.nn.Linear(2, 2))


def test_a_stub_inside_a_class_is_not_tried():
    class Model(torch.nn.Module):
        def forward(self, x):
            raise NotImplementedError()

    with pytest.raises(NotAttempted):
        guarded(Model(), torch.zeros(1))


def test_functions_without_a_signature_or_name_are_called_all_the_same():
    assert Answer(max)([1, 3]) == 3

    class Callable:
        def __call__(self, x):
            return x + 1

    assert Answer(Callable())(1) == 2
