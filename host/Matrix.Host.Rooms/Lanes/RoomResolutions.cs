using System.Runtime.CompilerServices;
using Matrix.Core.Room.Incoming.Deciding;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// Runs the resolutions of states that are too large for a call of a room's machine. Both the room's received events
/// and a local event may wait for one: it runs once. Thread-safe.
/// </summary>
internal sealed class RoomResolutions(LookUpReader lookUpReader)
{
    private readonly ConditionalWeakTable<RoomResolution, Run> _runs = [];

    /// <summary>
    /// Runs a resolution, or joins its run. It ends even if nobody waits any more; one that failed may be run again.
    /// </summary>
    internal Task RunAsync(RoomIdentity room, RoomResolution resolution)
    {
        var run = _runs.GetValue(resolution, static _ => new Run());
        lock (run)
        {
            if (run.Task is null or { IsCompleted: true, IsCompletedSuccessfully: false })
            {
                run.Task = Task.Run(() => ResolveAsync(room, resolution));
            }

            return run.Task;
        }
    }

    /// <summary>True once for each resolution: the caller gives its machine the outcome.</summary>
    internal bool TryTake(RoomResolution resolution)
    {
        var run = _runs.GetValue(resolution, static _ => new Run());
        lock (run) return !run.IsTaken && (run.IsTaken = true);
    }

    private async Task ResolveAsync(RoomIdentity room, RoomResolution resolution)
    {
        for (var lookUps = resolution.Run(); !lookUps.IsEmpty; lookUps = resolution.Run())
        {
            resolution.Supply(await lookUpReader.ReadAsync(room, lookUps, null, CancellationToken.None));
        }
    }

    /// <summary>The latest run of a resolution.</summary>
    private sealed class Run
    {
        public Task? Task { get; set; }

        /// <summary>Whether somebody gives the machine its outcome.</summary>
        public bool IsTaken { get; set; }
    }
}
