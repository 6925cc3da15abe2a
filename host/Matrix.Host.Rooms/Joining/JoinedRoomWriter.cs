using Matrix.Core.Facade;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Deciding;
using Matrix.Core.Room.Incoming.Facts;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.State;
using Matrix.Host.Crypto;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Rooms;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// Makes a room that a local user joined through another server known here. The room's machine decides the join as it
/// decides any event whose previous events no server has: its requests for the state before the join and for events are
/// answered from the response to `send_join`. One batch writes the room.
/// </summary>
internal sealed partial class JoinedRoomWriter(
    RoomLanes lanes,
    RoomSnapshots rooms,
    DecisionWriter decisions,
    AuthChainWriter authChains,
    Storage.Tables.Rooms.RoomNumbers numbers,
    RoomsOptions options,
    TimeProvider time,
    ILogger<JoinedRoomWriter> log)
{
    /// <summary>Far more than the machine needs if every request is answered.</summary>
    private const int MostRounds = 1000;

    /// <summary>Enters a room. When this returns, the room is durable.</summary>
    /// <param name="peer">The resident server.</param>
    /// <param name="rules">The rules of the room's version.</param>
    /// <param name="room">The room, as that server returned it.</param>
    /// <param name="stages">The stages of the join before this one.</param>
    /// <param name="stop">Cancels everything before the room is written.</param>
    internal async ValueTask<RoomFailure?> EnterAsync(
        string peer, RoomRules rules, CheckedRoom room, JoinTimings stages, CancellationToken stop)
    {
        var roomId = room.Join.Pdu.RoomId;
        var known = await rooms.FindAsync(roomId, stop);
        if (known is not null && known.Room.Rules.Id != rules.Id)
        {
            return RemoteFailures.Unusable(peer, $"the room's version is {known.Room.Rules.Id}, not {rules.Id}");
        }

        var identity = known?.Room ?? new RoomIdentity(await numbers.NextAsync(stop), roomId, rules);
        var limits = options.Receiving.ToLimits(options.MaxPrevEvents).ForJoin(options.JoinEvents);
        var events = 0;
        try
        {
            var failure = await lanes.JoinAsync(
                identity.Nid,
                known is null ? NewRoom(identity) : null,
                limits,
                async session =>
                {
                    if (known is null) session.WriteFirst(new RoomFederated(identity.Nid));
                    else await authChains.FederateAsync(session, stop);
                    if (await DecideAsync(session, peer, room, stop) is { } refused) return refused;
                    stages.Ended("decided");
                    events = session.Events.Count;
                    return null;
                },
                stop);
            if (failure is not null) return failure;
        }
        catch (StorageException refused) when (refused.Failure == StorageFailure.Rejected)
        {
            return RemoteFailures.Unusable(peer, "the room's events contradict events of other rooms");
        }

        stages.Ended("written");
        Entered(roomId, peer, events, stages);
        return null;
    }

    private static PendingRoom NewRoom(RoomIdentity identity) => new()
    {
        Room = identity,
        Exists = false,
        IsFederated = true,
        State = StateTree.Empty,
        Local = LocalMembers.None,
    };

    /// <summary>Has the machine decide the join, and adds every decision to the session.</summary>
    private async ValueTask<RoomFailure?> DecideAsync(
        LaneSession session, string peer, CheckedRoom room, CancellationToken stop)
    {
        var joinId = room.Join.Pdu.EventId;
        Input[] inputs =
            [Input.NewAt(time.GetUtcNow().ToUnixTimeMilliseconds()), Input.NewReceived(peer, room.Join)];
        for (var round = 0; round < MostRounds && inputs.Length > 0; round++)
        {
            var output = await ReceiveAsync(session, inputs, stop);
            await decisions.ReceiveAsync(session, output, forAnother: null, stop);
            if (Array.Find(output.Decided, decided => decided.Event.EventId == joinId) is { } join)
            {
                return join.Verdict.IsAccepted ? null : new RoomFailure(RoomFailureKind.Forbidden, join.Reason);
            }

            foreach (var (id, reason) in output.Dropped)
            {
                if (id == joinId) return RemoteFailures.Unusable(peer, $"the join cannot be decided: {reason}");
            }

            var responses = output.Requests.Select(
                request => Input.NewResponded(request.Number, ResponseTo(request, room)));
            inputs = [.. responses];
            if (output.Resolve is not { } needed) continue;
            var resolution = await ResolvedAsync(session, needed, stop);
            inputs = [.. inputs, Input.NewResolved(resolution)];
        }

        return RemoteFailures.Unusable(peer, "the join cannot be decided by the returned state");
    }

    private static Response ResponseTo(PeerRequest request, CheckedRoom room) => request.Request switch
    {
        Request.StateBefore state when state.eventId == room.Join.Pdu.EventId =>
            Response.NewState([.. room.StateIds], [.. room.ChainIds]),
        Request.Events events =>
            Response.NewEvents([.. events.eventIds.Where(room.Events.ContainsKey).Select(id => room.Events[id])]),
        _ => Response.Nothing,
    };

    /// <summary>Tells the machine inputs. Its requests are answered here, and not sent.</summary>
    private static async ValueTask<Output> ReceiveAsync(LaneSession session, Input[] inputs, CancellationToken stop)
    {
        while (true)
        {
            var output = session.Machine.Receive(inputs);
            if (output.LookUps.IsEmpty)
            {
                foreach (var decided in output.Decided) session.Adopted(decided);
                return output;
            }

            if (session.Start.Exists) await session.SupplyAsync(output.LookUps, stop);
            else session.Machine.Supply(Nothing(output.LookUps));
        }
    }

    private static async ValueTask<RoomResolution> ResolvedAsync(
        LaneSession session, RoomResolution resolution, CancellationToken stop)
    {
        for (var lookUps = resolution.Run(); !lookUps.IsEmpty; lookUps = resolution.Run())
        {
            resolution.Supply(
                session.Start.Exists
                    ? await session.ReadLookUpsAsync(lookUps, stop)
                    : Nothing(lookUps));
        }

        return resolution;
    }

    /// <summary>The facts of a room that is not stored: there is nothing to read.</summary>
    private static LookUpResults Nothing(LookUps lookUps)
    {
        var results = new LookUpResults(lookUps);
        foreach (var lookUp in lookUps.ThirdParty)
        {
            results.AddVerified(
                lookUp, lookUp.VerifiedBy((key, message, signature) => Ed25519.Verify(key, message, signature)));
        }

        return results;
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Joined {RoomId} through {Server}: {Events} events; milliseconds, and those of the processors: "
            + "{Stages}")]
    private partial void Entered(string roomId, string server, int events, JoinTimings stages);
}
