"""Real processes under fire (`docs/fire.md`): a test bed, a nemesis drawn from a seed, clients whose history
is judged. Reading order: trial, nemesis, faults, bed, fabric."""
