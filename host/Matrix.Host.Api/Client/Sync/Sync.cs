using Matrix.Core.Presence;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Sync.V3;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Api.Client.Sync;

/// <summary>`GET /sync`. v1.19 client-server-api#syncing</summary>
internal sealed class Sync(ISync sync, SyncTokens tokens, SyncFilters filters, PresenceBoard presence) : IEndpoints
{
    private static readonly Answer _notOurs = Answer.InvalidParam("`since` is not a sync token of this server.");

    private sealed record Asked(
        string? Filter, SyncToken? Since, bool FullState, StateForm State, long Timeout, PresenceState Presence);

    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#get_matrixclientv3sync
        routes.Of(RouteOwner.Nobody).Get("sync", Read, Get, new RouteOptions
        {
            Access = Access.UsersAndGuests,
            Rate = RateClass.None,
        });

    private async ValueTask<Answer> Get(Call call, Asked asked, CancellationToken stop)
    {
        var (filter, problem) = await filters.FindAsync(call.Caller.UserId, asked.Filter, stop);
        if (problem is not null) return problem;

        var request = new SyncRequest
        {
            Reader = call.Caller.Device,
            Since = asked.Since,
            Filter = filter,
            FullState = asked.FullState,
            State = asked.State,
            Timeout = TimeSpan.FromMilliseconds(Math.Min(asked.Timeout, int.MaxValue)),
        };
        return Answer.InSteps(call, async (response, stop) =>
        {
            using var present = presence.Sync(call.Caller.Device, asked.Presence);
            return await sync.SyncAsync(request, response, stop) switch
            {
                SyncOutcome.Written => null,
                SyncOutcome.Busy => Answer.Busy,
                _ => _notOurs,
            };
        }, waits: asked.Timeout > 0);
    }

    private Asked Read(QueryReader query)
    {
        SyncToken? since = null;
        if (query.Token("since") is { } text)
        {
            if (tokens.TryParse(text, out var token)) since = token;
            else query.Refuse(MatrixError.InvalidParam, "`since` is not a sync token of this server.");
        }

        // A client that does not say is online.
        var asked = query.OneOf("set_presence", "offline", "online", "unavailable") ?? "online";
        _ = PresenceStates.TryParse(asked, out var presence);
        return new Asked(
            query.Text("filter"),
            since,
            query.Flag("full_state"),
            StateOf(query.Flag("use_state_after"), query.Flag("org.matrix.msc4222.use_state_after")),
            query.Number("timeout") ?? 0,
            presence);
    }

    private static StateForm StateOf(bool isAfter, bool isUnstableAfter) =>
        isAfter ? StateForm.After : isUnstableAfter ? StateForm.UnstableAfter : StateForm.Before;
}
