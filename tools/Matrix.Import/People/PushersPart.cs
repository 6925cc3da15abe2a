using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// Pushers. Synapse's id is the position at which a pusher was set. Synapse set a pusher of mail only for an address of
/// the account, so that none needs to be confirmed again.
/// </summary>
internal sealed class PushersPart : PeoplePart
{
    private const string Kind = "pushers";
    private const int SecretBytes = 24;

    /// <inheritdoc/>
    public override string Name => "pushers";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["pushers"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Pushers that were set by an old Synapse know their device by their token. One whose device is gone goes on.
        var device = context.Source.HasColumn("pushers", "device_id")
            ? "COALESCE(p.device_id, t.device_id)"
            : "t.device_id";
        var rows = context.Source.RowsAsync(
            $"""
            SELECT p.id, p.user_name, p.kind, p.app_id, p.pushkey, p.app_display_name, p.device_display_name, p.lang,
                p.profile_tag, p.data, p.ts, {context.Source.ColumnOr("pushers", "enabled", "NULL")}, d.device_id,
                u.name
            FROM pushers p LEFT JOIN users u ON u.name = p.user_name
                LEFT JOIN access_tokens t ON t.id = p.access_token
                LEFT JOIN devices d ON d.user_id = p.user_name AND d.device_id = {device}
            WHERE p.id > $1 ORDER BY p.id
            """,
            stop,
            long.TryParse(progress.Reached, out var after) ? after : long.MinValue);
        await foreach (var row in rows)
        {
            progress.Read(Kind);
            if (Mistake(row, context) is { } mistake)
            {
                progress.LeaveOut(Kind, $"{row.Text(1)} {row.Text(3)}", mistake);
            }
            else
            {
                progress.Add(new PusherSet(PusherOf(row), IsAppended: true), row.Int64(0), row.Int64(10));
                progress.Written(Kind);
            }

            await progress.SaveAsync(row.Int64(0).ToString(CultureInfo.InvariantCulture), stop);
        }
    }

    private static string? Mistake(ISourceRow row, ImportContext context) =>
        row.IsNull(13) ? NoAccount
        : row.Text(2) == "email" && !context.Settings.HasMailPushers ? "Synapse did not send mail."
        : row.Text(2) is not ("http" or "email") ? "This server does not know pushers of its kind."
        : row.Int64(0) < 1 ? "Its id is not a number of the stream."
        : row.TextOrNull(9) is not null && !JsonText.TryParseStored(row.Bytes(9), out _) ? "Its data is no JSON object."
        : row.Text(2) == "http" && !HasGateway(row) ? "The address of its push gateway is not https."
        : null;

    // Synapse takes http too, and this server refuses it.
    private static bool HasGateway(ISourceRow row) =>
        !row.IsNull(9)
        && JsonText.TryParseStored(row.Bytes(9), out var data)
        && data.Text("url") is { } url
        && Uri.TryCreate(url, UriKind.Absolute, out var parsed)
        && parsed.Scheme == Uri.UriSchemeHttps;

    private static PusherRow PusherOf(ISourceRow row)
    {
        var kind = row.Text(2) == "email" ? PusherKind.Email : PusherKind.Http;
        var data = row.IsNull(9) || !JsonText.TryParseStored(row.Bytes(9), out var stored) ? JsonObject.Empty : stored;
        return new PusherRow(
            row.Int64(0), kind, row.Text(1), row.Text(12), row.Text(3), row.Text(4), row.Text(5), row.Text(6),
            row.TextOrNull(7) ?? "en", row.TextOrNull(8),
            CanonicalJson.Bytes(Json.Of(data)), SetAt: 0)
        {
            IsConfirmed = true,
            Secret = kind == PusherKind.Email
                ? Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes))
                : "",
        };
    }
}
