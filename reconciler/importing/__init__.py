"""State made from what is live: `reconciler import`. Reads, decides what can be declared, and proves it by a plan."""
