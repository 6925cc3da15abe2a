using System.Collections.Concurrent;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>
/// Removes deactivated users from their rooms: they leave, reject invites and retract knocks. The deactivation writes a
/// row for the user, which is deleted when no room is left: failures are retried, and the next start continues. The
/// request that deactivates begins with it, wherever it is; the duty's node goes on from the row.
/// </summary>
public sealed partial class Departures : DutyService, IChangeConsumer
{
    private const int PageSize = 100;
    private static readonly Authority _duty = Authority.Duty("departures");
    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);

    private readonly RoomMemberships _memberships;
    private readonly IMembershipsTable _membershipsTable;
    private readonly StrippedRoomsTable _strippedRoomsTable;
    private readonly IAccountsTable _accountsTable;
    private readonly IStorageWriter _writer;
    private readonly bool _hasOtherNodes;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<Departures> _log;

    /// <summary>The users who are leaving their rooms now.</summary>
    private readonly ConcurrentDictionary<string, bool> _leaving = new();

    /// <summary>Completed with the time after which there may be departures to finish.</summary>
    private TaskCompletionSource<TimeSpan> _again = NewSignal();

    internal Departures(
        RoomMemberships memberships,
        IMembershipsTable membershipsTable,
        StrippedRoomsTable strippedRoomsTable,
        IAccountsTable accountsTable,
        IStorageWriter writer,
        ShardGates gates,
        RoomsOptions options,
        TimeProvider time,
        ILogger<Departures> log)
        : base(_duty, gates)
    {
        _memberships = memberships;
        _membershipsTable = membershipsTable;
        _strippedRoomsTable = strippedRoomsTable;
        _accountsTable = accountsTable;
        _writer = writer;
        _hasOtherNodes = !ReferenceEquals(gates, ShardGates.AlwaysOpen);
        _options = options;
        _time = time;
        _log = log;
    }

    /// <summary>
    /// Makes a deactivated user leave their rooms, once the deactivation is durable, and waits for it within a bounded
    /// time: the rest goes on after it. Rooms that fail are retried while the service runs.
    /// </summary>
    internal async ValueTask BeginAsync(string userId)
    {
        try
        {
            await LeaveOrRetryAsync().WaitAsync(_options.DepartureTime, _time);
        }
        catch (TimeoutException)
        {
            // Servers that do not answer do not keep the client waiting.
        }

        async Task LeaveOrRetryAsync()
        {
            if (await TryAsync(userId, Authority.User(userId), CancellationToken.None) is not null)
            {
                Volatile.Read(ref _again).TrySetResult(TimeSpan.Zero);
            }
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is UserDeactivated) MayGoOnElsewhere();
    }

    /// <inheritdoc/>
    public void Missed(long through) => MayGoOnElsewhere();

    /// <summary>The request may be another node's: it has its time, and what it leaves is done here.</summary>
    private void MayGoOnElsewhere()
    {
        if (_hasOtherNodes) Volatile.Read(ref _again).TrySetResult(_options.DepartureTime);
    }

    /// <summary>
    /// Finishes departures until it is stopped, beginning with those of earlier runs. It sleeps while there are none;
    /// while some fail, it retries after growing pauses.
    /// </summary>
    protected override async Task WorkAsync(CancellationToken stop)
    {
        var pause = _firstPause;
        while (true)
        {
            // Created before the round: a departure that fails while it runs starts the next round.
            var again = NewSignal();
            Volatile.Write(ref _again, again);
            if (await RoundAsync(stop))
            {
                var wait = await again.Task.WaitAsync(stop);
                if (wait > TimeSpan.Zero) await Task.Delay(wait, _time, stop);
                pause = _firstPause;
            }
            else
            {
                await Task.Delay(pause, _time, stop);
                pause = pause * 2 < _options.LongestDeparturePause ? pause * 2 : _options.LongestDeparturePause;
            }
        }
    }

    /// <summary>Tries each departure once. Returns whether all are finished.</summary>
    internal async ValueTask<bool> RoundAsync(CancellationToken stop)
    {
        var (finished, after) = (true, "");
        while (true)
        {
            IReadOnlyList<string> page;
            try
            {
                page = await _accountsTable.ListDeparturesAsync(after, PageSize, stop);
            }
            catch (StorageException fault)
            {
                Failed("", "", fault.Message);
                return false;
            }

            foreach (var userId in page)
            {
                if (_leaving.ContainsKey(userId))
                {
                    finished = false;
                    continue;
                }

                if (await TryAsync(userId, _duty, stop) is not { } failure) continue;
                Failed(userId, failure.RoomId, failure.Reason);
                finished = false;
            }

            if (page.Count < PageSize) return finished;
            after = page[^1];
        }
    }

    /// <summary>
    /// One user leaves their rooms. Returns a room that could not be left, and why; null if the departure is finished.
    /// The room is empty if reading the user's rooms or writing the end of the departure failed.
    /// </summary>
    /// <param name="authority">What ends it: the user in the request that deactivates, or the duty.</param>
    private async ValueTask<(string RoomId, string Reason)?> TryAsync(
        string userId, Authority authority, CancellationToken stop)
    {
        if (!_leaving.TryAdd(userId, true)) return ("", "The user is leaving now.");
        (string RoomId, string Reason)? failure = null;
        try
        {
            var rooms = await _membershipsTable.RoomsOfAsync(
                userId, MembershipSet.Join | MembershipSet.Invite | MembershipSet.Knock, stop);
            var stripped = await _strippedRoomsTable.OfUserAsync(userId, after: 0, through: long.MaxValue, stop);
            var open = stripped.Where(row => row.IsOpen).Select(row => row.RoomId);
            await Parallel.ForEachAsync(
                rooms.Select(row => row.RoomId).Concat(open).Distinct(),
                new ParallelOptions
                {
                    MaxDegreeOfParallelism = _options.DeparturesAtOnce,
                    CancellationToken = stop,
                },
                async (roomId, _) =>
                {
                    if (await LeaveAsync(userId, roomId) is { } reason)
                    {
                        failure = (roomId, reason);
                    }
                });

            if (failure is null)
            {
                await _writer.WriteAsync(new WriteBatch(authority, 1).Add(new DepartureEnded(userId)), stop);
            }
        }
        catch (StorageException fault)
        {
            failure = ("", fault.Message);
        }
        finally
        {
            _leaving.TryRemove(userId, out _);
        }

        return failure;
    }

    /// <summary>Why the user could not leave; null if they did.</summary>
    private async ValueTask<string?> LeaveAsync(string userId, string roomId)
    {
        try
        {
            var failure = await _memberships.LeaveAsync(
                userId, roomId, null, CancellationToken.None, isDeparture: true);
            return failure?.Message;
        }
        catch (Exception fault) when (fault is StorageException or LaneBusyException)
        {
            return fault.Message;
        }
#pragma warning disable CA1031 // A broken room must not stop the user from leaving the others.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return $"{fault.GetType().Name}: {fault.Message}";
        }
    }

    private static TaskCompletionSource<TimeSpan> NewSignal() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The deactivated user {UserId} could not leave the room {RoomId}; the server will retry: {Reason}")]
    private partial void Failed(string userId, string roomId, string reason);
}
