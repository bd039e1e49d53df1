"""Every measurement in turn: `python -m benchmarks`."""

from benchmarks import environments

environments.main()
