using System.Diagnostics;
using System.Text;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>
/// What a client with many rooms waits for: the first response of sliding sync, the next one with a message, and an
/// initial sync with members loaded lazily.
/// </summary>
internal sealed class ManyRoomsClient : IWorkload
{
    public string Name => "client-many-rooms";

    public string Sentence =>
        "an account in 1,000 rooms: first and next sliding sync of 20 rooms, initial sync with lazy members";

    public IRun? Prepare(Stage stage) => stage.Server.Kind == ServerKind.Homeserver
        ? new ManyRoomsClientRun(stage)
        : null;
}

/// <summary>The account, the others in its rooms, and the three requests. A slow server makes fewer of each.</summary>
internal sealed class ManyRoomsClientRun : IRun
{
    private const int Creators = 4;
    private const int MessagesPerRoom = 3;
    private const int Window = 20;
    private const int NewsTimeout = 1000;
    private static readonly TimeSpan _turn = TimeSpan.FromSeconds(2);

    private readonly Account _user;
    private readonly Account _sender;
    private readonly List<string> _window = [];
    private readonly Requests _first;
    private readonly Requests _next;
    private readonly Requests _initial;
    private string? _pos;
    private int _filters;
    private int _messages;
    private int _firstBytes;
    private int _initialBytes;

    public ManyRoomsClientRun(Stage stage)
    {
        _user = stage.Population.Fresh();
        var creators = Enumerable.Range(0, Creators).Select(_ => stage.Population.Fresh()).ToList();
        _sender = creators[0];
        Parallel.ForEach(creators, creator => MakeRooms(creator, stage.Settings.ClientRooms / Creators));
        _first = new Requests(40, First);
        _next = new Requests(80, Next);
        _initial = new Requests(8, Initial);
    }

    /// <summary>Warms up until the server's code is compiled in its final form, for a bounded time.</summary>
    public void WarmUp()
    {
        foreach (var requests in (Requests[])[_first, _next, _initial]) requests.WarmUp();
    }

    public void Slice()
    {
        foreach (var requests in (Requests[])[_first, _next, _initial]) requests.Slice();
    }

    public Figures Finish() => new Figures()
        .AddDurations("first_", _first.Durations).Add("first_kilobytes", _firstBytes / 1024.0)
        .AddDurations("next_", _next.Durations)
        .AddDurations("initial_", _initial.Durations).Add("initial_kilobytes", _initialBytes / 1024.0);

    public void Dispose()
    {
    }

    private void MakeRooms(Account creator, int count)
    {
        using var user = _user.Again();
        for (var i = 0; i < count; i++)
        {
            var room = creator.CreateRoom($"room {i}");
            user.Join(room);
            var escaped = Uri.EscapeDataString(room);
            for (var message = 0; message < MessagesPerRoom; message++) creator.Send(escaped);
            if (creator == _sender && i < Window) _window.Add(escaped);
        }
    }

    private long First()
    {
        var start = Stopwatch.GetTimestamp();
        _pos = _user.SlidingSync(null, timeoutMilliseconds: 0, SlidingRequestBody.Body);
        var took = Stopwatch.GetTimestamp() - start;
        _firstBytes = _user.Connection.Body.Length;
        return took;
    }

    /// <summary>The response with a message that was sent before the request.</summary>
    private long Next()
    {
        var marker = $"news {++_messages}.";
        _sender.Send(
            _window[_messages % Window], Encoding.UTF8.GetBytes($$"""{"msgtype":"m.text","body":"{{marker}}"}"""));
        var start = Stopwatch.GetTimestamp();
        do
        {
            _pos = _user.SlidingSync(_pos, NewsTimeout, SlidingRequestBody.Body);
            if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(30))
            {
                throw new InvalidDataException($"Message {_messages} did not come by sliding sync.");
            }
        }
        while (_user.Connection.Body.IndexOf(Encoding.UTF8.GetBytes(marker)) < 0);
        return Stopwatch.GetTimestamp() - start;
    }

    private long Initial()
    {
        // Some servers keep responses for a while: a filter that differs, and means the same, asks for a new one.
        var filter = $$$$"""
            {"presence":{"limit":{{{{1000 + _filters++}}}}},
            "room":{"timeline":{"limit":20},"state":{"lazy_load_members":true}}}
            """;
        var start = Stopwatch.GetTimestamp();
        _user.Sync(since: null, timeoutMilliseconds: 0, $"&filter={Uri.EscapeDataString(filter)}");
        var took = Stopwatch.GetTimestamp() - start;
        _initialBytes = _user.Connection.Body.Length;
        return took;
    }

    /// <summary>A request that is repeated in each slice, so often at most, and not for longer than a turn.</summary>
    private sealed class Requests(int most, Func<long> request)
    {
        private const int WarmUpTurns = 5;

        public Durations Durations { get; } = new();

        public void WarmUp() => Repeat(most * WarmUpTurns, _turn * WarmUpTurns, new Durations());

        public void Slice() => Repeat(most, _turn, Durations);

        private void Repeat(int times, TimeSpan within, Durations into)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < times && (i == 0 || Stopwatch.GetElapsedTime(start) < within); i++)
            {
                into.Add(request());
            }
        }
    }
}
