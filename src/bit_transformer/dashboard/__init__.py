"""The web view of runs, models and codecs, and the JSON interface under it.

The server reads run folders, starts trainings as processes of their own, and hands what needs
PyTorch to worker processes: it imports no PyTorch itself, so that ten viewers of one training
cost it next to nothing, and a model that takes all memory takes a worker down and not the page.
``cli`` above is one way to start it; ``runs`` below is what it reads.

    app          the application, put together
    config       what it may read, how much it takes, and who may ask
    security     the guard in front of every request
    failures     every error as an answer: what, where, what to do, and what else works
    schemas/     the bodies of requests and answers
    routes/      one file for each subject of the interface
    storage/     uploads, results to download, and the folders that may be read
    training/    run folders read, metrics kept as columns, trainings started and stopped
    worker/      the processes that hold models and run codecs
    static/      the page: plain ES modules, nothing from elsewhere

Invariants: nothing is read outside the run folder, the uploads and the allowed roots; nothing in
a request is run, loaded or followed; no training ends because a page or the server does; no
answer holds a traceback.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.dashboard.app import create_app
    from bit_transformer.dashboard.config import DashboardConfig

__all__ = ["DashboardConfig", "create_app"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.dashboard.app": ["create_app"],
        "bit_transformer.dashboard.config": ["DashboardConfig"],
    },
)
