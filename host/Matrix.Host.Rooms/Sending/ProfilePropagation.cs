using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Shows a user's profile in the rooms that they are joined to.
/// v1.19 client-server-api#events-on-change-of-profile-information
/// </summary>
/// <remarks>
/// A round sends the profile to all rooms of the user that there are when it begins. Each room reads the profile in its
/// lane, so that it shows the latest one also if another node runs a round at the same time: the node of a room that
/// the user joins does. The rounds of a user at one node run one after the other. At most one runs and one waits; later
/// callers share the waiting round, which shows their change too.
/// </remarks>
internal sealed class ProfilePropagation(
    RoomLanes lanes,
    RoomSnapshots rooms,
    EventAppender appender,
    MemberContents contents,
    IMembershipsTable memberships,
    RoomCommands commands)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task> _underWay = [];
    private readonly Dictionary<string, Task> _waiting = [];

    /// <summary>
    /// Shows a profile that changed, durably. Completes when every room shows this profile or a later one.
    /// </summary>
    internal Task ShowAsync(string userId)
    {
        lock (_gate)
        {
            if (_waiting.TryGetValue(userId, out var next)) return next;
            next = RoundAsync(userId, _underWay.GetValueOrDefault(userId) ?? Task.CompletedTask);
            _waiting.Add(userId, next);
            return next;
        }
    }

    /// <summary>
    /// Called when the user has joined a room, durably, with this content. A profile that changed before the join was
    /// durable is shown now: the round of that change did not know the room.
    /// </summary>
    internal async ValueTask JoinedAsync(string userId, JsonObject content)
    {
        var now = await contents.OfAsync(userId, "join", null, CancellationToken.None);
        if (!MemberContents.ShowSameProfile(now, content)) await ShowAsync(userId);
    }

    private async Task RoundAsync(string userId, Task before)
    {
        // Runs outside the lock, and even if the round before it failed.
        await Task.Yield();
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            _waiting.Remove(userId, out var mine);
            _underWay[userId] = mine!;
        }

        try
        {
            var rows = await memberships.RoomsOfAsync(userId, MembershipSet.Join, CancellationToken.None);
            StorageException? fault = null;
            foreach (var row in rows)
            {
                try
                {
                    await ShowInAsync(userId, row.RoomId);
                }
                catch (StorageException failed)
                {
                    // The other rooms may be at other nodes.
                    fault = failed;
                }
            }

            if (fault is not null) throw fault;
        }
        finally
        {
            lock (_gate) _underWay.Remove(userId);
        }
    }

    /// <summary>Shows the profile in one room, if the user is still joined.</summary>
    private async ValueTask ShowInAsync(string userId, string roomId) => await commands.RunAsync(
        roomId,
        () => ShowHereAsync(userId, roomId, CancellationToken.None),
        () => new ShowProfile(roomId, userId),
        CancellationToken.None);

    /// <summary>The same in a room that is here.</summary>
    internal async ValueTask<RoomFailure?> ShowHereAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return null;
        var shown = await lanes.EnterAsync<bool>(
            snapshot.Room.Nid,
            async session =>
            {
                var now = await appender.State.EventAsync(session, EventTypes.Member, userId, stop);
                if (now is null || LaneState.MembershipOf(now.Pdu) != Membership.Join) return true;
                var content = await contents.OfAsync(userId, "join", null, stop);
                if (MemberContents.ShowSameProfile(now.Pdu.Content, content)) return true;
                var made = await appender.AppendAsync(
                    session, Draft.State(EventTypes.Member, userId, userId, content), null, null, stop);
                return made.IsOk ? true : made.Failure;
            },
            stop);
        return shown.Failure;
    }
}
