using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.Notices;

/// <summary>Who sends the server's notices, and where. Configuration: `server_notices`.</summary>
public sealed record NoticeOptions
{
    [Setting(
        "server_notices.localpart",
        "The sender is @LOCALPART:server_name. Nobody can register this name. \"\" for no notices.",
        Form = SettingForm.LocalpartOrNone)]
    public string Localpart { get; init; } = "server-notices";

    [Setting("server_notices.display_name", "The sender's display name.")]
    public string DisplayName { get; init; } = "Server notices";

    [Setting("server_notices.room_name", "The name of the rooms, when they are created.")]
    public string RoomName { get; init; } = "Server notices";
}
