#!/usr/bin/env python3
"""What the reference client, `tuf.ngclient`, says of every case of a manifest, by this machine's clock.

    judge.py FOLDER       prints JSON: for each case a list of verdicts, one for each step
"""
import hashlib
import json
import pathlib
import sys
import tempfile
import urllib.parse

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

SERVER = "https://interop.test/"


class Folder(FetcherInterface):
    """A server that is a folder."""

    def __init__(self, folder):
        self.folder = folder

    def _fetch(self, url):
        path = self.folder / urllib.parse.unquote(url.removeprefix(SERVER))
        if not path.is_file():
            raise DownloadHTTPError(f"no {path}", 404)
        yield path.read_bytes()


def step(out, case, step, cache):
    """One run of a fresh client over the cache that the step before left."""
    got = []
    try:
        updater = Updater(str(cache), SERVER + "metadata/", str(cache / "targets"), SERVER + "targets/",
                          fetcher=Folder(out / step["folder"]), bootstrap=(out / case["pin"]).read_bytes())
        updater.refresh()
        for target in step["targets"]:
            found = updater.get_targetinfo(target["path"])
            if found is None:
                return {"refused": "no such target", "got": got}
            body = pathlib.Path(updater.download_target(found)).read_bytes()
            got.append(hashlib.sha256(body).hexdigest())
    except Exception as e:  # whatever it is: the client ended without what was asked for
        return {"refused": type(e).__name__, "message": str(e), "got": got}
    return {"refused": None, "got": got}


def main(out):
    verdicts = {}
    for case in json.loads((out / "cases.json").read_text())["cases"]:
        with tempfile.TemporaryDirectory() as cache:
            cache = pathlib.Path(cache)
            (cache / "targets").mkdir()
            verdicts[case["name"]] = [step(out, case, s, cache) for s in case["steps"]]
    json.dump(verdicts, sys.stdout, indent=1)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
