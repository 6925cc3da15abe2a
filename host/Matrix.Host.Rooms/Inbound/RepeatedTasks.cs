using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Tasks of rooms that nobody awaits. One that fails, or finds its room busy, is repeated after a pause that doubles.
/// They end when the server stops, or the room's shard closes.
/// </summary>
internal sealed partial class RepeatedTasks(ShardGates gates, TimeProvider time, ILogger<RepeatedTasks> log)
    : IDisposable
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _closing = new();

    /// <summary>Starts a task, and returns at once. It is repeated while it fails or returns false.</summary>
    /// <param name="closed">
    /// Called in place of further attempts if the room's shard closes, or is not open here.
    /// </param>
    internal void Run(RoomIdentity room, Func<CancellationToken, ValueTask<bool>> act, Action? closed = null) =>
        _ = Task.Run(() => RepeatAsync(room, act, closed));

    /// <inheritdoc/>
    public void Dispose() => _closing.Cancel();

    private async Task RepeatAsync(RoomIdentity room, Func<CancellationToken, ValueTask<bool>> act, Action? closed)
    {
        if (!gates.TryEnter(Authority.Room(room.RoomId), out var visit))
        {
            closed?.Invoke();
            return;
        }

        using var inside = visit;
        using var either = visit.Closing.CanBeCanceled
            ? CancellationTokenSource.CreateLinkedTokenSource(_closing.Token, visit.Closing)
            : null;
        var stop = either?.Token ?? _closing.Token;
        try
        {
            for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
            {
                try
                {
                    if (await act(stop)) return;
                }
                catch (StorageException fault) when (fault.Failure == StorageFailure.NotOwned)
                {
                    // The shard closes: the pause ends at once.
                }
#pragma warning disable CA1031 // What a room waits for has no caller that could take the exception.
                catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
                {
                    Failed(fault, room.RoomId, pause);
                }

                await Task.Delay(pause, time, stop);
            }
        }
#pragma warning disable CA1031 // Parts that a task uses may be disposed before it.
        catch (Exception) when (stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            // The next start, or the next opening of the shard, gives the staged events to the machine again.
            closed?.Invoke();
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Room {RoomId} did not get what it waited for, and tries again after {Pause}")]
    private partial void Failed(Exception fault, string roomId, TimeSpan pause);
}
