using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Profiles;

/// <summary>Profiles of local users. v1.19 client-server-api#profiles</summary>
public interface IProfilesTable
{
    /// <summary>All fields of a user's profile by name, `displayname` and `avatar_url` among them.</summary>
    ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> FindAsync(string userId, CancellationToken stop);

    /// <summary>One field as JSON; null if it is not set.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FieldAsync(string userId, string field, CancellationToken stop);
}

/// <summary>Sets a profile field.</summary>
/// <param name="Value">Its value as JSON.</param>
/// <remarks>Other nodes do not get the value.</remarks>
public sealed record ProfileFieldChanged(string UserId, string Field, ReadOnlyMemory<byte> Value) : Change
{
    internal override int Weight => 200 + Value.Length;
}

/// <summary>Deletes a profile field; one that is not set is no failure.</summary>
public sealed record ProfileFieldDeleted(string UserId, string Field) : Change;

/// <summary>Deletes the profile of a user whose account is erased.</summary>
public sealed record ProfileDeleted(string UserId) : Change;
