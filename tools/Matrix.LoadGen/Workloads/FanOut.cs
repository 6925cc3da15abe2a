using System.Diagnostics;
using System.Text;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Measures how long after the sender's 200 a message reaches each of many waiting clients.</summary>
internal sealed class FanOut : IWorkload
{
    public string Name => "fan-out";

    public string Sentence => "a message reaches 50 long-polling clients: time after the sender's 200";

    public IRun? Prepare(Stage stage) => stage.Server.Kind == ServerKind.Homeserver ? new FanOutRun(stage, Poll) : null;

    /// <summary>A sync of the client's rooms.</summary>
    public static string Poll(Account account, string? since, int timeoutMilliseconds) =>
        since is null ? account.SyncToken() : account.Sync(since, timeoutMilliseconds);
}

/// <summary>The same by sliding sync.</summary>
internal sealed class SlidingFanOut : IWorkload
{
    public string Name => "fan-out-sliding";

    public string Sentence => "a message reaches 50 clients that wait by sliding sync: time after the sender's 200";

    public IRun? Prepare(Stage stage) => stage.Server.Kind == ServerKind.Homeserver ? new FanOutRun(stage, Poll) : null;

    private static string Poll(Account account, string? pos, int timeoutMilliseconds) =>
        account.SlidingSync(pos, pos is null ? 0 : timeoutMilliseconds, SlidingRequestBody.Body);
}

/// <summary>A user's sync after a token, or its first one; returns the next token.</summary>
internal delegate string Poll(Account account, string? since, int timeoutMilliseconds);

/// <summary>The waiting clients, a thread each, and the sender.</summary>
internal sealed class FanOutRun : IRun
{
    private const int MessagesPerSlice = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Account _sender;
    private readonly string _room;
    private readonly List<Poller> _pollers;
    private readonly Durations _durations = new();
    private int _messages;

    public FanOutRun(Stage stage, Poll poll)
    {
        var users = stage.Population.First(stage.Settings.Pollers + 1);
        _sender = users[0];
        var roomId = _sender.CreateRoom("fan-out");
        _room = Uri.EscapeDataString(roomId);
        foreach (var user in users.Skip(1))
        {
            user.Join(roomId);
        }

        _pollers = [.. users.Skip(1).Select(u => new Poller(u.Again(), poll))];
    }

    public void WarmUp() => Send(MessagesPerSlice, new Durations());

    public void Slice() => Send(MessagesPerSlice, _durations);

    public Figures Finish() => new Figures()
        .Add("clients", _pollers.Count)
        .Add("messages", _durations.Count / _pollers.Count)
        .AddDurations("after_200_", _durations);

    public void Dispose()
    {
        _pollers.ForEach(p => p.Stop());

        // All clients are waiting: one last message wakes them.
        _sender.Send(_room);
        _pollers.ForEach(p => p.Dispose());
    }

    private void Send(int count, Durations into)
    {
        for (var i = 0; i < count; i++)
        {
            // All clients must be waiting when the message is sent.
            Thread.Sleep(60);
            var marker = $"fan-out {++_messages}.";
            _pollers.ForEach(p => p.Expect(marker));
            _sender.Send(_room, Encoding.UTF8.GetBytes($$"""{"msgtype":"m.text","body":"{{marker}}"}"""));
            var answered = Stopwatch.GetTimestamp();
            foreach (var poller in _pollers)
            {
                var seen = poller.SeenAt(Patience)
                    ?? throw new InvalidDataException(
                        $"A waiting client did not get message {_messages} within {Patience}.");
                into.Add(Math.Max(0, seen - answered));
            }
        }
    }
}

/// <summary>A client that long-polls on a thread of its own and notes when the expected message came.</summary>
internal sealed class Poller : IDisposable
{
    private readonly Account _account;
    private readonly Poll _poll;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _seen = new(false);
    private volatile byte[] _expected = [];
    private volatile bool _stopping;
    private long _seenAt;
    private string _since;

    public Poller(Account account)
        : this(account, FanOut.Poll)
    {
    }

    public Poller(Account account, Poll poll)
    {
        _account = account;
        _poll = poll;
        _since = poll(account, null, 0);
        _thread = new Thread(Loop, maxStackSize: 256 * 1024) { IsBackground = true };
        _thread.Start();
    }

    public void Expect(string marker)
    {
        _seen.Reset();
        _expected = Encoding.UTF8.GetBytes(marker);
    }

    /// <summary>The timestamp at which the response with the message had arrived; null if it did not in time.</summary>
    public long? SeenAt(TimeSpan patience) => _seen.Wait(patience) ? Interlocked.Read(ref _seenAt) : null;

    public void Stop() => _stopping = true;

    public void Dispose()
    {
        _thread.Join();
        _account.Dispose();
        _seen.Dispose();
    }

    private void Loop()
    {
        try
        {
            while (!_stopping)
            {
                _since = _poll(_account, _since, 30_000);
                var now = Stopwatch.GetTimestamp();
                if (!_seen.IsSet && _expected.Length > 0 && _account.Connection.Body.IndexOf(_expected) >= 0)
                {
                    Interlocked.Exchange(ref _seenAt, now);
                    _seen.Set();
                }
            }
        }
        catch (Exception problem)
            when (problem is IOException or InvalidDataException or System.Net.Sockets.SocketException)
        {
            // The sender reports that this client did not get the message; print the reason.
            Console.Error.WriteLine($"a waiting client stopped: {problem.Message}");
        }
    }
}
