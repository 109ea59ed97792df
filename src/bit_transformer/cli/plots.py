"""Traces as a picture."""

from collections.abc import Mapping
from pathlib import Path

from bit_transformer.bits.files import atomic_path
from bit_transformer.errors import MissingDependencyError
from bit_transformer.telemetry import Trace

__all__ = ["check_plotting", "plot_traces"]


def check_plotting() -> None:
    """Make sure that :func:`plot_traces` will work.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plots", "a plot") from error
    del mpl


def plot_traces(path: Path, groups: Mapping[str, Mapping[str, Trace]], title: str) -> None:
    """Draw a panel for each value, with a line for each group, over the position in bytes.

    Raises:
        StorageError: the place may not be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for traces in groups.values() for name in traces))
    figure = Figure(figsize=(9, 1 + 1.6 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=len(groups) == 1)[:, 0]
    for panel, name in zip(panels, names, strict=True):
        for group, traces in groups.items():
            if name in traces:
                trace = traces[name]
                middles = [(start + trace.window_bits / 2) / 8 for start in trace.starts]
                panel.plot(middles, trace.values.numpy(), label=group, linewidth=1)
        panel.set_ylim(-0.03, 1.03)
        panel.set_ylabel(name)
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("position in bytes")
    if len(groups) > 1:
        panels[0].legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
