using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// Keeps this server in the rooms of the policy lists that it follows: where no local user is in one, the server's own
/// user joins it, so that changes of its rules come here.
/// </summary>
public sealed class PolicyRooms
{
    private readonly RoomJoins _joins;
    private readonly RoomSnapshots _rooms;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;

    internal PolicyRooms(RoomJoins joins, RoomSnapshots rooms, RoomsOptions options, TimeProvider time)
    {
        _joins = joins;
        _rooms = rooms;
        _options = options;
        _time = time;
    }

    /// <summary>Joins the rooms, and looks after them until it is stopped.</summary>
    /// <param name="failed">Called with the room and the reason for each attempt that fails.</param>
    public async Task RunAsync(Action<string, string> failed, CancellationToken stop)
    {
        while (_options.Policies.Rooms.Count > 0)
        {
            foreach (var roomId in _options.Policies.Rooms)
            {
                if (await JoinAsync(roomId, stop) is { } reason) failed(roomId, reason);
            }

            await Task.Delay(_options.Policies.JoinInterval, _time, stop);
        }
    }

    /// <summary>Joins a room if no local user is in it. Why that failed; null if one is.</summary>
    internal async ValueTask<string?> JoinAsync(string roomId, CancellationToken stop)
    {
        if (await _rooms.FindAsync(roomId, stop) is { IsResident: true }) return null;
        if (_options.Notices.Localpart.Length == 0) return "no local user is in it, and the server has no own user";
        var own = $"@{_options.Notices.Localpart}:{_options.ServerName}";
        try
        {
            var joined = await _joins.JoinAsync(
                new JoinRequest(own, own, roomId, _options.Policies.Via, null, null), stop);
            return joined.Failure?.Message;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // One room that cannot be joined must not keep the server out of the others.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return $"{fault.GetType().Name}: {fault.Message}";
        }
    }
}
