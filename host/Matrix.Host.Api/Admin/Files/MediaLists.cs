using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Media.Operators;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.MediaLists;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Files;

/// <summary>What users uploaded, for administrators: lists, deletion, statistics.</summary>
internal sealed class MediaLists(MediaAdministration media, AuditLog audit, AdminOptions options) : IEndpoints
{
    private sealed record Asked(MediaOrder Order, bool IsReversed, AdminPage Page);

    private sealed record Counted(MediaStatistics Query, AdminPage Page);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("users/{userId}/media", Read, ListAsync);
        admin.Delete("users/{userId}/media", DeleteAsync);
        admin.Get("statistics/users/media", ReadStatistics, StatisticsAsync);
    }

    private Asked Read(QueryReader query)
    {
        var order = query.OneOf(
            "order_by", "media_id", "upload_name", "created_ts", "last_access_ts", "media_length", "media_type",
            "quarantined_by", "safe_from_quarantine");
        return new Asked(
            order switch
            {
                "media_id" => MediaOrder.MediaId,
                "upload_name" => MediaOrder.FileName,
                "last_access_ts" => MediaOrder.AccessedAt,
                "media_length" => MediaOrder.Size,
                "media_type" => MediaOrder.ContentType,
                _ => MediaOrder.CreatedAt,
            },
            // Without an order, the newest come first.
            AdminCalls.ReadDirection(query, usual: order is null ? "b" : "f"),
            AdminCalls.ReadPage(query, options));
    }

    private async ValueTask<Answer> ListAsync(Call call, Asked asked, CancellationToken stop)
    {
        var (order, isReversed, page) = asked;
        var (rows, total) = await media.OfUserAsync(call["userId"], order, isReversed, page.From, page.Limit, stop);
        return Answer.Json((rows, total, page), static (json, state) =>
        {
            json.WriteStartArray("media");
            foreach (var row in state.rows)
            {
                json.WriteStartObject();
                Write(json, row);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            state.page.WriteNextNumber(json, state.rows.Count, state.total);
            json.WriteNumber("total", state.total);
        });
    }

    private static void Write(Utf8JsonWriter json, MediaRow row)
    {
        json.WriteString("media_id", row.MediaId);
        json.WriteString("media_type", row.ContentType);
        json.WriteNumber("media_length", row.Size);
        json.WriteString("upload_name", row.FileName);
        json.WriteNumber("created_ts", row.CreatedAt);
        json.WriteNumber("last_access_ts", row.AccessedAt);
        // Who put it there is kept for the file, which several URIs may have: this only says that somebody did.
        json.WriteString("quarantined_by", row.IsQuarantined ? "admin" : null);
        json.WriteBoolean("safe_from_quarantine", row.IsProtected);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop)
    {
        var asked = Read(call.Query);
        if (call.Query.Problem is { } problem) return problem;
        var page = asked.Page with { Limit = Math.Min(asked.Page.Limit, MediaOperations.MostDeleted) };
        var deleted = await media.DeleteOfUserAsync(
            call["userId"], asked.Order, asked.IsReversed, page.From, page.Limit, stop);
        await audit.RecordAsync(call.Actor(), "media.delete_of_user", call["userId"]);
        return MediaActions.Deleted(deleted);
    }

    private Counted ReadStatistics(QueryReader query)
    {
        var order = query.OneOf("order_by", "user_id", "displayname", "media_count", "media_length");
        return new Counted(
            new MediaStatistics(
                query.Number("from_ts") ?? 0,
                query.Number("until_ts") ?? long.MaxValue,
                query.Text("search_term"),
                order switch
                {
                    "displayname" => StatisticsOrder.DisplayName,
                    "media_count" => StatisticsOrder.Count,
                    "media_length" => StatisticsOrder.Bytes,
                    _ => StatisticsOrder.UserId,
                },
                AdminCalls.ReadDirection(query)),
            AdminCalls.ReadPage(query, options));
    }

    private async ValueTask<Answer> StatisticsAsync(Call call, Counted asked, CancellationToken stop)
    {
        var page = asked.Page;
        var (users, total) = await media.StatisticsAsync(asked.Query, page.From, page.Limit, stop);
        return Answer.Json((users, total, page), static (json, state) =>
        {
            json.WriteStartArray("users");
            foreach (var row in state.users)
            {
                json.WriteStartObject();
                AdminCalls.WriteStored(json, "displayname", row.DisplayName);
                json.WriteNumber("media_count", row.Count);
                json.WriteNumber("media_length", row.Bytes);
                json.WriteString("user_id", row.UserId);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            state.page.WriteNextNumber(json, state.users.Count, state.total);
            json.WriteNumber("total", state.total);
        });
    }
}
