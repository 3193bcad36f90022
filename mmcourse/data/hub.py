"""Single files of data sets on the Hugging Face hub: check the connection, look in the cache, download.

The hub's own client retries a failed connection five times (23 seconds measured with no network), so one short request
is sent first. That request uses the client's own session: the same proxies, certificates and HF_ENDPOINT.
"""

import os
import threading
from pathlib import Path

QUICK, PATIENT = 1.2, 10.0  # seconds to wait for the hub: inside a lesson; when a person asked for a download


def why_unreachable(seconds: float = QUICK) -> str | None:
    """None if the hub answers within `seconds`, else a short reason. Tries once."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        if os.environ.get(name, "").strip().upper() in ("1", "ON", "YES", "TRUE"):
            return f"{name} is set"
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    reply: list[Exception | None] = []

    def ask() -> None:
        try:
            get_session().head(constants.ENDPOINT, timeout=seconds)
            reply.append(None)
        except Exception as error:  # no DNS entry or route, refused by a proxy, bad certificate: no download
            reply.append(error)

    # In a thread, since a DNS look-up has no time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not reply:
        return f"{constants.ENDPOINT} did not answer within {seconds:g} seconds"
    if reply[0] is not None:
        return f"{constants.ENDPOINT} cannot be reached: {reply[0] or type(reply[0]).__name__}"
    return None


def cached(repository: str, filename: str, revisions: tuple[str, ...]) -> Path | None:
    """The file's path in the hub's local cache under the first revision that has it, or None. Needs no network."""
    from huggingface_hub import try_to_load_from_cache

    for revision in revisions:
        path = try_to_load_from_cache(repository, filename, revision=revision, repo_type="dataset")
        if isinstance(path, str):
            return Path(path)
    return None


def download(repository: str, filename: str, revisions: tuple[str, ...], force: bool = False) -> Path:
    """Fetch the file into the hub's cache (which renames it into place when complete) and return its path.

    If the hub no longer has a revision, the next is tried; ConnectionError with the reason if all fail.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RevisionNotFoundError

    reason: Exception | None = None
    for revision in revisions:
        try:
            path = hf_hub_download(
                repository,
                filename,
                repo_type="dataset",
                revision=revision,
                force_download=force,
                etag_timeout=PATIENT,
            )
            return Path(path)
        except LocalEntryNotFoundError as error:  # a subclass of EntryNotFoundError, raised without a connection
            reason = error
            break
        except (RevisionNotFoundError, EntryNotFoundError) as error:
            reason = error
        except Exception as error:  # other failed downloads: the server's answer, a lost connection, a full disk
            reason = error
            break
    raise ConnectionError(f"{repository}/{filename} could not be fetched: {reason}") from reason
