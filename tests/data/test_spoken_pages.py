"""Pages read aloud: the right log-mels, zeros after each end, batches of like length that lose nothing."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.data.audio import LogMel
from mmcourse.data.spoken_pages import SpeechBatches, spoken_pages


@pytest.fixture(scope="module")
def read():
    book, log_mel = PictureBook("train", 9, things=1, seed=0), LogMel(hop=0.02)
    log_mel.fit(book.sound(i) for i in range(3))
    return book, log_mel, spoken_pages(book, log_mel)


def test_every_page_is_its_own_sound_and_then_zeros(read):
    book, log_mel, mels = read
    assert mels.dtype == torch.float16 and mels.shape[:2] == (9, 40)
    for page in range(9):
        alone = log_mel(book.sound(page)[None])[0]
        frames = alone.shape[1]
        torch.testing.assert_close(mels[page, :, : frames - 2].float(), alone[:, : frames - 2], atol=2e-2, rtol=1e-2)
        assert (mels[page, :, frames - 1] != 0).any() and not mels[page, :, frames:].any()
    chosen = spoken_pages(book, log_mel, torch.tensor([4, 2]))
    torch.testing.assert_close(chosen[1, :, :40], mels[2, :, :40])


def sounds(count=50):
    rng = torch.Generator().manual_seed(0)
    frames = torch.randint(3, 30, (count,), generator=rng)
    mels = torch.randn(count, 4, 30, generator=rng) * (torch.arange(30) < frames[:, None])[:, None]
    return mels, frames


def test_batches_are_cut_to_their_longest_and_lose_nothing():
    mels, frames = sounds()
    places = torch.arange(50)
    batches = SpeechBatches(mels.half(), places * 2, places, size=8, seed=0)
    seen = []
    for some, twice, chosen in batches:
        assert some.dtype == torch.float32 and some.shape[2] == frames[chosen].max()
        torch.testing.assert_close(some, mels[chosen, :, : some.shape[2]].half().float())
        assert torch.equal(twice, 2 * chosen)
        seen += chosen.tolist()
    assert sorted(seen) == places.tolist() and len(batches) == 7
    assert seen != [chosen for *_, batch in batches for chosen in batch.tolist()]  # another epoch, another order


def test_like_lengths_come_together_and_an_order_can_stay():
    mels, frames = sounds(160)
    batches = SpeechBatches(mels, torch.arange(160), size=16, seed=1)
    spread = [frames[chosen].float().std().item() for _, chosen in batches]
    assert sum(spread) / len(spread) < 0.3 * frames.float().std()
    steady = [chosen for _, chosen in SpeechBatches(mels, torch.arange(160), size=16, shuffle=False)]
    assert torch.equal(torch.cat(steady), torch.arange(160))


def test_the_transform_gets_the_sounds():
    mels, _ = sounds(4)
    doubled = next(iter(SpeechBatches(mels, torch.arange(4), shuffle=False, transform=lambda x: 2 * x)))[0]
    torch.testing.assert_close(doubled, 2 * mels[:, :, : doubled.shape[2]])
    with pytest.raises(ValueError, match="expected \\(N, n_mels, T\\)"):
        SpeechBatches(mels[0], torch.arange(4))
