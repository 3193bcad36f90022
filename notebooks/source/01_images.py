# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Images: the convolutional network
#
# **You will train a convolutional network with 54,000 parameters that recognises the object on an unseen page with at least
# 95% accuracy. Then you will find the shortcut it relies on, and remove it.**
#
# Runs in about 4 minutes · takes 90 minutes to work through · before this: [00 Start here](00_start_here.ipynb), Python,
# what a tensor and an `nn.Module` are.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. compute a convolution by hand, and its output size, parameter count and receptive field without running it;
# 2. write a training loop from an empty cell, and say what Adam, `zero_grad` and evaluation mode do;
# 3. recognise overfitting from the training and validation curves;
# 4. inspect a trained network by its filters, its feature maps and Grad-CAM;
# 5. test whether a high accuracy hides a shortcut.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, evaluate, expect, fit, hint, predict, quiz, show, steps
from mmcourse.data import real
from mmcourse.data.augment import flip, permute_colours, shift
from mmcourse.models import gradcam
from mmcourse.models.cnn import ImageClassifier
from mmcourse.picturebook.scene import HELD_OUT_PAIRS, KINDS
from mmcourse.show import diagrams
from mmcourse.training.device import device

begin("01")

# %% [markdown]
# ## Look at the data
#
# Each page of this Picture Book shows one object: one of 14 kinds, in one of 8 colours, small or big, anywhere on the page,
# at some time of day. The sentences are for you; the network gets the image alone.

# %%
train = PictureBook("train", pages=8_000)
valid = PictureBook("valid", pages=1_000)
test = PictureBook("test", pages=2_000)
show.show_pages(train, rows=2, columns=6, sentences=train.sentences)

# %% [markdown]
# The network's images have only 32 × 32 pixels. `images` has shape `(B, C, H, W)`: images, colour channels, rows, columns.
# Each value is the brightness of one channel at one pixel, from 0 to 1. `kinds` holds the **class** to predict.

# %%
print("images", tuple(train.images.shape), f"from {train.images.min():.2f} to {train.images.max():.2f}")
print("kinds ", tuple(train.kinds.shape), train.kinds[:12].tolist())
show.show_images(train.images[:12], titles=[KINDS[kind] for kind in train.kinds[:12]], columns=6,
                 alt="Twelve pages at the network's resolution of 32 by 32 pixels")

# %% [markdown]
# Which of the twelve would you misclassify without the titles? Most people hesitate at small objects whose colour is
# close to the background, such as a white object on snow. Remember what makes an image difficult for you, and compare
# it with the network's mistakes on test images later.

# %% [markdown]
# ## Baseline
#
# An accuracy means nothing without a **baseline**. Two cheap ones: always predict the most frequent kind, and a linear
# layer on the raw pixels. `Batches` yields 64 images at a time, a **batch**. `fit` trains on all of them four times, that
# is, for four **epochs**. You will write such a training loop yourself below.

# %%
majority = (valid.kinds == train.kinds.mode().values).float().mean().item()
linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, len(KINDS)))
fit(linear, Batches(train.images, train.kinds), epochs=4, lr=1e-3)
baseline = evaluate(linear, Batches(valid.images, valid.kinds, shuffle=False))["accuracy"]
print(f"majority class {majority:.0%}, linear layer {baseline:.0%}, {len(KINDS)} kinds")

# %% [markdown]
# The linear layer has one weight per input value and kind, so it can only learn a fish *at a fixed position*. If the
# fish moves by three pixels, other weights apply. A better layer detects an eye or an edge **at every position with the
# same weights**.

# %% [markdown]
# ## Convolution
#
# A **convolution** slides a small window of weights, the **kernel**, over the image. At each position it multiplies the
# pixels in the window by the weights and sums the products.

# %%
diagrams.convolution(stride=1)

# %% [markdown]
# Let $x$ be the image, $w$ a kernel of size $K \times K$ and $y$ the output, called a **feature map**:
#
# $$y_{i,j} = \sum_{a=0}^{K-1} \sum_{b=0}^{K-1} w_{a,b}\; x_{i+a,\,j+b}$$
#
# In mathematics this is a *cross-correlation*; a convolution flips the kernel first. Deep learning libraries do not flip
# it, since the weights are learned anyway.

# %% [markdown]
# In one dimension, take $x = (1, 2, 4, 7)$ and $w = (1, 0, -1)$:
#
# $$y_0 = 1\cdot 1 + 0\cdot 2 - 1\cdot 4 = -3 \qquad y_1 = 1\cdot 2 + 0\cdot 4 - 1\cdot 7 = -5$$

# %% tags=["nbval-check-output"]
x, w = torch.tensor([1.0, 2, 4, 7]), torch.tensor([1.0, 0, -1])
by_hand = [sum(w[a] * x[i + a] for a in range(3)).item() for i in range(2)]
print("by hand", by_hand, "  PyTorch", F.conv1d(x[None, None], w[None, None])[0, 0].tolist())

# %% [markdown]
# Now in two dimensions: the image below is a bright vertical bar. Before you step through it, predict where this kernel
# gives a positive, a negative and a zero output.

# %%
edge = torch.tensor([[1.0, 0, -1], [1, 0, -1], [1, 0, -1]])
bars = torch.zeros(7, 7)
bars[:, 3:5] = 1
show.convolution_by_hand(bars, edge)

# %% [markdown]
# The output is positive where the image turns from bright to dark, from left to right, and negative where it turns from
# dark to bright. This kernel detects vertical edges, wherever they are.
#
# ## Output size
#
# A window of size $K$ fits into a row of $N$ pixels at $N - K + 1$ positions. **Padding** $P$ adds $P$ zeros on each
# side, and **stride** $S$ moves the window by $S$ pixels at a time:
#
# $$N_{\text{out}} = \left\lfloor \frac{N + 2P - K}{S} \right\rfloor + 1$$
#
# For $N = 32$, $K = 3$, $P = 1$ and $S = 2$ this is $\lfloor 31 / 2 \rfloor + 1 = 16$.

# %% [markdown]
# ### Exercise 01.1: output size  ●○○ · 5 minutes
#
# Write the formula as code. All arguments are whole numbers, and so is the result. Stuck? `hint("01.1")` in a cell of its
# own gives a hint.

# %%
def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Number of values that a convolution gives along one side."""
    ### BEGIN SOLUTION
    return (size + 2 * padding - kernel) // stride + 1
    ### END SOLUTION


# %%
check("01.1", output_size)

# %% [markdown]
# ### Exercise 01.2: a convolution from scratch  ●●○ · 10 minutes
#
# Implement the formula in two dimensions, without `F.conv2d` and without flipping the kernel. Two loops are fine.

# %%
def convolve(image: Tensor, kernel: Tensor) -> Tensor:
    """Slide the kernel over the image, no padding, stride 1.   (H, W), (K, K) -> (H - K + 1, W - K + 1)"""
    ### BEGIN SOLUTION
    K = kernel.shape[0]
    height, width = image.shape[0] - K + 1, image.shape[1] - K + 1
    feature_map = torch.zeros(height, width)
    for i in range(height):
        for j in range(width):
            feature_map[i, j] = (kernel * image[i:i + K, j:j + K]).sum()
    return feature_map
    ### END SOLUTION


# %%
check("01.2", convolve)

# %% [markdown]
# ## Channels
#
# A colour image has three channels. A **filter** then has one kernel per input channel, and sums over all of them. Each
# filter of a layer gives one feature map. The stack of feature maps is the input of the next layer. Here are two filters,
# for vertical and for horizontal edges.

# %%
image = train.image(2, size=64)[None]                                         # (1, 3, 64, 64)
filters = torch.stack([edge, edge.T])[:, None].expand(-1, 3, -1, -1) / 3      # (2, 3, 3, 3)
maps = F.conv2d(image, filters)[0]                                            # (2, 62, 62)
show.show_feature_maps({"vertical edges, horizontal edges": maps}, image=image[0])

# %% [markdown]
# ## Weight sharing
#
# Suppose that a layer turns the image into 32 feature maps of 32 × 32. How many parameters does a convolution with 3 ×
# 3 filters need, and how many a dense layer from every pixel to every output value? Predict the ratio before you run
# the cell. In between lies a **locally connected** layer: 3 × 3 windows, but other weights at every position.

# %% tags=["nbval-check-output"]
convolution = nn.Conv2d(3, 32, kernel_size=3, padding=1)
n_shared = sum(p.numel() for p in convolution.parameters())
n_local = 32 * 32 * 32 * (3 * 3 * 3 + 1)              # locally connected: separate weights at every position
n_dense = (3 * 32 * 32 + 1) * (32 * 32 * 32)          # every pixel to every value
print(f"convolution {n_shared:,}   locally connected {n_local:,}   dense {n_dense:,}")
print(f"weight sharing saves a factor of {n_local / n_shared:,.0f}, local connections {n_dense / n_local:,.0f}: "
      f"together {n_dense / n_shared:,.0f}")

# %% [markdown]
# Two assumptions make this possible. **Locality**: nearby pixels are related. **Translation equivariance**: a pattern
# means the same at every position, so if the input moves, the feature map moves with it. (With stride $S$ this holds
# for shifts by multiples of $S$, and not at the borders.) Such built-in assumptions are called the **inductive bias**
# of a model. They suit images; in lessons 02 and 03 they reappear for text and sound.
#
# ### Exercise 01.3: number of parameters  ●○○ · 5 minutes
#
# How many parameters does one convolution layer have, biases included?

# %%
def conv_parameters(in_channels: int, out_channels: int, kernel: int) -> int:
    """Weights and biases of a convolution layer with square kernels."""
    ### BEGIN SOLUTION
    return out_channels * (in_channels * kernel * kernel + 1)
    ### END SOLUTION


# %%
check("01.3", conv_parameters)

# %% [markdown]
# ## ReLU and pooling
#
# Two convolutions in a row are equivalent to one, so a nonlinearity must stand between them. **ReLU** keeps positive
# values and sets negative ones to 0. **Max pooling** keeps the largest value of each patch: it records *that* a feature
# occurs there, not exactly where.

# %% tags=["nbval-check-output"]
x = torch.tensor([[-2.0, 1, 0, 3], [5, -1, 2, -4]])
print("ReLU\n", F.relu(x))
print("max pooling over 2 x 2 patches", F.max_pool2d(x[None], 2)[0].tolist())

# %% [markdown]
# ## Receptive field
#
# The **receptive field** of a value is the part of the input that it depends on. It grows with every layer. Here are three
# layers of kernel 3 and stride 2, in one dimension.

# %%
diagrams.receptive_field(kernels=(3, 3, 3), strides=(2, 2, 2))

# %% [markdown]
# Layer $\ell$ has kernel $K_\ell$ and stride $S_\ell$; $r_\ell$ is its receptive field. The layer adds $K_\ell - 1$
# steps, each as long as the product of all earlier strides:
#
# $$r_{\ell} = r_{\ell-1} + (K_\ell - 1)\prod_{m<\ell} S_m, \qquad r_0 = 1$$
#
# In the diagram, $1 + 2 = 3$, then $3 + 2 \cdot 2 = 7$, then $7 + 2 \cdot 4 = 15$.
#
# ### Exercise 01.4: receptive field  ●●○ · 5 minutes
#
# Write the function for any stack of layers.

# %%
def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Receptive field of one output value, in pixels along one side; layers are (kernel, stride), first layer first."""
    ### BEGIN SOLUTION
    field, step = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step *= stride
    return field
    ### END SOLUTION


# %%
check("01.4", receptive_field)

# %% [markdown]
# ## The network, from scratch
#
# The network below has these three layers, so its receptive field is 15 pixels. A big fish is more than 20 pixels wide:
# the network must recognise it by parts such as eye, tail and fin. The last pooling step keeps the maximum of each map
# over the whole image.

# %%
diagrams.image_classifier()

# %% [markdown]
# Stride 2 halves the height and width in each block, so no pooling is needed in between. **Batch normalisation** (Ioffe
# and Szegedy 2015) scales each channel to mean 0 and standard deviation 1 over the batch, then applies a learned scale
# and shift. It allows larger learning rates. Its shift replaces the bias of the convolution.

# %%
class ThreeConvolutions(nn.Module):
    """Images to one logit per class.   (B, 3, 32, 32) -> (B, K)"""

    def __init__(self, n_classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 24, 3, stride=2, padding=1, bias=False)
        self.conv2 = nn.Conv2d(24, 48, 3, stride=2, padding=1, bias=False)
        self.conv3 = nn.Conv2d(48, 96, 3, stride=2, padding=1, bias=False)
        self.norm1, self.norm2, self.norm3 = nn.BatchNorm2d(24), nn.BatchNorm2d(48), nn.BatchNorm2d(96)
        self.head = nn.Linear(96, n_classes)

    def forward(self, images: Tensor) -> Tensor:               # (B, 3, 32, 32)
        maps = F.relu(self.norm1(self.conv1(images - 0.5)))    # (B, 24, 16, 16)
        maps = F.relu(self.norm2(self.conv2(maps)))            # (B, 48, 8, 8)
        maps = F.relu(self.norm3(self.conv3(maps)))            # (B, 96, 4, 4)
        return self.head(maps.amax(dim=(2, 3)))                # (B, 96) -> (B, K)


model = ThreeConvolutions(len(KINDS))
print("logits", tuple(model(train.images[:5]).shape), "  parameters", sum(p.numel() for p in model.parameters()))

# %% [markdown]
# ## The loss
#
# The outputs are **logits** $z_k$: one score per class, of any size and sign. The **softmax** turns them into probabilities
# $p_k = e^{z_k} / \sum_j e^{z_j}$. The **cross-entropy** is $-\ln p_{\text{true class}}$, averaged over the batch.
# `F.cross_entropy` computes both steps from the logits. Predict the loss of a network that gives all 14 classes the same
# probability.

# %%
logits, targets = model(train.images[:256]), train.kinds[:256]
p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)                      # (B, K)
by_hand = -p[range(256), targets].log().mean()
print(f"by hand {by_hand:.4f}   PyTorch {F.cross_entropy(logits, targets):.4f}   ln(14) {torch.tensor(14.0).log():.4f}")

# %% [markdown]
# A uniform prediction gives $-\ln(1/14) = \ln 14$. The untrained network has a higher loss: its random weights give the
# classes unequal probabilities, unrelated to the true class.
#
# ## One training step
#
# Training repeats one step. The **forward pass** computes the loss of a batch. `backward` computes the gradient of the loss
# with respect to every parameter. The **optimiser** updates the parameters.

# %%
diagrams.training_step()

# %% [markdown]
# **Adam** (Kingma and Ba 2015) adapts the step size of each parameter. Let $g$ be its gradient, $\hat m$ an exponential
# moving average of $g$, $\hat v$ one of $g^2$ (both corrected for having started at 0), $\eta$ the learning rate and
# $\epsilon$ a tiny constant. **AdamW** (Loshchilov and Hutter 2019) adds *decoupled weight decay*, which shrinks each
# weight by a fraction $\eta\lambda$:
#
# $$w \leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon} - \eta \lambda w$$
#
# In the first step $\hat m = g$ and $\hat v = g^2$: Adam moves every weight by $\eta$, whatever the size of its gradient.

# %% tags=["nbval-check-output"]
weight = nn.Parameter(torch.tensor(0.5))
optimiser = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.01)
(0.2 * weight).backward()                                                     # gradient 0.2
optimiser.step()
print(f"by hand {0.5 - 0.1 * 0.2 / abs(0.2) - 0.1 * 0.01 * 0.5:.4f}   PyTorch {weight.item():.4f}")

(0.2 * weight).backward()                                                     # without zero_grad
print("gradient after the second backward:", round(weight.grad.item(), 4))

# %% [markdown]
# The last line shows why a loop needs `zero_grad`: `backward` *adds* to the gradients that are already there. Without
# `zero_grad`, each step would use the sum of all gradients so far.
#
# ## The training loop
#
# Here is the whole loop, 64 images per step. `steps(60)` is 60, except in a quick test of the notebook.

# %%
optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
order = torch.randperm(len(train))
for step in range(steps(60)):
    batch = order[step * 64:(step + 1) * 64]                                  # (64,)
    loss = F.cross_entropy(model(train.images[batch]), train.kinds[batch])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 15 == 0:
        print(f"step {step:3d}   loss {loss.item():.2f}")

# %% [markdown]
# ## Training mode and evaluation mode
#
# Some layers behave differently during training. Batch normalisation uses the mean and variance of the current batch in
# **training mode**, and running averages in **evaluation mode**. Does the output for one image depend on the other images
# in its batch? Predict it for both modes.

# %%
for mode in ("training", "evaluation"):
    model.train(mode == "training")
    with torch.no_grad():
        difference = (model(train.images[:1]) - model(train.images[:64])[:1]).abs().max().item()
    print(f"{mode} mode: largest difference {difference:.4f}")

# %% [markdown]
# In training mode the prediction for an image changes with its batch; in evaluation mode it does not. Call
# `model.eval()` before you evaluate, and `model.train()` before you continue training. `torch.no_grad()` is separate:
# it saves the memory and time that gradients need. `fit`, `evaluate` and `predict` set the mode themselves.

# %% [markdown]
# ## Train it
#
# `fit` is the loop above, plus the choice of the device, a learning rate schedule (warm-up, then decay), evaluation on
# validation data after each epoch, and an interrupt that keeps the model. Its code is [one screen
# long](repository:mmcourse/training/fit.py). `ImageClassifier` is the same network as `ThreeConvolutions`. Predict
# which will be higher at the end, the training or the validation accuracy.

# %%
plain = ImageClassifier(len(KINDS))
history = fit(plain, Batches(train.images, train.kinds), valid=Batches(valid.images, valid.kinds, shuffle=False),
              epochs=8, lr=6e-3)
print(f"after 8 epochs: training {history['accuracy'][-1]:.1%}, validation {history['valid_accuracy'][-1]:.1%}")

# %% [markdown]
# Training accuracy is almost perfect, validation accuracy about three percentage points lower. The network fits details
# of the training images that do not generalise. This is **overfitting**. It is harmless as long as the validation loss
# still falls; when the validation loss *rises* while the training loss falls, more training makes the model worse.

# %% [markdown]
# ## Evaluate it
#
# Validation data helps to choose epochs, learning rate and other **hyperparameters**, so its score is slightly optimistic.
# The test split has not been used so far. Most confident mistakes first:

# %%
def accuracy(model: nn.Module, book: PictureBook) -> float:
    """Fraction of the book's images whose kind is predicted correctly."""
    return (predict(model, book.images).argmax(dim=1).cpu() == book.kinds).float().mean().item()


plain_test = accuracy(plain, test)
expect("01.test", plain_test)
show.show_mistakes(test.images, test.kinds, predict(plain, test.images), names=KINDS)

# %% [markdown]
# What do these mistakes have in common? Many objects are small: about eleven pixels, too few to tell a cat's ears from the
# points of a star. The **confusion matrix** shows which kinds are confused with which.

# %%
show.confusion_matrix(test.kinds, predict(plain, test.images).argmax(dim=1), KINDS)

# %% [markdown]
# ## Filters and feature maps
#
# The filters of the first layer are small enough to show directly: 3 × 3 pixels in colour. Look for edges, spots and colour
# contrasts.

# %%
show.show_filters(plain.encoder.blocks[0][0].weight, columns=16)

# %% [markdown]
# The feature maps of the first two blocks for one image are bright where a filter responds. Which maps of the first block
# respond to the outline of the fish, which to its colour?

# %%
objects = [scene.objects[0] for scene in test.scenes]
fish = next(i for i, shown in enumerate(objects) if shown.kind == "fish" and shown.size == "big")
images = test.images[fish:fish + 1].to(device())                                  # (1, 3, 32, 32)
maps1, maps2, _ = plain.encoder.all_feature_maps(images)                          # (1, 24, 16, 16), (1, 48, 8, 8)
show.show_feature_maps({"block 1": maps1, "block 2": maps2}, image=test.images[fish])

# %% [markdown]
# ## Grad-CAM
#
# **Grad-CAM** (Selvaraju et al. 2017) shows which regions contributed to a prediction. Let $A^k$ be feature map $k$ of a
# late layer, of size $H \times W$, and $z_c$ the logit of class $c$. The weight $\alpha_k$ of a map is the mean gradient of
# the logit over the map:
#
# $$\alpha_k = \frac{1}{HW}\sum_{i,j} \frac{\partial z_c}{\partial A^k_{ij}} \qquad
# \text{heat}_{ij} = \mathrm{ReLU}\Big(\sum_k \alpha_k A^k_{ij}\Big)$$

# %% [markdown]
# ### Exercise 01.5: Grad-CAM  ●●● · 15 minutes
#
# Implement the two formulas. Then divide each image's heat map by its largest value, so that it ranges from 0 to 1. A
# heat map that is 0 everywhere stays 0: avoid the division by zero with a tiny constant such as 1e-8, and do not
# subtract the minimum. A batch of one keeps its axis.

# %%
def grad_cam(feature_maps: Tensor, gradients: Tensor) -> Tensor:
    """Contribution of each position to the class.   (B, C, H, W), (B, C, H, W) -> (B, H, W) in [0, 1]"""
    ### BEGIN SOLUTION
    weights = gradients.mean(dim=(2, 3), keepdim=True)                 # (B, C, 1, 1)
    heat = (weights * feature_maps).sum(dim=1).relu()                  # (B, H, W)
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-8)
    ### END SOLUTION


# %%
check("01.5", grad_cam)

# %% [markdown]
# `gradcam.explain` does the same for any layer of a model. The last maps are 4 × 4, too coarse to localise anything, so we
# take the 8 × 8 maps of the second block. Titles are predictions; bright regions contributed most.

# %%
some = test.images[:6]
show.show_heatmap_over(some, gradcam.explain(plain, plain.encoder.blocks[1], some.to(device())).cpu(),
                       titles=[KINDS[kind] for kind in predict(plain, some).argmax(dim=1)])

# %% [markdown]
# ## A shortcut
#
# *What* did the network learn? Some combinations of kind and colour never occur in the training split: no red apple, no
# blue cat, no white fish. A separate split holds exactly these **held-out combinations**.

# %%
print(", ".join(f"{colour} {kind}" for kind, colour in sorted(HELD_OUT_PAIRS)))
held_out = PictureBook("held_out_pairs", 2_000)
show.show_pages(held_out, rows=1, columns=6, sentences=held_out.sentences)

# %% [markdown]
# You have no trouble with any of them: a red apple is an apple. What accuracy do you expect from the network, compared with
# that on the test split? Write your prediction down, then run the cell.

# %%
plain_held_out = accuracy(plain, held_out)
print(f"test split {plain_test:.0%}, held-out combinations {plain_held_out:.0%}")
show.show_mistakes(held_out.images, held_out.kinds, predict(plain, held_out.images), names=KINDS)

# %% [markdown]
# The network is highly confident in these eight mistakes. No house in the training split is green, but many other
# objects are, so green became evidence against *house*. This is a **shortcut** (Geirhos et al. 2020), a rule that works
# on the training data and fails elsewhere. The test split could not reveal it, because it has the same combinations as
# the training split.
#
# Does it help to remove the colour at test time? Predict the accuracy on greyscale copies of the same images.

# %%
grey = held_out.images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
grey_held_out = (predict(plain, grey).argmax(dim=1).cpu() == held_out.kinds).float().mean().item()
print(f"held-out combinations in greyscale: {grey_held_out:.0%}")

# %% [markdown]
# Accuracy falls further. The filters were trained on colour images, and greyscale images lie outside the training
# distribution. The network has to learn *during training* not to rely on colour.
#
# ## Augmentation
#
# **Augmentation** changes training images at random in ways that keep their labels. The model learns to be
# **invariant** to these changes. Two standard augmentations are the horizontal flip, here with probability 1/2, and the
# shift, here cyclic: rows that leave at the bottom enter at the top. The last row below shows a third: a random
# permutation of the colour channels. One of the six permutations changes nothing.

# %%
originals = train.images[:6]                                                  # (6, 3, 32, 32)
names = ("original", "flipped", "shifted", "channels permuted")
show.show_images(torch.cat([originals, flip(originals), shift(originals), permute_colours(originals)]), columns=6,
                 titles=[name if i == 0 else "" for name in names for i in range(6)],
                 alt="Six images; the same flipped at random, shifted, and with their colour channels permuted")

# %% [markdown]
# Permuting the channels keeps shapes and changes colours. A green apple whose red and green channels are exchanged *is a
# red apple*, so augmentation creates some held-out combinations. It is a remedy for *this* shortcut, designed with
# knowledge of it.
#
# ### Exercise 01.6: permute the colour channels  ●●○ · 10 minutes
#
# Draw for each image of the batch, independently, one of the six orders of the channels, all equally likely, with any
# random generator. Every call draws anew. Change nothing else, and leave the input as it is.
# (`torch.rand(...).argsort(...)` gives random orders.)

# %%
def my_permute_colours(images: Tensor) -> Tensor:
    """A random order of the colour channels for every image.   (B, 3, H, W) -> (B, 3, H, W)"""
    ### BEGIN SOLUTION
    order = torch.rand(len(images), 3).argsort(dim=1)                  # (B, 3)
    return images[torch.arange(len(images))[:, None], order]
    ### END SOLUTION


# %%
check("01.6", my_permute_colours)

# %% [markdown]
# Train two more networks: one with flips and shifts, one that also permutes the channels of 90% of the images. Which of
# them will improve on held-out combinations?

# %%
def flip_and_shift(images: Tensor) -> Tensor:
    return shift(flip(images))


def augment(images: Tensor) -> Tensor:
    return permute_colours(shift(flip(images)), fraction=0.9)


classic = ImageClassifier(len(KINDS))
fit(classic, Batches(train.images, train.kinds, transform=flip_and_shift), epochs=8, lr=6e-3)
augmented = ImageClassifier(len(KINDS))
augmented_history = fit(augmented, Batches(train.images, train.kinds, transform=augment), epochs=8, lr=6e-3)

# %%
models = {"no augmentation": plain, "flip and shift": classic, "flip, shift and channel permutation": augmented}
results = {name: {"test split": accuracy(model, test), "held-out combinations": accuracy(model, held_out)}
           for name, model in models.items()}
show.compare(results, chance=1 / len(KINDS))
permuted = results["flip, shift and channel permutation"]
expect("01.augmentation_gain", permuted["held-out combinations"] - plain_held_out)
expect("01.held_out_pairs", permuted["held-out combinations"])
expect("01.augmentation_test", permuted["test split"])

# %% [markdown]
# Flips and shifts improve the test accuracy, but they teach invariance to mirroring and position, not to colour. Only
# the channel permutation removes most of the shortcut. One run proves little: the stored table has five seeds, trained
# by `benchmarks/shortcut.py`. Your run is one more and may lie slightly outside these ranges.

# %%
show.show_stored_table("01_shortcut")

# %% [markdown]
# ## Play: draw an image
#
# Draw with the mouse and watch the feature maps and the prediction. Try a fish, then only its tail. Take a page from the
# book and paint over the object's eye. Then replace `augmented` by `plain`: can you find a colour that changes the
# prediction?

# %%
show.draw_and_watch(augmented, KINDS)

# %% [markdown]
# ## Debugging exercise
#
# This model runs without an error and its loss falls, yet it learns far too slowly. The bug appears in published tutorials.
# Train it and look at the curve.

# %%
class Buggy(nn.Module):
    def __init__(self, n_classes: int):
        super().__init__()
        self.classifier = ImageClassifier(n_classes)

    def forward(self, images: Tensor) -> Tensor:               # (B, 3, 32, 32) -> (B, n_classes)
        return F.softmax(self.classifier(images), dim=1)


buggy = Buggy(len(KINDS))
buggy_history = fit(buggy, Batches(train.images, train.kinds), epochs=3, lr=6e-3)
show.plot_history(buggy_history, title="the buggy model")
epochs = len(buggy_history["accuracy"])
reference = history["valid_accuracy"][epochs - 1]
print(f"validation accuracy after {epochs} epochs: buggy model {accuracy(buggy, valid):.0%}, "
      f"correct model (epoch {epochs} of its training) {reference:.0%}")

# %% [markdown]
# Its loss cannot fall below about 1.75, however accurate it is. To see why, give `F.cross_entropy` a perfect prediction:
# probability 1 for the true class and 0 for the other 13.

# %%
perfect = torch.zeros(1, 14)
perfect[0, 3] = 1
print("loss of a perfect prediction:", round(F.cross_entropy(perfect, torch.tensor([3])).item(), 4))

# %% [markdown]
# ### Exercise 01.debug: fix the model  ●●○ · 10 minutes
#
# Write `fixed`, which returns a model like `Buggy` that can be trained with `F.cross_entropy`. Where does the softmax belong
# if you need probabilities afterwards?

# %%
def fixed(n_classes: int) -> nn.Module:
    """A network whose output F.cross_entropy can use.   (B, 3, 32, 32) -> (B, n_classes)"""
    ### BEGIN SOLUTION
    return ImageClassifier(n_classes)
    ### END SOLUTION


# %%
check("01.debug", fixed)

# %% [markdown]
# ## On real data: MNIST
#
# MNIST holds 70,000 handwritten digits of 28 × 28 greyscale pixels (LeCun et al. 1998). The model is `ImageClassifier`
# again, with one input channel. Each training digit is shifted by up to two pixels, which keeps its label. A flip would
# not: a mirrored 2 is not a digit. Small networks with two convolutions reach about 99.2%.

# %%
mnist, mnist_test = (real.load_or_explain("mnist", split) for split in ("train", "test"))
if mnist and mnist_test:
    digits, labels = real.images(mnist)                                # (60000, 1, 28, 28), (60000,)
    test_digits, test_labels = real.images(mnist_test)
    show.show_images(digits[:12], titles=labels[:12].tolist(), columns=12, alt="Twelve handwritten digits")
    digit_classifier = ImageClassifier(10, in_channels=1)
    shifted = Batches(digits, labels, size=128, transform=lambda images: shift(images, pixels=2))
    fit(digit_classifier, shifted, epochs=4, lr=1e-2)
    digit_logits = predict(digit_classifier, test_digits)
    expect("01.mnist", (digit_logits.argmax(dim=1).cpu() == test_labels).float().mean().item())
    show.show_mistakes(test_digits, test_labels, digit_logits)

# %% [markdown]
# Some of these digits are ambiguous for people too. MNIST has no held-out combinations: its test digits come from other
# writers, so the score measures generalisation to new writers. It says nothing about house numbers in a photograph.

# %% [markdown]
# ## Where this is used
#
# Convolutional networks support radiologists, sort parcels and detect pedestrians. Real images hold thousands of kinds
# of objects, partly hidden and in any light, and their shortcuts are not known in advance. Zech et al. (2018) trained
# networks to detect pneumonia in X-rays. Networks could also identify an image's hospital with high accuracy. In three
# of five comparisons, pneumonia detection was worse on images from other hospitals.

# %%
quiz("01")

# %% [markdown]
# ## Open-ended questions
#
# 1. Choose other held-out combinations, for instance all objects in red. Which of the augmentations would you expect to
#    help, and why?
# 2. Replace global max pooling by average pooling (`mean` instead of `amax`). How does the accuracy on small objects change?
# 3. Name a data set with a likely shortcut. How would you build a split that reveals it?

# %% [markdown]
# ## Summary
#
# - A convolution applies the same weights at every position; output size, parameters and receptive field follow from kernel,
#   stride and padding.
# - A training step is forward pass, `zero_grad`, `backward`, optimiser step; evaluation needs evaluation mode.
# - Filters, feature maps and Grad-CAM show what a network responds to.
# - A test split that resembles the training split cannot reveal a shortcut; a split of held-out combinations can.
# - Augmentation can remove a shortcut that you know.
#
# Next: [02 Text](02_text.ipynb), where word order matters.

# %% [markdown]
# **References.** LeCun, Bottou, Bengio, Haffner 1998, *Gradient-based learning applied to document recognition*,
# [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791): convolutional networks, and MNIST. Ioffe, Szegedy 2015, *Batch
# normalization*, [arXiv:1502.03167](https://arxiv.org/abs/1502.03167). Kingma, Ba 2015, *Adam: a method for stochastic
# optimization*, [arXiv:1412.6980](https://arxiv.org/abs/1412.6980). Loshchilov, Hutter 2019, *Decoupled weight decay
# regularization*, [arXiv:1711.05101](https://arxiv.org/abs/1711.05101): AdamW. Selvaraju et al. 2017, *Grad-CAM*,
# [arXiv:1610.02391](https://arxiv.org/abs/1610.02391). Geirhos et al. 2020, *Shortcut learning in deep neural networks*,
# [arXiv:2004.07780](https://arxiv.org/abs/2004.07780). Zech et al. 2018, *Variable generalization performance of a deep
# learning model to detect pneumonia in chest radiographs*,
# [doi:10.1371/journal.pmed.1002683](https://doi.org/10.1371/journal.pmed.1002683). LeCun, Bengio, Hinton 2015, *Deep
# learning*, [doi:10.1038/nature14539](https://doi.org/10.1038/nature14539): an overview.
