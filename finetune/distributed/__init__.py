"""One training in several processes: a GPU each, on one machine or on several.

Knows: how the processes are started, what they agree upon, how what is divided becomes whole again, and the
configurations for accelerate, DeepSpeed and FSDP2.
Refuses to know: data, what is learned, and how a training is told.

`--distributed` picks the configuration, also under a launcher. Each fact stands once: `zero2.json` and
`zero3.json` for DeepSpeed, `fsdp_config` in `fsdp2.yaml` for FSDP2; the files for accelerate name them.
"""
