using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Crypto;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>A third-party invite whose identifier is now bound to a local user.</summary>
/// <param name="Sender">The sender of the `m.room.third_party_invite` event.</param>
/// <param name="Proof">The user and the token, signed by the identity server.</param>
public sealed record BoundInvite(string RoomId, string Sender, JsonObject Proof);

/// <summary>
/// Makes an invite from a third-party invite whose identifier was bound to a user. Another server requests it for its
/// own user; an identity server reports the binding of a local user. v1.19 server-server-api#third-party-invites,
/// v1.19 server-server-api#cases-where-an-association-doesnt-exist-for-a-third-party-identifier
/// </summary>
public sealed partial class ThirdPartyInvites : IDisposable
{
    /// <summary>The most keys whose identity server is asked.</summary>
    private const int MaxKeys = 5;

    private readonly FederationApi _api;
    private readonly IdentityKeys _keys;
    private readonly RoomSnapshots _rooms;
    private readonly ServerAccess _access;
    private readonly StateReader _state;
    private readonly RoomLanes _lanes;
    private readonly EventAppender _appender;
    private readonly RoomReceiver _receiver;
    private readonly IRemoteMemberships _remote;
    private readonly ILocalUsers _users;
    private readonly PolicyLists _policies;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<ThirdPartyInvites> _log;
    private readonly SemaphoreSlim _bindings;

    internal ThirdPartyInvites(
        FederationApi api,
        IdentityKeys keys,
        RoomSnapshots rooms,
        ServerAccess access,
        StateReader state,
        RoomLanes lanes,
        EventAppender appender,
        RoomReceiver receiver,
        IRemoteMemberships remote,
        ILocalUsers users,
        PolicyLists policies,
        RoomsOptions options,
        TimeProvider time,
        ILogger<ThirdPartyInvites> log)
    {
        _api = api;
        _keys = keys;
        _rooms = rooms;
        _access = access;
        _state = state;
        _lanes = lanes;
        _appender = appender;
        _receiver = receiver;
        _remote = remote;
        _users = users;
        _policies = policies;
        _options = options;
        _time = time;
        _log = log;
        _bindings = new SemaphoreSlim(options.BindingsAtOnce, options.BindingsAtOnce);
    }

    /// <summary>
    /// Makes an invite of a user of another server, of the third-party invite of a local user, and sends it to that
    /// server as any other invite.
    /// </summary>
    /// <param name="peer">The invited user's server.</param>
    /// <param name="invite">The part of the membership event that it sent.</param>
    public async ValueTask<RoomFailure?> ExchangeAsync(
        string peer, string roomId, JsonObject invite, CancellationToken stop)
    {
        if (FaultOf(peer, roomId, invite) is { } fault) return fault;
        if (await _rooms.FindAsync(roomId, stop) is not { IsResident: true } snapshot)
        {
            return NotHere;
        }

        if (await _access.DeniesAsync(peer, snapshot, stop)) return ServerAccess.Denied;
        var content = await ContentAsync(snapshot, SignedOf(invite)!, stop);
        if (!content.IsOk) return content.Failure;
        var invited = await _remote.InviteAsync(
            snapshot, invite.Text("sender")!, invite.Text("state_key")!, content.Value, null, stop);
        return invited.Failure;
    }

    /// <summary>
    /// Makes invites of a local user, to whom an identity server bound a third-party identifier: in the room if this
    /// server is in it, otherwise through the inviter's server. Invites that fail are logged.
    /// </summary>
    /// <remarks>
    /// Identity servers do not sign the report, so anyone can cause the requests to inviters' servers. They are bounded
    /// for each report, and for all at once.
    /// </remarks>
    public async ValueTask<RoomFailure?> BindAsync(
        string userId, IReadOnlyList<BoundInvite> invites, CancellationToken stop)
    {
        if (_options.MaxBoundInvites == 0) return Refused("This server takes no reports of identity servers.");
        if (RoomNames.ServerOf(userId) != _options.ServerName)
        {
            return Invalid($"{userId} is not a user of this server.");
        }

        if (invites.Count > _options.MaxBoundInvites)
        {
            return Invalid($"At most {_options.MaxBoundInvites} invites are taken at once.");
        }

        if (await _users.UnknownAsync(userId, stop) is { } unknown) return unknown;

        // The identity server does not learn of the user's setting.
        if (await _users.BlocksInvitesAsync(userId, stop)) return null;
        if (!await _bindings.WaitAsync(0, stop)) return TooManyReports;
        try
        {
            await InviteAllAsync(userId, invites, stop);
        }
        finally
        {
            _bindings.Release();
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _bindings.Dispose();

    private static RoomFailure TooManyReports { get; } = new(
        RoomFailureKind.Busy, "This server is handling too many reports of identity servers.");

    private async Task InviteAllAsync(string userId, IReadOnlyList<BoundInvite> invites, CancellationToken stop)
    {
        using var clock = new CancellationTokenSource(_options.InviteTime, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        await Parallel.ForEachAsync(
            invites,
            new ParallelOptions { MaxDegreeOfParallelism = _options.InvitesAtOnce, CancellationToken = stop },
            async (invite, _) =>
            {
                var failure = await WithinTimeAsync(userId, invite, both.Token, stop);
                if (failure is not null) NotInvited(userId, invite.RoomId, failure.Message);
            });
    }

    private static RoomFailure NotHere { get; } = new(
        RoomFailureKind.NotFound, "This server has no user in that room.");

    private static RoomFailure Invalid(string message) => new(RoomFailureKind.InvalidParam, message);

    private static RoomFailure Refused(string message) => new(RoomFailureKind.Forbidden, message);

    private async ValueTask<RoomFailure?> WithinTimeAsync(
        string userId, BoundInvite invite, CancellationToken clock, CancellationToken stop)
    {
        try
        {
            return await InviteAsync(userId, invite, clock);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return RemoteFailures.Unusable(RoomNames.ServerOf(invite.Sender), "the invite took too long");
        }
    }

    private async ValueTask<RoomFailure?> InviteAsync(string userId, BoundInvite invite, CancellationToken stop)
    {
        if (invite.Proof.Text("mxid") != userId || invite.Proof.Text("token") is not { } token)
        {
            return Invalid("What the identity server signed is no token of the user.");
        }

        if (!UserId.IsValid(invite.Sender)) return Invalid("The sender is no user id.");
        if (await _policies.RefusedInviteAsync(
            invite.Sender, userId, invite.RoomId, stop) is { } refused)
        {
            return refused;
        }

        if (await _rooms.FindAsync(invite.RoomId, stop)
                is { IsResident: true } snapshot
            && snapshot.State.Find(EventTypes.ThirdPartyInvite, token) is not null)
        {
            return await EnterAsync(snapshot, userId, invite, stop);
        }

        var server = RoomNames.ServerOf(invite.Sender);
        if (server == _options.ServerName) return NotHere;

        // The inviter's server knows the name that is shown, and does not take it from here.
        var member = Member(
            invite.RoomId, invite.Sender, userId, ContentOf(userId, invite.Proof));
        var exchanged = await _api.ExchangeThirdPartyInviteAsync(server, invite.RoomId, member, stop);
        return exchanged.IsOk ? null : RemoteFailures.Of(server, exchanged.Failure!);
    }

    /// <summary>
    /// Makes the invite in a room that is here. This server signs it also for an inviter of another server, as the
    /// identity server's signature stands for theirs.
    /// </summary>
    private async ValueTask<RoomFailure?> EnterAsync(
        RoomSnapshot snapshot, string userId, BoundInvite invite, CancellationToken stop)
    {
        var content = await ContentAsync(snapshot, invite.Proof, stop);
        if (!content.IsOk) return content.Failure;
        var draft = Draft.State(EventTypes.Member, userId, invite.Sender, content.Value);
        var rules = snapshot.Room.Rules;
        for (var attempt = 1; ; attempt++)
        {
            var made = await _lanes.EnterAsync<Pdu>(
                snapshot.Room.Nid,
                async session =>
                {
                    var prepared = await EventAppender.PrepareAsync(session, stop);
                    return await _appender.DecideAsync(session, prepared, draft, null, stop);
                },
                stop);
            if (!made.IsOk) return made.Failure;

            var read = rules.ReadReceived(made.Value.Canonical).Value;
            var own = ReceivedEvent.OfPdu(
                read, Array.ConvertAll(read.Signatures, each => new CheckedSignature(each, SignatureFate.Valid)));
            var decided = await _receiver.DecideAsync(_options.ServerName, snapshot.Room, own, stop);
            if (decided is { IsOk: true, Value: not null }) return null;
            if (attempt == _options.InviteAttempts)
            {
                return decided.Failure ?? new RoomFailure(
                    RoomFailureKind.BadState, "The room changed too often during the invite.");
            }
        }
    }

    /// <summary>
    /// The content of the invite, if the identity server's signature is by a key of the third-party invite in the
    /// room's state, and the key is still valid.
    /// </summary>
    private async ValueTask<RoomResult<JsonObject>> ContentAsync(
        RoomSnapshot snapshot, JsonObject signed, CancellationToken stop)
    {
        var invitation = await _state.EventAsync(snapshot, EventTypes.ThirdPartyInvite, signed.Text("token")!, stop);
        if (invitation is null) return Refused("The room has no third-party invite with that token.");
        var keys = ThirdPartyKeys.Verified(
            (key, message, signature) => Ed25519.Verify(key, message, signature), invitation.Pdu, signed);
        if (keys.Length == 0) return Refused("The token is not signed by a key of the third-party invite.");
        foreach (var key in keys.Take(MaxKeys))
        {
            if (await IsValidAsync(invitation.Pdu.Content, key, stop))
            {
                return ContentOf(invitation.Pdu.Content.Text("display_name") ?? "", signed);
            }
        }

        return Refused("The identity server does not confirm that its key is valid.");
    }

    /// <summary>Whether a key of a third-party invite is valid. A key without an address for that always is.</summary>
    private async ValueTask<bool> IsValidAsync(JsonObject invitation, string key, CancellationToken stop)
    {
        var listed = JsonText.TryGet(invitation, "public_keys", out var keys) && keys is Json.Array { Item: var items }
            ? items.OfType<Json.Object>().Select(each => each.Item)
            : [];
        foreach (var named in listed.Prepend(invitation).Where(each => each.Text("public_key") == key).Take(MaxKeys))
        {
            if (named.Text("key_validity_url") is not { } url
                || await _keys.IsValidAsync(url, key, stop))
            {
                return true;
            }
        }

        return false;
    }

    private RoomFailure? FaultOf(string peer, string roomId, JsonObject invite) =>
        invite.Text("type") != EventTypes.Member
            || Child(invite, "content")?.Text("membership") != "invite"
            || SignedOf(invite) is not { } signed
            || signed.Text("token") is null
            ? Invalid("The event is no third-party invite.")
        : invite.Text("room_id") != roomId
            ? Invalid("The event is not of the room that the path names.")
        : invite.Text("state_key") is not { } userId
            || !UserId.IsValid(userId)
            || signed.Text("mxid") != userId
            ? Invalid("The identity server has not signed the invited user.")
        : RoomNames.ServerOf(userId) != peer
            ? Refused($"{userId} is not a user of {peer}.")
        : invite.Text("sender") is not { } sender
            || !UserId.IsValid(sender)
            || RoomNames.ServerOf(sender) != _options.ServerName
            ? Invalid("The inviter is not a user of this server.")
        : null;

    private static JsonObject? SignedOf(JsonObject invite) =>
        Child(invite, "content") is { } content && Child(content, "third_party_invite") is { } thirdParty
            ? Child(thirdParty, "signed")
            : null;

    private static JsonObject? Child(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Object { Item: var child } ? child : null;

    private static JsonObject ContentOf(string displayName, JsonObject signed) => JsonObject.OfSeq(
    [
        ("membership", Json.Of("invite")),
        ("third_party_invite", Json.Of(JsonObject.OfSeq(
        [
            ("display_name", Json.Of(displayName)),
            ("signed", Json.Of(signed)),
        ]))),
    ]);

    private static JsonObject Member(string roomId, string sender, string userId, JsonObject content) =>
        JsonObject.OfSeq(
        [
            ("content", Json.Of(content)),
            ("room_id", Json.Of(roomId)),
            ("sender", Json.Of(sender)),
            ("state_key", Json.Of(userId)),
            ("type", Json.Of(EventTypes.Member)),
        ]);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{UserId} is not invited to {RoomId} by a third-party invite: {Why}")]
    private partial void NotInvited(string userId, string roomId, string why);
}
