using System.Collections.Concurrent;
using System.Diagnostics;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>
/// Three servers over TLS, on SQLite and PostgreSQL. Their users act while the servers are killed, stopped and parted;
/// then everything heals, and nothing may be lost.
/// </summary>
internal sealed class SoakRun : IAsyncDisposable
{
    private static readonly string[] _versions = ["1", "6", "10", "11", "12"];
    private static readonly TimeSpan _healing = TimeSpan.FromSeconds(90);

    /// <summary>The errors of a server's log that a failed run prints.</summary>
    private const int PrintedErrors = 3;

    /// <summary>How often the last check is tried again: a server that stalls shows what it has later.</summary>
    private const int LastChecks = 15;

    private readonly int _seed;
    private readonly PostgresProcess _postgres = new();
    private readonly SoakServer[] _servers;
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly Records _records = new();
    private readonly List<SoakRoom> _rooms = [];
    private readonly List<SyncingUser> _observers = [];
    private readonly List<SoakUser> _anchors = [];
    private readonly List<SoakUser> _guests = [];

    internal SoakRun(int seed)
    {
        _seed = seed;
        _servers = [.. Enumerable.Range(0, 3).Select(
            index => new SoakServer(index, index == 1 ? _postgres.NewDatabase("soak") : null))];
        foreach (var from in _servers)
        {
            foreach (var to in _servers.Where(to => to != from)) from.Connect(to);
        }
    }

    /// <summary>Runs for a time with all kinds of disturbances.</summary>
    internal Task SoakAsync(TimeSpan time) => RunAsync(async disturbances =>
    {
        using var stop = new CancellationTokenSource(time);
        await disturbances.RunAsync(stop.Token);
    });

    /// <summary>Runs until the servers were killed so often.</summary>
    internal Task KillAsync(int kills) => RunAsync(disturbances => disturbances.KillAsync(kills));

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        _postgres.Dispose();
    }

    private async Task RunAsync(Func<Disturbances, Task> disturb)
    {
        try
        {
            await PrepareAsync();
            await RunPreparedAsync(disturb);
        }
        catch
        {
            foreach (var server in _servers) server.Process.KeepsFiles = true;
            _postgres.KeepsFiles = true;
            Print($"seed {_seed}; data and logs: "
                + string.Join(", ", [.. _servers.Select(server => server.Process.Folder), _postgres.Folder]));
            foreach (var server in _servers)
            {
                foreach (var line in server.Process.LoggedErrors(PrintedErrors)) Print($"{server.Name}: {line}");
            }

            throw;
        }
    }

    private async Task RunPreparedAsync(Func<Disturbances, Task> disturb)
    {
        using var stopWork = new CancellationTokenSource();
        using var stopSyncs = new CancellationTokenSource();
        var workload = new Workload(_records, _servers, _rooms, _anchors, _guests);
        var disturbances = new Disturbances(_servers, _seed);
        var work = workload.RunAsync(_seed, stopWork.Token);
        var syncs = _observers.Select(observer => observer.RunAsync(stopSyncs.Token)).ToList();
        var watch = Stopwatch.StartNew();

        // What fails ends the run at once.
        var disturbing = disturb(disturbances);
        await await Task.WhenAny([disturbing, work, .. syncs]);
        await disturbing;
        await stopWork.CancelAsync();
        await work;
        await workload.SayLastAsync();
        Print($"{watch.Elapsed.TotalSeconds:0} s: {disturbances}; {workload.Actions} actions, "
            + $"{_records.Events.Count} events, {_records.Messages.Count} messages to devices, "
            + $"{_records.Devices.Count} devices");

        watch.Restart();
        var checks = new Checks(_records, _rooms, _observers, _guests);
        var problems = await checks.ProblemsAsync();
        for (var last = 0; problems.Count > 0 && watch.Elapsed < _healing; last = problems.Count)
        {
            if (problems.Count != last)
            {
                Print($"healing for {watch.Elapsed.TotalSeconds:0} s: {problems.Count} differences");
            }

            await Task.Delay(TimeSpan.FromSeconds(2));
            problems = await checks.ProblemsAsync();
        }

        foreach (var (room, users) in checks.Unmerged.ToList())
        {
            Print($"merging the forward extremities of {room.RoomId} (version {room.Version})");
            await workload.MergeAsync(room, users);
        }

        foreach (var (guest, room) in checks.Outside.ToList())
        {
            Print($"{guest.Id} joins {room.RoomId} again, which they have left for their own server only");
            (await room.JoinAsync(guest, _servers)).Is(200);
        }

        // What is sent twice may come later. Counts never fall, so trying again hides nothing that came twice.
        await Task.Delay(TimeSpan.FromSeconds(3));
        problems = await LastProblemsAsync(checks);
        for (var attempt = 0; problems.Count > 0 && attempt < LastChecks; attempt++)
        {
            await Task.Delay(TimeSpan.FromSeconds(2));
            problems = await LastProblemsAsync(checks);
        }

        Print($"healed within {watch.Elapsed.TotalSeconds:0} s");
        await stopSyncs.CancelAsync();
        await Task.WhenAll(syncs);
        problems = [.. _problems, .. problems];
        Assert.That(problems, Is.Empty, () => $"{problems.Count} problems with seed {_seed}, the first of them:\n"
            + string.Join('\n', problems.Take(30)));
    }

    private static async Task<IReadOnlyList<string>> LastProblemsAsync(Checks checks)
    {
        var problems = await checks.ProblemsAsync();
        return
        [
            .. problems,
            .. checks.Outside.Select(each => $"{each.Guest.Id} is in {each.Room.RoomId}, and not for their own server"),
        ];
    }

    private async Task PrepareAsync()
    {
        foreach (var server in _servers)
        {
            await server.StartAsync();
            _anchors.Add(await SoakUser.RegisterAsync(server, "anchor", _problems));
            for (var i = 1; i <= 2; i++) _guests.Add(await SoakUser.RegisterAsync(server, $"guest{i}", _problems));
        }

        foreach (var (index, version) in _versions.Index())
        {
            // Each server creates some. All anchors share the first two, which make their devices known.
            var anchors = Enumerable.Range(index, _servers.Length).Select(i => _anchors[i % _servers.Length]);
            _rooms.Add(await SoakRoom.CreateAsync(version, encrypted: index < 2, [.. anchors], _servers));
        }

        // The third server is in this one while a guest is.
        _rooms.Add(await SoakRoom.CreateAsync("11", encrypted: true, [.. _anchors.Take(2)], _servers));

        foreach (var anchor in _anchors)
        {
            await anchor.User.UploadsKeysAsync(2);
            _records.Devices[(anchor.Id, anchor.User.DeviceId)] = true;
            _observers.Add(new SyncingUser(anchor));
        }

        foreach (var observer in _observers) await observer.BeginAsync(_anchors.Select(anchor => anchor.Id));
    }

    internal static void Print(string line) => TestContext.Progress.WriteLine(line);
}
