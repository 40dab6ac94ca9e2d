"""What a commit does: (state, commit) -> Outcome. Pure: equal on every node, in every process.

Contracts read and write through a `Context`, the context through a `View`, a view over the state or over the
view of the commit before. Reading order: contract, context, view, executor, idempotency, version, builtin.
"""
