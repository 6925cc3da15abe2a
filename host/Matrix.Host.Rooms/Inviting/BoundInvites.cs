using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Snapshots;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>A third-party invite whose identifier is now bound to a local user.</summary>
/// <param name="Sender">The sender of the `m.room.third_party_invite` event.</param>
/// <param name="Proof">The user and the token, signed by the identity server.</param>
public sealed record BoundInvite(string RoomId, string Sender, JsonObject Proof);

/// <summary>
/// Makes invites of a local user from third-party invites, when an identity server reports that it bound their
/// identifier. v1.19 server-server-api#third-party-invites
/// </summary>
public sealed partial class BoundInvites : IDisposable
{
    private readonly FederationOperations _api;
    private readonly RoomSnapshots _rooms;
    private readonly ProvenInvites _proven;
    private readonly ILocalUsers _users;
    private readonly PolicyLists _policies;
    private readonly StateReader _state;
    private readonly RoomCommands _commands;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<BoundInvites> _log;
    private readonly SemaphoreSlim _bindings;

    internal BoundInvites(
        FederationOperations api,
        RoomSnapshots rooms,
        ProvenInvites proven,
        ILocalUsers users,
        PolicyLists policies,
        StateReader state,
        RoomCommands commands,
        RoomsOptions options,
        TimeProvider time,
        ILogger<BoundInvites> log)
    {
        _api = api;
        _rooms = rooms;
        _proven = proven;
        _users = users;
        _policies = policies;
        _state = state;
        _commands = commands;
        _options = options;
        _time = time;
        _log = log;
        _bindings = new SemaphoreSlim(options.BindingsAtOnce, options.BindingsAtOnce);
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
        if (_options.MaxBoundInvites == 0)
        {
            return InviteFailures.Refused("This server takes no reports of identity servers.");
        }

        if (RoomNames.ServerOf(userId) != _options.ServerName)
        {
            return InviteFailures.Invalid($"{userId} is not a user of this server.");
        }

        if (invites.Count > _options.MaxBoundInvites)
        {
            return InviteFailures.Invalid($"At most {_options.MaxBoundInvites} invites are taken at once.");
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
            return InviteFailures.Invalid("What the identity server signed is no token of the user.");
        }

        if (!UserId.IsValid(invite.Sender)) return InviteFailures.Invalid("The sender is no user id.");
        if (await _policies.RefusedInviteAsync(
            invite.Sender, userId, invite.RoomId, stop) is { } refused)
        {
            return refused;
        }

        if (await _rooms.FindAsync(invite.RoomId, stop)
                is { IsResident: true } snapshot
            && snapshot.State.Find(EventTypes.ThirdPartyInvite, token) is not null)
        {
            return await _commands.RunAsync(
                invite.RoomId,
                () => InviteHereAsync(userId, invite, stop),
                () => new InviteBound(invite.RoomId, userId, invite.Sender, invite.Proof),
                stop);
        }

        var server = RoomNames.ServerOf(invite.Sender);
        if (server == _options.ServerName) return InviteFailures.NotHere;

        // The inviter's server knows the name that is shown, and does not take it from here.
        var content = ThirdPartyProofs.ContentOf(userId, invite.Proof);
        var member = Member(invite.RoomId, invite.Sender, userId, content);
        var exchanged = await _api.ExchangeThirdPartyInviteAsync(server, invite.RoomId, member, stop);
        return exchanged.IsOk ? null : RemoteFailures.Of(server, exchanged.Failure!);
    }

    /// <summary>Makes the invite in a room that is here. A user who was invited by the same token stays so.</summary>
    internal async ValueTask<RoomFailure?> InviteHereAsync(string userId, BoundInvite invite, CancellationToken stop)
    {
        if (await _rooms.FindAsync(invite.RoomId, stop) is not { IsResident: true } snapshot)
        {
            return InviteFailures.NotHere;
        }

        var member = await _state.ContentAsync(snapshot, EventTypes.Member, userId, stop);
        return member?.Text("membership") == "invite"
            && member.Child("third_party_invite")?.Child("signed")?.Text("token") == invite.Proof.Text("token")
                ? null
                : await _proven.MakeAsync(snapshot, userId, invite, stop);
    }

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
