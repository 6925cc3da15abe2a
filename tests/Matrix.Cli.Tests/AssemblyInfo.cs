// A fixture keeps its folder in a field, so its tests run one after another; those that time something or take a free port run alone.
[assembly: Parallelizable(ParallelScope.Fixtures)]
