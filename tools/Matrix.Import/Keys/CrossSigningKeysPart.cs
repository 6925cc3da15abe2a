using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>The cross-signing keys of this server's users. Those of others come with their device lists.</summary>
internal sealed class CrossSigningKeysPart() : TablePart(
    "cross-signing-keys", "cross-signing keys", "cross-signing keys", "e2e_cross_signing_keys")
{
    protected override IReadOnlyList<object> Begin { get; } = ["", ""];

    protected override string Sql(SynapseSource source) => $"""
        SELECT k.user_id, k.keytype, k.keydata FROM {CrossSigningKey.Latest}
            AND (k.user_id, k.keytype) > ($1, $2)
        ORDER BY k.user_id, k.keytype
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        if (!context.IsLocal(row.Text(0))) return ValueTask.CompletedTask;
        if (CrossSigningKey.Read(row.Text(0), row.Text(1), row.Bytes(2), out var fault) is { } key)
        {
            progress.Add(new CrossSigningKeyUploaded(key.UserId, key.Usage, key.PublicKey, key.Json));
            progress.Written(Kind);
        }
        else
        {
            progress.LeaveOut(Kind, ResumeKey.Text(row, Begin), fault);
        }

        return ValueTask.CompletedTask;
    }
}
