"""Asks the task app for the rollout of one seed; a seed that is none is the task's failure."""

import os
import sys
import urllib.request

seed = os.environ.get("SEED", "1")
if not seed.isdigit():
    sys.exit(f"{seed!r} is no seed")
url = f"http://127.0.0.1:{os.environ['PORT']}/rollout?seed={seed}"
print(urllib.request.urlopen(url, timeout=30).read().decode())
