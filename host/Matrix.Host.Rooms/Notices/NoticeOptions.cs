namespace Matrix.Host.Rooms.Notices;

/// <summary>Who sends the server's notices, and where. Configuration: `server_notices`.</summary>
public sealed record NoticeOptions
{
    /// <summary>The local part of the sender's user id. Nobody can register it. Empty for no notices.</summary>
    public string Localpart { get; init; } = "server-notices";

    /// <summary>The sender's display name.</summary>
    public string DisplayName { get; init; } = "Server notices";

    /// <summary>The name of the rooms.</summary>
    public string RoomName { get; init; } = "Server notices";
}
