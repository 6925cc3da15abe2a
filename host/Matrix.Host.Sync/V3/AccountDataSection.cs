using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Sync.Responses;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Writes `account_data`: what the user's devices keep for one another, and the push rules. That of rooms is written
/// with them. v1.19 client-server-api#client-config
/// </summary>
internal sealed class AccountDataSection(RoomEvents events)
{
    /// <summary>Writes the section, if anything is to be said.</summary>
    public async ValueTask WriteAsync(SyncPass pass, List<AccountDataRow> rows, CancellationToken stop)
    {
        if (rows.Count == 0 && !pass.IsInitial) return;
        var filter = pass.Filter.AccountData;
        var admitted = new List<AccountDataRow>(rows.Count);
        foreach (var row in rows)
        {
            if (filter.Admits(row.Type, null, false)) admitted.Add(row);
        }

        // Users who changed no push rules get the server's default rules.
        var withDefaultRules = pass.IsInitial
            && filter.Admits(UserPushRules.Type, null, false)
            && !rows.Exists(AccountDataFormat.IsPushRules);
        if (admitted.Count == 0 && !withDefaultRules) return;
        pass.HasNews = true;
        pass.Json.WriteStartEvents("account_data"u8);
        await events.AccountDataAsync(pass, admitted, stop);
        if (withDefaultRules) AccountDataFormat.WriteDefaultPushRules(pass.Json, pass.Reader.UserId);
        pass.Json.WriteEndEvents();
    }
}
