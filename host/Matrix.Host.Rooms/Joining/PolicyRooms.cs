using Matrix.Host.Rooms.Snapshots;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// Keeps this server in the rooms of the policy lists that it follows: where no local user is in one, the server's own
/// user joins it, so that changes of its rules come here.
/// </summary>
public sealed partial class PolicyRooms : BackgroundService
{
    private readonly RoomJoins _joins;
    private readonly RoomSnapshots _rooms;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<PolicyRooms> _log;

    internal PolicyRooms(
        RoomJoins joins, RoomSnapshots rooms, RoomsOptions options, TimeProvider time, ILogger<PolicyRooms> log)
    {
        _joins = joins;
        _rooms = rooms;
        _options = options;
        _time = time;
        _log = log;
    }

    /// <summary>Joins the rooms, and looks after them until it is stopped.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (_options.Policies.Rooms.Count > 0)
        {
            foreach (var roomId in _options.Policies.Rooms)
            {
                if (await JoinAsync(roomId, stoppingToken) is { } reason) Failed(roomId, reason);
            }

            await Task.Delay(_options.Policies.JoinInterval, _time, stoppingToken);
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

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The room {RoomId} of a policy list was not joined; the server will retry: {Reason}")]
    private partial void Failed(string roomId, string reason);
}
