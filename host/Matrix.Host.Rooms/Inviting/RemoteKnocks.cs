using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>Knocks on rooms through servers in them. v1.19 server-server-api#knocking-rooms</summary>
internal sealed class RemoteKnocks(
    FederationOperations api,
    UserRequests requests,
    TemplateSigner signer,
    MemberContents contents,
    ReceivedStrippedState stripped,
    IStorageWriter writer,
    RoomsOptions options,
    TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource _closing = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
    }

    /// <summary>Knocks through the first server that takes it.</summary>
    internal async ValueTask<RoomFailure?> KnockAsync(
        string who,
        string userId,
        string roomId,
        IReadOnlyList<string> servers,
        string? reason,
        CancellationToken stop)
    {
        using var clock = new CancellationTokenSource(options.HandshakeTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        RoomFailure? failure = null;
        try
        {
            var content = await contents.OfAsync(userId, "knock", reason, stop);
            foreach (var server in HandshakeServers.Of(servers, options))
            {
                var (refused, isOpen) = await KnockThroughAsync(who, server, userId, roomId, content, both.Token);
                if (refused is null) return null;
                failure = RemoteFailures.MoreTelling(failure, refused);

                // A knock that a server may have taken is not made again through another.
                if (isOpen || RemoteFailures.IsFinal(refused)) break;
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            failure = RemoteFailures.MoreTelling(
                failure, new RoomFailure(RoomFailureKind.Unreachable, "The knock took too long."));
        }

        return failure ?? new RoomFailure(RoomFailureKind.NotFound, "No server is known that is in the room.");
    }

    /// <summary>
    /// Knocks through one server. The knock is stored before it is sent, so that neither a late response nor a restart
    /// loses it.
    /// </summary>
    /// <returns>The failure, and whether the server may have taken the knock nevertheless.</returns>
    private async ValueTask<(RoomFailure? Failure, bool IsOpen)> KnockThroughAsync(
        string who, string server, string userId, string roomId, JsonObject content, CancellationToken stop)
    {
        string[] versions = [.. RoomRules.Known, .. options.UnstableRoomVersions];
        var made = await requests.SendAsync(
            who, server, within => api.MakeKnockAsync(server, roomId, userId, versions, within), stop);
        if (!made.IsOk) return (RemoteFailures.PassedOn(server, made.Failure!), false);

        // The version is one of those that were offered.
        var rules = RoomRules.FindUnstable(made.Value.RoomVersion)!;
        var signed = signer.Sign(rules, roomId, userId, content, made.Value.Event);
        if (!signed.IsOk) return (RemoteFailures.InvalidTemplate(server, signed.Failure), false);
        var knock = signed.Value;
        var row = new StrippedRoomRow(
            roomId,
            rules.Id,
            server,
            Membership.Knock,
            userId,
            knock.EventId,
            knock.Canonical,
            await stripped.OfKnockAsync(rules, [], knock, stop),
            Position: 0);
        var entered = new StrippedRoomEntered(userId, row, options.MaxOpenInvites);
        var receipt = await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Require(entered), stop);
        if (receipt.Refused)
        {
            return (
                new RoomFailure(RoomFailureKind.Forbidden, "You have too many open invites and knocks."), false);
        }

        // Goes on if the client has gone, or its time is over.
        return await Task.Run(() => SendKnockAsync(who, server, rules, knock), CancellationToken.None)
            .WaitAsync(stop);
    }

    private async Task<(RoomFailure? Failure, bool IsOpen)> SendKnockAsync(
        string who, string server, RoomRules rules, Pdu knock)
    {
        var closing = _closing.Token;
        var sent = await requests.SendAsync(
            who,
            server,
            within => api.SendKnockAsync(server, knock.RoomId, knock.EventId, EventJson.Of(knock), within),
            closing);
        if (sent.Failure is { } failure)
        {
            var isOpen = MayHaveBeenTaken(failure);
            if (!isOpen) await EndAsync(knock);
            return (RemoteFailures.PassedOn(server, failure), isOpen);
        }

        var state = await stripped.OfKnockAsync(rules, sent.Value, knock, closing);
        var described = new StrippedRoomDescribed(knock.Sender, knock.RoomId, knock.EventId, state);
        _ = await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(described), closing);
        return default;
    }

    /// <summary>Whether a server may have done what a request asked for, although there is no response.</summary>
    private static bool MayHaveBeenTaken(FederationFailure failure) => failure.Kind switch
    {
        FederationFailureKind.Refused => failure.Status >= 500,
        FederationFailureKind.ServerDenied
            or FederationFailureKind.NotFound
            or FederationFailureKind.AddressRefused
            or FederationFailureKind.Tls => false,
        _ => true,
    };

    /// <summary>Ends a knock that the server refused.</summary>
    private async ValueTask EndAsync(Pdu knock)
    {
        var ended = new StrippedRoomLeft(
            knock.Sender,
            knock.RoomId,
            knock.EventId,
            knock.Sender,
            knock.EventId,
            ReadOnlyMemory<byte>.Empty,
            options.MaxEndedInvites)
        {
            EndedAt = time.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        _ = await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(ended), CancellationToken.None);
    }
}
