using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Federating;

/// <summary>
/// Other servers, for administrators: those that are owed events or do not answer, and those that were sent to lately.
/// </summary>
internal sealed class DestinationAdministration(
    FederationOutbound outbound, DestinationRetries retries, RoomLists rooms, AdminOptions options) : IEndpoints
{
    private static readonly Answer _unknown = Answer.NotFound(
        "Nothing is waiting for that server, and nothing was sent to it lately.");

    private sealed record RoomsAsked(bool IsReversed, AdminPage Page);

    private sealed record Asked(string? Search, bool IsByFailure, bool IsReversed, AdminPage Page);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        admin.Of(RouteOwner.Nobody).Get("federation/destinations", Read, List);
        admin.Of(RouteOwner.Server).Get("federation/destinations/{serverName}", Get);
        admin.Of(RouteOwner.Server).Get(
            "federation/destinations/{serverName}/rooms",
            query => new RoomsAsked(AdminCalls.ReadDirection(query), AdminCalls.ReadPage(query, options)),
            RoomsAsync);
        admin.Of(RouteOwner.Server).Post("federation/destinations/{serverName}/reset_connection", ResetAsync);
    }

    private Asked Read(QueryReader query) => new(
        query.Text("destination"),
        query.OneOf(
            "order_by", "destination", "retry_last_ts", "retry_interval", "failure_ts",
            "last_successful_stream_ordering") is not (null or "destination"),
        AdminCalls.ReadDirection(query),
        AdminCalls.ReadPage(query, options));

    private ValueTask<Answer> List(Call call, Asked asked, CancellationToken stop)
    {
        var known = outbound.Known
            .Where(row => asked.Search is null
                || row.ServerName.Contains(asked.Search, StringComparison.OrdinalIgnoreCase));
        KnownServer[] sorted = asked.IsByFailure ? [.. known.OrderBy(row => row.RetryAt)] : [.. known];
        if (asked.IsReversed) Array.Reverse(sorted);
        KnownServer[] page =
            [.. sorted.Skip((int)Math.Min(asked.Page.From, sorted.Length)).Take(asked.Page.Limit)];
        return ValueTask.FromResult(Answer.Json((page, sorted.Length, asked.Page), static (json, state) =>
        {
            json.WriteStartArray("destinations");
            foreach (var row in state.page)
            {
                json.WriteStartObject();
                Write(json, row);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            state.Page.WriteNextText(json, state.page.Length, state.Length);
            json.WriteNumber("total", state.Length);
        }));
    }

    /// <summary>The members that tools know, and more of this server's own: why a server was not reached.</summary>
    private static void Write(Utf8JsonWriter json, KnownServer row)
    {
        json.WriteString("destination", row.ServerName);
        json.WriteNumber("retry_last_ts", row.LastFailure ?? 0);
        json.WriteNumber("retry_interval", row.LastFailure is { } last ? Math.Max(0, row.RetryAt - last) : 0);
        AdminCalls.WriteNumberOrNull(json, "failure_ts", row.FailingSince);
        json.WriteNull("last_successful_stream_ordering");
        json.WriteNumber("failures", row.Failures);
        json.WriteNumber("retry_at", row.RetryAt);
        json.WriteNumber("last_success", row.LastSuccess);
        json.WriteString("last_failure", row.Failure);
    }

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(
        outbound.Known.FirstOrDefault(row => row.ServerName == call["serverName"]) is { } row
            ? Answer.Json(row, Write)
            : _unknown);

    private async ValueTask<Answer> RoomsAsync(Call call, RoomsAsked asked, CancellationToken stop)
    {
        var found = await rooms.OfServerAsync(call["serverName"], stop);
        if (found.Count == 0 && outbound.Known.All(row => row.ServerName != call["serverName"])) return _unknown;
        var page = (asked.IsReversed ? found.Reverse() : found)
            .Skip((int)Math.Min(asked.Page.From, found.Count)).Take(asked.Page.Limit).ToArray();
        return Answer.Json((page, found.Count, asked.Page), static (json, state) =>
        {
            json.WriteStartArray("rooms");
            foreach (var room in state.page)
            {
                json.WriteStartObject();
                json.WriteString("room_id", room.RoomId);
                json.WriteNumber("stream_ordering", room.LastPosition);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            state.Page.WriteNextText(json, state.page.Length, state.Count);
            json.WriteNumber("total", state.Count);
        });
    }

    // Tools read no member of the response. `mx` says what came of the attempt.
    private async ValueTask<Answer> ResetAsync(Call call, CancellationToken stop) =>
        await retries.RetryAsync(call.Actor(), call["serverName"], stop) is { } failure
            ? Answer.Json(failure, static (json, failure) =>
            {
                json.WriteBoolean("reached", failure.Length == 0);
                if (failure.Length > 0) json.WriteString("failure", failure);
            })
            : Answer.InvalidParam("The server is not waiting for a new attempt.");
}
