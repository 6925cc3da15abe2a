namespace Matrix.Host.Storage.Tables.Profiles;

/// <summary>Profiles of local users. Client-Server API, "Profiles".</summary>
public interface IProfilesTable
{
    /// <summary>All fields of a user's profile, by name; `displayname` and `avatar_url` are two of them.</summary>
    ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> FindAsync(string userId, CancellationToken stop);

    /// <summary>One field as JSON; null if it is not set.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FieldAsync(string userId, string field, CancellationToken stop);
}
