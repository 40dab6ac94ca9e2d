"""The uploader: any number of files into a network, whatever breaks meanwhile, each stored once.

Reading order: item (what goes in and comes out), run (the stages), sender (how one file is stored once), lane
(which node takes it), walk, reading, rest and state.
"""

from weft.client.uploader.item import Options, Tally, Uploaded
from weft.client.uploader.run import Run

__all__ = ["Options", "Run", "Tally", "Uploaded"]
