using System.Threading.Channels;
using Matrix.Core.Room.Incoming;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>What a room's machine asked for in one call.</summary>
/// <param name="Room">The room.</param>
/// <param name="Machine">The machine. Only it can be given the results: numbers of requests are those of one
/// machine.</param>
/// <param name="Output">The output of the call.</param>
/// <param name="Staged">For each request for keys the staged event whose signatures lack them.</param>
internal sealed record RequestedByMachine(
    RoomIdentity Room, RoomMachine Machine, Output Output, IReadOnlyDictionary<int, ReadOnlyMemory<byte>> Staged);

/// <summary>
/// What the rooms' machines ask for: requests to other servers, resolutions of large states, to be woken at a time, and
/// a further session. A lane adds it and goes on; a reader carries it out, and brings the results back through
/// <see cref="RoomLanes"/>. It has no bound of its own, because machines bound what they ask for.
/// </summary>
internal sealed class OpenRequests
{
    private static readonly Dictionary<int, ReadOnlyMemory<byte>> _none = [];

    private readonly Channel<RequestedByMachine> _added = Channel.CreateUnbounded<RequestedByMachine>(
        new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Adds what a machine asks for, if it asks for anything. Called while the room's lane is held.</summary>
    internal void Add(RoomIdentity room, RoomMachine machine, Output output)
    {
        if (output.Requests.Length == 0 && output.Resolve is null && output.RetryAt <= 0 && !output.HasMore) return;
        _ = _added.Writer.TryWrite(new RequestedByMachine(room, machine, output, StagedFor(machine, output)));
    }

    /// <summary>All that is added, in order, until cancelled. Read by one reader.</summary>
    internal IAsyncEnumerable<RequestedByMachine> ReadAllAsync(CancellationToken stop) =>
        _added.Reader.ReadAllAsync(stop);

    // Read here, because the machine belongs to the lane.
    private static Dictionary<int, ReadOnlyMemory<byte>> StagedFor(RoomMachine machine, Output output)
    {
        if (!Array.Exists(output.Requests, static each => each.Request.IsKeys)) return _none;
        var staged = new Dictionary<int, ReadOnlyMemory<byte>>();
        foreach (var request in output.Requests)
        {
            if (!request.Request.IsKeys) continue;
            if (machine.Staged(request.For) is { } pdu) staged[request.Number] = pdu.Canonical;
        }

        return staged;
    }
}
