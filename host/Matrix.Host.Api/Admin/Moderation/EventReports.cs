using System.Globalization;
using System.Text.Json;
using Matrix.Host.Api.Admin.ServerRooms;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Storage.Tables.Reports;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Moderation;

/// <summary>
/// `/_synapse/admin/v1/event_reports`: what users reported. `kind` and `before` are parameters of this server only:
/// without them, the list has reports of events, as tools expect.
/// </summary>
internal sealed class EventReports(ReportLists reports, AnyEvents events, AuditLog audit, AdminOptions options)
    : IEndpoints
{
    private static readonly Answer _unknown = Answer.NotFound("There is no such report of an event.");

    private sealed record Asked(ReportQuery Query, AdminPage Page);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("event_reports", Read, ListAsync);
        admin.Get("event_reports/{reportId}", GetAsync);
        admin.Delete("event_reports/{reportId}", DeleteAsync);
    }

    private Asked Read(QueryReader query) => new(
        new ReportQuery(
            query.Text("user_id"),
            query.Text("room_id"),
            query.Text("event_sender_user_id"),
            IsOldestFirst: !AdminCalls.ReadDirection(query, usual: "b"),
            query.OneOf("kind", "any", "event", "room", "user") switch
            {
                "any" => null,
                "room" => ReportKind.Room,
                "user" => ReportKind.User,
                _ => ReportKind.Event,
            },
            query.Number("before", least: 1) ?? long.MaxValue),
        AdminCalls.ReadPage(query, options));

    private async ValueTask<Answer> ListAsync(Call call, Asked asked, CancellationToken stop)
    {
        var page = asked.Page;
        var (listed, total) = await reports.ListAsync(asked.Query, page.From, page.Limit, stop);
        return Answer.Json((listed, total, page), static (json, state) =>
        {
            json.WriteStartArray("event_reports");
            foreach (var report in state.listed)
            {
                json.WriteStartObject();
                Write(json, report);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            state.page.WriteNextNumber(json, state.listed.Count, state.total);
            json.WriteNumber("total", state.total);
        });
    }

    // Reports have no score any more. v1.19 client-server-api#reporting-content
    private static void Write(Utf8JsonWriter json, ListedReport report)
    {
        var content = report.Row.Content;
        json.WriteNumber("id", report.Row.Id);
        json.WriteNumber("received_ts", report.Row.ReceivedAt);
        json.WriteString("room_id", content.RoomId);
        json.WriteString("event_id", content.EventId);
        json.WriteString("user_id", report.Row.Reporter);
        json.WriteString("reason", content.Reason);
        json.WriteNull("score");
        json.WriteString("sender", content.UserId);
        json.WriteString("canonical_alias", report.CanonicalAlias);
        json.WriteString("name", report.RoomName);
        json.WriteString("kind", content.Kind switch
        {
            ReportKind.Event => "event",
            ReportKind.Room => "room",
            _ => "user",
        });
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (IdOf(call) is not { } id) return InvalidId;
        if (await reports.FindAsync(id, stop)
            is not { Row.Content.Kind: ReportKind.Event } report)
        {
            return _unknown;
        }

        var content = report.Row.Content;
        var stored = await events.FindAsync(call.Caller.UserId, content.RoomId!, content.EventId!, stop);
        return Answer.Json((report, stored), static (json, state) =>
        {
            Write(json, state.report);
            AdminCalls.WriteStored(json, "event_json", state.stored?.Row.Json);
        });
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop)
    {
        if (IdOf(call) is not { } id) return InvalidId;
        var record = audit.Of(call.Actor(), "report.delete", call["reportId"]);
        return await reports.DeleteAsync(id, record, stop) ? Answer.Empty : _unknown;
    }

    private static Answer InvalidId { get; } = Answer.InvalidParam("The id of a report is a positive number.");

    private static long? IdOf(Call call) =>
        long.TryParse(call["reportId"], NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
}
