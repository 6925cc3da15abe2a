using Matrix.Core.Room.Incoming;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Carries out what room machines wait for, outside the lanes: requests to other servers (missing events, auth chains,
/// states), and resolutions of large states. A result re-enters its room's lane.
/// </summary>
internal sealed partial class MissingEventsFetcher(
    FederationApi api,
    SignatureChecker signatures,
    FactsReader facts,
    RoomsOptions options,
    ILogger<MissingEventsFetcher> log) : IDisposable
{
    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _slots = new(options.Receiving.FetchesAtOnce, options.Receiving.FetchesAtOnce);

    /// <summary>Gives a room's machine what it waited for. Set once, by the receiver of events.</summary>
    internal Func<RoomIdentity, RoomMachine, Input, CancellationToken, ValueTask>? Ended { get; set; }

    /// <summary>Starts what a room's machine asks for, and returns at once.</summary>
    internal void Start(RoomIdentity room, RoomMachine machine, Output output)
    {
        foreach (var request in output.Requests)
        {
            Start(room, async stop => await Ended!(
                room,
                machine,
                Input.NewResponded(request.Number, await AskAsync(room, request, stop).ConfigureAwait(false)),
                stop).ConfigureAwait(false));
        }

        if (output.Resolve is not { } resolution) return;
        Start(room, async stop =>
        {
            for (var lookUps = resolution.Run(); !lookUps.IsEmpty; lookUps = resolution.Run())
            {
                resolution.Learn(await facts.ReadAsync(room, lookUps, stop).ConfigureAwait(false));
            }

            await Ended!(room, machine, Input.NewResolved(resolution), stop).ConfigureAwait(false);
        });
    }

    /// <summary>Starts a task of a room, and returns at once.</summary>
    internal void Start(RoomIdentity room, Func<CancellationToken, ValueTask> act) =>
        _ = Task.Run(() => GuardedAsync(room, act));

    /// <inheritdoc/>
    public void Dispose() => _closing.Cancel();

    private async Task GuardedAsync(RoomIdentity room, Func<CancellationToken, ValueTask> act)
    {
        try
        {
            await act(_closing.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // What a room waits for has no caller that could take the exception.
        catch (Exception) when (_closing.IsCancellationRequested)
        {
            // The server stops: the next start gives the staged events to the machine again.
        }
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Failed(fault, room.RoomId);
        }
    }

    /// <summary>
    /// The response to a request. A request that fails here gets nothing, so that no event waits for it.
    /// </summary>
    private async ValueTask<Response> AskAsync(RoomIdentity room, PeerRequest request, CancellationToken stop)
    {
        await _slots.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            return await ResponseAsync(room, request, stop).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever the reason is, the room must not wait for the response.
        catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            Failed(fault, room.RoomId);
            return Response.Nothing;
        }
        finally
        {
            _slots.Release();
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Room {RoomId} did not get what it waited for")]
    private partial void Failed(Exception fault, string roomId);

    private async ValueTask<Response> ResponseAsync(RoomIdentity room, PeerRequest request, CancellationToken closing)
    {
        var peer = request.Peer;
        switch (request.Request)
        {
            case Request.Events events:
                var found = new List<ReceivedEvent>();
                foreach (var id in events.eventIds)
                {
                    var one = await api.GetEventAsync(peer, id, closing).ConfigureAwait(false);
                    if (one.IsOk) found.AddRange(await ReadAsync(room, [one.Value], closing).ConfigureAwait(false));
                }

                return Response.NewEvents([.. found]);
            case Request.AuthChain chain:
                return await EventsAsync(
                    room,
                    await api.GetEventAuthAsync(peer, room.RoomId, chain.eventId, closing).ConfigureAwait(false),
                    closing).ConfigureAwait(false);
            case Request.Missing missing:
                var gap = new HistoryGap(missing.earliest, [missing.latest], missing.limit, 0);
                return await EventsAsync(
                    room,
                    await api.GetMissingEventsAsync(peer, room.RoomId, gap, closing).ConfigureAwait(false),
                    closing).ConfigureAwait(false);
            case Request.StateBefore state:
                var ids = await api.GetStateIdsAsync(peer, room.RoomId, state.eventId, closing).ConfigureAwait(false);
                return ids.IsOk
                    ? Response.NewState([.. ids.Value.State], [.. ids.Value.AuthChain])
                    : Response.Nothing;
            default:
                // Keys: they were fetched before the event came to the machine, so they cannot be had now.
                return Response.Nothing;
        }
    }

    private async ValueTask<Response> EventsAsync(
        RoomIdentity room, FederationResult<IReadOnlyList<ReadOnlyMemory<byte>>> sent, CancellationToken closing) =>
        sent.IsOk
            ? Response.NewEvents(await ReadAsync(room, sent.Value, closing).ConfigureAwait(false))
            : Response.Nothing;

    /// <summary>The well-formed events of a response, with their signatures checked.</summary>
    private async ValueTask<ReceivedEvent[]> ReadAsync(
        RoomIdentity room, IReadOnlyList<ReadOnlyMemory<byte>> events, CancellationToken closing)
    {
        var checks = new List<Task<ReceivedEvent>>(events.Count);
        foreach (var json in events)
        {
            var read = room.Rules.ReadReceived(json);
            if (read.IsOk) checks.Add(signatures.CheckAsync(room.Rules, read.Value, closing).AsTask());
        }

        return await Task.WhenAll(checks).ConfigureAwait(false);
    }
}
