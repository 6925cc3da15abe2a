using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Server;

/// <summary>
/// `GET /_synapse/admin/v1/audit_log`: what administrators did, the newest first. It is an endpoint of this server; a
/// page continues at `from`, which is the id of the last entry of the page before.
/// </summary>
internal sealed class AuditEntries(AuditLog audit, AdminOptions options) : IEndpoints
{
    private sealed record Asked(AuditQuery Query, long Before, int Limit);

    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Admin(1).Get("audit_log", Read, ListAsync);

    private Asked Read(QueryReader query) => new(
        new AuditQuery(query.Text("who"), query.Text("action"), query.Text("target")),
        query.Number("from", least: 1) ?? long.MaxValue,
        AdminCalls.ReadPage(query, options).Limit);

    private async ValueTask<Answer> ListAsync(Call call, Asked asked, CancellationToken stop)
    {
        var rows = await audit.NewestAsync(asked.Query, asked.Before, asked.Limit, stop);
        var total = await audit.CountAsync(asked.Query, stop);
        return Answer.Json((rows, total, asked.Limit), static (json, state) =>
        {
            json.WriteStartArray("entries");
            foreach (var row in state.rows)
            {
                json.WriteStartObject();
                json.WriteNumber("id", row.Id);
                json.WriteNumber("ts", row.DoneAt);
                json.WriteString("who", row.Who);
                json.WriteString("address", row.Address);
                json.WriteString("action", row.Action);
                json.WriteString("target", row.Target);
                json.WriteString("result", row.Result);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("total", state.total);
            if (state.rows.Count > 0 && state.rows.Count == state.Limit)
            {
                json.WriteNumber("next_token", state.rows[^1].Id);
            }
        });
    }
}
