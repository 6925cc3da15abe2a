using System.Text.Json;
using Matrix.Core.Presence;

namespace Matrix.Host.Users.Presence;

/// <summary>A user's presence as others see it now. v1.19 client-server-api#presence</summary>
/// <param name="StatusMessage">The user's message; null for none.</param>
/// <param name="LastActiveAgo">Milliseconds since the last activity; null if none is known.</param>
public sealed record SeenPresence(
    string UserId, PresenceState State, bool IsCurrentlyActive, string? StatusMessage, long? LastActiveAgo)
{
    /// <summary>Whether the user is not offline.</summary>
    public bool IsPresent => State != PresenceState.Offline;

    /// <summary>Writes the members of a presence event's content.</summary>
    public void WriteContent(Utf8JsonWriter json)
    {
        json.WriteString("presence"u8, PresenceStates.Name(State));
        if (LastActiveAgo is { } ago) json.WriteNumber("last_active_ago"u8, ago);
        if (State == PresenceState.Online) json.WriteBoolean("currently_active"u8, IsCurrentlyActive);
        if (StatusMessage is { } message) json.WriteString("status_msg"u8, message);
    }
}

/// <summary>A user's presence changed.</summary>
/// <param name="IsLocal">Whether it is a user of this server.</param>
/// <param name="IsRepeated">Nothing changed, but other servers get it again, so that they do not take the user for
/// offline.</param>
/// <param name="ImportedAt">Where the imported server had this among its changes of presence: clients know it from
/// there if their tokens are not older. 0 for a change that happened here.</param>
public readonly record struct PresenceChange(string UserId, bool IsLocal, bool IsRepeated, long ImportedAt = 0);

/// <summary>Shows changes of presence to those who see them.</summary>
public interface IPresenceConsumer
{
    /// <summary>Shows changes, at most one of each user. Called with one batch at a time.</summary>
    ValueTask ShowAsync(IReadOnlyList<PresenceChange> changes, CancellationToken stop);
}
