// A fixture keeps its servers in fields, so its tests run one after another. The tests mostly wait, for processes and
// pauses, so more of them run at once than there are cores. The soak needs the machine for itself.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(3)]
