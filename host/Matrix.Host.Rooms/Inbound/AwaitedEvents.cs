using System.Collections.Concurrent;
using Matrix.Core.Room.Incoming;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>Received events whose decision somebody waits for. Thread-safe.</summary>
internal sealed class AwaitedEvents
{
    private readonly ConcurrentDictionary<RoomNid, Waiter> _byRoom = new();

    /// <summary>Begins to wait for events of a room for which nobody waits.</summary>
    internal Waiter Start(RoomNid room, IEnumerable<string> ids)
    {
        var waiter = new Waiter(ids, () => _byRoom.TryRemove(room, out _));
        return _byRoom.TryAdd(room, waiter)
            ? waiter
            : throw new InvalidOperationException("Events of the room are waited for already.");
    }

    /// <summary>Takes what a room's machine decided and dropped, once it is durable.</summary>
    internal void Take(RoomNid room, Output output)
    {
        if (_byRoom.TryGetValue(room, out var waiter)) waiter.Take(output);
    }

    /// <summary>The wait for some events of a room.</summary>
    internal sealed class Waiter(IEnumerable<string> ids, Action end) : IDisposable
    {
        private readonly Lock _gate = new();
        private readonly HashSet<string> _left = [.. ids];
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The number of awaited events that were decided.</summary>
        internal int Decided { get; private set; }

        internal void Take(Output output)
        {
            lock (_gate)
            {
                foreach (var decided in output.Decided)
                {
                    if (_left.Remove(decided.Event.EventId)) Decided++;
                }

                foreach (var (id, _) in output.Dropped) _left.Remove(id);
                foreach (var (id, _) in output.Remembered) _left.Remove(id);
                if (_left.Count == 0) _ended.TrySetResult();
            }
        }

        /// <summary>Waits only for these of the events.</summary>
        internal void Keep(Predicate<string> isAwaited)
        {
            lock (_gate)
            {
                _left.RemoveWhere(id => !isAwaited(id));
                if (_left.Count == 0) _ended.TrySetResult();
            }
        }

        /// <summary>Whether the last of them ends in this time.</summary>
        internal async ValueTask<bool> EndsAsync(TimeSpan within, TimeProvider time, CancellationToken stop)
        {
            try
            {
                await _ended.Task.WaitAsync(within, time, stop);
                return true;
            }
            catch (TimeoutException)
            {
                return false;
            }
        }

        public void Dispose() => end();
    }
}
