import pytest

from mmcourse.exercises import quizzes


@pytest.mark.parametrize("question", quizzes.load_quiz("12"), ids=lambda question: question.id)
def test_length_does_not_give_the_right_option_away(question):
    lengths = [len(option.text) for option in question.options]
    right = next(len(option.text) for option in question.options if option.right)
    assert right < max(lengths) <= 1.3 * min(lengths)
