from collections import Counter, defaultdict


def pairs(words):
    counts = Counter()
    for word, times in words.items():
        for a, b in zip(word, word[1:], strict=False):
            counts[a, b] += times
    return counts


def merge(word, pair):
    out, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def answer(words):
    best = pairs(words).most_common(1)[0][0]
    return {merge(word, best): times for word, times in words.items()}


def with_default_dict(words):
    counts = defaultdict(int)
    for word, times in words.items():
        for i in range(len(word) - 1):
            counts[(word[i], word[i + 1])] += times
    best = max(counts, key=counts.get)
    result = {}
    for word, times in words.items():
        pieces = list(word)
        i = 0
        while i < len(pieces) - 1:
            if (pieces[i], pieces[i + 1]) == best:
                pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
            i += 1
        result[tuple(pieces)] = times
    return result


def with_separators(words):
    best = pairs(words).most_common(1)[0][0]
    result = {}
    for word, times in words.items():
        text = "|" + "||".join(word) + "|"
        text = text.replace("|" + best[0] + "||" + best[1] + "|", "|" + "".join(best) + "|")
        result[tuple(text[1:-1].split("||"))] = times
    return result


def last_of_ties(words):
    counts = pairs(words)
    best = max(counts, key=lambda pair: (counts[pair], pair))
    return {merge(word, best): times for word, times in words.items()}


def all_ties(words):
    counts = pairs(words)
    for pair in [pair for pair in counts if counts[pair] == max(counts.values())]:
        words = {merge(word, pair): times for word, times in words.items()}
    return words


def letters_compared(words):
    a, b = pairs(words).most_common(1)[0][0]
    return {tuple(" ".join(word).replace(f"{a} {b}", a + b).split()): times for word, times in words.items()}


def overwritten(words):
    counts = {}
    for word, times in words.items():
        for pair in zip(word, word[1:], strict=False):
            counts[pair] = times
    best = max(counts, key=counts.get)
    return {merge(word, best): times for word, times in words.items()}


def overlapping(words):
    best = pairs(words).most_common(1)[0][0]
    result = {}
    for word, times in words.items():
        out = []
        for i in range(len(word)):
            if word[i : i + 2] == best:
                out.append("".join(best))
            elif i == 0 or word[i - 1 : i + 1] != best:
                out.append(word[i])
        result[tuple(out)] = times
    return result


def from_the_right(words):
    best = pairs(words).most_common(1)[0][0]
    result = {}
    for word, times in words.items():
        out, i = [], len(word)
        while i > 0:
            step = 2 if word[max(i - 2, 0) : i] == best else 1
            out.insert(0, "".join(word[i - step : i]))
            i -= step
        result[tuple(out)] = times
    return result


def unweighted(words):
    best = pairs(dict.fromkeys(words, 1)).most_common(1)[0][0]
    return {merge(word, best): times for word, times in words.items()}


def first_only(words):
    best = pairs(words).most_common(1)[0][0]
    result = {}
    for word, times in words.items():
        for i in range(len(word) - 1):
            if word[i : i + 2] == best:
                word = word[:i] + ("".join(best),) + word[i + 2 :]
                break
        result[word] = times
    return result


def second_kept(words):
    best = pairs(words).most_common(1)[0][0]
    return {
        tuple("".join(best) if word[i : i + 2] == best else word[i] for i in range(len(word))): times
        for word, times in words.items()
    }


def last_lost(words):
    best = pairs(words).most_common(1)[0][0]
    result = {}
    for word, times in words.items():
        out, i = [], 0
        while i < len(word) - 1:
            if word[i : i + 2] == best:
                out.append("".join(best))
                i += 2
            else:
                out.append(word[i])
                i += 1
        result[tuple(out)] = times
    return result


def frequent_pieces(words):
    counts = Counter()
    for word, times in words.items():
        for piece in word:
            counts[piece] += times
    (a, _), (b, _) = counts.most_common(2)
    return {merge(word, (a, b)): times for word, times in words.items()}


def tuples(words):
    best = pairs(words).most_common(1)[0][0]
    return {
        tuple(best if word[i : i + 2] == best else word[i] for i in range(len(word))): n for word, n in words.items()
    }


def test_merge(judged):
    judged(
        "05.5",
        {
            "answer": answer,
            "defaultdict": with_default_dict,
            "separators": with_separators,
            "counter": lambda words: Counter(answer(words)),
            "the last of several pairs that are equally frequent": last_of_ties,
        },
        {
            "every tie": (all_ties, "equally frequent"),
            "letters compared": (letters_compared, "letters are compared instead of pieces"),
            "overwritten": (overwritten, "is overwritten by the next word"),
            "overlapping": (overlapping, "merged twice where two pairs overlap"),
            "from the right": (from_the_right, "merged from the right"),
            "a pair of each word": (
                lambda words: {merge(w, pairs({w: n}).most_common(1)[0][0]): n for w, n in words.items()},
                "a pair of its own",
            ),
            "unweighted": (unweighted, "each word is counted once"),
            "first only": (first_only, "only the first occurrence"),
            "second kept": (second_kept, "the second piece of the pair is still there"),
            "last lost": (last_lost, "the last piece of a word is lost"),
            "nothing": (dict, "nothing is merged"),
            "ones": (lambda words: dict.fromkeys(answer(words), 1), "the numbers of occurrences have become 1"),
            "frequent pieces": (frequent_pieces, "the two most frequent pieces are merged"),
            "rarest": (
                lambda words: {merge(w, min(pairs(words), key=pairs(words).get)): n for w, n in words.items()},
                "the rarest pair is merged",
            ),
            "changed words only": (
                lambda words: {w: n for w, n in answer(words).items() if w not in words},
                "words without the pair are missing",
            ),
            "whole words": (lambda words: {("".join(w),): n for w, n in words.items()}, "each word is in one piece"),
            "strings": (lambda words: {" ".join(w): n for w, n in answer(words).items()}, "the words are strings"),
            "pair alone": (lambda words: pairs(words).most_common(1)[0][0], "the pair alone"),
            "list": (lambda words: list(answer(words)), "it returned a list"),
            "nested": (tuples, "a tuple inside the word"),
        },
    )
