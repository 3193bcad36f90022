"""A recognised sentence beside the true one: which words are substituted, deleted and inserted."""

from collections.abc import Sequence

KINDS = ("correct", "substitution", "deletion", "insertion")


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str, str, str]]:
    """The fewest edits that turn the reference into the hypothesis (Levenshtein distance), in the order of the words.

    Each as (kind, word of the reference or '', word of the hypothesis or ''), with a kind of KINDS.
    Where several ways have as few edits, one of them is taken, the same each time.
    """
    rows, columns = len(reference) + 1, len(hypothesis) + 1
    cost = [[max(i, j) if 0 in (i, j) else 0 for j in range(columns)] for i in range(rows)]
    for i in range(1, rows):
        for j in range(1, columns):
            replaced = cost[i - 1][j - 1] + (reference[i - 1] != hypothesis[j - 1])
            cost[i][j] = min(replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    i, j, pairs = rows - 1, columns - 1, []
    while i or j:
        same = bool(i and j) and reference[i - 1] == hypothesis[j - 1]
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (not same):
            i, j = i - 1, j - 1
            pairs.append((KINDS[0] if same else KINDS[1], reference[i], hypothesis[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((KINDS[2], reference[i], ""))
        else:
            j -= 1
            pairs.append((KINDS[3], "", hypothesis[j]))
    return pairs[::-1]


def compared(reference: str, hypothesis: str) -> dict:
    """What a widget shows of two sentences: the aligned words, the number of each edit, and the word error rate.

    {"words": [[kind, true, recognised]], "summary": a sentence, "rate": edits / words of the reference}
    """
    words = align(reference.split(), hypothesis.split())
    counts = {kind: sum(each[0] == kind for each in words) for kind in KINDS}
    edits, length = len(words) - counts["correct"], len(reference.split())
    rate = edits / max(length, 1)
    listed = [f"{n} {kind}{'s' * (n != 1)}" for kind, n in counts.items() if n and kind != "correct"]
    made_of = f": {' + '.join(listed)} in {length} words" if edits else f": all {length} words are correct"
    return {"words": [list(each) for each in words], "rate": rate, "summary": f"Word error rate {rate:.0%}{made_of}."}
