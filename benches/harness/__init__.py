"""What scripts/demo and scripts/bench share: start programs natively and under
libgreen, load them, and turn what was measured into tables and plots."""
