// A fixture keeps its folder in a field, so its tests run one after another. Tests that measure time or take a free
// port run alone.
[assembly: Parallelizable(ParallelScope.Fixtures)]
