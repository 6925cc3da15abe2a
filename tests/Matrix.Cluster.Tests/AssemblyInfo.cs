// A fixture keeps its nodes in fields, so its tests run one after another. They mostly wait.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(3)]
