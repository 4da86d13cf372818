"""The training itself: from settings to a finished adapter or model in the registry.

Knows: the one call that other rooms make, `finetune.training.sft.train`.
Refuses to know: pages, command lines, data files and formats.
"""

import logging

# Said while it is imported, to nobody who could act upon it.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
