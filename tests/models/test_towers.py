"""The towers: shapes, padding that changes nothing, order that counts, inputs that do not fit."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.data.spoken_pages import spoken_pages
from mmcourse.models.towers import ImageTower, PageSpace, SentenceTower, SpeechTower, real_frames


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_all_towers_end_in_one_width():
    assert ImageTower(width=24)(torch.rand(3, 3, 48, 48)).shape == (3, 24)
    assert ImageTower(width=24, side=28, in_channels=1)(torch.rand(3, 1, 28, 28)).shape == (3, 24)
    assert SentenceTower(50, width=24)(torch.randint(1, 50, (3, 9))).shape == (3, 24)
    assert SpeechTower(width=24)(torch.randn(3, 40, 61)).shape == (3, 24)


def test_the_picture_tower_knows_where_things_stand():
    tower = ImageTower().eval()
    left, right = torch.zeros(2, 1, 3, 48, 48)
    left[..., 8:16], right[..., 32:40] = 1, 1
    assert (tower(left) - tower(right)).abs().max() > 1e-3
    assert torch.equal(tower(left.half()), tower(left))
    with pytest.raises(ValueError, match="size=48"):
        tower(torch.rand(2, 3, 32, 32))
    with pytest.raises(ValueError, match="uint8"):
        tower(torch.zeros(2, 3, 48, 48, dtype=torch.uint8))


def test_padding_changes_no_spoken_vector():
    tower = SpeechTower().eval()
    mels = torch.randn(4, 40, 50)
    mels[1, :, 37:] = 0
    mels[2, :, 8:] = 0
    padded = torch.cat([mels, torch.zeros(4, 40, 43)], dim=2)
    torch.testing.assert_close(tower(padded), tower(mels), atol=1e-5, rtol=1e-4)
    alone = tower(mels[2:3, :, :8])
    torch.testing.assert_close(tower(padded)[2:3], alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(tower(mels.half()), tower(mels.half().float()))


def test_the_order_of_sounds_counts():
    tower, mels = SpeechTower().eval(), torch.randn(1, 40, 64)
    assert (tower(mels) - tower(torch.cat([mels[..., 32:], mels[..., :32]], dim=2))).abs().max() > 1e-3


def test_real_frames():
    mels = torch.zeros(2, 5, 6)
    mels[0, 2, 3] = 1.0  # silence within a sound is sound
    mels[1, :, 5] = -2.0
    assert real_frames(mels).tolist() == [[True] * 4 + [False] * 2, [True] * 6]
    with pytest.raises(ValueError, match="sound 1 consists of zeros"):
        real_frames(torch.stack([torch.ones(5, 6), torch.zeros(5, 6)]))
    with pytest.raises(ValueError, match="sound 0 consists of zeros"):
        SpeechTower()(torch.zeros(1, 40, 20))


def test_the_page_space_reads_and_hears_as_its_towers_do():
    space, book = PageSpace(width=16).eval(), PictureBook("test", 3, objects=2)
    with torch.no_grad():
        torch.testing.assert_close(space.embed_text(book.sentences), space.embed("text", book.tokens))
        mels = spoken_pages(book, space.log_mel).float()
        heard = space.embed_sound([book.sound(i) for i in range(3)])
        torch.testing.assert_close(heard, space.embed("sound", mels), atol=1e-2, rtol=1e-2)
        one = space.embed_sound([book.sound(1)])
        torch.testing.assert_close(one, heard[1:2], atol=1e-3, rtol=1e-2)
        assert space.embed("image", book.images).shape == (3, 16)
        assert space.embed_text(["zebra crossing"]).isfinite().all()
    assert "log_mel.mean" in space.state_dict()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_tower_takes_inputs_of_other_precision(dtype):
    assert ImageTower().to(dtype)(torch.rand(2, 3, 48, 48)).dtype == dtype
    assert SpeechTower().to(dtype)(torch.randn(2, 40, 20).half()).dtype == dtype
