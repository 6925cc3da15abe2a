using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>
/// Signatures of this server's users on keys of devices and on cross-signing keys. Synapse keeps those on keys that are
/// gone; they are only counted.
/// </summary>
internal sealed class KeySignaturesPart() : TablePart(
    "key-signatures", "signatures on keys", "signatures on keys", "e2e_cross_signing_signatures")
{
    private const string OnGoneKeys = "signatures on keys that are gone";

    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private string? _owner;

    protected override IReadOnlyList<object> Begin { get; } = ["", "", "", ""];

    protected override string Sql(SynapseSource source) => """
        SELECT target_user_id, target_device_id, user_id, key_id, signature FROM e2e_cross_signing_signatures
        WHERE (target_user_id, target_device_id, user_id, key_id) > ($1, $2, $3, $4)
        ORDER BY target_user_id, target_device_id, user_id, key_id
        """;

    protected override ValueTask BeginAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        _owner = null;
        return ValueTask.CompletedTask;
    }

    protected override async ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (owner, key, signer, signerKey) = (row.Text(0), row.Text(1), row.Text(2), row.Text(3));
        var signature = row.Text(4);
        if (owner != _owner) await ReadKeysAsync(context.Source, owner, stop);
        if (!_keys.Contains(key))
        {
            progress.Read(OnGoneKeys);
            return;
        }

        if (signature.Length == 0)
        {
            progress.LeaveOut(Kind, $"{owner} {key} {signerKey}", "It is empty.");
            return;
        }

        progress.Add(new KeySignatureUploaded(owner, key, signer, signerKey, signature));
        progress.Written(Kind);
    }

    /// <summary>The names of the keys that a user has now: devices, and public keys for cross-signing.</summary>
    private async ValueTask ReadKeysAsync(SynapseSource source, string userId, CancellationToken stop)
    {
        _keys.Clear();
        _owner = userId;
        await foreach (var row in source.RowsAsync(
            "SELECT device_id FROM e2e_device_keys_json WHERE user_id = $1", stop, userId))
        {
            _keys.Add(row.Text(0));
        }

        await foreach (var row in source.RowsAsync(
            $"SELECT k.keytype, k.keydata FROM {CrossSigningKey.Latest} AND k.user_id = $1", stop, userId))
        {
            if (CrossSigningKey.Read(userId, row.Text(0), row.Bytes(1), out _) is { } key) _keys.Add(key.PublicKey);
        }
    }
}
