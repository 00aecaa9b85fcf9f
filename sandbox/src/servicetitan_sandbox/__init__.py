"""Development only: a local ServiceTitan and a local BigQuery, each a process of its own on a free port.

- :mod:`sandbox.processes`: starts and stops them from Python.
- :mod:`sandbox.control`: changes the local ServiceTitan's records, sets faults, reads its request log.
- :mod:`sandbox.__main__`: the command line.
"""
