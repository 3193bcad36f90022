"""Progress of `fit_adversarial`: samples and both losses in a notebook, a bar on a terminal, no output in a log."""

from mmcourse.training.progress import STEPS_SHOWN, Progress, view_for_here


class AdversarialProgress(Progress):
    """A callback of `fit_adversarial` that passes both losses and mean scores to a view a few times a second."""

    def show(self, run) -> None:
        run.look()
        recent = run.tally.results(STEPS_SHOWN)
        losses = {name.replace("_", " "): value for name, value in recent.items() if name.endswith("_loss")}
        scores = {name.replace("_", " "): value for name, value in recent.items() if name.endswith("_score")}
        if losses:
            self.view.update(run.step, losses, scores)


def progress(run) -> AdversarialProgress | None:
    """The callback for a notebook or a terminal; None without output or steps."""

    def live():
        from mmcourse.show.live_adversarial import AdversarialView

        return AdversarialView(run.total_steps, run.epochs, run.samples)

    view = view_for_here(live, run.total_steps, run.epochs, run.step)
    return AdversarialProgress(view) if view else None
