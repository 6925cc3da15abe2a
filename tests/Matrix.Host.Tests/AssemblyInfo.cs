// A fixture keeps its servers in fields, so its tests run one after another. Fixtures do too where nothing else is
// said: a run of all tests has other suites beside it. ./test --quick says more.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(2)]
