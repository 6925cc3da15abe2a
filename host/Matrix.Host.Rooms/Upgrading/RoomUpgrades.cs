using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Upgrading;

/// <summary>A request to replace a room by one of another version.</summary>
/// <param name="UserId">The user who asks, and creates the new room.</param>
/// <param name="RoomId">The old room.</param>
/// <param name="Version">The version of the new room.</param>
/// <param name="AdditionalCreators">Further creators, where the new version has them.</param>
/// <param name="IsBounded">Whether the number of rooms that the user creates is bounded.</param>
public sealed record RoomUpgradeRequest(
    string UserId, string RoomId, string Version, IReadOnlyList<string> AdditionalCreators, bool IsBounded);

/// <summary>
/// Replaces rooms by rooms of another version. The new room is created whole, then the old one is closed: tombstone,
/// aliases, directory and power levels in one batch. v1.19 client-server-api#room-upgrades
/// </summary>
public sealed class RoomUpgrades
{
    /// <summary>The most bans that are sent in one batch after the new room was made.</summary>
    private const int BansAtOnce = 500;

    /// <summary>The rooms that are looked at for one that an earlier try made.</summary>
    private const int MostLookedAt = 20;

    private readonly RoomCreator _creator;
    private readonly RoomLanes _lanes;
    private readonly EventAppender _appender;
    private readonly MemberContents _contents;
    private readonly ProfilePropagation _profiles;
    private readonly RoomSnapshots _rooms;
    private readonly StateReader _state;
    private readonly EventStore _events;
    private readonly IMembershipsTable _membershipsTable;
    private readonly AliasesTable _aliasesTable;
    private readonly RoomCommands _commands;
    private readonly ShardGates _gates;
    private readonly RoomsOptions _options;
    private readonly ConcurrentDictionary<string, bool> _running = new();

    internal RoomUpgrades(
        RoomCreator creator,
        RoomLanes lanes,
        EventAppender appender,
        MemberContents contents,
        ProfilePropagation profiles,
        RoomSnapshots rooms,
        StateReader state,
        EventStore events,
        IMembershipsTable membershipsTable,
        AliasesTable aliasesTable,
        RoomCommands commands,
        ShardGates gates,
        RoomsOptions options)
    {
        _creator = creator;
        _lanes = lanes;
        _appender = appender;
        _contents = contents;
        _profiles = profiles;
        _rooms = rooms;
        _state = state;
        _events = events;
        _membershipsTable = membershipsTable;
        _aliasesTable = aliasesTable;
        _commands = commands;
        _gates = gates;
        _options = options;
    }

    /// <summary>Replaces a room.</summary>
    /// <returns>The id of the new room.</returns>
    /// <exception cref="StorageException">Another node has the room. If it got it meanwhile, the next request there
    /// goes on with a new room that was made.</exception>
    public async ValueTask<RoomResult<string>> UpgradeAsync(RoomUpgradeRequest request, CancellationToken stop)
    {
        if (_creator.RulesOf(request.Version) is not { } rules)
        {
            return new RoomFailure(
                RoomFailureKind.UnsupportedRoomVersion,
                $"This server does not know the room version `{request.Version}`.");
        }

        using var visit = _gates.Enter(Authority.Room(request.RoomId));

        // Two requests at once would replace the room twice.
        if (!_running.TryAdd(request.RoomId, true)) return _busy;
        try
        {
            return await UpgradeAsync(request, rules, stop);
        }
        finally
        {
            _running.TryRemove(request.RoomId, out _);
        }
    }

    private async ValueTask<RoomResult<string>> UpgradeAsync(
        RoomUpgradeRequest request, RoomRules rules, CancellationToken stop)
    {
        if (await _rooms.FindAsync(request.RoomId, stop) is not { } old)
        {
            return RoomFailure.Unknown;
        }

        var allowed = await _lanes.EnterAsync<bool>(
            old.Room.Nid,
            async session => await _appender.WouldRefuseAsync(
                session, Tombstone(request, request.RoomId), stop) is { } refused
                ? refused
                : true,
            stop);
        if (!allowed.IsOk)
        {
            return old.State.Find(EventTypes.Member, request.UserId) is null ? RoomFailure.Unknown : allowed.Failure;
        }

        var joining = await _contents.OfAsync(request.UserId, "join", null, stop);
        var replaced = await ReadAsync(request, old, joining, stop);
        if (await UnfinishedAsync(request, old, stop) is not { } successor)
        {
            var created = await _creator.AppendAllAsync(
                rules,
                rules.UpgradeDrafts(replaced, old.Room.Rules),
                new RoomRequest
                {
                    Creator = request.UserId,
                    Preset = Preset.PrivateChat,
                    IsBounded = request.IsBounded,
                    Replaced = Authority.Room(request.RoomId),
                },
                stop,
                replaced.MayLack);
            if (!created.IsOk) return created;
            await _profiles.JoinedAsync(request.UserId, joining);
            successor = created.Value;
        }

        await BanAsync(request, successor, stop);

        // From here on a client that disconnects changes nothing: a half-closed room would have two successors.
        var closed = await CloseAsync(request, replaced, old, successor, CancellationToken.None);
        if (!closed.IsOk) return closed.Failure;

        try
        {
            // Those that came meanwhile.
            await BanAsync(request, successor, CancellationToken.None);
        }
        catch (StorageException fault) when (fault.Failure == StorageFailure.NotOwned)
        {
            // The room is replaced: a repetition would replace it once more.
        }

        return successor;
    }

    /// <summary>Sends the bans of the old room that the new one lacks. The new one may have gone to another node.
    /// </summary>
    private async ValueTask BanAsync(RoomUpgradeRequest request, string newRoomId, CancellationToken stop) =>
        await _commands.RunAsync(
            newRoomId,
            () => CopyBansHereAsync(request.RoomId, newRoomId, request.UserId, stop),
            () => new CopyBans(newRoomId, request.RoomId, request.UserId),
            stop);

    /// <summary>
    /// Sends the bans of the old room that the new one lacks, which is here, a bounded number in a batch, as far as the
    /// user has the power.
    /// </summary>
    internal async ValueTask<RoomFailure?> CopyBansHereAsync(
        string oldRoomId, string newRoomId, string userId, CancellationToken stop)
    {
        if (await _rooms.FindAsync(newRoomId, stop) is not { } successor
            || await _rooms.FindAsync(oldRoomId, stop) is not { } old)
        {
            return null;
        }

        var limit = Math.Min(_options.MaxUpgradeBans, BansAtOnce);
        for (var after = ""; limit > 0;)
        {
            var bans = await _membershipsTable.MembersAsync(old.Room.Nid, MembershipSet.Ban, after, limit, stop);
            var known = (await _membershipsTable.FindManyAsync(
                    successor.Room.Nid, [.. bans.Select(static row => row.UserId)], stop))
                .Where(static row => row.Membership == Membership.Ban)
                .Select(static row => row.UserId).ToHashSet(StringComparer.Ordinal);
            var missing = await _events.GetManyAsync(
                old.Room, [.. bans.Where(row => !known.Contains(row.UserId)).Select(static row => row.Event)], stop);
            if (missing.Count > 0)
            {
                await _lanes.EnterAsync<bool>(
                    successor.Room.Nid,
                    async session =>
                    {
                        foreach (var ban in missing)
                        {
                            var banned = ban.Pdu.StateKey!;
                            var member = await _appender.State.EventAsync(session, EventTypes.Member, banned, stop);
                            if (member is not null && LaneState.MembershipOf(member.Pdu) == Membership.Ban) continue;
                            var draft = Draft.State(
                                EventTypes.Member, banned, userId, ReplacedRoom.CopiedBan(ban.Pdu.Content));
                            await _appender.AppendAsync(session, draft, null, null, stop);
                        }

                        return true;
                    },
                    stop);
            }

            if (bans.Count < limit) return null;
            after = bans[^1].UserId;
        }

        return null;
    }

    /// <summary>
    /// The new room of an earlier try that did not close the old one: made by the same user, in that version. Only the
    /// rooms that the user joined last are looked at.
    /// </summary>
    private async ValueTask<string?> UnfinishedAsync(
        RoomUpgradeRequest request, RoomSnapshot old, CancellationToken stop)
    {
        if (old.State.Find(EventTypes.Tombstone, "") is not null) return null;
        var joined = await _membershipsTable.RoomsOfAsync(request.UserId, MembershipSet.Join, stop);
        foreach (var row in joined.OrderByDescending(row => row.Position).Take(MostLookedAt))
        {
            if (await _rooms.FindAsync(row.Room, stop) is not { } room
                || room.Room.Rules.Id != request.Version
                || await _state.EventAsync(room, EventTypes.Create, "", stop) is not { } create
                || create.Row.Sender != request.UserId)
            {
                continue;
            }

            if (create.Pdu.Content.Child("predecessor")?.Text("room_id") == request.RoomId) return room.Room.RoomId;
        }

        return null;
    }

    /// <summary>The state of the old room that the new one begins with.</summary>
    private async ValueTask<ReplacedRoom> ReadAsync(
        RoomUpgradeRequest request, RoomSnapshot old, JsonObject joining, CancellationToken stop)
    {
        var create = await _state.EventAsync(old, EventTypes.Create, "", stop);
        var last = await _events.GetAsync(old.Room, old.LastEvent, stop);
        var replaced = new ReplacedRoom(request.RoomId, request.UserId, joining)
        {
            LastEventId = last?.EventId ?? "",
            AdditionalCreators = request.AdditionalCreators,
            Creators = create?.Auth.Creators ?? [],
            Create = create?.Pdu.Content ?? JsonObject.Empty,
        };
        await ReadClosedAsync(replaced, old, stop);
        foreach (var type in ReplacedRoom.CopiedTypes)
        {
            if (await _state.ContentAsync(old, type, "", stop) is { } content)
            {
                replaced.AddState(type, "", content);
            }
        }

        // A space is its children. Those without servers were removed.
        var children = old.State.OfType(EventTypes.SpaceChild).Take(_options.MaxSpaceChildren)
            .Select(entry => EventNid.Of(old.Room.Nid, entry.Ordinal)).ToArray();
        foreach (var child in await _events.GetManyAsync(old.Room, children, stop))
        {
            if (child.Pdu is { StateKey: { } key, Content: var content } && content.Texts("via").Count > 0)
            {
                replaced.AddState(EventTypes.SpaceChild, key, content);
            }
        }

        var bans = await _membershipsTable.MembersAsync(
            old.Room.Nid, MembershipSet.Ban, afterUser: "", _options.MaxUpgradeBans, stop);
        foreach (var ban in await _events.GetManyAsync(
            old.Room, [.. bans.Select(static row => row.Event)], stop))
        {
            if (ban.Pdu.StateKey is { } banned) replaced.AddBan(banned, ban.Pdu.Content);
        }

        return replaced;
    }

    /// <summary>Reads what of the old room changes when it is closed.</summary>
    private async ValueTask ReadClosedAsync(ReplacedRoom replaced, RoomSnapshot old, CancellationToken stop)
    {
        replaced.Levels = await _state.ContentAsync(old, EventTypes.PowerLevels, "", stop);
        replaced.CanonicalAlias = await _state.ContentAsync(old, EventTypes.CanonicalAlias, "", stop);
        replaced.MovedAliases = await _aliasesTable.OfRoomAsync(old.Room.Nid, stop);
    }

    /// <summary>
    /// Closes the old room. The tombstone must be allowed; the rest is done as far as the user has the power.
    /// </summary>
    private ValueTask<RoomResult<bool>> CloseAsync(
        RoomUpgradeRequest request,
        ReplacedRoom replaced,
        RoomSnapshot old,
        string newRoomId,
        CancellationToken stop) =>
        _lanes.EnterAsync<bool>(
            old.Room.Nid,
            async session =>
            {
                var tombstone = Tombstone(request, newRoomId);
                var made = await _appender.AppendAsync(session, tombstone, null, null, stop);
                if (!made.IsOk) return made.Failure;

                // Others may have changed it since the new room was made.
                if (await _rooms.FindAsync(old.Room.Nid, stop) is { } now)
                {
                    await ReadClosedAsync(replaced, now, stop);
                }

                if (await _rooms.FindAsync(newRoomId, stop) is { } successor)
                {
                    session.Write(new DirectoryMoved(old.Room.Nid, successor.Room.Nid));
                }

                await TryAsync(session, EventTypes.CanonicalAlias, old.Room.Rules.KeptAlias(replaced), request.UserId);
                await TryAsync(session, EventTypes.PowerLevels, old.Room.Rules.ClosedLevels(replaced), request.UserId);
                return true;
            },
            stop);

    /// <summary>Sends a state event, if there is one and its sender may.</summary>
    private async ValueTask TryAsync(LaneSession session, string type, JsonObject? content, string userId)
    {
        if (content is null) return;
        var draft = Draft.State(type, "", userId, content);
        await _appender.AppendAsync(session, draft, null, null, CancellationToken.None);
    }

    private static Draft Tombstone(RoomUpgradeRequest request, string newRoomId) => Draft.State(
        EventTypes.Tombstone,
        "",
        request.UserId,
        Members.Of(
            ("body", Members.Text("This room has been replaced")),
            ("replacement_room", Members.Text(newRoomId))));

    private static readonly RoomFailure _busy = new(RoomFailureKind.Busy, "The room is being replaced already.");
}
