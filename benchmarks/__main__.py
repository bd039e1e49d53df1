"""Every measurement in turn: `python -m benchmarks`, about an hour; each module also runs by itself."""

from benchmarks import agents, environments, memory, meta, meta_rl, planning

for measurement in (environments, meta, meta_rl, agents, memory, planning):
    measurement.main()
