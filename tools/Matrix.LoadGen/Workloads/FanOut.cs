using System.Diagnostics;
using System.Text;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>A message reaches many waiting clients: how long after the sender's 200 each of them has it.</summary>
internal sealed class FanOut : IWorkload
{
    public string Name => "fan-out";

    public string Sentence => "a message reaches 50 long-polling clients: time after the sender's 200";

    public IRun? Prepare(Stage stage) => stage.Server.Kind == ServerKind.Homeserver ? new FanOutRun(stage) : null;
}

/// <summary>The waiting clients, a thread each, and the sender.</summary>
internal sealed class FanOutRun : IRun
{
    private const int MessagesPerSlice = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Account sender;
    private readonly string room;
    private readonly List<Poller> pollers;
    private readonly Durations durations = new();
    private int messages;

    public FanOutRun(Stage stage)
    {
        var users = stage.Population.First(stage.Settings.Pollers + 1);
        sender = users[0];
        var roomId = sender.CreateRoom("fan-out");
        room = Uri.EscapeDataString(roomId);
        foreach (var user in users.Skip(1))
        {
            user.Join(roomId);
        }

        pollers = [.. users.Skip(1).Select(u => new Poller(u.Again()))];
    }

    public void WarmUp() => Send(MessagesPerSlice, new Durations());

    public void Slice() => Send(MessagesPerSlice, durations);

    public Figures Finish() => new Figures()
        .Add("clients", pollers.Count)
        .Add("messages", messages)
        .AddDurations("after_200_", durations);

    public void Dispose()
    {
        pollers.ForEach(p => p.Stop());

        // They are waiting: one last message wakes them all.
        sender.Send(room);
        pollers.ForEach(p => p.Dispose());
    }

    private void Send(int count, Durations into)
    {
        for (var i = 0; i < count; i++)
        {
            // All of them are to be waiting when it is sent.
            Thread.Sleep(60);
            var marker = $"fan-out {++messages}.";
            pollers.ForEach(p => p.Expect(marker));
            sender.Send(room, Encoding.UTF8.GetBytes($$"""{"msgtype":"m.text","body":"{{marker}}"}"""));
            var answered = Stopwatch.GetTimestamp();
            foreach (var poller in pollers)
            {
                var seen = poller.SeenAt(Patience)
                    ?? throw new InvalidDataException($"A waiting client did not get message {messages} within {Patience}.");
                into.Add(Math.Max(0, seen - answered));
            }
        }
    }
}

/// <summary>A client that long-polls on a thread of its own and notes when it got the message that it expects.</summary>
internal sealed class Poller : IDisposable
{
    private readonly Account account;
    private readonly Thread thread;
    private readonly ManualResetEventSlim seen = new(false);
    private volatile byte[] expected = [];
    private volatile bool stopping;
    private long seenAt;
    private string? since;

    public Poller(Account account)
    {
        this.account = account;
        since = account.SyncToken();
        thread = new Thread(Loop, maxStackSize: 256 * 1024) { IsBackground = true };
        thread.Start();
    }

    public void Expect(string marker)
    {
        seen.Reset();
        expected = Encoding.UTF8.GetBytes(marker);
    }

    /// <summary>The timestamp at which the response that holds the message had arrived; null if it did not in time.</summary>
    public long? SeenAt(TimeSpan patience) => seen.Wait(patience) ? Interlocked.Read(ref seenAt) : null;

    public void Stop() => stopping = true;

    public void Dispose()
    {
        thread.Join();
        account.Dispose();
        seen.Dispose();
    }

    private void Loop()
    {
        try
        {
            while (!stopping)
            {
                since = account.Sync(since, timeoutMilliseconds: 30_000);
                var now = Stopwatch.GetTimestamp();
                if (!seen.IsSet && expected.Length > 0 && account.Connection.Body.IndexOf(expected) >= 0)
                {
                    Interlocked.Exchange(ref seenAt, now);
                    seen.Set();
                }
            }
        }
        catch (Exception problem) when (problem is IOException or InvalidDataException or System.Net.Sockets.SocketException)
        {
            // The sender misses this client's answer and says so; the reason is worth a line.
            Console.Error.WriteLine($"a waiting client stopped: {problem.Message}");
        }
    }
}
