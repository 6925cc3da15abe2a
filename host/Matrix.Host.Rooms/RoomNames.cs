namespace Matrix.Host.Rooms;

/// <summary>Parts of identifiers that were found valid before.</summary>
internal static class RoomNames
{
    /// <summary>The server of a user id or alias: what follows the first colon.</summary>
    internal static string ServerOf(string id) => id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
