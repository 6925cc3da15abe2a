using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.State;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Sending;

/// <summary>A request to create a room.</summary>
public sealed record RoomRequest
{
    /// <summary>The creator.</summary>
    public required string Creator { get; init; }

    /// <summary>The room version; null for the default.</summary>
    public string? Version { get; init; }

    /// <summary>The preset.</summary>
    public required Preset Preset { get; init; }

    /// <summary>Whether the room is published in the directory.</summary>
    public bool IsPublished { get; init; }

    /// <summary>The full alias; null for none.</summary>
    public string? Alias { get; init; }

    /// <summary>Whether the creator's rooms and aliases are bounded: no application service, nor the server.</summary>
    public bool IsBounded { get; init; }

    /// <summary>Its name.</summary>
    public string? Name { get; init; }

    /// <summary>Its topic.</summary>
    public string? Topic { get; init; }

    /// <summary>The invited users.</summary>
    public IReadOnlyList<string> Invites { get; init; } = [];

    /// <summary>
    /// Called with the reason for each invited user whom no server knows, whose server did not take the invite, or
    /// whose application service did not answer: the room is created without them. Several calls may be made at once.
    /// </summary>
    public Action<RoomFailure>? NotInvited { get; init; }

    /// <summary>The invites' `is_direct`.</summary>
    public bool IsDirect { get; init; }

    /// <summary>Content of the create event.</summary>
    public JsonObject CreationContent { get; init; } = JsonObject.Empty;

    /// <summary>Merged over the default power levels.</summary>
    public JsonObject PowerLevelOverride { get; init; } = JsonObject.Empty;

    /// <summary>State events, sent after those of the preset.</summary>
    public IReadOnlyList<(string Type, string StateKey, JsonObject Content)> InitialState { get; init; } = [];

    /// <summary>The room that this one replaces, which lets one replacement run; nobody for none.</summary>
    internal Authority Replaced { get; init; }

    /// <summary>A change without which the room is not created.</summary>
    internal Func<RoomNid, ConditionalChange>? Requires { get; init; }

    /// <summary>A change that becomes durable with the room.</summary>
    internal Func<RoomNid, Change>? Writes { get; init; }
}

/// <summary>
/// Creates rooms: their first events become durable together or not at all. v1.19 client-server-api#creation
/// </summary>
public sealed class RoomCreator
{
    private readonly RoomLanes _lanes;
    private readonly EventAppender _appender;
    private readonly MemberContents _contents;
    private readonly ProfilePropagation _profiles;
    private readonly RoomMemberships _memberships;
    private readonly RoomNumbers _roomNumbers;
    private readonly AliasesTable _aliasesTable;
    private readonly NewRoomIds _ids;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;

    internal RoomCreator(
        RoomLanes lanes,
        EventAppender appender,
        MemberContents contents,
        ProfilePropagation profiles,
        RoomMemberships memberships,
        RoomNumbers roomNumbers,
        AliasesTable aliasesTable,
        NewRoomIds ids,
        RoomsOptions options,
        TimeProvider time)
    {
        _lanes = lanes;
        _appender = appender;
        _contents = contents;
        _profiles = profiles;
        _memberships = memberships;
        _roomNumbers = roomNumbers;
        _aliasesTable = aliasesTable;
        _ids = ids;
        _options = options;
        _time = time;
    }

    /// <summary>Creates a room.</summary>
    /// <returns>Its id.</returns>
    public async ValueTask<RoomResult<string>> CreateAsync(RoomRequest request, CancellationToken stop)
    {
        if (RulesOf(request.Version ?? _options.DefaultRoomVersion) is not { } rules)
        {
            return new RoomFailure(
                RoomFailureKind.UnsupportedRoomVersion,
                $"This server does not know the room version `{request.Version}`.");
        }

        var invites = request.Invites.Distinct().Where(user => user != request.Creator).ToList();
        if (invites.Count > _options.MaxInitialInvites || request.InitialState.Count > _options.MaxInitialState)
        {
            return new RoomFailure(
                RoomFailureKind.InvalidParam,
                $"A room starts with at most {_options.MaxInitialInvites} invites "
                + $"and {_options.MaxInitialState} state events.");
        }

        if (request.Alias is { } alias
            && await _aliasesTable.FindAsync(alias, stop) is not null)
        {
            return Taken(alias);
        }

        var creator = await _contents.OfAsync(request.Creator, "join", null, stop);
        var room = new NewRoom(request.Creator, creator, request.Preset)
        {
            Alias = request.Alias,
            Name = request.Name,
            Topic = request.Topic,
            IsDirect = request.IsDirect,
            CreationContent = request.CreationContent,
            PowerLevelOverride = request.PowerLevelOverride,
            DropsCreatorLevels = request.Version is null,
        };
        if (await AddInitialStateAsync(room, request, stop) is { } badState) return badState;
        if (await AddInvitesAsync(room, request, invites, stop) is { } badInvite) return badInvite;
        var created = await AppendAllAsync(rules, rules.CreationDrafts(room), request, stop);
        if (!created.IsOk) return created;
        await _profiles.JoinedAsync(request.Creator, creator);
        await InviteRemoteAsync(request, created.Value, invites.Where(_memberships.IsRemote), stop);
        return created;
    }

    /// <summary>Adds the state events of the request. The failure if one of them may not be there.</summary>
    private async ValueTask<RoomFailure?> AddInitialStateAsync(
        NewRoom room, RoomRequest request, CancellationToken stop)
    {
        foreach (var (type, stateKey, content) in request.InitialState)
        {
            if (type == EventTypes.Member && content.Text("membership") == "invite")
            {
                if (_memberships.IsRemote(stateKey))
                {
                    return new RoomFailure(
                        RoomFailureKind.InvalidParam, $"`invite` and not the initial state can invite {stateKey}.");
                }

                if (await _memberships.RefusedInviteAsync(
                    request.Creator, stateKey, null, stop) is { } refused)
                {
                    return refused;
                }
            }

            room.AddState(type, stateKey, content);
        }

        return null;
    }

    /// <summary>
    /// Adds the invites of the request. Users of other servers are invited once the room is durable. A user who cannot
    /// be found is left out; the failure if another one may not be invited.
    /// </summary>
    private async ValueTask<RoomFailure?> AddInvitesAsync(
        NewRoom room, RoomRequest request, IReadOnlyList<string> invites, CancellationToken stop)
    {
        foreach (var user in invites)
        {
            if (await _memberships.RefusedInviteAsync(
                request.Creator, user, null, stop) is { } refused)
            {
                if (refused.Kind is not (RoomFailureKind.NotFound or RoomFailureKind.TimedOut)) return refused;
                request.NotInvited?.Invoke(refused);
                continue;
            }

            if (_memberships.IsRemote(user)) room.AddLaterInvite(user);
            else room.AddInvite(user, await _contents.OfAsync(user, "invite", null, stop));
        }

        return null;
    }

    /// <summary>
    /// Invites users of other servers to the new room, and waits for them within a bounded time: the rest goes on after
    /// it. The room stays if their servers cannot be reached.
    /// </summary>
    private async ValueTask InviteRemoteAsync(
        RoomRequest request, string roomId, IEnumerable<string> users, CancellationToken stop)
    {
        // Users of one server come late: if it does not answer, the others are not tried one after the other.
        var inTurn = users.GroupBy(RoomNames.ServerOf)
            .SelectMany(static ofServer => ofServer.Index())
            .OrderBy(static each => each.Index)
            .Select(static each => each.Item)
            .ToArray();
        if (inTurn.Length == 0) return;

        var unreachable = new ConcurrentDictionary<string, RoomFailure>();
        var inviting = Parallel.ForEachAsync(
            inTurn,
            new ParallelOptions { MaxDegreeOfParallelism = _options.InvitesAtOnce },
            async (user, _) =>
            {
                var server = RoomNames.ServerOf(user);
                if (!unreachable.TryGetValue(server, out var why))
                {
                    why = await InviteRemoteAsync(request, roomId, user);
                    if (why is { Kind: RoomFailureKind.Unreachable }) unreachable.TryAdd(server, why);
                }

                if (why is not null) request.NotInvited?.Invoke(why with { Message = $"{user}: {why.Message}" });
            });
        try
        {
            await inviting.WaitAsync(_options.CreationInviteTime, _time, stop);
        }
        catch (TimeoutException)
        {
            // The client learns of the room now, and of the invites by sync.
        }
    }

    /// <summary>Invites one user. Not cancelled: their server may have taken the invite.</summary>
    private async ValueTask<RoomFailure?> InviteRemoteAsync(RoomRequest request, string roomId, string user)
    {
        try
        {
            var content = await _contents.OfAsync(user, "invite", null, CancellationToken.None);
            if (request.IsDirect) content = content.With("is_direct", Json.Of(true));

            return (await _memberships.InviteRemoteAsync(
                request.Creator, roomId, user, content, null, CancellationToken.None)).Failure;
        }
#pragma warning disable CA1031 // An invite that fails does not keep the others from being sent.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return new RoomFailure(RoomFailureKind.BadState, $"{fault.GetType().Name}: {fault.Message}");
        }
    }

    /// <summary>
    /// Creates a room of these drafts, with the request's alias and directory visibility. Its shard is one of this
    /// node.
    /// </summary>
    /// <param name="mayLack">Whether the room is created without a draft that its rules refuse; null for never.</param>
    internal async ValueTask<RoomResult<string>> AppendAllAsync(
        RoomRules rules,
        IReadOnlyList<Draft> drafts,
        RoomRequest request,
        CancellationToken stop,
        Predicate<Draft>? mayLack = null)
    {
        var nid = await _roomNumbers.NextAsync(stop);
        var drawn = _ids.Draw(rules, drafts);
        using var visit = drawn.Visit;
        var pending = new PendingRoom
        {
            // Where the id is a hash, the room gets it with its create event.
            Room = new RoomIdentity(nid, rules.RoomIdIsHash ? "" : drawn.RoomId, rules),
            Exists = false,
            State = StateTree.Empty,
            Local = LocalMembers.None,
        };
        var fits = new CreatedRoomsFewerThan(request.Creator, _options.MaxCreatedRooms);
        var aliasFits = new AliasesFewerThan(request.Creator, _options.MaxAliases);
        var roomId = "";
        var created = await _lanes.CreateAsync(
            pending,
            visit,
            async session =>
            {
                foreach (var draft in drafts)
                {
                    long? moment = draft.Type == EventTypes.Create ? drawn.Moment : null;
                    var made = await _appender.AppendAsync(session, draft, null, moment, stop);
                    if (made.IsOk || mayLack?.Invoke(draft) == true) continue;
                    return made.Failure.Kind is RoomFailureKind.Forbidden or RoomFailureKind.Malformed
                        ? new RoomFailure(RoomFailureKind.InvalidRoomState, $"`{draft.Type}`: {made.Failure.Message}")
                        : made.Failure;
                }

                session.Also = request.Replaced;
                if (request.IsBounded) session.Require(fits);
                if (request.Alias is { } alias)
                {
                    if (request.IsBounded) session.Require(aliasFits);
                    session.Require(new AliasCreated(alias, nid, request.Creator));
                }

                if (request.IsPublished) session.Write(new DirectoryVisibilityChanged(nid, true));
                if (request.Requires is { } requires) session.Require(requires(nid));
                if (request.Writes is { } writes) session.Write(writes(nid));
                roomId = session.Pending.Room.RoomId;
                return null;
            },
            stop);
        return !created.IsOk ? created.Failure
            : !created.Value.Refused ? roomId
            : request.IsBounded && !fits.Applied ? TooManyRooms()
            : request is { IsBounded: true, Alias: not null } && !aliasFits.Applied ? TooManyAliases(_options)
            : request.Alias is { } taken ? Taken(taken)
            : new RoomFailure(RoomFailureKind.BadState, "Another request has created the room.");
    }

    /// <summary>The rules of a version that rooms may be created in; null for others.</summary>
    internal RoomRules? RulesOf(string version) =>
        _options.UnstableRoomVersions.Contains(version) ? RoomRules.FindUnstable(version) : RoomRules.Find(version);

    /// <summary>The failure for a user who has created as many aliases as one may.</summary>
    internal static RoomFailure TooManyAliases(RoomsOptions options) => new(
        RoomFailureKind.LimitReached, $"A user creates at most {options.MaxAliases} aliases. Delete old ones.");

    private RoomFailure TooManyRooms() => new(
        RoomFailureKind.LimitReached, $"A user creates at most {_options.MaxCreatedRooms} rooms.");

    private static RoomFailure Taken(string alias) => new(RoomFailureKind.AliasTaken, $"The alias {alias} is taken.");
}
