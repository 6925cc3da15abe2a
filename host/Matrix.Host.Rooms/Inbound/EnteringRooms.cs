using System.Collections.Concurrent;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Rooms that local users are joining through other servers. Their first events may come before the room is known here:
/// they wait.
/// </summary>
public sealed class EnteringRooms(RoomsOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _entering = new();

    /// <summary>A join is about to be accepted. It ends when the result is disposed.</summary>
    internal IDisposable Begin(string roomId)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _entering[roomId] = ended;
        return new Entering(this, roomId, ended);
    }

    /// <summary>Waits until no join of the room is about to be accepted, within the configured time.</summary>
    internal ValueTask EndedAsync(string roomId, CancellationToken stop) =>
        _entering.TryGetValue(roomId, out var ended) ? WaitAsync(ended.Task, stop) : ValueTask.CompletedTask;

    private async ValueTask WaitAsync(Task ended, CancellationToken stop)
    {
        try
        {
            await ended.WaitAsync(options.JoinDecisionTime, time, stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The events get an error, and their server sends them again or is asked for them.
        }
    }

    private sealed class Entering(EnteringRooms rooms, string roomId, TaskCompletionSource ended) : IDisposable
    {
        public void Dispose()
        {
            rooms._entering.TryRemove(KeyValuePair.Create(roomId, ended));
            ended.TrySetResult();
        }
    }
}
