using System.Diagnostics;
using System.Text;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>A sender and a user who waits for the messages by sync, of the same server or another one.</summary>
internal sealed class MessageTimes : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly Account _sender;
    private readonly string _room;
    private readonly Poller _receiver;
    private int _sent;

    public MessageTimes(Account sender, Account receiver, string room)
    {
        _sender = sender;
        _room = Uri.EscapeDataString(room);
        _receiver = new Poller(receiver.Again());
    }

    /// <summary>From the beginning of a send until the message is in the receiver's sync.</summary>
    public Durations Arrivals { get; } = new();

    /// <summary>From the beginning of a send until its response.</summary>
    public Durations Sends { get; } = new();

    /// <summary>Sends messages one after another, each when the one before has arrived.</summary>
    public void Send(int count, bool isWarmUp = false)
    {
        for (var i = 0; i < count; i++)
        {
            var (sent, arrived) = Send();
            if (isWarmUp) continue;
            Sends.Add(sent);
            Arrivals.Add(arrived);
        }
    }

    public void Dispose()
    {
        _receiver.Stop();

        // A last message wakes it.
        _sender.Send(_room);
        _receiver.Dispose();
    }

    private (long Sent, long Arrived) Send()
    {
        // The receiver must be waiting when the message is sent.
        Thread.Sleep(10);
        var marker = $"federated {++_sent}.";
        _receiver.Expect(marker);
        var body = Encoding.UTF8.GetBytes($$"""{"msgtype":"m.text","body":"{{marker}}"}""");
        var begun = Stopwatch.GetTimestamp();
        _sender.Send(_room, body);
        var sent = Stopwatch.GetTimestamp() - begun;
        var arrived = _receiver.SeenAt(_patience)
            ?? throw new TimeoutException($"Message {_sent} did not arrive within {_patience}.");
        return (sent, arrived - begun);
    }
}
