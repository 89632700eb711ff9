"""``python -m simulator`` is the ``stallion`` command."""

from simulator.cli import main

main()
