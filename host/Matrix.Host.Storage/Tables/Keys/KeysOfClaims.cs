using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>Gives claims the keys that a database returns for them.</summary>
internal sealed class KeysOfClaims
{
    private readonly Dictionary<(string, string, string), ClaimOfKey> _claims;

    public KeysOfClaims(KeysClaimed op)
    {
        _claims = new(op.Claims.Count);
        foreach (var claim in op.Claims)
        {
            // An earlier attempt at the transaction may have found a key.
            (claim.KeyId, claim.Json, claim.IsFallback) = (null, default, false);
            _claims.Add((claim.UserId, claim.DeviceId, claim.Algorithm), claim);
        }
    }

    /// <summary>Whether the row `c` of a device and algorithm is that of a claim `w`.</summary>
    public const string IsClaimed =
        "c.user_id = w.of_user AND c.device_id = w.of_device AND c.algorithm = w.of_algorithm";

    /// <summary>Binds the claims' users, devices and algorithms.</summary>
    public static void Bind(IArguments arguments, KeysClaimed op) => arguments.Rows(op.Claims, _columns);

    /// <summary>Reads a key: its user, device and algorithm, its id and JSON.</summary>
    public bool Read(IRow row, bool isFallback)
    {
        var claim = _claims[(row.Text(0), row.Text(1), row.Text(2))];
        (claim.KeyId, claim.Json, claim.IsFallback) = (row.Text(3), row.Blob(4), isFallback);
        return true;
    }

    private static readonly Func<ClaimOfKey, string>[] _columns =
        [static claim => claim.UserId, static claim => claim.DeviceId, static claim => claim.Algorithm];
}
