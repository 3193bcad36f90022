"""Answers come out whole, stubs go in where they were, and a mistake with a marker is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.solutions import SourceError, cleared, hidden_markers, regions, solution_lines

FUNCTION = "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n    ### END SOLUTION\n\n\nadd(1, 2)"
METHODS = """class Pair(nn.Module):
    def first(self):
        ### BEGIN SOLUTION
        return self.a
        ### END SOLUTION

    def second(self):
        ### BEGIN SOLUTION
        if self.b:
            return self.b
        ### END SOLUTION
        return None"""


def test_stub_of_a_function():
    assert cleared(FUNCTION) == "def add(a, b):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n\n\nadd(1, 2)"


def test_two_solutions_in_a_cell_each_get_a_stub_at_their_own_depth():
    learner = cleared(METHODS)
    assert learner.count("        # YOUR CODE HERE\n        raise NotImplementedError()") == 2
    assert "return None" in learner and "self.a" not in learner and "self.b" not in learner
    compile(learner, "cell", "exec")
    assert solution_lines(METHODS) == ["return self.a", "if self.b:", "return self.b"]


def test_text_gets_a_line_to_write_on():
    text = "Why?\n\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    assert cleared(text, "markdown") == "Why?\n\nYOUR ANSWER HERE"
    assert "<!-- ### BEGIN SOLUTION -->\nBecause." in hidden_markers(text)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("### BEGIN SOLUTION\na = 1", "no '### END SOLUTION'"),
        ("a = 1\n### END SOLUTION", "line 2 ends a solution that never began"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\na\n### END SOLUTION", "inside the one begun in line 1"),
        ("### BEGIN SOLUTION\n\n### END SOLUTION", "is empty"),
        ("# BEGIN SOLUTION\na\n### END SOLUTION", "looks like a marker"),
        ("### BEGIN SOLUTION\na\n### End Solution", "looks like a marker"),
    ],
)
def test_a_mistake_with_a_marker_is_named(source, says):
    with pytest.raises(SourceError, match=says):
        regions(source)


LINES = st.lists(st.sampled_from(["x = 1", "", "    y = 2", "# note"]), min_size=0, max_size=4)


@given(st.lists(st.tuples(LINES, st.sampled_from(["", "  ", "    ", "\t"])), min_size=1, max_size=4), LINES)
def test_what_stands_outside_solutions_stays(blocks, tail):
    lines, expected = [], []
    for before, indent in blocks:
        lines += [*before, indent + "### BEGIN SOLUTION", indent + "secret", indent + "### END SOLUTION"]
        expected += [*before, indent + "# YOUR CODE HERE", indent + "raise NotImplementedError()"]
    assert cleared("\n".join([*lines, *tail])) == "\n".join([*expected, *tail])


def test_nbgrader_makes_the_same_learner_copy_from_the_answers(house):
    pytest.importorskip("nbgrader", reason="nbgrader is for instructors, not among the tests' requirements")
    from nbgrader.preprocessors import ClearSolutions

    answers, learner = house.compose(copy="answers"), house.compose(copy="learner")
    made, _ = ClearSolutions().preprocess(answers, {})
    theirs = {c.id: c.source for c in made.cells}
    for cell in learner.cells[1:]:
        assert theirs[cell.id] == cell.source
