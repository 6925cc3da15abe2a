using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Shows a user's profile in the rooms that they are in. Client-Server API, "Events on Change of Profile Information". A user's rooms are gone
/// through by one round at a time, and a round shows the profile as it is when the round begins: so the last one leaves the latest profile
/// everywhere. Of a user's rounds one is under way and one waits, at most; whoever comes later waits for the latter, which shows their change as well.
/// </summary>
internal sealed class ProfilePropagation(
    RoomSender sender, RoomSnapshots rooms, EventAppender appender, MemberContents contents, IMembershipsTable memberships)
{
    private const string MemberType = "m.room.member";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task> _underWay = [];
    private readonly Dictionary<string, Task> _waiting = [];

    /// <summary>The profile has changed, durably: shows it. The answer comes when every room shows this profile, or a later one.</summary>
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
    /// The user has joined a room, durably, with this content. If the profile changed while it was being written, whoever changed it did not know
    /// of the room.
    /// </summary>
    internal async ValueTask JoinedAsync(string userId, JsonObject content)
    {
        var now = await contents.OfAsync(userId, "join", null, CancellationToken.None).ConfigureAwait(false);
        if (!MemberContents.ShowSameProfile(now, content)) await ShowAsync(userId).ConfigureAwait(false);
    }

    private async Task RoundAsync(string userId, Task before)
    {
        // Nothing of it under the lock, and whatever became of the one before it.
        await Task.Yield();
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            _waiting.Remove(userId, out var mine);
            _underWay[userId] = mine!;
        }

        try
        {
            var profile = await contents.OfAsync(userId, "join", null, CancellationToken.None).ConfigureAwait(false);
            foreach (var row in await memberships.RoomsOfAsync(userId, MembershipSet.Join, CancellationToken.None).ConfigureAwait(false))
            {
                await ShowInAsync(userId, row.RoomId, profile).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_gate) _underWay.Remove(userId);
        }
    }

    /// <summary>In one room; one that they left meanwhile, or were removed from, is left alone.</summary>
    private async ValueTask ShowInAsync(string userId, string roomId, JsonObject content)
    {
        if (await rooms.FindAsync(roomId, CancellationToken.None).ConfigureAwait(false) is not { } snapshot) return;
        await sender.InLaneAsync<bool>(
            snapshot.Room.Nid,
            async turn =>
            {
                var now = await appender.State.EventAsync(turn, MemberType, userId, CancellationToken.None).ConfigureAwait(false);
                if (now is null || LaneState.MembershipOf(now.Pdu) != Membership.Join) return true;
                if (MemberContents.ShowSameProfile(now.Pdu.Content, content)) return true;
                var made = await appender.AppendAsync(turn, Draft.State(MemberType, userId, userId, content), null, null, CancellationToken.None)
                    .ConfigureAwait(false);
                return made.IsOk ? true : made.Failure;
            },
            CancellationToken.None).ConfigureAwait(false);
    }
}
