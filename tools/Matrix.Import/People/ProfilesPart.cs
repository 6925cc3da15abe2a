using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>Profiles: names, pictures and the fields that clients chose.</summary>
internal sealed class ProfilesPart : PeoplePart
{
    /// <inheritdoc/>
    public override string Name => "profiles";

    /// <inheritdoc/>
    public override string Title => "profiles";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["profiles", "profile_updates", "profile_updates_per_user"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // The key is the local part of the user id.
        var whole = context.Source.HasColumn("profiles", "full_user_id")
            ? "COALESCE(p.full_user_id, '@' || p.user_id || ':' || $2)"
            : "'@' || p.user_id || ':' || $2";
        var rows = context.Source.RowsAsync(
            $"""
            SELECT p.user_id, u.name, p.displayname, p.avatar_url,
                {context.Source.ColumnOr("profiles", "fields", "NULL")}
            FROM profiles p LEFT JOIN users u ON u.name = {whole} WHERE p.user_id > $1 ORDER BY p.user_id
            """,
            stop,
            progress.Reached ?? "",
            context.ServerName);
        await foreach (var row in rows)
        {
            var localpart = row.Text(0);
            progress.Read("profiles");
            if (row.TextOrNull(1) is { } userId) Carry(userId, row, progress);
            else progress.LeaveOut("profiles", $"@{localpart}:{context.ServerName}", NoAccount);
            await progress.SaveAsync(localpart, stop);
        }
    }

    private static void Carry(string userId, ISourceRow row, PartProgress progress)
    {
        Text("displayname", row.TextOrNull(2));
        Text("avatar_url", row.TextOrNull(3));
        if (row.TextOrNull(4) is { } fields)
        {
            if (JsonText.TryParseStored(Encoding.UTF8.GetBytes(fields), out var parsed))
            {
                foreach (var (name, value) in parsed.Members) Add(name, value);
            }
            else
            {
                progress.Read("fields of profiles");
                progress.LeaveOut("fields of profiles", userId, "They are no JSON object.");
            }
        }

        progress.Written("profiles");

        void Text(string name, string? value)
        {
            if (value is { Length: > 0 }) Add(name, Json.Of(value));
        }

        void Add(string name, Json value) =>
            progress.Add(new ProfileFieldChanged(userId, name, CanonicalJson.Bytes(value)), First);
    }
}
