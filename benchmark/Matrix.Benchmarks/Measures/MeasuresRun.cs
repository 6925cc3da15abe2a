using Matrix.Benchmarks.Disk;
using Matrix.Benchmarks.Floor;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;
using Matrix.Processes;

namespace Matrix.Benchmarks.Measures;

/// <summary>Runs every measure on one database, and prints each with its target and its figure.</summary>
internal sealed class MeasuresRun(Database database, double scale, TextWriter output)
{
    private readonly Settings _settings = new();
    private readonly List<Outcome> _outcomes = [];

    public IReadOnlyList<Outcome> Outcomes => _outcomes;

    public async Task RunAsync(CancellationToken stop)
    {
        await ReportDiskAsync(stop);
        await MeasureGrowthAsync(stop);
        await MeasureSpeedAsync(stop);
        await MeasureBigRoomAsync(stop);
    }

    /// <summary>Compares the database's commits with the disk's syncs, for docs/performance.md.</summary>
    private async Task ReportDiskAsync(CancellationToken stop)
    {
        var folder = Repository.ScratchFolder("disk");
        try
        {
            var (small, large) = (DiskSpeed.SyncsPerSecond(folder, 4096), DiskSpeed.SyncsPerSecond(folder, 16384));
            output.WriteLine(
                $"       {database.Name}: the disk syncs {small:0} writes of 4 KiB per second, {large:0} of 16 KiB");
            var url = database.New("commits") ?? "sqlite:commits.db";
            var (one, ten) = await CommitSpeed.MeasureAsync(url, folder, stop);
            output.WriteLine(
                $"       {database.Name}: the writer commits {one:0} rows per second one by one, "
                    + $"{ten:0} by ten at once");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task MeasureGrowthAsync(CancellationToken stop)
    {
        var bytesPerMessage = await GrowthAsync("growth_messages", new MessageGrowth(), stop);
        Add(Outcome.AtMost("growth per plain message of 200 bytes", 1536, bytesPerMessage, "bytes"));
        var bytesPerState = await GrowthAsync("growth_state", new StateGrowth(), stop);
        var state = $"growth per state event in a room with {_settings.StateEntries} entries";
        Add(Outcome.AtMost(state, 2048, bytesPerState, "bytes"));
    }

    private async Task<double> GrowthAsync(string name, IWorkload workload, CancellationToken stop)
    {
        using var server = new HomeserverProcess(database.New(name));
        await server.StartAsync(stop);
        using var run = workload.Prepare(Bench.StageOf(server, _settings))!;
        run.WarmUp();
        var before = await database.CompactedBytesAsync(server, name, stop);
        run.Slice();
        var after = await database.CompactedBytesAsync(server, name, stop);
        return (after - before) / (double)_settings.GrowthEvents;
    }

    private async Task MeasureSpeedAsync(CancellationToken stop)
    {
        using var server = new HomeserverProcess(database.New("speed"));
        await server.StartAsync(stop);
        await Task.Delay(TimeSpan.FromSeconds(3), stop);
        Add(Outcome.AtMost("memory of the idle server", 120, ProcessFigures.ResidentMegabytes(server.ProcessId), "MB"));

        var stage = Bench.StageOf(server, _settings);
        MeasureRooms(stage);
        using var floor = new FloorProcess(database.NewForFloor());
        await floor.ReadyAsync(stop);
        var bench = new Bench(stage, Bench.StageOf(floor, _settings));
        MeasureSending(bench);
        MeasureReading(bench);
        Add(Outcome.AtMost("memory after all of this", 400, ProcessFigures.ResidentMegabytes(server.ProcessId), "MB"));
    }

    /// <summary>
    /// Runs first and without the floor: a large database, or another process's writes, would distort the ratio of two
    /// figures of the homeserver.
    /// </summary>
    private void MeasureRooms(Stage stage)
    {
        var mine = Catalogue.Run(Catalogue.Named("send-many-rooms"), [stage])[0].Figures;
        Add(Outcome.Reported("50 users in 50 rooms: multiple of the one-room figure", mine["times_one_room"], "times"));
    }

    private void MeasureSending(Bench bench)
    {
        var (mine, floor) = bench.Run("send-sequential");
        var ratio = mine["p50_ms"] / floor!["p50_ms"];
        Add(Outcome.AtMost(
            "sequential send: p50 as a multiple of the floor's", database.SequentialSendRatio, ratio, "times"));

        (mine, floor) = bench.Run("send-one-room");
        var oneRoom = mine["per_second"];
        Add(Outcome.AtLeast(
            "10 senders in one room: share of the floor's throughput", 0.4, oneRoom / floor!["per_second"], "times"));
        Add(Outcome.AtLeast("10 senders in one room: durable messages, scaled", 3000, oneRoom * scale, "per second"));
    }

    private void MeasureReading(Bench bench)
    {
        var (mine, floor) = bench.Run("sync-idle");
        var ratio = floor!["per_second"] / mine["per_second"];
        Add(Outcome.AtMost("sync with nothing new: time as a multiple of a bare endpoint's", 1.5, ratio, "times"));
        (mine, _) = bench.Run("fan-out");
        var after = mine["after_200_p95_ms"] / scale;
        Add(Outcome.AtMost("a message at 50 waiting clients: p95 after the 200, scaled", 10, after, "ms"));
        (mine, _) = bench.Run("sync-initial");
        var cpu = mine["server_cpu_ms"] / scale;
        Add(Outcome.AtMost("initial sync of 200 rooms of 20 messages: server CPU, scaled", 40, cpu, "ms"));
        (mine, _) = bench.Run("messages");
        Add(Outcome.AtMost("a page of 100 messages: p50, scaled", 3, mine["p50_ms"] / scale, "ms"));
    }

    private async Task MeasureBigRoomAsync(CancellationToken stop)
    {
        var databaseUrl = database.New("big_room");
        using var server = new HomeserverProcess(databaseUrl);
        await server.StartAsync(stop);
        var stage = Bench.StageOf(server, _settings);
        var rooms = await BigRoomMaker.MakeAsync(server, databaseUrl, stage.Population, stop);
        stage = stage with { Settings = _settings with { BigRoom = rooms } };
        var figures = Catalogue.Run(Catalogue.Named("big-room"), [stage])[0].Figures;
        foreach (var what in (string[])["join", "state", "message"])
        {
            var name = $"a room of 100,000: {what}, as a multiple of a room of 100";
            Add(Outcome.AtMost(name, 2, figures[$"{what}_ratio"], "times"));
        }
    }

    private void Add(Outcome outcome)
    {
        var named = outcome with { Name = $"{database.Name}: {outcome.Name}" };
        _outcomes.Add(named);
        output.WriteLine(named);
        output.Flush();
    }
}
