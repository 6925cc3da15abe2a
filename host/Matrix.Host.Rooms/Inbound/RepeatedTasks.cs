using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Tasks of rooms that nobody awaits. One that fails, or finds its room busy, is repeated after a pause that doubles.
/// They end when the server stops.
/// </summary>
internal sealed partial class RepeatedTasks(TimeProvider time, ILogger<RepeatedTasks> log) : IDisposable
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _closing = new();

    /// <summary>Starts a task, and returns at once. It is repeated while it fails or returns false.</summary>
    internal void Run(RoomIdentity room, Func<CancellationToken, ValueTask<bool>> act) =>
        _ = Task.Run(() => RepeatAsync(room, act));

    /// <inheritdoc/>
    public void Dispose() => _closing.Cancel();

    private async Task RepeatAsync(RoomIdentity room, Func<CancellationToken, ValueTask<bool>> act)
    {
        var stop = _closing.Token;
        try
        {
            for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
            {
                try
                {
                    if (await act(stop)) return;
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
            // The server stops: the next start gives the staged events to the machine again.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Room {RoomId} did not get what it waited for, and tries again after {Pause}")]
    private partial void Failed(Exception fault, string roomId, TimeSpan pause);
}
