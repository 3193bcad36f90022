"""What a lesson defines by hand and the package has as well computes the same."""

import ast
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

from mmcourse.data.augment import permute_colours
from mmcourse.data.text import SentenceBatches, Vocabulary, lengths, pad
from mmcourse.models import fusion, gradcam, pooling, transformer
from mmcourse.models.attention import MultiHeadAttention, sinusoids
from mmcourse.models.cnn import ImageClassifier
from mmcourse.models.rnn import LSTMCell, RNNCell, SentenceClassifier
from mmcourse.models.speech import SpeechClassifier
from mmcourse.tasks import corrupted_pages

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "source"


def definitions(lesson: str) -> dict:
    """The functions and classes that a lesson's source defines, answers included."""
    (source,) = SOURCES.glob(f"{lesson}_*.py")
    kept = [
        node
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    names = {
        "torch": torch,
        "F": F,
        "nn": nn,
        "Tensor": Tensor,
        "ImageClassifier": ImageClassifier,
        "PictureBook": None,
        "SentenceBatches": SentenceBatches,
        "lengths": lengths,
        "pooling": pooling,
        "SpokenWords": None,
        "MultiHeadAttention": MultiHeadAttention,
        "sinusoids": sinusoids,
        "transformer": transformer,
        "CorruptedPages": None,
        "corrupted_pages": corrupted_pages,
        "Batches": None,
    }
    exec(compile(ast.Module(kept, []), str(source), "exec"), names)
    return names


@pytest.fixture(scope="module")
def lesson_01():
    return definitions("01")


def test_three_convolutions_is_the_picture_classifier(lesson_01):
    by_hand, package = lesson_01["ThreeConvolutions"](14), ImageClassifier(14)
    for block, (convolution, norm) in enumerate([("conv1", "norm1"), ("conv2", "norm2"), ("conv3", "norm3")]):
        getattr(by_hand, convolution).load_state_dict(package.encoder.blocks[block][0].state_dict())
        getattr(by_hand, norm).load_state_dict(package.encoder.blocks[block][1].state_dict())
    by_hand.head.load_state_dict(package.head.state_dict())
    images = torch.rand(4, 3, 32, 32)
    assert torch.allclose(by_hand(images), package(images), atol=1e-5)
    assert torch.allclose(by_hand.eval()(images), package.eval()(images), atol=1e-5)


def test_convolution_by_hand_is_pytorchs(lesson_01):
    image, kernel = torch.rand(9, 7), torch.rand(3, 3)
    assert torch.allclose(
        lesson_01["convolve"](image, kernel), F.conv2d(image[None, None], kernel[None, None])[0, 0], atol=1e-6
    )


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(32, 3, 2, 1), (28, 5, 1, 0), (7, 3, 3, 0), (9, 2, 4, 3)]
)
def test_output_size_and_parameters_are_pytorchs(lesson_01, size, kernel, stride, padding):
    layer = nn.Conv2d(3, 5, kernel, stride, padding)
    assert layer(torch.rand(1, 3, size, size)).shape[-1] == lesson_01["output_size"](size, kernel, stride, padding)
    assert sum(p.numel() for p in layer.parameters()) == lesson_01["conv_parameters"](3, 5, kernel)


def test_receptive_field_is_what_gradients_say(lesson_01):
    layers = [(3, 2), (3, 2), (5, 1)]
    image = torch.zeros(1, 1, 65, 65, requires_grad=True)
    maps = image
    for kernel, stride in layers:
        maps = F.conv2d(maps, torch.ones(1, 1, kernel, kernel), stride=stride)
    maps[0, 0, 4, 4].backward()
    assert (image.grad[0, 0] != 0).any(dim=0).sum() == lesson_01["receptive_field"](layers)
    assert lesson_01["receptive_field"]([(3, 2)] * 3) == 15, "as the lesson says"


def test_grad_cam_is_the_packages(lesson_01):
    maps, gradients = torch.rand(5, 4, 6, 6), torch.randn(5, 4, 6, 6)
    assert torch.allclose(lesson_01["grad_cam"](maps, gradients), gradcam.grad_cam(maps, gradients))
    zeros = torch.zeros(1, 2, 3, 3)
    assert torch.equal(lesson_01["grad_cam"](zeros, zeros), zeros[:, 0])


def test_permutation_is_the_packages(lesson_01):
    images = torch.rand(8, 3, 4, 4)
    torch.manual_seed(0)
    by_hand = lesson_01["my_permute_colours"](images)
    torch.manual_seed(0)
    assert torch.equal(by_hand, permute_colours(images))


@pytest.fixture(scope="module")
def lesson_02():
    return definitions("02")


def test_encode_and_pad_are_the_packages(lesson_02):
    vocabulary = Vocabulary.of(["a red fish above a blue boat"], at_least=1)
    sentences = ["A red dragon", "a", "a blue fish above a red red boat"]
    encoded = [lesson_02["encode"](sentence, vocabulary.index) for sentence in sentences]
    assert encoded == [vocabulary.encode(sentence) for sentence in sentences]
    assert torch.equal(lesson_02["pad_batch"](encoded), pad(encoded))


def test_cells_by_hand_are_the_packages(lesson_02):
    rnn, lstm, x = RNNCell(3, 4), LSTMCell(3, 4), torch.randn(5, 3)
    states = lesson_02["rnn"](x, rnn.weight_ih, rnn.weight_hh, rnn.bias_ih + rnn.bias_hh)
    assert torch.allclose(states, rnn(x[None])[0], atol=1e-6)
    h, c = torch.randn(5, 4), torch.randn(5, 4)
    stepped = lesson_02["lstm_step"](x, h, c, lstm.weight_ih, lstm.weight_hh, lstm.bias_ih + lstm.bias_hh)
    for mine, its in zip(stepped, lstm.step(x, (h, c)), strict=True):
        assert torch.allclose(mine, its, atol=1e-6)


def test_pooling_by_hand_is_the_packages(lesson_02):
    tokens = pad([[3, 4, 5], [6], [7, 8]])
    states, features = torch.randn(3, 3, 4), -torch.rand(3, 4, 3)
    assert torch.equal(lesson_02["last_states"](states, lengths(tokens)), pooling.last_states(states, lengths(tokens)))
    assert torch.equal(lesson_02["max_over_time"](features, tokens), pooling.max_over_time(features, tokens))


def test_read_in_order_is_the_sentence_classifier(lesson_02):
    by_hand, package = lesson_02["GRUClassifier"](2, 12, 6), SentenceClassifier(2, 12, 6, cell="gru")
    layer = package.encoder.recurrent
    by_hand.embedding, by_hand.head = package.encoder.embedding, package.head
    by_hand.from_word.weight, by_hand.from_word.bias = layer.weight_ih_l0, layer.bias_ih_l0
    by_hand.from_state.weight, by_hand.from_state.bias = layer.weight_hh_l0, layer.bias_hh_l0
    tokens = pad([[3, 4, 5, 11], [6], [7, 8]])
    assert torch.allclose(by_hand(tokens), package(tokens), atol=1e-6)


@pytest.fixture(scope="module")
def lesson_03():
    return definitions("03")


def test_hearing_cnn_is_the_speech_classifier(lesson_03):
    by_hand, package = lesson_03["SpeechCNN"](9).eval(), SpeechClassifier(9).eval()
    blocks = package.encoder.blocks
    parts = {f"conv{i + 1}": blocks[i][0] for i in range(3)} | {f"norm{i + 1}": blocks[i][1] for i in range(3)}
    parts |= {"over_time": package.encoder.over_time[0], "norm4": package.encoder.over_time[1], "head": package.head}
    for name, part in parts.items():
        getattr(by_hand, name).load_state_dict(part.state_dict())
    mels = torch.randn(4, 40, 76)
    assert torch.allclose(by_hand(mels), package(mels), atol=1e-5)


@pytest.mark.parametrize(("samples", "length", "hop"), [(4_000, 400, 160), (401, 400, 160), (3_000, 256, 100)])
def test_stft_by_hand_is_torchaudios(lesson_03, samples, length, hop):
    sound, window = torch.randn(samples), torch.hann_window(length)
    by_hand = lesson_03["stft"](sound, window, hop)
    theirs = torchaudio.functional.spectrogram(sound, 0, window, length, hop, length, None, False, center=False)
    assert by_hand.shape == (length // 2 + 1, lesson_03["n_frames"](samples, length, hop))
    assert torch.allclose(by_hand, theirs, atol=1e-4)
    assert lesson_03["n_frames"](length - 1, length, hop) == 0


@pytest.mark.parametrize(("n_mels", "n_bins", "rate"), [(40, 201, 16_000), (40, 101, 8_000), (10, 257, 22_050)])
def test_mel_filters_by_hand_are_torchaudios(lesson_03, n_mels, n_bins, rate):
    theirs = torchaudio.functional.melscale_fbanks(n_bins, 0, rate / 2, n_mels, rate)
    assert torch.allclose(lesson_03["mel_filters"](n_mels, n_bins, rate), theirs, atol=1e-4)


@pytest.mark.parametrize(("hertz", "rate"), [(3_000, 4_000), (5_300, 4_000), (100, 8_000), (15_900, 16_000)])
def test_alias_is_where_the_peak_is(lesson_03, hertz, rate):
    tone = torch.cos(2 * torch.pi * hertz * torch.arange(rate, dtype=torch.float64) / rate)
    assert torch.fft.rfft(tone).abs().argmax() == lesson_03["alias"](hertz, rate)


def test_mask_frames_hides_frames_as_spec_augment(lesson_03):
    mels = torch.rand(200, 5, 30) + 1
    hidden = lesson_03["mask_frames"](mels, 7) == 0
    assert set(hidden[:, 0].sum(dim=1).tolist()) == set(range(8)) and (hidden == hidden[:, :1]).all()


def test_no_speaker_on_both_sides(lesson_03):
    speakers = ["a", "b", "c"] * 5
    train, test = lesson_03["split_by_speaker"](speakers, {"b"})
    assert {speakers[i] for i in test} == {"b"} and {speakers[i] for i in train} == {"a", "c"}
    assert sorted(train + test) == list(range(15))


@pytest.fixture(scope="module")
def lesson_04():
    return definitions("04")


def test_attention_by_hand_is_the_packages(lesson_04):
    q, k, v = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 6, 4), torch.randn(2, 3, 6, 7)
    mask = torch.rand(2, 1, 5, 6) < 0.5
    mask[..., 0] = True
    assert torch.allclose(lesson_04["attention"](q, k, v), transformer.attention(q, k, v)[0], atol=1e-6)
    assert torch.allclose(
        lesson_04["masked_attention"](q, k, v, mask), transformer.attention(q, k, v, mask)[0], atol=1e-6
    )
    assert torch.equal(lesson_04["causal_mask"](6), transformer.causal_mask(6))


def test_heads_by_hand_are_the_packages(lesson_04):
    x, package = torch.randn(2, 5, 12), MultiHeadAttention(12, 3)
    heads = lesson_04["split_heads"](x, 3)
    assert torch.equal(heads, package.split(x)) and torch.equal(lesson_04["join_heads"](heads), package.join(heads))
    by_hand = lesson_04["Block2"](12, 3)
    by_hand.load_state_dict(package.state_dict())
    assert torch.allclose(by_hand(x), package(x)[0], atol=1e-6)


def without_dropout(block: nn.Module) -> dict[str, Tensor]:
    """The weights of the package's block by their names in the lesson's, whose feed-forward network has no dropout."""
    return {name.replace("feed_forward.3", "feed_forward.2"): value for name, value in block.state_dict().items()}


def test_blocks_by_hand_are_the_packages(lesson_04):
    x, memory = torch.randn(2, 5, 12), torch.randn(2, 4, 12)
    real = (torch.arange(5) < torch.tensor([[5], [3]]))[:, None, None]
    encoder, by_hand = transformer.EncoderBlock(12, 3, 20), lesson_04["Block4"](12, 3, 20)
    by_hand.load_state_dict(without_dropout(encoder))
    assert torch.allclose(by_hand(x, real), encoder(x, real), atol=1e-6)
    decoder, by_hand = transformer.DecoderBlock(12, 3, 20), lesson_04["Decoder"](12, 3, 20)
    by_hand.load_state_dict(without_dropout(decoder))
    assert torch.allclose(by_hand(x, memory, real), decoder(x, memory, real), atol=1e-6)
    assert lesson_04["block_parameters"](12, 20) == sum(p.numel() for p in encoder.parameters())


def test_the_buggy_model_of_lesson_04_attends_to_padding_and_the_fixed_one_does_not(lesson_04):
    tokens = pad([[3, 4, 5], [6, 2]])
    buggy = lesson_04["Buggy"](9, 3)
    fixed = lesson_04["Fixed"](9, 3)
    fixed.load_state_dict(buggy.state_dict())
    assert not torch.allclose(buggy(F.pad(tokens, (0, 9))), buggy(tokens), atol=1e-3)
    assert torch.allclose(fixed(F.pad(tokens, (0, 9))), fixed(tokens), atol=1e-5)


@pytest.fixture(scope="module")
def lesson_08():
    return definitions("08")


def weights_of(package: nn.Module) -> list[Tensor]:
    return [value for name, value in package.state_dict().items() if not name.startswith("missing_embedding")]


def test_fusion_by_hand_is_the_packages(lesson_08):
    sizes, features = {"image": 128, "text": 64}, {"image": torch.randn(5, 128), "text": torch.randn(5, 64)}
    weights = {"image": 0.7, "text": 0.3}
    for by_hand, package in (
        (lesson_08["WeightedSum"](alpha=0.7), fusion.WeightedSum(sizes, 128, weights=weights)),
        (lesson_08["Concatenation"](), fusion.Concatenation(sizes, 128)),
        (lesson_08["HiddenLayer"](), fusion.Concatenation(sizes, 128, hidden=128)),
        (lesson_08["Product"](), fusion.Product(sizes, 128)),
    ):
        values = [value for value in weights_of(package) if value.shape != (2,)]  # given weights are no layer's
        by_hand.load_state_dict(dict(zip(by_hand.state_dict(), values, strict=True)))
        assert torch.allclose(by_hand(features), package(features), atol=1e-5)


def test_weighted_sum_and_gate_by_hand_are_the_packages(lesson_08):
    features = {"image": torch.randn(6, 4), "text": torch.randn(6, 4)}
    sizes, shares = {"image": 4, "text": 4}, {"image": 0.25, "text": 0.75}
    package = fusion.WeightedSum(sizes, 4, weights=shares, project=False)
    assert torch.allclose(lesson_08["weighted_sum"](**features, alpha=0.25), package(features), atol=1e-6)
    package, W, b = fusion.Gate(sizes, 4), torch.randn(4, 8), torch.randn(4)
    with torch.no_grad():
        for layer in package.project.values():
            layer.weight.copy_(torch.eye(4))
            layer.bias.zero_()
        package.gate.weight.copy_(torch.cat([W, torch.zeros(4, 8)]))  # a sigmoid is a softmax against a score of 0
        package.gate.bias.copy_(torch.cat([b, torch.zeros(4)]))
    assert torch.allclose(lesson_08["gate"](**features, W=W, b=b), package(features), atol=1e-6)


def test_late_fusion_by_hand_is_the_packages(lesson_08):
    image, sound = 50 * torch.randn(7, 5), 50 * torch.randn(7, 5)
    package = fusion.LateFusion(("image", "sound"))({"image": image, "sound": sound})
    assert torch.allclose(lesson_08["late_fusion"](image, sound).softmax(1), package.softmax(1), atol=1e-6)


def test_the_buggy_model_of_lesson_08_ignores_inputs_and_the_fixed_one_does_not(lesson_08):
    maps, tokens = torch.randn(3, 8, 4, 4), pad([[3, 4, 5], [6, 2], [7]])
    far, other = maps.clone(), tokens.clone()
    far[:, :, 3, 3] += 5
    other[1:, 0] = 8
    buggy, fixed = lesson_08["Buggy"](8, 12), lesson_08["Fixed"](8, 12)
    assert torch.equal(buggy(far, tokens), buggy(maps, tokens)) and torch.equal(buggy(maps, other), buggy(maps, tokens))
    assert not torch.allclose(fixed(far, tokens), fixed(maps, tokens))
    assert not torch.allclose(fixed(maps, other)[1:], fixed(maps, tokens)[1:])
