"""The parts of perf/compare: the arrangement, the measures and the report."""
