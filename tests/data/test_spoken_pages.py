"""Pages read aloud: the correct log-mels, zeros after each end."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.data.audio import LogMel
from mmcourse.data.spoken_pages import spoken_pages


@pytest.fixture(scope="module")
def read():
    book, log_mel = PictureBook("train", 9, objects=1, seed=0), LogMel(hop=0.02)
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
