using System.Diagnostics;
using Matrix.ClusterNodes;
using Matrix.Processes;

namespace Matrix.ClusterFaults.Load;

/// <summary>Users of a cluster, of whom some write and some read. A round of them has rooms of its own.</summary>
internal sealed class RoomLoad : IAsyncDisposable
{
    /// <summary>The rooms of a round.</summary>
    public const int Rooms = 8;

    private const int Writers = 20;
    private const int Readers = 2;
    private const int SlidingReaders = 1;

    /// <summary>
    /// How long what was acknowledged may take to arrive. A Synapse whose transaction failed tries again after up to 84
    /// seconds.
    /// </summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromMinutes(2);

    /// <summary>The missing events of a reader that are named.</summary>
    private const int NamedMissing = 3;

    private readonly Cluster _cluster;
    private readonly Random _random;
    private readonly IReadOnlyList<OtherServer> _others;
    private readonly List<Person> _writing = [];
    private readonly List<Person> _reading = [];
    private readonly List<Person> _sliding = [];
    private readonly CancellationTokenSource _over = new();
    private CancellationTokenSource _stopWriting = new();
    private CancellationTokenSource _stopReading = new();
    private List<Writer> _writers = [];
    private List<SyncReader> _readers = [];
    private List<SlidingReader> _sliders = [];
    private List<Visit> _visits = [];
    private Task _writes = Task.CompletedTask;
    private Task _reads = Task.CompletedTask;

    private RoomLoad(Cluster cluster, IReadOnlyList<OtherServer> others, int seed) =>
        (_cluster, _others, _random, Traffic) =
            (cluster, others, new Random(seed), new Traffic(cluster.Addresses));

    public Traffic Traffic { get; }

    /// <summary>The rooms of the round.</summary>
    public IReadOnlyList<string> RoomIds { get; private set; } = [];

    /// <summary>Somebody who writes what a test wants to.</summary>
    public Person Prober { get; private set; } = null!;

    public Acknowledged Acknowledged { get; private set; } = new();

    /// <summary>Registers the users.</summary>
    /// <param name="others">Servers whose users take part.</param>
    public static async Task<RoomLoad> CreateAsync(Cluster cluster, IReadOnlyList<OtherServer> others, int seed)
    {
        var load = new RoomLoad(cluster, others, seed);
        var run = Guid.NewGuid().ToString("n")[..6];
        for (var i = 0; i < Writers; i++) load._writing.Add(await Person.RegisterAsync(load.Traffic, $"w{i}-{run}"));
        for (var i = 0; i < Readers; i++) load._reading.Add(await Person.RegisterAsync(load.Traffic, $"r{i}-{run}"));
        for (var i = 0; i < SlidingReaders; i++)
            load._sliding.Add(await Person.RegisterAsync(load.Traffic, $"s{i}-{run}"));
        load.Prober = await Person.RegisterAsync(load.Traffic, $"p-{run}");
        return load;
    }

    /// <summary>Begins a round: makes rooms, and starts all clients.</summary>
    private async Task StartAsync()
    {
        Acknowledged = new Acknowledged();
        var owner = _writing[0];
        RoomIds = await Task.WhenAll(Enumerable.Range(0, Rooms).Select(i => owner.CreateRoomAsync($"room {i}")));
        foreach (var person in (Person[])[.. _writing.Skip(1), .. _reading, .. _sliding, Prober])
            await Task.WhenAll(RoomIds.Select(person.JoinAsync));

        _readers = [.. _reading.Select(person => new SyncReader(person, Acknowledged, _random.Next()))];
        _sliders = [.. _sliding.Select(static person => new SlidingReader(person))];
        _writers =
        [
            .. _writing.Select(person => new Writer(person, RoomIds, _reading, Acknowledged, _random.Next())),
        ];
        _visits = [.. await Task.WhenAll(_others.Select(VisitAsync))];
        _writers.AddRange(_visits.Select(static visit => visit.Writer));
        foreach (var reader in AllReaders) await reader.BeginAsync();
        Traffic.Forget();
        _stopWriting.Dispose();
        _stopReading.Dispose();
        _stopWriting = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
        _stopReading = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
        _reads = Task.WhenAll(AllReaders.Select(reader => reader.ReadAsync(_stopReading.Token)));
        _writes = Task.WhenAll(_writers.Select(writer => writer.WriteAsync(_stopWriting.Token)));
    }

    /// <summary>
    /// The time until each of these rooms took a message that was sent after this call. The prober's short patience
    /// lets it try elsewhere.
    /// </summary>
    public async Task<TimeSpan> UntilWrittenAsync(IEnumerable<string> rooms)
    {
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(rooms.Select(async room =>
        {
            var mark = Writer.NextMark();
            var sent = await Prober.SayAsync(room, mark, TimeSpan.FromSeconds(1.5));
            Acknowledged.Messages.Enqueue(new SentEvent(room, mark, sent));
        }));
        return watch.Elapsed;
    }

    /// <summary>Ends the round, once the faults are over, and checks everything that was acknowledged.</summary>
    /// <returns>One line of figures.</returns>
    private async Task<string> EndAsync()
    {
        await _stopWriting.CancelAsync();
        try
        {
            await _writes;
            await _cluster.WholeAsync();
            await _cluster.UntilAsync(
                () => Task.FromResult(_readers.All(HasAll) && AllReaders.Where(IsJudged).All(HasAllEvents)),
                () => "the readers did not get all that was acknowledged: " + string.Join("; ", Missing()),
                Patience);
        }
        finally
        {
            // Two readers of one device would take each other's messages in the next round.
            await _stopReading.CancelAsync();
            await _reads;
        }

        var checks = new RoundChecks(_cluster, RoomIds, _reading[0], Acknowledged);
        List<string> problems =
        [
            .. _writers.Select(static writer => writer.Problem).OfType<string>(),
            .. AllReaders.Where(IsJudged).SelectMany(static reader => reader.Problems),
            .. await checks.CheckAsync(_writing, _readers, _sliders),
        ];
        foreach (var visit in _visits) problems.AddRange(await new VisitorChecks(visit, _reading[0]).CheckAsync());
        LostException.ThrowIfAny(problems);
        return $"{Acknowledged.Messages.Count} messages"
            + string.Concat(_visits.Select(static visit => $" ({visit.Writer.Written} of {visit.Server.What})"))
            + $", {Acknowledged.StateEvents.Count} states, "
            + $"{Acknowledged.ToDevice.Count} to devices, {Traffic.FailedSince(0).Count} tries failed, "
            + $"longest write {Traffic.LongestWriteSince(0).TotalSeconds:0.0} s, "
            + $"{_sliders.Sum(static slider => slider.Restarts)} sliding connections anew";
    }

    /// <summary>A round with faults in the middle, after which everything is checked.</summary>
    /// <returns>One line of figures.</returns>
    public async Task<string> RoundAsync(Func<Task> faults)
    {
        await StartAsync();
        try
        {
            await faults();
        }
        catch
        {
            // Clients that go on would take what belongs to those of the next round.
            await _stopWriting.CancelAsync();
            await _stopReading.CancelAsync();
            await Task.WhenAll(_writes, _reads).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        return await EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await Task.WhenAll(_writes, _reads).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopWriting.Dispose();
        _stopReading.Dispose();
        _over.Dispose();
        Traffic.Dispose();
    }

    private bool HasAll(SyncReader reader) => HasAllEvents(reader)
        && Acknowledged.ToDevice.All(one => one.UserId != reader.Person.UserId || reader.HasToDevice(one.Mark));

    private bool HasAllEvents(Reader reader) =>
        SentTo(reader).All(sent => reader.Timelines.Has(sent.EventId));

    /// <summary>What was acknowledged in the rooms of a reader.</summary>
    private IEnumerable<SentEvent> SentTo(Reader reader)
    {
        var sent = Acknowledged.Messages.Concat(Acknowledged.StateEvents);
        return _visits.Find(visit => visit.Reader == reader) is { } visit
            ? sent.Where(one => visit.Rooms.Contains(one.Room))
            : sent;
    }

    private bool IsJudged(Reader reader) =>
        _visits.Find(visit => visit.Reader == reader) is not { Server.IsSyncJudged: false };

    private IEnumerable<Reader> AllReaders =>
        [.. _readers, .. _sliders, .. _visits.Select(static visit => visit.Reader)];

    /// <summary>Has the user of another server join, before anybody writes.</summary>
    private async Task<Visit> VisitAsync(OtherServer other)
    {
        var (visitor, rooms) = (other.Visitor, RoomIds.Take(other.Rooms).ToList());
        await Task.WhenAll(rooms.Select(room => visitor.JoinByAsync(_cluster.Name!, room)));
        visitor.Traffic.Forget();
        return new Visit(
            other,
            rooms,
            new SyncReader(visitor, Acknowledged, _random.Next()),
            new Writer(visitor, rooms, [], Acknowledged, _random.Next()) { IsVisitor = true });
    }

    private IEnumerable<string> Missing() => AllReaders.Select(reader =>
    {
        var lacking = SentTo(reader).Where(one => !reader.Timelines.Has(one.EventId)).ToList();
        var named = lacking.Take(NamedMissing).Select(static one => $"{one.Mark} ({one.EventId} in {one.Room})");
        var toDevice = reader is SyncReader syncs
            ? Acknowledged.ToDevice.Count(one => one.UserId == reader.Person.UserId && !syncs.HasToDevice(one.Mark))
            : 0;
        return $"{reader.Person.UserId} lacks {lacking.Count} events and "
            + $"{toDevice} messages to its device: {string.Join(", ", named)}. Its last answer was {reader.Last}"
            + string.Concat(reader.Problems.Select(static problem => $" ({problem})"));
    });
}
