"""The paths of the interface, a file per noun. Every route goes one way: parse, call one verb, present."""
